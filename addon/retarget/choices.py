"""What the animator may choose about a solve, and about the keys that it gives."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from ...lifter.contract.protocol import UsageError

Root = Literal["hips", "root", "object", "in place"]
Feet = Literal["auto", "always", "never"]
Limb = Literal["root", "trunk", "head", "left arm", "right arm", "left leg", "right leg"]
Controls = Literal["fk", "ik", "both"]
Action = Literal["auto", "new", "replace", "strip"]
ROOTS: tuple[Root, ...] = get_args(Root)
FEET: tuple[Feet, ...] = get_args(Feet)
LIMBS: tuple[Limb, ...] = get_args(Limb)  # root: the path; arms with their clavicles
CONTROLS: tuple[Controls, ...] = get_args(Controls)
ACTIONS: tuple[Action, ...] = get_args(Action)
FIRST_FRAME = 1  # Blender's scenes start at frame 1
MOST_SPEED = 100.0  # faster or slower than this times the capture is a slip of the finger


@dataclass(frozen=True)
class Choices:
    """Raises UsageError for a word that is not known."""

    root: Root = "hips"  # what takes the path along the ground: hips, a root bone, the object, or nothing
    place: tuple[float, float, float] | None = None  # metres, world: where the first person begins; None: as captured
    facing: float | None = (
        None  # radians from -Y, counter-clockwise, where the first person looks then; None: as captured
    )
    feet: Mapping[str, Feet] = field(default_factory=lambda: {"left": "auto", "right": "auto"})
    controls: Controls = "fk"  # of control rigs: what gets the limbs' keys; where both do, FK is in charge
    limbs: tuple[Limb, ...] = LIMBS  # what gets keys; the bones of all else keep the animation that they have

    def __post_init__(self) -> None:
        object.__setattr__(self, "place", None if self.place is None else tuple(map(float, self.place)))
        object.__setattr__(self, "limbs", tuple(limb for limb in LIMBS if limb in self.limbs))
        if self.root not in ROOTS:
            raise UsageError(f"root '{self.root}' is not known. Choose one of {', '.join(ROOTS)}.")
        if self.controls not in CONTROLS:
            raise UsageError(f"controls '{self.controls}' are not known. Choose one of {', '.join(CONTROLS)}.")
        for side in ("left", "right"):
            if self.feet.get(side) not in FEET:
                raise UsageError(f"{side} foot '{self.feet.get(side)}' is not known. Choose one of {', '.join(FEET)}.")
        if not self.limbs:
            raise UsageError(f"no limb is chosen, so nothing would move. Choose some of {', '.join(LIMBS)}.")
        numbers = (*(self.place or ()), self.facing or 0.0)
        if not all(map(math.isfinite, numbers)):
            raise UsageError("place and facing must be finite numbers. Correct them.")


@dataclass(frozen=True)
class Keying:
    """Which frames of the capture become which keys, and into which action. Raises UsageError."""

    first: int = 1  # frames of the capture that are used, counted from 1
    last: int = 0  # 0: to its end
    start: int = FIRST_FRAME  # the scene's frame that takes the first of them
    speed: float = 1.0  # 2: twice as fast
    action: Action = "auto"  # a new one in the place of one of the same clip; new; into the present one; an NLA strip
    tolerance: float = (
        0.0  # radians that a bone's turn against its parent may be off for the sake of fewer keys; 0: none
    )
    tolerance_m: float = 0.0  # the same for what has a place, metres

    def __post_init__(self) -> None:
        if self.first < 1 or self.last < 0 or 0 < self.last < self.first:
            raise UsageError(f"frames {self.first} to {self.last}: give the first, from 1, and a last not before it.")
        if not 1 / MOST_SPEED <= self.speed <= MOST_SPEED:
            raise UsageError(f"speed {self.speed:g}: give a factor from {1 / MOST_SPEED:g} to {MOST_SPEED:g}.")
        if self.action not in ACTIONS:
            raise UsageError(f"action '{self.action}' is not known. Choose one of {', '.join(ACTIONS)}.")
        for tolerance in (self.tolerance, self.tolerance_m):
            if not (math.isfinite(tolerance) and tolerance >= 0):
                raise UsageError(f"tolerance {tolerance:g}: must be 0 or more. Correct it.")


_WORDS: dict[str, tuple[str, ...]] = {
    "all": LIMBS,
    "arms": ("left arm", "right arm"),
    "legs": ("left leg", "right leg"),
    **{limb.replace(" ", "-"): (limb,) for limb in LIMBS},
}
LIMB_WORDS = tuple(_WORDS)


def limbs_of(words: Iterable[str]) -> tuple[Limb, ...]:
    """The limbs that words such as "arms" and "left-leg" name, in the order of LIMBS. Raises UsageError."""
    named: set[str] = set()
    for word in words:
        if word not in _WORDS:
            raise UsageError(f"limb '{word}' is not known. Choose some of {', '.join(LIMB_WORDS)}.")
        named.update(_WORDS[word])
    return tuple(limb for limb in LIMBS if limb in named)
