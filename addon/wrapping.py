"""A message over as many lines as its place asks for: Blender's labels do not wrap."""

from __future__ import annotations

import re
import unicodedata

import bpy

from .translations import iface

LETTER_PX = 7.0  # mean width of a letter at interface scale 1
MARGIN_PX = 60.0  # icon and frames, at scale 1
MIN_LETTERS = 20
WIDE = 1.8  # letters that a Chinese, Japanese or Korean character takes
IDEOGRAM = r"[\u3040-\u309f\u3400-\u9fff]"  # Chinese and Japanese, which have no spaces to break lines at
KATAKANA = r"[\u30a0-\u30ff]"  # foreign words, not to be broken
OPENING = r"[（「『【“]"  # these do not end a line
CLOSING = r"[、。，．：；！？）」』】”・…ぁぃぅぇぉっゃゅょ]"  # nor do these begin one
PIECE = re.compile(
    rf"\s+|{OPENING}*(?:{IDEOGRAM}|{KATAKANA}+|(?:(?!{IDEOGRAM}|{KATAKANA}|{OPENING})\S)+){CLOSING}*|{OPENING}+"
)


def wrapped(context: bpy.types.Context, layout: bpy.types.UILayout, text: str, icon: str = "NONE") -> None:
    """Labels one below the other, the icon before the first."""
    scale = context.preferences.system.ui_scale
    width = context.region.width if context.region else 300
    letters = max(MIN_LETTERS, int((width - MARGIN_PX * scale) / (LETTER_PX * scale)))
    text = iface(text)
    column = layout.column(align=True)
    column.scale_y = 0.8
    for i, line in enumerate(lines(text[:1].upper() + text[1:], letters)):
        column.label(text=line, icon=icon if i == 0 else "BLANK1" if icon != "NONE" else "NONE")


def lines(text: str, letters: float) -> list[str]:
    """The text broken at spaces and between ideograms; what is longer than a line is broken anywhere."""
    found, room = [""], letters
    for piece in PIECE.findall(text):
        if length(piece) > room and not piece.isspace():
            found.append("")
            room = letters
        while length(piece) > letters:
            cut = max(i for i in range(1, len(piece)) if length(piece[:i]) <= letters)
            found[-1:] = [piece[:cut], ""]
            piece = piece[cut:]
        found[-1] += piece
        room -= length(piece)
    return [line.strip() for line in found if line.strip()]


def length(text: str) -> float:
    """In letters."""
    return sum(WIDE if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)
