"""Where the installer uv comes from: the machine's own, one fetched before, a wheel in a folder, the package index.

Standard library only. uv is one program of 38 MB; its wheel is fetched by the pip that Blender's Python carries, which
knows the user's index and proxy, and is taken only with one of the sums in requirements/runtime_uv.txt.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

from ..lifter.contract.protocol import RuntimeUnfitError
from .processes import answer

PINNED = Path(__file__).resolve().parent.parent / "requirements" / "runtime_uv.txt"
LEAST = (0, 8)  # from there on --torch-backend chooses PyTorch's index
PROGRAM = "uv.exe" if os.name == "nt" else "uv"
ASK_S = 20.0  # a virus scanner looks at a new program first

Tool = Callable[[Sequence[str], str], None]  # runs a command to its end; the words say what for


def find(folder: Path) -> Path | None:
    """The uv in `folder`, or the machine's own where it is new enough."""
    home = Path.home()
    usual = [home / ".local" / "bin" / PROGRAM, home / ".cargo" / "bin" / PROGRAM]  # not on a desktop program's PATH
    own = shutil.which("uv")
    for path in (folder / PROGRAM, *([Path(own)] if own else []), *usual):
        if path.is_file() and _version(path) >= LEAST:
            return path
    return None


def unpack(wheel: Path, folder: Path) -> Path:
    """The program out of uv's wheel. Raises RuntimeUnfitError."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            [name] = [n for n in archive.namelist() if n.endswith(f".data/scripts/{PROGRAM}")]
            content = archive.read(name)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise RuntimeUnfitError(f"{wheel}: is not uv for this system ({error}). Take its wheel from PyPI.") from error
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / PROGRAM
    part = program.with_suffix(".part")
    part.write_bytes(content)
    part.chmod(0o755)
    part.replace(program)
    return program


def in_wheels(wheels: Path) -> Path | None:
    """uv's wheel in a folder of wheels, the newest."""
    return max(wheels.glob("uv-*.whl"), default=None)


def fetch(folder: Path, run: Tool, python: str = sys.executable) -> Path:
    """Fetch uv's wheel from the package index and unpack it. Raises RuntimeUnfitError, and what `run` raises."""
    fetched = folder / "fetched"
    shutil.rmtree(fetched, ignore_errors=True)
    options = (
        "--no-deps",
        "--only-binary",
        ":all:",
        "--require-hashes",
        "--disable-pip-version-check",
        "--no-cache-dir",
    )
    run([*_pip(python), "download", *options, "-r", str(PINNED), "-d", str(fetched)], "fetching uv")
    program = unpack(next(fetched.glob("uv-*.whl")), folder)
    shutil.rmtree(fetched, ignore_errors=True)
    return program


def _pip(python: str) -> list[str]:
    """How to run pip: the installed one, or the one that lies packed in Python's ensurepip."""
    code = (
        "import importlib.util, os\n"
        "if importlib.util.find_spec('pip'): print('-m pip')\n"
        "else:\n"
        "    import ensurepip; d = os.path.join(os.path.dirname(ensurepip.__file__), '_bundled')\n"
        "    print(os.path.join(d, sorted(os.listdir(d))[0], 'pip'))"
    )
    ended = answer([python, "-X", "utf8", "-c", code], ASK_S)
    if not ended:
        raise RuntimeUnfitError(
            f"{python}: has no pip to fetch the installer uv with. Install uv (one program, no admin rights needed), or "
            "name a Python interpreter that has torch and mediapipe."
        )
    return [python, "-X", "utf8", *(("-m", "pip") if ended == "-m pip" else (ended,))]


def _version(program: Path) -> tuple[int, ...]:
    """Of a uv; () where it does not start."""
    found = re.match(r"uv (\d+)\.(\d+)", answer([str(program), "--version"], ASK_S))
    return tuple(int(part) for part in found.groups()) if found else ()
