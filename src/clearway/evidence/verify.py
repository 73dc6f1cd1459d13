"""Whether an exhibit is what it says it is, found out by somebody who trusts nobody.

The steps, in the order in which each rests on those before it:

    1  The file is a ZIP in the one form that exhibits have, within bounds.
    2  The manifest is canonical JSON; its SHA-256 is the exhibit's id, and the file is named by it.
    3  Exactly the files that the manifest names are there: none missing, none added.
    4  Every one of them has the size and the SHA-256 that the manifest says.
    5  The statement is about this manifest and is signed by a key that the verifier knows.
    6  The ledger holds the entry about this exhibit: its inclusion proof leads to the checkpoint's root.
    7  The checkpoint is signed by a key that the verifier knows. Which witnesses cosigned it is said,
       and which were asked and did not.
    8  The times in it follow each other; whether somebody else vouches for the last of them is said plainly. A timestamp
       token must be over the statement, by an authority that the verifier knows.

A step that cannot be tried because one before it failed counts as failed. Everything is foreign until it is checked, so nothing
here raises, whatever the bytes are. It needs `cryptography` and the standard library, and no network.
"""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from clearway.envelope import EnvelopeError, open_sealed, parse
from clearway.errors import ExhibitError
from clearway.evidence import canonical
from clearway.evidence.bundle import MANIFEST, PROOF, STATEMENT, TIMESTAMP, TOTAL_BYTES_MAX, Bundle, BundleError, opened
from clearway.evidence.ledger import Event, read_entry
from clearway.evidence.merkle import leaf_hash, verify_inclusion
from clearway.evidence.note import (
    COSIGNATURE,
    SIGNATURES_MAX,
    Proof,
    Verifier,
    checkpoint_signed_by,
    cosigned_at,
    read_checkpoint,
    read_note,
    read_path,
    read_proof,
    read_vkey,
)
from clearway.evidence.token import TokenError, check

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

FORMAT = "clearway-exhibit/4"
# The third shows neither signals nor the road. The second says nothing of measurements. In the first another file proves the
# ledger's entry, and no authority is asked for a timestamp.
FIRST_FORMAT, FIRST_PROOF = "clearway-exhibit/1", "ledger.json"
_PROOFS = {FORMAT: PROOF, "clearway-exhibit/3": PROOF, "clearway-exhibit/2": PROOF, FIRST_FORMAT: FIRST_PROOF}
# github.com/in-toto/attestation, spec/v1: the statement's type and the DSSE payload type that carries it.
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
PREDICATE_TYPE = "https://clearway.example/exhibit/v1"
_HEX_256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_WORDS_MAX = 500

TITLES = (
    "The file is an ordinary ZIP, within bounds",
    "The manifest is canonical and its SHA-256 is the exhibit's id",
    "Exactly the files that the manifest names are there",
    "Every file has its SHA-256",
    "The statement is signed by a known key",
    "The ledger holds an entry about this exhibit",
    "The ledger's checkpoint is signed by a known key",
    "Who else vouches for the time",
)


@dataclass(frozen=True, slots=True)
class Step:
    """One numbered step; `words` say what was found, or what is wrong."""

    number: int
    title: str
    passed: bool
    words: str


@dataclass(frozen=True, slots=True)
class Report:
    """Every step, always all of them. `exhibit` is the id, None where no manifest could be read."""

    exhibit: str | None
    steps: tuple[Step, ...]

    @property
    def passed(self) -> bool:
        return all(step.passed for step in self.steps)


class _FailedError(ValueError):
    """A step that does not pass; the message says why."""


@dataclass(slots=True)
class _Case:
    """What the steps have found so far."""

    path: Path
    bundle: Bundle
    keys: dict[str, bytes]
    witnesses: tuple[Verifier, ...]
    authorities: "tuple[Certificate, ...]"
    exhibit: str | None = None
    manifest: dict[str, object] = field(default_factory=dict)
    files: dict[str, tuple[str, int]] = field(default_factory=dict)
    note: str = ""

    @property
    def proof(self) -> str:
        """The name of the file that proves the ledger's entry."""
        return _PROOFS[str(self.manifest["format"])]


