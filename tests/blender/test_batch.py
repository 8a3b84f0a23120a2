"""The batch command line: each way to go wrong has its exit code and one line that says what to do; nothing is lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import ROOT, Outcome

Batch = Callable[..., Outcome]
RIG = ROOT / "demo" / "mh_mixamo.fbx"
STICK = """HIERARCHY
ROOT Trunk
{
  OFFSET 0 0 0
  CHANNELS 3 Zrotation Xrotation Yrotation
  JOINT Branch
  {
    OFFSET 0 1 0
    CHANNELS 3 Zrotation Xrotation Yrotation
    End Site
    {
      OFFSET 0 1 0
    }
  }
}
MOTION
Frames: 1
Frame Time: 0.0333333
0 0 0 0 0 0
"""
NO_ARMATURE = '{"asset": {"version": "2.0"}, "scene": 0, "scenes": [{"nodes": [0]}], "nodes": [{"name": "empty"}]}'

# What does not depend on Blender's version is not asked four times.
oldest_and_newest = pytest.mark.parametrize("version", ["4.2", "5.2"], indirect=True)


def left_in(folder: Path) -> list[str]:
    """Files in the folder, but for the scratch home."""
    return sorted(path.name for path in folder.iterdir() if path.name != "home")


def refused(outcome: Outcome, code: int, *words: str) -> None:
    """The exit code, and an error line with these words in it; a user's mistake shows no traceback."""
    assert outcome.code == code, outcome.stderr[-2000:]
    assert outcome.error.startswith("error: ")
    for word in words:
        assert word in outcome.error
    assert "Traceback" not in outcome.stderr


def test_all_outputs_are_written(batch: Batch, motion_file: Path, tmp_path: Path) -> None:
    names = ("o.fbx", "o.glb", "o.bvh", "o.usd", "o.blend", "o.json")
    flags = ("--fbx", "--glb", "--bvh", "--usd", "--save", "--report")
    outputs = [part for flag, name in zip(flags, names) for part in (flag, tmp_path / name)]
    outcome = batch("--motion", motion_file, "--rig", RIG, "--preset", "mixamo", *outputs)
    assert outcome.code == 0, outcome.stderr[-2000:]
    assert not outcome.own_warnings
    assert left_in(tmp_path) == sorted(names)
    report = json.loads((tmp_path / "o.json").read_text())
    assert report["outputs"] == [str(tmp_path / name) for name in names[:-1]]
    assert report["people"][0]["figures"]


@oldest_and_newest
def test_usage_errors(batch: Batch, motion_file: Path, tmp_path: Path) -> None:
    refused(batch(), 2, "--video", "--motion")
    refused(batch("--motion", motion_file, "--rig", RIG), 2, "nothing to write")
    refused(batch("--motion", motion_file, "--rig", RIG, "--fbx", tmp_path / "a.fbx", "--wrong"), 2, "--wrong")
    refused(batch("--motion", motion_file, "--height", "2", "--fbx", tmp_path / "a.fbx"), 2, "--height")
    video = ("--video", tmp_path / "v.mp4")
    refused(batch(*video, "--motion-out", tmp_path / "a.json", "--report", tmp_path / "a.json"), 2, "same name")
    for flag, name in (
        ("fbx", "fx"),
        ("glb", "g.gltf"),
        ("bvh", "b"),
        ("usd", "u"),
        ("save", "s"),
        ("report", "r.txt"),
    ):
        refused(batch("--motion", motion_file, f"--{flag}", tmp_path / name), 2, f"--{flag}", name, "must end in .")
    usual = ("--motion", motion_file, "--overwrite", "--rig")
    refused(batch(*usual, tmp_path / "r.fbx", "--fbx", f"{tmp_path}/x/../r.fbx"), 2, "read and written")
    same = tmp_path / "m.npz"
    refused(batch(*video, "--rig", tmp_path / "v.mp4", "--motion-out", tmp_path / "v.mp4"), 2, "read and written")
    refused(batch("--motion", same, "--rig", tmp_path / "r.blend", "--save", tmp_path / "r.blend"), 3, "m.npz")
    assert left_in(tmp_path) == []


@oldest_and_newest
def test_unreadable_input(batch: Batch, tmp_path: Path) -> None:
    output = ("--rig", RIG, "--fbx", tmp_path / "o.fbx")
    noise = tmp_path / "noise.npz"
    noise.write_bytes(bytes(range(256)) * 9)
    refused(batch("--motion", tmp_path / "none.npz", *output), 3, "none.npz", "no such file")
    refused(batch("--motion", noise, *output), 3, "noise.npz")
    refused(batch("--motion", tmp_path / "home", *output), 3, str(tmp_path / "home"), "holds no motion")
    refused(batch("--video", tmp_path / "none.mp4", *output), 3, "none.mp4")
    assert left_in(tmp_path) == ["noise.npz"]


