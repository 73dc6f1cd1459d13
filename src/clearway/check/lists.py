"""What every list goes through: a CSV that may be hostile comes in, a signed file lies on the disk, an index answers.

One fault refuses the whole list, so that what is in force is always a list that its publisher wrote as a whole. Messages name
lines and sins, never what stood in a field: a plate in a message would end in a log.

At rest a list is a DSSE envelope (see `envelope`) around compact JSON:

    {"version":1,"published_at":"2026-05-04T10:00:00+00:00","columns":["plate",…],"entries":["AB123\tDE\t…",…]}

Each entry is one line of the CSV with its fields joined by tabs (no field can hold one), its plate in canonical form. Lines
stay strings also in memory: a million of them take a fifth of what a million dictionaries would.
"""

import codecs
import csv
import hashlib
import io
import json
import os
import re
import tempfile
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path

from clearway.envelope import EnvelopeError, open_sealed, seal
from clearway.errors import ListError
from clearway.plates import LENGTH_MAX, LENGTH_MIN, PLACE, canonical
from clearway.ports import Signer

# A row of a hot list takes 75 to 120 bytes, so that both bounds are met at about two million rows.
CSV_BYTES_MAX = 256 * 2**20
ROWS_MAX = 2_000_000
FIELD_CHARACTERS_MAX = 200
LINE_CHARACTERS_MAX = 8 * 1024
# The envelope of the largest CSV: 4/3 of it for base64, and half as much again for what JSON adds to a line.
FILE_BYTES_MAX = 512 * 2**20
FAULTS_SHOWN = 10
# A plate stands on several lines when it is sought for several reasons; more of them than this is a mistake or an attack.
ENTRIES_PER_PLATE_MAX = 16

VERSION = 1
# What plates carry between their characters: spaces, hyphens and dashes, dots, the Chinese middle dot, slashes.
SEPARATORS = frozenset(" -‐‑‒–—.·•・/_")

# RFC 3339, section 5.6: a full date, a full time and an offset; a space or lower case for T and Z as its notes allow.
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)