def verify(
    path: Path,
    trusted_keys: Mapping[str, bytes],
    witnesses: Sequence[Verifier] = (),
    *,
    authorities: "Sequence[Certificate]" = (),
    content: bytes | None = None,
) -> Report:
    """The report on the exhibit at `path`, or on `content`, which then `path` only names. Never raises.

    `trusted_keys` maps key ids (`envelope.key_id`) to raw public keys; each of `witnesses` must have cosigned the checkpoint;
    `authorities` are the certificates of the timestamp authorities that the verifier trusts.
    """
    try:
        with opened(path if content is None else content) as bundle:
            case = _Case(path, bundle, dict(trusted_keys), tuple(witnesses), tuple(authorities))
            steps = [_step(1, True, f"{len(bundle.members)} files, nothing before, between or behind them")]
            for number, check in enumerate(_CHECKS, start=2):
                steps.append(_tried(number, check, case, steps))
            return Report(case.exhibit, tuple(steps))
    except BundleError as error:
        rest = (_step(number, False, "not tried, because step 1 failed") for number in range(2, len(TITLES) + 1))
        return Report(None, (_step(1, False, str(error)), *rest))


def contents(path: Path) -> dict[str, bytes]:
    """Every file of the exhibit at `path` by name, unverified. ExhibitError where it is no exhibit's ZIP."""
    try:
        with opened(path) as bundle:
            return {name: bundle.read(name, TOTAL_BYTES_MAX) for name in bundle.members}
    except BundleError as error:
        raise ExhibitError(
            f"{path} is no whole exhibit: {error}.", remedy="ask its sender for an intact copy; do not use this one."
        ) from None


def _step(number: int, passed: bool, words: str) -> Step:
    """The step in words that fit on a terminal: what a stranger wrote may hold what moves its cursor."""
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in words[:_WORDS_MAX])
    return Step(number, TITLES[number - 1], passed, shown)


# Which earlier steps each step rests on: what it would say without them would be worth nothing.
_RESTS_ON = {2: (), 3: (2,), 4: (2, 3), 5: (2,), 6: (2,), 7: (6,), 8: (2,)}


def _tried(number: int, check: Callable[[_Case], str], case: _Case, before: list[Step]) -> Step:
    failed = [n for n in _RESTS_ON[number] if not before[n - 1].passed]
    if failed:
        return _step(number, False, f"not tried, because step {failed[0]} failed")
    try:
        return _step(number, True, check(case))
    except (_FailedError, BundleError, EnvelopeError) as error:
        return _step(number, False, str(error))


def _manifest(case: _Case) -> str:
    raw = case.bundle.read(MANIFEST)
    try:
        said = canonical.loads(raw)
    except ValueError as error:
        raise _FailedError(f"{MANIFEST}: {error}") from None
    case.exhibit = hashlib.sha256(raw).hexdigest()
    if not isinstance(said, dict) or said.get("format") not in _PROOFS:
        raise _FailedError(f"{MANIFEST} is of no format that this program knows: {' or '.join(_PROOFS)}")
    case.manifest = said
    case.files = _named(said.get("files"))
    if case.path.name != f"{case.exhibit}.zip":
        if _HEX_256.fullmatch(case.path.stem):
            raise _FailedError(f"the file is named by another exhibit's id; this one's is {case.exhibit}")
        return f"{case.exhibit} (the file was renamed)"
    return case.exhibit


