"""What the panel's buttons do with a captured motion: collect, call, report. Errors become text here."""

# No `from __future__ import annotations`: Blender reads properties from the annotations themselves.
# pyright: reportInvalidTypeForm=false

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from bpy.props import BoolProperty, StringProperty
from bpy_extras.io_utils import ExportHelper

from ..lifter.contract.protocol import UsageError, V2AError
from . import (
    actions,
    apply,
    captures,
    captures_operators,
    casting,
    export,
    keyframes,
    maps,
    marks,
    preferences,
    properties,
    recipe_operators,
    rig,
    run_operators,
    runtime,
    setup_operators,
    setup_watch,
    verify_operators,
    watch,
)


class V2A_OT_apply(bpy.types.Operator):
    """Animate the armature with the captured motion, by the present choices and without capturing again"""

    bl_idname = "v2a.apply"
    bl_label = "Apply Capture Again"
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
            motions = [captures.load(item) for item in settings.motions]
            reports = apply.apply_people(
                context.scene,
                _armatures(context, settings, armature),
                motions,
                properties.rig_preset(settings),
                frame_rate=settings.frame_rate,
                choices=properties.choices(context.scene),
                keying=properties.keying(context.scene),
            )
        except V2AError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        marks.mark_all(context.scene, [item.armature for item in settings.motions], motions)
        verify_operators.refresh(context)
        _tell(self, reports)
        return {"FINISHED"}


class V2A_OT_refit(bpy.types.Operator):
    """Hold the feet by the contact curves as you have edited them, without capturing again"""

    bl_idname = "v2a.refit"
    bl_label = "Refit Feet"
    bl_description = (
        "Hold the feet by the contact curves as you have edited them: in the armature's action, group Contacts, 1 where a "
        "heel or toe stands. Nothing is captured again"
    )
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        motions = context.scene.v2a.motions
        reason = "" if motions else "Nothing has been captured yet"
        if any(item.armature is None or item.armature.name not in context.scene.objects for item in motions):
            reason = "The motion is not on an armature of this scene. Apply it first"
        elif not all(_has_contacts(item.armature) for item in motions):
            reason = "The armature's action has no contact curves. Apply the motion first"
        if reason:
            cls.poll_message_set(reason)
        return not reason

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.v2a
        try:
            motions = [captures.load(item) for item in settings.motions]
            reports = apply.refit(context.scene, [item.armature for item in settings.motions], motions)
        except V2AError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        marks.mark_all(context.scene, [item.armature for item in settings.motions], motions)
        verify_operators.refresh(context)
        _tell(self, reports)
        return {"FINISHED"}


class V2A_OT_save_map(bpy.types.Operator):
    """Write the bones that Automatic finds for this armature as a preset of your own"""

    bl_idname = "v2a.save_map"
    bl_label = "Save Bone Map"
    bl_description = (
        "Write the bones that Automatic finds for this armature as a preset of your own: a text file to look over, correct "
        "and share. It is listed with the other presets, and chosen"
    )
    bl_options = {"UNDO"}  # noqa: RUF012

    name: StringProperty(name="Name", description="Of the preset; empty for the armature's", options={"SKIP_SAVE"})
    overwrite: BoolProperty(
        name="Overwrite", description="Replace your map of this name, if there is one", options={"SKIP_SAVE"}
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if context.scene.v2a.armature is None:
            cls.poll_message_set("Choose an armature")
            return False
        return True

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[Any]:
        self.name = _file_stem(context.scene.v2a.armature.name)
        return context.window_manager.invoke_props_dialog(self)

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.v2a
        stem = _file_stem(self.name or settings.armature.name)
        path = maps.user_folder() / f"{stem}.toml"
        try:
            if stem in ("", maps.AUTO, properties.OWN_FILE):
                raise UsageError(f"a bone map cannot be named '{stem}'. Give another name.")
            if path.exists() and not self.overwrite:
                raise UsageError(f"there is a bone map '{stem}' already. Give another name or tick Overwrite.")
            rest, humanoid = rig.read_rest_pose(settings.armature), rig.humanoid_table(settings.armature)
            found = maps.save_map(rest, path, humanoid=humanoid, overwrite=self.overwrite)
        except (V2AError, OSError) as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        settings.preset = stem
        self.report({"INFO"}, f"Wrote {path}: {found.words}")
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
        if armature is None or not actions.players(armature):
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


def _has_contacts(armature: bpy.types.Object) -> bool:
    try:
        keyframes.read_contacts(armature, np.empty(0))
    except V2AError:
        return False
    return True


def _file_stem(name: str) -> str:
    """The name as every file system takes it."""
    return re.sub(r"[^\w .-]", "_", name).strip(" .")


def _tell(operator: bpy.types.Operator, reports: Iterable[apply.ApplyReport]) -> None:
    for report in reports:
        operator.report({"INFO"}, f"'{report.armature}': {report.frames} frames at {report.fps:.6g} frames a second")


CLASSES = (
    V2A_OT_apply,
    V2A_OT_refit,
    V2A_OT_save_map,
    V2A_OT_export_fbx,
    V2A_OT_check_runtime,
    V2A_OT_open_preferences,
    *run_operators.CLASSES,
    *setup_operators.CLASSES,
    *verify_operators.CLASSES,
    *recipe_operators.CLASSES,
    *captures_operators.CLASSES,
)
