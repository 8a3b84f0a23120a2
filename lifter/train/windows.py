"""Which stretches of a data set a batch holds: every window of every clip once an epoch, plain and mirrored."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..screen import to_screen
from .datasets import Dataset

_MIRRORED_SCREEN = np.array([1, 1, -1, 1, 1, 1, 1, -1, 1], np.float32)


@dataclass(frozen=True)
class Windows:
    """Windows of a data set. points (B, F, K, 3): screen units, confidence; joints_cam (B, F', J, 3) metres from the
    camera, NaN where the clip has none; screen (B, 9) the cameras' parameters; label (B,) the action's number.

    F' frames are those that `take` was told to keep.
    """

    points: npt.NDArray[np.float32]
    joints_cam: npt.NDArray[np.float32]
    screen: npt.NDArray[np.float32]
    label: npt.NDArray[np.int64]


class Sampler:
    """The windows of a data set, `frames` long and `hop` apart; clips are held at their ends by `held` frames on both
    sides, and the last window of a clip may reach beyond its end by less than a hop. Windows of labelled clips with a
    frame whose joints are unknown are left out.

    mirror: every window also as its mirror image. `actions`: numbers of the labels.
    """

    def __init__(
        self, data: Dataset, frames: int, hop: int, held: int = 0, mirror: bool = True, actions: tuple[str, ...] = ()
    ) -> None:
        if not data.clips:
            raise ValueError(f"{data.name}: has no clips to train on")
        self.frames, self.mirror = frames, mirror
        self._mirror_points, self._mirror_joints = data.mirror_points, data.mirror_joints
        lengths = np.array([clip.frames for clip in data.clips])
        self._length, self._row = lengths, np.cumsum(lengths) - lengths
        self._points = np.concatenate([to_screen(c.keypoints_px, c.camera.width, c.camera.height) for c in data.clips])
        self._points[~np.isfinite(self._points).all(-1)] = 0  # the networks' own form of unseen
        unknown = len(data.joint_names), 3
        self._joints = np.concatenate(
            [
                np.full((c.frames, *unknown), np.nan, np.float32) if c.joints_cam is None else c.joints_cam
                for c in data.clips
            ]
        )
        self._index = np.array([(i, s - held) for i, length in enumerate(lengths) for s in range(0, length, hop)])
        self._index = self._index[self._whole(np.array([clip.joints_cam is not None for clip in data.clips]))]
        self._screen = np.stack([clip.camera.screen for clip in data.clips])
        self._label = np.array([actions.index(c.action) if c.action in actions else -1 for c in data.clips])
        if not len(self._index):
            raise ValueError(f"{data.name}: has no window whose joints are all known")
        self._order: tuple[tuple[int, int], npt.NDArray[np.int64]] = ((-1, -1), np.zeros(0, np.int64))

    def _whole(self, has_joints: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """(windows,) which ones have joints in all frames, or are of clips that have none at all."""
        unknown = np.r_[0, np.cumsum(~np.isfinite(self._joints).all((1, 2)))]
        clip, start = self._index.T
        row, last = self._row[clip], self._length[clip] - 1
        first, end = (row + at.clip(0, last) for at in (start, start + self.frames - 1))
        return (unknown[end + 1] == unknown[first]) | ~has_joints[clip]

    def __len__(self) -> int:
        return len(self._index) * (2 if self.mirror else 1)

    def epoch(self, seed: int, epoch: int) -> npt.NDArray[np.int64]:
        """All window numbers in an order of their own; the same for the same seed and epoch."""
        if self._order[0] != (seed, epoch):
            self._order = ((seed, epoch), np.random.default_rng((seed, epoch)).permutation(len(self)))
        return self._order[1]

    def batch(self, seed: int, step: int, size: int, keep: slice = slice(None)) -> Windows:
        """The `step`-th batch of a run; the last one of an epoch may be smaller."""
        steps = -(-len(self) // size)
        order = self.epoch(seed, step // steps)
        return self.take(order[step % steps * size :][:size], keep)

    def take(self, numbers: npt.NDArray[np.int64], keep: slice = slice(None)) -> Windows:
        """Windows by number; the joints of the frames to keep."""
        clip, start = self._index[numbers % len(self._index)].T
        frame = (start[:, None] + np.arange(self.frames)).clip(0, self._length[clip, None] - 1)
        row = self._row[clip, None] + frame  # (B, F)
        points = self._points[row]
        joints = self._joints[row[:, keep]]
        screen = self._screen[clip]
        flipped = numbers >= len(self._index)
        points[flipped] = points[flipped][:, :, self._mirror_points] * np.array([-1, 1, 1], np.float32)
        joints[flipped] = joints[flipped][:, :, self._mirror_joints] * np.array([-1, 1, 1], np.float32)
        screen[flipped] *= _MIRRORED_SCREEN  # the picture's centre, and the tangential distortion across
        return Windows(points, joints, screen, self._label[clip])
