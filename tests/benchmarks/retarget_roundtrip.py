"""What the files bring back: a motion on a rig, written in each format and read again. Run by any Blender's Python.

    python tests/benchmarks/retarget_roundtrip.py MOTION.npz [--rig FILE …]     one version: rows of a table

Heads are compared in the world, frame by frame, as Blender evaluates them; the length is that of the file's own keys. The rows
"takes" hold two clips in one file, each compared with its own strip.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

import bpy
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
RIGS = [ROOT / "demo" / "mh_mixamo.fbx", ROOT.parent / "shared" / "rigs" / "quaternius_man.glb"]
FORMATS = ("fbx", "glb", "bvh", "usd")
sys.path.insert(0, str(ROOT / "tests" / "blender" / "scripts"))
from common import armature, heads, load_package  # noqa: E402  # pyright: ignore[reportMissingImports]


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


def spelled(names: list[str]) -> list[str | None]:
    """As the file has them: USD knows no ':' and '.'."""
    there = armature().pose.bones
    table = {bone.name.replace(":", "_").replace(".", "_"): bone.name for bone in there}
    return [table.get(name.replace(":", "_").replace(".", "_")) for name in names]


def compared(names: list[str], true: np.ndarray, action: bpy.types.Action) -> tuple[float, float, int]:
    """Millimetres between heads at most; frames that the length is off; bones compared."""
    first, last = action.frame_range
    came = spelled(names)
    kept = [i for i, name in enumerate(came) if name]
    span = range(round(first), round(first) + len(true))
    off = np.linalg.norm(heads(armature(), [came[i] for i in kept], span) - true[:, kept], axis=-1)
    return 1000 * float(off.max()), abs(last - first - (len(true) - 1)), len(kept)


def single(rig: Path, motion: Path, folder: Path) -> list[str]:
    from video_to_armature.addon import batch_run

    files = [folder / f"{rig.stem}.{kind}" for kind in FORMATS]
    options = [text for path in files for text in (f"--{path.suffix[1:]}", str(path))]
    assert batch_run.main(["--motion", str(motion), "--rig", str(rig), *options, "--overwrite"]) == 0
    names = [bone.name for bone in armature().data.bones]
    scene = bpy.context.scene
    true = heads(armature(), names, range(scene.frame_start, scene.frame_end + 1))
    return [row(rig, path, lambda: compared(names, true, armature().animation_data.action)) for path in files]


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
    tracks, true = armature().animation_data.nla_tracks, {}
    for track in tracks:
        for other in tracks:
            other.mute = other != track
        [strip] = track.strips
        true[track.name] = heads(armature(), names, range(round(strip.frame_start), round(strip.frame_end) + 1))

    def each() -> tuple[float, float, int]:
        character = armature()
        animation = character.animation_data or character.animation_data_create()
        for track in animation.nla_tracks:
            track.mute = True
        found = []
        for action in bpy.data.actions:
            compat.CurveWriter(action, character, action.slots[0].identifier if hasattr(action, "slots") else "")
            found.append(compared(names, next(true[clip] for clip in true if clip in action.name), action))
        assert len(found) == len(true), [action.name for action in bpy.data.actions]
        return tuple(map(max, zip(*found)))  # pyright: ignore[reportReturnType]

    return [row(rig, path, each, " takes") for path in files]


def row(rig: Path, path: Path, measure, what: str = "") -> str:
    read(path)
    heads_mm, frames, bones = measure()
    scale = max(abs(s - 1) for s in armature().matrix_world.to_scale())
    return (
        f"| {bpy.app.version_string.split()[0]} | {rig.stem} | {path.suffix[1:]}{what} | {bones} | {heads_mm:.4f} | "
        f"{frames:.3f} | {scale:.1e} | {len({action.name.rpartition('|')[2] for action in bpy.data.actions})} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("motion", type=Path)
    parser.add_argument("--rig", type=Path, nargs="*", default=RIGS)
    given = parser.parse_args()
    load_package()
    rows = [
        "| Blender | rig | format | bones | heads mm | length off, frames | object's scale off | clips |",
        "|" + "---|" * 8,
    ]
    with tempfile.TemporaryDirectory() as folder:
        for rig in given.rig:
            rows += single(rig, given.motion.resolve(), Path(folder))
        rows += takes(given.rig[0], given.motion.resolve(), Path(folder))
    print("\n" + "\n".join(rows), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
