"""Many readings of one plate become one, by evidence for each character and not by counting whole strings.

Readings are aligned place by place, their log-probabilities added up, each weighed by how legible the plate was. Frames that
follow each other make the same mistakes, so that nine frames are not nine witnesses: the evidence of n readings counts as that
of n ** INDEPENDENCE independent ones.
"""

from collections import defaultdict
from collections.abc import Sequence
from math import prod

import numpy as np

from clearway import plates
from clearway.facts import Plate, Probabilities, Reading

# No reader is surer than this, whatever it says; keeps one frame from outvoting all others.
P_FLOOR = 2e-3
# What a reading that misses a place says about it: probably nothing stands there.
P_NOTHING_WHERE_MISSING = 0.8
GAP_COST, AGREEMENT_MIN = 2.5, 1e-4
# Measured by training/plates/fuse.py on 398 passages of plates that training never saw: with it three frames claim 90.4 % and are
# right in 89.4 %, nine claim 94.1 % and are right in 90.7 %. The log loss of nine is least here (0.418; 0.476 with 0.5, by which
# they claim 96.7 %); with 0.125 they claim 91.9 %, and three frames lose more.
INDEPENDENCE = 0.25
RUNNERS_UP_MAX = 8


def fuse(readings: Sequence[Reading]) -> Plate | None:
    """The plate that all readings speak of; None where none of them is of a whole plate.

    Cut or covered plates (legibility 0) take no part; and the text is as likely right as its characters are, times how sure the
    best look at the plate was that all of it was there, times how far the readings agree on how many characters it has.
    """
    whole = [reading for reading in readings if reading.legibility > 0]
    if not whole:
        return None
    lengths = _lengths(whole)
    p_whole = max(reading.p_whole for reading in whole) * max(lengths.values()) / max(sum(lengths.values()), 1e-9)
    return judged(evidence(whole), len(whole), _looks_like(whole), p_whole)


def evidence(whole: Sequence[Reading]) -> Probabilities:
    """What readings of one whole plate say together, (places, alphabet), before any format had its say."""
    reference = _reference(whole)
    alphabet = len(plates.ALPHABET)
    weights = np.array([reading.legibility for reading in whole])
    votes = np.tensordot(weights, np.log(_laid(whole, reference)), axes=1)
    votes *= len(whole) ** INDEPENDENCE * weights.max() / weights.sum()
    weighed = np.exp(votes - votes.max(axis=1, keepdims=True))
    return np.asarray((weighed / weighed.sum(axis=1, keepdims=True))[:, :alphabet])


def judged(p_characters: Probabilities, votes: int, guess: str = "unknown", p_whole: float = 1.0) -> Plate | None:
    """The plate that the evidence of `votes` readings stands for, which looked like one of the region `guess`, and is whole with
    the probability `p_whole`."""
    found = [(text, p * p_whole) for text, p in plates.likeliest(p_characters, guess)]
    if not found:
        return None
    text, p = found[0]
    regions = plates.fits(text)
    regions = regions & plates.issuers(guess) or regions
    return Plate(
        text=text,
        p=p,
        votes=votes,
        runners_up=tuple(found[1 : 1 + RUNNERS_UP_MAX]),
        p_characters=_of_length(p_characters, text),
        region=next(iter(regions)) if len(regions) == 1 else "unknown",
    )


def support(reading: Reading, text: str) -> float:
    """The probability that this reading by itself gives to `text`, place by place; 0 where it has another length."""
    if len(reading.text) != len(text):
        return 0.0
    return prod(float(reading.p_characters[n, plates.PLACE[character]]) for n, character in enumerate(text))


def _looks_like(readings: Sequence[Reading]) -> str:
    """The region that more than half of the readings, by their legibility, take the plate for; else "unknown"."""
    weights: dict[str, float] = defaultdict(float)
    for reading in readings:
        weights[reading.region] += reading.legibility
    region = max(weights, key=lambda code: weights[code])
    return region if weights[region] > 0.5 * sum(weights.values()) else "unknown"


