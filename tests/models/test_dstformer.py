import math
from typing import TypeVar

import pytest
import torch
from torch.nn import functional

from video_to_armature.lifter.models import build
from video_to_armature.lifter.models.dstformer import DSTformer
from video_to_armature.lifter.models.heads import (
    ActionClass,
    ActionEmbed,
    MeshHead,
    OnBackbone,
    axis_angle,
    rotation_from_6d,
)

from .random_weights import randomise

SMALL = {"frames": 9, "joints": 17, "channels_in": 3, "dim": 32, "dim_rep": 24, "depth": 2, "heads": 4}
Network = TypeVar("Network", bound=torch.nn.Module)
HEAD = {"joints": 17, "dim_rep": 24, "hidden": 40}


def small(**config) -> DSTformer:
    network = build("dstformer", **{**SMALL, **config})
    assert isinstance(network, DSTformer)
    return network


def random_weights(network: Network) -> Network:
    """In double precision, every number of the network random, running averages too."""
    network = network.double().eval()
    randomise(network)
    return network


def weight_and_bias(*names):
    return {f"{name}.{kind}" for name in names for kind in ("weight", "bias")}


@pytest.mark.parametrize(("config", "parameters"), [({}, 42_466_317), ({"dim": 256, "mlp_ratio": 4}, 16_001_549)])
def test_parameter_count_is_the_published_one(config, parameters):
    with torch.device("meta"):
        assert sum(p.numel() for p in build("dstformer", **config).parameters()) == parameters


@pytest.mark.parametrize("fuse", [True, False])
def test_keys_and_shapes_are_the_published_ones(fuse):
    state = small(mlp_ratio=3, fuse=fuse).state_dict()
    parts = ("norm1_{}", "norm2_{}", "attn_{}.qkv", "attn_{}.proj", "mlp_{}.fc1", "mlp_{}.fc2")
    expected = {"pos_embed", "temp_embed"} | weight_and_bias("joints_embed", "norm", "pre_logits.fc", "head")
    for i in range(2):
        for axis in "st":
            for order in ("st", "ts"):
                expected |= weight_and_bias(*(f"blocks_{order}.{i}.{part.format(axis)}" for part in parts))
        if fuse:
            expected |= weight_and_bias(f"ts_attn.{i}")
    assert set(state) == expected
    shapes = {name: tuple(state[name].shape) for name in ("pos_embed", "temp_embed", "head.weight")}
    assert shapes == {"pos_embed": (1, 17, 32), "temp_embed": (1, 9, 1, 32), "head.weight": (3, 24)}
    assert state["blocks_st.0.mlp_s.fc1.weight"].shape == (96, 32)
    assert state["pre_logits.fc.weight"].shape == (24, 32)
    if fuse:
        assert state["ts_attn.0.weight"].shape == (2, 64)


def test_every_layer_norm_has_the_published_epsilon():
    norms = [m for m in small().modules() if isinstance(m, torch.nn.LayerNorm)]
    assert len(norms) == 2 * 2 * 4 + 1
    assert {m.eps for m in norms} == {1e-6}


def plainly(s, x, fuse):
    """The paper's steps for one clip x (F, J, C): every frame, then every joint, on its own. Returns (F, J, R)."""

    def norm(y, name):
        return functional.layer_norm(y, y.shape[-1:], s[f"{name}.weight"], s[f"{name}.bias"], 1e-6)

    def linear(y, name):
        return y @ s[f"{name}.weight"].T + s[f"{name}.bias"]

    def block(y, name, axis):  # y (T, D)
        q, k, v = linear(norm(y, f"{name}.norm1_{axis}"), f"{name}.attn_{axis}.qkv").chunk(3, -1)
        heads = []
        for h in range(4):
            part = slice(8 * h, 8 * h + 8)
            heads.append(torch.softmax(q[:, part] @ k[:, part].T / 8**0.5, -1) @ v[:, part])
        y = y + linear(torch.cat(heads, -1), f"{name}.attn_{axis}.proj")
        hidden = linear(norm(y, f"{name}.norm2_{axis}"), f"{name}.mlp_{axis}.fc1")
        hidden = hidden * 0.5 * (1 + torch.erf(hidden / 2**0.5))
        return y + linear(hidden, f"{name}.mlp_{axis}.fc2")

    def spatial(y, name):
        return torch.stack([block(frame, name, "s") for frame in y])

    def temporal(y, name):
        return torch.stack([block(y[:, j], name, "t") for j in range(y.shape[1])], 1)

    y = linear(x, "joints_embed") + s["pos_embed"] + s["temp_embed"][0, : len(x)]
    for i in range(2):
        st = temporal(spatial(y, f"blocks_st.{i}"), f"blocks_st.{i}")
        ts = spatial(temporal(y, f"blocks_ts.{i}"), f"blocks_ts.{i}")
        y = (st + ts) / 2
        if fuse:
            a, b = linear(torch.cat([st, ts], -1), f"ts_attn.{i}").exp().unbind(-1)
            y = (a / (a + b))[..., None] * st + (b / (a + b))[..., None] * ts
    return torch.tanh(linear(norm(y, "norm"), "pre_logits.fc"))