def _named(files: object) -> dict[str, tuple[str, int]]:
    """Name → (SHA-256 in hex, size in bytes)."""
    named: dict[str, tuple[str, int]] = {}
    for line in files if isinstance(files, list) else [None]:
        match line:
            case {"name": str(name), "sha256": str(sha256), "size_bytes": int(size_bytes), **rest} if not rest:
                if name in named or name in {MANIFEST, STATEMENT, TIMESTAMP, *_PROOFS.values()}:
                    raise _FailedError(f"{MANIFEST} names {name[:80]!r} where it must not")
                named[name] = sha256, size_bytes
            case _:
                raise _FailedError(f"{MANIFEST} does not say which files belong to the exhibit")
    return named


def _files(case: _Case) -> str:
    # These vouch for the manifest, and so cannot be named in it. A timestamp may be missing: see step 8.
    expected = {*case.files, MANIFEST, STATEMENT, case.proof}
    allowed = expected | {TIMESTAMP} if isinstance(case.manifest.get("timestamp"), dict) else expected
    missing, added = sorted(expected - set(case.bundle.members)), sorted(set(case.bundle.members) - allowed)
    if missing or added:
        faults = [f"missing: {', '.join(missing)}"] * bool(missing) + [f"added: {', '.join(added)}"] * bool(added)
        raise _FailedError("; ".join(faults))
    return f"{len(case.files)} named files, and {len(case.bundle.members) - len(case.files)} that vouch for them{_original(case)}"


def _original(case: _Case) -> str:
    """What is to be said of the unmasked clip: who can open it. Nothing where there is none."""
    match case.manifest.get("original", "none"):
        case "none":
            return ""
        case {
            "file": str(name),
            "because": str(because),
            "sealed_to_sha256": str(key),
            "suite": str(_),
            "salted_sha256": str(salted),
            **rest,
        } if not rest and name in case.files and _HEX_256.fullmatch(key) and _HEX_256.fullmatch(salted):
            return f"; {name} is the unmasked clip, which only the holder of the key {key[:16]}… can open ({because})"
        case _:
            raise _FailedError("the manifest speaks of an original that this program does not know")


def _hashes(case: _Case) -> str:
    for name, (sha256, size_bytes) in case.files.items():
        member = case.bundle.members[name]
        if (member.sha256, member.size_bytes) != (sha256, size_bytes):
            raise _FailedError(f"{name} was changed after it was sealed")
    return f"{len(case.files)} of {len(case.files)}"


def _statement(case: _Case) -> str:
    raw = case.bundle.read(STATEMENT)
    payload, payload_type, signatures = parse(raw)
    only_spelling = {
        "payloadType": payload_type,
        "payload": base64.b64encode(payload).decode(),
        "signatures": [{"keyid": key, "sig": base64.b64encode(signature).decode()} for key, signature in signatures],
    }
    if json.dumps(only_spelling, separators=(",", ":")).encode() != raw or len(signatures) != 1:
        raise _FailedError(f"{STATEMENT} holds something that is not signed")
    if not case.keys:
        raise _FailedError("no key is known to check it with; name the sealer's public key (--key clearway.pub)")
    if signatures[0][0] not in case.keys:
        raise _FailedError(f"it is signed by a stranger, {signatures[0][0][:16]}…: nobody whose key you hold sealed this")
    _, signer = open_sealed(raw, PAYLOAD_TYPE, case.keys)
    try:
        said = canonical.loads(payload)
    except ValueError as error:
        raise _FailedError(f"the statement: {error}") from None
    subject = [{"name": MANIFEST, "digest": {"sha256": case.exhibit}}]
    if not isinstance(said, dict) or (said.get("_type"), said.get("predicateType")) != (STATEMENT_TYPE, PREDICATE_TYPE):
        raise _FailedError("what is signed is no statement about an exhibit")
    if said.get("subject") != subject:
        raise _FailedError("the signed statement is about another manifest")
    return f"key {signer[:16]}…"


