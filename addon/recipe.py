"""The recipe file: a batch run's options as TOML, which the panel writes and reads too. Standard library only.

Its keys are the long options of batch.py without their dashes; paths are as seen from the file's own folder.
"""

from __future__ import annotations

import argparse
import difflib
import json
import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..lifter.contract.files import check_output, replacing
from ..lifter.contract.protocol import InputError, UsageError

KEY = "recipe"
ALSO_FILES = ("preset", "model", "runtime")  # names, or files where there is one of that name
Value = str | int | float | bool | list[str]


def options_of(parser: argparse.ArgumentParser) -> dict[str, argparse.Action]:
    """What a recipe may hold: option -> how the command line takes it."""
    long = {option[2:]: action for action in parser._actions for option in action.option_strings if option[:2] == "--"}
    return {name: action for name, action in long.items() if name not in ("help", KEY)}


def read(path: Path, parser: argparse.ArgumentParser) -> dict[str, Value]:
    """The options in a recipe, paths made whole. Raises InputError where it is no TOML, UsageError for what it says."""
    try:
        record = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}). Name a recipe that is there.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: is no recipe, TOML: {' '.join(str(error).split())}. Correct it.") from error
    known = options_of(parser)
    for key, value in record.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            hint = f"is '{near[0]}' meant?" if near else f"known are {', '.join(sorted(known))}."
            raise UsageError(f"{path}: '{key}' is no option of a recipe; {hint}")
        _check(path, key, value, known[key])
    return {key: _from_here(path.parent, key, known[key], value) for key, value in record.items()}


def arguments(options: Mapping[str, Value], parser: argparse.ArgumentParser) -> list[str]:
    """The command line that says the same."""
    known, out = options_of(parser), list[str]()
    for key, value in options.items():
        if isinstance(value, bool):
            out += [f"--{key}"] if value else []
        elif isinstance(value, list) and known[key].nargs in ("+", "*"):
            out += [f"--{key}", *value]
        else:
            out += [f"--{key}={each}" for each in (value if isinstance(value, list) else [value])]
    return out


def merged(given: Sequence[str], parser: argparse.ArgumentParser, only_for: Mapping[str, Sequence[str]]) -> list[str]:
    """The command line with what its --recipe says before it; what the command line says itself holds.

    only_for: options that mean something for one source only, such as {"video": …}: they go with it. Raises as `read`, and
    what the parser raises.
    """
    finder = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    finder.add_argument(f"--{KEY}", type=Path)
    found, own = finder.parse_known_args(list(given))
    if found.recipe is None:
        return list(given)
    known, said = options_of(parser), {word[2:].partition("=")[0] for word in own if word.startswith("--")}
    dropped = said & known.keys()
    for group in parser._mutually_exclusive_groups:  # a --motion takes the place of the recipe's video
        names = {name for name, action in known.items() if action in group._group_actions}
        for name in names - said if names & said else ():
            dropped |= {name, *only_for.get(name, ())}
    options = read(found.recipe, parser)
    return [*arguments({key: value for key, value in options.items() if key not in dropped}, parser), *own]


def write(path: Path, options: Mapping[str, Value], *, overwrite: bool = False) -> None:
    """Write a recipe. Raises OutputError."""
    check_output(path, overwrite)
    lines = ["# A recipe of Video to Armature: blender -b --python addon/batch.py -- --recipe THIS_FILE"]
    lines += [f"{key} = {_toml(value)}" for key, value in options.items()]
    with replacing(path) as part:
        part.write_text("\n".join(lines) + "\n", "utf-8")


def relative(path: Path, folder: Path) -> str:
    """The path as seen from the folder, where that is on the same drive; with forward slashes, as TOML likes it."""
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:
        return path.as_posix()


def _check(path: Path, key: str, value: Any, action: argparse.Action) -> None:
    several = isinstance(action, argparse._AppendAction) or action.nargs in ("+", "*")
    if action.nargs == 0:
        good, wanted = isinstance(value, bool), "true or false"
    elif several and isinstance(value, list):
        good, wanted = all(isinstance(each, str) for each in value), "a list of texts"
    else:
        good, wanted = isinstance(value, str | int | float) and not isinstance(value, bool), "one text or number"
    if not good:
        raise UsageError(f"{path}: '{key}' must be {wanted}. Correct it.")


def _from_here(folder: Path, key: str, action: argparse.Action, value: Any) -> Value:
    """Paths as the recipe's folder sees them."""
    if isinstance(value, list):
        return [str(_from_here(folder, key, action, each)) for each in value]
    if action.type is Path or (key in ALSO_FILES and value and (folder / str(value)).is_file()):
        return os.path.normpath(os.path.join(folder, str(value)))
    return value


def _toml(value: Value) -> str:
    """A value as TOML: JSON writes all of these the same, but for one letter that TOML wants escaped."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
