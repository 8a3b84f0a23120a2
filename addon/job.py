"""A worker process in the background: start it, read its events, stop it. Nothing here ever blocks the caller for long.

Standard library only. The worker speaks JSON lines on stdout (lifter/contract/protocol.py), everything else goes to
its stderr, which is a log file: a pipe that nobody drains would stop the worker.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..lifter.contract.protocol import Event, OutputError, RuntimeUnfitError, parse_event

TERMINATE_AFTER_S = 5.0  # the worker finishes the frame in hand and closes its cache before that
KILL_AFTER_S = 10.0
DRAIN_AFTER_EXIT_S = 1.0  # a grandchild may hold the pipe open after the worker has gone
STRIPPED_PREFIXES = ("PYTHON", "LD_", "DYLD_", "VIRTUAL_ENV", "CONDA_", "OCIO", "__PYVENV_LAUNCHER__")
POSIX = os.name == "posix"


def clean_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without what Blender hands on to children and would break another interpreter."""
    kept = {key: value for key, value in environment.items() if not key.upper().startswith(STRIPPED_PREFIXES)}
    return {**kept, "PYTHONNOUSERSITE": "1"}


class Job:
    """One run of the worker. poll() it often: it gives the events that came and carries a cancellation on."""

    def __init__(self, command: Sequence[str], cwd: Path, log: Path) -> None:
        """Start `command` in its own session, `cwd` the extension's folder. Raises RuntimeUnfitError, OutputError."""
        self.log = log
        self.started = time.monotonic()
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._cancelled_at: float | None = None
        self._exited_at: float | None = None
        self._terminated = False
        try:
            stderr = log.open("wb")
        except OSError as error:
            raise OutputError(
                f"{log}: the capture's log cannot be written ({error.strerror or error}). Make its folder writable."
            ) from error
        try:
            with stderr:
                self._process = subprocess.Popen(
                    list(command),
                    cwd=cwd,
                    env=clean_environment(os.environ),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=stderr,
                    start_new_session=POSIX,
                    creationflags=0 if POSIX else _windows_flags(),
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
    def cancelled(self) -> bool:
        """Whether cancel() was called; the process may still be on its way out."""
        return self._cancelled_at is not None

    @property
    def exit_code(self) -> int | None:
        """The worker's exit code, or None while it runs or events may still come; 130 after a cancellation."""
        code = self._process.poll()
        if code is None:
            return None
        if self._exited_at is None:
            self._exited_at = time.monotonic()
        if self._reader.is_alive() and time.monotonic() - self._exited_at < DRAIN_AFTER_EXIT_S:
            return None
        return 130 if self.cancelled and code != 0 else code

    def poll(self) -> list[Event]:
        """The events since the last call, in order. Never waits."""
        self._press_on()
        events: list[Event] = []
        with contextlib.suppress(queue.Empty):
            while True:
                events.append(self._events.get_nowait())
        return events

    def cancel(self) -> None:
        """Ask the worker to stop; poll() follows up with signals if it does not. Returns at once."""
        if self._cancelled_at is None:
            self._cancelled_at = time.monotonic()
            self._say(b"cancel\n")

    def kill(self) -> None:
        """End the worker and its children now: for Blender's exit and the extension's unregister."""
        self._cancelled_at = self._cancelled_at or time.monotonic()
        self._signal(force=True)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=2.0)

    def last_words(self) -> str:
        """The last line of the log that is not empty, for a worker that died without an error event."""
        try:
            lines = self.log.read_text("utf-8", "replace").splitlines()
        except OSError:
            return ""
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

    def _read(self) -> None:
        stdout = self._process.stdout
        assert stdout is not None
        for line in stdout:
            event = parse_event(line.decode("utf-8", "replace"))
            if event is not None:
                self._events.put(event)

    def _press_on(self) -> None:
        if self._cancelled_at is None or self._process.poll() is not None:
            return
        waited = time.monotonic() - self._cancelled_at
        if waited > KILL_AFTER_S:
            self._signal(force=True)
        elif waited > TERMINATE_AFTER_S and not self._terminated:
            self._terminated = True
            self._signal(force=False)

    def _say(self, line: bytes) -> None:
        stdin = self._process.stdin
        assert stdin is not None
        with contextlib.suppress(OSError, ValueError):  # the worker may have gone already
            stdin.write(line)
            stdin.flush()

    def _signal(self, *, force: bool) -> None:
        """To the whole group: the worker's own children must not outlive it."""
        if self._process.poll() is not None:
            return
        if sys.platform == "win32":
            if force:
                subprocess.run(["taskkill", "/T", "/F", "/PID", str(self.pid)], capture_output=True, check=False)
            else:
                self._process.send_signal(signal.CTRL_BREAK_EVENT)
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL if force else signal.SIGTERM)


def _windows_flags() -> int:
    """A group of its own, so that it can be signalled, and no console window."""
    return getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0) | getattr(subprocess, "CREATE_NO_WINDOW", 0)
