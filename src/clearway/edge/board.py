"""The board on which a view is drawn: where everything lies on the still and on the road, how well, and what is wrong with it.

    board = Board(still, view, now)
    sheet = board.sheet(draft_of(data))     all that the page shows
    board.scene(draft)                      the scene, or SettingsError

The still and the bird's-eye picture are held in memory and nowhere else.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from math import ceil, floor, hypot, isfinite, pi

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from clearway.edge.drawing import (
    CORNERS_OF,
    FIELDS,
    KINDS,
    Corner,
    Draft,
    DraftPart,
    PartKind,
    Problem,
    number_of,
    order_of,
    parsed,
    table_of,
    typed_value,
)
from clearway.edge.scenes import load_law, scene_of
from clearway.errors import SettingsError
from clearway.facts import Pixels
from clearway.rules.rulebook import rules_of
from clearway.scene import KNOWN_POINTS_MIN, AskedPlates, Calibration, Lens, Point, Scene, Survey, View, depths_m, rectangle
from clearway.track.ground import K_ELLIPSE, Ground, Plane

Array = NDArray[np.float64]

# The bird's-eye picture: as far around the known points as this share of what they span, and not larger than this.
AROUND_SHARE, MAP_SIDE_PX, MAP_SIDE_M_MAX = 0.35, 900, 400.0
# Ellipses are drawn on a grid of so many places each way, as many times larger as makes the median one visible.
GRID, VISIBLE_PX = 5, 9.0
# A speed that is foretold for the page: so fast, so many frames a second.
FORETOLD_KMH, FORETOLD_RATE = 50.0, 12.5
_FROM = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class PointSheet:
    """A known point as the fit sees it: how far off, in words; whether that is too far; where the fit has it, in the still."""

    words: str
    doubtful: bool
    fitted: Point | None


@dataclass(frozen=True, slots=True)
class PartSheet:
    """Where a part's corners lie, by key: in the still (None where it does not show them), in the bird's-eye picture, in metres;
    and for each corner how far it may be off, in metres."""

    still: dict[str, list[Point | None]]
    map: dict[str, list[Point]]
    m: dict[str, list[Point]]
    words: str


@dataclass(frozen=True, slots=True)
class RuleSheet:
    """Whether a rule could work with what is drawn, and why, or what it lacks."""

    rule: str
    works: bool
    words: str


@dataclass(frozen=True, slots=True)
class MapSheet:
    """The bird's-eye picture: `version` changes with it; `grid` is its lines of whole metres with their words."""

    version: int
    width: int
    height: int
    grid: list[tuple[Point, Point, str]]
    points: list[Point]


@dataclass(frozen=True, slots=True)
class Sheet:
    """All that the page shows of one draft. `ellipses` hold the true place in 95 of 100 cases, drawn `enlarged` times as large;
    each is its outline in the still and in the bird's-eye picture."""

    fit: str
    points: list[PointSheet]
    parts: list[PartSheet]
    rules: list[RuleSheet]
    problems: list[Problem]
    map: MapSheet | None = None
    grid: list[list[Point]] = field(default_factory=list)
    ellipses: list[tuple[list[Point], list[Point]]] = field(default_factory=list)
    enlarged: int = 1
    ready: bool = False


@dataclass(frozen=True, slots=True)
class _Map:
    """How the bird's-eye picture lies on the road: along is to the right, across is down. So roads, which are long, fill it."""

    from_m: Point
    to_m: Point
    px_per_m: float

    @property
    def size(self) -> tuple[int, int]:
        (a, c), (b, d) = self.from_m, self.to_m
        return ceil((b - a) * self.px_per_m), ceil((d - c) * self.px_per_m)

    def px(self, places_m: Array) -> Array:
        return np.asarray((places_m - self.from_m) * self.px_per_m)

    def m(self, px: Array) -> Array:
        return np.asarray(px / self.px_per_m + self.from_m)


