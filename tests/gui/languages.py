"""Runs inside a Blender with a window: the panel with a result in each language, and in English after switching off.

Usage: blender --python languages.py -- MOTION.npz VIDEO RIG.fbx OUT. Writes OUT/*.png and OUT/found.json, then quits.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import bpy  # isort: skip  (addon_utils exists only after it)
import addon_utils
from common import GIVEN, MODULE, addon, found, look, only_rig, open_tab, play, press, scene, until

MOTION, VIDEO, RIG = GIVEN[:3]
ITEMS = {"limbs": "head", "root": "in place", "export_preset": "generic"}  # property -> one of its items


def speak(language: str) -> None:
    view = bpy.context.preferences.view
    view.language = language
    view.use_translate_interface = view.use_translate_tooltips = view.use_translate_reports = True


def said() -> dict[str, str]:
    """What Blender itself makes of a label, an operator's button, a report and a few items."""
    look_up, settings = bpy.app.translations, scene().v2a
    names = {name: bpy.types.UILayout.enum_item_name(settings, name, item) for name, item in ITEMS.items()}
    return names | {
        "label": look_up.pgettext_iface("Sure everywhere"),
        "button": look_up.pgettext_iface("Apply Again", look_up.contexts.operator_default),
        "report": look_up.pgettext_rpt("The report is on the clipboard"),
        "composed": addon("translations").iface("{count} bones moved", count=22),
        "problem": addon("run_operators").problem(bpy.context),
    }


def script() -> Iterator[float]:
    translations = addon("translations")
    armature = only_rig(RIG)
    yield from open_tab()
    settings = scene().v2a
    settings.video, settings.armature = str(VIDEO), armature
    addon("watch").set_motions(settings, [MOTION], armature, VIDEO)
    press("apply", "EXEC_DEFAULT", True)
    yield from until(lambda: addon("setup_watch").machine() is not None, 30)
    for path in sorted(translations.FOLDER.glob("*.toml")):
        speak(path.stem)
        ours = translations.load(path)
        shown = {pair: bpy.app.translations.pgettext_iface(pair[1], pair[0]) for pair in ours}
        found[path.stem] = {
            "locale": bpy.app.translations.locale,
            "said": said(),
            "English": [english for (_, english), text in shown.items() if text == english],
            "Blender's": {pair[1]: text for pair, text in shown.items() if text not in (pair[1], ours[pair])},
        }
        yield from look(f"40_{path.stem}")  # panels that have grown find their places when they are drawn again
        yield from look(f"40_{path.stem}")
    addon_utils.disable(MODULE)
    found["after"] = [bpy.app.translations.pgettext_iface(text) for text in ("Sure everywhere", "Armature")]
    speak("en_US")
    addon_utils.enable(MODULE)
    found["English"] = said()


play(script())
