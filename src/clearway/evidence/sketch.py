"""What was measured, drawn on the pictures that show it: the line or zone, the path driven, and the figure with its interval.

A sketch is drawn when everything that must be hidden is hidden, and only around the vehicle and the signal's heads: on the flat
fill, and on the empty road, which the exhibit also holds without it. No pixel of the frame itself is covered, and none that was
filled comes back. Words stand in a strip below the picture, which is made for them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil

import cv2
import numpy as np
from numpy.typing import NDArray

from clearway.evidence.redact import FILL_RGB
from clearway.facts import Bound, Lamp, Light, Measurement, Pixels

Point = tuple[float, float]
PxBounds = tuple[int, int, int, int]
Colour = tuple[int, int, int]

_ROAD_RGB, _LINE_RGB, _PATH_RGB, _PLACE_RGB = (146, 146, 146), (255, 255, 255), (20, 60, 150), (255, 214, 0)
_STRIP_RGB, _WORDS_RGB = (24, 26, 30), (255, 255, 255)
# Comes with OpenCV 5, so that the same words give the same pixels on every machine.
_TYPEFACE = cv2.FontFace("sans")
_HEAD_RGB, _UNLIT_RGB = (24, 26, 30), (70, 74, 80)
_LAMPS_RGB = ((235, 40, 30), (255, 176, 0), (0, 190, 120))
_LIT = {Light.RED: (0,), Light.RED_AMBER: (0, 1), Light.AMBER: (1,), Light.GREEN: (2,)}
# How wide a head is in the strip at most, as a share of its width.
_ENLARGED_SHARE = 1 / 8
# From line to line, in heights of a letter.
LINE = 1.4
# Beyond this, points are cut off before they are drawn: OpenCV's integers would run over. No line of a scene is so far away.
_FAR_PX = 30_000.0
# OpenCV takes coordinates in sixteenths of a pixel.
_SHIFT = 4


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the scene in the picture; `what` says in a word or two what it is, `closed` that it goes round a zone."""

    what: str
    points_px: tuple[Point, ...]
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Where on the road the vehicle was at that time, and the rectangle (its corners, in order) that holds the true place in 95
    of 100 cases."""

    at: datetime
    px: Point
    around_px: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Sketch:
    """All that is drawn: `lines` of the scene, of which the first is what it is about, the `path` in order of time, and `words`,
    line by line. Those of the lines that are a signal's heads are `heads`, and `lamps` is what it showed."""

    lines: tuple[Line, ...]
    path: tuple[Place, ...]
    words: tuple[str, ...]
    heads: tuple[Line, ...] = ()
    lamps: tuple[Lamp, ...] = ()

    def light(self, at: datetime) -> Light:
        """What the signal showed at that time."""
        return next((lamp.light for lamp in self.lamps if lamp.from_at <= at <= lamp.until_at), Light.UNKNOWN)


def worded(measurement: Measurement) -> tuple[str, ...]:
    """The measurement in lines: the figure with its interval, then what it is held against."""
    figure = f"{measurement.name}: {measurement.value:.1f} ± {measurement.uncertainty:.1f} {measurement.unit} (k = 2)"
    return figure, *(_held(measurement.bound, measurement.unit) if measurement.bound is not None else ())


def _held(bound: Bound, unit: str) -> tuple[str, ...]:
    if bound.asked_beyond == 0.0:
        return ("not allowed at all",)
    if bound.limit == 0.0:
        return (f"not asked about: up to {bound.tolerance:g} {unit}",)
    return (f"limit: {bound.limit:g} {unit}, tolerated: {bound.tolerance:.1f} {unit}",)


