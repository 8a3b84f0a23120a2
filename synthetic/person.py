"""How a body file becomes a person on an armature, reshaped and dressed, with BODY_27 on it. Run by a bpy process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import numpy as np
import numpy.typing as npt

from video_to_armature.addon import rig
from video_to_armature.addon.maps import AUTO, choose_map
from video_to_armature.addon.retarget.landmarks import rest_landmarks
from video_to_armature.lifter.contract.skeleton import BODY_27

from . import clothes, stage
from . import figure as figures
from .clothes import Layer
from .figure import Figure
from .scenes import Scene

Floats = npt.NDArray[np.float64]

# Rest places of knuckles on the one rig without fingers: those of mh_mixamo.fbx, whose body it is.
KNUCKLES = {"mh_cmu.glb": {"index": (0.519, -0.313, 1.041), "pinky": (0.547, -0.254, 1.008)}}
# Middle of the left eyeball from the tip of the nose: the bodies have empty sockets.
EYES = {
    "mh_mixamo.fbx": (0.030, 0.047, 0.0345),
    "mh_cmu.glb": (0.030, 0.047, 0.0345),
    "mh_unreal4.fbx": (0.029, 0.047, 0.0265),
}
ALMOST_NOTHING = 1e-3  # of a vertex's weight; dropped


def preset_of(file: str) -> str:
    """The bone map for a body: bundled with the extension, or one of those beside this script."""
    own = Path(__file__).resolve().parent / "rigs" / f"{Path(file).stem}.toml"
    return str(own) if own.is_file() else AUTO


def load_person(scene: Scene) -> tuple[bpy.types.Object, Figure]:
    """The opened body in its new proportions and clothes, on its armature; and the same without clothes, as arrays."""
    [armature] = rig.armatures(bpy.context.scene)
    body = max(
        (o for o in bpy.context.scene.objects if o.type == "MESH" and o.vertex_groups),
        key=lambda o: len(o.data.vertices),
    )
    person = figures.shaped(read_figure(armature, body, scene.body.file), scene.body)
    for thing in [o for o in bpy.context.scene.objects if o != armature]:
        bpy.data.objects.remove(thing)
    armature.matrix_world = ((1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1))
    armature.hide_render = True
    _rest(armature, person)
    vertices, colours, layers = clothes.dressed(person, scene.look, scene.seed)
    vertices, faces, weights, colours = _with_eyes(person, vertices, colours)
    body = _mesh(armature, person, vertices, faces, weights)
    body.data.materials.append(_clothes(body.data, colours, layers))
    return armature, person


def read_figure(armature: bpy.types.Object, body: bpy.types.Object, file: str) -> Figure:
    """Arrays of the file's body, its surface refined once, in world axes."""
    rest = rig.read_rest_pose(armature)
    mapped = choose_map(rest, preset_of(file)).map
    part_of = {bone: part for part, bones in mapped.bones.items() for bone in bones}
    parts: list[str] = []
    for name, parent in zip(rest.bone_names, rest.parents):
        parts.append(part_of.get(name, parts[parent] if parent >= 0 else ""))
    world = rest.world_from_armature
    vertices, faces, weights = _refined(body, rest.bone_names)
    plain = Figure(
        bones=rest.bone_names, parents=np.array(rest.parents), parts=tuple(parts),
        heads=rest.heads @ world[:3, :3].T + world[:3, 3], tails=rest.tails @ world[:3, :3].T + world[:3, 3],
        vertices=vertices, faces=faces, weights=weights, marks=np.zeros((0, 3)), mark_bones=np.zeros(0, np.int64),
        eyes=np.zeros((0, 3)),
    )  # fmt: skip
    found = rest_landmarks(rest, mapped)
    knuckles: dict[str, Floats] = {
        f"{side}_{finger}": np.array(KNUCKLES[file][finger]) * (sign, 1.0, 1.0)
        if file in KNUCKLES
        else found.joint(f"{side}_{finger}")
        for side, sign in (("left", 1), ("right", -1))
        for finger in ("index", "pinky")
    }
    return figures.marked(plain, knuckles, np.array([EYES[file], EYES[file]]) * ((1.0, 1.0, 1.0), (-1.0, 1.0, 1.0)))


def _refined(body: bpy.types.Object, bones: tuple[str, ...]) -> tuple[Floats, npt.NDArray[np.int64], Floats]:
    """Vertices (V, 3) in world axes, triangles (T, 3), weights (V, B) of the mesh at rest, subdivided once."""
    for modifier in list(body.modifiers):
        body.modifiers.remove(modifier)
    subdivision: Any = body.modifiers.new("finer", "SUBSURF")
    subdivision.levels = 1
    shape = body.evaluated_get(bpy.context.evaluated_depsgraph_get()).data
    world = np.array(body.matrix_world)
    vertices = np.empty(3 * len(shape.vertices), np.float32)
    shape.vertices.foreach_get("co", vertices)
    shape.calc_loop_triangles()
    faces = np.empty(3 * len(shape.loop_triangles), np.int32)
    shape.loop_triangles.foreach_get("vertices", faces)
    weights = np.zeros((len(shape.vertices), len(bones)))
    column = [bones.index(group.name) if group.name in bones else -1 for group in body.vertex_groups]
    for v, vertex in enumerate(shape.vertices):
        for entry in vertex.groups:
            if column[entry.group] >= 0 and entry.weight > ALMOST_NOTHING:
                weights[v, column[entry.group]] += entry.weight
    at = vertices.reshape(-1, 3).astype(np.float64) @ world[:3, :3].T + world[:3, 3]
    return at, faces.reshape(-1, 3).astype(np.int64), weights / weights.sum(1, keepdims=True)