def test_unfit_runtime(batch: Batch, version: str, tmp_path: Path) -> None:
    video = tmp_path / "v.mp4"
    video.write_bytes(b"a video would be here")
    start = ("--video", video, "--rig", RIG, "--fbx", tmp_path / "o.fbx")
    refused(batch(*start, "--runtime", tmp_path / "python"), 5, "no such interpreter", "--runtime")
    refused(batch(*start, V2A_RUNTIME=str(tmp_path / "python")), 5, "no such interpreter", "V2A_RUNTIME")
    refused(batch(*start, "--runtime", video), 5, "v.mp4")  # a file, but no program
    if version != "4.5":  # the venv of 4.5 is the worker's, too
        python = ROOT / ".venvs" / f"blender-{version}" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        refused(batch(*start, "--runtime", python), 5, "lacks", "torch", "mediapipe")
    assert left_in(tmp_path) == ["v.mp4"]


@oldest_and_newest
def test_unfit_rig(batch: Batch, motion_file: Path, tmp_path: Path) -> None:
    (tmp_path / "stick.bvh").write_text(STICK)
    (tmp_path / "none.gltf").write_text(NO_ARMATURE)
    (tmp_path / "noise.fbx").write_bytes(b"nothing of the kind")
    (tmp_path / "noise.glb").write_bytes(b"nothing of the kind")
    (tmp_path / "own.toml").write_text("bones = 7")
    start = ("--motion", motion_file, "--fbx", tmp_path / "o.fbx", "--rig")
    refused(batch(*start, tmp_path / "none.fbx"), 6, "none.fbx", "no such rig file")
    refused(batch(*start, tmp_path / "none.gltf"), 6, "no armature")
    refused(batch(*start, tmp_path / "noise.fbx"), 6, "noise.fbx")
    refused(batch(*start, tmp_path / "noise.glb"), 6, "noise.glb")
    refused(batch(*start, tmp_path / "own.toml"), 6, ".toml", ".fbx")
    refused(batch(*start, tmp_path / "stick.bvh", "--preset", "mixamo"), 6, "Hips", "LeftUpLeg", "stick")
    refused(batch(*start, tmp_path / "stick.bvh"), 6, "not recognised as a humanoid")
    refused(batch(*start, RIG, "--preset", "rigify"), 6, "torso", "Choose another preset")
    refused(batch(*start, RIG, "--preset", "nonesuch"), 6, "nonesuch", "mixamo", "rigify")
    refused(batch(*start, RIG, "--preset", tmp_path / "own.toml"), 6, "own.toml")
    refused(batch(*start, RIG, "--armature", "Nobody"), 6, "Nobody", "mh_mixamo")
    assert not (tmp_path / "o.fbx").exists()


@oldest_and_newest
def test_outputs_in_the_way(batch: Batch, motion_file: Path, tmp_path: Path) -> None:
    there = tmp_path / "there.fbx"
    there.write_text("the user's own")
    start = ("--motion", motion_file, "--rig", RIG)
    refused(batch(*start, "--fbx", there), 7, "there.fbx", "--overwrite")
    refused(batch(*start, "--fbx", tmp_path / "no" / "o.fbx"), 7, "does not exist")
    (tmp_path / "d.blend").mkdir()
    refused(batch(*start, "--save", tmp_path / "d.blend"), 7, "folder")
    (tmp_path / "d.blend").rmdir()
    assert there.read_text() == "the user's own"
    assert left_in(tmp_path) == ["there.fbx"]
    assert batch(*start, "--fbx", there, "--overwrite").code == 0
    assert there.read_bytes().startswith(b"Kaydara FBX Binary")
    assert left_in(tmp_path) == ["there.fbx"]


@oldest_and_newest
def test_a_failed_run_reports_too(batch: Batch, motion_file: Path, tmp_path: Path) -> None:
    (tmp_path / "stick.bvh").write_text(STICK)
    outcome = batch(
        "--motion",
        motion_file,
        "--rig",
        tmp_path / "stick.bvh",
        "--fbx",
        tmp_path / "o.fbx",
        "--report",
        tmp_path / "o.json",
    )
    assert outcome.code == 6
    report = json.loads((tmp_path / "o.json").read_text())
    assert report["exit_code"] == 6
    assert f"error: {report['error']}" == outcome.error


