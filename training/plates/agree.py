"""Texts for real plates whose set has only boxes: kept where two readers that know nothing of each other read the same.

    python -m training.plates.agree --work training/work --peer ../shared/peers/fast_alpr

The readers are the peer, fast-alpr, RapidOCR's general recogniser, and, for plates to learn from, our own as the package carries
it: run this again when that reads better. What is held out is labelled by the two foreign readers alone, or ours would be
measured on what it can read. Writes WORK/plates/agreed.jsonl, one line a plate:
{"image", "box": [x, y, w, h], "text", "held_out"}.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import cv2
import torch

from clearway import plates
from clearway.facts import Box, Frame, Kind
from clearway.ports import Detector, Reader
from clearway.sight.network import OUR_OWN, Weights
from clearway.sight.plate import PlateReader
from clearway.sight.rapid import RapidDetector, RapidReader
from clearway.sight.street import StreetDetector
from training.plates.grounds import BOXES, DATA, rows
from training.plates.render import Pixels

WIDTH_MIN_PX, LENGTH_MIN = 24, 4

ReadThere = Callable[[Pixels, Box], str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("training/work"))
    parser.add_argument("--peer", type=Path, default=Path("../shared/peers/fast_alpr"))
    given = parser.parse_args()
    torch.set_num_threads(1)
    sys.path.insert(0, str(given.peer))
    from run import make  # noqa: PLC0415 - the peer's runner lies outside the project

    alpr, rapid, ours = make(), rapid_ocr(), our_own()
    (given.work / "plates").mkdir(parents=True, exist_ok=True)
    found, seen, lines = 0, 0, []
    for name in (f"boxes/{name}" for name in BOXES):
        for held in (False, True):
            for row in rows(DATA / "plates/train" / name, held=held):
                picture = cv2.imread(str(DATA / "plates/train" / name / row["image"]))
                for result in alpr.predict(picture):
                    seen += 1
                    there = result.detection.bounding_box
                    box = Box(there.x1, there.y1, there.x2, there.y2)
                    if box.width_px < WIDTH_MIN_PX:
                        continue
                    said = [plates.canonical(result.ocr.text if result.ocr else ""), rapid(picture, box)]
                    said += [] if held else [ours(picture, box)]
                    text, votes = Counter(said).most_common(1)[0]
                    if votes >= 2 and len(text) >= LENGTH_MIN:
                        found += 1
                        place = [box.left_px, box.top_px, box.width_px, box.height_px]
                        lines.append({"image": f"{name}/{row['image']}", "box": place, "text": text, "held_out": held})
            print(f"{name} {'held out' if held else 'to train on'}: {found} of {seen} plates agreed so far", flush=True)
    told = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    (given.work / "plates/agreed.jsonl").write_text(told, encoding="utf-8")


def our_own() -> ReadThere:
    """The package's own reader, by the corners that its detector finds."""
    weights = [
        Weights(OUR_OWN / f"{name}.onnx", sha256((OUR_OWN / f"{name}.onnx").read_bytes()).hexdigest())
        for name in ("street", "plate")
    ]
    return beside(StreetDetector(weights[0], threads=1), PlateReader(weights[1], threads=1))


def rapid_ocr() -> ReadThere:
    """RapidOCR's surest line."""
    return beside(RapidDetector(threads=1), RapidReader(threads=1))


def beside(detector: Detector, reader: Reader) -> ReadThere:
    """What a pair of ours reads most surely in a box and a little around it."""

    def read(picture: Pixels, box: Box) -> str:
        grow = 0.35 * box.width_px
        left, top = max(0, int(box.left_px - grow)), max(0, int(box.top_px - grow))
        part = cv2.cvtColor(picture[top : int(box.bottom_px + grow), left : int(box.right_px + grow)], cv2.COLOR_BGR2RGB)
        frame = Frame("agree", 0, datetime.now(UTC), 0.0, part)
        inside = box.moved(-left, -top).grown(4)
        readings = [
            reading
            for detection in detector.find(frame, frame.whole)
            if detection.kind is Kind.PLATE
            and detection.box.shared_px(inside) > 0.5 * detection.box.area_px
            and (reading := reader.read(frame, detection)) is not None
        ]
        return max(readings, key=lambda r: r.p).text if readings else ""

    return read


if __name__ == "__main__":
    main()
