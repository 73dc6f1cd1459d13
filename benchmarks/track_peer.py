"""The peers' side of `benchmarks/tracking.py`: a tracker library behind a pipe, whose packages need not live beside ours.

    /path/to/its/python benchmarks/track_peer.py norfair | bytetrack | sort  LOOKS_PER_S  LOST_AFTER_S

Lines on stdin are looks: {"missed": frames dropped since the last, "boxes": [[left, top, right, bottom, p], …]}; each is answered
by a line with the vehicle's number for each box, null where the library gives it none. The last line is {"cpu_ms": …}, of all
looks. This file imports nothing of Clearway.
"""

import json
import sys
import time
from importlib import import_module
from typing import Any

import numpy as np


class Norfair:
    """norfair as its guide has boxes tracked, by intersection over union; a vehicle counts from its first box on, as with us."""

    def __init__(self, looks_per_s: float, lost_after_s: float) -> None:
        norfair = import_module("norfair")
        self._detection = norfair.Detection
        lost = max(1, round(lost_after_s * looks_per_s))
        self._tracker = norfair.Tracker("iou", distance_threshold=0.9, hit_counter_max=lost, initialization_delay=0)

    def update(self, missed: int, boxes: np.ndarray) -> list[int | None]:
        found = [self._detection(points=box[:4].reshape(2, 2), data=n) for n, box in enumerate(boxes)]
        ids: list[int | None] = [None] * len(boxes)
        for one in self._tracker.update(found, period=1 + missed):
            if one.last_detection in found:
                ids[one.last_detection.data] = one.id
        return ids


class Roboflow:
    """ByteTrack or SORT of `trackers`; thresholds low enough that every box may begin a vehicle."""

    def __init__(self, made: Any, looks_per_s: float, lost_after_s: float) -> None:
        self._supervision = import_module("supervision")
        self._tracker = made(
            lost_track_buffer=max(1, round(lost_after_s * 30)),  # counted at 30 frames a second, whatever the rate
            frame_rate=looks_per_s,
            track_activation_threshold=0.3,
            minimum_consecutive_frames=1,
            minimum_iou_threshold=0.1,
        )

    def update(self, missed: int, boxes: np.ndarray) -> list[int | None]:
        for _ in range(missed):
            self._tracker.update(self._supervision.Detections.empty())
        ids: list[int | None] = [None] * len(boxes)
        if len(boxes):
            found = self._supervision.Detections(boxes[:, :4], confidence=boxes[:, 4], class_id=np.arange(len(boxes)))
            told = self._tracker.update(found)
            for n, number in zip(told.class_id, told.tracker_id, strict=True):
                ids[int(n)] = int(number) if number is not None and number >= 0 else None
        else:
            self._tracker.update(self._supervision.Detections.empty())
        return ids


def made(library: str, looks_per_s: float, lost_after_s: float) -> Norfair | Roboflow:
    if library == "norfair":
        return Norfair(looks_per_s, lost_after_s)
    trackers = import_module("trackers")
    return Roboflow({"bytetrack": trackers.ByteTrackTracker, "sort": trackers.SORTTracker}[library], looks_per_s, lost_after_s)


def main() -> None:
    tracker = made(sys.argv[1], float(sys.argv[2]), float(sys.argv[3]))
    took_s = 0.0
    for line in sys.stdin:
        look = json.loads(line)
        boxes = np.array(look["boxes"], np.float64).reshape(-1, 5)
        began_s = time.process_time()
        ids = tracker.update(look["missed"], boxes)
        took_s += time.process_time() - began_s
        print(json.dumps(ids))
    print(json.dumps({"cpu_ms": 1000 * took_s}))


if __name__ == "__main__":
    main()
