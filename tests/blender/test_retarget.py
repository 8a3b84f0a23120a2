"""In every Blender: who takes the path, contacts that the animator edits, maps of one's own, rigs that are refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import ROOT, Outcome

Script = Callable[..., Outcome]
RIG = ROOT / "demo" / "mh_mixamo.fbx"
_found: dict[str, dict[str, Any]] = {}


@pytest.fixture
def found(version: str, script: Script, motion_file: Path, tmp_path: Path) -> dict[str, Any]:
    """What scripts/retarget.py found, run once for each Blender."""
    if version not in _found:
        outcome = script("retarget.py", motion_file, tmp_path)
        assert not outcome.own_warnings
        _found[version] = outcome.result
    return _found[version]


def test_the_object_takes_the_path_and_comes_home_before_the_next_run(found: dict[str, Any]) -> None:
    assert found["root object"] < 1e-5
    assert found["root object keys on the object"] == [0, 1, 2]
    assert found["root in place end"] > 1.0  # the walk goes 1.6 m, in place it does not
    assert found["root in place keys on the object"] == []
    assert [found[f"root {root} told"] for root in ("object", "in place")] == ["object", "in place"]


def test_rigifys_root_carries_the_rig(found: dict[str, Any]) -> None:
    assert found["rigify root"] < 1e-5
    assert found["rigify root goes"] > 1.0
    assert found["rigify root warnings"] == found["rigify hips warnings"] == []


def test_the_person_begins_at_the_cursor_and_looks_as_chosen(found: dict[str, Any]) -> None:
    x, y, _ = found["hips across"]
    assert x > 0.1
    assert abs(y) < 1e-4
    assert found["at the cursor"][2] == pytest.approx(0.5, abs=1e-3)


def test_contacts_are_curves_that_can_be_edited_and_refitted_by(found: dict[str, Any]) -> None:
    assert found["contacts"] == [f'["v2a_{s}_{p}"]' for s in ("left", "right") for p in ("hand", "heel", "toe")]
    assert found["interpolation"] == ["CONSTANT"]
    assert found["contact keys"] == [1] * 6
    assert found["refit moves"] > 0.002
    assert found["refit elsewhere"] < 1e-6
    assert found["planted cm/s"] < 1.0 < found["loose cm/s"]
    assert found["refit slides"]["left"]["after"] < 1.0 < found["refit slides"]["left"]["before"]
    assert found["contacts kept"] in (
        [3, 3, 1, 1, 1, 1],
        [2, 2, 1, 1, 1, 1],
    )  # two where the stand begins with the clip
    assert found["actions"] == ["walk"]
    loose, held = found["hand m"]
    assert held < 1e-4 < 1e-3 < loose
    assert "no contacts to refit by. Apply a motion" in found["nothing to refit"]


def test_a_bvh_file_stands_as_the_turned_rig_does(found: dict[str, Any]) -> None:
    assert found["turned bvh"] < 1e-3
    assert found["as it was"] < 1e-6


def test_a_map_of_ones_own_is_found_again(found: dict[str, Any]) -> None:
    before, after, name, sureness, same = found["own map"]
    assert (before, after, name, same) == ("bone names", "preset", "mine", True)
    assert sureness == 1.0
    assert found["own map by name"] == "sure (100 %): chosen preset mine"
    assert found["listed"]
    assert found["report"] == ["sure (100 %): preset mine", 1.0, True]
    assert found["table"] == {"hips": "b0"}


def test_what_works_against_keys_is_told(found: dict[str, Any]) -> None:
    assert [w.split(":")[0] for w in found["concerns"][:3]] == ["constraints on mixamorig", "drivers on mixamorig",
                                                                 "locked channels on mixamorig"]  # fmt: skip
    for bone, line in zip(("LeftArm", "Head", "Spine"), found["concerns"]):
        assert f"mixamorig:{bone}:" in line


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("no armature", ("holds no armature", "Give a rig")),
        ("two armatures", ("holds 2 armatures: 'mh_mixamo', 'other'", "Name one")),
        ("a mesh", ("is a mesh, not an armature",)),
        ("missing arms", ("mh_mixamo", "not recognised as a humanoid", "upper arm")),
        ("no length", ("'mixamorig:LeftUpLeg' has no length", "edit mode")),
        ("mirrored", ("negative or zero scale", "Apply the scale")),
        ("no root bone", ("no bone above 'mixamorig:Hips'", "hips or the object")),
        ("no such preset", ("nothing: no such preset file", "mixamo")),
        ("broken motion", ("must be finite",)),
        ("chest of drawers", ("chest of drawers", "not recognised as a humanoid")),
        ("horse", ("horse", "not recognised as a humanoid", "arms above legs")),
        ("spider", ("spider", "not recognised as a humanoid", "arms above legs")),
        ("linked", ("is linked from", "library override")),
        ("only an instance", ("only shown by 'shown'", "library override")),
    ],
)
def test_what_cannot_be_animated_is_told_in_one_line_and_left_alone(
    found: dict[str, Any], what: str, words: tuple[str, ...]
) -> None:
    told, same = found[f"refused {what}"]
    assert "\n" not in told
    for word in words:
        assert word in told
    assert same


def test_an_override_takes_the_motion(found: dict[str, Any]) -> None:
    assert found["override"] == [45, True]


@pytest.mark.parametrize("version", ["4.2", "5.2"], indirect=True)
def test_the_command_line_writes_a_map_and_takes_the_choices(
    batch: Callable[..., Outcome], motion_file: Path, tmp_path: Path
) -> None:
    own, report = tmp_path / "own.toml", tmp_path / "o.json"
    outcome = batch("--rig", RIG, "--map-out", own)
    assert outcome.code == 0, outcome.stderr[-2000:]
    assert 'left_upper_arm = "mixamorig:LeftArm"' in own.read_text()
    choices = (
        "--root",
        "object",
        "--place",
        "1,2,0",
        "--facing",
        "90",
        "--left-foot",
        "always",
        "--right-foot",
        "never",
    )
    outcome = batch("--rig", RIG, "--motion", motion_file, "--preset", own, "--report", report, *choices)
    assert outcome.code == 0, outcome.stderr[-2000:]
    told = json.loads(report.read_text())
    assert told["recognised"] == "sure (100 %): chosen preset own"
    assert told["people"][0]["root"] == "object"
    assert list(told["people"][0]["slides"]) == ["left"]
    for wrong, words in (
        (("--place", "there"), "place 'there' is not known"),
        (("--root", "feet"), "--root"),
        (("--map-out", tmp_path / "map.txt"), "must end in .toml"),
    ):
        refused = batch("--rig", RIG, "--motion", motion_file, "--report", tmp_path / "p.json", *wrong)
        assert refused.code == 2
        assert words in refused.error
    assert batch("--rig", RIG, "--report", tmp_path / "p.json").code == 2  # nothing to apply, nothing asked of the rig
    assert batch("--rig", RIG, "--map-out", own).code == 7  # it is there already
