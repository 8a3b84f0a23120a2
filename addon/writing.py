"""How solved keys come into the scene: written into an action that nothing plays yet, which then is played, all at once."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

import bpy
import numpy as np

from ..lifter.contract.protocol import RigError
from . import actions, compat, keyframes, marks, rig, switches
from .actions import HOME, OWN_ACTION, Draft
from .apply_report import REPORT, ApplyReport
from .rates import scene_fps, set_fps
from .retarget.choices import LIMBS
from .retarget.curves import Curves
from .solving import Solved, Target
from .steps import Steps


def write_all(
    scene: bpy.types.Scene, solved: Sequence[Solved], action_name: str = "", *, again: bool = False
) -> Steps[list[ApplyReport]]:
    """All motions onto their armatures; the scene's frame range then holds them all.

    It rests between curves. What was begun is taken away when one of them fails, when it is stopped, and when an armature is
    not any more what was read: RigError then. again: in place of the actions that earlier runs made.
    """
    began = time.perf_counter()
    drafts: list[Draft] = []
    try:
        for one in solved:
            yield
            draft = _draft(one, action_name, drafts, again)
            drafts.append(draft)
            for keys in one.keys:
                yield
                curve = draft.writer(one.target.armature).new(keys.path, keys.index, keys.group)
                keyframes.write(curve, keys, ((stretch.first, stretch.last) for stretch in one.unsure))
        yield
        for one, draft in zip(solved, drafts):
            _check_same(scene, one.target, draft)
    except BaseException:
        for draft in drafts:
            actions.discard(draft)
        raise
    reports = [_play(scene, one, draft, action_name, again, began) for one, draft in zip(solved, drafts)]
    scene.frame_start = min(report.frame_start for report in reports)
    scene.frame_end = max(report.frame_end for report in reports)
    return reports


def _draft(one: Solved, action_name: str, others: Iterable[Draft], again: bool) -> Draft:
    """Without curves of what the keys take the place of, and with the record of how it was made."""
    target, curves = one.target, one.curves
    armature, limbs, name = target.armature, target.choices.limbs, action_name or one.clip
    before = actions.made_of(armature)
    stale = keyframes.stale_paths(armature, target.owner, curves, limbs, one.cleared)
    draft = actions.draft(armature, target.keying.action, name, stale, others, again=again)
    if "root" in limbs and HOME in draft.action:
        del draft.action[HOME]
    if curves.object_path is not None:
        draft.action[HOME] = target.owner.home.tolist()
    bones = {"rotations": list(curves.rotations), "locations": list(curves.locations)}
    if set(limbs) != set(LIMBS):  # those of earlier runs are there still
        bones = {kind: sorted({*names, *before.get("bones", {}).get(kind, ())}) for kind, names in bones.items()}
    made: dict[str, Any] = {
        "preset": target.preset,
        "choices": asdict(target.choices),
        "keying": asdict(target.keying),
        "world": one.world.tolist(),
        "clip": before.get("clip", name) if again else name,
        "bones": bones,
        "keys": one.count,
    }
    draft.action[OWN_ACTION] = json.dumps(made)
    return draft


def _check_same(scene: bpy.types.Scene, target: Target, draft: Draft) -> None:
    """Raises RigError where the armature is not what was read: deleted, edited, given another action."""
    armature, rest = target.armature, target.owner.rest
    rig.check_writable(armature)
    now = rig.read_rest_pose(armature)
    same = (now.bone_names, now.rotation_modes) == (rest.bone_names, rest.rotation_modes)
    if not (
        same
        and np.array_equal(now.matrices, rest.matrices)
        and armature.name in scene.objects
        and actions.fits(draft, armature)
    ):
        raise RigError(f"armature '{armature.name}' was changed while its motion was being solved. Apply it again.")


def _play(
    scene: bpy.types.Scene, one: Solved, draft: Draft, action_name: str, again: bool, began: float
) -> ApplyReport:
    target, curves = one.target, one.curves
    armature, mapped, limbs = target.armature, target.found.map, target.choices.limbs
    warnings = [*target.warnings, *curves.warnings]
    if target.sets_fps:
        set_fps(scene, target.fps)
    warnings += switches.apply_settings(armature, curves.settings)
    if armature.data.pose_position == "REST":  # nothing would move, neither here nor in an export
        armature.data.pose_position = "POSE"
        warnings.append("the armature was shown in Rest Position and is now in Pose Position, so that it moves")
    warnings += _clear_pose(armature, curves, one.cleared)
    armature.location = target.owner.home
    if curves.contacts is not None:
        keyframes.set_contacts(armature, curves.contacts)
    actions.play(draft, armature, target.keying.action, action_name or one.clip, again=again)
    _set_frame_range(scene, armature, curves)
    _set_markers(scene, armature, curves)
    marks.mark(scene, armature, one.unsure)
    report = ApplyReport(
        armature=armature.name,
        action=draft.action.name,
        preset=mapped.name,
        recognised=target.found.words,
        sureness=round(target.found.sureness, 3),
        person=one.person,
        network=one.network,
        frames=len(curves.frames),
        fps=scene_fps(scene),
        frame_start=scene.frame_start,
        frame_end=scene.frame_end,
        root=target.choices.root,
        limbs=list(limbs),
        keys=one.count,
        path_scale=curves.path_scale,
        mapped_bones={part: list(bones) for part, bones in mapped.bones.items()},
        unmapped_bones=list(curves.unmapped_bones),
        unmapped_parts=list(curves.unmapped_parts),
        warnings=warnings,
        seconds={"read": target.seconds, "solve": one.seconds, "write": round(time.perf_counter() - began, 4)},
        figures={bone: dict(figures) for bone, figures in curves.figures.items()},
        slides={side: dict(slide) for side, slide in curves.slides.items()},
    )
    draft.action[REPORT] = json.dumps(report.record())
    return report


def _clear_pose(armature: bpy.types.Object, curves: Curves, cleared: Iterable[str]) -> Iterable[str]:
    """Undo hand posing that the new keys would add to: of the bones written, and of those to be cleared."""
    keyed = {curve.data_path for player in actions.players(armature) for curve in compat.played_curves(player)}
    posed: list[str] = []
    for name in sorted(cleared):
        bone = armature.pose.bones[name]
        moved = any(path.startswith(bone.path_from_id() + ".") for path in keyed)
        if not moved and name not in curves.keyed and not np.allclose(bone.matrix_basis, np.eye(4), atol=1e-5):
            posed.append(name)
    for name in {*curves.rotations, *cleared}:
        bone = armature.pose.bones[name]
        bone.rotation_quaternion, bone.rotation_euler = (1, 0, 0, 0), (0, 0, 0)
        bone.rotation_axis_angle = (0, 0, 1, 0)
    for name in {*curves.locations, *cleared}:
        armature.pose.bones[name].location = (0, 0, 0)
    for name in cleared:
        armature.pose.bones[name].scale = (1, 1, 1)
    if posed:
        return (f"hand-made pose cleared on {', '.join(posed)}: it would have bent the motion",)
    return ()


def _set_frame_range(scene: bpy.types.Scene, armature: bpy.types.Object, curves: Curves) -> None:
    """From the first frame that moves the armature to the last: the new keys, and what it has besides."""
    spans = [(float(curves.frames[0]), float(curves.frames[-1]))]
    for player in actions.players(armature):
        if isinstance(player, bpy.types.AnimData):
            spans.append(tuple(player.action.frame_range))
        elif not player.mute:
            spans.append((player.frame_start, player.frame_end))
    scene.frame_start = int(np.floor(min(first for first, _ in spans)))
    scene.frame_end = max(scene.frame_start, int(np.ceil(max(last for _, last in spans))))


def _set_markers(scene: bpy.types.Scene, armature: bpy.types.Object, curves: Curves) -> None:
    """Marks of gaps on the timeline, in place of those that an earlier run left for this armature."""
    prefix = f"{armature.name}: "
    for marker in [m for m in scene.timeline_markers if m.name.startswith(prefix)]:
        scene.timeline_markers.remove(marker)
    for frame, text in curves.markers:
        scene.timeline_markers.new(prefix + text, frame=round(frame))
