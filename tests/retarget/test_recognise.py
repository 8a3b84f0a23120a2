"""Auto: the right map on every skeleton, by preset, by names or by shape; one clear line where there is no humanoid."""

import time
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from video_to_armature.addon.retarget import quaternion as quat
from video_to_armature.addon.retarget.bone_map import LIMB_PARTS, REQUIRED, SIDES, load_preset, presets, resolve
from video_to_armature.addon.retarget.landmarks import rest_landmarks
from video_to_armature.addon.retarget.recognise import BY_NAMES, BY_SHAPE, BY_TABLE, as_preset, notes, recognise
from video_to_armature.addon.retarget.recognise_body import limbs_by_name
from video_to_armature.addon.retarget.recognise_names import read
from video_to_armature.addon.retarget.recognise_shape import shape
from video_to_armature.addon.retarget.strays import loose_ends
from video_to_armature.lifter.contract.protocol import PresetError, RigError

from .skeletons import EXPECTED, PRESETS, available, from_record, skeleton

CHOICES = presets(PRESETS)
ARM, LEG = LIMB_PARTS[:4], LIMB_PARTS[4:]
FACES_BACK = {"meebit", "cryptovoxels"}  # looks along +Y
NO_REST = {"rokoko_jesse"}  # all bones along one axis
WHOLE = [  # rigs with mirrored rest poses whose limbs are plain
    "bitmoji", "cesium_man", "cryptovoxels", "fair1_wave", "geno", "iclone_cc_base", "max_biped", "mh_cmu",
    "mh_default_no_toes", "mh_mixamo", "mh_mixamo_unity", "mh_unreal4", "mmd_japanese", "smpl_maya", "smplx_names",
    "ue5_manny", "valve_biped", "vroid_j_bip", "xbot_skeleton", "xsens_mvn_bvh", "ybot", "rigify_human_metarig",
]  # fmt: skip


# Two bones of a neck, clavicles that hang on the neck, two bones for the hips: shape cannot know.
OTHER_TRUNK = {"bitmoji", "max_biped", "mmd_japanese"}


def rig(name, seed=0):
    if not available(name):
        pytest.skip(f"skeleton {name} is not in tests/data (licence or size): it needs ../shared/rigs")
    return skeleton(name, seed)


def renamed(rest, change):
    return replace(rest, bone_names=tuple(change(i, name) for i, name in enumerate(rest.bone_names)))


def shuffled(rest, seed):
    """The same bones in another order, parents still before children."""
    rng = np.random.default_rng(seed)
    rank = rng.permutation(len(rest))
    depth = np.array([len(rest.ancestors(i)) for i in range(len(rest))])
    order = np.lexsort((rank, depth))
    place = {int(old): new for new, old in enumerate(order)}
    return replace(
        rest,
        bone_names=tuple(rest.bone_names[i] for i in order),
        parents=tuple(-1 if rest.parents[i] < 0 else place[rest.parents[i]] for i in order),
        matrices=rest.matrices[order],
        lengths=rest.lengths[order],
    )


def body(bones: list, name="thing"):
    """bones: (name, parent, head, tail)."""
    return from_record(
        {
            "name": name,
            "object": {"rotation_euler_deg": [0, 0, 0], "scale": [1, 1, 1]},
            "bones": [dict(zip(("name", "parent", "head", "tail"), bone)) for bone in bones],
        }
    )


