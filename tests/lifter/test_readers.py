"""The published data sets, on small files of their form made here: pickled dictionaries of arrays, as numpy writes them."""

import json

import numpy as np
import pytest
import torch

from video_to_armature.lifter.contract.protocol import InputError, UsageError
from video_to_armature.lifter.contract.skeleton import H36M_17
from video_to_armature.lifter.keypoint_sets import COCO_17
from video_to_armature.lifter.screen import to_screen
from video_to_armature.lifter.train import calibration
from video_to_armature.lifter.train.cameras import project
from video_to_armature.lifter.train.data import load_mocap
from video_to_armature.lifter.train.datasets import Clip
from video_to_armature.lifter.train.readers import read
from video_to_armature.lifter.train.simulated import simulated
from video_to_armature.lifter.train.videopose3d_files import HUMANEVA_15, MPII_16

from .made_sets import h36m, humaneva, in_3dhp, mocap_file, mpi_inf_3dhp, save


def joints_of(clip: Clip) -> np.ndarray:
    assert clip.joints_cam is not None
    return clip.joints_cam


def off_by_px(clip, point_names, joint_names) -> float:
    """How far the projected joints are from the points of the same name."""
    shared = [n for n in point_names if n in joint_names]
    at_2d, at_3d = ([names.index(n) for n in shared] for names in (point_names, joint_names))
    seen = project(torch.from_numpy(joints_of(clip)), torch.from_numpy(clip.camera.screen)).numpy()[:, at_3d]
    points = to_screen(clip.keypoints_px[:, at_2d, :2], clip.camera.width, clip.camera.height)
    valid = np.isfinite(seen).all((1, 2))
    return float(np.abs(seen - points)[valid].max() * clip.camera.width / 2)


def test_human36m_is_read_as_published(tmp_path):
    data = read("h36m", h36m(tmp_path, extra=3), "gt")
    assert (data.point_names, data.joint_names) == (H36M_17.names, H36M_17.names)
    assert [c.name for c in data.clips[:5]] == [
        "S9/Walking/54138969", "S9/Walking/55011271", "S9/Walking/58860488", "S9/Walking/60457274", "S9/Walking 1/54138969",
    ]  # fmt: skip
    assert {c.frames for c in data.clips} == {12, 9}  # the longer 2D is cut
    assert data.clips[0].fps == 50
    assert max(off_by_px(c, data.point_names, data.joint_names) for c in data.clips) < 1e-3
    assert (data.clips[0].keypoints_px[..., 2] == 1).all()
    # rigid: the same body from four sides, 3.5 to 7 m away, the head above the pelvis (y is down)
    bones = [np.linalg.norm(joints_of(c)[:, 4] - joints_of(c)[:, 6], axis=-1) for c in data.clips[:4]]
    np.testing.assert_allclose(bones[0], bones[3], atol=1e-5)
    for clip in data.clips:
        assert 3.5 < joints_of(clip)[:, 0, 2].mean() < 7
        assert (joints_of(clip)[:, 10, 1] < joints_of(clip)[:, 0, 1]).all()


def test_world_to_camera_by_hand():
    """A camera 5 m along +Y that looks back along -Y: quaternion (0, 0, 1, 1)/√2 turns its z to -Y and its y to -Z."""
    half = np.sqrt(0.5)
    rotation = calibration._world_from_cam([0.0, 0.0, half, -half])
    np.testing.assert_allclose(rotation @ [0, 0, 1], [0, -1, 0], atol=1e-12)
    np.testing.assert_allclose(rotation @ [0, 1, 0], [0, 0, -1], atol=1e-12)
    camera = calibration.Mounted("c", 10, 10, None, {"S": (rotation, np.array([0.0, 5.0, 1.0]))})
    # 1 m to the camera's right is -X; 2 m high is 1 m above the camera
    np.testing.assert_allclose(camera.to_camera(np.array([[[-1.0, 0, 2.0]]]), "S"), [[[1, -1, 5]]], atol=1e-6)


