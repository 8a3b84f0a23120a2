"""A clip as make.py makes it, small: the joints are where the picture shows them, and a second start does nothing.

Runs Cycles on the CPU on the project's own CC0 body and a made walk: seconds, not minutes.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.lifter.people import walking
from video_to_armature.lifter.contract.skeleton import BODY_27
from video_to_armature.lifter.train.data import load_mocap
from video_to_armature.synthetic.draws import draw
from video_to_armature.synthetic.figure import Figure, marked, shaped
from video_to_armature.synthetic.scenes import Body

ROOT = Path(__file__).resolve().parents[2]
SAME = Body("mh_mixamo.fbx", 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0)
READ = """
import sys, numpy as np, bpy
from pathlib import Path
from video_to_armature.addon import rig
from video_to_armature.addon.rig_file import open_rig
from video_to_armature.synthetic import person
open_rig(Path(sys.argv[1]))
body = next(o for o in bpy.context.scene.objects if o.type == "MESH")
figure = person.read_figure(rig.armatures(bpy.context.scene)[0], body, "mh_mixamo.fbx")
np.savez(sys.argv[2], **vars(figure))
"""


@pytest.fixture(scope="module")
def mocap(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one walk in the training form."""
    folder = tmp_path_factory.mktemp("mocap")
    joints = np.round(walking(np.arange(60) / 30, 0.4) * 1000).astype(np.int32)
    delta = np.diff(joints, axis=0, prepend=0).astype(np.int16)
    np.savez(
        folder / "train_00.npz", delta=delta, start=[0], length=[60], clip_id=["walk"], category=["walk"],
        points=np.array(BODY_27.names), fps=30.0,
    )  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def figure(tmp_path_factory: pytest.TempPathFactory) -> Figure:
    file = tmp_path_factory.mktemp("figure") / "figure.npz"
    subprocess.run([sys.executable, "-c", READ, ROOT / "demo/mh_mixamo.fbx", file], check=True, timeout=120)
    with np.load(file) as z:
        arrays = {name: z[name] for name in z.files}
    arrays["bones"], arrays["parts"] = tuple(arrays["bones"]), tuple(arrays["parts"])
    return Figure(**arrays)


def test_marks_lie_in_the_body_where_people_have_them(figure: Figure) -> None:
    """Metres, on a body 1.75 m tall, to some centimetres; left and right alike to 1 cm."""
    mark = {name: figure.marks[BODY_27.index(name)] for name in BODY_27.names}
    assert mark["head_top"][2] == pytest.approx(1.75, abs=0.03)
    assert mark["left_hip"][2] == pytest.approx(0.53 * 1.75, abs=0.04)
    assert mark["nose"][1] < mark["left_ear"][1] - 0.08
    assert mark["left_ear"] == pytest.approx((0.08, -0.03, 1.63), abs=0.02)
    assert mark["left_heel"][1] - mark["left_toe"][1] == pytest.approx(0.25, abs=0.04)
    assert max(mark["left_heel"][2], mark["left_toe"][2]) < 0.05
    assert np.linalg.norm(mark["left_index"] - mark["left_pinky"]) == pytest.approx(0.07, abs=0.02)
    mirrored = figure.marks[list(BODY_27.mirror)] * (-1, 1, 1)
    assert np.abs(mirrored - figure.marks).max() < 0.01


