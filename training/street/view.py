"""A pinhole camera above a flat road, the light, and a canvas on which solids are painted from the farthest to the nearest.

The road's frame: x to the right, y along the road, z up, metres. Pictures are RGB; a canvas has a fourth channel with the number
of what is seen at each pixel (0: the background), so that what is left of a thing can be measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import atan2, cos, sin

import cv2
import numpy as np

from training.street.solids import Dice, Material, Solid

NEAR_M = 0.6
FINER = 2  # canvas pixels per picture pixel and axis
SHIFT = 4  # binary places of OpenCV's coordinates
GLOSS = np.zeros(len(Material), np.float32)  # how much of the sky a face that looks up mirrors
for _material, _gloss in (
    (Material.PAINT, 0.2),
    (Material.SECOND, 0.1),
    (Material.GLASS, 0.42),
    (Material.MIRROR, 0.6),
    (Material.CHROME, 0.15),
    (Material.HEAD, 0.3),
):
    GLOSS[_material] = _gloss


@dataclass(frozen=True)
class View:
    """Where the camera is (3), its axes right, down, forward (3, 3), its focal length and principal point in pixels."""

    at: np.ndarray
    axes: np.ndarray
    focal_px: float
    centre_px: tuple[float, float]

    @classmethod
    def towards(cls, at: np.ndarray, aim: np.ndarray, roll: float, focal_px: float, centre_px: tuple[float, float]) -> View:
        """A camera that has `aim` at its principal point."""
        forward = (aim - at) / np.linalg.norm(aim - at)
        yaw = atan2(forward[0], forward[1])
        right = np.array([cos(yaw), -sin(yaw), 0.0])
        down = np.cross(forward, right)
        turned = np.stack([right * cos(roll) + down * sin(roll), down * cos(roll) - right * sin(roll), forward])
        return cls(at, turned, focal_px, centre_px)

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pixels (n, 2) and depths (n) of points (n, 3)."""
        seen = (points - self.at) @ self.axes.T
        depth = seen[:, 2]
        return seen[:, :2] * (self.focal_px / np.maximum(depth, 1e-3))[:, None] + self.centre_px, depth

    def flat(self, outline: np.ndarray, height_m: float = 0.0) -> np.ndarray | None:
        """An outline (n, 2) on the road as pixels (m, 2), cut off before the camera; None where nothing is left."""
        points = np.column_stack([outline, np.full(len(outline), height_m)])
        depth = (points - self.at) @ self.axes[2]
        if (depth < NEAR_M).all():
            return None
        if (depth < NEAR_M).any():
            kept = []
            for k in range(len(points)):
                n = (k + 1) % len(points)
                if depth[k] >= NEAR_M:
                    kept.append(points[k])
                if (depth[k] < NEAR_M) != (depth[n] < NEAR_M):
                    share = (NEAR_M - depth[k]) / (depth[n] - depth[k])
                    kept.append(points[k] + (points[n] - points[k]) * share)
            points = np.array(kept)
        return np.clip(self.project(points)[0], -3e5, 3e5)

    def homography(self) -> np.ndarray:
        """The matrix (3, 3) that takes x, y, 1 on the road to pixels."""
        inner = np.array([[self.focal_px, 0, self.centre_px[0]], [0, self.focal_px, self.centre_px[1]], [0, 0, 1]])
        return inner @ np.column_stack([self.axes[:, 0], self.axes[:, 1], -self.axes @ self.at])


@dataclass(frozen=True)
class Light:
    """The sun's direction (3), its strength, the sky's colour (3) and strength; fog by the metres after which it hides 63 %."""

    sun: np.ndarray
    sunny: float
    ambient: float
    sky: np.ndarray
    tint: np.ndarray
    fog: np.ndarray
    fog_m: float
    night: float  # 0 by day, 1 at night: whose lamps are lit
    wet: bool

    @classmethod
    def some(cls, dice: Dice) -> Light:
        """Day or dusk or night, sun or cloud, dry or wet, clear or foggy."""
        chance = dice.random()
        night = 0.0 if chance < 0.76 else float(dice.uniform(0.3, 0.7)) if chance < 0.86 else 1.0
        azimuth, height = dice.uniform(0, 6.28), dice.uniform(0.35, 1.3)
        sun = np.array([cos(azimuth) * cos(height), sin(azimuth) * cos(height), sin(height)])
        sunny = 0.0 if night or dice.random() < 0.45 else float(dice.uniform(0.3, 0.85))
        ambient = (1.0 - 0.5 * sunny) * float(dice.uniform(0.75, 1.1)) * (1 - night * float(dice.uniform(0.6, 0.85)))
        tint = np.exp(dice.normal(0, 0.04, 3))
        if night:
            tint = tint * (np.array([1.2, 1.0, 0.72]) if dice.random() < 0.6 else np.array([0.95, 1.0, 1.08]))
        blue = np.array([150, 185, 225]) if sunny else np.array([205, 208, 212])
        sky = blue * float(dice.uniform(0.8, 1.1)) * (1 - 0.85 * night) + dice.normal(0, 6, 3)
        fog_m = float(dice.uniform(40, 250)) if dice.random() < 0.15 else float(dice.uniform(400, 2500))
        fog = np.array([190, 194, 200]) * (1 - 0.75 * night) + dice.normal(0, 6, 3)
        return cls(sun, sunny, ambient, np.clip(sky, 5, 245), tint, fog, fog_m, night, bool(dice.random() < 0.2))

    def on(self, colour: tuple[float, float, float] | np.ndarray, up: float = 1.0) -> np.ndarray:
        """A colour on a level plane (or one turned `up` by less than 1) in this light."""
        strength = self.ambient * (0.6 + 0.4 * up) + self.sunny * max(0.0, float(self.sun[2]) * up)
        return np.clip(np.asarray(colour) * strength * self.tint, 0, 255)

    def through_air(self, colour: np.ndarray, metres: np.ndarray | float) -> np.ndarray:
        """A colour seen from afar."""
        share = 1 - np.exp(-np.asarray(metres) / self.fog_m)
        return colour + (self.fog - colour) * share


