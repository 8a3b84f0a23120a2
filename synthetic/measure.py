"""What the real detector gets wrong on rendered clips: detects, compares with the truth, fits the error model.

    python synthetic/measure.py FOLDER … [--out lifter/train/detector_errors.npz] [--bank residuals.npz] [--report report.md]
Detections are kept beside each clip as keypoints.npz. README.md says how each figure is found and what it means.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from math import erf
from pathlib import Path

import numpy as np
import numpy.typing as npt

from video_to_armature.lifter.train import detector as E
from video_to_armature.synthetic import report
from video_to_armature.synthetic.clips import Clip, read

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

L = len(E.LANDMARKS)
MIRROR = list(E.mirror_errors(np.arange(L, dtype=float)[None, :, None].repeat(2, 2))[0, :, 1].astype(int))
LIMBS = (("shoulder", "elbow", "wrist", "index", "pinky"), ("hip", "knee", "ankle", "heel", "toe"))
SURE = 0.5  # visibility from which a point tells the bias
RIDGE = 2.0  # frames' worth of doubt about each term of the bias
HUBER = 0.02  # of the stature: errors beyond count less for the bias
WORST = 0.35  # of the stature: errors are cut there for the deviations
LAGS = 20  # frames over which the memory is fitted
BURST_LAGS = (4, 10)  # frames between which the bursts' memory is read, past the noise's own
KNOTS = (0.03, 0.1, 0.25, 0.5, 0.75, 0.9, 0.97, 0.99, 0.998)  # visibilities of the table of deviations
BANDWIDTH = 0.8  # of a knot, in logits
FEW = 60.0  # points about a knot; with fewer all landmarks count
FLIPPED = np.array([1, -1, 1, 1, -1, -1, 1, 1, 1.0])  # harmonics of the person in the mirror


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="+", help="what make.py wrote")
    parser.add_argument("--out", type=Path, help="where the error model goes")
    parser.add_argument("--bank", type=Path, help="where the errors themselves go")
    parser.add_argument("--report", type=Path, help="where the tables go (else to the terminal)")
    options = parser.parse_args(arguments)
    clips = [read(path.parent) for folder in options.folders for path in sorted(folder.glob("[!.]*/truth.npz"))]
    model = fit(clips)
    if options.out:
        model.save(options.out)
    if options.bank:
        save_bank(options.bank, clips, model)
    text = report.tables(clips, model)
    if options.report:
        options.report.write_text(text, "utf-8")
    else:
        sys.stdout.write(text)
    return 0


def fit(clips: Sequence[Clip]) -> E.ErrorModel:
    """The error model of these clips, all at one frame rate."""
    swapped = [np.stack([swaps(clip, limb) for limb in LIMBS], 1) for clip in clips]  # (F, 2)
    clean = [without_swaps(clip, where) for clip, where in zip(clips, swapped)]  # (F, L, 2)
    all_swapped, missed = np.concatenate(swapped), np.concatenate([~clip.found for clip in clips])
    bias = fit_bias(clips, clean)
    logits = np.log(np.array(KNOTS) / (1 - np.array(KNOTS)))
    shown = [logit(clip.visibility) for clip in clips]
    seen, about, seen_memory = fit_visibility(clips, shown)
    blank = E.ErrorModel(
        30.0, bias, seen, about, seen_memory, logits, np.ones((L, len(logits))), np.ones((L, 3)), np.ones(L), np.eye(L),
        np.zeros(L), 0.0, 0.0, np.zeros(2), 1.0, 0.0, 1.0,
    )  # fmt: skip
    rest = [error - E.bias(blank, clip.joints_cam) for clip, error in zip(clips, clean)]
    noise = fit_noise(rest, shown, logits)
    unit = [r / deviation(noise, logits, s)[..., None] for r, s in zip(rest, shown)]
    shares, memory = fit_memory(unit)
    bursts, bursts_memory, bursts_common = fit_bursts(unit)
    return E.ErrorModel(
        30.0, bias, seen, about, seen_memory, logits, noise, shares, memory, fit_correlation(unit),
        bursts, bursts_memory, bursts_common, all_swapped.mean(0), spell_length([w.any(1) for w in swapped]),
        float(missed.mean()), spell_length([~clip.found for clip in clips]),
    )  # fmt: skip


def swaps(clip: Clip, limb: Sequence[str]) -> Mask:
    """(F,) where a limb's left landmarks lie on its right joints and the other way round."""
    left, right = ([E.LANDMARKS.index(f"{side}_{name}") for name in limb] for side in ("left", "right"))
    size = E.stature(clip.joints_cam)
    apart = (
        clip.joints_cam[:, [E.ROWS[r] for r in right], :2] - clip.joints_cam[:, [E.ROWS[r] for r in left], :2]
    ) / size
    straight = np.linalg.norm(clip.error[:, left], axis=-1) + np.linalg.norm(clip.error[:, right], axis=-1)
    crossed = np.linalg.norm(clip.error[:, left] - apart, axis=-1) + np.linalg.norm(
        clip.error[:, right] + apart, axis=-1
    )
    with np.errstate(invalid="ignore"):
        return (straight.mean(1) > 0.1) & (crossed.mean(1) < 0.5 * straight.mean(1))


