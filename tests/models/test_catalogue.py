import pytest

from video_to_armature.lifter.models import catalogue


def test_every_entry_says_what_is_needed_to_run_it_and_may_be_done_with_it():
    models = catalogue.known()
    assert {m.network for m in models} == {"mixste", "dstformer", "videopose3d"}
    assert len({m.file for m in models}) == len({m.name for m in models}) == len(models) == 15
    for m in models:
        assert m.joints_in in ("H36M_17", "COCO_17")
        assert m.joints_out in ("H36M_17", "HUMANEVA_15")
        assert (m.view, m.units) in (("screen", "metres"), ("crop", "image"), ("crop", "none"))
        assert m.commercial_use == {"mixste": "unknown", "dstformer": "no", "videopose3d": "no"}[m.network]
        assert m.source.startswith("https://")
        assert all((m.licence, m.data, m.figures))


@pytest.mark.parametrize("model", catalogue.known(), ids=lambda m: m.file)
def test_files_are_found_by_the_authors_names(model):
    assert catalogue.by_file(f"/some/where/{model.file}") == model
    if "/" not in model.file:
        assert catalogue.by_file(model.file.upper()) == model


@pytest.mark.parametrize(
    ("path", "file"),
    [
        ("FT_MB_lite_MB_ft_h36m_global_lite.bin", "FT_MB_lite_MB_ft_h36m_global_lite/best_epoch.bin"),
        ("models/MB-release.pth", "MB_release/latest_epoch.bin"),
        ("a/pretrained_h36m_cpn/x.bin", "pretrained_h36m_cpn.bin"),
    ],
)
def test_other_ways_to_keep_the_names(path, file):
    found = catalogue.by_file(path)
    assert found is not None
    assert found.file == file


@pytest.mark.parametrize("path", ["best_epoch.bin", "runs/7/latest_epoch.bin", "MB_train_h36m_mine/x.bin", "", "x.bin"])
def test_other_names_say_nothing(path):
    assert catalogue.by_file(path) is None


def test_what_the_wild_checkpoint_reads():
    """The facts that a user trips over: raw COCO points, not H36M's; MotionBERT's units are not metres."""
    wild = catalogue.by_file("pretrained_h36m_detectron_coco.bin")
    bert = catalogue.by_file("FT_MB_release_MB_ft_h36m/best_epoch.bin")
    assert wild is not None
    assert bert is not None
    assert (wild.joints_in, wild.view, wild.units) == ("COCO_17", "screen", "metres")
    assert (bert.joints_in, bert.view, bert.units) == ("H36M_17", "crop", "image")