@pytest.mark.parametrize("name", EXPECTED)
def test_every_skeleton_is_recognised(name):
    rest = rig(name)
    found = recognise(rest, CHOICES)
    assert found.map.name == EXPECTED[name]
    follows = rest.with_parents({**found.map.parents, **loose_ends(rest, found.map)})
    at = {part: follows.index(bones[0]) for part, bones in found.map.bones.items()}
    for part, chain in found.map.bones.items() if not found.map.mover else ():  # controls need not hang on each other
        places = [follows.index(bone) for bone in chain]
        assert all(a in follows.ancestors(b) for a, b in pairwise(places)), part
    for side in SIDES:
        for limb in (ARM, LEG):
            line = [at[f"{side}_{part}"] for part in limb if f"{side}_{part}" in at]
            assert all(a in follows.ancestors(b) for a, b in pairwise(line))
    world = follows.heads @ rest.world_from_armature[:3, :3].T
    assert set(at) >= set(REQUIRED)
    if name not in NO_REST:
        for part in LIMB_PARTS:
            if f"left_{part}" in at and part != "clavicle":  # which may begin in the middle
                left = world[at[f"left_{part}"], 0] - world[at[f"right_{part}"], 0]
                assert (left > 0) != (name in FACES_BACK), part
        rest_landmarks(follows, found.map)
        assert found.sureness >= 0.55
    else:
        assert found.sureness == 0.5
        assert found.doubts
        assert "unsure" in found.words


def test_every_preset_is_the_choice_on_its_sample():
    with_sample = set(EXPECTED.values()) - {"names", "shape"}
    without = {preset.name for preset in CHOICES} - with_sample
    assert without == {"vrm", "rokoko", "auto_rig_pro", "auto_rig_pro_export"}


@pytest.mark.parametrize("name", WHOLE)
def test_presets_name_bones_that_their_samples_have(name):
    rest = rig(name)
    found = recognise(rest, CHOICES)
    if found.how == "preset":
        preset = next(p for p in CHOICES if p.name == found.map.name)
        assert set(preset.bones) == set(found.map.bones)
        assert all(len(found.map.bones[part]) >= len(preset.bones[part]) for part in preset.bones)


@pytest.mark.parametrize("name", WHOLE)
def test_shape_alone_finds_the_same_limbs_whatever_names_order_and_rolls(name):
    rest = rig(name)
    known = recognise(rest, CHOICES).map
    rng = np.random.default_rng(len(name))
    for seed in range(3):
        turned = rig(name, seed=seed + 1)
        labels = rng.permutation(len(rest))
        blind = shuffled(renamed(turned, lambda i, _, labels=labels: f"Bone.{labels[i]:03}"), seed)
        back = {f"Bone.{labels[i]:03}": bone for i, bone in enumerate(rest.bone_names)}
        found = recognise(blind, CHOICES)
        assert found.how == BY_SHAPE
        assert found.sureness <= 0.7
        for side in SIDES:
            for part in LIMB_PARTS:
                bones = known.bones.get(f"{side}_{part}", ())[:1]
                assert tuple(back[b] for b in found.map.bones.get(f"{side}_{part}", ())) == bones, f"{side}_{part}"
        for part in ("hips", "spine", "neck", "head") if name not in OTHER_TRUNK else ():
            assert tuple(back[b] for b in found.map.bones.get(part, ())) == known.bones.get(part, ()), part
        assert shape(blind).facing


@pytest.mark.parametrize("name", ["mh_mixamo", "max_biped", "valve_biped", "vroid_j_bip", "mmd_japanese", "mh_unreal4"])
def test_names_alone_find_what_the_preset_finds(name):
    rest = rig(name)
    known = recognise(rest, CHOICES).map
    found = recognise(rest, [p for p in CHOICES if p.name == "rigify"])
    assert found.how == BY_NAMES
    limbs = [f"{side}_{part}" for side in SIDES for part in LIMB_PARTS]
    assert {p: found.map.bones.get(p) for p in limbs} == {p: known.bones.get(p) for p in limbs}


