"""What was done to one armature: told by `apply`, kept on the action that it made, so that undo and files keep it too."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, fields
from typing import Any

import bpy

from . import actions
from .retarget.recognise import BY_NAMES, BY_PRESET, BY_SHAPE, BY_TABLE, CHOSEN
from .translations import Text, iface

REPORT = "v2a_report"  # custom property of the actions made here, JSON
HOWS = (BY_TABLE, BY_PRESET, BY_NAMES, BY_SHAPE, CHOSEN)


@dataclass(frozen=True)
class ApplyReport:
    """What was done to one armature, in JSON's types."""

    armature: str
    action: str
    preset: str
    recognised: str  # how the bone map was found and how sure that is, in words
    sureness: float  # 0..1
    person: str
    network: dict[str, str]  # name, commercial_use (yes, no, unknown) and licence; {} where the motion does not say
    frames: int
    fps: float
    frame_start: int
    frame_end: int
    root: str  # what took the path
    limbs: list[str]  # that got keys
    keys: dict[str, float]  # written, of how many; most_deg and most_m: what those left out are missed by at most
    path_scale: float  # of the rig's path against the motion's
    mapped_bones: dict[str, list[str]]  # body part -> bones
    unmapped_bones: list[str]
    unmapped_parts: list[str]
    warnings: list[str]
    seconds: dict[str, float]
    figures: dict[str, dict[str, float]]  # the solver's, by bone: degrees between where it points and where it should
    slides: dict[str, dict[str, float]]  # side -> before, after: cm/s that standing feet move, mean

    def record(self) -> dict[str, Any]:
        return asdict(self)


def fewer_keys(report: ApplyReport) -> Text:
    """What the reduction left out, in words."""
    keys = report.keys
    return Text(
        "{written:.0f} of {of:.0f} keys written ({share:.0f} %), within {degrees:.2f}° and {mm:.1f} mm of the capture",
        written=keys["written"],
        of=keys["of"],
        share=100 * keys["written"] / max(keys["of"], 1),
        degrees=keys["most_deg"],
        mm=1000 * keys["most_m"],
    )


def recognised(words: str) -> str:
    """retarget.recognise.Recognition.words in the user's language: 'sure (100 %): preset mixamo'."""
    found = re.fullmatch(rf"(.+) \((\d+) %\): ({'|'.join(HOWS)})(.*)", words)
    if found is None:
        return words
    sureness, percent, how, name = found.groups()
    return f"{iface(sureness)} ({percent} %): {iface(how)}{name}"


def report_of(armature: bpy.types.Object | None) -> ApplyReport | None:
    """What was done when the armature got its action; None where that was not made here, or by another version."""
    action = actions.own_action(armature) if armature is not None else None
    if action is None or REPORT not in action:
        return None
    record = json.loads(action[REPORT])
    return ApplyReport(**record) if record.keys() == {field.name for field in fields(ApplyReport)} else None