def _ledger(case: _Case) -> str:
    line = _entry(case)
    raw = case.bundle.read(case.proof)
    try:
        proof = _first_proof(raw, line) if case.proof == FIRST_PROOF else read_proof(raw.decode())
        checkpoint = read_checkpoint(proof.checkpoint)
    except UnicodeDecodeError:
        raise _FailedError(f"{case.proof}: it is not UTF-8") from None
    except ValueError as error:
        raise _FailedError(f"{case.proof}: {error}") from None
    if not verify_inclusion(leaf_hash(line), proof.index, checkpoint.size, proof.path, checkpoint.root):
        raise _FailedError("the proof does not lead from the entry about this exhibit to the checkpoint's root")
    case.note = proof.checkpoint
    return f"entry {proof.index} of {checkpoint.size}, in {checkpoint.origin}"


def _entry(case: _Case) -> bytes:
    """The ledger's line about this exhibit, which its manifest determines."""
    passage = case.manifest.get("passage")
    camera = passage.get("camera") if isinstance(passage, dict) else None
    fields = {
        "event": Event.EXHIBIT_SEAL.value,
        "subject": case.exhibit,
        "at": case.manifest.get("sealed_at"),
        "by": f"camera:{camera}",
    }
    try:
        line = canonical.dumps(fields)
        read_entry(line)
    except ValueError as error:
        raise _FailedError(f"the manifest names no time and camera that an entry could be about: {error}") from None
    return line


def _first_proof(raw: bytes, line: bytes) -> Proof:
    """What the first format's JSON says: the same proof, with the entry and the tree's size spelled out beside it."""
    match canonical.loads(raw):
        case {"entry": dict(fields), "index": int(index), "size": int(size), "path": list(path), "checkpoint": str(note), **rest}:
            pass
        case _:
            raise ValueError("it is not of the form that an exhibit's has")
    if rest or isinstance(index, bool) or isinstance(size, bool) or not all(isinstance(text, str) for text in path):
        raise ValueError("it is not of the form that an exhibit's has")
    if canonical.dumps(fields) != line:
        raise ValueError("its entry is about something else")
    if size != read_checkpoint(note).size:
        raise ValueError("it is of another tree than its checkpoint")
    return Proof(index, read_path(path), note)


def _checkpoint(case: _Case) -> str:
    if not case.keys:
        raise _FailedError("no key is known to check it with; name the sealer's public key (--key clearway.pub)")
    key = next((key for key, raw in case.keys.items() if checkpoint_signed_by(case.note, raw)), None)
    if key is None:
        raise _FailedError("it is signed by a stranger, or it was changed after it was signed")
    words, asked = [f"key {key[:16]}…"], _asked_witnesses(case.manifest)
    for witness in case.witnesses:
        at = cosigned_at(case.note, witness)
        if at is None:
            raise _FailedError(f"the witness {witness.name} did not cosign it{', though it was asked' * (witness in asked)}")
        words.append(f"cosigned by {witness.name} at {canonical.rfc3339(at)}")
    # What the sealer says of its witnesses: only a key that the verifier has from somebody else makes one worth something.
    strangers = [witness for witness in asked if witness not in case.witnesses]
    obtained = [witness.name for witness in strangers if cosigned_at(case.note, witness) is not None]
    missing = [witness.name for witness in strangers if witness.name not in obtained]
    if obtained:
        words.append(f"cosigned by {', '.join(obtained)}, whose key is the sealer's word (name a witness with --witness)")
    if missing:
        words.append(f"cosignature: asked for, not obtained (of {', '.join(missing)})")
    others = len(read_note(case.note).signatures) - 1 - len(case.witnesses) - len(obtained)
    if others > 0:
        words.append(f"cosignatures by witnesses that were not named: {others}")
    if len(read_note(case.note).signatures) == 1 and not missing:
        words.append("cosignature: none. Only the sealer says that nobody is shown another ledger")
    return "; ".join(words)


