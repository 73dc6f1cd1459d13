"""Our JSON is RFC 8785's: checked against the library `rfc8785`, which was written by others."""

from datetime import UTC, datetime

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from clearway.evidence import canonical

whole = st.integers(-canonical.WHOLE_MAX, canonical.WHOLE_MAX)
numbers = whole | st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None)
@given(values)
def test_it_writes_as_the_library_does_and_reads_that_back(value: object) -> None:
    raw = canonical.dumps(value)
    assert raw == rfc8785.dumps(value)  # type: ignore[arg-type] # its type names only what it takes
    assert canonical.dumps(canonical.loads(raw)) == raw


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_double_is_spelled_as_the_library_spells_it(value: float) -> None:
    assert canonical.dumps(value) == rfc8785.dumps(value)


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        (b'{"a":1,"a":1}', "names the key 'a' twice"),
        (b'{"a": 1}', "not in canonical form"),  # a space that means nothing
        (b'{"b":1,"a":1}', "not in canonical form"),  # keys out of order
        (b'{"a":1.0}', "not in canonical form"),  # 1 has one spelling
        (b'"\\u0061"', "not in canonical form"),  # so has a
        (b"\xef\xbb\xbf{}", "not JSON"),  # a byte order mark
        (b'{"a":NaN}', "no JSON number"),
        (b"9007199254740993", "not in canonical form"),  # 2**53 + 1: as a double it is its neighbour
        (b"1" * 5000, "no JSON number"),
        (b"[" * 100_000, "too deeply"),
        (b"[" * 40 + b"]" * 40, "too deeply"),
        (b'"\xff"', "not UTF-8"),
        (b'"\\ud800"', "not UTF-8"),  # half a character
        (b"", "not JSON"),
        (b"{}\n", "not in canonical form"),
    ],
)
def test_one_meaning_has_one_spelling(raw: bytes, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        canonical.loads(raw)


def test_times_are_rfc_3339_in_utc() -> None:
    assert canonical.rfc3339(datetime(2026, 11, 22, 8, 30, tzinfo=UTC)) == "2026-11-22T08:30:00Z"
    assert canonical.rfc3339(datetime.fromisoformat("2026-11-22T09:30:00.25+01:00")) == "2026-11-22T08:30:00.250000Z"