class Board:
    """One still and what is drawn on it. `view` is what the camera's own look is kept by, if anything is; `no_plate` is nothing
    that can be drawn, and goes into the scene as it is."""

    def __init__(
        self, still: Pixels, view: View | None, now: Callable[[], datetime], no_plate: AskedPlates | None = None
    ) -> None:
        self._still, self._view, self._now, self._no_plate = still, view, now, no_plate
        self._birdseye: tuple[object, int, bytes] = (None, 0, b"")
        self.still_jpeg = _encoded(still)

    @property
    def size_px(self) -> tuple[int, int]:
        return int(self._still.shape[1]), int(self._still.shape[0])

    def blank(self) -> Draft:
        """What a page begins with where there is no scene yet."""
        today = self._now()
        times = {"surveyed.valid_from": f"{today:%Y-%m-%d}", "surveyed.valid_until": f"{today + timedelta(days=365):%Y-%m-%d}"}
        return Draft(dict(FIELDS) | times)

    @property
    def birdseye_jpeg(self) -> bytes:
        """The newest bird's-eye picture; empty where there is none yet."""
        return self._birdseye[2]

    def scene(self, draft: Draft) -> Scene:
        """The scene, judged whole: also its law and its survey. SettingsError says what is wrong with it."""
        problems: list[Problem] = []
        scene = scene_of(self._tables(draft, problems), "the scene")
        if problems:
            raise SettingsError(problems[0].words, remedy="mend it on the page.")
        rules_of(scene, load_law(scene.law))
        Ground(scene.calibration)
        return scene

    def sheet(self, draft: Draft) -> Sheet:
        """What the page shows of it. Never raises for a draft that is not whole: it says what is missing."""
        problems: list[Problem] = []
        survey, lens = self._survey(draft, problems), self._lens(draft, problems)
        plane = None
        if survey is not None and lens is not None:
            try:
                plane = Plane(survey, lens)
                plane.refuse_contradiction()
            except SettingsError as error:
                problems.append(Problem("points", f"{error.happened} {error.remedy}"))
        if plane is None or survey is None:
            empty = [PointSheet("", False, None) for _ in draft.points]
            parts = [PartSheet({k: [c.px for c in v] for k, v in p.drawn.items()}, {}, {}, "") for p in draft.parts]
            return Sheet(self._missing(draft, problems), empty, parts, [], problems)
        drawn = _laid_out(survey)
        points = _point_sheets(plane, survey)
        parts = [self._part_sheet(part, plane, drawn, survey.u_px) for part in draft.parts]
        version = self._drawn_birdseye(plane, drawn)
        self._judge_parts(draft, plane, drawn, problems)
        ground = self._ground(draft, plane, drawn, problems)
        stills, enlarged = self._ellipses(plane, drawn, survey.u_px)
        ready, rules = self._rules(draft, plane, drawn, ground, problems)
        worst = max(sheet.doubtful for sheet in points)
        fit = f"{len(points)} points. " + ("Look at the marked ones." if worst else _fit_words(plane, survey))
        width, height = drawn.size
        shown = drawn.px(np.array([point.m for point in survey.points]))
        sheet_map = MapSheet(version, width, height, _map_grid(drawn), _list(shown))
        return Sheet(
            fit,
            points,
            parts,
            rules,
            problems,
            sheet_map,
            self._still_grid(plane, drawn),
            stills,
            enlarged,
            ready and not problems,
        )

    # What was typed

    def _survey(self, draft: Draft, problems: list[Problem]) -> Survey | None:
        """The survey as far as it goes; None, with no word where nothing was typed yet."""
        before = len(problems)
        u_px, u_m = (number_of(draft, f"survey.{key}", problems) for key in ("u_px", "u_m"))
        if draft.by == "rectangle":
            sides = [number_of(draft, f"rectangle.{key}", problems) for key in ("width_m", "width_u_m", "length_m", "length_u_m")]
            if len(draft.points) != 4:
                problems.append(Problem("points", "click the four corners: near left, near right, far right, far left."))
            if len(problems) > before or u_px is None:
                return None
            corners = tuple(point.px for point in draft.points)
            if any(side is None or side <= 0 for side in sides):
                problems.append(Problem("points", "a width, a length and their uncertainties are above 0."))
                return None
            given = dict(zip(("width_m", "width_u_m", "length_m", "length_u_m"), sides, strict=True))
            try:
                return rectangle(corners, u_px=u_px, **given)  # type: ignore[arg-type]  # four corners, no side is None
            except ValueError as error:
                problems.append(Problem("points", f"{error}."))
                return None
        known = []
        for number, point in enumerate(draft.points, 1):
            metres = [parsed(text) for text in (point.along, point.across)]
            if None in metres:
                problems.append(Problem("points", f"type the metres of point {number}, along and across."))
            else:
                known.append({"px": point.px, "m": metres})
        if len(draft.points) < 4:
            problems.append(Problem("points", f"click at least four points that were measured; there are {len(draft.points)}."))
        if len(problems) > before:
            return None
        try:
            return TypeAdapter(Survey).validate_python({"points": known, "u_px": u_px, "u_m": u_m})
        except ValidationError as error:
            problems.append(Problem("points", _said(error)))
            return None

    def _lens(self, draft: Draft, problems: list[Problem]) -> Lens | None:
        k1, k2 = number_of(draft, "lens.k1", problems), number_of(draft, "lens.k2", problems)
        if k1 == 0 and k2 == 0:
            return Lens()
        if not draft.typed.get("lens.focal_px", "").strip():
            problems.append(Problem("field lens.focal_px", "a lens that bends needs its focal length in pixels."))
            return None
        focal_px, u_px = number_of(draft, "lens.focal_px", problems), number_of(draft, "lens.u_px", problems)
        width, height = self.size_px
        # Where nobody says where its centre is, it is the picture's.
        x, y = (
            number_of(draft, key, problems) if draft.typed.get(key, "").strip() else side / 2
            for key, side in (("lens.centre_x_px", width), ("lens.centre_y_px", height))
        )
        if k1 is None or k2 is None or focal_px is None or u_px is None or x is None or y is None:
            return None
        try:
            lens = Lens(k1, k2, focal_px, (x, y), u_px)
        except ValueError as error:
            problems.append(Problem("field lens.focal_px", f"the lens: {error}."))
            return None
        if any(lens.folds((float(x), float(y))) for x in (0, width) for y in (0, height)):
            problems.append(Problem("field lens.k1", "this lens would show one place twice: check k1 and k2."))
            return None
        return lens

    def _tables(self, draft: Draft, problems: list[Problem]) -> dict[str, object]:
        """The draft as the tables of a scene.toml; what is wrong so far goes to `problems`."""
        survey, lens = self._survey(draft, problems), self._lens(draft, problems)
        if survey is None or lens is None:
            return {}
        calibration: dict[str, object] = {
            "survey": asdict(survey),
            **{table: table_of(draft, table, problems) for table in ("camera", "followed", "clock")},
        }
        if lens != Lens():
            calibration["lens"] = asdict(lens)
        tables: dict[str, object] = {
            "name": draft.typed.get("name", ""),
            "law": draft.typed.get("law", ""),
            "time_zone": draft.typed.get("time_zone", ""),
            "picture_px": self.size_px,
            "surveyed": order_of(draft.typed, "surveyed.", "who surveyed it", "field surveyed.", problems),
            "calibration": calibration,
        }
        if self._view is not None:
            tables["view"] = asdict(self._view)
        if self._no_plate is not None:
            tables["no_plate"] = asdict(self._no_plate)
        if not tables["name"]:
            problems.append(Problem("field name", "give the view a name."))
        plane = Plane(survey, lens)
        drawn = _laid_out(survey)
        for number, part in enumerate(draft.parts):
            kind = KINDS.get(part.kind)
            if kind is None:
                problems.append(Problem(f"part {number}", f"there is no kind of part {part.kind!r}."))
                continue
            before = len(problems)
            table = self._part_table(part, kind, plane, drawn, f"part {number}", problems)
            if len(problems) > before:
                continue
            if part.kind == "speed_limit":
                if "speed_limit" in tables:
                    problems.append(Problem(f"part {number}", "a view has one measured stretch."))
                calibration["stretch_m"] = table.pop("stretch_m")
                tables["speed_limit"] = table
            else:
                listed = tables.setdefault(part.kind, [])
                assert isinstance(listed, list)
                listed.append(table)
        return tables

    def _part_table(
        self, part: DraftPart, kind: PartKind, plane: Plane, drawn: _Map, at: str, problems: list[Problem]
    ) -> dict[str, object]:
        table: dict[str, object] = {} if part.kind == "speed_limit" else {"name": part.name.strip()}
        called = f"{kind.words} {part.name!r}" if part.kind != "speed_limit" else kind.words
        if not table.get("name", True):
            problems.append(Problem(at, f"{kind.words}: give it a name."))
        for one in kind.drawn:
            corners = part.drawn.get(one.key, ())
            low, high = CORNERS_OF[one.sort]
            if not low <= len(corners) <= high:
                how_many = f"{low} corners at least" if high > low else f"{low} clicks"
                problems.append(Problem(at, f"{called}: draw {one.words} ({how_many})."))
                continue
            if one.sort == "box":
                table[one.key] = self._box(corners, called, at, problems)
                continue
            places = self._places(corners, plane, drawn)
            if not np.isfinite(places).all():
                problems.append(Problem(at, f"{called}: a corner lies at the horizon or over it, where there is no road."))
                continue
            rounded = [[round(float(a), 3), round(float(c), 3)] for a, c in places]
            table[one.key] = [round(rounded[1][n] - rounded[0][n], 3) for n in (0, 1)] if one.sort == "arrow" else rounded
        for each in kind.typed:
            table[each.key] = typed_value(each, part.typed.get(each.key, ""), called, at, problems)
        if kind.ordered:
            table["order"] = order_of(part.typed, "", called, at, problems)
        return table

    def _box(self, corners: Sequence[Corner], called: str, at: str, problems: list[Problem]) -> list[float]:
        width, height = self.size_px
        places = [corner.px for corner in corners if corner.px is not None]
        if len(places) != 2:
            problems.append(Problem(at, f"{called}: draw it on the still."))
            return []
        (a, b), (c, d) = places
        if not all(0 <= x <= width and 0 <= y <= height for x, y in places):
            problems.append(Problem(at, f"{called} lies outside the picture."))
        return [min(a, c), min(b, d), max(a, c), max(b, d)]

    def _places(self, corners: Sequence[Corner], plane: Plane, drawn: _Map) -> Array:
        """(n, 2) metres; nan where a pixel shows no road."""
        places = np.full((len(corners), 2), np.nan)
        for n, corner in enumerate(corners):
            if corner.m is not None:
                places[n] = corner.m
            elif corner.map is not None:
                places[n] = drawn.m(np.array([corner.map]))[0]
            elif corner.px is not None:
                places[n] = plane.on_road(np.array([corner.px]))[0][0]
        return places

    # What is shown

    def _part_sheet(self, part: DraftPart, plane: Plane, drawn: _Map, u_px: float) -> PartSheet:
        still: dict[str, list[Point | None]] = {}
        on_map: dict[str, list[Point]] = {}
        metres: dict[str, list[Point]] = {}
        errors: list[float] = []
        sorts = {one.key: one.sort for one in KINDS[part.kind].drawn} if part.kind in KINDS else {}
        for key, corners in part.drawn.items():
            if sorts.get(key) == "box":
                still[key] = [corner.px for corner in corners]
                continue
            places = self._places(corners, plane, drawn)
            px = plane.pictured(places)
            still[key] = [corner.px or _point(one) for corner, one in zip(corners, px, strict=True)]
            fine = np.isfinite(places).all(axis=1)
            on_map[key], metres[key] = _list(drawn.px(places[fine])), [(_short(a), _short(c)) for a, c in places[fine]]
            covariance = plane.covariance(px[fine], u_px)
            errors += [
                K_ELLIPSE * float(e) ** 0.5 for e in np.linalg.eigvalsh(covariance[np.isfinite(covariance).all((1, 2))])[:, 1]
            ]
        words = f"corners known to ± {max(errors):.2f} m or better" if errors else ""
        return PartSheet(still, on_map, metres, words)

    def _judge_parts(self, draft: Draft, plane: Plane, drawn: _Map, problems: list[Problem]) -> None:
        """What is wrong with each part alone, by its name."""
        for number, part in enumerate(draft.parts):
            kind = KINDS.get(part.kind)
            found: list[Problem] = []
            if kind is None:
                found.append(Problem(f"part {number}", f"there is no kind of part {part.kind!r}."))
            else:
                table = self._part_table(part, kind, plane, drawn, f"part {number}", found)
                if not found:
                    found += self._part_sins(part, kind, table, number)
            problems += found

    def _part_sins(self, part: DraftPart, kind: PartKind, table: dict[str, object], number: int) -> list[Problem]:
        """What the scene itself would say against that part, read in the smallest scene that can hold it."""
        tables = _smallest(self.size_px)
        if part.kind == "speed_limit":
            tables["calibration"]["stretch_m"] = table.pop("stretch_m")  # type: ignore[index]  # `_smallest` made it
            tables["speed_limit"] = table
        else:
            tables[part.kind] = [table]
        try:
            scene_of(tables, f"{kind.words} {part.name!r}" if part.kind != "speed_limit" else kind.words)
        except SettingsError as error:
            return [Problem(f"part {number}", error.happened)]
        return []

    def _ground(self, draft: Draft, plane: Plane, drawn: _Map, problems: list[Problem]) -> Ground | None:
        """The road with camera and vehicles, as far as typed; `problems` hears what is missing for it."""
        found: list[Problem] = []
        tables = self._tables(replace(draft, parts=tuple(part for part in draft.parts if part.kind == "speed_limit")), found)
        problems += [each for each in found if not each.at.startswith(("part", "points"))]
        calibration = tables.get("calibration")
        if found and any(each.at.startswith("field") and "." in each.at.split()[1] for each in found):
            return None
        try:
            return Ground(TypeAdapter(Calibration).validate_json(json.dumps(calibration)))
        except ValidationError as error:
            problems.append(Problem("field camera.up_m", _said(error)))
        except SettingsError:
            pass  # it was said of the points before
        return None

    def _rules(
        self, draft: Draft, plane: Plane, drawn: _Map, ground: Ground | None, problems: list[Problem]
    ) -> tuple[bool, list[RuleSheet]]:
        """Whether a scene can be made, and what each rule would be worth in it."""
        scene, ready = None, False
        if not problems:
            try:
                scene = self.scene(draft)
                ready = True
            except SettingsError as error:
                problems.append(Problem("scene", error.happened))
        sheets = []
        parts: dict[str, list[DraftPart]] = {}
        for part in draft.parts:
            parts.setdefault(part.kind, []).append(part)
        for rule, kind, needs in _RULES:
            have = parts.get(kind, [])
            if not have:
                sheets.append(RuleSheet(rule, False, f"draw {needs}"))
            elif scene is None or ground is None:
                sheets.append(RuleSheet(rule, False, "what is drawn is not whole yet"))
            else:
                sheets.append(_worth(rule, kind, scene, ground))
        return ready, sheets

    def _missing(self, draft: Draft, problems: Sequence[Problem]) -> str:
        return "The road is not measured yet." if problems else ""

    def _drawn_birdseye(self, plane: Plane, drawn: _Map) -> int:
        """Draws the bird's-eye picture where it is not the last one; its version."""
        key = (plane.pictured(drawn.m(np.array([(0.0, 0.0), drawn.size]))).tobytes(), drawn)
        if self._birdseye[0] != key:
            width, height = drawn.size
            x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
            px = plane.pictured(drawn.m(np.stack([x.ravel(), y.ravel()], axis=1)))
            # Our pixels' middles are at halves, OpenCV's at whole numbers.
            where = np.nan_to_num(px - 0.5, nan=-1e4, posinf=-1e4, neginf=-1e4).clip(-1e4, 1e5).astype(np.float32)
            shown = cv2.remap(
                self._still,
                where[:, 0].reshape(height, width),
                where[:, 1].reshape(height, width),
                cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_CONSTANT,
                borderValue=(40, 44, 48),
            )
            self._birdseye = (key, self._birdseye[1] + 1, _encoded(np.asarray(shown, np.uint8)))
        return self._birdseye[1]

    def _still_grid(self, plane: Plane, drawn: _Map) -> list[list[Point]]:
        """Lines of whole metres on the road, as the still shows them."""
        step = _grid_step(drawn)
        (a0, c0), (a1, c1) = drawn.from_m, drawn.to_m
        alongs = np.arange(ceil(a0 / step) * step, a1, step)
        acrosses = np.arange(ceil(c0 / step) * step, c1, step)
        lines = [np.array([(along, c) for c in np.linspace(c0, c1, 24)]) for along in alongs]
        lines += [np.array([(a, across) for a in np.linspace(a0, a1, 48)]) for across in acrosses]
        return [[px for px in map(_point, plane.pictured(line)) if px is not None and self._near(px)] for line in lines]

    def _near(self, px: Point) -> bool:
        width, height = self.size_px
        return -width <= px[0] <= 2 * width and -height <= px[1] <= 2 * height

    def _ellipses(self, plane: Plane, drawn: _Map, u_px: float) -> tuple[list[tuple[list[Point], list[Point]]], int]:
        (a0, c0), (a1, c1) = drawn.from_m, drawn.to_m
        grid = np.array([(a, c) for a in np.linspace(a0, a1, GRID + 2)[1:-1] for c in np.linspace(c0, c1, GRID + 2)[1:-1]])
        px = plane.pictured(grid)
        width, height = self.size_px
        seen = np.asarray(np.isfinite(px).all(axis=1) & (px >= 0).all(axis=1) & (px <= (width, height)).all(axis=1))
        if not seen.any():
            return [], 1
        grid, px = grid[seen], px[seen]
        covariance = plane.covariance(px, u_px)
        values, vectors = np.linalg.eigh(covariance)
        half_m = K_ELLIPSE * np.sqrt(values.clip(0.0))
        visible = VISIBLE_PX / max(1e-9, float(np.median(half_m[:, 1])) * drawn.px_per_m)
        enlarged = 1 if visible <= 1 else 10 ** ceil(np.log10(visible) - 0.5) if visible > 3 else 2
        enlarged = max(1, int(enlarged))
        turn = np.linspace(0, 2 * pi, 25)[:-1]
        circle = np.stack([np.cos(turn), np.sin(turn)], axis=1)
        shown = []
        for place, half, axes in zip(grid, half_m, vectors, strict=True):
            outline = place + (circle * half * enlarged) @ axes.T
            on_still = [px for px in map(_point, plane.pictured(outline)) if px is not None]
            shown.append((on_still, _list(drawn.px(outline))))
        return shown, enlarged


