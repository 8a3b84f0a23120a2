"""A long video: memory while it is captured, killed on the way and taken up again, and whether the time left is true.

    python tests/benchmarks/long_run.py [--frames 20000] [--kill-at 0.333] [--video demo/walk.mp4] [--folder DIR]

The clip is played forth and back until there are enough frames. Needs Linux: memory is read from /proc. The network's
stages are part of the run; the cache is a folder of its own.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from video_to_armature.lifter.contract.motion import Motion

ROOT = Path(__file__).resolve().parents[2]
EVERY_S = 0.2  # memory is looked at
SHARES = (0.1, 0.5, 1.0)
NEAR_THE_END = 0.02  # of a stage: what is left there is no longer told in parts of itself


@dataclass
class Watched:
    """A capture and what it said: (seconds, event), and (seconds, MB) of its memory."""

    events: list[tuple[float, dict[str, Any]]] = field(default_factory=list[tuple[float, dict[str, Any]]])
    memory: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])

    def progress(self, stage: str) -> list[tuple[float, dict[str, Any]]]:
        return [(at, e) for at, e in self.events if e["event"] == "progress" and e["stage"] == stage]

    def peak(self, until: float) -> float:
        return max((mb for at, mb in self.memory if at <= until), default=float("nan"))


def lengthen(video: Path, out: Path, count: int) -> None:
    """The clip forth and back, so that nobody jumps, re-encoded to `count` frames."""
    capture, pictures = cv2.VideoCapture(str(video)), []
    fps = capture.get(cv2.CAP_PROP_FPS)
    while (read := capture.read())[0]:
        pictures.append(read[1])
    there_and_back = [*range(len(pictures)), *range(len(pictures) - 2, 0, -1)]
    height, width = pictures[0].shape[:2]
    writer = cv2.VideoWriter(str(out), cv2.VideoWriter.fourcc(*"mp4v"), fps, (width, height))
    for i in range(count):
        writer.write(pictures[there_and_back[i % len(there_and_back)]])
    writer.release()


def capture(video: Path, folder: Path, kill_at: int | None = None) -> Watched:
    """Run it, watched; killed without a word once `kill_at` frames are detected."""
    command = [sys.executable, "-m", "lifter", "capture", str(video), "--out", str(folder / "motion.npz")]
    process = subprocess.Popen(
        [*command, "--cache", str(folder / "cache"), "--events"],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    watched = Watched()
    threading.Thread(target=_watch_memory, args=(process, watched), daemon=True).start()
    assert process.stdout
    for line in process.stdout:
        event = json.loads(line)
        watched.events.append((time.perf_counter(), event))
        if kill_at and event["event"] == "progress" and event["stage"] == "detect" and event["done"] >= kill_at:
            process.kill()
            break
    process.wait()
    return watched


def _watch_memory(process: subprocess.Popen[str], watched: Watched) -> None:
    status = Path(f"/proc/{process.pid}/status")
    while process.poll() is None:
        for line in status.read_text().splitlines():
            if line.startswith("VmRSS:"):
                watched.memory.append((time.perf_counter(), int(line.split()[1]) / 1024))
        time.sleep(EVERY_S)


def eta_errors(watched: Watched, stage: str) -> list[float]:
    """How far the seconds left, as told, were from what was left, in parts of that."""
    told = watched.progress(stage)
    if not told:
        return []
    began, ended = told[0][0], told[-1][0]
    near = NEAR_THE_END * (ended - began)
    return [abs(e["eta"] - (ended - at)) / (ended - at) for at, e in told if "eta" in e and ended - at > near]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--frames", type=int, default=20_000)
    parser.add_argument("--kill-at", type=float, default=1 / 3, help="share of the frames")
    parser.add_argument("--video", type=Path, default=ROOT / "demo" / "walk.mp4")
    parser.add_argument("--folder", type=Path, help="kept afterwards (default: a temporary one)")
    a = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder: Path = a.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        video = folder / "long.mp4"
        lengthen(a.video, video, a.frames)
        print(f"{a.frames} frames, {video.stat().st_size / 1e6:.0f} MB", flush=True)
        killed = capture(video, folder, round(a.kill_at * a.frames))
        print(f"killed at {killed.progress('detect')[-1][1]['done']} frames", flush=True)
        watched = capture(video, folder)
        return report(killed, watched, folder / "motion.npz", a.frames)


def report(killed: Watched, watched: Watched, motion: Path, frames: int) -> int:
    """Print the figures; 1 where the run failed."""
    last = watched.events[-1][1]
    if last["event"] != "done":
        print(f"failed: {last}")
        return 1
    told = watched.progress("detect")
    moved = [at for at, e in told if e["done"] > told[0][1]["done"]]
    print(f"taken up at {told[0][1]['done']} frames after {moved[0] - watched.events[0][0]:.1f} s")
    for share in SHARES:
        run = next(run for run in (killed, watched) if run.progress("detect")[-1][1]["done"] >= share * frames)
        until = next(at for at, e in run.progress("detect") if e["done"] >= share * frames)
        print(f"peak memory until {share:.0%} are detected: {run.peak(until):.0f} MB")
    stages = [(at, e["name"]) for at, e in watched.events if e["event"] == "stage"]
    ends = [*(at for at, _ in stages[1:]), watched.events[-1][0]]
    for (at, name), end in zip(stages, ends, strict=True):
        peak = max((mb for t, mb in watched.memory if at <= t <= end + EVERY_S), default=float("nan"))
        errors = eta_errors(watched, name)
        eta = f", time left wrong by {np.median(errors):.1%} (median), {max(errors):.1%} (most)" if errors else ""
        print(f"{name}: {end - at:.1f} s, peak {peak:.0f} MB{eta}")
    errors = np.array(eta_errors(watched, "detect"))
    print(f"detect: {(errors <= 0.2).mean():.1%} of {len(errors)} told times left are true to 20 %")
    made = Motion.load(motion)
    print(f"motion: {made.frames} frames, {made.known.any(-1).mean():.1%} known")
    return 0


if __name__ == "__main__":
    sys.exit(main())
