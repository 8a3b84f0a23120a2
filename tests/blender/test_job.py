"""The background job and the runtime's look-up: real processes, no Blender."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from video_to_armature.addon import capture, job, processes, runtime
from video_to_armature.addon.job import Job
from video_to_armature.addon.processes import clean_environment
from video_to_armature.lifter.contract.protocol import Cancelled, InputError, OutputError, RuntimeUnfitError, V2AError

POLL_LIMIT_S = 0.05  # a tick of the interface
ALL_GONE_S = 1.0  # from the click on Cancel


def worker(tmp_path: Path, code: str) -> Job:
    return Job([sys.executable, "-c", "import json, sys, time, os\n" + code], tmp_path, tmp_path / "log")


def until_end(running: capture.Capture, limit_s: float = 20.0) -> None:
    """Poll to the end; no poll may hold the interface up."""
    deadline = time.monotonic() + limit_s
    while True:
        began = time.monotonic()
        going = running.poll()
        assert time.monotonic() - began < POLL_LIMIT_S
        if not going:
            return
        assert time.monotonic() < deadline, "the job did not end"
        time.sleep(0.01)


def say(**fields: object) -> str:
    return f"print(json.dumps({fields!r}), flush=True)\n"


def test_events_are_folded_in_order(tmp_path: Path) -> None:
    code = (
        say(event="stage", name="detect")
        + "print('a library says hello')\n"
        + say(event="progress", stage="detect", done=30, total=120, rate=31.2, eta=65.4)
        + say(event="warning", message="half the frames are dark")
        + "print('to the log', file=sys.stderr)\n"
        + "time.sleep(0.3)\n"
        + say(event="done", outputs=["a.npz"], seconds={"detect": 1.5}, device="cpu")
    )
    running = capture.Capture(worker(tmp_path, code))
    while running.poll() and not running.progress.done:
        time.sleep(0.01)
    assert running.progress == capture.Progress("detect", 30, 120, 31.2, 65.4)
    assert running.progress.text == "30 of 120, 31.2 frames/s, 1:05 min left"
    assert running.progress.fraction == 0.25
    until_end(running)
    assert running.result() == (Path("a.npz"),)
    assert running.warnings == ["half the frames are dark"]
    assert (running.seconds, running.device) == ({"detect": 1.5}, "cpu")
    assert (tmp_path / "log").read_text() == "to the log\n"


def test_the_workers_error_keeps_its_kind(tmp_path: Path) -> None:
    running = capture.Capture(worker(tmp_path, say(event="error", code=3, message="v.mp4: no video") + "sys.exit(3)"))
    until_end(running)
    with pytest.raises(InputError, match=r"v\.mp4: no video"):
        running.result()


def test_a_worker_that_dies_is_our_fault_and_quotes_its_log(tmp_path: Path) -> None:
    running = capture.Capture(worker(tmp_path, "raise RuntimeError('out of luck')"))
    until_end(running)
    with pytest.raises(V2AError, match="out of luck") as caught:
        running.result()
    assert caught.value.exit_code == 1
    assert running.died


def test_a_log_that_cannot_be_written_is_no_fault_of_the_interpreter(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="log cannot be written"):
        Job([sys.executable, "-c", ""], tmp_path, tmp_path / "no" / "log")


def test_a_model_file_is_found_from_the_workers_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my.safetensors").touch()
    monkeypatch.chdir(tmp_path)
    for model, told in (("my.safetensors", str(tmp_path / "my.safetensors")), ("mixste_body27", "mixste_body27")):
        show = tmp_path / "python"
        show.write_text('#!/bin/sh\necho "$@" >&2\n')
        show.chmod(0o755)
        running = capture.start(show, Path("v"), Path("o"), {"model": model}, tmp_path / "log", overwrite=False)
        until_end(running)
        assert f"--model={told} " in (tmp_path / "log").read_text()


def test_a_job_that_listens_is_cancelled_by_word(tmp_path: Path) -> None:
    listens = say(event="stage", name="detect") + "sys.exit(130 if sys.stdin.readline() == 'cancel\\n' else 9)"
    running = capture.Capture(worker(tmp_path, listens))
    while running.poll() and not running.progress.stage:
        time.sleep(0.01)
    running.job.cancel()
    until_end(running, job.TERMINATE_AFTER_S)
    with pytest.raises(Cancelled):
        running.result()
    assert not running.died


@pytest.mark.skipif(os.name != "posix", reason="POSIX signals")
def test_a_deaf_job_and_its_children_are_killed_within_a_second(tmp_path: Path) -> None:
    code = (
        "import signal, subprocess\n"
        "signal.signal(signal.SIGTERM, lambda *_: open('terminated', 'w'))\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "open('child', 'w').write(str(child.pid))\n"
        'print(\'{"event": "stage", "name": "detect"}\', flush=True)\n'
        "while True: time.sleep(0.1)\n"
    )
    running = capture.Capture(worker(tmp_path, code))
    while running.poll() and not running.progress.stage:
        time.sleep(0.01)
    running.job.cancel()
    until_end(running, ALL_GONE_S)
    assert running.job.exit_code == 130
    assert (tmp_path / "terminated").exists(), "asked politely first"
    assert gone(int((tmp_path / "child").read_text()))


def gone(pid: int, limit_s: float = 2.5) -> bool:
    """Whether a process has ended; one that nobody waited for yet counts as ended."""
    for _ in range(int(limit_s / 0.05)):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


def test_a_grandchild_on_the_pipe_does_not_hold_the_end_up(tmp_path: Path) -> None:
    code = "import subprocess\nsubprocess.Popen([sys.executable, '-c', 'import time; time.sleep(5)'])\n"
    running = capture.Capture(worker(tmp_path, code))
    until_end(running, 4.0)
    assert running.job.exit_code == 0


def test_environment_is_cleaned() -> None:
    dirty = {"PATH": "p", "HOME": "h", "PYTHONPATH": "x", "PYTHONHOME": "x", "LD_LIBRARY_PATH": "x", "VIRTUAL_ENV": "x"}
    assert clean_environment({**dirty, "OCIO": "x"}) == {"PATH": "p", "HOME": "h", "PYTHONNOUSERSITE": "1"}


def test_a_program_that_cannot_start_is_a_runtime_error(tmp_path: Path) -> None:
    with pytest.raises(RuntimeUnfitError, match="cannot be started"):
        Job([str(tmp_path / "none")], tmp_path, tmp_path / "log")


def test_find_prefers_what_is_named_and_never_falls_back(tmp_path: Path) -> None:
    python = tmp_path / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    python.parent.mkdir(parents=True)
    python.touch()
    variable = {runtime.VARIABLE: str(python)}
    assert runtime.find(sys.executable, environment=variable) == Path(sys.executable)
    assert runtime.find("", environment=variable) == python
    assert runtime.find(str(tmp_path / "venv"), environment={}) == python  # the folder of an environment
    with pytest.raises(RuntimeUnfitError, match=r"gone.*the preference"):
        runtime.find(str(tmp_path / "gone"), environment=variable)
    with pytest.raises(RuntimeUnfitError, match=runtime.VARIABLE):
        runtime.find("", environment={runtime.VARIABLE: str(tmp_path / "gone")})


def test_check_names_what_is_missing_and_remembers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = Path(sys.executable)
    monkeypatch.setattr(runtime, "_fit", {})
    monkeypatch.setattr(runtime, "NEEDED", ("json", "no_such_package"))
    with pytest.raises(RuntimeUnfitError, match="lacks no_such_package"):
        runtime.check(python)
    monkeypatch.setattr(runtime, "NEEDED", ("json",))
    assert runtime.check(python).python == "{}.{}.{}".format(*sys.version_info)
    began = time.monotonic()
    runtime.check(python)
    assert time.monotonic() - began < 0.01
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho no\n")
    broken.chmod(0o755)
    with pytest.raises(RuntimeUnfitError, match="not a working Python"):
        runtime.check(broken)


def test_a_package_that_does_not_load_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "_fit", {})
    monkeypatch.setattr(runtime, "NEEDED", ("antigravity_of_ours",))
    monkeypatch.setattr(processes, "clean_environment", lambda _: {**os.environ, "PYTHONPATH": str(tmp_path)})
    (tmp_path / "antigravity_of_ours.py").write_text("raise ImportError('libGL.so.1: cannot open')")
    assert runtime.check(Path(sys.executable)).python  # it is there
    with pytest.raises(RuntimeUnfitError, match=r"antigravity_of_ours is there but does not load \(libGL"):
        runtime.check(Path(sys.executable), really_import=True)


@pytest.mark.skipif(os.name != "posix", reason="POSIX priorities")
def test_a_worker_leaves_blenders_window_the_first_place(tmp_path: Path) -> None:
    code = "time.sleep(0.5)\nprint(os.getpriority(os.PRIO_PROCESS, 0), file=sys.stderr)"
    running = capture.Capture(worker(tmp_path, code))
    until_end(running)
    assert int((tmp_path / "log").read_text()) == min(19, os.getpriority(os.PRIO_PROCESS, 0) + processes.NICENESS)
