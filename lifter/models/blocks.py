"""What the attention networks have in common: self-attention, the perceptron after it, the check of their input."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

BLOCK_EPS = 1e-6  # of the LayerNorms in and after blocks, as published


class Attention(nn.Module):
    """Multi-head self-attention over the tokens of (N, T, D). Raises ValueError when the heads do not divide D."""

    def __init__(self, dim: int, heads: int, qkv_bias: bool) -> None:
        super().__init__()
        if heads < 1 or dim % heads:
            raise ValueError(f"dim {dim} is not a multiple of heads {heads}")
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim, bias=qkv_bias)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        N, T, D = x.shape
        query, key, value = self.qkv(x).view(N, T, 3, self.heads, D // self.heads).permute(2, 0, 3, 1, 4)  # (N,H,T,d)
        if self.training and x.device.type == "cpu":
            # The fused kernel's backward in bf16 is several times slower than this on CPUs.
            weights = ((query * query.shape[-1] ** -0.5) @ key.transpose(-2, -1)).softmax(-1)  # (N, H, T, T)
            mixed = weights @ value
        else:
            mixed = functional.scaled_dot_product_attention(query, key, value)
        return self.proj(mixed.transpose(1, 2).reshape(N, T, D))


class MLP(nn.Module):
    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, hidden)
        self.fc2 = nn.Linear(hidden, dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(functional.gelu(self.fc1(x)))


def clip_shape(x: Tensor, network: str, frames: int, joints: int, channels: int) -> torch.Size:
    """The shape (B, F, J, C) of a clip, F at most `frames`. Raises ValueError with both shapes when it is another."""
    if x.ndim != 4 or x.shape[2:] != (joints, channels) or not 0 < x.shape[1] <= frames:
        raise ValueError(f"input is {tuple(x.shape)}; this {network} takes (B, 1..{frames}, {joints}, {channels})")
    return x.shape
