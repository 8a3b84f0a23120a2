"""The command line: `blender -b [RIG.blend] --python addon/batch.py -- …`, or `python addon/batch.py …` under bpy's wheel.

Only the way in and out: this script loads the very copy of the package that it lies in, and leaves with the right
exit code. What it runs is batch_run.py.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import sys
from collections.abc import Sequence
from pathlib import Path

PACKAGE = "video_to_armature"


def load_own_package(root: Path) -> None:
    """Make `root` importable as PACKAGE, without touching sys.path: Blender forbids an extension's folder there."""
    spec = importlib.util.spec_from_file_location(PACKAGE, root / "__init__.py", submodule_search_locations=[str(root)])
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[PACKAGE] = module
    spec.loader.exec_module(module)


def own_arguments(argv: Sequence[str], *, inside_blender: bool) -> list[str]:
    """What belongs to this script: all after '--'; without it, all under the wheel and nothing inside Blender."""
    if "--" in argv:
        return list(argv[argv.index("--") + 1 :])
    return [] if inside_blender else list(argv[1:])


def leave(code: int) -> None:
    """End the process now. A normal exit crashes 4.2 when Rigify is on, and Blender would turn the code into 0."""
    import bpy

    sys.stdout.flush()
    sys.stderr.flush()
    with contextlib.suppress(OSError):
        os.rmdir(bpy.app.tempdir)  # Blender's own, which a normal exit removes; never one with files in it
    os._exit(code)


def run_as_script() -> None:
    import bpy

    load_own_package(Path(__file__).resolve().parent.parent)
    main = importlib.import_module(f"{PACKAGE}.addon.batch_run").main
    leave(main(own_arguments(sys.argv, inside_blender=bool(bpy.app.binary_path))))


if __name__ == "__main__":
    run_as_script()
