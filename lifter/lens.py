"""The lens: intrinsics from what the user said, what the film told, or the usual field of view."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from .pipeline import Options

DEFAULT_HFOV_DEG = 55.0  # of the longer side: between a phone's main camera and a normal lens
FULL_FRAME_MM = 36.0  # width that focal lengths in millimetres refer to


def given(options: Options) -> bool:
    """Whether the user named the lens."""
    return options.hfov is not None or options.focal_mm is not None


def intrinsics(width: int, height: int, options: Options, told_px: float | None = None) -> npt.NDArray[np.float64]:
    """(3, 3) pinhole with the centre in the middle; square pixels. told_px: the focal length that the film told."""
    if options.hfov is not None:
        focal = width / 2 / np.tan(np.radians(options.hfov) / 2)
    elif options.focal_mm is not None:
        focal = max(width, height) * options.focal_mm / FULL_FRAME_MM
    else:
        focal = told_px or max(width, height) / 2 / np.tan(np.radians(DEFAULT_HFOV_DEG) / 2)
    return np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])
