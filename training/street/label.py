"""Labels every training picture: what came with it, and what three teachers see in it.

NanoDet finds vehicles, two-wheelers and persons, YuNet faces, the peer's detector plates; NanoDet and the peer look at the whole
picture and at overlapping tiles. A sure detection becomes a label, a middling one a place where nothing is taught (`data.SURE`).
Labels that came with a picture win.

    python -m training.street.label --work DIR      writes DIR/labels.jsonl
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import onnxruntime as ort
from tqdm import tqdm

from training.street import data
from training.street.boxes import overlaps, suppress
from training.street.data import SURE, Picture, Thing

# COCO's numbers → ours
COCO = {0: "person", 1: "two_wheeler", 2: "vehicle", 3: "two_wheeler", 5: "vehicle", 7: "vehicle"}
Detections = dict[str, np.ndarray]  # kind → (n, 5) left, top, right, bottom, score


def session(path: Path) -> ort.InferenceSession:
    """The network at `path`, on one thread."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def letterbox(picture: np.ndarray, side: int, fill: int = 114) -> tuple[np.ndarray, float]:
    """The picture (h, w, 3) at the top left of a square of `side`, as large as fits, and its scale."""
    scale = side / max(picture.shape[:2])
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=way)[:side, :side]
    square = np.full((side, side, 3), fill, np.uint8)
    square[: small.shape[0], : small.shape[1]] = small
    return square, scale


