"""The bone maps to choose from, as a menu: those that ship, the user's own, a file."""

from __future__ import annotations

import zlib

import bpy

from .maps import AUTO, BUNDLED, user_folder
from .retarget.bone_map import load_preset
from .translations import Text, tip

OWN_FILE = "FILE"

_bundled = [(path.stem, load_preset(path).name) for path in sorted(BUNDLED.glob("*.toml"))]
_shown: list[tuple[str, str, str, int]] = []  # Blender keeps no hold of the texts itself


def rig_presets(_settings: bpy.types.PropertyGroup, _context: bpy.types.Context) -> list[tuple[str, str, str, int]]:
    """Bundled maps and those in the user's folder, which may change while Blender runs."""
    recognise = Text("Recognise the armature by its bone names, and by its shape where they tell nothing")
    items: list[tuple[str, str, str]] = [(AUTO, Text("Automatic"), recognise)]
    items += [(stem, name, tip("Bone map for {name} armatures", name=name)) for stem, name in _bundled]
    known = {stem for stem, *_ in items}
    own = sorted(path for path in user_folder().glob("*.toml") if path.stem not in known)
    items += [(path.stem, path.stem, tip("Your own bone map, {path}", path=path)) for path in own]
    items.append((OWN_FILE, Text("From File"), Text("A bone map of your own")))
    # numbered by name: a file more or less must not change what a scene has chosen
    _shown[:] = [(*item, 0 if item[0] == AUTO else zlib.crc32(item[0].encode()) >> 1) for item in items]
    return _shown
