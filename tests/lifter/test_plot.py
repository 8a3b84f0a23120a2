"""The sheet of a motion: its size, that everything is where it belongs, and what is said when it cannot be drawn."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from video_to_armature.lifter import plot, plot_space
from video_to_armature.lifter.contract.motion import Motion
from video_to_armature.lifter.contract.protocol import InputError
from video_to_armature.lifter.contract.skeleton import BODY_27, H36M_17, Skeleton

from . import clips, filmed
from .people import INTRINSICS, camera, project, rest, walking

ROOT = Path(__file__).resolve().parents[2]
TIMES = np.arange(60) / 30
WIDTH, HEIGHT = 1600, 1000
CONTACTS = slice(885, 950), slice(75, 960)  # rows, columns of the sheet that lie within that panel


def motion_of(
    joints: np.ndarray, world_from_cam: np.ndarray, skeleton: Skeleton = BODY_27, contact: float = 0.0, **header
) -> Motion:
    """Exact joints (F, J, 3), NaN where unknown, seen by a camera (4, 4) or (F, 4, 4)."""
    each = world_from_cam if world_from_cam.ndim == 3 else np.repeat(world_from_cam[None], len(joints), 0)
    px = np.stack([project(one[None], cam, INTRINSICS)[1][0] for one, cam in zip(joints, each)])
    known = np.isfinite(joints).all(-1)
    px[~known] = np.nan, np.nan, 0
    return Motion(
        header={"fps": 30.0, "first_frame": 0, **header},
        joint_names=skeleton.names,
        parents=skeleton.parents,
        positions=joints,
        confidence=np.where(known, 0.9, 0),
        keypoints_px=px,
        intrinsics=INTRINSICS,
        world_from_cam=world_from_cam,
        contacts=np.full((len(joints), 4), contact),
        frame_times=np.arange(len(joints)) / 30,
    )


CAMERA = camera(0.2, 1.6, 5.0)
WALK = walking(TIMES) + [1.0, 0, 0]
STAY = np.repeat(rest()[None], 60, 0)
PANNED = np.repeat(CAMERA[None], 60, 0)
PANNED[:, :3, :3] = CAMERA[:3, :3] @ filmed.turns(np.stack([-10 * TIMES, 0 * TIMES, 0 * TIMES], 1))


def without(joints: np.ndarray, *where) -> np.ndarray:
    out = joints.copy()
    out[where] = np.nan
    return out


def sheet(folder: Path, motion: Motion, video: Path | None = None) -> np.ndarray:
    """(H, W, 3) RGB of the file that is written."""
    plot.draw(motion, folder / "sheet.png", video)
    picture = cv2.imread(str(folder / "sheet.png"))
    assert picture is not None
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


def painted(picture: np.ndarray, colour: str) -> float:
    """Share of the pixels that have this colour, in full or nearly."""
    wanted = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return float((np.abs(picture.astype(int) - wanted).max(-1) < 12).mean())


RIGHT_JOINTS = [j for j, name in enumerate(BODY_27.names) if name.startswith("right_")]
MOTIONS = {
    "walks": motion_of(WALK, CAMERA),
    "stays": motion_of(STAY, CAMERA),
    "camera turns": motion_of(WALK, PANNED),
    "no feet": motion_of(WALK[:, :17], CAMERA, H36M_17),
    "one frame": motion_of(WALK[:1], CAMERA),
    "two frames": motion_of(WALK[:2], CAMERA),
    "comes late, goes early, hidden between": motion_of(without(WALK, np.r_[0:20, 30:40, 50:60]), CAMERA),
    "known in one frame": motion_of(without(WALK, np.r_[0:30, 31:60]), CAMERA),
    "joints never known": motion_of(without(WALK, slice(None), RIGHT_JOINTS), CAMERA),
    "the pelvis never known": motion_of(without(WALK, slice(None), 0), CAMERA),
    "behind the camera": motion_of(WALK - [0, 20, 0], CAMERA),
}


@pytest.mark.parametrize("name", MOTIONS)
def test_every_motion_has_a_sheet_of_1600_by_1000(name, tmp_path):
    picture = sheet(tmp_path, MOTIONS[name])
    assert picture.shape == (HEIGHT, WIDTH, 3)
    assert painted(picture, plot_space.LEFT) > 0.0002


def test_nothing_known_is_refused(tmp_path):
    with pytest.raises(InputError, match="nothing is known"):
        sheet(tmp_path, motion_of(np.full((5, 27, 3), np.nan), CAMERA))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("world_from_cam", [CAMERA, PANNED], ids=["fixed", "turning"])
def test_joints_are_projected_onto_their_keypoints(world_from_cam):
    motion = motion_of(WALK, world_from_cam)
    for frame in (0, 30, 59):
        px = plot_space.project(motion, frame, motion.positions[frame])
        assert np.abs(px - motion.keypoints_px[frame, :, :2]).max() < 0.01
    assert np.isnan(plot_space.project(motion, 0, np.array([[0.0, -9, 1]]))).all()  # behind the camera


def test_limbs_have_the_colour_of_their_side(tmp_path):
    both, left = sheet(tmp_path, MOTIONS["walks"]), sheet(tmp_path, MOTIONS["joints never known"])
    for picture in (both, left):
        assert painted(picture[:300], plot_space.LEFT) > 0.002
    assert painted(both[:300], plot_space.RIGHT) > 0.002
    assert painted(left[:300], plot_space.RIGHT) == 0


def test_bars_stand_where_feet_do(tmp_path):
    def bars(contact: float) -> float:
        panel = sheet(tmp_path, motion_of(WALK, CAMERA, contact=contact))[CONTACTS]
        return painted(panel, plot_space.LEFT) + painted(panel, plot_space.RIGHT)

    assert bars(0.0) == 0
    assert bars(0.4) == 0
    assert bars(1.0) > 0.4


def test_the_bar_is_as_long_as_the_contact(tmp_path):
    motion = motion_of(WALK, CAMERA)
    contacts = motion.contacts.copy()
    contacts[15:45] = 1  # half of the clip
    half = Motion(**{**vars(motion), "contacts": contacts})
    full = Motion(**{**vars(motion), "contacts": np.ones_like(contacts)})
    drawn = [painted(sheet(tmp_path, m)[CONTACTS], plot_space.LEFT) for m in (half, full)]
    assert abs(drawn[0] / drawn[1] - 0.5) < 0.05


def test_the_video_frames_are_those_of_the_moments(tmp_path):
    video = clips.write(tmp_path / "grey.mp4", 60, (1280, 720))  # frame i is 2 i grey
    picture = sheet(tmp_path, MOTIONS["walks"], video)
    first, last = picture[60:290, 10:40], picture[60:290, 1560:1590]
    assert np.median(first) < 6
    assert abs(np.median(last) - 118) < 6


def test_another_video_is_refused(tmp_path):
    source = {"file": "mine.mp4", "width": 1280, "height": 720}
    with pytest.raises(InputError, match=r"is 160x120, but the motion was captured from mine.mp4, 1280x720"):
        sheet(tmp_path, motion_of(WALK, CAMERA, source=source), clips.write(tmp_path / "other.mp4", 3))
    assert not (tmp_path / "sheet.png").exists()


def info(*arguments, **environment) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lifter", "info", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env={**os.environ, **environment})


@pytest.fixture
def file(tmp_path):
    MOTIONS["walks"].save(tmp_path / "motion.npz")
    return tmp_path / "motion.npz"


def test_the_command_draws_once(file, tmp_path):
    out = tmp_path / "sheet.png"
    done = info(file, "--plot", out)
    assert done.returncode == 0
    assert json.loads(done.stdout)["plot"] == str(out)
    assert cv2.imread(str(out)).shape == (HEIGHT, WIDTH, 3)
    again = info(file, "--plot", out)
    assert again.returncode == 7
    assert "exists already" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [(["--plot", "sheet.jpg"], 2, "must end in .png"), (["--video", "some.mp4"], 2, "Add --plot")],
)
def test_misuse_is_refused_in_one_line(file, arguments, code, said):
    done = info(file, *arguments)
    assert done.returncode == code
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_without_matplotlib_one_line_says_what_to_install(file, tmp_path):
    missing = tmp_path / "matplotlib"
    missing.mkdir()
    (missing / "__init__.py").write_text("raise ImportError('no matplotlib here')")
    done = info(file, "--plot", tmp_path / "sheet.png", PYTHONPATH=str(tmp_path))
    assert done.returncode == 5
    assert "no matplotlib here" in done.stderr
    assert "-m pip install matplotlib" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "sheet.png").exists()
