"""How strongly the bundled network's training windows are varied: numbers only, all in one place."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Variation:
    """Shares are of windows. The defaults train; `CLEAN` and `NOISY` are for validation."""

    # The motion and the body
    bone_sigma: float = 0.08  # log-normal spread of bone lengths
    speed: tuple[float, float] = (0.6, 1.8)
    mirror: float = 0.5
    # Of what knees and elbows of the captures bend too much: seen by the plain detector, about as they are;
    straighter: tuple[float, float] = (0.0, 0.6)
    # by the measured or the real one, as people are whom it sees in use.
    straighter_seen: tuple[float, float] = (0.3, 1.7)
    mix: float = 0.25  # with another's upper body
    widen: float = 0.6  # joints turned
    widen_strength: tuple[float, float] = (0.3, 2.2)
    # The camera
    hfov_deg: tuple[float, float] = (30.0, 90.0)
    focal_sigma: float = 0.12  # the field of view is a guess in use: log-normal error of the assumed focal length
    elevation_deg: tuple[float, float] = (-15.0, 45.0)
    roll_sigma_deg: float = 6.0
    tilted: float = 0.15  # cameras held askew
    tilted_deg: float = 30.0
    told: float = 0.5  # the world's up is told to the network,
    told_off_deg: float = 1.5  # so far off
    # The detector: `real` of the windows are seen by the measured one, the others by a plain one
    real: float = 0.65
    strength_sigma: float = 0.35  # log-normal, of the measured one's noise: other videos are easier and harder
    native_fps: tuple[float, ...] = (15.0, 24.0, 25.0, 30.0, 50.0, 60.0)  # of the clip, before it is put on the grid
    offset_sigma: float = 0.015  # landmarks are not joint centres: constant per window, metres
    jitter: tuple[float, float] = (0.0, 0.015)  # of the plain one: share of the person's size, correlated in time
    white: tuple[float, float] = (0.0, 0.004)
    # What hides the person
    burst: float = 0.14  # probability that a limb is hidden for a while
    missing: float = 0.25  # of the hidden: nothing reported at all
    cut: float = 0.1  # partly outside the picture all the time
    no_feet: float = 0.08  # detectors without heels, toes and knuckles
    masked: float = 0.3  # some points left out at random, here and there or for whole frames
    masked_share: tuple[float, float] = (0.02, 0.2)
    rendered: float = 0.2  # of a batch: rendered people and what the real detector saw of them, where there are some


_PLAIN = Variation(
    bone_sigma=0, speed=(1, 1), mirror=0, straighter=(0, 0), straighter_seen=(0, 0), mix=0, widen=0, hfov_deg=(40, 70),
    focal_sigma=0, elevation_deg=(-10, 30), roll_sigma_deg=0, tilted=0, told=0, real=0, offset_sigma=0, jitter=(0, 0),
    white=(0, 0), burst=0, missing=0, cut=0, no_feet=0, masked=0, rendered=0,
)  # fmt: skip
CLEAN = _PLAIN
NOISY = replace(
    _PLAIN, roll_sigma_deg=2, offset_sigma=0.012, jitter=(0.012, 0.012), white=(0.002, 0.002), burst=0.06, missing=0.25
)
SEEN = replace(_PLAIN, bone_sigma=0.08, roll_sigma_deg=4, real=1, strength_sigma=0, burst=0.06, missing=0.25, cut=0.05)
TOLD = replace(SEEN, told=1)
