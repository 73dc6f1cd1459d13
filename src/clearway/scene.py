"""What is known of one fixed view before any vehicle comes: how its pixels lie on the road, and what may be driven where.

Places on the road are (along, across) in metres from an origin that the surveyor chose. Places in the picture are (x, y) in
pixels. Every figure that somebody measured carries its standard uncertainty (`u_m`, `u_px`, …), since whoever judges needs to
know how far it may be off; every limit carries its `Order`: who set it, and from when to when it holds.

The fields are the keys of scene.toml (see docs/rules.md), which `clearway.edge.scenes` reads. A part that makes no sense raises
ValueError, in words that name what is wrong with it.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, time
from math import hypot
from typing import ClassVar, Literal
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float]
# A part of the road inside a polygon that does not cross itself; its corners go round it in either direction.
Zone = tuple[Point, ...]
Array = NDArray[np.float64]

# A homography has eight unknowns, and a point gives two equations; more than this many points teach nothing new.
KNOWN_POINTS_MIN, KNOWN_POINTS_MAX = 4, 64
CORNERS_MAX, PARTS_MAX = 32, 32
# A landmark's pattern is PATTERN_PX² places with two numbers of 4 bits each.
PATTERN_PX = 17
PATTERN_HEX = 2 * PATTERN_PX**2
LANDMARKS_MIN, LANDMARKS_MAX = 8, 64
# A road camera's lens is straightened to a hundredth of a pixel in so many rounds.
_STRAIGHTENING_ROUNDS = 12
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Part:
    """What all parts of a scene share: how strictly they are read. The words are those of pydantic's ConfigDict."""

    __slots__ = ()
    __pydantic_config__: ClassVar = {"extra": "forbid", "allow_inf_nan": False}


def must(fits: bool, sin: str) -> None:
    """ValueError with the words of that sin where it does not fit."""
    if not fits:
        raise ValueError(sin)


@dataclass(frozen=True, slots=True)
class Order(Part):
    """Who says so, in words that a court can follow up ("sign 274-50 at km 3.2, order 2026/117"), and while it holds."""

    source: str
    valid_from: datetime
    valid_until: datetime

    def __post_init__(self) -> None:
        must(len(self.source.strip()) >= 3, "a source says who measured or ordered it")
        must(
            self.valid_from.tzinfo is not None and self.valid_until.tzinfo is not None,
            "valid_from and valid_until are times with an offset, such as 2026-11-22T08:00:00Z",
        )
        must(self.valid_from < self.valid_until, "valid_from comes before valid_until")

    def holds(self, first: datetime, last: datetime) -> bool:
        """Whether it holds all the time from `first` to `last`."""
        return self.valid_from <= first and last < self.valid_until


@dataclass(frozen=True, slots=True)
class Lens(Part):
    """Radial distortion: a point that an ideal lens would show at radius r (in focal lengths from the centre) is shown at
    r * (1 + k1 r² + k2 r⁴).

    D. C. Brown, "Close-Range Camera Calibration", Photogrammetric Engineering 37 (1971), with two terms and no tangential
    part; the same k1, k2 as in OpenCV's calib3d. The default distorts nothing. `u_px` is the standard uncertainty of a place
    that was straightened, in each direction, where it is largest; each known point is off by as much besides its click.
    """

    k1: float = 0.0
    k2: float = 0.0
    focal_px: float = 1000.0
    centre_px: Point = (0.0, 0.0)
    u_px: float = 0.0

    def __post_init__(self) -> None:
        must(self.focal_px > 0, "a focal length is above 0")
        must(self.u_px >= 0, "an uncertainty is not below 0")

    def folds(self, px: Point) -> bool:
        """Whether the lens would show two places of the world at that pixel or nearer to the centre: no lens does."""
        shown = hypot(px[0] - self.centre_px[0], px[1] - self.centre_px[1]) / self.focal_px
        r = 0.0
        while r * (1 + self.k1 * r**2 + self.k2 * r**4) < shown:
            if 1 + 3 * self.k1 * r**2 + 5 * self.k2 * r**4 <= 0.1:
                return True
            r += 0.01
        return False


