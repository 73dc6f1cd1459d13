"""Pictures of streets that may be trained on, for what lies around a plate and for what is none."""

import json
from pathlib import Path

import cv2

from training.plates.render import Pixels

DATA = Path("../shared/data")


def held_out(folder: Path, number: int, count: int) -> bool:
    """Whether the picture is kept for measuring: the same split everywhere (training/README.md says it in words)."""
    name = folder.name
    if name == "cn_easypr":
        return number % 2 == 1
    if name == "ro_detect":
        return number >= count * 3 // 4
    if name == "roboflow_mixed_detect":
        return number >= count * 5 // 6
    if name == "cn_crops_lprnet":
        return number >= count * 6 // 7
    return False


def rows(folder: Path, *, held: bool) -> list[dict]:
    """The labelled pictures of one set that are, or are not, held out."""
    lines = (folder / "labels.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for n, line in enumerate(lines) if held_out(folder, n, len(lines)) == held]


def grounds(limit: int = 500) -> list[Pixels]:
    """Street pictures at about half a plate's scale, plates painted over, so that no text is learnt as ground."""
    found = []
    for name in ("boxes/ro_detect", "boxes/roboflow_mixed_detect", "boxes/corners_iwpod", "scenes/cn_easypr"):
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
            found.append(cv2.cvtColor(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2RGB))
    return found[:: max(1, len(found) // limit)]
