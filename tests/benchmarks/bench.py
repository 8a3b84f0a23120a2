"""Speed and memory on this machine, appended to RESULTS.md. `python3 dev.py bench` runs it, in minutes."""

from __future__ import annotations

import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
RESULTS = HERE / "RESULTS.md"
VIDEO = ROOT / "demo" / "walk.mp4"
REPEATS = 5
TIMES_LONGER = 6  # of the clip whose memory is compared with the short one's
LEAST_SHARE = 0.75  # of the speed of decoding and detecting alone
MOST_SECONDS = 1.0  # for solving and writing 65 bones x 3,000 frames


@dataclass(frozen=True)
class Ended:
    """A finished process: its last line of output as JSON, seconds of wall clock, peak memory in MB."""

    said: dict[str, Any]
    wall_s: float
    peak_mb: float


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        motion = Path(folder) / "motion.npz"
        alone: list[Ended] = []
        captures: list[Ended] = []
        for turn in range(REPEATS + 1):  # interleaved, so that a busy machine slows both; the first warms the disk
            pair = (measure([HERE / "detector_alone.py", VIDEO]), capture(VIDEO, motion))
            print(f"  {turn}: alone {pair[0].said['seconds']:.2f} s, capture {seconds(pair[1]):.2f} s", flush=True)
            if turn:
                alone.append(pair[0])
                captures.append(pair[1])
        long_video = Path(folder) / "long.mp4"
        lengthen(VIDEO, long_video, TIMES_LONGER)
        long_alone = measure([HERE / "detector_alone.py", long_video])
        long_capture = capture(long_video, Path(folder) / "long.npz")
        retarget = measure([HERE / "retarget_speed.py", motion])

    frames = alone[0].said["frames"]
    share = statistics.median(a.said["seconds"] / seconds(c) for a, c in zip(alone, captures))
    share_wall = statistics.median(a.wall_s / c.wall_s for a, c in zip(alone, captures))
    share_long = long_alone.said["seconds"] / seconds(long_capture)
    fastest = {key: statistics.median(retarget.said[key]) for key in ("apply", "solve_and_write_all")}
    rows = [
        (
            "decoding + detector alone",
            f"{statistics.median(frames / a.said['seconds'] for a in alone):.1f} frames/s",
            "",
        ),
        ("capture, all stages", f"{statistics.median(frames / seconds(c) for c in captures):.1f} frames/s", ""),
        ("capture / alone", f"{share:.2f}", verdict(share >= LEAST_SHARE, f"≥ {LEAST_SHARE}")),
        ("the same, whole processes with their start", f"{share_wall:.2f}", ""),
        (f"the same, clip {TIMES_LONGER} times as long", f"{share_long:.2f}", ""),
        ("peak memory of capture", f"{statistics.median(c.peak_mb for c in captures):.0f} MB", ""),
        (f"peak memory, clip {TIMES_LONGER} times as long", f"{long_capture.peak_mb:.0f} MB", ""),
        ("peak memory of the detector alone", f"{statistics.median(a.peak_mb for a in alone):.0f} MB", ""),
        (
            "solve + write, 65 bones × 3,000 frames",
            f"{fastest['solve_and_write_all']:.2f} s",
            verdict(fastest["solve_and_write_all"] <= MOST_SECONDS, f"≤ {MOST_SECONDS} s"),
        ),
        ("the panel's whole apply, same rig and motion", f"{fastest['apply']:.2f} s", ""),
    ]
    section = heading(frames, captures[0].said, retarget.said["blender"]) + table(rows)
    if not RESULTS.exists():
        RESULTS.write_text(
            "# Benchmark results\n\nEach section is one run of `python3 dev.py bench`; medians.\n", "utf-8"
        )
    with RESULTS.open("a", encoding="utf-8") as stream:
        stream.write(section)
    print(section)
    return 0 if share >= LEAST_SHARE and fastest["solve_and_write_all"] <= MOST_SECONDS else 1


def capture(video: Path, motion: Path) -> Ended:
    return measure(["-m", "lifter", "capture", video, "--out", motion, "--overwrite", "--no-cache", "--events"])


def seconds(captured: Ended) -> float:
    """Of all stages together, without the interpreter's start."""
    return sum(captured.said["seconds"].values())


def measure(arguments: Sequence[str | Path]) -> Ended:
    """Run this Python with these arguments to its end. The process's own peak memory comes from wait4."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        cwd=ROOT,
        stdin=subprocess.PIPE,  # kept open: the worker stops when it ends
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
    )
    assert process.stdout
    lines = process.stdout.read().strip().splitlines()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode or not lines:
        raise SystemExit(f"{' '.join(map(str, arguments))} ended with code {process.returncode}: {lines[-1:]}")
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes on Linux
    return Ended(json.loads(lines[-1]), wall, usage.ru_maxrss * unit / 1e6)


def lengthen(video: Path, target: Path, times: int) -> None:
    """The video, forwards and backwards in turn."""
    import cv2

    reader = cv2.VideoCapture(str(video))
    images = []
    while (got := reader.read())[0]:
        images.append(got[1])
    height, width = images[0].shape[:2]
    writer = cv2.VideoWriter(
        str(target), cv2.VideoWriter.fourcc(*"mp4v"), reader.get(cv2.CAP_PROP_FPS), (width, height)
    )
    for turn in range(times):
        for image in images if turn % 2 == 0 else reversed(images):
            writer.write(image)
    writer.release()


def verdict(good: bool, bar: str) -> str:
    return f"{bar}: {'yes' if good else 'NO'}"


def heading(frames: int, captured: dict[str, Any], blender: str) -> str:
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    changed = subprocess.run(["git", "status", "--porcelain"], cwd=ROOT, capture_output=True, text=True, check=False)
    load = os.getloadavg()[0]
    stages = ", ".join(f"{name} {value:.2f}" for name, value in captured["seconds"].items())
    return (
        f"\n## {datetime.date.today()}, commit {commit.stdout.strip()}{' with changes' if changed.stdout else ''}\n\n"
        f"{processor()}, {os.cpu_count()} cores, load {load:.1f} at the end; {platform.system()}, "
        f"Python {platform.python_version()}, Blender {blender}. `python3 dev.py bench`; demo/walk.mp4 "
        f"({frames} frames), {REPEATS} interleaved repetitions on {captured['device']}. "
        f"Seconds of one capture: {stages}.\n\n"
    )


def table(rows: Sequence[tuple[str, str, str]]) -> str:
    lines = ["| what | measured | bar |", "|---|---|---|", *(f"| {' | '.join(row)} |" for row in rows)]
    return "\n".join(lines) + "\n"


def processor() -> str:
    info = Path("/proc/cpuinfo")
    names = [line for line in info.read_text().splitlines() if line.startswith("model name")] if info.exists() else []
    return names[0].split(":")[1].strip() if names else platform.processor() or platform.machine()


if __name__ == "__main__":
    sys.exit(main())
