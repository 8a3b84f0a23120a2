"""DSTformer: attention over joints and over frames in both orders at once, fused token by token.

Zhu et al., "MotionBERT: A Unified Perspective on Learning Human Motion Representations", ICCV 2023, section 3.2.
Written from the paper; parameter names are those of the published checkpoints, so these load as they are.
The networks for actions and body meshes put a head of `heads.py` on its representation.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn

from .blocks import BLOCK_EPS, MLP, Attention, at_once, clip_shape, transform

INIT_STD = 0.02  # of linear weights and embeddings, as published


class DualBlock(nn.Module):
    """Two pre-norm transformer blocks on (B, F, J, D): over the joints of each frame (keys `_s`), over the frames of
    each joint (keys `_t`)."""

    def __init__(self, dim: int, heads: int, mlp_ratio: float, joints_first: bool) -> None:
        super().__init__()
        self.joints_first = joints_first
        self.norm1_s = nn.LayerNorm(dim, eps=BLOCK_EPS)
        self.norm1_t = nn.LayerNorm(dim, eps=BLOCK_EPS)
        self.attn_s = Attention(dim, heads, qkv_bias=True)
        self.attn_t = Attention(dim, heads, qkv_bias=True)
        self.norm2_s = nn.LayerNorm(dim, eps=BLOCK_EPS)
        self.norm2_t = nn.LayerNorm(dim, eps=BLOCK_EPS)
        self.mlp_s = MLP(dim, int(dim * mlp_ratio))
        self.mlp_t = MLP(dim, int(dim * mlp_ratio))

    def forward(self, x: Tensor) -> Tensor:
        for over_frames in (False, True) if self.joints_first else (True, False):
            if over_frames:
                x = transform(x, self.norm1_t, self.attn_t, self.norm2_t, self.mlp_t, over_frames)
            else:
                x = transform(x, self.norm1_s, self.attn_s, self.norm2_s, self.mlp_s, over_frames)
        return x


class DSTformer(nn.Module):
    """All joints of all frames in, all joints of all frames out.

    Input (B, F, J, C), F at most `frames`; output (B, F, J, 3). Shorter clips use the first time embeddings. `fuse`:
    the weights of the two orders are learned for each token, else both count half. Defaults: the published release;
    its lite form has dim 256 and mlp_ratio 4. Raises ValueError for another number of joints, channels, or more
    frames than it knows.
    """

    def __init__(
        self,
        frames: int = 243,
        joints: int = 17,
        channels_in: int = 3,
        dim: int = 512,
        dim_rep: int = 512,
        depth: int = 5,
        heads: int = 8,
        mlp_ratio: float = 2.0,
        fuse: bool = True,
    ) -> None:
        super().__init__()
        self.frames, self.joints, self.channels_in = frames, joints, channels_in
        self.joints_embed = nn.Linear(channels_in, dim)
        self.pos_embed = nn.Parameter(torch.empty(1, joints, dim))
        self.temp_embed = nn.Parameter(torch.empty(1, frames, 1, dim))
        self.blocks_st = nn.ModuleList(DualBlock(dim, heads, mlp_ratio, joints_first=True) for _ in range(depth))
        self.blocks_ts = nn.ModuleList(DualBlock(dim, heads, mlp_ratio, joints_first=False) for _ in range(depth))
        self.ts_attn = nn.ModuleList(nn.Linear(2 * dim, 2) for _ in range(depth)) if fuse else None
        self.norm = nn.LayerNorm(dim, eps=BLOCK_EPS)
        self.pre_logits = nn.Sequential(OrderedDict(fc=nn.Linear(dim, dim_rep), act=nn.Tanh()))
        self.head = nn.Linear(dim_rep, 3)
        self._initialise()

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.representation(x))  # (B, F, J, 3)

    def representation(self, x: Tensor) -> Tensor:
        """What the heads read: (B, F, J, C) to (B, F, J, dim_rep), each number in -1..1. Raises as `forward` does."""
        clip_shape(x, "DSTformer", self.frames, self.joints, self.channels_in)
        return torch.cat([self._represent(part) for part in x.split(at_once(x, self.joints_embed.out_features))])

    def _represent(self, x: Tensor) -> Tensor:
        F = x.shape[1]
        x = self.joints_embed(x) + self.pos_embed + self.temp_embed[:, :F]  # (B, F, J, D)
        for i, (joints_first, frames_first) in enumerate(zip(self.blocks_st, self.blocks_ts, strict=True)):
            st, ts = joints_first(x.clone()), frames_first(x)  # blocks may write over what they are given
            if self.ts_attn is None:
                x = (st + ts) / 2
            else:
                share = self.ts_attn[i](torch.cat((st, ts), -1)).softmax(-1)  # (B, F, J, 2)
                x = st * share[..., :1] + ts * share[..., 1:]
        return self.pre_logits(self.norm(x))  # (B, F, J, R)

    def _initialise(self) -> None:
        """As published; the fusion starts as the plain mean of the two orders."""
        for embedding in (self.pos_embed, self.temp_embed):
            nn.init.trunc_normal_(embedding, std=INIT_STD)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=INIT_STD)
                nn.init.zeros_(module.bias)
        for fusion in self.ts_attn or ():
            assert isinstance(fusion, nn.Linear)
            nn.init.zeros_(fusion.weight)
            nn.init.constant_(fusion.bias, 0.5)
