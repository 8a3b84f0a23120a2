"""The flags of the batch command line, with their help texts. Standard library only."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NoReturn

from ..lifter.contract.protocol import UsageError
from . import recipe
from .retarget.choices import ACTIONS, CONTROLS, FEET, LIMB_WORDS, ROOTS

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
TAKES = ("fbx", "glb")  # what holds several
SUFFIXES = {
    "fbx": (".fbx",),
    "glb": (".glb",),
    "bvh": (".bvh",),
    "usd": (".usd", ".usda", ".usdc"),
    "save": (".blend",),
    "report": (".json",),
    "map-out": (".toml",),
    "motion-out": (".npz",),
}
RATES = ("auto", "clip", "scene")
EPILOG = """several clips: name a folder of videos or motions, or several videos, and folders for the outputs, which then get the
clips' names (--video shots/ --fbx out/); what is there already is skipped, a clip that fails does not stop the others, and
the exit code is 8 then. With --takes all clips go onto the one rig as takes of one file (--motion walks/ --takes --fbx
all.fbx). Several --motion and a file as output are several people of one clip."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}. Add --help for the options.")


def parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="batch.py",
        description="Videos or motions onto an armature.",
        epilog=EPILOG,
        allow_abbrev=False,
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--video", type=Path, metavar="V", action="append", help="video to capture, or a folder of them"
    )
    source.add_argument(
        "--motion",
        type=Path,
        metavar="M",
        action="append",
        help="motion file, once for each person; or a folder of them",
    )
    parser.add_argument("--takes", action="store_true", help="all clips as takes of one file")
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
    keys = parser.add_argument_group("keys")
    keys.add_argument(
        "--limbs",
        default="all",
        metavar="L,L",
        help=f"what gets keys, all else keeps what it does: {', '.join(LIMB_WORDS)} (default: %(default)s)",
    )
    keys.add_argument(
        "--controls",
        default="fk",
        choices=CONTROLS,
        help="of control rigs: what takes the keys of arms and legs, and is switched to (default: %(default)s; both: FK is in "
        "charge)",
    )
    keys.add_argument("--frames", default="-", metavar="A-B", help="frames of the capture to use, counted from 1")
    keys.add_argument(
        "--start-frame", type=int, default=1, metavar="N", help="the scene's frame for the first (default: %(default)s)"
    )
    keys.add_argument("--speed", type=float, default=1.0, metavar="X", help="times as fast (default: %(default)s)")
    keys.add_argument(
        "--frame-rate",
        default="auto",
        metavar="|".join((*RATES, "FPS")),
        help="of the scene; the speed stays true (default: %(default)s: the clip's, unless other things are animated)",
    )
    keys.add_argument(
        "--action",
        choices=ACTIONS,
        help="what takes the keys: a new action that takes the place of an earlier one of the same clip (auto, the default), "
        "a new one, the present one, or a strip on an NLA track above all others",
    )
    keys.add_argument(
        "--reduce",
        type=float,
        default=0.0,
        metavar="DEG",
        help="leave out keys while no rotation is off by more, at any frame; 0 keys every frame (default: %(default)s)",
    )
    keys.add_argument(
        "--reduce-m", type=float, default=0.0, metavar="M", help="the same for places, metres (default: %(default)s)"
    )
    for kind in EXPORTS:
        parser.add_argument(
            f"--{kind}", type=Path, metavar="O", help=f"write {kind.upper()}; a folder for several clips"
        )
    parser.add_argument(
        "--export-preset", default="generic", metavar="NAME", help="export settings: generic, unity, unreal"
    )
    parser.add_argument("--no-meshes", action="store_true", help="write the bones and their motion alone")
    parser.add_argument("--save", type=Path, metavar="O.blend", help="save the scene; a folder for several clips")
    parser.add_argument("--report", type=Path, metavar="O.json", help="write what was done, and how well")
    parser.add_argument(
        "--motion-out", type=Path, metavar="O.npz", help="keep the captured motion; a folder for several clips"
    )
    parser.add_argument(
        "--map-out", type=Path, metavar="O.toml", help="write the bone map that auto finds, to be edited and given back"
    )
    parser.add_argument("--runtime", default="", metavar="PYTHON", help="interpreter that runs the capture")
    parser.add_argument("--overwrite", action="store_true", help="replace outputs that exist")
    parser.add_argument(
        f"--{recipe.KEY}", type=Path, metavar="FILE", help="options from a TOML file, as the panel writes it"
    )
    capture = parser.add_argument_group("capture", "handed to the worker as they are (python -m lifter capture --help)")
    for flag in PASSED_ON:
        capture.add_argument(f"--{flag}", metavar="X")
    return parser
