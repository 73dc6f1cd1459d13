"""Real plates with a known text: cut out of their pictures, and taken apart into their characters to be put together anew.

A few hundred real plates are soon known by heart, word for word: of American ones the reader told nine in ten that it had learnt
from, seen anew, and half of those that it had not. In another order nobody knows them, and their dies, paint and dirt are as they
were.
"""

import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from training.plates.camera import HEIGHT_PX, MARGIN_ACROSS, MARGIN_DOWN, WIDTH_PX
from training.plates.grounds import DATA, known_texts, rows
from training.plates.model import ALPHABET, PLACE, STEPS, Reader
from training.plates.render import Dice, Drawn, Pixels

# Sets whose plates carry a region that the reader is taught.
_REGION_OF = {"ro_detect": "eu"}
# Where the reader's path through the text is less likely than this, it does not know where its characters are.
P_MIN = 0.3
# A cut between two characters lies where there is the least ink, no farther than this share of their distance from its middle.
REACH = 0.22
LENGTH_MIN, LENGTH_MAX = 3, 9
# The reader says a character this many steps before the step at its middle: on the training plates there is least ink between two
# of them so (0.7 of what is usual, against 1.0 where it says them).
EARLY = 1.0
# Where the characters rise or fall by more than this share of the plate's height from its left to its right, nothing is cut.
SLANT_MAX = 0.12


def real_plates(work: Path, *, held: bool) -> dict[str, list[Drawn]]:
    """Real plates with a known text, cut out with no margin, by the set that they come from."""
    found: dict[str, list[Drawn]] = {}
    for name in ("crops/cn_crops_lprnet", "scenes/cn_easypr"):
        folder = DATA / "plates/train" / name
        for row in rows(folder, held=held):
            picture = cv2.cvtColor(cv2.imread(str(folder / row["image"])), cv2.COLOR_BGR2RGB)
            for plate in row["plates"]:
                text = plate["text"]
                if text and "?" not in text and all(c in ALPHABET for c in text):
                    part = _upright(picture, plate)
                    if part is not None:
                        found.setdefault(folder.name, []).append(Drawn(part, (text,), "cn", ()))
    for row in known_texts(work, held=held):
        picture = cv2.cvtColor(cv2.imread(str(DATA / "plates/train" / row["image"])), cv2.COLOR_BGR2RGB)
        name = row["image"].split("/")[1]
        found.setdefault(name, []).append(Drawn(_flat(picture, row), tuple(row["text"].split("/")), _REGION_OF.get(name, ""), ()))
    return found


def _flat(picture: Pixels, row: dict) -> Pixels:
    """The plate by its corners where they are known, else by its box."""
    x, y, w, h = (round(v) for v in row["box"])
    if "corners" not in row:
        return picture[max(0, y) : y + h, max(0, x) : x + w]
    corners = np.float32(row["corners"])
    across, down = (round(float(np.linalg.norm(corners[0] - corners[n]))) for n in (1, 3))
    turn = cv2.getPerspectiveTransform(corners, np.float32([[0, 0], [across, 0], [across, down], [0, down]]))
    return cv2.warpPerspective(picture, turn, (across, down))


