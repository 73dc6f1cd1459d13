"""Many readings, one plate: evidence for each character, not a count of whole strings."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearway import plates
from clearway.facts import Reading
from clearway.track.fusion import fuse


def reading(text: str, *, sure: float = 0.9, legibility: float = 1.0, unsure_at: int | None = None) -> Reading:
    """A reading whose reader is this sure of each character, and less sure at one place."""
    rows = np.full((len(text), len(plates.ALPHABET)), (1 - sure) / 150)  # the rest: nothing stands there
    for place, character in enumerate(text):
        rows[place, plates.PLACE[character]] = 0.4 if place == unsure_at else sure
    return Reading(text, rows, legibility)


def test_characters_are_fused_where_no_single_reading_is_right() -> None:
    """Each of three readings is wrong at another place; together they are right, and no string was seen twice."""
    wrong = ["XB12CDE", "AB72CDE", "AB12CDF"]
    plate = fuse([reading(text, unsure_at=at) for text, at in zip(wrong, (0, 2, 6), strict=True)])
    assert plate is not None
    assert plate.text == "AB12CDE"


def test_one_sure_reading_outweighs_two_vague_ones() -> None:
    """Two frames would rather see an F than an E, one is sure of the E."""
    vague = reading("AB12CDF", unsure_at=6)
    vague.p_characters[6, plates.PLACE["E"]] = 0.3
    plate = fuse([reading("AB12CDE", sure=0.99), vague, vague])
    assert plate is not None
    assert plate.text == "AB12CDE"


def test_a_missed_and_a_made_up_character_are_aligned() -> None:
    plate = fuse([reading(text) for text in ("34A36837", "34A3637", "34A36837", "134A36837", "34A36837")])
    assert plate is not None
    assert plate.text == "34A36837"
    assert plate.region == "VN"


def test_agreement_makes_surer_but_less_than_independent_witnesses_would() -> None:
    one, nine = fuse([reading("KA99XYZ", sure=0.8)]), fuse([reading("KA99XYZ", sure=0.8)] * 9)
    assert one is not None and nine is not None
    assert one.p < nine.p < 1 - (1 - one.p) ** 9


def test_a_cut_plate_has_no_vote() -> None:
    assert fuse([reading("34A36", legibility=0.0)]) is None
    plate = fuse([reading("34A36837"), *[reading("34A36", legibility=0.0)] * 5])
    assert plate is not None
    assert (plate.text, plate.votes) == ("34A36837", 1)


def test_a_region_is_what_most_readings_take_it_for() -> None:
    """A French and an Italian form at once: the plate's look tells them apart, where the looks agree."""
    looks = [replace(reading("AB123CD"), region=region) for region in ("IT", "IT", "FR")]
    assert plates.fits("AB123CD") >= {"IT", "FR"}
    for readings, region in ((looks, "IT"), (looks[1:], "unknown")):
        plate = fuse(readings)
        assert plate is not None
        assert (plate.text, plate.region) == ("AB123CD", region)


def test_nothing_was_read() -> None:
    assert fuse([]) is None


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.text(alphabet=plates.LATIN, min_size=4, max_size=9), min_size=1, max_size=6),
    st.floats(0.3, 0.99),
    st.floats(0.1, 1.0),
)
def test_whatever_is_read_the_result_is_a_valid_plate_or_none(texts: list[str], sure: float, legibility: float) -> None:
    plate = fuse([reading(text, sure=sure, legibility=legibility) for text in texts])
    if plate is None:  # what contradicts itself throughout is no plate
        return
    assert 0 <= plate.p <= 1 and plate.votes == len(texts)
    assert plate.p_characters.shape == (len(plate.text), len(plates.ALPHABET))
    assert np.all(plate.p_characters.sum(axis=1) <= 1 + 1e-9)


@pytest.mark.parametrize("order", [0, 1])
def test_the_order_of_readings_does_not_matter_for_the_text(order: int) -> None:
    texts = ["AB12CDE", "AB12CDF", "AB12CDE"]
    plate = fuse([reading(text) for text in (texts, texts[::-1])[order]])
    assert plate is not None
    assert plate.text == "AB12CDE"
