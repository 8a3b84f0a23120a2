"""Which motions there are to learn from: reads the project's training form of motion capture.

The form (shared/mocap/README.md): an npz of int16 millimetre differences, BODY_27 order, Z up, 30 fps.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..contract.protocol import InputError
from ..contract.skeleton import BODY_27

FPS = 30.0


@dataclass(frozen=True)
class MocapSet:
    """Clips end to end. joints (N, 27, 3) metres, Z up; clip i is rows start[i] : start[i] + length[i], and shows
    an action of kinds[i] (walk, dance, …)."""

    joints: npt.NDArray[np.float32]
    start: npt.NDArray[np.int64]
    length: npt.NDArray[np.int64]
    clip_ids: tuple[str, ...]
    kinds: tuple[str, ...]


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
            kinds = tuple(str(k) for k in z["category"]) if "category" in z.files else ("unknown",) * len(clip_ids)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as npz ({error}).") from error
    joints = np.empty(delta.shape, np.float32)
    for s, n in zip(start, length, strict=True):
        joints[s : s + n] = np.cumsum(delta[s : s + n].astype(np.int32), 0) / 1000.0
    return MocapSet(joints, start, length, clip_ids, kinds)
