"""The list before a run: what is found when all is well, and the remedy for each thing that can be amiss."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from video_to_armature.addon import runtime, runtime_folder, runtime_verify, self_check
from video_to_armature.addon.self_check import Check, Facts, Item

ROOT = Path(__file__).resolve().parents[2]
VIDEO = ROOT / "demo" / "walk.mp4"
LIMIT_S = 60.0


def facts(tmp_path: Path, **more: object) -> Facts:
    given = {"video": VIDEO, "out": tmp_path / "out.npz", "named": sys.executable, "armature": "22 bones"}
    return Facts(**{**given, "environment": {}, **more})  # type: ignore[arg-type]


def looked(facts: Facts) -> dict[str, Item]:
    check = Check(facts).start()
    check.wait(LIMIT_S)
    assert check.done
    return {item.name: item for item in check.items}


def test_all_is_well_here(tmp_path: Path) -> None:
    check = Check(facts(tmp_path)).start()
    check.wait(LIMIT_S)
    names = [item.name for item in check.items]
    assert names == ["Armature", "Disk", "Network", "Python", "Packages", "Device", "Video"]
    assert check.failures == []
    assert check.interpreter == Path(sys.executable)
    found = {item.name: item.text for item in check.items}
    assert found["Video"] == "4.2 s, 1600 x 520, 30 fps"
    assert "torch 2.13.0, mediapipe 0.10.21" in found["Packages"]
    assert found["Device"]


def test_starting_and_cancelling_take_no_time(tmp_path: Path) -> None:
    began = time.monotonic()
    check = Check(facts(tmp_path)).start()
    assert time.monotonic() - began < 0.05
    time.sleep(0.1)
    check.cancel()
    check.wait(2.0)
    assert check.done


def test_nothing_set_up_offers_the_set_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "ROOT", tmp_path)  # no developer's .venv
    item = looked(facts(tmp_path, named=""))["Python"]
    assert (item.ok, item.operator) == (False, "v2a.set_up")


def test_a_named_interpreter_that_is_gone_leads_to_the_preferences(tmp_path: Path) -> None:
    found = looked(facts(tmp_path, named=str(tmp_path / "gone")))
    assert (found["Python"].ok, found["Python"].operator) == (False, "v2a.open_preferences")
    assert "no such interpreter" in found["Python"].text
    assert found["Python"].remedy == "Correct it."
    assert "Video" not in found


def bare_environment(folder: Path) -> Path:
    """A set-up folder whose environment has no packages, though it says it is ready."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "env"], check=True)
    (folder / "ready.json").write_text("{}")
    return folder


def test_packages_taken_away_offer_repair(tmp_path: Path) -> None:
    made = bare_environment(tmp_path / "runtime")
    item = looked(facts(tmp_path, named="", made=(made,)))["Packages"]
    assert (item.ok, item.operator, item.remedy) == (False, "v2a.repair", "Repair it.")
    assert item.text == "lacks numpy, torch, cv2, mediapipe, scipy, safetensors"
    named = looked(facts(tmp_path, named=str(made / "env")))["Packages"]
    assert named.operator == "v2a.open_preferences"
    assert "Install them there" in named.remedy


def test_other_versions_are_told_and_in_our_own_environment_mended(tmp_path: Path) -> None:
    made = tmp_path / "runtime"
    python = runtime_folder.interpreter(made)
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')  # this environment under another name
    python.chmod(0o755)
    lock = tmp_path / "lock.txt"
    pins = {**runtime_verify.pins(runtime_folder.LOCK), "scipy": "9.9.9"}
    lock.write_text("\n".join(f"{name}=={version}" for name, version in pins.items()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runtime_folder, "LOCK", lock)
        [own] = self_check.packages(python, facts(tmp_path, made=(made,)))
        named = self_check.packages(python, facts(tmp_path))[0]
    assert (own.ok, own.operator) == (False, "v2a.set_up")
    assert "for 9.9.9" in own.text
    assert (named.ok, "tested with other versions: scipy" in named.text) == (True, True)


@pytest.mark.parametrize("harm", ["one bit", "shorter", "gone"])
def test_damaged_weights_are_found(tmp_path: Path, harm: str) -> None:
    folder = tmp_path / "weights"
    shutil.copytree(ROOT / "lifter" / "weights", folder)
    assert self_check.weights(folder).ok
    victim = next(folder.glob("*_side.safetensors"))
    content = bytearray(victim.read_bytes())
    content[len(content) // 2] ^= 1
    victim.write_bytes(content if harm == "one bit" else content[:-1])
    if harm == "gone":
        victim.unlink()
    item = self_check.weights(folder)
    assert (item.ok, item.remedy) == (False, "Install the extension again.")
    assert str(victim) in item.text


def test_the_sums_are_of_the_weights_that_ship() -> None:
    listed = {line.split()[1] for line in self_check.SUMS.read_text().splitlines()}
    there = {path.name for path in self_check.WEIGHTS.glob("*.safetensors")}
    assert listed == there, (
        "after new weights: cd lifter/weights && sha256sum *.safetensors > ../../addon/weights.sha256"
    )
    assert self_check.weights().ok, "the same"


def test_a_network_of_ones_own_is_looked_at(tmp_path: Path) -> None:
    shipped = next(path for path in self_check.WEIGHTS.glob("*.safetensors") if not path.stem.endswith("_side"))
    for name, found in (("", "weights as shipped"), (shipped.stem, "weights as shipped"), (str(shipped), shipped.name)):
        item = self_check.network(name)
        assert (item.ok, item.text) == (True, found)
    text = tmp_path / "não é.bin"
    text.write_text("hello, this is no network")
    for name, words in (
        (str(text), "não é.bin holds no network"),
        (str(tmp_path / "gone.bin"), "gone.bin: No such file"),
    ):
        item = looked(facts(tmp_path, network=name))["Network"]
        assert (item.ok, words in item.text) == (False, True), item.text
        assert item.remedy == "Choose another file under Options, or none for the network that ships."
    assert not self_check.network(str(tmp_path)).ok  # a folder
    if os.name != "nt" and os.geteuid() != 0:
        text.chmod(0)
        assert "Permission denied" in self_check.network(str(text)).text


def test_no_video_and_no_such_video(tmp_path: Path) -> None:
    text = tmp_path / "not a video é.mp4"
    text.write_text("hello")
    item = self_check.video(Path(sys.executable), text)
    assert not item.ok
    assert "not a video é.mp4" in item.text
    assert item.remedy
    gone = self_check.video(Path(sys.executable), tmp_path / "gone.mp4")
    assert (gone.ok, gone.remedy) == (False, "Choose the video again.")


def test_a_disk_without_room_or_rights_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert self_check.disk(tmp_path / "new").ok
    monkeypatch.setattr(self_check, "LEAST_FREE_GB", 1e6)
    assert "Make room on the disk" in self_check.disk(tmp_path).remedy
    if os.path.isdir("/sys"):
        assert self_check.disk(Path("/sys/v2a")).remedy == "Make that folder writable."


def test_an_armature_that_does_not_fit_is_told(tmp_path: Path) -> None:
    item = self_check.armature(facts(tmp_path, armature_error="'Cube' has no bones. Choose another armature."))
    assert (item.ok, item.text, item.remedy) == (False, "'Cube' has no bones", "Choose another armature.")


def test_the_lock_is_what_the_project_is_tested_with() -> None:
    tested = runtime_verify.pins(ROOT / "requirements" / "constraints.txt")
    lock = runtime_verify.pins(runtime_folder.LOCK)
    assert lock.items() <= tested.items()
    assert set(self_check.TOLD) <= set(lock)
