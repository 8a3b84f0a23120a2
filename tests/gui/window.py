"""A real Blender with a window: that of a Debian chroot (.ci/run makes it) under Xvfb, with the built zip installed.

The project, /tmp and .venv's Python are seen inside by their own paths; the mounts end with each command.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
GUI = ROOT / "tests" / "gui"
DISPLAY = ":77"
SIZE = (1280, 800)
NEEDED = ("blender", "Xvfb", "xdotool", "import")
MOUNT = """
chroot=$1; shift; mounts=$1; shift
for path in $mounts; do
    mkdir -p "$chroot$path" 2>/dev/null; [ -e "$chroot$path" ] || touch "$chroot$path"
    mount --rbind "$path" "$chroot$path"
done
exec chroot "$chroot" "$@"
"""


def missing(chroot: Path) -> str:
    """Why there is no window to be had, '' where there is one."""
    if os.name == "nt" or not chroot.is_dir():
        return f"there is no Debian chroot at {chroot} (V2A_CHROOT names one, .ci/run makes it)"
    if os.geteuid() != 0:
        return "only root may enter the chroot"
    without = [name for name in NEEDED if not (chroot / "usr" / "bin" / name).exists()]
    if without:
        packages = "blender xvfb xdotool imagemagick libgl1-mesa-dri"
        return f"the chroot at {chroot} lacks {', '.join(without)}: apt-get install {packages} in it"
    probe = subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False)
    return "" if probe.returncode == 0 else "unshare --mount is not allowed here"


class Window:
    """A display and a home of its own; `run` starts Blender on it. Use as a context."""

    def __init__(self, chroot: Path, out: Path) -> None:
        self.chroot, self.out = chroot, out.resolve()
        shutil.rmtree(self.out, ignore_errors=True)
        self.home = self.out / "home"
        self.home.mkdir(parents=True)
        self.environment = {
            "PATH": f"{sys.base_prefix}/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(self.home),
            "XDG_RUNTIME_DIR": str(self.home),
            "DISPLAY": DISPLAY,
            "LIBGL_ALWAYS_SOFTWARE": "1",
            "GALLIUM_DRIVER": "llvmpipe",
            "LANG": "C.UTF-8",
        }
        self._server: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Window:
        with (self.out / "install.log").open("w") as log:
            tool = next((ROOT / ".venv").glob("**/bl_pkg/cli/blender_ext.py"))
            build = [sys.executable, tool, "build", "--source-dir", ROOT, "--output-dir", self.out]
            subprocess.run(build, check=True, timeout=60, stdout=log, stderr=log)
            [archive] = self.out.glob("*.zip")
            self.inside("blender", "--command", "extension", "validate", archive, log=log)
            install = ("extension", "install-file", "-r", "user_default", "--enable", archive)
            self.inside("blender", "--command", *install, log=log)
            quiet = "import bpy; bpy.context.preferences.view.show_splash = False; bpy.ops.wm.save_userpref()"
            self.inside("blender", "-b", "--python-expr", quiet, log=log)
        screen = f"{SIZE[0]}x{SIZE[1]}x24"
        command = self._command("Xvfb", DISPLAY, "-screen", "0", screen, "-nolisten", "tcp")
        self._server = subprocess.Popen(
            command, env=self.environment, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(2)
        return self

    def __exit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.terminate()
            self._server.wait(10)

    def run(
        self, script: str, *arguments: Path | str, timeout: float = 590, fresh: bool = True
    ) -> tuple[dict[str, Any], str]:
        """One of the scripts here in a new Blender: what it found, and all that Blender said. fresh: nothing detected yet."""
        if fresh:
            shutil.rmtree(self.home / ".cache", ignore_errors=True)
        (self.out / "found.json").unlink(missing_ok=True)
        path = self.out / f"{Path(script).stem}.log"
        with path.open("w") as log:
            self.inside(
                "blender", "--no-window-focus", "--window-geometry", "0", "0", *map(str, SIZE),
                "--python", GUI / script, "--", *arguments, self.out,
                timeout=timeout, log=log,
            )  # fmt: skip
        said = path.read_text(errors="replace")
        if not (self.out / "found.json").is_file():
            return {"failed": said[-3000:]}, said
        found = (self.out / "found.json").rename(path.with_suffix(".json"))
        return json.loads(found.read_text()), said

    def inside(self, *command: str | Path, timeout: float = 120, log: Any = None) -> None:
        subprocess.run(
            self._command(*command), env=self.environment, cwd="/", check=True, timeout=timeout, stdout=log, stderr=log
        )

    def _command(self, *command: str | Path) -> list[str]:
        prefix = sys.base_prefix
        python = "/usr/bin/python3.11 /usr/lib/python3.11" if prefix == "/usr" else prefix
        mounts = f"/proc /dev /tmp {ROOT} {python}"
        return ["unshare", "--mount", "bash", "-c", MOUNT, "-", str(self.chroot), mounts, *map(str, command)]
