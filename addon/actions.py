"""Which action of an armature takes the keys of a run, and what becomes of the one that it played before."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import bpy

from ..lifter.contract.protocol import RigError
from .compat import CurveWriter, played_curves, slot_of
from .retarget.choices import Action

OWN_ACTION = "v2a"  # custom property of the actions made here: how they were made, JSON
HOME = "v2a_home"  # custom property of an action that moves the object: where it stood before


def players(armature: bpy.types.Object) -> list[Any]:
    """What plays an action on the armature: its animation data, then the strips of its NLA from the top."""
    animation = armature.animation_data
    if animation is None:
        return []
    strips = [strip for track in reversed(animation.nla_tracks) for strip in reversed(track.strips)]
    return [player for player in (animation, *strips) if player.action is not None]


def own_player(armature: bpy.types.Object) -> Any | None:
    """The uppermost of `players` whose action was made here."""
    return next((player for player in players(armature) if OWN_ACTION in player.action), None)


def own_action(armature: bpy.types.Object) -> bpy.types.Action | None:
    """The action that an earlier run gave the armature, if it still plays it."""
    player = own_player(armature)
    return player.action if player is not None else None


def made_of(armature: bpy.types.Object) -> dict[str, Any]:
    """How the armature's own action came to be; {} where it has none."""
    action = own_action(armature)
    record = json.loads(action[OWN_ACTION]) if action is not None else {}
    return record if isinstance(record, dict) else {}


def home_location(armature: bpy.types.Object) -> list[float]:
    """Where the object stands without the path that an earlier run keyed on it; in its parent's space."""
    action = own_action(armature)
    return list(action[HOME] if action is not None and HOME in action else armature.location)


def check(armature: bpy.types.Object, how: Action) -> None:
    """Refuse to write into an action that cannot be changed. Raises RigError."""
    action = armature.animation_data.action if armature.animation_data is not None else None
    if how == "replace" and action is not None and action.library is not None:
        raise RigError(
            f"action '{action.name}' of armature '{armature.name}' is linked from {action.library.filepath} and cannot be "
            "changed. Choose a new action or an NLA strip."
        )


@dataclass(frozen=True)
class Draft:
    """An action that is being written, which nothing plays yet."""

    action: bpy.types.Action
    name: str  # of the action while it is written
    final_name: str
    slot: str  # identifier of the one that holds the armature's curves
    played: bpy.types.Action | None  # by the armature when the draft was made
    replaces: bpy.types.Action | None  # what has the draft's place until it is played

    def writer(self, armature: bpy.types.Object) -> CurveWriter:
        """Looked up anew: what was held over a pause may be gone. Raises RigError."""
        if bpy.data.actions.get(self.name) != self.action:
            raise RigError(f"action '{self.name}' was removed while it was being written. Apply the motion again.")
        return CurveWriter(self.action, armature, self.slot, play=False)


def draft(
    armature: bpy.types.Object,
    how: Action,
    name: str,
    stale: Collection[str],
    others: Iterable[Draft] = (),
    *,
    again: bool = False,
) -> Draft:
    """A new action for the keys; nothing that there is changes. What the action played before moves is carried over, but for
    a strip and for stale data paths.

    An action that was there before stays in the file; only one that was made here of the same clip, that nothing else uses,
    is replaced ("auto"), or the present one whatever it is ("replace"). name: the clip's. again: the one that an earlier run
    made is replaced, wherever it plays; raises RigError where there is none to change. others: drafts of the same run, one
    of which may be of the same action, for another armature.
    """
    animation = armature.animation_data
    played = animation.action if animation is not None else None
    player = own_player(armature) if again else animation if played is not None else None
    before = player.action if player is not None else None
    if again and (before is None or before.library is not None):
        raise RigError(
            f"armature '{armature.name}' has no action of its own that was made here. Apply a motion to it first."
        )
    mine = before is not None and _made_here(before, name) and before.users == 1 and before.library is None
    if before is None or (how == "strip" and not again):
        action, replaces, slot = bpy.data.actions.new(name), None, ""
    elif again or how == "replace" or (how == "auto" and mine):
        twin = next((other for other in others if other.replaces == before), None)
        action, replaces, slot = before.copy() if twin is None else twin.action, before, slot_of(player)
        name = name if how == "auto" and not again else before.name
    elif all(curve.data_path in stale for curve in played_curves(animation)):
        action, replaces, slot = bpy.data.actions.new(name), None, ""
    else:
        action, replaces, slot = before.copy(), None, slot_of(player)
        action.name = name
        for key in [key for key in (OWN_ACTION, HOME) if key in action]:
            del action[key]
    action.use_fake_user = False
    writer = CurveWriter(action, armature, slot, play=False)
    for curve in writer.curves:
        if curve.data_path in stale:
            writer.remove(curve)
    return Draft(action, action.name, action.name if replaces is None else name, writer.slot, played, replaces)


