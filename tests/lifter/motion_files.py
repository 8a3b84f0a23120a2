"""A made-up person in CMU's way of building skeletons, who sways on the spot, as ASF/AMC and BVH files.

What moves where is worked out here with scipy's rotations, apart from the code under test.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

LEG = np.array([0.34202014, -0.93969262, 0])  # CMU's legs rest 20° outwards
CMU_UNIT_M = 0.0254 / 0.45
SCHEMES = {
    "motionbuilder": {
        "root": "Hips", "hipjoint": "{L}HipJoint", "femur": "{Left}UpLeg", "tibia": "{Left}Leg", "foot": "{Left}Foot",
        "toes": "{Left}ToeBase", "lowerback": "LowerBack", "upperback": "Spine", "thorax": "Spine1", "lowerneck": "Neck",
        "upperneck": "Neck1", "head": "Head", "clavicle": "{Left}Shoulder", "humerus": "{Left}Arm",
        "radius": "{Left}ForeArm", "wrist": "{Left}Hand", "hand": "{Left}FingerBase", "fingers": "{Left}HandIndex1",
        "thumb": "{L}Thumb",
    },
    "3dsmax": {
        "root": "Hips", "hipjoint": "{L}HipJoint", "femur": "{Left}Hip", "tibia": "{Left}Knee", "foot": "{Left}Ankle",
        "toes": "{Left}Toe", "upperback": "Chest", "thorax": "Chest2", "upperneck": "Neck", "head": "Head",
        "clavicle": "{Left}Collar", "humerus": "{Left}Shoulder", "radius": "{Left}Elbow", "wrist": "{Left}Wrist",
        "fingers": "{L}Fingers", "thumb": "{L}Thumb",
    },
    "mixamo": {
        "root": "mixamorig:Hips", "femur": "mixamorig:{Left}UpLeg", "tibia": "mixamorig:{Left}Leg",
        "foot": "mixamorig:{Left}Foot", "toes": "mixamorig:{Left}ToeBase", "lowerneck": "mixamorig:Neck",
        "head": "mixamorig:Head", "humerus": "mixamorig:{Left}Arm", "radius": "mixamorig:{Left}ForeArm",
        "hand": "mixamorig:{Left}Hand", "index": "mixamorig:{Left}HandIndex1", "pinky": "mixamorig:{Left}HandPinky1",
    },
    "xsens": {
        "root": "Hips", "femur": "{Left}Hip", "tibia": "{Left}Knee", "foot": "{Left}Ankle", "toes": "{Left}Toe",
        "upperback": "Chest", "lowerneck": "Neck", "head": "Head", "clavicle": "{Left}Collar",
        "humerus": "{Left}Shoulder", "radius": "{Left}Elbow", "hand": "{Left}Wrist",
    },
}  # fmt: skip


@dataclass(frozen=True)
class Bone:
    """end (3,): metres from where it begins; axis: ASF's, degrees; angles: which channels it has."""

    name: str
    parent: str
    end: np.ndarray
    axis: tuple[float, float, float] = (0, 0, 0)
    channels: str = ""


