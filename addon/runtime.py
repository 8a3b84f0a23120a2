"""Which interpreter runs the worker, and is it fit: torch, mediapipe and cv2 live there, never in Blender's Python.

Standard library only.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..lifter.contract.protocol import RuntimeUnfitError
from .job import clean_environment

ROOT = Path(__file__).resolve().parent.parent  # the extension's folder, where `-m lifter` is found
VARIABLE = "V2A_RUNTIME"
NEEDED = ("numpy", "torch", "cv2", "mediapipe", "scipy", "safetensors")
LOOK_TIMEOUT_S = 30.0  # finding packages takes 0.1 s; a cold network disk takes longer
IMPORT_TIMEOUT_S = 180.0  # torch and mediapipe take 5 s warm, minutes from a cold slow disk

_PROBE = """
import importlib, importlib.util, json, sys
missing, broken = [], {}
for name in sys.argv[2:]:
    if importlib.util.find_spec(name) is None:
        missing.append(name)
    elif sys.argv[1] == "import":
        try:
            importlib.import_module(name)
        except BaseException as error:
            broken[name] = " ".join(str(error).split())[:200] or type(error).__name__
print("\\n" + json.dumps({"python": "%d.%d.%d" % sys.version_info[:3], "missing": missing, "broken": broken}))
"""

_fit: dict[tuple[str, float, bool], Runtime] = {}


@dataclass(frozen=True)
class Runtime:
    """An interpreter that was looked at and found fit."""

    interpreter: Path
    python: str  # its version, "3.11.9"


def find(named: str = "", source: str = "the preference", environment: Mapping[str, str] = os.environ) -> Path:
    """The interpreter to use: the one named (by `source`), V2A_RUNTIME's, or the .venv of a developer's checkout.

    Raises RuntimeUnfitError when none is named or the one named is not there; the next one is never taken silently.
    """
    for who, text in ((source, named), (VARIABLE, environment.get(VARIABLE, ""))):
        if text.strip():
            path = Path(os.path.abspath(Path(text.strip()).expanduser()))  # not resolve(): a venv's python is a link
            if path.is_dir():
                path = _in_environment(path)
            if not path.is_file():
                raise RuntimeUnfitError(f"{path}: no such interpreter, named by {who}. Correct it.")
            return path
    own = _in_environment(ROOT / ".venv")
    if own.is_file():
        return own
    raise RuntimeUnfitError(
        "no Python interpreter is named to run the capture. Name one that has torch and mediapipe, in the extension's "
        f"preferences, with --runtime, or in {VARIABLE}."
    )


def check(interpreter: Path, *, really_import: bool = False) -> Runtime:
    """Look whether the interpreter has what the worker needs; the answer is kept until the file changes.

    really_import also loads the packages (seconds): finds missing system libraries. Raises RuntimeUnfitError.
    """
    try:
        key = (str(interpreter), interpreter.stat().st_mtime, really_import)
    except OSError as error:
        raise RuntimeUnfitError(f"{interpreter}: no such interpreter ({error.strerror}). Name another.") from error
    if key not in _fit:
        _fit[key] = _look(interpreter, really_import)
    return _fit[key]


def capture_command(
    interpreter: Path, video: Path, out: Path, options: Mapping[str, str], *, overwrite: bool
) -> list[str]:
    """The worker's command line for one video; options are its long flags without the dashes."""
    command = [str(interpreter), "-X", "utf8", "-u", "-m", "lifter", "capture", str(video), "--out", str(out)]
    for name, value in options.items():
        command += [f"--{name}={value}"]  # one word: a negative number must not look like a flag
    return [*command, *(["--overwrite"] if overwrite else []), "--events"]


def _in_environment(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _look(interpreter: Path, really_import: bool) -> Runtime:
    mode, limit = ("import", IMPORT_TIMEOUT_S) if really_import else ("find", LOOK_TIMEOUT_S)
    try:
        result = subprocess.run(
            [str(interpreter), "-X", "utf8", "-c", _PROBE, mode, *NEEDED],
            env=clean_environment(os.environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=limit,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise RuntimeUnfitError(
            f"{interpreter}: gave no answer within {limit:.0f} s. Name another interpreter."
        ) from error
    except OSError as error:
        raise RuntimeUnfitError(
            f"{interpreter}: cannot be started ({error.strerror or error}). Name another interpreter."
        ) from error
    lines = result.stdout.decode("utf-8", "replace").strip().splitlines()
    try:
        answer = json.loads(lines[-1])
        python, missing, broken = answer["python"], answer["missing"], answer["broken"]
    except (IndexError, ValueError, KeyError, TypeError) as error:
        raise RuntimeUnfitError(f"{interpreter}: is not a working Python interpreter. Name another.") from error
    if missing:
        raise RuntimeUnfitError(
            f"{interpreter}: lacks {', '.join(missing)}. Install them there or name another interpreter."
        )
    if broken:
        name, why = next(iter(broken.items()))
        raise RuntimeUnfitError(f"{interpreter}: {name} is there but does not load ({why}). Repair it.")
    return Runtime(interpreter, python)
