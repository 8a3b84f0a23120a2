"""Video to Armature: a video of people becomes keyframes on the user's own armature.

Imports nothing at module level: Blender, the worker and the tests all load this package, and only Blender has bpy.
"""


def register() -> None:
    """Called by Blender when the extension is enabled."""
    from .addon import registration

    registration.register()


def unregister() -> None:
    """Called by Blender when the extension is disabled, and at exit."""
    from .addon import registration

    registration.unregister()
