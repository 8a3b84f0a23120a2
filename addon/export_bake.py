"""What a rig does, read frame by frame as Blender works it out, and keyed on a plain copy of it."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np
import numpy.typing as npt
from mathutils import Matrix, Quaternion

from .compat import CurveWriter
from .keyframes import write_keys

Array = npt.NDArray[np.float64]

STILL = 1e-4  # metres, of a quaternion, of a bone's length: single precision under a scale of 100 is not better
QUIET = 1e-6  # the same for what is not worth a curve
REST = np.array([0.0, 0, 0, 1, 0, 0, 0, 1, 1, 1])  # location, rotation wxyz, scale


@dataclass(frozen=True)
class Played:
    """What the objects do over some frames."""

    name: str  # of the strip, where it is one
    frames: Array  # (F,)
    places: Mapping[bpy.types.Object, Array]  # (F, 4, 4) below the parent, in the world where that is not exported
    bones: Array  # (F, B, 10) location, rotation wxyz and scale of each bone's basis
    shapes: Mapping[tuple[bpy.types.Object, str], Array]  # (F,) what drivers give a mesh's shape keys, by data path


def sampled(
    context: bpy.types.Context,
    objects: Sequence[bpy.types.Object],
    armature: bpy.types.Object,
    *,
    takes: bool,
    bones_only: bool,
) -> list[Played]:
    """The scene's frame range, or each strip alone over its own. bones_only: the armature's own path is walked by its bones."""
    scene, animation = context.scene, armature.animation_data
    assert scene is not None
    whole = range(scene.frame_start, scene.frame_end + 1)
    tracks = list(animation.nla_tracks) if takes and animation is not None else []
    strips = [strip for track in tracks if not track.mute for strip in track.strips if not strip.mute]
    if not strips:
        return [_sample(context, objects, armature, "", whole, bones_only=bones_only)]
    played: list[Played] = []
    with contextlib.ExitStack() as undo:

        def put(thing: Any, key: str, value: object) -> None:
            undo.callback(setattr, thing, key, getattr(thing, key))
            setattr(thing, key, value)

        put(animation, "action_influence", 0.0)
        for track in tracks:
            if track.is_solo:
                put(track, "is_solo", False)
        for strip in strips:
            put(strip, "mute", True)
        for strip in strips:
            strip.mute = False
            frames = range(int(np.floor(strip.frame_start)), int(np.ceil(strip.frame_end)) + 1)
            played.append(_sample(context, objects, armature, strip.name, frames))
            strip.mute = True
    return played


def _sample(
    context: bpy.types.Context,
    objects: Sequence[bpy.types.Object],
    armature: bpy.types.Object,
    name: str,
    frames: range,
    *,
    bones_only: bool = False,
) -> Played:
    scene = context.scene
    assert scene is not None
    places = {o: np.empty((len(frames), 4, 4)) for o in objects}
    bones = np.empty((len(frames), len(armature.pose.bones), 10))
    shapes = {(o, path): np.empty(len(frames)) for o in objects for path in driven_shapes(o)}
    for i, frame in enumerate(frames):
        scene.frame_set(frame)
        graph = context.evaluated_depsgraph_get()
        for o, place in places.items():
            evaluated = o.evaluated_get(graph)
            place[i] = evaluated.matrix_local if o.parent in places else evaluated.matrix_world
        for (o, path), values in shapes.items():
            values[i] = o.data.shape_keys.evaluated_get(graph).path_resolve(path)
        posed = armature.evaluated_get(graph)
        walked = Matrix()
        if bones_only:
            walked = Matrix(places[armature][0]).inverted() @ posed.matrix_world
            places[armature][i] = places[armature][0]
        for j, bone in enumerate(posed.pose.bones):
            matrix = bone.matrix if bone.parent is not None else walked @ bone.matrix
            basis = posed.convert_space(pose_bone=bone, matrix=matrix, from_space="POSE", to_space="LOCAL")
            location, rotation, scale = basis.decompose()
            bones[i, j] = (*location, *rotation, *scale)
    return Played(name, np.array(frames, float), places, bones, shapes)


def driven_shapes(o: Any) -> list[str]:
    """Data paths of the shape keys' values that drivers give."""
    keys = o.data.shape_keys if o.type == "MESH" else None
    drivers = keys.animation_data.drivers if keys is not None and keys.animation_data is not None else ()
    return [curve.data_path for curve in drivers if curve.is_valid and curve.data_path.endswith("].value")]


