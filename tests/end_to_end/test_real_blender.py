"""The main job in a Blender as users have it, whose Python is not the worker's: `blender -b --python addon/batch.py`.

V2A_REAL_BLENDER names its executable; .ci/run sets one up. Without it these tests are skipped.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
BLENDER = os.environ.get("V2A_REAL_BLENDER", "")
FRAMES = 126  # of demo/walk.mp4

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not BLENDER, reason="V2A_REAL_BLENDER is not set: NO REAL BLENDER WAS RUN (.ci/run makes one)"),
]

READ_BACK = """
import json, sys
import bpy
bpy.ops.wm.read_factory_settings(use_empty=True)
bpy.ops.import_scene.fbx(filepath=sys.argv[1], anim_offset=0)
scene = bpy.context.scene
[rig] = [thing for thing in scene.objects if thing.type == "ARMATURE"]
action = rig.animation_data.action
def hips(frame):
    scene.frame_set(round(frame))
    return list(rig.matrix_world @ rig.pose.bones["mixamorig:Hips"].head)
first, last = action.frame_range
print("\\nRESULT", json.dumps({"frames": last - first + 1, "start": hips(first), "end": hips(last)}))
"""


def blender(*arguments: str | Path, home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BLENDER, *map(str, arguments)],
        env={"PATH": os.environ["PATH"], "HOME": str(home), "V2A_CHROOT": os.environ.get("V2A_CHROOT", "/opt/trixie")},
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=300,
        check=False,
    )


def test_a_video_becomes_an_fbx(tmp_path: Path) -> None:
    fbx, report = tmp_path / "walk.fbx", tmp_path / "report.json"
    options = ("--background", "--factory-startup", "--python-exit-code", "99", "--python", ROOT / "addon" / "batch.py")
    job = ("--video", ROOT / "demo" / "walk.mp4", "--rig", ROOT / "demo" / "mh_mixamo.fbx", "--preset", "auto")
    outputs = ("--fbx", fbx, "--report", report, "--runtime", sys.executable)
    ended = blender(*options, "--", *job, *outputs, home=tmp_path)
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-2000:]

    said: dict[str, Any] = json.loads(report.read_text("utf-8"))
    assert said["exit_code"] == 0
    assert said["frames"] == FRAMES
    assert len(said["bones_mapped"]) >= 20

    read = subprocess.run(
        [sys.executable, "-c", READ_BACK, fbx], capture_output=True, text=True, check=True, timeout=120
    )
    [line] = [line for line in read.stdout.splitlines() if line.startswith("RESULT")]
    found = json.loads(line[len("RESULT") :])
    assert found["frames"] == pytest.approx(FRAMES, abs=0.01)
    assert found["end"][0] - found["start"][0] < -2  # she walks to the left, metres
    assert 0.6 < found["start"][2] < 1.3  # and stands on the ground


def test_the_zip_is_valid_there(tmp_path: Path) -> None:
    sys.path.insert(0, str(ROOT))
    try:
        import dev
    finally:
        sys.path.remove(str(ROOT))
    ended = blender("--command", "extension", "validate", dev.pack(tmp_path), home=tmp_path)
    assert ended.returncode == 0, ended.stdout + ended.stderr
