"""What the hot list and the register answer: YES and NO only where they know, UNKNOWN everywhere else."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearway.check import hotlist, lists, register
from clearway.check.desk import Desk
from clearway.envelope import create_keys
from clearway.facts import Answer, Plate
from clearway.plates import ALPHABET, PLACE

NOW = datetime(2026, 6, 1, tzinfo=UTC)
HOUR_MS = 3_600_000.0


def plate(text: str, p: float = 0.999, region: str = "unknown") -> Plate:
    """A plate that was read as `text` with probability `p`; what is missing may be any other."""
    p_characters = np.zeros((len(text), len(ALPHABET)))
    for place, character in enumerate(text):
        p_characters[place] = (1.0 - p ** (1 / len(text))) / (len(ALPHABET) - 1)
        p_characters[place, PLACE[character]] = p ** (1 / len(text))
    return Plate(text, p, 5, (), p_characters, region)


def hot(*rows: str, match_p_min: float = 0.9) -> hotlist.Hotlist:
    data = "\n".join((",".join(hotlist.HEADER), *rows)).encode()
    lines, _ = hotlist.parse(data, datetime(2026, 1, 1, tzinfo=UTC))
    return hotlist.Hotlist(lists.Loaded(NOW, hotlist.HEADER, lines), match_p_min)


def extract(*rows: str, fresh_days: float = 31.0) -> register.RegisterExtract:
    data = "\n".join((",".join(register.HEADER), *rows)).encode()
    return register.RegisterExtract(lists.Loaded(NOW, register.HEADER, register.parse(data)), 0.9, fresh_days)


STOLEN = "KA 17 PLE,DE,car,stolen,police,C-1,2026-01-01T00:00:00Z,2026-02-01T00:00:00Z,2026-07-01T00:00:00Z"
HOT = (
    # plate, how surely, when, clock error: the answer
    ("KA17PLE", 0.999, NOW, 0.0, Answer.YES),
    ("KA17PLE", 0.8, NOW, 0.0, Answer.UNKNOWN),  # not read surely enough
    ("KA17PLF", 0.999, NOW, 0.0, Answer.NO),  # another plate, read surely
    ("KA17PLF", 0.8, NOW, 0.0, Answer.UNKNOWN),  # another plate, or who knows
    ("KA17P", 0.999, NOW, 0.0, Answer.NO),  # a part is no match
    ("KA17PLE", 0.999, datetime(2026, 6, 30, 23, 59, 59, tzinfo=UTC), 0.0, Answer.YES),  # the last second
    ("KA17PLE", 0.999, datetime(2026, 7, 1, tzinfo=UTC), 0.0, Answer.NO),  # expired
    ("KA17PLE", 0.999, datetime(2026, 6, 30, 23, tzinfo=UTC), HOUR_MS, Answer.NO),  # expired, were the clock late
    ("KA17PLE", 0.999, datetime(2026, 6, 30, 22, 59, 59, tzinfo=UTC), HOUR_MS, Answer.YES),
    ("KA17PLE", 0.999, NOW, float("inf"), Answer.NO),  # a clock that knows nothing
)


@pytest.mark.parametrize(("text", "p", "asked_at", "clock_error_ms", "answer"), HOT)
def test_the_hot_list_answers(text: str, p: float, asked_at: datetime, clock_error_ms: float, answer: Answer) -> None:
    record = hot(STOLEN).ask(plate(text, p), asked_at, clock_error_ms)
    assert (record.register, record.question, record.answer) == ("hotlist", "listed", answer)
    assert (record.asked_at, record.data_as_of) == (asked_at, NOW)
    assert bool(record.entry) == (answer is Answer.YES)  # anything else would tell of somebody else's vehicle


def test_the_record_holds_the_entry_and_how_likely_it_is_meant() -> None:
    record = hot(STOLEN).ask(plate("KA17PLE"), NOW, 0.0)
    assert record.entry == dict(zip(hotlist.HEADER, STOLEN.replace(" ", "").split(","), strict=True))
    assert 0.95 < record.p < 1.0


def test_of_two_entries_the_one_of_that_country_answers_and_then_the_most_urgent() -> None:
    held = hot(
        STOLEN.replace("stolen", "uninsured"),
        STOLEN.replace("stolen", "missing person at risk"),
        STOLEN.replace("DE", "FR"),
    )
    assert held.ask(plate("KA17PLE", region="FR"), NOW, 0.0).entry["region"] == "FR"
    assert held.ask(plate("KA17PLE", region="DE"), NOW, 0.0).entry["reason"] == "missing person at risk"
    assert held.ask(plate("KA17PLE"), NOW, 0.0).entry["reason"] == "missing person at risk"


def test_an_expired_entry_does_not_hide_one_in_force() -> None:
    held = hot(STOLEN, STOLEN.replace("C-1", "C-2").replace("2026-07", "2026-09"))
    assert held.ask(plate("KA17PLE"), datetime(2026, 8, 1, tzinfo=UTC), 0.0).entry["case"] == "C-2"


def test_a_site_may_ask_for_more_certainty() -> None:
    assert hot(STOLEN, match_p_min=0.99).ask(plate("KA17PLE", 0.98), NOW, 0.0).answer is Answer.UNKNOWN


def test_two_listed_spellings_in_doubt_give_no_single_answer() -> None:
    held = hot(STOLEN, STOLEN.replace("PLE", "PLF"))
    seen = plate("KA17PLE", 0.55)
    record = held.ask(Plate(seen.text, 0.55, 5, (("KA17PLF", 0.44),), seen.p_characters), NOW, 0.0)
    assert record.answer is Answer.UNKNOWN


LAPSED = "KA17PLE,2025-04-01,2026-03-31,car,red"
REGISTERED = (
    # rows, plate, how surely, when, clock error: the answer
    ((LAPSED,), "KA17PLE", 0.999, datetime(2026, 1, 1, tzinfo=UTC), 0.0, Answer.YES),
    ((LAPSED,), "KA17PLE", 0.999, NOW, 0.0, Answer.NO),
    ((LAPSED,), "KA17PLE", 0.8, NOW, 0.0, Answer.UNKNOWN),  # not read surely enough
    ((LAPSED,), "KA17PLF", 0.999, NOW, 0.0, Answer.UNKNOWN),  # silence is never NO
    ((LAPSED,), "KA17PLE", 0.999, datetime(2025, 1, 1, tzinfo=UTC), 0.0, Answer.UNKNOWN),  # an earlier period may be left out
    ((LAPSED,), "KA17PLE", 0.999, datetime(2026, 3, 31, 23, tzinfo=UTC), 0.0, Answer.YES),  # its last day counts
    ((LAPSED,), "KA17PLE", 0.999, datetime(2026, 4, 1, 11, tzinfo=UTC), 0.0, Answer.YES),  # the day ends last at UTC-12
    ((LAPSED,), "KA17PLE", 0.999, datetime(2026, 4, 1, 13, tzinfo=UTC), 0.0, Answer.NO),
    ((LAPSED,), "KA17PLE", 0.999, datetime(2026, 4, 1, 13, tzinfo=UTC), HOUR_MS, Answer.UNKNOWN),  # or an hour earlier
    ((LAPSED,), "KA17PLE", 0.999, datetime(2026, 4, 1, 13, 1, tzinfo=UTC), HOUR_MS, Answer.NO),
    ((LAPSED,), "KA17PLE", 0.999, NOW, float("inf"), Answer.UNKNOWN),  # a clock that knows nothing
    ((LAPSED,), "KA17PLE", 0.999, NOW + timedelta(days=31), 0.0, Answer.NO),
    ((LAPSED,), "KA17PLE", 0.999, NOW + timedelta(days=32), 0.0, Answer.UNKNOWN),  # the extract is too old
    # it ended after the extract was made: a renewal may have come
    (("KA17PLE,2025-07-01,2026-06-10,car,red",), "KA17PLE", 0.999, NOW + timedelta(days=20), 0.0, Answer.UNKNOWN),
    # renewed
    ((LAPSED, "KA17PLE,2026-04-01,2027-03-31,car,red"), "KA17PLE", 0.999, NOW, 0.0, Answer.YES),
    # renewed late
    ((LAPSED, "KA17PLE,2026-05-01,2027-03-31,car,red"), "KA17PLE", 0.999, datetime(2026, 4, 15, tzinfo=UTC), 0.0, Answer.NO),
    # open at one end
    (("KA17PLE,2025-04-01,,car,red",), "KA17PLE", 0.999, NOW, 0.0, Answer.YES),
    (("KA17PLE,,2026-03-31,car,red",), "KA17PLE", 0.999, NOW, 0.0, Answer.NO),
    # to the second
    (("KA17PLE,2025-04-01,2026-05-31T23:59:59Z,car,red",), "KA17PLE", 0.999, NOW, 0.0, Answer.NO),
    (("KA17PLE,2025-04-01,2026-06-01T02:00:01+02:00,car,red",), "KA17PLE", 0.999, NOW, 0.0, Answer.YES),
)


@pytest.mark.parametrize(("rows", "text", "p", "asked_at", "clock_error_ms", "answer"), REGISTERED)
def test_the_register_answers(
    rows: tuple[str, ...], text: str, p: float, asked_at: datetime, clock_error_ms: float, answer: Answer
) -> None:
    record = extract(*rows).ask(plate(text, p), asked_at, clock_error_ms)
    assert (record.register, record.question, record.answer) == ("register", "registered", answer)
    assert (record.asked_at, record.data_as_of) == (asked_at, NOW)
    assert bool(record.entry) == (answer is not Answer.UNKNOWN)


@given(days=st.floats(-400, 400), error_days=st.floats(0, 500))
def test_a_worse_clock_never_accuses(days: float, error_days: float) -> None:
    held = extract(LAPSED, fresh_days=1000)
    asked_at = NOW + timedelta(days=days)
    exact, worse = (held.ask(plate("KA17PLE"), asked_at, ms).answer for ms in (0.0, error_days * 24 * HOUR_MS))
    assert worse is not Answer.NO or exact is Answer.NO


def test_published_and_loaded_registers_answer_the_same(tmp_path: Path) -> None:
    signer = create_keys(tmp_path)
    data = "\n".join((",".join(register.HEADER), LAPSED)).encode()
    assert register.publish(data, tmp_path, signer, NOW) == lists.Publication(1, 0, NOW)
    held = register.load(tmp_path, {signer.key_id: signer.public_key()})
    answered = held.ask(plate("KA17PLE"), NOW, 0.0)
    assert replace(answered, list_sha256=None) == extract(LAPSED).ask(plate("KA17PLE"), NOW, 0.0)
    assert answered.list_sha256 == hashlib.sha256((tmp_path / register.FILE_NAME).read_bytes()).hexdigest()


def test_every_answer_names_the_list_that_gave_it(tmp_path: Path) -> None:
    signer = create_keys(tmp_path)
    hotlist.publish("\n".join((",".join(hotlist.HEADER), STOLEN)).encode(), tmp_path, signer, NOW)
    held = hotlist.load(tmp_path, {signer.key_id: signer.public_key()})
    sha256 = hashlib.sha256((tmp_path / hotlist.FILE_NAME).read_bytes()).hexdigest()
    for text, answer in (("KA17PLE", Answer.YES), ("XY99ABC", Answer.NO)):
        record = held.ask(plate(text), NOW, 0.0)
        assert (record.answer, record.list_sha256) == (answer, sha256)


def test_the_desk_asks_every_register_in_order() -> None:
    records = Desk([hot(STOLEN), extract(LAPSED)]).ask(plate("KA17PLE"), NOW, 0.0)
    assert [(record.register, record.answer) for record in records] == [("hotlist", Answer.YES), ("register", Answer.NO)]


def test_the_desk_asks_nothing_about_no_plate() -> None:
    assert Desk([hot(STOLEN)]).ask(None, NOW, 0.0) == ()
