"""The sidebar tab: what to capture onto what, how far it is, and what came of it."""

from __future__ import annotations

import bpy

from . import operators, watch
from .apply import ApplyReport
from .capture import duration
from .properties import OWN_FILE
from .wrapping import wrapped

TAB = "Video to Armature"
BONES_SHOWN = 12


class V2A_PT_main(bpy.types.Panel):
    bl_label = TAB
    bl_idname = "V2A_PT_main"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = TAB

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = self.layout, context.scene.v2a
        column = layout.column()
        column.use_property_split = True
        column.use_property_decorate = False
        column.enabled = not watch.running()
        column.prop(settings, "video")
        column.prop(settings, "armature")
        column.prop(settings, "preset")
        if settings.preset == OWN_FILE:
            column.prop(settings, "preset_file")
        missing = operators.runtime_problem(context)
        if missing:
            box = layout.box()
            wrapped(context, box, missing, icon="ERROR")
            box.operator("v2a.open_preferences", icon="PREFERENCES")
        if watch.running():
            _draw_progress(layout)
        else:
            _draw_start(context, layout, enabled=not missing)


class V2A_PT_options(bpy.types.Panel):
    bl_label = "Options"
    bl_parent_id = "V2A_PT_main"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = TAB
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = self.layout, context.scene.v2a
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.enabled = not watch.running()
        layout.prop(settings, "people")
        if settings.people == "number":
            layout.prop(settings, "number")
        column = layout.column(align=True)
        column.prop(settings, "start")
        column.prop(settings, "end")
        layout.prop(settings, "height")
        layout.prop(settings, "hfov")
        layout.prop(settings, "smooth_hz")
        layout.prop(settings, "frame_rate")


class V2A_PT_result(bpy.types.Panel):
    bl_label = "Result"
    bl_parent_id = "V2A_PT_main"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = TAB

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return len(context.scene.v2a.motions) > 0

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = self.layout, context.scene.v2a
        for report in filter(_still_there, watch.reports):
            _draw_report(context, layout, report)
        layout.operator("v2a.apply", icon="FILE_REFRESH")
        column = layout.column(align=True)
        column.prop(settings, "export_preset")
        column.operator("v2a.export_fbx", icon="EXPORT")


def _draw_start(context: bpy.types.Context, layout: bpy.types.UILayout, *, enabled: bool) -> None:
    row = layout.row()
    row.scale_y = 1.5
    row.enabled = enabled
    row.operator("v2a.start", icon="PLAY")
    run = watch.current
    if run is not None and run.error:
        wrapped(context, layout.box(), run.error, icon="ERROR")
    elif run is not None and run.cancelled:
        layout.label(text="Cancelled", icon="CANCEL")
    elif enabled and operators.problem(context):
        layout.label(text=operators.problem(context), icon="INFO")


def _draw_progress(layout: bpy.types.UILayout) -> None:
    run = watch.current
    assert run is not None
    if run.cancelled:
        layout.label(text="Stopping …", icon="SORTTIME")
        return
    progress = run.capture.progress if run.capture is not None else None
    row = layout.row()
    row.scale_y = 1.5
    row.progress(
        text="Starting" if progress is None else progress.label,
        factor=0.0 if progress is None else progress.fraction,
    )
    layout.label(text=progress.text if progress is not None else "")
    layout.operator("v2a.cancel", icon="X")


def _draw_report(context: bpy.types.Context, layout: bpy.types.UILayout, report: ApplyReport) -> None:
    moved = sum(len(bones) for bones in report.mapped_bones.values())
    column = layout.column(align=True)
    column.label(text=f"{report.armature} is animated", icon="CHECKMARK")
    length = duration(report.frames / report.fps)
    column.label(text=f"{report.frames} frames at {report.fps:.4g} fps, {length}", icon="BLANK1")
    column.label(text=f"{moved} bones moved, {report.preset} preset", icon="BLANK1")
    if report.unmapped_parts:
        parts = ", ".join(part.replace("_", " ") for part in report.unmapped_parts)
        wrapped(context, column, f"No bone or no data for: {parts}", icon="INFO")
    for warning in report.warnings:
        wrapped(context, column, warning, icon="ERROR")
    if report.unmapped_bones:
        _draw_unmapped(context, layout, report)


def _still_there(report: ApplyReport) -> bool:
    """Not undone, and not given another action since."""
    armature = bpy.data.objects.get(report.armature)
    animation = armature.animation_data if armature is not None else None
    return animation is not None and animation.action is not None and animation.action.name == report.action


def _draw_unmapped(context: bpy.types.Context, layout: bpy.types.UILayout, report: ApplyReport) -> None:
    header, body = layout.panel(f"v2a_unmapped_{report.armature}", default_closed=True)
    header.label(text=f"{len(report.unmapped_bones)} bones left at rest")
    if body is not None:
        shown = report.unmapped_bones[:BONES_SHOWN]
        more = len(report.unmapped_bones) - len(shown)
        wrapped(context, body, ", ".join(shown) + (f" and {more} more" if more else ""))


CLASSES = (V2A_PT_main, V2A_PT_options, V2A_PT_result)
