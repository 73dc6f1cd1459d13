"""What moves on a road, and what stands beside it, as solids of random shape within each kind's real proportions."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from math import cos, sin

import numpy as np

from training.street.solids import Builder, Dice, Material, Point, Solid, mirrored, on, ring

FORWARD, BACKWARD = (1.0, 0.0, 0.0), (-1.0, 0.0, 0.0)
M = Material

# kind → length, width, height (m); bonnet, belt and boot (m above the road); where along the length, from the front, the
# windscreen begins and ends, the roof ends and the rear window ends
CARS = {
    "hatchback": (4.0, 1.75, 1.48, 0.74, 0.96, 0.98, 0.25, 0.43, 0.86, 0.975),
    "saloon": (4.7, 1.82, 1.45, 0.72, 0.94, 1.02, 0.27, 0.43, 0.68, 0.85),
    "estate": (4.75, 1.82, 1.49, 0.73, 0.95, 0.98, 0.26, 0.42, 0.90, 0.985),
    "suv": (4.6, 1.9, 1.7, 0.92, 1.12, 1.12, 0.25, 0.39, 0.90, 0.98),
    "minivan": (4.6, 1.85, 1.75, 0.88, 1.05, 1.05, 0.16, 0.36, 0.93, 0.985),
    "pickup": (5.3, 1.9, 1.8, 0.98, 1.15, 1.08, 0.26, 0.36, 0.56, 0.61),
    "van": (5.3, 2.0, 2.2, 1.0, 1.22, 1.2, 0.13, 0.26, 0.985, 0.995),
}


def car(dice: Dice, kind: str) -> Solid:
    """A passenger car or a van."""
    shape = np.array(CARS["saloon" if kind == "taxi" else kind]) * np.exp(dice.normal(0, 0.035, 10))
    length, width, height, bonnet, belt, boot = shape[:6].tolist()
    cowl, roof_front, roof_rear, rear_end = np.minimum(shape[6:], (0.4, 0.5, 0.985, 0.993)).tolist()
    roof_front, roof_rear = max(roof_front, cowl + 0.08), min(roof_rear, rear_end - 0.006)
    half, sill = width / 2, 0.26 if kind in ("suv", "pickup", "van") else 0.2
    at = lambda f: length * (0.5 - f)  # noqa: E731
    radius = (0.36 if kind in ("suv", "pickup", "van") else 0.315) * float(np.exp(dice.normal(0, 0.05)))
    tall_rear = rear_end > 0.95
    build = Builder()
    build.block((0, 0, 0.6 * belt))
    build.box((at(0.95), at(0.05)), (-half * 0.85, half * 0.85), (0.06, sill + 0.1), M.DARK)
    front_axle, rear_axle = 0.195, 0.8
    for f in (front_axle, rear_axle):
        build.axle(at(f), half - 0.02, radius)
    # stations from front to rear: where, how high, how wide
    stations = [
        (0.0, bonnet * 0.84, 0.80),
        (0.025, bonnet * 0.97, 0.90),
        (0.10, bonnet + 0.04, 0.975),
        (cowl, belt, 1.0),
        ((cowl + rear_end) / 2, belt + 0.02, 1.0),
        (rear_end if not tall_rear else 0.93, boot, 0.985),
        (0.975, boot - 0.02, 0.95),
        (1.0, boot - 0.09, 0.86),
    ]
    build.inside = (0, 0, 0.5 * belt)
    middle = 0.6 * belt
    for (f0, top0, w0), (f1, top1, w1) in pairwise(stations):
        x0, x1, y0, y1 = at(f0), at(f1), half * w0, half * w1
        for side in (1, -1):
            upper = [
                (x0, side * y0 * 0.95, top0),
                (x1, side * y1 * 0.95, top1),
                (x1, side * y1, middle),
                (x0, side * y0, middle),
            ]
            lower = [upper[3], upper[2], (x1, side * y1 * 0.96, sill), (x0, side * y0 * 0.96, sill)]
            build.face(lower, M.PAINT)
            build.face(upper, M.PAINT)
        build.face([(x0, y0 * 0.95, top0), (x0, -y0 * 0.95, top0), (x1, -y1 * 0.95, top1), (x1, y1 * 0.95, top1)], M.PAINT)
    dark_bumper = M.PLASTIC if dice.random() < 0.25 else M.PAINT
    for side in (1, -1):  # sill
        y = side * half * 0.965
        build.face([(at(0.12), y, sill + 0.09), (at(0.88), y, sill + 0.09), (at(0.88), y, sill), (at(0.12), y, sill)], M.PLASTIC)
        seam = half * 1.002 * side
        for f in (cowl + 0.04, (cowl + rear_end) / 2 + 0.02, roof_rear - 0.06):
            build.face(
                [
                    (at(f), seam * 0.96, belt),
                    (at(f) - 0.035, seam * 0.96, belt),
                    (at(f) - 0.035, seam, sill + 0.1),
                    (at(f), seam, sill + 0.1),
                ],
                M.DARK,
                fine=True,
            )
    ends = [(0.0, stations[0], 1, FORWARD), (1.0, stations[-1], -1, BACKWARD)]
    for f, (_, top, wide), way, normal in ends:
        x, y = at(f), half * wide * 0.97 * way
        whole = [(x, y, top), (x, -y, top), (x, -y, sill), (x, y, sill)]
        build.face(whole, M.PAINT)
        build.decal(whole, (0, 0.5, 1, 1), dark_bumper)
        build.decal(whole, (0.04, 0.84, 0.96, 1), M.PLASTIC)
        near = x + 0.01 * way
        fascia = [(near, y, top), (near, -y, top), (near, -y, sill), (near, y, sill)]
        # lamps reach around the corners
        deep = at(f) - way * length * (0.06 if way > 0 else 0.035)
        lift = 0.04 if way > 0 else 0.1
        for side in (1, -1):
            wing = half * (0.93 if way > 0 else 0.955) * side * 1.01
            nose = half * wide * 0.99 * side
            build.face(
                [
                    (near, nose, top - lift),
                    (deep, wing, top - lift),
                    (deep, wing, top - lift - 0.15),
                    (near, nose, top - lift - 0.17),
                ],
                M.HEAD if way > 0 else M.TAIL,
            )
        if way > 0:
            for u0, u1 in ((0.02, 0.24), (0.76, 0.98)):
                build.lamp(fascia, (u0, 0.08, u1, 0.36), M.HEAD, normal)
            low = float(dice.uniform(0.32, 0.5))
            build.decal(fascia, (0.29, 0.1, 0.71, low), M.PLASTIC)
            if dice.random() < 0.6:
                build.decal(fascia, (0.44, 0.13, 0.56, 0.22), M.CHROME, fine=True)
            build.decal(fascia, (0.2, 0.66, 0.8, 0.84), M.DARK)
            for u in (0.05, 0.83):
                build.decal(fascia, (u, 0.62, u + 0.12, 0.78), M.DARK, fine=True)
            build.plates.append((on(fascia, 0.5, 0.58), normal))
        else:
            wide_lamp = float(dice.uniform(0.14, 0.3))
            for u0, u1 in ((0.01, wide_lamp), (1 - wide_lamp, 0.99)):
                build.lamp(fascia, (u0, 0.13, u1, float(dice.uniform(0.3, 0.42))), M.TAIL, normal)
                build.decal(fascia, (u0 + 0.02, 0.3, u0 + 0.08, 0.36), M.AMBER, fine=True)
            build.decal(fascia, (0.33, 0.28, 0.67, 0.48), M.DARK, fine=True)
            build.plates.append((on(fascia, 0.5, 0.38 if dice.random() < 0.7 else 0.68), normal))
    for f in (front_axle, rear_axle):
        for side in (1, -1):
            build.wheel(at(f), side * half * 0.985, radius)
    if kind == "pickup":
        bed = [(at(rear_end) - 0.05, half * 0.85, boot + 0.01), (at(rear_end) - 0.05, -half * 0.85, boot + 0.01)]
        bed += [(at(0.985), -half * 0.82, boot), (at(0.985), half * 0.82, boot)]
        build.face(bed, M.DARK if dice.random() < 0.7 else M.SECOND)
    _greenhouse(build, dice, kind, at, half, (height, belt, boot), (cowl, roof_front, roof_rear, rear_end))
    if kind == "taxi":
        x = at((roof_front + roof_rear) / 2)
        build.box((x - 0.12, x + 0.12), (-0.35, 0.35), (height, height + 0.17), M.CHROME)
    for side in (1, -1):
        _mirror(build, at(cowl + 0.06), side, half, (belt + 0.02, belt + 0.17), M.PLASTIC if dice.random() < 0.4 else M.PAINT)
    return build.done(kind)


def _mirror(build: Builder, x: float, side: int, half: float, z: tuple[float, float], material: Material) -> None:
    """A mirror beside a vehicle, a block of its own: the body hides it or it hides the body."""
    near, out = side * half, side * (half + 0.2)
    build.block((x, out, z[0]))
    build.box((x - 0.08, x + 0.08), (min(near, out), max(near, out)), z, material)


def _greenhouse(
    build: Builder,
    dice: Dice,
    kind: str,
    at: Callable[[float], float],
    half: float,
    heights: tuple[float, float, float],
    places: tuple[float, float, float, float],
) -> None:
    """Windscreen, roof and windows."""
    height, belt, boot = heights
    cowl, roof_front, roof_rear, rear_end = places
    low, high = half * 0.945, half * (0.9 if kind == "van" else float(dice.uniform(0.7, 0.8)))
    build.inside = (at((cowl + rear_end) / 2), 0, belt)
    spine = [
        (at(cowl), low, belt),
        (at(roof_front), high, height - 0.05),
        (at(roof_front + 0.35 * (roof_rear - roof_front)), high * 1.02, height),
        (at(roof_rear), high * 0.98, height - 0.06),
        (at(rear_end), low * 0.95, boot),
    ]
    round_off = 0.97 if kind == "van" else float(dice.uniform(0.8, 0.88))  # the roof's edge
    lower = [(x, y, z - (0.07 if 0 < k < 4 else 0)) for k, (x, y, z) in enumerate(spine)]
    for side in (1, -1):
        build.face([(x, side * y, z) for x, y, z in lower], M.PAINT)
        for (x0, y0, z0), (x1, y1, z1) in pairwise(spine[1:4]):
            a, b = (x0, side * y0, z0 - 0.07), (x1, side * y1, z1 - 0.07)
            build.face([(x0, side * y0 * round_off, z0), (x1, side * y1 * round_off, z1), b, a], M.PAINT)
    spine = [(x, y * (round_off if 0 < k < 4 else 1), z) for k, (x, y, z) in enumerate(spine)]

    ways = list(pairwise(spine))
    for k, (a, b) in enumerate(ways):
        upper, under = (b, a) if k < 2 else (a, b)
        y_up, y_low = (upper[1], under[1]) if k == 0 else (-upper[1], -under[1])
        quad: list[Point] = [(upper[0], y_up, upper[2]), (upper[0], -y_up, upper[2])]
        quad += [(under[0], -y_low, under[2]), (under[0], y_low, under[2])]
        build.face(quad, M.PAINT)
        if k == 0:
            build.decal(quad, (0.03, 0.03, 0.97, 0.97), M.GLASS)
            u = float(dice.uniform(0.1, 0.6))  # what it mirrors
            build.decal(quad, (u, 0.05, u + float(dice.uniform(0.1, 0.35)), float(dice.uniform(0.4, 0.9))), M.MIRROR)

            build.decal(quad, (0.06, 0.9, 0.94, 0.97), M.DARK, fine=True)
        elif k == len(ways) - 1 and (kind != "van" or dice.random() < 0.4):
            build.decal(quad, (0.08, 0.07, 0.92, 0.8 if kind != "van" else 0.5), M.GLASS)
        elif k == 1 and dice.random() < 0.2:
            build.decal(quad, (0.15, 0.1, 0.85, 0.8), M.GLASS)
    # side windows between pillars; the roof line is a little inside of the belt line
    base = lambda f, lift: (at(f), low * (1 - lift) + high * lift, belt + (height - 0.07 - belt) * lift)  # noqa: E731
    middle = 0.5 * (roof_front + min(roof_rear, 0.86)) + 0.02
    panes = [
        [base(cowl + 0.045, 0.08), base(roof_front + 0.022, 0.84), base(middle - 0.012, 0.86), base(middle - 0.012, 0.08)],
        [base(middle + 0.012, 0.08), base(middle + 0.012, 0.86), base(roof_rear - 0.03, 0.8), base(rear_end - 0.075, 0.1)],
    ]
    if kind == "van":
        panes = panes[:1]
        panes[0] = [base(cowl + 0.04, 0.05), base(roof_front + 0.01, 0.6), base(0.34, 0.62), base(0.34, 0.05)]
        if dice.random() < 0.35:
            panes.append([base(0.38, 0.05), base(0.38, 0.62), base(0.92, 0.62), base(0.92, 0.05)])
    elif kind == "pickup" and dice.random() < 0.4:
        panes[1] = [base(middle + 0.012, 0.08), base(middle + 0.012, 0.8), base(middle + 0.05, 0.8), base(middle + 0.06, 0.1)]
    elif kind in ("estate", "suv", "minivan"):
        last = 0.78
        panes[1] = [base(middle + 0.012, 0.08), base(middle + 0.012, 0.86), base(last - 0.012, 0.84), base(last - 0.012, 0.1)]
        panes.append(
            [base(last + 0.012, 0.1), base(last + 0.012, 0.82), base(roof_rear - 0.012, 0.78), base(rear_end - 0.03, 0.12)]
        )
    for pane in panes:
        for corners in (pane, mirrored(pane)):
            build.face([(x, y * 1.012, z) for x, y, z in corners], M.GLASS)


def bus(dice: Dice) -> Solid:
    """A city bus or a coach."""
    length, half, height = float(dice.uniform(9, 13)), 1.27, float(dice.uniform(2.95, 3.6))
    build = Builder()
    build.block((0, 0, 1.5))
    build.box((-length / 2 + 0.2, length / 2 - 0.2), (-half * 0.93, half * 0.93), (0.06, 0.5), M.DARK)
    for x in (length * 0.27, -length * 0.24):
        build.axle(x, half - 0.03, 0.5, 0.3)
    sides = build.box((-length / 2, length / 2), (-half, half), (0.32, height), M.PAINT, taper=0.99)
    band, top = float(dice.uniform(0.42, 0.55)), float(dice.uniform(0.07, 0.14))
    stripe = float(dice.uniform(0.6, 0.8))
    for name in ("left", "right"):
        if dice.random() < 0.6:
            build.decal(sides[name], (0, stripe, 1, 1), M.SECOND)
        build.decal(sides[name], (0.02, top, 0.98, band), M.GLASS)
        for u in np.linspace(0.1, 0.9, int(dice.integers(4, 8))).tolist():
            build.decal(sides[name], (u - 0.006, top, u + 0.006, band), M.DARK if dice.random() < 0.7 else M.PAINT)
    front, rear = sides["front"], sides["rear"]
    doors = "right" if dice.random() < 0.6 else "left"
    for u in (0.1, 0.5):
        u0 = u if doors == "left" else 1 - u - 0.09
        build.decal(sides[doors], (u0, top, u0 + 0.09, 0.95), M.GLASS)
    build.decal(front, (0.04, 0.14, 0.96, 0.58), M.GLASS)
    build.decal(front, (0.15, 0.03, 0.85, 0.12), M.DARK)
    build.decal(front, (0.2, 0.045, 0.75, 0.105), M.AMBER if dice.random() < 0.6 else M.CHROME)
    build.decal(front, (0, 0.9, 1, 1), M.PLASTIC)
    build.decal(rear, (0.12, 0.1, 0.88, 0.4), M.GLASS if dice.random() < 0.7 else M.SECOND)
    build.decal(rear, (0.2, 0.6, 0.8, 0.85), M.PLASTIC, fine=True)
    build.decal(rear, (0, 0.92, 1, 1), M.PLASTIC)
    for u in (0.05, 0.8):
        build.lamp(front, (u, 0.74, u + 0.15, 0.82), M.HEAD, FORWARD)
        build.lamp(rear, (u + 0.02, 0.66, u + 0.11, 0.84), M.TAIL, BACKWARD)
    build.plates += [(on(front, 0.5, 0.93), FORWARD), (on(rear, 0.5, 0.88), BACKWARD)]
    build.plates = [((x + 0.02 * normal[0], y, z), normal) for (x, y, z), normal in build.plates]
    for x in (length * 0.27, -length * 0.24):
        for side in (1, -1):
            build.wheel(x, side * half, 0.5)
    if dice.random() < 0.6:
        x = float(dice.uniform(-0.3, 0.3)) * length
        build.box((x - 1.2, x + 1.2), (-0.8, 0.8), (height, height + 0.25), M.CHROME if dice.random() < 0.5 else M.PAINT)
    for side in (1, -1):
        _mirror(build, length / 2 + 0.1, side, half, (height * 0.6, height * 0.75), M.DARK)
    return build.done("bus")


def lorry(dice: Dice) -> Solid:
    """A lorry: a cab and what it carries, with or without a trailer behind."""
    trailer = dice.random() < 0.5
    load = float(dice.uniform(12, 13.6) if trailer else dice.uniform(4.2, 7.5))
    small = not trailer and dice.random() < 0.4
    half = 1.1 if small else 1.25
    cab_high, cab_long = float(dice.uniform(2.3, 2.6) if small else dice.uniform(2.7, 3.7)), float(dice.uniform(1.7, 2.3))
    gap = float(dice.uniform(0.15, 0.9))
    length = cab_long + gap + load
    front, cab_back, back = length / 2, length / 2 - cab_long, -length / 2
    floor = 0.95 if small else 1.15
    high = float(dice.uniform(2.6, 3.1) if small else dice.uniform(3.2, 4.0))
    radius = 0.42 if small else 0.5
    build = Builder()
    axles = [front - cab_long * 0.65] if not trailer else [front - cab_long * 0.65, cab_back - 1.4]
    rear_axles = [back + 1.4 + k * 1.3 for k in range(3 if trailer else int(dice.integers(1, 3)))]
    # what it carries
    build.block(((back + cab_back) / 2, 0, 1.8))
    build.box((back + 0.3, cab_back), (-half * 0.75, half * 0.75), (0.5, floor), M.DARK)
    for x in rear_axles + axles[1:]:
        build.axle(x, half - 0.04, radius, 0.5)
    carries = dice.choice(["box", "box", "curtain", "tank", "flat", "tipper", "cars"][: 6 if not trailer else 5])
    x0, x1 = back, cab_back - gap
    if carries in ("box", "curtain"):
        sides = build.box((x0, x1), (-half, half), (floor, high), M.SECOND)
        build.decal(sides["rear"], (0.485, 0.02, 0.515, 0.98), M.DARK, fine=True)
        for name in ("left", "right"):
            if carries == "curtain":
                build.decal(sides[name], (0, 0.92, 1, 1), M.DARK)
            if dice.random() < 0.5:  # somebody's name
                u, v = float(dice.uniform(0.08, 0.3)), float(dice.uniform(0.2, 0.4))
                build.decal(sides[name], (u, v, u + float(dice.uniform(0.3, 0.6)), v + float(dice.uniform(0.1, 0.3))), M.PAINT)
            for u in np.linspace(0.08, 0.92, 8).tolist():
                build.decal(sides[name], (u, 0.02, u + 0.006, 0.98), M.CHROME if carries == "box" else M.DARK, fine=True)
    elif carries == "tank":
        _tank(build, (x0, x1), half * 0.95, (floor, min(high, floor + 2.2)))
    elif carries == "tipper":
        sides = build.box((x0, x1), (-half, half), (floor - 0.1, floor + 1.2), M.SECOND)
        build.decal(sides["top"], (0.04, 0.02, 0.96, 0.98), M.DARK if dice.random() < 0.5 else M.WOOD)
    else:
        build.box((x0, x1), (-half, half), (floor - 0.15, floor), M.SECOND)
        at_x = x1 - 0.3
        while at_x - x0 > 1.5:  # crates
            deep = min(float(dice.uniform(1, 3)), at_x - x0 - 0.2)
            if dice.random() < 0.7:
                stuff = M(int(dice.choice([M.WOOD, M.PAINT, M.SECOND, M.CHROME, M.DARK])))
                build.box((at_x - deep, at_x), (-half * 0.9, half * 0.9), (floor, floor + float(dice.uniform(0.5, 2))), stuff)
            at_x -= deep + 0.15
    bumper = [(back - 0.01, -half, floor), (back - 0.01, half, floor), (back - 0.01, half, 0.55), (back - 0.01, -half, 0.55)]
    build.inside = (0, 0, 0.6)
    build.decal(bumper, (0.03, 0.45, 0.97, 0.8), M.PLASTIC)
    for u in (0.04, 0.8):
        build.lamp(bumper, (u, 0.4, u + 0.16, 0.75), M.TAIL, BACKWARD)
    build.plates.append(((back - 0.03, float(dice.choice([0, 0.3, -0.5])), 0.75), BACKWARD))
    for x in rear_axles + axles[1:]:
        for side in (1, -1):
            build.wheel(x, side * half * 0.99, radius, arch=1.04)
    for side in (1, -1):
        y = side * half * 0.97
        low, edge = 0.45, (rear_axles[-1] + radius + 0.3, cab_back - (2.2 if trailer else 0.5))
        if edge[1] - edge[0] > 0.5:
            build.inside = (0, 0, 0.6)
            build.face([(edge[0], y, floor - 0.1), (edge[1], y, floor - 0.1), (edge[1], y, low), (edge[0], y, low)], M.PLASTIC)
    # the cab
    build.block((front - cab_long / 2, 0, 1.8))
    build.box((cab_back, front - 0.1), (-half * 0.8, half * 0.8), (0.3, 0.8), M.DARK)
    build.axle(axles[0], half - 0.04, radius, 0.34)
    sides = build.box((cab_back, front), (-half, half), (0.55, cab_high), M.PAINT, taper=0.97)
    nose = sides["front"]
    v0, v1 = (0.12, 0.52) if small else (0.2, 0.52)
    build.decal(nose, (0.05, v0, 0.95, v1), M.GLASS)
    build.decal(nose, (0.03, v0 - 0.05, 0.97, v0), M.DARK)
    build.decal(nose, (0.2, 0.6, 0.8, 0.8), M.PLASTIC)
    build.decal(nose, (0, 0.84, 1, 1), M.PLASTIC)
    for u in (0.04, 0.8):
        build.lamp(nose, (u, 0.83, u + 0.16, 0.92), M.HEAD, FORWARD)
    build.plates.append(((front + 0.03, 0, 0.68), FORWARD))
    for name, u in (("left", 0.06), ("right", 0.38)):
        build.decal(sides[name], (u, v0 + 0.02, u + 0.56, v1), M.GLASS)
    for side in (1, -1):
        build.wheel(axles[0], side * half * 0.995, radius)
    if high > cab_high + 0.4 and dice.random() < 0.6:
        build.box((cab_back, front - 0.7), (-half * 0.8, half * 0.8), (cab_high, high - 0.1), M.PAINT, taper=0.8)
    for side in (1, -1):
        _mirror(build, front - 0.08, side, half, (cab_high * 0.58, cab_high * 0.8), M.DARK)
    return build.done("trailer" if trailer else "lorry")


def _tank(build: Builder, x: tuple[float, float], half: float, z: tuple[float, float]) -> None:
    middle, tall = (z[0] + z[1]) / 2, (z[1] - z[0]) / 2
    rim = [(half * cos(a), middle + tall * sin(a)) for a in np.linspace(0, 2 * np.pi, 13).tolist()]
    build.inside = ((x[0] + x[1]) / 2, 0, middle)
    for (y0, z0), (y1, z1) in pairwise(rim):
        build.face([(x[0], y0, z0), (x[1], y0, z0), (x[1], y1, z1), (x[0], y1, z1)], M.SECOND)
    for end in x:
        build.face([(end, y, zz) for y, zz in rim[:-1]], M.SECOND)


def two_wheeler(dice: Dice, kind: str) -> Solid:
    """A bicycle, a motorcycle or a scooter, nearly always with somebody on it."""
    build = Builder()
    motor = kind != "bicycle"
    base, radius = (1.35, 0.31) if kind == "motorcycle" else (1.25, 0.24) if kind == "scooter" else (1.08, 0.34)
    thick = 0.13 if motor else 0.045
    front, rear = base / 2, -base / 2
    build.block((0, 0, 0.4))
    for x in (front, rear):
        build.inside = (x, 0, radius)
        outer, inner = (ring(x, 0, radius, radius * r) for r in (1, 0.84))
        for k in range(12):
            (ax, _, az), (bx, _, bz), (cx, _, cz), (dx, _, dz) = outer[k], outer[k - 1], inner[k - 1], inner[k]
            build.face([(ax, -thick / 2, az), (ax, thick / 2, az), (bx, thick / 2, bz), (bx, -thick / 2, bz)], M.TYRE)
            if not motor:  # one sees through its wheels
                build.face([(ax, 0, az), (bx, 0, bz), (cx, 0, cz), (dx, 0, dz)], M.TYRE, leaf=True)
        for side in (1, -1) if motor else ():
            build.face(ring(x, side * thick / 2, radius, radius), M.TYRE)
            build.face(ring(x, side * thick * 0.52, radius, radius * 0.62), M.HUB)
            build.face(ring(x, side * thick * 0.54, radius, radius * 0.25), M.DARK, fine=True)

    seat = 0.78 if motor else 0.95
    if motor:
        build.box((rear + 0.1, front - 0.3), (-0.17, 0.17), (0.25, 0.62), M.PAINT if kind == "scooter" else M.PLASTIC, taper=0.8)
        build.box((rear - 0.12, 0.1), (-0.15, 0.15), (0.6, seat), M.DARK, taper=0.9)
        build.box((0.05, front - 0.25), (-0.18, 0.18), (0.6, 0.95), M.PAINT, taper=0.7)
        if kind == "scooter" or dice.random() < 0.5:
            build.box((front - 0.25, front - 0.05), (-0.22, 0.22), (0.35, 1.05), M.PAINT, taper=0.8)
        if dice.random() < 0.3:
            build.box((rear - 0.35, rear + 0.1), (-0.22, 0.22), (0.85, 1.2), M(int(dice.choice([M.DARK, M.SECOND]))))
        lamp = [(front - 0.02, -0.11, 1.0), (front - 0.02, 0.11, 1.0), (front - 0.02, 0.11, 0.8), (front - 0.02, -0.11, 0.8)]
        build.inside = (0, 0, 0.8)
        build.lamp(lamp, (0, 0, 1, 1), M.HEAD, FORWARD)
        tail = [(rear - 0.16, -0.1, 0.82), (rear - 0.16, 0.1, 0.82), (rear - 0.16, 0.1, 0.7), (rear - 0.16, -0.1, 0.7)]
        build.lamp(tail, (0, 0, 1, 1), M.TAIL, BACKWARD)
        build.plates.append(((rear - 0.18, 0, 0.55), BACKWARD))
    else:
        hub, head, crank = (rear, 0, radius), (front - 0.18, 0, 0.9), (-0.08, 0, 0.28)
        for start, end in (
            (hub, crank),
            (crank, head),
            (crank, (-0.25, 0, seat)),
            (hub, (-0.22, 0, 0.8)),
            ((-0.22, 0, 0.8), head),
        ):
            build.limb(start, end, 0.04, M.PAINT)
        build.limb(head, (front, 0, radius), 0.04, M.PAINT)
        build.box((-0.38, -0.14), (-0.08, 0.08), (seat - 0.05, seat), M.DARK)
    bar = (front - 0.28, 0, 1.05)
    build.limb((bar[0], -0.34, bar[2]), (bar[0], 0.34, bar[2]), 0.05, M.DARK)
    for side in (0.08, -0.08) if motor else (0.0,):
        build.limb((bar[0], side, bar[2] - 0.05), (front, side, radius), 0.05, M.CHROME)
    for side in (1, -1) if motor else ():  # mirrors
        edge = sorted((side * 0.3, side * 0.44))
        build.box((bar[0] - 0.03, bar[0] + 0.03), (edge[0], edge[1]), (bar[2] + 0.1, bar[2] + 0.22), M.DARK)

    if dice.random() < 0.93:
        build.who = 1
        x = -0.2 if motor else -0.25
        lean = float(dice.uniform(0.05, 0.3))
        _rider(build, dice, (x, seat), lean, bar)
        if motor and dice.random() < 0.15:
            _rider(build, dice, (x - 0.38, seat + 0.05), 0.05, (x - 0.1, 0, seat + 0.35))
    return build.done(kind)


def _rider(build: Builder, dice: Dice, hip: tuple[float, float], lean: float, bar: Point) -> None:
    x, z = hip
    build.block((x, 0, z + 0.3))
    for side in (1, -1):
        knee = (x + 0.42, side * 0.2, z - 0.08)
        build.limb((x, side * 0.12, z + 0.05), knee, 0.18, M.TROUSERS, 0.14)
        build.limb(knee, (x + 0.25, side * 0.17, z - 0.5), 0.13, M.TROUSERS, 0.11)
    shoulder = (x + lean, 0, z + 0.58)
    _torso(build, (x, 0, z), shoulder, 0.2, 0.24)
    for side in (1, -1):
        build.limb((shoulder[0], side * 0.24, shoulder[2] - 0.05), (bar[0] - 0.03, side * 0.3, bar[2] + 0.03), 0.12, M.COAT, 0.09)
    _head(build, (shoulder[0] + 0.05, 0, shoulder[2] + 0.2), helmet=bool(dice.random() < 0.75))


def _torso(build: Builder, hip: Point, neck: Point, hip_half: float, shoulder_half: float) -> None:
    build.inside = tuple((p + q) / 2 for p, q in zip(hip, neck, strict=True))  # type: ignore[assignment]
    rims = []
    for (x, y, z), half in ((neck, shoulder_half), (hip, hip_half)):
        rims.append([(x + 0.13, y - half, z), (x + 0.13, y + half, z), (x - 0.13, y + half, z), (x - 0.13, y - half, z)])
    for k in range(4):
        n = (k + 1) % 4
        build.face([rims[0][k], rims[0][n], rims[1][n], rims[1][k]], M.COAT)
    build.face(rims[0], M.COAT)


def _head(build: Builder, at: Point, *, helmet: bool) -> None:
    """A head: skin before, hair or a helmet behind and above. Nobody's face."""
    x, y, z = at
    build.heads.append(at)
    build.box((x - 0.1, x + 0.09), (y - 0.08, y + 0.08), (z - 0.13, z + 0.04), M.HAIR if helmet else M.SKIN)
    build.box((x - 0.12, x + (0.12 if helmet else 0.07)), (y - 0.09, y + 0.09), (z - 0.02, z + 0.13), M.HAIR, taper=0.75)


