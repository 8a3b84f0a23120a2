"""The run of one clip: rig, capture, apply, export. What can fail soon is checked before the capture, which takes long."""

from __future__ import annotations

import logging
import math
import os
import tempfile
import time
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import bpy

from ..lifter.contract.files import check_output
from ..lifter.contract.motion import Motion
from ..lifter.contract.protocol import Cancelled, InputError
from . import apply, capture, casting, export, maps, rig, rig_file, runtime
from .apply_report import ApplyReport, fewer_keys
from .clips import Clip, numbered
from .options import Options
from .retarget.choices import Choices, Feet, Root

log = logging.getLogger("video_to_armature")
POLL_S = 0.05
SAY_EVERY_S = 2.0


@dataclass
class Record:
    """What the report will say; filled as the run goes on, so that a failed run reports too."""

    people: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    clips: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])  # of several, in their order
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

    def wrote(self, path: Path) -> None:
        self.outputs.append(str(path))
        log.info("wrote %s", path)

    def applied(self, reports: Sequence[ApplyReport]) -> None:
        for report in reports:
            self.people.append(report.record())
            self.warnings += [f"{report.armature}: {text}" for text in report.warnings]
            if report.keys["written"] < report.keys["of"]:
                log.info("%s: %s", report.armature, fewer_keys(report))


def run(given: Options, record: Record) -> None:
    """Everything between arguments and report. Raises V2AError."""
    for path in given.outputs:
        check_output(path, given.overwrite)
    clip = given.clips[0] if given.clips else None
    motions = check_inputs(clip) if clip is not None else []
    with record.timed("rig"):
        chosen, choices = open_rig(given, record)
    if clip is None:
        return
    if clip.video is not None:
        with record.timed("capture"):
            motions = captured(given, clip.video, given.motion_out, record)
    with record.timed("apply"):
        armatures = casting.cast(bpy.context, chosen, len(motions), named=bool(given.armatures))
        rate = cast("apply.FrameRate", given.frame_rate)
        record.applied(
            apply.apply_people(
                scene(),
                armatures,
                motions,
                given.preset,
                frame_rate=rate,
                action_name=clip.name,
                choices=choices,
                keying=given.keying,
            )
        )
    for kind, path in given.exports:
        with record.timed(kind):
            for armature, target in zip(armatures, numbered(path, len(armatures)), strict=True):
                record.warnings += export.export(
                    bpy.context,
                    armature,
                    target,
                    kind,
                    preset=given.export_preset,
                    overwrite=given.overwrite,
                    meshes=given.meshes,
                )
                record.wrote(target)
    save(given, record)
    for text in record.warnings:
        log.warning("warning: %s", text)


def check_inputs(clip: Clip) -> list[Motion]:
    """The clip's motions where it has them. Raises InputError."""
    if clip.video is not None and not clip.video.is_file():
        raise InputError(f"{clip.video}: no such video file.")
    return [Motion.load(path) for path in clip.motions]


def open_rig(given: Options, record: Record) -> tuple[list[bpy.types.Object], Choices]:
    """The armatures, found fit for all that is asked for, and the choices. Raises V2AError."""
    for kind, _ in given.exports:
        export.check_available(kind)
    export.load_preset(given.export_preset)
    if given.rig is not None:
        rig_file.open_rig(given.rig)
    if given.fps is not None:
        apply.set_fps(scene(), given.fps)
    chosen = casting.choose(scene(), given.armatures)
    choices = Choices(
        root=cast("Root", given.root),
        place=apply.place_of(scene(), given.place),
        facing=None if given.facing is None else math.radians(given.facing),
        feet={"left": cast("Feet", given.left_foot), "right": cast("Feet", given.right_foot)},
        controls=given.controls,
        limbs=given.limbs,
    )
    if given.map_out is not None:
        rest, humanoid = rig.read_rest_pose(chosen[0]), rig.humanoid_table(chosen[0])
        found = maps.save_map(rest, given.map_out, humanoid=humanoid, overwrite=given.overwrite)
        record.outputs.append(str(given.map_out))
        log.info("wrote %s: %s", given.map_out, found.words)
    for armature in chosen if given.clips else ():
        rig.check_writable(armature)
        rest, humanoid = rig.read_rest_pose(armature), rig.humanoid_table(armature)
        maps.choose_map(rest, given.preset, humanoid)
        if given.exports:
            with casting.only_selected(bpy.context, [armature], armature):
                pass  # it can be: an exporter would find that out after the capture only
    return chosen, choices


def captured(given: Options, video: Path, out: Path | None, record: Record) -> list[Motion]:
    """Run the worker to its end, saying how it goes. Raises what stopped it."""
    interpreter = runtime.check(runtime.find(given.runtime, "--runtime")).interpreter
    handle, name = tempfile.mkstemp(prefix="v2a-capture-", suffix=".log")
    os.close(handle)
    worker_log, work = Path(name), None
    try:
        with tempfile.TemporaryDirectory(prefix="v2a-") as folder:
            target = out or Path(folder, "motion.npz")
            work = capture.start(interpreter, video, target, given.worker, worker_log, overwrite=given.overwrite)
            _follow(work)
            record.warnings += work.warnings
            record.device = work.device
            record.seconds.update({f"capture.{stage}": round(s, 3) for stage, s in work.seconds.items()})
            motions = [Motion.load(path) for path in work.result()]
            if out is not None:
                record.outputs += [str(out.with_name(path.name)) for path in work.result()]
            return motions
    finally:
        if work is None or not work.died:
            worker_log.unlink(missing_ok=True)


def save(given: Options, record: Record) -> None:
    if given.save is not None:
        with record.timed("save"):
            export.save_blend(given.save, overwrite=given.overwrite)
        record.wrote(given.save)


def scene() -> bpy.types.Scene:
    scene = bpy.context.scene
    assert scene is not None
    return scene


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
