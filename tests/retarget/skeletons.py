"""The skeletons of ../shared/rigs as rest poses, what Auto should find on each, and a table of what it finds.

python -m video_to_armature.tests.retarget.skeletons
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from video_to_armature.addon.retarget import quaternion as quat
from video_to_armature.addon.retarget.bone_map import presets
from video_to_armature.addon.retarget.recognise import recognise
from video_to_armature.addon.retarget.rest import RestPose
from video_to_armature.lifter.contract.protocol import RigError

SHARED = Path(__file__).resolve().parents[3] / "shared" / "rigs" / "skeletons"
SMALL = Path(__file__).resolve().parents[1] / "data" / "rigs"
PRESETS = Path(__file__).resolve().parents[2] / "presets" / "rigs"

EXPECTED = {  # skeleton -> preset, or how it is recognised otherwise
    "bitmoji": "names",
    "cesium_man": "names",
    "cmu1_jumping_jacks": "cmu_joints",
    "cryptovoxels": "names",
    "daz_genesis8": "daz_genesis8",
    "fair1_wave": "mixamo",
    "geno": "mixamo",
    "godot_platformer_player": "names",
    "iclone_cc_base": "character_creator",
    "kaykit_rogue": "names",
    "mannequiny": "unreal4",
    "max_biped": "max_biped",
    "max_biped_us": "max_biped",
    "meebit": "names",
    "mh_cmu": "cmu",
    "mh_default": "makehuman",
    "mh_default_no_toes": "makehuman",
    "mh_mixamo": "mixamo",
    "mh_mixamo_unity": "mixamo",
    "mh_openpose": "shape",
    "mh_rigify_human": "rigify_metarig",
    "mh_unreal4": "unreal4",
    "mmd_japanese": "mmd",
    "quaternius_man": "names",
    "rigify_basic_human_generated": "rigify",
    "rigify_basic_human_metarig": "rigify_metarig",
    "rigify_human_metarig": "rigify_metarig",
    "robot_expressive": "names",
    "rokoko_jesse": "mixamo",
    "smpl_maya": "smpl",
    "smplx_names": "smplx",
    "ue5_manny": "unreal5",
    "valve_biped": "valve",
    "vroid_j_bip": "vroid",
    "xbot_skeleton": "mixamo",
    "xsens_mvn_bvh": "xsens",
    "ybot": "mixamo",
}


EXTRACTS = {
    name: {**record, "name": name, "bones": [dict(zip(("name", "parent", "head", "tail"), b)) for b in record["bones"]]}
    for name, record in json.loads((SMALL / "skeletons.json").read_text(encoding="utf-8")).items()
}


def skeleton(name: str, seed: int = 0) -> RestPose:
    """One skeleton from names, parents, heads and tails alone; bone rolls are random.

    From tests/data where its licence and size let it be there, otherwise from ../shared.
    """
    if name in EXTRACTS:
        return from_record(EXTRACTS[name], seed)
    folder = SMALL if (SMALL / f"{name}.json").is_file() else SHARED
    return from_record(json.loads((folder / f"{name}.json").read_text(encoding="utf-8")), seed)


def available(name: str) -> bool:
    return name in EXTRACTS or any((folder / f"{name}.json").is_file() for folder in (SMALL, SHARED))


def from_record(record: dict, seed: int = 0) -> RestPose:
    bones = {bone["name"]: bone for bone in record["bones"]}
    order: list[str] = []

    def add(bone: str) -> None:
        if bone not in order:
            if bones[bone]["parent"] in bones:
                add(bones[bone]["parent"])
            order.append(bone)

    for bone in bones:
        add(bone)
    rng = np.random.default_rng(seed)
    heads, tails = (np.array([bones[b][end] for b in order], float) for end in ("head", "tail"))
    reach = tails - heads
    lengths = np.linalg.norm(reach, axis=1)
    along = np.where(lengths[:, None] > 0, reach / np.maximum(lengths, 1e-12)[:, None], [0.0, 0, 1])
    roll = quat.about(np.array([0.0, 1, 0]), rng.uniform(-np.pi, np.pi, len(order)))
    turn = quat.swing(np.broadcast_to(np.array([0.0, 1, 0]), along.shape), along)
    matrices = np.tile(np.eye(4), (len(order), 1, 1))
    matrices[:, :3, :3] = quat.to_matrix(quat.mul(turn, roll))
    matrices[:, :3, 3] = heads
    placed = record["object"]
    world = np.eye(4)
    turned = quat.IDENTITY
    for axis, angle in enumerate(np.radians(placed["rotation_euler_deg"])):
        turned = quat.mul(quat.about(np.eye(3)[axis], angle), turned)
    world[:3, :3] = quat.to_matrix(turned) * placed["scale"]
    return RestPose(
        name=record["name"],
        bone_names=tuple(order),
        parents=tuple(order.index(bones[b]["parent"]) if bones[b]["parent"] in bones else -1 for b in order),
        matrices=matrices,
        lengths=np.maximum(lengths, 1e-6),
        world_from_armature=world,
        rotation_modes=("QUATERNION",) * len(order),
        connected=tuple(bool(bones[b].get("connected")) for b in order),
        deform=tuple(bool(bones[b].get("deform", True)) for b in order),
    )


def table() -> str:
    """One line a skeleton: what Auto found, how sure it is, bones mapped and not placed."""
    choices = presets(PRESETS)
    lines = [
        "| rig | bones | found by | map | sure | mapped | twist | unplaced | parts without bone |",
        "|" + "---|" * 9,
    ]
    for name in filter(available, EXPECTED):
        rest = skeleton(name)
        try:
            got = recognise(rest, choices)
        except RigError as error:
            lines.append(f"| {name} | {len(rest)} | refused: {error} | | | | | | |")
            continue
        mapped, twist = (sum(map(len, table.values())) for table in (got.map.bones, got.map.twists))
        lines.append(
            f"| {name} | {len(rest)} | {got.how} | {got.map.name} | {got.sureness:.2f} | {mapped} | {twist} "
            f"| {len(got.unplaced)} | {', '.join(got.missing)} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
