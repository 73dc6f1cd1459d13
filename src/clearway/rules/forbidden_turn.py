"""`forbidden_turn`: the vehicle took a way that may not be taken, such as a left turn or a U-turn."""

from collections.abc import Sequence
from itertools import pairwise

from clearway.facts import Finding, Measurement, Passage, Record
from clearway.rules.laws import Clause
from clearway.rules.road import apart_error_m, apart_m, asked, inside, judged_drive, worded
from clearway.scene import ForbiddenTurn

# One step that makes up more of the way is a mistake of whoever followed the vehicle.
STEP_SHARE_MAX = 0.5


class ForbiddenTurnRule:
    """A finding where it was certainly inside the first zone and then certainly inside the second."""

    name = "forbidden_turn"

    def __init__(self, turn: ForbiddenTurn, law: Clause) -> None:
        self._turn, self._law = turn, law

    def judge(self, passage: Passage, records: Sequence[Record]) -> Finding | None:
        drive = judged_drive(passage, self._turn.order)
        if drive is None:
            return None
        came = [n for n, w in enumerate(drive.waypoints) if inside(self._turn.from_m, w)]
        went = [n for n, w in enumerate(drive.waypoints) if came and n > came[0] and inside(self._turn.into_m, w)]
        if not went:
            return None
        begins = max(n for n in came if n < went[0])
        way = drive.waypoints[begins : went[0] + 1]
        turned = Measurement(
            "way of the turn",
            apart_m(way[0], way[-1]),
            apart_error_m(way[0], way[-1]),
            "m",
            f"between two of {len(way)} places of the plate, {(way[-1].at - way[0].at).total_seconds():.1f} s apart",
        )
        if turned.low <= 0 or max(apart_m(a, b) for a, b in pairwise(way)) > STEP_SHARE_MAX * turned.value:
            return None
        because = f"It took {self._turn.name}, {worded(turned)} ({self._turn.order.source}; {self._law.statute})."
        return asked(self.name, passage, because, turned, (way[0].at, way[len(way) // 2].at, way[-1].at))
