"""Which clips a batch run works on: videos and motions by file and folder. Standard library only."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..lifter.contract.protocol import InputError, UsageError

VIDEO_SUFFIXES = (".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".mts", ".m2ts", ".wmv")
MOTION_SUFFIXES = (".npz",)
_PERSON = re.compile(r"(.+)\.p(\d+)")  # as the worker names the motions of several people


@dataclass(frozen=True)
class Clip:
    """A video to capture, or the motions of its people."""

    name: str
    video: Path | None = None
    motions: tuple[Path, ...] = ()

    @property
    def inputs(self) -> tuple[Path, ...]:
        return (self.video, *self.motions) if self.video is not None else self.motions


def people(motions: Sequence[Path]) -> Clip:
    """All motions as the people of one clip."""
    return Clip(_name(motions[0]), None, tuple(motions))


def clips(videos: Iterable[Path], motions: Iterable[Path]) -> tuple[Clip, ...]:
    """Each video a clip, and the motions of each clip together (dance.p1.npz, dance.p2.npz); folders stand for what is in
    them. Raises InputError for an empty folder, UsageError for two clips of one name.
    """
    found = [Clip(path.stem, path) for path in _files(videos, VIDEO_SUFFIXES, "video")]
    grouped: dict[Path, list[Path]] = {}
    for path in _files(motions, MOTION_SUFFIXES, "motion"):
        grouped.setdefault(path.with_name(_name(path)), []).append(path)
    found += [Clip(key.name, None, tuple(paths)) for key, paths in grouped.items()]
    names = [clip.name for clip in found]
    for clip in found:
        if names.count(clip.name) > 1:
            first, second = [other.inputs[0] for other in found if other.name == clip.name][:2]
            raise UsageError(f"{first} and {second}: two clips are called '{clip.name}'. Rename one.")
    return tuple(found)


def done(path: Path) -> list[Path]:
    """The files that an earlier run wrote under this name: of one person, or of each of several."""
    if path.is_file():
        return [path]
    people = path.parent.glob(f"{_literal(path.stem)}.p*{path.suffix}")
    numbered = {
        int(match[2]): file for file in people if (match := _PERSON.fullmatch(file.stem)) and match[1] == path.stem
    }
    return [numbered[i] for i in sorted(numbered)]


def numbered(path: Path, count: int) -> list[Path]:
    """dance.fbx for one person; dance.p1.fbx, dance.p2.fbx for two, as the worker names its motions."""
    if count == 1:
        return [path]
    return [path.with_name(f"{path.stem}.p{i}{path.suffix}") for i in range(1, count + 1)]


def _files(paths: Iterable[Path], suffixes: tuple[str, ...], kind: str) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        if not path.is_dir():
            found.append(path)
            continue
        inside = sorted(file for file in path.iterdir() if file.suffix.lower() in suffixes and file.is_file())
        inside = [file for file in inside if not file.name.startswith(".")]
        if not inside:
            raise InputError(f"{path}: holds no {kind} ({', '.join(suffixes)}). Name another folder, or files.")
        found += inside
    return found


def _name(path: Path) -> str:
    match = _PERSON.fullmatch(path.stem)
    return match[1] if match else path.stem


def _literal(text: str) -> str:
    return re.sub(r"([*?\[])", r"[\1]", text)
