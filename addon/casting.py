"""Which armature plays which person, and the copies that several people need."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence

import bpy

from ..lifter.contract.protocol import RigError, UsageError
from .rig import armatures


def choose(scene: bpy.types.Scene, names: Sequence[str] = ()) -> list[bpy.types.Object]:
    """The armatures named, or the scene's only one. Raises RigError naming what there is."""
    there = armatures(scene)
    listed = ", ".join(f"'{o.name}'" for o in there)
    if not there:
        _refuse_instances(scene)
        raise RigError(
            f"{bpy.data.filepath or 'the scene'}: holds no armature. Give a rig with --rig or open another file."
        )
    for name in names:
        if name not in {o.name for o in there}:
            raise RigError(f"no armature '{name}' in the scene, which holds {listed}. Correct --armature.")
    if names:
        return [scene.objects[name] for name in names]
    if len(there) > 1:
        raise RigError(f"the scene holds {len(there)} armatures: {listed}. Name one with --armature.")
    return there


def _refuse_instances(scene: bpy.types.Scene) -> None:
    """A character that only an instance of its collection shows is no object of the scene. Raises RigError."""
    for o in scene.objects:
        if o.instance_type == "COLLECTION" and o.instance_collection is not None:
            inside = [thing.name for thing in o.instance_collection.all_objects if thing.type == "ARMATURE"]
            if inside:
                raise RigError(
                    f"armature '{inside[0]}' is only shown by '{o.name}', an instance of its collection. Make a library "
                    "override of that first (Object > Library Override > Make), or make it real (Object > Apply)."
                )


def cast(
    context: bpy.types.Context, chosen: Sequence[bpy.types.Object], people: int, *, named: bool
) -> list[bpy.types.Object]:
    """One armature a person: those named, in order, else the one rig and copies of it. Raises UsageError."""
    if len(chosen) == people:
        return list(chosen)
    if named and len(chosen) > 1:
        raise UsageError(
            f"{len(chosen)} armatures are named for {people} people. Name one for each, or one to be copied."
        )
    return [chosen[0], *(copy_rig(context, chosen[0]) for _ in range(people - 1))]


def rig_objects(scene: bpy.types.Scene, armature: bpy.types.Object) -> list[bpy.types.Object]:
    """The armature and all that moves with it: what is parented to it, and meshes that it deforms."""
    return [o for o in scene.objects if o == armature or _hangs_on(o, armature)]


def copy_rig(context: bpy.types.Context, armature: bpy.types.Object) -> bpy.types.Object:
    """A full copy of the armature with its meshes, standing in the same place."""
    assert context.scene is not None
    with only_selected(context, rig_objects(context.scene, armature), armature):
        # bpy.data has no copy that also turns modifiers, constraints and drivers to the new rig
        bpy.ops.object.duplicate(linked=False)
        copy = context.view_layer.objects.active
    assert copy is not None
    assert copy != armature
    if copy.animation_data is not None:
        copy.animation_data.action = None
    return copy


@contextlib.contextmanager
def only_selected(
    context: bpy.types.Context, objects: Iterable[bpy.types.Object], active: bpy.types.Object
) -> Iterator[None]:
    """Select exactly these objects for an operator that works on the selection, then put all back as it was.

    Object mode is entered, because exporters refuse others; hidden objects are shown meanwhile. Raises RigError where
    `active` cannot be selected: exporters would write a file with nothing in it.
    """
    layer = context.view_layer
    assert layer is not None
    was_active = layer.objects.active
    mode = was_active.mode if was_active is not None else "OBJECT"
    if mode != "OBJECT":
        bpy.ops.object.mode_set(mode="OBJECT")
    selected = [o for o in layer.objects if o.select_get()]
    shown: list[tuple[bpy.types.Object, bool, bool, bool]] = []
    try:
        for o in selected:
            o.select_set(False)
        for o in objects:
            if o.name in layer.objects:
                shown.append((o, o.hide_get(), o.hide_select, o.hide_viewport))
                o.hide_viewport = o.hide_select = False
                o.hide_set(False)
                o.select_set(True)
        if active.name not in layer.objects or not active.visible_get(view_layer=layer):
            raise RigError(f"'{active.name}' is in a hidden or excluded collection. Show it and try again.")
        layer.objects.active = active
        yield
    finally:
        for o in layer.objects:
            o.select_set(False)
        for o, hidden, hide_select, hide_viewport in shown:
            o.hide_set(hidden)
            o.hide_select, o.hide_viewport = hide_select, hide_viewport
        for o in selected:
            o.select_set(True)
        layer.objects.active = was_active
        if mode != "OBJECT":
            bpy.ops.object.mode_set(mode=mode)


def _hangs_on(o: bpy.types.Object, armature: bpy.types.Object) -> bool:
    if any(getattr(modifier, "object", None) == armature for modifier in o.modifiers if modifier.type == "ARMATURE"):
        return True
    parent = o.parent
    while parent is not None:
        if parent == armature:
            return True
        parent = parent.parent
    return False
