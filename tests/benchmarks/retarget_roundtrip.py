"""What the files bring back: a motion on a rig, written in each format and read again. Run by any Blender's Python.

    python tests/benchmarks/retarget_roundtrip.py MOTION.npz [--rig FILE …]     one version: rows of a table

Rigs: the demo's, and all of ../shared/rigs whose objects are scaled (files, and armatures rebuilt from the JSONs). Heads are
compared in the world, frame by frame, as Blender evaluates them; so are the meshes' vertices at three frames, each with the
nearest that came back, and the other way round. The length is that of the file's own keys, the scale the one that is furthest
from 1 of all objects in the file. The rows "takes" hold two clips in one file, each compared with its own strip.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
from pathlib import Path

import bpy
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "rigs"
FORMATS = ("fbx", "glb", "bvh", "usd")
sys.path[:0] = [str(ROOT / "tests" / "blender" / "scripts"), str(Path(__file__).parent)]
from common import heads, load_package  # noqa: E402  # pyright: ignore[reportMissingImports]
from exchanged import armature, furthest, read, vertices  # noqa: E402  # pyright: ignore[reportMissingImports]
from retarget_rigs import build  # noqa: E402


def rigs() -> list[Path]:
    files = [SHARED / f"{name}.glb" for name in ("quaternius_man", "robot_expressive", "xbot_skeleton")]
    known = {path.stem for path in files}
    records = [path for path in sorted((SHARED / "skeletons").glob("*.json")) if path.stem not in known]
    scaled = [path for path in records if json.loads(path.read_text("utf-8"))["object"]["scale"] != [1.0, 1.0, 1.0]]
    return [ROOT / "demo" / "mh_mixamo.fbx", *files, *scaled]


def spelled(names: list[str]) -> list[str | None]:
    """As the file has them: USD knows letters, digits and '_'."""
    table = {re.sub(r"\W", "_", bone.name): bone.name for bone in armature().pose.bones}
    return [table.get(re.sub(r"\W", "_", name)) for name in names]


def some(frames: range) -> tuple[int, int, int]:
    return frames[0], frames[len(frames) // 2], frames[-1]


def compared(
    names: list[str], true: np.ndarray, shape: np.ndarray, action: bpy.types.Action
) -> tuple[float, float, float, int]:
    """Millimetres between heads and between vertices at most; frames that the length is off; bones compared."""
    first, last = action.frame_range
    came = spelled(names)
    kept = [i for i, name in enumerate(came) if name]
    span = range(round(first), round(first) + len(true))
    off = np.linalg.norm(heads(armature(), [came[i] for i in kept], span) - true[:, kept], axis=-1)
    came_shape = vertices(some(span))
    apart = (
        max(map(furthest, shape, came_shape)) if came_shape.size else np.nan
    )  # BVH has no meshes, nor have the JSONs
    return 1000 * float(off.max()), 1000 * apart, abs(last - first - (len(true) - 1)), len(kept)


def single(rig: Path, motion: Path, folder: Path) -> list[str]:
    from video_to_armature.addon import batch_run

    if rig.suffix == ".json":
        build(json.loads(rig.read_text("utf-8")), seed=0)
        rig = folder / f"{rig.stem}.blend"
        bpy.ops.wm.save_as_mainfile(filepath=str(rig), copy=True)
    files = [folder / f"{rig.stem}.{kind}" for kind in FORMATS]
    options = [text for path in files for text in (f"--{path.suffix[1:]}", str(path))]
    assert batch_run.main(["--motion", str(motion), "--rig", str(rig), *options, "--overwrite"]) == 0
    names = [bone.name for bone in armature().data.bones]
    scene = bpy.context.scene
    span = range(scene.frame_start, scene.frame_end + 1)
    true, shape = heads(armature(), names, span), vertices(some(span))
    return [row(rig, path, lambda: compared(names, true, shape, armature().animation_data.action)) for path in files]


def takes(rig: Path, motion: Path, folder: Path) -> list[str]:
    from video_to_armature.addon import batch_run, compat
    from video_to_armature.addon.retarget.choices import Keying
    from video_to_armature.addon.retarget.resample import trimmed
    from video_to_armature.lifter.contract.motion import Motion

    clips = folder / "clips"
    clips.mkdir(exist_ok=True)
    whole = Motion.load(motion)
    for name, keying in (("long", Keying()), ("short", Keying(first=whole.frames // 2))):
        trimmed(whole, keying).save(clips / f"{name}.npz")
    files = [folder / f"takes.{kind}" for kind in FORMATS[:2]]
    blend = folder / "takes.blend"
    options = [
        text for path in (*files, blend) for text in (f"--{path.suffix[1:]}".replace("blend", "save"), str(path))
    ]
    assert batch_run.main(["--motion", str(clips), "--rig", str(rig), "--takes", *options, "--overwrite"]) == 0
    names = [bone.name for bone in armature().data.bones]
    tracks = armature().animation_data.nla_tracks
    true: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for track in tracks:
        for other in tracks:
            other.mute = other != track
        [strip] = track.strips
        span = range(round(strip.frame_start), round(strip.frame_end) + 1)
        true[track.name] = heads(armature(), names, span), vertices(some(span))

    def each() -> tuple[float, float, float, int]:
        character = armature()
        animation = character.animation_data or character.animation_data_create()
        for track in animation.nla_tracks:
            track.mute = True
        found = []
        moving = [a for a in bpy.data.actions if any("pose.bones" in c.data_path for c in compat.fcurves(a))]
        for action in moving:  # others are of what hangs on bones
            compat.CurveWriter(action, character, action.slots[0].identifier if hasattr(action, "slots") else "")
            moved, shape = next(true[clip] for clip in true if clip in action.name)
            found.append(compared(names, moved, shape, action))
        assert len(found) == len(true), [action.name for action in moving]
        return tuple(map(max, zip(*found)))  # pyright: ignore[reportReturnType]

    return [row(rig, path, each, " takes") for path in files]


def row(rig: Path, path: Path, measure, what: str = "") -> str:
    read(path)
    heads_mm, vertices_mm, frames, bones = measure()
    scales = [s for o in bpy.context.scene.objects for s in (*o.matrix_world.to_scale(), *o.scale)]
    scale = max(abs(s - 1) for s in scales)
    clips = {action.name.rpartition("|")[2] for action in bpy.data.actions}
    shape = "-" if np.isnan(vertices_mm) else f"{vertices_mm:.4f}"
    return (
        f"| {bpy.app.version_string.split()[0]} | {rig.stem} | {path.suffix[1:]}{what} | {bones} | {heads_mm:.4f} | "
        f"{shape} | {frames:.3f} | {scale:.1e} | {len(clips)} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("motion", type=Path)
    parser.add_argument("--rig", type=Path, nargs="*", default=rigs())
    given = parser.parse_args()
    load_package()
    rows = [
        "| Blender | rig | format | bones | heads mm | vertices mm | length off, frames | objects' scale off | clips |",
        "|" + "---|" * 9,
    ]
    with tempfile.TemporaryDirectory() as folder:
        for rig in given.rig:
            rows += single(rig, given.motion.resolve(), Path(folder))
        for rig in given.rig[:2]:
            rows += takes(rig, given.motion.resolve(), Path(folder))
    print("\n" + "\n".join(rows), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
