"""A Chinese city road of eight lanes, 720 lines: what may be told there, and that nothing else is. Takes about half a minute.

The truth was made by eye, from the best frame of every vehicle whose plate is wider than 36 px, and of one that is narrower. No
plate grows past 60 px in this clip; the widest are 51. What is written on buses and barriers is no plate.
"""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from clearway.camera.clip import Clip
from clearway.edge.station import first_sight
from clearway.facts import Passage
from clearway.settings import Settings
from clearway.sight.look import look
from clearway.track.tracker import Tracker

CLIP = Path(__file__).parents[2] / "../shared/data/video/anmspro_test1.mp4"
pytestmark = pytest.mark.skipif(not CLIP.exists(), reason="../shared/data is not here")

# Width of the plate at its widest, and what the eye reads; where it cannot decide, each reading that it allows.
TRUTH = (
    (51, ("粤BUB357",)),
    (48, ("粤B7H527",)),
    (48, ("粤B87971",)),
    (45, ("粤B0326Y", "粤BD326Y")),
    (32, ("粤B33032",)),
    (39, ("粤B89F97", "粤B66F97", "粤B69F97", "粤B86F97")),
)
OUR_OWN = Settings.model_validate({"sight": {"detector": {"family": "clearway-street"}, "reader": {"family": "clearway-plate"}}})


def test_a_city_road_tells_no_plate_that_is_not_there() -> None:
    sight = first_sight(OUR_OWN)
    tracker = Tracker("c", **OUR_OWN.track.model_dump())
    told: list[Passage] = []
    due_at: datetime | None = None
    for frame in Clip(CLIP, "c", 0.0):
        if due_at is not None and frame.captured_at < due_at:
            continue
        due_at = frame.captured_at + timedelta(seconds=1 / OUR_OWN.camera.looks_per_s)
        told += tracker.update(frame.captured_at, look(frame, [frame.whole], *sight).sightings, frame.clock_error_ms)
    told += tracker.finish()
    texts = [passage.plate.text for passage in told if passage.plate]
    allowed = [text for _, readings in TRUTH for text in readings]
    assert set(texts) <= set(allowed)
    assert len(texts) == len(set(texts)), "each vehicle once"
    assert "粤B7H527" in texts
