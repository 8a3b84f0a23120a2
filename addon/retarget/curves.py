"""What a solve gives: curves for a rig, and what is to be said about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ...lifter.contract.motion import CONTACT_NAMES
from .bone_map import Setting
from .choices import FIRST_FRAME as FIRST_FRAME

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

CONTACTS = (*CONTACT_NAMES, "left_hand", "right_hand")  # what can be held in its place


class Marker(NamedTuple):
    """A note on the timeline."""

    frame: float
    text: str


@dataclass(frozen=True)
class Curves:
    """Keys for one armature on a uniform grid of frames.

    Values where `keyed` is False are filled so that arrays stay finite: write no key there.
    """

    fps: float
    frames: Array  # (F,) frame numbers, FIRST_FRAME and on by 1
    rotations: Mapping[str, Array]  # bone -> (F, 4) wxyz basis (`rotation_quaternion`), continuous signs
    locations: Mapping[str, Array]  # bone -> (F, 3) basis location (`location`), armature units
    keyed: Mapping[str, Mask]  # bone -> (F,) True where its rotation (and location) gets a key
    path_scale: float = 1.0  # rig's legs over the person's: the video's camera fits when its place is scaled by it
    settings: tuple[Setting, ...] = ()  # properties to set on the rig so that it follows these curves
    neutral_bones: tuple[str, ...] = ()  # controls that must stand at rest for these curves to be right
    unmapped_bones: tuple[str, ...] = ()  # deforming bones that nothing drives
    unmapped_parts: tuple[str, ...] = ()  # body parts without a bone, or never known in the motion
    warnings: tuple[str, ...] = ()
    markers: tuple[Marker, ...] = ()
    object_path: Array | None = (
        None  # (F, 3) metres, world: how far the object itself is moved, where it takes the path
    )
    contacts: Mask | None = None  # (F, 6) in the order of CONTACTS: where heels, toes and hands were held
    slides: Mapping[str, Mapping[str, float]] = field(default_factory=dict[str, Mapping[str, float]])
    # bone -> {"mean_deg", "p95_deg"}: angle between its reached and its wished direction over the keyed frames
    figures: Mapping[str, Mapping[str, float]] = field(default_factory=dict[str, Mapping[str, float]])


def begun_at(curves: Curves, frame: float) -> Curves:
    """The same keys and markers, the first of them at `frame`."""
    shift = frame - float(curves.frames[0])
    markers = tuple(Marker(marker.frame + shift, marker.text) for marker in curves.markers)
    return replace(curves, frames=curves.frames + shift, markers=markers)
