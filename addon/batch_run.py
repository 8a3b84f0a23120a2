"""A batch run from arguments to exit code: rig, capture, apply, export, report.

What can fail soon is checked before the capture, which takes long: arguments, outputs, rig, preset, interpreter.
"""

from __future__ import annotations

import json
import logging
import math
import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, cast

import bpy

from ..lifter.contract.files import check_output, replacing
from ..lifter.contract.motion import Motion
from ..lifter.contract.protocol import DONE, Cancelled, InputError, OutputError, UsageError, V2AError
from . import apply, capture, casting, export, maps, options, rig, rig_file, runtime
from .options import Options
from .retarget.choices import Choices, Feet, Root

log = logging.getLogger("video_to_armature")
POLL_S = 0.05
SAY_EVERY_S = 2.0


@dataclass
class Record:
    """What the report will say; filled as the run goes on, so that a failed run reports too."""

    people: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    outputs: list[str] = field(default_factory=list[str])
    warnings: list[str] = field(default_factory=list[str])
    seconds: dict[str, float] = field(default_factory=dict[str, float])
    device: str = ""

    @contextmanager
    def timed(self, step: str):
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[step] = round(self.seconds.get(step, 0.0) + time.perf_counter() - started, 3)


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
    for path in given.outputs:
        check_output(path, given.overwrite)
    for kind, _ in given.exports:
        export.check_available(kind)
    export.load_preset(given.export_preset)
    motions = [Motion.load(path) for path in given.motions]
    if given.video is not None and not given.video.is_file():
        raise InputError(f"{given.video}: no such video file.")
    with record.timed("rig"):
        chosen = _open_rig(given)
        choices = Choices(
            root=cast("Root", given.root),
            place=apply.place_of(_scene(), given.place),
            facing=None if given.facing is None else math.radians(given.facing),
            feet={"left": cast("Feet", given.left_foot), "right": cast("Feet", given.right_foot)},
        )
        if given.map_out is not None:
            rest, humanoid = rig.read_rest_pose(chosen[0]), rig.humanoid_table(chosen[0])
            found = maps.save_map(rest, given.map_out, humanoid=humanoid, overwrite=given.overwrite)
            record.outputs.append(str(given.map_out))
            log.info("wrote %s: %s", given.map_out, found.words)
            if given.video is None and not motions:
                return
        for armature in chosen:
            rig.check_writable(armature)
            rest, humanoid = rig.read_rest_pose(armature), rig.humanoid_table(armature)
            maps.choose_map(rest, given.preset, humanoid)
            if given.exports:
                with casting.only_selected(bpy.context, [armature], armature):
                    pass  # it can be: an exporter would find that out after the capture only
    if given.video is not None:
        with record.timed("capture"):
            motions = _capture(given, record)
    with record.timed("apply"):
        armatures = casting.cast(bpy.context, chosen, len(motions), named=bool(given.armatures))
        scene = _scene()
        for report in apply.apply_people(scene, armatures, motions, given.preset, choices=choices):
            record.people.append(report.record())
            record.warnings += [f"{report.armature}: {text}" for text in report.warnings]
    for kind, path in given.exports:
        with record.timed(kind):
            for armature, target in zip(armatures, _numbered(path, len(armatures)), strict=True):
                export.export(
                    bpy.context, armature, target, kind, preset=given.export_preset, overwrite=given.overwrite
                )
                record.outputs.append(str(target))
                log.info("wrote %s", target)
    if given.save is not None:
        with record.timed("save"):
            export.save_blend(given.save, overwrite=given.overwrite)
        record.outputs.append(str(given.save))
        log.info("wrote %s", given.save)
    for text in record.warnings:
        log.warning("warning: %s", text)


def _open_rig(given: Options) -> list[bpy.types.Object]:
    if given.rig is not None:
        if bpy.data.filepath:
            raise UsageError(
                f"two files: {bpy.data.filepath} on Blender's command line and --rig {given.rig}. Give one."
            )
        rig_file.open_rig(given.rig)
    return casting.choose(_scene(), given.armatures)


def _capture(given: Options, record: Record) -> list[Motion]:
    """Run the worker to its end, saying how it goes. Raises what stopped it."""
    assert given.video is not None
    interpreter = runtime.check(runtime.find(given.runtime, "--runtime")).interpreter
    handle, name = tempfile.mkstemp(prefix="v2a-capture-", suffix=".log")
    os.close(handle)
    worker_log, work = Path(name), None
    try:
        with tempfile.TemporaryDirectory(prefix="v2a-") as folder:
            out = given.motion_out or Path(folder, "motion.npz")
            work = capture.start(interpreter, given.video, out, given.worker, worker_log, overwrite=given.overwrite)
            _follow(work)
            record.warnings += work.warnings
            record.device = work.device
            record.seconds.update({f"capture.{stage}": round(s, 3) for stage, s in work.seconds.items()})
            motions = [Motion.load(path) for path in work.result()]
            if given.motion_out is not None:
                record.outputs += [str(given.motion_out.with_name(path.name)) for path in work.result()]
            return motions
    finally:
        if work is None or not work.died:
            worker_log.unlink(missing_ok=True)


def _follow(work: capture.Capture) -> None:
    said, stage = 0.0, None
    try:
        while work.poll():
            now = time.monotonic()
            if work.progress.stage != stage or now - said > SAY_EVERY_S:
                said, stage = now, work.progress.stage
                log.info("%s %s", work.progress.label, work.progress.text)
            time.sleep(POLL_S)
    except (Cancelled, KeyboardInterrupt):
        work.job.cancel()
        while work.poll():  # cancel, then signals, then the end: Job sees to it
            time.sleep(POLL_S)
        raise
    except BaseException:
        work.job.kill()
        raise


def _numbered(path: Path, people: int) -> list[Path]:
    """dance.fbx for one person; dance.p1.fbx, dance.p2.fbx for two, as the worker names its motions."""
    if people == 1:
        return [path]
    return [path.with_name(f"{path.stem}.p{i}{path.suffix}") for i in range(1, people + 1)]


def _write_report(given: Options, record: Record, code: int, error: V2AError | None) -> None:
    assert given.report is not None
    report = {
        "exit_code": code,
        "error": None if error is None else str(error),
        "blender": bpy.app.version_string,
        "video": None if given.video is None else str(given.video),
        "motions": [str(path) for path in given.motions],
        "rig": str(given.rig or bpy.data.filepath),
        **_summary(record.people),
        "people": record.people,
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


def _scene() -> bpy.types.Scene:
    scene = bpy.context.scene
    assert scene is not None
    return scene


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
