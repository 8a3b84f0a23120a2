"""npz files with pickled entries, read as plain data: no code in them runs.

VideoPose3D's files hold dictionaries of arrays this way. numpy's own classes are never called, because a forged
state could pass raw pointers to them; inert stand-ins are.
"""

from __future__ import annotations

import pickle
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np

from .contract.protocol import InputError


def read_object_npz(path: Path) -> dict[str, Any]:
    """The entries of an npz with pickled ones, as plain Python values and arrays; no code in it runs.

    Raises InputError when it is damaged or asks for anything but numpy arrays and Python's own data.
    """
    record: dict[str, Any] = {}
    entry = ""
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in archive.namelist():
                with archive.open(entry) as stream:
                    record[entry.removesuffix(".npy")] = _read_npy(stream)
    except Exception as error:  # damage surfaces as errors of zipfile, zlib, pickle, numpy, even RecursionError
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise InputError(f"{path}: entry '{entry}' cannot be read safely ({reason}).") from error
    return record


def _read_npy(stream: IO[bytes]) -> Any:
    """One npy entry: an array, or what the pickle in it holds."""
    header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if not header[np.lib.format.read_magic(stream)](stream)[2].hasobject:
        stream.seek(0)
        return np.lib.format.read_array(stream, allow_pickle=False)
    value = _plain(_Unpickler(stream).load(), {})
    return value.item() if isinstance(value, np.ndarray) and value.ndim == 0 else value


class _Dtype:
    """Stands for numpy.dtype while unpickling: numpy's own believes its state, down to raw pointers."""

    def __init__(self, code: str, *_: Any) -> None:
        self.code, self.order = code, "="

    def __setstate__(self, state: Any) -> None:
        self.order = state[1]

    def numpy(self) -> np.dtype[Any]:
        if not re.fullmatch(r"[biuf][1248]|U[0-9]{1,4}", self.code):
            raise pickle.UnpicklingError(f"arrays of {self.code!r:.20}")
        return np.dtype(self.order.strip("|") + self.code)


class _Array:
    """Stands for numpy.ndarray while unpickling; `_plain` makes the array."""

    def __init__(self, *_: Any) -> None:
        self.state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _Callable:
    """Something that a pickle may call. Not the class or function itself, which a pickle could change."""

    def __init__(self, make: Callable[..., Any]) -> None:
        self._make = make

    def __call__(self, *arguments: Any) -> Any:
        return self._make(*arguments)

    def __setstate__(self, state: Any) -> None:
        raise pickle.UnpicklingError("a changed function")


def _bytes(text: str, encoding: str) -> bytes:
    return text.encode("latin-1")  # how protocol 2 writes bytes


def _no_bytes() -> bytes:
    return b""  # nor can protocol 2 write these otherwise; it never passes a length


def _scalar(dtype: _Dtype, raw: bytes) -> Any:
    return np.frombuffer(raw, dtype.numpy(), 1)[0].item()


class _Unpickler(pickle.Unpickler):
    """Knows Python's plain data and numpy's arrays and numbers; everything else is refused by name."""

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        name = f"{module_name}.{global_name}".replace("numpy._core", "numpy.core")
        known = {
            "numpy.core.multiarray._reconstruct": _Array, "numpy.core.multiarray.scalar": _scalar,
            "numpy.dtype": _Dtype, "numpy.ndarray": _Array, "_codecs.encode": _bytes,
            "__builtin__.bytes": _no_bytes, "builtins.bytes": _no_bytes,
        }  # fmt: skip
        if name not in known:
            raise pickle.UnpicklingError(f"asks for {name!r:.60}, which is no array")
        return _Callable(known[name])


def _plain(value: Any, done: dict[int, Any]) -> Any:
    """`value` with real arrays for the stand-ins; each object once, however often and deep it is referred to."""
    if id(value) in done:
        return done[id(value)]
    if isinstance(value, dict):
        made: Any = {}
        done[id(value)] = made
        made.update({key: _plain(item, done) for key, item in value.items()})
        return made
    if isinstance(value, list | tuple):
        made = []
        done[id(value)] = made
        made.extend(_plain(item, done) for item in value)
        return made
    if not isinstance(value, _Array):
        return value
    _, shape, dtype, fortran, data = value.state
    order = "F" if fortran else "C"
    if not dtype.code.startswith("O"):
        made = np.frombuffer(data, dtype.numpy()).reshape(shape, order=order)
    else:
        made = np.empty(len(data), object)
        for i, item in enumerate(data):
            made[i] = _plain(item, done)
        made = made.reshape(shape, order=order)
    done[id(value)] = made
    return made
