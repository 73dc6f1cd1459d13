"""Looking at one frame: detections become sightings of vehicles with a reading each."""

from collections.abc import Sequence
from dataclasses import dataclass

from clearway.facts import Box, Detection, Frame, Kind, Reading, Sighting
from clearway.ports import Detector, Reader
from clearway.sight.crop import is_cut

# The widest plate that is common, 520 mm (Regulation (EC) 2411/98). A narrower one (305 mm in North America, SAE J686) makes the
# vehicle seem smaller than it is, so that less is shown, never more.
PLATE_WIDTH_M = 0.52
# What is shown of a vehicle around its plate: a strip with bumper and lamps that ends below every window. The rear window of a
# van or an estate begins one to two plate heights (0.12 m each) above its plate, a car's one and a half and more, a windscreen
# higher still. Where the plate is seen flatter than the law makes it, from above, its own height is the measure.
BESIDE_M, ABOVE_M, BELOW_M = 0.5, 0.12, 0.25
# Where one picture is all there is, a text less sure than this is not told: it is a word on a sign more often than a plate's.
# Chosen on the 266 pictures that training never saw: of 100 right readings one falls below it, of 108 without a plate 107 do.
P_TEXT_ALONE_MIN = 0.25


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What one look found: vehicles whose plates were read, what may be a plate but could not be read, people and faces, which
    are places to hide and nothing else, and all vehicles, with a plate or without."""

    sightings: tuple[Sighting, ...]
    unread: tuple[Detection, ...]
    people: tuple[Box, ...] = ()
    vehicles: tuple[Detection, ...] = ()


def look(frame: Frame, regions: Sequence[Box], detector: Detector, reader: Reader, *, p_text_min: float = 0.0) -> Seen:
    """What is in those regions of the frame; one sighting a plate.

    A plate whose text is less sure than `p_text_min` is one that could not be read.
    """
    sightings: list[Sighting] = []
    unread: list[Detection] = []
    found = [one for region in regions for one in detector.find(frame, region)]
    vehicles = tuple(one for one in found if one.kind in (Kind.VEHICLE, Kind.TWO_WHEELER))
    boxes = [one.box for one in vehicles]
    for detection in found:
        if detection.kind is not Kind.PLATE or any(_same(detection, seen) for seen in sightings):
            continue
        reading = reader.read(frame, detection)
        if reading is None or _p_text(frame, detection, reading) < p_text_min:
            unread.append(detection)
        else:
            box = around(detection.box, frame, boxes)
            sightings.append(Sighting(frame.number, frame.captured_at, Kind.VEHICLE, box, detection.p, detection.box, reading))
    people = tuple(one.box for one in found if one.kind in (Kind.PERSON, Kind.FACE))
    return Seen(tuple(sightings), tuple(unread), people, vehicles)


def _p_text(frame: Frame, plate: Detection, reading: Reading) -> float:
    """How sure it is that a plate's text was read: that it is a plate, that it is whole, that its faintest character is one.

    A plate that the frame's edge cuts is told for what is left of it. One that is not surely whole has the legibility 0, for
    many pictures of it will be weighed; of one picture it is told for what it is worth.
    """
    p_whole = 1.0 if is_cut(frame, plate) else reading.legibility or reading.p_whole
    return plate.p * p_whole * float(reading.p_characters.max(axis=1).min())


def around(plate: Box, frame: Frame, vehicles: Sequence[Box] = ()) -> Box:
    """The part of the vehicle around its plate that may be shown, inside the frame.

    The plate is the measure, for its size is fixed by law. Where a vehicle was found around it (the smallest, if several were),
    no more is shown than that vehicle.
    """
    px_per_m = plate.width_px / PLATE_WIDTH_M
    region = Box(
        plate.left_px - BESIDE_M * px_per_m,
        plate.top_px - min(ABOVE_M * px_per_m, plate.height_px),
        plate.right_px + BESIDE_M * px_per_m,
        plate.bottom_px + BELOW_M * px_per_m,
    ).within(frame.width_px, frame.height_px)
    assert region is not None, "a plate lies inside its frame"
    own = min((box for box in vehicles if box.common(plate) == plate), key=lambda box: box.area_px, default=region)
    return region.common(own) or region


def _same(detection: Detection, seen: Sighting) -> bool:
    assert seen.plate_box is not None
    return detection.box.overlap(seen.plate_box) > 0.3
