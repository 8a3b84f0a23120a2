"""Rotations as quaternions wxyz of unit length, in arrays of any leading shape.

Products read as with matrices: `mul(a, b)` turns by b first, then by a.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

IDENTITY: Array = np.array([1.0, 0.0, 0.0, 0.0])
_TINY = 1e-12
_OPPOSITE = 1e-9  # length of the unscaled swing below which directions are opposite
_NEARLY_EQUAL = 1 - 1e-9  # cosine above which slerp's sines vanish and a straight line is exact enough


def normalised(v: Array) -> Array:
    """v: (..., C) scaled to length 1; a zero vector becomes NaN, for it has no direction."""
    length = np.linalg.norm(v, axis=-1, keepdims=True)
    return v / np.where(length > _TINY, length, np.nan)


def mul(a: Array, b: Array) -> Array:
    """a, b: (..., 4). The rotation b followed by a."""
    w1, x1, y1, z1 = np.moveaxis(a, -1, 0)
    w2, x2, y2, z2 = np.moveaxis(b, -1, 0)
    return np.stack(
        (
            w1 * w2 - x1 * x2 - y1 * y2 - z1 * z2,
            w1 * x2 + x1 * w2 + y1 * z2 - z1 * y2,
            w1 * y2 - x1 * z2 + y1 * w2 + z1 * x2,
            w1 * z2 + x1 * y2 - y1 * x2 + z1 * w2,
        ),
        axis=-1,
    )


def inv(q: Array) -> Array:
    """q: (..., 4) unit. The rotation back."""
    return q * np.array([1.0, -1.0, -1.0, -1.0])


def rotate(q: Array, v: Array) -> Array:
    """q: (..., 4) unit, v: (..., 3) same leading shape or broadcastable. v turned by q."""
    axis = q[..., 1:]
    twice = 2 * np.cross(axis, v)
    return v + q[..., :1] * twice + np.cross(axis, twice)


def to_matrix(q: Array) -> Array:
    """q: (..., 4) unit. (..., 3, 3)"""
    w, x, y, z = np.moveaxis(q, -1, 0)
    rows = (
        (1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    )
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def from_matrix(m: Array) -> Array:
    """m: (..., 3, 3) rotations. (..., 4) with w >= 0; NaN stays NaN.

    Each row below is the quaternion times four of its own components; the longest row is the safe one to divide.
    """
    m00, m11, m22 = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    x, y, z = m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]
    xy, xz, yz = m[..., 0, 1] + m[..., 1, 0], m[..., 0, 2] + m[..., 2, 0], m[..., 1, 2] + m[..., 2, 1]
    candidates = np.stack(
        (
            np.stack((1 + m00 + m11 + m22, x, y, z), axis=-1),
            np.stack((x, 1 + m00 - m11 - m22, xy, xz), axis=-1),
            np.stack((y, xy, 1 - m00 + m11 - m22, yz), axis=-1),
            np.stack((z, xz, yz, 1 - m00 - m11 + m22), axis=-1),
        ),
        axis=-2,
    )
    diagonal = np.stack([candidates[..., i, i] for i in range(4)], axis=-1)
    best = np.argmax(np.nan_to_num(diagonal), axis=-1)
    q = normalised(np.take_along_axis(candidates, best[..., None, None], axis=-2)[..., 0, :])
    return np.where(q[..., :1] < 0, -q, q)


def from_eulers(angles: Array, order: str) -> Array:
    """angles: (F, 3) radians about x, y, z; order: as Blender writes it, 'XYZ' turns about x first. (F, 4)"""
    turns = {name: about(np.eye(3)[i], angles[:, i]) for i, name in enumerate("XYZ")}
    first, second, third = order
    return mul(turns[third], mul(turns[second], turns[first]))


def about(axis: Array, angle: Array) -> Array:
    """axis: (..., 3) unit, angle: (...) radians. (..., 4)"""
    half = np.asarray(angle)[..., None] / 2
    return np.concatenate((np.cos(half) * np.ones_like(axis[..., :1]), np.sin(half) * axis), axis=-1)


def swing(a: Array, b: Array) -> Array:
    """Shortest rotation taking direction a to direction b.

    a, b: (..., 3) unit vectors, same axes.  Returns (..., 4).
    Opposite vectors have no shortest rotation: turns half a circle about some normal of a.
    """
    a, b = np.broadcast_arrays(a, b)
    q: Array = np.concatenate((1 + (a * b).sum(-1, keepdims=True), np.cross(a, b)), axis=-1)
    least = np.eye(3)[np.argmin(np.abs(np.nan_to_num(a)), axis=-1)]
    half_turn = np.concatenate((np.zeros_like(a[..., :1]), np.cross(a, least)), axis=-1)
    return normalised(np.where(np.linalg.norm(q, axis=-1, keepdims=True) < _OPPOSITE, half_turn, q))


def slerp(a: Array, b: Array, t: Array | float) -> Array:
    """From a (t = 0) to b (t = 1) by the shorter way at even speed. a, b: (..., 4), t: scalar or (...)."""
    t = np.asarray(t, np.float64)[..., None]
    cosine = (a * b).sum(-1, keepdims=True)
    b, cosine = np.where(cosine < 0, -b, b), np.abs(cosine)
    near = cosine > _NEARLY_EQUAL
    angle = np.arccos(np.where(near, 0.5, np.minimum(cosine, 1)))
    sine = np.sin(angle)
    straight = (1 - t) * a + t * b
    return normalised(np.where(near, straight, (np.sin((1 - t) * angle) * a + np.sin(t * angle) * b) / sine))


def angle(q: Array) -> Array:
    """q: (..., 4). How far it turns, radians in 0..pi."""
    half: Array = np.arctan2(np.linalg.norm(q[..., 1:], axis=-1), np.abs(q[..., 0]))
    return 2 * half


def to_vector(q: Array) -> Array:
    """q: (..., 4). (..., 3) axis times angle, the shorter way round."""
    q = np.where(q[..., :1] < 0, -q, q)
    sine = np.linalg.norm(q[..., 1:], axis=-1, keepdims=True)
    twice_half = 2 * np.arctan2(sine, q[..., :1])
    return q[..., 1:] * np.where(sine > _TINY, twice_half / np.maximum(sine, _TINY), 2.0)


def from_vector(v: Array) -> Array:
    """v: (..., 3) axis times angle. (..., 4)"""
    turn = np.linalg.norm(v, axis=-1)
    return about(v / np.maximum(turn, _TINY)[..., None], turn)


def twist_angle(q: Array, axis: Array) -> Array:
    """q: (..., 4), axis: (3,) unit. How far q turns about the axis itself, radians in -pi..pi."""
    half: Array = np.arctan2((q[..., 1:] * axis).sum(-1), q[..., 0])
    return np.angle(np.exp(2j * half))


def continuous(q: Array) -> Array:
    """q: (F, 4) without NaN. The same rotations, signs chosen so that each lies next to the one before."""
    if len(q) == 0:
        return q
    flips = (q[1:] * q[:-1]).sum(-1) < 0
    signs = np.concatenate(([1.0], np.where(np.cumsum(flips) % 2 == 1, -1.0, 1.0)))
    return q * signs[:, None] * (-1.0 if q[0, 0] < 0 else 1.0)
