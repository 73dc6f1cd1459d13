"""What a camera and a detector make of a plate: the crop that a reader is given, far, blurred, skewed, dark, cut or covered.

`filmed` is the way in. A crop is (HEIGHT_PX, WIDTH_PX, 3) RGB: the plate stretched to fill it, with a margin around.
"""

import random
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from training.plates.render import Dice, Drawn, Pixels
from training.street import panels

HEIGHT_PX, WIDTH_PX = 48, 160
# How much of the surroundings a crop shows, as shares of the plate's width and height. The package cuts crops alike: MARGIN in
# sight/plate.py. With (0.06, 0.10) held-out plates were read worse: the characters get fewer pixels.
MARGIN_ACROSS, MARGIN_DOWN = 0.04, 0.08
# Corners that are wrong may cut off a plate's first or last character. One of which less is left is not read but made up.
SHOWN_MIN = 0.55


@dataclass(frozen=True, slots=True)
class Crop:
    """What a reader sees. `lines` is None where its text is not to be learnt: cut, covered, or no plate at all."""

    pixels: Pixels
    lines: tuple[str, ...] | None
    region: str
    legible: bool


def filmed(drawn: Drawn, dice: Dice, grounds: list[Pixels], *, width_px: float | None = None) -> Crop:
    """One look at a plate. `grounds` are pictures of streets, for what is around it; `width_px` fixes how wide it is seen."""
    spoilt = dice.random()
    plate, legible = drawn.pixels, True
    if spoilt < 0.08 and len(_edges(drawn)) >= 3:
        plate, legible = _cut(drawn, dice), False
    elif spoilt < 0.14 and len(_edges(drawn)) >= 3:
        plate, legible = _covered(drawn, dice, grounds), False
    seen_px = width_px or float(np.exp(dice.uniform(np.log(34), np.log(240))))
    pixels, to_crop = _look(plate, seen_px, dice, grounds, loose=dice.random() < 0.3)
    if legible and _shown(drawn, to_crop) < SHOWN_MIN:
        legible, spoilt = False, 0.0
    per_character_px = seen_px / max(len(line) for line in drawn.lines)
    if per_character_px < 3.2:  # nobody could read it
        legible = False
    return Crop(pixels, drawn.lines if legible or (per_character_px < 3.2 and spoilt >= 0.14) else None, drawn.region, legible)


def nothing(dice: Dice, grounds: list[Pixels], lookalikes: list[Pixels]) -> Crop:
    """A crop without any plate: what the detector took for one, a piece of street, or words that are none."""
    if lookalikes and dice.random() < 0.5:
        # A look-alike was cut with a border of its own size's half: here its corners are wrong as a plate's are.
        wide = lookalikes[int(dice.integers(len(lookalikes)))]
        high, across = wide.shape[0] / 2, wide.shape[1] / 2
        corners = np.array([[0.5, 0.5], [1.5, 0.5], [1.5, 1.5], [0.5, 1.5]])
        corners += np.clip(dice.normal(0, 1, (4, 2)), -2, 2) * (0.05, 0.1)
        target = np.float32([[0, 0], [WIDTH_PX, 0], [WIDTH_PX, HEIGHT_PX], [0, HEIGHT_PX]])
        turn = cv2.getPerspectiveTransform((corners * (across, high)).astype(np.float32), target)
        part = cv2.warpPerspective(wide, turn, (WIDTH_PX, HEIGHT_PX), borderMode=cv2.BORDER_REPLICATE)
        if dice.random() < 0.5:
            part = np.ascontiguousarray(part[:, ::-1])
        return Crop(_sensed(part, dice, float(dice.uniform(40, 160))), None, "unknown", False)
    ground = grounds[int(dice.integers(len(grounds)))]
    high, wide = ground.shape[:2]
    w = int(dice.uniform(0.1, 0.6) * wide)
    h = int(np.clip(w / dice.uniform(1.0, 5.0), 8, high - 1))
    x, y = int(dice.integers(0, wide - w)), int(dice.integers(0, high - h))
    part = cv2.resize(ground[y : y + h, x : x + w], (WIDTH_PX, HEIGHT_PX), interpolation=cv2.INTER_LINEAR)
    if dice.random() < 0.5:
        part = _lettered(part, dice)
    return Crop(_sensed(part, dice, float(dice.uniform(40, 160))), None, "unknown", False)


