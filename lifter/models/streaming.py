"""VideoPose3D while the frames still come: the poses of `forward`, a frame or a chunk at a time, and nothing twice.

Each layer keeps the frames that its next step still needs. Batch norm is folded into the convolutions before it, and
these are sums of matrix products over shifted frames: the same numbers to 1e-5.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional

from .videopose3d import VideoPose3D


@dataclass
class Layer:
    """relu(sum over k of x[t + k·step] @ taps[k] + bias); `kept`: the frames (B, N, C) that later ones are joined with."""

    taps: Tensor  # (width, C, D)
    bias: Tensor  # (D,)
    step: int
    kept: Tensor = field(default_factory=lambda: torch.empty(0))

    @classmethod
    def of(cls, conv: nn.Module, norm: nn.Module) -> Layer:
        assert isinstance(conv, nn.Conv1d)
        assert isinstance(norm, nn.BatchNorm1d)
        assert norm.running_var is not None
        assert norm.running_mean is not None
        gain = norm.weight / (norm.running_var + norm.eps).sqrt()
        taps = (conv.weight * gain[:, None, None]).permute(2, 1, 0).contiguous()
        return cls(taps, norm.bias - norm.running_mean * gain, conv.dilation[0])

    def push(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What the new frames x (B, n, C) make possible, (B, m, D), m at most n; and all frames it was made from."""
        x = torch.cat((self.kept, x), 1) if len(self.kept) else x
        reach = (len(self.taps) - 1) * self.step
        count = max(x.shape[1] - reach, 0)
        self.kept = x[:, count:]
        made = self.bias.repeat(x.shape[0], count, 1)  # (B, m, D)
        for clip, total in zip(x, made, strict=True):  # a product a clip is faster on CPUs than one of the batch
            for k, tap in enumerate(self.taps):
                total.addmm_(clip[k * self.step : k * self.step + count], tap)
        return made.relu_(), x


class Stream:
    """A VideoPose3D network that is given a clip piece by piece. Any number of clips in step are a batch.

    The clip's first and last frames stand for what lies before and after it, as in the paper. Joined, what `push` and
    `finish` return is what `forward` gives for the clip so padded, to 1e-5. The network's weights are copied.
    """

    def __init__(self, network: VideoPose3D) -> None:
        self.network = network
        with torch.no_grad():
            convs, norms = network.layers_conv, network.layers_bn
            self._layers = [Layer.of(network.expand_conv, network.expand_bn), *map(Layer.of, convs, norms)]
            self._shrink = copy.deepcopy(network.shrink)
        self._newest: Tensor | None = None

    @property
    def look_ahead(self) -> int:
        """The latency in frames: how many after a frame must come before its pose is given. 0 for causal networks."""
        return self.network.padding[1]

    @torch.inference_mode()
    def push(self, frames: Tensor) -> Tensor:
        """Poses (B, m, J', 3) that the new frames (B, n, J, C) decide; those of the frames `look_ahead` before them.

        At a clip's start m is less than n by `look_ahead`. Raises ValueError for another shape.
        """
        J, C = self.network.joints_in, self.network.channels_in
        B = "B" if self._newest is None else len(self._newest)
        if frames.ndim != 4 or frames.shape[2:] != (J, C) or not frames.shape[1] or B not in ("B", len(frames)):
            raise ValueError(f"input is {tuple(frames.shape)}; this stream takes ({B}, 1 or more, {J}, {C})")
        x = frames.flatten(2)  # (B, n, J·C)
        if self._newest is None:
            x = torch.cat((x[:, :1].expand(-1, self.network.padding[0], -1), x), 1)
        self._newest = x[:, -1:]
        x, _ = self._layers[0].push(x)
        for wide, single, width, step in zip(
            self._layers[1::2], self._layers[2::2], self.network.widths[1:], self.network.steps, strict=True
        ):
            joined, all_frames = wide.push(x)
            now = (width - 1 if self.network.causal else width // 2) * step
            x, _ = single.push(joined)
            x = x.add_(all_frames[:, now : now + x.shape[1]])
        x = functional.linear(x, self._shrink.weight[:, :, 0], self._shrink.bias)  # (B, m, J'·3)
        return x.unflatten(-1, (self.network.joints_out, 3))

    @torch.inference_mode()
    def finish(self) -> Tensor:
        """The last `look_ahead` poses, (B, m, J', 3); the next frame begins another clip. Raises ValueError before the
        first frame."""
        if self._newest is None:
            raise ValueError("no frame was pushed")
        last = self._newest.unflatten(-1, (self.network.joints_in, -1))  # (B, 1, J, C)
        poses = self.push(last.expand(-1, max(self.look_ahead, 1), -1, -1))
        self._newest = None
        for layer in self._layers:
            layer.kept = torch.empty(0)
        return poses[:, : self.look_ahead]
