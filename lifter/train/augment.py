"""How motion capture becomes windows that the network learns from: other bodies, other speeds, other poses.

Everything random is drawn from one generator, so a seed gives the same batches. Z up, metres. How a camera and a detector
would see them is views.py's.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..contract.skeleton import BODY_27
from ..rays import BODY_SIZE, body_size
from . import rendered
from .data import FPS, MocapSet
from .straighten import straightened, too_bent
from .variation import Variation
from .views import Batch, Mask, joined, through_camera, turn
from .widen import mixed, resized, turned

FloatArray = npt.NDArray[np.floating]

_MIRROR = np.array(BODY_27.mirror)
_MIRROR_CONTACTS = [2, 3, 0, 1]


def make_batch(
    mocap: MocapSet,
    rng: np.random.Generator,
    size: int,
    frames: int,
    stride: float,
    a: Variation,
    takes: Sequence[rendered.Take] = (),
) -> Batch:
    """`size` windows of `frames` frames, `stride` source frames apart, from clips chosen by their length; some of them
    of rendered `takes`."""
    from_takes = min(rng.binomial(size, a.rendered), size - 1) if takes else 0
    size -= from_takes
    real = rng.uniform(0, 1, size) < a.real
    joints, contacts = _windows(mocap, rng, real, frames, stride, a)
    if a.mix:
        pick = rng.uniform(0, 1, size) < a.mix
        joints[pick] = mixed(joints[pick], _windows(mocap, rng, real, frames, stride, a)[0][pick])
    if a.widen:
        pick = rng.uniform(0, 1, size) < a.widen
        joints[pick] = turned(joints[pick], rng, rng.uniform(*a.widen_strength))
        contacts[pick] = np.nan  # these feet no longer stand where they stood
    joints = resized(joints, rng, a.bone_sigma)
    joints *= (BODY_SIZE / np.median(body_size(joints), -1))[:, None, None, None]
    batch = through_camera(joints, contacts, rng, a, FPS / stride, real)
    if from_takes:
        batch = joined([batch, rendered.windows(list(takes), rng, from_takes, frames, FPS / stride, a)])
    return batch


def _windows(
    mocap: MocapSet, rng: np.random.Generator, real: Mask, frames: int, stride: float, a: Variation
) -> tuple[FloatArray, FloatArray]:
    """(B, F, 27, 3) windows, time stretched by a random speed, mirrored half of the time, turned about Z; and their
    contacts (B, F, 4). real (B,): those that the measured detector will see."""
    size = len(real)
    clips = rng.choice(len(mocap.start), size, p=mocap.length / mocap.length.sum())
    length = mocap.length[clips] - 1.001
    step = np.minimum(
        stride * np.exp(rng.uniform(np.log(a.speed[0]), np.log(a.speed[1]), size)), length / max(frames - 1, 1)
    )
    first = rng.uniform(0, 1, size) * (length - step * (frames - 1))
    at = mocap.start[clips][:, None] + first[:, None] + step[:, None] * np.arange(frames)
    row = at.astype(np.int64)
    part = (at - row).astype(np.float32)[..., None, None]
    joints = mocap.joints[row] * (1 - part) + mocap.joints[row + 1] * part
    contacts = mocap.contacts[np.where(at - row < 0.5, row, row + 1)]
    if a.straighter[1] and mocap.skeletons:
        strength = np.where(real, rng.uniform(*a.straighter_seen, size), rng.uniform(*a.straighter, size))
        joints = straightened(joints, too_bent([mocap.skeletons[i] for i in clips], strength))
    flip = rng.uniform(0, 1, size) < a.mirror
    joints[flip] = joints[flip][:, :, _MIRROR] * np.array([-1, 1, 1], np.float32)
    contacts[flip] = contacts[flip][..., _MIRROR_CONTACTS]
    return joints @ turn(2, rng.uniform(0, 2 * np.pi, size))[:, None].astype(np.float32), contacts
