"""The sidebar tab: what to capture onto what, how far it is, and what came of it."""

from __future__ import annotations

import bpy

from . import keys_panel, run_operators, settings_presets, setup_panel, setup_watch, verify_panel, watch
from .apply_report import ApplyReport, fewer_keys, recognised, report_of
from .capture import duration
from .drop import TAB
from .map_editor import label
from .map_editor_panel import V2A_PT_map
from .properties import OWN_FILE
from .self_check import Item
from .translations import CONTEXT, Text, iface, joined
from .wrapping import wrapped

BONES_SHOWN = 12
WORST_SHOWN = 3
SLIDES = (
    Text("Left foot slides {after:.1f} cm/s, before {before:.1f}"),
    Text("Right foot slides {after:.1f} cm/s, before {before:.1f}"),
)
STATE_ICONS = {
    "waiting": "TIME",
    "checking": "VIEWZOOM",
    "running": "PLAY",
    "done": "CHECKMARK",
    "failed": "ERROR",
    "cancelled": "CANCEL",
}


class Sub:
    """Where the panels below the first one lie."""

    bl_parent_id = "V2A_PT_main"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = TAB


class V2A_PT_main(bpy.types.Panel):
    bl_label = TAB
    bl_idname = "V2A_PT_main"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = TAB

    def draw_header_preset(self, context: bpy.types.Context) -> None:
        settings_presets.V2A_PT_presets.draw_panel_header(self.layout)

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = self.layout, context.scene.v2a
        column = layout.column()
        column.use_property_split = True
        column.use_property_decorate = False
        column.prop(settings, "video")
        column.prop(settings, "armature")
        column.prop(settings, "preset")
        if settings.preset == OWN_FILE:
            column.prop(settings, "preset_file")
        missing = run_operators.runtime_problem(context)
        if setup_watch.running() or (missing and not run_operators.names_own(context)):
            setup_panel.draw(context, layout.box())
        elif missing:
            box = layout.box()
            wrapped(context, box, missing, icon="ERROR")
            box.operator("v2a.open_preferences", icon="PREFERENCES")
        if watch.running():
            _draw_progress(context, layout)
        _draw_start(context, layout)
        if watch.current is not None:
            watch.current.live.draw(context, layout)  # below the buttons: they must not move away from the mouse


class V2A_PT_options(Sub, bpy.types.Panel):
    bl_label = "Options"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = self.layout, context.scene.v2a
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.prop(settings, "people")
        if settings.people == "number":
            layout.prop(settings, "number")
        column = layout.column(align=True)
        column.prop(settings, "start")
        column.prop(settings, "end")
        layout.prop(settings, "height")
        layout.prop(settings, "hfov")
        layout.prop(settings, "smooth_hz")
        row = layout.row(align=True)
        row.operator("v2a.load_recipe", text="Load Recipe …", icon="IMPORT")
        row.operator("v2a.save_recipe", text="Save Recipe …", icon="EXPORT")


class V2A_PT_rig(Sub, bpy.types.Panel):
    bl_label = "Rig"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = self.layout, context.scene.v2a
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.prop(settings, "root")
        layout.prop(settings, "place")
        row = layout.row(heading=iface("Facing"))
        row.prop(settings, "turn", text="")
        facing = row.row()
        facing.active = settings.turn
        facing.prop(settings, "facing", text="")
        column = layout.column(align=True)
        column.prop(settings, "left_foot")
        column.prop(settings, "right_foot")
        layout.prop(settings, "frame_rate")


class V2A_PT_keys(Sub, bpy.types.Panel):
    bl_label = "Keys"
    bl_translation_context = CONTEXT
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012

    def draw(self, context: bpy.types.Context) -> None:
        keys_panel.draw(context, self.layout)


