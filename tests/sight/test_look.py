"""What is told of a look: vehicles with plates, no more of a vehicle than there is, and nothing of people."""

from datetime import UTC, datetime

import numpy as np
import pytest

from clearway import plates
from clearway.facts import Box, Detection, Frame, Kind, Reading
from clearway.sight.look import around, look

FRAME = Frame("test", 0, datetime(2026, 11, 22, 8, tzinfo=UTC), 0.0, np.zeros((720, 1280, 3), np.uint8))
PLATE = Box(600, 600, 704, 622)  # 520 mm are 104 px: 5 mm a pixel
CAR, LORRY = Box(520, 300, 780, 660), Box(400, 0, 1000, 700)


class Eyes:
    """A detector that finds what it was told to, and a reader that reads the same plate everywhere."""

    name = "eyes"
    weights: tuple[tuple[str, str], ...] = ()

    temperature = None

    def __init__(self, *found: tuple[Kind, Box], legibility: float = 1.0, p_whole: float = 1.0) -> None:
        self._found = tuple(Detection(kind, box, 0.9) for kind, box in found)
        self._legibility, self._p_whole = legibility, p_whole

    def find(self, frame: Frame, region: Box) -> tuple[Detection, ...]:
        return self._found

    def read(self, frame: Frame, plate: Detection) -> Reading | None:
        assert plate.kind is Kind.PLATE, "only plates are read"
        p_characters = np.zeros((1, len(plates.ALPHABET)))
        p_characters[0, 0] = 1.0
        return Reading("0", p_characters, self._legibility, p_whole=self._p_whole)


def test_what_is_shown_around_a_plate_ends_below_the_windows() -> None:
    flat, tall = around(PLATE, FRAME), around(Box(600, 592, 704, 622), FRAME)
    assert 592 - tall.top_px == pytest.approx(24), "0.12 m above it"
    assert PLATE.top_px - flat.top_px == pytest.approx(22), "a plate's height, where that is less: it is seen from above"
    assert flat.right_px - PLATE.right_px == pytest.approx(100), "0.5 m"


def test_it_ends_with_the_vehicle_too() -> None:
    shown = around(PLATE, FRAME, [LORRY, CAR, Box(0, 0, 100, 100)])
    assert shown == around(PLATE, FRAME).common(CAR), "the smallest vehicle around the plate is its own"
    assert around(PLATE, FRAME, [Box(0, 0, 650, 720)]) == around(PLATE, FRAME), "one that the plate reaches out of is not"


def test_people_and_faces_are_no_sightings() -> None:
    eyes = Eyes(
        (Kind.VEHICLE, CAR), (Kind.PERSON, Box(500, 300, 560, 500)), (Kind.FACE, Box(510, 300, 530, 330)), (Kind.PLATE, PLATE)
    )
    seen = look(FRAME, [FRAME.whole], eyes, eyes)
    (sighting,) = seen.sightings
    assert (sighting.kind, sighting.plate_box, seen.unread) == (Kind.VEHICLE, PLATE, ())
    assert seen.people == (Box(500, 300, 560, 500), Box(510, 300, 530, 330)), "places to hide"
    assert look(FRAME, [FRAME.whole], Eyes((Kind.PERSON, CAR), (Kind.FACE, CAR)), eyes).sightings == ()


def test_a_vehicle_without_a_plate_is_no_sighting() -> None:
    eyes = Eyes((Kind.VEHICLE, CAR), (Kind.TWO_WHEELER, CAR))
    assert look(FRAME, [FRAME.whole], eyes, eyes).sightings == ()


@pytest.mark.parametrize(("legibility", "p_whole", "told"), [(1.0, 1.0, True), (0.0, 0.8, True), (0.0, 0.2, False)])
def test_one_picture_s_text_is_told_for_what_it_is_worth(legibility: float, p_whole: float, told: bool) -> None:
    eyes = Eyes((Kind.PLATE, PLATE), legibility=legibility, p_whole=p_whole)
    seen = look(FRAME, [FRAME.whole], eyes, eyes, p_text_min=0.25)
    assert (len(seen.sightings), len(seen.unread)) == ((1, 0) if told else (0, 1))
