"""How a control rig is set so that the keyed controls are in charge."""

from __future__ import annotations

from collections.abc import Iterable

import bpy

from .retarget.bone_map import Setting

BONE_PROPERTIES = ("ik_stretch",)


def apply_settings(armature: bpy.types.Object, settings: Iterable[Setting]) -> tuple[str, ...]:
    """Set properties of pose bones, such as Rigify's IK_FK; returns a line for each that the rig does not have
    or keep.

    Custom properties, and those of Blender's own that are named in BONE_PROPERTIES.
    """
    missing: list[str] = []
    lost: list[str] = []
    for bone_name, key, value, *_ in settings:
        bone = armature.pose.bones.get(bone_name)
        if bone is not None and key in BONE_PROPERTIES:
            if armature.override_library is not None and getattr(bone, key) != value:
                lost.append(f"{key} of {bone_name}")
            setattr(bone, key, value)
        elif bone is None or key not in bone:
            missing.append(f"armature '{armature.name}' has no property '{key}' on bone '{bone_name}'")
        else:
            bone[key] = type(bone[key])(value)  # an int property given a float turns into a float one
    armature.update_tag()
    if lost:
        missing.append(
            f"a library override forgets {', '.join(lost)} when the file is opened again: set 0 in the library"
        )
    return tuple(missing)
