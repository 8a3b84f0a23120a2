"""What a captured performance is: the Motion type, and its one reader and one writer.

FORMAT.md describes the file for those who read it without this code.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .files import replacing
from .protocol import InputError
from .skeleton import ROOT, Skeleton

FORMAT_NAME = "video_to_armature.motion"
FORMAT_VERSION = 1
CONTACT_NAMES = ("left_heel", "left_toe", "right_heel", "right_toe")

FloatArray = npt.NDArray[np.float32]


def _no_rotations() -> FloatArray:
    return np.zeros((0, 0, 4), np.float32)


@dataclass(frozen=True)
class Motion:
    """One person's motion: joints over time with the evidence they came from. Checked when made, read-only after.

    World axes: right-handed, metres, +Z up, ground z = 0; a person facing the camera faces -Y.
    Unknown is NaN with confidence 0. Raises ValueError naming the field that breaks a rule.
    """

    header: Mapping[str, Any]  # fps and first_frame at least; see FORMAT.md
    joint_names: tuple[str, ...]  # J
    parents: tuple[int, ...]  # J, -1 for the root
    positions: FloatArray  # (F, J, 3) metres, world
    confidence: FloatArray  # (F, J) in 0..1
    keypoints_px: FloatArray  # (F, J, 3) x, y in pixels of the upright frame, confidence
    intrinsics: npt.NDArray[np.float64]  # (3, 3) pinhole, pixels
    world_from_cam: npt.NDArray[np.float64]  # (4, 4), or (F, 4, 4) when the camera moves
    contacts: FloatArray  # (F, K) probability that the joint stands still on something
    frame_times: npt.NDArray[np.float64]  # (F,) seconds in the source
    contact_names: tuple[str, ...] = CONTACT_NAMES  # K
    rotations: FloatArray = field(default_factory=_no_rotations)  # (F, R, 4) wxyz, world
    rotation_names: tuple[str, ...] = ()  # R

    def __post_init__(self) -> None:
        floats = {"intrinsics": np.float64, "world_from_cam": np.float64, "frame_times": np.float64}
        for name in _ARRAYS:
            array = np.array(getattr(self, name), dtype=floats.get(name, np.float32), order="C")
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        if len(self.rotation_names) == 0 and self.rotations.size == 0:
            object.__setattr__(self, "rotations", np.zeros((len(self.positions), 0, 4), np.float32))
        object.__setattr__(self, "header", dict(self.header))
        object.__setattr__(self, "joint_names", tuple(str(n) for n in self.joint_names))
        object.__setattr__(self, "parents", tuple(int(p) for p in self.parents))
        object.__setattr__(self, "contact_names", tuple(str(n) for n in self.contact_names))
        object.__setattr__(self, "rotation_names", tuple(str(n) for n in self.rotation_names))
        _check(self)

    @property
    def fps(self) -> float:
        """Nominal frames a second of the source; `frame_times` holds the true time of each frame."""
        return float(self.header["fps"])

    @property
    def frames(self) -> int:
        return len(self.positions)

    @property
    def skeleton(self) -> Skeleton:
        return Skeleton(self.joint_names, self.parents)

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """(F, J) where the position is known."""
        return np.isfinite(self.positions).all(-1)

    def joint(self, name: str) -> FloatArray:
        """(F, 3) positions of one joint; KeyError names a joint that is not there."""
        return self.positions[:, self.skeleton.index(name)]

    def save(self, path: str | Path) -> None:
        """Write the file beside `path` and rename it into place. Raises OutputError."""
        arrays: dict[str, npt.NDArray[Any]] = {name: getattr(self, name) for name in _ARRAYS}
        header = {**self.header, "format": FORMAT_NAME, "version": FORMAT_VERSION}
        arrays["header"] = np.array(json.dumps(header, ensure_ascii=False))
        arrays["joint_names"] = np.array(self.joint_names, dtype=np.str_)
        arrays["parents"] = np.array(self.parents, np.int16)
        arrays["contact_names"] = np.array(self.contact_names, dtype=np.str_)
        arrays["rotation_names"] = np.array(self.rotation_names, dtype=np.str_)
        with replacing(Path(path)) as part, part.open("wb") as stream:
            np.savez_compressed(stream, allow_pickle=False, **arrays)

    @classmethod
    def load(cls, path: str | Path) -> Motion:
        """Read a motion file. Raises InputError saying what is wrong with it."""
        record = read_npz(Path(path), FORMAT_NAME, FORMAT_VERSION)
        wanted = {f.name for f in fields(cls)}
        missing = wanted - record.keys()
        if missing:
            raise InputError(
                f"{path}: not a whole motion file, missing {', '.join(sorted(missing))}. Capture it again."
            )
        try:
            return cls(**{name: record[name] for name in wanted})
        except (ValueError, TypeError) as error:
            raise InputError(f"{path}: {error}. Capture it again.") from error


_ARRAYS = (
    "positions", "confidence", "keypoints_px", "intrinsics", "world_from_cam", "contacts", "frame_times", "rotations",
)  # fmt: skip


def read_npz(path: Path, format_name: str, newest: int) -> dict[str, Any]:
    """All entries of one of our npz files, the header decoded. Raises InputError; never unpickles."""
    if not path.is_file():
        raise InputError(f"{path}: {'is a folder, not a file' if path.is_dir() else 'no such file'}.")
    try:
        with np.load(path, allow_pickle=False) as archive:
            record: dict[str, Any] = {key: archive[key] for key in archive.files}
        header = json.loads(str(record["header"]))
        found, version = header["format"], int(header["version"])
    except Exception as error:  # damage surfaces as errors of zipfile, zlib, struct, numpy, json, even MemoryError
        raise InputError(f"{path}: not a {format_name} file ({type(error).__name__}). Was it written whole?") from error
    if found != format_name:
        raise InputError(f"{path}: holds '{found}', not '{format_name}'.")
    if version > newest:
        raise InputError(f"{path}: format version {version}, this program reads up to {newest}. Update the extension.")
    record["header"] = header
    return record


def _check(motion: Motion) -> None:
    header, F, J = motion.header, len(motion.positions), len(motion.joint_names)
    for key in ("fps", "first_frame"):
        if key not in header:
            raise ValueError(f"header lacks '{key}'")
    if not (np.isfinite(header["fps"]) and header["fps"] > 0):
        raise ValueError(f"fps is {header['fps']}, must be above 0")
    shapes = {
        "positions": (F, J, 3),
        "confidence": (F, J),
        "keypoints_px": (F, J, 3),
        "intrinsics": (3, 3),
        "contacts": (F, len(motion.contact_names)),
        "frame_times": (F,),
        "rotations": (F, len(motion.rotation_names), 4),
    }
    for name, shape in shapes.items():
        if getattr(motion, name).shape != shape:
            raise ValueError(f"{name} has shape {getattr(motion, name).shape}, expected {shape}")
    if motion.world_from_cam.shape not in ((4, 4), (F, 4, 4)):
        raise ValueError(f"world_from_cam has shape {motion.world_from_cam.shape}, expected (4, 4) or ({F}, 4, 4)")
    if F == 0 or J == 0:
        raise ValueError("no frames or no joints")
    skeleton = motion.skeleton  # checks lengths and repeated names
    if any(not ROOT <= p < J or p == i for i, p in enumerate(skeleton.parents)):
        raise ValueError("parents point outside the joints")
    known = np.isfinite(motion.positions)
    if (known.any(-1) != known.all(-1)).any():
        raise ValueError("positions are half known: all of x, y, z or none")
    unit = motion.confidence
    if not (np.isfinite(unit).all() and (unit >= 0).all() and (unit <= 1).all()):
        raise ValueError("confidence is not within 0..1")
    if (unit[~known.all(-1)] != 0).any():
        raise ValueError("confidence is not 0 where a position is unknown")
    if not (np.isfinite(motion.contacts).all() and (motion.contacts >= 0).all() and (motion.contacts <= 1).all()):
        raise ValueError("contacts are not within 0..1")
    times = motion.frame_times
    if not np.isfinite(times).all() or (np.diff(times) <= 0).any():
        raise ValueError("frame_times do not increase")
    if not (np.isfinite(motion.intrinsics).all() and np.isfinite(motion.world_from_cam).all()):
        raise ValueError("the camera is not finite")
    if motion.rotation_names and not np.allclose(np.linalg.norm(motion.rotations, axis=-1), 1, atol=1e-3):
        raise ValueError("rotations are not unit quaternions")
