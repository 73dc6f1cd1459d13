"""What a ledger's owner and its witnesses sign: C2SP's notes, checkpoints, cosignatures and proofs, as text.

    c2sp.org/signed-note        a text, an empty line, and one line for each signature
    c2sp.org/tlog-checkpoint    the text: origin, size, root
    c2sp.org/tlog-cosignature   a witness' signature beside the owner's (cosignature/v1, Ed25519)
    c2sp.org/tlog-proof         an index, a path and a checkpoint: that an entry is in the tree
    c2sp.org/tlog-witness       a size, a path and a checkpoint: that a tree only grew

Everything that is read here is foreign: ValueError, in plain words, where it is not exactly of its form.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from clearway.envelope import verifies
from clearway.evidence.merkle import HASH_BYTES, PATH_MAX

if TYPE_CHECKING:  # `verify` reads this file, and must not need NumPy, which the ports do
    from clearway.ports import Signer

NOTE_BYTES_MAX = 16 * 1024
# signed-note: verifiers "MUST accept at least up to 16 signatures"; one more is the owner's own.
SIGNATURES_MAX = 17
# signed-note, "Signature types".
LOG, COSIGNATURE = b"\x01", b"\x04"
_ED25519_BYTES = 64
_TIME_BYTES = 8
_EM_DASH = "\u2014"
_PROOF_HEAD = "c2sp.org/tlog-proof@v1"
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_NAME = re.compile(r"[^\s+\x00-\x1f\x7f]{1,255}")


def key_hash(name: str, public_key: bytes, kind: bytes = LOG) -> bytes:
    """The four bytes by which a signed note calls a key."""
    return hashlib.sha256(name.encode() + b"\n" + kind + public_key).digest()[:4]


@dataclass(frozen=True, slots=True)
class Verifier:
    """One key that may sign notes, under its name: `kind` is LOG or COSIGNATURE."""

    name: str
    public_key: bytes
    kind: bytes = LOG

    def vkey(self) -> str:
        """The key as one word, as C2SP programs take it: name+hash+key."""
        hashed = key_hash(self.name, self.public_key, self.kind).hex()
        return f"{self.name}+{hashed}+{base64.b64encode(self.kind + self.public_key).decode()}"


def read_vkey(word: str) -> Verifier:
    """The key that `word` spells. ValueError where it is no Ed25519 key for a log or for cosignatures."""
    name, hashed, encoded = [*word.strip().split("+", 2), "", ""][:3]
    key = _from_base64(encoded)
    verifier = Verifier(name, key[1:], key[:1])
    if not _NAME.fullmatch(name) or verifier.kind not in (LOG, COSIGNATURE) or len(key) != 1 + 32:
        raise ValueError("it is no Ed25519 verifier key")
    if verifier.vkey() != word.strip():
        raise ValueError(f"it is no verifier key: its hash is not {hashed[:16]!r}")
    return verifier


# --- notes ---


@dataclass(frozen=True, slots=True)
class Signature:
    name: str
    key_hash: bytes
    raw: bytes

    def line(self) -> str:
        """The signature's line, with its newline."""
        return f"{_EM_DASH} {self.name} {base64.b64encode(self.key_hash + self.raw).decode()}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A signed text, which ends with a newline, and who says to have signed it."""

    text: str
    signatures: tuple[Signature, ...]

    def raw(self) -> str:
        return f"{self.text}\n{''.join(signature.line() for signature in self.signatures)}"

    def by(self, verifier: Verifier) -> Signature | None:
        """That verifier's signature, where there is exactly one and it is right."""
        hashed = key_hash(verifier.name, verifier.public_key, verifier.kind)
        found = [signature for signature in self.signatures if (signature.name, signature.key_hash) == (verifier.name, hashed)]
        if len(found) != 1:
            return None
        raw, message = found[0].raw, self.text.encode()
        if verifier.kind == COSIGNATURE:
            if len(raw) != _TIME_BYTES + _ED25519_BYTES:
                return None
            message = _cosigned(int.from_bytes(raw[:_TIME_BYTES]), self.text)
            raw = raw[_TIME_BYTES:]
        return found[0] if verifies(verifier.public_key, raw, message) else None


