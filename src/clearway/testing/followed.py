"""How well vehicles were followed through a clip that was labelled by eye: IDF1 and identity switches. Pure.

A labelled vehicle has a box at each of its key frames, and between two of them the box on the straight way. It does not count
where it is doubtful (cut by the picture's edge or hidden so far that two people would draw two boxes), nor where its foot stands
in an ignored region (too far away, parked): whoever is found there is neither right nor wrong.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf

from clearway.facts import Box

# A box is of the vehicle with which it shares this much: the usual measure (E. Ristani et al., 2016).
OVERLAP_MIN = 0.5

Told = tuple[Box, int | None]


@dataclass(frozen=True, slots=True)
class Vehicle:
    """One vehicle by its key frames, in order; `doubtful` are spans of frames, both ends included."""

    number: int
    keys: tuple[tuple[int, Box], ...]
    doubtful: tuple[tuple[int, int], ...] = ()

    def at(self, frame: int) -> Box | None:
        """Where it is in that frame; None before its first key frame and after its last."""
        before = max((key for key in self.keys if key[0] <= frame), key=lambda key: key[0], default=None)
        after = min((key for key in self.keys if key[0] >= frame), key=lambda key: key[0], default=None)
        if before is None or after is None:
            return None
        return before[1].toward(after[1], (frame - before[0]) / max(1, after[0] - before[0]))


@dataclass(frozen=True, slots=True)
class Labelled:
    """A stretch of a clip, from its frame `first` to its frame `last`, in which every vehicle was labelled."""

    clip: str
    frames_per_s: float
    first: int
    last: int
    ignored: tuple[Box, ...]
    vehicles: tuple[Vehicle, ...]

    def seen(self, frame: int) -> list[tuple[Vehicle, Box, bool]]:
        """Who is where in that frame, and whether that counts."""
        places = [(one, one.at(frame)) for one in self.vehicles]
        return [(one, box, self._counts(one, box, frame)) for one, box in places if box is not None]

    def _counts(self, one: Vehicle, box: Box, frame: int) -> bool:
        return not self.ignores(box) and not any(first <= frame <= last for first, last in one.doubtful)

    def ignores(self, box: Box) -> bool:
        """Whether the middle of its lower edge stands in an ignored region."""
        x, y = box.centre_px[0], box.bottom_px
        return any(one.left_px <= x < one.right_px and one.top_px <= y < one.bottom_px for one in self.ignored)


def labelled(lines: Iterable[str]) -> Labelled:
    """The labels of one file: a line of JSON about the clip, then one for each vehicle."""
    head, *rows = [json.loads(line) for line in lines if line.strip()]
    vehicles = tuple(
        Vehicle(
            row["vehicle"],
            tuple((frame, Box(*map(float, edges))) for frame, *edges in row["keys"]),
            tuple((first, last) for first, last in row.get("doubtful", ())),
        )
        for row in rows
    )
    ignored = tuple(Box(*map(float, edges)) for edges in head["ignored"])
    return Labelled(head["clip"], head["frames_per_s"], head["first"], head["last"], ignored, vehicles)


@dataclass(frozen=True, slots=True)
class Following:
    """`hits` are the boxes that are of the vehicle that their identity stands for: of `truths` labelled ones and `told` told
    ones. `found` of the labelled ones were met by any box. `switches` are how often a vehicle went on under another identity, and
    `vehicles` how many there were."""

    hits: int = 0
    truths: int = 0
    told: int = 0
    found: int = 0
    switches: int = 0
    vehicles: int = 0

    @property
    def idf1(self) -> float:
        """0 to 1; 1 where there was nobody and nobody was told."""
        return 2 * self.hits / (self.truths + self.told) if self.truths + self.told else 1.0

    @property
    def idf1_of_found(self) -> float:
        """What it were had the detector found what was labelled and nothing else: what is lost then is the tracker's."""
        return self.hits / self.found if self.found else 1.0

    def __add__(self, other: "Following") -> "Following":
        return Following(
            self.hits + other.hits,
            self.truths + other.truths,
            self.told + other.told,
            self.found + other.found,
            self.switches + other.switches,
            self.vehicles + other.vehicles,
        )


def following(labels: Labelled, looks: Mapping[int, Sequence[Told]]) -> Following:
    """How well the vehicles were followed in the frames that were looked at: of each, the boxes and whose they were taken for."""
    together: Counter[tuple[int, int]] = Counter()
    last: dict[int, int] = {}
    everybody: set[int] = set()
    truths = told = found = switches = 0
    for frame in sorted(looks):
        if not labels.first <= frame <= labels.last:
            continue
        seen = labels.seen(frame)
        pairs = _met([(one.number, box) for one, box, _ in seen], looks[frame], last)
        counted = [n for n, (_, _, counts) in enumerate(seen) if counts]
        taken = {place: n for n, place in pairs}
        left = [
            place
            for place, (box, _) in enumerate(looks[frame])
            if (taken[place] in counted if place in taken else not labels.ignores(box))
        ]
        truths, told = truths + len(counted), told + len(left)
        everybody.update(seen[n][0].number for n in counted)
        for n in counted:
            for place in left:
                box, number = looks[frame][place]
                if number is not None and seen[n][1].overlap(box) >= OVERLAP_MIN:
                    together[seen[n][0].number, number] += 1
        for n, place in pairs:
            number = looks[frame][place][1]
            if n in counted:
                found += 1
                if number is not None:
                    switches += last.get(seen[n][0].number, number) != number
                    last[seen[n][0].number] = number
    return Following(heaviest(together), truths, told, found, switches, len(everybody))


def _met(seen: Sequence[tuple[int, Box]], told: Sequence[Told], last: Mapping[int, int]) -> list[tuple[int, int]]:
    """Places of labelled vehicles with those of the boxes that are of them: who goes on as before first, then the most alike."""
    ranked = sorted(
        (
            (last.get(number) is not None and last.get(number) == taken_for, box.overlap(other), n, place)
            for n, (number, box) in enumerate(seen)
            for place, (other, taken_for) in enumerate(told)
            if box.overlap(other) >= OVERLAP_MIN
        ),
        reverse=True,
    )
    pairs: dict[int, int] = {}
    for _, _, n, place in ranked:
        if n not in pairs and place not in pairs.values():
            pairs[n] = place
    return list(pairs.items())


def heaviest(weights: Mapping[tuple[int, int], int]) -> int:
    """The greatest sum of weights of pairs in which nobody, left or right, is twice.

    One pair more at a time, each time by the chain of hand-overs that gains most (J. Edmonds and R. M. Karp, 1972).
    """
    owner: dict[int, int] = {}
    total = 0
    while True:
        # What is gained at most by having one of the left to give away, and by taking one of the right, and from whose hands.
        spare = {left: -inf if left in owner.values() else 0.0 for left, _ in weights}
        taken: dict[int, float] = {}
        by: dict[int, int] = {}
        better = True
        while better:
            better = False
            for (left, right), weight in weights.items():
                if owner.get(right) != left and spare[left] + weight > taken.get(right, -inf):
                    taken[right], by[right], better = spare[left] + weight, left, True
                    if right in owner:
                        spare[owner[right]] = taken[right] - weights[owner[right], right]
        end: int | None = max(taken.keys() - owner.keys(), key=lambda right: taken[right], default=None)
        if end is None or taken[end] <= 0:
            return total
        total += int(taken[end])
        while end is not None:
            left = by[end]
            handed_on = next((right for right, had in owner.items() if had == left), None)
            owner[end], end = left, handed_on
