import numpy as np
import pytest

from video_to_armature.lifter.contract.protocol import InputError
from video_to_armature.lifter.contract.skeleton import BODY_27, H36M_17
from video_to_armature.lifter.keypoint_sets import BODY_25, COCO_17, HALPE_26, SETS
from video_to_armature.lifter.keypoints import DERIVED, MEDIAPIPE_33, Keypoints, derive, to_body_27, to_h36m_17, to_set

HEADER = {"fps": 30.0, "width": 640, "height": 480, "first_frame": 0}


def random_keypoints(frames: int = 5, names: tuple[str, ...] = MEDIAPIPE_33, seed: int = 0) -> Keypoints:
    rng = np.random.default_rng(seed)
    points = rng.uniform(0, 1, (frames, len(names), 3)) * [640, 480, 0.9] + [0, 0, 0.05]
    return Keypoints(HEADER, names, points.astype(np.float32), np.arange(frames) / 30)


def test_file_round_trip_is_exact(tmp_path):
    made = random_keypoints()
    made.save(tmp_path / "k.npz")
    read = Keypoints.load(tmp_path / "k.npz")
    assert read.names == made.names
    np.testing.assert_array_equal(read.keypoints_px, made.keypoints_px)
    np.testing.assert_array_equal(read.frame_times, made.frame_times)


def test_unseen_is_nan_with_confidence_zero():
    points = random_keypoints().keypoints_px.copy()
    points[0, 3, 2] = 0
    points[1, 4, 0] = np.nan
    made = Keypoints(HEADER, MEDIAPIPE_33, points, np.arange(5) / 30)
    for f, k in ((0, 3), (1, 4)):
        assert np.isnan(made.keypoints_px[f, k, :2]).all()
        assert made.keypoints_px[f, k, 2] == 0


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda a: a.update(header={"fps": 30}), "width"),
        (lambda a: a.update(frame_times=np.zeros(5)), "increase"),
        (lambda a: a.update(names=MEDIAPIPE_33[:-1]), "shape"),
        (lambda a: a.update(keypoints_px=a["keypoints_px"] * [1, 1, 9]), "above 1"),
    ],
)
def test_refusals_name_the_rule(change, word):
    made = random_keypoints()
    arguments = {
        "header": HEADER,
        "names": made.names,
        "keypoints_px": made.keypoints_px,
        "frame_times": made.frame_times,
    }
    change(arguments)
    with pytest.raises(ValueError, match=word):
        Keypoints(**arguments)


def test_known_case_by_hand():
    body = np.zeros((27, 3), np.float32)
    body[:, 2] = 0.9
    at = BODY_27.index
    body[at("left_hip"), :2], body[at("right_hip"), :2] = (1, 2), (3, 2)
    body[at("left_shoulder"), :2], body[at("right_shoulder")] = (1, 6), (3, 6, 0.4)
    body = derive(body)
    np.testing.assert_allclose(body[at("pelvis")], (2, 2, 0.9), atol=1e-6)
    np.testing.assert_allclose(body[at("thorax")], (2, 6, 0.4), atol=1e-6)  # the surer shoulder does not hide the other
    np.testing.assert_allclose(body[at("spine")], (2, 4, 0.4), atol=1e-6)


def test_derived_points_follow_any_affine_change_of_the_picture():
    body = to_body_27(random_keypoints())
    matrix, shift = np.array([[1.3, 0.2], [-0.4, 0.8]]), np.array([30, -7])
    moved = body.copy()
    moved[..., :2] = body[..., :2] @ matrix.T + shift
    np.testing.assert_allclose(derive(moved)[..., :2], moved[..., :2], atol=1e-2)


def test_mirror_then_derive_is_derive_then_mirror():
    body = to_body_27(random_keypoints())
    flip = list(BODY_27.mirror)

    def mirrored(b):
        return b[:, flip] * np.array([-1, 1, 1])

    np.testing.assert_allclose(derive(mirrored(body)), mirrored(derive(body)), atol=1e-3)


def test_one_unseen_source_leaves_the_derived_point_unseen():
    points = random_keypoints().keypoints_px.copy()
    points[2, MEDIAPIPE_33.index("left_hip"), 2] = 0
    body = to_body_27(Keypoints(HEADER, MEDIAPIPE_33, points, np.arange(5) / 30))
    assert np.isnan(body[2, BODY_27.index("pelvis"), :2]).all()
    assert body[2, BODY_27.index("spine"), 2] == 0
    assert body[1, BODY_27.index("pelvis"), 2] > 0


