"""Published networks over whole clips: windows, mirror, view, units. Weights are random, but for one that copies."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from video_to_armature.lifter import networks, pipeline, published
from video_to_armature.lifter.contract.protocol import InputError, RuntimeUnfitError, UsageError
from video_to_armature.lifter.contract.skeleton import H36M_17
from video_to_armature.lifter.keypoint_sets import COCO_17, SETS, coco_to_h36m
from video_to_armature.lifter.keypoints import Keypoints
from video_to_armature.lifter.models import build, weights
from video_to_armature.lifter.models.videopose3d import VideoPose3D
from video_to_armature.lifter.models.weights import ModelInfo
from video_to_armature.lifter.rays import BODY_SIZE, STATURE_OF_SIZE, body_size
from video_to_armature.lifter.screen import to_screen

from .people import INTRINSICS, camera, project, walking

SIZE = (1280, 720)
TIMES = np.arange(100) / 30
SMALL = {
    "mixste": {"frames": 27, "joints": 17, "channels_in": 2, "dim": 16, "depth": 2, "heads": 2},
    "dstformer": {"frames": 27, "joints": 17, "channels_in": 3, "dim": 16, "dim_rep": 16, "depth": 2, "heads": 2},
    "videopose3d": {"widths": (3, 3, 3), "channels": 16},
    "videopose3d causal": {"widths": (3, 3, 3), "channels": 16, "causal": True},
}
EVERY = pytest.mark.parametrize("name", SMALL)
MIRROR = list(H36M_17.mirror)


def made(name, module, view="screen", units="metres", points="H36M_17"):
    network = name.split()[0]
    info = ModelInfo(name, Path(name), network, {}, 0.0, "no", "none", "0" * 64, points, "H36M_17", view, units)
    return networks.Lifter(info, module.eval())


@pytest.fixture(scope="module")
def lifters():
    found = {}
    for name, config in SMALL.items():
        torch.manual_seed(0)
        network = build(name.split()[0], **config)
        for key, value in network.state_dict().items():
            if value.is_floating_point() and not key.endswith("running_var"):
                torch.nn.init.normal_(value, std=0.3)
        found[name] = made(name, network)
    return found


def copying(**info):
    """A VideoPose3D of one frame whose x, y are those of the points, and whose depth is 0."""
    points = 2 * len(H36M_17)
    network = VideoPose3D(widths=(1,), channels=2 * points)
    same = torch.eye(points)
    with torch.no_grad():
        network.expand_conv.weight.copy_(torch.cat((same, -same))[..., None])  # what ReLU cuts off comes negated
        network.state_dict()["expand_bn.running_var"].fill_(1 - network.expand_bn.eps)
        out = torch.zeros(len(H36M_17), 3, 2 * points)
        out[:, :2] = torch.cat((same, -same), 1).view(len(H36M_17), 2, 2 * points)
        network.shrink.weight.copy_(out.flatten(0, 1)[..., None])
        network.state_dict()["shrink.bias"].zero_()
    return made("videopose3d", network, **info)


def clip(frames, seed=0):
    """(F, 17, 3) points on a screen that wander smoothly, and confidence."""
    rng = np.random.default_rng(seed)
    t = np.arange(frames)[:, None, None] / 20
    xy = rng.uniform(-0.5, 0.5, (17, 2)) + 0.3 * np.sin(t + rng.uniform(0, 6, (17, 2)))
    return np.concatenate([xy, rng.uniform(0.5, 1, (frames, 17, 1))], -1).astype(np.float32)


def seen(times=TIMES):
    """(F, 17, 3) pixels of a walking person in a picture of SIZE."""
    return project(walking(times)[:, :17] + [1.5, 0, 0], camera(0.1, 1.4, 4.5), INTRINSICS)[1]


def mirrored(x):
    return x[:, MIRROR] * np.array([-1, 1, 1], np.float32)


def once(lifter, x):
    """The network alone on (F, 17, C), averaged with the mirrored person's."""
    channels = lifter.network.channels_in
    with torch.inference_mode():
        plain, flipped = lifter.network(torch.from_numpy(np.stack([x, mirrored(x)])[..., :channels])).numpy()
    return (plain + mirrored(flipped)) / 2


