"""What a motion gives on one armature: what is read of it, and the keys that are solved from that, written nowhere yet."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np
import numpy.typing as npt

from ..lifter.contract.motion import Motion
from . import actions, keyframes, marks, rates, rig
from .keys import Keys, Owner, keys_of
from .maps import choose_map
from .retarget.choices import LIMBS, Choices, Keying
from .retarget.curves import Curves, begun_at
from .retarget.limbs import map_of
from .retarget.people import how_moved, in_one_place, moved_by, started
from .retarget.recognise import Recognition
from .retarget.resample import resample, trimmed
from .retarget.rest import RestPose
from .retarget.solve import solve

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

UNSURE = 0.9  # a map found with less sureness than this is told as a warning


@dataclass(frozen=True)
class Target:
    """One armature as it was read; it stays as it is."""

    armature: bpy.types.Object
    owner: Owner
    found: Recognition
    fps: float  # of the scene when the motion will be applied
    sets_fps: bool  # the scene is to take the clip's rate
    preset: str  # as asked for
    choices: Choices
    keying: Keying
    warnings: tuple[str, ...]
    seconds: float


@dataclass(frozen=True)
class Solved:
    """The keys for one armature."""

    target: Target
    clip: str  # its name
    person: str
    network: dict[str, str]  # name, commercial_use and licence of what lifted it; {} where the file does not say
    world: Array  # (4, 4) how the motion was moved before it was solved
    curves: Curves
    cleared: frozenset[str]  # bones whose pose would add to what the keys mean
    keys: list[Keys]
    count: dict[str, float]  # of keys, as `keys_of` gives it
    unsure: list[marks.Stretch]
    seconds: float


def read(
    scene: bpy.types.Scene,
    armature: bpy.types.Object,
    clip_fps: float,
    preset: str,
    frame_rate: rates.FrameRate,
    choices: Choices,
    keying: Keying,
) -> Target:
    """All that Blender knows and the solver needs. Raises RigError, PresetError."""
    began = time.perf_counter()
    rig.check_writable(armature)
    actions.check(armature, keying.action)
    rest = rig.read_rest_pose(armature)
    found = choose_map(rest, preset, rig.humanoid_table(armature))
    warnings = rig.concerns(armature, map_of(found.map, choices.limbs))
    if found.sureness < UNSURE:
        warnings.append("; ".join((f"bone map {found.words}", *found.doubts)))
    fps, sets_fps = rates.frame_rate(scene, armature, clip_fps, frame_rate, warnings)
    return Target(
        armature=armature,
        owner=keyframes.read_owner(armature, rest),
        found=found,
        fps=fps,
        sets_fps=sets_fps,
        preset=preset,
        choices=choices,
        keying=keying,
        warnings=tuple(warnings),
        seconds=round(time.perf_counter() - began, 4),
    )


def people(targets: list[Target], motions: list[Motion]) -> list[Solved]:
    """One motion for each, of one video: each person is placed as the camera saw them beside the first. For a thread."""
    used = [trimmed(motion, target.keying) for target, motion in zip(targets, motions, strict=True)]
    together = [trimmed(motion, target.keying) for target, motion in zip(targets, in_one_place(motions))]
    placed = started(together, targets[0].choices) if targets else []
    return [_solved(*item) for item in zip(targets, placed, map(how_moved, used, placed))]


def once_more(target: Target, motion: Motion, world: Array, contacts: Mask) -> Solved:
    """By these contacts, placed by `world` as it was before. For a thread."""
    return _solved(target, moved_by(trimmed(motion, target.keying), world), world, contacts)


def _solved(target: Target, motion: Motion, world: Array, contacts: Mask | None = None) -> Solved:
    """motion: trimmed and placed, which is what `world` (4, 4) has done."""
    began = time.perf_counter()
    rest, keying, choices = target.owner.rest, target.keying, target.choices
    fps = target.fps / keying.speed
    curves = begun_at(solve(motion, rest, target.found.map, fps=fps, choices=choices, contacts=contacts), keying.start)
    keys, count = keys_of(target.owner, curves, keying)
    return Solved(
        target=target,
        clip=_clip(motion),
        person=str(motion.header.get("person", "")),
        network=_network(motion),
        world=world,
        curves=curves,
        cleared=frozenset(_held_at_rest(rest, curves) if set(choices.limbs) == set(LIMBS) else ()),
        keys=keys,
        count=count,
        unsure=marks.stretches(motion, curves.frames, resample(motion, fps).times),
        seconds=round(time.perf_counter() - began, 4),
    )


def _network(motion: Motion) -> dict[str, str]:
    record = motion.header.get("model")
    told = record if isinstance(record, dict) else {}
    return {key: str(told[key]) for key in ("name", "commercial_use", "licence") if key in told}


def _held_at_rest(rest: RestPose, curves: Curves) -> set[str]:
    """Bones whose pose adds to what the keys of a whole body mean: those written, all above them, neutral controls."""
    written = set(curves.rotations) | set(curves.locations)
    above = {bone for name in (*written, *curves.neutral_bones) for bone in rest.ancestors(rest.index(name))}
    return {rest.bone_names[bone] for bone in above} | set(curves.neutral_bones) | written


def _clip(motion: Motion) -> str:
    """From the video's file name, so that several takes can be told apart."""
    source = motion.header.get("source")
    name = source.get("file", "") if isinstance(source, dict) else ""
    return re.sub(r"[^\w .-]", "_", Path(str(name)).stem)[:50] or "Motion"
