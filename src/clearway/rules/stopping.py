"""`stopping`: the vehicle stood where nobody may stop or park, and no traffic held it there."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from clearway.facts import Bound, Drive, Finding, Light, Measurement, Passage, Record, Waypoint
from clearway.rules.laws import Grace
from clearway.rules.road import apart_error_m, apart_m, asked, inside, judged_drive, worded
from clearway.scene import NoStopping, Zone

# A vehicle that nobody saw for longer may have left and come back.
UNSEEN_MAX = timedelta(seconds=10)
STRAYS_MAX = 1
# Who was held up needs a moment to go on.
GOES_ON_AFTER = timedelta(seconds=5)

Span = tuple[datetime, datetime]


class Stopping:
    """A finding where it certainly stood in the zone for longer than is allowed while no vehicle stood close ahead and no
    signal of the scene showed anything but green. Where nobody looked what stood ahead, it says nothing."""

    def __init__(self, zone: NoStopping, law: Grace) -> None:
        self._zone, self._law = zone, law
        self.name: str = zone.forbids

    def judge(self, passage: Passage, records: Sequence[Record]) -> Finding | None:
        drive = judged_drive(passage, self._zone.order)
        if drive is None or drive.blocked is None:
            return None
        held_up = sorted([*drive.blocked, *_not_green(drive)])
        for stand in _stands(self._zone.zone_m, drive.waypoints):
            first, last = max(_free(stand, held_up), key=lambda span: span[1] - span[0])
            stood = Measurement(
                "time standing",
                (last - first).total_seconds(),
                0.2,
                "s",
                "from the first to the last frame that show it there",
            )
            if stood.low <= self._law.allowed_s:
                continue
            because = (
                f"In {self._zone.name} it stood for {worded(stood)}, held up by nothing ahead of it, where {self.name} is "
                f"forbidden ({self._zone.order.source}); {self._law.allowed_s:g} s are allowed ({self._law.statute})."
            )
            bound = Bound(0.0, self._zone.order.source, self._law.allowed_s, self._law.statute)
            return asked(self.name, passage, because, stood, bound, (first, last), part=self._zone.name)
        return None


def _stands(zone: Zone, waypoints: Sequence[Waypoint]) -> Iterator[tuple[Waypoint, ...]]:
    """The times in which it was certainly inside the zone and cannot be told from one that stands: no place differs from the
    first by more than both errors, and it was never out of sight for long.

    One place alone that says otherwise is a mistake of the detector: nobody drives off and is back at the next look.
    """
    stand: list[Waypoint] = []
    strays = 0
    for waypoint, here in zip(waypoints, inside(zone, waypoints), strict=True):
        if stand and waypoint.at - stand[-1].at > UNSEEN_MAX:
            yield tuple(stand)
            stand = []
        if here and not (stand and apart_m(stand[0], waypoint) > apart_error_m(stand[0], waypoint)):
            stand.append(waypoint)
            strays = 0
        elif stand and (strays := strays + 1) > STRAYS_MAX:
            yield tuple(stand)
            stand = [waypoint] if here else []
    if stand:
        yield tuple(stand)


def _free(stand: Sequence[Waypoint], held_up: Sequence[Span]) -> Iterator[Span]:
    """The parts of a stand in which nothing held it up; at least one, which may be empty."""
    since, until = stand[0].at, stand[-1].at
    for begins, ends in held_up:
        if ends + GOES_ON_AFTER <= since or begins >= until:
            continue
        yield since, max(since, begins)
        since = min(until, max(since, ends + GOES_ON_AFTER))
    yield since, until


def _not_green(drive: Drive) -> list[Span]:
    """When any signal of the scene showed something else than green, as its times may be off."""
    slacks = [(lamp, timedelta(milliseconds=lamp.clock_error_ms)) for lamp in drive.lamps if lamp.light is not Light.GREEN]
    return [(lamp.from_at - slack, lamp.until_at + slack) for lamp, slack in slacks]