@pytest.mark.parametrize(("fuse", "frames"), [(True, 9), (True, 4), (True, 1), (False, 9)])
def test_against_the_paper_written_out_plainly(fuse, frames):
    network = random_weights(small(fuse=fuse))
    s = network.state_dict()
    x = torch.randn(2, frames, 17, 3, dtype=torch.double)
    expected = torch.stack([plainly(s, clip, fuse) for clip in x])
    torch.testing.assert_close(network.representation(x), expected, atol=1e-10, rtol=0)
    poses = expected @ s["head.weight"].T + s["head.bias"]
    torch.testing.assert_close(network(x), poses, atol=1e-10, rtol=0)


def test_training_and_inference_attention_agree():
    network = random_weights(small())
    x = torch.randn(2, 9, 17, 3, dtype=torch.double)
    torch.testing.assert_close(network.train()(x), network.eval()(x), atol=1e-10, rtol=0)


def test_fresh_fusion_is_the_mean_of_the_two_orders():
    fused, halved = small().eval(), small(fuse=False).eval()
    halved.load_state_dict({k: v for k, v in fused.state_dict().items() if not k.startswith("ts_attn")})
    x = torch.randn(1, 9, 17, 3)
    torch.testing.assert_close(fused(x), halved(x), atol=1e-5, rtol=0)


@pytest.mark.parametrize("shape", [(1, 10, 17, 3), (1, 9, 16, 3), (1, 9, 17, 2), (1, 0, 17, 3), (9, 17, 3)])
def test_wrong_input_is_refused_with_both_shapes(shape):
    expected = str(shape).replace("(", r"\(").replace(")", r"\)") + r".*1\.\.9, 17, 3"
    with pytest.raises(ValueError, match=expected):
        small()(torch.zeros(shape))


def test_dim_must_be_a_multiple_of_heads():
    with pytest.raises(ValueError, match=r"30.*8"):
        build("dstformer", dim=30, heads=8)


def with_batch_norm(s, y, name):
    y = (y - s[f"{name}.running_mean"]) / torch.sqrt(s[f"{name}.running_var"] + 1e-5)
    return torch.relu(y * s[f"{name}.weight"] + s[f"{name}.bias"])


def test_action_heads_against_the_paper_written_out_plainly():
    """Mean over time, then over people; class: perceptron with batch norm; embedding: linear, to unit length."""
    backbone = small()
    classify = random_weights(OnBackbone(backbone, ActionClass(classes=5, **HEAD)))
    embed = random_weights(OnBackbone(backbone, ActionEmbed(**HEAD)))
    x = torch.randn(2, 3, 4, 17, 3, dtype=torch.double)
    for network in (classify, embed):
        s = {k.removeprefix("head."): v for k, v in network.state_dict().items() if k.startswith("head.")}
        clips = []
        for people in x:
            each = [torch.stack([f.flatten() for f in backbone.representation(p[None])[0]]).sum(0) / 4 for p in people]
            clips.append(torch.stack(each).sum(0) / 3)
        y = torch.stack(clips) @ s["fc1.weight"].T + s["fc1.bias"]
        if network is classify:
            y = with_batch_norm(s, y, "bn") @ s["fc2.weight"].T + s["fc2.bias"]
        else:
            y = y / (y * y).sum(-1, keepdim=True).sqrt()
        torch.testing.assert_close(network(x), y, atol=1e-10, rtol=0)


def test_mesh_head_against_the_paper_written_out_plainly():
    backbone = small()
    network = random_weights(OnBackbone(backbone, MeshHead(**HEAD)))
    s = {k.removeprefix("head."): v for k, v in network.state_dict().items() if k.startswith("head.")}
    x = torch.randn(2, 4, 17, 3, dtype=torch.double)
    body = network(x)
    assert body.rotations.shape == (2, 4, 24, 3, 3)
    assert body.shape.shape == (2, 10)
    for b in range(2):
        features = backbone.representation(x[b : b + 1])[0].reshape(4, -1)
        hidden = with_batch_norm(s, features @ s["fc1.weight"].T + s["fc1.bias"], "bn1")
        six = s["init_pose"][0] + hidden @ s["head_pose.weight"].T + s["head_pose.bias"]
        hidden = with_batch_norm(s, (features.sum(0) / 4)[None] @ s["fc2.weight"].T + s["fc2.bias"], "bn2")
        shape = s["init_shape"] + hidden @ s["head_shape.weight"].T + s["head_shape.bias"]
        torch.testing.assert_close(body.shape[b], shape[0], atol=1e-10, rtol=0)
        for f in range(4):
            for j in range(24):
                numbers = six[f, 6 * j : 6 * j + 6]  # x0 y0 x1 y1 x2 y2 of the two columns x, y
                one, two = numbers[0::2], numbers[1::2]
                one = one / one.norm()
                two = two - one.dot(two) * one
                two = two / two.norm()
                expected = torch.stack([one, two, torch.linalg.cross(one, two)], 1)
                torch.testing.assert_close(body.rotations[b, f, j], expected, atol=1e-10, rtol=0)


