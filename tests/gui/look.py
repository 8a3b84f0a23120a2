"""Shows the panel of the built zip in a real Blender under Xvfb, inside a chroot made as PLATFORM.md tells.

Usage: python tests/gui/look.py [--chroot /opt/trixie] [--out out/gui] [--wheels DIR]. The chroot must see this folder
and .venv's Python at their own paths (bind mounts). Pictures and found.json come to --out. With --wheels, a folder made
by `pip download -r requirements/runtime.txt -d DIR` and `pip download uv -d DIR`, the set-up and its faults are shown.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DISPLAY = ":77"
CHROOT = shutil.which("chroot") or "/usr/sbin/chroot"
SIZE = (1280, 800)


def main() -> int:
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n")[0])
    parser.add_argument("--chroot", type=Path, default=Path("/opt/trixie"))
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "gui")
    parser.add_argument("--wheels", type=Path)
    given = parser.parse_args()
    out: Path = given.out.resolve()
    shutil.rmtree(out, ignore_errors=True)
    home = out / "home"
    home.mkdir(parents=True)
    tool = next((ROOT / ".venv").glob("**/bl_pkg/cli/blender_ext.py"))
    subprocess.run([sys.executable, tool, "build", "--source-dir", ROOT, "--output-dir", out], check=True, timeout=60)
    [archive] = out.glob("*.zip")
    environment = {
        "PATH": f"{sys.base_prefix}/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": str(home),
        "XDG_RUNTIME_DIR": str(home),
        "DISPLAY": DISPLAY,
        "LIBGL_ALWAYS_SOFTWARE": "1",
        "GALLIUM_DRIVER": "llvmpipe",
    }

    def inside(*command: str | Path, timeout: float = 120) -> None:
        subprocess.run([CHROOT, given.chroot, *command], env=environment, check=True, timeout=timeout)

    inside("blender", "--command", "extension", "validate", archive)
    inside("blender", "--command", "extension", "install-file", "-r", "user_default", "--enable", archive)
    quiet = "import bpy; bpy.context.preferences.view.show_splash = False; bpy.ops.wm.save_userpref()"
    inside("blender", "-b", "--python-expr", quiet)
    server = subprocess.Popen(
        [CHROOT, given.chroot, "Xvfb", DISPLAY, "-screen", "0", f"{SIZE[0]}x{SIZE[1]}x24", "-nolisten", "tcp"],
        env=environment,
        stderr=subprocess.DEVNULL,
    )
    script, third = ("set_up.py", given.wheels.resolve()) if given.wheels else ("drive.py", ROOT / ".venv/bin/python")
    try:
        time.sleep(2)
        inside(
            "blender", "--no-window-focus", "--window-geometry", "0", "0", *map(str, SIZE),
            "--python", ROOT / "tests" / "gui" / script, "--",
            ROOT / "demo" / "walk.mp4", ROOT / "demo" / "mh_mixamo.fbx", third, out,
            timeout=590,
        )  # fmt: skip
    finally:
        server.terminate()
        server.wait(10)
    found = json.loads((out / "found.json").read_text())
    print(json.dumps(found, indent=1))
    return 1 if "failed" in found or found.get("error") else 0


if __name__ == "__main__":
    os.chdir("/")  # chroot starts in a folder that is there
    sys.exit(main())
