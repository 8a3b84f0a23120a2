"""What the batch command line says: its arguments, checked, as one frozen Options. Standard library only."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from ..lifter.contract.protocol import UsageError
from .retarget.choices import FEET, ROOTS

PASSED_ON = (
    "person",
    "start",
    "end",
    "hfov",
    "focal-mm",
    "camera",
    "roll",
    "pitch",
    "height",
    "device",
    "smooth-hz",
    "model",
    "detector",
)
PLACES = ("capture", "origin", "cursor")
EXPORTS = ("fbx", "glb", "bvh", "usd")
SUFFIXES = {
    "fbx": (".fbx",),
    "glb": (".glb",),
    "bvh": (".bvh",),
    "usd": (".usd", ".usda", ".usdc"),
    "save": (".blend",),
    "report": (".json",),
    "map-out": (".toml",),
}


@dataclass(frozen=True)
class Options:
    """One batch run."""

    video: Path | None
    motions: tuple[Path, ...]
    rig: Path | None
    armatures: tuple[str, ...]
    preset: str
    root: str
    place: str  # one of PLACES, or "x,y,z"
    facing: float | None  # degrees
    left_foot: str
    right_foot: str
    exports: tuple[tuple[str, Path], ...]  # (kind, path)
    export_preset: str
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
        others = (self.save, self.report, self.motion_out, self.map_out)
        return tuple(path for _, path in self.exports) + tuple(path for path in others if path is not None)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}. Add --help for the options.")


def parse(arguments: Sequence[str]) -> Options:
    """Raises UsageError; SystemExit(0) after --help."""
    given = _parser().parse_args(list(arguments))
    worker = {flag: str(value) for flag in PASSED_ON if (value := getattr(given, flag.replace("-", "_"))) is not None}
    if given.motion and (worker or given.motion_out):
        extra = ", ".join(f"--{flag}" for flag in [*worker, *(["motion-out"] if given.motion_out else [])])
        raise UsageError(f"{extra}: belongs to the capture of a --video and has no effect on --motion. Leave it out.")
    if given.video is None and not given.motion and given.map_out is None:
        raise UsageError("one of --video, --motion and --map-out is needed. Add --help for the options.")
    exports = tuple((kind, getattr(given, kind)) for kind in EXPORTS if getattr(given, kind) is not None)
    options = Options(
        video=given.video,
        motions=tuple(given.motion or ()),
        rig=given.rig,
        armatures=tuple(given.armature or ()),
        preset=given.preset,
        root=given.root.replace("-", " "),
        place=given.place,
        facing=given.facing,
        left_foot=given.left_foot,
        right_foot=given.right_foot,
        exports=exports,
        export_preset=given.export_preset,
        save=given.save,
        report=given.report,
        motion_out=given.motion_out,
        map_out=given.map_out,
        runtime=given.runtime,
        overwrite=given.overwrite,
        worker=worker,
    )
    for flag, suffixes in SUFFIXES.items():
        path = getattr(given, flag.replace("-", "_"))
        if path is not None and path.suffix.lower() not in suffixes:
            raise UsageError(f"--{flag} {path}: the file's name must end in {' or '.join(suffixes)}.")
    outputs = [path.resolve() for path in options.outputs]
    if not outputs:
        raise UsageError("nothing to write: give --fbx, --glb, --bvh, --usd, --save, --report or --map-out.")
    if len(set(outputs)) < len(outputs):
        raise UsageError("two outputs have the same name. Give each its own.")
    for path in (options.video, *options.motions, options.rig):
        if path is None or path.resolve() not in outputs:
            continue
        if path != options.rig or options.save is None or path.resolve() != options.save.resolve():
            raise UsageError(f"{path}: is to be read and written. Give the output another name.")
    return options


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="batch.py", description="A video or a motion onto an armature.", allow_abbrev=False)
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--video", type=Path, metavar="V", help="video to capture")
    source.add_argument("--motion", type=Path, metavar="M", action="append", help="motion file; once for each person")
    parser.add_argument("--rig", type=Path, metavar="FILE", help="fbx, glb, gltf, vrm, bvh, usd or blend with the rig")
    parser.add_argument("--armature", metavar="NAME", action="append", help="armature object; once for each person")
    parser.add_argument("--preset", default="auto", metavar="auto|NAME|FILE", help="bone map (default: %(default)s)")
    parser.add_argument(
        "--root",
        default="hips",
        choices=[word.replace(" ", "-") for word in ROOTS],
        help="what takes the path (default: %(default)s)",
    )
    parser.add_argument(
        "--place",
        default="capture",
        metavar="|".join((*PLACES, "X,Y,Z")),
        help="where the first person begins (default: %(default)s)",
    )
    parser.add_argument("--facing", type=float, metavar="DEG", help="where the first person looks then, from -Y")
    for side in ("left", "right"):
        parser.add_argument(
            f"--{side}-foot", default="auto", choices=FEET, help=f"when the {side} foot stays (default: %(default)s)"
        )
    for kind in EXPORTS:
        parser.add_argument(f"--{kind}", type=Path, metavar="O", help=f"write {kind.upper()}")
    parser.add_argument(
        "--export-preset", default="generic", metavar="NAME", help="export settings: generic, unity, unreal"
    )
    parser.add_argument("--save", type=Path, metavar="O.blend", help="save the scene")
    parser.add_argument("--report", type=Path, metavar="O.json", help="write what was done, and how well")
    parser.add_argument("--motion-out", type=Path, metavar="O.npz", help="keep the captured motion")
    parser.add_argument(
        "--map-out", type=Path, metavar="O.toml", help="write the bone map that auto finds, to be edited and given back"
    )
    parser.add_argument("--runtime", default="", metavar="PYTHON", help="interpreter that runs the capture")
    parser.add_argument("--overwrite", action="store_true", help="replace outputs that exist")
    capture = parser.add_argument_group("capture", "handed to the worker as they are (python -m lifter capture --help)")
    for flag in PASSED_ON:
        capture.add_argument(f"--{flag}", metavar="X")
    return parser
