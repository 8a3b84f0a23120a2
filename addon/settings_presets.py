"""Choices under a name: Blender's own presets, in the header of the panel. Not what belongs to one video or one rig."""

from __future__ import annotations

from pathlib import Path

import bpy
from bl_operators.presets import AddPresetBase
from bl_ui.utils import PresetPanel

ROOT = Path(__file__).resolve().parent.parent
SUBDIR = "video_to_armature"
NAMES = (
    "people", "number", "height", "hfov", "smooth_hz", "frame_rate", "root", "place", "turn", "facing", "left_foot",
    "right_foot", "limbs", "controls", "start_frame", "speed", "action", "tolerance", "tolerance_m", "export_format",
    "export_preset", "export_meshes",
)  # fmt: skip


class V2A_OT_preset_add(AddPresetBase, bpy.types.Operator):
    """Keep the present choices under a name, or forget those of a name"""

    bl_idname = "v2a.preset_add"
    bl_label = "Add Capture Preset"
    preset_menu = "V2A_PT_presets"
    preset_subdir = SUBDIR
    preset_defines = ("settings = bpy.context.scene.v2a",)
    preset_values = tuple(f"settings.{name}" for name in NAMES)


class V2A_PT_presets(PresetPanel, bpy.types.Panel):
    bl_label = "Capture Presets"
    preset_subdir = SUBDIR
    preset_operator = "script.execute_preset"
    preset_add_operator = "v2a.preset_add"


def attach() -> None:
    bpy.utils.register_preset_path(str(ROOT))  # presets/video_to_armature/ of the extension


def detach() -> None:
    bpy.utils.unregister_preset_path(str(ROOT))


CLASSES = (V2A_OT_preset_add, V2A_PT_presets)
