"""The part of the panel that tells what was done to an armature: keys, feet, bones that point elsewhere or nowhere."""

from __future__ import annotations

import bpy

from .apply_report import ApplyReport, fewer_keys, recognised
from .capture import duration
from .map_editor import label
from .translations import Text, iface, joined
from .wrapping import wrapped

BONES_SHOWN = 12
WORST_SHOWN = 3
SLIDES = (
    Text("Left foot slides {after:.1f} cm/s, before {before:.1f}"),
    Text("Right foot slides {after:.1f} cm/s, before {before:.1f}"),
)
COMMERCIAL_USE = {
    "yes": Text("Commercial use: yes (network {name})"),
    "no": Text("Commercial use: no (network {name}, {licence})"),
    "unknown": Text("Commercial use: unknown (network {name}, {licence})"),
}


def draw(context: bpy.types.Context, layout: bpy.types.UILayout, report: ApplyReport) -> None:
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
    if report.network.get("commercial_use") != "yes":
        draw_licence(context, column, report, "ERROR")
    if report.unmapped_parts:
        parts = joined(map(label, report.unmapped_parts))
        wrapped(context, column, iface("No bone or no data for: {parts}", parts=parts), icon="INFO")
    for warning in report.warnings:
        wrapped(context, column, warning, icon="ERROR")
    if report.figures:
        _draw_angles(layout, report)
    if report.unmapped_bones:
        _draw_unmapped(context, layout, report)


def draw_licence(
    context: bpy.types.Context, layout: bpy.types.UILayout, report: ApplyReport, icon: str = "INFO"
) -> None:
    """Whether the result may be sold, which the network's licence says."""
    told = COMMERCIAL_USE.get(report.network.get("commercial_use", ""))
    if told is not None:
        name, licence = (report.network.get(key, "") for key in ("name", "licence"))
        wrapped(context, layout, iface(told, name=name, licence=licence), icon=icon)


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
