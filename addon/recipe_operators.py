"""The buttons that write what is set in the panel as a recipe, and read one."""

# No `from __future__ import annotations`: Blender reads properties from the annotations themselves.
# pyright: reportInvalidTypeForm=false

from pathlib import Path
from typing import Any

import bpy
from bpy.props import StringProperty
from bpy_extras.io_utils import ExportHelper, ImportHelper

from ..lifter.contract.protocol import V2AError
from . import flags, recipe
from .recipe_settings import ELSEWHERE, TAKEN, of_settings, to_settings
from .translations import rpt, tip


class V2A_OT_save_recipe(bpy.types.Operator, ExportHelper):
    """Write what is set here as a text file (TOML): batch.py --recipe FILE does the same without a window"""

    bl_idname = "v2a.save_recipe"
    bl_label = "Save Recipe"
    filename_ext = ".toml"

    filter_glob: StringProperty(default="*.toml", options={"HIDDEN"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not context.scene.v2a.video:
            cls.poll_message_set(tip("Choose a video"))
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        path = Path(self.filepath)
        try:  # overwriting: Blender's file browser has asked already
            recipe.write(path, of_settings(context.scene, path.parent), overwrite=True)
        except V2AError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        if bpy.data.filepath:
            self.report({"INFO"}, rpt("Wrote {path}", path=path))
        else:
            text = "Wrote {path} without a rig: save this .blend, then write the recipe once more"
            self.report({"WARNING"}, rpt(text, path=path))
        return {"FINISHED"}


class V2A_OT_load_recipe(bpy.types.Operator, ImportHelper):
    """Set everything here as a recipe (TOML) says; what it does not say goes back to its default"""

    bl_idname = "v2a.load_recipe"
    bl_label = "Load Recipe"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    filter_glob: StringProperty(default="*.toml", options={"HIDDEN"})
    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[Any]:
        if self.filepath:  # dropped
            return self.execute(context)
        return ImportHelper.invoke(self, context, event)

    def execute(self, context: bpy.types.Context) -> set[str]:
        path = Path(self.filepath)
        try:
            parser = flags.parser()
            said = recipe.read(path, parser)
            to_settings(context.scene, parser.parse_args(recipe.arguments(said, parser)))
        except V2AError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        exports = [kind for kind in flags.EXPORTS if kind in said]
        left = sorted({*(said.keys() - TAKEN - ELSEWHERE), *exports[1:]})
        if left:
            told = {"recipe": path.name, "settings": ", ".join(left)}
            self.report({"WARNING"}, rpt("{recipe}: the panel has no place for {settings}; batch.py has", **told))
        return {"FINISHED"}


CLASSES = (V2A_OT_save_recipe, V2A_OT_load_recipe)
