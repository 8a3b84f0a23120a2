"""MotionBERT's fine-tuning for actions: which action a clip shows (class), or how alike two clips are (embed).

Zhu et al., ICCV 2023, section 4.4. The head's parameters learn faster than the backbone's (`Schedule.head_factor`).
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ..contract.protocol import InputError
from ..models import weights
from ..models.dstformer import DSTformer
from ..models.heads import ActionClass, ActionEmbed, OnBackbone
from . import losses
from .datasets import Dataset
from .pose import LICENCE, Network, strictest

AT_ONCE = 32  # clips that `check` looks at


class Actions:
    """A head on a DSTformer, from clips whose `action` is the label.

    embed: unit vectors, drawn together by label, instead of scores. names of the actions: those of the training
    clips, sorted. Raises InputError when there is but one.
    """

    def __init__(
        self,
        backbone: Network,
        train: Dataset,
        held_out: Dataset,
        batch: int,
        seed: int = 0,
        embed: bool = False,
        hidden: int = 2048,
        dropout: float = 0.5,
        mirror: bool = True,
    ) -> None:
        self.names = tuple(sorted({clip.action for clip in train.clips}))
        if len(self.names) < 2:
            raise InputError(f"{train.name}: all clips show '{''.join(self.names)}'. Name at least two actions.")
        assert isinstance(backbone.module, DSTformer)
        joints, dim_rep = len(train.point_names), int(backbone.config["dim_rep"])
        if embed:
            head: nn.Module = ActionEmbed(joints, dim_rep, hidden, dropout)
        else:
            head = ActionClass(len(self.names), joints, dim_rep, hidden, dropout)
        self.network = OnBackbone(backbone.module, head)
        self._how, self._embed, self._batch, self._seed = backbone, embed, batch, seed
        self._windows = backbone.sampler(train, max(backbone.frames // 2, 1), mirror, self.names)
        self._held_out = backbone.sampler(held_out, backbone.frames, False, self.names)
        self.steps = -(-len(self._windows) // batch)

    def loss(self, network: nn.Module, step: int, epoch: float, device: torch.device) -> dict[str, Tensor]:
        """Cross entropy, or the contrast of embeddings, of the step's batch."""
        windows = self._windows.batch(self._seed, step, self._batch)
        label = torch.from_numpy(windows.label).to(device)
        found = network(torch.from_numpy(windows.points).to(device)[:, None]).float()
        if self._embed:
            return {"contrast": losses.supervised_contrast(found, label)}
        return {"cross_entropy": functional.cross_entropy(found, label)}

    @torch.inference_mode()
    def check(self, network: nn.Module) -> dict[str, float]:
        """Per cent of the held-out windows with the right action: best score, or that of the likest other window."""
        device = next(network.parameters()).device
        found: list[Tensor] = []
        label: list[np.ndarray] = []
        for at in range(0, len(self._held_out), AT_ONCE):
            windows = self._held_out.take(np.arange(at, min(at + AT_ONCE, len(self._held_out))))
            found.append(network(torch.from_numpy(windows.points).to(device)[:, None]).float().cpu())
            label.append(windows.label)
        output, true = torch.cat(found), torch.from_numpy(np.concatenate(label))
        if self._embed:
            nearest = (output @ output.T).fill_diagonal_(-torch.inf).argmax(1)
            guess = true[nearest]
        else:
            guess = output.argmax(1)
        return {"accuracy": 100 * float((guess == true).float().mean())}

    def save(self, network: nn.Module, folder: Path, trained: str) -> Path:
        """weights.safetensors with the backbone's configuration, the head and the actions in its metadata."""
        path, use = folder / "weights.safetensors", strictest("unknown", self._how.start_use)
        state = {key: value.detach().cpu() for key, value in network.state_dict().items()}
        weights.save(
            path, state, network="dstformer", config=json.dumps(dict(self._how.config)), fps="0",
            head="action_embed" if self._embed else "action_class", actions=json.dumps(self.names),
            commercial_use=use, licence=LICENCE[use], trained=trained,
        )  # fmt: skip
        return path
