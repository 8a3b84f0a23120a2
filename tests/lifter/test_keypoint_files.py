"""Keypoints from elsewhere. Every file is made here in the form that the named program writes."""

import json
import os
import pickle
import zipfile

import numpy as np
import pytest

from video_to_armature.lifter import object_npz
from video_to_armature.lifter.contract.protocol import InputError, NobodyFoundError, UsageError
from video_to_armature.lifter.contract.skeleton import BODY_27, H36M_17
from video_to_armature.lifter.keypoint_files import read
from video_to_armature.lifter.keypoint_sets import (
    BODY_25,
    COCO_17,
    HALPE_26,
    POSETRACK_17,
    coco_to_h36m,
    halpe_to_h36m,
    posetrack_to_h36m,
)
from video_to_armature.lifter.keypoints import Keypoints, to_body_27

GIVEN = {"fps": 25.0, "size": (640, 480)}
COCO_SIDES = [[1, 3, 5, 7, 9, 11, 13, 15], [2, 4, 6, 8, 10, 12, 14, 16]]


def person(count: int, frame: int = 0, left: float = 100.0, scale: float = 1.0) -> np.ndarray:
    """(count, 3) distinct points of somebody who moves a little to the right, confidence 0.5 to 0.9."""
    i = np.arange(count)
    x = left + frame + scale * (i * 37 % 60)
    return np.round(np.c_[x, 100 + scale * (i * 53 % 200), 0.5 + 0.4 * i / count], 3)


def openpose(folder, frames, video="walk"):
    """frames: {number: [(25, 3) arrays]}."""
    folder.mkdir(exist_ok=True)
    for number, people in frames.items():
        found = [{"person_id": [-1], "pose_keypoints_2d": p.ravel().tolist(), "face_keypoints_2d": []} for p in people]
        (folder / f"{video}_{number:012d}_keypoints.json").write_text(json.dumps({"version": 1.3, "people": found}))
    return folder


def results(path, frames, image=lambda n: f"{n}.jpg"):
    entries = [
        {"image_id": image(n), "category_id": 1, "keypoints": p.ravel().tolist(), "score": 2.5}
        for n, people in frames.items()
        for p in people
    ]
    path.write_text(json.dumps(entries))
    return path


def videopose3d(path, clips=None, **changes):
    clips = clips or {"a.mp4": {"custom": [np.stack([person(17, f)[:, :2] for f in range(6)]).astype("float32")]}}
    metadata = {
        "layout_name": "coco",
        "num_joints": 17,
        "keypoints_symmetry": COCO_SIDES,
        "video_metadata": {"a.mp4": {"w": 800, "h": 600}},
        **changes,
    }
    np.savez_compressed(path, positions_2d=np.array(clips, object), metadata=np.array(metadata, object))
    return path


def xy(keypoints: Keypoints, name: str) -> np.ndarray:
    return keypoints.keypoints_px[:, keypoints.names.index(name)]


# Maps to H36M_17, by hand.


def test_coco_to_h36m_by_hand():
    points = np.array([[i, 10 * i, i / 100] for i in range(17)])
    expected = {
        "pelvis": 11.5, "right_hip": 12, "right_knee": 14, "right_ankle": 16, "left_hip": 11, "left_knee": 13,
        "left_ankle": 15, "spine": 8.5, "thorax": 5.5, "nose": 0, "head_top": 1.5, "left_shoulder": 5, "left_elbow": 7,
        "left_wrist": 9, "right_shoulder": 6, "right_elbow": 8, "right_wrist": 10,
    }  # fmt: skip
    i = np.array([expected[name] for name in H36M_17.names])
    np.testing.assert_allclose(coco_to_h36m(points), np.c_[i, 10 * i, i / 100], atol=1e-12)
    assert coco_to_h36m(points[None, :, :2]).shape == (1, 17, 2)


def test_halpe_to_h36m_by_hand():
    points = np.array([[i, 10 * i, i / 100] for i in range(26)])
    i = np.array([19, 12, 14, 16, 11, 13, 15, 18.5, 18, 0, 17, 5, 7, 9, 6, 8, 10])
    np.testing.assert_allclose(halpe_to_h36m(points), np.c_[i, 10 * i, i / 100], atol=1e-12)


