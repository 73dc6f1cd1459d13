"""Which vehicles were seen well and showed no plate, and how often this camera sees one at all.

Every vehicle that passes is a test of the camera: whoever was seen well either showed a plate or did not. Of the last hundred
within two hours it is counted who did, front and rear apart, and nothing else is kept of them. Where nearly all showed one, a
vehicle that shows none is worth a question; else the light, the weather or the country explains it.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from clearway.evidence.hide import PLATE_P_MIN, hangs_on
from clearway.facts import Answer, Box, Frame, Kind, Passage, Record, Sighting
from clearway.rules.no_plate import CAMERA, SHOWN, VEHICLES_MIN, WIDTH_MIN_PX, showed_one, shown_before, side_seen
from clearway.sight.look import Seen
from clearway.track.tracker import Tracker

# A vehicle is followed from half the width on at which it is seen well: a plate that is seen then clears it, too.
FOLLOWED_FROM_PX = WIDTH_MIN_PX / 2
# Less likely a vehicle than this may be a part of one, or none.
P_MIN = 0.5
# What ends this near to the edge of what was looked at may go on beyond it.
EDGE_PX = 3.0
# Of the lower half of a vehicle no more than this may be covered: a plate may hang there.
COVERED_MAX = 0.02
# Light and weather are another after that.
COUNTS_FOR = timedelta(hours=2)
SIDES = ("front", "rear")


class Unplated:
    """Follows vehicles through the looks of one camera, and gives those that were seen well and showed no plate."""

    def __init__(self, camera: str, *, lost_after_s: float) -> None:
        self._camera, self._lost_after_s, self._count = camera, lost_after_s, 0
        self._before: dict[str, deque[tuple[datetime, bool]]] = {side: deque(maxlen=VEHICLES_MIN) for side in SIDES}
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forgets who is in view, not how many showed a plate."""
        # A car that fills the picture comes much nearer while it moves by less than its size.
        self._tracker = Tracker(
            self._camera, lost_after_s=self._lost_after_s, judged_after_s=3600.0, plate_p_min=1.0, tells_of_all=True
        )

    def add(self, frame: Frame, regions: Sequence[Box], seen: Seen) -> tuple[tuple[Passage, Record], ...]:
        """Takes in what one look found in those regions of a frame. Gives who has passed and showed no plate, with what the
        camera says of those before; the passages' boxes are what may be shown of them, the lower half."""
        plates = plates_shown(seen)
        every = [*(one.box for one in seen.vehicles), *seen.people]
        sightings = []
        for vehicle in seen.vehicles:
            box = vehicle.box
            if vehicle.kind is not Kind.VEHICLE or vehicle.p < P_MIN or box.width_px < FOLLOWED_FROM_PX:
                continue
            plate = next((one for one in plates if hangs_on(one, box)), None)
            free = _is_whole(box, regions) and _is_uncovered(box, [other for other in every if other is not box])
            sightings.append(Sighting(frame.number, frame.captured_at, vehicle.kind, box, vehicle.p, plate, free=free))
        return self._passed(self._tracker.update(frame.captured_at, sightings, frame.clock_error_ms))

    def finish(self) -> tuple[tuple[Passage, Record], ...]:
        """The same of those still in view, for the end of a recording."""
        return self._passed(self._tracker.finish())

    @property
    def earliest_needed(self) -> datetime | None:
        """Since when pictures are needed: the first sighting of anybody in view who may be asked about, where anybody could."""
        bare = (one for one in self._tracker.in_view() if all(sighting.plate_box is None for sighting in one))
        since = min((sightings[0].captured_at for sightings in bare), default=None)
        return since if since is not None and any(self._sure(side, since) for side in SIDES) else None

    def _passed(self, passages: Sequence[Passage]) -> tuple[tuple[Passage, Record], ...]:
        asked = []
        for passage in passages:
            well = tuple(one for one in passage.sightings if one.free and one.box.width_px >= WIDTH_MIN_PX)
            if not well:
                continue
            side = side_seen(replace(passage, sightings=well))
            if side is None:
                continue
            record = self._record(side, passage.last_at)
            showed = showed_one(passage)
            self._before[side].append((passage.last_at, showed))
            if not showed:
                self._count += 1
                shown = tuple(replace(one, box=lower_half(one.box)) for one in well)
                asked.append((replace(passage, id=f"{self._camera}/without-plate-{self._count}", sightings=shown), record))
        return tuple(asked)

    def _record(self, side: str, at: datetime) -> Record:
        vehicles, showed = self._counts(side, at)
        answer, p = shown_before(vehicles, showed)
        entry = {"side": side, "vehicles": str(vehicles), "showed": str(showed)}
        return Record(CAMERA, SHOWN, answer, at, None, p, entry)

    def _counts(self, side: str, at: datetime) -> tuple[int, int]:
        lately = [showed for passed_at, showed in self._before[side] if abs(at - passed_at) <= COUNTS_FOR]
        return len(lately), sum(lately)

    def _sure(self, side: str, at: datetime) -> bool:
        return shown_before(*self._counts(side, at))[0] is Answer.YES


def plates_shown(seen: Seen) -> list[Box]:
    """What counts as a plate in one look: what is read or surely found. The rest are lamps, grilles and bumpers' edges, of which
    three vehicles in four show some without a plate."""
    read = [one.plate_box for one in seen.sightings if one.plate_box is not None]
    return read + [one.box for one in seen.unread if one.p >= PLATE_P_MIN]


def lower_half(box: Box) -> Box:
    """Where a vehicle shows its plate, below its windows."""
    return Box(box.left_px, (box.top_px + box.bottom_px) / 2, box.right_px, box.bottom_px)


def _is_whole(box: Box, regions: Sequence[Box]) -> bool:
    around = box.grown(EDGE_PX)
    return any(region.common(around) == around for region in regions)


def _is_uncovered(box: Box, others: Sequence[Box]) -> bool:
    half = lower_half(box)
    return all(half.shared_px(other) <= COVERED_MAX * half.area_px for other in others)
