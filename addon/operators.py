"""What the panel's buttons do with a captured motion: collect, call, report. Errors become text here."""

# No `from __future__ import annotations`: Blender reads properties from the annotations themselves.
# pyright: reportInvalidTypeForm=false

from collections.abc import Iterable

import bpy
import numpy as np
from bpy.props import StringProperty

from ..lifter.contract.protocol import UsageError, V2AError
from . import (
    apply,
    captures,
    captures_operators,
    casting,
    export_operators,
    keyframes,
    map_editor_operators,
    preferences,
    properties,
    recipe_operators,
    run_operators,
    runtime,
    setup_operators,
    setup_watch,
    verify_operators,
)
from .sliced import Sliced
from .steps import Steps
from .translations import rpt, tip


class V2A_OT_apply(Sliced, bpy.types.Operator):
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
            cls.poll_message_set(tip("Nothing has been captured yet"))
            return False
        return True

    def steps(self, context: bpy.types.Context) -> Steps[list[apply.ApplyReport]]:
        scene, named = context.scene, self.armature
        loads = [captures.loader(item) for item in scene.v2a.motions]
        motions = yield lambda: [load() for load in loads]
        settings = scene.v2a
        armature = scene.objects.get(named) if named else settings.armature
        if armature is None or armature.name not in scene.objects:
            raise UsageError(f"the armature {named!r} is not in this scene. Choose one and apply again.")
        with context.temp_override(scene=scene):
            armatures = _armatures(context, settings, armature)
        reports = yield from apply.people_steps(
            scene,
            armatures,
            motions,
            properties.rig_preset(settings),
            frame_rate=settings.frame_rate,
            choices=properties.choices(scene),
            keying=properties.keying(scene),
        )
        yield from verify_operators.refresh(context, scene)
        return reports

    def tell(self, result: list[apply.ApplyReport]) -> None:
        _tell(self, result)


class V2A_OT_refit(Sliced, bpy.types.Operator):
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
        reason = "" if motions else tip("Nothing has been captured yet")
        if any(item.armature is None or item.armature.name not in context.scene.objects for item in motions):
            reason = tip("The motion is not on an armature of this scene. Apply it first")
        elif not all(_has_contacts(item.armature) for item in motions):
            reason = tip("The armature's action has no contact curves. Apply the motion first")
        if reason:
            cls.poll_message_set(reason)
        return not reason

    def steps(self, context: bpy.types.Context) -> Steps[list[apply.ApplyReport]]:
        scene = context.scene
        loads = [captures.loader(item) for item in scene.v2a.motions]
        motions = yield lambda: [load() for load in loads]
        reports = yield from apply.refit_steps(scene, [item.armature for item in scene.v2a.motions], motions)
        yield from verify_operators.refresh(context, scene)
        return reports

    def tell(self, result: list[apply.ApplyReport]) -> None:
        _tell(self, result)


class V2A_OT_check_runtime(bpy.types.Operator):
    """Load the packages that the capture needs in the interpreter, to see whether it is fit"""

    bl_idname = "v2a.check_runtime"
    bl_label = "Check the Capture's Python"

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            setup_watch.check_runtime(runtime.find(preferences.interpreter(context), made=setup_watch.made()))
        except V2AError as error:
            setup_watch.runtime_answer = (False, str(error))
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


def _tell(operator: bpy.types.Operator, reports: Iterable[apply.ApplyReport]) -> None:
    for report in reports:
        told = {"armature": report.armature, "frames": report.frames, "fps": report.fps}
        operator.report({"INFO"}, rpt("'{armature}': {frames} frames at {fps:.6g} frames a second", **told))


CLASSES = (
    V2A_OT_apply,
    V2A_OT_refit,
    V2A_OT_check_runtime,
    V2A_OT_open_preferences,
    *run_operators.CLASSES,
    *setup_operators.CLASSES,
    *verify_operators.CLASSES,
    *recipe_operators.CLASSES,
    *captures_operators.CLASSES,
    *export_operators.CLASSES,
    *map_editor_operators.CLASSES,
)
