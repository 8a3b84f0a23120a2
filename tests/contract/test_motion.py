"""The Motion type and its file: what goes in comes out, what breaks a rule is refused by name, no file runs code."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from video_to_armature.lifter.contract.motion import CONTACT_NAMES, FORMAT_NAME, FORMAT_VERSION, Motion
from video_to_armature.lifter.contract.protocol import InputError, OutputError
from video_to_armature.lifter.contract.skeleton import BODY_27, H36M_17, Skeleton


def make(F: int = 7, skeleton: Skeleton = BODY_27, seed: int = 0, **changes: Any) -> Motion:
    """A valid motion of noise, with unknown stretches, uneven times and two rotations."""
    rng, J = np.random.default_rng(seed), len(skeleton)
    positions = rng.normal(size=(F, J, 3)).astype(np.float32)
    confidence = rng.uniform(size=(F, J)).astype(np.float32)
    unknown = rng.uniform(size=(F, J)) < 0.2
    positions[unknown], confidence[unknown] = np.nan, 0
    keypoints = rng.uniform(0, 1000, (F, J, 3)).astype(np.float32)
    keypoints[unknown] = (np.nan, np.nan, 0)
    rotations = rng.normal(size=(F, 2, 4))
    values: dict[str, Any] = {
        "header": {"fps": 29.97, "first_frame": 3, "person": "1", "source": {"file": "Tänzer 🎬.mp4"}},
        "joint_names": skeleton.names,
        "parents": skeleton.parents,
        "positions": positions,
        "confidence": confidence,
        "keypoints_px": keypoints,
        "intrinsics": np.array([[900.0, 0, 320], [0, 900, 240], [0, 0, 1]]),
        "world_from_cam": np.eye(4),
        "contacts": rng.uniform(size=(F, len(CONTACT_NAMES))),
        "frame_times": np.cumsum(rng.uniform(0.01, 0.1, F)),
        "rotations": rotations / np.linalg.norm(rotations, axis=-1, keepdims=True),
        "rotation_names": ("pelvis", "head"),
    }
    return Motion(**values | changes)


def assert_same(a: Motion, b: Motion) -> None:
    for name in (f.name for f in fields(Motion)):
        one, other = getattr(a, name), getattr(b, name)
        if isinstance(one, np.ndarray):
            assert one.dtype == other.dtype, name
            np.testing.assert_array_equal(one, other, err_msg=name)
        elif name == "header":
            assert other == {**one, "format": FORMAT_NAME, "version": FORMAT_VERSION}
        else:
            assert one == other, name


MOVING_CAMERA = np.repeat(np.eye(4)[None], 7, 0)


@pytest.mark.parametrize(
    "motion",
    [
        make(),
        make(skeleton=H36M_17),
        make(F=1),
        make(skeleton=Skeleton(("hips", "手"), (-1, 0))),
        make(world_from_cam=MOVING_CAMERA),
        make(rotations=np.zeros((0, 0, 4), np.float32), rotation_names=()),
        make(contacts=np.zeros((7, 5)), contact_names=(*CONTACT_NAMES, "left_hand")),
        make(positions=np.full((7, 27, 3), np.nan, np.float32), confidence=np.zeros((7, 27))),
    ],
    ids=["body", "h36m", "one frame", "own joints", "moving camera", "no rotations", "more contacts", "nothing known"],
)
def test_a_saved_motion_loads_bit_for_bit(motion: Motion, tmp_path: Path) -> None:
    path = tmp_path / "motion.npz"
    motion.save(path)
    assert_same(motion, Motion.load(path))
    assert os.listdir(tmp_path) == ["motion.npz"]


def test_saving_twice_changes_nothing(tmp_path: Path) -> None:
    make().save(tmp_path / "a.npz")
    first = Motion.load(tmp_path / "a.npz")
    first.save(tmp_path / "b.npz")
    second = Motion.load(tmp_path / "b.npz")
    assert first.header == second.header
    assert_same(first, second)


def test_a_motion_cannot_be_changed() -> None:
    motion = make()
    with pytest.raises(ValueError, match="read-only"):
        motion.positions[0, 0, 0] = 1
    with pytest.raises(FrozenInstanceError):
        motion.parents = ()  # type: ignore[misc]


def test_a_motion_is_not_changed_through_the_arrays_it_was_made_from() -> None:
    times = np.arange(7, dtype=np.float64)
    motion = make(frame_times=times)
    times[:] = 0
    assert motion.frame_times[6] == 6


def test_joint_picks_the_named_column() -> None:
    motion = make()
    np.testing.assert_array_equal(motion.joint("nose"), motion.positions[:, BODY_27.index("nose")])
    with pytest.raises(KeyError, match="tail"):
        motion.joint("tail")


def _with(name: str, index: Any, value: Any) -> Callable[[], dict[str, Any]]:
    def change() -> dict[str, Any]:
        array = np.array(getattr(make(), name))
        array[index] = value
        return {name: array}

    return change


KNOWN = tuple(np.argwhere(make().known)[0])
UNKNOWN = tuple(np.argwhere(~make().known)[0])

REFUSED: dict[str, tuple[str, Callable[[], dict[str, Any]]]] = {
    "no fps": ("lacks 'fps'", lambda: {"header": {"first_frame": 0}}),
    "no first frame": ("lacks 'first_frame'", lambda: {"header": {"fps": 30}}),
    "fps zero": ("fps is 0", lambda: {"header": {"fps": 0, "first_frame": 0}}),
    "fps NaN": ("fps is nan", lambda: {"header": {"fps": float("nan"), "first_frame": 0}}),
    "positions flat": ("positions has shape", lambda: {"positions": np.zeros((7, 27, 2))}),
    "confidence short": ("confidence has shape", lambda: {"confidence": np.zeros((6, 27))}),
    "keypoints narrow": ("keypoints_px has shape", lambda: {"keypoints_px": np.zeros((7, 17, 3))}),
    "intrinsics 4x4": ("intrinsics has shape", lambda: {"intrinsics": np.eye(4)}),
    "contacts narrow": ("contacts has shape", lambda: {"contacts": np.zeros((7, 3))}),
    "times short": ("frame_times has shape", lambda: {"frame_times": np.arange(6.0)}),
    "rotations unnamed": ("rotations has shape", lambda: {"rotation_names": ("pelvis",)}),
    "camera for other frames": ("world_from_cam has shape", lambda: {"world_from_cam": MOVING_CAMERA[:6]}),
    "names repeat": ("repeat", lambda: {"joint_names": ("pelvis",) * 27}),
    "parents short": ("parents", lambda: {"parents": BODY_27.parents[:-1]}),
    "parent outside": ("parents point outside", lambda: {"parents": (*BODY_27.parents[:-1], 27)}),
    "own parent": ("parents point outside", lambda: {"parents": (*BODY_27.parents[:-1], 26)}),
    "position half known": ("half known", _with("positions", (*KNOWN, 1), np.nan)),
    "position infinite": ("half known", _with("positions", (*KNOWN, 1), np.inf)),
    "confidence above 1": ("confidence is not within", _with("confidence", KNOWN, 1.01)),
    "confidence below 0": ("confidence is not within", _with("confidence", KNOWN, -0.01)),
    "confidence NaN": ("confidence is not within", _with("confidence", KNOWN, np.nan)),
    "sure of the unknown": ("confidence is not 0", _with("confidence", UNKNOWN, 0.5)),
    "contacts above 1": ("contacts are not within", _with("contacts", (0, 0), 1.5)),
    "contacts NaN": ("contacts are not within", _with("contacts", (0, 0), np.nan)),
    "time stands still": ("do not increase", _with("frame_times", 3, make().frame_times[2])),
    "time runs back": ("do not increase", _with("frame_times", 3, 0.0)),
    "time NaN": ("do not increase", _with("frame_times", 3, np.nan)),
    "camera NaN": ("camera is not finite", _with("world_from_cam", (0, 0), np.nan)),
    "focal length NaN": ("camera is not finite", _with("intrinsics", (0, 0), np.nan)),
    "rotation not unit": ("not unit", _with("rotations", (0, 0), (2, 0, 0, 0))),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_breaks_a_rule_is_refused_by_name(case: str) -> None:
    says, change = REFUSED[case]
    with pytest.raises(ValueError, match=says):
        replace(make(), **change())


@pytest.mark.parametrize("size", [0, 27])
def test_an_empty_motion_is_refused(size: int) -> None:
    arrays = {n: getattr(make(), n)[:0] for n in ("positions", "confidence", "keypoints_px", "contacts", "frame_times")}
    if size:
        with pytest.raises(ValueError, match="no frames"):
            replace(make(), **arrays, rotations=np.zeros((0, 2, 4)))
    else:
        with pytest.raises(ValueError, match="no frames or no joints"):
            make(skeleton=Skeleton((), ()))


# The file


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "motion.npz"
    make().save(path)
    return path


def entries(path: Path) -> dict[str, Any]:
    with np.load(path, allow_pickle=False) as archive:
        return {key: archive[key] for key in archive.files}


def refusal(path: Path) -> str:
    """The one line with which a file is refused; it must name the file."""
    with pytest.raises(InputError) as caught:
        Motion.load(path)
    said = str(caught.value)
    assert said.startswith(f"{path}: ")
    assert "\n" not in said
    return said


def test_every_truncation_is_refused(saved: Path) -> None:
    whole = saved.read_bytes()
    for size in sorted({0, 1, 3, 4, 30, *range(100, len(whole), max(1, len(whole) // 40)), len(whole) - 1}):
        saved.write_bytes(whole[:size])
        assert "not a video_to_armature.motion file" in refusal(saved)


def test_a_flipped_byte_never_gives_another_motion(saved: Path) -> None:
    """Damage is refused, or it was in bytes that carry nothing (zip dates); it never loads as other numbers."""
    whole, rng = saved.read_bytes(), np.random.default_rng(1)
    for at in rng.integers(0, len(whole), 300):
        damaged = bytearray(whole)
        damaged[at] ^= 1 << int(rng.integers(8))
        saved.write_bytes(damaged)
        try:
            loaded = Motion.load(saved)
        except InputError:
            continue
        assert_same(make(), loaded)


class Bomb:
    """Writes a file when unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.mark,))


