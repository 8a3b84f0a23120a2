"""2D keypoints as users have them: our own file, OpenPose's folder, COCO-style results, VideoPose3D's npz.

Whatever comes in, one person's `Keypoints` come out. Nothing in a file is executed: pickled entries go through an
unpickler that knows numpy's arrays and nothing else.
"""

from __future__ import annotations

import json
import math
import re
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .contract.protocol import InputError, NobodyFoundError, UsageError
from .keypoint_sets import BODY_25, COCO_17, HALPE_26, by_layout
from .keypoints import Keypoints
from .object_npz import read_object_npz
from .track import track

FloatArray = npt.NDArray[np.floating]
Frames = dict[int, list[FloatArray]]  # frame number: its people, (K, 3) each

RESULT_SETS = {17: COCO_17, 26: HALPE_26}
MIN_POINTS = 4  # fewer are scraps of a person, which no tracker can follow
FAR_PX = 1e6  # no picture is that large: damage
MAX_SPARSE = 100  # rows for each frame told of; sparser numbers are dates or ids, not frames


@dataclass(frozen=True)
class _Found:
    """What a foreign file holds. `size` is width, height in pixels, if the file says so."""

    names: tuple[str, ...]
    frames: Frames
    detector: str
    source: str  # of the video, as far as known
    size: tuple[int, int] | None = None
    tracked: bool = False  # one person by definition: a jump is not somebody else


def read(
    path: Path,
    *,
    fps: float | None = None,
    size: tuple[int, int] | None = None,
    person: str = "largest",
    clip: str | None = None,
) -> Keypoints:
    """One person's keypoints from any file that we know; `fps` and `size` (width, height) fill in what it does not say.

    person: largest, or a number from 1 by prominence. clip: SUBJECT/ACTION/CAMERA (or its beginning) in a VideoPose3D
    file of several. Raises InputError for the file, UsageError for a missing or impossible option, NobodyFoundError.
    """
    _check(fps, size, person)
    if path.is_dir():
        return _follow(path, _openpose(path), fps, size, person)
    if not path.is_file():
        raise InputError(f"{path}: no such file.")
    entries = _zip_entries(path)
    if entries is None and path.suffix.lower() != ".npz":
        return _follow(path, _results(path), fps, size, person)
    if "positions_2d.npy" in (entries or ()):
        return _follow(path, _videopose3d(path, clip), fps, size, person)
    own = Keypoints.load(path)
    for option, given, said in (
        ("--fps", fps, own.header["fps"]),
        ("--size", size, (own.header["width"], own.header["height"])),
    ):
        if given is not None and given != said:
            raise UsageError(f"{path}: says itself that it is {said}. Leave out {option}.")
    if person not in ("largest", "1", str(own.header.get("person", 1))):
        raise NobodyFoundError(f"--person {person}: {path} holds one person. Leave it out.")
    return own


def _check(fps: float | None, size: tuple[int, int] | None, person: str) -> None:
    if fps is not None and not (math.isfinite(fps) and 0 < fps <= 1000):
        raise UsageError(f"--fps {fps:g}: must be above 0 and at most 1000.")
    if size is not None and not min(size) > 0:
        raise UsageError(f"--size {size[0]}x{size[1]}: must be the picture's width and height in pixels.")
    if person != "largest" and not (person.isdecimal() and int(person) > 0):
        raise UsageError(f"--person {person}: keypoints files are lifted one person at a time: largest, or 1, 2, ….")


def _openpose(folder: Path) -> _Found:
    """A folder of *_keypoints.json, one a frame; the number at the end of the name counts frames."""
    files = sorted(p for p in folder.glob("*.json") if not p.name.startswith("."))
    files = [p for p in files if p.stem.endswith("_keypoints")] or files
    if not files:
        raise InputError(f"{folder}: a folder without OpenPose's *_keypoints.json files.")
    frames: Frames = {}
    videos: set[str] = set()
    for file in files:
        name = re.fullmatch(r"(.*?)([0-9]{1,12})", file.stem.removesuffix("_keypoints"))
        if not name:
            raise InputError(f"{file}: no frame number at the end of its name. Keep the names that OpenPose gives.")
        videos.add(name[1])
        number = int(name[2])
        if number in frames or len(videos) > 1:
            raise InputError(f"{file}: frame {number} of another video in the same folder. One folder a video.")
        data = _json(file)
        people = data.get("people") if isinstance(data, dict) else None
        if not isinstance(people, list) or not all(isinstance(p, dict) for p in people):
            raise InputError(f"{file}: not a frame of OpenPose, it has no list of people.")
        values = [p.get("pose_keypoints_2d") for p in people]
        frames[number] = [_points(v, {25: BODY_25}, f"{file}: person {i}") for i, v in enumerate(values, 1) if v != []]
    return _Found(BODY_25, frames, "openpose BODY_25", videos.pop().rstrip("_") or folder.name)


