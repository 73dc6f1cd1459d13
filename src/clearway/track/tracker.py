"""Who is who across frames: sightings become passages, one vehicle one passage.

A sighting belongs to a vehicle in view when it is where that vehicle can have got to and its plate reads alike. Text alone is
not enough (near-alike plates pass side by side) and place alone is not (the next vehicle in a queue takes the same place).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import hypot

from clearway import plates
from clearway.facts import Box, Passage, Plate, Reading, Sighting
from clearway.track.fusion import fuse, support

SIGHTINGS_MAX = 256
READINGS_MAX = 32
TRACKS_MAX = 512
# Two readings of one plate differ in few characters; two plates seldom agree in this share of theirs.
LIKENESS_MIN = 0.7
# How far a plate can have moved, in its own widths: a plate is 0.52 m wide, so 60 widths a second are 112 km/h across the view.
REACH_WIDTHS, REACH_WIDTHS_PER_S = 2.0, 60.0
# A reading this unlike the vehicle's is forgiven when it stands where the vehicle was expected.
OVERLAP_MIN = 0.3
# Where both readings are this sure and differ, they are of two vehicles (plates of one fleet follow each other), unless the
# second is this close to where the first was expected: then the reader was sure of a mistake.
P_SURE, SURE_REACH_WIDTHS = 0.8, 1.5
VELOCITY_SMOOTHING = 0.5
# One reading alone is told only when it is this sure; what text on a wall resembles a plate for a moment is not.
P_ALONE_MIN = 0.95
# At least one frame by itself must speak for the plate this much: the slats of a barrier, read again and again, agree with
# themselves in the end, but no single look at them ever says so.
P_WITNESS_MIN = 0.3
# A plate this sure is not waited for any longer.
P_SETTLED = 0.95


@dataclass(slots=True, eq=False)
class _Track:
    """One vehicle in view. `told` says that its passage was told already; then it is only kept from being told again."""

    id: str
    sightings: list[Sighting]
    readings: list[Reading] = field(default_factory=list)
    velocity_px_s: tuple[float, float] = (0.0, 0.0)
    clock_error_ms: float = 0.0
    legible_since: datetime | None = None
    told: bool = False

    @property
    def last(self) -> Sighting:
        return self.sightings[-1]

    def expected(self, at: datetime) -> Box:
        """Where its plate is by now, if it goes on as it did."""
        assert self.last.plate_box is not None
        elapsed_s = (at - self.last.captured_at).total_seconds()
        return self.last.plate_box.moved(self.velocity_px_s[0] * elapsed_s, self.velocity_px_s[1] * elapsed_s)

    def text(self) -> str:
        best = max(self.readings, key=lambda r: r.p * r.legibility)
        return best.text

    def moved(self) -> bool:
        """Whether it drove: in the first half of its time and in the second. Scenery that cannot be read stays, or seems to jump
        once when something else is taken for it."""
        middle = self.sightings[len(self.sightings) // 2]
        return _apart(self.sightings[0], middle) and _apart(middle, self.last)

    def add(self, sighting: Sighting, clock_error_ms: float) -> None:
        assert sighting.plate_box is not None and sighting.reading is not None
        if self.sightings:
            self._steer(sighting)
        self.sightings.append(sighting)
        if len(self.sightings) > SIGHTINGS_MAX:
            # A long stay keeps an even sample: every other one of the older half goes.
            half = SIGHTINGS_MAX // 2
            self.sightings[:half] = self.sightings[:half:2]
        self.readings.append(sighting.reading)
        if len(self.readings) > READINGS_MAX:
            self.readings.remove(min(self.readings, key=lambda r: r.p * r.legibility))
        self.clock_error_ms = max(self.clock_error_ms, clock_error_ms)
        if self.legible_since is None and sighting.reading.legibility > 0:
            self.legible_since = sighting.captured_at

    def _steer(self, sighting: Sighting) -> None:
        assert sighting.plate_box is not None and self.last.plate_box is not None
        elapsed_s = (sighting.captured_at - self.last.captured_at).total_seconds()
        if elapsed_s <= 0:
            return
        now, then = sighting.plate_box.centre_px, self.last.plate_box.centre_px
        measured = ((now[0] - then[0]) / elapsed_s, (now[1] - then[1]) / elapsed_s)
        if len(self.sightings) == 1:
            self.velocity_px_s = measured
            return
        keep, learn = 1 - VELOCITY_SMOOTHING, VELOCITY_SMOOTHING
        self.velocity_px_s = (
            keep * self.velocity_px_s[0] + learn * measured[0],
            keep * self.velocity_px_s[1] + learn * measured[1],
        )


def _apart(one: Sighting, other: Sighting) -> bool:
    """Whether the plate is more than half its height from where it was."""
    assert one.plate_box is not None and other.plate_box is not None
    (x, y), (to_x, to_y) = one.plate_box.centre_px, other.plate_box.centre_px
    return hypot(to_x - x, to_y - y) > 0.5 * max(one.plate_box.height_px, other.plate_box.height_px)


class Tracker:
    """Turns sightings into passages.

    A passage is told once: when its vehicle is unseen for `lost_after_s`, or, for one that stays, when its plate has been
    legible for `judged_after_s` and is sure by then. A plate less certain than `plate_p_min` is not told: the passage then has
    none.
    """

    def __init__(self, camera: str, *, lost_after_s: float, judged_after_s: float, plate_p_min: float) -> None:
        self._camera, self._plate_p_min = camera, plate_p_min
        self._lost_after = timedelta(seconds=lost_after_s)
        self._judged_after = timedelta(seconds=judged_after_s)
        self._tracks: list[_Track] = []
        self._count = 0

    def expected(self, at: datetime) -> tuple[Box, ...]:
        """Where the plates of the vehicles in view should be at that time."""
        return tuple(track.expected(at) for track in self._tracks)

    def earliest_needed(self) -> datetime | None:
        """The time of the first sighting of any vehicle not yet told; None where there is none. Older frames serve nobody."""
        untold = [track.sightings[0].captured_at for track in self._tracks if not track.told]
        return min(untold, default=None)

    def update(self, at: datetime, sightings: Sequence[Sighting], clock_error_ms: float) -> tuple[Passage, ...]:
        """Takes in what was seen at that time and returns the passages that are complete by now, in order of their start."""
        for sighting, track in self._matched(at, sightings):
            (track or self._begun()).add(sighting, clock_error_ms)
        done = [track for track in self._tracks if at - track.last.captured_at > self._lost_after]
        if len(self._tracks) > TRACKS_MAX:
            done += sorted(self._tracks, key=lambda t: t.last.captured_at)[: len(self._tracks) - TRACKS_MAX]
        self._tracks = [track for track in self._tracks if track not in done]
        return self._told(done + [track for track in self._tracks if self._settled(track, at)])

    def finish(self) -> tuple[Passage, ...]:
        """The passages of all vehicles still in view, for the end of a recording."""
        tracks, self._tracks = self._tracks, []
        return self._told(tracks)

    def _told(self, tracks: Sequence[_Track]) -> tuple[Passage, ...]:
        passages = []
        for track in sorted(tracks, key=lambda t: t.sightings[0].captured_at):
            if track.told:
                continue
            track.told = True
            plate = self._certain(track)
            if plate is not None or track.moved():
                passages.append(Passage(track.id, self._camera, tuple(track.sightings), track.clock_error_ms, plate))
        return tuple(passages)

    def _settled(self, track: _Track, at: datetime) -> bool:
        """Whether waiting longer would tell no more. A vehicle that comes nearer is legible long before it is sure."""
        if track.told or track.legible_since is None or at - track.legible_since < self._judged_after:
            return False
        plate = self._certain(track)
        return plate is not None and plate.p >= P_SETTLED

    def _certain(self, track: _Track) -> Plate | None:
        plate = fuse(track.readings)
        if plate is None or not plates.plausible(plate.text):
            return None
        if max(support(reading, plate.text) for reading in track.readings) < P_WITNESS_MIN:
            return None
        return plate if plate.p >= (self._plate_p_min if plate.votes > 1 else P_ALONE_MIN) else None

    def _begun(self) -> _Track:
        self._count += 1
        track = _Track(id=f"{self._camera}/{self._count}", sightings=[])
        self._tracks.append(track)
        return track

    def _matched(self, at: datetime, sightings: Sequence[Sighting]) -> list[tuple[Sighting, _Track | None]]:
        """Each sighting with its vehicle, best matches first; None for a vehicle not seen before."""
        scored = sorted(
            (
                (likeness, s, t)
                for s, sighting in enumerate(sightings)
                for t, track in enumerate(self._tracks)
                if (likeness := _likeness(sighting, track, at)) is not None
            ),
            reverse=True,
        )
        by_sighting: dict[int, _Track] = {}
        taken: set[int] = set()
        for _, s, t in scored:
            if s not in by_sighting and t not in taken:
                by_sighting[s] = self._tracks[t]
                taken.add(t)
        return [(sighting, by_sighting.get(s)) for s, sighting in enumerate(sightings) if sighting.reading is not None]


def _likeness(sighting: Sighting, track: _Track, at: datetime) -> float | None:
    """How well the sighting fits the vehicle, higher is better; None where it cannot be that vehicle."""
    if sighting.plate_box is None or sighting.reading is None:
        return None
    expected = track.expected(at)
    elapsed_s = (at - track.last.captured_at).total_seconds()
    dx = sighting.plate_box.centre_px[0] - expected.centre_px[0]
    dy = sighting.plate_box.centre_px[1] - expected.centre_px[1]
    width_px = max(expected.width_px, sighting.plate_box.width_px)
    distance_widths = hypot(dx, dy) / width_px
    if distance_widths > REACH_WIDTHS + REACH_WIDTHS_PER_S * elapsed_s:
        return None
    alike = _alike(sighting.reading, track)
    overlap = expected.overlap(sighting.plate_box)
    surest = max(r.p for r in track.readings if r.legibility > 0) if track.legible_since is not None else 0.0
    p_both = min(sighting.reading.p, surest) if sighting.reading.legibility > 0 else 0.0
    if alike < LIKENESS_MIN and not (overlap > OVERLAP_MIN and p_both < 0.5):
        return None
    if alike < 1 and p_both > P_SURE and distance_widths > SURE_REACH_WIDTHS:
        return None
    return alike + overlap - 0.02 * distance_widths


def _alike(reading: Reading, track: _Track) -> float:
    """The share of characters that agree with the vehicle's plate so far, 0 to 1; a cut plate is compared with a part of it."""
    text, other = reading.text, track.text()
    if reading.legibility == 0 or all(r.legibility == 0 for r in track.readings):
        short, long = sorted((text, other), key=len)
        return max(likeness(short, long[start : start + len(short)]) for start in range(len(long) - len(short) + 1))
    return likeness(text, other)


def likeness(a: str, b: str) -> float:
    """1 - edits / longer length: 1 for equal texts, 0 for texts that share nothing."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        diagonal, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (x != y))
    return 1 - row[-1] / max(len(a), len(b), 1)