def test_posetrack_to_h36m_takes_the_smaller_confidence():
    points = np.array([[i, 10 * i, 0.9] for i in range(17)])
    points[[11, 12, 1], 2] = 0.6, 0.2, 0.4
    i = np.array([11.5, 12, 14, 16, 11, 13, 15, 6.25, 1, 0, 2, 5, 7, 9, 6, 8, 10])
    found = posetrack_to_h36m(points)
    np.testing.assert_allclose(found[:, :2], np.c_[i, 10 * i], atol=1e-12)
    np.testing.assert_allclose(found[[0, 7, 8, 1, 4, 9], 2], [0.2, 0.2, 0.4, 0.2, 0.6, 0.9])
    points[[11, 12, 1], 2] = 0.6, 0.5, 0.4  # the neck's is the smallest
    np.testing.assert_allclose(posetrack_to_h36m(points)[[0, 7], 2], [0.5, 0.4])


def test_an_unseen_source_leaves_its_means_unseen_and_the_rest_alone():
    points = person(17)
    points[COCO_17.index("left_hip")] = np.nan, np.nan, 0
    found = coco_to_h36m(points)
    unknown = [H36M_17.index(n) for n in ("pelvis", "spine", "left_hip")]
    assert np.isnan(found[unknown, :2]).all()
    assert (found[unknown, 2] == 0).all()
    assert np.isfinite(np.delete(found, unknown, 0)).all()


def test_maps_refuse_another_count():
    with pytest.raises(ValueError, match="26"):
        halpe_to_h36m(np.zeros((4, 17, 3)))


@pytest.mark.parametrize("names", [COCO_17, HALPE_26, BODY_25, POSETRACK_17])
def test_to_body_27_finds_what_a_set_has_by_name(names):
    points = person(len(names))[None].astype(np.float32)
    header = {"fps": 25, "width": 640, "height": 480, "first_frame": 0}
    body = to_body_27(Keypoints(header, names, points, np.zeros(1)))[0]
    for name in set(names) & set(BODY_27.names) - {"head_top"}:
        np.testing.assert_array_equal(body[BODY_27.index(name)], points[0, names.index(name)])
    feet = [BODY_27.index(f"{side}_{part}") for side in ("left", "right") for part in ("toe", "heel")]
    knuckles = [BODY_27.index(f"{side}_{part}") for side in ("left", "right") for part in ("index", "pinky")]
    assert (body[feet, 2] > 0).all() == (names in (HALPE_26, BODY_25))
    assert (body[knuckles, 2] == 0).all()
    hips = points[0, [names.index("left_hip"), names.index("right_hip")]]
    np.testing.assert_allclose(body[0, :2], hips[:, :2].mean(0), rtol=1e-6)


def test_the_numbers_of_openpose_and_halpe_mean_what_their_manuals_say():
    body_25 = {0: "nose", 1: "neck", 4: "right_wrist", 7: "left_wrist", 8: "mid_hip", 11: "right_ankle",
               14: "left_ankle", 17: "right_ear", 19: "left_toe", 21: "left_heel", 22: "right_toe", 24: "right_heel"}  # fmt: skip
    halpe = {0: "nose", 9: "left_wrist", 16: "right_ankle", 17: "head_top", 18: "neck", 19: "mid_hip", 20: "left_toe",
             21: "right_toe", 24: "left_heel", 25: "right_heel"}  # fmt: skip
    assert (len(COCO_17), len(HALPE_26), len(BODY_25)) == (17, 26, 25)
    assert all(BODY_25[i] == name for i, name in body_25.items())
    assert all(HALPE_26[i] == name for i, name in halpe.items())


# Our own file.


def own(path, **more):
    header = {"fps": 30.0, "width": 640, "height": 480, "first_frame": 3, **more}
    Keypoints(header, COCO_17, np.stack([person(17)] * 2), np.arange(2) / 30).save(path)
    return path


