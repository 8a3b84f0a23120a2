"""The pictures of docs/: taken by guide.py in a real Blender under Xvfb, cut to what matters, small enough to commit.

Usage: .venv/bin/python tests/gui/guide_pictures.py [--wheels DIR] [--chroot /opt/trixie] [--out out/gui] [--display :77]
Without --wheels (look.py tells what that is) the picture of the set-up at work stays as it is.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs" / "pictures"
LARGEST = 120_000  # bytes
BOX = tuple[int, int, int, int]
PANEL: BOX = (774, 83, 1057, 600)  # of 1280 x 800: left, upper, right, lower
VIEW: BOX = (0, 28, 1057, 720)  # without the editors on the right
PICTURES: dict[str, tuple[str, BOX]] = {  # name in docs/pictures -> what guide.py has taken, the part that is shown
    "install": ("guide_preferences", (297, 130, 984, 671)),
    "set_up": ("guide_set_up", PANEL),
    "setting_up": ("guide_setting_up", PANEL),  # with a folder of wheels only
    "ready": ("guide_ready", VIEW),
    "running": ("guide_running", VIEW),
    "done": ("guide_done", VIEW),
    "compare": ("guide_compare", VIEW),
    "export": ("guide_export", (774, 83, 1057, 720)),
    "export_file": ("guide_export_file", (88, 87, 1192, 712)),
    "bone_map": ("guide_bone_map", (774, 83, 1057, 720)),
    "error": ("guide_error", VIEW),
}


def cut(taken: Path, into: Path) -> None:
    """Each picture of the guide as a JPEG, as good as LARGEST allows."""
    into.mkdir(parents=True, exist_ok=True)
    for name, (source, box) in PICTURES.items():
        if name == "setting_up" and not (taken / f"{source}.png").is_file():
            continue
        picture = Image.open(taken / f"{source}.png").convert("RGB").crop(box)
        target = into / f"{name}.jpg"
        for quality in range(88, 40, -6):
            picture.save(target, quality=quality, optimize=True)
            if target.stat().st_size <= LARGEST:
                break


def main() -> int:
    import window

    parser = argparse.ArgumentParser(description=str(__doc__).split("\n")[0])
    parser.add_argument("--chroot", type=Path, default=Path("/opt/trixie"))
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "gui")
    parser.add_argument("--wheels", type=Path)
    parser.add_argument("--display", default=window.DISPLAY)
    given = parser.parse_args()
    window.DISPLAY = given.display
    if reason := window.missing(given.chroot):
        print(f"NOT RUN: {reason}")
        return 1
    with window.Window(given.chroot, given.out) as opened:
        demo, wheels = ROOT / "demo", [given.wheels.resolve()] if given.wheels else []
        python = ROOT / ".venv" / "bin" / "python"
        found, _ = opened.run("guide.py", demo / "walk.mp4", demo / "mh_mixamo.fbx", python, *wheels)
    print(json.dumps(found, indent=1))
    if "failed" in found:
        return 1
    cut(given.out, DOCS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
