"""In every Blender: a motion applied in slices is that of one go, and what comes between two slices leaves nothing half done."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import Outcome

CASES = ("plain", "object", "fewer keys", "strip", "into the animator's", "beside the animator's", "refit")
CURVES = 80  # of a whole body at least
_found: dict[str, dict[str, Any]] = {}


@pytest.fixture
def found(version: str, script: Callable[..., Outcome], motion_file: Path) -> dict[str, Any]:
    """What scripts/slices.py found, run once for each Blender."""
    if version not in _found:
        outcome = script("slices.py", motion_file)
        assert not outcome.own_warnings
        _found[version] = outcome.result
    return _found[version]


@pytest.mark.parametrize("case", CASES)
def test_slices_give_what_one_go_gives(found: dict[str, Any], case: str) -> None:
    off, differing, curves = found[case]
    assert off is not None  # the same actions, curves and numbers of keys
    assert off <= 1e-6
    assert differing == []
    assert curves > 30


def test_the_same_is_told(found: dict[str, Any]) -> None:
    assert all(found[f"{case}, same warnings"] for case in CASES[:-1])


def test_two_armatures_keep_the_one_action_that_both_play(found: dict[str, Any]) -> None:
    played, there, (first, second) = found["shared"]
    assert (played, there) == (["shared", "shared"], ["mine", "shared"])
    assert first == second > CURVES


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("deleted", "has been removed"),
        ("unlinked", "'mh_mixamo' was changed while"),
        ("rotation mode", "'mh_mixamo' was changed while"),
        ("other action", "'mh_mixamo' was changed while"),
        ("bone edited", "'mh_mixamo' was changed while"),
        ("draft purged", "action 'walk' was removed while it was being written"),
    ],
)
def test_what_changes_meanwhile_is_told_and_nothing_is_left(found: dict[str, Any], what: str, words: str) -> None:
    said, (written, there), same = found[what]
    assert words in said
    assert "\n" not in said
    assert 10 <= written < CURVES  # in the midst of it
    assert there == written + 4  # with those of the finger
    assert same


def test_stopped_in_the_midst_it_has_not_been(found: dict[str, Any]) -> None:
    (written, played), actions, plays = found["stopped"]
    assert 10 <= written < CURVES
    assert (played, actions, plays) == ("mine", ["mine"], "mine")