def test_our_own_file_comes_back_as_it_is(tmp_path):
    path = own(tmp_path / "k.npz")
    np.testing.assert_array_equal(read(path).keypoints_px, Keypoints.load(path).keypoints_px)
    assert read(path, fps=30.0, size=(640, 480)).header == Keypoints.load(path).header
    with pytest.raises(UsageError, match="--fps"):
        read(path, fps=25.0)
    with pytest.raises(UsageError, match="--size"):
        read(path, size=(1, 2))
    with pytest.raises(NobodyFoundError):
        read(path, person="2")
    assert read(own(tmp_path / "p2.npz", person=2), person="2").header["person"] == 2


# OpenPose.


def test_openpose_folder(tmp_path):
    frames = {n: [person(25, n)] for n in range(4, 16)}
    frames[7], frames[8] = [], []
    frames[9][0][BODY_25.index("left_toe")] = 0  # OpenPose's way of saying unseen
    found = read(openpose(tmp_path / "json", frames), **GIVEN)
    assert found.names == BODY_25
    assert (found.header["first_frame"], found.header["width"], found.header["height"]) == (4, 640, 480)
    assert found.header["source"]["file"] == "walk"
    np.testing.assert_allclose(found.frame_times, np.arange(4, 16) / 25)
    gap = np.isin(np.arange(4, 16), [7, 8])
    assert not found.seen[gap].any()
    np.testing.assert_allclose(found.keypoints_px[0], person(25, 4), atol=1e-4)
    assert np.isnan(xy(found, "left_toe")[5, :2]).all()
    assert found.seen[5].sum() == 24
    body = to_body_27(found)
    np.testing.assert_allclose(body[0, BODY_27.index("right_heel")], person(25, 4)[24], atol=1e-4)


def test_the_same_person_is_followed_whatever_order_the_file_has(tmp_path):
    frames = {n: [person(25, n, 400), person(25, n, 50, scale=1.5)][:: 1 if n % 2 else -1] for n in range(12)}
    folder = openpose(tmp_path / "json", frames)
    for choice, left, scale in (("largest", 50, 1.5), ("1", 50, 1.5), ("2", 400, 1.0)):
        found = read(folder, person=choice, **GIVEN)
        expected = np.stack([person(25, n, left, scale) for n in range(12)])
        np.testing.assert_allclose(found.keypoints_px, expected, atol=1e-3)
        assert found.header["person"] == (2 if choice == "2" else 1)
    with pytest.raises(NobodyFoundError, match="only 2"):
        read(folder, person="3", **GIVEN)


def test_points_that_come_and_go_do_not_lose_the_person(tmp_path):
    frames = {n: [person(25, n, 300), person(25, n, 50, scale=1.5)] for n in range(30)}
    rng = np.random.default_rng(0)
    for people in frames.values():
        for one in people:
            one[rng.permutation(25)[:7]] = 0
    found = read(openpose(tmp_path / "json", frames), **GIVEN)
    expected = np.stack([person(25, n, 50, scale=1.5) for n in range(30)])
    assert found.seen.sum(1).tolist() == [18] * 30
    np.testing.assert_allclose(found.keypoints_px[found.seen], expected[found.seen], atol=1e-3)


def test_frames_without_a_file_are_gaps_and_a_regular_step_is_kept(tmp_path):
    found = read(openpose(tmp_path / "a", {n: [person(25, n)] for n in (0, 1, 2, 6, 7)}), **GIVEN)
    assert found.seen.any(1).tolist() == [True] * 3 + [False] * 3 + [True] * 2
    found = read(openpose(tmp_path / "b", {n: [person(25, n)] for n in range(10, 60, 5)}), **GIVEN)
    np.testing.assert_allclose(found.frame_times, np.arange(10, 60, 5) / 25)


# COCO-style results.


