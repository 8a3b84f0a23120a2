"""A bone map as a list to edit, a row for each bone; and back into a preset file, with all that the list cannot show."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, cast

from .retarget.bone_map import LANDMARKS, LIMB_PARTS, PARTS, REQUIRED, SIDES, BoneMap
from .retarget.bone_names import Finder
from .retarget.recognise_body import limbs_by_name
from .retarget.recognise_names import read
from .retarget.rest import RestPose
from .translations import Text, joined

MOVER = "mover"  # what carries the path: no part of the body, but a bone that can be picked like one
EXTRA = ("root", MOVER)  # which most rigs do without
SEVERAL = ("spine", "neck")  # parts that are shared by any number of bones


def _both(*words: str) -> tuple[str, ...]:
    return tuple(f"{side}_{word}" for side in SIDES for word in words)


GROUPS = {
    "Body": ("hips", "spine", "root", MOVER),
    "Head": ("neck", "head"),
    "Arms": _both(*LIMB_PARTS[:3]),
    "Hands": _both("hand", "index", "pinky"),
    "Legs": _both(*LIMB_PARTS[4:]),
}
ORDER = tuple(part for parts in GROUPS.values() for part in parts)
_WORDS = {
    "hips": Text("Hips"), "spine": Text("Spine"), "root": Text("Root"), MOVER: Text("Path"), "neck": Text("Neck"),
    "head": Text("Head"), "clavicle": Text("Clavicle"), "upper_arm": Text("Upper Arm"), "forearm": Text("Forearm"),
    "hand": Text("Hand"), "index": Text("Index"), "pinky": Text("Pinky"), "thigh": Text("Thigh"), "shin": Text("Shin"),
    "foot": Text("Foot"), "toe": Text("Toe"),
}  # fmt: skip


class Row(NamedTuple):
    """One line of the list."""

    part: str  # of ORDER; one of SEVERAL has a row for each of its bones, from the root outwards
    bone: str  # '' where the part has none


def label(part: str) -> str:
    """'Left Upper Arm'"""
    side, word = sided(part)
    return f"{side} {word}".lstrip()


def sided(part: str) -> tuple[str, str]:
    """'Left', '' where it has no side, and 'Upper Arm'"""
    side, _, word = part.partition("_")
    return (side.title(), _WORDS[word]) if side in SIDES else ("", _WORDS[part])


def rows_of(bone_map: BoneMap) -> list[Row]:
    """The list of a map that fits a rig."""
    single = {**bone_map.landmarks, MOVER: bone_map.mover}
    return [Row(part, bone) for part in ORDER for bone in bone_map.bones.get(part) or (single.get(part, ""),)]


def rows_in(text: str, names: Sequence[str]) -> list[Row]:
    """The list of a preset file's text: of its bones those that the rig has. names: the rig's bones."""
    record = tomllib.loads(text)
    finder = Finder(_words(record.get("prefixes", [])), names)
    found = {part: [bone for name in _names(record, part) if (bone := finder.find(name))] for part in ORDER}
    return [Row(part, bone) for part in ORDER for bone in found[part] or [""]]


def rows_by_name(rest: RestPose) -> list[Row]:
    """What the names alone tell, to begin with on a rig that Auto does not recognise."""
    words = [read(name) for name in rest.bone_names]
    found = {part: [bone] for part, bone in limbs_by_name(rest, words).items()}
    for part in ("hips", "neck", "head"):
        named = [i for i, word in enumerate(words) if word.trunk == part]
        found[part] = sorted(named, key=lambda i: len(rest.ancestors(i)))[:1]
    if found["head"]:
        above = reversed(rest.ancestors(found["head"][0]))
        found["spine"] = [i for i in above if words[i].trunk == "spine"]
    bones = {part: tuple(rest.bone_names[i] for i in chain) for part, chain in found.items()}
    return rows_of(BoneMap("", bones))


def problems(rows: Sequence[Row], names: Collection[str]) -> dict[int, Text]:
    """What keeps the list from being a map: row -> why, in words. names: the armature's bones."""
    found: dict[int, Text] = {}
    have = {row.part for row in rows if row.bone}
    lacking = [part for part in REQUIRED if part not in have]
    owner: dict[str, int] = {}
    for i, row in enumerate(rows):
        if row.part in lacking:
            found[i] = Text("Needed, and without a bone: {parts}", parts=joined(map(label, lacking)))
        elif row.bone and row.bone not in names:
            found[i] = Text("The armature has no bone '{bone}'", bone=row.bone)
        elif row.bone and row.part != MOVER:  # the path may be carried by any of them
            first = owner.setdefault(row.bone, i)
            if first != i:
                one, other = (Text(label(rows[j].part)) for j in (first, i))
                found[i] = Text(
                    "Bone '{bone}' is picked for {one} and for {other}", bone=row.bone, one=one, other=other
                )
                found.setdefault(first, found[i])
    return found