@pytest.mark.parametrize(
    ("name", "side", "part"),
    [
        ("Left Arm", "left", "upper_arm"),
        ("arm.L", "left", "upper_arm"),
        ("L_UpperArm", "left", "upper_arm"),
        ("lShldr", "left", "upper_arm"),
        ("upperarm_l", "left", "upper_arm"),
        ("左腕", "left", "upper_arm"),
        ("腕.L", "left", "upper_arm"),
        ("bip01 l forearm", "left", "forearm"),
        ("J_Bip_L_UpperArm", "left", "upper_arm"),
        ("mixamorig:RightForeArm", "right", "forearm"),
        ("RIGHT_THIGH", "right", "thigh"),
        ("r-calf", "right", "shin"),
        ("rightupleg", "right", "thigh"),
        ("lhand", "left", "hand"),
        ("右足首", "right", "foot"),
        ("ToeBase_R", "right", "toe"),
        ("LowerArm.R", "right", "forearm"),
        ("DEF-shin.L", "left", "shin"),
        ("clavicle_r", "right", "clavicle"),
        ("NPC L UpperArm [LUar]", "left", "upper_arm"),
        ("NPC R Foot [Rft ]", "right", "foot"),
        ("mKneeLeft", "left", "shin"),
        ("LoArm_L", "left", "forearm"),
        ("leg_upper_R", "right", "thigh"),
        ("Character1_LeftUpLeg", "left", "thigh"),
        ("rt_elbow_jnt", "right", "forearm"),
        ("左小腿", "left", "shin"),
        ("femur.R", "right", "thigh"),
        ("Unterschenkel.L", "left", "shin"),
        ("Fuß_links", "left", "foot"),
        ("AvantBras_G", "left", "forearm"),
        ("Épaule_droite", "right", "clavicle"),
        ("Muslo_Izq", "left", "thigh"),
        ("Antebraço.dir", "right", "forearm"),
        ("Polpaccio_sx", "left", "shin"),
        ("Плечо.Л", "left", "upper_arm"),
        ("правая Голень", "right", "shin"),
        ("左小臂", "left", "forearm"),
        ("腳趾_右", "right", "toe"),
        ("左下腿", "left", "shin"),
        ("右足先", "right", "toe"),
        ("左ロウアーアーム", "left", "forearm"),
        ("왼쪽 허벅지", "left", "thigh"),
        ("오른_손목", "right", "hand"),
        ("足D.L", "left", "thigh"),
        ("upperarml", "left", "upper_arm"),
        ("Armature|LeftForeArm", "left", "forearm"),
    ],
)
def test_names_are_read_in_any_spelling(name, side, part):
    words = read(name)
    assert words.side == side
    assert min(words.limb, key=lambda p: words.limb[p]) == part


@pytest.mark.parametrize(
    "name", ["LeftEye", "Tail.L", "LeftHandThumb1", "MCH-thigh.L", "kneeIK.l", "LeftToe_End", "Root"]
)
def test_other_bones_are_no_limbs(name):
    assert not read(name).limb


def test_a_named_part_of_the_chain_may_lack_its_name():
    rest = rig("mh_mixamo")
    some = renamed(rest, lambda i, n: f"Bone.{i}" if n.endswith(("LeftForeArm", "RightUpLeg", "LeftFoot")) else n)
    found = recognise(some, CHOICES)
    back = dict(zip(some.bone_names, rest.bone_names))
    for part in ("left_forearm", "right_thigh", "left_foot"):
        want = resolve(load_preset(PRESETS / "mixamo.toml"), rest).bones[part]
        assert tuple(back[b] for b in found.map.bones[part]) == want
    assert found.how == BY_SHAPE
    assert found.sureness <= 0.7


def grown(rest, chains):
    """With chains of `count` bones more. chains: (parent, first head (3,), step (3,), count)."""
    names, parents, heads = list(rest.bone_names), list(rest.parents), list(rest.heads)
    for parent, start, step, count in chains:
        above = rest.index(parent)
        for k in range(count):
            names.append(f"extra{len(names)}")
            parents.append(above)
            heads.append(start + k * np.asarray(step))
            above = len(names) - 1
    more = len(names) - len(rest)
    matrices = np.concatenate((rest.matrices, np.tile(np.eye(4), (more, 1, 1))))
    matrices[:, :3, 3] = heads
    reach = [np.linalg.norm(step) for _, _, step, count in chains for _ in range(count)]
    flags = {"connected": False, "deform": True, "rotation_modes": "QUATERNION", "inherits_rotation": True}
    return replace(
        rest,
        bone_names=tuple(names),
        parents=tuple(parents),
        matrices=matrices,
        lengths=np.append(rest.lengths, reach),
        **{key: getattr(rest, key) + (value,) * more for key, value in flags.items()},
    )


