"""Is everything there that a capture needs? Each item with a tick or the exact remedy, before the run and not after.

Standard library only. What Blender knows comes in as Facts; the rest is found out in a thread.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..lifter.contract.protocol import Cancelled, InputError, RuntimeUnfitError, parse_event
from . import processes, runtime, runtime_folder, runtime_verify
from .translations import Text

WEIGHTS = runtime.ROOT / "lifter" / "weights"
SUMS = Path(__file__).resolve().parent / "weights.sha256"
LEAST_FREE_GB = 0.5  # motion, detections and log of an hour of video are a tenth of this
VIDEO_LIMIT_S = 60.0  # opening takes 0.5 s; a network disk that sleeps takes longer
TOLD = ("torch", "mediapipe", "numpy", "opencv-contrib-python", "scipy", "safetensors")

SET_UP = "v2a.set_up"
REPAIR = "v2a.repair"
PREFERENCES = "v2a.open_preferences"


@dataclass(frozen=True)
class Facts:
    """What a check is about, as Blender knows it."""

    video: Path
    out: Path  # where the motion will be written
    named: str = ""  # interpreter of the preferences
    made: tuple[Path, ...] = ()  # folders of set-ups
    network: str = ""  # a name or a file; '' is the one that ships
    armature: str = ""  # what was found of it, in words
    armature_error: str = ""
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)


@dataclass(frozen=True)
class Item:
    """One line of the list."""

    name: str
    ok: bool
    text: str  # what was found
    remedy: str = ""  # what to do
    operator: str = ""  # of the button that mends it; '' where none can


class Check:
    """One check, in a thread; `items` grows until `done`."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.items: list[Item] = []
        self.interpreter: Path | None = None  # the fit one
        self.done = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="v2a-check", daemon=True)

    def start(self) -> Check:
        self._thread.start()
        return self

    def cancel(self) -> None:
        self._stop.set()

    def wait(self, timeout_s: float) -> None:
        self._thread.join(timeout_s)

    @property
    def cancelled(self) -> bool:
        return self._stop.is_set()

    @property
    def failures(self) -> list[Item]:
        return [item for item in self.items if not item.ok]

    def _run(self) -> None:
        try:
            for item in self._look():
                self.items.append(item)
        except Cancelled:
            pass
        except Exception as error:  # a thread's traceback is lost, and the run would wait for ever
            bug = Text("a bug: {error}", error=f"{type(error).__name__}: {error}")
            self.items.append(Item("Self-check", False, bug, "Please report it."))
        finally:
            self.done = True

    def _look(self) -> Iterator[Item]:
        yield armature(self.facts)
        yield disk(self.facts.out.parent)
        yield network(self.facts.network)
        interpreter, item = find_interpreter(self.facts)
        yield item
        if interpreter is None:
            return
        items = packages(interpreter, self.facts, self._stop.is_set)
        yield from items
        if all(item.ok for item in items):
            self.interpreter = interpreter
            yield video(interpreter, self.facts.video, self._stop.is_set)


def armature(facts: Facts) -> Item:
    text, remedy = _split(facts.armature_error)
    return Item("Armature", not text, text or facts.armature, remedy)


def disk(folder: Path) -> Item:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".v2a-{os.getpid()}"
        probe.write_bytes(b"x")
        probe.unlink()
        free = shutil.disk_usage(folder).free / 1e9
    except OSError as error:
        text = Text("{folder} cannot be written ({error})", folder=folder, error=error.strerror)
        return Item("Disk", False, text, "Make that folder writable.")
    text = Text("{size:.1f} GB free" if free < 10 else "{size:.0f} GB free", size=free)
    enough = free >= LEAST_FREE_GB
    remedy = Text("Make room on the disk of {folder}: {size} GB are needed.", folder=folder, size=LEAST_FREE_GB)
    return Item("Disk", enough, text, "" if enough else remedy)


def network(name: str) -> Item:
    """What is to be used: one that ships, or a file of the user's own, which the worker looks into before it begins."""
    path = Path(name)
    if not name or (WEIGHTS / f"{name}.safetensors").is_file():
        return weights()
    remedy = "Choose another file under Options, or none for the network that ships."
    try:
        with path.open("rb") as stream:
            head = stream.read(9)
    except OSError as error:
        return Item("Network", False, f"{path}: {error.strerror}", remedy)
    if head[:2] != b"PK" and head[:1] != b"\x80" and head[8:] != b"{":  # torch's files, old ones, safetensors
        return Item("Network", False, Text("{file} holds no network", file=path), remedy)
    return Item("Network", True, path.name)


