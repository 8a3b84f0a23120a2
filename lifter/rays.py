"""What the bundled network sees: rays, turned to the person by a virtual camera and scaled by the person's size.

Moving the person in the picture, zooming or coming closer then hardly changes the input. The trainer and the
pipeline call the same two functions.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .contract.skeleton import BODY_27, Skeleton

FloatArray = npt.NDArray[np.floating]

TORSO = tuple(BODY_27.index(n) for n in ("left_hip", "right_hip", "left_shoulder", "right_shoulder"))
SIZE_OF_INPUT = 0.4  # root mean square distance of the seen points from the centre, after scaling
MIN_SIZE = 1e-3  # radians; a person smaller than this is a point

# Metres are unknowable from one camera: the network is trained on, and gives, a body of this size.
BODY_SIZE = 1.615  # mean of hip-knee-ankle of both legs + pelvis-spine-thorax-head_top, metres
STATURE_OF_SIZE = 1 / 0.95  # standing height over that size, mean of the training bodies (1.70 m here)


def body_size(joints: FloatArray, skeleton: Skeleton = BODY_27) -> FloatArray:
    """(...) size in the unit of the input of (..., J, 3) joints: mean leg chain plus trunk chain."""

    def chain(*names: str) -> FloatArray:
        points = joints[..., [skeleton.index(n) for n in names], :]
        return np.linalg.norm(np.diff(points, axis=-2), axis=-1).sum(-1)

    legs = chain("left_hip", "left_knee", "left_ankle") + chain("right_hip", "right_knee", "right_ankle")
    return legs / 2 + chain("pelvis", "spine", "thorax", "head_top")


def to_network(rays: FloatArray, confidence: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Input of the network, the turn of its virtual camera, and its scale.

    rays: (..., F, 27, 2) points on the plane z = 1 in camera axes (x right, y down); confidence: (..., F, 27),
    0 where unseen (the ray may be NaN there).
    Returns input (..., F, 27, 3) x, y, confidence, zeros where unseen; turned_from_cam (..., F, 3, 3);
    scale (...): what one on the plane z = 1 of the virtual camera is in the input.
    """
    seen = confidence > 0
    safe = np.where(seen[..., None], rays, 0).astype(np.float32)
    turned_from_cam = _look_at(_centre(safe, confidence * seen))
    points = np.concatenate([safe, np.ones_like(safe[..., :1])], -1) @ np.swapaxes(turned_from_cam, -1, -2)
    depth = np.maximum(points[..., 2:], 0.1)  # a ray at a right angle to the person is a ghost: keep it finite
    flat = points[..., :2] / depth  # (..., F, 27, 2)

    weight = confidence * seen
    mean_square = (flat**2).sum(-1) * weight
    size = np.sqrt(mean_square.sum((-2, -1)) / np.maximum(weight.sum((-2, -1)), 1e-6))  # one for the window
    scale = SIZE_OF_INPUT / np.maximum(size, MIN_SIZE)
    scaled = flat * scale[..., None, None, None]
    network_input = np.concatenate([scaled, confidence[..., None]], -1) * seen[..., None]
    return np.clip(network_input, -3, 3).astype(np.float32), turned_from_cam, scale


def with_up(network_input: FloatArray, up: FloatArray | None) -> FloatArray:
    """The input (..., F, 27, 3) with three more numbers at every point: the world's up (..., F, 3), a unit vector in the virtual
    camera's axes, zeros where it is not known."""
    up = np.zeros((*network_input.shape[:-2], 3)) if up is None else up
    every = np.broadcast_to(up[..., None, :], network_input.shape)
    return np.concatenate([network_input, every], -1).astype(np.float32)


def from_network(joints_turned: FloatArray, turned_from_cam: FloatArray) -> FloatArray:
    """Joints (..., F, J, 3) from the virtual camera's axes back to camera axes."""
    return joints_turned @ turned_from_cam


def _centre(rays: FloatArray, weight: FloatArray) -> FloatArray:
    """(..., F, 2) where the person is in each frame: the torso, else all that is seen, else as in frames nearby."""
    torso = list(TORSO)
    use_torso = (weight[..., torso] > 0).all(-1)[..., None]
    w = np.where(use_torso, weight * np.isin(np.arange(weight.shape[-1]), torso), weight) + 0.0
    w = np.where(use_torso, (w > 0).astype(w.dtype), w)  # torso points count alike: confidence must not move the centre
    total = w.sum(-1)
    centre = (rays * w[..., None]).sum(-2) / np.maximum(total, 1e-9)[..., None]
    known = total > 1e-6
    if known.all():
        return centre
    flat_centre, flat_known = centre.reshape(-1, *centre.shape[-2:]), known.reshape(-1, known.shape[-1])
    frames = np.arange(centre.shape[-2])
    for one, ok in zip(flat_centre, flat_known, strict=True):
        if ok.any() and not ok.all():
            for axis in range(2):
                one[~ok, axis] = np.interp(frames[~ok], frames[ok], one[ok, axis])
    return flat_centre.reshape(centre.shape)


def _look_at(centre: FloatArray) -> FloatArray:
    """(..., 3, 3) rotation of a camera without roll that looks along the ray `centre` (..., 2)."""
    z = np.concatenate([centre, np.ones_like(centre[..., :1])], -1)
    z = z / np.linalg.norm(z, axis=-1, keepdims=True)
    x = np.stack([z[..., 2], np.zeros_like(z[..., 0]), -z[..., 0]], -1)  # level with the image's rows
    x = x / np.linalg.norm(x, axis=-1, keepdims=True)
    return np.stack([x, np.cross(z, x), z], -2)


def directions(body_px: FloatArray, intrinsics: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Unit vectors (F, J, 3) from the camera along which points (F, J, 3) x, y in pixels, confidence, were seen, in its
    axes; and their weight (F, J), 0 where unseen."""
    plane = (body_px[..., :2].astype(float) - intrinsics[:2, 2]) / np.diag(intrinsics)[:2]
    weight = np.where(np.isfinite(plane).all(-1), body_px[..., 2], 0).astype(float)
    rays = np.concatenate([np.where(weight[..., None] > 0, plane, 0), np.ones((*weight.shape, 1))], -1)
    return rays / np.linalg.norm(rays, axis=-1, keepdims=True), weight
