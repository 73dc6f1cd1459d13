"""Likeness of texts and places, all pairs at once, is what it is for each pair alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearway.facts import Box
from clearway.testing.score import edits
from clearway.track.likeness import alike, alike_at_most, best_first, edges, overlaps

ONE = (np.array([0]), np.array([0]))
TEXT = st.text("AB8京", max_size=9)


@pytest.mark.parametrize(
    ("a", "b", "share"),
    [("ABC", "ABC", 1.0), ("ABC", "", 0.0), ("ABCD", "ABXD", 0.75), ("ABC", "ABCD", 0.75), ("", "", 1.0)],
)
def test_likeness(a: str, b: str, share: float) -> None:
    assert alike([a], [b], ONE, np.array([False])) == alike([b], [a], ONE, np.array([False])) == share


def test_a_cut_text_is_compared_with_the_part_that_it_is_most_like() -> None:
    texts, others = ["A368", "34A36837", "34A"], ["34A36837", "A368", "89C20339"]
    each = np.arange(3)
    assert alike(texts, others, (each, each), np.array([True] * 3)) == pytest.approx([1, 1, 1 / 3])


@given(st.lists(st.tuples(TEXT, TEXT, st.booleans()), max_size=8))
def test_many_pairs_are_compared_as_each_alone(pairs: list[tuple[str, str, bool]]) -> None:
    each = np.arange(len(pairs))
    found = alike([a for a, _, _ in pairs], [b for _, b, _ in pairs], (each, each), np.array([cut for _, _, cut in pairs], bool))
    for (a, b, cut), share in zip(pairs, found, strict=True):
        short, long = sorted((a, b), key=len)
        parts = [long[n : n + len(short)] for n in range(len(long) - len(short) + 1)] if cut else [long]
        assert share == pytest.approx(max(1 - edits(short, part) / max(len(part), 1) for part in parts))
        most = alike_at_most([a], [b], np.array([[cut]]))
        assert share <= most[0, 0] + 1e-9


def test_overlaps_are_those_of_the_boxes() -> None:
    some, others = [Box(0, 0, 4, 2), Box(9, 9, 10, 10)], [Box(2, 0, 6, 2), Box(0, 0, 4, 2), Box(3, 1, 9.5, 9.5)]
    assert overlaps(edges(some), edges(others)) == pytest.approx(np.array([[a.overlap(b) for b in others] for a in some]))


def test_the_best_pairs_come_first_and_nobody_twice() -> None:
    score = np.array([[3.0, 2.0, -np.inf], [4.0, -np.inf, -np.inf], [2.5, 2.0, -np.inf]])
    assert best_first(score) == [(1, 0), (2, 1)]
