"""The recipe file: what the panel writes and batch.py reads, what overrides it, and what it says about mistakes."""

from __future__ import annotations

import random
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from video_to_armature.addon import flags, options, recipe
from video_to_armature.lifter.contract.protocol import InputError, OutputError, UsageError

from .conftest import ROOT, Outcome

RIG = ROOT / "demo" / "mh_mixamo.fbx"


def written(folder: Path, text: str) -> Path:
    path = folder / "recipe.toml"
    path.write_text(text, "utf-8")
    return path


def test_a_recipe_says_what_the_command_line_says(tmp_path: Path) -> None:
    text = f"""
        video = "film.mp4"
        rig = "{RIG}"
        armature = ["A b", "C"]
        smooth-hz = 6.5
        person = 2
        overwrite = true
        start-frame = -3
        limbs = "arms,head"
        fbx = "out.fbx"
        place = "-1,2,0.5"
    """
    path = written(tmp_path, text)
    said = options.parse(["--recipe", str(path)])
    film, out = tmp_path / "film.mp4", tmp_path / "out.fbx"
    wanted = options.parse(
        ["--video", f"{film}", "--rig", f"{RIG}", "--armature", "A b", "--armature", "C", "--smooth-hz", "6.5",
         "--person", "2", "--overwrite", "--start-frame=-3", "--limbs", "arms,head", "--fbx", f"{out}", "--place=-1,2,0.5"]
    )  # fmt: skip
    assert said == wanted
    assert said.worker == {"person": "2", "smooth-hz": "6.5"}


def test_flags_override_a_recipe(tmp_path: Path) -> None:
    text = 'video = "film.mp4"\narmature = ["A"]\nsmooth-hz = 6\nspeed = 2\nfbx = "o.fbx"\nmotion-out = "m.npz"\nroot = "root"'
    path = written(tmp_path, text)
    said = options.parse(["--armature", "B", "--speed", "3", f"--recipe={path}", "--root=object"])
    assert (said.armatures, said.keying.speed, said.root) == (("B",), 3.0, "object")
    motion = tmp_path / "walk.npz"
    said = options.parse(["--recipe", str(path), "--motion", str(motion)])  # what is for a video goes with it
    assert [clip.motions for clip in said.clips] == [(motion,)]
    assert (said.worker, said.motion_out, said.armatures) == ({}, None, ("A",))


def test_any_value_comes_back_as_it_was_written(tmp_path: Path) -> None:
    letters = [chr(i) for i in (*range(1, 0x7F), 0x7F, 0xE9, 0x1F600, 0x2028)]
    chosen = random.Random(7)
    texts = ["", '"', "\\", "a\nb", "C:\\Films\\new", *("".join(chosen.choices(letters, k=12)) for _ in range(200))]
    values: dict[str, recipe.Value] = {f"t{i}": text for i, text in enumerate(texts)}
    values |= {"n": 3, "x": -0.25, "big": 1e22, "tiny": 1e-07, "yes": True, "no": False, "list": texts[:5], "none": []}
    path = tmp_path / "recipe.toml"
    recipe.write(path, values)
    assert tomllib.loads(path.read_text("utf-8")) == values
    with pytest.raises(OutputError, match="exists already"):
        recipe.write(path, values)


def test_names_and_files_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text("")
    path = written(
        tmp_path, 'preset = "my.toml"\nmodel = "mixste_body27"\nmotion = ["a.npz", "/b.npz"]\nfbx = "sub/o.fbx"'
    )
    said = recipe.read(path, flags.parser())
    assert said["preset"] == str(tmp_path / "my.toml")
    assert said["model"] == "mixste_body27"
    assert said["motion"] == [str(tmp_path / "a.npz"), "/b.npz"]
    assert said["fbx"] == str(tmp_path / "sub" / "o.fbx")


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("smoth-hz = 8", UsageError, "'smoth-hz' is no option of a recipe; is 'smooth-hz' meant?"),
        ("xyzzy = 8", UsageError, "'xyzzy' is no option of a recipe; known are action, armature,"),
        ("[capture]\nheight = 1.7", UsageError, "'capture' is no option"),
        ('recipe = "other.toml"', UsageError, "'recipe' is no option"),
        ("overwrite = 1", UsageError, "'overwrite' must be true or false"),
        ("armature = [1]", UsageError, "'armature' must be a list of texts"),
        ("speed = [1]", UsageError, "'speed' must be one text or number"),
        ('speed = "fast"', UsageError, "invalid float value: 'fast'"),
        ('root = "sky"', UsageError, "invalid choice: 'sky'"),
        ("video = ", InputError, "is no recipe, TOML"),
    ],
)
def test_mistakes_are_named_in_one_line(text: str, error: type[Exception], said: str, tmp_path: Path) -> None:
    path = written(tmp_path, text)
    with pytest.raises(error) as caught:
        options.parse(["--recipe", str(path), "--report", "r.json"])
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_such_recipe_ends_the_batch_with_its_code(batch: Callable[..., Outcome], tmp_path: Path) -> None:
    outcome = batch("--recipe", tmp_path / "gone.toml", "--fbx", tmp_path / "o.fbx")
    assert outcome.code == 3
    assert outcome.error == f"error: {tmp_path / 'gone.toml'}: cannot be read (No such file or directory). " + (
        "Name a recipe that is there."
    )


def test_the_panel_and_batch_make_the_same_motion(
    script: Callable[..., Outcome], extension_zip: Path, motion_file: Path, tmp_path: Path
) -> None:
    outcome = script("recipe.py", extension_zip, motion_file, ROOT / "demo", tmp_path)
    found = outcome.result
    assert not outcome.own_warnings
    assert "Traceback" not in outcome.stderr
    assert found["grey"] == "Choose a video"
    assert found["unsaved"] == ["video", "armature"]
    assert found["wrote"]["video"] == "../walk.mp4"
    assert found["wrote"]["rig"] == "scene.blend"
    assert found["wrote"]["model"] == "../own.bin"
    assert found["left at default"] == ["place", "preset_file", "right_foot", "video"]
    assert found["back"] == {}
    assert found["defaults"] == {"export_path": ["", str(tmp_path / "work" / "walk.fbx")]}  # a recipe names one
    assert found["wrote"]["glb"] == "../out/cast.glb"
    assert found["fbx"]
    assert found["misfits"] == [
        "armature Nobody is not in this scene. Open the rig's file or correct 'armature'.",
        "'smooth-hz' is 'quick'. Give a number.",
        "'nonsense' is no option of a recipe",
    ]
    assert found["left for batch"] == ["FINISHED"]
    heads = {"fbx": "Kayd", "glb": "glTF", "bvh": "HIER", "usd": "PXR-"}
    assert found["exported"] == {kind: ["FINISHED", head] for kind, head in heads.items()}
    assert found["batch"] == 0, outcome.stderr
    assert found["frames"] == [found["frames"][0]] * 2
    assert found["off, m"] < 1e-5
