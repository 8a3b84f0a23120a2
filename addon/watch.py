"""The run in the background as Blender sees it: a timer drains its events, redraws, and applies the motion at the end.

One capture at a time. State lives here and not in the file: a run does not survive Blender.
"""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bpy

from ..lifter.contract.protocol import Cancelled, RuntimeUnfitError, V2AError
from . import capture, runtime
from .apply import ApplyReport
from .capture import Capture

TICK_S = 0.1


@dataclass(frozen=True)
class Plan:
    """What a run is to do. Blender's things go by name: pointers do not outlive an undo."""

    interpreter: Path
    video: Path
    out: Path
    options: Mapping[str, str]
    scene: str


@dataclass
class Run:
    """One capture from Start to its end."""

    plan: Plan
    started: float = field(default_factory=time.monotonic)
    capture: Capture | None = None
    cancelled: bool = False
    same_file: bool = True  # no other file was opened since
    error: str = ""
    done: bool = False
    _unfit: RuntimeUnfitError | None = None
    _check: threading.Thread | None = None

    def begin(self) -> None:
        """Look at the interpreter in a thread: a cold disk can take seconds over it."""
        self._check = threading.Thread(target=self._look, name="v2a-check", daemon=True)
        self._check.start()

    def step(self) -> bool:
        """Carry on by what has come; whether it still runs."""
        try:
            return self._step()
        except V2AError as error:
            self.error = "" if isinstance(error, Cancelled) else str(error)
            self.cancelled = self.cancelled or isinstance(error, Cancelled)
            self.done = True
            return False

    def cancel(self) -> None:
        self.cancelled = True
        if self.capture is not None:
            self.capture.job.cancel()

    def kill(self) -> None:
        self.cancelled = True
        if self.capture is not None:
            self.capture.job.kill()

    def results(self) -> tuple[Path, ...]:
        """The motion files of a run that ended well."""
        return self.capture.outputs if self.capture is not None and self.done and not self.error else ()

    def _look(self) -> None:
        try:
            runtime.check(self.plan.interpreter)
        except RuntimeUnfitError as error:
            self._unfit = error

    def _step(self) -> bool:
        if self.capture is None:
            return self._start_when_checked()
        if self.capture.poll():
            return True
        self.capture.result()
        self.done = True
        return False

    def _start_when_checked(self) -> bool:
        if self._check is not None and self._check.is_alive() and not self.cancelled:
            return True
        if self.cancelled:
            raise Cancelled("the capture was cancelled.")
        if self._unfit is not None:
            raise self._unfit
        plan = self.plan
        log = plan.out.with_suffix(".log")
        self.capture = capture.start(plan.interpreter, plan.video, plan.out, plan.options, log, overwrite=True)
        return True


current: Run | None = None  # the run going on, or the last one
reports: list[ApplyReport] = []  # of the last motion applied in this file
runtime_answer: tuple[bool, str] | None = None  # what the button in the preferences found


def running() -> bool:
    return current is not None and not current.done


def start(plan: Plan) -> None:
    """Begin a run; its events are drained by the timer."""
    global current
    current = Run(plan)
    current.begin()
    _schedule(_tick)


def check_runtime(interpreter: Path) -> None:
    """Load the packages in the interpreter to see whether it is fit; the answer comes to runtime_answer."""
    global runtime_answer
    runtime_answer = (True, "Loading torch and mediapipe to see …")
    answers: list[tuple[bool, str]] = []

    def look() -> None:
        try:
            found = runtime.check(interpreter, really_import=True)
            answers.append((True, f"Fit: Python {found.python} with all that the capture needs"))
        except RuntimeUnfitError as error:
            answers.append((False, str(error)))

    def tick() -> float | None:
        global runtime_answer
        if not answers:
            return TICK_S
        runtime_answer = answers[0]
        redraw("PREFERENCES")
        return None

    threading.Thread(target=look, name="v2a-check-runtime", daemon=True).start()
    _schedule(tick)


def redraw(area_type: str = "VIEW_3D") -> None:
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == area_type:
                area.tag_redraw()


def attach() -> None:
    bpy.app.handlers.load_post.append(_after_load)
    atexit.register(stop)


def detach() -> None:
    stop()
    atexit.unregister(stop)
    if _after_load in bpy.app.handlers.load_post:
        bpy.app.handlers.load_post.remove(_after_load)


def stop() -> None:
    """End a run and the timers now. A timer left at exit crashes 4.2 and hangs 4.5."""
    for tick in _ticks:
        if bpy.app.timers.is_registered(tick):
            bpy.app.timers.unregister(tick)
    _ticks.clear()
    if current is not None and not current.done:
        current.kill()


_ticks: list[Callable[[], float | None]] = []


def _schedule(tick: Callable[[], float | None]) -> None:
    _ticks.append(tick)
    bpy.app.timers.register(tick, first_interval=TICK_S, persistent=True)


def _tick() -> float | None:
    if current is None:
        return None
    try:
        if current.step():
            redraw()
            return TICK_S
        if current.results():
            _apply(current)
    finally:
        redraw()
    return None


def _apply(run: Run) -> None:
    """Through the operator, so that it can be undone; not into a file that was opened meanwhile."""
    scene = bpy.data.scenes.get(run.plan.scene)
    window = next(iter(bpy.context.window_manager.windows), None)
    if not run.same_file or scene is None or window is None:
        run.error = f"the motion is ready, but its scene is no longer open. It is kept in {run.plan.out.parent}."
        return
    set_motions(scene.v2a, run.results())
    with bpy.context.temp_override(window=window, scene=scene):
        bpy.ops.ed.undo_push(message="Capture Video")  # undoing the animation must not lose the motion
        try:
            bpy.ops.v2a.apply("EXEC_DEFAULT", True)  # True: push an undo step
        except RuntimeError as error:  # what the operator reported, already in words
            run.error = str(error).strip().removeprefix("Error: ")


def set_motions(settings: Any, paths: Sequence[Path]) -> None:
    """Put these motions in place of those captured before. Who played a person plays the person of that number again,
    else each capture of everybody would leave more copies of the rig.
    """
    players = [item.armature for item in settings.motions]
    settings.motions.clear()
    for i, path in enumerate(paths):
        item = settings.motions.add()
        item.path = str(path)
        if i < len(players) and players[i] != settings.armature:  # that one plays the first person
            item.armature = players[i]


@bpy.app.handlers.persistent
def _after_load(*_arguments: object) -> None:
    reports.clear()
    if current is not None:
        current.same_file = False