def read_note(raw: str) -> Note:
    """The note, unverified. ValueError where it is none."""
    text, blank, lines = raw.rpartition("\n\n")
    if not blank or len(raw) > NOTE_BYTES_MAX or not lines.endswith("\n") or not _is_plain(raw):
        raise ValueError("it is no signed note")
    signatures = read_signatures(lines)
    note = Note(f"{text}\n", signatures)
    assert note.raw() == raw, "a note has one spelling"
    return note


def read_signatures(lines: str) -> tuple[Signature, ...]:
    """The signature lines, each with its newline: at least one. ValueError where they are none."""
    signatures = []
    for line in lines.removesuffix("\n").split("\n"):
        dash, name, encoded = [*line.split(" "), "", ""][:3]
        raw = _from_base64(encoded)
        signature = Signature(name, raw[:4], raw[4:])
        if dash != _EM_DASH or not _NAME.fullmatch(name) or len(raw) <= 4 or signature.line() != f"{line}\n":
            raise ValueError("it holds a line that is no signature")
        signatures.append(signature)
    if len(signatures) > SIGNATURES_MAX:
        raise ValueError(f"it holds more than {SIGNATURES_MAX} signatures")
    return tuple(signatures)


# --- checkpoints ---


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree's head. `extensions` are lines that other logs may add; ours has none."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def text(self) -> str:
        """The note's text: three lines or more, each with its newline."""
        lines = (self.origin, str(self.size), base64.b64encode(self.root).decode(), *self.extensions)
        return "".join(f"{line}\n" for line in lines)


def sign_checkpoint(checkpoint: Checkpoint, signer: "Signer") -> str:
    """The signed note, with one Ed25519 signature line named after the origin."""
    text = checkpoint.text()
    signature = Signature(checkpoint.origin, key_hash(checkpoint.origin, signer.public_key()), signer.sign(text.encode()))
    return Note(text, (signature,)).raw()


def read_checkpoint(raw: str) -> Checkpoint:
    """What the signed note says, unverified. ValueError where it is no checkpoint."""
    return checkpoint_in(read_note(raw).text)


def checkpoint_in(text: str) -> Checkpoint:
    """What a note's text says. ValueError where it is no checkpoint."""
    lines = text.removesuffix("\n").split("\n")
    if len(lines) < 3 or not all(lines) or not _NAME.fullmatch(lines[0]):
        raise ValueError("it is no checkpoint")
    checkpoint = Checkpoint(lines[0], _number(lines[1]), _from_base64(lines[2]), tuple(lines[3:]))
    if len(checkpoint.root) != HASH_BYTES or checkpoint.text() != text:
        raise ValueError("it is no checkpoint")
    return checkpoint


def checkpoint_signed_by(raw: str, public_key: bytes) -> bool:
    """Whether the note is a checkpoint whose first signature is this key's, and whose others can only be cosignatures.

    Never raises. What is left is one spelling, but for cosignatures by keys that nobody here knows.
    """
    try:
        note = read_note(raw)
        origin = checkpoint_in(note.text).origin
    except ValueError:
        return False
    first, *others = note.signatures
    return note.by(Verifier(origin, public_key)) is first and all(map(_is_cosignature, others))


def _is_cosignature(signature: Signature) -> bool:
    return len(signature.raw) == _TIME_BYTES + _ED25519_BYTES


# --- cosignatures ---


def cosign(text: str, name: str, signer: "Signer", at: datetime) -> Signature:
    """The cosignature (cosignature/v1) over a checkpoint's text: at that time, its tree was the largest consistent one seen."""
    seconds = int(at.timestamp())
    hashed = key_hash(name, signer.public_key(), COSIGNATURE)
    return Signature(name, hashed, seconds.to_bytes(_TIME_BYTES) + signer.sign(_cosigned(seconds, text)))


