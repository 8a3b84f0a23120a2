"""What enabling the extension sets up in Blender, and what disabling it takes away again."""

from __future__ import annotations

import bpy

from . import operators, panel, preferences, properties, watch

CLASSES = (*properties.CLASSES, *preferences.CLASSES, *operators.CLASSES, *panel.CLASSES)


def register() -> None:
    """Raises what Blender raises; leaves nothing half registered."""
    done: list[type] = []
    try:
        for kind in CLASSES:
            bpy.utils.register_class(kind)
            done.append(kind)
        properties.attach()
        watch.attach()
    except Exception:
        for kind in reversed(done):
            bpy.utils.unregister_class(kind)
        raise


def unregister() -> None:
    """Ends a running capture, too."""
    watch.detach()
    properties.detach()
    for kind in reversed(CLASSES):
        bpy.utils.unregister_class(kind)
