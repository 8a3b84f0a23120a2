"""What a person wears: the body's own surface pushed out and coloured. Pure numpy; arrays as in figure.py."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from video_to_armature.lifter.contract.skeleton import BODY_27

from .figure import Figure, Floats, normals, smoothed
from .scenes import Look

EDGE_M = 0.012  # over which a garment's border rises from the skin
SHOE_M = 0.012


@dataclass(frozen=True)
class Layer:
    """A colour that covers what lies under it where `inside` (V,), metres or alike, is above 0."""

    inside: Floats
    colour: tuple[float, float, float]


def dressed(figure: Figure, look: Look, seed: int) -> tuple[Floats, Floats, list[Layer]]:
    """Vertices (V, 3) of the clothed body, colours (V, 3) of the skin, linear RGB, and what covers it, lowest first."""
    rng = np.random.default_rng(seed)
    v, parts = figure.vertices, figure.vertex_parts()
    stature = float(np.ptp(v[:, 2]))
    colours = np.tile(np.array(look.skin), (len(v), 1))
    top, bottom, shoe, hair = _covers(figure, parts, look, stature)
    cloth = np.maximum(top, bottom)
    soft = smoothed(v, figure.faces, 8)
    covered = np.clip(cloth / EDGE_M, 0, 1)[:, None]
    out = v + covered * (soft - v)
    if look.shoes:
        out = out + np.clip(shoe / EDGE_M, 0, 1)[:, None] * (smoothed(v, figure.faces, 40) - out)
    normal = normals(out, figure.faces)
    loose = np.maximum(np.clip(top / EDGE_M, 0, 1) * look.top_loose, np.clip(bottom / EDGE_M, 0, 1) * look.bottom_loose)
    loose *= 1 + 0.5 * _folds(v, rng)
    if look.shoes:
        loose = np.maximum(loose, np.clip(shoe / EDGE_M, 0, 1) * SHOE_M)
    thick = {"bald": 0.0, "short": 0.007, "full": 0.022, "bun": 0.012, "long": 0.024, "beanie": 0.014}[look.hair]
    rough = 0.25 if look.hair in ("full", "short", "long") else 0.05
    locks = np.clip(hair / EDGE_M, 0, 1) * thick * (1 + rough * rng.normal(size=len(v)))
    if look.hair == "bun":
        at = np.array([0, v[parts == "head", 1].max(), figure.marks[BODY_27.index("head_top"), 2] - 0.05 * stature])
        locks += 0.045 * np.exp(-((np.linalg.norm(v - at, axis=1) / (0.022 * stature)) ** 2)) * (hair > 0)
    loose = np.maximum(loose, locks)
    out = out + smoothed(loose[:, None], figure.faces, 1) * normal
    if look.shoes:
        out[:, 2] -= np.where(shoe > 0, out[:, 2].min(), 0)  # the sole raises nobody: it would leave the floor

    layers = [Layer(bottom, look.bottom_colour)]
    if look.bottom_stripe:
        layers.append(Layer(np.minimum(bottom, _outside(figure, parts)), look.top_second))
    layers.append(Layer(top, look.top_colour))
    if look.top_pattern != "plain":
        layers.append(Layer(np.minimum(top, _pattern(figure, parts, look, stature)), look.top_second))
    if look.shoes:
        layers.append(Layer(shoe, look.shoes_colour))
        layers.append(Layer(np.minimum(shoe, 0.012 * stature - out[:, 2]), (0.6, 0.6, 0.58)))
    if thick:
        layers.append(Layer(hair, look.hair_colour))
    eyes = figure.eyes
    face = (np.abs(v[:, None, 0] - eyes[:, 0]) < 0.017) & (np.abs(v[:, None, 2] - eyes[:, 2] - 0.019) < 0.0035)
    brow = face.any(1) & (parts == "head") & (v[:, 1] < eyes[:, 1].max() + 0.02)
    colours[brow] = np.minimum(colours[brow], 0.3 * np.array(look.skin))
    shade = 1 + 0.06 * smoothed(rng.normal(size=(len(v), 1)), figure.faces, 2)
    return out, np.clip(colours * shade, 0, 1), layers


def _covers(figure: Figure, parts: npt.NDArray[np.str_], look: Look, stature: float) -> tuple[Floats, ...]:
    """(V,) metres inside the border of top, bottom, shoes, hair; negative outside."""
    v = figure.vertices
    mark = {name: figure.marks[j] for j, name in enumerate(BODY_27.names)}
    hips, never = mark["pelvis"][2], np.full(len(v), -1.0)
    top, bottom, shoe, hair = never.copy(), never.copy(), never.copy(), never.copy()
    trunk = np.isin(parts, ("hips", "spine", "left_clavicle", "right_clavicle", "neck"))
    base = figure.heads[figure.bone("neck")]
    ring = np.linalg.norm((v - base) * (1, 1, 0.8), axis=1) - look.neckline * stature / 1.7
    ring = np.where(v[:, 2] > base[2] + 0.015 * stature, -1, ring)
    above_hem = v[:, 2] - (hips - look.hem * stature / 1.7)
    top[trunk] = np.minimum(ring, above_hem)[trunk]
    bottom[trunk] = (hips + 0.055 * stature - v[:, 2])[trunk]
    for side in ("left", "right"):
        arm, leg = (
            _along(v, parts, side, chain, [mark[f"{side}_{j}"] for j in joints])
            for chain, joints in (
                (("upper_arm", "forearm"), ("shoulder", "elbow", "wrist")), (("thigh", "shin"), ("hip", "knee", "ankle")),
            )
        )  # fmt: skip
        on_arm, on_leg = np.isfinite(arm), np.isfinite(leg)
        top[on_arm] = ((look.sleeves - arm) * 0.16 * stature)[on_arm]
        bottom[on_leg] = ((look.legs - leg) * 0.245 * stature)[on_leg]
        top[on_leg] = above_hem[on_leg]
        on_foot = np.isin(parts, (f"{side}_foot", f"{side}_toe"))
        shoe[on_foot] = (mark[f"{side}_ankle"][2] + 0.01 * stature - v[:, 2])[on_foot]
    nose, crown = mark["nose"], mark["head_top"]
    front = np.array([nose[1] + 0.03, nose[2] + 0.62 * (crown[2] - nose[2])])
    back = np.array([v[parts == "head", 1].max(), nose[2] - 0.03])
    line = front[1] + (v[:, 1] - front[0]) / (back[0] - front[0]) * (back[1] - front[1])
    ear = (np.linalg.norm((v - mark["left_ear"])[:, 1:], axis=1) < 0.042) & (np.abs(v[:, 0]) > 0.068 * stature / 1.7)
    on_scalp = np.isin(parts, ("head", "neck")) & ~ear
    hair[on_scalp] = (v[:, 2] - line)[on_scalp] * 0.8
    if look.hair == "long":  # down the neck and onto the back
        aside = 0.055 * stature - np.hypot(v[:, 0], np.minimum(v[:, 2] - (base[2] - 0.02 * stature), 0))
        behind = v[:, 1] - (base[1] - 0.005 * stature) - 0.1 * np.maximum(v[:, 2] - base[2], 0)
        hanging = np.isin(parts, ("head", "neck", "spine", "left_clavicle", "right_clavicle"))
        hair = np.where(hanging, np.maximum(hair, np.minimum(aside, behind)), hair)
    return top, bottom, shoe, hair


def _along(v: Floats, parts: npt.NDArray[np.str_], side: str, chain: tuple[str, str], joints: list[Floats]) -> Floats:
    """(V,) 0 at the first joint, 1 at the second, 2 at the third; NaN off the limb."""
    out = np.full(len(v), np.nan)
    for k, part in enumerate(chain):
        on = parts == f"{side}_{part}"
        bone = joints[k + 1] - joints[k]
        out[on] = k + ((v[on] - joints[k]) @ bone) / (bone @ bone)
    return out


def _pattern(figure: Figure, parts: npt.NDArray[np.str_], look: Look, stature: float) -> Floats:
    """(V,) above 0 where the top has its second colour."""
    v = figure.vertices / stature
    arms = np.char.endswith(parts, "arm")
    if look.top_pattern == "stripes":
        return np.sin(v[:, 2] * 2 * np.pi * 17) / 50
    if look.top_pattern == "print":
        chest = (figure.marks[BODY_27.index("thorax"), 2]) / stature - 0.105
        inside = 0.055 - np.maximum(np.abs(v[:, 0]), np.abs(v[:, 2] - chest))
        return np.where((v[:, 1] < 0) & ~arms, inside, -1)
    of_arms = [part.endswith(("upper_arm", "forearm")) for part in figure.parts]
    return figure.weights[:, of_arms].sum(1) - 0.6  # panel: other sleeves


def _outside(figure: Figure, parts: npt.NDArray[np.str_]) -> Floats:
    """(V,) above 0 in a stripe down the outer side of the legs."""
    legs = np.char.endswith(parts, "thigh") | np.char.endswith(parts, "shin")
    outwards = normals(figure.vertices, figure.faces)[:, 0] * np.sign(figure.vertices[:, 0])
    return np.where(legs, outwards - 0.93, -1)


def _folds(v: Floats, rng: np.random.Generator) -> Floats:
    """(V,) about -1..1: waves some centimetres long that lie across the limbs."""
    total = np.zeros(len(v))
    for _ in range(6):
        wave = rng.normal(size=3) * (18, 18, 45)
        total += np.sin(v @ wave + rng.uniform(0, 6.3))
    return total / 3
