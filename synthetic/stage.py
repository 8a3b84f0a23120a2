"""What stands around the person: floor, walls, furniture, light, and how Cycles is to draw it. Run by a bpy process."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import bpy
import numpy as np
import numpy.typing as npt
from mathutils import Matrix

from .scenes import Light, Place, Surface, Thing, View

Floats = npt.NDArray[np.float64]

UNDER_CEILING_M = 0.3  # is the camera at least
SAMPLES = 4  # a pixel, then the denoiser
GROUND_M = 40.0  # half the floor outdoors
MIDDLE_GREY = 0.18
REACH_M = 0.35  # from a joint to where a wall or a thing may begin
BEHIND_CAMERA_M = 0.5
CLEAR_OF_CAMERA_M = 0.9  # a thing in front of the person must leave this much to the camera


def build(place: Place, light: Light, view: View, joints: Floats, floor: float, world_from_cam: Floats) -> None:
    """joints (F, 27, 3) metres, world: nothing is put where the person goes."""
    scene = bpy.context.scene
    ahead = world_from_cam[:2, 2] / max(float(np.linalg.norm(world_from_cam[:2, 2])), 1e-6)
    frame = Frame(ahead, joints[..., :2].reshape(-1, 2), world_from_cam[:2, 3], floor)
    for thing in place.things:
        _put(thing, frame)
    if place.walls is None:
        _box("floor", (2 * GROUND_M, 2 * GROUND_M, 0.1), place.floor, (*frame.middle, floor - 0.05), 0.0)
    else:
        _room(place, frame.turned(np.radians(place.wall_turn)), float(world_from_cam[2, 3]) - floor + UNDER_CEILING_M)
    _lights(light, frame)
    _camera(scene, view, world_from_cam)


class Frame:
    """Axes on the floor: away from the camera and to its right, and how far the person goes along them."""

    def __init__(self, ahead: Floats, path: Floats, camera: Floats, floor: float) -> None:
        self.axes = np.stack([ahead, (ahead[1], -ahead[0])])  # rows: away, right
        self.path, self.camera_at, self.floor = path, camera, floor
        self.middle = (path.min(0) + path.max(0)) / 2
        along = (path - self.middle) @ self.axes.T
        self.low, self.high = along.min(0) - REACH_M, along.max(0) + REACH_M
        self.camera = self.axes @ (camera - self.middle)

    def turned(self, angle: float) -> Frame:
        c, s = np.cos(angle), np.sin(angle)
        return Frame(self.axes[0] @ np.array([[c, s], [-s, c]]), self.path, self.camera_at, self.floor)

    def at(self, away: float, right: float) -> Floats:
        return self.middle + np.array([away, right]) @ self.axes

    @property
    def angle(self) -> float:
        """Of `right` against the world's X."""
        return float(np.arctan2(self.axes[1, 1], self.axes[1, 0]))


def _put(thing: Thing, frame: Frame) -> None:
    half = max(thing.size[:2]) / 2 + max(map(abs, thing.offset))
    if thing.away > 0:
        away = frame.high[0] + thing.away + (0.5 if thing.size[0] < 3 else half)
    else:
        away = frame.low[0] + thing.away
        if away - half < frame.camera[0] + CLEAR_OF_CAMERA_M or away + half > frame.low[0]:
            return
    turn = frame.angle + np.radians(thing.turn)
    c, s = np.cos(turn), np.sin(turn)
    x, y = frame.at(away, (frame.low[1] + frame.high[1]) / 2 + thing.right) + np.array([[c, -s], [s, c]]) @ thing.offset
    _box("thing", thing.size, thing.surface, (x, y, frame.floor + thing.above + thing.size[2] / 2), turn)


