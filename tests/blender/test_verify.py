"""In every Blender: the comparison with the video, marks of unsure stretches, and captures that stay with the .blend."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from .conftest import ROOT, Outcome


def test_the_camera_sees_the_skeleton_where_the_film_shows_it(script: Callable[..., Outcome]) -> None:
    outcome = script("verify.py", ROOT / "demo" / "walk.mp4")
    found = outcome.result
    assert not outcome.own_warnings
    off = {name: value for name, value in found.items() if name.endswith("off, px")}
    assert len(off) == 6
    assert max(off.values()) < 0.05, off
    assert len(found["tubes"]) == 3
    assert max(found["tubes"]) < 0.02  # metres: about half the width of a tube
    assert (found["in the gap"], found["after the end"]) == (0, 0)
    assert found["film's frames"] == [1, 2, 3, 12, 30]  # 24 a second of a film with 30
    assert found["first frame of a later start"] == 1.5
    assert found["beyond the picture"] == [126, True]
    assert (found["people"], found["first as alone"]) == (2, 0.0)
    assert found["3000 frames, s"] < 3.0
    assert found["a frame of 3000, s"] < 0.05
    assert found["left"] == {}


def test_compare_marks_and_captures_by_the_panels_buttons(
    script: Callable[..., Outcome], extension_zip: Path, motion_file: Path, tmp_path: Path
) -> None:
    outcome = script("compare.py", extension_zip, motion_file, ROOT / "demo", tmp_path)
    found = outcome.result
    assert not outcome.own_warnings
    assert "Traceback" not in outcome.stderr
    assert found["grey"] == ["Nothing has been captured yet", found["sure"]]
    assert found["sure"].startswith("Nothing is marked")

    assert found["marks"] == [[16, "mh_mixamo: unsure left arm for 0.5 s"]]
    assert found["red keys"] == list(range(16, 32))
    assert found["steps"] == [16, 16, 16]  # onto it, no further, and back
    assert found["once more"] == found["marks"]

    assert found["saved"] == [["FINISHED"], True]
    assert found["opened motion"] == [["FINISHED"], 1, found["marks"]]
    assert found["its video"] == "walk.mp4"
    assert "saved.npz: not a video_to_armature.motion file" in found["no motion"]
    assert found["compare"] == [["FINISHED"], 5, "walk.mp4"]
    assert found["off, m"] < 1e-5
    assert found["back"] == [["FINISHED"], {}, False]

    assert found["twice as fast"] == [[11, "mh_mixamo: unsure left arm for 0.3 s"]]
    assert found["its film"] == [16, 18, 44]

    assert found["gone"] == [True, True]
    assert found["opened"] == [["FINISHED"], 45]
    assert found["video beside the file"] == "walk.mp4"
    assert found["another rig"] == [["FINISHED"], "other", 36]  # the importer set the scene to 24 a second
    assert found["seconds"] < 2.0
    assert found["no video"] == [["FINISHED"], 0]
    assert found["damaged"] == "Error: the motion kept in this file is damaged. Capture the video again."
