"""Which keys curves become on one armature, as arrays: in the bones' own rotation modes and axes, all of them or fewer.

Touches nothing of Blender's data, so it may run in a thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from mathutils import Quaternion

from .retarget import quaternion as quat
from .retarget.choices import Keying
from .retarget.curves import CONTACTS, Curves
from .retarget.reduction import reduced
from .retarget.rest import RestPose

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Places = npt.NDArray[np.int64]

CONTACT_PREFIX = "v2a_"  # of the object's custom properties that hold contacts
NO_AXIS = 1e-9  # sine of half the angle below which a rotation has no axis of its own


@dataclass(frozen=True)
class Owner:
    """What of an armature the values of its keys depend on."""

    rest: RestPose
    paths: Mapping[str, str]  # bone -> its data path
    armature_axes: frozenset[str]  # bones whose places count along the armature's axes, not their own
    home: Array  # (3,) where the object stands without a path that was keyed on it, in its parent's space
    world_from_parent: Array  # (3, 3)


@dataclass(frozen=True)
class Keys:
    """Those of one F-curve: straight from one to the next, but where something else is said."""

    path: str
    index: int
    group: str
    frames: Array  # (K,)
    values: Array  # (K,)
    slopes: Array | None = None  # (K,) a frame, where they are smooth
    ends: Places | None = None  # of smooth ones, those that a gap follows
    stepped: bool = False  # each value stays until the next


def keys_of(owner: Owner, curves: Curves, keying: Keying) -> tuple[list[Keys], dict[str, float]]:
    """The F-curves, and the count: how many keys of how many, and by how much those left out are missed at most.

    Each rotation is in the bone's own rotation mode. Unknown stretches get no keys.
    """
    count = {"of": 0, "written": 0, "most_deg": 0.0, "most_m": 0.0}
    made = [
        keys
        for channel, mask in _channels(owner, curves)
        for keys in _channel_keys(channel, curves.frames, mask, keying, count)
    ]
    if curves.contacts is not None:
        made += _contact_keys(curves.frames, curves.contacts)
    return made, count


def contact_path(name: str) -> str:
    """The data path of a contact, one of CONTACTS, on the armature object."""
    return f'["{CONTACT_PREFIX}{name}"]'


@dataclass(frozen=True)
class _Channel:
    """One property over all frames."""

    path: str
    group: str
    values: Array  # (F, C)
    metre: float  # metres in one of its units; 0: a rotation
    mode: str = ""  # of a rotation

    def off(self, true: Array) -> Callable[[Array], Array]:
        """How far (F,) values are from the true ones: metres, or radians between the rotations."""
        if self.metre:
            return lambda values: np.linalg.norm(values - true, axis=-1) * self.metre
        turns = _turns(self.mode, true)
        return lambda values: quat.angle(quat.mul(quat.inv(turns), _turns(self.mode, values)))


def _turns(mode: str, values: Array) -> Array:
    """(F, 4) wxyz: what Blender makes of a rotation's values."""
    if mode == "QUATERNION":
        return quat.normalised(values)
    if mode == "AXIS_ANGLE":
        return quat.about(quat.normalised(values[:, 1:]), values[:, 0])
    return quat.from_eulers(values, mode)


def _channels(owner: Owner, curves: Curves) -> Iterator[tuple[_Channel, Mask]]:
    rest = owner.rest
    for bone, mask in curves.keyed.items():
        if bone in curves.locations:
            places = curves.locations[bone]
            if bone in owner.armature_axes:
                places = places @ rest.matrices[rest.index(bone), :3, :3].T
            yield _Channel(f"{owner.paths[bone]}.location", bone, places, rest.scale), mask
        if bone in curves.rotations:
            mode = rest.rotation_modes[rest.index(bone)]
            name, values = _in_mode(mode, curves.rotations[bone])
            yield _Channel(f"{owner.paths[bone]}.{name}", bone, values, 0.0, mode), mask
    if curves.object_path is not None:
        places = curves.object_path @ np.linalg.inv(owner.world_from_parent).T + owner.home
        metre = float(np.cbrt(abs(np.linalg.det(owner.world_from_parent))))
        yield _Channel("location", "Object Transforms", places, metre), np.ones(len(curves.frames), np.bool_)


def _channel_keys(
    channel: _Channel, frames: Array, mask: Mask, keying: Keying, count: dict[str, float]
) -> Iterator[Keys]:
    known, width = np.flatnonzero(mask), channel.values.shape[1]
    if not len(known):
        return
    count["of"] += len(known) * width
    tolerance = keying.tolerance_m if channel.metre else keying.tolerance
    if tolerance <= 0:
        count["written"] += len(known) * width
        for index in range(width):
            yield Keys(channel.path, index, channel.group, frames[known], channel.values[known, index])
        return
    runs = np.split(known, np.flatnonzero(np.diff(known) > 1) + 1)
    parts = [reduced(channel.values[run], channel.off(channel.values[run]), tolerance) for run in runs]
    kept = np.concatenate([run[part.kept] for run, part in zip(runs, parts)])
    slopes = np.concatenate([part.slopes for part in parts])
    ends = np.cumsum([len(part.kept) for part in parts]) - 1  # straight over the gap that follows
    error = max(part.error for part in parts)
    most, error = ("most_m", error) if channel.metre else ("most_deg", float(np.degrees(error)))
    count["written"] += len(kept) * width
    count[most] = max(count[most], error)
    for index in range(width):
        values = channel.values[kept, index]
        yield Keys(channel.path, index, channel.group, frames[kept], values, slopes[:, index], ends)


def _contact_keys(frames: Array, contacts: Mask) -> Iterator[Keys]:
    """0 or 1 on the object, with a key where they change."""
    for name, column in zip(CONTACTS, contacts.T):
        changes = np.concatenate(([0], np.flatnonzero(np.diff(column.astype(int))) + 1))
        values = column[changes].astype(float)
        yield Keys(contact_path(name), 0, "Contacts", frames[changes], values, stepped=True)


def _in_mode(mode: str, quaternions: Array) -> tuple[str, Array]:
    """quaternions: (F, 4) wxyz, continuous. The property that `mode` reads, and the same rotations as its values."""
    if mode == "QUATERNION":
        return "rotation_quaternion", quaternions
    if mode == "AXIS_ANGLE":
        return "rotation_axis_angle", axis_angles(quaternions)
    return "rotation_euler", eulers(quaternions, mode)


def axis_angles(quaternions: Array) -> Array:
    """(F, 4) wxyz to (F, 4) angle in radians, x, y, z; the axis never flips between frames."""
    sines = np.linalg.norm(quaternions[:, 1:], axis=1)
    out = np.empty_like(quaternions)
    out[:, 0] = 2 * np.arctan2(sines, quaternions[:, 0])
    axis = np.array([0.0, 1.0, 0.0])
    for i, sine in enumerate(sines):
        if sine > NO_AXIS:
            turned = quaternions[i, 1:] / sine
            if turned @ axis < 0:
                turned, out[i, 0] = -turned, -out[i, 0]
            axis = turned
        out[i, 1:] = axis
    return out


def eulers(quaternions: Array, order: str) -> Array:
    """(F, 4) wxyz to (F, 3) radians in Blender's order ('XYZ' turns about X first); each frame next to the last one."""
    out = np.empty((len(quaternions), 3))
    last = None
    for i, quaternion in enumerate(quaternions):
        euler = Quaternion(quaternion)
        last = euler.to_euler(order) if last is None else euler.to_euler(order, last)
        out[i] = last
    return out
