"""The set-up as Blender sees it: where it goes, what it would fetch, how far it is."""

from __future__ import annotations

import threading
from pathlib import Path

import bpy

from ..lifter.contract.protocol import OutputError, RuntimeUnfitError, V2AError
from . import preferences, runtime, runtime_folder, runtime_machine, watch
from .runtime_machine import Build, Machine
from .runtime_setup import Plan, Setup
from .translations import Text, iface

END_S = 1.0  # in which a cancelled set-up has ended its programs

current: Setup | None = None  # the one going on, or the last one
removal_error = ""
runtime_answer: tuple[bool, str] | None = None  # what the button in the preferences found
_machines: list[Machine] = []  # one, once the machine was looked at
_looking: list[threading.Thread] = []


def running() -> bool:
    return current is not None and not current.done


def folder() -> Path:
    """Where the environment of this Blender is kept; nothing is made."""
    try:
        return Path(bpy.utils.extension_path_user(preferences.PACKAGE, path=runtime.FOLDER))
    except ValueError:  # not installed as an extension: a developer's copy
        return Path(bpy.utils.user_resource("DATAFILES"), "video_to_armature", runtime.FOLDER)


def state() -> str:
    """absent, unfinished, outdated or ready; ready too where another Blender version has made one that fits."""
    own = runtime_folder.state(folder())
    if own != "ready" and any(runtime_folder.state(other) == "ready" for other in runtime.made_folders()):
        return "ready"
    return own


def made() -> tuple[Path, ...]:
    """Folders of set-ups to look for an interpreter in; other Blender versions' only with the same versions locked."""
    others = [other for other in runtime.made_folders() if runtime_folder.state(other) == "ready"]
    return (folder(), *(other for other in others if other != folder()))


def machine() -> Machine | None:
    """None until the machine was looked at, which the first call begins: drivers may take seconds to answer."""
    if not _looking:

        def look() -> None:
            _machines.append(runtime_machine.look())

        def tick() -> float | None:
            if thread.is_alive():
                return watch.TICK_S
            watch.redraw("VIEW_3D", "PREFERENCES")
            return None

        thread = threading.Thread(target=look, name="v2a-machine", daemon=True)
        _looking.append(thread)
        thread.start()
        watch.schedule(tick)
    return _machines[0] if _machines else None


def build(context: bpy.types.Context) -> Build | None:
    """What would be installed; None until the machine was looked at."""
    found = machine()
    return runtime_machine.choose(found, preferences.build(context)) if found is not None else None


def wheels(context: bpy.types.Context) -> Path | None:
    named = preferences.wheels(context)
    return Path(bpy.path.abspath(named)) if named else None


def problem(context: bpy.types.Context) -> str:
    """Why the set-up cannot start, '' when it can."""
    found, source = machine(), wheels(context)
    if running():
        return iface("The set-up is running")
    if watch.running():
        return iface("A capture is running")
    if found is None:
        return iface("Looking at this computer")
    if found.unsupported:
        return iface(found.unsupported)
    if source is not None and not source.is_dir():
        return iface("The folder of wheels is not there")
    if source is None and not bpy.app.online_access:
        return iface("Blender's online access is off, and no folder of wheels is named")
    return ""


def offer(context: bpy.types.Context) -> str:
    """What the click will do, in words."""
    chosen, source = build(context), wheels(context)
    if chosen is None:
        return iface("Looking at this computer …")
    size = iface("{size:.1f} GB on the disk", size=chosen.disk_gb)
    if source is not None:
        text = "Installs from the folder {folder}, nothing is fetched; about {size}"
        return iface(text, folder=source.name, size=size)
    what, where, much = iface(chosen.label), iface(chosen.source), chosen.download_gb
    text = "PyTorch for {build}: about {much:.1f} GB from {source}; {size}"
    return iface(text, build=what, much=much, source=where, size=size)


def start(context: bpy.types.Context, *, repair: bool) -> None:
    """Begin; the timer redraws until its end."""
    global current, removal_error
    chosen = build(context)
    assert chosen is not None  # problem() sees to it
    plan = Plan(
        folder(),
        backend=chosen.backend,
        build=chosen.name,
        disk_gb=chosen.disk_gb,
        wheels=wheels(context),
        online=bpy.app.online_access,
    )
    setup, removal_error = Setup(plan, repair=repair), ""
    current = setup.start()

    def tick() -> float | None:
        watch.redraw("VIEW_3D", "PREFERENCES")
        return None if setup.done else watch.TICK_S

    watch.schedule(tick)


def cancel() -> None:
    if current is not None:
        current.cancel()


def remove() -> None:
    """In a thread: 30,000 files take seconds."""
    global removal_error
    removal_error = ""
    where = folder()

    def work() -> None:
        global removal_error
        try:
            runtime_folder.remove(where)
        except V2AError as error:
            removal_error = str(error)
        except OSError as error:
            removal_error = str(OutputError(f"{where}: cannot be removed ({error.strerror})."))

    def tick() -> float | None:
        watch.redraw("VIEW_3D", "PREFERENCES")
        return watch.TICK_S if thread.is_alive() else None

    thread = threading.Thread(target=work, name="v2a-remove", daemon=True)
    thread.start()
    watch.schedule(tick)


def check_runtime(interpreter: Path) -> None:
    """Load the packages in the interpreter to see whether it is fit; the answer comes to runtime_answer."""
    global runtime_answer
    runtime_answer = (True, Text("Loading torch and mediapipe to see …"))
    answers: list[tuple[bool, str]] = []

    def look() -> None:
        try:
            found = runtime.check(interpreter, really_import=True, fresh=True)
            fit = "Fit: Python {python} with all that the capture needs, on {device}"
            answers.append((True, Text(fit, python=found.python, device=found.device)))
        except RuntimeUnfitError as error:
            answers.append((False, str(error)))

    def tick() -> float | None:
        global runtime_answer
        if not answers:
            return watch.TICK_S
        runtime_answer = answers[0]
        watch.redraw("PREFERENCES")
        return None

    threading.Thread(target=look, name="v2a-check-runtime", daemon=True).start()
    watch.schedule(tick)


def stop() -> None:
    """For Blender's exit and the extension's unregister: uv must not outlive it."""
    if current is not None and not current.done:
        current.cancel()
        current.wait(END_S)


watch.at_stop.append(stop)
