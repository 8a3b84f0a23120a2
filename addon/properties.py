"""What the user chooses in the panel, kept with the scene."""

# No `from __future__ import annotations`: Blender reads properties from the annotations themselves.
# pyright: reportInvalidTypeForm=false

import math

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    FloatProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from . import export, map_editor_properties
from .apply import place_of
from .preset_items import OWN_FILE, rig_presets
from .retarget.choices import FIRST_FRAME, LIMBS, MOST_SPEED, Choices, Keying
from .translations import CONTEXT

SMOOTH_HZ = 8.0
LEAST_HFOV_DEG, MOST_HFOV_DEG = 5.0, 150.0  # as the worker takes them


def _is_armature(_settings: bpy.types.PropertyGroup, candidate: bpy.types.Object) -> bool:
    return candidate.type == "ARMATURE"


def _limit_hfov(settings: "V2A_Settings", _context: bpy.types.Context) -> None:
    """Between unknown and the least there is nothing."""
    if 0 < settings.hfov < math.radians(LEAST_HFOV_DEG) - 1e-6:  # the property is a float32
        settings.hfov = math.radians(LEAST_HFOV_DEG)


def _export_presets() -> list[tuple[str, str, str]]:
    return [(name, export.load_preset(name)["label"], "") for name in export.preset_names()]


_FEET = [
    ("auto", "Automatic", "While the capture says that it stands"),
    ("always", "Always", "All the time"),
    ("never", "Never", "It may slide"),
]
_LIMBS = [
    ("root", "Path", "What takes the path: the hips' place, a root bone, the object"),
    ("trunk", "Trunk", "Hips and spine"),
    ("head", "Head", "Neck and head"),
    ("left arm", "Left Arm", "Clavicle, arm and hand"),
    ("right arm", "Right Arm", "Clavicle, arm and hand"),
    ("left leg", "Left Leg", "Leg and foot"),
    ("right leg", "Right Leg", "Leg and foot"),
]


class V2A_PersonMotion(bpy.types.PropertyGroup):
    """One captured person."""

    path: StringProperty(subtype="FILE_PATH")
    video: StringProperty(subtype="FILE_PATH")
    packed: StringProperty()  # the motion file itself, base64: see captures.py
    armature: PointerProperty(type=bpy.types.Object)  # who played this person last


