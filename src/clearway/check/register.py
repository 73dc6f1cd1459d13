"""The register extract: until when vehicles are registered. It can clear a driver at any time, and accuses only of a lapse
that the register itself had seen when the extract was made."""

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from pathlib import Path

from clearway.check import lists
from clearway.check.match import matches
from clearway.errors import ListError
from clearway.facts import Answer, Plate, Record
from clearway.ports import Signer

NAME, QUESTION = "register", "registered"
FILE_NAME = "register.cwl"
PAYLOAD_TYPE = "application/vnd.clearway.register+json"
HEADER = ("plate", "valid_from", "valid_to", "class", "colour")
MATCH_P_MIN = 0.9
# An extract that is older says nothing any more: registrations are renewed every day. Our own choice, shorter than the month
# that most authorities give a keeper to renew.
FRESH_DAYS = 31.0

# A plain date names no time zone, and doubt favours the driver: a day begins where it begins first (UTC+14, Kiribati) and
# ends where it ends last (UTC-12, "anywhere on Earth" of IEEE 802.16).
_EARLIEST, _LATEST = timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_ALWAYS, _FOR_EVER = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


class RegisterExtract:
    """The Register "register", which answers "registered".

    YES where an entry is about this vehicle with at least `match_p_min` and valid at that time, also at the worst clock error.
    NO where its registration had ended by then, also at the worst clock error, and the extract was made after that end: an
    older one cannot know of a renewal. UNKNOWN otherwise: a plate that is not in the extract, one that is registered only
    later (an extract may leave earlier periods out), an extract older than `fresh_days`, no extract at all.
    """

    name = NAME

    def __init__(self, loaded: lists.Loaded | None, match_p_min: float = MATCH_P_MIN, fresh_days: float = FRESH_DAYS) -> None:
        assert 0.5 < match_p_min <= 1.0, "two vehicles cannot both match"
        self._list = loaded
        self._match_p_min = match_p_min
        self._fresh = timedelta(days=fresh_days)

    def ask(self, plate: Plate, asked_at: datetime, clock_error_ms: float) -> Record:
        if self._list is None:
            return Record(NAME, QUESTION, Answer.UNKNOWN, asked_at, None)
        published_at, sha256 = self._list.published_at, self._list.sha256
        unknown = Record(NAME, QUESTION, Answer.UNKNOWN, asked_at, published_at, list_sha256=sha256)
        found = matches(plate, self._list.lines.__contains__)
        if asked_at - published_at > self._fresh or not found.listed or found.listed[0][1] < self._match_p_min:
            return unknown
        text, p = found.listed[0]
        error = lists.clock_error(clock_error_ms)
        entries = self._list.entries(text)
        periods = [(_begin(entry["valid_from"]), _end(entry["valid_to"]), entry) for entry in entries]
        for begin, end, entry in periods:
            if asked_at - begin >= error and end - asked_at > error:
                return Record(NAME, QUESTION, Answer.YES, asked_at, published_at, p, entry, sha256)
        if any(asked_at - begin >= -error and end - asked_at >= -error for begin, end, _ in periods):
            return unknown
        lapsed = [(end, entry) for _, end, entry in periods if asked_at - end > error and end <= published_at]
        if not lapsed:
            return unknown
        _, entry = max(lapsed, key=lambda pair: pair[0])
        return Record(NAME, QUESTION, Answer.NO, asked_at, published_at, p, entry, sha256)


def publish(csv_bytes: bytes, lists_folder: Path, signer: Signer, now: datetime) -> lists.Publication:
    """Puts the extract of a CSV in force, whole; `now` is when it was made.

    ListError names the first faults by line. Whatever is raised, the extract that was in force still is.
    """
    lines = parse(csv_bytes)
    count = lists.keep(lines, HEADER, lists_folder / FILE_NAME, PAYLOAD_TYPE, signer, now)
    return lists.Publication(count, 0, now)


def load(
    lists_folder: Path, public_keys: dict[str, bytes], match_p_min: float = MATCH_P_MIN, fresh_days: float = FRESH_DAYS
) -> RegisterExtract:
    """The extract in force; `public_keys` maps key ids to raw keys. ListError where it is damaged or a stranger signed it."""
    path = lists_folder / FILE_NAME
    loaded = lists.load(path, HEADER, PAYLOAD_TYPE, public_keys)
    if loaded is not None and not all(map(_answerable, loaded.lines.values())):
        raise ListError(
            f"the list {path} was signed, but gives times that this version of Clearway does not know.",
            remedy="publish the list again from its CSV; until then nothing is answered from it.",
        )
    return RegisterExtract(loaded, match_p_min, fresh_days)


def parse(csv_bytes: bytes) -> dict[str, str]:
    """The entries as lines by canonical plate (see `lists.Loaded`). A vehicle may have several periods."""
    faults = lists.Faults()
    lines: dict[str, str] = {}
    for number, fields in lists.rows(csv_bytes, HEADER, "register extract", faults):
        text = lists.plate_text(fields[0])
        if text is None:
            faults.add(number, "a plate that is empty, too long, or holds a character that no plate has")
        elif sin := _sin(fields):
            faults.add(number, sin)
        else:
            fields[0] = text
            line = "\t".join(fields)
            if line in lines.get(text, "").split("\n"):
                faults.add(number, "the same entry as an earlier line")
            elif not lists.add_line(lines, text, line):
                faults.add(number, f"more than {lists.ENTRIES_PER_PLATE_MAX} periods for one plate")
    faults.refuse_any("register extract")
    return lines


def _sin(fields: list[str]) -> str:
    """What is wrong with an entry; an empty string where nothing is. Never what stands in it."""
    begin, end = _instant(fields[1], first=True), _instant(fields[2], first=False)
    if begin is None or (begin == _ALWAYS and end == _FOR_EVER):
        return "no beginning and no end" if begin else "a valid_from that is neither a date nor an RFC 3339 time"
    if end is None:
        return "a valid_to that is neither a date nor an RFC 3339 time"
    return "" if begin <= end else "a valid_to before its valid_from"


@lru_cache(maxsize=65536)
def _instant(text: str, *, first: bool) -> datetime | None:
    """The first or the last instant that a field may mean; without a text there is no bound; None for no date or time."""
    if not text:
        return _ALWAYS if first else _FOR_EVER
    if not _DATE.fullmatch(text):
        return lists.time_of(text)
    try:
        day = datetime.fromisoformat(text).replace(tzinfo=_EARLIEST if first else _LATEST)
        return (day if first else day + timedelta(days=1)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _begin(text: str) -> datetime:
    at = _instant(text, first=True)
    assert at is not None, "times are checked before they come here"
    return at


def _end(text: str) -> datetime:
    at = _instant(text, first=False)
    assert at is not None, "times are checked before they come here"
    return at


def _answerable(joined: str) -> bool:
    """Whether entries of a signed extract have the times that an answer needs."""
    fields = [line.split("\t") for line in joined.split("\n")]
    return all(_instant(one[1], first=True) is not None and _instant(one[2], first=False) is not None for one in fields)