def _lettered(part: Pixels, dice: Dice) -> Pixels:
    """Words that are no plate's: a sign or a shop's panel in place of the ground, or letters written upon it."""
    kind = dice.random()
    rolls = random.Random(int(dice.integers(2**32)))
    if kind < 0.4:
        return cv2.resize(panels.panel(rolls), (WIDTH_PX, HEIGHT_PX), interpolation=cv2.INTER_AREA)
    if kind < 0.6:
        part = part.copy()
        colour = tuple(int(v) for v in dice.integers(0, 256, 3))
        size, thick = float(dice.uniform(0.5, 1.0)), int(dice.integers(1, 4))
        words = ("2026-11-22 08:04:34", "22/11/26 17:04", "SALE 50%", "www.shop", "4x4 TDI", panels.clock(rolls))
        cv2.putText(part, str(dice.choice(words)), (3, 36), int(dice.integers(0, 4)), size, colour, thick)
        return part
    mask = panels.words(rolls)
    high = int(dice.uniform(0.45, 1.3) * HEIGHT_PX)
    wide = int(np.clip(mask.shape[1] * high / mask.shape[0] * dice.uniform(0.7, 1.4), 20, 1.2 * WIDTH_PX))
    across, down = (WIDTH_PX - wide) / 2 + dice.normal(0, 8), (HEIGHT_PX - high) / 2 + dice.normal(0, 4)
    scale = np.array([[wide / mask.shape[1], 0, across], [0, high / mask.shape[0], down]])
    alpha = cv2.warpAffine(mask, scale, (WIDTH_PX, HEIGHT_PX), flags=cv2.INTER_AREA)[..., None] / np.float32(255)
    return (part + (dice.integers(0, 256, 3) - part) * alpha).astype(np.uint8)


def _look(plate: Pixels, seen_px: float, dice: Dice, grounds: list[Pixels], *, loose: bool) -> tuple[Pixels, NDArray[np.float64]]:
    """The plate seen `seen_px` wide, cut out again by a detector that is a little wrong (very wrong where `loose`); and the
    homography from the plate to shares of that crop's width and height."""
    high, wide = plate.shape[:2]
    aspect = wide / high * dice.uniform(0.88, 1.14)
    aspect = max(aspect, 0.8)
    small_w = max(12, round(min(seen_px, 200) * (1 + 2 * MARGIN_ACROSS)))
    small_h = max(8, round(min(seen_px, 200) / aspect * (1 + 2 * MARGIN_DOWN)))
    # What the street detector is off by: on the training pictures of four sets its corners stray by 3.5 to 6 % of a plate's width
    # and 6 to 10 % of its height (half of what lies between the 16th and the 84th percentile), and every twentieth by twice that.
    error = (0.06, 0.14) if loose else (0.035, 0.08)
    left, right = MARGIN_ACROSS / (1 + 2 * MARGIN_ACROSS), (1 + MARGIN_ACROSS) / (1 + 2 * MARGIN_ACROSS)
    top, bottom = MARGIN_DOWN / (1 + 2 * MARGIN_DOWN), (1 + MARGIN_DOWN) / (1 + 2 * MARGIN_DOWN)
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    corners += np.clip(dice.normal(0, 1, (4, 2)) * error, (-0.12, -0.25), (0.12, 0.25))
    if loose:  # a box without corners around a plate that is turned
        slope = dice.normal(0, 0.10)
        corners[:, 1] += (corners[:, 0] - 0.5) * slope
        corners[:, 0] += (corners[:, 1] - 0.5) * dice.normal(0, 0.02)
    corners *= (small_w, small_h)
    shrink = small_w * (right - left) / wide
    if shrink < 0.8:
        sigma = 0.42 / shrink
        plate = cv2.GaussianBlur(plate, (0, 0), sigma)
    source = np.float32([[0, 0], [wide, 0], [wide, high], [0, high]])
    to_small = cv2.getPerspectiveTransform(source, corners.astype(np.float32))
    small = _surroundings(small_w, small_h, dice, grounds)
    cv2.warpPerspective(plate, to_small, (small_w, small_h), dst=small, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_TRANSPARENT)
    return _sensed(small, dice, seen_px), np.diag((1 / small_w, 1 / small_h, 1.0)) @ to_small


