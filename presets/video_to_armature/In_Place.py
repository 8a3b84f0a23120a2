import bpy

settings = bpy.context.scene.v2a

settings.root = "in place"
settings.place = "origin"
