"""Buttons whose work goes on in steps, a few milliseconds of it at each tick, so that the window goes on.

One at a time. It ends as one undo step; what is undone, redone or opened meanwhile ends it before anything has changed.
"""

from __future__ import annotations

from typing import Any

import bpy

from ..lifter.contract.protocol import V2AError
from .steps import Stepping, Steps, in_one_go

TICK_S = 0.01
SLICE_S = 0.05  # of work a tick: what draws keys is drawn anew after each, so fewer and longer ones are over sooner
BUSY = "another motion is being applied. Wait until it is done."

current: Stepping[Any] | None = None
error = ""  # why the last one did not come to its end, '' where it did


class Sliced:
    """For operators. Scripts, which call execute, and Blender without a window get all in one go."""

    def steps(self, context: bpy.types.Context) -> Steps[Any]:
        """The work. context: of the first step only. Raises V2AError."""
        raise NotImplementedError

    def tell(self, result: Any) -> None:
        """Report what the steps have come to."""

    def execute(self: Any, context: bpy.types.Context) -> set[str]:
        try:
            self.tell(in_one_go(self.steps(context)))
        except V2AError as problem:
            self.report({"ERROR"}, str(problem))
            return {"CANCELLED"}
        return {"FINISHED"}

    def invoke(self: Any, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        global current, error
        if bpy.app.background:
            return self.execute(context)
        if current is not None:
            self.report({"ERROR"}, BUSY)
            return {"CANCELLED"}
        self._work = current = Stepping(self.steps(context))
        error = ""
        ended = self._carry_on(context)
        if ended is not None:
            return ended
        self._timer = context.window_manager.event_timer_add(TICK_S, window=context.window)
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self: Any, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if event.type != "TIMER" and self._work is current:
            return {"PASS_THROUGH"}
        ended = self._carry_on(context)
        if ended is None:
            return {"RUNNING_MODAL"}
        context.window_manager.event_timer_remove(self._timer)
        for area in context.screen.areas:
            area.tag_redraw()
        return ended

    def cancel(self: Any, context: bpy.types.Context) -> None:
        """Blender's window closes, or another file is opened."""
        if self._work is current:
            stop("the motion was not applied: its window was closed.")
        context.window_manager.event_timer_remove(self._timer)

    def _carry_on(self: Any, context: bpy.types.Context) -> set[str] | None:
        """None while there is more to do."""
        global current, error
        if self._work is not current:
            if error:
                self.report({"ERROR"}, error)
            return {"CANCELLED"}
        try:
            if self._work.advance(SLICE_S):
                return None
        except V2AError as problem:
            error = str(problem)
        except ReferenceError:  # Blender's word for what is not there any more
            error = "what was to be animated was deleted meanwhile. Choose an armature and apply the motion again."
        except Exception as problem:
            current = None
            error = f"a bug: {type(problem).__name__}: {problem}. Please copy the report and send it."
            raise
        current = None
        if error:
            self.report({"ERROR"}, error)
            return {"CANCELLED"}
        self.tell(self._work.result)
        return {"FINISHED"}


def stop(why: str) -> None:
    """End what is going on, as if it had not begun. why: to be told; '' where the user knows."""
    global current, error
    if current is not None:
        current.stop()
        current, error = None, why


def attach() -> None:
    for handlers in _handlers():
        handlers.append(_after_change)


def detach() -> None:
    stop("the extension was disabled before the motion was applied.")
    for handlers in _handlers():
        if _after_change in handlers:
            handlers.remove(_after_change)


@bpy.app.handlers.persistent
def _after_change(*_arguments: object) -> None:
    """What the steps hold may be gone."""
    stop("the motion was not applied: something was undone or another file opened meanwhile. Apply it again.")


def _handlers() -> tuple[list[Any], ...]:
    there: Any = bpy.app.handlers
    return there.undo_pre, there.redo_pre, there.load_pre
