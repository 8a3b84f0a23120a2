"""Several clips onto one rig by the command line: what is done is skipped, what fails is told and stops nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from video_to_armature.lifter.contract.motion import Motion

from .conftest import ROOT, SCRIPTS, Outcome

Batch = Callable[..., Outcome]
RIG = ROOT / "demo" / "mh_mixamo.fbx"
METRES = 1e-3
oldest_and_newest = pytest.mark.parametrize("version", ["4.2", "5.2"], indirect=True)


@pytest.fixture(scope="session")
def slow_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another clip: 20 frames at 25 a second, the walk backwards."""
    path = tmp_path_factory.mktemp("clips") / "slow.npz"
    subprocess.run(
        [sys.executable, SCRIPTS / "synthetic.py", path, "--frames", "20", "--fps", "25"], check=True, timeout=60
    )
    motion = Motion.load(path)
    replace(motion, positions=motion.positions[::-1].copy()).save(path)
    return path


@pytest.fixture
def folder(tmp_path: Path, motion_file: Path, slow_file: Path) -> Path:
    """Two clips and a file that is none."""
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "walk.npz").symlink_to(motion_file)
    (folder / "slow.npz").symlink_to(slow_file)
    (folder / "bad.npz").write_bytes(b"nothing of the kind")
    return folder


def states(report: Path) -> dict[str, str]:
    return {clip["name"]: clip["state"] for clip in json.loads(report.read_text())["clips"]}


@oldest_and_newest
def test_a_folder_of_clips_into_a_folder(batch: Batch, folder: Path, tmp_path: Path) -> None:
    out, report = tmp_path / "out", tmp_path / "r.json"
    given = ("--motion", folder, "--rig", RIG, "--fbx", out, "--glb", out, "--report", report)
    outcome = batch(*given)
    assert outcome.code == 8, outcome.stderr[-2000:]
    assert outcome.error == "error: 1 of 3 clips failed: bad. The lines above tell why."
    assert "3 clips: 2 done, 0 skipped, 1 failed\nbad failed: " in outcome.stdout
    assert states(report) == {"bad": "failed", "slow": "done", "walk": "done"}
    told = json.loads(report.read_text())
    assert told["exit_code"] == 8
    assert [clip["exit_code"] for clip in told["clips"]] == [3, 0, 0]
    assert [person["fps"] for clip in told["clips"][1:] for person in clip["people"]] == [
        25.0,
        30.0,
    ]  # each on a fresh rig
    files = sorted(path.name for path in out.iterdir())
    assert files == ["slow.fbx", "slow.glb", "walk.fbx", "walk.glb"]

    times = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}
    (folder / "bad.npz").unlink()
    (out / "slow.glb").unlink()
    outcome = batch(*given[:-1], tmp_path / "r2.json")
    assert outcome.code == 0, outcome.stderr[-2000:]
    assert states(tmp_path / "r2.json") == {"slow": "done", "walk": "skipped"}
    again = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}
    assert {name for name in again if again[name] != times[name]} == {"slow.glb"}  # only what lacked
    outcome = batch(*given[:-1], tmp_path / "r3.json", "--overwrite")
    assert states(tmp_path / "r3.json") == {"slow": "done", "walk": "done"}


@oldest_and_newest
def test_the_people_of_a_clip_stay_together(batch: Batch, motion_file: Path, tmp_path: Path) -> None:
    for i in (1, 2):
        (tmp_path / f"dance.p{i}.npz").symlink_to(motion_file)
    out = tmp_path / "out"
    out.mkdir()
    given = ("--motion", tmp_path / "dance.p1.npz", "--motion", tmp_path / "dance.p2.npz", "--rig", RIG, "--fbx", out)
    assert batch(*given).code == 0
    assert sorted(path.name for path in out.iterdir()) == ["dance.p1.fbx", "dance.p2.fbx"]
    assert all(b"dance\x00\x01AnimStack" in path.read_bytes() for path in out.iterdir())  # the take's name
    outcome = batch(*given)
    assert outcome.code == 0
    assert "1 clips: 0 done, 1 skipped, 0 failed" in outcome.stdout


