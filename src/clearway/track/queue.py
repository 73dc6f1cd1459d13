"""Who was held up: when another vehicle stood close ahead. A queue is not a car park."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from math import hypot

from clearway.facts import Waypoint
from clearway.scene import Point

# Who stands ahead within this far, and no farther to the side than half a lane, holds up who stands behind. 15 m leave room for
# a lorry between its rear, where its plate is, and the next driver. Our own cautious figures: what parks ahead clears, too.
AHEAD_M, BESIDE_M = 15.0, 2.0
# How long a vehicle counts as there before and after each look that showed it.
LASTS = timedelta(seconds=3)

Span = tuple[datetime, datetime]


def blocked(own: Sequence[Waypoint], others: Sequence[Sequence[Waypoint]], towards: Point) -> tuple[Span, ...]:
    """The spans, in order and apart, in which another vehicle was close ahead of the vehicle's place, as traffic drives
    `towards`."""
    if not own:
        return ()
    length = hypot(*towards)
    ahead = towards[0] / length, towards[1] / length
    spans: list[Span] = []
    for at in sorted(other.at for way in others for other in way if _is_ahead(own, other, ahead)):
        if spans and at - LASTS <= spans[-1][1]:
            spans[-1] = spans[-1][0], at + LASTS
        else:
            spans.append((at - LASTS, at + LASTS))
    return tuple(spans)


def _is_ahead(own: Sequence[Waypoint], other: Waypoint, ahead: Point) -> bool:
    """Whether it was ahead of where the vehicle itself was nearest in time; its error counts as nearer."""
    mine = min(own, key=lambda w: abs(w.at - other.at))
    along, across = other.along_m - mine.along_m, other.across_m - mine.across_m
    forward_m, beside_m = along * ahead[0] + across * ahead[1], abs(along * ahead[1] - across * ahead[0])
    forward_error_m = mine.error_m(ahead) + other.error_m(ahead)
    beside_error_m = mine.error_m((ahead[1], -ahead[0])) + other.error_m((ahead[1], -ahead[0]))
    return 0 < forward_m <= AHEAD_M + forward_error_m and beside_m <= BESIDE_M + beside_error_m