def _room(place: Place, frame: Frame, least: float) -> None:
    behind, right, left, height = place.room
    height = max(height, least)  # the camera is inside
    camera = frame.camera
    far = max(frame.high[0] + behind, camera[0] + 1)
    near = min(frame.low[0], camera[0] - BEHIND_CAMERA_M)
    high, low = max(frame.high[1], camera[1]) + right, min(frame.low[1], camera[1]) - left
    middle = frame.at((far + near) / 2, (high + low) / 2)
    deep, wide, z = far - near, high - low, frame.floor
    assert place.walls is not None
    _box("floor", (wide, deep, 0.1), place.floor, (*middle, z - 0.05), frame.angle)
    white = Surface("plain", (0.7, 0.7, 0.68), (0.7, 0.7, 0.68), 1.0)
    shell = [_box("ceiling", (wide, deep, 0.1), white, (*middle, z + height + 0.05), frame.angle)]
    for away in (far + 0.05, near - 0.05):
        at = frame.at(away, (high + low) / 2)
        shell.append(_box("wall", (wide, 0.1, height), place.walls, (*at, z + height / 2), frame.angle))
    for side in (high + 0.05, low - 0.05):
        at = frame.at((far + near) / 2, side)
        shell.append(_box("wall", (0.1, deep, height), place.walls, (*at, z + height / 2), frame.angle))
    for picture in place.pictures:
        at = frame.at(far - 0.02, (high + low) / 2 + picture.right)
        _box("picture", picture.size, picture.surface, (*at, z + picture.above + picture.size[2] / 2), frame.angle)
    for part in shell:  # the sky lights the room through them
        part.visible_shadow = part.visible_diffuse = False


def _lights(light: Light, frame: Frame) -> None:
    scene = bpy.context.scene
    scene.world = bpy.data.worlds.new("sky")
    scene.world.use_nodes = True
    background = scene.world.node_tree.nodes["Background"].inputs
    background["Color"].default_value = (*light.sky_colour, 1)
    background["Strength"].default_value = light.sky
    if light.sun:
        sun = bpy.data.lights.new("sun", "SUN")
        sun.energy, sun.color, sun.angle = light.sun, light.sun_colour, np.radians(light.sun_size)
        lamp = _link("sun", sun)
        lamp.rotation_euler = (np.radians(90 - light.sun_elevation), 0, np.radians(light.sun_azimuth))
    if light.lamp:
        area = bpy.data.lights.new("lamp", "AREA")
        area.energy, area.size = light.lamp, 0.8
        x, y = frame.middle + np.array(light.lamp_at)
        _link("lamp", area).location = (x, y, frame.floor + 3.2)


def _camera(scene: bpy.types.Scene, view: View, world_from_cam: Floats) -> None:
    data = bpy.data.cameras.new("camera")
    data.sensor_fit, data.sensor_width, data.clip_start = "HORIZONTAL", 36.0, 0.05
    tangent = np.tan(np.radians(view.fov) / 2) * view.width / max(view.width, view.height)
    data.lens = data.sensor_width / 2 / tangent
    camera = _link("camera", data)
    camera.matrix_world = Matrix(world_from_cam @ np.diag([1.0, -1.0, -1.0, 1.0]))
    scene.camera = camera


def settings(scene: bpy.types.Scene, view: View, shutter: float, threads: int) -> None:
    """Cycles on the CPU with few samples and the denoiser."""
    scene.render.engine = "CYCLES"
    cycles: Any = scene.cycles
    cycles.device, cycles.samples, cycles.use_adaptive_sampling = "CPU", SAMPLES, False
    cycles.use_denoising, cycles.denoiser = True, "OPENIMAGEDENOISE"
    cycles.denoising_quality = cycles.denoising_prefilter = "FAST"
    cycles.max_bounces, cycles.diffuse_bounces, cycles.glossy_bounces = 2, 1, 1
    cycles.transmission_bounces = cycles.volume_bounces = cycles.transparent_max_bounces = 0
    cycles.caustics_reflective = cycles.caustics_refractive = cycles.use_light_tree = False
    render = scene.render
    render.use_persistent_data = True
    render.threads_mode, render.threads = "FIXED", threads
    render.resolution_x, render.resolution_y, render.resolution_percentage = view.width, view.height, 100
    render.use_motion_blur = shutter > 0
    render.motion_blur_shutter, render.motion_blur_position = shutter or 0.5, "CENTER"
    render.use_compositing = render.use_sequencer = False
    scene.view_settings.view_transform = "AgX"
    scene.view_settings.look = "AgX - Medium High Contrast"


