"""A source in, counts out: the detector finds vehicles and people, the tracker follows vehicles, the tally counts.

No reader takes part, so no plate is ever read. No picture outlives its look, but for the small ones by which a camera that was
moved is noticed: those are held for 22 s, in memory.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from clearway.errors import SettingsError
from clearway.facts import Box, Detection, Frame, Kind, Passage, Sighting
from clearway.ports import Detector, Source
from clearway.scene import Scene
from clearway.sight.view import ViewWatch
from clearway.track.ground import ERROR_M_MAX, K_RECTANGLE, Plane
from clearway.track.tally import Tally
from clearway.track.tracker import Tracker

Array = NDArray[np.float64]

# How often a frame is looked at: often enough that vehicles close together stay apart, and no more.
LOOKS_PER_S = 8.0
# A person who shares this much with a vehicle sits in it or on it.
ABOARD_SHARE = 0.35
# Boxes end a few pixels from where wheels or feet stand.
FOOT_U_PX = 3.0
VEHICLES = (Kind.VEHICLE, Kind.TWO_WHEELER)


class Counting:
    """One run over a source. SettingsError where its pictures are not of the size that was surveyed."""

    def __init__(self, source: Source, scene: Scene, detector: Detector, *, lost_after_s: float = 1.5) -> None:
        self._source, self._scene, self._detector = source, scene, detector
        self._plane = Plane(scene.calibration.survey, scene.calibration.lens)
        self._plane.refuse_contradiction()
        self._tracker = Tracker(source.camera, lost_after_s=lost_after_s, judged_after_s=3600.0, plate_p_min=1.0)
        self._watch = ViewWatch(scene.view) if scene.view is not None else None
        self.tally = Tally(scene)
        self.unsteady_s = 0.0

    def run(self) -> Iterator[Frame]:
        """Each frame once it has been taken in; the tally is whole when they end."""
        due_at = last_at = None
        for frame in self._source:
            if (frame.width_px, frame.height_px) != self._scene.picture_px:
                raise SettingsError(
                    f"the pictures have {frame.width_px} x {frame.height_px} pixels, and the scene was surveyed in "
                    f"{self._scene.picture_px[0]} x {self._scene.picture_px[1]}.",
                    remedy="set the camera to that size, or calibrate the view anew.",
                )
            if due_at is None or frame.captured_at >= due_at:
                due_at = max(frame.captured_at, due_at or frame.captured_at) + timedelta(seconds=1 / LOOKS_PER_S)
                if self._steady(frame):
                    self._look(frame)
                elif last_at is not None:
                    self.unsteady_s += (frame.captured_at - last_at).total_seconds()
                last_at = frame.captured_at
            yield frame
        self._count(self._tracker.finish())

    def _steady(self, frame: Frame) -> bool:
        """Whether the camera still looks where it was surveyed; where nobody wrote down how it looked, it is taken to."""
        return self._watch is None or not self._watch.add(frame).amiss

    def _look(self, frame: Frame) -> None:
        found = self._detector.find(frame, frame.whole)
        vehicles = [one for one in found if one.kind in VEHICLES]
        sightings = [Sighting(frame.number, frame.captured_at, one.kind, one.box, one.p) for one in vehicles]
        self._count(self._tracker.update(frame.captured_at, sightings, frame.clock_error_ms))
        people = [one for one in found if one.kind is Kind.PERSON and not _aboard(one, vehicles)]
        self.tally.people(frame.captured_at, self._on_road([one.box for one in people]))

    def _count(self, passages: tuple[Passage, ...]) -> None:
        for passage in passages:
            kinds = [sighting.kind for sighting in passage.sightings]
            times: list[datetime] = [sighting.captured_at for sighting in passage.sightings]
            self.tally.passed(max(VEHICLES, key=kinds.count), times, self._on_road([one.box for one in passage.sightings]))

    def _on_road(self, boxes: list[Box]) -> Array:
        """Where they stand, (n, 2) metres: the middle of their lower edge. Nan where that is not known to a few metres."""
        if not boxes:
            return np.empty((0, 2))
        px = np.array([((box.left_px + box.right_px) / 2, box.bottom_px) for box in boxes])
        places_m, covariance = self._plane.on_road(px)[0], self._plane.covariance(px, FOOT_U_PX)
        error_m = K_RECTANGLE * np.sqrt(np.diagonal(covariance, axis1=1, axis2=2).max(axis=1))
        # At the lower edge of the picture a box ends where the picture does.
        cut = px[:, 1] >= self._scene.picture_px[1] - 2
        places_m[cut | ~(error_m <= ERROR_M_MAX)] = np.nan
        return places_m


def _aboard(person: Detection, vehicles: list[Detection]) -> bool:
    return any(person.box.shared_px(one.box) > ABOARD_SHARE * person.box.area_px for one in vehicles)
