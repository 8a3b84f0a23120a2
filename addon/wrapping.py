"""A message over as many lines as its place asks for: Blender's labels do not wrap."""

from __future__ import annotations

import textwrap

import bpy

LETTER_PX = 7.0  # mean width of a letter at interface scale 1
MARGIN_PX = 60.0  # icon and frames, at scale 1
MIN_LETTERS = 20


def wrapped(context: bpy.types.Context, layout: bpy.types.UILayout, text: str, icon: str = "NONE") -> None:
    """Labels one below the other, the icon before the first."""
    scale = context.preferences.system.ui_scale
    width = context.region.width if context.region else 300
    letters = max(MIN_LETTERS, int((width - MARGIN_PX * scale) / (LETTER_PX * scale)))
    column = layout.column(align=True)
    column.scale_y = 0.8
    for i, line in enumerate(textwrap.wrap(text[:1].upper() + text[1:], letters)):
        column.label(text=line, icon=icon if i == 0 else "BLANK1" if icon != "NONE" else "NONE")
