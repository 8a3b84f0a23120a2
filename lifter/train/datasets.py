"""What the published trainings and evaluations run on: clips of 2D points and 3D joints seen by known cameras.

One form for Human3.6M, HumanEva, MPI-INF-3DHP (readers.py) and for motion capture behind simulated cameras.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..contract.skeleton import mirror_order

FloatArray = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Camera:
    """A pinhole with the usual distortion. Pixels; radial k1..k3 and tangential p1, p2 without unit."""

    width: int
    height: int
    focal_px: tuple[float, float]
    centre_px: tuple[float, float]
    radial: tuple[float, float, float] = (0.0, 0.0, 0.0)
    tangential: tuple[float, float] = (0.0, 0.0)

    @property
    def screen(self) -> npt.NDArray[np.float32]:
        """(9,) focal, centre, radial, tangential in the units of `screen.to_screen`: what `cameras.project` takes."""
        half = self.width / 2
        centre = (self.centre_px[0] / half - 1, self.centre_px[1] / half - self.height / self.width)
        focal = (self.focal_px[0] / half, self.focal_px[1] / half)
        return np.array([*focal, *centre, *self.radial, *self.tangential], np.float32)


@dataclass(frozen=True)
class Clip:
    """One take from one camera.

    keypoints_px (F, K, 3): x, y in pixels, confidence; unseen NaN and 0. joints_cam (F, J, 3): metres in camera axes
    (x right, y down, z forward) from the camera, not from the root; None where only 2D is known. The root is joint 0.
    """

    subject: str
    action: str
    view: str
    fps: float
    keypoints_px: npt.NDArray[np.float32]
    joints_cam: npt.NDArray[np.float32] | None
    camera: Camera

    @property
    def frames(self) -> int:
        return len(self.keypoints_px)

    @property
    def name(self) -> str:
        return f"{self.subject}/{self.action}/{self.view}"


@dataclass(frozen=True)
class Dataset:
    """Clips whose points and joints have the same names throughout (left_… and right_… mirror each other)."""

    name: str
    clips: tuple[Clip, ...]
    point_names: tuple[str, ...]
    joint_names: tuple[str, ...]

    @property
    def mirror_points(self) -> list[int]:
        return list(mirror_order(self.point_names))

    @property
    def mirror_joints(self) -> list[int]:
        return list(mirror_order(self.joint_names))

    @property
    def frames(self) -> int:
        return sum(clip.frames for clip in self.clips)

    def only(self, subjects: Iterable[str]) -> Dataset:
        """The clips of some subjects."""
        wanted = set(subjects)
        return replace(self, clips=tuple(clip for clip in self.clips if clip.subject in wanted))
