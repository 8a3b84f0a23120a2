"""What the buttons around a capture do: start, queue, cancel, check, report."""

# No `from __future__ import annotations`: Blender reads properties from the annotations themselves.
# pyright: reportInvalidTypeForm=false

import hashlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import bpy
from bpy.props import CollectionProperty, IntProperty, StringProperty
from bpy_extras.io_utils import ImportHelper

from ..lifter.contract.protocol import V2AError
from . import maps, preferences, properties, rig, run_report, runtime, setup_watch, unfinished, watch
from .self_check import Facts
from .translations import iface, rpt, tip


def problem(context: bpy.types.Context) -> str:
    """Why a capture cannot start, as a sentence; '' when it can. Cheap: panels ask at every redraw."""
    settings = context.scene.v2a
    if not settings.video:
        return iface("Choose a video")
    if not Path(bpy.path.abspath(settings.video)).is_file():
        return iface("The video file is not there")
    return _problem_besides_video(context)


def runtime_problem(context: bpy.types.Context) -> str:
    """Why there is no interpreter, '' when there is one."""
    try:
        runtime.find(preferences.interpreter(context), made=setup_watch.made())
    except V2AError as error:
        return str(error)
    return ""


def names_own(context: bpy.types.Context) -> bool:
    """Whether the user has named an interpreter: then a set-up would change nothing."""
    return bool(preferences.interpreter(context) or os.environ.get(runtime.VARIABLE))


class V2A_OT_start(bpy.types.Operator):
    """Capture the video in the background, then animate the armature. While a capture runs, wait for its end first"""

    bl_idname = "v2a.start"
    bl_label = "Capture Video"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        reason = problem(context)
        if reason:
            cls.poll_message_set(reason)
        return not reason

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.v2a
        options = properties.worker_options(settings)
        watch.start(_plan(context, Path(bpy.path.abspath(settings.video)), options, settings.armature))
        return {"FINISHED"}


