"""One plate out of its frame: upright and filling a picture of its own, whole or cut by the frame's edge."""

import math

import cv2
import numpy as np

from clearway.facts import Detection, Frame, Pixels

# No reader sees more of a plate than this. A larger one is made smaller first, or strokes would fall between the pixels.
LONG_SIDE_MAX_PX = 640
SHORT_SIDE_MIN_PX = 3
CUT_MARGIN_PX = 2.0


def upright(frame: Frame, plate: Detection, margin: tuple[float, float] = (0.0, 0.0)) -> Pixels | None:
    """The plate as seen from straight ahead, (h, w, 3), at about its own size; None where nothing of it can be seen.

    `margin` is what is shown beside it and above and below it, as shares of its width and height. Without corners its box is
    taken for it; what lies outside the frame repeats the frame's edge.
    """
    box = plate.box
    of_box = ((box.left_px, box.top_px), (box.right_px, box.top_px), (box.right_px, box.bottom_px), (box.left_px, box.bottom_px))
    corners = np.array(plate.corners or of_box, np.float64)
    across, down = corners[[1, 2]] - corners[[0, 3]], corners[[3, 2]] - corners[[0, 1]]
    size = np.array([np.hypot(*across.T).max(), np.hypot(*down.T).max()])
    if not (size.min() >= SHORT_SIDE_MIN_PX and math.isfinite(size.max())):
        return None
    # Only the neighbourhood is touched, since a frame may have 64 million pixels.
    reach = size * margin + 2.0
    left, top = np.maximum(np.floor(corners.min(axis=0) - reach), 0.0).astype(int)
    right, bottom = np.minimum(np.ceil(corners.max(axis=0) + reach), (frame.width_px, frame.height_px)).astype(int)
    if left >= right or top >= bottom:
        return None
    near, corners = frame.pixels[top:bottom, left:right], corners - (left, top)
    scale = min(1.0, LONG_SIDE_MAX_PX / float(size.max()))
    if scale < 1.0:
        smaller = (max(1, round(near.shape[1] * scale)), max(1, round(near.shape[0] * scale)))
        corners *= (smaller[0] / near.shape[1], smaller[1] / near.shape[0])
        near = np.asarray(cv2.resize(near, smaller, interpolation=cv2.INTER_AREA), np.uint8)
    size = np.maximum(1.0, size * scale)
    shown = np.ceil(size * (1.0 + 2.0 * np.array(margin))).astype(int)
    inner = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * size + (shown - size) / 2
    # Half a pixel: a box counts from the edge of the first pixel, OpenCV from its middle.
    warp = cv2.getPerspectiveTransform((corners - 0.5).astype(np.float32), (inner - 0.5).astype(np.float32))
    flat = cv2.warpPerspective(near, warp, (int(shown[0]), int(shown[1])), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(flat, np.uint8)


def is_cut(frame: Frame, plate: Detection) -> bool:
    """Whether the plate touches the frame's edge, so that a part of it may be missing.

    Where the plate is said to be the whole frame, somebody cut the picture to it.
    """
    box = plate.box
    edges = (box.left_px, box.top_px, frame.width_px - box.right_px, frame.height_px - box.bottom_px)
    return min(edges) <= CUT_MARGIN_PX and box != frame.whole