@pytest.mark.parametrize(("name", "subjects"), [("h36m", 7), ("humaneva", 3)])
def test_published_cameras_stand_upright_and_look_into_the_room(name, subjects):
    _, cameras = calibration.studio(name)
    for camera in cameras:
        assert len(camera.placed) == subjects
        for rotation, position in camera.placed.values():
            assert rotation[2, 1] < -0.95  # its down is the world's
            middle = np.array([0, 0, 1]) - position
            assert np.linalg.norm(middle - rotation[:, 2] * (middle @ rotation[:, 2])) < 1.1  # metres off its axis
            assert 3 < np.linalg.norm(middle) < 6


def test_splits_and_unlabelled_subjects(tmp_path):
    def only_seen(files):
        files["2d"]["positions_2d"]["S2"] = {"Eating": [np.ones((7, 17, 2), np.float32)] * 4}

    h36m(tmp_path, ("S1", "S5", "S6", "S7", "S8", "S9", "S11"), change=only_seen)
    counts = {split: len(read("h36m", tmp_path, "gt", split).clips) for split in ("train", "test", "all")}
    assert counts == {"train": 40, "test": 16, "all": 60}
    unlabelled = read("h36m", tmp_path, "gt").only(["S2"])
    assert [c.joints_cam for c in unlabelled.clips] == [None] * 4
    assert unlabelled.clips[1].camera.focal_px[0] == pytest.approx(1149.6757, abs=1e-3)


def test_stacked_hourglass_and_missing_points(tmp_path):
    def change(files):
        for actions in files["2d"]["positions_2d"].values():
            for views in actions.values():
                views[:] = [view[:, :16].copy() for view in views]
                views[0][2, 5] = np.nan
        files["2d"]["metadata"] = {
            "num_joints": 16,
            "keypoints_symmetry": [[3, 4, 5, 13, 14, 15], [0, 1, 2, 10, 11, 12]],
        }

    data = read("h36m", h36m(tmp_path, change=change), "gt")
    assert data.point_names == MPII_16
    assert data.mirror_points[0] == MPII_16.index("left_ankle")
    point = data.clips[0].keypoints_px[2, 5]
    assert np.isnan(point[:2]).all()
    assert point[2] == 0


def drop(file, *keys):
    def change(files):
        record = files[file]
        for key in keys[:-1]:
            record = record[key]
        del record[keys[-1]]

    return change


def cut(files):
    files["2d"]["positions_2d"]["S9"]["Walking"][2] = np.zeros((5, 17, 2), np.float32)


def three_cameras(files):
    files["2d"]["positions_2d"]["S9"]["Walking"].pop()


def odd_joints(files):
    files["3d"]["positions_3d"]["S9"]["Walking"] = np.zeros((12, 20, 3), np.float32)


def odd_layout(files):
    files["2d"]["metadata"]["keypoints_symmetry"] = [[1], [2]]


def nobody_placed(files):
    for file, key in (("3d", "positions_3d"), ("2d", "positions_2d")):
        files[file][key]["S3"] = files[file][key]["S9"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (drop("3d", "positions_3d"), r"data_3d_h36m\.npz: entry 'positions_3d' is missing"),
        (drop("2d", "positions_2d"), r"data_2d_h36m_gt\.npz: entry 'positions_2d' is missing \(there are: metadata\)"),
        (drop("2d", "metadata"), r"data_2d_h36m_gt\.npz: entry 'metadata' is missing"),
        (drop("2d", "positions_2d", "S9"), r"data_2d_h36m_gt\.npz: positions_2d lacks 'S9'"),
        (drop("2d", "positions_2d", "S9", "Walking"), r"positions_2d\['S9'\] lacks 'Walking'"),
        (cut, r"\['S9'\]\['Walking'\] has 5 frames, its 3D 12"),
        (lambda f: f["2d"]["positions_2d"]["S9"].update(Walking=4), r"\['S9'\]\['Walking'\] is of another kind.*int"),
        (lambda f: f["2d"].update(positions_2d=3), r"entry 'positions_2d' is no dictionary"),
        (lambda f: f["2d"]["positions_2d"].update(S9=[1]), r"positions_2d\['S9'\] is of another kind.*list"),
        (lambda f: f["3d"]["positions_3d"]["S9"].update(Walking=None), r"\['Walking'\] is not an array of numbers"),
        (three_cameras, r"\['S9'\]\['Walking'\] has 3 cameras; h36m has 4"),
        (odd_joints, r"positions_3d\['S9'\]\['Walking'\] has shape \(12, 20, 3\); expected \(frames, 17, 3\)"),
        (odd_layout, r"metadata: layout 'h36m' with 17 points"),
        (nobody_placed, r"subject S3 is not published"),
    ],
)
def test_a_wrong_file_gets_one_line_that_names_what_is_wrong(tmp_path, change, said):
    h36m(tmp_path, change=change)
    with pytest.raises(InputError, match=said) as caught:
        read("h36m", tmp_path, "gt")
    assert "\n" not in str(caught.value)


