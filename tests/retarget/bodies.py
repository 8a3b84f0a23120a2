"""Rigs from JSON, people posed within what joints can do, and rigs read as people: what the tests here stand on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from video_to_armature.addon.retarget import bone_map
from video_to_armature.addon.retarget import quaternion as quat
from video_to_armature.addon.retarget.bone_map import BoneMap
from video_to_armature.addon.retarget.forward import forward
from video_to_armature.addon.retarget.landmarks import rest_landmarks
from video_to_armature.addon.retarget.rest import RestPose
from video_to_armature.lifter.contract.motion import Motion
from video_to_armature.lifter.contract.skeleton import BODY_27

RIGS = Path(__file__).resolve().parents[1] / "data" / "rigs"
PRESETS = Path(__file__).resolve().parents[2] / "presets" / "rigs"
SIDES = ("left", "right")
LIMBS = {  # part -> the joints that its bone runs between
    f"{side}_{part}": (f"{side}_{a}", f"{side}_{b}")
    for side in SIDES
    for part, a, b in (
        ("upper_arm", "shoulder", "elbow"),
        ("forearm", "elbow", "wrist"),
        ("thigh", "hip", "knee"),
        ("shin", "knee", "ankle"),
    )
}
NEXT = {"upper_arm": "forearm", "forearm": "hand", "thigh": "shin", "shin": "foot"}


def from_euler(angles: np.ndarray, order: str) -> np.ndarray:
    """angles: (..., 3) radians x, y, z. order as Blender names it: 'XYZ' turns about X first, then Y, then Z."""
    q = quat.IDENTITY
    for letter in order:
        axis = "XYZ".index(letter)
        q = quat.mul(quat.about(np.eye(3)[axis], angles[..., axis]), q)
    return q


def rest_from_json(name: str) -> RestPose:
    """A rig of tests/data/rigs as a RestPose."""
    record = json.loads((RIGS / f"{name}.json").read_text())
    bones = {bone["name"]: bone for bone in record["bones"]}
    order: list[str] = []

    def add(bone: str) -> None:
        parent = bones[bone]["parent"]
        if parent is not None and parent not in order:
            add(parent)
        if bone not in order:
            order.append(bone)

    for bone in bones:
        add(bone)
    placed = record["object"]
    matrices = np.array([bones[b]["matrix"] for b in order])
    u, _, v = np.linalg.svd(matrices[:, :3, :3])  # the file rounds to six decimals
    matrices[:, :3, :3] = u @ v
    world = np.eye(4)
    world[:3, :3] = quat.to_matrix(from_euler(np.radians(placed["rotation_euler_deg"]), "XYZ")) * placed["scale"]
    world[:3, 3] = placed["location"]
    return RestPose(
        name=record["name"],
        bone_names=tuple(order),
        parents=tuple(-1 if bones[b]["parent"] is None else order.index(bones[b]["parent"]) for b in order),
        matrices=matrices,
        lengths=np.array([np.linalg.norm(np.subtract(bones[b]["tail"], bones[b]["head"])) for b in order]),
        world_from_armature=world,
        rotation_modes=("QUATERNION",) * len(order),
        connected=tuple(bool(bones[b]["connected"]) for b in order),
        deform=tuple(bool(bones[b]["deform"]) for b in order),
    )


def mixamo() -> tuple[RestPose, BoneMap]:
    rest = rest_from_json("mh_mixamo")
    return rest, bone_map.resolve(bone_map.load_preset(PRESETS / "mixamo.toml"), rest)


def rigify() -> tuple[RestPose, BoneMap]:
    rest = rest_from_json("rigify_basic_human_generated")
    return rest, bone_map.resolve(bone_map.load_preset(PRESETS / "rigify.toml"), rest)


def quaternius() -> tuple[RestPose, BoneMap]:
    """A T-pose rig under an object scaled by 100 and turned by -90 degrees, without a preset of its own here."""
    parts = {"upper_arm": "UpperArm", "forearm": "LowerArm", "hand": "Hand", "clavicle": "Shoulder"}
    parts |= {"thigh": "UpperLeg", "shin": "LowerLeg", "foot": "Foot"}
    bones = {f"{side}_{part}": (f"{name}.{side[0].upper()}",) for side in SIDES for part, name in parts.items()}
    bones |= {"hips": ("Hips",), "spine": ("Abdomen", "Torso", "Chest"), "neck": ("Neck",), "head": ("Head",)}
    landmarks = {f"{s}_{f}": f"{f.title()}2.{s[0].upper()}" for s in SIDES for f in ("index", "pinky")}
    return rest_from_json("quaternius_man"), BoneMap("quaternius", bones, landmarks)


ALL_RIGS = {"mixamo": mixamo, "rigify": rigify, "quaternius": quaternius}


def motion_of(positions, fps=30.0, times=None, names=BODY_27.names, contacts=None) -> Motion:
    """positions: (F, J, 3); NaN is unknown."""
    positions = np.asarray(positions, np.float32)
    frames, count = positions.shape[:2]
    parents = tuple(BODY_27.parents[BODY_27.index(name)] for name in names)
    place = {BODY_27.index(name): i for i, name in enumerate(names)}
    return Motion(
        header={"fps": fps, "first_frame": 0},
        joint_names=tuple(names),
        parents=tuple(place.get(p, -1) for p in parents),
        positions=positions,
        confidence=np.isfinite(positions).all(-1).astype(np.float32),
        keypoints_px=np.zeros((frames, count, 3), np.float32),
        intrinsics=np.eye(3),
        world_from_cam=np.eye(4),
        contacts=np.asarray(np.zeros((frames, 4)) if contacts is None else contacts, np.float32),
        frame_times=np.arange(frames) / fps if times is None else times,
    )


def posed(rest: RestPose, bones: BoneMap, frames: int, seed: int, limits=(50, 30)) -> dict[str, np.ndarray]:
    """Random poses, (F, 4) basis by bone. limits: degrees of swing and twist of arms and legs at the root.

    Trunk and head turn by up to 30 degrees, elbows and knees bend from 30 to 110 about their own hinge, forearms
    twist by up to 50, hands bend about the knuckles, feet turn by up to 15. Clavicles and toes stay.
    """
    rng = np.random.default_rng(seed)
    rig = rest.with_parents(bones.parents)
    marks = rest_landmarks(rig, bones)
    into_armature = rig.world_rotation.T
    at = {name: into_armature @ marks.joint(name) for name in BODY_27.names}

    def unit(v):
        return v / np.linalg.norm(v, axis=-1, keepdims=True)

    def within(degrees):
        axis = unit(rng.normal(size=(frames, 3)))
        return quat.about(axis, np.radians(rng.uniform(0, degrees, frames)))

    def turn(axis, low, high):
        return quat.about(np.broadcast_to(axis, (frames, 3)), np.radians(rng.uniform(low, high, frames)))

    up = into_armature @ marks.up
    turns = {"hips": quat.mul(turn(up, -180, 180), within(30))}
    turns["spine"] = quat.mul(turns["hips"], within(30))
    turns["head"] = quat.mul(turns["spine"], within(30))
    for side in SIDES:
        for first, last, joints in (
            ("upper_arm", "forearm", ("shoulder", "elbow", "wrist")),
            ("thigh", "shin", ("hip", "knee", "ankle")),
        ):
            root, middle, end = (at[f"{side}_{joint}"] for joint in joints)
            upper, lower = unit(middle - root), unit(end - middle)
            hinge = unit(np.cross(upper, lower))
            bent = np.degrees(np.arccos(upper @ lower))
            swing_axis = unit(np.cross(rng.normal(size=(frames, 3)), upper))
            swung = quat.about(swing_axis, np.radians(rng.uniform(0, limits[0], frames)))
            base = turns["spine" if first == "upper_arm" else "hips"]
            turns[f"{side}_{first}"] = quat.mul(quat.mul(base, swung), turn(upper, -limits[1], limits[1]))
            flexed = quat.mul(turns[f"{side}_{first}"], turn(hinge, 30 - bent, 110 - bent))
            turns[f"{side}_{last}"] = flexed if last == "shin" else quat.mul(flexed, turn(lower, -50, 50))
        knuckles = unit(at[f"{side}_index"] - at[f"{side}_pinky"])
        turns[f"{side}_hand"] = quat.mul(turns[f"{side}_forearm"], turn(knuckles, -40, 40))
        turns[f"{side}_foot"] = quat.mul(turns[f"{side}_shin"], within(15))
    return bases_of(turns, rig, bones)


def bases_of(turns, rig: RestPose, bones: BoneMap) -> dict[str, np.ndarray]:
    """turns: part -> (F, 4) turn from rest, armature axes. The bases that make them; other bones follow."""
    by_bone: dict[int, np.ndarray] = {}
    for part, turned in turns.items():
        for name in bones.bones.get(part, ()):
            by_bone[rig.index(name)] = turned
    if bones.mover:
        by_bone[rig.index(bones.mover)] = turns["hips"]
    out: dict[str, np.ndarray] = {}
    for bone, turned in by_bone.items():
        above = next((a for a in rig.ancestors(bone) if a in by_bone), None)
        seen = turned if above is None else quat.mul(quat.inv(by_bone[above]), turned)
        rest_q = quat.from_matrix(rig.matrices[bone, :3, :3])
        out[rig.bone_names[bone]] = quat.mul(quat.mul(quat.inv(rest_q), seen), rest_q)
    return out


def read(rest: RestPose, bones: BoneMap, rotations, locations=None) -> np.ndarray:
    """A posed rig as BODY_27 joints, (F, 27, 3) metres, world: each landmark goes with the bone that carries it.

    The trunk is read as two straight halves, the lower one turning with the hips and the upper with the chest: that
    is how joints of a captured person tell the turn of either.
    """
    rig = rest.with_parents(bones.parents)
    marks = rest_landmarks(rig, bones)
    moved = rig.world_from_armature @ forward(rig, rotations, locations or {})
    from_rest = moved @ np.linalg.inv(rig.world_from_armature @ rig.matrices)
    out = np.empty((len(moved), len(BODY_27), 3))
    for i, (place, bone) in enumerate(zip(marks.positions, marks.bones)):
        out[:, i] = from_rest[:, bone, :3, :3] @ place + from_rest[:, bone, :3, 3]
    name = BODY_27.index
    out[:, name("pelvis")] = (out[:, name("left_hip")] + out[:, name("right_hip")]) / 2
    hips, chest = (rig.index(bones.bones[part][-1]) for part in ("hips", "spine"))
    for joint, below, bone in (("spine", "pelvis", hips), ("thorax", "spine", chest)):
        reach = marks.joint(joint) - marks.joint(below)
        out[:, name(joint)] = out[:, name(below)] + from_rest[:, bone, :3, :3] @ reach
    return out


def world_turns(rest: RestPose, bones: BoneMap, rotations) -> dict[str, np.ndarray]:
    """bone -> (F, 3, 3) how far each mapped bone is turned from rest, world axes."""
    rig = rest.with_parents(bones.parents)
    world = rig.world_rotation
    moved = forward(rig, rotations, {})[:, :, :3, :3] @ rig.matrices[:, :3, :3].transpose(0, 2, 1)
    return {b: world @ moved[:, rig.index(b)] @ world.T for names in bones.bones.values() for b in names}


def angle_between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a, b: (..., 3) directions or (..., 3, 3) rotations. Radians, exact also for small angles."""
    if a.shape[-2:] == (3, 3) and b.shape[-2:] == (3, 3):
        return 2 * np.arcsin(np.clip(np.linalg.norm(a - b, axis=(-1, -2)) / np.sqrt(8), 0, 1))
    return np.arctan2(np.linalg.norm(np.cross(a, b), axis=-1), (a * b).sum(-1))


