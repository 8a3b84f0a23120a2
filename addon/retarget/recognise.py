"""Which bone map fits this rig: all presets are tried, then names in any spelling, then the rest pose's shape alone.

The answer says how sure it is. What is not a humanoid is refused in one line; a guess is never made silently.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

from ...lifter.contract.protocol import PresetError, RigError
from .bone_map import LIMB_PARTS, REQUIRED, SIDES, BoneMap, Preset, lacking, ranked, resolve, share, unmapped
from .bone_names import Finder
from .landmarks import rest_landmarks
from .recognise_body import NO_BODY, NO_LENGTH, SWAPPED, body, doubts, limbs_by_name
from .recognise_names import read_all
from .recognise_shape import shape
from .recognise_unclear import unclear
from .rest import RestPose

BY_TABLE, BY_PRESET, BY_NAMES, BY_SHAPE = "humanoid table", "preset", "bone names", "rest pose"
CHOSEN = "chosen preset"
SURE = {BY_TABLE: 1.0, BY_PRESET: 1.0, BY_NAMES: 0.9, BY_SHAPE: 0.7}  # with every part placed
SURE_NAMES = 0.97  # a preset that fits this well is right even where the rest pose says nothing
FLAT = 0.5  # factor then
MENDED = 0.8  # factor where the shape said what unclear names stand for
MIRRORED = 0.8  # factor where names and rest pose disagree about left and right
SUPPOSED_FRONT = 0.6  # factor where nothing but the axes told left from right
IN_WORDS = ((0.9, "sure"), (0.7, "fairly sure"), (0.5, "unsure, check the map"), (0.0, "a guess, check the map"))
WEIGHTS = dict.fromkeys(("spine", "neck", "head", "hand", "foot"), 1.0) | {"clavicle": 0.5, "toe": 0.5}
VRM_PARTS = {
    "hips": "hips", "neck": "neck", "head": "head", "Shoulder": "clavicle", "UpperArm": "upper_arm",
    "LowerArm": "forearm", "Hand": "hand", "UpperLeg": "thigh", "LowerLeg": "shin", "Foot": "foot", "Toes": "toe",
}  # fmt: skip
VRM_SPINE = ("spine", "chest", "upperChest")


@dataclass(frozen=True)
class Recognition:
    """A rig understood."""

    map: BoneMap
    how: str  # BY_TABLE, BY_PRESET, BY_NAMES or BY_SHAPE
    sureness: float  # 0..1
    unplaced: tuple[str, ...]  # deforming bones that no part, twist or knuckle took: they follow their parents
    missing: tuple[str, ...]  # parts that no bone was found for
    doubts: tuple[str, ...] = ()  # what in the rest pose speaks against the map, in words

    @property
    def words(self) -> str:
        """'sure (100 %): preset mixamo'"""
        told = next(text for least, text in IN_WORDS if self.sureness >= least)
        name = f" {self.map.name}" if self.how in (BY_PRESET, CHOSEN) else ""
        return f"{told} ({100 * self.sureness:.0f} %): {self.how}{name}"


def recognise(rest: RestPose, choices: Iterable[Preset], humanoid: Mapping[str, str] | None = None) -> Recognition:
    """The best bone map. humanoid: a VRM file's table, human bone -> bone name, where it has one.

    Raises RigError where the rig is no humanoid, or none that can be told: one line with what is missing.
    """
    found: list[Recognition] = []
    against: list[str] = []
    if humanoid:
        _try(rest, vrm_map(humanoid), BY_TABLE, 1.0, found, against)
    for preset in ranked(rest, choices):
        if lacking(preset, Finder(preset.prefixes, rest.bone_names)):
            continue
        try:
            bone_map = resolve(preset, rest)
        except PresetError:
            continue
        if not preset.mover and not preset.parents:
            bone_map = _with_trunk(rest, bone_map)
        _try(rest, bone_map, BY_PRESET, 0.5 + 0.5 * share(preset, rest), found, against)
        if found:
            break
    if found and found[0].sureness >= SURE[BY_NAMES]:
        return found[0]
    words = read_all(rest.bone_names)
    by_name = limbs_by_name(rest, words)
    seen = shape(rest)
    by_shape = {f"{side}_{p}": bone for side, limb in zip(SIDES, (seen.left, seen.right)) for p, bone in limb.items()}
    if all(by_shape.get(part) == by_name.get(part) for part in REQUIRED):  # the ends that have no telling name
        ends = {p: b for p, b in by_shape.items() if b not in by_name.values() and not words[b].twist}
        by_name = {**ends, **by_name}
    mended = unclear(rest, words, by_name, (seen.left, seen.right))
    by_name = {p: b for p, b in by_name.items() if b not in mended.values()} | mended
    _try(rest, body(rest, words, by_name, "names"), BY_NAMES, MENDED if mended else 1.0, found, against)
    if found:
        return max(found, key=lambda r: r.sureness)
    if flat := next((doubt for doubt in against if doubt.endswith(NO_LENGTH)), ""):
        raise RigError(f"armature '{rest.name}': {flat}. Give it one in edit mode, or make a bone map of your own.")
    for keep_names in (True, False):
        limbs = by_shape
        if keep_names:  # names that are known stay where the shape agrees; the shape fills in the rest
            limbs = {**{p: b for p, b in limbs.items() if b not in by_name.values()}, **by_name}
        factor = 1.0 if seen.facing or (keep_names and by_name) else SUPPOSED_FRONT
        if seen.left and not found:
            _try(rest, body(rest, words, limbs, "shape"), BY_SHAPE, factor, found, against)
    if found:
        return found[0]
    unnamed = [part.replace("_", " ") for part in REQUIRED if part != "hips" and part not in by_name]
    what = f"by names no {', '.join(unnamed)}" if unnamed else "; ".join(dict.fromkeys(against))
    missed = ", ".join(f"without {m}" for m in seen.missing) or "; ".join(dict.fromkeys(against)) or "no hips"
    raise RigError(
        f"armature '{rest.name}' is not recognised as a humanoid: {what}; by shape {missed}. "
        "Choose another armature, or a preset or bone map of your own."
    )


def chosen(rest: RestPose, bone_map: BoneMap) -> Recognition:
    """A map that the user chose, in the same form."""
    return Recognition(bone_map, CHOSEN, 1.0, unplaced(rest, bone_map), _missing(bone_map)[0])


def vrm_map(humanoid: Mapping[str, str]) -> BoneMap:
    """The map that a VRM file's own humanoid table states (human bone -> bone name)."""
    bones: dict[str, tuple[str, ...]] = {"spine": tuple(humanoid[b] for b in VRM_SPINE if humanoid.get(b))}
    landmarks: dict[str, str] = {}
    for human, bone in humanoid.items():
        side = next((s for s in SIDES if human.startswith(s)), "")
        part = VRM_PARTS.get(human[len(side) :])
        if part and bone:
            bones[f"{side}_{part}" if side else part] = (bone,)
        finger = {"IndexProximal": "index", "LittleProximal": "pinky"}.get(human[len(side) :])
        if side and finger and bone:
            landmarks[f"{side}_{finger}"] = bone
    return BoneMap("vrm", {part: names for part, names in bones.items() if names}, landmarks)


