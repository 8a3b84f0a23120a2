"""A motion applied in one go and in slices, with all that may come between two slices: what is there afterwards.

Usage: slices.py MOTION.npz
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from common import RIG, armature, hand_back, load_package, stock

load_package()
from video_to_armature.addon import actions, apply, compat, rig_file  # noqa: E402
from video_to_armature.addon.retarget.choices import Choices, Keying, limbs_of  # noqa: E402
from video_to_armature.addon.steps import Stepping  # noqa: E402
from video_to_armature.lifter.contract.motion import Motion  # noqa: E402
from video_to_armature.lifter.contract.protocol import V2AError  # noqa: E402

motion = Motion.load(Path(sys.argv[1]))
result: dict[str, Any] = {}
LATE = 10  # curves of the motion that are written when something happens
CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "plain": ({}, {}),
    "object": ({"root": "object"}, {}),
    "fewer keys": ({}, {"tolerance": 0.02, "tolerance_m": 0.005}),
    "strip": ({}, {"action": "strip", "start": 11}),
    "into the animator's": ({"limbs": limbs_of(["arms"])}, {"action": "replace"}),
    "beside the animator's": ({}, {"action": "new", "speed": 0.7}),
}


def fresh() -> tuple[bpy.types.Scene, bpy.types.Object]:
    """The rig with keys of an animator's own on a bone that no motion moves."""
    rig_file.open_rig(RIG)
    bpy.context.scene.render.fps = 30
    character = armature()
    bone = character.pose.bones["mixamorig:LeftHandIndex1"]
    for frame in (1, 30):
        bone.keyframe_insert("rotation_quaternion", frame=frame)
    character.animation_data.action.name = "mine"
    return bpy.context.scene, character


def curves() -> dict[str, np.ndarray]:
    """Of all actions: everything that a key is."""
    found: dict[str, np.ndarray] = {}
    for action in bpy.data.actions:
        for curve in compat.fcurves(action):
            points = curve.keyframe_points
            parts = []
            for name, width in (
                *((name, 2) for name in ("co", "handle_left", "handle_right")),
                *((name, 1) for name in ("interpolation", "handle_left_type", "handle_right_type", "type")),
            ):
                values = np.empty(width * len(points), np.float32 if width == 2 else np.uint8)
                points.foreach_get(name, values)
                parts.append(values.astype(np.float64))
            group = curve.group.name if curve.group else ""
            found[f"{action.name} {curve.data_path} {curve.array_index} {group}"] = np.concatenate(parts)
    return found


def told() -> list[Any]:
    """All else that an application leaves: what plays, what is kept, ranges, places, poses, properties, marks."""
    scene, character = bpy.context.scene, armature()
    playing = [(type(player).__name__, player.action.name) for player in actions.players(character)]
    made = {**actions.made_of(character)}
    return [
        playing, made, scene.frame_start, scene.frame_end, list(character.location),
        {key: character[key] for key in character.keys() if key.startswith("v2a_")},  # noqa: SIM118
        [list(bone.location) for bone in character.pose.bones],
        {action.name: action.use_fake_user for action in bpy.data.actions},
        sorted((mark.name, mark.frame) for mark in scene.timeline_markers), stock(),
    ]  # fmt: skip


def sliced(steps: Any, between: Callable[[], None] = lambda: None) -> Any:
    """A step at a time, its threads real ones."""
    stepping = Stepping(steps)
    while stepping.advance(0.0):
        between()
        time.sleep(1e-4)
    return stepping.result


def written() -> int:
    """How many curves the action has that is being written; 0 before there is one."""
    drafts = [action for action in bpy.data.actions if action.name != "mine"]
    return len(compat.fcurves(drafts[0])) if drafts else 0


def people(scene: bpy.types.Scene, character: bpy.types.Object, choices: Any, keying: Any) -> Any:
    return apply.people_steps(
        scene, [character], [motion], "auto", frame_rate="auto", choices=Choices(**choices), keying=Keying(**keying)
    )


