"""A small picture of the frame that a run is at, with the people found in it: a file kept up to date for who watches."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from .contract.files import check_output, replacing
from .contract.protocol import OutputError, UsageError
from .contract.skeleton import BODY_27
from .keypoints import SAME_POINT

LONG_SIDE = 320  # pixels: as wide as Blender's sidebar
EVERY_S = 0.7
SEEN = 0.3  # points less sure than this are not drawn
SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp")
LEFT, RIGHT, MIDDLE = (
    (255, 120, 30),
    (0, 130, 255),
    (230, 230, 230),
)  # blue, green, red; nearly those of the verification view
OUTLINE = (20, 20, 20)
TALL = 100  # pixels: on smaller people thick lines would hide them
TRUNK = (
    ("left_shoulder", "right_shoulder"), ("left_hip", "right_hip"),
    ("left_shoulder", "left_hip"), ("right_shoulder", "right_hip"),
)  # fmt: skip
LIMBS = tuple((n, BODY_27.names[p]) for n, p in zip(BODY_27.names, BODY_27.parents, strict=True) if p >= 0)


def check(path: Path, overwrite: bool) -> None:
    """Refuse early what cannot be such a picture. Raises UsageError, OutputError."""
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"--preview {path}: must end in {', '.join(SUFFIXES)}.")
    check_output(path, overwrite)


class Preview:
    """Writes the picture now and then, and takes it away in the end. Without a path it does nothing."""

    def __init__(self, path: Path | None, names: Sequence[str]) -> None:
        """names (K,): of the points that `show` is given; bones between those that BODY_27 knows are drawn."""
        at = {SAME_POINT.get(name, name): i for i, name in enumerate(names)}
        self._bones = [(at[a], at[b], _colour(a, b)) for a, b in (*TRUNK, *LIMBS) if a in at and b in at]
        self._path, self._due = path, 0.0

    def show(self, rgb: npt.NDArray[np.uint8], people: npt.NDArray[np.float32]) -> None:
        """The frame (H, W, 3) and its people (P, K, 3) x, y in pixels, confidence; passed over until one is due."""
        now = time.monotonic()
        if self._path is None or now < self._due:
            return
        self._due = now + EVERY_S
        with contextlib.suppress(OutputError), replacing(self._path) as part:  # no reason for a capture to fail
            part.write_bytes(cv2.imencode(self._path.suffix, self._drawn(rgb, people))[1].tobytes())

    def close(self) -> None:
        if self._path is not None:
            with contextlib.suppress(OSError):
                self._path.unlink()

    def _drawn(self, rgb: npt.NDArray[np.uint8], people: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
        """(h, w, 3) the frame, small, blue first, with a skeleton for each of the people."""
        height, width = rgb.shape[:2]
        scale = min(LONG_SIDE / max(height, width), 1.0)
        size = max(round(width * scale), 1), max(round(height * scale), 1)
        every = max(int(0.5 / scale), 1)  # nth pixel is averaged: at 4K a third of the time
        coarse = np.ascontiguousarray(rgb[::every, ::every])
        picture = cv2.cvtColor(cv2.resize(coarse, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2BGR)
        for person in people:
            seen = np.isfinite(person).all(-1) & (person[:, 2] >= SEEN)
            at = np.round(np.where(seen[:, None], person[:, :2], 0) * scale).astype(int).tolist()
            bones = [(at[a], at[b], colour) for a, b, colour in self._bones if seen[a] and seen[b]]
            thick = 2 if sum(seen) and np.ptp(person[seen, 1]) * scale > TALL else 1
            for start, end, _ in bones:
                cv2.line(picture, start, end, OUTLINE, thick + 2, cv2.LINE_AA)
            for start, end, colour in bones:
                cv2.line(picture, start, end, colour, thick, cv2.LINE_AA)
        return picture


def _colour(a: str, b: str) -> tuple[int, int, int]:
    """Of the bone between two joints, by the side of the body it is on."""
    sides = {name.partition("_")[0] for name in (a, b)}
    return LEFT if sides == {"left"} else RIGHT if sides == {"right"} else MIDDLE