@pytest.mark.parametrize("names", [COCO_17, HALPE_26])
@pytest.mark.parametrize("image", [int, lambda n: f"{n}.jpg", lambda n: f"shot2/frame_{n:06d}.png"])
def test_results_of_alphapose_and_mmpose(tmp_path, names, image):
    frames = {n: [person(len(names), n), person(len(names), n, 400, scale=0.6)] for n in range(8)}
    del frames[5]
    found = read(results(tmp_path / "r.json", frames, image), **GIVEN)
    assert found.names == names
    assert found.seen.any(1).tolist() == [n != 5 for n in range(8)]
    np.testing.assert_allclose(found.keypoints_px[6], person(len(names), 6), atol=1e-4)


def test_other_categories_are_no_people_and_confidence_ends_at_1(tmp_path):
    one, ball = person(17), person(17, 0, 300, scale=2)
    one[3, 2], one[4, 2] = 4.2, -0.3
    path = results(tmp_path / "r.json", {0: [one, ball], 1: [one, ball]})
    entries = json.loads(path.read_text())
    entries[1]["category_id"] = entries[3]["category_id"] = 37
    path.write_text(json.dumps(entries))
    found = read(path, **GIVEN)
    np.testing.assert_allclose(found.keypoints_px[0, :3], one[:3], atol=1e-4)
    assert found.keypoints_px[0, 3, 2] == 1
    assert found.keypoints_px[0, 4, 2] == 0


@pytest.mark.parametrize("wrap", [lambda f: f, lambda f: {"meta_info": {}, "instance_info": f}])
def test_predictions_of_mmpose_by_frame(tmp_path, wrap):
    def instance(p):
        return {"keypoints": p[:, :2].tolist(), "keypoint_scores": p[:, 2].tolist(), "bbox_score": 1}

    frames = [{"frame_id": n, "instances": [instance(person(26, n))] if n != 2 else []} for n in range(5)]
    (tmp_path / "r.json").write_text(json.dumps(wrap(frames)))
    found = read(tmp_path / "r.json", **GIVEN)
    assert found.names == HALPE_26
    np.testing.assert_allclose(found.keypoints_px[3], person(26, 3), atol=1e-4)
    assert not found.seen[2].any()


# VideoPose3D.


def test_videopose3d_file(tmp_path):
    found = read(videopose3d(tmp_path / "data_2d_custom_a.npz"), fps=50)
    assert found.names == COCO_17
    assert (found.header["width"], found.header["height"]) == (800, 600)
    np.testing.assert_allclose(found.keypoints_px[4, :, :2], person(17, 4)[:, :2], atol=1e-4)
    assert (found.keypoints_px[..., 2] == 1).all()
    np.testing.assert_allclose(found.frame_times, np.arange(6) / 50)


def test_videopose3d_jump_is_still_the_same_person_and_padding_is_unseen(tmp_path):
    points = np.stack([person(17, f, 500 if f > 3 else 20)[:, :2] for f in range(8)])
    points[2, 9], points[5] = 0, np.nan
    found = read(videopose3d(tmp_path / "d.npz", {"a.mp4": {"custom": [points]}}), fps=50)
    assert found.seen.sum(1).tolist() == [17, 17, 16, 17, 17, 0, 17, 17]


def test_videopose3d_clip_is_chosen_by_name(tmp_path):
    def clip(left, frames=6):
        return np.stack([person(17, f, left)[:, :2] for f in range(frames)])

    clips = {"S1": {"Walk": [clip(100), clip(200, 4)], "Sit": {"cam": clip(300)}}, "S11": {"Walk": clip(400)}}
    path = videopose3d(tmp_path / "d.npz", clips)
    chosen = {"S1/Walk/1": 200, "S1/Sit": 300, "S11": 400}
    for name, left in chosen.items():
        found = read(path, clip=name, **GIVEN)
        np.testing.assert_allclose(found.keypoints_px[3, :, :2], person(17, 3, left)[:, :2], atol=1e-3)
    for unclear in (None, "S1", "S2", "S1/Si"):
        with pytest.raises(UsageError, match="S1/Walk/0, S1/Walk/1, S1/Sit/cam, S11/Walk/0"):
            read(path, clip=unclear, **GIVEN)


