"""Counts are right, and small enough ones are not told."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from numpy.typing import NDArray

from clearway.facts import Kind
from clearway.scene import Crossing, Lane, Scene
from clearway.testing.traffic import Site
from clearway.track.tally import CELL_MIN, NO_LANE, PERCENTILES, Tally

Array = NDArray[np.float64]
AT = datetime(2026, 11, 23, 7, 1, tzinfo=UTC)


def strip(name: str, middle_m: float, towards: float) -> Lane:
    low, high = middle_m - 1.75, middle_m + 1.75
    return Lane(name, ((5.0, low), (60.0, low), (60.0, high), (5.0, high)), (towards, 0.0))


LANES = (strip("left", -1.75, -1.0), strip("right", 1.75, -1.0))
CROSSING = Crossing("zebra", ((20.0, -3.5), (24.0, -3.5), (24.0, 3.5), (20.0, 3.5)))


def scene() -> Scene:
    return replace(Site(3).scene, lane=LANES, crossing=(CROSSING,))


def line(
    from_m: tuple[float, float], to_m: tuple[float, float], speed_m_s: float, begins_s: float = 0.0
) -> tuple[list[datetime], Array]:
    """An even drive from one place to another, seen eight times a second."""
    lasts_s = float(np.hypot(to_m[0] - from_m[0], to_m[1] - from_m[1])) / speed_m_s
    t = np.arange(0.0, lasts_s, 0.125)
    places = np.array(from_m) + np.outer(t / lasts_s, np.subtract(to_m, from_m))
    return [AT + timedelta(seconds=begins_s + float(s)) for s in t], places


def test_vehicles_are_counted_by_class_lane_and_quarter_with_their_speeds() -> None:
    tally = Tally(scene())
    for n in range(20):
        tally.passed(Kind.VEHICLE, *line((55.0, -1.75), (8.0, -1.75), (30.0 + 2 * n) / 3.6, 100.0 * n))
    for n in range(6):
        tally.passed(Kind.TWO_WHEELER, *line((55.0, 1.75), (8.0, 1.75), 10.0, 30.0 * n))
    tally.passed(Kind.VEHICLE, *line((55.0, -9.0), (8.0, -9.0), 10.0))
    cells = tally.table().cells
    told = {(cell.begins_at.strftime("%H:%M"), cell.lane, cell.kind): cell.count for cell in cells}
    # 07:01 UTC is 08:01 in Berlin; a vehicle every 100 s is nine in each whole quarter.
    assert told == {
        ("08:00", "left", Kind.VEHICLE): 9,
        ("08:15", "left", Kind.VEHICLE): 9,
        ("08:30", "left", Kind.VEHICLE): None,  # two: not told
        ("08:00", "right", Kind.TWO_WHEELER): 6,
        ("08:00", NO_LANE, Kind.VEHICLE): None,
    }
    first = cells[1] if cells[1].lane == "left" else cells[0]
    assert first.lane == "left" and first.speeds_kmh is not None
    truth = np.percentile(30 + 2 * np.arange(9), PERCENTILES, method="inverted_cdf")
    assert np.abs(np.array(first.speeds_kmh) - truth).max() <= 1.0 + 1e-9
    assert all(cell.speeds_kmh is None for cell in cells if cell.count is None)


def test_a_vehicle_that_closes_up_and_two_that_cross_are_near_misses() -> None:
    tally = Tally(scene())
    for n in range(CELL_MIN):
        # 13 m behind the same end of a slow one, 5 m/s faster: the gap of 8.5 m would be closed in 0.9 s when they are last seen.
        tally.passed(Kind.VEHICLE, *line((40.0, -1.75), (34.0, -1.75), 5.0, 200.0 * n))
        tally.passed(Kind.VEHICLE, *line((53.0, -1.75), (43.0, -1.75), 10.0, 200.0 * n))
        # One crosses where another was two seconds before.
        tally.passed(Kind.VEHICLE, *line((30.0, 1.75), (10.0, 1.75), 10.0, 200.0 * n + 60))
        tally.passed(Kind.VEHICLE, *line((20.0, -18.25), (20.0, 11.75), 5.0, 200.0 * n + 59))
    near = {(one.who, one.measure, one.at_most_s): one.count for one in tally.table().near}
    assert near["vehicle and vehicle", "time to collision", 1.5] == CELL_MIN
    assert near["vehicle and vehicle", "time to collision", 0.75] in (None, 0)
    assert near["vehicle and vehicle", "post-encroachment time", 1.5] == 0
    assert near["vehicle and vehicle", "post-encroachment time", 3.0] == CELL_MIN
    assert near["vehicle and person", "post-encroachment time", 5.0] == 0


def test_people_are_counted_by_presence_and_never_followed() -> None:
    tally = Tally(scene())
    for n in range(400):  # somebody walks over the road, not at the crossing, again and again
        at = AT + timedelta(seconds=0.25 * n)
        tally.people(at, np.array([(30.0, -3.4 + 0.33 * (n % 20)), (22.0, 0.0), (30.0, 9.0)]))
    table = tally.table()
    assert table.looked_s == pytest.approx(99.8, abs=0.1)
    assert table.people_s["outside the crossings"] == pytest.approx(99.8, abs=1.0)
    assert table.people_s["on the crossings"] == pytest.approx(99.8, abs=1.0)
    assert len(tally._people) <= 400 * 2
    few = Tally(scene())
    for n in range(10):
        few.people(AT + timedelta(seconds=0.25 * n), np.array([(30.0, 0.0)]))
    assert few.table().people_s["outside the crossings"] is None, "so little may be one person"


def test_a_person_before_a_vehicle_is_a_near_miss() -> None:
    tally = Tally(scene())
    for n in range(CELL_MIN):
        for k in range(200):
            # Somebody stands in the lane until two seconds before the vehicle is there.
            s = 100.0 * n + 0.25 * k
            there = [(20.0, -1.75)] if s <= 100.0 * n + 10.0 + 1.0 else []
            tally.people(AT + timedelta(seconds=s), np.array(there).reshape(-1, 2))
            if k == 80:
                tally.passed(Kind.VEHICLE, *line((50.0, -1.75), (8.0, -1.75), 10.0, 100.0 * n + 10.0))
    near = {(one.who, one.measure, one.at_most_s): one.count for one in tally.table().near}
    assert near["vehicle and person", "post-encroachment time", 1.5] == 0
    assert near["vehicle and person", "post-encroachment time", 3.0] == CELL_MIN
    assert near["vehicle and person", "time to collision", 1.5] == 0, "it was two seconds away when they were gone"


def test_memory_does_not_grow_with_the_vehicles() -> None:
    tally = Tally(scene())
    for n in range(3000):
        tally.passed(Kind.VEHICLE, *line((30.0, -1.75), (8.0, -1.75), 12.0, 1.0 * n))
        tally.people(AT + timedelta(seconds=1.0 * n), np.array([(30.0, 0.0)]))
    assert len(tally._ways) <= 256 and len(tally._people) < 200 and len(tally._waiting) <= 256
    assert len(tally.table().cells) <= 5


def test_what_is_nowhere_or_no_way_is_no_vehicle() -> None:
    tally = Tally(scene())
    tally.passed(Kind.VEHICLE, [AT], np.array([(30.0, 0.0)]))
    tally.passed(Kind.VEHICLE, [AT, AT], np.full((2, 2), np.nan))
    tally.people(AT, np.empty((0, 2)))
    tally.people(AT - timedelta(hours=1), np.array([(30.0, 0.0)]))
    assert tally.table().cells == () and tally.table().looked_s == 0.0
