"""Measures the exported detector on the pictures that it never saw in training, and how fast it is beside the peer's.

    python -m training.street.measure --work DIR [--weights FILE]

Plates: the share of labelled ones that a box meets (as ../shared/measure/score.py has it) and boxes per 1,000 pictures of the
faces set, which shows hardly any plates. Faces: the share of those of 20 px and more that a grown box covers by 90 %, and boxes a
picture that meet none. Vehicles and the like: recall of the teacher's boxes of 24 px and more, IoU 0.5.
"""

from __future__ import annotations

import argparse
import math
import random
import time
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from clearway.sight.street import LARGE_SIDE_PX
from training.street import data, panels
from training.street.boxes import overlaps, suppress
from training.street.card import card
from training.street.data import PEER, Picture
from training.street.export import WEIGHTS
from training.street.label import session
from training.street.net import CLASSES
from training.street.scenes import Scenes

LONG = 640  # the longer side, as the network sees it
LOWEST = 0.05
FACE_MARGIN = 0.25  # of a face's width and height, added on each side before it is hidden
Found = dict[str, np.ndarray]  # kind → (n, 13): box, score, corners; pixels of the picture


class Eyes:
    """The detector behind its file, which looks twice as the package does: once for what is small, once for what is large."""

    def __init__(self, weights: Path, long: int = LONG) -> None:
        self.net, self.longs = session(weights), (long, LARGE_SIDE_PX)

    def __call__(self, picture: np.ndarray) -> Found:
        """What is in a BGR picture, at or above the lowest threshold, the best of overlapping ones."""
        looks = [self._look(picture, long) for long in self.longs]
        both = {kind: np.concatenate([look[kind] for look in looks]) for kind in CLASSES}
        return {kind: rows[suppress(rows, 0.5)] for kind, rows in both.items()}

    def _look(self, picture: np.ndarray, long: int) -> Found:
        height, width = picture.shape[:2]
        scale = long / max(height, width)
        size = [max(32, round(side * scale / 32) * 32) for side in (width, height)]
        small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        pixels = cv2.dnn.blobFromImage(small, swapRB=True)
        boxes, scores, corners = (out[0] for out in self.net.run(["boxes", "scores", "corners"], {"pixels": pixels}))
        back = np.float32([width / size[0], height / size[1]])
        found = {}
        for number, kind in enumerate(CLASSES):
            keep = scores[:, number] >= LOWEST
            parts = boxes[keep] * np.tile(back, 2), scores[keep, number, None], corners[keep] * np.tile(back, 4)
            found[kind] = np.concatenate(parts, 1)
        return found


