"""Templates, and the few words that they say times, shares and rules in. Everything is escaped; a missing name is an error."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from clearway.hub.case import Measured
from clearway.hub.review import View
from clearway.plates import canonical
from clearway.store import NO_PLATE, Tally

RULES = {
    "wanted": "Listed vehicle",
    "papers": "Registration lapsed",
    "speed": "Faster than the limit",
    "wrong_way": "Against the direction",
    "red_light": "Through a red light",
    "stop_line": "Beyond the stop line on red",
    "bus_lane": "In a bus lane",
    "stopping": "Stopped where nobody may",
    "parking": "Parked where nobody may",
    "solid_line": "Across a solid line",
    "forbidden_turn": "A turn that is forbidden",
    "no_plate": "Vehicle without a plate",
    "unknown": "Exhibit that cannot be read",
}
# What a case is called before an officer has read it: whether it shows a plate is theirs to see.
UNREAD = dict.fromkeys(("wanted", "no_plate"), "Listed vehicle, or one without a plate")
# What the vehicle did, in one sentence; `{value}` is the measured figure with its unit.
DEEDS = {
    "speed": "It drove {value} where {limit} are allowed.",
    "wrong_way": "It drove {value} against the direction.",
    "red_light": "The signal had been red for {value} when it crossed the stop line, and it went on.",
    "stop_line": "The signal had been red for {value} when it crossed the stop line.",
    "bus_lane": "It drove {value} in the bus lane, and may not.",
    "stopping": "It stood for {value} where nobody may stop.",
    "parking": "It stood for {value} where nobody may park.",
    "solid_line": "It went {value} across a line that may not be crossed.",
    "forbidden_turn": "It took a turn that is forbidden, {value} long.",
}
REGISTERS = {"hotlist": "hot list", "register": "register"}
VERDICTS = {"confirmed": "Confirmed", "dismissed": "Dismissed"}


def moment(at: datetime | None) -> str:
    """Such as "1 Mar 2026, 12:04:31 UTC"."""
    return "time unknown" if at is None else f"{at.day} {at:%b %Y, %H:%M:%S} UTC"


def day(at: datetime | None) -> str:
    """Such as "1 Mar 2026"."""
    return "day unknown" if at is None else f"{at.day} {at:%b %Y}"


def gone_by(view: View, now: datetime) -> str:
    """When a case must be gone, and what keeps it beyond that."""
    end = view.noticed.gone_by
    if end is None:
        return "Nobody has said when it must be gone"
    if view.hold is not None and view.hold.until > max(now, end):
        return f"Must be gone by {day(end)}, but a court ({view.hold.reference}) wants it kept until {day(view.hold.until)}"
    if end > now:
        return f"Must be gone by {day(end)}, with everything about it"
    return f"Its time was over on {day(end)}: it goes once it is decided" if view.decision is None else "Its time is over"


def duration(lasted: timedelta) -> str:
    """Such as "4 min", in the largest unit that is not 0."""
    minutes = max(0, int(lasted.total_seconds())) // 60
    if minutes < 1:
        return "less than 1 min"
    if minutes < 60:
        return f"{minutes} min"
    hours = minutes // 60
    return f"{hours} h {minutes % 60} min" if hours < 48 else f"{hours // 24} days"


def share(p: float) -> str:
    """A probability in percent, never rounded up to certainty."""
    percent = 100 * p
    if p < 1 and percent >= 99.95:
        return f"{int(percent * 1000) / 1000:g} %" if percent < 99.999 else "> 99.999 %"
    return f"{percent:.1f} %" if percent >= 0.05 or p == 0 else "< 0.1 %"


def rule_name(rule: str) -> str:
    return RULES.get(rule, rule)


def unread_name(rule: str) -> str:
    return UNREAD.get(rule) or rule_name(rule)


def figure(value: float, unit: str) -> str:
    """Such as "63.4 km/h", or "50 km/h" where it is a whole number."""
    return f"{value:.0f} {unit}" if value == int(value) else f"{value:.1f} {unit}"


def deed(rule: str, measured: Measured) -> str:
    """What the vehicle did, in one sentence."""
    value, limit = f"{measured.value:.1f} {measured.unit}", figure(measured.limit, measured.unit)
    return DEEDS.get(rule, "It was measured: {value}.").format(value=value, limit=limit)


@dataclass(frozen=True, slots=True)
class Gauge:
    """The measurement on a line from 0 to 100: all of `low` to `high` lies to the right of `beyond`."""

    limit: float
    beyond: float
    low: float
    value: float
    high: float


def gauge(measured: Measured) -> Gauge:
    """Where limit, tolerance and interval lie beside each other; the line begins at 0 or a little below the limit."""
    starts = max(0.0, measured.limit - 2 * (measured.high - measured.limit))
    ends = measured.high + 0.15 * (measured.high - starts)

    def at(value: float) -> float:
        return round(100 * (value - starts) / (ends - starts), 2)

    return Gauge(*(at(one) for one in (measured.limit, measured.asked_beyond, measured.low, measured.value, measured.high)))


def register_name(register: str) -> str:
    return REGISTERS.get(register, register)


def commands(text: str) -> Markup:
    """The text, escaped, with what stands between backticks set as a command."""
    parts = text.split("`")
    return Markup("").join(Markup("<code>{}</code>").format(part) if place % 2 else part for place, part in enumerate(parts))


def camera_name(camera: str) -> str:
    return "camera unknown" if camera == "unknown" else camera


def clock_error(error_ms: float) -> str:
    """How far a clock may be off, such as "40 ms" or "1 day"."""
    if error_ms < 1000:
        return f"{error_ms:g} ms"
    seconds = error_ms / 1000
    if seconds < 120:
        return f"{seconds:g} s"
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds / 60:.0f} min"


@dataclass(frozen=True, slots=True)
class Tile:
    """One character of a plate, and whether it differs from the one at its place in the plate beside it."""

    character: str
    differs: bool


def tiles(text: str, against: str) -> tuple[Tile, ...]:
    """The canonical text, character by character, compared place by place."""
    text, against = canonical(text), canonical(against)
    return tuple(Tile(character, against[place : place + 1] != character) for place, character in enumerate(text))


@dataclass(frozen=True, slots=True)
class Bar:
    """One line of the public chart; `percent` is its length. Bars of one `kind` share a scale and a colour."""

    label: str
    count: int
    kind: str
    percent: float


def bars(tally: Tally) -> tuple[Bar, ...]:
    """The public counts, in the order of the story. Findings are few beside vehicles, so they have a scale of their own."""
    traffic = [("Vehicles passed", tally.counters.get("vehicles", 0)), ("Plates read", tally.counters.get("plates_read", 0))]
    findings = [(f"Findings: {rule_name(rule).lower()}", count) for rule, count in tally.findings.items()] or [("Findings", 0)]
    verdicts = [("Confirmed by an officer", tally.confirmed), ("Dismissed by an officer", tally.dismissed)]
    return (*_bars("traffic", traffic), *_bars("findings", findings + verdicts))


def _bars(kind: str, counts: Sequence[tuple[str, int]]) -> tuple[Bar, ...]:
    longest = max(1, *(count for _, count in counts))
    return tuple(Bar(label, count, kind, round(100 * count / longest, 2)) for label, count in counts)


_environment = Environment(
    loader=PackageLoader("clearway.hub"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
_environment.filters.update(
    moment=moment,
    day=day,
    gone_by=gone_by,
    duration=duration,
    share=share,
    clock_error=clock_error,
    camera_name=camera_name,
    commands=commands,
    rule_name=rule_name,
    unread_name=unread_name,
    register_name=register_name,
    figure=figure,
    gauge=gauge,
    verdict=VERDICTS.__getitem__,
    tiles=tiles,
)

_environment.globals.update(deed=deed, NO_PLATE=NO_PLATE)

# The words of a verification step that rests on one that failed (`evidence.verify`).
_environment.tests["untried"] = lambda words: words.startswith("not tried")


def draw(template: str, **named: object) -> str:
    """What `template` draws from `named`, as text: for a page that is a file."""
    return _environment.get_template(template).render(named)


def page(template: str, *, status: int = 200, **named: object) -> HTMLResponse:
    """The page that `template` draws from `named`; `person` may be given where somebody is signed in."""
    named = {"person": None, "now": datetime.now(UTC), **named}
    return HTMLResponse(_environment.get_template(template).render(named), status)
