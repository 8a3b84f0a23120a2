import tracemalloc

import numpy as np

from video_to_armature.lifter.cache import CHUNK, Cache, Detections


def detections(count, seed=0):
    rng = np.random.default_rng(seed)
    found = Detections()
    for i in range(count):
        people = rng.normal(size=(i % 3, 33, 3)).astype(np.float32)
        found.add(i, i / 30, people, rng.integers(0, 256, 192).astype(np.uint8))
        if i % 30 == 0:
            found.lines.append(np.c_[np.full(i % 7, i), rng.normal(size=(i % 7, 4))].astype(np.float32))
    return found


def same(a, b):
    assert a.indices == b.indices
    assert a.times == b.times
    for p, q in zip(a.people + a.looks, b.people + b.looks, strict=True):
        np.testing.assert_array_equal(p, q)
    np.testing.assert_array_equal(np.concatenate(a.lines), np.concatenate(b.lines))


def test_whole_clip_comes_back(tmp_path):
    found = detections(CHUNK + 40)
    Cache(tmp_path, "sha", 2).save(found, whole=True)
    again, whole = Cache(tmp_path, "sha", 2).load(33)
    assert whole
    same(again, found)


def test_a_killed_run_leaves_its_full_chunks_and_a_second_goes_on(tmp_path):
    found = detections(2 * CHUNK + 7)
    Cache(tmp_path, "sha").save(found, whole=False)
    cache = Cache(tmp_path, "sha")
    again, whole = cache.load(33)
    assert not whole
    assert len(again) == 2 * CHUNK
    for i in range(2 * CHUNK, 2 * CHUNK + 7):
        again.add(found.indices[i], found.times[i], found.people[i], found.looks[i])
        again.lines += [one for one in found.lines if len(one) and one[0, 0] == i]
    cache.save(again, whole=True)
    last, whole = Cache(tmp_path, "sha").load(33)
    assert whole
    same(last, found)


def test_other_settings_are_another_cache_and_damage_is_detected_again(tmp_path):
    Cache(tmp_path, "sha", 2).save(detections(CHUNK), whole=True)
    assert len(Cache(tmp_path, "sha", 3).load(33)[0]) == 0
    (chunk,) = tmp_path.glob("*/*.npz")
    chunk.write_bytes(chunk.read_bytes()[:100])
    assert len(Cache(tmp_path, "sha", 2).load(33)[0]) == 0


def test_damage_in_the_middle_is_not_taken_for_the_whole_clip(tmp_path):
    found = detections(2 * CHUNK + 40)
    Cache(tmp_path, "sha").save(found, whole=True)
    (next(tmp_path.iterdir()) / "000001.npz").write_bytes(b"junk")
    again, whole = Cache(tmp_path, "sha").load(33)
    assert not whole
    assert len(again) == CHUNK


def test_no_folder_keeps_nothing_and_a_folder_that_cannot_be_is_no_failure(tmp_path):
    Cache(None, "sha").save(detections(CHUNK), whole=True)
    (tmp_path / "file").touch()
    Cache(tmp_path / "file" / "below", "sha").save(detections(CHUNK), whole=True)
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


def test_an_hour_takes_the_bytes_of_its_keypoints_and_little_more(tmp_path):
    """Two people: 2 x 33 x 3 x 4 bytes a frame; what is read back is not kept twice."""
    found, frames = Detections(), 10 * CHUNK
    rng = np.random.default_rng(0)
    for i in range(frames):
        found.add(i, i / 30, rng.normal(size=(2, 33, 3)).astype(np.float32), rng.integers(0, 256, 192).astype(np.uint8))
    Cache(tmp_path, "sha").save(found, whole=True)
    tracemalloc.start()
    again, _ = Cache(tmp_path, "sha").load(33)
    taken, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(again) == frames
    assert taken / frames < 792 + 192 + 500
    assert peak - taken < 3 * CHUNK * (792 + 192 + 500)
