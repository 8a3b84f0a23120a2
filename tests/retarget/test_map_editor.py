"""A bone map as a list: what was picked comes into the file, and all that the list cannot show stays as it was."""

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from video_to_armature.addon import map_editor
from video_to_armature.addon.map_editor import MOVER, Row
from video_to_armature.addon.retarget.bone_map import PARTS, REQUIRED, load_preset, presets, resolve
from video_to_armature.addon.retarget.recognise import recognise
from video_to_armature.lifter.contract.protocol import RigError

from .skeletons import EXPECTED, PRESETS, available, skeleton

CHOICES = presets(PRESETS)
FILES = {path.stem: path for path in PRESETS.glob("*.toml")}
BY_PRESET = [(rig, stem) for rig, stem in EXPECTED.items() if stem in FILES and available(rig)]


def changed(rows, part, *bones):
    """The list with these bones for the part."""
    at = next(i for i, row in enumerate(rows) if row.part == part)
    rest = [row for row in rows if row.part != part]
    return [*rest[:at], *(Row(part, bone) for bone in bones), *rest[at:]]


def fitted(text, rest, folder: Path):
    path = folder / "edited.toml"
    path.write_text(text, "utf-8")
    return resolve(load_preset(path), rest)


@pytest.mark.parametrize("stem", sorted(FILES))
def test_each_presets_record_comes_back_from_its_text(stem: str) -> None:
    record = tomllib.loads(FILES[stem].read_text("utf-8"))
    assert tomllib.loads(map_editor.toml(record)) == record


def test_any_value_of_toml_comes_back() -> None:
    record = {
        "name": 'a "b" \\ \x7f\t左',
        "switches": [{"bone": "x", "value": True, "list": ["a", "b"]}],
        "stretch": {"left arm": {"of": 0.25, "by": ["ä", ""]}, "empty": []},
        "tables": {"of": {"tables": {"left": -1}}},
        "flags": [],
        "count": 3,
    }
    assert tomllib.loads(map_editor.toml(record)) == record


@pytest.mark.parametrize(("rig", "stem"), BY_PRESET)
def test_a_list_that_nobody_touched_gives_the_same_map(rig: str, stem: str, tmp_path: Path) -> None:
    rest = skeleton(rig)
    was = resolve(load_preset(FILES[stem]), rest)
    rows = map_editor.rows_in(FILES[stem].read_text("utf-8"), rest.bone_names)
    assert rows == map_editor.rows_of(was)
    assert map_editor.problems(rows, rest.bone_names) == {}
    now = fitted(map_editor.edited(FILES[stem].read_text("utf-8"), rows, rest, "mine"), rest, tmp_path)
    assert now == replace(was, name="mine")


@pytest.mark.parametrize(("rig", "stem"), BY_PRESET)
def test_one_bone_changed_changes_that_part_alone(rig: str, stem: str, tmp_path: Path) -> None:
    rest, text = skeleton(rig), FILES[stem].read_text("utf-8")
    was = resolve(load_preset(FILES[stem]), rest)
    used = {bone for bones in (*was.bones.values(), *was.twists.values()) for bone in bones} | {*was.landmarks.values()}
    free = [bone for bone in rest.bone_names if bone not in used][-1:]  # none: then the head loses its bone
    rows = changed(map_editor.rows_of(was), "head", *(free or [""]))
    now = fitted(map_editor.edited(text, rows, rest, was.name), rest, tmp_path)
    others = {part: bones for part, bones in was.bones.items() if part != "head"}
    assert now == replace(was, bones={**others, "head": tuple(free)} if free else others)


def test_rigifys_switches_ik_and_parents_stay(tmp_path: Path) -> None:
    rest, path = skeleton("rigify_basic_human_generated"), FILES["rigify"]
    record = tomllib.loads(path.read_text("utf-8"))
    rows = changed(map_editor.rows_in(path.read_text("utf-8"), rest.bone_names), "left_toe", "")
    now = tomllib.loads(map_editor.edited(path.read_text("utf-8"), rows, rest, "mine"))
    assert now["bones"].keys() == record["bones"].keys() - {"left_toe"}
    assert len(now["settings"]) == len(record["settings"]) > 30
    for key in record.keys() - {"name", "bones"}:
        assert now[key] == record[key], key
    assert now["twists"] == {"left_forearm": [], "right_forearm": []}


def test_bones_that_this_rig_lacks_stay_for_those_that_have_them() -> None:
    rest = skeleton("mh_mixamo")
    text = FILES["mixamo"].read_text("utf-8")
    lacking = replace(
        rest, bone_names=tuple(n.replace("ToeBase", "Zeh").replace("Spine2", "Brust") for n in rest.bone_names)
    )
    rows = changed(map_editor.rows_in(text, lacking.bone_names), "neck", "")
    now = tomllib.loads(map_editor.edited(text, rows, lacking, "mine"))
    assert now["prefixes"] == ["mixamorig_"]
    assert now["bones"]["left_toe"] == "LeftToeBase"
    assert now["bones"]["spine"] == ["mixamorig:Spine", "mixamorig:Spine1", "Spine2"]
    assert now["bones"]["left_thigh"] == "mixamorig:LeftUpLeg"
    assert "neck" not in now["bones"]  # this rig has one, and it was taken out


