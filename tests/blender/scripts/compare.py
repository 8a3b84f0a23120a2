"""Use the buttons that look at a capture, then open the file elsewhere: the motion file and the video's place are gone.

Usage: compare.py ZIP MOTION.npz DEMO_FOLDER FOLDER.
"""

from __future__ import annotations

import shutil
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import bpy  # isort: skip  (addon_utils exists only after it)
import addon_utils
import numpy as np
from common import armature, hand_back, stock

MODULE = "bl_ext.user_default.video_to_armature"


def refused(name: str) -> str:
    try:
        getattr(bpy.ops.v2a, name)()
    except RuntimeError as error:
        return str(error).strip().rpartition("poll() ")[2]
    return ""


def marks() -> list[list[Any]]:
    return [[marker.frame, marker.name] for marker in bpy.context.scene.timeline_markers]


def unsure(path: Path, out: Path) -> Path:
    """The motion with a left arm that nobody is sure of from frame 16 to 31 of the scene."""
    kind = sys.modules[f"{MODULE}.lifter.contract.motion"].Motion
    motion = kind.load(path)
    confidence = motion.confidence.copy()
    arm = [motion.joint_names.index(name) for name in ("left_elbow", "left_wrist")]
    confidence[15:31, arm] = 0.0
    confidence[15:31, arm] = 0.05
    replace(motion, confidence=confidence).save(out)
    return out


def main(archive: Path, motion: Path, demo: Path, folder: Path) -> dict[str, Any]:
    bpy.ops.extensions.package_install_files(filepath=str(archive), repo="user_default", enable_on_install=True)
    addon_utils.enable("io_scene_fbx", default_set=True)
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=False)
    names = ("watch", "compat", "captures", "verify", "actions")
    watch, compat, captures, verify, actions = (sys.modules[f"{MODULE}.addon.{name}"] for name in names)
    bpy.ops.import_scene.fbx(filepath=str(demo / "mh_mixamo.fbx"))
    scene, character = bpy.context.scene, armature()
    settings = scene.v2a
    settings.armature = character
    found: dict[str, Any] = {"grey": [refused("compare"), refused("mark_step")]}
    kept, video = folder / "kept.npz", folder / "film" / "walk.mp4"
    video.parent.mkdir()
    shutil.copy(demo / "walk.mp4", video)
    watch.set_motions(settings, [unsure(motion, kept)], character, video)
    bpy.ops.v2a.apply()
    found["sure"] = found["grey"][1]
    found["marks"] = marks()
    red = set()
    for curve in compat.fcurves(character.animation_data.action):
        if "pose" in curve.data_path:
            red |= {round(key.co[0]) for key in curve.keyframe_points if key.type == "EXTREME"}
    found["red keys"] = sorted(red)
    scene.frame_set(1)
    found["steps"] = []
    for step, start in ((1, None), (1, None), (-1, 40)):
        if start is not None:
            scene.frame_set(start)
        bpy.ops.v2a.mark_step(step=step)
        found["steps"].append(scene.frame_current)
    bpy.ops.v2a.apply()
    found["once more"] = marks()

    file = video.with_name("saved.npz")
    found["saved"] = [list(bpy.ops.v2a.save_motion(filepath=str(file))), file.read_bytes() != b""]
    settings.motions.clear()
    found["opened motion"] = [list(bpy.ops.v2a.open_motion(filepath=str(file))), len(settings.motions), marks()]
    found["its video"] = captures.video_of(settings.motions[0]).name
    file.write_bytes(b"no motion")
    try:
        bpy.ops.v2a.open_motion(filepath=str(file))
    except RuntimeError as error:
        found["no motion"] = str(error).strip()
    file.unlink()
    before = stock()
    done = list(bpy.ops.v2a.compare())
    eye = verify.camera_of(settings.compared)
    found["compare"] = [done, len(settings.compared.objects), Path(eye.data.background_images[0].image.filepath).name]
    report = sys.modules[f"{MODULE}.addon.apply_report"].report_of(character)
    world = np.array(actions.made_of(character)["world"])
    placed = world @ captures.load(settings.motions[0]).world_from_cam
    found["off, m"] = float(np.abs(np.array(eye.matrix_world)[:3, 3] - placed[:3, 3] * report.path_scale).max())
    back = list(bpy.ops.v2a.compare())
    found["back"] = [
        back,
        {k: n - before[k] for k, n in stock().items() if n != before[k]},
        settings.compared is not None,
    ]

    settings.speed, settings.start_frame, settings.first_frame = 2.0, 11, 16
    bpy.ops.v2a.apply()
    found["twice as fast"] = marks()
    bpy.ops.v2a.compare()
    eye, shown = verify.camera_of(settings.compared), []
    for number in (11, 12, 25):
        scene.frame_set(number)
        user = eye.evaluated_get(bpy.context.evaluated_depsgraph_get()).data.background_images[0].image_user
        shown.append(number + user.frame_offset)
    found["its film"] = shown
    bpy.ops.v2a.compare()
    settings.speed, settings.start_frame, settings.first_frame = 1.0, 1, 1
    bpy.ops.v2a.apply()

    other = folder / "elsewhere"
    other.mkdir()
    bpy.ops.wm.save_as_mainfile(filepath=str(other / "kept.blend"))
    kept.unlink()
    shutil.move(video, other / "walk.mp4")
    found["gone"] = [not kept.exists(), not video.exists()]
    bpy.ops.wm.open_mainfile(filepath=str(other / "kept.blend"))
    scene, character = bpy.context.scene, armature()
    settings = scene.v2a
    began = time.perf_counter()
    found["opened"] = [list(bpy.ops.v2a.apply()), captures.load(settings.motions[0]).frames]
    found["video beside the file"] = captures.video_of(settings.motions[0]).name
    character.name = "first"
    bpy.ops.import_scene.fbx(filepath=str(demo / "mh_mixamo.fbx"))
    settings.armature = next(o for o in scene.objects if o.type == "ARMATURE" and o.name != "first")
    settings.armature.name = "other"
    began = time.perf_counter()
    done = list(bpy.ops.v2a.apply())
    found["seconds"] = time.perf_counter() - began
    report = sys.modules[f"{MODULE}.addon.apply_report"].report_of(settings.armature)
    found["another rig"] = [done, report.armature, report.frames]
    (other / "walk.mp4").unlink()
    done = list(bpy.ops.v2a.compare())
    found["no video"] = [done, len(verify.camera_of(settings.compared).data.background_images)]
    bpy.ops.v2a.compare()
    settings.motions[0].packed = "AAAA"
    try:
        bpy.ops.v2a.apply()
    except RuntimeError as error:
        found["damaged"] = str(error).strip()
    return found


hand_back(**main(*map(Path, sys.argv[1:5])))
