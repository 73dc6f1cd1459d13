"""`stop_line`: the vehicle came to stand beyond its stop line on red, but did not go on into the junction."""

from collections.abc import Sequence

from clearway.facts import Bound, Finding, Passage, Record
from clearway.rules.crossing import crossed_on_red, highest_beyond_m
from clearway.rules.laws import Allowance
from clearway.rules.road import asked, judged_drive, worded
from clearway.scene import Point, StopLine


class StopLineRule:
    """A finding where it certainly crossed the line on red by more than is allowed, and certainly never entered the junction;
    where it did, or may have, that is the question of `red_light`."""

    name = "stop_line"

    def __init__(self, line: StopLine, camera: Point, law: Allowance) -> None:
        self._line, self._camera, self._law = line, camera, law

    def judge(self, passage: Passage, records: Sequence[Record]) -> Finding | None:
        drive = judged_drive(passage, self._line.order)
        if drive is None or not drive.waypoints or highest_beyond_m(drive, self._line) >= self._line.enters_m:
            return None
        crossing = crossed_on_red(drive, self._line, self._camera, self._law.allowed_m, 0.0)
        if crossing is None:
            return None
        because = (
            f"At {self._line.name} it crossed the stop line by more than {self._law.allowed_m:g} m when signal "
            f"{self._line.signal} had been red for {worded(crossing.red_for)} ({self._line.order.source}; {self._law.statute})."
        )
        bound = Bound(0.0, self._line.order.source, 0.0, self._law.statute)
        shown_at = crossing.before.at, crossing.over.at, max(crossing.over.at, drive.waypoints[-1].at)
        return asked(self.name, passage, because, crossing.red_for, bound, shown_at, part=self._line.name)