_RULES = (
    ("speed", "speed_limit", "a measured stretch and its limit"),
    ("wrong way", "one_way", "a one-way lane and its direction"),
    ("red light", "stop_line", "a stop line; it also needs the signal's report"),
    ("stop line", "stop_line", "a stop line; it also needs the signal's report"),
    ("bus lane", "bus_lane", "a bus lane with its hours"),
    ("stopping, parking", "no_stopping", "where nobody may stop or park"),
    ("solid line", "solid_line", "a solid line"),
    ("forbidden turn", "forbidden_turn", "the zones that a turn leads from and into"),
    ("counts by lane", "lane", "lanes, to count in them"),
)


def _worth(rule: str, kind: str, scene: Scene, ground: Ground) -> RuleSheet:
    """How well the places that the rule needs are known; a speed is foretold with its interval."""
    if kind == "speed_limit":
        assert scene.calibration.stretch_m is not None
        return _foretold(rule, scene, ground)
    worst = 0.0
    for part in getattr(scene, kind):
        for key in ("zone_m", "line_m", "from_m", "into_m"):
            zone = getattr(part, key, None)
            if zone is None:
                continue
            middle = (sum(a for a, _ in zone) / len(zone), sum(c for _, c in zone) / len(zone))
            error_m = _error_m(ground, scene, middle)
            worst = max(worst, error_m)
            if len(zone) > 2 and error_m >= float(depths_m(zone, np.array([middle]))[0]):
                return RuleSheet(rule, False, f"{part.name!r} is narrower than a place in it is sure: ± {error_m:.2f} m")
    if not isfinite(worst):
        return RuleSheet(rule, False, "a place of it cannot be seen by this camera")
    return RuleSheet(rule, True, f"places of it are known to ± {worst:.2f} m")