@pytest.mark.parametrize("where", ["header", "joint_names", "positions", "an unknown entry"])
def test_a_hostile_pickle_is_refused_and_not_run(saved: Path, tmp_path: Path, where: str) -> None:
    mark = tmp_path / "ran"
    record = entries(saved)
    record[where] = np.array([Bomb(mark)], dtype=object)
    np.savez(saved, **record)
    with np.load(saved, allow_pickle=True) as archive:
        assert archive[where] is not None
    assert mark.exists()  # the bomb works
    mark.unlink()
    refusal(saved)
    assert not mark.exists()


def test_a_missing_entry_is_named(saved: Path) -> None:
    record = entries(saved)
    del record["contacts"]
    np.savez(saved, **record)
    assert "missing contacts" in refusal(saved)


def _header(saved: Path, **changes: Any) -> None:
    record = entries(saved)
    record["header"] = np.array(json.dumps(json.loads(str(record["header"])) | changes))
    np.savez(saved, **record)


def test_a_newer_format_says_so(saved: Path) -> None:
    _header(saved, version=FORMAT_VERSION + 1)
    assert f"format version {FORMAT_VERSION + 1}" in refusal(saved)


def test_another_format_says_so(saved: Path) -> None:
    _header(saved, format="video_to_armature.keypoints")
    assert "holds 'video_to_armature.keypoints'" in refusal(saved)


def test_a_broken_rule_in_a_file_is_named(saved: Path) -> None:
    record = entries(saved)
    record["frame_times"] = record["frame_times"][::-1]
    np.savez(saved, **record)
    assert "frame_times do not increase" in refusal(saved)


@pytest.mark.parametrize(
    "content",
    [b"", b"PK\x03\x04", b"\x93NUMPY", b"not a motion", os.urandom(4096)],
    ids=["empty", "zip magic", "npy magic", "text", "noise"],
)
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "motion.npz"
    path.write_bytes(content)
    assert "not a video_to_armature.motion file" in refusal(path)


def test_a_zip_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "motion.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")
    refusal(path)


def test_a_plain_npy_is_refused(tmp_path: Path) -> None:
    path, stream = tmp_path / "motion.npz", io.BytesIO()
    np.save(stream, np.zeros(3))
    path.write_bytes(stream.getvalue())
    refusal(path)


def test_no_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / "missing.npz")
    assert "is a folder" in refusal(tmp_path)


def test_saving_into_a_missing_folder_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        make().save(tmp_path / "nowhere" / "motion.npz")
