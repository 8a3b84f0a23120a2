"""The main job, whole: a video, a rig and one command; the real detector, network and Blender."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ..lifter import clips

ROOT = Path(__file__).resolve().parents[2]
RIG = ROOT / "demo" / "mh_mixamo.fbx"
LIMIT_S = 300


def batch(folder, *arguments):
    """`python addon/batch.py …` under the bpy wheel of .venv, with a home of its own."""
    environment = {**os.environ, "HOME": str(folder), "V2A_RUNTIME": sys.executable}
    command = [sys.executable, str(ROOT / "addon" / "batch.py"), *map(str, arguments)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=LIMIT_S)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    run = batch(
        folder, "--video", clips.WALK, "--rig", RIG, "--motion-out", folder / "walk.npz",
        "--fbx", folder / "walk.fbx", "--save", folder / "walk.blend", "--report", folder / "walk.json",
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    return folder


def heads(folder, file):
    """(F, B, 3) world positions of the rig's bone heads in a file, every frame, read in a fresh Blender."""
    script = folder / "read.py"
    script.write_text(
        "import bpy, json, os, sys\n"
        "path, out = sys.argv[-2:]\n"
        "if path.endswith('.blend'):\n"
        "    bpy.ops.wm.open_mainfile(filepath=path)\n"
        "else:\n"
        "    bpy.ops.wm.read_factory_settings(use_empty=True)\n"
        "    bpy.context.scene.render.fps = 30\n"
        "    bpy.ops.import_scene.fbx(filepath=path, anim_offset=0.0)\n"
        "scene = bpy.context.scene\n"
        "rig = next(o for o in scene.objects if o.type == 'ARMATURE')\n"
        "first, last = (round(f) for f in rig.animation_data.action.frame_range)\n"
        "names = ['mixamorig:Hips', 'mixamorig:Head', 'mixamorig:LeftHand', 'mixamorig:RightHand',"
        " 'mixamorig:LeftFoot', 'mixamorig:RightFoot', 'mixamorig:LeftToeBase', 'mixamorig:RightToeBase']\n"
        "found = []\n"
        "for f in range(first, last + 1):\n"
        "    scene.frame_set(f)\n"
        "    found.append([list(rig.matrix_world @ rig.pose.bones[n].head) for n in names])\n"
        "json.dump(found, open(out, 'w'))\n"
        "os._exit(0)\n"
    )
    out = folder / f"{file}.json"
    subprocess.run([sys.executable, script, folder / file, out], check=True, timeout=LIMIT_S, capture_output=True)
    return np.array(json.loads(out.read_text()))


def test_the_report_tells_what_happened(done):
    report = json.loads((done / "walk.json").read_text())
    assert report["exit_code"] == 0
    assert report["frames"] == 126
    assert len(report["bones_mapped"]) == 22
    assert report["people"][0]["figures"]["mixamorig:LeftArm"]["p95_deg"] < 0.1
    assert {"capture", "apply", "fbx", "save"} <= report["seconds"].keys()


def test_the_rig_walks_upright_on_the_ground(done):
    hips, head, left_hand, right_hand, left, right, left_toe, right_toe = heads(done, "walk.blend").transpose(1, 0, 2)
    assert hips[-1, 0] - hips[0, 0] < -3  # to the left of the picture, four seconds long
    assert np.abs(hips[:, 1] - hips[0, 1]).max() < 1.2  # and hardly nearer or farther
    assert ((head - hips)[:, 2] > 0.4).all()
    assert (hips[:, 2] - np.minimum(left, right)[:, 2] > 0.55).all()
    lowest = np.minimum(left_toe, right_toe)[:, 2]
    assert -0.06 < lowest.min()
    assert np.percentile(lowest, 90) < 0.1
    apart = (left - right)[:, 0]
    assert (np.diff(np.sign(apart[np.abs(apart) > 0.1])) != 0).sum() >= 4  # steps, left and right in turn
    assert np.median(left_hand[:, 1] - right_hand[:, 1]) < 0  # her left side is the one near the camera


def test_the_fbx_holds_the_same_motion(done):
    assert np.linalg.norm(heads(done, "walk.fbx") - heads(done, "walk.blend"), axis=-1).max() < 1e-3


def test_a_second_rig_in_seconds_from_the_kept_motion(done):
    run = batch(done, "--motion", done / "walk.npz", "--rig", RIG, "--bvh", done / "again.bvh")
    assert run.returncode == 0, run.stderr
    assert (done / "again.bvh").read_text().startswith("HIERARCHY")


@pytest.mark.parametrize(("kind", "code", "word"), [("grey", 4, "nobody"), ("empty", 3, "0 bytes")])
def test_the_workers_refusals_arrive_as_they_are(tmp_path, kind, code, word):
    video = tmp_path / "v.mp4"
    if kind == "grey":
        clips.write(video, 12)
    else:
        video.touch()
    run = batch(tmp_path, "--video", video, "--rig", RIG, "--fbx", tmp_path / "o.fbx")
    assert run.returncode == code, run.stderr
    assert word in run.stderr.strip().splitlines()[-1]
    assert not (tmp_path / "o.fbx").exists()
