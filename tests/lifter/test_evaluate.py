"""Evaluation on small data sets of the published forms, by networks whose answers are known."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from video_to_armature.lifter import __main__ as command_line
from video_to_armature.lifter.contract.protocol import (
    Cancelled,
    Event,
    InputError,
    OutputError,
    RuntimeUnfitError,
    UsageError,
)
from video_to_armature.lifter.contract.skeleton import H36M_17
from video_to_armature.lifter.keypoint_sets import COCO_17
from video_to_armature.lifter.models import build, weights
from video_to_armature.lifter.networks import Lifter
from video_to_armature.lifter.screen import to_screen
from video_to_armature.lifter.train.cameras import project
from video_to_armature.lifter.train.datasets import Dataset
from video_to_armature.lifter.train.evaluation import Evaluator, chosen, grouped, table
from video_to_armature.lifter.train.evaluation_pictures import bones
from video_to_armature.lifter.train.readers import read
from video_to_armature.lifter.train.videopose3d_files import HUMANEVA_15

from .made_sets import h36m, humaneva, in_3dhp, mocap_file, mpi_inf_3dhp

FLIP = np.array([-1, 1, 1], np.float32)


class Remembers(nn.Module):
    """Gives for a frame of points, or its mirror image, the joints that it was told; windows of 8 frames."""

    def __init__(self, data: Dataset, joints: list[np.ndarray]) -> None:
        super().__init__()
        self.joints, self.frames, self.channels_in = len(data.joint_names), 8, 2
        points = np.concatenate([to_screen(c.keypoints_px, c.camera.width, c.camera.height) for c in data.clips])[
            ..., :2
        ]
        known = np.concatenate(joints).astype(np.float32)
        points = np.concatenate([points, points[:, data.mirror_points] * FLIP[:2]])
        known = np.concatenate([known, known[:, data.mirror_joints] * FLIP])
        self.points = nn.Parameter(torch.from_numpy(points.reshape(len(points), -1)).double())
        self.known = nn.Parameter(torch.from_numpy(known))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.known[torch.cdist(x.flatten(2).double(), self.points[None]).argmin(-1)]


def evaluator(data: Dataset, joints: list[np.ndarray], units: str = "metres", windows: str = "paper") -> Evaluator:
    info = weights.ModelInfo("known", Path("known"), "mixste", {}, 0, "no", "", "", "", "", "screen", units)
    return Evaluator(Lifter(info, Remembers(data, joints)), data, windows)


def rooted(data: Dataset) -> list[np.ndarray]:
    return [c.joints_cam - c.joints_cam[:, :1] for c in data.clips if c.joints_cam is not None]


def rows_of(e: Evaluator) -> dict[str, dict[str, float]]:
    scores = e.scores(lambda done, total: None, pytest.fail)
    return {row.name: row.errors for row in grouped(e.data, scores)}


@pytest.fixture(scope="module")
def walks(tmp_path_factory) -> Path:
    actions = (("Walking", 30), ("Walking 1", 10), ("Eating", 21))
    return h36m(tmp_path_factory.mktemp("h36m"), ("S1", "S9", "S11"), actions)


@pytest.mark.parametrize("windows", ["paper", "blended"])
def test_a_perfect_network_has_no_error(walks, windows):
    data = read("h36m", walks, "gt", "test")
    rows = rows_of(evaluator(data, rooted(data), windows=windows))
    assert list(rows) == ["Walking", "Eating", "mean"]
    assert all(value < 1e-3 for errors in rows.values() for value in errors.values())


def test_a_shift_is_measured_exactly(walks):
    """All joints but the root 30 mm to the right (in the mirrored view to its right, so that the mean keeps it)."""
    data = read("h36m", walks, "gt", "test")
    shift = np.r_[0, np.ones(16)][:, None] * [0.03, 0, 0]
    rows = rows_of(evaluator(data, [j + shift for j in rooted(data)]))
    for errors in rows.values():
        assert errors["mpjpe"] == pytest.approx(30 * 16 / 17, abs=1e-3)
        assert errors["mpjve"] == pytest.approx(0, abs=1e-3)
        assert errors["p_mpjpe"] < errors["mpjpe"] / 3


def test_what_each_figure_forgives(walks):
    data = read("h36m", walks, "gt", "test")
    rows = rows_of(evaluator(data, [1.3 * j for j in rooted(data)]))
    assert rows["mean"]["mpjpe"] > 100
    assert rows["mean"]["n_mpjpe"] < 1e-2
    assert rows["mean"]["p_mpjpe"] < 1e-2
    # 2 mm a frame along the depth, in every clip from its own start: the borders of clips count nothing
    drift = [
        j + np.arange(len(j))[:, None, None] * np.r_[0, np.ones(16)][:, None] * [0, 0, 0.002] for j in rooted(data)
    ]
    assert rows_of(evaluator(data, drift))["mean"]["mpjve"] == pytest.approx(2 * 16 / 17, abs=1e-3)


def test_actions_count_by_frames_and_the_mean_by_action(walks):
    """Walking 1 (10 frames) belongs to Walking (30); only the former is wrong, by 40 mm."""
    data = read("h36m", walks, "gt", "test")
    wrong = np.r_[0, np.ones(16)][:, None] * [0, 0.04, 0]
    joints = [j + wrong * (c.action == "Walking 1") for c, j in zip(data.clips, rooted(data), strict=True)]
    # every clip walks alike: tell the frames apart by a pixel of its own
    clips = [
        replace(c, keypoints_px=c.keypoints_px + np.array([i, 0, 0], np.float32)) for i, c in enumerate(data.clips)
    ]
    rows = rows_of(evaluator(replace(data, clips=tuple(clips)), joints))
    each = 40 * 16 / 17
    assert rows["Walking"]["mpjpe"] == pytest.approx(each * 10 / 40, abs=1e-3)
    assert rows["Eating"]["mpjpe"] == pytest.approx(0, abs=1e-3)
    assert rows["mean"]["mpjpe"] == pytest.approx(each / 8, abs=1e-3)


def test_picture_units_get_the_true_scale(walks):
    """x, y on the screen and depth in the same unit at the root's distance, as MotionBERT is trained and evaluated."""
    data = read("h36m", walks, "gt", "test")
    joints = []
    for clip in data.clips:
        assert clip.joints_cam is not None
        screen = torch.from_numpy(clip.camera.screen)
        flat = project(torch.from_numpy(clip.joints_cam), screen).numpy()
        deep = (
            (clip.joints_cam - clip.joints_cam[:, :1])[..., 2:] * float(screen[:2].mean()) / clip.joints_cam[:, :1, 2:]
        )
        joints.append(np.concatenate([flat, deep], -1))
    e = evaluator(data, joints, "image")
    assert all(value < 1e-3 for value in rows_of(e)["mean"].values())
    assert any("picture units" in note for note in e.notes)
    # 1 % of the picture's half width at the root: about 45 mm at 5.2 m
    off = [j + np.r_[0, np.ones(16)][:, None] * [0, 0.01, 0] for j in joints]
    depth = np.concatenate(
        [c.joints_cam[:, 0, 2] for c in data.clips if c.joints_cam is not None and c.action == "Eating"]
    )
    expected = 16 / 17 * 10 * depth.mean() / (1146 * 2 / 1000)
    assert rows_of(evaluator(data, off, "image"))["Eating"]["mpjpe"] == pytest.approx(expected, rel=0.01)


