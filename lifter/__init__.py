"""Video to motion file. Runs in its own process as `python -m lifter`; Blender only ever imports `lifter.contract`."""
