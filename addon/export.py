"""How an animated armature leaves Blender: FBX, GLB, BVH, USD, with only its own motion in the file.

Why each FBX setting is what it is stands beside it in presets/export/generic.toml.
"""

from __future__ import annotations

import contextlib
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import bpy

from ..lifter.contract.files import check_output, replacing
from ..lifter.contract.protocol import OutputError, PresetError, RuntimeUnfitError
from . import actions, compat, export_scale
from .casting import only_selected, rig_objects

PRESETS = Path(__file__).resolve().parent.parent / "presets" / "export"
GENERIC = "generic"  # what the other presets start from


def check_available(kind: str) -> None:
    """Refuse early a format that this Blender was built without. Raises RuntimeUnfitError."""
    if kind == "usd" and not compat.has_operator("wm", "usd_export"):
        raise RuntimeUnfitError("this Blender was built without USD. Leave --usd out or use Blender from blender.org.")


def export(
    context: bpy.types.Context,
    armature: bpy.types.Object,
    path: Path,
    kind: str,
    *,
    preset: str = GENERIC,
    overwrite: bool = False,
    takes: bool = False,
    meshes: bool = True,
) -> list[str]:
    """Write the armature, its meshes and its motion over the scene's frame range. kind: fbx, glb, bvh or usd.

    meshes: and what else hangs on the armature; without, its bones alone.
    takes: each strip of the armature's NLA by itself instead, over its own frames and under its own name (fbx, glb).
    Returns warnings. Raises OutputError, RigError for an armature that is hidden by its collection, and PresetError for an
    export preset that cannot be read.
    """
    check_output(path, overwrite)
    exporter = _EXPORTERS[kind]
    options = load_preset(preset).get(kind, {}) | (_TAKES[kind] if takes else {})
    scene, warnings = context.scene, list[str]()
    assert scene is not None
    clip = _clip(scene, armature)
    objects = rig_objects(scene, armature) if meshes else [armature]
    with contextlib.ExitStack() as within:
        part = within.enter_context(replacing(path))
        within.enter_context(only_selected(context, objects, armature))
        armature, warnings = within.enter_context(
            export_scale.at_scale_one(context, armature, clip, takes=takes, bones_only=kind == "bvh")
        )
        try:
            exporter(scene, armature, str(part), options, clip)
        except Exception as error:  # exporters are Python add-ons: they raise whatever they meet first
            detail = (str(error).strip() or type(error).__name__).splitlines()[-1]
            raise OutputError(f"{path}: Blender's {kind.upper()} exporter failed ({detail}).") from error
        if not part.is_file():
            raise OutputError(f"{path}: Blender's {kind.upper()} exporter wrote nothing.")
    return warnings


def save_blend(path: Path, *, overwrite: bool = False) -> None:
    """Save the open file as a copy, so that the file in work keeps its name. Raises OutputError."""
    check_output(path, overwrite)
    with replacing(path) as part:
        try:
            bpy.ops.wm.save_as_mainfile(filepath=str(part), copy=True)
        except RuntimeError as error:
            raise OutputError(f"{path}: cannot be saved ({str(error).strip().splitlines()[-1]}).") from error


def preset_names() -> list[str]:
    """Names of the bundled export presets."""
    return sorted(path.stem for path in PRESETS.glob("*.toml"))


def load_preset(name: str) -> dict[str, Any]:
    """Options by format: those of the generic preset with the differences of this one. Raises PresetError."""
    options = _read_preset(GENERIC)
    for key, value in _read_preset(name).items() if name != GENERIC else ():
        options[key] = {**options.get(key, {}), **value} if isinstance(value, dict) else value
    return options


def _read_preset(name: str) -> dict[str, Any]:
    path = PRESETS / f"{name}.toml"
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise PresetError(
            f"{path}: export preset cannot be read ({error}). Choose one of {', '.join(preset_names())}."
        ) from error


def _fbx(scene: bpy.types.Scene, armature: bpy.types.Object, path: str, options: dict[str, Any], clip: str) -> None:
    compat.ensure_addon("io_scene_fbx")
    with _called(scene, clip):
        bpy.ops.export_scene.fbx(filepath=path, check_existing=False, use_selection=True, **_typed(options))


def _glb(scene: bpy.types.Scene, armature: bpy.types.Object, path: str, options: dict[str, Any], clip: str) -> None:
    compat.ensure_addon("io_scene_gltf2")
    options = {"export_nla_strips_merged_animation_name": clip, **options}
    animation = armature.animation_data
    if animation is not None and len(animation.nla_tracks) and options["export_animation_mode"] == "ACTIVE_ACTIONS":
        options |= {
            "export_animation_mode": "SCENE",
            "export_anim_scene_split_object": False,
        }  # else strips are left out
    with _called(scene, clip):
        bpy.ops.export_scene.gltf(
            filepath=path,
            check_existing=False,
            export_format="GLB",
            use_selection=True,
            **compat.supported(bpy.ops.export_scene.gltf, options),
        )


def _bvh(scene: bpy.types.Scene, armature: bpy.types.Object, path: str, options: dict[str, Any], clip: str) -> None:
    compat.ensure_addon("io_anim_bvh")
    bpy.ops.export_anim.bvh(
        filepath=path,
        check_existing=False,
        frame_start=scene.frame_start,
        frame_end=scene.frame_end,
        global_scale=sum(armature.matrix_world.to_scale()) / 3,  # of an object whose scale had to stay
        **options,
    )


def _usd(scene: bpy.types.Scene, armature: bpy.types.Object, path: str, options: dict[str, Any], clip: str) -> None:
    if "FINISHED" not in bpy.ops.wm.usd_export(
        filepath=path,
        check_existing=False,
        selected_objects_only=True,
        export_animation=True,
        **compat.supported(bpy.ops.wm.usd_export, options),
    ):
        raise RuntimeError("it gave up")


@contextlib.contextmanager
def _called(scene: bpy.types.Scene, name: str) -> Iterator[None]:
    """Exporters that write all that the scene plays call it after the scene."""
    own, scene.name = scene.name, name
    try:
        yield
    finally:
        scene.name = own


def _clip(scene: bpy.types.Scene, armature: bpy.types.Object) -> str:
    """What the motion is called: as its clip, else as its action."""
    playing = actions.players(armature)
    made = actions.made_of(armature) if playing and playing[0] == actions.own_player(armature) else {}
    return str(made.get("clip") or (playing[0].action.name if playing else scene.name))


def _typed(options: dict[str, Any]) -> dict[str, Any]:
    """TOML has lists, Blender's enum flags want sets."""
    return {key: set(value) if isinstance(value, list) else value for key, value in options.items()}


_TAKES: dict[str, dict[str, Any]] = {
    "fbx": {"bake_anim_use_nla_strips": True},
    "glb": {"export_animation_mode": "NLA_TRACKS", "export_frame_range": False},
}
_EXPORTERS: dict[str, Callable[[bpy.types.Scene, bpy.types.Object, str, dict[str, Any], str], None]] = {
    "fbx": _fbx,
    "glb": _glb,
    "bvh": _bvh,
    "usd": _usd,
}
