"""The part of the panel about keys: of which limbs, from which frames, into which action, and how many."""

from __future__ import annotations

import bpy

from .retarget.choices import Limb

ROWS: tuple[tuple[Limb, ...], ...] = (
    ("root", "trunk", "head"),
    ("right arm", "left arm"),  # as they stand in a character seen from the front
    ("right leg", "left leg"),
)


def draw(context: bpy.types.Context, layout: bpy.types.UILayout) -> None:
    settings = context.scene.v2a
    column = layout.column(align=True)
    for limbs in ROWS:
        row = column.row(align=True)
        for limb in limbs:
            row.prop_enum(settings, "limbs", limb)
    layout.use_property_split = True
    layout.use_property_decorate = False
    layout.prop(settings, "controls")
    column = layout.column(align=True)
    column.prop(settings, "first_frame")
    column.prop(settings, "last_frame")
    column = layout.column(align=True)
    column.prop(settings, "start_frame")
    column.prop(settings, "speed")
    layout.prop(settings, "action")
    layout.label(text="Fewer keys, off by at most")
    column = layout.column(align=True)
    column.prop(settings, "tolerance", text="Rotation")
    column.prop(settings, "tolerance_m", text="Location (m)")
