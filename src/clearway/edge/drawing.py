"""A scene while it is being drawn: what a person clicked and typed, as it stands in a page's fields, so that most drafts are not
whole. `clearway.edge.board` makes of it what the page shows, and the scene.

A corner may be given in the still's pixels, in metres, or in pixels of the bird's-eye picture; the first two are kept as they
are, so that corners that were clicked move with a better survey, and surveyed ones stay.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from math import isfinite
from typing import Literal

import numpy as np
from pydantic import TypeAdapter, ValidationError

from clearway.errors import SettingsError
from clearway.scene import KNOWN_POINTS_MAX, Lens, Part, Point, Scene

DRAFT_BYTES_MAX, PARTS_MAX = 262_144, 64


@dataclass(frozen=True, slots=True)
class Drawn(Part):
    """What is drawn for one key of a part: a zone, a line of two ends, an arrow from one place to another, or a box."""

    key: str
    sort: Literal["zone", "line", "arrow", "box"]
    words: str


@dataclass(frozen=True, slots=True)
class Typed(Part):
    """What is typed for one key of a part. `choices` are the only ones, where there are any."""

    key: str
    words: str
    example: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PartKind(Part):
    """One kind of part: what is drawn and typed for it; `ordered` says that somebody must have ordered it."""

    words: str
    drawn: tuple[Drawn, ...]
    typed: tuple[Typed, ...] = ()
    ordered: bool = True


_ZONE, _TOWARDS = Drawn("zone_m", "zone", "its corners, round it"), Drawn("towards", "arrow", "which way traffic drives")
_LINE = Drawn("line_m", "line", "its two ends")
KINDS: Mapping[str, PartKind] = {
    "speed_limit": PartKind(
        "Measured stretch with its limit",
        (Drawn("stretch_m", "zone", "its corners, round it"),),
        (Typed("limit_kmh", "Limit, in km/h or the law's name for it", "50"),),
    ),
    "stop_line": PartKind(
        "Stop line",
        (_LINE, Drawn("towards", "arrow", "over the line, into the junction")),
        (Typed("signal", "The signal's name", "K1"), Typed("enters_m", "The junction begins behind the line after, m", "3")),
    ),
    "signal_head": PartKind(
        "Signal head",
        (Drawn("box_px", "box", "two opposite corners around the lamps"),),
        (Typed("signal", "The signal's name", "K1"),),
        ordered=False,
    ),
    "one_way": PartKind("One-way lane or street", (_ZONE, _TOWARDS)),
    "bus_lane": PartKind(
        "Bus lane",
        (_ZONE,),
        (
            Typed("hours", "Hours", "mon tue wed thu fri 07:00-19:00; sat 08:00-14:00"),
            Typed("exempt", "Classes that may use it", "bus taxi"),
        ),
    ),
    "no_stopping": PartKind(
        "No stopping or parking", (_ZONE, _TOWARDS), (Typed("forbids", "Forbidden is", "stopping", ("stopping", "parking")),)
    ),
    "solid_line": PartKind("Solid line", (_LINE,)),
    "forbidden_turn": PartKind(
        "Forbidden turn", (Drawn("from_m", "zone", "the zone it comes from"), Drawn("into_m", "zone", "the zone it goes into"))
    ),
    "lane": PartKind("Lane, for counting", (_ZONE, _TOWARDS), ordered=False),
    "crossing": PartKind("Crossing for people, for counting", (_ZONE,), ordered=False),
}
CORNERS_OF = {"zone": (3, 32), "line": (2, 2), "arrow": (2, 2), "box": (2, 2)}
# Keys that are typed once for a scene, with what the page proposes.
FIELDS: Mapping[str, str] = {
    "name": "",
    "law": "DE",
    "time_zone": "Europe/Berlin",
    "surveyed.source": "",
    "surveyed.valid_from": "",
    "surveyed.valid_until": "",
    "survey.u_px": "1.0",
    "survey.u_m": "0.03",
    "rectangle.width_m": "",
    "rectangle.width_u_m": "0.05",
    "rectangle.length_m": "",
    "rectangle.length_u_m": "0.10",
    "camera.along_m": "0",
    "camera.across_m": "0",
    "camera.up_m": "",
    "camera.u_m": "0.1",
    "followed.up_m": "0.5",
    "followed.up_u_m": "0.12",
    "followed.u_px": "1.0",
    "followed.lasts_s": "0.2",
    "clock.u_ms": "2",
    "clock.rate_u_ppm": "100",
    "lens.k1": "0",
    "lens.k2": "0",
    "lens.focal_px": "",
    "lens.centre_x_px": "",
    "lens.centre_y_px": "",
    "lens.u_px": "0",
}


@dataclass(frozen=True, slots=True)
class Corner(Part):
    """One place that was clicked or typed: in exactly one of the three ways."""

    px: Point | None = None
    m: Point | None = None
    map: Point | None = None


@dataclass(frozen=True, slots=True)
class DraftPoint(Part):
    """A known point: where it was clicked, and its metres as they were typed."""

    px: Point
    along: str = ""
    across: str = ""


@dataclass(frozen=True, slots=True)
class DraftPart(Part):
    kind: str
    name: str
    drawn: dict[str, tuple[Corner, ...]]
    typed: dict[str, str]


@dataclass(frozen=True, slots=True)
class Draft(Part):
    """What a person clicked and typed so far. `by` says how the road was measured: point by point, or by a lane's width and the
    length from dash to dash, whose four corners are the points."""

    typed: dict[str, str]
    points: tuple[DraftPoint, ...] = ()
    parts: tuple[DraftPart, ...] = ()
    by: Literal["points", "rectangle"] = "points"


_DRAFT = TypeAdapter(Draft)


def draft_of(data: bytes) -> Draft:
    """The draft in that JSON. SettingsError where it is none, which only a page that is not ours sends."""
    try:
        draft = _DRAFT.validate_json(data[: DRAFT_BYTES_MAX + 1])
    except ValidationError as error:
        at = ".".join(map(str, error.errors()[0]["loc"]))
        raise SettingsError(f"the page sent something that is no draft, at {at!r}.", remedy="load the page again.") from None
    if len(data) > DRAFT_BYTES_MAX or len(draft.points) > KNOWN_POINTS_MAX or len(draft.parts) > PARTS_MAX:
        raise SettingsError("the draft is too large.", remedy=f"a survey has at most {KNOWN_POINTS_MAX} points.")
    return draft


def draft_from(scene: Scene) -> Draft:
    """The draft that draws that scene again; its corners stay the metres that they were."""
    calibration = scene.calibration
    survey = calibration.survey
    typed = dict(FIELDS) | {
        "name": scene.name,
        "law": scene.law,
        "time_zone": scene.time_zone,
        "surveyed.source": scene.surveyed.source,
        "surveyed.valid_from": _day(scene.surveyed.valid_from),
        "surveyed.valid_until": _day(scene.surveyed.valid_until),
        "survey.u_px": _figure(survey.u_px),
        "survey.u_m": _figure(survey.u_m),
    }
    for table, part in (("camera", calibration.camera), ("followed", calibration.followed), ("clock", calibration.clock)):
        typed |= {f"{table}.{key}": _figure(value) for key, value in asdict(part).items()}
    typed |= typed_lens(calibration.lens)
    by: Literal["points", "rectangle"] = "points"
    if survey.width_u_m or survey.length_u_m:
        by = "rectangle"
        metres = np.array([point.m for point in survey.points])
        typed |= {"rectangle.length_m": _figure(np.ptp(metres[:, 0])), "rectangle.width_m": _figure(np.ptp(metres[:, 1]))}
        typed |= {"rectangle.width_u_m": _figure(survey.width_u_m), "rectangle.length_u_m": _figure(survey.length_u_m)}
    points = tuple(DraftPoint(point.px, _figure(point.m[0]), _figure(point.m[1])) for point in survey.points)
    return Draft(typed, points, tuple(_drafted_parts(scene)), by)


def typed_lens(lens: Lens) -> dict[str, str]:
    """That lens as the page's fields have it; none where it bends nothing."""
    if lens == Lens():
        return {}
    figures = {key: getattr(lens, key) for key in ("k1", "k2", "focal_px", "u_px")}
    figures |= dict(zip(("centre_x_px", "centre_y_px"), lens.centre_px, strict=True))
    return {f"lens.{key}": _figure(value) for key, value in figures.items()}


