"""In every Blender: a rig whose objects are scaled leaves at object scale 1, in the same place, and is itself as before."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import SCRIPTS, Outcome, python_of, run

METRES = 1e-3
SCALE = 1e-5  # of an object, from 1

_found: dict[str, Outcome] = {}


@pytest.fixture
def found(version: str, motion_file: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What scaled.py found in this version, run once a session."""
    if version not in _found:
        folder = tmp_path_factory.mktemp(f"scaled-{version}")
        _found[version] = run(python_of(version), [SCRIPTS / "scaled.py", motion_file, folder], folder / "home")
    outcome = _found[version]
    assert outcome.code == 0, outcome.stderr[-3000:]
    assert not outcome.own_warnings
    return outcome.result


@pytest.mark.parametrize("kind", ["fbx", "glb", "usd"])
def test_objects_have_scale_1_and_are_where_they_were(found: dict[str, Any], kind: str) -> None:
    came = found["one"][kind]
    assert came["scale"] < SCALE
    assert came["heads"] < METRES
    assert came["vertices"] < METRES
    assert came["volume"] == pytest.approx(1, abs=1e-4)  # a mirrored mesh is not turned inside out


@pytest.mark.parametrize("kind", ["fbx", "glb"])
def test_names_are_the_originals(found: dict[str, Any], kind: str) -> None:
    came = found["one"][kind]
    assert set(came["objects"]) - {"Icosphere"} == {"mh_mixamo", "mh_mixamo_body", "prop"}
    assert came["data"] == ["mh_mixamo", "mh_mixamo_body"]
    assert "stroll" in came["action"]


def test_the_fbx_file_says_so_itself(found: dict[str, Any]) -> None:
    assert set(found["written"]) == {"generic", "unity", "unreal"}
    for scale, unit in found["written"].values():
        assert scale < SCALE
        assert unit == pytest.approx(100)  # metres; engines turn them into their own


@pytest.mark.parametrize("kind", ["fbx", "glb"])
def test_takes_have_scale_1_too(found: dict[str, Any], kind: str) -> None:
    assert set(found["takes"][kind]) == {"long", "short"}
    for heads, scale in (*found["takes"][kind].values(), found["together"][kind]):
        assert heads < METRES
        assert scale < SCALE


def test_a_linked_rig_leaves_at_scale_1(found: dict[str, Any]) -> None:
    heads, scale = found["override"]
    assert heads < METRES
    assert scale < SCALE


def test_an_objects_path_is_walked_in_every_format(found: dict[str, Any]) -> None:
    # BVH knows no objects: its bones walk; glTF's exporter does not look above the armature
    assert set(found["walked"]) == {"fbx", "glb", "usd", "bvh", "carried fbx", "carried glb"}
    assert max(found["walked"].values()) < METRES


def test_the_scene_is_as_it_was(found: dict[str, Any]) -> None:
    assert len(found["as it was"]) == 15
    assert [what for what, same in found["as it was"].items() if not same] == []
    assert "no_such_option" in found["failure"]


def test_what_keeps_its_scale_is_told(found: dict[str, Any]) -> None:
    assert found["warnings"] == []
    [uneven] = found["uneven"]
    assert uneven.startswith("the file keeps the object scale of 'mh_mixamo': it is uneven or mirrored")
    [measured] = found["measured"]
    assert measured.startswith("the file keeps the object scale of 'prop'")
    assert found["kept scale"] == ["prop"]


def test_the_command_line_tells_it(batch: Callable[..., Outcome], motion_file: Path, tmp_path: Path) -> None:
    rig = tmp_path / "thick.blend"
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); from common import *; load_package();"
        "from video_to_armature.addon import rig_file; rig_file.open_rig(RIG); armature().scale = (2, 2, 2);"
        "armature().children[0].modifiers.new('Shell', 'SOLIDIFY');"
        "bpy.ops.wm.save_as_mainfile(filepath=sys.argv[2]); hand_back()"
    )
    made = run(python_of("4.5"), ["-c", script, SCRIPTS, rig], tmp_path / "made")
    assert made.code == 0, made.stderr[-2000:]
    outcome = batch("--motion", motion_file, "--rig", rig, "--glb", tmp_path / "o.glb", "--report", tmp_path / "o.json")
    assert outcome.code == 0, outcome.stderr[-2000:]
    said = "the file keeps the object scale of 'mh_mixamo_body'"
    assert said in outcome.stdout
    assert said in (tmp_path / "o.json").read_text("utf-8")
