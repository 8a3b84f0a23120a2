"""A batch run from arguments to exit code: what went wrong in one line, the report, and the way through signals."""

from __future__ import annotations

import json
import logging
import signal
import sys
import traceback
from collections.abc import Sequence
from types import FrameType
from typing import Any

import bpy

from ..lifter.contract.files import check_output, replacing
from ..lifter.contract.protocol import DONE, Cancelled, OutputError, UsageError, V2AError
from . import batch_many, batch_one, options
from .batch_one import Record, log
from .options import Options


def main(arguments: Sequence[str]) -> int:
    """Run, say what went wrong in one line on stderr, return the exit code."""
    _log_to_stdout()
    _stop_on_signals()
    record, given = Record(), None
    error: V2AError | None = None
    try:
        given = options.parse(arguments)
        run(given, record)
    except V2AError as problem:
        error = problem
    except KeyboardInterrupt:
        error = Cancelled("interrupted.")
    except SystemExit:  # after --help
        return DONE
    except Exception as problem:
        traceback.print_exc()
        error = V2AError(f"this is a bug: {type(problem).__name__}: {problem}. Please report it with the lines above.")
    code = DONE if error is None else error.exit_code
    if given is not None and given.report is not None:
        try:
            _write_report(given, record, code, error)
        except OutputError as problem:
            error, code = problem, code or problem.exit_code
    if error is not None:
        sys.stderr.write(f"error: {' '.join(str(error).split())}\n")
    return code


def run(given: Options, record: Record) -> None:
    """Everything between arguments and report. Raises V2AError."""
    if given.rig is not None and bpy.data.filepath:
        raise UsageError(f"two files: {bpy.data.filepath} on Blender's command line and --rig {given.rig}. Give one.")
    if given.takes:
        batch_many.takes(given, record)
    elif given.several:
        batch_many.files(given, record)
    else:
        batch_one.run(given, record)


def _write_report(given: Options, record: Record, code: int, error: V2AError | None) -> None:
    assert given.report is not None
    report = {
        "exit_code": code,
        "error": None if error is None else str(error),
        "blender": bpy.app.version_string,
        "video": next((str(clip.video) for clip in given.clips if clip.video is not None), None),
        "motions": [str(path) for clip in given.clips for path in clip.motions],
        "rig": str(given.rig or bpy.data.filepath),
        **_summary(record.people),
        "people": record.people,
        **({"clips": record.clips} if given.several or given.takes else {}),
        "outputs": record.outputs,
        "device": record.device,
        "seconds": record.seconds,
        "warnings": record.warnings,
    }
    check_output(given.report, given.overwrite)
    with replacing(given.report) as part:
        part.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", "utf-8")


def _summary(people: list[dict[str, Any]]) -> dict[str, Any]:
    """The figures most asked for, over all people."""
    if not people:
        return {}
    mapped = [bone for person in people for bones in person["mapped_bones"].values() for bone in bones]
    unmapped = [bone for person in people for bone in person["unmapped_bones"]]
    return {
        "frames": max(person["frames"] for person in people),
        "fps": people[0]["fps"],
        "preset": people[0]["preset"],
        "recognised": people[0]["recognised"],
        "bones_mapped": list(dict.fromkeys(mapped)),
        "bones_unmapped": list(dict.fromkeys(unmapped)),
    }


def _log_to_stdout() -> None:
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter("%(message)s"))
    log.handlers, log.propagate = [handler], False
    log.setLevel(logging.INFO)


def _stop_on_signals() -> None:
    def stop(number: int, frame: FrameType | None) -> None:
        raise Cancelled(f"stopped by signal {signal.Signals(number).name}.")

    for name in ("SIGINT", "SIGTERM"):
        signal.signal(getattr(signal, name), stop)
