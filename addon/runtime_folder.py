"""The folder that a set-up works in: whether what it holds is whole, its size, its removal. Standard library only.

env/ the environment, python/ its Python if one had to be fetched, uv/ the installer, cache/ what was fetched (until all
is done), log.txt, lock (held while a set-up runs), ready.json (written last: without it the environment is unfinished).
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from ..lifter.contract.protocol import OutputError, RuntimeUnfitError
from . import runtime, runtime_verify

LOCK = Path(__file__).resolve().parent.parent / "requirements" / "runtime.txt"
PARTS = ("env", "python", "uv", "cache", "log.txt", "ready.json", "lock")
TAKEN = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)  # what Windows, Linux and macOS say of a lock that is held


def interpreter(folder: Path) -> Path:
    """The environment's Python, whether it is there or not."""
    return runtime.in_environment(folder / "env")


def state(folder: Path, lock: Path = LOCK) -> str:
    """absent, unfinished, outdated (made for another version of the extension) or ready. Cheap: panels ask."""
    stamp = read_stamp(folder / "ready.json")
    if stamp and interpreter(folder).is_file():
        return "ready" if stamp.get("lock") == fingerprint(lock) else "outdated"
    return "unfinished" if (folder / "env").is_dir() or (folder / "cache").is_dir() else "absent"


def remove(folder: Path) -> None:
    """Delete all that set-ups made, and nothing else in the folder. Raises OutputError."""
    if not folder.is_dir():
        return
    try:
        with alone(folder):
            for part in PARTS:
                if part != "lock":
                    remove_tree(folder / part)
        (folder / "lock").unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(
            f"{error.filename}: cannot be removed ({error.strerror}). End a running capture, then try again."
        ) from error


def fingerprint(lock: Path) -> str:
    """Changes with the versions that are locked, not with line ends or comments."""
    return hashlib.sha256(json.dumps(sorted(runtime_verify.pins(lock).items())).encode()).hexdigest()


def read_stamp(path: Path) -> dict[str, str]:
    try:
        record = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def remove_tree(path: Path) -> None:
    """Raises OSError. On Windows with the prefix that lifts the limit of 260 letters: torch has files beyond it."""
    text = f"\\\\?\\{path}" if os.name == "nt" else str(path)
    if os.path.isdir(text) and not os.path.islink(text):
        shutil.rmtree(text)
    else:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(text)


def size_gb(folder: Path) -> float:
    """Of all files below; those in two places (hard links) count once."""
    seen: dict[tuple[int, int], int] = {}
    for root, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                about = os.lstat(os.path.join(root, name))
                seen[about.st_dev, about.st_ino] = about.st_size
    return sum(seen.values()) / 1e9


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Only one Blender at a time may change the folder; the system lets go when the process dies."""
    with (folder / "lock").open("a+b") as stream:
        try:
            if sys.platform == "win32":
                import msvcrt

                msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in TAKEN:
                yield  # a network disk without locks
                return
            raise RuntimeUnfitError(
                f"{folder}: another Blender is setting up there. Wait until it has finished."
            ) from error
        yield