def weights(folder: Path = WEIGHTS, sums: Path = SUMS) -> Item:
    """The networks that ship, each against its sum."""
    wanted = [line.split() for line in sums.read_text("ascii").splitlines() if line.strip()]
    for expected, name in wanted:
        try:
            found = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        except OSError as error:
            return Item("Network", False, f"{folder / name}: {error.strerror}", "Install the extension again.")
        if found != expected:
            return Item("Network", False, Text("{file} is damaged", file=folder / name), "Install the extension again.")
    return Item("Network", True, "weights as shipped")


def find_interpreter(facts: Facts) -> tuple[Path | None, Item]:
    try:
        found = runtime.find(facts.named, environment=facts.environment, made=facts.made)
    except RuntimeUnfitError as error:
        text, remedy = _split(str(error))
        if facts.named or facts.environment.get(runtime.VARIABLE):
            return None, Item("Python", False, text, remedy, PREFERENCES)
        return None, Item("Python", False, "The capture's Python is not set up", "Set it up, or name one.", SET_UP)
    ours = found in map(runtime_folder.interpreter, facts.made)
    return found, Item("Python", True, Text("The capture's Python is set up") if ours else str(found))


def packages(interpreter: Path, facts: Facts, stopped: Callable[[], bool] = lambda: False) -> list[Item]:
    """Whether they are there, load, and have the versions of the lock; and what they will compute on."""
    folder = next((folder for folder in facts.made if runtime_folder.interpreter(folder) == interpreter), None)
    try:
        runtime.check(interpreter, fresh=True, stopped=stopped)  # quick, and sees what was taken away since
        found = runtime.check(interpreter, really_import=True, stopped=stopped)
    except RuntimeUnfitError as error:
        text, remedy = _split(str(error))
        if folder is None:
            return [Item("Packages", False, text, remedy, PREFERENCES)]
        text = text.removeprefix(f"{interpreter}: ")  # says nothing to those who did not choose it
        return [Item("Packages", False, text, "Repair it.", REPAIR)]
    have = {runtime_verify.canonical(name): version.split("+")[0] for name, version in found.versions.items()}
    pins = runtime_verify.pins(runtime_folder.LOCK)
    other = [f"{name} {have.get(name, 'unknown')} for {pins[name]}" for name in TOLD if have.get(name) != pins[name]]
    text = f"torch {have.get('torch')}, mediapipe {have.get('mediapipe')}"
    if other and folder is not None:
        text = Text("other versions: {packages}", packages=", ".join(other))
        return [Item("Packages", False, text, "Update them.", SET_UP)]
    if other:
        text += f" (tested with other versions: {', '.join(other)})"
    return [Item("Packages", True, text), Item("Device", True, found.device)]


def video(interpreter: Path, path: Path, stopped: Callable[[], bool] = lambda: False) -> Item:
    """Whether the worker can open it, by the worker itself."""
    if not path.is_file():
        return Item("Video", False, Text("{file} is not there", file=path), "Choose the video again.")
    try:
        about = _ask_worker([str(interpreter), "-X", "utf8", "-m", "lifter", "info", str(path), "--events"], stopped)
    except InputError as error:
        text, remedy = _split(str(error))
        return Item("Video", False, text, remedy or "Choose another video.")
    seconds = about["frames"] / about["fps"] if about.get("fps") else 0.0
    size = f"{about.get('width')} x {about.get('height')}"
    text = Text("{seconds:.1f} s, {size}, {fps:.4g} fps", seconds=seconds, size=size, fps=about.get("fps"))
    return Item("Video", True, text)


def _ask_worker(command: Sequence[str], stopped: Callable[[], bool]) -> dict[str, Any]:
    """What `lifter info` tells. Raises InputError, Cancelled."""
    process = processes.start(command, runtime.ROOT, os.environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    deadline, out = time.monotonic() + VIDEO_LIMIT_S, b""
    try:
        while process.returncode is None and not stopped() and time.monotonic() < deadline:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(runtime.POLL_S)
        if process.returncode is not None and process.stdout is not None:
            out = process.stdout.read()  # a few hundred bytes: no pipe is filled
    finally:
        processes.close(process)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
    if stopped():
        raise Cancelled("the self-check was cancelled.")
    for line in out.decode("utf-8", "replace").splitlines():
        event = parse_event(line)
        if event is not None and event.name == "done":
            return json.loads(event.fields["outputs"][0])
        if event is not None and event.name == "error":
            raise InputError(str(event.fields.get("message", "")))
    raise InputError(f"the video could not be opened within {VIDEO_LIMIT_S:.0f} s. Copy it to this machine's own disk.")


def _split(message: str) -> tuple[str, str]:
    """Our errors say what was found, then what to do in further sentences."""
    found, stop, remedy = message.partition(". ")
    return (found, remedy) if stop else (message.rstrip("."), "")
