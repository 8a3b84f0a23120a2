"""Rigs whose objects are scaled: what their files hold, and that the scene is as it was, also when the exporter fails.

Usage: scaled.py MOTION.npz FOLDER
"""

# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportOptionalMemberAccess=false

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from common import RIG, hand_back, heads, load_package
from exchanged import armature, furthest, read, vertices
from mathutils import Matrix

load_package()
from video_to_armature.addon import actions, apply, compat, export, rig_file  # noqa: E402
from video_to_armature.addon.retarget.choices import Choices, Keying  # noqa: E402
from video_to_armature.lifter.contract.motion import Motion  # noqa: E402
from video_to_armature.lifter.contract.protocol import OutputError  # noqa: E402

motion, folder = Motion.load(Path(sys.argv[1])), Path(sys.argv[2])
result: dict[str, Any] = {}
KINDS = ("fbx", "glb", "usd")


def scaled(size: float = 0.01) -> tuple[bpy.types.Scene, bpy.types.Object]:
    """The demo's rig in an object of this scale under a parent of scale 2, with a twisted prop in its hand, a shape key and
    a head that a constraint turns; the eyes of somebody at work on it."""
    rig_file.open_rig(RIG)
    scene, character = bpy.context.scene, armature()
    body = next(o for o in scene.objects if o.type == "MESH")
    mesh, mine = body.data, character.data
    mine.transform(Matrix.Scale(1 / (2 * size), 4))
    body.parent = None
    body.shape_key_add(name="Basis")
    body.shape_key_add(name="fat").data[0].co.x += 0.1
    mesh.transform(Matrix.Diagonal((0.2, -0.5, 1, 1)), shape_keys=True)  # mirrored and uneven
    body.matrix_basis = Matrix.Diagonal((5, -2, 1, 1))
    mesh.flip_normals()
    bpy.context.view_layer.objects.active = body
    bpy.ops.object.vertex_group_limit_total(limit=4)  # more a glTF file does not hold
    above = bpy.data.objects.new("above", None)
    scene.collection.objects.link(above)
    above.scale, above.location = (2, 2, 2), (0.5, 0.25, 0)
    character.parent, character.scale = above, (size,) * 3
    bpy.context.view_layer.update()
    body.parent = character
    body.matrix_parent_inverse = character.matrix_world.inverted()
    prop = bpy.data.objects.new("prop", bpy.data.meshes.new("prop"))
    prop.data.from_pydata([(0, 0, 0), (0.1, 0, 0), (0, 0.2, 0), (0, 0, 0.3)], [], [(0, 1, 2), (0, 1, 3), (0, 2, 3)])
    prop.modifiers.new("Weighted", "WEIGHTED_NORMAL")
    scene.collection.objects.link(prop)
    prop.parent, prop.parent_type, prop.parent_bone = character, "BONE", "mixamorig:RightHand"
    prop.rotation_euler, prop.scale = (0.3, 0.4, 0.5), (1 / (2 * size), 3 / (2 * size), 2 / (2 * size))
    apply.apply_motion(scene, character, motion, action_name="stroll")
    turned = character.pose.bones["mixamorig:Head"].constraints.new("LIMIT_ROTATION")
    turned.use_limit_y, turned.min_y, turned.max_y, turned.owner_space = True, 0.3, 0.5, "LOCAL"
    scene.frame_set(7, subframe=0.25)
    prop.hide_set(True)
    body.select_set(True)
    bpy.context.view_layer.objects.active = character
    bpy.ops.object.mode_set(mode="POSE")
    return scene, character


