"""MotionBERT's fine-tuning for bodies: joint rotations and shape numbers from 2D.

Zhu et al., ICCV 2023, section 4.3, less the terms that need SMPL's licensed mesh. The labels are fits that the user
brings: a folder of npz files, one a clip, with

| key | shape | meaning |
|---|---|---|
| keypoints_px | (F, 17, 3) | H36M_17 x, y in pixels, confidence |
| width, height | () | of the picture, pixels |
| poses | (F, 72) | axis-angle of SMPL's 24 joints, radians, the first in camera axes |
| betas | (10,) | SMPL's shape numbers |
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ..contract.protocol import InputError
from ..models import weights
from ..models.dstformer import DSTformer
from ..models.heads import BODY_ROTATIONS, BODY_SHAPES, Body, MeshHead, OnBackbone
from ..screen import to_screen
from . import losses
from .pose import LICENCE, Network, strictest

POINTS = 17


@dataclass(frozen=True)
class Fits:
    """Clips end to end: points (N, 17, 3) screen units and confidence; rotations (N, 24, 3, 3); shape (N, 10)."""

    points: npt.NDArray[np.float32]
    rotations: npt.NDArray[np.float32]
    shape: npt.NDArray[np.float32]
    start: npt.NDArray[np.int64]
    length: npt.NDArray[np.int64]


def load_fits(folder: Path) -> Fits:
    """All npz files of a folder. Raises InputError naming the file and the key that is missing or odd."""
    paths = sorted(folder.glob("*.npz"))
    if not paths:
        raise InputError(f"{folder}: holds no npz file. Name the folder of the fits.")
    points, poses, shape = [], [], []
    for path in paths:
        try:
            with np.load(path, allow_pickle=False) as z:
                missing = {"keypoints_px", "width", "height", "poses", "betas"} - set(z.files)
                if missing:
                    raise InputError(f"{path}: lacks {', '.join(sorted(missing))}. Its form is in train/bodies.py.")
                seen = z["keypoints_px"].astype(np.float32)
                F = len(seen)
                wanted = {"keypoints_px": (F, POINTS, 3), "poses": (F, 3 * BODY_ROTATIONS), "betas": (BODY_SHAPES,)}
                for key, form in wanted.items():
                    if z[key].shape != form or not F:
                        raise InputError(f"{path}: {key} is {z[key].shape}, not {form}. Fit it again.")
                screen = to_screen(seen, float(z["width"]), float(z["height"]))
                screen[~np.isfinite(screen).all(-1)] = 0
                points.append(screen)
                poses.append(z["poses"].astype(np.float32).reshape(F, BODY_ROTATIONS, 3))
                shape.append(np.repeat(z["betas"].astype(np.float32)[None], F, 0))
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: cannot be read as npz ({error}).") from error
    length = np.array([len(p) for p in points])
    rotations = _matrices(torch.from_numpy(np.concatenate(poses))).numpy()
    return Fits(np.concatenate(points), rotations, np.concatenate(shape), np.cumsum(length) - length, length)


class Bodies:
    """A mesh head on a DSTformer; terms `rotations` (mean absolute difference of matrices) and `shape`, weighted."""

    def __init__(
        self,
        backbone: Network,
        train: Fits,
        held_out: Fits,
        terms: Mapping[str, float],
        batch: int,
        seed: int = 0,
        hidden: int = 2048,
    ) -> None:
        assert isinstance(backbone.module, DSTformer)
        head = MeshHead(POINTS, int(backbone.config["dim_rep"]), hidden)
        self.network = OnBackbone(backbone.module, head)
        self._terms = dict(terms)
        self._how, self._train, self._held_out, self._batch, self._seed = backbone, train, held_out, batch, seed
        self.steps = max(-(-int(train.length.sum()) // (batch * backbone.frames)), 1)

    def loss(self, network: nn.Module, step: int, epoch: float, device: torch.device) -> dict[str, Tensor]:
        """Both terms of the step's batch, whose windows are drawn at random."""
        rows = self._rows(self._train, np.random.default_rng((self._seed, step)), self._batch)
        body, rotations, shape = self._look(network, self._train, rows, device)
        found = {
            "rotations": losses.rotations(body.rotations.float(), rotations),
            "shape": (body.shape.float() - shape).abs().mean(),
        }
        return {name: weight * found[name] for name, weight in self._terms.items()}

    @torch.inference_mode()
    def check(self, network: nn.Module) -> dict[str, float]:
        """Mean angle between found and true rotations, degrees, and error of the shape numbers, on held-out windows."""
        rows = self._rows(self._held_out, np.random.default_rng(0), 32)
        body, rotations, shape = self._look(network, self._held_out, rows, next(network.parameters()).device)
        trace = (body.rotations.float() * rotations).sum((-2, -1))
        angle = ((trace - 1) / 2).clamp(-1, 1).acos().mean()
        return {"angle_deg": float(torch.rad2deg(angle)), "shape": float((body.shape.float() - shape).abs().mean())}

    def save(self, network: nn.Module, folder: Path, trained: str) -> Path:
        """weights.safetensors with the backbone's configuration in its metadata."""
        path, use = folder / "weights.safetensors", strictest("unknown", self._how.start_use)
        state = {key: value.detach().cpu() for key, value in network.state_dict().items()}
        weights.save(
            path, state, network="dstformer", config=json.dumps(dict(self._how.config)), fps="0", head="mesh",
            commercial_use=use, licence=LICENCE[use], trained=trained,
        )  # fmt: skip
        return path

    def _rows(self, fits: Fits, rng: np.random.Generator, count: int) -> npt.NDArray[np.int64]:
        """(B, F) rows of windows; a clip that is too short is held at its end."""
        clip = rng.choice(len(fits.length), count, p=fits.length / fits.length.sum())
        room = np.maximum(fits.length[clip] - self._how.frames, 0)
        start = (rng.uniform(0, 1, count) * (room + 1)).astype(np.int64)
        frame = np.minimum(start[:, None] + np.arange(self._how.frames), fits.length[clip, None] - 1)
        return fits.start[clip, None] + frame

    @staticmethod
    def _look(
        network: nn.Module, fits: Fits, rows: npt.NDArray[np.int64], device: torch.device
    ) -> tuple[Body, Tensor, Tensor]:
        points, rotations, shape = (
            torch.from_numpy(a).to(device) for a in (fits.points[rows], fits.rotations[rows], fits.shape[rows[:, 0]])
        )
        return network(points), rotations, shape


def _matrices(axis_angle: Tensor) -> Tensor:
    """Rotation matrices (..., 3, 3) of axis times angle (..., 3), radians."""
    x, y, z = axis_angle.unbind(-1)
    zero = torch.zeros_like(x)
    skew = torch.stack((zero, -z, y, z, zero, -x, -y, x, zero), -1).unflatten(-1, (3, 3))
    return torch.linalg.matrix_exp(skew)
