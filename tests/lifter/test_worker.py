"""The worker as its users start it: a process with a command line, events and exit codes."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import pytest

from video_to_armature.lifter.contract.motion import Motion
from video_to_armature.lifter.keypoints import Keypoints

from . import clips

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 240


def lifter(*arguments, **keywords):
    command = [sys.executable, "-m", "lifter", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_S, **keywords)


@dataclass
class Worker:
    """A running `python -m lifter … --events`: its process, what it says, and where it listens."""

    process: subprocess.Popen[str]
    lines: IO[str]
    ear: IO[str]

    def events(self):
        """All that it still says, to its end."""
        return [json.loads(line) for line in self.lines]

    def wait(self):
        return self.process.wait(LIMIT_S)


def start(*arguments):
    process = subprocess.Popen(
        [sys.executable, "-m", "lifter", *map(str, arguments), "--events"],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert process.stdout
    assert process.stdin
    return Worker(process, process.stdout, process.stdin)


def until_progress(worker):
    for line in worker.lines:
        event = json.loads(line)
        if event["event"] == "progress" and event["done"] > 3:
            return
    pytest.fail("the worker ended before it made progress")


@pytest.fixture(scope="module")
def short(tmp_path_factory):
    return clips.part_of_walk(tmp_path_factory.mktemp("clip") / "short one é.mp4", 20, 20)


@pytest.fixture(scope="module")
def captured(short, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "motion.npz"
    done = start("capture", short, "--out", out, "--no-cache", "--height", "1.8")
    lines = done.events()
    return out, lines, done.wait()


def test_events_tell_the_stages_in_order_and_stdout_holds_nothing_else(captured):
    _, events, code = captured
    assert code == 0
    stages = [e["name"] for e in events if e["event"] == "stage"]
    assert list(dict.fromkeys(stages)) == ["open", "detect", "track", "lens", "lift", "world", "smooth", "write"]
    progress = [e for e in events if e["event"] == "progress" and e["stage"] == "detect"]
    assert progress[-1]["done"] == progress[-1]["total"] == 20
    assert events[-1]["event"] == "done"
    assert events[-1]["frames"] == 20
    assert events[-1]["device"] in ("cpu", "cuda", "mps")


def test_motion_holds_the_person_on_the_ground(captured):
    motion = Motion.load(captured[0])
    assert motion.frames == 20
    assert motion.fps == 30
    assert motion.known.all()
    assert motion.header["size"] == {"from": "height", "metres": 1.8}
    tall = motion.joint("head_top")[:, 2] - np.minimum(motion.joint("left_heel"), motion.joint("right_heel"))[:, 2]
    assert 1.4 < np.median(tall) < 1.95
    feet = [motion.joint(f)[:, 2] for f in ("left_toe", "left_heel", "right_toe", "right_heel")]
    assert np.abs(np.minimum.reduce(feet)).max() < 0.12
    # She walks to the left of the picture, which is -X.
    assert motion.joint("pelvis")[-1, 0] < motion.joint("pelvis")[0, 0] - 0.3
    assert (motion.joint("nose") - motion.joint("head_top"))[:, 0].mean() < 0


def test_detect_then_lift_is_capture(short, captured, tmp_path):
    assert lifter("detect", short, "--out", tmp_path / "k.npz", "--no-cache").returncode == 0
    assert len(Keypoints.load(tmp_path / "k.npz").frame_times) == 20
    assert lifter("lift", tmp_path / "k.npz", "--out", tmp_path / "m.npz", "--height", "1.8").returncode == 0
    a, b = Motion.load(tmp_path / "m.npz"), Motion.load(captured[0])
    np.testing.assert_allclose(a.positions, b.positions, atol=1e-3)


def test_models_and_info_print_what_they_know(captured):
    models = lifter("models")
    assert models.returncode == 0
    assert "commercial use: yes" in models.stdout
    info = lifter("info", captured[0])
    assert json.loads(info.stdout)["frames"] == 20


def refused(code, word, *arguments):
    done = lifter(*arguments)
    assert done.returncode == code, done.stderr
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("error: ")
    assert word in line
    assert done.stdout == ""


def test_usage_is_2(short, tmp_path):
    refused(2, "--out", "capture", short)
    refused(2, "--person", "capture", short, "--out", tmp_path / "m.npz", "--person", "nobody")
    refused(2, "--hfov", "capture", short, "--out", tmp_path / "m.npz", "--hfov", "400")
    refused(2, "detector", "capture", short, "--out", tmp_path / "m.npz", "--detector", "eyes")
    refused(2, "device", "capture", short, "--out", tmp_path / "m.npz", "--device", "abacus")


def test_the_input_is_never_the_output(short):
    before = short.read_bytes()
    refused(2, "is the input itself", "capture", short, "--out", short, "--overwrite")
    assert short.read_bytes() == before


def test_numbers_must_be_numbers(short, tmp_path):
    refused(2, "--end nan", "capture", short, "--out", tmp_path / "m.npz", "--end", "nan")


def test_unreadable_input_is_3(tmp_path):
    (tmp_path / "empty.mp4").touch()
    refused(3, "0 bytes", "capture", tmp_path / "empty.mp4", "--out", tmp_path / "m.npz")
    refused(3, "no such file", "capture", tmp_path / "none.mp4", "--out", tmp_path / "m.npz")
    refused(3, "neither an npz", "lift", tmp_path / "empty.mp4", "--out", tmp_path / "m.npz")
    refused(3, "no frames between", "capture", clips.WALK, "--out", tmp_path / "m.npz", "--start", "99", "--no-cache")
    assert not (tmp_path / "m.npz").exists()


def test_a_reader_that_has_enough_is_no_bug():
    process = subprocess.Popen(
        [sys.executable, "-m", "lifter", "models"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout
    assert process.stderr
    process.stdout.close()
    assert b"bug" not in process.stderr.read()
    assert process.wait(LIMIT_S) == 0


def test_nobody_is_4(short, tmp_path):
    refused(4, "nobody", "capture", clips.write(tmp_path / "grey.mp4", 12), "--out", tmp_path / "m.npz", "--no-cache")
    refused(4, "--person 7", "capture", short, "--out", tmp_path / "m.npz", "--person", "7", "--no-cache")


def test_an_animal_is_nobody(tmp_path):
    refused(4, "nobody", "capture", clips.dog(tmp_path / "dog.mp4", 20), "--out", tmp_path / "m.npz", "--no-cache")


def test_legs_outside_the_picture_get_no_keys_and_a_warning(tmp_path):
    upper = clips.part_of_walk(tmp_path / "upper.mp4", 20, 12, upper=0.6)
    done = lifter("capture", upper, "--out", tmp_path / "m.npz", "--no-cache")
    assert done.returncode == 0, done.stderr
    [warning] = [line for line in done.stderr.splitlines() if "without keys" in line]
    motion = Motion.load(tmp_path / "m.npz")
    for name in ("left_ankle", "right_ankle", "left_toe", "right_toe"):
        assert name in warning
        assert not motion.known[:, motion.joint_names.index(name)].any()
    assert motion.known[:, motion.joint_names.index("left_shoulder")].mean() > 0.7  # found after a few frames


def test_missing_model_is_5(short, tmp_path):
    refused(5, "no such model", "capture", short, "--out", tmp_path / "m.npz", "--model", "none", "--no-cache")
    (tmp_path / "w.safetensors").write_bytes(b"x" * 99)
    refused(
        5,
        "w.safetensors",
        "capture",
        short,
        "--out",
        tmp_path / "m.npz",
        "--model",
        tmp_path / "w.safetensors",
        "--no-cache",
    )


def test_output_that_exists_or_cannot_be_is_7(short, tmp_path):
    (tmp_path / "m.npz").write_bytes(b"precious")
    refused(7, "--overwrite", "capture", short, "--out", tmp_path / "m.npz")
    assert (tmp_path / "m.npz").read_bytes() == b"precious"
    refused(7, "does not exist", "capture", short, "--out", tmp_path / "none" / "m.npz")
    refused(7, "folder", "capture", short, "--out", tmp_path)


def test_earlier_files_of_several_people_are_kept(short, tmp_path):
    (tmp_path / "m.p2.npz").write_bytes(b"precious")
    refused(7, "m.p2.npz", "capture", short, "--out", tmp_path / "m.npz", "--person", "all")
    assert (tmp_path / "m.p2.npz").read_bytes() == b"precious"


def nothing_left(folder):
    return [p.name for p in folder.iterdir() if p.name != "cache"] == []


@pytest.mark.parametrize("how", ["cancel", "parent dies", "SIGTERM", "SIGINT"])
def test_cancelled_is_130_and_leaves_nothing(tmp_path, how):
    worker = start("capture", clips.WALK, "--out", tmp_path / "m.npz", "--no-cache")
    until_progress(worker)
    began = time.monotonic()
    if how == "cancel":
        worker.ear.write("cancel\n")
        worker.ear.flush()
    elif how == "parent dies":
        worker.ear.close()
    else:
        worker.process.send_signal(getattr(signal, how))
    events = worker.events()
    assert worker.wait() == 130
    assert time.monotonic() - began < 5
    assert events[-1]["event"] == "error"
    assert events[-1]["code"] == 130
    assert nothing_left(tmp_path)


def test_killed_leaves_nothing_under_the_final_name(tmp_path):
    worker = start("capture", clips.WALK, "--out", tmp_path / "m.npz", "--no-cache")
    until_progress(worker)
    os.kill(worker.process.pid, signal.SIGKILL)
    worker.wait()
    assert nothing_left(tmp_path)


def test_cached_detections_are_not_made_again(short, captured, tmp_path):
    arguments = ("capture", short, "--cache", tmp_path / "cache", "--height", "1.8", "--out")
    assert lifter(*arguments, tmp_path / "a.npz").returncode == 0
    worker = start(*arguments, tmp_path / "b.npz")
    events = worker.events()
    assert worker.wait() == 0
    told = [e["rate"] for e in events if e["event"] == "progress" and e["stage"] == "detect"]
    assert told == [0.0]  # all twenty were there before: none were detected now
    for name in ("a.npz", "b.npz"):
        np.testing.assert_allclose(
            Motion.load(tmp_path / name).positions, Motion.load(captured[0]).positions, atol=1e-3
        )
