"""In every Blender: what Blender people expect of an add-on: dropped files, presets, menus that the search finds."""

from __future__ import annotations

import ast
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
    assert found["not offered, not there"] == [[], []], "a new button goes into drop.MENU, or is INTERNAL"
    assert found["names that are taken twice"] == []
    assert found["labels"] == ["Apply Capture Again", "Cancel Capture", "Capture Video", "Compare with Video"]
    assert found["left"] == [0, []]


def test_every_grey_button_says_why() -> None:
    polls = [
        (kind.name, ast.unparse(method))
        for path in sorted((ROOT / "addon").glob("*.py"))
        for kind in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(kind, ast.ClassDef) and "_OT_" in kind.name
        for method in kind.body
        if isinstance(method, ast.FunctionDef) and method.name == "poll"
    ]
    assert len(polls) > 15
    assert [name for name, source in polls if "poll_message_set(" not in source and "_allowed(" not in source] == []
