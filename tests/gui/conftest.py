"""A Blender with a window for a session, or a loud word about why there is none."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .window import ROOT, Window, missing

_not_run: list[str] = []


@pytest.fixture(scope="session")
def window() -> Iterator[Window]:
    """Pictures and logs stay in out/gui."""
    chroot = Path(os.environ.get("V2A_CHROOT", "/opt/trixie"))
    reason = missing(chroot)
    if reason:
        _not_run.append(reason)
        pytest.skip(f"NOT RUN: no Blender with a window: {reason}")
    with Window(chroot, ROOT / "out" / "gui") as made:
        yield made


def pytest_terminal_summary(terminalreporter: Any) -> None:
    for reason in _not_run:
        terminalreporter.write_line(f"NOT RUN: tests/gui in a real Blender: {reason}", red=True, bold=True)
