"""How well the world is found: `python3 dev.py bench world`.

    dev.py bench world [--model NAME_OR_FILE] [--clips N] [--no-renders] [--record]

Simulated: the validation captures through one still camera each (lifter/train/validation.py), noisy, lens known, with the
true height and without. Naive beside it: the same joints with hips that stay where they are, under a level camera.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from video_to_armature.lifter import networks, pipeline
from video_to_armature.lifter.contract.motion import Motion
from video_to_armature.lifter.contract.skeleton import BODY_27
from video_to_armature.lifter.keypoints import Keypoints
from video_to_armature.lifter.models import weights
from video_to_armature.lifter.rays import STATURE_OF_SIZE, body_size
from video_to_armature.lifter.refine import Terms
from video_to_armature.lifter.train import validation
from video_to_armature.lifter.train.data import load_mocap

from .accuracy import MOCAP
from .world_scores import TRAVELS_M, Score, score

Floats = npt.NDArray[np.floating]

WITHOUT = {
    "refinement": Terms(iterations=0),
    "picture": Terms(picture_m=np.inf),
    "one skeleton": Terms(bone_m=np.inf),
    "acceleration": Terms(acceleration=np.inf),
    "planted feet": Terms(planted_m_s=np.inf),
    "ground": Terms(floor_m=np.inf, below_m=np.inf),
}


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="dev.py bench world", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--model", default=weights.DEFAULT)
    parser.add_argument("--every", type=int, default=1, help="only each so-manieth clip, for a look")
    parser.add_argument("--ablation", action="store_true", help="what each term of the refinement brings")
    parser.add_argument("--noise", choices=("clean", "noisy"), default="noisy")
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
        if options.ablation:
            found |= {f"without {name}": motion(view, lifter, height, terms) for name, terms in WITHOUT.items()}
        for name, one in found.items():
            rows.setdefault(name, []).append(
                score(one.positions, true, one.world_from_cam[2, :3], R[2], validation.FPS)
            )
        rows["fixed hips, level camera"].append(naive(known, true, R[2]))
    print(table(rows))
    return 0


def motion(view: validation.View, lifter: networks.Lifter, height: float | None, terms: Terms | None = None) -> Motion:
    """As `lift` makes it, with the lens known."""
    header = {"fps": validation.FPS, "width": validation.WIDTH, "height": validation.HEIGHT, "first_frame": 0}
    hfov = float(np.degrees(2 * np.arctan(validation.WIDTH / 2 / view.intrinsics[0, 0])))
    points = Keypoints(header, BODY_27.names, view.body_px, view.times)
    run = pipeline.Run(lambda event: None)
    return pipeline.lift_with(points, pipeline.Options(hfov=hfov, height=height), run, lifter, terms)


def naive(one: Motion, true: Floats, up_true: Floats) -> Score:
    """The same joints, hips held over one spot, the camera taken for level."""
    level, up = np.array([[1.0, 0, 0], [0, 0, 1.0], [0, -1.0, 0]]), np.array([0, -1.0, 0])
    in_cam = (one.positions - one.positions[:, :1]) @ one.world_from_cam[:3, :3]
    found = in_cam @ level.T
    lowest = float(np.nanmin(found[..., 2]))
    return score(found - np.array([0, 0, lowest]), true, up, up_true, validation.FPS)


def table(rows: dict[str, list[Score]]) -> str:
    """Markdown: medians over clips, means weighted by frames."""
    lines = [
        "| | tilt ° (median) | path error, % of travelling paths | m, of clips that stay | slide over truth cm/s | slide cm/s | "
        "penetration cm | float cm | acceleration error / true | acceleration / true | peak of fast wrists |",
        "|" + "---|" * 11,
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
            f"{np.nanmedian([s.peak for s in scores]):.2f}",
        ]  # fmt: skip
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
