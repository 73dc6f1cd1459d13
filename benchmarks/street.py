"""Faces and vehicles: how many of them a detector finds. A face is found to be hidden, so what counts is how much is covered."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tqdm import tqdm

from clearway.camera.clip import Clip
from clearway.camera.stills import read_picture
from clearway.evidence.hide import with_margin
from clearway.facts import Box, Detection, Frame, Kind, Pixels
from clearway.testing.score import Share
from sets import SHARED, Picture, scorer

Look = Callable[[Frame], tuple[Detection, ...]]
SCORER = scorer()
FACE_MIN_PX, COVERED_MIN = 20.0, 0.9
VEHICLE_MIN_PX, OVERLAP_MIN = 24.0, 0.5
# The clips of at least 720 lines; every so many frames one is looked at.
CLIPS = ("udacity_vehdet_test_video.mp4", "parkpow_cars.mp4", "anmspro_test1.mp4", "egoblur_gen2_lp.mp4")
FRAMES_A_CLIP = 12


@dataclass(frozen=True, slots=True)
class FacesFound:
    """`covered` faces among those large enough, `false` boxes that meet no labelled face, in `pictures`; `boxes` in all."""

    covered: Share
    false: int
    pictures: int
    boxes: int


def faces(pictures: Sequence[Picture], look: Look) -> FacesFound:
    """How many labelled faces are covered by what `look` finds, with the margin that every face is hidden with."""
    covered = count = false = boxes = 0
    for one in tqdm(pictures, desc="faces", leave=False):
        pixels, _ = read_picture(one.path)
        found = [with_margin(d.box) for d in look(_frame(pixels)) if d.kind is Kind.FACE]
        boxes += len(found)
        labels = [label["box"] for label in one.row["faces"]]
        false += sum(not any(SCORER.meets(_corners(box), label) for label in labels) for box in found)
        hidden = np.zeros(pixels.shape[:2], np.bool_)
        for box in found:
            hidden[max(0, int(box.top_px)) : round(box.bottom_px), max(0, int(box.left_px)) : round(box.right_px)] = True
        for x, y, w, h in labels:
            if min(w, h) >= FACE_MIN_PX:
                count += 1
                covered += float(hidden[y : y + h, x : x + w].mean()) >= COVERED_MIN
    return FacesFound(Share(covered, count), false, len(pictures), boxes)


@dataclass(frozen=True, slots=True)
class VehiclesFound:
    """The teacher's vehicles that are met, in `frames`; `boxes` that were found in all."""

    met: Share
    frames: int
    boxes: int


