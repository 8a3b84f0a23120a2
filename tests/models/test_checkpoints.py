import os
import pickle
import re
import zipfile

import numpy as np
import pytest
import torch

from video_to_armature.lifter.contract.protocol import RuntimeUnfitError
from video_to_armature.lifter.models import build, checkpoints, heads, unpickle
from video_to_armature.lifter.models.dstformer import DSTformer

SMALL = {
    "mixste": {"frames": 9, "joints": 15, "channels_in": 2, "dim": 48, "depth": 3, "heads": 8, "mlp_ratio": 100 / 48,
               "qkv_bias": False},
    "dstformer": {"frames": 7, "joints": 17, "channels_in": 3, "dim": 32, "dim_rep": 24, "depth": 2, "heads": 8,
                  "mlp_ratio": 4.0, "fuse": True},
    "videopose3d": {"joints_in": 17, "channels_in": 2, "joints_out": 16, "widths": (3, 5, 3), "channels": 8,
                    "causal": False, "dense": False},
}  # fmt: skip
EVERY = pytest.mark.parametrize("network", SMALL)


def random_network(name, **config):
    return randomise(build(name, **{**SMALL[name], **config}))


def randomise(network):
    """In eval mode, every number random, running averages too."""
    torch.manual_seed(0)
    for key, value in network.state_dict().items():
        if key.endswith("running_var"):
            torch.nn.init.uniform_(value, 0.5, 2)
        elif value.is_floating_point():
            torch.nn.init.normal_(value, std=0.3)
    return network.eval()


def published(name, network, **change):
    """The dictionary that the authors' trainer saves, with a real optimizer after a real step."""
    prefix = "" if name == "videopose3d" else "module."
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, amsgrad=True)
    torch.stack([p.square().sum() for p in network.parameters()]).sum().backward()
    optimizer.step()
    network.zero_grad()
    content = {
        "epoch": 3,
        "lr": 1e-3,
        "optimizer": optimizer.state_dict(),
        "model_pos": type(network.state_dict())((prefix + k, v) for k, v in network.state_dict().items()),
    }
    if name == "dstformer":
        content["min_loss"] = np.mean([37.2, 37.4])
    else:
        content["random_state"] = np.random.RandomState(1234)
    if name == "videopose3d":
        content |= {"model_traj": None, "random_state_semi": None}
    return content | change


def saved(path, content, zipped=True, **kind):
    torch.save(content, path, _use_new_zipfile_serialization=zipped, **kind)
    assert zipfile.is_zipfile(path) == zipped
    return path


def clip(config, frames=45):
    joints = config.get("joints", config.get("joints_in"))
    return torch.randn(2, config.get("frames", frames), joints, config["channels_in"])


def refusal(path, **overrides):
    """The one line that a user sees."""
    with pytest.raises(RuntimeUnfitError) as caught:
        checkpoints.read(path, **overrides)
    line = str(caught.value)
    assert caught.value.exit_code == 5
    assert line.startswith(str(path))
    assert line.isprintable()
    return line


@pytest.mark.parametrize("zipped", [True, False])
@EVERY
def test_round_trip_in_both_formats(network, zipped, tmp_path):
    original = random_network(network)
    path = saved(tmp_path / "best.bin", published(network, original), zipped)
    checkpoint = checkpoints.read(path)
    assert (checkpoint.path, checkpoint.network, checkpoint.config) == (path, network, SMALL[network])
    assert checkpoint.trajectory_state is None
    loaded = checkpoints.to_network(checkpoint)
    assert not loaded.training
    assert {p.dtype for p in loaded.parameters()} == {torch.float32}
    x = clip(SMALL[network])
    with torch.no_grad():
        assert torch.equal(loaded(x), original(x))


