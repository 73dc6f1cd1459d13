"""What all rules share: the loop that asks each of them, and which frames show a plate best."""

from collections.abc import Iterable, Iterator, Sequence

from clearway.facts import Finding, Passage, Record, Sighting
from clearway.ports import Rule

# More pictures do not make a plate clearer to the officer, only the exhibit larger.
DECISIVE_FRAMES_MAX = 12


def judge(rules: Iterable[Rule], passage: Passage, records: Sequence[Record]) -> Iterator[Finding]:
    """The findings of all rules about one passage, in the rules' order; at most one from each."""
    for rule in rules:
        finding = rule.judge(passage, records)
        if finding is not None:
            yield finding


def decisive_frames(passage: Passage, plate: str) -> tuple[int, ...]:
    """The numbers of the frames in which an officer can best read `plate`, best first; never empty, at most 12.

    First the whole plates that were read as this one, then other whole ones, then cut or covered ones, then the frames
    without a reading; among equals the surest and tallest.
    """
    best: list[int] = []
    for sighting in sorted(passage.sightings, key=lambda each: _shows(each, plate), reverse=True):
        if sighting.frame_number not in best:
            best.append(sighting.frame_number)
        if len(best) == DECISIVE_FRAMES_MAX:
            break
    return tuple(best)


def _shows(sighting: Sighting, plate: str) -> tuple[bool, bool, bool, float, float]:
    """How well one sighting shows the plate; larger is better. Height stands for size: it is what a reader needs of it."""
    reading, place = sighting.reading, sighting.plate_box
    if reading is None or place is None:
        return False, False, False, 0.0, place.height_px if place else sighting.box.height_px * 1e-6
    whole = reading.legibility > 0.0
    return whole, whole and reading.text == plate, True, reading.p * reading.legibility * place.height_px, place.height_px
