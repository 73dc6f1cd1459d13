"""fast-alpr's detector and reader, by our door: found and read as fast-alpr itself finds and reads."""

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from tests.sight import networks

from clearway.camera.stills import read_picture
from clearway.errors import InstallationError
from clearway.facts import Box, Detection, Frame, Kind
from clearway.sight.fast_alpr import CctReader, YoloDetector
from clearway.testing import contracts

SHARED = Path(__file__).parents[2] / "../shared"
PEER, SCENES = SHARED / "peers/fast_alpr/weights", SHARED / "data/plates/measure/scenes/openalpr_eu"
AT = datetime(2026, 11, 22, 8, tzinfo=UTC)
# What fast-alpr 0.4.0 says of the first three pictures, plates that it read (its box's edges are whole pixels).
SAID = [("1B25790", (97, 162, 201, 192)), ("RK262AH", (79, 180, 158, 199)), ("PP587AO", (188, 209, 292, 235))]

pytestmark = pytest.mark.skipif(not (PEER.exists() and SCENES.exists()), reason="../shared/peers or ../shared/data is not here")


@pytest.fixture(scope="module")
def eyes() -> tuple[YoloDetector, CctReader]:
    detector = YoloDetector(networks.weights(PEER / "yolo-v9-t-416-rebuilt-fp32.onnx"), threads=1)
    return detector, CctReader(networks.weights(PEER / "cct_xs_v2_global.onnx"), threads=1)


def test_it_says_what_fast_alpr_says(eyes: tuple[YoloDetector, CctReader]) -> None:
    detector, reader = eyes
    rows = [json.loads(line) for line in (SCENES / "labels.jsonl").read_text(encoding="utf-8").splitlines()]
    for row, (text, box) in zip(rows, SAID, strict=False):
        frame = Frame("test", 0, AT, 0.0, read_picture(SCENES / row["image"])[0])
        plate = detector.find(frame, frame.whole)[0]
        reading = reader.read(frame, plate)
        assert plate.box.overlap(Box(*box)) > 0.9
        assert reading is not None and reading.text == text


def test_they_keep_the_contracts(eyes: tuple[YoloDetector, CctReader]) -> None:
    detector, reader = eyes
    frame = Frame("test", 0, AT, 0.0, np.random.default_rng(2).integers(0, 256, (360, 640, 3), np.uint8))
    contracts.detector(detector, [frame])
    contracts.reader(reader, [frame], [Box(0, 0, 3, 3), Box(10, 10, 200, 60)])
    for hostile in contracts.hostile_frames(AT):
        detector.find(hostile, hostile.whole)
        reader.read(hostile, Detection(Kind.PLATE, hostile.whole, 1.0))


def test_one_s_weights_are_not_the_other_s() -> None:
    with pytest.raises(InstallationError, match="takes input, not images alone"):
        YoloDetector(networks.weights(PEER / "cct_xs_v2_global.onnx"))
    with pytest.raises(InstallationError, match="takes images, not input alone"):
        CctReader(networks.weights(PEER / "yolo-v9-t-416-rebuilt-fp32.onnx"))