def test_clips_as_takes(script: Callable[..., Outcome], folder: Path, tmp_path: Path) -> None:
    found: dict[str, Any] = script("takes.py", folder, tmp_path).result
    assert found["code"] == 8  # the file that is none
    assert [clip["state"] for clip in found["report"]["clips"]] == ["failed", "done", "done"]
    # what the rig played before is no take, but stays in the file
    assert found["kept"] == ["slow", "walk", "walk.001"]
    assert found["report"]["warnings"][0] == "what the rig played before was set aside: walk"
    # the first sets the scene's rate, 25; the other is resampled: 44/30 s are 36.7 frames
    assert found["strips"] == {"slow": [["slow", 1001, 1020]], "walk": [["walk", 1001, 1037]]}
    assert found["seconds"] == {
        "slow": [0, pytest.approx(19 / 25, abs=0.01)],
        "walk": [0, pytest.approx(36 / 25, abs=0.01)],
    }
    assert found["apart"] > 0.05
    assert set(found["found"]) == {"fbx", "glb"}
    for kind, actions in found["found"].items():
        assert len(actions) == 2, kind
        for name, (_, off) in actions.items():
            assert off is None or off < METRES, (kind, name)
    assert sorted(found["found"]["fbx"]) == ["mh_mixamo|slow", "mh_mixamo|walk"]