def bent(rest, bone, by):
    """With `bone` and what hangs on it turned. by: (3, 3) armature axes."""
    matrices, joint = rest.matrices.copy(), rest.index(bone)
    for i in (i for i in range(len(rest)) if joint in (i, *rest.ancestors(i))):
        matrices[i, :3, :3] = by @ matrices[i, :3, :3]
        matrices[i, :3, 3] = rest.heads[joint] + by @ (rest.heads[i] - rest.heads[joint])
    return replace(rest, matrices=matrices)


def turned(rest, by):
    matrices = rest.matrices.copy()
    matrices[:, :3] = by @ matrices[:, :3]
    return replace(rest, matrices=matrices)


def by_angle(axis, degrees):
    return quat.to_matrix(quat.about(quat.normalised(np.array(axis, float)), np.radians(degrees)))


def dressed(rest, known):
    """A skirt, long hair and a sword."""
    hips, head, hand, foot = (rest.heads[rest.index(known[p][0])] for p in ("hips", "head", "right_hand", "right_foot"))
    size = float(np.ptp(rest.heads[:, 2]))
    turns = [by_angle([0, 0, 1], 45 * k + 22) @ [0.06 * size, 0, 0] for k in range(8)]
    chains = [(known["hips"][0], hips + out, out / 3 + [0, 0, (foot - hips)[2] / 5], 3) for out in turns]
    chains += [
        (known["head"][0], head + [x * size, 0, 0], [0, 0, -0.1 * size], 4) for x in (-0.04, -0.02, 0, 0.02, 0.04)
    ]
    return grown(rest, [*chains, (known["right_hand"][0], hand, [0, -0.3 * size, 0], 2)])


@pytest.mark.parametrize("name", ["mh_mixamo", "mh_unreal4", "vroid_j_bip", "smplx_names"])
@pytest.mark.parametrize("change", ["turned", "clothes", "pose"])
def test_shape_finds_the_limbs_in_any_direction_under_clothes_and_in_any_stance(name, change):
    rest = rig(name)
    known = recognise(rest, CHOICES).map.bones
    if change == "turned":
        seen_as = turned(rest, by_angle([1, 2, -0.5], 67))
    elif change == "clothes":
        seen_as = dressed(rest, known)
    else:
        seen_as = bent(rest, known["left_upper_arm"][0], by_angle([0, 1, 0], -40))
        seen_as = bent(seen_as, known["right_thigh"][0], by_angle([1, 0, 0], 25))
    back = dict(zip((f"Bone.{i:03}" for i in range(len(seen_as))), seen_as.bone_names))
    found = recognise(renamed(seen_as, lambda i, _: f"Bone.{i:03}"), CHOICES)
    assert found.how == BY_SHAPE
    for part in (
        "hips",
        *(f"{side}_{part}" for side in SIDES for part in LIMB_PARTS if part not in ("clavicle", "toe")),
    ):
        assert back[found.map.bones[part][0]] == known[part][0], part


def test_where_names_are_vague_the_shape_says_which_bone_is_which():
    rest = rig("mh_unreal4")
    known = recognise(rest, CHOICES).map.bones
    numbers = {known[f"{s}_{part}"][0]: f"{s[0].upper()}_{limb}_{k:02}" for s in SIDES
               for limb, parts in (("arm", ARM), ("leg", LEG)) for k, part in enumerate(parts)}  # fmt: skip
    found = recognise(renamed(rest, lambda _, bone: numbers.get(bone, bone)), CHOICES)
    for side in SIDES:
        for part in (*ARM, *LEG):
            assert found.map.bones[f"{side}_{part}"] == (numbers[known[f"{side}_{part}"][0]],)
    assert found.how == BY_NAMES
    assert found.sureness < 0.9