@pytest.mark.parametrize("wrapped", [lambda s: s, lambda s: {"state_dict": s}, lambda s: {"epoch": 1, "model": s}])
def test_weights_alone_or_under_a_usual_name(wrapped, tmp_path):
    original = random_network("mixste")
    checkpoint = checkpoints.read(saved(tmp_path / "w.pth", wrapped(original.state_dict())))
    x = clip(SMALL["mixste"])
    assert torch.equal(checkpoints.to_network(checkpoint)(x), original(x))


@pytest.mark.parametrize("zipped", [True, False])
def test_the_trajectory_model_is_a_second_network(zipped, tmp_path):
    poses, root = random_network("videopose3d"), random_network("videopose3d", joints_out=1)
    content = published("videopose3d", poses, model_traj=root.state_dict(), random_state_semi=np.random.RandomState(7))
    checkpoint = checkpoints.read(saved(tmp_path / "semi.bin", content, zipped))
    assert checkpoint.config["joints_out"] == 16
    x = clip(SMALL["videopose3d"])
    assert torch.equal(checkpoints.to_network(checkpoint)(x), poses(x))
    assert torch.equal(checkpoints.to_network(checkpoint, trajectory=True)(x), root(x))


def test_no_trajectory_model_where_there_is_none(tmp_path):
    path = saved(tmp_path / "w.bin", published("videopose3d", random_network("videopose3d")))
    with pytest.raises(RuntimeUnfitError, match=r"w\.bin.*no trajectory"):
        checkpoints.to_network(checkpoints.read(path), trajectory=True)
    full = random_network("videopose3d")
    content = published("videopose3d", full, model_traj=full.state_dict())
    assert "shrink.bias (48,) not (3,)" in refusal(saved(path, content))


def test_training_the_network_leaves_the_checkpoint_alone(tmp_path):
    checkpoint = checkpoints.read(saved(tmp_path / "w.bin", published("mixste", random_network("mixste"))))
    before = {key: value.clone() for key, value in checkpoint.state.items()}
    with torch.no_grad():
        for p in checkpoints.to_network(checkpoint).parameters():
            p += 1
    assert all(torch.equal(value, checkpoint.state[key]) for key, value in before.items())


def test_half_precision_weights_and_files_without_counters(tmp_path):
    original = random_network("videopose3d").half()
    state = {k: v for k, v in original.state_dict().items() if not k.endswith("num_batches_tracked")}
    loaded = checkpoints.to_network(checkpoints.read(saved(tmp_path / "w.bin", {"model_pos": state})))
    x = clip(SMALL["videopose3d"])
    assert torch.equal(loaded(x), original.float()(x))
    assert loaded.state_dict()["expand_bn.num_batches_tracked"] == 0


FULL = [
    ("mixste", {"frames": frames, "joints": 17, "channels_in": 2, "dim": 512, "depth": 8, "heads": 8, "mlp_ratio": 2.0,
                "qkv_bias": True}, parameters)
    for frames, parameters in [(243, 33_783_811), (81, 33_700_867), (27, 33_673_219)]
] + [
    ("dstformer", {"frames": 243, "joints": 17, "channels_in": 3, "dim": dim, "dim_rep": 512, "depth": 5, "heads": 8,
                   "mlp_ratio": ratio, "fuse": True}, parameters)
    for dim, ratio, parameters in [(512, 2.0, 42_466_317), (256, 4.0, 16_001_549)]
] + [
    ("videopose3d", {"joints_in": 17, "channels_in": 2, "joints_out": 17, "widths": (3,) * layers, "channels": 1024,
                     "causal": False, "dense": False}, parameters)
    for layers, parameters in [(5, 16_952_371), (4, 12_753_971), (3, 8_555_571)]
]  # fmt: skip


@pytest.mark.parametrize(("network", "config", "parameters"), FULL)
def test_every_published_configuration_is_recognised(network, config, parameters):
    with torch.device("meta"):
        full = build(network, **config)
    assert sum(p.numel() for p in full.parameters()) == parameters
    assert checkpoints.recognise(full.state_dict()) == (network, config, None, {})