def _error_m(ground: Ground, scene: Scene, place: Point) -> float:
    """How far a followed plate at that place may be off, in any direction; infinite where the camera does not see it."""
    drive = ground.measured([_FROM] * 3, np.repeat(_followed_px(ground, scene, np.array([place])), 3, axis=0))
    return max((hypot(w.along_error_m, w.across_error_m) for w in drive.waypoints), default=float("inf"))


def _followed_px(ground: Ground, scene: Scene, places_m: Array) -> Array:
    """The pixels of a followed point over those places."""
    camera, followed = scene.calibration.camera, scene.calibration.followed
    foot, scale = np.array([camera.along_m, camera.across_m]), 1 - followed.up_m / camera.up_m
    px = ground.plane.pictured(foot + (places_m - foot) / scale)
    width, height = scene.picture_px
    outside = np.asarray(~((px >= 0).all(axis=1) & (px <= (width, height)).all(axis=1)))
    return np.where(outside[:, None], np.nan, px)


def _foretold(rule: str, scene: Scene, ground: Ground) -> RuleSheet:
    stretch = np.array(scene.calibration.stretch_m)
    (from_m, _), (to_m, _) = stretch.min(axis=0), stretch.max(axis=0)
    middle, step_m = float(stretch[:, 1].mean()), FORETOLD_KMH / 3.6 / FORETOLD_RATE
    places = np.array([(a, middle) for a in np.arange(to_m, from_m, -step_m)])
    px = _followed_px(ground, scene, places)
    seen = px[np.isfinite(px).all(axis=1)]
    speed = (
        ground.measured([_FROM + timedelta(seconds=n / FORETOLD_RATE) for n in range(len(seen))], seen).speed
        if len(seen)
        else None
    )
    if speed is None:
        return RuleSheet(rule, False, "too little of the stretch is seen well enough to measure a speed on it")
    return RuleSheet(rule, True, f"{FORETOLD_KMH:.0f} km/h would be measured as {speed.value:.1f} ± {speed.uncertainty:.1f} km/h")


