"""What a person who helps wants to know of a capture or set-up that went wrong, as text for the clipboard."""

from __future__ import annotations

import platform
import sys
import tomllib

import bpy

from . import runtime, setup_watch, watch

SETUP_LINES = 40  # of the set-up's log: uv's whole last word


def text() -> str:
    """All of it. Contains paths and names of files, no contents."""
    return "\n\n".join(part for part in (_surroundings(), _capture(), _check(), _set_up()) if part)


def _surroundings() -> str:
    manifest = tomllib.loads((runtime.ROOT / "blender_manifest.toml").read_text("utf-8"))
    machine = setup_watch.machine()
    return "\n".join((
        f"Video to Armature {manifest['version']}, Blender {bpy.app.version_string}, Python {sys.version.split()[0]}",
        f"{platform.platform()}, {machine.gpu_name if machine and machine.gpu_name else 'no GPU known'}",
        f"online access {'on' if bpy.app.online_access else 'off'}, set-up {setup_watch.state()}: {setup_watch.folder()}",
    ))  # fmt: skip


def _capture() -> str:
    run = watch.current
    if run is None:
        return "no capture yet"
    lines = [f"capture of {run.plan.video.name}: {run.state}", *([f"error: {run.error}"] if run.error else [])]
    return "\n".join([*lines, *([run.capture.report()] if run.capture is not None else [])])


def _check() -> str:
    items = watch.last_check.items if watch.last_check is not None else []
    return "\n".join(f"{'ok ' if item.ok else 'BAD'} {item.name}: {item.text} {item.remedy}".rstrip() for item in items)


def _set_up() -> str:
    setup = setup_watch.current
    if setup is None:
        return ""
    state = "running" if not setup.done else "failed" if setup.error else "cancelled" if setup.cancelled else "done"
    try:
        lines = setup.log.read_text("utf-8", "replace").splitlines()[-SETUP_LINES:]
    except OSError:
        lines = []
    said = [f"set-up {state} at: {setup.label}", *([setup.error] if setup.error else [])]
    return "\n".join([*said, *(f"  {line}" for line in lines)])
