"""MixSTE: seq2seq lifting by alternating attention over joints and over frames.

Zhang et al., "MixSTE: Seq2seq Mixed Spatio-Temporal Encoder for 3D Human Pose Estimation in Video",
CVPR 2022. Written from the paper; parameter names are those of the published checkpoints, so these load as they are.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .blocks import BLOCK_EPS, MLP, Attention, at_once, clip_shape, transform

HEAD_EPS = 1e-5  # the head's LayerNorm alone; the others have BLOCK_EPS


class Block(nn.Module):
    """Pre-norm transformer block on (B, F, J, D): see `blocks.transform`."""

    def __init__(self, dim: int, heads: int, mlp_ratio: float, qkv_bias: bool) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=BLOCK_EPS)
        self.attn = Attention(dim, heads, qkv_bias)
        self.norm2 = nn.LayerNorm(dim, eps=BLOCK_EPS)
        self.mlp = MLP(dim, int(dim * mlp_ratio))

    def forward(self, x: Tensor, over_frames: bool, drop_path: float) -> Tensor:
        return transform(x, self.norm1, self.attn, self.norm2, self.mlp, over_frames, drop_path)


class MixSTE(nn.Module):
    """All joints of all frames in, all joints of all frames out.

    Input (B, F, J, C), F at most `frames`; output (B, F, J, 3). Shorter clips use the first position embeddings.
    drop_path: the last blocks' chance to be skipped in training, the earlier ones' in proportion (published: 0.1).
    alternating: over joints and frames in turns; else all blocks over joints first, which the paper compares with.
    Raises ValueError for another number of joints, channels, or more frames than it knows.
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
        drop_path: float = 0.0,
        alternating: bool = True,
    ) -> None:
        super().__init__()
        self.frames, self.joints, self.channels_in = frames, joints, channels_in
        self.drop_path = [drop_path * i / max(depth - 1, 1) for i in range(depth)]
        self.alternating = alternating
        self.Spatial_patch_to_embedding = nn.Linear(channels_in, dim)
        self.Spatial_pos_embed = nn.Parameter(torch.zeros(1, joints, dim))
        self.Temporal_pos_embed = nn.Parameter(torch.zeros(1, frames, dim))
        self.STEblocks = nn.ModuleList(Block(dim, heads, mlp_ratio, qkv_bias) for _ in range(depth))
        self.TTEblocks = nn.ModuleList(Block(dim, heads, mlp_ratio, qkv_bias) for _ in range(depth))
        self.Spatial_norm = nn.LayerNorm(dim, eps=BLOCK_EPS)  # shared by all blocks
        self.Temporal_norm = nn.LayerNorm(dim, eps=BLOCK_EPS)
        self.head = nn.Sequential(nn.LayerNorm(dim, eps=HEAD_EPS), nn.Linear(dim, 3))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))

    def features(self, x: Tensor) -> Tensor:
        """(B, F, J, D) what the head, and any further head, reads."""
        clip_shape(x, "MixSTE", self.frames, self.joints, self.channels_in)
        return torch.cat([self._encode(part) for part in x.split(at_once(x, self.Spatial_pos_embed.shape[-1]))])

    def _encode(self, x: Tensor) -> Tensor:
        F = x.shape[1]
        x = self.Spatial_patch_to_embedding(x) + self.Spatial_pos_embed  # (B, F, J, D)
        steps = [(over_frames, i) for i in range(len(self.STEblocks)) for over_frames in (False, True)]
        for over_frames, i in steps if self.alternating else sorted(steps):
            if over_frames and i == 0:
                x = x + self.Temporal_pos_embed[:, :F, None]
            block = (self.TTEblocks if over_frames else self.STEblocks)[i]
            norm = self.Temporal_norm if over_frames else self.Spatial_norm
            x = norm(block(x, over_frames, self.drop_path[i] if self.training else 0.0))
        return x