def test_3dhp_counts_valid_frames_and_14_joints(tmp_path):
    data = read("3dhp", mpi_inf_3dhp(tmp_path), split="test")
    truth = in_3dhp(15) - in_3dhp(15)[:, :1]
    rows = rows_of(evaluator(data, [truth] * 6))
    assert list(rows) == ["TS1", "TS2", "TS3", "TS4", "TS5", "TS6", "all frames"]
    assert rows["all frames"]["pck"] == 100
    assert rows["TS5"]["auc"] == pytest.approx(100 * 30 / 31)
    # the wrist is 160 mm off, the left-out nose 1 m: 13 of 14 joints count as found
    off = np.zeros((17, 3))
    off[H36M_17.index("left_wrist")] = 0, 0.16, 0
    off[H36M_17.index("nose")] = 0, 1, 0
    rows = rows_of(evaluator(data, [truth + off] * 6))
    assert rows["all frames"]["pck"] == pytest.approx(100 * 13 / 14)
    assert rows["all frames"]["mpjpe"] == pytest.approx(1160 / 17, abs=1e-2)
    scores = evaluator(data, [truth] * 6).scores(lambda *_: None, pytest.fail)
    assert [score.frames for _, score in scores] == [10] * 6


def test_humaneva_by_subject_and_action(tmp_path):
    actions = ("Jog 1 chunk0", "Jog 1 chunk2", "Box 1 chunk0", "Gestures 1 chunk0")
    data = chosen(read("humaneva", humaneva(tmp_path, HUMANEVA_15, "gt", actions), "gt", "test"), [])
    rows = rows_of(evaluator(data, rooted(data)))
    assert list(rows) == ["S1 Jog", "S1 Box", "S2 Jog", "S2 Box", "S3 Jog", "S3 Box", "mean"]
    assert rows["mean"]["mpjpe"] < 1e-3


