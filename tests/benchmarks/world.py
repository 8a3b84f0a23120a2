"""How well the world is found: `python3 dev.py bench world`.

    dev.py bench world [--model NAME_OR_FILE] [--every N] [--noise clean] [--ablation] [--renders FOLDER]

Simulated: the validation captures through one still camera each (lifter/train/validation.py), noisy, lens known, with the
true height and without, and through a camera in the same place that follows the person and shakes. Naive beside it: the same
joints with hips that stay where they are, under a level camera. What no capture can beat in acceleration: the truth itself
without what is faster than the network can see, and the best filter of the same noisy points, which knows the spectra of this
very motion and this very noise, and depth besides. Rendered: held-out people that the real detector saw, lens
unknown, true height.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.fft import dct, idct
from scipy.ndimage import uniform_filter1d
from scipy.signal import butter, sosfiltfilt
from scipy.spatial.transform import Rotation

from video_to_armature.lifter import networks, pipeline
from video_to_armature.lifter.contract.motion import Motion
from video_to_armature.lifter.contract.skeleton import BODY_27
from video_to_armature.lifter.keypoints import Keypoints
from video_to_armature.lifter.models import weights
from video_to_armature.lifter.rays import STATURE_OF_SIZE, body_size
from video_to_armature.lifter.refine import Terms
from video_to_armature.lifter.smooth import whittaker
from video_to_armature.lifter.train import validation
from video_to_armature.lifter.train.data import load_mocap

from . import accuracy_clips as clips
from .accuracy import MOCAP
from .bench import ROOT
from .world_scores import TRAVELS_M, Score, score

Floats = npt.NDArray[np.floating]

FOLLOWED = 0.5  # share of the way
SHAKE_DEG = 0.4  # root mean square of a hand's shake, about each axis
TOLD_DEG = 0.05  # of the rotations that the background tells, from frame to frame
FILTER_BINS = 5  # neighbouring cosines over which a spectrum is averaged
BEST_HZ = 7.5  # more than that a network at 15 frames a second cannot see
WITHOUT = {
    "refinement": Terms(iterations=0),
    "picture": Terms(picture_m=np.inf),
    "one skeleton": Terms(bone_m=np.inf),
    "acceleration": Terms(acceleration=np.inf),
    "planted feet": Terms(planted_m_s=np.inf),
    "ground": Terms(floor_m=np.inf, below_m=np.inf),
    "feet under the shin": Terms(ankle_m=np.inf),
}


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="dev.py bench world", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--model", default=weights.DEFAULT)
    parser.add_argument("--every", type=int, default=1, help="only each so-manieth clip, for a look")
    parser.add_argument("--ablation", action="store_true", help="what each term of the refinement brings")
    parser.add_argument("--noise", choices=("clean", "noisy"), default="noisy")
    parser.add_argument("--renders", type=Path, default=ROOT / "runs" / "renders" / "held_out")
    options = parser.parse_args(arguments)
    lifter = networks.load(options.model, "cpu", lambda line: print(line, file=sys.stderr))
    mocap = load_mocap(MOCAP)
    rows: dict[str, list[Score]] = {"fixed hips, level camera": []}
    noise = validation.NOISY if options.noise == "noisy" else validation.CLEAN
    for i, view in enumerate(validation.views(mocap, noise, 0.0)):
        if i % options.every:
            continue
        R = view.world_from_cam[:3, :3]
        true = view.joints_cam @ R.T + view.world_from_cam[:3, 3]
        height = float(np.median(body_size(true))) * STATURE_OF_SIZE
        known = motion(view, lifter, height)
        found = {"ours": known, "ours, height unknown": motion(view, lifter, None)}
        found["ours, camera follows"] = motion(view, lifter, height, turned=following(view, np.random.default_rng(i)))
        if options.ablation:
            found |= {f"without {name}": motion(view, lifter, height, terms) for name, terms in WITHOUT.items()}
        for name, one in found.items():
            rows.setdefault(name, []).append(score(one.positions, true, up(one), R[2], validation.FPS))
        rows["fixed hips, level camera"].append(naive(known, true, R[2]))
        best = sosfiltfilt(butter(2, BEST_HZ, fs=validation.FPS, output="sos"), true, axis=0)
        rows.setdefault(f"the truth, below {BEST_HZ:g} Hz", []).append(score(best, true, R[2], R[2], validation.FPS))
        best = best_filter(view) @ R.T + view.world_from_cam[:3, 3]
        rows.setdefault("best filter, depth known", []).append(score(best, true, R[2], R[2], validation.FPS))
    print(f"Simulated, {options.noise}:\n\n{table(rows)}\n")
    if rows := rendered(lifter, options.renders):
        print(f"Rendered:\n\n{table(rows)}")
    return 0


def rendered(lifter: networks.Lifter, folder: Path) -> dict[str, list[Score]]:
    """Of each held-out clip that was drawn; nothing where there are none."""
    rows: dict[str, list[Score]] = {}
    for clip in (clips.read(one) for one in clips.folders(folder)):
        if not clip.found.any():
            continue
        with np.load(clip.folder / "truth.npz", allow_pickle=False) as truth:
            world_from_cam, floor = truth["world_from_cam"], float(truth["floor"])
        R = world_from_cam[:3, :3]
        true = clip.joints_cam @ R.T + world_from_cam[:3, 3] - [0, 0, floor]
        height = float(np.median(body_size(true))) * STATURE_OF_SIZE
        header = {"fps": clip.fps, "width": clip.size[0], "height": clip.size[1], "first_frame": 0}
        run, options = pipeline.Run(lambda event: None), pipeline.Options(height=height)
        for name, lines in (("ours", clip.lines), ("ours, without lines", None)):
            points = Keypoints(header, BODY_27.names, clip.body_px, clip.times, None, lines)
            one = pipeline.lift_with(pipeline.tell_lens(points, options, run, lifter), options, run, lifter)
            if not one.known.all(1).any():
                print(f"{clip.folder.name}: left out, parts of the body are out of sight all the time")
                break
            rows.setdefault(name, []).append(score(one.positions, true, up(one), R[2], clip.fps))
            if name == "ours":
                rows.setdefault("fixed hips, level camera", []).append(naive(one, true, R[2], clip.fps))
    return rows


def up(one: Motion) -> Floats:
    """(3,) the world's up in the axes of the first camera."""
    return one.world_from_cam[2, :3] if one.world_from_cam.ndim == 2 else one.world_from_cam[0, 2, :3]