def compared(name: str, *ways: Callable[[], Any]) -> None:
    left = []
    for way in ways:
        way()
        left.append((curves(), told()))
    (one, one_told), (other, other_told) = left
    same = one.keys() == other.keys() and all(one[key].shape == other[key].shape for key in one)
    off = max(float(np.abs(one[key] - other[key]).max()) for key in one) if same else None
    differing = [i for i, (a, b) in enumerate(zip(one_told, other_told)) if a != b]
    result[name] = [off, differing, len(one)]


def both_ways(name: str, choices: dict[str, Any], keying: dict[str, Any]) -> None:
    def at_once() -> None:
        scene, character = fresh()
        for _ in range(2):
            report = apply.apply_motion(scene, character, motion, choices=Choices(**choices), keying=Keying(**keying))
        result[f"{name}, warnings"] = report.warnings

    def in_slices() -> None:
        scene, character = fresh()
        for _ in range(2):
            [report] = sliced(people(scene, character, choices, keying))
        result[f"{name}, same warnings"] = report.warnings == result.pop(f"{name}, warnings")

    compared(name, at_once, in_slices)


def refit(way: Callable[[bpy.types.Scene, bpy.types.Object], Any]) -> Callable[[], None]:
    def run() -> None:
        scene, character = fresh()
        apply.apply_motion(scene, character, motion, keying=Keying(action="strip"))
        way(scene, character)

    return run


for name, (choices, keying) in CASES.items():
    both_ways(name, choices, keying)
compared(
    "refit",
    refit(lambda scene, character: apply.refit(scene, [character], [motion])),
    refit(lambda scene, character: sliced(apply.refit_steps(scene, [character], [motion]))),
)

# two armatures that play one action, which is to take the keys of both
scene, character = fresh()
character.animation_data_clear()
second = character.copy()
scene.collection.objects.link(second)
shared = compat.CurveWriter(bpy.data.actions.new("shared"), character)
compat.CurveWriter(shared.action, second)
reports = apply.apply_people(scene, [character, second], [motion, motion], keying=Keying(action="replace"))
result["shared"] = [
    [report.action for report in reports], [action.name for action in bpy.data.actions],
    [len(compat.played_curves(each.animation_data)) for each in (character, second)],
]  # fmt: skip


def stopped(name: str, change: Callable[[], None]) -> None:
    """What is told and what is left of a motion when something happens while it is being written."""
    scene, character = fresh()
    before, at = curves(), [0, 0]

    def between() -> None:
        if written() >= LATE and not at[0]:
            at[:] = written(), len(curves())
            change()

    said = ""
    try:
        sliced(people(scene, character, {}, {}), between)
    except (V2AError, ReferenceError) as error:
        said = f"{type(error).__name__}: {error}"
    result[name] = [said, at, sorted(curves()) == sorted(before)]


def turn_mode() -> None:
    armature().pose.bones["mixamorig:LeftArm"].rotation_mode = "XYZ"


def other_action() -> None:
    armature().animation_data.action = bpy.data.actions.new("mine too")


def move_bone() -> None:
    bpy.context.view_layer.objects.active = armature()
    bpy.ops.object.mode_set(mode="EDIT")
    armature().data.edit_bones["mixamorig:LeftArm"].roll += 0.5
    bpy.ops.object.mode_set(mode="OBJECT")


for name, change in {
    "deleted": lambda: bpy.data.objects.remove(armature()),
    "unlinked": lambda: bpy.context.scene.collection.objects.unlink(armature()),
    "rotation mode": turn_mode,
    "other action": other_action,
    "bone edited": move_bone,
    "draft purged": lambda: bpy.data.actions.remove(bpy.data.actions[-1]),
}.items():
    stopped(name, change)

scene, character = fresh()
work = Stepping(people(scene, character, {}, {}))
while work.advance(0.0) and written() < LATE:
    time.sleep(1e-4)
half = [written(), character.animation_data.action.name]
work.stop()
result["stopped"] = [half, [action.name for action in bpy.data.actions], character.animation_data.action.name]
hand_back(**result)