def edited(text: str, rows: Sequence[Row], rest: RestPose, name: str) -> str:
    """The preset file's text with the list's bones in it, under another name.

    text: what the list began with. A part that was not touched keeps what else it names, for rigs that have it; a bone that
    was picked for a part no longer shares a limb's turn. All else stays. rows: without `problems`.
    """
    record = tomllib.loads(text)
    finder = Finder(_words(record.get("prefixes", [])), rest.bone_names)
    for part in ORDER:
        names = _names(record, part)
        picked = [row.bone for row in rows if row.part == part and row.bone]
        same = picked == [bone for each in names if (bone := finder.find(each))]
        kept = [finder.find(each) or each for each in names] if same else sorted(picked, key=rest.index)
        _put(record, part, kept)
    taken = {row.bone for row in rows if row.bone and row.part != MOVER}
    twists = record.get("twists", {})
    for part, names in [(part, _words(names)) for part, names in twists.items()]:
        left = [each for each in names if finder.find(each) not in taken]
        if names and not left:  # an empty list would say that the rig twists by itself
            del twists[part]
        elif len(left) < len(names):
            twists[part] = left
    bones = record.get("bones", {})
    record["bones"] = {part: bones[part] for part in PARTS if part in bones}
    return toml({**record, "name": name})


def toml(record: Mapping[str, Any]) -> str:
    """A record as TOML: plain values, then lists of tables with a line for each, then tables."""
    tables = {key: value for key, value in record.items() if isinstance(value, dict) and value}
    lines = [f"{_key(key)} = {_value(value)}" for key, value in record.items() if not _is_table(value)]
    for key, entries in record.items():
        if _is_table(entries) and isinstance(entries, list):
            lines += [f"{_key(key)} = [", *(f"    {_value(entry)}," for entry in cast("list[Any]", entries)), "]"]
    for key, table in tables.items():
        lines += ["", f"[{_key(key)}]", *(f"{_key(word)} = {_value(value)}" for word, value in table.items())]
    return "\n".join(lines) + "\n"


def _is_table(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and any(isinstance(each, dict) for each in value))


def _value(value: Any) -> str:
    if isinstance(value, dict):
        pairs = cast("dict[str, Any]", value).items()
        return f"{{ {', '.join(f'{_key(key)} = {_value(each)}' for key, each in pairs)} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(_value, cast('list[Any]', value)))}]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")  # else JSON is TOML here


def _key(key: str) -> str:
    return key if re.fullmatch("[A-Za-z0-9_-]+", key) else _value(key)


def _words(value: str | Iterable[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _table(part: str) -> str:
    return "landmarks" if part in LANDMARKS else "bones"


def _names(record: Mapping[str, Any], part: str) -> list[str]:
    """The bones that a preset's record names for the part."""
    table = record if part == MOVER else record.get(_table(part), {})
    return [name for name in _words(table.get(part, [])) if name]


def _put(record: dict[str, Any], part: str, bones: Sequence[str]) -> None:
    table = record if part == MOVER else record.setdefault(_table(part), {})
    table.pop(part, None) if not bones else table.update({part: bones[0] if len(bones) == 1 else list(bones)})
