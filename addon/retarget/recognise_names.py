"""What a bone's name says, in any spelling or side convention: its side, and the parts that it may play."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

ARM = ("clavicle", "upper_arm", "forearm", "hand")
LEG = ("thigh", "shin", "foot", "toe")

_SPLIT = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|[^\x00-\x7f]+")
_SIDE_WORDS = {
    "left": "l lf lt lft left links gauche izq izquierda izquierdo esq esquerda esquerdo sx sinistra sinistro л",
    "right": "r rt rgt right rechts droit droite der derecha derecho dir direita direito dx destra destro п",
}
_SIDES = {word: side for side, words in _SIDE_WORDS.items() for word in words.split()}
_WEAK_SIDES = {"g": "left", "d": "right"}  # French; MMD's names have a 'D' beside their side
_SIDE_SIGNS = {"左": "left", "右": "right", "왼": "left", "오른": "right", "лев": "left", "прав": "right"}
_GLUED = re.compile(
    "(?P<a>left|right|l|r)(?P<b>(arm|fore|low|up|hand|wrist|elbow|should|shldr|clav|coll|thigh|leg|calf|shin|knee|ankle|"
    "foot|toe|hip|thumb|finger).*)|"
    "(?P<c>.*(arm|hand|wrist|elbow|shoulder|clavicle|collar|thigh|leg|calf|shin|knee|ankle|foot|toe))(?P<d>left|right|l|r)"
)
# Words of bones that carry no part of the body, or steer one from outside.
_OTHER = frozenset(
    re.split(
        " ",
        "ik mch org vis wgt pole target control ctrl orient end nub tip helper slot weapon prop hair skirt cloth tail "
        "wing eye brow lid jaw teeth tongue lip cheek nose ear breast pectoral socket twist roll finger thumb index "
        "middle ring pinky little pointer metacarpal palm carpal heel small buttock",
    )
)
_OTHER_SIGNS = ("指", "捩", "目", "髪", "胸", "ＩＫ", "スカート", "가락", "카락", "拇")
_TWIST = ("twist", "roll", "捩")

# (words, part -> how unusual that reading is, 0..1); the first line that fits counts
_LIMB_WORDS = tuple(
    (re.compile(words), parts)
    for words, parts in (
        ("toe|ball|zehe|orteil|つま先|爪先|足先|趾|脚尖|トゥ|발가락|발끝|носок", {"toe": 0.0}),
        ("fore_?arm|low?e?r?arm|dn_?arm|armlow|unterarm|avant_?bras|ante_?bra|avambrac|elbow|ell(en)?bogen|coude|"
         "gomito|cotovel|ulna|radius|"
         "ひじ|ヒジ|肘|前腕|前臂|下臂|小臂|ロウアーアーム|아래팔|전완|팔꿈|팔뚝|предплеч|локот", {"forearm": 0.0}),
        ("upp?e?r?arm|armup|oberarm|shldr|bicep|humerus|上腕|上臂|大臂|アッパーアーム|위팔|상완", {"upper_arm": 0.0}),
        ("clavic|collar|scapula|schlu(e)?sselbein|鎖骨|锁骨|肩|ショルダー|쇄골|ключиц", {"clavicle": 0.0}),
        ("shoulder|schulter|epaule|hombro|spalla|ombro|어깨", {"clavicle": 0.1, "upper_arm": 0.15}),
        ("плеч", {"upper_arm": 0.1, "clavicle": 0.15}),
        ("wrist|handgelenk|poignet|muneca|手首|手腕|손목|кисть|запяст", {"hand": 0.0}),
        ("hand|手|ハンド|손", {"hand": 0.05}),
        ("arm|brazo|braccio|braco|腕|팔", {"upper_arm": 0.1, "forearm": 0.5, "hand": 0.9}),
        ("рука", {"hand": 0.2, "upper_arm": 0.2, "forearm": 0.6}),
        ("shin|calf|low?e?r?leg|dn_?leg|leglow|unterschenkel|knee|knie|tibia|fibula|mollet|genou|pantorrill|panturrilh|"
         "rodilla|espinilla|canela|joelho|polpacc|ginocch|ひざ|膝|すね|脛|小腿|下腿|ロウアーレッグ|종아리|정강|무릎|голен|колен",
         {"shin": 0.0}),
        ("thigh|upp?e?r?leg|legup|oberschenkel|femur|cuisse|muslo|coscia|もも|大腿|太腿|アッパーレッグ|허벅지|대퇴|бедр",
         {"thigh": 0.0}),
        ("ankle|talus|cheville|tobillo|caviglia|tornozel|足首|踝|발목|лодыж", {"foot": 0.0}),
        ("foot|fuss|脚|腳|フット|발|стоп|ступн", {"foot": 0.05, "toe": 0.4}),
        ("hip", {"thigh": 0.1}),
        ("足", {"thigh": 0.1, "shin": 0.5, "foot": 0.6}),
        ("leg|jambe|pierna|gamba|다리|нога|腿", {"thigh": 0.2, "shin": 0.2, "foot": 0.9, "toe": 1.0}),
    )
)  # fmt: skip
_SHORT_WORDS = {  # that would be found inside others
    "bras": {"upper_arm": 0.1, "forearm": 0.5}, "main": {"hand": 0.1}, "mano": {"hand": 0.05}, "mao": {"hand": 0.05},
    "codo": {"forearm": 0.0}, "coxa": {"thigh": 0.0}, "perna": {"thigh": 0.2, "shin": 0.2},
    "bein": {"thigh": 0.2, "shin": 0.2}, "pied": {"foot": 0.05}, "pie": {"foot": 0.05}, "piede": {"foot": 0.05},
    "pe": {"foot": 0.05}, "zeh": {"toe": 0.0},
}  # fmt: skip
_TRUNK_WORDS = (
    ("head", re.compile(r"head|skull|kopf|\btete\b|cabe[zc]a|\btesta\b|頭|头|ヘッド|머리|голов")),
    ("neck", re.compile(r"neck|cervical|\bhals\b|nacken|\bcou\b|cuello|\bcollo\b|pescoco|首|颈|頸|脖|ネック|목|шея")),
    ("hips", re.compile(r"pelvis|hip|becken|hu(e)?fte|bassin|hanche|cadera|bacino|quadril|下半身|腰|骨盆|骨盤|胯|臀|ヒップ|골반|"
                        r"엉덩|\bтаз\b")),
    ("spine", re.compile("spine|chest|abdomen|torso|waist|back|thorax|上半身")),
)  # fmt: skip
_FINGERS = (
    ("index", re.compile("index|pointer|zeigefinger|indice|indicador|人指|人差|食指|검지|указател")),
    ("pinky", re.compile("pinky|little|kleine?r?finger|auriculaire|menique|mignolo|小指|尾指|소지|새끼|мизин")),
)
USUAL_PREFIX = 0.8  # what so many bones begin with says nothing of the single one: 'Hand' in 'Handyman_'


@dataclass(frozen=True)
class Words:
    """One name, read."""

    side: str = ""  # left, right, or empty
    limb: Mapping[str, float] = field(default_factory=dict[str, float])  # part -> how unusual a reading, 0..1
    trunk: str = ""  # head, neck, hips, spine, or empty
    finger: str = ""  # index, pinky, or empty
    twist: bool = False


def read_all(names: Sequence[str]) -> list[Words]:
    """Each of a rig's names, without what nearly all of them begin with."""
    first = Counter(match[0] for name in names if (match := re.match(r"[^_.|:\s-]+[_.|:\s-]+", name)))
    prefix, count = max(first.items(), key=lambda item: item[1], default=("", 0))
    if count < USUAL_PREFIX * len(names):
        prefix = ""
    return [read(name.removeprefix(prefix)) for name in names]


