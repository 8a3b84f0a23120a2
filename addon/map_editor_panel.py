"""The part of the panel where a bone map is looked over and corrected: a row for each bone, by limbs."""

from __future__ import annotations

from typing import Any

import bpy

from . import map_editor
from .apply_report import recognised
from .drop import TAB
from .map_editor_operators import changed, listed
from .translations import iface
from .wrapping import wrapped

NAMES_SHARE = 0.29  # of a row's width: bones have the longer names


class V2A_PT_map(bpy.types.Panel):
    bl_label = "Bone Map"
    bl_parent_id = "V2A_PT_main"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = TAB
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = self.layout, context.scene.v2a
        layout.operator("v2a.list_bones", icon="BONE_DATA")
        if settings.armature is not None and len(settings.bone_map.rows):
            _draw_list(context, layout, settings)
        layout.operator("v2a.save_map", text="Save Bone Map …", icon="FILE_TICK")
        row = layout.row(align=True)
        row.operator("v2a.import_map", text="Import …", icon="IMPORT")
        row.operator("v2a.export_map", text="Export …", icon="EXPORT")
        row.operator("v2a.remove_map", text="", icon="TRASH")


def _draw_list(context: bpy.types.Context, layout: bpy.types.UILayout, settings: Any) -> None:
    if changed(settings):
        wrapped(context, layout, "Changed and not saved: motions are applied by the preset as it was", icon="INFO")
    else:
        wrapped(context, layout, recognised(settings.bone_map.told), icon="INFO")
    rows = listed(settings)
    wrong = map_editor.problems(rows, settings.armature.data.bones.keys())
    for group, parts in map_editor.GROUPS.items():
        within = [i for i, row in enumerate(rows) if row.part in parts]
        wanted = set(parts) - set(map_editor.EXTRA)
        placed = len(wanted & {rows[i].part for i in within if rows[i].bone})
        whole = placed == len(wanted)
        header, body = layout.panel(f"v2a_map_{group}", default_closed=whole and "hips" not in parts)
        icon = _icon(whole, not wrong.keys().isdisjoint(within))
        header.label(text=f"{iface(group)}: {placed} / {len(wanted)}", icon=icon)
        if body is not None:
            column = body.column(align=True)
            side = ""
            for i in within:
                part, before = rows[i].part, side
                side = map_editor.sided(part)[0]
                if side != before:
                    column.label(text=side)
                last = i + 1 not in within or rows[i + 1].part != part
                _draw_row(context, column, i, i in wrong, last and part in map_editor.SEVERAL)
    for text in dict.fromkeys(wrong.values()):
        wrapped(context, layout, iface(text), icon="ERROR")


def _draw_row(context: bpy.types.Context, layout: bpy.types.UILayout, i: int, wrong: bool, more: bool) -> None:
    """One row: the part, and its bone to choose; more: the button for another bone of the part."""
    settings = context.scene.v2a
    row = settings.bone_map.rows[i]
    split = layout.split(factor=NAMES_SHARE, align=True)
    name = split.row()
    name.alert = wrong
    name.label(text=map_editor.sided(row.part)[1])
    bone = split.row(align=True)
    icon = _icon(bool(row.bone), wrong, "BONE_DATA")
    bone.prop_search(row, "bone", settings.armature.data, "bones", text="", icon=icon)
    if more:
        bone.operator("v2a.add_bone", text="", icon="ADD").index = i
    if context.mode == "POSE":  # elsewhere names need the room
        bone.operator("v2a.pick_bone", text="", icon="RESTRICT_SELECT_OFF").index = i


def _icon(whole: bool, wrong: bool, good: str = "CHECKMARK") -> str:
    return "ERROR" if wrong else good if whole else "REMOVE"
