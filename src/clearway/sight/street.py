"""Our own detector: vehicles, two-wheelers, people, faces and plates with their corners, in one run of one small network.

The whole region is looked at once, small. What that loses in a large picture is looked for again only where it can be: around
vehicles that are far away, and inside those whose plate would be large enough to read and was too small to see. Nothing comes out
but places and probabilities.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from clearway.facts import Box, Detection, Frame, Kind, Pixels
from clearway.sight.network import Array, Family, Network, Weights

FAMILY = Family(
    "clearway-street",
    Array("pixels", (1, 3, None, None)),
    (Array("boxes", (1, None, 4)), Array("scores", (1, None, 5)), Array("corners", (1, None, 8))),
)
KINDS = (Kind.VEHICLE, Kind.TWO_WHEELER, Kind.PERSON, Kind.FACE, Kind.PLATE)
# The network's input: its sides are multiples of the coarsest stride, grey beyond the picture's right and bottom edge.
STRIDE_PX, BEYOND = 32, 114
# A 720p picture is looked at as 640 x 384; a small one is enlarged, but not beyond what its pixels can tell.
LONG_SIDE_PX, ENLARGE_MAX = 640, 2.0
# What nearly fills the picture is too large to be seen whole there, and is seen in a second look as small as this. On held-out
# pictures it finds 15 of 17 plates wider than 500 of the 640 px (none without it) and 32 of 35 such vehicles (9 without it).
LARGE_SIDE_PX = 224
# Of that look a vehicle or a plate narrower and lower than this share of the picture is not told: the first look sees it better.
# On the held-out pictures plates have a precision of .79 so (.73 without it) and a recall of .945 (.934); vehicles lose none.
LARGE_SHARE = 0.2
SIDE_MIN_PX = 8
# Less sure than this is not found: chosen on the held-out pictures of the card. What is only to be hidden is taken at less.
P_MIN = {Kind.VEHICLE: 0.3, Kind.TWO_WHEELER: 0.3, Kind.PERSON: 0.25, Kind.FACE: 0.15, Kind.PLATE: 0.25}
# Where it looks only for what must be hidden, half of that is enough.
HIDDEN_SHARE = 0.5
# What takes so much of the picture's width or height was seen well, and is a vehicle only where that is surer: on the held-out
# pictures 3 of 15 less sure ones were.
FILLS_SHARE, FILLS_P_MIN = 0.4, 0.5
# Two boxes of one kind that share more than this are one thing; a plate with so much of itself in a larger one is a part of it.
OVERLAP_MAX, INSIDE_MAX = 0.5, 0.7
# So is a vehicle with so much of itself in a surer one: on the held-out pictures vehicles have a precision of .71 so (.57 without
# it) and a recall of .746 (.751). With less, who drives behind somebody in dense traffic is lost. What is to be hidden stays.
VEHICLE_INSIDE_MAX = 0.9
# Of one kind: candidates that are weighed in one look, and things that are told, of one look and of all.
CANDIDATES_MAX, FOUND_MAX = 300, 100
# A plate is about this share of its vehicle's width (0.52 m of 1.8 m). It is looked for again where the first look showed it
# narrower than it can be seen, and where it has pixels enough to be read.
PLATE_SHARE, SEEN_WIDTH_PX, READABLE_WIDTH_PX = 0.29, 28.0, 40.0
CLOSE_LOOKS_MAX, CLOSE_SIDE_PX = 6, 320
# Where vehicles are far away others are, too. Around one that was seen narrower than this the picture is looked at twice as
# large, so many places at most. On held-out pictures laid four in one, vehicles of 24 px and more have a recall of .85 so (.76
# without it) and a precision of .86 (.85).
FAR_WIDTH_PX, FAR_LOOKS_MAX = 56.0, 3
# A box that ends this near to such a look's edge, within the picture, may be of half a vehicle.
EDGE_PX = 3.0
# A plate that was found is looked at once more with this many of its widths around it, so that its corners are exact enough to
# read by: in the first look a tenth of its height is less than a pixel. No more of them than this, surest first.
WIDTHS_AROUND, SAME_MIN, STRAIGHTENED_MAX = 2.5, 0.3, 8


class _Found(NamedTuple):
    """What one look found, in the frame's pixels, and how large it saw it."""

    detections: list[Detection]
    scale: float