def _results(path: Path) -> _Found:
    """COCO-style results, one entry a person, or MMPose's predictions, one entry a frame."""
    data = _json(path)
    if isinstance(data, dict) and ("people" in data or "bodies" in data):
        raise InputError(f"{path}: a single frame of OpenPose. Give the folder that holds all frames.")
    entries = data.get("instance_info") if isinstance(data, dict) else data  # MMPose's demos wrap the list
    if not isinstance(entries, list):
        raise InputError(f"{path}: not COCO-style results: a list of image_id and keypoints was expected.")
    frames: Frames = {}
    for i, entry in enumerate(entries, 1):
        where = f"{path}: entry {i}"
        if not isinstance(entry, dict):
            raise InputError(f"{where}: is not an object with image_id and keypoints.")
        per_frame = "instances" in entry
        number = _frame_number(entry.get("frame_id" if per_frame else "image_id"), where)
        people = frames.setdefault(number, [])
        if not per_frame:
            if entry.get("category_id", 1) == 1:  # COCO's number for a person
                people.append(_points(entry.get("keypoints"), RESULT_SETS, where))
            continue
        try:
            scored = [[[*xy, s] for xy, s in zip(p["keypoints"], p["keypoint_scores"])] for p in entry["instances"]]
        except (KeyError, TypeError) as error:
            raise InputError(f"{where}: instances need keypoints [[x, y], …] and keypoint_scores.") from error
        people += [_points(values, RESULT_SETS, where) for values in scored]
    counts = sorted({len(person) for people in frames.values() for person in people})
    if len(counts) > 1:
        raise InputError(f"{path}: some people have {counts[0]} points, others {counts[1]}.")
    if not counts:
        raise NobodyFoundError(f"{path}: holds no person.")
    return _Found(RESULT_SETS[counts[0]], frames, f"{'coco_17' if counts[0] == 17 else 'halpe_26'} results", path.name)


def _videopose3d(path: Path, wanted: str | None) -> _Found:
    """One clip of positions_2d[subject][action][camera] (F, K, 2), named by metadata's layout and symmetry."""
    record = read_object_npz(path)
    for key in ("positions_2d", "metadata"):
        if not isinstance(record.get(key), dict):
            raise InputError(f"{path}: no '{key}' dictionary. VideoPose3D's data_2d_custom files have one.")
    metadata, clips = record["metadata"], dict[str, tuple[Any, Any]]()
    for subject, actions in record["positions_2d"].items():
        for action, cameras in _items(actions, path):
            for camera, positions in _items(cameras, path):
                clips[f"{subject}/{action}/{camera}"] = subject, positions
    chosen = [c for c in clips if wanted is None or c == wanted or c.startswith(wanted.rstrip("/") + "/")]
    if len(chosen) != 1:
        listed = " ".join(", ".join([*list(clips)[:8], "…"][: len(clips)]).split())
        raise UsageError(f"{path}: holds {len(clips)} clips ({listed}). Choose one with --clip SUBJECT/ACTION/CAMERA.")
    subject, positions = clips[chosen[0]]
    try:
        points = np.asarray(positions)
    except ValueError:  # frames with unlike numbers of points
        points = np.empty(0)
    if points.ndim != 3 or points.dtype.kind not in "fiu" or points.shape[-1] not in (2, 3) or not len(points):
        raise InputError(f"{path}: {chosen[0]} has shape {points.shape}, expected (frames, points, 2) numbers.")
    try:
        names = by_layout(metadata.get("layout_name"), metadata.get("keypoints_symmetry"), points.shape[1])
    except ValueError as error:
        raise InputError(f"{path}: {error}.") from error
    if points.shape[-1] == 2:  # no confidence: seen, except where the file was padded with zeros
        points = np.concatenate([points, (points != 0).any(-1, keepdims=True)], -1)
    videos = metadata.get("video_metadata")
    video = videos.get(subject) if isinstance(videos, dict) else None
    width, height = (video.get("w"), video.get("h")) if isinstance(video, dict) else (None, None)
    size = (width, height) if isinstance(width, int) and isinstance(height, int) and min(width, height) > 0 else None
    frames = {i: [p.astype(float)] for i, p in enumerate(points)}
    return _Found(names, frames, "videopose3d keypoints", str(subject), size, tracked=True)


