"""Where to look closely: where something moved since the last look, and where vehicles are already known to be."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from clearway.facts import Box, Frame

# The picture is compared as a small grey one; a cell is about a bumper's size at 720p.
CELLS_ACROSS = 80
# Grey levels (of 255) by which a cell must have changed. Sensor noise averages out over the pixels of a cell.
CHANGE_MIN = 10.0
# What is looked at reaches beyond what moved, so that a plate at its rim is whole.
MARGIN_CELLS = 3
PLATE_MARGIN_WIDTHS = 2.0


# More separate places than this are looked at as one: each look has a price of its own.
REGIONS_MAX = 6


class Attention:
    """Remembers one small grey picture and says what parts of the next one deserve a close look."""

    def __init__(self, share: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)) -> None:
        self._share = share
        self._before: NDArray[np.float32] | None = None

    def regions(self, frame: Frame, expected: Sequence[Box]) -> tuple[Box, ...]:
        """The parts to look at, apart from each other; none where nothing moved and no vehicle is known.

        `expected` are the plates of vehicles in view. The first frame is looked at whole.
        """
        left, top, right, bottom = self._share
        watched = Box(left * frame.width_px, top * frame.height_px, right * frame.width_px, bottom * frame.height_px)
        cell_px = frame.width_px / CELLS_ACROSS
        size = (CELLS_ACROSS, max(1, round(frame.height_px / cell_px)))
        # Green carries most of the brightness; one channel is a third of the work.
        now = cv2.resize(frame.pixels[:, :, 1], size, interpolation=cv2.INTER_AREA).astype(np.float32)
        before, self._before = self._before, now
        if before is None or before.shape != now.shape:
            return (watched,)
        moved = (np.abs(now - before) >= CHANGE_MIN).astype(np.uint8)
        reach = np.ones((2 * MARGIN_CELLS + 1, 2 * MARGIN_CELLS + 1), np.uint8)
        _, _, stats, _ = cv2.connectedComponentsWithStats(cv2.dilate(moved, reach))
        boxes = [box.grown(PLATE_MARGIN_WIDTHS * box.width_px) for box in expected]
        boxes += [Box(*(cell_px * float(edge) for edge in (x, y, x + w, y + h))) for x, y, w, h, _ in stats[1:]]
        return _apart([part for box in boxes if (part := box.common(watched)) is not None])


def _apart(boxes: Sequence[Box]) -> tuple[Box, ...]:
    """Boxes that do not meet and together cover all of these; one where they would be too many."""
    separate: list[Box] = []
    for box in boxes:
        grown = box
        while touching := [other for other in separate if other.shared_px(grown) > 0]:
            separate = [other for other in separate if other not in touching]
            grown = _around([grown, *touching])
        separate.append(grown)
    return tuple(separate) if len(separate) <= REGIONS_MAX else (_around(separate),)


def _around(boxes: Sequence[Box]) -> Box:
    return Box(
        min(box.left_px for box in boxes),
        min(box.top_px for box in boxes),
        max(box.right_px for box in boxes),
        max(box.bottom_px for box in boxes),
    )
