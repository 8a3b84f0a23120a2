"""The worker's pictures as the panel takes them in, without a window: shown, exchanged, taken away, closed.

Usage: live.py FOLDER, with 0.bmp, 1.bmp and what is in them: 0.npy, 1.npy (h, w, 4) red, green, blue, alpha.
"""

from __future__ import annotations

import gc
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from common import hand_back, load_package, stock

load_package()
from video_to_armature.addon.live import Live  # noqa: E402


def main(folder: Path) -> dict[str, Any]:
    before, live = stock(), Live()
    live.refresh()
    live.close()  # as a run does that never got so far
    path = Path(live.begin()["preview"])
    live.refresh()
    found: dict[str, Any] = {"temporary": path.is_relative_to(bpy.app.tempdir), "shown": [live.shown is not None]}
    found["sizes"], found["off"], took = [], [], []
    for name in ("0", "1"):
        shutil.copy(folder / f"{name}.bmp", path)
        began = time.perf_counter()
        live.refresh()
        took.append(time.perf_counter() - began)
        found["shown"].append(live.shown is not None)
        width, height = live.shown.image_size
        pixels = np.empty(width * height * 4, np.float32)
        live.shown.image_pixels_float.foreach_get(pixels)
        wanted = np.load(folder / f"{name}.npy")[::-1]  # Blender's lowest row comes first
        found["sizes"].append([width, height])
        found["off"].append(float(np.abs(pixels.reshape(wanted.shape) * 255 - wanted).max()))
    path.unlink()
    live.refresh()
    found["shown"].append(live.shown is not None)
    shutil.copy(folder / "0.bmp", path)
    path.with_name(".killed.part.bmp").touch()
    live.refresh()
    live.close()
    live.close()
    live.refresh()
    found["shown"].append(live.shown is not None)
    found["left"] = [[path.name for path in Path(bpy.app.tempdir).glob("v2a_*")], stock() != before]
    found["seconds"] = max(took)
    del live
    gc.collect()  # warns of previews that were not removed
    return found


hand_back(**main(Path(sys.argv[1])))