def _point_sheets(plane: Plane, survey: Survey) -> list[PointSheet]:
    sheets = []
    fitted = plane.pictured(np.array([point.m for point in survey.points]))
    for (off_px, expected_px), px in zip(plane.misfits(), fitted, strict=True):
        if len(survey.points) == KNOWN_POINTS_MIN:
            sheets.append(PointSheet("four points fit always; a fifth would check them", False, _point(px)))
            continue
        doubtful = bool(off_px > 1.5 * expected_px and off_px > 0.1)
        sheets.append(PointSheet(f"{off_px:.1f} px off; up to {expected_px:.1f} is to be expected", doubtful, _point(px)))
    return sheets


def _fit_words(plane: Plane, survey: Survey) -> str:
    px = np.array([point.px for point in survey.points])
    halves = K_ELLIPSE * np.sqrt(np.linalg.eigvalsh(plane.covariance(px, survey.u_px))[:, 1])
    return f"A place near them is known to ± {halves.min():.2f} to {halves.max():.2f} m (95 of 100)."


def _laid_out(survey: Survey) -> _Map:
    metres = np.array([point.m for point in survey.points])
    low, high = metres.min(axis=0), metres.max(axis=0)
    room = np.maximum(AROUND_SHARE * (high - low), 0.15 * float((high - low).max()))
    low, high = low - room, np.minimum(high + room, low - room + MAP_SIDE_M_MAX)
    return _Map((float(low[0]), float(low[1])), (float(high[0]), float(high[1])), MAP_SIDE_PX / float((high - low).max()))


