"""Which curves of a solve belong to which limb, so that only chosen ones become keys."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from .bone_map import BoneMap
from .choices import LIMBS, Limb
from .curves import Curves

_ARM = ("clavicle", "upper_arm", "forearm", "hand")
_TRUNK: dict[str, Limb] = {"root": "root", "hips": "trunk", "spine": "trunk", "neck": "head", "head": "head"}


def limb_of(part: str) -> Limb:
    """The limb that a body part (bone_map.PARTS) belongs to."""
    side, _, word = part.partition("_")
    if part in _TRUNK:
        return _TRUNK[part]
    arm = word in _ARM
    if side == "left":
        return "left arm" if arm else "left leg"
    return "right arm" if arm else "right leg"


def map_of(bone_map: BoneMap, limbs: Collection[str]) -> BoneMap:
    """The map of these limbs alone, for what is to be told about them."""
    if set(limbs) == set(LIMBS):
        return bone_map
    return replace(
        bone_map,
        bones={part: bones for part, bones in bone_map.bones.items() if limb_of(part) in limbs},
        twists={part: bones for part, bones in bone_map.twists.items() if limb_of(part) in limbs},
        settings=tuple(setting for setting in bone_map.settings if limb_of(setting.part or "hips") in limbs),
        neutral=bone_map.neutral if "trunk" in limbs else (),
    )


def only(curves: Curves, bone_map: BoneMap, limbs: Collection[str]) -> Curves:
    """The curves of these limbs alone. Places are the root's: of the hips, of a root bone, of the object.

    A bone without a part, such as a control rig's torso, turns with the trunk.
    """
    if set(limbs) == set(LIMBS):
        return curves
    own = {
        bone: limb_of(part) for table in (bone_map.bones, bone_map.twists) for part, bs in table.items() for bone in bs
    }
    own |= {bone: limb_of(ik.part) for ik in bone_map.ik for bone in (ik.control, ik.pole, *ik.neutral) if bone}
    hips = bone_map.bones["hips"][0]
    places = {
        bone: "root" if own.get(bone, "trunk") == "trunk" or bone == hips else own[bone] for bone in curves.locations
    }
    rotations = {bone: keys for bone, keys in curves.rotations.items() if own.get(bone, "trunk") in limbs}
    locations = {bone: keys for bone, keys in curves.locations.items() if places[bone] in limbs}
    return replace(
        curves,
        rotations=rotations,
        locations=locations,
        keyed={bone: known for bone, known in curves.keyed.items() if bone in rotations or bone in locations},
        object_path=curves.object_path if "root" in limbs else None,
        neutral_bones=tuple(bone for bone in curves.neutral_bones if own.get(bone, "trunk") in limbs),
        contacts=curves.contacts if legs(limbs) else None,
        slides={side: slide for side, slide in curves.slides.items() if f"{side} leg" in limbs},
    )


def legs(limbs: Collection[str]) -> bool:
    """Whether a leg is among them: then contacts have a meaning."""
    return "left leg" in limbs or "right leg" in limbs
