"""The bone map's list by its buttons: filled, corrected, saved, applied, handed on as a file, removed, undone.

Usage: map_editor.py ZIP MOTION.npz RIG.fbx FOLDER
"""

from __future__ import annotations

import os
import sys
import tomllib
from pathlib import Path
from typing import Any

import bpy  # isort: skip  (addon_utils exists only after it)
import addon_utils
from common import armature, hand_back

MODULE = "bl_ext.user_default.video_to_armature"
ODD = {"mixamorig:LeftHand": '左 "手" 1', "mixamorig:LeftForeArm": "Ellbogen.links", "mixamorig:LeftFoot": "骨 99"}


def settings() -> Any:
    """Looked up again each time: undo replaces it."""
    return bpy.context.scene.v2a


def rows() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in settings().bone_map.rows:
        found.setdefault(row.part, []).append(row.bone)
    return found


def at(part: str) -> int:
    return next(i for i, row in enumerate(settings().bone_map.rows) if row.part == part)


def told(button: str, **options: Any) -> str:
    """Why a button is grey, or what it answers where it refuses."""
    try:
        return " ".join(getattr(bpy.ops.v2a, button)(**options))
    except RuntimeError as error:
        return str(error).strip().rpartition("poll() ")[2]


def curves() -> set[str]:
    """Bones that have keys."""
    compat = sys.modules[f"{MODULE}.addon.compat"]
    paths = [c.data_path for c in compat.fcurves(armature().animation_data.action) if "pose.bones" in c.data_path]
    return {path.partition("[")[2].rpartition("]")[0][1:-1].replace('\\"', '"') for path in paths}


def pick(bone: str, part: str) -> None:
    """As by hand: the bone active in pose mode, then the button of the row."""
    armature().data.bones.active = armature().data.bones[bone]
    bpy.ops.v2a.pick_bone(index=at(part))


def stump() -> None:
    """A left leg whose bones have names that tell nothing, and a short thigh: unlike the right one."""
    bpy.ops.object.mode_set(mode="EDIT")
    thigh, shin = (armature().data.edit_bones[f"mixamorig:Left{name}"] for name in ("UpLeg", "Leg"))
    shin.use_connect = False
    shin.head, thigh.tail = [(thigh.head + 0.4 * (shin.head - thigh.head))] * 2
    thigh.name, shin.name = "x 1", "x 2"
    bpy.ops.object.mode_set(mode="OBJECT")


