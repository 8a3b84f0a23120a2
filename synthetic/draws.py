"""Which scenes there are: draws a Scene from a seed and a number. Pure.

Training and held-out clips come from other motions (whole subjects), rigs and draws.
"""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from typing import Any

import numpy as np

from video_to_armature.lifter.contract.skeleton import BODY_27
from video_to_armature.lifter.train.data import MocapSet

from .scenes import Body, Colour, Light, Look, Place, Scene, Surface, Thing, View

FRAMES = 90
LEAST_FRAMES = 45
MOST_RAISED_M = 0.12  # of the lower foot, half of the time
SIZES = ((640, 480), (640, 480), (480, 640), (480, 640), (640, 360))
# Both sets have a man and a woman. The held-out man has another rig; the bodies' shapes are drawn for each clip.
BODIES = {"train": ("mh_mixamo.fbx", "mh_unreal4.fbx"), "held_out": ("mh_cmu.glb", "mh_unreal4.fbx")}
MOTIONS = {"train": "train_00.npz", "held_out": "val.npz"}
WOMEN = ("mh_unreal4.fbx",)
SKINS = ((0.74, 0.48, 0.36), (0.58, 0.34, 0.23), (0.40, 0.21, 0.13), (0.20, 0.10, 0.06), (0.08, 0.042, 0.03))
HAIRS = ((0.012, 0.01, 0.009), (0.05, 0.025, 0.014), (0.16, 0.08, 0.035), (0.42, 0.28, 0.12), (0.35, 0.33, 0.31))


def draw(mocap: MocapSet, held_out: bool, seed: int, number: int) -> Scene:
    """Clip `number` of a set. A kind of motion (dance, run …) is chosen by the root of its length."""
    rng = np.random.default_rng([seed, number, int(held_out)])
    which = "held_out" if held_out else "train"
    clip, start, frames = _choose_stretch(mocap, rng)
    file = BODIES[which][number % 2]
    return Scene(
        name=f"{which}_{number:03d}",
        seed=seed,
        motion_file=MOTIONS[which],
        clip=mocap.clip_ids[clip],
        start=start,
        frames=frames,
        mirrored=bool(rng.random() < 0.5),
        body=_body(rng, file),
        look=_look(rng, file in WOMEN),
        view=_view(rng),
        light=_light(rng),
        place=_place(rng),
        shutter=_pick(rng, (0.0, 0.0, round(float(rng.uniform(0.15, 0.5)), 3))),
    )


def _choose_stretch(mocap: MocapSet, rng: np.random.Generator) -> tuple[int, int, int]:
    """Clip, first frame in it, frames; never one that stands on something that the captures do not have."""
    weight = np.where(mocap.length >= LEAST_FRAMES, np.minimum(mocap.length, 600), 0).astype(float)
    for kind in sorted(set(mocap.kinds)):
        of_kind = np.array([k == kind for k in mocap.kinds])
        total = weight[of_kind].sum()
        if total:
            weight[of_kind] *= total**-0.5
    feet = [BODY_27.index(f"{side}_{part}") for side in ("left", "right") for part in ("toe", "heel")]
    while True:
        clip = int(rng.choice(len(weight), p=weight / weight.sum()))
        frames = int(min(FRAMES, mocap.length[clip]))
        start = int(rng.integers(0, mocap.length[clip] - frames + 1))
        row = int(mocap.start[clip]) + start
        soles = mocap.joints[row : row + frames, feet, 2].min(1)
        if np.median(soles) - np.percentile(soles, 3) < MOST_RAISED_M:
            return clip, start, frames


def _body(rng: np.random.Generator, file: str) -> Body:
    def scale(spread: float) -> float:
        return round(float(np.clip(rng.normal(1, spread / 2), 1 - spread, 1 + spread)), 4)

    heavy = abs(float(rng.normal(0, 1)))
    return Body(
        file, scale(0.12), scale(0.1), scale(0.1), scale(0.1), scale(0.1), scale(0.1), scale(0.1), scale(0.1),
        scale(0.07), scale(0.1), limb_girth=round(scale(0.12) + 0.05 * heavy, 4),
        trunk_girth=round(scale(0.08) + 0.06 * heavy, 4), belly=round(0.025 * heavy, 4),
    )  # fmt: skip


