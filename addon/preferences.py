"""The extension's preferences: which interpreter runs the capture."""

# No `from __future__ import annotations`: Blender reads properties from the annotations themselves.
# pyright: reportInvalidTypeForm=false

import bpy
from bpy.props import StringProperty

from . import watch
from .wrapping import wrapped

PACKAGE = str(__package__).rpartition(".")[0]  # the extension's own name, under which Blender keeps its preferences


class V2A_Preferences(bpy.types.AddonPreferences):
    bl_idname = PACKAGE

    interpreter: StringProperty(
        name="Python Interpreter",
        description="A Python 3.11 that has torch and mediapipe, or the folder of its environment. "
        "It runs the capture in a process of its own; Blender's Python stays as it is",
        subtype="FILE_PATH",
    )

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.prop(self, "interpreter")
        row = layout.row()
        row.operator("v2a.check_runtime")
        if watch.runtime_answer:
            fit, text = watch.runtime_answer
            wrapped(context, layout, text, icon="CHECKMARK" if fit else "ERROR")


def interpreter(context: bpy.types.Context) -> str:
    """What the user named, '' if nothing."""
    addon = context.preferences.addons.get(PACKAGE)
    return addon.preferences.interpreter if addon is not None and addon.preferences is not None else ""


CLASSES = (V2A_Preferences,)
