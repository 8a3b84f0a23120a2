"""Which installed packages are no longer as they were installed: each wheel brings a list of its files and their sums.

Standard library only.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import re
import shutil
from collections.abc import Callable
from pathlib import Path


def damaged(environment: Path, cancelled: Callable[[], bool] = lambda: False) -> list[str]:
    """Names of packages with a file that is missing or differs. Reads all files: 1.7 GB take seconds.

    A package whose list itself is gone is taken off, so that it is installed anew like one that was never there.
    """
    found: list[str] = []
    for info in _installed(environment):
        if cancelled():
            break
        record = info / "RECORD"
        if not (record.is_file() and (info / "METADATA").is_file()):
            shutil.rmtree(info, ignore_errors=True)
        elif not _whole(info.parent, record):
            found.append(info.name.split("-")[0])
    return found


def versions(environment: Path) -> dict[str, str]:
    """Package name, as canonical(), -> installed version."""
    parts = [info.name[: -len(".dist-info")] for info in _installed(environment)]
    return {canonical(part.split("-")[0]): part.split("-")[1] for part in parts if "-" in part}


def pins(lock: Path) -> dict[str, str]:
    """Package name -> exact version, of a file of lines name==version."""
    lines = [line.split("#")[0].strip() for line in lock.read_text("utf-8").splitlines()]
    return {canonical(name): version for name, version in (line.split("==") for line in lines if "==" in line)}


def canonical(name: str) -> str:
    """One spelling for opt_einsum, Opt-Einsum and opt.einsum."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _installed(environment: Path) -> list[Path]:
    """The folders that say what is installed: Windows' place for them, and the others'."""
    places = [environment / "Lib" / "site-packages", *environment.glob("lib/python*/site-packages")]
    return sorted(info for place in places for info in place.glob("*.dist-info"))


def _whole(base: Path, record: Path) -> bool:
    try:
        with record.open(encoding="utf-8", newline="") as stream:
            return all(_same(base / row[0], row[1]) for row in csv.reader(stream) if len(row) == 3 and row[1])
    except (OSError, ValueError):
        return False


def _same(path: Path, told: str) -> bool:
    method, _, digest = told.partition("=")
    with path.open("rb") as stream:
        real = hashlib.file_digest(stream, method).digest()
    return base64.urlsafe_b64encode(real).rstrip(b"=").decode() == digest
