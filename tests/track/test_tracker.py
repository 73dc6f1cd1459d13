"""One vehicle is one passage: also when it stops, is hidden, is cut, or follows one whose plate is nearly the same."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from clearway import plates
from clearway.facts import Box, Frame, Kind, Passage, Reading, Sighting
from clearway.sight.look import look
from clearway.testing.road import Road
from clearway.testing.truth import TruthDetector, TruthReader
from clearway.track.tracker import Tracker

AT = datetime(2026, 11, 22, 8, tzinfo=UTC)
LOOK_S = 0.25


def seen(text: str, at_s: float, x: float, y: float = 300.0, *, legibility: float = 1.0, p: float = 0.99) -> Sighting:
    """A plate 100 px wide with its left edge at x."""
    rows = np.zeros((len(text), len(plates.ALPHABET)))
    rows[range(len(text)), [plates.PLACE[character] for character in text]] = p
    place = Box(x, y, x + 100, y + 24)
    at = AT + timedelta(seconds=at_s)
    return Sighting(round(at_s * 100), at, Kind.VEHICLE, place.grown(60), 0.9, place, Reading(text, rows, legibility))


def tracker(judged_after_s: float = 6.0) -> Tracker:
    return Tracker("camera", lost_after_s=2.5, judged_after_s=judged_after_s, plate_p_min=0.5)


def told(made: Tracker, looks: list[tuple[float, list[Sighting]]]) -> list[Passage]:
    """All passages that come of these looks, the last ones at the end of the recording."""
    passages = [p for at_s, sightings in looks for p in made.update(AT + timedelta(seconds=at_s), sightings, 10.0)]
    return passages + list(made.finish())


def texts(passages: list[Passage]) -> list[str]:
    return [passage.plate.text for passage in passages if passage.plate]


def test_a_vehicle_that_drives_through_is_one_passage() -> None:
    looks = [(i * LOOK_S, [seen("34A36837", i * LOOK_S, 100 + 40 * i)]) for i in range(12)]
    (passage,) = told(tracker(), looks)
    assert passage.plate is not None
    assert (passage.plate.text, passage.plate.votes) == ("34A36837", 12)
    assert passage.first_at == AT and passage.last_at == AT + timedelta(seconds=11 * LOOK_S)
    assert passage.clock_error_ms == 10.0


def test_a_vehicle_that_stops_for_a_minute_is_told_once_and_in_time() -> None:
    made, passages = tracker(), list[Passage]()
    for i in range(240):
        now = made.update(AT + timedelta(seconds=i * LOOK_S), [seen("34A36837", i * LOOK_S, 100)], 0.0)
        if now:
            assert i * LOOK_S == pytest.approx(6.0), "told while it still stands there"
        passages += now
    assert texts(passages + list(made.finish())) == ["34A36837"]


def test_a_vehicle_that_comes_nearer_slowly_is_not_judged_while_it_is_unsure() -> None:
    """Ten seconds of guesses, then the plate is clear: what counts is the plate, not when it was first guessed at."""
    looks = [(i * LOOK_S, [seen("34A36837", i * LOOK_S, 100 + i, p=0.55)]) for i in range(40)]
    looks += [(i * LOOK_S, [seen("34A36837", i * LOOK_S, 100 + i)]) for i in range(40, 60)]
    (passage,) = told(tracker(), looks)
    assert passage.plate is not None
    assert passage.plate.text == "34A36837" and passage.plate.p > 0.95
    assert passage.last_at >= AT + timedelta(seconds=10)


def test_a_vehicle_hidden_for_a_second_stays_the_same() -> None:
    steps = [i for i in range(16) if not 6 <= i < 11]  # hidden from 1.5 to 2.75 s
    looks = [(i * LOOK_S, [seen("34A36837", i * LOOK_S, 100 + 40 * i)] if i in steps else []) for i in range(16)]
    assert texts(told(tracker(), looks)) == ["34A36837"]


def test_the_same_plate_cut_at_the_edge_is_no_second_vehicle() -> None:
    looks = [(i * LOOK_S, [seen("34A36837", i * LOOK_S, 100 + 60 * i)]) for i in range(6)]
    looks += [(1.5, [seen("34A368", 1.5, 460, legibility=0.0)]), (1.75, [seen("34A", 1.75, 520, legibility=0.0)])]
    (passage,) = told(tracker(), looks)
    assert passage.plate is not None
    assert passage.plate.text == "34A36837"
    assert len(passage.sightings) == 8


def test_the_next_vehicle_in_a_queue_takes_the_same_place() -> None:
    looks = [(i * LOOK_S, [seen("34A36837", i * LOOK_S, 100)]) for i in range(6)]
    looks += [(i * LOOK_S, [seen("89C20339", i * LOOK_S, 100)]) for i in range(8, 14)]
    assert texts(told(tracker(), looks)) == ["34A36837", "89C20339"]


def test_near_alike_plates_side_by_side_stay_two_vehicles() -> None:
    looks = [
        (i * LOOK_S, [seen("ACE9682", i * LOOK_S, 100 + 9 * i), seen("ACE9689", i * LOOK_S, 500 + 9 * i)]) for i in range(10)
    ]
    assert sorted(texts(told(tracker(), looks))) == ["ACE9682", "ACE9689"]


def test_text_on_a_wall_is_no_vehicle() -> None:
    """Seen again and again at one place, never legible as a plate that anybody issues."""
    looks = [(i * LOOK_S, [seen("15177", i * LOOK_S, 30, p=0.8)]) for i in range(30)]
    assert told(tracker(), looks) == []


def test_slats_that_are_read_as_digits_are_no_vehicle() -> None:
    """Never the same twice, never sure, always at one place; together they would make a plate that a country issues."""
    guesses = ["151717", "191717", "153717", "151774", "151707", "151717"]
    looks = [(i * LOOK_S, [seen(text, i * LOOK_S, 30 + i % 3, p=0.75)]) for i, text in enumerate(guesses * 3)]
    assert told(tracker(), looks) == []


def test_a_single_vague_reading_is_not_told() -> None:
    assert told(tracker(), [(0.0, [seen("34R05", 0.0, 50, p=0.9)])]) == []


def test_a_single_sure_reading_is_told() -> None:
    assert texts(told(tracker(), [(0.0, [seen("34A36837", 0.0, 50, p=0.999)])])) == ["34A36837"]


def test_nothing_grows_without_bound() -> None:
    """An hour beside a parked car, and a thousand vehicles in one look."""
    made = tracker(judged_after_s=1e9)
    for i in range(2000):
        made.update(AT + timedelta(seconds=i), [seen("34A36837", float(i), 100)], 0.0)
    (passage,) = made.finish()
    assert len(passage.sightings) <= 256
    crowd = [seen(f"AB{n // 100:02d}C{n % 100:02d}", 0.0, 400.0 * (n % 40), 100.0 * (n // 40)) for n in range(1000)]
    made.update(AT, crowd, 0.0)
    assert len(made.expected(AT)) <= 512


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_vehicle_of_a_road_is_counted_once_with_its_plate(seed: int) -> None:
    """Looked at four times a second with one detection in ten missed and boxes that stray: stop, occlusion and twins included."""
    road = Road(seed=seed, vehicles=16)
    detector, reader = TruthDetector(road, seed, miss_rate=0.1, jitter_px=1.5), TruthReader(road, seed, error_rate=0.03)
    made, passages = tracker(), list[Passage]()
    blank = np.zeros((road.height_px, road.width_px, 3), np.uint8)
    for number in range(0, road.frame_count, 4):
        frame = Frame(road.camera, number, road.at(number), 0.0, blank)
        found = look(frame, [frame.whole], detector, reader).sightings
        passages += made.update(frame.captured_at, found, 0.0)
    passages += made.finish()
    assert sorted(texts(passages)) == sorted(p.plate for p in road.passages if p.plate)