def bones() -> list[Bone]:
    """Parents first; a shin of 0.425 m and a forearm of 0.275 m: the body whose offsets are in motion_points.toml."""
    trunk = [
        Bone("lowerback", "root", np.array([0, 0.115, -0.01]), channels="xyz"),
        Bone("upperback", "lowerback", np.array([0.001, 0.115, 0]), channels="xyz"),
        Bone("thorax", "upperback", np.array([0, 0.116, 0.006]), channels="xyz"),
        Bone("lowerneck", "thorax", np.array([0, 0.1, 0.01]), channels="xyz"),
        Bone("upperneck", "lowerneck", np.array([0, 0.1, -0.01]), channels="xyz"),
        Bone("head", "upperneck", np.array([0, 0.1, 0]), channels="xyz"),
    ]
    limbs: list[Bone] = []
    for side, s in (("l", 1), ("r", -1)):
        mirror = np.array([s, 1, 1])
        leg, foot, arm = (0, 0, 20 * s), (-90, 0, 20 * s), (180, -30 * s, -90 * s)
        limbs += [
            Bone(f"{side}hipjoint", "root", mirror * [0.1, -0.1, 0.02]),
            Bone(f"{side}femur", f"{side}hipjoint", mirror * LEG * 0.42, leg, "xyz"),
            Bone(f"{side}tibia", f"{side}femur", mirror * LEG * 0.425, leg, "x"),
            Bone(f"{side}foot", f"{side}tibia", mirror * [0.01, -0.03, 0.13], foot, "xz"),
            Bone(f"{side}toes", f"{side}foot", np.array([0, 0, 0.065]), foot, "x"),
            Bone(f"{side}clavicle", "thorax", mirror * [0.18, 0.05, -0.01], (0, 0, 0), "yz"),
            Bone(f"{side}humerus", f"{side}clavicle", mirror * [0.29, 0, 0], arm, "xyz"),
            Bone(f"{side}radius", f"{side}humerus", mirror * [0.55 / 3, 0, 0], arm, "x"),
            Bone(f"{side}wrist", f"{side}radius", mirror * [0.275 / 3, 0, 0], (0, 90 * s, 90 * s), "y"),
            Bone(f"{side}hand", f"{side}wrist", mirror * [0.03, 0, 0], (0, 90 * s, 90 * s), "xz"),
            Bone(f"{side}fingers", f"{side}hand", mirror * [0.02, 0, 0], (0, 90 * s, 90 * s), "x"),
            Bone(f"{side}thumb", f"{side}wrist", mirror * [0.02, 0, 0.02], (-90, 45 * s, 0), "xz"),
        ]
    return trunk + limbs


@dataclass(frozen=True)
class Take:
    """joints in file order: names, parents (-1 for the root), offsets (J, 3), ends (J, 3); travel (F, 3) of the root,
    local (F, J) rotations. Metres, y up, facing z. angles: what the AMC says, degrees, by bone."""

    names: list[str]
    parents: list[int]
    offsets: np.ndarray
    ends: np.ndarray
    travel: np.ndarray
    local: list[Rotation]  # of each joint, F rotations
    angles: dict[str, np.ndarray] = field(default_factory=dict)

    def positions(self) -> np.ndarray:
        """(F, J, 3) metres."""
        found: list[np.ndarray] = []
        turned: list[Rotation] = []
        for j, parent in enumerate(self.parents):
            if parent < 0:
                found.append(self.travel)
                turned.append(self.local[j])
            else:
                found.append(found[parent] + turned[parent].apply(self.offsets[j]))
                turned.append(turned[parent] * self.local[j])
        return np.stack(found, 1)


def swaying(frames: int = 150, fps: float = 120, size: float = 0.3, seed: int = 4) -> Take:
    """Someone who walks on and moves every joint a little; `size`: of the turns, radians."""
    rng = np.random.default_rng(seed)
    times = np.arange(frames) / fps
    made = bones()
    names = ["root", *(b.name for b in made)]
    parents = [-1, *(names.index(b.parent) for b in made)]
    ends = {"root": np.zeros(3), **{b.name: b.end for b in made}}
    offsets = np.array([np.zeros(3), *(ends[b.parent] for b in made)])
    travel = np.stack([0.1 * np.sin(times), 1.0 + 0.02 * np.sin(5 * times), 0.8 * times], 1)
    angles: dict[str, np.ndarray] = {}
    local: list[Rotation] = []
    for bone in [Bone("root", "", np.zeros(3), channels="xyz"), *made]:
        waves = [np.degrees(size) * np.sin(rng.uniform(2, 6) * times + rng.uniform(0, 6)) for _ in bone.channels]
        angles[bone.name] = np.stack(waves, 1) if waves else np.zeros((frames, 0))
        turn = Rotation.identity(frames)
        if waves:  # lower case: about axes that stand still, so that the first angle comes first
            turn = Rotation.from_euler(bone.channels, angles[bone.name], degrees=True)
        axes = Rotation.from_euler("xyz", bone.axis, degrees=True)
        local.append(axes * turn * axes.inv())
    return Take(names, parents, offsets, np.array([ends[n] for n in names]), travel, local, angles)


