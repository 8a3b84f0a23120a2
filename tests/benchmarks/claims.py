"""What the three papers claim, tried in small: same data and CPU time for each side, several seeds.

    python tests/benchmarks/claims.py --mocap ../shared/mocap --folder runs/claims [--minutes 3] [--seeds 3] [--only NAME …]

Every run is one thread and its minutes are of the CPU, so that a busy machine changes nothing but the wait. Runs that
are done are not repeated. Ends with the table of lifter/models/README.md.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from video_to_armature.lifter import metrics
from video_to_armature.lifter.contract.skeleton import H36M_17
from video_to_armature.lifter.models import build
from video_to_armature.lifter.models.videopose3d import VideoPose3D
from video_to_armature.lifter.train.data import load_mocap
from video_to_armature.lifter.train.datasets import Dataset
from video_to_armature.lifter.train.loop import Objective, Schedule, run
from video_to_armature.lifter.train.pose import Network, Pose, target
from video_to_armature.lifter.train.pretrain import Pretrain
from video_to_armature.lifter.train.semi import Semi
from video_to_armature.lifter.train.simulated import simulated

FRAMES_A_STEP = 432  # that attention networks see
POSES_A_STEP = 512  # that VideoPose3D gives
LABELLED = 0.1  # share of frames with 3D where labels are few
MIXSTE_TERMS = {"position": 1.0, "temporal": 0.5, "velocity": 2.0}
MOTIONBERT_TERMS = {"position": 1.0, "scaled_position": 0.5, "velocity": 20.0}
# So narrow a network starts with outputs near zero, where the scale-free term's gradient drowns the others for minutes.
PRETRAINING_TERMS = {"position": 1.0, "velocity": 20.0}
COMPARISONS = (
    ("MixSTE against VideoPose3D, 27 frames", "mixste_27", "videopose3d_27"),
    ("all frames of a window against its middle one", "mixste_27", "mixste_27_middle"),
    ("alternating blocks against spatial, then temporal", "mixste_27", "spatial_then_temporal_27"),
    ("81 frames against 27", "mixste_81", "mixste_27"),
    ("semi-supervised against supervised, 10 % of labels", "semi_10", "supervised_10"),
    ("pre-trained against from scratch, 10 % of labels", "pretrained_10", "scratch_10"),
)


@dataclasses.dataclass(frozen=True)
class Data:
    train: Dataset
    held_out: Dataset

    def split(self, seed: int) -> tuple[Dataset, Dataset]:
        """Clips with 3D, and those without, of the training set."""
        order = np.random.default_rng(seed).permutation(len(self.train.clips))
        labelled, frames = set[int](), 0
        for i in order:
            if frames < LABELLED * self.train.frames:
                labelled.add(int(i))
                frames += self.train.clips[i].frames
        parts = ([c for i, c in enumerate(self.train.clips) if (i in labelled) is with_3d] for with_3d in (True, False))
        first, second = (dataclasses.replace(self.train, clips=tuple(clips)) for clips in parts)
        return first, second


def mixste(frames: int, middle: bool = False, alternating: bool = True) -> Network:
    config = {"frames": frames, "joints": 17, "channels_in": 2, "dim": 64, "depth": 3, "heads": 4}
    config["alternating"] = alternating
    return Network(_initialised(build("mixste", **config)), "mixste", config, middle=middle)


def dstformer() -> Network:
    config = {"frames": 27, "joints": 17, "channels_in": 3, "dim": 64, "dim_rep": 64, "depth": 2, "heads": 4}
    return Network(build("dstformer", **config), "dstformer", config, units="image")


def videopose3d(joints_out: int = 17) -> Network:
    config = {"joints_in": 17, "channels_in": 2, "joints_out": joints_out, "widths": (3, 3, 3), "channels": 256}
    return Network(build("videopose3d", **config), "videopose3d", config)


def _initialised(network: nn.Module) -> nn.Module:
    """Small weights, as is usual for transformers; Muon wants them so."""
    for name, parameter in network.named_parameters():
        if name.endswith("pos_embed") or (parameter.ndim == 2 and "norm" not in name):
            nn.init.trunc_normal_(parameter, std=0.02)
    return network


def make(name: str, seed: int, data: Data, minutes: float, folder: Path) -> tuple[Network, Objective, Schedule]:
    torch.manual_seed(seed)
    attention = Schedule(
        minutes=minutes, clock="cpu", optimiser="muon", rate=4e-3, cosine=True, warm_up=0.05, weight_decay=0.05,
        betas=(0.9, 0.98), precision="bf16", clip_norm=1.0, average=0.99, seed=seed, threads=1,
    )  # fmt: skip
    convolution = dataclasses.replace(
        attention, optimiser="amsgrad", rate=1e-3, betas=(0.9, 0.999), precision="fp32", clip_norm=None, average=0.0
    )
    few, rest = data.split(seed)

    def all_frames(how: Network, train: Dataset, terms: dict[str, float]) -> Objective:
        return Pose(how, train, data.held_out, terms, FRAMES_A_STEP // how.frames, seed, hop=9)

    def poses(how: Network, train: Dataset) -> Objective:
        return Pose(how, train, data.held_out, {"position": 1.0}, POSES_A_STEP, seed)

    if name in ("mixste_27", "mixste_81"):
        how = mixste(int(name[-2:]))
        return how, all_frames(how, data.train, MIXSTE_TERMS), attention
    if name == "mixste_27_middle":
        how = mixste(27, middle=True)
        return how, all_frames(how, data.train, {"position": 1.0}), attention
    if name == "spatial_then_temporal_27":
        how = mixste(27, alternating=False)
        return how, all_frames(how, data.train, MIXSTE_TERMS), attention
    if name in ("videopose3d_27", "supervised_10"):
        how = videopose3d()
        return how, poses(how, few if name == "supervised_10" else data.train), convolution
    if name == "semi_10":
        how = videopose3d()
        batch, warm_up = POSES_A_STEP, 0.1
        objective = Semi(how, videopose3d(1), few, rest, data.held_out, H36M_17.parents, batch, seed, warm_up=warm_up)
        return how, objective, convolution
    how = dstformer()
    if name == "scratch_10":
        return how, all_frames(how, few, MOTIONBERT_TERMS), attention
    half = dataclasses.replace(attention, minutes=minutes / 2)
    before = Pretrain(how, rest, None, data.held_out, PRETRAINING_TERMS, FRAMES_A_STEP // 27, seed)
    how.module.load_state_dict(load_file(run(before, half, folder / "before", print)))
    return how, all_frames(how, few, MOTIONBERT_TERMS), half


@torch.inference_mode()
def measure(how: Network, network: nn.Module, held_out: Dataset) -> dict[str, float]:
    """Millimetres over whole held-out clips, mean over frames; and millions of multiply-adds a frame."""
    errors, counts = [], []
    for clip in held_out.clips:
        windows = how.sampler(dataclasses.replace(held_out, clips=(clip,)), 1 if how.one else how.frames, False)
        found = []
        for at in range(0, len(windows), 64):
            batch = windows.take(np.arange(at, min(at + 64, len(windows))), how.keep)
            joints = how.run(network, torch.from_numpy(batch.points)).float()
            joints_cam, screen = torch.from_numpy(batch.joints_cam), torch.from_numpy(batch.screen)
            true = target(joints_cam, screen, how.units)
            if how.units == "image":  # as published: both in metres by the root's true distance
                scale = joints_cam[..., :1, 2:] / screen[:, None, None, :2].mean(-1, keepdim=True)
                joints, true = joints * scale, true * scale
            found.append(torch.stack((joints - joints[..., :1, :], true)).flatten(1, 2))
        predicted, true = torch.cat(found, 1)[:, : clip.frames].numpy()
        errors.append(
            [metrics.mpjpe(predicted, true), metrics.p_mpjpe(predicted, true), metrics.mpjve(predicted, true)]
        )
        counts.append(clip.frames)
    mean = 1000 * np.average(errors, axis=0, weights=counts)
    convolutional = isinstance(network, VideoPose3D)  # streams: a long sequence in one go
    window = torch.zeros(1, 1000 if convolutional else how.frames, 17, 3)
    with FlopCounterMode(display=False) as counter:
        given = (network(window[..., :2]) if convolutional else how.run(network, window)).shape[1]
    work = counter.get_total_flops() / 2e6 / given
    return {**dict(zip(("mpjpe", "p_mpjpe", "mpjve"), mean.tolist())), "work": work}


def once(name: str, seed: int, data: Data, minutes: float, folder: Path) -> dict[str, Any]:
    """Train and measure one side once, or read what was measured."""
    folder = folder / f"{name}_{seed}"
    result = folder / "result.json"
    if result.is_file():
        return json.loads(result.read_text())
    how, objective, schedule = make(name, seed, data, minutes, folder)
    how.module.load_state_dict(load_file(run(objective, schedule, folder, print)))
    found = measure(how, how.module.eval(), data.held_out)
    found["parameters"] = sum(p.numel() for p in how.module.parameters())
    result.write_text(json.dumps(found))
    print(name, seed, found, flush=True)
    return found


def table(found: dict[str, list[dict[str, Any]]]) -> str:
    """Both sides of each claim: mean ± standard deviation over the seeds."""
    lines = ["| claim | side | mpjpe, mm | p_mpjpe, mm | mpjve, mm a frame | work a frame | parameters |"]
    lines.append("|---|---|---|---|---|---|---|")
    for title, *sides in COMPARISONS:
        for side in sides:
            runs = found[side]

            def spread(key: str, runs: Sequence[dict[str, Any]] = runs) -> str:
                values = [r[key] for r in runs]
                return f"{statistics.mean(values):.1f} ± {statistics.stdev(values) if len(values) > 1 else 0:.1f}"

            shared = f"{runs[0]['work']:.1f} M | {runs[0]['parameters'] / 1e6:.2f} M"
            lines.append(
                f"| {title} | `{side}` | {spread('mpjpe')} | {spread('p_mpjpe')} | {spread('mpjve')} | {shared} |"
            )
            title = ""
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mocap", type=Path, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=3.0, help="of CPU for each run")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", nargs="*", help="sides to run; the table needs all of them")
    a = parser.parse_args()
    torch.set_num_threads(1)
    data = Data(simulated(load_mocap(a.mocap / "train_00.npz"), 0), simulated(load_mocap(a.mocap / "val.npz"), 1, 1))
    names = list(dict.fromkeys(side for _, *sides in COMPARISONS for side in sides))
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for seed in range(a.seeds):
        for name in a.only or names:
            found[name].append(once(name, seed, data, a.minutes, a.folder))
    if not a.only:
        print(table(found))


if __name__ == "__main__":
    main()
