"""How far the lifted motion is from the truth: `python3 dev.py bench accuracy`.

    dev.py bench accuracy [--renders FOLDER] [--model NAME_OR_FILE] [--only rendered|simulated] [--out FOLDER] [--record]

Rendered: people that training never saw (synthetic/), against MediaPipe's own 3D on the very same detections. Simulated:
the validation captures through a plain camera and noise of known size (lifter/train/validation.py). From the pelvis on,
one scale a clip. Exit code 1 where a bar is missed or clips are lacking. --record appends the section to RESULTS.md.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from video_to_armature.lifter import lens, lens_guess, level, networks, pipeline
from video_to_armature.lifter import lift as lifting
from video_to_armature.lifter.contract.protocol import RuntimeUnfitError, V2AError
from video_to_armature.lifter.models import weights
from video_to_armature.lifter.networks import Lifter
from video_to_armature.lifter.repair import repaired
from video_to_armature.lifter.smooth import smooth
from video_to_armature.lifter.train import validation
from video_to_armature.lifter.train.data import load_mocap
from video_to_armature.lifter.world import to_world

from . import accuracy_clips as clips
from . import accuracy_confidence as confidences
from .accuracy_pictures import Shown, draw
from .accuracy_scores import JOINTS, Pair, Score, pair, score
from .bench import RESULTS, ROOT, processor

Floats = npt.NDArray[np.floating]

HELD_OUT = ROOT / "runs" / "renders" / "held_out"
MOCAP = ROOT.parent / "shared" / "mocap" / "val.npz"
LEAST_FRAMES = 1500
BARE, CAPTURED = "network, lens known", "captured"
MEDIAPIPE, MEDIAPIPE_FILTERED = "MediaPipe's 3D", "MediaPipe's 3D, 8 Hz"
MOST_OF_MEDIAPIPE = {"mpjpe": 0.55, "acceleration": 0.3}  # ours over MediaPipe's own 3D
MOST_MM = dict(zip(validation.SETS, (35, 50, 45, 60), strict=True))  # over H36M_17


class Report:
    """The section as it grows, whether a bar was missed, and every confidence with its error."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.failed = False
        self.sure: dict[str, list[tuple[Floats, Floats]]] = {}

    def say(self, *lines: str) -> None:
        self.lines += lines
        print("\n".join(lines), flush=True)

    def verdict(self, good: bool, bar: str) -> str:
        self.failed |= not good
        return f"{bar}: {'PASS' if good else 'FAIL'}"

    def keep(self, name: str, confidence: Floats | None, one: Pair) -> None:
        """The confidence (F, 27) that the lifter gives, if it does, beside the error of the same joints; the root has none."""
        if confidence is not None:
            predicted, true = one.scaled()
            error = 1000 * np.linalg.norm(predicted - true, axis=-1)
            self.sure.setdefault(name, []).append((confidence[:, 1:], error[:, 1:]))


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="dev.py bench accuracy", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--renders", type=Path, default=HELD_OUT, help="folder of clips made by synthetic/make.py")
    parser.add_argument("--model", default=weights.DEFAULT, help="name, or file of weights that sees rays")
    parser.add_argument("--only", choices=("rendered", "simulated"))
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "accuracy", help="folder for pictures")
    parser.add_argument("--record", action="store_true", help=f"append to {RESULTS.relative_to(ROOT).as_posix()}")
    options = parser.parse_args(arguments)
    report = Report()
    try:
        lifter = networks.load(options.model, "auto", warn)
        networks.check(lifter)
        if lifter.info.view != "rays" or len(lifter.skeleton) != len(JOINTS["BODY_27"]):
            raise RuntimeUnfitError(
                f"{lifter.info.path}: this benchmark is for networks that see rays and give BODY_27."
            )
        options.out.mkdir(parents=True, exist_ok=True)
        report.say(*heading(lifter, arguments))
        if options.only != "simulated":
            rendered(lifter, options.renders, options.out, report)
        if options.only != "rendered":
            simulated(lifter, report)
    except V2AError as error:
        print(f"dev.py bench accuracy: {error}", file=sys.stderr)
        return error.exit_code
    if report.sure:
        calibrated(options.out, report)
    if options.record:
        with RESULTS.open("a", encoding="utf-8") as stream:
            stream.write("\n" + "\n".join(report.lines) + "\n")
    return int(report.failed)


def lifted(
    lifter: Lifter, body_px: Floats, times: Floats, intrinsics: Floats, up: Floats | None = None
) -> lifting.Lifted:
    """As the pipeline lifts: nothing filtered yet. up (F, 3): of lift."""
    return lifting.lift(lifter, body_px, times, intrinsics, None, lambda done, total: None, warn, up)


