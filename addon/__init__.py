"""The Blender side: reads rigs, writes keys, shows the panel. Imports nothing here: retarget/ must load without bpy."""
