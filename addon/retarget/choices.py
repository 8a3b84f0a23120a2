"""What the animator may choose about a solve."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from ...lifter.contract.protocol import UsageError

Root = Literal["hips", "root", "object", "in place"]
Feet = Literal["auto", "always", "never"]
ROOTS: tuple[Root, ...] = get_args(Root)
FEET: tuple[Feet, ...] = get_args(Feet)


@dataclass(frozen=True)
class Choices:
    """Raises UsageError for a word that is not known."""

    root: Root = "hips"  # what takes the path along the ground: hips, a root bone, the object, or nothing
    place: tuple[float, float, float] | None = None  # metres, world: where the first person begins; None: as captured
    facing: float | None = (
        None  # radians from -Y, counter-clockwise, where the first person looks then; None: as captured
    )
    feet: Mapping[str, Feet] = field(default_factory=lambda: {"left": "auto", "right": "auto"})

    def __post_init__(self) -> None:
        object.__setattr__(self, "place", None if self.place is None else tuple(map(float, self.place)))
        if self.root not in ROOTS:
            raise UsageError(f"root '{self.root}' is not known. Choose one of {', '.join(ROOTS)}.")
        for side in ("left", "right"):
            if self.feet.get(side) not in FEET:
                raise UsageError(f"{side} foot '{self.feet.get(side)}' is not known. Choose one of {', '.join(FEET)}.")
        numbers = (*(self.place or ()), self.facing or 0.0)
        if not all(map(math.isfinite, numbers)):
            raise UsageError("place and facing must be finite numbers. Correct them.")
