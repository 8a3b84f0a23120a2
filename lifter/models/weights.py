"""Which weight files exist, and how a network is made from one.

Ours are safetensors with the configuration in their metadata; a published checkpoint says less, and checkpoints.py and
catalogue.py fill in the rest.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from ..contract.protocol import RuntimeUnfitError, UsageError
from . import build, catalogue, checkpoints, tensor_files
from .side import Certainty, SideHeads

WEIGHTS = Path(__file__).resolve().parent.parent / "weights"
DEFAULT = "mixste_body27"
SIDE = "_side"
INPUT_JOINTS = {"h36m": "H36M_17", "coco": "COCO_17"}  # sets of 17 points: shapes cannot tell which one is meant
PUBLISHED_VIEW = {  # of weights whose file name the catalogue does not know: view, units
    "mixste": ("screen", "metres"),
    "videopose3d": ("screen", "metres"),
    "dstformer": ("crop", "image"),
}


@dataclass(frozen=True)
class ModelInfo:
    """What a weight file says of itself, or is known of it.

    fps: the frame rate that rays are brought to; other views run at the clip's own. joints_in, joints_out: names of
    keypoint_sets.SETS. view: rays (rays.py), screen or crop (screen.py). units: of the output from its root, metres, or
    image: one unit for x, y and depth, that of the input.
    """

    name: str
    path: Path
    network: str
    config: dict[str, Any]
    fps: float
    commercial_use: str  # yes | no | unknown
    licence: str
    sha256: str
    joints_in: str = "BODY_27"
    joints_out: str = "BODY_27"
    view: str = "rays"
    units: str = "metres"


def available() -> list[ModelInfo]:
    """The models that ship."""
    return [describe(path) for path in _shipped()]


def _shipped() -> list[Path]:
    return sorted(path for path in WEIGHTS.glob("*.safetensors") if not path.stem.endswith(SIDE))


def side_file(path: Path) -> Path:
    """Where the side heads of a weight file are, if it has some."""
    return path.with_name(f"{path.stem}{SIDE}.safetensors")


def find(name_or_file: str) -> Path:
    """The file of a shipped model's name, or the file itself. Raises RuntimeUnfitError naming what there is."""
    shipped = WEIGHTS / f"{name_or_file}.safetensors"
    if shipped.is_file():
        return shipped
    if Path(name_or_file).is_file():
        return Path(name_or_file)
    names = ", ".join(p.stem for p in _shipped()) or "none"
    raise RuntimeUnfitError(
        f"{name_or_file}: no such model or file. Shipped models: {names}. Reinstall or name a file."
    )


def read(path: Path, input_joints: str | None = None) -> tuple[ModelInfo, nn.Module]:
    """Any weight file: what is known of it, and its network (float32, on the CPU, in eval mode).

    input_joints: h36m or coco, where the file does not tell and its name is not the authors'. Raises RuntimeUnfitError
    for the file, UsageError for weights that leave no choice of points.
    """
    if _is_safetensors(path):
        info = describe(path)
        network = load(info)
    else:
        info, network = _read_published(path)
    if input_joints is not None:
        if info.joints_in not in INPUT_JOINTS.values():
            raise UsageError(f"--input-joints {input_joints}: {path.name} reads {info.joints_in}. Leave it out.")
        info = replace(info, joints_in=INPUT_JOINTS[input_joints])
    return info, network


def describe(path: Path) -> ModelInfo:
    """Read the metadata of a safetensors file. Raises RuntimeUnfitError."""
    try:
        metadata = tensor_files.read_metadata(path)
        _refuse_head(path, metadata.get("head"))
        fed = {key: metadata[key] for key in ("joints_in", "joints_out", "view", "units") if key in metadata}
        return ModelInfo(
            path.stem, path, metadata["network"], json.loads(metadata["config"]), float(metadata["fps"]),
            metadata["commercial_use"], metadata["licence"], _sha256(path), **fed,
        )  # fmt: skip
    except (OSError, KeyError, ValueError) as error:
        raise RuntimeUnfitError(
            f"{path}: not weights of this program ({type(error).__name__}: {error}). Reinstall, or name another file."
        ) from error


def load(info: ModelInfo) -> nn.Module:
    """The network of a safetensors file with its weights, float32, on the CPU, in eval mode.

    Raises RuntimeUnfitError naming odd keys.
    """
    try:
        network = build(info.network, **info.config)
        network.load_state_dict(tensor_files.read_tensors(info.path))
    except (OSError, ValueError, RuntimeError) as error:
        raise _unfit(info.path, error) from error
    return network.eval()


def load_side(info: ModelInfo, dim: int) -> tuple[SideHeads, Certainty] | None:
    """The side heads of a network of width `dim`, where its file has some beside it. Raises RuntimeUnfitError."""
    path = side_file(info.path)
    if not path.is_file():
        return None
    try:
        certainty = Certainty(*json.loads(tensor_files.read_metadata(path)["certainty"]))
        heads = SideHeads(dim)
        heads.load_state_dict(tensor_files.read_tensors(path))
    except (OSError, KeyError, ValueError, TypeError, RuntimeError) as error:
        raise _unfit(path, error) from error
    return heads.eval(), certainty


def _unfit(path: Path, error: Exception) -> RuntimeUnfitError:
    return RuntimeUnfitError(f"{path}: {' '.join(str(error).split())}. Reinstall, or name another file.")


def save(path: Path, state: dict[str, Tensor], **metadata: str) -> None:
    """Write a weight file beside `path` and rename it into place."""
    tensor_files.write(path, state, metadata)


def metadata_of(network: str, config: dict[str, Any], fps: float, trained: str) -> dict[str, str]:
    """Metadata of weights trained here on CMU's motions."""
    return {
        "network": network,
        "config": json.dumps(config),
        "fps": str(fps),
        "commercial_use": "yes",
        "licence": "CC BY 4.0",
        "credit": "The data used in this project was obtained from mocap.cs.cmu.edu. "
        "The database was created with funding from NSF EIA-0196217.",
        "trained": trained,
    }


def _read_published(path: Path) -> tuple[ModelInfo, nn.Module]:
    """A user's own checkpoint of one of the three projects. Raises RuntimeUnfitError."""
    found = checkpoints.read(path)
    _refuse_head(path, found.head)
    known = catalogue.by_file(path)
    info = ModelInfo(
        path.stem, path, found.network, found.config, 0.0, found.commercial_use, found.licence, _sha256(path),
        "H36M_17", "H36M_17", *PUBLISHED_VIEW[found.network],
    )  # fmt: skip
    if known is not None and known.network == found.network:
        fields = ("joints_in", "joints_out", "view", "units", "licence", "commercial_use")
        info = replace(info, **{field: getattr(known, field) for field in fields})
    return info, checkpoints.to_network(found)


def _refuse_head(path: Path, head: str | None) -> None:
    if head:
        kind = "body meshes" if head == "mesh" else "actions"
        raise RuntimeUnfitError(f"{path}: a network for {kind}, which gives no joint positions. Name one for poses.")


def _is_safetensors(path: Path) -> bool:
    """By content: after eight bytes of length comes JSON. Torch's files are zips or pickles."""
    with suppress(OSError), path.open("rb") as stream:
        return stream.read(9)[8:] == b"{"
    return False  # and checkpoints.py says why it cannot be read


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
