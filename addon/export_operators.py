"""The Export box: which format, for which program, into which file."""

# No `from __future__ import annotations`: Blender reads properties from the annotations themselves.
# pyright: reportInvalidTypeForm=false

from pathlib import Path
from typing import Any

import bpy
from bpy.props import StringProperty
from bpy_extras.io_utils import ExportHelper

from ..lifter.contract.protocol import V2AError
from . import actions, export, flags
from .translations import Text, iface, rpt, tip

BUTTONS = {
    "fbx": Text("Export FBX"),
    "glb": Text("Export glTF"),
    "bvh": Text("Export BVH"),
    "usd": Text("Export USD"),
}


class V2A_OT_export(bpy.types.Operator, ExportHelper):
    """Export the armature, its meshes and its motion, and nothing else. Without a file named here it asks for one"""

    bl_idname = "v2a.export"
    bl_label = "Export Animation"
    filename_ext = ".fbx"  # until it is invoked

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_glob: StringProperty(default="*.fbx", options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        armature = context.scene.v2a.armature
        if armature is None or not actions.players(armature):
            cls.poll_message_set(tip("The armature has no animation yet"))
            return False
        return True

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[Any]:
        settings = context.scene.v2a
        suffixes = flags.SUFFIXES[settings.export_format]
        self.filename_ext, self.filter_glob = suffixes[0], ";".join(f"*{suffix}" for suffix in suffixes)
        if settings.export_path and not self.filepath:
            return self.execute(context)
        if not self.filepath:
            action = actions.players(settings.armature)[0].action
            self.filepath = bpy.path.clean_name(action.name) + suffixes[0]
        return ExportHelper.invoke(self, context, event)

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.v2a
        kind, preset = settings.export_format, settings.export_preset
        path = Path(self.filepath) if self.filepath else named(settings)
        try:  # overwriting: Blender's file browser has asked already, or the user has named the file
            export.check_available(kind)
            meshes = settings.export_meshes
            warnings = export.export(
                context, settings.armature, path, kind, preset=preset, overwrite=True, meshes=meshes
            )
        except V2AError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self.report({"INFO"}, rpt("Wrote {path}", path=path))
        for text in warnings:
            self.report({"WARNING"}, text)
        return {"FINISHED"}


def named(settings: Any) -> Path:
    """The file that is named in the box, with the ending of the format."""
    path, suffixes = Path(bpy.path.abspath(settings.export_path)), flags.SUFFIXES[settings.export_format]
    return path if path.suffix.lower() in suffixes else path.with_name(path.name + suffixes[0])


def draw(context: bpy.types.Context, layout: bpy.types.UILayout) -> None:
    settings = context.scene.v2a
    column = layout.column()
    column.use_property_split = True
    column.use_property_decorate = False
    column.prop(settings, "export_format")
    if settings.export_format == "fbx":  # the presets say nothing of the others
        column.prop(settings, "export_preset")
    if settings.export_format != "bvh":
        column.prop(settings, "export_meshes")
    column.prop(settings, "export_path", placeholder=iface("Asks each time"))
    layout.operator("v2a.export", text=iface(BUTTONS[settings.export_format]), icon="EXPORT")


CLASSES = (V2A_OT_export,)
