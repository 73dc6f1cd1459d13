"""The only place where pictures wait is bounded, and lets go."""

from datetime import UTC, datetime, timedelta

import numpy as np

from clearway.edge.ring import Ring
from clearway.facts import Frame

AT = datetime(2026, 11, 22, 8, tzinfo=UTC)


def frame(number: int) -> Frame:
    """One megapixel's third, 1 MB, a tenth of a second after the one before."""
    return Frame("camera", number, AT + timedelta(seconds=number / 10), 0.0, np.zeros((1000, 1000 // 3, 3), np.uint8))


def test_old_pictures_go() -> None:
    ring = Ring(held_s=2.0, held_mb=1000)
    for number in range(100):
        ring.add(frame(number))
    assert len(ring) == 21
    assert 2.0 <= ring.held_longest_s < 2.2


def test_memory_is_bounded() -> None:
    ring = Ring(held_s=1000.0, held_mb=5)
    for number in range(100):
        ring.add(frame(number))
    assert len(ring) == 5


def test_what_nobody_needs_goes_at_once() -> None:
    ring = Ring(held_s=1000.0, held_mb=1000)
    for number in range(10):
        ring.add(frame(number))
    ring.forget_before(AT + timedelta(seconds=0.5), AT + timedelta(seconds=0.9))
    assert [f.number for f in ring.between(AT, AT + timedelta(seconds=9))] == [5, 6, 7, 8, 9]
    assert [f.number for f in ring.between(AT + timedelta(seconds=0.6), AT + timedelta(seconds=0.7))] == [6, 7]
    ring.clear()
    assert len(ring) == 0


def test_a_few_outlast_the_others_and_are_let_go() -> None:
    """The first always stays; however many are kept, they are few and take half of the memory at most."""
    ring = Ring(held_s=1.0, held_mb=64)
    for number in range(400):
        ring.add(frame(number))
        if number % 20 == 0:
            ring.keep(frame(number), 12)
    kept = [one.number for one in ring.kept]
    assert kept[0] == 0 and 6 <= len(kept) <= 12 and kept == sorted(kept)
    assert [one.number for one in ring.between(AT, AT + timedelta(seconds=30))] == [n for n in kept if n <= 300]
    ring.let_go(AT + timedelta(seconds=20), AT + timedelta(seconds=40))
    assert min(one.number for one in ring.kept) >= 200 and ring.held_longest_s == 40.0
    ring.clear()
    assert not ring.kept and len(ring) == 0 and not ring.between(AT, AT + timedelta(seconds=40))
    small = Ring(held_s=1000.0, held_mb=4)
    for number in range(50):
        small.add(frame(number))
        small.keep(frame(number), 12)
    assert 1 <= len(small.kept) <= 2 and small.kept[0].number == 0 and len(small) <= 3