def _drafted_parts(scene: Scene) -> list[DraftPart]:
    parts: list[DraftPart] = []
    for kind, rule in KINDS.items():
        given = getattr(scene, kind)
        for part in given if isinstance(given, tuple) else (given,) if given is not None else ():
            drawn: dict[str, tuple[Corner, ...]] = {}
            typed: dict[str, str] = {}
            for one in rule.drawn:
                value = getattr(scene.calibration if one.key == "stretch_m" else part, one.key)
                drawn[one.key] = _corners(one.sort, value, drawn)
            for each in rule.typed:
                typed[each.key] = _as_typed(each.key, getattr(part, each.key))
            if rule.ordered:
                order = part.order
                typed |= {"source": order.source, "valid_from": _day(order.valid_from), "valid_until": _day(order.valid_until)}
            parts.append(DraftPart(kind, getattr(part, "name", "measured stretch"), drawn, typed))
    return parts


def _corners(sort: str, value: tuple[object, ...], before: Mapping[str, tuple[Corner, ...]]) -> tuple[Corner, ...]:
    if sort == "box":
        left, top, right, bottom = value
        return Corner(px=(left, top)), Corner(px=(right, bottom))  # type: ignore[arg-type]  # a box is four numbers
    if sort == "arrow":
        # A direction has no place, so the arrow starts in the middle of what was drawn before it.
        places = np.array([corner.m for corners in before.values() for corner in corners])
        start, along = places.mean(axis=0), np.array(value, float)
        end = start + along * max(3.0, float(np.ptp(places, axis=0).max()) / 4) / float(np.hypot(*along))
        return Corner(m=(float(start[0]), float(start[1]))), Corner(m=(float(end[0]), float(end[1])))
    return tuple(Corner(m=place) for place in value)  # type: ignore[arg-type]  # a zone and a line are places


