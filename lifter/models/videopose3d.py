"""VideoPose3D: temporal convolutions over 2D joints, a pose for every frame that has enough neighbours.

Pavllo et al., "3D human pose estimation in video with temporal convolutions and semi-supervised training", CVPR 2019,
section 3 and appendix A. Written from the paper; parameter names are those of the published checkpoints, so these load
as they are. The trajectory model is the same network with joints_out = 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional


class VideoPose3D(nn.Module):
    """A whole sequence in, one pose for each frame whose receptive field lies inside it.

    Input (B, F, joints_in, channels_in); output (B, F - receptive_field + 1, joints_out, 3): pad a sequence at its ends
    by `padding` frames and it keeps its length. `widths`: the frames that each layer joins, odd; the layers before
    determine how far apart these are. `causal`: poses at the last frame of their field instead of the middle one.
    `dense`: the same field without gaps, a larger network made for comparison. Raises ValueError for another number of
    joints, channels, or fewer frames than the receptive field.
    """

    def __init__(
        self,
        joints_in: int = 17,
        channels_in: int = 2,
        joints_out: int = 17,
        widths: Sequence[int] = (3, 3, 3, 3, 3),
        channels: int = 1024,
        causal: bool = False,
        dense: bool = False,
        dropout: float = 0.25,
    ) -> None:
        super().__init__()
        if not widths or any(width < 1 or width % 2 == 0 for width in widths):
            raise ValueError(f"widths {list(widths)} are not one or more odd numbers")
        self.joints_in, self.channels_in, self.joints_out = joints_in, channels_in, joints_out
        self.widths, self.causal, self.dense = tuple(widths), causal, dense
        self.expand_conv = nn.Conv1d(joints_in * channels_in, channels, widths[0], bias=False)
        self.expand_bn = nn.BatchNorm1d(channels)
        self.layers_conv = nn.ModuleList()  # for each width after the first: that convolution, then one of a frame
        self.layers_bn = nn.ModuleList()
        for width, step in zip(self.widths[1:], self.steps):
            if dense:
                wide = nn.Conv1d(channels, channels, (width - 1) * step + 1, bias=False)
            else:
                wide = nn.Conv1d(channels, channels, width, dilation=step, bias=False)
            self.layers_conv.extend((wide, nn.Conv1d(channels, channels, 1, bias=False)))
            self.layers_bn.extend((nn.BatchNorm1d(channels), nn.BatchNorm1d(channels)))
        self.shrink = nn.Conv1d(channels, joints_out * 3, 1)
        self.drop = nn.Dropout(dropout)

    @property
    def receptive_field(self) -> int:
        """Frames that one pose is made from."""
        return math.prod(self.widths)

    @property
    def padding(self) -> tuple[int, int]:
        """Frames to put before and after a sequence, so that every one of its frames gets a pose."""
        missing = self.receptive_field - 1
        return (missing, 0) if self.causal else (missing // 2, missing // 2)

    @property
    def steps(self) -> list[int]:
        """Frames between two that a layer joins, for each width after the first."""
        return [math.prod(self.widths[:i]) for i in range(1, len(self.widths))]

    def forward(self, x: Tensor, one_frame: bool = False) -> Tensor:
        """With `one_frame` the input has exactly the frames of a receptive field, and steps that this one pose does
        not need are skipped: the same output from the same weights, for training on single poses (appendix A)."""
        self._check(x, one_frame)
        if x.is_cuda and not torch.is_grad_enabled() and torch.backends.cudnn.allow_tf32:
            # cuDNN would round to ten bits, which is more than a millimetre on a body.
            with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
                return self.forward(x, one_frame)
        x = x.flatten(2).transpose(1, 2)  # (B, J·C, F)
        if one_frame:
            x = functional.conv1d(x, self.expand_conv.weight, stride=self.widths[0])  # (B, D, F / width)
        else:
            x = self.expand_conv(x)  # (B, D, F - width + 1)
        x = self._activate(x, self.expand_bn)
        for i, (width, step) in enumerate(zip(self.widths[1:], self.steps)):
            wide, single = self.layers_conv[2 * i], self.layers_conv[2 * i + 1]
            now = width - 1 if self.causal else width // 2  # which of the joined frames the sum goes on with
            if one_frame:
                kept = x[..., now::width]  # (B, D, F / width)
                x = functional.conv1d(x, wide.get_parameter("weight"), stride=width)
            else:
                shorter = x.shape[-1] - (width - 1) * step
                kept = x[..., now * step : now * step + shorter]  # (B, D, F - (width - 1)·step)
                x = wide(x)
            x = self._activate(x, self.layers_bn[2 * i])
            x = kept + self._activate(single(x), self.layers_bn[2 * i + 1])
        x = self.shrink(x).transpose(1, 2)  # (B, F', J'·3)
        return x.unflatten(-1, (self.joints_out, 3))  # (B, F', J', 3)

    def _activate(self, x: Tensor, norm: nn.Module) -> Tensor:
        return self.drop(functional.relu(norm(x)))

    def _check(self, x: Tensor, one_frame: bool) -> None:
        if one_frame and self.dense:
            raise ValueError("the one-frame form skips frames, which a dense network needs")
        field = self.receptive_field
        fits = x.ndim == 4 and x.shape[2:] == (self.joints_in, self.channels_in)
        if not fits or x.shape[1] < field or (one_frame and x.shape[1] > field):
            frames = str(field) if one_frame else f"{field} or more"
            raise ValueError(
                f"input is {tuple(x.shape)}; this VideoPose3D takes (B, {frames}, {self.joints_in}, {self.channels_in})"
            )