def straightened(px: Array, lens: Lens) -> Array:
    """Where an ideal lens would show what this lens shows at `px`, (n, 2)."""
    shown = (px - lens.centre_px) / lens.focal_px
    ideal = shown.copy()
    for _ in range(_STRAIGHTENING_ROUNDS):
        r2 = (ideal**2).sum(axis=1, keepdims=True)
        ideal = shown / (1 + lens.k1 * r2 + lens.k2 * r2**2)
    return np.asarray(ideal * lens.focal_px + lens.centre_px)


def bent(ideal_px: Array, lens: Lens) -> Array:
    """Where this lens shows what an ideal lens would show at `ideal_px`, (n, 2)."""
    x = (ideal_px - lens.centre_px) / lens.focal_px
    r2 = (x**2).sum(axis=1, keepdims=True)
    return np.asarray(x * (1 + lens.k1 * r2 + lens.k2 * r2**2) * lens.focal_px + lens.centre_px)


@dataclass(frozen=True, slots=True)
class KnownPoint(Part):
    """One point of the road, in the picture and in metres."""

    px: Point
    m: Point


@dataclass(frozen=True, slots=True)
class Survey(Part):
    """How the road was measured. `u_px` is the standard uncertainty of each pixel that was clicked, in each direction;
    `u_m` that of each point's metres. `width_u_m` and `length_u_m` are those of a rectangle's sides (a lane's width, the
    length from dash to dash), which move all of its points together; 0 where the points were measured one by one."""

    points: tuple[KnownPoint, ...]
    u_px: float
    u_m: float
    width_u_m: float = 0.0
    length_u_m: float = 0.0

    def __post_init__(self) -> None:
        number = len(self.points)
        must(KNOWN_POINTS_MIN <= number <= KNOWN_POINTS_MAX, f"{KNOWN_POINTS_MIN} to {KNOWN_POINTS_MAX} points are needed")
        must(self.u_px > 0, "u_px is above 0: nobody clicks without error")
        must(min(self.u_m, self.width_u_m, self.length_u_m) >= 0, "an uncertainty is not below 0")


def rectangle(
    corners_px: tuple[Point, Point, Point, Point],
    width_m: float,
    width_u_m: float,
    length_m: float,
    length_u_m: float,
    u_px: float,
) -> Survey:
    """The survey of a view with no measured points but a lane of known width and marks of known spacing along it.

    `corners_px` go round: near left, near right, far right, far left. Lanes are taken to be straight and as wide everywhere.
    """
    metres = ((0.0, 0.0), (0.0, width_m), (length_m, width_m), (length_m, 0.0))
    points = tuple(KnownPoint(px, m) for px, m in zip(corners_px, metres, strict=True))
    return Survey(points, u_px, 0.0, width_u_m, length_u_m)


@dataclass(frozen=True, slots=True)
class Camera(Part):
    """Where the camera hangs: the point of the road below it, and its height over it; `u_m` is each one's standard
    uncertainty."""

    along_m: float
    across_m: float
    up_m: float
    u_m: float

    def __post_init__(self) -> None:
        must(self.up_m > 0 and self.u_m >= 0, "a camera hangs over the road, and its uncertainty is not below 0")


@dataclass(frozen=True, slots=True)
class Followed(Part):
    """The point of a vehicle that is followed: the middle of its plate, `up_m` over the road.

    `u_px` is the standard uncertainty of its place in one picture, in each direction; errors of pictures that follow within
    about `lasts_s` are alike, so that they do not average out.
    """

    up_m: float
    up_u_m: float
    u_px: float
    lasts_s: float

    def __post_init__(self) -> None:
        must(min(self.up_m, self.up_u_m, self.lasts_s) >= 0, "up_m, up_u_m and lasts_s are not below 0")
        must(self.u_px > 0, "u_px is above 0: nothing is seen without error")


@dataclass(frozen=True, slots=True)
class FrameClock(Part):
    """How well frames are timed against each other: `u_ms` for each frame, `rate_u_ppm` for how fast the clock runs."""

    u_ms: float
    rate_u_ppm: float

    def __post_init__(self) -> None:
        must(min(self.u_ms, self.rate_u_ppm) >= 0, "an uncertainty is not below 0")


