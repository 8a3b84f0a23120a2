"""Which weight files exist, and how a network is made from one: safetensors with the configuration in its metadata."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from ..contract.files import replacing
from ..contract.protocol import RuntimeUnfitError
from . import build

WEIGHTS = Path(__file__).resolve().parent.parent / "weights"
DEFAULT = "mixste_body27"


@dataclass(frozen=True)
class ModelInfo:
    """What a weight file says of itself. `fps` is the frame rate that its windows were trained at."""

    name: str
    path: Path
    network: str
    config: dict[str, Any]
    fps: float
    commercial_use: str  # yes | no | unknown
    licence: str
    sha256: str


def available() -> list[ModelInfo]:
    """The models that ship."""
    return [describe(path) for path in sorted(WEIGHTS.glob("*.safetensors"))]


def find(name_or_file: str) -> Path:
    """The file of a shipped model's name, or the file itself. Raises RuntimeUnfitError naming what there is."""
    shipped = WEIGHTS / f"{name_or_file}.safetensors"
    if shipped.is_file():
        return shipped
    if Path(name_or_file).is_file():
        return Path(name_or_file)
    names = ", ".join(p.stem for p in sorted(WEIGHTS.glob("*.safetensors"))) or "none"
    raise RuntimeUnfitError(
        f"{name_or_file}: no such model or file. Shipped models: {names}. Reinstall or name a file."
    )


def describe(path: Path) -> ModelInfo:
    """Read the metadata of a weight file. Raises RuntimeUnfitError."""
    try:
        with safe_open(path, "pt") as archive:
            metadata = archive.metadata() or {}
        return ModelInfo(
            path.stem, path, metadata["network"], json.loads(metadata["config"]), float(metadata["fps"]),
            metadata["commercial_use"], metadata["licence"], hashlib.sha256(path.read_bytes()).hexdigest(),
        )  # fmt: skip
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise RuntimeUnfitError(
            f"{path}: not weights of this program ({type(error).__name__}: {error}). Reinstall, or name another file."
        ) from error


def load(info: ModelInfo) -> nn.Module:
    """The network with its weights, float32, on the CPU, in eval mode. Raises RuntimeUnfitError naming odd keys."""
    try:
        network = build(info.network, **info.config)
        with safe_open(info.path, "pt") as archive:
            state = {key: archive.get_tensor(key).float() for key in archive.keys()}  # noqa: SIM118 — not a dict
        network.load_state_dict(state)
    except (OSError, SafetensorError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise RuntimeUnfitError(f"{info.path}: {reason}. Reinstall, or name another file.") from error
    return network.eval()


def save(path: Path, state: dict[str, Tensor], **metadata: str) -> None:
    """Write a weight file beside `path` and rename it into place."""
    with replacing(path) as part:
        save_file({key: value.contiguous() for key, value in state.items()}, part, metadata=metadata)
        part.chmod(0o644)  # the writer leaves it to its owner alone


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
