"""Hands that rest stay: on the floor or a wall in their place, on the hips at the rig's own; arms follow by their two bones.

While a hand rests its wrist keeps the place that the person's had, at the rig's size. The corrections fade in and out. All places
are metres in the armature's axes, seen from the middle of the hips.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

from . import quaternion as quat
from .bone_map import SIDES, BoneMap
from .feet import reach
from .frames import BodyFrames, Joints
from .landmarks import Landmarks
from .path import head_of
from .rest import RestPose
from .stands import Leg, faded, runs
from .turns import Bases

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


def wished(
    person: BodyFrames, joints: Joints, path: Array, scale: float, marks: Landmarks, rests: Mask
) -> dict[str, Array]:
    """By side, where wrists are to be while they rest, NaN elsewhere; world axes.

    joints: the person's, (F, 3) each. path: (F, 3) the rig's hips; scale: of the path. rests: (F, 2) left, right.
    A hand rests on the hips where it moves less against them than in the world.
    """
    hips, pelvis = person.parts["hips"], joints["pelvis"]
    width: Array = np.linalg.norm(joints["left_hip"] - joints["right_hip"], axis=-1)
    own = float(np.linalg.norm(marks.joint("left_hip") - marks.joint("right_hip")))
    on_rig = own / float(np.median(width[np.isfinite(width)]))
    found: dict[str, Array] = {}
    for i, side in enumerate(SIDES):
        wrist = joints[f"{side}_wrist"]
        seen = (np.swapaxes(hips, -1, -2) @ (wrist - pelvis)[..., None])[..., 0]
        found[side] = np.full(wrist.shape, np.nan)
        for start, end in runs(rests[:, i] & np.isfinite(seen).all(-1)):
            span = slice(start, end)
            if seen[span].std(0).sum() < wrist[span].std(0).sum():
                found[side][span] = on_rig * (hips[span] @ seen[span].mean(0))
            else:
                found[side][span] = scale * wrist[span].mean(0) - path[span]
    return found


def held(
    parts: Mapping[str, Array],
    turned: Bases,
    wished: Mapping[str, Array],
    hinges: Mapping[str, Array],
    rig: RestPose,
    bone_map: BoneMap,
    fps: float,
) -> dict[str, Array]:
    """The turns of the parts of the arms that are to change. wished: as above, armature axes; hinges: as for `feet.planted`."""
    hips = [head_of(rig.index(bone_map.bones[f"{side}_thigh"][0]), turned, rig) for side in SIDES]
    out: dict[str, Array] = {}
    for side in SIDES:
        names = [f"{side}_{part}" for part in ("upper_arm", "forearm", "hand")]
        if not all(part in parts and part in bone_map.bones for part in names):
            continue
        bones = [rig.index(bone_map.bones[part][0]) for part in names]
        shoulder, elbow, wrist = (rig.scale * (head_of(bone, turned, rig) - (hips[0] + hips[1]) / 2) for bone in bones)
        back = wished[side] - wrist
        rests = np.isfinite(back).all(-1) & np.isfinite(parts[names[0]]).all(-1)
        if not rests.any():
            continue
        to = wrist + faded(back, rests, rests, fps)
        arm = Leg(shoulder, elbow, wrist, parts[names[2]], np.zeros((2, 3)))
        swing, bend = reach(arm, to, quat.rotate(parts[names[0]], hinges[names[0]]))
        out[names[0]] = quat.mul(swing, parts[names[0]])
        out[names[1]] = quat.mul(quat.mul(swing, bend), parts[names[1]])
    return out


def bones_of(parts: Iterable[str], rig: RestPose, bone_map: BoneMap) -> list[int]:
    """The bones that these parts of arms turn."""
    return [rig.index(bone) for part in parts for bone in (bone_map.bones[part][0], *bone_map.twists.get(part, ()))]
