"""`red_light`: the vehicle drove into a junction while its signal was red."""

from collections.abc import Sequence

from clearway.facts import Bound, Finding, Passage, Record
from clearway.rules.crossing import crossed_on_red
from clearway.rules.laws import Grace
from clearway.rules.road import asked, judged_drive, worded
from clearway.scene import Point, StopLine


class RedLight:
    """A finding where it certainly crossed the stop line on red and went on to what the signal protects."""

    name = "red_light"

    def __init__(self, line: StopLine, camera: Point, law: Grace) -> None:
        self._line, self._camera, self._law = line, camera, law

    def judge(self, passage: Passage, records: Sequence[Record]) -> Finding | None:
        drive = judged_drive(passage, self._line.order)
        if drive is None or not drive.waypoints:
            return None
        crossing = crossed_on_red(drive, self._line, self._camera, self._line.enters_m, self._law.allowed_s)
        if crossing is None:
            return None
        because = (
            f"At {self._line.name} it crossed the stop line when signal {self._line.signal} had been red for "
            f"{worded(crossing.red_for)} and went on ({self._line.order.source}; {self._law.statute})."
        )
        bound = Bound(0.0, self._line.order.source, self._law.allowed_s, self._law.statute)
        shown_at = crossing.before.at, crossing.over.at, max(crossing.over.at, drive.waypoints[-1].at)
        return asked(self.name, passage, because, crossing.red_for, bound, shown_at, part=self._line.name)
