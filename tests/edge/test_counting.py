"""An hour's street is counted from boxes, and the counts are the truth."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from clearway.edge.counting import Counting
from clearway.errors import SettingsError
from clearway.facts import Box, Detection, Frame, Kind, Passage, Sighting
from clearway.scene import Calibration, Camera, Followed, FrameClock, KnownPoint, Lane, Scene, Survey
from clearway.testing.street import AWAY_M, CAMERA_UP_M, PICTURE_PX, STARTS_AT, TOWARDS_M, Look, Street, _pictured
from clearway.testing.traffic import Site
from clearway.track.tally import NO_LANE, PERCENTILES

NAMES = ("left", "middle", "right")


def surveyed() -> Scene:
    known = np.array([(10.0, -6.0), (10.0, 6.0), (20.0, -3.0), (20.0, 5.0), (40.0, -6.0), (40.0, 7.0)])
    px = _pictured(np.column_stack([known, np.zeros(len(known))]))
    inside = ((px >= 0) & (px <= PICTURE_PX)).all(axis=1)
    pairs = zip(px[inside], known[inside], strict=True)
    points = tuple(KnownPoint((float(x), float(y)), (float(along), float(across))) for (x, y), (along, across) in pairs)
    calibration = Calibration(
        Survey(points, 1.0, 0.02), Camera(0.0, 0.0, CAMERA_UP_M, 0.05), Followed(0.5, 0.12, 1.0, 0.2), FrameClock(2.0, 100.0)
    )
    towards = (strip(name, middle, -1.0) for name, middle in zip(NAMES, TOWARDS_M, strict=True))
    lanes = (*towards, strip("away", AWAY_M, 1.0))
    whole = Site(3).scene
    bare = Scene(whole.name, whole.law, whole.time_zone, PICTURE_PX, whole.surveyed, calibration)
    return replace(bare, lane=lanes)


def strip(name: str, middle_m: float, towards: float) -> Lane:
    low, high = middle_m - 1.75, middle_m + 1.75
    return Lane(name, ((5.0, low), (60.0, low), (60.0, high), (5.0, high)), (towards, 0.0))


class Seen:
    """The simulated street as a source and as the detector that looks at it: its boxes stand in for pictures."""

    camera, clock, name = "street", "its own", "boxes"
    frames_expected: int | None = None
    frames_dropped = 0
    weights: tuple[tuple[str, str], ...] = ()

    def __init__(self, street: Street) -> None:
        self._street = street
        self.look: Look | None = None
        # Of each vehicle: its lane, and when it was how far along.
        self.truth: Truth = {}
        self.pixels = np.broadcast_to(np.zeros((1, 1, 3), np.uint8), (PICTURE_PX[1], PICTURE_PX[0], 3))

    def __iter__(self) -> Iterator[Frame]:
        for number, look in enumerate(self._street.looks()):
            self.look = look
            s = (look.at - STARTS_AT).total_seconds()
            for name, vehicles in zip((*NAMES, "others"), (*self._street._lanes, self._street._others), strict=True):
                for one in vehicles:
                    lane = name if name != "others" else "away" if one.towards else "crosses"
                    if 10.0 <= one.along_m <= 50.0:
                        self.truth.setdefault(one.number, (lane, []))[1].append((s, one.along_m))
            yield Frame(self.camera, number, look.at, 0.0, self.pixels)

    def find(self, frame: Frame, region: Box) -> tuple[Detection, ...]:
        assert self.look is not None
        return tuple(Detection(sighting.kind, sighting.box, sighting.p) for sighting in self.look.sightings)


Truth = dict[int, tuple[str, list[tuple[float, float]]]]


def test_vehicles_that_are_followed_rightly_are_counted_rightly() -> None:
    seen, ways = (
        Seen(Street(21, seconds=600.0, looks_per_s=8.0, busy=350.0, plates=False)),
        defaultdict[int, list[Sighting]](list),
    )
    for _ in seen:
        assert seen.look is not None
        for number, sighting in zip(seen.look.numbers, seen.look.sightings, strict=True):
            if number is not None:
                ways[number].append(sighting)
    gone = {number: way for number, way in seen.truth.items() if way[0] != "crosses" and passed(way[1])}
    counting = Counting(seen, surveyed(), seen)
    for number in gone:
        counting._count((Passage(str(number), "street", tuple(ways[number]), 0.0),))
    cells = counting.tally.table().cells
    told, truth = {cell.lane: cell.count or 0 for cell in cells}, Counter(lane for lane, _ in gone.values())
    # A box that a lorry half hides leaps, and may count once more.
    assert sum(abs(told[lane] - truth[lane]) for lane in truth) <= 2, (told, truth)
    # Away from the signal nobody stands, so that a mean speed is a speed.
    away = [3.6 * abs(way[-1][1] - way[0][1]) / (way[-1][0] - way[0][0]) for lane, way in gone.values() if lane == "away"]
    told_kmh = next(cell.speeds_kmh for cell in cells if cell.lane == "away")
    assert told_kmh is not None
    assert np.abs(told_kmh - np.percentile(away, PERCENTILES)).max() <= 3.0, (told_kmh, np.percentile(away, PERCENTILES))


@pytest.mark.parametrize("seconds", [300.0, pytest.param(3600.0, marks=pytest.mark.slow)])
def test_a_street_that_queues_is_counted_as_well_as_it_is_followed(seconds: float) -> None:
    seen = Seen(Street(21, seconds=seconds, looks_per_s=8.0, busy=350.0, plates=False))
    counting = Counting(seen, surveyed(), seen)
    for _ in counting.run():
        pass
    told = sum(cell.count or 0 for cell in counting.tally.table().cells if cell.lane != NO_LANE)
    truth = sum(passed(places) for lane, places in seen.truth.values() if lane != "crosses")
    assert abs(told - truth) <= 0.1 * truth, (told, truth)


def passed(places: list[tuple[float, float]]) -> bool:
    alongs = [along for _, along in places]
    return min(alongs) < 15.0 and max(alongs) > 45.0


def test_another_size_of_picture_is_refused() -> None:
    seen = Seen(Street(21, seconds=2.0, plates=False))
    seen.pixels = np.zeros((360, 640, 3), np.uint8)
    with pytest.raises(SettingsError, match="surveyed in 3840 x 2160"):
        list(Counting(seen, surveyed(), seen).run())


def test_who_sits_in_a_vehicle_is_not_on_the_road() -> None:
    seen = Seen(Street(21, seconds=8.0, plates=False))
    box = Box(1800, 900, 2200, 1300)

    class Finds(Seen):
        def find(self, frame: Frame, region: Box) -> tuple[Detection, ...]:
            driver, walker = Box(1900, 950, 1980, 1100), Box(1300, 1000, 1360, 1200)
            return Detection(Kind.VEHICLE, box, 0.9), Detection(Kind.PERSON, driver, 0.9), Detection(Kind.PERSON, walker, 0.9)

    counting = Counting(seen, surveyed(), Finds(Street(21, seconds=1.0)))
    list(counting.run())
    assert timedelta(seconds=counting.tally._people_s["outside the crossings"]) <= timedelta(seconds=8)
    assert counting.tally._people_s["outside the crossings"] > 5
