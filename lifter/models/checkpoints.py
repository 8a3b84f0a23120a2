"""What a user's own checkpoint of MixSTE, MotionBERT or VideoPose3D holds, read without running anything in it.

These files are pickles, which can name any function of Python and call it. `torch.load(weights_only=True)` calls
torch's rebuilders of tensors alone; what the published files hold beside the weights (numpy's random state and
numbers) becomes `_Discarded`, so nothing of numpy is called either. Any other name is refused.
"""

from __future__ import annotations

import io
import math
import pickletools
import re
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..contract.protocol import RuntimeUnfitError
from . import build

HEADS = 8  # of every published attention network
LISTED = 5  # names that a message gives before it counts the rest
TITLES = {"mixste": "MixSTE", "dstformer": "MotionBERT's DSTformer", "videopose3d": "VideoPose3D"}
USE = {  # of the authors' weights: licence, commercial use
    "mixste": ("none given by its authors", "unknown"),
    "dstformer": ("trained on data for non-commercial use only", "no"),
    "videopose3d": ("CC BY-NC", "no"),
}
MARKS = {  # first parts of keys that no other of these networks has
    "mixste": {"STEblocks", "TTEblocks"},
    "dstformer": {"blocks_st", "blocks_ts"},
    "videopose3d": {"expand_conv", "layers_conv", "shrink"},
}
SIZES = {  # where to read the attention networks' configuration: key, axis
    "mixste": {
        "frames": ("Temporal_pos_embed", 1), "joints": ("Spatial_pos_embed", 1), "dim": ("Temporal_pos_embed", 2),
        "channels_in": ("Spatial_patch_to_embedding.weight", 1), "hidden": ("STEblocks.0.mlp.fc1.weight", 0),
    },
    "dstformer": {
        "frames": ("temp_embed", 1), "joints": ("pos_embed", 1), "dim": ("temp_embed", 3),
        "channels_in": ("joints_embed.weight", 1), "hidden": ("blocks_st.0.mlp_s.fc1.weight", 0),
        "dim_rep": ("pre_logits.fc.weight", 0),
    },
}  # fmt: skip
NUMPY_NAMES = (
    *("numpy.ndarray", "numpy.dtype", "numpy.core.multiarray._reconstruct", "numpy.core.multiarray.scalar"),
    *("numpy._core.multiarray._reconstruct", "numpy._core.multiarray.scalar"),  # since 2.0
    "numpy.random.__RandomState_ctor",  # before 1.17
    *("numpy.random._pickle.__randomstate_ctor", "numpy.random._pickle.__bit_generator_ctor"),
    *("numpy.random._mt19937.MT19937", "numpy.random.bit_generator.SeedSequence"),  # since 2.0, and the next
    "numpy.random.bit_generator.__pyx_unpickle_SeedSequence",
)


@dataclass(frozen=True)
class Checkpoint:
    """The weights of one file, for `models.build(network, **config)`.

    state, trajectory_state: float32 on the CPU, with the keys of `build`; the second is VideoPose3D's trajectory model
    (the same configuration with joints_out = 1) where the file has one. commercial_use: yes | no | unknown.
    """

    path: Path
    network: str
    config: dict[str, Any]
    state: dict[str, Tensor]
    trajectory_state: dict[str, Tensor] | None
    licence: str
    commercial_use: str


def read(path: Path | str, *, trained_by_user: bool = False, **overrides: Any) -> Checkpoint:
    """Read a `.bin`, `.pth` or `.pt` file, in torch's zip format or the older one.

    overrides: keywords of `build` that shapes cannot tell: heads (the published 8 unless given), causal (not), dropout,
    VideoPose3D's channels_in (2) and dense (what fits). trained_by_user: these are not the authors' weights, so
    the authors' licence says nothing about them. Raises RuntimeUnfitError naming the file and what is wrong with it: no
    checkpoint, cut short, a refused global, another network, missing, extra or odd keys.
    """
    path, trajectory = Path(path), None
    content = _load(path)
    try:
        if not isinstance(content, dict):
            raise ValueError(f"holds a {type(content).__name__}, not a dictionary of weights")
        holder = next((key for key in ("model_pos", "model", "state_dict") if key in content), None)
        state = _plain(content[holder] if holder else content)
        network, config = recognise(state, **overrides)
        if network == "videopose3d" and holder and content.get("model_traj") is not None:
            trajectory = _plain(content["model_traj"])
            _compare(network, config | {"joints_out": 1}, trajectory)
    except ValueError as error:
        raise RuntimeUnfitError(f"{path}: {error}. Name a pose checkpoint of {', '.join(TITLES.values())}.") from error
    use = ("unknown, trained by its user", "unknown") if trained_by_user else USE[network]
    return Checkpoint(path, network, config, state, trajectory, *use)


