"""What a Blender that closed had still to capture: noted while it runs, offered to the next, and to no other."""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

NAME = "video_to_armature.addon.unfinished"


@pytest.fixture
def blender(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Any]:
    """The module as another process has it."""

    def fresh() -> Any:
        monkeypatch.delitem(sys.modules, NAME, raising=False)
        return importlib.import_module(NAME)

    return fresh


def runs(module: Any, *videos: str) -> list[object]:
    return [module.Unfinished(video, {"person": "all"}, "Rig", "/films/é.blend") for video in videos]


def seen(module: Any, folder: Path) -> list[str]:
    module._offered = None  # as after LOOK_S
    return [run.video for run in module.offered(folder)]


def test_what_runs_is_offered_only_after_the_end(blender: Callable[[], Any], tmp_path: Path) -> None:
    first, second = blender(), blender()
    first.note(tmp_path, runs(first, "a.mp4", "ü b.mp4"))
    assert (seen(first, tmp_path), seen(second, tmp_path)) == ([], [])
    first.close()
    assert second.offered(tmp_path) == []  # it has just looked
    assert seen(second, tmp_path) == ["a.mp4", "ü b.mp4"]
    assert second.offered(tmp_path)[0] == runs(second, "a.mp4")[0]
    second.forget(tmp_path)
    assert (seen(second, tmp_path), list(tmp_path.iterdir())) == ([], [])


def test_a_queue_that_came_to_its_end_leaves_nothing(blender: Callable[[], Any], tmp_path: Path) -> None:
    first = blender()
    for left in (["a.mp4", "b.mp4"], ["b.mp4"], []):
        first.note(tmp_path, runs(first, *left))
    first.close()
    assert list(tmp_path.iterdir()) == []


def test_a_crash_is_known_by_its_silence(blender: Callable[[], Any], tmp_path: Path) -> None:
    first, second = blender(), blender()
    first.note(tmp_path, runs(first, "a.mp4"))
    [path] = tmp_path.iterdir()
    before = time.time() - first.GONE_S - 1
    os.utime(path, (before, before))
    assert seen(second, tmp_path) == ["a.mp4"]
    first._noted_at -= first.SIGN_S  # but it lives, and says so
    first.note(tmp_path, runs(first, "a.mp4"))
    assert seen(second, tmp_path) == []


def test_nothing_is_written_while_nothing_changes(blender: Callable[[], Any], tmp_path: Path) -> None:
    first = blender()
    first.note(tmp_path, runs(first, "a.mp4"))
    [path] = tmp_path.iterdir()
    written = path.stat().st_mtime_ns
    began = time.perf_counter()
    for _ in range(1000):
        first.note(tmp_path, runs(first, "a.mp4"))
    assert time.perf_counter() - began < 0.5
    assert path.stat().st_mtime_ns == written


@pytest.mark.parametrize("content", ["", "{", '{"a": 1}', '[{"video": "a"}]', "[1]", "\xff"])
def test_a_damaged_note_is_passed_over_and_goes(blender: Callable[[], Any], tmp_path: Path, content: str) -> None:
    first = blender()
    (tmp_path / "left.1.json").write_text(content, "latin-1")
    good = {"video": "b.mp4", "options": {}, "armature": "", "blend": ""}
    (tmp_path / "left.2.json").write_text(json.dumps([good]))
    assert seen(first, tmp_path) == ["b.mp4"]
    first.forget(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_stops_nothing(blender: Callable[[], Any], tmp_path: Path) -> None:
    first = blender()
    first.note(tmp_path / "gone", runs(first, "a.mp4"))
    first.close()
    assert seen(first, tmp_path / "gone") == []
