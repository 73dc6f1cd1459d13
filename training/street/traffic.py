"""Pictures of traffic as cameras on poles, gantries and dashboards see it, drawn from nothing but dice.

Nobody may train on what such cameras filmed, so it is made: a flat road, low-poly traffic on it, a pinhole camera, light, weather
and a poor sensor. Walls, trees and verges are cut from real training pictures where nothing is labelled.

    python -m training.street.traffic --sheet sheet.png [--work DIR]     a sheet of them with their labels, to look at
"""

from __future__ import annotations

import argparse
import random
from math import cos, hypot, pi, sin
from pathlib import Path

import cv2
import numpy as np

from training.street import data, panels, vehicles
from training.street.road import Ground, Road
from training.street.scenes import NUMBER, Labels, seen
from training.street.solids import Dice, Material, Solid
from training.street.view import FINER, Canvas, Light, Placed, View, order

M = Material
MIX = {
    "hatchback": 0.2, "saloon": 0.2, "estate": 0.08, "suv": 0.17, "minivan": 0.06, "pickup": 0.06, "van": 0.1, "taxi": 0.03,
    "bus": 0.04, "lorry": 0.06,
}  # fmt: skip
PAINTS = (  # and how common they are
    ((225, 226, 224), 0.25), ((28, 28, 31), 0.18), ((92, 95, 99), 0.15), ((158, 161, 164), 0.15), ((38, 58, 105), 0.09),
    ((130, 28, 30), 0.07), ((45, 66, 58), 0.03), ((120, 104, 84), 0.04), ((200, 165, 40), 0.02), ((180, 85, 35), 0.02),
)  # fmt: skip
COLOURS, COMMON = np.array([colour for colour, _ in PAINTS]), np.cumsum([share for _, share in PAINTS])
COMMON[-1] = 1
LONG = dict.fromkeys(("lorry", "bus"), 13.0) | dict.fromkeys(vehicles.TWO_WHEELERS, 2.0)  # metres to keep free
PLATE_M = 0.115  # a plate's height
LABELS = 56  # at most in a picture of 320 pixels, because training takes 60