def meets(boxes: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Which boxes (n) meet which labels (m), as ../shared/measure/score.py has it."""
    within, around = overlaps(boxes, labels, over_first=True), overlaps(labels, boxes, over_first=True).T
    return (overlaps(boxes, labels) >= 0.3) | (within >= 0.6) | (around >= 0.6)


def labelled(picture: Picture, kind: str, *, ignored: bool = False) -> np.ndarray:
    """The picture's label boxes of a kind (n, 4)."""
    return np.array([t.box for t in picture.things if t.kind == kind and t.ignored == ignored], np.float32).reshape(-1, 4)


def plates(seen: list[tuple[Picture, Found]], at: float) -> str:
    """Located plates and extra boxes, in words."""
    met = [meets(f["plate"][f["plate"][:, 4] >= at, :4], labelled(p, "plate")).any(0) for p, f in seen]
    every = np.concatenate([m for m in met if m.size] or [np.zeros(0)])
    return f"{every.mean() if every.size else float('nan'):.4f} of {every.size}"


def extra(seen: list[tuple[Picture, Found]], at: float) -> float:
    """Plates found per 1,000 plate-free pictures."""
    return 1000 * sum(int((f["plate"][:, 4] >= at).sum()) for _, f in seen) / max(1, len(seen))


def grown(boxes: np.ndarray, margin: float) -> np.ndarray:
    """Boxes (n, 4) larger by a share of their width and height on each side."""
    size = np.tile(boxes[:, 2:] - boxes[:, :2], 2) * margin
    return boxes + size * np.float32([-1, -1, 1, 1])


def faces(seen: list[tuple[Picture, Found]], at: float, margin: float) -> tuple[float, int, float]:
    """The share of faces covered, how many were asked for, and boxes a picture that meet no labelled face."""
    covered, false = [], 0
    given = {p.path: p for p in data.given()}
    for picture, found in seen:
        truth = labelled(given[picture.path], "face")
        boxes = grown(found["face"][found["face"][:, 4] >= at, :4], margin)
        large = truth[np.minimum(truth[:, 2] - truth[:, 0], truth[:, 3] - truth[:, 1]) >= 20]
        shared = overlaps(large, boxes, over_first=True)
        covered.extend((shared.max(1) >= 0.9).tolist() if len(boxes) else [False] * len(large))
        false += int((~meets(boxes, truth).any(1)).sum()) if len(truth) else len(boxes)
    return float(np.mean(covered)), len(covered), false / max(1, len(seen))


def agreement(seen: list[tuple[Picture, Found]], kind: str, at: float, smallest: float = 24) -> tuple[float, int, float]:
    """Recall of the teacher's boxes, how many there are, and precision against its sure and middling ones."""
    hit, right = [], []
    for picture, found in seen:
        truth, doubt = labelled(picture, kind), labelled(picture, kind, ignored=True)
        boxes = found[kind][found[kind][:, 4] >= at, :4]
        large = truth[np.minimum(truth[:, 2] - truth[:, 0], truth[:, 3] - truth[:, 1]) >= smallest]
        shared = overlaps(large, boxes)
        hit.extend((shared.max(1) >= 0.5).tolist() if len(boxes) else [False] * len(large))
        right.extend((overlaps(boxes, np.concatenate([truth, doubt])) >= 0.5).any(1).tolist())
    mean = lambda values: float(np.mean(values)) if values else float("nan")  # noqa: E731
    return mean(hit), len(hit), mean(right)


def off_corners(seen: list[tuple[Picture, Found]]) -> list[float]:
    """How far corners are from labelled ones, in shares of a plate's height, for plates that were found."""
    errors = []
    for picture, found in seen:
        for thing in picture.things:
            if thing.corners and len(found["plate"]):
                shared = overlaps(np.float32([thing.box]), found["plate"][:, :4])[0]
                if shared.max() > 0.3:
                    wanted = np.float32(thing.corners).reshape(4, 2)
                    said = found["plate"][shared.argmax(), 5:].reshape(4, 2)
                    tall = (np.linalg.norm(wanted[3] - wanted[0]) + np.linalg.norm(wanted[2] - wanted[1])) / 2
                    errors.append(float(np.linalg.norm(said - wanted, axis=1).mean() / tall))
    return errors


def pasted(weights: Path, pictures: list[Picture], at: float, count: int = 400, side: int = 384) -> str:
    """How drawn plates of every shape fare when they are laid into held-out pictures: a Markdown table by shape and width."""
    dice = random.Random(71)
    scenes = Scenes(
        [p for p in pictures if p.held_out], [panels.plate(dice) for _ in range(200)] + panels.true(200, 71), side, 71
    )
    eyes = Eyes(weights, side)
    results: dict[tuple[str, str], list[tuple[bool, float]]] = {}
    for _ in range(count):
        pixels, labels = scenes.draw()
        found = eyes(np.ascontiguousarray(pixels[..., ::-1]))["plate"]
        found = found[found[:, 4] >= at]
        for box, corners in zip(labels.boxes, labels.corners, strict=True):
            quad = corners.reshape(4, 2)
            if np.isnan(corners[0]):
                continue
            wide = (np.linalg.norm(quad[1] - quad[0]) + np.linalg.norm(quad[2] - quad[3])) / 2
            tall = (np.linalg.norm(quad[3] - quad[0]) + np.linalg.norm(quad[2] - quad[1])) / 2
            if wide < 10 or tall < 3:
                continue
            shared = overlaps(box[None], found[:, :4])[0]
            hit = bool(len(shared) and meets(found[:, :4], box[None]).any())
            off = (
                float(np.linalg.norm(found[shared.argmax(), 5:].reshape(4, 2) - quad, axis=1).mean() / tall) if hit else math.nan
            )
            shape = "long (over 2.6)" if wide > 2.6 * tall else "middling" if wide > 1.6 * tall else "square (under 1.6)"
            size = "10 to 20 px" if wide < 20 else "20 to 40 px" if wide < 40 else "40 px and more"
            results.setdefault((shape, size), []).append((hit, off))
    lines = ["| shape | width seen | plates | located | corners off, median, of the height |", "|---|---|---|---|---|"]
    for (shape, size), rows in sorted(results.items()):
        hits, offs = np.array([r[0] for r in rows]), np.array([r[1] for r in rows])
        lines.append(
            f"| {shape} | {size} | {len(rows)} | {hits.mean():.3f} | {np.nanmedian(offs) if hits.any() else math.nan:.3f} |"
        )
    return "\n".join(lines)


def cpu_ms(weights: Path) -> tuple[float, float]:
    """CPU milliseconds of one 720p picture, ours and the peer's network, resizing included, medians of 40, taken in turns."""
    eyes, peer = Eyes(weights), session(PEER / "yolo-v9-t-416-rebuilt-fp32.onnx")
    picture = cv2.imread(str(data.DATA / "plates/train/boxes/ro_detect/images/00000.jpg"))
    times: tuple[list[float], list[float]] = [], []
    for _ in range(43):
        began = time.process_time()
        eyes(picture)
        between = time.process_time()
        small = cv2.copyMakeBorder(cv2.resize(picture, (416, 234)), 91, 91, 0, 0, cv2.BORDER_CONSTANT, value=(114, 114, 114))
        peer.run(None, {"images": np.ascontiguousarray(small[..., ::-1].transpose(2, 0, 1)[None].astype(np.float32) / 255)})
        times[0].append(between - began)
        times[1].append(time.process_time() - between)
    ours, theirs = (1e3 * float(np.median(t[3:])) for t in times)
    return ours, theirs


def look(weights: Path, pictures: Iterable[Picture], long: int = LONG) -> list[tuple[Picture, Found]]:
    """Each picture with what is found in it."""
    eyes = Eyes(weights, long)
    return [(p, eyes(cv2.imread(str(data.DATA / p.path)))) for p in pictures]


def report(weights: Path, pictures: list[Picture]) -> str:
    """The figures of the held-out pictures, in Markdown."""
    seen = look(weights, (p for p in pictures if p.held_out))
    of = lambda part: [s for s in seen if part in s[0].path]  # noqa: E731
    lines = [
        "| threshold | plates ro | roboflow | China | iwpod | extra plates / 1,000 | faces covered | false faces a picture |"
    ]
    lines.append("|---|---|---|---|---|---|---|---|")
    for at in (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5):
        words = [plates(of(part), at) for part in ("ro_detect", "roboflow", "cn_easypr", "iwpod")]
        covered, count, false = faces(of("faces/"), at, FACE_MARGIN)
        words += [f"{extra(of('faces/'), at):.1f}", f"{covered:.4f} of {count}", f"{false:.2f}"]
        lines.append(f"| {at:.2f} | " + " | ".join(words) + " |")
    lines += ["", "| threshold | " + " | ".join(f"{kind} recall, precision" for kind in CLASSES[:3]) + " |", "|---|---|---|---|"]
    for at in (0.1, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5):
        words = []
        for kind, part in (("vehicle", "ro_detect"), ("two_wheeler", ""), ("person", "")):
            recall, count, precision = agreement(of(part), kind, at)
            words.append(f"{recall:.3f} of {count}, {precision:.3f}")
        lines.append(f"| {at:.2f} | " + " | ".join(words) + " |")
    errors = off_corners(seen)
    if errors:
        off = f"{np.median(errors):.3f} of a plate's height off (median), {max(errors):.3f} at most"
        lines += ["", f"Corners of {len(errors)} held-out plates: {off}."]
    lines += ["", "Drawn plates in held-out pictures, threshold 0.25:", "", pasted(weights, pictures, 0.25)]
    ours, theirs = cpu_ms(weights)
    lines += ["", f"CPU-ms of one 720p picture: {ours:.1f}; the peer's detector {theirs:.1f}; ratio {ours / theirs:.2f}."]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("training/work"), help="where labels.jsonl is (default: %(default)s)")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="the file to measure (default: %(default)s)")
    parser.add_argument("--card", type=Path, help="also write the card of the weights to this file")
    parser.add_argument("--commands", type=Path, help="a file with the commands that made the weights, for the card")
    given = parser.parse_args()
    cv2.setNumThreads(1)
    figures = report(given.weights, data.load(given.work / "labels.jsonl"))
    print(figures)
    if given.card:
        commands = given.commands.read_text("utf-8").strip() if given.commands else "not told"
        given.card.write_text(card(given.weights, figures, FACE_MARGIN, commands), "utf-8")


if __name__ == "__main__":
    main()