def test_mixste_paper_windows_stand_side_by_side_and_the_last_adds_only_what_is_new(lifters):
    x = clip(70)
    found = published.predict(lifters["mixste"], x, "paper")
    for frames in (slice(0, 27), slice(27, 54)):
        np.testing.assert_allclose(found[frames], once(lifters["mixste"], x[frames]), atol=1e-5)
    np.testing.assert_allclose(found[54:], once(lifters["mixste"], x[43:70])[11:], atol=1e-5)


@pytest.mark.parametrize("windows", published.WINDOWS)
def test_a_clip_shorter_than_mixstes_window_has_its_end_held(lifters, windows):
    x = clip(10)
    held = np.concatenate([x, np.repeat(x[-1:], 17, 0)])
    np.testing.assert_allclose(
        published.predict(lifters["mixste"], x, windows), once(lifters["mixste"], held)[:10], atol=1e-5
    )


def test_dstformer_paper_windows_stand_side_by_side_and_the_last_is_shorter(lifters):
    x = clip(70)
    found = published.predict(lifters["dstformer"], x, "paper")
    for frames in (slice(0, 27), slice(27, 54), slice(54, 70)):
        np.testing.assert_allclose(found[frames], once(lifters["dstformer"], x[frames]), atol=1e-5)


@pytest.mark.parametrize("windows", published.WINDOWS)
def test_a_clip_shorter_than_dstformers_window_is_one_window(lifters, windows):
    x = clip(10)
    found = published.predict(lifters["dstformer"], x, windows)
    np.testing.assert_allclose(found, once(lifters["dstformer"], x), atol=1e-5)


@pytest.mark.parametrize("windows", published.WINDOWS)
@pytest.mark.parametrize(("name", "ends"), [("videopose3d", (13, 13)), ("videopose3d causal", (26, 0))])
def test_videopose3d_sees_the_whole_clip_with_its_ends_held_whatever_the_chunks(
    lifters, name, ends, windows, monkeypatch
):
    x = clip(70)
    whole = once(lifters[name], np.concatenate([x[:1]] * ends[0] + [x] + [x[-1:]] * ends[1]))
    np.testing.assert_allclose(published.predict(lifters[name], x, windows), whole, atol=1e-5)
    monkeypatch.setattr(published, "CHUNK", 16)
    np.testing.assert_allclose(published.predict(lifters[name], x, windows), whole, atol=1e-5)


@pytest.mark.parametrize("windows", published.WINDOWS)
@EVERY
def test_a_mirrored_person_gives_mirrored_joints(lifters, name, windows):
    x = clip(40)
    there = published.predict(lifters[name], mirrored(x), windows)
    np.testing.assert_allclose(mirrored(there), published.predict(lifters[name], x, windows), atol=1e-5)


@pytest.mark.parametrize("frames", [1, 2, 26, 27, 28, 100])
@pytest.mark.parametrize("windows", published.WINDOWS)
@EVERY
def test_any_length_gives_a_pose_for_every_frame(lifters, name, windows, frames):
    found = published.predict(lifters[name], clip(frames), windows)
    assert found.shape == (frames, 17, 3)
    assert np.isfinite(found).all()


@pytest.mark.parametrize(("name", "embedding"), [("mixste", "Temporal_pos_embed"), ("dstformer", "temp_embed")])
def test_blended_windows_show_no_border(lifters, name, embedding):
    network = build(name, **SMALL[name])
    state = lifters[name].network.state_dict()
    ramp = torch.linspace(0, 1, 27).reshape([27 if n == 27 else 1 for n in state[embedding].shape])
    network.load_state_dict(state | {embedding: state[embedding].select(1, 0)[:, None] * ramp})
    still = np.repeat(clip(1), 270, 0)  # so all that moves is the place in the window
    paper, blended = (
        np.linalg.norm(np.diff(published.predict(made(name, network), still, windows), axis=0), axis=-1).mean(1)
        for windows in ("paper", "blended")
    )
    border = np.arange(26, 269, 27)
    assert paper[border].min() > 5 * np.delete(paper, border).mean()  # there is something to hide
    assert blended.max() < 0.2 * paper[border].min()


def test_progress_reaches_the_end(lifters):
    told = []
    published.predict(lifters["dstformer"], clip(70), "paper", progress=lambda *n: told.append(n))
    assert told[-1] == (3, 3)
    told.clear()
    px, times = np.concatenate([seen(), seen()]), np.r_[TIMES, TIMES + 10]
    run(lifters["mixste"], px, times, progress=lambda *n: told.append(n))
    assert told[-1] == (200, 200)
    assert told == sorted(told)


