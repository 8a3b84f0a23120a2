"""Motion + armature + preset -> Action: the one path that the panel and the command line both take."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import bpy
import numpy as np
import numpy.typing as npt

from ..lifter.contract.motion import Motion
from ..lifter.contract.protocol import UsageError
from . import compat, keyframes, rig
from .apply_report import REPORT, ApplyReport
from .maps import AUTO, choose_map
from .retarget.choices import Choices
from .retarget.curves import FIRST_FRAME, Curves
from .retarget.people import how_moved, in_one_place, moved_by, started
from .retarget.recognise import Recognition
from .retarget.resample import resample
from .retarget.rest import RestPose
from .retarget.solve import STANDARD, solve

UNSURE = 0.9  # a map found with less sureness than this is told as a warning
FrameRate = Literal["auto", "clip", "scene"]
SAME_FPS = 1e-3  # frames a second; 29.97 and 30000/1001 are the same rate


@dataclass
class _Solved:
    """A motion solved for one armature; nothing is written yet."""

    armature: bpy.types.Object
    motion: Motion
    rest: RestPose
    found: Recognition
    curves: Curves
    sets_fps: bool  # the scene is to take the clip's rate
    preset: str  # as asked for
    choices: Choices
    warnings: list[str]
    seconds: dict[str, float]


def apply_motion(
    scene: bpy.types.Scene,
    armature: bpy.types.Object,
    motion: Motion,
    preset: str = AUTO,
    *,
    frame_rate: FrameRate = "auto",
    action_name: str = "",
    choices: Choices = STANDARD,
) -> ApplyReport:
    """Animate the armature with the motion. Raises V2AError before anything is changed.

    preset: AUTO, the name of a bundled or own map, or a file. frame_rate "auto" gives the scene the clip's rate when nothing
    else in it is animated, otherwise resamples the motion to the scene's: the speed is true either way.
    """
    [placed] = started([motion], choices)
    solved = _solve(scene, armature, placed, preset, frame_rate, choices)
    return _write(scene, solved, how_moved(motion, placed), action_name)


def apply_people(
    scene: bpy.types.Scene,
    armatures: Sequence[bpy.types.Object],
    motions: Sequence[Motion],
    preset: str = AUTO,
    *,
    frame_rate: FrameRate = "auto",
    choices: Choices = STANDARD,
) -> list[ApplyReport]:
    """One motion on each armature; the scene's frame range then holds them all. Raises V2AError before any is changed.

    The motions are of one video: each person is placed as the camera saw them beside the first.
    """
    placed = started(in_one_place(motions), choices)
    solved = [
        _solve(scene, armature, motion, preset, frame_rate, choices)
        for armature, motion in zip(armatures, placed, strict=True)
    ]
    return _write_all(scene, [(one, how_moved(motion, one.motion), "") for one, motion in zip(solved, motions)])


def refit(
    scene: bpy.types.Scene, armatures: Sequence[bpy.types.Object], motions: Sequence[Motion]
) -> list[ApplyReport]:
    """Solve once more by the contacts on the armatures' actions, as the animator has edited them; nothing is detected.

    motions: those that were applied. Preset and choices are those of then, the rate is the scene's. Raises RigError where
    an armature has no contacts, before any is changed.
    """
    solved: list[tuple[_Solved, npt.NDArray[np.float64], str]] = []
    for armature, motion in zip(armatures, motions, strict=True):
        made = keyframes.made_of(armature)
        frames = FIRST_FRAME + np.arange(len(resample(motion, scene_fps(scene)).times), dtype=np.float64)
        contacts = keyframes.read_contacts(armature, frames)
        choices, world = Choices(**made["choices"]), np.array(made["world"])
        one = _solve(scene, armature, moved_by(motion, world), made["preset"], "scene", choices, contacts)
        solved.append((one, world, armature.animation_data.action.name))
    return _write_all(scene, solved)


def _solve(
    scene: bpy.types.Scene,
    armature: bpy.types.Object,
    motion: Motion,
    preset: str,
    frame_rate: FrameRate,
    choices: Choices,
    contacts: npt.NDArray[np.bool_] | None = None,
) -> _Solved:
    """Everything up to writing: the scene and the armature stay as they are."""
    started_at = time.perf_counter()
    rig.check_writable(armature)
    rest = rig.read_rest_pose(armature)
    found = choose_map(rest, preset, rig.humanoid_table(armature))
    warnings = rig.concerns(armature, found.map)
    if found.sureness < UNSURE:
        warnings.append("; ".join((f"bone map {found.words}", *found.doubts)))
    read_at = time.perf_counter()
    fps, sets_fps = _frame_rate(scene, armature, motion.fps, frame_rate, warnings)
    curves = solve(motion, rest, found.map, fps=fps, choices=choices, contacts=contacts)
    seconds = {"read": round(read_at - started_at, 4), "solve": round(time.perf_counter() - read_at, 4)}
    warnings += curves.warnings
    return _Solved(armature, motion, rest, found, curves, sets_fps, preset, choices, warnings, seconds)


def _write_all(
    scene: bpy.types.Scene, solved: Iterable[tuple[_Solved, npt.NDArray[np.float64], str]]
) -> list[ApplyReport]:
    """Each as `_write` takes it; the scene's frame range then holds them all."""
    reports = [_write(scene, *each) for each in solved]
    scene.frame_start = min(report.frame_start for report in reports)
    scene.frame_end = max(report.frame_end for report in reports)
    return reports