def read(name: str) -> Words:
    """'lShldr', 'upperarm_l', '左腕', 'bip01 L Forearm', 'J_Bip_L_UpperArm' and the like."""
    tokens = [token.lower() for token in _SPLIT.findall(_unaccented(re.split("[:|]", name)[-1]))]
    side, words = "", list[str]()
    for token in tokens:
        sign = next((s for s in _SIDE_SIGNS if s in token), "")
        glued = _GLUED.fullmatch(token)
        found = _SIDES.get(token) or _SIDE_SIGNS.get(sign) or (_SIDES[glued["a"] or glued["d"]] if glued else "")
        side = side or found
        rest = token.replace(sign, "") if sign else glued["b"] or glued["c"] if glued else "" if found else token
        if rest and not rest.isdigit():
            words.append(rest)
    if not side and (weak := [word for word in words if word in _WEAK_SIDES]):
        side = _WEAK_SIDES[weak[-1]]
        words.remove(weak[-1])
    whole = "".join(words)
    finger = next((part for part, word in _FINGERS if word.search(whole)), "")
    if any(k in whole for k in ("metacarpal", "palm", "inhand")) or _OTHER & set(words) & {"end", "nub", "tip"}:
        finger = ""
    twist = any(word in whole for word in _TWIST)
    if _OTHER & set(words) or any(sign in name for sign in _OTHER_SIGNS) or "twist" in whole or "headtop" in whole:
        return Words(side, finger=finger, twist=twist)
    if side:
        short = next((_SHORT_WORDS[word] for word in words if word in _SHORT_WORDS), dict[str, float]())
        return Words(side, next((parts for word, parts in _LIMB_WORDS if word.search(whole)), short), finger=finger)
    spaced = " ".join(words)
    return Words(trunk=next((part for part, word in _TRUNK_WORDS if word.search(whole) or word.search(spaced)), ""))


def _unaccented(name: str) -> str:
    """'Wirbelsäule' as 'Wirbelsaule', 'Fuß' as 'Fuss'; other scripts as they are."""
    latin = (
        c if ord(c) < 128 or ord(c) >= 0x250 else "ss" if c == "ß" else unicodedata.normalize("NFKD", c)[0]
        for c in name
    )
    return "".join(latin)
