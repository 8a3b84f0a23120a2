"""What the readers of the published data sets share: parts of a pickled npz, each checked and named when it is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..contract.protocol import InputError
from ..object_npz import read_object_npz

FloatArray = npt.NDArray[np.float32]


def entries(path: Path, *keys: str) -> list[dict[Any, Any]]:
    """The named entries of a file, each a dictionary. Raises InputError naming what is missing."""
    if not path.is_file():
        raise InputError(f"{path}: no such file. --folder names the folder that holds the data set's npz files.")
    record = read_object_npz(path)
    for key in keys:
        if not isinstance(record.get(key), dict):
            has = "is no dictionary" if key in record else f"is missing (there are: {', '.join(record) or 'none'})"
            raise InputError(f"{path}: entry '{key}' {has}.")
    return [record[key] for key in keys]


def lookup(where: str, record: Any, key: Any, kind: Any = object) -> Any:
    """One item of a dictionary of the file, of a kind. Raises InputError naming the missing key and where it should be."""
    if not isinstance(record, dict) or key not in record:
        raise InputError(f"{where} lacks {key!r}.")
    if not isinstance(record[key], kind):
        raise InputError(f"{where}[{key!r}] is of another kind than expected: {type(record[key]).__name__}.")
    return record[key]


def joints(where: str, array: Any, count: int) -> FloatArray:
    """(F, count, 3) numbers. Raises InputError."""
    return _checked(where, array, (count, 3), f"(frames, {count}, 3)")


def keypoints(where: str, array: Any, count: int = 0) -> FloatArray:
    """(F, K, 3) x, y and confidence, which is 1 where the file has none; a NaN point has confidence 0."""
    points = _checked(where, array, (count or None, None), f"(frames, {count or 'points'}, 2 or 3)")
    if points.shape[2] not in (2, 3):
        raise InputError(f"{where} has shape {points.shape}; expected (frames, {count or 'points'}, 2 or 3).")
    if points.shape[2] == 2:
        points = np.concatenate([points, np.ones_like(points[..., :1])], -1)
    unseen = ~np.isfinite(points).all(-1)
    points[unseen] = np.nan, np.nan, 0
    return points


def _checked(where: str, array: Any, shape: tuple[int | None, ...], expected: str) -> FloatArray:
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiu":
        raise InputError(f"{where} is not an array of numbers but {type(array).__name__}.")
    fits = array.ndim == 1 + len(shape) and all(s in (None, n) for s, n in zip(shape, array.shape[1:], strict=True))
    if not fits or not len(array):
        raise InputError(f"{where} has shape {array.shape}; expected {expected}.")
    return np.array(array, np.float32)
