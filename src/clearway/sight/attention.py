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


class Attention:
    """Remembers one small grey picture and says what part of the next one deserves a close look."""

    def __init__(self, share: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)) -> None:
        self._share = share
        self._before: NDArray[np.float32] | None = None

    def region(self, frame: Frame, expected: Sequence[Box]) -> Box | None:
        """The part to look at; None where nothing moved and no vehicle is known. The first frame is looked at whole."""
        left, top, right, bottom = self._share
        watched = Box(left * frame.width_px, top * frame.height_px, right * frame.width_px, bottom * frame.height_px)
        cell_px = frame.width_px / CELLS_ACROSS
        size = (CELLS_ACROSS, max(1, round(frame.height_px / cell_px)))
        # Green carries most of the brightness; one channel is a third of the work.
        now = cv2.resize(frame.pixels[:, :, 1], size, interpolation=cv2.INTER_AREA).astype(np.float32)
        before, self._before = self._before, now
        if before is None or before.shape != now.shape:
            return watched
        rows, columns = np.nonzero(np.abs(now - before) >= CHANGE_MIN)
        boxes = [box.grown(PLATE_MARGIN_WIDTHS * box.width_px) for box in expected]
        if len(rows):
            moved = Box(float(columns.min()), float(rows.min()), columns.max() + 1.0, rows.max() + 1.0).grown(MARGIN_CELLS)
            boxes.append(Box(*(cell_px * edge for edge in (moved.left_px, moved.top_px, moved.right_px, moved.bottom_px))))
        boxes = [box for box in boxes if box.shared_px(watched) > 0]
        if not boxes:
            return None
        return Box(
            max(watched.left_px, min(box.left_px for box in boxes)),
            max(watched.top_px, min(box.top_px for box in boxes)),
            min(watched.right_px, max(box.right_px for box in boxes)),
            min(watched.bottom_px, max(box.bottom_px for box in boxes)),
        )
