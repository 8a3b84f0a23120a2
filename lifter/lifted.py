"""What a lifter gives: joints from the root, and what else it says of them. numpy only."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Lifted:
    """F frames; all NaN where the person is out of sight for long, confidence 0.

    joints (F, J, 3): from the root, camera axes (x right, y down, z forward), metres. By networks with side heads also
    confidence (F, J): the probability of being within 50 mm; spread (F, J): the median error, metres; up (F, 3): the
    world's, a unit vector in camera axes; distance (F,): of the root from the camera, metres, less sure than the joints;
    contacts (F, 4): probability that left heel, left toe, right heel, right toe stand on the ground.
    """

    joints: FloatArray
    confidence: FloatArray | None = None
    spread: FloatArray | None = None
    up: FloatArray | None = None
    distance: FloatArray | None = None
    contacts: FloatArray | None = None

    def turned(self, rotations: FloatArray) -> Lifted:
        """In other axes: rotations (F, 3, 3) to them from those of each frame's camera."""
        up = None if self.up is None else (rotations @ self.up[..., None])[..., 0]
        return replace(self, joints=self.joints @ np.swapaxes(rotations, -1, -2), up=up)