def rendered(lifter: Lifter, renders: Path, out: Path, report: Report) -> None:
    """Held-out clips: ours and MediaPipe's own 3D, bare and smoothed as `capture` does."""
    folders = clips.folders(renders)
    there = sum(clips.frames(folder) for folder in folders)
    if there < LEAST_FRAMES:
        report.failed = True
        print(
            f"{renders}: {there} rendered frames, a benchmark needs {LEAST_FRAMES}. Make them with `.venv/bin/python "
            f"synthetic/make.py --out {renders} --clips 18 --held-out`: half an hour on two idle cores, two hours on busy "
            "ones; it goes on where it stopped.",
            flush=True,
        )
    if not there:
        return
    rows: dict[str, list[Pair]] = {}
    drawn: list[Shown] = []
    for folder in folders:
        clip = clips.read(folder)
        if not clip.found.any():
            continue
        true_lens = lifted(lifter, clip.body_px, clip.times, clip.intrinsics)
        usual_lens = lifted(lifter, clip.body_px, clip.times, usual_intrinsics(clip.size))
        capture = captured(lifter, clip.body_px, clip.times, guessed_intrinsics(lifter, clip), clip.lines)
        answers = {
            BARE: true_lens.joints,
            "network, lens unknown (55°)": usual_lens.joints,
            CAPTURED: capture.joints,
            "captured, lens known": captured(lifter, clip.body_px, clip.times, clip.intrinsics, clip.lines).joints,
            "captured without lines": captured(
                lifter, clip.body_px, clip.times, guessed_intrinsics(lifter, clip)
            ).joints,
            MEDIAPIPE: clip.mediapipe_3d,
            MEDIAPIPE_FILTERED: filtered(clip.mediapipe_3d, clip.body_px[..., 2], clip.times),
            "a statue of the truth's median": np.broadcast_to(
                np.median(clip.joints_cam - clip.joints_cam[:, :1], 0), clip.joints_cam.shape
            ),
        }
        pairs = {name: pair(joints, clip.joints_cam, clip.found, clip.fps) for name, joints in answers.items()}
        for name, one in pairs.items():
            rows.setdefault(name, []).append(one)
        drawn.append(Shown(clip, pairs[CAPTURED], pairs[MEDIAPIPE]))
        report.keep("rendered", capture.confidence, pairs[CAPTURED])
    counted = sum(int(one.clip.found.sum()) for one in drawn)
    report.say(
        f"### {len(folders)} rendered clips, {there} frames; the detector missed the person in {there - counted}", ""
    )
    if not drawn:
        return
    found = {(name, joints): score(pairs, at) for name, pairs in rows.items() for joints, at in JOINTS.items()}
    report.say("| | joints | MPJPE mm | P-MPJPE mm | MPJVE mm/frame | m/s | acceleration m/s² |", "|---" * 7 + "|")
    report.say(*(line(name, joints, found[name, joints]) for joints in JOINTS for name in rows))
    still = found[BARE, "H36M_17"].true_acceleration
    report.say("", f"The truth's own mean acceleration from the pelvis on: {still:.2f} m/s² over H36M_17.", "")
    report.say("| ours | over | joints | MPJPE | acceleration |", "|---" * 5 + "|")
    # Judged is what users get from either: our capture, and MediaPipe's 3D as it comes.
    against = ((CAPTURED, MEDIAPIPE), (CAPTURED, MEDIAPIPE_FILTERED), (BARE, MEDIAPIPE))
    report.say(
        *(
            f"| {name} | {theirs} | {joints} | "
            + " | ".join(
                ratio(report, found[name, joints], found[theirs, joints], what, (name, theirs) == against[0])
                for what in MOST_OF_MEDIAPIPE
            )
            + " |"
            for joints in JOINTS
            for name, theirs in against
        ),
        "",
    )
    print("pictures:", *draw(drawn, out), flush=True)


def ratio(report: Report, ours: Score, theirs: Score, what: str, barred: bool) -> str:
    value, most = getattr(ours, what) / getattr(theirs, what), MOST_OF_MEDIAPIPE[what]
    return f"{value:.2f}" + (f" ({report.verdict(value <= most, f'≤ {most:g}')})" if barred else "")


def usual_intrinsics(size: tuple[int, int]) -> Floats:
    """(3, 3) that `capture` takes where nothing is known of the lens."""
    return lens.intrinsics(*size, pipeline.Options())


