"""Where the person is in the world: gravity, root path, ground and contacts. Axes change here and nowhere else.

In: root-relative joints in camera axes (x right, y down, z forward). Out: joints in world axes (x right, y where the camera
looks at first, z up), on the ground. A camera that turns is undone at once: all is found in the axes of its first frame.
What stands where is found first (root_path.py), then which way is up (gravity.py), then the whole clip is made to agree
(refine.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from . import gravity
from .contract.motion import CONTACT_NAMES
from .contract.skeleton import BODY_27, Skeleton
from .gaps import known_stretches
from .lifted import Lifted
from .rays import directions
from .refine import Evidence, Ground, Terms, blocks, bone_lengths, refine
from .root_path import floor_of, levels, locate, path, spells

FloatArray = npt.NDArray[np.floating]
Mask = npt.NDArray[np.bool_]

HEEL_M, TOE_M, ANKLE_M = (
    0.02,
    0.033,
    0.08,
)  # of the points over the sole: ankles stand for feet where a skeleton ends there
SURE = 1.0  # confidence of all points of a frame that tells where the person is
UNTOLD_SPREAD_M = 0.05  # of the network's joints, where it does not say
OFFSET_SHARE = 0.7  # of what a landmark is off all the time
BRIDGED_SPREAD = 5.0  # times wider where nobody was seen: smoothness then leads through the gap
SLOPE = np.radians(2)  # ground is hardly ever level outdoors; what follows takes it for level, so up leans with it
STEP_M = 0.12  # a place to stand farther than this from the floor is a level of its own: a stair, a box
ROUNDS = 3  # contacts need the ground, the ground needs contacts


@dataclass(frozen=True)
class World:
    """positions (F, J, 3) metres; world_from_cam (4, 4), or (F, 4, 4) of a camera that turns; contacts (F, 4) in the order
    of CONTACT_NAMES."""

    positions: FloatArray
    world_from_cam: FloatArray
    contacts: FloatArray


def to_world(
    lifted: Lifted,
    body_px: FloatArray,
    times: FloatArray,
    intrinsics: FloatArray,
    skeleton: Skeleton = BODY_27,
    terms: Terms | None = None,
    first_from_cam: FloatArray | None = None,
    up_spread: tuple[FloatArray, float] | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> World:
    """Place the joints of a clip in the world.

    body_px (F, J, 3) x, y in pixels, confidence; times (F,) seconds; intrinsics (3, 3) pixels. The skeleton has
    H36M_17's joints at least; contacts are told from heels and toes, without them from the ankles. first_from_cam (F, 3, 3):
    how the camera turned, None if it did not. up_spread: the world's up (3,) in camera axes (of the first frame), and by
    how many radians it is off, where something tells it. `progress(done, total)` counts what is solved.
    """
    terms, done = terms or Terms(), 0
    has_feet = set(CONTACT_NAMES) <= set(skeleton.names)
    feet = [skeleton.index(name if has_feet else f"{name.split('_')[0]}_ankle") for name in CONTACT_NAMES]
    standing = np.array([(HEEL_M if "heel" in name else TOE_M) if has_feet else ANKLE_M for name in CONTACT_NAMES])
    known = np.isfinite(lifted.joints).all((-1, -2))
    turned = np.eye(3)[None] if first_from_cam is None else first_from_cam
    lifted = lifted.turned(turned)
    clip = _evidence(lifted, body_px, times, intrinsics, turned, feet, known)
    root = np.full((len(times), 3), np.nan)
    root[known] = locate(clip.joints[known], clip.rays[known], clip.weight[known])
    clip = replace(clip, rays=_to_joints(clip, root))
    bones = bone_lengths(clip.joints[known], skeleton)
    stretches = [slice(a, b) for a, b in known_stretches(known, times)]  # joints are known throughout
    free = replace(terms, floor_m=np.inf, below_m=np.inf, iterations=min(terms.iterations, 1))
    each = (ROUNDS - 1) * free.iterations + terms.iterations
    total = each * sum(len(blocks(at.stop - at.start)) for at in stretches)

    def step(terms: Terms) -> Callable[[], None]:
        def tick() -> None:
            nonlocal done
            done += terms.iterations
            progress(done, total)

        return tick

    first, spread = up_spread or (gravity.guess(lifted, known, skeleton), gravity.GUESS_SPREAD)
    up = first
    found = np.full(clip.joints.shape, np.nan)  # axes of the first camera
    for last in [False] * (ROUNDS - 1) + [True]:
        R = world_rotation(up)
        for at in stretches:
            sure = clip.weight[at].sum(-1) > SURE
            told = None if lifted.contacts is None else lifted.contacts[at]
            in_world, clip.contacts[at] = path(
                root[at] @ R.T, sure, clip.joints[at][:, feet] @ R.T, clip.rays[at][:, feet] @ R.T, clip.weight[at][:, feet],
                times[at], told, last,
            )  # fmt: skip
            found[at] = (in_world @ R)[:, None] + clip.joints[at]
        if last:
            break
        nowhere = Ground(up, np.zeros((len(times), len(feet))), 0.0, standing)
        for at in stretches:
            found[at] = refine(clip.part(at), found[at], nowhere.part(at), skeleton, free, bones, step(free))
        places = [np.nanmean(found[a:b, feet[k]], 0) - up * standing[k] for k, a, b in spells(clip.contacts)]
        if spread:
            way = found[np.isfinite(found[:, 0]).all(-1), 0]
            up = gravity.from_ground(first, float(np.hypot(spread, SLOPE)), np.array(places).reshape(-1, 3), way)

    heights = found[:, feet] @ up - standing
    ground = Ground(up, np.zeros_like(heights), floor_of(heights[known], clip.contacts[known]), standing)
    for at in stretches:
        ground.level[at] = levels(heights[at], clip.contacts[at], STEP_M, ground.floor)
    for at in stretches:
        found[at] = refine(clip.part(at), found[at], ground.part(at), skeleton, terms, bones, step(terms))
    return _in_world(found, up, ground, clip.contacts, known, first_from_cam)


def world_rotation(up: FloatArray) -> FloatArray:
    """(3, 3) world from camera: +Z is `up`, the camera looks along +Y as far as that is level."""
    forward = np.array([0.0, 0.0, 1.0])
    y = forward - up * (forward @ up)
    y = y / np.linalg.norm(y)
    return np.stack([np.cross(y, up), y, up])


def _evidence(
    lifted: Lifted,
    body_px: FloatArray,
    times: FloatArray,
    intrinsics: FloatArray,
    turned: FloatArray,
    feet: list[int],
    known: Mask,
) -> Evidence:
    rays, weight = directions(body_px, intrinsics)
    rays = rays @ np.swapaxes(turned, -1, -2)
    spread: FloatArray = (
        np.full(weight.shape, UNTOLD_SPREAD_M) if lifted.spread is None else lifted.spread.astype(float)
    )
    spread = spread * np.where(weight.any(-1), 1, BRIDGED_SPREAD)[:, None]
    joints = np.where(known[:, None, None], lifted.joints, np.nan).astype(float)
    return Evidence(joints, spread, rays, weight, times, feet, np.zeros((len(times), len(feet))))


def _to_joints(clip: Evidence, root: FloatArray) -> FloatArray:
    """(F, J, 3) the rays turned from landmarks to joints: by most of what each is off in the median frame from where the network
    has the joint, less what all are off. root (F, 3). A detector's hip is not the joint's centre, and the network has learnt
    from far more people by how much."""
    placed = root[:, None] + clip.joints
    away = np.linalg.norm(placed, axis=-1, keepdims=True)
    off = clip.rays - placed / np.maximum(away, 1e-9)  # 0 where nobody was seen
    weight = np.where(np.isfinite(away), clip.weight[..., None], 0)
    off = np.where(weight > 0, off, np.nan)
    off = off - np.nansum(off * weight, 1, keepdims=True) / np.maximum(weight.sum(1, keepdims=True), 1e-9)
    seen = weight.any((0, 2))
    constant = np.zeros(off.shape[1:])
    constant[seen] = np.nanmedian(off[:, seen], 0)
    rays = clip.rays - OFFSET_SHARE * constant
    return rays / np.maximum(np.linalg.norm(rays, axis=-1, keepdims=True), 1e-9)


def _in_world(
    found: FloatArray,
    up: FloatArray,
    ground: Ground,
    contacts: FloatArray,
    known: Mask,
    first_from_cam: FloatArray | None,
) -> World:
    """World axes, the floor at z = 0, the first known pelvis over the origin."""
    world_from_cam = np.eye(4)
    world_from_cam[:3, :3] = world_rotation(up)
    positions = found @ world_from_cam[:3, :3].T
    first = positions[np.flatnonzero(known)[0], 0]
    world_from_cam[:3, 3] = -np.array([first[0], first[1], ground.floor])
    positions = (positions + world_from_cam[:3, 3]).astype(np.float32)
    if first_from_cam is not None:
        turning = np.tile(np.eye(4), (len(first_from_cam), 1, 1))
        turning[:, :3, :3] = first_from_cam
        world_from_cam = world_from_cam @ turning
    contacts = np.where(known[:, None], contacts, 0)
    return World(positions, world_from_cam, contacts.astype(np.float32))
