"""The comparison with the video: what its camera sees against the pinhole's figures, its frames, and what is left after.

Usage: verify.py VIDEO.
"""

from __future__ import annotations

import runpy
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from common import hand_back, load_package, stock

load_package()
from bpy_extras.object_utils import world_to_camera_view  # noqa: E402
from mathutils import Vector  # noqa: E402

from video_to_armature.addon import timing, verify  # noqa: E402
from video_to_armature.addon.steps import in_one_go  # noqa: E402
from video_to_armature.addon.verify_shot import Placed, Shot, shot  # noqa: E402
from video_to_armature.lifter.contract.motion import Motion  # noqa: E402

synthetic = runpy.run_path(str(Path(__file__).with_name("synthetic.py")))  # a package has the same name
make, turn = synthetic["make"], synthetic["turn"]
SIZE = (1600, 520)
Z = np.array([0.0, 0.0, 1.0])
INTRINSICS = np.array([[1500.0, 0, 790], [0, 1500, 270], [0, 0, 1]])


def camera(t: float) -> np.ndarray:
    """(4, 4) world_from_cam: 6 m before the person, 1.4 m high, turning and moving."""
    out = np.eye(4)
    out[:3, :3] = turn(Z, 0.2 * t) @ np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
    out[:3, 3] = 0.3 * t, -6, 1.4
    return out


def filmed(*, moving: bool, frames: int = 45, gap: bool = False) -> Motion:
    motion = make(frames, 30.0, gap=gap)
    cameras = np.array([camera(t) for t in motion.frame_times])
    header = {**motion.header, "source": {"file": "walk.mp4", "width": SIZE[0], "height": SIZE[1]}}
    return replace(motion, header=header, intrinsics=INTRINSICS, world_from_cam=cameras if moving else cameras[0])


def pinhole(motion: Motion) -> np.ndarray:
    """(F, J, 2) pixels, by the motion's own figures."""
    cameras = np.broadcast_to(motion.world_from_cam, (motion.frames, 4, 4))
    in_cam = np.einsum("fji,fkj->fki", cameras[:, :3, :3], motion.positions - cameras[:, None, :3, 3])
    seen = in_cam @ motion.intrinsics.T
    return seen[..., :2] / seen[..., 2:]


def seen(made: Shot, frames: list[int]) -> np.ndarray:
    """(N, J, 2) pixels of the video at which Blender's camera sees the skeleton's joints."""
    scene = bpy.context.scene
    eye = next(o for o in bpy.data.objects if o.type == "CAMERA")
    width, height = made.size
    frame = scene.render.resolution_x / scene.render.resolution_y
    across = max(width, height * frame)  # of the camera's frame, in the video's pixels
    out = np.empty((len(frames), made.people[0].positions.shape[1], 2))
    for n, number in enumerate(frames):
        scene.frame_set(number)
        for j, place in enumerate(made.people[0].positions[number - 1]):
            u, v, _ = world_to_camera_view(scene, eye, Vector(place))
            out[n, j] = width / 2 + (u - 0.5) * across, height / 2 + (0.5 - v) * across / frame
    return out


def tubes(number: int) -> np.ndarray:
    """(V, 3) what the skeleton shows at a frame."""
    bpy.context.scene.frame_set(number)
    graph, out = bpy.context.evaluated_depsgraph_get(), []
    for thing in (o for o in bpy.data.objects if o.name.startswith("Captured Skeleton")):
        mesh = thing.evaluated_get(graph).data
        co = np.empty(3 * len(mesh.vertices))
        mesh.vertices.foreach_get("co", co)
        out.append(co.reshape(-1, 3))
    return np.concatenate(out)


def starts_at(motion: Motion, seconds: float) -> float:
    """The second that the first frame of the scene shows, of a capture that began later in the film."""
    later = replace(motion, frame_times=motion.frame_times + seconds)
    return float(timing.shown(later, 24.0, {})[1][0])


def main(video: Path) -> dict[str, Any]:
    scene, found = bpy.context.scene, {}
    for thing in list(bpy.data.objects):
        bpy.data.objects.remove(thing)
    for kind in (bpy.data.cameras, bpy.data.meshes, bpy.data.lights):
        for thing in list(kind):
            kind.remove(thing)
    before = stock()
    world = np.eye(4)
    world[:3, :3], world[:3, 3] = turn(Z, 0.7), (1.0, 2.0, 0.0)
    placed = Placed(world, 1.3, (0.5, -0.4, 0.0))

    for name, resolution in (("landscape", (1920, 1080)), ("portrait", (1080, 1920)), ("wide", (4000, 500))):
        scene.render.resolution_x, scene.render.resolution_y = resolution
        for moving in (False, True):
            motion = filmed(moving=moving)
            made = shot([motion], *timing.shown(motion, 30.0, {}), placed)
            collection = in_one_go(verify.build(scene, made, video))
            at = [1, 2, 20, 45]
            off = np.abs(seen(made, at) - pinhole(motion)[np.array(at) - 1]).max()
            found[f"{name}, {'moving' if moving else 'standing'}: off, px"] = float(off)
            verify.remove(collection)

    motion = filmed(moving=True, gap=True)
    scene.render.fps = 24
    frames, times = timing.shown(motion, 24.0, {})
    made = shot([motion], frames, times, placed)
    collection = in_one_go(verify.build(scene, made, video))
    joints = made.people[0].positions
    found["tubes"] = [
        float(np.abs((co.max(0) + co.min(0)) / 2 - (joints[i].max(0) + joints[i].min(0)) / 2).max())
        for i in (0, 9, 33) if (co := tubes(i + 1)).size
    ]  # fmt: skip
    found["in the gap"] = len(tubes(20))
    found["after the end"] = len(tubes(60))
    eye = next(o for o in bpy.data.objects if o.type == "CAMERA")
    shown = []
    for number in (1, 2, 3, 10, 24):
        scene.frame_set(number)
        user = eye.evaluated_get(bpy.context.evaluated_depsgraph_get()).data.background_images[0].image_user
        shown.append(number + user.frame_offset)
    found["film's frames"] = shown
    found["first frame of a later start"] = starts_at(motion, 1.5)
    found["beyond the picture"] = [eye.data.background_images[0].image.frame_duration, collection.hide_render]
    verify.remove(collection)
    scene.render.fps = 30

    others = [replace(filmed(moving=False), positions=filmed(moving=False).positions + (1.0, 0.5, 0.0)), motion]
    made = shot(others, *timing.shown(others[0], 30.0, {}), placed)
    found["people"] = len(made.people)
    again = shot([others[0]], *timing.shown(others[0], 30.0, {}), placed)
    found["first as alone"] = float(np.abs(made.people[0].positions - again.people[0].positions).max())

    long = filmed(moving=True, frames=3000)
    began = time.perf_counter()
    made = shot([long], *timing.shown(long, 30.0, {}), placed)
    collection = in_one_go(verify.build(scene, made, video))
    found["3000 frames, s"] = time.perf_counter() - began
    began = time.perf_counter()
    for number in range(1, 3000, 30):
        tubes(number)
    found["a frame of 3000, s"] = (time.perf_counter() - began) / 100
    verify.remove(collection)
    found["left"] = {name: n - before[name] for name, n in stock().items() if n != before[name]}
    return found


hand_back(**main(Path(sys.argv[1])))