class V2A_PT_queue(Sub, bpy.types.Panel):
    bl_label = "Queue"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012

    def draw_header_preset(self, context: bpy.types.Context) -> None:
        if watch.waiting:
            self.layout.label(text=iface("{count} waiting", count=len(watch.waiting)))

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        column = layout.column(align=True)
        now = [watch.current] if watch.current is not None and watch.current not in watch.past else []
        for run in (*watch.past, *now):
            column.label(text=run.plan.video.name, icon=STATE_ICONS[run.state])
            if run.error:
                wrapped(context, column, run.error, icon="BLANK1")
        for i, run in enumerate(watch.waiting):
            row = column.row()
            row.label(text=run.plan.video.name, icon=STATE_ICONS[run.state])
            row.operator("v2a.take_off", text="", icon="X", emboss=False).index = i
        layout.operator("v2a.add_videos", text="Add Videos …", icon="ADD")
        layout.operator("v2a.open_motion", text="Open Motion …", icon="FILE_FOLDER")
        if watch.waiting:
            layout.operator("v2a.cancel_all", icon="CANCEL")


class V2A_PT_check(Sub, bpy.types.Panel):
    bl_label = "Self-Check"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012

    def draw(self, context: bpy.types.Context) -> None:
        layout, check = self.layout, watch.last_check
        for item in check.items if check is not None else ():
            _draw_item(context, layout, item)
        if check is not None and not check.done:
            layout.label(text="Looking …", icon="SORTTIME")
        layout.operator("v2a.check", text="Check Now", icon="VIEWZOOM")
        layout.operator("v2a.copy_report", text="Copy Report", icon="COPYDOWN")


class V2A_PT_result(Sub, bpy.types.Panel):
    bl_label = "Result"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return len(context.scene.v2a.motions) > 0

    def draw(self, context: bpy.types.Context) -> None:
        layout, settings = self.layout, context.scene.v2a
        verify_panel.draw(context, layout)
        for armature in dict.fromkeys((settings.armature, *(item.armature for item in settings.motions))):
            report = report_of(armature)
            if report is not None:
                _draw_report(context, layout, report)
        column = layout.column(align=True)
        column.operator("v2a.apply", text="Apply Again", icon="FILE_REFRESH")
        column.operator("v2a.refit", icon="CON_FLOOR")
        column.operator("v2a.save_motion", text="Save Motion …", icon="FILE_TICK")
        column = layout.column(align=True)
        column.prop(settings, "export_preset")
        column.operator("v2a.export_fbx", icon="EXPORT")


def _draw_start(context: bpy.types.Context, layout: bpy.types.UILayout) -> None:
    row = layout.row()
    if watch.running():
        row.operator("v2a.start", text="Add to Queue", icon="ADD")
        return
    row.scale_y = 1.5
    row.operator("v2a.start", text="Start", icon="PLAY")
    run = watch.current
    if run is not None and run.error:
        _draw_failure(context, layout.box(), run)
    elif run is not None and run.cancelled:
        layout.label(text="Cancelled; what was found is kept", icon="CANCEL")
    elif run_operators.problem(context):
        wrapped(context, layout, run_operators.problem(context), icon="INFO")


def _draw_failure(context: bpy.types.Context, box: bpy.types.UILayout, run: watch.Run) -> None:
    """The items of the self-check that stopped it, or what stopped the worker."""
    if run.capture is None and run.check is not None and run.check.failures:
        for item in run.check.failures:
            _draw_item(context, box, item)
        return
    wrapped(context, box, run.error, icon="ERROR")
    box.operator("v2a.copy_report", text="Copy Report", icon="COPYDOWN")


def _draw_item(context: bpy.types.Context, layout: bpy.types.UILayout, item: Item) -> None:
    column = layout.column(align=True)
    text = f"{iface(item.name)}: {recognised(iface(item.text))}"
    if item.ok:
        column.label(text=text, icon="CHECKMARK")
        return
    wrapped(context, column, text, icon="ERROR")
    if item.remedy:
        wrapped(context, column, item.remedy, icon="BLANK1")
    if item.operator:
        column.operator(item.operator)


