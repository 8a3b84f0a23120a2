"""The runs in the background as Blender sees them: a timer drains their events, redraws, and applies each motion.

One capture at a time; further ones wait in a queue. State lives here and not in the file: a run does not survive
Blender. What had still to be done is offered to the next one (unfinished.py); what a run had found is kept by the worker.
"""

from __future__ import annotations

import atexit
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bpy

from ..lifter.contract.protocol import Cancelled, RuntimeUnfitError, V2AError
from . import capture, captures, sliced, unfinished
from .capture import Capture
from .live import Live
from .self_check import Check, Facts
from .unfinished import Unfinished

TICK_S = 0.1
REDRAW_S = 0.25  # as fast as anyone reads; without a graphics card each drawing of the sidebar is felt
END_S = 0.5  # in which a cancelled check ends its processes
PAST_KEPT = 20  # ended runs shown in the queue: more than a panel has room for


@dataclass(frozen=True)
class Plan:
    """What a run is to do. Blender's things go by name: pointers do not outlive an undo."""

    facts: Facts  # the video, whereto, with which interpreter
    options: Mapping[str, str]
    scene: str
    armature: str = ""  # '' is the one that is chosen when the motion is there
    blend: str = ""  # the file that is open

    @property
    def video(self) -> Path:
        return self.facts.video


@dataclass
class Run:
    """One capture from Start to its end: first the self-check, then the worker."""

    plan: Plan
    started: float = field(default_factory=time.monotonic)
    check: Check | None = None
    capture: Capture | None = None
    live: Live = field(default_factory=Live)
    applying: bool = False
    cancelled: bool = False
    same_file: bool = True  # no other file was opened since
    error: str = ""
    done: bool = False

    def begin(self) -> None:
        """The self-check runs in a thread: a cold disk can take seconds over it."""
        global last_check
        self.started = time.monotonic()
        self.check = last_check = Check(self.plan.facts).start()

    def step(self) -> bool:
        """Carry on by what has come; whether it still runs."""
        try:
            if self._step():
                return True
        except V2AError as error:
            self.error = "" if isinstance(error, Cancelled) else str(error)
            self.cancelled = self.cancelled or isinstance(error, Cancelled)
        except Exception as error:  # a timer that raises is taken off, and the queue would stand still
            traceback.print_exc()
            self.error = f"a bug: {type(error).__name__}: {error}. Please copy the report and send it."
        self.done = True
        self.live.close()
        return False

    def cancel(self) -> None:
        self.cancelled = True
        if self.check is not None:
            self.check.cancel()
        if self.capture is not None:
            self.capture.job.cancel()
        if self.applying:
            sliced.stop("")

    def kill(self) -> None:
        self.cancelled = True
        if self.check is not None:
            self.check.cancel()
        if self.capture is not None:
            self.capture.job.kill()
        self.live.close()

    @property
    def state(self) -> str:
        """waiting, checking, running, cancelled, failed or done."""
        if self.done:
            return "failed" if self.error else "cancelled" if self.cancelled else "done"
        return "running" if self.capture is not None else "waiting" if self.check is None else "checking"

    def _step(self) -> bool:
        if self.capture is None:
            return self._start_when_checked()
        self.live.refresh()
        if self.capture.poll() or sliced.current is not None:  # the window may be at work on another motion, or on this
            return True
        if self.applying:
            self.error = sliced.error
            return False
        _apply(self, self.capture.result())
        self.applying = sliced.current is not None
        return self.applying

    def _start_when_checked(self) -> bool:
        check, plan = self.check, self.plan
        assert check is not None
        if not check.done and not self.cancelled:
            return True
        if self.cancelled:
            raise Cancelled("the capture was cancelled.")
        if check.failures or check.interpreter is None:
            item = check.failures[0]
            raise RuntimeUnfitError(f"{item.text}. {item.remedy}")
        log, options = plan.facts.out.with_suffix(".log"), {**plan.options, **self.live.begin()}
        self.capture = capture.start(check.interpreter, plan.video, plan.facts.out, options, log, overwrite=True)
        return True


current: Run | None = None  # the run going on, or the last one
waiting: list[Run] = []
past: list[Run] = []  # the latest last
last_check: Check | None = None  # of the current run, or of the button


def running() -> bool:
    return current is not None and not current.done


def start(plan: Plan) -> None:
    """Begin a run, or let it wait for those before it; its events are drained by the timer."""
    waiting.append(Run(plan))
    if not running():
        _next()
        schedule(_tick)


