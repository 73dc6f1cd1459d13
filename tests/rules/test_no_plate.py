"""Who shows no plate is asked about only where it was seen well, by a camera that misses hardly any."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearway.edge.scenes import load_law
from clearway.facts import Answer, Box, Finding, Kind, Passage, Plate, Record, Sighting
from clearway.plates import ALPHABET
from clearway.ports import Rule
from clearway.rules.judging import DECISIVE_FRAMES_MAX, judge
from clearway.rules.laws import PlateDuty
from clearway.rules.no_plate import CAMERA, SHOWN, VEHICLES_MIN, WITHOUT_MAX, NoPlate, shown_before, side_seen
from clearway.rules.papers import Papers
from clearway.rules.rulebook import rules_of
from clearway.rules.wanted import Wanted
from clearway.scene import AskedPlates, Order
from clearway.testing import contracts
from clearway.testing.traffic import Site

AT = datetime(2026, 11, 23, 8, tzinfo=UTC)
ORDER = Order("order 2026/7", AT - timedelta(days=30), AT + timedelta(days=30))
BOTH = PlateDuty("the statute", "for this test", front=True, rear=True)
REAR_ONLY = replace(BOTH, front=False)
ASKS = NoPlate(ORDER, BOTH)
TEXT = "KA17PLE"


def passage(
    from_px: float = 200.0,
    to_px: float = 400.0,
    *,
    pictures: int = 36,
    lasts_s: float = 1.4,
    plates_in: tuple[int, ...] = (),
    clock_error_ms: float = 100.0,
    plate: Plate | None = None,
) -> Passage:
    """A vehicle that was seen so wide in the first picture and in the last, evenly between; nearer where it grows."""
    sightings = []
    for n, width_px in enumerate(np.linspace(from_px, to_px, pictures)):
        box = Box(300.0, 200.0, 300.0 + float(width_px), 200.0 + 0.4 * float(width_px))
        place = Box(310.0, 210.0, 340.0, 220.0) if n in plates_in else None
        moment = AT + timedelta(seconds=lasts_s * n / max(1, pictures - 1))
        sightings.append(Sighting(100 + n, moment, Kind.VEHICLE, box, 0.9, place))
    return Passage("camera/without-plate-1", "camera", tuple(sightings), clock_error_ms, plate)


def before(vehicles: int = 100, showed: int = 100, *, side: str = "front") -> Record:
    """What the camera says of those that came before."""
    answer, p = shown_before(vehicles, showed)
    return Record(CAMERA, SHOWN, answer, AT, None, p, {"side": side, "vehicles": str(vehicles), "showed": str(showed)})


@dataclass(frozen=True)
class Case:
    passage: Passage
    records: tuple[Record, ...] = (before(),)
    rule: NoPlate = ASKS


READ = Plate(TEXT, 0.99, 3, (), np.zeros((len(TEXT), len(ALPHABET))))
ENDS_SOON = NoPlate(replace(ORDER, valid_until=AT + timedelta(seconds=3)), BOTH)
BEGAN_NOW = NoPlate(replace(ORDER, valid_from=AT - timedelta(seconds=2)), BOTH)

FOUND = {
    "comes nearer": Case(passage()),
    "goes away": Case(passage(400.0, 200.0), (before(side="rear"),)),
    "goes away where only the rear is asked for": Case(passage(400.0, 200.0), (before(side="rear"),), NoPlate(ORDER, REAR_ONLY)),
    "just as long, as often, as wide and as much nearer as is needed": Case(passage(160.0, 200.0, pictures=30, lasts_s=1.0)),
    "one of a hundred before it showed none": Case(passage(), (before(100, 99),)),
    "after other records": Case(passage(), (Record("register", "registered", Answer.UNKNOWN, AT, None), before())),
    "the order ends soon": Case(passage(), rule=ENDS_SOON),
    "the order began now": Case(passage(), rule=BEGAN_NOW),
}

QUIET = {
    # a plate, or what may be one
    "a plate in one picture": Case(passage(plates_in=(5,))),
    "a plate in the first picture": Case(passage(plates_in=(0,))),
    "a plate in all pictures": Case(passage(plates_in=tuple(range(36)))),
    "its plate was read": Case(passage(plate=READ)),
    "its plate was read and its place forgotten": Case(passage(plate=replace(READ, p=0.01))),
    # not seen well
    "29 pictures": Case(passage(pictures=29)),
    "one picture": Case(passage(pictures=1)),
    "less than a second": Case(passage(lasts_s=0.99)),
    "far away": Case(passage(70.0, 150.0)),
    "far away at first": Case(passage(159.0, 400.0)),
    "goes too far away": Case(passage(400.0, 159.0), (before(side="rear"),)),
    "crosses the picture": Case(passage(300.0, 300.0)),
    "hardly comes nearer": Case(passage(200.0, 249.0)),
    "hardly goes away": Case(passage(249.0, 200.0), (before(side="rear"),)),
    # the law and the order
    "a front where the law asks for a rear one": Case(passage(), rule=NoPlate(ORDER, REAR_ONLY)),
    "a rear where the law asks for a front one": Case(
        passage(400.0, 200.0), (before(side="rear"),), NoPlate(ORDER, replace(BOTH, rear=False))
    ),
    "the order has ended": Case(passage(), rule=NoPlate(replace(ORDER, valid_until=AT), BOTH)),
    "the order ends meanwhile": Case(passage(), rule=NoPlate(replace(ORDER, valid_until=AT + timedelta(seconds=1)), BOTH)),
    "the order begins tomorrow": Case(passage(), rule=NoPlate(replace(ORDER, valid_from=AT + timedelta(days=1)), BOTH)),
    "the order may have ended by a clock that may be slow": Case(passage(clock_error_ms=2000.0), rule=ENDS_SOON),
    "the order may not have begun by a clock that may be fast": Case(passage(clock_error_ms=2001.0), rule=BEGAN_NOW),
    "a clock that may be wrong by ages": Case(passage(clock_error_ms=1e300)),
    # the camera
    "no record": Case(passage(), ()),
    "another register's word": Case(passage(), (replace(before(), register="register"),)),
    "another question": Case(passage(), (replace(before(), question="registered"),)),
    "the camera does not know": Case(passage(), (replace(before(), answer=Answer.UNKNOWN),)),
    "the camera says no": Case(passage(), (replace(before(), answer=Answer.NO),)),
    "two of a hundred before it showed none": Case(passage(), (before(100, 98),)),
    "ninety-nine vehicles before it": Case(passage(), (before(99, 99),)),
    "nobody before it": Case(passage(), (before(0, 0),)),
    "a third of those before it need none": Case(passage(), (before(100, 67),)),
    "the rears before it, of a front": Case(passage(), (before(side="rear"),)),
    "an answer without its entry": Case(passage(), (replace(before(), entry={}),)),
}


def judged(case: Case) -> Finding | None:
    return case.rule.judge(case.passage, case.records)


@pytest.mark.parametrize("name", FOUND)
def test_who_was_seen_well_and_showed_none_is_asked_about(name: str) -> None:
    case = FOUND[name]
    found = judged(case)
    assert found is not None
    assert (found.rule, found.plate, found.passage) == ("no_plate", "", case.passage)
    assert found.records == (case.records[-1],) and found.p == case.records[-1].p < 1.0, "as sure as its camera, and never more"
    assert found.measurements == () and found.part == "" and found.moments == (), "nothing was measured on the road"


@pytest.mark.parametrize("name", QUIET)
def test_who_showed_one_or_may_have_is_not(name: str) -> None:
    assert judged(QUIET[name]) is None


def test_it_is_told_what_was_seen_and_of_how_many_others() -> None:
    found = judged(Case(passage(), (before(100, 99),)))
    assert found is not None
    assert found.p == pytest.approx(100 / 102)
    assert found.because == (
        "In 36 pictures over 1.4 s its front was seen 200 to 400 pixels wide, with no plate on it, read or surely seen; of the "
        "100 vehicles before it that were seen as well, 99 showed theirs (the statute; order 2026/7)."
    )
    away = judged(FOUND["goes away"])
    assert away is not None and "its rear was seen 200 to 400 pixels wide" in away.because


def test_the_widest_pictures_come_first_and_twelve_at_most() -> None:
    nearer, away = judged(Case(passage(pictures=30))), judged(Case(passage(400.0, 200.0, pictures=30), (before(side="rear"),)))
    assert nearer is not None and away is not None
    assert nearer.decisive_frames == tuple(range(129, 129 - DECISIVE_FRAMES_MAX, -1))
    assert away.decisive_frames == tuple(range(100, 100 + DECISIVE_FRAMES_MAX))


@pytest.mark.parametrize("name", FOUND)
def test_one_picture_with_a_plate_clears_also_where_others_were_dropped(name: str) -> None:
    case = FOUND[name]
    last = case.passage.sightings[-1]
    with_plate = replace(last, plate_box=Box(310.0, 210.0, 340.0, 220.0))
    for every in (1, 2, 3):
        thinned = (*case.passage.sightings[:-1:every], with_plate)
        assert judged(replace(case, passage=replace(case.passage, sightings=thinned))) is None


def test_the_contract() -> None:
    contracts.rule(ASKS, passage(), AT)


def test_no_other_rule_speaks_of_who_has_no_plate() -> None:
    """Whatever the lists say, and every rule of the road: one that showed no plate is nobody's."""
    scene = replace(Site(1).scene, no_plate=AskedPlates(ORDER))
    rules: tuple[Rule, ...] = (Wanted(), Papers(), *rules_of(scene, load_law("DE")))
    assert len(rules) == 11
    entry = {"plate": TEXT, "reason": "stolen", "valid_to": "2026-03-31", "class": "car"}
    others = [
        Record(register, question, answer, AT, AT, 0.99, entry)
        for register, question in (("hotlist", "listed"), ("register", "registered"))
        for answer in (Answer.YES, Answer.NO)
    ]
    assert [found.rule for found in judge(rules, passage(), (*others, before()))] == ["no_plate"]
    assert list(judge(rules, passage(), others)) == []


