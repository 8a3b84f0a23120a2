"""Shows the panel of the built zip in a real Blender under Xvfb, inside a chroot made as PLATFORM.md tells.

Usage: python tests/gui/look.py [--chroot /opt/trixie] [--out out/gui] [--wheels DIR]. Pictures, what was found and Blender's
log come to --out. With --wheels, a folder made by `pip download -r requirements/runtime.txt -d DIR` and `pip download uv -d
DIR`, the set-up and its faults are shown; without it a capture and how long the window stands still.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from window import ROOT, Window, missing


def main() -> int:
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n")[0])
    parser.add_argument("--chroot", type=Path, default=Path("/opt/trixie"))
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "gui")
    parser.add_argument("--wheels", type=Path)
    given = parser.parse_args()
    if reason := missing(given.chroot):
        print(f"NOT RUN: {reason}")
        return 1
    script, third = ("set_up.py", given.wheels.resolve()) if given.wheels else ("drive.py", ROOT / ".venv/bin/python")
    with Window(given.chroot, given.out) as window:
        found, _ = window.run(script, ROOT / "demo" / "walk.mp4", ROOT / "demo" / "mh_mixamo.fbx", third)
    print(json.dumps(found, indent=1))
    return 1 if "failed" in found or found.get("error") else 0


if __name__ == "__main__":
    sys.exit(main())
