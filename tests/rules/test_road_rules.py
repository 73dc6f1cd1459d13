"""Each rule of the road finds what is certain, and says nothing of what is legal but close."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearway.facts import Answer, Box, Drive, Finding, Kind, Lamp, Light, Measurement, Passage, Plate, Record, Sighting, Waypoint
from clearway.plates import ALPHABET
from clearway.ports import Rule
from clearway.rules.bus_lane import BusLaneRule
from clearway.rules.forbidden_turn import ForbiddenTurnRule
from clearway.rules.laws import Allowance, Clause, Grace, SpeedTolerance
from clearway.rules.red_light import RedLight
from clearway.rules.solid_line import SolidLineRule
from clearway.rules.speed import Speed
from clearway.rules.stop_line import StopLineRule
from clearway.rules.stopping import Stopping
from clearway.rules.wrong_way import WrongWay
from clearway.scene import BusLane, ForbiddenTurn, Hours, NoStopping, OneWay, Order, SolidLine, StopLine, Zone
from clearway.testing import contracts
from clearway.track.queue import blocked

# A Monday, 08:00.
AT = datetime(2026, 11, 23, 8, tzinfo=UTC)
TEXT = "KA17PLE"
ORDER = Order("order 2026/1", AT - timedelta(days=30), AT + timedelta(days=30))
LANE: Zone = ((0.0, 0.0), (60.0, 0.0), (60.0, 3.5), (0.0, 3.5))
Path = Sequence[tuple[float, float, float]]  # seconds, along, across


def at(seconds: float) -> datetime:
    return AT + timedelta(seconds=seconds)


def passage(
    path: Path,
    *,
    error_m: float = 0.2,
    speed: tuple[float, float] | None = None,
    lamps: tuple[Lamp, ...] = (),
    held_up: tuple[tuple[datetime, datetime], ...] | None = (),
    clock_error_ms: float = 100.0,
    plate_p: float = 0.99,
) -> Passage:
    """A vehicle that was seen at those places, whose plate was read."""
    way = tuple(Waypoint(at(s), along, across, error_m, error_m) for s, along, across in path)
    sightings = tuple(Sighting(n, w.at, Kind.VEHICLE, Box(0, 0, 9, 9), 0.9) for n, w in enumerate(way))
    measured = Measurement("speed", *speed, "km/h", "the mean over 20.0 m") if speed else None
    plate = Plate(TEXT, plate_p, 3, (), np.zeros((len(TEXT), len(ALPHABET))))
    return Passage("1", "camera", sightings, clock_error_ms, plate, Drive(way, measured, lamps, held_up))


def straight(from_m: float, to_m: float, speed_m_s: float, across_m: float = 1.75, fps: float = 10.0) -> Path:
    """Along the lane at an even speed, nearer to the camera (at 0) where `to_m` is less."""
    seconds = abs(to_m - from_m) / speed_m_s
    steps = max(2, round(seconds * fps))
    return [(seconds * n / steps, from_m + (to_m - from_m) * n / steps, across_m) for n in range(steps + 1)]


LIMIT = Speed(50.0, ORDER, SpeedTolerance("the statute", "for this test", 3.0, 3.0, "larger"))
STREET = WrongWay(OneWay("the street", LANE, (-1.0, 0.0), ORDER), Allowance("the statute", "for this test", 10.0))
LINE = StopLine("the arm", ((20.0, 0.0), (20.0, 3.5)), (-1.0, 0.0), "K1", 4.0, ORDER)
RED = RedLight(LINE, (0.0, 0.0), Grace("the statute", "for this test", 0.0))
STOP = StopLineRule(LINE, (0.0, 0.0), Allowance("the statute", "for this test", 0.5))
BUS = BusLaneRule(
    BusLane("the bus lane", LANE, (Hours(("mon",), "07:00", "09:00"),), ("bus", "taxi"), ORDER),
    lambda moment: moment,
    Allowance("the statute", "for this test", 30.0),
)
PARK = Stopping(NoStopping("the bay", LANE, (-1.0, 0.0), "parking", ORDER), Grace("the statute", "for this test", 180.0))
SOLID = SolidLineRule(SolidLine("the line", ((0.0, 3.5), (60.0, 3.5)), ORDER), Allowance("the statute", "for this test", 0.5))
TURN = ForbiddenTurnRule(
    ForbiddenTurn("the U-turn", LANE, ((0.0, 3.5), (60.0, 3.5), (60.0, 7.0), (0.0, 7.0)), ORDER),
    Clause("the statute", "for this test"),
)
RULES: tuple[Rule, ...] = (LIMIT, STREET, RED, STOP, BUS, PARK, SOLID, TURN)


def red(from_s: float, until_s: float, *, signal: str = "K1", light: Light = Light.RED, error_ms: float = 150.0) -> Lamp:
    return Lamp(signal, light, at(from_s), at(until_s), error_ms)


def registered(kind: str = "car", answer: Answer = Answer.YES) -> Record:
    return Record("register", "registered", answer, AT, AT, 0.99, {"plate": TEXT, "class": kind})


def stands(seconds: float, along_m: float = 30.0, fps: float = 1.0) -> Path:
    return [(n / fps, along_m, 1.75) for n in range(round(seconds * fps) + 1)]


def lane_change(from_across: float, to_across: float) -> Path:
    return [(n / 10, 50.0 - n, from_across + (to_across - from_across) * min(1.0, max(0.0, (n - 10) / 20))) for n in range(41)]


def u_turn() -> Path:
    turn = np.linspace(0, np.pi, 30)
    return [(n / 10, float(20 - 6 * np.sin(a)), float(3.5 - 2 * np.cos(a))) for n, a in enumerate(turn)]


@dataclass(frozen=True)
class Case:
    rule: Rule
    passage: Passage
    records: tuple[Record, ...] = ()


THROUGH = straight(40.0, 8.0, 10.0)  # reaches the stop line at 20 m after 2.0 s, and 16 m after 2.4 s

FOUND = {
    "faster than limit and tolerance": Case(LIMIT, passage(THROUGH, speed=(55.1, 2.0))),
    "30 m the wrong way": Case(STREET, passage(straight(10.0, 40.0, 8.0))),
    "the wrong way, slowly": Case(STREET, passage(straight(10.0, 24.0, 2.0))),
    "over the line on red": Case(RED, passage(THROUGH, lamps=(red(-5, 20),))),
    "over the line on young red": Case(RED, passage(THROUGH, lamps=(red(-3, 1.5, light=Light.AMBER), red(1.5, 20)))),
    "another signal was green": Case(RED, passage(THROUGH, lamps=(red(-5, 20), red(-5, 20, signal="K2", light=Light.GREEN)))),
    "stood beyond the line": Case(STOP, passage([*straight(30.0, 18.5, 5.0), (5.0, 18.5, 1.75)], lamps=(red(-5, 20),))),
    "a car in the bus lane": Case(BUS, passage(straight(55.0, 10.0, 10.0)), (registered(),)),
    "parked for four minutes": Case(PARK, passage(stands(240.0))),
    "parked after a queue had left": Case(PARK, passage(stands(300.0), held_up=((at(0), at(60)),))),
    "over the solid line": Case(SOLID, passage(lane_change(1.75, 5.25))),
    "back over the solid line": Case(SOLID, passage(lane_change(5.25, 1.75))),
    "a U-turn": Case(TURN, passage(u_turn())),
}

QUIET = {
    # speed
    "the interval reaches limit and tolerance": Case(LIMIT, passage(THROUGH, speed=(55.0, 2.0))),
    "within the tolerance": Case(LIMIT, passage(THROUGH, speed=(52.0, 0.5))),
    "no speed was measured": Case(LIMIT, passage(THROUGH)),
    # wrong way
    "the right way": Case(STREET, passage(straight(40.0, 10.0, 8.0))),
    "reverses into a space": Case(STREET, passage(straight(10.0, 19.0, 2.0))),
    "ten metres and the error": Case(STREET, passage(straight(10.0, 20.3, 2.0))),
    "the other lane": Case(STREET, passage(straight(10.0, 40.0, 8.0, across_m=5.2))),
    "perhaps the other lane": Case(STREET, passage(straight(10.0, 40.0, 8.0, across_m=3.4))),
    "one leap": Case(STREET, passage([(0.0, 10.0, 1.7), (0.1, 10.1, 1.7), (2.1, 40.0, 1.7), (2.2, 40.1, 1.7), (2.3, 40.2, 1.7)])),
    "crosses the street": Case(STREET, passage([(n / 10, 30.0, n / 5) for n in range(20)])),
    # red light
    "green": Case(RED, passage(THROUGH, lamps=(red(-5, 20, light=Light.GREEN),))),
    "amber when it crossed, red soon after": Case(RED, passage(THROUGH, lamps=(red(-1, 2.1, light=Light.AMBER), red(2.1, 20)))),
    "over the line when it turned red": Case(RED, passage(THROUGH, lamps=(red(2.3, 20),))),
    "red by less than the clocks know": Case(RED, passage(THROUGH, lamps=(red(1.85, 20),))),
    "nobody reports the lamp": Case(RED, passage(THROUGH)),
    "the lamp is unknown": Case(RED, passage(THROUGH, lamps=(red(-5, 20, light=Light.UNKNOWN),))),
    "the reports end before it crossed": Case(RED, passage(THROUGH, lamps=(red(-5, 2.2),))),
    "two reports contradict each other": Case(RED, passage(THROUGH, lamps=(red(-5, 20), red(1, 3, light=Light.GREEN)))),
    "another signal's red": Case(RED, passage(THROUGH, lamps=(red(-5, 20, signal="K2"),))),
    "turned green before it crossed": Case(RED, passage(THROUGH, lamps=(red(-5, 1.9), red(1.9, 20, light=Light.GREEN)))),
    "stops beyond the line": Case(RED, passage([*straight(30.0, 18.5, 5.0), (5.0, 18.5, 1.75)], lamps=(red(-5, 20),))),
    "stops before the line": Case(RED, passage(straight(40.0, 21.0, 8.0), lamps=(red(-5, 20),))),
    "passes beside the line": Case(RED, passage(straight(40.0, 8.0, 10.0, across_m=3.4), lamps=(red(-5, 20),))),
    "a signal's clock that may be a day off": Case(RED, passage(THROUGH, lamps=(red(-5, 20, error_ms=86_400_000.0),))),
    "nobody saw the lamp for a moment": Case(
        RED, passage(THROUGH, lamps=(red(-5, 1.95), red(1.95, 2.05, light=Light.UNKNOWN), red(2.05, 20)))
    ),
    "red and amber, before green": Case(RED, passage(THROUGH, lamps=(red(-5, 0.8), red(0.8, 20, light=Light.RED_AMBER)))),
    # a rear plate tells little of where the front was: the other way round, the same red
    "a rear plate, young red": Case(
        RedLight(replace(LINE, towards=(1.0, 0.0)), (0.0, 0.0), Grace("the statute", "for this test", 0.0)),
        passage(straight(8.0, 40.0, 10.0), lamps=(red(0.3, 20),)),
    ),
    # stop line
    "drives on into the junction": Case(STOP, passage(THROUGH, lamps=(red(-5, 20),))),
    "on the line": Case(STOP, passage([*straight(30.0, 19.6, 5.0), (5.0, 19.6, 1.75)], lamps=(red(-5, 20),))),
    # bus lane
    "a bus": Case(BUS, passage(straight(55.0, 10.0, 10.0)), (registered("bus"),)),
    "a taxi, written large": Case(BUS, passage(straight(55.0, 10.0, 10.0)), (registered("Taxi"),)),
    "the register is silent": Case(BUS, passage(straight(55.0, 10.0, 10.0)), (registered(answer=Answer.UNKNOWN),)),
    "there is no register": Case(BUS, passage(straight(55.0, 10.0, 10.0))),
    "the register has no class": Case(BUS, passage(straight(55.0, 10.0, 10.0)), (registered(""),)),
    "turns across": Case(BUS, passage(straight(40.0, 15.0, 10.0)), (registered(),)),
    "on the line beside the lane": Case(BUS, passage(straight(55.0, 10.0, 10.0, across_m=0.1)), (registered(),)),
    "perhaps before the hours": Case(BUS, passage(straight(55.0, 10.0, 10.0), clock_error_ms=3_600_001.0), (registered(),)),
    "perhaps after the hours": Case(BUS, passage(straight(55.0, 10.0, 10.0), clock_error_ms=3_599_000.0), (registered(),)),
    # parking
    "three minutes": Case(PARK, passage(stands(180.0))),
    "a queue": Case(PARK, passage(stands(600.0), held_up=((at(0), at(600)),))),
    "a queue that moves off twice": Case(PARK, passage(stands(500.0), held_up=((at(100), at(170)), (at(300), at(420))))),
    "nobody looked what stood ahead": Case(PARK, passage(stands(240.0), held_up=None)),
    "a red light": Case(PARK, passage(stands(240.0), lamps=(red(0, 240),))),
    "out of sight for a while": Case(PARK, passage([*stands(100.0), *((s + 120, a, c) for s, a, c in stands(120.0))])),
    "creeps": Case(PARK, passage([(float(n), 10.0 + n * 0.1, 1.75) for n in range(241)])),
    "the clock jumps by an hour": Case(PARK, passage([*stands(50.0), *((s + 3650, a, c) for s, a, c in stands(50.0))])),
    # solid line
    "beside the solid line": Case(SOLID, passage(straight(50.0, 10.0, 10.0, across_m=2.6))),
    "touches the solid line": Case(SOLID, passage(lane_change(1.75, 3.9))),
    "crosses before the line begins": Case(
        SolidLineRule(SolidLine("the line", ((0.0, 3.5), (28.0, 3.5)), ORDER), Allowance("the statute", "for this test", 0.5)),
        passage(lane_change(1.75, 5.25)),
    ),
    "is taken for the neighbour": Case(SOLID, passage([(n / 10, 50.0 - n, 1.75 if n < 20 else 5.25) for n in range(40)])),
    # forbidden turn
    "straight on": Case(TURN, passage(THROUGH)),
    "comes from the other lane": Case(TURN, passage([(s, a, 7.0 - c) for s, a, c in u_turn()])),
}


def judged(case: Case) -> Finding | None:
    return case.rule.judge(case.passage, case.records)


@pytest.mark.parametrize("name", FOUND)
def test_what_is_certain_is_found(name: str) -> None:
    found = judged(FOUND[name])
    assert found is not None
    assert found.rule == FOUND[name].rule.name and found.plate == TEXT and found.p == 0.99
    (measurement,) = found.measurements
    assert f"{measurement.value:.1f} {measurement.unit} ± {measurement.uncertainty:.1f}" in found.because, "it is told"
    assert "order 2026/1" in found.because and "the statute" in found.because, "and whose limit it is"
    assert TEXT not in found.because


@pytest.mark.parametrize("name", QUIET)
def test_what_is_legal_or_not_certain_is_not_found(name: str) -> None:
    assert judged(QUIET[name]) is None


@pytest.mark.parametrize("name", FOUND)
def test_doubt_clears(name: str) -> None:
    """The same drive with a plate hardly read, an order out of force, or errors as large as what is measured."""
    case = FOUND[name]
    assert judged(replace(case, passage=_with(case.passage, plate_p=0.89))) is None
    later = timedelta(days=31)
    assert judged(replace(case, passage=_moved(case.passage, later))) is None
    assert judged(replace(case, passage=_moved(case.passage, -later))) is None
    assert judged(replace(case, passage=replace(case.passage, drive=None))) is None
    assert judged(replace(case, passage=replace(case.passage, plate=None))) is None
    drive = case.passage.drive
    assert drive is not None
    vague = tuple(replace(w, along_error_m=2.9, across_error_m=2.9) for w in drive.waypoints)
    slow = replace(drive.speed, uncertainty=6.0) if drive.speed else None
    assert judged(replace(case, passage=replace(case.passage, drive=replace(drive, waypoints=vague, speed=slow)))) is None


@pytest.mark.parametrize("name", QUIET)
def test_dropped_frames_make_no_finding_of_what_is_none(name: str) -> None:
    drive = QUIET[name].passage.drive
    assert drive is not None
    for every in (2, 3, 5, 9):
        thinned = replace(drive, waypoints=drive.waypoints[::every])
        assert judged(replace(QUIET[name], passage=replace(QUIET[name].passage, drive=thinned))) is None


def _with(one: Passage, plate_p: float) -> Passage:
    assert one.plate is not None
    return replace(one, plate=replace(one.plate, p=plate_p))


def _moved(one: Passage, by: timedelta) -> Passage:
    drive = one.drive
    assert drive is not None
    return replace(
        one,
        sightings=tuple(replace(s, captured_at=s.captured_at + by) for s in one.sightings),
        drive=replace(
            drive,
            waypoints=tuple(replace(w, at=w.at + by) for w in drive.waypoints),
            lamps=tuple(replace(lamp, from_at=lamp.from_at + by, until_at=lamp.until_at + by) for lamp in drive.lamps),
            blocked=tuple((a + by, b + by) for a, b in drive.blocked) if drive.blocked is not None else None,
        ),
    )


@pytest.mark.parametrize("made", RULES, ids=lambda made: made.name)
def test_the_contract(made: Rule) -> None:
    contracts.rule(made, passage(straight(40.0, 8.0, 10.0)), AT)
    contracts.rule(made, replace(passage(straight(40.0, 8.0, 10.0)), drive=Drive(())), AT)


WALK = st.lists(st.tuples(st.floats(0.01, 2.0), st.floats(-9.0, 9.0), st.floats(-3.0, 3.0), st.floats(0.05, 2.0)), max_size=30)


@given(WALK, st.floats(0.0, 1e12))
def test_no_drive_makes_a_rule_fail(walk: list[tuple[float, float, float, float]], clock_error_ms: float) -> None:
    """Any drive at all, and any clock: an answer, and one whose interval lies beyond what is allowed."""
    s, along, across, path = 0.0, 30.0, 1.75, []
    for step_s, step_m, aside_m, _ in walk:
        s, along, across = s + step_s, along + step_m, across + aside_m
        path.append((s, along, across))
    if not path:
        return
    one = passage(path, lamps=(red(-100, 1000),), clock_error_ms=clock_error_ms)
    for made in RULES:
        found = made.judge(one, (registered(),))
        assert found is None or found.measurements[0].low > 0


def test_a_finding_shows_the_plate_then_before_and_after() -> None:
    found = judged(FOUND["over the line on red"])
    assert found is not None
    best, before, after = found.decisive_frames[:3]
    drive = FOUND["over the line on red"].passage.drive
    assert drive is not None
    assert drive.waypoints[before].along_m > 20.5 and drive.waypoints[after].along_m < 16.0
    assert best not in (before, after)


AHEAD: dict[str, tuple[Callable[[], list[Waypoint]], bool]] = {
    "stands close ahead": (lambda: [Waypoint(at(n), 22.0, 1.75, 0.2, 0.2) for n in range(10)], True),
    "stands far ahead": (lambda: [Waypoint(at(n), 10.0, 1.75, 0.2, 0.2) for n in range(10)], False),
    "stands behind": (lambda: [Waypoint(at(n), 38.0, 1.75, 0.2, 0.2) for n in range(10)], False),
    "stands in the next lane": (lambda: [Waypoint(at(n), 22.0, 5.25, 0.2, 0.2) for n in range(10)], False),
}


@pytest.mark.parametrize("name", AHEAD)
def test_who_stands_close_ahead_holds_up(name: str) -> None:
    made, holds = AHEAD[name]
    own = [Waypoint(at(n), 30.0, 1.75, 0.2, 0.2) for n in range(10)]
    assert blocked(own, [made()], (-1.0, 0.0)) == (((at(-3), at(12)),) if holds else ())
    assert blocked([], [made()], (-1.0, 0.0)) == ()
