"""Where something must be hidden in each of many frames: people, faces and plates are followed through looks that missed them.

A detector sees a face in one frame and misses it in the next. So nothing is hidden frame by frame: what was found becomes
tracks, and a track hides between its finds, and for HELD_S before the first and after the last. Every box has a margin. Where a
look failed, nothing can be said of that frame, and nobody may see it.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from math import hypot, inf

from clearway.facts import Box, Detection, Kind

HIDDEN = (Kind.PERSON, Kind.FACE, Kind.PLATE)
# On each side, as a share of the box's width and height: with it 95 of 100 faces are covered that are found, without it 73
# (sight/weights/street.md).
MARGIN = 0.25
# Through a look or a few that found nothing: somebody who walks behind a post, a face that turns away and back.
HELD = timedelta(seconds=0.6)
# Two finds at most this far apart in time may be one thing: each holds for its half of the gap.
LINKED = 2 * HELD
# Found again within its own size of where it was expected, and further the longer it was missed: 1.6 m/s on foot are one height
# of a person a second and eight faces; a plate 0.52 m wide and a vehicle 4 m long drive. A wrong link only makes the box around
# both finds larger than it need be. Not more than doubled or halved in size.
REACH_SIZES, GROWTH_MAX = 1.0, 2.0
REACH_SIZES_PER_S = {Kind.PERSON: 1.0, Kind.FACE: 8.0, Kind.PLATE: 30.0, Kind.VEHICLE: 4.0, Kind.TWO_WHEELER: 8.0}
# How long a stretch its speed is taken from: over a shorter one the boxes' own tremble would be taken for speed.
STEADY = timedelta(seconds=0.5)
# A find at which it is less likely than not that something is there is hidden too, and said to be unsure.
SURE_P_MIN = 0.5
# What shows that a vehicle has a plate, though nothing can be read on it. Of 113 held-out vehicles, looked at in twelve sizes as
# benchmarks/painted.py does, all showed a plate that was read; with it painted over 37 showed one of .5 and more, 20 of .6 and 7
# of .7.
PLATE_P_MIN = 0.7
# The narrowest plate that is common, 0.305 m (SAE J686), on the widest vehicle, 2.55 m (Directive 96/53/EC), and a little less.
PLATE_SHARE_MIN = 0.1
# A frame that is full of them shows nothing of use, and its manifest would have no end.
FILLS_MAX = 64


@dataclass(frozen=True, slots=True)
class Look:
    """What was found in one frame; `found` is None where the detector failed on it."""

    at: datetime
    found: tuple[Detection, ...] | None


@dataclass(frozen=True, slots=True)
class Track:
    """One thing through many looks: the `places` of the looks that found it, rising, and its box and probability in each."""

    places: list[int]
    boxes: list[Box]
    p: list[float] = field(default_factory=list)


class Cause(StrEnum):
    """Why a box is filled, besides the kind of what is there."""

    FOUND = "found"
    UNSURE = "unsure"
    CARRIED = "carried"


@dataclass(frozen=True, slots=True)
class Fill:
    """One box that must be hidden, its margin included, and why."""

    box: Box
    kind: Kind
    cause: Cause


def fills(looks: Sequence[Look], kinds: Sequence[Kind] = HIDDEN) -> list[tuple[Fill, ...] | None]:
    """For each look, in order of time, what must be hidden in its frame, largest first; None where that is not known."""
    hidden: list[list[Fill]] = [[] for _ in looks]
    times = [look.at for look in looks]
    for kind in kinds:
        for track in follow(looks, (kind,)):
            _hide(track, kind, times, hidden)
    decided: list[tuple[Fill, ...] | None] = []
    for look, found in zip(looks, hidden, strict=True):
        outermost = _outermost(found)
        decided.append(None if look.found is None or len(outermost) > FILLS_MAX else outermost)
    return decided


def follow(looks: Sequence[Look], kinds: Sequence[Kind]) -> list[Track]:
    """The things of those kinds, which are taken for one another, in the order in which they were first found."""
    reach_sizes_per_s = max(REACH_SIZES_PER_S[kind] for kind in kinds)
    tracks: list[Track] = []
    alive: list[Track] = []
    times = [look.at for look in looks]
    for place, look in enumerate(looks):
        alive = [track for track in alive if look.at - times[track.places[-1]] <= LINKED]
        finds = [one for one in look.found or () if one.kind in kinds]
        boxes = [one.box for one in finds]
        expected = [_moved(track, times, -1, look.at) for track in alive]
        near = sorted(
            (apart, t, b)
            for t, (track, box) in enumerate(zip(alive, expected, strict=True))
            for b, found in enumerate(boxes)
            if (apart := _apart_sizes(box, found))
            <= REACH_SIZES + reach_sizes_per_s * (look.at - times[track.places[-1]]).total_seconds()
        )
        by_box: dict[int, Track] = {}
        taken: set[int] = set()
        for _, t, b in near:
            if t not in taken and b not in by_box:
                taken.add(t)
                by_box[b] = alive[t]
        for b, box in enumerate(boxes):
            track = by_box.get(b)
            if track is None:
                track = Track([], [])
                tracks.append(track)
                alive.append(track)
            track.places.append(place)
            track.boxes.append(box)
            track.p.append(finds[b].p)
    return tracks


def is_plate(one: Detection, plate: Box) -> bool:
    """Whether what was found is that plate."""
    return one.kind is Kind.PLATE and lies_at(one.box, plate)


def lies_at(box: Box, plate: Box) -> bool:
    """Whether most of the box lies on the plate or less than the plate's height beside it."""
    return lies_in(box, plate.grown(plate.height_px))


