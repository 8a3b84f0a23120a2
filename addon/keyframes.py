"""How keys come onto an armature's F-curves: the one WRITE edge, in bulk and without stepping the scene."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import bpy
import numpy as np
import numpy.typing as npt

from ..lifter.contract.protocol import RigError
from . import actions
from .compat import played_curves
from .keys import CONTACT_PREFIX, Keys, Owner, contact_path
from .retarget.choices import LIMBS
from .retarget.curves import CONTACTS, Curves
from .retarget.rest import RestPose

Array = npt.NDArray[np.float64]

LINEAR, CONSTANT, BEZIER = (
    bpy.types.Keyframe.bl_rna.properties["interpolation"].enum_items[name].value
    for name in ("LINEAR", "CONSTANT", "BEZIER")
)
ALIGNED = bpy.types.Keyframe.bl_rna.properties["handle_left_type"].enum_items["ALIGNED"].value
RED = bpy.types.Keyframe.bl_rna.properties["type"].enum_items["EXTREME"].value  # what the timeline shows such keys in
ROTATIONS = ("rotation_quaternion", "rotation_euler", "rotation_axis_angle")


def read_owner(armature: bpy.types.Object, rest: RestPose) -> Owner:
    """rest: the armature's own."""
    return Owner(
        rest=rest,
        paths={bone.name: bone.path_from_id() for bone in armature.pose.bones},
        armature_axes=frozenset(bone.name for bone in armature.data.bones if not bone.use_local_location),
        home=np.array(actions.home_location(armature)),
        world_from_parent=np.array(armature.matrix_world @ armature.matrix_basis.inverted())[:3, :3],
    )


def stale_paths(
    armature: bpy.types.Object, owner: Owner, curves: Curves, limbs: Collection[str], cleared: Collection[str]
) -> set[str]:
    """Data paths that the new keys take the place of, or that would bend what they mean. cleared: bones, all of them."""
    bones, before = owner.paths, actions.made_of(armature).get("bones", {})
    turned, moved = set(curves.rotations), set(curves.locations)
    if set(limbs) == set(LIMBS):
        turned |= set(before.get("rotations", ())) & set(bones)
    if "root" in limbs:
        moved |= set(before.get("locations", ())) & set(bones)
    paths = {f"{bones[name]}.{key}" for name in {*turned, *cleared} for key in ROTATIONS}
    paths |= {f"{bones[name]}.location" for name in {*moved, *cleared}}
    paths |= {f"{bones[name]}.scale" for name in cleared}
    paths |= {f'{bones[s.bone]}["{s.property}"]' for s in curves.settings if s.bone in bones}
    if {"root", "trunk"} <= set(limbs):
        paths |= {"location", "scale", *ROTATIONS}  # of the object, which stands where it was read
    if curves.contacts is not None:
        paths |= {contact_path(name) for name in CONTACTS}
    return paths


def write(curve: Any, keys: Keys, unsure: Iterable[tuple[int, int]] = ()) -> None:
    """Fill an empty F-curve. unsure: frames, first and last, between which the keys are to be red."""
    if keys.slopes is None:
        write_keys(curve, keys.frames, keys.values, CONSTANT if keys.stepped else LINEAR)
    else:
        _write_smooth(curve, keys, keys.slopes)
    red = np.zeros(len(keys.frames), np.bool_)
    for first, last in unsure:
        red |= (keys.frames >= first) & (keys.frames <= last)
    if red.any():
        curve.keyframe_points.foreach_set("type", np.where(red, RED, 0).astype(np.uint8))


def set_contacts(armature: bpy.types.Object, contacts: npt.NDArray[np.bool_]) -> None:
    """The properties 0 or 1 on the object that the contacts' curves move. contacts: (F, 6) in the order of CONTACTS."""
    for name, stands in zip(CONTACTS, contacts[0]):
        key = f"{CONTACT_PREFIX}{name}"
        armature[key] = int(stands)
        armature.id_properties_ui(key).update(
            min=0,
            max=1,
            description=f"Whether the {name.replace('_', ' ')} stands or rests; edit the keys, then Refit Feet",
        )


def read_contacts(armature: bpy.types.Object, frames: Array) -> npt.NDArray[np.bool_]:
    """(F, 6) in the order of CONTACTS: the contacts on the armature's action, as the animator left them.

    Raises RigError where it has none.
    """
    player = actions.own_player(armature)
    found = {curve.data_path: curve for curve in played_curves(player)} if player is not None else {}
    paths = [contact_path(name) for name in CONTACTS]
    if not any(path in found for path in paths):
        raise RigError(f"armature '{armature.name}' has no contacts to refit by. Apply a motion to it first.")
    columns = [[path in found and found[path].evaluate(frame) > 0.5 for frame in frames.tolist()] for path in paths]
    return np.array(columns).T


def write_keys(curve: Any, frames: Array, values: Array, interpolation: int = LINEAR) -> None:
    """Fill an empty F-curve. Straight keys: one a frame, so anything rounder would only add error."""
    points = curve.keyframe_points
    points.add(len(frames))
    co = np.empty(2 * len(frames), np.float32)
    co[0::2], co[1::2] = frames, values
    points.foreach_set("co", co)
    points.foreach_set("interpolation", np.full(len(frames), interpolation, np.uint8))
    curve.update()  # foreach_set does not place the handles; without this evaluation is wrong until reload


def _write_smooth(curve: Any, keys: Keys, slopes: Array) -> None:
    """Bezier keys that are `reduction.through`: handles at a third of the way, on the slopes (a frame)."""
    frames, values = keys.frames, keys.values
    third = np.diff(frames) / 3
    before, after = np.concatenate(([1 / 3], third)), np.concatenate((third, [1 / 3]))
    interpolation = np.full(len(frames), BEZIER, np.uint8)
    interpolation[keys.ends] = LINEAR
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
