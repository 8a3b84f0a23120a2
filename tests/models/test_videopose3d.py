import pytest
import torch

from video_to_armature.lifter.models import build
from video_to_armature.lifter.models.videopose3d import VideoPose3D

from .random_weights import randomise

SMALL = {"joints_in": 5, "channels_in": 2, "joints_out": 4, "widths": [3, 5, 3], "channels": 16}  # 45 frames
KINDS = [{}, {"causal": True}, {"dense": True}, {"causal": True, "dense": True}, {"widths": [7]}, {"widths": [1, 3]}]


def small(**config) -> VideoPose3D:
    network = build("videopose3d", **{**SMALL, **config})
    assert isinstance(network, VideoPose3D)
    return network


def random_weights(**config) -> VideoPose3D:
    """In double precision and eval mode, every number of the network random, running averages too."""
    network = small(**config).double().eval()
    randomise(network)
    return network


def clip(frames, batch=2):
    torch.manual_seed(1)
    return torch.randn(batch, frames, 5, 2, dtype=torch.double)


@pytest.mark.parametrize(
    ("config", "parameters"),
    [
        ({"widths": [3, 3, 3, 3, 3]}, 16_952_371),
        ({"widths": [3, 3, 3, 3]}, 12_753_971),
        ({"widths": [3, 3, 3]}, 8_555_571),
        ({"widths": [3, 3, 3, 3, 3], "causal": True}, 16_952_371),
        ({"joints_out": 1}, 16_952_371 - 16 * 3 * 1025),  # the trajectory model: 16 joints less in the last layer
        ({"widths": [3, 3, 3], "dense": True}, 8_555_571 + (7 - 3 + 19 - 3) * 1024**2),
    ],
)
def test_parameter_count_is_the_published_one(config, parameters):
    with torch.device("meta"):
        assert sum(p.numel() for p in build("videopose3d", **config).parameters()) == parameters


@pytest.mark.parametrize(("dense", "kernels"), [(False, (5, 3)), (True, (13, 31))])
def test_keys_and_shapes_are_the_published_ones(dense, kernels):
    shapes = {k: tuple(v.shape) for k, v in small(dense=dense).state_dict().items()}
    expected = {"expand_conv.weight": (16, 10, 3), "shrink.weight": (12, 16, 1), "shrink.bias": (12,)}
    for i, kernel in enumerate(kernels):
        expected |= {f"layers_conv.{2 * i}.weight": (16, 16, kernel), f"layers_conv.{2 * i + 1}.weight": (16, 16, 1)}
    for norm in ("expand_bn", "layers_bn.0", "layers_bn.1", "layers_bn.2", "layers_bn.3"):
        expected |= {f"{norm}.{kind}": (16,) for kind in ("weight", "bias", "running_mean", "running_var")}
        expected[f"{norm}.num_batches_tracked"] = ()
    assert shapes == expected


