"""The buttons of the bone map's list: fill it, pick bones, save it as a preset of one's own, hand it on as a file."""

# No `from __future__ import annotations`: Blender reads properties from the annotations themselves.
# pyright: reportInvalidTypeForm=false

import re
from pathlib import Path
from typing import Any

import bpy
from bpy.props import BoolProperty, IntProperty, StringProperty
from bpy_extras.io_utils import ExportHelper, ImportHelper

from ..lifter.contract.files import replacing
from ..lifter.contract.protocol import OutputError, UsageError, V2AError
from . import map_editor, maps, properties, rig
from .retarget.bone_map import load_preset
from .retarget.recognise import Recognition
from .translations import rpt, tip


class V2A_OT_list_bones(bpy.types.Operator):
    """List which bone plays which part, as the chosen preset has it for this armature"""

    bl_idname = "v2a.list_bones"
    bl_label = "List Bones"
    bl_description = (
        "List which bone plays which part, as the chosen preset has it for this armature, to look it over and to correct it. "
        "In pose mode each row can take the active bone"
    )
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return _allowed(cls, "Choose an armature" if context.scene.v2a.armature is None else "")

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            _fill(context.scene.v2a)
        except V2AError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


class V2A_OT_pick_bone(bpy.types.Operator):
    """Take the bone that is active in pose mode for this part"""

    bl_idname = "v2a.pick_bone"
    bl_label = "Pick Active Bone"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}  # noqa: RUF012

    index: IntProperty(name="Row", description="Which row of the list", options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        bone, armature = context.active_pose_bone, context.scene.v2a.armature
        picked = bone is not None and bone.id_data == armature
        return _allowed(cls, "" if picked else "Click a bone of the armature in pose mode first")

    def execute(self, context: bpy.types.Context) -> set[str]:
        context.scene.v2a.bone_map.rows[self.index].bone = context.active_pose_bone.name
        return {"FINISHED"}


class V2A_OT_add_bone(bpy.types.Operator):
    """Add a row for one more bone of this part; a row that stays empty counts for nothing"""

    bl_idname = "v2a.add_bone"
    bl_label = "Add Bone"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}  # noqa: RUF012

    index: IntProperty(name="Row", description="After which row of the list", options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, context: bpy.types.Context) -> set[str]:
        rows = context.scene.v2a.bone_map.rows
        rows.add().part = rows[self.index].part
        rows.move(len(rows) - 1, self.index + 1)
        return {"FINISHED"}


