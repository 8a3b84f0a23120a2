"""In every Blender: the panel's buttons on a captured motion, the choices they take, and why they are grey."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import ROOT, Outcome


def test_choices_refit_and_map_by_the_panels_buttons(
    script: Callable[..., Outcome], extension_zip: Path, motion_file: Path, tmp_path: Path
) -> None:
    outcome = script("choices.py", extension_zip, motion_file, ROOT / "demo" / "mh_mixamo.fbx", tmp_path)
    found = outcome.result
    assert not outcome.own_warnings
    assert "Traceback" not in outcome.stderr
    assert found["grey"] == [
        "Nothing has been captured yet", "Nothing has been captured yet", "Choose an armature",
        "No capture is running", "No capture is running",
        "The motion is not on an armature of this scene. Apply it first",
        "The motion is not on an armature of this scene. Apply it first",
    ]  # fmt: skip
    assert (found["apply"], found["refit"], found["saved"]) == (["FINISHED"], ["FINISHED"], ["FINISHED"])

    assert found["never"] == [{}, True, "sure (100 %): preset mixamo"]
    assert found["kept in the file"] == 45
    assert found["always"] == ["left"]
    assert found["cursor"] == pytest.approx([3.0, 1.0], abs=1e-4)
    x, y, _ = found["across"]  # left of right: whoever looks along +X has the left hand at +Y
    assert y > 0.1
    assert abs(x) < 1e-4
    walks, in_place = found["travels"]
    assert in_place < 0.05 < 1.0 < walks
    assert found["as before"] < 1e-6
    assert found["seconds"] < 2.0

    assert found["slides"].keys() == {"left"}
    assert found["slides"]["left"]["after"] < 1.0 < found["slides"]["left"]["before"]
    assert found["held, moves"] > 0.002
    assert found["elsewhere"] < 1e-6
    assert found["actions"] == ["walk"]
    assert found["keys"] == [["head", "left arm"], 20, True, ["walk", "walk"]]  # 40 frames, twice as fast
    assert found["undone"] == [True, True]
    assert found["redone"]
    assert "frames 43 to 42: give the first, from 1, and a last not before it." in found["no frames"]
    assert found["two refitted"] == [["FINISHED"], ["mh_mixamo", "mh_mixamo.001"]]

    assert found["chosen"] == ["my_ rig", True]
    told = found["told"]
    assert told[0].endswith("'my_ rig' already. Give another name or tick Overwrite.")
    assert [text.partition("cannot be named ")[2] for text in told[1:]] == [
        "'auto'. Give another name.", "'FILE'. Give another name.",
    ]  # fmt: skip
    assert found["over"] == ["FINISHED"]
    assert found["by my map"] == "sure (100 %): chosen preset my_ rig"
    assert found["buttons"] >= 17
    assert found["without tooltip"] == []
