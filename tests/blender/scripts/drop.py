"""Drop a video and a recipe onto the 3D view, keep choices under a name, and look for the buttons in the menus.

Usage: drop.py ZIP DEMO_FOLDER FOLDER.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import bpy  # isort: skip  (addon_utils exists only after it)
import addon_utils
from common import armature, hand_back

MODULE = "bl_ext.user_default.video_to_armature"


def area(kind: str) -> dict[str, Any]:
    window = bpy.context.window_manager.windows[0]
    window.screen.areas[0].type = kind
    return {"window": window, "area": window.screen.areas[0]}


def drop(path: Path) -> list[str]:
    """As Blender does it where only one handler takes the file."""
    with bpy.context.temp_override(**area("VIEW_3D")):
        return list(bpy.ops.wm.drop_import_file(directory=str(path.parent), files=[{"name": path.name}]))


def main(archive: Path, demo: Path, folder: Path) -> dict[str, Any]:
    bpy.ops.extensions.package_install_files(filepath=str(archive), repo="user_default", enable_on_install=True)
    addon_utils.enable("io_scene_fbx", default_set=True)
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=False)
    bpy.ops.import_scene.fbx(filepath=str(demo / "mh_mixamo.fbx"))
    found: dict[str, Any] = {}
    settings = bpy.context.scene.v2a
    bpy.context.view_layer.objects.active = None
    handler = bpy.types.V2A_FH_video
    found["extensions"] = [end in handler.bl_file_extensions.split(";") for end in (".mp4", ".mov", ".webm", ".txt")]
    for kind in ("VIEW_3D", "TEXT_EDITOR"):
        with bpy.context.temp_override(**area(kind)):
            found[kind] = handler.poll_drop(bpy.context)
    with bpy.context.temp_override(**area("VIEW_3D")):  # Blender's own handlers take videos, too, and it asks then
        done = list(
            getattr(bpy.ops.v2a, handler.bl_import_operator.removeprefix("v2a."))(filepath=str(demo / "walk.mp4"))
        )
    found["dropped"] = [done, settings.video == str(demo / "walk.mp4"), settings.armature == armature()]
    recipe = folder / "r.toml"
    recipe.write_text('video = "walk.mp4"\nspeed = 0.5\n')
    found["recipe"] = [drop(recipe), settings.speed]

    settings.root, settings.limbs, settings.smooth_hz = "object", {"head"}, 3.0
    found["kept"] = list(bpy.ops.v2a.preset_add(name="Slow Heads"))
    settings.root, settings.limbs, settings.smooth_hz = "hips", {"trunk"}, 8.0
    paths = {p.name: p for place in bpy.utils.preset_paths("video_to_armature") for p in Path(place).glob("*.py")}
    path = paths.pop("Slow_Heads.py")
    bpy.ops.script.execute_preset(filepath=str(path), menu_idname="V2A_PT_presets")
    found["taken up"] = [path.name, settings.root, sorted(settings.limbs), settings.smooth_hz]
    found["ours"] = {}
    for name, path in sorted(paths.items()):
        bpy.ops.script.execute_preset(filepath=str(path), menu_idname="V2A_PT_presets")
        found["ours"][name] = [settings.root, settings.place, len(settings.limbs)]

    menu = sys.modules[f"{MODULE}.addon.drop"]
    drawn = [f for f in bpy.types.VIEW3D_MT_object._dyn_ui_initialize() if f is menu._draw]
    found["menus"] = len(drawn)
    found["labels"] = sorted(
        getattr(bpy.ops.v2a, name).get_rna_type().name for name in ("start", "cancel", "apply", "compare")
    )
    offered = {name for group in menu.MENU for name in group}
    kinds = [k for k in sys.modules[f"{MODULE}.addon.registration"].CLASSES if issubclass(k, bpy.types.Operator)]
    wanted = {k.bl_idname.removeprefix("v2a.") for k in kinds if "INTERNAL" not in getattr(k, "bl_options", ())}
    found["not offered, not there"] = [sorted(wanted - offered), sorted(offered - wanted)]
    names = [getattr(bpy.ops.v2a, name).get_rna_type().name for name in offered]
    found["names that are taken twice"] = sorted({name for name in names if names.count(name) > 1})
    addon_utils.disable(MODULE, default_set=True)
    found["left"] = [
        len([f for f in bpy.types.VIEW3D_MT_object._dyn_ui_initialize() if f.__module__.startswith(MODULE)]),
        [name for name in dir(bpy.types) if name.startswith("V2A_")],
    ]
    return found


hand_back(**main(*map(Path, sys.argv[1:4])))
