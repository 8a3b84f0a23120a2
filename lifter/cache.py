"""Detections kept as they come, in chunks, so that a killed run goes on and a second run need not detect again."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .background import Background
from .contract.files import replacing
from .contract.protocol import OutputError
from .cuts import Look

PARTS = tuple(Background().part())
CHUNK = 256  # frames; about ten seconds of work lost at most
FloatArray = npt.NDArray[np.float32]


@dataclass
class Detections:
    """What was found so far: for each frame its index in the file, its time, (P, K, 3) points, and its look; what the background
    did; and the straight lines of a few frames, (N, 5) of Keypoints."""

    indices: list[int] = field(default_factory=list[int])
    times: list[float] = field(default_factory=list[float])
    people: list[FloatArray] = field(default_factory=list[FloatArray])
    looks: list[Look] = field(default_factory=list[Look])
    background: Background = field(default_factory=Background)
    lines: list[FloatArray] = field(default_factory=list[FloatArray])

    def add(self, index: int, time_s: float, people: FloatArray, look: Look) -> None:
        self.indices.append(index)
        self.times.append(time_s)
        self.people.append(people)
        self.looks.append(look)

    def __len__(self) -> int:
        return len(self.times)


class Cache:
    """Chunks of one run's detections in a folder of their own; a folder of None keeps nothing."""

    def __init__(self, folder: Path | None, *settings: str | float | None) -> None:
        key = hashlib.sha256(repr(settings).encode()).hexdigest()[:32]
        self._folder = folder / key if folder else None
        self._saved = 0  # chunks,
        self._recorded = 0  # and the background's records in them

    def load(self, points: int) -> tuple[Detections, bool]:
        """What an earlier run left, of `points` points a person, and whether it is the whole clip. If it is not, the
        background is to see the last frame again: this ties what comes to what was."""
        found = Detections()
        if self._folder is None:
            return found, False
        damaged, tracked = False, list[dict[str, npt.NDArray[Any]]]()
        while (path := self._folder / f"{self._saved:06d}.npz").is_file():
            try:
                with np.load(path, allow_pickle=False) as z:
                    people = np.split(z["points"].reshape(-1, points, 3), np.cumsum(z["people"])[:-1])
                    chunk = list(zip(z["indices"].tolist(), z["times"].tolist(), people, z["looks"], strict=True))
                    part = {name: z[name] for name in PARTS}
                    lines = z["lines"]
            except Exception:  # numpy and zipfile raise a dozen kinds for damaged files
                damaged = True  # detected again, with all that follows
                break
            for index, time_s, person, look in chunk:
                found.add(int(index), float(time_s), person, look)
            tracked.append(part)
            found.lines.append(lines)
            self._saved += 1
        whole = not damaged and len(found) > 0 and (self._folder / "whole").is_file()
        if found:
            found.background = Background.resumed(tracked, len(found) - (not whole))
            self._recorded = found.background.recorded
        return found, whole

    def save(self, found: Detections, whole: bool) -> None:
        """Write the chunks that are full; all of it when the clip is `whole`. A cache that fails is no failure."""
        if self._folder is None:
            return
        with contextlib.suppress(OSError, OutputError):
            self._folder.mkdir(parents=True, exist_ok=True)
            while len(found) - self._saved * CHUNK >= (1 if whole else CHUNK):
                part = slice(self._saved * CHUNK, (self._saved + 1) * CHUNK)
                lines = np.concatenate([np.zeros((0, 5), np.float32), *found.lines])
                here = lines[(lines[:, 0] >= part.start) & (lines[:, 0] < part.stop)]
                self._write(
                    found.indices[part],
                    found.times[part],
                    found.people[part],
                    found.looks[part],
                    here,
                    found.background,
                )
                self._saved += 1
            if whole:
                (self._folder / "whole").touch()

    def _write(
        self,
        indices: Sequence[int],
        times: Sequence[float],
        people: Sequence[FloatArray],
        looks: Sequence[Look],
        lines: FloatArray,
        background: Background,
    ) -> None:
        assert self._folder is not None
        tracked = background.part(self._recorded)
        with replacing(self._folder / f"{self._saved:06d}.npz") as part, part.open("wb") as stream:
            np.savez_compressed(
                stream,
                indices=np.array(indices),
                times=np.array(times),
                people=np.array([len(p) for p in people]),
                points=np.concatenate(list(people)),
                looks=np.array(looks),
                lines=lines,
                **tracked,
            )
        self._recorded = background.recorded


def default_folder() -> Path:
    """Where the system keeps what can be made again."""
    home = Path.home()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", home / "AppData/Local"))
    elif sys.platform == "darwin":
        base = home / "Library/Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME", home / ".cache"))
    return base / "video_to_armature"
