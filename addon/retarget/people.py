"""Several people of one video in one world: each motion has an origin of its own, the camera is what they share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ...lifter.contract.motion import Motion
from . import quaternion as quat

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
    turn = quat.about(np.array([0.0, 0.0, 1.0]), np.array(angle))
    known = motion.positions[motion.known].astype(np.float64)
    place: Array = known.mean(0) if len(known) else np.zeros(3)
    shift = first_from_own[:3, :3] @ place + first_from_own[:3, 3] - quat.rotate(turn, place)
    shift[2] = 0.0
    ground_from_own = np.eye(4)
    ground_from_own[:3, :3], ground_from_own[:3, 3] = quat.to_matrix(turn), shift
    return replace(
        motion,
        positions=(quat.rotate(turn, motion.positions.astype(np.float64)) + shift).astype(np.float32),
        rotations=quat.mul(turn, motion.rotations.astype(np.float64)).astype(np.float32),
        world_from_cam=ground_from_own @ motion.world_from_cam,
    )


def _first_camera(motion: Motion) -> Array:
    """(4, 4) world_from_cam, at the first frame where the camera moves."""
    return motion.world_from_cam if motion.world_from_cam.ndim == 2 else motion.world_from_cam[0]
