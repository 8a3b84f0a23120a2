"""The Set-up box, in the sidebar and in the preferences."""

from __future__ import annotations

from typing import Any

import bpy

from . import runtime_folder, setup_watch
from .translations import Text, iface
from .wrapping import wrapped

BUTTONS = {
    "absent": Text("Set Up"),
    "unfinished": Text("Continue Set-up"),
    "outdated": Text("Update"),
    "ready": Text("Set Up Again"),
}
TEXTS = {
    "absent": Text("The capture runs in a Python of its own, which is not there yet"),
    "unfinished": Text("The set-up is not finished; what was fetched is kept"),
    "outdated": Text("The packages are of an earlier version of this extension"),
    "ready": Text("The capture's Python is set up"),
}


def draw(context: bpy.types.Context, layout: bpy.types.UILayout) -> None:
    """What is there, what a click would do, the button; while it runs, how far it is."""
    if setup_watch.running():
        _draw_running(layout)
        return
    setup, state = setup_watch.current, setup_watch.state()
    wrapped(context, layout, TEXTS[state], icon="CHECKMARK" if state == "ready" else "INFO")
    error = setup_watch.removal_error or (setup.error if setup is not None else "")
    if error:
        wrapped(context, layout, error, icon="ERROR")
        layout.operator("v2a.copy_report", icon="COPYDOWN")
    problem = setup_watch.problem(context)
    if state != "ready":
        wrapped(context, layout, setup_watch.offer(context))
    if state != "ready" and problem and setup_watch.machine() is not None:
        wrapped(context, layout, problem, icon="ERROR")
    if not bpy.app.online_access and setup_watch.wheels(context) is None:
        layout.prop(context.preferences.system, "use_online_access", text="Allow Online Access")
    if state != "ready":
        row = layout.row()
        row.scale_y = 1.5
        row.operator("v2a.set_up", text=iface(BUTTONS[state]), icon="IMPORT")


def draw_preferences(context: bpy.types.Context, layout: bpy.types.UILayout, preferences: Any) -> None:
    """All of it: source, own interpreter, repair, removal."""
    box = layout.box()
    if preferences.interpreter and not setup_watch.running():
        wrapped(context, box, "The Python that is named below is used, and none needs to be set up", icon="INFO")
    else:
        draw(context, box)
    column = box.column()
    column.use_property_split = True
    column.enabled = not setup_watch.running()
    column.prop(preferences, "build")
    column.prop(preferences, "wheels")
    wrapped(context, box, iface("Kept in {folder}", folder=setup_watch.folder()))
    row = box.row()
    row.operator("v2a.repair", text="Repair", icon="TOOL_SETTINGS")
    row.operator("v2a.remove_runtime", text="Remove", icon="TRASH")
    column = layout.column()
    column.use_property_split = True
    column.prop(preferences, "interpreter")
    layout.operator("v2a.check_runtime", text="Check", icon="VIEWZOOM")
    if setup_watch.runtime_answer:
        fit, text = setup_watch.runtime_answer
        wrapped(context, layout, text, icon="CHECKMARK" if fit else "ERROR")


def _draw_running(layout: bpy.types.UILayout) -> None:
    setup = setup_watch.current
    assert setup is not None
    if setup.cancelled:
        layout.label(text="Stopping …", icon="SORTTIME")
        return
    row = layout.row()
    row.scale_y = 1.5
    row.progress(text=iface(setup.label), factor=setup.fraction)
    layout.label(text=iface(setup.text))
    layout.operator("v2a.cancel_set_up", text="Cancel", icon="X")


def installed() -> bool:
    """Whether there is something to repair or to remove."""
    return runtime_folder.state(setup_watch.folder()) != "absent"
