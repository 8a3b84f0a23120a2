"""The demo: one shipped video onto one shipped rig, with a contact sheet and a table. `python3 dev.py demo` runs it.

Each step is a process of its own, as users run them: worker, batch, picture. Standard library only.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "out" / "demo"
VIDEO = ROOT / "demo" / "walk.mp4"
RIG = ROOT / "demo" / "mh_mixamo.fbx"


class StepError(Exception):
    """A step ended badly; the text says which and why."""


def main() -> int:
    OUT.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    motion, blend, report, sheet = (OUT / n for n in ("motion.npz", "walk.blend", "report.json", "contact_sheet.png"))
    try:
        captured = capture(VIDEO, motion)
        seconds: dict[str, float] = dict(captured["seconds"])
        rig = ["--motion", motion, "--rig", RIG, "--preset", "auto"]
        outputs = ["--fbx", OUT / "walk.fbx", "--save", blend, "--report", report, "--overwrite"]
        seconds["animate"] = step("animate", ["addon/batch.py", *rig, *outputs])
        picture = ["--video", VIDEO, "--motion", motion, "--blend", blend, "--out", sheet, "--side"]
        told = json.loads(report.read_text("utf-8"))
        picture += ["--scale", str(told["people"][0]["path_scale"])]
        seconds["picture"] = step("picture", ["demo/contact_sheet.py", *picture])
    except StepError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    print("\n" + table(captured, seconds, told))
    others = sorted(p.name for p in OUT.iterdir() if p != sheet and p.suffix != ".log")
    print(
        f"\n{time.monotonic() - started:.0f} s in all. Look at {sheet.relative_to(ROOT)}; beside it: {', '.join(others)}"
    )
    return 0


def capture(video: Path, motion: Path) -> dict[str, Any]:
    """Run the worker on a video, showing its stages; the fields of its `done` event. Raises StepError."""
    command = [sys.executable, "-m", "lifter", "capture", str(video), "--out", str(motion), "--overwrite", "--events"]
    command.append("--no-cache")  # else a second demo would show the speed of reading a file
    log = motion.parent / "capture.log"
    done: dict[str, Any] = {}
    stage = ""
    error = f"see {log}"
    with log.open("w", encoding="utf-8") as stderr:
        # stdin stays open: its end would tell the worker that we are gone.
        worker = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, encoding="utf-8"
        )
        assert worker.stdout
        for line in worker.stdout:
            event = json.loads(line)
            if event["event"] == "stage" and event["name"] != stage:
                stage = event["name"]
                print(f"  {stage} …", flush=True)
            elif event["event"] == "progress" and sys.stdout.isatty():
                print(f"    {event['done']} of {event['total']}", end="\r", flush=True)
            elif event["event"] == "warning":
                print(f"  warning: {event['message']}", flush=True)
            elif event["event"] == "error":
                error = event["message"]
            elif event["event"] == "done":
                done = event
        code = worker.wait()
    if code or not done:
        raise StepError(f"capture ended with code {code}: {error}")
    return done


def step(name: str, arguments: Sequence[str | Path]) -> float:
    """Run one of the project's scripts, its output in a log; the seconds it took. Raises StepError with its last line."""
    print(f"  {name} …", flush=True)
    began, log = time.monotonic(), OUT / f"{name}.log"
    command = [sys.executable, *(str(a) for a in arguments)]
    with log.open("w", encoding="utf-8") as stream:
        code = subprocess.run(command, cwd=ROOT, stdout=stream, stderr=stream, check=False).returncode
    if code:
        said = log.read_text("utf-8", errors="replace").strip() or "it said nothing"
        raise StepError(f"{name} ended with code {code}: {said.splitlines()[-1]} (all of it: {log})")
    return time.monotonic() - began


def table(captured: dict[str, Any], seconds: dict[str, float], report: dict[str, Any]) -> str:
    """What was done, for people: frames, seconds of each stage, frames a second, bones."""
    frames, worker = captured["frames"], sum(captured["seconds"].values())
    rows = [("frames", f"{frames} (on {captured['device']})")]
    rows += [(name, f"{value:.1f} s") for name, value in seconds.items()]
    rows += [("video to motion", f"{frames / worker:.1f} frames a second")]
    rows += [(key.replace("_", " "), _list(report[key])) for key in ("bones_mapped", "bones_unmapped")]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"  {name:<{width}}  {value}" for name, value in rows)


def _list(names: Sequence[str]) -> str:
    """How many, and the first of them without their common prefix; report.json has them all."""
    some = ", ".join(name.split(":")[-1] for name in names[:6])
    return f"{len(names)}" + (f" ({some}{', …' if len(names) > 6 else ''})" if names else "")


if __name__ == "__main__":
    sys.exit(main())
