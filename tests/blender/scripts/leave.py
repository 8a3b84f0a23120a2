"""Install the zip, leave a timer and a worker of the extension running, and end as any script does.

Usage: leave.py ZIP PYTHON FOLDER. The worker is PYTHON waiting for an hour; its process id goes to FOLDER/pid.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import bpy

MODULE = "bl_ext.user_default.video_to_armature"


def main(archive: Path, python: Path, folder: Path) -> None:
    bpy.ops.extensions.package_install_files(filepath=str(archive), repo="user_default", enable_on_install=True)
    names = ("watch", "job", "capture", "self_check")
    watch, job, capture, self_check = (sys.modules[f"{MODULE}.addon.{name}"] for name in names)
    facts = self_check.Facts(folder / "video.mp4", folder / "out.npz", str(python))
    watch.start(watch.Plan(facts, {}, bpy.context.scene.name))
    watch.current.capture = capture.Capture(
        job.Job([str(python), "-c", "import time; time.sleep(3600)"], folder, folder / "log")
    )
    registered = sum(bpy.app.timers.is_registered(tick) for tick in watch._ticks)
    (folder / "pid").write_text(str(watch.current.capture.job.pid))
    print("\nRESULT " + json.dumps({"timers": registered}), flush=True)


main(*map(Path, sys.argv[1:4]))
