"""The whole story in one loop: frame, sighting, passage, record, finding, exhibit. Then everything else is forgotten."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from clearway.check.desk import Desk
from clearway.edge.lookout import Lookout
from clearway.edge.ring import Ring
from clearway.edge.signals import Signals
from clearway.edge.standing import PICTURES_MAX, Standing
from clearway.edge.surveyed import SurveyedView
from clearway.edge.unplated import Unplated
from clearway.errors import SourceError
from clearway.evidence.hide import HELD, lies_at, lies_in, with_margin
from clearway.evidence.seal import PlateSeen, Sealer
from clearway.facts import Box, Exhibit, Finding, Frame, Passage, Record
from clearway.ports import Detector, Reader, Rule, Source
from clearway.rules.judging import judge
from clearway.sight.attention import Attention
from clearway.sight.look import Seen, look
from clearway.sight.overlay import Overlay
from clearway.track.tracker import Tracker

# A moment before the vehicle was first seen and after it was last seen belongs to its exhibit: it shows that nothing was cut.
LEAD = timedelta(seconds=0.5)
# How often somebody who stands is asked about, by which rules; and how many questions about those in view are remembered.
ASKED_ON_EVERY, STANDING, FOUND_MAX = timedelta(seconds=5), ("stopping", "parking"), 4096
# A moment's picture may be this share of the time from the first moment to the last away from it, and no more.
MOMENT_APART = 0.15


@dataclass(slots=True)
class Counters:
    """All that is left of the vehicles that did nothing."""

    frames: int = 0
    frames_dropped: int = 0
    looks: int = 0
    vehicles: int = 0
    plates_read: int = 0
    findings: int = 0
    held_longest_s: float = 0.0

    def as_dict(self) -> dict[str, float]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Sealed:
    """A finding and the exhibit that holds it."""

    finding: Finding
    exhibit: Exhibit


class Pipeline:
    """One camera's stages, wired. `looks_per_s` bounds how often a frame is looked at closely; every frame is held for evidence.

    `surveyed` gives each passage its drive, where the road was surveyed; its rules are asked beside `rules`, and once more when a
    vehicle leaves that was judged while it stayed. `finder` finds who stands ahead of one that stands where nobody may, and
    `unplated` who shows no plate, where anybody asks. Where there is a `lookout`, passages have a drive only while it finds the
    camera where it was surveyed. `tell` hears of each passage as a person may: `tell(passage)` is called once a vehicle has
    passed, before any finding.
    """

    def __init__(
        self,
        source: Source,
        attention: Attention,
        detector: Detector,
        reader: Reader,
        tracker: Tracker,
        desk: Desk,
        rules: Sequence[Rule],
        sealer: Sealer,
        ring: Ring,
        *,
        looks_per_s: float,
        surveyed: SurveyedView | None = None,
        finder: Detector | None = None,
        lookout: Lookout | None = None,
        unplated: Unplated | None = None,
        tell: Callable[[Passage], None] = lambda passage: None,
    ) -> None:
        self._source, self._attention, self._detector, self._reader = source, attention, detector, reader
        self._tracker, self._desk, self._rules, self._sealer, self._ring = tracker, desk, rules, sealer, ring
        self._overlay = Overlay()
        self._look_every = timedelta(seconds=1 / looks_per_s)
        self._surveyed, self._fits, self._lookout, self._tell = surveyed, False, lookout, tell
        self._unplated = unplated
        self._standing = Standing(surveyed, finder) if surveyed is not None and finder is not None else None
        self._asked_on_at: datetime | None = None
        # What was asked about those who are still in view: a vehicle that stays is asked about again, but never twice the same.
        self._found: set[tuple[str, str, str]] = set()
        self._signals = Signals(surveyed.scene.signal_head if surveyed is not None else ())
        self._seen: deque[tuple[datetime, Seen]] = deque()
        self._stopping = self._waiting = False
        self.counters = Counters()

    def stop(self) -> None:
        """Ends the watch after the frame at hand, as Ctrl-C should; made to be a signal handler's.

        An exception could strike in the middle of a look or a seal and lose who is in view. Only while a frame is waited for,
        which may take for ever, is the wait broken off.
        """
        self._stopping = True
        if self._waiting:
            raise KeyboardInterrupt

    def run(self, on_frame: Callable[[Frame], None] = lambda frame: None) -> Iterator[Sealed]:
        """Watches the source to its end and gives each sealed finding as it comes.

        What was seen before the source failed, or before `stop`, is judged all the same; then SourceError, or
        KeyboardInterrupt, is raised. SettingsError where the first picture is not of the size that was surveyed; where a later
        one is not, the rules of the road are silent.
        """
        due_at: datetime | None = None
        size: tuple[int, ...] | None = None
        stopped: SourceError | KeyboardInterrupt | None = None
        frames = iter(self._source)
        try:
            while (frame := self._next(frames)) is not None:
                if not isinstance(frame, Frame):
                    stopped = frame
                    break
                if size is not None and frame.pixels.shape != size:
                    # Another picture size is another view: who was in it has passed, and nothing carries over.
                    yield from self._judged_all()
                    self._forget_all()
                    due_at = None
                if self._surveyed is not None and size is None:
                    self._surveyed.must_fit(frame)
                if self._surveyed is not None and size != frame.pixels.shape:
                    self._fits = self._surveyed.fits(frame)
                size = frame.pixels.shape
                self._ring.add(frame)
                self.counters.frames += 1
                on_frame(frame)
                if self._lookout is not None and self._fits:
                    self._lookout.add(frame)
                if self._fits:
                    self._signals.add(frame)
                if due_at is None or frame.captured_at >= due_at:
                    due_at = max(frame.captured_at, (due_at or frame.captured_at)) + self._look_every
                    passages, without_plate = self._looked(frame)
                    yield from self._judged(passages)
                    yield from self._judged_on(frame.captured_at)
                    yield from self._judged_without_plate(without_plate)
                    self._forget(frame.captured_at)
            yield from self._judged_all()
        finally:
            self._forget_all()
            self.counters.frames_dropped = self._source.frames_dropped
            watched_s = self._lookout.held_longest_s if self._lookout is not None else 0.0
            self.counters.held_longest_s = max(self._ring.held_longest_s, watched_s)
        if stopped is not None:
            raise stopped

    def _next(self, frames: Iterator[Frame]) -> Frame | SourceError | KeyboardInterrupt | None:
        """The next frame, or why there will be none: the error, or None at the end of a recording."""
        if self._stopping:
            return KeyboardInterrupt()
        try:
            self._waiting = True
            return next(frames, None)
        except (SourceError, KeyboardInterrupt) as stop:
            return stop
        finally:
            self._waiting = False

    def _looked(self, frame: Frame) -> tuple[tuple[Passage, ...], tuple[tuple[Passage, Record], ...]]:
        """Who has passed, and who of them showed no plate, with what the camera says of those before."""
        self._overlay.add(frame)
        regions = self._attention.regions(frame, self._tracker.expected(frame.captured_at))
        seen = Seen((), ())
        if regions:
            self.counters.looks += 1
            seen = look(frame, regions, self._detector, self._reader)
            self._seen.append((frame.captured_at, seen))
        without_plate = self._unplated.add(frame, regions, seen) if self._unplated is not None else ()
        if self._standing is not None and self._fits and self._standing.add(frame, seen.sightings):
            self._ring.keep(frame, PICTURES_MAX)
            self._tracker.keep(frozenset(kept.number for kept in self._ring.kept))
        return self._tracker.update(frame.captured_at, seen.sightings, frame.clock_error_ms), without_plate

    def _judged(self, passages: Sequence[Passage]) -> Iterator[Sealed]:
        for passage in self._of_vehicles(passages):
            self.counters.vehicles += 1
            self.counters.plates_read += passage.plate is not None
            self._tell(passage)
            yield from self._asked(passage, self._rules)

    def _judged_on(self, at: datetime | None) -> Iterator[Sealed]:
        """What those did on the surveyed road who were judged while they stayed: of those who left since, and now and then of
        those who stay; of all at the end, where `at` is None."""
        if self._surveyed is None:
            return
        left = self._tracker.left()
        for passage in self._of_vehicles(left):
            yield from self._asked(passage, self._surveyed.rules, later=True)
        gone = {passage.id for passage in left}
        self._found = {one for one in self._found if one[0] not in gone}
        stands = self._standing is not None and self._standing.anybody
        if at is not None and stands and (self._asked_on_at is None or at - self._asked_on_at >= ASKED_ON_EVERY):
            self._asked_on_at = at
            for passage in self._of_vehicles(self._tracker.stay()):
                yield from self._asked(passage, [rule for rule in self._surveyed.rules if rule.name in STANDING], later=True)

    def _judged_without_plate(self, passed: Sequence[tuple[Passage, Record]]) -> Iterator[Sealed]:
        """What the rules find about those who have passed and showed no plate."""
        for passage, record in passed:
            if self._lookout is not None and not self._lookout.knew(passage):
                continue
            for finding in judge(self._rules, passage, (record,)):
                with suppress(PlateSeen):
                    yield self._sealed(finding, self._held(passage))

    def _judged_all(self) -> Iterator[Sealed]:
        """What the rules find about all who are in view: nothing more of them will be seen."""
        yield from self._judged(self._tracker.finish())
        yield from self._judged_on(None)
        if self._unplated is not None:
            yield from self._judged_without_plate(self._unplated.finish())

    def _of_vehicles(self, passages: Sequence[Passage]) -> list[Passage]:
        """These without what is written into the picture."""
        return [passage for passage in passages if not self._overlay.is_all_of(passage)]

    def _asked(self, passage: Passage, rules: Sequence[Rule], *, later: bool = False) -> Iterator[Sealed]:
        """What those rules find about it, sealed; of what is asked `later` only that of which pictures are held yet."""
        if passage.plate is None:
            return
        if self._surveyed is not None and self._fits and (self._lookout is None or self._lookout.knew(passage)):
            lamps = self._signals.lamps(passage.first_at, passage.last_at)
            passage = self._surveyed.driven(passage, lamps)
            if self._standing is not None:
                passage = self._standing.seen(passage)
        records = self._desk.ask(passage.plate, passage.last_at, passage.clock_error_ms)
        for finding in judge(rules, passage, records):
            known = passage.id, finding.rule, finding.part
            if known in self._found:
                continue
            frames = self._held(passage)
            if later and not _are_held(finding, frames):
                continue
            if finding.measurements and self._lookout is not None and self._lookout.amiss_in(frames):
                continue
            sealed = self._sealed(finding, frames)
            if len(self._found) < FOUND_MAX:
                self._found.add(known)
            yield sealed

    def _held(self, passage: Passage) -> tuple[Frame, ...]:
        return self._ring.between(passage.first_at - LEAD, passage.last_at + LEAD)

    def _sealed(self, finding: Finding, frames: Sequence[Frame]) -> Sealed:
        measured = self._surveyed if finding.measurements else None
        exhibit = self._sealer.seal(
            finding,
            frames,
            clock_source=self._source.clock,
            hide=self._others(finding.passage),
            sketch=measured.sketch(finding) if measured is not None else None,
            surveyed=measured.files if measured is not None else None,
        )
        self.counters.findings += 1
        return Sealed(finding, exhibit)

    def _others(self, passage: Passage) -> Callable[[Frame], tuple[Box, ...]]:
        """What the looks around a frame's time found that must be hidden: people, and plates or what may be one, other than the
        passage's own."""
        own = {id(sighting) for sighting in passage.sightings}
        looks = []
        for at, seen in self._seen:
            boxes = [s.plate_box for s in seen.sightings if s.plate_box is not None and id(s) not in own]
            boxes += [one.box for one in seen.unread if not _is_of(passage, one.box, at)]
            looks.append((at, [with_margin(box) for box in (*boxes, *seen.people)]))

        def others(frame: Frame) -> tuple[Box, ...]:
            # Between looks, which are further apart than frames, a thing may be where either look found it.
            return tuple(box for at, boxes in looks if abs(at - frame.captured_at) <= HELD for box in boxes)

        return others

    def _forget(self, now: datetime) -> None:
        """Drops every picture and place that no vehicle in view needs any more."""
        unplated_from = self._unplated.earliest_needed if self._unplated is not None else None
        needed_from = min(self._tracker.earliest_needed(told=self._surveyed is not None) or now, unplated_from or now, now) - LEAD
        self._ring.forget_before(needed_from, now)
        if self._standing is not None:
            self._ring.let_go(max(needed_from, now - self._standing.pictures_for) if self._standing.anybody else now, now)
        # However long somebody stays, only what was seen around held pictures is needed.
        kept = [frame.captured_at for frame in self._ring.kept]
        held_from = max(needed_from, (self._ring.oldest_at or now) - HELD)
        while self._seen and self._seen[0][0] < held_from and not kept:
            self._seen.popleft()
        if kept:
            self._seen = deque(one for one in self._seen if one[0] >= held_from or any(abs(one[0] - at) <= HELD for at in kept))

    def _forget_all(self) -> None:
        self._ring.clear()
        self._seen.clear()
        self._signals.begin_anew()
        self._overlay.begin_anew()
        self._found.clear()
        if self._standing is not None:
            self._standing.begin_anew()
        if self._lookout is not None:
            self._lookout.begin_anew()
        if self._unplated is not None:
            self._unplated.begin_anew()


def _are_held(finding: Finding, frames: Sequence[Frame]) -> bool:
    """Whether a picture is held of each moment that shows what was found, or of one hardly apart from it."""
    at_by_number = {sighting.frame_number: sighting.captured_at for sighting in finding.passage.sightings}
    times = [at_by_number[number] for number in finding.moments]
    worst = (max(times) - min(times)) * MOMENT_APART if times else LEAD
    return all(any(abs(frame.captured_at - at) <= max(LEAD, worst) for frame in frames) for at in times)


def _is_of(passage: Passage, box: Box, at: datetime) -> bool:
    """Whether what could not be read there is the passage's own plate, seen badly: it lies where that was last or is next. Of one
    that shows none it is whatever lies on it: of that nothing but its lower half is shown, free of others."""
    near = [s for s in passage.sightings if abs(s.captured_at - at) <= HELD]
    if passage.plate is None:
        return any(lies_in(box, one.box) for one in near)
    return any(lies_at(box, one.plate_box) for one in near if one.plate_box is not None)
