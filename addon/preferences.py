"""The extension's preferences: which interpreter runs the capture, and how the set-up makes one."""

# No `from __future__ import annotations`: Blender reads properties from the annotations themselves.
# pyright: reportInvalidTypeForm=false

import bpy
from bpy.props import EnumProperty, StringProperty

PACKAGE = str(__package__).rpartition(".")[0]  # the extension's own name, under which Blender keeps its preferences


class V2A_Preferences(bpy.types.AddonPreferences):
    bl_idname = PACKAGE

    interpreter: StringProperty(
        name="Python Interpreter",
        description="A Python 3.11 of your own that has torch and mediapipe, or the folder of its environment; empty "
        "for the one that Set Up makes. It runs the capture in a process of its own; Blender's Python stays as it is",
        subtype="FILE_PATH",
    )
    build: EnumProperty(
        name="PyTorch",
        description="Which build of PyTorch Set Up installs",
        items=[
            ("auto", "Automatic", "What suits this computer's graphics card"),
            ("gpu", "Graphics Card", "CUDA or ROCm, as the card has it"),
            ("cpu", "CPU", "The smallest; detection runs on the CPU in any case"),
            ("index", "As My Package Index Has It", "For a package index of your own"),
        ],
    )
    wheels: StringProperty(
        name="Folder of Wheels",
        description="For a computer without a network: a folder that holds the wheels of requirements/runtime.txt, "
        "fetched elsewhere. Nothing is fetched then",
        subtype="DIR_PATH",
    )

    def draw(self, context: bpy.types.Context) -> None:
        from . import setup_panel  # which needs this module

        setup_panel.draw_preferences(context, self.layout, self)


def interpreter(context: bpy.types.Context) -> str:
    """What the user named, '' if nothing."""
    return _named(context, "interpreter")


def build(context: bpy.types.Context) -> str:
    """The name of a runtime_machine.Build, or auto."""
    return _named(context, "build") or "auto"


def wheels(context: bpy.types.Context) -> str:
    """The folder to install from, '' for the package index."""
    return _named(context, "wheels")


def _named(context: bpy.types.Context, name: str) -> str:
    addon = context.preferences.addons.get(PACKAGE)
    return getattr(addon.preferences, name) if addon is not None and addon.preferences is not None else ""


CLASSES = (V2A_Preferences,)