class StreetDetector:
    """Finds all five kinds. Closer looks add plates and set their corners.

    Made `to_hide`, it takes what is only half as sure, sets no corners, and raises InstallationError where its weights give
    probabilities that are none: then nobody knows what has to be hidden.
    """

    def __init__(self, weights: Weights, threads: int = 2, *, to_hide: bool = False) -> None:
        self._network = Network(FAMILY, weights, threads)
        self._to_hide = to_hide
        self._p_min = {kind: p * (HIDDEN_SHARE if to_hide else 1.0) for kind, p in P_MIN.items()}
        self.name, self.weights = self._network.name, self._network.weights

    def find(self, frame: Frame, region: Box) -> tuple[Detection, ...]:
        found, scale = self._look(frame, region, LONG_SIDE_PX)
        large = self._look(frame, region, LARGE_SIDE_PX).detections
        found = _joined([one for one in large if self._to_hide or _may_be_large(one, region)], found)
        if not self._to_hide:
            for part in _far_away(found, region, scale):
                seen = self._look(frame, part, CLOSE_SIDE_PX).detections
                found = _joined(found, [one for one in seen if _is_far_vehicle(one, part, region, scale)])
            found = _whole_vehicles([one for one in found if one.kind is not Kind.VEHICLE or _is_sure_enough(one, region)])
        for vehicle in _worth_a_closer_look(found, scale):
            closer = self._look(frame, vehicle, CLOSE_SIDE_PX).detections
            found = _joined(found, [one for one in closer if one.kind is Kind.PLATE])
        found.sort(key=lambda one: -one.p)
        if self._to_hide:
            return tuple(found)
        found = _surest(found)
        plates = [one for one in found if one.kind is Kind.PLATE][:STRAIGHTENED_MAX]
        exact = {id(plate): self._exactly(frame, region, plate) for plate in plates}
        return tuple(exact.get(id(one), one) for one in found)

    def _exactly(self, frame: Frame, region: Box, plate: Detection) -> Detection:
        """The same plate with the box and corners of a closer look, where that finds it again."""
        (x, y), across = plate.box.centre_px, WIDTHS_AROUND * plate.box.width_px / 2
        down = max(WIDTHS_AROUND * plate.box.height_px / 2, 0.4 * across)
        around = Box(x - across, y - down, x + across, y + down).common(region)
        if around is None or plate.box.width_px >= region.width_px / WIDTHS_AROUND:
            return plate
        closer = self._look(frame, around, CLOSE_SIDE_PX, enlarge_max=8.0).detections
        same = [one for one in closer if one.kind is Kind.PLATE and one.box.overlap(plate.box) > SAME_MIN]
        best = max(same, key=lambda one: one.box.overlap(plate.box), default=None)
        return plate if best is None else replace(plate, box=best.box, corners=best.corners)

    def _look(self, frame: Frame, region: Box, long_side_px: int, enlarge_max: float = ENLARGE_MAX) -> _Found:
        """What is in the region, seen with its long side at most that long."""
        left, top = math.floor(region.left_px), math.floor(region.top_px)
        part = frame.pixels[top : math.ceil(region.bottom_px), left : math.ceil(region.right_px)]
        height, width = part.shape[:2]
        if min(height, width) < SIDE_MIN_PX:
            return _Found([], 1.0)
        scale = min(enlarge_max, long_side_px / max(height, width))
        seen = _resized(part, max(1, round(width * scale)), max(1, round(height * scale)))
        sides = [math.ceil(side / STRIDE_PX) * STRIDE_PX for side in seen.shape[:2]]
        pixels = np.full((1, 3, *sides), BEYOND, np.float32)
        pixels[0, :, : seen.shape[0], : seen.shape[1]] = seen.transpose(2, 0, 1)
        boxes, scores, corners = (output[0].astype(np.float64) for output in self._network(pixels))
        if self._to_hide and not (np.isfinite(boxes).all() and ((scores >= 0.0) & (scores <= 1.0)).all()):
            self._network.refuse("gives probabilities or boxes that are none")
        to_frame = np.array([width / seen.shape[1], height / seen.shape[0]])
        detections: list[Detection] = []
        for kind, p in zip(KINDS, scores.T, strict=True):
            for one in _apart(boxes, p, self._p_min[kind]):
                (x0, y0), (x1, y1) = boxes[one].reshape(2, 2) * to_frame + (left, top)
                box = Box(float(x0), float(y0), float(x1), float(y1)).common(region)
                if box is not None:
                    quad = corners[one].reshape(4, 2) * to_frame + (left, top) if kind is Kind.PLATE else None
                    detections.append(Detection(kind, box, float(p[one]), None if quad is None else _corners(quad, box)))
        return _Found(detections, scale)


