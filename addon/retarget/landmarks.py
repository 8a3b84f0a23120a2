"""Where the joints of BODY_27 lie on a rig at rest, and which bone carries each.

The solver compares a person with a rig through the same joints on both, so the rig needs them all.
Most are heads of bones; what a rig has no bone for (heels, ears, often knuckles) is placed by
anatomical convention: the sole is level at rest, palms face down in a T-pose, the face looks ahead.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ...lifter.contract.protocol import RigError
from ...lifter.contract.skeleton import BODY_27
from .bone_map import SIDES, BoneMap
from .quaternion import normalised, rotate, swing
from .rest import RestPose

Array = npt.NDArray[np.float64]
Places = dict[str, tuple[Array, int]]  # joint -> place (3,) and the bone that carries it

# Offsets below are those of the captures that the network learned from (lifter/train): left, forward, up,
# as shares of the leg (hip to ankle), whose length there is 0.85 m.
LEG_M = 0.85
HEAD_OFFSETS = {
    "nose": (0.0, 0.115, 0.075),
    "head_top": (0.0, 0.0, 0.225),
    "left_ear": (0.075, 0.005, 0.095),
    "right_ear": (-0.075, 0.005, 0.095),
}
HEEL_BACK_M = 0.045
KNUCKLES_M = {"index": (0.088, 0.022), "pinky": (0.078, -0.032)}  # along the hand, towards the thumb
SNAP_DEG = 25.0  # a rig whose spine leans less than this from one of its axes stands along that axis
HAND_TAIL_DEG = 60.0  # a hand's tail further than this from the forearm's line was guessed by an importer
SHORTEST_END = 0.4  # of the upper arm or thigh: a forearm or shin without a bone behind it is no shorter
LONGEST_FOOT_M = 0.35  # from the ankle on
FLAT_M = 0.08  # ankles are about this high above the sole
MOST_SOLE_M = 0.4  # a stocky figure's boots reach nearly to its knees


@dataclass(frozen=True)
class Landmarks:
    """BODY_27 on a rig at rest."""

    positions: Array  # (J, 3) metres, world axes, the object's transform applied
    bones: tuple[int, ...]  # J, place of the carrying bone in the RestPose
    up: Array  # (3,) world
    sole_height: float  # metres from the sole up to the ankles
    origin: Array  # (3,) metres, where the armature's own origin lies

    def joint(self, name: str) -> Array:
        """(3,)"""
        return self.positions[BODY_27.index(name)]

    def seen_from(self, axes: Array) -> Landmarks:
        """The same in other axes. axes: (3, 3) columns, world."""
        return replace(self, positions=self.positions @ axes, up=self.up @ axes, origin=self.origin @ axes)


def rest_landmarks(rest: RestPose, bone_map: BoneMap) -> Landmarks:
    """Raises RigError where the mapped bones make no body (two joints in one place)."""
    rig = _Rig(rest, bone_map)
    places: Places = {}
    for side in SIDES:
        for joint, part in (("hip", "thigh"), ("knee", "shin"), ("shoulder", "upper_arm"), ("elbow", "forearm")):
            places[f"{side}_{joint}"] = rig.head(f"{side}_{part}")
    _refuse_coincident(rest, places)
    _limb_ends(rig, places)
    pelvis = (places["left_hip"][0] + places["right_hip"][0]) / 2
    places["pelvis"] = (pelvis, rig.bone("hips"))
    shoulders = (places["left_shoulder"][0] + places["right_shoulder"][0]) / 2
    trunk = rig.bones("spine") or rig.bones("hips")
    thorax = rig.head("neck")[0] if rig.has("neck") else shoulders
    places["thorax"] = (thorax, trunk[-1])
    spine = (pelvis + thorax) / 2
    nearest = min(trunk, key=lambda bone: float(np.linalg.norm(rig.heads[bone] - spine)))
    places["spine"] = (spine, nearest)
    left, forward, up = _body_axes(rig, places)
    leg = np.mean([np.linalg.norm(places[f"{s}_hip"][0] - places[f"{s}_ankle"][0]) for s in SIDES])
    metre = float(leg) / LEG_M  # how long a metre of the captures' body is on this one
    _head(rig, places, np.stack((left, forward, up)) * metre)
    _hands(rig, places, np.stack((left, forward, up)), metre)
    sole = _feet(rig, places, forward, up, metre)
    order = BODY_27.names
    positions, bones = np.stack([places[n][0] for n in order]), tuple(places[n][1] for n in order)
    return Landmarks(positions, bones, up, sole, rest.world_from_armature[:3, 3])


class _Rig:
    """Bones of a map by part, heads and tails in metres along world axes."""

    def __init__(self, rest: RestPose, bone_map: BoneMap) -> None:
        self.rest, self.map = rest, bone_map
        world = rest.world_from_armature
        self.heads = rest.heads @ world[:3, :3].T + world[:3, 3]
        self.tails = rest.tails @ world[:3, :3].T + world[:3, 3]

    def has(self, part: str) -> bool:
        return part in self.map.bones

    def bones(self, part: str) -> tuple[int, ...]:
        return tuple(self.rest.index(name) for name in self.map.bones.get(part, ()))

    def bone(self, part: str) -> int:
        return self.bones(part)[0]

    def head(self, part: str) -> tuple[Array, int]:
        return self.heads[self.bone(part)], self.bone(part)


def _refuse_coincident(rest: RestPose, places: Places) -> None:
    pairs = [(f"{s}_{a}", f"{s}_{b}") for s in SIDES for a, b in (("hip", "knee"), ("shoulder", "elbow"))]
    pairs += [("left_hip", "right_hip"), ("left_shoulder", "right_shoulder")]
    size = np.ptp([place for place, _ in places.values()], axis=0).max()
    for a, b in pairs:
        if np.linalg.norm(places[a][0] - places[b][0]) <= 1e-4 * size:
            names = [rest.bone_names[places[joint][1]] for joint in (a, b)]
            raise RigError(
                f"armature '{rest.name}': bones '{names[0]}' and '{names[1]}' start in one place. Correct the map."
            )


def _limb_ends(rig: _Rig, places: Places) -> None:
    """Ankles and wrists: the head of foot and hand, else the end of shin and forearm.

    The tail of a last bone may be an importer's guess: one much shorter than the bone above is taken as long as that.
    """
    for side in SIDES:
        for joint, end, last, above in (
            ("ankle", "foot", "shin", "thigh"),
            ("wrist", "hand", "forearm", "upper_arm"),
        ):
            part = f"{side}_{end}"
            bone = rig.bone(f"{side}_{last}")
            if rig.has(part):
                places[f"{side}_{joint}"] = rig.head(part)
                continue
            head, reach = rig.heads[bone], rig.tails[bone] - rig.heads[bone]
            usual = float(np.linalg.norm(head - rig.head(f"{side}_{above}")[0]))
            if np.linalg.norm(reach) < SHORTEST_END * usual:
                reach = normalised(reach) * usual
            places[f"{side}_{joint}"] = (head + reach, bone)


def _body_axes(rig: _Rig, places: Places) -> Array:
    """(3, 3) rows left, forward, up of the rig at rest, world.

    A body stands over its feet: where the rest pose leans, that line is nearer to the soles' than trunk or thighs.
    """
    ankles = (places["left_ankle"][0] + places["right_ankle"][0]) / 2
    up = normalised(places["thorax"][0] - ankles)
    axes = rig.rest.world_rotation.T
    axes = np.concatenate((axes, -axes))
    nearest = axes[np.argmax(axes @ up)]
    if nearest @ up > np.cos(np.radians(SNAP_DEG)):
        up = nearest
    across = normalised(places["left_hip"][0] - places["right_hip"][0])
    across = across + normalised(places["left_shoulder"][0] - places["right_shoulder"][0])
    left = normalised(across - (across @ up) * up)
    if not np.isfinite(left).all():
        raise RigError(
            f"armature '{rig.rest.name}': left and right bones do not lie beside each other. Correct the map."
        )
    return np.stack((left, np.cross(left, up), up))


def _head(rig: _Rig, places: Places, axes: Array) -> None:
    part = next((p for p in ("head", "neck") if rig.has(p)), "")
    base, bone = rig.head(part) if part else places["thorax"]
    for joint, offset in HEAD_OFFSETS.items():
        places[joint] = (base + np.array(offset) @ axes, bone)


def _hands(rig: _Rig, places: Places, axes: Array, metre: float) -> None:
    for side in SIDES:
        wrist, bone = places[f"{side}_wrist"]
        arm = normalised(wrist - places[f"{side}_elbow"][0])
        along = normalised(rig.tails[bone] - wrist) if rig.has(f"{side}_hand") else arm
        if not along @ arm > np.cos(np.radians(HAND_TAIL_DEG)):
            along = arm
        thumb = thumb_side(axes, along, side)
        for finger, (length, aside) in KNUCKLES_M.items():
            joint = f"{side}_{finger}"
            place = wrist + metre * (length * along + aside * thumb)
            if joint in rig.map.landmarks:
                place = rig.heads[rig.rest.index(rig.map.landmarks[joint])]
            places[joint] = (place, bone)


def thumb_side(axes: Array, along: Array, side: str) -> Array:
    """Where the thumb lies when a T-pose's arm, palm down, is swung to the direction `along`.

    axes: (3, 3) rows left, forward, up. along: (3,) unit. Returns (3,) unit, at right angles to `along`.
    """
    out = axes[0] if side == "left" else -axes[0]
    return rotate(swing(out, along), axes[1])


def _feet(rig: _Rig, places: Places, forward: Array, up: Array, metre: float) -> float:
    """Heels and toes on a level sole; returns the height of the ankles above it, metres."""
    ankles = {side: places[f"{side}_ankle"] for side in SIDES}
    height = min(float(ankle @ up) for ankle, _ in ankles.values())
    origin = float(rig.rest.world_from_armature[:3, 3] @ up)
    low = [height] + [float(rig.head(f"{side}_toe")[0] @ up) for side in SIDES if rig.has(f"{side}_toe")]
    on_floor = (
        any(0 < place - origin < 2 * FLAT_M * metre for place in low) and 0 < height - origin < MOST_SOLE_M * metre
    )
    sole = height - origin if on_floor else FLAT_M * metre
    for side, (ankle, bone) in ankles.items():
        ahead, toe_length = forward, 2 * FLAT_M * metre
        if rig.has(f"{side}_toe"):
            reach = rig.head(f"{side}_toe")[0] - ankle
            level = reach - (reach @ up) * up
            toe_length = float(np.linalg.norm(level))
            ahead = normalised(level)
        elif rig.has(f"{side}_foot"):
            reach = rig.tails[bone] - ankle
            level = reach - (reach @ up) * up
            plausible = (
                FLAT_M * metre < np.linalg.norm(level) < LONGEST_FOOT_M * metre
            )  # else an importer guessed the tail
            if plausible and level @ forward > 0.5 * np.linalg.norm(reach):
                ahead, toe_length = normalised(level), float(np.linalg.norm(level))
        floor = ankle - sole * up
        places[f"{side}_heel"] = (floor - HEEL_BACK_M * metre * ahead, bone)
        places[f"{side}_toe"] = (floor + toe_length * ahead, bone)
    return sole