def test_proportions_are_those_asked_for(figure: Figure) -> None:
    """Nothing moves at scale 1; bones are as long as asked, to 0.1 mm; the mesh goes with them; soles stay on z = 0."""
    np.testing.assert_allclose(
        shaped(figure, SAME).vertices, figure.vertices - (0, 0, figure.vertices[:, 2].min()), atol=1e-9
    )

    def length(of: Figure, a: str, b: str) -> float:
        return float(np.linalg.norm(of.marks[BODY_27.index(a)] - of.marks[BODY_27.index(b)]))

    other = shaped(figure, replace(SAME, stature=1.05, thighs=1.1, forearms=0.9, head=0.95, belly=0.04))
    for a, b, scale in (("left_hip", "left_knee", 1.1), ("right_knee", "right_ankle", 1.0),
                        ("left_elbow", "left_wrist", 0.9), ("left_ear", "nose", 0.95)):  # fmt: skip
        assert length(other, a, b) == pytest.approx(1.05 * scale * length(figure, a, b), abs=1e-4)
    assert other.vertices[:, 2].min() == pytest.approx(0)
    parts = figure.vertex_parts()
    shin = figure.weights[:, figure.bone("left_shin")] > 0.999
    off = other.vertices[shin] - 1.05 * (figure.vertices[shin] - figure.heads[figure.bone("left_shin")])
    assert np.ptp(off, axis=0).max() < 1e-6  # carried along as it was
    again = marked(
        replace(other, marks=np.zeros((0, 3))),
        {n: other.marks[BODY_27.index(n)] for n in BODY_27.names},
        np.zeros((2, 3)),
    )
    for name in ("nose", "head_top", "left_heel", "right_toe"):  # the marks are still on the mesh
        assert again.marks[BODY_27.index(name)] == pytest.approx(other.marks[BODY_27.index(name)], abs=0.01)
    assert (parts == "hips").any()


def test_a_clip_shows_its_joints_and_is_made_once(mocap: Path, tmp_path: Path) -> None:
    scene = draw(load_mocap(mocap / "train_00.npz"), False, 0, 0)
    place = replace(scene.place, things=(), pictures=())
    view = replace(scene.view, width=320, height=240, cropped=False, fill=0.7, facing=20.0, roll=0.0, pitch=5.0)
    scene = replace(scene, frames=3, start=0, mirrored=False, shutter=0.0, place=place, view=view)
    (tmp_path / "scene.json").write_text(scene.to_json(), "utf-8")
    command = [sys.executable, "synthetic/render.py", tmp_path / "scene.json", tmp_path / "out", "--rigs", "demo"]
    subprocess.run(
        [*command, "--mocap", mocap, "--threads", "2"], check=True, timeout=300, cwd=ROOT, capture_output=True
    )
    with np.load(tmp_path / "out" / "truth.npz") as truth:
        joints, covered, matrix = truth["joints_cam"], truth["covered"].astype(float), truth["intrinsics"]
    assert joints.shape == (3, 27, 3)
    px = joints @ matrix.T
    px = px[..., :2] / px[..., 2:]
    assert ((px > 0) & (px < (320, 240))).all()
    # Every joint of somebody who is seen from the front is behind skin, and not deeper than a body is.
    limbs = [j for j, name in enumerate(BODY_27.names) if name not in ("head_top", "left_toe", "right_toe")]
    assert (covered[:, limbs] > 0).mean() > 0.9
    assert np.median(covered) < 0.12
    import cv2

    reader = cv2.VideoCapture(str(tmp_path / "out" / "video.mp4"))
    frames = [reader.read()[1] for _ in range(3)]
    assert frames[2].shape == (240, 320, 3)
    assert not reader.read()[0]
    at = px[0].round().astype(int)
    patch = [frames[0][y, x].astype(float) for x, y in at[limbs]]
    ground = frames[0][:, 5].astype(float).mean(0)
    assert np.median(np.abs(np.array(patch) - ground).max(-1)) > 10  # the person, not the wall


def test_make_goes_on_where_it_stopped(mocap: Path, tmp_path: Path) -> None:
    """A whole clip is kept, a half one is made anew; a body file that is missing is told and does not stop the rest."""
    (tmp_path / "train_000").mkdir()
    (tmp_path / ".part-train_001").mkdir()
    command = [sys.executable, "synthetic/make.py", "--out", tmp_path, "--clips", "2", "--mocap", mocap]
    done = subprocess.run(
        [*command, "--rigs", tmp_path / "nowhere"], check=False, timeout=120, cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "train_001: failed" in done.stdout
    assert "train_000" not in done.stdout
    assert "no such rig file" in (tmp_path / "train_001.log").read_text()
    assert not list(tmp_path.glob("train_001/*"))