def guessed_intrinsics(lifter: Lifter, clip: clips.Clip) -> Floats:
    """(3, 3) that `capture` guesses from the person, as neither the user nor the film tells the lens."""
    found = usual_intrinsics(clip.size)
    found[0, 0] = found[1, 1] = lens_guess.guess(lifter, clip.body_px, clip.times, clip.size)[0]
    return found


def captured(
    lifter: Lifter, body_px: Floats, times: Floats, intrinsics: Floats, lines: Floats | None = None
) -> lifting.Lifted:
    """Joints (F, 27, 3) in camera axes as `capture` gives them: repaired, in the world, refined, filtered, and back; but with
    those that it would leave without keys, so that all are judged on the same. And their confidence. lines: of Keypoints."""
    body_px = repaired(body_px, times, lifter.skeleton)[0]
    up = level.first_look(lifter, body_px, times, intrinsics, lines=lines)
    found = lifted(lifter, body_px, times, intrinsics, level.in_each_frame(up[0], 0, None, len(times)))
    world = to_world(found, body_px, times, intrinsics, up_spread=up)
    sure = body_px[..., 2] if found.confidence is None else found.confidence
    return replace(found, joints=filtered(world.positions, sure, times) @ world.world_from_cam[:3, :3])


def filtered(joints: Floats, sure: Floats, times: Floats) -> Floats:
    """(F, 27, 3) from the root, as the pipeline filters with confidences (F, 27)."""
    relative = joints - joints[:, :1]
    confidence = np.where(np.isfinite(relative).all(-1), np.maximum(sure, pipeline.LEAST_CONFIDENCE), 0)
    return smooth(relative, confidence, times, pipeline.Options().smooth_hz)[0]


def simulated(lifter: Lifter, report: Report) -> None:
    """The validation captures, whole clips, each through one still camera."""
    mocap = load_mocap(MOCAP)
    report.say(f"### {len(mocap.start)} captured clips, {len(mocap.joints)} frames, through a simulated detector", "")
    report.say("| | | H36M_17 mm | bar | P-MPJPE mm | BODY_27 mm | acceleration m/s² |", "|---" * 7 + "|")
    for name, (noise, varied) in validation.SETS.items():
        pairs: dict[str, list[Pair]] = {"network": [], "captured": []}
        for view in validation.views(mocap, noise, varied):
            found = lifted(lifter, view.body_px, view.times, view.intrinsics)
            everywhere = np.ones(len(view.times), bool)
            capture = captured(lifter, view.body_px, view.times, view.intrinsics)
            for what, joints in (("network", found.joints), ("captured", capture.joints)):
                pairs[what].append(pair(joints, view.joints_cam, everywhere, validation.FPS))
            report.keep(name, capture.confidence, pairs["captured"][-1])
        for what, clips_of in pairs.items():
            h36m, body = score(clips_of, JOINTS["H36M_17"]), score(clips_of, JOINTS["BODY_27"])
            judged = what == "captured"
            bar = report.verdict(h36m.mpjpe <= MOST_MM[name], f"≤ {MOST_MM[name]}") if judged else ""
            report.say(
                f"| {name} | {what} | {h36m.mpjpe:.1f} | {bar} | {h36m.p_mpjpe:.1f} | {body.mpjpe:.1f} | "
                f"{h36m.acceleration:.2f} |"
            )
    report.say("")


def calibrated(out: Path, report: Report) -> None:
    """What the confidences are worth, set by set."""
    found = {
        name: confidences.calibration(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))
        for name, parts in report.sure.items()
    }
    report.say("### Confidence: the probability of being within 50 mm", "", confidences.table(found))
    confidences.draw(found, out / "confidence.png")
    print("picture:", out / "confidence.png")


def line(name: str, joints: str, s: Score) -> str:
    return f"| {name} | {joints} | {s.mpjpe:.1f} | {s.p_mpjpe:.1f} | {s.mpjve:.1f} | {s.velocity:.3f} | {s.acceleration:.2f} |"


def heading(lifter: Lifter, arguments: Sequence[str]) -> list[str]:
    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()

    changed = " with changes" if git("status", "--porcelain") else ""
    return [
        f"## {datetime.date.today()}, commit {git('rev-parse', '--short', 'HEAD')}{changed}: accuracy",
        "",
        f"{processor()}, {os.cpu_count()} cores; {platform.system()}, Python {platform.python_version()}; "
        f"{lifter.info.name} ({lifter.info.sha256[:12]}) on {lifter.device}. "
        f"`python3 dev.py {' '.join(['bench', 'accuracy', *arguments])}`",
        "",
    ]


def warn(message: str) -> None:
    print(message, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
