"""Every text that users see has its translation in each language, and each translation its text."""

from __future__ import annotations

import ast
import re
import string
import tomllib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from video_to_armature.addon import map_editor, translations
from video_to_armature.addon.retarget import recognise
from video_to_armature.addon.wrapping import WIDE, length, lines

from .conftest import ROOT, SCRIPTS, Outcome, python_of, run

Pair = tuple[str, str]  # context, English
LANGUAGES = ("ja_JP", "ko_KR", "zh_HANS")  # as Blender names them, in 4.2 as in 5.2
FILES = sorted(translations.FOLDER.glob("*.toml"))
SOURCES = sorted((ROOT / "addon").glob("*.py"))
DEFAULT, OPERATOR = "*", "Operator"
NAMES = {  # everywhere the same
    "AMD (ROCm)", "BVH", "CPU", "FBX", "FK", "IK", "NVIDIA (CUDA)", "PyPI", "PyTorch", "Python", "USD", "Unity", "Unreal",
    "Video to Armature", "glTF",
}  # fmt: skip
SHOWN = {  # function -> which of its arguments are shown, so that texts in them are to be translated
    "iface": (0,), "tip": (0,), "rpt": (0,), "Text": (0,), "wrapped": (2,), "report": (1,), "poll_message_set": (0,),
    "Item": (0, 2, 3), "_show": (0,), "Build": (1, 3), "_allowed": (1,),
}  # fmt: skip
KEYWORDS = {"text", "heading", "title", "message", "confirm_text"}  # of what layouts and dialogs draw
HISTORY = "undo_push"  # its message is the label of an operator
ITSELF = {"poll_message_set"}  # what Blender shows as it is
WORD = re.compile(r"[A-Za-z]{2,}")


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", ""), node


def shown(name: str, call: ast.Call) -> list[ast.expr]:
    """What the call shows; the arguments of our own functions stand in place."""
    placed = [call.args[i] for i in SHOWN.get(name, ()) if i < len(call.args)]
    return placed + [word.value for word in call.keywords if word.arg in KEYWORDS and name != HISTORY]


def leaves(expression: ast.expr) -> Iterator[ast.expr]:
    """The texts that the expression may be: both sides of a choice, not what goes into a call."""
    if isinstance(expression, ast.IfExp):
        yield from (*leaves(expression.body), *leaves(expression.orelse))
    elif isinstance(expression, ast.BoolOp):
        for value in expression.values:
            yield from leaves(value)
    elif isinstance(expression, ast.BinOp):
        yield from (*leaves(expression.left), *leaves(expression.right))
    else:
        yield expression


def texts_of(leaf: ast.expr, tree: ast.AST) -> list[str]:
    """The text itself, or those that a variable of this name is given."""
    if isinstance(leaf, ast.Name):
        given = [n.value for n in ast.walk(tree) if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == leaf.id]
        return [text for value in given for part in leaves(value) for text in text_in(part)]
    return text_in(leaf)


def text_in(leaf: ast.expr) -> list[str]:
    return [leaf.value] if isinstance(leaf, ast.Constant) and isinstance(leaf.value, str) else []


def in_source(source: str) -> set[Pair]:
    tree = ast.parse(source)
    found: set[Pair] = set()
    for name, call in calls(tree):
        context = OPERATOR if name.startswith("operator") else DEFAULT
        for leaf in (leaf for expression in shown(name, call) for leaf in leaves(expression)):
            found |= {(context, text) for text in texts_of(leaf, tree) if WORD.search(text)}
    return found


def untranslatable(source: str) -> list[str]:
    """Texts put together before anyone could translate them, and those that Blender shows as they are."""
    found: list[str] = []
    for name, call in calls(ast.parse(source)):
        for leaf in (leaf for expression in shown(name, call) for leaf in leaves(expression)):
            parts = leaf.values if isinstance(leaf, ast.JoinedStr) else []
            composed = WORD.search(" ".join(text for part in parts for text in text_in(part)))
            if composed or (name in ITSELF and text_in(leaf)):
                found.append(f"line {leaf.lineno}: {ast.unparse(leaf)}")
    return found


def fields(text: str) -> list[str]:
    """Placeholders with their formats, sorted: a language has its own order."""
    return sorted(f"{name}:{how}" for _, name, how, _ in string.Formatter().parse(text) if name is not None)


def without_names(pairs: Iterable[Pair]) -> set[Pair]:
    return {pair for pair in pairs if pair[1] not in NAMES}


