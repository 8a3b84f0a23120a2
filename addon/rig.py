"""How an armature in Blender becomes a RestPose: the one READ edge, where armature space begins."""

from __future__ import annotations

import re
from typing import Any

import bpy
import numpy as np
from mathutils import Vector

from ..lifter.contract.protocol import RigError
from .actions import home_location
from .retarget.bone_map import BoneMap
from .retarget.rest import RestPose


def armatures(scene: bpy.types.Scene) -> list[bpy.types.Object]:
    """The armature objects of a scene, by name."""
    return sorted((o for o in scene.objects if o.type == "ARMATURE"), key=lambda o: o.name)


def check_writable(armature: bpy.types.Object) -> None:
    """Refuse an object that cannot take an action. Raises RigError."""
    if armature.type != "ARMATURE":
        raise RigError(f"'{armature.name}' is a {armature.type.lower()}, not an armature. Choose an armature.")
    if armature.library is not None:
        raise RigError(
            f"armature '{armature.name}' is linked from {armature.library.filepath}. "
            "Make a library override of it first (Object > Library Override > Make)."
        )
    if armature.animation_data is not None and armature.animation_data.use_tweak_mode:
        raise RigError(
            f"a strip of armature '{armature.name}' is being tweaked. Leave tweak mode in the NLA (Tab) first."
        )


def concerns(armature: bpy.types.Object, bone_map: BoneMap) -> list[str]:
    """What on the mapped bones works against keys, a line each naming them: constraints, drivers, locks."""
    mapped = [bone for bones in (*bone_map.bones.values(), *bone_map.twists.values()) for bone in bones]
    mover = bone_map.mover or next(iter(bone_map.bones.get("hips", ())), "")
    mapped += [mover] if mover else []
    pose = [armature.pose.bones[name] for name in dict.fromkeys(mapped)]
    animation = armature.animation_data
    driven = {driver.data_path for driver in animation.drivers} if animation is not None else set[str]()
    told: list[str] = []
    for what, remedy, found in (
        (
            "constraints",
            "they win over the keys: mute them if the bones should follow the motion",
            [b.name for b in pose if any(not c.mute and c.influence > 0 for c in b.constraints)],
        ),
        (
            "drivers",
            "they win over the keys: remove them if the bones should follow the motion",
            [b.name for b in pose if any(path.startswith(b.path_from_id() + ".") for path in driven)],
        ),
        (
            "locked channels",
            "the keys move them all the same: unlock them to edit by hand",
            [b.name for b in pose if any(b.lock_rotation) or (any(b.lock_location) and b.name == mover)],
        ),
    ):
        if found:
            told.append(f"{what} on {', '.join(found)}: {remedy}")
    return told


HUMANOID = "v2a_humanoid"  # custom property of armature data: a VRM file's humanoid table, human bone -> bone name


def humanoid_table(armature: bpy.types.Object) -> dict[str, str]:
    """The VRM humanoid table that came with the armature, human bone -> bone name; {} where there is none.

    From our own import of the file, else from the VRM add-on for Blender where that made the armature.
    """
    if HUMANOID in armature.data:
        table = dict(armature.data[HUMANOID])
    else:
        addon: Any = getattr(armature.data, "vrm_addon_extension", None)
        table = {} if addon is None else _vrm_addon_table(addon)
    return {human: bone for human, bone in table.items() if bone in armature.data.bones}


def _vrm_addon_table(addon: Any) -> dict[str, str]:
    """As the add-on keeps it: a list of (bone, node) for VRM 0, one property a bone for VRM 1."""
    if str(addon.spec_version).startswith("1"):
        bones = addon.vrm1.humanoid.human_bones
        nodes = {p.identifier: getattr(bones, p.identifier) for p in bones.bl_rna.properties}
        named = {key: bone.node.bone_name for key, bone in nodes.items() if hasattr(bone, "node")}
        return {re.sub("_(.)", lambda m: m[1].upper(), key): name for key, name in named.items()}
    return {bone.bone: bone.node.bone_name for bone in addon.vrm0.humanoid.human_bones}


def read_rest_pose(armature: bpy.types.Object) -> RestPose:
    """Rest matrices in armature space and what the solver needs besides. Raises RigError.

    Bones come parents first. The object's own transform goes along as world_from_armature, without the path that an
    earlier run keyed on it.
    """
    if armature.type != "ARMATURE":
        raise RigError(f"'{armature.name}' is a {armature.type.lower()}, not an armature. Choose an armature.")
    bones = _parents_first(armature.data)
    if not bones:
        raise RigError(f"armature '{armature.name}' has no bones. Choose another armature.")
    home = armature.matrix_basis.copy()
    home.translation += Vector(home_location(armature)) - armature.location
    world_from_armature = np.array(armature.matrix_world @ armature.matrix_basis.inverted_safe() @ home, np.float64)
    index = {bone.name: i for i, bone in enumerate(bones)}
    pose = armature.pose.bones
    return RestPose(
        name=armature.name,
        bone_names=tuple(index),
        parents=tuple(-1 if bone.parent is None else index[bone.parent.name] for bone in bones),
        matrices=np.array([bone.matrix_local for bone in bones], np.float64),
        lengths=np.array([bone.length for bone in bones], np.float64),
        world_from_armature=world_from_armature,
        rotation_modes=tuple(pose[name].rotation_mode for name in index),
        connected=tuple(bone.use_connect and bone.parent is not None for bone in bones),
        deform=tuple(bone.use_deform for bone in bones),
        inherits_rotation=tuple(bone.use_inherit_rotation for bone in bones),
    )


def _parents_first(data: bpy.types.Armature) -> list[bpy.types.Bone]:
    order: list[bpy.types.Bone] = []
    waiting = [bone for bone in reversed(data.bones) if bone.parent is None]
    while waiting:
        bone = waiting.pop()
        order.append(bone)
        waiting.extend(reversed(bone.children))
    return order
