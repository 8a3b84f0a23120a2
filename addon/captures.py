"""Captured motions kept with the .blend: packed into it, so that they can be applied again anywhere and at any time."""

from __future__ import annotations

import base64
import binascii
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy

from ..lifter.contract.motion import Motion
from ..lifter.contract.protocol import InputError


def keep(item: Any, path: Path, video: Path | None = None) -> None:
    """Put the motion file into the scene's item (properties.V2A_PersonMotion), which the .blend is saved with."""
    item.path = str(path)
    item.video = "" if video is None else str(video)
    item.packed = base64.b64encode(path.read_bytes()).decode() if path.is_file() else ""


def load(item: Any) -> Motion:
    """The motion as it was captured, though its file may be gone or written anew since. Raises InputError."""
    return loader(item)()


def loader(item: Any) -> Callable[[], Motion]:
    """`load` for a thread: what it gives raises InputError and asks nothing more of Blender."""
    if not item.packed:  # by an older version of the extension
        path = Path(bpy.path.abspath(item.path))
        if not path.is_file():
            raise InputError("the captured motion is no longer there. Capture the video again.")
        return lambda: Motion.load(path)
    packed = str(item.packed)
    return lambda: _unpacked(packed)


def video_of(item: Any) -> Path | None:
    """The video that it was captured from, where it lay or beside the .blend; None where it is in neither place."""
    if not item.video:
        return None
    path = Path(bpy.path.abspath(item.video))
    beside = Path(bpy.path.abspath("//"), path.name) if bpy.data.filepath else path
    return next((place for place in (path, beside) if place.is_file()), None)


def _unpacked(packed: str) -> Motion:
    with tempfile.TemporaryDirectory(prefix="v2a-") as folder:
        path = Path(folder, "motion.npz")
        try:
            path.write_bytes(base64.b64decode(packed))
            return Motion.load(path)
        except (binascii.Error, InputError) as error:
            raise InputError("the motion kept in this file is damaged. Capture the video again.") from error