def drawn(masked: Pixels, region_px: PxBounds | None, sketch: Sketch, at: datetime, filmed: Sequence[PxBounds] = ()) -> Pixels:
    """The masked picture with the sketch on its fill and on the road, the place at `at` marked, and the words in a strip below.

    What lies inside `region_px`, and in the heads that are `filmed`, is as it came; these are shown once more, enlarged, in the
    strip. The picture keeps its width and grows by `strip_px` of its size.
    """
    width = masked.shape[1]
    picture = masked.copy()
    fill = (masked == FILL_RGB).all(axis=2)[:, :, None]
    thick = max(1, round(width / 640))
    for line in sketch.lines:
        if line.closed:
            cv2.fillPoly(picture, [_fixed(line.points_px)], _ROAD_RGB, cv2.LINE_AA, _SHIFT)
    for line in sketch.lines[:1]:
        cv2.polylines(picture, [_fixed(line.points_px)], line.closed, _LINE_RGB, 2 * thick, cv2.LINE_AA, _SHIFT)
    # On the road, zones are not filled and lines are thin, so that its own markings can be seen.
    picture = np.where(fill, picture, masked)
    for line in sketch.lines:
        cv2.polylines(picture, [_fixed(line.points_px)], line.closed, _LINE_RGB, thick, cv2.LINE_AA, _SHIFT)
    if sketch.path:
        nearest = min(sketch.path, key=lambda place: abs(place.at - at))
        cv2.fillPoly(picture, [_fixed(nearest.around_px)], _PLACE_RGB, cv2.LINE_AA, _SHIFT)
        cv2.polylines(picture, [_fixed([place.px for place in sketch.path])], False, _PATH_RGB, thick, cv2.LINE_AA, _SHIFT)
        for place in sketch.path:
            (centre,) = _fixed([place.px])
            radius = (4 if place is nearest else 2) * thick
            cv2.circle(picture, tuple(map(int, centre)), radius << _SHIFT, _PATH_RGB, cv2.FILLED, cv2.LINE_AA, _SHIFT)
    for head in sketch.heads:
        _draw_head(picture, head, sketch.light(at), 2 * thick)
    for left, top, right, bottom in (*filmed, *((region_px,) if region_px is not None else ())):
        picture[top:bottom, left:right] = masked[top:bottom, left:right]
    said = [*sketch.words, f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03d} UTC"]
    if sketch.heads:
        how = "as filmed, and" if len(filmed) == len(sketch.heads) else "drawn as it" if not filmed else "partly as filmed, and"
        said.append(f"the signal: {how} was read as {worded_light(sketch.light(at))}")
    strip = np.empty((strip_px(width, len(said)), width, 3), np.uint8)
    strip[:] = _STRIP_RGB
    letters_px = _letters_px(width)
    for number, words in enumerate(said, start=1):
        cv2.putText(strip, words, (letters_px, round((number * LINE - 0.2) * letters_px)), _WORDS_RGB, _TYPEFACE, letters_px, 400)
    right = width
    for head_px in reversed(filmed):
        right = _enlarge(masked, head_px, strip, right)
    return np.concatenate([picture, strip])


def _enlarge(masked: Pixels, head_px: PxBounds, strip: Pixels, right: int) -> int:
    """Puts a head into the strip, its right side left of `right`; where the next one may end."""
    left, top, until, below = head_px
    head = masked[top:below, left:until]
    edge = max(2, strip.shape[0] // 20)
    times = min((strip.shape[0] - 2 * edge) / head.shape[0], _ENLARGED_SHARE * strip.shape[1] / head.shape[1])
    size = max(1, round(head.shape[1] * times)), max(1, round(head.shape[0] * times))
    if times <= 1.0 or right - edge < size[0]:
        return right
    # Pixel by pixel: nothing is put between those that were filmed.
    enlarged = cv2.resize(head, size, interpolation=cv2.INTER_NEAREST)
    strip[edge : edge + size[1], right - edge - size[0] : right - edge] = enlarged
    return int(right - edge - size[0])


def worded_light(light: Light) -> str:
    return {Light.RED_AMBER: "red and amber", Light.UNKNOWN: "not known"}.get(light, light.value)


def _draw_head(picture: Pixels, head: Line, light: Light, least_px: int) -> None:
    """The head's three lamps in its place, above one another or side by side, the lit ones in colour; red is above or left."""
    (left, top), (right, bottom) = np.min(head.points_px, axis=0), np.max(head.points_px, axis=0)
    cv2.fillPoly(picture, [_fixed(head.points_px)], _HEAD_RGB, cv2.LINE_AA, _SHIFT)
    upright, lit = bottom - top > right - left, _LIT.get(light, ())
    radius_px = max(float(least_px), 0.42 * min(right - left, bottom - top, max(right - left, bottom - top) / 3))
    for n, colour in enumerate(_LAMPS_RGB):
        share = (n + 0.5) / 3
        x, y = (
            ((left + right) / 2, top + share * (bottom - top)) if upright else (left + share * (right - left), (top + bottom) / 2)
        )
        ((across, down),) = _fixed([(float(x), float(y))])
        centre, radius = (int(across), int(down)), round(radius_px * (1 << _SHIFT))
        cv2.circle(picture, centre, radius, colour if n in lit else _UNLIT_RGB, cv2.FILLED, cv2.LINE_AA, _SHIFT)
    cv2.polylines(picture, [_fixed(head.points_px)], True, _LINE_RGB, max(1, least_px // 2), cv2.LINE_AA, _SHIFT)


def strip_px(width_px: int, lines: int) -> int:
    """The height of the strip below a picture of that width."""
    return ceil((lines * LINE + 0.5) * _letters_px(width_px))


def _letters_px(width_px: int) -> int:
    """The height of the letters: a line of 60 of them fits the width."""
    return max(6, round(width_px / 36))


def _fixed(points_px: Sequence[Point]) -> NDArray[np.int32]:
    """Points as OpenCV draws them: the middle of a pixel is a whole number there."""
    bounded = np.clip(np.array(points_px, np.float64), -_FAR_PX, _FAR_PX)
    return np.rint((bounded - 0.5) * (1 << _SHIFT)).astype(np.int32)


assert FILL_RGB not in (_ROAD_RGB, _LINE_RGB, _PATH_RGB, _PLACE_RGB, _HEAD_RGB, _UNLIT_RGB, *_LAMPS_RGB), (
    "what is drawn can be told from what is hidden"
)
