"""What differs between Blender versions (4.2 LTS to 5.2 LTS): the only file that may name one. Tests by feature."""

from __future__ import annotations

from typing import Any

import bpy

from ..lifter.contract.protocol import RuntimeUnfitError


class CurveWriter:
    """The F-curves of one object in one action, whether actions hold them (to 4.3) or channelbags do (from 4.4)."""

    def __init__(self, action: bpy.types.Action, owner: bpy.types.ID, slot: str = "", *, play: bool = True) -> None:
        """slot: identifier of the one that holds the owner's curves; a new one where there is none of that name.

        play: whether the owner plays the action from now on.
        """
        self.action = action
        self._slot: Any = None
        self._bag: Any = None
        if hasattr(action, "layers"):
            named = action.slots.get(slot) if slot else None
            self._slot = named or action.slots.new(id_type=owner.id_type, name=owner.name)
            layer = action.layers[0] if len(action.layers) else action.layers.new("Layer")
            strip = layer.strips[0] if len(layer.strips) else layer.strips.new(type="KEYFRAME")
            self._bag = strip.channelbag(self._slot, ensure=True)
        if play:
            self.play_on(owner.animation_data or owner.animation_data_create())

    def play_on(self, player: Any) -> None:
        """player: an object's animation data, or an NLA strip."""
        player.action = self.action
        if self._slot is not None:
            player.action_slot = self._slot  # an action without a chosen slot does not play

    @property
    def slot(self) -> str:
        """Its identifier; '' where there are none."""
        return self._slot.identifier if self._slot is not None else ""

    @property
    def curves(self) -> list[Any]:
        """Those that there are."""
        return list(self.action.fcurves if self._bag is None else self._bag.fcurves)

    def remove(self, curve: Any) -> None:
        (self.action if self._bag is None else self._bag).fcurves.remove(curve)

    def new(self, data_path: str, index: int, group: str) -> Any:
        """A new, empty F-curve in the group named."""
        if self._bag is None:
            return self.action.fcurves.new(data_path, index=index, action_group=group)
        curve = self._bag.fcurves.new(data_path, index=index)
        curve.group = self._bag.groups.get(group) or self._bag.groups.new(group)
        return curve


def slot_of(player: Any) -> str:
    """Identifier of the slot that an object's animation data or an NLA strip plays; '' where there is none."""
    slot = getattr(player, "action_slot", None)
    return slot.identifier if slot is not None else ""


def played_curves(player: Any) -> list[Any]:
    """The F-curves that an object's animation data or an NLA strip plays."""
    if player.action is None or not hasattr(player, "action_slot"):
        return fcurves(player.action) if player.action is not None else []
    bags = [bag for layer in player.action.layers for strip in layer.strips for bag in strip.channelbags]
    return [curve for bag in bags if bag.slot == player.action_slot for curve in bag.fcurves]


def fcurves(action: bpy.types.Action) -> list[Any]:
    """All F-curves of an action, of all slots."""
    if hasattr(action, "layers"):
        return [
            curve
            for layer in action.layers
            for strip in layer.strips
            for bag in strip.channelbags
            for curve in bag.fcurves
        ]
    return list(action.fcurves)


def has_sequencer_strips(scene: bpy.types.Scene) -> bool:
    """Whether a film is being cut in the scene; `sequences` became `strips` in 4.4 and the old name went in 5.0."""
    editor: Any = scene.sequence_editor
    return editor is not None and len(editor.strips if hasattr(editor, "strips") else editor.sequences) > 0


def ensure_addon(module: str) -> None:
    """Enable an add-on that comes with Blender for this session, without touching the preferences."""
    import addon_utils  # exists only once bpy is loaded

    _default, enabled = addon_utils.check(module)
    if not enabled and addon_utils.enable(module) is None:
        raise RuntimeUnfitError(f"Blender's add-on '{module}' cannot be enabled. Repair or update Blender.")


def import_fbx(path: str) -> None:
    """Import with the Python importer, the same in all versions; Blender's newer one turns bones differently."""
    ensure_addon("io_scene_fbx")
    bpy.ops.import_scene.fbx(filepath=path)


def has_operator(module: str, name: str) -> bool:
    """Whether this Blender was built with it: distributions leave some libraries out."""
    return name in dir(getattr(bpy.ops, module))


def supported(operator: Any, options: dict[str, Any]) -> dict[str, Any]:
    """Only those options that this Blender's operator knows."""
    known = operator.get_rna_type().properties.keys()
    return {name: value for name, value in options.items() if name in known}