def cosigned_at(raw: str, witness: Verifier) -> datetime | None:
    """When that witness cosigned the checkpoint; None where it did not, or where somebody changed what it signed."""
    try:
        signature = read_note(raw).by(witness)
    except ValueError:
        return None
    if signature is None or witness.kind != COSIGNATURE:
        return None
    try:
        return datetime.fromtimestamp(int.from_bytes(signature.raw[:_TIME_BYTES]), UTC)
    except (ValueError, OverflowError, OSError):
        return None  # a time that no calendar knows


def with_cosignature(raw: str, cosignature: Signature, witness: Verifier) -> str:
    """The note with that cosignature, in place of an earlier one by that witness. ValueError where it is not that witness' over
    this note."""
    note, mine = read_note(raw), (cosignature.name, cosignature.key_hash)
    others = tuple(other for other in note.signatures if (other.name, other.key_hash) != mine)
    cosigned = Note(note.text, (*others, cosignature)).raw()
    if cosigned_at(cosigned, witness) is None:
        raise ValueError(f"{witness.name} did not cosign it")
    return cosigned


def _cosigned(seconds: int, text: str) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()


# --- proofs ---


@dataclass(frozen=True, slots=True)
class Proof:
    """That one leaf stands at `index` in the tree which `checkpoint` (a signed note) signs; `path` goes from the leaf up."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: str

    def text(self) -> str:
        """The tlog-proof, without `extra`, which nobody signs."""
        path = "".join(f"{base64.b64encode(sibling).decode()}\n" for sibling in self.path)
        return f"{_PROOF_HEAD}\nindex {self.index}\n{path}\n{self.checkpoint}"


def read_proof(text: str) -> Proof:
    """The proof, unverified. ValueError where the text is none, or holds more than a proof needs (`extra`)."""
    head, blank, note = text.partition("\n\n")
    lines = head.split("\n")
    if not blank or lines[0] != _PROOF_HEAD or len(lines) < 2 or not lines[1].startswith("index "):
        raise ValueError("it is no tlog-proof of the form that an exhibit has")
    proof = Proof(_number(lines[1].removeprefix("index ")), read_path(lines[2:]), note)
    read_checkpoint(note)
    assert proof.text() == text, "a proof has one spelling"
    return proof


def add_checkpoint(old: int, path: Sequence[bytes], checkpoint: str) -> str:
    """What a witness is asked: to cosign that checkpoint, because `path` leads to it from the tree of `old` entries."""
    lines = (f"old {old}", *(base64.b64encode(sibling).decode() for sibling in path))
    return "".join(f"{line}\n" for line in lines) + f"\n{checkpoint}"


def read_add_checkpoint(text: str) -> tuple[int, tuple[bytes, ...], str]:
    """Old size, path and checkpoint, unverified. ValueError where the text is no such request."""
    head, blank, note = text.partition("\n\n")
    old, *path = head.split("\n")
    if not blank or not old.startswith("old "):
        raise ValueError("it is no add-checkpoint request")
    return _number(old.removeprefix("old ")), read_path(path), note


def read_path(lines: Sequence[str]) -> tuple[bytes, ...]:
    """The hashes, one a line. ValueError where a line is no hash, or where there are too many."""
    if len(lines) > PATH_MAX:
        raise ValueError(f"its path is longer than {PATH_MAX} hashes")
    path = tuple(map(_from_base64, lines))
    if any(len(sibling) != HASH_BYTES for sibling in path):
        raise ValueError("its path holds something that is no hash")
    return path


def _from_base64(text: str) -> bytes:
    """The bytes that `text` spells, in their only spelling."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raw = b""
    if base64.b64encode(raw).decode() != text:
        raise ValueError("it holds something that is no base64")
    return raw


def _number(digits: str) -> int:
    if not _DECIMAL.fullmatch(digits) or int(digits) >= 2**63:
        raise ValueError("it holds something that is no number")
    return int(digits)


def _is_plain(text: str) -> bool:
    """No ASCII control characters but newlines; and nothing that could not be written as UTF-8."""
    return all(c >= " " or c == "\n" for c in text) and not any("\ud800" <= c <= "\udfff" for c in text)
