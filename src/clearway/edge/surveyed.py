"""A view whose road was surveyed: the drive of each passage, the rules that judge it, and which of them must be silent.

Without `rules.scene` in the settings there is none, and only the lists are asked.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np

from clearway.edge.scenes import law_bytes, parse_law, parse_scene, refuse_expired, scene_bytes
from clearway.edge.signals import unread
from clearway.edge.unplated import COUNTS_FOR
from clearway.errors import SettingsError
from clearway.evidence.sketch import Line, Place, Sketch, worded, worded_light
from clearway.facts import Drive, Finding, Frame, Lamp, Light, Passage, Waypoint
from clearway.ports import Rule
from clearway.rules.laws import Clause, Law
from clearway.rules.no_plate import LASTS_S_MIN, PICTURES_MIN, VEHICLES_MIN, WITHOUT_MAX
from clearway.rules.road import clock_slack
from clearway.rules.rulebook import rules_of
from clearway.scene import NoStopping, Order, Point, Scene, SignalHead, Zone
from clearway.track.ground import PLACES_MIN, STRETCH_S_MIN, Ground
from clearway.track.queue import AHEAD_M

# Into how many points beside its corners a line is taken apart where it is not seen as a straight one.
DRAWN_POINTS = 65


@dataclass(frozen=True, slots=True)
class RuleState:
    """One rule about one part of the scene: what it rests on in words, and why it is silent now ("" where it asks)."""

    rule: str
    part: str
    words: str
    order: Order
    silent: str


class SurveyedView:
    """The road of one view under one law. SettingsError where a scene and its law do not fit together, or a survey contradicts
    itself. `files` are both as they were read, by the names that exhibits give them: whoever doubts a measurement needs them."""

    def __init__(self, scene: Scene, law: Law, files: Mapping[str, bytes]) -> None:
        self.scene, self.law, self.files = scene, law, files
        self.rules: tuple[Rule, ...] = rules_of(scene, law)
        self.ground = Ground(scene.calibration)

    @classmethod
    def load(cls, path: Path, now: datetime) -> "SurveyedView":
        """The view of that scene.toml and the law that it names. SettingsError names what is wrong with either, and says where
        the survey is not in force at `now`."""
        scene_toml = scene_bytes(path)
        scene = parse_scene(scene_toml, str(path))
        refuse_expired(scene, str(path), now)
        law_toml = law_bytes(scene.law)
        law = parse_law(law_toml, f"the law pack {scene.law}")
        return cls(scene, law, {"scene.toml": scene_toml, "law.toml": law_toml})

    def must_fit(self, frame: Frame) -> None:
        """SettingsError where the camera's picture is not the one that was surveyed: every place would be wrong."""
        if not self.fits(frame):
            width_px, height_px = self.scene.picture_px
            raise SettingsError(
                f"the scene was surveyed in a picture of {width_px} x {height_px} pixels, and the camera gives "
                f"{frame.width_px} x {frame.height_px}.",
                remedy="set the camera to the size that was surveyed, or survey the view in the size that it gives.",
            )

    def fits(self, frame: Frame) -> bool:
        """Whether the frame has the size of the picture that was surveyed."""
        return (frame.width_px, frame.height_px) == self.scene.picture_px

    def driven(self, passage: Passage, lamps: tuple[Lamp, ...] = ()) -> Passage:
        """The passage, seen in frames that fit, with its drive and what the signals showed meanwhile; as it came where the survey
        was not in force all the time."""
        slack = clock_slack(passage)
        if not self.scene.surveyed.holds(passage.first_at - slack, passage.last_at + slack):
            return passage
        return replace(passage, drive=replace(self.ground.drive(passage), lamps=lamps))

    def sketch(self, finding: Finding) -> Sketch:
        """What there is to draw about a finding of this view's rules: the part of the scene that it is about, and the drive."""
        drive = finding.passage.drive
        assert drive is not None and finding.measurements, "these rules judge drives"
        lines = tuple(
            line for what, places_m, closed in self._shapes(finding.part) for line in self._lines(what, places_m, closed)
        )
        path = tuple(place for waypoint in drive.waypoints for place in self._places(waypoint))
        figures = tuple(words for one in finding.measurements for words in worded(one))
        signal = next((stop.signal for stop in self.scene.stop_line if stop.name == finding.part), None)
        heads = tuple(_head(head) for head in self.scene.signal_head if head.signal == signal)
        lamps = tuple(lamp for lamp in drive.lamps if lamp.signal == signal)
        return Sketch((*lines, *heads), path, (*figures, *_signals(lamps, drive)), heads, lamps)

    def _shapes(self, part: str) -> Iterator[tuple[str, Sequence[Point], bool]]:
        """What belongs to a part of the scene: in words, its points on the road, whether it is closed."""
        scene = self.scene
        if not part and scene.calibration.stretch_m is not None:
            yield "measured stretch", scene.calibration.stretch_m, True
        zones = [(street.name, street.zone_m) for street in scene.one_way]
        zones += [(lane.name, lane.zone_m) for lane in scene.bus_lane]
        zones += [(bay.name, bay.zone_m) for bay in scene.no_stopping]
        for name, zone_m in zones:
            if name == part:
                yield name, zone_m, True
        for street in scene.one_way:
            if street.name == part:
                yield "the direction that is allowed", _arrow(street.zone_m, street.towards), False
        for stop in scene.stop_line:
            if stop.name == part:
                yield "stop line", stop.line_m, False
                yield "what the signal protects begins", _ahead(stop.line_m, stop.towards, stop.enters_m), False
        for solid in scene.solid_line:
            if solid.name == part:
                yield solid.name, solid.line_m, False
        for turn in scene.forbidden_turn:
            if turn.name == part:
                yield "from here", turn.from_m, True
                yield "into here", turn.into_m, True

    def _lines(self, what: str, places_m: Sequence[Point], closed: bool) -> Iterator[Line]:
        corners = np.array([*places_m, places_m[0]] if closed else places_m)
        px = self.ground.plane.pictured(corners)
        if self.scene.calibration.lens.k1 or self.scene.calibration.lens.k2 or np.isnan(px).any():
            # A lens bends what is straight, and what reaches behind the camera is seen as far as it does not.
            gone = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(corners, axis=0).T))])
            along = np.union1d(np.linspace(0.0, gone[-1], DRAWN_POINTS), gone)
            px = self.ground.plane.pictured(np.stack([np.interp(along, gone, corners[:, axis]) for axis in range(2)], axis=1))
            px = px[~np.isnan(px).any(axis=1)]
        if closed:
            px = px[:-1]
        if len(px) >= 2:
            yield Line(what, tuple((float(x), float(y)) for x, y in px), closed)

    def _places(self, waypoint: Waypoint) -> Iterator[Place]:
        a, b, u, v = waypoint.along_m, waypoint.across_m, waypoint.along_error_m, waypoint.across_error_m
        corners = [(a + i * u, b + j * v) for i, j in ((0, 0), (1, 1), (1, -1), (-1, -1), (-1, 1))]
        px = self.ground.plane.pictured(np.array(corners))
        if not np.isnan(px).any():
            middle, *around = ((float(x), float(y)) for x, y in px)
            yield Place(waypoint.at, middle, tuple(around))

    def states(self, now: datetime, *, looks_per_s: float, classes_known: bool) -> Iterator[RuleState]:
        """Every rule of the scene as it stands now, in the order of the rules. `classes_known` says whether a register extract
        is in force that may tell a vehicle's class."""
        scene, law = self.scene, self.law
        if scene.speed_limit is not None:
            said = scene.speed_limit.limit_kmh
            limit_kmh = law.limits[said].kmh if isinstance(said, str) else said
            up_to = f"measured up to {self._fastest_kmh(looks_per_s):.0f} km/h at {looks_per_s:g} looks a second"
            words = f"limit {limit_kmh:g} km/h, {up_to}"
            yield self._state("speed", "", words, scene.speed_limit.order, law.speed, now, ())
        if scene.no_plate is not None:
            yield self._plates_asked(scene.no_plate.order, now, looks_per_s)
        for street in scene.one_way:
            yield self._state("wrong_way", street.name, "", street.order, law.wrong_way, now, street.zone_m)
        for line in scene.stop_line:
            unreported = unread(scene.signal_head, line.signal)
            yield self._state("red_light", line.name, "", line.order, law.red_light, now, line.line_m, unreported)
            yield self._state("stop_line", line.name, "", line.order, law.stop_line, now, line.line_m, unreported)
        for lane in scene.bus_lane:
            unknown = "" if classes_known else "no register extract is in force, so no vehicle's class is known"
            yield self._state("bus_lane", lane.name, "", lane.order, law.bus_lane, now, lane.zone_m, unknown)
        for zone in scene.no_stopping:
            grace = law.stopping if zone.forbids == "stopping" else law.parking
            unseen = "" if self._sees_ahead(zone) else "the picture does not show the road ahead of it, where a queue would stand"
            if unread_signal := self.unread_signal:
                unseen = f"who stands there may wait at a signal, and {unread_signal}"
            yield self._state(zone.forbids, zone.name, "", zone.order, grace, now, zone.zone_m, unseen)
        for solid in scene.solid_line:
            yield self._state("solid_line", solid.name, "", solid.order, law.solid_line, now, solid.line_m)
        for turn in scene.forbidden_turn:
            yield self._state("forbidden_turn", turn.name, "", turn.order, law.forbidden_turn, now, (*turn.from_m, *turn.into_m))

    def _state(
        self,
        rule: str,
        part: str,
        words: str,
        order: Order,
        clause: Clause,
        now: datetime,
        places_m: Sequence[Point],
        silent: str = "",
    ) -> RuleState:
        if not order.holds(now, now):
            silent = f"its order holds from {order.valid_from:%Y-%m-%d} to {order.valid_until:%Y-%m-%d}, not now"
        elif not silent and places_m and not self._in_picture(places_m):
            silent = "no part of it lies in the picture"
        said = (words, f"by {order.source}", f"{clause.statute} (checked: {clause.checked})")
        return RuleState(rule, part, "; ".join(filter(None, said)), order, silent)

    def _plates_asked(self, order: Order, now: datetime, looks_per_s: float) -> RuleState:
        """How the rule stands that asks who shows no plate; only a watch knows how many showed theirs."""
        duty = self.law.no_plate
        assert duty is not None, "a scene that asks under a law that says nothing of plates has no rules"
        sides = [side for side, owed in (("front", duty.front), ("rear", duty.rear)) if owed]
        seen_s, hours = max(LASTS_S_MIN, (PICTURES_MIN - 1) / looks_per_s), COUNTS_FOR.total_seconds() / 3600
        words = (
            f"plates at {' and '.join(sides)}; of who is seen well for {seen_s:.1f} s at {looks_per_s:g} looks a second, while "
            f"{VEHICLES_MIN - WITHOUT_MAX} of the {VEHICLES_MIN} before it within {hours:g} hours showed theirs; how often it "
            "asks wrongly on a real road is not measured"
        )
        silent = "" if sides else "the law asks for a plate at neither side"
        return self._state("no_plate", "", words, order, duty, now, (), silent)

    def _fastest_kmh(self, looks_per_s: float) -> float:
        """Up to which speed every vehicle shows enough places on the measured stretch."""
        stretch = np.array(self.scene.calibration.stretch_m)
        length_m = float(np.ptp(stretch, axis=0).max())
        return 3.6 * length_m * min(looks_per_s / PLACES_MIN, 1 / STRETCH_S_MIN)

    @property
    def unread_signal(self) -> str:
        """Why nobody can tell what one of the stop lines' signals shows; "" where all of them are read."""
        return next(filter(None, (unread(self.scene.signal_head, line.signal) for line in self.scene.stop_line)), "")

    def sees_ahead(self, place_m: Point, towards: Point) -> bool:
        """Whether the picture shows as much of the road ahead of that place as a queue may leave free."""
        ahead = np.array(towards) / np.hypot(*towards) * AHEAD_M
        ((x, y),) = self.ground.plane.pictured(np.array([place_m]) + ahead)
        width_px, height_px = self.scene.picture_px
        return bool(0 <= x < width_px and 0 <= y < height_px)

    def _sees_ahead(self, zone: NoStopping) -> bool:
        """Whether it does ahead of any corner of the zone that it shows."""
        return any(self._in_picture([corner]) and self.sees_ahead(corner, zone.towards) for corner in zone.zone_m)

    def _in_picture(self, places_m: Sequence[Point]) -> bool:
        px = self.ground.plane.pictured(np.array(places_m))
        # A part reaches from its leftmost to its rightmost corner, which may both lie outside.
        if np.isnan(px).any():
            return True
        (left, top), (right, bottom) = px.min(axis=0), px.max(axis=0)
        width_px, height_px = self.scene.picture_px
        return bool(left < width_px and right > 0 and top < height_px and bottom > 0)


