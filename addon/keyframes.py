"""How Curves become an Action on an armature: the one WRITE edge, in bulk and without stepping the scene."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import bpy
import numpy as np
import numpy.typing as npt
from mathutils import Quaternion

from .compat import CurveWriter
from .retarget.bone_map import Setting
from .retarget.curves import Curves

Array = npt.NDArray[np.float64]
Channels = tuple[str, Array]  # property of a pose bone, (F, C) values

_LINEAR = bpy.types.Keyframe.bl_rna.properties["interpolation"].enum_items["LINEAR"].value
OWN_ACTION = "v2a"  # custom property of the actions made here
NO_AXIS = 1e-9  # sine of half the angle below which a rotation has no axis of its own


def write_curves(armature: bpy.types.Object, curves: Curves, action_name: str) -> bpy.types.Action:
    """A new action with the curves, assigned to the armature. The action it had before is kept in the file, but for
    one that an earlier call made and nothing else uses: that one goes.

    Each rotation is written in the bone's own rotation mode. Unknown stretches get no keys.
    """
    _put_away(armature.animation_data)
    action = bpy.data.actions.new(action_name)
    action[OWN_ACTION] = True
    writer = CurveWriter(action, armature)
    for bone, channels in _channels(armature, curves):
        known = curves.keyed[bone]
        frames = curves.frames[known]
        if len(frames) == 0:
            continue
        path = armature.pose.bones[bone].path_from_id(channels[0])
        for index, values in enumerate(channels[1][known].T):
            _write(writer.new(path, index, bone), frames, values)
    return action


def _put_away(animation: bpy.types.AnimData | None) -> None:
    previous = animation.action if animation is not None else None
    if animation is None or previous is None or previous.library is not None:
        return
    if OWN_ACTION not in previous:
        previous.use_fake_user = True  # else Blender drops the user's work when it next saves
        return
    animation.action = None
    if previous.users == 0:
        bpy.data.actions.remove(previous)


def apply_settings(armature: bpy.types.Object, settings: Iterable[Setting]) -> tuple[str, ...]:
    """Set properties of pose bones, such as Rigify's IK_FK; returns a line for each that the rig does not have."""
    missing: list[str] = []
    for bone_name, key, value in settings:
        bone = armature.pose.bones.get(bone_name)
        if bone is None or key not in bone:
            missing.append(f"armature '{armature.name}' has no property '{key}' on bone '{bone_name}'")
        else:
            bone[key] = type(bone[key])(value)  # an int property given a float turns into a float one
    armature.update_tag()
    return tuple(missing)


def _channels(armature: bpy.types.Object, curves: Curves) -> Iterator[tuple[str, Channels]]:
    pose = armature.pose.bones
    for bone, location in curves.locations.items():
        yield bone, ("location", location)
    for bone, rotation in curves.rotations.items():
        yield bone, _in_mode(pose[bone].rotation_mode, rotation)


def _in_mode(mode: str, quaternions: Array) -> Channels:
    """quaternions: (F, 4) wxyz, continuous. The same rotations as the property that `mode` reads."""
    if mode == "QUATERNION":
        return "rotation_quaternion", quaternions
    if mode == "AXIS_ANGLE":
        return "rotation_axis_angle", axis_angles(quaternions)
    return "rotation_euler", eulers(quaternions, mode)


def axis_angles(quaternions: Array) -> Array:
    """(F, 4) wxyz to (F, 4) angle in radians, x, y, z; the axis never flips between frames."""
    sines = np.linalg.norm(quaternions[:, 1:], axis=1)
    out = np.empty_like(quaternions)
    out[:, 0] = 2 * np.arctan2(sines, quaternions[:, 0])
    axis = np.array([0.0, 1.0, 0.0])
    for i, sine in enumerate(sines):
        if sine > NO_AXIS:
            turned = quaternions[i, 1:] / sine
            if turned @ axis < 0:
                turned, out[i, 0] = -turned, -out[i, 0]
            axis = turned
        out[i, 1:] = axis
    return out


def eulers(quaternions: Array, order: str) -> Array:
    """(F, 4) wxyz to (F, 3) radians in Blender's order ('XYZ' turns about X first); each frame next to the last one."""
    out = np.empty((len(quaternions), 3))
    last = None
    for i, quaternion in enumerate(quaternions):
        euler = Quaternion(quaternion)
        last = euler.to_euler(order) if last is None else euler.to_euler(order, last)
        out[i] = last
    return out


def _write(curve: Any, frames: Array, values: Array) -> None:
    """Fill an empty F-curve with straight keys: one a frame, so anything rounder would only add error."""
    points = curve.keyframe_points
    points.add(len(frames))
    co = np.empty(2 * len(frames), np.float32)
    co[0::2], co[1::2] = frames, values
    points.foreach_set("co", co)
    points.foreach_set("interpolation", np.full(len(frames), _LINEAR, np.uint8))
    curve.update()  # foreach_set does not place the handles; without this evaluation is wrong until reload
