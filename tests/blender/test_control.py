"""In every Blender: which limbs, frames and actions the keys go to, how few there may be, and that all else is left alone."""

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
oldest_and_newest = pytest.mark.parametrize("version", ["4.2", "5.2"], indirect=True)


@pytest.fixture
def found(version: str, script: Script, motion_file: Path, tmp_path: Path) -> dict[str, Any]:
    """What scripts/control.py found, run once for each Blender."""
    if version not in _found:
        outcome = script("control.py", motion_file, tmp_path)
        assert not outcome.own_warnings
        _found[version] = outcome.result
    return _found[version]


@pytest.mark.parametrize(
    ("how", "once", "again"),
    [
        ("auto", [["mine", "walk"], "walk", [], 1, 60], [["mine", "walk"], "walk", [], 1, 145]),
        ("new", [["mine", "walk"], "walk", [], 1, 60], [["mine", "walk", "walk.001"], "walk.001", [], 1, 145]),
        ("replace", [["mine"], "mine", [], 1, 60], [["mine"], "mine", [], 1, 145]),
        (
            "strip",
            [["mine", "walk"], None, ["mine", "walk"], 1, 60],
            [["mine", "walk", "walk.001"], None, ["mine", "walk", "walk"], 1, 145],
        ),
    ],
)
def test_the_animators_own_keys_live_on(found: dict[str, Any], how: str, once: list[Any], again: list[Any]) -> None:
    # of a finger, which no map turns; the thigh and the arm that the animator keyed as well play the capture
    assert found[how]["finger"] < 1e-4
    assert found[how]["body"] < 1e-4
    assert found[how]["state"] == once
    assert found[how]["again"] == again
    assert found[how]["mine"] == ([2] if how != "replace" else [1, 2, 45])  # 1: contacts
    assert found["two strips"] < 1e-6
    assert found["another clip"] == [["run", "walk"], "run", True]
    assert found["auto after replace"] == [["mine", "walk"], "walk"]


def test_only_the_chosen_limbs_get_keys(found: dict[str, Any]) -> None:
    sides = ("Left", "Right")
    arms = [f"{side}{part}" for side in sides for part in ("Arm", "ForeArm", "Hand", "Shoulder")]
    legs = [f"{side}{part}" for side in sides for part in ("Foot", "Leg", "UpLeg")]
    for limbs, bones in (
        ("arms,head", sorted(["Head", "Neck", *arms])),
        ("legs", sorted(legs)),
        ("root", ["Hips"]),
        ("trunk", ["Hips", "Spine", "Spine1", "Spine2"]),
    ):
        told = found[limbs]
        assert told["moved"] == [f"mixamorig:{bone}" for bone in bones]
        assert told["other"] == (["mixamorig:Hips"] if limbs in ("root", "trunk") else [])  # half of its keys each
        assert set(told["figures"]) <= set(told["moved"])
        assert (told["missing"], told["warnings"]) == ([], [])
        assert told["contacts"] == (limbs == "legs")
    arm_later, thigh, no_key_more, start, end = found["arms over a capture"]
    assert max(arm_later, thigh) < 1e-6
    assert no_key_more
    assert (start, end) == (1, 55)


def test_frames_start_and_speed(found: dict[str, Any]) -> None:
    frames, start, end, off = found["trim"]
    assert (frames, start, end) == (20, 1001, 1020)
    assert off < 1e-3  # a shorter capture tells the length of the legs a little differently
    assert found["fast"] == [23, pytest.approx(0, abs=1e-5)]  # every second frame of the capture, exactly
    assert found["slow"] == [89, pytest.approx(0, abs=1e-5)]


@pytest.mark.parametrize("mode", ["QUATERNION", "XYZ", "AXIS_ANGLE"])
def test_fewer_keys_stay_within_the_bound(found: dict[str, Any], mode: str) -> None:
    # measured in Blender at each frame, against every frame keyed
    told = found[f"fewer {mode}"]
    assert told["off"] <= 0.5 + 1e-3
    assert told["off_m"] <= 0.002 + 1e-6
    keys = told["told"]
    assert keys["written"] == told["counted"] < 0.35 * keys["of"]
    assert keys["most_deg"] == pytest.approx(told["off"], abs=1e-3)
    assert keys["most_m"] == pytest.approx(told["off_m"], abs=1e-5)


def test_contacts_on_a_strip_are_refitted_in_place(found: dict[str, Any]) -> None:
    before, after, far = found["refit on a strip"]
    assert after < 1.0 < before  # cm/s
    assert far < 1e-5
    assert found["strips after it"] == [1, 1, 89]


def test_a_part_of_a_moving_shot_stays_in_its_place(found: dict[str, Any]) -> None:
    assert max(found[key] for key in ("refit of a part", "as people", "refit of people")) < 1e-5


def test_an_override_takes_all_but_what_is_linked(found: dict[str, Any]) -> None:
    told = found["linked action"]
    assert "\n" not in told
    assert told.startswith("action 'mine' of armature 'mh_mixamo' is linked from ")
    assert told.endswith("Choose a new action or an NLA strip.")
    for how in ("new", "strip", "auto"):
        assert found[f"override {how}"] < 1e-3
    assert found["override, file opened again"] < 1e-3
    assert found["override refitted"] == 45


@oldest_and_newest
def test_the_command_line_takes_it_all(batch: Callable[..., Outcome], motion_file: Path, tmp_path: Path) -> None:
    report = tmp_path / "o.json"
    start = ("--rig", RIG, "--motion", motion_file, "--report", report, "--overwrite")
    outcome = batch(
        *start, "--limbs", "arms,left-leg", "--frames", "11-30", "--start-frame", "1001", "--speed", "0.5",
        "--frame-rate", "25", "--action", "strip", "--reduce", "0.5", "--reduce-m", "0.002",
    )  # fmt: skip
    assert outcome.code == 0, outcome.stderr[-2000:]
    assert "keys written" in outcome.stdout
    [person] = json.loads(report.read_text())["people"]
    assert person["limbs"] == ["left arm", "right arm", "left leg"]
    assert (person["fps"], person["frame_start"], person["frames"]) == (25.0, 1001, 32)  # 19/30 s, twice as slow, at 25
    assert person["keys"]["written"] < person["keys"]["of"]
    assert 0 < person["keys"]["most_deg"] <= 0.5
    for wrong, words in (
        (("--limbs", "tail"), "limb 'tail' is not known"),
        (("--frames", "30-11"), "frames 30 to 11"),
        (("--frames", "x"), "--frames"),
        (("--frames", "99-"), "the motion has 45"),
        (("--speed", "0"), "speed 0"),
        (("--frame-rate", "fast"), "--frame-rate"),
        (("--reduce", "-1"), "must be 0 or more"),
    ):
        refused = batch(*start, *wrong)
        assert refused.code == 2, wrong
        assert words in refused.error
