"""Vehicles in real clips, labelled by eye (see by_eye/README.md): what the tracker makes of them, alone and behind the detector.

The labels alone say how well the tracker follows whoever is found. `benchmarks/tracking.py --parts clips` measures all; what
is asked for here is a little less than what it found, so that nobody loses it unnoticed.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from clearway.camera.clip import Clip
from clearway.edge.counting import VEHICLES
from clearway.edge.station import first_sight
from clearway.facts import Box, Kind, Sighting
from clearway.settings import Settings
from clearway.testing.followed import Following, Labelled, Told, following, labelled
from clearway.track.tracker import Tracker

LABELS = [labelled(path.read_text().splitlines()) for path in sorted((Path(__file__).parent / "by_eye").glob("*.jsonl"))]
VIDEO = Path(__file__).parents[2] / "../shared/data/video"
AT = datetime(2026, 11, 26, tzinfo=UTC)
# Two thirds of what is there to label lie in these; the others have hours of nothing, or a night in which little is found.
SEEN = [one for one in LABELS if "otvision" in one.clip or one.clip in ("anmspro_test1.mp4", "tfl_jamcam/625_201708311646.mp4")]


def followed(labels: Labelled, looked: Mapping[int, list[tuple[Kind, Box, float]]], lost_after_s: float) -> Following:
    """How well the tracker follows the labelled vehicles, given what was found in the frames that were looked at."""
    made = Tracker("clip", lost_after_s=lost_after_s, judged_after_s=3600.0, plate_p_min=0.5)
    told: dict[int, list[Told]] = {}
    for frame, found in sorted(looked.items()):
        at = AT + timedelta(seconds=frame / labels.frames_per_s)
        seen = [Sighting(frame, at, kind, box, p) for kind, box, p in found]
        made.update(at, seen, 0.0)
        taken_for = {id(track.last): int(track.id.rpartition("/")[2]) for track in made._tracks}
        told[frame] = [(one.box, taken_for.get(id(one))) for one in seen]
    return following(labels, told)


def every_look(looks_per_s: float, lost_after_s: float, found: Callable[[Box], Box | None] = lambda box: box) -> Following:
    total = Following()
    for labels in LABELS:
        every = max(1, round(labels.frames_per_s / looks_per_s))
        for start in range(every):
            looked = {}
            for frame in range(labels.first + start, labels.last + 1, every):
                boxes = [found(box) for _, box, _ in labels.seen(frame)]
                looked[frame] = [(Kind.VEHICLE, box, 1.0) for box in boxes if box is not None]
            total += followed(labels, looked, lost_after_s)
    return total


def test_enough_was_labelled() -> None:
    assert len(LABELS) >= 6 and sum(one.last - one.first + 1 for one in LABELS) >= 600


@pytest.mark.parametrize(("looks_per_s", "lost_after_s"), [(4.0, 2.5), (8.0, 1.5), (25.0, 1.5)])
def test_whoever_is_found_is_followed(looks_per_s: float, lost_after_s: float) -> None:
    score = every_look(looks_per_s, lost_after_s)
    assert score.idf1 >= 0.99
    assert score.switches <= 0.02 * score.vehicles


def test_a_detector_that_misses_one_in_five_and_strays_costs_little() -> None:
    dice = np.random.default_rng(1)

    def found(box: Box) -> Box | None:
        strays = dice.normal(0, 0.03, 4) * (box.width_px, box.height_px, box.width_px, box.height_px)
        edges = np.array((box.left_px, box.top_px, box.right_px, box.bottom_px)) + strays
        return Box(*map(float, edges)) if dice.random() >= 0.2 else None

    score = every_look(8.0, 1.5, found)
    assert 0.7 < score.found / score.truths < 0.85
    assert score.idf1_of_found >= 0.97


@pytest.mark.skipif(not VIDEO.exists(), reason="../shared/data is not here")
def test_what_our_own_detector_finds_is_followed() -> None:
    """As `watch` looks, four times a second. Takes about ten seconds."""
    settings = Settings.model_validate(
        {"sight": {"detector": {"family": "clearway-street"}, "reader": {"family": "clearway-plate"}}}
    )
    detector, _ = first_sight(settings)
    total = Following()
    for labels in SEEN:
        every = round(labels.frames_per_s / settings.camera.looks_per_s)
        looked = {}
        for frame in Clip(VIDEO / labels.clip, "clip", 0.0):
            if labels.first <= frame.number <= labels.last and frame.number % every == 0:
                found = [one for one in detector.find(frame, frame.whole) if one.kind in VEHICLES]
                looked[frame.number] = [(one.kind, one.box, one.p) for one in found]
        total += followed(labels, looked, settings.track.lost_after_s)
    assert total.found >= 0.8 * total.truths
    assert total.idf1 >= 0.7
    assert total.idf1_of_found >= 0.9
