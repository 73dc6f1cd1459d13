"""The road when it was empty: a picture put together from the moments in which each part of it was still and free.

Only where a vehicle drove is there a road. That alone keeps out what stands at its side: people who wait, parked vehicles,
windows. Pictures are held in memory, and few of them. What was covered in a picture has no say in what the road looks like, nor
in where it is shown.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import hypot

import cv2
import numpy as np
from numpy.typing import NDArray

from clearway.evidence.hide import Track, with_margin
from clearway.evidence.redact import FILL_RGB, filled_px
from clearway.facts import Box, Detection, Frame, Pixels

# Held pictures: spread over the clip, however long it is.
SAMPLES_MAX, HELD_MB_MAX = 24, 512
# A pixel moves where a channel changes by this much (of 255) from one frame to the next, and so does what is around it.
CHANGE_MIN, CHANGE_REACH_PX = 12, 9
# A pixel of the road was free and still in this many samples, and looked the same in half of these: within so many levels.
FREE_MIN, ALIKE_SHARE, ALIKE_LEVELS = 4, 0.5, 16
_ROWS = 64


@dataclass(frozen=True, slots=True, eq=False)
class _Sample:
    """A held frame, and where the picture changed from the one before it."""

    frame: Frame
    change: NDArray[np.bool_]


class EmptyRoad:
    """Takes the frames of a fixed camera, one after the other and all of one size, and gives the empty road."""

    def __init__(self) -> None:
        self._samples: list[_Sample] = []
        self._every, self._count = 1, 0
        self._before: Frame | None = None

    def add(self, frame: Frame) -> None:
        """Holds the frame where its turn has come."""
        if self._before is not None and self._count % self._every == 0:
            change = cv2.absdiff(frame.pixels, self._before.pixels).max(axis=2) >= CHANGE_MIN
            self._samples.append(_Sample(frame, change))
            if len(self._samples) > max(FREE_MIN, min(SAMPLES_MAX, HELD_MB_MAX * 1_000_000 // frame.pixels.nbytes)):
                self._samples = self._samples[::2]
                self._every *= 2
        self._before = frame
        self._count += 1

    @property
    def samples(self) -> tuple[Frame, ...]:
        """The frames that are held, in their order."""
        return tuple(sample.frame for sample in self._samples)

    def picture(
        self,
        covered: Mapping[int, Sequence[Box] | None],
        drove: Sequence[Box],
        never: Sequence[Box],
        find: Callable[[Frame], Sequence[Detection] | None],
    ) -> Pixels:
        """The road, of the frames' size; FILL_RGB where it is not known.

        `covered` says by frame number where people, vehicles and plates are, None where nobody knows; `drove` where vehicles
        drove at any time, `never` what is not the road at any. What is found in the finished picture is filled, with its
        margin; all of it where `find` gives None.
        """
        assert self._before is not None, "a road needs frames"
        seen, known = self._seen(covered, drove, never)
        shown = np.where(known[:, :, None], seen, np.array(FILL_RGB, np.uint8))
        if known.any():
            # What nobody knows is grey here, so that it has no say in what is found either.
            found = find(Frame("road", 0, self._before.captured_at, 0.0, shown))
            if found is None:
                shown[:] = FILL_RGB
            for one in found or ():
                shown[_inside(with_margin(one.box), *shown.shape[1::-1])] = FILL_RGB
        return shown

    def _seen(
        self, covered: Mapping[int, Sequence[Box] | None], drove: Sequence[Box], never: Sequence[Box]
    ) -> tuple[Pixels, NDArray[np.bool_]]:
        """The middle of what was seen of the road, and where it is known."""
        assert self._before is not None
        height, width = self._before.pixels.shape[:2]

        def marked(boxes: Sequence[Box]) -> NDArray[np.bool_]:
            mask = np.zeros((height, width), np.bool_)
            for box in boxes:
                mask[_inside(box, width, height)] = True
            return mask

        road = marked(drove) & ~marked(never)
        reach = np.ones((2 * CHANGE_REACH_PX + 1, 2 * CHANGE_REACH_PX + 1), np.uint8)
        free: list[tuple[Pixels, NDArray[np.bool_]]] = []
        for sample in self._samples:
            boxes = covered[sample.frame.number]
            if boxes is not None:
                # What is covered may move as it likes: whether a pixel is still, only those that are not covered say.
                open_ = road & ~marked(boxes)
                moves = cv2.dilate((sample.change & open_).astype(np.uint8), reach) > 0
                free.append((sample.frame.pixels, open_ & ~moves))
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
            known[rows] = (count >= FREE_MIN) & (alike.sum(axis=0) >= ALIKE_SHARE * count)
            picture[rows] = np.where(known[rows][..., None], middle, 0).astype(np.uint8)
        return picture, known


def moved(track: Track) -> bool:
    """Whether the thing moved by more than half of its size."""
    first, last = track.boxes[0], track.boxes[-1]
    (x, y), (to_x, to_y) = first.centre_px, last.centre_px
    return hypot(to_x - x, to_y - y) > 0.5 * max(first.width_px, first.height_px)


def lower_half(box: Box) -> Box:
    """Where on the road the vehicle in that box is."""
    return Box(box.left_px, box.bottom_px - 0.5 * box.height_px, box.right_px, box.bottom_px)


def _inside(box: Box, width_px: int, height_px: int) -> tuple[slice, slice]:
    """Rows and columns of the box's pixels, its edges rounded outward."""
    left, top, right, bottom = filled_px(box, (0, 0, width_px, height_px)) or (0, 0, 0, 0)
    return slice(top, bottom), slice(left, right)