def expose(stops: float) -> None:
    """Set the film's exposure as a camera does, by a small picture of the scene: middle grey plus `stops`."""
    scene = bpy.context.scene
    render, percent = scene.render, scene.render.resolution_percentage
    with tempfile.TemporaryDirectory() as folder:
        render.image_settings.file_format, render.resolution_percentage = "OPEN_EXR", 15
        render.filepath = str(Path(folder) / "meter.exr")
        bpy.ops.render.render(write_still=True)
        image = bpy.data.images.load(render.filepath)
        pixels = np.empty(4 * image.size[0] * image.size[1], np.float32)
        image.pixels.foreach_get(pixels)
        bpy.data.images.remove(image)
    render.resolution_percentage = percent
    seen = pixels.reshape(-1, 4)[:, :3] @ (0.2126, 0.7152, 0.0722)
    scene.view_settings.exposure = float(stops + np.log2(MIDDLE_GREY / np.exp(np.log(seen + 1e-3).mean())))


def matt(name: str) -> tuple[bpy.types.Material, Any]:
    """A material without gloss, a third cheaper to draw than Principled, and its colour's input."""
    made = bpy.data.materials.new(name)
    made.use_nodes = True
    nodes, links = made.node_tree.nodes, made.node_tree.links
    nodes.remove(nodes["Principled BSDF"])
    surface = nodes.new("ShaderNodeBsdfDiffuse")
    links.new(surface.outputs["BSDF"], nodes["Material Output"].inputs["Surface"])
    return made, surface.inputs["Color"]


def material(surface: Surface) -> bpy.types.Material:
    made, colour = matt(surface.kind)
    nodes, links = made.node_tree.nodes, made.node_tree.links
    where = nodes.new("ShaderNodeTexCoord").outputs["UV"]
    first, second = (*surface.first, 1), (*surface.second, 1)
    if surface.kind in ("checker", "bricks", "planks"):
        texture = nodes.new("ShaderNodeTexChecker" if surface.kind == "checker" else "ShaderNodeTexBrick")
        texture.inputs["Color1"].default_value, texture.inputs["Color2"].default_value = first, second
        texture.inputs["Scale"].default_value = surface.scale
        if surface.kind == "planks":
            texture.inputs["Brick Width"].default_value, texture.inputs["Row Height"].default_value = 4.0, 0.4
        if surface.kind != "checker":
            texture.inputs["Mortar Size"].default_value = 0.012
            texture.inputs["Mortar"].default_value = tuple(0.5 * c for c in first[:3]) + (1,)
        links.new(where, texture.inputs["Vector"])
        links.new(texture.outputs["Color"], colour)
        return made
    mix = nodes.new("ShaderNodeMixRGB")
    mix.inputs["Color1"].default_value, mix.inputs["Color2"].default_value = first, second
    if surface.kind == "stripes":
        texture = nodes.new("ShaderNodeTexWave")
    else:
        texture = nodes.new("ShaderNodeTexNoise")
        texture.inputs["Detail"].default_value = 2.0
    texture.inputs["Scale"].default_value = surface.scale
    links.new(where, texture.inputs["Vector"])
    if surface.kind == "plain":  # stains rather than a pattern
        weaker = nodes.new("ShaderNodeMath")
        weaker.operation = "MULTIPLY"
        weaker.inputs[1].default_value = 0.6
        links.new(texture.outputs["Fac"], weaker.inputs[0])
        links.new(weaker.outputs["Value"], mix.inputs["Fac"])
    else:
        links.new(texture.outputs["Fac"], mix.inputs["Fac"])
    links.new(mix.outputs["Color"], colour)
    return made


def _box(name: str, size: tuple[float, ...], surface: Surface, at: tuple[float, ...], turn: float) -> bpy.types.Object:
    """A box with its middle at `at`, turned about Z; its UVs are metres."""
    x, y, z = (s / 2 for s in size)
    corners = [(i * x, j * y, k * z) for i in (-1, 1) for j in (-1, 1) for k in (-1, 1)]
    faces = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(corners, [], faces)
    uv = mesh.uv_layers.new(name="metres")
    for polygon in mesh.polygons:
        flat = {0: (1, 2), 1: (0, 2), 2: (0, 1)}[int(np.argmax(np.abs(polygon.normal)))]
        for loop in polygon.loop_indices:
            corner = corners[mesh.loops[loop].vertex_index]
            uv.data[loop].uv = (corner[flat[0]] + at[0], corner[flat[1]] + at[1])
    mesh.materials.append(material(surface))
    box = _link(name, mesh)
    box.location, box.rotation_euler = at, (0, 0, turn)
    return box


def _link(name: str, data: Any) -> bpy.types.Object:
    made = bpy.data.objects.new(name, data)
    bpy.context.scene.collection.objects.link(made)
    return made
