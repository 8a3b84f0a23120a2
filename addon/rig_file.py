"""How a rig comes from a file: .blend, FBX, glTF/VRM, BVH or USD, into an empty scene. For the command line only."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy

from ..lifter.contract.protocol import RigError
from . import compat
from .rig import HUMANOID


def open_rig(path: Path) -> None:
    """Replace the open file by one that holds the rig. Raises RigError.

    The still pose or clip that an imported file brings is dropped: it would be exported beside the motion.
    """
    if not path.is_file():
        raise RigError(f"{path}: no such rig file.")
    importer = _IMPORTERS.get(path.suffix.lower())
    if importer is None:
        raise RigError(f"{path}: '{path.suffix}' is not a rig format known here ({', '.join(_IMPORTERS)}).")
    try:
        importer(str(path))
    except Exception as error:  # importers are Python add-ons: broken files raise whatever they meet first
        detail = (str(error).strip() or type(error).__name__).splitlines()[-1]
        raise RigError(f"{path}: cannot be read as a rig ({detail}). Export it again.") from error


def _into_empty_scene(load: Callable[[str], object]) -> Callable[[str], None]:
    def importer(path: str) -> None:
        bpy.ops.wm.read_homefile(use_empty=True)
        load(path)
        for action in list(bpy.data.actions):
            bpy.data.actions.remove(action)
        for scene_object in bpy.data.objects:
            if scene_object.type == "ARMATURE":
                _rest(scene_object)

    return importer


def _rest(armature: bpy.types.Object) -> None:
    for bone in armature.pose.bones:
        bone.matrix_basis = ((1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1))


def _blend(path: str) -> None:
    bpy.ops.wm.open_mainfile(filepath=path, load_ui=False, use_scripts=False)


def _gltf(path: str) -> None:
    compat.ensure_addon("io_scene_gltf2")
    bpy.ops.import_scene.gltf(filepath=path)
    table = vrm_table(Path(path).read_bytes())
    for armature in bpy.data.armatures if table else ():
        armature[HUMANOID] = table


def vrm_table(content: bytes) -> dict[str, str]:
    """The humanoid table (human bone -> node name) of a VRM 0 or 1 file's bytes; {} for other glTF files."""
    start, size = 0, len(content)
    if content[:4] == b"glTF":  # binary: after 12 bytes of header comes the JSON chunk, its length first
        start, size = 20, struct.unpack_from("<I", content, 12)[0]
    record: dict[str, Any] = json.loads(content[start : start + size])
    extensions = record.get("extensions", {})
    if "VRMC_vrm" in extensions:
        nodes = {human: bone["node"] for human, bone in extensions["VRMC_vrm"]["humanoid"]["humanBones"].items()}
    else:
        bones = extensions.get("VRM", {}).get("humanoid", {}).get("humanBones", [])
        nodes = {bone["bone"]: bone["node"] for bone in bones}
    return {human: record["nodes"][node].get("name", "") for human, node in nodes.items()}


def _bvh(path: str) -> None:
    compat.ensure_addon("io_anim_bvh")
    bpy.ops.import_anim.bvh(filepath=path)


def _usd(path: str) -> None:
    if "FINISHED" not in bpy.ops.wm.usd_import(filepath=path):
        raise RuntimeError("Blender's USD importer refused it")


_IMPORTERS: dict[str, Callable[[str], object]] = {
    ".blend": _blend,
    ".fbx": _into_empty_scene(compat.import_fbx),
    ".glb": _into_empty_scene(_gltf),
    ".gltf": _into_empty_scene(_gltf),
    ".vrm": _into_empty_scene(_gltf),  # glTF with extensions
    ".bvh": _into_empty_scene(_bvh),
    ".usd": _into_empty_scene(_usd),
    ".usda": _into_empty_scene(_usd),
    ".usdc": _into_empty_scene(_usd),
    ".usdz": _into_empty_scene(_usd),
}
