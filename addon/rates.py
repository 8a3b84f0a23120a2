"""Which frame rate the scene has, and which it gets: the speed of a movement is never changed without a word."""

from __future__ import annotations

from typing import Literal

import bpy

from . import compat

FrameRate = Literal["auto", "clip", "scene"]
SAME_FPS = 1e-3  # frames a second; 29.97 and 30000/1001 are the same rate


def scene_fps(scene: bpy.types.Scene) -> float:
    """Frames a second of the scene, 29.97 included."""
    return scene.render.fps / scene.render.fps_base


def set_fps(scene: bpy.types.Scene, fps: float) -> None:
    """Frames a second of the scene, 29.97 included."""
    whole = max(1, round(fps))
    scene.render.fps, scene.render.fps_base = whole, whole / fps


def frame_rate(
    scene: bpy.types.Scene, armature: bpy.types.Object, clip: float, choice: FrameRate, warnings: list[str]
) -> tuple[float, bool]:
    """The rate to solve at, and whether the scene is to take it. A warning tells when the keys are resampled."""
    if abs(scene_fps(scene) - clip) < SAME_FPS:
        return scene_fps(scene), False
    if choice == "clip" or (choice == "auto" and not _animated(scene, armature)):
        return clip, True
    warnings.append(f"the clip's {clip:.6g} frames a second were resampled to the scene's {scene_fps(scene):.6g}")
    return scene_fps(scene), False


def _animated(scene: bpy.types.Scene, armature: bpy.types.Object) -> bool:
    """Whether a new frame rate would change the speed of anything else in the scene."""
    if compat.has_sequencer_strips(scene):
        return True
    users = bpy.data.user_map(subset=bpy.data.actions).values()  # objects, shape keys, lights, materials, worlds …
    return any(user != armature and _plays_in(scene, user) for using in users for user in using)


def _plays_in(scene: bpy.types.Scene, user: bpy.types.ID) -> bool:
    """Whether what has an action can be seen moving in the scene: not an editor's window, nor what was deleted."""
    if isinstance(user, bpy.types.Object):
        return user.name in scene.objects
    if isinstance(user, bpy.types.Scene):
        return user == scene
    return user.users > 0 and not isinstance(user, bpy.types.Screen | bpy.types.WindowManager)
