"""Who stands where nobody may stop or park, and whether anybody stood ahead of them: looked at once a second, while there is one.

A vehicle that stands is judged by the lists within seconds, and is followed on. What stands ahead of it often shows no plate, so
here it is a place and nothing else: boxes of vehicles in memory, for as long as somebody is in a zone, and of nobody for longer.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np

from clearway.edge.surveyed import SurveyedView
from clearway.facts import Box, Frame, Kind, Passage, Sighting, Waypoint
from clearway.ports import Detector
from clearway.rules.road import apart_m
from clearway.scene import Array, NoStopping, depths_m
from clearway.track.ground import K_RECTANGLE
from clearway.track.queue import AHEAD_M, blocked

# A queue moves on within seconds, so a look a second misses none; over a longer time without a look nobody knows who was there.
LOOK_EVERY, UNLOOKED_MAX = timedelta(seconds=1), timedelta(seconds=3)
# Nobody is known to stand any longer after this long without one.
GONE_AFTER = timedelta(seconds=10)
# Parking is asked about after minutes; an hour of looks is enough for any law.
LOOKS_MAX = 3600
# Pictures of a stand that outlast the others: the first, and then one every so often; of more than so many every other one goes.
PICTURE_EVERY, PICTURES_MAX, ASKED_WITHIN = timedelta(seconds=10), 12, timedelta(seconds=60)
# Who is within this of where somebody was a second before is taken to stand: its picture is kept then, and nothing is asked yet.
STANDS_WITHIN_M = 1.0
# A vehicle reaches this far away from the camera at most from where it meets the road: the longest road train (96/53/EC).
LENGTH_MAX_M = 18.75
# How far a box's lower edge may be from where the vehicle meets the road: 1 px, and this share of its height.
FOOT_U_PX, FOOT_U_SHARE = 1.0, 0.05
# A box that the plate lies in and that meets the road within this of it is the vehicle's own; one that reaches farther is of
# somebody before it.
OWN_FOOT_M = 3.0
# How far beside and above the road ahead vehicles are looked for, as a share of it in the picture.
_AROUND_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class _Look:
    at: datetime
    vehicles: tuple[Box, ...]


class Standing:
    """The stands in one scene's zones. `finder` finds vehicles; a look in which it misses who stands there counts for nothing."""

    def __init__(self, view: SurveyedView, finder: Detector) -> None:
        self._view, self._finder = view, finder
        self._looks: deque[_Look] = deque(maxlen=LOOKS_MAX)
        self._places_m = np.empty((0, 2))
        self._seen_at: datetime | None = None
        self._pictured_at: datetime | None = None
        allowed_s = [
            view.law.stopping.allowed_s if one.forbids == "stopping" else view.law.parking.allowed_s for one in self._zones
        ]
        # Somebody is asked about when they stood for longer than is allowed; after that no picture is needed.
        self.pictures_for = timedelta(seconds=max(allowed_s, default=0.0)) + ASKED_WITHIN

    @property
    def _zones(self) -> tuple[NoStopping, ...]:
        return self._view.scene.no_stopping

    @property
    def anybody(self) -> bool:
        return self._seen_at is not None

    def begin_anew(self) -> None:
        self._looks.clear()
        self._places_m = np.empty((0, 2))
        self._seen_at = self._pictured_at = None

    def add(self, frame: Frame, sightings: Sequence[Sighting]) -> bool:
        """Looks at the frame where it is time to, by what was read in it; whether its picture is to outlast the others."""
        at = frame.captured_at
        if not self._zones:
            return False
        if self._looks and at < self._looks[-1].at:
            self.begin_anew()
        places_m = self._in_zones(sightings)
        if len(places_m):
            self._seen_at = at
        elif self._seen_at is not None and at - self._seen_at > GONE_AFTER:
            self.begin_anew()
        if self._seen_at is None or (self._looks and at - self._looks[-1].at < LOOK_EVERY):
            return False
        found = self._finder.find(frame, self._around(frame))
        vehicles = tuple(one.box for one in found if one.kind in (Kind.VEHICLE, Kind.TWO_WHEELER))
        self._looks.append(_Look(at, vehicles))
        stands = bool((np.hypot(*(places_m[:, None] - self._places_m).transpose(2, 0, 1)) < STANDS_WITHIN_M).any())
        self._places_m = places_m
        if not stands or (self._pictured_at is not None and at - self._pictured_at < PICTURE_EVERY):
            return False
        self._pictured_at = at
        return True

    def seen(self, passage: Passage) -> Passage:
        """The passage with who held it up in `drive.blocked`: None where nobody looked or can have seen, or where a signal that
        may have held it up is not read."""
        drive = passage.drive
        if drive is None or not drive.waypoints or not self._looks or self._view.unread_signal:
            return passage
        own = drive.waypoints[len(drive.waypoints) // 2]
        zone = next((one for one in self._zones if _deep_m(one, own) > 0), None)
        if zone is None or not self._view.sees_ahead((own.along_m, own.across_m), zone.towards):
            return passage
        first_at, last_at = drive.waypoints[0].at, drive.waypoints[-1].at
        # A look that missed the vehicle itself says nothing of who else is there.
        looks = [
            look
            for look in self._looks
            if first_at <= look.at <= last_at and any(_lies_in(passage, look, box) for box in look.vehicles)
        ]
        times = [first_at, *(look.at for look in looks), last_at]
        unlooked = [(a, b) for a, b in pairwise(times) if b - a > UNLOOKED_MAX]

        def own_box(look: _Look, box: Box, way: Sequence[Waypoint]) -> bool:
            mine = min(drive.waypoints, key=lambda waypoint: abs(waypoint.at - look.at))
            return _lies_in(passage, look, box) and apart_m(mine, way[0]) <= OWN_FOOT_M

        others = [
            way for look in looks for box in look.vehicles if (way := self._places(look.at, box)) and not own_box(look, box, way)
        ]
        return replace(
            passage, drive=replace(drive, blocked=_joined([*unlooked, *blocked(drive.waypoints, others, zone.towards)]))
        )

    def _in_zones(self, sightings: Sequence[Sighting]) -> Array:
        """Where in any zone a plate was read, (n, 2) metres."""
        read = [one.plate_box.centre_px for one in sightings if one.plate_box is not None and one.reading is not None]
        if not read:
            return np.empty((0, 2))
        places_m, _, _ = self._view.ground.places(np.array(read))
        places_m = places_m[~np.isnan(places_m).any(axis=1)]
        deep_m = [depths_m(zone.zone_m, places_m) for zone in self._zones]
        return np.asarray(places_m[np.max(deep_m, axis=0) > 0])

    def _around(self, frame: Frame) -> Box:
        """The part of the picture that shows the zones and the road ahead of them."""
        ahead = [np.array(zone.towards) / np.hypot(*zone.towards) * AHEAD_M for zone in self._zones]
        near = [np.array(zone.zone_m) for zone in self._zones]
        corners = np.concatenate([*near, *(corners + by for corners, by in zip(near, ahead, strict=True))])
        px = self._view.ground.plane.pictured(corners)
        if np.isnan(px).any():
            return frame.whole
        (left, top), (right, bottom) = px.min(axis=0), px.max(axis=0)
        box = Box(float(left), float(top), float(right) + 1, float(bottom) + 1)
        return box.grown(_AROUND_SHARE * max(box.width_px, box.height_px)).within(frame.width_px, frame.height_px) or frame.whole

    def _places(self, at: datetime, box: Box) -> tuple[Waypoint, ...]:
        """Where on the road that vehicle stands: from where its box meets it, away from the camera for as long as it may be."""
        plane, camera = self._view.ground.plane, self._view.scene.calibration.camera
        x = (box.left_px + box.right_px) / 2
        u_px = FOOT_U_PX + FOOT_U_SHARE * box.height_px
        feet = np.array([(x, box.bottom_px), (x, box.top_px)])
        (foot_m, top_m), covariance = plane.on_road(feet)[0], plane.covariance(feet[:1], u_px)[0]
        if np.isnan(foot_m).any() or np.isnan(covariance).any():
            return ()
        away = foot_m - (camera.along_m, camera.across_m)
        away = away / max(float(np.hypot(*away)), 1e-6)
        # Over the horizon its top tells nothing; else its rear cannot be farther than the road that its top hides.
        long_m = LENGTH_MAX_M if np.isnan(top_m).any() else min(LENGTH_MAX_M, float(np.hypot(*(top_m - foot_m))))
        error_m = K_RECTANGLE * np.sqrt(np.diagonal(covariance))
        places = [foot_m + away * long_m * share for share in (0.0, 0.25, 0.5, 0.75, 1.0)]
        return tuple(Waypoint(at, *map(float, place), *map(float, error_m)) for place in places)


def _deep_m(zone: NoStopping, place: Waypoint) -> float:
    return float(depths_m(zone.zone_m, np.array([(place.along_m, place.across_m)]))[0])


def _lies_in(passage: Passage, look: _Look, box: Box) -> bool:
    """Whether the passage's plate lay in that box."""
    nearest = min(passage.sightings, key=lambda sighting: abs(sighting.captured_at - look.at))
    if nearest.plate_box is None:
        return False
    x, y = nearest.plate_box.centre_px
    return box.left_px <= x < box.right_px and box.top_px <= y < box.bottom_px


def _joined(spans: Sequence[tuple[datetime, datetime]]) -> tuple[tuple[datetime, datetime], ...]:
    joined: list[tuple[datetime, datetime]] = []
    for since, until in sorted(spans):
        if joined and since <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], until)
        else:
            joined.append((since, until))
    return tuple(joined)