def _resized(part: Pixels, width_px: int, height_px: int) -> Pixels:
    """The part in that size. Halving it first, as often as it goes, costs a quarter and comes to the same."""
    while part.shape[1] >= 2 * width_px and part.shape[0] >= 2 * height_px and part.shape[0] % 2 == part.shape[1] % 2 == 0:
        part = np.asarray(cv2.resize(part, (part.shape[1] // 2, part.shape[0] // 2), interpolation=cv2.INTER_AREA), np.uint8)
    shrinks = width_px < part.shape[1]
    return np.asarray(
        cv2.resize(part, (width_px, height_px), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR), np.uint8
    )


def _apart(boxes: NDArray[np.float64], p: NDArray[np.float64], p_min: float) -> list[int]:
    """The places of boxes that are sure enough and no two of one thing, surest first."""
    likely = np.flatnonzero((p >= p_min) & (p <= 1.0))
    if not len(likely):
        return []
    edges = boxes[likely]
    likely = likely[np.isfinite(edges).all(axis=1) & (edges[:, 2:] > edges[:, :2]).all(axis=1)]
    likely = likely[np.argsort(-p[likely], kind="stable")][:CANDIDATES_MAX]
    area = np.zeros(len(boxes))
    area[likely] = (boxes[likely, 2:] - boxes[likely, :2]).prod(axis=1)
    kept: list[int] = []
    while len(likely) and len(kept) < FOUND_MAX:
        best, others = likely[0], likely[1:]
        kept.append(int(best))
        meet = np.minimum(boxes[best, 2:], boxes[others, 2:]) - np.maximum(boxes[best, :2], boxes[others, :2])
        shared = meet.clip(0.0).prod(axis=1)
        likely = others[shared <= OVERLAP_MAX * (area[best] + area[others] - shared)]
    return kept


def _joined(known: Sequence[Detection], others: Sequence[Detection]) -> list[Detection]:
    """What two looks found together: each thing once, by the look that is surer of it."""
    joined: list[Detection] = []
    for one in sorted([*known, *others], key=lambda each: -each.p):
        alike = [each.box for each in joined if each.kind is one.kind]
        if all(one.box.overlap(box) <= OVERLAP_MAX for box in alike):
            joined.append(one)
    plates = [one.box for one in joined if one.kind is Kind.PLATE]
    return [one for one in joined if one.kind is not Kind.PLATE or not any(_is_part(one.box, box) for box in plates)]


def _whole_vehicles(found: Sequence[Detection]) -> list[Detection]:
    """Without the fronts, cabins and halves of vehicles that were found whole, and surer."""
    vehicles = [one for one in found if one.kind is Kind.VEHICLE]
    parts = {
        id(one)
        for one in vehicles
        if any(other.p > one.p and _is_part(one.box, other.box, VEHICLE_INSIDE_MAX) for other in vehicles)
    }
    return [one for one in found if id(one) not in parts]


def _surest(found: Sequence[Detection]) -> list[Detection]:
    """Of what comes surest first, no more of one kind than are told."""
    counts: Counter[Kind] = Counter()
    kept = []
    for one in found:
        counts[one.kind] += 1
        if counts[one.kind] <= FOUND_MAX:
            kept.append(one)
    return kept


def _may_be_large(one: Detection, region: Box) -> bool:
    """Whether the second look is for such a thing. What is only hidden is taken from every look."""
    return one.kind in (Kind.PERSON, Kind.FACE) or _share(one, region) >= LARGE_SHARE


def _is_sure_enough(vehicle: Detection, region: Box) -> bool:
    return vehicle.p >= FILLS_P_MIN or _share(vehicle, region) < FILLS_SHARE


def _share(one: Detection, region: Box) -> float:
    """How much of the region's width or height it takes, whichever is more."""
    return max(one.box.width_px / region.width_px, one.box.height_px / region.height_px)


def _far_away(found: Sequence[Detection], region: Box, scale: float) -> list[Box]:
    """The parts of the region in which vehicles are so far away that others may have been missed, around the surest of them."""
    if scale >= 1.0:  # all that there is was seen
        return []
    far = [one.box for one in found if one.kind is Kind.VEHICLE and one.box.width_px * scale < FAR_WIDTH_PX]
    across = CLOSE_SIDE_PX / (4 * scale)
    parts: list[Box] = []
    while far and len(parts) < FAR_LOOKS_MAX:
        x, y = far[0].centre_px
        part = Box(x - across, y - across * 2 / 3, x + across, y + across * 2 / 3).common(region)
        assert part is not None, "what was found lies in the region"
        parts.append(part)
        far = [box for box in far[1:] if box.common(part) != box]
    return parts


def _is_far_vehicle(one: Detection, part: Box, region: Box, scale: float) -> bool:
    """Whether it is what that part was looked at for: a vehicle far away, and a whole one."""
    if one.kind is not Kind.VEHICLE or one.box.width_px * scale >= 2 * FAR_WIDTH_PX:
        return False
    ends = zip(_sides(one.box), _sides(part), _sides(region), strict=True)
    return all(abs(end - edge) > EDGE_PX or edge == rim for end, edge, rim in ends)


def _sides(box: Box) -> tuple[float, float, float, float]:
    return box.left_px, box.top_px, box.right_px, box.bottom_px


def _is_part(box: Box, of: Box, inside_max: float = INSIDE_MAX) -> bool:
    return of.area_px > box.area_px and box.shared_px(of) > inside_max * box.area_px


def _corners(quad: NDArray[np.float64], box: Box) -> tuple[tuple[float, float], ...] | None:
    """The corners, where they can be those of a plate in that box."""
    near = box.grown(0.5 * max(box.width_px, box.height_px))
    inside = (quad >= (near.left_px, near.top_px)) & (quad <= (near.right_px, near.bottom_px))
    return tuple((float(x), float(y)) for x, y in quad) if inside.all() else None


def _worth_a_closer_look(found: Sequence[Detection], scale: float) -> list[Box]:
    """The vehicles whose plate was too small to be seen and is large enough to be read, widest first."""
    plates = [one.box.centre_px for one in found if one.kind is Kind.PLATE]
    worth = []
    for one in found:
        width_px = PLATE_SHARE * one.box.width_px
        vehicle = one.kind in (Kind.VEHICLE, Kind.TWO_WHEELER)
        if vehicle and width_px >= READABLE_WIDTH_PX and width_px * scale < SEEN_WIDTH_PX:
            box = one.box
            if not any(box.left_px <= x < box.right_px and box.top_px <= y < box.bottom_px for x, y in plates):
                worth.append(box)
    return sorted(worth, key=lambda box: -box.width_px)[:CLOSE_LOOKS_MAX]