class Traffic:
    """Draws traffic; `backdrops` are pieces of real pictures (h, w, 3) without anything labelled, `plates` pictures of plates."""

    def __init__(self, backdrops: list[np.ndarray], plates: list[np.ndarray], seed: int) -> None:
        dice = np.random.default_rng(seed)
        self.backdrops, self.plates = backdrops, plates
        kinds = dict.fromkeys(MIX, 16) | dict.fromkeys((*vehicles.TWO_WHEELERS, "person", "tree", "pole"), 12)
        self.pool = {kind: [vehicles.make(kind, dice) for _ in range(count)] for kind, count in kinds.items()}
        self.noise = sum(
            cv2.resize(dice.normal(0, 1, (n, n)).astype(np.float32), (512, 512), interpolation=cv2.INTER_CUBIC) * weight
            for n, weight in ((16, 0.5), (64, 0.4), (512, 0.6))
        )

    def draw(self, dice: Dice, side: int) -> tuple[np.ndarray, Labels]:
        """One picture (side, side, 3) RGB and its labels."""
        light, road = Light.some(dice), Road.some(dice)
        view = camera(dice, road, side)
        things = self._populate(dice, road, view, light, side)
        ground = Ground(dice, view, light, road, side, self.noise)
        ground.sky()
        ground.pave(self.backdrops)
        ground.shade(things)
        ground.lamplight(things)
        ground.haze()
        ground.distance(self.backdrops)
        ground.houses(self.backdrops)

        canvas = Canvas(ground.pixels, view, light)
        labels, glows = self._paint(dice, canvas, things)
        pixels = shine(dice, canvas.picture(), glows, light, side)
        pixels = sensed(dice, pixels, light)
        return pixels, dim_left_alone(pixels, labels)

    def _populate(self, dice: Dice, road: Road, view: View, light: Light, side: int) -> list[Placed]:
        """Who is on the road."""
        at, forward = view.at.tolist(), view.axes[2].tolist()
        found: list[Placed] = []
        discs: list[np.ndarray] = []
        riders = float(dice.choice([0.04, 0.15, 0.5], p=[0.55, 0.35, 0.1]))  # countries differ
        heavy = float(dice.choice([0.5, 1, 4], p=[0.3, 0.5, 0.2]))
        weights = np.array(list(MIX.values())) * [heavy if kind in ("bus", "lorry") else 1 for kind in MIX]
        weights /= weights.sum()
        kinds = list(MIX)

        def put(kind: str, x: float, y: float, heading: float, *, parked: bool = False, braking: bool = False) -> float:
            """Places one of a kind unless somebody is there or nobody would see it; gives its length."""
            away = hypot(x - at[0], y - at[1])
            if away > road.sight or forward[0] * (x - at[0]) + forward[1] * (y - at[1]) - forward[2] * at[2] < 1:
                return LONG.get(kind, 5.0)
            solid: Solid = self.pool[kind][int(dice.integers(len(self.pool[kind])))]
            scale = np.exp(dice.normal(0, 0.025, 3))
            heading += float(dice.normal(0, 0.02 if kind in MIX else 0.12))
            lit = not parked and (light.night > 0.2 or dice.random() < 0.25)

            long = solid.size[0] * float(scale[0])
            middle, depth = view.project(np.array([[x, y, solid.size[2] / 2]]))
            reach = view.focal_px * max(long, solid.size[2]) / max(0.5, float(depth[0])) * 0.7
            outside = (middle[0] < -reach).any() or (middle[0] > side + reach).any()

            if depth[0] < 1 or outside or reach < 2.5 or away < long / 2 + (1.5 if at[2] > 4.2 else 3):
                return long
            along = np.array([cos(heading), sin(heading)])
            spots = np.array([x, y]) + np.outer(np.array([-1, 0, 1]) * long / 3, along)
            radius = max(solid.size[1] / 2 * 0.9, long / 6)
            mine = np.column_stack([spots, np.full(3, radius)])
            if discs:
                others = np.concatenate(discs)
                gaps = np.linalg.norm(others[:, None, :2] - mine[None, :, :2], axis=-1) - others[:, None, 2] - radius
                if gaps.min() < 0:
                    return long
            discs.append(mine)
            colours = palette(dice, solid.kind)
            found.append(Placed(solid, x, y, heading, scale, colours, lit, braking and not parked, parked))
            return long

        near, distant = float(at[1]) - 40, float(at[1]) + 170
        if abs(view.axes[2, 0]) > 0.8:  # looks across the road
            near, distant = float(at[1]) - 60, float(at[1]) + 60
        elif view.axes[2, 1] < 0:
            near, distant = float(at[1]) - 170, float(at[1]) + 40
        crowd = float(dice.choice([0.15, 0.45, 0.8], p=[0.2, 0.45, 0.35]))
        for x, way in road.lanes:
            queue = dice.random() < crowd * 0.6
            y = near + float(dice.uniform(0, 12))
            while y < distant:
                gap = float(dice.uniform(0.8, 4)) if queue else float(dice.uniform(4, 60) / (0.4 + crowd))
                kind = kinds[int(dice.choice(len(kinds), p=weights))]
                if dice.random() < riders:
                    kind = vehicles.TWO_WHEELERS[int(dice.integers(3))]
                long = LONG.get(kind, 5.0)

                aside = float(dice.normal(0, 0.22 if kind in MIX else 0.8))
                y += put(kind, x + aside, y + long / 2, way * pi / 2, braking=queue and dice.random() < 0.6) + gap
        for sign, bay in zip((-1, 1), road.bays, strict=True):
            y = near + float(dice.uniform(0, 5))
            while bay and y < distant:
                kind = kinds[int(dice.choice(7))]
                if bay == "along":
                    put(kind, sign * (road.edge - 1.15), y, float(dice.choice([-1, 1])) * pi / 2, parked=True)
                    y += 6 + float(dice.uniform(0, 2))
                else:
                    put(kind, sign * (road.edge - 2.6), y, float(dice.choice([0, pi])), parked=True)
                    y += 2.6
                if dice.random() < 0.25:
                    y += float(dice.uniform(0, 25))
        if road.crossing is not None:
            reach = road.front or 70.0
            for y, way in road.crossing_lanes:
                x = -reach + float(dice.uniform(0, 15))
                while x < reach:
                    kind = kinds[int(dice.choice(len(kinds), p=weights))]
                    x += put(kind, x, road.crossing + y, 0.0 if way > 0 else pi) + float(dice.uniform(2, 30))
        if dice.random() < 0.35:  # who turns, reverses, or stands askew
            for _ in range(int(dice.integers(1, 14))):
                x, y = float(dice.uniform(-road.edge, road.edge) * 1.3), float(dice.uniform(-20, 35))
                put(
                    kinds[int(dice.choice(len(kinds), p=weights))],
                    x,
                    y,
                    float(dice.uniform(0, 2 * pi)),
                    parked=dice.random() < 0.3,
                )
        walk = road.edge + max(1.0, road.pavement) * 0.5
        for _ in range(int(dice.choice([0, 2, 6, 20], p=[0.3, 0.35, 0.25, 0.1]))):
            y = float(dice.uniform(-25, 45))
            x = walk * float(dice.choice([-1, 1])) + float(dice.normal(0, 0.8))
            if dice.random() < 0.2:
                x = float(dice.uniform(-road.edge, road.edge))
            kind = "person" if dice.random() < 0.85 else vehicles.TWO_WHEELERS[int(dice.integers(3))]
            put(kind, x, y, float(dice.choice([0, 1, 2, 3])) * pi / 2 + float(dice.normal(0, 0.3)))
        share = (side / 320) ** 2
        found.sort(key=lambda t: (t.x - at[0]) ** 2 + (t.y - at[1]) ** 2)
        found = found[: max(3, int(LABELS * share * 0.6))]
        for _ in range(int(dice.choice([0, 3, 8]))):
            far = road.edge + road.pavement + float(dice.uniform(0.5, 5))
            kind = "tree" if dice.random() < 0.6 and not road.front else "pole"
            put(
                kind,
                far * float(dice.choice([-1, 1])),
                float(dice.uniform(-30, 60)),
                float(dice.uniform(0, 6)),
                parked=True,
            )
        return found

    def _paint(self, dice: Dice, canvas: Canvas, things: list[Placed]) -> tuple[Labels, list[tuple]]:
        """Paints everybody; gives the labels, and the lamps that shine (x, y, radius, colour, strength)."""
        view = canvas.view
        notes: list[tuple[str, int, np.ndarray, int]] = []
        heads: list[tuple[np.ndarray, int]] = []
        plates: list[tuple[np.ndarray, int]] = []
        lamps: list[tuple] = []
        number = 1
        for k in order(things, view.at):
            thing = things[k]
            kind = thing.solid.kind
            scenery = kind in ("tree", "pole")
            points = canvas.paint(thing, 0 if scenery else number)
            if points is None or scenery:
                continue
            if kind in MIX or kind == "trailer":
                parts = [("vehicle", 0)]
            else:
                parts = [("person", 0)] if kind == "person" else [("two_wheeler", 0), ("person", 1)]
            who = np.repeat(thing.solid.who, np.diff(thing.solid.starts))
            for name, part in parts:
                mine = points[who == part]
                if len(mine):
                    notes.append((name, number + part, mine, canvas.count(number + part, mine)[0]))
            plates += [(quad, number) for quad in self._plates(dice, canvas, thing)]
            for head in thing.solid.heads:
                middle, depth = view.project(thing.to_road(np.array([head])))
                heads.append((np.array([*middle[0], 0.15 * view.focal_px / depth[0]]), number))
            if thing.lit or thing.braking:
                lamps += [(*lamp, number) for lamp in _lamps(thing, view)]
            number += 2
        rows = [_judged(canvas, *note) for note in notes]
        rows += [_judged_plate(canvas, quad, mark) for quad, mark in plates]
        for (x, y, wide), mark in heads:  # a head this large would have a face
            row, column = int(y * FINER), int(x * FINER)
            inside = 0 <= row < canvas.side and 0 <= column < canvas.side
            if wide > 4 and inside and canvas.pixels[row, column, 3] in (mark, mark + 1):
                box = (x - wide / 2, y - wide * 0.65, x + wide / 2, y + wide * 0.65)
                rows.append(("face", box, None, True))
        rows = [row for row in rows if row is not None]
        unknown = np.full(8, np.nan)
        labels = Labels(
            np.array([NUMBER[row[0]] for row in rows], int),
            np.array([row[1] for row in rows], np.float32).reshape(-1, 4),
            np.array([unknown if row[2] is None else row[2] for row in rows], np.float32).reshape(-1, 8),
            np.array([row[3] for row in rows], bool),
        )
        glows = []
        for x, y, radius, colour, strength, mark in lamps:
            row, column = int(y * FINER), int(x * FINER)
            if 0 <= row < canvas.side and 0 <= column < canvas.side and canvas.pixels[row, column, 3] == mark:
                glows.append((x, y, radius, colour, strength))
        return seen(labels, canvas.side // FINER), glows

    def _plates(self, dice: Dice, canvas: Canvas, thing: Placed) -> list[np.ndarray]:
        """Hangs the plates that face the camera; gives their corners (8)."""
        view, light, found = canvas.view, canvas.light, []
        picture = self.plates[int(dice.integers(len(self.plates)))]
        for place, normal in thing.solid.plates:
            way = normal[0]
            tall = PLATE_M * (1.25 if picture.shape[1] < 3 * picture.shape[0] else 1)
            half = tall * picture.shape[1] / picture.shape[0] / 2
            corners = np.array(
                [(-way * half, tall / 2), (way * half, tall / 2), (way * half, -tall / 2), (-way * half, -tall / 2)]
            )
            spots = np.array([place]) + np.column_stack([np.zeros(4), corners[:, 0], corners[:, 1]])
            quad, depth = view.project(thing.to_road(spots))
            wide = np.linalg.norm(quad[1] - quad[0])
            out = thing.turn() @ np.array(normal)
            if depth.min() < 1 or wide < 4 or (view.at - thing.to_road(np.array([place]))[0]) @ out <= 0:
                continue
            # clockwise from the top left, as seen
            strength = light.ambient * 0.9 + light.sunny * max(0.0, float(out @ light.sun))
            shrink = picture.shape[0] / max(4.0, 4 * float(np.linalg.norm(quad[3] - quad[0])))
            plate = (
                picture if shrink <= 1 else cv2.resize(picture, None, fx=1 / shrink, fy=1 / shrink, interpolation=cv2.INTER_AREA)
            )
            canvas.lay(plate, quad, max(0.35, strength))
            found.append(quad.reshape(8))
        return found


def dim_left_alone(pixels: np.ndarray, labels: Labels) -> Labels:
    """The labels, of which those that fog, night or noise has swallowed are left alone."""
    grey = cv2.blur(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), (3, 3))
    for k, (left, top, right, bottom) in enumerate(np.round(labels.boxes).astype(int).tolist()):
        part = grey[max(0, top - 2) : bottom + 2, max(0, left - 2) : right + 2]
        if part.size and float(part.std()) < 7:
            labels.ignored[k] = True
    return labels


