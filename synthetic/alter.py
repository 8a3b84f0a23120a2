"""Other films of the same clips: cropped, half hidden, dark, blurred, noisy, squeezed; and what the detector sees in them.

    python synthetic/alter.py FOLDER… --out FOLDER [--each 3] [--seed S]
Drawing a clip takes minutes, altering one seconds, and the detector errs otherwise each time. Goes on where it stopped; an
altered clip has the names and arrays of a drawn one, less what covers its joints.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from video_to_armature.lifter import video as videos
from video_to_armature.synthetic.clips import detect

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]

LEAST_OF_PERSON = 0.45  # of the joints stay inside a crop, in the median frame
LEAST_SIDE = 160  # pixels of a crop
LEAST_SEEN = 0.4  # of the frames; where the detector finds the person in fewer, the clip is altered otherwise
TRIES = 8


@dataclass(frozen=True)
class Cover:
    """Something before the person, a piece of the same picture: its middle and half size (2,), pixels; moves by `speed`
    (2,), pixels a frame; there in frames `first` to `last`; `piece` (2,) where in the picture it is taken from."""

    middle: Floats
    half: Floats
    speed: Floats
    first: int
    last: int
    piece: npt.NDArray[np.int64]
    round: bool


@dataclass(frozen=True)
class Alteration:
    """crop: left, top, width, height, pixels. gamma, gain (3,) of the light; blur, noise: standard deviations in pixels and
    in shades of 255; smaller: factor of the picture's size; quality of its JPEG."""

    crop: tuple[int, int, int, int]
    covers: tuple[Cover, ...]
    gamma: float
    gain: Floats
    blur: float
    noise: float
    smaller: float
    quality: int


def draw(rng: np.random.Generator, joints_px: Floats, width: int, height: int) -> Alteration:
    """joints_px (F, J, 2). A third is cropped, half is covered."""
    crop = _crop(rng, joints_px, width, height) if rng.random() < 0.35 else (0, 0, width, height)
    covers = tuple(
        _cover(rng, joints_px, width, height) for _ in range(int(rng.integers(1, 3)) if rng.random() < 0.5 else 0)
    )
    return Alteration(
        crop=crop,
        covers=covers,
        gamma=float(np.exp(rng.normal(0, 0.35))),
        gain=np.exp(rng.normal(0, 0.15) + rng.normal(0, 0.08, 3)),
        blur=float(rng.choice([0, 0, rng.uniform(0.5, 2.5)])),
        noise=float(rng.choice([0, rng.uniform(0, 14)])),
        smaller=float(rng.choice([1, rng.uniform(0.35, 1)])),
        quality=int(rng.integers(15, 95)),
    )


def _crop(rng: np.random.Generator, joints_px: Floats, width: int, height: int) -> tuple[int, int, int, int]:
    """A window that the median frame's joints are in, at least LEAST_OF_PERSON of them; the whole picture if none is found."""
    joints = np.median(joints_px, 0)
    for _ in range(50):
        w, h = (int(rng.uniform(0.4, 1) * size) // 2 * 2 for size in (width, height))
        x, y = int(rng.integers(0, width - w + 1)), int(rng.integers(0, height - h + 1))
        inside = ((joints >= (x, y)) & (joints < (x + w, y + h))).all(-1).mean()
        if min(w, h) >= LEAST_SIDE and LEAST_OF_PERSON <= inside:
            return x, y, w, h
    return 0, 0, width, height


def _cover(rng: np.random.Generator, joints_px: Floats, width: int, height: int) -> Cover:
    F = len(joints_px)
    tall = np.ptp(joints_px[..., 1], axis=1)
    half = np.median(tall) * rng.uniform(0.06, 0.28, 2)
    frame, joint = rng.integers(0, F), rng.integers(0, joints_px.shape[1])
    speed = rng.normal(0, 0.01, 2) * np.median(tall) if rng.random() < 0.4 else np.zeros(2)
    lasts = int(F * rng.uniform(0.1, 1))
    first = int(rng.integers(0, F - lasts + 1))
    piece = rng.integers(0, np.maximum((width, height) - 2 * half.astype(int), 1))
    return Cover(joints_px[frame, joint], half, speed, first, first + lasts, piece, bool(rng.random() < 0.5))


def altered(frames: Iterator[videos.Frame], a: Alteration, rng: np.random.Generator) -> Iterator[Image]:
    """RGB pictures of the crop's size."""
    x, y, w, h = a.crop
    shades = (np.linspace(0, 1, 256) ** a.gamma)[:, None] * a.gain * 255
    table = np.clip(shades, 0, 255).astype(np.uint8)[None]
    for frame in frames:
        image = frame.rgb.copy()
        for cover in a.covers:
            if cover.first <= frame.index < cover.last:
                _put(image, frame.rgb, cover, frame.index - cover.first)
        image = image[y : y + h, x : x + w]
        image = cv2.LUT(image, table)
        if a.blur:
            image = cv2.GaussianBlur(image, (0, 0), a.blur)
        if a.smaller < 1:
            small = cv2.resize(image, None, fx=a.smaller, fy=a.smaller, interpolation=cv2.INTER_AREA)
            image = cv2.resize(small, (w, h), interpolation=cv2.INTER_LINEAR)
        if a.noise:
            image = np.clip(image + rng.normal(0, a.noise, image.shape), 0, 255).astype(np.uint8)
        packed = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, a.quality])[1]
        yield cv2.imdecode(packed, cv2.IMREAD_COLOR).astype(np.uint8)


