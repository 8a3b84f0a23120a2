"""What the buttons of the Set-up box do."""

from __future__ import annotations

import bpy

from . import setup_panel, setup_watch, watch
from .translations import tip


class V2A_OT_set_up(bpy.types.Operator):
    """Make a Python for the capture, with PyTorch and mediapipe, in this extension's own folder"""

    bl_idname = "v2a.set_up"
    bl_label = "Set Up the Capture's Python"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        problem = setup_watch.problem(context)
        if problem:
            cls.poll_message_set(problem)
        return not problem

    def execute(self, context: bpy.types.Context) -> set[str]:
        setup_watch.start(context, repair=False)
        return {"FINISHED"}


class V2A_OT_repair(bpy.types.Operator):
    """Check all files of the capture's Python, install anew what is missing, damaged or of another build than chosen"""

    bl_idname = "v2a.repair"
    bl_label = "Repair the Capture's Python"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        problem = setup_watch.problem(context) if setup_panel.installed() else tip("Nothing is set up yet")
        if problem:
            cls.poll_message_set(problem)
        return not problem

    def execute(self, context: bpy.types.Context) -> set[str]:
        setup_watch.start(context, repair=True)
        return {"FINISHED"}


class V2A_OT_cancel_set_up(bpy.types.Operator):
    """Stop the set-up; what was fetched is kept for the next try"""

    bl_idname = "v2a.cancel_set_up"
    bl_label = "Cancel Set-up"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not setup_watch.running():
            cls.poll_message_set(tip("No set-up is running"))
        return setup_watch.running()

    def execute(self, context: bpy.types.Context) -> set[str]:
        setup_watch.cancel()
        return {"FINISHED"}


class V2A_OT_remove_runtime(bpy.types.Operator):
    """Delete the capture's Python and its packages from the disk"""

    bl_idname = "v2a.remove_runtime"
    bl_label = "Remove the Capture's Python"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        busy = tip("It is in use") if setup_watch.running() or watch.running() else ""
        problem = busy or ("" if setup_panel.installed() else tip("Nothing is set up yet"))
        if problem:
            cls.poll_message_set(problem)
        return not problem

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_confirm(self, event)

    def execute(self, context: bpy.types.Context) -> set[str]:
        setup_watch.remove()
        return {"FINISHED"}


CLASSES = (V2A_OT_set_up, V2A_OT_repair, V2A_OT_cancel_set_up, V2A_OT_remove_runtime)
