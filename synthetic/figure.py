"""What a person looks like: a rigged body's arrays in other proportions. Pure numpy.

Rest pose, metres, Z up, facing -Y, left = +X. V vertices, B bones, E edges, J joints of BODY_27.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from video_to_armature.lifter.contract.skeleton import BODY_27

from .scenes import Body

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

THORAX_ABOVE = 0.024  # of the stature above the shoulders' middle: between the captures' two skeletons
EYE_M = 0.0125


@dataclass(frozen=True)
class Figure:
    bones: tuple[str, ...]
    parents: Ints  # (B,) -1 for a root; parents come first
    parts: tuple[str, ...]  # (B,) thigh, hand …, with left_ or right_; "" for what lies above the hips
    heads: Floats  # (B, 3)
    tails: Floats  # (B, 3)
    vertices: Floats  # (V, 3)
    faces: Ints  # (T, 3)
    weights: Floats  # (V, B), sum 1
    marks: Floats  # (J, 3) BODY_27 at rest
    mark_bones: Ints  # (J,) the bone that carries each
    eyes: Floats  # (2, 3) middles of the eyeballs, left and right

    def bone(self, part: str) -> int:
        """The first bone of a part."""
        return self.parts.index(part)

    def vertex_parts(self) -> npt.NDArray[np.str_]:
        """(V,) the part that moves each vertex most."""
        names = sorted(set(self.parts))
        shares = np.stack([self.weights[:, [p == n for p in self.parts]].sum(1) for n in names], 1)
        return np.array(names)[shares.argmax(1)]


def marked(figure: Figure, knuckles: dict[str, Floats], eyes: Floats) -> Figure:
    """With BODY_27 on the body: heads of bones, the face's and the feet's foremost vertices.

    knuckles: name -> (3,). eyes: (2, 3) from the tip of the nose.
    """
    marks = np.full((len(BODY_27), 3), np.nan)
    bones = np.zeros(len(BODY_27), np.int64)
    parts, v = figure.vertex_parts(), figure.vertices

    def put(name: str, point: Floats, part: str, bone: int | None = None) -> None:
        marks[BODY_27.index(name)] = point
        bones[BODY_27.index(name)] = figure.bone(part) if bone is None else bone

    stature = float(np.ptp(v[:, 2]))
    for side, sign in (("left", 1), ("right", -1)):
        for joint, part in zip(("hip", "knee", "ankle", "shoulder", "elbow", "wrist"),
                               ("thigh", "shin", "foot", "upper_arm", "forearm", "hand")):  # fmt: skip
            put(f"{side}_{joint}", figure.heads[figure.bone(f"{side}_{part}")], f"{side}_{part}")
        ends = v[np.isin(parts, (f"{side}_foot", f"{side}_toe"))]
        put(f"{side}_toe", ends[ends[:, 1].argmin()], f"{side}_toe")
        low = ends[ends[:, 2] < ends[:, 2].min() + 0.025 * stature]
        put(f"{side}_heel", low[low[:, 1].argmax()], f"{side}_foot")
        for finger in ("index", "pinky"):
            put(f"{side}_{finger}", knuckles[f"{side}_{finger}"], f"{side}_hand")
        aside = sign * v[parts == "head"]
        ear = aside[:, 0] > aside[:, 0].max() - 0.012
        put(f"{side}_ear", sign * aside[ear].mean(0), "head")
    head = v[parts == "head"]
    middle = head[np.abs(head[:, 0]) < 0.015]
    face = middle[middle[:, 2] > middle[:, 2].max() - 0.14 * stature]
    put("nose", face[face[:, 1].argmin()], "head")
    put("head_top", middle[middle[:, 2].argmax()], "head")
    spine = [b for b, part in enumerate(figure.parts) if part == "spine"]
    shoulders = marks[[BODY_27.index("left_shoulder"), BODY_27.index("right_shoulder")]].mean(0)
    hips = marks[[BODY_27.index("left_hip"), BODY_27.index("right_hip")]].mean(0)
    thorax = shoulders + (0, 0, THORAX_ABOVE * stature)
    put("pelvis", hips, "hips")
    put("thorax", thorax, "spine", spine[-1])
    nearest = min(spine, key=lambda b: float(np.linalg.norm(figure.heads[b] - (hips + thorax) / 2)))
    put("spine", (hips + thorax) / 2, "spine", nearest)
    return replace(figure, marks=marks, mark_bones=bones, eyes=marks[BODY_27.index("nose")] + eyes)


def shaped(figure: Figure, body: Body) -> Figure:
    """The same person with other proportions: every bone scales what hangs on it, along and across; soles on z = 0."""
    by_bone = np.stack([_scale(figure, bone, body) for bone in range(len(figure.bones))])  # (B, 3, 3)
    heads = figure.heads.copy()
    for b, parent in enumerate(figure.parents):
        if parent >= 0:
            heads[b] = heads[parent] + by_bone[parent] @ (figure.heads[b] - figure.heads[parent])

    def moved(points: Floats, bones: Ints) -> Floats:
        return heads[bones] + np.einsum("nij,nj->ni", by_bone[bones], points - figure.heads[bones])

    vertices = np.zeros_like(figure.vertices)
    for b in range(len(figure.bones)):
        on = np.flatnonzero(figure.weights[:, b])
        vertices[on] += figure.weights[on, b, None] * moved(figure.vertices[on], np.full(len(on), b))
    navel = (figure.heads[figure.bone("hips"), 2] + 0.12) if body.belly else 0.0
    front = np.clip(-normals(vertices, figure.faces)[:, 1], 0, 1)
    on_trunk = np.isin(figure.vertex_parts(), ("hips", "spine"))
    bulge = body.belly * np.exp(-(((vertices[:, 2] - navel) / 0.13) ** 2)) * front * on_trunk
    vertices[:, 1] -= smoothed(bulge[:, None], figure.faces, 4)[:, 0]
    every = np.arange(len(figure.bones))
    tails, marks = moved(figure.tails, every), moved(figure.marks, figure.mark_bones)
    eyes = moved(figure.eyes, np.full(2, figure.bone("head")))
    low = vertices[:, 2].min()

    def grown(points: Floats) -> Floats:
        return (points - (0, 0, low)) * body.stature

    return replace(
        figure, heads=grown(heads), tails=grown(tails), vertices=grown(vertices), marks=grown(marks), eyes=grown(eyes),
    )  # fmt: skip


def _scale(figure: Figure, bone: int, body: Body) -> Floats:
    name = figure.parts[bone].removeprefix("left_").removeprefix("right_")
    lengths = {
        "thigh": body.thighs, "shin": body.shins, "upper_arm": body.upper_arms, "forearm": body.forearms,
    }  # fmt: skip
    if name in lengths:
        after = {"thigh": "shin", "shin": "foot", "upper_arm": "forearm", "forearm": "hand"}[name]
        sided = figure.parts[bone].removesuffix(name)
        along = figure.heads[figure.bone(sided + after)] - figure.heads[figure.bone(sided + name)]
        along = along / np.linalg.norm(along)
        return body.limb_girth * np.eye(3) + (lengths[name] - body.limb_girth) * np.outer(along, along)
    return np.diag({
        "hips": (body.hips * body.trunk_girth**0.5, body.trunk_girth, 1.0),
        "spine": ((body.shoulders * body.trunk_girth) ** 0.5, body.trunk_girth, body.trunk),
        "clavicle": (body.shoulders, body.trunk_girth, body.trunk),
        "neck": (body.limb_girth, body.limb_girth, 1.0),
        "head": (body.head,) * 3,
        "hand": (body.feet,) * 3,
        "foot": (body.feet,) * 3,
        "toe": (body.feet,) * 3,
    }.get(name, (1.0, 1.0, 1.0)))  # fmt: skip


def normals(vertices: Floats, faces: Ints) -> Floats:
    """(V, 3) unit, by area."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    area = np.cross(b - a, c - a)
    out = np.zeros_like(vertices)
    for k in range(3):
        np.add.at(out, faces[:, k], area)
    return out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-12)


def smoothed(values: Floats, faces: Ints, rounds: int) -> Floats:
    """(V, C) values, each time halfway to the mean of the neighbours; the rims stay."""
    edges, counts = _edges(faces)
    n = len(values)
    both = np.concatenate([edges, edges[:, ::-1]])
    degree = np.maximum(np.bincount(both[:, 0], minlength=n), 1)
    fixed = np.zeros(n, bool)
    fixed[edges[counts == 1]] = True
    out = values.copy()
    for _ in range(rounds):
        mean = np.stack([np.bincount(both[:, 0], out[both[:, 1], c], n) for c in range(out.shape[1])], 1)
        out = np.where(fixed[:, None], out, (out + mean / degree[:, None]) / 2)
    return out


def _edges(faces: Ints) -> tuple[Ints, Ints]:
    """(E, 2) vertex pairs and how many faces share each."""
    pairs = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), 1)
    return np.unique(pairs, axis=0, return_counts=True)