def _put(image: Image, source: Image, cover: Cover, frames: int) -> None:
    """Draw the cover into the image."""
    height, width = image.shape[:2]
    w, h = (int(2 * half) for half in cover.half)
    piece = source[cover.piece[1] : cover.piece[1] + h, cover.piece[0] : cover.piece[0] + w]
    left, top = (int(v) for v in cover.middle + cover.speed * frames - cover.half)
    x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + piece.shape[1], width), min(top + piece.shape[0], height)
    if x1 <= x0 or y1 <= y0:
        return
    part = piece[y0 - top : y1 - top, x0 - left : x1 - left]
    mask = np.ones(part.shape[:2], bool)
    if cover.round:
        rows, columns = np.ogrid[y0 - top : y1 - top, x0 - left : x1 - left]
        mask = ((rows / h - 0.5) ** 2 + (columns / w - 0.5) ** 2) < 0.25
    image[y0:y1, x0:x1][mask] = part[mask]


def make(source: Path, target: Path, rng: np.random.Generator) -> str:
    """One altered clip, complete or not at all; what to say about it."""
    with np.load(source / "truth.npz", allow_pickle=False) as file:
        truth = {key: file[key] for key in file.files if key != "covered"}
    film = videos.probe(source / "video.mp4")
    joints = truth["joints_cam"].astype(float) @ truth["intrinsics"].T
    joints_px = joints[..., :2] / joints[..., 2:]
    part = Path(tempfile.mkdtemp(prefix=".part-", dir=target.parent))
    for _ in range(TRIES):
        a = draw(rng, joints_px, film.width, film.height)
        writer = cv2.VideoWriter(str(part / "video.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), film.fps, a.crop[2:])
        for image in altered(videos.frames(film), a, rng):
            writer.write(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        writer.release()
        keypoints = detect(part / "video.mp4", len(joints))
        seen = (keypoints.keypoints_px[..., 2] > 0).any(1).mean()
        if seen >= LEAST_SEEN:
            break
    else:
        shutil.rmtree(part)
        return "left out, nobody found in it"
    keypoints.save(part / "keypoints.npz")
    truth["intrinsics"] = truth["intrinsics"] - [[0, 0, a.crop[0]], [0, 0, a.crop[1]], [0, 0, 0]]
    np.savez_compressed(part / "truth.npz", **truth)
    part.rename(target)
    return f"{a.crop[2]}×{a.crop[3]}, {len(a.covers)} covers, seen in {seen:.0%}"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="+", help="of drawn clips")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--each", type=int, default=3, help="altered films of each clip")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    for left_over in options.out.glob(".part-*"):
        shutil.rmtree(left_over)
    clips = [clip.parent for folder in options.folders for clip in sorted(folder.glob("*/truth.npz"))]
    for each in range(options.each):
        for number, clip in enumerate(clips):
            target = options.out / f"{clip.parent.name}_{clip.name}_{each}"
            if not target.is_dir():
                print(
                    f"{target.name}: {make(clip, target, np.random.default_rng([options.seed, number, each]))}",
                    flush=True,
                )
    print(f"{len(clips) * options.each} clips in {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
