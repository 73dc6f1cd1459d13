"""A clip becomes one that may be published: everything is hidden but what was named.

Two passes. The first looks at every frame and keeps places, no pictures but a few for the road. The second draws each frame anew
from a flat fill and encodes it. A new file with our own container holds the result: no sound, no metadata, nothing but pictures.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from clearway.camera.clip import Clip
from clearway.camera.film import Film
from clearway.errors import SourceError, StoreError, UsageError
from clearway.evidence.hide import Look, Track, fills, follow, is_plate
from clearway.evidence.redact import FILL_RGB, flat, reveal_on
from clearway.evidence.road import EmptyRoad, lower_half, moved
from clearway.facts import Box, Detection, Frame, Kind, Pixels
from clearway.ports import Detector

# An hour at 25 frames a second: the places of all that was found in it are held in memory.
FRAMES_MAX = 90_000
VEHICLES = (Kind.VEHICLE, Kind.TWO_WHEELER)
# What has a number was found this surely, for this long, never missed for longer than that, and each find shares so much with the
# one before. Otherwise the next vehicle in a queue would be shown under the number of the one that left.
P_MIN, VEHICLE_SEEN, VEHICLE_MISSED_MAX, VEHICLE_OVERLAP_MIN = 0.25, timedelta(seconds=0.4), timedelta(seconds=0.3), 0.5
# Shown of a vehicle whose plate is not found: the lower third of its box. The windows of a bus begin there, 1 m of 3 m above the
# road; a car's and a lorry's begin higher.
LOWER_SHARE = 1 / 3
_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Vehicle:
    """One that can be revealed: when it is in view, in seconds of the clip, and where it is at its largest."""

    number: int
    first_s: float
    last_s: float
    largest: Box
    largest_s: float


@dataclass(frozen=True, slots=True)
class Revealed:
    """What is shown: these vehicles, the road, or, with `scene`, the whole picture less people, faces and plates."""

    vehicles: frozenset[int] = frozenset()
    road: bool = False
    scene: bool = False


@dataclass(frozen=True, slots=True)
class Written:
    """What a clip holds: its `frames`, of which so many are `blank` because nobody knows what they show, and `fills` in the rest.
    `road_share` is the part of the picture in which the empty road is shown."""

    frames: int
    blank: int
    fills: int
    road_share: float


class Redaction:
    """One clip, looked at once from end to end when this is made; `on_frame` hears of each frame.

    `at_once` frames are looked at side by side, in threads, which the hider must bear. SourceError where the clip cannot be read
    to its end, or is longer than FRAMES_MAX frames.
    """

    def __init__(self, path: Path, hider: Detector, on_frame: Callable[[], None], *, road: bool, at_once: int = 1) -> None:
        self._path, self._hider = path, hider
        frames = self._frames()  # before anything else is asked of the file: it says what is wrong with it
        self._was = _identity(path)
        self._looks: list[Look] = []
        self._road = EmptyRoad() if road else None
        for frame, found in self._looked_at(frames, at_once):
            if frame.number >= FRAMES_MAX:
                raise SourceError(
                    f"{path} has more than {FRAMES_MAX:,} frames.", remedy="cut it into parts, one after the other."
                )
            if frame.number == 0:
                self._began_at, self._shape = frame.captured_at, frame.pixels.shape
            self._looks.append(Look(frame.captured_at, found))
            if self._road is not None and frame.pixels.shape == self._shape:
                self._road.add(frame)
            on_frame()
        sure = [_only(look, lambda one: one.kind in VEHICLES and one.p > P_MIN) for look in self._looks]
        self._tracks = sorted(
            (part for track in follow(sure, VEHICLES) for part in self._unbroken(track)), key=lambda track: track.places[0]
        )

    @property
    def vehicles(self) -> tuple[Vehicle, ...]:
        """Those that can be revealed, numbered from 1 in the order in which they come into view."""
        return tuple(self._vehicle(number, track) for number, track in enumerate(self._tracks, start=1))

    @property
    def frames(self) -> int:
        return len(self._looks)

    def write(self, out: Path, revealed: Revealed, on_frame: Callable[[], None]) -> Written:
        """Writes the clip to `out`, all or nothing.

        UsageError where a vehicle has no such number, StoreError where nothing can be written there, SourceError where the clip
        was changed meanwhile.
        """
        if unknown := sorted(number for number in revealed.vehicles if not 1 <= number <= len(self._tracks)):
            raise UsageError(
                f"there is no vehicle {unknown[0]} in {self._path}: {_count(len(self._tracks))} found.",
                remedy="run the command without --out: it lists the vehicles with their numbers, times and places.",
            )
        ways = {number: self._way(self._tracks[number - 1]) for number in sorted(revealed.vehicles)}
        others = [self._way(track) for number, track in enumerate(self._tracks, start=1) if number not in ways] if ways else []
        shown = [[way[place] for way in ways.values() if place in way] for place in range(self.frames)]
        hidden = self._hidden(shown)
        ground = self._ground(revealed.road)
        last_s = (self._looks[-1].at - self._began_at).total_seconds()
        part = out.with_name(f".{out.name}.part")
        blank = filled = 0
        try:
            with Film(part, self._shape[1], self._shape[0], None, self.frames / last_s if last_s > 0 else 25.0) as film:
                for frame in self._frames():
                    if frame.number >= self.frames:
                        raise self._changed()
                    place = frame.number
                    boxes = hidden[place] if frame.pixels.shape == self._shape else None
                    regions = [frame.whole] if revealed.scene else [one.region for one in shown[place]]
                    if boxes is not None:
                        boxes = (
                            *boxes,
                            *(one.windows for way in others if (one := way.get(place)) and _in_front(one, shown[place])),
                        )
                    film.add(_picture(frame, regions, boxes, ground), (frame.captured_at - self._began_at).total_seconds())
                    blank, filled = blank + (boxes is None), filled + len(boxes or ())
                    on_frame()
            if _identity(self._path) != self._was:
                raise self._changed()
            part.replace(out)
        except OSError as error:
            raise StoreError(
                f"{out} could not be written: {error.strerror or error}.", remedy="make its folder writable, with room."
            ) from error
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)
        return Written(self.frames, blank, filled, float((ground != FILL_RGB).any(axis=2).mean()))

    def _frames(self) -> Iterator[Frame]:
        return iter(Clip(self._path, "clip", 0.0))

    def _looked_at(self, frames: Iterator[Frame], at_once: int) -> Iterator[tuple[Frame, tuple[Detection, ...] | None]]:
        """Each frame with what was found in it, in their order."""
        waiting: deque[tuple[Frame, Future[tuple[Detection, ...] | None]]] = deque()
        with ThreadPoolExecutor(at_once) as pool:
            for frame in frames:
                waiting.append((frame, pool.submit(self._found, frame)))
                if len(waiting) > at_once:
                    first, found = waiting.popleft()
                    yield first, found.result()
            for first, found in waiting:
                yield first, found.result()

    def _found(self, frame: Frame) -> tuple[Detection, ...] | None:
        try:
            return self._hider.find(frame, frame.whole)
        except Exception:  # whatever it was, this frame is not shown
            return None

    def _unbroken(self, track: Track) -> list[Track]:
        """The stretches of a track that are surely one vehicle, and long enough to have a number."""
        stretches: list[Track] = []
        for place, box in zip(track.places, track.boxes, strict=True):
            last = stretches[-1] if stretches else None
            if (
                last is None
                or self._looks[place].at - self._looks[last.places[-1]].at > VEHICLE_MISSED_MAX
                or box.overlap(last.boxes[-1]) < VEHICLE_OVERLAP_MIN
            ):
                stretches.append(last := Track([], []))
            last.places.append(place)
            last.boxes.append(box)
        return [one for one in stretches if self._looks[one.places[-1]].at - self._looks[one.places[0]].at >= VEHICLE_SEEN]

    def _vehicle(self, number: int, track: Track) -> Vehicle:
        largest = max(range(len(track.boxes)), key=lambda place: track.boxes[place].area_px)
        first_s, last_s, largest_s = (
            (self._looks[place].at - self._began_at).total_seconds()
            for place in (track.places[0], track.places[-1], track.places[largest])
        )
        return Vehicle(number, first_s, last_s, track.boxes[largest], largest_s)

    def _way(self, track: Track) -> dict[int, "_Shown"]:
        """What is shown of the vehicle, by frame: where it was found, and on the straight line between two finds."""
        way: dict[int, _Shown] = {}
        times = [look.at for look in self._looks]
        ends = [*track.places[1:], track.places[-1] + 1]
        for a, b, box, later in zip(track.places, ends, track.boxes, [*track.boxes[1:], track.boxes[-1]], strict=True):
            way[a] = _shown(box, self._looks[a])
            for place in range(a + 1, b):
                share = (times[place] - times[a]) / max(times[b] - times[a], _MOMENT)
                way[place] = _shown(box.toward(later, share), self._looks[place])
        return way

    def _hidden(self, shown: Sequence[Sequence["_Shown"]]) -> list[tuple[Box, ...] | None]:
        """What must be hidden in each frame: all that was found but the own plates of the vehicles that are shown."""
        looks = []
        for look, vehicles in zip(self._looks, shown, strict=True):
            own = [vehicle.plate for vehicle in vehicles]
            found = tuple(one for one in look.found or () if not any(plate and is_plate(one, plate.box) for plate in own))
            looks.append(look if look.found is None else Look(look.at, found))
        return [None if found is None else tuple(one.box for one in found) for found in fills(looks)]

    def _ground(self, road: bool) -> Pixels:
        """What lies under the vehicles: the empty road where it is shown and known, the fill elsewhere."""
        if not road or self._road is None:
            return flat(self._shape)
        covered = [None if found is None else tuple(one.box for one in found) for found in fills(self._looks, tuple(Kind))]
        drove = [lower_half(box) for track in self._tracks if moved(track) for box in track.boxes]
        return self._road.picture(dict(enumerate(covered)), drove, (), self._found)

    def _changed(self) -> SourceError:
        return SourceError(f"{self._path} was changed while it was read.", remedy="redact it again once nobody writes to it.")


@dataclass(frozen=True, slots=True)
class _Shown:
    """A vehicle in one frame: what is shown of it, where its windows may be, and its own plate, which alone is not hidden."""

    vehicle: Box
    region: Box
    windows: Box
    plate: Detection | None


def _shown(vehicle: Box, look: Look) -> _Shown:
    """Below a line that no window reaches: a plate's height above the vehicle's plate, else above its lower third.

    Its plate is the only sure one in its lower half. Where there are several, nobody knows which one is its own.
    """
    lower = replace(vehicle, top_px=vehicle.centre_px[1])
    plates = [one for one in look.found or () if one.kind is Kind.PLATE and one.p > P_MIN and one.box.common(vehicle) is not None]
    own = plates[0] if len(plates) == 1 and plates[0].box.shared_px(lower) > 0.5 * plates[0].box.area_px else None
    third_px = line_px = vehicle.bottom_px - LOWER_SHARE * vehicle.height_px
    if own is not None:
        line_px = max(vehicle.top_px, own.box.top_px - own.box.height_px)
    return _Shown(vehicle, replace(vehicle, top_px=line_px), replace(vehicle, bottom_px=third_px), own)


def _in_front(one: _Shown, shown: Sequence[_Shown]) -> bool:
    """Whether the windows of a vehicle that is not shown may lie in front of one that is: it is another, and not a part of it."""
    x, y = one.vehicle.centre_px
    return any(
        one.windows.common(other.region) is not None and Box(x, y, x + 1, y + 1).common(other.vehicle) is None for other in shown
    )


def _picture(frame: Frame, regions: Sequence[Box], hidden: Sequence[Box] | None, ground: Pixels) -> Pixels:
    """The frame as it is published; blank where nobody knows what has to be hidden."""
    if hidden is None:
        return flat(ground.shape)
    picture = ground.copy()
    for region in regions:
        reveal_on(picture, frame.pixels, region, hidden)
    return picture


def _only(look: Look, wanted: Callable[[Detection], bool]) -> Look:
    return look if look.found is None else replace(look, found=tuple(one for one in look.found if wanted(one)))


def _identity(path: Path) -> tuple[int, int, int]:
    """What changes when a file is written to or replaced."""
    stated = path.stat()
    return stated.st_ino, stated.st_size, stated.st_mtime_ns


def _count(vehicles: int) -> str:
    return {0: "none was", 1: "one was"}.get(vehicles, f"{vehicles} were")
