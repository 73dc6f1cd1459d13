"""Who is who across frames: sightings become passages, one vehicle one passage.

A sighting belongs to a vehicle in view when it is where that vehicle can have got to and its plate reads alike. Text alone is
not enough (near-alike plates pass side by side) and place alone is not (the next vehicle in a queue takes the same place).

A vehicle whose plate nobody read is followed by its place alone, apart from those with one: it can be counted, and measured, but
nobody can be asked about it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import exp, hypot, log

import numpy as np
from numpy.typing import NDArray

from clearway import plates
from clearway.facts import Box, Passage, Plate, Reading, Sighting
from clearway.track.fusion import fuse, support
from clearway.track.likeness import alike, alike_at_most, best_first, edges, overlaps

SIGHTINGS_MAX = 256
READINGS_MAX = 32
TRACKS_MAX = 512
# Two readings of one plate differ in few characters; two plates seldom agree in this share of theirs.
LIKENESS_MIN = 0.7
# How far a plate can have moved, in its own widths: a plate is 0.52 m wide, so 60 widths a second are 112 km/h across the view.
REACH_WIDTHS, REACH_WIDTHS_PER_S = 2.0, 60.0
# A reading this unlike the vehicle's is forgiven when it stands where the vehicle was expected.
OVERLAP_MIN, P_BOTH_MAX = 0.3, 0.5
# Where both readings are this sure and differ, they are of two vehicles (plates of one fleet follow each other), unless the
# second is this close to where the first was expected: then the reader was sure of a mistake.
P_SURE, SURE_REACH_WIDTHS = 0.8, 1.5
# A velocity is the mean over about this long: between two frames close together it is mostly error.
VELOCITY_S = 0.35
# How fast it shrinks is a mean over longer, since a box strays by more of its size than of its way.
RECEDES_S = 1.0
# Who is not seen goes on as before, but ever less surely: most are hidden because they slow down in a queue.
GOES_ON_S = 2.0
# How much nearer or farther away somebody can have got meanwhile, whatever a few boxes that stray say.
NEARER_MAX = 1.5
# Without a text: how far a vehicle can be from where it was expected, in sizes of its box (the root of its area; a car's is about
# two metres), and how far where nobody knows yet how fast it is. Chosen on streets of `testing/street.py` (seeds 11 and 12): more
# takes the next vehicle in a queue for one that is hidden, less loses who brakes.
REACH_SIZES, REACH_SIZES_PER_S, NEW_REACH_SIZES_PER_S = 0.6, 0.3, 2.5
# One reading alone is told only when it is this sure; what text on a wall resembles a plate for a moment is not.
P_ALONE_MIN = 0.95
# At least one frame by itself must speak for the plate this much: the slats of a barrier, read again and again, agree with
# themselves in the end, but no single look at them ever says so.
P_WITNESS_MIN = 0.3
# A plate this sure is not waited for any longer.
P_SETTLED = 0.95
# A vehicle that lorries hid in a queue is no second one: nobody is told twice within the longest turn of a signal that is usual.
TOLD_ONCE_FOR = timedelta(seconds=120)
TOLD_MAX = 4096
# Whether it is, is asked again when this much more was read of it.
ASKED_AGAIN = 1.1

Array = NDArray[np.float64]


@dataclass(slots=True, eq=False)
class _Track:
    """One vehicle in view.

    `worths` says of each reading what it is worth, `best` is the one worth most, `p_surest` the highest p of a whole one. `told`
    says that its passage was told already; it is followed on all the same. `kept` are the numbers of frames whose sightings a
    sample never leaves out. `told_before` says that it was another passage of the same plate that was told.
    """

    id: str
    sightings: list[Sighting]
    readings: list[Reading] = field(default_factory=list)
    worths: list[float] = field(default_factory=list)
    best: Reading | None = None
    p_surest: float = 0.0
    worth_asked: float = 0.0
    velocity_px_s: tuple[float, float] = (0.0, 0.0)
    recedes_per_s: float = 0.0
    clock_error_ms: float = 0.0
    legible_since: datetime | None = None
    told: bool = False
    told_before: bool = False
    kept: frozenset[int] = frozenset()

    @property
    def last(self) -> Sighting:
        return self.sightings[-1]

    @property
    def bare(self) -> bool:
        """Whether it is followed without a plate."""
        return not self.readings

    def expected(self, at: datetime) -> Box:
        """Where it is by now, if it goes on as it did."""
        left, top, right, bottom = map(float, _ahead([self], at)[0][0])
        return Box(left, top, right, bottom)

    def nearly(self) -> frozenset[int]:
        """The numbers of what was read of it as a whole, see `_nearly`."""
        return _nearly(reading.text for reading in self.readings if reading.legibility > 0)

    def moved(self) -> bool:
        """Whether it drove: in the first half of its time and in the second. Scenery that cannot be read stays, or seems to jump
        once when something else is taken for it."""
        middle = self.sightings[len(self.sightings) // 2]
        return _apart(self.sightings[0], middle) and _apart(middle, self.last)

    def add(self, sighting: Sighting, clock_error_ms: float) -> None:
        if self.sightings:
            self._steer(sighting)
        self.sightings.append(sighting)
        if len(self.sightings) > SIGHTINGS_MAX:
            # A long stay keeps an even sample: every other one of the older half goes.
            half = SIGHTINGS_MAX // 2
            older = enumerate(self.sightings[:half])
            self.sightings[:half] = [one for n, one in older if n % 2 == 0 or one.frame_number in self.kept]
        self.clock_error_ms = max(self.clock_error_ms, clock_error_ms)
        if sighting.reading is not None:
            self._read(sighting.reading)
            if self.legible_since is None and sighting.reading.legibility > 0:
                self.legible_since = sighting.captured_at

    def _read(self, reading: Reading) -> None:
        worth = reading.p * reading.legibility
        if not self.worths or worth > max(self.worths):
            self.best = reading
        if reading.legibility > 0:
            self.p_surest = max(self.p_surest, reading.p)
        self.readings.append(reading)
        self.worths.append(worth)
        if len(self.readings) > READINGS_MAX:
            least = self.worths.index(min(self.worths))
            del self.readings[least], self.worths[least]

    def _steer(self, sighting: Sighting) -> None:
        elapsed_s = (sighting.captured_at - self.last.captured_at).total_seconds()
        if elapsed_s <= 0:
            return
        place, before = _place(sighting), _place(self.last)
        now, then = place.centre_px, before.centre_px
        measured = ((now[0] - then[0]) / elapsed_s, (now[1] - then[1]) / elapsed_s)
        learn = max(1 / len(self.sightings), 1 - exp(-elapsed_s / VELOCITY_S))
        slowly = 1 - exp(-elapsed_s / RECEDES_S)
        self.recedes_per_s += slowly * (log(before.width_px / place.width_px) / elapsed_s - self.recedes_per_s)
        # As fast as it is now, see `_ahead`: so much nearer, and the way was driven half of that time ago.
        nearer = min(NEARER_MAX, max(1 / NEARER_MAX, exp(-self.recedes_per_s * elapsed_s)))
        self.velocity_px_s = (
            (1 - learn) * nearer**2 * self.velocity_px_s[0] + learn * nearer * measured[0],
            (1 - learn) * nearer**2 * self.velocity_px_s[1] + learn * nearer * measured[1],
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Unsure:
    """Somebody who passed and whose plate was read, but not surely: perhaps the one who comes again in a moment.

    Nothing is kept of what was read but its numbers, see `_nearly`.
    """

    passage: Passage
    nearly: frozenset[int]


def _nearly(texts: Iterable[str]) -> frozenset[int]:
    """Numbers that say no text, and of which two share one where their texts differ in one character at most: Python's hashes,
    salted anew in every run, of what is left without each of the characters."""
    return frozenset(hash((n, text[:n] + text[n + 1 :])) for text in texts for n in range(len(text)))


def _soon(track: _Track, told_at: datetime) -> bool:
    return track.sightings[0].captured_at - told_at <= TOLD_ONCE_FOR


def _without_readings(passage: Passage) -> Passage:
    return replace(passage, sightings=tuple(replace(sighting, reading=None) for sighting in passage.sightings))


def _place(sighting: Sighting) -> Box:
    """What is followed of it: its plate where that was read, else all of it."""
    return sighting.plate_box if sighting.plate_box is not None and sighting.reading is not None else sighting.box


def _apart(one: Sighting, other: Sighting) -> bool:
    """Whether it is more than half its height from where it was."""
    place, other_place = _place(one), _place(other)
    (x, y), (to_x, to_y) = place.centre_px, other_place.centre_px
    return hypot(to_x - x, to_y - y) > 0.5 * max(place.height_px, other_place.height_px)


class Tracker:
    """Turns sightings into passages.

    A passage is told once: when its vehicle is unseen for `lost_after_s`, or, for one that stays, when its plate has been
    legible for `judged_after_s` and is sure by then. A plate less certain than `plate_p_min` is not told: the passage then has
    none. The same plate is not told again within TOLD_ONCE_FOR: its vehicle was hidden meanwhile. So a passage with readings but
    without a sure plate is told that much later, unless one with such a plate was told before it or is told meanwhile. Where it
    `follows_on`, `left` gives the whole passages of those who were told while they stayed. Without a plate only those are told
    who drove, unless `tells_of_all`: scenery is taken for a vehicle now and then.
    """

    def __init__(
        self,
        camera: str,
        *,
        lost_after_s: float,
        judged_after_s: float,
        plate_p_min: float,
        follows_on: bool = False,
        tells_of_all: bool = False,
    ) -> None:
        self._follows_on, self._tells_of_all = follows_on, tells_of_all
        self._camera, self._plate_p_min = camera, plate_p_min
        self._lost_after = timedelta(seconds=lost_after_s)
        self._judged_after = timedelta(seconds=judged_after_s)
        self._tracks: list[_Track] = []
        # When each plate was told, in that order: no text is kept, but its number and those of what is nearly like it.
        self._told_at: dict[int, tuple[datetime, frozenset[int]]] = {}
        self._unsure: list[_Unsure] = []
        self._at: datetime | None = None
        self._count = 0
        self._left: list[_Track] = []

    def expected(self, at: datetime) -> tuple[Box, ...]:
        """Where the plates of the vehicles in view should be at that time."""
        return tuple(track.expected(at) for track in self._tracks if not track.bare)

    def earliest_needed(self, *, told: bool = False) -> datetime | None:
        """The time of the first sighting of any vehicle with a plate that is not yet told, or, where asked, of those that were;
        None where there is none. Older frames serve nobody."""
        needed = [track.sightings[0].captured_at for track in self._tracks if (told or not track.told) and not track.bare]
        return min(needed, default=None)

    def in_view(self) -> tuple[tuple[Sighting, ...], ...]:
        """What was seen so far of each who is in view."""
        return tuple(tuple(track.sightings) for track in self._tracks)

    def keep(self, frames: frozenset[int]) -> None:
        """Leaves what was seen in the frames of those numbers in every sample: their pictures are kept."""
        for track in self._tracks:
            track.kept = frames

    def stay(self) -> tuple[Passage, ...]:
        """The passages so far of those who were told while in view and still are."""
        return self._told_on([track for track in self._tracks if track.told])

    def left(self) -> tuple[Passage, ...]:
        """The whole passages of those who were told while in view and have passed since this was last asked."""
        tracks, self._left = self._left, []
        return self._told_on(tracks)

    def _told_on(self, tracks: Sequence[_Track]) -> tuple[Passage, ...]:
        plates_of = ((track, self._certain(track)) for track in tracks if not track.bare)
        return tuple(
            Passage(track.id, self._camera, tuple(track.sightings), track.clock_error_ms, plate)
            for track, plate in plates_of
            if plate is not None and not track.told_before
        )

    def update(self, at: datetime, sightings: Sequence[Sighting], clock_error_ms: float) -> tuple[Passage, ...]:
        """Takes in what was seen at that time and returns the passages that are complete by now, in order of their start.

        What comes late, after a later look, is left out. Where time goes back by more than `lost_after_s` the clock was set:
        everybody in view has passed, and following begins anew.
        """
        if self._at is not None and at < self._at:
            if self._at - at <= self._lost_after:
                return ()
            passages = self.finish()
            self._told_at.clear()
            self._at = None
            return passages + self.update(at, sightings, clock_error_ms)
        self._at = at
        # Who was unseen for so long has passed, and is no one of those who are seen now: least of all where time leapt.
        done = [track for track in self._tracks if at - track.last.captured_at > self._lost_after]
        self._drop(done)
        for sighting, track in self._matched(at, sightings):
            (track or self._begun()).add(sighting, clock_error_ms)
        if len(self._tracks) > TRACKS_MAX:
            most = sorted(self._tracks, key=lambda t: t.last.captured_at)[: len(self._tracks) - TRACKS_MAX]
            self._drop(most)
            done += most
        ready = self._ended(done)
        ready += [(track, plate) for track in self._tracks if (plate := self._settled(track, at)) is not None]
        passages = self._told(ready) + self._given_up(at)
        while self._told_at and at - next(iter(self._told_at.values()))[0] > TOLD_ONCE_FOR:
            del self._told_at[next(iter(self._told_at))]
        return passages

    def _drop(self, tracks: Sequence[_Track]) -> None:
        dropped = set(map(id, tracks))
        if self._follows_on:
            self._left += [track for track in tracks if track.told]
        self._tracks = [track for track in self._tracks if id(track) not in dropped]

    def finish(self) -> tuple[Passage, ...]:
        """The passages of all vehicles still in view, for the end of a recording."""
        tracks = self._tracks
        self._drop(tracks)
        return self._told(self._ended(tracks)) + self._given_up(None)

    def _ended(self, tracks: Sequence[_Track]) -> list[tuple[_Track, Plate | None]]:
        """Those who passed and were not told yet, each with its plate."""
        return [(track, self._certain(track)) for track in tracks if not track.told]

    def _told(self, tracks: Sequence[tuple[_Track, Plate | None]]) -> tuple[Passage, ...]:
        passages = []
        for track, plate in sorted(tracks, key=lambda one: one[0].sightings[0].captured_at):
            track.told = True
            passage = Passage(track.id, self._camera, tuple(track.sightings), track.clock_error_ms, plate)
            if plate is not None:
                track.told_before = self._told_lately(plate, track)
                if not track.told_before:
                    passages.append(passage)
            elif self._tells_of_all or track.moved():
                if track.bare:
                    passages.append(passage)
                elif not self._nearly_told(track.nearly(), track):
                    self._unsure.append(_Unsure(_without_readings(passage), track.nearly()))
        return tuple(passages)

    def _given_up(self, at: datetime | None) -> tuple[Passage, ...]:
        """The passages of those who were read without being sure and did not come again; by None, of all of them."""
        if at is None:
            gone, self._unsure = self._unsure, []
        else:
            here = [one for one in self._unsure[-TRACKS_MAX:] if at - one.passage.last_at <= TOLD_ONCE_FOR]
            gone = [one for one in self._unsure if one not in here] if len(here) < len(self._unsure) else []
            self._unsure = here
        return tuple(one.passage for one in gone)

    def _told_lately(self, plate: Plate, track: _Track) -> bool:
        """Whether a passage with that plate was told a moment ago; from now on one was, and who was read nearly so was it."""
        number, nearly = hash(plate.text), _nearly([plate.text])
        if plate.votes == 1 and self._nearly_told(nearly, track):
            return True  # one look, and one character: a misreading
        before, _ = self._told_at.pop(number, (None, None))
        if len(self._told_at) >= TOLD_MAX:
            del self._told_at[next(iter(self._told_at))]
        self._told_at[number] = track.last.captured_at, nearly
        self._unsure = [one for one in self._unsure if not nearly & one.nearly]
        return before is not None and _soon(track, before)

    def _nearly_told(self, nearly: frozenset[int], track: _Track) -> bool:
        return any(nearly & others for told_at, others in self._told_at.values() if _soon(track, told_at))

    def _settled(self, track: _Track, at: datetime) -> Plate | None:
        """Its plate, where waiting longer would tell no more. A vehicle that comes nearer is legible long before it is sure."""
        if track.told or track.legible_since is None or at - track.legible_since < self._judged_after:
            return None
        worth = sum(track.worths)
        if worth < ASKED_AGAIN * track.worth_asked:
            return None
        track.worth_asked = worth
        plate = self._certain(track)
        return plate if plate is not None and plate.p >= P_SETTLED else None

    def _certain(self, track: _Track) -> Plate | None:
        plate = fuse(track.readings)
        if plate is None or not plates.plausible(plate.text):
            return None
        if not any(support(reading, plate.text) >= P_WITNESS_MIN for reading in track.readings):
            return None
        return plate if plate.p >= (self._plate_p_min if plate.votes > 1 else P_ALONE_MIN) else None

    def _begun(self) -> _Track:
        self._count += 1
        track = _Track(id=f"{self._camera}/{self._count}", sightings=[])
        self._tracks.append(track)
        return track

    def _matched(self, at: datetime, sightings: Sequence[Sighting]) -> list[tuple[Sighting, _Track | None]]:
        """Each sighting with its vehicle; None for a vehicle not seen before."""
        read = [sighting for sighting in sightings if sighting.reading is not None]
        bare = [sighting for sighting in sightings if sighting.reading is None]
        with_plate = [track for track in self._tracks if not track.bare]
        without = [track for track in self._tracks if track.bare]
        return _paired(read, with_plate, at, _fits) + _paired(bare, without, at, _fits_bare)


def _paired(
    sightings: Sequence[Sighting], tracks: Sequence[_Track], at: datetime, fits: Callable[..., Array]
) -> list[tuple[Sighting, _Track | None]]:
    pairs = dict(best_first(fits(sightings, tracks, at))) if sightings and tracks else {}
    return [(sighting, tracks[pairs[s]] if s in pairs else None) for s, sighting in enumerate(sightings)]


def _ahead(tracks: Sequence[_Track], at: datetime) -> tuple[Array, Array]:
    """Where each vehicle is expected, (n, 4) edges, and how long ago it was seen, (n,) seconds.

    Who drives evenly is ever farther away, and all of its picture shrinks alike: its size as 1 / distance, its speed in the
    picture as the square of that.
    """
    elapsed_s = np.array([(at - track.last.captured_at).total_seconds() for track in tracks])
    on_s = GOES_ON_S * (1 - np.exp(-np.maximum(0.0, elapsed_s) / GOES_ON_S))
    nearer = 1 / np.clip(1 + on_s * [track.recedes_per_s for track in tracks], 1 / NEARER_MAX, NEARER_MAX)
    last = edges([_place(track.last) for track in tracks])
    centre, reach = (last[:, :2] + last[:, 2:]) / 2, (last[:, 2:] - last[:, :2]) / 2 * nearer[:, None]
    centre += np.array([track.velocity_px_s for track in tracks]) * (on_s * nearer)[:, None]
    return np.hstack([centre - reach, centre + reach]), elapsed_s


def _fits_bare(sightings: Sequence[Sighting], tracks: Sequence[_Track], at: datetime) -> Array:
    """How well each sighting fits each vehicle by its place alone, (sightings, vehicles); see `_fits`."""
    seen, (expected, elapsed_s) = edges([sighting.box for sighting in sightings]), _ahead(tracks, at)
    size_px, expected_px = (np.sqrt((one[:, 2:] - one[:, :2]).prod(axis=1)) for one in (seen, expected))
    # What stands before a vehicle hides it from below, and the picture's edge cuts it there: then its upper edge tells more.
    across_px = (seen[:, None, 0] + seen[:, None, 2] - expected[:, 0] - expected[:, 2]) / 2
    top_px, bottom_px = (np.abs(seen[:, None, n] - expected[:, n]) for n in (1, 3))
    down_px = np.minimum(top_px, (top_px + bottom_px) / 2)
    distance = np.hypot(across_px, down_px) / np.sqrt(size_px[:, None] * expected_px)
    new = np.array([len(track.sightings) == 1 for track in tracks])
    reach = REACH_SIZES + np.where(new, NEW_REACH_SIZES_PER_S, REACH_SIZES_PER_S) * elapsed_s
    grown = np.abs(np.log(size_px[:, None] / expected_px))
    return np.where(distance <= reach, overlaps(seen, expected) - distance - grown, -np.inf)


def _fits(sightings: Sequence[Sighting], tracks: Sequence[_Track], at: datetime) -> Array:
    """How well each sighting fits each vehicle, (sightings, vehicles), higher is better; -inf where it cannot be that vehicle."""
    seen = edges([sighting.plate_box for sighting in sightings if sighting.plate_box is not None])
    expected, elapsed_s = _ahead(tracks, at)
    centre_px, expected_px = (one[:, :2] + one[:, 2:] for one in (seen, expected))
    across_px, down_px = ((centre_px[:, None, n] - expected_px[:, n]) / 2 for n in (0, 1))
    width_px = np.maximum((seen[:, 2] - seen[:, 0])[:, None], expected[:, 2] - expected[:, 0])
    distance = np.hypot(across_px, down_px) / width_px
    overlap = overlaps(seen, expected)
    readings = [sighting.reading for sighting in sightings if sighting.reading is not None]
    best = [track.best for track in tracks if track.best is not None]
    texts, known = [reading.text for reading in readings], [reading.text for reading in best]
    p = np.array([reading.p if reading.legibility > 0 else 0.0 for reading in readings])
    p_both = np.minimum(p[:, None], [track.p_surest for track in tracks])
    cut = p_both == 0
    forgiven = (overlap > OVERLAP_MIN) & (p_both < P_BOTH_MAX)
    near = distance <= REACH_WIDTHS + REACH_WIDTHS_PER_S * elapsed_s
    # Comparing texts is what takes the time, and most vehicles cannot be each other.
    s, t = np.nonzero(near & (forgiven | (alike_at_most(texts, known, cut) >= LIKENESS_MIN)))
    text = alike(texts, known, (s, t), cut[s, t])
    distance, overlap, p_both, forgiven = distance[s, t], overlap[s, t], p_both[s, t], forgiven[s, t]
    same = (text >= LIKENESS_MIN) | forgiven
    same &= (text == 1) | (p_both <= P_SURE) | (distance <= SURE_REACH_WIDTHS)
    fit = np.full(near.shape, -np.inf)
    fit[s[same], t[same]] = (text + overlap - 0.02 * distance)[same]
    return fit