def with_fingers(take: Take) -> Take:
    """Two more joints on each hand: lindex, lpinky, rindex, rpinky."""
    for name, offset in (("index", [0.09, 0, 0.02]), ("pinky", [0.08, 0, -0.03])):
        for side, s in (("l", 1), ("r", -1)):
            still = Rotation.identity(len(take.travel))
            take = replace(
                take, names=[*take.names, side + name], parents=[*take.parents, take.names.index(f"{side}hand")],
                offsets=np.vstack([take.offsets, [s * offset[0], *offset[1:]]]),
                ends=np.vstack([take.ends, [0.02 * s, 0, 0]]), local=[*take.local, still],
            )  # fmt: skip
    return take


def without_lost_bones(take: Take) -> Take:
    """As amc2bvh leaves it: thorax and wrists of no length."""
    offsets = take.offsets.copy()
    for j, parent in enumerate(take.parents):
        if take.names[parent] in ("thorax", "lwrist", "rwrist"):
            offsets[j] = 0
    return replace(take, offsets=offsets)


def crumpled(take: Take, seed: int = 8) -> Take:
    """The same motion with other axes in every joint: the pose without turns is a heap."""
    J = len(take.names)
    axes = Rotation.from_quat(np.random.default_rng(seed).normal(size=(J, 4)))
    local = [(axes[p].inv() if p >= 0 else Rotation.identity()) * r * axes[j] for j, (p, r) in _joints(take)]
    offsets = [axes[p].inv().apply(take.offsets[j]) if p >= 0 else take.offsets[j] for j, (p, _) in _joints(take)]
    return replace(take, offsets=np.array(offsets), ends=axes.inv().apply(take.ends), local=local)


def turned(take: Take, rotation: Rotation, rest_too: bool) -> Take:
    """In a world with other axes; rest_too: also the pose without turns, else only the root's turn."""
    if not rest_too:
        local = [rotation * take.local[0], *take.local[1:]]
        return replace(take, travel=rotation.apply(take.travel), local=local)
    return replace(
        take, offsets=rotation.apply(take.offsets), ends=rotation.apply(take.ends), travel=rotation.apply(take.travel),
        local=[rotation * r * rotation.inv() for r in take.local],
    )  # fmt: skip


def _joints(take: Take) -> list[tuple[int, tuple[int, Rotation]]]:
    return list(enumerate(zip(take.parents, take.local, strict=True)))


def renamed(name: str, scheme: Mapping[str, str]) -> str:
    """A bone's name in one of SCHEMES; its own where that has none."""
    side, part = (name[0], name[1:]) if name[0] in "lr" and name[1:] in _PARTS else ("", name)
    words = {"Left": "Right" if side == "r" else "Left", "L": side.upper()}
    return scheme[part].format(**words) if part in scheme else name


_PARTS = {b.name[1:] for b in bones() if b.name[0] == "r"} | {"index", "pinky"}


