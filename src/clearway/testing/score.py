"""How well plates were read, against labels: one set of rules for every reader, each share with its doubt. Pure.

A label is met by the surest reading at its place, or anywhere in the picture where the label names no place. It was read right
where the whole text is the label's; only letters and digits are compared. A label whose text is not wholly known counts for its
place alone.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from clearway.facts import Box

# A reading meets a label's place where they share more than this of the smaller one, or more than this of both together.
SHARED_MIN, OVERLAP_MIN = 0.6, 0.3
# A wrong plate in 333: what an authority may call accepted without an officer looking twice.
ACCEPTED_PRECISION_MIN = 0.997
# The standard normal's 97.5 % quantile, for 95 % intervals.
Z95 = 1.959964


@dataclass(frozen=True, slots=True)
class Share:
    """`hits` of `count`."""

    hits: int
    count: int

    @property
    def value(self) -> float | None:
        """0 to 1; None where nothing was counted."""
        return self.hits / self.count if self.count else None

    @property
    def interval(self) -> tuple[float, float]:
        """Where the true share lies with 95 % confidence (E. B. Wilson, 1927); 0 to 1 where nothing was counted."""
        if not self.count:
            return 0.0, 1.0
        p, n, zz = self.hits / self.count, self.count, Z95 * Z95
        middle = (p + zz / (2 * n)) / (1 + zz / n)
        reach = Z95 * float(np.sqrt(p * (1 - p) / n + zz / (4 * n * n))) / (1 + zz / n)
        return max(0.0, middle - reach), min(1.0, middle + reach)


@dataclass(frozen=True, slots=True)
class Label:
    """One plate as somebody labelled it: every text that counts as right, none where it is not wholly known; and its place."""

    texts: tuple[str, ...] = field(repr=False)
    box: Box | None


@dataclass(frozen=True, slots=True)
class Told:
    """One plate as a reader told it."""

    text: str = field(repr=False)
    p: float
    box: Box | None


@dataclass(frozen=True, slots=True)
class Score:
    """What became of the labelled plates of some pictures.

    `extra` counts readings that meet no label. `right_at_gate` is the share of right ones among readings with p >= the gate,
    `told_at_gate` the share of plates that have such a reading; `accepted` is the largest share of plates that can be
    accepted with ACCEPTED_PRECISION_MIN by choosing the gate, and `accepted_from_p` that gate (None where none does).
    """

    pictures: int
    full_plate: Share
    within_one: Share
    located: Share
    extra: int
    right_at_gate: Share
    told_at_gate: Share
    accepted: Share
    accepted_from_p: float | None


def compared(text: str) -> str:
    """The text as it is compared: NFKC, upper case, letters and digits alone."""
    return "".join(c for c in unicodedata.normalize("NFKC", text).upper() if c.isalnum())


def edits(one: str, other: str) -> int:
    """How many characters must be changed, added or taken away to make one text of the other."""
    row = list(range(len(other) + 1))
    for i, x in enumerate(one, 1):
        diagonal, row[0] = row[0], i
        for j, y in enumerate(other, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (x != y))
    return row[-1]


def meets(told: Box, label: Box) -> bool:
    """Whether a reading is at a label's place."""
    shared = told.shared_px(label)
    return shared / min(told.area_px, label.area_px) > SHARED_MIN or told.overlap(label) > OVERLAP_MIN


def score(pictures: Iterable[tuple[Sequence[Label], Sequence[Told]]], gate: float) -> Score:
    """The score of pictures, each with its labels and what was told of it."""
    count = extra = met = boxes = right = near = texts = 0
    answers: list[tuple[float, bool]] = []
    for labels, told in pictures:
        count += 1
        used: set[int] = set()
        for label in labels:
            here = [i for i, one in enumerate(told) if label.box is None or (one.box is not None and meets(one.box, label.box))]
            used.update(here)
            if label.box is not None:
                boxes += 1
                met += bool(here)
            if not label.texts:
                continue
            best = max((told[i] for i in here), key=lambda one: one.p, default=None)
            said = compared(best.text) if best is not None else ""
            distance = min(edits(said, compared(text)) for text in label.texts)
            texts += 1
            right += distance == 0
            near += distance <= 1
            if best is not None and said:
                answers.append((best.p, distance == 0))
        extra += sum(bool(compared(one.text)) for i, one in enumerate(told) if i not in used)
    at_gate = [ok for p, ok in answers if p >= gate]
    accepted, from_p = largest_share(answers)
    return Score(
        pictures=count,
        full_plate=Share(right, texts),
        within_one=Share(near, texts),
        located=Share(met, boxes),
        extra=extra,
        right_at_gate=Share(sum(at_gate), len(at_gate)),
        told_at_gate=Share(len(at_gate), texts),
        accepted=Share(accepted, texts),
        accepted_from_p=from_p,
    )


def largest_share(answers: Iterable[tuple[float, bool]]) -> tuple[int, float | None]:
    """How many answers (p, right) can be accepted with ACCEPTED_PRECISION_MIN, surest first, and the p of the last of them."""
    accepted, from_p, right = 0, None, 0
    for count, (p, ok) in enumerate(sorted(answers, reverse=True), 1):
        right += ok
        if right / count >= ACCEPTED_PRECISION_MIN:
            accepted, from_p = count, p
    return accepted, from_p


@dataclass(frozen=True, slots=True)
class Bin:
    """`count` answers that claim about the same: what they claim on the mean, and the share of them that was right."""

    p_mean: float
    right: float
    count: int


def reliability(p: Sequence[float], right: Sequence[bool], bins: int = 10) -> tuple[Bin, ...]:
    """The answers in bins of equal count, by rising p.

    Answers with the very same p count as right by the share of them that is, so that their order says nothing.
    """
    if not p:
        return ()
    claimed = np.asarray(p, np.float64)
    _, alike = np.unique(claimed, return_inverse=True)
    true = (np.bincount(alike, np.asarray(right, np.float64)) / np.bincount(alike))[alike]
    parts: list[NDArray[np.intp]] = [part for part in np.array_split(np.argsort(claimed), bins) if len(part)]
    return tuple(Bin(float(claimed[part].mean()), float(true[part].mean()), len(part)) for part in parts)


def calibration_error(p: Sequence[float], right: Sequence[bool], bins: int = 10) -> float | None:
    """By how much claims and truth differ on the mean, 0 to 1, over bins of equal count; None where there are no answers."""
    found = reliability(p, right, bins)
    return sum(one.count * abs(one.p_mean - one.right) for one in found) / len(p) if found else None