def without_swaps(clip: Clip, swapped: Mask) -> Floats:
    """Errors (F, L, 2), NaN for the limbs that are changed over (F, 2)."""
    out = clip.error.copy()
    for limb, where in zip(LIMBS, swapped.T):
        for at, name in enumerate(E.LANDMARKS):
            if name.removeprefix("left_").removeprefix("right_") in limb:
                out[where, at] = np.nan
    return out


def fit_bias(clips: Sequence[Clip], clean: Sequence[Floats]) -> Floats:
    """(L, TERMS) by least squares with a ridge, large errors held back; each clip and its mirror image count."""
    rows: list[dict[int, Floats]] = []
    wanted: list[Floats] = []
    sure: list[Mask] = []
    for clip, error in zip(clips, clean):
        good = clip.inside & (clip.visibility > SURE)
        rows += [E.design(clip.joints_cam), E.design(E.mirror(clip.joints_cam))]
        wanted += [error, E.mirror_errors(error)]
        sure += [good, good[:, MIRROR]]
    targets, usable = np.concatenate(wanted), np.concatenate(sure)
    bias = np.zeros((L, E.TERMS))
    for at in rows[0]:
        terms = np.concatenate([row[at] for row in rows])  # (N, 2, TERMS)
        use = usable[:, at] & np.isfinite(targets[:, at]).all(-1)
        A, y = terms[use], targets[use, at]
        weight = np.ones(len(y))
        for _ in range(8):
            left = (A * weight[:, None, None]).reshape(-1, E.TERMS).T
            bias[at] = np.linalg.solve(left @ A.reshape(-1, E.TERMS) + RIDGE * np.eye(E.TERMS), left @ y.ravel())
            off = np.linalg.norm(y - A @ bias[at], axis=-1)
            weight = np.minimum(1, HUBER / np.maximum(off, 1e-9))
    for at in rows[0]:
        bias[MIRROR[at]] = bias[at]  # the right ones are read in the mirror
    return bias


def logit(visibility: Floats) -> Floats:
    v = np.clip(visibility, 0.005, 0.9995)
    return np.where(visibility > 0, np.log(v / (1 - v)), np.nan)


def fit_visibility(clips: Sequence[Clip], shown: Sequence[Floats]) -> tuple[Floats, Floats, Floats]:
    """Logit of the visibility by the torso's view (L, HARMONICS), the rest at SCORES (L, S) and its memory (L,)."""
    view = [E.harmonics(E.part_axes(clip.joints_cam)["torso"], clip.joints_cam[:, 0]) for clip in clips]
    A = np.concatenate(view + [v * FLIPPED for v in view])
    y = np.concatenate([*shown, *(s[:, MIRROR] for s in shown)])
    out = np.zeros((L, E.HARMONICS))
    for at in range(L):
        use = np.isfinite(y[:, at])
        out[at] = np.linalg.solve(A[use].T @ A[use] + RIDGE * np.eye(E.HARMONICS), A[use].T @ y[use, at])
    rest = [s - v @ out.T for s, v in zip(shown, view)]
    every = np.concatenate(rest)
    now, later = np.concatenate([r[:-1] for r in rest]), np.concatenate([r[1:] for r in rest])
    memory = np.nanmean(now * later, 0) / np.nanmean(now**2, 0)
    both = np.concatenate([every, every[:, MIRROR]])
    about = np.nanquantile(both, [0.5 + erf(score / 2**0.5) / 2 for score in E.SCORES], axis=0).T
    return out, about, np.clip(memory, 0, 0.995)


def fit_noise(rest: Sequence[Floats], shown: Sequence[Floats], logits: Floats) -> Floats:
    """(L, V) deviation of x and y near each visibility; left and right as one; where there are few points, as all."""
    square = np.minimum(np.concatenate(rest) ** 2, WORST**2).mean(-1)  # (N, L)
    at = np.concatenate(shown)
    usable = np.isfinite(square) & np.isfinite(at)
    square, at = np.where(usable, square, 0), np.where(usable, at, 0)
    out = np.empty((L, len(logits)))
    for v, knot in enumerate(logits):
        weight = usable * np.exp(-0.5 * ((at - knot) / BANDWIDTH) ** 2)
        total, mass = (square * weight).sum(0), weight.sum(0)
        total, mass = total + total[MIRROR], mass + mass[MIRROR]
        out[:, v] = np.sqrt((total + FEW * total.sum() / mass.sum()) / (mass + FEW))
    return np.maximum.accumulate(out[:, ::-1], 1)[:, ::-1]  # surer is never worse


def deviation(noise: Floats, logits: Floats, shown: Floats) -> Floats:
    """(F, L) expected deviation at logits (F, L)."""
    return np.stack([np.exp(np.interp(shown[:, j], logits, np.log(noise[j]))) for j in range(L)], 1)


