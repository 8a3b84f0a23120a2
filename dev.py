#!/usr/bin/env python3
"""One door to the project: `python3 dev.py demo | test | check | build | bench | train`.

The first start makes .venv with Python 3.11 and the pinned packages; later starts use it as it is.
Standard library only, any operating system.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent
USAGE = """usage: python3 dev.py COMMAND
  demo            one shipped video onto one shipped rig: motion, .blend, .fbx and a contact sheet in out/demo
  test [ARGS]     all tests, on every Blender version that can be had; ARGS go to pytest
  check           lint, formatting, types and the borders between the rooms
  build           the extension's zip in dist/, validated
  bench           speed and memory, appended to tests/benchmarks/RESULTS.md
  bench accuracy  error on rendered and simulated people; ARGS go to tests/benchmarks/accuracy.py
  train [ARGS]    train a network; ARGS go to `python -m lifter train`
  libraries       the Linux packages that are missing here, as apt names"""

# What goes into the extension, less what its manifest leaves out of these.
PACKED = (
    "__init__.py", "blender_manifest.toml", "CHANGELOG.md", "LICENSE", "README.md", "addon", "lifter", "presets", "requirements",
)  # fmt: skip

# What the wheels of OpenCV, mediapipe and Blender expect from a Linux desktop, and Debian's names for it.
APT_PACKAGES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libICE.so.6": "libice6",
    "libSM.so.6": "libsm6",
    "libX11.so.6": "libx11-6",
    "libXext.so.6": "libxext6",
    "libXfixes.so.3": "libxfixes3",
    "libXi.so.6": "libxi6",
    "libXrender.so.1": "libxrender1",
    "libXt.so.6": "libxt6",
    "libXxf86vm.so.1": "libxxf86vm1",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgomp.so.1": "libgomp1",
    "libxcb.so.1": "libxcb1",
    "libxkbcommon.so.0": "libxkbcommon0",
}


class Stop(Exception):
    """Ends the run; its text is the one line that the user reads."""


@dataclass(frozen=True)
class Environment:
    """One virtual environment: where it lies, its Python, its pins, what is asked of pip, what must import."""

    folder: Path
    python_version: str
    pins: Path
    wanted: tuple[str, ...]
    modules: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.folder.relative_to(ROOT).as_posix()

    @property
    def python(self) -> Path:
        return self.folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    @property
    def stamp(self) -> Path:
        return self.folder / "v2a-ready"

    def fingerprint(self) -> str:
        """Changes when the environment must be looked at again."""
        parts = (
            self.pins.read_bytes(),
            (ROOT / "pyproject.toml").read_bytes(),
            os.fsencode(ROOT),
            repr(self.wanted).encode(),
        )
        return hashlib.sha256(b"\0".join(parts)).hexdigest()


MAIN = Environment(
    ROOT / ".venv",
    "3.11",
    ROOT / "requirements" / "constraints.txt",
    (".[lifter,blender,dev]",),
    ("cv2", "mediapipe", "torch", "bpy"),
)  # also the Blender 4.5 of the tests


def _blender(version: str, python_version: str) -> Environment:
    pins = ROOT / "requirements" / f"blender-{version}.txt"
    return Environment(ROOT / ".venvs" / f"blender-{version}", python_version, pins, (".[blender]", "pytest"), ("bpy",))


BLENDERS = (_blender("4.2", "3.11"), _blender("5.0", "3.11"), _blender("5.2", "3.13"))


def main(arguments: Sequence[str]) -> int:
    commands = {"demo": demo, "test": test, "check": check, "build": build, "bench": bench, "train": train}
    commands["libraries"] = libraries
    if not arguments or arguments[0] not in commands:
        print(USAGE)
        return 0 if arguments and arguments[0] in ("-h", "--help") else 2
    try:
        return commands[arguments[0]](list(arguments[1:]))
    except Stop as stop:
        print(f"dev.py: {stop}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


# Commands: each takes what follows its name on the command line and returns the exit code.


def demo(arguments: list[str]) -> int:
    ready(MAIN)
    return run([MAIN.python, "demo/run.py", *arguments])


def test(arguments: list[str]) -> int:
    ready(MAIN)
    not_run = [environment for environment in BLENDERS if find_python(environment) is None]
    for environment in BLENDERS:
        if environment not in not_run:
            ready(environment)
    code = run([MAIN.python, "-m", "pytest", *arguments])
    for environment in not_run:
        print(
            f"\n!!! {environment.folder.name} DID NOT RUN: no Python {environment.python_version} on PATH, in pyenv or by uv"
        )
    return code


def check(arguments: list[str]) -> int:
    ready(MAIN)
    tools = {
        "lint": ["ruff", "check", "."],
        "formatting": ["ruff", "format", "--check", "."],
        "types": ["pyright", "--warnings"],
        "borders between the rooms": ["pytest", "-q", "tests/test_boundaries.py"],
    }
    link_package_name()
    failed: list[str] = []
    for what, tool in tools.items():
        print(f"\n{what}: {' '.join(tool)}", flush=True)
        if run([MAIN.python, "-m", *tool]):
            failed.append(what)
    print("\ncheck: " + (f"FAILED: {', '.join(failed)}" if failed else "all good"))
    return 1 if failed else 0


def build(arguments: list[str]) -> int:
    ready(MAIN)
    dist = ROOT / "dist"
    dist.mkdir(exist_ok=True)
    archive = pack(dist)
    print(f"{archive.relative_to(ROOT)}: {archive.stat().st_size / 1e6:.1f} MB, valid")
    return 0


def pack(folder: Path) -> Path:
    """The extension's zip, made in `folder` and validated by Blender's own tool. Raises Stop."""
    tool = next(MAIN.folder.glob("**/bl_pkg/cli/blender_ext.py"), None)
    if tool is None:
        raise Stop(f"no extension builder in {MAIN.name}'s bpy. Remove {MAIN.name} and start again.")
    for old in folder.glob("*.zip"):
        old.unlink()
    with tempfile.TemporaryDirectory() as staged:  # captures and videos that lie about in a clone do not go out
        for name in PACKED:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, Path(staged) / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(ROOT / name, staged)
        if run([MAIN.python, tool, "build", "--source-dir", staged, "--output-dir", folder]):
            raise Stop("the extension cannot be built; the lines above say why.")
    [archive] = folder.glob("*.zip")
    if run([MAIN.python, tool, "validate", archive]):
        raise Stop(f"{archive} is not a valid extension; the lines above say why.")
    return archive


def bench(arguments: list[str]) -> int:
    ready(MAIN)
    if arguments and arguments[0] in ("accuracy", "world"):
        return run([MAIN.python, "-m", f"tests.benchmarks.{arguments[0]}", *arguments[1:]])
    found = [run([MAIN.python, f"tests/benchmarks/{part}.py", *arguments]) for part in ("bench", "lifters")]
    return max(found)


def train(arguments: list[str]) -> int:
    ready(MAIN)
    return run([MAIN.python, "-m", "lifter", "train", *arguments])


def libraries(arguments: list[str]) -> int:
    print(" ".join(missing_packages()))
    return 0


# Environments


def ready(environment: Environment) -> None:
    """Make the environment, or bring it up to its pins; returns at once when nothing has changed since."""
    fingerprint = environment.fingerprint()
    if environment.python.exists() and environment.stamp.is_file() and environment.stamp.read_text() == fingerprint:
        return
    if not runs(environment.python, environment.python_version):
        base = find_python(environment)
        if base is None:
            raise Stop(
                f"Python {environment.python_version} is needed and this is {platform.python_version()}; none found on PATH, "
                f"in pyenv or by uv. Install Python {environment.python_version} (with venv) and start again."
            )
        print(f"{environment.name}: new environment with {base}", flush=True)
        if subprocess.run([base, "-m", "venv", "--clear", str(environment.folder)], check=False).returncode:
            raise Stop(f"{environment.name} could not be made; the lines above say why.")
    print(f"{environment.name}: packages as in {environment.pins.relative_to(ROOT).as_posix()}", flush=True)
    # --no-build-isolation: the pinned setuptools builds the (tiny) editable install, nothing else is fetched for it.
    install(environment, ["setuptools"])
    install(environment, ["--no-build-isolation", "--editable", *environment.wanted])
    try_imports(environment)
    environment.stamp.write_text(fingerprint)


def install(environment: Environment, wanted: Sequence[str]) -> None:
    """pip install under the environment's pins, telling what it does. What is there already stays as it is."""
    command = [str(environment.python), "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off"]
    command += ["--constraint", str(environment.pins), *wanted]
    log, started, complaint = environment.folder / "install.log", time.monotonic(), "pip said nothing"
    pip = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace"
    )
    assert pip.stdout
    with log.open("a", encoding="utf-8") as stream:
        for line in pip.stdout:
            stream.write(line)
            wheel = re.search(r"Downloading (?:\S*/)?([\w.]+-[\w.+]+)-\S*\.whl \((.* MB)\)", line)
            if wheel or line.startswith("Installing"):
                what = f"{wheel[1]}, {wheel[2]}" if wheel else f"unpacking {line.count(',') + 1} packages"
                print(f"  {time.monotonic() - started:4.0f} s  {what}", flush=True)
            elif line.startswith("ERROR:") and "ResolutionImpossible" not in line:  # says nothing that others do not
                complaint = line[len("ERROR:") :].strip()
    if pip.wait():
        raise Stop(f"a package for {environment.name} can't be had: {complaint} (all of it: {log})")


