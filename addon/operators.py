"""What the panel's buttons do: collect, call, report. The only file of the panel's side that turns errors into text."""

# No `from __future__ import annotations`: Blender reads properties from the annotations themselves.
# pyright: reportInvalidTypeForm=false

import hashlib
import os
import tempfile
from pathlib import Path

import bpy
from bpy.props import StringProperty
from bpy_extras.io_utils import ExportHelper

from ..lifter.contract.motion import Motion
from ..lifter.contract.protocol import InputError, UsageError, V2AError
from . import apply, casting, export, preferences, properties, rig, runtime, watch


def problem(context: bpy.types.Context) -> str:
    """Why a capture cannot start, as a sentence; '' when it can. Cheap: panels ask at every redraw."""
    settings = context.scene.v2a
    if watch.running():
        return "A capture is running"
    if not settings.video:
        return "Choose a video"
    if not Path(bpy.path.abspath(settings.video)).is_file():
        return "The video file is not there"
    if settings.armature is None:
        return "Choose an armature"
    if settings.armature.name not in context.scene.objects:
        return "The armature is not in this scene"
    return ""


def runtime_problem(context: bpy.types.Context) -> str:
    """Why there is no interpreter, '' when there is one."""
    named = preferences.interpreter(context)
    try:
        runtime.find(named)
    except V2AError as error:
        if named or os.environ.get(runtime.VARIABLE):
            return str(error)
        return "The capture needs a Python interpreter with torch and mediapipe, and none is named yet."
    return ""


class V2A_OT_start(bpy.types.Operator):
    """Capture the video in the background, then animate the armature"""

    bl_idname = "v2a.start"
    bl_label = "Start"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        reason = problem(context)
        if reason:
            cls.poll_message_set(reason)
        return not reason

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.v2a
        try:
            rig.check_writable(settings.armature)
            apply.choose_map(rig.read_rest_pose(settings.armature), properties.rig_preset(settings))
            interpreter = runtime.find(preferences.interpreter(context))
            video = Path(bpy.path.abspath(settings.video))
            watch.start(
                watch.Plan(
                    interpreter, video, _motion_path(video), properties.worker_options(settings), context.scene.name
                )
            )
        except V2AError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


class V2A_OT_cancel(bpy.types.Operator):
    """Stop the capture; what it found so far is kept for the next start"""

    bl_idname = "v2a.cancel"
    bl_label = "Cancel"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return watch.running()

    def execute(self, context: bpy.types.Context) -> set[str]:
        if watch.current is not None:
            watch.current.cancel()
        return {"FINISHED"}


class V2A_OT_apply(bpy.types.Operator):
    """Animate the armature with the captured motion, without capturing again"""

    bl_idname = "v2a.apply"
    bl_label = "Apply Again"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        settings = context.scene.v2a
        if settings.armature is None or settings.armature.name not in context.scene.objects:
            cls.poll_message_set("Choose an armature of this scene")
            return False
        if not settings.motions:
            cls.poll_message_set("Nothing has been captured yet")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.v2a
        try:
            paths = [Path(bpy.path.abspath(item.path)) for item in settings.motions]
            if not all(path.is_file() for path in paths):
                raise InputError("the captured motion is no longer there. Capture the video again.")
            motions = [Motion.load(path) for path in paths]
            watch.reports[:] = apply.apply_people(
                context.scene,
                _armatures(context, settings),
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
            watch.check_runtime(runtime.find(preferences.interpreter(context)))
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


def _armatures(context: bpy.types.Context, settings: properties.V2A_Settings) -> list[bpy.types.Object]:
    """Who plays whom: the armature chosen the first person, copies of it (those of last time) the others."""
    if len(settings.motions) > 1 and settings.armature in [item.armature for item in settings.motions][1:]:
        raise UsageError(f"'{settings.armature.name}' plays another person already. Choose the first armature.")
    settings.motions[0].armature = settings.armature
    for item in settings.motions[1:]:
        if item.armature is None or item.armature.name not in context.scene.objects:
            item.armature = casting.copy_rig(context, settings.armature)
    return [item.armature for item in settings.motions]


def _motion_path(video: Path) -> Path:
    """Where the capture of a video is kept: in the extension's own folder, the same place for the same video."""
    key = hashlib.sha256(str(video.resolve()).encode()).hexdigest()[:8]
    try:
        folder = Path(bpy.utils.extension_path_user(preferences.PACKAGE, path="motions", create=True))
    except ValueError:  # not installed as an extension: a developer's copy
        folder = Path(tempfile.gettempdir(), "video_to_armature")
        folder.mkdir(exist_ok=True)
    return folder / f"{video.stem}.{key}.npz"


CLASSES = (
    V2A_OT_start,
    V2A_OT_cancel,
    V2A_OT_apply,
    V2A_OT_export_fbx,
    V2A_OT_check_runtime,
    V2A_OT_open_preferences,
)
