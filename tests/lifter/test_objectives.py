"""Every objective learns: a few steps on a walker lower its loss, and what it saves loads again."""

import csv
import dataclasses

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from video_to_armature.lifter.contract.protocol import Cancelled, InputError, RuntimeUnfitError, UsageError
from video_to_armature.lifter.contract.skeleton import H36M_17
from video_to_armature.lifter.keypoints import Keypoints
from video_to_armature.lifter.models import build, weights
from video_to_armature.lifter.models.dstformer import DSTformer
from video_to_armature.lifter.models.heads import ActionClass, OnBackbone
from video_to_armature.lifter.train.actions import Actions
from video_to_armature.lifter.train.bodies import Bodies, load_fits
from video_to_armature.lifter.train.labelled import read_labelled
from video_to_armature.lifter.train.loop import Schedule, run
from video_to_armature.lifter.train.pose import Network, Pose
from video_to_armature.lifter.train.pretrain import Pretrain
from video_to_armature.lifter.train.recipe import RECIPES, _network, prepare, read
from video_to_armature.lifter.train.semi import TRAJECTORY, Semi

from .views import walkers

MIXSTE = {"frames": 9, "joints": 17, "channels_in": 2, "dim": 32, "depth": 1, "heads": 2}
DSTFORMER = {"frames": 9, "joints": 17, "channels_in": 3, "dim": 32, "dim_rep": 32, "depth": 1, "heads": 2}
VIDEOPOSE3D = {"joints_in": 17, "channels_in": 2, "joints_out": 17, "widths": (3, 3), "channels": 64, "dropout": 0.0}
MOTIONBERT_TERMS = {"position": 1.0, "scaled_position": 0.5, "velocity": 20.0}
STEPS = 60


@pytest.fixture(scope="module")
def data():
    return walkers()


def network(name, config, **fed):
    torch.manual_seed(0)
    return Network(build(name, **config), name, config, **fed)


def schedule(objective, steps=STEPS, **more):
    settings = {"epochs": steps / objective.steps, "rate": 2e-3, "threads": 1, "seed": 3, "batch": 8}
    return Schedule(**settings | more)


def falls(objective, folder, steps=STEPS, **more):
    """First and last training loss; also what was checked and saved."""
    run(objective, schedule(objective, 3, **more), folder, lambda _: None)
    path = run(objective, schedule(objective, steps, **more), folder, lambda _: None)
    first, last = csv.DictReader((folder / "log.csv").open())
    assert float(last["train_loss"]) < 0.7 * float(first["train_loss"])
    return path, last


@pytest.mark.parametrize("middle", [False, True])
def test_mixste_learns_all_frames_or_the_middle_one(data, tmp_path, middle):
    how = network("mixste", MIXSTE, middle=middle)
    terms = {"position": 1.0} if middle else {"position": 1.0, "temporal": 0.5, "velocity": 2.0}
    path, last = falls(Pose(how, data, data, terms, 8), tmp_path, scale_gradient_by_loss=True)
    assert float(last["mpjpe"]) < 350
    info, loaded = weights.read(path)
    assert (info.joints_in, info.joints_out, info.view, info.units) == ("H36M_17", "H36M_17", "screen", "metres")
    assert info.commercial_use == "yes"  # of ../shared/mocap
    x = torch.zeros(1, 9, 17, 2)
    torch.testing.assert_close(loaded(x), how.module.eval()(x))