def camera(dice: Dice, road: Road, side: int) -> View:
    """Somewhere above the road or on a dashboard, looking at some spot of it."""
    aim = np.array([float(dice.uniform(-1, 1)) * road.edge, 0.0, float(dice.uniform(0, 1.2))])
    chance = dice.random()
    if chance < 0.18:  # a dashboard
        lanes = [x for x, way in road.lanes if way > 0]
        high, away, turn = float(dice.uniform(1.15, 2.2)), float(np.exp(dice.uniform(np.log(9), np.log(45)))), 0.0
        at = np.array([lanes[int(dice.integers(len(lanes)))], -away, high])
        aim[2] = high - float(dice.uniform(0, 0.06)) * away
    else:
        high = float(dice.uniform(3, 12))
        steep = np.exp(dice.uniform(np.log(0.09), np.log(0.75 if chance < 0.9 else 1.6)))
        away = high / float(steep)
        turn = float(dice.normal(0, 0.3)) if dice.random() < 0.62 else float(dice.uniform(0, 2 * pi))
        at = np.array([aim[0] + away * sin(turn), aim[1] - away * cos(turn), high])
    distance = float(np.linalg.norm(aim - at))
    # so that a car's width is 5 to 130 pixels of 320 at the spot that is aimed at
    metre = np.exp(dice.uniform(np.log(4.0), np.log(42.0))) * side / 320
    focal = max(0.75 * side, float(metre) * distance)
    spot = dice.triangular(0.1, 0.5, 0.9, 2) * side
    return View.towards(at, aim, float(dice.normal(0, 0.03)), focal, (float(spot[0]), float(spot[1])))


