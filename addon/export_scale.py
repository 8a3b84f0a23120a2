"""How a rig with scaled objects leaves at object scale 1: copies go in its place, with what it does baked onto them.

Engines multiply what hangs on a scaled object by its scale. It goes into bones, meshes and paths instead; in the world
nothing changes. With D the scale that an object loses and K its place below its parent, its copy's place is D_parent K / D:
the rigid part of D_parent K, which says what D is. BVH knows no objects: there D is the armature's whole place.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import bpy
import numpy as np
import numpy.typing as npt
from mathutils import Matrix

from . import actions
from .compat import CurveWriter
from .export_bake import STILL, Played, bake, bake_shapes, channels, driven_shapes, loosen, sampled, steady, write

Array = npt.NDArray[np.float64]
Objects = Sequence[bpy.types.Object]

SAME = 1e-5  # of a scale; importers' rounding leaves less
STEADY = 1e-4  # of a scale over the frames: matrices are single precision
ASIDE = "exported"  # what the originals are called while copies have their names
UNITLESS = {  # modifiers that measure nothing in the object's own units, and keep no shape of it
    "ARMATURE", "SUBSURF", "MIRROR", "TRIANGULATE", "EDGE_SPLIT", "WEIGHTED_NORMAL", "NORMAL_EDIT", "MASK", "SMOOTH",
    "CORRECTIVE_SMOOTH", "LAPLACIANSMOOTH", "DECIMATE", "DATA_TRANSFER", "UV_PROJECT", "UV_WARP", "VERTEX_WEIGHT_EDIT",
    "VERTEX_WEIGHT_MIX", "VERTEX_WEIGHT_PROXIMITY",
}  # fmt: skip
SMOOTHING = "Smooth by Angle"  # Blender's own group of nodes


class _UnfitError(Exception):
    """Why the rig has to leave as it is."""


@contextlib.contextmanager
def at_scale_one(
    context: bpy.types.Context, armature: bpy.types.Object, clip: str, *, takes: bool, bones_only: bool
) -> Iterator[tuple[bpy.types.Object, list[str]]]:
    """What to export for the armature, with what is selected beside it, and warnings: itself where no object is scaled, or none
    can be otherwise, else copies, which are selected meanwhile. In object mode; what was selected is only_selected's to put
    back.

    clip: what the action is to be called. takes: each strip of the NLA by itself. bones_only: the file has nothing else, so
    that bones take the object's place and path, too.
    """
    scene, layer = context.scene, context.view_layer
    assert scene is not None
    assert layer is not None
    layer.update()
    objects = _parents_first([o for o in layer.objects if o.select_get() and o.visible_get(view_layer=layer)])
    if bones_only:
        objects = [armature]
    elif not _is_carried(armature) and not any(_is_scaled(o) for o in (*objects, *_above(armature))):
        yield armature, []
        return
    now = scene.frame_current, scene.frame_subframe
    with contextlib.ExitStack() as undo:
        undo.callback(lambda: scene.frame_set(now[0], subframe=now[1]))
        for o in layer.objects if bones_only else ():
            if o.select_get() and o != armature:
                _hide(o, undo)
        try:
            _check(objects, armature)
            played = sampled(context, objects, armature, takes=takes, bones_only=bones_only)
            lost, kept = _scales(objects, armature, played)
            if bones_only:
                lost[armature] = played[0].places[armature][0]
            places = {o: [_below(o, take, lost) for take in played] for o in objects}
            moving = [o for o in objects if o != armature and not steady(np.concatenate(places[o]), STILL)]
            if takes and moving:
                raise _UnfitError(f"'{moving[0].name}' moves by itself, and takes are of the armature alone")
        except _UnfitError as why:
            yield armature, [f"the file keeps the object scale of '{armature.name}': {why}."]
            return
        kept_names = ", ".join(repr(o.name) for o in kept)
        names: dict[bpy.types.ID, str] = {}
        made: list[bpy.types.ID] = []
        undo.callback(_rename_back, names)  # once the copies are gone
        undo.callback(bpy.data.batch_remove, made)
        copies = {o: _copy(o, lost[o], names, made) for o in objects}
        for o, copy in copies.items():
            scene.collection.objects.link(copy)
            _hang(copy, copies, places[o][0][0])
        layer.objects.active = character = copies[armature]
        loosen(character, armature, played)
        writers = [_writer(character, take.name or clip, names, made) for take in played]
        bake(character, played, places[armature], lost[armature], writers)
        bake_shapes(character, copies, played, writers)
        for take, writer in zip(played, writers, strict=True):
            if takes:
                actions.lay(character, writer, take.name)
            else:
                writer.play_on(character.animation_data_create())
        for o in moving:
            writer = _writer(copies[o], o.name, names, made)
            write(copies[o], "", [writer], [played[0].frames], [channels(places[o][0])])
            writer.play_on(copies[o].animation_data_create())
        for o, copy in copies.items():
            _hide(o, undo)
            copy.select_set(True)
        layer.update()  # the copies' world matrices are the originals' until then
        why = f"the file keeps the object scale of {kept_names}: it changes over time, or a modifier measures by it."
        yield character, [why] if kept else []


def _hide(o: bpy.types.Object, undo: contextlib.ExitStack) -> None:
    """From exporters, and from Blender, which would work it out at each frame."""
    o.select_set(False)
    o.hide_viewport = True
    undo.callback(setattr, o, "hide_viewport", False)


def _is_scaled(o: bpy.types.Object) -> bool:
    return _carries(o) and any(abs(s - 1) > SAME for s in o.matrix_world.to_scale())


def _is_carried(o: bpy.types.Object) -> bool:
    """Whether more than its own keys may move it, of which glTF files know nothing."""
    return len(o.constraints) > 0 or any(a.animation_data is not None or len(a.constraints) > 0 for a in _above(o))


def _carries(o: bpy.types.Object) -> bool:
    """Whether its scale can go into what it holds."""
    return o.type in ("ARMATURE", "MESH") or (o.type == "EMPTY" and o.instance_type == "NONE")


def _above(o: bpy.types.Object) -> Iterator[bpy.types.Object]:
    while o.parent is not None:
        o = o.parent
        yield o


def _parents_first(objects: Objects) -> list[bpy.types.Object]:
    return sorted(objects, key=lambda o: len(list(_above(o))))


def _check(objects: Objects, armature: bpy.types.Object) -> None:
    """Raises _UnfitError."""
    for o in objects:
        if o.type == "ARMATURE" and o != armature:
            raise _UnfitError(f"a second armature, '{o.name}', hangs on it")
        if o.parent is not None and o.parent_type not in ("OBJECT", "ARMATURE", "BONE"):
            raise _UnfitError(f"'{o.name}' hangs on a vertex")


# What becomes of scales


def _scales(
    objects: Objects, armature: bpy.types.Object, played: Sequence[Played]
) -> tuple[dict[bpy.types.Object, Array], list[bpy.types.Object]]:
    """The scale, (4, 4), that each object loses, and those that cannot lose theirs. Raises _UnfitError."""
    lost: dict[bpy.types.Object, Array] = {}
    kept: list[bpy.types.Object] = []
    for o in objects:
        lost[o] = np.eye(4)
        if not _carries(o):
            continue
        places = np.concatenate([_below(o, take, lost) for take in played])
        scale = np.linalg.solve(_rigid(places), places) if abs(np.linalg.det(places)).min() > 0 else np.zeros((1, 4, 4))
        fit = scale.any() and steady(scale, STEADY * np.abs(scale[0]).max())
        if o == armature and not fit:
            raise _UnfitError("it changes over time")
        if o == armature and not np.allclose(scale[0, :3, :3] / scale[0, 0, 0], np.eye(3), atol=STEADY):
            raise _UnfitError("it is uneven or mirrored, which only Object > Apply > Scale can mend")
        if fit and (o.type != "MESH" or all(map(_is_unitless, o.modifiers))):
            lost[o] = scale[0]
        elif _is_scaled(o):
            kept.append(o)
    return lost, kept


def _is_unitless(modifier: Any) -> bool:
    group = modifier.node_group if modifier.type == "NODES" else None
    return modifier.type in UNITLESS or (group is not None and group.name.startswith(SMOOTHING))


def _below(o: bpy.types.Object, take: Played, lost: Mapping[bpy.types.Object, Array]) -> Array:
    """(F, 4, 4): the place of the object's copy below its parent's copy."""
    return lost.get(o.parent, np.eye(4)) @ take.places[o] @ np.linalg.inv(lost[o])


def _rigid(places: Array) -> Array:
    """(F, 4, 4) without scale, shear and mirroring: x keeps its direction, y the plane of both."""
    x, y = places[:, :3, 0], places[:, :3, 1]
    x = x / np.linalg.norm(x, axis=-1, keepdims=True)
    y = y - (x * y).sum(-1, keepdims=True) * x
    y /= np.linalg.norm(y, axis=-1, keepdims=True)
    out = places.copy()
    out[:, :3, :3] = np.stack((x, y, np.cross(x, y)), axis=-1)
    return out


# The copies


def _copy(
    o: bpy.types.Object, lost: Array, names: dict[bpy.types.ID, str], made: list[bpy.types.ID]
) -> bpy.types.Object:
    """Of the same name, holding what it has at scale 1. names: what originals are called; made: what was; both grow."""
    copy: Any = _stand_in(o, names, made)
    if not np.allclose(lost, np.eye(4), rtol=0, atol=SAME) or driven_shapes(o):
        if o.type == "EMPTY":
            copy.empty_display_size *= float(np.cbrt(abs(np.linalg.det(lost))))
        else:
            copy.data = data = _stand_in(o.data, names, made)
            data.transform(Matrix(lost), **({"shape_keys": True} if o.type == "MESH" else {}))
            if o.type == "MESH" and np.linalg.det(lost) < 0:
                data.flip_normals()
    return copy


def _stand_in(original: Any, names: dict[bpy.types.ID, str], made: list[bpy.types.ID]) -> Any:
    """A copy under the original's name, which has another meanwhile; what is linked has its names apart."""
    _put_aside(original, names)
    copy = original.copy()
    made.append(copy)
    if copy.override_library is not None:
        copy.make_local(clear_liboverride=True)  # else what came with the library could not be changed
    copy.name = names[original]
    return copy


