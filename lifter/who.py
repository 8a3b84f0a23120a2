"""A picture that shows who is who: a few frames of a video, with numbered boxes around its people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from . import video as videos
from .contract.files import replacing
from .contract.protocol import UsageError
from .people import Found
from .progress import Run

Picture = npt.NDArray[Any]

TILES = 6  # frames in the picture, if the video has as many
ACROSS = 3
WIDTH = 640  # pixels of a tile
ASSURED = 12  # people, the most prominent, for whom a frame is sought that shows them well
MARGIN = 0.06  # of a person's size, around their points
SUFFIXES = (".png", ".jpg", ".jpeg")
COLOURS = (  # blue, green, red
    (60, 60, 230), (230, 140, 40), (70, 180, 60), (200, 60, 180), (30, 190, 240), (200, 190, 50), (20, 110, 250),
    (150, 90, 90),
)  # fmt: skip


def check_picture(path: Path) -> None:
    """Refuse a name that is not of a picture. Raises UsageError."""
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"--who {path}: must end in {', '.join(SUFFIXES)}.")


def draw(found: Found, path: Path, run: Run) -> None:
    """Write the picture. Raises OutputError."""
    run.stage("draw")
    chosen = best_frames(found)
    tiles: list[Picture] = []
    start, end = found.times[chosen[0]], found.times[chosen[-1]]
    wanted = {found.header["first_frame"] + int(f): int(f) for f in chosen}
    for frame in videos.frames(found.video, float(start), float(end)):
        run.progress(len(tiles), len(chosen) + 1)
        if frame.index in wanted:
            tiles.append(_tile(frame.rgb, found, wanted[frame.index]))
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % min(ACROSS, len(tiles)))
    rows = [np.hstack(tiles[i : i + ACROSS]) for i in range(0, len(tiles), ACROSS)]
    with replacing(path) as part:
        part.write_bytes(cv2.imencode(path.suffix, np.vstack(rows))[1].tobytes())
    run.close()


def best_frames(found: Found) -> list[int]:
    """Up to TILES frames, in order, that show everybody: first those that show the most people for the first time, well,
    then those that lie between."""
    shown = np.zeros((min(len(found.tracks), ASSURED), len(found.times)), np.float32)  # how well each is shown
    for one, row in zip(found.tracks, shown, strict=False):
        size = np.linalg.norm(np.ptp(one.seen[..., :2], axis=1), axis=-1)
        row[one.frames] = one.seen[..., 2].mean(1) * size / size.max()
    chosen: list[int] = []
    new = np.ones(len(shown), bool)
    while len(chosen) < TILES and new.any():
        chosen.append(int((shown[new].sum(0)).argmax()))
        new &= shown[:, chosen[-1]] == 0
    while len(chosen) < min(TILES, len(found.times)):
        away = np.abs(np.arange(len(found.times))[:, None] - chosen).min(1)
        chosen.append(int((away * (0.1 + (shown > 0).any(0))).argmax()))
    return sorted(chosen)


def _tile(rgb: npt.NDArray[np.uint8], found: Found, f: int) -> Picture:
    """(h, WIDTH, 3) the frame, blue first, with boxes, numbers and its time."""
    scale = WIDTH / rgb.shape[1]
    tile = cv2.resize(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    for number, one in reversed(list(enumerate(found.tracks, 1))):  # the first on top
        at = int(np.searchsorted(one.frames, f))
        if at < len(one.frames) and one.frames[at] == f:
            xy = one.seen[at, :, :2] * scale
            low, high = xy.min(0), xy.max(0)
            margin = MARGIN * np.linalg.norm(high - low)
            (left, top), (right, bottom) = (low - margin).astype(int).tolist(), (high + margin).astype(int).tolist()
            colour = COLOURS[(number - 1) % len(COLOURS)]
            cv2.rectangle(tile, (left, top), (right, bottom), colour, 2, cv2.LINE_AA)
            _label(tile, str(number), max(left, 0), max(top, 24), colour)
    _label(tile, f"{found.times[f]:.2f} s", 0, tile.shape[0], (40, 40, 40))
    return tile


def _label(tile: Picture, text: str, left: int, bottom: int, colour: tuple[int, int, int]) -> None:
    (width, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.7, 2)
    cv2.rectangle(tile, (left, bottom - 24), (left + width + 10, bottom), colour, cv2.FILLED)
    cv2.putText(tile, text, (left + 5, bottom - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (255, 255, 255), 2, cv2.LINE_AA)