def _lengths(readings: Sequence[Reading]) -> dict[int, float]:
    """How far the readings speak for each number of characters."""
    support: dict[int, float] = defaultdict(float)
    for reading in readings:
        support[len(reading.text)] += reading.p * reading.legibility
    return support


def _reference(readings: Sequence[Reading]) -> Reading:
    """The surest reading of the length that the readings together speak for."""
    support = _lengths(readings)
    length = max(support, key=lambda n: support[n])
    return max((r for r in readings if len(r.text) == length), key=lambda r: r.p * r.legibility)


def _laid(readings: Sequence[Reading], reference: Reading) -> Probabilities:
    """Each reading's rows laid on the reference's places, (readings, places, alphabet + 1); the last column is "nothing"."""
    other = _with_nothing(reference.p_characters)
    laid = np.empty((len(readings), *other.shape))
    alike = [n for n, reading in enumerate(readings) if len(reading.text) == len(other)]
    laid[alike] = _with_nothing(np.stack([readings[n].p_characters for n in alike]))
    # Any other way to lay as many rows on as many places leaves out at least one of each.
    agree = np.log(np.maximum((laid[alike] * other).sum(axis=2), AGREEMENT_MIN)).sum(axis=1) >= -2 * GAP_COST
    straight = {n for n, agrees in zip(alike, agree, strict=True) if agrees}
    for n, reading in enumerate(readings):
        if n not in straight:
            laid[n] = _aligned(_with_nothing(reading.p_characters), other)
    return laid


def _aligned(own: Probabilities, other: Probabilities) -> Probabilities:
    """One's own rows laid on the other's places, (places, alphabet + 1).

    Needleman-Wunsch over how well two rows agree; what the reading has too many is left out.
    """
    rows, columns = len(own), len(other)
    agreement = np.log(np.maximum(own @ other.T, AGREEMENT_MIN))
    cost = np.zeros((rows + 1, columns + 1))
    cost[:, 0], cost[0, :] = -GAP_COST * np.arange(rows + 1), -GAP_COST * np.arange(columns + 1)
    for i in range(1, rows + 1):
        for j in range(1, columns + 1):
            cost[i, j] = max(cost[i - 1, j - 1] + agreement[i - 1, j - 1], cost[i - 1, j] - GAP_COST, cost[i, j - 1] - GAP_COST)
    laid = np.full((columns, own.shape[1]), (1 - P_NOTHING_WHERE_MISSING) / (own.shape[1] - 1))
    laid[:, -1] = P_NOTHING_WHERE_MISSING
    i, j = rows, columns
    while i and j:
        if cost[i, j] == cost[i - 1, j - 1] + agreement[i - 1, j - 1]:
            laid[j - 1] = own[i - 1]
            i, j = i - 1, j - 1
        elif cost[i, j] == cost[i - 1, j] - GAP_COST:
            i -= 1
        else:
            j -= 1
    return laid


def _with_nothing(p_characters: Probabilities) -> Probabilities:
    """The rows with a last column for "nothing here", floored and summing to 1."""
    # Row after row in memory: sums in another order end in other last digits, and a replay would not come out the same.
    p_characters = np.ascontiguousarray(p_characters)
    nothing = np.maximum(0.0, 1.0 - p_characters.sum(axis=-1, keepdims=True))
    full = np.maximum(np.concatenate([p_characters, nothing], axis=-1), P_FLOOR / p_characters.shape[-1])
    return np.asarray(full / full.sum(axis=-1, keepdims=True))


def _of_length(p_characters: Probabilities, text: str) -> Probabilities:
    """The rows that `text` was spelled from: those where nothing stands are left out, least likely place first."""
    spare = len(p_characters) - len(text)
    if spare <= 0:
        return p_characters
    emptiest = np.argsort(p_characters.sum(axis=1))[:spare]
    return np.delete(p_characters, emptiest, axis=0)