def run(lifter, px, times=TIMES, height=None, windows="blended", progress=lambda *_: None):
    return published.lift(lifter, px, times, SIZE, height, windows, progress, pytest.fail)


def test_metres_and_the_screen_are_passed_through_exactly():
    px = seen()
    on_screen = px[..., :2] * (2 / 1280) - [1, 720 / 1280]
    found = run(copying(), px)
    np.testing.assert_allclose(found[..., :2], on_screen - on_screen[:, :1], atol=1e-5)
    assert (found[..., 2] == 0).all()
    assert (found[:, 0] == 0).all()


def approaching():
    """Someone who faces the camera and comes from 8 m to 3 m: pixels, and the true joints."""
    joints = np.repeat(walking(np.zeros(1))[:, :17] @ np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 1.0]]), 150, 0)
    joints = joints + np.linspace(8, 3, 150)[:, None, None] * [0, 1, 0] - [0, 0, 1.0]
    return project(joints, camera(0, 0, 0), INTRINSICS)[1], joints


def test_image_units_become_metres_of_a_steady_body_that_comes_closer():
    px, joints = approaching()
    assert np.ptp(np.log(body_size(px - px[:, :1], H36M_17))) > 0.9  # two and a half times as large in the end
    found = run(copying(view="crop", units="image"), px, np.arange(150) / 30)
    size = body_size(found, H36M_17)
    np.testing.assert_allclose(size, BODY_SIZE, rtol=0.02)
    true = (joints - joints[:, :1])[:, :, [0, 2]] * [1, -1] * (BODY_SIZE / body_size(joints, H36M_17))[:, None, None]
    assert np.linalg.norm(found[..., :2] - true, axis=-1).mean() < 0.05


def test_one_misjudged_pose_does_not_change_the_scale():
    px, _ = approaching()
    px[70] = px[70, :1] + (px[70] - px[70, :1]) * [0.7, 0.7, 1]
    size = body_size(run(copying(view="crop", units="image"), px, np.arange(150) / 30), H36M_17)
    assert abs(size[70] / BODY_SIZE - 0.7) < 0.03
    np.testing.assert_allclose(np.delete(size, 70), BODY_SIZE, rtol=0.03)


@pytest.mark.parametrize("info", [{}, {"view": "crop", "units": "image"}])
def test_height_scales_and_nothing_else(info):
    px = seen()
    a, b = (run(copying(**info), px, height=h) for h in (1.7, 1.275))
    np.testing.assert_allclose(b, a * 0.75, atol=1e-5)
    assert abs(STATURE_OF_SIZE * np.median(body_size(a, H36M_17)) - 1.7) < 0.03


def test_the_crop_is_one_square_around_all_that_is_seen_and_the_rest_is_clipped(lifters):
    px = seen()
    px[3, 5] = (5000, 5000, 0)  # not seen: outside the box
    low, high = (f(np.delete(px[..., :2].reshape(-1, 2), 3 * 17 + 5, 0), axis=0) for f in (np.min, np.max))
    box = published.square_box(px)
    assert box[2] == pytest.approx((high - low).max())
    cropped = published.to_crop(px, box)
    assert np.abs(cropped).max() <= 1
    inside = np.delete(cropped.reshape(-1, 3), 3 * 17 + 5, 0)
    wide = int(np.argmax(high - low))
    np.testing.assert_allclose([inside[:, wide].min(), inside[:, wide].max()], [-1, 1], atol=1e-5)
    other = inside[:, 1 - wide]
    np.testing.assert_allclose(other.min(), -other.max(), atol=1e-5)  # in the middle
    assert (cropped[3, 5, :2] == 1).all()
    np.testing.assert_array_equal(cropped[..., 2], px[..., 2])


def test_short_gaps_are_bridged_and_long_ones_stay_unknown(lifters):
    px = seen()
    for gap in (slice(10, 20), slice(40, 70)):
        px[gap] = [np.nan, np.nan, 0]
    found = run(copying(), px)
    unknown = np.isnan(found).any((1, 2))
    assert unknown[40:70].all()
    assert unknown.sum() == 30
    np.testing.assert_allclose(found[15], (found[9] * 5 + found[20] * 6) / 11, atol=1e-5)