OTHER = [
    ("mixste", {"depth": 1, "qkv_bias": True}),
    ("mixste", {"dim": 24, "mlp_ratio": 1.0, "joints": 27}),
    ("mixste", {"dim": 56, "mlp_ratio": 61.01 / 56}),  # 61 / 56 times 56 falls short of 61 in floating point
    ("dstformer", {"fuse": False, "depth": 1}),
    ("dstformer", {"dim": 16, "dim_rep": 40, "channels_in": 2}),
    ("videopose3d", {"widths": (3, 3, 3), "dense": True}),
    ("videopose3d", {"widths": (3, 5, 3), "dense": True}),
    ("videopose3d", {"widths": (5, 3, 7)}),
    ("videopose3d", {"widths": (1, 1, 1)}),
    ("videopose3d", {"widths": (7,)}),
    ("videopose3d", {"joints_in": 15, "joints_out": 1}),
]


@pytest.mark.parametrize(("network", "change"), OTHER)
def test_other_configurations_are_recognised(network, change):
    with torch.device("meta"):
        state = build(network, **(SMALL[network] | change)).state_dict()
    found, config, head, _ = checkpoints.recognise(state)
    assert head is None
    with torch.device("meta"):
        again = build(found, **config).state_dict()
    assert found == network
    assert {k: v.shape for k, v in again.items()} == {k: v.shape for k, v in state.items()}
    expected = SMALL[network] | change
    # The ratio is known to the width of one hidden unit.
    assert config.pop("mlp_ratio", 0) == pytest.approx(expected.pop("mlp_ratio", 0), abs=1 / config.get("dim", 1))
    assert config == expected


@pytest.mark.parametrize(
    ("network", "truth", "wrong"),
    [("mixste", {"heads": 4}, {"heads": 8}), ("videopose3d", {"causal": True}, {"causal": False})],
)
def test_what_shapes_cannot_tell_is_the_callers_to_say(network, truth, wrong, tmp_path):
    original = random_network(network, **truth)
    path = saved(tmp_path / "w.bin", published(network, original))
    x = clip(SMALL[network], frames=60)
    assert not torch.allclose(checkpoints.to_network(checkpoints.read(path))(x), original(x), atol=1e-4, rtol=0)
    assert checkpoints.read(path).config | wrong == checkpoints.read(path).config
    told = checkpoints.read(path, **truth)
    assert told.config | truth == told.config
    assert torch.equal(checkpoints.to_network(told)(x), original(x))


def test_overrides_that_shapes_leave_open_for_convolutions():
    with torch.device("meta"):
        state = build("videopose3d", joints_in=10, channels_in=3, widths=(3, 7), channels=8).state_dict()
    assert checkpoints.recognise(state)[1]["widths"] == (3, 3)  # taken for dense
    config = checkpoints.recognise(state, dense=False, channels_in=3, dropout=0.1)[1]
    assert (config["widths"], config["dense"], config["joints_in"], config["dropout"]) == ((3, 7), False, 10, 0.1)


@pytest.mark.parametrize(
    ("overrides", "named"),
    [({"dim": 64}, "shape"), ({"heads": 7}, "48.*heads 7"), ({"width": 3}, "'width'"), ({"depth": 4}, "missing")],
)
def test_overrides_that_contradict_the_file_are_refused(overrides, named, tmp_path):
    path = saved(tmp_path / "w.bin", published("mixste", random_network("mixste")))
    assert re.search(named, refusal(path, **overrides))


@EVERY
def test_licence_and_commercial_use(network, tmp_path):
    path = saved(tmp_path / "w.bin", published(network, random_network(network)))
    theirs = {"mixste": "unknown", "dstformer": "no", "videopose3d": "no"}[network]
    assert checkpoints.read(path).commercial_use == theirs
    own = checkpoints.read(path, trained_by_user=True)
    assert (own.licence, own.commercial_use) == ("unknown, trained by its user", "unknown")


