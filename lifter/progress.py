"""How a run tells where it stands, and hears that it is to stop."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from .contract.protocol import Cancelled, Event

PROGRESS_EVERY_S = 0.2
RECENT_S = 20.0  # the rate is that of the last seconds,
RECENT_SHARE = 0.3  # or of this share of the stage so far: the longer it has run, the steadier
T = TypeVar("T")


@dataclass
class Run:
    """Where events go, whether to stop, and how long each stage took."""

    emit: Callable[[Event], None]
    cancelled: Callable[[], bool] = lambda: False
    seconds: dict[str, float] = field(default_factory=dict[str, float])
    _stage: str = ""
    _began: float = 0.0
    _told: float = 0.0
    _marks: deque[tuple[float, int]] = field(default_factory=deque[tuple[float, int]])  # (time, done), the oldest first
    _beside: Future[Any] | None = None

    def stage(self, name: str) -> None:
        self.close()
        self._stage, self._began, self._told = name, time.perf_counter(), 0.0
        self._marks.clear()
        self.emit(Event("stage", {"name": name}))

    def close(self) -> None:
        if self._stage:
            took = time.perf_counter() - self._began
            self.seconds[self._stage] = round(self.seconds.get(self._stage, 0) + took, 3)
            self._stage = ""

    def progress(self, done: int, total: int) -> None:
        """Tell now and then how far the stage is; stop when asked to. What was done when it was first told, or before
        that number moved, came from elsewhere and says nothing of the rate."""
        if self.cancelled():
            raise Cancelled("cancelled.")
        if self._beside and self._beside.done():
            self._beside.result()
        now = time.perf_counter()
        if not self._marks or done == self._marks[0][1]:
            self._marks = deque([(now, done)])
        if done < total and now - self._told < PROGRESS_EVERY_S:
            return
        self._told = now
        self._marks.append((now, done))
        recent = max(RECENT_S, RECENT_SHARE * (now - self._began))
        while now - self._marks[1][0] > recent:
            self._marks.popleft()
        since, before = self._marks[0]
        rate = (done - before) / max(now - since, 1e-6)
        fields: dict[str, Any] = {"stage": self._stage, "done": done, "total": total, "rate": round(rate, 2)}
        if rate > 0:
            fields["eta"] = round(max(total - done, 0) / rate, 1)
        self.emit(Event("progress", fields))

    @contextmanager
    def meanwhile(self, work: Callable[[], T]) -> Iterator[Future[T]]:
        """`work` in a thread beside the stages in here; its error ends them at their next progress."""
        with ThreadPoolExecutor(1) as pool:
            self._beside = beside = pool.submit(work)
            try:
                yield beside
            finally:
                self._beside = None

    def warn(self, message: str) -> None:
        self.emit(Event("warning", {"message": message}))