def limb_directions(rest: RestPose, bones: BoneMap, rotations, locations) -> dict[str, np.ndarray]:
    """part -> (F, 3) from the head of a limb's bone to the head of the next one's, world."""
    rig = rest.with_parents(bones.parents)
    heads = forward(rig, rotations, locations)[:, :, :3, 3] @ rig.world_from_armature[:3, :3].T
    out: dict[str, np.ndarray] = {}
    for part in LIMBS:
        side, _, limb = part.partition("_")
        ends = [rig.index(bones.bones[p][0]) for p in (part, f"{side}_{NEXT[limb]}")]
        reach = heads[:, ends[1]] - heads[:, ends[0]]
        out[part] = reach / np.linalg.norm(reach, axis=-1, keepdims=True)
    return out


def with_rolls(rest: RestPose, seed: int) -> RestPose:
    """The same bones, each rolled about its own axis at random."""
    rng = np.random.default_rng(seed)
    rolls = np.tile(np.eye(4), (len(rest), 1, 1))
    rolls[:, :3, :3] = quat.to_matrix(quat.about(np.array([0.0, 1, 0]), rng.uniform(-np.pi, np.pi, len(rest))))
    return replace(rest, matrices=rest.matrices @ rolls)


def transformed(rest: RestPose, turn: np.ndarray, scale: float) -> RestPose:
    """The same body in the world, its armature space turned by `turn` (3, 3) and scaled, its object the other way."""
    matrices = rest.matrices.copy()
    matrices[:, :3, :3] = turn @ matrices[:, :3, :3]
    matrices[:, :3, 3] = scale * rest.heads @ turn.T
    back = np.eye(4)
    back[:3, :3] = turn.T / scale
    return replace(
        rest,
        matrices=matrices,
        lengths=rest.lengths * scale,
        world_from_armature=rest.world_from_armature @ back,
    )
