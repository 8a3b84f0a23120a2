"""The zip that users install: valid, whole, and nothing in it that they do not need."""

from __future__ import annotations

import zipfile
from pathlib import Path

from .conftest import ROOT, extension_tool

WANTED = (
    "blender_manifest.toml", "__init__.py", "LICENSE", "addon/batch.py", "addon/panel.py", "addon/retarget/solve.py",
    "lifter/__main__.py", "lifter/contract/motion.py", "presets/rigs/mixamo.toml", "presets/rigs/rigify.toml",
    "presets/export/generic.toml", "requirements/runtime.txt", "requirements/runtime_uv.txt", "addon/weights.sha256",
    "addon/locale/ja_JP.toml", "addon/locale/ko_KR.toml", "addon/locale/zh_HANS.toml",
)  # fmt: skip
UNWANTED = (
    "tests/", "demo/", "docs/", "typings/", "requirements/blender", "requirements/constraints", "lifter/train/", "dev.py",
    "pyproject.toml", ".git", ".ci", ".venv", "out/", "runs/", "dist/",
)  # fmt: skip
MAX_BYTES = 25e6  # the weights are up to 20 MB


def test_zip_is_valid(extension_zip: Path) -> None:
    ended = extension_tool("validate", extension_zip)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_zip_holds_what_is_needed_and_no_more(extension_zip: Path) -> None:
    with zipfile.ZipFile(extension_zip) as archive:
        names = archive.namelist()
        assert archive.testzip() is None
    for wanted in WANTED:
        assert wanted in names, wanted
    for unwanted in UNWANTED:
        assert not [name for name in names if name.startswith(unwanted)], unwanted
    assert not [name for name in names if "__pycache__" in name or name.endswith((".pyc", ".zip", ".log"))]
    weights = {path.relative_to(ROOT).as_posix() for path in (ROOT / "lifter" / "weights").glob("*.safetensors")}
    assert weights <= set(names)
    assert weights, "no weights ship"
    assert extension_zip.stat().st_size < MAX_BYTES