def test_layout_is_told_by_symmetry_when_its_name_is_not_known(tmp_path):
    h36m = [[4, 5, 6, 11, 12, 13], [1, 2, 3, 14, 15, 16]]
    found = read(videopose3d(tmp_path / "d.npz", layout_name="custom", keypoints_symmetry=h36m), fps=50)
    assert found.names == H36M_17.names
    assert read(videopose3d(tmp_path / "d.npz", layout_name="custom"), fps=50).names == COCO_17
    for changes in (
        {"layout_name": "h36m"},  # with COCO's symmetry
        {"layout_name": "mine", "keypoints_symmetry": [[1], [2]]},
        {"layout_name": "mine", "keypoints_symmetry": None},
        {"layout_name": ["coco"], "keypoints_symmetry": 3},
        {"layout_name": "halpe_26", "keypoints_symmetry": None},
    ):
        with pytest.raises(InputError, match=r"layout|symmetry"):
            read(videopose3d(tmp_path / "d.npz", **changes), fps=50)


@pytest.mark.parametrize(
    ("protocol", "numpy"), [(2, b"core"), (2, b"_core"), (3, b"core"), (3, b"_core"), (4, b"core")]
)
def test_object_arrays_come_back_whole(tmp_path, protocol, numpy):
    shared = np.arange(6, dtype=">i2").reshape(2, 3)
    values = {
        "f": np.asfortranarray(np.arange(6.0).reshape(2, 3)), "both": [shared, shared], "n": np.float64(2.5),
        "s": np.str_("é"), "o": np.array([None, {"a": (1, 2)}], object), "empty": np.zeros((0, 17, 2)), "u": np.array(["ab"]),
    }  # fmt: skip
    here = b"_core" if np.__version__ >= "2" else b"core"  # numpy 2 moved its own functions
    raw = pickle.dumps(np.array(values, object), protocol=protocol)
    if protocol < 4:  # before, names have no length
        raw = raw.replace(b"numpy." + here + b".", b"numpy." + numpy + b".")
    with zipfile.ZipFile(tmp_path / "o.npz", "w") as archive, archive.open("v.npy", "w") as stream:
        np.lib.format.write_array_header_1_0(stream, {"descr": "|O", "fortran_order": False, "shape": ()})
        stream.write(raw)
    found = object_npz.read_object_npz(tmp_path / "o.npz")["v"]
    np.testing.assert_array_equal(found["f"], values["f"])
    np.testing.assert_array_equal(found["both"][1], shared)
    assert found["both"][0] is found["both"][1]
    assert (found["n"], found["s"], found["o"][0], found["o"][1]) == (2.5, "é", None, {"a": [1, 2]})
    assert found["empty"].shape == (0, 17, 2)
    assert found["u"].tolist() == ["ab"]


class _Runs:
    """Pickles as a call."""

    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call


