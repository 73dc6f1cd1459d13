"""Texts for real plates whose set has only boxes: kept where two readers that know nothing of each other read the same.

    python -m training.plates.agree --work training/work --peer ../shared/peers/fast_alpr

The readers are the peer, fast-alpr, and RapidOCR's general recogniser; for plates to learn from also the last checkpoint of our
own, once there is one: run this again when it reads well. What is held out is labelled by the two foreign readers alone, or ours
would be measured on what it can read. Writes WORK/plates/agreed.jsonl, one line a plate:
{"image", "box": [x, y, w, h], "text", "held_out"}.
"""

import argparse
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import cv2
import torch

from clearway import plates
from clearway.facts import Box, Frame
from clearway.sight.rapid import RapidDetector, RapidReader
from training.plates.grounds import DATA, rows
from training.plates.measure import as_seen, load, read_all, spelled
from training.plates.render import Drawn, Pixels

SETS = ("boxes/ro_detect", "boxes/roboflow_mixed_detect", "boxes/corners_iwpod")
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

    alpr, rapid = make(), rapid_ocr()
    checkpoint = given.work / "plates/reader.pt"
    ours = our_own(checkpoint) if checkpoint.is_file() else None
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    found, seen, lines = 0, 0, []
    for name in SETS:
        for held in (False, True):
            for row in rows(DATA / "plates/train" / name, held=held):
                picture = cv2.imread(str(DATA / "plates/train" / name / row["image"]))
                for result in alpr.predict(picture):
                    seen += 1
                    there = result.detection.bounding_box
                    box = Box(there.x1, there.y1, there.x2, there.y2)
                    said = plates.canonical(result.ocr.text if result.ocr else "")
                    if box.width_px < WIDTH_MIN_PX or len(said) < LENGTH_MIN:
                        continue
                    others = (rapid,) if held or ours is None else (ours, rapid)
                    if any(read(picture, box) == said for read in others):
                        found += 1
                        place = [box.left_px, box.top_px, box.width_px, box.height_px]
                        lines.append({"image": f"{name}/{row['image']}", "box": place, "text": said, "held_out": held})
            print(f"{name} {'held out' if held else 'to train on'}: {found} of {seen} plates agreed so far", flush=True)
    told = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    (given.work / "plates/agreed.jsonl").write_text(told, encoding="utf-8")


def our_own(checkpoint: Path) -> ReadThere:
    reader = load(checkpoint)

    def read(picture: Pixels, box: Box) -> str:
        part = picture[max(0, int(box.top_px)) : int(box.bottom_px), max(0, int(box.left_px)) : int(box.right_px), ::-1]
        characters, _, _ = read_all(reader, [as_seen(Drawn(part, (), "", ()))])
        return spelled(characters[0])

    return read


def rapid_ocr() -> ReadThere:
    """RapidOCR's surest line around the box."""
    detector, reader = RapidDetector(threads=1), RapidReader(threads=1)

    def read(picture: Pixels, box: Box) -> str:
        grow = 0.35 * box.width_px
        left, top = max(0, int(box.left_px - grow)), max(0, int(box.top_px - grow))
        part = cv2.cvtColor(picture[top : int(box.bottom_px + grow), left : int(box.right_px + grow)], cv2.COLOR_BGR2RGB)
        frame = Frame("agree", 0, datetime.now(UTC), 0.0, part)
        inside = box.moved(-left, -top).grown(4)
        readings = [
            reading
            for detection in detector.find(frame, frame.whole)
            if detection.box.shared_px(inside) > 0.5 * detection.box.area_px
            and (reading := reader.read(frame, detection)) is not None
        ]
        return max(readings, key=lambda r: r.p).text if readings else ""

    return read


if __name__ == "__main__":
    main()