def _draw_progress(context: bpy.types.Context, layout: bpy.types.UILayout) -> None:
    run = watch.current
    assert run is not None
    if run.cancelled:
        layout.label(text="Stopping …", icon="SORTTIME")
        return
    progress = run.capture.progress if run.capture is not None else None
    row = layout.row()
    row.scale_y = 1.5
    row.progress(
        text="Checking that all is there" if progress is None else iface(progress.label),
        factor=0.0 if progress is None else progress.fraction,
    )
    layout.label(text=iface(progress.text) if progress is not None else "")
    if run.capture is not None and run.capture.silent:
        box = layout.box()
        silent = iface("{silent}. Wait if the disk is busy, else cancel", silent=run.capture.silent)
        wrapped(context, box, silent, icon="ERROR")
        box.operator("v2a.copy_report", text="Copy Report", icon="COPYDOWN")
    layout.operator("v2a.cancel", text="Cancel", icon="X")


def _draw_report(context: bpy.types.Context, layout: bpy.types.UILayout, report: ApplyReport) -> None:
    moved = sum(len(bones) for bones in report.mapped_bones.values())
    column = layout.column(align=True)
    column.label(text=iface("{armature} is animated", armature=report.armature), icon="CHECKMARK")
    clip = {"frames": report.frames, "fps": report.fps, "length": duration(report.frames / report.fps)}
    column.label(text=iface("{frames} frames at {fps:.4g} fps, {length}", **clip), icon="BLANK1")
    column.label(text=iface("{count} bones moved", count=moved), icon="BLANK1")
    if report.keys["written"] < report.keys["of"]:
        wrapped(context, column, fewer_keys(report), icon="BLANK1")
    wrapped(context, column, iface("Bone map: {recognised}", recognised=recognised(report.recognised)), icon="BLANK1")
    for side, slide in report.slides.items():
        left, right = SLIDES
        column.label(text=iface(left if side == "left" else right, **slide), icon="BLANK1")
    if report.unmapped_parts:
        parts = joined(map(label, report.unmapped_parts))
        wrapped(context, column, iface("No bone or no data for: {parts}", parts=parts), icon="INFO")
    for warning in report.warnings:
        wrapped(context, column, warning, icon="ERROR")
    if report.figures:
        _draw_angles(layout, report)
    if report.unmapped_bones:
        _draw_unmapped(context, layout, report)


def _draw_angles(layout: bpy.types.UILayout, report: ApplyReport) -> None:
    """The bones that point farthest from where the capture has them."""
    worst = sorted(report.figures.items(), key=lambda item: item[1]["mean_deg"], reverse=True)[:WORST_SHOWN]
    header, body = layout.panel(f"v2a_angles_{report.armature}", default_closed=True)
    header.label(text=iface("Worst bone: {degrees:.1f}° off (mean)", degrees=worst[0][1]["mean_deg"]))
    if body is not None:
        column = body.column(align=True)
        for bone, off in worst:
            name = bone.rpartition(":")[2]
            column.label(text=iface("{bone}: mean {mean_deg:.1f}°, 95 % below {p95_deg:.1f}°", bone=name, **off))


def _draw_unmapped(context: bpy.types.Context, layout: bpy.types.UILayout, report: ApplyReport) -> None:
    header, body = layout.panel(f"v2a_unmapped_{report.armature}", default_closed=True)
    header.label(text=iface("{count} bones left at rest", count=len(report.unmapped_bones)))
    if body is not None:
        shown = report.unmapped_bones[:BONES_SHOWN]
        more = len(report.unmapped_bones) - len(shown)
        names = ", ".join(shown)
        wrapped(context, body, iface("{names} and {count} more", names=names, count=more) if more else names)


CLASSES = (V2A_PT_main, V2A_PT_options, V2A_PT_rig, V2A_PT_map, V2A_PT_keys, V2A_PT_queue, V2A_PT_check, V2A_PT_result)
