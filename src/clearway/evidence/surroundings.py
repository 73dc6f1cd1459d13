"""What is shown around a vehicle that broke a rule of the road: its signal's heads as they were filmed, and the empty road.

Both are places that the survey names, or a vehicle that was found to drive there; never ones in which merely nothing was found. A
head is shown whole or not at all: anybody, and any vehicle, that may be before it hides it. The road is one picture for all
frames, made of what was still and free, and without whoever stood there.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise
from math import ceil, floor

from clearway.evidence.hide import HELD, SURE_P_MIN, Cause, Fill, Look, Track, fills, follow, with_margin
from clearway.evidence.manifest import BLANK_AS_UNKNOWN, HEAD_SHOWN, HEAD_TOO_LARGE, SUBJECT, PxBounds
from clearway.evidence.redact import FILL_RGB, region_at
from clearway.evidence.road import EmptyRoad, moved
from clearway.evidence.sketch import Line
from clearway.facts import Box, Detection, Frame, Kind, Passage, Pixels

VEHICLES = (Kind.VEHICLE, Kind.TWO_WHEELER)
# Of the picture: a head is a small thing. Whoever drew a larger box drew something else into it.
HEAD_SHARE_MAX = 0.02
# Looked at for what may be before a head: so many of its lengths to each side, and this share of the picture's longer side at
# least, for a lorry is told by more of it than its flank.
AROUND_LENGTHS, AROUND_SHARE = 3.0, 0.25
# What was found after so long and still shares so much with where it was first found stood there.
STOOD, STOOD_OVERLAP_MIN = timedelta(seconds=1), 0.5
# A vehicle that two frames show drove on between them, and is put so many times there.
BETWEEN = 8
# What a vehicle drives over is seen as the lowest part of it, between its wheels: of its height and its width. Above and beside
# that its box shows what lies behind it, which may be the pavement. Of the subject only the lower half of a vehicle is told.
TREAD_UP, TREAD_ACROSS = 1 / 4, 0.8

# What a detector finds in a part of a frame; None where it fails.
Find = Callable[[Frame, Box], tuple[Detection, ...] | None]
# Boxes of a frame that must be hidden, each with its reason in the manifest's words.
Causes = Sequence[tuple[Box, str]]


@dataclass(frozen=True, slots=True)
class Road:
    """The road when it was empty: the `picture`, flat where it is not known, and the numbers of the `frames` it is made of."""

    picture: Pixels
    frames: tuple[int, ...]


def bounds_of(head: Line) -> PxBounds:
    """Left, top, right, bottom (half-open, whole pixels) of a signal's head: rounded outward, as its lamps were read."""
    x, y = zip(*head.points_px, strict=True)
    return floor(min(x)), floor(min(y)), ceil(max(x)), ceil(max(y))


def heads_in(
    heads: Sequence[PxBounds], passage: Passage, frames: Sequence[Frame], hidden: Sequence[Causes], find: Find
) -> list[tuple[str, ...]]:
    """For each of the frames, in order of time and all of one size: of each head HEAD_SHOWN, or why it is not shown there.

    `hidden` has for each frame what must be hidden in it beside what `find` finds around a head, and why.
    """
    told: list[list[str]] = [[] for _ in frames]
    for px in heads:
        head = Box(*map(float, px))
        if not frames or head.area_px > HEAD_SHARE_MAX * frames[0].whole.area_px:
            words = [HEAD_TOO_LARGE] * len(frames)
        else:
            looks = [Look(frame.captured_at, find(frame, _around(head, frame))) for frame in frames]
            before = zip(frames, fills(looks), _vehicles_before(head, looks), hidden, strict=True)
            words = [_before(head, passage, *each) for each in before]
        for place, word in enumerate(words):
            told[place].append(word)
    return [tuple(words) for words in told]


def _before(head: Box, passage: Passage, frame: Frame, people: tuple[Fill, ...] | None, vehicle: str, hidden: Causes) -> str:
    """What is or may be before the head in that frame, in the words of the manifest; HEAD_SHOWN where nothing is."""
    if people is None:
        return BLANK_AS_UNKNOWN
    for box, because in (*((fill.box, f"{fill.kind} {fill.cause}") for fill in people), *hidden):
        if box.common(head) is not None:
            return because
    subject = region_at(passage, frame)
    if subject is not None and _whole(subject).common(head) is not None:
        return SUBJECT
    return vehicle or HEAD_SHOWN


