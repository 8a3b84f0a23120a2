"""Who is asked for, who is who in a picture, cuts between scenes, and how a long search tells where it stands."""

import json
import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from video_to_armature.lifter import cache, cuts, info, people, pipeline, progress, who
from video_to_armature.lifter import video as videos
from video_to_armature.lifter.contract.protocol import Cancelled, NobodyFoundError, UsageError
from video_to_armature.lifter.keypoints import Keypoints

from . import clips

ROOT = Path(__file__).resolve().parents[2]
TALL, WIDE = 520, 340  # pixels of a tile that holds one walking woman


@pytest.fixture(scope="module")
def filmed():
    """The shipped clip's frames: a woman walks to the left."""
    capture, frames = cv2.VideoCapture(str(clips.WALK)), []
    while (read := capture.read())[0]:
        frames.append(read[1])
    return frames


@pytest.fixture(scope="module")
def walk(filmed):
    """(520, 340, 3) tiles that go with her."""
    left = [max(round(1140 - 9.9 * f), 0) for f in range(len(filmed))]
    return [frame[:, at : at + WIDE] for frame, at in zip(filmed, left, strict=True)]


def smaller(tile, scale=0.75):
    """The same tile, the woman smaller, at its foot."""
    small = cv2.resize(tile, None, fx=scale, fy=scale)
    out = np.repeat(np.repeat(tile[:1, :1], TALL, 0), WIDE, 1)
    left = (WIDE - small.shape[1]) // 2
    out[TALL - len(small) :, left : left + small.shape[1]] = small
    return out


def write(path, frames):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 30.0, frames[0].shape[1::-1])
    for frame in frames:
        writer.write(frame)
    writer.release()
    return path


@pytest.fixture(scope="module")
def two(walk, tmp_path_factory):
    """The woman, and beside her, smaller, as she was a moment later, in a mirror: 30 frames."""
    frames = [np.hstack([walk[f], smaller(walk[f + 20])[:, ::-1]]) for f in range(20, 50)]
    return write(tmp_path_factory.mktemp("two") / "two.mp4", frames)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


def detect(path, folder, **options):
    events = []
    run = progress.Run(events.append)
    return pipeline.detect(path, pipeline.Options(cache=folder, **options), run), events


@pytest.fixture(scope="module")
def everybody(two, kept):
    return detect(two, kept, person="all")[0]


def middle(one):
    return one.keypoints_px[..., 0].mean(1)


def test_everybody_is_found_once_the_largest_first(everybody):
    large, small = everybody
    assert [one.header["person"] for one in everybody] == [1, 2]
    assert np.isfinite(middle(large)).mean() >= 0.95
    assert np.isfinite(middle(small)).mean() >= 0.95
    assert np.nanmax(middle(large)) < WIDE < np.nanmin(middle(small))


@pytest.mark.parametrize(
    ("person", "number"), [("largest", 1), ("1", 1), ("2", 2), ("170,260,0.5", 1), ("500,350,0.9", 2)]
)
def test_one_of_them_after_all_is_not_detected_again(two, kept, everybody, person, number):
    [one], events = detect(two, kept, person=person)
    assert one.header["person"] == number
    np.testing.assert_array_equal(one.keypoints_px, everybody[number - 1].keypoints_px)
    told = [e.fields["rate"] for e in events if e.name == "progress" and e.fields["stage"] == "detect"]
    assert told == [0.0]


@pytest.mark.parametrize(
    ("person", "kind", "words"),
    [
        ("nobody", UsageError, "a click"),
        ("0", UsageError, "from 1"),
        ("170,260", UsageError, "X,Y,TIME"),
        ("170,260,nan", UsageError, "X,Y,TIME"),
        ("900,260,0.5", UsageError, "680x520"),
        ("170,260,7", UsageError, "lies outside the part"),
        ("3", NobodyFoundError, "only 2 people"),
        ("340,20,0.5", NobodyFoundError, r"Then in view: 1 at \d+,\d+, 2 at \d+,\d+\."),
    ],
)
def test_a_choice_that_cannot_be_is_refused_in_a_line(two, kept, everybody, person, kind, words):
    with pytest.raises(kind, match=words) as error:
        detect(two, kept, person=person)
    assert "\n" not in str(error.value)


def test_a_main_person_who_comes_when_two_bystanders_are_in_view_is_found(walk, tmp_path):
    """A detector that seeks two never sees her: it goes on with the two that it has."""
    nobody = np.full((TALL, WIDE, 3), 120, np.uint8)
    frames = [
        np.hstack([smaller(walk[f + 10]), walk[f] if f >= 8 else nobody, smaller(walk[f + 25])]) for f in range(55)
    ]
    [main], _ = detect(write(tmp_path / "three.mp4", frames), None)
    found = np.isfinite(middle(main))
    assert found[8:].mean() >= 0.95
    assert not found[:7].any()
    assert (np.abs(middle(main)[found] - 1.5 * WIDE) < WIDE / 2).all()