def _upright(picture: Pixels, plate: dict) -> Pixels | None:
    """The plate of a labelled box; a turned one (EasyPR gives the rotation of its rectangle) made level."""
    if not plate["box"]:
        return picture
    x, y, w, h = plate["box"]
    angle = plate.get("rotation") or 0.0
    angle = angle + 90 if angle < -45 else angle
    if abs(angle) > 25:
        return None
    turn = cv2.getRotationMatrix2D((x + w / 2, y + h / 2), angle, 1.0)
    level = cv2.warpAffine(picture, turn, picture.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
    # The label's box is around the turned plate: its own size follows from the angle.
    lean = math.tan(math.radians(abs(angle)))
    shrink_h, shrink_w = min(0.45 * h, lean * w / 2 * 0.9), min(0.2 * w, lean * h / 2)
    top, bottom, left, right = y + shrink_h, y + h - shrink_h, x + shrink_w, x + w - shrink_w
    part = level[max(0, round(top)) : round(bottom), max(0, round(left)) : round(right)]
    return part if min(part.shape[:2]) >= 8 else None


def as_seen(drawn: Drawn) -> Pixels:
    """A real plate as the package cuts it out, with its margin guessed from its rim."""
    high, wide = drawn.pixels.shape[:2]
    across, down = round(MARGIN_ACROSS * wide), round(MARGIN_DOWN * high)
    framed = cv2.copyMakeBorder(drawn.pixels, down, down, across, across, cv2.BORDER_REPLICATE)
    return cv2.resize(framed, (WIDTH_PX, HEIGHT_PX), interpolation=cv2.INTER_AREA if wide > WIDTH_PX else cv2.INTER_LINEAR)


def struck(reader: Reader, plates: list[Drawn]) -> list[Drawn]:
    """The same plates, those in one line with the places of their characters, where the reader can tell them."""
    found = []
    with torch.inference_mode():
        for plate in plates:
            if len(plate.lines) > 1 or len(plate.lines[0]) < LENGTH_MIN or plate.edges_px:
                found.append(plate)
                continue
            pixels = torch.from_numpy(as_seen(plate)).permute(2, 0, 1)[None].float()
            logs = reader(pixels)[0][0, 0].log_softmax(-1).numpy()
            steps = _path(logs, [PLACE[c] for c in plate.lines[0]])
            edges = None if steps is None else _edges(plate, steps)
            found.append(plate if edges is None else replace(plate, edges_px=edges))
    return found


def shuffled(plate: Drawn, dice: Dice) -> Drawn:
    """A plate of the same characters in another order, some of them left out or twice; the same where nobody knows its places."""
    if not plate.edges_px or len(plate.lines) > 1:
        return plate
    text, pixels = plate.lines[0], plate.pixels
    cells = [pixels[:, round(a) : round(b)] for a, b in plate.edges_px]
    head = [0] if "一" <= text[0] <= "鿿" else []  # a Chinese plate begins with its province
    count = int(np.clip(len(text) + dice.integers(-2, 2), LENGTH_MIN, LENGTH_MAX)) - len(head)
    free = np.arange(len(head), len(text))
    chosen = dice.permutation(free)[:count] if dice.random() < 0.5 else dice.choice(free, count)
    order = [*head, *(int(n) for n in chosen)]
    left, right = pixels[:, : round(plate.edges_px[0][0])], pixels[:, round(plate.edges_px[-1][1]) :]
    edges, x = [], left.shape[1]
    for n in order:
        edges.append((float(x), float(x + cells[n].shape[1])))
        x += cells[n].shape[1]
    row = np.hstack([left, *(cells[n] for n in order), right])
    for a, _ in edges[1:]:  # no hard seam: it would say what was put together
        seam = slice(max(0, round(a) - 1), round(a) + 1)
        row[:, seam] = cv2.blur(row[:, max(0, round(a) - 3) : round(a) + 3], (3, 1))[:, 2:4]
    return Drawn(np.ascontiguousarray(row), ("".join(text[n] for n in order),), plate.region, tuple(edges))


def _path(logs: NDArray[np.float32], text: list[int]) -> list[float] | None:
    """The step (with parts) at which each character stands on the likeliest path through the text; None where that is unlikely.

    Viterbi over CTC's states: blank, first character, blank, second, ...
    """
    states = [0, *(part for place in text for part in (place, 0))]
    score = np.full(len(states), -np.inf)
    score[0], score[1] = logs[0, states[0]], logs[0, states[1]]
    back = np.zeros((STEPS, len(states)), int)
    for step in range(1, STEPS):
        ways = np.stack([score, np.r_[-np.inf, score[:-1]], np.r_[-np.inf, -np.inf, score[:-2]]])
        for n in range(2, len(states)):
            if states[n] == 0 or states[n] == states[n - 2]:
                ways[2, n] = -np.inf
        back[step] = ways.argmax(axis=0)
        score = ways.max(axis=0) + logs[step, states]
    at = len(states) - 1 if score[-1] >= score[-2] else len(states) - 2
    if score[at] < len(text) * np.log(P_MIN):
        return None
    steps: list[list[int]] = [[] for _ in text]
    for step in range(STEPS - 1, -1, -1):
        if at % 2:
            steps[at // 2].append(step)
        at -= back[step, at]
    return [float(np.mean(alike)) for alike in steps] if all(steps) else None


def _edges(plate: Drawn, steps: list[float]) -> tuple[tuple[float, float], ...] | None:
    """Where each character's part of the plate begins and ends, in its pixels; None where they do not stand level."""
    high, wide = plate.pixels.shape[:2]
    centres = [((step + EARLY + 0.5) / STEPS * (1 + 2 * MARGIN_ACROSS) - MARGIN_ACROSS) * wide for step in steps]
    grey = cv2.cvtColor(plate.pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)[round(0.2 * high) : round(0.8 * high)]
    inked = np.abs(grey - np.median(grey, axis=1, keepdims=True))
    ink = inked.mean(axis=0)
    pitch = float(np.median(np.diff(centres)))
    cuts = [max(0.0, centres[0] - 0.55 * pitch)]
    for before, after in pairwise(centres):
        middle, reach = (before + after) / 2, REACH * (after - before)
        low, last = max(1, round(middle - reach)), min(wide - 2, round(middle + reach))
        columns = np.arange(low, max(low + 1, last + 1))
        off = 0.2 * ink.mean() * np.abs(columns - middle) / max(1.0, reach)
        cuts.append(float(columns[int(np.argmin(ink[columns] + off))]))
    cuts.append(min(float(wide), centres[-1] + 0.55 * pitch))
    edges = tuple(pairwise(cuts))
    parts = [inked[:, round(a) : round(b)].sum(axis=1) for a, b in edges]
    if min(part.sum() for part in parts) <= 0:
        return None
    heights = [float(np.arange(len(part)) @ part / part.sum()) for part in parts]
    rise = np.polyfit(range(len(heights)), heights, 1)[0] * len(heights)
    return edges if abs(rise) <= SLANT_MAX * high else None
