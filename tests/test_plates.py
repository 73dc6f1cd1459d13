"""Plate text: one form, formats as a prior that can be outvoted."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearway import plates
from clearway.facts import Probabilities


def evidence(text: str, *, p: float = 0.995, instead: dict[int, tuple[str, float]] | None = None) -> Probabilities:
    """What a reader says that is this sure of each character; `instead` gives a second choice at a place."""
    rows = np.zeros((len(text), len(plates.ALPHABET)))
    for place, character in enumerate(text):
        rows[place, plates.PLACE[character]] = p
        if instead and place in instead:
            other, p_other = instead[place]
            rows[place, plates.PLACE[other]] = p_other
            rows[place, plates.PLACE[character]] = 1 - p_other
    return rows


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("34A-368.37", "34A36837"),  # dots and dashes are no characters of a plate
        ("ab 12 cde", "AB12CDE"),  # case does not matter
        ("ＡＢ１２", "AB12"),  # nor does full width
        ("京A·12345", "京A12345"),  # provinces stay
        ("۱۲ب۳۴۵-۶۷", "12ب34567"),  # Persian digits are digits
        ("٣٢١ أهـ", "321اه"),  # so are Arabic ones; an alef is one letter with and without its sign, a stretched line none
        ("كيى", "کیی"),  # Arabic keyboards write Persian's letters otherwise
        ("★☂", ""),  # nothing of it is a plate
    ],
)
def test_canonical(written: str, canonical: str) -> None:
    assert plates.canonical(written) == canonical


@given(st.text())
def test_canonical_is_canonical(text: str) -> None:
    once = plates.canonical(text)
    assert plates.canonical(once) == once
    assert set(once) <= set(plates.ALPHABET)


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("34A36837", "VN"),
        ("4679FYV", "ES"),
        ("京A12345", "CN"),
        ("AB12CDE", "GB"),
        ("PJG0783", "BR"),
        ("AA1234BB", "UA"),
        ("12ب34567", "IR"),
    ],
)
def test_known_formats(text: str, region: str) -> None:
    assert region in plates.fits(text)


def test_every_format_names_its_source() -> None:
    assert all(form.source and form.pattern and form.region for form in plates.FORMATS)
    assert len({(form.region, form.pattern) for form in plates.FORMATS}) == len(plates.FORMATS), "no format stands twice"


def test_the_format_decides_between_lookalikes() -> None:
    """A Slovak plate ends in letters: a 0 that may as well be an O is an O there."""
    text, p = plates.likeliest(evidence("PP587A0", instead={6: ("O", 0.2)}))[0]
    assert text == "PP587AO"
    assert 0.5 < p < 0.99, "and it stays in doubt"


def test_a_region_s_look_is_a_prior_too_and_is_outvoted() -> None:
    """A British plate ends in letters, and a plate that looks British more surely so; a clear text stays what it is."""
    doubtful = evidence("AB12CD1", instead={6: ("I", 0.4)})
    free, gb = dict(plates.likeliest(doubtful)), dict(plates.likeliest(doubtful, "GB"))
    assert gb["AB12CDI"] > free["AB12CDI"]
    assert plates.likeliest(evidence("4679FYV"), "GB")[0][0] == "4679FYV"
    assert plates.likeliest(doubtful, "a region that nobody knows") == plates.likeliest(doubtful)


def test_a_european_look_stands_for_the_countries_behind_it() -> None:
    """A blue band is no country's alone, but seven digits, which America issues, hardly stand beside it: the B is a Czech one."""
    doubtful = evidence("4821875", instead={1: ("B", 0.6)})
    free, european = dict(plates.likeliest(doubtful)), dict(plates.likeliest(doubtful, "EU"))
    assert max(free, key=lambda text: free[text]) == "4821875"
    assert max(european, key=lambda text: european[text]) == "4B21875"
    assert plates.likeliest(evidence("4821875"), "EU")[0][0] == "4821875", "and clear evidence outvotes it"
    assert plates.issuers("EU") <= {form.region for form in plates.FORMATS} and plates.issuers("FR") == {"FR"}


def test_clear_evidence_outvotes_every_format() -> None:
    """A personal plate that no country issues is told as it was read."""
    text, p = plates.likeliest(evidence("WQBVWMK"))[0]
    assert text == "WQBVWMK"
    assert plates.fits(text) == frozenset()
    assert p > 0.5


def test_no_format_turns_one_clear_character_into_another() -> None:
    text, _ = plates.likeliest(evidence("AB12CD7"))[0]  # GB would want a letter at the end
    assert text == "AB12CD7"


def test_a_chinese_plate_keeps_lookalikes_apart() -> None:
    """An 8 that may be a B: elsewhere each is doubted, on a plate that looks Chinese the reader is believed."""
    found = evidence("粤A8C372", instead={2: ("B", 0.1)})
    free, chinese = dict(plates.likeliest(found)), dict(plates.likeliest(found, "CN"))
    assert free["粤A8C372"] / free["粤ABC372"] == pytest.approx(9**0.7), "either may stand there"
    assert chinese["粤A8C372"] / chinese["粤ABC372"] == pytest.approx(9)


def test_the_evidence_alone_decides_how_many_characters_there_are() -> None:
    """Many countries issue A54614, and each such string is likelier than one with a province: but something stands there."""
    found = evidence("浙A54614", instead={0: ("苏", 0.2)})
    found[0] *= 0.6  # it may be nothing, too
    text, p = plates.likeliest(found, "unknown")[0]
    assert text == "浙A54614"
    assert 0.3 < p < 0.5, "as sure as its faintest place"
    found[0] *= 0.2
    assert plates.likeliest(found)[0][0] == "A54614", "and where hardly anything stands, nothing is told"


@given(st.text(alphabet=plates.LATIN, min_size=4, max_size=8), st.floats(0.3, 1.0))
def test_spellings_are_a_distribution(text: str, p: float) -> None:
    found = plates.spellings(evidence(text, p=p))
    assert found[0][1] == pytest.approx(max(q for _, q in found))
    assert sum(q for _, q in found) <= 1 + 1e-9
    assert len({spelled for spelled, _ in found}) == len(found)


@given(st.text(alphabet=plates.LATIN, min_size=4, max_size=8), st.floats(0.3, 1.0))
def test_likeliest_is_a_distribution(text: str, p: float) -> None:
    found = plates.likeliest(evidence(text, p=p))
    assert all(0 <= q <= 1 for _, q in found)
    assert sum(q for _, q in found) <= 1 + 1e-9


@pytest.mark.parametrize(
    ("text", "may_be"),
    [
        ("34A36837", True),  # a format
        ("XQ77ZZ1", True),  # no format, but letters and digits enough
        ("JAC", False),  # a maker's name
        ("15177", False),  # the slats of a barrier
        ("20200522080434", False),  # a camera's overlay
        ("SALVADOR", False),  # a city on a plate's rim
    ],
)
def test_plausible(text: str, may_be: bool) -> None:
    assert plates.plausible(text) is may_be