@dataclass(frozen=True, slots=True)
class Calibration(Part):
    """All that turns pixels into metres. `stretch_m` is the zone where speeds are measured."""

    survey: Survey
    camera: Camera
    followed: Followed
    clock: FrameClock
    lens: Lens = Lens()
    stretch_m: Zone | None = None

    def __post_init__(self) -> None:
        must(self.followed.up_m < self.camera.up_m, "the camera hangs higher than what it follows")
        if self.stretch_m is not None:
            _must_be_zone(self.stretch_m)


@dataclass(frozen=True, slots=True)
class SpeedLimit(Part):
    """The limit on the calibration's stretch: a figure, or the name of a general one of the law ("built-up")."""

    limit_kmh: float | str
    order: Order

    def __post_init__(self) -> None:
        must(isinstance(self.limit_kmh, str) or 0 < self.limit_kmh <= 300, "a limit lies between 0 and 300 km/h")


@dataclass(frozen=True, slots=True)
class OneWay(Part):
    """A lane or a street that is driven in one direction, `towards` (along, across), of any length."""

    name: str
    zone_m: Zone
    towards: Point
    order: Order

    def __post_init__(self) -> None:
        _must_be_zone(self.zone_m)
        must(self.towards != (0.0, 0.0), "towards is a direction, not (0, 0)")


@dataclass(frozen=True, slots=True)
class StopLine(Part):
    """Where vehicles stop at a signal. `line_m` is its two ends, `towards` points over it, into the junction; what the signal
    protects begins `enters_m` behind the line."""

    name: str
    line_m: tuple[Point, Point]
    towards: Point
    signal: str
    enters_m: float
    order: Order

    def __post_init__(self) -> None:
        (a, b), (c, d) = self.line_m
        must(hypot(c - a, d - b) >= 1.0, "a stop line is at least a metre long")
        square_m2 = abs((c - a) * self.towards[1] - (d - b) * self.towards[0])
        must(square_m2 > 0.5 * hypot(c - a, d - b) * hypot(*self.towards), "towards points over the line, not along it")
        must(self.enters_m >= 1.0, "enters_m is at least a metre")
        must(bool(self.signal.strip()), "a stop line names its signal")


@dataclass(frozen=True, slots=True)
class Hours(Part):
    """Local time on some days of the week, from `start` to `end` of one day ("07:00", "19:00"; "24:00" ends the day)."""

    days: tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...]
    start: str
    end: str

    def __post_init__(self) -> None:
        must(bool(self.days), "hours name at least one day")
        must(_minutes(self.start) < _minutes(self.end), "start comes before end; write a night as two entries")

    def hold(self, local: datetime) -> bool:
        return DAYS[local.weekday()] in self.days and _minutes(self.start) <= _minute_of(local.time()) < _minutes(self.end)


def _minutes(text: str) -> float:
    hours, colon, minutes = text.partition(":")
    fits = colon == ":" and len(hours) == len(minutes) == 2 and (hours + minutes).isascii() and (hours + minutes).isdigit()
    must(fits, "a time of day is written like 07:30")
    whole = int(hours) * 60 + int(minutes)
    must(int(minutes) < 60 and whole <= 24 * 60, "a time of day lies between 00:00 and 24:00")
    return whole


def _minute_of(of_day: time) -> float:
    return of_day.hour * 60 + of_day.minute + of_day.second / 60 + of_day.microsecond / 6e7


@dataclass(frozen=True, slots=True)
class BusLane(Part):
    """A lane for the classes in `exempt` (the words of the register's class column) during its `hours`."""

    name: str
    zone_m: Zone
    hours: tuple[Hours, ...]
    exempt: tuple[str, ...]
    order: Order

    def __post_init__(self) -> None:
        _must_be_zone(self.zone_m)
        must(bool(self.hours) and bool(self.exempt), "a bus lane has hours, and at least one class that may use it")


@dataclass(frozen=True, slots=True)
class NoStopping(Part):
    """Where nobody may stop, or park: `forbids` says which. Traffic there drives `towards`."""

    name: str
    zone_m: Zone
    towards: Point
    forbids: Literal["stopping", "parking"]
    order: Order

    def __post_init__(self) -> None:
        _must_be_zone(self.zone_m)
        must(self.towards != (0.0, 0.0), "towards is a direction, not (0, 0)")