@pytest.mark.parametrize("causal", [False, True])
def test_videopose3d_learns_single_frames(data, tmp_path, causal):
    how = network("videopose3d", VIDEOPOSE3D | {"causal": causal})
    objective = Pose(how, data, data, {"position": 1.0}, 64)
    assert objective.steps == -(-2 * data.frames // 64)  # every frame, plain and mirrored
    path, _ = falls(objective, tmp_path, optimiser="amsgrad", norm_momentum=(0.1, 0.001))
    assert weights.read(path)[0].config["causal"] is causal


def test_dstformer_fine_tunes_in_image_units(data, tmp_path):
    path, last = falls(Pose(network("dstformer", DSTFORMER, units="image"), data, data, MOTIONBERT_TERMS, 8), tmp_path)
    assert weights.describe(path).units == "image"
    assert float(last["mpjpe"]) < 350


def test_semi_supervised_terms_start_after_the_warm_up_and_fall(data, tmp_path):
    pose, path = network("videopose3d", VIDEOPOSE3D), network("videopose3d", VIDEOPOSE3D | {"joints_out": 1})
    few, rest = data.only(["cmu_0"]), data.only(["cmu_1", "cmu_2"])
    objective = Semi(pose, path, few, rest, data, H36M_17.parents, 64, warm_up=1.0)
    device = torch.device("cpu")
    names = set(objective.loss(objective.network, 0, 0.5, device))
    assert names == {"position", "trajectory"}
    before = objective.loss(objective.network, 0, 1.0, device)
    assert set(before) == names | {"reprojection", "bones"}
    run(objective, schedule(objective, optimiser="amsgrad"), tmp_path, lambda _: None)
    after = objective.loss(objective.network, 0, 1.0, device)
    for name in before:
        assert after[name] < 0.7 * before[name], name
    assert load_file(tmp_path / TRAJECTORY)["shrink.weight"].shape[0] == 3


def test_unlabelled_joints_do_not_leak_into_the_semi_supervised_loss(data):
    hidden = dataclasses.replace(data, clips=tuple(dataclasses.replace(c, joints_cam=None) for c in data.clips))
    found = []
    for unlabelled in (data, hidden):
        pose, path = network("videopose3d", VIDEOPOSE3D), network("videopose3d", VIDEOPOSE3D | {"joints_out": 1})
        objective = Semi(pose, path, data, unlabelled, data, H36M_17.parents, 16, warm_up=0)
        terms = objective.loss(objective.network.eval(), 0, 1.0, torch.device("cpu"))
        found.append({name: float(term.detach()) for name, term in terms.items()})
    assert found[0] == found[1]


def test_pre_training_then_fine_tuning(data, tmp_path):
    pictures = dataclasses.replace(data, clips=tuple(dataclasses.replace(c, joints_cam=None) for c in data.clips))
    objective = Pretrain(
        network("dstformer", DSTFORMER, units="image"), data, pictures, data, MOTIONBERT_TERMS, 8, only_3d=1.0
    )
    device = torch.device("cpu")
    assert "points_2d" not in objective.loss(objective.network, 1, 0.5, device)
    assert set(objective.loss(objective.network, 1, 1.0, device)) == {"points_2d"}
    path, last = falls(objective, tmp_path)
    assert float(last["n_mpjpe"]) < 400
    info, start = weights.read(path)
    assert info.units == "image"
    assert torch.equal(start.state_dict()["head.weight"], objective.network.state_dict()["head.weight"])


@pytest.mark.parametrize("embed", [False, True])
def test_actions_are_told_apart(tmp_path, data, embed):
    """Walking, and the same backwards in time and upside down."""
    clips = []
    for clip in data.clips:
        turned = clip.keypoints_px[::-1].copy()
        turned[..., 1] = 1000 - turned[..., 1]
        clips += [
            dataclasses.replace(clip, action="walk"),
            dataclasses.replace(clip, action="turned", keypoints_px=turned),
        ]
    both = dataclasses.replace(data, clips=tuple(clips))
    objective = Actions(network("dstformer", DSTFORMER), both, both, 16, embed=embed, hidden=64, dropout=0.1)
    run(objective, schedule(objective, 80, batch=16, head_factor=2.0), tmp_path, lambda _: None)
    assert objective.check(objective.network.eval())["accuracy"] > 90


def test_one_action_alone_is_refused(data):
    same = dataclasses.replace(data, clips=tuple(dataclasses.replace(c, action="walk") for c in data.clips))
    with pytest.raises(InputError, match="all clips show 'walk'"):
        Actions(network("dstformer", DSTFORMER), same, same, 8)


@pytest.fixture
def fits(tmp_path):
    """A stick whose one joint turns about the view's axis: its end is seen to move."""
    rng = np.random.default_rng(0)
    for part in ("train", "test"):
        (tmp_path / part).mkdir()
        for i in range(4):
            angle = np.cumsum(rng.normal(0, 0.1, 40)) + rng.uniform(-1, 1)
            points = np.zeros((40, 17, 3), np.float32)
            points[..., :2], points[..., 2] = 500, 1
            points[:, 1:, 0] += 300 * np.cos(angle)[:, None]
            points[:, 1:, 1] += 300 * np.sin(angle)[:, None]
            poses = np.zeros((40, 72), np.float32)
            poses[:, 2] = angle
            record = {"keypoints_px": points, "width": 1000, "height": 1000, "poses": poses, "betas": np.full(10, 0.5)}
            np.savez(tmp_path / part / f"{i}.npz", **record)
    return tmp_path


def test_bodies_learn_rotations_and_shape(fits, tmp_path):
    train, test = load_fits(fits / "train"), load_fits(fits / "test")
    np.testing.assert_allclose(np.linalg.det(train.rotations), 1, atol=1e-5)
    objective = Bodies(network("dstformer", DSTFORMER), train, test, {"rotations": 100.0, "shape": 1.0}, 16, hidden=64)
    before = objective.check(objective.network.eval())
    run(objective, schedule(objective, 100, batch=16), tmp_path / "run", lambda _: None)
    after = objective.check(objective.network.eval())
    assert after["angle_deg"] < 0.6 * before["angle_deg"]
    assert after["shape"] < 0.5 * before["shape"]


def test_fits_that_lack_something_are_named(fits):
    with np.load(fits / "train" / "2.npz") as z:
        np.savez(fits / "train" / "2.npz", **{k: z[k] for k in z.files if k != "betas"})
    with pytest.raises(InputError, match=r"2\.npz: lacks betas"):
        load_fits(fits / "train")


def test_a_stopped_run_goes_on_as_if_it_had_not_stopped(data, tmp_path):
    found = []
    for stops in (False, True):
        objective = Pose(network("videopose3d", VIDEOPOSE3D | {"dropout": 0.2}), data, data, {"position": 1.0}, 64)
        folder = tmp_path / str(stops)
        if stops:
            asked = iter([False] * 4 + [True])
            with pytest.raises(Cancelled, match="step 5"):
                run(objective, schedule(objective, 12, average=0.9), folder, lambda _: None, asked.__next__)
            objective = Pose(network("videopose3d", VIDEOPOSE3D | {"dropout": 0.2}), data, data, {"position": 1.0}, 64)
        found.append(load_file(run(objective, schedule(objective, 12, average=0.9), folder, lambda _: None)))
    for key, value in found[0].items():
        assert torch.equal(value, found[1][key]), key


def test_bf16_learns_too(data, tmp_path):
    falls(
        Pose(network("mixste", MIXSTE), data, data, {"position": 1.0}, 8), tmp_path, precision="bf16", optimiser="muon"
    )


def test_a_folder_of_another_network_is_refused(data, tmp_path):
    for dim in (32, 64):
        objective = Pose(network("mixste", MIXSTE | {"dim": dim}), data, data, {"position": 1.0}, 8)
        if dim == 32:
            run(objective, schedule(objective, 1), tmp_path, lambda _: None)
    with pytest.raises(UsageError, match="of another network"):
        run(objective, schedule(objective, 2), tmp_path, lambda _: None)


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.toml")), ids=lambda p: p.stem)
def test_recipes_build_published_networks_and_schedules(path):
    """All but the data: the network's keywords, the schedule's keys."""
    recipe = read(path.stem)
    assert recipe["about"]
    table = {k: v for k, v in recipe["network"].items() if k not in ("name", "units", "window")}
    with torch.device("meta"):
        assert sum(p.numel() for p in build(recipe["network"]["name"], **table).parameters()) > 1e6
    Schedule(**recipe["schedule"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["dim=3"], "must be TABLE.KEY=VALUE"),
        (["schedule.speed=3"], "has no speed"),
        (["network.size=3"], "size"),
        (["schedule.optimiser=sgd"], "there are adamw"),
    ],
)
def test_wrong_changes_are_named(changes, message, tmp_path):
    with pytest.raises(UsageError, match=message):
        prepare(read("mixste_h36m", changes), tmp_path)


