"""What the camera did, judged from the tracks of its background: stayed, turned, travelled or zoomed, and its rotations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation, Slerp

FloatArray = npt.NDArray[np.floating]
IntArray = npt.NDArray[np.integer]
Kind = Literal["static", "rotating", "moving", "zooming"]

# Pixels are those of the small picture that was tracked.
FIT_PX = (30.0, 15.0, 8.0, 4.0, 2.0, 1.0, 0.5, 0.5)  # scale of the robust weights, from coarse to fine
TOLERANCE_PX = 0.75  # a point nearer than this to where the model puts it is explained
EXPLAINED = 0.65  # of the points at least, or the camera did something else in that frame
OTHERWISE = 0.25  # of the telling frames may be so
KNOWN_SHARE = 0.4  # of a frame's points must agree with its rotation
KNOWN_POINTS = 8
STILL_PX = 0.2  # noise and compression seem to move a tripod's picture less than this
STILL_POINT_PX = 0.5  # and those of its points that agree move less than this
GLITCH_FRAMES = 5  # what lasts for less than half of these is no movement
TELLING_PX = 4.0  # the picture must have moved this far from its keyframe to tell turning from travelling
TELLING_FRAMES = 120  # are enough
FEWEST_TELLING = 5
ZOOM = 0.05  # change of the focal length over the clip; less is a lens that breathes as it focuses, or a hand
FOCALS = np.geomspace(0.4, 3.2, 37)  # tried, times the given focal length
FOCAL_AGREES = 0.05  # difference as a share; the given focal length is taken for the true one
FOCAL_SURE = 0.15  # standard deviation as a share; a focal length less sure is not told
LENS = 0.01  # share that distortion and rolling shutters may add to that
FOLDS = 10  # of the points, each left out in turn, for that deviation
SHOWN_SHARE = 0.3  # of the frames with enough background; with fewer the camera is taken as static
WELL_SHOWN = 0.9  # with fewer this is said
BATCH = 2048  # records at once


@dataclass(frozen=True)
class CameraMotion:
    """first_from_cam (F, 3, 3): camera axes of each frame (x right, y down, z forward) to those of its scene's first.

    known (F,): where the background told it; it is interpolated between those. focal_px, in pixels of the full picture,
    explains the tracks best, give or take its standard deviation focal_spread_px; None where they do not tell.
    """

    first_from_cam: npt.NDArray[np.float64]
    kind: Kind
    known: npt.NDArray[np.bool_]
    warning: str | None = None
    focal_px: float | None = None
    focal_spread_px: float | None = None


@dataclass(frozen=True)
class Tracks:
    """Where the points of keyframes lie in frames, in pixels of the small picture, NaN where lost.

    points (K, N, 2) in their keyframes; records (B, 2) frame and keyframe, by frame: two of one frame tie their keyframes
    together; seen (B, N, 2). scale: small pixels per pixel of the full picture.
    """

    frames: int
    points: FloatArray
    records: IntArray
    seen: FloatArray
    scale: float


@dataclass(frozen=True)
class Fit:
    """Of each record: keyframe_from_cam (B, 3, 3), zoom (B,) against the keyframe, off (B, N) pixels, NaN where lost."""

    keyframe_from_cam: FloatArray
    zoom: FloatArray
    off: FloatArray

    def explained(self) -> FloatArray:
        """(B,) share of the points that the model explains."""
        with np.errstate(invalid="ignore"):
            return (self.off < TOLERANCE_PX).sum(1) / np.maximum(np.isfinite(self.off).sum(1), 1)


def judge(tracks: Tracks, intrinsics: FloatArray, cuts: Sequence[int] = (), may_rest: bool = True) -> CameraMotion:
    """The camera's motion; intrinsics (3, 3) in pixels of the full picture; cuts: frames that begin a new scene; may_rest:
    one that seems to stay put is taken to do so."""
    focal, centre = intrinsics[0, 0] * tracks.scale, intrinsics[:2, 2] * tracks.scale
    every, frame = np.arange(len(tracks.records)), tracks.records[:, 0]
    shown = _lasting(tracks)
    since = np.linalg.norm(tracks.seen - tracks.points[tracks.records[:, 1]], axis=-1)  # pixels from the keyframe
    rested, moved = (np.nan_to_num(_quantile(since, share)) for share in (KNOWN_SHARE, EXPLAINED))
    fit = fitted(tracks, every, focal, centre)
    sure = shown & (fit.explained() >= KNOWN_SHARE)
    share = len(np.unique(frame[shown])) / max(tracks.frames, 1)
    little = f"only {share:.0%} of the frames show enough background to tell how the camera turned"
    warning = f"{little}." if share < WELL_SHOWN else None
    if share < SHOWN_SHARE:
        return _static(tracks, sure, f"{little}: taken as static.")
    if may_rest and sure.sum() > 0.5 * shown.sum() and _still(fit.keyframe_from_cam[sure], rested[sure], focal, centre):
        return _static(tracks, sure, warning)

    kind = "rotating"
    telling = _telling(np.where(shown, moved, 0))
    best, spread = _focal(tracks, telling, focal, centre)
    turned = fitted(tracks, every, best, centre)
    odd = telling[turned.explained()[telling] < EXPLAINED]
    if len(odd) > max(OTHERWISE * len(telling), FEWEST_TELLING):
        spread, turned, zoomed = None, fit, fitted(tracks, every, focal, centre, zoom=True)
        if (zoomed.explained()[odd] < EXPLAINED).mean() > 0.5:
            kind, warning = "moving", "the camera travels: only its turning is taken out, so the path holds its travel."
        elif np.ptp(np.cbrt(np.linalg.det(_chain(tracks, zoomed, shown)))) > ZOOM:
            kind, warning = "zooming", "the camera zooms: its turning is followed, but distances change with the zoom."
            fit = turned = zoomed
    elif abs(np.log(best / focal)) > FOCAL_AGREES:  # then only the middle of the picture tells how far it turned
        fit = fitted(tracks, every, focal, centre, widths=FIT_PX[:4])
    sure = shown & (turned.explained() >= KNOWN_SHARE)
    first_from_cam = _chain(tracks, fit, sure)
    first_from_cam /= np.cbrt(np.linalg.det(first_from_cam))[:, None, None]
    known = _frames(tracks, sure)
    told = (best / tracks.scale, spread / tracks.scale) if spread is not None else (None, None)
    return CameraMotion(_scenes(first_from_cam, known, cuts), kind, known, warning, *told)


def _lasting(tracks: Tracks) -> npt.NDArray[np.bool_]:
    """(B,) records with points enough, of keyframes that were found again: noise looks like itself only."""
    shown = np.isfinite(tracks.seen[..., 0]).sum(1) >= KNOWN_POINTS
    again = np.bincount(tracks.records[shown, 1], minlength=len(tracks.points)) > 1
    return shown & again[tracks.records[:, 1]] if tracks.frames > 1 else shown


def _static(tracks: Tracks, sure: npt.NDArray[np.bool_], warning: str | None) -> CameraMotion:
    return CameraMotion(np.tile(np.eye(3), (tracks.frames, 1, 1)), "static", _frames(tracks, sure), warning)


def _frames(tracks: Tracks, sure: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """(F,) frames that have a sure record."""
    return np.isin(np.arange(tracks.frames), tracks.records[sure, 0])


def fitted(
    tracks: Tracks,
    which: IntArray,
    focal: float,
    centre: FloatArray,
    zoom: bool = False,
    widths: Sequence[float] = FIT_PX,
) -> Fit:
    """Robust rotations (Kabsch's, reweighted by Geman and McClure from coarse to fine) of some records."""
    parts = [_fit_batch(tracks, which[i : i + BATCH], focal, centre, zoom, widths) for i in range(0, len(which), BATCH)]
    if not parts:
        return Fit(np.zeros((0, 3, 3)), np.zeros(0), np.zeros((0, tracks.seen.shape[1])))
    return Fit(*(np.concatenate([getattr(p, name) for p in parts]) for name in ("keyframe_from_cam", "zoom", "off")))


def _fit_batch(
    tracks: Tracks, which: IntArray, focal: float, centre: FloatArray, zoom: bool, widths: Sequence[float]
) -> Fit:
    valid = np.isfinite(tracks.seen[which, :, 0])
    here = np.where(valid[..., None], tracks.seen[which] - centre, 0).astype(float)  # (B, N, 2)
    there = np.where(valid[..., None], tracks.points[tracks.records[which, 1]] - centre, 0).astype(float)
    went = np.where(valid[..., None], here - there, np.nan)
    usual = np.stack([_quantile(went[..., i], 0.5) for i in range(2)], -1)
    astray = np.nan_to_num(np.linalg.norm(went - usual[:, None], axis=-1))
    weight, scale = valid / (1 + (astray / widths[0]) ** 2) ** 2, np.ones(len(which))
    there = _rays(there / focal)
    R, off = np.zeros((len(which), 3, 3)), np.zeros(valid.shape)
    for width in widths:
        rays = _rays(here / (focal * scale)[:, None, None])
        U, _, Vt = np.linalg.svd(np.einsum("bn,bni,bnj->bij", weight, there, rays))
        U[..., 2] *= np.sign(np.linalg.det(U @ Vt))[:, None]
        R = U @ Vt
        turned = there @ R  # R transposed, from the left
        expected = focal * turned[..., :2] / np.maximum(turned[..., 2:], 0.05)
        if zoom:
            along = np.einsum("bn,bni,bni->b", weight, expected, here)
            scale = (along / np.maximum(np.einsum("bn,bni,bni->b", weight, expected, expected), 1e-9)).clip(0.2, 5)
        off = np.linalg.norm(here - scale[:, None, None] * expected, axis=-1)
        weight = valid / (1 + (off / width) ** 2) ** 2
    return Fit(R, scale, np.where(valid, off, np.nan))


def _quantile(values: FloatArray, share: float) -> FloatArray:
    """(B,) the value below which this share of a row's finite values (B, N) lie; NaN where there are none."""
    rank = (share * np.isfinite(values).sum(1)).astype(int)
    return np.sort(values, axis=1)[np.arange(len(values)), rank]  # NaN is sorted last


def _rays(plane: FloatArray) -> FloatArray:
    """(..., 3) unit rays through (..., 2) points of the plane one focal length away."""
    rays = np.concatenate([plane, np.ones((*plane.shape[:-1], 1))], -1)
    return rays / np.linalg.norm(rays, axis=-1, keepdims=True)


def _still(keyframe_from_cam: FloatArray, rested: FloatArray, focal: float, centre: FloatArray) -> bool:
    """Whether no view (N, 3, 3) lies off its keyframe's nor its points (N,) moved, glitches excepted."""
    corners = _rays(np.array([[x, y] for x in (-1, 1) for y in (-1, 1)]) * centre / focal * 0.7)
    turned = corners @ keyframe_from_cam
    off = np.linalg.norm(turned[..., :2] / turned[..., 2:] - corners[:, :2] / corners[:, 2:], axis=-1).mean(1) * focal
    off = np.maximum(off / STILL_PX, rested / STILL_POINT_PX)
    padded = np.pad(off, GLITCH_FRAMES // 2, mode="edge")
    return bool(np.median(np.lib.stride_tricks.sliding_window_view(padded, GLITCH_FRAMES), axis=-1).max() <= 1)


def _telling(moved: FloatArray) -> IntArray:
    """Records, evenly chosen, whose picture has moved (B,) far from its keyframe's; none where these are too few."""
    telling = np.flatnonzero(moved > max(TELLING_PX, 0.5 * np.percentile(moved, 95)))
    if len(telling) < FEWEST_TELLING:
        return telling[:0]
    return telling[np.unique(np.linspace(0, len(telling) - 1, TELLING_FRAMES).astype(int))]


def _focal(tracks: Tracks, telling: IntArray, focal: float, centre: FloatArray) -> tuple[float, float | None]:
    """The focal length that leaves the least unexplained, and its standard deviation, None where it is not told."""
    if not len(telling):
        return focal, None
    fold = (tracks.records[telling, 1][:, None] * 7 + np.arange(tracks.seen.shape[1])) % FOLDS  # (B, N)
    costs = np.zeros((len(FOCALS), FOLDS))
    for i, times in enumerate(FOCALS):
        off = fitted(tracks, telling, focal * times, centre).off
        cost = np.nan_to_num(np.minimum(off, 2 * TOLERANCE_PX) ** 2)
        costs[i] = np.bincount(fold.ravel(), cost.ravel(), FOLDS)
    best = focal * _lowest(costs.sum(1))
    without = np.array([_lowest(costs.sum(1) - costs[:, k]) for k in range(FOLDS)])
    spread = float(np.hypot(np.sqrt((FOLDS - 1) * np.var(without)) * focal, LENS * best))
    told = FOCALS[1] < best / focal < FOCALS[-2] and spread < FOCAL_SURE * best
    return (best, spread) if told else (focal, None)


def _lowest(cost: FloatArray) -> float:
    """Where the parabola through the least of the costs over FOCALS and its neighbours is lowest."""
    i = int(np.clip(cost.argmin(), 1, len(cost) - 2))
    a, b, c = cost[i - 1 : i + 2]
    bend = a - 2 * b + c
    shift = (a - c) / (2 * bend) if bend > 1e-12 else 0.0
    return float(FOCALS[i] * (FOCALS[1] / FOCALS[0]) ** np.clip(shift, -1, 1))


def _chain(tracks: Tracks, fit: Fit, sure: npt.NDArray[np.bool_]) -> FloatArray:
    """(F, 3, 3) rotations to the first keyframe, times the zoom since; identity in frames without a sure record.

    A keyframe that nothing ties to the earlier ones begins where the camera was before, as after a cut.
    """
    links, (frame, key), sures = fit.zoom[:, None, None] * fit.keyframe_from_cam, tracks.records.T, np.flatnonzero(sure)
    ties: dict[int, list[tuple[int, FloatArray]]] = {}  # keyframe -> others, this_from_other
    for i, j in pairwise(sures):
        if frame[i] == frame[j]:
            ties.setdefault(key[i], []).append((key[j], links[i] @ np.linalg.inv(links[j])))
            ties.setdefault(key[j], []).append((key[i], links[j] @ np.linalg.inv(links[i])))
    placed: dict[int, FloatArray] = {}
    first_from_cam = np.tile(np.eye(3), (tracks.frames, 1, 1))
    last = np.eye(3)
    for i in sures:
        if key[i] not in placed:
            placed[key[i]], reached = last, [key[i]]
            while reached:
                k = reached.pop(0)
                for other, k_from_other in ties.get(k, []):
                    if other not in placed:
                        placed[other] = placed[k] @ k_from_other
                        reached.append(other)
        last = first_from_cam[frame[i]] = placed[key[i]] @ links[i]
    return first_from_cam


def _scenes(first_from_cam: FloatArray, known: npt.NDArray[np.bool_], cuts: Sequence[int]) -> npt.NDArray[np.float64]:
    """The same with unknown frames interpolated and each scene counted from its own first frame."""
    F, out = len(known), np.tile(np.eye(3), (len(known), 1, 1))
    starts = sorted({0, *(c for c in cuts if 0 < c < F)})
    for a, b in zip(starts, [*starts[1:], F], strict=True):
        at = np.flatnonzero(known[a:b])
        if len(at) > 1:
            path = Slerp(at, Rotation.from_matrix(first_from_cam[a:b][at]))
            all_of_it = path(np.arange(b - a).clip(at[0], at[-1])).as_matrix()
            out[a:b] = all_of_it[0].T @ all_of_it
    return out