class NanoDet:
    """Vehicles, two-wheelers and persons of a BGR picture."""

    def __init__(self) -> None:
        self.net = session(data.TEACHERS / "nanodet-plus-m_416.onnx")
        grids = []
        for stride in (8, 16, 32, 64):
            n = -(-416 // stride)
            y, x = np.mgrid[:n, :n]
            grids.append(np.stack([x.ravel() * stride, y.ravel() * stride, np.full(n * n, stride)], 1))
        self.cells = np.concatenate(grids).astype(np.float32)

    def __call__(self, picture: np.ndarray) -> Detections:
        square, scale = letterbox(picture, 416)
        x = (square.astype(np.float32) - (103.53, 116.28, 123.675)) / (57.375, 57.12, 58.395)
        out = self.net.run(None, {"data": x.astype(np.float32).transpose(2, 0, 1)[None]})[0][0]
        scores, bins = out[:, :80], out[:, 80:].reshape(-1, 4, 8)
        bins = np.exp(bins - bins.max(-1, keepdims=True))
        reach = (bins / bins.sum(-1, keepdims=True) @ np.arange(8, dtype=np.float32)) * self.cells[:, 2:]
        centre = self.cells[:, :2]
        boxes = np.concatenate([centre - reach[:, :2], centre + reach[:, 2:]], 1) / scale
        found: Detections = {}
        for kind in ("vehicle", "two_wheeler", "person"):
            score = scores[:, [n for n, name in COCO.items() if name == kind]].max(1)
            keep = score >= 0.2
            rows = np.concatenate([boxes[keep], score[keep, None]], 1)
            found[kind] = rows[suppress(rows, 0.6)]
        return found


class YuNet:
    """Faces of a BGR picture, seen with its longer side at `side` pixels."""

    def __init__(self, side: int = 960) -> None:
        self.net, self.side = session(data.TEACHERS / "yunet_n_dynamic.onnx"), side // 32 * 32

    def __call__(self, picture: np.ndarray) -> Detections:
        square, scale = letterbox(picture, self.side, 0)
        names = [o.name for o in self.net.get_outputs()]
        out = dict(zip(names, self.net.run(None, {"input": square.astype(np.float32).transpose(2, 0, 1)[None]}), strict=True))
        rows = []
        for stride in (8, 16, 32):
            n = self.side // stride
            y, x = np.mgrid[:n, :n]
            cells = np.stack([x.ravel(), y.ravel()], 1)
            score = np.sqrt(np.clip(out[f"cls_{stride}"][0, :, 0], 0, 1) * np.clip(out[f"obj_{stride}"][0, :, 0], 0, 1))
            box = out[f"bbox_{stride}"][0]
            centre, size = (cells + box[:, :2]) * stride, np.exp(box[:, 2:]) * stride
            rows.append(np.concatenate([centre - size / 2, centre + size / 2, score[:, None] * scale], 1) / scale)
        every = np.concatenate(rows)
        every = every[every[:, 4] >= 0.3]
        return {"face": every[suppress(every, 0.4)]}


class Peer:
    """Plates of a BGR picture by the peer's detector."""

    def __init__(self) -> None:
        self.net = session(data.PEER / "yolo-v9-t-416-rebuilt-fp32.onnx")

    def __call__(self, picture: np.ndarray) -> Detections:
        square, scale = letterbox(picture, 416)
        x = square[..., ::-1].transpose(2, 0, 1)[None].astype(np.float32) / 255
        out = self.net.run(None, {"images": np.ascontiguousarray(x)})[0]  # batch, left, top, right, bottom, class, score
        rows = np.concatenate([out[:, 1:5] / scale, out[:, 6:7]], 1)
        rows = rows[rows[:, 4] >= 0.2]
        return {"plate": rows[suppress(rows, 0.5)]}


def tiles(height: int, width: int, side: int) -> Iterator[tuple[int, int, int, int]]:
    """Overlapping squares of `side` pixels that cover the picture (left, top, right, bottom); none where it is hardly larger."""
    if max(height, width) < 1.4 * side:
        return
    starts = lambda length: np.linspace(0, max(0, length - side), max(1, round(length / side * 1.4))).astype(int)  # noqa: E731
    for top in starts(height):
        for left in starts(width):
            yield left, top, min(width, left + side), min(height, top + side)


def look(teacher: Callable[[np.ndarray], Detections], picture: np.ndarray, sides: tuple[int, ...]) -> Detections:
    """What the teacher sees in the whole picture and its tiles; things cut by a tile's inner edge are left to its neighbour."""
    height, width = picture.shape[:2]
    found = {kind: [rows] for kind, rows in teacher(picture).items()}
    for side in sides:
        for left, top, right, bottom in tiles(height, width, side):
            for kind, rows in teacher(picture[top:bottom, left:right]).items():
                rows = rows + np.float32([left, top, left, top, 0])  # noqa: PLW2901  in pixels of the whole picture
                cut = (
                    ((rows[:, 0] < left + 4) & (left > 0))
                    | ((rows[:, 1] < top + 4) & (top > 0))
                    | ((rows[:, 2] > right - 4) & (right < width))
                    | ((rows[:, 3] > bottom - 4) & (bottom < height))
                )
                found[kind].append(rows[~cut])
    merged = {}
    for kind, parts in found.items():
        rows = np.concatenate(parts)
        rows[:, :4] = np.clip(rows[:, :4], 0, (width, height, width, height))
        rows = rows[np.minimum(rows[:, 2] - rows[:, 0], rows[:, 3] - rows[:, 1]) >= 2]
        rows = rows[suppress(rows, 0.55)]
        merged[kind] = rows[~_inside(rows)]
    return merged


def _inside(rows: np.ndarray) -> np.ndarray:
    """Which rows are a part of a surer, larger one: what a close look at half a lorry gives."""
    area = (rows[:, 2] - rows[:, 0]) * (rows[:, 3] - rows[:, 1])
    shared = overlaps(rows[:, :4], rows[:, :4], over_first=True)
    larger = (area[None] > 1.5 * area[:, None]) & (rows[None, :, 4] > rows[:, None, 4] - 0.1)
    return ((shared > 0.85) & larger).any(1)


def judged(found: Detections, known: tuple[Thing, ...], *, people: bool) -> Iterator[Thing]:
    """What the teachers add to the known labels; `people`: the picture was taken of people, not of traffic."""
    on = np.concatenate([found[kind][found[kind][:, 4] >= SURE[kind][1]] for kind in ("vehicle", "two_wheeler")])[:, :4]
    for kind, rows in found.items():
        labels = np.array([t.box for t in known if t.kind == kind], np.float32).reshape(-1, 4)
        met = np.zeros(len(rows), bool)
        if len(labels):
            met = (overlaps(rows[:, :4], labels) > 0.3).any(1) | (overlaps(rows[:, :4], labels, over_first=True) > 0.7).any(1)
        rows = rows[~met]  # noqa: PLW2901  a detection that meets a known label says nothing new
        # among people a plate that hangs on nothing is a doubtful one; in traffic a weak face is a lamp or an emblem
        loose = np.zeros(len(rows), bool)
        if kind == "plate" and people:
            loose = ~(overlaps(rows[:, :4], on, over_first=True) > 0.8).any(1)
        lowest = SURE[kind][0 if kind == "face" and not people else 1]
        for (*box, score), doubtful in zip(rows.tolist(), loose.tolist(), strict=True):
            if score >= lowest:
                yield Thing(kind, tuple(round(v, 1) for v in box), None, round(min(score, 0.5) if doubtful else score, 3))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("training/work"), help="where caches are kept (default: %(default)s)")
    work = parser.parse_args().work
    work.mkdir(parents=True, exist_ok=True)
    cv2.setNumThreads(1)
    nanodet, yunet, peer = NanoDet(), YuNet(), Peer()
    labelled = []
    for picture in tqdm(list(data.given())):
        pixels = cv2.imread(str(data.DATA / picture.path))
        found = {**look(nanodet, pixels, (640, 380)), **look(yunet, pixels, ()), **look(peer, pixels, (640, 380))}
        added = judged(found, picture.things, people=picture.path.startswith("faces/"))
        labelled.append(Picture(picture.path, (*picture.things, *added)))
    data.save(labelled, work / "labels.jsonl")


if __name__ == "__main__":
    main()
