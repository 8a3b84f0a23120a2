"""Runs inside a Blender with a window: what another one had left unfinished (leave.py) is offered and taken up by mouse.

Usage: blender --python come_back.py -- OUT. Writes OUT/5*.png and OUT/found.json, then quits.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import bpy
from common import OUT, addon, click, found, look, open_tab, play, scene, until

CONTINUE = (890, 246)  # where the button is drawn in a window of 1280 x 800


def reason() -> str:
    """Why the button is grey, '' where it is not."""
    return addon("run_operators").why_not_continue(bpy.context)


def script() -> Iterator[float]:
    watch, operators = addon("watch"), addon("run_operators")
    yield from open_tab()
    yield from look("50_offered_elsewhere", 1.2)
    found["elsewhere"] = reason()
    bpy.ops.wm.open_mainfile(filepath=str(OUT / "left.blend"))
    yield 1.0
    yield from open_tab()
    yield from look("51_offered", 1.2)
    found["here"] = reason()
    yield from click(*CONTINUE)
    found["continued by a click"] = [watch.running(), len(watch.waiting)]
    first = watch.current
    found["with its options"] = first.plan.options["smooth-hz"]
    yield from until(lambda: not watch.running(), 120)
    found["ended"] = [[run.plan.video.name, run.state, run.error] for run in watch.past]
    yield from look("52_done", 1.2)
    found["motions"] = len(scene().v2a.motions)
    found["still offered"] = len(addon("unfinished").offered(operators.motion_folder()))
    found["files left"] = [path.name for path in operators.motion_folder().glob("*.json")]


play(script())