def to_network(checkpoint: Checkpoint, *, trajectory: bool = False) -> nn.Module:
    """The network with a copy of the weights: float32, on the CPU, in eval mode. trajectory: VideoPose3D's second
    network, which gives the root alone. Raises RuntimeUnfitError where the file has none."""
    config, state = checkpoint.config, checkpoint.state
    if trajectory:
        if checkpoint.trajectory_state is None:
            raise RuntimeUnfitError(f"{checkpoint.path}: no trajectory model in it. Name a semi-supervised checkpoint.")
        config, state = config | {"joints_out": 1}, checkpoint.trajectory_state
    network = _without_numbers(checkpoint.network, config).to_empty(device="cpu")
    counters = {key: torch.zeros(()) for key in network.state_dict() if _optional(key)}
    network.load_state_dict(counters | state)
    return network.eval()


def recognise(state: Mapping[str, Tensor], **overrides: Any) -> tuple[str, dict[str, Any]]:
    """The network's name and its configuration for `build`, from keys and shapes alone: meta tensors will do.

    overrides: as of `read`. Raises ValueError naming what is missing, extra or of another shape.
    """
    parts = {key.partition(".")[0] for key in state}
    if "backbone" in parts:
        raise ValueError("MotionBERT's network for actions or body meshes, which gives no joint positions")
    network = next((name for name, marks in MARKS.items() if parts & marks), None)
    if network is None:
        raise ValueError(f"weights of another network, with keys such as {_listed(state)}")
    try:
        config = _convolutions(state, overrides) if network == "videopose3d" else _attention(network, state)
        config |= overrides
        _compare(network, config, state)
    except ValueError as error:
        raise ValueError(f"{TITLES[network]}, but {error}") from error
    return network, config


def _attention(network: str, state: Mapping[str, Tensor]) -> dict[str, Any]:
    config: dict[str, Any] = {name: _size(state, key, axis) for name, (key, axis) in SIZES[network].items()}
    hidden, dim = config.pop("hidden"), config["dim"]
    ratio = hidden / dim
    config["mlp_ratio"] = ratio if int(dim * ratio) == hidden else math.nextafter(ratio, math.inf)  # `build` cuts
    config["depth"] = len(_indices(state, MARKS[network]))
    config["heads"] = HEADS
    if network == "mixste":
        config["qkv_bias"] = any(key.endswith(".qkv.bias") for key in state)
    else:
        config["fuse"] = any(key.startswith("ts_attn.") for key in state)
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
    dense, channels_in = given.get("dense", fits and widths != kernels), given.get("channels_in", 2)
    return {
        "joints_in": _size(state, "expand_conv.weight", 1) // channels_in,
        "channels_in": channels_in,
        "joints_out": _size(state, "shrink.weight", 0) // 3,
        "widths": tuple(widths if dense else kernels),
        "channels": _size(state, "expand_conv.weight", 0),
        "causal": False,
        "dense": dense,
    }


def _compare(network: str, config: Mapping[str, Any], state: Mapping[str, Tensor]) -> None:
    """Raises ValueError naming the keys and shapes that the network does not have."""
    expected = {key: tuple(value.shape) for key, value in _without_numbers(network, config).state_dict().items()}
    found = {key: tuple(value.shape) for key, value in state.items()}
    missing = [key for key in expected if key not in found and not _optional(key)]
    extra = [key for key in found if key not in expected]
    odd = [f"{key} {found[key]} not {shape}" for key, shape in expected.items() if found.get(key, shape) != shape]
    faults = [("missing", missing), ("extra", extra), ("of another shape", odd)]
    if any(keys for _, keys in faults):
        raise ValueError("with keys " + "; ".join(f"{what}: {_listed(keys)}" for what, keys in faults if keys))


def _plain(state: Any) -> dict[str, Tensor]:
    """float32 tensors by keys without DataParallel's `module.`. Raises ValueError for anything else."""
    if not isinstance(state, dict) or not state or not all(isinstance(key, str) for key in state):
        raise ValueError(f"no named weights in it but a {type(state).__name__}")
    for key, value in state.items():
        plain = isinstance(value, Tensor) and value.layout is torch.strided and value.device.type == "cpu"
        if not plain or not (value.is_floating_point() or _optional(key)):
            raise ValueError(f"entry {_listed([key])} is no tensor of weights; the entries are {_listed(state)}")
        if not torch.isfinite(value.float()).all():
            raise ValueError(f"weights {_listed([key])} are not all finite numbers")
    prefix = "module." if all(key.startswith("module.") for key in state) else ""
    return {key.removeprefix(prefix): value.detach().float() for key, value in state.items()}


