import pytest
import torch

from video_to_armature.lifter.models import blocks, build

SMALL = {"frames": 9, "joints": 17, "channels_in": 2, "dim": 32, "depth": 2, "heads": 4}


@pytest.mark.parametrize(("frames", "parameters"), [(243, 33_783_811), (81, 33_700_867), (27, 33_673_219)])
def test_parameter_count_is_the_published_one(frames, parameters):
    assert sum(p.numel() for p in build("mixste", frames=frames).parameters()) == parameters


def test_keys_are_the_published_ones():
    keys = set(build("mixste", **SMALL).state_dict())
    block = [
        f"{part}.{kind}"
        for part in ("norm1", "norm2", "attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2")
        for kind in ("weight", "bias")
    ]
    expected = {f"{side}blocks.{i}.{key}" for side in ("STE", "TTE") for i in range(2) for key in block}
    for name in ("Spatial_patch_to_embedding", "Spatial_norm", "Temporal_norm", "head.0", "head.1"):
        expected |= {f"{name}.weight", f"{name}.bias"}
    assert keys == expected | {"Spatial_pos_embed", "Temporal_pos_embed"}


def test_layer_norm_epsilons():
    network = build("mixste", **SMALL)
    found = {name: m.eps for name, m in network.named_modules() if isinstance(m, torch.nn.LayerNorm)}
    assert found.pop("head.0") == 1e-5
    assert set(found.values()) == {1e-6}


def random_weights(**config):
    torch.manual_seed(0)
    network = build("mixste", **SMALL, **config).double().eval()
    for p in network.parameters():
        torch.nn.init.normal_(p, std=0.3)
    return network


def plainly(s, x, alternating=True):
    """The network as a list of steps without batching tricks for one clip x (F, J, C): every frame, then every joint,
    on its own."""

    def norm(y, name, eps=1e-6):
        return torch.nn.functional.layer_norm(y, y.shape[-1:], s[f"{name}.weight"], s[f"{name}.bias"], eps)

    def linear(y, name):
        return y @ s[f"{name}.weight"].T + s[f"{name}.bias"]

    def block(y, name):  # y (T, D)
        q, k, v = linear(norm(y, f"{name}.norm1"), f"{name}.attn.qkv").chunk(3, -1)
        heads = []
        for h in range(4):
            part = slice(8 * h, 8 * h + 8)
            heads.append(torch.softmax(q[:, part] @ k[:, part].T / 8**0.5, -1) @ v[:, part])
        y = y + linear(torch.cat(heads, -1), f"{name}.attn.proj")
        hidden = linear(norm(y, f"{name}.norm2"), f"{name}.mlp.fc1")
        hidden = hidden * 0.5 * (1 + torch.erf(hidden / 2**0.5))
        return y + linear(hidden, f"{name}.mlp.fc2")

    def over_joints(y, i):
        return torch.stack([norm(block(frame, f"STEblocks.{i}"), "Spatial_norm") for frame in y])

    def over_frames(y, i):
        if i == 0:
            y = y + s["Temporal_pos_embed"][0, : len(y), None]
        return torch.stack([norm(block(y[:, j], f"TTEblocks.{i}"), "Temporal_norm") for j in range(17)], 1)

    y = linear(x, "Spatial_patch_to_embedding") + s["Spatial_pos_embed"]
    if alternating:
        y = over_frames(over_joints(over_frames(over_joints(y, 0), 0), 1), 1)
    else:
        y = over_frames(over_frames(over_joints(over_joints(y, 0), 1), 0), 1)
    return linear(norm(y, "head.0", 1e-5), "head.1")


@pytest.mark.parametrize("gradients", [True, False])
@pytest.mark.parametrize(("alternating", "frames", "batch"), [(True, 9, 2), (True, 4, 1), (False, 9, 2)])
def test_against_the_paper_written_out_plainly(alternating, frames, batch, gradients):
    network = random_weights(alternating=alternating)
    x = torch.randn(batch, frames, 17, 2, dtype=torch.double)
    given, s = x.clone(), network.state_dict()
    with torch.set_grad_enabled(gradients):
        found = network(x)
    expected = torch.stack([plainly(s, clip, alternating) for clip in x])
    torch.testing.assert_close(found, expected, atol=1e-10, rtol=0)
    assert torch.equal(x, given)
    assert all(torch.equal(value, s[key]) for key, value in network.state_dict().items())