@EVERY
def test_missing_extra_and_odd_keys_are_named(network, tmp_path):
    """Any one key at a time, also those that the configuration is read from."""
    path = tmp_path / "w.bin"
    state = random_network(network).state_dict()
    bias = {"mixste": "head.1.bias", "dstformer": "head.bias", "videopose3d": "shrink.bias"}[network]
    for key in state:
        if not key.endswith("num_batches_tracked"):
            assert key in refusal(saved(path, {"model_pos": {k: v for k, v in state.items() if k != key}}))
    line = refusal(saved(path, {"model_pos": {**state, "stray.weight": torch.zeros(1)}}))
    assert "extra: stray.weight" in line
    assert checkpoints.TITLES[network] in line
    assert f"{bias} (5,) not" in refusal(saved(path, {"model_pos": {**state, bias: torch.zeros(5)}}))
    many = {f"stray.{i}": torch.zeros(1) for i in range(900)}
    assert len(refusal(saved(path, {"model_pos": {**state, **many}}))) < 600


def test_another_network_is_named_by_its_keys(tmp_path):
    path = saved(tmp_path / "resnet.pth", {"state_dict": {"conv1.weight": torch.zeros(3), "fc.bias": torch.zeros(2)}})
    line = refusal(path)
    assert "another network" in line
    assert "conv1.weight, fc.bias" in line


HEADS = {
    "action_class": (heads.ActionClass, {"hidden": 40, "classes": 5}),
    "action_embed": (heads.ActionEmbed, {"hidden": 40}),
    "mesh": (heads.MeshHead, {"hidden": 40}),
}


def with_head(kind):
    """A small DSTformer under that head, every number random, and the head's whole configuration."""
    make, config = HEADS[kind]
    config = {"joints": 17, "dim_rep": 24, **config}
    backbone = build("dstformer", **SMALL["dstformer"])
    assert isinstance(backbone, DSTformer)
    return randomise(heads.OnBackbone(backbone, make(**config))), config


def saved_with_head(path, network, prefix="module.", **beside):
    """As MotionBERT's trainers of actions and meshes save it, SMPL's arrays (whole numbers among them) included."""
    smpl = {"head.smpl.faces_tensor": torch.zeros(3, 3, dtype=torch.int64), "head.smpl.betas": torch.zeros(1, 10)}
    state = {prefix + key: value for key, value in {**network.state_dict(), **smpl}.items()}
    scores = {"best_acc": torch.tensor([97.2]), "best_jpe": np.float64(88.1)}
    optimizer = torch.optim.AdamW([{"params": network.parameters(), "lr": 1e-4}])
    content = {"epoch": 1, "lr": [1e-4, 1e-3], "optimizer": optimizer.state_dict(), "model": state, **scores}
    return saved(path, content | beside)


@pytest.mark.parametrize("prefix", ["module.", ""])
@pytest.mark.parametrize("kind", HEADS)
def test_heads_of_motionbert_are_recognised_and_run(kind, prefix, tmp_path):
    original, config = with_head(kind)
    checkpoint = checkpoints.read(saved_with_head(tmp_path / "best_epoch.bin", original, prefix))
    assert (checkpoint.network, checkpoint.config) == ("dstformer", SMALL["dstformer"])
    assert (checkpoint.head, checkpoint.head_config) == (kind, config)
    assert set(checkpoint.state) == set(original.state_dict())
    loaded = checkpoints.to_network(checkpoint)
    x = torch.randn(2, 5, 17, 3) if kind == "mesh" else torch.randn(2, 3, 5, 17, 3)
    with torch.no_grad():
        found, expected = loaded(x), original(x)
    if kind == "mesh":
        assert torch.equal(found.rotations, expected.rotations)
        found, expected = found.shape, expected.shape
    assert torch.equal(found, expected)