def person(dice: Dice) -> Solid:
    """Somebody who stands or walks."""
    build = Builder()
    tall = float(dice.uniform(1.5, 1.9))
    hip, neck, stride = 0.5 * tall, 0.82 * tall, float(dice.uniform(0, 0.32))
    for side, way in ((1, 1), (-1, -1)):
        build.block((way * stride * 0.5, side * 0.09, 0.4))
        knee = (way * stride * 0.6, side * 0.1, hip * 0.5)
        build.limb((0, side * 0.09, hip), knee, 0.17, M.TROUSERS, 0.13)
        build.limb(knee, (way * stride - 0.05, side * 0.09, 0.06), 0.13, M.SKIN if dice.random() < 0.1 else M.TROUSERS, 0.1)
        build.box((way * stride - 0.12, way * stride + 0.14), (side * 0.09 - 0.05, side * 0.09 + 0.05), (0, 0.09), M.DARK)
        build.block((0, side * 0.27, 1.1))
        hand = (-way * stride * 0.7, side * 0.28, hip * 0.98)
        build.limb((0, side * 0.23, neck - 0.04), hand, 0.12, M.COAT, 0.08)
    build.block((0, 0, 0.66 * tall))
    skirt = dice.random() < 0.2
    if skirt:
        _torso(build, (0, 0, hip * 0.6), (0, 0, hip), 0.26, 0.17)
    _torso(build, (0, 0, hip - (0.1 if not skirt else 0)), (0, 0, neck), 0.17, 0.21)
    if dice.random() < 0.3:
        build.box((-0.3, -0.12), (-0.15, 0.15), (hip + 0.1, neck - 0.05), M.DARK)
    build.block((0, 0, tall))
    _head(build, (0.02, 0, neck + 0.15), helmet=False)
    return build.done("person")