def test_coco_detections_reach_networks_that_read_h36m(tmp_path):
    """A network of 17 H36M joints on HumanEva's 15, from COCO points: by name, and converted as it was trained."""
    data = read("humaneva", humaneva(tmp_path, COCO_17, "detectron_pt_coco"), split="test")
    info = weights.ModelInfo("n", Path("n"), "mixste", {}, 0, "no", "", "", "H36M_17", "H36M_17", "screen", "metres")
    network = build("mixste", frames=9, joints=17, dim=16, depth=1, heads=2).eval()
    predicted, true, kept = Evaluator(Lifter(info, network), data).compare(data.clips[0])
    assert predicted.shape == true.shape == (20, 15, 3)
    assert len(kept) == 20


def test_networks_of_other_joints_are_refused_in_one_line(walks):
    data = read("h36m", walks, "gt", "test")
    info = weights.ModelInfo("n", Path("n.bin"), "videopose3d", {}, 0, "no", "", "", "", "", "screen", "metres")
    small = build("videopose3d", joints_in=15, channels_in=2, joints_out=17, widths=[3], channels=8)
    with pytest.raises(RuntimeUnfitError, match=r"n\.bin: reads 15 points a frame, h36m .* has 17"):
        Evaluator(Lifter(info, small), data)
    small = build("videopose3d", joints_in=17, channels_in=2, joints_out=15, widths=[3], channels=8)
    with pytest.raises(RuntimeUnfitError, match=r"n\.bin: gives 15 joints, h36m has 17"):
        Evaluator(Lifter(info, small), data)
    with pytest.raises(InputError, match=r"no subject 'S12'; there are S1, S11, S9"):
        chosen(read("h36m", walks, "gt"), ["S12"])


def test_it_stops_when_asked(walks):
    data = read("h36m", walks, "gt", "test")

    def stop(done: int, total: int) -> None:
        if done:
            raise Cancelled(f"{done} of {total}")

    with pytest.raises(Cancelled, match="30 of 488"):
        evaluator(data, rooted(data)).scores(stop, pytest.fail)


def silent(path: Path, network: str = "videopose3d") -> Path:
    """Weights of a network that says that all joints are at the root."""
    made = {
        "videopose3d": {"joints_in": 17, "channels_in": 2, "joints_out": 17, "widths": [3, 3], "channels": 16},
        "mixste": {"frames": 9, "joints": 17, "channels_in": 2, "dim": 16, "depth": 1, "heads": 2},
    }[network]
    state = build(network, **made).state_dict()
    for key in ("shrink.weight", "shrink.bias", "head.1.weight", "head.1.bias"):
        if key in state:
            state[key].zero_()
    weights.save(
        path, state, network=network, config=json.dumps(made), fps="50", commercial_use="no", licence="none",
        joints_in="H36M_17", joints_out="H36M_17", view="screen", units="metres",
    )  # fmt: skip
    return path


def evaluate(*arguments: object) -> list[str]:
    """What the command prints."""
    a = command_line._parser().parse_args(["evaluate", "--device", "cpu", *map(str, arguments)])
    said: list[Event] = []
    a.command(a, said.append, lambda: False)
    return said[-1].fields["outputs"]


