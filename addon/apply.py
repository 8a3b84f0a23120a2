"""Motion + armature + preset -> Action: the one path that the panel and the command line both take."""

from __future__ import annotations

from collections.abc import Sequence

import bpy
import numpy as np

from ..lifter.contract.motion import Motion
from ..lifter.contract.protocol import RigError, UsageError
from . import actions, keyframes, solving, writing
from .apply_report import ApplyReport
from .maps import AUTO
from .rates import FrameRate as FrameRate
from .rates import scene_fps as scene_fps
from .rates import set_fps as set_fps
from .retarget.choices import Choices, Keying
from .retarget.limbs import legs
from .retarget.resample import resample, trimmed
from .retarget.solve import STANDARD
from .steps import Steps, in_one_go

KEPT = Keying()


def apply_motion(
    scene: bpy.types.Scene,
    armature: bpy.types.Object,
    motion: Motion,
    preset: str = AUTO,
    *,
    frame_rate: FrameRate = "auto",
    action_name: str = "",
    choices: Choices = STANDARD,
    keying: Keying = KEPT,
) -> ApplyReport:
    """Animate the armature with the motion. Raises V2AError before anything is changed.

    preset: AUTO, the name of a bundled or own map, or a file. frame_rate "auto" gives the scene the clip's rate when nothing
    else in it is animated, otherwise resamples the motion to the scene's: the speed is true either way.
    """
    [report] = apply_people(
        scene,
        [armature],
        [motion],
        preset,
        frame_rate=frame_rate,
        action_name=action_name,
        choices=choices,
        keying=keying,
    )
    return report


def apply_people(
    scene: bpy.types.Scene,
    armatures: Sequence[bpy.types.Object],
    motions: Sequence[Motion],
    preset: str = AUTO,
    *,
    frame_rate: FrameRate = "auto",
    action_name: str = "",
    choices: Choices = STANDARD,
    keying: Keying = KEPT,
) -> list[ApplyReport]:
    """One motion on each armature; the scene's frame range then holds them all. Raises V2AError before any is changed.

    The motions are of one video: each person is placed as the camera saw them beside the first.
    """
    return in_one_go(
        people_steps(
            scene,
            armatures,
            motions,
            preset,
            frame_rate=frame_rate,
            action_name=action_name,
            choices=choices,
            keying=keying,
        )
    )


def people_steps(
    scene: bpy.types.Scene,
    armatures: Sequence[bpy.types.Object],
    motions: Sequence[Motion],
    preset: str,
    *,
    frame_rate: FrameRate,
    action_name: str = "",
    choices: Choices,
    keying: Keying,
) -> Steps[list[ApplyReport]]:
    """`apply_people` in steps. Nothing is changed before the last."""
    targets: list[solving.Target] = []
    for armature, motion in zip(armatures, motions, strict=True):
        targets.append(solving.read(scene, armature, motion.fps, preset, frame_rate, choices, keying))
        yield
    solved = yield lambda: solving.people(targets, list(motions))
    return (yield from writing.write_all(scene, solved, action_name))


def refit(
    scene: bpy.types.Scene, armatures: Sequence[bpy.types.Object], motions: Sequence[Motion]
) -> list[ApplyReport]:
    """Solve once more by the contacts on the armatures' actions, as the animator has edited them; nothing is detected.

    motions: those that were applied. Preset and choices are those of then, the rate is the scene's. Raises RigError where
    an armature has no contacts, before any is changed.
    """
    return in_one_go(refit_steps(scene, armatures, motions))


def refit_steps(
    scene: bpy.types.Scene, armatures: Sequence[bpy.types.Object], motions: Sequence[Motion]
) -> Steps[list[ApplyReport]]:
    """`refit` in steps."""
    solved: list[solving.Solved] = []
    for armature, motion in zip(armatures, motions, strict=True):
        made = actions.made_of(armature)
        keying, choices = Keying(**made.get("keying", {})), Choices(**made.get("choices", {}))
        if not made or not legs(choices.limbs):
            raise RigError(f"armature '{armature.name}' has no contacts to refit by. Apply a motion to its legs first.")
        target = solving.read(scene, armature, motion.fps, made["preset"], "scene", choices, keying)
        grid = resample(trimmed(motion, keying), target.fps / keying.speed)
        contacts = keyframes.read_contacts(armature, keying.start + np.arange(len(grid.times), dtype=np.float64))
        world = np.array(made["world"])
        solved.append((yield lambda given=(target, motion, world, contacts): solving.once_more(*given)))
    return (yield from writing.write_all(scene, solved, again=True))


def place_of(scene: bpy.types.Scene, word: str) -> tuple[float, float, float] | None:
    """Where "capture" (None), "origin", "cursor" or "x,y,z" is, metres. Raises UsageError."""
    if word == "capture":
        return None
    numbers = {"origin": (0.0, 0.0, 0.0), "cursor": tuple(scene.cursor.location)}.get(word, word.split(","))
    try:
        x, y, z = map(float, numbers)
    except ValueError as error:
        raise UsageError(
            f"place '{word}' is not known. Give capture, origin, cursor or three numbers X,Y,Z."
        ) from error
    return x, y, z
