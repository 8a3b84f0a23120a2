"""Which bone map an armature gets: a bundled preset, the user's own file, or what Auto recognises."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import bpy

from ..lifter.contract.files import check_output, replacing
from ..lifter.contract.protocol import PresetError, RigError
from . import map_editor
from .retarget.bone_map import Preset, load_preset, presets, resolve
from .retarget.recognise import BY_PRESET, Recognition, as_preset, chosen, notes, recognise
from .retarget.recognise_body import doubts
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


class Draft(NamedTuple):
    """A bone map to begin an edit with."""

    rows: list[map_editor.Row]
    text: str  # of a preset file, for `map_editor.edited`
    told: str  # how it was found, or what is wrong with it


def draft(rest: RestPose, preset: str = AUTO, humanoid: Mapping[str, str] | None = None) -> Draft:
    """What `choose_map` finds, to be edited; also of a map that does not fit and of an armature that is not recognised.

    Raises PresetError where there is no such preset, or a broken one.
    """
    if preset == AUTO:
        try:
            found, text = _recognised(rest, humanoid)
        except RigError as error:
            return Draft(map_editor.rows_by_name(rest), "", str(error))
        return Draft(map_editor.rows_of(found.map), text, ". ".join((found.words, *found.doubts)))
    loaded = load_preset(preset_path(preset))
    text = Path(loaded.path).read_text("utf-8")
    try:
        told = chosen(rest, resolve(loaded, rest)).words
    except PresetError as error:
        told = str(error)
    return Draft(map_editor.rows_in(text, rest.bone_names), text, told)


def write_map(
    rest: RestPose, path: Path, text: str, rows: Sequence[map_editor.Row], made: str, *, overwrite: bool = False
) -> Recognition:
    """Write an edited list as a preset file named after `path`. made: how it came to be, for the file's head.

    In `user_folder()` it is tried like the bundled ones from then on. The answer's doubts say what in the rest pose speaks
    against it. rows: without `map_editor.problems`. Raises PresetError, OutputError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    check_output(path, overwrite)
    with replacing(path) as part:
        text = map_editor.edited(text, rows, rest, path.stem)
        part.write_text(text, "utf-8")
        found = chosen(rest, resolve(load_preset(part), rest))
        head = (f"# {' '.join(note.split())}\n" for note in notes(rest, found, made))
        part.write_text("".join(head) + text, "utf-8")
    return replace(found, doubts=doubts(rest, found.map))


def save_map(
    rest: RestPose, path: Path, *, humanoid: Mapping[str, str] | None = None, overwrite: bool = False
) -> Recognition:
    """Write the map that Auto finds for this armature, to be looked over and kept. Raises RigError, OutputError."""
    found, text = _recognised(rest, humanoid)
    write_map(rest, path, text, map_editor.rows_of(found.map), found.words, overwrite=overwrite)
    return found


def _recognised(rest: RestPose, humanoid: Mapping[str, str] | None) -> tuple[Recognition, str]:
    """What Auto finds, and the text of a preset file with all that it stands on. Raises RigError."""
    choices = presets(BUNDLED, user_folder())
    found = recognise(rest, choices, humanoid)
    origin = _origin(rest, choices, found) if found.how == BY_PRESET else None
    return found, as_preset(found.map) if origin is None else Path(origin.path).read_text("utf-8")


def _origin(rest: RestPose, choices: Iterable[Preset], found: Recognition) -> Preset | None:
    """The preset that was recognised; none where Auto has taken its left for right."""
    for preset in choices:
        if preset.name == found.map.name:
            try:
                if replace(resolve(preset, rest), bones=found.map.bones) == found.map:
                    return preset
            except PresetError:
                continue
    return None
