"""`wrong_way`: the vehicle drove against the direction of its lane or street."""

from collections.abc import Sequence
from itertools import pairwise

from clearway.facts import Bound, Finding, Measurement, Passage, Record
from clearway.rules.laws import Allowance
from clearway.rules.road import asked, gone_m, judged_drive, stays, worded
from clearway.scene import OneWay

# Fewer places than this, or one step that makes up half the way, are a mistake of whoever followed the vehicle.
PLACES_MIN, STEP_SHARE_MAX = 4, 0.5


class WrongWay:
    """A finding where it certainly came farther against the direction than is allowed, all of it certainly inside the zone."""

    name = "wrong_way"

    def __init__(self, street: OneWay, law: Allowance) -> None:
        self._street, self._law = street, law

    def judge(self, passage: Passage, records: Sequence[Record]) -> Finding | None:
        drive = judged_drive(passage, self._street.order)
        if drive is None:
            return None
        for stay in stays(self._street.zone_m, drive.waypoints):
            first, last = stay[0], stay[-1]
            against = Measurement(
                "way against the direction",
                -gone_m(first, last, self._street.towards),
                first.error_m(self._street.towards) + last.error_m(self._street.towards),
                "m",
                f"between two of {len(stay)} places of the plate, {(last.at - first.at).total_seconds():.1f} s apart",
            )
            if len(stay) < PLACES_MIN or against.low <= self._law.allowed_m:
                continue
            steps_m = (-gone_m(a, b, self._street.towards) for a, b in pairwise(stay))
            if max(steps_m) > STEP_SHARE_MAX * against.value:
                continue
            because = (
                f"In {self._street.name} it drove {worded(against)} against the direction ({self._street.order.source}); "
                f"{self._law.allowed_m:g} m are not asked about ({self._law.statute})."
            )
            bound = Bound(0.0, self._street.order.source, self._law.allowed_m, self._law.statute)
            return asked(self.name, passage, because, against, bound, (first.at, last.at), part=self._street.name)
        return None