def _write(
    scene: bpy.types.Scene, solved: _Solved, world: npt.NDArray[np.float64], action_name: str = ""
) -> ApplyReport:
    """world: (4, 4) how the motion was moved before it was solved."""
    started_at = time.perf_counter()
    armature, curves, mapped, warnings = solved.armature, solved.curves, solved.found.map, solved.warnings
    if solved.sets_fps:
        whole = max(1, round(solved.motion.fps))
        scene.render.fps, scene.render.fps_base = whole, whole / solved.motion.fps
    warnings += keyframes.apply_settings(armature, curves.settings)
    if armature.data.pose_position == "REST":  # nothing would move, neither here nor in an export
        armature.data.pose_position = "POSE"
        warnings.append("the armature was shown in Rest Position and is now in Pose Position, so that it moves")
    warnings += _clear_pose(armature, solved.rest, curves)
    made = {"preset": solved.preset, "choices": asdict(solved.choices), "world": world.tolist()}
    name = action_name or _action_name(solved.motion)
    action = keyframes.write_curves(armature, curves, name, json.dumps(made))
    _set_frame_range(scene, curves)
    _set_markers(scene, armature, curves)
    report = ApplyReport(
        armature=armature.name,
        action=action.name,
        preset=mapped.name,
        recognised=solved.found.words,
        sureness=round(solved.found.sureness, 3),
        person=str(solved.motion.header.get("person", "")),
        frames=len(curves.frames),
        fps=scene_fps(scene),
        frame_start=scene.frame_start,
        frame_end=scene.frame_end,
        root=solved.choices.root,
        path_scale=curves.path_scale,
        mapped_bones={part: list(bones) for part, bones in mapped.bones.items()},
        unmapped_bones=list(curves.unmapped_bones),
        unmapped_parts=list(curves.unmapped_parts),
        warnings=warnings,
        seconds={**solved.seconds, "write": round(time.perf_counter() - started_at, 4)},
        figures={bone: dict(figures) for bone, figures in curves.figures.items()},
        slides={side: dict(slide) for side, slide in curves.slides.items()},
    )
    action[REPORT] = json.dumps(report.record())
    return report


def place_of(scene: bpy.types.Scene, word: str) -> tuple[float, float, float] | None:
    """Where "capture" (None), "origin", "cursor" or "x,y,z" is, metres. Raises UsageError."""
    if word == "capture":
        return None
    numbers = {"origin": (0.0, 0.0, 0.0), "cursor": tuple(scene.cursor.location)}.get(word, word.split(","))
    try:
        x, y, z = map(float, numbers)
    except ValueError as error:
        raise UsageError(
            f"place '{word}' is not known. Give capture, origin, cursor or three numbers X,Y,Z."
        ) from error
    return x, y, z


def scene_fps(scene: bpy.types.Scene) -> float:
    """Frames a second of the scene, 29.97 included."""
    return scene.render.fps / scene.render.fps_base


def _frame_rate(
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


def _clear_pose(armature: bpy.types.Object, rest: RestPose, curves: Curves) -> Iterable[str]:
    """Undo hand posing that the new keys would add to: of the bones written, of all above them, of neutral controls."""
    written = set(curves.rotations) | set(curves.locations)
    concerned = {rest.index(name) for name in (*written, *curves.neutral_bones)}
    concerned |= {above for bone in concerned for above in rest.ancestors(bone)}
    own = keyframes.own_action(armature)
    ours = {curve.data_path for curve in compat.fcurves(own)} if own is not None else set[str]()  # no hand made these
    posed: list[str] = []
    for i in sorted(concerned):
        name = rest.bone_names[i]
        bone = armature.pose.bones[name]
        keyed = any(path.startswith(bone.path_from_id() + ".") for path in ours) if name not in written else True
        if not keyed and not np.allclose(bone.matrix_basis, np.eye(4), atol=1e-5):
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
