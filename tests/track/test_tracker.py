"""One vehicle is one passage: also when it stops, is hidden, is cut, or follows one whose plate is nearly the same."""

import gc
import sys
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from clearway import plates
from clearway.facts import Box, Frame, Kind, Passage, Reading, Sighting
from clearway.sight.look import look
from clearway.testing.road import Road
from clearway.testing.street import Street
from clearway.testing.truth import TruthDetector, TruthReader
from clearway.track.tracker import SIGHTINGS_MAX, Tracker

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


def car(at_s: float, x: float, y: float = 300.0) -> Sighting:
    """A vehicle whose plate nobody read, 300 px wide with its left edge at x."""
    return Sighting(round(at_s * 100), AT + timedelta(seconds=at_s), Kind.VEHICLE, Box(x, y, x + 300, y + 200), 0.9)


def test_vehicles_without_a_plate_are_followed_by_their_place() -> None:
    """Two side by side, the one missed now and then; a third that only stands there is not told, since it may be anything."""
    looks = []
    for i in range(16):
        at_s = i * LOOK_S
        seen_now = [car(at_s, 100 + 60 * i), car(at_s, 1200 - 50 * i, 700), car(at_s, 2000)]
        looks.append((at_s, seen_now[1:] if i in (5, 6, 11) else seen_now))
    passages = told(tracker(), looks)
    assert [len(passage.sightings) for passage in passages] == [13, 16]
    assert all(len({sighting.box.top_px for sighting in passage.sightings}) == 1 for passage in passages)
    assert all(passage.plate is None for passage in passages)


def test_who_was_hidden_in_a_queue_is_not_told_again() -> None:
    looks = [(i * LOOK_S, [seen("34A36837", i * LOOK_S, 100 + 4 * i)]) for i in range(8)]
    looks += [(i * LOOK_S, [seen("34A36837", i * LOOK_S, 300 + 40 * i)]) for i in range(160, 170)]  # 40 s later
    assert texts(told(tracker(), looks)) == ["34A36837"]
    looks += [(i * LOOK_S, [seen("34A36837", i * LOOK_S, 300 + 40 * (i - 700))]) for i in range(700, 710)]  # and 130 s later
    assert texts(told(tracker(), looks)) == ["34A36837", "34A36837"], "it came back"


@pytest.mark.parametrize("seed", [21, 22])
def test_a_queue_is_counted_once(seed: int) -> None:
    """Five minutes of stop-and-go in which lorries hide plates for as long as a signal is red."""
    assert_counted(Street(seed, seconds=300.0), error=0.01)


@pytest.mark.slow
def test_four_hours_of_stop_and_go_are_counted() -> None:
    assert_counted(Street(23, seconds=4 * 3600.0), error=0.005)


def assert_counted(street: Street, error: float) -> None:
    """Of those whose plates were seen three times or more; who is seen but once at the end may still come. By the plates told,
    and by all passages: no vehicle may be told once without its plate and once with it."""
    made, times, passages = tracker(), Counter[int | None](), list[Passage]()
    whose: dict[int, int | None] = {}
    kept = []
    for seen_now in street.looks():
        kept.append(seen_now.sightings)  # so that no two boxes have one identity
        whose.update((id(one.box), number) for one, number in zip(seen_now.sightings, seen_now.numbers, strict=True))
        times.update(seen_now.numbers)
        passages += made.update(seen_now.at, seen_now.sightings, 0.0)
    passages += made.finish()
    everybody = sum(count >= 3 for count in times.values())
    assert abs(len(passages) - everybody) <= error * everybody
    assert abs(len(texts(passages)) - everybody) <= error * everybody
    told = Counter(Counter(whose[id(one.box)] for one in passage.sightings).most_common(1)[0][0] for passage in passages)
    assert max(told.values()) == 1, "nobody is counted twice"


