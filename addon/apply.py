"""Motion + armature + preset -> Action: the one path that the panel and the command line both take."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import bpy
import numpy as np
import numpy.typing as npt

from ..lifter.contract.motion import Motion
from ..lifter.contract.protocol import RigError, UsageError
from . import actions, compat, keyframes, rates, rig, switches
from .apply_report import REPORT, ApplyReport
from .maps import AUTO, choose_map
from .rates import FrameRate as FrameRate
from .rates import scene_fps as scene_fps
from .rates import set_fps as set_fps
from .retarget.choices import LIMBS, Choices, Keying
from .retarget.curves import Curves, begun_at
from .retarget.limbs import legs, map_of
from .retarget.people import how_moved, in_one_place, moved_by, started
from .retarget.recognise import Recognition
from .retarget.resample import resample, trimmed
from .retarget.rest import RestPose
from .retarget.solve import STANDARD, solve

UNSURE = 0.9  # a map found with less sureness than this is told as a warning


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
    keying: Keying
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
    keying: Keying = keyframes.KEPT,
) -> ApplyReport:
    """Animate the armature with the motion. Raises V2AError before anything is changed.

    preset: AUTO, the name of a bundled or own map, or a file. frame_rate "auto" gives the scene the clip's rate when nothing
    else in it is animated, otherwise resamples the motion to the scene's: the speed is true either way.
    """
    motion = trimmed(motion, keying)
    [placed] = started([motion], choices)
    solved = _solve(scene, armature, placed, preset, frame_rate, choices, keying)
    return _write(scene, solved, how_moved(motion, placed), action_name)


def apply_people(
    scene: bpy.types.Scene,
    armatures: Sequence[bpy.types.Object],
    motions: Sequence[Motion],
    preset: str = AUTO,
    *,
    frame_rate: FrameRate = "auto",
    action_name: str = "",
    choices: Choices = STANDARD,
    keying: Keying = keyframes.KEPT,
) -> list[ApplyReport]:
    """One motion on each armature; the scene's frame range then holds them all. Raises V2AError before any is changed.

    The motions are of one video: each person is placed as the camera saw them beside the first.
    """
    placed = started([trimmed(motion, keying) for motion in in_one_place(motions)], choices)
    solved = [
        _solve(scene, armature, motion, preset, frame_rate, choices, keying)
        for armature, motion in zip(armatures, placed, strict=True)
    ]
    used = (trimmed(motion, keying) for motion in motions)
    placed_by = [(one, how_moved(motion, one.motion)) for one, motion in zip(solved, used)]
    return _write_all(scene, placed_by, action_name)


def refit(
    scene: bpy.types.Scene, armatures: Sequence[bpy.types.Object], motions: Sequence[Motion]
) -> list[ApplyReport]:
    """Solve once more by the contacts on the armatures' actions, as the animator has edited them; nothing is detected.

    motions: those that were applied. Preset and choices are those of then, the rate is the scene's. Raises RigError where
    an armature has no contacts, before any is changed.
    """
    solved: list[tuple[_Solved, npt.NDArray[np.float64]]] = []
    for armature, motion in zip(armatures, motions, strict=True):
        made = actions.made_of(armature)
        keying, choices = Keying(**made.get("keying", {})), Choices(**made.get("choices", {}))
        if not made or not legs(choices.limbs):
            raise RigError(f"armature '{armature.name}' has no contacts to refit by. Apply a motion to its legs first.")
        motion = trimmed(motion, keying)
        grid = resample(motion, scene_fps(scene) / keying.speed)
        contacts = keyframes.read_contacts(armature, keying.start + np.arange(len(grid.times), dtype=np.float64))
        world = np.array(made["world"])
        one = _solve(scene, armature, moved_by(motion, world), made["preset"], "scene", choices, keying, contacts)
        solved.append((one, world))
    return _write_all(scene, solved, again=True)


def _solve(
    scene: bpy.types.Scene,
    armature: bpy.types.Object,
    motion: Motion,
    preset: str,
    frame_rate: FrameRate,
    choices: Choices,
    keying: Keying,
    contacts: npt.NDArray[np.bool_] | None = None,
) -> _Solved:
    """Everything up to writing: the scene and the armature stay as they are."""
    started_at = time.perf_counter()
    rig.check_writable(armature)
    actions.check(armature, keying.action)
    rest = rig.read_rest_pose(armature)
    found = choose_map(rest, preset, rig.humanoid_table(armature))
    warnings = rig.concerns(armature, map_of(found.map, choices.limbs))
    if found.sureness < UNSURE:
        warnings.append("; ".join((f"bone map {found.words}", *found.doubts)))
    read_at = time.perf_counter()
    fps, sets_fps = rates.frame_rate(scene, armature, motion.fps, frame_rate, warnings)
    curves = solve(motion, rest, found.map, fps=fps / keying.speed, choices=choices, contacts=contacts)
    curves = begun_at(curves, keying.start)
    seconds = {"read": round(read_at - started_at, 4), "solve": round(time.perf_counter() - read_at, 4)}
    warnings += curves.warnings
    return _Solved(armature, motion, rest, found, curves, sets_fps, preset, choices, keying, warnings, seconds)


def _write_all(
    scene: bpy.types.Scene,
    solved: Iterable[tuple[_Solved, npt.NDArray[np.float64]]],
    action_name: str = "",
    *,
    again: bool = False,
) -> list[ApplyReport]:
    """Each as `_write` takes it; the scene's frame range then holds them all."""
    reports = [_write(scene, one, world, action_name, again=again) for one, world in solved]
    scene.frame_start = min(report.frame_start for report in reports)
    scene.frame_end = max(report.frame_end for report in reports)
    return reports


