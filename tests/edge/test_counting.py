"""An hour's street is counted from boxes, and the counts are the truth."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from clearway.edge.counting import Counting
from clearway.errors import SettingsError
from clearway.facts import Box, Detection, Frame, Kind
from clearway.scene import Calibration, Camera, Followed, FrameClock, KnownPoint, Lane, Scene, Survey
from clearway.testing.street import AWAY_M, CAMERA_UP_M, PICTURE_PX, TOWARDS_M, Look, Street, _pictured
from clearway.testing.traffic import Site

NAMES = ("left", "middle", "right")


def surveyed() -> Scene:
    known = np.array([(10.0, -6.0), (10.0, 6.0), (20.0, -3.0), (20.0, 5.0), (40.0, -6.0), (40.0, 7.0)])
    px = _pictured(np.column_stack([known, np.zeros(len(known))]))
    inside = ((px >= 0) & (px <= PICTURE_PX)).all(axis=1)
    points = tuple(
        KnownPoint((float(x), float(y)), (float(a), float(c))) for (x, y), (a, c) in zip(px[inside], known[inside], strict=True)
    )
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

    camera, clock, frames_expected, frames_dropped, name, weights = "street", "its own", None, 0, "boxes", ()

    def __init__(self, street: Street) -> None:
        self._street = street
        self._look: Look | None = None
        self.truth: dict[int, list[float]] = {}
        self.pixels = np.broadcast_to(np.zeros((1, 1, 3), np.uint8), (PICTURE_PX[1], PICTURE_PX[0], 3))

    def __iter__(self) -> Iterator[Frame]:
        for number, look in enumerate(self._street.looks()):
            self._look = look
            for one, sighting in zip(look.numbers, look.sightings, strict=True):
                if one is not None:
                    self.truth.setdefault(one, []).append(sighting.box.centre_px[0])
            yield Frame(self.camera, number, look.at, 0.0, self.pixels)

    def find(self, frame: Frame, region: Box) -> tuple[Detection, ...]:
        assert self._look is not None
        return tuple(Detection(sighting.kind, sighting.box, sighting.p) for sighting in self._look.sightings)


@pytest.mark.parametrize(("seconds", "busy"), [(600.0, 350.0), pytest.param(3600.0, 500.0, marks=pytest.mark.slow)])
def test_a_simulated_street_is_counted(seconds: float, busy: float) -> None:
    seen = Seen(Street(21, seconds=seconds, looks_per_s=8.0, busy=busy, plates=False))
    counting = Counting(seen, surveyed(), seen)
    for _ in counting.run():
        pass
    told = Counter[str]()
    hidden = 0
    for cell in counting.tally.table().cells:
        told[cell.lane] += cell.count or 0
        hidden += cell.count is None
    passed = sum(len(places) >= 8 for places in seen.truth.values())
    print(dict(told), hidden, passed)
    assert abs(sum(told.values()) + 2 * hidden - passed) <= max(4, 0.05 * passed)


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
