"""How a limb turns about its own axis, when its joints tell it only while it is bent.

An upper arm's turn shows in the plane that it makes with the forearm; a straight arm has no such
plane. So the turn is measured as an angle against an axis carried over from the parent without
twist, trusted by how far the limb is bent, and carried through the stretches that cannot be trusted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .quaternion import normalised, rotate, swing

Array = npt.NDArray[np.float64]

# (name of the segment, direction, carried axis, measured axis, evidence for it in radians) -> (F,) radians
Settle = Callable[[str, Array, Array, Array, Array], Array]

TRUSTED = 0.9  # frames trusted this far are kept as measured, and the others lean on them


@dataclass(frozen=True)
class Gate:
    """How far a measured turn is believed. All pairs (where belief begins to change, where it ends), radians.

    The evidence is the angle that shows the turn: how far the elbow is bent, say. A turn far from the carried axis
    is odd, and has to show more clearly: a captured arm that seems bent the wrong way is mostly a straight one.
    """

    clear: tuple[float, float]  # evidence: nothing below the first, all from the second on
    odd: tuple[float, float]  # turns: ordinary up to the first, odd from the second on
    clear_if_odd: tuple[float, float] | None  # as `clear`, for an odd turn; None: never believed

    def trust(self, evidence: Array, turn: Array) -> Array:
        """evidence, turn: (F,) radians, NaN where unknown. (F,) 0..1"""
        oddness = rising(np.abs(turn), *self.odd)
        if self.clear_if_odd is None:
            return rising(evidence, *self.clear) * (1 - oddness)
        low, high = ((1 - oddness) * a + oddness * b for a, b in zip(self.clear, self.clear_if_odd))
        return rising(evidence, low, high)


def dot(a: Array, b: Array) -> Array:
    """a, b: (..., 3). (...)"""
    return (a * b).sum(-1)


def across(axis: Array, direction: Array) -> Array:
    """The part of `axis` at right angles to the unit `direction`, length 1. (..., 3)"""
    return normalised(axis - dot(axis, direction)[..., None] * direction)


def rising(x: Array, low: Array | float, high: Array | float) -> Array:
    """0 below low, 1 above high, smooth between; NaN counts as below."""
    t = np.clip(np.nan_to_num((x - low) / (high - low)), 0.0, 1.0)
    return t * t * (3 - 2 * t)


def between(a: Array, b: Array) -> Array:
    """a, b: (..., 3) of any length. Angle between them, radians."""
    return np.arctan2(np.linalg.norm(np.cross(a, b), axis=-1), dot(a, b))


def turn_about(direction: Array, start: Array, end: Array) -> Array:
    """Angle that turns `start` into `end` about `direction`; all (..., 3), both at right angles to it. Radians."""
    return np.arctan2(dot(direction, np.cross(start, end)), dot(start, end))


def turned(direction: Array, axis: Array, angle: Array) -> Array:
    """`axis`, at right angles to `direction`, turned about it. (..., 3)"""
    return np.cos(angle)[..., None] * axis + np.sin(angle)[..., None] * np.cross(direction, axis)


def carried(frame: Array, direction: Array, reference: Array, reference_axis: Array) -> Array:
    """The axis that a limb has when it swings without twist from a reference direction.

    frame: (F, 3, 3) the parent part, world. direction: (F, 3) unit, world. reference, reference_axis: (3,)
    in the parent's axes, at right angles. Smooth everywhere but opposite to the reference.
    """
    local = (np.swapaxes(frame, -1, -2) @ direction[..., None])[..., 0]
    axis = rotate(swing(np.broadcast_to(reference, local.shape), local), reference_axis)
    return (frame @ axis[..., None])[..., 0]


def settled(angle: Array, trust: Array, times: Array, neutral: float = 0.0) -> Array:
    """Angles through stretches that cannot be trusted: held from the trusted frames on either side.

    angle: (F,) radians, NaN where unknown; trust: (F,) 0..1; times: (F,) seconds. Returns (F,) finite.
    Trusted frames keep their angle. Others lie between the held value and their own, by their trust; one that
    differs by half a turn is left out of it, so that an angle passing through half a turn makes no jump.
    Where nothing is trusted in the whole clip the held value is `neutral`.
    """
    sure = np.isfinite(angle) & (trust > TRUSTED)
    held = np.full(len(angle), neutral)
    if sure.any():
        held = np.interp(times, times[sure], np.unwrap(angle[sure]))
    off: Array = np.nan_to_num(angle - held)
    off = off - 2 * np.pi * np.round(off / (2 * np.pi))
    folded: Array = np.where(np.abs(off) > np.pi / 2, np.copysign(np.pi - np.abs(off), off), off)
    taken: Array = np.where(sure, off, trust * folded)
    return held + taken


def measuring(times: Array, gates: Mapping[str, Gate], neutral: Mapping[str, float], found: dict[str, Array]) -> Settle:
    """A Settle that measures each segment's turn, believes it by its gate, and notes it in `found`.

    gates: by the last part of a segment's name, "left_upper_arm" by "upper_arm". neutral: by segment, the turn
    to take where there is nothing to measure.
    """

    def settle(name: str, direction: Array, axis: Array, measured: Array, evidence: Array) -> Array:
        turn = turn_about(direction, axis, measured)
        found[name] = settled(turn, gates[name.partition("_")[2]].trust(evidence, turn), times, neutral.get(name, 0.0))
        return found[name]

    return settle


def replaying(turns: Mapping[str, Array]) -> Settle:
    """A Settle that gives turns settled before, one a frame."""

    def settle(name: str, direction: Array, axis: Array, measured: Array, evidence: Array) -> Array:
        return turns[name]

    return settle
