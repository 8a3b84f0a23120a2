"""What every script here needs: the package under its name, the way to hand back a result, heads of bones by frame."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

import bpy
import numpy as np

ROOT = Path(__file__).resolve().parents[3]
RIG = ROOT / "demo" / "mh_mixamo.fbx"


def _die(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """A normal exit with Rigify on crashes 4.2 and hangs 4.5."""
    sys.__excepthook__(kind, error, trace)
    sys.stderr.flush()
    os._exit(1)


sys.excepthook = _die


def load_package() -> None:
    """As batch.py does it: this copy, not an installed one."""
    spec = importlib.util.spec_from_file_location("v2a_batch_script", ROOT / "addon" / "batch.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    script.load_own_package(ROOT)


def hand_back(**result: Any) -> None:
    """Print the result and end the process as batch.py does."""
    print("\nRESULT " + json.dumps(result), flush=True)
    sys.stderr.flush()
    os._exit(0)


def armature() -> bpy.types.Object:
    """The scene's only armature."""
    [found] = [o for o in bpy.context.scene.objects if o.type == "ARMATURE"]
    return found


def heads(rig: bpy.types.Object, names: list[str], frames: range) -> np.ndarray:
    """(F, N, 3) world positions of bone heads as Blender evaluates them, frame by frame."""
    out = np.empty((len(frames), len(names), 3))
    for i, frame in enumerate(frames):
        bpy.context.scene.frame_set(frame)
        evaluated = rig.evaluated_get(bpy.context.evaluated_depsgraph_get())
        for j, name in enumerate(names):
            out[i, j] = evaluated.matrix_world @ evaluated.pose.bones[name].head
    return out


def angles(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Radians between directions along the last axis."""
    a, b = (v / np.linalg.norm(v, axis=-1, keepdims=True) for v in (a, b))
    return np.arctan2(np.linalg.norm(np.cross(a, b), axis=-1), (a * b).sum(-1))


def stock() -> dict[str, int]:
    """How many datablocks of each kind there are."""
    names = (
        "objects",
        "cameras",
        "meshes",
        "materials",
        "node_groups",
        "images",
        "movieclips",
        "actions",
        "collections",
    )
    return {name: len(getattr(bpy.data, name)) for name in names}
