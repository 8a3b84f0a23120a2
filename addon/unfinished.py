"""What a Blender that closed or crashed had still to capture, for the next one to offer: a small file for each Blender.

Kept beside the captures. Standard library only.
"""

from __future__ import annotations

import contextlib
import json
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ..lifter.contract.files import replacing
from ..lifter.contract.protocol import V2AError

SIGN_S = 10.0  # a Blender at work says so this often, by the time of its file
GONE_S = 60.0  # who says nothing for so long has crashed
LOOK_S = 5.0  # panels ask at every redraw
LIVING, LEFT = "queue.{}.json", "left.{}.json"
ME = uuid.uuid4().hex[:12]  # process numbers come again


@dataclass(frozen=True)
class Unfinished:
    """One capture that did not come to its end."""

    video: str
    options: Mapping[str, str]  # the worker's flags
    armature: str
    blend: str  # file in which the armature is; '' where it was never saved


_noted: list[Unfinished] = []
_noted_in: Path | None = None
_noted_at = 0.0
_offered: tuple[Path, float, list[Unfinished]] | None = None  # where and when it was looked for


def note(folder: Path, runs: Sequence[Unfinished]) -> None:
    """Of this Blender: what runs and waits now. Cheap where nothing changed. A full disk loses the note, not the run."""
    global _noted, _noted_in, _noted_at
    own, now = folder / LIVING.format(ME), time.monotonic()
    if list(runs) == _noted and (now - _noted_at < SIGN_S or not _noted):
        return
    _noted, _noted_in, _noted_at = list(runs), folder, now
    with contextlib.suppress(OSError, V2AError):
        if not _noted:
            own.unlink(missing_ok=True)
            return
        with replacing(own) as part:
            part.write_text(json.dumps([asdict(run) for run in _noted]), "utf-8")


def close() -> None:
    """This Blender ends: what it noted is the next one's."""
    global _noted, _offered
    if _noted and _noted_in is not None:
        with contextlib.suppress(OSError):
            (_noted_in / LIVING.format(ME)).replace(_noted_in / LEFT.format(uuid.uuid4().hex[:12]))
    _noted, _offered = [], None


def offered(folder: Path) -> list[Unfinished]:
    """What others have left, oldest first."""
    global _offered
    now = time.monotonic()
    if _offered is None or _offered[0] != folder or now - _offered[1] > LOOK_S:
        _offered = folder, now, [run for path in _left(folder) for run in _read(path)]
    return _offered[2]


def forget(folder: Path) -> None:
    """It was taken up, or nobody wants it."""
    global _offered
    for path in _left(folder):
        with contextlib.suppress(OSError):
            path.unlink()
    _offered = None


def _left(folder: Path) -> list[Path]:
    own, found = LIVING.format(ME), list[tuple[float, Path]]()
    for path in (*folder.glob(LEFT.format("*")), *folder.glob(LIVING.format("*"))):
        with contextlib.suppress(OSError):  # another Blender has taken it up
            noted = path.stat().st_mtime
            if path.match(LEFT.format("*")) or (path.name != own and time.time() - noted > GONE_S):
                found.append((noted, path))
    return [path for _, path in sorted(found)]


def _read(path: Path) -> list[Unfinished]:
    try:
        return [Unfinished(**record) for record in json.loads(path.read_text("utf-8"))]
    except (OSError, ValueError, TypeError):  # damaged, or by another version
        return []
