"""People seen from all sides, for the tests of the error model, and a model with known figures."""

from __future__ import annotations

import numpy as np

from tests.lifter.people import walking
from video_to_armature.lifter.train import detector as E
from video_to_armature.synthetic.scenes import View
from video_to_armature.synthetic.view import place_camera, project

L = len(E.LANDMARKS)
VIEW = View(
    width=640, height=480, fov=55.0, fill=0.6, facing=0.0, pitch=10.0, roll=0.0, aside=(0.0, 0.0), cropped=False
)
KNOTS = np.array([-3.0, 0.0, 3.0, 6.0])


def seen_from(facing: float, frames: int = 60, speed: float = 1.0) -> np.ndarray:
    """(F, 27, 3) a walker in camera axes."""
    joints = walking(np.arange(frames) / 30, speed)
    view = View(**{**VIEW.__dict__, "facing": facing})
    return project(joints, place_camera(view, joints, 0.0), np.eye(3))[0]


def model(rng: np.random.Generator, **changes: object) -> E.ErrorModel:
    """Small random bias; noise of 1 % of the stature, half slow, half white; no bursts, swaps or misses."""
    bias = np.zeros((L, E.TERMS))
    bias[:] = rng.normal(0, 0.01, (L, E.TERMS))
    for at, name in enumerate(E.LANDMARKS):
        if name.startswith("right_"):
            bias[at] = bias[E.LANDMARKS.index(name.replace("right_", "left_"))]
    visibility = np.zeros((L, E.HARMONICS))
    visibility[:, 0] = 3.0
    values: dict[str, object] = {
        "fps": 30.0, "bias": bias, "visibility": visibility, "visibility_about": np.tile(0.5 * E.SCORES, (L, 1)),
        "visibility_memory": np.full(L, 0.8), "logits": KNOTS, "noise": np.full((L, len(KNOTS)), 0.01),
        "shares": np.tile((0.0, 0.5, 0.5), (L, 1)), "memory": np.full(L, 0.8), "correlation": np.eye(L),
        "bursts": np.zeros(L), "bursts_memory": 0.9, "bursts_common": 0.5, "swaps": np.zeros(2), "swap_frames": 5.0,
        "missed": 0.0, "missed_frames": 5.0,
    }  # fmt: skip
    return E.ErrorModel(**{**values, **changes})  # pyright: ignore[reportArgumentType]
