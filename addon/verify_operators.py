"""The buttons that show a capture against its video, and go to where it is unsure."""

# No `from __future__ import annotations`: Blender reads properties from the annotations themselves.
# pyright: reportInvalidTypeForm=false

from collections.abc import Iterator
from typing import Any

import bpy
import numpy as np
from bpy.props import IntProperty

from . import actions, captures, casting, marks, timing, verify, watch
from .apply_report import report_of
from .rates import scene_fps
from .sliced import Sliced
from .steps import Steps
from .translations import rpt, tip
from .verify_shot import Placed, Shot, shot

SIZE = "v2a_size"  # custom property of the comparison's collection: width and height of the picture


class V2A_OT_compare(Sliced, bpy.types.Operator):
    """Look through the camera that filmed: the video behind, the captured skeleton over it. Once more goes back"""

    bl_idname = "v2a.compare"
    bl_label = "Compare with Video"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        settings = context.scene.v2a
        if not settings.motions and settings.compared is None:
            cls.poll_message_set(tip("Nothing has been captured yet"))
            return False
        return True

    def steps(self, context: bpy.types.Context) -> Steps[str]:
        scene = context.scene
        if scene.v2a.compared is not None:
            leave(scene)
            return ""
        yield from enter(context, scene)
        first = scene.v2a.motions[0]
        return "" if captures.video_of(first) is not None else first.video or rpt("the video")

    def tell(self, result: str) -> None:
        """result: what is not there."""
        if result:
            text = "{video} is not there, so only the skeleton is shown. Put it beside the .blend"
            self.report({"WARNING"}, rpt(text, video=result))


class V2A_OT_mark_step(bpy.types.Operator):
    """Go to the next frame where the capture is unsure, or to the one before"""

    bl_idname = "v2a.mark_step"
    bl_label = "Next Unsure Frame"
    bl_options = {"UNDO"}  # noqa: RUF012

    step: IntProperty(default=1, min=-1, max=1, options={"SKIP_SAVE"})

    @classmethod
    def description(cls, context: bpy.types.Context, properties: Any) -> str:
        if properties.step > 0:
            return tip("Go to the next mark: where the capture is unsure or has a gap")
        return tip("Go to the previous mark: where the capture is unsure or has a gap")

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not shown_marks(context.scene):
            reason = tip("Nothing is marked: the capture is sure of itself everywhere, or was not applied")
            cls.poll_message_set(reason)
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        scene = context.scene
        frame = marks.beside([mark.frame for mark in shown_marks(scene)], scene.frame_current, self.step)
        if frame is None:
            self.report({"INFO"}, "No mark after this frame" if self.step > 0 else "No mark before this frame")
            return {"CANCELLED"}
        scene.frame_set(frame)
        return {"FINISHED"}


class V2A_OT_go_to_mark(bpy.types.Operator):
    """Go to this frame"""

    bl_idname = "v2a.go_to_mark"
    bl_label = "Go to Mark"
    bl_options = {"UNDO", "INTERNAL"}  # noqa: RUF012

    frame: IntProperty(options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, context: bpy.types.Context) -> set[str]:
        context.scene.frame_set(self.frame)
        return {"FINISHED"}


def enter(context: bpy.types.Context, scene: bpy.types.Scene) -> Steps[None]:
    """Build the comparison and look through its camera, in the view where the button is or the first. Raises V2AError."""
    settings, fps = scene.v2a, scene_fps(scene)
    loads, first = [captures.loader(item) for item in settings.motions], settings.motions[0].armature
    record, report = actions.made_of(first) if first else {}, report_of(first)
    placed = Placed(
        np.array(record.get("world", np.eye(4))),
        report.path_scale if report is not None else 1.0,
        (record.get("choices") or {}).get("place") or (0.0, 0.0, 0.0),
    )

    def seen() -> Shot:
        motions = [load() for load in loads]
        return shot(motions, *timing.shown(motions[0], fps, record), placed)

    made: Shot = yield seen
    settings = scene.v2a
    settings.compared = yield from verify.build(scene, made, captures.video_of(settings.motions[0]))
    settings.compared[SIZE] = made.size
    here = [context.area] if context.area is not None and context.area.type == "VIEW_3D" else []
    area = next(iter([*here, *_views()]), None)
    if area is not None:
        with context.temp_override(scene=scene):
            settings.view_before = _look_through(context, area, made.size)


