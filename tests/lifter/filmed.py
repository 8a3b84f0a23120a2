"""What a camera films that turns, zooms or travels, with exact truth: a photographed surrounding and boxes as people."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from .clips import WALK

SIZE = 384, 216
FOCAL = 370.0  # pixels: 55 degrees across
INTRINSICS = np.array([[FOCAL, 0, SIZE[0] / 2], [0, FOCAL, SIZE[1] / 2], [0, 0, 1]])
FPS = 30


def turns(degrees: np.ndarray) -> np.ndarray:
    """(F, 3, 3) first_from_cam of (F, 3) pan to the right, tilt up and roll clockwise, in degrees."""
    out = []
    for pan, tilt, roll in np.radians(degrees):
        parts = [cv2.Rodrigues(np.array(v))[0] for v in ([0, pan, 0], [tilt, 0, 0], [0, 0, roll])]
        out.append(parts[0] @ parts[1] @ parts[2])
    return np.array(out)


def degrees_off(found: np.ndarray, true: np.ndarray) -> np.ndarray:
    """(F,) angles between rotations (F, 3, 3)."""
    cosine = (np.einsum("fij,fij->f", found, true) - 1) / 2
    return np.degrees(np.arccos(cosine.clip(-1, 1)))


def shake(frames: int, rms_degrees: float, seed: int = 0) -> np.ndarray:
    """(F, 3) pan, tilt, roll of a hand: 2 to 8 Hz, each of this size."""
    rng = np.random.default_rng(seed)
    t = np.arange(frames)[:, None, None] / FPS
    waves = np.sin(2 * np.pi * (rng.uniform(2, 8, (1, 6, 3)) * t + rng.random((1, 6, 3)))).sum(1)
    return waves * rms_degrees / np.sqrt(3)


def surroundings() -> np.ndarray:
    """A sphere's picture, longitude across and latitude down, 11 pixels a degree: a wall and a park, once mirrored."""
    ok, photo = cv2.VideoCapture(str(WALK)).read()
    assert ok
    place = photo[:, :1150]  # without the woman
    around = np.hstack([place, place[:, ::-1]])
    return cv2.resize(np.vstack([around[::-1], around, around[::-1]])[205:-205], (3960, 1980))


def view(
    sphere: np.ndarray, first_from_cam: np.ndarray, focal: float = FOCAL, size: tuple[int, int] = SIZE
) -> np.ndarray:
    """(H, W, 3) what a pinhole camera sees of it."""
    x, y = np.meshgrid(
        (np.arange(size[0]) + 0.5 - size[0] / 2) / focal, (np.arange(size[1]) + 0.5 - size[1] / 2) / focal
    )
    rays = np.stack([x, y, np.ones_like(x)], -1).astype(np.float32) @ first_from_cam.T.astype(np.float32)
    longitude = np.arctan2(rays[..., 0], rays[..., 2])
    latitude = np.arctan2(rays[..., 1], np.hypot(rays[..., 0], rays[..., 2]))
    height, width = sphere.shape[:2]
    at = (longitude / (2 * np.pi) + 0.5) * width, (latitude / np.pi + 0.5) * height
    return cv2.remap(
        sphere, at[0].astype(np.float32), at[1].astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP
    )


def people(frame: int, count: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """(P, 4) boxes of people who walk to and fro, in pixels."""
    width, height = size
    k = np.arange(count)
    x = width * (0.5 + 0.35 * np.sin(0.05 * frame + 2.1 * k))
    w, h = 0.16 * width, 0.75 * height
    return np.stack([x - w / 2, np.full(count, 0.2 * height), x + w / 2, np.full(count, 0.2 * height + h)], 1)


def paste(picture: np.ndarray, boxes: np.ndarray, frame: int) -> np.ndarray:
    """People-like things in these boxes: checked clothes that walk, swell and flap."""
    out = picture.copy()
    for left, top, right, bottom in boxes.round().astype(int):
        h, w = bottom - top, right - left
        y, x = np.mgrid[:h, :w]
        cloth = ((x + 3 * np.sin(0.3 * frame)) // 9 + (y + 4 * np.cos(0.4 * frame)) // 7) % 2
        body = (((x - w / 2) / (w / 2)) ** 2 + ((y - h / 2) / (h / 2)) ** 2) < 1
        a, b = max(left, 0), min(right, out.shape[1])
        if a < b:
            part = out[top:bottom, a:b]
            inside = body[:, a - left : b - left]
            part[inside] = np.where(cloth[:, a - left : b - left, None], (60, 90, 170), (200, 190, 150))[inside]
    return out


def compress(picture: np.ndarray, seed: int, noise: float = 3.0, quality: int = 60) -> np.ndarray:
    """The picture after a sensor's noise and JPEG."""
    rng = np.random.default_rng(seed)
    small = rng.normal(0, noise, picture.shape[:2]).astype(np.float32)
    noisy = (picture + small[..., None]).clip(0, 255).astype(np.uint8)
    return cv2.imdecode(cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)


def film(sphere, rotations, focals=None, count=0, noise=3.0) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(rgb, boxes) of each frame of a camera with these first_from_cam and focal lengths, `count` people in view."""
    for f, R in enumerate(rotations):
        boxes = people(f, count)
        picture = paste(view(sphere, R, FOCAL if focals is None else focals[f]), boxes, f)
        yield compress(picture, f, noise), boxes


def travel(sphere: np.ndarray, metres: np.ndarray, degrees: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(rgb, no boxes) of a camera that goes (F, 3) metres between a wall 8 m away and posts 3 m away, and turns."""
    wall = cv2.resize(sphere[660:1320, 1000:2400], (4096, 2048))
    posts = cv2.resize(sphere[1000:1700, 2000:2600], (4096, 2048))
    holes = np.zeros(posts.shape[:2], np.uint8)
    for x in range(0, 4096, 340):
        holes[:, x : x + 150] = 255
    for f, (place, R) in enumerate(zip(metres, turns(degrees), strict=True)):
        picture = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
        for texture, mask, depth in ((wall, None, 8.0), (posts, holes, 3.0)):
            pixel = 3.0 * depth / texture.shape[1]  # metres; the sheet is three times as wide as it is far away
            sheet = np.array([[pixel, 0, -pixel * 2048], [0, pixel, -pixel * 1024], [0, 0, depth]])
            sheet = sheet - np.outer(place, [0, 0, 1])
            h = INTRINSICS @ R.T @ sheet
            seen = cv2.warpPerspective(texture, h, SIZE)
            if mask is None:
                picture = seen
            else:
                inside = cv2.warpPerspective(mask, h, SIZE) > 127
                picture[inside] = seen[inside]
        yield compress(picture, f), people(f, 0)
