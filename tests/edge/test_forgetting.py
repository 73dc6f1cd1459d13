"""Forgetting, proved: 500 vehicles pass, 5 lead to findings, and no byte that was written tells of the other 495.

Also after the program was killed at random moments. Plates are searched for in plain text, UTF-16, base64 at every alignment,
and hex, in upper and lower case.
"""

import base64
import json
import os
import random
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from clearway.envelope import key_id, load_public_key
from clearway.evidence.bundle import list_exhibits
from clearway.evidence.verify import verify
from clearway.testing.road import Road, film

SEED, VEHICLES, LISTED = 11, 500, 5
WATCHER = Path(__file__).with_name("watcher.py")


@pytest.fixture(scope="module")
def road() -> Road:
    return Road.busy(SEED, VEHICLES, starts_at=datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2))


@pytest.fixture(scope="module")
def clip(road: Road, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "road.mp4"
    film(road, path)
    return path


@pytest.fixture(scope="module")
def plates(road: Road) -> list[str]:
    """Every plate of the road once, those to be listed first; none of them is one character away from another."""
    every = [passage.plate for passage in road.passages]
    assert len(set(every)) == VEHICLES
    lonely = [plate for plate in every if not any(_differ_by_one(plate, other) for other in every)]
    listed = lonely[:: len(lonely) // LISTED][:LISTED]
    return listed + [plate for plate in every if plate not in listed]


def _differ_by_one(a: str, b: str) -> bool:
    return len(a) == len(b) and sum(x != y for x, y in zip(a, b, strict=True)) == 1


def traces(plate: str) -> set[bytes]:
    """Every form in which a plate may have been written."""
    found: set[bytes] = set()
    for text in (plate, plate.lower()):
        plain = text.encode()
        found |= {plain, text.encode("utf-16-le"), text.encode("utf-16-be"), plain.hex().encode(), plain.hex().upper().encode()}
        for before in range(3):
            # In base64 the first and last characters depend on the neighbours; what lies between does not.
            coded = base64.b64encode(b"\0" * before + plain).rstrip(b"=")
            found.add(coded[{0: 0, 1: 2, 2: 3}[before] : len(coded) - (1 if (before + len(plain)) % 3 else 0)])
    return found


def written(folder: Path) -> dict[str, bytes]:
    """Every byte under the folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def run(folder: Path, clip: Path, plates: list[str], *, kill_after_s: float | None) -> int:
    """Watches the road in a process whose every output goes to `folder`; returns its exit code."""
    for name in ("tmp", "home", "cwd"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC)
    issued, expires = (now - timedelta(days=1)).isoformat(), (now + timedelta(days=9)).isoformat()
    lines = [f"{plate},unknown,car,stolen,police,case-{n},{issued},{issued},{expires}" for n, plate in enumerate(plates[:LISTED])]
    (folder / "hotlist.csv").write_text("\n".join(["plate,region,class,reason,source,case,issued,verified,expires", *lines]))
    environment = os.environ | {"TMPDIR": str(folder / "tmp"), "HOME": str(folder / "home"), "PYTHONFAULTHANDLER": "1"}
    with (folder / "stdout").open("ab") as out, (folder / "stderr").open("ab") as err:
        command = [sys.executable, str(WATCHER), str(clip), str(SEED), str(folder / "data"), str(folder / "hotlist.csv")]
        watcher = subprocess.Popen(command, stdout=out, stderr=err, env=environment, cwd=folder / "cwd")
        try:
            return watcher.wait(timeout=kill_after_s)
        except subprocess.TimeoutExpired:
            watcher.kill()
            return watcher.wait()


def assert_forgotten(folder: Path, plates: list[str]) -> None:
    unlisted = re.compile(b"|".join(re.escape(trace) for plate in plates[LISTED:] for trace in traces(plate)))
    for name, content in written(folder).items():
        assert unlisted.search(content) is None, f"{name} tells of a vehicle that did nothing"


def assert_exhibits_whole(data: Path) -> int:
    public = load_public_key(data / "keys" / "clearway.pub")
    exhibits = list_exhibits(data)
    assert all(verify(path, {key_id(public): public}).passed for path in exhibits)
    return len(exhibits)


def test_the_search_finds_what_it_looks_for(tmp_path: Path) -> None:
    """A search that cannot find is no proof: each form is found where it was planted."""
    for n, planted in enumerate(
        [b"AB12CDE", "AB12CDE".encode("utf-16"), base64.b64encode(b"x:AB12CDE;"), b"ab12cde", b"AB12CDE".hex().encode()]
    ):
        (tmp_path / str(n)).write_bytes(b"before " + planted + b" after")
        with pytest.raises(AssertionError, match="did nothing"):
            assert_forgotten(tmp_path, ["-"] * LISTED + ["AB12CDE"])
        (tmp_path / str(n)).unlink()


def test_five_hundred_pass_and_five_are_kept(tmp_path: Path, clip: Path, plates: list[str]) -> None:
    assert run(tmp_path, clip, plates, kill_after_s=None) == 0, (tmp_path / "stderr").read_text()[-2000:]
    told = [json.loads(line)["plate"] for line in (tmp_path / "stdout").read_text().splitlines()]
    assert sorted(told) == sorted(plates[:LISTED])
    assert assert_exhibits_whole(tmp_path / "data") == LISTED
    assert f"{VEHICLES} vehicles passed, {VEHICLES} plates read" in (tmp_path / "stderr").read_text()
    assert_forgotten(tmp_path, plates)


def test_killed_at_random_moments(tmp_path: Path, clip: Path, plates: list[str]) -> None:
    dice = random.Random(3)
    killed = 0
    for _ in range(4):
        killed += run(tmp_path, clip, plates, kill_after_s=dice.uniform(1.5, 8.0)) != 0
        if (tmp_path / "data" / "keys" / "clearway.pub").exists():
            assert_exhibits_whole(tmp_path / "data")
        assert_forgotten(tmp_path, plates)
    assert killed, "at least one run was cut short"


def test_no_core_is_dumped() -> None:
    script = (
        "import ctypes, resource\n"
        "from clearway.edge.guard import leave_no_dump\n"
        "leave_no_dump()\n"
        "print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "(0, 0) 0", "no core file, and not dumpable"
