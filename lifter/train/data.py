"""Which motions there are to learn from: reads the project's training form of motion capture.

The form (shared/mocap/README.md): an npz of int16 millimetre differences, BODY_27 order, Z up, 30 fps.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..contract.motion import CONTACT_NAMES
from ..contract.protocol import InputError
from ..contract.skeleton import BODY_27

FPS = 30.0
FEET = [BODY_27.index(name) for name in CONTACT_NAMES]
STANDING_M = np.array([0.02, 0.033, 0.02, 0.033])  # medians of heels and toes that keep still
LOW_M, HIGH_M = 0.03, 0.08  # above that: surely low enough to touch, surely off the floor
STILL_M_S, HANGING_M_S, MOVING_M_S = 0.25, 0.3, 0.7


@dataclass(frozen=True)
class MocapSet:
    """Clips end to end. joints (N, 27, 3) metres, Z up; clip i is rows start[i] : start[i] + length[i], and shows
    an action of kinds[i] (walk, dance, …), by a skeleton of skeletons[i] (see straighten.py)."""

    joints: npt.NDArray[np.float32]
    start: npt.NDArray[np.int64]
    length: npt.NDArray[np.int64]
    clip_ids: tuple[str, ...]
    kinds: tuple[str, ...]
    skeletons: tuple[str, ...] = ()  # none: unknown

    @cached_property
    def contacts(self) -> npt.NDArray[np.float32]:
        """(N, 4): of each clip, `contacts_of`."""
        clips = zip(self.start, self.length, strict=True)
        return np.concatenate([contacts_of(self.joints[s : s + n], FPS) for s, n in clips])


def load_mocap(path: Path) -> MocapSet:
    """Read one file of the training form. Raises InputError naming what is missing or different."""
    if not path.is_file():
        raise InputError(f"{path}: no such file. The training motions are named in the model card.")
    try:
        with np.load(path, allow_pickle=False) as z:
            missing = {"delta", "start", "length", "clip_id", "points", "fps"} - set(z.files)
            if missing:
                raise InputError(f"{path}: lacks {', '.join(sorted(missing))}; not the training form.")
            if tuple(z["points"]) != BODY_27.names:
                raise InputError(f"{path}: its points are not BODY_27 in order.")
            if not np.allclose(z["fps"], FPS):
                raise InputError(f"{path}: clips must have {FPS:g} fps.")
            delta, start, length = z["delta"], z["start"].astype(np.int64), z["length"].astype(np.int64)
            clip_ids = tuple(str(c) for c in z["clip_id"])
            kinds, skeletons = (
                tuple(str(k) for k in z[key]) if key in z.files else ("unknown",) * len(clip_ids)
                for key in ("category", "source")
            )
    except InputError:
        raise
    except Exception as error:  # numpy and zipfile raise a dozen kinds for damaged files
        raise InputError(f"{path}: cannot be read as npz ({error}). Fetch it again.") from error
    joints = np.empty(delta.shape, np.float32)
    for s, n in zip(start, length, strict=True):
        joints[s : s + n] = np.cumsum(delta[s : s + n].astype(np.int32), 0) / 1000.0
    return MocapSet(joints, start, length, clip_ids, kinds, skeletons)


def contacts_of(joints: npt.NDArray[np.float32], fps: float) -> npt.NDArray[np.float32]:
    """(F, 4) for (F, 27, 3) joints: 1 where left heel, left toe, right heel, right toe stand on the floor z = 0, 0 off it.

    NaN in between, and where a foot is still above the floor: it may stand on a stair, or hang in the air.
    """
    points = joints[:, FEET].astype(np.float64)
    speed = np.linalg.norm(np.gradient(points, 1 / fps, axis=0), axis=-1) if len(points) > 1 else np.zeros((1, 4))
    low = points[..., 2] - STANDING_M
    out = np.full(speed.shape, np.nan, np.float32)
    out[(low < LOW_M) & (speed < STILL_M_S)] = 1
    out[(low > HIGH_M) & (speed > HANGING_M_S) | (speed > MOVING_M_S)] = 0
    return out