@dataclass(frozen=True, slots=True)
class SolidLine(Part):
    """A line that may not be crossed, in either direction; a straight one, from end to end."""

    name: str
    line_m: tuple[Point, Point]
    order: Order

    def __post_init__(self) -> None:
        (a, b), (c, d) = self.line_m
        must(hypot(c - a, d - b) >= 1.0, "a solid line is at least a metre long")


@dataclass(frozen=True, slots=True)
class ForbiddenTurn(Part):
    """A way that may not be taken: from one zone into another, also back into the opposite lane (a U-turn)."""

    name: str
    from_m: Zone
    into_m: Zone
    order: Order

    def __post_init__(self) -> None:
        _must_be_zone(self.from_m)
        _must_be_zone(self.into_m)


@dataclass(frozen=True, slots=True)
class AskedPlates(Part):
    """That vehicles which show no plate are asked about, and on whose order."""

    order: Order


@dataclass(frozen=True, slots=True)
class SignalHead(Part):
    """Where the picture shows a signal's lamps: left, top, right, bottom in pixels. Several heads may show one `signal`, the name
    that stop lines use."""

    name: str
    signal: str
    box_px: tuple[float, float, float, float]

    def __post_init__(self) -> None:
        left, top, right, bottom = self.box_px
        must(right - left >= 2 and bottom - top >= 2, "box_px is left, top, right, bottom, at least 2 pixels wide and high")
        must(bool(self.signal.strip()), "a signal head names its signal")


@dataclass(frozen=True, slots=True)
class Lane(Part):
    """A lane in which vehicles are counted. It orders nothing, so nobody needs to have ordered it."""

    name: str
    zone_m: Zone
    towards: Point

    def __post_init__(self) -> None:
        _must_be_zone(self.zone_m)
        must(self.towards != (0.0, 0.0), "towards is a direction, not (0, 0)")


@dataclass(frozen=True, slots=True)
class Crossing(Part):
    """Where people may cross the road, so that crossings elsewhere can be counted apart."""

    name: str
    zone_m: Zone

    def __post_init__(self) -> None:
        _must_be_zone(self.zone_m)


@dataclass(frozen=True, slots=True)
class Landmark(Part):
    """A spot of the view that stands still: where it lies, and in which directions its edges run, on a coarse grid around it.

    `pattern` is that in hex, as `clearway.sight.view` writes and reads it; `sharpness` is how fine its edges are, of its own
    contrast. There is no brightness in it and no colour, and of people, vehicles and plates no landmark is made.
    """

    px: Point
    pattern: str
    sharpness: float

    def __post_init__(self) -> None:
        must(len(self.pattern) == PATTERN_HEX and set(self.pattern) <= set("0123456789abcdef"), "a pattern is hex of one length")
        must(self.sharpness > 0, "a sharpness is above 0")


@dataclass(frozen=True, slots=True)
class View(Part):
    """By what a camera's look is known again."""

    landmarks: tuple[Landmark, ...]

    def __post_init__(self) -> None:
        must(LANDMARKS_MIN <= len(self.landmarks) <= LANDMARKS_MAX, f"{LANDMARKS_MIN} to {LANDMARKS_MAX} landmarks are needed")


