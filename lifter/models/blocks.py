"""What the attention networks have in common: the transformer block on (B, F, J, D), and the check of their input."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

BLOCK_EPS = 1e-6  # of the LayerNorms in and after blocks, as published
LARGEST = 32 * 2**20  # bytes: what glibc's malloc keeps for later; larger blocks are fetched anew, page by page


class Attention(nn.Module):
    """Multi-head self-attention over the tokens of (N, T, D), before `proj`. Raises ValueError when the heads do not
    divide D."""

    def __init__(self, dim: int, heads: int, qkv_bias: bool) -> None:
        super().__init__()
        if heads < 1 or dim % heads:
            raise ValueError(f"dim {dim} is not a multiple of heads {heads}")
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim, bias=qkv_bias)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        N, T, D = x.shape
        parts = self.qkv(x.reshape(-1, D)).view(N, T, 3, self.heads, D // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)  # (N, H, T, d) each
        if self.training and x.device.type == "cpu":
            # The fused kernel's backward in bf16 is several times slower than this on CPUs.
            weights = ((query * query.shape[-1] ** -0.5) @ key.transpose(-2, -1)).softmax(-1)  # (N, H, T, T)
            mixed = weights @ value
        else:
            mixed = functional.scaled_dot_product_attention(query, key, value)
        return mixed.transpose(1, 2).reshape(N, T, D)


class MLP(nn.Module):
    """(..., D) to its hidden numbers, before `fc2`."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, hidden)
        self.fc2 = nn.Linear(hidden, dim)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.fc1(x)
        return functional.gelu(hidden) if torch.is_grad_enabled() else torch.ops.aten.gelu_(hidden)


def transform(
    x: Tensor, norm1: nn.Module, attn: Attention, norm2: nn.Module, mlp: MLP, over_frames: bool, drop_path: float = 0.0
) -> Tensor:
    """A pre-norm transformer block on (B, F, J, D), over the frames of each joint or the joints of each frame.

    drop_path: the chance that one such row of tokens skips a half of the block in training. Where no gradient is wanted
    the result is written over x.
    """
    tokens = norm1(x).transpose(1, 2) if over_frames else norm1(x)  # (B, J, F, D) or (B, F, J, D)
    mixed = attn(tokens.flatten(0, 1)).view(tokens.shape)
    x = _add(x, mixed.transpose(1, 2) if over_frames else mixed, attn.proj, over_frames, drop_path)
    return _add(x, mlp(norm2(x)), mlp.fc2, over_frames, drop_path)


def _add(x: Tensor, y: Tensor, linear: nn.Linear, over_frames: bool, drop_path: float) -> Tensor:
    """x + linear(y), (B, F, J, D)."""
    if torch.is_grad_enabled() or drop_path or torch.is_autocast_enabled(x.device.type):
        y = linear(y)
        if drop_path:
            rows = (x.shape[0], 1, x.shape[2], 1) if over_frames else (*x.shape[:2], 1, 1)
            y = y * (y.new_empty(rows).bernoulli_(1 - drop_path) / (1 - drop_path))
        return x + y
    # In place: no copy of the bias and no second pass over x, a twentieth of MixSTE's time on CPUs.
    x.view(-1, x.shape[-1]).addmm_(y.reshape(-1, y.shape[-1]), linear.weight.t())
    return x.add_(linear.bias)


def at_once(x: Tensor, dim: int) -> int:
    """How many clips of (B, F, J, C) a network of width D runs through at once: all, but on CPUs without gradients so
    few that its largest tensor (..., 3·D) stays under LARGEST: a fifth less time a frame for four windows of MixSTE."""
    if x.device.type != "cpu" or torch.is_grad_enabled():
        return len(x)
    return max(LARGEST // (x.shape[1:3].numel() * 3 * dim * 4), 1)


def clip_shape(x: Tensor, network: str, frames: int, joints: int, channels: int) -> torch.Size:
    """The shape (B, F, J, C) of a clip, F at most `frames`. Raises ValueError with both shapes when it is another."""
    if x.ndim != 4 or x.shape[2:] != (joints, channels) or not 0 < x.shape[1] <= frames:
        raise ValueError(f"input is {tuple(x.shape)}; this {network} takes (B, 1..{frames}, {joints}, {channels})")
    return x.shape
