"""Elbows and knees as true hinges, for control rigs: their IK bends a limb in the plane of its three joints, one way only, and
FK is to deform them alike. A captured limb that is nearly straight bends any way, even backwards.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .bone_map import SIDES
from .frames import BodyFrames, Joints
from .quaternion import normalised, rotate, swing
from .twist import across, rising, turn_about, turned

Array = npt.NDArray[np.float64]

LIMBS = (("upper_arm", "forearm", "shoulder", "elbow", "wrist"), ("thigh", "shin", "hip", "knee", "ankle"))
# How far the middle joint is off the line from end to end, as a share of the upper bone: up to the first it goes where the
# settled hinge has it (a limb bent by 6 degrees), from the second on (by 23) the hinge turns to where it is.
STRAIGHT, BENT = 0.05, 0.2
AGAINST = (np.radians(60.0), np.radians(120.0))  # but the hinge does not turn over for a joint that bends against it


def hinged(person: BodyFrames, joints: Joints) -> BodyFrames:
    """The frames with the two bones of each limb at right angles to one hinge; both ends of the limb keep their place.

    joints: (F, 3) each, of the same frames.
    """
    parts, turns = dict(person.parts), dict(person.turns)
    for side in SIDES:
        for upper, lower, *names in LIMBS:
            upper, lower = f"{side}_{upper}", f"{side}_{lower}"
            start, middle, end = (joints[f"{side}_{name}"] for name in names)
            line = normalised(end - start)
            centre = start + ((middle - start) * line).sum(-1, keepdims=True) * line
            reach = np.linalg.norm(middle - centre, axis=-1, keepdims=True)
            own, captured = normalised(np.cross(line, parts[upper][..., 0])), normalised(middle - centre)
            angle = turn_about(line, captured, own)
            share = rising((reach / np.linalg.norm(middle - start, axis=-1, keepdims=True))[:, 0], STRAIGHT, BENT)
            share *= 1 - rising(np.abs(angle), *AGAINST)
            aim = turned(line, captured, (1 - share) * angle)
            aim = np.where(np.isfinite(aim), aim, own)
            hinge = np.cross(aim, line)
            _put(parts, upper, hinge, normalised(centre + reach * aim - start))
            direction = normalised(end - centre - reach * aim)
            if lower not in turns:
                _put(parts, lower, hinge, direction)
                continue
            axis = rotate(swing(parts[lower][..., 1], direction), parts[lower][..., 0])
            turn = turn_about(direction, np.cross(hinge, direction), axis) - turns[lower]
            turns[lower] = turns[lower] + np.nan_to_num(turn - 2 * np.pi * np.round(turn / (2 * np.pi)))
            _put(parts, lower, axis, direction)
    return BodyFrames(parts, turns)


def _put(parts: dict[str, Array], part: str, axis: Array, direction: Array) -> None:
    """Where axis and direction are known."""
    axis = across(axis, direction)
    frame = np.stack((axis, direction, np.cross(axis, direction)), axis=-1)
    parts[part] = np.where(np.isfinite(frame).all((1, 2), keepdims=True), frame, parts[part])
