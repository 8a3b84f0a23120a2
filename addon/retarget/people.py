"""Several people of one video in one world, and where that begins: each motion has an origin of its own, the camera is
what they share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ...lifter.contract.motion import Motion
from . import quaternion as quat
from .choices import Choices

Array = npt.NDArray[np.float64]


def in_one_place(motions: Sequence[Motion]) -> list[Motion]:
    """The motions in the world of the first, placed so that their cameras fall together.

    People are turned about Z and moved along the ground only: each keeps its own vertical and its feet's height,
    though the camera's tilt was measured anew for each.
    """
    return [motion if i == 0 else _moved(motion, motions[0]) for i, motion in enumerate(motions)]


def _moved(motion: Motion, first: Motion) -> Motion:
    first_from_own = _first_camera(first) @ np.linalg.inv(_first_camera(motion))
    # the turn about Z nearest to the whole turn
    angle = np.arctan2(first_from_own[1, 0] - first_from_own[0, 1], first_from_own[0, 0] + first_from_own[1, 1])
    known = motion.positions[motion.known].astype(np.float64)
    place: Array = known.mean(0) if len(known) else np.zeros(3)
    goal = first_from_own[:3, :3] @ place + first_from_own[:3, 3]
    return _turned(motion, float(angle), place, np.append(goal[:2], place[2]))


def started(motions: Sequence[Motion], choices: Choices) -> list[Motion]:
    """The motions turned, and moved along the ground, together: the first person looks and begins as chosen.

    Where a place is chosen that person begins over the world's origin: scaled about it, then moved by the place.
    """
    if not motions or (choices.place is None and choices.facing is None):
        return list(motions)
    left, right = (motions[0].joint(f"{side}_hip").astype(np.float64) for side in ("left", "right"))
    both = np.flatnonzero(np.isfinite(left).all(-1) & np.isfinite(right).all(-1))
    if not len(both):
        return list(motions)
    across, begin = left[both[0]] - right[both[0]], (left[both[0]] + right[both[0]]) / 2
    looks = float(np.arctan2(across[1], across[0]))  # from -Y, as the hips' axis lies from X
    turn = 0.0 if choices.facing is None else choices.facing - looks
    goal = begin if choices.place is None else np.array([0.0, 0.0, begin[2]])
    return [_turned(motion, turn, begin, goal) for motion in motions]


def moved_by(motion: Motion, new_from_own: Array) -> Motion:
    """The motion and its camera in another world; new_from_own: (4, 4), a turn about Z and a shift."""
    turn = quat.from_matrix(new_from_own[:3, :3])
    positions = quat.rotate(turn, motion.positions.astype(np.float64)) + new_from_own[:3, 3]
    return replace(
        motion,
        positions=positions.astype(np.float32),
        rotations=quat.mul(turn, motion.rotations.astype(np.float64)).astype(np.float32),
        world_from_cam=new_from_own @ motion.world_from_cam,
    )


def how_moved(motion: Motion, moved: Motion) -> Array:
    """(4, 4) what `moved_by` made the second of the first with."""
    return _first_camera(moved) @ np.linalg.inv(_first_camera(motion))


def _turned(motion: Motion, angle: float, place: Array, goal: Array) -> Motion:
    """The motion turned about Z by `angle` radians so that what was at `place` comes to `goal`."""
    turn = quat.about(np.array([0.0, 0.0, 1.0]), np.array(angle))
    new_from_own = np.eye(4)
    new_from_own[:3, :3], new_from_own[:3, 3] = quat.to_matrix(turn), goal - quat.rotate(turn, place)
    return moved_by(motion, new_from_own)


def _first_camera(motion: Motion) -> Array:
    """(4, 4) world_from_cam, at the first frame where the camera moves."""
    return motion.world_from_cam if motion.world_from_cam.ndim == 2 else motion.world_from_cam[0]
