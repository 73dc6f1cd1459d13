"""Rules turn records into questions for an officer, and no doubt into an accusation."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearway.facts import Answer, Box, Kind, Passage, Plate, Reading, Record, Sighting
from clearway.plates import ALPHABET, PLACE
from clearway.rules.judging import DECISIVE_FRAMES_MAX, decisive_frames, judge
from clearway.rules.papers import Papers
from clearway.rules.wanted import Wanted

BEGAN = datetime(2026, 6, 1, tzinfo=UTC)
TEXT = "KA17PLE"
RULES = (Wanted(), Papers())


def evidence(text: str, p: float) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    p_characters = np.zeros((len(text), len(ALPHABET)))
    p_characters[range(len(text)), [PLACE[character] for character in text]] = p
    return p_characters


def sighting(number: int, text: str | None = TEXT, p: float = 0.99, height_px: float = 30.0, legibility: float = 1.0) -> Sighting:
    """A vehicle in frame `number`; without a text its plate was not read."""
    place = Box(100, 100, 100 + 4 * height_px, 100 + height_px)
    reading = None if text is None else Reading(text, evidence(text, p), legibility)
    at = BEGAN + timedelta(seconds=number)
    return Sighting(number, at, Kind.VEHICLE, Box(0, 0, 640, 480), 0.9, None if text is None else place, reading)


def passage(*sightings: Sighting, plate: bool = True) -> Passage:
    fused = Plate(TEXT, 0.99, 3, (), evidence(TEXT, 0.99)) if plate else None
    return Passage("1", "camera-1", sightings or (sighting(0),), 100.0, fused)


def listed(answer: Answer = Answer.YES) -> Record:
    entry = {"plate": TEXT, "reason": "stolen", "case": f"case of {TEXT}", "expires": "2027-01-01T00:00:00Z"}
    return Record("hotlist", "listed", answer, BEGAN, BEGAN, 0.97, entry)


def registered(answer: Answer = Answer.NO) -> Record:
    entry = {"plate": TEXT, "valid_from": "2025-04-01", "valid_to": "2026-03-31"}
    return Record("register", "registered", answer, BEGAN, BEGAN, 0.96, entry)


def test_a_listed_vehicle_is_wanted() -> None:
    found = Wanted().judge(passage(), (registered(), listed()))
    assert found is not None
    assert (found.rule, found.plate, found.p, found.records) == ("wanted", TEXT, 0.97, (listed(),))
    assert found.because == "The plate that was read is on the hot list; the reason given is: stolen."


def test_a_lapsed_registration_is_found() -> None:
    found = Papers().judge(passage(), (listed(), registered()))
    assert found is not None
    assert (found.rule, found.plate, found.p, found.records) == ("papers", TEXT, 0.96, (registered(),))
    assert found.because == "The register says that this vehicle's registration ended on 2026-03-31."


QUIET = {
    "no record": (),
    "not listed": (listed(Answer.NO),),
    "the hot list does not know": (listed(Answer.UNKNOWN),),
    "registered": (registered(Answer.YES),),
    "the register does not know": (registered(Answer.UNKNOWN),),
    # a NO of the hot list is no lapse, a YES of the register no listing
    "crossed answers": (listed(Answer.NO), registered(Answer.YES)),
    "another register": (Record("parking", "listed", Answer.YES, BEGAN, BEGAN, 1.0, {"plate": TEXT, "reason": "stolen"}),),
    "another question": (Record("register", "insured", Answer.NO, BEGAN, BEGAN, 1.0, {"plate": TEXT}),),
    "an answer without its entry": (Record("register", "registered", Answer.NO, BEGAN, BEGAN),),
}


@pytest.mark.parametrize("kind", QUIET)
def test_nothing_is_found(kind: str) -> None:
    assert list(judge(RULES, passage(), QUIET[kind])) == []


def test_a_vehicle_without_a_plate_is_never_found() -> None:
    assert list(judge(RULES, passage(plate=False), (listed(), registered()))) == []


def test_each_rule_finds_at_most_once() -> None:
    findings = list(judge(RULES, passage(), (listed(), listed(), registered(), registered())))
    assert [found.rule for found in findings] == ["wanted", "papers"]


RECORDS = st.lists(
    st.builds(
        Record,
        register=st.sampled_from(("hotlist", "register", "other")),
        question=st.sampled_from(("listed", "registered", "other")),
        answer=st.sampled_from(Answer),
        asked_at=st.just(BEGAN),
        data_as_of=st.sampled_from((BEGAN, None)),
        p=st.floats(0, 1),
        entry=st.just({}) | st.just({"plate": TEXT, "reason": "stolen", "valid_to": "2026-03-31"}),
    ),
    max_size=6,
)


@given(records=RECORDS)
def test_no_rule_accuses_on_unknown(records: list[Record]) -> None:
    findings = list(judge(RULES, passage(), records))
    assert all(record.answer is not Answer.UNKNOWN for found in findings for record in found.records)
    # an UNKNOWN changes nothing: without it the same is found
    known = [record for record in records if record.answer is not Answer.UNKNOWN]
    assert [(found.rule, found.p) for found in judge(RULES, passage(), known)] == [(found.rule, found.p) for found in findings]


@given(records=RECORDS)
def test_no_reason_tells_the_plate(records: list[Record]) -> None:
    for found in judge(RULES, passage(), [*records, listed(), registered()]):
        assert TEXT not in found.because
        assert TEXT not in repr(found)


BEST_FIRST = (
    sighting(0, height_px=40.0),
    sighting(1, height_px=30.0),  # smaller
    sighting(2, p=0.9),  # less sure
    sighting(3, legibility=0.1),  # hardly legible
    sighting(4, text="KA17PLF", height_px=60.0),  # read as another plate
    sighting(5, text="A17PLE", height_px=60.0, legibility=0.0),  # cut
    sighting(6, text=None),  # not read
)


def test_the_best_readable_frames_come_first() -> None:
    for shown in list(permutations(BEST_FIRST))[::97]:
        renumbered = tuple(
            Sighting(each.frame_number, BEGAN + timedelta(seconds=n), each.kind, each.box, each.p, each.plate_box, each.reading)
            for n, each in enumerate(shown)
        )
        assert decisive_frames(passage(*renumbered), TEXT) == (0, 1, 2, 3, 4, 5, 6)


def test_there_are_at_most_twelve_and_no_frame_twice() -> None:
    frames = decisive_frames(passage(*(sighting(n // 2) for n in range(100))), TEXT)
    assert len(frames) == len(set(frames)) == DECISIVE_FRAMES_MAX


def test_a_passage_whose_readings_were_sampled_away_still_shows_the_vehicle() -> None:
    assert set(decisive_frames(passage(sighting(3, text=None), sighting(4, text=None)), TEXT)) == {3, 4}
