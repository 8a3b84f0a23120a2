"""A small data set for the trainings: a walker seen by two cameras, points exact."""

from __future__ import annotations

import numpy as np

from video_to_armature.lifter.contract.skeleton import BODY_27, H36M_17
from video_to_armature.lifter.train.data import MocapSet
from video_to_armature.lifter.train.datasets import Dataset
from video_to_armature.lifter.train.simulated import simulated

from .people import walking


def walkers(speeds=(0.8, 1.0, 1.3), frames=60, noise=0.0) -> Dataset:
    """Two views of a clip for each walking speed; subjects are named by their number."""
    clips = [walking(np.arange(frames) / 30, speed).astype(np.float32) for speed in speeds]
    start = np.arange(len(clips)) * frames
    ids = tuple(f"cmu_{i}_0" for i in range(len(clips)))
    mocap = MocapSet(np.concatenate(clips), start, np.full(len(clips), frames), ids, ("walk",) * len(ids))
    data = simulated(mocap, 0, 2, noise)
    assert data.joint_names == H36M_17.names == BODY_27.names[:17]
    return data