def test_missing_files_say_what_there_is(tmp_path):
    with pytest.raises(InputError, match=r"data_3d_h36m\.npz: no such file"):
        read("h36m", tmp_path)
    h36m(tmp_path)
    with pytest.raises(InputError, match=r"data_2d_h36m_cpn_ft_h36m_dbb\.npz: no such file.*data_2d_h36m_gt"):
        read("h36m", tmp_path)
    (tmp_path / "data_2d_h36m_gt.npz").write_bytes(b"PK\x03\x04 no more")
    with pytest.raises(InputError, match="cannot be read safely"):
        read("h36m", tmp_path, "gt")
    with pytest.raises(UsageError, match="h36m, humaneva, 3dhp, mocap"):
        read("coco", tmp_path)
    with pytest.raises(UsageError, match="has no detectors"):
        read("3dhp", tmp_path, "gt")


@pytest.mark.parametrize(("names", "detector"), [(HUMANEVA_15, "gt"), (COCO_17, "detectron_pt_coco")])
def test_humaneva_and_its_lenses(tmp_path, names, detector):
    folder = humaneva(tmp_path, names, detector)
    data = read("humaneva", folder, "" if names == COCO_17 else "gt", "test")
    assert data.point_names == names
    assert data.joint_names == HUMANEVA_15
    assert [c.name for c in data.clips[:2]] == ["Validate/S1/Jog 1 chunk0/C1", "Validate/S1/Jog 1 chunk0/C2"]
    assert len(data.clips) == 9
    assert max(off_by_px(c, data.point_names, data.joint_names) for c in data.clips) < 0.01
    for clip in data.clips:
        assert clip.camera.focal_px == pytest.approx((800, 800), abs=0.1)
        assert clip.camera.centre_px == pytest.approx((330, 235), abs=0.1)
    everything = read("humaneva", folder, detector)
    assert len(everything.clips) == 18 + 2  # one camera has no detections of S4
    assert everything.clips[-1].joints_cam is None
    assert data.mirror_joints[HUMANEVA_15.index("left_wrist")] == HUMANEVA_15.index("right_wrist")


def test_mpi_inf_3dhp(tmp_path):
    data = read("3dhp", mpi_inf_3dhp(tmp_path))
    assert data.joint_names == H36M_17.names
    assert [c.name for c in data.clips[:3]] == ["S1/Seq2/0", "S1/Seq2/8", "TS1/TS1/0"]
    assert (len(data.clips), len(read("3dhp", tmp_path, split="test").clips)) == (8, 6)
    np.testing.assert_allclose(joints_of(data.clips[0]), in_3dhp(15), atol=1e-5)
    assert max(off_by_px(c, data.point_names, data.joint_names) for c in data.clips) < 0.01
    outdoors = data.clips[-1]
    assert (outdoors.camera.width, outdoors.camera.height) == (1920, 1080)
    assert outdoors.camera.focal_px == pytest.approx((1500, 1500), abs=0.1)
    assert np.isfinite(joints_of(outdoors)[:10]).all()
    assert np.isnan(joints_of(outdoors)[10:]).all()  # frames that are not valid
    assert np.isfinite(outdoors.keypoints_px).all()


