"""An exhibit's claim, derived once more from the evidence inside it.

    readings.json → what the manifest says of each reading → the fused plate → what the registers answer ↘
    scene.toml, law.toml, places of the plate → where the vehicle was, what was measured →→→→→→→→→→→→→→→→→→→ the finding

Each step goes on with what came out of the one before, through the same functions that made the exhibit, and what comes out is
compared with what the exhibit says: to the last bit where program and processor family are the same. What cannot be derived,
because the exhibit rightly holds no more of it, is named and said to be so. Nothing here asks who sealed it: that is `verify`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from math import inf, isfinite
from pathlib import Path
from typing import Any

import numpy as np

from clearway.check import hotlist, register
from clearway.check.lists import Loaded
from clearway.edge.pipeline import STANDING
from clearway.edge.scenes import parse_law, parse_scene
from clearway.edge.surveyed import SurveyedView
from clearway.errors import ExhibitError, SettingsError
from clearway.evidence import canonical
from clearway.evidence.bundle import MANIFEST
from clearway.evidence.manifest import FIRST_READINGS_FORMAT, NONE, READINGS, READINGS_FORMAT, claim
from clearway.evidence.verify import contents, verify
from clearway.facts import (
    Answer,
    Box,
    Drive,
    Finding,
    Kind,
    Lamp,
    Light,
    Measurement,
    Passage,
    Plate,
    Reading,
    Record,
    Sighting,
)
from clearway.plates import ALPHABET, PLACE
from clearway.ports import Register, Rule
from clearway.rules.judging import judge
from clearway.rules.no_plate import CAMERA, NoPlate
from clearway.rules.papers import Papers
from clearway.rules.wanted import Wanted
from clearway.track.fusion import fuse
from clearway.track.tracker import READINGS_MAX, SIGHTINGS_MAX

# No plate is longer; what is longer is no reading, and would take its time to lay upon others.
PLACES_MAX = 64
# Versions of the exhibit that claim less than those after them.
_SAY_LESS = {"clearway-exhibit/1", "clearway-exhibit/2"}
# Doubles that went through other instructions in another order differ in their last few of 53 bits.
ROUNDING = 1e-9
# Which of the verifier's steps say that the exhibit is whole; the others ask who sealed it.
_WHOLE = 4
# How sure a register must be is a setting, which is not in the exhibit; that it is more than a half holds for each.
_P_MIN, _FRESH_DAYS = 0.500001, 36_500.0


class Outcome(StrEnum):
    SAME = "the same"
    ROUNDED = "the same but for rounding"
    DIFFERS = "DIFFERS"
    NOT_DERIVED = "not derived"


@dataclass(frozen=True, slots=True)
class Step:
    """One numbered step; `words` say from what it was derived and what came out, or why it could not be."""

    number: int
    title: str
    outcome: Outcome
    words: str


@dataclass(slots=True)
class _Case:
    """What the exhibit says, and what came out so far."""

    said: dict[str, Any]
    files: Mapping[str, bytes]
    readings: dict[str, Any]
    knows_p_whole: bool
    sightings: tuple[Sighting, ...]
    plate: Plate | None = None
    records: tuple[Record, ...] = ()
    rules: tuple[Rule, ...] = (Wanted(), Papers())
    drive: Drive | None = None

    def passage(self) -> Passage:
        of = self.said["passage"]
        return Passage(of["id"], of["camera"], self.sightings, float(of["clock"]["error_ms"]), self.plate, self.drive)

    def derived(self, key: str, finding: Finding | None = None) -> object:
        """What a manifest would say under that key."""
        # Before there is a finding, one of something that nobody measured: what it says itself is not asked for.
        nothing = (Measurement("none", 0.0, 0.0, "none", "none"),)
        one = finding or Finding("none", self.passage(), "none", 0.0, "none", self.records, (0,), nothing)
        return canonical.loads(canonical.dumps(claim(one, self.said["passage"]["clock"]["source"])[key]))


def replay(path: Path) -> tuple[Step, ...]:
    """Every step, always all of them, on the exhibit at `path`.

    ExhibitError where its files are not those that its manifest names, or do not say what can be replayed.
    """
    if failed := [step for step in verify(path, {}).steps[:_WHOLE] if not step.passed]:
        raise ExhibitError(
            f"{path} is no whole exhibit: {failed[0].words}.", remedy="ask its sender for an intact copy; do not use this one."
        )
    try:
        case = _opened(contents(path))
        steps = []
        for number, (title, derive) in enumerate(_STEPS.items(), start=1):
            outcome, words = derive(case)
            # What a stranger wrote may hold what moves a terminal's cursor.
            shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in words)
            steps.append(Step(number, title, outcome, shown))
        return tuple(steps)
    except (AssertionError, KeyError, IndexError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise ExhibitError(
            f"{path} is whole, but does not say what can be replayed ({type(error).__name__}).",
            remedy="check it with `clearway verify`; replay it with the version of Clearway that `made_with` names.",
        ) from error


def _opened(files: Mapping[str, bytes]) -> _Case:
    said, kept = canonical.loads(files[MANIFEST]), canonical.loads(files[READINGS])
    if not isinstance(said, dict) or not isinstance(kept, dict):
        raise TypeError
    if kept["format"] not in (READINGS_FORMAT, FIRST_READINGS_FORMAT) or len(kept["readings"]) > SIGHTINGS_MAX:
        raise ValueError
    readings = {line["frame"]: _reading(line) for line in kept["readings"]}
    sightings = []
    for line in said["readings"]:
        box = Box(*(float(edge) for edge in line["plate_px"]))
        # Of the vehicle's own place the exhibit keeps what it shows; no rule asks for more of it than of its plate.
        sightings.append(
            Sighting(line["frame"], _time(line["at"]), Kind.VEHICLE, box, 1.0, plate_box=box, reading=readings.get(line["frame"]))
        )
    if not sightings:  # it showed no plate: what is known of its place is where it is shown
        stills = [still for still in said["shown"]["stills"] if still["region_px"] is not None]
        boxes = [Box(*(float(edge) for edge in still["region_px"])) for still in stills]
        seen = [Sighting(one["frame"], _time(one["at"]), Kind.VEHICLE, box, 1.0) for one, box in zip(stills, boxes, strict=True)]
        sightings = sorted(seen, key=lambda sighting: sighting.captured_at)
    return _Case(said, files, readings, kept["format"] == READINGS_FORMAT, tuple(sightings))


def _reading(line: Mapping[str, Any]) -> Reading:
    rows = np.zeros((len(line["p_characters"]), len(ALPHABET)))
    if len(rows) > PLACES_MAX:
        raise ValueError
    for row, candidates in zip(rows, line["p_characters"], strict=True):
        for character, p in candidates.items():
            row[PLACE[character]] = p
    if set(line["text"]) - set(ALPHABET):
        raise ValueError
    return Reading(line["text"], rows, float(line["legibility"]), line["region"], float(line.get("p_whole", 1.0)))


def _readings(case: _Case) -> tuple[Outcome, str]:
    if not case.said["readings"] and not case.readings:
        return Outcome.SAME, "there is none: no plate was read in any picture"
    count = len(case.sightings)
    if any(sighting.reading is None for sighting in case.sightings) or count != len(case.readings):
        return Outcome.DIFFERS, f"{READINGS} and {MANIFEST} do not name the same frames"
    outcome, words = _compared(case, "readings")
    return outcome, f"{count} readings, from every character's probability in {READINGS}{words}"


def _fused(case: _Case) -> tuple[Outcome, str]:
    readings = [sighting.reading for sighting in case.sightings if sighting.reading is not None]
    case.plate = fuse(_kept(readings))
    outcome, words = _compared(case, "plate")
    if outcome is Outcome.DIFFERS and not case.knows_p_whole:
        return Outcome.NOT_DERIVED, f"its {READINGS} is of the first format, which does not say how surely each plate was whole"
    if outcome is Outcome.DIFFERS and len(readings) > SIGHTINGS_MAX // 2:
        return Outcome.NOT_DERIVED, f"the vehicle stayed so long that of its readings a sample of {len(readings)} was kept"
    if not readings:
        return outcome, f"no plate, from no reading{words}"
    votes = case.plate.votes if case.plate is not None else 0
    return outcome, f"one plate from {votes} of them, those that count most{words}"


def _kept(readings: Sequence[Reading]) -> list[Reading]:
    """The readings that a tracker fuses: the READINGS_MAX that are worth most, among equals the later, in their order."""
    worth = sorted(range(len(readings)), key=lambda place: (readings[place].p * readings[place].legibility, place))
    return [readings[place] for place in sorted(worth[-READINGS_MAX:])]


def _records(case: _Case) -> tuple[Outcome, str]:
    told, asked = [], []
    for line in case.said["records"]:
        record = _record(line)
        if record.entry and case.plate is not None:
            try:
                record = _register(record).ask(case.plate, record.asked_at, case.passage().clock_error_ms)
            except (KeyError, ValueError, AssertionError):
                return Outcome.DIFFERS, f"no {record.register[:40]!r} could have answered from the entry in here"
            asked.append(record.register)
        told.append(record)
    case.records = tuple(told)
    outcome, words = _compared(case, "records")
    if not told:
        return Outcome.SAME, "the finding rests on no register"
    if not asked and all(record.register == CAMERA for record in told):
        return Outcome.NOT_DERIVED, "how many vehicles before it showed a plate: nothing else is kept of them"
    if not asked:
        return Outcome.NOT_DERIVED, "an answer without an entry rests on the whole list, which is not in here"
    return outcome, f"{', '.join(asked)}, asked again with the one entry that is in here; the list itself is not{words}"


def _register(record: Record) -> Register:
    """The register that gave the record, with the one entry that is known of its list."""
    if record.data_as_of is None or any(set("\t\n") & set(value) for value in record.entry.values()):
        raise ValueError
    # The line's own plate is what the list looks up, whichever way a register spelled it.
    text = record.entry["plate"]
    loaded = Loaded(record.data_as_of, tuple(record.entry), {text: "\t".join(record.entry.values())}, record.list_sha256)
    match record.register:
        case hotlist.NAME:
            return hotlist.Hotlist(loaded, _P_MIN)
        case register.NAME:
            return register.RegisterExtract(loaded, _P_MIN, _FRESH_DAYS)
    raise ValueError


def _record(line: Mapping[str, Any]) -> Record:
    as_of, sha256 = line["data_as_of"], line["list_sha256"]
    return Record(
        line["register"],
        line["question"],
        Answer(line["answer"]),
        _time(line["asked_at"]),
        None if as_of is None else _time(as_of),
        float(line["p"]),
        dict(line["entry"]),
        None if sha256 == NONE else sha256,
    )


def _driven(case: _Case) -> tuple[Outcome, str]:
    if not case.said.get("surveyed"):
        return Outcome.SAME, "the finding rests on no measurement"
    try:
        scene, law = parse_scene(case.files["scene.toml"], "scene.toml"), parse_law(case.files["law.toml"], "law.toml")
        view = SurveyedView(scene, law, {})
    except SettingsError as error:
        return Outcome.DIFFERS, f"its own scene or law is refused: {error.happened}"
    case.rules += view.rules
    case.drive = view.driven(case.passage(), tuple(map(_lamp, case.said["drive"]["signals"]))).drive
    if case.drive is None:
        return Outcome.DIFFERS, "the survey was not in force when the vehicle passed"
    outcome, words = _compared(case, "drive")
    count = len(case.drive.waypoints)
    lamps = "; what the signals showed is taken as it was read" if case.drive.lamps else ""
    return outcome, f"{count} places, from the survey in scene.toml and where the plate was in each picture{lamps}{words}"


def _lamp(line: Mapping[str, Any]) -> Lamp:
    times = _time(line["from_at"]), _time(line["until_at"])
    return Lamp(line["signal"], Light(line["light"]), *times, float(line["clock_error_ms"]))


def _found(case: _Case) -> tuple[Outcome, str]:
    name, part = case.said["finding"]["rule"], case.said["finding"].get("part", NONE)
    if name in STANDING:
        return (
            Outcome.NOT_DERIVED,
            "who stood ahead of it is told nowhere: that was a look at other vehicles, of which nothing is kept",
        )
    if name == NoPlate.name:
        if case.readings:
            return Outcome.DIFFERS, "a plate was read on it"
        return (
            Outcome.NOT_DERIVED,
            "that nothing was seen follows from nothing that was kept: look for a plate in the pictures yourself",
        )
    rules = [rule for rule in case.rules if rule.name == name]
    if not rules:
        return Outcome.NOT_DERIVED, f"this program has no rule {name[:40]!r}, or the exhibit has no scene for it"
    found = list(judge(rules, case.passage(), case.records))
    if not found:
        return Outcome.DIFFERS, f"the rule {name!r} finds nothing"
    # A scene may have several bus lanes, and a rule for each.
    finding = next((one for one in found if one.part == part), found[0])
    outcome, words = _compared(case, "finding", finding)
    return outcome, f"by the rule {name!r}, from what came out above{words}"


def _pictures(case: _Case) -> tuple[Outcome, str]:
    return Outcome.NOT_DERIVED, (
        "how each frame was read: a reader saw the camera's picture, of which nothing is kept but what is shown. Look at the "
        "stills yourself"
    )


def _compared(case: _Case, key: str, finding: Finding | None = None) -> tuple[Outcome, str]:
    """How what was derived under that key compares with what is said, and the words that tell where they differ."""
    said, derived = case.said[key], case.derived(key, finding)
    if case.said["format"] in _SAY_LESS and isinstance(said, dict) and isinstance(derived, dict):
        # Versions before these say less.
        derived = {name: value for name, value in derived.items() if name in said}
    differences = list(_differences(said, derived, key))
    if not differences:
        return Outcome.SAME, ""
    largest = max(apart for _, apart in differences)
    if largest <= ROUNDING:
        return Outcome.ROUNDED, f"; {len(differences)} numbers differ, by {largest:.0e} at most: another processor or library"
    places = [place for place, apart in differences if apart > ROUNDING]
    return Outcome.DIFFERS, f"; what comes out is otherwise in {len(places)} places, first in {places[0][:80]}"


def _differences(said: object, derived: object, at: str) -> Iterator[tuple[str, float]]:
    """Where they differ, and by how much of the larger: infinite where it is no number."""
    if isinstance(said, dict) and isinstance(derived, dict):
        for key in sorted(said.keys() | derived.keys()):
            if key not in said or key not in derived:
                yield f"{at}.{key}", inf
            else:
                yield from _differences(said[key], derived[key], f"{at}.{key}")
    elif isinstance(said, list) and isinstance(derived, list):
        if len(said) != len(derived):
            yield at, inf
        for place, (one, other) in enumerate(zip(said, derived, strict=False)):
            yield from _differences(one, other, f"{at}[{place}]")
    elif type(said) is not bool and isinstance(said, int | float) and isinstance(derived, int | float):
        if said != derived:
            yield at, abs(said - derived) / max(abs(said), abs(derived)) if isfinite(said) and isfinite(derived) else inf
    elif said != derived:
        yield at, inf


def _time(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if canonical.rfc3339(at) != text:
        raise ValueError
    return at


_STEPS: dict[str, Callable[[_Case], tuple[Outcome, str]]] = {
    "What each frame's picture says": _pictures,
    "What the manifest says of each reading": _readings,
    "The plate that the readings say together": _fused,
    "What the registers answered": _records,
    "Where the vehicle was": _driven,
    "The finding": _found,
}
