"""Where bones come to stand: laws of the chain."""

from dataclasses import replace

import numpy as np

from video_to_armature.addon.retarget import quaternion as quat
from video_to_armature.addon.retarget.forward import forward

from .bodies import mixamo, posed, rigify


def test_without_keys_bones_stand_at_rest():
    rest, _ = mixamo()
    assert np.abs(forward(rest, {}, {}) - rest.matrices).max() < 1e-12


def test_bones_keep_their_lengths_and_their_parents_keep_them():
    rest, bones = mixamo()
    heads = forward(rest, posed(rest, bones, 20, 0), {})[:, :, :3, 3]
    for i, parent in enumerate(rest.parents):
        if parent >= 0:
            reach = np.linalg.norm(heads[:, i] - heads[:, parent], axis=-1)
            assert np.abs(reach - np.linalg.norm(rest.heads[i] - rest.heads[parent])).max() < 1e-9


def test_turning_the_root_turns_everything_rigidly():
    rest, _ = mixamo()
    turn = quat.about(np.array([0.0, 1, 0]), np.array([0.7]))
    moved = forward(rest, {"mixamorig:Hips": turn}, {})[0]
    whole = moved[0] @ np.linalg.inv(rest.matrices[0])
    assert np.abs(moved - whole @ rest.matrices).max() < 1e-9


def test_a_location_moves_along_the_bones_own_axes():
    rest, _ = mixamo()
    moved = forward(rest, {}, {"mixamorig:Hips": np.array([[0.0, 2.0, 0.0]])})[0]
    assert np.allclose(moved[:, :3, 3], rest.heads + 2 * rest.matrices[0, :3, 1])


def test_a_bone_that_does_not_inherit_rotation_keeps_its_own():
    rest, _ = mixamo()
    arm = rest.index("mixamorig:LeftArm")
    free = replace(rest, inherits_rotation=tuple(i != arm for i in range(len(rest))))
    moved = forward(free, {"mixamorig:Hips": quat.about(np.array([0.0, 1, 0]), np.array([0.7]))}, {})[0]
    assert np.allclose(moved[arm, :3, :3], rest.matrices[arm, :3, :3])
    assert not np.allclose(moved[arm, :3, 3], rest.heads[arm])


def test_a_reparented_bone_follows_its_new_parent():
    rest, bones = rigify()
    rig = rest.with_parents(bones.parents)
    assert sorted(rig.bone_names) == sorted(rest.bone_names)
    assert all(parent < i for i, parent in enumerate(rig.parents))
    turn = quat.about(np.array([0.0, 0, 1]), np.array([0.5]))
    one, other = (forward(r, {"shoulder.L": turn}, {})[0, r.index("upper_arm_fk.L")] for r in (rest, rig))
    assert np.allclose(one, rest.matrices[rest.index("upper_arm_fk.L")])
    assert np.linalg.norm(other - one) > 0.1