@pytest.mark.parametrize("name", ["mixste", "dstformer"])
def test_clips_that_run_one_by_one_give_what_they_give_together(name, monkeypatch):
    """On CPUs a batch is cut where its tensors would be larger than the memory allocator keeps."""
    config = SMALL if name == "mixste" else {**SMALL, "dim_rep": 16, "channels_in": 3}
    network, x = build(name, **config).eval(), torch.randn(5, 9, 17, config["channels_in"])
    together = network(x).detach()
    for clips in (1, 2, 5):
        monkeypatch.setattr(blocks, "LARGEST", clips * 9 * 17 * 3 * 32 * 4)
        with torch.no_grad():
            assert blocks.at_once(x, 32) == clips
            torch.testing.assert_close(network(x), together, atol=1e-5, rtol=0)
    assert blocks.at_once(x, 32) == 5  # with gradients all at once
    with torch.no_grad():
        assert network(x[:0]).shape == (0, 9, 17, 3)


def test_training_and_inference_attention_agree():
    network = build("mixste", **SMALL)
    x = torch.randn(2, 9, 17, 2)
    torch.testing.assert_close(network.train()(x), network.eval()(x), atol=1e-5, rtol=0)


def test_mixed_precision_needs_no_gradient():
    """The weights stay float32 beside numbers of bfloat16, with and without gradients: the same output."""
    network = build("mixste", **SMALL).eval()
    x = torch.randn(1, 9, 17, 2)
    with torch.autocast("cpu", torch.bfloat16):
        with torch.no_grad():
            found = network(x)
        assert torch.equal(found, network(x))
    torch.testing.assert_close(found.float(), network(x).detach(), atol=0.05, rtol=0)


def test_drop_path_skips_whole_rows_and_keeps_the_mean():
    """timm's DropPath on (B·F, J, D) and (B·J, F, D): a frame's or a joint's row of tokens at once, the rest scaled."""
    torch.manual_seed(0)
    y = torch.ones(50, 40, 30, 2)
    linear = torch.nn.Linear(2, 2)
    with torch.no_grad():
        linear.weight.copy_(torch.eye(2))
        linear.bias.zero_()
    for over_frames, rows in ((False, (0, 1)), (True, (0, 2))):
        added = blocks._add(torch.zeros_like(y), y, linear, over_frames, 0.25).detach()
        same = added.amax(tuple({1, 2, 3} - set(rows))) - added.amin(tuple({1, 2, 3} - set(rows)))
        assert same.abs().max() == 0
        assert added.unique().tolist() == pytest.approx([0, 1 / 0.75])
        assert added.mean() == pytest.approx(1, abs=0.05)


def test_drop_path_rises_with_depth_and_only_counts_in_training():
    config = {**SMALL, "depth": 5}
    network = build("mixste", **config, drop_path=0.1)
    assert network.drop_path == pytest.approx([0, 0.025, 0.05, 0.075, 0.1])
    assert set(network.state_dict()) == set(build("mixste", **config).state_dict())
    x = torch.randn(8, 9, 17, 2)
    assert torch.equal(network.eval()(x), network(x))
    assert not torch.equal(network.train()(x), network(x))


@pytest.mark.parametrize("shape", [(1, 10, 17, 2), (1, 9, 16, 2), (1, 9, 17, 3), (1, 0, 17, 2)])
def test_wrong_input_is_refused_with_its_shape(shape):
    with pytest.raises(ValueError, match=str(shape[1])):
        build("mixste", **SMALL)(torch.zeros(shape))


@pytest.mark.parametrize(
    ("name", "config"), [("mixte", {}), ("mixste", {"dims": 3}), ("mixste", {"dim": 30, "heads": 8})]
)
def test_build_refuses_what_it_does_not_know(name, config):
    with pytest.raises(ValueError, match=r"mixte|dims|30"):
        build(name, **config)
