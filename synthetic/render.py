"""One clip: draws a Scene with Cycles and writes what is true in it. A bpy process of its own, started by make.py.

    python synthetic/render.py SCENE.json FOLDER [--rigs DIR] [--mocap DIR] [--threads N] [--stills N] [--scale S]
writes FOLDER/video.mp4, truth.npz and scene.json (README.md has their form). --stills draws only some frames, as png.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import Any

import bpy
import numpy as np
import numpy.typing as npt
from mathutils import Vector

from video_to_armature.addon.apply import ApplyReport, apply_motion
from video_to_armature.addon.rig_file import open_rig
from video_to_armature.lifter.contract.motion import Motion
from video_to_armature.lifter.contract.skeleton import BODY_27, mirror_order
from video_to_armature.lifter.train.data import load_mocap
from video_to_armature.synthetic import stage
from video_to_armature.synthetic.person import load_person, posed_marks, preset_of
from video_to_armature.synthetic.scenes import FPS, Scene
from video_to_armature.synthetic.view import intrinsics, place_camera, project

Floats = npt.NDArray[np.float64]

SHARED = Path(__file__).resolve().parents[2] / "shared"
SETTLE_FRAMES = 3  # to either side: a correction of the feet's height comes on over these
SOLE_M = 0.012  # from the marks of toes and heels down to the floor, of a body 1.75 m tall
SOLE_PERCENT = 15.0  # the floor is where the lowest of the soles is in this share of the frames


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("scene", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rigs", type=Path, default=SHARED / "rigs")
    parser.add_argument("--mocap", type=Path, default=SHARED / "mocap")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--stills", type=int, help="only so many frames, evenly spaced, as still-NNN.png")
    parser.add_argument("--scale", type=float, default=1.0, help="of the picture's size, for a look")
    options = parser.parse_args(arguments)
    scene = Scene.from_json(options.scene.read_text("utf-8"))
    began = time.perf_counter()

    open_rig(options.rigs / scene.body.file)
    armature, person = load_person(scene)
    motion = read_motion(scene, options.mocap)
    report = apply_motion(bpy.context.scene, armature, motion, preset_of(scene.body.file), action_name=scene.name)
    ground(armature, posed_marks(armature, person, report.frame_start, scene.frames), motion, report)
    joints = posed_marks(armature, person, report.frame_start, scene.frames)
    floor = float(np.percentile(soles(joints), SOLE_PERCENT)) - SOLE_M * scene.body.stature
    world_from_cam = place_camera(scene.view, joints, floor)
    stage.build(scene.place, scene.light, scene.view, joints, floor, world_from_cam)
    stage.settings(bpy.context.scene, scene.view, scene.shutter, options.threads)
    stage.expose(scene.light.exposure)
    matrix = intrinsics(scene.view)
    joints_cam, _ = project(joints, world_from_cam, matrix)
    options.folder.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        options.folder / "truth.npz",
        joints_cam=joints_cam.astype(np.float32),
        covered=covered(joints, world_from_cam, report.frame_start).astype(np.float16),
        intrinsics=matrix, world_from_cam=world_from_cam, floor=floor, fps=FPS, scene=np.array(scene.to_json()),
        joint_names=np.array(BODY_27.names),
    )  # fmt: skip
    ready = time.perf_counter()
    if options.stills:
        bpy.context.scene.render.resolution_percentage = round(100 * options.scale)
        draw_stills(options.folder, report.frame_start, scene.frames, options.stills)
    else:
        draw_video(options.folder / "video.mp4", report.frame_start, scene.frames)
    drawn = options.stills or scene.frames
    sys.stdout.write(f"\nDRAWN {drawn} {time.perf_counter() - ready:.2f} {ready - began:.2f}\n")
    return 0


def read_motion(scene: Scene, mocap: Path) -> Motion:
    """The clip's stretch as a Motion, as capture would hand it to apply."""
    motions = load_mocap(mocap / scene.motion_file)
    row = int(motions.start[motions.clip_ids.index(scene.clip)]) + scene.start
    joints = motions.joints[row : row + scene.frames].copy()
    if scene.mirrored:
        joints = joints[:, list(mirror_order(BODY_27.names))] * np.array([-1, 1, 1], np.float32)
    F, J = joints.shape[:2]
    return Motion(
        header={"fps": FPS, "first_frame": 0}, joint_names=BODY_27.names, parents=BODY_27.parents, positions=joints,
        confidence=np.ones((F, J), np.float32), keypoints_px=np.full((F, J, 3), (np.nan, np.nan, 0)), intrinsics=np.eye(3),
        world_from_cam=np.eye(4), contacts=np.zeros((F, 4), np.float32), frame_times=np.arange(F) / FPS,
    )  # fmt: skip


def ground(armature: bpy.types.Object, joints: Floats, motion: Motion, report: ApplyReport) -> None:
    """Raise and lower the rig so that its lower foot is as high as the captured one: other shins stand otherwise."""
    off = report.path_scale * soles(motion.positions.astype(np.float64)) - soles(joints)
    padded = np.pad(off, SETTLE_FRAMES, mode="edge")
    window = np.hanning(2 * SETTLE_FRAMES + 3)[1:-1]
    for f, shift in enumerate(np.convolve(padded, window / window.sum(), mode="valid")):
        armature.location.z = float(shift)
        armature.keyframe_insert("location", index=2, frame=report.frame_start + f)


def soles(joints: Floats) -> Floats:
    """(F,) height of the lowest toe or heel of (F, 27, 3)."""
    return joints[:, [BODY_27.index(f"{s}_{p}") for s in ("left", "right") for p in ("heel", "toe")], 2].min(1)


def covered(joints: Floats, world_from_cam: Floats, first: int) -> Floats:
    """(F, 27) metres between the first surface that the camera meets towards a joint and the joint itself."""
    scene = bpy.context.scene
    eye = world_from_cam[:3, 3]
    out = np.zeros(joints.shape[:2])
    for f, frame in enumerate(joints):
        scene.frame_set(first + f)
        graph = bpy.context.evaluated_depsgraph_get()
        for j, joint in enumerate(frame):
            reach = float(np.linalg.norm(joint - eye))
            hit, at, *_ = scene.ray_cast(graph, Vector(eye), Vector((joint - eye) / reach), distance=reach)
            out[f, j] = reach - np.linalg.norm(np.array(at) - eye) if hit else 0.0
    return out


def draw_video(path: Path, first: int, count: int) -> None:
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = first, first + count - 1
    output: Any = scene.render
    output.image_settings.file_format = "FFMPEG"
    output.ffmpeg.format, output.ffmpeg.codec = "MPEG4", "H264"
    output.ffmpeg.constant_rate_factor, output.ffmpeg.ffmpeg_preset = "HIGH", "GOOD"
    output.use_file_extension = False
    output.filepath = str(path)
    bpy.ops.render.render(animation=True)


def draw_stills(folder: Path, first: int, count: int, wanted: int) -> None:
    scene = bpy.context.scene
    scene.render.image_settings.file_format = "PNG"
    for f in np.linspace(0, count - 1, wanted).round().astype(int):
        scene.frame_set(first + int(f))
        scene.render.filepath = str(folder / f"still-{f:03d}.png")
        bpy.ops.render.render(write_still=True)


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(code)  # a normal exit of bpy can hang (shared/PLATFORM.md, trap 1)
