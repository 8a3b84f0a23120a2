"""Every text of the registered classes that Blender shows, as [context, English]; and the languages that it knows."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy
from common import hand_back, load_package

load_package()
from video_to_armature.addon import registration  # noqa: E402

DEFAULT = bpy.app.translations.contexts.default


def rna_of(kind: Any) -> Any:
    """What Blender made of the class."""
    if not issubclass(kind, bpy.types.Operator):
        return kind.bl_rna
    group, _, name = kind.bl_idname.partition(".")
    return getattr(getattr(bpy.ops, group), name).get_rna_type()


def of_class(kind: Any) -> Iterator[tuple[str, str]]:
    rna = rna_of(kind)
    if issubclass(kind, bpy.types.Operator):
        yield rna.translation_context, rna.name
        yield DEFAULT, rna.description
    else:
        yield getattr(kind, "bl_translation_context", DEFAULT), getattr(kind, "bl_label", "")
        yield DEFAULT, getattr(kind, "bl_description", "")
    for name in inspect.get_annotations(kind):
        yield from of_property(rna.properties[name], name)


def of_property(prop: Any, name: str) -> Iterator[tuple[str, str]]:
    if prop.is_hidden or not (prop.description or prop.name != name):  # nobody sees it, or it was given no words
        return
    yield prop.translation_context, prop.name
    yield DEFAULT, prop.description
    for item in getattr(prop, "enum_items", ()):
        yield prop.translation_context, item.name
        yield DEFAULT, item.description


def main() -> dict[str, Any]:
    registration.register()
    found = sorted({pair for kind in registration.CLASSES for pair in of_class(kind) if pair[1]})
    bare = [name for kind in registration.CLASSES for name in without_tooltip(kind)]
    registration.unregister()
    return {"texts": found, "without a tooltip": bare, "languages": languages()}


def without_tooltip(kind: Any) -> list[str]:
    """What has a name on the screen but no words under the mouse."""
    rna = rna_of(kind)
    bare = [kind.bl_idname] if issubclass(kind, bpy.types.Operator) and not rna.description else []
    props = [rna.properties[name] for name in inspect.get_annotations(kind)]
    named = [prop for prop in props if not prop.is_hidden and prop.name != prop.identifier]
    return bare + [f"{kind.__name__}.{prop.identifier}" for prop in named if not prop.description]


def languages() -> list[str]:
    """The wheels have none of them built in, but the list: its lines are number, name and code."""
    [settings] = Path(bpy.utils.system_resource("SCRIPTS"), "modules").glob("*bl_i18n_utils/settings.py")
    return re.findall(r'^\s*\(\d+, "[^"]+", "([^"]+)"\)', settings.read_text("utf-8"), re.MULTILINE)


hand_back(**main())