def _shown(drawn: Drawn, to_crop: NDArray[np.float64]) -> float:
    """How much of its first or of its last character a crop shows, whichever is less; 1 where nobody knows where they stand."""
    if len(drawn.edges_px) < 3:
        return 1.0
    middle = drawn.pixels.shape[0] / 2
    ends = np.array([[(x, middle) for x in (*drawn.edges_px[0], *drawn.edges_px[-1])]])
    left, right, last_left, last_right = cv2.perspectiveTransform(ends, to_crop)[0, :, 0]
    return float(min((right - max(left, 0.0)) / (right - left), (min(last_right, 1.0) - last_left) / (last_right - last_left)))


def _surroundings(width: int, height: int, dice: Dice, grounds: list[Pixels]) -> Pixels:
    if dice.random() < 0.4:
        ground = grounds[int(dice.integers(len(grounds)))]
        h, w = min(ground.shape[0], height), min(ground.shape[1], width)
        y, x = int(dice.integers(0, ground.shape[0] - h + 1)), int(dice.integers(0, ground.shape[1] - w + 1))
        return cv2.resize(ground[y : y + h, x : x + w], (width, height))
    colour = dice.integers(0, 256, 3) * 0.4 + dice.integers(0, 256) * 0.6
    flat = np.empty((height, width, 3), np.uint8)
    flat[:] = colour.astype(np.uint8)
    return flat


@lru_cache(maxsize=1)
def _noises() -> NDArray[np.float32]:
    return np.random.default_rng(5).normal(0, 1, (3, 512, 512)).astype(np.float32)


