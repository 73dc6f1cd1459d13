"""Other people's weights: the detector and the reader of fast-alpr (MIT), by the same door as ours.

    [sight.detector]                          [sight.reader]
    family = "yolov9-plate"                   family = "cct-plate"
    file = "yolo-v9-t-….onnx"                 file = "cct_xs_v2_global.onnx"
    sha256 = "…"                              sha256 = "…"

What goes before and after the networks is written here anew, so that nothing of fast-alpr need be installed. A picture is
prepared as in open-image-models 0.6 and fast-plate-ocr 1.1.
"""

import math

import cv2
import numpy as np

from clearway import plates
from clearway.facts import Box, Detection, Frame, Kind, Reading
from clearway.sight.crop import is_cut, upright
from clearway.sight.network import Array, Family, Network, Weights

# Rows of (picture, left, top, right, bottom, class, p), already apart from each other.
YOLOV9 = Family("yolov9-plate", Array("images", (1, 3, None, None)), (Array("output0", (None, 7)),))
SIDE_MIN_PX, SIDE_MAX_PX = 8, 1280
BEYOND = 114
# fast-alpr 0.4.0 asks for this much; each class is a plate, since its detectors know no other.
P_MIN = 0.4
FOUND_MAX = 100

SLOTS = 10
CCT_WIDTH_PX, CCT_HEIGHT_PX = 128, 64
# cct_xs_v2_global_plate_config.yaml: the letters of each slot, the last of which says that it is empty. The other output tells
# regions by names of countries; nothing here needs them.
CCT_ALPHABET = plates.LATIN + "_"
CCT = Family(
    "cct-plate",
    Array("input", (None, CCT_HEIGHT_PX, CCT_WIDTH_PX, 3), "uint8"),
    (Array("plate", (None, SLOTS, len(CCT_ALPHABET))), Array("region", (None, 66))),
)
# It says nothing about legibility, so the plate's height must: a letter this high is read as well as any.
LEGIBLE_HEIGHT_PX = 20.0


class YoloDetector:
    """Finds plates, by their boxes alone."""

    def __init__(self, weights: Weights, threads: int = 2) -> None:
        self._network = Network(YOLOV9, weights, threads)
        self.name, self.weights = self._network.name, self._network.weights
        *_, height, width = self._network.takes()
        if not (isinstance(height, int) and height == width and height <= SIDE_MAX_PX):
            self._network.refuse(f"takes pictures of {height} x {width}, not of one square size up to {SIDE_MAX_PX}")
        self._side = height

    def find(self, frame: Frame, region: Box) -> tuple[Detection, ...]:
        left, top = math.floor(region.left_px), math.floor(region.top_px)
        part = frame.pixels[top : math.ceil(region.bottom_px), left : math.ceil(region.right_px)]
        height, width = part.shape[:2]
        if min(height, width) < SIDE_MIN_PX:
            return ()
        scale = self._side / max(height, width)
        seen = cv2.resize(part, (max(1, round(width * scale)), max(1, round(height * scale))), interpolation=cv2.INTER_LINEAR)
        # The picture stands in the middle of the square, an odd pixel to the right and below.
        x, y = (self._side - seen.shape[1]) // 2, (self._side - seen.shape[0]) // 2
        pixels = np.full((1, 3, self._side, self._side), BEYOND / 255, np.float32)
        pixels[0, :, y : y + seen.shape[0], x : x + seen.shape[1]] = seen.transpose(2, 0, 1) / np.float32(255)
        (rows,) = self._network(pixels)
        found = []
        for row in rows[np.isfinite(rows).all(axis=1)].astype(float):
            _, x0, y0, x1, y1, _, p = (float(number) for number in row)
            if P_MIN <= p <= 1.0 and x0 < x1 and y0 < y1:
                box = Box((x0 - x) / scale + left, (y0 - y) / scale + top, (x1 - x) / scale + left, (y1 - y) / scale + top)
                if (inside := box.common(region)) is not None:
                    found.append(Detection(Kind.PLATE, inside, p))
        return tuple(sorted(found, key=lambda one: -one.p)[:FOUND_MAX])


class CctReader:
    """Reads up to ten Latin letters and digits, each in a slot of its own."""

    temperature = None

    def __init__(self, weights: Weights, threads: int = 2) -> None:
        self._network = Network(CCT, weights, threads)
        self.name, self.weights = self._network.name, self._network.weights

    def read(self, frame: Frame, plate: Detection) -> Reading | None:
        flat = upright(frame, plate)
        if flat is None:
            return None
        seen = cv2.resize(flat, (CCT_WIDTH_PX, CCT_HEIGHT_PX), interpolation=cv2.INTER_LINEAR)
        slots = self._network(np.ascontiguousarray(seen[None], np.uint8))[0][0].astype(np.float64)
        if not np.isfinite(slots).all():
            return None
        # Probabilities already; what the empty sign has is missing from 1, as a `Reading` wants it.
        slots = slots.clip(0.0) / np.maximum(slots.clip(0.0).sum(axis=1, keepdims=True), 1e-9)
        written = slots[slots.argmax(axis=1) != len(CCT_ALPHABET) - 1, :-1]
        p_characters = np.zeros((len(written), len(plates.ALPHABET)))
        p_characters[:, [plates.PLACE[character] for character in CCT_ALPHABET[:-1]]] = written
        if not len(written) or not plates.credible(p_characters):
            return None
        legibility = 0.0 if is_cut(frame, plate) else min(1.0, plate.box.height_px / LEGIBLE_HEIGHT_PX)
        return Reading(plates.text_of(p_characters), p_characters, legibility, p_whole=float(legibility > 0.0))
