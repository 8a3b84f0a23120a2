"""The captured skeleton as objects of its own: meshes with the bones of all frames, of which nodes show the current.

So nothing is keyed, no handler runs, and it plays in files that are opened without the extension.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import bpy
import numpy as np

from .verify_shot import Person

NAME = "Captured Skeleton"
RADIUS = 0.014  # metres, of a grown person's bones
COLOURS = {  # which bones: red, green, blue of their object
    "middle": (0.9, 0.9, 0.9),
    "left": (0.05, 0.35, 1.0),
    "right": (1.0, 0.45, 0.0),
    "unsure": (1.0, 0.0, 0.3),
}


def build(person: Person, frames: np.ndarray, scale: float) -> Iterator[bpy.types.Object]:
    """New objects, one a colour, linked to no collection yet.

    frames: (G,) as in the shot; scale: of the scene against metres.
    """
    ends = person.positions[:, np.array(person.bones)]  # (G, B, 2, 3)
    known = np.isfinite(ends).all((2, 3))
    numbers = np.broadcast_to(frames[:, None], known.shape)
    sides = np.array([side or "middle" for side in person.sides])
    kinds = np.where(person.unsure, "unsure", sides)
    group = _nodes(RADIUS * scale)
    for name, colour in COLOURS.items():
        chosen = known & (kinds == name)
        skeleton = bpy.data.objects.new(f"{NAME}, {name}", _mesh(ends[chosen], numbers[chosen]))
        skeleton.color = (*colour, 1.0)
        skeleton.show_in_front = True
        skeleton.hide_select = True  # clicks are for the rig
        modifier: Any = skeleton.modifiers.new(NAME, "NODES")
        modifier.node_group = group
        yield skeleton


def remove(skeleton: bpy.types.Object) -> None:
    """The object with its mesh, and with its nodes where it is the last."""
    mesh: Any = skeleton.data
    groups: list[Any] = [getattr(modifier, "node_group", None) for modifier in skeleton.modifiers]
    bpy.data.objects.remove(skeleton)
    bpy.data.meshes.remove(mesh)
    for group in filter(None, groups):
        if group.users == 0:
            bpy.data.node_groups.remove(group)


def _mesh(ends: np.ndarray, frames: np.ndarray) -> bpy.types.Mesh:
    """An edge for each of the (E, 2, 3) bones, its points marked with its frame (E,)."""
    mesh = bpy.data.meshes.new(NAME)
    mesh.vertices.add(2 * len(ends))
    mesh.vertices.foreach_set("co", ends.astype(np.float32).ravel())
    mesh.edges.add(len(ends))
    mesh.edges.foreach_set("vertices", np.arange(2 * len(ends), dtype=np.int32))
    attribute: Any = mesh.attributes.new("frame", "INT", "POINT")
    attribute.data.foreach_set("value", np.repeat(frames, 2).astype(np.int32))
    mesh.update()
    return mesh


def _nodes(radius: float) -> Any:
    """Take away all but the current frame's bones, and make tubes of them."""
    group: Any = bpy.data.node_groups.new(NAME, "GeometryNodeTree")
    group.interface.new_socket(name="Geometry", in_out="INPUT", socket_type="NodeSocketGeometry")
    group.interface.new_socket(name="Geometry", in_out="OUTPUT", socket_type="NodeSocketGeometry")

    def add(kind: str, inputs: dict[str, Any], **settings: str) -> Any:
        """A node; inputs: values, or the outputs of other nodes."""
        node = group.nodes.new(kind)
        for name, value in settings.items():
            setattr(node, name, value)
        for name, value in inputs.items():
            socket = next(s for s in node.inputs if s.name == name and s.enabled)
            if isinstance(value, bpy.types.NodeSocket):
                group.links.new(value, socket)
            else:
                socket.default_value = value
        return next((s for s in node.outputs if s.enabled), None)

    bones = add("NodeGroupInput", {})
    own = add("GeometryNodeInputNamedAttribute", {"Name": "frame"}, data_type="INT")
    now = group.nodes.new("GeometryNodeInputSceneTime").outputs["Frame"]
    other = add("FunctionNodeCompare", {"A": own, "B": now}, data_type="INT", operation="NOT_EQUAL")
    shown = add("GeometryNodeDeleteGeometry", {"Geometry": bones, "Selection": other}, domain="POINT")
    curves = add("GeometryNodeMeshToCurve", {"Mesh": shown})
    profile = add("GeometryNodeCurvePrimitiveCircle", {"Resolution": 6, "Radius": radius}, mode="RADIUS")
    tubes = add("GeometryNodeCurveToMesh", {"Curve": curves, "Profile Curve": profile, "Fill Caps": True})
    add("NodeGroupOutput", {"Geometry": tubes})
    return group
