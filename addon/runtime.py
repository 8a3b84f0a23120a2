"""Which interpreter runs the worker, and is it fit: torch, mediapipe and cv2 live there, never in Blender's Python.

Standard library only.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..lifter.contract.protocol import Cancelled, RuntimeUnfitError
from . import processes

ROOT = Path(__file__).resolve().parent.parent  # the extension's folder, where `-m lifter` is found
VARIABLE = "V2A_RUNTIME"
NEEDED = ("numpy", "torch", "cv2", "mediapipe", "scipy", "safetensors")
FOLDER = "runtime"  # in the extension's user folder: what runtime_setup.py makes
LOOK_TIMEOUT_S = 30.0  # finding packages takes 0.1 s; a cold network disk takes longer
POLL_S = 0.1
IMPORT_TIMEOUT_S = 180.0  # torch and mediapipe take 5 s warm, minutes from a cold slow disk

_PROBE = """
import importlib, importlib.metadata, importlib.util, json, sys
missing, broken, device = [], {}, ""
for name in sys.argv[2:]:
    if importlib.util.find_spec(name) is None:
        missing.append(name)
    elif sys.argv[1] == "import":
        try:
            importlib.import_module(name)
        except BaseException as error:
            broken[name] = " ".join(str(error).split())[:200] or type(error).__name__
torch = sys.modules.get("torch")
if torch is not None and "torch" not in broken and hasattr(torch, "cuda"):
    device = "CPU"
    if torch.cuda.is_available():
        device = torch.cuda.get_device_name(0)
    elif torch.backends.mps.is_available():
        device = "Apple GPU (MPS)"
versions = {d.metadata["Name"]: d.version for d in importlib.metadata.distributions() if d.metadata["Name"]}
answer = {"missing": missing, "broken": broken, "device": device, "versions": versions}
print("\\n" + json.dumps({"python": "%d.%d.%d" % sys.version_info[:3], **answer}))
"""

_LIBRARIES = {  # of Linux, that desktops have and servers lack -> Debian's and Ubuntu's name of the package
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
    "libGLESv2.so.2": "libgles2",
    "libglib-2.0.so.0": "libglib2.0-0",
}

_fit: dict[tuple[str, float, bool, tuple[str, ...]], Runtime] = {}


@dataclass(frozen=True)
class Runtime:
    """An interpreter that was looked at and found fit."""

    interpreter: Path
    python: str  # its version, "3.11.9"
    versions: Mapping[str, str] = field(default_factory=dict[str, str])  # of all its packages
    device: str = ""  # what torch would run on; known once the packages were really loaded


def find(
    named: str = "",
    source: str = "the preference",
    environment: Mapping[str, str] = os.environ,
    made: Iterable[Path] = (),
) -> Path:
    """The interpreter to use: the one named (by `source`), V2A_RUNTIME's, one that the set-up has made (in the folders
    `made`, or beside this extension), or the .venv of a developer's checkout.

    Raises RuntimeUnfitError when none is named or the one named is not there; the next one is never taken silently.
    """
    for who, text in ((source, named), (VARIABLE, environment.get(VARIABLE, ""))):
        if text.strip():
            path = Path(os.path.abspath(Path(text.strip()).expanduser()))  # not resolve(): a venv's python is a link
            if path.is_dir():
                path = in_environment(path)
            if not path.is_file():
                raise RuntimeUnfitError(f"{path}: no such interpreter, named by {who}. Correct it.")
            return path
    for folder in (*made, *made_folders()):
        own = in_environment(folder / "env")
        if (folder / "ready.json").is_file() and own.is_file():
            return own
    own = in_environment(ROOT / ".venv")
    if own.is_file():
        return own
    raise RuntimeUnfitError(
        "no Python interpreter is there to run the capture. Press Set Up in the extension's panel or preferences, or "
        f"name one that has torch and mediapipe, in the preferences, with --runtime, or in {VARIABLE}."
    )


def made_folders(root: Path = ROOT) -> list[Path]:
    """Where the set-up of an installed extension keeps its environment: this Blender's, then other versions'.

    As bpy.utils.extension_path_user has it: extensions/.user/REPOSITORY/NAME beside extensions/REPOSITORY/NAME.
    """
    extensions = root.parent.parent
    inside = Path(".user", root.parent.name, root.name, FOLDER)
    own = extensions / inside
    if extensions.name != "extensions":
        return []
    others = extensions.parent.parent.glob(f"*/extensions/{inside.as_posix()}")
    return [own, *sorted((other for other in others if other != own), reverse=True)]


def check(
    interpreter: Path,
    *,
    really_import: bool = False,
    modules: Sequence[str] | None = None,
    fresh: bool = False,
    stopped: Callable[[], bool] = lambda: False,
) -> Runtime:
    """Look whether the interpreter has what the worker needs; the answer is kept until the file changes.

    really_import also loads the packages (seconds): finds missing system libraries, and the device. fresh looks again
    whatever was found before. Raises RuntimeUnfitError, Cancelled once stopped() says so.
    """
    wanted = tuple(modules or NEEDED)
    try:
        key = (str(interpreter), interpreter.stat().st_mtime, really_import, wanted)
    except OSError as error:
        raise RuntimeUnfitError(f"{interpreter}: no such interpreter ({error.strerror}). Name another.") from error
    if fresh or key not in _fit:
        _fit.pop(key, None)
        _fit[key] = _look(interpreter, really_import, wanted, stopped)
    return _fit[key]


def python_version(interpreter: Path) -> str:
    """'3.11.9', or '' where it does not start."""
    try:
        return _probe(interpreter, "find", ())["python"]
    except RuntimeUnfitError:
        return ""


def capture_command(
    interpreter: Path, video: Path, out: Path, options: Mapping[str, str], *, overwrite: bool
) -> list[str]:
    """The worker's command line for one video; options are its long flags without the dashes."""
    command = [str(interpreter), "-X", "utf8", "-u", "-m", "lifter", "capture", str(video), "--out", str(out)]
    for name, value in options.items():
        command += [f"--{name}={value}"]  # one word: a negative number must not look like a flag
    return [*command, *(["--overwrite"] if overwrite else []), "--events"]


