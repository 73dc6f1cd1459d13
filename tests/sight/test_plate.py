"""Our reader's own work, with a network that says what it was made to say: decoding, doubt, edges, and what is no plate."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from tests.sight import networks

from clearway import plates
from clearway.facts import Box, Detection, Frame, Kind, Pixels, Reading
from clearway.sight.crop import LONG_SIDE_MAX_PX, upright
from clearway.sight.plate import PlateReader, _spikes
from clearway.testing import contracts

AT = datetime(2026, 11, 22, 8, tzinfo=UTC)
DICE = np.random.default_rng(7)
ROAD: Pixels = DICE.integers(0, 256, (200, 400, 3), np.uint8)
PLACE = Box(100, 80, 260, 120)


def framed(pixels: Pixels) -> Frame:
    return Frame("test", 0, AT, 0.0, pixels)


def read(path: Path, pixels: Pixels = ROAD, place: Box = PLACE, **made: Any) -> Reading | None:
    """What a reader whose network was made like that says of that place."""
    reader = PlateReader(networks.plate(path / "plate.onnx", **made), threads=1)
    return reader.read(framed(pixels), Detection(Kind.PLATE, place, 0.9))


def test_a_plate_is_read_with_its_doubt(tmp_path: Path) -> None:
    reading = read(tmp_path, lanes=("AB12CDE", "", ""), p=0.9, p_whole=0.95)
    assert reading is not None
    assert (reading.text, reading.region) == ("AB12CDE", "GB")
    assert reading.legibility == pytest.approx(0.95)
    assert reading.p_characters.max(axis=1) == pytest.approx([0.9] * 7, abs=1e-3)
    assert reading.p_characters.sum(axis=1) == pytest.approx([0.9] * 7, abs=1e-3), "the rest says that nothing stands there"


def test_two_lines_are_one_text(tmp_path: Path) -> None:
    reading = read(tmp_path, lanes=("", "AA12", "34BB"))
    assert reading is not None and reading.text == "AA1234BB"


@pytest.mark.parametrize(
    ("made", "why"),
    [
        ({"lanes": ("", "", "")}, "nothing is written there"),
        ({"lanes": ("AB12CDE", "AB12", "CDE99")}, "no plate has sixteen characters"),
        ({"lanes": ("JAC", "", "")}, "a maker's name"),
        ({"lanes": ("SALVADOR", "", ""), "p": 0.7}, "of no form, and not sure"),
    ],
)
def test_what_reads_like_no_plate_is_none(made: dict[str, Any], why: str, tmp_path: Path) -> None:
    assert read(tmp_path, **made) is None, why


def test_a_plate_that_is_probably_not_whole_is_not_trusted_as_whole(tmp_path: Path) -> None:
    reading = read(tmp_path, p_whole=0.4)
    assert reading is not None and reading.legibility == 0.0
    assert reading.p_whole == pytest.approx(0.4), "and how sure that is is kept"


def test_a_plate_at_the_frame_s_edge_is_cut(tmp_path: Path) -> None:
    for place in (Box(0, 80, 160, 120), Box(239, 80, 399, 120), Box(100, 0, 260, 40), Box(100, 159, 260, 199)):
        reading = read(tmp_path, place=place)
        assert reading is not None and (reading.legibility, reading.p_whole) == (0.0, 0.0)
    whole = read(tmp_path, place=Box(0, 0, 400, 200))
    assert whole is not None and whole.legibility > 0, "unless the picture is the plate"


def test_a_region_that_is_not_clear_is_unknown(tmp_path: Path) -> None:
    reading = read(tmp_path, p_region=(0.2, 0.4, 0.4), says={"regions": "unknown GB FR"})
    assert reading is not None and reading.region == "unknown"


@pytest.mark.parametrize(
    ("name", "pixels", "place"),
    [
        ("black", np.zeros((200, 400, 3), np.uint8), PLACE),
        ("white", np.full((200, 400, 3), 255, np.uint8), PLACE),
        ("a slow gradient", np.linspace(100, 106, 400).astype(np.uint8)[None, :, None].repeat(200, 0).repeat(3, 2), PLACE),
        ("a crop 3 px high", ROAD[:3], Box(0, 0, 400, 3)),
        ("a place 3 px high", ROAD, Box(100, 80, 260, 83)),
        ("a place 3 px wide", ROAD, Box(100, 80, 102, 120)),
        ("one pixel", ROAD[:1, :1], Box(0, 0, 1, 1)),
        ("a place outside", ROAD, Box(900, 900, 960, 920)),
    ],
)
def test_where_nothing_can_be_read_nothing_is(name: str, pixels: Pixels, place: Box, tmp_path: Path) -> None:
    """Whatever the network says: it was never asked."""
    assert read(tmp_path, pixels, place) is None


@pytest.mark.parametrize(
    "corners",
    [
        ((100, 80), (100, 80), (100, 80), (100, 80)),  # one point
        ((100, 80), (260, 120), (100, 80), (260, 120)),  # a line
        ((260, 120), (100, 120), (100, 80), (260, 80)),  # upside down
        ((-1e9, -1e9), (1e9, -1e9), (1e9, 1e9), (-1e9, 1e9)),  # larger than the world
        ((100, 80), (float("nan"), 80), (260, 120), (100, 120)),
        ((100, 80), (float("inf"), 80), (260, 120), (100, 120)),
    ],
)
def test_no_corners_make_it_raise(corners: tuple[tuple[float, float], ...], tmp_path: Path) -> None:
    reader = PlateReader(networks.plate(tmp_path / "plate.onnx"), threads=1)
    reader.read(framed(ROAD), Detection(Kind.PLATE, PLACE, 0.9, corners))


def test_it_keeps_the_contract(tmp_path: Path) -> None:
    made = PlateReader(networks.plate(tmp_path / "plate.onnx"), threads=1)
    contracts.reader(made, [framed(ROAD)], [PLACE, Box(0, 0, 3, 3), Box(10, 10, 200, 60)])
    for frame in contracts.hostile_frames(AT):
        made.read(frame, Detection(Kind.PLATE, frame.whole, 1.0))


# --- decoding ---


def logs(*steps: dict[str, float]) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """One lane: each step gives these characters their probabilities and the rest to the blank."""
    p = np.zeros((len(steps), 1 + len(plates.ALPHABET)))
    for row, step in zip(p, steps, strict=True):
        row[0] = 1 - sum(step.values())
        for character, share in step.items():
            row[1 + plates.PLACE[character]] = share
    return np.log(np.maximum(p, 1e-12))


def told(*steps: dict[str, float], temperature: float = 1.0) -> list[dict[str, float]]:
    rows = _spikes(logs(*steps), temperature)
    return [{plates.ALPHABET[i]: round(float(row[i]), 3) for i in np.flatnonzero(row > 0.01)} for row in rows]


def test_a_run_is_one_character_and_a_blank_parts_two_of_a_kind() -> None:
    assert told({"A": 0.9}, {"A": 0.9}, {}, {"A": 0.9}) == [{"A": 0.99}, {"A": 0.9}]
    assert told({"A": 0.9}, {"B": 0.8}) == [{"A": 0.9}, {"B": 0.8}]
    assert told({}, {}) == []


def test_the_doubt_between_characters_is_the_surest_step_s() -> None:
    """Two steps that say the same leave one in a hundred that nothing stands there; O takes its share of the rest."""
    assert told({"0": 0.6, "O": 0.3}, {"0": 0.7, "O": 0.2}) == [{"0": 0.77, "O": 0.22}]


def test_a_temperature_takes_belief_away() -> None:
    (sure,), (warm,) = told({"A": 0.9}), told({"A": 0.9}, temperature=2.0)
    assert warm["A"] < sure["A"]


# --- out of the frame ---


def test_a_slanting_plate_is_made_upright() -> None:
    """Stripes drawn along a plate that hangs askew stand straight in its picture."""
    flat = np.zeros((40, 160, 3), np.uint8)
    flat[:, np.arange(160) % 16 < 4] = 255
    corners = ((100.0, 60.0), (250.0, 90.0), (246.0, 132.0), (98.0, 98.0))
    warp = cv2.getPerspectiveTransform(
        np.array([[0, 0], [160, 0], [160, 40], [0, 40]], np.float32), np.array(corners, np.float32)
    )
    pixels = np.asarray(cv2.warpPerspective(flat, warp, (400, 200)), np.uint8)
    seen = upright(framed(pixels), Detection(Kind.PLATE, Box(98, 60, 250, 132), 0.9, corners))
    assert seen is not None
    columns = cv2.resize(seen, (160, 40), interpolation=cv2.INTER_AREA)[4:-4].mean(axis=(0, 2))
    assert np.corrcoef(columns, flat.mean(axis=(0, 2)))[0, 1] > 0.8


def test_a_margin_is_shown_around_it_and_a_box_is_exact() -> None:
    exact = upright(framed(ROAD), Detection(Kind.PLATE, PLACE, 0.9))
    assert exact is not None and np.abs(exact.astype(int) - ROAD[80:120, 100:260]).max() <= 1
    wide = upright(framed(ROAD), Detection(Kind.PLATE, PLACE, 0.9), (0.1, 0.2))
    assert wide is not None and wide.shape == (56, 192, 3)
    assert np.abs(wide[8:-8, 16:-16].astype(int) - exact).max() <= 1


def test_a_huge_plate_is_made_smaller_first() -> None:
    large = framed(np.zeros((3000, 8000, 3), np.uint8))
    seen = upright(large, Detection(Kind.PLATE, Box(10, 10, 7990, 2990), 0.9))
    assert seen is not None and max(seen.shape) <= LONG_SIDE_MAX_PX
