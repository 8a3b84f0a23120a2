"""What a bone's name says, in any spelling or side convention: its side, and the parts that it may play."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

ARM = ("clavicle", "upper_arm", "forearm", "hand")
LEG = ("thigh", "shin", "foot", "toe")

_SPLIT = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|[^\x00-\x7f]+")
_SIDES = {
    "l": "left",
    "lf": "left",
    "lt": "left",
    "lft": "left",
    "left": "left",
    "r": "right",
    "rt": "right",
    "rgt": "right",
    "right": "right",
}
_SIDE_SIGNS = {"左": "left", "右": "right"}
_GLUED_SIDE = re.compile(r"^(left|right|l|r)(?=arm|fore|low|up|hand|wrist|elbow|should|shldr|clav|coll|thigh|leg|calf|"
                         r"shin|knee|ankle|foot|toe|hip|thumb|finger)")  # fmt: skip
# Words of bones that carry no part of the body, or steer one from outside.
_OTHER = frozenset(
    re.split(
        " ",
        "ik mch org vis wgt pole target control ctrl orient end nub tip helper slot weapon prop hair skirt cloth tail "
        "wing eye brow lid jaw teeth tongue lip cheek nose ear breast pectoral socket twist roll finger thumb index "
        "middle ring pinky little pointer metacarpal palm carpal heel small buttock",
    )
)
_OTHER_SIGNS = ("指", "捩", "目", "髪", "胸", "ＩＫ", "スカート")
_TWIST = ("twist", "roll", "捩")

# (words, part -> how unusual that reading is, 0..1); the first line that fits counts
_LIMB_WORDS = tuple(
    (re.compile(words), parts)
    for words, parts in (
        ("fore_?arm|low?e?r?arm|armlow|unterarm|elbow|ulna|ひじ|ヒジ|肘|前腕|前臂|下臂", {"forearm": 0.0}),
        ("upp?e?r?arm|armup|oberarm|shldr|bicep|humerus|上腕|上臂", {"upper_arm": 0.0}),
        ("clavicle|collar|鎖骨|肩", {"clavicle": 0.0}),
        ("shoulder", {"clavicle": 0.1, "upper_arm": 0.15}),
        ("wrist|手首", {"hand": 0.0}),
        ("hand|手", {"hand": 0.05}),
        ("arm|腕", {"upper_arm": 0.1, "forearm": 0.5, "hand": 0.9}),
        ("shin|calf|low?e?r?leg|leglow|unterschenkel|knee|tibia|ひざ|膝|すね|小腿", {"shin": 0.0}),
        ("thigh|upp?e?r?leg|legup|oberschenkel|femur|もも|腿", {"thigh": 0.0}),
        ("ankle|足首", {"foot": 0.0}),
        ("toe|ball|つま先|爪先", {"toe": 0.0}),
        ("foot|fuss|脚", {"foot": 0.05, "toe": 0.4}),
        ("hip", {"thigh": 0.1}),
        ("足", {"thigh": 0.1, "shin": 0.5, "foot": 0.6}),
        ("leg", {"thigh": 0.2, "shin": 0.2, "foot": 0.9, "toe": 1.0}),
    )
)
_TRUNK_WORDS = (
    ("head", re.compile("head|頭")),
    ("neck", re.compile("neck|首")),
    ("hips", re.compile("pelvis|hip|下半身|腰")),
    ("spine", re.compile("spine|chest|abdomen|torso|waist|back|thorax|上半身")),
)
_FINGERS = (("index", re.compile("index|pointer|人指|人差")), ("pinky", re.compile("pinky|little|小指")))


@dataclass(frozen=True)
class Words:
    """One name, read."""

    side: str = ""  # left, right, or empty
    limb: Mapping[str, float] = field(default_factory=dict[str, float])  # part -> how unusual a reading, 0..1
    trunk: str = ""  # head, neck, hips, spine, or empty
    finger: str = ""  # index, pinky, or empty
    twist: bool = False


def read(name: str) -> Words:
    """'lShldr', 'upperarm_l', '左腕', 'bip01 L Forearm', 'J_Bip_L_UpperArm' and the like."""
    tokens = [token.lower() for token in _SPLIT.findall(name.rpartition(":")[2])]
    side, words = "", list[str]()
    for token in tokens:
        sign = next((s for s in _SIDE_SIGNS if s in token), "")
        glued = _GLUED_SIDE.match(token)
        found = _SIDES.get(token) or _SIDE_SIGNS.get(sign) or (_SIDES[glued[1]] if glued else "")
        side = side or found
        rest = token.replace(sign, "") if sign else token[len(glued[1]) :] if glued else "" if found else token
        if rest and not rest.isdigit():
            words.append(rest)
    whole = "".join(words)
    finger = next((part for part, word in _FINGERS if word.search(whole)), "")
    if any(k in whole for k in ("metacarpal", "palm", "inhand")) or _OTHER & set(words) & {"end", "nub", "tip"}:
        finger = ""
    twist = any(word in whole for word in _TWIST)
    if _OTHER & set(words) or any(sign in name for sign in _OTHER_SIGNS) or "headtop" in whole:
        return Words(side, finger=finger, twist=twist)
    if side:
        return Words(
            side, next((parts for word, parts in _LIMB_WORDS if word.search(whole)), dict[str, float]()), finger=finger
        )
    return Words(trunk=next((part for part, word in _TRUNK_WORDS if word.search(whole)), ""))