@dataclass(frozen=True)
class Placed:
    """A solid on the road: where, its heading (from x, anticlockwise), its size as a factor, and colours (materials, 3)."""

    solid: Solid
    x: float
    y: float
    heading: float
    scale: np.ndarray
    colours: np.ndarray
    lit: bool = False
    braking: bool = False
    parked: bool = False

    def turn(self) -> np.ndarray:
        """The rotation (3, 3) from the solid's frame into the road's."""
        c, s = cos(self.heading), sin(self.heading)
        return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])

    def to_road(self, points: np.ndarray) -> np.ndarray:
        """Points (n, 3) of the solid on the road."""
        return (points * self.scale) @ self.turn().T + (self.x, self.y, 0)

    def footprint(self, grow: float = 1.0) -> np.ndarray:
        """The corners (4, 2) of what it stands on."""
        half = np.array(self.solid.size[:2]) * self.scale[:2] / 2 * grow
        corners = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]]) * half
        return corners @ self.turn()[:2, :2].T + (self.x, self.y)


class Canvas:
    """A picture that solids are painted on, `FINER` times as fine as what comes out of it."""

    def __init__(self, ground: np.ndarray, view: View, light: Light) -> None:
        side = ground.shape[0] * FINER
        numbered = cv2.cvtColor(ground, cv2.COLOR_RGB2RGBA)
        numbered[..., 3] = 0
        self.pixels = cv2.resize(numbered, (side, side), interpolation=cv2.INTER_LINEAR)

        self.view, self.light, self.side = view, light, side

    def paint(self, thing: Placed, number: int) -> np.ndarray | None:
        """Paints a solid with this number, its rider with the next; gives its corners in picture pixels, None if too near."""
        solid, view = thing.solid, self.view
        points, depth = view.project(thing.to_road(solid.points))
        if depth.min() < NEAR_M:
            return None
        low, high = points.min(0), points.max(0)
        limit = self.side / FINER
        if (high < 0).any() or (low > limit).any():
            return points
        small = max(high - low) < 34
        turn = thing.turn()
        eye = ((view.at - (thing.x, thing.y, 0)) @ turn) / thing.scale
        facing = (solid.normals * (eye - solid.middles)).sum(1)
        keep = solid.leaf | (facing > 0)

        if small:
            keep &= ~solid.fine
        order = np.argsort(-np.linalg.norm(solid.block_middles - eye, axis=1))
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        faces = np.flatnonzero(keep)
        faces = faces[np.argsort(rank[solid.blocks[faces]], kind="stable")]
        colours = self._colours(thing, faces, turn, float(np.mean(depth)))
        numbers = number + solid.who[faces]
        corners = np.round(points * (FINER << SHIFT)).astype(np.int32)
        starts = solid.starts
        for face, colour, mark in zip(faces.tolist(), colours.tolist(), numbers.tolist(), strict=True):
            cv2.fillConvexPoly(self.pixels, corners[starts[face] : starts[face + 1]], (*colour, mark), 8, SHIFT)
        return points

    def _colours(self, thing: Placed, faces: np.ndarray, turn: np.ndarray, depth_m: float) -> np.ndarray:
        """The colours (f, 3) of faces in this light, seen through this air."""
        solid, light = thing.solid, self.light
        materials = solid.materials[faces]
        base = thing.colours[materials]
        normals = solid.normals[faces] @ turn.T
        up = normals[:, 2]
        direct = np.where(solid.leaf[faces], 0.6, np.clip(normals @ light.sun, 0, 1))

        # what does not look up sees the road, which is darker than the sky, and more so near it
        above = np.clip(solid.middles[faces, 2] / 1.2, 0.35, 1)
        strength = light.ambient * (0.62 + 0.38 * up) * (0.75 + 0.25 * above) + light.sunny * direct
        colours = base * strength[:, None] * light.tint
        gloss = GLOSS[materials]
        mirror = gloss * (0.18 + 0.82 * np.clip(up, 0, 1) ** 0.7)
        mirror *= float(0.4 + 0.7 * (thing.x * 7.13 % 1))  # dirt, and what stands around
        grey = 0.5 * light.sky + 0.5 * light.sky.mean()
        colours = colours * (1 - 0.5 * mirror[:, None]) + grey * mirror[:, None]
        if thing.lit:
            colours[materials == Material.HEAD] = (255, 252, 235)
            colours[materials == Material.TAIL] = (255, 40, 30) if thing.braking else (190, 20, 18)
        elif thing.braking:
            colours[materials == Material.TAIL] = (250, 45, 35)
        return np.clip(light.through_air(colours, depth_m), 0, 255)

    def count(self, number: int, points: np.ndarray) -> tuple[int, tuple[float, float, float, float] | None]:
        """How many canvas pixels show this number near these points, and their box in picture pixels."""
        low = np.clip(np.floor(points.min(0) * FINER).astype(int) - 1, 0, self.side)
        high = np.clip(np.ceil(points.max(0) * FINER).astype(int) + 2, 0, self.side)
        if (high <= low).any():
            return 0, None
        here = self.pixels[low[1] : high[1], low[0] : high[0], 3] == number
        columns, rows = np.flatnonzero(here.any(0)), np.flatnonzero(here.any(1))
        if not len(columns):
            return 0, None
        left, right = (low[0] + columns[0]) / FINER, (low[0] + columns[-1] + 1) / FINER
        top, bottom = (low[1] + rows[0]) / FINER, (low[1] + rows[-1] + 1) / FINER
        return int(np.count_nonzero(here)), (float(left), float(top), float(right), float(bottom))

    def lay(self, picture: np.ndarray, quad: np.ndarray, light: float) -> None:
        """Lays a picture into four corners (4, 2; picture pixels, from its top left clockwise), dimmed, keeping the numbers."""
        quad = quad * FINER
        low = np.maximum(0, np.floor(quad.min(0)).astype(int))
        high = np.minimum(self.side, np.ceil(quad.max(0)).astype(int) + 1)
        if (high - low < 2).any():
            return
        height, width = picture.shape[:2]
        source = np.float32([[0, 0], [width, 0], [width, height], [0, height]])
        matrix = cv2.getPerspectiveTransform(source, np.float32(quad - low))
        size = tuple((high - low).tolist())
        laid = cv2.warpPerspective(picture, matrix, size, borderMode=cv2.BORDER_REPLICATE)
        cover = np.zeros(size[::-1], np.uint8)
        cv2.fillConvexPoly(cover, np.round((quad - low) * (1 << SHIFT)).astype(np.int32), 1, 8, SHIFT)

        under = self.pixels[low[1] : high[1], low[0] : high[0], :3]
        np.copyto(under, np.clip(laid * (light * self.light.tint), 0, 255).astype(np.uint8), where=cover[..., None] > 0)

    def picture(self) -> np.ndarray:
        """What the camera's lens sees (side, side, 3)."""
        side = self.side // FINER
        return cv2.cvtColor(cv2.resize(self.pixels, (side, side), interpolation=cv2.INTER_AREA), cv2.COLOR_RGBA2RGB)