@pytest.mark.parametrize("network", ["videopose3d", "mixste"])
def test_the_command_by_hand(walks, tmp_path, network):
    """All joints at the root: MPJPE is the mean distance of the joints from it, MPJVE their mean speed."""
    model, pictures = silent(tmp_path / "silent.safetensors", network), tmp_path / "pictures"
    where = "--data", "h36m", "--folder", walks, "--detector", "gt"
    record = json.loads(evaluate("--model", model, *where, "--json", "--pictures", pictures)[0])
    eating = record["rows"][1]
    joints = [
        c.joints_cam - c.joints_cam[:, :1]
        for c in read("h36m", walks, "gt", "test").clips
        if c.action == "Eating" and c.joints_cam is not None
    ]
    assert (eating["name"], eating["frames"]) == ("Eating", 8 * 21)
    assert eating["mpjpe"] == pytest.approx(1000 * np.mean([np.linalg.norm(j, axis=-1) for j in joints]), rel=1e-5)
    speed = np.mean([np.linalg.norm(np.diff(j, axis=0), axis=-1) for j in joints])
    assert eating["mpjve"] == pytest.approx(1000 * speed, rel=1e-4)
    middle = np.mean([np.linalg.norm(j - j.mean(1, keepdims=True), axis=-1) for j in joints])
    assert eating["p_mpjpe"] == pytest.approx(1000 * middle, rel=1e-4)
    assert record["clips"] == 24
    for name in ("best", "median", "worst"):
        assert (pictures / f"{name}.png").read_bytes()[:4] == b"\x89PNG"


def test_the_command_says_what_is_wrong(walks, tmp_path):
    model = silent(tmp_path / "silent.safetensors")
    with pytest.raises(RuntimeUnfitError, match=r"none\.bin: no such model"):
        evaluate("--model", tmp_path / "none.bin", "--data", "h36m", "--folder", walks)
    with pytest.raises(UsageError, match="--data with --folder"):
        evaluate("--data", "h36m")
    with pytest.raises(UsageError, match="does not see rays"):
        evaluate("--model", model, "--mocap", tmp_path / "val.npz")
    (tmp_path / "taken").write_text("")
    where = "--data", "h36m", "--folder", walks, "--detector", "gt"
    with pytest.raises(OutputError, match="taken: no folder"):
        evaluate("--model", model, *where, "--pictures", tmp_path / "taken")
    command = [sys.executable, "-m", "lifter", "evaluate", "--model", model, "--data", "h36m", "--folder", walks]
    root = Path(command_line.__file__).parent.parent
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 3
    there = "data_2d_h36m_cpn_ft_h36m_dbb.npz: no such file; detections in this folder: data_2d_h36m_gt."
    assert done.stderr.splitlines() == [f"error: {walks / there}"]


def test_our_own_model_on_simulated_cameras(tmp_path):
    """The bundled weights see rays and give BODY_27."""
    mocap_file(tmp_path / "val.npz", (60,))
    record = json.loads(evaluate("--data", "mocap", "--folder", tmp_path, "--json")[0])
    assert [row["name"] for row in record["rows"]] == ["cmu_05", "mean"]
    assert 20 < record["rows"][0]["n_mpjpe"] < 150
    assert any("one body size" in note for note in record["notes"])


@pytest.mark.slow
def test_our_own_model_on_clean_and_noisy_views(tmp_path):
    lines = evaluate("--mocap", mocap_file(tmp_path / "val.npz"))
    assert [line.split()[0] for line in lines] == ["set", "clean", "noisy", "seen", "told", "millimetres,"]


def test_the_table_reads_well(walks):
    data = read("h36m", walks, "gt", "test")
    scores = evaluator(data, rooted(data)).scores(lambda *_: None, pytest.fail)
    lines = table(grouped(data, scores))
    assert lines[0].split() == ["frames", "MPJPE", "P-MPJPE", "N-MPJPE", "MPJVE"]
    assert lines[-1].split()[:2] == ["mean", "488"]
    assert len({len(line) for line in lines}) == 1


@pytest.mark.parametrize(("names", "loose"), [(H36M_17.names, 1), (HUMANEVA_15, 1), (COCO_17, 1)])
def test_pictures_join_all_joints(names, loose):
    pairs = bones(names)
    assert len(pairs) == len(names) - loose
    assert {names[b] for _, b in pairs} | {names[0]} == set(names)