def state() -> list[object]:
    """All that an export might have touched."""
    context = bpy.context
    context.view_layer.update()
    blocks = {
        name: sorted(
            # Blender counts one user too many of what is linked when its override is copied
            (block.name, block.users if block.library is None else 0, block.use_fake_user)
            for block in getattr(bpy.data, name)
        )
        for name in ("objects", "meshes", "armatures", "actions", "shape_keys", "collections", "materials", "scenes")
    }
    objects = [
        (
            o.name, o.data and o.data.name, o.parent and o.parent.name, o.hide_get(), o.hide_viewport, o.select_get(),
            np.round(o.matrix_basis, 6).tolist(), o.rotation_mode, [c.name for c in o.users_collection],
        )
        for o in context.scene.objects
    ]  # fmt: skip
    character = next(o for o in context.scene.objects if o.type == "ARMATURE")
    animation = character.animation_data
    played = [animation.action and animation.action.name, compat.slot_of(animation), animation.action_influence]
    strips = [
        (t.name, t.mute, t.is_solo, [(s.name, s.mute, s.frame_end) for s in t.strips]) for t in animation.nla_tracks
    ]
    pose = [np.round(b.matrix_basis, 5).tolist() for b in character.pose.bones]
    limits = [len(b.constraints) for b in character.pose.bones]
    scene, active = context.scene, context.view_layer.objects.active
    now = [scene.name, scene.frame_current, scene.frame_subframe, context.mode, active.name]
    return [blocks, objects, played, strips, pose, limits, now]


def worst_scale() -> float:
    """How far from 1 an object's scale is, in the world or beside its parent."""
    return max(abs(s - 1) for o in bpy.context.scene.objects for s in (*o.matrix_world.to_scale(), *o.scale))


def written(path: Path) -> list[float]:
    """What an FBX file itself says: how far from 1 a node's scale is at most, and its unit in centimetres."""
    compat.ensure_addon("io_scene_fbx")
    from io_scene_fbx import parse_fbx  # pyright: ignore[reportMissingImports]

    root = {element.id: element for element in parse_fbx.parse(str(path))[0].elems if element}
    models = [e for e in root[b"Objects"].elems if e.id == b"Model"]
    tables = [e for owner in (*models, root[b"GlobalSettings"]) for e in owner.elems if e.id == b"Properties70"]
    properties = [p.props for table in tables for p in table.elems]
    scales = [
        value for name, *_, x, y, z in (p[-7:] for p in properties if p[0] == b"Lcl Scaling") for value in (x, y, z)
    ]
    [unit] = [p[-1] for p in properties if p[0] == b"UnitScaleFactor"]
    assert models
    return [max((abs(value - 1) for value in scales), default=0.0), unit]


def outward() -> float:
    """The volume of the body, which is negative where its faces look inwards."""
    bpy.context.view_layer.update()
    body = max((o for o in bpy.context.scene.objects if o.type == "MESH"), key=lambda o: len(o.data.vertices))
    at = [body.matrix_world @ v.co for v in body.data.vertices]
    corners = [[at[i] for i in p.vertices] for p in body.data.polygons]
    sign = 1 if body.matrix_world.determinant() > 0 else -1
    return sign * sum(c[0].dot(c[i].cross(c[i + 1])) for c in corners for i in range(1, len(c) - 1)) / 6


# one motion, in each format
scene, character = scaled()
names = [bone.name for bone in character.data.bones]
before = state()
result["warnings"], result["as it was"] = [], {}
for kind in KINDS:
    result["warnings"] += export.export(bpy.context, character, folder / f"one.{kind}", kind)
    result["as it was"][kind] = state() == before
result["written"] = {}
for preset in export.preset_names():
    export.export(bpy.context, character, folder / f"{preset}.fbx", "fbx", preset=preset)
    result["written"][preset] = written(folder / f"{preset}.fbx")
(folder / "bad.toml").write_text("[fbx]\nno_such_option = 1\n")
try:
    export.export(bpy.context, character, folder / "failed.fbx", "fbx", preset=str(folder / "bad"))
    result["failure"] = "no error"
except OutputError as error:
    result["failure"] = str(error)
