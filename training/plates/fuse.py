"""How far the frames of one passage are independent witnesses: finds INDEPENDENCE of clearway/track/fusion.py.

    python -m training.plates.fuse --agreed training/work/plates/agreed.jsonl --weights src/clearway/sight/weights/plate.onnx

Plates that training never saw become nine simulated frames each, 48, 64 and 96 px wide (../shared/measure/narrow.py), are read,
and fused with several exponents. One line an exponent: for one, three and nine frames the share of plates that is right, what was
claimed on the mean, and the log loss of the true text. The best exponent has the least loss and claims what is right.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np

from clearway import plates
from clearway.facts import Detection, Frame, Kind, Reading
from clearway.sight.network import Weights
from clearway.sight.plate import PlateReader
from clearway.track import fusion
from training.plates.grounds import DATA, rows

WIDTHS_PX, FRAMES = (48, 64, 96), 9
EXPONENTS = (0.0, 0.125, 0.25, 0.375, 0.5, 0.75, 1.0)
# A truth that is not among the spellings counts as this likely.
P_LEAST = 1e-3

Box = list[float]


def held_out(agreed: Path) -> Iterator[tuple[Path, Box | None, str]]:
    """Real plates that training never saw: the picture, the plate's place in it (None: all of it), and its text."""
    for row in map(json.loads, agreed.read_text("utf-8").splitlines()):
        if row["held_out"] and row["box"][2] >= min(WIDTHS_PX):
            yield DATA / "plates/train" / row["image"], row["box"], row["text"]
    folder = DATA / "plates/train/crops/cn_crops_lprnet"
    for row in rows(folder, held=True):
        yield folder / row["image"], None, row["plates"][0]["text"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agreed", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--narrow", type=Path, default=Path("../shared/measure"), help="the folder of narrow.py")
    given = parser.parse_args()
    sys.path.insert(0, str(given.narrow))
    from narrow import crop  # noqa: PLC0415 - it lies outside the project

    reader = PlateReader(Weights(given.weights, hashlib.sha256(given.weights.read_bytes()).hexdigest()), threads=1)
    dice = np.random.default_rng(3)
    tracks: list[tuple[str, list[Reading]]] = []
    for path, box, text in held_out(given.agreed):
        picture = cv2.imread(str(path))
        place = box or [0, 0, picture.shape[1], picture.shape[0]]
        for width_px in (width for width in WIDTHS_PX if width <= 1.2 * place[2]):
            frames = (crop(picture, place, width_px, dice)[:, :, ::-1] for _ in range(FRAMES))
            readings = [reading for one in frames if (reading := read(reader, one)) is not None and reading.legibility > 0]
            if readings:
                tracks.append((plates.canonical(text), readings))
    for exponent in EXPONENTS:
        fusion.INDEPENDENCE = exponent
        print(json.dumps({"exponent": exponent, "tracks": len(tracks)} | {f"{n} frames": told(tracks, n) for n in (1, 3, 9)}))


def read(reader: PlateReader, pixels: np.ndarray) -> Reading | None:
    frame = Frame("fit", 0, datetime.now(UTC), 0.0, np.ascontiguousarray(pixels))
    return reader.read(frame, Detection(Kind.PLATE, frame.whole, 1.0))


def told(tracks: list[tuple[str, list[Reading]]], count: int) -> dict[str, float]:
    """What the first `count` frames of each passage come to: shares of 1, and the log loss in nats."""
    right, claimed, loss = [], [], []
    for truth, readings in tracks:
        plate = fusion.fuse(readings[:count])
        if plate is not None:
            p = dict(((plate.text, plate.p), *plate.runners_up)).get(truth, 0.0)
            right.append(plate.text == truth)
            claimed.append(plate.p)
            loss.append(-np.log(max(p, P_LEAST)))
    means = {"right": np.mean(right), "claimed": np.mean(claimed), "loss": np.mean(loss)}
    return {name: round(float(mean), 3) for name, mean in means.items()}


if __name__ == "__main__":
    main()
