"""Pictures of streets that may be trained on, for what lies around a plate and for what is none."""

import json
from pathlib import Path

import cv2
import numpy as np

from clearway.facts import Box
from training.plates.render import Pixels
from training.split import HELD_OUT

DATA = Path("../shared/data")
BOXES = ("ro_detect", "roboflow_mixed_detect", "corners_iwpod")
BY_EYE = Path(__file__).with_name("by_eye.jsonl")
SAME_MIN = 0.3


def rows(folder: Path, *, held: bool) -> list[dict]:
    """The labelled pictures of one set that are, or are not, held out."""
    kept_out = HELD_OUT[str(folder.relative_to(DATA))]
    lines = (folder / "labels.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for number, line in enumerate(lines) if kept_out(number) == held]


def known_texts(work: Path, *, held: bool) -> list[dict]:
    """Plates of pictures that came without texts, by eye (`by_eye.jsonl`, null where nobody can be sure), else by two readers.

    {"image" under plates/train, "box": [x, y, w, h], "corners" of some, "text", its lines apart by "/"}.
    """
    by_eye = [json.loads(line) for line in BY_EYE.read_text(encoding="utf-8").splitlines()]
    seen = [(row["image"], box(row["box"])) for row in by_eye]
    agreed = work / "plates/agreed.jsonl"
    found = [row for row in by_eye if row["text"]]
    for line in agreed.read_text(encoding="utf-8").splitlines() if agreed.is_file() else ():
        row = json.loads(line)
        if not any(image == row["image"] and place.overlap(box(row["box"])) > SAME_MIN for image, place in seen):
            found.append(row)
    kept_out = {f"boxes/{name}/{row['image']}" for name in BOXES for row in rows(DATA / "plates/train/boxes" / name, held=True)}
    return [row for row in found if (row["image"] in kept_out) == held]


def box(edges: list[float]) -> Box:
    """Of [left, top, width, height]."""
    left, top, width, height = edges
    return Box(left, top, left + width, top + height)


def grounds(limit: int = 500) -> list[Pixels]:
    """Street pictures at about half a plate's scale, plates painted over, so that no text is learnt as ground."""
    found = []
    for name in (*(f"boxes/{name}" for name in BOXES), "scenes/cn_easypr"):
        folder = DATA / "plates/train" / name
        for row in rows(folder, held=False):
            picture = cv2.imread(str(folder / row["image"]))
            for plate in row["plates"]:
                x, y, w, h = (round(v) for v in plate["box"] or (0, 0, 0, 0))
                side = max(w, h)
                y0, y1, x0, x1 = max(0, y - side // 2), y + h + side // 2, max(0, x - side // 2), x + w + side // 2
                part = picture[y0:y1, x0:x1]
                if part.size:
                    picture[y0:y1, x0:x1] = part.mean(axis=(0, 1)).astype("uint8")
            scale = 400 / max(picture.shape[:2])
            found.append(
                cv2.cvtColor(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2RGB)
            )
    return found[:: max(1, len(found) // limit)]


def lookalikes(path: Path) -> list[Pixels]:
    """What `training.plates.lookalikes` wrote, cut out flat with a border of half its width and height around it."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        row = json.loads(line)
        picture = cv2.imread(str(DATA / row["image"]))
        corners = np.float32(row["corners"]).reshape(4, 2)
        inner = np.float32([[80, 24], [240, 24], [240, 72], [80, 72]])
        turn = cv2.getPerspectiveTransform(corners, inner)
        flat = cv2.warpPerspective(picture, turn, (320, 96), borderMode=cv2.BORDER_REPLICATE)
        found.append(cv2.cvtColor(flat, cv2.COLOR_BGR2RGB))
    return found
