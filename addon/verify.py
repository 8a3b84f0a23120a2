"""The comparison with the video: the film behind what its camera saw, the captured skeleton over it; and the way back."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from mathutils import Matrix, Quaternion

from . import compat, keyframes, verify_skeleton
from .steps import Steps
from .verify_shot import Shot

NAME = "Compare with Video"
SENSOR_MM = 36.0
FAR_M = 1000.0
FADED = 0.4  # how much of the rig covers the picture
ROOM = 0.97  # of the free part of the view that the picture takes


def build(scene: bpy.types.Scene, shot: Shot, video: Path | None) -> Steps[bpy.types.Collection]:
    """A new collection in the scene with the camera and the skeletons; the video is left out where there is none."""
    collection = bpy.data.collections.new(NAME)
    collection.hide_render = True
    try:
        camera = _camera(scene, shot)
        collection.objects.link(camera)
        for person in shot.people:
            for skeleton in verify_skeleton.build(person, shot.frames, shot.scale):
                collection.objects.link(skeleton)
                yield
        if video is not None:
            yield from _background(scene, camera, shot, video)
        scene.collection.children.link(collection)  # last: from now on the views show it
    except BaseException:
        remove(collection)
        raise
    return collection


def remove(collection: bpy.types.Collection) -> None:
    """All that `build` made, and what hangs on it alone."""
    for thing in list(collection.objects):
        if thing.type == "CAMERA":
            _remove_camera(thing)
        elif thing.name.startswith(verify_skeleton.NAME):
            verify_skeleton.remove(thing)
    bpy.data.collections.remove(collection)


def camera_of(collection: bpy.types.Collection | None) -> bpy.types.Object | None:
    return next((o for o in collection.objects if o.type == "CAMERA"), None) if collection is not None else None


def look_through(space: Any, camera: bpy.types.Object, meshes: Iterable[bpy.types.Object]) -> str:
    """Show a 3D view through the camera, the rig's meshes faded; returns how it was before, JSON, for `look_back`."""
    region = space.region_3d
    before = {
        "perspective": region.view_perspective,
        "location": list(region.view_location),
        "rotation": list(region.view_rotation),
        "distance": region.view_distance,
        "zoom": region.view_camera_zoom,
        "offset": list(region.view_camera_offset),
        "local": space.use_local_camera,
        "camera": space.camera.name if space.camera is not None else "",
        "shading": [space.shading.type, space.shading.color_type, space.overlay.show_overlays],
        "faded": {mesh.name: mesh.color[3] for mesh in meshes},
    }
    space.use_local_camera = True  # the scene's own camera stays as it is
    space.camera = camera
    region.view_perspective = "CAMERA"
    region.view_camera_offset = (0.0, 0.0)
    space.overlay.show_overlays = True  # else there is no background
    space.shading.type = "SOLID"
    space.shading.color_type = "OBJECT"  # the one way to have some of them transparent
    for mesh in meshes:
        mesh.color[3] = FADED
    return json.dumps(before)


def fit(scene: bpy.types.Scene, area: bpy.types.Area, size: tuple[int, int]) -> None:
    """Zoom so that the picture lies in the part of the view that no sidebar covers. size: of the picture.

    The frame must fill the view, as Center Camera View leaves it. How zoom and offset count is Blender's own: what
    zooming by `fac` stores is 50 (2 sqrt(fac) - sqrt(2)), an offset of 1 is 2 fac widths of the view.
    """
    window = next(r for r in area.regions if r.type == "WINDOW")
    left, right, bottom, top = window.x, window.x + window.width, window.y, window.y + window.height
    for region in area.regions:
        if region.type in ("UI", "TOOLS", "HEADER", "TOOL_HEADER") and min(region.width, region.height) > 1:
            left = max(left, region.x + region.width) if region.alignment == "LEFT" else left
            right = min(right, region.x) if region.alignment == "RIGHT" else right
            bottom = max(bottom, region.y + region.height) if region.alignment == "BOTTOM" else bottom
            top = min(top, region.y) if region.alignment == "TOP" else top
    if right <= left or top <= bottom:
        return
    frame, picture = _frame_aspect(scene), size[0] / size[1]
    frame_width = min(window.width, frame * window.height)
    width = frame_width * min(1.0, picture / frame)
    zoom = min((right - left) / width, (top - bottom) / (width / picture)) * ROOM
    space: Any = area.spaces.active
    fac = (space.region_3d.view_camera_zoom / 50 + np.sqrt(2)) ** 2 / 4 * zoom
    space.region_3d.view_camera_zoom = float(50 * (2 * np.sqrt(fac) - np.sqrt(2)))
    middle = window.x + window.width / 2, window.y + window.height / 2
    space.region_3d.view_camera_offset = (
        float((middle[0] - (left + right) / 2) / (window.width * 2 * fac)),
        float((middle[1] - (bottom + top) / 2) / (window.height * 2 * fac)),
    )


