"""Work in steps: all in one go, or a little at a time with its heavy parts beside Blender's main thread.

Steps are a generator. It yields None where it may rest, or a function that touches nothing of Blender's and may run in a
thread: what that gives is sent back, what it raises is raised where it was yielded. Standard library only.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from typing import Any, Generic, TypeVar

T = TypeVar("T")
Steps = Generator[Callable[[], Any] | None, Any, T]


class Stepping(Generic[T]):
    """Steps on their way. advance() until it says False, then result."""

    result: T

    def __init__(self, steps: Steps[T], *, threads: bool = True) -> None:
        self._steps, self._threads = steps, threads
        self._answers: list[tuple[Any, BaseException | None]] = [
            (None, None)
        ]  # for the next step; [] while a thread works

    def advance(self, seconds: float) -> bool:
        """Take at least one step, and begin no other after that many seconds; whether there is more. Raises what they do."""
        until = time.monotonic() + seconds
        while self._answers:
            value, error = self._answers.pop()
            try:
                work = self._steps.send(value) if error is None else self._steps.throw(error)
            except StopIteration as end:
                self.result = end.value
                return False
            if work is None:
                self._answers.append((None, None))
            elif self._threads:
                threading.Thread(target=self._do, args=(work,), name="v2a-steps", daemon=True).start()
            else:
                self._do(work)
            if time.monotonic() >= until:
                break
        return True

    def stop(self) -> None:
        """Take no more of them; they clean up. What a thread still works on is dropped."""
        self._steps.close()

    def _do(self, work: Callable[[], Any]) -> None:
        try:
            self._answers.append((work(), None))
        except BaseException as error:
            self._answers.append((None, error))


def in_one_go(steps: Steps[T]) -> T:
    """What the steps come to."""
    stepping = Stepping(steps, threads=False)
    while stepping.advance(float("inf")):
        pass
    return stepping.result
