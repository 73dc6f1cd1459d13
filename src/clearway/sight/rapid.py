"""The first detector and reader, an optional extra: RapidOCR's general text models, asked for lines that may be plates.

They were trained on any printed text, not on plates, so they are slow (about 0.4 CPU-seconds for a 720p picture) but read many
countries without training of ours. The detector proposes lines of a plate's shape; the reader keeps those that read like one.
The recogniser's weights run in our own ONNX session, since RapidOCR returns one probability a line and a fusion needs one for
every character at every place.
"""

import hashlib
import logging
import math
import re
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from clearway import plates
from clearway.errors import InstallationError
from clearway.facts import Box, Detection, Frame, Kind, Pixels, Probabilities, Reading
from clearway.sight.crop import is_cut, upright

try:
    import rapidocr
    from rapidocr.ch_ppocr_det import TextDetOutput
except ModuleNotFoundError as error:
    raise InstallationError(
        "RapidOCR is asked for and not installed.",
        remedy="pip install 'clearway[rapidocr]', or choose another family in [sight.detector] and [sight.reader].",
    ) from error

RECOGNISER_NAME = "PP-OCRv6_rec_small.onnx"
DETECTOR_NAME = "PP-OCRv6_det_small.onnx"
# The recogniser's input (its training configuration): 48 px high, at least 320 px wide, grey beyond the line's end.
LINE_HEIGHT_PX, LINE_WIDTH_MIN_PX, LINE_WIDTH_MAX_PX = 48, 320, 960
# A line of text is 1.2 to 9 times as wide as high on every plate that plates.FORMATS knows; camera overlays are longer.
ASPECT_MIN, ASPECT_MAX = 1.2, 9.0
HEIGHT_MIN_PX = 6.0
CANDIDATES_MAX = 24
# The text detector was trained with the short side at 736 px; much larger pictures only cost time.
SHORT_SIDE_PX, LONG_SIDE_MAX_PX = 736, 2000
# A letter this high, or higher, is read as well as any (the models see lines at 48 px; below about 20 px detail is lost).
LEGIBLE_HEIGHT_PX = 20.0
# What cameras write into their pictures: a time of day without a letter (a sticker between a plate's characters may be read as a
# colon), or a date with its year first or last. No plate is written like this.
CLOCK = re.compile(
    r"^[\d\s.,-]*\d\s?[:：]\s?\d[\d\s.:：-]*$"
    r"|(?<!\w)(19|20)\d\d\s?[-/.]\s?\d\d?(?!\w)|\d\d?\s?[-/.]\s?\d\d?\s?[-/.]\s?(19|20)\d\d(?!\w)"
)


def weights() -> dict[str, Path]:
    """The weights files of this detector and reader, by name; InstallationError where RapidOCR's wheel lacks them."""
    folder = Path(rapidocr.__file__).parent / "models"
    found = {name: folder / name for name in (DETECTOR_NAME, RECOGNISER_NAME)}
    for name, path in found.items():
        if not path.is_file():
            raise InstallationError(f"RapidOCR's weights {name} are not installed.", remedy="install rapidocr 3.10 or later.")
    return found


def _hashed(name: str) -> tuple[tuple[str, str], ...]:
    return ((name, hashlib.sha256(weights()[name].read_bytes()).hexdigest()),)


class RapidDetector:
    """Finds lines of text that have a plate's shape.

    `enlarge_max` bounds how far a small region is enlarged before the search: more finds smaller plates and costs time.
    """

    name = "rapidocr-ppocrv6-small"

    def __init__(self, threads: int = 2, enlarge_max: float = 4.0) -> None:
        self.weights = _hashed(DETECTOR_NAME)
        logging.getLogger("RapidOCR").setLevel(logging.ERROR)
        self._enlarge_max = enlarge_max
        self._engine = rapidocr.RapidOCR(
            params={
                "Global.log_level": "error",
                "Global.use_cls": False,
                "Global.use_rec": False,
                "Global.use_preprocess_img": False,
                "Det.limit_type": "max",  # we choose the scale below
                "Det.limit_side_len": LONG_SIDE_MAX_PX,
                "EngineConfig.onnxruntime.intra_op_num_threads": threads,
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            }
        )

    def find(self, frame: Frame, region: Box) -> tuple[Detection, ...]:
        left, top = math.floor(region.left_px), math.floor(region.top_px)
        part = frame.pixels[top : math.ceil(region.bottom_px), left : math.ceil(region.right_px), ::-1]
        if min(part.shape[:2]) < 2 * HEIGHT_MIN_PX:
            return ()
        short, long = sorted(part.shape[:2])
        scale = min(max(1.0, min(SHORT_SIDE_PX / short, self._enlarge_max)), LONG_SIDE_MAX_PX / long)
        interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        seen = cv2.resize(part, None, fx=scale, fy=scale, interpolation=interpolation)
        found = self._engine(seen, use_det=True, use_cls=False, use_rec=False)
        if not isinstance(found, TextDetOutput) or found.boxes is None or found.scores is None:
            return ()
        to_x, to_y = part.shape[1] / seen.shape[1], part.shape[0] / seen.shape[0]
        detections = []
        for quad, p in zip(found.boxes, found.scores, strict=True):
            corners = np.asarray(quad, np.float64) * (to_x, to_y) + (left, top)
            detection = _plate_shaped(corners, min(1.0, float(p)), region)
            if detection is not None:
                detections.append(detection)
        detections.sort(key=lambda d: -d.p)
        return tuple(detections[:CANDIDATES_MAX])


