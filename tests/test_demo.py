"""The contact sheet: its camera is the video's, its crops hold the person, its frames are those asked for."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from video_to_armature.lifter.contract.motion import Motion
from video_to_armature.lifter.contract.skeleton import BODY_27

DEMO = Path(__file__).resolve().parent.parent / "demo"

PROJECT = """
import json, sys
sys.path.insert(0, sys.argv[1])
import bpy, numpy as np
from bpy_extras.object_utils import world_to_camera_view
from mathutils import Vector
import contact_sheet
case = json.loads(sys.argv[2])
scene = bpy.context.scene
camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
scene.collection.objects.link(camera)
scene.render.resolution_x, scene.render.resolution_y = case["size"]
contact_sheet.look_through(camera, np.array(case["intrinsics"]), np.array(case["world_from_cam"]), case["size"])
bpy.context.view_layer.update()
seen = [world_to_camera_view(scene, camera, Vector(point)) for point in case["points"]]
width, height = case["size"]
print("\\nRESULT", json.dumps([(s.x * width, (1 - s.y) * height) for s in seen]))
"""


@pytest.mark.parametrize(("size", "seed"), [((300, 400), 0), ((640, 360), 1), ((500, 500), 2)])
def test_the_sheets_camera_is_the_pinhole_camera(size: tuple[int, int], seed: int) -> None:
    """Blender projects to within 0.01 px of K [R t], with the centre off the middle and the camera rolled."""
    rng = np.random.default_rng(seed)
    intrinsics = np.array([[700.0, 0, size[0] * 0.3], [0, 700, size[1] * 0.8], [0, 0, 1]])
    axes = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    world_from_cam = np.eye(4)
    world_from_cam[:3, :3] = axes * np.sign(np.linalg.det(axes))
    world_from_cam[:3, 3] = rng.normal(size=3)
    in_camera = np.column_stack([rng.normal(size=(20, 2)), rng.uniform(2, 9, 20)])
    wished = in_camera @ intrinsics.T
    case = {
        "size": size,
        "intrinsics": intrinsics.tolist(),
        "world_from_cam": world_from_cam.tolist(),
        "points": (in_camera @ world_from_cam[:3, :3].T + world_from_cam[:3, 3]).tolist(),
    }
    command = [sys.executable, "-c", PROJECT, str(DEMO), json.dumps(case)]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    [line] = [line for line in said.splitlines() if line.startswith("RESULT")]
    np.testing.assert_allclose(json.loads(line[len("RESULT") :]), wished[:, :2] / wished[:, 2:], atol=0.01)


@pytest.fixture(scope="module")
def sheet() -> ModuleType:
    spec = importlib.util.spec_from_file_location("v2a_contact_sheet", DEMO / "contact_sheet.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def motion(F: int = 50, first_seen: int = 10) -> Motion:
    """Somebody who walks through the picture, unseen at first."""
    rng = np.random.default_rng(3)
    keypoints = np.ones((F, 27, 3), np.float32)
    keypoints[..., :2] = rng.uniform(-1, 1, (F, 27, 2)) * (80, 200) + (300, 250)
    keypoints[..., 0] += np.linspace(0, 900, F)[:, None]
    keypoints[:first_seen] = (np.nan, np.nan, 0)
    return Motion(
        header={"fps": 30.0, "first_frame": 0},
        joint_names=BODY_27.names,
        parents=BODY_27.parents,
        positions=np.zeros((F, 27, 3), np.float32),
        confidence=np.ones((F, 27), np.float32),
        keypoints_px=keypoints,
        intrinsics=np.array([[1400.0, 0, 800], [0, 1400, 260], [0, 0, 1]]),
        world_from_cam=np.eye(4),
        contacts=np.zeros((F, 4), np.float32),
        frame_times=np.arange(F) / 30,
    )


def test_moments_are_evenly_spaced_among_the_frames_with_somebody(sheet: ModuleType) -> None:
    frames = sheet.moments(motion(), 12)
    assert (frames[0], frames[-1], len(frames)) == (10, 49, 12)
    assert set(np.diff(frames)) <= {3, 4}
    assert sheet.moments(motion(first_seen=48), 12) == [48, 49]


def test_crops_hold_the_person_at_one_scale(sheet: ModuleType) -> None:
    clip = motion()
    frames = sheet.moments(clip, 12)
    cells = sheet.crops(clip, frames)
    for frame, cell in zip(frames, cells):
        points = clip.keypoints_px[frame, :, :2] @ cell[:2, :2].T + cell[:2, 2]
        assert (points >= 0).all()
        assert (points <= sheet.CELL).all()
        assert cell[0, 0] == cell[1, 1] == cells[0][0, 0]


def test_video_frames_are_those_of_their_times(sheet: ModuleType) -> None:
    import cv2

    reader = cv2.VideoCapture(str(DEMO / "walk.mp4"))
    decoded = []
    while (got := reader.read())[0]:
        decoded.append(got[1])
    wanted = [0, 1, 17, 60, len(decoded) - 1]
    found = sheet.video_frames(DEMO / "walk.mp4", np.array(wanted) / reader.get(cv2.CAP_PROP_FPS))
    assert len(found) == len(wanted)
    for image, index in zip(found, wanted):
        np.testing.assert_array_equal(image, decoded[index])
