"""A motion on an even grid of frames, by the true time of each source frame."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ...lifter.contract.motion import Motion
from ...lifter.contract.protocol import UsageError
from .choices import Keying

Array = npt.NDArray[np.float64]

SAME_TIME = 1e-3  # share of a frame: a source frame this near to a grid time is taken as it is
STAMP_S = 1e-3  # WebM and MKV round time stamps to this, which must not cost the last frame


@dataclass(frozen=True)
class Resampled:
    """Joints at even times."""

    fps: float
    times: Array  # (F,) seconds in the source
    positions: Array  # (F, J, 3) metres, world; NaN where unknown


def trimmed(motion: Motion, keying: Keying) -> Motion:
    """The frames that are to be used. Raises UsageError where there are none of them."""
    if keying.first > motion.frames:
        raise UsageError(f"frames from {keying.first}: the motion has {motion.frames}. Give a first one within it.")
    if keying.first == 1 and not 0 < keying.last < motion.frames:
        return motion
    used = slice(keying.first - 1, keying.last or None)
    moving = motion.world_from_cam.ndim == 3
    return replace(
        motion,
        header={**motion.header, "first_frame": int(motion.header["first_frame"]) + keying.first - 1},
        positions=motion.positions[used],
        confidence=motion.confidence[used],
        keypoints_px=motion.keypoints_px[used],
        world_from_cam=motion.world_from_cam[used] if moving else motion.world_from_cam,
        contacts=motion.contacts[used],
        frame_times=motion.frame_times[used],
        rotations=motion.rotations[used],
    )


def resample(motion: Motion, fps: float | None = None) -> Resampled:
    """The joints at `fps` frames a second (the motion's own rate when None), from its first frame to its last.

    A grid frame that falls on a source frame copies it. Between two source frames the curve is cubic where
    both neighbours are known too, straight where not; it is NaN where either of the two is unknown.
    """
    fps = motion.fps if fps is None else float(fps)
    source = motion.frame_times
    count = int(np.floor((source[-1] - source[0]) * fps + max(SAME_TIME, STAMP_S * fps))) + 1
    times = source[0] + np.arange(count) / fps
    return Resampled(fps, times, at_times(source, motion.positions.astype(np.float64), times, SAME_TIME / fps))


def at_times(source: Array, values: Array, times: Array, same: float) -> Array:
    """source: (F,) increasing seconds, values: (F, ...), times: (G,). (G, ...) as `resample` describes."""
    if len(source) == 1:
        return np.repeat(values, len(times), axis=0)
    left = np.clip(np.searchsorted(source, times, side="right") - 1, 0, len(source) - 2)
    nearest = left + (times - source[left] > source[left + 1] - times)
    exact = np.abs(times - source[nearest]) <= same
    if exact.all():
        return values[nearest]
    wide = (slice(None),) + (None,) * (values.ndim - 1)
    p0, p1 = values[left], values[left + 1]
    step = (source[left + 1] - source[left])[wide]
    u = np.clip((times - source[left]) / (source[left + 1] - source[left]), 0, 1)[wide]
    slope = _slopes(source, values)
    m0, m1 = slope[left] * step, slope[left + 1] * step
    straight = (1 - u) * p0 + u * p1
    cubic = (
        (1 + 2 * u) * (1 - u) ** 2 * p0 + u * (1 - u) ** 2 * m0 + u**2 * (3 - 2 * u) * p1 - u**2 * (1 - u) * m1
    )  # Hermite
    between = np.where(np.isfinite(cubic), cubic, straight)
    return np.where(exact[wide], values[nearest], between)


def _slopes(source: Array, values: Array) -> Array:
    """(F, ...) velocity at each source frame, the parabola's through it and its neighbours; NaN at ends and gaps."""
    wide = (slice(None),) + (None,) * (values.ndim - 1)
    out = np.full(values.shape, np.nan)
    steps = np.diff(source)[wide]
    rates = np.diff(values, axis=0) / steps
    before, after = steps[:-1], steps[1:]
    out[1:-1] = (rates[:-1] * after + rates[1:] * before) / (before + after)
    return out