def test_what_all_names_begin_with_says_nothing():
    rest = rig("mh_unreal4")
    known = recognise(rest, CHOICES).map.bones
    found = recognise(renamed(rest, lambda _, bone: f"Handyman_{bone}"), CHOICES)
    assert found.map.bones["left_thigh"] == (f"Handyman_{known['left_thigh'][0]}",)
    assert {p: b for p, b in found.map.bones.items() if p in REQUIRED} == {
        p: tuple(f"Handyman_{bone}" for bone in known[p]) for p in REQUIRED
    }


def test_a_preset_that_knows_other_names_for_the_spine_still_gives_it():
    rest = rig("mh_mixamo")
    known = recognise(rest, CHOICES).map
    other = {bone: f"Trunk_{k}" for k, bone in enumerate(known.bones["spine"])}
    found = recognise(renamed(rest, lambda _, bone: other.get(bone, bone)), CHOICES)
    assert found.map.name == "mixamo"
    assert found.map.bones["spine"] == tuple(other.values())
    assert found.map.bones["neck"] == known.bones["neck"]


@pytest.mark.parametrize("names", ["own", "none"])
def test_a_rig_of_600_bones_is_recognised_in_0_3_seconds(names):
    rest = rig("mh_unreal4")
    known = recognise(rest, CHOICES).map.bones
    face = [(known["head"][0], rest.heads[rest.index(known["head"][0])] + np.sin([k, 2 * k, 3 * k]) * 0.08, [0, 0.01, 0], 2)
            for k in range(273)]  # fmt: skip
    large = grown(rest, face)
    large = renamed(large, lambda i, bone: f"some {bone}" if names == "own" else f"Bone.{i:03}")
    assert len(large) == 599
    took = []
    for _ in range(3):
        start = time.perf_counter()
        recognise(large, CHOICES)
        took.append(time.perf_counter() - start)
    assert min(took) < 0.3


def test_swapped_names_are_put_right_and_told():
    rest = rig("mh_unreal4")

    def swap(_, name):
        return {"_l": name[:-1] + "r", "_r": name[:-1] + "l"}.get(name[-2:], name)

    found = recognise(renamed(rest, swap), CHOICES)
    assert found.map.bones["left_thigh"] == ("thigh_r",)
    assert found.sureness <= 0.8
    assert any("left" in doubt for doubt in found.doubts)


def test_bones_not_placed_are_listed():
    rest = rig("mh_unreal4")
    found = recognise(rest, CHOICES)
    fingers = [n for n in rest.bone_names if n.split("_")[0] in ("thumb", "index", "middle", "ring", "pinky")]
    knuckles = {f"{finger}_01_{s}" for finger in ("index", "pinky") for s in "lr"}
    assert set(found.unplaced) == set(fingers) - knuckles
    assert set(found.map.landmarks.values()) == knuckles


def test_a_vrm_table_goes_before_names():
    rest = rig("mh_unreal4")
    table = {"hips": "pelvis", "spine": "spine_01", "chest": "spine_02", "neck": "neck_01", "head": "head"}
    human = {"UpperArm": "upperarm", "LowerArm": "lowerarm", "Hand": "hand", "UpperLeg": "thigh", "LowerLeg": "calf"}
    table |= {f"{s}{h}": f"{b}_{s[0]}" for s in SIDES for h, b in (human | {"Foot": "foot"}).items()}
    found = recognise(rest, CHOICES, table)
    assert found.how == BY_TABLE
    assert found.map.bones["spine"] == ("spine_01", "spine_02")
    assert "left_toe" in found.missing or "left_toe" not in found.map.bones
    assert found.sureness == 1.0
    assert recognise(rest, CHOICES, {**table, "leftHand": "gone"}).how == "preset"


