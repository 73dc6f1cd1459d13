"""A stretch of road with all that lies flat or stands far behind: lanes, markings, kerbs, verges, house fronts, sky, shadows."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import pi

import cv2
import numpy as np

from training.street.solids import Dice
from training.street.view import SHIFT, Light, Placed, View

ASPHALT_M = 14.0  # of road that the noise covers before it repeats


@dataclass(frozen=True)
class Road:
    """A straight road along y with its lanes (x of the middle, direction), and maybe one that crosses it at `crossing`.

    `edge` is half its width, `pavement` how wide the pavement is beside it, `front` the x beyond which houses stand (0: none),
    and `sight` after how many metres something ends the view.
    """

    lanes: tuple[tuple[float, int], ...]
    lane_m: float
    edge: float
    pavement: float
    front: float
    crossing: float | None
    crossing_lanes: tuple[tuple[float, int], ...]
    bays: tuple[str, str]  # what is parked on the left and on the right: nothing, along, across
    median: float
    sight: float

    @classmethod
    def some(cls, dice: Dice) -> Road:
        """A lane or a motorway."""
        wide = float(dice.uniform(2.8, 3.7))
        ahead = 1 + int(dice.choice(4, p=[0.35, 0.35, 0.2, 0.1]))
        back = min(4, max(0, ahead + int(dice.integers(-1, 2)))) if dice.random() < 0.8 else 0
        median = float(dice.uniform(0.8, 4)) if ahead > 1 and back and dice.random() < 0.4 else 0.0
        side = 1 if dice.random() < 0.75 else -1  # drives on the right
        shoulder = float(dice.choice([0.2, 0.5, 2.5], p=[0.4, 0.4, 0.2]))
        total = (ahead + back) * wide + median
        lanes = [(-total / 2 + (k + 0.5) * wide, -1) for k in range(back)]
        lanes += [(-total / 2 + median + (back + k + 0.5) * wide, 1) for k in range(ahead)]
        bays = tuple(str(b) for b in dice.choice(["", "along", "across"], 2, p=[0.55, 0.3, 0.15]))
        crossing = float(dice.uniform(-12, 30)) if dice.random() < 0.35 else None
        cross = [((k - 0.5) * wide, (1 if k else -1) * side) for k in range(2)]
        edge = total / 2 + shoulder + max(0.0 if not b else 2.2 if b == "along" else 5.0 for b in bays)
        pavement = float(dice.uniform(1.5, 4.5)) if dice.random() < 0.7 else 0.0
        front = edge + pavement + float(dice.uniform(0.5, 14)) if dice.random() < 0.65 else 0.0
        flipped = tuple((x * side, way) for x, way in lanes)
        sight = 900.0 if dice.random() < 0.2 else float(dice.uniform(60, 260))
        return cls(flipped, wide, edge, pavement, front, crossing, tuple(cross), (bays[0], bays[1]), median, sight)


class Ground:
    """A picture (side, side, 3) of all that is flat or far behind."""

    def __init__(self, dice: Dice, view: View, light: Light, road: Road, side: int, noise: np.ndarray) -> None:
        self.dice, self.view, self.light, self.road, self.side = dice, view, light, road, side
        v, u = np.mgrid[:side, :side].astype(np.float32) + 0.5
        lens = (u - view.centre_px[0]) / view.focal_px, (v - view.centre_px[1]) / view.focal_px
        falls = -(lens[0] * view.axes[0, 2] + lens[1] * view.axes[1, 2] + view.axes[2, 2])
        self.below = falls > 1e-4
        self.metres = np.where(self.below, view.at[2] / np.maximum(falls, 1e-4), 1e4).astype(np.float32)
        self.rise = np.clip(-falls, 0, 1)
        self.pixels = np.zeros((side, side, 3), np.uint8)
        self.noise = noise

    def fill(self, outline: list[tuple[float, float]] | np.ndarray, colour: np.ndarray, target: np.ndarray | None = None) -> None:
        """Fills a convex outline on the road."""
        flat = self.view.flat(np.asarray(outline, float))
        if flat is not None and len(flat) > 2:
            corners = np.round(flat * (1 << SHIFT)).astype(np.int32)
            shade = tuple(np.asarray(colour, float).tolist())
            cv2.fillConvexPoly(self.pixels if target is None else target, corners, shade, cv2.LINE_AA, SHIFT)

    def strip(self, x0: float, x1: float, y0: float, y1: float, colour: np.ndarray) -> None:
        """A rectangle on the road."""
        self.fill([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], colour)

    def sky(self) -> None:
        """The sky, paler towards the horizon."""
        light = self.light

        steps = np.linspace(0, 1, 256)[:, None]
        tones = np.clip(light.fog * (1 - steps) + light.sky * steps, 0, 255).astype(np.uint8)
        self.pixels = tones[np.clip(self.rise * (6 * 255), 0, 255).astype(np.uint8)]

    def distance(self, backdrops: list[np.ndarray]) -> None:
        """Real walls and trees where sight ends."""
        light, dice, beyond = self.light, self.dice, self.metres > self.road.sight
        rows = np.flatnonzero(beyond.any(1))
        if not backdrops or not len(rows):
            return
        forward = self.view.axes[2]
        level = np.array([forward[0], forward[1], 0]) * 1e4 + self.view.at
        horizon, lowest = float(self.view.project(level[None])[0][0, 1]), int(rows[-1]) + 1

        x = -float(dice.uniform(0, 0.3)) * self.side
        tall = self.view.focal_px * float(dice.uniform(0.04, 0.25))
        while x < self.side:
            patch = backdrops[int(dice.integers(len(backdrops)))]
            high = max(4, int(tall * dice.uniform(0.5, 1.3)))
            wide = max(4, int(high * dice.uniform(0.8, 2.5)))
            left, right = max(0, int(x)), min(self.side, int(x) + wide)
            top, bottom = max(0, int(horizon) - high), lowest
            if right - left > 1 and bottom - top > 1:
                piece = cv2.resize(patch, (right - left, bottom - top), interpolation=cv2.INTER_AREA)
                shown = light.through_air(light.on(piece.astype(np.float32), 0.3), min(400.0, self.road.sight))
                where = beyond[top:bottom, left:right, None]
                np.copyto(self.pixels[top:bottom, left:right], np.clip(shown, 0, 255).astype(np.uint8), where=where)
            x += wide

    def pave(self, backdrops: list[np.ndarray]) -> None:
        """Verges, pavements, asphalt, markings."""
        dice, road, light = self.dice, self.road, self.light
        at = float(self.view.at[1])
        near, distant = at - 400, at + 900
        green = np.array([92, 108, 62]) + dice.normal(0, 12, 3)
        grey = np.full(3, float(dice.uniform(85, 165))) + dice.normal(0, 7, 3)
        verge = green if dice.random() < 0.55 else grey + np.array([12, 6, -8])
        self.strip(-900, 900, near, distant, light.on(verge))
        if backdrops and dice.random() < 0.7:
            self._texture(backdrops[int(dice.integers(len(backdrops)))], float(dice.uniform(3, 9)), 0.8)
        tone = float(dice.uniform(55, 150)) * (0.7 if light.wet else 1)
        asphalt = np.full(3, tone) + dice.normal(0, 4, 3)
        slabs = asphalt * float(dice.uniform(1.05, 1.5)) + dice.normal(0, 6, 3)
        wide = road.edge + road.pavement
        if road.pavement:
            self.strip(-wide, wide, near, distant, light.on(slabs))
            for x in (-road.edge, road.edge):
                self.strip(x - 0.14, x + 0.14, near, distant, light.on(slabs * 1.15 + 12))
        self.strip(-road.edge, road.edge, near, distant, light.on(asphalt))
        if road.crossing is not None:
            half = road.lane_m + 0.4
            self.strip(-400, 400, road.crossing - half, road.crossing + half, light.on(asphalt))
        for x, _ in road.lanes:  # wheels wear their tracks, oil its line
            for shift in (-0.8, 0.8):
                self.strip(
                    x + shift - 0.3, x + shift + 0.3, near, distant, light.on(asphalt * (1 + 0.4 * (dice.random() - 0.6) * 0.3))
                )
        for _ in range(int(dice.integers(0, 6))):  # mended places
            x, y = float(dice.uniform(-road.edge, road.edge)), at + float(dice.uniform(3, 70))
            deep = float(dice.choice([0.8, 3, 12]))
            self.strip(x, x + float(dice.uniform(0.4, 3)), y, y + deep, light.on(asphalt * float(dice.uniform(0.65, 1.15))))
        if dice.random() < 0.92:
            self._mark(light.on(np.array([205, 205, 200]) * float(dice.uniform(0.75, 1.15))), at)
        self._grain()

    def _mark(self, white: np.ndarray, at: float) -> None:
        dice, road = self.dice, self.road
        half, yellow = road.lane_m / 2, white * (1.0, 0.82, 0.35)
        near, distant = at - 60, at + 260
        dash, gap, line = float(dice.uniform(1.5, 6)), float(dice.uniform(2, 9)), float(dice.uniform(0.1, 0.2))
        gaps = [] if road.crossing is None else [(road.crossing - half * 2 - 3, road.crossing + half * 2 + 3)]
        pieces = []
        start = near
        for low, high in [*gaps, (distant, distant)]:
            pieces.append((start, low))
            start = high
        xs = sorted(x for x, _ in road.lanes)
        ways = dict(road.lanes)
        for a, b in pairwise(xs):
            same = ways[a] == ways[b]
            for low, high in pieces:
                if not same:
                    colour = yellow if dice.random() < 0.3 else white
                    if road.median:
                        self.strip(a + half, b - half, low, high, self.light.on(np.array([100, 112, 75])))
                    for shift in (-0.12, 0.12) if not road.median else (-road.median / 2 - 0.2, road.median / 2 + 0.2):
                        self.strip((a + b) / 2 + shift - line / 2, (a + b) / 2 + shift + line / 2, low, high, colour)
                    continue
                y = low
                while y < min(high, at + 110):
                    if y > at - 5:
                        self.strip((a + b) / 2 - line / 2, (a + b) / 2 + line / 2, y, y + dash, white)
                    y += dash + gap
        for x in (xs[0] - half, xs[-1] + half):
            for low, high in pieces:
                self.strip(x - line / 2, x + line / 2, low, high, white)
        for sign, bay in zip((-1, 1), road.bays, strict=True):
            if bay == "across":
                for k in range(-8, 30):
                    self.strip(sign * (road.edge - 5), sign * road.edge, at + 2.6 * k, at + 2.6 * k + 0.1, white)
        for low, high in gaps:  # stop lines and crossings for people
            for y, way in ((low, 1), (high, -1)):
                if dice.random() < 0.6:
                    x = xs[0] - half
                    while x < xs[-1] + half:
                        self.strip(x, x + 0.5, y + way * 0.2, y + way * 2.7, white)
                        x += 1.0
                for x, lane_way in road.lanes:
                    if lane_way == way:
                        self.strip(x - half * 0.9, x + half * 0.9, y - way * 1.2, y - way * 0.8, white)
        if dice.random() < 0.3:  # arrows
            for x, way in road.lanes:
                y = float(dice.uniform(0, 25)) * 1.0
                self.strip(x - 0.08, x + 0.08, y, y + 2.4 * way, white)
                tip = y + 2.4 * way
                self.fill([(x - 0.35, tip), (x + 0.35, tip), (x, tip + 1.2 * way)], white)

    def _texture(self, picture: np.ndarray, metres: float, strength: float) -> None:
        """Lays the differences of a real picture from its mean on all ground."""
        grey = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        picture = cv2.addWeighted(grey, 0.75, picture, 0.25, 0)  # a verge is not as colourful as a wall
        scale = picture.shape[0] / metres
        laid = self._laid(picture, np.diag([scale, scale, 1.0]), cv2.BORDER_REFLECT)
        fade = strength * self._fade(metres / picture.shape[0])
        gain = laid.astype(np.float32)
        gain *= 1 / max(20.0, float(picture.mean()))
        gain = np.clip(gain, 0.4, 1.8) - 1
        gain *= fade[..., None]
        gain += 1
        gain[~self.below] = 1
        self.pixels = cv2.multiply(self.pixels, gain, dtype=cv2.CV_8U)

    def _laid(self, picture: np.ndarray, from_road: np.ndarray, border: int) -> np.ndarray:
        """A picture laid on the road at half the size; `from_road` (3, 3) takes metres to its pixels."""
        half = self.side // 2
        matrix = from_road @ np.linalg.inv(self.view.homography()) @ np.diag([self.side / half, self.side / half, 1.0])
        laid = cv2.warpPerspective(
            picture, matrix, (half, half), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=border
        )
        return cv2.resize(laid, (self.side, self.side), interpolation=cv2.INTER_LINEAR)

    def _fade(self, texel_m: float) -> np.ndarray:
        """How much of a texture with texels of this size survives its distance without flicker."""
        much = np.float32(2.4 * self.view.focal_px * texel_m * self.view.at[2])
        return np.minimum(much / (self.metres * self.metres), 1)

    def _grain(self) -> None:
        """Stains, and the asphalt's grain."""
        shade = np.ones((self.side, self.side), np.float32)
        for metres, much in ((ASPHALT_M, 0.09), (ASPHALT_M * 9, 0.1)):
            much *= float(self.dice.uniform(0.4, 1.4))  # noqa: PLW2901
            scale = self.noise.shape[0] / metres
            shift = self.dice.uniform(0, 400, 2)
            to = np.array([[scale, 0, shift[0]], [0, scale * 0.4, shift[1]], [0, 0, 1]])
            laid = self._laid(self.noise, to, cv2.BORDER_WRAP)
            shade += much * laid * self._fade(metres / 128)
        shade[~self.below] = 1
        self._dim(shade)

    def houses(self, backdrops: list[np.ndarray]) -> None:
        """House fronts along the road, where the camera looks at them from the road's side."""
        road, view, dice = self.road, self.view, self.dice
        if not road.front or not backdrops:
            return
        for sign in (-1, 1):
            x = sign * road.front
            if sign * float(view.at[0]) > road.front - 0.5:
                continue
            y = float(view.at[1]) + float(dice.uniform(-5, 25))
            for _ in range(6):
                long, high = float(dice.uniform(8, 30)), float(dice.uniform(4, 16))
                start, y = y, y + long + float(dice.choice([0, 0, 4, 15]))
                if road.crossing is not None and start - 9 < road.crossing < start + long + 9:
                    continue
                corners = np.array([[x, start, high], [x, start + long, high], [x, start + long, 0], [x, start, 0]])
                quad, depth = view.project(corners)
                if (
                    depth.min() < 2
                    or (quad.max(0) < 0).any()
                    or (quad.min(0) > self.side).any()
                    or np.ptp(quad, 0).max() > 6 * self.side
                ):
                    continue
                patch = backdrops[int(dice.integers(len(backdrops)))]
                lit = self.light.on(patch.astype(np.float32), 0.2)
                patch = self.light.through_air(lit, float(depth.mean())).astype(np.uint8)
                rows, columns = patch.shape[:2]
                source = np.float32([[0, 0], [columns, 0], [columns, rows], [0, rows]])
                low = np.clip(np.floor(quad.min(0)).astype(int), 0, self.side - 1)
                high = np.clip(np.ceil(quad.max(0)).astype(int), low + 1, self.side)
                matrix = cv2.getPerspectiveTransform(source, np.float32(quad - low))
                place = np.ascontiguousarray(self.pixels[low[1] : high[1], low[0] : high[0]])
                cv2.warpPerspective(patch, matrix, place.shape[1::-1], place, cv2.INTER_LINEAR, cv2.BORDER_TRANSPARENT)
                self.pixels[low[1] : high[1], low[0] : high[0]] = place

    def shade(self, things: list[Placed]) -> None:
        """Shadows: the sun's, and the dark beneath everything."""
        light, dice = self.light, self.dice
        mask = np.zeros((self.side, self.side), np.uint8)
        if light.sunny:
            lean = -light.sun[:2] / light.sun[2]
            for thing in things:
                tall = thing.solid.size[2] * float(thing.scale[2])
                base = thing.footprint(0.92)
                if thing.solid.kind == "tree":
                    base = base + lean * tall * 0.45
                self._hull(np.concatenate([base, thing.footprint(0.75) + lean * tall * 0.93]), mask, 150)
            if dice.random() < 0.3:  # a house's, a bridge's
                x, y = dice.uniform(-30, 30), float(self.view.at[1]) + dice.uniform(0, 50)
                corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * dice.uniform(3, 25, 2) + (x, y)
                self._hull(corners + np.outer((0, 0, 1, 1), lean * 4), mask, 140)
        for thing in things:
            if thing.solid.kind not in ("tree", "pole"):
                self._hull(thing.footprint(1.03), mask, 110 if light.night > 0.9 else 165)
        mask = cv2.GaussianBlur(mask, (0, 0), 0.9)
        self._dim(1 - mask.astype(np.float32) / 255)

    def _dim(self, gain: np.ndarray) -> None:
        """Multiplies all pixels by a gain (side, side)."""
        self.pixels = cv2.multiply(self.pixels, cv2.merge([gain] * 3), dtype=cv2.CV_8U)

    def _hull(self, points: np.ndarray, mask: np.ndarray, depth: int) -> None:
        flat = self.view.flat(cv2.convexHull(points.astype(np.float32))[:, 0])
        if flat is not None and len(flat) > 2:
            cv2.fillConvexPoly(mask, np.round(flat * (1 << SHIFT)).astype(np.int32), depth, 8, SHIFT)

    def lamplight(self, things: list[Placed]) -> None:
        """Street lamps' pools and head lamps' beams at night."""
        if not self.light.night:
            return
        dice, side = self.dice, self.side
        pools, beams = np.zeros((2, side, side), np.uint8)
        angles = np.arange(16) * (2 * pi / 16)
        circle = np.stack([np.cos(angles), np.sin(angles)], 1)
        if dice.random() < 0.75:
            step, x = float(dice.uniform(18, 40)), float(dice.choice([-1, 1])) * self.road.edge
            for k in range(-1, 7):
                self.fill(circle * float(dice.uniform(5, 9)) + (x * 0.6, self.view.at[1] + k * step), np.array([255]), pools)
        for thing in things:
            if thing.lit and thing.solid.kind != "person":
                nose, length = thing.solid.size[0] / 2, float(dice.uniform(8, 20))
                fan = np.array([[nose, -0.7], [nose + length, -2.2], [nose + length, 2.2], [nose, 0.7]])
                self.fill(fan @ thing.turn()[:2, :2].T + (thing.x, thing.y), np.array([255]), beams)
        sigma = side / 40
        pools, beams = (
            cv2.GaussianBlur(m, (0, 0), s).astype(np.float32)[..., None] / 255 for m, s in ((pools, sigma), (beams, sigma / 2))
        )
        lit = self.pixels * (1 + np.float32(2) * pools + np.float32(1.2) * beams)
        lit += np.float32([30, 22, 10]) * pools + np.float32([42, 40, 34]) * self.light.night * beams
        self.pixels = np.clip(lit, 0, 255).astype(np.uint8)

    def haze(self) -> None:
        """The air in front of the road."""
        seen = np.exp(self.metres * np.float32(-1 / self.light.fog_m))
        seen[~self.below] = 1
        self._dim(seen)
        veil = np.multiply.outer(255 - seen * 255, (self.light.fog / 255).astype(np.float32)).astype(np.uint8)
        self.pixels = cv2.add(self.pixels, veil)