def write_bvh(
    path: Path,
    take: Take,
    scheme: str = "",
    unit_m: float = 0.01,
    fps: float = 120,
    order: str = "ZYX",
    first: Sequence[Rotation] = (),
) -> Path:
    """order: of the rotation channels. first: a pose put before the motion, as converters do with a T-pose."""
    names = [renamed(n, SCHEMES.get(scheme, {})) for n in take.names]
    angles = np.stack([r.as_euler(order, degrees=True) for r in take.local], 1)
    rows = np.concatenate([take.travel / unit_m, angles.reshape(len(angles), -1)], 1)
    if first:
        pose = np.concatenate([r.as_euler(order, degrees=True) for r in first])
        rows = np.vstack([np.concatenate([rows[0, :3], pose]), rows])
    turns = " ".join(f"{letter}rotation" for letter in order)

    def joint(j: int, indent: str) -> list[str]:
        root = take.parents[j] < 0
        x, y, z = take.offsets[j] / unit_m
        channels = f"6 Xposition Yposition Zposition {turns}" if root else f"3 {turns}"
        lines = [f"{'ROOT' if root else 'JOINT'} {names[j]}", "{", f"\tOFFSET {x:.9f} {y:.9f} {z:.9f}"]
        lines += [f"\tCHANNELS {channels}"]
        children = [k for k, parent in enumerate(take.parents) if parent == j]
        for child in children:
            lines += joint(child, indent + "\t")
        if not children:
            x, y, z = take.ends[j] / unit_m
            lines += ["\tEnd Site", "\t{", f"\t\tOFFSET {x:.9f} {y:.9f} {z:.9f}", "\t}"]
        return [indent + line for line in [*lines, "}"]]

    seen: list[int] = []  # numbers go in the order in which joints are written

    def walk(j: int) -> None:
        seen.append(j)
        for child in (k for k, parent in enumerate(take.parents) if parent == j):
            walk(child)

    walk(0)
    columns = [0, 1, 2, *(3 + 3 * j + k for j in seen for k in range(3))]
    motion = "\n".join(" ".join(f"{v:.7f}" for v in row[columns]) for row in rows)
    head = "\n".join(["HIERARCHY", *joint(0, ""), "MOTION", f"Frames: {len(rows)}", f"Frame Time: {1 / fps:.7f}"])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{head}\n{motion}\n")
    return path


def write_asf_amc(folder: Path, take: Take, asf: str = "07", amc: str = "07_01", radians: bool = False) -> Path:
    """Both files; the AMC's path."""
    folder.mkdir(parents=True, exist_ok=True)
    unit = (lambda v: np.radians(v)) if radians else (lambda v: np.asarray(v))
    lines = [
        "# made for a test", ":version 1.10", ":name VICON", ":units", "  mass 1.0", "  length 0.45",
        f"  angle {'rad' if radians else 'deg'}", ":documentation", "   nothing", ":root", "   order TX TY TZ RX RY RZ",
        "   axis XYZ", "   position 0 0 0", "   orientation 0 0 0", ":bonedata",
    ]  # fmt: skip
    made = bones()
    for number, bone in enumerate(made):
        length = float(np.linalg.norm(bone.end))
        x, y, z = bone.end / length
        lines += [
            "  begin",
            f"     id {number + 1}",
            f"     name {bone.name}",
            f"     direction {x:.9g} {y:.9g} {z:.9g}",
        ]
        axis = " ".join(f"{v:.9g}" for v in unit(bone.axis))
        lines += [f"     length {length / CMU_UNIT_M:.9g}", f"     axis {axis}   XYZ"]
        if bone.channels:
            lines += [f"    dof {' '.join('r' + c for c in bone.channels)}", "    limits (-160.0 20.0)"]
            lines += ["           (-70.0 70.0)"] * (len(bone.channels) - 1)
        lines += ["  end"]
    lines += [":hierarchy", "  begin"]
    for name in ["root", *(b.name for b in made)]:
        children = [b.name for b in made if b.parent == name]
        lines += [f"    {name} {' '.join(children)}"] if children else []
    (folder / f"{asf}.asf").write_text("\n".join([*lines, "  end", ""]))
    lines = ["#!OML:ASF made.ASF", ":FULLY-SPECIFIED", f":{'RADIANS' if radians else 'DEGREES'}"]
    for frame in range(len(take.travel)):
        lines.append(str(frame + 1))
        for name, values in take.angles.items():
            row = [*(take.travel[frame] / CMU_UNIT_M if name == "root" else ()), *unit(values[frame])]
            lines += [f"{name} {' '.join(f'{v:.9g}' for v in row)}"] if row else []
    path = folder / f"{amc}.amc"
    path.write_text("\n".join([*lines, ""]))
    return path
