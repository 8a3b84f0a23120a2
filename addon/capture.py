"""One capture as its watcher sees it: where it stands, what it warned of, what came out. Standard library only."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..lifter.contract import protocol
from ..lifter.contract.protocol import Cancelled, Event, RuntimeUnfitError, V2AError
from .job import Job, how_it_ended
from .runtime import ROOT, capture_command
from .translations import Text, joined

SILENT_S = 15.0  # longer than loading torch from a warm disk: worth a word to the user
HUNG_S = 600.0  # no stage is that long without a word; a queue must go on at night
REPORTED_LINES = 40  # of the log: a traceback and what came before it
MEMORY_SIGNS = ("MemoryError", "bad_alloc", "can't allocate memory", "Cannot allocate memory", "out of memory")
KILLED = -9  # SIGKILL, which is what Linux and macOS send when memory runs out

STAGES = {
    "open": Text("Opening the video"),
    "detect": Text("Finding people"),
    "track": Text("Following people"),
    "lens": Text("Finding the lens"),
    "lift": Text("Lifting to 3D"),
    "world": Text("Placing in the world"),
    "smooth": Text("Smoothing"),
    "write": Text("Writing the motion"),
}
_ERRORS = {
    kind.exit_code: kind
    for kind in (
        protocol.UsageError, protocol.InputError, protocol.NobodyFoundError, protocol.RuntimeUnfitError,
        protocol.RigError, protocol.OutputError, protocol.BatchError, protocol.Cancelled,
    )
}  # fmt: skip


@dataclass(frozen=True)
class Progress:
    """Where the worker stands within its stage; zeros where it has not said."""

    stage: str = ""
    done: int = 0
    total: int = 0
    rate: float = 0.0  # frames a second
    eta: float | None = None  # seconds to the end of the stage

    @property
    def label(self) -> str:
        return STAGES.get(self.stage, self.stage) or Text("Starting")

    @property
    def fraction(self) -> float:
        """0..1 within the stage."""
        return min(1.0, self.done / self.total) if self.total > 0 else 0.0

    @property
    def text(self) -> Text:
        """For people: counts, rate and time left, as far as known."""
        parts = [Text("{done} of {total}", done=self.done, total=self.total)] if self.total else []
        if self.rate > 0:
            parts.append(Text("{rate:.1f} frames/s", rate=self.rate))
        if self.eta is not None:
            parts.append(Text("{time} left", time=duration(self.eta)))
        return joined(parts)


@dataclass
class Capture:
    """A running worker and what its events said so far. poll() until it says False, then result()."""

    job: Job
    progress: Progress = field(default_factory=Progress)
    warnings: list[str] = field(default_factory=list[str])
    outputs: tuple[Path, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict[str, float])
    device: str = ""
    hung: bool = False
    _error: str = ""

    def poll(self) -> bool:
        """Take in what came; whether the worker still runs. Never waits."""
        code = self.job.exit_code  # before the events, so that none is left behind when it has ended
        for event in self.job.poll():
            try:
                self._take(event)
            except (TypeError, ValueError, OverflowError):  # "done": "many"
                self.job.garbled += 1
        if code is None and not self.hung and self.job.silent_s > HUNG_S:
            self.hung = True
            self.job.kill()
        return code is None or not self.job.drained

    @property
    def silent(self) -> str:
        """A word about a worker that says nothing, '' while it does."""
        if self.job.silent_s < SILENT_S:
            return ""
        return Text("The capture has given no sign of life for {time}", time=duration(self.job.silent_s))

    @property
    def died(self) -> bool:
        """Whether it ended without a reason that users can act on: then its log is worth keeping."""
        code = self.job.exit_code
        return code is not None and code != 0 and code not in _ERRORS and not self.job.cancelled

    def result(self) -> tuple[Path, ...]:
        """The motion files, one a person. Raises what stopped the worker."""
        code = self.job.exit_code
        if code == 0 and self.outputs:
            return self.outputs
        if self.hung:
            raise V2AError(f"the capture gave no sign of life for {duration(HUNG_S)} and was ended. Start it again.")
        if self.job.cancelled:
            raise Cancelled("the capture was cancelled.")
        detail = self._error or self.job.last_words()
        if code == KILLED or any(sign in detail for sign in MEMORY_SIGNS):
            ended = ": ".join(word for word in (how_it_ended(code or 0), detail) if word)
            raise RuntimeUnfitError(
                f"the capture was ended from outside or ran out of memory ({ended}). "
                "Close other programs or capture a shorter part, then start again: what was found is kept."
            )
        if code in _ERRORS and self._error:
            raise _ERRORS[code](self._error)
        detail = detail or "it said nothing"
        raise V2AError(f"the capture stopped with {how_it_ended(code or 0)}: {detail} (log: {self.job.log})")

    def report(self) -> str:
        """What whoever looks into a failed capture wants to know, as lines."""
        code = self.job.exit_code
        lines = [
            f"command: {' '.join(self.job.command)}",
            f"state: {'running' if code is None else how_it_ended(code)} after {duration(self.job.seconds)}",
            f"stage: {self.progress.label} {self.progress.text}",
            f"last sign of life: {duration(self.job.silent_s)} ago, {self.job.garbled} lines not understood",
            *(f"warning: {text}" for text in self.warnings[-10:]),
            *([f"error: {self._error}"] if self._error else []),
            f"log: {self.job.log}",
            *(f"  {line}" for line in self.job.log_tail(REPORTED_LINES)),
        ]
        return "\n".join(lines)

    def _take(self, event: Event) -> None:
        fields: Mapping[str, Any] = event.fields
        if event.name == "stage":
            self.progress = Progress(stage=str(fields.get("name", "")))
        elif event.name == "progress":
            self.progress = replace(
                self.progress,
                stage=str(fields.get("stage", self.progress.stage)),
                done=int(fields.get("done") or 0),
                total=int(fields.get("total") or 0),
                rate=float(fields.get("rate") or 0.0),
                eta=None if fields.get("eta") is None else float(fields["eta"]),
            )
        elif event.name == "warning":
            self.warnings.append(str(fields.get("message", "")))
        elif event.name == "error":
            self._error = str(fields.get("message", ""))
        elif event.name == "done":
            self.outputs = tuple(Path(str(out)) for out in fields.get("outputs", ()))
            self.seconds = {str(k): float(v) for k, v in dict(fields.get("seconds", {})).items()}
            self.device = str(fields.get("device", ""))


def start(
    interpreter: Path, video: Path, out: Path, options: Mapping[str, str], log: Path, *, overwrite: bool
) -> Capture:
    """Start capturing a video in the background. Raises RuntimeUnfitError, OutputError."""
    video, out = Path(os.path.abspath(video)), Path(os.path.abspath(out))  # the worker runs in another folder
    model = options.get("model", "")
    if Path(model).is_file():  # else the name of one that ships
        options = {**options, "model": os.path.abspath(model)}
    return Capture(Job(capture_command(interpreter, video, out, options, overwrite=overwrite), ROOT, log))


def duration(seconds: float) -> str:
    """'8 s' or '2:05 min'."""
    whole = max(0, round(seconds))
    return f"{whole} s" if whole < 60 else f"{whole // 60}:{whole % 60:02d} min"
