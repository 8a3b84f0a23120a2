"""What came out of a video, on one page: video frames with the 2D skeleton above the rig seen by the same camera.

Needs OpenCV and Blender as a module (the project's .venv). For any video, its motion and the .blend that batch saved:
    python demo/contact_sheet.py --video V --motion M.npz --blend B.blend --out sheet.png [--moments 12] [--side]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import bpy
import cv2
import numpy as np
import numpy.typing as npt
from mathutils import Matrix, Vector

from video_to_armature.lifter.contract.motion import Motion
from video_to_armature.lifter.video import Frame, probe
from video_to_armature.lifter.video import frames as frames_of

CELL = (300, 400)  # width, height in pixels
COLUMNS = 6
MARGIN = 1.35  # cell size over the person's size
SEEN = 0.3  # keypoints less sure than this are neither drawn nor framed
SAMPLES = 4  # with the denoiser; noise is not the question here
COLOURS = {"left_": (60, 150, 255), "right_": (255, 170, 40)}  # BGR: orange, blue; white on the midline

Image = npt.NDArray[Any]  # uint8 (height, width, 3) BGR
Floats = npt.NDArray[np.float64]


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    for name in ("--video", "--motion", "--blend", "--out"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--moments", type=int, default=12, help="how many moments, evenly spaced")
    parser.add_argument("--side", action="store_true", help="a third row: the rig from its side")
    parser.add_argument(
        "--scale", type=float, default=1.0, help="of the rig's path against the motion's (in the report)"
    )
    options = parser.parse_args(arguments)

    motion = Motion.load(options.motion)
    frames = moments(motion, options.moments)
    cells = crops(motion, frames)
    shots = [
        draw_skeleton(cv2.warpAffine(image, cell[:2], CELL, borderValue=(90, 90, 90)), motion, frame, cell)
        for image, frame, cell in zip(video_frames(options.video, motion.frame_times[frames]), frames, cells)
    ]
    rows = [shots, *render_rows(options.blend, motion, frames, cells, side=options.side, scale=options.scale)]
    ok, png = cv2.imencode(".png", page(rows))
    assert ok
    options.out.write_bytes(png.tobytes())
    return 0


def moments(motion: Motion, count: int) -> list[int]:
    """Evenly spaced frames of the motion among those where somebody was seen."""
    seen = np.flatnonzero((motion.keypoints_px[..., 2] > SEEN).any(-1))
    if len(seen) == 0:
        seen = np.arange(motion.frames)
    return [int(f) for f in seen[np.linspace(0, len(seen) - 1, min(count, len(seen))).round().astype(int)]]


def crops(motion: Motion, frames: list[int]) -> list[Floats]:
    """For each frame cell_from_video (3, 3): one scale for all, centred on the person."""
    boxes: list[tuple[Floats, Floats]] = []  # centre, size; pixels
    for frame in frames:
        points = motion.keypoints_px[frame]
        points = points[points[:, 2] > SEEN, :2].astype(np.float64)
        if len(points):
            boxes.append(((points.min(0) + points.max(0)) / 2, np.ptp(points, axis=0)))
        else:
            boxes.append((motion.intrinsics[:2, 2], 2 * motion.intrinsics[:2, 2]))
    cell = np.array(CELL, np.float64)
    scale = (cell / (MARGIN * np.max([size for _, size in boxes], axis=0))).min()
    result: list[Floats] = []
    for centre, _ in boxes:
        shift = cell / 2 - scale * centre
        result.append(np.array([[scale, 0, shift[0]], [0, scale, shift[1]], [0, 0, 1]]))
    return result


def video_frames(path: Path, times: Floats) -> list[Image]:
    """The frames of the video nearest to these times (increasing, seconds from its first frame)."""
    found: list[Image] = []
    last: Frame | None = None
    for frame in frames_of(probe(path)):
        while last and len(found) < len(times) and times[len(found)] < (last.time_s + frame.time_s) / 2:
            found.append(cv2.cvtColor(last.rgb, cv2.COLOR_RGB2BGR))
        last = frame
    assert last
    return found + [cv2.cvtColor(last.rgb, cv2.COLOR_RGB2BGR)] * (len(times) - len(found))


def draw_skeleton(image: Image, motion: Motion, frame: int, cell_from_video: Floats) -> Image:
    """The seen 2D joints and the bones between them, with the frame's number and time."""
    points = motion.keypoints_px[frame].astype(np.float64)
    seen = points[:, 2] > SEEN
    cell = points[:, :2] @ cell_from_video[:2, :2].T + cell_from_video[:2, 2]
    for name, parent, child in zip(motion.joint_names, motion.parents, range(len(points))):
        if not seen[child]:
            continue
        colour = next((c for side, c in COLOURS.items() if name.startswith(side)), (255, 255, 255))
        a, b = (tuple(round(v) for v in cell[j]) for j in (child, parent if seen[parent] else child))
        if parent >= 0:
            cv2.line(image, a, b, colour, 2, cv2.LINE_AA)
        cv2.circle(image, a, 3, colour, -1, cv2.LINE_AA)
    label = f"frame {frame}   {motion.frame_times[frame]:.2f} s"
    cv2.putText(image, label, (8, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 3, cv2.LINE_AA)
    cv2.putText(image, label, (8, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1, cv2.LINE_AA)
    return image


def render_rows(
    blend: Path, motion: Motion, frames: list[int], cells: list[Floats], *, side: bool, scale: float
) -> list[list[Image]]:
    """The rig at these frames: a row through the video's camera, and one from the side where asked."""
    bpy.ops.wm.open_mainfile(filepath=str(blend))
    scene = bpy.context.scene
    dress(scene)
    camera = bpy.data.objects.new("sheet", bpy.data.cameras.new("sheet"))
    scene.collection.objects.link(camera)
    scene.camera = camera
    rows: list[list[Image]] = [[], []] if side else [[]]
    tallest = 0.0  # of all moments: they share one scale
    for frame in frames:
        _go_to(scene, motion, frame)
        low, high = _bounds(scene)
        tallest = max(tallest, high.z - low.z)
    for frame, cell in zip(frames, cells):
        _go_to(scene, motion, frame)
        moving = motion.world_from_cam.ndim == 3
        world_from_cam = np.array(motion.world_from_cam[frame] if moving else motion.world_from_cam)
        world_from_cam[:3, 3] *= scale  # a taller rig walks farther: seen from farther away it fits the video
        look_through(camera, cell @ motion.intrinsics, world_from_cam, CELL)
        rows[0].append(render(scene))
        if side:
            look_from_side(camera, world_from_cam, _bounds(scene), MARGIN * tallest)
            rows[1].append(render(scene))
    return rows


def dress(scene: bpy.types.Scene) -> None:
    """Plain skin, a floor of half-metre squares at z = 0, a sun, a grey sky; Cycles on the CPU, few samples."""
    skin = _material("skin", (0.55, 0.32, 0.23))
    for thing in list(scene.objects):
        if thing.type == "MESH":
            thing.data.materials.clear()
            thing.data.materials.append(skin)
        elif thing.type == "LIGHT":
            bpy.data.objects.remove(thing)
    floor = _box("floor", half_size=20, thickness=0.08)
    floor.materials.append(_material("floor", (0.30, 0.32, 0.34), (0.55, 0.57, 0.60)))
    floor.materials[0].node_tree.nodes["Principled BSDF"].inputs["Alpha"].default_value = 0.6  # who is below shows
    scene.collection.objects.link(bpy.data.objects.new("floor", floor))
    light = bpy.data.lights.new("sun", "SUN")
    light.energy, light.angle = 3.0, 0.1
    sun = bpy.data.objects.new("sun", light)
    sun.rotation_euler = (0.7, 0.3, 0.0)
    scene.collection.objects.link(sun)
    scene.world = bpy.data.worlds.new("sky")
    scene.world.use_nodes = True
    scene.world.node_tree.nodes["Background"].inputs["Color"].default_value = (0.6, 0.65, 0.7, 1)

    scene.render.engine = "CYCLES"
    scene.cycles.device = "CPU"
    scene.cycles.samples = SAMPLES
    scene.cycles.use_denoising = True
    scene.cycles.denoising_quality = scene.cycles.denoising_prefilter = "FAST"  # a quarter of the default's time
    scene.cycles.max_bounces = 2
    scene.cycles.transparent_max_bounces = 4
    scene.render.use_persistent_data = True
    scene.render.resolution_x, scene.render.resolution_y = CELL
    scene.render.resolution_percentage = 100
    scene.render.use_border = scene.render.use_compositing = scene.render.use_sequencer = False
    scene.render.image_settings.file_format = "PNG"
    scene.render.image_settings.color_mode = "RGB"
    scene.view_settings.view_transform = "Standard"


def look_through(camera: bpy.types.Object, intrinsics: Floats, world_from_cam: Floats, size: tuple[int, int]) -> None:
    """Make `camera` the pinhole camera with these intrinsics (pixels of an image of `size`), OpenCV axes.

    Blender's camera looks along -Z with +Y up, and its shifts count in image widths. Square pixels only.
    """
    width, height = size
    data = camera.data
    data.type, data.sensor_fit, data.sensor_width = "PERSP", "HORIZONTAL", 36.0
    data.lens = intrinsics[0, 0] * data.sensor_width / width
    data.shift_x = (width / 2 - intrinsics[0, 2]) / width
    data.shift_y = (intrinsics[1, 2] - height / 2) / width
    camera.matrix_world = Matrix(world_from_cam @ np.diag([1.0, -1.0, -1.0, 1.0]))


def look_from_side(
    camera: bpy.types.Object, world_from_cam: Floats, bounds: tuple[Vector, Vector], height: float
) -> None:
    """Turn `camera` to see the rig from the right of the video's camera, level with the floor, without perspective;
    `height` metres of it, with the floor's edge where the rig is near it."""
    low, high = bounds
    right = Vector((world_from_cam[0, 0], world_from_cam[1, 0], 0)).normalized()
    up = Vector((0, 0, 1))
    axes = Matrix((up.cross(right), up, right)).transposed()  # columns: the camera's x, y, z
    data = camera.data
    data.type, data.sensor_fit = "ORTHO", "VERTICAL"
    data.ortho_scale = height
    data.shift_x = data.shift_y = 0
    centre = (low + high) / 2
    if 0 <= low.z + 0.1 * height and high.z < 0.9 * height:
        centre.z = 0.4 * height
    camera.matrix_world = Matrix.Translation(centre + 30 * right) @ axes.to_4x4()  # from beyond the floor's end


def _go_to(scene: bpy.types.Scene, motion: Motion, frame: int) -> None:
    seconds = motion.frame_times[frame] - motion.frame_times[0]
    at = scene.frame_start + seconds * scene.render.fps / scene.render.fps_base
    scene.frame_set(int(at), subframe=at % 1)


def _bounds(scene: bpy.types.Scene) -> tuple[Vector, Vector]:
    """The least and the greatest corner of all bones."""
    ends = [
        rig.matrix_world @ point
        for rig in scene.objects
        if rig.type == "ARMATURE"
        for bone in rig.pose.bones
        for point in (bone.head, bone.tail)
    ]
    low, high = (Vector(f(p[i] for p in ends) for i in range(3)) for f in (min, max))
    return low, high


def render(scene: bpy.types.Scene) -> Image:
    with tempfile.TemporaryDirectory() as folder:
        scene.render.filepath = str(Path(folder) / "cell.png")
        bpy.ops.render.render(write_still=True)
        return cv2.imread(scene.render.filepath)


def page(rows: list[list[Image]]) -> Image:
    """The rows cut into bands of COLUMNS moments, video above rig in each band."""
    count = len(rows[0])
    blank = np.full_like(rows[0][0], 255)
    bands: list[Image] = []
    for start in range(0, count, COLUMNS):
        for row in rows:
            cells = row[start : start + COLUMNS] + [blank] * max(0, start + COLUMNS - count)
            bands.append(np.hstack([_framed(c) for c in cells[: min(COLUMNS, max(count, 1))]]))
        bands.append(np.full((16, bands[-1].shape[1], 3), 255, np.uint8))
    return np.vstack(bands[:-1])


def _framed(cell: Image) -> Image:
    return cv2.copyMakeBorder(cell, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=(255, 255, 255))


def _material(name: str, colour: tuple[float, ...], second: tuple[float, ...] | None = None) -> bpy.types.Material:
    """One colour, or half-metre squares of two."""
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    nodes, links = material.node_tree.nodes, material.node_tree.links
    surface = nodes["Principled BSDF"].inputs
    surface["Base Color"].default_value = (*colour, 1)
    surface["Roughness"].default_value = 0.8
    if second:
        checker, where = nodes.new("ShaderNodeTexChecker"), nodes.new("ShaderNodeTexCoord")
        checker.inputs["Scale"].default_value = 2.0  # squares of 1 / scale
        checker.inputs["Color1"].default_value = (*colour, 1)
        checker.inputs["Color2"].default_value = (*second, 1)
        links.new(where.outputs["Object"], checker.inputs["Vector"])
        links.new(checker.outputs["Color"], surface["Base Color"])
    return material


def _box(name: str, half_size: float, thickness: float) -> bpy.types.Mesh:
    """A slab whose upper face lies at z = 0."""
    h, t = half_size, thickness
    corners = [(x, y, z) for z in (0, -t) for x, y in ((-h, -h), (h, -h), (h, h), (-h, h))]
    faces = [(0, 1, 2, 3), (7, 6, 5, 4), (0, 4, 5, 1), (1, 5, 6, 2), (2, 6, 7, 3), (3, 7, 4, 0)]
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(corners, [], faces)
    return mesh


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