class V2A_OT_add_videos(bpy.types.Operator, ImportHelper):
    """Capture several videos one after the other, each onto the armature with these settings"""

    bl_idname = "v2a.add_videos"
    bl_label = "Capture Several Videos"

    filter_glob: StringProperty(default="*.mp4;*.mov;*.avi;*.mkv;*.webm;*.m4v;*.mpg;*.mts", options={"HIDDEN"})
    files: CollectionProperty(type=bpy.types.OperatorFileListElement, options={"HIDDEN", "SKIP_SAVE"})
    directory: StringProperty(subtype="DIR_PATH", options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        reason = _problem_besides_video(context)
        if reason:
            cls.poll_message_set(reason)
        return not reason

    def execute(self, context: bpy.types.Context) -> set[str]:
        chosen = [Path(self.directory, item.name) for item in self.files if item.name]
        settings = context.scene.v2a
        for video in chosen or [Path(self.filepath)]:
            watch.start(_plan(context, video, properties.worker_options(settings), settings.armature))
        return {"FINISHED"}


class V2A_OT_continue_captures(bpy.types.Operator):
    """Capture what was not finished when Blender closed, each video with the options that it had. What was found is kept"""

    bl_idname = "v2a.continue_captures"
    bl_label = "Continue Unfinished Captures"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        reason = why_not_continue(context)
        if reason:
            cls.poll_message_set(reason)
        return not reason

    def execute(self, context: bpy.types.Context) -> set[str]:
        scene = context.scene
        for left in unfinished.offered(motion_folder()):
            armature = scene.objects.get(left.armature) or scene.v2a.armature
            if Path(left.video).is_file():
                watch.start(_plan(context, Path(left.video), left.options, armature))
            else:
                self.report({"WARNING"}, rpt("{file} is not there", file=left.video))
        unfinished.forget(motion_folder())
        return {"FINISHED"}


class V2A_OT_forget_captures(bpy.types.Operator):
    """Do not capture what was not finished when Blender closed"""

    bl_idname = "v2a.forget_captures"
    bl_label = "Forget Unfinished Captures"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not unfinished.offered(motion_folder()):
            cls.poll_message_set(tip("Nothing was left unfinished"))
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        unfinished.forget(motion_folder())
        return {"FINISHED"}


class V2A_OT_take_off(bpy.types.Operator):
    """Take this video off the queue"""

    bl_idname = "v2a.take_off"
    bl_label = "Take Off"
    bl_options = {"REGISTER", "INTERNAL"}  # noqa: RUF012

    index: IntProperty(options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not watch.waiting:
            cls.poll_message_set(tip("No video is waiting"))
        return bool(watch.waiting)

    def execute(self, context: bpy.types.Context) -> set[str]:
        if 0 <= self.index < len(watch.waiting):
            del watch.waiting[self.index]
        return {"FINISHED"}


class V2A_OT_check(bpy.types.Operator):
    """Look whether everything is there that the capture needs"""

    bl_idname = "v2a.check"
    bl_label = "Check Capture"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        reason = tip("A capture is running") if watch.running() else problem(context)
        if reason:
            cls.poll_message_set(reason)
        return not reason

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.v2a
        options = properties.worker_options(settings)
        watch.check_now(_facts(context, Path(bpy.path.abspath(settings.video)), options, settings.armature))
        return {"FINISHED"}


class V2A_OT_copy_report(bpy.types.Operator):
    """Copy what is known of the last capture and set-up, with the last lines of their logs, to the clipboard"""

    bl_idname = "v2a.copy_report"
    bl_label = "Copy Report"

    def execute(self, context: bpy.types.Context) -> set[str]:
        context.window_manager.clipboard = run_report.text()
        self.report({"INFO"}, "The report is on the clipboard")
        return {"FINISHED"}


class V2A_OT_cancel(bpy.types.Operator):
    """Stop the capture; what it found so far is kept for the next start"""

    bl_idname = "v2a.cancel"
    bl_label = "Cancel Capture"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not watch.running():
            cls.poll_message_set(tip("No capture is running"))
        return watch.running()

    def execute(self, context: bpy.types.Context) -> set[str]:
        if watch.current is not None:
            watch.current.cancel()
        return {"FINISHED"}


class V2A_OT_cancel_all(bpy.types.Operator):
    """Stop the capture and take all others off the queue"""

    bl_idname = "v2a.cancel_all"
    bl_label = "Cancel All"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not watch.running():
            cls.poll_message_set(tip("No capture is running"))
        return watch.running()

    def execute(self, context: bpy.types.Context) -> set[str]:
        watch.waiting.clear()
        if watch.current is not None:
            watch.current.cancel()
        return {"FINISHED"}


def _problem_besides_video(context: bpy.types.Context) -> str:
    armature = context.scene.v2a.armature
    if armature is None:
        return iface("Choose an armature")
    if armature.name not in context.scene.objects:
        return iface("The armature is not in this scene")
    return iface("The capture's Python is not set up") if runtime_problem(context) else ""


def why_not_continue(context: bpy.types.Context) -> str:
    """Of what another Blender has left."""
    left, scene = unfinished.offered(motion_folder()), context.scene
    if not left:
        return tip("Nothing was left unfinished")
    if scene.objects.get(left[0].armature) is None and left[0].blend not in ("", bpy.data.filepath):
        return tip("Open {file} first: the armature is there", file=Path(left[0].blend).name)
    if scene.objects.get(left[0].armature) is None and scene.v2a.armature is None:
        return iface("Choose an armature")
    return iface("The capture's Python is not set up") if runtime_problem(context) else ""


def _plan(
    context: bpy.types.Context, video: Path, options: Mapping[str, str], armature: bpy.types.Object
) -> watch.Plan:
    facts = _facts(context, video, options, armature)
    return watch.Plan(facts, options, context.scene.name, armature.name, bpy.data.filepath)


def _facts(context: bpy.types.Context, video: Path, options: Mapping[str, str], armature: bpy.types.Object) -> Facts:
    """What the self-check is about. The armature is looked at here: only the main thread may read it."""
    words = error = ""
    try:
        rig.check_writable(armature)
        rest, humanoid = rig.read_rest_pose(armature), rig.humanoid_table(armature)
        found = maps.choose_map(rest, properties.rig_preset(context.scene.v2a), humanoid)
        words = found.words
    except V2AError as problem:
        error = str(problem)
    return Facts(
        video=video,
        out=_motion_path(video),
        named=preferences.interpreter(context),
        made=setup_watch.made(),
        network=options.get("model", ""),
        armature=words,
        armature_error=error,
    )


def _motion_path(video: Path) -> Path:
    """Where the capture of a video is kept: in the extension's own folder, the same place for the same video."""
    key = hashlib.sha256(str(video.resolve()).encode()).hexdigest()[:8]
    return motion_folder() / f"{video.stem}.{key}.npz"


def motion_folder() -> Path:
    """Where captures are kept."""
    try:
        return Path(bpy.utils.extension_path_user(preferences.PACKAGE, path="motions", create=True))
    except ValueError:  # not installed as an extension: a developer's copy
        folder = Path(tempfile.gettempdir(), "video_to_armature")
        folder.mkdir(exist_ok=True)
        return folder


CLASSES = (
    V2A_OT_start,
    V2A_OT_cancel,
    V2A_OT_cancel_all,
    V2A_OT_add_videos,
    V2A_OT_continue_captures,
    V2A_OT_forget_captures,
    V2A_OT_take_off,
    V2A_OT_check,
    V2A_OT_copy_report,
)
