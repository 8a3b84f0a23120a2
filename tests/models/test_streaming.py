import pytest
import torch

from video_to_armature.lifter.models import build
from video_to_armature.lifter.models.streaming import Stream
from video_to_armature.lifter.models.videopose3d import VideoPose3D

from .random_weights import randomise

SMALL = {"joints_in": 5, "channels_in": 2, "joints_out": 4, "widths": [3, 5, 3], "channels": 16}  # 45 frames
KINDS = [{}, {"causal": True}, {"dense": True}, {"causal": True, "dense": True}, {"widths": [7]}, {"widths": [1, 3]}]


def random_weights(**config) -> VideoPose3D:
    """In eval mode, every number of the network random, running averages too."""
    network = build("videopose3d", **{**SMALL, **config}).eval()
    assert isinstance(network, VideoPose3D)
    randomise(network)
    return network


def whole(network, x):
    """Every frame's pose at once, the ends held."""
    before, after = network.padding
    padded = torch.cat([x[:, :1].expand(-1, before, -1, -1), x, x[:, -1:].expand(-1, after, -1, -1)], 1)
    with torch.no_grad():
        return network(padded)


@pytest.mark.parametrize(("frames", "batch"), [(1, 1), (7, 2), (60, 1), (200, 2)])
@pytest.mark.parametrize("config", KINDS)
def test_a_frame_at_a_time_gives_the_whole_sequences_poses(config, frames, batch):
    network = random_weights(**config)
    x = torch.randn(batch, frames, 5, 2)
    stream = Stream(network)
    given = [stream.push(x[:, t : t + 1]) for t in range(frames)]
    poses = torch.cat([*given, stream.finish()], 1)
    expected = whole(network, x)
    assert poses.shape == expected.shape
    scale = expected.abs().max()
    torch.testing.assert_close(poses / scale, expected / scale, atol=1e-5, rtol=0)
    late = [0] * min(stream.look_ahead, frames) + [1] * max(frames - stream.look_ahead, 0)
    assert [g.shape[1] for g in given] == late  # a pose for every frame, look_ahead frames after it


def test_published_size_in_chunks_of_any_length():
    """The figure that the class states, at full size; a stream can be used for one clip after another."""
    network = random_weights(joints_in=17, joints_out=17, widths=[3, 3, 3, 3, 3], channels=64, causal=True)
    stream = Stream(network)
    assert stream.look_ahead == 0
    for lengths in ([1, 2, 300, 5], [600]):
        x = torch.randn(1, sum(lengths), 17, 2)
        poses = torch.cat([*map(stream.push, x.split(lengths, 1)), stream.finish()], 1)
        expected = whole(network, x)
        torch.testing.assert_close(poses / expected.abs().max(), expected / expected.abs().max(), atol=1e-5, rtol=0)


@pytest.mark.parametrize(("config", "frames"), [({}, 22), ({"causal": True}, 0), ({"widths": [3, 3, 3, 3, 3]}, 121)])
def test_look_ahead_is_the_latency_in_frames(config, frames):
    assert Stream(random_weights(**config)).look_ahead == frames


def test_a_causal_stream_does_not_know_the_future():
    network = random_weights(causal=True)
    x = torch.randn(1, 80, 5, 2)
    one, other = Stream(network), Stream(network)
    assert torch.equal(one.push(x[:, :50]), other.push(x[:, :50]))
    assert not torch.equal(one.push(x[:, 50:]), other.push(x[:, 50:] + 1))


def test_a_stream_leaves_the_network_alone_and_keeps_its_own_weights():
    network = random_weights()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    stream, x = Stream(network), torch.randn(1, 60, 5, 2)
    poses = stream.push(x)
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    stream.finish()
    for value in network.state_dict().values():
        torch.nn.init.zeros_(value)
    assert torch.equal(stream.push(x), poses)


@pytest.mark.parametrize("shape", [(1, 0, 5, 2), (1, 1, 4, 2), (1, 1, 5, 3), (5, 2)])
def test_wrong_input_is_refused_with_both_shapes(shape):
    found = str(shape).replace("(", r"\(").replace(")", r"\)")
    with pytest.raises(ValueError, match=found + r".*1 or more, 5, 2"):
        Stream(random_weights()).push(torch.zeros(shape))


def test_another_number_of_clips_midway_is_refused():
    stream = Stream(random_weights())
    stream.push(torch.zeros(2, 1, 5, 2))
    with pytest.raises(ValueError, match=r"\(1, 1, 5, 2\).*\(2, 1 or more"):
        stream.push(torch.zeros(1, 1, 5, 2))


def test_an_empty_clip_has_no_end():
    with pytest.raises(ValueError, match="no frame"):
        Stream(random_weights()).finish()
