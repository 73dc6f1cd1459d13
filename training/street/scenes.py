"""Endless training pictures: real ones cut, turned and dimmed, drawn traffic; with vehicles, plates and look-alikes pasted in.

Everything happens on one small crop in one process, because two cores train two networks: a few milliseconds a picture.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np
from tqdm import tqdm

from training.street import data, panels
from training.street.boxes import overlaps
from training.street.cutouts import Cutout
from training.street.net import CLASSES

NUMBER = {kind: n for n, kind in enumerate(CLASSES)}
PLATE, VEHICLE = NUMBER["plate"], NUMBER["vehicle"]

# how often a folder is drawn, and the usual width in pixels, at the network's input, of the thing that a crop is made around
SHARES = {
    "plates/train/boxes/ro_detect": 0.27,
    "plates/train/boxes/roboflow_mixed_detect": 0.2,
    "plates/train/boxes/corners_iwpod": 0.08,
    "plates/train/scenes/cn_easypr": 0.15,
    "faces": 0.3,
}
TRAFFIC = 0.45  # of all scenes: traffic as fixed cameras see it, which is drawn (`training.street.traffic`)
DRAWN, TIMES_SEEN = 120, 12  # drawn pictures of one size that are kept, and how often each is shown
SIZES = {"vehicle": (12, 420), "two_wheeler": (12, 320), "person": (9, 260), "face": (7, 300), "plate": (9, 330)}


@dataclass
class Labels:
    """What is in a crop: class numbers, boxes (n, 4) and corners (n, 8; nan where unknown) in pixels, and what is left alone."""

    kinds: np.ndarray = field(default_factory=lambda: np.zeros(0, int))
    boxes: np.ndarray = field(default_factory=lambda: np.zeros((0, 4), np.float32))
    corners: np.ndarray = field(default_factory=lambda: np.zeros((0, 8), np.float32))
    ignored: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))

    def __len__(self) -> int:
        return len(self.kinds)

    def only(self, keep: np.ndarray) -> Labels:
        """These labels without the others."""
        return Labels(self.kinds[keep], self.boxes[keep], self.corners[keep], self.ignored[keep])

    def plus(self, other: Labels) -> Labels:
        """Both."""
        joined = (np.concatenate(pair) for pair in zip(vars(self).values(), vars(other).values(), strict=True))
        return Labels(*joined)

    def moved(self, x: float, y: float) -> Labels:
        """The same, elsewhere."""
        return Labels(self.kinds, self.boxes + np.float32([x, y] * 2), self.corners + np.float32([x, y] * 4), self.ignored)


# draws a square picture of this side, and its labels
Drawing = Callable[[np.random.Generator, int], tuple[np.ndarray, Labels]]


@dataclass
class Source:
    """One training picture with its halves, and what is in it."""

    levels: list[np.ndarray]
    labels: Labels


def labels_of(picture: data.Picture) -> Labels:
    """The labels of a picture as arrays."""
    unknown = (math.nan,) * 8
    return Labels(
        np.array([NUMBER[t.kind] for t in picture.things], int),
        np.array([t.box for t in picture.things], np.float32).reshape(-1, 4),
        np.array([t.corners or unknown for t in picture.things], np.float32).reshape(-1, 8),
        np.array([t.ignored for t in picture.things], bool),
    )


def through(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points (n, 2k) through an affine (2, 3) or a perspective (3, 3) matrix."""
    flat = np.concatenate([points.reshape(-1, 2), np.ones((points.size // 2, 1))], 1) @ matrix.T
    return (flat[:, :2] / flat[:, 2:] if matrix.shape[0] == 3 else flat).reshape(points.shape).astype(np.float32)


def around(corners: np.ndarray) -> np.ndarray:
    """The upright boxes (n, 4) around corners (n, 8)."""
    points = corners.reshape(-1, 4, 2)
    return np.concatenate([points.min(1), points.max(1)], 1)


def square_to(quad: np.ndarray, height: int, width: int) -> np.ndarray:
    """The perspective that lays a picture of this size into four corners (4, 2)."""
    return cv2.getPerspectiveTransform(np.float32([[0, 0], [width, 0], [width, height], [0, height]]), np.float32(quad))


class Scenes:
    """Crops of `side` pixels with their labels, for ever, the same ones for the same seed; `traffic` draws a share of them, and
    `vehicles` stand in some."""

    def __init__(
        self,
        pictures: list[data.Picture],
        plates: list[np.ndarray],
        side: int,
        seed: int,
        traffic: Drawing | None = None,
        vehicles: list[Cutout] | None = None,
    ) -> None:
        self.dice, self.side = random.Random(seed), side
        self.vehicles = vehicles or []
        self.traffic, self.traffic_dice = traffic, np.random.default_rng(seed)
        self.drawn: dict[int, list[tuple[np.ndarray, Labels]]] = {}  # by side
        self.noise = np.random.default_rng(seed).normal(0, 1, (512, 512, 3)).astype(np.float32)
        self.sources: list[Source] = []
        weights = []
        counts = {folder: sum(p.path.startswith(folder + "/") for p in pictures) for folder in SHARES}
        for picture in tqdm(pictures, desc="reading pictures", mininterval=5):
            pixels = cv2.imread(str(data.DATA / picture.path))[..., ::-1]
            labels = labels_of(picture)
            self.sources.append(Source(panels.pyramid(np.ascontiguousarray(pixels)), labels))
            folder = picture.path.rpartition("/images/")[0]
            rare = 4.0 if NUMBER["two_wheeler"] in labels.kinds[~labels.ignored] else 1.0
            weights.append(SHARES[folder] / max(1, counts[folder]) * rare)
        self.cumulative = np.cumsum(weights).tolist()
        self.plates = [panels.pyramid(p) for p in plates]
        self.others = [panels.pyramid(panels.panel(self.dice)) for _ in range(800)]

    def draw(self) -> tuple[np.ndarray, Labels]:
        """One crop (side, side, 3) RGB and its labels."""
        if self.dice.random() < 0.25:  # several scenes beside each other: many small things
            parts = 2 if self.dice.random() < 0.7 else 4
            part_px = self.side // parts
            pixels, labels = np.empty((self.side, self.side, 3), np.uint8), Labels()
            for top in range(0, self.side, part_px):
                for left in range(0, self.side, part_px):
                    part, seen = self._scene(part_px)
                    pixels[top : top + part_px, left : left + part_px] = part
                    labels = labels.plus(seen.moved(left, top))
        else:
            pixels, labels = self._scene(self.side)
        return self._weather(pixels), labels

    def _scene(self, side: int) -> tuple[np.ndarray, Labels]:
        dice = self.dice
        drawn = self.traffic is not None and dice.random() < TRAFFIC
        if self.traffic and drawn:
            pixels, labels = self._traffic(self.traffic, side)
        else:
            pixels, labels = self._crop(dice.choices(self.sources, cum_weights=self.cumulative)[0], side)
        if self.vehicles and dice.random() < (0.5 if drawn else 0.2):
            labels = self._paste_vehicles(pixels, labels)
        for _ in range(dice.choice((0, 0, 1, 1, 2, 3))):
            hide(labels, around(self._paste_other(pixels)))
        if dice.random() < 0.15:
            self._write_clock(pixels)
        for _ in range(dice.choice((0, 0, 0, 1, 2))):
            self._write_words(pixels)
        # a plate among people is rarer than a panel, as it is in life
        riders = (labels.kinds == NUMBER["vehicle"]) | (labels.kinds == NUMBER["two_wheeler"]) | (labels.kinds == PLATE)
        if dice.random() < (0.55 if riders.any() else 0.2):
            labels = self._paste_plates(pixels, labels)
        return pixels, labels

    def _traffic(self, draw: Drawing, side: int) -> tuple[np.ndarray, Labels]:
        """Drawn traffic. To draw it costs more than to learn from it: each picture is shown a few times, mirrored or not."""
        dice, drawn = self.dice, self.drawn.setdefault(side, [])
        if len(drawn) < DRAWN or dice.random() < 1 / TIMES_SEEN:
            drawn.append(draw(self.traffic_dice, side))
            del drawn[:-DRAWN]
        pixels, labels = dice.choice(drawn)
        if dice.random() < 0.5:
            return pixels.copy(), labels.only(np.arange(len(labels)))
        boxes = np.stack([side - labels.boxes[:, 2], labels.boxes[:, 1], side - labels.boxes[:, 0], labels.boxes[:, 3]], 1)
        corners = labels.corners.reshape(-1, 4, 2)[:, [1, 0, 3, 2]] * np.float32([-1, 1]) + np.float32([side, 0])
        return np.ascontiguousarray(pixels[:, ::-1]), Labels(labels.kinds, boxes, corners.reshape(-1, 8), labels.ignored.copy())

    def _crop(self, source: Source, side: int) -> tuple[np.ndarray, Labels]:
        dice = self.dice
        whole, labels = source.levels[0], source.labels
        height, width = whole.shape[:2]
        scale = 640 / max(height, width) * math.exp(dice.gauss(0, 0.25))  # as it is looked at in the field
        centre, number = (dice.uniform(0, width), dice.uniform(0, height)), None
        if len(labels) and dice.random() < 0.85:
            kinds = sorted(set(labels.kinds.tolist()))
            number = dice.choice(np.flatnonzero(labels.kinds == dice.choice(kinds)).tolist())
            left, top, right, bottom = labels.boxes[number].tolist()
            centre = dice.uniform(left, right), dice.uniform(top, bottom)
            if dice.random() < 0.65:
                low, high = SIZES[CLASSES[labels.kinds[number]]]
                wanted = math.exp(dice.uniform(math.log(low), math.log(high * side / 320)))
                scale = wanted / max(2.0, right - left)
        # neither a smear nor a stamp
        scale = min(max(scale, 0.62 * side / max(height, width)), 2.5)
        turn = math.radians(dice.gauss(0, 2.5) if dice.random() < 0.85 else dice.uniform(-14, 14))
        stretch = math.exp(dice.gauss(0, 0.08))
        mirror = -1 if dice.random() < 0.5 else 1
        cos, sin = math.cos(turn) * scale, math.sin(turn) * scale
        matrix = np.array([[mirror * cos * stretch, -sin], [mirror * sin * stretch, cos]])
        # the chosen spot lands anywhere in the crop, more often near its middle; what nearly fills the crop stands in its middle
        spot = np.array([dice.triangular(0.1, 0.9, 0.5), dice.triangular(0.1, 0.9, 0.5)]) * side
        if number is not None and labels.kinds[number] == PLATE and scale * (right - left) > 0.55 * side:
            centre, spot = ((left + right) / 2, (top + bottom) / 2), np.array([side / 2, side / 2])
        # but no more emptiness than needed: the picture is pushed back into view
        corner = np.array([[0, 0], [width, 0], [0, height], [width, height]]) @ matrix.T
        shift = spot - matrix @ np.array(centre)
        for axis in (0, 1):
            low, high = corner[:, axis].min() + shift[axis], corner[:, axis].max() + shift[axis]
            if high - low >= side:
                shift[axis] += min(0, -low) if low > 0 else max(0, side - high)
        matrix = np.concatenate([matrix, shift[:, None]], 1)
        level = min(len(source.levels) - 1, max(0, int(math.log2(1 / scale))))
        shrink = whole.shape[1] / source.levels[level].shape[1]
        grey = dice.choice((0, 114, 114, dice.randint(0, 255)))
        pixels = cv2.warpAffine(
            source.levels[level], matrix @ np.diag([shrink, shrink, 1]), (side, side), borderValue=(grey,) * 3
        )
        boxes = labels.boxes
        quads = through(matrix, boxes[:, [0, 1, 2, 1, 2, 3, 0, 3]])
        known = through(matrix, labels.corners)
        if mirror < 0:
            known = known.reshape(-1, 4, 2)[:, [1, 0, 3, 2]].reshape(-1, 8)
        here = Labels(labels.kinds, around(quads), known, labels.ignored)
        has = ~np.isnan(known[:, 0])
        here.boxes[has] = around(known[has])
        return pixels, seen(here, side)

    def _paste_vehicles(self, pixels: np.ndarray, labels: Labels) -> Labels:
        """Real vehicles where nobody filmed them, mostly small ones, as fixed cameras see them; some with lamps that shine."""
        dice, side = self.dice, pixels.shape[0]
        for _ in range(dice.choice((1, 1, 2, 3, 4, 6))):
            one = dice.choice(self.vehicles)
            wide = math.exp(dice.uniform(math.log(13), math.log(0.32 * side)))
            scale = np.float32([wide, wide * dice.uniform(0.85, 1.15)]) / one.pixels.shape[1]
            across, down = (max(4, round(float(v))) for v in scale * np.float32(one.pixels.shape[1::-1]))
            if across >= side or down >= side:
                continue
            x, y = dice.randint(0, side - across), dice.randint(0, side - down)
            laid = cv2.resize(one.pixels, (across, down), interpolation=cv2.INTER_AREA if wide < one.pixels.shape[1] else 1)
            plates = one.plates * np.tile(scale, 2)
            if dice.random() < 0.5:
                laid = laid[:, ::-1]
                plates = plates[:, [2, 1, 0, 3]] * np.float32([-1, 1, -1, 1]) + np.float32([across, 0, across, 0])
            if dice.random() < 0.7:
                self._shade(pixels, x, y + down, across)
            under = pixels[y : y + down, x : x + across]
            share = laid[..., 3:] / np.float32(255)
            painted = laid[..., :3] * np.float32([math.exp(dice.gauss(0, 0.25)) for _ in range(3)]) * math.exp(dice.gauss(0, 0.2))
            lit = self._lit(painted, under)
            under[:] = np.clip(under * (1 - share) + lit * share, 0, 255).astype(np.uint8)
            if dice.random() < 0.25:
                self._switch_on(pixels, x, y, across, down)
            box = np.float32([[x, y, x + across, y + down]])
            hide(labels, box)
            boxes = np.concatenate([box, plates + np.float32([x, y, x, y])])
            kinds, unsure = np.full(len(boxes), PLATE), np.ones(len(boxes), bool)
            kinds[0], unsure[0] = VEHICLE, False
            labels = labels.plus(Labels(kinds, boxes, np.full((len(boxes), 8), np.nan, np.float32), unsure))
        return labels

    def _shade(self, pixels: np.ndarray, x: int, foot: int, wide: int) -> None:
        """The shadow under a vehicle."""
        dice, reach = self.dice, max(2, round(0.12 * wide))
        low, last = (max(0, x - 2 * reach), max(0, foot - 3 * reach)), (x + wide + 2 * reach, foot + 3 * reach)
        part = pixels[low[1] : last[1], low[0] : last[0]]
        shadow = np.zeros(part.shape[:2], np.float32)
        centre = x + wide // 2 - low[0] + round(dice.gauss(0, 0.08) * wide), foot - low[1]
        cv2.ellipse(shadow, centre, (round(0.55 * wide), reach), 0, 0, 360, dice.uniform(0.3, 0.8), -1)
        part[:] = part * (1 - cv2.GaussianBlur(shadow, (0, 0), max(0.8, 0.5 * reach)))[..., None]

    def _switch_on(self, pixels: np.ndarray, x: int, y: int, wide: int, tall: int) -> None:
        """Two lamps of a vehicle, and their glow."""
        dice, side = self.dice, pixels.shape[0]
        colour = np.float32(dice.choice(((255, 246, 220), (255, 246, 220), (235, 235, 255), (255, 50, 28))))
        down, inset, size = dice.uniform(0.45, 0.8), dice.uniform(0.06, 0.25), dice.uniform(0.04, 0.16) * wide
        strength, reach = dice.uniform(0.5, 1.3), int(4 * size) + 2
        for across in (inset, 1 - inset):
            centre = x + across * wide, y + down * tall
            left, top = (max(0, int(v) - reach) for v in centre)
            right, bottom = (min(side, int(v) + reach) for v in centre)
            if left < right and top < bottom:
                columns, rows = np.arange(left, right) - centre[0], np.arange(top, bottom) - centre[1]
                glow = np.exp(-0.5 * (columns[None] ** 2 + rows[:, None] ** 2) / max(0.8, size) ** 2)[..., None]
                part = pixels[top:bottom, left:right]
                part[:] = np.clip(part + glow * colour * strength, 0, 255).astype(np.uint8)

    def _lit(self, laid: np.ndarray, under: np.ndarray) -> np.ndarray:
        """What is laid into a picture, lit about as what it is laid upon, and a little in its colour."""
        dice = self.dice
        mean = under.reshape(-1, 3).mean(0)
        light = float(mean.mean()) / 255
        gain = min(1.15, max(0.2, dice.uniform(0.45, 1.0) + 0.6 * (light - 0.3) + dice.gauss(0, 0.08)))
        tint = 1 + dice.uniform(0, 0.7) * (mean / max(8.0, float(mean.mean())) - 1)
        flatness = dice.uniform(0.45, 1)
        middle = laid.reshape(-1, 3).mean(0)
        return (middle + (laid - middle) * flatness) * (gain * tint)

    def _place(self, labels: Labels, side: int) -> tuple[float, float, float]:
        """Where a plate goes: its centre and its width. On a vehicle's or two-wheeler's lower half, or anywhere."""
        dice = self.dice
        riders = np.flatnonzero(((labels.kinds == NUMBER["vehicle"]) | (labels.kinds == NUMBER["two_wheeler"])) & ~labels.ignored)
        if len(riders) and dice.random() < 0.6:
            left, top, right, bottom = labels.boxes[dice.choice(riders.tolist())].tolist()
            wide, tall = right - left, bottom - top
            size = wide * dice.uniform(0.14, 0.34)
            if size >= 9:
                return left + wide * dice.triangular(0.1, 0.9, 0.5), top + tall * dice.triangular(0.3, 0.98, 0.72), size
        size = math.exp(dice.uniform(math.log(11), math.log(0.75 * side)))
        return dice.uniform(0.05, 0.95) * side, dice.uniform(0.05, 0.95) * side, size

    def _paste_plates(self, pixels: np.ndarray, labels: Labels) -> Labels:
        dice, side = self.dice, pixels.shape[0]
        # over a real plate, so that a plate stands where plates stand
        for number in np.flatnonzero((labels.kinds == PLATE) & ~labels.ignored).tolist():
            left, top, right, bottom = labels.boxes[number].tolist()
            if dice.random() < 0.45 and right - left > 8:
                self._smooth_over(pixels, labels.boxes[number])
                spot = (left + right) / 2, (top + bottom) / 2, (right - left) * dice.uniform(0.75, 1.2)
                new = self._paste_plate(pixels, *spot)
                labels = labels.only(np.arange(len(labels)) != number).plus(new)
        for _ in range(dice.choice((0, 1, 1, 1, 2, 3))):
            x, y, wide = self._place(labels, side)
            extent = np.float32([[x - wide / 2, y - wide / 3, x + wide / 2, y + wide / 3]])
            if overlaps(extent, labels.boxes[labels.kinds == PLATE]).any():
                continue
            new = self._paste_plate(pixels, x, y, wide)
            hide(labels, new.boxes)
            labels = labels.plus(new)
        return labels

    def _smooth_over(self, pixels: np.ndarray, box: np.ndarray) -> None:
        """Takes a plate away: the colours above it run into those below it."""
        side = pixels.shape[0]
        grow = max(1.0, 0.08 * float(box[2] - box[0]))
        left, top = (max(0, int(v - grow)) for v in box[:2])
        right, bottom = (min(side, int(v + grow) + 1) for v in box[2:])
        if right - left < 3 or bottom - top < 3:
            return
        ends = np.stack([pixels[top, left:right], pixels[bottom - 1, left:right]])
        pixels[top:bottom, left:right] = cv2.resize(ends, (right - left, bottom - top), interpolation=cv2.INTER_LINEAR)

    def _paste_plate(self, pixels: np.ndarray, x: float, y: float, wide: float) -> Labels:
        """Pastes a plate; gives its label, which is left alone where the plate is cut by the edge."""
        levels = self.dice.choice(self.plates)
        quad = self._paste(pixels, levels, x, y, wide, like_light=True)
        new = Labels(np.array([PLATE]), around(quad), quad, np.array([False]))
        return seen(new, pixels.shape[0])

    def _paste_other(self, pixels: np.ndarray) -> np.ndarray:
        side = pixels.shape[0]
        wide = math.exp(self.dice.uniform(math.log(14), math.log(0.6 * side)))
        x, y = self.dice.uniform(0, side), self.dice.uniform(0, side)
        return self._paste(pixels, self.dice.choice(self.others), x, y, wide, like_light=self.dice.random() < 0.5)

    def _paste(
        self, pixels: np.ndarray, levels: list[np.ndarray], x: float, y: float, wide: float, *, like_light: bool
    ) -> np.ndarray:
        """Lays a picture into the crop as if seen from somewhere; gives its corners (1, 8)."""
        dice, side = self.dice, pixels.shape[0]
        height, width = levels[0].shape[:2]
        tall = wide * height / width
        yaw, pitch = dice.triangular(-60, 60, 0), dice.triangular(-35, 35, 0)
        roll = dice.gauss(0, 4) if dice.random() < 0.85 else dice.uniform(-25, 25)
        yaw, pitch, roll = (math.radians(v) for v in (yaw, pitch, roll))
        flat = np.array([[-wide, -tall], [wide, -tall], [wide, tall], [-wide, tall]]) / 2
        # a plane turned by yaw and pitch, seen from a few widths away
        far = wide * dice.uniform(2.5, 12)
        u, v = flat[:, 0] * math.cos(yaw), flat[:, 1] * math.cos(pitch)
        deep = flat[:, 0] * math.sin(yaw) + flat[:, 1] * math.sin(pitch)
        v = v + u * math.tan(yaw) * math.tan(pitch) * 0.5
        u, v = u * far / (far + deep), v * far / (far + deep)
        quad = np.stack([x + u * math.cos(roll) - v * math.sin(roll), y + u * math.sin(roll) + v * math.cos(roll)], 1)
        low = np.maximum(0, np.floor(quad.min(0)).astype(int) - 2)
        high = np.minimum(side, np.ceil(quad.max(0)).astype(int) + 3)
        if (high - low < 3).any():
            return quad.reshape(1, 8).astype(np.float32)
        level = levels[min(len(levels) - 1, max(0, int(math.log2(max(1.0, height / max(4.0, tall))) + 0.3)))]
        matrix = square_to(quad - low, *level.shape[:2])
        size = tuple((high - low).tolist())
        laid = cv2.warpPerspective(level, matrix, size, borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
        cover = cv2.warpPerspective(np.full(level.shape[:2], 255, np.uint8), matrix, size)
        cover = cv2.GaussianBlur(cover, (3, 3), 0.6)[..., None].astype(np.float32) / 255
        under = pixels[low[1] : high[1], low[0] : high[0]]
        if like_light:
            laid = self._lit(laid, under)
            if dice.random() < 0.3:  # a shadow from one side
                laid *= np.linspace(dice.uniform(0.4, 1), 1, size[0], dtype=np.float32)[None, :, None]
            if dice.random() < 0.2:  # a lamp's haze
                laid = laid + dice.uniform(10, 90)
        if dice.random() < 0.35:
            laid = cv2.GaussianBlur(laid, (0, 0), dice.uniform(0.5, 1.2))
        pixels[low[1] : high[1], low[0] : high[0]] = np.clip(under * (1 - cover) + laid * cover, 0, 255).astype(np.uint8)
        return quad.reshape(1, 8).astype(np.float32)

    def _write_clock(self, pixels: np.ndarray) -> None:
        dice, side = self.dice, pixels.shape[0]
        size = dice.uniform(0.3, 1.0)
        at = dice.randint(0, side // 2), dice.choice((dice.randint(10, 30), side - dice.randint(4, 20), dice.randint(10, side)))
        text, font = panels.clock(dice), dice.choice((cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_PLAIN, cv2.FONT_HERSHEY_DUPLEX))
        if dice.random() < 0.3:
            (wide, tall), below = cv2.getTextSize(text, font, size, 1)
            cv2.rectangle(
                pixels,
                (at[0] - 2, at[1] - tall - 2),
                (at[0] + wide + 2, at[1] + below),
                dice.choice(((0, 0, 0), (255, 255, 255), (90, 90, 90))),
                -1,
            )
        colour = dice.choice(((255, 255, 255), (255, 255, 255), (250, 240, 60), (20, 20, 20), (255, 40, 40), (60, 255, 60)))
        cv2.putText(pixels, text, at, font, size, colour, dice.choice((1, 1, 2)), cv2.LINE_AA)

    def _write_words(self, pixels: np.ndarray) -> None:
        """Letters with no plate under them: a maker's badge, a sign on a wall, a caption with its outline."""
        dice, side = self.dice, pixels.shape[0]
        mask = panels.words(dice)
        tall = math.exp(dice.uniform(math.log(6), math.log(0.3 * side)))
        wide = min(tall * mask.shape[1] / mask.shape[0] * dice.uniform(0.8, 1.3), 1.5 * side)
        turn = math.radians(dice.gauss(0, 5))
        x, y = dice.uniform(-0.2, 0.9) * side, dice.uniform(0, 0.95) * side
        along, down = np.array([math.cos(turn), math.sin(turn)]) * wide, np.array([-math.sin(turn), math.cos(turn)]) * tall
        corner = np.array([x, y])
        matrix = square_to(np.stack([corner, corner + along, corner + along + down, corner + down]), *mask.shape)
        shrink = mask.shape[0] / tall
        if shrink > 1.5:
            mask = cv2.GaussianBlur(mask, (0, 0), 0.4 * shrink)
        laid = cv2.warpPerspective(mask, matrix, (side, side))
        tone = dice.choice((235, 250, 200, 30, 10, dice.randint(0, 255)))
        colour = np.array([tone] * 3 if dice.random() < 0.7 else [dice.randint(0, 255) for _ in range(3)], np.float32)
        if dice.random() < 0.3:  # a caption's or a badge's outline
            edge = cv2.dilate(laid, np.ones((3, 3), np.uint8))[..., None].astype(np.float32) / 255
            pixels[:] = (pixels * (1 - edge) + (255 - colour) * edge).astype(np.uint8)
        cover = laid[..., None].astype(np.float32) / 255
        pixels[:] = (pixels * (1 - cover) + colour * cover).astype(np.uint8)

    def _weather(self, pixels: np.ndarray) -> np.ndarray:
        """The same crop under other light, through another lens, on another sensor."""
        dice, side = self.dice, pixels.shape[0]
        if dice.random() < 0.15:
            pixels = cv2.GaussianBlur(pixels, (0, 0), dice.uniform(0.5, 1.6))
        elif dice.random() < 0.1:
            length = dice.randint(3, 7)
            kernel = np.zeros((length, length), np.float32)
            cv2.line(kernel, (0, dice.randint(0, length - 1)), (length - 1, dice.randint(0, length - 1)), 1.0)
            pixels = cv2.filter2D(pixels, -1, kernel / kernel.sum())
        if dice.random() < 0.2:
            scale = dice.uniform(0.35, 0.8)
            small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            pixels = cv2.resize(small, (side, side), interpolation=dice.choice((cv2.INTER_LINEAR, cv2.INTER_CUBIC)))
        night = dice.random() < 0.18
        steps = np.arange(256, dtype=np.float32) / 255
        gamma = math.exp(dice.gauss(0, 0.25)) * (dice.uniform(1.2, 2.2) if night else 1)
        gain, lift = math.exp(dice.gauss(0, 0.18)) * (dice.uniform(0.4, 1) if night else 1), dice.gauss(0, 0.05)
        tint = [math.exp(dice.gauss(0, 0.1 if dice.random() < 0.8 else 0.25)) for _ in range(3)]
        if night and dice.random() < 0.4:  # sodium lamps
            tint = [t * s for t, s in zip(tint, (1.25, 0.9, dice.uniform(0.35, 0.7)), strict=True)]
        table = np.stack([steps**gamma * gain * t + lift for t in tint], 1)
        pixels = cv2.LUT(pixels, (np.clip(table, 0, 1) * 255).astype(np.uint8)[None])
        mean, wanted = float(pixels.mean()), dice.uniform(15, 60)
        if mean < wanted:  # exposed longer in the dark
            pixels = cv2.convertScaleAbs(pixels, alpha=min(3.0, wanted / max(1.0, mean)))
        chance = dice.random()
        if chance < 0.1:
            pixels = cv2.cvtColor(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        elif chance < 0.3:  # more or less colourful
            grey = cv2.cvtColor(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
            much = dice.uniform(0.3, 1.6)
            pixels = cv2.addWeighted(pixels, much, grey, 1 - much, 0)
        elif chance < 0.33:
            pixels = np.ascontiguousarray(pixels[..., dice.sample(range(3), 3)])
        if dice.random() < (0.7 if night else 0.2):
            x, y = dice.randint(0, 512 - side), dice.randint(0, 512 - side)
            pixels = cv2.addWeighted(pixels, 1, self.noise[y : y + side, x : x + side], dice.uniform(2, 14), 0, dtype=cv2.CV_8U)
        if dice.random() < 0.2:
            _, packed = cv2.imencode(".jpg", pixels, (cv2.IMWRITE_JPEG_QUALITY, dice.randint(25, 85)))
            pixels = cv2.imdecode(packed, cv2.IMREAD_COLOR)
        return pixels


def hide(labels: Labels, boxes: np.ndarray) -> None:
    """Leaves alone what is covered by half by something pasted over it: nobody can see it any more."""
    covered = overlaps(labels.boxes, boxes, over_first=True)
    if covered.size:
        labels.ignored |= covered.max(1) > 0.5


def seen(labels: Labels, side: int) -> Labels:
    """The labels as far as they lie in the crop: cut at its edge, left alone where too little or too small to tell."""
    whole = labels.boxes
    boxes = np.clip(whole, 0, side)
    areas = lambda b: np.clip(b[:, 2] - b[:, 0], 0, None) * np.clip(b[:, 3] - b[:, 1], 0, None)  # noqa: E731
    share = areas(boxes) / np.maximum(areas(whole), 1e-6)
    plate = labels.kinds == PLATE
    # a large vehicle's corner is still a vehicle; half a plate is not one
    doubtful = np.where(plate, share < 0.85, share < 0.35)
    small = np.minimum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]) < np.where(plate, 2.5, 5)
    small |= plate & (boxes[:, 2] - boxes[:, 0] < 8)
    corners = labels.corners.copy()
    corners[share < 0.85] = math.nan
    return Labels(labels.kinds, boxes, corners, labels.ignored | doubtful | small).only(share > 0.03)
