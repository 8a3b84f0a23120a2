"""Knees and elbows of the captures bend too much: how far, by skeleton, and the same motions with straighter limbs.

People who walk keep the straighter knee within 2 to 8 degrees and have a median of about 18 over the cycle (Winter,
Biomechanics and Motor Control of Human Movement, gait tables); in CMU's captures of walking the median is 29 degrees on the
lab's own skeletons and 37 to 44 on the Daz skeleton, nobody's knee there is straighter than 12, and elbows are alike. A
network that learns this makes everybody crouch who is seen from the front, where the bend of a knee can only be guessed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from ..contract.skeleton import BODY_27

FloatArray = npt.NDArray[np.floating]

TOO_BENT_DEG: Mapping[str, tuple[float, float]] = {  # knees and elbows of the skeleton that clips come from
    "amc": (11.0, 4.0), "exp": (11.0, 4.0), "daz": (18.0, 12.0),
}  # fmt: skip
LIMBS = (
    ("hip", "knee", "ankle", ("ankle", "heel", "toe")),
    ("shoulder", "elbow", "wrist", ("wrist", "index", "pinky")),
)


def too_bent(skeletons: Sequence[str], strength: FloatArray) -> FloatArray:
    """(B, 2) radians that knees and elbows of clips from these skeletons are to bend less, times strength (B,)."""
    return np.radians([TOO_BENT_DEG.get(name, (0.0, 0.0)) for name in skeletons]) * strength[:, None]


def straightened(joints: FloatArray, less: FloatArray) -> FloatArray:
    """(B, F, 27, 3) with knees and elbows bent less by nearly `less` (B, 2) radians, straight ones by nothing. Bones keep
    their lengths, joints their plane, the limb's end its direction from hip or shoulder; hands and feet move along."""
    out = joints.copy()
    for limb, (start, middle, end, moved) in enumerate(LIMBS):
        for side in ("left", "right"):
            a, b, c = (joints[:, :, BODY_27.index(f"{side}_{name}")] for name in (start, middle, end))
            new_b, new_c = _straighter(a, b, c, less[:, limb, None])
            out[:, :, BODY_27.index(f"{side}_{middle}")] = new_b
            out[:, :, [BODY_27.index(f"{side}_{name}") for name in moved]] += (new_c - c)[:, :, None]
    return out


def _straighter(a: FloatArray, b: FloatArray, c: FloatArray, less: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Middle and end (B, F, 3) of limbs a, b, c that bend less by up to `less` (B, 1) radians."""
    first, second = np.linalg.norm(b - a, axis=-1), np.linalg.norm(c - b, axis=-1)
    cosine = ((b - a) * (c - b)).sum(-1) / np.maximum(first * second, 1e-9)
    bend = np.arccos(np.clip(cosine, -1, 1))
    bend = bend - less * (1 - np.exp(-bend / np.maximum(less, 1e-9)))
    reach = np.sqrt(first**2 + second**2 + 2 * first * second * np.cos(bend))
    line = (c - a) / np.maximum(np.linalg.norm(c - a, axis=-1, keepdims=True), 1e-9)
    aside = (b - a) - ((b - a) * line).sum(-1, keepdims=True) * line
    aside = aside / np.maximum(np.linalg.norm(aside, axis=-1, keepdims=True), 1e-9)
    along = (first**2 + first * second * np.cos(bend)) / np.maximum(reach, 1e-9)
    away = first * second * np.sin(bend) / np.maximum(reach, 1e-9)
    return a + along[..., None] * line + away[..., None] * aside, a + reach[..., None] * line
