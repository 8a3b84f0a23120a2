"""Who is in a picture, in 2D: the detectors, by name."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from ..contract.protocol import UsageError


class Detector(Protocol):
    """Finds people in frames that come in order of time."""

    @property
    def name(self) -> str: ...

    @property
    def point_names(self) -> tuple[str, ...]: ...

    def detect(self, rgb: npt.NDArray[np.uint8], time_s: float) -> npt.NDArray[np.float32]:
        """(P, K, 3) x, y in pixels, confidence in 0..1, of the people in an upright (H, W, 3) frame; P may be 0."""
        ...

    def close(self) -> None: ...


DETECTORS = ("mediapipe",)


def build(name: str = "mediapipe", people: int = 2) -> Detector:
    """A detector that finds up to `people`. Raises UsageError for an unknown name, RuntimeUnfitError where it cannot run."""
    if name == "mediapipe":
        from .mediapipe_pose import MediapipePose  # heavy, and only where chosen

        return MediapipePose(people)
    raise UsageError(f"no detector '{name}'; there are {', '.join(DETECTORS)}.")