def _sensed(small: Pixels, dice: Dice, seen_px: float) -> Pixels:
    """Light, lens, movement, sensor and JPEG, then stretched to the reader's size."""
    if dice.random() < 0.35:  # movement, mostly along the road
        length = dice.uniform(1, 1 + 0.03 * small.shape[1])
        angle = dice.choice((0.0, dice.uniform(0, np.pi)))
        size = 2 * int(length / 2 + 1) + 1
        kernel = np.zeros((size, size), np.float32)
        for step in np.linspace(-length / 2, length / 2, 2 * size):
            kernel[round(size // 2 + step * np.sin(angle)), round(size // 2 + step * np.cos(angle))] += 1
        small = cv2.filter2D(small, -1, kernel / kernel.sum())
    if dice.random() < 0.5:
        sigma = dice.uniform(0.3, max(0.5, 0.011 * small.shape[1]))
        small = cv2.GaussianBlur(small, (0, 0), sigma)
    values = small.astype(np.float32)
    if dice.random() < 0.3:
        values[:] = values @ np.float32([0.299, 0.587, 0.114])[:, None]
    elif dice.random() < 0.4:
        values *= dice.uniform(0.8, 1.2, 3).astype(np.float32)
    gain, lift = dice.uniform(0.45, 1.25), dice.uniform(-15, 40)
    exposed = dice.random()
    if exposed < 0.07:  # night
        gain, lift = dice.uniform(0.1, 0.4), dice.uniform(0, 25)
    elif exposed < 0.14:  # a flash, a headlamp, the sun
        gain, lift = dice.uniform(1.1, 1.7), dice.uniform(0, 50)
    values *= gain
    values += lift
    grain = float(dice.exponential(6.0))
    if dice.random() < 0.15:  # low contrast: fog, dirt, night
        contrast = dice.uniform(0.25, 0.7)
        values = 128 + (values - values.mean()) * contrast + dice.uniform(-70, 60)
        grain *= contrast
    if dice.random() < 0.2:  # a shadow or a lamp across the plate
        h, w = values.shape[:2]
        edge, slope, soft = dice.uniform(0, w), dice.uniform(-1.5, 1.5), dice.uniform(1, 12)
        across = np.arange(w, dtype=np.float32)[None] + slope * np.arange(h, dtype=np.float32)[:, None] - edge
        values *= 1 - dice.uniform(0.2, 0.65) / (1 + np.exp(np.clip(across / soft, -30, 30)))[..., None]
    if dice.random() < 0.7:
        noise = _noises()[int(dice.integers(3))]
        y, x = int(dice.integers(0, 513 - small.shape[0])), int(dice.integers(0, 513 - small.shape[1]))
        piece = noise[y : y + small.shape[0], x : x + small.shape[1]]
        values += piece[..., None] * grain
    small = np.clip(values, 0, 255).astype(np.uint8)
    if dice.random() < 0.55:
        _, data = cv2.imencode(".jpg", small, (cv2.IMWRITE_JPEG_QUALITY, int(dice.integers(25, 92))))
        small = cv2.imdecode(data, cv2.IMREAD_COLOR)
    ways = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LINEAR)
    return cv2.resize(small, (WIDTH_PX, HEIGHT_PX), interpolation=ways[int(dice.integers(3))])


def _edges(drawn: Drawn) -> tuple[tuple[float, float], ...]:
    """Where each character begins and ends, from the left. Of a real plate nobody knows it, but in one line they stand evenly."""
    if drawn.edges_px or len(drawn.lines) > 1:
        return drawn.edges_px
    count, wide = len(drawn.lines[0]), drawn.pixels.shape[1]
    return tuple((wide * (0.04 + 0.92 * n / count), wide * (0.04 + 0.92 * (n + 1) / count)) for n in range(count))


def _cut(drawn: Drawn, dice: Dice) -> Pixels:
    """The plate without at least half a character at its left or right end: what a picture's edge or a tight box leaves."""
    edges, guessed = _edges(drawn), not drawn.edges_px
    gone = int(dice.integers(guessed, max(1 + guessed, len(edges) // 2)))
    wide = drawn.pixels.shape[1]
    if dice.random() < 0.5:
        first, last = edges[gone]
        return drawn.pixels[:, round(first + (last - first) * dice.uniform(0.5, 1.1)) : wide]
    first, last = edges[-1 - gone]
    return drawn.pixels[:, : max(8, round(last - (last - first) * dice.uniform(0.5, 1.1)))]


def _covered(drawn: Drawn, dice: Dice, grounds: list[Pixels]) -> Pixels:
    """The plate with something in front of at least most of one character: a tow bar, a hand, mud, a sticker, a bush, a car."""
    plate = drawn.pixels.copy()
    edges, high = _edges(drawn), plate.shape[0]
    if dice.random() < 0.5:  # from one of its ends on, something with a texture of its own
        gone = int(dice.integers(1, max(2, len(edges) // 2 + 1)))
        (_, to), (start, _) = edges[gone - 1], edges[-gone]
        part = plate[:, : round(to)] if dice.random() < 0.5 else plate[:, round(start) :]
        ground = grounds[int(dice.integers(len(grounds)))]
        down, across = min(ground.shape[0], high), min(ground.shape[1], max(1, part.shape[1]))
        y, x = int(dice.integers(0, ground.shape[0] - down + 1)), int(dice.integers(0, ground.shape[1] - across + 1))
        if part.size:
            part[:] = cv2.resize(ground[y : y + down, x : x + across], (part.shape[1], high))
        return plate
    at = int(dice.integers(0, len(edges)))
    first, last = edges[at]
    more = int(dice.integers(0 if drawn.edges_px else 1, 3))
    last = edges[min(len(edges) - 1, at + more)][1] if last > first else last
    first, last = min(first, last), max(first, last)
    colour = tuple(int(v) for v in dice.integers(0, 256, 3))
    if dice.random() < 0.5:
        cv2.rectangle(plate, (round(first), 0), (round(last), high), colour, -1)
    else:
        centre = (round((first + last) / 2), round(high * dice.uniform(0.4, 0.6)))
        cv2.ellipse(plate, centre, (max(4, round((last - first) * 0.6)), round(high * 0.5)), 0, 0, 360, colour, -1)
    return plate
