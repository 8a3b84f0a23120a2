"""Which joints exist, how they hang together, and which is whose mirror image.

H36M_17 is the usual Human3.6M order. BODY_27 adds feet, knuckles and ears: enough to turn
feet, palms and head. Any joint set may stand in a Motion; these two exist today.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

ROOT = -1  # parent index of the root joint


@dataclass(frozen=True)
class Skeleton:
    """Joint names and, for each, the index of its parent (ROOT for the root; a parent comes before or after)."""

    names: tuple[str, ...]
    parents: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.names) != len(self.parents):
            raise ValueError(f"{len(self.names)} names but {len(self.parents)} parents")
        if len(set(self.names)) != len(self.names):
            raise ValueError("joint names repeat")

    def __len__(self) -> int:
        return len(self.names)

    def index(self, name: str) -> int:
        """Position of joint `name`; KeyError names the joint."""
        try:
            return self.names.index(name)
        except ValueError:
            raise KeyError(f"no joint '{name}' in this skeleton") from None

    @property
    def mirror(self) -> tuple[int, ...]:
        """For each joint, the index of its left/right partner (itself on the midline)."""
        return mirror_order(self.names)


def mirror_order(names: Sequence[str]) -> tuple[int, ...]:
    """Index of the left/right partner of each name; names without 'left_'/'right_' stay."""
    position = {name: i for i, name in enumerate(names)}
    partner = {"left_": "right_", "right_": "left_"}
    order: list[int] = []
    for i, name in enumerate(names):
        side = next((s for s in partner if name.startswith(s)), None)
        other = name if side is None else partner[side] + name[len(side) :]
        order.append(position.get(other, i))
    return tuple(order)


_H36M_NAMES = (
    "pelvis", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle",
    "spine", "thorax", "nose", "head_top",
    "left_shoulder", "left_elbow", "left_wrist", "right_shoulder", "right_elbow", "right_wrist",
)  # fmt: skip
_H36M_PARENTS = (-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 9, 8, 11, 12, 8, 14, 15)

H36M_17 = Skeleton(_H36M_NAMES, _H36M_PARENTS)

BODY_27 = Skeleton(
    _H36M_NAMES
    + (
        "left_toe", "left_heel", "right_toe", "right_heel",
        "left_index", "left_pinky", "right_index", "right_pinky",
        "left_ear", "right_ear",
    ),
    _H36M_PARENTS + (6, 6, 3, 3, 13, 13, 16, 16, 9, 9),
)  # fmt: skip
