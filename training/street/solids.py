"""Low-poly solids of what is on a road: cars, vans, buses, lorries, two-wheelers with riders, people, trees, poles.

Metres; x forward, y left, z up, the origin on the ground under the middle. A solid has a material for every face; what colour a
material has is decided when it is drawn, so that one solid serves for many.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, auto

import numpy as np

Point = tuple[float, float, float]
Dice = np.random.Generator


class Material(IntEnum):
    """What a face is made of."""

    PAINT = 0
    SECOND = auto()  # another paint: a cargo box, a taxi's doors
    PLASTIC = auto()  # bumpers, sills, grilles
    DARK = auto()  # gaps, arches, the floor
    GLASS = auto()
    MIRROR = auto()  # glass with something bright in it

    CHROME = auto()
    HEAD = auto()  # lamps
    TAIL = auto()
    AMBER = auto()
    TYRE = auto()
    HUB = auto()
    PLATE = auto()
    SKIN = auto()
    COAT = auto()
    TROUSERS = auto()
    HAIR = auto()  # or a helmet
    WOOD = auto()
    LEAF = auto()
    SHADE = auto()  # leaves in shadow


@dataclass(frozen=True)
class Solid:
    """Faces in the order in which they cover one another within a block; blocks are drawn from the farthest to the nearest.

    `points` (n, 3) holds the corners of face k at `starts[k]` to `starts[k + 1]`; `leaf` faces have no normal and are
    seen from both sides; `fine` faces are left out when the solid is small; `who` is 1 for a rider's faces. `plates` and `lamps`
    are (place, normal) pairs, lamps by their material; `heads` the middles of heads, `size` length, width and height.
    """

    kind: str
    points: np.ndarray
    starts: np.ndarray
    materials: np.ndarray
    normals: np.ndarray
    middles: np.ndarray
    leaf: np.ndarray
    blocks: np.ndarray
    block_middles: np.ndarray
    fine: np.ndarray
    who: np.ndarray
    plates: tuple[tuple[Point, Point], ...]
    lamps: tuple[tuple[Material, Point, Point], ...]
    heads: tuple[Point, ...]
    size: Point


class Builder:
    """Collects faces; a face looks away from the point `inside`, so that nobody has to mind the order of its corners."""

    def __init__(self) -> None:
        self.faces: list[list[Point]] = []
        self.notes: list[tuple[int, int, bool, int, Point | None]] = []
        self.block_middles: list[Point] = []
        self.inside: Point = (0, 0, 0)
        self.who = 0
        self.plates: list[tuple[Point, Point]] = []
        self.lamps: list[tuple[Material, Point, Point]] = []
        self.heads: list[Point] = []

    def block(self, middle: Point) -> None:
        """Starts a block around this point."""
        self.block_middles.append(middle)
        self.inside = middle

    def face(self, corners: list[Point], material: Material, *, fine: bool = False, leaf: bool = False) -> list[Point]:
        """One face."""
        self.faces.append(corners)
        self.notes.append((material, len(self.block_middles) - 1, fine, self.who, None if leaf else self.inside))
        return corners

    def decal(
        self, quad: list[Point], place: tuple[float, float, float, float], material: Material, *, fine: bool = False
    ) -> list[Point]:
        """A part of a quad (top left, top right, bottom right, bottom left): from u0, v0 to u1, v1 in shares of it."""
        u0, v0, u1, v1 = place
        return self.face([on(quad, u0, v0), on(quad, u1, v0), on(quad, u1, v1), on(quad, u0, v1)], material, fine=fine)

    def box(
        self,
        x: tuple[float, float],
        y: tuple[float, float],
        z: tuple[float, float],
        material: Material,
        *,
        fine: bool = False,
        taper: float = 1.0,
    ) -> dict[str, list[Point]]:
        """An upright box; its faces by name, corners as for `decal`. `taper` narrows its top."""
        (x0, x1), (y0, y1), (z0, z1) = x, y, z
        self.inside = ((x0 + x1) / 2, (y0 + y1) / 2, (z0 + z1) / 2)
        mx, my = self.inside[:2]
        low = [(a, b, z0) for a, b in ((x1, y0), (x1, y1), (x0, y1), (x0, y0))]
        top = [(mx + (a - mx) * taper, my + (b - my) * taper, z1) for a, b, _ in low]
        sides = {
            "front": [top[0], top[1], low[1], low[0]],
            "left": [top[1], top[2], low[2], low[1]],
            "rear": [top[2], top[3], low[3], low[2]],
            "right": [top[3], top[0], low[0], low[3]],
            "top": top,
        }
        for corners in sides.values():
            self.face(corners, material, fine=fine)
        return sides

    def limb(self, start: Point, end: Point, thick: float, material: Material, thin: float | None = None) -> None:
        """A four-sided prism from one point to another, `thick` at its start and `thin` at its end: a leg, a pole."""
        a, b = np.array(start), np.array(end)
        along = (b - a) / max(1e-6, float(np.linalg.norm(b - a)))
        side = np.cross(along, (0, 0, 1) if abs(along[2]) < 0.9 else (1, 0, 0))
        side /= np.linalg.norm(side)
        other = np.cross(along, side)
        rims = []
        for middle, width in ((a, thick), (b, thick if thin is None else thin)):
            rims.append([tuple(middle + (side * p + other * q) * width / 2) for p, q in ((1, 1), (1, -1), (-1, -1), (-1, 1))])
        self.inside = tuple((a + b) / 2)
        for k in range(4):
            n = (k + 1) % 4
            self.face([rims[0][k], rims[0][n], rims[1][n], rims[1][k]], material)
        self.face(rims[1], material)
        self.face(rims[0], material)

    def wheel(self, x: float, y: float, radius: float, *, arch: float = 1.14) -> None:
        """A wheel on a vehicle's side at y, its tyre, hub and the dark of its arch."""
        self.inside = (x, 0, radius)
        self.face(ring(x, y, radius, radius * arch), Material.DARK)
        self.face(ring(x, y * 1.004, radius, radius), Material.TYRE)
        self.face(ring(x, y * 1.008, radius, radius * 0.64), Material.HUB)
        self.face(ring(x, y * 1.01, radius, radius * 0.2), Material.PLASTIC, fine=True)

    def axle(self, x: float, half: float, radius: float, wide: float = 0.22) -> None:
        """The tyres as seen from ahead and from behind."""
        for side in (-1, 1):
            edges = sorted((side * (half - wide), side * half))
            self.box((x - radius, x + radius), (edges[0], edges[1]), (0, radius), Material.TYRE, taper=0.9)

    def lamp(self, quad: list[Point], place: tuple[float, float, float, float], material: Material, normal: Point) -> None:
        """A lamp on a quad."""
        self.decal(quad, place, material)
        self.lamps.append((material, on(quad, (place[0] + place[2]) / 2, (place[1] + place[3]) / 2), normal))

    def done(self, kind: str) -> Solid:
        """The solid."""
        starts = np.cumsum([0] + [len(f) for f in self.faces])
        points = np.array([p for f in self.faces for p in f], np.float32)
        first, count = starts[:-1], np.diff(starts)
        middles = np.add.reduceat(points, first) / count[:, None]
        normals = np.cross(points[first + 2] - points[first], points[starts[1:] - 1] - points[first + 1])
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
        leaf = np.array([note[4] is None for note in self.notes])
        inside = np.array([note[4] or (0, 0, 0) for note in self.notes], np.float32)
        normals *= np.where(((middles - inside) * normals).sum(1) < 0, -1, 1)[:, None]
        normals[leaf] = 0
        low, high = points.min(0), points.max(0)
        return Solid(
            kind,
            points,
            starts,
            np.array([n[0] for n in self.notes]),
            normals.astype(np.float32),
            middles.astype(np.float32),
            leaf,
            np.array([n[1] for n in self.notes]),
            np.array(self.block_middles, np.float32),
            np.array([n[2] for n in self.notes]),
            np.array([n[3] for n in self.notes]),
            tuple(self.plates),
            tuple(self.lamps),
            tuple(self.heads),
            (2 * max(-float(low[0]), float(high[0])), 2 * max(-float(low[1]), float(high[1])), float(high[2])),
        )


def on(quad: list[Point], u: float, v: float) -> Point:
    """The point at u, v of a quad (top left, top right, bottom right, bottom left)."""
    a, b, c, d = quad
    x, y, z = ((p * (1 - u) + q * u) * (1 - v) + (s * (1 - u) + r * u) * v for p, q, r, s in zip(a, b, c, d, strict=True))
    return x, y, z


def ring(x: float, y: float, z: float, radius: float, corners: int = 12) -> list[Point]:
    """A circle in the plane of a vehicle's side."""
    angles = np.arange(corners) * (2 * np.pi / corners)
    return [(x + radius * float(np.cos(a)), y, z + radius * float(np.sin(a))) for a in angles]


def mirrored(quad: list[Point]) -> list[Point]:
    """The same on the other side."""
    return [(x, -y, z) for x, y, z in quad]
