"""Keys for IK controls that stand for what the FK keys do: hands, feet and toes in their place, poles in the limb's plane."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ...lifter.contract.protocol import RigError
from . import quaternion as quat
from .bone_map import BoneMap, IkControl, Setting
from .choices import Controls
from .curves import Curves, Mask
from .forward import forward
from .rest import NO_PARENT, RestPose

Array = npt.NDArray[np.float64]

LIMBS = {
    "hand": ("upper_arm", "forearm", "hand"),
    "foot": ("thigh", "shin", "foot"),
    "toe": ("thigh", "shin", "foot", "toe"),
}


def settings_for(settings: Iterable[Setting], controls: Controls) -> tuple[Setting, ...]:
    """Those that these controls need; where both kinds of keys are written, FK is in charge."""
    wanted = {"fk": ("fk",), "ik": ("ik",), "both": ("ik", "fk")}[controls]
    ordered = [s for when in ("", *wanted) for s in settings if s.when == when]
    return tuple({(s.bone, s.property): s for s in ordered}.values())


def with_ik(curves: Curves, rest: RestPose, bone_map: BoneMap, controls: Controls) -> Curves:
    """The curves with those of the IK controls, in the place of FK's or beside them. Raises RigError where there are none."""
    if not bone_map.ik:
        raise RigError(
            f"armature '{rest.name}': bone map '{bone_map.name}' names no IK controls. Choose FK, or add [[ik]] to the map."
        )
    rig = rest.with_parents(bone_map.parents)
    turns = _Turns(curves, rig)
    rotations, locations, keyed = dict(curves.rotations), dict(curves.locations), dict(curves.keyed)
    replaced: set[str] = set()
    for ik in bone_map.ik:
        side, _, end = ik.part.partition("_")
        chain = [bone_map.bones[f"{side}_{word}"][0] for word in LIMBS[end] if f"{side}_{word}" in bone_map.bones]
        if len(chain) < len(LIMBS[end]) or chain[0] not in curves.keyed or chain[1] not in curves.keyed:
            continue
        known = _all_known(curves, chain)
        rotations[ik.control], locations[ik.control] = turns.follow(rig.index(ik.control), rig.index(chain[-1]))
        keyed[ik.control] = known
        if ik.pole:
            locations[ik.pole] = turns.carry(rig.index(ik.pole), _pole(turns, rig, ik, chain))
            keyed[ik.pole] = known
        replaced |= set(chain)
    if controls == "ik":
        rotations = {bone: keys for bone, keys in rotations.items() if bone not in replaced}
    return replace(
        curves,
        rotations=rotations,
        locations=locations,
        keyed={bone: mask for bone, mask in keyed.items() if bone in rotations or bone in locations},
        neutral_bones=(*curves.neutral_bones, *(bone for ik in bone_map.ik for bone in ik.neutral)),
    )


class _Turns:
    """How far bones are moved from their rest, (F, 4, 4) in armature space, as far as it is known."""

    def __init__(self, curves: Curves, rig: RestPose) -> None:
        self._rig = rig
        moved = {rig.index(bone) for bone in (*curves.rotations, *curves.locations)}
        needed = moved | {above for bone in moved for above in rig.ancestors(bone)}
        pose = forward(rig, curves.rotations, curves.locations, only=needed)
        inverses = np.linalg.inv(rig.matrices)
        self._moved = {bone: pose[:, bone] @ inverses[bone] for bone in needed}
        self._still: Array = np.broadcast_to(np.eye(4), (len(curves.frames), 4, 4))

    def of(self, bone: int) -> Array:
        """A bone that is not moved itself goes with the one above it."""
        while bone not in self._moved:
            bone = self._rig.parents[bone]
            if bone == NO_PARENT:
                return self._still
        return self._moved[bone]

    def point(self, bone: int, place: Array) -> Array:
        """(F, 3) where the bone takes a place of its rest pose."""
        moved = self.of(bone)
        return moved[:, :3, :3] @ place + moved[:, :3, 3]

    def follow(self, control: int, bone: int) -> tuple[Array, Array]:
        """Basis rotation (F, 4) and location (F, 3) that move the control from its rest as the bone is moved."""
        wanted, at_rest = self.of(bone), self._rig.matrices[control]
        into: Array = np.asarray(np.linalg.inv(self.of(self._rig.parents[control]) @ at_rest), np.float64)
        basis = into @ wanted @ at_rest
        self._moved[control] = wanted
        return quat.continuous(quat.from_matrix(basis[:, :3, :3])), basis[:, :3, 3]

    def carry(self, control: int, places: Array) -> Array:
        """(F, 3) basis location that brings the control's head to the places. (F, 3) armature space"""
        above = self.of(self._rig.parents[control]) @ self._rig.matrices[control]
        into: Array = np.asarray(np.linalg.inv(above), np.float64)
        return (into[:, :3, :3] @ places[:, :, None])[:, :, 0] + into[:, :3, 3]


def _pole(turns: _Turns, rig: RestPose, ik: IkControl, chain: list[str]) -> Array:
    """(F, 3) armature space: as far from elbow or knee as at rest, on the side to which they bend."""
    upper, lower, end = (rig.index(name) for name in chain[:3])
    away: Array = rig.heads[rig.index(ik.pole)] - rig.heads[lower]
    start, middle, finish = (turns.point(bone, rig.heads[bone]) for bone in (upper, lower, end))
    line = quat.normalised(finish - start)
    aim = _across(turns.point(upper, rig.heads[lower] + away) - middle, line)
    return middle + np.linalg.norm(away) * quat.normalised(aim)


def _across(vectors: Array, line: Array) -> Array:
    return vectors - (vectors * line).sum(-1, keepdims=True) * line


def _all_known(curves: Curves, chain: list[str]) -> Mask:
    """Frames at which each bone of the chain that has keys has one."""
    known = np.ones(len(curves.frames), np.bool_)
    for bone in chain:
        known &= curves.keyed.get(bone, True)
    return known