_FOREIGN = (
    (codecs.BOM_UTF32_LE, "UTF-32 text"),
    (codecs.BOM_UTF32_BE, "UTF-32 text"),
    (codecs.BOM_UTF16_LE, "UTF-16 text"),
    (codecs.BOM_UTF16_BE, "UTF-16 text"),
    (b"PK\x03\x04", "a spreadsheet or another ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"%PDF", "a PDF"),
)


@dataclass(frozen=True, slots=True)
class Publication:
    """What a publishing did: how many entries are in force now, and how many were left out because they had expired."""

    entries: int
    expired: int
    published_at: datetime


@dataclass(slots=True)
class Faults:
    """The faults of one CSV, by line: the first few in words, all of them counted."""

    first: list[str] = field(default_factory=list)
    count: int = 0

    def add(self, line: int, sin: str) -> None:
        self.count += 1
        if self.count <= FAULTS_SHOWN:
            self.first.append(f"line {line}: {sin}")

    def refuse_any(self, what: str, *, advice: str = "") -> None:
        """Raises ListError where there is a fault; `advice` is one more sentence for whoever mends it."""
        if self.count:
            more = f"; and {self.count - len(self.first):,} more" if self.count > len(self.first) else ""
            raise ListError(
                f"the {what} was refused: {'; '.join(self.first)}{more}.",
                remedy=f"have its publisher mend them and send the whole list; until then the list in force stays.{advice}",
            )


@dataclass(frozen=True, slots=True)
class Loaded:
    """A verified list: when it was published, and its lines by canonical plate (several lines are joined by newlines).

    `sha256` is that of its signed file in hex, by which the ledger knows it.
    """

    published_at: datetime
    columns: tuple[str, ...]
    lines: Mapping[str, str] = field(repr=False)
    sha256: str | None = None

    def entries(self, text: str) -> list[dict[str, str]]:
        """The entries about one plate, in the list's order; none where it is not listed."""
        found = self.lines.get(text)
        return [dict(zip(self.columns, line.split("\t"), strict=True)) for line in found.split("\n")] if found else []


def read_csv(path: Path) -> bytes:
    """The bytes of a CSV file, no more of them than a list may have. ListError where it cannot be read or is too large."""
    try:
        with path.open("rb") as file:
            data = file.read(CSV_BYTES_MAX + 1)
    except OSError as error:
        raise ListError(
            f"the list {path} cannot be read: {error.strerror or error}.", remedy="name a CSV file that this account may read."
        ) from error
    _refuse_size(data, str(path))
    return data


def rows(data: bytes, header: Sequence[str], what: str, faults: Faults) -> Iterator[tuple[int, list[str]]]:
    """Each row of the CSV with its line number, as many fields as `header` has, all of them short and printable.

    Rows of another shape go to `faults` and are passed over. ListError where the bytes are no UTF-8 CSV with that header.
    """
    _refuse_size(data, f"the {what}")
    _refuse_encoding(data, what)
    reader = csv.reader(_lines(data), strict=True)
    end = count = 0
    try:
        _refuse_header(next(reader, []), header, what)
        end = reader.line_num
        for fields in reader:
            line, end = end + 1, reader.line_num
            count += 1  # an empty row too, or a file of nothing but line ends would take half a minute
            if count > ROWS_MAX:
                faults.add(line, f"a row more than the {ROWS_MAX:,} that one list may have; nothing after it was read")
                return
            sin = _misshapen(fields, len(header))
            if sin and fields:
                faults.add(line, sin)
            elif fields:
                yield line, fields
    except csv.Error:
        faults.add(end + 1, "a quotation mark in the wrong place, or one that is never closed; nothing after it was read")
    except _LongLineError:
        faults.add(reader.line_num + 1, f"more than {LINE_CHARACTERS_MAX:,} characters in one line; nothing after it was read")


def plate_text(field_text: str) -> str | None:
    """The canonical plate; None where the field holds anything else than one.

    A character that no reader here knows is a refusal, not a gap: without it the line would name somebody else's plate.
    """
    text = canonical(field_text)
    if not LENGTH_MIN <= len(text) <= LENGTH_MAX:
        return None
    if text == field_text:
        return text
    shown = unicodedata.normalize("NFKC", field_text)
    known = all(character in SEPARATORS or character.upper() in PLACE for character in shown)
    return text if known else None


@lru_cache(maxsize=65536)
def time_of(text: str) -> datetime | None:
    """The instant that an RFC 3339 time names, in UTC; None where it is no such time. Lists repeat a few times very often."""
    if not _TIME.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def clock_error(clock_error_ms: float) -> timedelta:
    """The bound as a span that dates can be moved by; a hundred years stand for all that is longer."""
    return timedelta(milliseconds=min(clock_error_ms, 100 * 365.25 * 86_400_000))


def keep(lines: Mapping[str, str], columns: Sequence[str], path: Path, payload_type: str, signer: Signer, now: datetime) -> int:
    """How many entries were signed and written to `path`, whole or not at all. ListError where the disk refuses."""
    entries = [line for joined in lines.values() for line in joined.split("\n")]
    document = {"version": VERSION, "published_at": now.astimezone(UTC).isoformat(), "columns": list(columns), "entries": entries}
    payload = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    try:
        _write_whole(path, seal(payload, payload_type, signer))
    except OSError as error:
        raise ListError(
            f"the list {path} could not be written: {error.strerror or error}.",
            remedy="make the folder writable, with room, and publish again; until then the list in force stays.",
        ) from error
    return len(entries)


def load(path: Path, columns: Sequence[str], payload_type: str, public_keys: dict[str, bytes]) -> Loaded | None:
    """The list at `path`; None where there is none. ListError where it is not whole, or none of the keys signed it."""
    remedy = "publish the list again from its CSV; until then nothing is answered from it."
    try:
        with path.open("rb") as file:
            envelope = file.read(FILE_BYTES_MAX + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ListError(f"the list {path} cannot be read: {error.strerror or error}.", remedy=remedy) from error
    if len(envelope) > FILE_BYTES_MAX:
        raise ListError(f"the list {path} is larger than any list that was signed here.", remedy=remedy)
    try:
        payload, _ = open_sealed(envelope, payload_type, public_keys)
    except EnvelopeError as error:
        raise ListError(f"the list {path} is not to be trusted: {error.happened}", remedy=remedy) from None
    sha256 = hashlib.sha256(envelope).hexdigest()
    del envelope
    loaded = _loaded(payload, columns, sha256)
    if loaded is None:
        raise ListError(f"the list {path} was signed, but by a version of Clearway that writes it differently.", remedy=remedy)
    return loaded


def add_line(lines: dict[str, str], text: str, line: str) -> bool:
    """Whether the line found room under its plate."""
    before = lines.get(text)
    if before is None:
        lines[text] = line
    elif before.count("\n") + 1 < ENTRIES_PER_PLATE_MAX:
        lines[text] = f"{before}\n{line}"
    else:
        return False
    return True


class _LongLineError(Exception):
    pass


def _lines(data: bytes) -> Iterator[str]:
    """The text line by line, decoded as it goes, so that a long line cannot become millions of fields."""
    for line in io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig"):
        if len(line) > LINE_CHARACTERS_MAX:
            raise _LongLineError
        yield line


def _misshapen(fields: Sequence[str], expected: int) -> str | None:
    """What is wrong with the shape of a row; None where nothing is."""
    joined = "".join(fields)
    if not joined.isprintable():
        return "a field with a line break or a character that does not print (an unclosed quotation mark, a NUL byte)"
    if len(fields) != expected:
        return f"{len(fields)} field{'s' if len(fields) > 1 else ''} instead of {expected}"
    if len(joined) > FIELD_CHARACTERS_MAX and max(map(len, fields)) > FIELD_CHARACTERS_MAX:
        return f"a field of more than {FIELD_CHARACTERS_MAX} characters"
    return None


def _refuse_size(data: bytes, what: str) -> None:
    if len(data) > CSV_BYTES_MAX:
        raise ListError(
            f"{what} has more than {CSV_BYTES_MAX // 2**20} MiB, which no list may.",
            remedy="check that it is the right file; leave out entries that expired; the list in force stays.",
        )


def _refuse_encoding(data: bytes, what: str) -> None:
    advice = "save it as CSV in UTF-8 and send it again; until then the list in force stays."
    for mark, name in _FOREIGN:
        if data.startswith(mark):
            raise ListError(f"the {what} is {name}, not UTF-8.", remedy=advice)
    if len(data) >= 4 and (data[0] == 0) != (data[1] == 0) and data[0:2].count(0) == data[2:4].count(0):
        raise ListError(f"the {what} is UTF-16 text without its mark, not UTF-8.", remedy=advice)
    try:
        _ = data.isascii() or data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ListError(
            f"the {what} is not UTF-8: line {line} holds a byte of another encoding, probably Latin-1 or Windows-1252.",
            remedy=advice,
        ) from None


def _refuse_header(found: Sequence[str], header: Sequence[str], what: str) -> None:
    if list(found) == list(header):
        return
    expected = ",".join(header)
    if ";".join(found) == ";".join(header):
        sin = "has its columns separated by semicolons, not by commas"
    elif "\t".join(found) == "\t".join(header):
        sin = "has its columns separated by tabs, not by commas"
    elif not found:
        sin = "is empty"
    else:
        sin = "does not begin with the header that it must have"
    raise ListError(
        f"the {what} {sin} (line 1).",
        remedy=f"let the first line be exactly {expected} and send it again; until then the list in force stays.",
    )


def _loaded(payload: bytes, columns: Sequence[str], sha256: str) -> Loaded | None:
    """The list in a payload whose signature is good; None where it is written in another form than ours."""
    try:
        document = json.loads(payload)
        published_at = time_of(document["published_at"])
        ours = document["version"] == VERSION and document["columns"] == list(columns)
        entries = document["entries"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    del document
    tabs = len(columns) - 1
    lines: dict[str, str] = {}
    if not ours or published_at is None or not isinstance(entries, list):
        return None
    for line in entries:
        if not isinstance(line, str) or line.count("\t") != tabs or "\n" in line:
            return None
        add_line(lines, line[: line.index("\t")], line)
    return Loaded(published_at, tuple(columns), lines, sha256)


def _write_whole(path: Path, data: bytes) -> None:
    """Puts `data` where `path` is, so that a crash leaves either the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for leftover in path.parent.glob(f"{path.name}.*.new"):  # of a publishing that was killed
        leftover.unlink(missing_ok=True)
    handle, name = tempfile.mkstemp(prefix=f"{path.name}.", suffix=".new", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    for above in (path.parent, path.absolute().parent.parent):  # the folder's own name may be as new as the file's
        folder = os.open(above, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
