"""Files that came back: read into an empty scene, and how far their shapes are from what had left."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import bpy
import numpy as np
from mathutils.kdtree import KDTree  # pyright: ignore[reportMissingImports]


def armature() -> bpy.types.Object:
    """The character's: USD makes more of them, for shape keys."""
    return max((o for o in bpy.context.scene.objects if o.type == "ARMATURE"), key=lambda o: len(o.data.bones))


def vertices(frames: Iterable[int]) -> np.ndarray:
    """(F, V, 3) of all meshes, in the world."""
    scene, found = bpy.context.scene, []
    for frame in frames:
        scene.frame_set(frame)
        graph, here = bpy.context.evaluated_depsgraph_get(), [np.empty((0, 3))]
        for o in scene.objects:
            if (
                o.type == "MESH" and o.users_collection[0].name != "glTF_not_exported"
            ):  # that importer's shapes of bones
                evaluated = o.evaluated_get(graph)
                flat = np.empty(3 * len(evaluated.data.vertices), np.float32)
                evaluated.data.vertices.foreach_get("co", flat)
                world = np.array(evaluated.matrix_world)
                here.append(flat.reshape(-1, 3) @ world[:3, :3].T + world[:3, 3])
        found.append(np.concatenate(here))
    return np.stack(found)


def furthest(points: np.ndarray, others: np.ndarray) -> float:
    """Metres from the worst of either to the nearest of the other; both (V, 3)."""
    worst = 0.0
    for these, those in ((points, others), (others, points)):
        tree = KDTree(len(those))
        for i, point in enumerate(those):
            tree.insert(point, i)
        tree.balance()
        worst = max(worst, *(tree.find(point)[2] for point in these))
    return worst


def read(path: Path) -> None:
    """Into an empty scene. anim_offset: Blender's FBX importer shifts keys by a frame unless told not to."""
    bpy.ops.wm.read_homefile(use_empty=True)
    bpy.context.scene.render.fps = 30
    if path.suffix == ".fbx":
        bpy.ops.import_scene.fbx(filepath=str(path), anim_offset=0.0)
    elif path.suffix == ".glb":
        bpy.ops.import_scene.gltf(filepath=str(path))
    elif path.suffix == ".bvh":
        bpy.ops.import_anim.bvh(filepath=str(path), axis_forward="Y", axis_up="Z", rotate_mode="QUATERNION")
    else:
        bpy.ops.wm.usd_import(filepath=str(path))