@pytest.mark.parametrize(
    ("make", "config", "parameters"),
    [
        (heads.ActionClass, {"classes": 60}, 60_421_193),
        (heads.ActionEmbed, {}, 60_294_157),
        (heads.MeshHead, {}, 78_445_735),
    ],
)
def test_published_heads_are_recognised(make, config, parameters):
    with torch.device("meta"):
        backbone = build("dstformer")
        assert isinstance(backbone, DSTformer)
        full = heads.OnBackbone(backbone, make(**config))
    assert sum(p.numel() for p in full.parameters()) == parameters
    network, _, head, found = checkpoints.recognise(full.state_dict())
    assert (network, found) == ("dstformer", {"joints": 17, "dim_rep": 512, "hidden": 2048, **config})
    assert checkpoints.HEADS[head or ""] is make


@pytest.mark.parametrize("kind", HEADS)
def test_keys_that_a_head_lacks_or_has_too_many_are_named(kind, tmp_path):
    path, (network, _) = tmp_path / "w.bin", with_head(kind)
    state = network.state_dict()
    for key in ("backbone.norm.bias", "backbone.temp_embed", "head.fc1.weight", "head.fc1.bias"):
        line = refusal(saved(path, {"model": {k: v for k, v in state.items() if k != key}}))
        assert f"missing: {key}" in line
        assert "with a head" in line
    for key in ("head.stray", "stray"):
        assert f"extra: {key}" in refusal(saved(path, {"model": {**state, key: torch.zeros(1)}}))
    assert "another network" in refusal(saved(path, {"model": {"backbone.layer1.weight": torch.zeros(3)}}))


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ([1, 2], "list"),
        (torch.zeros(3), "Tensor"),
        ({}, "dict"),
        ({"epoch": 3, "lr": 0.1}, "epoch"),
        ({"model_pos": None}, "NoneType"),
        ({"model_pos": {1: torch.zeros(2)}}, "dict"),
        ({"model_pos": {"STEblocks.0.x": np.zeros(3)}}, "STEblocks.0.x"),
        ({"model_pos": {"STEblocks.0.x": torch.zeros(2).to_sparse()}}, "STEblocks.0.x"),
        ({"model_pos": {"STEblocks.0.x": torch.zeros(2, device="meta")}}, "STEblocks.0.x"),
        ({"model_pos": {"STEblocks.0.x": torch.zeros(2, dtype=torch.int64)}}, "no tensor"),
        ({"model_pos": {"STEblocks.0.x": torch.zeros(2, dtype=torch.complex64)}}, "no tensor"),
        ({"model_pos": {"STEblocks.0.x": torch.tensor([1.0, torch.nan])}}, "STEblocks.0.x.*finite"),
        ({"model_pos": {"STEblocks": torch.zeros(2)}}, "Temporal_pos_embed"),
        ({"model_pos": {"STEblocks.0.x": torch.ones(1), "Temporal_pos_embed": torch.ones(1, 0, 3)}}, r"\(1, 0, 3\)"),
        ({"model_pos": {"evil\n\x1b[2Jkey": torch.zeros(2)}}, r"evil\\n"),
    ],
)
def test_dictionaries_without_such_weights_are_refused(content, named, tmp_path):
    assert re.search(named, refusal(saved(tmp_path / "w.pt", content)))


@pytest.mark.parametrize("zipped", [True, False])
def test_cut_short_anywhere(zipped, tmp_path):
    path = saved(tmp_path / "w.bin", published("mixste", random_network("mixste")), zipped)
    whole = path.read_bytes()
    for length in [0, 1, 10, 500, *np.linspace(600, len(whole) - 1, 30).astype(int)]:
        path.write_bytes(whole[:length])
        assert "cut short" in refusal(path)


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 64, b"PK\x03\x04nothing", "Größe\n".encode(), b"<html></html>", b"\x80\x02}q\0.", b"(i"]
)
def test_files_that_are_no_checkpoint(content, tmp_path):
    path = tmp_path / "w.bin"
    path.write_bytes(content)
    assert "no checkpoint" in refusal(path)


