"""From joints in front of a camera to points in its picture, so that gradients flow back."""

from __future__ import annotations

import torch
from torch import Tensor


def project(joints_cam: Tensor, screen: Tensor) -> Tensor:
    """(..., F, J, 3) joints in camera axes to (..., F, J, 2) in the units of `screen.to_screen`.

    screen (..., 9): `datasets.Camera.screen`. x / z and y / z are held within −1..1 (a joint beside or behind the
    camera would else throw the gradient far off), then distorted radially (k1..k3) and tangentially (p1, p2) and
    scaled. Pavllo et al., CVPR 2019, section 4 (the full camera model); Human3.6M's calibration.
    """
    focal, centre, radial, tangential = screen[..., None, None, :].split((2, 2, 3, 2), -1)
    flat = (joints_cam[..., :2] / joints_cam[..., 2:]).clamp(-1, 1)  # (..., F, J, 2)
    r2 = flat.square().sum(-1, keepdim=True)
    stretch = 1 + (radial * torch.cat((r2, r2**2, r2**3), -1)).sum(-1, keepdim=True)
    sideways = (tangential * flat).sum(-1, keepdim=True)
    return focal * (flat * (stretch + sideways) + tangential * r2) + centre
