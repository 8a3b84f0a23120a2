"""Install the zip, install it again over a running worker, take it away: what Blender says and what is left.

Usage: lifecycle.py ZIP PYTHON FOLDER.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import bpy  # isort: skip  (addon_utils exists only after it)
import addon_utils
from common import hand_back

MODULE = "bl_ext.user_default.video_to_armature"


def install(archive: Path) -> None:
    bpy.ops.extensions.package_install_files(filepath=str(archive), repo="user_default", enable_on_install=True)


def begin(python: Path, folder: Path) -> int:
    """A worker that would run for an hour; its process id."""
    names = ("watch", "job", "capture", "self_check")
    watch, job, capture, self_check = (sys.modules[f"{MODULE}.addon.{name}"] for name in names)
    facts = self_check.Facts(folder / "video.mp4", folder / "out.npz", str(python))
    watch.start(watch.Plan(facts, {}, bpy.context.scene.name))
    watch.current.check.wait(60)
    worker = job.Job([str(python), "-c", "import time; time.sleep(3600)"], folder, folder / "log")
    watch.current.capture = capture.Capture(worker)
    return worker.pid


def alive(pid: int) -> bool:
    """Waits a second for its end."""
    for _ in range(20):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        time.sleep(0.05)
    return True


def violations() -> list[str]:
    """What Blender holds against the extension, as its preferences show it."""
    return addon_utils._extensions_warnings_get().get(MODULE, [])


def main(archive: Path, python: Path, folder: Path) -> dict[str, Any]:
    install(archive)
    found: dict[str, Any] = {"enabled": addon_utils.check(MODULE)[1]}
    first = begin(python, folder)
    before = sys.modules[f"{MODULE}.addon.watch"]
    install(archive)
    after = sys.modules[f"{MODULE}.addon.watch"]
    found["updated"] = [addon_utils.check(MODULE)[1], alive(first), after.running(), len(before._ticks)]
    found["settings"] = bpy.context.scene.v2a.preset
    found["violations"] = violations()

    second = begin(python, folder)
    repos = bpy.context.preferences.extensions.repos
    index = next(i for i, repo in enumerate(repos) if repo.module == "user_default")
    place = Path(repos[index].directory, "video_to_armature")
    found["there"] = place.is_dir()
    bpy.ops.extensions.package_uninstall(repo_index=index, pkg_id="video_to_armature")
    found["uninstalled"] = [
        place.exists(),
        addon_utils.check(MODULE)[1],
        alive(second),
        hasattr(bpy.types.Scene, "v2a"),
    ]
    found["left"] = [name for name in dir(bpy.types) if name.startswith("V2A_")]
    found["left"] += [str(path) for path in sys.path if "video_to_armature" in path]
    found["timers"] = [tick.__name__ for tick in after._ticks if bpy.app.timers.is_registered(tick)]
    return found


hand_back(**main(*map(Path, sys.argv[1:4])))
