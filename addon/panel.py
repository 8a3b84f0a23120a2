"""The sidebar tab: what to capture onto what, how far it is, and what came of it."""

from __future__ import annotations

from pathlib import Path

import bpy

from . import (
    actions,
    export_operators,
    keys_panel,
    report_panel,
    run_operators,
    settings_presets,
    setup_panel,
    setup_watch,
    unfinished,
    verify_panel,
    watch,
)
from .apply_report import recognised, report_of
from .drop import TAB
from .map_editor_panel import V2A_PT_map
from .properties import OWN_FILE
from .self_check import Item
from .translations import CONTEXT, iface
from .wrapping import wrapped

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
        else:
            _draw_unfinished(context, layout)
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
        layout.prop(settings, "model", placeholder=iface("As shipped"))
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
        players = dict.fromkeys((settings.armature, *(item.armature for item in settings.motions)))
        reports = [report for armature in players if (report := report_of(armature)) is not None]
        for report in reports:
            report_panel.draw(context, layout, report)
        column = layout.column(align=True)
        row = column.row(align=True)
        row.operator("v2a.apply", text="Apply Again", icon="FILE_REFRESH")
        row.operator("v2a.refit", icon="CON_FLOOR")
        column.operator("v2a.save_motion", text="Save Motion …", icon="FILE_TICK")
        if reports and reports[0].network.get("commercial_use") == "yes":  # else it was told above
            report_panel.draw_licence(context, layout, reports[0])


class V2A_PT_export(Sub, bpy.types.Panel):
    bl_label = "Export"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        armature = context.scene.v2a.armature
        return armature is not None and bool(actions.players(armature))

    def draw(self, context: bpy.types.Context) -> None:
        export_operators.draw(context, self.layout)


def _draw_unfinished(context: bpy.types.Context, layout: bpy.types.UILayout) -> None:
    left = unfinished.offered(run_operators.motion_folder())
    if not left:
        return
    box, names = layout.box(), ", ".join(dict.fromkeys(Path(run.video).name for run in left))
    wrapped(context, box, iface("Not finished when Blender closed: {videos}", videos=names), icon="RECOVER_LAST")
    row = box.row(align=True)
    row.operator("v2a.continue_captures", text="Continue", icon="PLAY")
    row.operator("v2a.forget_captures", text="", icon="X")
    reason = run_operators.why_not_continue(context)
    if reason:
        wrapped(context, box, reason, icon="INFO")


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
        wrapped(context, column, text, icon="CHECKMARK")
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


CLASSES = (
    V2A_PT_main,
    V2A_PT_options,
    V2A_PT_rig,
    V2A_PT_map,
    V2A_PT_keys,
    V2A_PT_queue,
    V2A_PT_check,
    V2A_PT_result,
    V2A_PT_export,
)