def hangs_on(plate: Box, vehicle: Box) -> bool:
    """Whether a plate that was found there can be that vehicle's: most of it lies on it, below its uppermost quarter, where the
    roof ends and signs behind it are seen, and it is not far too narrow."""
    below = Box(vehicle.left_px, vehicle.top_px + vehicle.height_px / 4, vehicle.right_px, vehicle.bottom_px)
    return lies_in(plate, below) and plate.width_px >= PLATE_SHARE_MIN * vehicle.width_px


def lies_in(box: Box, region: Box) -> bool:
    """Whether most of the box does."""
    return box.shared_px(region) > 0.5 * box.area_px


def with_margin(box: Box) -> Box:
    """The box grown by MARGIN of its width and height on each side."""
    across, down = MARGIN * box.width_px, MARGIN * box.height_px
    return Box(box.left_px - across, box.top_px - down, box.right_px + across, box.bottom_px + down)


def _hide(track: Track, kind: Kind, times: Sequence[datetime], hidden: list[list[Fill]]) -> None:
    """Adds the track's box to every look during which its thing may be there."""
    first_at, last_at = times[track.places[0]], times[track.places[-1]]
    for place in range(bisect_left(times, first_at - HELD), bisect_right(times, last_at + HELD)):
        after = bisect_left(track.places, place)
        cause = Cause.CARRIED
        if after < len(track.places) and track.places[after] == place:
            box = track.boxes[after]
            cause = Cause.FOUND if track.p[after] >= SURE_P_MIN else Cause.UNSURE
        elif after == 0:
            box = _around(track.boxes[0], _moved(track, times, 0, times[place]))
        elif after == len(track.places):
            box = _around(track.boxes[-1], _moved(track, times, -1, times[place]))
        else:
            # It went from one to the other: at whatever speed, it was within the box around both.
            box = _around(track.boxes[after - 1], track.boxes[after])
        hidden[place].append(Fill(with_margin(box), kind, cause))


def _moved(track: Track, times: Sequence[datetime], end: int, to: datetime) -> Box:
    """Where the thing is at that time, if it moves as it did at the track's beginning (`end` 0) or end (-1)."""
    at = times[track.places[end]]
    if end == 0:
        other = bisect_right(track.places, at + STEADY, key=times.__getitem__) - 1
    else:
        other = bisect_left(track.places, at - STEADY, key=times.__getitem__)
    elapsed_s = (at - times[track.places[other]]).total_seconds()
    if elapsed_s == 0:
        return track.boxes[end]
    (x, y), (from_x, from_y) = track.boxes[end].centre_px, track.boxes[other].centre_px
    share = (to - at).total_seconds() / elapsed_s
    return track.boxes[end].moved(share * (x - from_x), share * (y - from_y))


def _apart_sizes(expected: Box, found: Box) -> float:
    """How far the box lies from where it was expected, in its own size; infinite where it cannot be the same thing."""
    (x, y), (other_x, other_y) = expected.centre_px, found.centre_px
    wider, taller = found.width_px / expected.width_px, found.height_px / expected.height_px
    if max(wider, taller) > GROWTH_MAX or min(wider, taller) < 1 / GROWTH_MAX:
        return inf
    return hypot(x - other_x, y - other_y) / max(expected.width_px, expected.height_px)


def _around(one: Box, other: Box) -> Box:
    return Box(
        min(one.left_px, other.left_px),
        min(one.top_px, other.top_px),
        max(one.right_px, other.right_px),
        max(one.bottom_px, other.bottom_px),
    )


def _outermost(found: Sequence[Fill]) -> tuple[Fill, ...]:
    """The fills without those that lie within another."""
    kept: list[Fill] = []
    for one in sorted(found, key=lambda fill: -fill.box.area_px):
        if all(other.box.common(one.box) != one.box for other in kept):
            kept.append(one)
    return tuple(kept)
