"""Finds what the street detector takes for a plate and is none, for the reader to learn that nothing stands there.

    python -m training.plates.lookalikes --work training/work

Reads WORK/labels.jsonl (`training.street.label`) and looks at every picture of the training half with the weights that the
package carries. What overlaps no plate that anybody labelled or any teacher suspected is kept: WORK/plates/lookalikes.jsonl.
"""

import argparse
import json
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from training.street import data
from training.street.boxes import overlaps
from training.street.measure import LONG, Eyes
from training.street.net import CLASSES

WEIGHTS = Path("src/clearway/sight/weights/street.onnx")
# Far below what the package takes for a plate: what nearly looks like one teaches too.
P_MIN, A_PICTURE_MAX = 0.05, 6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("training/work"))
    parser.add_argument("--labels", type=Path, help="default: WORK/labels.jsonl")
    given = parser.parse_args()
    cv2.setNumThreads(1)
    eyes, kept = Eyes(WEIGHTS, LONG), 0
    to = given.work / "plates/lookalikes.jsonl"
    pictures = [p for p in data.load(given.labels or given.work / "labels.jsonl") if not p.held_out]
    with to.open("w", encoding="utf-8") as out:
        for picture in tqdm(pictures):
            found = eyes(cv2.imread(str(data.DATA / picture.path)))["plate"]
            found = found[found[:, 4] >= P_MIN][:A_PICTURE_MAX]
            plates = np.array([t.box for t in picture.things if t.kind == "plate"], np.float32).reshape(-1, 4)
            if len(plates) and len(found):
                found = found[overlaps(found[:, :4], plates).max(axis=1) == 0]
            for row in found:
                corners = [round(float(v), 1) for v in row[5:13]]
                out.write(json.dumps({"image": picture.path, "corners": corners, "p": round(float(row[4]), 3)}) + "\n")
                kept += 1
    print(f"{kept} look-alikes in {len(pictures)} pictures ({', '.join(CLASSES)}: plates only): {to}")


if __name__ == "__main__":
    main()
