"""A second pair of eyes on somebody's ledger: c2sp.org/tlog-witness, both sides.

A witness remembers one checkpoint of each ledger that it knows, and cosigns a newer one only where it is proved that the ledger
only grew. So whoever trusts one witness need not trust the ledger's owner not to keep two ledgers, or to turn one back.

    FOLDER/clearway.key, clearway.pub    the witness' own keys
    FOLDER/<SHA-256 of the origin>       the newest checkpoint of one ledger, with its signature
    FOLDER/<SHA-256 of the origin>.fork  the first checkpoint that contradicts it: the two together convict the ledger's owner
    FOLDER/lock                          held (flock) while a checkpoint is judged

The memory is on the disk before the cosignature leaves. It holds no entries: a witness never sees them.
"""

import fcntl
import hashlib
import os
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from http.client import HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from clearway.errors import StoreError
from clearway.evidence.merkle import EMPTY_ROOT, PATH_MAX, verify_consistency
from clearway.evidence.note import (
    COSIGNATURE,
    NOTE_BYTES_MAX,
    Checkpoint,
    Note,
    Signature,
    Verifier,
    checkpoint_in,
    cosign,
    read_add_checkpoint,
    read_checkpoint,
    read_note,
    read_signatures,
    with_cosignature,
)
from clearway.evidence.tiles import replace_file

if TYPE_CHECKING:
    from clearway.evidence.ledger import Ledger
    from clearway.ports import Signer

# A size line, a path and a checkpoint.
REQUEST_BYTES_MAX = 64 + (PATH_MAX + 1) * 46 + NOTE_BYTES_MAX
_TEXT_TYPE, _SIZE_TYPE = "text/plain; charset=utf-8", "text/x.tlog.size"
_PATH = "/add-checkpoint"
# How long a silent client or witness is waited for.
_PATIENCE_S = 10.0
# A camera that waits for its witnesses drops frames meanwhile, so for all of them together it waits as long as for a timestamp.
WAIT_S = 4.0
# Somebody else may have a newer checkpoint of the same ledger cosigned in between; soon, nobody does.
_ROUNDS_MAX = 3


@dataclass(frozen=True, slots=True)
class Answer:
    """What a witness says, as HTTP has it; `refused` names why it did not cosign, None where it did."""

    status: HTTPStatus
    body: str
    refused: str | None = None
    content_type: str = _TEXT_TYPE


class _Refused(Exception):  # noqa: N818 # no error: an answer
    def __init__(self, status: HTTPStatus, why: str, body: str | None = None, content_type: str = _TEXT_TYPE) -> None:
        super().__init__(why)
        self.answer = Answer(status, f"{why}\n" if body is None else body, why, content_type)


