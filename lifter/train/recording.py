"""What a motion capture file says, whatever its format: a tree of joints and how each turns, frame by frame."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Recording:
    """Axes and unit of length are the file's; a joint's own axes are the file's when nothing is turned.

    names (J,), and parents (J,): index or -1, each before its children. moves (F, J, 3): from the parent (the root: from
    the origin) in the parent's axes; it changes only where the file says so. turns (F, J, 3, 3): joint to parent axes.
    ends (J, 3): where the bone that begins in a joint ends, in the joint's axes; NaN where the file does not say.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    moves: FloatArray
    turns: FloatArray
    ends: FloatArray
    fps: float | None

    @property
    def frames(self) -> int:
        return len(self.moves)

    def at(self, frames: slice) -> Recording:
        """Some frames of it; `fps` stays."""
        return replace(self, moves=self.moves[frames], turns=self.turns[frames])

    def pose(self) -> tuple[FloatArray, FloatArray]:
        """Forward kinematics: where joints are (F, J, 3), and their axes in the file's axes (F, J, 3, 3)."""
        positions, axes = self.moves.copy(), self.turns.copy()
        for joint, parent in enumerate(self.parents):
            if parent >= 0:
                positions[:, joint] = positions[:, parent] + rotated(axes[:, parent], self.moves[:, joint])
                axes[:, joint] = axes[:, parent] @ self.turns[:, joint]
        return positions, axes


def rotated(matrix: FloatArray, vector: FloatArray) -> FloatArray:
    """Rotations (..., 3, 3) applied to vectors (..., 3)."""
    return np.einsum("...ij,...j->...i", matrix, vector)


def about(axis: int, radians: FloatArray | float) -> FloatArray:
    """(..., 3, 3) right-handed rotations about coordinate axis 0, 1 or 2."""
    radians = np.asarray(radians)
    matrix = np.zeros((*radians.shape, 3, 3))
    i, j = (axis + 1) % 3, (axis + 2) % 3
    matrix[..., axis, axis] = 1
    matrix[..., i, i] = matrix[..., j, j] = np.cos(radians)
    matrix[..., j, i] = np.sin(radians)
    matrix[..., i, j] = -matrix[..., j, i]
    return matrix
