import pytest
import torch

from video_to_armature.lifter.models import build

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


def test_against_the_paper_written_out_plainly():
    """The same network as a list of steps without batching tricks: every frame, then every joint, on its own."""
    torch.manual_seed(0)
    network = build("mixste", **SMALL).double().eval()
    for p in network.parameters():
        torch.nn.init.normal_(p, std=0.3)
    s = network.state_dict()
    x = torch.randn(1, 9, 17, 2, dtype=torch.double)

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

    y = linear(x[0], "Spatial_patch_to_embedding") + s["Spatial_pos_embed"]
    for i in range(2):
        y = torch.stack([norm(block(frame, f"STEblocks.{i}"), "Spatial_norm") for frame in y])
        if i == 0:
            y = y + s["Temporal_pos_embed"][0][:, None]
        y = torch.stack([norm(block(y[:, j], f"TTEblocks.{i}"), "Temporal_norm") for j in range(17)], 1)
    y = linear(norm(y, "head.0", 1e-5), "head.1")
    torch.testing.assert_close(network(x)[0], y, atol=1e-10, rtol=0)


def test_training_and_inference_attention_agree():
    network = build("mixste", **SMALL)
    x = torch.randn(2, 9, 17, 2)
    torch.testing.assert_close(network.train()(x), network.eval()(x), atol=1e-5, rtol=0)


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
