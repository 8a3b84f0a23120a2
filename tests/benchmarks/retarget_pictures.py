"""Eight rigs doing one captured motion, on one page to be looked at: a row a rig, the video's frames above.

python tests/benchmarks/retarget_pictures.py --video V --motion M.npz [--out rigs.jpg] [--moments 8] [--side] [--large RIG]
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import bpy
import cv2
import numpy as np
from mathutils import Vector

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "demo"), str(ROOT)]
import contact_sheet as sheet  # noqa: E402  # pyright: ignore[reportMissingImports]

from video_to_armature.addon import apply, rig_file  # noqa: E402
from video_to_armature.lifter.contract.motion import Motion  # noqa: E402

SHARED = ROOT.parent / "shared" / "rigs"
RIGS = ("mh_mixamo.fbx", "mh_unreal4.fbx", "quaternius_man.glb", "kaykit_rogue.glb", "mh_cmu.glb",
        "mannequiny.glb", "cryptovoxels.vrm", "cesium_man.glb")  # fmt: skip
CELL = (132, 176)
QUALITY = 82
FROM = {False: (-0.55, -0.84), True: (0.0, -1.0)}  # where the camera stands as seen from the person, who walks along -X


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--video", type=Path, default=ROOT / "demo" / "walk.mp4")
    parser.add_argument("--motion", type=Path, default=ROOT / "out" / "demo" / "motion.npz")
    parser.add_argument("--out", type=Path, default=ROOT / "tests" / "benchmarks" / "pictures" / "rigs.jpg")
    parser.add_argument("--moments", type=int, default=8)
    parser.add_argument("--side", action="store_true", help="from the person's side, not from before it")
    parser.add_argument("--large", help="one rig alone, three times as large")
    given = parser.parse_args()
    sheet.CELL = CELL if not given.large else tuple(3 * n for n in CELL)
    motion = Motion.load(given.motion)
    frames = sheet.moments(motion, given.moments)
    cells = sheet.crops(motion, frames)
    images = sheet.video_frames(given.video, motion.frame_times[frames])
    rows = [[cv2.warpAffine(image, cell[:2], sheet.CELL) for image, cell in zip(images, cells)]]
    for name in (given.large,) if given.large else RIGS:
        rows.append(shots(SHARED / name, motion, frames, FROM[given.side]))
        cv2.putText(rows[-1][0], Path(name).stem, (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 1, cv2.LINE_AA)
    page = np.vstack([np.hstack([cv2.copyMakeBorder(c, 1, 1, 1, 1, 0, value=(255,) * 3) for c in row]) for row in rows])
    cv2.imwrite(str(given.out), page, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    print(f"{given.out}: {given.out.stat().st_size / 1000:.0f} kB", flush=True)
    os._exit(0)


def shots(rig: Path, motion: Motion, frames: list[int], way: tuple[float, float]) -> list[np.ndarray]:
    """The rig at these frames, all at one scale, without perspective."""
    rig_file.open_rig(rig)
    scene = bpy.context.scene
    armature = max((o for o in scene.objects if o.type == "ARMATURE"), key=lambda o: len(o.data.bones))
    apply.apply_motion(scene, armature, motion)
    for thing in list(scene.objects):
        if thing.type == "MESH" and not deformed(thing, armature):
            bpy.data.objects.remove(thing)
    sheet.dress(scene)
    camera = bpy.data.objects.new("sheet", bpy.data.cameras.new("sheet"))
    scene.collection.objects.link(camera)
    scene.camera = camera
    view = np.eye(4)
    view[:2, 0] = way
    tallest, out = 0.0, []
    for frame in frames:
        sheet._go_to(scene, motion, frame)
        low, high = bounds(scene, armature)
        tallest = tallest or high.z - low.z
        sheet.look_from_side(camera, view, (low, high), 1.25 * tallest)
        out.append(sheet.render(scene))
    return out


def bounds(scene: bpy.types.Scene, armature: bpy.types.Object) -> tuple[Vector, Vector]:
    """Of what is seen: control bones stand anywhere."""
    graph = bpy.context.evaluated_depsgraph_get()
    seen = [o.evaluated_get(graph) for o in scene.objects if o.type == "MESH" and deformed(o, armature)]
    corners = [o.matrix_world @ Vector(corner) for o in seen for corner in o.bound_box]
    return tuple(Vector(f(c[i] for c in corners) for i in range(3)) for f in (min, max))


def deformed(thing: bpy.types.Object, armature: bpy.types.Object) -> bool:
    """Whether the mesh is the armature's skin; what it holds in its hands only hides it."""
    return any(m.type == "ARMATURE" and m.object == armature for m in thing.modifiers)


if __name__ == "__main__":
    main()
