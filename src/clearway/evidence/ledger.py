"""Every use, provable: an append-only Merkle tree of small lines that hold no plate and no name.

The hashing is RFC 6962's, the checkpoint is C2SP's (c2sp.org/tlog-checkpoint in a c2sp.org/signed-note), so that outsiders can
check it with programs of their own.

    DATA/ledger/entries.jsonl   one canonical JSON object a line; the line without its newline is the leaf
    DATA/ledger/checkpoint      the signed note over the tree's size and root
    DATA/ledger/lock            held (flock) while somebody appends

The life of an entry, and what a crash does at each step:

    1  the lock is taken, what others appended meanwhile is read     nothing has happened
    2  the line is written and fsynced                               torn, the next opener drops it; whole, it stays
    3  the new checkpoint is written beside the old one and fsynced  it stays: the next opener signs it
    4  the new checkpoint takes the old one's name                   it stays, under whichever of the two the disk remembers
    5  `append` returns                                              from here on, losing it would be a broken promise

So a line beyond the checkpoint was either never acknowledged, or its checkpoint's name was lost with the power. Where it is whole
it stays, and the tree over it is the one that was signed before; a torn line was never acknowledged, and goes. Everything under
the checkpoint is checked against the signed root and never touched.
"""

import base64
import binascii
import fcntl
import hashlib
import os
import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from clearway.envelope import verifies
from clearway.errors import StoreError
from clearway.evidence import canonical

if TYPE_CHECKING:  # `verify` reads this file, and must not need NumPy, which the ports do
    from clearway.ports import Signer

ENTRIES_NAME, CHECKPOINT_NAME, LOCK_NAME = "entries.jsonl", "checkpoint", "lock"
# c2sp.org/tlog-tiles bounds an entry by its 16-bit length; ours are far smaller, and a longer line is no line of ours.
LINE_BYTES_MAX = 1024
CHECKPOINT_BYTES_MAX = 4096
HASH_BYTES = hashlib.sha256().digest_size
# c2sp.org/signed-note, "Signature types".
_ED25519 = b"\x01"
_EM_DASH = "\u2014"
_SUBJECT = re.compile(r"[0-9a-f]{64}", re.ASCII)
_PSEUDONYM = re.compile(r"[a-z]{1,16}:[^\x00-\x1f\x7f]{1,128}")


class Event(StrEnum):
    """The audit words, thing:action. What is not named here cannot be written."""

    EXHIBIT_SEAL = "exhibit:seal"
    EXHIBIT_VIEW = "exhibit:view"  # somebody saw the pictures
    EXHIBIT_REVEAL = "exhibit:reveal"  # somebody was shown the match
    EXHIBIT_DECIDE = "exhibit:decide"
    EXHIBIT_EXPORT = "exhibit:export"  # a copy left the data folder
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
        fields = {"event": self.event.value, "subject": self.subject, "at": canonical.rfc3339(self.at), "by": self.by}
        return canonical.dumps(fields)


def read_entry(line: bytes) -> Entry:
    """The entry that `line` (without its newline) says. ValueError where it is not exactly one."""
    fields = canonical.loads(line)
    if not isinstance(fields, dict) or set(fields) != {"event", "subject", "at", "by"}:
        raise ValueError("it is no ledger entry")
    event, subject, at, by = (str(fields[name]) for name in ("event", "subject", "at", "by"))
    if not _SUBJECT.fullmatch(subject) or not _PSEUDONYM.fullmatch(by) or not at.endswith("Z"):
        raise ValueError("it is no ledger entry")
    entry = Entry(Event(event), subject, datetime.fromisoformat(at), by)
    if entry.line() != line:
        raise ValueError("it is not spelled as a ledger entry is")
    return entry


# --- the tree (RFC 6962, section 2.1) ---


def leaf_hash(line: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + line).digest()


def _node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """A tree of `size` leaves, remembered by the roots of its whole subtrees, largest first: O(log size) hashes."""

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def with_leaf(self, leaf: bytes) -> "Frontier":
        peaks, node, size = list(self.peaks), leaf, self.size
        while size & 1:
            node = _node_hash(peaks.pop(), node)
            size >>= 1
        return Frontier(self.size + 1, (*peaks, node))

    def root(self) -> bytes:
        if not self.peaks:
            return hashlib.sha256(b"").digest()
        node = self.peaks[-1]
        for left in reversed(self.peaks[:-1]):
            node = _node_hash(left, node)
        return node