def main(archive: Path, motion: Path, rig: Path, folder: Path) -> dict[str, Any]:
    own = folder / "maps"
    os.environ["V2A_RIG_PRESETS"] = str(own)
    bpy.ops.extensions.package_install_files(filepath=str(archive), repo="user_default", enable_on_install=True)
    addon_utils.enable("io_scene_fbx", default_set=True)
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=False)
    bpy.context.preferences.edit.use_global_undo = True
    bpy.ops.import_scene.fbx(filepath=str(rig))
    found: dict[str, Any] = {"no armature": [told(name) for name in ("list_bones", "save_map", "export_map")]}
    settings().armature = armature()
    found["nothing yet"] = [told(name) for name in ("pick_bone", "export_map", "remove_map")]
    bpy.ops.ed.undo_push(message="as it was")

    # listed, undone, listed again
    bpy.ops.v2a.list_bones("EXEC_DEFAULT", True)
    found["listed"], found["told"] = rows(), settings().bone_map.told
    bpy.ops.ed.undo()
    found["undone"] = len(settings().bone_map.rows)
    bpy.ops.ed.redo()
    found["redone"] = rows() == found["listed"]

    # what is wrong is told
    settings().bone_map.rows[at("left_hand")].bone = "mixamorig:RightHand"
    found["twice"] = told("save_map", name="x")
    settings().bone_map.rows[at("left_hand")].bone = ""
    settings().bone_map.rows[at("hips")].bone = ""
    found["needed"] = told("export_map", filepath=str(folder / "x.toml"))

    # bones of odd names, picked by hand
    for bone, name in ODD.items():
        armature().data.bones[bone].name = name
    settings().preset = "mixamo"
    bpy.ops.v2a.list_bones()
    found["odd"] = [rows()[part] for part in ("left_hand", "left_forearm", "left_foot")]
    found["odd told"] = settings().bone_map.told
    found["no pose mode"] = told("pick_bone")
    bpy.context.view_layer.objects.active = armature()
    bpy.ops.object.mode_set(mode="POSE")
    for (_, name), part in zip(ODD.items(), ("left_hand", "left_forearm", "left_foot")):
        pick(name, part)
    bpy.ops.v2a.add_bone(index=at("neck"))
    found["added"] = rows()["neck"]
    settings().bone_map.rows[at("right_clavicle")].bone = ""
    bpy.ops.object.mode_set(mode="OBJECT")
    changed = sys.modules[f"{MODULE}.addon.map_editor_operators"].changed
    was_changed = changed(settings())
    found["saved"] = told("save_map", name="my: map")
    found["changed"] = [was_changed, changed(settings())]
    found["chosen"] = [settings().preset, sorted(path.name for path in own.iterdir())]
    found["listed again"] = rows()
    found["asked"] = told("save_map", name="my_ map")
    found["over"] = told("save_map", name="my_ map", overwrite=True)
    found["names"] = [told("save_map", name=name) for name in ("auto", "FILE")]
    found["bundled"] = told("save_map", name="mixamo")

    # applied: keys on the picked bones, none on the one that was taken out
    sys.modules[f"{MODULE}.addon.watch"].set_motions(settings(), [motion])
    bpy.ops.v2a.apply()
    found["keys on picked"] = [name in curves() for name in ODD.values()]
    found["keys on taken out"] = "mixamorig:RightShoulder" in curves()
    report = sys.modules[f"{MODULE}.addon.apply_report"].report_of(armature())
    found["recognised"], first = report.recognised, curves()

    # handed on as one file
    file = folder / "shared map.toml"
    found["exported"] = told("export_map", filepath=str(file))
    found["removed"] = [told("remove_map"), settings().preset, [path.name for path in own.iterdir()], rows()]
    found["none of your own"] = told("remove_map")
    (folder / "broken.toml").write_text("[bones]\nhips = 3\n")
    found["broken"] = told("import_map", filepath=str(folder / "broken.toml"))
    found["imported"] = [told("import_map", filepath=str(file)), settings().preset, rows() == found["listed again"]]
    found["imported again"] = told("import_map", filepath=str(file))
    found["imported over"] = told("import_map", filepath=str(file), overwrite=True)
    bpy.ops.v2a.apply()
    found["same keys"] = curves() == first

    # what Automatic refuses can be mapped by hand
    bpy.ops.v2a.remove_map()
    stump()
    bpy.ops.v2a.list_bones()
    found["refused"] = [settings().bone_map.told, [part for part, bones in rows().items() if bones == [""]]]
    for bone, part in (("x 1", "left_thigh"), ("x 2", "left_shin")):
        settings().bone_map.rows[at(part)].bone = bone
    found["by hand"] = [told("save_map"), settings().preset, told("apply"), sorted({"x 1", "x 2"} & curves())]

    # with IK keys: what a list cannot show is in the file of one's own, too
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=False)
    addon_utils.enable("rigify", default_set=True)
    bpy.ops.object.armature_basic_human_metarig_add()
    metarig = bpy.context.object
    bpy.ops.pose.rigify_generate()
    bpy.data.objects.remove(metarig)
    settings().armature = armature()
    bpy.ops.v2a.list_bones()
    found["rigify told"] = settings().bone_map.told
    settings().bone_map.rows[at("neck")].bone = ""
    bpy.ops.v2a.save_map(name="my rigify")
    bundled = sys.modules[f"{MODULE}.addon.maps"].BUNDLED / "rigify.toml"
    was, now = (tomllib.loads(path.read_text("utf-8")) for path in (bundled, own / "my rigify.toml"))
    found["rigify changed"] = sorted(key for key in was | now if was.get(key) != now.get(key))
    found["rigify parts gone"] = sorted(was["bones"].keys() - now["bones"].keys())
    settings().controls = "ik"
    sys.modules[f"{MODULE}.addon.watch"].set_motions(settings(), [motion])
    bpy.ops.v2a.apply()
    found["rigify keys"] = [name in curves() for name in ("hand_ik.L", "thigh_ik_target.R", "neck")]

    kinds = [k for k in dir(bpy.ops.v2a) if k.endswith(("_map", "_bone", "_bones"))]
    kinds = [getattr(bpy.ops.v2a, name).get_rna_type() for name in kinds]
    found["buttons"] = len(kinds)
    inherited = {"filepath", "hide_props_region", "check_existing"}
    texts = {k.identifier: k.description for k in kinds} | {
        f"{k.identifier}.{p.identifier}": p.description
        for k in kinds
        for p in k.properties
        if p.identifier not in inherited | {"rna_type"} and not p.is_hidden
    }
    texts["row"] = type(settings().bone_map.rows[0]).bl_rna.properties["bone"].description
    found["without tooltip"] = [name for name, text in texts.items() if not text]
    return found


hand_back(**main(*map(Path, sys.argv[1:5])))
