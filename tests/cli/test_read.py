"""What `clearway read` tells of one reading."""

import numpy as np
import pytest

from clearway import plates
from clearway.cli.read import told
from clearway.facts import Box, Reading

BOX = Box(10, 10, 110, 32)


def reading(legibility: float, p_whole: float) -> Reading:
    rows = np.zeros((7, len(plates.ALPHABET)))
    for place, character in enumerate("AB12CDE"):
        rows[place, plates.PLACE[character]] = 0.99
    return Reading("AB12CDE", rows, legibility, p_whole=p_whole)


def test_a_plate_that_may_not_be_whole_is_told_with_less_p() -> None:
    whole, doubtful = told(BOX, reading(0.98, 0.98)), told(BOX, reading(0.0, 0.5))
    assert whole["text"] == doubtful["text"] == "AB12CDE"
    assert doubtful["p"] == pytest.approx(float(str(whole["p"])) * 0.5 / 0.98, abs=0.01)
    assert min(doubtful["p_characters"]) > 0.9, "its characters were read as well as ever"  # type: ignore[call-overload]


def test_a_plate_that_the_picture_cuts_is_told_with_no_p() -> None:
    assert told(BOX, reading(0.0, 0.0))["p"] == 0.0
