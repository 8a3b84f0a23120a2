"""Which checkpoints the authors of the three lifters published, and what must be known to run them.

The data is in catalogue.toml, with where each statement is from.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

CATALOGUE = Path(__file__).with_name("catalogue.toml")


@dataclass(frozen=True)
class Known:
    """A published checkpoint. file: the authors' name for it, the last folder included where that tells them apart.

    joints_in, joints_out: the point sets that it reads and gives. view: screen | crop, as of lifter/screen.py. units:
    metres | image | none, for networks that give no joint positions. commercial_use: yes | no | unknown. figures: what
    its authors measured, MPJPE on Human3.6M in millimetres unless it says otherwise.
    """

    name: str
    file: str
    network: str
    joints_in: str
    joints_out: str
    view: str
    units: str
    licence: str
    commercial_use: str
    source: str
    data: str
    figures: str


@cache
def known() -> tuple[Known, ...]:
    """Every published checkpoint, project by project."""
    content = tomllib.loads(CATALOGUE.read_text("utf-8"))
    return tuple(Known(**content["defaults"][model["network"]] | model) for model in content["model"])


def by_file(path: Path | str) -> Known | None:
    """The published checkpoint of this name. MotionBERT's may have its folder's name instead of its own; upper and
    lower case, and what is no letter or number, do not count. None for any other name."""
    file = Path(path)
    names = {_letters(file.stem), _letters(file.parent.name)}
    return next((model for model in known() if _letters(_telling(model.file)) in names), None)


def _telling(file: str) -> str:
    """The part of the authors' name that no other of their files has."""
    return file.split("/")[0].removesuffix(".bin")


def _letters(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())
