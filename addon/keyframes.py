"""How Curves become an Action on an armature: the one WRITE edge, in bulk and without stepping the scene."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np
import numpy.typing as npt
from mathutils import Quaternion

from ..lifter.contract.motion import CONTACT_NAMES
from ..lifter.contract.protocol import RigError
from . import actions
from .actions import HOME, OWN_ACTION
from .compat import CurveWriter, played_curves
from .retarget import quaternion as quat
from .retarget.choices import LIMBS, Keying
from .retarget.curves import Curves
from .retarget.reduction import reduced

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

LINEAR, CONSTANT, BEZIER = (
    bpy.types.Keyframe.bl_rna.properties["interpolation"].enum_items[name].value
    for name in ("LINEAR", "CONSTANT", "BEZIER")
)
ALIGNED = bpy.types.Keyframe.bl_rna.properties["handle_left_type"].enum_items["ALIGNED"].value
CONTACT_PREFIX = "v2a_"  # of the object's custom properties that hold contacts
NO_AXIS = 1e-9  # sine of half the angle below which a rotation has no axis of its own
ROTATIONS = ("rotation_quaternion", "rotation_euler", "rotation_axis_angle")
KEPT = Keying()


def write_curves(
    armature: bpy.types.Object,
    curves: Curves,
    action_name: str,
    made: Mapping[str, Any] | None = None,
    *,
    keying: Keying = KEPT,
    limbs: Collection[str] = LIMBS,
    cleared: Collection[str] = (),
    again: bool = False,
) -> bpy.types.Action:
    """The curves as keys in the action that `keying` chooses.

    Each rotation is written in the bone's own rotation mode. Unknown stretches get no keys. What else the armature's
    action moves stays in it, but for the bones `cleared`, which the keys suppose at rest. made: JSON's types, how the
    action came to be; `actions.made_of` gives it back, with "keys": how many of how many were written, and by how much
    those left out are missed at most. again: into the action that an earlier run made, wherever it plays.
    """
    home = actions.home_location(armature)
    before = actions.made_of(armature).get("bones", {})
    clip = actions.made_of(armature).get("clip", action_name) if again else action_name
    stale = _stale_paths(armature, curves, before, limbs, cleared)
    if again:
        writer = actions.rewriter(armature, stale)
    else:
        writer = actions.writer(armature, keying.action, action_name, stale)
    action, count = writer.action, {"of": 0, "written": 0, "most_deg": 0.0, "most_m": 0.0}
    metre = float(np.cbrt(abs(np.linalg.det(np.array(armature.matrix_world)[:3, :3]))))
    for bone, mask in curves.keyed.items():
        pose = armature.pose.bones[bone]
        if bone in curves.locations:
            places = curves.locations[bone]
            if not pose.bone.use_local_location:  # then its axes are the armature's, not its own
                places = places @ np.array(pose.bone.matrix_local)[:3, :3].T
            channel = _Channel(pose.path_from_id("location"), bone, places, metre)
            _write_channel(writer, channel, curves.frames, mask, keying, count)
        if bone in curves.rotations:
            name, values = _in_mode(pose.rotation_mode, curves.rotations[bone])
            channel = _Channel(pose.path_from_id(name), bone, values, 0.0, pose.rotation_mode)
            _write_channel(writer, channel, curves.frames, mask, keying, count)
    armature.location = home
    if "root" in limbs and HOME in action:
        del action[HOME]
    if curves.object_path is not None:
        action[HOME] = home
        into_parent = np.linalg.inv(np.array(armature.matrix_world @ armature.matrix_basis.inverted())[:3, :3])
        size = 1 / float(np.cbrt(abs(np.linalg.det(into_parent))))
        channel = _Channel("location", "Object Transforms", curves.object_path @ into_parent.T + home, size)
        _write_channel(writer, channel, curves.frames, np.ones(len(curves.frames), np.bool_), keying, count)
    if curves.contacts is not None:
        _write_contacts(armature, writer, curves.frames, curves.contacts)
    bones = {"rotations": list(curves.rotations), "locations": list(curves.locations)}
    if set(limbs) != set(LIMBS):  # those of earlier runs are there still
        bones = {kind: sorted({*names, *before.get(kind, ())}) for kind, names in bones.items()}
    action[OWN_ACTION] = json.dumps({**(made or {}), "clip": clip, "bones": bones, "keys": count})
    if keying.action == "strip" and not again:
        actions.lay(armature, writer, action_name)
    return action


def read_contacts(armature: bpy.types.Object, frames: Array) -> npt.NDArray[np.bool_]:
    """(F, 4) in the order of CONTACT_NAMES: the contacts on the armature's action, as the animator left them.

    Raises RigError where it has none.
    """
    player = actions.own_player(armature)
    found = {curve.data_path: curve for curve in played_curves(player)} if player is not None else {}
    paths = [contact_path(name) for name in CONTACT_NAMES]
    if not all(path in found for path in paths):
        raise RigError(f"armature '{armature.name}' has no contacts to refit by. Apply a motion to it first.")
    return np.array([[found[path].evaluate(frame) > 0.5 for path in paths] for frame in frames.tolist()])


def contact_path(name: str) -> str:
    """The data path of a contact, one of CONTACT_NAMES, on the armature object."""
    return f'["{CONTACT_PREFIX}{name}"]'


def _stale_paths(
    armature: bpy.types.Object,
    curves: Curves,
    before: Mapping[str, Any],
    limbs: Collection[str],
    cleared: Collection[str],
) -> set[str]:
    """Data paths that the new keys take the place of, or that would bend what they mean."""
    bones = armature.pose.bones
    turned, moved = set(curves.rotations), set(curves.locations)
    if set(limbs) == set(LIMBS):
        turned |= set(before.get("rotations", ())) & set(bones.keys())
    if "root" in limbs:
        moved |= set(before.get("locations", ())) & set(bones.keys())
    paths = {bones[name].path_from_id(key) for name in {*turned, *cleared} for key in ROTATIONS}
    paths |= {bones[name].path_from_id("location") for name in {*moved, *cleared}}
    paths |= {bones[name].path_from_id("scale") for name in cleared}
    paths |= {f'{bones[s.bone].path_from_id()}["{s.property}"]' for s in curves.settings if s.bone in bones}
    if {"root", "trunk"} <= set(limbs):
        paths |= {"location", "scale", *ROTATIONS}  # of the object, which stands where it was read
    if curves.contacts is not None:
        paths |= {contact_path(name) for name in CONTACT_NAMES}
    return paths


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
        curve = writer.new(contact_path(name), 0, "Contacts")
        write_keys(curve, frames[changes], column[changes].astype(float), CONSTANT)


def _in_mode(mode: str, quaternions: Array) -> tuple[str, Array]:
    """quaternions: (F, 4) wxyz, continuous. The property that `mode` reads, and the same rotations as its values."""
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


@dataclass(frozen=True)
class _Channel:
    """One property over all frames."""

    path: str
    group: str
    values: Array  # (F, C)
    metre: float  # metres in one of its units; 0: a rotation
    mode: str = ""  # of a rotation

    def off(self, true: Array) -> Callable[[Array], Array]:
        """How far (F,) values are from the true ones: metres, or radians between the rotations."""
        if self.metre:
            return lambda values: np.linalg.norm(values - true, axis=-1) * self.metre
        turns = _turns(self.mode, true)
        return lambda values: quat.angle(quat.mul(quat.inv(turns), _turns(self.mode, values)))


def _turns(mode: str, values: Array) -> Array:
    """(F, 4) wxyz: what Blender makes of a rotation's values."""
    if mode == "QUATERNION":
        return quat.normalised(values)
    if mode == "AXIS_ANGLE":
        return quat.about(quat.normalised(values[:, 1:]), values[:, 0])
    return quat.from_eulers(values, mode)


