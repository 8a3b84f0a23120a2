"""The documentation: its links lead somewhere, its pictures are small, its messages, flags and licences are the program's."""

from __future__ import annotations

import argparse
import ast
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest

from video_to_armature.addon import flags
from video_to_armature.lifter import __main__ as worker
from video_to_armature.lifter.models import catalogue, weights

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
OTHERS = [
    ROOT / "CONTRIBUTING.md",
    *(p for room in ("demo", "lifter", "presets", "synthetic") for p in (ROOT / room).rglob("*.md")),
]
ERRORS = ("InputError", "NobodyFoundError", "RuntimeUnfitError", "RigError", "PresetError", "OutputError", "V2AError")
MOST_UNTOLD = 0.05  # of the errors may lack on the page, so that a new one does not stop other work
ANYTHING = "…"


def _anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", [*PAGES, *OTHERS], ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_and_pictures_are_there(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in _anchors(target), link


def test_every_picture_is_shown_and_small() -> None:
    shown = {link for page in PAGES for link in re.findall(r"pictures/([\w.]+)", page.read_text("utf-8"))}
    for picture in (DOCS / "pictures").iterdir():
        assert picture.name in shown
        assert picture.stat().st_size <= (2_000_000 if picture.suffix == ".gif" else 120_000), picture


def test_the_film_is_one_and_loops() -> None:
    from PIL import Image

    film = Image.open(DOCS / "pictures" / "demo.gif")
    assert getattr(film, "n_frames", 1) >= 30
    assert film.info["loop"] == 0


# Messages


def _flat(node: ast.AST) -> str:
    """A string of the sources with ANYTHING for what is put into it; '' for what is no string."""
    if isinstance(node, ast.Constant):  # {in braces}: what a text that is translated puts in later
        return re.sub(r"\{\w*\}", ANYTHING, node.value) if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(_flat(v) if isinstance(v, ast.Constant) else ANYTHING for v in node.values)
    return ""


@cache
def _trees() -> list[ast.Module]:
    files = [ROOT / "dev.py", *(path for room in ("addon", "lifter") for path in (ROOT / room).rglob("*.py"))]
    return [ast.parse(path.read_text("utf-8")) for path in files if "train" not in path.parts]


@cache
def _strings() -> str:
    return "\n".join(_flat(node) for tree in _trees() for node in ast.walk(tree))


@cache
def _told() -> list[str]:
    """The messages that the page quotes."""
    rows = [line for line in (DOCS / "troubleshooting.md").read_text("utf-8").splitlines() if line.startswith("| `")]
    return [message for row in rows for message in re.findall(r"`([^`]+)`", row.split(" | ")[0])]


def test_every_message_on_the_page_is_the_programs() -> None:
    assert len(_told()) > 150
    assert [message for message in _told() if message not in _strings()] == []


def test_the_page_knows_the_programs_errors() -> None:
    raised = {
        _flat(node.args[0])
        for tree in _trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and node.args and ast.unparse(node.func).split(".")[-1] in ERRORS
    }
    texts = {text for text in raised if re.search("[a-z]", text)}
    untold = sorted(text for text in texts if not any(message in text for message in _told()))
    assert len(untold) <= MOST_UNTOLD * len(texts), untold


# Words of the panel

BLENDERS = {
    "Edit", "Preferences", "Get Extensions", "Install from Disk", "Install from Disk…", "Add-ons", "Allow Online Access", "File",
    "Import", "FBX", "Object", "Apply", "Scale",
}  # fmt: skip


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_buttons_and_fields_are_called_as_in_the_panel(page: Path) -> None:
    text = re.sub(r"```.*?```|`[^`]*`", "", page.read_text("utf-8"), flags=re.DOTALL)
    named = re.findall(r"(?<!\*)\*([A-Z][^*]+)\*(?!\*)", text)
    words = {word.removesuffix(" …") for name in named for word in re.split(" > |, ", " ".join(name.split()))}
    presets = [tomllib.loads(path.read_text("utf-8"))["label"] for path in (ROOT / "presets" / "export").glob("*.toml")]
    labels = {re.sub(r" …$| \(\w+\)$", "", label) for label in [*_strings().splitlines(), *presets]}
    assert sorted(word for word in words - BLENDERS if word not in labels) == []


# Flags


def _commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    [commands] = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    return dict(commands.choices)


def _flags(parser: argparse.ArgumentParser) -> set[str]:
    return {option for action in parser._actions for option in action.option_strings if option.startswith("--")}


def test_the_headless_page_has_every_flag_and_no_other() -> None:
    batch = _flags(flags.parser())
    commands = _commands(worker._parser())
    lifter = set[str]().union(*(_flags(commands[name]) for name in ("capture", "detect", "lift", "info", "models")))
    of_batch, of_lifter = (DOCS / "headless.md").read_text("utf-8").split("## Every flag of lifter")
    for known, text in ((batch, of_batch), (lifter, of_lifter)):
        assert sorted(flag for flag in known - {"--help"} if not re.search(rf"`{flag}\b", text)) == []
    everything = set(re.findall(r"(?<![\w-])--[a-z][\w-]*", of_batch + of_lifter))
    assert sorted(everything - batch - lifter - {"--python"}) == []


# Licences


def test_the_page_of_licences_says_what_models_says() -> None:
    text = (DOCS / "licences.md").read_text("utf-8")
    rows = {
        row[0]: row[1].strip("*") for row in re.findall(r"^\| `([^`]+)` \| [^|]+ \| ([\w*]+) \|", text, re.MULTILINE)
    }
    known = {m.name: m.commercial_use for m in weights.available()}
    known |= {model.file: model.commercial_use for model in catalogue.known()}
    assert rows == known