def _paint(dice: Dice) -> np.ndarray:
    shade = COLOURS[int(np.searchsorted(COMMON, dice.random()))]
    return np.asarray(shade * float(np.exp(dice.normal(0, 0.15))) + dice.normal(0, 4, 3))


def palette(dice: Dice, kind: str) -> np.ndarray:
    """A colour (materials, 3) for every material of a thing."""
    colours = np.zeros((len(M), 3), np.float32)
    colours[M.PAINT], colours[M.SECOND] = _paint(dice), _paint(dice)
    if kind in ("van", "lorry", "trailer", "bus"):
        if dice.random() < 0.5:
            colours[M.PAINT] = np.full(3, dice.uniform(205, 240))
        if dice.random() < 0.55:
            colours[M.SECOND] = np.full(3, dice.uniform(180, 235)) + dice.normal(0, 4, 3)
        elif dice.random() < 0.5:
            colours[M.SECOND] = dice.uniform(20, 210, 3)
        if kind == "bus" and dice.random() < 0.5:
            colours[M.PAINT] = dice.uniform(20, 220, 3)
    if kind == "taxi" and dice.random() < 0.75:
        colours[M.PAINT] = np.array([(215, 165, 25), (225, 222, 205), (25, 25, 28), (30, 110, 60)][int(dice.integers(4))])
    colours[M.PLASTIC] = dice.uniform(28, 62)
    colours[M.DARK] = dice.uniform(10, 26)
    colours[M.GLASS] = dice.uniform(12, 48) + np.array([0, 2, 4])
    colours[M.MIRROR] = colours[M.GLASS] + dice.uniform(0, 45)

    colours[M.CHROME] = dice.uniform(120, 200)
    colours[M.HEAD] = np.array([200, 206, 210]) * dice.uniform(0.75, 1.1)
    colours[M.TAIL] = (float(dice.uniform(110, 170)), 18, 20)
    colours[M.AMBER] = (215, 120, 30)
    colours[M.TYRE] = dice.uniform(22, 38)
    colours[M.HUB] = dice.uniform(60, 175)
    colours[M.SKIN] = np.array([224, 178, 150]) * dice.uniform(0.35, 1.05)
    colours[M.COAT] = dice.uniform(15, 190, 3) if dice.random() < 0.55 else np.full(3, dice.uniform(15, 120))
    if dice.random() < 0.06:
        colours[M.COAT] = (215, 230, 40)
    colours[M.TROUSERS] = dice.uniform(20, 90) + np.array([0, 2, 14])
    colours[M.HAIR] = dice.uniform(15, 90) * np.array([1, 0.85, 0.7])
    if kind in vehicles.TWO_WHEELERS:
        colours[M.HAIR] = dice.uniform(15, 235, 3) if dice.random() < 0.5 else np.full(3, dice.uniform(15, 230))
    colours[M.WOOD] = np.array([112, 88, 64]) * dice.uniform(0.7, 1.2)
    colours[M.LEAF] = np.array([92, 112, 54]) * dice.uniform(0.65, 1.25) + dice.normal(0, 8, 3)
    colours[M.SHADE] = colours[M.LEAF] * 0.5
    return np.clip(colours, 2, 250)


