"""The trainer's readers of motion files against Blender's own BVH importer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from video_to_armature.lifter.train import asf_amc, bvh

from ..lifter import motion_files as made
from .conftest import Run

FRAMES = 20


def by_blender(script: Run, path: Path, names: list[str]) -> np.ndarray:
    out = path.with_suffix(".npy")
    assert script("bvh_joints.py", path, out, *names).result["frames"] == FRAMES
    return np.load(out)


@pytest.mark.parametrize("version", ["4.5"], indirect=True)
def test_bvh_is_read_as_blender_reads_it(script: Run, tmp_path: Path) -> None:
    """Channels in two orders, a pose without turns that is a heap, and a joint that also moves."""
    take = made.swaying(FRAMES, fps=30, size=1.2)
    path = made.write_bvh(tmp_path / "a.bvh", made.crumpled(take), order="ZXY", unit_m=0.1)
    lines = path.read_text().splitlines()
    at = next(i for i, line in enumerate(lines) if "JOINT lowerback" in line) + 3
    assert "CHANNELS 3" in lines[at]
    lines[at] = (
        lines[at].split("CHANNELS")[0] + "CHANNELS 6 Yrotation Zrotation Xrotation Xposition Zposition Yposition"
    )
    first = lines.index("MOTION") + 3
    column = 6 + 3 * sum("JOINT" in line for line in lines[: at - 2])
    for i in range(first, len(lines)):
        values = lines[i].split()
        lines[i] = " ".join([*values[: column + 3], str(0.5 + 0.1 * (i - first)), "2", "-1", *values[column + 3 :]])
    path.write_text("\n".join(lines) + "\n")
    recording = bvh.read(path)
    ours = recording.pose()[0]
    assert np.ptp(ours[:, recording.names.index("head")], axis=0).min() > 0.5  # decimetres
    assert np.abs(ours - by_blender(script, path, list(recording.names))).max() < 2e-4  # it has single precision


@pytest.mark.parametrize("version", ["4.5"], indirect=True)
def test_asf_and_amc_are_as_blender_reads_the_same_in_bvh(script: Run, tmp_path: Path) -> None:
    take = made.swaying(FRAMES, fps=30, size=1.0)
    recording = asf_amc.read(made.write_asf_amc(tmp_path, take))
    path = made.write_bvh(tmp_path / "same.bvh", take, unit_m=made.CMU_UNIT_M)
    assert np.abs(recording.pose()[0] - by_blender(script, path, list(recording.names))).max() < 2e-5
