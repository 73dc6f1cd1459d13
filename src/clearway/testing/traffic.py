"""Simulated drives over a surveyed junction, with the truth of each: what the rules of the road are tested and measured with.

    site = Site(seed)
    case = site.case("red_light", guilty=False)      a trap: legal, but close to what the rule asks about
    passage = site.filmed(case)                      what a camera and a detector make of it: boxes, with their errors
    rules_of(site.scene, law)                        judge it; `case.guilty` is the truth

Nothing is drawn: a rule sees boxes, so boxes are made, with what a camera, a detector, a clock and a surveyor get wrong. Places
are (along, across) in metres, along counted from below the camera:

    across   3.6 to  6.6   a bay where nobody may park
             0   to  3.5   a bus lane, towards the camera        both one-way, with a stop line at 22 m
            -3.5 to  0     a lane towards the camera
            -3.5           a solid line, from 12 to 44 m
            -7   to -3.5   a lane away from the camera, into which no U-turn is allowed

The scene is what a surveyor wrote down, so it differs from the truth by errors such as it states. The same seed gives the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import atan, cos, pi, sin

import numpy as np
from numpy.typing import NDArray

from clearway.facts import Answer, Box, Drive, Kind, Lamp, Light, Passage, Plate, Reading, Record, Sighting
from clearway.plates import ALPHABET
from clearway.scene import (
    BusLane,
    Calibration,
    Camera,
    Followed,
    ForbiddenTurn,
    FrameClock,
    Hours,
    KnownPoint,
    Lens,
    NoStopping,
    OneWay,
    Order,
    Point,
    Scene,
    SolidLine,
    SpeedLimit,
    StopLine,
    Survey,
    Zone,
)
from clearway.testing.street import honest_reading
from clearway.track.ground import Ground
from clearway.track.queue import blocked

Array = NDArray[np.float64]

# A Monday, 08:00 in Berlin.
STARTS_AT = datetime(2026, 11, 23, 7, tzinfo=UTC)
RULES = ("speed", "wrong_way", "red_light", "stop_line", "bus_lane", "parking", "solid_line", "forbidden_turn")
LIMIT_KMH, STOP_LINE_M, ENTERS_M = 50.0, 22.0, 6.0
LANE, BUS, AWAY, BAY = -1.75, 1.75, -5.25, 5.1
STRETCH: Zone = ((14.0, -3.5), (36.0, -3.5), (36.0, 3.5), (14.0, 3.5))
PICTURE_PX = (3840, 2160)
# Where a plate is large enough to be found, and where it leaves the picture.
SEEN_FROM_M, SEEN_UNTIL_M = 50.0, 10.0
# Plates hang between these heights (0.3 m is the lowest that Regulation (EU) 2021/535 allows for rear ones; 0.8 m a lorry's).
PLATE_UP_M = (0.3, 0.8)
CLOCK_ERROR_MS, SIGNAL_CLOCK_ERROR_MS = 100.0, 50.0
_KNOWN_M = np.array([(12.0, -3.5), (12.0, 3.5), (20.0, 0.0), (20.0, 3.5), (30.0, -3.5), (30.0, 3.5), (45.0, -3.5), (45.0, 3.5)])
_ORDER = Order("simulated order", STARTS_AT - timedelta(days=300), STARTS_AT + timedelta(days=300))
_STEP_S = 0.02
# The plate of the vehicle that is followed, one nearly the same, and another; and how many ways there are to read each.
TEXT, TWIN, STRANGER, VARIANTS = "AB12CDE", "AB12CFG", "KX47LMN", 8


@dataclass(frozen=True, slots=True, eq=False)
class Way:
    """Where the middle of one vehicle's plate truly is: (n, 2) metres every `_STEP_S` from `from_s`, and its height."""

    from_s: float
    places_m: Array
    up_m: float

    @property
    def until_s(self) -> float:
        return self.from_s + (len(self.places_m) - 1) * _STEP_S

    def at(self, t: Array) -> Array:
        """(n, 2) metres at those true times."""
        known = self.from_s + np.arange(len(self.places_m)) * _STEP_S
        return np.stack([np.interp(t, known, self.places_m[:, axis]) for axis in range(2)], axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One vehicle's drive with what belongs to it. `guilty` says whether its rule was broken; `tolerated` that a limit was, but
    by no more than the law forgives. `others` are vehicles that the camera sees beside it; `swaps_to` is one that a tracker
    takes for it from `swaps_s` on."""

    rule: str
    guilty: bool
    way: Way
    frames_per_s: float
    lamps: tuple[Lamp, ...] = ()
    records: tuple[Record, ...] = ()
    others: tuple[Way, ...] = ()
    starts_at: datetime = STARTS_AT
    tolerated: bool = False
    swaps_to: Way | None = None
    swaps_s: float = field(default=0.0)


class Site:
    """A camera over the junction and its scene, different for every seed. `up_spread` shrinks how far plates' heights differ,
    and what the scene says about it: 1 where nobody knows them, 0.1 where they are known to a few centimetres."""

    def __init__(self, seed: int, up_spread: float = 1.0) -> None:
        self._dice = dice = np.random.default_rng(seed)
        middle, half = sum(PLATE_UP_M) / 2, (PLATE_UP_M[1] - PLATE_UP_M[0]) / 2 * up_spread
        self._up_m = middle - half, middle + half
        self._foot_m, self._height_m = (0.0, float(dice.uniform(-3, 3))), float(dice.uniform(7, 10))
        focal_px = float(dice.uniform(3000, 3600))
        self._lens = Lens(float(dice.uniform(-0.1, 0.02)), 0.0, focal_px, (PICTURE_PX[0] / 2, PICTURE_PX[1] / 2))
        self._down = atan(self._height_m / SEEN_UNTIL_M) - atan(PICTURE_PX[1] / 2 / focal_px)
        u_px, u_m = 1.0, 0.02
        clicked = self.pictured(_KNOWN_M, 0.0) + dice.normal(0, u_px, _KNOWN_M.shape)
        clicked = np.clip(clicked, 0, PICTURE_PX)
        metres = _KNOWN_M + dice.normal(0, u_m, _KNOWN_M.shape)
        points = tuple(KnownPoint(_point(px), _point(m)) for px, m in zip(clicked, metres, strict=True))
        off = dice.normal(0, 0.05, 3)
        camera = Camera(self._foot_m[0] + off[0], self._foot_m[1] + off[1], self._height_m + off[2], 0.05)
        # A height that may be anywhere between two has the standard uncertainty of half the span over √3 (GUM, 4.3.7).
        followed = Followed(middle, half / 3**0.5, 1.5, 0.2)
        calibration = Calibration(Survey(points, u_px, u_m), camera, followed, FrameClock(2.0, 100.0), self._lens, STRETCH)
        self.scene = _scene(calibration)
        self.ground = Ground(calibration)

    def pictured(self, places_m: Array, up_m: float) -> Array:
        """(n, 2) pixels of places that high over the road, by the true camera; nan behind it."""
        along, across = places_m[:, 0] - self._foot_m[0], places_m[:, 1] - self._foot_m[1]
        below = self._height_m - up_m
        depth = along * cos(self._down) + below * sin(self._down)
        depth[depth < 1.0] = np.nan
        x = np.stack([across, below * cos(self._down) - along * sin(self._down)], axis=1) / depth[:, None]
        r2 = (x**2).sum(axis=1, keepdims=True)
        return np.asarray(x * (1 + self._lens.k1 * r2 + self._lens.k2 * r2**2) * self._lens.focal_px + self._lens.centre_px)

    def filmed(self, case: Case) -> Passage:
        """The passage as camera, detector and tracker give it, with its drive."""
        dice = self._dice
        offset_s = dice.uniform(-1, 1) * CLOCK_ERROR_MS / 1000
        rate = 1 + dice.normal(0, 100e-6)
        times, px = self._seen(case.way, case.frames_per_s, case.swaps_to, case.swaps_s)
        swapped = times >= (case.swaps_s if case.swaps_to is not None else np.inf)
        readings = self._readings(swapped)
        shown_s = times * rate + offset_s + dice.normal(0, 0.002, times.shape)
        at = [case.starts_at + timedelta(seconds=float(s)) for s in np.maximum.accumulate(shown_s)]
        sightings = tuple(
            Sighting(n, moment, Kind.VEHICLE, _around(x, y).grown(60), 0.9, _around(x, y), readings[n])
            for n, (moment, (x, y)) in enumerate(zip(at, px, strict=True))
        )
        plate = Plate(TEXT, 0.99, 5, (), np.zeros((7, len(ALPHABET))))
        bare = Passage("simulated/1", "simulated-junction", sightings, CLOCK_ERROR_MS, plate)
        drive = self.ground.drive(bare)
        ways = []
        for other in case.others:
            seen_s, seen_px = self._seen(other, case.frames_per_s, None, 0.0)
            moments = [case.starts_at + timedelta(seconds=float(s)) for s in np.maximum.accumulate(seen_s * rate + offset_s)]
            ways.append(self.ground.measured(moments, seen_px).waypoints if len(seen_s) else ())
        held_up = blocked(drive.waypoints, ways, (-1.0, 0.0))
        lag = timedelta(milliseconds=float(dice.uniform(-1, 1) * SIGNAL_CLOCK_ERROR_MS))
        lamps = tuple(
            Lamp(one.signal, one.light, one.from_at + lag, one.until_at + lag, SIGNAL_CLOCK_ERROR_MS + CLOCK_ERROR_MS)
            for one in case.lamps
        )
        return Passage(
            bare.id, bare.camera, sightings, bare.clock_error_ms, plate, Drive(drive.waypoints, drive.speed, lamps, held_up)
        )

    def _readings(self, swapped: NDArray[np.bool_]) -> list[Reading]:
        """What a reader says in each frame. Where the tracker took another vehicle for the one it followed, that one's plate was
        nearly the same, or could hardly be read; of others a tracker knows better."""
        dice = self._dice
        own = [honest_reading(TEXT, 0.02, dice) for _ in range(VARIANTS)]
        twin, doubt = (TWIN, 0.02) if dice.random() < 0.5 else (STRANGER, 0.5)
        others = [honest_reading(twin, doubt, dice) for _ in range(VARIANTS)]
        chosen = dice.integers(VARIANTS, size=len(swapped))
        return [(others if other else own)[n] for other, n in zip(swapped, chosen, strict=True)]

    def _seen(self, way: Way, frames_per_s: float, swaps_to: Way | None, swaps_s: float) -> tuple[Array, Array]:
        """True times and pixels of the frames in which the plate was found."""
        dice, followed = self._dice, self.scene.calibration.followed
        t = np.arange(way.from_s + dice.uniform(0, 1 / frames_per_s), way.until_s, 1 / frames_per_s)
        px = self.pictured(way.at(t), way.up_m)
        along = way.at(t)[:, 0]
        if swaps_to is not None:
            later = t >= swaps_s
            px[later] = self.pictured(swaps_to.at(t[later]), swaps_to.up_m)
            along[later] = swaps_to.at(t[later])[:, 0]
        # Errors of the detector that last for a moment, a mast in the wind, and now and then a box around something else.
        px += _lasting(dice, t, followed.lasts_s) * followed.u_px * dice.uniform(0.8, 1.0)
        px += np.outer(np.sin(2 * pi * dice.uniform(0.3, 2.0) * t + dice.uniform(0, 6)), dice.normal(0, 0.4, 2))
        astray = dice.random(len(t)) < 0.01
        px[astray] += dice.normal(0, 60, (int(astray.sum()), 2))
        inside = ((px >= 0) & (px <= PICTURE_PX)).all(axis=1) & (along < SEEN_FROM_M)
        seen = inside & (dice.random(len(t)) >= dice.uniform(0, 0.1))
        if dice.random() < 0.2:
            hidden_s = dice.uniform(way.from_s, way.until_s)
            seen &= (t < hidden_s) | (t > hidden_s + dice.uniform(0.2, 1.0))
        if not seen.any():
            seen[int(np.argmax(inside))] = True
        return t[seen], px[seen]

    def case(self, rule: str, *, guilty: bool) -> Case:
        """A drive that breaks that rule, or one that comes close and does not."""
        made: Case = getattr(self, f"_{rule}")(guilty)
        if not guilty and self._dice.random() < 0.1:
            # The tracker goes on with whoever follows, or drives beside.
            way = made.way
            behind_m = np.array(
                [(self._dice.uniform(6, 15), 0.0), (self._dice.uniform(-3, 3), 3.5), (self._dice.uniform(-3, 3), -3.5)]
            )
            other = Way(way.from_s, way.places_m + behind_m[self._dice.integers(3)], self._plate_up_m())
            swaps_s = float(self._dice.uniform(way.from_s, way.until_s))
            made = _replaced(made, other, swaps_s)
        return made

    def ordinary(self) -> Case:
        """A drive that breaks no rule, as most do."""
        dice = self._dice
        green = (self._lamp(Light.GREEN, -60, 600),)
        kind = dice.random()
        if kind < 0.15:
            return self._made("ordinary", False, self._straight(-12.0, SEEN_FROM_M, AWAY, dice.uniform(6, 13)), green)
        bus = kind < 0.35
        records = (self._registered("bus" if bus else "car"),)
        across = BUS if bus else LANE
        if dice.random() < 0.4:
            stops_m = STOP_LINE_M + dice.uniform(0.6, 4.0)
            way, _, goes_s = self._stops_and_goes(across, stops_m, dice.uniform(6, 13), dice.uniform(2, 15))
            changes_s = goes_s - dice.uniform(0.5, 2.0)
            lamps = (self._lamp(Light.RED, -30, changes_s), self._lamp(Light.GREEN, changes_s, 600))
            return self._made("ordinary", False, way, lamps, records)
        speed_m_s = dice.uniform(20, 49) / 3.6
        gains = dice.uniform(-0.8, 0.0)
        return self._made("ordinary", False, self._straight(54.0, 8.0, across, speed_m_s, gains), green, records)

    def _speed(self, guilty: bool) -> Case:
        dice = self._dice
        over = 8 + min(60.0, dice.exponential(12)) if guilty else dice.uniform(-5, 3)
        gains = dice.uniform(-1.0, 1.0)
        # The mean over the stretch is what is wanted, so the vehicle is let off at what makes it so (v² = v0² + 2 a s).
        wanted = (LIMIT_KMH + over) / 3.6
        begins = max(3.0, wanted**2 - 2 * gains * 29.0) ** 0.5
        way = self._straight(54.0, 8.0, dice.choice([LANE, BUS]) + dice.uniform(-0.5, 0.5), begins, gains)
        return self._made("speed", guilty, way, tolerated=not guilty and over > 0)

    def _wrong_way(self, guilty: bool) -> Case:
        dice = self._dice
        across = dice.choice([LANE, BUS]) + dice.uniform(-0.5, 0.5)
        if guilty:
            begins = dice.uniform(8, 14)
            return self._made(
                "wrong_way", True, self._straight(begins, begins + dice.uniform(22, 36), across, dice.uniform(4, 15))
            )
        kind = dice.integers(4)
        if kind == 0:  # reverses into a space
            begins = dice.uniform(12, 30)
            way = self._straight(begins, begins + dice.uniform(3, 9), across, dice.uniform(1, 2))
        elif kind == 1:  # the lane beside it, close to the line
            way = self._straight(8.0, SEEN_FROM_M, -3.5 - dice.uniform(0.3, 1.2), dice.uniform(6, 14))
        elif kind == 2:  # crosses the street, a little against it
            s = np.arange(0, 5, _STEP_S)
            way = Way(0.0, np.stack([dice.uniform(14, 30) + s * dice.uniform(-1, 1), -8 + s * 3.5], axis=1), self._plate_up_m())
        else:
            way = self._straight(54.0, 8.0, across, dice.uniform(4, 15))
        return self._made("wrong_way", False, way)

    def _red_light(self, guilty: bool) -> Case:
        dice = self._dice
        across, speed_m_s = dice.choice([LANE, BUS]), dice.uniform(5, 18)
        way = self._straight(54.0, 8.0, across, speed_m_s)
        # Its front is up to 0.3 m ahead of its plate.
        crosses_s = (54.0 - STOP_LINE_M - dice.uniform(0.05, 0.3)) / speed_m_s
        if guilty:
            red_s = crosses_s - dice.uniform(1.0, 8.0)
            return self._made("red_light", True, way, self._turns_red(red_s))
        kind = dice.integers(5)
        if kind == 0:  # amber, and red at once when it is over
            return self._made("red_light", False, way, self._turns_red(crosses_s + dice.uniform(0.0, 0.5)))
        if kind == 1:  # green again just before
            changes_s = crosses_s - dice.uniform(0.0, 0.5)
            lamps = (self._lamp(Light.RED, changes_s - 30, changes_s), self._lamp(Light.GREEN, changes_s, 600))
            return self._made("red_light", False, way, lamps)
        if kind == 2:  # stops, before the line or a little beyond
            stops_m = STOP_LINE_M + dice.uniform(-3.0, 3.0)
            way, _, goes_s = self._stops_and_goes(across, stops_m, speed_m_s, dice.uniform(2, 10))
            lamps = (self._lamp(Light.RED, -30, goes_s), self._lamp(Light.GREEN, goes_s, 600))
            return self._made("red_light", False, way, lamps)
        if kind == 3:  # over the line in a queue when it turns red, then on
            stops_m = STOP_LINE_M - dice.uniform(0.0, 5.0)
            way, stood_s, _ = self._stops_and_goes(across, stops_m, speed_m_s, dice.uniform(2, 10))
            return self._made("red_light", False, way, self._turns_red(stood_s + dice.uniform(0.0, 1.5)))
        return self._made("red_light", False, way, (self._lamp(Light.GREEN, -60, 600),))

    def _stop_line(self, guilty: bool) -> Case:
        dice = self._dice
        speed_m_s = dice.uniform(5, 13)
        beyond_m = dice.uniform(2.2, 3.5) if guilty else dice.uniform(-1.5, 0.2)
        early = not guilty and dice.random() < 0.3
        if early:  # far over it, but it crossed before red
            beyond_m = dice.uniform(0.5, 4.0)
        way, stood_s, _ = self._stops_and_goes(dice.choice([LANE, BUS]), STOP_LINE_M - beyond_m, speed_m_s, 20.0, goes=False)
        red_s = stood_s + dice.uniform(0.0, 1.0) if early else stood_s - dice.uniform(6.0, 10.0)
        return self._made("stop_line", guilty, way, self._turns_red(red_s))

    def _bus_lane(self, guilty: bool) -> Case:
        dice = self._dice
        way = self._straight(56.0, 8.0, BUS + dice.uniform(-0.7, 0.7), dice.uniform(5, 14))
        if guilty:
            return self._made("bus_lane", True, way, records=(self._registered("car"),))
        kind = dice.integers(6)
        if kind == 0:
            return self._made("bus_lane", False, way, records=(self._registered(str(dice.choice(["bus", "taxi"]))),))
        if kind == 1:
            return self._made("bus_lane", False, way, records=(self._registered("car", Answer.UNKNOWN),))
        if kind == 2:  # before the hours or after them, by seconds
            at = STARTS_AT - timedelta(hours=1, seconds=float(way.until_s + dice.uniform(0, 30)))
            if dice.random() < 0.5:
                at = STARTS_AT + timedelta(hours=11, seconds=float(dice.uniform(0, 30)))
            return self._made("bus_lane", False, way, records=(self._registered("car"),), starts_at=at)
        if kind == 3:  # crosses the lane into the bay
            begins = dice.uniform(28, 46)
            way = self._aside(begins + 8, LANE, BAY, dice.uniform(12, 22), dice.uniform(5, 9))
        elif kind == 4:  # beside it, close to the line
            way = self._straight(56.0, 8.0, -dice.uniform(0.0, 1.0), dice.uniform(5, 14))
        else:  # avoids an obstacle
            way = self._around_obstacle(dice.uniform(26, 40), dice.uniform(5, 9))
        return self._made("bus_lane", False, way, records=(self._registered("car"),))

    def _parking(self, guilty: bool) -> Case:
        dice = self._dice
        stops_m, kind = dice.uniform(20, 38), int(dice.integers(3))
        stood_s = dice.uniform(190, 420) if guilty or kind else dice.uniform(60, 178)
        if not guilty and kind == 2:  # a queue that creeps, one vehicle behind the other
            way = self._creeps(stops_m, stood_s)
        else:
            way, _, _ = self._stops_and_goes(BAY, stops_m, 6.0, stood_s)
        others: tuple[Way, ...] = ()
        if not guilty and kind:  # who is ahead goes first
            others = (Way(way.from_s, way.places_m - (dice.uniform(5.5, 11), 0.0), self._plate_up_m()),)
        return self._made("parking", guilty, way, (self._lamp(Light.GREEN, -60, 3600),), others=others, frames_per_s=1.0)

    def _solid_line(self, guilty: bool) -> Case:
        dice = self._dice
        speed_m_s = dice.uniform(5, 14)
        # Quicker than most change lanes: 3.5 m within 1.7 s take up to 6 m/s² to the side.
        takes_m = speed_m_s * dice.uniform(1.7, 2.6)
        if guilty:
            middle_m = dice.uniform(14 + takes_m, 42 - takes_m) if 14 + takes_m < 42 - takes_m else 28.0
            return self._made("solid_line", True, self._aside(middle_m + takes_m / 2, LANE, AWAY, takes_m, speed_m_s))
        kind = dice.integers(3)
        if kind == 0:  # wheels on the line, and back
            way = self._straight(54.0, 8.0, -3.5 + dice.uniform(-0.3, 1.0), speed_m_s)
        elif kind == 1:  # before it begins
            way = self._aside(46 + takes_m, LANE, AWAY, takes_m, speed_m_s, begins_m=75.0)
        else:
            way = self._aside(34.0, LANE, -3.5 - dice.uniform(-0.4, 0.4), takes_m, speed_m_s)
        return self._made("solid_line", False, way)

    def _forbidden_turn(self, guilty: bool) -> Case:
        dice = self._dice
        # With a radius of 2 m, 3.5 m/s take 6 m/s² to the side.
        turns_m, speed_m_s = dice.uniform(13, 17), dice.uniform(2, 3.5)
        if not guilty and dice.random() < 0.3:
            return self._made("forbidden_turn", False, self._straight(54.0, 8.0, LANE, speed_m_s * 2))
        left, radius_m = LANE + 0.6, (LANE + 0.6 - AWAY) / 2
        bow = pi if guilty else pi / 2
        turn = np.linspace(0, bow, 50)
        legs = [np.array([(50.0, left), (turns_m + 0.2, left)])]
        legs.append(np.stack([turns_m - radius_m * np.sin(turn), left - radius_m * (1 - np.cos(turn))], axis=1))
        # A U-turn goes back the way it came; who turns left goes on across the other lane.
        legs.append(np.array([(48.0, AWAY)] if guilty else [(turns_m - radius_m, -14.0)]))
        return self._made("forbidden_turn", guilty, self._along(np.concatenate(legs), speed_m_s))

    def _made(
        self,
        rule: str,
        guilty: bool,
        way: Way,
        lamps: tuple[Lamp, ...] = (),
        records: tuple[Record, ...] = (),
        others: tuple[Way, ...] = (),
        starts_at: datetime = STARTS_AT,
        tolerated: bool = False,
        frames_per_s: float | None = None,
    ) -> Case:
        rate = frames_per_s or float(self._dice.choice([5.0, 8.0, 12.5, 15.0, 25.0]))
        return Case(rule, guilty, way, rate, lamps, records, others, starts_at, tolerated)

    def _plate_up_m(self) -> float:
        return float(self._dice.uniform(*self._up_m))

    def _lamp(self, light: Light, from_s: float, until_s: float) -> Lamp:
        return Lamp("K1", light, STARTS_AT + timedelta(seconds=float(from_s)), STARTS_AT + timedelta(seconds=float(until_s)), 0.0)

    def _turns_red(self, red_s: float) -> tuple[Lamp, ...]:
        """Green, three seconds of amber, then red for long."""
        amber_s = red_s - 3
        green = self._lamp(Light.GREEN, amber_s - 60, amber_s)
        return green, self._lamp(Light.AMBER, amber_s, red_s), self._lamp(Light.RED, red_s, red_s + 120)

    def _registered(self, kind: str, answer: Answer = Answer.YES) -> Record:
        return Record("register", "registered", answer, STARTS_AT, STARTS_AT, 0.99, {"class": kind})

    def _straight(self, from_m: float, to_m: float, across_m: float, speed_m_s: float, gains_m_s2: float = 0.0) -> Way:
        """Along a lane; `gains_m_s2` is how fast it speeds up."""
        t = np.arange(0, 60, _STEP_S)
        # Nobody brakes to a stand here.
        gone = np.concatenate([[0.0], np.cumsum(np.maximum(3.0, speed_m_s + gains_m_s2 * t) * _STEP_S)])
        gone = gone[gone <= abs(to_m - from_m)]
        along = from_m + np.sign(to_m - from_m) * gone
        return Way(0.0, np.stack([along, np.full_like(along, across_m)], axis=1), self._plate_up_m())

    def _stops_and_goes(
        self, across_m: float, stops_m: float, speed_m_s: float, stood_s: float, *, goes: bool = True
    ) -> tuple[Way, float, float]:
        """Brakes to a stand with its plate at `stops_m`, stands, and goes on; and when it stood, and when it went."""
        slows_m_s2 = 3.0
        brakes_m = speed_m_s**2 / 2 / slows_m_s2
        comes = self._straight(stops_m + max(brakes_m, 54 - stops_m), stops_m + brakes_m, across_m, speed_m_s).places_m
        t = np.arange(0, speed_m_s / slows_m_s2, _STEP_S)
        slows = stops_m + brakes_m - speed_m_s * t + slows_m_s2 * t**2 / 2
        stands = np.full(int(stood_s / _STEP_S), stops_m)
        t = np.arange(0, 15, _STEP_S)
        leaves = stops_m - t**2
        along = np.concatenate([comes[:, 0], slows, stands, leaves[leaves > 6] if goes else []])
        places = np.stack([along, np.full_like(along, across_m)], axis=1)
        stood_from_s = (len(comes) + len(slows)) * _STEP_S
        return Way(0.0, places, self._plate_up_m()), stood_from_s, stood_from_s + len(stands) * _STEP_S

    def _creeps(self, from_m: float, lasts_s: float) -> Way:
        """A queue: a step of a metre or so every 20 to 60 seconds."""
        along = np.full(int(lasts_s / _STEP_S), from_m)
        at_s = 0.0
        while (at_s := at_s + float(self._dice.uniform(20, 60))) < lasts_s:
            along[int(at_s / _STEP_S) :] -= self._dice.uniform(0.4, 1.2)
        smooth = np.convolve(np.pad(along, 50, mode="edge"), np.ones(101) / 101, mode="valid")
        return Way(0.0, np.stack([smooth, np.full_like(smooth, BAY)], axis=1), self._plate_up_m())

    def _aside(
        self,
        begins_aside_m: float,
        from_across: float,
        to_across: float,
        takes_m: float,
        speed_m_s: float,
        begins_m: float = 54.0,
    ) -> Way:
        """Towards the camera, from one place across to another within `takes_m`."""
        way = self._straight(begins_m, 8.0, from_across, speed_m_s)
        share = np.clip((begins_aside_m - way.places_m[:, 0]) / takes_m, 0, 1)
        across = from_across + (to_across - from_across) * (1 - np.cos(pi * share)) / 2
        return Way(0.0, np.stack([way.places_m[:, 0], across], axis=1), way.up_m)

    def _around_obstacle(self, at_m: float, speed_m_s: float) -> Way:
        """Aside into the bus lane and back, about 20 m in all."""
        way = self._straight(54.0, 8.0, LANE, speed_m_s)
        bulge = np.clip(1 - np.abs(way.places_m[:, 0] - at_m) / 12, 0, 1)
        across = LANE + (BUS - LANE) * (1 - np.cos(pi * np.minimum(1, bulge * 2))) / 2
        return Way(0.0, np.stack([way.places_m[:, 0], across], axis=1), way.up_m)

    def _along(self, corners: Array, speed_m_s: float) -> Way:
        """Along a line through those places at an even speed."""
        gone = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(corners, axis=0).T))])
        s = np.arange(0, gone[-1], speed_m_s * _STEP_S)
        return Way(0.0, np.stack([np.interp(s, gone, corners[:, axis]) for axis in range(2)], axis=1), self._plate_up_m())


def _replaced(case: Case, swaps_to: Way, swaps_s: float) -> Case:
    return Case(
        case.rule,
        case.guilty,
        case.way,
        case.frames_per_s,
        case.lamps,
        case.records,
        case.others,
        case.starts_at,
        case.tolerated,
        swaps_to,
        swaps_s,
    )


def _scene(calibration: Calibration) -> Scene:
    def lane(from_across: float, to_across: float, from_m: float = 8.0, to_m: float = 58.0) -> Zone:
        return (from_m, from_across), (to_m, from_across), (to_m, to_across), (from_m, to_across)

    days = Hours(("mon", "tue", "wed", "thu", "fri"), "07:00", "19:00")
    towards: Point = (-1.0, 0.0)
    return Scene(
        name="the simulated junction",
        law="DE",
        time_zone="Europe/Berlin",
        picture_px=PICTURE_PX,
        surveyed=_ORDER,
        calibration=calibration,
        speed_limit=SpeedLimit(LIMIT_KMH, _ORDER),
        one_way=(OneWay("the street", lane(-3.5, 3.5), towards, _ORDER),),
        stop_line=(StopLine("the arm", ((STOP_LINE_M, -3.5), (STOP_LINE_M, 3.5)), towards, "K1", ENTERS_M, _ORDER),),
        bus_lane=(BusLane("the bus lane", lane(0.0, 3.5), (days,), ("bus", "taxi"), _ORDER),),
        no_stopping=(NoStopping("the bay", lane(3.6, 6.6), towards, "parking", _ORDER),),
        solid_line=(SolidLine("the solid line", ((12.0, -3.5), (44.0, -3.5)), _ORDER),),
        forbidden_turn=(ForbiddenTurn("the U-turn", lane(-3.5, 0.0), lane(-7.0, -3.5, 28.0), _ORDER),),
    )


def _around(x: float, y: float) -> Box:
    return Box(x - 30, y - 7, x + 30, y + 7)


def _point(pair: Sequence[float] | Array) -> Point:
    return float(pair[0]), float(pair[1])


def _lasting(dice: np.random.Generator, t: Array, lasts_s: float) -> Array:
    """(n, 2) errors of size 1, of which those that are within `lasts_s` are alike."""
    made = np.empty((len(t), 2))
    fresh = dice.normal(0, 1, (len(t), 2))
    keeps = np.exp(-np.diff(t) / lasts_s)
    made[0] = fresh[0]
    for n, keep in enumerate(keeps, 1):
        made[n] = keep * made[n - 1] + (1 - keep**2) ** 0.5 * fresh[n]
    return made