class V2A_Settings(bpy.types.PropertyGroup):
    """One scene's choices."""

    video: StringProperty(name="Video", description="The video to capture", subtype="FILE_PATH")
    armature: PointerProperty(
        name="Armature", description="The armature to animate", type=bpy.types.Object, poll=_is_armature
    )
    preset: EnumProperty(name="Preset", description="Which bones play which part of the body", items=rig_presets)
    preset_file: StringProperty(name="File", description="A bone map, TOML", subtype="FILE_PATH")
    people: EnumProperty(
        name="People",
        description="Whom to capture",
        items=[
            ("largest", "Main Person", "The largest person who stays in the picture"),
            ("number", "By Number", "The person of this number, 1 being the main one"),
            ("all", "Everybody", "Each person, on a copy of the armature each"),
        ],
    )
    number: IntProperty(name="Number", description="Which person", default=1, min=1, soft_max=9)
    height: FloatProperty(
        name="Height (m)",  # no unit: Blender would show and read it in the scene's, and hand on Blender units
        description="How tall the person is, in metres; 0 takes a standard body of 1.70 m",
        min=0.0,
        max=3.0,
    )
    smooth_hz: FloatProperty(
        name="Smoothing (Hz)",
        description="Movement faster than this many times a second is smoothed away; 0 leaves all of it",
        default=SMOOTH_HZ,
        min=0.0,
        soft_max=15.0,
        max=120.0,
    )
    hfov: FloatProperty(
        name="Field of View",
        description="Horizontal field of view of the camera, 5 to 150 degrees; 0 if unknown",
        min=0.0,
        max=math.radians(MOST_HFOV_DEG),
        subtype="ANGLE",
        update=_limit_hfov,
    )
    model: StringProperty(
        name="Network",
        description="The file of a network of your own, such as a published one; empty for the one that ships",
        subtype="FILE_PATH",
        translation_context=CONTEXT,
    )
    start: FloatProperty(
        name="Start", description="Where in the video to begin, in seconds", min=0.0, subtype="TIME_ABSOLUTE"
    )
    end: FloatProperty(
        name="End", description="Where in the video to stop, in seconds; 0 is its end", min=0.0, subtype="TIME_ABSOLUTE"
    )
    frame_rate: EnumProperty(
        name="Frame Rate",
        description="The speed of the movement stays true in each case",
        items=[
            ("auto", "Automatic", "The video's, unless other things in the scene are animated already"),
            ("clip", "From Video", "Set the scene to the video's frame rate"),
            ("scene", "From Scene", "Keep the scene's frame rate and resample the movement"),
        ],
    )
    root: EnumProperty(
        name="Path On",
        description="What moves along the ground",
        items=[
            ("hips", "Hips", "The hips take the whole path"),
            ("root", "Root Bone", "The bone above the hips takes the path along the ground, for game engines"),
            ("object", "Object", "The armature object takes the path along the ground"),
            ("in place", "In Place", "Nothing does: the person stays where they begin"),
        ],
    )
    place: EnumProperty(
        name="Begin At",
        description="Where the first person begins",
        items=[
            ("capture", "As Captured", "Where the capture puts them"),
            ("origin", "World Origin", "Over the world's origin"),
            ("cursor", "3D Cursor", "At the 3D cursor, on its height"),
        ],
    )
    turn: BoolProperty(name="Turn", description="Choose where the first person looks at the beginning")
    facing: FloatProperty(
        name="Facing", description="Where the first person looks at the beginning, from -Y", subtype="ANGLE"
    )
    left_foot: EnumProperty(name="Left Foot", description="When the foot is held where it stands", items=_FEET)
    right_foot: EnumProperty(name="Right Foot", description="When the foot is held where it stands", items=_FEET)
    limbs: EnumProperty(
        name="Limbs",
        description="What gets keys; the bones of all else keep the animation that they have (Shift adds)",
        items=_LIMBS,
        translation_context=CONTEXT,
        options={"ENUM_FLAG"},
        default=set(LIMBS),
    )
    controls: EnumProperty(
        name="Limb Controls",
        description="Which of a control rig's controls take the keys of arms and legs, as far as its bone map knows them",
        items=[
            ("fk", "FK", "The forward controls; the rig is switched to them"),
            ("ik", "IK", "Hands, feet and poles; the rig is switched to them, and its limbs do not stretch"),
            ("both", "FK and IK", "Both alike, to be switched between; FK is in charge"),
        ],
    )
    first_frame: IntProperty(
        name="Capture From", description="First frame of the capture that is used, counted from 1", default=1, min=1
    )
    last_frame: IntProperty(
        name="To", description="Last frame of the capture to be used; 0 is its end", min=0, translation_context=CONTEXT
    )
    start_frame: IntProperty(
        name="Start At",
        description="Frame of the scene that takes the first frame of the capture",
        default=FIRST_FRAME,
    )
    speed: FloatProperty(
        name="Speed",
        description="How many times as fast as it was filmed; 0.5 is slow motion. The frames are resampled",
        default=1.0,
        min=1 / MOST_SPEED,
        max=MOST_SPEED,
        soft_min=0.1,
        soft_max=10.0,
    )
    action: EnumProperty(
        name="Keys Into",
        description="Which action takes the keys. What the bones that get none do already is carried over",
        items=[
            ("auto", "Automatic", "A new action; one that was made of the same video before is written over"),
            ("new", "New Action", "A new action; the one before stays in the file"),
            ("replace", "Present Action", "The armature's present action: keys of the same bones are replaced"),
            ("strip", "NLA Strip", "A new action on an NLA track above all others; the present one is pushed down"),
        ],
    )
    tolerance: FloatProperty(
        name="Rotations Within",
        description=(
            "Leave out keys as long as no bone is off by more than this against the one above it, at any frame; "
            "0 keys every frame"
        ),
        min=0.0,
        max=math.radians(30.0),
        soft_max=math.radians(5.0),
        subtype="ANGLE",
    )
    tolerance_m: FloatProperty(
        name="Places (m)",  # no unit: see height
        description="Leave out keys of places as long as none is off by more than this, in metres; 0 keys every frame",
        min=0.0,
        max=1.0,
        soft_max=0.05,
        step=0.1,
        precision=4,
    )
    export_format: EnumProperty(
        name="Format",
        description="What kind of file to write",
        items=[
            ("fbx", "FBX", "For game engines and most other programs"),
            ("glb", "glTF", "One .glb file, for the web and for engines"),
            ("bvh", "BVH", "Bones and their motion alone, without meshes"),
            ("usd", "USD", "For film pipelines"),
        ],
    )
    export_preset: EnumProperty(
        name="For", description="Which program will read the FBX", items=_export_presets(), default="generic"
    )
    export_meshes: BoolProperty(name="With Meshes", description="Off: bones and their motion alone", default=True)
    export_path: StringProperty(
        name="File", description="What to write, each time without asking; empty asks each time", subtype="FILE_PATH"
    )
    motions: CollectionProperty(type=V2A_PersonMotion)
    bone_map: PointerProperty(type=map_editor_properties.V2A_BoneMap)
    compared: PointerProperty(type=bpy.types.Collection)  # what Compare with Video made, while it is shown
    view_before: StringProperty()  # and how the 3D view looked before, JSON


def worker_options(settings: V2A_Settings) -> dict[str, str]:
    """The settings as the worker's flags; what is left at 'unknown' is left to the worker."""
    person = str(settings.number) if settings.people == "number" else settings.people
    flags = {"person": person, "smooth-hz": f"{settings.smooth_hz:.6g}"}
    values = {
        "height": settings.height,
        "hfov": math.degrees(settings.hfov),
        "start": settings.start,
        "end": settings.end,
    }
    if settings.model:
        flags["model"] = bpy.path.abspath(settings.model)
    return flags | {flag: f"{value:.6g}" for flag, value in values.items() if value > 0}


def rig_preset(settings: V2A_Settings) -> str:
    """The preset as apply wants it."""
    return bpy.path.abspath(settings.preset_file) if settings.preset == OWN_FILE else settings.preset


def choices(scene: bpy.types.Scene) -> Choices:
    """How to apply the motion, as apply wants it."""
    settings = scene.v2a
    return Choices(
        root=settings.root,
        place=place_of(scene, settings.place),
        facing=settings.facing if settings.turn else None,
        feet={"left": settings.left_foot, "right": settings.right_foot},
        controls=settings.controls,
        limbs=tuple(settings.limbs),
    )


def keying(scene: bpy.types.Scene) -> Keying:
    """Which frames become which keys, as apply wants it."""
    settings = scene.v2a
    return Keying(
        first=settings.first_frame,
        last=settings.last_frame,
        start=settings.start_frame,
        speed=settings.speed,
        action=settings.action,
        tolerance=settings.tolerance,
        tolerance_m=settings.tolerance_m,
    )


def attach() -> None:
    bpy.types.Scene.v2a = PointerProperty(type=V2A_Settings)


def detach() -> None:
    del bpy.types.Scene.v2a


CLASSES = (*map_editor_properties.CLASSES, V2A_PersonMotion, V2A_Settings)
