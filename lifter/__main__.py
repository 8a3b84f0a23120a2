"""The worker's command line: `python -m lifter capture | detect | lift | models | info | evaluate | train`.

With --events, stdout carries JSON lines and nothing else, and stdin is listened to: a line `cancel`, or its end
(the parent died), stops the work.
"""

from __future__ import annotations

import argparse
import contextlib
import glob
import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, NoReturn

from .contract.files import check_output
from .contract.protocol import DONE, Cancelled, Event, OutputError, RuntimeUnfitError, UsageError, V2AError

BEAT_S = 2.0  # between signs of life
HEEDED_S = 3.0  # after a cancellation, or when whoever listens is gone


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}. See python -m lifter {' '.join(self.prog.split()[3:])} --help".rstrip())


def main(argv: list[str]) -> int:
    """Run one command; the exit code of contract.protocol."""
    try:
        arguments, misuse = _parser().parse_args(argv), None  # --help prints and exits here, on the plain stdout
    except UsageError as error:
        arguments, misuse = argparse.Namespace(), error
    watched = "--events" in argv
    out, err = _private_streams(watched)
    say = _events(out) if watched else _plain(out, err)
    stop = threading.Event()
    code = DONE
    try:
        if misuse:
            raise misuse
        if watched:
            threading.Thread(target=_listen, args=(stop,), daemon=True).start()
            threading.Thread(target=_beat, args=(say,), daemon=True).start()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        arguments.command(arguments, say, stop.is_set)
    except V2AError as error:
        code = error.exit_code
        say(Event("error", {"code": code, "message": str(error)}))
    except BrokenPipeError:  # whoever read has enough, like head; nothing was left half
        os._exit(DONE)
    except ImportError as error:
        code = RuntimeUnfitError.exit_code
        remedy = f"Install torch==2.13.0 mediapipe==0.10.21 scipy safetensors with {sys.executable} -m pip."
        say(Event("error", {"code": code, "message": f"{sys.executable}: {error}. {remedy}"}))
    except MemoryError:
        code = RuntimeUnfitError.exit_code
        message = "memory ran out. Close other programs, or capture a shorter part (--start, --end)."
        say(Event("error", {"code": code, "message": message}))
    except Exception as error:
        code = 1
        traceback.print_exc(file=err)
        say(Event("error", {"code": code, "message": f"a bug in video_to_armature: {type(error).__name__}: {error}"}))
    return code


