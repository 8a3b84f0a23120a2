import csv
import subprocess
import sys

import numpy as np
import pytest

from video_to_armature.lifter.contract.protocol import Cancelled, InputError
from video_to_armature.lifter.contract.skeleton import BODY_27
from video_to_armature.lifter.models import weights
from video_to_armature.lifter.rays import BODY_SIZE, body_size
from video_to_armature.lifter.train.augment import make_batch
from video_to_armature.lifter.train.data import load_mocap
from video_to_armature.lifter.train.loop import run
from video_to_armature.lifter.train.recipe import prepare, read
from video_to_armature.lifter.train.variation import CLEAN, NOISY, SEEN, Variation

from .people import walking


@pytest.fixture(scope="module")
def mocap_file(tmp_path_factory):
    """Two walks in the training form."""
    path = tmp_path_factory.mktemp("mocap") / "walks.npz"
    clips = [np.round(walking(np.arange(n) / 30, speed) * 1000) for n, speed in ((120, 1.0), (90, 1.4))]
    delta = np.concatenate([np.concatenate([c[:1], np.diff(c, axis=0)]) for c in clips]).astype(np.int16)
    np.savez(
        path, delta=delta, start=np.array([0, 120]), length=np.array([120, 90]), clip_id=np.array(["a", "b"]),
        points=np.array(BODY_27.names), fps=np.full(2, 30.0),
    )  # fmt: skip
    return path


@pytest.fixture(scope="module")
def mocap(mocap_file):
    return load_mocap(mocap_file)


def test_training_form_is_read_exactly(mocap):
    np.testing.assert_allclose(mocap.joints[120:], walking(np.arange(90) / 30, 1.4), atol=2e-3)


@pytest.mark.parametrize(("key", "word"), [("points", "points"), ("fps", "fps"), ("delta", "delta")])
def test_a_wrong_file_is_named_with_what_it_lacks(mocap_file, tmp_path, key, word):
    with np.load(mocap_file) as z:
        record = {k: z[k] for k in z.files if k != key}
    np.savez(tmp_path / "bad.npz", **record)
    with pytest.raises(InputError, match=rf"bad\.npz.*{word}"):
        load_mocap(tmp_path / "bad.npz")


@pytest.mark.parametrize("variation", [CLEAN, NOISY, SEEN, Variation()])
def test_batches_are_whole_repeatable_and_of_one_size(mocap, variation):
    a, b = (make_batch(mocap, np.random.default_rng(5), 16, 27, 2.0, variation) for _ in range(2))
    np.testing.assert_array_equal(a.network_input, b.network_input)
    assert np.isfinite(a.network_input).all()
    assert np.isfinite(a.target).all()
    assert (a.network_input[..., 2] >= 0).all()
    assert (a.network_input[..., 2] <= 1).all()
    unseen = a.network_input[..., 2] == 0
    assert (a.network_input[unseen][:, :3] == 0).all()
    np.testing.assert_allclose(np.median(body_size(a.target), -1), BODY_SIZE, rtol=1e-4)
    assert np.abs(a.target[:, :, 0]).max() < 1e-6


def test_clean_input_is_the_picture_of_the_target(mocap):
    batch = make_batch(mocap, np.random.default_rng(1), 32, 27, 2.0, CLEAN)
    seen = batch.network_input[..., 2] > 0
    for axis in range(2):
        for x, y, ok in zip(batch.network_input[..., axis], batch.target[..., axis], seen, strict=True):
            x, y = x - x[:, :1], y - y[:, :1]
            assert np.corrcoef(x[ok], y[ok])[0, 1] > 0.96  # all but perspective


def test_mirrored_windows_keep_sides(mocap):
    """Whatever the mirror: seen from behind the nose, left is left (a swap of labels alone would break this)."""
    batch = make_batch(mocap, np.random.default_rng(2), 64, 9, 2.0, Variation(mirror=0.5, bone_sigma=0))
    at = BODY_27.index
    joints = batch.target
    across = joints[:, :, at("left_hip")] - joints[:, :, at("right_hip")]
    up = joints[:, :, at("thorax")] - joints[:, :, at("pelvis")]
    ahead = joints[:, :, at("nose")] - (joints[:, :, at("left_ear")] + joints[:, :, at("right_ear")]) / 2
    assert (np.einsum("bfi,bfi->bf", np.cross(across, up), ahead) > 0).all()


def test_bundled_recipe_trains_resumes_and_ships(mocap_file, tmp_path):
    for name in ("train_00", "val"):
        (tmp_path / f"{name}.npz").write_bytes(mocap_file.read_bytes())
    small = ["frames=9", "dim=32", "depth=1", "heads=2"]
    changes = [f"network.{c}" for c in small] + ["schedule.batch=16", "schedule.compile=false", "schedule.threads=1"]
    said = []

    def train(minutes, cancelled=lambda: False):
        recipe = read("bundled", [*changes, f"schedule.minutes={minutes}"])
        return run(*prepare(recipe, tmp_path), tmp_path / "run", said.append, cancelled)

    train(0.06)
    path = train(0.25)
    with pytest.raises(Cancelled):
        train(0.5, lambda: True)
    first, second = csv.DictReader((tmp_path / "run" / "log.csv").open())
    assert any(f"resumed at step {first['step']}" in line for line in said)
    assert int(second["step"]) > int(first["step"])
    assert float(second["clean_mpjpe"]) < 300  # of a body of 1.7 m; an untrained network is off by 400
    assert float(second["train_loss"]) < float(first["train_loss"])
    assert (tmp_path / "run" / "curves.png").read_bytes().startswith(b"\x89PNG")
    info = weights.describe(path)
    assert (info.config["frames"], info.fps, info.view) == (9, 15, "rays")
    weights.load(info)


ALONE = """
import sys
class NotHere:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"safetensors", "scipy", "mediapipe", "bpy", "cv2", "matplotlib"}:
            raise ModuleNotFoundError(f"No module named '{name}'", name=name)
sys.meta_path.insert(0, NotHere())
from video_to_armature.lifter.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


def test_trains_on_torch_and_numpy_alone_and_writes_the_weights_elsewhere(mocap_file, tmp_path):
    for name in ("train_00", "val"):
        (tmp_path / f"{name}.npz").write_bytes(mocap_file.read_bytes())
    command = ["train", "--data", tmp_path, "--folder", tmp_path / "run", "--minutes", "0.02", "--threads", "1"]
    for change in (
        "network.dim=16",
        "network.depth=1",
        "network.heads=2",
        "network.frames=9",
        "schedule.compile=false",
    ):
        command += ["--set", change]
    alone, whole = ([sys.executable, "-c", ALONE], [sys.executable, "-m", "video_to_armature.lifter"])
    far = subprocess.run([*alone, *map(str, command)], capture_output=True, text=True)
    assert far.returncode == 5
    assert "safetensors" in far.stderr
    assert "checkpoint.pt" in far.stderr
    assert not list((tmp_path / "run").glob("*.safetensors"))
    near = subprocess.run([*whole, *map(str, command)], capture_output=True, text=True)
    assert near.returncode == 0, near.stderr
    assert (tmp_path / "run" / "mixste_body27_side.safetensors").is_file()