def tree(dice: Dice) -> Solid:
    """A trunk and a crown of leaves, lit above and dark below."""
    build = Builder()
    tall, wide = float(dice.uniform(3.5, 10)), float(dice.uniform(1.2, 3))
    build.block((0, 0, 1))
    build.limb((0, 0, 0), (float(dice.normal(0, 0.2)), 0, tall * 0.6), 0.35, M.WOOD, 0.2)
    build.block((0, 0, tall * 0.7))
    for k in range(60):
        way = dice.normal(0, 1, 3)
        way /= np.linalg.norm(way) / dice.uniform(0.5, 1) ** 0.4
        middle = np.array([0, 0, tall * 0.7]) + way * (wide, wide, tall * 0.3)
        a, b = dice.normal(0, 1, (2, 3))
        a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
        reach = wide * float(dice.uniform(0.15, 0.4))
        corners = [tuple(middle + reach * (a * cos(t) + b * sin(t))) for t in np.linspace(0, 6.28, 6)[:-1].tolist()]
        shade = way[2] < dice.normal(-0.1, 0.3) or k < 15
        build.face(corners, M.SHADE if shade else M.LEAF, leaf=True)
    return build.done("tree")


def pole(dice: Dice) -> Solid:
    """A lamp post, a signal or a sign."""
    build = Builder()
    tall = float(dice.choice([2.5, 3.2, 5.5, 8.0]))
    build.block((0, 0, tall / 2))
    build.limb((0, 0, 0), (0, 0, tall), 0.16, M.CHROME, 0.1)
    if tall > 5:
        build.limb((0, 0, tall), (0, float(dice.uniform(1, 3)), tall + 0.3), 0.12, M.CHROME)
    else:
        quad = build.box(
            (-0.05, 0.05), (-0.3, 0.3), (tall - 0.7, tall), M(int(dice.choice([M.PAINT, M.DARK, M.AMBER, M.CHROME])))
        )
        build.decal(quad["front"], (0.2, 0.2, 0.8, 0.8), M(int(dice.choice([M.TAIL, M.CHROME, M.DARK]))))
    return build.done("pole")


VEHICLES = (*CARS, "taxi", "bus", "lorry")
TWO_WHEELERS = ("bicycle", "motorcycle", "scooter")


def make(kind: str, dice: Dice) -> Solid:
    """One of a kind."""
    if kind in CARS or kind == "taxi":
        return car(dice, kind)
    if kind in TWO_WHEELERS:
        return two_wheeler(dice, kind)
    return {"bus": bus, "lorry": lorry, "person": person, "tree": tree, "pole": pole}[kind](dice)