@pytest.mark.parametrize("name", ["mh_mixamo", "quaternius_man", "mh_openpose", "mmd_japanese", "daz_genesis8"])
def test_a_suggested_map_is_a_preset_that_gives_the_same_map(name, tmp_path):
    rest = rig(name)
    path = tmp_path / "mine.toml"
    known = recognise(rest, CHOICES)
    named = replace(known.map, name='my "own" rig')
    path.write_text(as_preset(named, notes(rest, known, known.words)), encoding="utf-8")
    mine = resolve(load_preset(path), rest)
    assert mine == named
    for bone in known.unplaced:
        assert f"# Not placed: {bone}\n" in path.read_text(encoding="utf-8")
    assert recognise(rest, presets(tmp_path)).map.bones == known.map.bones


def spider():
    bones: list = [("body", None, [0, 0, 1], [0, 0.3, 1])]
    for k, y in enumerate((-0.3, -0.1, 0.1, 0.3)):
        for s, x in (("L", 1), ("R", -1)):
            spots = [[x * 0.1, y, 1.0], [x * 0.5, y, 1.4], [x * 0.9, y, 0.6], [x, y, 0.0]]
            for j in range(3):
                parent = "body" if j == 0 else f"leg{k}_{j - 1}.{s}"
                bones.append((f"leg{k}_{j}.{s}", parent, spots[j], spots[j + 1]))
    return body(bones, "spider")


def horse(names):
    """names: front and hind legs' bones."""
    bones: list = [("pelvis", None, [0, 0.7, 1.4], [0, 0.4, 1.4])]
    bones += [
        (f"spine{k}", f"spine{k - 1}" if k else "pelvis", [0, 0.5 - 0.3 * k, 1.4], [0, 0.2 - 0.3 * k, 1.4])
        for k in range(4)
    ]
    bones += [("neck", "spine3", [0, -0.7, 1.5], [0, -1, 1.9]), ("head", "neck", [0, -1, 1.9], [0, -1.4, 1.8])]
    for chain, parent, y in ((names[0], "spine3", -0.6), (names[1], "pelvis", 0.7)):
        for s, x in (("L", 0.2), ("R", -0.2)):
            above = parent
            for j, bone in enumerate(chain):
                top = [x, y + 0.05 * (j % 2), 1.3 - 0.4 * j]
                bones.append((f"{bone}.{s}", above, top, [x, y + 0.05 * ((j + 1) % 2), 0.9 - 0.4 * j]))
                above = f"{bone}.{s}"
    return body(bones, "horse")


def deer():
    """A horse with antlers, whose neck stands upright."""
    horns: list = []
    for s, x in (("L", 1), ("R", -1)):
        spots = [[x * (0.1 + 0.15 * k), -1.0, 1.9 + 0.25 * k] for k in range(5)]
        horns += [(f"horn{k}.{s}", f"horn{k - 1}.{s}" if k else "head", spots[k], spots[k + 1]) for k in range(4)]
    plain = horse(PLAIN)
    bones = [(n, plain.bone_names[p] if p >= 0 else None, list(h), list(t))
             for n, p, h, t in zip(plain.bone_names, plain.parents, plain.heads, plain.tails)]  # fmt: skip
    return body([*bones, *horns], "deer")


def tree(seed):
    """Branches in all directions, shorter and shorter."""
    rng = np.random.default_rng(seed)
    bones: list = [("trunk", None, [0, 0, 0], [0, 0, 1])]

    def grow(parent, start, along, depth):
        name, length = f"branch{len(bones)}", rng.uniform(0.6, 0.9) * np.linalg.norm(along)
        along = length * quat.normalised(along / np.linalg.norm(along) + rng.normal(0, 0.5, 3))
        bones.append((name, parent, list(start), list(start + along)))
        for _ in range(rng.integers(1, 4) if depth else 0):
            grow(name, start + along, along, depth - 1)

    for _ in range(3):
        grow("trunk", np.array([0, 0, 1.0]), np.array([0, 0, 1.0]), 3)
    return body(bones, f"tree {seed}")