def test_unseen_points_are_placed_by_their_parents():
    xy = seen()[..., :2]
    ankle, knee, thorax, nose = (H36M_17.index(n) for n in ("left_ankle", "left_knee", "thorax", "nose"))
    holes = xy.copy()
    holes[:, ankle] = np.nan  # never seen
    holes[20:80, thorax] = np.nan  # long unseen: keeps its offset from the spine
    placed = published.place_unseen(holes, H36M_17)
    np.testing.assert_array_equal(placed[:, ankle], xy[:, knee])
    assert np.linalg.norm(placed[20:80, thorax] - xy[20:80, thorax], axis=-1).max() < 15  # of 170 pixels to the spine
    others = [j for j in range(17) if j not in (ankle, thorax)]
    np.testing.assert_array_equal(placed[:, others], xy[:, others])
    holes[:, :nose] = np.nan  # even without a pelvis
    assert np.isfinite(published.place_unseen(holes, H36M_17)).all()
    coco = np.full((3, 17, 2), np.nan)
    coco[1, 5] = (7, 8)
    np.testing.assert_array_equal(published.place_unseen(coco, SETS["COCO_17"]), np.full((3, 17, 2), (7, 8)))


def test_confidence_reaches_networks_of_three_channels_and_is_0_where_placed(lifters):
    px = seen()
    px[:, 3] = [np.nan, np.nan, 0]
    fed = to_screen(np.where(np.isnan(px), 0, px), *SIZE)
    fed[:, 3] = fed[:, 2] * [1, 1, 0]  # at its parent, unseen
    expected = published.predict(lifters["dstformer"], fed)
    np.testing.assert_allclose(run(lifters["dstformer"], px), expected - expected[:, :1], atol=1e-4)


def test_what_the_pipeline_cannot_follow_is_refused(lifters):
    networks.check(lifters["mixste"])
    networks.check(lifters["videopose3d"])
    good = lifters["mixste"]
    for change, words in (
        ({"joints_out": "HUMANEVA_15"}, "gives 17 joints of HUMANEVA_15"),
        ({"joints_out": "COCO_17"}, "gives 17 joints of COCO_17"),
        ({"joints_in": "BODY_27"}, "reads 17 joints of BODY_27"),
        ({"view": "sideways"}, "view 'sideways'"),
        ({"units": "feet"}, "in 'feet'"),
        ({"view": "rays"}, "rays"),
    ):
        with pytest.raises(RuntimeUnfitError, match=words):
            networks.check(replace(good, info=replace(good.info, **change)))
    fifteen = made("videopose3d", build("videopose3d", joints_in=15, joints_out=15, widths=(3,), channels=8))
    with pytest.raises(RuntimeUnfitError, match=r"reads 15 joints.*gives 15 joints"):
        networks.check(fifteen)


def test_weights_that_give_no_numbers_are_refused(lifters):
    network = build("mixste", **SMALL["mixste"])
    torch.nn.init.constant_(network.state_dict()["head.1.bias"], 3e38)
    with pytest.raises(RuntimeUnfitError, match="not finite"), np.errstate(all="ignore"):
        run(made("mixste", network), seen())


HEADER = {"fps": 30.0, "width": SIZE[0], "height": SIZE[1], "first_frame": 0}
TOLD = {"fps": "30", "commercial_use": "no", "licence": "none", "joints_in": "H36M_17", "joints_out": "H36M_17",
        "view": "screen", "units": "metres"}  # fmt: skip


@pytest.fixture
def file(lifters, tmp_path):
    """Weights as the trainer writes them."""
    state = lifters["mixste"].network.state_dict()
    weights.save(tmp_path / "w.safetensors", state, network="mixste", config=json.dumps(SMALL["mixste"]), **TOLD)
    return tmp_path / "w.safetensors"


def motion(model, points, names=H36M_17.names, detector="openpose BODY_25", **options):
    """Of keypoints from elsewhere, as `python -m lifter lift` makes it."""
    keypoints = Keypoints({**HEADER, "detector": detector}, names, points, np.arange(len(points)) / 30)
    return pipeline.lift(keypoints, pipeline.Options(model=str(model), device="cpu", **options), pipeline.Run(ignore))


def ignore(_):
    pass


