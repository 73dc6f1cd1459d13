"""What a camera or its operator writes into the picture: a name, a road, a time. It may read like a plate and is none.

It is told from a plate by what moves. An overlay lies over the picture: vehicles pass directly above and below it, as the
picture shows them, and its strokes stay as they are. A vehicle's plate changes the picture where it comes and goes, and
around the plate of one that is parked stands its body, which stays as still as the plate does. Where nothing has passed yet
nobody can tell, and nothing is said; but for what was read in one look and never again: a vehicle that is gone changed the
picture where it was, and one that stays is read more than once.
"""

import numpy as np
from numpy.typing import NDArray

from clearway.facts import Box, Frame, Passage

# Grey levels (of 255) by which a pixel must have changed between two looks: more than noise and a codec do to what stands still.
CHANGE_MIN = 24
# How often the picture must have changed above and below before anything is said of what lies between.
CHANGES_MIN = 3
# The strokes of letters are about a third of a line of text; this share of it must have changed hardly ever, which is less than
# a tenth as often as what lies above and below.
STROKES_SHARE, STEADIER = 0.2, 10
# Where a vehicle was, more than this share of its plate's pixels changed.
GONE_SHARE = 0.2
# Bands as high as half the text, this far from it: a box that is drawn around a text ends before them, and a vehicle's bumper,
# 0.2 m and more above and below a plate of 0.11 m, does not.
BAND_FROM_HEIGHTS, BAND_TO_HEIGHTS = 0.6, 1.1
# So many looks, and all counts are halved: what was written an hour ago may be elsewhere now.
HALVED_AFTER = 4096


class Overlay:
    """Counts, for every pixel, how often it changed from one look to the next. Holds the last look's green, and no more."""

    def __init__(self) -> None:
        self.begin_anew()

    def begin_anew(self) -> None:
        """Lets go of the picture and of every count."""
        self._before: NDArray[np.uint8] | None = None
        self._changes = np.zeros((0, 0), np.uint16)
        self._looks = 0

    def add(self, frame: Frame) -> None:
        """Takes in the frame of the next look; one of another size begins anew."""
        now = frame.pixels[:, :, 1].copy()
        before, self._before = self._before, now
        if before is None or before.shape != now.shape:
            self._changes, self._looks = np.zeros(now.shape, np.uint16), 0
            return
        self._changes += np.maximum(now, before) - np.minimum(now, before) >= CHANGE_MIN
        self._looks += 1
        if self._looks % HALVED_AFTER == 0:
            self._changes //= 2

    def is_all_of(self, passage: Passage) -> bool:
        """Whether what was read as that passage's plate stayed where it was and is written into the picture.

        False where too little moved around it to tell, unless it was read only once in a place that never changed.
        """
        places = [sighting.plate_box for sighting in passage.sightings if sighting.plate_box is not None]
        if not places or any(_moved(places[0], place) for place in places):
            return False
        text = places[len(places) // 2]
        height_px = text.height_px
        near, far = BAND_FROM_HEIGHTS * height_px, BAND_TO_HEIGHTS * height_px
        above = self._in(Box(text.left_px, text.top_px - far, text.right_px, text.top_px - near))
        below = self._in(Box(text.left_px, text.bottom_px + near, text.right_px, text.bottom_px + far))
        inside = self._in(text)
        if len(places) == 1 and self._looks >= CHANGES_MIN and inside.size and np.quantile(inside, 1 - GONE_SHARE) == 0:
            return True
        # At the picture's edge one side is left.
        bands = [float(np.median(band)) for band in (above, below) if band.size]
        if not bands or not inside.size or min(bands) < CHANGES_MIN:
            return False
        return STEADIER * float(np.quantile(inside, STROKES_SHARE)) < min(bands)

    def _in(self, box: Box) -> NDArray[np.uint16]:
        left, top, right, bottom = (max(0, round(edge)) for edge in (box.left_px, box.top_px, box.right_px, box.bottom_px))
        return self._changes[top:bottom, left:right]


def _moved(place: Box, other: Box) -> bool:
    (x, y), (to_x, to_y) = place.centre_px, other.centre_px
    return max(abs(to_x - x), abs(to_y - y)) > 0.5 * min(place.height_px, other.height_px)
