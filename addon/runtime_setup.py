"""Makes the environment that the capture runs in, repairs it, removes it: one Setup is one press of the button.

Standard library only; the work runs in a thread, its programs in groups of their own. Each step finds what an earlier
try left in the folder (runtime_folder.py): started again after a break or a cancel, it goes on from there.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..lifter.contract.protocol import Cancelled, OutputError, RuntimeUnfitError, V2AError
from . import processes, runtime, runtime_machine, runtime_uv, runtime_verify
from .runtime_folder import LOCK, alone, fingerprint, interpreter, read_stamp, remove_tree, size_gb
from .translations import Text

PYTHON = "3.11"  # the newest that the pinned mediapipe has wheels for on all systems
SPARE_GB = 0.5  # the system needs room as well
POLL_S = 0.1
PATIENCE_S = "120"  # of uv for a silent server; its own 30 s are short for slow lines
DISK_FULL = re.compile(r"No space left|os error 28\b|os error 112\b|Errno 28|not enough space", re.IGNORECASE)
NO_NETWORK = re.compile(
    r"dns error|resolv|client error \(Connect\)|timed out|Connection (refused|reset|broken)|offline"
)
NO_PYTHON = re.compile(r"No interpreter found")
LACKS = re.compile(r"(?:Because|because) (\S+) was not found|no version of (\S+)|(\S+) has no wheels")


@dataclass(frozen=True)
class Plan:
    """What to install, from where, whereto."""

    folder: Path
    lock: Path = LOCK
    backend: str = ""  # runtime_machine.Build
    build: str = "index"
    disk_gb: float = 1.8
    wheels: Path | None = None  # a folder of wheels: then nothing is fetched
    online: bool = True
    modules: tuple[str, ...] = runtime.NEEDED  # must load at the end
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)  # it may hold secrets

    @property
    def env(self) -> Path:
        return self.folder / "env"

    @property
    def stamp(self) -> dict[str, str]:
        return {"lock": fingerprint(self.lock), "build": self.build}


class Setup:
    """One run of the set-up; its fields are read from any thread."""

    def __init__(self, plan: Plan, *, repair: bool = False) -> None:
        self.plan = plan
        self.repair = repair
        self.label = Text("Starting")
        self.fraction = 0.0  # 0..1 of the whole
        self.text = ""
        self.error = ""
        self.done = False
        self.started = time.monotonic()
        self.log = plan.folder / "log.txt"
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="v2a-setup", daemon=True)

    def start(self) -> Setup:
        self._thread.start()
        return self

    def cancel(self) -> None:
        """What was fetched is kept for the next try."""
        self._stop.set()

    def wait(self, timeout_s: float | None = None) -> None:
        self._thread.join(timeout_s)

    @property
    def cancelled(self) -> bool:
        return self._stop.is_set()

    def _run(self) -> None:
        try:
            self._prepare_folder()
            with alone(self.plan.folder):
                self._steps()
        except Cancelled:
            pass
        except V2AError as error:
            self.error = str(error)
        except OSError as error:
            self.error = str(self._disk_error(error))
        except Exception as error:  # a thread's traceback is lost, and the panel would wait for ever
            self.error = f"a bug in the set-up: {type(error).__name__}: {error} (log: {self.log})"
        finally:
            self.done = True

    def _steps(self) -> None:
        self.log.write_text(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {self.plan}\n", "utf-8")
        ready = self.plan.folder / "ready.json"
        before = read_stamp(ready)
        ready.unlink(missing_ok=True)
        self._show("Looking for room on the disk", 0.0)
        self._check_room()
        self._show("Getting the installer", 0.02)
        uv = self._installer()
        self._show(Text("Making an environment with Python {version}", version=PYTHON), 0.06)
        self._make_environment(uv)
        broken: list[str] = []
        if self.repair:
            self._show("Checking all files", 0.1)
            broken = runtime_verify.damaged(self.plan.env, self._stop.is_set)
        if before.get("build", self.plan.build) != self.plan.build:
            broken.append("torch")  # the same version, another build
        self._show("Fetching and installing packages", 0.15)
        self._install(uv, broken)
        self._show("Loading the packages", 0.92)
        python, modules = interpreter(self.plan.folder), self.plan.modules
        runtime.check(python, really_import=True, modules=modules, fresh=True, stopped=self._stop.is_set)
        ready.write_text(json.dumps(self.plan.stamp), "utf-8")
        remove_tree(self.plan.folder / "cache")
        self._show("Ready", 1.0)

    def _prepare_folder(self) -> None:
        folder = self.plan.folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            probe = folder / "probe"
            probe.write_bytes(b"x")
            probe.unlink()
        except OSError as error:
            raise self._disk_error(error) from error

    def _check_room(self) -> None:
        have = sum(size_gb(self.plan.folder / part) for part in ("env", "cache"))
        free = shutil.disk_usage(self.plan.folder).free / 1e9
        need = max(0.0, self.plan.disk_gb - have) + (SPARE_GB if self.plan.disk_gb >= SPARE_GB else 0.0)
        if free < need:
            raise OutputError(
                f"{self.plan.folder}: {free:.1f} GB are free on that disk and {need:.1f} GB are needed. "
                "Make room and press the button again."
            )

    def _installer(self) -> Path:
        folder = self.plan.folder / "uv"
        found = runtime_uv.find(folder)
        if found is None and self.plan.wheels is not None:
            wheel = runtime_uv.in_wheels(self.plan.wheels)
            found = runtime_uv.unpack(wheel, folder) if wheel is not None else None
        if found is None and self.plan.online:
            found = runtime_uv.fetch(folder, self._tool)
        if found is None:
            raise RuntimeUnfitError(
                "the installer uv is not on this machine. Allow online access in Blender's preferences (System), put uv's "
                "wheel into the folder of wheels, or name an interpreter."
            )
        return found

    def _make_environment(self, uv: Path) -> None:
        if runtime.python_version(interpreter(self.plan.folder)).startswith(f"{PYTHON}."):
            return
        pythons = [PYTHON]
        if sys.version_info[:2] == (3, 11):
            pythons.append(sys.executable)  # Blender's own, where no other can be had
        for i, python in enumerate(pythons):
            try:
                command = [str(uv), "venv", "--no-project", "--clear", "--python", python, str(self.plan.env)]
                self._tool(command, f"making an environment with Python {PYTHON}")
                return
            except RuntimeUnfitError:
                if i == len(pythons) - 1:
                    raise

    def _install(self, uv: Path, broken: Sequence[str]) -> None:
        command = [str(uv), "pip", "install", "--python", str(interpreter(self.plan.folder))]
        command += ["--only-binary", ":all:", "--requirements", str(self.plan.lock)]  # no foreign code runs to build
        for name in broken:
            command += ["--reinstall-package", name]
        if self.plan.wheels is not None:
            command += ["--no-index", "--find-links", str(self.plan.wheels)]
        elif self.plan.backend:
            command += ["--torch-backend", self.plan.backend]
        free = shutil.disk_usage(self.plan.folder).free

        def measure() -> None:
            written = max(0.0, free - shutil.disk_usage(self.plan.folder).free) / 1e9  # others write too: a hint
            self.fraction = 0.15 + 0.77 * min(1.0, written / max(self.plan.disk_gb, 0.001))
            self.text = Text("{done:.1f} of about {all:.1f} GB on the disk", done=written, all=self.plan.disk_gb)

        self._tool(command, "installing the packages", measure)

    def _tool(self, command: Sequence[str], what: str, measure: Callable[[], None] = lambda: None) -> None:
        """Run a program to its end, its words into the log. Raises Cancelled, RuntimeUnfitError, OutputError."""
        self._stop_if_asked()
        folder = self.plan.folder
        environment = {
            **runtime_machine.uv_environment(self.plan.environment),
            "UV_CACHE_DIR": str(folder / "cache"),
            "UV_PYTHON_INSTALL_DIR": str(folder / "python"),
            "UV_NO_PROGRESS": "1",
            "UV_HTTP_TIMEOUT": self.plan.environment.get("UV_HTTP_TIMEOUT", PATIENCE_S),
        }
        if self.plan.wheels is not None or not self.plan.online:
            environment |= {"UV_OFFLINE": "1", "UV_PYTHON_DOWNLOADS": "never"}
        with self.log.open("ab") as log:
            log.write(f"\n$ {' '.join(command)}\n".encode())
            log.flush()
            said_from = log.tell()
            try:
                process = processes.start(command, folder, environment, stdout=log, stderr=log)
            except OSError as error:
                raise RuntimeUnfitError(f"{command[0]}: cannot be started ({error.strerror or error}).") from error
            while process.poll() is None:
                if self._stop.wait(POLL_S):
                    processes.end(process, force=True)
                    process.wait()
                measure()
            processes.close(process)
        self._stop_if_asked()
        if process.returncode:
            self._explain(what, self.log.read_bytes()[said_from:].decode("utf-8", "replace"))

    def _explain(self, what: str, words: str) -> None:
        """Raise what a program's last words mean for the user."""
        where = f"(log: {self.log})"
        if DISK_FULL.search(words):
            raise OutputError(f"{self.plan.folder}: the disk is full. Make room and press the button again {where}.")
        lines = [line.strip(" ×│╰─▶\t") for line in words.splitlines() if line.strip(" ×│╰─▶\t")]
        if self.plan.wheels is None and NO_NETWORK.search(words):
            raise RuntimeUnfitError(
                f"{what}: the package index cannot be reached ({lines[-1].removeprefix('cause: ')}). Check the connection "
                f"and press the button again: what has come is kept {where}."
            )
        missing = next((name for found in LACKS.finditer(words) for name in found.groups() if name), "")
        if self.plan.wheels is not None and missing:
            raise RuntimeUnfitError(
                f"{self.plan.wheels}: lacks a wheel of {missing} for this system and Python {PYTHON}. Add it {where}."
            )
        if NO_PYTHON.search(words):
            raise RuntimeUnfitError(
                f"there is no Python {PYTHON} on this machine, and without a network it cannot be fetched. Install it (no "
                f"admin rights are needed), or allow online access and leave the folder of wheels empty {where}."
            )
        first = next((line for line in lines if "rror" in line or "No " in line), lines[-1] if lines else "no word")
        raise RuntimeUnfitError(f"{what} failed: {first.removeprefix('error: ')} {where}. Press Repair to try again.")

    def _disk_error(self, error: OSError) -> OutputError:
        if DISK_FULL.search(str(error)):
            return OutputError(f"{self.plan.folder}: the disk is full. Make room and press the button again.")
        return OutputError(
            f"{error.filename or self.plan.folder}: cannot be written ({error.strerror or error}). Make it writable, or "
            "name a Python interpreter that has torch and mediapipe."
        )

    def _show(self, label: str, fraction: float) -> None:
        self._stop_if_asked()
        self.label, self.fraction, self.text = label, fraction, ""

    def _stop_if_asked(self) -> None:
        if self._stop.is_set():
            raise Cancelled("the set-up was cancelled.")
