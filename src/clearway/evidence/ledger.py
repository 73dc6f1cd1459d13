"""Every use, provable: an append-only Merkle tree of small lines that hold no plate and no name.

SQLite puts the lines in their order, and keeps them; everything else is derived from it, and public. The public files are those
of C2SP (c2sp.org/tlog-tiles, c2sp.org/tlog-checkpoint), so that outsiders can copy and check them with programs of their own.

    DATA/ledger/ledger.db     the lines by number, in SQLite (synchronous=FULL)
    DATA/ledger/tile/         hashes and lines, as `tiles` says
    DATA/ledger/checkpoint    the signed note over the tree's size and root
    DATA/ledger/lock          held (flock) while somebody appends

The life of a batch of lines, and what a crash does at each step:

    1  the lock is taken, what others appended meanwhile is read       nothing has happened
    2  the lines are committed to the database                         they stay: the next opener does steps 3 and 4
    3  the tiles that they fill or begin are written and fsynced       the same; files of no signed tree say nothing
    4  the checkpoint is signed, fsynced, and takes the old one's name the same; what is signed is what was committed
    5  `append` returns                                                from here on, losing them would be a broken promise

So whatever a checkpoint covers is on the disk twice, as lines and as tiles, before the checkpoint is. A tile at the tree's edge
that is missing or altered is derived again from the database, and a database that is lost or behind is filled again from the
tiles: each only where the result is the root that was signed. Otherwise nothing is touched, and the ledger is refused.
"""

import fcntl
import json
import os
import re
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from clearway.errors import StoreError
from clearway.evidence import canonical
from clearway.evidence.merkle import consistency_path, inclusion_path, leaf_hash, verify_inclusion
from clearway.evidence.note import (
    NOTE_BYTES_MAX,
    Checkpoint,
    Proof,
    Signature,
    Verifier,
    add_checkpoint,
    checkpoint_signed_by,
    read_checkpoint,
    sign_checkpoint,
    with_cosignature,
)
from clearway.evidence.tiles import (
    WIDTH,
    Edge,
    Shelf,
    TiledTree,
    TileError,
    drop_partial,
    replace_file,
    sync_folder,
)

if TYPE_CHECKING:  # `verify` reads this file, and must not need NumPy, which the ports do
    from clearway.ports import Signer

DATABASE_NAME, CHECKPOINT_NAME, LOCK_NAME = "ledger.db", "checkpoint", "lock"
# What versions before tiles kept instead of a database: the same lines, one after the other.
OLD_NAME = "entries.jsonl"
# c2sp.org/tlog-tiles bounds an entry by its 16-bit length; ours are far smaller, and a longer line is no line of ours.
LINE_BYTES_MAX = 1024
# How long somebody else may hold the database, for example to copy it.
_BUSY_S = 10.0
_SUBJECT = re.compile(r"[0-9a-f]{64}", re.ASCII)
_PSEUDONYM = re.compile(r"[a-z]{1,16}:[^\x00-\x1f\x7f]{1,128}")


