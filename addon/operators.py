"""What the panel's buttons do with a captured motion: collect, call, report. Errors become text here."""

# No `from __future__ import annotations`: Blender reads properties from the annotations themselves.
# pyright: reportInvalidTypeForm=false

from pathlib import Path

import bpy
from bpy.props import StringProperty
from bpy_extras.io_utils import ExportHelper

from ..lifter.contract.motion import Motion
from ..lifter.contract.protocol import InputError, UsageError, V2AError
from . import (
    apply,
    casting,
    export,
    preferences,
    properties,
    run_operators,
    runtime,
    setup_operators,
    setup_watch,
    watch,
)


class V2A_OT_apply(bpy.types.Operator):
    """Animate the armature with the captured motion, without capturing again"""

    bl_idname = "v2a.apply"
    bl_label = "Apply Again"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    armature: StringProperty(
        description="Name of the armature; empty for the one chosen", options={"HIDDEN", "SKIP_SAVE"}
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        settings = context.scene.v2a
        if not settings.motions:
            cls.poll_message_set("Nothing has been captured yet")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.v2a
        try:
            armature = context.scene.objects.get(self.armature) if self.armature else settings.armature
            if armature is None or armature.name not in context.scene.objects:
                raise UsageError(f"the armature {self.armature!r} is not in this scene. Choose one and apply again.")
            paths = [Path(bpy.path.abspath(item.path)) for item in settings.motions]
            if not all(path.is_file() for path in paths):
                raise InputError("the captured motion is no longer there. Capture the video again.")
            motions = [Motion.load(path) for path in paths]
            watch.reports[:] = apply.apply_people(
                context.scene,
                _armatures(context, settings, armature),
                motions,
                properties.rig_preset(settings),
                frame_rate=settings.frame_rate,
            )
        except V2AError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        for report in watch.reports:
            self.report({"INFO"}, f"'{report.armature}': {report.frames} frames at {report.fps:.6g} frames a second")
        return {"FINISHED"}


class V2A_OT_export_fbx(bpy.types.Operator, ExportHelper):
    """Export the armature, its meshes and its motion"""

    bl_idname = "v2a.export_fbx"
    bl_label = "Export FBX"
    filename_ext = ".fbx"

    filter_glob: StringProperty(default="*.fbx", options={"HIDDEN"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        armature = context.scene.v2a.armature
        if armature is None or armature.animation_data is None or armature.animation_data.action is None:
            cls.poll_message_set("The armature has no animation yet")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.v2a
        try:  # overwriting: Blender's file browser has asked already
            export.export(
                context, settings.armature, Path(self.filepath), "fbx", preset=settings.export_preset, overwrite=True
            )
        except V2AError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self.report({"INFO"}, f"Wrote {self.filepath}")
        return {"FINISHED"}


class V2A_OT_check_runtime(bpy.types.Operator):
    """Load the packages that the capture needs in the interpreter, to see whether it is fit"""

    bl_idname = "v2a.check_runtime"
    bl_label = "Check"

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            watch.check_runtime(runtime.find(preferences.interpreter(context), made=setup_watch.made()))
        except V2AError as error:
            watch.runtime_answer = (False, str(error))
        return {"FINISHED"}


class V2A_OT_open_preferences(bpy.types.Operator):
    """Show where the interpreter is named"""

    bl_idname = "v2a.open_preferences"
    bl_label = "Open Preferences"

    def execute(self, context: bpy.types.Context) -> set[str]:
        bpy.ops.preferences.addon_show(module=preferences.PACKAGE)
        return {"FINISHED"}


def _armatures(
    context: bpy.types.Context, settings: properties.V2A_Settings, armature: bpy.types.Object
) -> list[bpy.types.Object]:
    """Who plays whom: the armature the first person, copies of it (those of last time) the others."""
    if len(settings.motions) > 1 and armature in [item.armature for item in settings.motions][1:]:
        raise UsageError(f"'{armature.name}' plays another person already. Choose the first armature.")
    settings.motions[0].armature = armature
    for item in settings.motions[1:]:
        if item.armature is None or item.armature.name not in context.scene.objects:
            item.armature = casting.copy_rig(context, armature)
    return [item.armature for item in settings.motions]


CLASSES = (
    V2A_OT_apply,
    V2A_OT_export_fbx,
    V2A_OT_check_runtime,
    V2A_OT_open_preferences,
    *run_operators.CLASSES,
    *setup_operators.CLASSES,
)
