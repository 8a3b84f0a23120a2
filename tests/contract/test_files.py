"""Outputs are refused early, and a file has its final name only when it is whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from video_to_armature.lifter.contract.files import check_output, replacing
from video_to_armature.lifter.contract.protocol import OutputError


def test_the_file_appears_when_the_block_ends(tmp_path: Path) -> None:
    target = tmp_path / "motion.npz"
    with replacing(target) as part:
        part.write_text("new")
        assert part.parent == target.parent  # the same disk, or the renaming would be a copy
        assert part.suffix == target.suffix
        assert not target.exists()
    assert target.read_text() == "new"
    assert os.listdir(tmp_path) == ["motion.npz"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_failed_writer_leaves_the_old_file_and_nothing_else(tmp_path: Path, error: type[BaseException]) -> None:
    target = tmp_path / "motion.npz"
    target.write_text("old")

    def write() -> None:
        with replacing(target) as part:
            part.write_text("half")
            raise error

    with pytest.raises(error):
        write()
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["motion.npz"]


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is POSIX")
@pytest.mark.parametrize("old", [None, "old"])
def test_a_killed_writer_leaves_nothing_under_the_final_name(tmp_path: Path, old: str | None) -> None:
    target = tmp_path / "motion.npz"
    if old is not None:
        target.write_text(old)
    code = (
        "import os, pathlib, signal, sys\n"
        "from video_to_armature.lifter.contract.files import replacing\n"
        "with replacing(pathlib.Path(sys.argv[1])) as part:\n"
        "    part.write_text('half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(target)], check=False, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    assert (target.read_text() if target.exists() else None) == old


def test_a_writer_without_a_folder_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"), replacing(tmp_path / "nowhere" / "x.npz") as part:
        part.write_text("x")


def test_a_free_name_passes(tmp_path: Path) -> None:
    check_output(tmp_path / "new.npz", overwrite=False)


def test_an_existing_output_needs_overwrite(tmp_path: Path) -> None:
    target = tmp_path / "motion.npz"
    target.touch()
    with pytest.raises(OutputError, match="--overwrite"):
        check_output(target, overwrite=False)
    check_output(target, overwrite=True)


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_or_a_missing_folder_is_refused(tmp_path: Path, overwrite: bool) -> None:
    with pytest.raises(OutputError, match="is a folder"):
        check_output(tmp_path, overwrite)
    with pytest.raises(OutputError, match="does not exist"):
        check_output(tmp_path / "nowhere" / "x.npz", overwrite)


def test_a_folder_that_cannot_be_written_is_refused() -> None:
    unwritable = Path("/proc")  # even for root
    if not unwritable.is_dir():
        pytest.skip("no /proc here")
    with pytest.raises(OutputError), replacing(unwritable / "motion.npz") as part:
        part.write_text("x")