@dataclass(frozen=True, slots=True)
class Scene(Part):
    """One view: where it is, how it was surveyed (`surveyed` says by whom, and until when that is trusted), and its limits."""

    name: str
    law: str
    time_zone: str
    picture_px: tuple[int, int]
    surveyed: Order
    calibration: Calibration
    speed_limit: SpeedLimit | None = None
    no_plate: AskedPlates | None = None
    one_way: tuple[OneWay, ...] = ()
    stop_line: tuple[StopLine, ...] = ()
    bus_lane: tuple[BusLane, ...] = ()
    no_stopping: tuple[NoStopping, ...] = ()
    solid_line: tuple[SolidLine, ...] = ()
    forbidden_turn: tuple[ForbiddenTurn, ...] = ()
    signal_head: tuple[SignalHead, ...] = ()
    lane: tuple[Lane, ...] = ()
    crossing: tuple[Crossing, ...] = ()
    view: View | None = None

    def __post_init__(self) -> None:
        width_px, height_px = self.picture_px
        must(0 < width_px <= 20000 and 0 < height_px <= 20000, "a picture is 1 to 20000 pixels wide and high")
        for number, point in enumerate(self.calibration.survey.points, 1):
            inside = 0 <= point.px[0] <= width_px and 0 <= point.px[1] <= height_px
            must(inside, f"known point {number} lies outside the picture")
        for head in self.signal_head:
            left, top, right, bottom = head.box_px
            inside = left >= 0 and top >= 0 and right <= width_px and bottom <= height_px
            must(inside, f"the signal head {head.name!r} lies outside the picture")
        corners = ((0.0, 0.0), (width_px, 0.0), (0.0, height_px), (width_px, height_px))
        must(not any(self.calibration.lens.folds(px) for px in corners), "this lens would show one place twice: check k1 and k2")
        has_stretch = self.calibration.stretch_m is not None
        must(has_stretch == (self.speed_limit is not None), "speed_limit and calibration.stretch_m belong together")
        must(len(self.names) <= PARTS_MAX, f"a scene has at most {PARTS_MAX} parts")
        must(all(name.strip() for name in self.names), "every part has a name")
        must(len(set(self.names)) == len(self.names), "no two parts have one name")
        try:
            self.local(datetime(2026, 1, 1, tzinfo=UTC))
        except (OSError, ValueError, KeyError):
            raise ValueError("time_zone is a name of the IANA database, such as Europe/Berlin") from None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its parts."""
        return (
            *(part.name for part in self.one_way),
            *(part.name for part in self.stop_line),
            *(part.name for part in self.bus_lane),
            *(part.name for part in self.no_stopping),
            *(part.name for part in self.solid_line),
            *(part.name for part in self.forbidden_turn),
            *(part.name for part in self.signal_head),
            *(part.name for part in self.lane),
            *(part.name for part in self.crossing),
        )

    def local(self, at: datetime) -> datetime:
        """That time on the clocks of the place."""
        return at.astimezone(ZoneInfo(self.time_zone))


def depths_m(zone: Zone, places_m: Array) -> Array:
    """How far inside the zone each place lies, (n,), from its nearest border; below 0 outside. Places are (n, 2)."""
    start = np.array(zone)
    end = np.roll(start, -1, axis=0)
    run, way = end - start, places_m[:, None] - start
    # A line to the right crosses the border an odd number of times from inside.
    over = (start[:, 1] > places_m[:, 1:]) != (end[:, 1] > places_m[:, 1:])
    crosses_m = start[:, 0] + way[:, :, 1] / np.where(run[:, 1] == 0, 1.0, run[:, 1]) * run[:, 0]
    inside = (over & (places_m[:, :1] < crosses_m)).sum(axis=1) % 2 == 1
    share = np.clip((way * run).sum(axis=2) / (run**2).sum(axis=1), 0.0, 1.0)
    off_m = way - share[:, :, None] * run
    border_m = np.sqrt((off_m**2).sum(axis=2).min(axis=1))
    return np.asarray(np.where(inside, border_m, -border_m))


def _edges(zone: Zone) -> tuple[tuple[Point, Point], ...]:
    return tuple(zip(zone, (*zone[1:], zone[0]), strict=True))


def _must_be_zone(zone: Zone) -> None:
    must(3 <= len(zone) <= CORNERS_MAX, f"a zone has 3 to {CORNERS_MAX} corners")
    edges = _edges(zone)
    must(all(start != end for start, end in edges), "a zone names no corner twice in a row")
    for n, one in enumerate(edges):
        for m in range(n + 2, len(edges)):
            neighbours = n == 0 and m == len(edges) - 1
            must(neighbours or not _cross(*one, *edges[m]), "the lines around a zone cross each other")
    area_m2 = abs(sum(a * d - c * b for (a, b), (c, d) in edges)) / 2
    must(area_m2 >= 0.5, "a zone covers at least half a square metre")


def _cross(a: Point, b: Point, c: Point, d: Point) -> bool:
    def side(p: Point, q: Point, r: Point) -> float:
        return (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])

    return side(a, b, c) * side(a, b, d) <= 0 and side(c, d, a) * side(c, d, b) <= 0