def leave(scene: bpy.types.Scene) -> None:
    """Take the comparison away and show the views that looked through its camera as they were."""
    global _before
    settings = scene.v2a
    before, camera = settings.view_before, verify.camera_of(settings.compared)
    for area in _views():
        if before and _looks_through(area.spaces.active, camera):
            verify.look_back(area.spaces.active, before)
    verify.remove(settings.compared)
    settings.compared, settings.view_before, _before = None, "", ""


def refresh(context: bpy.types.Context, scene: bpy.types.Scene) -> Steps[None]:
    """Once more, after a motion was applied, where the comparison is shown. Raises V2AError."""
    if scene.v2a.compared is not None:
        leave(scene)
        yield from enter(context, scene)


def attach() -> None:
    for handlers, handler in _handlers():
        handlers.append(handler)


def detach() -> None:
    for handlers, handler in _handlers():
        if handler in handlers:
            handlers.remove(handler)


def shown_marks(scene: bpy.types.Scene) -> list[bpy.types.TimelineMarker]:
    settings = scene.v2a
    return marks.of(scene, dict.fromkeys((settings.armature, *(item.armature for item in settings.motions))))


def _look_through(context: bpy.types.Context, area: bpy.types.Area, size: tuple[int, int]) -> str:
    global _before
    scene = context.scene
    camera = verify.camera_of(scene.v2a.compared)
    assert camera is not None
    rigs = [casting.rig_objects(scene, item.armature) for item in scene.v2a.motions if item.armature]
    meshes = [thing for rig in rigs for thing in rig if thing.type == "MESH"]
    _before = verify.look_through(area.spaces.active, camera, meshes)
    region = next(r for r in area.regions if r.type == "WINDOW")
    with context.temp_override(area=area, region=region):
        bpy.ops.view3d.view_center_camera()
    verify.fit(scene, area, size)
    return _before


_before = ""  # how the view looked that looks through the camera: undo takes the scene's word for it away


@bpy.app.handlers.persistent
def _after_undo(*_arguments: object) -> None:
    """Undo takes the objects away or brings them back, but leaves the views as they are."""
    global _before
    camera = verify.camera_of(bpy.context.scene.v2a.compared)
    for area in _views():
        space: Any = area.spaces.active
        if space.use_local_camera and (space.camera is None or space.camera.type != "CAMERA") and _before:
            verify.look_back(space, _before)
            _before = ""
    shown = any(_looks_through(area.spaces.active, camera) for area in _views())
    if camera is not None and not shown and not _before:  # an undo took it away before
        watch.schedule(_look_again)  # calls an operator, which a handler should not


@bpy.app.handlers.persistent
def _after_load(*_arguments: object) -> None:
    global _before
    _before = bpy.context.scene.v2a.view_before


def _handlers() -> tuple[tuple[list[Any], Any], ...]:
    there: Any = bpy.app.handlers
    return (there.undo_post, _after_undo), (there.redo_post, _after_undo), (there.load_post, _after_load)


def _looks_through(space: Any, camera: bpy.types.Object | None) -> bool:
    return space.use_local_camera and space.camera == camera


def _look_again() -> None:
    global _before
    settings, area = bpy.context.scene.v2a, next(_views(), None)
    if settings.compared is not None and area is not None:
        _look_through(bpy.context, area, tuple(settings.compared[SIZE]))
        _before = settings.view_before  # how it was before the redo knows: by now the meshes are faded


def _views() -> Iterator[bpy.types.Area]:
    for window in bpy.context.window_manager.windows:
        yield from (area for area in window.screen.areas if area.type == "VIEW_3D")


CLASSES = (V2A_OT_compare, V2A_OT_mark_step, V2A_OT_go_to_mark)
