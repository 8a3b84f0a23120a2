import pytest
import torch

from video_to_armature.lifter.contract.protocol import RuntimeUnfitError
from video_to_armature.lifter.models import build, weights

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
