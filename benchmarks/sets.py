"""The labelled pictures that the benchmarks measure on, and the ones made out of them: narrow plates, cut plates.

They lie outside this repository (../shared/data, see its README). What was kept out of training is held out here by the same
rule as in training/street/data.py.
"""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Row = dict[str, Any]
SHARED = Path(__file__).resolve().parents[2] / "shared"
SCENES = ("openalpr_us", "openalpr_eu", "openalpr_br", "mixed_ablanco", "ua_nomeroff", "ar_scenes")
CROPS = ("ar_crops", "br_crops_traindet", "dz_crops", "ir_crops")
# Which pictures, by number, no training has seen: the same as HELD_OUT in training/split.py.
HELD_OUT: dict[str, Callable[[int], bool]] = {
    "plates/train/boxes/ro_detect": lambda number: 30 <= number % 85 < 52,
    "plates/train/scenes/cn_easypr": lambda number: number % 2 == 1,
    "faces": lambda number: number % 200 >= 160,
}


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture: where it lies, its line of labels (named as in no other set), and whether it is a plate's crop."""

    path: Path
    row: Row
    crop: bool = False


def scorer() -> ModuleType:
    """../shared/measure/score.py, so that the scoring is nobody's own."""
    return _measure("score")


def narrow() -> ModuleType:
    """../shared/measure/narrow.py, which makes narrow plates out of real ones, the same for everybody."""
    return _measure("narrow")


def _measure(name: str) -> ModuleType:
    path = SHARED / f"measure/{name}.py"
    spec = importlib.util.spec_from_file_location(f"shared_{name}", path)
    assert spec is not None and spec.loader is not None, path
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pictures(folder: Path, *, crop: bool = False) -> list[Picture]:
    """The pictures of one folder with a labels.jsonl, in its order."""
    lines = (folder / "labels.jsonl").read_text(encoding="utf-8").splitlines()
    found = []
    for row in map(json.loads, lines):
        path = folder / row["image"]
        found.append(Picture(path, row | {"image": f"{folder.name}/{path.name}"}, crop))
    return found


def scenes(name: str) -> list[Picture]:
    return pictures(SHARED / "data/plates/measure/scenes" / name)


def crops(name: str) -> list[Picture]:
    return pictures(SHARED / "data/plates/measure/crops" / name, crop=True)


def boxes(name: str) -> list[Picture]:
    return pictures(SHARED / "data/plates/measure/boxes" / name)


def negatives() -> list[Picture]:
    return pictures(SHARED / "data/plates/measure/negatives/neg_openalpr")


def held_out(folder: str) -> list[Picture]:
    """The pictures of a training set that no training has seen."""
    return [one for one in pictures(SHARED / "data" / folder) if HELD_OUT[folder](int(one.path.stem))]


def tracks(name: str, width_px: int, scratch: Path) -> list[list[Picture]]:
    """Nine simulated frames of every plate of a scene set that is wide enough, made by ../shared/measure/narrow.py."""
    out = scratch / f"{name}-{width_px}"
    labels = SHARED / "data/plates/measure/scenes" / name / "labels.jsonl"
    if not out.exists():
        words = [sys.executable, str(SHARED / "measure/narrow.py"), str(labels), str(out), "--width", str(width_px)]
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    by_track: dict[int, list[Picture]] = {}
    for one in pictures(out, crop=True):
        by_track.setdefault(one.row["track"], []).append(one)
    return list(by_track.values())


def cuts(count: int, scratch: Path) -> Iterator[Picture]:
    """Pictures with a plate of which 15 to 50 % of the width is missing, `count` of them, always the same.

    Half of them end within the plate, in the other half a piece of the same picture lies over its end. The label's box is what
    is left of the plate; its text is the whole plate's.
    """
    dice = np.random.default_rng(0)
    whole = [
        (one, label)
        for name in ("openalpr_eu", "openalpr_us", "openalpr_br")
        for one in scenes(name)
        for label in one.row["plates"]
        if label.get("text") and "?" not in label["text"] and label.get("box")
    ]
    scratch.mkdir(exist_ok=True)
    for number in range(count):
        one, label = whole[number % len(whole)]
        picture = cv2.imread(str(one.path))
        assert picture is not None, one.path
        share, ends, at_right = float(dice.uniform(0.15, 0.5)), bool(number // len(whole) % 2), bool(dice.integers(2))
        made, box = _cut(picture, label["box"], share, at_right=at_right, ends=ends, dice=dice)
        path = scratch / f"{number:04d}.png"
        cv2.imwrite(str(path), made)
        yield Picture(path, {"image": f"cuts/{path.name}", "plates": [label | {"box": box}], "region": one.row["region"]})


def _cut(
    picture: NDArray[Any], box: list[float], share: float, *, at_right: bool, ends: bool, dice: np.random.Generator
) -> tuple[NDArray[Any], list[float]]:
    """The picture without that share of the plate's width at one side, and the box (x, y, w, h) of what is left of it."""
    x, y, w, h = box
    edge = round(x + (1 - share) * w) if at_right else round(x + share * w)
    if ends:
        made = picture[:, :edge] if at_right else picture[:, edge:]
        return made, [x, y, edge - x, h] if at_right else [0.0, y, x + w - edge, h]
    made = picture.copy()
    top, bottom = max(0, round(y - 0.3 * h)), min(picture.shape[0], round(y + 1.3 * h))
    left, right = (edge, round(x + 1.2 * w)) if at_right else (round(x - 0.2 * w), edge)
    left, right = max(0, left), min(picture.shape[1], right)
    # What lies over it is a piece of the same picture, from well above or below the plate.
    height = bottom - top
    rows = [r for r in range(picture.shape[0] - height + 1) if r + height <= top or r >= bottom]
    row = int(dice.choice(rows)) if rows else 0
    made[top:bottom, left:right] = picture[row : row + height, left:right]
    return made, [x, y, edge - x, h] if at_right else [edge, y, x + w - edge, h]