def _vehicles_before(head: Box, looks: Sequence[Look]) -> list[str]:
    """For each look the vehicle that may be before the head, in the manifest's words; "" where there is none.

    One that was surely found before it in a look may be there for HELD before and after, whatever became of its box.
    """
    finds = [[one for one in look.found or () if one.kind in VEHICLES and one.box.common(head) is not None] for look in looks]
    times = [look.at for look, found in zip(looks, finds, strict=True) if any(one.p >= SURE_P_MIN for one in found)]
    words = []
    for look, found in zip(looks, finds, strict=True):
        surest = max(found, key=lambda one: one.p, default=None)
        if surest is not None:
            words.append(f"{surest.kind} {Cause.FOUND if surest.p >= SURE_P_MIN else Cause.UNSURE}")
        else:
            near = bisect_left(times, look.at - HELD)
            carried = near < len(times) and times[near] <= look.at + HELD
            words.append(f"{Kind.VEHICLE} {Cause.CARRIED}" if carried else "")
    return words


def _around(head: Box, frame: Frame) -> Box:
    reach = max(AROUND_LENGTHS * max(head.width_px, head.height_px), AROUND_SHARE * max(frame.width_px, frame.height_px))
    around = head.grown(reach).within(frame.width_px, frame.height_px)
    assert around is not None, "a scene's heads lie inside its picture"
    return around


def road_of(passage: Passage, frames: Sequence[Frame], hidden: Sequence[Causes], find: Find) -> Road | None:
    """The empty road of those frames of a fixed camera, in order of time and all of one size; None where none of it is known.

    It is shown where the subject drove, or another vehicle that was found to move. What was found in a frame, and what is
    `hidden` in it for another reason, has no part in it. Where somebody was found once, and where a vehicle or a plate stood, it
    is not shown at all, however often they were missed.
    """
    road = EmptyRoad()
    for frame in frames:
        road.add(frame)
    found = {frame.number: find(frame, frame.whole) for frame in road.samples}
    covered: dict[int, Sequence[Box] | None] = {}
    own_way: list[Box] = []
    for frame, others in zip(frames, hidden, strict=True):
        boxes = [box for box, _ in others]
        if (subject := region_at(passage, frame)) is not None:
            own_way.append(_tread(subject, 2 * TREAD_UP))
            boxes.append(with_margin(_whole(subject)))
        seen = found.get(frame.number)
        covered[frame.number] = None if seen is None else [*boxes, *(with_margin(one.box) for one in seen)]
    ways, never = _ways([Look(frame.captured_at, found[frame.number]) for frame in road.samples])
    near = [(a, b) for way in (own_way, *ways) for a, b in pairwise(way) if a.grown(a.width_px / 2).common(b) is not None]
    drove = [a.toward(b, step / BETWEEN) for a, b in near for step in range(BETWEEN + 1)]
    picture = road.picture(covered, drove, never, lambda shown: find(shown, shown.whole))
    if (picture == FILL_RGB).all():
        return None
    return Road(picture, tuple(frame.number for frame in road.samples if covered[frame.number] is not None))


def _ways(looks: Sequence[Look]) -> tuple[list[list[Box]], list[Box]]:
    """The parts of the picture that each moving vehicle drove over, and those that are not the road: where a vehicle or a plate
    stood, and where somebody was who was not in a vehicle that moved."""
    ways: list[list[Box]] = []
    never: list[Box] = []
    moving: list[list[Box]] = [[] for _ in looks]
    for kind in (*VEHICLES, Kind.PLATE):
        for track in follow(looks, (kind,)):
            grown = [with_margin(box) for box in track.boxes]
            if kind in VEHICLES and moved(track):
                ways.append([_tread(box, TREAD_UP) for box in track.boxes])
                for place, box in zip(track.places, grown, strict=True):
                    moving[place].append(box)
            elif _stood(track, looks):
                never += grown
    for look, vehicles in zip(looks, moving, strict=True):
        people = [one.box for one in look.found or () if one.kind in (Kind.PERSON, Kind.FACE)]
        never += [with_margin(box) for box in people if not any(box.common(vehicle) == box for vehicle in vehicles)]
    return ways, never


def _stood(track: Track, looks: Sequence[Look]) -> bool:
    lasted = looks[track.places[-1]].at - looks[track.places[0]].at
    return lasted >= STOOD and track.boxes[0].overlap(track.boxes[-1]) >= STOOD_OVERLAP_MIN


def _tread(box: Box, up: float) -> Box:
    """The part of the picture in which the vehicle in that box covers the road that it drives over."""
    (x, _), across = box.centre_px, TREAD_ACROSS * box.width_px / 2
    return Box(x - across, box.bottom_px - up * box.height_px, x + across, box.bottom_px)


def _whole(subject: Box) -> Box:
    """What the subject takes of the picture: what is shown of it lies low, and a vehicle is hardly taller than it is wide."""
    return replace(subject, top_px=subject.top_px - subject.width_px)
