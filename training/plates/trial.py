"""Reads held-out pictures as a user's `clearway read` would, to choose between weights and to choose thresholds.

    python -m training.plates.trial --work training/work                     the weights that the package carries
    python -m training.plates.trial --work training/work --weights FOLDER    street.onnx and plate.onnx of that folder

Prints, for every held-out set, how many labelled plates were read right, wrong and not at all, and how many texts stand where no
plate is; then, for a list of gates, what of all that each lets pass, with the same plates partly covered beside them. Nothing of
`../shared/data/plates/measure` takes part.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from clearway import plates
from clearway.facts import Box, Frame
from clearway.sight import plate as reader_module
from clearway.sight.look import look
from clearway.sight.network import OUR_OWN, Weights
from clearway.sight.plate import PlateReader
from clearway.sight.street import StreetDetector
from clearway.track.fusion import fuse
from training.plates.grounds import BOXES, DATA, known_texts, rows
from training.plates.grounds import box as box_of
from training.plates.render import Pixels

SCENES = "plates/train/scenes/cn_easypr"
MEETS_MIN = 0.3


@dataclass(frozen=True, slots=True)
class Held:
    """A held-out picture: (h, w, 3) RGB, the plates whose text is known, and the places of all plates that are labelled."""

    name: str
    pixels: Pixels
    known: tuple[tuple[Box, str], ...]
    places: tuple[Box, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """A text that was told: `right` says whether it is the plate's, None where no plate is labelled."""

    text: str
    p: float
    p_whole: float
    p_text: float
    right: bool | None


def held_out(work: Path) -> Iterator[Held]:
    texts: dict[str, list[tuple[Box, str]]] = {}
    for row in known_texts(work, held=True):
        texts.setdefault(row["image"], []).append((box_of(row["box"]), row["text"].replace("/", "")))
    for folder in (SCENES, *(f"plates/train/boxes/{name}" for name in BOXES), "faces"):
        for row in rows(DATA / folder, held=True):
            picture = cv2.cvtColor(cv2.imread(str(DATA / folder / row["image"])), cv2.COLOR_BGR2RGB)
            labels = row.get("plates", ())
            known = [(box_of(one["box"]), plates.canonical(one["text"])) for one in labels if one.get("text") and one.get("box")]
            known += texts.get(f"{folder.removeprefix('plates/train/')}/{row['image']}", [])
            places = tuple(box_of(one["box"]) for one in labels if one.get("box"))
            yield Held(Path(folder).name, picture, tuple(known), places)


def covered(held: Held, dice: np.random.Generator) -> Held:
    """The same picture with a piece of itself over 15 to 50 % of each known plate, at its left or right end."""
    pixels = held.pixels.copy()
    high, wide = pixels.shape[:2]
    for box, _ in held.known:
        share, tall = dice.uniform(0.15, 0.5), round(1.6 * box.height_px)
        left = box.left_px - 0.2 * box.width_px if dice.random() < 0.5 else box.right_px - share * box.width_px
        x, y = max(0, round(left)), max(0, round(box.top_px - 0.3 * box.height_px))
        part = pixels[y : y + tall, x : x + round((share + 0.2) * box.width_px)]
        h, w = part.shape[:2]
        if h and w and h < high // 2 and w < wide:
            top = int(dice.integers(0, high - h))
            while abs(top - y) < h and high > 3 * h:
                top = int(dice.integers(0, high - h))
            side = int(dice.integers(0, wide - w))
            part[:] = held.pixels[top : top + h, side : side + w]
    return Held(held.name, pixels, held.known, held.places)


def told(held: Held, detector: StreetDetector, reader: PlateReader) -> list[Told]:
    frame = Frame("held", 0, datetime.now(UTC), 0.0, held.pixels)
    found = []
    for seen in look(frame, [frame.whole], detector, reader).sightings:
        assert seen.plate_box is not None and seen.reading is not None
        fused = fuse([seen.reading])
        text = fused.text if fused else seen.reading.text
        known = [truth for box, truth in held.known if box.overlap(seen.plate_box) > MEETS_MIN]
        there = any(box.overlap(seen.plate_box) > 0.1 for box in (*held.places, *(box for box, _ in held.known)))
        if there and not known:
            continue  # a plate whose text nobody is sure of
        p_text = seen.p * seen.reading.p_whole * float(seen.reading.p_characters.max(axis=1).min())
        found.append(Told(text, fused.p if fused else 0.0, seen.reading.p_whole, p_text, text in known if known else None))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("training/work"))
    parser.add_argument("--weights", type=Path, default=OUR_OWN, help="a folder with street.onnx and plate.onnx")
    given = parser.parse_args()
    files = [given.weights / f"{name}.onnx" for name in ("street", "plate")]
    street, plate = (Weights(path, sha256(path.read_bytes()).hexdigest()) for path in files)
    detector, reader = StreetDetector(street, threads=1), PlateReader(plate, threads=1)
    reader_module.P_WHOLE_MIN = 0.0  # every reading is told here; what each threshold would do is counted below
    dice = np.random.default_rng(0)
    count: dict[str, list[int]] = {}
    whole: list[Told] = []
    spoilt: list[Told] = []
    for held in tqdm(list(held_out(given.work))):
        row = count.setdefault(held.name, [0, 0, 0, 0])
        here = told(held, detector, reader)
        whole += here
        row[0] += len(held.known)
        for n, verdict in enumerate((True, False, None), 1):
            row[n] += sum(one.right is verdict for one in here)
        if held.known:
            spoilt += [one for one in told(covered(held, dice), detector, reader) if one.right is False]
    for name, (known, right, wrong, extra) in count.items():
        print(f"{name}: {known} plates, {right} right, {wrong} wrong, {extra} texts where none is")
    print(
        "wrong:",
        *(f"{one.text} p {one.p:.3f} whole {one.p_whole:.2f} text {one.p_text:.2f};" for one in whole if one.right is False),
    )
    for which in ("p_whole", "p_text", "p"):
        for gate in (0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995):
            passed = [sum(getattr(one, which) >= gate and one.right is right for one in whole) for right in (True, False, None)]
            cut = sum(getattr(one, which) >= gate for one in spoilt)
            words = "right {}, wrong {}, where no plate is {}".format(*passed)
            print(f"{which} from {gate}: {words}, covered and told wrong {cut} of {len(spoilt)}")


if __name__ == "__main__":
    main()