def plainly(network, x):
    """The paper's steps for one sequence x (F, J, C), frame by frame, without a convolution. Returns (F', J', 3).

    Each layer knows for which frames of the sequence it has values, so that a field is a question of arithmetic.
    """
    s = network.state_dict()

    def layer(values, times, weight, offsets, norm):
        """values[t] (D,) for t in times; the sum over offsets of weight[..., k] @ values[t + offsets[k]]."""
        new = {}
        for t in times:
            if all(t + offset in values for offset in offsets):
                y = sum(weight[:, :, k] @ values[t + offset] for k, offset in enumerate(offsets))
                y = (y - s[f"{norm}.running_mean"]) / torch.sqrt(s[f"{norm}.running_var"] + 1e-5)
                new[t] = torch.relu(y * s[f"{norm}.weight"] + s[f"{norm}.bias"])
        return new

    def offsets_of(width, step):
        field = range(0, width * step, step)
        if network.dense:
            field = range((width - 1) * step + 1)
        now = (width - 1) * step if network.causal else (width // 2) * step
        return [offset - now for offset in field]

    values = {t: frame.flatten() for t, frame in enumerate(x)}
    values = layer(values, range(len(x)), s["expand_conv.weight"], offsets_of(network.widths[0], 1), "expand_bn")
    step = network.widths[0]
    for i, width in enumerate(network.widths[1:]):
        offsets = offsets_of(width, step)
        wide = layer(values, range(len(x)), s[f"layers_conv.{2 * i}.weight"], offsets, f"layers_bn.{2 * i}")
        single = layer(wide, wide, s[f"layers_conv.{2 * i + 1}.weight"], [0], f"layers_bn.{2 * i + 1}")
        values = {t: values[t] + single[t] for t in single}
        step *= width
    poses = [s["shrink.weight"][:, :, 0] @ values[t] + s["shrink.bias"] for t in sorted(values)]
    return sorted(values), torch.stack(poses).view(len(values), -1, 3)


@pytest.mark.parametrize("config", KINDS)
def test_against_the_paper_written_out_plainly(config):
    network = random_weights(**config)
    F = network.receptive_field + 6
    x = clip(F)
    poses = network(x)
    assert poses.shape == (2, F - network.receptive_field + 1, 4, 3)
    for b in range(2):
        times, expected = plainly(network, x[b])
        torch.testing.assert_close(poses[b], expected, atol=1e-10, rtol=0)
        before, after = network.padding  # the poses are those of the frames which need no padding
        assert times == list(range(before, F - after))


@pytest.mark.parametrize(
    ("config", "field", "padding"),
    [
        ({"widths": [3, 3, 3, 3, 3]}, 243, (121, 121)),
        ({"widths": [3, 3, 3, 3, 3], "causal": True}, 243, (242, 0)),
        ({}, 45, (22, 22)),
        ({"dense": True, "causal": True}, 45, (44, 0)),
        ({"widths": [1]}, 1, (0, 0)),
    ],
)
def test_receptive_field_and_padding(config, field, padding):
    network = small(**config)
    assert (network.receptive_field, network.padding) == (field, padding)


@pytest.mark.parametrize("config", [k for k in KINDS if "dense" not in k])
def test_one_frame_form_gives_every_frame_of_the_sequence_form(config):
    network = random_weights(**config)
    field = network.receptive_field
    x = clip(field + 6, batch=1)
    windows = torch.cat([x[:, t : t + field] for t in range(7)])  # each frame's own field as a batch
    one_by_one = network(windows, one_frame=True)
    assert one_by_one.shape == (7, 1, 4, 3)
    torch.testing.assert_close(one_by_one[:, 0], network(x)[0], atol=1e-10, rtol=0)


def test_one_frame_form_trains_the_same_weights():
    """Without batch norm's averages (eval) both forms have the same gradient."""
    network = random_weights(dropout=0.0)
    x = clip(45)
    gradients = []
    for one_frame in (False, True):
        network.zero_grad()
        network(x, one_frame=one_frame).square().sum().backward()
        gradients.append([p.grad.clone() for p in network.parameters() if p.grad is not None])
    assert len(gradients[1]) == len(list(network.parameters()))
    for whole, short in zip(*gradients):
        assert whole.abs().max() > 0
        torch.testing.assert_close(short, whole, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("dense", [False, True])
def test_causal_poses_do_not_see_the_future_and_centred_ones_do(dense):
    x = clip(60, batch=1)
    changed = x.clone()
    changed[:, 50:] += 1
    for causal in (True, False):
        network = random_weights(causal=causal, dense=dense)
        before, after = network.padding

        def padded(y, before=before, after=after):
            return torch.cat([y[:, :1].expand(-1, before, -1, -1), y, y[:, -1:].expand(-1, after, -1, -1)], 1)

        moved = (network(padded(x)) - network(padded(changed))).abs().amax((0, 2, 3))
        assert moved.shape == (60,)  # padded at its ends, a sequence keeps its length
        assert (moved > 1e-9).nonzero()[0].item() == 50 - after


def test_a_causal_network_adds_its_newest_frame():
    """With every wide convolution silenced by its batch norm, what is left is the frame that the sums go on with."""
    for causal, now in ((True, 44), (False, 22)):
        network = random_weights(causal=causal)
        for i in (1, 3):
            for value in network.layers_bn[i].parameters():
                torch.nn.init.zeros_(value)
        x = clip(45, batch=1).requires_grad_()
        network(x).sum().backward()
        assert x.grad is not None
        touched = x.grad.abs().sum((0, 2, 3)).nonzero().flatten().tolist()
        assert touched == ([42, 43, 44] if causal else [21, 22, 23])
        assert now in touched


def test_dropout_only_in_training():
    network = random_weights(dropout=0.5)
    x = clip(45)
    assert torch.equal(network(x), network(x))
    network.train()
    assert not torch.equal(network(x), network(x))


@pytest.mark.parametrize("shape", [(1, 44, 5, 2), (1, 45, 4, 2), (1, 45, 5, 3), (45, 5, 2), (1, 0, 5, 2)])
def test_wrong_input_is_refused_with_both_shapes(shape):
    found = str(shape).replace("(", r"\(").replace(")", r"\)")
    with pytest.raises(ValueError, match=found + r".*45 or more, 5, 2"):
        small()(torch.zeros(shape))


def test_one_frame_form_takes_exactly_one_field_and_no_dense_network():
    with pytest.raises(ValueError, match=r"\(1, 46, 5, 2\).*\(B, 45, 5, 2\)"):
        small()(torch.zeros(1, 46, 5, 2), one_frame=True)
    with pytest.raises(ValueError, match="dense"):
        small(dense=True)(torch.zeros(1, 45, 5, 2), one_frame=True)


@pytest.mark.parametrize("widths", [[], [3, 4], [0], [-3]])
def test_widths_must_be_odd(widths):
    with pytest.raises(ValueError, match="widths"):
        build("videopose3d", widths=widths)