def _private_streams(watched: bool) -> tuple[IO[str], IO[str]]:
    """The real stdout and stderr for us alone.

    What libraries print on stdout goes to stderr. A person at a terminal is spared both; whoever watches the
    events keeps stderr as a log.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    out, err = (os.fdopen(os.dup(fd), "w", encoding="utf-8", errors="replace", buffering=1) for fd in (1, 2))
    if not watched:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        sys.stderr = err
    os.dup2(2, 1)
    return out, err


def _events(out: IO[str]) -> Callable[[Event], None]:
    one_at_a_time = threading.Lock()

    def say(event: Event) -> None:
        with one_at_a_time:
            out.write(event.line() + "\n")
            out.flush()

    return say


def _beat(say: Callable[[Event], None]) -> None:
    """Tell now and then that the process lives, however long a step is silent."""
    with contextlib.suppress(OSError, ValueError):  # nobody listens any more
        while True:
            time.sleep(BEAT_S)
            say(Event("alive"))


def _plain(out: IO[str], err: IO[str]) -> Callable[[Event], None]:
    """Events for a person at a terminal: results on stdout, the rest on stderr."""
    live = err.isatty()

    def say(event: Event) -> None:
        get = event.fields.get
        if event.name == "progress" and live:
            eta = f", {get('eta'):.0f} s left" if get("eta") is not None else ""
            end = "\n" if get("done") == get("total") else ""
            err.write(f"\r{get('stage')}: {get('done')} of {get('total')}, {get('rate'):.0f}/s{eta}   {end}")
        elif event.name == "warning":
            err.write(f"warning: {get('message')}\n")
        elif event.name == "error":
            err.write(f"error: {get('message')}\n")
        elif event.name == "done":
            for path in event.fields["outputs"]:
                out.write(f"{path}\n")
        err.flush()

    return say


def _listen(stop: threading.Event) -> None:
    for line in sys.stdin:
        if line.strip() == "cancel":
            break
    stop.set()
    time.sleep(HEEDED_S)
    os._exit(Cancelled.exit_code)  # whoever started it is gone or waits: no import or long step may outlive that


def _capture(a: argparse.Namespace, say: Callable[[Event], None], cancelled: Callable[[], bool]) -> None:
    from . import pipeline

    _check_out(a, a.video)
    run = pipeline.Run(say, cancelled)
    motions = pipeline.capture(a.video, _options(a), run)
    _write(a, run, motions, {"device": motions[0].header["settings"]["device"], "frames": motions[0].frames})


def _detect(a: argparse.Namespace, say: Callable[[Event], None], cancelled: Callable[[], bool]) -> None:
    from . import pipeline

    _check_out(a, a.video)
    run = pipeline.Run(say, cancelled)
    people = pipeline.detect(a.video, _options(a), run)
    _write(a, run, people, {"frames": len(people[0].frame_times)})


def _lift(a: argparse.Namespace, say: Callable[[Event], None], cancelled: Callable[[], bool]) -> None:
    from . import keypoint_files, pipeline

    _check_out(a, a.keypoints)
    keypoints = keypoint_files.read(a.keypoints, fps=a.fps, size=a.size, person=a.person or "largest", clip=a.clip)
    run = pipeline.Run(say, cancelled)
    motion = pipeline.lift(keypoints, _options(a), run)
    _write(a, run, [motion], {"device": motion.header["settings"]["device"], "frames": motion.frames})


def _check_out(a: argparse.Namespace, source: Path) -> None:
    """Refuse an output that cannot be, or that would replace what is read or was written before."""
    if a.out.resolve() == source.resolve():
        raise UsageError(f"--out {a.out}: is the input itself. Choose another name.")
    if getattr(a, "preview", None):
        from . import preview

        preview.check(a.preview, a.overwrite)
    if getattr(a, "person", "") != "all":
        check_output(a.out, a.overwrite)
        return
    check_output(_numbered(a.out, 1), a.overwrite)
    earlier = sorted(a.out.parent.glob(f"{glob.escape(a.out.stem)}.p*{a.out.suffix}"))
    if earlier and not a.overwrite:
        raise OutputError(f"{earlier[0]}: exists already. Choose another name or add --overwrite.")


def _numbered(out: Path, person: int) -> Path:
    """motion.npz of the second person: motion.p2.npz."""
    return out.with_suffix(f".p{person}{out.suffix}")


def _write(a: argparse.Namespace, run: Any, results: list[Any], more: dict[str, Any]) -> None:
    """Save what was made, one file a person under --person all, and say so."""
    run.stage("write")
    if run.cancelled():
        raise Cancelled("cancelled.")
    paths = [a.out]
    if getattr(a, "person", "") == "all":
        paths = [_numbered(a.out, i) for i in range(1, len(results) + 1)]
    for path, result in zip(paths, results, strict=True):
        result.save(path)
    further = len(paths)
    while getattr(a, "person", "") == "all" and (left_over := _numbered(a.out, further := further + 1)).is_file():
        left_over.unlink()  # an earlier run's, which found more people
    run.close()
    run.emit(Event("done", {"outputs": [str(p) for p in paths], "seconds": run.seconds, **more}))


def _options(a: argparse.Namespace) -> Any:
    from . import cache, pipeline

    given = {k: v for k, v in vars(a).items() if k in pipeline.Options.__dataclass_fields__ and v is not None}
    given["cache"] = None if getattr(a, "no_cache", True) else (a.cache or cache.default_folder())
    return pipeline.Options(**given)


def _models(a: argparse.Namespace, say: Callable[[Event], None], cancelled: Callable[[], bool]) -> None:
    from .models import catalogue, weights
    from .networks import BODIES

    rows = [
        (m.name, m.commercial_use, f"{m.network}, {m.config.get('frames')} frames at {m.fps:g} fps", m.licence)
        for m in weights.available()
    ]
    shipped = len(rows)
    for known in catalogue.known():
        fit = known.units != "none" and known.joints_out in BODIES
        rows.append(
            (known.file, known.commercial_use, known.name + ("" if fit else " (not for capture)"), known.licence)
        )
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    lines = [
        f"{a:{widths[0]}}  commercial use: {use:{widths[1]}}  {what:{widths[2]}}  {by}" for a, use, what, by in rows
    ]
    lines.insert(shipped, "of their authors, to be fetched by yourself (--model FILE; catalogue.toml says where from):")
    say(Event("done", {"outputs": ["shipped (--model NAME):", *lines]}))


def _info(a: argparse.Namespace, say: Callable[[Event], None], cancelled: Callable[[], bool]) -> None:
    from . import info, pipeline, who

    if a.who:
        who.check_picture(a.who)
        check_output(a.who, a.overwrite)
    if a.video and not a.plot:
        raise UsageError("--video: is for --plot. Add --plot OUT.png.")
    record = info.about(a.file)
    if a.plot:
        _plot(a)
        record["plot"] = str(a.plot)
    if a.who:
        record["people"] = info.about_people(a.file, a.who, _options(a), pipeline.Run(say, cancelled))
    say(Event("done", {"outputs": [json.dumps(record, ensure_ascii=False, indent=1)]}))


def _plot(a: argparse.Namespace) -> None:
    from .contract.motion import Motion

    if a.plot.suffix.lower() != ".png":
        raise UsageError(f"--plot {a.plot}: must end in .png.")
    check_output(a.plot, a.overwrite)
    motion = Motion.load(a.file)
    from . import plot  # matplotlib, which may be missing

    plot.draw(motion, a.plot, a.video)


def _size(text: str) -> tuple[int, int]:
    width, height = text.lower().split("x")
    return int(width), int(height)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m lifter", description=(__doc__ or "").split("\n")[0])
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)

    def command(name: str, run: Callable[..., None], text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(command=run)
        return sub

    capture = command("capture", _capture, "video to motion file")
    detect = command("detect", _detect, "video to 2D keypoints")
    lift = command("lift", _lift, "2D keypoints to motion file")
    info = command("info", _info, "what is in a motion, keypoints or video file, and who is in a video")
    for sub in (capture, detect):
        sub.add_argument("video", type=Path)
        sub.add_argument(
            "--person",
            help="largest, all, a number from 1 (1 is the most prominent; info VIDEO --who PICTURE shows them), or "
            "X,Y,TIME: who is there at that pixel and second",
        )
        sub.add_argument(
            "--preview",
            type=Path,
            metavar="PICTURE",
            help="while people are sought, keep a small picture of the frame in work there, skeletons drawn "
            "(.jpg, .png or .bmp)",
        )
    lift.add_argument("keypoints", type=Path, help="our file, OpenPose's folder, COCO-style JSON, VideoPose3D's npz")
    lift.add_argument("--fps", type=float, help="frames a second, where the file does not say")
    lift.add_argument("--size", type=_size, metavar="WIDTHxHEIGHT", help="of the picture in pixels, likewise")
    lift.add_argument("--person", help="largest, or a number from 1, where the file holds several")
    lift.add_argument("--clip", metavar="SUBJECT/ACTION/CAMERA", help="of a VideoPose3D file with several clips")
    for sub in (capture, lift):
        sub.add_argument("--model", help="name, or file of weights: ours or a published lifter's (see: models)")
        sub.add_argument(
            "--input-joints", choices=("h36m", "coco"), help="points that a renamed published checkpoint reads (h36m)"
        )
        sub.add_argument(
            "--windows",
            choices=("blended", "paper"),
            help="of a published lifter: overlapping by half (default), or as in its paper, which is twice as fast",
        )
        lens = sub.add_mutually_exclusive_group()
        lens.add_argument(
            "--hfov",
            type=float,
            help="horizontal field of view, degrees (default: found out; else 55 across the longer side)",
        )
        lens.add_argument("--focal-mm", type=float, help="focal length on 36 mm wide film")
        sub.add_argument(
            "--roll", type=float, help="of the camera, degrees clockwise about its view: 180 is upside down"
        )
        sub.add_argument(
            "--pitch", type=float, help="of the camera, degrees downwards (default: found out, and the roll)"
        )
        sub.add_argument("--height", type=float, help="of the person, metres (default: a standard body of 1.70 m)")
        sub.add_argument("--device", help="auto, cpu, cuda or mps")
        sub.add_argument("--smooth-hz", type=float, help="cut-off of the smoothing (default 8; 0 for none)")
        sub.add_argument(
            "--no-refine",
            dest="refine",
            action="store_false",
            default=None,
            help="leave the points as the detector gives them, and the joints as the network does",
        )
    for sub in (capture, detect, lift):
        sub.add_argument(
            "--camera",
            help="static, rotating (pans, tilts, a hand's shake) or auto (default): the film's background tells",
        )
    for sub in (capture, detect, info):
        sub.add_argument("--detector", help="mediapipe")
        sub.add_argument("--start", type=float, help="seconds")
        sub.add_argument("--end", type=float, help="seconds")
        cache = sub.add_mutually_exclusive_group()
        cache.add_argument("--cache", type=Path, help="folder for detections (default: the system's cache folder)")
        cache.add_argument("--no-cache", action="store_true")
    for sub in (capture, detect, lift):
        sub.add_argument("--out", type=Path, required=True, help="file to write")
    for sub in (capture, detect, lift, info):
        sub.add_argument("--overwrite", action="store_true")
        sub.add_argument("--events", action="store_true", help="JSON lines on stdout; obey stdin")

    command("models", _models, "the networks that ship and the published ones, with their licences")
    info.add_argument("file", type=Path, help="motion, keypoints, or a video")
    info.add_argument("--who", type=Path, metavar="PICTURE", help="of a video: find its people, and draw who is who")
    info.add_argument("--plot", type=Path, metavar="PNG", help="of a motion: draw its path, contacts and confidence")
    info.add_argument("--video", type=Path, help="of that motion, to draw its skeleton on (with --plot)")
    try:
        from .train import evaluate_command, train_command
    except ImportError:
        return parser  # the extension leaves them out
    evaluate_command.add(command)
    train_command.add(command)
    return parser


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # libraries' threads must not hold the process