def test_a_bone_that_gets_a_part_shares_no_limbs_turn_any_more(tmp_path: Path) -> None:
    rest, path = skeleton("daz_genesis8"), FILES["daz_genesis8"]
    was = resolve(load_preset(path), rest)
    twist = was.twists["left_upper_arm"][0]
    rows = changed(map_editor.rows_of(was), "left_forearm", twist)
    now = fitted(map_editor.edited(path.read_text("utf-8"), rows, rest, was.name), rest, tmp_path)
    assert now.bones["left_forearm"] == (twist,)
    assert now.twists == {part: names for part, names in was.twists.items() if part != "left_upper_arm"}


def test_several_bones_of_a_part_come_from_the_root_outwards(tmp_path: Path) -> None:
    rest, path = skeleton("mh_mixamo"), FILES["mixamo"]
    was = resolve(load_preset(path), rest)
    rows = changed(map_editor.rows_of(was), "spine", was.bones["spine"][2], "", was.bones["spine"][0])
    now = fitted(map_editor.edited(path.read_text("utf-8"), rows, rest, was.name), rest, tmp_path)
    assert now.bones["spine"] == (was.bones["spine"][0], was.bones["spine"][2])


def test_of_bones_that_differ_in_case_alone_the_one_picked_is_meant(tmp_path: Path) -> None:
    rest = skeleton("mh_mixamo")
    names = tuple(
        {"mixamorig:Head": "head", "mixamorig:LeftHandThumb3": "HEAD"}.get(name, name) for name in rest.bone_names
    )
    for order in (names, tuple({"head": "HEAD", "HEAD": "head"}.get(name, name) for name in names)):
        both = replace(rest, bone_names=order)
        for bone in ("head", "HEAD"):
            rows = changed(map_editor.rows_in(FILES["mixamo"].read_text("utf-8"), order), "head", bone)
            now = fitted(map_editor.edited(FILES["mixamo"].read_text("utf-8"), rows, both, "mine"), both, tmp_path)
            assert now.bones["head"] == (bone,)


def test_what_carries_the_path_can_be_picked_and_taken_away() -> None:
    rest, text = skeleton("mmd_japanese"), FILES["mmd"].read_text("utf-8")
    rows = map_editor.rows_in(text, rest.bone_names)
    assert Row(MOVER, "センター") in rows
    root = changed(rows, MOVER, "全ての親")  # which is the root's bone, too
    assert map_editor.problems(root, rest.bone_names) == {}
    assert tomllib.loads(map_editor.edited(text, root, rest, "mine"))["mover"] == "全ての親"
    assert "mover" not in tomllib.loads(map_editor.edited(text, changed(rows, MOVER, ""), rest, "mine"))


def test_a_bone_twice_a_needed_one_missing_and_one_that_is_not_there_are_told_at_their_rows() -> None:
    rest = skeleton("mh_mixamo")
    rows = map_editor.rows_of(resolve(load_preset(FILES["mixamo"]), rest))
    at = {row.part: i for i, row in enumerate(rows)}
    rows[at["left_hand"]] = Row("left_hand", rows[at["right_hand"]].bone)
    rows[at["hips"]] = Row("hips", "")
    rows[at["head"]] = Row("head", "no such bone")
    told = map_editor.problems(rows, rest.bone_names)
    assert told == {
        at["hips"]: "Needed, and without a bone: Hips",
        at["head"]: "The armature has no bone 'no such bone'",
        at["left_hand"]: "Bone 'mixamorig:RightHand' is picked for Left Hand and for Right Hand",
        at["right_hand"]: "Bone 'mixamorig:RightHand' is picked for Left Hand and for Right Hand",
    }


def test_a_rig_that_is_not_recognised_begins_with_what_names_tell_and_can_be_mapped_by_hand(tmp_path: Path) -> None:
    rest = skeleton("mh_mixamo")
    matrices, knee = rest.matrices.copy(), rest.index("mixamorig:LeftLeg")
    below = [i for i in range(len(rest)) if knee in (i, *rest.ancestors(i))]
    matrices[below, :3, 3] += 0.6 * (rest.heads[rest.index("mixamorig:LeftUpLeg")] - rest.heads[knee])  # a stump
    names = tuple(name.replace("LeftUpLeg", "骨 7").replace("LeftLeg", 'B"9') for name in rest.bone_names)
    odd = replace(rest, bone_names=names, matrices=matrices)
    with pytest.raises(RigError):
        recognise(odd, CHOICES)
    rows = map_editor.rows_by_name(odd)
    found = {row.part: row.bone for row in rows}
    assert (found["left_upper_arm"], found["hips"], found["left_thigh"]) == ("mixamorig:LeftArm", "mixamorig:Hips", "")
    assert {rows[i].part for i in map_editor.problems(rows, odd.bone_names)} == {"left_thigh", "left_shin"}
    rows = changed(changed(rows, "left_thigh", "mixamorig:骨 7"), "left_shin", 'mixamorig:B"9')
    assert map_editor.problems(rows, odd.bone_names) == {}
    now = fitted(map_editor.edited("", rows, odd, "mine"), odd, tmp_path)
    assert (now.name, now.bones["left_thigh"], now.bones["left_shin"]) == (
        "mine",
        ("mixamorig:骨 7",),
        ('mixamorig:B"9',),
    )
    assert set(REQUIRED) <= now.bones.keys() <= set(PARTS)
    assert now.twists == {}
    assert not now.landmarks
