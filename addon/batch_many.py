"""The run of several clips on one rig: a file each, or takes of one file. What is done is skipped, what fails is told."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import bpy

from ..lifter.contract.files import check_output
from ..lifter.contract.motion import Motion
from ..lifter.contract.protocol import BatchError, Cancelled, OutputError, RigError, UsageError, V2AError
from . import actions, apply, casting, export, runtime
from .batch_one import Record, captured, check_inputs, open_rig, run, save, scene
from .clips import Clip, done
from .options import Options

log = logging.getLogger("video_to_armature")


def files(given: Options, record: Record) -> None:
    """Each clip on a fresh copy of the rig, into files of its own. Raises BatchError when some failed, and what would make
    all fail.
    """
    here = replace(given, rig=given.rig or _open_file())
    _check(here, record, (here.report, here.map_out))
    for folder in (*(path for _, path in given.exports), given.save, given.motion_out):
        _make(folder)

    def play(clip: Clip, item: Record) -> bool:
        todo = replace(_undone(here.of(clip)), report=None)
        asked = bool(here.exports or here.save or here.motion_out)
        if asked and not (todo.exports or todo.save or todo.motion_out):
            return False
        run(todo, item)
        return True

    _each(given.clips, play, record)
    _conclude(record)


def takes(given: Options, record: Record) -> None:
    """All clips as strips on the one rig, then the file. Raises as `files` does; what was applied is written all the same."""
    _check(given, record, given.outputs)
    _make(given.motion_out)
    _, choices = open_rig(replace(given, map_out=None), record)
    [armature] = casting.choose(scene(), given.armatures)
    if aside := actions.set_aside(armature):  # else they were takes, too
        record.warnings.append(f"what the rig played before was set aside: {', '.join(aside)}")
        log.warning("warning: %s", record.warnings[-1])
    rates: list[apply.FrameRate] = [cast("apply.FrameRate", given.frame_rate)]

    def play(clip: Clip, item: Record) -> bool:
        motions = check_inputs(clip)
        if clip.video is not None:
            out = given.motion_out and given.motion_out / f"{clip.name}.npz"
            kept = done(out) if out is not None and not given.overwrite else []
            motions = [Motion.load(p) for p in kept] or captured(given, clip.video, out, item)
        if len(motions) != 1:
            raise UsageError(f"{clip.name}: {len(motions)} people do not fit into one take. Choose one with --person.")
        report = apply.apply_motion(
            scene(),
            armature,
            motions[0],
            given.preset,
            frame_rate=rates[-1],
            action_name=clip.name,
            choices=choices,
            keying=given.keying,
        )
        item.applied([report])
        for text in item.warnings:
            log.warning("warning: %s", text)
        rates.append("scene")  # else a later clip would change the speed of those before
        return True

    _each(given.clips, play, record)
    if any(clip["state"] == "done" for clip in record.clips):
        for kind, path in given.exports:
            with record.timed(kind):
                told = export.export(
                    bpy.context,
                    armature,
                    path,
                    kind,
                    preset=given.export_preset,
                    overwrite=given.overwrite,
                    takes=True,
                    meshes=given.meshes,
                )
            record.warnings += told
            for text in told:
                log.warning("warning: %s", text)
            record.wrote(path)
        save(given, record)
    _conclude(record)


def _each(clips: Iterable[Clip], play: Callable[[Clip, Record], bool], record: Record) -> None:
    """play: whether there was something to do."""
    clips = tuple(clips)
    for i, clip in enumerate(clips, start=1):
        log.info("[%d/%d] %s", i, len(clips), clip.name)
        item, state, code, error = Record(), "done", 0, ""
        try:
            if not play(clip, item):
                state = "skipped"
        except (Cancelled, KeyboardInterrupt):
            raise
        except V2AError as problem:
            state, code, error = "failed", problem.exit_code, " ".join(str(problem).split())
        except Exception as problem:
            traceback.print_exc()
            state, code, error = "failed", 1, f"this is a bug: {type(problem).__name__}: {problem}"
        for text in item.warnings if state == "failed" else ():
            log.warning("warning: %s", text)
        log.info("[%d/%d] %s: %s", i, len(clips), clip.name, f"failed: {error}" if error else state)
        record.clips.append(_told(clip, item, state, code, error))
        record.outputs += item.outputs
        record.warnings += [f"{clip.name}: {text}" for text in item.warnings]


def _conclude(record: Record) -> None:
    """The summary. Raises BatchError where clips failed."""
    states = [clip["state"] for clip in record.clips]
    counts = ", ".join(f"{states.count(state)} {state}" for state in ("done", "skipped", "failed"))
    log.info("%d clips: %s", len(states), counts)
    failed = [clip for clip in record.clips if clip["state"] == "failed"]
    for clip in failed:
        log.info("%s failed: %s", clip["name"], clip["error"])
    if failed:
        names = ", ".join(clip["name"] for clip in failed)
        raise BatchError(f"{len(failed)} of {len(states)} clips failed: {names}. The lines above tell why.")


def _told(clip: Clip, item: Record, state: str, code: int, error: str) -> dict[str, Any]:
    return {
        "name": clip.name,
        "inputs": [str(path) for path in clip.inputs],
        "state": state,
        "exit_code": code,
        "error": error or None,
        "people": item.people,
        "outputs": item.outputs,
        "device": item.device,
        "seconds": item.seconds,
        "warnings": item.warnings,
    }


def _undone(one: Options) -> Options:
    """The outputs that are not there yet; a motion that was kept takes the place of its video."""
    if one.overwrite:
        return one
    [clip] = one.clips
    kept = done(one.motion_out) if one.motion_out is not None else []
    return replace(
        one,
        clips=(Clip(clip.name, None, tuple(kept)),) if kept else one.clips,
        motion_out=None if kept else one.motion_out,
        exports=tuple((kind, path) for kind, path in one.exports if not done(path)),
        save=None if one.save is not None and done(one.save) else one.save,
    )


def _check(given: Options, record: Record, outputs: Iterable[Path | None]) -> None:
    """What would fail alike for every clip."""
    for path in outputs:
        if path is not None:
            check_output(path, given.overwrite)
    with record.timed("rig"):
        chosen, _ = open_rig(given, record)
    if given.takes and len(chosen) > 1:
        raise UsageError(f"{len(chosen)} armatures are named: takes are of one. Name one.")
    if any(clip.video is not None for clip in given.clips):
        runtime.check(runtime.find(given.runtime, "--runtime"))


def _open_file() -> Path:
    if not bpy.data.filepath:
        raise RigError("no rig is open. Give one with --rig or name a .blend on Blender's command line.")
    return Path(bpy.data.filepath)


def _make(folder: Path | None) -> None:
    if folder is not None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{folder}: cannot be made ({error.strerror or error}). Choose another.") from error