class V2A_OT_save_map(bpy.types.Operator):
    """Write a preset of your own and choose it"""

    bl_idname = "v2a.save_map"
    bl_label = "Save Bone Map"
    bl_description = (
        "Write the bones listed, or what the preset finds where none are listed, as a preset of your own. It is chosen at "
        "once, and Automatic knows it from then on"
    )
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    name: StringProperty(name="Name", description="Of the preset; empty for the armature's", options={"SKIP_SAVE"})
    overwrite: BoolProperty(
        name="Overwrite", description="Take the place of the bone map of this name", options={"SKIP_SAVE"}
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return _allowed(cls, _why_not(context.scene.v2a))

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[Any]:
        self.name = _name(context.scene.v2a)
        return context.window_manager.invoke_props_dialog(self, title="Save Bone Map", confirm_text="Save")

    def draw(self, context: bpy.types.Context) -> None:
        self.layout.prop(self, "name")
        if _stem(self.name) in maps.preset_names():
            self.layout.label(text="There is a bone map of this name already", icon="ERROR")
            self.layout.prop(self, "overwrite")

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.v2a
        try:
            path = _own_path(_stem(self.name) or _name(settings), self.overwrite)
            found = _write(settings, path)
            settings.preset = path.stem
            _fill(settings)
        except (V2AError, OSError) as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        wrote = rpt("Wrote {path}", path=path)
        self.report({"WARNING" if found.doubts else "INFO"}, ". ".join((wrote, *found.doubts)))
        return {"FINISHED"}


class V2A_OT_export_map(bpy.types.Operator, ExportHelper):
    """Write the bones listed as one file (TOML), for others to import"""

    bl_idname = "v2a.export_map"
    bl_label = "Export Bone Map"
    filename_ext = ".toml"

    filter_glob: StringProperty(default="*.toml", options={"HIDDEN"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        settings = context.scene.v2a
        return _allowed(cls, _why_not(settings) or ("" if len(settings.bone_map.rows) else "List the bones first"))

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[Any]:
        self.filepath = f"{_name(context.scene.v2a)}.toml"
        return ExportHelper.invoke(self, context, event)

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:  # overwriting: Blender's file browser has asked already
            _write(context.scene.v2a, Path(self.filepath))
        except (V2AError, OSError) as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self.report({"INFO"}, rpt("Wrote {path}", path=self.filepath))
        return {"FINISHED"}


class V2A_OT_import_map(bpy.types.Operator, ImportHelper):
    """Take a bone map's file (TOML) among your own presets, and choose it"""

    bl_idname = "v2a.import_map"
    bl_label = "Import Bone Map"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    filter_glob: StringProperty(default="*.toml", options={"HIDDEN"})
    overwrite: BoolProperty(
        name="Overwrite", description="Take the place of the bone map of this name", options={"SKIP_SAVE"}
    )

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings, source = context.scene.v2a, Path(self.filepath)
        try:
            load_preset(source)
            path = _own_path(_stem(source.stem), self.overwrite)
            data = source.read_bytes()
            with replacing(path) as part:
                part.write_bytes(data)
            settings.preset = path.stem
            if settings.armature is not None:
                _fill(settings)
        except (V2AError, OSError) as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self.report({"INFO"}, rpt("'{name}' is among your presets now", name=path.stem))
        return {"FINISHED"}


class V2A_OT_remove_map(bpy.types.Operator):
    """Delete the chosen preset, if it is one of your own. The file is gone then: no undo brings it back"""

    bl_idname = "v2a.remove_map"
    bl_label = "Remove Bone Map"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return _allowed(cls, "" if _own_file(context.scene.v2a) else "The chosen preset is none of your own")

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[Any]:
        message = tip("The file of '{name}' is deleted; no undo brings it back", name=context.scene.v2a.preset)
        return context.window_manager.invoke_confirm(
            self, event, title="Remove Bone Map", message=message, confirm_text="Remove", icon="WARNING"
        )

    def execute(self, context: bpy.types.Context) -> set[str]:
        name = context.scene.v2a.preset
        users = [scene.v2a for scene in bpy.data.scenes if scene.v2a.preset == name]
        try:
            (maps.user_folder() / f"{name}.toml").unlink()
        except OSError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        if name not in maps.preset_names():  # a bundled one of that name is there again
            for settings in users:
                settings.preset = maps.AUTO
        context.scene.v2a.bone_map.rows.clear()
        return {"FINISHED"}


def listed(settings: Any) -> list[map_editor.Row]:
    """The list as it stands in the panel."""
    return [map_editor.Row(row.part, row.bone) for row in settings.bone_map.rows]


def changed(settings: Any) -> bool:
    """Whether the list says other than it did at first."""
    return settings.bone_map.begun != _as_text(listed(settings))


def _as_text(rows: list[map_editor.Row]) -> str:
    return "\n".join(bone for _, bone in rows)


def _allowed(operator: Any, reason: str) -> bool:
    """For poll: whether nothing is against it; else the button's tooltip says what."""
    if reason:
        operator.poll_message_set(tip(reason))
    return not reason


def _why_not(settings: Any) -> str:
    """What keeps the list from being written."""
    if settings.armature is None:
        return "Choose an armature"
    rows = listed(settings)
    wrong = map_editor.problems(rows, settings.armature.data.bones.keys()) if rows else {}
    return next(iter(wrong.values()), "")


def _fill(settings: Any) -> None:
    """Begin the list anew. Raises RigError, PresetError."""
    armature, edit = settings.armature, settings.bone_map
    rest, humanoid = rig.read_rest_pose(armature), rig.humanoid_table(armature)
    draft = maps.draft(rest, properties.rig_preset(settings), humanoid)
    edit.rows.clear()
    for part, bone in draft.rows:
        row = edit.rows.add()
        row.part, row.bone = part, bone
    edit.text, edit.begun, edit.told = draft.text, _as_text(draft.rows), draft.told


def _write(settings: Any, path: Path) -> Recognition:
    """The list as a preset file. Raises V2AError."""
    edit, armature = settings.bone_map, settings.armature
    if not len(edit.rows):
        _fill(settings)
    if _why_not(settings):
        raise UsageError(f"{edit.told}. Pick the bones in the list of the bone map.")
    rest = rig.read_rest_pose(armature)
    return maps.write_map(rest, path, edit.text, listed(settings), "made in Blender", overwrite=True)


def _own_path(stem: str, overwrite: bool) -> Path:
    """Where a map of this name is kept. Raises UsageError where it cannot be named so, OutputError without a folder."""
    if stem in ("", maps.AUTO, properties.OWN_FILE):
        raise UsageError(f"a bone map cannot be named '{stem}'. Give another name.")
    if stem in maps.preset_names() and not overwrite:
        raise UsageError(f"there is a bone map '{stem}' already. Give another name or tick Overwrite.")
    folder = maps.user_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made ({error.strerror or error}). Make it by hand.") from error
    return folder / f"{stem}.toml"


def _own_file(settings: Any) -> bool:
    return (maps.user_folder() / f"{settings.preset}.toml").is_file()


def _name(settings: Any) -> str:
    """What a map is called where nobody says: as the own one that is being edited, else as the armature."""
    return settings.preset if _own_file(settings) else _stem(settings.armature.name)


def _stem(name: str) -> str:
    """The name as every file system takes it."""
    return re.sub(r"[^\w .-]", "_", name).strip(" .")


CLASSES = (
    V2A_OT_list_bones, V2A_OT_pick_bone, V2A_OT_add_bone, V2A_OT_save_map, V2A_OT_export_map, V2A_OT_import_map,
    V2A_OT_remove_map,
)  # fmt: skip