def _plate_shaped(corners: NDArray[np.float64], p: float, region: Box) -> Detection | None:
    width = float(np.linalg.norm(corners[1] - corners[0]) + np.linalg.norm(corners[2] - corners[3])) / 2
    height = float(np.linalg.norm(corners[3] - corners[0]) + np.linalg.norm(corners[2] - corners[1])) / 2
    if height < HEIGHT_MIN_PX or not ASPECT_MIN <= width / height <= ASPECT_MAX:
        return None
    left, top, right, bottom = (float(edge) for edge in (*corners.min(axis=0), *corners.max(axis=0)))
    box = Box(left, top, right, bottom).common(region)
    if box is None:
        return None
    return Detection(Kind.PLATE, box, p, tuple((float(x), float(y)) for x, y in corners))


class RapidReader:
    """Reads one line as a plate, with a probability for every character at every place."""

    name = "rapidocr-ppocrv6-small"
    temperature = None

    def __init__(self, threads: int = 2) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads, options.log_severity_level = threads, 1, 3
        path = weights()[RECOGNISER_NAME]
        self.weights = _hashed(RECOGNISER_NAME)
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name
        self._characters = self._session.get_modelmeta().custom_metadata_map["character"].splitlines()
        self._classes, self._places = _places_of(self._characters)

    def read(self, frame: Frame, plate: Detection) -> Reading | None:
        line = upright(frame, plate)
        if line is None:
            return None
        (outputs,) = self._session.run(None, {self._input: _prepared(line)})
        reading = _decoded(outputs[0][:, self._classes].astype(np.float64) @ self._places)
        if reading is None or not _reads_like_a_plate(reading) or CLOCK.search(self._line(outputs[0])):
            return None
        legibility = 0.0 if is_cut(frame, plate) else min(1.0, plate.box.height_px / LEGIBLE_HEIGHT_PX)
        return Reading(plates.text_of(reading), reading, legibility, p_whole=float(legibility > 0.0))

    def _line(self, steps: NDArray[np.float32]) -> str:
        """The whole line as printed, with the signs that no plate's text holds: CTC's best path over all classes."""
        best = steps.argmax(axis=1)
        named = ["", *self._characters, " "]
        return "".join(named[now] for before, now in zip([0, *best[:-1]], best, strict=True) if now != before)


def _places_of(characters: list[str]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """The classes that may stand on a plate, and the matrix that adds them up by canonical character: (them, len(ALPHABET)).

    Class 0 is CTC's blank and the last one a space; signs that no plate has (a dot, a star) have no place and so count as blank.
    Most of the recogniser's 18,000 classes do, and are never touched.
    """
    texts = [plates.canonical(character) for character in characters]
    classes = [number for number, text in enumerate(texts, 1) if len(text) == 1]
    matrix = np.zeros((len(classes), len(plates.ALPHABET)))
    matrix[range(len(classes)), [plates.PLACE[texts[number - 1]] for number in classes]] = 1.0
    return np.array(classes, np.intp), matrix


def _prepared(line: Pixels) -> NDArray[np.float32]:
    """The recogniser's input, (1, 3, 48, width): BGR, -1 to 1, zero beyond the line's end."""
    width = min(LINE_WIDTH_MAX_PX, math.ceil(LINE_HEIGHT_PX * line.shape[1] / line.shape[0]))
    resized = cv2.resize(line, (width, LINE_HEIGHT_PX))[:, :, ::-1].astype(np.float32) / 127.5 - 1.0
    prepared = np.zeros((1, 3, LINE_HEIGHT_PX, max(width, LINE_WIDTH_MIN_PX)), np.float32)
    prepared[0, :, :, :width] = resized.transpose(2, 0, 1)
    return prepared


def _decoded(steps: Probabilities) -> Probabilities | None:
    """One row a character: CTC's best path over (steps, alphabet) and what is left for the blank; None where it is empty."""
    blank = np.maximum(0.0, 1.0 - steps.sum(axis=1, keepdims=True))
    best = np.hstack([blank, steps]).argmax(axis=1)
    rows, previous = [], 0
    for step, now in enumerate(best):
        if now == 0:
            previous = 0
        elif now != previous:
            rows.append(steps[step])
            previous = now
        elif steps[step, now - 1] > rows[-1][now - 1]:
            rows[-1] = steps[step]
    if not rows:
        return None
    found = np.array(rows)
    return np.asarray(found / np.maximum(1.0, found.sum(axis=1, keepdims=True)))


def _reads_like_a_plate(p_characters: Probabilities) -> bool:
    """Most lines of text are no plates, whatever their shape."""
    if not 4 <= len(p_characters) <= plates.LENGTH_MAX or not plates.credible(p_characters):
        return False
    return plates.plausible(plates.likeliest(p_characters)[0][0])