def _asked_witnesses(manifest: Mapping[str, object]) -> list[Verifier]:
    """The witnesses that the sealer says it asked."""
    if "witnesses" not in manifest:
        return []
    said = manifest["witnesses"]
    words = said if isinstance(said, list) and 1 <= len(said) < SIGNATURES_MAX else [None]
    try:
        asked = [read_vkey(word) for word in words if isinstance(word, str)]
    except ValueError:
        asked = []
    alike = len({witness.name for witness in asked}) < len(asked)
    if alike or [witness.vkey() for witness in asked if witness.kind == COSIGNATURE] != words:
        raise _FailedError("the manifest names witnesses that are none")
    return asked


def _timestamp(case: _Case) -> str:
    sealed_at = _in_order(case.manifest)
    match case.manifest.get("timestamp"):
        case "none":
            return "timestamp: none. Only the sealer's own clock says when this was sealed"
        case {"authority": str(url), "certificates_sha256": list(_), **rest} if not rest:
            pass
        case _:
            raise _FailedError("the manifest speaks of a timestamp that this program cannot check")
    if TIMESTAMP not in case.bundle.members:
        return f"timestamp: asked for, not obtained (of {url}). Only the sealer's own clock says when this was sealed"
    if not case.authorities:
        raise _FailedError("no certificate of a timestamp authority is known to check it with; name one (--tsa tsa.pem)")
    try:
        token = check(case.bundle.read(TIMESTAMP), case.bundle.read(STATEMENT), case.authorities)
    except TokenError as error:
        raise _FailedError(f"{TIMESTAMP}: {error}") from None
    if token.precedes(sealed_at):
        raise _FailedError(
            f"clocks run backwards: the authority saw the statement at {canonical.rfc3339(token.at)}, and it says that it was "
            f"sealed at {canonical.rfc3339(sealed_at)}"
        )
    later_s = (token.at - sealed_at).total_seconds()
    apart = f"{abs(later_s):.1f} s {'after' if later_s >= 0 else 'before'} the sealer's clock said that it sealed"
    return f"{canonical.rfc3339(token.at)}, says {token.authority}; {apart}"


def _in_order(manifest: Mapping[str, object]) -> datetime:
    """When it was sealed, once no time in the manifest is later than one that must come after it."""
    match manifest:
        case {
            "sealed_at": str(sealed),
            "passage": {"first_at": str(first), "last_at": str(last), "clock": {"error_ms": int(error) | float(error)}},
            "shown": {"clip": {"frames": list(frames)}},
        }:
            pass
        case _:
            raise _FailedError("the manifest does not say when things happened")
    sealed_at, first_at, last_at = _time(sealed), _time(first), _time(last)
    times = [_time(frame.get("at")) if isinstance(frame, dict) else _time(None) for frame in frames]
    if first_at > last_at or any(a > b for a, b in pairwise(times)):
        raise _FailedError("clocks run backwards: its frames are not in the order of their times")
    if was_sealed_before(sealed_at, max(last_at, *times), error):
        raise _FailedError("clocks run backwards: it was sealed before the vehicle passed")
    return sealed_at


def was_sealed_before(sealed_at: datetime, seen_at: datetime, clock_error_ms: float) -> bool:
    """Whether what was seen at `seen_at` was still to come when it was sealed, even if the camera's clock was as wrong as it may
    be."""
    return seen_at - sealed_at > timedelta(milliseconds=max(0.0, min(clock_error_ms, 1e15)))


def _time(text: object) -> datetime:
    """A time of the manifest: RFC 3339 in UTC, in its only spelling."""
    try:
        at = datetime.fromisoformat(text) if isinstance(text, str) and text.endswith("Z") else None
        if at is not None and canonical.rfc3339(at) == text:
            return at
    except (ValueError, OverflowError):
        pass
    raise _FailedError("the manifest holds a time that is none")


_CHECKS = (_manifest, _files, _hashes, _statement, _ledger, _checkpoint, _timestamp)
