"""The list of a bone map as it is edited, kept with the scene so that undo takes it along."""

# No `from __future__ import annotations`: Blender reads properties from the annotations themselves.
# pyright: reportInvalidTypeForm=false

import bpy
from bpy.props import CollectionProperty, StringProperty


class V2A_MapRow(bpy.types.PropertyGroup):
    """One line of the list: map_editor.Row."""

    part: StringProperty()
    bone: StringProperty(name="Bone", description="The bone that plays this part; empty leaves the part out")


class V2A_BoneMap(bpy.types.PropertyGroup):
    """A bone map that is being edited; nothing listed yet where there are no rows."""

    rows: CollectionProperty(type=V2A_MapRow)
    text: StringProperty()  # of the preset file that it began with
    begun: StringProperty()  # the rows then, to see what was changed
    told: StringProperty()  # how it was found, or what is wrong with it


CLASSES = (V2A_MapRow, V2A_BoneMap)