def inclusion_path(leaves: Iterable[bytes], index: int) -> tuple[bytes, ...]:
    """The audit path of leaf `index`, from the leaf up, in one pass and O(log n) memory."""
    path: list[bytes] = []
    peaks: list[bytes] = []
    place = -1  # which peak holds the leaf; -1 while none does
    for number, leaf in enumerate(leaves):
        node, size, holds = leaf, number, number == index
        while size & 1:
            left = peaks.pop()
            if place == len(peaks):
                path.append(node)
                holds, place = True, -1
            elif holds:
                path.append(left)
            node = _node_hash(left, node)
            size >>= 1
        if holds:
            place = len(peaks)
        peaks.append(node)
    assert place >= 0, "the leaf is in the tree"
    node = peaks.pop()
    holds = place == len(peaks)
    while peaks:
        left = peaks.pop()
        if holds:
            path.append(left)
        elif place == len(peaks):
            path.append(node)
            holds = True
        node = _node_hash(left, node)
    return tuple(path)


@dataclass(frozen=True, slots=True)
class Proof:
    """That one leaf stands at `index` in the tree of `size` leaves which `checkpoint` signs; `path` goes from the leaf up."""

    index: int
    size: int
    path: tuple[bytes, ...]
    checkpoint: str


def verify_inclusion(leaf: bytes, index: int, size: int, path: Iterable[bytes], root: bytes) -> bool:
    """Whether `path` leads from the leaf hash `leaf` to `root` (RFC 9162, section 2.1.3.2). Never raises."""
    if not 0 <= index < size:
        return False
    place, last, node = index, size - 1, leaf
    for sibling in path:
        if last == 0 or len(sibling) != HASH_BYTES:
            return False
        if place & 1 or place == last:
            node = _node_hash(sibling, node)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            node = _node_hash(node, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and node == root


# --- the checkpoint (c2sp.org/tlog-checkpoint) ---


@dataclass(frozen=True, slots=True)
class Checkpoint:
    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """The note's text: three lines, each with its newline."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def default_origin(signer: "Signer") -> str:
    """The name of the ledger that this key signs, where its owner chose none."""
    return f"clearway/ledger/{signer.key_id[:16]}"


def key_hash(name: str, public_key: bytes) -> bytes:
    """The four bytes by which a signed note calls a key."""
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + public_key).digest()[:4]


def sign_checkpoint(checkpoint: Checkpoint, signer: "Signer") -> str:
    """The signed note, its key named after the origin."""
    text = checkpoint.text()
    signature = key_hash(checkpoint.origin, signer.public_key()) + signer.sign(text.encode())
    return f"{text}\n{_EM_DASH} {checkpoint.origin} {base64.b64encode(signature).decode()}\n"


def read_checkpoint(note: str) -> Checkpoint:
    """What the note says, unverified. ValueError where it is not exactly one checkpoint with one signature line."""
    text, blank, _ = note.partition("\n\n")
    lines = text.split("\n")
    if not blank or len(lines) != 3 or not lines[0] or " " in lines[0] or "+" in lines[0] or not lines[0].isprintable():
        raise ValueError("it is no checkpoint")
    try:
        checkpoint = Checkpoint(lines[0], int(lines[1]), base64.b64decode(lines[2], validate=True))
    except (ValueError, binascii.Error):
        raise ValueError("it is no checkpoint") from None
    if checkpoint.text() != text + "\n" or len(checkpoint.root) != HASH_BYTES or checkpoint.size < 0:
        raise ValueError("it is no checkpoint")
    return checkpoint


def checkpoint_signed_by(note: str, public_key: bytes) -> bool:
    """Whether the note carries exactly one signature line and it is this key's. Never raises."""
    text, _, signature_line = note.partition("\n\n")
    origin = text.partition("\n")[0]
    start = f"{_EM_DASH} {origin} "
    if not signature_line.startswith(start) or not signature_line.endswith("\n"):
        return False
    encoded = signature_line[len(start) : -1]
    try:
        signature = base64.b64decode(encoded, validate=True)
    except (ValueError, binascii.Error):
        return False
    only_spelling = base64.b64encode(signature).decode() == encoded
    named = signature[:4] == key_hash(origin, public_key)
    return only_spelling and named and verifies(public_key, signature[4:], f"{text}\n".encode())


# --- the ledger on the disk ---


class Ledger:
    """The ledger of one data folder. Safe for several threads and several processes at once.

    StoreError where the folder cannot be written or does not hold what its checkpoint signs.
    """

    def __init__(self, folder: Path, signer: "Signer", origin: str | None = None) -> None:
        self._folder = folder
        self._signer = signer
        self.origin = origin or default_origin(signer)
        self._thread = threading.Lock()
        self._frontier = Frontier()
        self._before_last = Frontier()
        self._read_bytes = 0
        with self._held():
            if not self._checkpoint_path.exists():
                self._begin()
            self._catch_up()

    @property
    def size(self) -> int:
        """How many entries are acknowledged, by whichever process."""
        return self._signed().size

    def checkpoint(self) -> str:
        """The newest signed note."""
        return _read_note(self._checkpoint_path)

    def append(self, event: Event, subject: str, at: datetime, by: str) -> int:
        """The index of the new entry, which is on the disk under a signed checkpoint when this returns."""
        line = Entry(event, subject, at, by).line()
        assert len(line) < LINE_BYTES_MAX
        with self._held():
            self._catch_up()
            grown = self._frontier.with_leaf(leaf_hash(line))
            try:
                with self._entries_path.open("r+b") as file:
                    file.seek(self._read_bytes)
                    try:
                        file.write(line + b"\n")
                        file.flush()
                        os.fsync(file.fileno())
                        self._sign(grown)
                    except OSError:
                        # Not acknowledged, so it should not stay: the next opener would take it for a crash's whole line.
                        _cut(file, self._read_bytes)
                        raise
            except OSError as error:
                raise _unwritable(self._folder, error) from error
            self._before_last, self._frontier = self._frontier, grown
            self._read_bytes += len(line) + 1
            return grown.size - 1

    def prove(self, index: int) -> Proof:
        """The proof that entry `index` is in the tree as it stands now, with the checkpoint that signs that tree."""
        with self._held():
            self._catch_up()
            size = self._frontier.size
            assert 0 <= index < size, "an entry is proved after it was appended"
            if index == size - 1:
                # All that stands beside the last leaf are the peaks of the tree before it came.
                path = tuple(reversed(self._before_last.peaks))
            else:
                with self._entries_path.open("rb") as file:
                    path = inclusion_path((leaf_hash(line[:-1]) for line in _lines(file, size)), index)
            return Proof(index, size, path, self.checkpoint())

    def entries(self) -> Iterator[Entry]:
        """Every acknowledged entry, oldest first."""
        number, size = 0, self.size
        try:
            with self._entries_path.open("rb") as file:
                for line in _lines(file, size):
                    yield read_entry(line[:-1])
                    number += 1
        except ValueError as error:
            raise _damaged(self._folder, f"entry {number} is unreadable: {error}") from None
        except OSError as error:
            raise _damaged(self._folder, f"its entries cannot be read ({error.strerror})") from error

    @property
    def _entries_path(self) -> Path:
        return self._folder / ENTRIES_NAME

    @property
    def _checkpoint_path(self) -> Path:
        return self._folder / CHECKPOINT_NAME

    @contextmanager
    def _held(self) -> Iterator[None]:
        """The lock, against other threads and other processes."""
        with self._thread:
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                handle = os.open(self._folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            except OSError as error:
                raise _unwritable(self._folder, error) from error
            try:
                fcntl.flock(handle, fcntl.LOCK_EX)
                yield
            finally:
                os.close(handle)

    def _begin(self) -> None:
        """An empty ledger. The first checkpoint comes before any entry, so that no entry is ever without one."""
        if self._entries_path.exists() and self._entries_path.stat().st_size:
            raise _damaged(self._folder, "its entries have no checkpoint")
        try:
            self._entries_path.touch()
            self._sign(Frontier())
            sync_folder(self._folder)
            sync_folder(self._folder.parent)
        except OSError as error:
            raise _unwritable(self._folder, error) from error

    def _signed(self) -> Checkpoint:
        """The newest checkpoint, known to be ours."""
        note = self.checkpoint()
        try:
            checkpoint = read_checkpoint(note)
        except ValueError as error:
            raise _damaged(self._folder, f"its checkpoint is unreadable: {error}") from None
        if not checkpoint_signed_by(note, self._signer.public_key()):
            raise _damaged(self._folder, "its checkpoint is not signed by this installation's key")
        return checkpoint

    def _catch_up(self) -> None:
        """Reads what stands on the disk beyond what is known here. The lock is held."""
        signed = self._signed()
        if signed.size < self._frontier.size:
            raise _damaged(self._folder, f"it went back from {self._frontier.size} entries to {signed.size}")
        frontier, before_last, read_bytes = self._frontier, self._before_last, self._read_bytes
        matches = frontier.size == signed.size and frontier.root() == signed.root
        try:
            with self._entries_path.open("r+b") as file:
                file.seek(read_bytes)
                while line := file.readline(LINE_BYTES_MAX):
                    if frontier.size >= signed.size and not _is_whole(line):
                        _cut(file, read_bytes)
                        break
                    before_last, frontier = frontier, frontier.with_leaf(leaf_hash(line[:-1]))
                    read_bytes += len(line)
                    if frontier.size == signed.size:
                        matches = frontier.root() == signed.root
            if not matches:
                raise _damaged(self._folder, f"its entries are not the {signed.size} that its checkpoint signs")
            if frontier.size > signed.size:
                self._sign(frontier)
        except OSError as error:
            raise _unwritable(self._folder, error) from error
        self._frontier, self._before_last, self._read_bytes = frontier, before_last, read_bytes

    def _sign(self, frontier: Frontier) -> None:
        """Puts a checkpoint over `frontier` on the disk, in one step."""
        note = sign_checkpoint(Checkpoint(self.origin, frontier.size, frontier.root()), self._signer)
        beside = self._folder / f".{CHECKPOINT_NAME}"
        with beside.open("wb") as file:
            file.write(note.encode())
            file.flush()
            os.fsync(file.fileno())
        # The folder is not fsynced: after a power cut the old name may be back, and the next opener signs the same tree again.
        beside.replace(self._checkpoint_path)


def check(folder: Path, public_key: bytes) -> Checkpoint:
    """The checkpoint of the ledger in `folder`, after everything was derived again from its entries.

    StoreError names what does not agree. Reads only, needs no lock: what a checkpoint covers never changes.
    """
    note = _read_note(folder / CHECKPOINT_NAME)
    try:
        checkpoint = read_checkpoint(note)
    except ValueError as error:
        raise _damaged(folder, f"its checkpoint is unreadable: {error}") from None
    if not checkpoint_signed_by(note, public_key):
        raise _damaged(folder, "its checkpoint is not signed by the key that was given")
    frontier = Frontier()
    try:
        with (folder / ENTRIES_NAME).open("rb") as file:
            for line in _lines(file, checkpoint.size):
                read_entry(line[:-1])
                frontier = frontier.with_leaf(leaf_hash(line[:-1]))
    except ValueError as error:
        raise _damaged(folder, f"entry {frontier.size} is unreadable: {error}") from None
    except OSError as error:
        raise _damaged(folder, f"its entries cannot be read ({error.strerror})") from error
    if frontier.size != checkpoint.size:
        raise _damaged(folder, f"its checkpoint signs {checkpoint.size} entries and {frontier.size} are there")
    if frontier.root() != checkpoint.root:
        raise _damaged(folder, "an entry was changed after it was signed")
    return checkpoint


def sync_folder(folder: Path) -> None:
    """Makes the names in `folder` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _lines(file: BinaryIO, count: int) -> Iterator[bytes]:
    """At most `count` lines from the start, each with its newline."""
    for _ in range(count):
        line = file.readline(LINE_BYTES_MAX)
        if not line:
            return
        yield line


def _is_whole(line: bytes) -> bool:
    try:
        read_entry(line.removesuffix(b"\n"))
    except ValueError:
        return False
    return line.endswith(b"\n")


def _cut(file: BinaryIO, to_bytes: int) -> None:
    """Drops what stands beyond `to_bytes`, as well as a full or failing disk lets it."""
    try:
        os.ftruncate(file.fileno(), to_bytes)
        os.fsync(file.fileno())
    except OSError:
        pass  # a torn line that stays is dropped by the next opener


def _read_note(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(CHECKPOINT_BYTES_MAX).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise _damaged(path.parent, f"its checkpoint cannot be read ({type(error).__name__})") from error


def _damaged(folder: Path, how: str) -> StoreError:
    return StoreError(
        f"the ledger {folder} is damaged: {how}.",
        remedy="keep the folder as it is, restore the ledger from its newest backup, and find out who changed it.",
    )


def _unwritable(folder: Path, error: OSError) -> StoreError:
    return StoreError(
        f"the ledger {folder} cannot be written: {error.strerror or error}.",
        remedy="make the folder writable for this user and make room on its disk; nothing that was acknowledged is lost.",
    )