def test_head_keys_and_shapes_are_the_published_ones():
    def shapes(module):
        return {k: tuple(v.shape) for k, v in module.state_dict().items() if not k.endswith("num_batches_tracked")}

    def linear(name, inputs, outputs):
        return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}

    def batch_norm(name):
        return {f"{name}.{kind}": (2048,) for kind in ("weight", "bias", "running_mean", "running_var")}

    fc1, fc2 = linear("fc1", 17 * 512, 2048), linear("fc2", 17 * 512, 2048)
    with torch.device("meta"):
        assert shapes(ActionClass()) == fc1 | batch_norm("bn") | linear("fc2", 2048, 60)
        assert shapes(ActionEmbed()) == fc1
        assert shapes(MeshHead()) == (
            fc1 | fc2 | batch_norm("bn1") | batch_norm("bn2") | linear("head_pose", 2048, 144)
            | linear("head_shape", 2048, 10) | {"init_pose": (1, 144), "init_shape": (1, 10)}
        )  # fmt: skip
    keys = OnBackbone(small(), ActionEmbed(**HEAD)).state_dict()
    assert {"backbone.joints_embed.weight", "head.fc1.weight"} <= set(keys)


def test_fresh_mesh_head_starts_near_no_rotation():
    torch.manual_seed(0)
    body = MeshHead(**{**HEAD, "hidden": 2048}).eval()(torch.rand(1, 3, 17, 24))
    torch.testing.assert_close(body.rotations, torch.eye(3).expand_as(body.rotations), atol=0.05, rtol=0)


@pytest.mark.parametrize("shape", [(1, 4, 17, 3, 24), (1, 4, 16, 24), (1, 4, 17, 23), (1, 0, 17, 24)])
def test_heads_refuse_other_representations_with_the_shapes(shape):
    with pytest.raises(ValueError, match=rf"{shape[-1]}.*17, 24"):
        MeshHead(**HEAD)(torch.zeros(shape))


@pytest.mark.parametrize("head", [ActionClass, ActionEmbed])
def test_action_heads_need_the_people(head):
    with pytest.raises(ValueError, match=r"\(1, 4, 17, 24\).*\(B, P, F, 17, 24\)"):
        head(**HEAD)(torch.zeros(1, 4, 17, 24))


def rotations_of(vectors):
    """exp of the cross-product matrices of (N, 3)."""
    x, y, z = vectors.unbind(-1)
    zero = torch.zeros_like(x)
    return torch.linalg.matrix_exp(torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).view(-1, 3, 3))


def test_axis_angle_is_the_logarithm_of_the_rotation():
    torch.manual_seed(0)
    axes = functional.normalize(torch.randn(300, 3, dtype=torch.double), dim=-1)
    angles = torch.linspace(0, math.pi - 1e-4, 300, dtype=torch.double)
    vectors = axes * angles[:, None]
    vectors[1] = axes[1] * 1e-9
    torch.testing.assert_close(axis_angle(rotations_of(vectors)), vectors, atol=1e-9, rtol=0)


def test_axis_angle_of_half_turns_and_of_no_turn():
    torch.manual_seed(0)
    axes = torch.cat([torch.eye(3, dtype=torch.double), torch.randn(50, 3, dtype=torch.double)])
    half_turns = rotations_of(functional.normalize(axes, dim=-1) * math.pi)
    torch.testing.assert_close(rotations_of(axis_angle(half_turns)), half_turns, atol=1e-9, rtol=0)
    assert torch.equal(axis_angle(torch.eye(3)), torch.zeros(3))


def test_six_numbers_make_a_rotation_and_a_rotation_is_kept():
    torch.manual_seed(0)
    rotations = rotation_from_6d(torch.randn(100, 3, 2, dtype=torch.double))
    eye = torch.eye(3, dtype=torch.double).expand(100, 3, 3)
    torch.testing.assert_close(rotations @ rotations.transpose(1, 2), eye, atol=1e-10, rtol=0)
    torch.testing.assert_close(torch.linalg.det(rotations), torch.ones(100, dtype=torch.double), atol=1e-10, rtol=0)
    torch.testing.assert_close(rotation_from_6d(rotations[..., :2]), rotations, atol=1e-10, rtol=0)


def test_gradients_reach_every_weight_and_stay_finite_at_no_rotation():
    network = OnBackbone(small(), MeshHead(**HEAD))
    body = network(torch.randn(2, 4, 17, 3))
    (body.axis_angle().sum() + body.shape.sum()).backward()
    without = [n for n, p in network.named_parameters() if p.grad is None and not n.startswith("backbone.head")]
    assert without == []
    assert all(p.grad.isfinite().all() for p in network.parameters() if p.grad is not None)
    still = torch.eye(3).requires_grad_()
    axis_angle(still).sum().backward()
    assert still.grad is not None
    assert still.grad.isfinite().all()