def _grid_step(drawn: _Map) -> float:
    side_m = MAP_SIDE_PX / drawn.px_per_m
    return next((step for step in (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0) if side_m / step <= 14), 100.0)


def _map_grid(drawn: _Map) -> list[tuple[Point, Point, str]]:
    step = _grid_step(drawn)
    (a0, c0), (a1, c1) = drawn.from_m, drawn.to_m
    width, height = drawn.size
    lines: list[tuple[Point, Point, str]] = []
    for n in range(ceil(a0 / step), floor(a1 / step) + 1):
        x = (n * step - a0) * drawn.px_per_m
        lines.append(((x, 0.0), (x, float(height)), f"{n * step:g}"))
    for n in range(ceil(c0 / step), floor(c1 / step) + 1):
        y = (n * step - c0) * drawn.px_per_m
        lines.append(((0.0, y), (float(width), y), f"{n * step:g}"))
    return lines


def _smallest(size_px: tuple[int, int]) -> dict[str, object]:
    """The tables of a scene that holds nothing, and is right."""
    order = {"source": "none", "valid_from": "2026-01-01T00:00:00Z", "valid_until": "2027-01-01T00:00:00Z"}
    width, height = size_px
    corners = ((0, 0), (width, 0), (width, height), (0, height))
    points = [{"px": px, "m": [float(n in (2, 3)), float(n in (1, 2))]} for n, px in enumerate(corners)]
    calibration: dict[str, object] = {
        "survey": {"points": points, "u_px": 1.0, "u_m": 0.0},
        "camera": {"along_m": 0.0, "across_m": 0.0, "up_m": 5.0, "u_m": 0.0},
        "followed": {"up_m": 0.0, "up_u_m": 0.0, "u_px": 1.0, "lasts_s": 0.0},
        "clock": {"u_ms": 0.0, "rate_u_ppm": 0.0},
    }
    named: dict[str, object] = {"name": "smallest", "law": "DE", "time_zone": "UTC", "picture_px": size_px, "surveyed": order}
    return named | {"calibration": calibration}


def _said(error: ValidationError) -> str:
    return f"{error.errors()[0]['msg'].removeprefix('Value error, ')}."


def _point(px: Array) -> Point | None:
    return (round(float(px[0]), 2), round(float(px[1]), 2)) if np.isfinite(px).all() else None


def _short(value: float) -> float:
    return round(float(value), 3)


def _list(px: Array) -> list[Point]:
    return [(round(float(x), 2), round(float(y), 2)) for x, y in px]


def _encoded(pixels: Pixels) -> bytes:
    done, data = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 92])
    assert done, "an RGB picture becomes a JPEG"
    return bytes(data.tobytes())