def check_now(facts: Facts) -> None:
    """Only the self-check."""
    global last_check
    if last_check is not None:
        last_check.cancel()
    check = last_check = Check(facts).start()

    def tick() -> float | None:
        redraw()
        return None if check.done else TICK_S

    schedule(tick)


def redraw(*area_types: str) -> None:
    """The sidebars of the 3D views unless other areas are named; not the views: a heavy scene takes long to draw."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type in (area_types or ("VIEW_3D",)):
                for region in area.regions:
                    if area.type != "VIEW_3D" or region.type == "UI":
                        region.tag_redraw()


def attach() -> None:
    bpy.app.handlers.load_post.append(_after_load)
    atexit.register(stop)


def detach() -> None:
    stop()
    atexit.unregister(stop)
    if _after_load in bpy.app.handlers.load_post:
        bpy.app.handlers.load_post.remove(_after_load)


def stop() -> None:
    """End all that runs, and the timers, now. A timer left at exit crashes 4.2 and hangs 4.5."""
    for tick in _ticks:
        if bpy.app.timers.is_registered(tick):
            bpy.app.timers.unregister(tick)
    _ticks.clear()
    unfinished.close()
    waiting.clear()
    for end in at_stop:
        end()
    if current is not None and not current.done:
        current.kill()
    if last_check is not None:
        last_check.cancel()
        last_check.wait(END_S)


at_stop: list[Callable[[], None]] = []  # what else runs in the background and must end then
_ticks: list[Callable[[], float | None]] = []


def schedule(tick: Callable[[], float | None]) -> None:
    """Call it every TICK_S, or as it says, until it says None."""
    _ticks[:] = [other for other in _ticks if bpy.app.timers.is_registered(other)]
    _ticks.append(tick)
    bpy.app.timers.register(tick, first_interval=TICK_S, persistent=True)


def _next() -> None:
    global current
    current = waiting.pop(0)
    current.begin()


def _tick() -> float | None:
    global _drawn_at
    assert current is not None
    ran, now = current, time.monotonic()
    try:
        if current.step():
            return TICK_S
        past.append(current)
        del past[:-PAST_KEPT]
        if not waiting:
            return None
        _next()
        return TICK_S
    finally:
        if ran.done or (now - _drawn_at >= REDRAW_S and sliced.current is None):  # slices: nothing new before their end
            _drawn_at = now
            redraw()
        _note()


_drawn_at = 0.0


def _note() -> None:
    """What runs and waits, for the case that Blender ends first."""
    plans = [run.plan for run in (*([current] if current is not None else []), *waiting) if not run.done]
    noted = [Unfinished(str(plan.video), plan.options, plan.armature, plan.blend) for plan in plans]
    if current is not None:
        unfinished.note(current.plan.facts.out.parent, noted)


def _apply(run: Run, motions: Sequence[Path]) -> None:
    """Through the operator, so that it can be undone; not into a file that was opened meanwhile."""
    scene = bpy.data.scenes.get(run.plan.scene)
    window = next(iter(bpy.context.window_manager.windows), None)
    if not run.same_file or scene is None or window is None:
        run.error = f"the motion is ready, but its scene is no longer open. It is kept in {run.plan.facts.out.parent}."
        return
    set_motions(scene.v2a, motions, scene.objects.get(run.plan.armature), run.plan.video)
    with bpy.context.temp_override(window=window, scene=scene):
        bpy.ops.ed.undo_push(message="Capture Video")  # undoing the animation must not lose the motion
        try:
            bpy.ops.v2a.apply("INVOKE_DEFAULT", True, armature=run.plan.armature)  # True: push an undo step
        except RuntimeError as error:  # what the operator reported, already in words
            run.error = str(error).strip().removeprefix("Error: ")


def set_motions(settings: Any, paths: Sequence[Path], first: Any = None, video: Path | None = None) -> None:
    """Put these motions in place of those captured before. Who played a person plays the person of that number again,
    else each capture of everybody would leave more copies of the rig. first: plays the first person (default: the
    armature chosen); the copies of another rig are not for this one.
    """
    chosen = first or settings.armature
    players = [item.armature for item in settings.motions]
    if players and players[0] not in (None, chosen):
        players = []
    settings.motions.clear()
    for i, path in enumerate(paths):
        item = settings.motions.add()
        captures.keep(item, path, video)
        if i < len(players) and players[i] != chosen:  # that one plays the first person
            item.armature = players[i]


@bpy.app.handlers.persistent
def _after_load(*_arguments: object) -> None:
    for run in (*waiting, *([current] if current is not None else [])):
        run.same_file = False