def test_derived_points_that_a_file_brings_are_made_anew():
    made = random_keypoints(names=BODY_27.names)
    body = to_body_27(made)
    for name in DERIVED:
        assert not np.allclose(body[:, BODY_27.index(name), :2], made.keypoints_px[:, BODY_27.index(name), :2])


def test_a_set_without_hips_is_refused_by_name():
    with pytest.raises(InputError, match="left_hip"):
        to_body_27(random_keypoints(names=("nose", "left_shoulder", "right_shoulder")))


@pytest.mark.parametrize("names", [MEDIAPIPE_33, COCO_17, BODY_25])
def test_h36m_points_are_those_of_the_published_map(names):
    made = random_keypoints(names=names)
    found = to_h36m_17(made)

    def mean(*of):  # of x, y and confidence alike
        return made.keypoints_px[:, [names.index(name) for name in of]].mean(1)

    hips, shoulders = ("left_hip", "right_hip"), ("left_shoulder", "right_shoulder")
    for joint, expected in (
        ("pelvis", mean(*hips)),
        ("thorax", mean(*shoulders)),
        ("spine", mean(*hips, *shoulders)),
        ("head_top", mean("left_eye", "right_eye")),
        ("nose", mean("nose")),
        ("right_knee", mean("right_knee")),
        ("left_wrist", mean("left_wrist")),
    ):
        np.testing.assert_allclose(found[:, H36M_17.index(joint)], expected, rtol=1e-6)


def test_halpe_brings_its_own_neck_and_pelvis():
    made = random_keypoints(names=HALPE_26)
    found = to_h36m_17(made)
    for joint, point in (("pelvis", "mid_hip"), ("thorax", "neck"), ("head_top", "head_top"), ("nose", "nose")):
        np.testing.assert_array_equal(found[:, H36M_17.index(joint)], made.keypoints_px[:, HALPE_26.index(point)])


def test_h36m_points_in_any_order_are_taken_as_they_are():
    made = random_keypoints(names=H36M_17.names[::-1])
    np.testing.assert_array_equal(to_h36m_17(made), made.keypoints_px[:, ::-1])


def test_raw_coco_points_are_found_by_name():
    made = random_keypoints()
    found = to_set(made, "COCO_17")
    for k, name in enumerate(COCO_17):
        np.testing.assert_array_equal(found[:, k], made.keypoints_px[:, MEDIAPIPE_33.index(name)])


def test_one_unseen_hip_leaves_pelvis_and_spine_unseen():
    points = random_keypoints(names=COCO_17).keypoints_px.copy()
    points[2, COCO_17.index("left_hip")] = (np.nan, np.nan, 0)
    found = to_h36m_17(Keypoints(HEADER, COCO_17, points, np.arange(5) / 30))
    unseen = [H36M_17.index(n) for n in ("pelvis", "spine", "left_hip")]
    assert np.isnan(found[2, unseen, :2]).all()
    assert (found[2, unseen, 2] == 0).all()
    assert (found[[0, 1, 3, 4], :, 2] > 0).all()


@pytest.mark.parametrize(("names", "wanted", "lacking"), [(H36M_17.names, "COCO_17", "left_eye"),
                                                          (COCO_17[5:], "H36M_17", "nose")])  # fmt: skip
def test_points_that_are_lacking_are_named(names, wanted, lacking):
    with pytest.raises(InputError, match=f"{len(names)} keypoints.*have no .*{lacking}"):
        to_set(random_keypoints(names=names), wanted)


@pytest.mark.parametrize("name", SETS)
def test_every_set_hangs_together(name):
    skeleton = SETS[name]
    assert all(parent < child for child, parent in enumerate(skeleton.parents))  # placed in this order
    assert sum(parent == -1 for parent in skeleton.parents) == 1
    mirrored = [skeleton.mirror[j] for j in skeleton.mirror]
    assert mirrored == list(range(len(skeleton)))


@pytest.mark.parametrize(
    ("detector", "scores", "kind"),
    [
        ("mediapipe", [0.3, 0.9], "detector visibility"),
        ("openpose BODY_25", [0.3, 0.9], "keypoint score of openpose BODY_25"),
        ("videopose3d keypoints", [1, 0], "none given: 1 where seen"),
        (None, [0.3, 0.9], "keypoint score of an unknown detector"),
    ],
)
def test_what_the_confidence_is_is_said_as_far_as_known(detector, scores, kind):
    points = np.array([[[1, 2, scores[0]], [3, 4, scores[1]]]])
    assert (
        Keypoints({**HEADER, "detector": detector}, ("nose", "left_ear"), points, np.zeros(1)).confidence_kind == kind
    )
