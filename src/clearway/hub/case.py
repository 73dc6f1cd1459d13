"""What an exhibit says, read from its ZIP and checked before a word of it is believed."""

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.x509 import Certificate

from clearway.errors import ExhibitError
from clearway.evidence.bundle import MANIFEST, TOTAL_BYTES_MAX, Bundle, BundleError, opened
from clearway.evidence.verify import Report, verify

CLIP = "clip.mp4"
# The pictures of what was measured, and what each is called.
MOMENTS = {"before": "Before", "at": "At", "after": "After"}
UNKNOWN = "unknown"
AROUND_SKETCH = 0.05  # how much is shown above all that is drawn, as a share of the picture's height
AROUND_PLATE = 0.4  # how much is shown around the enlarged plate, as a share of its width
# W3C, PNG (third edition), section 11.2.1: IHDR stands first, its width and height at byte 16.
_PNG_SIZE = struct.Struct(">16x2I")


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a picture, in its pixels."""

    left_px: float
    top_px: float
    width_px: float
    height_px: float


@dataclass(frozen=True, slots=True)
class Still:
    """One sealed picture: where in it the vehicle is, and what is enlarged: its plate, or its middle if none was read."""

    number: int
    at: datetime
    width_px: int
    height_px: int
    vehicle: Window
    close: Window

    @property
    def name(self) -> str:
        return f"still-{self.number}.png"


@dataclass(frozen=True, slots=True)
class MachineReading:
    """What the reader made of one frame: each character with its probability."""

    at: datetime
    characters: tuple[tuple[str, float], ...] = field(repr=False)
    p: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What one list or register said. `entry` is the line that answered, as it was published."""

    register: str
    question: str
    answer: str
    p: float
    data_as_of: datetime | None
    entry: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Moment:
    """One picture of what was measured, with the measurement drawn on it; `window` is the part of it that says something.
    `filmed` says that all of the signal's heads are shown in it as they were filmed."""

    name: str
    at: datetime
    width_px: int
    height_px: int
    window: Window
    filmed: bool

    @property
    def title(self) -> str:
        return MOMENTS[self.name]


@dataclass(frozen=True, slots=True)
class Measured:
    """What the rule measured: `value`, uncertain by `uncertainty` (k = 2 or more); all of that lies beyond `asked_beyond`."""

    name: str
    value: float
    uncertainty: float
    unit: str
    method: str
    limit: float
    limit_source: str
    tolerance: float
    tolerance_source: str

    @property
    def low(self) -> float:
        return self.value - self.uncertainty

    @property
    def high(self) -> float:
        return self.value + self.uncertainty

    @property
    def asked_beyond(self) -> float:
        return self.limit + self.tolerance

    @property
    def beyond(self) -> float:
        """How far even the end of the interval that favours the driver lies beyond limit and tolerance."""
        return self.low - self.asked_beyond


