"""Whether a confidence is what it claims: the probability that a joint is within 50 mm of the truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from video_to_armature.lifter.contract.files import replacing

Floats = npt.NDArray[np.floating]

WITHIN_MM = 50.0
BINS = 10


@dataclass(frozen=True)
class Bin:
    """Joints whose confidence lies between low and high: their share of all, mean confidence, share within 50 mm."""

    low: float
    high: float
    share: float
    confidence: float
    within: float


@dataclass(frozen=True)
class Calibration:
    """correlation: Spearman's, of confidence and error (-1 ranks perfectly). off: mean distance of the bins' confidence from
    what came true, weighted by their share."""

    correlation: float
    off: float
    bins: tuple[Bin, ...]


def calibration(confidence: Floats, error_mm: Floats) -> Calibration:
    """Of joints with an error and a confidence above 0; arrays of one shape, confidence in 0..1."""
    known = np.isfinite(error_mm) & (confidence > 0)
    sure, error = confidence[known].astype(float), error_mm[known].astype(float)
    which = np.minimum((sure * BINS).astype(int), BINS - 1)
    bins = tuple(
        Bin(
            b / BINS,
            (b + 1) / BINS,
            float((which == b).mean()),
            float(sure[which == b].mean()),
            float((error[which == b] <= WITHIN_MM).mean()),
        )
        for b in range(BINS)
        if (which == b).any()
    )
    off = sum(b.share * abs(b.confidence - b.within) for b in bins)
    correlation = np.corrcoef(rankdata(sure), rankdata(error))[0, 1]
    return Calibration(float(correlation), off, bins)


def table(found: Mapping[str, Calibration]) -> str:
    """Markdown: one line for each, then the bins of all."""
    lines = ["| | rank correlation with the error | off the diagonal |", "|---|---|---|"]
    lines += [f"| {name} | {one.correlation:.2f} | {one.off:.3f} |" for name, one in found.items()]
    lines += ["", "| | confidence | share of joints | mean confidence | really within 50 mm |", "|---|---|---|---|---|"]
    lines += [
        f"| {name} | {b.low:.1f}–{b.high:.1f} | {100 * b.share:.1f} % | {b.confidence:.2f} | {b.within:.2f} |"
        for name, one in found.items()
        for b in one.bins
    ]
    return "\n".join(lines) + "\n"


def draw(found: Mapping[str, Calibration], path: Path) -> None:
    """The reliability curves, with the share of the joints in each bin below."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2, 6.4), layout="constrained")
    FigureCanvasAgg(figure)
    curve, shares = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    curve.plot([0, 1], [0, 1], color="0.7", lw=1)
    for name, one in found.items():
        at = [b.confidence for b in one.bins]
        label = f"{name} (rank correlation {one.correlation:.2f})"
        curve.plot(at, [b.within for b in one.bins], marker="o", label=label)
        shares.plot(at, [b.share for b in one.bins], marker="o")
    curve.set(ylabel=f"share within {WITHIN_MM:g} mm", ylim=(0, 1), xlim=(0, 1))
    curve.legend(fontsize=8)
    shares.set(xlabel="confidence", ylabel="share of joints", ylim=(0, None))
    for axis in (curve, shares):
        axis.grid(alpha=0.3)
    with replacing(path) as part:
        figure.savefig(part, dpi=110)
