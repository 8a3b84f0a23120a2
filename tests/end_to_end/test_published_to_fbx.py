"""A published lifter's checkpoint, a video and a rig become an FBX: each project's own file form, random weights."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from video_to_armature.lifter.contract.motion import Motion
from video_to_armature.lifter.contract.skeleton import H36M_17
from video_to_armature.lifter.models import build

from ..lifter import clips

ROOT = Path(__file__).resolve().parents[2]
RIG = ROOT / "demo" / "mh_mixamo.fbx"
FRAMES = 30
LIMIT_S = 300
FILES = {  # the authors' names: what is in them, what they read, whether their output may be sold
    "mixste": ("best_epoch_cpn_243f.bin", {"dim": 32, "depth": 2}, "H36M_17", "unknown"),
    "dstformer": ("FT_MB_lite_MB_ft_h36m_global_lite.bin", {"dim": 32, "dim_rep": 32, "depth": 2}, "H36M_17", "no"),
    "videopose3d": ("pretrained_h36m_detectron_coco.bin", {"channels": 32}, "COCO_17", "no"),
}
EVERY = pytest.mark.parametrize("network", FILES)
READ_BACK = """
import json, os, sys
import bpy
found = {}
for path in sys.argv[2:]:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.context.scene.render.fps = 30
    bpy.ops.import_scene.fbx(filepath=path, anim_offset=0.0)
    scene = bpy.context.scene
    [rig] = [thing for thing in scene.objects if thing.type == "ARMATURE"]
    first, last = (round(f) for f in rig.animation_data.action.frame_range)
    found[path] = []
    for frame in range(first, last + 1):
        scene.frame_set(frame)
        bones = (rig.pose.bones[f"mixamorig:{name}"] for name in ("LeftArm", "LeftForeArm", "RightUpLeg", "RightLeg"))
        found[path].append([list(rig.matrix_world @ bone.head) for bone in bones])
with open(sys.argv[1], "w") as stream:
    json.dump(found, stream)
os._exit(0)
"""


def published(path, network, config):
    """A file as the project's trainer writes it: MixSTE's and MotionBERT's from several GPUs, VideoPose3D's older."""
    torch.manual_seed(3)
    module = build(network, **config)
    for key, value in module.state_dict().items():
        if value.is_floating_point() and not key.endswith("running_var"):
            torch.nn.init.normal_(value, std=0.3)
    old = network == "videopose3d"
    state = {("" if old else "module.") + key: value for key, value in module.state_dict().items()}
    content = {"epoch": 3, "lr": 1e-4, "optimizer": torch.optim.AdamW(module.parameters()).state_dict()}
    content |= {"model_pos": state}
    if network == "dstformer":
        content |= {"min_loss": np.float64(37.2)}
    else:
        content |= {"random_state": np.random.RandomState(1234)}
    if old:
        content |= {"model_traj": None, "random_state_semi": None}
    torch.save(content, path, _use_new_zipfile_serialization=not old)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """Where each network's FBX, motion and report lie, and what a fresh Blender reads from the FBX files."""
    folder = tmp_path_factory.mktemp("published")
    video = clips.part_of_walk(folder / "walk.mp4", 20, FRAMES)
    environment = {**os.environ, "HOME": str(folder), "V2A_RUNTIME": sys.executable}  # one home: one detection for all
    for network, (name, config, *_) in FILES.items():
        published(folder / name, network, config)
        command = [
            sys.executable, ROOT / "addon" / "batch.py", "--video", video, "--model", folder / name, "--rig", RIG,
            "--fbx", folder / f"{network}.fbx", "--motion-out", folder / f"{network}.npz",
            "--report", folder / f"{network}.json", "--left-foot", "never", "--right-foot", "never",
        ]  # fmt: skip
        run = subprocess.run(
            list(map(str, command)), cwd=folder, env=environment, capture_output=True, text=True, timeout=LIMIT_S
        )
        assert run.returncode == 0, run.stderr
    files = [str(folder / f"{network}.fbx") for network in FILES]
    subprocess.run(
        [sys.executable, "-c", READ_BACK, folder / "read.json", *files],
        check=True,
        capture_output=True,
        timeout=LIMIT_S,
    )
    heads = json.loads((folder / "read.json").read_text())
    return folder, {network: np.array(heads[file]) for network, file in zip(FILES, files, strict=True)}


@EVERY
def test_the_motion_says_where_it_came_from(done, network):
    motion = Motion.load(done[0] / f"{network}.npz")
    name, _, points, use = FILES[network]
    assert motion.joint_names == H36M_17.names
    assert motion.frames == FRAMES
    assert motion.header["model"]["name"] == Path(name).stem
    assert len(motion.header["model"]["sha256"]) == 64
    assert motion.header["model"]["commercial_use"] == use
    assert motion.header["settings"]["input_joints"] == points
    assert motion.header["size"]["from"] == ("standard body" if network == "dstformer" else "network")


@EVERY
def test_the_fbx_holds_an_animation_of_the_clips_length_that_follows_the_motion(done, network):
    folder, heads = done
    assert len(heads[network]) == FRAMES
    motion = Motion.load(folder / f"{network}.npz")

    def degrees(a, b):
        a, b = (v / np.linalg.norm(v, axis=-1, keepdims=True) for v in (a, b))
        return np.degrees(np.arccos((a * b).sum(-1).clip(-1, 1)))

    shoulder, elbow, hip, knee = heads[network].transpose(1, 0, 2)
    for bone, (start, end) in (
        (elbow - shoulder, ("left_shoulder", "left_elbow")),
        (knee - hip, ("right_hip", "right_knee")),
    ):
        assert degrees(bone, motion.joint(end) - motion.joint(start)).max() < 1


@EVERY
def test_the_report_knows_the_bones(done, network):
    report = json.loads((done[0] / f"{network}.json").read_text())
    assert report["exit_code"] == 0
    assert report["frames"] == FRAMES
    assert len(report["bones_mapped"]) == 22
