"""What the batch command line says: its arguments, checked, as one frozen Options. Standard library only."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from ..lifter.contract.protocol import UsageError
from . import recipe
from .clips import Clip, clips, people
from .flags import EXPORTS, PASSED_ON, RATES, SUFFIXES, TAKES, parser
from .retarget.choices import Action, Controls, Keying, Limb, limbs_of


@dataclass(frozen=True)
class Options:
    """One batch run."""

    clips: tuple[Clip, ...]
    several: bool  # clips by folder: each of the outputs but the report is a folder, too
    takes: bool  # clips into one file
    rig: Path | None
    armatures: tuple[str, ...]
    preset: str
    root: str
    place: str  # one of PLACES, or "x,y,z"
    facing: float | None  # degrees
    left_foot: str
    right_foot: str
    controls: Controls
    limbs: tuple[Limb, ...]
    keying: Keying
    frame_rate: str  # one of RATES
    fps: float | None  # that the scene is to have before anything is applied
    exports: tuple[tuple[str, Path], ...]  # (kind, path)
    export_preset: str
    meshes: bool  # whether they are exported too
    save: Path | None
    report: Path | None
    motion_out: Path | None
    map_out: Path | None
    runtime: str
    overwrite: bool
    worker: dict[str, str]  # flags for the worker, without their dashes

    @property
    def outputs(self) -> tuple[Path, ...]:
        """All files that the run will write, to be checked before the long work."""
        if self.several:
            own = tuple(path for clip in self.clips for path in self.of(clip).outputs)
            return own + tuple(path for path in (self.report, self.map_out) if path is not None)
        motion_out = None if self.takes else self.motion_out  # of takes: a folder
        others = (self.save, self.report, motion_out, self.map_out)
        return tuple(path for _, path in self.exports) + tuple(path for path in others if path is not None)

    def of(self, clip: Clip) -> Options:
        """The run of one of several clips, into the folders."""
        return replace(
            self,
            clips=(clip,),
            several=False,
            exports=tuple((kind, path / f"{clip.name}{SUFFIXES[kind][0]}") for kind, path in self.exports),
            save=self.save and self.save / f"{clip.name}.blend",
            motion_out=self.motion_out and clip.video and self.motion_out / f"{clip.name}.npz",
            report=None,
            map_out=None,
        )


def parse(arguments: Sequence[str]) -> Options:
    """Raises UsageError, InputError for a folder without clips; SystemExit(0) after --help."""
    known = parser()
    given = known.parse_args(recipe.merged(arguments, known, {"video": (*PASSED_ON, "motion-out")}))
    worker = {flag: str(value) for flag in PASSED_ON if (value := getattr(given, flag.replace("-", "_"))) is not None}
    videos, motions = tuple(given.video or ()), tuple(given.motion or ())
    if motions and (worker or given.motion_out):
        extra = ", ".join(f"--{flag}" for flag in [*worker, *(["motion-out"] if given.motion_out else [])])
        raise UsageError(f"{extra}: belongs to the capture of a --video and has no effect on --motion. Leave it out.")
    if not videos and not motions and given.map_out is None:
        raise UsageError("one of --video, --motion and --map-out is needed. Add --help for the options.")
    flags = (*EXPORTS, "save", "motion-out")
    outputs = {flag: path for flag in flags if (path := getattr(given, flag.replace("-", "_"))) is not None}
    several = given.takes or len(videos) > 1 or any(path.is_dir() for path in (*videos, *motions))
    several = several or any(path.is_dir() and _is_folder(flag, path) for flag, path in outputs.items())
    if several:
        found = clips(videos, motions)
    else:
        found = clips(videos, ()) if videos else (people(motions),) if motions else ()
    _check_names(outputs, len(found), several=several and not given.takes, takes=given.takes)
    if given.takes and given.action is not None:
        raise UsageError("--action: takes are NLA strips. Leave it out.")
    rate, fps = rate_of(given.frame_rate)
    first, last = frames_of(given.frames)
    options = Options(
        clips=found,
        several=several and not given.takes,
        takes=given.takes,
        rig=given.rig,
        armatures=tuple(given.armature or ()),
        preset=given.preset,
        root=given.root.replace("-", " "),
        place=given.place,
        facing=given.facing,
        left_foot=given.left_foot,
        right_foot=given.right_foot,
        controls=given.controls,
        limbs=limbs_of(given.limbs.split(",")),
        keying=Keying(
            first=first,
            last=last,
            start=given.start_frame,
            speed=given.speed,
            action=cast("Action", "strip" if given.takes else given.action or "auto"),
            tolerance=math.radians(given.reduce),
            tolerance_m=given.reduce_m,
        ),
        frame_rate=rate,
        fps=fps,
        exports=tuple((kind, outputs[kind]) for kind in EXPORTS if kind in outputs),
        export_preset=given.export_preset,
        meshes=not given.no_meshes,
        save=outputs.get("save"),
        report=given.report,
        motion_out=outputs.get("motion-out"),
        map_out=given.map_out,
        runtime=given.runtime,
        overwrite=given.overwrite,
        worker=worker,
    )
    for flag in ("report", "map-out"):
        _check_suffix(flag, getattr(given, flag.replace("-", "_")))
    written = [path.resolve() for path in options.outputs]
    if not written and not outputs:
        raise UsageError("nothing to write: give --fbx, --glb, --bvh, --usd, --save, --report or --map-out.")
    if len(set(written)) < len(written):
        raise UsageError("two outputs have the same name. Give each its own.")
    for path in (options.rig, *(path for clip in options.clips for path in clip.inputs)):
        if path is None or path.resolve() not in written:
            continue
        if (
            path != options.rig or options.save is None or path.resolve() != options.save.resolve()
        ):  # a rig saved is fine
            raise UsageError(f"{path}: is to be read and written. Give the output another name.")
    return options


def _is_folder(flag: str, path: Path) -> bool:
    """A folder that is there, or a name without an ending, which is to become one."""
    return path.suffix.lower() not in SUFFIXES[flag] and (path.is_dir() or not path.suffix)


def _check_names(outputs: dict[str, Path], count: int, *, several: bool, takes: bool) -> None:
    for flag, path in outputs.items():
        if (several or takes) and flag == "motion-out":
            if not _is_folder(flag, path):
                raise UsageError(f"--motion-out {path}: {count} clips do not go into one file. Name a folder.")
        elif several and not _is_folder(flag, path):
            remedy = "Name a folder, or add --takes." if flag in TAKES else "Name a folder."
            raise UsageError(f"--{flag} {path}: {count} clips do not go into one file. {remedy}")
        elif takes and flag in EXPORTS and flag not in TAKES:
            raise UsageError(f"--{flag}: holds one take. With --takes give --fbx, --glb or --save.")
        elif not several and flag != "motion-out":
            _check_suffix(flag, path)


def _check_suffix(flag: str, path: Path | None) -> None:
    if path is not None and path.suffix.lower() not in SUFFIXES[flag]:
        raise UsageError(f"--{flag} {path}: the file's name must end in {' or '.join(SUFFIXES[flag])}.")


def frames_of(text: str) -> tuple[int, int]:
    """(first, last), 0 for the end."""
    match = re.fullmatch(r"(\d*)-(\d*)", text)
    if match is None:
        raise UsageError(
            f"--frames {text}: give the first and the last with a dash between them, such as 11-30 or 11-."
        )
    return int(match[1] or 1), int(match[2] or 0)


def rate_of(text: str) -> tuple[str, float | None]:
    if text in RATES:
        return text, None
    try:
        fps = float(text)
    except ValueError:
        fps = 0.0
    if not 1 <= fps <= 1000:
        raise UsageError(f"--frame-rate {text}: give {', '.join(RATES)} or frames a second, such as 25.")
    return "scene", fps
