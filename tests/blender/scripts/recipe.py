"""Write the panel's settings as a recipe, read it back, and run it headless onto the same motion.

Usage: recipe.py ZIP MOTION.npz DEMO_FOLDER FOLDER.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import bpy  # isort: skip  (addon_utils exists only after it)
import addon_utils
import numpy as np
from common import ROOT, armature, hand_back, heads

MODULE = "bl_ext.user_default.video_to_armature"
BONES = ["mixamorig:Hips", "mixamorig:LeftHand", "mixamorig:RightFoot"]


def values(settings: Any) -> dict[str, Any]:
    """What the panel says, in JSON's types."""
    out: dict[str, Any] = {}
    for prop in settings.bl_rna.properties:
        if prop.type in ("BOOLEAN", "INT", "FLOAT", "STRING", "ENUM") and prop.identifier not in (
            "name",
            "view_before",
        ):
            value = getattr(settings, prop.identifier)
            out[prop.identifier] = sorted(value) if isinstance(value, set) else value
    return out


def different(a: dict[str, Any], b: dict[str, Any]) -> dict[str, Any]:
    """What is not the same, floats to six digits."""
    same = {k: a[k] == b[k] or (isinstance(a[k], float) and abs(a[k] - b[k]) <= 1e-5 * max(1, abs(a[k]))) for k in a}
    return {key: [a[key], b[key]] for key in a if not same[key]}


def told(path: Path, text: str) -> str:
    path.write_text(text)
    try:
        bpy.ops.v2a.load_recipe(filepath=str(path))
    except RuntimeError as error:
        return str(error).strip().removeprefix("Error: ")
    return ""


def main(archive: Path, motion: Path, demo: Path, folder: Path) -> dict[str, Any]:
    bpy.ops.extensions.package_install_files(filepath=str(archive), repo="user_default", enable_on_install=True)
    addon_utils.enable("io_scene_fbx", default_set=True)
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=False)
    bpy.ops.import_scene.fbx(filepath=str(demo / "mh_mixamo.fbx"))
    scene, character = bpy.context.scene, armature()
    settings = scene.v2a
    found: dict[str, Any] = {}
    try:
        bpy.ops.v2a.save_recipe(filepath=str(folder / "no.toml"))
    except RuntimeError as error:
        found["grey"] = str(error).strip().rpartition("poll() ")[2]
    shutil.copy(demo / "walk.mp4", folder / "walk.mp4")
    work = folder / "work"
    work.mkdir()
    settings.video, settings.armature = str(folder / "walk.mp4"), character
    bpy.ops.v2a.save_recipe(filepath=str(work / "unsaved.toml"))
    found["unsaved"] = list(tomllib.loads((work / "unsaved.toml").read_text()))[:2]
    bpy.ops.wm.save_as_mainfile(filepath=str(work / "scene.blend"))

    plain = values(settings)
    settings.people, settings.number, settings.height, settings.hfov = "number", 2, 1.83, np.radians(47.5)
    settings.start, settings.end, settings.smooth_hz, settings.frame_rate = 0.25, 3.5, 6.5, "scene"
    settings.root, settings.turn, settings.facing, settings.left_foot = "in place", True, np.radians(-30), "always"
    settings.limbs = {"trunk", "left arm", "right leg", "root"}
    settings.first_frame, settings.last_frame, settings.start_frame, settings.speed = 3, 40, 11, 0.8
    settings.controls = "both"
    settings.action, settings.tolerance, settings.tolerance_m = "new", np.radians(0.5), 0.002
    settings.export_preset, settings.preset, settings.export_meshes = "unity", "mixamo", False
    (folder / "own.bin").write_bytes(b"PK")
    settings.model = str(folder / "own.bin")
    settings.export_format, settings.export_path = "glb", str(folder / "out" / "cast.glb")
    recipe = work / "set.toml"
    bpy.ops.v2a.save_recipe(filepath=str(recipe))
    found["wrote"] = tomllib.loads(recipe.read_text())
    mine = values(settings)
    alike = set(mine) - set(different(mine, plain))  # a choice that this script does not know of
    found["left at default"] = sorted(alike)
    bpy.ops.v2a.load_recipe(filepath=str(work / "unsaved.toml"))
    found["defaults"] = different(plain, values(settings))
    bpy.ops.v2a.load_recipe(filepath=str(recipe))
    found["back"] = different(mine, values(settings))
    bad = work / "bad.toml"
    found["misfits"] = [
        told(bad, 'armature = ["Nobody"]'),
        told(bad, 'smooth-hz = "quick"'),
        told(bad, "nonsense = 1").partition(": ")[2].partition(";")[0],
    ]
    found["left for batch"] = list(bpy.ops.v2a.load_recipe(filepath=str(recipe)))

    settings.controls, settings.model = "fk", ""  # this rig has no others
    settings.export_format, settings.export_path = "fbx", str(work / "walk")
    bpy.ops.v2a.save_recipe(filepath=str(recipe))
    sys.modules[f"{MODULE}.addon.watch"].set_motions(settings, [motion], character)
    bpy.ops.v2a.apply()
    found["exported"] = {}
    for kind in ("fbx", "glb", "bvh", "usd"):
        settings.export_format, settings.export_path = kind, str(folder / "by the box" / kind)
        Path(settings.export_path).parent.mkdir(exist_ok=True)
        done = bpy.ops.v2a.export("INVOKE_DEFAULT")
        path = Path(f"{settings.export_path}.{kind}")
        found["exported"][kind] = [*done, path.is_file() and path.read_bytes()[:4].decode("latin-1")]
    frames = range(scene.frame_start, scene.frame_end + 1)
    mine = heads(character, BONES, frames)
    command = [ROOT / "addon" / "batch.py", "--recipe", recipe, "--motion", motion, "--save", work / "batch.blend"]
    ended = subprocess.run(
        [sys.executable, *map(str, command)], capture_output=True, text=True, timeout=120, check=False
    )
    found["batch"] = ended.returncode
    sys.stderr.write(ended.stderr if ended.returncode else "")
    if ended.returncode == 0:
        bpy.ops.wm.open_mainfile(filepath=str(work / "batch.blend"))
        scene = bpy.context.scene
        found["frames"] = [[frames.start, frames.stop - 1], [scene.frame_start, scene.frame_end]]
        found["off, m"] = float(np.abs(heads(armature(), BONES, frames) - mine).max())
        found["fbx"] = (work / "walk.fbx").is_file()
    return found


hand_back(**main(*map(Path, sys.argv[1:5])))
