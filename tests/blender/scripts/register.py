"""Install the built zip given as the extension, enable, disable and enable it again.

Usage: register.py ZIP.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import bpy  # isort: skip  (addon_utils exists only after it)
import addon_utils
from common import hand_back

MODULE = "bl_ext.user_default.video_to_armature"


def main(archive: Path) -> dict[str, Any]:
    bpy.ops.extensions.package_install_files(filepath=str(archive), repo="user_default", enable_on_install=True)
    settings = bpy.context.scene.v2a
    found = {
        "enabled": addon_utils.check(MODULE)[1],
        "classes": [name for name in dir(bpy.types) if name.startswith("V2A_")],
        "has_settings": settings.preset == "auto",
        "presets": sorted(
            item[0] for item in sys.modules[f"{MODULE}.addon.preset_items"].rig_presets(settings, bpy.context)
        ),
    }
    flags = sys.modules[f"{MODULE}.addon.properties"].worker_options
    found["flags"] = flags(settings)
    settings.people, settings.number, settings.hfov, settings.end = "number", 2, math.radians(60), 2.5
    found["more_flags"] = flags(settings)
    settings.height, bpy.context.scene.unit_settings.scale_length = 1.75, 0.01
    found["tall"] = flags(settings)["height"]
    for name, degrees in (("narrow", 3), ("wide", 170)):
        settings.hfov = math.radians(degrees)
        found[name] = flags(settings)["hfov"]
    found["players"] = players(settings)
    addon_utils.disable(MODULE, default_set=True)
    found["left_over"] = [name for name in dir(bpy.types) if name.startswith("V2A_")]
    found["left_over"] += ["v2a"] if hasattr(bpy.types.Scene, "v2a") else []
    found["handlers"] = [h.__name__ for h in bpy.app.handlers.load_post if h.__module__.startswith(MODULE)]
    addon_utils.enable(MODULE, default_set=True)
    return {**found, "again": addon_utils.check(MODULE)[1]}


def players(settings: Any) -> list[str | None]:
    """Who plays three people after two were captured before, the first by the armature chosen."""
    chosen, copy = (bpy.data.objects.new(name, bpy.data.armatures.new(name)) for name in ("chosen", "copy"))
    settings.armature = chosen
    set_motions = sys.modules[f"{MODULE}.addon.watch"].set_motions
    set_motions(settings, [Path("p1"), Path("p2")])
    settings.motions[0].armature, settings.motions[1].armature = chosen, copy
    set_motions(settings, [Path("p1"), Path("p2"), Path("p3")])
    return [item.armature.name if item.armature else None for item in settings.motions]


hand_back(**main(Path(sys.argv[1])))