class Event(StrEnum):
    """The audit words, thing:action. What is not named here cannot be written."""

    EXHIBIT_SEAL = "exhibit:seal"
    EXHIBIT_VIEW = "exhibit:view"  # somebody saw the pictures
    EXHIBIT_REVEAL = "exhibit:reveal"  # somebody was shown the match
    EXHIBIT_DECIDE = "exhibit:decide"
    EXHIBIT_EXPORT = "exhibit:export"  # a copy left the data folder
    EXHIBIT_HOLD = "exhibit:hold"  # a court wants it kept beyond its time
    EXHIBIT_RELEASE = "exhibit:release"  # and needs it no longer
    EXHIBIT_ERASE = "exhibit:erase"  # its key and all rows about it are destroyed
    LIST_PUBLISH = "list:publish"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: `event` happened to `subject` (an exhibit's id or a salted commitment, 64 hex digits), done by a pseudonym."""

    event: Event
    subject: str
    at: datetime
    by: str

    def __post_init__(self) -> None:
        assert _SUBJECT.fullmatch(self.subject), "a subject is 64 hex digits"
        assert self.at.utcoffset() == UTC.utcoffset(None), "a time is in UTC"
        assert _PSEUDONYM.fullmatch(self.by), "a pseudonym is kind:name"

    def line(self) -> bytes:
        """The canonical JSON, without a newline: the leaf of the tree."""
        # As `canonical` spells it, ten times faster: only the pseudonym can hold what JSON escapes.
        at, by = canonical.rfc3339(self.at), json.dumps(self.by, ensure_ascii=False)
        return f'{{"at":"{at}","by":{by},"event":"{self.event.value}","subject":"{self.subject}"}}'.encode()


def read_entry(line: bytes) -> Entry:
    """The entry that `line` (without its newline) says. ValueError where it is not exactly one."""
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        raise ValueError("it is no ledger entry") from None
    if not isinstance(fields, dict) or set(fields) != {"event", "subject", "at", "by"}:
        raise ValueError("it is no ledger entry")
    event, subject, at, by = (str(fields[name]) for name in ("event", "subject", "at", "by"))
    if not _SUBJECT.fullmatch(subject) or not _PSEUDONYM.fullmatch(by) or not at.endswith("Z"):
        raise ValueError("it is no ledger entry")
    entry = Entry(Event(event), subject, datetime.fromisoformat(at), by)
    if entry.line() != line:  # also where a key came twice
        raise ValueError("it is not spelled as a ledger entry is")
    return entry


def default_origin(signer: "Signer") -> str:
    """The name of the ledger that this key signs, where its owner chose none."""
    return f"clearway/ledger/{signer.key_id[:16]}"


class Ledger:
    """The ledger of one data folder. Safe for several threads and several processes at once.

    StoreError where the folder cannot be written or does not hold what its checkpoint signs. Opening it looks at the tree's edge
    only; `fsck` derives everything again.
    """

    def __init__(self, folder: Path, signer: "Signer", origin: str | None = None) -> None:
        self._folder = folder
        self._signer = signer
        self.origin = origin or default_origin(signer)
        self._thread = threading.Lock()
        self._edge = Edge()
        with self._held() as database:
            self._catch_up(database)

    @property
    def size(self) -> int:
        """How many entries are acknowledged, by whichever process."""
        return self._signed().size

    def checkpoint(self) -> str:
        """The newest signed note."""
        return read_note_file(self._folder)

    def append(self, event: Event, subject: str, at: datetime, by: str) -> int:
        """The index of the new entry, which is on the disk under a signed checkpoint when this returns."""
        return self.append_all([Entry(event, subject, at, by)])[0]

    def append_all(self, entries: Sequence[Entry]) -> range:
        """The indexes of these entries, in their order, all of them under one signed checkpoint; or none of them."""
        lines = [entry.line() for entry in entries]
        assert all(len(line) < LINE_BYTES_MAX for line in lines)
        with self._held() as database:
            self._catch_up(database)
            first = self._edge.size
            if lines:
                database.insert(first, lines)
                shelf = Shelf(self._folder)
                try:
                    grown = self._derive(shelf, database, self._edge, first + len(lines))
                    note = self._sign(grown)
                except (OSError, StoreError):  # of the disk, or of a key that is out of reach
                    # Not signed and not acknowledged, so they should not stay: the next opener would take them for a crash's.
                    database.forget(first)
                    shelf.discard()
                    raise
                self._publish(grown, note)
            return range(first, first + len(lines))

    def growth(self, old: int, note: str | None = None) -> tuple[int, str]:
        """The tree's size, and the add-checkpoint request that proves to a witness how it grew from `old` entries.

        `note` is a checkpoint of this ledger; the newest, where none is named. Where its tree has fewer entries than `old`, the
        request proves nothing.
        """
        note = note or self.checkpoint()
        signed = _read_signed(self._folder, note, self._signer.public_key())
        with _tiles_of(self._folder):
            path = consistency_path(min(old, signed.size), signed.size, TiledTree(self._folder, signed.size).node)
        return signed.size, add_checkpoint(old, path, note)

    def take(self, cosignature: Signature, witness: Verifier) -> Signature:
        """The cosignature, which the newest checkpoint now carries, in place of an earlier one by that witness.

        StoreError where it is not that witness' signature on that checkpoint, for example because the ledger has grown meanwhile.
        """
        with self._held() as database:
            self._catch_up(database)
            try:
                cosigned = with_cosignature(self.checkpoint(), cosignature, witness)
            except ValueError:
                cosigned = ""
            if not checkpoint_signed_by(cosigned, self._signer.public_key()):
                raise StoreError(
                    f"{witness.name} did not cosign the newest checkpoint of {self._folder}.",
                    remedy="ask again: the ledger may have grown meanwhile. Should it stay so, ask its keeper for its key.",
                )
            replace_file(self._folder / CHECKPOINT_NAME, cosigned.encode())
        return cosignature

    def prove(self, index: int, note: str | None = None) -> Proof:
        """The proof that entry `index` is in the tree that `note`, a checkpoint of this ledger, signs; where none is named, in
        the tree as it stands now."""
        note = note or self.checkpoint()
        signed = _read_signed(self._folder, note, self._signer.public_key())
        assert 0 <= index < signed.size, "an entry is proved after it was appended"
        tree = TiledTree(self._folder, signed.size)
        with _tiles_of(self._folder):
            path, leaf = inclusion_path(index, signed.size, tree.node), tree.node(0, index)
        if not verify_inclusion(leaf, index, signed.size, path, signed.root):
            raise damaged(self._folder, f"the tiles about entry {index} do not lead to the root that its checkpoint signs")
        return Proof(index, path, note)

    def entries(self, first: int = 0, last: int | None = None) -> Iterator[Entry]:
        """The acknowledged entries from number `first` to before `last` (None: to the newest), oldest first."""
        size = self.size
        tree, end = TiledTree(self._folder, size), size if last is None else min(last, size)
        for number in range(first // WIDTH, -(-end // WIDTH)):
            try:
                lines = tree.entries(number)
                yield from map(read_entry, lines[max(0, first - number * WIDTH) : end - number * WIDTH])
            except ValueError as error:
                raise damaged(self._folder, f"among entries {number * WIDTH} to {number * WIDTH + 255}: {error}") from None

    @contextmanager
    def _held(self) -> Iterator["_Database"]:
        """The database, under the lock against other threads and other processes."""
        with self._thread:
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                handle = os.open(self._folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            except OSError as error:
                raise _unwritable(self._folder, error) from error
            try:
                fcntl.flock(handle, fcntl.LOCK_EX)
                with _Database.opened(self._folder / DATABASE_NAME) as database:
                    yield database
            except sqlite3.Error as error:
                # The disk, the rights or somebody else's lock; anything else is what stands in the file.
                if isinstance(error, sqlite3.OperationalError) and error.sqlite_errorname != "SQLITE_ERROR":
                    raise _unwritable(self._folder, error) from error
                raise damaged(self._folder, f"{DATABASE_NAME} is not as it was made ({error})") from error
            except TileError as error:
                raise damaged(self._folder, str(error)) from error
            except OSError as error:
                raise _unwritable(self._folder, error) from error
            finally:
                os.close(handle)

    def _signed(self) -> Checkpoint:
        """The newest checkpoint, known to be ours."""
        return _read_signed(self._folder, self.checkpoint(), self._signer.public_key())

    def _catch_up(self, database: "_Database") -> None:
        """Reads what stands on the disk beyond what is known here, and ends what a crash cut short. The lock is held."""
        old = self._folder / OLD_NAME
        if not (self._folder / CHECKPOINT_NAME).exists():
            if database.size or (old.exists() and old.stat().st_size):
                raise damaged(self._folder, "its entries have no checkpoint")
            # The first checkpoint comes before any entry, so that no entry is ever without one.
            self._publish(Edge(), self._sign(Edge()))
            sync_folder(self._folder.parent)
        signed = self._signed()
        if signed.size < self._edge.size:
            raise damaged(self._folder, f"it went back from {self._edge.size} entries to {signed.size}")
        if not database.size and old.exists():
            self._refill(database, _old_lines(old, signed.size), signed)
        elif database.size < signed.size:
            bundles = TiledTree(self._folder, signed.size).bundles()
            self._refill(database, (line for lines in bundles for line in lines), signed)
        edge = self._edge
        if (edge.size, edge.root()) != (signed.size, signed.root):
            edge = self._edge_of(database, signed)
        if database.size > signed.size:
            edge = self._derive(Shelf(self._folder), database, edge, database.size)
            self._publish(edge, self._sign(edge))
        self._edge = edge
        old.unlink(missing_ok=True)

    def _edge_of(self, database: "_Database", signed: Checkpoint) -> Edge:
        """The edge of the signed tree from its files; where these are missing or altered, every file is derived again."""
        try:
            edge = TiledTree(self._folder, signed.size).edge()
        except TileError:
            edge = None
        if edge is not None and edge.root() == signed.root:
            return edge
        if _root(database.lines(0, signed.size)) != signed.root:
            raise _other_entries(self._folder, signed)
        return self._derive(Shelf(self._folder), database, Edge(), signed.size)

    def _refill(self, database: "_Database", lines: Iterable[bytes], signed: Checkpoint) -> None:
        """Fills the database with lines that begin with those that were signed."""
        lines = list(lines)
        if _root(iter(lines[: signed.size])) != signed.root:
            raise _other_entries(self._folder, signed)
        database.replace(lines)

    def _derive(self, shelf: Shelf, database: "_Database", edge: Edge, size: int) -> Edge:
        """Writes every tile and bundle by which the tree of `size` lines differs from the one of `edge`."""
        known = {tile.path for tile in edge.partial()}
        for first in range(edge.size - edge.size % WIDTH, size, WIDTH):
            lines = list(database.lines(first, min(first + WIDTH, size)))
            if len(lines) != min(WIDTH, size - first):
                raise damaged(self._folder, f"{DATABASE_NAME} lacks some of the entries from {first} on")
            edge, full = edge.grown([leaf_hash(line) for line in lines[edge.size - first :]])
            shelf.put_entries(first // WIDTH, lines)
            for tile in full:
                shelf.put(tile)
        for tile in edge.partial():
            if tile.path not in known:
                shelf.put(tile)
        shelf.settle()
        return edge

    def _sign(self, edge: Edge) -> str:
        return sign_checkpoint(Checkpoint(self.origin, edge.size, edge.root()), self._signer)

    def _publish(self, edge: Edge, note: str) -> None:
        """Puts `note`, the checkpoint over `edge`, on the disk, in one step; from then on, that is the ledger."""
        replace_file(self._folder / CHECKPOINT_NAME, note.encode())
        drop_partial(self._folder, self._edge.size, edge.size)
        self._edge = edge


class _Database:
    """The lines by number. Opened for each use: a connection must not cross a fork or a thread."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @classmethod
    @contextmanager
    def opened(cls, path: Path) -> Iterator["_Database"]:
        with closing(sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None)) as connection:
            # FULL, and a journal that is cut rather than unlinked: sqlite.org/pragma.html says of DELETE that the file's
            # name may come back after a power cut, and take the newest transaction with it.
            for pragma in ("journal_mode=TRUNCATE", "synchronous=FULL", "trusted_schema=OFF"):
                connection.execute(f"PRAGMA {pragma}")
            connection.execute("CREATE TABLE IF NOT EXISTS entries (number INTEGER PRIMARY KEY, line BLOB NOT NULL) STRICT")
            yield cls(connection)

    @property
    def size(self) -> int:
        row = self._connection.execute("SELECT number, line FROM entries ORDER BY number DESC LIMIT 1").fetchone()
        return 0 if row is None else int(row[0]) + 1

    def lines(self, first: int, last: int) -> Iterator[bytes]:
        return database_lines(self._connection, first, last)

    def insert(self, first: int, lines: Sequence[bytes]) -> None:
        """All of them, or none."""
        with self._transaction():
            self._connection.executemany("INSERT INTO entries VALUES (?, ?)", enumerate(lines, start=first))

    def replace(self, lines: Sequence[bytes]) -> None:
        with self._transaction():
            self._connection.execute("DELETE FROM entries")
            self._connection.executemany("INSERT INTO entries VALUES (?, ?)", enumerate(lines))

    def forget(self, first: int) -> None:
        """Drops the lines from number `first` on, as well as a full or failing disk lets it."""
        with suppress(sqlite3.Error):  # where they stay, the next opener signs them
            self._connection.execute("DELETE FROM entries WHERE number >= ?", (first,))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        with self._connection:  # commits, or rolls back
            yield


def database_lines(connection: sqlite3.Connection, first: int, last: int) -> Iterator[bytes]:
    """The lines from number `first` to before `last`, as far as they are there."""
    query = "SELECT line FROM entries WHERE number >= ? AND number < ? ORDER BY number"
    for row in connection.execute(query, (first, last)):
        yield row[0]


def _read_signed(folder: Path, note: str, public_key: bytes) -> Checkpoint:
    try:
        checkpoint = read_checkpoint(note)
    except ValueError as error:
        raise damaged(folder, f"its checkpoint is unreadable: {error}") from None
    if not checkpoint_signed_by(note, public_key):
        raise damaged(folder, "its checkpoint is not signed by this installation's key")
    return checkpoint


def read_note_file(folder: Path) -> str:
    """The signed note in the ledger's folder, unverified. StoreError where it cannot be read."""
    try:
        with (folder / CHECKPOINT_NAME).open("rb") as file:
            return file.read(NOTE_BYTES_MAX).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise damaged(folder, f"its checkpoint cannot be read ({type(error).__name__})") from error


@contextmanager
def _tiles_of(folder: Path) -> Iterator[None]:
    try:
        yield
    except TileError as error:
        raise damaged(folder, str(error)) from error


def _root(lines: Iterator[bytes]) -> bytes:
    edge = Edge()
    while some := [leaf_hash(line) for line in islice(lines, WIDTH)]:
        edge, _ = edge.grown(some)
    return edge.root()


def _old_lines(path: Path, signed: int) -> Iterator[bytes]:
    """The lines of an earlier version's file: all that were signed, and whole ones after them. A torn one was never promised."""
    with path.open("rb") as file:
        number = 0
        while (line := file.readline(LINE_BYTES_MAX)) and (number < signed or _is_whole(line)):
            yield line.removesuffix(b"\n")
            number += 1


def _is_whole(line: bytes) -> bool:
    try:
        read_entry(line.removesuffix(b"\n"))
    except ValueError:
        return False
    return line.endswith(b"\n")


def _other_entries(folder: Path, signed: Checkpoint) -> StoreError:
    return damaged(folder, f"its entries are not the {signed.size} that its checkpoint signs")


def damaged(folder: Path, how: str) -> StoreError:
    return StoreError(
        f"the ledger {folder} is damaged: {how}.",
        remedy="keep the folder as it is, restore the ledger from its newest backup, and find out who changed it.",
    )


def _unwritable(folder: Path, error: OSError | sqlite3.Error) -> StoreError:
    return StoreError(
        f"the ledger {folder} cannot be written: {getattr(error, 'strerror', None) or error}.",
        remedy="make the folder writable for this user and make room on its disk; nothing that was acknowledged is lost.",
    )
