"""What a worker can do wrong, done by real processes: hang, die, run out of memory, flood, talk nonsense, be orphaned."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from video_to_armature.addon import capture, job
from video_to_armature.addon.job import Job
from video_to_armature.lifter.contract.protocol import Cancelled, RuntimeUnfitError, V2AError

from .test_job import ALL_GONE_S, gone, say, until_end, worker

ROOT = Path(__file__).resolve().parents[2]
ORPHAN_S = 5.0  # the worker hears of its parent's death at once, and ends 3 s later at the latest
STAGE = say(event="stage", name="detect")

pytestmark = pytest.mark.skipif(os.name != "posix", reason="POSIX signals")


def busy(tmp_path: Path, code: str) -> capture.Capture:
    """A worker that has begun its stage."""
    running = capture.Capture(worker(tmp_path, STAGE + code))
    while running.poll() and not running.progress.stage:
        time.sleep(0.01)
    return running


CHATTER = "W0000 00:00:1795314299.9 728 landmark_projection_calculator.cc:186] Using NORM_RECT"


@pytest.mark.parametrize("words", ["frame 41", ""])
def test_a_killed_worker_is_told_as_such(tmp_path: Path, words: str) -> None:
    running = busy(
        tmp_path, f"print({words!r}, {CHATTER!r}, sep='\\n', file=sys.stderr, flush=True)\nwhile True: time.sleep(1)"
    )
    while CHATTER not in running.job.log_tail(1):
        time.sleep(0.01)
    os.kill(running.job.pid, signal.SIGKILL)
    until_end(running, 2.0)
    ended = f"signal SIGKILL: {words}" if words else "signal SIGKILL"
    with pytest.raises(RuntimeUnfitError, match=rf"ran out of memory \({ended}\)"):
        running.result()
    assert running.died
    assert "signal SIGKILL" in running.report()
    assert f"  {words}" in running.report()
    assert CHATTER in running.report()
    assert "stage: Finding people" in running.report()


def test_a_stopped_worker_is_noticed_and_can_be_cancelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture, "SILENT_S", 0.3)
    running = busy(tmp_path, "while True:\n    time.sleep(0.1)\n    " + say(event="warning", message="still here"))
    time.sleep(0.5)
    running.poll()
    assert running.silent == ""
    os.kill(running.job.pid, signal.SIGSTOP)
    time.sleep(0.6)
    assert running.poll()
    assert running.silent.startswith("The capture has given no sign of life for")
    running.job.cancel()
    until_end(running, ALL_GONE_S)
    with pytest.raises(Cancelled):
        running.result()


def test_a_hung_worker_is_ended_in_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture, "HUNG_S", 0.5)
    running = busy(tmp_path, "time.sleep(600)")
    until_end(running, 2.0)
    with pytest.raises(V2AError, match="no sign of life"):
        running.result()
    assert gone(running.job.pid)


def test_a_worker_without_memory_is_told_what_to_do(tmp_path: Path) -> None:
    code = "import resource\nresource.setrlimit(resource.RLIMIT_AS, (300_000_000,) * 2)\nbytearray(2_000_000_000)"
    running = busy(tmp_path, code)
    until_end(running)
    with pytest.raises(RuntimeUnfitError, match=r"out of memory .*MemoryError.*shorter part"):
        running.result()


def test_a_flooded_log_stays_small_and_keeps_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "LOG_BYTES", 1_000_000)
    code = "for i in range(100_000): print('x' * 99, i, file=sys.stderr)\nprint('the end', file=sys.stderr)"
    running = busy(tmp_path, code + "\ntime.sleep(0.3)\nsys.exit(1)")
    until_end(running)
    assert running.job.log.stat().st_size < 3_000_000  # of 10 MB
    assert running.job.last_words() == "the end"


def test_nonsense_on_the_event_stream_is_counted_and_survived(tmp_path: Path) -> None:
    lines = (
        'no event', '{"event": "progress", "done": "many"}', '{"event": "done", "outputs": 3}', '[1]', '{"event": 7}',
        '{"event": "progress", "eta": 1e999}', '{"event": "progress", "done": Infinity}', '{"event": ["done"]}',
    )  # fmt: skip
    code = f"for line in {lines!r}: print(line, flush=True)\n"
    code += "sys.stdout.buffer.write(b'\\xff\\xfe\\0' * 400_000 + b'\\n'); sys.stdout.flush()\n"
    running = busy(tmp_path, code + say(event="done", outputs=["a.npz"]))
    until_end(running)
    assert running.result() == (Path("a.npz"),)
    assert running.job.garbled >= len(lines) - 1  # an eta beyond all bounds is a number


def test_a_flood_of_events_neither_fills_memory_nor_holds_up_a_poll(tmp_path: Path) -> None:
    code = "for i in range(60_000): " + say(event="progress", stage="detect", done=1, total=2).replace(
        ", flush=True", ""
    )
    running = busy(tmp_path, code + say(event="done", outputs=["a.npz"]))
    time.sleep(0.5)
    assert running.job._events.qsize() <= job.EVENTS_HELD
    while running.poll():  # faster than a tick: each poll is short, as test_job's until_end asserts
        pass
    assert running.result() == (Path("a.npz"),)


def test_children_do_not_outlive_a_worker_that_ended_well(tmp_path: Path) -> None:
    code = "import subprocess\nchild = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
    running = busy(tmp_path, code + "open('child', 'w').write(str(child.pid))\n" + say(event="done", outputs=["a"]))
    until_end(running, 4.0)
    assert running.job.exit_code == 0
    assert gone(int((tmp_path / "child").read_text()))


@pytest.mark.slow
def test_the_real_worker_is_gone_within_a_second_of_cancel(tmp_path: Path) -> None:
    for wait_s in (0.3, 4.0):  # while it loads its packages, and in the midst of detecting
        running = capture.start(
            Path(sys.executable), ROOT / "demo" / "walk.mp4", tmp_path / "m.npz", {"cache": str(tmp_path / "cache")},
            tmp_path / "log", overwrite=True,
        )  # fmt: skip
        began = time.monotonic()
        while running.poll() and time.monotonic() - began < wait_s:
            time.sleep(0.02)
        running.job.cancel()
        until_end(running, ALL_GONE_S)
        assert gone(running.job.pid)
        assert not (tmp_path / "m.npz").exists()


@pytest.mark.slow
def test_the_real_worker_ends_when_its_parent_dies(tmp_path: Path) -> None:
    parent = (
        "import sys, time, subprocess\n"
        f"w = subprocess.Popen([sys.executable, '-m', 'lifter', 'capture', {str(ROOT / 'demo' / 'walk.mp4')!r},"
        f" '--out', {str(tmp_path / 'm.npz')!r}, '--cache', {str(tmp_path / 'cache')!r}, '--events'],"
        f" cwd={str(ROOT)!r}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)\n"
        "print(w.pid, flush=True)\nw.stdout.readline()\ntime.sleep(2)\nprint('busy', flush=True)\ntime.sleep(600)\n"
    )
    blender = subprocess.Popen(
        [sys.executable, "-c", parent], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert blender.stdout is not None
    pid = int(blender.stdout.readline())
    assert blender.stdout.readline() == "busy\n"
    blender.kill()
    blender.wait()
    assert gone(pid, ORPHAN_S)


def test_a_job_of_a_dead_program_has_no_log_to_read(tmp_path: Path) -> None:
    running = Job([sys.executable, "-c", ""], tmp_path, tmp_path / "log")
    while running.exit_code is None:
        time.sleep(0.01)
    (tmp_path / "log").unlink()
    assert (running.log_tail(5), running.last_words()) == ([], "")