def order(things: list[Placed], eye: np.ndarray) -> list[int]:
    """The things from the farthest to the nearest: of two, the nearer is on the camera's side of a line between them."""
    if not things:
        return []
    corners = np.stack([t.footprint() for t in things])  # n, 4, 2
    edges = np.roll(corners, -1, 1) - corners
    outward = np.stack([edges[..., 1], -edges[..., 0]], -1)
    reach = (outward * corners).sum(-1)  # n, 4
    lowest = (np.einsum("nkd,mcd->nkmc", outward, corners) - reach[:, :, None, None]).min(-1)  # of m beyond an edge of n
    beyond = (outward @ eye[:2]) - reach  # of the camera
    apart = lowest > -0.15 * np.linalg.norm(outward, axis=-1)[:, :, None]
    # m lies beyond an edge of n: m is before n if the camera is there too, else n is before m
    nearer = (apart & (beyond > 0)[:, :, None]).any(1)
    farther = (apart & (beyond <= 0)[:, :, None]).any(1) & ~nearer
    waits = nearer.T | farther  # waits[m, n]: m is drawn after n ... by n's edges
    np.fill_diagonal(waits, val=False)
    waits &= ~(waits.T & (np.arange(len(things))[:, None] < np.arange(len(things))))
    distance = np.linalg.norm(corners - eye[:2], axis=-1).min(1)
    left, drawn = set(range(len(things))), []
    blocked = waits.sum(1)
    while left:
        number = min(left, key=lambda k: (blocked[k], -distance[k]))
        drawn.append(number)
        left.remove(number)
        blocked = blocked - waits[:, number]
    return drawn
