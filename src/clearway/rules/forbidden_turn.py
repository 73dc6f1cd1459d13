"""`forbidden_turn`: the vehicle took a way that may not be taken, such as a left turn or a U-turn."""

from collections.abc import Sequence
from itertools import pairwise

from clearway.facts import Bound, Finding, Measurement, Passage, Record
from clearway.rules.laws import Clause
from clearway.rules.road import apart_error_m, apart_m, asked, judged_drive, stays, worded
from clearway.scene import ForbiddenTurn

# Fewer places than this in either zone are a mistake of whoever followed the vehicle.
PLACES_MIN = 3
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
        came = [stay for stay in stays(self._turn.from_m, drive.waypoints) if len(stay) >= PLACES_MIN]
        went = [stay for stay in stays(self._turn.into_m, drive.waypoints) if len(stay) >= PLACES_MIN]
        turns = [(a[-1], b[0]) for a in came for b in went if a[-1].at < b[0].at]
        if not turns:
            return None
        begins, ends = min(turns, key=lambda turn: turn[1].at - turn[0].at)
        way = [w for w in drive.waypoints if begins.at <= w.at <= ends.at]
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
        bound = Bound(0.0, self._turn.order.source, 0.0, self._law.statute)
        shown_at = way[0].at, way[len(way) // 2].at, way[-1].at
        return asked(self.name, passage, because, turned, bound, shown_at, part=self._turn.name)
