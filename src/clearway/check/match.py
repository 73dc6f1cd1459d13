"""Which listed plate passed, as a probability: a misread plate stops the wrong driver, so nothing here compares two strings.

Let q(x) be the probability of spelling x after all readings of one vehicle, were every plate as likely to pass as any other.
Let a listed vehicle be rho times likelier to pass here than another. Bayes weighs every spelling by its prior:

    P(x | readings) = w(x) q(x) / Σ w(y) q(y),    w = rho for listed plates, 1 for all others
    P(h listed and here) = rho q(h) / (rho Q + 1 - Q),    Q = Σ q over the listed plates

What the spellings leave out, the plate that nobody thought of, stays in 1 - Q and so speaks against every match.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from clearway.facts import Plate, Probabilities
from clearway.plates import ALPHABET, LENGTH_MAX, LENGTH_MIN, LOOKALIKES, PLACE, canonical

# A spelling below this is not looked up; at most 1 / Q_MIN = 100 spellings reach it, for together they have 1.
Q_MIN = 0.01
# The beginning of a spelling is followed down to here: lower than Q_MIN, since two ways to one spelling add up.
_PREFIX_P_MIN = Q_MIN / 4
# A character that was nowhere read with as much as this cannot reach that by the confusion floor.
_SEEN_P_MIN = _PREFIX_P_MIN / 10

# The confusion floor: how often a reader that is certain of a character is wrong all the same. Our own cautious assumption,
# until the error rate of the site's camera is measured: 1 in 1000 for any character, 2 in 1000 for each of its lookalikes.
CONFUSED_WITH_ANY = 0.001
CONFUSED_WITH_LOOKALIKE = 0.002

# rho: no vehicle is suspected before its plate is read.
PASSES_AS_OFTEN = 1.0


@dataclass(frozen=True, slots=True)
class Matches:
    """The listed plates that may have passed, likeliest first, each with its probability; `p_unlisted` is the probability of
    all spellings that were looked up and are not listed. What is missing to 1 belongs to spellings too unlikely to look up."""

    listed: tuple[tuple[str, float], ...] = field(repr=False)
    p_unlisted: float


def matches(plate: Plate, is_listed: Callable[[str], bool], times_likelier: float = PASSES_AS_OFTEN) -> Matches:
    """What the readings of one vehicle say about one list. `times_likelier` is rho. Never raises for any plate."""
    return weighed(spellings(plate), is_listed, times_likelier)


def weighed(q: Mapping[str, float], is_listed: Callable[[str], bool], times_likelier: float = PASSES_AS_OFTEN) -> Matches:
    """The posterior over a list for spellings whose probabilities `q` sum to at most 1."""
    listed = {text: p for text, p in q.items() if is_listed(text)}
    on_list = min(1.0, math.fsum(listed.values()))
    elsewhere = math.fsum(p for text, p in q.items() if text not in listed)
    evidence = times_likelier * on_list + 1.0 - on_list
    if evidence <= 0.0:
        return Matches((), 0.0)
    posterior = [(text, min(1.0, times_likelier * p / evidence)) for text, p in listed.items()]
    return Matches(tuple(sorted(posterior, key=lambda pair: (-pair[1], pair[0]))), min(1.0, elsewhere / evidence))


def spellings(plate: Plate) -> dict[str, float]:
    """Every spelling of at least Q_MIN with its probability q; they sum to at most 1.

    Where the fusion gave a spelling its probability (`text`, `runners_up`), that one counts: it knows the countries' formats,
    the characters alone do not. The other spellings share, as their characters say, what the fusion left over, and never get
    more than their characters give them. All pass through the confusion floor.
    """
    given: dict[str, float] = {}
    for text, p in ((plate.text, plate.p), *plate.runners_up):
        spelling = canonical(text)
        if math.isfinite(p) and p > 0.0:
            given[spelling] = max(given.get(spelling, 0.0), min(1.0, p) * _survives(spelling))
    total = math.fsum(given.values())
    if total > 1.0:
        given = {text: p / total for text, p in given.items()}
        total = 1.0
    read = _enumerated(plate.p_characters)
    read_elsewhere = 1.0 - math.fsum(p for text, p in read.items() if text in given)
    share = min(1.0, (1.0 - total) / read_elsewhere) if read_elsewhere > 0.0 else 0.0
    q = {text: p * share for text, p in read.items()} | given
    return {text: p for text, p in q.items() if p >= Q_MIN and LENGTH_MIN <= len(text) <= LENGTH_MAX}


def _confusion() -> Probabilities:
    """(alphabet, alphabet): row r holds the probabilities of the true character where a reader is certain of r."""
    count = len(ALPHABET)
    confusion = np.full((count, count), CONFUSED_WITH_ANY / (count - 1))
    for pair in LOOKALIKES:
        one, other = tuple(pair)
        confusion[PLACE[one], PLACE[other]] += CONFUSED_WITH_LOOKALIKE
        confusion[PLACE[other], PLACE[one]] += CONFUSED_WITH_LOOKALIKE
    np.fill_diagonal(confusion, 0.0)
    np.fill_diagonal(confusion, 1.0 - confusion.sum(axis=1))
    return confusion


_CONFUSION = _confusion()
_KEPT = {character: float(_CONFUSION[place, place]) for character, place in PLACE.items()}


def _survives(text: str) -> float:
    """The probability that no character of a text that was read with certainty was another one."""
    return math.prod(_KEPT[character] for character in text)


def _enumerated(p_characters: Probabilities) -> dict[str, float]:
    """The spellings of the characters alone with their probabilities, after the confusion floor; the unlikely left out."""
    if p_characters.ndim != 2 or p_characters.shape[1] != len(ALPHABET) or not np.isfinite(p_characters).all():
        return {}
    read = np.clip(p_characters, 0.0, 1.0)
    sums = read.sum(axis=1)
    if (sums > 1.0).any():
        read = read / np.maximum(sums, 1.0)[:, None]
        sums = np.minimum(sums, 1.0)
    # Only a character that was read somewhere can be likely enough; a question has a handful of them, not the whole alphabet.
    seen = np.flatnonzero(read.max(axis=0) >= _SEEN_P_MIN)
    meant = read[:, seen] @ _CONFUSION[seen[:, None], seen]
    characters = [ALPHABET[place] for place in seen.tolist()]
    beginnings = {"": 1.0}
    for row, p_nothing in zip(meant.tolist(), (1.0 - sums).tolist(), strict=True):
        choices = [(character, p) for character, p in zip(characters, row, strict=True) if p >= _PREFIX_P_MIN]
        if p_nothing >= _PREFIX_P_MIN:
            choices.append(("", p_nothing))
        longer: dict[str, float] = {}
        for beginning, p in beginnings.items():
            least = _PREFIX_P_MIN / p
            for character, p_here in choices:
                if p_here >= least:
                    text = beginning + character
                    longer[text] = longer.get(text, 0.0) + p * p_here
        beginnings = longer
    return beginnings