def rooted(files):
    for take in files["train"]["S1 Seq2"][0].values():
        take["data_3d"] = take["data_3d"] - take["data_3d"][:, 14:15]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (drop("test", "TS1", "valid"), r"data_test_3dhp\.npz: data\['TS1'\] lacks 'valid'"),
        (drop("test", "TS1", "data_2d"), r"data\['TS1'\] lacks 'data_2d'"),
        (lambda f: f.update(train={"S1 Seq2": 3}), r"data\['S1 Seq2'\] is not a pair of cameras and frame rate"),
        (lambda f: f["test"]["TS2"].update(valid=np.ones(3)), r"data\['TS2'\].*differ in frames"),
        (lambda f: f["test"]["TS2"].update(valid=np.zeros(15)), r"data\['TS2'\]: no lens explains"),
        (rooted, r"\['data_3d'\] is not in front of the camera"),
    ],
)
def test_a_wrong_3dhp_file_is_named(tmp_path, change, said):
    with pytest.raises(InputError, match=said):
        read("3dhp", mpi_inf_3dhp(tmp_path, change))


def test_simulated_cameras_see_the_whole_take(tmp_path):
    mocap = load_mocap(mocap_file(tmp_path / "val.npz"))
    data, again, other = simulated(mocap, 3), simulated(mocap, 3), simulated(mocap, 4)
    np.testing.assert_array_equal(data.clips[3].keypoints_px, again.clips[3].keypoints_px)
    assert np.abs(data.clips[3].keypoints_px - other.clips[3].keypoints_px).max() > 10
    assert [c.name for c in data.clips[:2]] == ["cmu_05/unknown/cmu_05_01 view0", "cmu_05/unknown/cmu_05_01 view1"]
    for clip in simulated(mocap, 3, noise=0).clips:
        assert off_by_px(clip, data.point_names, data.joint_names) < 1e-3
        assert clip.keypoints_px[..., :2].min() > 0
        assert clip.keypoints_px[..., :2].max() < 1000
        assert joints_of(clip)[..., 2].min() >= 1.5
        assert (joints_of(clip)[:, 10, 1] < joints_of(clip)[:, 0, 1]).all()
    # exact joints: distances between them are the world's
    ankles = np.linalg.norm(mocap.joints[:60, 3] - mocap.joints[:60, 6], axis=-1)
    np.testing.assert_allclose(
        np.linalg.norm(np.subtract(*joints_of(data.clips[0])[:, [3, 6]].swapaxes(0, 1)), axis=-1), ankles, atol=1e-5
    )


def test_simulated_detections_err_as_asked(tmp_path):
    mocap = load_mocap(mocap_file(tmp_path / "val.npz"))
    data, clean = simulated(mocap, noise=0.01, views=20), simulated(mocap, noise=0, views=20)
    error = [
        (a.keypoints_px - b.keypoints_px)[..., :2] * joints_of(b)[:, :1, 2:] / (1145 * 1.7)
        for a, b in zip(data.clips, simulated(mocap, noise=1e-9, views=20).clips, strict=True)
    ]
    assert np.std(np.concatenate(error)) == pytest.approx(0.01, rel=0.05)
    one = np.stack([e[:45] for e in error])
    assert np.corrcoef(one[:, 1:].ravel(), one[:, :-1].ravel())[0, 1] == pytest.approx(0.85, abs=0.05)
    off = np.linalg.norm(np.concatenate(error), axis=-1).ravel()
    sure = np.concatenate([c.keypoints_px[..., 2] for c in data.clips]).ravel()
    assert np.corrcoef(off, sure)[0, 1] < -0.5
    assert ((sure > 0) & (sure <= 1)).all()
    assert len(clean.clips) == 40


def test_mocap_files_of_a_folder(tmp_path):
    for name, lengths in (("train_00", (60, 45)), ("train_01", (30,)), ("val", (41,))):
        mocap_file(tmp_path / f"{name}.npz", lengths)
    assert [c.frames for c in read("mocap", tmp_path, split="train").clips] == [60, 60, 45, 45, 30, 30]
    assert [c.frames for c in read("mocap", tmp_path, split="test").clips] == [41, 41]
    assert read("mocap", tmp_path / "train_01.npz").frames == 60
    with pytest.raises(InputError, match="train_"):
        read("mocap", tmp_path / "nowhere", split="train")


def test_no_file_runs_code(tmp_path):
    class Hostile:
        def __reduce__(self):
            return json.dumps, ({"ran": True},)

    save(tmp_path / "data_test_3dhp.npz", data={"TS1": Hostile()})
    with pytest.raises(InputError, match=r"json"):
        read("3dhp", tmp_path, split="test")
