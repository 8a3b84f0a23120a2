"""What the worker says to whoever started it: events, errors, exit codes.

Events are JSON lines. Every error that a user can act on is one of the classes below; its
message is one line: what was found, where, what to do. Anything else is a bug (exit code 1).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, cast

EVENT_NAMES = ("stage", "progress", "warning", "error", "done", "alive")
DONE = 0


class V2AError(Exception):
    """Base of all errors shown to users; `exit_code` is the process's exit code."""

    exit_code = 1


class UsageError(V2AError):
    """The command line is wrong."""

    exit_code = 2


class InputError(V2AError):
    """A video, keypoints or motion file cannot be read."""

    exit_code = 3


class NobodyFoundError(V2AError):
    """The video was read and nobody is in it."""

    exit_code = 4


class RuntimeUnfitError(V2AError):
    """Interpreter, package, device, model or weights missing or unfit."""

    exit_code = 5


class RigError(V2AError):
    """The armature cannot be used, or does not fit the preset."""

    exit_code = 6


class PresetError(RigError):
    """The preset cannot be read, or does not fit the armature."""


class OutputError(V2AError):
    """The output exists (and --overwrite was not given) or cannot be written."""

    exit_code = 7


class BatchError(V2AError):
    """Some items of a batch failed; the report tells which."""

    exit_code = 8


class Cancelled(V2AError):
    """The user stopped the work."""

    exit_code = 130


@dataclass(frozen=True)
class Event:
    """One line of the stream: a name from EVENT_NAMES and its fields, JSON values only."""

    name: str
    fields: dict[str, Any] = field(default_factory=dict[str, Any])

    def line(self) -> str:
        """The event as one line of JSON, without the line break."""
        return json.dumps({"event": self.name, **self.fields}, ensure_ascii=False, allow_nan=False)


def parse_event(line: str) -> Event | None:
    """The event in a line, or None when the line is not one (a stray print of some library)."""
    try:
        record = json.loads(line)
    except ValueError:
        return None
    if not isinstance(record, dict):
        return None
    fields = cast(dict[str, Any], record)
    name = fields.pop("event", None)
    return Event(name, fields) if name in EVENT_NAMES else None
