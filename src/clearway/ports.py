"""Everything that may be replaced. Each protocol is small; its docstring is the contract, and every implementation passes the
same contract tests (`clearway.testing.contracts`)."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Protocol

from clearway.facts import Box, Detection, Finding, Frame, Passage, Pixels, Plate, Reading, Record


class Source(Protocol):
    """A camera, a clip or a folder of stills.

    Iterating gives frames with rising `number` and never falling `captured_at`; each is upright. A source MUST raise
    SourceError when it cannot be seen at all, and MUST end quietly where a recording ends. `clock` says in words where its
    times come from. `frames_expected` is None for a live source; `frames_dropped` counts what a slow reader missed.
    """

    camera: str
    clock: str
    frames_expected: int | None
    frames_dropped: int

    def __iter__(self) -> Iterator[Frame]: ...


class Detector(Protocol):
    """Finds plates, and may find vehicles and whom to hide. What it returns MUST lie inside `region` (and so inside the frame),
    best first. `weights` are the files it sees with, each (name, SHA-256 in hex): an exhibit tells them."""

    name: str
    weights: tuple[tuple[str, str], ...]

    def find(self, frame: Frame, region: Box) -> tuple[Detection, ...]: ...


class Reader(Protocol):
    """Reads one plate. None says that no plate can be read there; a reader MUST NOT raise for any pixels. `weights` are the
    files it reads with, as a detector's."""

    name: str
    weights: tuple[tuple[str, str], ...]

    @property
    def temperature(self) -> float | None:
        """What its log-probabilities are divided by, so that they are honest on plates that its training never saw; None where
        nobody calibrated it."""
        ...

    def read(self, frame: Frame, plate: Detection) -> Reading | None: ...


class Register(Protocol):
    """Answers one question about a plate from a signed list on this machine. It MUST NOT send the question anywhere, and
    MUST answer UNKNOWN where it has no data, where its data is out of date, or where the plate is not certain enough."""

    name: str

    def ask(self, plate: Plate, asked_at: datetime, clock_error_ms: float) -> Record: ...


class Rule(Protocol):
    """Judges one finished passage, without I/O, clock or dice. It MUST return None on every UNKNOWN."""

    name: str

    def judge(self, passage: Passage, records: Sequence[Record]) -> Finding | None: ...


class Signer(Protocol):
    """Signs bytes with one Ed25519 key. `key_id` is the SHA-256 of the raw public key, in hex. `sign` MUST raise StoreError where
    the key is out of reach, and MUST give no wrong signature."""

    key_id: str

    def sign(self, message: bytes) -> bytes: ...

    def public_key(self) -> bytes:
        """The raw public key, 32 bytes."""
        ...


class TimestampAuthority(Protocol):
    """Somebody else who says when they saw a statement (RFC 3161). `url` is who is asked; `certificates_sha256` are the SHA-256,
    in hex, of the certificates by which an answer is known.

    `stamp` MUST NOT raise and MUST come back within seconds: None stands for no token, whatever the cause.
    """

    url: str
    certificates_sha256: tuple[str, ...]

    def stamp(self, statement: bytes, sealed_at: datetime) -> bytes | None:
        """A TimeStampResp with a token over `statement`, which was sealed at `sealed_at`, as `evidence.token.check` takes it."""
        ...


class ClipEncoder(Protocol):
    """Turns pictures of one size into one silent MP4 without metadata. The same pictures MUST give the same bytes."""

    def __call__(self, pictures: Sequence[Pixels], times: Sequence[datetime]) -> bytes: ...