def test_random_bytes_and_flipped_bytes_never_crash(tmp_path):
    """Whatever damage does, it is either noticed in one line or lies in numbers that stay numbers."""
    path = saved(tmp_path / "w.bin", published("mixste", random_network("mixste", dim=8, depth=1)), zipped=False)
    whole = np.frombuffer(path.read_bytes(), np.uint8)
    head = 4000  # the pickles; numbers follow
    rng = np.random.default_rng(0)
    lines = []
    for _ in range(150):
        damaged = whole.copy()
        damaged[rng.integers(0, head, 3)] = rng.integers(0, 256, 3)
        path.write_bytes(damaged.tobytes())
        try:
            checkpoints.read(path)
        except RuntimeUnfitError as error:
            lines.append(str(error))
    assert len(lines) > 50
    assert all(line.isprintable() for line in lines)


def test_missing_files_and_folders(tmp_path):
    assert "No such file" in refusal(tmp_path / "w.bin")
    assert "directory" in refusal(tmp_path)


def test_storages_of_old_files_from_a_gpu(tmp_path):
    """Before torch 1.0 a tensor's memory was named after its device."""
    original = random_network("videopose3d")
    path = saved(tmp_path / "w.bin", published("videopose3d", original), zipped=False)
    content = path.read_bytes().replace(b"ctorch\nFloatStorage\n", b"ctorch.cuda\nFloatStorage\n")
    path.write_bytes(content.replace(b"X\x03\0\0\0cpu", b"X\x06\0\0\0cuda:0"))
    assert b"torch.cuda" in path.read_bytes()
    x = clip(SMALL["videopose3d"])
    assert torch.equal(checkpoints.to_network(checkpoints.read(path))(x), original(x))


def test_odd_inputs_are_x_y_and_confidence():
    """d-pt-243.bin: 17 points of three channels; the other published ones have two."""
    for channels, points in ((2, 17), (3, 17), (2, 15)):
        with torch.device("meta"):
            state = build("videopose3d", joints_in=points, channels_in=channels, widths=(3, 3), channels=8).state_dict()
        _, config, *_ = checkpoints.recognise(state)
        assert (config["joints_in"], config["channels_in"]) == (points, channels)


class Evil:
    """Creates a file when it is unpickled in the ordinary way."""

    def __init__(self, target, call=os.mkdir):
        self.call, self.target = call, target

    def __reduce__(self):
        return self.call, (str(self.target),)


HOSTILE = [
    ("posix.mkdir", os.mkdir),
    ("exec", exec),
    ("_io.open", open),
    ("torch.hub.load_state_dict_from_url", torch.hub.load_state_dict_from_url),
    ("numpy.load", np.load),
    ("numpy.genfromtxt", np.genfromtxt),
]


TRAPS = [
    (os.mkdir, "{0}", f"{os.mkdir.__module__}.mkdir"),
    (exec, "open({0!r}, 'w').write('caught')", "exec"),
    (os.system, "echo caught > '{0}'", f"{os.system.__module__}.system"),
]


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(("call", "command", "named"), TRAPS)
def test_a_pickle_that_runs_code_does_not_run_it(call, command, named, zipped, protocol, tmp_path):
    target, path = tmp_path / "created", tmp_path / "w.bin"
    trap = Evil(command.format(str(target)), call)
    saved(path, published("mixste", random_network("mixste"), random_state=trap), zipped, pickle_protocol=protocol)
    assert named in refusal(path)
    assert not target.exists()
    torch.load(path, weights_only=False)  # the trap is a real one
    assert target.exists()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_bare_pickle_that_runs_code_does_not_run_it(protocol, tmp_path):
    target, path = tmp_path / "created", tmp_path / "w.bin"
    path.write_bytes(pickle.dumps({"model_pos": Evil(target)}, protocol))
    assert f"{os.mkdir.__module__}.mkdir" in refusal(path)
    assert not target.exists()
    pickle.loads(path.read_bytes())
    assert target.is_dir()


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize(("name", "call"), HOSTILE)
def test_refused_globals_are_named(name, call, protocol, tmp_path):
    target = tmp_path / "created"
    line = refusal(saved(tmp_path / "w.bin", {"model_pos": Evil(target, call)}, pickle_protocol=protocol))
    assert name.rpartition(".")[2] in line
    assert "could run code" in line
    assert list(tmp_path.iterdir()) == [tmp_path / "w.bin"]


