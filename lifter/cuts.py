"""Where a video changes from one scene to another: from a tiny picture of each frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

SIDE = 8  # blocks across and down; 192 bytes a frame
SAMPLES = 4  # pixels across and down that a block is the mean of
UNLIKE = 0.385  # makes another scene: from one to another it was 0.43 at least, inside one 0.34 at most
SUDDEN = 2.0  # times the changes just before and after: fast motion goes on, a flash goes back
BESIDE = 2  # frames in which it would
BEFORE = 12  # frames, whose middle values must differ as well: a person who leaps past leaves the background
BLOCK = 4096  # frames compared at a time
FLAT = 3.0  # grey levels; less contrast than this is noise

Look = npt.NDArray[np.uint8]


def look(rgb: npt.NDArray[np.uint8]) -> Look:
    """(192,) mean colours of the blocks of an (H, W, 3) frame."""
    y, x = (np.linspace(0, side - 1, SIDE * SAMPLES).astype(int) for side in rgb.shape[:2])
    return rgb[y[:, None], x].reshape(SIDE, SAMPLES, SIDE, SAMPLES, 3).mean((1, 3)).round().astype(np.uint8).ravel()


def cuts(looks: Sequence[Look]) -> list[int]:
    """The frames that begin another scene. Brightness and contrast may change without being one."""
    seen = np.array(looks)
    blocks = [seen[at : at + BLOCK + 1] for at in range(0, len(seen) - 1, BLOCK)]
    change = np.concatenate([_unlike(block[1:], block[:-1]) for block in blocks] or [[]])  # [f - 1] leads to frame f
    found: list[int] = []
    for f in np.flatnonzero(change > UNLIKE) + 1:
        beside = np.r_[change[max(f - 1 - BESIDE, 0) : f - 1], change[f : f + BESIDE]]
        before, after = (np.median(part, axis=0) for part in (seen[max(f - BEFORE, 0) : f], seen[f : f + BEFORE]))
        if change[f - 1] > SUDDEN * beside.max(initial=0) and _unlike(before, after) > UNLIKE:
            found.append(int(f))
    return found


def _unlike(a: npt.NDArray[np.generic], b: npt.NDArray[np.generic]) -> npt.NDArray[np.float32]:
    """(...) from 0 to 1.4 for (..., 192) looks: the root of one less the correlation, each colour about its mean."""
    x, y = (np.asarray(look, np.float32).reshape(*look.shape[:-1], -1, 3) for look in (a, b))
    x, y = x - x.mean(-2, keepdims=True), y - y.mean(-2, keepdims=True)
    size = np.sqrt((x**2).sum((-1, -2)) * (y**2).sum((-1, -2)))
    return np.sqrt(np.maximum(1 - (x * y).sum((-1, -2)) / np.maximum(size, FLAT**2 * 3 * SIDE**2), 0))
