"""Renders the clips of a set that are not there yet, one process after another; can be stopped and started again.

    python synthetic/make.py --out FOLDER --clips N [--seed S] [--held-out] [--rigs DIR] [--mocap DIR] [--threads N]
Each clip is drawn in a folder of its own that gets its name when it is whole: FOLDER/train_000/video.mp4, truth.npz, …
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from video_to_armature.lifter.train.data import load_mocap
from video_to_armature.synthetic.draws import MOTIONS, draw
from video_to_armature.synthetic.scenes import Scene

HERE = Path(__file__).resolve().parent
SHARED = HERE.parents[1] / "shared"
MOST_S_A_FRAME = 60  # a render slower than this hangs


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--clips", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--held-out", action="store_true", help="other motions, bodies and draws than for training")
    parser.add_argument("--rigs", type=Path, default=SHARED / "rigs")
    parser.add_argument("--mocap", type=Path, default=SHARED / "mocap")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    options = parser.parse_args(arguments)
    mocap = load_mocap(options.mocap / MOTIONS["held_out" if options.held_out else "train"])
    options.out.mkdir(parents=True, exist_ok=True)
    for left_over in options.out.glob(".part-*"):
        shutil.rmtree(left_over)
    failed = 0
    for number in range(options.clips):
        scene = draw(mocap, options.held_out, options.seed, number)
        if (options.out / scene.name).is_dir():
            continue
        try:
            print(f"{scene.name}: {render(scene, options)}", flush=True)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            failed += 1
            print(f"{scene.name}: failed ({error}); {options.out / (scene.name + '.log')} says more", flush=True)
    print(f"{sum(p.is_dir() for p in options.out.iterdir())} clips in {options.out}, {failed} failed")
    return 1 if failed else 0


def render(scene: Scene, options: argparse.Namespace) -> str:
    """Draw one clip and put it in its place; what to say about it. Raises subprocess's errors."""
    part, log = options.out / f".part-{scene.name}", options.out / f"{scene.name}.log"
    part.mkdir()
    drawn_from = part / "scene.json"
    drawn_from.write_text(scene.to_json(), "utf-8")
    command = [sys.executable, str(HERE / "render.py"), str(drawn_from), str(part), "--threads", str(options.threads)]
    command += ["--rigs", str(options.rigs), "--mocap", str(options.mocap)]
    began = time.monotonic()
    with log.open("w", encoding="utf-8") as stream:
        limit = 120 + MOST_S_A_FRAME * scene.frames
        subprocess.run(command, stdout=stream, stderr=stream, check=True, timeout=limit)
    took = time.monotonic() - began
    part.rename(options.out / scene.name)
    log.unlink()
    return f"{scene.frames} frames in {took:.0f} s, {took / scene.frames:.2f} s a frame"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