@dataclass(frozen=True, slots=True)
class Match:
    """What an officer may see only after their own reading: the plate, and why it was found."""

    plate: str = field(repr=False)  # the list's spelling; "" where the vehicle showed none
    p: float
    because: str
    read_text: str = field(repr=False)  # the machine's own, fused from `votes` readings; "" where it read none
    read_p: float
    votes: int
    runners_up: tuple[tuple[str, float], ...] = field(repr=False)
    readings: tuple[MachineReading, ...] = field(repr=False)
    answers: tuple[Answer, ...]
    measured: Measured | None = None
    moments: tuple[Moment, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """One exhibit. Where it does not verify, `match` is None, `stills` is empty and the words about it are "unknown"."""

    id: str
    path: Path
    report: Report
    rule: str = UNKNOWN
    camera: str = UNKNOWN
    first_at: datetime | None = None
    last_at: datetime | None = None
    sealed_at: datetime | None = None
    gone_by: datetime | None = None  # None also where its sealer named no time
    clock_source: str = UNKNOWN
    clock_error_ms: float | None = None
    stills: tuple[Still, ...] = ()
    sha256_by_name: Mapping[str, str] = field(default_factory=dict, repr=False)
    match: Match | None = field(default=None, repr=False)

    @property
    def verified(self) -> bool:
        return self.report.passed

    @property
    def has_clip(self) -> bool:
        return CLIP in self.sha256_by_name

    def picture(self, name: str, source: Path | bytes) -> bytes | None:
        """The bytes of a still or the clip, exactly those that were sealed; None where there is no such picture. `source` is the
        exhibit's ZIP."""
        moments = self.match.moments if self.match is not None else ()
        known = {CLIP, *(still.name for still in self.stills), *(f"{moment.name}.png" for moment in moments)}
        if name not in known or name not in self.sha256_by_name:
            return None
        try:
            with opened(source) as bundle:
                if bundle.members[name].sha256 != self.sha256_by_name[name]:
                    raise changed()
                return bundle.read(name, TOTAL_BYTES_MAX)
        except (BundleError, KeyError):
            raise changed() from None


def changed() -> ExhibitError:
    return ExhibitError("the exhibit changed while it was being shown.", remedy="open the case again and see its checks.")


def open_case(
    path: Path, trusted: Mapping[str, bytes], authorities: Sequence[Certificate] = (), content: bytes | None = None
) -> Case:
    """The exhibit at `path`, or of `content`, which then `path` only names, verified against the `trusted` keys and timestamp
    `authorities`. Never raises: what is wrong stands in its report."""
    report = verify(path, trusted, authorities=authorities, content=content)
    if not report.passed:
        return Case(path.stem, path, report)
    try:
        with opened(path if content is None else content) as bundle:
            said = json.loads(bundle.read(MANIFEST))
            stills = tuple(_still(number, said, bundle) for number in range(1, len(said["shown"]["stills"]) + 1))
            moments = tuple(_moment(shown, said, bundle) for shown in said["shown"].get("moments", ()))
    except BundleError:  # it was changed in this very moment
        return Case(path.stem, path, verify(path, trusted, authorities=authorities, content=content))
    passage, finding = said["passage"], said["finding"]
    return Case(
        id=path.stem,
        path=path,
        report=report,
        rule=finding["rule"],
        camera=passage["camera"],
        first_at=_time(passage["first_at"]),
        last_at=_time(passage["last_at"]),
        sealed_at=_time(said["sealed_at"]),
        gone_by=_gone_by(said),
        clock_source=passage["clock"]["source"],
        clock_error_ms=passage["clock"]["error_ms"],
        stills=stills,
        sha256_by_name={file["name"]: file["sha256"] for file in said["files"]},
        match=_match(said, moments),
    )


def _still(number: int, said: Mapping[str, Any], bundle: Bundle) -> Still:
    shown = said["shown"]["stills"][number - 1]
    width_px, height_px = _PNG_SIZE.unpack_from(bundle.read(f"still-{number}.png", TOTAL_BYTES_MAX))
    left, top, right, bottom = shown["region_px"] or (0, 0, width_px, height_px)
    vehicle = Window(left, top, right - left, bottom - top)
    read_in = (reading["plate_px"] for reading in said["readings"] if reading["frame"] == shown["frame"])
    plate_px = next(read_in, None)
    return Still(
        number=number,
        at=datetime.fromisoformat(shown["at"]),
        width_px=width_px,
        height_px=height_px,
        vehicle=vehicle,
        close=(_around(plate_px, vehicle) if plate_px is not None else None) or _middle(vehicle),
    )


def _around(plate_px: Sequence[float], vehicle: Window) -> Window | None:
    """The plate with some room around it, as far as the picture shows the vehicle there."""
    left, top, right, bottom = plate_px
    room = AROUND_PLATE * (right - left)
    left, right = max(left - room, vehicle.left_px), min(right + room, vehicle.left_px + vehicle.width_px)
    top, bottom = max(top - room / 2, vehicle.top_px), min(bottom + room / 2, vehicle.top_px + vehicle.height_px)
    return Window(left, top, right - left, bottom - top) if left < right and top < bottom else None


def _middle(vehicle: Window) -> Window:
    """Half of its width. Without something to enlarge, a page would tell that no plate was read before anybody has looked."""
    return Window(vehicle.left_px + vehicle.width_px / 4, vehicle.top_px, vehicle.width_px / 2, vehicle.height_px)


def _moment(shown: Mapping[str, Any], said: Mapping[str, Any], bundle: Bundle) -> Moment:
    width_px, height_px = _PNG_SIZE.unpack_from(bundle.read(shown["file"], TOTAL_BYTES_MAX))
    drawn = said["shown"]["drawn"]
    tops = [y for line in drawn["lines"] for _, y in line["px"]] + [place["px"][1] for place in drawn["path"]]
    tops += [region[1] for region in (one["region_px"] for one in said["shown"]["moments"]) if region]
    # Above all lines and places there is nothing of use; the words stand at the bottom.
    top = min(max(0.0, min(tops, default=0.0) - AROUND_SKETCH * height_px), 0.6 * height_px)
    name = shown["file"].removesuffix(".png")
    window = Window(0, top, width_px, height_px - top)
    filmed = set(shown.get("heads", ())) == {"shown"}  # earlier formats show no head
    return Moment(name, datetime.fromisoformat(shown["at"]), width_px, height_px, window, filmed)


def _measured(finding: Mapping[str, Any]) -> Measured | None:
    for one in finding.get("measurements", ()):
        if isinstance(held := one["held_against"], dict):
            said = (one[key] for key in ("name", "value", "uncertainty", "unit", "method"))
            return Measured(*said, *(held[key] for key in ("limit", "limit_source", "tolerance", "tolerance_source")))
    return None


def _match(said: Mapping[str, Any], moments: tuple[Moment, ...]) -> Match:
    finding, plate = said["finding"], said["plate"] or {"text": "", "p": 0.0, "votes": 0, "runners_up": []}
    return Match(
        plate=finding["plate"],
        p=finding["p"],
        because=finding["because"],
        read_text=plate["text"],
        read_p=plate["p"],
        votes=plate["votes"],
        runners_up=tuple((other["text"], other["p"]) for other in plate["runners_up"]),
        readings=tuple(
            MachineReading(
                datetime.fromisoformat(reading["at"]),
                tuple(zip(reading["text"], reading["p_characters"], strict=True)),
                reading["p"],
            )
            for reading in said["readings"]
        ),
        answers=tuple(
            Answer(
                record["register"],
                record["question"],
                record["answer"],
                record["p"],
                _time(record["data_as_of"]),
                record["entry"],
            )
            for record in said["records"]
        ),
        measured=_measured(finding),
        moments=moments,
    )


def _gone_by(said: Mapping[str, Any]) -> datetime | None:
    stated = said.get("retention", {}).get("gone_by", "none")  # the first format has no such line
    return None if stated == "none" else _time(stated)


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
