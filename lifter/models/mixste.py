"""MixSTE: seq2seq lifting by alternating attention over joints and over frames.

Zhang et al., "MixSTE: Seq2seq Mixed Spatio-Temporal Encoder for 3D Human Pose Estimation in Video",
CVPR 2022. Written from the paper; parameter names are those of the published checkpoints, so these load as they are.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .blocks import BLOCK_EPS, MLP, Attention, clip_shape

HEAD_EPS = 1e-5  # the head's LayerNorm alone; the others have BLOCK_EPS


class Block(nn.Module):
    """Pre-norm transformer block."""

    def __init__(self, dim: int, heads: int, mlp_ratio: float, qkv_bias: bool) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=BLOCK_EPS)
        self.attn = Attention(dim, heads, qkv_bias)
        self.norm2 = nn.LayerNorm(dim, eps=BLOCK_EPS)
        self.mlp = MLP(dim, int(dim * mlp_ratio))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class MixSTE(nn.Module):
    """All joints of all frames in, all joints of all frames out.

    Input (B, F, J, C), F at most `frames`; output (B, F, J, 3). Shorter clips use the first position
    embeddings. Raises ValueError for another number of joints, channels, or more frames than it knows.
    """

    def __init__(
        self,
        frames: int = 243,
        joints: int = 17,
        channels_in: int = 2,
        dim: int = 512,
        depth: int = 8,
        heads: int = 8,
        mlp_ratio: float = 2.0,
        qkv_bias: bool = True,
    ) -> None:
        super().__init__()
        self.frames, self.joints, self.channels_in = frames, joints, channels_in
        self.Spatial_patch_to_embedding = nn.Linear(channels_in, dim)
        self.Spatial_pos_embed = nn.Parameter(torch.zeros(1, joints, dim))
        self.Temporal_pos_embed = nn.Parameter(torch.zeros(1, frames, dim))
        self.STEblocks = nn.ModuleList(Block(dim, heads, mlp_ratio, qkv_bias) for _ in range(depth))
        self.TTEblocks = nn.ModuleList(Block(dim, heads, mlp_ratio, qkv_bias) for _ in range(depth))
        self.Spatial_norm = nn.LayerNorm(dim, eps=BLOCK_EPS)  # shared by all blocks
        self.Temporal_norm = nn.LayerNorm(dim, eps=BLOCK_EPS)
        self.head = nn.Sequential(nn.LayerNorm(dim, eps=HEAD_EPS), nn.Linear(dim, 3))

    def forward(self, x: Tensor) -> Tensor:
        B, F, J, _ = clip_shape(x, "MixSTE", self.frames, self.joints, self.channels_in)
        D = self.Spatial_pos_embed.shape[-1]
        x = self.Spatial_patch_to_embedding(x) + self.Spatial_pos_embed  # (B, F, J, D)
        for i, (over_joints, over_frames) in enumerate(zip(self.STEblocks, self.TTEblocks, strict=True)):
            x = self.Spatial_norm(over_joints(x.reshape(B * F, J, D)))
            x = x.view(B, F, J, D).transpose(1, 2)  # (B, J, F, D)
            if i == 0:
                x = x + self.Temporal_pos_embed[:, None, :F]
            x = self.Temporal_norm(over_frames(x.reshape(B * J, F, D)))
            x = x.view(B, J, F, D).transpose(1, 2)  # (B, F, J, D)
        return self.head(x)  # (B, F, J, 3)