class Witness:
    """One witness and its memory. `logs` maps the origins that it watches to their keys; it knows no other ledger.

    StoreError where the folder cannot be used.
    """

    def __init__(
        self, folder: Path, name: str, signer: "Signer", logs: Mapping[str, Verifier], clock: Callable[[], datetime]
    ) -> None:
        self._folder, self._signer, self._logs, self._clock = folder, signer, dict(logs), clock
        self.verifier = Verifier(name, signer.public_key(), COSIGNATURE)
        self._thread = threading.Lock()

    def add_checkpoint(self, body: bytes) -> Answer:
        """The answer to an add-checkpoint request: cosignature lines, or why there are none. StoreError where the disk fails."""
        try:
            old, path, raw = read_add_checkpoint(body.decode())
            note = read_note(raw)
            head = checkpoint_in(note.text)
        except ValueError as error:
            return Answer(HTTPStatus.BAD_REQUEST, f"malformed: {error}\n", f"malformed: {error}")
        try:
            log = self._logs.get(head.origin)
            if log is None:
                raise _Refused(HTTPStatus.NOT_FOUND, "unknown log: this witness does not watch that origin")
            signature = note.by(log)
            if signature is None:
                raise _Refused(HTTPStatus.FORBIDDEN, "wrong signature: the log's known key did not sign this checkpoint")
            # Whoever else signed it is no business of this witness.
            signed = Note(note.text, (signature,))
            with self._held():
                self._judge(old, path, head, signed)
                self._write(_file_name(head.origin), signed)
                line = cosign(note.text, self.verifier.name, self._signer, self._clock())
        except _Refused as refused:
            return refused.answer
        return Answer(HTTPStatus.OK, line.line())

    def known(self, origin: str) -> Checkpoint | None:
        """The newest checkpoint of that ledger that was cosigned here. None where there is none."""
        try:
            raw = (self._folder / _file_name(origin)).read_bytes()
            return checkpoint_in(read_note(raw.decode()).text)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise StoreError(
                f"the witness' memory of {origin} in {self._folder} cannot be read ({error}).",
                remedy="restore the folder from its newest backup; a witness that has forgotten is none.",
            ) from error

    def _judge(self, old: int, path: tuple[bytes, ...], head: Checkpoint, signed: Note) -> None:
        known = self.known(head.origin) or Checkpoint(head.origin, 0, EMPTY_ROOT)
        if old > head.size:
            raise _Refused(HTTPStatus.BAD_REQUEST, f"rollback: from {old} entries back to {head.size}")
        if old != known.size:
            why = f"rollback: {known.size} entries were cosigned" if head.size < known.size else "another size was cosigned last"
            raise _Refused(HTTPStatus.CONFLICT, why, f"{known.size}\n", _SIZE_TYPE)
        if head.size == known.size and head.root != known.root:
            self._write(f"{_file_name(head.origin)}.fork", signed, once=True)
            raise _Refused(HTTPStatus.CONFLICT, f"fork: another tree of {known.size} entries was cosigned")
        if not verify_consistency(old, head.size, path, known.root, head.root):
            raise _Refused(HTTPStatus.UNPROCESSABLE_ENTITY, f"fork: the path does not lead on from the {old} entries known")

    def _write(self, name: str, note: Note, *, once: bool = False) -> None:
        try:
            if not (once and (self._folder / name).exists()):
                replace_file(self._folder / name, note.raw().encode())
        except OSError as error:
            raise _unwritable(self._folder, error) from error

    @contextmanager
    def _held(self) -> Iterator[None]:
        with self._thread:
            try:
                handle = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            except OSError as error:
                raise _unwritable(self._folder, error) from error
            try:
                fcntl.flock(handle, fcntl.LOCK_EX)
                yield
            finally:
                os.close(handle)


def _file_name(origin: str) -> str:
    return hashlib.sha256(origin.encode()).hexdigest()


def _unwritable(folder: Path, error: OSError) -> StoreError:
    return StoreError(
        f"the witness' folder {folder} cannot be written: {error.strerror or error}.",
        remedy="make the folder writable for this user and make room on its disk.",
    )


# --- over HTTP ---


class Server(ThreadingHTTPServer):
    """Answers POST /add-checkpoint for a witness, and GET / with its key. `told` hears of each request what came of it."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], witness: Witness, told: Callable[[str], None]) -> None:
        self.witness, self.told = witness, told
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _PATIENCE_S
    server: Server

    def do_GET(self) -> None:
        known = self.path == "/"
        vkey = f"{self.server.witness.verifier.vkey()}\n"
        self._send(Answer(HTTPStatus.OK, vkey) if known else Answer(HTTPStatus.NOT_FOUND, "not found\n"))

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit() or len(length) > 9 or int(length) > REQUEST_BYTES_MAX:
            self.close_connection = True  # what follows was not read
            self._send(Answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a request has at most {REQUEST_BYTES_MAX} bytes\n"))
            return
        body = self.rfile.read(int(length))
        if self.path != _PATH:
            self._send(Answer(HTTPStatus.NOT_FOUND, "not found\n"))
            return
        try:
            answer = self.server.witness.add_checkpoint(body)
        except StoreError as error:
            answer = Answer(HTTPStatus.INTERNAL_SERVER_ERROR, "the witness cannot remember\n", error.happened)
        self.server.told(answer.refused or "cosigned")
        self._send(answer)

    def _send(self, answer: Answer) -> None:
        raw = answer.body.encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 # named by the standard library
        """Nothing: `told` hears what came of a request."""


# --- the ledger's side ---


@dataclass(frozen=True, slots=True)
class Asked:
    """A witness that a ledger's owner asks: where it answers, and the key by which it is known."""

    url: str
    key: Verifier


