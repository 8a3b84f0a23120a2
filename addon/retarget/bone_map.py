"""Which bones of a rig play which part of the body: presets (TOML, data only) fitted to a rig.

presets/rigs/README.md describes the format.
"""

from __future__ import annotations

import difflib
import fnmatch
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, cast

from ...lifter.contract.protocol import PresetError
from .bone_names import Finder
from .rest import RestPose

SIDES = ("left", "right")
LIMB_PARTS = ("clavicle", "upper_arm", "forearm", "hand", "thigh", "shin", "foot", "toe")
REQUIRED_LIMB_PARTS = ("upper_arm", "forearm", "thigh", "shin")
PARTS = ("root", "hips", "spine", "neck", "head") + tuple(f"{side}_{part}" for side in SIDES for part in LIMB_PARTS)
REQUIRED = ("hips",) + tuple(f"{side}_{part}" for side in SIDES for part in REQUIRED_LIMB_PARTS)
LANDMARKS = tuple(f"{side}_{joint}" for side in SIDES for joint in ("index", "pinky"))
TWISTED = tuple(f"{side}_{part}" for side in SIDES for part in REQUIRED_LIMB_PARTS)  # what may have twist bones
_TABLES = ("bones", "twists", "landmarks", "parents")
_KEYS = ("name", "prefixes", "mover", "neutral", "driven", "settings", "ik", *_TABLES)
IK_PARTS = tuple(f"{side}_{part}" for side in SIDES for part in ("hand", "foot", "toe"))


class Setting(NamedTuple):
    """A custom property of a pose bone and the value that it needs."""

    bone: str
    property: str
    value: float
    part: str = ""  # the body part that it belongs to; empty: the trunk
    when: str = ""  # "fk" or "ik": only where such controls are keyed


class IkControl(NamedTuple):
    """A control that places the end of a limb."""

    part: str  # a hand, foot or toe, whose bone it moves as it is moved itself
    control: str
    pole: str = ""  # the control that elbow or knee point to
    neutral: tuple[str, ...] = ()  # controls that must stand at rest then


@dataclass(frozen=True)
class Preset:
    """A bone map as its file has it: names not yet looked up in any rig. Fields as in BoneMap."""

    name: str
    path: str
    bones: Mapping[str, tuple[str, ...]]
    prefixes: tuple[str, ...] = ()
    twists: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    landmarks: Mapping[str, str] = field(default_factory=dict[str, str])
    mover: str = ""
    parents: Mapping[str, str] = field(default_factory=dict[str, str])
    settings: tuple[Setting, ...] = ()
    neutral: tuple[str, ...] = ()
    driven: tuple[str, ...] = ()
    ik: tuple[IkControl, ...] = ()


@dataclass(frozen=True)
class BoneMap:
    """A preset fitted to one rig: every name is a bone that is there."""

    name: str
    bones: Mapping[str, tuple[str, ...]]  # part -> its bones, from the root outwards
    landmarks: Mapping[str, str] = field(default_factory=dict[str, str])  # joint -> bone whose head it is
    mover: str = ""  # carries the path, and turns with the hips; empty: the hips bone
    parents: Mapping[str, str] = field(default_factory=dict[str, str])  # bone -> what it follows in truth
    settings: tuple[Setting, ...] = ()
    neutral: tuple[str, ...] = ()  # controls that must stand at rest
    driven: tuple[str, ...] = ()  # patterns of deforming bones that follow mapped ones by themselves
    ik: tuple[IkControl, ...] = ()  # a hand or foot before its toe
    # limb's part -> bones that share its turn about its own axis, from the root outwards; in its chain or beside it; none
    # where the rig itself spreads what the next bone turns
    twists: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])

    @property
    def bone_parts(self) -> dict[str, str]:
        """bone -> part"""
        return {bone: part for part, bones in self.bones.items() for bone in bones}