def hostile(path, value):
    """A videopose3d file whose positions_2d is the pickle `value` (bytes), or the pickle of `value`."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, raw in (("metadata", pickle.dumps({})), ("positions_2d", value)):
            with archive.open(f"{name}.npy", "w") as stream:
                np.lib.format.write_array_header_1_0(stream, {"descr": "|O", "fortran_order": False, "shape": ()})
                stream.write(raw if isinstance(raw, bytes) else pickle.dumps(raw))
    return path


def test_a_hostile_pickle_is_refused_and_does_not_run(tmp_path):
    mark = tmp_path / "mark"
    calls = [
        _Runs(os.system, (f"touch {mark}",)),
        _Runs(eval, (f"open({str(mark)!r}, 'w')",)),
        _Runs(np.fromfile, (str(mark),)),
        _Runs(np.memmap, (str(mark), "uint8", "w+", 0, (4,))),
        {"a": [_Runs(open, (str(mark), "w"))]},
    ]
    for call in calls:
        with pytest.raises(InputError, match="asks for") as caught:
            read(hostile(tmp_path / "h.npz", call), **GIVEN)
        assert "\n" not in str(caught.value)
        assert not mark.exists()
    pickle.loads(pickle.dumps(calls[0]))
    assert mark.exists()  # so the pickle was a working one


def test_a_pickle_cannot_patch_forge_or_loop(tmp_path):
    rebuild, dtype = b"cnumpy.core.multiarray\n_reconstruct\n", b"cnumpy\ndtype\n"
    forged = {  # an array of objects from raw bytes would be an array of pointers of the file's choice
        "pointers": rebuild
        + b"(t"
        + b"R(K\x01(K\x01t"
        + dtype
        + b"(X\x02\x00\x00\x00O8tRI00\nC\x08\x01\x02\x03\x04\x05\x06\x07\x08tb.",
        "void": rebuild
        + b"(tR(K\x01(K\x01t"
        + dtype
        + b"(X\x02\x00\x00\x00V8tRI00\nC\x08\x01\x02\x03\x04\x05\x06\x07\x08tb.",
        "short": rebuild + b"(tR(K\x01(K\x09t" + dtype + b"(X\x02\x00\x00\x00f4tRI00\nC\x04abcdtb.",
        "changed function": b"\x80\x02c_codecs\nencode\n(N}X\x05\x00\x00\x00_make" + dtype + b"stb.",
        "changed class": b"\x80\x02" + dtype + b"(N}X\x04\x00\x00\x00code" + dtype + b"stb.",
        "unbuilt array": rebuild + b"(tR.",
        "deep": b"\x80\x02" + b"(" * 5000 + b"l" * 5000 + b".",
        "cut off": pickle.dumps({"a": 1})[:-4],
        "empty": b"",
    }
    for value in forged.values():
        with pytest.raises(InputError, match=r"positions_2d\.npy' cannot be read safely"):
            object_npz.read_object_npz(hostile(tmp_path / "h.npz", value))
    loop: list = [1]
    loop.append(loop)
    found = object_npz.read_object_npz(hostile(tmp_path / "h.npz", loop))["positions_2d"]
    assert found[1] is found
    laughs: list = [0]
    for _ in range(60):
        laughs = [laughs, laughs]
    assert len(object_npz.read_object_npz(hostile(tmp_path / "h.npz", laughs))["positions_2d"]) == 2
    assert object_npz._Callable(object_npz._bytes)("é", "latin1") == b"\xe9"  # nothing stayed changed


# What is missing or wrong is said in one line that names the file.


def test_options_that_the_file_leaves_open_are_asked_for(tmp_path):
    for path in (
        openpose(tmp_path / "json", {0: [person(25)]}),
        results(tmp_path / "r.json", {0: [person(17)]}),
        videopose3d(tmp_path / "d.npz", video_metadata={}),
    ):
        with pytest.raises(UsageError, match="--fps"):
            read(path, size=(640, 480))
        with pytest.raises(UsageError, match="--size"):
            read(path, fps=25)
    for bad in (
        {"fps": 0},
        {"fps": float("nan")},
        {"size": (0, 5)},
        {"person": "all"},
        {"person": "0"},
        {"person": "²"},
    ):
        with pytest.raises(UsageError):
            read(path, **{**GIVEN, **bad})


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ("", "JSON"),
        ("[1, 2", "JSON"),
        ("\xff\xfe", "JSON"),
        ("[" * 100000, "JSON"),
        ("3", "list"),
        ('{"images": []}', "list"),
        ('{"people": []}', "folder"),
        ("[1]", "entry 1"),
        ('[{"keypoints": []}]', "image None"),
        ('[{"image_id": "walk", "keypoints": []}]', "walk"),
        ('[{"image_id": -4, "keypoints": []}]', "-4"),
        ('[{"image_id": true, "keypoints": []}]', "True"),
        ('[{"image_id": 1}]', "1 numbers"),
        ('[{"image_id": 1, "keypoints": [1, 2, 3]}]', "expected 51"),
        ('[{"image_id": 1, "keypoints": ["a", "b"]}]', "rows of numbers"),
        ('[{"image_id": 1, "keypoints": [[1, 2], [3]]}]', "rows of numbers"),
        ('[{"image_id": 1, "keypoints": {"x": 1}}]', "rows of numbers"),
        ('[{"frame_id": 1, "instances": [{"keypoints": [1, 2]}]}]', "keypoint_scores"),
        ('[{"frame_id": 1, "instances": 5}]', "keypoint_scores"),
    ],
)
def test_bad_results_are_refused_by_what_is_wrong(tmp_path, content, word):
    path = tmp_path / "r.json"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(InputError, match=word) as caught:
        read(path, **GIVEN)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bad_files_of_every_kind_are_refused(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read(tmp_path / "none.json", **GIVEN)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"keypoints\.json"):
        read(tmp_path / "empty", **GIVEN)
    for name, content, word in (
        ("walk_keypoints.json", '{"people": []}', "frame number"),
        ("walk_01_keypoints.json", "[]", "list of people"),
        ("walk_01_keypoints.json", '{"people": [3]}', "list of people"),
        ("walk_01_keypoints.json", '{"peo', "JSON"),
        ("walk_01_keypoints.json", json.dumps({"people": [{"pose_keypoints_2d": [0.0] * 54}]}), "54 numbers"),
        ("walk_1_keypoints.json", '{"people": []}', "another video"),
        ("run_7_keypoints.json", '{"people": []}', "another video"),
    ):
        folder = openpose(tmp_path / f"json {word} {name}", {1: [person(25)]})
        (folder / name).write_text(content)
        with pytest.raises(InputError, match=word) as caught:
            read(folder, **GIVEN)
        assert name in str(caught.value) or "another video" in str(caught.value)
    whole = videopose3d(tmp_path / "d.npz").read_bytes()
    for end in (0, 2, 100, len(whole) // 2, len(whole) - 30):
        (tmp_path / "cut.npz").write_bytes(whole[:end])
        with pytest.raises(InputError, match=r"cut\.npz"):
            read(tmp_path / "cut.npz", **GIVEN)
    np.savez(tmp_path / "no.npz", positions_2d=np.zeros((3, 17, 2)))
    with pytest.raises(InputError, match="positions_2d"):
        read(tmp_path / "no.npz", **GIVEN)
    for clips in ({"a": 3}, {"a": {"b": [np.zeros((4, 17))]}}, {"a": {"b": [[[1, 2], [3]]]}}, {"a": {"b": ["xy"]}}):
        with pytest.raises(InputError):
            read(videopose3d(tmp_path / "d.npz", clips), **GIVEN)


def test_a_clip_without_anybody_has_nobody(tmp_path):
    nobody = openpose(tmp_path / "json", {0: [], 1: [np.zeros((25, 3))]})
    (tmp_path / "r.json").write_text("[]")
    blank = videopose3d(tmp_path / "d.npz", {"a.mp4": {"custom": [np.full((3, 17, 2), np.nan)]}})
    for path in (nobody, tmp_path / "r.json", blank):
        with pytest.raises(NobodyFoundError, match=path.name):
            read(path, **GIVEN)


def test_other_units_sizes_and_numbers_are_noticed(tmp_path):
    scaled = person(25) / [640, 480, 1]
    with pytest.raises(InputError, match="pixels"):
        read(openpose(tmp_path / "scaled", {0: [scaled]}), **GIVEN)
    with pytest.raises(InputError, match="--size"):
        read(openpose(tmp_path / "small", {0: [person(25, left=2000)]}), **GIVEN)
    dates = {20240101: [person(17)], 20250101: [person(17)], 20250102: [person(17)]}
    with pytest.raises(InputError, match="not frame numbers"):
        read(results(tmp_path / "r.json", dates), **GIVEN)
    mixed = results(tmp_path / "r.json", {0: [person(17)], 1: [person(26)]})
    with pytest.raises(InputError, match="some people have 17 points, others 26"):
        read(mixed, **GIVEN)
    far = person(17)
    far[3, 0], far[4, 1], far[5, 2] = 1e300, np.nan, np.nan
    found = read(results(tmp_path / "r.json", {0: [far]}), **GIVEN)
    assert np.flatnonzero(~found.seen[0]).tolist() == [3, 4, 5]
