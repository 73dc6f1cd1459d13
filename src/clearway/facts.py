"""The nouns, in the order of the story. Every fact is frozen and valid when made.

    Frame → Detection → Reading → Sighting → Plate → Drive → Passage → Record → Finding → Exhibit → Decision

Times are aware datetimes in UTC. Pixels are (height, width, 3) uint8 in RGB. Plate texts are canonical (see `plates`) and
stay out of every `repr`, so that a fact in a log line or a traceback never tells one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from math import hypot, inf, isfinite

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Probabilities = NDArray[np.float64]


def _in_utc(at: datetime) -> bool:
    return at.utcoffset() == UTC.utcoffset(None)


def _is_probability(p: float) -> bool:
    return 0.0 <= p <= 1.0


@dataclass(frozen=True, slots=True)
class Box:
    """A half-open rectangle in pixels: `left_px <= x < right_px`, `top_px <= y < bottom_px`. Never empty."""

    left_px: float
    top_px: float
    right_px: float
    bottom_px: float

    def __post_init__(self) -> None:
        assert all(map(isfinite, (self.left_px, self.top_px, self.right_px, self.bottom_px))), "a box is finite"
        assert self.left_px < self.right_px and self.top_px < self.bottom_px, "a box is never empty"

    @property
    def width_px(self) -> float:
        return self.right_px - self.left_px

    @property
    def height_px(self) -> float:
        return self.bottom_px - self.top_px

    @property
    def area_px(self) -> float:
        """The area in square pixels."""
        return self.width_px * self.height_px

    @property
    def centre_px(self) -> tuple[float, float]:
        """The middle, (x, y)."""
        return (self.left_px + self.right_px) / 2, (self.top_px + self.bottom_px) / 2

    def shared_px(self, other: "Box") -> float:
        """The area both cover, in square pixels; 0 where they do not meet."""
        width = min(self.right_px, other.right_px) - max(self.left_px, other.left_px)
        height = min(self.bottom_px, other.bottom_px) - max(self.top_px, other.top_px)
        return max(0.0, width) * max(0.0, height)

    def overlap(self, other: "Box") -> float:
        """Intersection over union, 0 to 1."""
        shared = self.shared_px(other)
        return shared / (self.area_px + other.area_px - shared)

    def grown(self, by_px: float) -> "Box":
        """This box with `by_px` added on every side."""
        return Box(self.left_px - by_px, self.top_px - by_px, self.right_px + by_px, self.bottom_px + by_px)

    def moved(self, right_px: float, down_px: float) -> "Box":
        return Box(self.left_px + right_px, self.top_px + down_px, self.right_px + right_px, self.bottom_px + down_px)

    def toward(self, other: "Box", share: float) -> "Box":
        """The box on the straight way to `other`: this one at a `share` of 0, the other at 1."""
        return Box(
            self.left_px + share * (other.left_px - self.left_px),
            self.top_px + share * (other.top_px - self.top_px),
            self.right_px + share * (other.right_px - self.right_px),
            self.bottom_px + share * (other.bottom_px - self.bottom_px),
        )

    def common(self, other: "Box") -> "Box | None":
        """The part that both cover; None where they do not meet."""
        left, top = max(self.left_px, other.left_px), max(self.top_px, other.top_px)
        right, bottom = min(self.right_px, other.right_px), min(self.bottom_px, other.bottom_px)
        return Box(left, top, right, bottom) if left < right and top < bottom else None

    def within(self, width_px: float, height_px: float) -> "Box | None":
        """The part that lies inside a picture of that size; None where none does."""
        return self.common(Box(0.0, 0.0, float(width_px), float(height_px)))


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture from one camera. `number` counts from 0 in capture order; `clock_error_ms` bounds |true - captured_at|."""

    camera: str
    number: int
    captured_at: datetime
    clock_error_ms: float
    pixels: Pixels = field(repr=False)

    def __post_init__(self) -> None:
        assert _in_utc(self.captured_at), "captured_at is in UTC"
        assert self.number >= 0 and self.clock_error_ms >= 0.0
        assert self.pixels.ndim == 3 and self.pixels.shape[2] == 3 and self.pixels.dtype == np.uint8

    @property
    def height_px(self) -> int:
        return int(self.pixels.shape[0])

    @property
    def width_px(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def whole(self) -> Box:
        return Box(0, 0, self.width_px, self.height_px)


class Kind(StrEnum):
    """What a detector may say it found. Only kinds that a rule or a redaction needs exist.

    A person or a face is found only to be hidden: neither is ever told apart from another, followed or counted.
    """

    VEHICLE = "vehicle"
    TWO_WHEELER = "two_wheeler"
    PERSON = "person"
    FACE = "face"
    PLATE = "plate"


@dataclass(frozen=True, slots=True)
class Detection:
    """One thing found in one frame: `p` is the probability that it is there at all.

    `corners` of a plate are four (x, y) in pixels, clockwise from its top left, where the detector knows them.
    """

    kind: Kind
    box: Box
    p: float
    corners: tuple[tuple[float, float], ...] | None = None

    def __post_init__(self) -> None:
        assert _is_probability(self.p) and (self.corners is None or len(self.corners) == 4)


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What a reader made of one plate in one frame, in reading order.

    `p_characters` is (n, len(plates.ALPHABET)); a row holds the probability of each character at that place and sums to at
    most 1: what is missing is the probability that nothing stands there. `legibility` (0 to 1) weighs the reading in a
    fusion; 0 says that the plate is cut or covered, so that its text is not to be trusted as whole. `region` is a guess from
    the plate's looks: the code of a country or of several ("EU"), or "unknown". `p_whole` is the probability that all of the
    plate was there to read, by a reader that knows it; 0 where the frame's edge cuts the plate. `p` is that of the whole text as
    it stands: the product over its places.
    """

    text: str = field(repr=False)
    p_characters: Probabilities = field(repr=False)
    legibility: float = 1.0
    region: str = "unknown"
    p_whole: float = 1.0
    p: float = field(init=False)

    def __post_init__(self) -> None:
        assert self.text and self.p_characters.ndim == 2 and len(self.p_characters) == len(self.text)
        assert float(self.p_characters.min()) >= 0.0 and float(self.p_characters.sum(axis=1).max()) <= 1.0 + 1e-6
        assert _is_probability(self.legibility) and _is_probability(self.p_whole)
        # Asked for again and again while a vehicle is followed.
        object.__setattr__(self, "p", float(np.prod(self.p_characters.max(axis=1))))


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """One vehicle in one frame. `box` is the vehicle's region; `plate_box` and `reading` are there where its plate was seen.
    `free` says that all of it was seen and nobody before it: who must show a plate would show it there."""

    frame_number: int
    captured_at: datetime
    kind: Kind
    box: Box
    p: float
    plate_box: Box | None = None
    reading: Reading | None = None
    free: bool = False

    def __post_init__(self) -> None:
        assert _in_utc(self.captured_at) and _is_probability(self.p)
        assert self.reading is None or self.plate_box is not None, "a reading has a place"


@dataclass(frozen=True, slots=True, eq=False)
class Plate:
    """One vehicle's plate, fused from `votes` readings.

    `p` is the probability of `text`; `runners_up` are the next likely texts with theirs, likeliest first; `p_characters` is
    the fused (n, alphabet) evidence behind them, before any grammar; `region` is a country code or "unknown".
    """

    text: str = field(repr=False)
    p: float
    votes: int
    runners_up: tuple[tuple[str, float], ...] = field(repr=False)
    p_characters: Probabilities = field(repr=False)
    region: str = "unknown"

    def __post_init__(self) -> None:
        assert self.text and _is_probability(self.p) and self.votes >= 1
        assert len(self.p_characters) == len(self.text)


@dataclass(frozen=True, slots=True)
class Bound:
    """What a measurement is held against, in its unit: the `limit` and the `tolerance` beyond it, each with who says so."""

    limit: float
    limit_source: str
    tolerance: float
    tolerance_source: str

    def __post_init__(self) -> None:
        assert isfinite(self.limit) and isfinite(self.tolerance) and self.tolerance >= 0.0
        assert self.limit_source and self.tolerance_source, "nobody is held to a limit that nobody set"

    @property
    def asked_beyond(self) -> float:
        return self.limit + self.tolerance


@dataclass(frozen=True, slots=True)
class Measurement:
    """One quantity as it was measured. `uncertainty` is expanded with k = 2 (GUM, JCGM 100:2008, 6.2), in the same unit: the
    value lies within it in about 95 of 100 cases. `method` says in words how it was measured, `bound` what it was held
    against, where somebody was."""

    name: str
    value: float
    uncertainty: float
    unit: str
    method: str
    bound: Bound | None = None

    def __post_init__(self) -> None:
        assert self.name and self.unit and self.method
        assert isfinite(self.value) and isfinite(self.uncertainty) and self.uncertainty >= 0.0

    @property
    def low(self) -> float:
        """The lower end of the interval: what a driver is held to."""
        return self.value - self.uncertainty

    @property
    def high(self) -> float:
        return self.value + self.uncertainty


@dataclass(frozen=True, slots=True)
class Waypoint:
    """Where a vehicle was on the road at one time, in the metres of its scene.

    `along_error_m` and `across_error_m` are how far the true place may be off in either direction: together the rectangle
    around the place that holds the true one in 95 of 100 cases, or more.
    """

    at: datetime
    along_m: float
    across_m: float
    along_error_m: float
    across_error_m: float

    def __post_init__(self) -> None:
        assert _in_utc(self.at) and isfinite(self.along_m) and isfinite(self.across_m)
        assert 0.0 <= self.along_error_m < inf and 0.0 <= self.across_error_m < inf

    def error_m(self, towards: tuple[float, float]) -> float:
        """How far the true place may be off in that direction (along, across), of any length, or against it."""
        return (abs(towards[0]) * self.along_error_m + abs(towards[1]) * self.across_error_m) / hypot(*towards)


class Light(StrEnum):
    """What a signal head shows. A lamp that nobody reports is UNKNOWN, never red; DARK is one of which no lamp could be seen lit,
    which is not to say that it is off."""

    RED = "red"
    RED_AMBER = "red_amber"
    AMBER = "amber"
    GREEN = "green"
    DARK = "dark"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Lamp:
    """What one signal certainly showed from `from_at` to `until_at`: what came before it ended after the one before, and it began
    before `from_at`. `clock_error_ms` bounds how far both times may be off against those of the camera's frames: nothing but the
    time that a picture takes where the lamp was read in them, and both clocks' errors where a controller reports it."""

    signal: str
    light: Light
    from_at: datetime
    until_at: datetime
    clock_error_ms: float

    def __post_init__(self) -> None:
        assert self.signal and _in_utc(self.from_at) and _in_utc(self.until_at)
        assert self.from_at <= self.until_at and self.clock_error_ms >= 0.0


@dataclass(frozen=True, slots=True)
class Drive:
    """What was measured of one vehicle's way over a surveyed road.

    `waypoints` are in time order, and fewer than the sightings: those for which the ones before and after vouch. `speed` is the
    mean speed over the scene's measured stretch, None where it could not be measured well. `lamps` is what the scene's signal
    heads showed meanwhile. `blocked` are the spans, (from, to), in which another vehicle stood close ahead of it; None where
    nobody looked.
    """

    waypoints: tuple[Waypoint, ...] = field(repr=False)
    speed: Measurement | None = None
    lamps: tuple[Lamp, ...] = ()
    blocked: tuple[tuple[datetime, datetime], ...] | None = None

    def __post_init__(self) -> None:
        assert all(a.at <= b.at for a, b in zip(self.waypoints, self.waypoints[1:], strict=False))


@dataclass(frozen=True, slots=True, eq=False)
class Passage:
    """One vehicle's whole way through one view, told once.

    `id` is unique within one run of one camera and says nothing about the vehicle. `sightings` are in time order and never
    empty (a long stay keeps an even sample of them); `clock_error_ms` is the worst among their frames. `drive` is there where
    the road in view was surveyed.
    """

    id: str
    camera: str
    sightings: tuple[Sighting, ...] = field(repr=False)
    clock_error_ms: float
    plate: Plate | None = None
    drive: Drive | None = None

    def __post_init__(self) -> None:
        assert self.sightings and self.clock_error_ms >= 0.0
        assert all(a.captured_at <= b.captured_at for a, b in zip(self.sightings, self.sightings[1:], strict=False))

    @property
    def first_at(self) -> datetime:
        return self.sightings[0].captured_at

    @property
    def last_at(self) -> datetime:
        return self.sightings[-1].captured_at


class Answer(StrEnum):
    """What a register says. Silence is UNKNOWN, never NO."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Record:
    """One register's answer to one question about one plate.

    `register` and `question` are short fixed words ("hotlist": "listed", "register": "registered"). `p` is the probability
    that `entry`, the line of the list that answered, is about the vehicle that passed (1.0 where no line took part).
    `data_as_of` is when the list was published and `list_sha256` the SHA-256 of its signed file in hex, both None where there is
    no list.
    """

    register: str
    question: str
    answer: Answer
    asked_at: datetime
    data_as_of: datetime | None
    p: float = 1.0
    entry: Mapping[str, str] = field(default_factory=dict, repr=False)
    list_sha256: str | None = None

    def __post_init__(self) -> None:
        assert _in_utc(self.asked_at) and _is_probability(self.p)
        assert self.data_as_of is None or _in_utc(self.data_as_of)


@dataclass(frozen=True, slots=True, eq=False)
class Finding:
    """A question for an officer: a rule says that something about this passage should be looked at.

    `plate` is the text that the finding is about (the list's spelling), `p` the probability that it is right; where the vehicle
    showed none, `plate` is "" and `p` how surely its plate, if it had one, would have been seen. `because` is one plain sentence
    without the plate, `records` what the rule rests on, `decisive_frames` the numbers of the frames that show it, best first. A
    rule that measures gives its `measurements`, the name of the scene's `part` that they are about ("" is the measured stretch),
    and `moments`: the numbers of the frames that show it before, at and after, in order of time.
    """

    rule: str
    passage: Passage
    plate: str = field(repr=False)
    p: float
    because: str
    records: tuple[Record, ...]
    decisive_frames: tuple[int, ...]
    measurements: tuple[Measurement, ...] = ()
    part: str = ""
    moments: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        assert self.rule and self.because and _is_probability(self.p)
        assert self.plate or self.passage.plate is None, "only of a vehicle without a plate none is named"
        assert self.decisive_frames, "a finding shows at least one frame"
        held_to = [(one.low, one.bound.asked_beyond) for one in self.measurements if one.bound is not None]
        # A rule may compare its parts and not their sum, which rounds.
        assert all(low > asked_beyond - 1e-9 for low, asked_beyond in held_to), "all of an interval lies beyond its bound"


@dataclass(frozen=True, slots=True)
class Retention:
    """What an exhibit is kept for, and for how long after it was sealed, at most."""

    purpose: str
    lasts: timedelta

    def __post_init__(self) -> None:
        assert self.purpose and self.lasts > timedelta(0)


@dataclass(frozen=True, slots=True)
class Exhibit:
    """A sealed piece of evidence: `id` is the SHA-256 of its manifest in hex, `path` the ZIP that holds it."""

    id: str
    path: str
    rule: str
    sealed_at: datetime

    def __post_init__(self) -> None:
        assert len(self.id) == 64 and set(self.id) <= set("0123456789abcdef")
        assert _in_utc(self.sealed_at)


class Verdict(StrEnum):
    CONFIRMED = "confirmed"
    DISMISSED = "dismissed"


@dataclass(frozen=True, slots=True)
class Decision:
    """What an officer made of one exhibit. `typed_plate` is what they read before the match was shown: a plate, that they saw
    none ("no plate"), or "" where they could not read it."""

    exhibit: str
    officer: str
    verdict: Verdict
    typed_plate: str = field(repr=False)
    reason: str
    decided_at: datetime

    def __post_init__(self) -> None:
        assert self.officer and self.reason.strip() and _in_utc(self.decided_at)