def test_a_cut_is_told_of_and_nobody_followed_over_it(filmed, tmp_path):
    frames = [frame[:, 560:1000] for frame in filmed[40:65]] + [frame[:, 540:100:-1] for frame in filmed[85:110]]
    both, events = detect(write(tmp_path / "cut.mp4", frames), None, person="all")
    [warning] = [e.fields["message"] for e in events if e.name == "warning"]
    assert re.match(r"the picture changes at 0\.8[34] s: .* --start, --end\.$", warning)
    for one in both:
        found = np.isfinite(middle(one))
        assert not (found[:25].any() and found[25:].any())


def texture(seed, size=1200):
    """(size, size, 3) something to look at, coarse and fine."""
    rng = np.random.default_rng(seed)
    layers = [cv2.resize(rng.uniform(0, 255, (n, n, 3)), (size, size)) for n in (4, 12, 60)]
    return np.mean(layers, 0)


def seen(pictures):
    return cuts.cuts([cuts.look(np.clip(picture, 0, 255).astype(np.uint8)) for picture in pictures])


def view(picture, x=0, y=0):
    return picture[200 + y : 560 + y, 200 + x : 840 + x]


def test_scenes_are_told_apart_to_the_frame():
    for seed in range(8):
        before, after = texture(2 * seed), texture(2 * seed + 1)
        assert seen([view(before, 3 * f) for f in range(20)] + [view(after, f) for f in range(20)]) == [20]


def test_camera_light_and_people_make_no_cut():
    picture, rng = texture(5), np.random.default_rng(0)
    assert seen([view(picture, 8 * f) for f in range(40)]) == []  # pan: 240 pixels a second of 640
    assert seen([view(picture, *rng.integers(-8, 9, 2)) for _ in range(40)]) == []  # shaken
    assert seen([view(picture) * (1 if f < 20 else 0.4) + (0 if f < 20 else 30) for f in range(40)]) == []  # exposure
    assert seen([np.full((360, 640, 3), 250.0) if f == 20 else view(picture) for f in range(40)]) == []  # flash
    leaping = [view(picture).copy() for _ in range(40)]
    for f, one in enumerate(leaping):
        one[20:340, (f % 7) * 80 : (f % 7) * 80 + 110] = (20, 30, 90)
    assert seen(leaping) == []
    assert seen([]) == []
    assert seen([view(picture)]) == []


