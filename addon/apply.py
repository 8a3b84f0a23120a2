"""Motion + armature + preset -> Action: the one path that the panel and the command line both take."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import bpy
import numpy as np

from ..lifter.contract.motion import Motion
from ..lifter.contract.protocol import PresetError
from . import compat, keyframes, rig
from .retarget import bone_map as bone_maps
from .retarget.bone_map import BoneMap
from .retarget.curves import Curves
from .retarget.people import in_one_place
from .retarget.rest import RestPose
from .retarget.solve import solve

PRESETS = Path(__file__).resolve().parent.parent / "presets" / "rigs"
AUTO = "auto"
FrameRate = Literal["auto", "clip", "scene"]
SAME_FPS = 1e-3  # frames a second; 29.97 and 30000/1001 are the same rate


@dataclass(frozen=True)
class ApplyReport:
    """What was done to one armature, in JSON's types."""

    armature: str
    action: str
    preset: str
    person: str
    frames: int
    fps: float
    frame_start: int
    frame_end: int
    path_scale: float  # of the rig's path against the motion's
    mapped_bones: dict[str, list[str]]  # body part -> bones
    unmapped_bones: list[str]
    unmapped_parts: list[str]
    warnings: list[str]
    seconds: dict[str, float]
    figures: dict[str, dict[str, float]]  # the solver's, by bone

    def record(self) -> dict[str, Any]:
        return asdict(self)


def apply_motion(
    scene: bpy.types.Scene,
    armature: bpy.types.Object,
    motion: Motion,
    preset: str = AUTO,
    *,
    frame_rate: FrameRate = "auto",
    action_name: str = "",
) -> ApplyReport:
    """Animate the armature with the motion. Raises RigError, PresetError.

    preset: AUTO, the name of a bundled map, or a file. frame_rate "auto" gives the scene the clip's rate when nothing
    else in it is animated, otherwise resamples the motion to the scene's: the speed is true either way.
    """
    seconds: dict[str, float] = {}
    started = time.perf_counter()

    def lap(step: str) -> None:
        nonlocal started
        now = time.perf_counter()
        seconds[step], started = round(now - started, 4), now

    rig.check_writable(armature)
    rest = rig.read_rest_pose(armature)
    mapped = choose_map(rest, preset)
    lap("read")
    warnings: list[str] = []
    fps = _settle_frame_rate(scene, armature, motion.fps, frame_rate, warnings)
    curves = solve(motion, rest, mapped, fps=fps)
    lap("solve")
    warnings += curves.warnings
    warnings += keyframes.apply_settings(armature, curves.settings)
    if armature.data.pose_position == "REST":  # nothing would move, neither here nor in an export
        armature.data.pose_position = "POSE"
        warnings.append("the armature was shown in Rest Position and is now in Pose Position, so that it moves")
    warnings += _clear_pose(armature, rest, curves)
    action = keyframes.write_curves(armature, curves, action_name or _action_name(motion))
    _set_frame_range(scene, curves)
    _set_markers(scene, armature, curves)
    lap("write")
    return ApplyReport(
        armature=armature.name,
        action=action.name,
        preset=mapped.name,
        person=str(motion.header.get("person", "")),
        frames=len(curves.frames),
        fps=fps,
        frame_start=scene.frame_start,
        frame_end=scene.frame_end,
        path_scale=curves.path_scale,
        mapped_bones={part: list(bones) for part, bones in mapped.bones.items()},
        unmapped_bones=list(curves.unmapped_bones),
        unmapped_parts=list(curves.unmapped_parts),
        warnings=warnings,
        seconds=seconds,
        figures={bone: dict(figures) for bone, figures in curves.figures.items()},
    )


def apply_people(
    scene: bpy.types.Scene,
    armatures: Sequence[bpy.types.Object],
    motions: Sequence[Motion],
    preset: str = AUTO,
    *,
    frame_rate: FrameRate = "auto",
) -> list[ApplyReport]:
    """One motion on each armature; the scene's frame range then holds them all. Raises RigError, PresetError.

    The motions are of one video: each person is placed as the camera saw them beside the first.
    """
    reports = [
        apply_motion(scene, armature, motion, preset, frame_rate=frame_rate)
        for armature, motion in zip(armatures, in_one_place(motions), strict=True)
    ]
    scene.frame_start = min(report.frame_start for report in reports)
    scene.frame_end = max(report.frame_end for report in reports)
    return reports