@pytest.fixture(scope="module")
def english(tmp_path_factory: pytest.TempPathFactory) -> set[Pair]:
    """All that is to be translated: of the classes, of the sources, how a map was found, and the parts of the body."""
    outcome = run(python_of("4.5"), [SCRIPTS / "strings.py"], tmp_path_factory.mktemp("home"))
    assert outcome.code == 0, outcome.stderr[-3000:]
    of_classes = {(context, text) for context, text in outcome.result["texts"]}
    assert len(of_classes) > 150
    of_sources = set().union(*(in_source(path.read_text("utf-8")) for path in SOURCES))
    assert len(of_sources) > 80
    words = {told for _, told in recognise.IN_WORDS}
    words |= {recognise.BY_TABLE, recognise.BY_PRESET, recognise.BY_NAMES, recognise.BY_SHAPE, recognise.CHOSEN}
    words |= {map_editor.label(part) for part in map_editor.ORDER} | set(map_editor.GROUPS)
    return without_names(of_classes | of_sources | {(DEFAULT, word) for word in words})


def test_each_blender_has_the_languages(script: Callable[..., Outcome]) -> None:
    assert [path.stem for path in FILES] == sorted(LANGUAGES)
    outcome = script("strings.py")
    assert not outcome.own_warnings
    assert len(outcome.result["texts"]) > 150
    assert outcome.result["without a tooltip"] == []
    assert set(LANGUAGES) <= set(outcome.result["languages"])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_text_is_translated_and_no_more(path: Path, english: set[Pair]) -> None:
    translated = set(translations.load(path))
    ours = {
        (DEFAULT, text) for context, text in translated if context == translations.CONTEXT
    }  # iface looks there first
    dead = {
        pair for pair in translated - english if pair[0] != translations.CONTEXT or (DEFAULT, pair[1]) not in english
    }
    assert sorted(english - translated - ours) == [], "without a translation"
    assert sorted(dead) == [], "of texts that are no more"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_translations_are_whole(path: Path) -> None:
    for (_, text), said in translations.load(path).items():
        assert fields(said) == fields(text), text
        assert said == said.strip() != "", text
        assert re.search(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]", said), f"{text}: not translated"
        assert text.endswith("…") == said.endswith("…"), text


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_nothing_is_put_together_before_it_is_translated(path: Path) -> None:
    assert untranslatable(path.read_text("utf-8")) == []


def test_the_search_sees_what_a_panel_may_write() -> None:
    source = """
layout.label(text="One" if a else f"{n} of two")
row.operator("x.y", text=three or "Three …", icon="X")
cls.poll_message_set("Four")
self.report({"INFO"}, rpt("{n} fives", n=5))
text = "Six {n}"
iface(text, n=6)
"""
    assert in_source(source) == {
        ("*", "One"), ("Operator", "Three …"), ("*", "Four"), ("*", "{n} fives"), ("*", "Six {n}")
    }  # fmt: skip
    assert untranslatable(source) == ["line 2: f'{n} of two'", "line 4: 'Four'"]


def test_a_text_is_english_until_it_is_shown() -> None:
    text = translations.Text("{size:.1f} GB of {what}", size=1.25, what=translations.Text("{n} disks", n=2))
    assert text == "1.2 GB of 2 disks"
    assert (text.template, text.values["size"]) == ("{size:.1f} GB of {what}", 1.25)
    assert translations.Text("as {it} is").template == "as {it} is"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_long_texts_are_broken_into_lines_that_fit(path: Path) -> None:
    texts = tomllib.loads(path.read_text("utf-8"))[DEFAULT]
    for text in sorted(texts, key=len)[-20:]:
        broken = lines(texts[text], 30)
        assert max(map(length, broken)) <= 30 + WIDE  # a closing mark does not go onto a line of its own
        assert "".join(broken).replace(" ", "") == texts[text].replace(" ", "")
        assert not [line for line in broken if line[0] in "。、，．）」"]


def test_lines_break_where_languages_do() -> None:
    assert lines("one two three", 7) == ["one two", "three"]
    assert lines("a" * 25, 10) == ["a" * 10, "a" * 10, "a" * 5]
    assert lines("骨架没有动画。请先", 10) == ["骨架没有动", "画。请先"]
    assert lines("カメラをリセットする", 9) == ["カメラを", "リセット", "する"]
    assert lines("種類（ふたつ）", 6) == ["種類", "（ふた", "つ）"]
    assert lines("포즈 본이 없음", 9) == ["포즈 본이", "없음"]
