"""How Curves become an Action on an armature: the one WRITE edge, in bulk and without stepping the scene."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import bpy
import numpy as np
import numpy.typing as npt
from mathutils import Quaternion

from ..lifter.contract.motion import CONTACT_NAMES
from ..lifter.contract.protocol import RigError
from .compat import CurveWriter, fcurves
from .retarget.bone_map import Setting
from .retarget.curves import Curves

Array = npt.NDArray[np.float64]
Channels = tuple[str, Array]  # property of a pose bone, (F, C) values

_LINEAR, _CONSTANT = (
    bpy.types.Keyframe.bl_rna.properties["interpolation"].enum_items[name].value for name in ("LINEAR", "CONSTANT")
)
OWN_ACTION = "v2a"  # custom property of the actions made here: how they were made, JSON
HOME = "v2a_home"  # custom property of an action that moves the object: where it stood before
CONTACT_PREFIX = "v2a_"  # of the object's custom properties that hold contacts
NO_AXIS = 1e-9  # sine of half the angle below which a rotation has no axis of its own


def write_curves(armature: bpy.types.Object, curves: Curves, action_name: str, made: str = "{}") -> bpy.types.Action:
    """A new action with the curves, assigned to the armature. The action it had before is kept in the file, but for
    one that an earlier call made and nothing else uses: that one goes.

    Each rotation is written in the bone's own rotation mode. Unknown stretches get no keys. made: JSON, how the action
    came to be; `made_of` gives it back.
    """
    home = home_location(armature)
    _put_away(armature.animation_data)
    action = bpy.data.actions.new(action_name)
    action[OWN_ACTION] = made
    writer = CurveWriter(action, armature)
    for bone, channels in _channels(armature, curves):
        known = curves.keyed[bone]
        frames = curves.frames[known]
        if len(frames) == 0:
            continue
        path = armature.pose.bones[bone].path_from_id(channels[0])
        for index, values in enumerate(channels[1][known].T):
            _write(writer.new(path, index, bone), frames, values)
    armature.location = home
    if curves.object_path is not None:
        action[HOME] = home
        into_parent = np.linalg.inv(np.array(armature.matrix_world @ armature.matrix_basis.inverted())[:3, :3])
        for index, values in enumerate((curves.object_path @ into_parent.T + home).T):
            _write(writer.new("location", index, "Object Transforms"), curves.frames, values)
    if curves.contacts is not None:
        _write_contacts(armature, writer, curves.frames, curves.contacts)
    return action


def own_action(armature: bpy.types.Object) -> bpy.types.Action | None:
    """The action that an earlier run gave the armature, if it still has it."""
    animation = armature.animation_data
    action = animation.action if animation is not None else None
    return action if action is not None and OWN_ACTION in action else None


def made_of(armature: bpy.types.Object) -> dict[str, Any]:
    """How the armature's own action came to be; {} where it has none."""
    action = own_action(armature)
    record = json.loads(action[OWN_ACTION]) if action is not None else {}
    return record if isinstance(record, dict) else {}


def home_location(armature: bpy.types.Object) -> list[float]:
    """Where the object stands without the path that an earlier run keyed on it; in its parent's space."""
    action = own_action(armature)
    return list(action[HOME] if action is not None and HOME in action else armature.location)


def read_contacts(armature: bpy.types.Object, frames: Array) -> npt.NDArray[np.bool_]:
    """(F, 4) in the order of CONTACT_NAMES: the contacts on the armature's action, as the animator left them.

    Raises RigError where it has none.
    """
    action = own_action(armature)
    found = {curve.data_path: curve for curve in fcurves(action)} if action is not None else {}
    paths = [f'["{CONTACT_PREFIX}{name}"]' for name in CONTACT_NAMES]
    if not all(path in found for path in paths):
        raise RigError(f"armature '{armature.name}' has no contacts to refit by. Apply a motion to it first.")
    return np.array([[found[path].evaluate(frame) > 0.5 for path in paths] for frame in frames.tolist()])


def _write_contacts(
    armature: bpy.types.Object, writer: CurveWriter, frames: Array, contacts: npt.NDArray[np.bool_]
) -> None:
    """Properties 0 or 1 on the object, with a key where they change."""
    for name, column in zip(CONTACT_NAMES, contacts.T):
        key = f"{CONTACT_PREFIX}{name}"
        armature[key] = int(column[0])
        armature.id_properties_ui(key).update(
            min=0, max=1, description=f"Whether the {name.replace('_', ' ')} stands; edit the keys, then Refit Feet"
        )
        changes = np.concatenate(([0], np.flatnonzero(np.diff(column.astype(int))) + 1))
        curve = writer.new(f'["{key}"]', 0, "Contacts")
        _write(curve, frames[changes], column[changes].astype(float), _CONSTANT)


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


def _write(curve: Any, frames: Array, values: Array, interpolation: int = _LINEAR) -> None:
    """Fill an empty F-curve. Straight keys: one a frame, so anything rounder would only add error."""
    points = curve.keyframe_points
    points.add(len(frames))
    co = np.empty(2 * len(frames), np.float32)
    co[0::2], co[1::2] = frames, values
    points.foreach_set("co", co)
    points.foreach_set("interpolation", np.full(len(frames), interpolation, np.uint8))
    curve.update()  # foreach_set does not place the handles; without this evaluation is wrong until reload
