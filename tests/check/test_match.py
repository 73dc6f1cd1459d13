"""A match is a probability: it grows with the evidence, never passes 1, and a misread neighbour is no certainty."""

import math
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearway.check.match import Q_MIN, matches, spellings, weighed
from clearway.facts import Plate
from clearway.plates import ALPHABET, LATIN, LOOKALIKES, PLACE


def plate(text: str, p: float | None = None, runners_up: tuple[tuple[str, float], ...] = (), **sure: float) -> Plate:
    """A plate that was read as `text` with 0.998 a character; `at_3=0.6` gives the fourth character less."""
    p_characters = np.zeros((len(text), len(ALPHABET)))
    for place, character in enumerate(text):
        here = sure.get(f"at_{place}", 0.998)
        p_characters[place] = (1.0 - here) / (len(ALPHABET) - 1)
        p_characters[place, PLACE[character]] = here
    whole = math.prod(p_characters.max(axis=1).tolist())
    return Plate(text, whole if p is None else p, 5, runners_up, p_characters)


TEXTS = st.text(LATIN, min_size=2, max_size=12)


@st.composite
def any_plates(draw: st.DrawFn) -> Plate:
    """Any fused plate at all, also one whose parts do not fit together."""
    text = draw(TEXTS)
    rows = draw(st.lists(st.lists(st.floats(0, 1), min_size=4, max_size=4), min_size=len(text), max_size=len(text)))
    p_characters = np.zeros((len(text), len(ALPHABET)))
    for place, row in enumerate(rows):
        p_characters[place, [PLACE[character] for character in (text[place], "0", "O", "7")]] = row
        p_characters[place] /= max(1.0, p_characters[place].sum())
    runners_up = draw(st.lists(st.tuples(TEXTS, st.floats(0, 1)), max_size=4))
    return Plate(text, draw(st.floats(0, 1)), 3, tuple(runners_up), p_characters)


@given(found=any_plates(), listed=st.sets(TEXTS, max_size=5), own=st.booleans(), rho=st.floats(0.01, 1000))
def test_what_comes_out_are_probabilities(found: Plate, listed: set[str], own: bool, rho: float) -> None:
    q = spellings(found)
    assert len(q) <= 1 / Q_MIN
    assert all(Q_MIN <= p <= 1.0 for p in q.values())
    assert math.fsum(q.values()) <= 1.0 + 1e-9
    result = matches(found, (listed | set(list(q)[:2]) if own else listed).__contains__, rho)
    assert all(0.0 <= p <= 1.0 for _, p in result.listed)
    assert math.fsum(p for _, p in result.listed) + result.p_unlisted <= 1.0 + 1e-9
    assert [p for _, p in result.listed] == sorted((p for _, p in result.listed), reverse=True)


@given(q=st.floats(0.01, 0.98), more=st.floats(0.001, 0.019), other=st.floats(0, 0.01), rho=st.floats(0.1, 100))
def test_a_listed_plate_is_likelier_the_better_it_was_read_and_the_oftener_it_passes(
    q: float, more: float, other: float, rho: float
) -> None:
    def p_listed(q_listed: float, times: float) -> float:
        return weighed({"LISTED": q_listed, "OTHER": other}, {"LISTED"}.__contains__, times).listed[0][1]

    assert p_listed(q + more, rho) >= p_listed(q, rho)
    assert p_listed(q, rho * 2) >= p_listed(q, rho)


def test_bayes_by_hand() -> None:
    result = weighed({"AA": 0.5, "BB": 0.3, "CC": 0.1}, {"AA", "BB"}.__contains__, 4.0)
    evidence = 4.0 * 0.8 + 0.2
    assert [text for text, _ in result.listed] == ["AA", "BB"]
    assert [p for _, p in result.listed] == pytest.approx([2.0 / evidence, 1.2 / evidence])
    assert result.p_unlisted == pytest.approx(0.1 / evidence)


@given(text=TEXTS)
def test_the_truth_is_found_where_the_evidence_is_strong(text: str) -> None:
    found = matches(plate(text), {text}.__contains__)
    assert found.listed[0][0] == text
    assert found.listed[0][1] >= 0.9


@given(text=TEXTS, place=st.integers(0, 11), instead=st.sampled_from(LATIN))
def test_a_neighbour_that_was_hardly_read_is_no_match(text: str, place: int, instead: str) -> None:
    place %= len(text)
    neighbour = text[:place] + instead + text[place + 1 :]
    found = matches(plate(text), {neighbour}.__contains__)
    assert neighbour == text or sum(p for _, p in found.listed) < 0.1


@pytest.mark.parametrize("pair", LOOKALIKES)
def test_a_lookalike_in_doubt_is_possible_and_never_certain(pair: str) -> None:
    one, other = tuple(pair)
    seen = plate(f"B{one}XT71")
    seen.p_characters[1] = 0.0
    seen.p_characters[1, [PLACE[one], PLACE[other]]] = 0.6, 0.4
    doubtful = Plate(seen.text, 0.6, 5, (), seen.p_characters)
    found = matches(doubtful, {f"B{other}XT71"}.__contains__)
    assert 0.2 < found.listed[0][1] < 0.5


