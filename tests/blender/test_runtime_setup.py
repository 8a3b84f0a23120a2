"""Making, repairing and removing the capture's environment: real uv, real environments, small wheels."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from video_to_armature.addon import runtime, runtime_folder, runtime_uv, runtime_verify
from video_to_armature.addon.runtime_folder import interpreter, state
from video_to_armature.addon.runtime_setup import Plan, Setup
from video_to_armature.lifter.contract.protocol import OutputError, RuntimeUnfitError

from .wheels import Index, make_wheel

BIG = 8_000_000  # bytes of the wheel that takes its time
LIMIT_S = 60.0
AWKWARD = "Benoît's ünïcode 文件夹 & more"  # a user's name, as it comes into paths


def run(plan: Plan, *, repair: bool = False) -> Setup:
    setup = Setup(plan, repair=repair).start()
    setup.wait(LIMIT_S)
    assert setup.done, f"{setup.label} did not end"
    return setup


def ready(plan: Plan, *, repair: bool = False) -> None:
    setup = run(plan, repair=repair)
    assert setup.error == "", plan.folder.joinpath("log.txt").read_text("utf-8")[-3000:]
    assert state(plan.folder, plan.lock) == "ready"


@pytest.fixture(scope="session")
def uv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The installer: the machine's, else fetched from the package index as a user's set-up does."""
    folder = tmp_path_factory.mktemp("uv")

    def tool(command: object, what: str) -> None:
        subprocess.run(command, check=True, capture_output=True)  # type: ignore[call-overload]

    return runtime_uv.find(folder) or runtime_uv.fetch(folder, tool, sys.executable)


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of wheels."""
    folder = tmp_path_factory.mktemp("wheels") / "my wheels é"
    folder.mkdir()
    make_wheel(folder, "v2a_small", "1.0")
    make_wheel(folder, "v2a_small", "2.0")
    make_wheel(folder, "v2a_big", "1.0", BIG)
    return folder


@pytest.fixture
def plan(uv: Path, shelf: Path, tmp_path: Path) -> Plan:
    """Offline, from the folder of wheels, whereto a path is awkward."""
    folder = tmp_path / AWKWARD / "runtime"
    (folder / "uv").mkdir(parents=True)
    shutil.copy(uv, folder / "uv" / runtime_uv.PROGRAM)
    lock = tmp_path / "lock.txt"
    lock.write_text("# versions\nv2a-small==1.0\nv2a_big==1.0\n")
    return Plan(folder, lock, wheels=shelf, disk_gb=0.02, modules=("v2a_small", "v2a_big"))


@pytest.fixture
def index(shelf: Path) -> Iterator[Index]:
    index = Index(shelf)
    yield index
    index.close()


def online(plan: Plan, index: Index, **more: str) -> Plan:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("UV_", "PIP_"))}
    return replace(plan, wheels=None, environment={**environment, "PIP_INDEX_URL": index.address, **more})


def imported(plan: Plan) -> str:
    code = "import v2a_small, v2a_big; print(v2a_small.VERSION, v2a_small.__file__)"
    return subprocess.run([interpreter(plan.folder), "-c", code], check=True, capture_output=True, text=True).stdout


def test_from_a_folder_of_wheels_without_a_network(plan: Plan) -> None:
    assert state(plan.folder, plan.lock) == "absent"
    ready(plan)
    assert imported(plan).startswith("1.0 ")
    assert str(plan.folder) in imported(plan)
    assert runtime.find(environment={}, made=[plan.folder]) == interpreter(plan.folder)
    assert runtime.python_version(interpreter(plan.folder)).startswith("3.11.")
    assert runtime_verify.versions(plan.env) == runtime_verify.pins(plan.lock)
    assert not (plan.folder / "cache").exists()
    made = (plan.env / "pyvenv.cfg").stat().st_mtime_ns
    ready(plan)  # again: finds all there
    assert (plan.env / "pyvenv.cfg").stat().st_mtime_ns == made
    assert "Installed" not in (plan.folder / "log.txt").read_text("utf-8")


def test_a_folder_that_lacks_a_wheel_is_told_which(plan: Plan) -> None:
    plan.lock.write_text("v2a_small==1.0\nv2a_gone==3.0\n")
    setup = run(plan)
    assert "lacks a wheel of v2a-gone for this system" in setup.error
    assert str(plan.wheels) in setup.error
    assert state(plan.folder, plan.lock) == "unfinished"
    with pytest.raises(RuntimeUnfitError):
        find_nothing_else(plan)


def find_nothing_else(plan: Plan) -> None:
    found = runtime.find(environment={}, made=[plan.folder])
    if found == runtime.in_environment(runtime.ROOT / ".venv"):
        raise RuntimeUnfitError("only the developer's")


def test_pips_index_is_used_and_a_cancelled_set_up_goes_on(plan: Plan, index: Index) -> None:
    plan, index.bytes_a_second = online(plan, index), BIG / 4
    setup = Setup(plan).start()
    while not index.asked["v2a_small"] and not setup.done:
        time.sleep(0.02)
    time.sleep(0.3)  # in the midst of the big one
    began = time.monotonic()
    setup.cancel()
    setup.wait(LIMIT_S)
    assert time.monotonic() - began < 1.0
    assert (setup.error, setup.cancelled) == ("", True)
    assert state(plan.folder, plan.lock) == "unfinished"
    assert processes_in(plan.folder) == []
    index.bytes_a_second = None
    ready(plan)
    assert imported(plan).startswith("1.0 ")
    assert dict(index.asked) == {"v2a_small": 1, "v2a_big": 1}  # what had come was not fetched again


def processes_in(folder: Path) -> list[str]:
    """Command lines that name the folder (Linux)."""
    lines = [_command_line(path) for path in Path("/proc").glob("[0-9]*/cmdline")]
    return [line for line in lines if str(folder) in line]


def _command_line(path: Path) -> str:
    try:
        return path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
    except OSError:
        return ""


def test_a_broken_connection_says_so_and_goes_on_later(plan: Plan, shelf: Path, index: Index) -> None:
    index.bytes_a_second = BIG / 4
    setup = Setup(online(plan, index, UV_HTTP_RETRIES="0")).start()
    while not index.asked["v2a_small"] and not setup.done:
        time.sleep(0.02)
    index.close()
    setup.wait(LIMIT_S)
    assert "the package index cannot be reached" in setup.error, setup.error
    assert "what has come is kept" in setup.error
    again = Index(shelf)
    try:
        ready(online(plan, again))
    finally:
        again.close()


def test_nothing_is_fetched_when_blender_is_offline(plan: Plan, index: Index) -> None:
    setup = run(replace(online(plan, index), online=False))
    assert setup.error
    assert index.requests == 0
    ready(replace(online(plan, index), wheels=plan.wheels))
    assert index.requests == 0


def test_no_installer_and_no_network_says_what_to_do(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(plan.folder / "uv")
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("HOME", str(plan.folder))
    assert "Allow online access" in run(replace(plan, online=False)).error


def test_the_installer_comes_out_of_the_folder_of_wheels(plan: Plan, uv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import zipfile

    shutil.rmtree(plan.folder / "uv")
    monkeypatch.setenv("HOME", str(plan.folder))
    monkeypatch.setenv("PATH", os.pathsep.join(p for p in os.environ["PATH"].split(os.pathsep) if ".cargo" not in p))
    mine = plan.folder.parent / "shelf"
    shutil.copytree(plan.wheels, mine)  # type: ignore[arg-type]
    with zipfile.ZipFile(mine / "uv-0.13.9-py3-none-any.whl", "w") as archive:
        archive.write(uv, f"uv-0.13.9.data/scripts/{runtime_uv.PROGRAM}")
    ready(replace(plan, wheels=mine, online=False))


def test_a_tampered_installer_is_refused(plan: Plan, tmp_path: Path) -> None:
    folder = tmp_path / "bad"
    folder.mkdir()
    make_wheel(folder, "uv", "0.13.9")
    index = Index(folder)
    command: list[str] = []

    def tool(given: object, what: str) -> None:
        command.extend(given)  # type: ignore[arg-type]
        environment = {
            **os.environ,
            "PIP_INDEX_URL": index.address,
            "PIP_FIND_LINKS": "",
            "PIP_CONFIG_FILE": os.devnull,
        }
        subprocess.run(command, check=True, capture_output=True, text=True, env=environment)

    try:
        with pytest.raises(subprocess.CalledProcessError) as caught:
            runtime_uv.fetch(tmp_path / "uv", tool, sys.executable)
    finally:
        index.close()
    assert "HASHES" in caught.value.stderr
    assert not (tmp_path / "uv" / runtime_uv.PROGRAM).exists()


def test_repair_mends_what_was_broken(plan: Plan) -> None:
    ready(plan)
    packages = next(plan.env.glob("lib/python*/site-packages"))
    for harm in ("changed", "missing", "half", "no list"):
        if harm == "changed":
            (packages / "v2a_small.py").write_text("VERSION = '6.6'\n")
        elif harm == "missing":
            (packages / "v2a_big_data.bin").unlink()
        elif harm == "half":
            with (packages / "v2a_big_data.bin").open("r+b") as stream:
                stream.truncate(BIG // 2)
        else:
            (packages / "v2a_small-1.0.dist-info" / "RECORD").unlink()
        ready(plan, repair=True)
        assert runtime_verify.damaged(plan.env) == [], harm
        assert imported(plan).startswith("1.0 "), harm
        assert (packages / "v2a_big_data.bin").stat().st_size == BIG, harm


def test_repair_makes_an_environment_anew_whose_python_is_gone(plan: Plan) -> None:
    ready(plan)
    interpreter(plan.folder).unlink()
    assert state(plan.folder, plan.lock) == "unfinished"
    ready(plan, repair=True)
    assert imported(plan).startswith("1.0 ")


def test_new_versions_in_the_lock_make_it_outdated(plan: Plan) -> None:
    ready(plan)
    plan.lock.write_text("v2a_small==2.0\nv2a_big==1.0\n")
    assert state(plan.folder, plan.lock) == "outdated"
    ready(plan)
    assert imported(plan).startswith("2.0 ")


def test_too_little_room_is_told_before_anything_is_fetched(plan: Plan) -> None:
    setup = run(replace(plan, disk_gb=1e6))
    assert "GB are free on that disk and 1000000.5 GB are needed" in setup.error
    assert not plan.env.exists()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=42m", "tmpfs", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("A FULL DISK WAS NOT TRIED: this user may not mount a small one")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def test_a_full_disk_says_so_and_the_set_up_goes_on_with_more_room(plan: Plan, small_disk: Path) -> None:
    shutil.copytree(plan.folder, small_disk / "runtime")  # uv is 38 MB of the 44
    tight = replace(plan, folder=small_disk / "runtime", disk_gb=0.0)
    setup = run(tight)
    assert "the disk is full" in setup.error, setup.error
    assert state(tight.folder, tight.lock) == "unfinished"
    subprocess.run(["mount", "-o", "remount,size=150m", small_disk], check=True)
    ready(tight)


def test_a_folder_that_cannot_be_written_is_told(plan: Plan) -> None:
    where = "/sys/v2a" if sys.platform == "linux" else "/dev/null/v2a"  # not even root may write there
    assert "/v2a: cannot be written" in run(replace(plan, folder=Path(where))).error


def test_two_blenders_do_not_set_up_at_once(plan: Plan) -> None:
    ready(plan)
    code = f"import fcntl, time; f = open({str(plan.folder / 'lock')!r}, 'ab'); fcntl.flock(f, 2); print(1, flush=True)"
    other = subprocess.Popen([sys.executable, "-c", f"{code}; time.sleep(600)"], stdout=subprocess.PIPE)
    assert other.stdout is not None
    other.stdout.readline()
    assert "another Blender is setting up there" in run(plan).error
    with pytest.raises(RuntimeUnfitError, match="another Blender"):
        runtime_folder.remove(plan.folder)
    other.kill()
    other.wait()
    ready(plan)


def test_remove_takes_away_what_was_made_and_nothing_else(plan: Plan) -> None:
    ready(plan)
    (plan.folder / "mine.txt").write_text("keep")
    runtime_folder.remove(plan.folder)
    assert [path.name for path in plan.folder.iterdir()] == ["mine.txt"]
    assert state(plan.folder, plan.lock) == "absent"
    runtime_folder.remove(plan.folder / "never made")


def test_packages_that_do_not_load_are_told(plan: Plan) -> None:
    setup = run(replace(plan, modules=("v2a_small", "v2a_none")))
    assert "lacks v2a_none" in setup.error
    assert state(plan.folder, plan.lock) == "unfinished"


def test_removing_what_cannot_be_removed_is_told(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    ready(plan)
    if subprocess.run(["chattr", "+i", plan.env / "pyvenv.cfg"], capture_output=True, check=False).returncode:
        pytest.skip("A FILE THAT CANNOT BE REMOVED WAS NOT TRIED: no chattr here")
    try:
        with pytest.raises(OutputError, match="cannot be removed"):
            runtime_folder.remove(plan.folder)
    finally:
        subprocess.run(["chattr", "-i", plan.env / "pyvenv.cfg"], check=True)
