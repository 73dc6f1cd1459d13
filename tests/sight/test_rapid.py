"""The real detector and reader, on drawn plates, on the simulated road and on real pictures."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest

from clearway import plates
from clearway.camera.stills import read_picture
from clearway.facts import Box, Detection, Frame, Kind, Pixels
from clearway.sight.look import look
from clearway.sight.rapid import CLOCK, RapidDetector, RapidReader
from clearway.testing.road import Road
from clearway.track.fusion import fuse

AT = datetime(2026, 11, 22, 8, tzinfo=UTC)
SCENES = Path(__file__).parents[2] / "../shared/data/plates/measure/scenes"
# Share of plates that must be read exactly; a plain wiring of RapidOCR reaches .85, .69 and .95.
FULL_PLATES_MIN = {"openalpr_eu": 0.82, "openalpr_us": 0.66, "openalpr_br": 0.92}


@pytest.fixture(scope="module")
def eyes() -> tuple[RapidDetector, RapidReader]:
    return RapidDetector(threads=2), RapidReader(threads=2)


def framed(pixels: Pixels) -> Frame:
    return Frame("test", 0, AT, 0.0, pixels)


def drawn(text: str, *, x: int = 200, y: int = 150) -> Frame:
    """A white plate with black text on a grey car park."""
    pixels = np.full((300, 640, 3), 120, np.uint8)
    cv2.rectangle(pixels, (x, y), (x + 240, y + 56), (255, 255, 255), -1)
    cv2.putText(pixels, text, (x + 10, y + 42), cv2.FONT_HERSHEY_SIMPLEX, 1.3, (0, 0, 0), 4, cv2.LINE_AA)
    return framed(pixels)


def test_a_drawn_plate_is_found_and_read(eyes: tuple[RapidDetector, RapidReader]) -> None:
    frame = drawn("KB48 XCV")
    (sighting,) = look(frame, [frame.whole], *eyes).sightings
    assert sighting.reading is not None and sighting.plate_box is not None
    assert sighting.reading.text == "KB48XCV"
    assert sighting.plate_box.shared_px(Box(200, 150, 440, 206)) > 0.7 * sighting.plate_box.area_px
    assert sighting.box.shared_px(sighting.plate_box) == pytest.approx(sighting.plate_box.area_px)


def test_a_plate_cut_by_the_frame_is_not_trusted(eyes: tuple[RapidDetector, RapidReader]) -> None:
    whole = drawn("KB48 XCV", x=380)
    cut = framed(whole.pixels[:, :540].copy())
    for sighting in look(cut, [cut.whole], *eyes).sightings:
        assert sighting.reading is not None
        assert sighting.reading.legibility == 0.0


@pytest.mark.parametrize("words", ["2026-11-22 08:04:34", "2026-11-22", "08:04:34", "22/11/2026", "CAMERA", "E-PASS LANE"])
def test_words_are_no_plates(words: str, eyes: tuple[RapidDetector, RapidReader]) -> None:
    frame = framed(np.full((200, 640, 3), 30, np.uint8))
    cv2.putText(frame.pixels, words, (20, 60), cv2.FONT_HERSHEY_SIMPLEX, 1.2, (255, 255, 255), 3, cv2.LINE_AA)
    assert look(frame, [frame.whole], *eyes).sightings == ()


@pytest.mark.parametrize(
    ("line", "is_clock"),
    [
        ("2014-05-13", True),
        ("13/05/2014", True),
        ("2014-05-13 06:12", True),
        ("06:12:32", True),
        ("2014-05", True),  # a date that was found in two halves
        ("4B2:1875", False),  # the stickers between a Czech plate's characters, read as a colon
        ("RK:550AO", False),  # a Slovak one's
        ("34A-368.37", False),
        ("2020-1234", False),  # a year only by chance
    ],
)
def test_a_clock_is_told_from_a_plate(line: str, is_clock: bool) -> None:
    assert bool(CLOCK.search(line)) is is_clock


def test_vehicles_of_the_simulated_road_are_read_at_their_best(eyes: tuple[RapidDetector, RapidReader]) -> None:
    road = Road(seed=2, vehicles=6, events=False)
    for passage in road.passages:
        assert passage.best_frame is not None
        frame = road.frame(passage.best_frame)
        (plate_box,) = [v.plate_box for v in road.truth(passage.best_frame) if v.plate == passage.plate and v.plate_box]
        reading = eyes[1].read(frame, Detection(Kind.PLATE, plate_box, 1.0))
        assert reading is not None
        best = fuse([replace(reading, legibility=1.0)])  # one of them ends 2 px from the picture's edge
        assert best is not None and best.text == passage.plate


def _meet(found: Box, label: Box) -> bool:
    """As the scorer has it: most of the smaller one is shared."""
    return found.shared_px(label) >= 0.6 * min(found.area_px, label.area_px)


@pytest.mark.slow
@pytest.mark.skipif(not SCENES.exists(), reason="../shared/data is not here")
@pytest.mark.parametrize("name", FULL_PLATES_MIN)
def test_full_plates_on_real_scenes(name: str, eyes: tuple[RapidDetector, RapidReader]) -> None:
    rows = [json.loads(line) for line in (SCENES / name / "labels.jsonl").read_text(encoding="utf-8").splitlines()]
    right = total = 0
    for row in rows:
        pixels, _ = read_picture(SCENES / name / row["image"])
        frame = framed(pixels)
        sightings = look(frame, [frame.whole], *eyes).sightings
        for label in row["plates"]:
            x, y, w, h = label["box"]
            place = Box(x, y, x + w, y + h)
            near = [s for s in sightings if s.plate_box and _meet(s.plate_box, place)]
            # A plate that touches the picture's edge has no vote in a fusion; the scorer takes its text all the same.
            found = [(fuse([s.reading]), s.reading.text) for s in near if s.reading]
            said = max(((plate.p, plate.text) if plate else (0.0, text) for plate, text in found), default=(0.0, ""))
            truths = {plates.canonical(text) for text in (label["text"], *label.get("also", ()))}
            total += 1
            right += said[1] in truths
    assert right / total >= FULL_PLATES_MIN[name], f"{right} of {total}"