def _rest(armature: bpy.types.Object, person: Figure) -> None:
    """Give the armature's bones the figure's places; their rolls stay."""
    bpy.context.view_layer.objects.active = armature
    bpy.ops.object.mode_set(mode="EDIT")
    for name, head, tail in zip(person.bones, person.heads, person.tails):
        bone = armature.data.edit_bones[name]
        roll = bone.z_axis.copy()
        bone.head, bone.tail = head, tail
        bone.align_roll(roll)
    bpy.ops.object.mode_set(mode="OBJECT")


def _with_eyes(
    person: Figure, vertices: Floats, colours: Floats
) -> tuple[Floats, npt.NDArray[np.int64], Floats, Floats]:
    """Two balls in the eyes' holes, moving with the head."""
    size = figures.EYE_M * float(np.ptp(person.vertices[:, 2])) / 1.7
    u, w = np.meshgrid(np.linspace(0, np.pi, 9), np.linspace(0, 2 * np.pi, 13)[:-1], indexing="ij")
    ball = np.stack([np.sin(u) * np.cos(w), -np.cos(u), np.sin(u) * np.sin(w)], -1).reshape(-1, 3)  # pole ahead
    i, j = np.meshgrid(np.arange(8), np.arange(12), indexing="ij")
    a, b, c, d = (12 * i + j, 12 * i + (j + 1) % 12, 12 * (i + 1) + j, 12 * (i + 1) + (j + 1) % 12)
    quads = np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([b, d, c], -1).reshape(-1, 3)])
    faces, weight = person.faces, np.zeros((len(ball), len(person.bones)))
    weight[:, person.bone("head")] = 1
    weights = person.weights
    look = np.where(ball[:, 1:2] < -0.75, (0.03, 0.02, 0.015), (0.75, 0.73, 0.7))
    for place in person.eyes:
        faces = np.concatenate([faces, quads + len(vertices)])
        vertices = np.concatenate([vertices, place + (0, 0.75 * size, 0) + size * ball])
        weights, colours = np.concatenate([weights, weight]), np.concatenate([colours, look])
    return vertices, faces, weights, colours


def _mesh(
    armature: bpy.types.Object, person: Figure, vertices: Floats, faces: npt.NDArray[np.int64], weights: Floats
) -> bpy.types.Object:
    mesh = bpy.data.meshes.new("person")
    mesh.from_pydata(vertices.tolist(), [], faces.tolist())
    mesh.shade_smooth()
    body = bpy.data.objects.new("person", mesh)
    bpy.context.scene.collection.objects.link(body)
    body.parent = armature
    for b, name in enumerate(person.bones):
        group = body.vertex_groups.new(name=name)
        on = np.flatnonzero(weights[:, b] > ALMOST_NOTHING)
        levels = np.round(weights[on, b], 2)
        for level in np.unique(levels):
            group.add(on[levels == level].tolist(), float(level), "REPLACE")
    modifier: Any = body.modifiers.new("pose", "ARMATURE")
    modifier.object = armature
    return body


def _clothes(mesh: bpy.types.Mesh, skin: Floats, layers: list[Layer]) -> bpy.types.Material:
    """Skin by vertex colours; each layer over it where its value is above 0, so that borders are sharp lines."""
    made, shown = stage.matt("person")
    nodes, links = made.node_tree.nodes, made.node_tree.links
    attribute: Any = mesh.color_attributes.new("skin", "FLOAT_COLOR", "POINT")
    attribute.data.foreach_set("color", np.c_[skin, np.ones(len(skin))].astype(np.float32).ravel())
    source: Any = nodes.new("ShaderNodeVertexColor")
    source.layer_name = "skin"
    colour = source.outputs["Color"]
    for number, layer in enumerate(layers):
        values = np.full(len(skin), -1, np.float32)
        values[: len(layer.inside)] = layer.inside
        attribute = mesh.attributes.new(f"layer{number}", "FLOAT", "POINT")
        attribute.data.foreach_set("value", values)
        seen, above, mix = (nodes.new(f"ShaderNode{kind}") for kind in ("Attribute", "Math", "MixRGB"))
        seen.attribute_name, above.operation = f"layer{number}", "GREATER_THAN"
        above.inputs[1].default_value = 0.0
        mix.inputs["Color2"].default_value = (*layer.colour, 1)
        links.new(seen.outputs["Fac"], above.inputs[0])
        links.new(above.outputs["Value"], mix.inputs["Fac"])
        links.new(colour, mix.inputs["Color1"])
        colour = mix.outputs["Color"]
    links.new(colour, shown)
    return made


def posed_marks(armature: bpy.types.Object, person: Figure, first: int, count: int) -> Floats:
    """(F, 27, 3) BODY_27 in the world, from the evaluated rig; the pelvis is the middle of the hips."""
    scene = bpy.context.scene
    bones = [person.bones[b] for b in person.mark_bones]
    rest = np.array([armature.data.bones[name].matrix_local for name in bones])
    local = np.einsum("jab,jb->ja", np.linalg.inv(rest), np.c_[person.marks, np.ones(len(person.marks))])
    out = np.empty((count, len(bones), 3))
    for f in range(count):
        scene.frame_set(first + f)
        pose = armature.evaluated_get(bpy.context.evaluated_depsgraph_get()).pose.bones
        posed = np.array([pose[name].matrix for name in bones])
        out[f] = np.einsum("ab,jbc,jc->ja", np.array(armature.matrix_world), posed, local)[:, :3]
    hips = [BODY_27.index("left_hip"), BODY_27.index("right_hip")]
    out[:, BODY_27.index("pelvis")] = out[:, hips].mean(1)
    return out
