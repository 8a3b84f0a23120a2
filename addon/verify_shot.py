"""What the comparison with the video shows, as numbers: where its camera is and where the joints are, frame by frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..lifter.contract.motion import Motion
from .retarget import quaternion as quat
from .retarget.people import moved_by
from .retarget.resample import SAME_TIME, at_times
from .timing import nearest

Array = npt.NDArray[np.float64]

BLENDER_FROM_OPENCV = np.diag([1.0, -1.0, -1.0, 1.0])  # Blender's camera looks along -Z with +Y up
UNSURE = 0.25  # probability: a bone with a joint below it is drawn as unsure


@dataclass(frozen=True)
class Placed:
    """How a motion came into the scene: moved in its world, scaled about the origin, then shifted."""

    world: Array  # (4, 4)
    scale: float = 1.0
    shift: tuple[float, ...] = (0.0, 0.0, 0.0)  # metres

    def put(self, points: Array) -> Array:
        """(..., 3) points of the moved motion, in the scene."""
        return points * self.scale + np.array(self.shift)


@dataclass(frozen=True)
class Person:
    """One skeleton on the scene's frames."""

    bones: tuple[tuple[int, int], ...]  # joints at both ends
    sides: tuple[str, ...]  # of each bone: left, right or ''
    positions: Array  # (G, J, 3) metres, scene; NaN where unknown
    unsure: npt.NDArray[np.bool_]  # (G, B)


@dataclass(frozen=True)
class Shot:
    """The camera and the people it saw, on the scene's frames."""

    frames: Array  # (G,) frame numbers
    times: Array  # (G,) seconds in the video
    size: tuple[int, int]  # of the upright picture, pixels
    intrinsics: Array  # (3, 3) pixels
    locations: Array  # (G, 3) metres, scene; (1, 3) where the camera stands
    rotations: Array  # (G, 4) wxyz of Blender's camera, continuous; (1, 4) where it stands
    people: tuple[Person, ...]
    scale: float  # of the scene against the motion


def shot(motions: Sequence[Motion], frames: Array, times: Array, placed: Placed) -> Shot:
    """The first person's camera, as that person was put into the scene; the others as that camera sees them.

    motions: of one video. frames, times: (G,) the scene's frames and the seconds in the video that they show. placed: how
    the first person was.
    """
    first = moved_by(motions[0], placed.world)
    cameras = np.broadcast_to(first.world_from_cam, (first.frames, 4, 4)) @ BLENDER_FROM_OPENCV
    moves = first.world_from_cam.ndim == 3
    rotations = quat.continuous(quat.from_matrix(cameras[:, :3, :3]))
    locations = placed.put(cameras[:, :3, 3])
    if moves:
        rotations = quat.normalised(_on(first.frame_times, rotations, times))
        locations = _on(first.frame_times, locations, times)
    return Shot(
        frames=frames,
        times=times,
        size=_size(first),
        intrinsics=first.intrinsics,
        locations=locations if moves else locations[:1],
        rotations=rotations if moves else rotations[:1],
        people=tuple(_person(motion, first, times, placed) for motion in motions),
        scale=placed.scale,
    )


def _person(motion: Motion, first: Motion, times: Array, placed: Placed) -> Person:
    """Through the person's own camera into the first's: so each lies on the picture, however tilts were measured."""
    own = np.broadcast_to(motion.world_from_cam, (motion.frames, 4, 4))
    same = nearest(first.frame_times, motion.frame_times)
    world_from_own = np.broadcast_to(first.world_from_cam, (first.frames, 4, 4))[same] @ np.linalg.inv(own)
    turned = np.einsum("fij,fkj->fki", world_from_own[:, :3, :3], motion.positions.astype(np.float64))
    positions = placed.put(turned + world_from_own[:, None, :3, 3])
    bones = tuple((parent, i) for i, parent in enumerate(motion.parents) if parent >= 0)
    sides = tuple(next((s for s in ("left", "right") if motion.joint_names[i].startswith(s)), "") for _, i in bones)
    sure = motion.confidence[nearest(motion.frame_times, times)]
    unsure = np.stack([np.minimum(sure[:, a], sure[:, b]) < UNSURE for a, b in bones], axis=1)
    return Person(bones, sides, _on(motion.frame_times, positions, times), unsure)


def _on(source: Array, values: Array, times: Array) -> Array:
    """The values at other times; NaN before the first and after the last."""
    step = float(np.median(np.diff(source))) if len(source) > 1 else 1.0
    out = at_times(source, values, times, SAME_TIME * step)
    out[(times < source[0] - step / 2) | (times > source[-1] + step / 2)] = np.nan
    return out


def _size(motion: Motion) -> tuple[int, int]:
    """Width and height of the picture; where the file does not tell, the middle of the lens is taken for its middle."""
    source = motion.header.get("source")
    told = source if isinstance(source, dict) else {}
    width, height = (told.get(key) or round(2 * motion.intrinsics[i, 2]) for i, key in enumerate(("width", "height")))
    return int(width), int(height)