def in_environment(folder: Path) -> Path:
    """Where an environment has its interpreter."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _look(interpreter: Path, really_import: bool, modules: tuple[str, ...], stopped: Callable[[], bool]) -> Runtime:
    answer = _probe(interpreter, "import" if really_import else "find", modules, stopped)
    missing, broken = answer["missing"], answer["broken"]
    if missing:
        raise RuntimeUnfitError(
            f"{interpreter}: lacks {', '.join(missing)}. Install them there or name another interpreter."
        )
    if broken:
        name, why = next(iter(broken.items()))
        package = next((package for library, package in _LIBRARIES.items() if library in why), "")
        remedy = f"Install the system's package {package} (so named in Debian and Ubuntu)" if package else "Repair it"
        raise RuntimeUnfitError(f"{interpreter}: {name} is there but does not load ({why}). {remedy}.")
    return Runtime(interpreter, answer["python"], answer["versions"], answer["device"])


def _probe(
    interpreter: Path, mode: str, modules: Sequence[str], stopped: Callable[[], bool] = lambda: False
) -> dict[str, Any]:
    limit = IMPORT_TIMEOUT_S if mode == "import" else LOOK_TIMEOUT_S
    command = [str(interpreter), "-X", "utf8", "-c", _PROBE, mode, *modules]
    try:
        process = processes.start(command, None, os.environ, stdout=subprocess.PIPE)
    except OSError as error:
        raise RuntimeUnfitError(
            f"{interpreter}: cannot be started ({error.strerror or error}). Name another interpreter."
        ) from error
    lines = _output(process, limit, stopped).decode("utf-8", "replace").strip().splitlines()
    if stopped():
        raise Cancelled("the look at the interpreter was cancelled.")
    if process.returncode is None:
        raise RuntimeUnfitError(f"{interpreter}: gave no answer within {limit:.0f} s. Name another interpreter.")
    try:
        answer = json.loads(lines[-1])
        return {key: answer[key] for key in ("python", "missing", "broken", "device", "versions")}
    except (IndexError, ValueError, KeyError, TypeError) as error:
        raise RuntimeUnfitError(f"{interpreter}: is not a working Python interpreter. Name another.") from error


def _output(process: subprocess.Popen[bytes], limit_s: float, stopped: Callable[[], bool]) -> bytes:
    """What it printed until its end; cut short by a stop or the limit, when its exit code stays None."""
    deadline = time.monotonic() + limit_s
    try:
        while not stopped() and time.monotonic() < deadline:
            with contextlib.suppress(subprocess.TimeoutExpired):
                return process.communicate(timeout=POLL_S)[0]
        return b""
    finally:
        processes.close(process)
