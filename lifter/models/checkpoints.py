"""Which network a user's own checkpoint of MixSTE, MotionBERT or VideoPose3D holds: told from its keys and shapes.

MotionBERT's networks for actions and body meshes are a DSTformer with a head, `backbone.…` and `head.…`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..contract.protocol import RuntimeUnfitError
from . import build
from .catalogue import known
from .dstformer import DSTformer
from .heads import ActionClass, ActionEmbed, MeshHead, OnBackbone
from .unpickle import listed, load

ATTENTION_HEADS = 8  # of every published attention network
HOLDERS = ("model_pos", "model", "state_dict")  # where the weights lie: pose, MotionBERT's heads, other trainers
TITLES = {"mixste": "MixSTE", "dstformer": "MotionBERT's DSTformer", "videopose3d": "VideoPose3D"}
MARKS = {  # first parts of keys that no other of these networks has
    "mixste": {"STEblocks", "TTEblocks"},
    "dstformer": {"blocks_st", "blocks_ts"},
    "videopose3d": {"expand_conv", "layers_conv", "shrink"},
}
SIZES = {  # where to read a configuration: key, axis
    "mixste": {
        "frames": ("Temporal_pos_embed", 1), "joints": ("Spatial_pos_embed", 1), "dim": ("Temporal_pos_embed", 2),
        "channels_in": ("Spatial_patch_to_embedding.weight", 1), "hidden": ("STEblocks.0.mlp.fc1.weight", 0),
    },
    "dstformer": {
        "frames": ("temp_embed", 1), "joints": ("pos_embed", 1), "dim": ("temp_embed", 3),
        "channels_in": ("joints_embed.weight", 1), "hidden": ("blocks_st.0.mlp_s.fc1.weight", 0),
        "dim_rep": ("pre_logits.fc.weight", 0),
    },
    "action_class": {"hidden": ("fc1.weight", 0), "classes": ("fc2.weight", 0)},
    "action_embed": {"hidden": ("fc1.weight", 0)},
    "mesh": {"hidden": ("fc1.weight", 0)},
}  # fmt: skip
HEADS: dict[str, Callable[..., nn.Module]] = {
    "action_class": ActionClass, "action_embed": ActionEmbed, "mesh": MeshHead,
}  # fmt: skip


@dataclass(frozen=True)
class Checkpoint:
    """The weights of one file, for `models.build(network, **config)`.

    head: action_class | action_embed | mesh where a head of heads.py stands on that network, made with head_config; such
    a network gives no joint positions. state, trajectory_state: float32 on the CPU, with our keys; the second is
    VideoPose3D's trajectory model (the same configuration with joints_out = 1) where the file has one.
    commercial_use: yes | no | unknown.
    """

    path: Path
    network: str
    config: dict[str, Any]
    head: str | None
    head_config: dict[str, Any]
    state: dict[str, Tensor]
    trajectory_state: dict[str, Tensor] | None
    licence: str
    commercial_use: str


def read(path: Path | str, *, trained_by_user: bool = False, **overrides: Any) -> Checkpoint:
    """Read a `.bin`, `.pth` or `.pt` file, in torch's zip format or the older one.

    overrides: keywords of `build` that shapes cannot tell: heads (the published 8 unless given), causal (not), dropout,
    VideoPose3D's channels_in (2, or 3 for odd sizes) and dense (what fits). trained_by_user: these are not the
    authors' weights, so the authors' licence says nothing about them. Raises RuntimeUnfitError naming the file and what
    is wrong with it: no checkpoint, cut short, a refused global, another network, missing, extra or odd keys.
    """
    path, trajectory = Path(path), None
    content = load(path)
    try:
        if not isinstance(content, dict):
            raise ValueError(f"holds a {type(content).__name__}, not a dictionary of weights")
        holder = next((key for key in HOLDERS if key in content), None)
        state = _plain(content[holder] if holder else content)
        network, config, head, head_config = recognise(state, **overrides)
        if network == "videopose3d" and holder and content.get("model_traj") is not None:
            trajectory = _plain(content["model_traj"])
            _compare(_without_numbers(network, config | {"joints_out": 1}), trajectory)
    except ValueError as error:
        raise RuntimeUnfitError(f"{path}: {error}. Name a checkpoint of {', '.join(TITLES.values())}.") from error
    theirs = next((model.licence, model.commercial_use) for model in known() if model.network == network)
    use = ("unknown, trained by its user", "unknown") if trained_by_user else theirs
    return Checkpoint(path, network, config, head, head_config, state, trajectory, *use)


def to_network(checkpoint: Checkpoint, *, trajectory: bool = False) -> nn.Module:
    """The network with a copy of the weights: float32, on the CPU, in eval mode; with its head an `OnBackbone`.

    trajectory: VideoPose3D's second network, which gives the root alone. Raises RuntimeUnfitError where the file has
    none.
    """
    config, state = checkpoint.config, checkpoint.state
    if trajectory:
        if checkpoint.trajectory_state is None:
            raise RuntimeUnfitError(f"{checkpoint.path}: no trajectory model in it. Name a semi-supervised checkpoint.")
        config, state = config | {"joints_out": 1}, checkpoint.trajectory_state
    network = _without_numbers(checkpoint.network, config, checkpoint.head, checkpoint.head_config)
    network = network.to_empty(device="cpu")
    counters = {key: torch.zeros(()) for key in network.state_dict() if _optional(key)}
    network.load_state_dict(counters | state)
    return network.eval()


def recognise(state: Mapping[str, Tensor], **overrides: Any) -> tuple[str, dict[str, Any], str | None, dict[str, Any]]:
    """The network's name and its configuration for `build`; its head's name or None and that one's configuration.

    From keys and shapes alone: meta tensors will do. overrides: as of `read`. Raises ValueError naming what is missing,
    extra or of another shape.
    """
    head, head_config = None, {}
    prefix = "backbone." if any(key.startswith("backbone.") for key in state) else ""
    parts = {key.removeprefix(prefix).partition(".")[0] for key in state}
    network = next((name for name, marks in MARKS.items() if parts & marks), None)
    if network is None:
        raise ValueError(f"weights of another network, with keys such as {listed(state)}")
    title = TITLES[network] + (" with a head" if prefix else "")
    try:
        config = _convolutions(state, overrides) if network == "videopose3d" else _attention(network, state, prefix)
        config |= overrides
        if prefix:
            head, head_config = _head(state, config)
        _compare(_without_numbers(network, config, head, head_config), state)
    except ValueError as error:
        raise ValueError(f"{title}, but {error}") from error
    return network, config, head, head_config


def _attention(network: str, state: Mapping[str, Tensor], prefix: str) -> dict[str, Any]:
    config = _sizes(network, state, prefix)
    hidden, dim = config.pop("hidden"), config["dim"]
    ratio = hidden / dim
    config["mlp_ratio"] = ratio if int(dim * ratio) == hidden else math.nextafter(ratio, math.inf)  # `build` cuts
    config["depth"] = len(_indices(state, MARKS[network], prefix))
    config["heads"] = ATTENTION_HEADS
    if network == "mixste":
        config["qkv_bias"] = any(key.endswith(".qkv.bias") for key in state)
    else:
        config["fuse"] = any(key.startswith(f"{prefix}ts_attn.") for key in state)
    return config


def _convolutions(state: Mapping[str, Tensor], given: Mapping[str, Any]) -> dict[str, Any]:
    layers = (len(_indices(state, {"layers_conv", "layers_bn"})) + 1) // 2  # a wide and a single convolution each
    wide = ["expand_conv.weight", *(f"layers_conv.{2 * i}.weight" for i in range(layers))]
    kernels = [_size(state, key, 2) for key in wide]
    # A dense kernel reaches over the frames that a sparse one leaves out: 3, 7, 19 can be widths 3, 3, 3. Kernels that
    # all fit this are taken for dense ones; `dense=False` says otherwise.
    widths, fits = kernels[:1], True
    for kernel in kernels[1:]:
        steps, rest = divmod(kernel - 1, math.prod(widths))
        widths, fits = [*widths, steps + 1], fits and not rest
    dense, inputs = given.get("dense", fits and widths != kernels), _size(state, "expand_conv.weight", 1)
    channels_in = given.get("channels_in", 2 + inputs % 2)  # x, y; d-pt-243.bin alone reads confidence too, 3 x 17
    return {
        "joints_in": inputs // channels_in,
        "channels_in": channels_in,
        "joints_out": _size(state, "shrink.weight", 0) // 3,
        "widths": tuple(widths if dense else kernels),
        "channels": _size(state, "expand_conv.weight", 0),
        "causal": False,
        "dense": dense,
    }


def _head(state: Mapping[str, Tensor], config: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    kind = (
        "mesh" if "head.head_pose.weight" in state else "action_class" if "head.fc2.weight" in state else "action_embed"
    )
    return kind, {"joints": config["joints"], "dim_rep": config["dim_rep"], **_sizes(kind, state, "head.")}


def _without_numbers(
    network: str, config: Mapping[str, Any], head: str | None = None, head_config: Mapping[str, Any] | None = None
) -> nn.Module:
    with torch.device("meta"):
        made = build(network, **config)
        return OnBackbone(made, HEADS[head](**(head_config or {}))) if head and isinstance(made, DSTformer) else made


def _compare(network: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Raises ValueError naming the keys and shapes that the network does not have."""
    expected = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    found = {key: tuple(value.shape) for key, value in state.items()}
    missing = [key for key in expected if key not in found and not _optional(key)]
    extra = [key for key in found if key not in expected]
    odd = [f"{key} {found[key]} not {shape}" for key, shape in expected.items() if found.get(key, shape) != shape]
    faults = [("missing", missing), ("extra", extra), ("of another shape", odd)]
    if any(keys for _, keys in faults):
        raise ValueError("with keys " + "; ".join(f"{what}: {listed(keys)}" for what, keys in faults if keys))