def drawers():
    bones = [("chest", None, [0, 0, 0], [0, 0, 1])]
    return body(bones + [(f"drawer{k}", "chest", [0, 0, 0.3 * k], [0, -0.3, 0.3 * k]) for k in range(4)], "drawers")


ANIMAL = (("front_thigh", "front_shin", "front_foot"), ("thigh", "shin", "foot"))
HUMAN_NAMES = (("upper_arm", "forearm", "hand"), ("thigh", "shin", "foot"))
PLAIN = (("a", "b", "c"), ("d", "e", "f"))


@pytest.mark.parametrize(
    "thing", [spider(), horse(ANIMAL), horse(HUMAN_NAMES), horse(PLAIN), drawers(), deer(), *map(tree, range(4))]
)
def test_what_is_no_humanoid_is_refused_in_one_line(thing):
    with pytest.raises(RigError, match=f"armature '{thing.name}' is not recognised as a humanoid") as refusal:
        recognise(thing, CHOICES)
    assert "\n" not in str(refusal.value)
    assert "by shape without" in str(refusal.value)
    assert len(str(refusal.value)) < 500


def test_missing_arms_are_named():
    rest = rig("mh_mixamo")
    keep = [i for i, n in enumerate(rest.bone_names) if not any(w in n for w in ("Arm", "Hand", "Shoulder"))]
    place = {old: new for new, old in enumerate(keep)}
    armless = replace(
        rest,
        bone_names=tuple(rest.bone_names[i] for i in keep),
        parents=tuple(place.get(rest.parents[i], -1) for i in keep),
        matrices=rest.matrices[keep],
        lengths=rest.lengths[keep],
        rotation_modes=("QUATERNION",) * len(keep),
        connected=(False,) * len(keep),
        deform=(True,) * len(keep),
        inherits_rotation=(),
    )
    with pytest.raises(RigError, match="no left upper arm, left forearm, right upper arm, right forearm;"):
        recognise(armless, CHOICES)


def test_limbs_without_length_are_refused():
    rest = rig("mh_mixamo")
    matrices = rest.matrices.copy()
    for side in ("Left", "Right"):
        a, b = (rest.index(f"mixamorig:{side}{bone}") for bone in ("UpLeg", "Leg"))
        matrices[b, :3, 3] = matrices[a, :3, 3]
    with pytest.raises(RigError, match="'mixamorig:LeftUpLeg' has no length"):
        recognise(replace(rest, matrices=matrices), CHOICES)
    flat = rest.matrices.copy()
    flat[:, :3, 3] = 0
    with pytest.raises(RigError, match="has no length"):
        recognise(replace(rest, matrices=flat), CHOICES)


def test_a_limb_out_of_order_is_not_accepted():
    rest = rig("mh_mixamo")

    def change(_, name):
        return {"mixamorig:LeftForeArm": "mixamorig:LeftHand", "mixamorig:LeftHand": "mixamorig:LeftForeArm"}.get(
            name, name
        )

    mixed = renamed(rest, change)
    found = recognise(mixed, CHOICES)
    assert found.how != "preset"
    assert found.map.bones["left_forearm"] == ("mixamorig:LeftHand",)  # by its place in the chain