class Witnesses:
    """The witnesses that are asked whenever an exhibit is sealed. `announce` hears why a cosignature is missing."""

    def __init__(self, asked: Sequence[Asked], announce: Callable[[str], None], wait_s: float = WAIT_S) -> None:
        self._asked, self._announce, self._wait_s = tuple(asked), announce, wait_s
        self._asking: dict[Asked, threading.Thread] = {}
        # How many entries each is known to have seen, so that it is not asked twice for one answer.
        self._seen: dict[Asked, int] = {}

    @property
    def keys(self) -> tuple[Verifier, ...]:
        return tuple(asked.key for asked in self._asked)

    def cosigned(self, ledger: "Ledger") -> str:
        """The newest checkpoint, with the cosignature of each witness that gave one in time; the ledger's own carries it too.

        StoreError where the ledger cannot be read; whatever a witness does is none.
        """
        until_s = time.monotonic() + self._wait_s
        note, faults = self._round(ledger, until_s)
        for _ in range(_ROUNDS_MAX - 1):
            if not any(isinstance(fault, _Outgrown) for fault in faults.values()) or time.monotonic() >= until_s:
                break
            later, still = self._round(ledger, until_s)
            if len(still) <= len(faults):
                note, faults = later, still
        for asked, fault in faults.items():
            why = str(fault).rstrip(".")
            self._announce(f"no cosignature by {asked.key.name}: {why}. The exhibit is sealed without it, and says so")
        return note

    def faults(self, ledger: "Ledger") -> dict[Asked, Exception]:
        """Of each witness that does not cosign the newest checkpoint in time, why not. The ledger stays as it is."""
        return self._round(ledger, time.monotonic() + self._wait_s, keep=False)[1]

    def _round(self, ledger: "Ledger", until_s: float, *, keep: bool = True) -> tuple[str, dict[Asked, Exception]]:
        """The newest checkpoint with what cosignatures came until then, and what was wrong with the others.

        All are asked at once, in threads: no bound on a socket bounds a name's look-up, or a server that drips.
        """
        note = ledger.checkpoint()
        answers: SimpleQueue[tuple[Asked, Signature | Exception]] = SimpleQueue()
        faults: dict[Asked, Exception] = {}
        waiting = set()
        for asked in self._asked:
            if asked in self._asking and self._asking[asked].is_alive():
                faults[asked] = TimeoutError("it still owes the last answer")
                continue
            thread = threading.Thread(target=self._answer, args=(ledger, note, asked, answers), daemon=True)
            self._asking[asked] = thread
            waiting.add(asked)
            thread.start()
        while waiting:
            try:
                asked, answer = answers.get(timeout=max(0.0, until_s - time.monotonic()))
            except Empty:
                faults |= {asked: TimeoutError(f"no answer within {self._wait_s:g} s") for asked in waiting}
                break
            waiting.remove(asked)
            if isinstance(answer, Exception):
                faults[asked] = answer
                continue
            try:
                note = with_cosignature(note, answer, asked.key)
            except ValueError as error:  # more signatures than a note may have
                faults[asked] = error
                continue
            if keep:
                with suppress(StoreError):  # where the ledger has grown meanwhile, its newest checkpoint is another
                    ledger.take(answer, asked.key)
        # In the order in which they are named.
        return note, {asked: faults[asked] for asked in self._asked if asked in faults}

    def _answer(
        self, ledger: "Ledger", note: str, asked: Asked, answers: "SimpleQueue[tuple[Asked, Signature | Exception]]"
    ) -> None:
        try:
            signature = _cosignature(ledger, note, asked, self._seen.get(asked, 0))
            self._seen[asked] = read_checkpoint(note).size
            answers.put((asked, signature))
        except Exception as error:  # whatever it was, it must be said
            answers.put((asked, error))