def _put_aside(original: bpy.types.ID, names: dict[bpy.types.ID, str]) -> None:
    if original not in names:
        names[original] = original.name
        if original.library is None:
            original.name = ASIDE


def _rename_back(names: Mapping[bpy.types.ID, str]) -> None:
    for original, name in names.items():
        if original.library is None:
            original.name = name


def _hang(copy: Any, copies: Mapping[bpy.types.Object, bpy.types.Object], place: Array) -> None:
    """Below its parent's copy, bent by the armature's, and with nothing of its own that moves it."""
    copy.animation_data_clear()
    for bone in copy.pose.bones if copy.type == "ARMATURE" else ():
        if bone.rotation_mode == "AXIS_ANGLE":
            bone.rotation_mode = "QUATERNION"
        _remove_all(bone.constraints)
    _remove_all(copy.constraints)
    copy.parent = copies.get(copy.parent)
    copy.matrix_parent_inverse = Matrix()
    for modifier in copy.modifiers:
        if modifier.type == "ARMATURE":
            modifier.object = copies.get(modifier.object, modifier.object)
    copy.rotation_mode = "QUATERNION"
    copy.delta_location, copy.delta_rotation_quaternion, copy.delta_scale = (0, 0, 0), (1, 0, 0, 0), (1, 1, 1)
    copy.matrix_basis = Matrix(place)


def _remove_all(constraints: Any) -> None:
    for constraint in list(constraints):
        constraints.remove(constraint)


def _writer(
    owner: bpy.types.Object, name: str, names: dict[bpy.types.ID, str], made: list[bpy.types.ID]
) -> CurveWriter:
    """Into a new action of exactly this name, which USD tells."""
    taken = bpy.data.actions.get(name)
    if taken is not None:
        _put_aside(taken, names)
    action = bpy.data.actions.new(name)
    made.append(action)
    return CurveWriter(action, owner, play=False)
