"""Arithmetic on boxes given as left, top, right, bottom."""

from __future__ import annotations

import cv2
import numpy as np


def overlaps(first: np.ndarray, second: np.ndarray, *, over_first: bool = False) -> np.ndarray:
    """Intersection over union (n, m) of every pair; over the first's own area where `over_first`."""
    if not len(first) or not len(second):
        return np.zeros((len(first), len(second)), np.float32)
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:4], second[None, :, 2:4])
    shared = np.clip(high - low, 0, None).prod(-1)
    areas = lambda boxes: (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])  # noqa: E731
    whole = areas(first)[:, None] if over_first else areas(first)[:, None] + areas(second)[None] - shared
    return shared / np.maximum(whole, 1e-6)


def suppress(rows: np.ndarray, overlap: float) -> np.ndarray:
    """Numbers of the rows (n, 5: box, score) that are kept, best first: no two overlap by more than `overlap`."""
    if not len(rows):
        return np.zeros(0, int)
    boxes = np.concatenate([rows[:, :2], rows[:, 2:4] - rows[:, :2]], 1)
    return np.array(cv2.dnn.NMSBoxes(boxes.tolist(), rows[:, 4].tolist(), 0.0, overlap), int).ravel()
