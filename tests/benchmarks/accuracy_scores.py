"""How far predicted motion is from the truth, over many clips: root-aligned, one scale a clip, weighted by frames."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from video_to_armature.lifter import metrics
from video_to_armature.lifter.contract.skeleton import BODY_27, H36M_17

Floats = npt.NDArray[np.floating]

LIMBS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
JOINTS = {  # rows of BODY_27
    "H36M_17": tuple(range(len(H36M_17))),
    "12 limb joints": tuple(BODY_27.index(f"{side}_{part}") for side in ("left", "right") for part in LIMBS),
    "BODY_27": tuple(range(len(BODY_27))),
}


@dataclass(frozen=True)
class Pair:
    """One clip from its pelvis on, metres: predicted (F, 27, 3), NaN in frames that do not count, and true (F, 27, 3)."""

    predicted: Floats
    true: Floats
    fps: float

    def scaled(self, joints: Sequence[int] = JOINTS["BODY_27"]) -> tuple[Floats, Floats]:
        """Predicted (F, J, 3), by the one scale that fits these joints best, and true."""
        predicted, true, known = self.predicted[:, joints], self.true[:, joints], self.known
        return predicted * metrics.one_scale(predicted[known], true[known]), true

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """(F,) frames that count."""
        return np.isfinite(self.predicted).all((1, 2))


@dataclass(frozen=True)
class Score:
    """mpjpe, p_mpjpe in mm; mpjve in mm a frame, velocity the same in m/s; acceleration in m/s², and the truth's own."""

    frames: int
    mpjpe: float
    p_mpjpe: float
    mpjve: float
    velocity: float
    acceleration: float
    true_acceleration: float


def pair(joints: Floats, true: Floats, counts: npt.NDArray[np.bool_], fps: float) -> Pair:
    """Both (F, 27, 3) from their pelvis on, in the frames that count (F,)."""
    relative = joints - joints[:, :1]
    return Pair(np.where(counts[:, None, None], relative, np.nan), true - true[:, :1], fps)


def score(pairs: Sequence[Pair], joints: Sequence[int]) -> Score:
    """Of all clips together. Velocity and acceleration are taken within runs of frames that count, never across a gap."""

    def mean(measure: Callable[[Floats, Floats, float], float], order: int) -> float:
        """Of a measure that takes `order` differences along time."""
        total, count = 0.0, 0
        for one in pairs:
            if not one.known.any():
                continue
            predicted, true = one.scaled(joints)
            for run in runs(one.known):
                steps = run.stop - run.start - order
                if steps > 0:
                    total += steps * measure(predicted[run], true[run], one.fps)
                    count += steps
        return total / count if count else float("nan")

    return Score(
        frames=int(sum(one.known.sum() for one in pairs)),
        mpjpe=1000 * mean(lambda p, t, fps: metrics.mpjpe(p, t), 0),
        p_mpjpe=1000 * mean(lambda p, t, fps: metrics.p_mpjpe(p, t), 0),
        mpjve=1000 * mean(lambda p, t, fps: metrics.mpjve(p, t), 1),
        velocity=mean(lambda p, t, fps: metrics.mpjve(p, t) * fps, 1),
        acceleration=mean(metrics.acceleration_error, 2),
        true_acceleration=mean(lambda p, t, fps: metrics.acceleration_error(np.zeros_like(t), t, fps), 2),
    )


def runs(known: npt.NDArray[np.bool_]) -> list[slice]:
    """Stretches of frames that count without a gap."""
    edges = np.flatnonzero(np.diff(np.r_[False, known, False].astype(int)))
    return [slice(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
