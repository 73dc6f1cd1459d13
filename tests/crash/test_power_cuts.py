"""Nothing acknowledged is lost, and nothing is there in part, when the power fails at any operation of the file system."""

import os
import random
import signal
from pathlib import Path

import pytest
from tests.crash.power import Disk, missing
from tests.crash.work import Told, assert_kept, ended, in_a_child, lines_of

pytestmark = pytest.mark.skipif(bool(missing()), reason=f"no disk that loses power can be had here: {missing()}")


@pytest.fixture
def mount(tmp_path: Path) -> Path:
    path = tmp_path / "mount"
    path.mkdir()
    return path


def cut(folder: Path, mount: Path, seed: int, after: int, told: Told) -> bool:
    """Works on that disk until its power fails; whether it did before the work was done."""
    with Disk(folder, mount, seed, after):
        child, reader = in_a_child(mount / "data", seed, acts=6)
        try:
            for line in lines_of(reader):
                told.hear(line)
        finally:
            os.kill(child, signal.SIGKILL)
            failed = ended(child) != 0
            os.close(reader)
    return failed


def work_through(tmp_path: Path, mount: Path, cuts: int, seed: int, afresh_every: int) -> None:
    dice = random.Random(seed)
    failed, acknowledged, told, folder = 0, 0, Told(), tmp_path / "disk"
    for number in range(cuts):
        if number % afresh_every == 0:
            folder, told = tmp_path / f"disk-{number}", Told()
            folder.mkdir()
        before = told.lines
        # Most of it happens early: the folders, the keys, the tables. So small numbers come as often as large ones.
        after = int(10 ** dice.uniform(0.7, 3.3))
        failed += cut(folder, mount, seed * 100_000 + number, after, told)
        acknowledged += told.lines - before
        assert_kept(folder / "data", told)
    assert failed > cuts // 3, "many were cut at work"
    assert acknowledged > cuts, "and much was acknowledged before"


def test_the_disk_forgets_what_was_not_fsynced(tmp_path: Path, mount: Path) -> None:
    """A test that nothing is lost is worth as much as the disk loses."""
    folder = tmp_path / "disk"
    folder.mkdir()
    lost = set()
    for seed in range(20):
        with Disk(folder, mount, seed, 10_000):
            kept, name = mount / "kept", mount / f"written-{seed}"
            kept.write_bytes(b"old")
            with kept.open("r+b") as file:
                os.fsync(file.fileno())
            handle = os.open(mount, os.O_RDONLY)
            os.fsync(handle)
            os.close(handle)
            kept.write_bytes(b"new" * 1000)
            name.write_bytes(b"x" * 5000)
        left = (folder / "kept").read_bytes()
        lost.add("new" if left == b"new" * 1000 else "old" if left == b"old" else "torn")
        lost.add("a name" if not (folder / name.name).exists() else "no name")
        lost.add("content" if (folder / name.name).exists() and len((folder / name.name).read_bytes()) < 5000 else "no content")
    assert {"new", "old", "torn", "a name", "content"} <= lost


def test_a_few_dozen_power_cuts(tmp_path: Path, mount: Path) -> None:
    work_through(tmp_path, mount, cuts=36, seed=1, afresh_every=6)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_a_thousand_power_cuts(tmp_path: Path, mount: Path, part: int) -> None:
    work_through(tmp_path, mount, cuts=100, seed=10 + part, afresh_every=6)
