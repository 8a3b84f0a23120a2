"""A video dropped onto the 3D view is chosen in the panel, a recipe is read; and the panel's buttons in Blender's menus.

What is in a menu is found by Blender's search (F3).
"""

# No `from __future__ import annotations`: Blender reads properties from the annotations themselves.
# pyright: reportInvalidTypeForm=false

from typing import Any

import bpy
from bpy.props import StringProperty

from . import run_operators, watch

TAB = "Video to Armature"
MENU = (  # every button that means something outside its place in the panel, so that the search finds it
    ("start", "cancel", "cancel_all", "add_videos", "continue_captures", "forget_captures", "check"),
    ("apply", "refit", "compare", "mark_step"),
    ("list_bones", "save_map", "import_map", "export_map", "remove_map"),
    ("open_motion", "save_motion", "load_recipe", "save_recipe", "export"),
    ("set_up", "cancel_set_up", "repair", "remove_runtime", "check_runtime"),
    ("open_preferences", "copy_report"),
)
VIDEOS = ".mp4;.mov;.avi;.mkv;.webm;.m4v;.mpg;.mpeg;.mts;.m2ts;.wmv"


class V2A_OT_drop_video(bpy.types.Operator):
    """Choose this video in the panel, and show the panel"""

    bl_idname = "v2a.drop_video"
    bl_label = "Capture This Video"
    bl_options = {"UNDO", "INTERNAL"}  # noqa: RUF012

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})

    def execute(self, context: bpy.types.Context) -> set[str]:
        scene, settings = context.scene, context.scene.v2a
        settings.video = self.filepath
        rigs = [o for o in scene.objects if o.type == "ARMATURE"]
        active = context.view_layer.objects.active
        if active in rigs:
            settings.armature = active
        elif settings.armature is None and len(rigs) == 1:
            settings.armature = rigs[0]
        if context.area is not None and context.area.type == "VIEW_3D":
            _show_tab(context.area)
        self.report({"INFO"}, run_operators.problem(context) or "Press Start in the sidebar's tab Video to Armature")
        return {"FINISHED"}


class V2A_FH_video(bpy.types.FileHandler):
    bl_idname = "V2A_FH_video"
    bl_label = "Capture with Video to Armature"
    bl_import_operator = "v2a.drop_video"
    bl_file_extensions = VIDEOS

    @classmethod
    def poll_drop(cls, context: bpy.types.Context) -> bool:
        return context.area is not None and context.area.type == "VIEW_3D"


class V2A_FH_recipe(bpy.types.FileHandler):
    bl_idname = "V2A_FH_recipe"
    bl_label = "Load a Recipe"
    bl_import_operator = "v2a.load_recipe"
    bl_file_extensions = ".toml"

    @classmethod
    def poll_drop(cls, context: bpy.types.Context) -> bool:
        return context.area is not None and context.area.type == "VIEW_3D"


class V2A_MT_all(bpy.types.Menu):
    bl_idname = "V2A_MT_all"
    bl_label = "Video to Armature"

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.operator_context = "INVOKE_DEFAULT"
        for group in MENU:
            for name in group:
                layout.operator(f"v2a.{name}")
            layout.separator()


def attach() -> None:
    for menu in _menus():
        menu.append(_draw)


def detach() -> None:
    for menu in _menus():
        menu.remove(_draw)


def _menus() -> tuple[Any, ...]:
    return bpy.types.VIEW3D_MT_object, bpy.types.VIEW3D_MT_pose


def _draw(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    menu.layout.separator()
    menu.layout.menu(V2A_MT_all.bl_idname, icon="ARMATURE_DATA")


def _show_tab(area: bpy.types.Area) -> None:
    space: Any = area.spaces.active
    if not space.show_region_ui:  # set again it may vanish until the mouse moves
        space.show_region_ui = True

    def tick() -> None:  # a sidebar that was hidden has no tabs before it is drawn
        for window in bpy.context.window_manager.windows:
            for other in (a for a in window.screen.areas if a == area):
                region: Any = next(r for r in other.regions if r.type == "UI")
                region.active_panel_category = TAB
                region.tag_redraw()

    watch.schedule(tick)


CLASSES = (V2A_OT_drop_video, V2A_FH_video, V2A_FH_recipe, V2A_MT_all)
