"""What enabling the extension sets up in Blender, and what disabling it takes away again."""

from __future__ import annotations

import bpy

from . import drop, operators, panel, preferences, properties, settings_presets, verify_operators, watch

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
        properties.attach()
        watch.attach()
        drop.attach()
        settings_presets.attach()
        verify_operators.attach()
    except Exception:
        for kind in reversed(done):
            bpy.utils.unregister_class(kind)
        raise


def unregister() -> None:
    """Ends a running capture, too."""
    verify_operators.detach()
    settings_presets.detach()
    drop.detach()
    watch.detach()
    properties.detach()
    for kind in reversed(CLASSES):
        bpy.utils.unregister_class(kind)