def following(view: validation.View, rng: np.random.Generator) -> Floats:
    """(F, 3, 3) first_from_cam of a camera in the same place that follows the person half the way, and shakes."""
    at = whittaker(view.joints_cam[:, 0], np.ones(len(view.times)), view.times, 0.3)
    pan = FOLLOWED * (np.arctan2(at[:, 0], at[:, 2]) - np.arctan2(at[0, 0], at[0, 2]))
    waves = np.sin(2 * np.pi * (rng.uniform(1, 6, (1, 4, 3)) * view.times[:, None, None] + rng.random((1, 4, 3)))).sum(
        1
    )
    turns = np.radians(SHAKE_DEG) * waves / np.sqrt(2)
    turns[:, 1] += pan
    return Rotation.from_rotvec(turns - turns[0]).as_matrix()


def motion(
    view: validation.View,
    lifter: networks.Lifter,
    height: float | None,
    terms: Terms | None = None,
    turned: Floats | None = None,
) -> Motion:
    """As `lift` makes it, with the lens known. turned (F, 3, 3): first_from_cam of a camera that turns meanwhile; what is
    told of it is off by TOLD_DEG, as is what the background tells (tests/lifter/test_background.py)."""
    header = {"fps": validation.FPS, "width": validation.WIDTH, "height": validation.HEIGHT, "first_frame": 0}
    hfov = float(np.degrees(2 * np.arctan(validation.WIDTH / 2 / view.intrinsics[0, 0])))
    body, told = view.body_px, None
    if turned is not None:
        rays = np.concatenate([body[..., :2], np.ones_like(body[..., :1])], -1) @ np.linalg.inv(view.intrinsics).T
        px = rays @ turned @ view.intrinsics.T
        body = np.concatenate([px[..., :2] / px[..., 2:], body[..., 2:]], -1).astype(np.float32)
        off = np.random.default_rng(0).normal(0, np.radians(TOLD_DEG), (len(turned), 3))
        told = turned @ Rotation.from_rotvec(off - off[0]).as_matrix()
    points = Keypoints(header, BODY_27.names, body, view.times, told)
    run = pipeline.Run(lambda event: None)
    return pipeline.lift_with(points, pipeline.Options(hfov=hfov, height=height), run, lifter, terms)


