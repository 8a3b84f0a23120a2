"""In a real Blender, built with its languages: switching them switches the panel, disabling takes ours away again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from video_to_armature.addon import translations

from .window import ROOT, Window

pytestmark = [pytest.mark.gui, pytest.mark.slow]
DEMO = ROOT / "demo"
LANGUAGES = {  # by its code: one item, one label, one text with a value in it
    "ja_JP": ("頭", "すべて確か", "22 本のボーンを動かしました"),
    "ko_KR": ("머리", "모두 확실함", "움직인 본 22개"),
    "zh_HANS": ("头部", "处处确定", "移动了 22 根骨骼"),
}
MOST_OF_BLENDERS = 40  # texts that Blender has a translation of its own for, which goes before ours


def test_the_panel_in_each_language(window: Window, tmp_path: Path) -> None:
    motion, script = tmp_path / "walk.npz", ROOT / "tests" / "blender" / "scripts" / "synthetic.py"
    subprocess.run([sys.executable, script, motion], check=True, timeout=60)
    found, said = window.run("languages.py", motion, DEMO / "walk.mp4", DEMO / "mh_mixamo.fbx")
    assert "failed" not in found, found["failed"]
    assert "Traceback" not in said, said[-3000:]
    for language, (item, label, composed) in LANGUAGES.items():
        told = found[language]
        assert told["locale"] == language
        assert (told["said"]["limbs"], told["said"]["label"], told["said"]["composed"]) == (item, label, composed)
        assert told["English"] == []
        assert len(told["Blender's"]) < MOST_OF_BLENDERS, told["Blender's"]
        ours = translations.load(translations.FOLDER / f"{language}.toml")
        assert told["said"]["button"] == ours["Operator", "Apply Again"]
        assert told["said"]["report"] == ours["*", "The report is on the clipboard"]
        assert told["said"]["export_preset"] == ours["*", "Any Program"]
        assert told["said"]["problem"] == ours["*", "The capture's Python is not set up"]
    assert found["after"] == ["Sure everywhere", "骨架"]  # Blender's own stay
    assert found["English"]["limbs"] == "Head"
    assert found["English"]["composed"] == "22 bones moved"
