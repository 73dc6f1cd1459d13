"""Somebody else's code agrees: sigstore-python, which checks that software is in Rekor's log, finds our entries in our ledger.

It takes an entry of Rekor. Ours is put into that form: the leaf is the ledger's line; index, size, root, path and checkpoint are
those of our proof; the log's id begins with the hash by which a signed note calls its key. What else Rekor says of an entry, its
kind and when it came, is not looked at here.
"""

import base64
import hashlib
import json
import random
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sigstore._internal.merkle import verify_merkle_inclusion
from sigstore._internal.rekor.checkpoint import verify_checkpoint
from sigstore._internal.trust import Keyring, RekorKeyring
from sigstore.errors import VerificationError
from sigstore.models import TransparencyLogEntry
from sigstore_models.common.v1 import PublicKey
from sigstore_models.rekor import v1 as rekor
from tests.evidence.eyes import served, witness_of
from tests.evidence.world import World

from clearway.envelope import create_keys
from clearway.evidence import canonical
from clearway.evidence.ledger import Entry, Event, Ledger
from clearway.evidence.note import Proof, key_hash, read_checkpoint, read_note, read_proof
from clearway.evidence.verify import contents
from clearway.evidence.witness import Asked, Witnesses

AT = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)


def line(number: int) -> bytes:
    return entry(number).line()


def entry(number: int) -> Entry:
    return Entry(Event.EXHIBIT_VIEW, hashlib.sha256(str(number).encode()).hexdigest(), AT, "officer:7")


def accepts(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes, note: str, public_key: bytes) -> bool:
    """Whether sigstore-python finds the leaf there, and the root in a checkpoint that this key signed."""
    named = key_hash(read_checkpoint(note).origin, public_key)
    said: dict[str, Any] = {
        "logIndex": str(index),
        "logId": {"keyId": _base64(named.ljust(32, b"\0"))},
        "kindVersion": {"kind": "clearway", "version": "1"},
        "inclusionProof": {
            "logIndex": str(index),
            "treeSize": str(size),
            "rootHash": _base64(root),
            "hashes": [_base64(sibling) for sibling in path],
            "checkpoint": {"envelope": note},
        },
        "canonicalizedBody": _base64(leaf),
    }
    ours = TransparencyLogEntry(rekor.TransparencyLogEntry.from_dict(said))
    der = Ed25519PublicKey.from_public_bytes(public_key).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    known = PublicKey.from_json(json.dumps({"rawBytes": _base64(der), "keyDetails": "PKIX_ED25519"}))
    try:
        verify_merkle_inclusion(ours)
        verify_checkpoint(RekorKeyring(Keyring([known])), ours)
    except VerificationError:
        return False
    return True


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def finds(leaf: bytes, proof: Proof, public_key: bytes) -> bool:
    signed = read_checkpoint(proof.checkpoint)
    return accepts(leaf, proof.index, signed.size, proof.path, signed.root, proof.checkpoint, public_key)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 255, 256, 257, 515, 66_000])
def test_sigstore_accepts_our_proofs(tmp_path: Path, size: int) -> None:
    signer = create_keys(tmp_path / "keys")
    ledger = Ledger(tmp_path / "ledger", signer)
    ledger.append_all([entry(number) for number in range(size)])
    for index in {0, 1, size // 3, size // 2, size - 2, size - 1} & set(range(size)):
        proof = ledger.prove(index)
        assert finds(line(index), proof, signer.public_key()), index
        assert not finds(line(index + 1), proof, signer.public_key())


def test_sigstore_refuses_what_was_changed(tmp_path: Path) -> None:
    signer, stranger = create_keys(tmp_path / "keys"), create_keys(tmp_path / "stranger")
    ledger, other = Ledger(tmp_path / "ledger", signer), Ledger(tmp_path / "other", signer)
    ledger.append_all([entry(number) for number in range(300)])
    other.append_all([entry(number) for number in range(1, 301)])
    dice = random.Random(5)
    for _ in range(100):
        index = dice.randrange(300)
        proof, signed = ledger.prove(index), read_checkpoint(ledger.checkpoint())
        root, at = bytearray(signed.root), dice.randrange(len(proof.path))
        root[dice.randrange(32)] ^= 1 << dice.randrange(8)
        bent = bytearray(proof.path[at])
        bent[dice.randrange(32)] ^= 1 << dice.randrange(8)
        given = line(index), index, signed.size, proof.path, signed.root, proof.checkpoint, signer.public_key()
        assert accepts(*given)
        for changed in (
            (given[0][:-1], *given[1:]),
            (given[0], index ^ 1, *given[2:]),
            (*given[:3], (*proof.path[:at], bytes(bent), *proof.path[at + 1 :]), *given[4:]),
            (*given[:3], proof.path[1:], *given[4:]),
            (*given[:3], (*proof.path, bytes(32)), *given[4:]),
            (*given[:4], bytes(root), *given[5:]),
            (*given[:5], other.checkpoint(), given[6]),
            (*given[:5], proof.checkpoint.replace("\n300\n", "\n301\n"), given[6]),
            (*given[:6], stranger.public_key()),
        ):
            assert not accepts(*changed)


def test_sigstore_finds_an_exhibit(tmp_path: Path) -> None:
    world = World(tmp_path / "data")
    witness = witness_of(world.ledger, world.signer.public_key(), tmp_path / "eyes", "witness.example/w1")
    with served(witness) as (url, _):
        world.witnesses = Witnesses([Asked(url, witness.verifier)], print)
        world.sealer = world.new_sealer()
        for _ in range(5):
            path = Path(world.seal().path)
    files = contents(path)
    said = canonical.loads(files["manifest.json"])
    assert isinstance(said, dict)
    fields = {"event": "exhibit:seal", "subject": path.stem, "at": said["sealed_at"], "by": "camera:north-gate"}
    proof = read_proof(files["ledger.tlog-proof"].decode())
    assert len(read_note(proof.checkpoint).signatures) == 2, "a witness' cosignature is no obstacle"
    assert finds(canonical.dumps(fields), proof, world.signer.public_key())
    assert not finds(canonical.dumps(fields | {"by": "camera:south-gate"}), proof, world.signer.public_key())