def _signals(lamps: Sequence[Lamp], drive: Drive) -> Iterator[str]:
    """What the signal of a stop line showed while the vehicle was in view, but for what nobody could tell."""
    for lamp in lamps:
        in_view = lamp.from_at <= drive.waypoints[-1].at and lamp.until_at >= drive.waypoints[0].at
        if in_view and lamp.light is not Light.UNKNOWN:
            light = worded_light(lamp.light)
            yield f"signal {lamp.signal}: {light} from {_clock(lamp.from_at)} to {_clock(lamp.until_at)} UTC"


def _clock(at: datetime) -> str:
    return f"{at:%H:%M:%S}.{at.microsecond // 100_000}"


def _head(head: SignalHead) -> Line:
    left, top, right, bottom = head.box_px
    return Line(f"signal {head.signal}", ((left, top), (right, top), (right, bottom), (left, bottom)), closed=True)


def _arrow(zone_m: Zone, towards: Point) -> tuple[Point, ...]:
    """An arrow in the middle of a zone: half as long as the zone is, with a head."""
    corners = np.array(zone_m)
    ahead = np.array(towards) / np.hypot(*towards)
    beside = np.array([-ahead[1], ahead[0]])
    length_m = float(np.ptp(corners @ ahead)) / 4
    tip, foot = corners.mean(axis=0) + ahead * length_m, corners.mean(axis=0) - ahead * length_m
    barb_m = min(length_m / 2, float(np.ptp(corners @ beside)) / 6)
    points = (foot, tip, tip + (beside - ahead) * barb_m, tip, tip + (-beside - ahead) * barb_m)
    return tuple((float(along), float(across)) for along, across in points)


def _ahead(line_m: tuple[Point, Point], towards: Point, by_m: float) -> tuple[Point, ...]:
    """The line, moved straight across itself to the side that `towards` points to."""
    (a, b), (c, d) = line_m
    length_m = np.hypot(c - a, d - b)
    over = (b - d) / length_m, (c - a) / length_m
    side = 1.0 if over[0] * towards[0] + over[1] * towards[1] > 0 else -1.0
    return tuple((along + side * by_m * over[0], across + side * by_m * over[1]) for along, across in line_m)
