"""The hot list: which plates an authority looks for, why, on whose word and until when.

A reason comes from a closed list, an entry ends by itself, and a question about a vehicle is answered from memory.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from clearway.check import lists
from clearway.check.match import matches
from clearway.errors import ListError
from clearway.facts import Answer, Plate, Record
from clearway.ports import Signer

NAME, QUESTION = "hotlist", "listed"
FILE_NAME = "hotlist.cwl"
PAYLOAD_TYPE = "application/vnd.clearway.hotlist+json"
HEADER = ("plate", "region", "class", "reason", "source", "case", "issued", "verified", "expires")
MATCH_P_MIN = 0.9


class Reason(StrEnum):
    """Why a vehicle may be looked for; nothing else may be a reason. In order of urgency: a life, a crime, the road.

    Each is a purpose of policing a road. Debts, credit, social conduct, opinions, journeys and acquaintances are none, and a
    list that names one is refused.
    """

    MISSING_PERSON = "missing person at risk"
    WANTED = "wanted in an investigation"
    STOLEN = "stolen"
    CLONED_PLATE = "cloned plate"
    STOLEN_PLATE = "stolen plate"
    COURT_ORDER = "court order"
    UNREGISTERED = "unregistered"
    UNINSURED = "uninsured"
    UNSAFE = "not safe for the road"


PURPOSES: Mapping[Reason, str] = {
    Reason.MISSING_PERSON: "to find somebody whose life or health is in danger",
    Reason.WANTED: "to find a vehicle that an investigating authority seeks for a crime under a case number",
    Reason.STOLEN: "to give a vehicle back to its owner",
    Reason.CLONED_PLATE: "to free a keeper from the deeds of whoever copied the plate",
    Reason.STOLEN_PLATE: "to take a plate off the road that belongs to another vehicle",
    Reason.COURT_ORDER: "to carry out what a judge ordered about this vehicle",
    Reason.UNREGISTERED: "to keep vehicles off the road that nobody answers for",
    Reason.UNINSURED: "to keep vehicles off the road whose victims nobody would compensate",
    Reason.UNSAFE: "to keep vehicles off the road that failed their technical inspection or were laid up by it",
}
_URGENCY = {reason.value: place for place, reason in enumerate(Reason)}


class Hotlist:
    """The Register "hotlist", which answers "listed". Where no list was ever published it answers UNKNOWN.

    YES where one entry in force is about this vehicle with at least `match_p_min`; NO where plates that are not listed
    have as much; UNKNOWN otherwise, and then without an entry: it would tell of somebody else's vehicle.

    Plates of two countries may share a spelling. The region that was read is a guess from the format, so it only chooses
    between entries; the officer sees which country the entry means.
    """

    name = NAME

    def __init__(self, loaded: lists.Loaded | None, match_p_min: float = MATCH_P_MIN) -> None:
        assert 0.5 < match_p_min <= 1.0, "two vehicles cannot both match"
        self._list = loaded
        self._match_p_min = match_p_min

    def ask(self, plate: Plate, asked_at: datetime, clock_error_ms: float) -> Record:
        held = self._list
        if held is None:
            return Record(NAME, QUESTION, Answer.UNKNOWN, asked_at, None)
        latest = lists.clock_error(clock_error_ms)

        def in_force(text: str) -> list[dict[str, str]]:
            return [entry for entry in held.entries(text) if _time(entry["expires"]) - asked_at > latest]

        found = matches(plate, lambda text: bool(in_force(text)))
        if found.listed and found.listed[0][1] >= self._match_p_min:
            text, p = found.listed[0]
            entry = min(in_force(text), key=lambda each: (each["region"] != plate.region, _URGENCY[each["reason"]]))
            return Record(NAME, QUESTION, Answer.YES, asked_at, held.published_at, p, entry, held.sha256)
        answer = Answer.NO if found.p_unlisted >= self._match_p_min else Answer.UNKNOWN
        return Record(NAME, QUESTION, answer, asked_at, held.published_at, list_sha256=held.sha256)


def publish(csv_bytes: bytes, lists_folder: Path, signer: Signer, now: datetime) -> lists.Publication:
    """Puts the list of a CSV in force, whole; entries that expired by `now` are left out.

    ListError names the first faults by line. Whatever is raised, the list that was in force still is.
    """
    lines, expired = parse(csv_bytes, now)
    count = lists.keep(lines, HEADER, lists_folder / FILE_NAME, PAYLOAD_TYPE, signer, now)
    return lists.Publication(count, expired, now)


def load(lists_folder: Path, public_keys: dict[str, bytes], match_p_min: float = MATCH_P_MIN) -> Hotlist:
    """The hot list in force; `public_keys` maps key ids to raw keys. ListError where it is damaged or a stranger signed it."""
    path = lists_folder / FILE_NAME
    loaded = lists.load(path, HEADER, PAYLOAD_TYPE, public_keys)
    if loaded is not None and not all(map(_answerable, loaded.lines.values())):
        raise ListError(
            f"the list {path} was signed, but gives reasons or times that this version of Clearway does not know.",
            remedy="publish the list again from its CSV; until then nothing is answered from it.",
        )
    return Hotlist(loaded, match_p_min)


def parse(csv_bytes: bytes, now: datetime) -> tuple[dict[str, str], int]:
    """The entries in force at `now` as lines by canonical plate (see `lists.Loaded`), and how many had expired."""
    faults = lists.Faults()
    lines: dict[str, str] = {}
    expired = 0
    for number, fields in lists.rows(csv_bytes, HEADER, "hot list", faults):
        text = lists.plate_text(fields[0])
        sin = _PLATE_SIN if text is None else _sin(fields)
        if text is None or sin:
            faults.add(number, sin)
        elif _time(fields[8]) <= now:
            expired += 1
        else:
            fields[0] = text
            if _has_case(lines.get(text), fields):
                faults.add(number, "the same plate under the same region, case and reason as an earlier line")
            elif not lists.add_line(lines, text, "\t".join(fields)):
                faults.add(number, f"more than {lists.ENTRIES_PER_PLATE_MAX} entries for one plate")
    faults.refuse_any("hot list", advice=f" A reason is one of: {', '.join(Reason)}.")
    if expired and not lines:
        raise ListError(
            f"an expired list: all {expired:,} entries of the hot list had expired.",
            remedy="ask its publisher for a current one; until then the list in force stays.",
        )
    return lines, expired


_PLATE_SIN = "a plate that is empty, too long, or holds a character that no plate has"


def _sin(fields: list[str]) -> str:
    """What is wrong with an entry; an empty string where nothing is. Never what stands in it."""
    _, _, _, reason, source, case, issued, verified, expires = fields
    if reason not in _URGENCY:
        return "no reason" if not reason else "a reason that is not on the list of reasons"
    if not expires:
        return "no expiry"
    if not source or not case:
        return "no source" if not source else "no case"
    begins, ends = lists.time_of(issued), lists.time_of(expires)
    if begins is None:
        return "an issue time that is not RFC 3339 with an offset"
    if ends is None:
        return "an expiry that is not RFC 3339 with an offset"
    if verified and lists.time_of(verified) is None:
        return "a verification time that is not RFC 3339 with an offset"
    return "" if begins < ends else "an expiry that is not after its issue"


def _has_case(joined: str | None, fields: list[str]) -> bool:
    """Whether these lines hold one of the same region, case and reason already."""
    if joined is None:
        return False
    earlier = (line.split("\t") for line in joined.split("\n"))
    return any((one[1], one[3], one[5]) == (fields[1], fields[3], fields[5]) for one in earlier)


def _time(text: str) -> datetime:
    at = lists.time_of(text)
    assert at is not None, "times are checked before they come here"
    return at


def _answerable(joined: str) -> bool:
    """Whether entries of a signed list have the times and reasons that an answer needs."""
    fields = [line.split("\t") for line in joined.split("\n")]
    return all(one[3] in _URGENCY and lists.time_of(one[8]) is not None for one in fields)