def look_back(space: Any, before: str) -> None:
    """Undo `look_through`. What does not hold any more, such as a camera that is gone, is left out."""
    told, region = json.loads(before), space.region_3d
    own = bpy.data.objects.get(told["camera"])
    space.use_local_camera = told["local"]
    if told["local"]:
        space.camera = own
    region.view_perspective = told["perspective"]
    region.view_location, region.view_rotation = told["location"], told["rotation"]
    region.view_distance, region.view_camera_zoom = told["distance"], told["zoom"]
    region.view_camera_offset = told["offset"]
    space.shading.color_type = told["shading"][1]  # before the type: wires have other colours
    space.shading.type, _, space.overlay.show_overlays = told["shading"]
    for name, alpha in told["faded"].items():
        if name in bpy.data.objects:
            bpy.data.objects[name].color[3] = alpha


def _camera(scene: bpy.types.Scene, shot: Shot) -> bpy.types.Object:
    """As the picture was taken: its focal length and middle, whatever the shape of the scene's own picture.

    The background fits into the frame, so width or height of both fall together: the sensor is measured along that.
    """
    data = bpy.data.cameras.new(NAME)
    width, height = shot.size
    wide = width / height >= _frame_aspect(scene)
    along, focal = (width, shot.intrinsics[0, 0]) if wide else (height, shot.intrinsics[1, 1])
    data.sensor_fit = "HORIZONTAL" if wide else "VERTICAL"
    data.sensor_width = data.sensor_height = SENSOR_MM
    data.lens = float(focal) / along * SENSOR_MM
    data.shift_x = float(width / 2 - shot.intrinsics[0, 2]) / along
    data.shift_y = float(shot.intrinsics[1, 2] - height / 2) / along
    data.clip_end = FAR_M
    camera = bpy.data.objects.new(NAME, data)
    camera.rotation_mode = "QUATERNION"
    camera.matrix_world = Matrix.LocRotScale(shot.locations[0].tolist(), Quaternion(shot.rotations[0].tolist()), None)
    if len(shot.locations) > 1:
        _animate(camera, {"location": shot.locations, "rotation_quaternion": shot.rotations}, shot.frames)
    return camera


def _background(scene: bpy.types.Scene, camera: bpy.types.Object, shot: Shot, video: Path) -> Steps[None]:
    """The video behind all, each scene frame showing the video's frame of that time."""
    image: Any = bpy.data.images.load(str(video))
    background = camera.data.background_images.new()
    background.image = image
    width, height = image.size  # opens the file, which takes its time
    yield
    data: Any = camera.data
    background = data.background_images[0]
    clip: Any = bpy.data.movieclips.load(str(video))  # only it tells the rate by which Blender counts the film's frames
    numbers = np.rint(shot.times * clip.fps) + 1
    bpy.data.movieclips.remove(clip)
    data.show_background_images = True
    background.alpha = 1.0
    background.frame_method = "FIT"
    if (width > height) != (shot.size[0] > shot.size[1]) and width != height:
        _turn_upright(background, width / height, _frame_aspect(scene))
    user = background.image_user
    user.use_auto_refresh = True
    user.frame_start, user.frame_duration = 1, image.frame_duration
    offsets = numbers - shot.frames
    user.frame_offset = int(offsets[0])
    if (offsets != offsets[0]).any():
        _animate(
            data, {"background_images[0].image_user.frame_offset": offsets[:, None]}, shot.frames, keyframes.CONSTANT
        )


def _turn_upright(background: Any, aspect: float, frame: float) -> None:
    """Older Blenders leave the film of an upright phone lying: a quarter turn to the right, and as large as fits then.

    aspect: width over height of the picture as it lies; frame: of the camera's.
    """
    background.rotation = np.pi / 2
    background.scale = min(1 / frame, aspect) / min(1.0, aspect / frame)  # upright height against the lying width


def _frame_aspect(scene: bpy.types.Scene) -> float:
    """Width over height of the scene's picture."""
    render = scene.render
    return render.resolution_x * render.pixel_aspect_x / (render.resolution_y * render.pixel_aspect_y)


def _animate(
    owner: bpy.types.ID, channels: dict[str, np.ndarray], frames: np.ndarray, interpolation: int = keyframes.LINEAR
) -> None:
    """channels: path -> (G, C)."""
    action = bpy.data.actions.new(NAME)
    writer = compat.CurveWriter(action, owner)
    for path, values in channels.items():
        for index, column in enumerate(values.T):
            known = np.isfinite(column)
            if interpolation == keyframes.CONSTANT:  # a key where it changes
                known[1:] &= np.diff(column) != 0
            curve = writer.new(path, index, NAME)
            keyframes.write_keys(curve, frames[known], column[known], interpolation)


def _remove_camera(camera: bpy.types.Object) -> None:
    data: Any = camera.data
    images = [background.image for background in data.background_images]
    actions = [user.animation_data.action for user in (camera, data) if user.animation_data is not None]
    bpy.data.objects.remove(camera)
    bpy.data.cameras.remove(data)
    for kind, things in ((bpy.data.images, images), (bpy.data.actions, actions)):
        for thing in things:
            if thing is not None and thing.users == 0:
                kind.remove(thing)
