"""Real vehicles cut out of training pictures along their outlines, to stand on roads where nobody filmed them.

    python -m training.street.cutouts --sheet sheet.png      some of them, to look at

Nothing is labelled but boxes: GrabCut (C. Rother et al., 2004) tells a vehicle from what is around it. Where its outline does not
fill the box, it is left out. Seen a dozen to a hundred pixels wide, as they are used, the outlines are good enough.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from training.street import data
from training.street.boxes import overlaps

WIDE_PX, WIDTH_MIN_PX, P_MIN = 128, 36, 0.5
AROUND = 0.2  # of its size is shown around a vehicle, for GrabCut to learn what is not it
COVERED_MAX = 0.25  # of its box by anybody else's
FILLS_MIN = 0.72  # of the box, by the box around the outline
INKED = (0.45, 0.95)  # of the box, by what is inside the outline


@dataclass(frozen=True)
class Cutout:
    """One vehicle: `pixels` (h, w, 4) RGB and how much of each pixel is it, `plates` (n, 4) the boxes of its plates in them."""

    pixels: np.ndarray
    plates: np.ndarray


def cutouts(pictures: list[data.Picture]) -> list[Cutout]:
    """Every vehicle that stands free and whole in a picture, at most WIDE_PX wide."""
    found = []
    for picture in tqdm(pictures, desc="cutting out vehicles", mininterval=5):
        others = [t.box for t in picture.things if not t.ignored and t.kind not in ("plate", "face")]
        every = np.array(others, np.float32).reshape(-1, 4)
        pixels = None
        for thing in picture.things:
            if thing.kind != "vehicle" or thing.score < P_MIN or thing.box[2] - thing.box[0] < WIDTH_MIN_PX:
                continue
            box = np.float32(thing.box)
            if np.sort(overlaps(box[None], every, over_first=True)[0])[:-1].sum() > COVERED_MAX:
                continue
            pixels = cv2.imread(str(data.DATA / picture.path))[..., ::-1] if pixels is None else pixels
            one = _cut(pixels, box, np.array([t.box for t in picture.things if t.kind == "plate"], np.float32).reshape(-1, 4))
            if one is not None:
                found.append(one)
    return found


def _cut(pixels: np.ndarray, box: np.ndarray, plates: np.ndarray) -> Cutout | None:
    high, wide = pixels.shape[:2]
    if box[0] < 3 or box[1] < 3 or box[2] > wide - 3 or box[3] > high - 3:
        return None
    size = box[2:] - box[:2]
    low = np.maximum(0, np.floor(box[:2] - AROUND * size)).astype(int)
    last = np.minimum((wide, high), np.ceil(box[2:] + AROUND * size)).astype(int)
    scale = min(1.0, WIDE_PX / float(size[0]))
    part = cv2.resize(pixels[low[1] : last[1], low[0] : last[0]], None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    left, top, right, bottom = np.round((box - np.tile(low, 2)) * scale).astype(int).tolist()
    mask = np.zeros(part.shape[:2], np.uint8)
    cv2.grabCut(
        np.ascontiguousarray(part), mask, (left, top, right - left, bottom - top), np.zeros((1, 65)), np.zeros((1, 65)), 4,
        cv2.GC_INIT_WITH_RECT,
    )  # fmt: skip
    inside = np.isin(mask, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    inside = cv2.morphologyEx(inside, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    count, of, stats, _ = cv2.connectedComponentsWithStats(inside)
    if count < 2:
        return None
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    x, y, w, h, area = stats[largest].tolist()
    space = (right - left) * (bottom - top)
    if w * h < FILLS_MIN * space or not INKED[0] < area / space < INKED[1]:
        return None
    outline, _ = cv2.findContours((of == largest).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = cv2.drawContours(np.zeros(part.shape[:2], np.uint8), outline, -1, 255, -1)  # windows are a part of it
    seen = np.dstack([part, cv2.GaussianBlur(filled, (0, 0), 0.7)])[y : y + h, x : x + w]
    there = (plates - np.tile(low, 2)) * scale - (x, y, x, y)
    there = there[(there[:, 0] >= 0) & (there[:, 1] >= 0) & (there[:, 2] <= w) & (there[:, 3] <= h)]
    return Cutout(np.ascontiguousarray(seen), there.astype(np.float32))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sheet", type=Path, required=True, help="the picture to write")
    parser.add_argument("--work", type=Path, default=Path("training/work"), help="where labels.jsonl lies (default: %(default)s)")
    given = parser.parse_args()
    found = cutouts([p for p in data.load(given.work / "labels.jsonl") if not p.held_out])
    print(f"{len(found)} vehicles")
    sheet = np.full((10 * 110, 12 * 132, 3), 114, np.uint8)
    for n, at in enumerate(np.linspace(0, len(found) - 1, min(120, len(found))).astype(int)):
        pixels = found[at].pixels[:106]
        y, x = n // 12 * 110, n % 12 * 132
        place = sheet[y : y + pixels.shape[0], x : x + pixels.shape[1]]
        share = pixels[..., 3:] / np.float32(255)
        place[:] = place * (1 - share) + pixels[..., :3] * share
    cv2.imwrite(str(given.sheet), cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))


if __name__ == "__main__":
    main()