def test_who_was_read_badly_and_then_hidden_is_told_once_with_its_plate() -> None:
    """Far away the plate was read without being sure, then a lorry stood before it; nearer, it was read surely."""
    far = [(i * LOOK_S, [seen("34A36837", i * LOOK_S, 100 + 8 * i, p=0.85)]) for i in range(1, 9)]
    near = [(i * LOOK_S, [seen("34A36837", i * LOOK_S, 300 + 40 * i)]) for i in range(120, 130)]  # half a minute later
    passages = told(tracker(), far + near)
    assert texts(passages) == ["34A36837"] and len(passages) == 1
    later = [(at_s + 60, [seen("34A36837", at_s + 60, 100 + 32 * at_s, p=0.85)]) for at_s, _ in far]
    again = told(tracker(), near + later)
    assert texts(again) == ["34A36837"] and len(again) == 1, "nor when it was read badly afterwards"


def test_one_last_look_that_is_misread_is_no_second_vehicle() -> None:
    looks = [(i * LOOK_S, [seen("34A36837", i * LOOK_S, 100 + 40 * i)]) for i in range(12)]
    looks += [(4.0, [seen("34A36831", 4.0, 2500, p=0.999)])]  # farther on than it was expected
    assert texts(told(tracker(), looks)) == ["34A36837"]
    assert texts(told(tracker(), [*looks[:-1], (4.0, [seen("34B96831", 4.0, 2500, p=0.999)])])) == ["34A36837", "34B96831"]


def test_who_was_read_badly_and_never_comes_again_is_told_without_a_plate_and_without_a_text() -> None:
    looks = [(i * LOOK_S, [seen("34A36837", i * LOOK_S, 100 + 8 * i, p=0.85)]) for i in range(1, 9)]
    made = tracker()
    for at_s, seen_now in looks:
        assert made.update(AT + timedelta(seconds=at_s), seen_now, 0.0) == ()
    assert made.update(AT + timedelta(seconds=100), [], 0.0) == (), "it may still come"
    (passage,) = made.update(AT + timedelta(seconds=130), [], 0.0)
    assert passage.plate is None and all(one.reading is None for one in passage.sightings)
    assert made.finish() == ()


def test_looks_that_come_late_are_left_out() -> None:
    looks = [(i * LOOK_S, [seen("34A36837", i * LOOK_S, 100 + 40 * i)]) for i in range(12)]
    looks[5], looks[6] = looks[6], looks[5]
    (passage,) = told(tracker(), looks)
    assert len(passage.sightings) == 11


def test_while_time_stands_still_nothing_grows_and_nobody_is_told_twice() -> None:
    made = tracker()
    for i in range(1000):
        assert made.update(AT, [seen("34A36837", 0.0, 100 + i % 5)], 0.0) == ()
    assert texts(list(made.finish())) == ["34A36837"]


@pytest.mark.parametrize("jump_s", [3600.0, -3600.0])
def test_a_clock_that_jumps_by_an_hour_ends_all_passages(jump_s: float) -> None:
    """No passage spans the jump, whichever way it goes, so no speed or time of standing is made of it."""
    looks = [(i * LOOK_S, [seen("34A36837", i * LOOK_S, 100 + 40 * i), car(i * LOOK_S, 60 * i, 900)]) for i in range(6)]
    looks += [
        (i * LOOK_S + jump_s, [seen("34A36837", i * LOOK_S + jump_s, 100 + 40 * i), car(i * LOOK_S + jump_s, 60 * i, 900)])
        for i in range(6, 12)
    ]
    passages = told(tracker(), looks)
    assert len(passages) == 4
    assert all(passage.last_at - passage.first_at == timedelta(seconds=1.25) for passage in passages)


def test_a_day_without_a_vehicle_leaves_nothing() -> None:
    made = tracker()
    made.update(AT, [seen("34A36837", 0.0, 100)], 0.0)
    for minute in range(1, 1440):
        made.update(AT + timedelta(minutes=minute), [], 0.0)
    assert made.expected(AT) == () and made.earliest_needed() is None and made.finish() == ()
    assert made._told_at == {}, "not even who passed last"