def as_preset(bone_map: BoneMap, notes: Iterable[str] = ()) -> str:
    """The text of a preset file that gives this map. notes: remarks for its head."""
    lines = [*(f"# {note}" for note in notes), f"name = {_quoted(bone_map.name)}"]
    if bone_map.mover:
        lines.append(f"mover = {_quoted(bone_map.mover)}")
    for key in ("neutral", "driven"):
        if getattr(bone_map, key):
            lines.append(f"{key} = {_listed(getattr(bone_map, key))}")
    if bone_map.settings:
        rows = (
            f"    {{ bone = {_quoted(s.bone)}, property = {_quoted(s.property)}, value = {s.value} }},"
            for s in bone_map.settings
        )
        lines += ["settings = [", *rows, "]"]
    tables = (("bones", bone_map.bones), ("twists", bone_map.twists))
    for table, entries in tables:
        if entries:
            lines += ["", f"[{table}]", *(f"{part} = {_listed(names)}" for part, names in entries.items())]
    for table, pairs in (("landmarks", bone_map.landmarks), ("parents", bone_map.parents)):
        if pairs:
            lines += ["", f"[{table}]", *(f"{_quoted(key)} = {_quoted(bone)}" for key, bone in pairs.items())]
    return "\n".join(lines) + "\n"


def notes(rest: RestPose, found: Recognition, made: str) -> list[str]:
    """What the head of a preset file for this rig says, to be looked over. made: how it came to be."""
    lines = [f"Bone map for {rest.name}; {made}."]
    if found.missing:
        lines.append(f"Without a bone: {', '.join(found.missing)}.")
    return [*lines, *(f"Not placed: {bone}" for bone in found.unplaced)]


