"""The film of the README: the demo's video with what was found in it, and the rig that moves like it, beside the panel.

Made from what `python3 dev.py demo` has left in out/demo, and a picture of the panel by tests/gui/guide_pictures.py:
    .venv/bin/python demo/make_gif.py [--demo out/demo] [--panel docs/pictures/done.jpg] [--out docs/pictures/demo.gif]
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import bpy
import cv2
import numpy as np
import numpy.typing as npt
from contact_sheet import draw_skeleton, dress, look_through, render, video_frames
from PIL import Image

from video_to_armature.lifter.contract.motion import Motion

ROOT = Path(__file__).resolve().parent.parent
WIDTH = 510  # of a row, pixels
PANEL = (774, 55, 1034, 553)  # of the picture: left, upper, right, lower
EVERY = 3  # frames of the video for one of the film: ten a second
COLOURS = 256
STILL = 12  # levels; a pixel that changes by less stays as it was, which is what makes the file small
ASIDE = (-0.7, 0.1, 1.3)  # the second camera: radians around the path, how far up and away, in distances of the first
AIR = 1.15  # around the person, in the second camera's picture
CAPTIONS = ("the video, and the points found in it", "the rig, seen by the same camera", "the rig from elsewhere")

Picture = npt.NDArray[Any]  # uint8 (height, width, 3) BGR
Floats = npt.NDArray[np.float64]


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--demo", type=Path, default=ROOT / "out" / "demo")
    parser.add_argument("--panel", type=Path, default=ROOT / "docs" / "pictures" / "done.jpg")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "pictures" / "demo.gif")
    options = parser.parse_args(arguments)

    motion = Motion.load(options.demo / "motion.npz")
    told = json.loads((options.demo / "report.json").read_text("utf-8"))
    frames = list(range(0, motion.frames, EVERY))
    row_from_video = np.diag([WIDTH / motion.header["source"]["width"]] * 2 + [1.0])
    size = (WIDTH, round(motion.header["source"]["height"] * row_from_video[0, 0]))
    filmed = [
        draw_skeleton(cv2.resize(image, size, interpolation=cv2.INTER_AREA), motion, frame, row_from_video)
        for image, frame in zip(video_frames(ROOT / "demo" / "walk.mp4", motion.frame_times[frames]), frames)
    ]
    scale = float(told["people"][0]["path_scale"])
    rendered = rig_rows(options.demo / "walk.blend", motion, frames, row_from_video @ motion.intrinsics, size, scale)
    left, upper, right, lower = PANEL
    panel = cv2.imread(str(options.panel))[upper:lower, left:right]
    write(options.out, [page(rows, panel) for rows in zip(filmed, *rendered)])
    print(f"{options.out}: {len(frames)} frames, {options.out.stat().st_size / 1e6:.2f} MB")
    return 0


def rig_rows(
    blend: Path, motion: Motion, frames: list[int], intrinsics: Floats, size: tuple[int, int], scale: float
) -> list[list[Picture]]:
    """The rig at these frames through the video's camera (static), and through one that stands aside."""
    bpy.ops.wm.open_mainfile(filepath=str(blend))
    scene = bpy.context.scene
    dress(scene)
    scene.render.resolution_x, scene.render.resolution_y = size
    world_from_cam = np.array(motion.world_from_cam, np.float64)
    world_from_cam[:3, 3] *= scale
    through, aside = _camera(scene, "through"), _camera(scene, "aside")
    look_through(through, intrinsics, world_from_cam, size)
    look_through(aside, *from_aside(motion.positions.astype(np.float64) * scale, world_from_cam, size), size)
    rows: list[list[Picture]] = [[], []]
    for frame in frames:
        scene.frame_set(scene.frame_start + frame)
        for row, camera in zip(rows, (through, aside)):
            scene.camera = camera
            row.append(render(scene))
    return rows


def _camera(scene: bpy.types.Scene, name: str) -> bpy.types.Object:
    camera = bpy.data.objects.new(name, bpy.data.cameras.new(name))
    scene.collection.objects.link(camera)
    return camera


def from_aside(joints: Floats, world_from_cam: Floats, size: tuple[int, int]) -> tuple[Floats, Floats]:
    """Intrinsics (3, 3) and world_from_aside (4, 4), OpenCV axes, of a camera that holds all of the walk. joints (F, J, 3)."""
    middle = np.nanmean(joints[:, 0], axis=0)
    around, up, away = ASIDE
    turn = np.array([[np.cos(around), -np.sin(around)], [np.sin(around), np.cos(around)]])
    back = turn @ (world_from_cam[:2, 3] - middle[:2])
    place = middle + np.array([*(away * back), up * np.linalg.norm(back)])
    forward = (middle - place) / np.linalg.norm(middle - place)
    right = np.cross(forward, (0, 0, 1))
    right /= np.linalg.norm(right)
    world_from_aside = np.eye(4)
    world_from_aside[:3] = np.column_stack([right, np.cross(forward, right), forward, place])
    seen = (joints.reshape(-1, 3) - place) @ world_from_aside[:3, :3]
    seen = seen[:, :2] / seen[:, 2:]
    low, high = np.nanmin(seen, axis=0), np.nanmax(seen, axis=0)
    focal = float((np.array(size) / (AIR * (high - low))).min())
    centre = np.array(size) / 2 - focal * (low + high) / 2
    return np.array([[focal, 0, centre[0]], [0, focal, centre[1]], [0, 0, 1]]), world_from_aside


def page(rows: tuple[Picture, ...], panel: Picture) -> Picture:
    """The rows below each other with their captions, the panel beside them."""
    for row, caption in zip(rows, CAPTIONS):
        where = (8, row.shape[0] - 8)
        for colour, thick in (((0, 0, 0), 3), ((255, 255, 255), 1)):
            cv2.putText(row, caption, where, cv2.FONT_HERSHEY_SIMPLEX, 0.42, colour, thick, cv2.LINE_AA)
    left = np.vstack(rows)
    right = np.full((left.shape[0], panel.shape[1], 3), panel[-1, 0], np.uint8)
    height = min(left.shape[0], panel.shape[0])
    right[:height] = panel[:height]
    return np.hstack([left, right])


def write(path: Path, pages: list[Picture]) -> None:
    """A looped GIF, ten frames a second, one palette for all."""
    shown = pages[0].astype(np.int16)
    pictures: list[Image.Image] = []
    for image in pages:
        changed = np.abs(image.astype(np.int16) - shown).max(-1) >= STILL
        shown = np.where(changed[..., None], image, shown)
        pictures.append(Image.fromarray(shown.astype(np.uint8)[..., ::-1].copy()))
    sample = np.vstack([np.asarray(picture) for picture in pictures[:: max(len(pictures) // 6, 1)]])
    palette = Image.fromarray(sample).quantize(COLOURS, Image.Quantize.MEDIANCUT, kmeans=2)
    few = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]
    few[0].save(path, save_all=True, append_images=few[1:], duration=1000 * EVERY // 30, loop=0, optimize=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
