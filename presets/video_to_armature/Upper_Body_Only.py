import bpy

settings = bpy.context.scene.v2a

settings.limbs = {"trunk", "head", "left arm", "right arm"}
settings.left_foot = "never"
settings.right_foot = "never"