def _lamps(thing: Placed, view: View) -> list[tuple]:
    """The lamps that look at the camera: x, y, radius, colour, strength."""
    found = []
    for material, place, normal in thing.solid.lamps:
        spot = thing.to_road(np.array([place]))
        pixel, depth = view.project(spot)
        towards = view.at - spot[0]
        look = float(towards @ (thing.turn() @ np.array(normal))) / float(np.linalg.norm(towards))
        if look < 0.05 or depth[0] < 1:
            continue
        head = material == M.HEAD
        if not head and not thing.braking and not thing.lit:
            continue
        colour = (255, 246, 220) if head else (255, 45, 25)
        strength = look**2 if head else look * (0.75 if thing.braking else 0.35)
        found.append((float(pixel[0, 0]), float(pixel[0, 1]), 0.11 * view.focal_px / float(depth[0]), colour, strength))
    return found


def _judged(canvas: Canvas, name: str, number: int, points: np.ndarray, whole: int) -> tuple | None:
    """The label of a thing of which `whole` pixels were painted, as far as it is still seen."""
    left, box = canvas.count(number, points)
    if box is None or left < 6:
        return None
    (x0, y0), (x1, y1) = points.min(0), points.max(0)
    share = (
        left
        / max(1, whole)
        * (box_area(np.clip((x0, y0, x1, y1), 0, canvas.side // FINER)) / max(1e-6, box_area((x0, y0, x1, y1))))
    )
    return None if share < 0.04 else (name, box, None, share < 0.35)


def _judged_plate(canvas: Canvas, quad: np.ndarray, number: int) -> tuple | None:
    """The label of a plate, as far as it is still seen."""
    corners = quad.reshape(4, 2)
    if np.linalg.norm(corners[1] - corners[0]) < 5:
        return None
    u, v = (w.ravel()[:, None] for w in np.meshgrid((0.05, 0.25, 0.5, 0.75, 0.95), (0.15, 0.5, 0.85)))
    spots = (corners[0] * (1 - u) + corners[1] * u) * (1 - v) + (corners[3] * (1 - u) + corners[2] * u) * v
    cells = np.clip(np.floor(spots * FINER).astype(int), 0, canvas.side - 1)
    share = float((canvas.pixels[cells[:, 1], cells[:, 0], 3] == number).mean())
    box = (*corners.min(0), *corners.max(0))
    return None if share < 0.2 else ("plate", box, quad, share < 0.9)


def box_area(box: np.ndarray | tuple[float, float, float, float]) -> float:
    """Pixels of a box."""
    return float((box[2] - box[0]) * (box[3] - box[1]))


def shine(dice: Dice, pixels: np.ndarray, glows: list[tuple], light: Light, side: int) -> np.ndarray:
    """Lamps' glow, their streaks on a wet road, and now and then the sun in the lens."""
    if not glows and dice.random() > 0.05:
        return pixels
    lit = pixels.astype(np.float32)
    bloom = float(dice.uniform(1.2, 4.5)) * (0.35 + 0.65 * light.night)
    spots = [
        (x, y, max(1.2, r * bloom), max(1.2, r * bloom), colour, s * (0.35 + 0.75 * light.night)) for x, y, r, colour, s in glows
    ]
    if light.wet and light.night:
        spots += [(x, y + r * 9, r * 1.5, r * 7, colour, s * 0.35) for x, y, r, colour, s in glows]
    if dice.random() < 0.05:
        size = float(dice.uniform(0.1, 0.5)) * side
        spots.append(
            (
                float(dice.uniform(0, side)),
                float(dice.uniform(-0.2, 0.5)) * side,
                size,
                size,
                (255, 246, 225),
                float(dice.uniform(0.4, 0.9)),
            )
        )
    for x, y, wide, tall, colour, strength in spots:
        left, right = max(0, int(x - 3 * wide)), min(side, int(x + 3 * wide) + 2)
        top, bottom = max(0, int(y - 3 * tall)), min(side, int(y + 3 * tall) + 2)
        if right - left < 1 or bottom - top < 1:
            continue
        across = np.exp(-0.5 * ((np.arange(left, right) + 0.5 - x) / wide) ** 2)
        down = np.exp(-0.5 * ((np.arange(top, bottom) + 0.5 - y) / tall) ** 2)
        lit[top:bottom, left:right] += np.outer(down, across)[..., None] * (np.array(colour) * strength)
    return np.clip(lit, 0, 255).astype(np.uint8)


def sensed(dice: Dice, pixels: np.ndarray, light: Light) -> np.ndarray:
    """What a poor camera makes of it: rain, a soft lens, few pixels, noise, words, and the packing."""
    side = pixels.shape[0]
    if light.wet and dice.random() < 0.6:
        slant = float(dice.normal(0, 0.25))
        drops = np.zeros((side, side), np.uint8)
        for _ in range(int(dice.integers(30, 200))):
            x, y, long = *dice.uniform(0, side, 2), float(dice.uniform(4, 22))
            cv2.line(drops, (int(x), int(y)), (int(x + slant * long), int(y + long)), int(dice.integers(20, 90)), 1, cv2.LINE_AA)
        pixels = cv2.add(pixels, cv2.cvtColor(drops, cv2.COLOR_GRAY2RGB))
    mean, wanted = float(pixels.mean()), float(dice.uniform(28, 75))
    if mean < wanted:  # exposed longer in the dark
        pixels = cv2.convertScaleAbs(pixels, alpha=min(3.0, wanted / max(1.0, mean)))
    elif mean > 185:
        pixels = cv2.convertScaleAbs(pixels, alpha=float(dice.uniform(0.75, 0.95)))
    if dice.random() < 0.45:
        pixels = cv2.GaussianBlur(pixels, (0, 0), float(dice.uniform(0.4, 1.3)))

    if dice.random() < 0.12:
        long = int(dice.integers(3, 8))
        kernel = np.zeros((long, long), np.float32)
        cv2.line(kernel, (0, int(dice.integers(long))), (long - 1, int(dice.integers(long))), 1.0)
        pixels = cv2.filter2D(pixels, -1, kernel / kernel.sum())
    if dice.random() < 0.35:
        scale = float(dice.uniform(0.4, 0.85))
        small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        pixels = cv2.resize(small, (side, side), interpolation=cv2.INTER_LINEAR if dice.random() < 0.5 else cv2.INTER_CUBIC)
    if dice.random() < 0.3:  # an eager sharpener
        pixels = cv2.addWeighted(pixels, 1.6, cv2.GaussianBlur(pixels, (0, 0), 1.2), -0.6, 0)
    if dice.random() < 0.3 + 0.5 * light.night:
        noise = dice.normal(0, float(dice.uniform(2, 9)), (side // 2 if dice.random() < 0.4 else side,) * 2).astype(np.float32)
        noise = cv2.resize(noise, (side, side))
        pixels = np.clip(pixels + noise[..., None], 0, 255).astype(np.uint8)
    if dice.random() < 0.3:
        _caption(dice, pixels)
    if dice.random() < 0.6:
        _, packed = cv2.imencode(".jpg", pixels, (cv2.IMWRITE_JPEG_QUALITY, int(dice.integers(14, 75))))
        pixels = cv2.imdecode(packed, cv2.IMREAD_COLOR)
    return pixels


def _caption(dice: Dice, pixels: np.ndarray) -> None:
    """The time and the camera's name."""
    side = pixels.shape[0]
    words = random.Random(int(dice.integers(1 << 30)))
    for _ in range(int(dice.integers(1, 3))):
        size = float(dice.uniform(0.25, 0.8)) * max(0.4, side / 320)
        at = int(dice.integers(0, side // 2)), int(dice.choice([side * 0.06, side * 0.12, side * 0.97, side * 0.9]))
        tone = int(dice.choice([255, 255, 230, 20]))
        if dice.random() < 0.4:
            cv2.putText(pixels, text := panels.clock(words), at, 0, size, (255 - tone,) * 3, 3, cv2.LINE_AA)
        else:
            text = panels.clock(words)
        cv2.putText(pixels, text, at, 0, size, (tone,) * 3, 1, cv2.LINE_AA)


def backdrops(pictures: list[data.Picture], seed: int, most: int = 400) -> list[np.ndarray]:
    """Pieces (128, 128, 3) RGB of training pictures in which nothing is labelled."""
    dice = random.Random(seed)
    found: list[np.ndarray] = []
    for picture in dice.sample(pictures, len(pictures)):
        if len(found) >= most:
            break
        if picture.path.startswith("faces/"):  # nobody shall look out of a wall
            continue
        pixels = cv2.imread(str(data.DATA / picture.path))[..., ::-1]
        height, width = pixels.shape[:2]

        for _ in range(6):
            wide = int(dice.uniform(0.15, 0.5) * min(height, width))
            x, y = dice.randint(0, width - wide), dice.randint(0, int(0.7 * (height - wide)))
            if any(
                x < t.box[2] + 4 and t.box[0] - 4 < x + wide and y < t.box[3] + 4 and t.box[1] - 4 < y + wide
                for t in picture.things
            ):
                continue
            found.append(
                cv2.resize(np.ascontiguousarray(pixels[y : y + wide, x : x + wide]), (128, 128), interpolation=cv2.INTER_AREA)
            )
            break
    return found


def framed(pixels: np.ndarray, labels: Labels) -> np.ndarray:
    """The picture with its labels drawn in; those that are left alone in grey."""
    colours = ((60, 255, 60), (255, 200, 0), (80, 160, 255), (255, 80, 255), (255, 50, 50))
    shown = np.ascontiguousarray(cv2.resize(pixels, None, fx=1.5, fy=1.5, interpolation=cv2.INTER_NEAREST))
    for kind, box, ignored in zip(labels.kinds, labels.boxes, labels.ignored, strict=True):
        low, high = (tuple(round(float(v) * 1.5) for v in p) for p in (box[:2], box[2:]))
        cv2.rectangle(shown, low, high, (128, 128, 128) if ignored else colours[kind], 1)
    return shown


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sheet", type=Path, required=True, help="the picture to write")
    parser.add_argument("--work", type=Path, default=Path("training/work"), help="where labels.jsonl lies (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--bare", action="store_true", help="without the labels")
    given = parser.parse_args()
    pictures = [p for p in data.load(given.work / "labels.jsonl") if not p.held_out]
    words = random.Random(given.seed)
    traffic = Traffic(backdrops(pictures, given.seed, 100), [panels.plate(words) for _ in range(200)], given.seed)
    dice = np.random.default_rng(given.seed)
    cells = []
    for _ in range(12):
        pixels, labels = traffic.draw(dice, 320)
        none = Labels()
        cells.append(framed(pixels, none if given.bare else labels))
    rows = [np.hstack(cells[i : i + 4]) for i in range(0, len(cells), 4)]
    cv2.imwrite(str(given.sheet), cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR))


if __name__ == "__main__":
    main()