def vehicles(look: Look) -> VehiclesFound:
    """How many of the vehicles that the teacher sees in 720 lines are found there."""
    teacher = Teacher()
    met = count = boxes = frames = 0
    for name in tqdm(CLIPS, desc="vehicles", leave=False):
        source = Clip(SHARED / "data/video" / name, "bench", 0.0)
        every = max(1, (source.frames_expected or FRAMES_A_CLIP) // FRAMES_A_CLIP)
        for frame in source:
            if frame.number % every:
                continue
            width_px = round(720 * frame.width_px / frame.height_px)
            pixels = np.asarray(cv2.resize(frame.pixels, (width_px, 720), interpolation=cv2.INTER_AREA), np.uint8)
            found = [d.box for d in look(_frame(pixels)) if d.kind is Kind.VEHICLE]
            frames, boxes = frames + 1, boxes + len(found)
            for wanted in teacher.vehicles(pixels):
                if min(wanted.width_px, wanted.height_px) >= VEHICLE_MIN_PX:
                    count += 1
                    met += any(wanted.overlap(box) >= OVERLAP_MIN for box in found)
    return VehiclesFound(Share(met, count), frames, boxes)


class Teacher:
    """NanoDet-Plus at 416 px (../shared/teachers), asked about the whole picture and about overlapping squares of it."""

    # Cars, buses, lorries among COCO's classes.
    CLASSES = (2, 5, 7)
    SIDE_PX, BINS = 416, 8
    P_MIN, OVERLAP_MAX = 0.5, 0.6
    SQUARE_PX = 640

    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        path = SHARED / "teachers/nanodet-plus-m_416.onnx"
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        cells = []
        for stride in (8, 16, 32, 64):
            count = -(-self.SIDE_PX // stride)
            y, x = np.mgrid[:count, :count]
            cells.append(np.stack([x.ravel() * stride, y.ravel() * stride, np.full(count * count, stride)], 1))
        self._cells = np.concatenate(cells).astype(np.float32)

    def vehicles(self, pixels: Pixels) -> list[Box]:
        """The vehicles in a picture, surest first; what a square cuts is left to its neighbour."""
        height, width = pixels.shape[:2]
        found = self._in_part(pixels, 0, 0)
        for top in _starts(height, self.SQUARE_PX):
            for left in _starts(width, self.SQUARE_PX):
                part = pixels[top : top + self.SQUARE_PX, left : left + self.SQUARE_PX]
                found += [one for one in self._in_part(part, left, top) if not _cut(one[1], left, top, part, pixels)]
        kept: list[Box] = []
        for _, box in sorted(found, key=lambda one: -one[0]):
            if all(box.overlap(other) <= self.OVERLAP_MAX and not _within(box, other) for other in kept):
                kept.append(box)
        return kept

    def _in_part(self, part: Pixels, left: int, top: int) -> list[tuple[float, Box]]:
        """Vehicles with their scores, placed in the whole picture, whose part this is."""
        scale = self.SIDE_PX / max(part.shape[:2])
        small = cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)[: self.SIDE_PX, : self.SIDE_PX, ::-1]
        square = np.full((self.SIDE_PX, self.SIDE_PX, 3), 114.0, np.float32)
        square[: small.shape[0], : small.shape[1]] = small
        prepared = (square - (103.53, 116.28, 123.675)) / (57.375, 57.12, 58.395)
        out = self._session.run(None, {"data": prepared.astype(np.float32).transpose(2, 0, 1)[None]})[0][0]
        scores = out[:, self.CLASSES].max(1)
        sure = scores >= self.P_MIN
        spread = np.exp(out[sure, 80:].reshape(-1, 4, self.BINS))
        reach = (spread / spread.sum(-1, keepdims=True) @ np.arange(self.BINS, dtype=np.float32)) * self._cells[sure, 2:]
        centres = self._cells[sure, :2]
        boxes = np.hstack([centres - reach[:, :2], centres + reach[:, 2:]]) / scale
        placed = []
        for p, (x0, y0, x1, y1) in zip(scores[sure], boxes, strict=True):
            if x1 - x0 >= 2 and y1 - y0 >= 2:
                inside = Box(x0, y0, x1, y1).within(part.shape[1], part.shape[0])
                placed += [(float(p), inside.moved(left, top))] if inside is not None else []
        return placed


def _starts(length: int, side: int) -> NDArray[np.int_]:
    """Where overlapping squares begin so that they cover a length."""
    return np.linspace(0, max(0, length - side), max(1, round(1.4 * length / side))).astype(int)


def _cut(box: Box, left: int, top: int, part: Pixels, pixels: Pixels) -> bool:
    """Whether a box touches an edge of its part that is no edge of the picture."""
    right, bottom = left + part.shape[1], top + part.shape[0]
    return (
        (left > 0 and box.left_px < left + 4)
        or (top > 0 and box.top_px < top + 4)
        or (right < pixels.shape[1] and box.right_px > right - 4)
        or (bottom < pixels.shape[0] and box.bottom_px > bottom - 4)
    )


def _within(box: Box, other: Box) -> bool:
    """Whether a box is a part of a much larger one: what a close look at half a lorry gives."""
    return box.shared_px(other) > 0.85 * box.area_px and other.area_px > 1.5 * box.area_px


def _corners(box: Box) -> list[float]:
    return [box.left_px, box.top_px, box.right_px, box.bottom_px]


def _frame(pixels: Pixels) -> Frame:
    return Frame("bench", 0, datetime.now(UTC), 0.0, pixels)
