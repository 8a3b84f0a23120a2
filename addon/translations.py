"""The interface in other languages: locale/*.toml, one file a language, named as Blender names the language.

Blender looks up by itself what it draws itself: labels, tooltips, items, reports without values. What is composed here
goes through iface, tip or rpt. In English stay the messages of errors, the worker's words and what is kept in files.
Standard library only until something is shown: texts are made in threads and in tests without Blender, too.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().with_name("locale")
CONTEXT = "V2A"  # for words that Blender itself uses in another sense, and so translates otherwise


class Text(str):
    """A text with values in it: English, until iface puts the values into its translation."""

    template: str
    values: Mapping[str, Any]

    def __new__(cls, template: str, **values: Any) -> Text:
        text = super().__new__(cls, template.format(**values) if values else template)
        text.template, text.values = template, values
        return text


def joined(texts: Iterable[str]) -> Text:
    """A list in one line, each text in it to be translated."""
    values = {f"t{i}": text if isinstance(text, Text) else Text(text) for i, text in enumerate(texts)}
    return Text(", ".join(f"{{{name}}}" for name in values), **values)


def iface(text: str, **values: Any) -> str:
    """For labels, in the user's language. text: a Text, a text as it is, or a template for the values."""
    return _translated("pgettext_iface", text, values)


def tip(text: str, **values: Any) -> str:
    """For tooltips, those on why a button is grey among them."""
    return _translated("pgettext_tip", text, values)


def rpt(text: str, **values: Any) -> str:
    """For reports."""
    return _translated("pgettext_rpt", text, values)


def load(path: Path) -> dict[tuple[str, str], str]:
    """One language as Blender wants it: (context, English) -> translation."""
    contexts: dict[str, dict[str, str]] = tomllib.loads(path.read_text("utf-8"))
    return {(context, english): said for context, texts in contexts.items() for english, said in texts.items()}


def register() -> None:
    import bpy

    bpy.app.translations.register(__name__, {path.stem: load(path) for path in sorted(FOLDER.glob("*.toml"))})


def unregister() -> None:
    import bpy

    bpy.app.translations.unregister(__name__)


def _translated(kind: str, text: str, values: Mapping[str, Any]) -> str:
    import bpy

    if isinstance(text, Text):
        text, values = text.template, {**text.values, **values}
    look_up = getattr(bpy.app.translations, kind)
    said = look_up(text, CONTEXT)
    said = look_up(text) if said == text else said
    return said.format(**{k: iface(v) if isinstance(v, Text) else v for k, v in values.items()}) if values else said
