"""Who shows no plate, by what the looks of one camera found: followed, compared with those before, and forgotten."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from clearway.edge.unplated import COUNTS_FOR, Unplated, lower_half
from clearway.facts import Answer, Box, Detection, Frame, Kind, Passage, Record
from clearway.rules.no_plate import VEHICLES_MIN
from clearway.sight.look import Seen
from clearway.track.tracker import SIGHTINGS_MAX

AT = datetime(2026, 6, 1, 12, tzinfo=UTC)
WHOLE = Box(0, 0, 1280, 720)
PIXELS = np.zeros((720, 1280, 3), np.uint8)
NOTHING = Seen((), ())


def car(share: float, *, left_px: float = 400.0, p: float = 0.9) -> Detection:
    """A car that comes nearer, at that share of its way: 170 to 340 pixels wide."""
    width_px = 170 * (1 + share)
    return Detection(Kind.VEHICLE, Box(left_px, 100 + 250 * share, left_px + width_px, 100 + 250 * share + 0.8 * width_px), p)


def plate_on(car: Detection, p: float = 0.9) -> Detection:
    """A plate that cannot be read."""
    x, y = car.box.centre_px
    box = Box(x - 0.1 * car.box.width_px, y + 0.2 * car.box.height_px, x + 0.1 * car.box.width_px, y + 0.25 * car.box.height_px)
    return Detection(Kind.PLATE, box, p)


class Watched:
    """A camera that looks 25 times a second; its clock goes on from one vehicle to the next."""

    def __init__(self) -> None:
        self.unplated, self.number, self.at = Unplated("camera", lost_after_s=1.0), 0, AT

    def look(self, seen: Seen, regions: Sequence[Box] = (WHOLE,)) -> tuple[tuple[Passage, Record], ...]:
        frame = Frame("camera", self.number, self.at, 5.0, PIXELS)
        self.number, self.at = self.number + 1, self.at + timedelta(seconds=0.04)
        return self.unplated.add(frame, regions, seen)

    def passed(self, looks: Sequence[Seen], regions: Sequence[Box] = (WHOLE,)) -> list[tuple[Passage, Record]]:
        """Those who have passed and showed none, once all of that was seen and nothing for one second more than it takes."""
        return [one for seen in (*looks, *[NOTHING] * 30) for one in self.look(seen, regions)]

    def knows(self, vehicles: int, without: int = 0) -> None:
        """Lets so many pass, of which the first ones showed no plate."""
        for n in range(vehicles):
            self.passed(list(coming(with_plate=n >= without)))


LOOKS = 32


def coming(looks: int = LOOKS, *, with_plate: bool, backwards: bool = False) -> Iterator[Seen]:
    for n in range(looks):
        share = n / (looks - 1)
        one = car(1 - share if backwards else share)
        yield Seen((), (plate_on(one),) if with_plate else (), (), (one,))


@pytest.fixture(scope="module")
def hundred() -> Watched:
    watched = Watched()
    watched.knows(VEHICLES_MIN)
    return watched


@pytest.fixture
def camera(hundred: Watched) -> Watched:
    """One that knows a hundred fronts with a plate."""
    watched = Watched()
    watched.number, watched.at = hundred.number, hundred.at
    for side, known in hundred.unplated._before.items():
        watched.unplated._before[side].extend(known)
    return watched


def test_who_shows_none_before_a_camera_that_misses_none_is_told(camera: Watched) -> None:
    ((passage, record),) = camera.passed(list(coming(with_plate=False)))
    assert record.answer is Answer.YES
    assert record.entry == {"side": "front", "vehicles": "100", "showed": "100"}
    assert record.p == pytest.approx(101 / 102)
    assert passage.plate is None and len(passage.sightings) == LOOKS


def test_no_more_than_its_lower_half_is_told_of_it(camera: Watched) -> None:
    ((passage, _),) = camera.passed(list(coming(with_plate=False)))
    assert passage.sightings[0].box == lower_half(car(0).box)


def test_two_of_them_are_two_passages(camera: Watched) -> None:
    first, second = (camera.passed(list(coming(with_plate=False)))[0][0].id for _ in range(2))
    assert first != second


def test_a_plate_in_one_look_clears_it(camera: Watched) -> None:
    looks = list(coming(with_plate=False))
    looks[5] = list(coming(with_plate=True))[5]
    assert camera.passed(looks) == []


def test_a_plate_that_was_seen_while_it_was_far_away_clears_it(camera: Watched) -> None:
    far = Detection(Kind.VEHICLE, Box(440, 60, 540, 140), 0.9)
    assert camera.passed([Seen((), (plate_on(far),), (), (far,)), *coming(with_plate=False)]) == []


def test_a_sign_behind_its_roof_is_no_plate_of_it(camera: Watched) -> None:
    def sign(one: Detection) -> Detection:
        left_px, top_px = one.box.left_px + 60, one.box.top_px - 5
        return Detection(Kind.PLATE, Box(left_px, top_px, left_px + 50, top_px + 20), 0.9)

    looks = [Seen((), (sign(one),), (), (one,)) for one in (car(n / 31) for n in range(LOOKS))]
    assert len(camera.passed(looks)) == 1


def test_a_lamp_that_may_be_a_plate_does_not_clear_it(camera: Watched) -> None:
    looks = [Seen((), (plate_on(one, p=0.6),), (), (one,)) for one in (car(n / 31) for n in range(LOOKS))]
    assert len(camera.passed(looks)) == 1


def test_the_first_hundred_are_only_counted() -> None:
    watched = Watched()
    ((_, record),) = watched.passed(list(coming(with_plate=False)))
    assert record.answer is Answer.UNKNOWN and record.entry["vehicles"] == "0"


def test_where_two_of_a_hundred_showed_none_nobody_is_asked(camera: Watched) -> None:
    answers = [camera.passed(list(coming(with_plate=False)))[0][1].answer for _ in range(3)]
    assert answers == [Answer.YES, Answer.YES, Answer.UNKNOWN]


def test_what_was_counted_of_fronts_says_nothing_of_rears(camera: Watched) -> None:
    ((_, record),) = camera.passed(list(coming(with_plate=False, backwards=True)))
    assert record.entry["side"] == "rear" and record.answer is Answer.UNKNOWN


def test_what_was_counted_two_hours_ago_says_nothing(camera: Watched) -> None:
    camera.at += COUNTS_FOR
    ((_, record),) = camera.passed(list(coming(with_plate=False)))
    assert record.answer is Answer.UNKNOWN


def test_two_vehicles_of_which_one_may_hide_the_other_are_not_seen_well(camera: Watched) -> None:
    ways = [(one, one.box.moved(0.3 * one.box.width_px, 0.3 * one.box.height_px)) for one in (car(n / 31) for n in range(LOOKS))]
    assert camera.passed([Seen((), (), (), (one, Detection(Kind.VEHICLE, other, 0.9))) for one, other in ways]) == []


def test_somebody_who_walks_before_it_covers_it(camera: Watched) -> None:
    looks = [Seen((), (), (lower_half(one.box),), (one,)) for one in (car(n / 31) for n in range(LOOKS))]
    assert camera.passed(looks) == []


def test_a_vehicle_that_the_edge_of_the_look_cuts_is_not_seen_well(camera: Watched) -> None:
    assert camera.passed(list(coming(with_plate=False)), [Box(400, 0, 1280, 720)]) == []


def test_two_wheelers_are_not_asked_about(camera: Watched) -> None:
    looks = [Seen((), (), (), (Detection(Kind.TWO_WHEELER, car(n / 31).box, 0.9),)) for n in range(LOOKS)]
    assert camera.passed(looks) == []


def test_what_may_be_no_vehicle_is_not_asked_about(camera: Watched) -> None:
    assert camera.passed([Seen((), (), (), (car(n / 31, p=0.4),)) for n in range(LOOKS)]) == []


def test_pictures_are_needed_only_where_somebody_could_be_asked_about(camera: Watched) -> None:
    began_at = camera.at
    camera.look(next(coming(with_plate=False)))
    assert camera.unplated.earliest_needed == began_at
    new = Watched()
    new.look(next(coming(with_plate=False)))
    assert new.unplated.earliest_needed is None


def test_whoever_is_in_view_at_the_end_is_told(camera: Watched) -> None:
    for seen in coming(with_plate=False):
        assert camera.look(seen) == ()
    assert len(camera.unplated.finish()) == 1


def test_beginning_anew_forgets_who_is_in_view_and_not_the_counts(camera: Watched) -> None:
    for seen in coming(with_plate=False):
        camera.look(seen)
    camera.unplated.begin_anew()
    assert camera.unplated.finish() == ()
    assert camera.passed(list(coming(with_plate=False)))[0][1].answer is Answer.YES


def test_pictures_are_not_needed_of_who_has_shown_a_plate(camera: Watched) -> None:
    camera.look(next(coming(with_plate=True)))
    assert camera.unplated.earliest_needed is None


def test_a_day_of_traffic_leaves_two_hundred_counts_and_nothing_else(camera: Watched) -> None:
    camera.knows(150)
    assert sum(map(len, camera.unplated._before.values())) <= 2 * VEHICLES_MIN
    assert camera.unplated._tracker.in_view() == ()


def test_who_parks_in_view_makes_nothing_grow(camera: Watched) -> None:
    parked = car(0.5, left_px=900.0)
    for _ in range(3):
        for seen in coming(with_plate=True):
            camera.look(Seen((), seen.unread, (), (*seen.vehicles, parked)))
    for _ in range(1000):
        camera.look(Seen((), (), (), (parked,)))
    (sightings,) = camera.unplated._tracker.in_view()
    assert len(sightings) <= SIGHTINGS_MAX