def test_the_picture_shows_who_is_who(two, kept, everybody, tmp_path):
    found = people.find(videos.probe(two), pipeline.Options(cache=kept), progress.Run(lambda event: None))
    frames = who.best_frames(found)
    assert len(frames) == who.TILES
    assert sorted(set(frames)) == frames
    who.draw(found, tmp_path / "who.png", progress.Run(lambda event: None))
    sheet = cv2.imread(str(tmp_path / "who.png"))
    tall = round(TALL * who.WIDTH / (2 * WIDE))
    assert sheet.shape == (2 * tall, who.ACROSS * who.WIDTH, 3)
    for i in range(who.TILES):
        row, column = divmod(i, who.ACROSS)
        tile = sheet[row * tall : (row + 1) * tall, column * who.WIDTH : (column + 1) * who.WIDTH]
        for number, half in ((1, tile[:, : who.WIDTH // 2]), (2, tile[:, who.WIDTH // 2 :])):
            assert (half == who.COLOURS[number - 1]).all(-1).sum() > 300


def test_best_frames_show_everybody_once():
    """Five people who are in view one after the other."""
    tracks = [
        people.Track(np.arange(20 * i, 20 * i + 20), np.random.default_rng(i).random((20, 33, 3), np.float32), 200)
        for i in range(5)
    ]
    video = videos.Video(Path("none.mp4"), 640, 360, 30.0, 200)
    found = people.Found(video, {"first_frame": 0}, (), np.arange(200) / 30, [], tracks)
    shown = {i for i, one in enumerate(tracks) for f in who.best_frames(found) if one.found[f]}
    assert shown == set(range(5))


def test_a_person_has_the_lines_of_their_own_scene():
    seen = np.random.default_rng(0).random((20, 33, 3), np.float32)
    tracks = [people.Track(np.arange(a, a + 20), seen, 200) for a in (10, 70, 150)]
    lines = np.c_[np.arange(0, 200, 10), np.ones((20, 4))].astype(np.float32)
    header = {"fps": 30.0, "width": 640, "height": 360, "first_frame": 0}
    video = videos.Video(Path("none.mp4"), 640, 360, 30.0, 200)
    names = tuple(map(str, range(33)))
    found = people.Found(video, header, names, np.arange(200) / 30, [60, 140], tracks, None, lines)
    for number, frames in ((1, (0, 50)), (2, (60, 130)), (3, (140, 190))):
        own = found.keypoints(number).lines
        assert own is not None
        assert (own[0, 0], own[-1, 0]) == frames


def run_info(*arguments):
    command = [sys.executable, "-m", "lifter", "info", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


def test_info_draws_and_tells_clicks_that_choose(two, kept, everybody, tmp_path):
    done = run_info(two, "--who", tmp_path / "who.jpg", "--cache", kept)
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert (record["width"], record["height"], record["frames"]) == (680, 520, 30)
    assert [one["person"] for one in record["people"]] == [1, 2]
    assert cv2.imread(str(tmp_path / "who.jpg")) is not None
    for one in record["people"]:
        assert detect(two, kept, person=one["click"])[0][0].header["person"] == one["person"]
    for code, arguments in (
        (7, (two, "--who", tmp_path / "who.jpg")),
        (2, (two, "--who", tmp_path / "who.txt")),
    ):
        refused = run_info(*arguments)
        assert refused.returncode == code
        assert len(refused.stderr.strip().splitlines()) == 1


def test_info_of_keypoints_and_of_a_video(two, everybody, tmp_path):
    everybody[1].save(tmp_path / "k.npz")
    record = info.about(tmp_path / "k.npz")
    assert (record["frames"], record["points"], record["person"]) == (30, 33, 2)
    assert record["known_frames"] >= 29
    assert info.about(two) == {"file": str(two), "width": 680, "height": 520, "fps": 30.0, "frames": 30}
    with pytest.raises(UsageError, match="no video"):
        info.about_people(tmp_path / "k.npz", tmp_path / "w.png", pipeline.Options(), progress.Run(lambda event: None))


def test_a_search_that_was_stopped_goes_on_where_it_was(two, everybody, tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "CHUNK", 8)
    events = []
    stopping = progress.Run(events.append, lambda: len(list(tmp_path.glob("*/*.npz"))) >= 2)
    with pytest.raises(Cancelled):
        pipeline.detect(two, pipeline.Options(cache=tmp_path), stopping)
    again, events = detect(two, tmp_path, person="all")
    told = [e.fields for e in events if e.name == "progress" and e.fields["stage"] == "detect"]
    assert told[0]["done"] == 16
    for one, before in zip(again, everybody, strict=True):
        away = np.linalg.norm((one.keypoints_px - before.keypoints_px)[..., :2], axis=-1)
        assert np.nanmedian(away) < 3  # pixels: the detector began anew


class Clock:
    def __init__(self):
        self.now = 0.0

    def perf_counter(self):
        return self.now


def etas(speeds, total, done=0):
    """(seconds left as told, as it was) of a run that does `speeds` frames a second, one a second of its time."""
    clock, told = Clock(), []

    def tell(event):
        if event.name == "progress":
            told.append((clock.now, event.fields))

    with pytest.MonkeyPatch.context() as m:
        m.setattr(progress, "time", clock)
        run = progress.Run(tell)
        run.stage("detect")
        for _ in range(50 if done else 0):  # what the cache has is passed over
            clock.now += 1
            run.progress(done, total)
        for speed in speeds:
            for _ in range(speed):
                clock.now += 1 / speed
                done += 1
                run.progress(done, total)
    assert done == total
    return [(fields.get("eta"), clock.now - at, fields["done"]) for at, fields in told]


def test_seconds_left_are_true_to_a_fifth():
    steady = [(eta, left) for eta, left, _ in etas([20] * 300, 6000) if left > 1]
    assert all(eta == pytest.approx(left, rel=0.02, abs=0.2) for eta, left in steady[5:])
    resumed = [(eta, left) for eta, left, done in etas([20] * 300, 9000, 3000) if done > 3000 and left > 1]
    assert all(eta == pytest.approx(left, rel=0.02, abs=0.2) for eta, left in resumed[5:])


def test_seconds_left_follow_a_video_that_gets_slower():
    told = etas([30] * 200 + [10] * 600, 12000)
    late = [(eta, left) for eta, left, done in told if done > 7000 and left > 1]  # 100 s after the change
    assert len(late) > 1000
    assert all(eta == pytest.approx(left, rel=0.2) for eta, left in late)


def test_what_is_passed_over_tells_no_time():
    assert all(eta is None for eta, _, done in etas([20] * 10, 3200, 3000) if done == 3000)


def test_keypoints_hold_who_was_asked_for(everybody, tmp_path):
    everybody[0].save(tmp_path / "k.npz")
    assert Keypoints.load(tmp_path / "k.npz").header["person"] == 1