def _look(rng: np.random.Generator, woman: bool) -> Look:
    hair = (
        ("short", "full", "bun", "bun", "long", "long", "long", "beanie")
        if woman
        else ("short", "short", "short", "full", "bald", "beanie")
    )
    kind = _pick(rng, hair)
    bold = kind == "beanie"
    return Look(
        skin=_between(rng, SKINS),
        hair=kind,
        hair_colour=_cloth(rng) if bold else _between(rng, HAIRS),
        sleeves=_pick(rng, (0.0, 0.5, 0.6, 0.8, 1.2, 1.9, 1.95, 2.0)),
        hem=round(float(rng.uniform(-0.08, 0.14)), 3),
        neckline=round(float(rng.uniform(0.075, 0.12)), 3),
        top_loose=round(float(rng.uniform(0.006, 0.028)), 4),
        top_colour=_cloth(rng),
        top_pattern=_pick(rng, ("plain", "plain", "stripes", "print", "panel")),
        top_second=_cloth(rng),
        legs=_pick(rng, (0.45, 0.7, 0.9, 1.5, 1.93, 1.95, 1.97, 2.0)),
        bottom_loose=round(float(rng.uniform(0.005, 0.028)), 4),
        bottom_colour=_cloth(rng, dark=0.6),
        bottom_stripe=bool(rng.random() < 0.2),
        shoes=bool(rng.random() < 0.85),
        shoes_colour=_cloth(rng, dark=0.4),
    )


def _view(rng: np.random.Generator) -> View:
    width, height = _pick(rng, SIZES)
    cropped = bool(rng.random() < 0.15)
    ahead = rng.random() < 0.5  # people are filmed from the front more often than not
    facing = rng.normal(0, 45) if ahead else rng.uniform(-180, 180)
    tilted = rng.random() < 0.12
    fill = rng.uniform(0.9, 1.7) if cropped else rng.uniform(0.35, 0.95)
    aside = rng.uniform(-0.4, 0.4), rng.uniform(-0.25, 0.25)
    if cropped:  # mostly the head stays inside: nobody films legs
        aside = aside[0], 0.94 * fill - 0.95 + rng.uniform(-0.1, 0.3)
    return View(
        width,
        height,
        fov=round(float(rng.uniform(35, 75)), 2),
        fill=round(float(fill), 3),
        facing=round(float(facing), 2),
        pitch=round(float(rng.triangular(-10, 6, 35)), 2),
        roll=round(float(rng.choice([-1, 1]) * rng.uniform(8, 22) if tilted else rng.normal(0, 2)), 2),
        aside=(round(float(aside[0]), 3), round(float(aside[1]), 3)),
        cropped=cropped,
    )


def _light(rng: np.random.Generator) -> Light:
    warm = rng.uniform(-0.25, 0.25)
    return Light(
        sky=round(float(rng.uniform(0.25, 1.3)), 3),
        sky_colour=(0.62 + warm * 0.5, 0.68, 0.76 - warm * 0.5),
        sun=round(float(_pick(rng, (0.0, 1.0, 1.0)) * rng.uniform(1.0, 5.5)), 3),
        sun_colour=(1.0, 0.92 - max(warm, 0) * 0.4, 0.85 - max(warm, 0)),
        sun_elevation=round(float(rng.uniform(22, 75)), 2),
        sun_azimuth=round(float(rng.uniform(0, 360)), 2),
        sun_size=round(float(_pick(rng, (1.0, 6.0, 25.0))), 2),
        lamp=round(float(_pick(rng, (0.0, 1.0)) * rng.uniform(60, 350)), 1),
        lamp_at=(round(float(rng.uniform(-2, 2)), 2), round(float(rng.uniform(-2, 2)), 2)),
        exposure=round(float(rng.uniform(-0.9, 0.7)), 2),
    )


def _place(rng: np.random.Generator) -> Place:
    indoors = rng.random() < 0.65
    kinds = ("planks", "checker", "plain", "clouds", "stripes") if indoors else ("clouds", "bricks", "plain", "clouds")
    walls = _surface(rng, ("plain", "plain", "bricks", "clouds", "stripes"), 0.5, 2.5) if indoors else None
    things: list[Thing] = []
    for _ in range(int(rng.integers(1, 9) if indoors else rng.integers(4, 12))):
        things += _furniture(rng) if indoors else [_building(rng)]
    pictures = [_picture(rng) for _ in range(int(rng.integers(0, 6)))] if indoors else []
    return Place(
        floor=_surface(rng, kinds, 0.8, 4.0),
        walls=walls,
        wall_turn=round(float(rng.normal(0, 15)), 2),
        room=(
            round(float(rng.uniform(0.5, 3.5)), 2), round(float(rng.uniform(0.6, 3.0)), 2),
            round(float(rng.uniform(0.6, 3.0)), 2), round(float(rng.uniform(2.4, 4.0)), 2),
        ),
        things=tuple(things), pictures=tuple(pictures),
    )  # fmt: skip


