"""Texts for real plates whose set has only boxes: kept where two readers that know nothing of each other read the same.

    python -m training.plates.agree --work training/work --peer ../shared/peers/fast_alpr

The two are RapidOCR's general recogniser (with `clearway.sight.rapid`'s detector for its lines) and the peer, fast-alpr. Writes
WORK/plates/agreed.jsonl, one line a plate: {"image", "box": [x, y, w, h], "text", "held_out"}.
"""

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import cv2

from clearway import plates
from clearway.facts import Box, Frame
from clearway.sight.rapid import RapidDetector, RapidReader
from training.plates.grounds import DATA, rows

SETS = ("boxes/ro_detect", "boxes/roboflow_mixed_detect", "boxes/corners_iwpod")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("training/work"))
    parser.add_argument("--peer", type=Path, default=Path("../shared/peers/fast_alpr"))
    given = parser.parse_args()
    sys.path.insert(0, str(given.peer))
    from run import make  # noqa: PLC0415 - the peer's runner lies outside the project

    alpr, detector, reader = make(), RapidDetector(threads=1), RapidReader(threads=1)
    (given.work / "plates").mkdir(parents=True, exist_ok=True)
    found, seen = 0, 0
    with (given.work / "plates/agreed.jsonl").open("w", encoding="utf-8") as lines:
        for name in SETS:
            for held in (False, True):
                for row in rows(DATA / "plates/train" / name, held=held):
                    picture = cv2.imread(str(DATA / "plates/train" / name / row["image"]))
                    for result in alpr.predict(picture):
                        seen += 1
                        box = result.detection.bounding_box
                        text = plates.canonical(result.ocr.text if result.ocr else "")
                        width, height = box.x2 - box.x1, box.y2 - box.y1
                        if width < 24 or len(text) < 4:
                            continue
                        if _read(picture, box, detector, reader) != text:
                            continue
                        found += 1
                        told = {
                            "image": f"{name}/{row['image']}",
                            "box": [box.x1, box.y1, width, height],
                            "text": text,
                            "held_out": held,
                        }
                        lines.write(json.dumps(told, ensure_ascii=False) + "\n")
                        lines.flush()
                print(f"{name} {'held out' if held else 'to train on'}: {found} of {seen} plates agreed so far", flush=True)


def _read(picture, box, detector: RapidDetector, reader: RapidReader) -> str:
    """What RapidOCR reads around the peer's box: its surest line there."""
    grow = 0.35 * (box.x2 - box.x1)
    left, top = max(0, int(box.x1 - grow)), max(0, int(box.y1 - grow))
    part = cv2.cvtColor(picture[top : int(box.y2 + grow), left : int(box.x2 + grow)], cv2.COLOR_BGR2RGB)
    frame = Frame("agree", 0, datetime.now(UTC), 0.0, part)
    inside = Box(box.x1 - left - 4, box.y1 - top - 4, box.x2 - left + 4, box.y2 - top + 4)
    readings = [
        reading
        for detection in detector.find(frame, frame.whole)
        if detection.box.shared_px(inside) > 0.5 * detection.box.area_px
        and (reading := reader.read(frame, detection)) is not None
    ]
    return max(readings, key=lambda r: r.p).text if readings else ""


if __name__ == "__main__":
    main()
