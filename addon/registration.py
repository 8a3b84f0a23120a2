"""What enabling the extension sets up in Blender, and what disabling it takes away again."""

from __future__ import annotations

import bpy

from . import (
    drop,
    operators,
    panel,
    preferences,
    properties,
    settings_presets,
    sliced,
    translations,
    verify_operators,
    watch,
)

CLASSES = (
    *properties.CLASSES,
    *preferences.CLASSES,
    *operators.CLASSES,
    *settings_presets.CLASSES,
    *panel.CLASSES,
    *drop.CLASSES,
)


def register() -> None:
    """Raises what Blender raises; leaves nothing half registered."""
    done: list[type] = []
    try:
        for kind in CLASSES:
            bpy.utils.register_class(kind)
            done.append(kind)
        translations.register()
        properties.attach()
        watch.attach()
        sliced.attach()
        drop.attach()
        settings_presets.attach()
        verify_operators.attach()
    except Exception:
        translations.unregister()
        for kind in reversed(done):
            bpy.utils.unregister_class(kind)
        raise


def unregister() -> None:
    """Ends a running capture, too."""
    translations.unregister()
    verify_operators.detach()
    settings_presets.detach()
    drop.detach()
    sliced.detach()
    watch.detach()
    properties.detach()
    for kind in reversed(CLASSES):
        bpy.utils.unregister_class(kind)
