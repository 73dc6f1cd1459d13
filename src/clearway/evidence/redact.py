"""Pictures that show one vehicle and nothing else.

Redaction by revealing: a picture starts as one flat grey and receives only the subject's region, so what no detector found is
hidden too. Within that region people, faces and other plates are filled again. Fills are solid; a blur can be turned back.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from math import ceil, floor

import cv2
import numpy as np

from clearway.facts import Box, Frame, Passage, Pixels, Sighting

# Middle grey: no plate, lamp or sky looks like it, and it prints.
FILL_RGB = (128, 128, 128)
# A vehicle between two sightings is where a straight line says, for as long as it cannot have left that line by its own
# length: at 1.5 s a car that brakes as hard as it can (8 m/s²) from a steady way is off by at most 8 / 8 * 1.5² = 2.3 m.
BETWEEN_S_MAX = 1.5


def reveal(pixels: Pixels, subject: Box | None, hidden: Sequence[Box] = ()) -> Pixels:
    """A picture of the same size, flat FILL_RGB but for `subject`, in which every one of `hidden` is FILL_RGB again.

    The subject's edges are rounded inward, those of what is hidden outward: doubt hides. None shows nothing.
    """
    shown = flat(pixels.shape)
    reveal_on(shown, pixels, subject, hidden)
    return shown


def flat(shape: tuple[int, ...]) -> Pixels:
    """A new picture of that shape that shows nothing: FILL_RGB."""
    picture = np.empty(shape, np.uint8)
    picture[:] = np.tile(np.array(FILL_RGB, np.uint8), (shape[1], 1))  # by rows: pixel by pixel it takes 70 times as long
    return picture


def reveal_on(shown: Pixels, pixels: Pixels, subject: Box | None, hidden: Sequence[Box]) -> None:
    """Draws onto `shown`, of the same size, what `reveal` shows of `pixels`, and nothing beside it."""
    bounds = shown_px(subject, pixels.shape[1], pixels.shape[0])
    if bounds is None:
        return
    left, top, right, bottom = bounds
    shown[top:bottom, left:right] = pixels[top:bottom, left:right]
    for box in hidden:
        if (filled := filled_px(box, bounds)) is not None:
            left, top, right, bottom = filled
            shown[top:bottom, left:right] = FILL_RGB


def shown_px(subject: Box | None, width_px: int, height_px: int) -> tuple[int, int, int, int] | None:
    """Left, top, right, bottom (half-open, whole pixels) of what `reveal` copies; None where that is nothing."""
    inside = subject.within(width_px, height_px) if subject is not None else None
    if inside is None:
        return None
    left, top, right, bottom = ceil(inside.left_px), ceil(inside.top_px), floor(inside.right_px), floor(inside.bottom_px)
    return (left, top, right, bottom) if left < right and top < bottom else None


def filled_px(box: Box, region_px: tuple[int, int, int, int]) -> tuple[int, int, int, int] | None:
    """Left, top, right, bottom (half-open, whole pixels) of what `reveal` fills in `region_px`; None where that is nothing."""
    left, top = max(region_px[0], floor(box.left_px)), max(region_px[1], floor(box.top_px))
    right, bottom = min(region_px[2], ceil(box.right_px)), min(region_px[3], ceil(box.bottom_px))
    return (left, top, right, bottom) if left < right and top < bottom else None


def region_at(passage: Passage, frame: Frame) -> Box | None:
    """Where the subject is in `frame`: as sighted there, or on the straight line between its neighbouring sightings.

    None, and so a blank picture, where the neighbours are more than BETWEEN_S_MAX apart or there is one on one side only.
    """
    return _at(passage, frame, lambda sighting: sighting.box)


def plate_at(passage: Passage, frame: Frame) -> Box | None:
    """Where the subject's plate is in `frame`, in the same way; None also where a neighbour's plate was not seen."""
    return _at(passage, frame, lambda sighting: sighting.plate_box)


def _at(passage: Passage, frame: Frame, box_of: Callable[[Sighting], Box | None]) -> Box | None:
    for sighting in passage.sightings:
        if sighting.frame_number == frame.number:
            return box_of(sighting)
    after = bisect_left(passage.sightings, frame.captured_at, key=lambda sighting: sighting.captured_at)
    if not 0 < after < len(passage.sightings):
        return None
    earlier, later = passage.sightings[after - 1], passage.sightings[after]
    apart_s = (later.captured_at - earlier.captured_at).total_seconds()
    a, b = box_of(earlier), box_of(later)
    if not 0.0 < apart_s <= BETWEEN_S_MAX or a is None or b is None:
        return None
    return a.toward(b, (frame.captured_at - earlier.captured_at).total_seconds() / apart_s)


def png(pixels: Pixels) -> bytes:
    """The picture as a PNG that holds the pixels and nothing else."""
    done, encoded = cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    assert done, "a picture in memory becomes a PNG"
    return encoded.tobytes()