def _furniture(rng: np.random.Generator) -> list[Thing]:
    """A chest, a table or a shelf beside or behind the person; now and then a low box in front."""
    surface = _surface(rng, ("plain", "plain", "planks", "clouds"), 1.0, 6.0)
    away, right = float(rng.uniform(0.6, 3.0)), float(rng.uniform(-3, 3))
    if rng.random() < 0.1:  # in front of the person
        away, right = float(rng.uniform(-1.4, -0.8)), float(rng.uniform(-0.5, 0.5))
        size = (rng.uniform(0.3, 0.9), rng.uniform(0.2, 0.4), rng.uniform(0.25, 0.6))
        return [_thing(away, right, size, float(rng.uniform(0, 90)), 0.0, surface)]
    turn = float(rng.normal(0, 12))
    if rng.random() < 0.35:
        width, depth, height = rng.uniform(0.6, 1.6), rng.uniform(0.5, 0.8), rng.uniform(0.45, 0.8)
        corners = [(u * (width / 2 - 0.06), v * (depth / 2 - 0.06)) for u in (-1, 1) for v in (-1, 1)]
        legs = [_thing(away, right, (0.06, 0.06, height), turn, 0.0, surface, at) for at in corners]
        return [_thing(away, right, (width, depth, 0.04), turn, height, surface), *legs]
    size = (rng.uniform(0.4, 1.8), rng.uniform(0.35, 0.9), rng.uniform(0.4, 2.0))
    return [_thing(away, right, size, turn, 0.0, surface)]


def _building(rng: np.random.Generator) -> Thing:
    size = (rng.uniform(1, 10), rng.uniform(1, 6), rng.uniform(0.6, 7))
    away, right = float(rng.uniform(6, 28)), float(rng.uniform(-18, 18))
    return _thing(
        away,
        right,
        size,
        float(rng.uniform(0, 90)),
        0.0,
        _surface(rng, ("bricks", "plain", "clouds", "checker"), 0.3, 2),
    )


def _picture(rng: np.random.Generator) -> Thing:
    size = (rng.uniform(0.3, 1.4), 0.03, rng.uniform(0.3, 1.1))
    surface = _surface(rng, ("clouds", "checker", "stripes", "plain"), 1.5, 8)
    return _thing(0.0, float(rng.uniform(-3, 3)), size, 0.0, float(rng.uniform(0.8, 1.6)), surface)


def _thing(
    away: float,
    right: float,
    size: Sequence[float],
    turn: float,
    above: float,
    surface: Surface,
    offset: Sequence[float] = (0.0, 0.0),
) -> Thing:
    x, y, z = (round(float(v), 3) for v in size)
    u, v = (round(float(value), 3) for value in offset)
    return Thing(round(away, 3), round(right, 3), (u, v), (x, y, z), round(turn, 2), round(float(above), 3), surface)


def _surface(rng: np.random.Generator, kinds: Sequence[str], low: float, high: float) -> Surface:
    first = _paint(rng)
    near = tuple(round(float(np.clip(c * rng.uniform(0.3, 1.7), 0.01, 0.9)), 4) for c in first)
    return Surface(_pick(rng, kinds), first, (near[0], near[1], near[2]), round(float(rng.uniform(low, high)), 2))


def _paint(rng: np.random.Generator) -> Colour:
    """Of walls, floors, furniture: mostly dull."""
    return _hsv(
        rng.uniform(0, 1) if rng.random() < 0.4 else rng.uniform(0.04, 0.14), rng.beta(1.2, 5), rng.uniform(0.2, 0.9)
    )


def _cloth(rng: np.random.Generator, dark: float = 0.3) -> Colour:
    if rng.random() < dark:
        return _hsv(rng.uniform(0.5, 0.75), rng.uniform(0, 0.6), rng.uniform(0.08, 0.35))
    if rng.random() < 0.3:
        return _hsv(0, 0, rng.uniform(0.4, 0.95))
    return _hsv(rng.uniform(0, 1), rng.uniform(0.2, 0.9), rng.uniform(0.25, 0.9))


def _hsv(hue: float, saturation: float, value: float) -> Colour:
    r, g, b = (round(c**2.2, 4) for c in colorsys.hsv_to_rgb(float(hue), float(saturation), float(value)))
    return r, g, b


def _between(rng: np.random.Generator, colours: Sequence[Colour]) -> Colour:
    i, part = int(rng.integers(0, len(colours) - 1)), rng.uniform(0, 1)
    r, g, b = (round(float(a * (1 - part) + c * part), 4) for a, c in zip(colours[i], colours[i + 1]))
    return r, g, b


def _pick(rng: np.random.Generator, options: Sequence[Any]) -> Any:
    return options[int(rng.integers(0, len(options)))]