def best_filter(view: validation.View) -> Floats:
    """(F, 27, 3) in camera axes: of each joint the points as seen, at the true depth, through a Wiener filter that knows the
    spectra of its motion and of its noise (cosines, means of FILTER_BINS); the true depth through the same filter. Points that
    are hidden or guessed are taken as they truly are."""
    true, centre, focal = view.joints_cam.astype(float), view.intrinsics[:2, 2], np.diag(view.intrinsics)[:2]
    off = (view.body_px[..., :2] - centre) / focal * true[..., 2:] - true[..., :2]
    noise = np.where(view.body_px[..., 2:] > validation.GUESSED[1], np.nan_to_num(off), 0)
    motion, disturbed = (np.asarray(dct(x, axis=0, norm="ortho")) for x in (true, noise))
    power, disturbance = (
        np.asarray(uniform_filter1d(x[..., :2] ** 2, FILTER_BINS, axis=0)) for x in (motion, disturbed)
    )
    power[0] = motion[0, :, :2] ** 2
    gain = power / np.maximum(power + disturbance, 1e-12)
    across = gain * (motion[..., :2] + disturbed)
    along = gain.mean(-1, keepdims=True) * motion[..., 2:]
    return np.asarray(idct(np.concatenate([across, along], -1), axis=0, norm="ortho"))


def naive(one: Motion, true: Floats, up_true: Floats, fps: float = validation.FPS) -> Score:
    """The same joints, hips held over one spot, the camera taken for level."""
    level, up = np.array([[1.0, 0, 0], [0, 0, 1.0], [0, -1.0, 0]]), np.array([0, -1.0, 0])
    in_cam = (one.positions - one.positions[:, :1]) @ one.world_from_cam[:3, :3]
    found = in_cam @ level.T
    lowest = float(np.nanmin(found[..., 2]))
    return score(found - np.array([0, 0, lowest]), true, up, up_true, fps)


def table(rows: dict[str, list[Score]]) -> str:
    """Markdown: medians over clips, means weighted by frames."""
    lines = [
        "| | tilt ° (median) | path error, % of travelling paths | m, of clips that stay | slide over truth cm/s | slide cm/s | "
        "penetration cm | float cm | acceleration error / true | acceleration / true | peak of fast wrists | "
        "flat feet roll ° |",
        "|" + "---|" * 12,
    ]
    for name, scores in rows.items():
        weight = np.array([s.frames for s in scores], float)

        def mean(values: list[float], weight: Floats = weight) -> float:
            array = np.array(values)
            ok = np.isfinite(array)
            return float(np.average(array[ok], weights=weight[ok])) if ok.any() else np.nan

        far = [s for s in scores if s.reach_m > TRAVELS_M]
        near = [s for s in scores if s.reach_m <= TRAVELS_M]
        true = mean([s.true_acceleration for s in scores])
        cells = [
            f"{np.median([s.tilt for s in scores]):.2f}",
            f"{100 * np.mean([s.path_error / s.path_m for s in far]):.1f}" if far else "–",
            f"{np.mean([s.path_error for s in near]):.3f}" if near else "–",
            f"{100 * mean([s.slide for s in scores]):.1f}", f"{100 * mean([s.slide_alone for s in scores]):.1f}",
            f"{100 * mean([s.penetration for s in scores]):.1f}", f"{100 * mean([s.float_ for s in scores]):.1f}",
            f"{mean([s.acceleration_error for s in scores]) / true:.2f}", f"{mean([s.acceleration for s in scores]) / true:.2f}",
            f"{np.nanmedian([s.peak for s in scores]):.2f}", f"{mean([s.roll for s in scores]):.1f}",
        ]  # fmt: skip
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
