"""How alike texts and places are, for many pairs at once: what takes a tracker its time where a street is full."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from clearway.facts import Box

Array = NDArray[np.float64]
Places = NDArray[np.intp]
Codes = NDArray[np.uint32]


def alike(some: Sequence[str], others: Sequence[str], pairs: tuple[Places, Places], cut: NDArray[np.bool_]) -> Array:
    """The share of characters that agree, for each pair of one text with one of the others, (n,): 1 - edits / longer length
    (V. I. Levenshtein, 1966).

    `pairs` are two rows of places in either. Where one of a pair is `cut`, the shorter is compared with the part of the longer
    that it is most like.
    """
    if not len(cut):
        return np.empty(0)
    longest = max(map(len, (*some, *others)))
    (a, a_length), (b, b_length) = (_codes(side, longest, of) for side, of in zip((some, others), pairs, strict=True))
    # Most who are compared are read as before.
    differ = (a != b).any(axis=1)
    share = np.ones(len(cut))
    share[differ] = _alike(a[differ], a_length[differ], b[differ], b_length[differ], cut[differ])
    return share


def _alike(a: Codes, a_length: Places, b: Codes, b_length: Places, cut: NDArray[np.bool_]) -> Array:
    if not len(cut):
        return np.empty(0)
    swap = a_length > b_length
    short, long = np.where(swap[:, None], b, a), np.where(swap[:, None], a, b)
    short_length, long_length = np.minimum(a_length, b_length), np.maximum(a_length, b_length)
    parts = np.where(cut, long_length - short_length + 1, 1)
    if parts.max() == 1:
        return 1 - _edits(short, short_length, long, long_length) / np.maximum(long_length, 1)
    # Each part is a row of its own: of the longer text the characters from `start` on.
    began, pair = np.cumsum(parts) - parts, np.repeat(np.arange(len(parts)), parts)
    start = np.arange(len(pair)) - began[pair]
    part = long[pair[:, None], np.minimum(start[:, None] + np.arange(long.shape[1]), long.shape[1] - 1)]
    length = np.where(cut, short_length, long_length)[pair]
    share = 1 - _edits(short[pair], short_length[pair], part, length) / np.maximum(length, 1)
    return np.asarray(np.maximum.reduceat(share, began))


def alike_at_most(some: Sequence[str], others: Sequence[str], cut: NDArray[np.bool_]) -> Array:
    """What `alike` cannot exceed for each text with each other one, (n, m), at a small part of its cost.

    A character that only one of the texts has is an edit.
    """
    longest = max(map(len, (*some, *others)))
    (own, lengths), (other, other_lengths) = (_codes(side, longest, np.arange(len(side))) for side in (some, others))
    has, other_has, lengths = _characters(own)[:, None], _characters(other), lengths[:, None]
    missing, spare = np.bitwise_count(has & ~other_has), np.bitwise_count(other_has & ~has)
    shorter, longer = np.minimum(lengths, other_lengths), np.maximum(lengths, other_lengths)
    edits = np.where(cut, np.where(lengths <= other_lengths, missing, spare), np.maximum(missing, spare))
    return np.asarray(1 - edits / np.maximum(np.where(cut, shorter, longer), 1))


def overlaps(some: Array, others: Array) -> Array:
    """Intersection over union of each box with each other one, (n, m); boxes are rows of left, top, right, bottom."""
    across_px, down_px = (
        np.minimum(some[:, None, n + 2], others[:, n + 2]) - np.maximum(some[:, None, n], others[:, n]) for n in (0, 1)
    )
    shared = np.maximum(across_px, 0.0) * np.maximum(down_px, 0.0)
    areas = [(one[:, 2:] - one[:, :2]).prod(axis=1) for one in (some, others)]
    return np.asarray(shared / (areas[0][:, None] + areas[1] - shared))


def edges(boxes: Sequence[Box]) -> Array:
    """Boxes as rows of left, top, right, bottom, (n, 4)."""
    rows = [(box.left_px, box.top_px, box.right_px, box.bottom_px) for box in boxes]
    return np.array(rows, np.float64).reshape(-1, 4)


def best_first(score: Array) -> list[tuple[int, int]]:
    """Pairs (row, column), the highest score first, no row and no column twice; -inf never pairs."""
    rows, columns = np.nonzero(score > -np.inf)
    taken_rows: set[int] = set()
    taken_columns: set[int] = set()
    pairs = []
    for n in np.lexsort((columns, rows, score[rows, columns]))[::-1]:
        row, column = int(rows[n]), int(columns[n])
        if row not in taken_rows and column not in taken_columns:
            pairs.append((row, column))
            taken_rows.add(row)
            taken_columns.add(column)
    return pairs


def _characters(codes: Codes) -> NDArray[np.uint64]:
    """Which characters each text has, one bit each; characters that share a bit count as one."""
    bits = np.left_shift(np.uint64(1), codes.astype(np.uint64) & np.uint64(63))
    return np.asarray(np.bitwise_or.reduce(np.where(codes > 0, bits, np.uint64(0)), axis=1))


def _codes(texts: Sequence[str], longest: int, chosen: Places) -> tuple[Codes, Places]:
    """The characters of the chosen texts as numbers, (n, longest), 0 behind the end, and their lengths."""
    longest = max(1, longest)
    codes = np.array(texts, f"<U{longest}").view(np.uint32).reshape(len(texts), longest)
    return codes[chosen], np.array([len(text) for text in texts])[chosen]


def _edits(a: Codes, a_length: Places, b: Codes, b_length: Places) -> Array:
    """How many characters must be changed, added or taken away to make each text of the other, (n,).

    The usual table, row by row for all pairs at once; what lies behind a text's end changes nothing before it.
    """
    place = np.arange(b.shape[1] + 1, dtype=np.int16)
    row = np.repeat(place[:, None], len(a), axis=1)
    pair = np.arange(len(a))
    edits = row[b_length, pair]
    for i in range(1, a.shape[1] + 1):
        changed = np.empty_like(row)
        changed[0] = i
        changed[1:] = np.minimum(row[1:] + 1, row[:-1] + (a[:, i - 1] != b.T))
        # A character more on the left costs one more: the least of all that lie to the left, each with its distance.
        row = np.minimum.accumulate(changed - place[:, None], axis=0) + place[:, None]
        edits = np.where(a_length == i, row[b_length, pair], edits)
    return np.asarray(edits, np.float64)