def discard(draft: Draft) -> None:
    """Take it away, if it is still there."""
    if bpy.data.actions.get(draft.name) == draft.action:
        bpy.data.actions.remove(draft.action)


def fits(draft: Draft, armature: bpy.types.Object) -> bool:
    """Whether it can be played: armature and actions are as they were when the draft was made. Raises as `writer` does."""
    draft.writer(armature)
    animation = armature.animation_data
    replaced = draft.replaces is None or draft.replaces in bpy.data.actions.values()
    return replaced and (animation.action if animation is not None else None) == draft.played


def play(draft: Draft, armature: bpy.types.Object, how: Action, clip: str, *, again: bool = False) -> None:
    """Let the armature play it, as `draft` says."""
    animation = armature.animation_data or armature.animation_data_create()
    writer = CurveWriter(draft.action, armature, draft.slot, play=False)
    if draft.replaces is not None and draft.replaces in bpy.data.actions.values():  # else its twin has done so
        kept = draft.replaces.use_fake_user
        draft.replaces.user_remap(draft.action)
        bpy.data.actions.remove(draft.replaces)
        draft.action.name, draft.action.use_fake_user = draft.final_name, kept
    if again:
        return
    if draft.replaces is None and how == "strip":
        lay(armature, writer, clip)
        return
    if draft.replaces is None and draft.played is not None and draft.played.library is None:
        draft.played.use_fake_user = True  # else Blender drops the user's work when it next saves
    writer.play_on(animation)


def lay(armature: bpy.types.Object, writer: CurveWriter, name: str) -> None:
    """Put the action on a track of this name above all others. The one played so far is pushed down, as Blender does."""
    animation = armature.animation_data or armature.animation_data_create()
    if animation.action is not None:
        below, slot = animation.action, slot_of(animation)
        if played_curves(animation):
            _strip(animation, CurveWriter(below, armature, slot, play=False), below.name, "HOLD")
        elif below.library is None:
            below.use_fake_user = True
        animation.action = None
    _strip(animation, writer, name, "NOTHING")  # before and after it, what lies below is seen


def set_aside(armature: bpy.types.Object) -> list[str]:
    """Let the armature play nothing; the names of what it played, which stays in the file."""
    animation = armature.animation_data
    if animation is None:
        return []
    played = list(dict.fromkeys(player.action for player in players(armature)))
    for action in played:
        if action.library is None:
            action.use_fake_user = True
    animation.action = None
    for track in list(animation.nla_tracks):
        animation.nla_tracks.remove(track)
    return [action.name for action in played]


def _made_here(action: bpy.types.Action, clip: str) -> bool:
    """Of this clip, and not one of the animator's own that keys were put into."""
    made = json.loads(action[OWN_ACTION]) if OWN_ACTION in action else {}
    return bool(made) and made.get("clip", clip) == clip and made.get("keying", {}).get("action") != "replace"


def _strip(animation: bpy.types.AnimData, writer: CurveWriter, name: str, beyond: str) -> None:
    first, last = writer.action.frame_range
    track = animation.nla_tracks.new()
    track.name = name
    strip: Any = track.strips.new(name, int(first), writer.action)
    writer.play_on(strip)
    strip.action_frame_start, strip.action_frame_end = first, last
    strip.frame_end = last  # first the end: a strip never ends before it starts
    strip.frame_start, strip.frame_end = first, last
    strip.extrapolation = beyond