def _as_typed(key: str, value: object) -> str:
    if key == "hours":
        return "; ".join(f"{' '.join(each.days)} {each.start}-{each.end}" for each in value)  # type: ignore[attr-defined]
    if key == "exempt":
        return " ".join(value)  # type: ignore[arg-type]
    return value if isinstance(value, str) else _figure(value)  # type: ignore[arg-type]


def _figure(value: float) -> str:
    return f"{float(value):.6f}".rstrip("0").rstrip(".") or "0"


def _day(at: datetime) -> str:
    at = at.astimezone(UTC)
    return f"{at:%Y-%m-%d}" if at.time() == datetime.min.time() else at.isoformat().replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Problem:
    """What is not right yet, and where: "points", "field KEY", "part N" (from 0)."""

    at: str
    words: str


def typed_value(each: Typed, text: str, called: str, at: str, problems: list[Problem]) -> object:
    text = text.strip()
    if not text:
        problems.append(Problem(at, f"{called}: type {each.words[0].lower()}{each.words[1:]}, such as {each.example!r}."))
        return text
    if each.key == "limit_kmh":
        number = parsed(text)
        return text if number is None else number
    if each.key == "enters_m":
        number = parsed(text)
        if number is None:
            problems.append(Problem(at, f"{called}: {text!r} is no number of metres."))
        return number
    if each.key == "exempt":
        return text.replace(",", " ").split()
    if each.key == "hours":
        spans = [words.replace(",", " ").split() for words in text.split(";") if words.strip()]
        return [{"days": days, "start": span.partition("-")[0], "end": span.partition("-")[2]} for *days, span in spans]
    return text


def order_of(typed: Mapping[str, str], prefix: str, called: str, at: str, problems: list[Problem]) -> dict[str, object]:
    order: dict[str, object] = {"source": typed.get(f"{prefix}source", "").strip()}
    place = f"{at}source" if at.endswith(".") else at
    if len(str(order["source"])) < 3:
        problems.append(Problem(place, f"{called}: type the source, who measured or ordered it."))
    for key in ("valid_from", "valid_until"):
        place = f"{at}{key}" if at.endswith(".") else at
        text = typed.get(f"{prefix}{key}", "").strip()
        try:
            when = datetime.fromisoformat(text)
            order[key] = (when if when.tzinfo else when.replace(tzinfo=UTC)).isoformat()
        except ValueError:
            problems.append(Problem(place, f"{called}: {key.replace('_', ' ')} is a day such as 2026-11-25."))
    return order


def table_of(draft: Draft, table: str, problems: list[Problem]) -> dict[str, float | None]:
    keys = [key.partition(".")[2] for key in FIELDS if key.startswith(f"{table}.")]
    return {key: number_of(draft, f"{table}.{key}", problems) for key in keys}


def number_of(draft: Draft, key: str, problems: list[Problem]) -> float | None:
    text = draft.typed.get(key, FIELDS[key]).strip()
    number = parsed(text)
    if number is None:
        at = Problem(f"field {key}", f"{key}: {f'{text!r} is no number' if text else 'type a number'}.")
        if at not in problems:
            problems.append(at)
    return number


def parsed(text: str) -> float | None:
    """The number, with a point or a comma; None where it is none."""
    try:
        number = float(text.strip().replace(",", "."))
    except ValueError:
        return None
    return number if isfinite(number) and abs(number) < 1e7 else None
