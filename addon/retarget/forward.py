"""Where a rig's bones come to stand under given keys: Blender's evaluation in numpy."""

from __future__ import annotations

from collections.abc import Container, Mapping

import numpy as np
import numpy.typing as npt

from .quaternion import to_matrix
from .rest import NO_PARENT, RestPose

Array = npt.NDArray[np.float64]


def forward(
    rest: RestPose,
    rotations: Mapping[str, Array],
    locations: Mapping[str, Array],
    only: Container[int] | None = None,
) -> Array:
    """rotations: bone -> (F, 4) wxyz basis; locations: bone -> (F, 3) basis. Bones without either stay at rest.

    Returns (F, B, 4, 4) pose matrices in armature space: M = M_parent @ (R_parent^-1 @ R) @ basis, R at rest.
    Constraints are not evaluated: give a rig whose bones follow others `rest.with_parents(bone_map.parents)`.
    only: bones to compute, with all above each of them; the others' matrices are left undefined.
    """
    frames = max([len(v) for v in rotations.values()] + [len(v) for v in locations.values()] + [1])
    out = np.empty((frames, len(rest), 4, 4))
    inverses = np.linalg.inv(rest.matrices)
    for i, (name, parent) in enumerate(zip(rest.bone_names, rest.parents)):
        if only is not None and i not in only:
            continue
        basis = np.broadcast_to(np.eye(4), (frames, 4, 4))
        if name in rotations or name in locations:
            basis = basis.copy()
            if name in rotations:
                basis[:, :3, :3] = to_matrix(rotations[name])
            if name in locations:
                basis[:, :3, 3] = locations[name]
        if parent == NO_PARENT:
            base = np.broadcast_to(rest.matrices[i], (frames, 4, 4))
        else:
            base = out[:, parent] @ (inverses[parent] @ rest.matrices[i])
            if not rest.inherits_rotation[i]:
                base[:, :3, :3] = rest.matrices[i, :3, :3]
        out[:, i] = base @ basis
    return out
