"""The real worker under trouble from outside: a full disk, another Blender at the same video."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from video_to_armature.addon import capture
from video_to_armature.lifter.contract.motion import Motion
from video_to_armature.lifter.contract.protocol import OutputError

from .conftest import ROOT

pytestmark = pytest.mark.slow
PART = {"end": "0.5"}  # seconds of the film
FRAMES = 16
LIMIT_S = 120.0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], capture_output=True, check=False)
    if made.returncode:
        pytest.skip("NOT RUN: only root may mount a small disk")
    yield disk
    subprocess.run(["umount", disk], check=True)


def begin(out: Path, cache: Path) -> capture.Capture:
    options = {**PART, "cache": str(cache)}
    video, log = ROOT / "demo" / "walk.mp4", out.with_suffix(".log")
    return capture.start(Path(sys.executable), video, out, options, log, overwrite=True)


def ended(*running: capture.Capture) -> None:
    until = time.monotonic() + LIMIT_S
    while [one for one in running if one.poll()] and time.monotonic() < until:
        time.sleep(0.05)


def detected(cache: Path) -> dict[str, int]:
    """The detections that are kept, each file with the time of its writing."""
    return {str(path): path.stat().st_mtime_ns for path in cache.rglob("0*.npz")}


def test_a_full_disk_is_told_and_what_was_found_is_kept(small_disk: Path, tmp_path: Path) -> None:
    out = small_disk / "walk.npz"
    (small_disk / "ballast").write_bytes(os.urandom(60_000))
    running = begin(out, tmp_path / "cache")
    ended(running)
    with pytest.raises(OutputError, match=r"walk\.npz: cannot be written \(No space left on device\)\. Free space"):
        running.result()
    assert sorted(path.name for path in small_disk.iterdir()) == ["ballast", "walk.log"]  # no half file
    found = detected(tmp_path / "cache")
    (small_disk / "ballast").unlink()
    subprocess.run(["mount", "-o", "remount,size=4m", small_disk], check=True)
    again = begin(out, tmp_path / "cache")
    ended(again)
    assert again.result() == (out,)
    assert detected(tmp_path / "cache") == found != {}  # nothing was detected again
    assert Motion.load(out).frames == FRAMES


def test_two_blenders_may_capture_one_video_at_once(tmp_path: Path) -> None:
    out = tmp_path / "walk.npz"
    both = [begin(out, tmp_path / "cache") for _ in range(2)]
    ended(*both)
    assert [one.result() for one in both] == [(out,), (out,)]
    assert Motion.load(out).frames == FRAMES
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "walk.log", "walk.npz"]