def preset_names() -> list[str]:
    """Names of the bundled bone maps."""
    return sorted(path.stem for path in PRESETS.glob("*.toml"))


def choose_map(rest: RestPose, preset: str = AUTO) -> BoneMap:
    """The bone map for this armature. Raises PresetError naming what does not fit."""
    if preset == AUTO:
        return bone_maps.detect(rest, bone_maps.presets(PRESETS))[0]
    return bone_maps.resolve(bone_maps.load_preset(preset_path(preset)), rest)


def preset_path(preset: str) -> Path:
    """The file of a bundled preset or of the user's own. Raises PresetError."""
    bundled = PRESETS / f"{preset}.toml"
    if preset in preset_names():
        return bundled
    path = Path(preset)
    if path.is_file():
        return path
    raise PresetError(
        f"{preset}: no such preset file, and no bundled preset of that name ({', '.join(preset_names())})."
    )


def scene_fps(scene: bpy.types.Scene) -> float:
    """Frames a second of the scene, 29.97 included."""
    return scene.render.fps / scene.render.fps_base


def _settle_frame_rate(
    scene: bpy.types.Scene, armature: bpy.types.Object, clip: float, choice: FrameRate, warnings: list[str]
) -> float:
    """The rate to solve at; sets the scene's where the choice says so. A warning tells when the keys are resampled."""
    if abs(scene_fps(scene) - clip) < SAME_FPS:
        return scene_fps(scene)
    if choice == "clip" or (choice == "auto" and not _animated(scene, armature)):
        whole = max(1, round(clip))
        scene.render.fps, scene.render.fps_base = whole, whole / clip
        return scene_fps(scene)
    warnings.append(f"the clip's {clip:.6g} frames a second were resampled to the scene's {scene_fps(scene):.6g}")
    return scene_fps(scene)


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


def _clear_pose(armature: bpy.types.Object, rest: RestPose, curves: Curves) -> Iterable[str]:
    """Undo hand posing that the new keys would add to: of the bones written, of all above them, of neutral controls."""
    written = set(curves.rotations) | set(curves.locations)
    concerned = {rest.index(name) for name in (*written, *curves.neutral_bones)}
    concerned |= {above for bone in concerned for above in rest.ancestors(bone)}
    posed: list[str] = []
    for i in sorted(concerned):
        name = rest.bone_names[i]
        bone = armature.pose.bones[name]
        if name not in written and not np.allclose(bone.matrix_basis, np.eye(4), atol=1e-5):
            posed.append(name)
        bone.location, bone.scale = (0, 0, 0), (1, 1, 1)
        bone.rotation_quaternion, bone.rotation_euler = (1, 0, 0, 0), (0, 0, 0)
        bone.rotation_axis_angle = (0, 0, 1, 0)
    if posed:
        return (f"hand-made pose cleared on {', '.join(posed)}: it would have bent the motion",)
    return ()


def _set_frame_range(scene: bpy.types.Scene, curves: Curves) -> None:
    scene.frame_start = int(np.floor(curves.frames[0]))
    scene.frame_end = max(scene.frame_start, int(np.ceil(curves.frames[-1])))


def _set_markers(scene: bpy.types.Scene, armature: bpy.types.Object, curves: Curves) -> None:
    """Marks of gaps on the timeline, in place of those that an earlier run left for this armature."""
    prefix = f"{armature.name}: "
    for marker in [m for m in scene.timeline_markers if m.name.startswith(prefix)]:
        scene.timeline_markers.remove(marker)
    for frame, text in curves.markers:
        scene.timeline_markers.new(prefix + text, frame=round(frame))


def _action_name(motion: Motion) -> str:
    """From the video's file name, so that several takes can be told apart."""
    source = motion.header.get("source")
    name = source.get("file", "") if isinstance(source, dict) else ""
    return re.sub(r"[^\w .-]", "_", Path(str(name)).stem)[:50] or "Motion"
