"""Where the focal length comes from when nobody names it."""

import struct
from pathlib import Path

import numpy as np
import pytest

from video_to_armature.lifter import lens, pipeline
from video_to_armature.lifter.lens_metadata import EQUIVALENT_MM, focal_mm

from .clips import WALK

PHONE = Path(__file__).resolve().parents[1] / "data" / "phone_26mm.mp4"  # written by FFmpeg


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def film(path: Path, kind: int, value: bytes) -> Path:
    names = [b"com.apple.quicktime.make", EQUIVALENT_MM]
    keys = struct.pack(">II", 0, 2) + b"".join(box(b"mdta", name) for name in names)
    item = box(b"\0\0\0\2", box(b"data", struct.pack(">II", kind, 0) + value))
    meta = box(b"meta", box(b"hdlr", bytes(24)) + box(b"keys", keys) + box(b"ilst", item))
    path.write_bytes(box(b"ftyp", b"qt  ") + box(b"mdat", b"x" * 50) + box(b"moov", box(b"trak", meta)))
    return path


def test_a_phones_film_says_its_focal_length():
    assert focal_mm(PHONE) == 26.0


@pytest.mark.parametrize(
    ("kind", "value"), [(1, b"24.5"), (23, struct.pack(">f", 24.5)), (24, struct.pack(">d", 24.5))]
)
def test_text_and_floats_are_read(tmp_path, kind, value):
    assert focal_mm(film(tmp_path / "a.mov", kind, value)) == 24.5


def test_whole_numbers_are_read(tmp_path):
    assert focal_mm(film(tmp_path / "a.mov", 22, struct.pack(">H", 24))) == 24.0


def test_files_that_do_not_say_or_say_nonsense_tell_nothing(tmp_path):
    assert focal_mm(WALK) is None
    assert focal_mm(film(tmp_path / "a.mov", 1, b"wide")) is None
    assert focal_mm(film(tmp_path / "a.mov", 22, struct.pack(">H", 9999))) is None
    whole = PHONE.read_bytes()
    for length in range(0, len(whole), 7):  # cut anywhere
        (tmp_path / "cut.mp4").write_bytes(whole[:length])
        assert focal_mm(tmp_path / "cut.mp4") in (None, 26.0)
    (tmp_path / "noise.mp4").write_bytes(np.random.default_rng(0).bytes(5000))
    assert focal_mm(tmp_path / "noise.mp4") is None


def test_what_the_user_says_comes_before_what_the_film_tells():
    assert lens.intrinsics(1920, 1080, pipeline.Options(), 1500.0)[0, 0] == 1500
    named = lens.intrinsics(1920, 1080, pipeline.Options(hfov=90.0), 1500.0)[0, 0]
    assert abs(named - 960) < 1e-6
    assert abs(lens.intrinsics(1080, 1920, pipeline.Options(focal_mm=36.0))[0, 0] - 1920) < 1e-6
