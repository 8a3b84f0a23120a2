"""What is to be said about a solve: gaps, parts left out, and how well the bones reached what was wished."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from . import quaternion as quat
from .bone_map import PARTS, BoneMap
from .curves import Marker
from .frames import BodyFrames
from .rest import RestPose
from .turns import Bases

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

UNTURNED = ("root", "left_toe", "right_toe")  # parts that a map may name, and that no joint turns
POINTS_BY = {"hips": 0, "spine": 2}  # column of a part's frame that its bone points by; the other parts: 1
NEEDS = {
    "neck": "nose, and ears or head_top",
    "head": "nose, and ears or head_top",
    "hand": "index and pinky knuckles",
    "foot": "toe and heel",
}


def missing_parts(bone_map: BoneMap, keyed: Mapping[str, Mask]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Parts that get no keys: all of them, and a warning for each that has a bone but was never known."""
    without_bone = [part for part in PARTS if part not in bone_map.bones and part not in UNTURNED]
    unknown = [
        part
        for part, bones in bone_map.bones.items()
        if part not in UNTURNED and not any(bone in keyed for bone in bones)
    ]
    told: list[str] = []
    for part in unknown:
        needs = NEEDS.get(part.partition("_")[2] or part, "its joints")
        told.append(f"{', '.join(bone_map.bones[part])} got no keys: {part} needs {needs}, never known in this motion")
    return tuple(without_bone + unknown), tuple(told)


def gap_markers(bone_map: BoneMap, keyed: Mapping[str, Mask], frames: Array, fps: float) -> tuple[Marker, ...]:
    """A marker at the start of every stretch where a part that is known elsewhere is not."""
    gaps: dict[tuple[int, int], list[str]] = {}
    for part, bones in bone_map.bones.items():
        masks = [keyed[bone] for bone in bones if bone in keyed]
        if not masks:
            continue
        edges = np.diff(np.concatenate(([0], ~masks[0], [0])).astype(int))
        for start, end in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)):
            gaps.setdefault((int(start), int(end)), []).append(part)
    markers: list[Marker] = []
    for (start, end), parts in sorted(gaps.items()):
        what = "body" if "hips" in parts else ", ".join(part.replace("_", " ") for part in parts)
        if what != "body" and any(s <= start and end <= e and "hips" in ps for (s, e), ps in gaps.items()):
            continue
        markers.append(Marker(float(frames[start]), f"{what} unknown for {(end - start) / fps:.1f} s"))
    return tuple(markers)


def direction_figures(
    person: BodyFrames, model: BodyFrames, turned: Bases, rig: RestPose, bone_map: BoneMap
) -> dict[str, dict[str, float]]:
    """Bone -> mean and 95th percentile of the angle between where it points and where it should, degrees.

    "Where it points" comes from the keys, composed down the rig again.
    """
    figures: dict[str, dict[str, float]] = {}
    for part, wished in person.parts.items():
        names = bone_map.bones.get(part, ())
        bone = rig.index(names[-1] if part == "spine" else names[0]) if names else -1
        if bone not in turned.keyed:
            continue
        known = turned.keyed[bone]
        column = POINTS_BY.get(part, 1)
        at_rest = rig.world_rotation.T @ model.parts[part][0, :, column]
        pointing = quat.rotate(turned.reached[bone][known], at_rest) @ rig.world_rotation.T
        aim = wished[known, :, column]
        angles: Array = np.degrees(
            np.arctan2(np.linalg.norm(np.cross(pointing, aim), axis=-1), (pointing * aim).sum(-1))
        )
        figures[rig.bone_names[bone]] = {
            "mean_deg": float(angles.mean()),
            "p95_deg": float(np.percentile(angles, 95)),
        }
    return figures
