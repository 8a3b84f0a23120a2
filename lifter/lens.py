"""The lens: intrinsics from what the user said, what the film told, or the usual field of view."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from .pipeline import Options

DEFAULT_HFOV_DEG = 55.0  # of the longer side: between a phone's main camera and a normal lens
FULL_FRAME_MM = 36.0  # width that focal lengths in millimetres refer to


def given(options: Options) -> bool:
    """Whether the user named the lens."""
    return options.hfov is not None or options.focal_mm is not None


def focal_px(width: int, height: int, focal_mm: float) -> float:
    """Pixels, from millimetres on FULL_FRAME_MM wide film."""
    return max(width, height) * focal_mm / FULL_FRAME_MM


def intrinsics(width: int, height: int, options: Options, told_px: float | None = None) -> npt.NDArray[np.float64]:
    """(3, 3) pinhole with the centre in the middle; square pixels. told_px: the focal length that the film told."""
    if options.hfov is not None:
        focal = width / 2 / np.tan(np.radians(options.hfov) / 2)
    elif options.focal_mm is not None:
        focal = focal_px(width, height, options.focal_mm)
    else:
        focal = told_px or max(width, height) / 2 / np.tan(np.radians(DEFAULT_HFOV_DEG) / 2)
    return np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])


def told(options: Options, camera: Mapping[str, Any], size: tuple[int, int]) -> dict[str, Any]:
    """What a Motion's header says of the lens: where it is from, degrees across the picture, and their uncertainty."""
    focal = float(intrinsics(*size, options, camera.get("focal_px"))[0, 0])
    across = 2 * np.degrees(np.arctan(size[0] / 2 / focal))
    if given(options):
        return {"from": "user", "hfov": round(across, 2)}
    if not camera.get("focal_px"):
        return {"from": "usual", "hfov": round(across, 2)}
    out = {"from": camera.get("focal_from", "film"), "hfov": round(across, 2)}
    if camera.get("focal_spread_px"):
        out["hfov_spread"] = round(float(np.degrees(np.sin(np.radians(across))) * camera["focal_spread_px"] / focal), 2)
    return out
