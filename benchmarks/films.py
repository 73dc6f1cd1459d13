"""What the shipped detector finds in the frames of a clip, kept in a folder: it takes most of the time of whoever asks twice."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from clearway.camera.clip import Clip
from clearway.edge.counting import VEHICLES
from clearway.edge.station import first_sight
from clearway.facts import Box, Kind, Sighting
from clearway.settings import Settings
from sets import SHARED

VIDEO = SHARED / "data/video"
OUR_OWN = Settings.model_validate({"sight": {"detector": {"family": "clearway-street"}, "reader": {"family": "clearway-plate"}}})


@dataclass(frozen=True, slots=True)
class Film:
    """The vehicles in each frame of a clip, by number, and when each frame was taken."""

    at: tuple[datetime, ...]
    seen: tuple[tuple[Sighting, ...], ...]


def filmed(name: str, cache: Path) -> Film:
    """The clip of that name in VIDEO, from the folder or by the detector; other weights are kept apart."""
    detector, _ = first_sight(OUR_OWN)
    kept = cache / f"{Path(name).stem}-{detector.weights[0][1][:8]}.json"
    if not kept.exists():
        rows = []
        for frame in Clip(VIDEO / name, "clip", 0.0):
            found = [one for one in detector.find(frame, frame.whole) if one.kind in VEHICLES]
            boxes = [[one.box.left_px, one.box.top_px, one.box.right_px, one.box.bottom_px, one.p] for one in found]
            rows.append([frame.captured_at.isoformat(), [[one.kind, *row] for one, row in zip(found, boxes, strict=True)]])
        cache.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(rows))
    rows = json.loads(kept.read_text())
    at = tuple(datetime.fromisoformat(time) for time, _ in rows)
    seen = tuple(
        tuple(Sighting(number, at[number], Kind(kind), Box(*edges), p) for kind, *edges, p in boxes)
        for number, (_, boxes) in enumerate(rows)
    )
    return Film(at, seen)