def test_presets_of_a_second_folder_are_read_and_go_first(tmp_path):
    text = (PRESETS / "mixamo.toml").read_text(encoding="utf-8")
    (tmp_path / "mixamo.toml").write_text(text.replace('name = "mixamo"', 'name = "mine"'), encoding="utf-8")
    names = [p.name for p in presets(PRESETS, tmp_path)]
    assert "mine" in names
    assert "mixamo" not in names
    assert len(names) == len(CHOICES)
    assert presets(PRESETS, tmp_path / "nowhere") == CHOICES


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (('head = "Head"', 'head = "Neck"'), "bone 'Neck' stands for neck and for head"),
        (("[landmarks]", '[twists]\nleft_hand = "x"\n[landmarks]'), r"\[twists\] has no part 'left_hand'"),
        (
            ("[landmarks]", '[twists]\nleft_forearm = "Head"\n[landmarks]'),
            "bone 'Head' stands for head and for left_forearm",
        ),
        (("[landmarks]", "[extra]\n[landmarks]"), "unknown entry 'extra'"),
    ],
)
def test_files_that_are_wrong_name_the_bone(tmp_path, change, told):
    text = (PRESETS / "mixamo.toml").read_text(encoding="utf-8")
    assert change[0] in text
    path = tmp_path / "mine.toml"
    path.write_text(text.replace(*change), encoding="utf-8")
    with pytest.raises(PresetError, match=told):
        load_preset(path)


def test_the_worked_example_of_the_readme_is_a_preset_that_fits(tmp_path):
    text = (PRESETS / "README.md").read_text(encoding="utf-8")
    path = tmp_path / "my_game.toml"
    path.write_text(text.split("```toml\n")[1].split("```")[0], encoding="utf-8")
    example = load_preset(path)
    twins = {bone: part for part, bones in resolve(load_preset(PRESETS / "mixamo.toml"), rig("mh_mixamo")).bones.items()
             for bone in bones}  # fmt: skip
    named = {part: list(bones) for part, bones in example.bones.items()}

    def change(i, bone):
        part = twins.get(bone, "")
        return f"Rig_{named[part].pop(0)}" if named.get(part) else f"Other{i}"

    rest = renamed(rig("mh_mixamo"), change)
    found = recognise(rest, [*CHOICES, example])
    assert found.map.name == "my game"
    assert found.map.bones["left_upper_arm"] == ("Rig_Arm1_L",)
    assert set(found.map.bones) == set(example.bones)


@pytest.mark.parametrize("name", ["mh_mixamo", "mh_unreal4", "vroid_j_bip", "cesium_man"])
@pytest.mark.parametrize("degrees", [-90.0, 90.0, 37.0])
def test_the_object_may_be_turned_and_scaled(name, degrees):
    rest = rig(name)
    blind = renamed(rest, lambda i, _: f"b{i}")
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    for turn in ([[1, 0, 0], [0, c, -s], [0, s, c]], [[c, -s, 0], [s, c, 0], [0, 0, 1]]):
        world = np.eye(4)
        world[:3, :3] = np.array(turn) * 100
        placed = replace(blind, world_from_armature=world)
        assert recognise(placed, CHOICES).map == recognise(blind, CHOICES).map
        assert recognise(replace(rest, world_from_armature=world), CHOICES).map == recognise(rest, CHOICES).map


def test_twist_bones_are_found_in_the_chain_and_beside_it():
    daz = recognise(rig("daz_genesis8"), CHOICES).map
    assert daz.twists["left_upper_arm"] == ("lShldrTwist",)
    manny = recognise(rig("ue5_manny"), CHOICES).map
    assert manny.twists["left_forearm"] == ("lowerarm_twist_02_l", "lowerarm_twist_01_l")
    no_preset = [p for p in CHOICES if p.name == "rigify"]
    assert recognise(rig("daz_genesis8"), no_preset).map.twists["left_upper_arm"] == ("lShldrTwist",)
    words = [read(name) for name in rig("ue5_manny").bone_names]
    assert len(limbs_by_name(rig("ue5_manny"), words)) == 16
    assert set(recognise(rig("ue5_manny"), no_preset).map.twists["left_forearm"]) == set(manny.twists["left_forearm"])