def _try(
    rest: RestPose,
    bone_map: BoneMap | None,
    how: str,
    factor: float,
    found: list[Recognition],
    against: list[str],
) -> None:
    """Append the map to `found` if it makes a body on this rig, otherwise the reasons to `against`."""
    if bone_map is None:
        return
    gone = [name for names in bone_map.bones.values() for name in names if name not in rest]
    lacking = [part for part in REQUIRED if part not in bone_map.bones]
    if gone or lacking:
        against.append(
            f"the {how} names " + ", ".join([f"no {p}" for p in lacking] + [f"'{b}' which is not there" for b in gone])
        )
        return
    told = doubts(rest, bone_map)
    swapped = told == (SWAPPED,) and not bone_map.mover and not bone_map.parents
    if swapped:
        bone_map = _mirrored(bone_map)
        told = doubts(rest, bone_map)
    if not told:
        try:
            rest_landmarks(rest.with_parents(bone_map.parents), bone_map)
        except RigError as error:
            told = (str(error),)
    only_flat = told == (NO_BODY,) and how == BY_PRESET and factor > SURE_NAMES
    if told and not only_flat:
        against.extend(told)
        return
    missing, placed = _missing(bone_map)
    sureness = SURE[how] * factor * (1.0 if how in (BY_TABLE, BY_PRESET) else 0.5 + 0.5 * placed)
    if told or swapped:
        sureness *= FLAT if told else MIRRORED
        told = told or ("the names' left lies on the body's right: sides are those of the rest pose",)
    found.append(Recognition(bone_map, how, sureness, unplaced(rest, bone_map), missing, told))


def _missing(bone_map: BoneMap) -> tuple[tuple[str, ...], float]:
    """Parts that have no bone, and the share (0..1, by WEIGHTS) of those that have one."""
    parts = [(p, WEIGHTS[p]) for p in ("spine", "neck", "head")]
    parts += [(f"{side}_{p}", WEIGHTS[p] / 2) for side in SIDES for p in LIMB_PARTS if p in WEIGHTS]
    placed = sum(weight for part, weight in parts if part in bone_map.bones) / sum(weight for _, weight in parts)
    return tuple(part for part, _ in parts if part not in bone_map.bones), placed


def _mirrored(bone_map: BoneMap) -> BoneMap:
    """Left for right."""

    def other(word: str) -> str:
        side, _, part = word.partition("_")
        return {"left": f"right_{part}", "right": f"left_{part}"}.get(side, word)

    tables = {key: {other(k): v for k, v in getattr(bone_map, key).items()} for key in ("bones", "landmarks", "twists")}
    return replace(bone_map, **tables)


def unplaced(rest: RestPose, bone_map: BoneMap) -> tuple[str, ...]:
    """Deforming bones that the map gives no place at all."""
    return tuple(bone for bone in unmapped(bone_map, rest) if bone not in bone_map.landmarks.values())


def _with_trunk(rest: RestPose, bone_map: BoneMap) -> BoneMap:
    """The map with the trunk's bones that the preset does not know but that lie between those it does."""
    bones = {part: list(names) for part, names in bone_map.bones.items()}
    taken = {name for names in bones.values() for name in names}
    parts = [part for part in ("hips", "spine", "neck", "head") if bones.get(part)]
    line = [(part, name) for part in parts for name in bones[part]]
    for (_, a), (part, b) in pairwise(line):
        above = [rest.bone_names[i] for i in rest.ancestors(rest.index(b))]
        if a not in above:
            continue
        between = [name for name in reversed(above[: above.index(a)]) if name not in taken]
        shoulders = [rest.index(bones[p][0]) for p in ("left_upper_arm", "right_upper_arm")]
        for name in between:
            carries = all(rest.index(name) in rest.ancestors(s) for s in shoulders)
            into = "spine" if carries else "neck" if part in ("neck", "head") else part
            if into in ("spine", "neck"):
                bones.setdefault(into, []).append(name)
    for part in ("spine", "neck"):
        bones.get(part, []).sort(key=rest.index)
    return replace(bone_map, bones={part: tuple(names) for part, names in bones.items()})


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _listed(names: tuple[str, ...]) -> str:
    return _quoted(names[0]) if len(names) == 1 else f"[{', '.join(map(_quoted, names))}]"
