"""Rigs and presets at the border: what is refused, and in which words."""

from dataclasses import replace

import numpy as np
import pytest

from video_to_armature.addon.retarget import bone_map
from video_to_armature.addon.retarget.bone_map import load_preset, presets, resolve, unmapped
from video_to_armature.addon.retarget.landmarks import rest_landmarks
from video_to_armature.addon.retarget.recognise import recognise
from video_to_armature.lifter.contract.protocol import PresetError, RigError

from .bodies import ALL_RIGS, PRESETS, mixamo, quaternius, rest_from_json, rigify


def renamed(rest, change):
    return replace(rest, bone_names=tuple(change(name) for name in rest.bone_names))


def test_bundled_presets_fit_their_rigs_and_are_found_by_themselves():
    for rig, name in ((mixamo, "mixamo"), (rigify, "rigify")):
        rest, bones = rig()
        found = recognise(rest, presets(PRESETS))
        assert found.map == bones
        assert found.map.name == name
        assert found.sureness == 1.0


@pytest.mark.parametrize(
    "change",
    [
        lambda n: n.replace("mixamorig:", ""),
        lambda n: n.replace("mixamorig:", "mixamorig7:"),
        lambda n: n.replace("mixamorig:", "mixamorig_"),
        lambda n: n.replace("mixamorig:", "Anna:mixamorig:"),
        str.upper,
        str.lower,
    ],
)
def test_prefixes_and_case_do_not_matter(change):
    rest, bones = mixamo()
    found = recognise(renamed(rest, change), presets(PRESETS))
    assert found.sureness == 1.0
    assert found.map.bones == {part: tuple(map(change, names)) for part, names in bones.bones.items()}


def test_a_missing_required_bone_is_named_with_the_nearest_one():
    rest, _ = mixamo()
    broken = renamed(rest, lambda n: n.replace("LeftForeArm", "LeftForArm").replace("RightLeg", "Bone.001"))
    with pytest.raises(PresetError, match=r"'LeftForeArm' \(nearest is 'mixamorig:LeftForArm'\).*'RightLeg'"):
        resolve(load_preset(PRESETS / "mixamo.toml"), broken)


def test_without_presets_there_is_nothing_to_choose():
    with pytest.raises(PresetError, match="no presets"):
        recognise(quaternius()[0], [])


def test_optional_bones_may_lack_and_chains_may_be_shorter():
    rest, bones = mixamo()
    gone = ("LeftToeBase", "Neck", "Spine2", "RightShoulder")
    fewer = renamed(rest, lambda n: n + "_old" if n.endswith(gone) else n)
    found = resolve(load_preset(PRESETS / "mixamo.toml"), fewer)
    assert set(bones.bones) - set(found.bones) == {"left_toe", "neck", "right_clavicle"}
    assert found.bones["spine"] == ("mixamorig:Spine", "mixamorig:Spine1")


def test_bones_that_nothing_drives_are_told():
    rest, bones = mixamo()
    left_over = unmapped(bones, rest)
    assert len(left_over) == 30  # fifteen finger bones a hand
    assert all("Hand" in name for name in left_over)
    rest, bones = rigify()
    assert unmapped(bones, rest) == ()  # the basic human has no fingers, and Rigify moves the rest


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("bones = 3", "'bones' must be a table"),
        ("[bones]\nhips = 3", "'hips' must be a bone name"),
        ("[bones]\nhip = 'Hips'", "no part 'hip', nearest is 'hips'"),
        ("[bones]\nhips = 'Hips'", "lacks left_upper_arm"),
        ("speed = 1", "unknown entry 'speed'"),
        ("settings = [{ bone = 'a' }]", "'settings' must be a list of"),
        ("name = [", "not a TOML file"),
    ],
)
def test_broken_presets_are_refused_in_words(tmp_path, text, told):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(PresetError, match=told) as refusal:
        load_preset(path)
    assert "mine.toml" in str(refusal.value)


def test_a_preset_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(PresetError, match=r"nowhere\.toml: cannot be read"):
        load_preset(tmp_path / "nowhere.toml")
    assert presets(tmp_path) == ()


def test_one_bone_for_two_parts_is_refused():
    rest, _ = mixamo()
    preset = load_preset(PRESETS / "mixamo.toml")
    twice = replace(preset, bones={**preset.bones, "neck": ("Head",)})
    with pytest.raises(PresetError, match="'mixamorig:Head' stands for neck and for head"):
        resolve(twice, rest)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"world_from_armature": np.diag([1.0, 2, 1, 1])}, "scaled differently"),
        ({"world_from_armature": np.diag([-1.0, 1, 1, 1])}, "mirrored"),
        ({"world_from_armature": np.zeros((4, 4))}, "mirrored or flattened"),
        ({"matrices": np.zeros((52, 4, 4))}, "rest matrix of bone 'mixamorig:Hips'"),
        ({"parents": (0,) * 52}, "parent of 'mixamorig:Hips'"),
        ({"connected": ()}, "connected has 0 entries for 52 bones"),
        ({"rotation_modes": ("EULER",) * 52}, "rotation mode 'EULER'"),
    ],
)
def test_rigs_that_cannot_be_used_are_refused(change, told):
    rest, _ = mixamo()
    with pytest.raises(RigError, match=told):
        replace(rest, **change)


def test_a_map_of_bones_in_one_place_is_refused():
    rest, bones = mixamo()
    wrong = replace(bones, bones={**bones.bones, "left_shin": bones.bones["left_thigh"]})
    with pytest.raises(RigError, match="start in one place"):
        rest_landmarks(rest, wrong)


def test_reparenting_in_a_circle_is_refused():
    rest = rest_from_json("mh_mixamo")
    with pytest.raises(RigError, match="its own ancestor"):
        rest.with_parents({"mixamorig:Hips": "mixamorig:Head"})


@pytest.mark.parametrize("rig", ALL_RIGS)
def test_landmarks_make_an_upright_person_facing_minus_y(rig):
    rest, bones = ALL_RIGS[rig]()
    marks = rest_landmarks(rest.with_parents(bones.parents), bones)
    at = marks.joint
    assert np.allclose(marks.up, [0, 0, 1], atol=1e-6)
    assert at("left_hip")[0] > at("right_hip")[0]
    assert at("nose")[1] < at("left_ear")[1]
    for side in ("left", "right"):
        assert at(f"{side}_toe")[1] < at(f"{side}_heel")[1] - 0.05
        assert abs(at(f"{side}_toe")[2] - at(f"{side}_heel")[2]) < 1e-6
        assert at(f"{side}_heel")[2] < at(f"{side}_ankle")[2]
    assert 1.2 < at("head_top")[2] < 2.2


def test_presets_name_only_known_words():
    for preset in presets(PRESETS):
        assert set(preset.bones) <= set(bone_map.PARTS)
        assert set(preset.landmarks) <= set(bone_map.LANDMARKS)