def _load(path: Path) -> Any:
    """The content of a file, with numpy's things discarded. Raises RuntimeUnfitError."""
    try:
        stream = path.open("rb")
    except OSError as error:
        raise RuntimeUnfitError(f"{path}: cannot be read ({error.strerror}). Name another file.") from error
    try:
        with stream, _only_numpy_allowed(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about pickle protocols that end in an error anyway
            return torch.load(stream, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged bytes make the unpickler raise nearly anything
        found = re.search(r"GLOBAL (\S+)", str(error))
        refused = found[1] if found else _foreign_name(path)
        reason = f"empty, cut short or no checkpoint of torch ({type(error).__name__}). Fetch it again"
        if refused:
            reason = f"refused: it names {_listed([refused])}, which weights do not need and which could run code. Ask"
            reason += " for the weights alone (a state_dict)"
        raise RuntimeUnfitError(f"{path}: {reason}, or name another file.") from error


@contextmanager
def _only_numpy_allowed() -> Iterator[None]:
    """Adds numpy's names, as `_Discarded`, to those of torch's rebuilders, and takes away what other modules added:
    torch.distributed's classes do more in their constructors than weights need."""
    others = torch.serialization.get_safe_globals()
    torch.serialization.clear_safe_globals()
    try:
        with torch.serialization.safe_globals([(_Discarded, name) for name in NUMPY_NAMES]):
            yield
    finally:
        torch.serialization.add_safe_globals(others)


def _foreign_name(path: Path) -> str | None:
    """What a file asks for that weights do not need, where torch's reader refuses it without telling: in other pickle
    protocols. Its codes are listed, not followed."""
    needed = re.compile(
        r"torch\.(\w*Storage|Size|device|_utils\._rebuild_\w+)|collections\.OrderedDict|_codecs\.encode"
    )
    try:
        stream = io.BytesIO(path.read_bytes())
        if zipfile.is_zipfile(stream):
            with zipfile.ZipFile(stream) as archive:
                stream = io.BytesIO(archive.read(next(n for n in archive.namelist() if n.endswith("data.pkl"))))
        stream.seek(0)
        for _ in range(4):  # the older format has three small pickles before the one that counts
            strings = ["", ""]
            for code, argument, _ in pickletools.genops(stream):
                if code.name in ("GLOBAL", "INST", "STACK_GLOBAL"):
                    name = str(argument).replace(" ", ".") if argument else ".".join(strings[-2:])
                    if name not in NUMPY_NAMES and not needed.fullmatch(name):
                        return name
                elif isinstance(argument, str):
                    strings.append(argument)
    except Exception:  # damaged: refused all the same, with no name to tell
        return None
    return None


class _Discarded:
    """Stands for anything of numpy in a file: takes what numpy's own would take, does nothing, keeps nothing."""

    def __new__(cls, *_: object) -> _Discarded:
        return object.__new__(cls)

    def __init__(self, *_: object) -> None:
        pass

    def __setstate__(self, _: object) -> None:
        pass


def _without_numbers(network: str, config: Mapping[str, Any]) -> nn.Module:
    with torch.device("meta"):
        return build(network, **config)


def _optional(key: str) -> bool:
    return key.endswith(".num_batches_tracked")  # unknown before torch 0.4.1; inference does not use it


def _size(state: Mapping[str, Tensor], key: str, axis: int) -> int:
    shape = tuple(state[key].shape) if key in state else None
    if shape is None or len(shape) <= axis or not shape[axis]:
        raise ValueError(f"with keys missing: {_listed([key])}" if shape is None else f"{key} has shape {shape}")
    return shape[axis]


def _indices(state: Mapping[str, Tensor], lists: Iterable[str]) -> set[str]:
    return {key.split(".")[1] for key in state if key.startswith(tuple(f"{name}." for name in lists))}


def _listed(names: Iterable[str]) -> str:
    """Names out of a file for a message: some of them, without line breaks or control characters."""
    names = list(names)
    rest = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(ascii(str(name)[:100])[1:-1] for name in names[:LISTED]) + rest
