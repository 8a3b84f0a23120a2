"""The buttons that take motions from files and put them there: captures of other scenes, of other days, of batch.py."""

# No `from __future__ import annotations`: Blender reads properties from the annotations themselves.
# pyright: reportInvalidTypeForm=false

import os
from pathlib import Path
from typing import Any

import bpy
from bpy.props import CollectionProperty, StringProperty
from bpy_extras.io_utils import ExportHelper, ImportHelper

from ..lifter.contract.files import replacing
from ..lifter.contract.motion import Motion
from ..lifter.contract.protocol import V2AError
from . import captures, clips, run_operators, sliced, watch
from .translations import rpt, tip


class V2A_OT_open_motion(bpy.types.Operator, ImportHelper):
    """Animate the armature with a motion that was captured before; several files are several people of one video"""

    bl_idname = "v2a.open_motion"
    bl_label = "Open Motion"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    filter_glob: StringProperty(default="*.npz", options={"HIDDEN"})
    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    files: CollectionProperty(type=bpy.types.OperatorFileListElement, options={"HIDDEN", "SKIP_SAVE"})
    directory: StringProperty(subtype="DIR_PATH", options={"HIDDEN", "SKIP_SAVE"})
    clicked = False  # or dropped, and not called by a script

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if context.scene.v2a.armature is None:
            cls.poll_message_set(tip("Choose an armature"))
            return False
        return True

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[Any]:
        self.clicked = True
        if self.filepath:  # dropped
            return self.execute(context)
        self.filepath = f"{run_operators.motion_folder()}{os.sep}"  # where captures are kept
        return ImportHelper.invoke(self, context, event)

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.v2a
        if sliced.current is not None:
            self.report({"ERROR"}, sliced.BUSY)
            return {"CANCELLED"}
        chosen = [Path(self.directory, item.name) for item in self.files if item.name] or [Path(self.filepath)]
        try:
            motions = [Motion.load(path) for path in chosen]
        except V2AError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        watch.set_motions(settings, chosen, settings.armature, _video(settings.video, chosen[0], motions[0]))
        return bpy.ops.v2a.apply("INVOKE_DEFAULT" if self.clicked else "EXEC_DEFAULT", True)


class V2A_OT_save_motion(bpy.types.Operator, ExportHelper):
    """Write the captured motion to a file, for other scenes and for batch.py; several people get a file each"""

    bl_idname = "v2a.save_motion"
    bl_label = "Save Motion"
    filename_ext = ".npz"

    filter_glob: StringProperty(default="*.npz", options={"HIDDEN"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not context.scene.v2a.motions:
            cls.poll_message_set(tip("Nothing has been captured yet"))
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        path, motions = Path(self.filepath), context.scene.v2a.motions
        for item, target in zip(motions, clips.numbered(path, len(motions))):
            try:
                with replacing(target) as part:
                    captures.load(item).save(part)
            except V2AError as error:
                self.report({"ERROR"}, str(error))
                return {"CANCELLED"}
            self.report({"INFO"}, rpt("Wrote {path}", path=target))
        return {"FINISHED"}


class V2A_FH_motion(bpy.types.FileHandler):
    bl_idname = "V2A_FH_motion"
    bl_label = "Open a Motion"
    bl_import_operator = "v2a.open_motion"
    bl_file_extensions = ".npz"

    @classmethod
    def poll_drop(cls, context: bpy.types.Context) -> bool:
        return context.area is not None and context.area.type == "VIEW_3D"


def _video(chosen: str, path: Path, motion: Motion) -> Path | None:
    """The video that the motion is of, where it is chosen in the panel or lies beside it."""
    source = motion.header.get("source")
    name = str(source.get("file", "")) if isinstance(source, dict) else ""
    places = (Path(bpy.path.abspath(chosen)), path.with_name(name)) if name else ()
    return next((place for place in places if place.name == name and place.is_file()), None)


CLASSES = (V2A_OT_open_motion, V2A_OT_save_motion, V2A_FH_motion)