def _write_channel(
    writer: CurveWriter, channel: _Channel, frames: Array, mask: Mask, keying: Keying, count: dict[str, float]
) -> None:
    known = np.flatnonzero(mask)
    if not len(known):
        return
    curves = [writer.new(channel.path, index, channel.group) for index in range(channel.values.shape[1])]
    count["of"] += len(known) * len(curves)
    tolerance = keying.tolerance_m if channel.metre else keying.tolerance
    if tolerance <= 0:
        count["written"] += len(known) * len(curves)
        for curve, values in zip(curves, channel.values[known].T):
            write_keys(curve, frames[known], values)
        return
    runs = np.split(known, np.flatnonzero(np.diff(known) > 1) + 1)
    parts = [reduced(channel.values[run], channel.off(channel.values[run]), tolerance) for run in runs]
    kept = np.concatenate([run[part.kept] for run, part in zip(runs, parts)])
    slopes = np.concatenate([part.slopes for part in parts])
    ends = np.cumsum([len(part.kept) for part in parts]) - 1  # straight over the gap that follows
    error = max(part.error for part in parts)
    most, error = ("most_m", error) if channel.metre else ("most_deg", float(np.degrees(error)))
    count["written"] += len(kept) * len(curves)
    count[most] = max(count[most], error)
    for index, curve in enumerate(curves):
        _write_smooth(curve, frames[kept], channel.values[kept, index], slopes[:, index], ends)


def _write_smooth(curve: Any, frames: Array, values: Array, slopes: Array, ends: npt.NDArray[np.int64]) -> None:
    """Bezier keys that are `reduction.through`: handles at a third of the way, on the slopes (a frame)."""
    third = np.diff(frames) / 3
    before, after = np.concatenate(([1 / 3], third)), np.concatenate((third, [1 / 3]))
    interpolation = np.full(len(frames), BEZIER, np.uint8)
    interpolation[ends] = LINEAR
    points = curve.keyframe_points
    points.add(len(frames))
    handles = {
        "handle_left": (frames - before, values - slopes * before),
        "co": (frames, values),
        "handle_right": (frames + after, values + slopes * after),
    }
    for side in ("handle_left_type", "handle_right_type"):
        points.foreach_set(side, np.full(len(frames), ALIGNED, np.uint8))
    points.foreach_set("interpolation", interpolation)
    for name, (x, y) in handles.items():
        points.foreach_set(name, np.stack((x, y), axis=-1).ravel().astype(np.float32))
    curve.update()


def write_keys(curve: Any, frames: Array, values: Array, interpolation: int = LINEAR) -> None:
    """Fill an empty F-curve. Straight keys: one a frame, so anything rounder would only add error."""
    points = curve.keyframe_points
    points.add(len(frames))
    co = np.empty(2 * len(frames), np.float32)
    co[0::2], co[1::2] = frames, values
    points.foreach_set("co", co)
    points.foreach_set("interpolation", np.full(len(frames), interpolation, np.uint8))
    curve.update()  # foreach_set does not place the handles; without this evaluation is wrong until reload