def load_preset(path: str | Path) -> Preset:
    """Read a preset file. Raises PresetError saying what is wrong with it."""
    path = Path(path)
    try:
        record = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PresetError(f"{path}: cannot be read ({error.strerror}). Name a preset file.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PresetError(f"{path}: not a TOML file ({error}). Correct it.") from error
    reader = _Reader(path, record)
    preset = Preset(
        name=reader.text(record, "name", path.stem),
        path=str(path),
        bones={part: reader.words(record.get("bones", {}), part) for part in record.get("bones", {})},
        prefixes=reader.words(record, "prefixes"),
        twists={part: reader.words(record.get("twists", {}), part) for part in record.get("twists", {})},
        landmarks=reader.names("landmarks"),
        mover=reader.text(record, "mover", ""),
        parents=reader.names("parents"),
        settings=reader.settings(),
        neutral=reader.words(record, "neutral"),
        driven=reader.words(record, "driven"),
        ik=reader.ik(),
    )
    tables = (("bones", PARTS, preset.bones), ("twists", TWISTED, preset.twists))
    for table, known, found in (*tables, ("landmarks", LANDMARKS, preset.landmarks)):
        for word in found:
            if word not in known:
                raise PresetError(f"{path}: [{table}] has no part '{word}'{_nearest(word, known)}. Correct the name.")
    lacking = [part for part in REQUIRED if not preset.bones.get(part)]
    if lacking:
        raise PresetError(f"{path}: [bones] lacks {', '.join(lacking)}. Add a bone name for each.")
    _refuse_doubles(str(path), preset.bones, preset.twists)
    return preset


def presets(*folders: str | Path) -> tuple[Preset, ...]:
    """All presets of the folders, by name; a later folder's file takes the place of an earlier one's of that name.

    Raises PresetError for a broken one. A folder that is not there has none.
    """
    files = {path.stem: path for folder in folders for path in Path(folder).glob("*.toml")}
    return tuple(load_preset(files[name]) for name in sorted(files))


def resolve(preset: Preset, rest: RestPose) -> BoneMap:
    """Fit a preset to a rig: prefixes and upper/lower case do not matter; bones that are optional may lack.

    Raises PresetError naming every required bone that is not there, and the nearest name that is.
    """
    finder = Finder(preset.prefixes, rest.bone_names)
    bones = {part: tuple(b for b in map(finder.find, names) if b) for part, names in preset.bones.items()}
    if needed := lacking(preset, finder):
        told = ", ".join(f"'{name}'{finder.nearest(name)}" for name in needed)
        raise PresetError(
            f"preset '{preset.name}': armature '{rest.name}' has no bone {told}. Choose another preset or edit the map."
        )
    found = {part: names for part, names in bones.items() if names}
    twists = {part: tuple(b for b in map(finder.find, names) if b) for part, names in preset.twists.items()}
    _refuse_doubles(f"preset '{preset.name}'", found, twists)
    return BoneMap(
        name=preset.name,
        bones=found,
        landmarks={joint: bone for joint, name in preset.landmarks.items() if (bone := finder.find(name))},
        mover=finder.find(preset.mover) if preset.mover else "",
        parents={
            bone: parent
            for child, follows in preset.parents.items()
            if (bone := finder.find(child)) and (parent := finder.find(follows))
        },
        settings=tuple(s._replace(bone=bone) for s in preset.settings if (bone := finder.find(s.bone))),
        neutral=tuple(bone for name in preset.neutral if (bone := finder.find(name))),
        driven=preset.driven,
        ik=tuple(
            IkControl(
                part=ik.part,
                control=control,
                pole=finder.find(ik.pole) if ik.pole else "",
                neutral=tuple(bone for name in ik.neutral if (bone := finder.find(name))),
            )
            for ik in preset.ik
            if (control := finder.find(ik.control))
        ),
        twists={part: names for part, names in twists.items() if names or not preset.twists[part]},
    )


def lacking(preset: Preset, finder: Finder) -> list[str]:
    """Names of bones that the preset cannot do without and the rig does not have."""
    needed = [name for part in REQUIRED if not any(map(finder.find, preset.bones[part])) for name in preset.bones[part]]
    return needed + ([preset.mover] if preset.mover and not finder.find(preset.mover) else [])


def ranked(rest: RestPose, choices: Iterable[Preset]) -> tuple[Preset, ...]:
    """The best first: by the share of its bones that the rig has, then by their number. PresetError for no choice."""
    found = sorted(choices, key=lambda p: (share(p, rest), sum(map(len, p.bones.values()))), reverse=True)
    if not found:
        raise PresetError("there are no presets to choose from. Name a preset file.")
    return tuple(found)


def unmapped(bone_map: BoneMap, rest: RestPose) -> tuple[str, ...]:
    """Deforming bones that neither the map nor the rig itself drives: they stay at rest against their parent."""
    mapped = bone_map.bone_parts.keys() | {bone_map.mover} | {b for bones in bone_map.twists.values() for b in bones}
    return tuple(
        name
        for name, deform in zip(rest.bone_names, rest.deform)
        if deform and name not in mapped and not any(fnmatch.fnmatchcase(name, p) for p in bone_map.driven)
    )


class _Reader:
    """Takes typed values out of a preset's record; says which entry is wrong."""

    def __init__(self, path: Path, record: Mapping[str, Any]) -> None:
        self._path, self._record = path, record
        for key in record:
            if key not in _KEYS:
                raise PresetError(f"{path}: unknown entry '{key}'{_nearest(key, _KEYS)}. See presets/rigs/README.md.")
        for key in _TABLES:
            if not isinstance(record.get(key, {}), dict):
                raise self._wrong(key, "a table")

    def _wrong(self, key: str, wanted: str) -> PresetError:
        return PresetError(f"{self._path}: '{key}' must be {wanted}. See presets/rigs/README.md.")

    def text(self, table: Mapping[str, Any], key: str, default: str) -> str:
        value = table.get(key, default)
        if not isinstance(value, str):
            raise self._wrong(key, "a text")
        return value

    def words(self, table: Mapping[str, Any], key: str) -> tuple[str, ...]:
        """A text or a list of texts."""
        value = table.get(key, [])
        values = cast("list[Any]", value) if isinstance(value, list) else [value]
        if not all(isinstance(v, str) and v for v in values):
            raise self._wrong(key, "a bone name or a list of them")
        return tuple(values)

    def names(self, key: str) -> dict[str, str]:
        table: Mapping[str, Any] = self._record.get(key, {})
        return {str(name): self.text(table, name, "") for name in table}

    def settings(self) -> tuple[Setting, ...]:
        found: list[Setting] = []
        entries = self._record.get("settings", [])
        for entry in cast("list[Any]", entries) if isinstance(entries, list) else [entries]:
            table = self._entry("settings", entry, ("bone", "property", "value"), ("part", "when"))
            if not isinstance(table["value"], int | float):
                raise self._wrong("settings", "a list whose values are numbers or booleans")
            part = self.text(table, "part", "")
            if part and part not in PARTS:
                raise self._wrong("settings", f"of parts that there are, not '{part}'{_nearest(part, PARTS)}")
            when = self.text(table, "when", "")
            if when not in ("", "fk", "ik"):
                raise self._wrong("settings", f"for fk or ik, not for '{when}'")
            bone, name = self.text(table, "bone", ""), self.text(table, "property", "")
            found.append(Setting(bone, name, table["value"], part, when))
        return tuple(found)

    def ik(self) -> tuple[IkControl, ...]:
        found: list[IkControl] = []
        entries = self._record.get("ik", [])
        for entry in cast("list[Any]", entries) if isinstance(entries, list) else [entries]:
            table = self._entry("ik", entry, ("part", "control"), ("pole", "neutral"))
            part, control, pole = (self.text(table, key, "") for key in ("part", "control", "pole"))
            if part not in IK_PARTS:
                raise self._wrong("ik", f"of the parts {', '.join(IK_PARTS)}, not '{part}'")
            found.append(IkControl(part, control, pole, self.words(table, "neutral")))
        return tuple(sorted(found, key=lambda ik: ik.part.endswith("_toe")))

    def _entry(self, key: str, entry: Any, needed: tuple[str, ...], allowed: tuple[str, ...]) -> dict[str, Any]:
        table = cast("dict[str, Any]", entry) if isinstance(entry, dict) else dict[str, Any]()
        if not set(needed) <= set(table) <= {*needed, *allowed}:
            raise self._wrong(key, f"a list of {{ {', '.join(needed)} }}, with {' and '.join(allowed)} if need be")
        return table


def share(preset: Preset, rest: RestPose) -> float:
    """How many (0..1) of the preset's bones the rig has."""
    finder = Finder(preset.prefixes, rest.bone_names)
    names = [name for names in preset.bones.values() for name in names] + ([preset.mover] if preset.mover else [])
    return sum(bool(finder.find(name)) for name in names) / len(names)


def _refuse_doubles(what: str, *tables: Mapping[str, tuple[str, ...]]) -> None:
    owner: dict[str, str] = {}
    for part, name in ((part, name) for table in tables for part, names in table.items() for name in names):
        if name in owner:
            raise PresetError(f"{what}: bone '{name}' stands for {owner[name]} and for {part}. Name each bone once.")
        owner[name] = part


def _nearest(word: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f", nearest is '{near[0]}'" if near else ""