def _follow(path: Path, found: _Found, fps: float | None, size: tuple[int, int] | None, person: str) -> Keypoints:
    """The Keypoints of one of the people found, on every frame between the first and the last."""
    size = size or found.size
    if fps is None:
        raise UsageError(f"{path}: does not say its frame rate. Add --fps.")
    if size is None:
        raise UsageError(f"{path}: does not say how large the picture is. Add --size WIDTHxHEIGHT.")
    told = sorted(found.frames)
    step = math.gcd(*np.diff(told).tolist()) or 1  # every fifth frame told of: every fifth frame lifted
    numbers = range(told[0], told[-1] + 1, step)
    if len(numbers) > MAX_SPARSE * (len(told) + 10):
        raise InputError(f"{path}: {len(told)} frames numbered {told[0]} to {told[-1]}: these are not frame numbers.")
    people = [_trackable(found.frames.get(n, []), len(found.names)) for n in numbers]
    times = np.array(numbers) / fps
    try:
        if found.tracked and any(len(p) for p in people):
            tracks = [np.concatenate([p if len(p) else np.zeros((1, *p.shape[1:])) for p in people])]
        else:
            tracks = [one.points for one in track(people, times)]
    except NobodyFoundError as error:
        raise NobodyFoundError(f"{path}: nobody is seen for long enough in {len(numbers)} frames.") from error
    number = 1 if person == "largest" else int(person)
    if number > len(tracks):
        raise NobodyFoundError(f"--person {number}: {path} shows only {len(tracks)}. Choose a smaller number.")
    points = tracks[number - 1]
    _check_pixels(points[points[..., 2] > 0, :2], size, path)
    header = {
        "fps": fps, "width": size[0], "height": size[1], "first_frame": numbers[0], "person": number,
        "source": {"file": found.source, "frame_count": len(numbers), "width": size[0], "height": size[1]},
        "detector": found.detector,
    }  # fmt: skip
    return Keypoints(header, found.names, points.astype(np.float32), times)


def _trackable(people: list[FloatArray], count: int) -> npt.NDArray[np.float32]:
    """(P, K, 3) people fit to be followed: confidence 0 to 1, scraps left out.

    An unseen point (confidence 0) lies in the middle of the seen ones, where it does not disturb the tracker, which
    reckons with a place for every point.
    """
    kept: list[FloatArray] = []
    for points in people:
        xy, confidence = points[:, :2], np.nan_to_num(points[:, 2], posinf=0.0).clip(0, 1)
        seen = (np.abs(np.nan_to_num(xy, nan=np.inf)) < FAR_PX).all(-1) & (confidence > 0)
        if seen.sum() >= MIN_POINTS and np.ptp(xy[seen], 0).max() > 0:
            xy = np.where(seen[:, None], xy, np.median(xy[seen], 0))
            kept.append(np.c_[xy, np.where(seen, confidence, 0)])
    return np.array(kept, np.float32).reshape(-1, count, 3)


def _check_pixels(xy: FloatArray, size: tuple[int, int], path: Path) -> None:
    """Refuse (N, 2) points that cannot be pixels of a picture of that size."""
    if np.abs(xy).max() <= 2:
        raise InputError(
            f"{path}: points lie between 0 and 1, not in pixels. Write pixels (OpenPose: keypoint_scale 0)."
        )
    outside = ((xy < 0) | (xy > size)).any(-1).mean()
    if outside > 0.5:
        right, low = np.percentile(xy, 99, axis=0)
        raise InputError(
            f"{path}: {outside:.0%} of the points lie outside a picture of {size[0]}x{size[1]} (they reach "
            f"{right:.0f}, {low:.0f}). Give the size of the picture they were found in: --size."
        )


def _points(values: Any, sets: dict[int, tuple[str, ...]], where: str) -> FloatArray:
    """(K, 3) from x, y, confidence of each point in a row."""
    try:
        flat = np.array(values, np.float64).ravel()
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{where}: keypoints are not rows of numbers.") from error
    if len(flat) not in {3 * count for count in sets}:
        expected = " or ".join(f"{3 * count} ({count} points)" for count in sets)
        raise InputError(f"{where}: {len(flat)} numbers a person, expected {expected}: x, y, confidence of each.")
    return flat.reshape(-1, 3)


def _frame_number(image: Any, where: str) -> int:
    """From a number or a file name such as frames/000012.jpg."""
    digits = re.findall(r"[0-9]+", Path(image).stem) if isinstance(image, str) else [str(image)]
    if not digits or not re.fullmatch(r"[0-9]{1,15}", digits[-1]):
        raise InputError(f"{where}: image {image!r:.60} has no frame number in its name.")
    return int(digits[-1])


def _zip_entries(path: Path) -> list[str] | None:
    """Names of what an npz holds; None where it is none, or a damaged one."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except (OSError, zipfile.BadZipFile, ValueError):
        return None


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:100]
        raise InputError(f"{path}: neither an npz, nor whole JSON, nor a folder ({reason}).") from error


def _items(value: Any, path: Path) -> Iterable[tuple[Any, Any]]:
    """Of a dictionary, or numbered from 0 of a list of cameras; one array of frames is a single camera."""
    if isinstance(value, dict):
        return value.items()
    if isinstance(value, np.ndarray) and value.dtype != object and value.ndim == 3:
        return [(0, value)]
    if isinstance(value, list) or (isinstance(value, np.ndarray) and value.ndim > 0):
        return enumerate(value)
    raise InputError(f"{path}: positions_2d is not subject, action, cameras, but holds {type(value).__name__}.")
