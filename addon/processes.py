"""Starting a program so that it and all its children can be ended, and end with Blender. Standard library only."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

STRIPPED_PREFIXES = ("PYTHON", "LD_", "DYLD_", "VIRTUAL_ENV", "CONDA_", "OCIO", "__PYVENV_LAUNCHER__")
POSIX = os.name == "posix"
NICENESS = 5  # Blender's window comes first; on an idle machine it makes no difference
KILL_ON_JOB_CLOSE = 0x2000  # JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE, winnt.h
EXTENDED_LIMITS = 9  # JobObjectExtendedLimitInformation, winnt.h

_job_objects: dict[int, int] = {}  # on Windows: process id -> handle of the job object that holds it


def clean_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without what Blender hands on to children and would break another interpreter."""
    kept = {key: value for key, value in environment.items() if not key.upper().startswith(STRIPPED_PREFIXES)}
    return {**kept, "PYTHONNOUSERSITE": "1"}


def answer(command: Sequence[str], seconds: float) -> str:
    """What a program prints when asked something, '' when it does not start, fails or takes longer."""
    try:
        ended = subprocess.run(
            list(command),
            env=clean_environment(os.environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return ended.stdout.decode("utf-8", "replace").strip() if ended.returncode == 0 else ""


def start(
    command: Sequence[str],
    cwd: Path | None,
    environment: Mapping[str, str],
    *,
    stdin: int = subprocess.DEVNULL,
    stdout: int | IO[bytes] = subprocess.DEVNULL,
    stderr: int | IO[bytes] = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    """The program in a group of its own, of less priority than this process. Raises OSError."""
    process = subprocess.Popen(
        list(command),
        cwd=cwd,
        env=clean_environment(environment),
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        start_new_session=POSIX,
        creationflags=0 if POSIX else _windows_flags(),
    )
    if sys.platform == "win32":
        _hold(process)
    else:
        with contextlib.suppress(OSError):  # gone already
            own = os.getpriority(os.PRIO_PROCESS, 0)
            os.setpriority(os.PRIO_PROCESS, process.pid, min(19, own + NICENESS))
    return process


def end(process: subprocess.Popen[bytes], *, force: bool) -> None:
    """To the whole group, also when its first process has gone: children must not outlive it. Never waits."""
    if sys.platform == "win32":
        _end_on_windows(process, force)
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):  # nobody is left; macOS says so by the second
        os.killpg(process.pid, signal.SIGKILL if force else signal.SIGTERM)


def close(process: subprocess.Popen[bytes]) -> None:
    """After its end was noticed: end what it left behind and let go of it."""
    end(process, force=True)
    if sys.platform == "win32" and process.pid in _job_objects:
        _kernel32().CloseHandle(_job_objects.pop(process.pid))


def _windows_flags() -> int:
    """A group of its own, so that it can be signalled, no console window, and less priority than Blender's."""
    names = ("CREATE_NEW_PROCESS_GROUP", "CREATE_NO_WINDOW", "BELOW_NORMAL_PRIORITY_CLASS")
    return sum(getattr(subprocess, name, 0) for name in names)


if sys.platform == "win32":
    import ctypes
    from ctypes import wintypes

    class _BasicLimits(ctypes.Structure):
        _fields_ = (
            ("PerProcessUserTimeLimit", wintypes.LARGE_INTEGER),
            ("PerJobUserTimeLimit", wintypes.LARGE_INTEGER),
            ("LimitFlags", wintypes.DWORD),
            ("MinimumWorkingSetSize", ctypes.c_size_t),
            ("MaximumWorkingSetSize", ctypes.c_size_t),
            ("ActiveProcessLimit", wintypes.DWORD),
            ("Affinity", ctypes.c_size_t),
            ("PriorityClass", wintypes.DWORD),
            ("SchedulingClass", wintypes.DWORD),
        )

    class _ExtendedLimits(ctypes.Structure):
        _fields_ = (
            ("BasicLimitInformation", _BasicLimits),
            ("IoInfo", ctypes.c_ulonglong * 6),
            ("ProcessMemoryLimit", ctypes.c_size_t),
            ("JobMemoryLimit", ctypes.c_size_t),
            ("PeakProcessMemoryUsed", ctypes.c_size_t),
            ("PeakJobMemoryUsed", ctypes.c_size_t),
        )

    def _kernel32() -> Any:
        library = ctypes.WinDLL("kernel32", use_last_error=True)
        library.CreateJobObjectW.restype = wintypes.HANDLE
        library.CreateJobObjectW.argtypes = (ctypes.c_void_p, wintypes.LPCWSTR)
        library.SetInformationJobObject.argtypes = (wintypes.HANDLE, ctypes.c_int, ctypes.c_void_p, wintypes.DWORD)
        library.AssignProcessToJobObject.argtypes = (wintypes.HANDLE, wintypes.HANDLE)
        library.TerminateJobObject.argtypes = (wintypes.HANDLE, wintypes.UINT)
        library.CloseHandle.argtypes = (wintypes.HANDLE,)
        return library

    def _hold(process: subprocess.Popen[bytes]) -> None:
        """Into a job object whose only handle is ours: when Blender goes, in whatever way, Windows ends them all."""
        library, limits = _kernel32(), _ExtendedLimits()
        limits.BasicLimitInformation.LimitFlags = KILL_ON_JOB_CLOSE
        job = library.CreateJobObjectW(None, None)
        if not job:
            return  # then taskkill and the worker's stdin do without
        size = ctypes.sizeof(limits)
        held = library.SetInformationJobObject(job, EXTENDED_LIMITS, ctypes.byref(limits), size)
        if held and library.AssignProcessToJobObject(job, int(process._handle)):  # type: ignore[attr-defined]
            _job_objects[process.pid] = job
        else:
            library.CloseHandle(job)

    def _end_on_windows(process: subprocess.Popen[bytes], force: bool) -> None:
        if not force:
            with contextlib.suppress(OSError):
                process.send_signal(signal.CTRL_BREAK_EVENT)
        elif process.pid in _job_objects:
            _kernel32().TerminateJobObject(_job_objects[process.pid], 1)
        elif process.poll() is None:
            subprocess.run(["taskkill", "/T", "/F", "/PID", str(process.pid)], capture_output=True, check=False)
