"""One capture as its watcher sees it: where it stands, what it warned of, what came out. Standard library only."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..lifter.contract import protocol
from ..lifter.contract.protocol import Cancelled, Event, V2AError
from .job import Job
from .runtime import ROOT, capture_command

STAGES = {
    "open": "Opening the video",
    "detect": "Finding people",
    "track": "Following people",
    "lift": "Lifting to 3D",
    "world": "Placing in the world",
    "smooth": "Smoothing",
    "write": "Writing the motion",
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
        return STAGES.get(self.stage, self.stage) or "Starting"

    @property
    def fraction(self) -> float:
        """0..1 within the stage."""
        return min(1.0, self.done / self.total) if self.total > 0 else 0.0

    @property
    def text(self) -> str:
        """For people: counts, rate and time left, as far as known."""
        parts = [f"{self.done} of {self.total}"] if self.total else []
        if self.rate > 0:
            parts.append(f"{self.rate:.1f} frames/s")
        if self.eta is not None:
            parts.append(f"{duration(self.eta)} left")
        return ", ".join(parts)


@dataclass
class Capture:
    """A running worker and what its events said so far. poll() until it says False, then result()."""

    job: Job
    progress: Progress = field(default_factory=Progress)
    warnings: list[str] = field(default_factory=list[str])
    outputs: tuple[Path, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict[str, float])
    device: str = ""
    _error: str = ""

    def poll(self) -> bool:
        """Take in what came; whether the worker still runs. Never waits."""
        code = self.job.exit_code  # before the events, so that none is left behind when it has ended
        for event in self.job.poll():
            self._take(event)
        return code is None

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
        if self.job.cancelled:
            raise Cancelled("the capture was cancelled.")
        if code in _ERRORS and self._error:
            raise _ERRORS[code](self._error)
        detail = self._error or self.job.last_words() or "it said nothing"
        raise V2AError(f"the capture stopped with exit code {code}: {detail} (log: {self.job.log})")

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
