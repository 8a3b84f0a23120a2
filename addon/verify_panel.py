"""The part of the panel that shows a result: against its video, and where the capture is unsure."""

from __future__ import annotations

import re

import bpy

from . import verify_operators
from .translations import Text, iface, joined

MARKS_SHOWN = 24
MARKS = {  # as marks.py and retarget/report.py write them
    r"unsure (.+) for (.+) s": Text("Unsure: {parts}, {seconds} s"),
    r"(.+) unknown for (.+) s": Text("Unknown: {parts}, {seconds} s"),
}
EVERYTHING = Text("All")


def draw(context: bpy.types.Context, layout: bpy.types.UILayout) -> None:
    """The way to the video, and to where the capture is unsure."""
    scene = context.scene
    shown = scene.v2a.compared is not None
    text = "Back from the Video" if shown else "Compare with Video"
    layout.operator("v2a.compare", text=text, icon="LOOP_BACK" if shown else "CAMERA_DATA", depress=shown)
    marks = verify_operators.shown_marks(scene)
    header, body = layout.panel("v2a_marks", default_closed=True)
    header.label(text=iface("Places to look at: {count}", count=len(marks)) if marks else "Sure everywhere")
    row = header.row(align=True)
    row.operator("v2a.mark_step", text="", icon="TRIA_LEFT").step = -1
    row.operator("v2a.mark_step", text="", icon="TRIA_RIGHT").step = 1
    if body is not None:
        column = body.column(align=True)
        for mark in marks[:MARKS_SHOWN]:
            what = said(mark.name.rpartition(": ")[2])
            column.operator("v2a.go_to_mark", text=f"{mark.frame}: {what}", emboss=False).frame = mark.frame


def said(mark: str) -> str:
    """The words of a mark, which the file keeps in English, in the user's language."""
    for pattern, template in MARKS.items():
        found = re.fullmatch(pattern, mark)
        if found is not None:
            parts = joined(EVERYTHING if part == "all" else part.title() for part in found[1].split(", "))
            return iface(template, parts=parts, seconds=found[2])
    return mark
