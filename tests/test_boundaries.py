"""Which room may import what (CONTRIBUTING.md has the table): read from the source, nothing is run."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
BLENDER = {"bpy", "bpy_extras", "bl_operators", "bl_ui", "mathutils", "addon_utils"}

# Path prefix -> packages besides the standard library. The longest prefix that fits a file counts.
OUTSIDE: dict[str, set[str]] = {
    "__init__.py": set(),
    "dev.py": set(),
    "demo/run.py": set(),
    "lifter/": {"numpy", "scipy"},
    "lifter/contract/": {"numpy"},
    "lifter/video.py": {"numpy", "cv2"},
    "lifter/background.py": {"numpy", "cv2"},
    "lifter/lines.py": {"numpy", "cv2"},
    "lifter/who.py": {"numpy", "cv2"},
    "lifter/preview.py": {"numpy", "cv2"},
    "lifter/plot.py": {"numpy", "matplotlib"},
    "lifter/detect/mediapipe_pose.py": {"numpy", "mediapipe"},
    "lifter/lift.py": {"numpy", "torch"},
    "lifter/networks.py": {"numpy", "torch"},
    "lifter/models/": {"numpy", "torch", "safetensors"},
    "lifter/train/": {"numpy", "scipy", "torch", "matplotlib"},
    "addon/": {"numpy", *BLENDER},
    "addon/retarget/": {"numpy"},
}

# What runs before anything is installed, or in threads of its own.
STANDARD_LIBRARY_ONLY = (
    "capture", "job", "processes", "runtime", "runtime_folder", "runtime_machine", "runtime_setup", "runtime_uv",
    "runtime_verify", "self_check", "steps",
)  # fmt: skip
OUTSIDE |= {f"addon/{name}.py": set() for name in STANDARD_LIBRARY_ONLY}

# Path prefix -> modules of our own, by prefix too.
INSIDE: dict[str, tuple[str, ...]] = {
    "__init__.py": ("addon",),
    "lifter/": ("lifter",),
    "lifter/contract/": ("lifter.contract",),
    "addon/": ("addon", "lifter.contract"),
    "addon/retarget/": ("addon.retarget", "lifter.contract"),
}


def longest(table: Mapping[str, Any], path: str) -> Any:
    """The entry of the longest prefix that fits the path; empty when none does."""
    fitting = [prefix for prefix in table if path == prefix or (prefix.endswith("/") and path.startswith(prefix))]
    return table[max(fitting, key=len)] if fitting else ()


def imports(path: str, tree: ast.Module) -> Iterator[tuple[int, str, bool]]:
    """(line, full name, written relatively) of everything imported, wherever in the file it stands."""
    package = Path(path).parent.parts
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name, False
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.lineno, node.module or "", False
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1]
            for alias in node.names:  # `from . import world` imports a module, `from .world import X` does too
                yield node.lineno, ".".join((*base, *([node.module] if node.module else []), alias.name)), True
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in ("import_module", "__import__") and isinstance(node.args[0].value, str):
                yield node.lineno, node.args[0].value, True


def violations(path: str, source: str) -> list[str]:
    """What this file imports against the rules; `path` is relative to the project's folder."""
    tree = ast.parse(source)
    outside, inside = longest(OUTSIDE, path), longest(INSIDE, path)
    found: list[str] = []
    for line, name, relative in imports(path, tree):
        where, ours = f"{path}:{line}", name.removeprefix("video_to_armature.")
        top = ours.split(".")[0]
        if top in ("addon", "lifter", "video_to_armature", "tests", "demo"):
            if not relative:
                found.append(f"{where}: {name} must be imported relatively")
            elif not any(ours == room or ours.startswith(room + ".") for room in inside):
                found.append(f"{where}: {name} is out of reach for this room")
            elif ours.startswith("lifter.train") and path not in ("lifter/__main__.py",) and "train/" not in path:
                found.append(f"{where}: the trainer imports the rest of lifter, never the reverse")
        elif top not in sys.stdlib_module_names and top not in outside:
            found.append(f"{where}: {name} is not for this file")
    if path == "__init__.py":
        eager = [n for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom) and not _future(n)]
        found += [f"{path}:{node.lineno}: nothing may be imported here before register()" for node in eager]
    if path.startswith("addon/") and path != "addon/compat.py":
        lines = [n.lineno for n in ast.walk(tree) if isinstance(n, ast.Attribute) and _dotted(n) == "bpy.app.version"]
        found += [f"{path}:{line}: only addon/compat.py names a Blender version" for line in lines]
    return found


def _future(node: ast.Import | ast.ImportFrom) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def our_files() -> list[str]:
    files = ["__init__.py", "dev.py", "demo/run.py"]
    files += [p.relative_to(ROOT).as_posix() for room in ("lifter", "addon") for p in (ROOT / room).rglob("*.py")]
    return sorted(files)


@pytest.mark.parametrize("path", our_files())
def test_every_file_stays_in_its_room(path: str) -> None:
    assert violations(path, (ROOT / path).read_text("utf-8")) == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("lifter/world.py", "import bpy"),
        ("lifter/world.py", "import cv2"),
        ("lifter/world.py", "def late():\n    from ..addon import rig"),
        ("lifter/world.py", "import importlib\nimportlib.import_module('mediapipe')"),
        ("lifter/world.py", "from .train import trainer"),
        ("lifter/models/mixste.py", "from ..train.data import clips"),
        ("lifter/contract/motion.py", "import torch"),
        ("lifter/contract/motion.py", "from ..video import probe"),
        ("lifter/contract/motion.py", "from .. import video"),
        ("addon/panel.py", "from ..lifter.video import probe"),
        ("addon/panel.py", "from ..lifter import video"),
        ("addon/panel.py", "import torch"),
        ("addon/panel.py", "from lifter.contract.motion import Motion"),
        ("addon/panel.py", "from video_to_armature.lifter.contract.motion import Motion"),
        ("addon/panel.py", "import bpy\nprint(bpy.app.version >= (5, 0, 0))"),
        ("addon/job.py", "import bpy"),
        ("addon/retarget/solve.py", "import bpy"),
        ("addon/retarget/solve.py", "from mathutils import Quaternion"),
        ("addon/retarget/solve.py", "from ..rig import read_rest_pose"),
        ("__init__.py", '"""Doc."""\nfrom . import addon'),
        ("dev.py", "import numpy"),
    ],
)
def test_reaching_out_of_the_room_is_caught(path: str, source: str) -> None:
    assert len(violations(path, source)) == 1


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("addon/retarget/solve.py", "from ...lifter.contract.motion import Motion\nfrom .rest import RestPose"),
        ("addon/panel.py", "import bpy\nfrom ..lifter.contract import protocol\nfrom . import operators"),
        ("lifter/__main__.py", "from .train import trainer"),
        ("__init__.py", '"""Doc."""\ndef register():\n    from .addon import registration'),
    ],
)
def test_what_a_room_needs_is_allowed(path: str, source: str) -> None:
    assert violations(path, source) == []
