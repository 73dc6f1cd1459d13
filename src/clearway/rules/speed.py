"""`speed`: the vehicle was faster than the limit on the measured stretch."""

from collections.abc import Sequence

from clearway.facts import Bound, Finding, Passage, Record
from clearway.rules.laws import SpeedTolerance
from clearway.rules.road import asked, judged_drive, worded
from clearway.scene import Order


class Speed:
    """A finding where all of the speed's interval lies beyond limit and tolerance."""

    name = "speed"

    def __init__(self, limit_kmh: float, order: Order, law: SpeedTolerance) -> None:
        self._limit_kmh, self._order, self._law = limit_kmh, order, law

    def judge(self, passage: Passage, records: Sequence[Record]) -> Finding | None:
        drive = judged_drive(passage, self._order)
        if drive is None or drive.speed is None:
            return None
        tolerance_kmh = self._law.at_kmh(drive.speed.value)
        if drive.speed.low <= self._limit_kmh + tolerance_kmh:
            return None
        because = (
            f"Its speed was {worded(drive.speed)}, where {self._limit_kmh:g} km/h are allowed ({self._order.source}) "
            f"and {tolerance_kmh:.1f} km/h tolerated ({self._law.statute})."
        )
        bound = Bound(self._limit_kmh, self._order.source, tolerance_kmh, self._law.statute)
        return asked(self.name, passage, because, drive.speed, bound, (drive.waypoints[0].at, drive.waypoints[-1].at))
