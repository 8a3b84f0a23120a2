"""dev.py: environments are made once and only with a fitting Python, what is missing is named, the zip holds what runs."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("v2a_dev", ROOT / "dev.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


dev = _load()
ENVIRONMENTS = (dev.MAIN, *dev.BLENDERS)


@pytest.mark.parametrize(("arguments", "code"), [([], 2), (["party"], 2), (["--help"], 0)])
def test_usage(arguments: list[str], code: int) -> None:
    said = subprocess.run([sys.executable, ROOT / "dev.py", *arguments], capture_output=True, text=True, check=False)
    assert said.returncode == code
    assert all(command in said.stdout for command in ("demo", "test", "check", "build", "bench", "train"))


def test_an_old_python_gets_as_far_as_one_clear_line() -> None:
    """Nothing in dev.py that Python 3.7 cannot parse, or it would answer with a SyntaxError."""
    import ast

    ast.parse((ROOT / "dev.py").read_text("utf-8"), feature_version=(3, 7))


def test_no_fitting_python_is_one_clear_line_and_leaves_nothing(tmp_path: Path) -> None:
    environment = replace(dev.MAIN, folder=dev.ROOT / "out" / "no-such-venv", python_version="3.99")
    with pytest.raises(dev.Stop) as caught:
        dev.ready(environment)
    assert "Python 3.99 is needed" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not environment.folder.exists()


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An environment for this very Python, with nothing in it and one package to be had nowhere."""
    monkeypatch.setattr(dev, "ROOT", tmp_path)
    (tmp_path / "pyproject.toml").write_text("")
    pins = tmp_path / "pins.txt"
    pins.write_text("setuptools==0.0.1.dev999\n")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return dev.Environment(tmp_path / ".venv", version, pins, ("setuptools",), ())


def test_a_package_that_cannot_be_had_is_named(empty: Any) -> None:
    with pytest.raises(dev.Stop) as caught:
        dev.ready(empty)
    assert "setuptools" in str(caught.value)
    assert "can't be had" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not empty.stamp.exists()  # the next start tries again


def test_a_ready_environment_is_used_at_once_until_its_pins_change(empty: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    empty.python.parent.mkdir(parents=True)
    empty.python.touch()
    empty.stamp.write_text(empty.fingerprint())

    def install(*_: object) -> None:
        raise dev.Stop("installing")

    monkeypatch.setattr(dev, "install", install)
    monkeypatch.setattr(dev, "runs", lambda *_: True)
    began = time.perf_counter()
    dev.ready(empty)
    assert time.perf_counter() - began < 0.1
    empty.pins.write_text("setuptools==80\n")
    with pytest.raises(dev.Stop, match="installing"):
        dev.ready(empty)


def test_a_missing_system_library_is_named_with_the_command_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "needs_library.py").write_text(
        "raise ImportError('libnowhere.so.9: cannot open shared object file: No such file or directory')"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(dev, "APT_PACKAGES", {"libnowhere.so.9": "libnowhere9", "libc.so.6": "libc6"})
    with pytest.raises(dev.Stop) as caught:
        dev.try_imports(replace(dev.MAIN, modules=("needs_library",)))
    assert str(caught.value).endswith("apt-get install -y --no-install-recommends libnowhere9")


# What the project says of itself


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda e: e.name)
def test_everything_asked_for_is_pinned_exactly(environment: Any) -> None:
    pins = dict(line.split("==") for line in _lines(environment.pins))
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    for wanted in environment.wanted:
        groups = re.findall(r"\w+", wanted) if wanted.startswith(".[") else []
        for package in [p for group in groups for p in extras[group]] or [wanted]:
            name, _, version = re.sub(r"\[\w+\]", "", package).partition("==")
            assert name in pins
            assert version in ("", pins[name])
    assert len([name for name in pins if name.startswith("opencv")]) == (environment is dev.MAIN)  # one owner of cv2


def _lines(path: Path) -> list[str]:
    return [line for line in path.read_text("utf-8").splitlines() if line and not line.startswith("#")]


def test_no_registry_is_named() -> None:
    for path in (*(ROOT / "requirements").iterdir(), ROOT / "pyproject.toml", ROOT / "dev.py", ROOT / ".ci" / "run"):
        assert not re.search(r"://|--(extra-)?index-url|--find-links|\+cpu", path.read_text("utf-8")), path.name


def test_every_package_is_listed() -> None:
    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]["packages"])
    folders = {p.parent.relative_to(ROOT) for room in ("addon", "lifter") for p in (ROOT / room).rglob("__init__.py")}
    assert listed == {"video_to_armature", *(".".join(("video_to_armature", *folder.parts)) for folder in folders)}


def test_the_package_is_this_folder_from_anywhere(tmp_path: Path) -> None:
    code = "import video_to_armature.lifter.contract.motion as motion; print(motion.__file__)"
    said = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert Path(said.stdout.strip()) == ROOT / "lifter" / "contract" / "motion.py"


# The extension's zip


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    strays = ROOT / "stray_capture.npz", ROOT / "stray_clips"  # as the README's own commands leave them
    strays[0].write_bytes(b"private")
    strays[1].mkdir()
    (strays[1] / "holiday.mp4").write_bytes(b"private")
    try:
        yield dev.pack(tmp_path_factory.mktemp("zip"))
    finally:
        strays[0].unlink()
        shutil.rmtree(strays[1])


def test_the_zip_holds_what_users_need_and_no_more(archive: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        names = set(opened.namelist())
    for needed in ("blender_manifest.toml", "__init__.py", "LICENSE", "addon/batch.py", "lifter/__main__.py"):
        assert needed in names
    assert any(name.endswith(".safetensors") for name in names)
    assert not [name for name in names if "stray_" in name]
    assert {name.split("/")[0] for name in names if "/" in name} == {"addon", "lifter", "presets", "requirements"}
    assert {n for n in names if n.startswith("requirements/")} == {
        "requirements/runtime.txt",
        "requirements/runtime_uv.txt",
    }
    assert not [name for name in names if name.startswith("lifter/train/") or name.endswith(".pyc")]
    assert archive.stat().st_size < 25e6


def test_the_worker_starts_from_the_unpacked_zip(archive: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(tmp_path)
    said = subprocess.run(
        [sys.executable, "-m", "lifter", "models"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert said.returncode == 0, said.stderr
    assert "mixste" in said.stdout