def test_a_wrong_term_is_named(data):
    with pytest.raises(ValueError, match="no term 'sharpness'; there are position"):
        Pose(network("mixste", MIXSTE), data, data, {"sharpness": 1.0}, 8)


def test_labelled_folders(tmp_path, data):
    for i, clip in enumerate(data.clips[:4]):
        folder = tmp_path / ("run" if i % 2 else "walk")
        folder.mkdir(exist_ok=True)
        header = {"fps": 30.0, "width": 1000, "height": 1000, "first_frame": 0}
        Keypoints(header, H36M_17.names, clip.keypoints_px, np.arange(clip.frames) / 30).save(folder / f"{i}.npz")
    found = read_labelled(tmp_path)
    assert sorted({clip.action for clip in found.clips}) == ["run", "walk"]
    assert len(found.clips) == 4
    with pytest.raises(InputError, match="holds no keypoints"):
        read_labelled(tmp_path / "run")


def test_what_gives_no_joints_is_no_model_for_captures(tmp_path):
    head = OnBackbone(DSTformer(frames=9, dim=32, dim_rep=32, depth=1, heads=2), ActionClass(3, dim_rep=32, hidden=16))
    torch.save({"model": head.state_dict()}, tmp_path / "action.bin")
    metadata = {
        "network": "dstformer",
        "config": "{}",
        "fps": "0",
        "commercial_use": "no",
        "licence": "",
        "head": "mesh",
    }
    weights.save(tmp_path / "mesh.safetensors", head.state_dict(), **metadata)
    for name, kind in (("action.bin", "actions"), ("mesh.safetensors", "body meshes")):
        with pytest.raises(RuntimeUnfitError, match=f"a network for {kind}, which gives no joint positions"):
            weights.read(tmp_path / name)


@pytest.mark.parametrize(("began", "saved"), [("yes", "yes"), ("unknown", "unknown"), ("no", "no")])
def test_fine_tuning_does_not_launder_a_licence(data, tmp_path, began, saved):
    """Data of our own, weights of another's: the stricter of the two stands in the file."""
    objective = Pose(network("mixste", MIXSTE, start_use=began), data, data, {"position": 1.0}, 8)
    info = weights.describe(objective.save(objective.network, tmp_path, ""))
    assert info.commercial_use == saved
    assert (info.licence == "CC BY 4.0") is (saved == "yes")


def test_a_recipe_knows_what_it_began_from(tmp_path):
    torch.save({"model_pos": build("mixste", **MIXSTE).state_dict()}, tmp_path / "theirs.bin")
    table = {"name": "mixste", **MIXSTE} | {"heads": 8}
    assert _network(table, tmp_path / "theirs.bin").start_use == "unknown"  # MixSTE's authors give no licence
    assert _network(table, None).start_use == "yes"
