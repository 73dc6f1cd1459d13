"""Pictures that show one vehicle and nothing else.

Redaction by revealing: nothing is looked for in order to hide it. A picture starts as one flat grey and receives only the
subject's region, so what no detector found is hidden too. Fills are solid; a blur can be turned back.
"""

from bisect import bisect_left
from collections.abc import Sequence
from math import ceil, floor

import cv2
import numpy as np

from clearway.facts import Box, Frame, Passage, Pixels, Sighting

# Middle grey: no plate, lamp or sky looks like it, and it prints.
FILL_RGB = (128, 128, 128)
# A vehicle between two sightings is where a straight line says, for as long as it cannot have left that line by its own
# length: at 1.5 s a car that brakes as hard as it can (8 m/s²) from a steady way is off by at most 8 / 8 * 1.5² = 2.3 m.
BETWEEN_S_MAX = 1.5


def reveal(pixels: Pixels, subject: Box | None, other_plates: Sequence[Box] = ()) -> Pixels:
    """A picture of the same size, flat FILL_RGB but for `subject`, in which every one of `other_plates` is FILL_RGB again.

    The subject's edges are rounded inward, those of other plates outward: doubt hides. None shows nothing.
    """
    shown = np.empty_like(pixels)
    shown[:] = FILL_RGB
    bounds = shown_px(subject, pixels.shape[1], pixels.shape[0])
    if bounds is not None:
        left, top, right, bottom = bounds
        shown[top:bottom, left:right] = pixels[top:bottom, left:right]
        for plate in other_plates:
            if (filled := filled_px(plate, bounds)) is not None:
                left, top, right, bottom = filled
                shown[top:bottom, left:right] = FILL_RGB
    return shown


def shown_px(subject: Box | None, width_px: int, height_px: int) -> tuple[int, int, int, int] | None:
    """Left, top, right, bottom (half-open, whole pixels) of what `reveal` copies; None where that is nothing."""
    inside = subject.within(width_px, height_px) if subject is not None else None
    if inside is None:
        return None
    left, top, right, bottom = ceil(inside.left_px), ceil(inside.top_px), floor(inside.right_px), floor(inside.bottom_px)
    return (left, top, right, bottom) if left < right and top < bottom else None


def filled_px(plate: Box, region_px: tuple[int, int, int, int]) -> tuple[int, int, int, int] | None:
    """Left, top, right, bottom (half-open, whole pixels) of what `reveal` fills in `region_px`; None where that is nothing."""
    left, top = max(region_px[0], floor(plate.left_px)), max(region_px[1], floor(plate.top_px))
    right, bottom = min(region_px[2], ceil(plate.right_px)), min(region_px[3], ceil(plate.bottom_px))
    return (left, top, right, bottom) if left < right and top < bottom else None


def region_at(passage: Passage, frame: Frame) -> Box | None:
    """Where the subject is in `frame`: as sighted there, or on the straight line between its neighbouring sightings.

    None, and so a blank picture, where the neighbours are more than BETWEEN_S_MAX apart or there is one on one side only.
    """
    for sighting in passage.sightings:
        if sighting.frame_number == frame.number:
            return sighting.box
    after = bisect_left(passage.sightings, frame.captured_at, key=lambda sighting: sighting.captured_at)
    if not 0 < after < len(passage.sightings):
        return None
    return _between(passage.sightings[after - 1], passage.sightings[after], frame)


def _between(earlier: Sighting, later: Sighting, frame: Frame) -> Box | None:
    apart_s = (later.captured_at - earlier.captured_at).total_seconds()
    if not 0.0 < apart_s <= BETWEEN_S_MAX:
        return None
    share = (frame.captured_at - earlier.captured_at).total_seconds() / apart_s
    a, b = earlier.box, later.box
    return Box(
        a.left_px + share * (b.left_px - a.left_px),
        a.top_px + share * (b.top_px - a.top_px),
        a.right_px + share * (b.right_px - a.right_px),
        a.bottom_px + share * (b.bottom_px - a.bottom_px),
    )


def png(pixels: Pixels) -> bytes:
    """The picture as a PNG that holds the pixels and nothing else."""
    done, encoded = cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    assert done, "a picture in memory becomes a PNG"
    return encoded.tobytes()