def test_a_whole_pickled_module_is_refused(tmp_path):
    line = refusal(saved(tmp_path / "w.pth", random_network("mixste")))
    assert "MixSTE" in line
    assert "state_dict" in line


@pytest.mark.parametrize("zipped", [True, False])
def test_numbers_of_numpy_beside_the_weights(zipped, tmp_path):
    """Seeds and generators are what numpy 2 writes into a random state; here they stand beside it."""
    original = random_network("mixste")
    extra = (np.float64(1), np.float32(2), np.arange(3), np.random.SeedSequence(5), np.random.MT19937, np.bool_(True))
    path = saved(
        tmp_path / "w.bin", published("mixste", original, random_state=(np.random.RandomState(), extra)), zipped
    )
    x = clip(SMALL["mixste"])
    assert torch.equal(checkpoints.to_network(checkpoints.read(path))(x), original(x))


@pytest.mark.parametrize(
    ("here", "there"),
    [
        (b"cnumpy.core.multiarray\n", b"cnumpy._core.multiarray\n"),  # numpy 2
        (b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n"),  # numpy 1
        (b"cnumpy.random._pickle\n__randomstate_ctor\n", b"cnumpy.random\n__RandomState_ctor\n"),  # before 1.17
    ],
)
def test_module_names_of_other_versions_of_numpy(here, there, tmp_path):
    original = random_network("mixste")
    path = saved(tmp_path / "w.bin", published("mixste", original, lr=np.float64(1e-4)), zipped=False)
    path.write_bytes(path.read_bytes().replace(here, there))
    x = clip(SMALL["mixste"])
    assert torch.equal(checkpoints.to_network(checkpoints.read(path))(x), original(x))


def test_nothing_of_numpy_is_made_or_called(tmp_path, monkeypatch):
    seen = []
    load = torch.load

    def spied(*arguments, **options):
        seen.append(load(*arguments, **options))
        return seen[0]

    content = published("mixste", random_network("mixste"), lr=np.float64(1), epoch=np.arange(3))
    path = saved(tmp_path / "w.bin", content)
    monkeypatch.setattr(torch, "load", spied)
    checkpoints.read(path)
    for name in ("lr", "epoch", "random_state"):
        assert type(seen[0][name]) is unpickle.Discarded
        assert vars(seen[0][name]) == {}


class Listed:
    """A class that some other module of the process has declared safe."""


def test_reading_takes_nobody_elses_allowed_names_and_leaves_them_as_they_were(tmp_path):
    path = saved(tmp_path / "w.bin", published("mixste", random_network("mixste"), epoch=Listed()))
    with torch.serialization.safe_globals([Listed]):
        before = set(torch.serialization.get_safe_globals())
        torch.load(saved(tmp_path / "other.bin", Listed()), weights_only=True)
        assert "Listed" in refusal(path)
        assert set(torch.serialization.get_safe_globals()) == before
    path = saved(path, published("mixste", random_network("mixste")))
    before = set(torch.serialization.get_safe_globals())
    checkpoints.read(path)
    assert set(torch.serialization.get_safe_globals()) == before