result["as it was"]["failed"] = state() == before
bpy.context.preferences.edit.use_global_undo = True
bpy.ops.ed.undo_push(message="as it was")
export.export(bpy.context, character, folder / "undone.glb", "glb")
character.location.x += 1
bpy.ops.ed.undo_push(message="moved")
bpy.ops.ed.undo()
result["as it was"]["undone"] = state() == before
scene, character = bpy.context.scene, armature()  # undo replaces them
span = range(scene.frame_start, scene.frame_end + 1)
true = heads(character, names, span)
bpy.ops.object.mode_set(mode="OBJECT")
shape, volume = vertices(range(1, 46, 22)), outward()
result["one"] = {}
for kind in KINDS:
    read(folder / f"one.{kind}")
    came, action = armature(), armature().animation_data.action
    first, last = action.frame_range
    table = {bone.name.replace(":", "_"): bone.name for bone in came.pose.bones}
    moved = heads(came, [table[name.replace(":", "_")] for name in names], range(round(first), round(last) + 1))
    begin = round(first)
    body = next(o for o in bpy.context.scene.objects if o.name == "mh_mixamo_body")
    result["one"][kind] = {
        "heads": float(np.abs(moved - true).max()),
        "vertices": max(map(furthest, shape, vertices(range(begin, begin + 45, 22)))),
        "scale": worst_scale(),
        "volume": outward() / volume,
        "objects": sorted(o.name for o in bpy.context.scene.objects if o.type in ("ARMATURE", "MESH")),
        "data": [came.data.name, body.data.name],
        "action": action.name,
    }

# the object takes the path, under a parent that is turned
scene, character = scaled()
bpy.ops.object.mode_set(mode="OBJECT")
character.parent.rotation_euler = (0.2, 0.1, 0.7)
bpy.context.view_layer.update()
for name in ("Spine", "Neck", "LeftArm"):
    character.pose.bones[f"mixamorig:{name}"].rotation_mode = "ZXY"
apply.apply_motion(scene, character, motion, choices=Choices(root="object"))
true = heads(character, names, span)
result["walked"] = {}
for kind in (*KINDS, "bvh"):
    scene.frame_set(7)
    before = state()
    result["warnings"] += export.export(bpy.context, character, folder / f"walked.{kind}", kind)
    result["as it was"][f"walked {kind}"] = state() == before
for kind in (*KINDS, "bvh"):
    read(folder / f"walked.{kind}")
    came = armature()
    begin = min(round(action.frame_range[0]) for action in bpy.data.actions)
    table = {bone.name.replace(":", "_"): bone.name for bone in came.pose.bones}
    moved = heads(came, [table[name.replace(":", "_")] for name in names], range(begin, begin + len(span)))
    result["walked"][kind] = float(np.abs(moved - true).max())

# at scale 1, but carried by a parent that moves
rig_file.open_rig(RIG)
scene, character = bpy.context.scene, armature()
carrier = bpy.data.objects.new("carrier", None)
scene.collection.objects.link(carrier)
character.parent = carrier
apply.apply_motion(scene, character, motion)
for frame, x in ((1, 0), (45, 2)):
    carrier.location.x = x
    carrier.keyframe_insert("location", frame=frame)
true = heads(character, names, span)
for kind in ("fbx", "glb"):
    export.export(bpy.context, character, folder / f"carried.{kind}", kind)
for kind in ("fbx", "glb"):
    read(folder / f"carried.{kind}")
    begin = min(round(action.frame_range[0]) for action in bpy.data.actions)
    moved = heads(armature(), names, range(begin, begin + len(span)))
    result["walked"][f"carried {kind}"] = float(np.abs(moved - true).max())

# takes
scene, character = scaled()
bpy.ops.object.mode_set(mode="OBJECT")
character.animation_data.action = None
for name, keying in (("long", Keying(action="strip")), ("short", Keying(action="strip", first=20))):
    apply.apply_motion(scene, character, motion, action_name=name, keying=keying)
