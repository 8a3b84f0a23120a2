"""In every Blender: enabling and disabling, a motion on two kinds of rig, and what the exports hold."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from .conftest import ROOT, SCRIPTS, VERSIONS, Outcome, python_of, run

Script = Callable[..., Outcome]
RADIANS = {"mixamo": 1e-3, "rigify": 1e-2}  # a control rig's limbs bend in the plane of their hinges
METRES = 1e-3
AGREE_M = 1e-4
KINDS = ("mixamo", "rigify")

_applied: dict[tuple[str, str], tuple[Outcome, Path]] = {}


@pytest.fixture(scope="session")
def applied(
    motion_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, str], tuple[dict[str, Any], Path]]:
    """applied(version, kind): what apply.py found and the folder it wrote, run once a session."""

    def get(version: str, kind: str) -> tuple[dict[str, Any], Path]:
        if (version, kind) not in _applied:
            folder = tmp_path_factory.mktemp(f"{kind}-{version}")
            arguments = [SCRIPTS / "apply.py", kind, motion_file, folder]
            _applied[version, kind] = run(python_of(version), arguments, folder / "home"), folder
        outcome, folder = _applied[version, kind]
        assert outcome.code == 0, outcome.stderr[-3000:]
        assert not outcome.own_warnings
        return outcome.result, folder

    return get


def test_enables_disables_and_enables_again(script: Script, extension_zip: Path) -> None:
    outcome = script("register.py", extension_zip)
    found = outcome.result
    assert found["enabled"]
    assert found["again"]
    assert found["has_settings"]
    assert {"V2A_PT_main", "V2A_OT_start", "V2A_OT_export"} <= set(found["classes"])
    assert {"auto", "mixamo", "rigify", "FILE"} <= set(found["presets"])
    assert found["flags"] == {"person": "largest", "smooth-hz": "8"}
    assert found["more_flags"] == {"person": "2", "smooth-hz": "8", "hfov": "60", "end": "2.5"}
    assert found["tall"] == "1.75"  # metres in any scene
    assert found["narrow"] == "5"
    assert found["wide"] == "150"
    assert found["players"] == [None, "copy", None]
    assert found["left_over"] == []
    assert found["handlers"] == []
    assert not outcome.own_warnings


def test_ends_well_in_the_middle_of_a_run(script: Script, extension_zip: Path, tmp_path: Path) -> None:
    # a timer left registered at exit crashes 4.2 and hangs 4.5; a worker left alone would run on for an hour
    assert script("leave.py", extension_zip, sys.executable, tmp_path).result == {"timers": 1}
    worker = int((tmp_path / "pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)


def test_updated_and_uninstalled_over_a_running_job(script: Script, extension_zip: Path, tmp_path: Path) -> None:
    outcome = script("lifecycle.py", extension_zip, sys.executable, tmp_path)
    found = outcome.result
    assert "Traceback" not in outcome.stderr
    assert (found["enabled"], found["there"], found["settings"]) == (True, True, "auto")
    assert found["updated"] == [True, False, False, 0]  # enabled anew, the worker gone
    assert found["violations"] == []
    assert found["uninstalled"] == [False, False, False, False]
    assert (found["left"], found["timers"]) == ([], [])


@pytest.mark.parametrize("kind", KINDS)
def test_limbs_point_as_the_persons_do(version: str, kind: str, applied: Any) -> None:
    found, _ = applied(version, kind)
    assert len(found["limb_errors"]) == 8
    assert max(found["limb_errors"].values()) < RADIANS[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_report_tells_what_was_done(version: str, kind: str, applied: Any) -> None:
    found, folder = applied(version, kind)
    report = found["report"]
    assert (report["exit_code"], report["error"], report["warnings"]) == (0, None, [])
    assert (report["frames"], report["fps"], report["preset"]) == (45, 30.0, kind)
    assert len(report["bones_mapped"]) == 22
    formats = ["fbx", "glb", "bvh", "usd"] if kind == "mixamo" else ["fbx"]
    assert list(report["seconds"]) == ["rig", "apply", *formats, "save"]
    assert report["outputs"] == [str(folder / f"out.{suffix}") for suffix in (*formats, "blend")]
    assert found["fps"] == 30.0
    assert found["hips_travel"] > 1.0  # 1.1 m a second for 1.5 s


@pytest.mark.parametrize("kind", KINDS)
def test_fbx_brings_the_motion_back(version: str, kind: str, applied: Any) -> None:
    found, _ = applied(version, kind)
    assert found["fbx_error"] < METRES
    assert np.allclose(found["fbx_scale"], 1.0, atol=1e-6)  # 100 is what engines stumble over
    assert len(found["fbx_actions"]) == 1
    assert found["fbx_leaves"] == []


def test_other_formats_bring_the_motion_back(version: str, applied: Any) -> None:
    errors = applied(version, "mixamo")[0]["other_errors"]
    assert set(errors) == {"glb", "bvh", "usd"}
    assert max(errors.values()) < METRES


@pytest.mark.parametrize("kind", KINDS)
def test_saved_file_holds_the_motion(version: str, kind: str, applied: Any) -> None:
    assert applied(version, kind)[0]["blend_error"] < 1e-6


@pytest.mark.parametrize("kind", KINDS)
def test_versions_agree(kind: str, applied: Any) -> None:
    there = [v for v in VERSIONS if python_of_or_none(v)]
    assert len(there) > 1, "needs two Blenders"
    poses = {v: np.load(applied(v, kind)[1] / "heads.npz")["heads"] for v in there}
    first = poses[there[0]]
    for version, heads in poses.items():
        assert np.abs(heads - first).max() < AGREE_M, version


def python_of_or_none(version: str) -> Path | None:
    try:
        return python_of(version)
    except pytest.skip.Exception:
        return None


@pytest.fixture(scope="session")
def edge_motions(motion_file: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("edges")
    python = python_of("4.5")
    for name, *options in (("gap.npz", "--gap", "--frames", "60"), ("ntsc.npz", "--fps", "29.97")):
        assert run(python, [SCRIPTS / "synthetic.py", folder / name, *options], folder / "home").code == 0
    return [motion_file, folder / "gap.npz", folder / "ntsc.npz"]


def test_rotation_modes_gaps_rates_and_earlier_work(script: Script, edge_motions: list[Path]) -> None:
    outcome = script("edges.py", *edge_motions)
    found = outcome.result
    assert not outcome.own_warnings
    for mode in ("XYZ", "ZXY", "AXIS_ANGLE"):
        assert found[f"mode {mode}"] < 1e-5, mode
    for mode in ("XYZ", "ZXY"):
        assert found[f"jump {mode}"] < 1.0, f"{mode} turns over"
    assert found["keys in gap"] == 0
    assert found["keys outside"] == [16, 24]
    assert found["markers"] == [[17, "mh_mixamo: body unknown for 0.7 s"]]
    assert found["markers after a whole motion"] == 0
    assert found["fresh scene"] == [pytest.approx(29.97, abs=1e-6), pytest.approx(29.97, abs=1e-6), []]
    scene_fps, fps, frames, [warning] = found["busy scene"]
    assert (scene_fps, fps, frames) == (24, 24, 36)  # 1.5 s either way
    assert "24" in warning
    assert found["busy scene, end"] < 0.05  # frame 36 is 8 ms before the clip's last one
    assert found["clip's rate asked for"] == [30, 45, []]
    assert found["user's action kept"]
    assert found["actions after applying again"] == ["my work", "walk"]
    assert found["name stays"]
    position, [warning] = found["rest position"]
    assert position == "POSE"
    assert "Rest Position" in warning
    assert found["rest position, moves"] < 1e-6
    for way in ("Collection hide_viewport", "LayerCollection hide_viewport", "LayerCollection exclude"):
        told, written = found[way]
        assert told.startswith("'mh_mixamo' is in a hidden or excluded collection"), way
        assert not written
    assert found["shown again"]
    rates = {key: found[f"rate beside {key}"] for key in ("shape key", "material", "light")}
    assert rates == {"shape key": 24, "material": 24, "light": 24}
    assert found["rate beside not in the scene"] == found["rate beside own strip"] == 30
    assert found["hand-posed"] < 1e-6
    assert found["finger left as posed"]
    assert found["export from pose mode"] == [True, "POSE", True]


def test_several_people_play_on_copies(script: Script, edge_motions: list[Path]) -> None:
    found = script("edges.py", *edge_motions).result
    assert found["people"] == found["meshes follow"] == ["mh_mixamo", "mh_mixamo.001", "mh_mixamo.002"]
    assert found["third as first"] < 1e-6
    assert found["second beside first"] < 1e-5
    assert found["actions"] == 3
    assert found["range"] == [1, 60]
    assert found["too few named"].startswith("2 armatures are named for 3 people")
    assert "tweak mode" in found["tweak mode"]


def test_export_presets_say_only_what_differs() -> None:
    from video_to_armature.addon import export

    assert export.preset_names() == ["generic", "unity", "unreal"]
    generic = export.load_preset("generic")
    for name, label in (("unity", "Unity"), ("unreal", "Unreal")):
        preset = export.load_preset(name)
        assert preset["label"] == label
        assert {kind: preset[kind] for kind in ("glb", "bvh", "usd")} == {
            kind: generic[kind] for kind in ("glb", "bvh", "usd")
        }
        changed = {key for key, value in preset["fbx"].items() if generic["fbx"].get(key) != value}
        assert changed - {"mesh_smooth_type"} == {"object_types", "use_armature_deform_only"}
    assert preset["fbx"]["mesh_smooth_type"] == "FACE"


def test_root_package_imports_nothing() -> None:
    source = (ROOT / "__init__.py").read_text("utf-8")
    assert not [line for line in source.splitlines() if line.startswith(("import ", "from "))]


def test_each_person_is_exported_with_their_own_motion(
    script: Script, edge_motions: list[Path], tmp_path: Path
) -> None:
    # 4.2's glTF exporter binds every action of the file to the armature unless told not to
    found = script("people.py", *edge_motions[:2], tmp_path).result
    assert found["code"] == 0
    assert found["apart"] > 0.1
    assert len(found["errors"]) == 4
    assert max(found["errors"].values()) < METRES
