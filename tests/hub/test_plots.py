"""A tally's page says what its table says, leaves out what that leaves out, and needs nothing from elsewhere."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from clearway.cli.tally import _write
from clearway.facts import Kind
from clearway.hub.plots import tally_page
from clearway.track.tally import CELL_MIN, Cell, Near, Table

AT = datetime(2026, 11, 23, 7, tzinfo=UTC)


def table(quarters: int = 8) -> Table:
    dice = np.random.default_rng(3)
    cells = []
    for n in range(quarters):
        for lane in ("left", "<b>right</b>"):
            count = int(dice.integers(20, 120)) if n != 3 else None
            speeds = (31.0 + n, 43.0, 52.0) if count else None
            cells.append(Cell(AT + n * timedelta(minutes=15), lane, Kind.VEHICLE, count, speeds))
    near = (Near("vehicle and person", "time to collision", 1.5, None), Near("vehicle and vehicle", "time to collision", 1.5, 7))
    return Table(tuple(cells), near, {"outside the crossings": 312.5, "on the crossings": None}, 7200.0)


def test_the_page_says_what_the_table_says() -> None:
    told = table()
    page = tally_page(told, "the view", "north-gate", AT, ["A note."])
    assert "<script" not in page and "http" not in page.replace("http-equiv", "") and "<b>right" not in page
    assert page.count("<svg") == 4 and "A note." in page and "312.5" in page
    bars = re.findall(r'class="bar".*?height="([\d.]+)"', page)
    counts = [cell.count for cell in told.cells if cell.lane == "left" and cell.count]
    heights = np.array(bars[: len(counts)], float)
    assert np.allclose(heights / heights.max(), np.array(counts) / max(counts), atol=1e-3)
    assert page.count(f"fewer than {CELL_MIN}") >= 3 and page.count('class="none"') == 2


def test_an_empty_tally_has_a_page() -> None:
    assert "No vehicle passed" in tally_page(Table((), (), {}, 0.0), "the view", "gate", AT, [])


def test_files_leave_out_what_may_not_be_told_and_start_no_formula(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    cell = Cell(AT, "=1+1", Kind.VEHICLE, None, None)
    _write(folder, Table((cell,), (), {"on the crossings": None}, 1.0), "the view", "gate", [])
    assert (folder / "counts.csv").read_text().splitlines()[1] == "2026-11-23T07:00:00+00:00,'=1+1,vehicle,,,,"
    assert (folder / "people.csv").read_text().splitlines()[1] == "on the crossings,"
    assert sorted(path.name for path in folder.iterdir()) == ["counts.csv", "near.csv", "people.csv", "tally.html"]
