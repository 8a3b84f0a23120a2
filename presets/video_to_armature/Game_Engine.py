import bpy

settings = bpy.context.scene.v2a

settings.root = "root"
settings.place = "origin"
settings.turn = True
settings.facing = 0.0
settings.export_preset = "unity"
