"""For the scripts that run inside a Blender with a window: its 3D view, clicks, pictures, waiting, and the end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import bpy

MODULE = "bl_ext.user_default.video_to_armature"
TAB = "Video to Armature"
GIVEN = [Path(arg) for arg in sys.argv[sys.argv.index("--") + 1 :]]
OUT = GIVEN[-1]
found: dict[str, Any] = {}


def addon(name: str) -> Any:
    return sys.modules[f"{MODULE}.addon.{name}"]


def scene() -> Any:
    return bpy.context.window_manager.windows[0].scene


def view() -> dict[str, Any]:
    """The 3D view, for operators that a timer calls."""
    window = bpy.context.window_manager.windows[0]
    area = next(a for a in window.screen.areas if a.type == "VIEW_3D")
    region = next(r for r in area.regions if r.type == "WINDOW")
    return {"window": window, "area": area, "region": region, "scene": window.scene}


def press(name: str, *how: Any, **options: Any) -> list[str]:
    """One of the panel's buttons."""
    with bpy.context.temp_override(**view()):
        return list(getattr(bpy.ops.v2a, name)(*how, **options))


def picture(name: str) -> None:
    subprocess.run(["import", "-window", "root", str(OUT / f"{name}.png")], check=True)


def look(name: str, wait_s: float = 0.8) -> Iterator[float]:
    """A picture after Blender has drawn what changed."""
    for area in bpy.context.window_manager.windows[0].screen.areas:
        area.tag_redraw()
    yield wait_s
    picture(name)


def click(x: int, y: int) -> Iterator[float]:
    """As slowly as a hand: a panel that is drawn anew ten times a second loses faster ones."""
    subprocess.run(["xdotool", "mousemove", str(x), str(y)], check=True)
    yield 0.3
    subprocess.run(["xdotool", "mousedown", "1"], check=True)
    yield 0.1
    subprocess.run(["xdotool", "mouseup", "1"], check=True)
    yield 0.3


def drag(start: tuple[int, int], end: tuple[int, int]) -> Iterator[float]:
    for what in (("mousemove", *start), ("mousedown", 1), ("mousemove", *end), ("mouseup", 1)):
        subprocess.run(["xdotool", *map(str, what)], check=True)
        yield 0.4


def key(name: str) -> Iterator[float]:
    subprocess.run(["xdotool", "key", name], check=True)
    yield 0.7


def until(done: Callable[[], Any], limit_s: float) -> Iterator[float]:
    began = time.monotonic()
    while not done() and time.monotonic() - began < limit_s:
        yield 0.02


def open_tab() -> Iterator[float]:
    view()["area"].spaces[0].show_region_ui = True
    yield 0.5
    next(r for r in view()["area"].regions if r.type == "UI").active_panel_category = TAB
    yield 0.3


def only_rig(path: Path) -> Any:
    """The scene with nothing but this FBX; its armature."""
    with bpy.context.temp_override(**view()):
        for thing in list(bpy.data.objects):
            bpy.data.objects.remove(thing)
        bpy.ops.import_scene.fbx(filepath=str(path))
        bpy.ops.view3d.view_all()
    return next(o for o in scene().objects if o.type == "ARMATURE")


def stood_still(ticks: Sequence[float], drawn: Iterable[Sequence[float]]) -> list[float]:
    """Seconds from tick to tick without those in which 3D views were drawn (begun, done), which a graphics card does."""
    views = [(begun, done) for begun, done in drawn if done]
    return [b - a - sum(max(0.0, min(b, y) - max(a, x)) for x, y in views) for a, b in pairwise(ticks)]


def ends(stalls: Iterable[float]) -> list[float]:
    """The longest, and the 95th percentile."""
    ordered = sorted(stalls, reverse=True)
    return [round(ordered[0], 3), round(ordered[len(ordered) // 20], 3)]


def play(steps: Iterator[float], at_end: Callable[[], None] = lambda: None) -> None:
    """Take the steps, each as many seconds after the last as it says; then write what was found, and end Blender."""

    def tick() -> float | None:
        try:
            return next(steps)
        except StopIteration:
            pass
        except Exception:
            found["failed"] = traceback.format_exc()
            picture("failed")
        at_end()
        (OUT / "found.json").write_text(json.dumps(found, indent=1))
        os._exit(0)

    bpy.app.timers.register(tick, first_interval=4.0, persistent=True)