def test_two_people_get_a_rig_and_an_fbx_each(batch: Batch, motion_file: Path, tmp_path: Path) -> None:
    outcome = batch(
        "--motion", motion_file, "--motion", motion_file, "--rig", RIG, "--fbx", tmp_path / "o.fbx",
        "--save", tmp_path / "o.blend", "--report", tmp_path / "o.json",
    )  # fmt: skip
    assert outcome.code == 0, outcome.stderr[-2000:]
    assert left_in(tmp_path) == ["o.blend", "o.json", "o.p1.fbx", "o.p2.fbx"]
    people = json.loads((tmp_path / "o.json").read_text())["people"]
    assert [person["armature"] for person in people] == ["mh_mixamo", "mh_mixamo.001"]
    # the rig in the file just saved, by its name, in a file opened with --rig
    outcome = batch("--motion", motion_file, "--rig", tmp_path / "o.blend", "--fbx", tmp_path / "n.fbx")
    refused(outcome, 6, "2 armatures", "mh_mixamo.001", "--armature")
    start = ("--motion", motion_file, "--rig", tmp_path / "o.blend", "--armature", "mh_mixamo.001")
    assert batch(*start, "--fbx", tmp_path / "n.fbx").code == 0


@oldest_and_newest
def test_report_only_and_help(batch: Batch, motion_file: Path, tmp_path: Path) -> None:
    assert batch("--motion", motion_file, "--rig", RIG, "--report", tmp_path / "r.json").code == 0
    assert "--runtime PYTHON" in batch("--help").stdout


def test_the_runs_own_bug_is_code_1(tmp_path: Path) -> None:
    # A worker that ends badly without a word: the message carries its last line and keeps its log.
    liar = tmp_path / "python"
    liar.write_text(f'#!/bin/sh\ncase "$*" in *lifter*) echo boom >&2; exit 1;; esac\nexec {sys.executable} "$@"\n')
    liar.chmod(0o755)
    video = tmp_path / "v.mp4"
    video.write_bytes(b"x")
    ended = subprocess.run(
        [sys.executable, ROOT / "addon" / "batch.py", "--video", video, "--rig", RIG, "--fbx", tmp_path / "o.fbx",
         "--runtime", liar],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TMPDIR": str(tmp_path)}, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert ended.returncode == 1, ended.stderr
    line = ended.stderr.strip().splitlines()[-1]
    assert "boom" in line
    log = Path(line.partition("(log: ")[2].removesuffix(")"))
    assert log.read_text() == "boom\n"


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script as the worker")
@pytest.mark.parametrize("version", ["4.5"], indirect=True)
def test_a_motion_that_is_kept_is_an_output(batch: Batch, motion_file: Path, tmp_path: Path) -> None:
    # A worker that has the motion already: only what batch makes of its answer is asked here.
    worker, kept, video = tmp_path / "python", tmp_path / "kept.npz", tmp_path / "v.mp4"
    done = json.dumps({"event": "done", "outputs": [str(kept)], "seconds": {}, "device": "cpu"})
    worker.write_text(
        f"#!/bin/sh\ncase \"$*\" in *lifter*) cp {motion_file} {kept}; echo '{done}'; exit 0;; esac\n"
        f'exec {sys.executable} "$@"\n'
    )
    worker.chmod(0o755)
    video.write_bytes(b"x")
    outputs = ("--motion-out", kept, "--fbx", tmp_path / "o.fbx", "--report", tmp_path / "o.json")
    outcome = batch("--video", video, "--rig", RIG, "--runtime", worker, *outputs)
    assert outcome.code == 0, outcome.stderr[-2000:]
    report = json.loads((tmp_path / "o.json").read_text())
    assert report["outputs"] == [str(kept), str(tmp_path / "o.fbx")]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM"])
def test_interruption_leaves_nothing_behind(number: str, tmp_path: Path) -> None:
    # A worker that never ends by itself, and obeys 'cancel' as the real one does.
    worker = tmp_path / "python"
    script = "import sys; print('READY', file=sys.stderr, flush=True); sys.stdin.readline(); sys.exit(130)"
    worker.write_text(
        f'#!/bin/sh\ncase "$*" in *lifter*) echo $$ > {tmp_path}/pid; exec {sys.executable} -c "{script}";; esac\n'
        f'exec {sys.executable} "$@"\n'
    )
    worker.chmod(0o755)
    video = tmp_path / "v.mp4"
    video.write_bytes(b"x")
    process = subprocess.Popen(
        [sys.executable, ROOT / "addon" / "batch.py", "--video", video, "--rig", RIG, "--fbx", tmp_path / "o.fbx",
         "--runtime", worker],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TMPDIR": str(tmp_path)}, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        while not (tmp_path / "pid").exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(0.5)
        process.send_signal(getattr(signal, number))
        _, stderr = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130, stderr
    assert stderr.strip().splitlines()[-1] == f"error: stopped by signal {number}."
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
    assert not list(tmp_path.glob("o*"))
    assert not list(tmp_path.glob("v2a-*"))