def _write(
    scene: bpy.types.Scene,
    solved: _Solved,
    world: npt.NDArray[np.float64],
    action_name: str = "",
    *,
    again: bool = False,
) -> ApplyReport:
    """world: (4, 4) how the motion was moved before it was solved. again: into the action that has its keys already."""
    started_at = time.perf_counter()
    armature, curves, mapped, warnings = solved.armature, solved.curves, solved.found.map, solved.warnings
    if solved.sets_fps:
        set_fps(scene, solved.motion.fps)
    warnings += switches.apply_settings(armature, curves.settings)
    if armature.data.pose_position == "REST":  # nothing would move, neither here nor in an export
        armature.data.pose_position = "POSE"
        warnings.append("the armature was shown in Rest Position and is now in Pose Position, so that it moves")
    limbs = solved.choices.limbs
    cleared = _held_at_rest(solved.rest, curves) if set(limbs) == set(LIMBS) else set[str]()
    warnings += _clear_pose(armature, curves, cleared)
    made = {
        "preset": solved.preset,
        "choices": asdict(solved.choices),
        "keying": asdict(solved.keying),
        "world": world.tolist(),
    }
    name = action_name or _action_name(solved.motion)
    action = keyframes.write_curves(
        armature, curves, name, made, keying=solved.keying, limbs=limbs, cleared=cleared, again=again
    )
    _set_frame_range(scene, armature, curves)
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
        limbs=list(limbs),
        keys=actions.made_of(armature)["keys"],
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


def _held_at_rest(rest: RestPose, curves: Curves) -> set[str]:
    """Bones whose pose adds to what the keys of a whole body mean: those written, all above them, neutral controls."""
    written = set(curves.rotations) | set(curves.locations)
    above = {bone for name in (*written, *curves.neutral_bones) for bone in rest.ancestors(rest.index(name))}
    return {rest.bone_names[bone] for bone in above} | set(curves.neutral_bones) | written


def _clear_pose(armature: bpy.types.Object, curves: Curves, cleared: Iterable[str]) -> Iterable[str]:
    """Undo hand posing that the new keys would add to: of the bones written, and of those to be cleared."""
    keyed = {curve.data_path for player in actions.players(armature) for curve in compat.played_curves(player)}
    posed: list[str] = []
    for name in sorted(cleared):
        bone = armature.pose.bones[name]
        moved = any(path.startswith(bone.path_from_id() + ".") for path in keyed)
        if not moved and name not in curves.keyed and not np.allclose(bone.matrix_basis, np.eye(4), atol=1e-5):
            posed.append(name)
    for name in {*curves.rotations, *cleared}:
        bone = armature.pose.bones[name]
        bone.rotation_quaternion, bone.rotation_euler = (1, 0, 0, 0), (0, 0, 0)
        bone.rotation_axis_angle = (0, 0, 1, 0)
    for name in {*curves.locations, *cleared}:
        armature.pose.bones[name].location = (0, 0, 0)
    for name in cleared:
        armature.pose.bones[name].scale = (1, 1, 1)
    if posed:
        return (f"hand-made pose cleared on {', '.join(posed)}: it would have bent the motion",)
    return ()


def _set_frame_range(scene: bpy.types.Scene, armature: bpy.types.Object, curves: Curves) -> None:
    """From the first frame that moves the armature to the last: the new keys, and what it has besides."""
    spans = [(float(curves.frames[0]), float(curves.frames[-1]))]
    for player in actions.players(armature):
        if isinstance(player, bpy.types.AnimData):
            spans.append(tuple(player.action.frame_range))
        elif not player.mute:
            spans.append((player.frame_start, player.frame_end))
    scene.frame_start = int(np.floor(min(first for first, _ in spans)))
    scene.frame_end = max(scene.frame_start, int(np.ceil(max(last for _, last in spans))))


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
