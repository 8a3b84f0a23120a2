"""Which build of PyTorch a machine is offered, and where environments of other Blenders are found."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from video_to_armature.addon import runtime, runtime_machine
from video_to_armature.addon.runtime_machine import Machine, builds, choose, uv_environment

LINUX, WINDOWS, MAC = Machine("Linux", "x86_64"), Machine("Windows", "AMD64"), Machine("Darwin", "arm64", "apple")


def nvidia(machine: Machine) -> Machine:
    return Machine(machine.system, machine.chip, "nvidia", "NVIDIA Something")


def test_a_graphics_card_comes_first_and_the_cpu_can_be_chosen() -> None:
    for machine in (nvidia(LINUX), nvidia(WINDOWS)):
        first = builds(machine, {})[0]
        assert (first.name, first.backend) == ("gpu", "auto")
        assert "PyTorch's own index" in first.source
        assert first.download_gb > 2
        assert choose(machine, "cpu", {}).backend == "cpu"
    assert builds(Machine("Linux", "x86_64", "amd", "AMD gfx1100"), {})[0].backend == "auto"


def test_without_a_card_the_small_build_is_taken_even_when_a_card_is_asked_for() -> None:
    for machine in (LINUX, WINDOWS):
        assert builds(machine, {})[0].backend == "cpu"  # plain torch on Linux would bring 2 GB of CUDA
        assert choose(machine, "gpu", {}).name == "cpu"
        assert builds(machine, {})[0].download_gb < 1
    assert [build.backend for build in builds(MAC, {})] == [""]


def test_an_index_of_the_users_own_is_left_to_say_what_torch_is() -> None:
    for name in ("UV_DEFAULT_INDEX", "UV_FIND_LINKS", "PIP_INDEX_URL", "PIP_FIND_LINKS"):
        assert [build.name for build in builds(nvidia(LINUX), {name: "/shelf"})] == ["index"]


def test_pips_settings_are_told_to_uv_unless_it_has_its_own() -> None:
    assert uv_environment({"PIP_INDEX_URL": "a"})["UV_DEFAULT_INDEX"] == "a"
    assert uv_environment({"PIP_INDEX_URL": "a", "UV_DEFAULT_INDEX": "b"})["UV_DEFAULT_INDEX"] == "b"
    assert uv_environment({"PIP_FIND_LINKS": "/one /two"})["UV_FIND_LINKS"] == "/one,/two"
    assert "PYTHONPATH" not in uv_environment({"PYTHONPATH": "x"})


@pytest.mark.parametrize(
    ("system", "chip", "fit"),
    [
        ("Linux", "x86_64", True),
        ("Windows", "AMD64", True),
        ("Darwin", "arm64", True),
        ("Darwin", "x86_64", False),  # torch has no wheels since 2.3
        ("Linux", "aarch64", False),  # mediapipe 0.10.21 has none
        ("Windows", "ARM64", False),
    ],
)
def test_machines_without_wheels_are_told_before_the_click(system: str, chip: str, fit: bool) -> None:
    assert (Machine(system, chip).unsupported == "") == fit
    assert fit or chip in Machine(system, chip).unsupported


@pytest.mark.skipif(os.name != "posix", reason="a shell script stands in for the driver's tool")
def test_the_drivers_tool_is_believed_only_when_it_succeeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "nvidia-smi"
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr("platform.system", lambda: "Linux")
    for script, gpu, name in (
        ("echo 'NVIDIA GeForce RTX 4070'; echo second", "nvidia", "NVIDIA GeForce RTX 4070"),
        ("echo 'NVIDIA-SMI has failed because it could not communicate'; exit 9", "", ""),
        ("exit 0", "", ""),
    ):
        tool.write_text(f"#!/bin/sh\n{script}\n")
        tool.chmod(0o755)
        found = runtime_machine.look()
        assert (found.gpu, found.gpu_name) == (gpu, name)


def test_environments_of_other_blender_versions_are_found(tmp_path: Path) -> None:
    inside = Path("extensions", ".user", "user_default", "video_to_armature", "runtime")
    for version in ("4.2", "4.5", "5.2"):
        (tmp_path / version / inside).mkdir(parents=True)
    root = tmp_path / "4.5" / "extensions" / "user_default" / "video_to_armature"
    found = [path.relative_to(tmp_path).parts[0] for path in runtime.made_folders(root)]
    assert found == ["4.5", "5.2", "4.2"]
    assert runtime.made_folders(tmp_path / "checkout") == []