def _plain(state: Any) -> dict[str, Tensor]:
    """float32 tensors by keys without DataParallel's `module.` and without SMPL's own arrays. Raises ValueError for
    anything else."""
    if not isinstance(state, dict) or not state or not all(isinstance(key, str) for key in state):
        raise ValueError(f"no named weights in it but a {type(state).__name__}")
    prefix = "module." if all(key.startswith("module.") for key in state) else ""
    state = {key.removeprefix(prefix): value for key, value in state.items()}
    state = {key: value for key, value in state.items() if not key.startswith("head.smpl.")}
    for key, value in state.items():
        plain = isinstance(value, Tensor) and value.layout is torch.strided and value.device.type == "cpu"
        if not plain or not (value.is_floating_point() or _optional(key)):
            raise ValueError(f"entry {listed([key])} is no tensor of weights; the entries are {listed(state)}")
        if not torch.isfinite(value.float()).all():
            raise ValueError(f"weights {listed([key])} are not all finite numbers")
    return {key: value.detach().float() for key, value in state.items()}


def _optional(key: str) -> bool:
    return key.endswith(".num_batches_tracked")  # unknown before torch 0.4.1; inference does not use it


def _sizes(name: str, state: Mapping[str, Tensor], prefix: str) -> dict[str, Any]:
    return {size: _size(state, prefix + key, axis) for size, (key, axis) in SIZES[name].items()}


def _size(state: Mapping[str, Tensor], key: str, axis: int) -> int:
    shape = tuple(state[key].shape) if key in state else None
    if shape is None or len(shape) <= axis or not shape[axis]:
        raise ValueError(f"with keys missing: {listed([key])}" if shape is None else f"{key} has shape {shape}")
    return shape[axis]


def _indices(state: Mapping[str, Tensor], lists: Iterable[str], prefix: str = "") -> set[str]:
    starts = tuple(f"{prefix}{name}." for name in lists)
    return {key.removeprefix(prefix).split(".")[1] for key in state if key.startswith(starts)}
