"""Counts that name nobody, for people who design streets: how many vehicles, how fast, how near to each other and to people.

No plate takes part, and nothing of one vehicle is kept: a passage becomes a few numbers in a histogram and is forgotten when
nothing can come near it any more. People are never followed: at each look it is only noted that somebody stood there, which is
forgotten after seconds. What fewer than CELL_MIN vehicles share is not told, and no sum is told from which it could be found.

    tally.passed(kind, times, places_m)     one vehicle's way over the road
    tally.people(at, places_m)              where people stood at one look
    tally.table()                           what may be published
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from math import cos, radians

import numpy as np
from numpy.typing import NDArray

from clearway.facts import Kind
from clearway.scene import Scene, depths_m

Array = NDArray[np.float64]

# A cell of fewer than this many is not published.
CELL_MIN = 5
QUARTER_MINUTES = 15
NO_LANE = "outside the lanes"
# Places in a lane that make a vehicle one of its, and the least way and time that make a speed.
PLACES_MIN, SPEED_WAY_M_MIN, SPEED_S_MIN = 3, 4.0, 0.4
SPEED_BIN_KMH, SPEED_BINS = 1.0, 200
PERCENTILES = (15, 50, 85)
# Conflicts as the surrogate safety assessment model of the US Federal Highway Administration counts them by default
# (FHWA-HRT-08-051, 2008): a time to collision of at most 1.5 s, a post-encroachment time of at most 5 s.
TTC_S_MAX, PET_S_MAX = 1.5, 5.0
# Ways that differ by more than this cross each other; less, and one follows the other.
CROSSING_COS = cos(radians(30))
# Nobody is this far from where the fastest (40 m/s) could have got to: a box that another vehicle half hides strays by less.
LEAP_M, LEAP_M_S = 15.0, 40.0
# Who drives in a lane drives along it, in either direction, within 45 degrees.
ALONG_COS = cos(radians(45))
# Half of what one vehicle, or a vehicle and a person, take up across: nearer middles want the same place.
VEHICLES_APART_M, PERSON_APART_M, IN_LANE_M = 1.8, 1.2, 1.2
# Lengths that nobody measures here: a car's, a two-wheeler's.
LENGTH_M = {Kind.VEHICLE: 4.5, Kind.TWO_WHEELER: 2.0}
# A way is compared at even steps; slower than this nobody is on a way to a collision.
STEP_S, MOVES_M_S = 0.2, 1.0
# What is held: ways for as long as somebody can come near them, people's places as long.
WAYS_MAX, WAY_STEPS_MAX, PLACES_HELD_MAX = 256, 600, 20_000
# A share of walking speed turns presence into crossings: 1.34 m/s is the mean (A. Daamen, "Modelling passenger flows", 2004).
WALK_M_S = 1.34


@dataclass(frozen=True, slots=True)
class Cell:
    """What may be told of one lane, class and quarter of an hour; `count` is None where it is fewer than CELL_MIN."""

    begins_at: datetime
    lane: str
    kind: Kind
    count: int | None
    speeds_kmh: tuple[float, ...] | None


@dataclass(frozen=True, slots=True)
class Near:
    """How many came near each other in one way, over all the time; None where they are fewer than CELL_MIN but not none."""

    who: str
    measure: str
    at_most_s: float
    count: int | None


@dataclass(frozen=True, slots=True)
class Table:
    """All that may be published. `people_s` is for how long people stood on the road in all (two people count twice), outside
    the crossings and on them; `looked_s` is for how long anybody looked."""

    cells: tuple[Cell, ...]
    near: tuple[Near, ...]
    people_s: dict[str, float | None]
    looked_s: float


@dataclass(slots=True)
class _Count:
    count: int = 0
    speeds: Array = field(default_factory=lambda: np.zeros(SPEED_BINS))


@dataclass(frozen=True, slots=True, eq=False)
class _Way:
    """One vehicle's way at even steps: seconds, places (n, 2), velocities (n, 2)."""

    kind: Kind
    s: Array
    places_m: Array
    velocity_m_s: Array


