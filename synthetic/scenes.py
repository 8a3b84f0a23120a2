"""What a rendered clip is to show: the Scene, which goes to JSON and back. Metres, degrees, linear RGB."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import Any

Colour = tuple[float, float, float]

FPS = 30.0


@dataclass(frozen=True)
class Body:
    """Scales against the file's body; legs, arms, trunk are lengths, girths are across."""

    file: str
    stature: float
    thighs: float
    shins: float
    upper_arms: float
    forearms: float
    trunk: float
    shoulders: float
    hips: float
    head: float
    feet: float
    limb_girth: float
    trunk_girth: float
    belly: float  # metres that it stands out


@dataclass(frozen=True)
class Look:
    """Clothes are the body's own surface, pushed out and coloured. Lengths in shares of the limb."""

    skin: Colour
    hair: str  # bald | short | full | bun | long | beanie
    hair_colour: Colour
    sleeves: float  # 0 none … 1 to the elbow … 2 to the wrist
    hem: float  # metres below the hips' middle (above: negative)
    neckline: float  # metres around the neck's base
    top_loose: float  # metres from the skin
    top_colour: Colour
    top_pattern: str  # plain | stripes | print | panel
    top_second: Colour
    legs: float  # 0.3 shorts … 2 to the ankle
    bottom_loose: float
    bottom_colour: Colour
    bottom_stripe: bool
    shoes: bool
    shoes_colour: Colour


@dataclass(frozen=True)
class View:
    """Where the camera is; `facing` is the side of the person that it sees: 0 the face, 90 the left side."""

    width: int
    height: int
    fov: float  # of the longer side
    fill: float  # the person's height over the picture's, at most
    facing: float
    pitch: float  # down
    roll: float
    aside: tuple[float, float]  # of the person, in half pictures from the middle
    cropped: bool  # the person need not be inside


@dataclass(frozen=True)
class Light:
    sky: float
    sky_colour: Colour
    sun: float
    sun_colour: Colour
    sun_elevation: float
    sun_azimuth: float
    sun_size: float
    lamp: float  # watts of a lamp above, 0 none
    lamp_at: tuple[float, float]  # metres beside the person
    exposure: float  # stops from a picture of middle brightness


@dataclass(frozen=True)
class Surface:
    kind: str  # plain | checker | bricks | planks | clouds | stripes
    first: Colour
    second: Colour
    scale: float  # pieces a metre


@dataclass(frozen=True)
class Thing:
    """A box of a piece of furniture: the piece's place from the middle of the path, along the view (away) and to the
    right of it, and the box's own place in the piece."""

    away: float
    right: float
    offset: tuple[float, float]  # to the right and away, in the piece's axes
    size: tuple[float, float, float]
    turn: float
    above: float  # floor
    surface: Surface


@dataclass(frozen=True)
class Place:
    floor: Surface
    walls: Surface | None  # None: outdoors
    wall_turn: float
    room: tuple[float, float, float, float]  # free floor beyond the path: behind, right, left, and the height
    things: tuple[Thing, ...]
    pictures: tuple[Thing, ...]  # on the wall behind; `away` does not count


@dataclass(frozen=True)
class Scene:
    name: str
    seed: int
    motion_file: str
    clip: str
    start: int
    frames: int
    mirrored: bool
    body: Body
    look: Look
    view: View
    light: Light
    place: Place
    shutter: float  # of the frame's time; 0 no motion blur

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str) -> Scene:
        return _build(cls, json.loads(text))


_NESTED = {"Body": Body, "Look": Look, "View": View, "Light": Light, "Place": Place, "Surface": Surface}


def _build(cls: Any, record: dict[str, Any]) -> Any:
    values: dict[str, Any] = {}
    for field in fields(cls):
        value, kind = record[field.name], str(field.type).removesuffix(" | None")
        if kind in _NESTED and value is not None:
            value = _build(_NESTED[kind], value)
        elif field.name in ("things", "pictures"):
            value = tuple(_build(Thing, thing) for thing in record[field.name])
        elif isinstance(value, list):
            value = tuple(value)
        values[field.name] = value
    return cls(**values)