def loosen(character: Any, armature: Any, played: Sequence[Played]) -> None:
    """Constraints can move a connected bone; keys can not."""
    moves = np.max([np.abs(take.bones[..., :3]).max(axis=(0, 2)) for take in played], axis=0)
    bones = zip(armature.data.bones, moves, strict=True)
    loose = [bone.name for bone, far in bones if bone.use_connect and far > STILL * bone.length]
    if loose:
        bpy.ops.object.mode_set(mode="EDIT")  # nowhere else can a bone be disconnected
        for name in loose:
            character.data.edit_bones[name].use_connect = False
        bpy.ops.object.mode_set(mode="OBJECT")


def bake(
    character: Any, played: Sequence[Played], ways: Sequence[Array], lost: Array, into: Sequence[CurveWriter]
) -> None:
    """What the bones do, and the object if it moves, each take into its own action.

    ways: (F, 4, 4) the object's places in each take. lost: (4, 4) what of its place has gone into the bones.
    """
    frames = [take.frames for take in played]
    if not steady(np.concatenate(ways), STILL):
        write(character, "", into, frames, [channels(way) for way in ways])
    size = np.cbrt(np.linalg.det(lost[:3, :3]))
    for j, bone in enumerate(character.pose.bones):
        bases = [take.bones[:, j].copy() for take in played]
        for basis in bases:
            basis[:, :3] = basis[:, :3] * size if bone.bone.use_local_location else basis[:, :3] @ lost[:3, :3].T
        write(bone, bone.path_from_id() + ".", into, frames, bases, turns=j == 0)  # a still pose is a clip, too


def bake_shapes(
    character: Any,
    copies: Mapping[bpy.types.Object, Any],
    played: Sequence[Played],
    into: Sequence[CurveWriter],
) -> None:
    """Each take has its own values, as properties of the armature that the copies' shape keys follow."""
    for number, (o, path) in enumerate(played[0].shapes):
        keys, name = copies[o].data.shape_keys, f"shape {number}"
        character[name] = float(played[0].shapes[o, path][0])
        keys.driver_remove(path)
        driver = keys.driver_add(path).driver
        driver.type = "SUM"
        [target] = driver.variables.new().targets
        target.id, target.data_path = character, f'["{name}"]'
        for take, writer in zip(played, into, strict=True):
            write_keys(writer.new(f'["{name}"]', 0, "Shape Keys"), take.frames, take.shapes[o, path])


def write(
    owner: Any,
    path: str,
    into: Sequence[CurveWriter],
    frames: Sequence[Array],
    values: Sequence[Array],
    *,
    turns: bool = False,
) -> None:
    """values: for each take (F, 10) location, rotation wxyz, scale, keyed where they are ever not REST: glTF's exporter puts
    back to that what has no keys. turns: the rotation in any case."""
    away = np.abs(np.concatenate(values) - REST).max(axis=0) > QUIET
    for name, part in (("location", slice(0, 3)), ("rotation_quaternion", slice(3, 7)), ("scale", slice(7, 10))):
        columns = [each[:, part] for each in values]
        if name == "rotation_quaternion" and owner.rotation_mode != "QUATERNION":
            name, columns = "rotation_euler", [_eulers(each, owner.rotation_mode) for each in columns]
        setattr(owner, name, columns[0][0])
        if (turns and name.startswith("rotation")) or away[part].any():
            for writer, times, each in zip(into, frames, columns, strict=True):
                for index, column in enumerate(each.T):
                    write_keys(writer.new(path + name, index, owner.name), times, column)


def _eulers(rotations: Array, order: str) -> Array:
    """(F, 3) radians in that order, each near the one before."""
    found = [Quaternion(rotations[0]).to_euler(order)]
    for rotation in rotations[1:]:
        found.append(Quaternion(rotation).to_euler(order, found[-1]))
    return np.array(found)


def channels(way: Array) -> Array:
    """(F, 10) of places, (F, 4, 4)."""
    parts = [Matrix(place).decompose() for place in way]
    return np.array([(*location, *rotation, *scale) for location, rotation, scale in parts])


def steady(values: Array, within: float) -> bool:
    """Whether none of them, (F, …), changes by more."""
    return bool(np.ptp(values, axis=0).max() <= within)
