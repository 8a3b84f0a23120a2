"""In every Blender: what Blender people expect of an add-on: dropped files, presets, menus that the search finds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from .conftest import ROOT, Outcome


def test_drop_presets_and_menus(script: Callable[..., Outcome], extension_zip: Path, tmp_path: Path) -> None:
    outcome = script("drop.py", extension_zip, ROOT / "demo", tmp_path)
    found = outcome.result
    assert not outcome.own_warnings
    assert "Traceback" not in outcome.stderr
    assert found["extensions"] == [True, True, True, False]
    assert (found["VIEW_3D"], found["TEXT_EDITOR"]) == (True, False)
    assert found["dropped"] == [["FINISHED"], True, True]
    assert found["recipe"] == [["FINISHED"], 0.5]
    assert found["kept"] == ["FINISHED"]
    assert found["taken up"] == ["Slow_Heads.py", "object", ["head"], 3.0]
    assert found["ours"] == {
        "Game_Engine.py": ["root", "origin", 1], "In_Place.py": ["in place", "origin", 1],
        "Upper_Body_Only.py": ["in place", "origin", 4],
    }  # fmt: skip
    assert found["menus"] == 1
    assert found["labels"] == ["Apply Capture Again", "Cancel Capture", "Capture Video", "Compare with Video"]
    assert found["left"] == [0, []]