def ask(ledger: "Ledger", asked: Asked) -> Signature:
    """That witness' cosignature over the ledger's newest checkpoint, which from now on carries it too.

    StoreError where the witness cannot be reached, refuses, or has seen another ledger: then somebody turned this one back.
    """
    return ledger.take(_cosignature(ledger, ledger.checkpoint(), asked), asked.key)


class _Outgrown(StoreError):  # noqa: N818 - no fault: somebody else had a newer checkpoint cosigned meanwhile
    pass


def _cosignature(ledger: "Ledger", note: str, asked: Asked, seen: int = 0) -> Signature:
    """That witness' cosignature over `note`; it is thought to have `seen` so many entries. StoreError as `ask` says."""
    witness, url, old = asked.key, asked.url, seen
    for _ in range(2):
        size, body = ledger.growth(old, note)
        status, content_type, said = _post(url, body)
        if status == HTTPStatus.OK:
            signature = _line(said, witness, url)
            try:
                with_cosignature(note, signature, witness)
            except ValueError:
                raise StoreError(
                    f"the witness {url} did not cosign the checkpoint, or {witness.name} has another key.",
                    remedy="ask its keeper for its key.",
                ) from None
            return signature
        digits = said.removesuffix("\n")
        if status != HTTPStatus.CONFLICT or content_type != _SIZE_TYPE or not (digits.isascii() and digits.isdigit()):
            raise _refusal(url, said)
        old = int(digits[:20])
        if size < old <= ledger.size:
            raise _Outgrown(f"the ledger has grown to {old} entries meanwhile.", remedy="ask again.")
        if old > size:
            raise StoreError(
                f"the witness {witness.name} has seen {old} entries of this ledger, and there are {size}: it was turned back.",
                remedy="restore the ledger from a backup that has them all, and find out who changed it.",
            )
    raise _refusal(url, said)


def _post(url: str, body: str) -> tuple[int, str, str]:
    """Status, content type and body."""
    if not url.startswith(("http://", "https://")):
        raise StoreError(f"{url} is no witness' address.", remedy="name it by its http:// or https:// address.")
    request = urllib.request.Request(url.rstrip("/") + _PATH, body.encode(), method="POST")  # noqa: S310 # checked above
    try:
        try:
            answer = urllib.request.urlopen(request, timeout=_PATIENCE_S)  # noqa: S310 # checked above
        except urllib.error.HTTPError as error:
            answer = error  # it has a body, which says why
        with answer:
            return answer.status, answer.headers.get_content_type(), answer.read(NOTE_BYTES_MAX).decode(errors="replace")
    except (OSError, HTTPException, ValueError) as error:
        raise StoreError(
            f"the witness {url} cannot be reached ({error}).",
            remedy="try again later; until then the newest entries are vouched for by this installation alone.",
        ) from error


def _line(said: str, witness: Verifier, url: str) -> Signature:
    try:
        return next(signature for signature in read_signatures(said) if signature.name == witness.name)
    except (ValueError, StopIteration):
        raise _refusal(url, said) from None


def _refusal(url: str, said: str) -> StoreError:
    words = "".join(c if c.isprintable() else " " for c in said[:200]).strip()
    return StoreError(f"the witness {url} did not cosign: {words}.", remedy="ask its keeper what it holds of this ledger.")
