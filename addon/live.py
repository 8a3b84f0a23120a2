"""The small picture of the frame that a running capture is at: a file that the worker keeps up to date, as an icon.

Its pixels go straight into a preview of ours: no image in the user's file, nothing in the undo, no thumbnail on the disk.
"""

from __future__ import annotations

import shutil
import struct
import tempfile
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from bpy.utils import previews

UNIT_PX = 20.0  # height of a button at interface scale 1
MARGIN_PX = 50.0  # frames and tabs of a sidebar, at scale 1
MOST_UNITS = 18.0  # the picture is not finer


class Live:
    """The picture of one run: its file, in a folder of its own, and its icon. Both last from begin() to close()."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._icons: Any = None
        self._preview: Any = None
        self._stamp = 0  # of the file that is shown, 0 for none

    def begin(self) -> dict[str, str]:
        """The worker's option that names the file; none where Blender's temporary folder cannot be written."""
        try:
            self._folder = Path(tempfile.mkdtemp(prefix="v2a_", dir=bpy.app.tempdir))
        except OSError:
            return {}
        self._icons = previews.new()
        self._preview = self._icons.new("live")
        return {"preview": str(self._folder / "live.bmp")}  # which takes no decoder

    def refresh(self) -> None:
        """Take the file in if it has changed: 1 ms. When it goes, so does the picture."""
        if self._folder is None:
            return
        path = self._folder / "live.bmp"
        try:
            stamp = path.stat().st_mtime_ns
            if stamp != self._stamp:
                pixels = _pixels(path.read_bytes())
                self._preview.image_size = pixels.shape[1::-1]
                self._preview.image_pixels.foreach_set(pixels.ravel())
                self._stamp = stamp
        except FileNotFoundError:
            self._stamp = 0
        except OSError:  # so Windows says while it is being replaced: the next tick has it
            return

    @property
    def shown(self) -> Any:
        """The bpy.types.ImagePreview with the picture, None while there is none."""
        return self._preview if self._stamp else None

    def draw(self, context: bpy.types.Context, layout: bpy.types.UILayout) -> None:
        """As wide as the sidebar, with a header that folds it away."""
        if not self._stamp:
            return
        header, body = layout.panel("v2a_live")
        header.label(text="Live Picture")
        if body is not None:
            width = context.region.width / context.preferences.system.ui_scale - MARGIN_PX
            body.template_icon(self._preview.icon_id, scale=min(max(width / UNIT_PX, 1.0), MOST_UNITS))

    def close(self) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            previews.remove(self._icons)
            self._folder, self._stamp = None, 0


def _pixels(bitmap: bytes) -> np.ndarray:
    """(h, w) int32, the lowest row first, red, green, blue, alpha in their bytes, of a BMP file of 24 bits a pixel."""
    (start,), (w, h) = struct.unpack_from("<I", bitmap, 10), struct.unpack_from("<ii", bitmap, 18)
    rows = np.frombuffer(bitmap, np.uint8, offset=start).reshape(h, -1)[:, : 3 * w].reshape(h, w, 3)
    return np.dstack([rows[..., ::-1], np.full((h, w), 255, np.uint8)]).view(np.int32)[..., 0]
