"""`no_plate`: a vehicle was seen well, and showed no plate at all.

That nothing was found is a weak sign: a detector may miss a plate. So the camera must have shown, by the vehicles that came
before and were seen as well, that it misses none under this light. At night with headlamps in the lens, behind rain, or where
half of the vehicles need none in front, too many of them showed none, and nobody is asked.
"""

from collections.abc import Sequence

from clearway.facts import Answer, Finding, Passage, Record
from clearway.rules.judging import DECISIVE_FRAMES_MAX
from clearway.rules.laws import PlateDuty
from clearway.rules.road import clock_slack
from clearway.scene import Order

# Seen as well as is needed: in so many pictures, since a dirty plate is seen in one of many; for so long; so wide at least (where
# the narrowest plate that is common, 0.305 m of a vehicle 1.9 m wide, has 25 pixels); and growing or shrinking by so much: what
# only goes across the picture shows its side. With 20 pictures `benchmarks/rules.py --only-plates` asks about 14 of 100,000
# vehicles that have a plate, with 30 about 2.
PICTURES_MIN, LASTS_S_MIN, WIDTH_MIN_PX, NEARER_MIN = 30, 1.0, 160.0, 1.25
# Of so many vehicles before it that were seen as well, all but so many must have shown a plate.
VEHICLES_MIN, WITHOUT_MAX = 100, 1
# What the camera says of those before: the words of its record.
CAMERA, SHOWN = "camera", "plates shown"


class NoPlate:
    """A finding where none was seen in any picture, at a side that must show one, by a camera that misses hardly any.

    The passage's sightings are those in which the whole vehicle was seen, free and near enough; a `plate_box` in one of them is a
    plate that was read or surely seen. The camera's record says how many vehicles before it were seen as well, and how many
    showed theirs.
    """

    name = "no_plate"

    def __init__(self, order: Order, law: PlateDuty) -> None:
        self._order, self._law = order, law

    def judge(self, passage: Passage, records: Sequence[Record]) -> Finding | None:
        side = side_seen(passage)
        slack = clock_slack(passage)
        if side is None or showed_one(passage) or not self._order.holds(passage.first_at - slack, passage.last_at + slack):
            return None
        if not (self._law.front if side == "front" else self._law.rear):
            return None
        record = next((one for one in records if (one.register, one.question) == (CAMERA, SHOWN)), None)
        if record is None or record.answer is not Answer.YES or record.entry.get("side") != side:
            return None
        sightings = passage.sightings
        widths = sorted(sighting.box.width_px for sighting in sightings)
        because = (
            f"In {len(sightings)} pictures over {(passage.last_at - passage.first_at).total_seconds():.1f} s its {side} was seen "
            f"{widths[0]:.0f} to {widths[-1]:.0f} pixels wide, with no plate on it, read or surely seen; of the "
            f"{record.entry['vehicles']} vehicles before it that were seen as well, {record.entry['showed']} showed theirs "
            f"({self._law.statute}; {self._order.source})."
        )
        best = sorted(sightings, key=lambda sighting: -sighting.box.width_px)[:DECISIVE_FRAMES_MAX]
        return Finding(self.name, passage, "", record.p, because, (record,), tuple(one.frame_number for one in best))


def side_seen(passage: Passage) -> str | None:
    """Which side it showed well enough for a plate to be seen, "front" or "rear"; None where it showed neither so."""
    sightings = passage.sightings
    if len(sightings) < PICTURES_MIN or (passage.last_at - passage.first_at).total_seconds() < LASTS_S_MIN:
        return None
    if min(sighting.box.width_px for sighting in sightings) < WIDTH_MIN_PX:
        return None
    nearer = sightings[-1].box.width_px / sightings[0].box.width_px
    return "front" if nearer >= NEARER_MIN else "rear" if nearer <= 1 / NEARER_MIN else None


def showed_one(passage: Passage) -> bool:
    """Whether a plate was read or surely seen on it in any picture."""
    return passage.plate is not None or any(sighting.plate_box is not None for sighting in passage.sightings)


def shown_before(vehicles: int, showed: int) -> tuple[Answer, float]:
    """What a camera's record answers when so many of those vehicles before showed a plate, and how surely the next one would show
    its own: by Laplace's rule of succession."""
    sure = vehicles >= VEHICLES_MIN and vehicles - showed <= WITHOUT_MAX
    return Answer.YES if sure else Answer.UNKNOWN, (showed + 1) / (vehicles + 2)