def test_no_reading_is_certain() -> None:
    p_characters = np.zeros((8, len(ALPHABET)))
    p_characters[range(8), [PLACE[character] for character in "34A36837"]] = 1.0
    found = matches(Plate("34A36837", 1.0, 99, (), p_characters), {"34A36837"}.__contains__)
    assert 0.97 < found.listed[0][1] < 1.0


def test_what_the_formats_say_outweighs_the_characters_alone() -> None:
    # The reader saw 0 and O alike; the fusion knows that a letter stands there and says so in its own probabilities.
    p_characters = np.zeros((7, len(ALPHABET)))
    p_characters[range(7), [PLACE[character] for character in "AB12OXY"]] = 1.0
    p_characters[4, [PLACE["O"], PLACE["0"]]] = 0.5
    seen = Plate("AB12OXY", 0.97, 5, (("AB120XY", 0.03),), p_characters)
    assert matches(seen, {"AB12OXY"}.__contains__).listed[0][1] > 0.9
    assert matches(seen, {"AB120XY"}.__contains__).listed[0][1] < 0.04


def test_a_character_that_may_not_be_there_is_weighed_too() -> None:
    seen = plate("1AB123")
    seen.p_characters[0] *= 0.4  # most likely a bolt, not a 1
    found = matches(Plate("1AB123", 0.39, 5, (), seen.p_characters), {"AB123"}.__contains__)
    assert 0.5 < found.listed[0][1] < 0.65


ODD = {
    "evidence of another alphabet": Plate("AB123", 0.9, 1, (), np.full((5, 3), 0.1)),
    "evidence that is no number": Plate("AB123", 0.9, 1, (), np.full((5, len(ALPHABET)), np.nan)),
    "one character": Plate("A", 0.9, 1, (), np.zeros((1, len(ALPHABET)))),
    "thirty characters": plate("A" * 30),
    "evidence that is flat": Plate("AB123456", 0.0, 1, (), np.full((8, len(ALPHABET)), 1 / len(ALPHABET))),
    "runners-up that add up to more than 1": plate("AB123", 0.9, (("AB124", 0.9), ("AB125", 0.9))),
    "a runner-up with characters of no plate": plate("AB123", 0.9, (("ÄÖ", 0.1),)),
}


@pytest.mark.parametrize("kind", ODD)
def test_odd_evidence_never_raises(kind: str) -> None:
    found = matches(ODD[kind], lambda _: True)
    assert sum(p for _, p in found.listed) <= 1.0 + 1e-9


def test_what_it_claims_comes_true() -> None:
    """Of the vehicles said to be listed with 60 to 70 %, as many are, at every level; a little more, for the floor is cautious.

    Three thousand vehicles pass a reader that errs, mostly between lookalikes, and whose three readings of each are weighed by
    Bayes. Whoever keeps the list knows only what was read, so that which line is on it says nothing about the truth.
    """
    dice = np.random.default_rng(11)
    channel = np.full((len(LATIN), len(LATIN)), 0.1 / len(LATIN))
    for one, other in (tuple(pair) for pair in LOOKALIKES):
        channel[PLACE[one], PLACE[other]] = channel[PLACE[other], PLACE[one]] = 0.2
    np.fill_diagonal(channel, 0.0)
    np.fill_diagonal(channel, 1.0 - channel.sum(axis=1))  # row: the truth; column: what is read
    claimed, true = [], []
    for _ in range(3000):
        truth = dice.integers(len(LATIN), size=6)
        seen = [[dice.choice(len(LATIN), p=channel[character]) for character in truth] for _ in range(3)]
        posterior = np.prod([channel[:, each].T for each in seen], axis=0)
        p_characters = np.zeros((6, len(ALPHABET)))
        p_characters[:, : len(LATIN)] = posterior / posterior.sum(axis=1, keepdims=True)
        text = "".join(LATIN[place] for place in p_characters.argmax(axis=1))
        fused = Plate(text, float(p_characters.max(axis=1).prod()), 3, (), p_characters)
        q = spellings(fused)
        if q:
            listed = str(dice.choice(list(q)))
            claimed.append(matches(fused, {listed}.__contains__).listed[0][1])
            true.append(listed == "".join(LATIN[place] for place in truth))
    p, hit = np.array(claimed), np.array(true)
    for low, high in ((0.01, 0.1), (0.1, 0.4), (0.4, 0.7), (0.7, 0.9), (0.9, 1.0)):
        within = (p >= low) & (p < high)
        doubt = 3 * math.sqrt(p[within].mean() * (1 - p[within].mean()) / within.sum())
        assert within.sum() >= 50
        assert -doubt <= hit[within].mean() - p[within].mean() <= doubt + 0.05


def test_a_question_takes_less_than_a_millisecond_or_so() -> None:
    listed = {f"{n:07d}" for n in range(100_000)}
    seen = plate("0012345", at_2=0.5, at_4=0.6)
    began = time.perf_counter()
    for _ in range(100):
        matches(seen, listed.__contains__)
    assert (time.perf_counter() - began) / 100 < 0.005