def fit_memory(unit: Sequence[Floats]) -> tuple[Floats, Floats]:
    """Shares (L, 3) constant, slow, white of the variance, and memory (L,) of the slow part; left and right as one.

    By medians of differences over a lag, which bursts hardly move.
    """
    lags = np.arange(1, LAGS + 1)
    typical = pooled_median([np.linalg.norm(u, axis=-1) for u in unit])
    far = [pooled_median([np.linalg.norm(u[lag:] - u[:-lag], axis=-1) for u in unit]) for lag in lags]
    curve = 1 - np.stack(far) ** 2 / (2 * typical**2)  # (LAGS, L) correlation
    shares, memory = np.zeros((L, 3)), np.zeros(L)
    for at in range(L):
        best = np.inf
        for keep in np.arange(0.5, 0.98, 0.01):
            A = np.stack([np.ones(LAGS), keep**lags], 1)
            constant, slow = np.maximum(np.linalg.lstsq(A, curve[:, at], rcond=None)[0], 0)
            off = float(((A @ (constant, slow) - curve[:, at]) ** 2).sum())
            if off < best:
                best, memory[at] = off, keep
                shares[at] = np.array([constant, slow, max(1 - constant - slow, 0)]) / max(constant + slow, 1)
    return shares, memory


def pooled_median(values: Sequence[Floats]) -> Floats:
    """(L,) of (F, L) arrays, a landmark and its partner as one."""
    every = np.concatenate(values)
    return np.nanmedian(np.concatenate([every, every[:, MIRROR]]), 0)


def fit_bursts(unit: Sequence[Floats]) -> tuple[Floats, float, float]:
    """Spread (L,) of the logarithm of the slow factor, its memory, and the share that all landmarks have in common."""
    length = [np.linalg.norm(u, axis=-1) for u in unit]
    every = np.concatenate([*length, *(x[:, MIRROR] for x in length)])
    # |N| of two dimensions has a median of 0.833 of its root mean square; a log-normal factor lowers that by exp(-τ²)
    ratio = 0.8326 * np.sqrt(np.nanmean(every**2, 0)) / np.nanmedian(every, 0)
    spread = np.sqrt(np.maximum(np.log(ratio), 0))
    logs = [np.log(np.maximum(x, 1e-3)) for x in length]
    level = np.nanmean(np.concatenate(logs), 0)
    logs = [np.where(np.isfinite(x), x - level, 0) for x in logs]
    near, far = (np.mean([(x[:-k] * x[k:]).mean() for x in logs if len(x) > k]) for k in BURST_LAGS)
    memory = np.clip(far / near, 0.1, 1) ** (1 / (BURST_LAGS[1] - BURST_LAGS[0]))
    together = np.concatenate(logs)
    covariance = together.T @ together / len(together)
    others = (covariance.sum() - np.trace(covariance)) / (L * (L - 1))
    return spread, float(min(memory, 0.98)), float(np.clip(others / np.mean(spread**2), 0, 1))


def fit_correlation(unit: Sequence[Floats]) -> Floats:
    """(L, L) between landmarks, x and y alike, made symmetric in the mirror and positive."""
    u = np.clip(np.concatenate([np.moveaxis(x, -1, 0).reshape(-1, L) for x in unit]), -4, 4)
    ok = np.isfinite(u)
    u = np.where(ok, u, 0)
    both = np.maximum(ok.T.astype(float) @ ok, 1)
    c = u.T @ u / both
    c = (c + c[np.ix_(MIRROR, MIRROR)]) / 2
    c /= np.sqrt(np.outer(np.diag(c), np.diag(c)))
    values, vectors = np.linalg.eigh(c)
    c = vectors @ np.diag(np.maximum(values, 1e-3)) @ vectors.T
    return c / np.sqrt(np.outer(np.diag(c), np.diag(c)))


def spell_length(where: Sequence[Mask]) -> float:
    """Mean length in frames of the spells in which something is so; 1 where it never is."""
    begins = sum(int((w & ~np.r_[False, w[:-1]]).sum()) for w in where)
    return sum(int(w.sum()) for w in where) / begins if begins else 1.0


def save_bank(path: Path, clips: Sequence[Clip], model: E.ErrorModel) -> None:
    """The errors less the bias, as they came: to be pasted onto other motions seen from the same side."""
    view = [E.harmonics(E.part_axes(c.joints_cam)["torso"], c.joints_cam[:, 0])[:, 1:4] for c in clips]
    np.savez_compressed(
        path, allow_pickle=False, landmarks=np.array(E.LANDMARKS), clip=np.array([c.name for c in clips]),
        length=np.array([len(c.error) for c in clips]), fps=model.fps,
        residual=np.concatenate([c.error - E.bias(model, c.joints_cam) for c in clips]).astype(np.float16),
        visibility=np.concatenate([c.visibility for c in clips]).astype(np.float16),
        inside=np.concatenate([c.inside for c in clips]),
        torso_sees_camera=np.concatenate(view).astype(np.float16),
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
