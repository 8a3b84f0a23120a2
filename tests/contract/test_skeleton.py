"""The two joint sets, and the laws of left and right."""

from __future__ import annotations

import pytest

from video_to_armature.lifter.contract.skeleton import BODY_27, H36M_17, ROOT, Skeleton, mirror_order

BOTH = pytest.mark.parametrize("skeleton", [H36M_17, BODY_27], ids=["H36M_17", "BODY_27"])


@BOTH
def test_mirroring_twice_changes_nothing(skeleton: Skeleton) -> None:
    mirror = skeleton.mirror
    assert [mirror[mirror[i]] for i in range(len(skeleton))] == list(range(len(skeleton)))


@BOTH
def test_mirroring_swaps_every_side_and_keeps_the_midline(skeleton: Skeleton) -> None:
    for i, name in enumerate(skeleton.names):
        other = skeleton.names[skeleton.mirror[i]]
        if name.startswith(("left_", "right_")):
            assert other != name
            assert other.split("_", 1)[1] == name.split("_", 1)[1]
        else:
            assert other == name


@BOTH
def test_mirroring_keeps_the_family_tree(skeleton: Skeleton) -> None:
    mirror, parents = skeleton.mirror, skeleton.parents
    for i, parent in enumerate(parents):
        assert parents[mirror[i]] == (ROOT if parent == ROOT else mirror[parent])


@BOTH
def test_one_root_above_all(skeleton: Skeleton) -> None:
    assert [n for n, p in zip(skeleton.names, skeleton.parents) if p == ROOT] == ["pelvis"]
    for joint in range(len(skeleton)):
        steps = 0
        while skeleton.parents[joint] != ROOT:
            joint, steps = skeleton.parents[joint], steps + 1
            assert steps < len(skeleton)


def test_the_parents_are_the_published_ones() -> None:
    assert H36M_17.parents == (-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 9, 8, 11, 12, 8, 14, 15)
    assert BODY_27.parents[17:] == (6, 6, 3, 3, 13, 13, 16, 16, 9, 9)
    assert BODY_27.names[:17] == H36M_17.names
    assert [i for i, n in enumerate(H36M_17.names) if n.startswith("left_")] == [4, 5, 6, 11, 12, 13]
    assert [i for i, n in enumerate(H36M_17.names) if n.startswith("right_")] == [1, 2, 3, 14, 15, 16]


def test_a_name_without_partner_stays() -> None:
    assert mirror_order(("left_hand", "tail", "right_foot")) == (0, 1, 2)
    assert mirror_order(()) == ()


def test_a_broken_skeleton_is_refused() -> None:
    with pytest.raises(ValueError, match="2 names but 1 parents"):
        Skeleton(("a", "b"), (-1,))
    with pytest.raises(ValueError, match="repeat"):
        Skeleton(("a", "a"), (-1, 0))
