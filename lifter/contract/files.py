"""How a file gets its final name: written beside the target, then renamed into place."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Generator
from pathlib import Path

from .protocol import OutputError


def check_output(path: Path, overwrite: bool) -> None:
    """Refuse early an output that exists or whose folder cannot take it. Raises OutputError."""
    if path.is_dir():
        raise OutputError(f"{path}: this is a folder. Name a file in it.")
    if path.exists() and not overwrite:
        raise OutputError(f"{path}: exists already. Choose another name or add --overwrite.")
    folder = path.parent
    if not folder.is_dir():
        raise OutputError(f"{path}: its folder {folder} does not exist. Make it first or choose another.")
    if not os.access(folder, os.W_OK):
        raise OutputError(f"{path}: its folder {folder} cannot be written. Choose another.")


@contextlib.contextmanager
def replacing(path: Path) -> Generator[Path, None, None]:
    """A path beside `path`, same suffix, that becomes `path` when the block ends well and is removed when not.

    Raises OutputError where the folder cannot be written or the disk is full.
    """
    part = path.with_name(f".{uuid.uuid4().hex[:8]}.part{path.suffix}")
    try:
        yield part
        os.replace(part, path)
    except OSError as error:
        raise OutputError(
            f"{path}: cannot be written ({error.strerror or error}). Free space or choose another."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
