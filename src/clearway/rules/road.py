"""What the rules of the road share: what is certain of a drive, and how a finding about one is worded.

Each of them asks the same three things before its own: was the plate read surely enough to name anybody, was the road surveyed,
and was the order in force all the time, also at the clock's worst error? Where one is not so, the rule says nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import groupby
from math import hypot
from operator import itemgetter

import numpy as np

from clearway.facts import Bound, Drive, Finding, Measurement, Passage, Record, Waypoint
from clearway.rules.judging import DECISIVE_FRAMES_MAX, decisive_frames
from clearway.scene import Order, Point, Zone, depths_m

# A plate less certain than this accuses nobody; the same as for a match with a list (docs/decisions/0016).
P_PLATE_MIN = 0.9
# No clock is more wrong than this counts for; it keeps dates within what a calendar holds.
CLOCK_ERROR_MAX = timedelta(days=36525)
_RECTANGLE = np.array([(0, 0), (1, 1), (1, -1), (-1, 1), (-1, -1)])


def judged_drive(passage: Passage, order: Order) -> Drive | None:
    """The drive that may be judged under that order; None where the plate, the road or the order is not certain."""
    if passage.plate is None or passage.plate.p < P_PLATE_MIN or passage.drive is None:
        return None
    slack = clock_slack(passage)
    return passage.drive if order.holds(passage.first_at - slack, passage.last_at + slack) else None


def clock_slack(passage: Passage) -> timedelta:
    """How far any of the passage's times may be from the true one."""
    return min(timedelta(milliseconds=min(passage.clock_error_ms, 1e12)), CLOCK_ERROR_MAX)


def inside(zone: Zone, waypoints: Sequence[Waypoint]) -> list[bool]:
    """For each place whether the vehicle's plate was certainly inside the zone: the whole rectangle around its place is."""
    if not waypoints:
        return []
    places_m = np.array([(w.along_m, w.across_m) for w in waypoints])
    errors_m = np.array([(w.along_error_m, w.across_error_m) for w in waypoints])
    # A corner of the zone may lie inside the rectangle while all of the rectangle's own corners lie inside the zone.
    cut = (np.abs(np.array(zone) - places_m[:, None]) <= errors_m[:, None]).all(axis=2).any(axis=1)
    points_m = places_m[:, None] + errors_m[:, None] * _RECTANGLE
    certain = (depths_m(zone, points_m.reshape(-1, 2)) > 0).reshape(len(places_m), -1).all(axis=1)
    return [bool(one) for one in certain & ~cut]


def stays(zone: Zone, waypoints: Sequence[Waypoint]) -> Iterator[tuple[Waypoint, ...]]:
    """The stretches of the drive, in order, on which the vehicle was certainly inside the zone, each as long as can be."""
    certainly = inside(zone, waypoints)
    for here, stretch in groupby(zip(certainly, waypoints, strict=True), key=itemgetter(0)):
        if here:
            yield tuple(waypoint for _, waypoint in stretch)


def apart_m(first: Waypoint, last: Waypoint) -> float:
    return hypot(last.along_m - first.along_m, last.across_m - first.across_m)


def apart_error_m(first: Waypoint, last: Waypoint) -> float:
    """How far `apart_m` may be off at most: both errors, in the direction from one to the other."""
    towards = last.along_m - first.along_m, last.across_m - first.across_m
    if towards == (0.0, 0.0):
        towards = (1.0, 1.0)
    return first.error_m(towards) + last.error_m(towards)


def farthest(stay: Sequence[Waypoint]) -> tuple[Waypoint, Waypoint]:
    """The two places near its ends between which it certainly went farthest: the very first and last may be vague."""
    pairs = [(first, last) for first in stay[:2] for last in stay[-2:]]
    return max(pairs, key=lambda pair: apart_m(*pair) - apart_error_m(*pair))


def gone_m(first: Waypoint, last: Waypoint, towards: Point) -> float:
    """How far it came in that direction; below 0 where it went against it."""
    length = hypot(*towards)
    return ((last.along_m - first.along_m) * towards[0] + (last.across_m - first.across_m) * towards[1]) / length


def asked(
    rule: str,
    passage: Passage,
    because: str,
    measurement: Measurement,
    bound: Bound,
    shown_at: Sequence[datetime],
    records: tuple[Record, ...] = (),
    *,
    part: str = "",
) -> Finding:
    """The finding about that part of the scene, held against `bound`. `shown_at` are two times or three, in order, that show
    what happened: between two, the middle is taken too. First comes the frame that shows the plate best."""
    assert passage.plate is not None, "a drive is judged where its plate was read"
    plate = passage.plate.text
    best = decisive_frames(passage, plate)
    first, *middle, last = shown_at
    times = (first, *(middle or [first + (last - first) / 2]), last)
    nearest = (min(passage.sightings, key=lambda s: abs(s.captured_at - at)).frame_number for at in times)
    moments = tuple(dict.fromkeys(nearest))
    frames = tuple(dict.fromkeys((best[0], *moments, *best[1:])))[:DECISIVE_FRAMES_MAX]
    held = replace(measurement, bound=bound)
    return Finding(rule, passage, plate, passage.plate.p, because, records, frames, (held,), part, moments)


def worded(measurement: Measurement) -> str:
    """The measurement as a sentence holds it: "63.4 km/h ± 1.2 km/h (at least k = 2; the mean over …)"."""
    one = measurement
    return f"{one.value:.1f} {one.unit} ± {one.uncertainty:.1f} {one.unit} (at least k = 2; {one.method})"