@oldest_and_newest
def test_what_cannot_be_is_refused_at_once(batch: Batch, folder: Path, motion_file: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    (tmp_path / "walk.npz").symlink_to(motion_file)
    rig = ("--rig", RIG)
    for code, words, arguments in (
        (2, "3 clips do not go into one file. Name a folder, or add --takes.", ("--motion", folder, "--fbx", "o.fbx")),
        (2, "3 clips do not go into one file. Name a folder.", ("--motion", folder, "--bvh", "o.bvh")),
        (2, "holds one take", ("--motion", folder, "--takes", "--bvh", "o.bvh")),
        (2, "takes are NLA strips", ("--motion", folder, "--takes", "--fbx", "o.fbx", "--action", "new")),
        (2, "two clips are called 'walk'", ("--motion", folder, "--motion", tmp_path / "walk.npz", "--fbx", "out")),
        (3, "holds no motion", ("--motion", empty, "--fbx", "out")),
        (3, "holds no video", ("--video", empty, "--fbx", "out")),
        (6, "no such rig file", ("--motion", folder, "--fbx", "out", "--rig", "none.fbx")),
        (6, "Choose another preset", ("--motion", folder, "--fbx", "out", "--preset", "rigify")),
        (5, "no such interpreter", ("--video", folder / "a.mp4", "--video", folder / "b.mp4", "--fbx", "out",
                                    "--runtime", "none")),
    ):  # fmt: skip
        outcome = batch(*(() if "--rig" in arguments else rig), *arguments)
        assert outcome.code == code, (words, outcome.stderr[-2000:])
        assert words in outcome.error
        assert "Traceback" not in outcome.stderr
    assert not (tmp_path / "home" / "out").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script as the worker")
@pytest.mark.parametrize("version", ["4.5"], indirect=True)
def test_videos_are_captured_once(batch: Batch, motion_file: Path, tmp_path: Path) -> None:
    # A worker that has the motion already, but for one video: only what batch makes of its answers is asked here.
    worker, videos, calls = tmp_path / "python", tmp_path / "videos", tmp_path / "calls"
    worker.write_text(
        f'#!/bin/sh\ncase "$*" in *lifter*) ;; *) exec {sys.executable} "$@";; esac\n'
        f'echo "$*" >> {calls}\ncase "$*" in *two.mp4*) exit 1;; esac\n'
        'while [ $# -gt 0 ]; do [ "$1" = --out ] && out="$2"; shift; done\n'
        f'cp {motion_file} "$out"\n'
        'echo "{\\"event\\": \\"done\\", \\"outputs\\": [\\"$out\\"], \\"seconds\\": {}, \\"device\\": \\"cpu\\"}"\n'
    )
    worker.chmod(0o755)
    videos.mkdir()
    for name in ("one.mp4", "two.mp4", "three.MOV", "notes.txt"):
        (videos / name).write_bytes(b"x")
    out, kept, report = tmp_path / "out", tmp_path / "kept", tmp_path / "r.json"
    given = ("--video", videos, "--rig", RIG, "--fbx", out, "--motion-out", kept, "--runtime", worker)
    outcome = batch(*given, "--report", report)
    assert outcome.code == 8, outcome.stderr[-2000:]
    assert states(report) == {"one": "done", "three": "done", "two": "failed"}
    assert sorted(path.name for path in kept.iterdir()) == ["one.npz", "three.npz"]
    assert len(calls.read_text().splitlines()) == 3
    (out / "one.fbx").unlink()
    assert batch(*given, "--report", tmp_path / "r2.json").code == 8
    assert states(tmp_path / "r2.json") == {"one": "done", "three": "skipped", "two": "failed"}
    assert len(calls.read_text().splitlines()) == 4  # the motion of one was kept


def test_a_strip_leaves_in_each_format(script: Callable[..., Outcome], motion_file: Path, tmp_path: Path) -> None:
    found: dict[str, Any] = script("strip.py", motion_file, tmp_path).result
    assert (found["code"], found["span"]) == (0, [11, 55])
    assert (found["glb"], found["found"].pop("fbx take")) == (["walk"], "mh_mixamo|walk")  # named after the clip
    assert found["found"].keys() == {"fbx", "glb", "bvh", "usd"}
    for kind, (actions, off) in found["found"].items():
        assert actions == 1, kind
        assert off < METRES, kind


@oldest_and_newest
def test_files_hold_no_mesh_where_none_is_wanted(batch: Batch, motion_file: Path, tmp_path: Path) -> None:
    size: dict[str, list[int]] = {}
    for words in ((), ("--no-meshes",)):
        files = [tmp_path / f"o.{kind}" for kind in ("fbx", "glb", "usd")]
        outputs = [word for path in files for word in (f"--{path.suffix[1:]}", path)]
        outcome = batch("--motion", motion_file, "--rig", RIG, *outputs, "--overwrite", *words)
        assert outcome.code == 0, outcome.stderr[-2000:]
        for path in files:
            size.setdefault(path.suffix, []).append(path.stat().st_size)
            if path.suffix != ".usd":  # whose names are packed
                assert (b"mh_mixamo_body" in path.read_bytes()) == (not words)
    for kind, (whole, bones) in size.items():
        assert whole - bones > 100_000, kind


def test_bones_may_inherit_oddly_and_drive_shapes(
    script: Callable[..., Outcome], motion_file: Path, tmp_path: Path
) -> None:
    found: dict[str, Any] = script("driven.py", motion_file, tmp_path).result
    assert max(found["LeftArm"], found["RightForeArm"]) < 0.1  # degrees
    takes = {f"takes.{kind} {clip}" for kind in ("fbx", "glb") for clip in ("long", "short")}
    whole = {"whole.bvh whole"} | {
        f"{stem}.{kind} whole" for stem in ("whole", "bones") for kind in ("fbx", "glb", "usd")
    }
    assert set(found["heads"]) == takes | whole
    assert max(found["heads"].values()) < METRES
    assert min(found["moves"]) > 0.1
    assert set(found["driven"]) >= takes | {"whole.fbx whole", "whole.glb whole"}
    assert max(found["driven"].values()) < 1e-4
    assert found["drives still"]