def test_who_has_a_plate_is_not_asked_for_it_by_its_own_passage() -> None:
    """What all other passages look like: with a plate, its places, and what the lists answered."""
    lists = Record("hotlist", "listed", Answer.NO, AT, AT)
    assert judged(Case(passage(plates_in=tuple(range(36)), plate=READ), (lists, before()))) is None


@given(st.integers(0, 300), st.integers(0, 300))
def test_a_camera_is_sure_only_of_a_hundred_of_whom_it_missed_one_at_most(vehicles: int, missed: int) -> None:
    missed = min(vehicles, missed)
    answer, p = shown_before(vehicles, vehicles - missed)
    assert answer is (Answer.YES if vehicles >= VEHICLES_MIN and missed <= WITHOUT_MAX else Answer.UNKNOWN)
    assert 0.0 < p < 1.0, "nobody is ever sure"
    assert answer is Answer.UNKNOWN or p >= 1 - (WITHOUT_MAX + 1) / (VEHICLES_MIN + 2)
    # One more that shows its plate makes it surer, one more that shows none less so.
    more, less = shown_before(vehicles + 1, vehicles - missed + 1)[1], shown_before(vehicles + 1, vehicles - missed)[1]
    assert less < p < more


WAY = st.lists(st.tuples(st.floats(0.0, 3.0), st.floats(1.0, 2000.0), st.booleans()), min_size=1, max_size=30)


@given(WAY, st.floats(0.0, 1e300), st.sampled_from(("front", "rear")))
def test_whatever_was_seen_gives_an_answer(way: list[tuple[float, float, bool]], clock_error_ms: float, side: str) -> None:
    """And a finding is always of a side that was seen well, in no picture of which there is a plate."""
    at, sightings = AT, []
    for number, (step_s, width_px, has_plate) in enumerate(way):
        at += timedelta(seconds=step_s)
        place = Box(0.0, 0.0, 9.0, 3.0) if has_plate else None
        sightings.append(Sighting(number, at, Kind.VEHICLE, Box(0.0, 0.0, width_px, width_px), 0.9, place))
    one = Passage("1", "camera", tuple(sightings), clock_error_ms)
    found = ASKS.judge(one, (before(side=side),))
    if found is not None:
        assert side_seen(one) == side and not any(has_plate for _, _, has_plate in way)
