"""Which points other people's detectors name, in which order, and how three of those sets become H36M_17.

The names are ours (left_toe is OpenPose's LBigToe), so `keypoints.to_body_27` finds by name what a set has; what it
lacks (COCO_17: feet, knuckles) stays unseen. The H36M_17 maps here are those that the published lifters were trained
on; our own network gets its derived joints from `keypoints.derive` instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .contract.skeleton import BODY_27, H36M_17, Skeleton, mirror_order

FloatArray = npt.NDArray[np.floating]

_LIMBS = (
    "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
    "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
)  # fmt: skip
COCO_17 = ("nose", "left_eye", "right_eye", "left_ear", "right_ear") + _LIMBS
HALPE_26 = COCO_17 + (
    "head_top", "neck", "mid_hip",
    "left_toe", "right_toe", "left_small_toe", "right_small_toe", "left_heel", "right_heel",
)  # fmt: skip
POSETRACK_17 = ("nose", "head_bottom", "head_top", "left_ear", "right_ear") + _LIMBS
BODY_25 = (
    "nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
    "mid_hip", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle",
    "right_eye", "left_eye", "right_ear", "left_ear",
    "left_toe", "left_small_toe", "left_heel", "right_toe", "right_small_toe", "right_heel",
)  # fmt: skip

# What a lifter may read, by the name that weights give it. COCO has no tree of its own: this one hangs on the nose.
SETS = {
    "BODY_27": BODY_27,
    "H36M_17": H36M_17,
    "COCO_17": Skeleton(COCO_17, (-1, 0, 0, 1, 2, 0, 0, 5, 6, 7, 8, 5, 6, 11, 12, 13, 14)),
}

LAYOUTS = {"coco": COCO_17, "h36m": H36M_17.names, "halpe_26": HALPE_26, "body_25": BODY_25}  # VideoPose3D's names

_HIPS = ("left_hip", "right_hip")
_SHOULDERS = ("left_shoulder", "right_shoulder")
# H36M_17 joint: the points whose mean it is (a name that stands twice counts twice). The others keep their name.
_FROM_COCO = {
    "pelvis": _HIPS, "thorax": _SHOULDERS, "spine": _HIPS + _SHOULDERS, "head_top": ("left_eye", "right_eye"),
}  # fmt: skip
_FROM_HALPE = {"pelvis": ("mid_hip",), "thorax": ("neck",), "spine": ("mid_hip", "neck")}
_FROM_POSETRACK = {"pelvis": _HIPS, "thorax": ("head_bottom",), "spine": _HIPS + ("head_bottom",) * 2}


def coco_to_h36m(points: FloatArray) -> FloatArray:
    """(..., 17, C) in H36M_17 order from COCO_17 points x, y[, confidence]; head_top is the mid-eyes.

    Every channel is a mean, the confidence too, as MotionBERT was trained. A NaN source leaves NaN and confidence 0.
    """
    return _to_h36m(points, COCO_17, _FROM_COCO)


def halpe_to_h36m(points: FloatArray) -> FloatArray:
    """(..., 17, C) in H36M_17 order from HALPE_26 points, which bring pelvis, neck and head themselves."""
    return _to_h36m(points, HALPE_26, _FROM_HALPE)


def posetrack_to_h36m(points: FloatArray) -> FloatArray:
    """(..., 17, C) in H36M_17 order from POSETRACK_17; pelvis and spine have their sources' smallest confidence."""
    return _to_h36m(points, POSETRACK_17, _FROM_POSETRACK, smallest=("pelvis", "spine"))


def by_layout(layout: Any, symmetry: Any, count: int) -> tuple[str, ...]:
    """The set of `count` points that VideoPose3D's metadata names, or the one with its left and right points.

    symmetry: [left, right] indices, or None. Raises ValueError when nothing fits or the two disagree.
    """
    try:
        said = None if symmetry is None else tuple(frozenset(int(i) for i in side) for side in symmetry)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError("keypoints_symmetry is not two lists of point numbers") from error
    named = isinstance(layout, str) and layout in LAYOUTS
    candidates = [LAYOUTS[layout]] if named else LAYOUTS.values() if said else ()
    for names in candidates:
        if len(names) == count and said in (None, _sides(names)):
            return names
    known = "not what that name means" if named else f"not known (known: {', '.join(LAYOUTS)})"
    raise ValueError(f"layout {layout!r:.40} with {count} points and keypoints_symmetry {symmetry!r:.120} is {known}")


def _sides(names: Sequence[str]) -> tuple[frozenset[int], frozenset[int]]:
    """Indices of the left and of the right points."""
    paired = [i for i, partner in enumerate(mirror_order(names)) if partner != i]
    left = frozenset(i for i in paired if names[i].startswith("left_"))
    return left, frozenset(paired) - left


def _to_h36m(
    points: FloatArray,
    names: tuple[str, ...],
    recipe: Mapping[str, tuple[str, ...]],
    smallest: tuple[str, ...] = (),
) -> FloatArray:
    if points.ndim < 2 or points.shape[-2] != len(names) or points.shape[-1] not in (2, 3):
        raise ValueError(f"points have shape {points.shape}, expected (..., {len(names)}, 2 or 3)")
    joints = np.empty((*points.shape[:-2], len(H36M_17), points.shape[-1]), points.dtype)
    for j, joint in enumerate(H36M_17.names):
        sources = points[..., [names.index(name) for name in recipe.get(joint, (joint,))], :]
        joints[..., j, :] = sources.mean(-2)
        if joint in smallest:
            joints[..., j, 2:] = sources[..., 2:].min(-2)
    joints[..., 2:][~np.isfinite(joints[..., :2]).all(-1)] = 0
    return joints
