"""Where a body looks by its rest pose: along its feet, else as its knees and elbows bend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from .quaternion import normalised
from .rest import RestPose

Array = npt.NDArray[np.float64]

BENT = 0.02  # a knee or an elbow off the limb's line by this share of its length shows which way it bends


def facing(rest: RestPose, limbs: Sequence[Mapping[str, int]], up: Array) -> Array | None:
    """Where the body looks, (3,) unit, armature axes: along its feet, else as knees and elbows bend; None if unknown."""
    ahead = np.zeros(3)
    for limb in limbs:
        if "foot" not in limb:
            continue
        foot = limb["foot"]
        end = rest.heads[limb["toe"]] if "toe" in limb else rest.tails[foot]
        reach = end - rest.heads[foot]
        level = reach - (reach @ up) * up
        if np.linalg.norm(level) > 0.3 * np.linalg.norm(reach):
            ahead += level
    if not ahead.any():
        return bending(rest, limbs, up)
    return ahead / float(np.linalg.norm(ahead))


def bending(rest: RestPose, limbs: Sequence[Mapping[str, int]], up: Array) -> Array | None:
    """Where knees bend to, and elbows away from, (3,) unit, armature axes; None where they are straight."""
    ahead = np.zeros(3)
    for limb in limbs:
        for sign, parts in ((1, ("thigh", "shin", "foot")), (-1, ("upper_arm", "forearm", "hand"))):
            if all(part in limb for part in parts):
                a, b, c = (rest.heads[limb[part]] for part in parts)
                along = normalised(c - a)
                bend = (b - a) - ((b - a) @ along) * along
                level = sign * (bend - (bend @ up) * up)
                ahead += level if np.linalg.norm(level) > BENT * np.linalg.norm(c - a) else 0.0
    length = float(np.linalg.norm(ahead))
    return ahead / length if length > 0 else None
