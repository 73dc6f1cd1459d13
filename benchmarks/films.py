"""What the shipped detector finds in the frames of a clip, kept in a folder: it takes most of the time of whoever asks twice. And
clips as cameras of other resolutions would have filmed them."""

import json
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice
from pathlib import Path

import cv2
import numpy as np

from clearway.camera import film
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


def scaled(source: Path, height_px: int, path: Path, frames_max: int | None = None) -> Path:
    """The clip, or its first frames, in so many lines and at its own pace, written to `path`."""
    frames = islice(Clip(source, "clip", 0.0), frames_max)
    first = next(frames)
    width_px = round(first.width_px * height_px / first.height_px / 2) * 2
    with film.Film(path, width_px, height_px, None, 25.0) as to:
        for frame in chain([first], frames):
            pixels = np.asarray(cv2.resize(frame.pixels, (width_px, height_px)), np.uint8)
            to.add(pixels, (frame.captured_at - first.captured_at).total_seconds())
    return path
