"""The page of a tally: one file with everything in it, bars drawn as SVG, readable without a network and without a script."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from clearway.hub.pages import draw
from clearway.track.tally import CELL_MIN, PERCENTILES, Cell, Table

# One plot: so many pixels wide and high, with room for words on the left and below.
WIDTH_PX, HEIGHT_PX, LEFT_PX, BELOW_PX, TOP_PX = 720.0, 220.0, 44.0, 34.0, 12.0


@dataclass(frozen=True, slots=True)
class Column:
    """One quarter of an hour in a plot. `height` is None where it is not told; `marks` are further heights."""

    x: float
    width: float
    y: float
    height: float | None
    label: str
    words: str
    marks: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Plot:
    title: str
    unit: str
    columns: tuple[Column, ...]
    ticks: tuple[tuple[float, str], ...]


def tally_page(table: Table, scene: str, source: str, made_at: datetime, notes: Sequence[str]) -> str:
    """The page as HTML. `notes` are sentences for whoever reads it."""
    plots = []
    for lane, cells in _by_lane(table.cells).items():
        plots.append(_counts(lane, cells))
        if any(cell.speeds_kmh for cell in cells):
            plots.append(_speeds(lane, cells))
    return draw(
        "tally.html",
        table=table,
        plots=plots,
        scene=scene,
        source=source,
        made_at=made_at,
        notes=notes,
        cell_min=CELL_MIN,
        size=(WIDTH_PX, HEIGHT_PX, LEFT_PX, HEIGHT_PX - BELOW_PX),
    )


def _by_lane(cells: Sequence[Cell]) -> Mapping[str, list[Cell]]:
    lanes: dict[str, list[Cell]] = {}
    for cell in cells:
        lanes.setdefault(cell.lane, []).append(cell)
    return lanes


def _counts(lane: str, cells: Sequence[Cell]) -> Plot:
    """Vehicles of all classes in each quarter; a quarter of which a class is not told is not told whole."""
    quarters: dict[datetime, list[Cell]] = {}
    for cell in cells:
        quarters.setdefault(cell.begins_at, []).append(cell)
    sums = {at: sum(cell.count for cell in some if cell.count is not None) for at, some in quarters.items()}
    told = {at: sums[at] if any(cell.count is not None for cell in some) else None for at, some in quarters.items()}
    words = {at: f"{sums[at]} told" if told[at] is not None else f"fewer than {CELL_MIN}" for at in quarters}
    return _plot(f"{lane}: vehicles in 15 minutes", "vehicles", {at: (n, ()) for at, n in told.items()}, words)


def _speeds(lane: str, cells: Sequence[Cell]) -> Plot:
    """Of the class with the most vehicles in each quarter: the middle speed, and the ones that 15 and 85 of 100 keep to."""
    best: dict[datetime, Cell] = {}
    for cell in cells:
        if cell.speeds_kmh and (cell.begins_at not in best or (cell.count or 0) > (best[cell.begins_at].count or 0)):
            best[cell.begins_at] = cell
    values = {at: (cell.speeds_kmh[1], (cell.speeds_kmh[0], cell.speeds_kmh[2])) for at, cell in best.items() if cell.speeds_kmh}
    names = " / ".join(f"{one} %" for one in PERCENTILES)
    words = {at: f"{names}: {' / '.join(f'{v:.0f}' for v in cell.speeds_kmh or ())} km/h" for at, cell in best.items()}
    return _plot(f"{lane}: speed, middle and what 15 and 85 of 100 keep to", "km/h", values, words)


def _plot(
    title: str, unit: str, values: Mapping[datetime, tuple[float | None, tuple[float, ...]]], words: Mapping[datetime, str]
) -> Plot:
    top = max((max(value or 0.0, *marks, 0.0) for value, marks in values.values()), default=0.0)
    step = next(step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 10**9) if top / step <= 5)
    top = max(float(step), step * -(-top // step))
    room = HEIGHT_PX - BELOW_PX - TOP_PX
    wide = (WIDTH_PX - LEFT_PX) / max(1, len(values))
    columns = []
    for n, (at, (value, marks)) in enumerate(sorted(values.items())):
        height = None if value is None else room * value / top
        columns.append(
            Column(
                round(LEFT_PX + n * wide, 2),
                round(min(wide * 0.8, 60.0), 2),
                round(HEIGHT_PX - BELOW_PX - (height or 0.0), 2),
                None if height is None else round(height, 2),
                f"{at:%H:%M}",
                f"{at:%Y-%m-%d %H:%M}: {words[at]}",
                tuple(round(HEIGHT_PX - BELOW_PX - room * mark / top, 2) for mark in marks),
            )
        )
    ticks = tuple(
        (round(HEIGHT_PX - BELOW_PX - room * one * step / top, 2), f"{one * step}") for one in range(int(top / step) + 1)
    )
    return Plot(title, unit, tuple(columns), ticks)
