"""How an armature in Blender becomes a RestPose: the one READ edge, where armature space begins."""

from __future__ import annotations

import bpy
import numpy as np

from ..lifter.contract.protocol import RigError
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


def read_rest_pose(armature: bpy.types.Object) -> RestPose:
    """Rest matrices in armature space and what the solver needs besides. Raises RigError.

    Bones come parents first. The object's own transform goes along as world_from_armature.
    """
    if armature.type != "ARMATURE":
        raise RigError(f"'{armature.name}' is a {armature.type.lower()}, not an armature. Choose an armature.")
    bones = _parents_first(armature.data)
    if not bones:
        raise RigError(f"armature '{armature.name}' has no bones. Choose another armature.")
    index = {bone.name: i for i, bone in enumerate(bones)}
    pose = armature.pose.bones
    return RestPose(
        name=armature.name,
        bone_names=tuple(index),
        parents=tuple(-1 if bone.parent is None else index[bone.parent.name] for bone in bones),
        matrices=np.array([bone.matrix_local for bone in bones], np.float64),
        lengths=np.array([bone.length for bone in bones], np.float64),
        world_from_armature=np.array(armature.matrix_world, np.float64),
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