@pytest.mark.parametrize("windows", published.WINDOWS)
@pytest.mark.parametrize("frames", [1, 30])
def test_trained_weights_give_a_motion_of_17_joints(file, lifters, frames, windows):
    px = seen(TIMES[:frames])
    found = motion(file, px, windows=windows, smooth_hz=0.0, refine=False)
    assert (found.joint_names, found.parents) == (H36M_17.names, H36M_17.parents)
    assert found.frames == frames
    assert found.known.all()
    np.testing.assert_array_equal(found.keypoints_px, px)
    header = found.header
    assert header["model"] == {"name": "w", "sha256": weights.describe(file).sha256, "commercial_use": "no",
                               "licence": "none"}  # fmt: skip
    assert header["confidence_kind"] == "keypoint score of openpose BODY_25"
    assert header["size"] == {"from": "network"}
    assert (header["settings"]["windows"], header["settings"]["input_joints"]) == (windows, "H36M_17")
    expected = run(lifters["mixste"], px, TIMES[:frames], windows=windows)
    in_cam = (found.positions - found.positions[:, :1]) @ found.world_from_cam[:3, :3].astype(np.float32)
    np.testing.assert_allclose(in_cam, expected, atol=1e-4)


def test_a_joint_that_is_never_seen_stays_unknown(file):
    px = seen()
    px[:, H36M_17.index("left_wrist")] = [np.nan, np.nan, 0]
    found = motion(file, px)
    unknown = H36M_17.index("left_wrist")
    assert (found.confidence[:, unknown] == 0).all()
    assert np.delete(found.known, unknown, 1).all()


def test_networks_that_read_coco_points_get_them_raw(lifters, file):
    rng = np.random.default_rng(0)
    px = rng.uniform(100, 600, (20, 17, 3)).astype(np.float32)
    px[..., 2] = 0.5
    found = motion(file, px, COCO_17, input_joints="coco", smooth_hz=0.0, refine=False)
    expected = run(made("mixste", lifters["mixste"].network, points="COCO_17"), px, TIMES[:20])
    in_cam = (found.positions - found.positions[:, :1]) @ found.world_from_cam[:3, :3].astype(np.float32)
    np.testing.assert_allclose(in_cam, expected, atol=1e-4)
    np.testing.assert_array_equal(found.keypoints_px, coco_to_h36m(px))
    assert found.header["settings"]["input_joints"] == "COCO_17"


def test_where_the_size_comes_from_is_said(file, lifters, tmp_path):
    assert motion(file, seen(), height=1.8).header["size"] == {"from": "height", "metres": 1.8}
    told = {**TOLD, "units": "image", "view": "crop"}
    config = json.dumps(SMALL["dstformer"])
    state = lifters["dstformer"].network.state_dict()
    weights.save(tmp_path / "i.safetensors", state, network="dstformer", config=config, **told)
    assert motion(tmp_path / "i.safetensors", seen()).header["size"] == {"from": "standard body", "metres": 1.7}


@pytest.mark.parametrize(
    ("change", "options", "error", "words"),
    [
        ({"points": np.full((5, 17, 3), np.nan)}, {}, InputError, "nobody"),
        ({"points": np.zeros((5, 17, 3))}, {}, InputError, "nobody"),
        ({"points": seen()[:, :12], "names": H36M_17.names[:12]}, {}, InputError, "12 keypoints.*left_eye"),
        ({}, {"input_joints": "coco"}, InputError, "17 keypoints.*left_eye"),
        ({}, {"model": "mixste_body27", "windows": "paper"}, UsageError, "--windows paper"),
        ({}, {"model": "mixste_body27", "input_joints": "coco"}, UsageError, "--input-joints coco"),
    ],
)
def test_bad_input_is_one_clear_line(file, change, options, error, words):
    with pytest.raises(error, match=words) as caught:
        motion(**{"model": file, "points": seen(), **change, **options})
    assert str(caught.value).isprintable()


class Hostile:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("name", ["w.bin", "w.safetensors"])
def test_a_model_that_runs_code_does_not(tmp_path, name):
    torch.save({"model_pos": Hostile(tmp_path / "ran")}, tmp_path / name)
    with pytest.raises(RuntimeUnfitError, match="system"):
        motion(tmp_path / name, seen())
    assert not (tmp_path / "ran").exists()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="NOT RUN: no CUDA device on this machine")
@pytest.mark.parametrize("name", ["mixste", "dstformer", "videopose3d"])
def test_cuda_agrees_with_the_cpu(name):
    torch.manual_seed(0)
    network = build(name).eval()  # the published size
    x = clip(300)
    here = published.predict(made(name, network), x)
    there = published.predict(made(name, network.to("cuda")), x)
    assert np.linalg.norm(there - here, axis=-1).max() < 1e-3
