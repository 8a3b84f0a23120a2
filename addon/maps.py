"""Which bone map an armature gets: a bundled preset, the user's own file, or what Auto recognises."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import bpy

from ..lifter.contract.files import check_output, replacing
from ..lifter.contract.protocol import PresetError
from .retarget.bone_map import load_preset, presets, resolve
from .retarget.recognise import Recognition, chosen, recognise, suggest
from .retarget.rest import RestPose

AUTO = "auto"
BUNDLED = Path(__file__).resolve().parent.parent / "presets" / "rigs"
FOLDER_VARIABLE = "V2A_RIG_PRESETS"


def user_folder() -> Path:
    """Where the user's own maps lie: $V2A_RIG_PRESETS, else the extension's folder, else under Blender's settings."""
    named = os.environ.get(FOLDER_VARIABLE)
    if named:
        return Path(named)
    package = str(__package__).rpartition(".")[0]
    if package.startswith("bl_ext."):
        return Path(bpy.utils.extension_path_user(package, path="rigs"))
    return Path(bpy.utils.user_resource("CONFIG"), "video_to_armature", "rigs")


def preset_names() -> list[str]:
    """Names of the bundled bone maps and the user's own; one that both have is the user's."""
    return sorted({path.stem for folder in (BUNDLED, user_folder()) for path in folder.glob("*.toml")})


def choose_map(rest: RestPose, preset: str = AUTO, humanoid: Mapping[str, str] | None = None) -> Recognition:
    """The bone map for this armature. humanoid: its VRM table, where it has one.

    preset: AUTO, the name of a bundled map or of the user's own, or a file. Raises RigError, PresetError.
    """
    if preset == AUTO:
        return recognise(rest, presets(BUNDLED, user_folder()), humanoid)
    return chosen(rest, resolve(load_preset(preset_path(preset)), rest))


def preset_path(preset: str) -> Path:
    """The file of a preset. Raises PresetError."""
    for path in (user_folder() / f"{preset}.toml", BUNDLED / f"{preset}.toml", Path(preset)):
        if path.is_file():
            return path
    raise PresetError(f"{preset}: no such preset file, and no preset of that name ({', '.join(preset_names())}).")


def save_map(
    rest: RestPose, path: Path, *, humanoid: Mapping[str, str] | None = None, overwrite: bool = False
) -> Recognition:
    """Write the map that Auto finds for this armature as a preset file, to be looked over and kept.

    In `user_folder()` it is tried like the bundled ones from then on. Raises RigError, OutputError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    check_output(path, overwrite)
    found = recognise(rest, presets(BUNDLED, user_folder()), humanoid)
    with replacing(path) as part:
        part.write_text(suggest(rest, found, path.stem), "utf-8")
    return found