class Tally:
    """The counts of one view. Its memory does not grow with the vehicles, only with the quarters of an hour."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._cells: dict[tuple[datetime, str, Kind], _Count] = {}
        self._ways: deque[_Way] = deque(maxlen=WAYS_MAX)
        self._waiting: deque[_Way] = deque(maxlen=WAYS_MAX)
        self._people: deque[tuple[float, tuple[float, float]]] = deque(maxlen=PLACES_HELD_MAX)
        self._near = {(who, measure): np.zeros(3, int) for who, measure in _NEAR}
        self._people_s = {"outside the crossings": 0.0, "on the crossings": 0.0}
        self._looked_at: datetime | None = None
        self._looked_s = 0.0
        self._began_at: datetime | None = None

    def passed(self, kind: Kind, times: Sequence[datetime], places_m: Array) -> None:
        """Counts a vehicle that passed by its way over the road: places (n, 2) at those times, in order."""
        fine = np.asarray(np.isfinite(places_m).all(axis=1))
        times, places_m = [at for at, keep in zip(times, fine, strict=True) if keep], places_m[fine]
        for part in _unbroken(times, places_m):
            self._passed(kind, times[part], places_m[part])

    def _passed(self, kind: Kind, times: Sequence[datetime], places_m: Array) -> None:
        lane, on = self._lane(places_m)
        begins_at = _quarter(self._scene.local(times[int(np.argmax(on))]))
        cell = self._cells.setdefault((begins_at, lane, kind), _Count())
        cell.count += 1
        s = np.array([(at - times[0]).total_seconds() for at in times])
        speed_kmh = _speed_kmh(s[on], places_m[on])
        if speed_kmh is not None:
            cell.speeds[min(SPEED_BINS - 1, int(speed_kmh / SPEED_BIN_KMH))] += 1
        way = _even(kind, s + self._seconds(times[0]), places_m)
        if way is not None:
            self._waiting.append(way)

    def people(self, at: datetime, places_m: Array) -> None:
        """Notes where people stood at one look, (n, 2); those on no lane and no crossing count for nothing."""
        now_s = self._seconds(at)
        gone_s = (at - self._looked_at).total_seconds() if self._looked_at is not None else 0.0
        gone_s = gone_s if 0.0 <= gone_s <= 2.0 else 0.0
        self._looked_at, self._looked_s = at, self._looked_s + gone_s
        places_m = places_m[np.isfinite(places_m).all(axis=1)]
        on_road = self._inside([lane.zone_m for lane in self._scene.lane], places_m)
        on_crossing = self._inside([crossing.zone_m for crossing in self._scene.crossing], places_m)
        self._people_s["on the crossings"] += gone_s * float(on_crossing.sum())
        self._people_s["outside the crossings"] += gone_s * float((on_road & ~on_crossing).sum())
        self._people.extend((now_s, (float(a), float(c))) for a, c in places_m[on_road | on_crossing])
        while self._waiting and self._waiting[0].s[-1] + PET_S_MAX < now_s:
            self._compare(self._waiting.popleft())
        oldest_s = min((way.s[0] for way in self._waiting), default=now_s) - 60.0
        while self._people and self._people[0][0] < oldest_s:
            self._people.popleft()
        while self._ways and self._ways[0].s[-1] + PET_S_MAX < oldest_s:
            self._ways.popleft()

    def table(self) -> Table:
        """What may be published by now, with whoever has passed."""
        while self._waiting:
            self._compare(self._waiting.popleft())
        cells = []
        for (begins_at, lane, kind), cell in sorted(self._cells.items(), key=lambda one: (one[0][0], one[0][1], one[0][2].value)):
            told = cell.count >= CELL_MIN
            speeds = _percentiles(cell.speeds) if told and cell.speeds.sum() >= CELL_MIN else None
            cells.append(Cell(begins_at, lane, kind, cell.count if told else None, speeds))
        near = tuple(
            Near(who, measure, at_most_s, int(count) if count >= CELL_MIN or count == 0 else None)
            for (who, measure), counts in self._near.items()
            for at_most_s, count in zip(_NEAR[who, measure], counts, strict=False)
        )
        # Less time than CELL_MIN people need to cross a lane may be one person.
        least_s = CELL_MIN * 3.5 / WALK_M_S
        people_s = {where: round(s, 1) if s >= least_s or s == 0 else None for where, s in self._people_s.items()}
        return Table(tuple(cells), near, people_s, round(self._looked_s, 1))

    def _seconds(self, at: datetime) -> float:
        if self._began_at is None:
            self._began_at = at
        return (at - self._began_at).total_seconds()

    def _lane(self, places_m: Array) -> tuple[str, NDArray[np.bool_]]:
        """The lane that most of the way lies in, and which places do."""
        inside = {lane.name: depths_m(lane.zone_m, places_m) > 0 for lane in self._scene.lane}
        ways = {lane.name: np.array(lane.towards) / np.hypot(*lane.towards) for lane in self._scene.lane}
        name = max(inside, key=lambda one: int(inside[one].sum()), default=None)
        if name is not None and inside[name].sum() >= PLACES_MIN:
            way = places_m[inside[name]][-1] - places_m[inside[name]][0]
            # Who only crosses a lane drives in none.
            if abs(way @ ways[name]) >= ALONG_COS * np.hypot(*way):
                return name, inside[name]
        return NO_LANE, np.ones(len(places_m), np.bool_)

    def _inside(self, zones: Sequence[tuple[tuple[float, float], ...]], places_m: Array) -> NDArray[np.bool_]:
        inside = np.zeros(len(places_m), np.bool_)
        for zone in zones if len(places_m) else ():
            inside |= depths_m(zone, places_m) >= 0
        return inside

    def _compare(self, way: _Way) -> None:
        """How near it came to vehicles that were there before, and to people."""
        for other in self._ways:
            if other.s[-1] + PET_S_MAX >= way.s[0] and way.s[-1] + PET_S_MAX >= other.s[0]:
                self._note("vehicle and vehicle", "time to collision", _ttc_s(way, other))
                self._note("vehicle and vehicle", "post-encroachment time", _pet_s(way, other))
        stood = [one for one in self._people if way.s[0] - PET_S_MAX <= one[0] <= way.s[-1] + PET_S_MAX]
        if stood:
            at_s, places_m = np.array([s for s, _ in stood]), np.array([place for _, place in stood])
            self._note("vehicle and person", "time to collision", _ttc_to_person_s(way, at_s, places_m))
            self._note("vehicle and person", "post-encroachment time", _pet_to_person_s(way, at_s, places_m))
        self._ways.append(way)

    def _note(self, who: str, measure: str, seconds: float | None) -> None:
        if seconds is not None:
            for n, at_most_s in enumerate(_NEAR[who, measure]):
                self._near[who, measure][n] += seconds <= at_most_s


_NEAR = {
    (who, measure): bounds
    for who in ("vehicle and vehicle", "vehicle and person")
    for measure, bounds in (("time to collision", (0.75, TTC_S_MAX)), ("post-encroachment time", (1.5, 3.0, PET_S_MAX)))
}


def _unbroken(times: Sequence[datetime], places_m: Array) -> Iterator[slice]:
    """The stretches that one vehicle can have driven: whoever leaps was taken for another that came in its place."""
    if len(times) < PLACES_MIN:
        return
    s = np.array([(at - times[0]).total_seconds() for at in times])
    leapt_m = np.hypot(*np.diff(places_m, axis=0).T) - LEAP_M_S * np.diff(s)
    ends = [0, *(np.flatnonzero(leapt_m > LEAP_M) + 1).tolist(), len(times)]
    for first, last in pairwise(ends):
        if last - first >= PLACES_MIN:
            yield slice(first, last)


def _quarter(local: datetime) -> datetime:
    return local.replace(minute=local.minute // QUARTER_MINUTES * QUARTER_MINUTES, second=0, microsecond=0)


def _speed_kmh(s: Array, places_m: Array) -> float | None:
    """The mean speed along the way: a line through how far it had come, which strays of single places move little."""
    if len(s) < PLACES_MIN or s[-1] - s[0] < SPEED_S_MIN:
        return None
    way = places_m[-1] - places_m[0]
    length_m = float(np.hypot(*way))
    if length_m < SPEED_WAY_M_MIN:
        return None
    t, gone = s - s.mean(), places_m @ (way / length_m)
    return abs(float(t @ (gone - gone.mean()) / (t @ t))) * 3.6


def _percentiles(bins: Array) -> tuple[float, ...]:
    """Speeds that so many of 100 do not exceed, from the histogram: the upper end of the bin."""
    share = np.cumsum(bins) / bins.sum()
    return tuple(float((np.searchsorted(share, percent / 100 - 1e-9) + 1) * SPEED_BIN_KMH) for percent in PERCENTILES)


def _even(kind: Kind, s: Array, places_m: Array) -> _Way | None:
    """The way at even steps, smoothed over about half a second; None where it is too short to have a velocity."""
    if s[-1] - s[0] < 2 * STEP_S:
        return None
    steps = np.arange(s[0], s[-1], STEP_S)[:WAY_STEPS_MAX]
    if len(steps) < 4:
        return None
    places = np.stack([np.interp(steps, s, places_m[:, axis]) for axis in range(2)], axis=1)
    padded = np.concatenate([places[:1], places, places[-1:]])
    places = (padded[:-2] + padded[1:-1] + padded[2:]) / 3
    return _Way(kind, steps, places, np.gradient(places, STEP_S, axis=0))


def _ttc_s(one: _Way, other: _Way) -> float | None:
    """The least time to collision of two where one follows the other: the gap between them, by how fast it closes."""
    from_s, until_s = max(one.s[0], other.s[0]), min(one.s[-1], other.s[-1])
    if until_s - from_s < STEP_S:
        return None
    t = np.arange(from_s, until_s, STEP_S)
    (a, v), (b, w) = _at(one, t), _at(other, t)
    fast, slow = np.hypot(*v.T), np.hypot(*w.T)
    least = None
    for behind_m, behind_v, ahead_m, ahead_v, speed in ((a, v, b, w, fast), (b, w, a, v, slow)):
        heading = behind_v / np.maximum(speed, 1e-6)[:, None]
        off = ahead_m - behind_m
        along = (off * heading).sum(axis=1)
        aside = np.abs(off[:, 0] * heading[:, 1] - off[:, 1] * heading[:, 0])
        alike = (ahead_v * heading).sum(axis=1) >= CROSSING_COS * np.hypot(*ahead_v.T) - 0.5
        closing = speed - (ahead_v * heading).sum(axis=1)
        # Places are of the same end of both, so that one length lies between them, whichever way they drive.
        gap = along - max(LENGTH_M[one.kind], LENGTH_M[other.kind])
        danger = (speed > MOVES_M_S) & (gap > 0) & (aside < IN_LANE_M) & alike & (closing > 0.5)
        if danger.any():
            seconds = float((gap[danger] / closing[danger]).min())
            least = seconds if least is None else min(least, seconds)
    return least


def _pet_s(one: _Way, other: _Way) -> float | None:
    """The least time between two that cross wanting the same place; None where their ways do not cross."""
    apart = np.hypot(*(one.places_m[:, None] - other.places_m[None]).transpose(2, 0, 1))
    fast, slow = np.hypot(*one.velocity_m_s.T), np.hypot(*other.velocity_m_s.T)
    cosine = one.velocity_m_s @ other.velocity_m_s.T / np.maximum(fast[:, None] * slow[None], 1e-6)
    meet = (apart < VEHICLES_APART_M) & (np.abs(cosine) < CROSSING_COS) & (fast[:, None] > MOVES_M_S) & (slow[None] > MOVES_M_S)
    if not meet.any():
        return None
    return float(np.abs(one.s[:, None] - other.s[None])[meet].min())


def _ttc_to_person_s(way: _Way, at_s: Array, places_m: Array) -> float | None:
    """The least time in which the vehicle would have reached somebody who stood in its way, had both gone on so."""
    along, aside, speed = _before(way, at_s, places_m)
    danger = (speed > MOVES_M_S) & (along > 0) & (aside < PERSON_APART_M)
    return float((along[danger] / speed[danger]).min()) if danger.any() else None


def _pet_to_person_s(way: _Way, at_s: Array, places_m: Array) -> float | None:
    """The least time between somebody standing at a place and the vehicle being there, or the other way round."""
    apart = np.hypot(*(way.places_m[:, None] - places_m[None]).transpose(2, 0, 1))
    meet = (apart < PERSON_APART_M) & (np.hypot(*way.velocity_m_s.T)[:, None] > MOVES_M_S)
    return float(np.abs(way.s[:, None] - at_s[None])[meet].min()) if meet.any() else None


def _before(way: _Way, at_s: Array, places_m: Array) -> tuple[Array, Array, Array]:
    """How far ahead and aside of the vehicle people stood, and how fast it was; nan where it was not there."""
    seen = (at_s >= way.s[0]) & (at_s <= way.s[-1])
    place, velocity = _at(way, at_s)
    speed = np.hypot(*velocity.T)
    heading = velocity / np.maximum(speed, 1e-6)[:, None]
    off = places_m - place
    along = np.where(seen, (off * heading).sum(axis=1), np.nan)
    return along, np.abs(off[:, 0] * heading[:, 1] - off[:, 1] * heading[:, 0]), speed


def _at(way: _Way, t: Array) -> tuple[Array, Array]:
    return (
        np.stack([np.interp(t, way.s, way.places_m[:, axis]) for axis in range(2)], axis=1),
        np.stack([np.interp(t, way.s, way.velocity_m_s[:, axis]) for axis in range(2)], axis=1),
    )
