"""From joints to bone rotations: pure numpy, no Blender. `solve.solve` is the way in."""
