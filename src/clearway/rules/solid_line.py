"""`solid_line`: the vehicle crossed a line that may not be crossed."""

from collections.abc import Sequence
from itertools import pairwise
from math import hypot

from clearway.facts import Bound, Finding, Measurement, Passage, Record, Waypoint
from clearway.rules.laws import Allowance
from clearway.rules.road import asked, judged_drive, worded
from clearway.scene import SolidLine

# A step across of more than this may be the place of the vehicle in the next lane.
STEP_M_MAX = 1.5


class SolidLineRule:
    """A finding where the middle of its plate was certainly farther than is allowed on one side, then as far on the other, and
    in between certainly beside the line all the time, not before or behind it."""

    name = "solid_line"

    def __init__(self, line: SolidLine, law: Allowance) -> None:
        self._line, self._law = line, law

    def judge(self, passage: Passage, records: Sequence[Record]) -> Finding | None:
        drive = judged_drive(passage, self._line.order)
        if drive is None:
            return None
        left: list[Waypoint] = []  # its places since it was last certainly on the first side
        for waypoint in drive.waypoints:
            off_m = self._off_m(waypoint)
            if not self._beside(waypoint):
                left = []
            elif abs(off_m) - self._error_m(waypoint) > self._law.allowed_m:
                if left and (self._off_m(left[0]) > 0) != (off_m > 0):
                    found = self._found(passage, [*left, waypoint])
                    if found is not None:
                        return found
                left = [waypoint]
            elif left:
                left.append(waypoint)
        return None

    def _found(self, passage: Passage, across: Sequence[Waypoint]) -> Finding | None:
        offs_m = [self._off_m(w) for w in across]
        over = Measurement(
            "way across the line",
            abs(offs_m[-1] - offs_m[0]),
            self._error_m(across[0]) + self._error_m(across[-1]),
            "m",
            f"between two of {len(across)} places of the plate, {(across[-1].at - across[0].at).total_seconds():.1f} s apart",
        )
        if max(abs(b - a) for a, b in pairwise(offs_m)) > STEP_M_MAX:
            return None
        because = (
            f"It crossed {self._line.name} by {worded(over)} ({self._line.order.source}); "
            f"{self._law.allowed_m:g} m on each side are not asked about ({self._law.statute})."
        )
        bound = Bound(0.0, self._line.order.source, 2 * self._law.allowed_m, self._law.statute)
        shown_at = across[0].at, across[len(across) // 2].at, across[-1].at
        return asked(self.name, passage, because, over, bound, shown_at, part=self._line.name)

    def _off_m(self, waypoint: Waypoint) -> float:
        """How far beside the line, above 0 on one side, below 0 on the other."""
        (a, b), (c, d) = self._line.line_m
        return ((waypoint.along_m - a) * (b - d) + (waypoint.across_m - b) * (c - a)) / hypot(c - a, d - b)

    def _error_m(self, waypoint: Waypoint) -> float:
        (a, b), (c, d) = self._line.line_m
        return waypoint.error_m((b - d, c - a))

    def _beside(self, waypoint: Waypoint) -> bool:
        (a, b), (c, d) = self._line.line_m
        length_m = hypot(c - a, d - b)
        along_line_m = ((waypoint.along_m - a) * (c - a) + (waypoint.across_m - b) * (d - b)) / length_m
        error_m = waypoint.error_m((c - a, d - b))
        return error_m < along_line_m < length_m - error_m