before = state()
for kind in KINDS[:2]:
    result["warnings"] += export.export(bpy.context, character, folder / f"takes.{kind}", kind, takes=True)
    result["as it was"][f"takes {kind}"] = state() == before
    # not as takes: what the strips play together
    export.export(bpy.context, character, folder / f"together.{kind}", kind)
    result["as it was"][f"together {kind}"] = state() == before
span = range(scene.frame_start, scene.frame_end + 1)
together = heads(character, names, span)
tracks, clips = character.animation_data.nla_tracks, {}
for track in tracks:
    for other in tracks:
        other.mute = other != track
    [strip] = track.strips
    clips[track.name] = heads(character, names, range(round(strip.frame_start), round(strip.frame_end) + 1))
result["takes"], result["together"] = {}, {}
for kind in KINDS[:2]:
    read(folder / f"takes.{kind}")
    came = armature()
    for track in (came.animation_data or came.animation_data_create()).nla_tracks:
        track.mute = True
    for action in [a for a in bpy.data.actions if any("pose.bones" in c.data_path for c in compat.fcurves(a))]:
        compat.CurveWriter(action, came, action.slots[0].identifier if hasattr(action, "slots") else "")
        first, last = action.frame_range
        moved = heads(came, names, range(round(first), round(last) + 1))
        wanted = next(clip for clip in clips if clip in action.name)
        off = np.abs(moved - clips[wanted]).max() if len(moved) == len(clips[wanted]) else np.inf
        result["takes"].setdefault(kind, {})[wanted] = [float(off), worst_scale()]

    read(folder / f"together.{kind}")
    came = armature()
    first = round(came.animation_data.action.frame_range[0])
    moved = heads(came, names, range(first, first + len(span)))
    result["together"][kind] = [float(np.abs(moved - together).max()), worst_scale()]

# what cannot be at scale 1 leaves as it is, and says so
scene, character = scaled()
character.scale.x *= 2
before = state()
result["uneven"] = export.export(bpy.context, character, folder / "uneven.glb", "glb")
result["as it was"]["uneven"] = state() == before
scene, character = scaled()
prop = scene.objects["prop"]
prop.modifiers.new("Shell", "SOLIDIFY").thickness = 0.01
result["measured"] = export.export(bpy.context, character, folder / "measured.fbx", "fbx")
read(folder / "measured.fbx")
sizes = {o.name: max(abs(s - 1) for s in o.scale) for o in bpy.context.scene.objects}
result["kept scale"] = sorted(name for name, size in sizes.items() if size > 1e-4)

# a linked rig with override
scene, character = scaled()
bpy.ops.object.mode_set(mode="OBJECT")
actions.set_aside(character)
library = folder / "library.blend"
bpy.ops.wm.save_as_mainfile(filepath=str(library))
bpy.ops.wm.read_homefile(use_empty=True)
with bpy.data.libraries.load(str(library), link=True) as (found, wanted):
    wanted.collections = list(found.collections)
    wanted.objects = list(found.objects)
scene = bpy.context.scene
for o in wanted.objects:
    scene.collection.objects.link(o)
linked = next(o for o in wanted.objects if o.type == "ARMATURE")
for o in (o for o in list(wanted.objects) if o != linked):
    o.override_create(remap_local_usages=True)
override = linked.override_create(remap_local_usages=True)
for o in [o for o in scene.objects if o.library is not None]:
    scene.collection.objects.unlink(o)
for o in bpy.data.objects:
    if o.library is None and o.name not in scene.objects:
        scene.collection.objects.link(o)
bpy.context.view_layer.objects.active = override
apply.apply_motion(scene, override, motion)
before = state()
result["warnings"] += export.export(bpy.context, override, folder / "override.glb", "glb")
result["as it was"]["override"] = state() == before
true = heads(override, names, range(1, 46))
result["override name"] = override.name
read(folder / "override.glb")
result["override"] = [float(np.abs(heads(armature(), names, range(45)) - true).max()), worst_scale()]

hand_back(**result)
