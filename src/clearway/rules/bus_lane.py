"""`bus_lane`: a vehicle of another class drove in a bus lane during its hours."""

from collections.abc import Callable, Sequence
from datetime import datetime

from clearway.facts import Answer, Bound, Finding, Measurement, Passage, Record, Waypoint
from clearway.rules.laws import Allowance
from clearway.rules.road import apart_error_m, apart_m, asked, clock_slack, farthest, judged_drive, stays, worded
from clearway.scene import BusLane


class BusLaneRule:
    """A finding where it certainly drove farther in the lane than is allowed, certainly during one span of its hours, and the
    register knows its class as one that may not. A register that is silent, or gives no class, clears the driver.

    `local` gives a time as the clocks of the place show it.
    """

    name = "bus_lane"

    def __init__(self, lane: BusLane, local: Callable[[datetime], datetime], law: Allowance) -> None:
        self._lane, self._local, self._law = lane, local, law

    def judge(self, passage: Passage, records: Sequence[Record]) -> Finding | None:
        drive = judged_drive(passage, self._lane.order)
        registered = next((r for r in records if r.register == "register" and r.question == "registered"), None)
        if drive is None or registered is None or registered.answer is Answer.UNKNOWN:
            return None
        kind = registered.entry.get("class", "").strip().lower()
        if kind in ("", "unknown", *self._lane.exempt):
            return None
        for stay in stays(self._lane.zone_m, drive.waypoints):
            first, last = farthest(stay)
            within = Measurement(
                "way in the bus lane",
                apart_m(first, last),
                apart_error_m(first, last),
                "m",
                f"between two of {len(stay)} places of the plate, {(last.at - first.at).total_seconds():.1f} s apart",
            )
            if within.low <= self._law.allowed_m or not self._in_hours(passage, first, last):
                continue
            because = (
                f"In {self._lane.name} it drove {worded(within)} during the lane's hours ({self._lane.order.source}), "
                f"and the register calls it a {kind}; {self._law.allowed_m:g} m are not asked about ({self._law.statute})."
            )
            bound = Bound(0.0, self._lane.order.source, self._law.allowed_m, self._law.statute)
            shown_at = first.at, last.at
            return asked(self.name, passage, because, within, bound, shown_at, (registered,), part=self._lane.name)
        return None

    def _in_hours(self, passage: Passage, first: Waypoint, last: Waypoint) -> bool:
        """Whether all of it, also at the clock's worst error, falls into one span of one day."""
        slack = clock_slack(passage)
        begins, ends = self._local(first.at - slack), self._local(last.at + slack)
        return begins.date() == ends.date() and any(span.hold(begins) and span.hold(ends) for span in self._lane.hours)
