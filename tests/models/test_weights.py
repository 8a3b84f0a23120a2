import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from video_to_armature.lifter.contract.protocol import RuntimeUnfitError, UsageError
from video_to_armature.lifter.models import build, catalogue, weights

CONFIG = {"frames": 5, "joints": 27, "channels_in": 3, "dim": 16, "depth": 1, "heads": 2}


def saved(path, **change):
    network = build("mixste", **CONFIG)
    state = {**network.state_dict(), **change.pop("state", {})}
    for key in change.pop("drop", ()):
        del state[key]
    weights.save(path, state, **weights.metadata_of("mixste", CONFIG, 15.0, "test") | change)
    return network


def test_round_trip(tmp_path):
    network = saved(tmp_path / "w.safetensors").eval()
    info = weights.describe(tmp_path / "w.safetensors")
    assert (info.network, info.config, info.fps, info.commercial_use) == ("mixste", CONFIG, 15.0, "yes")
    x = torch.randn(1, 5, 27, 3)
    torch.testing.assert_close(weights.load(info)(x), network(x))


def test_missing_and_extra_keys_are_named(tmp_path):
    saved(tmp_path / "w.safetensors", drop=["head.1.bias"], state={"stray": torch.zeros(1)})
    with pytest.raises(RuntimeUnfitError, match=r"head\.1\.bias.*stray"):
        weights.load(weights.describe(tmp_path / "w.safetensors"))


def test_truncated_and_foreign_files_are_refused(tmp_path):
    path = tmp_path / "w.safetensors"
    saved(path)
    for content in (path.read_bytes()[:5000], b"", b"\x00" * 64):
        path.write_bytes(content)
        with pytest.raises(RuntimeUnfitError, match=r"w\.safetensors"):
            weights.load(weights.describe(path))


def test_what_ships_loads_and_may_be_sold():
    shipped = weights.available()
    assert weights.DEFAULT in {m.name for m in shipped}
    for info in shipped:
        assert info.path.stat().st_size <= 20e6
        assert info.commercial_use == "yes"
        weights.load(info)


PUBLISHED = {  # small networks, and what is known of the authors' ones
    "mixste": ({"frames": 9, "dim": 32, "depth": 1}, "screen", "metres", 2),
    "dstformer": ({"frames": 9, "dim": 32, "dim_rep": 16, "depth": 1}, "crop", "image", 3),
    "videopose3d": ({"widths": (3, 3), "channels": 8}, "screen", "metres", 2),
}


def checkpoint(path, network="mixste", zipped=True):
    """A file as the authors' trainers write them."""
    torch.manual_seed(0)
    module = build(network, **PUBLISHED[network][0]).eval()
    prefix = "" if network == "videopose3d" else "module."
    state = {prefix + key: value for key, value in module.state_dict().items()}
    content = {"epoch": 3, "random_state": np.random.RandomState(1), "model_pos": state}
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    return module


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("network", PUBLISHED)
def test_a_published_checkpoint_is_read_whatever_its_suffix(tmp_path, network, zipped):
    path = tmp_path / "w.safetensors"
    module = checkpoint(path, network, zipped)
    info, loaded = weights.read(path)
    _, view, units, channels = PUBLISHED[network]
    assert (info.name, info.network, info.joints_in, info.joints_out) == ("w", network, "H36M_17", "H36M_17")
    assert (info.view, info.units) == (view, units)
    assert info.commercial_use in ("no", "unknown")
    x = torch.randn(1, 9, 17, channels)
    with torch.no_grad():
        torch.testing.assert_close(loaded(x), module(x))


def test_ours_are_read_whatever_their_suffix(tmp_path):
    network = saved(tmp_path / "w.bin").eval()
    info, loaded = weights.read(tmp_path / "w.bin")
    assert info == weights.describe(tmp_path / "w.bin")
    assert (info.joints_in, info.joints_out, info.view, info.units) == ("BODY_27", "BODY_27", "rays", "metres")
    x = torch.randn(1, 5, 27, 3)
    torch.testing.assert_close(loaded(x), network(x))


def test_what_the_trainer_says_of_its_weights_is_kept(tmp_path):
    told = {"joints_in": "H36M_17", "joints_out": "H36M_17", "view": "screen", "units": "image"}
    saved(tmp_path / "w.safetensors", **told)
    info, _ = weights.read(tmp_path / "w.safetensors")
    assert {key: getattr(info, key) for key in told} == told


def test_the_authors_file_name_tells_the_points(tmp_path):
    checkpoint(tmp_path / "pretrained_h36m_detectron_coco.bin", "videopose3d")
    info, _ = weights.read(tmp_path / "pretrained_h36m_detectron_coco.bin")
    assert (info.joints_in, info.joints_out, info.commercial_use) == ("COCO_17", "H36M_17", "no")
    checkpoint(tmp_path / "pretrained_h36m_cpn.bin", "videopose3d")
    assert weights.read(tmp_path / "pretrained_h36m_cpn.bin")[0].joints_in == "H36M_17"
    # A name says nothing of another network in that file.
    checkpoint(tmp_path / "pretrained_h36m_detectron_coco.bin", "mixste")
    assert weights.read(tmp_path / "pretrained_h36m_detectron_coco.bin")[0].joints_in == "H36M_17"


def test_the_points_of_a_renamed_file_can_be_said(tmp_path):
    checkpoint(tmp_path / "w.bin", "videopose3d")
    assert weights.read(tmp_path / "w.bin", "coco")[0].joints_in == "COCO_17"
    assert weights.read(tmp_path / "w.bin", "h36m")[0].joints_in == "H36M_17"
    with pytest.raises(UsageError, match=r"--input-joints coco: mixste_body27.*BODY_27"):
        weights.read(weights.find(weights.DEFAULT), "coco")


@pytest.mark.parametrize("ours", [True, False])
def test_what_is_no_weights_is_refused_by_name(tmp_path, ours):
    path = tmp_path / "w.bin"
    saved(path) if ours else checkpoint(path)
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], whole[:5], b"", b"\x00" * 64, b"12345678{}"):
        path.write_bytes(content)
        with pytest.raises(RuntimeUnfitError, match=r"w\.bin"):
            weights.read(path)


def test_models_tells_of_every_known_one_whether_its_output_may_be_sold():
    command = [sys.executable, "-m", "lifter", "models"]
    root = Path(__file__).resolve().parents[2]
    said = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True, timeout=60).stdout.splitlines()
    expected = [(m.name, m.commercial_use, m.licence) for m in weights.available()]
    expected += [(k.file, k.commercial_use, k.licence) for k in catalogue.known()]
    assert len(expected) > 10
    for file, use, licence in expected:
        [line] = [line for line in said if line.split()[0] == file]
        assert f"commercial use: {use} " in line
        assert line.endswith(licence)
    marked = [line.split()[0] for line in said if "not for capture" in line]
    assert marked == [k.file for k in catalogue.known() if k.units == "none" or k.joints_out != "H36M_17"]
