"""A worker process in the background: start it, read its events, stop it. Nothing here ever blocks the caller for long.

Standard library only. The worker speaks JSON lines on stdout (lifter/contract/protocol.py), everything else goes to
its stderr, which is a log file: a pipe that nobody drains would stop the worker.
"""

from __future__ import annotations

import contextlib
import os
import queue
import re
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from ..lifter.contract.protocol import Event, OutputError, RuntimeUnfitError, parse_event
from . import processes

TERMINATE_AFTER_S = 0.3  # a worker that listens has gone by then
KILL_AFTER_S = 0.6  # all processes are to have gone within a second of the click
DRAIN_AFTER_EXIT_S = 1.0  # a grandchild may hold the pipe open after the worker has gone
EVENTS_HELD = 10_000  # beyond that the worker waits: Blender's memory is not for a worker gone wild
EVENTS_A_POLL = 500  # takes 1 ms to fold in; the rest comes at the next tick
LINE_BYTES = 65_536  # the longest event is a fraction of this; a longer line is not one
LOG_BYTES = 20_000_000  # a log that grows beyond this is cut to its end
LOG_TAIL_BYTES = 20_000  # what is kept of it, and what is read for the last words
WORDS_AMONG = 20  # lines at the end of the log
CHATTER = re.compile(r"[IW]\d{4} \d|INFO: |WARNING: ")  # of libraries that log while all is well


class Job:
    """One run of the worker. poll() it often: it gives the events that came."""

    def __init__(self, command: Sequence[str], cwd: Path, log: Path) -> None:
        """Start `command` in its own session, `cwd` the extension's folder. Raises RuntimeUnfitError, OutputError."""
        self.log = log
        self.command = tuple(command)
        self.started = time.monotonic()
        self.cancelled = False  # whether cancel() was called; the process may still be on its way out
        self.garbled = 0  # lines on stdout that were no events
        self._events: queue.Queue[Event] = queue.Queue(EVENTS_HELD)
        self._heard_at = self.started
        self._exited_at: float | None = None
        self._ended_at: float | None = None
        try:
            log.write_bytes(b"")
            stderr = log.open("ab")  # appending: what is written after the log was cut lands at its new end
        except OSError as error:
            raise OutputError(
                f"{log}: the capture's log cannot be written ({error.strerror or error}). Make its folder writable."
            ) from error
        try:
            with stderr:
                self._process = processes.start(
                    command, cwd, os.environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr
                )
        except OSError as error:
            raise RuntimeUnfitError(
                f"{command[0]}: cannot be started ({error.strerror or error}). Name another interpreter."
            ) from error
        self._reader = threading.Thread(target=self._read, name="v2a-events", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def silent_s(self) -> float:
        """Seconds since the worker's last line, of whatever kind: a sign of life."""
        return time.monotonic() - self._heard_at

    @property
    def seconds(self) -> float:
        """How long it has run, or ran."""
        return (self._ended_at or time.monotonic()) - self.started

    @property
    def exit_code(self) -> int | None:
        """The worker's exit code, or None while it runs or events may still come; 130 after a cancellation."""
        code = self._process.poll()
        if code is None:
            return None
        if self._exited_at is None:
            self._exited_at = self._ended_at = time.monotonic()
            processes.close(self._process)
        if self._reader.is_alive() and time.monotonic() - self._exited_at < DRAIN_AFTER_EXIT_S:
            return None
        return 130 if self.cancelled and code != 0 else code

    def poll(self) -> list[Event]:
        """The next events, in order. Never waits."""
        self._cut_log()
        events: list[Event] = []
        with contextlib.suppress(queue.Empty):
            while len(events) < EVENTS_A_POLL:
                events.append(self._events.get_nowait())
        return events

    @property
    def drained(self) -> bool:
        """Whether poll() has given all that had come."""
        return self._events.empty()

    def cancel(self) -> None:
        """Ask the worker to stop; signals follow if it does not. Returns at once."""
        if not self.cancelled:
            self.cancelled = True
            threading.Thread(target=self._stop, name="v2a-cancel", daemon=True).start()

    def kill(self) -> None:
        """End the worker and its children now: for Blender's exit and the extension's unregister."""
        if self._process.poll() is not None:
            return  # its number may be another's by now
        processes.end(self._process, force=True)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=2.0)

    def log_tail(self, lines: int) -> list[str]:
        """The last lines of the log that are not empty."""
        try:
            with self.log.open("rb") as stream:
                stream.seek(max(0, stream.seek(0, os.SEEK_END) - LOG_TAIL_BYTES))
                text = stream.read().decode("utf-8", "replace")
        except OSError:
            return []
        return [line.rstrip() for line in text.splitlines() if line.strip()][-lines:]

    def last_words(self) -> str:
        """The last line of the log that is not chatter, for a worker that died without an error event."""
        said = [line.strip() for line in self.log_tail(WORDS_AMONG) if not CHATTER.match(line)]
        return said[-1] if said else ""

    def _read(self) -> None:
        stdout = self._process.stdout
        assert stdout is not None
        whole = True  # whether the next piece begins a line
        while piece := stdout.readline(LINE_BYTES):
            self._heard_at = time.monotonic()
            begins, whole = whole, piece.endswith(b"\n")
            event = parse_event(piece.decode("utf-8", "replace")) if begins and whole else None
            if event is not None:
                self._events.put(event)
            elif begins:
                self.garbled += 1

    def _cut_log(self) -> None:
        """A worker that floods its log must not fill the disk."""
        with contextlib.suppress(OSError):
            if self.log.stat().st_size > LOG_BYTES:
                tail = "\n".join(self.log_tail(50))
                with self.log.open("r+b") as stream:
                    stream.write(f"[cut: the log had grown beyond {LOG_BYTES // 1_000_000} MB]\n{tail}\n".encode())
                    stream.truncate()

    def _stop(self) -> None:
        """In a thread, so that it does not wait for Blender's next tick: by word, by request, by force."""
        stdin = self._process.stdin
        assert stdin is not None
        with contextlib.suppress(OSError, ValueError):  # the worker may have gone already
            stdin.write(b"cancel\n")
            stdin.flush()
        for patience_s, force in ((TERMINATE_AFTER_S, False), (KILL_AFTER_S - TERMINATE_AFTER_S, True)):
            try:
                self._process.wait(patience_s)
                break
            except subprocess.TimeoutExpired:
                processes.end(self._process, force=force)


def how_it_ended(exit_code: int) -> str:
    """An exit code in words: 'exit code 3', 'signal SIGKILL'."""
    if exit_code >= 0:
        return f"exit code {exit_code}"
    try:
        return f"signal {signal.Signals(-exit_code).name}"
    except ValueError:
        return f"signal {-exit_code}"
