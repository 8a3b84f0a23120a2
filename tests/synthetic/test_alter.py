"""Altered films: joints stay where the picture shows them, draws repeat, and what nobody is seen in is left out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.lifter.clips import part_of_walk, write
from video_to_armature.lifter import video as videos
from video_to_armature.lifter.keypoints import Keypoints
from video_to_armature.lifter.train import rendered
from video_to_armature.synthetic import alter

FRAMES = 12
FOCAL = 400.0


def clip(folder: Path, film: Path) -> Path:
    """As make.py leaves it: a film, and joints in the middle of its picture, 4 m away."""
    seen = videos.probe(film)
    joints = np.random.default_rng(0).normal(0, 0.4, (FRAMES, 27, 3)) + [0, 0, 4]
    intrinsics = np.array([[FOCAL, 0, seen.width / 2], [0, FOCAL, seen.height / 2], [0, 0, 1]])
    np.savez(folder / "truth.npz", joints_cam=joints, covered=joints[..., 0], intrinsics=intrinsics,
             world_from_cam=np.eye(4), fps=30.0)  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawn")
    return clip(folder, part_of_walk(folder / "video.mp4", 40, FRAMES))


def test_a_crop_moves_the_picture_and_its_joints_alike(walk: Path):
    film = videos.probe(walk / "video.mp4")
    plain = alter.Alteration((0, 0, film.width, film.height), (), 1.0, np.ones(3), 0.0, 0.0, 1.0, 95)
    cropped = alter.Alteration((40, 20, 200, 180), (), 1.0, np.ones(3), 0.0, 0.0, 1.0, 95)
    rng = np.random.default_rng(0)
    whole, part = (next(alter.altered(videos.frames(film), a, rng)) for a in (plain, cropped))
    assert part.shape == (180, 200, 3)
    assert np.abs(whole[20:200, 40:240].astype(float) - part).mean() < 3  # shades of 255


def test_a_cover_hides_its_place_and_nothing_else(walk: Path):
    film = videos.probe(walk / "video.mp4")
    size = (film.width, film.height)
    cover = alter.Cover(
        np.array([200.0, 100.0]), np.array([30.0, 20.0]), np.zeros(2), 0, FRAMES, np.array([0, 0]), False
    )
    bare = alter.Alteration((0, 0, *size), (), 1.0, np.ones(3), 0.0, 0.0, 1.0, 95)
    pictures = (
        alter.altered(videos.frames(film), a, np.random.default_rng(0)) for a in (bare, replace(bare, covers=(cover,)))
    )
    plain, covered = (next(frames) for frames in pictures)
    changed = np.abs(plain.astype(int) - covered).sum(-1) > 30
    assert changed[85:115, 175:225].mean() > 0.5
    changed[72:128, 162:238] = False  # the cover, and JPEG blocks about it
    assert changed.mean() < 0.001


def test_an_altered_clip_can_be_trained_on(walk: Path, tmp_path: Path):
    joints = np.load(walk / "truth.npz")["joints_cam"]
    said = alter.make(walk, tmp_path / "one", np.random.default_rng(1))
    assert "seen in" in said
    with np.load(tmp_path / "one" / "truth.npz") as truth, np.load(walk / "truth.npz") as before:
        assert np.array_equal(truth["joints_cam"], joints)
        moved = before["intrinsics"] - truth["intrinsics"]
    seen = videos.probe(tmp_path / "one" / "video.mp4")
    film = videos.probe(walk / "video.mp4")
    assert 0 <= moved[0, 2] <= film.width - seen.width
    assert 0 <= moved[1, 2] <= film.height - seen.height
    assert len(Keypoints.load(tmp_path / "one" / "keypoints.npz").frame_times) == FRAMES
    [take] = rendered.load(tmp_path)
    assert np.isfinite(take.rays).any(-1).mean() >= 0.3
    assert not list(tmp_path.glob(".part-*"))


def test_draws_repeat_and_differ(walk: Path):
    px = np.random.default_rng(0).uniform(100, 300, (FRAMES, 27, 2))
    draws = [alter.draw(np.random.default_rng(seed), px, 640, 480) for seed in (1, 1, 2)]
    assert repr(draws[0]) == repr(draws[1]) != repr(draws[2])
    many = [alter.draw(np.random.default_rng(seed), px, 640, 480) for seed in range(200)]
    assert 0.35 < np.mean([bool(a.covers) for a in many]) < 0.65
    for a in many:
        x, y, w, h = a.crop
        inside = ((np.median(px, 0) >= (x, y)) & (np.median(px, 0) < (x + w, y + h))).all(-1).mean()
        assert inside >= alter.LEAST_OF_PERSON


def test_a_film_that_nobody_is_seen_in_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(alter, "TRIES", 1)
    source = tmp_path / "grey"
    source.mkdir()
    clip(source, write(source / "video.mp4", FRAMES, (640, 480)))
    assert "left out" in alter.make(source, tmp_path / "none", np.random.default_rng(0))
    assert [p.name for p in tmp_path.iterdir()] == ["grey"]
