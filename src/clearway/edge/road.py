"""The road when it was empty: a picture put together from the moments in which each part of it was still and free.

Only where a vehicle drove is there a road. That alone keeps out what stands at its side: people who wait, parked vehicles,
windows. Pictures are held in memory, and few of them.
"""

from collections.abc import Sequence
from math import ceil, floor

import cv2
import numpy as np
from numpy.typing import NDArray

from clearway.facts import Box, Frame, Pixels

# Held pictures: spread over the clip, however long it is.
SAMPLES_MAX, HELD_MB_MAX = 24, 512
# A pixel moves where a channel changes by this much (of 255) from one frame to the next, and so does what is around it.
CHANGE_MIN, CHANGE_REACH_PX = 12, 9
# A pixel of the road was free and still in this many samples, and looked the same in half of these: within so many levels.
FREE_MIN, ALIKE_SHARE, ALIKE_LEVELS = 4, 0.5, 16
_ROWS = 64


class EmptyRoad:
    """Takes the frames of a fixed camera, one after the other and all of one size, and gives the empty road."""

    def __init__(self) -> None:
        self._samples: list[tuple[int, Pixels, NDArray[np.bool_]]] = []
        self._every = 1
        self._before: Pixels | None = None

    def add(self, frame: Frame) -> None:
        """Holds the frame where its turn has come."""
        if self._before is not None and frame.number % self._every == 0:
            change = cv2.absdiff(frame.pixels, self._before).max(axis=2) >= CHANGE_MIN
            reach = np.ones((2 * CHANGE_REACH_PX + 1, 2 * CHANGE_REACH_PX + 1), np.uint8)
            still = cv2.dilate(change.astype(np.uint8), reach) == 0
            self._samples.append((frame.number, frame.pixels, still))
            if len(self._samples) > max(FREE_MIN, min(SAMPLES_MAX, HELD_MB_MAX * 1_000_000 // frame.pixels.nbytes)):
                self._samples = self._samples[::2]
                self._every *= 2
        self._before = frame.pixels

    def picture(self, covered: Sequence[Sequence[Box] | None], drove: Sequence[Box]) -> tuple[Pixels, NDArray[np.bool_]]:
        """The road and where it is known, both of the frames' size; elsewhere the picture is black.

        `covered` says by frame number where people, vehicles and plates are, None where nobody knows; `drove` where vehicles
        drove at any time.
        """
        assert self._before is not None, "a road needs frames"
        height, width = self._before.shape[:2]
        road = np.zeros((height, width), np.bool_)
        for box in drove:
            road[_inside(box, width, height)] = True
        usable = [(pixels, still.copy(), covered[number]) for number, pixels, still in self._samples]
        free: list[tuple[Pixels, NDArray[np.bool_]]] = []
        for pixels, still, boxes in usable:
            if boxes is not None:
                for box in boxes:
                    still[_inside(box, width, height)] = False
                free.append((pixels, still))
        picture, known = np.zeros((height, width, 3), np.uint8), np.zeros((height, width), np.bool_)
        if len(free) < FREE_MIN:
            return picture, known
        for top in range(0, height, _ROWS):
            rows = slice(top, top + _ROWS)
            seen = np.stack([pixels[rows] for pixels, _ in free]).astype(np.int16)
            still = np.stack([mask[rows] for _, mask in free])
            count = still.sum(axis=0)
            # What was not free sorts behind everything that was; the lower of the two middle ones is a colour that was there.
            ordered = np.sort(np.where(still[..., None], seen, 1000), axis=0)
            middle = np.take_along_axis(ordered, np.maximum((count - 1) // 2, 0)[None, :, :, None], axis=0)[0]
            alike = (np.abs(seen - middle).max(axis=3) <= ALIKE_LEVELS) & still
            known[rows] = road[rows] & (count >= FREE_MIN) & (alike.sum(axis=0) >= ALIKE_SHARE * count)
            picture[rows] = np.where(known[rows][..., None], middle, 0).astype(np.uint8)
        return picture, known


def _inside(box: Box, width_px: int, height_px: int) -> tuple[slice, slice]:
    """Rows and columns of the box's pixels, its edges rounded outward."""
    rows = slice(min(height_px, max(0, floor(box.top_px))), min(height_px, max(0, ceil(box.bottom_px))))
    return rows, slice(min(width_px, max(0, floor(box.left_px))), min(width_px, max(0, ceil(box.right_px))))
