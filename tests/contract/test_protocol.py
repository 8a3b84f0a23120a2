"""Events survive their line, strays are not events, and every error has its exit code."""

from __future__ import annotations

import json

import pytest

from video_to_armature.lifter.contract import protocol
from video_to_armature.lifter.contract.protocol import EVENT_NAMES, Event, V2AError, parse_event


@pytest.mark.parametrize("name", EVENT_NAMES)
def test_an_event_survives_its_line(name: str) -> None:
    event = Event(name, {"stage": "detect", "done": 120, "rate": 31.25, "eta": None, "message": 'Zeile\n"ü" {}'})
    line = event.line()
    assert "\n" not in line
    assert parse_event(line) == event
    assert parse_event(line + "\r\n") == event


def test_the_line_is_what_the_design_says() -> None:
    assert json.loads(Event("stage", {"name": "detect"}).line()) == {"event": "stage", "name": "detect"}


STRAYS = ("", "\n", "INFO: Created TensorFlow Lite", "{", "17", "null", "[]", '"stage"', "{}")
NAMELESS = ('{"event": "party"}', '{"event": null}', '{"event": {"a": 1}}', '{"event": ["stage"]}')


@pytest.mark.parametrize("line", STRAYS + NAMELESS)
def test_strays_are_not_events(line: str) -> None:
    assert parse_event(line) is None


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object()])
def test_what_json_cannot_say_is_refused(value: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        Event("progress", {"rate": value}).line()


def test_exit_codes_are_those_of_the_design() -> None:
    codes = {
        name: kind.exit_code
        for name, kind in vars(protocol).items()
        if isinstance(kind, type) and issubclass(kind, V2AError)
    }
    assert codes == {
        "V2AError": 1,
        "UsageError": 2,
        "InputError": 3,
        "NobodyFoundError": 4,
        "RuntimeUnfitError": 5,
        "RigError": 6,
        "PresetError": 6,
        "OutputError": 7,
        "BatchError": 8,
        "Cancelled": 130,
    }
    assert protocol.DONE == 0