def find_python(environment: Environment) -> str | None:
    """A Python of the wanted version that can make environments: this one, PATH, the py launcher, pyenv, uv."""
    version = environment.python_version
    candidates = [str(environment.python), sys.executable, shutil.which(f"python{version}") or ""]
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    candidates += [str(p) for p in sorted(pyenv.glob(f"{version}*/bin/python"))]
    for tool, arguments in (
        ("py", [f"-{version}", "-c", "import sys; print(sys.executable)"]),
        ("uv", ["python", "find", version]),
    ):
        if shutil.which(tool):
            found = subprocess.run([tool, *arguments], capture_output=True, text=True, check=False)
            candidates.append(found.stdout.strip())
    return next((python for python in candidates if python and runs(python, version)), None)


def runs(python: str | Path, version: str) -> bool:
    """Whether this interpreter starts, has the version and can make environments (Debian ships venv apart)."""
    code = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=False)
    except OSError:
        return False
    return done.stdout.strip() == version


def try_imports(environment: Environment) -> None:
    """Import what needs system libraries, in a process of its own. Raises Stop naming what to install."""
    code = f"import {', '.join(environment.modules)}"
    tried = subprocess.run([str(environment.python), "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    if tried.returncode == 0:
        return
    complaint = (tried.stderr.strip() or f"exit code {tried.returncode}").splitlines()[-1]
    packages = missing_packages()
    if "cannot open shared object file" in complaint and packages:
        sudo = "" if os.geteuid() == 0 else "sudo "
        raise Stop(
            f"system libraries are missing. Run: {sudo}apt-get install -y --no-install-recommends {' '.join(packages)}"
        )
    raise Stop(f"{environment.name} is installed but does not import: {complaint}")


def missing_packages() -> list[str]:
    """Debian packages of the Linux libraries that cannot be loaded here; none on other systems."""
    missing: list[str] = []
    for library, package in APT_PACKAGES.items():
        try:
            if sys.platform == "linux":
                ctypes.CDLL(library)
        except OSError:
            missing.append(package)
    return missing


# Running things


def link_package_name() -> None:
    """.venv/alias/video_to_armature -> this folder: pyright cannot follow the editable install's mapping."""
    link = MAIN.folder / "alias" / "video_to_armature"
    if link.exists():
        return
    link.parent.mkdir(exist_ok=True)
    if os.name == "nt":  # a junction needs no rights, a symbolic link does
        subprocess.run(["cmd", "/c", "mklink", "/J", str(link), str(ROOT)], check=True)
    else:
        link.symlink_to(ROOT, target_is_directory=True)


def run(command: Sequence[str | Path]) -> int:
    """Run in the project's folder, output as it comes; the exit code."""
    return subprocess.run([str(part) for part in command], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
