"""Where the names of a limb say little, what the shape says: 'arm_01' to 'arm_04', or words that stand for several parts."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from .bone_map import SIDES
from .recognise_body import MISSING, TWO_IN_ONE, UNLIKE, Limbs
from .recognise_names import ARM, LEG, Words
from .rest import RestPose

VAGUE = 0.7  # names of a limb that read worse than this together may be anything, if the shape says something else


def unclear(rest: RestPose, words: Sequence[Words], named: Limbs, shapes: Sequence[Mapping[str, int]]) -> Limbs:
    """What the shape says of limbs whose names are hardly names, or make two halves of very unlike length.

    shapes: part without side -> bone, for each of the two sides.
    """
    found: Limbs = {}
    for side, limb in itertools.product(SIDES, (ARM, LEG)):
        joints = limb[:3] if limb is LEG else limb[1:]
        ours = {part: bone for part in limb if (bone := named.get(f"{side}_{part}")) is not None}
        theirs = next(
            (
                {part: shape[part] for part in limb if part in shape}
                for shape in shapes
                if all(part in shape for part in joints) and {shape[part] for part in joints} & set(ours.values())
            ),
            ours,
        )
        if theirs == ours or not {*joints[:2]} <= ours.keys():
            continue
        vague = sum(words[ours[part]].limb.get(part, 1.0) if part in ours else MISSING[part] for part in joints)
        if vague > VAGUE or TWO_IN_ONE < _halves(rest, ours, joints) < UNLIKE * _halves(rest, theirs, joints):
            found |= {f"{side}_{part}": bone for part, bone in theirs.items()}
    return found


def _halves(rest: RestPose, limb: Mapping[str, int], joints: Sequence[str]) -> float:
    """The shorter half of a limb as a share of the longer; 1 where its end has no bone."""
    if joints[2] not in limb:
        return 1.0
    lengths = [float(np.linalg.norm(rest.heads[limb[b]] - rest.heads[limb[a]])) for a, b in pairwise(joints)]
    return min(lengths) / max(*lengths, 1e-12)