def test_a_thousand_vehicles_in_every_look_stay_bounded_and_are_no_two() -> None:
    made, passages = tracker(), list[Passage]()
    for i in range(2):
        at_s = i * LOOK_S
        crowd = [seen(f"AB{n // 100:02d}C{n % 100:02d}", at_s, 400.0 * (n % 40) + i, 100.0 * (n // 40)) for n in range(1000)]
        passages += made.update(AT + timedelta(seconds=at_s), [*crowd, *(car(at_s, 400.0 * n, 5000) for n in range(1000))], 0.0)
    assert len(made._tracks) <= 512
    passages += made.finish()
    assert len(set(texts(passages))) == len(texts(passages))


def test_who_was_told_while_they_stayed_is_told_whole_when_they_leave() -> None:
    """Once, and only by a tracker that follows on; who is told when they leave is whole already."""
    for follows_on in (True, False):
        made = Tracker("camera", lost_after_s=2.5, judged_after_s=6.0, plate_p_min=0.5, follows_on=follows_on)
        early_told, staying = list[Passage](), list[Passage]()
        for n in range(40):
            early_told += made.update(AT + timedelta(seconds=n), [seen("34A36837", float(n), 100.0)], 0.0)
            staying = list(made.stay())
        (early,) = early_told
        assert len(early.sightings) < 10 and [one.id for one in staying] == [early.id] and len(staying[0].sightings) == 40
        assert made.left() == ()
        assert made.update(AT + timedelta(seconds=50), [], 0.0) == ()
        left = made.left()
        assert [(one.id, len(one.sightings)) for one in left] == ([(early.id, 40)] if follows_on else [])
        assert made.left() == () and made.stay() == ()


def test_a_kept_frame_s_sighting_is_in_every_sample() -> None:
    made = tracker(judged_after_s=1e9)
    for n in range(3 * SIGHTINGS_MAX):
        made.update(AT + timedelta(seconds=n), [seen("34A36837", float(n), 100.0)], 0.0)
        if n == 7:
            made.keep(frozenset({500, 700}))
    (passage,) = made.finish()
    numbers = {one.frame_number for one in passage.sightings}
    assert {500, 700} <= numbers and len(numbers) <= SIGHTINGS_MAX


def held(seconds: float, measured: Callable[[], int]) -> list[int]:
    """What is held after each third of that time on a street that empties and fills."""
    made, measures = tracker(), list[int]()
    for part in range(3):
        street = Street(30 + part, seconds=seconds / 3, looks_per_s=2.0, busy=(400.0, 60.0, 400.0)[part])
        for seen_now in street.looks():
            at = seen_now.at + timedelta(seconds=part * seconds / 3)
            made.update(at, [replace(one, captured_at=at) for one in seen_now.sightings], 0.0)
        for minute in range(3):  # until everybody has left
            made.update(at + timedelta(minutes=minute), [], 0.0)
        del street, seen_now
        gc.collect()
        measures.append(measured())
    return measures


def test_memory_stays_flat() -> None:
    tracemalloc.start()
    try:
        first, *_, last = held(120.0, lambda: tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert last < first + 20_000, "bytes"


@pytest.mark.slow
def test_memory_stays_flat_for_a_day() -> None:
    """Blocks of memory of the whole process: to trace each byte takes five times as long, and not one in fifty vehicles of the
    day may leave anything behind."""
    first, *_, last = held(24 * 3600.0, sys.getallocatedblocks)
    assert last < first + 200, "blocks"


def test_a_full_street_takes_no_time() -> None:
    """Sixty vehicles in view: 3 to 8 ms a look on a busy core; comparing each with each took over 100."""
    made = tracker()
    looks = [[seen(f"AB{n:02d}C{n % 7}D", i * LOOK_S, 60.0 * n, 40.0 * i) for n in range(60)] for i in range(12)]
    began_s = time.process_time()
    for i, seen_now in enumerate(looks):
        made.update(AT + timedelta(seconds=i * LOOK_S), seen_now, 0.0)
    assert (time.process_time() - began_s) / len(looks) < 0.05


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
