"""In every Blender: Rigify's human by FK keys, by IK keys and by both; what deforms stands alike."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import ROOT, Outcome

FK_M, IK_M, IK_DEG = 1e-5, 1e-4, 0.1
HEADS, ENDS = 0, 1
_found: dict[str, dict[str, Any]] = {}


@pytest.fixture
def found(version: str, script: Callable[..., Outcome], motion_file: Path, tmp_path: Path) -> dict[str, Any]:
    """What scripts/controls.py found, run once for each Blender."""
    if version not in _found:
        outcome = script("controls.py", motion_file, tmp_path)
        assert not outcome.own_warnings
        _found[version] = outcome.result
    return _found[version]


def both_sides(*names: str) -> set[str]:
    return {f"{name}.{side}" for name in names for side in "LR"}


FK = both_sides("upper_arm_fk", "forearm_fk", "hand_fk", "thigh_fk", "shin_fk", "foot_fk")
IK = both_sides("hand_ik", "foot_ik", "upper_arm_ik_target", "thigh_ik_target")


def test_ik_stands_as_fk_does(found: dict[str, Any]) -> None:
    for root in ("hips", "root"):
        heads, ends, _ = found[f"ik {root}"][0]
        assert max(heads, ends) < IK_M
        heads, ends, degrees = found[f"both {root}"][0]
        assert max(heads, ends) < FK_M
        assert degrees < 1e-2
    assert max(found["switched over"][:2]) < IK_M
    assert found["switched over"][2] < IK_DEG
    assert max(found[f"ik {root}"][0][2] for root in ("hips", "root")) < IK_DEG


def test_switches_and_keys_are_those_asked_for(found: dict[str, Any]) -> None:
    keyed, switches, warnings = found["fk"]
    assert FK <= set(keyed)
    assert not IK & set(keyed)
    assert (switches, warnings) == ([1.0] * 4, [])
    assert (found["ik hips"][1:], found["both hips"][1:]) == ([[0.0] * 4, []], [[1.0] * 4, []])
    assert IK <= set(found["ik keyed"])
    assert not FK & set(found["ik keyed"])
    assert FK | IK <= set(found["both keyed"])
    keyed, switches = found["arms by ik"]
    assert set(keyed) == both_sides("hand_ik", "upper_arm_ik_target", "shoulder")
    assert switches == [0.0, 0.0, 0.0, 0.0]  # the legs' are as Rigify made them
    (heads, ends, _), same, switches = found["back to fk"]
    assert max(heads, ends) < FK_M
    assert same
    assert switches == [1.0] * 4


def test_a_rig_without_ik_controls_is_told_so(found: dict[str, Any]) -> None:
    kind, told, untouched = found["no controls"]
    assert kind == "RigError"
    assert told == "armature 'mh_mixamo': bone map 'mixamo' names no IK controls. Choose FK, or add [[ik]] to the map."
    assert untouched


def test_places_of_bones_without_local_location(found: dict[str, Any]) -> None:
    assert found["local location off"] < 1e-6


@pytest.mark.parametrize("version", ["5.2"], indirect=True)
def test_the_command_line_refuses_it_too(batch: Callable[..., Outcome], motion_file: Path, tmp_path: Path) -> None:
    start = ("--rig", ROOT / "demo" / "mh_mixamo.fbx", "--motion", motion_file, "--report", tmp_path / "o.json")
    assert batch(*start, "--controls", "ik").code == 6
    assert batch(*start, "--controls", "spline").code == 2
