"""Runs scripts in each Blender, one fresh process a script, and says loudly which Blender could not be run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = Path(__file__).parent / "scripts"
ENVIRONMENTS = {
    "4.2": ROOT / ".venvs" / "blender-4.2",
    "4.5": ROOT / ".venv",
    "5.0": ROOT / ".venvs" / "blender-5.0",
    "5.2": ROOT / ".venvs" / "blender-5.2",
}
VERSIONS = tuple(ENVIRONMENTS)
TIMEOUT_S = 300  # a timer left registered hangs 4.5 for ever at exit
OUR_CODE = re.compile(rf"{re.escape(str(ROOT))}/(__init__|addon|lifter|tests)\S*:\d+: \w*Warning")

_not_run: dict[str, str] = {}


@dataclass(frozen=True)
class Outcome:
    """How a process ended."""

    code: int
    stdout: str
    stderr: str
    result: dict[str, Any] = field(default_factory=dict[str, Any])  # what the script handed back

    @property
    def error(self) -> str:
        """The last line on stderr: the one that users read."""
        return (self.stderr.strip().splitlines() or [""])[-1]

    @property
    def own_warnings(self) -> list[str]:
        """Python warnings that point at this project's code."""
        return [line for line in self.stderr.splitlines() if OUR_CODE.match(line)]


Run = Callable[..., Outcome]


def python_of(version: str) -> Path:
    """The interpreter with that Blender's wheel; skips, loudly, where there is none."""
    folder = ENVIRONMENTS[version]
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.is_file():
        _not_run[version] = f"there is no {folder.relative_to(ROOT)} (dev.py makes it)"
        pytest.skip(f"Blender {version}: {_not_run[version]}")
    return python


def run(python: Path, arguments: Sequence[str | Path], home: Path, **variables: str) -> Outcome:
    """A script in a fresh process with a scratch HOME and a time limit."""
    home.mkdir(exist_ok=True)
    kept = {key: os.environ[key] for key in ("PATH", "SYSTEMROOT", "TEMP", "LANG") if key in os.environ}
    ended = subprocess.run(
        [str(python), "-W", "always", *map(str, arguments)],
        env={**kept, "HOME": str(home), "PYTHONNOUSERSITE": "1", **variables},
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=TIMEOUT_S,
        check=False,
    )
    handed = [line for line in ended.stdout.splitlines() if line.startswith("RESULT ")]
    result = json.loads(handed[-1].removeprefix("RESULT ")) if handed else {}
    return Outcome(ended.returncode, ended.stdout, ended.stderr, result)


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    python_of(request.param)
    return request.param


@pytest.fixture
def script(version: str, tmp_path: Path) -> Run:
    """script("name.py", *arguments): run one of scripts/ in this version; fails the test when it fails."""

    def runner(name: str, *arguments: str | Path) -> Outcome:
        outcome = run(python_of(version), [SCRIPTS / name, *arguments], tmp_path / "home")
        assert outcome.code == 0, f"{name} in {version} ended with {outcome.code}:\n{outcome.stderr[-3000:]}"
        return outcome

    return runner


@pytest.fixture
def batch(version: str, tmp_path: Path) -> Run:
    """batch(*arguments): the command line under the wheel of this version."""

    def runner(*arguments: str | Path, **variables: str) -> Outcome:
        return run(python_of(version), [ROOT / "addon" / "batch.py", *arguments], tmp_path / "home", **variables)

    return runner


def pytest_terminal_summary(terminalreporter: Any) -> None:
    for version, reason in _not_run.items():
        terminalreporter.write_line(f"NOT RUN: Blender {version}: {reason}", red=True, bold=True)


@pytest.fixture(scope="session")
def motion_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A person walking, turning and waving: 45 frames at 30 a second."""
    path = tmp_path_factory.mktemp("motion") / "walk.npz"
    subprocess.run([sys.executable, SCRIPTS / "synthetic.py", path], check=True, timeout=60)
    return path


@pytest.fixture(scope="session")
def extension_zip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The extension as `dev.py build` packs it."""
    import dev

    return dev.pack(tmp_path_factory.mktemp("zip"))


def extension_tool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Blender's command for extensions, as the wheel carries it."""
    python = python_of("4.5")
    tool = next(python.parents[1].glob("**/bl_pkg/cli/blender_ext.py"))
    return subprocess.run(
        [str(python), str(tool), *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False
    )
