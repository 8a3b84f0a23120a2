"""The one door to safetensors: tensors by name, and text that says what they are.

The package is asked for only when a file is: training needs torch and numpy alone until its weights are written.
"""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from ..contract.files import replacing


def read_metadata(path: Path) -> dict[str, str]:
    """Raises OSError, or ValueError for what is no such file."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as archive:
            return archive.metadata() or {}
    except SafetensorError as error:
        raise ValueError(f"SafetensorError: {error}") from error


def read_tensors(path: Path) -> dict[str, Tensor]:
    """As float32. Raises OSError, or ValueError for what is no such file."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as archive:
            return {key: archive.get_tensor(key).float() for key in archive.keys()}  # noqa: SIM118 — not a dict
    except SafetensorError as error:
        raise ValueError(f"SafetensorError: {error}") from error


def write(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    """Beside `path`, then renamed into place."""
    from safetensors.torch import save_file

    with replacing(path) as part:
        save_file({key: value.detach().cpu().contiguous() for key, value in tensors.items()}, part, metadata=metadata)
        part.chmod(0o644)  # the writer leaves it to its owner alone
