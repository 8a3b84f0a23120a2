"""What a rig looks like before anything moves it: bones, parents and rest matrices.

Armature space is the rig's own; `world_from_armature` is the object's matrix. Blender's edge
(`addon/rig.py`) makes a RestPose from an armature, tests make one from JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ...lifter.contract.protocol import RigError

Array = npt.NDArray[np.float64]

ROTATION_MODES = ("QUATERNION", "AXIS_ANGLE", "XYZ", "XZY", "YXZ", "YZX", "ZXY", "ZYX")
MAX_SHEAR = 1e-3  # a larger difference between the axes of the object's matrix cannot carry rotations
NO_PARENT = -1


@dataclass(frozen=True)
class RestPose:
    """One armature at rest. Checked when made; raises RigError naming the bone or the matrix at fault."""

    name: str
    bone_names: tuple[str, ...]  # B
    parents: tuple[int, ...]  # B, NO_PARENT for roots; a parent stands before its children
    matrices: Array  # (B, 4, 4) `bone.matrix_local`, armature space: head and axes, y along the bone
    lengths: Array  # (B,) armature units
    world_from_armature: Array  # (4, 4) the object's matrix; its scale must be the same on all axes
    rotation_modes: tuple[str, ...]  # B, each in ROTATION_MODES
    connected: tuple[bool, ...]  # B, the head sits on the parent's tail and cannot move by itself
    deform: tuple[bool, ...]  # B, moves the mesh
    inherits_rotation: tuple[bool, ...] = ()  # B, `bone.use_inherit_rotation`; empty means all

    def __post_init__(self) -> None:
        for key in ("matrices", "lengths", "world_from_armature"):
            array = np.array(getattr(self, key), dtype=np.float64, order="C")
            array.flags.writeable = False
            object.__setattr__(self, key, array)
        if not self.inherits_rotation:
            object.__setattr__(self, "inherits_rotation", (True,) * len(self.bone_names))
        _check(self)

    def __len__(self) -> int:
        return len(self.bone_names)

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(self.bone_names)}

    def __contains__(self, name: str) -> bool:
        return name in self._positions

    def index(self, name: str) -> int:
        """Place of bone `name`; KeyError names the bone."""
        try:
            return self._positions[name]
        except KeyError:
            raise KeyError(f"no bone '{name}' in armature '{self.name}'") from None

    @cached_property
    def children(self) -> tuple[tuple[int, ...], ...]:
        """For each bone, the places of its direct children."""
        lists: list[list[int]] = [[] for _ in self.bone_names]
        for i, parent in enumerate(self.parents):
            if parent != NO_PARENT:
                lists[parent].append(i)
        return tuple(tuple(c) for c in lists)

    @property
    def heads(self) -> Array:
        """(B, 3) armature space."""
        return self.matrices[:, :3, 3]

    @property
    def tails(self) -> Array:
        """(B, 3) armature space. Importers guess tails (glTF knows none): prefer a child's head."""
        return self.heads + self.matrices[:, :3, 1] * self.lengths[:, None]

    @property
    def scale(self) -> float:
        """World metres in one armature unit."""
        return float(np.cbrt(np.linalg.det(self.world_from_armature[:3, :3])))

    @property
    def world_rotation(self) -> Array:
        """(3, 3) the object's rotation, world from armature."""
        return self.world_from_armature[:3, :3] / self.scale

    def ancestors(self, bone: int) -> tuple[int, ...]:
        """Places of the bones above, the nearest first."""
        found: list[int] = []
        while (bone := self.parents[bone]) != NO_PARENT:
            found.append(bone)
        return tuple(found)

    def with_parents(self, overrides: Mapping[str, str]) -> RestPose:
        """The same rig with some bones hung elsewhere, as constraints make them follow (see presets/rigs/README.md).

        Bones are put in a new order where that is needed to keep parents before children.
        """
        if not overrides:
            return self
        parents = list(self.parents)
        for bone, parent in overrides.items():
            parents[self.index(bone)] = self.index(parent)
        order = _parents_first(parents, self.bone_names)
        place = {old: new for new, old in enumerate(order)}
        return replace(
            self,
            bone_names=tuple(self.bone_names[i] for i in order),
            parents=tuple(NO_PARENT if parents[i] == NO_PARENT else place[parents[i]] for i in order),
            matrices=self.matrices[order],
            lengths=self.lengths[order],
            rotation_modes=tuple(self.rotation_modes[i] for i in order),
            connected=tuple(self.connected[i] for i in order),
            deform=tuple(self.deform[i] for i in order),
            inherits_rotation=tuple(self.inherits_rotation[i] for i in order),
        )


def _parents_first(parents: list[int], names: tuple[str, ...]) -> list[int]:
    order: list[int] = []
    placed: set[int] = set()
    for start in range(len(parents)):
        trail: list[int] = []
        bone = start
        while bone != NO_PARENT and bone not in placed:
            if bone in trail:
                raise RigError(f"bone '{names[bone]}' would be its own ancestor. Correct [parents] in the preset.")
            trail.append(bone)
            bone = parents[bone]
        order.extend(reversed(trail))
        placed.update(trail)
    return order


def _check(rest: RestPose) -> None:
    count, rig = len(rest.bone_names), f"armature '{rest.name}'"
    if count == 0:
        raise RigError(f"{rig} has no bones. Choose another armature.")
    for key in ("parents", "lengths", "rotation_modes", "connected", "deform", "inherits_rotation"):
        if len(getattr(rest, key)) != count:
            raise RigError(f"{rig}: {key} has {len(getattr(rest, key))} entries for {count} bones.")
    if len(set(rest.bone_names)) != count:
        raise RigError(f"{rig}: bone names repeat.")
    if rest.matrices.shape != (count, 4, 4) or rest.world_from_armature.shape != (4, 4):
        raise RigError(f"{rig}: matrices have shape {rest.matrices.shape}, expected ({count}, 4, 4).")
    for i, parent in enumerate(rest.parents):
        if not NO_PARENT <= parent < i:
            raise RigError(f"{rig}: the parent of '{rest.bone_names[i]}' does not stand before it.")
    for i, mode in enumerate(rest.rotation_modes):
        if mode not in ROTATION_MODES:
            raise RigError(f"{rig}: bone '{rest.bone_names[i]}' has rotation mode '{mode}', unknown here.")
    finite = np.isfinite(rest.matrices).all((1, 2))
    axes = rest.matrices[:, :3, :3]
    turned = np.abs(axes.transpose(0, 2, 1) @ axes - np.eye(3)).max((1, 2)) < MAX_SHEAR
    for i in np.flatnonzero(~(finite & turned & (np.linalg.det(axes) > 0))):
        raise RigError(f"{rig}: the rest matrix of bone '{rest.bone_names[i]}' is not a rotation and a place.")
    world = rest.world_from_armature[:3, :3]
    scale = np.linalg.norm(world, axis=0)
    if not np.isfinite(rest.world_from_armature).all() or scale.min() <= 0 or np.linalg.det(world) <= 0:
        raise RigError(f"{rig}: its object is mirrored or flattened (negative or zero scale). Apply the scale first.")
    if np.abs(world.T @ world / scale[0] ** 2 - np.eye(3)).max() > MAX_SHEAR:
        raise RigError(
            f"{rig}: its object is scaled differently along x, y, z {scale.round(4).tolist()}. Apply the scale."
        )
