"""Notes, checkpoints, cosignatures and proofs are C2SP's, and have one spelling each."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clearway.envelope import FileSigner, create_keys, verifies
from clearway.evidence.note import (
    COSIGNATURE,
    LOG,
    SIGNATURES_MAX,
    Checkpoint,
    Note,
    Proof,
    Signature,
    Verifier,
    add_checkpoint,
    checkpoint_signed_by,
    cosign,
    cosigned_at,
    key_hash,
    read_add_checkpoint,
    read_checkpoint,
    read_note,
    read_proof,
    read_vkey,
    sign_checkpoint,
)
from clearway.evidence.tiles import bundle, read_bundle

AT = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
HEAD = Checkpoint("example.com/log", 5, bytes(32))


@pytest.fixture
def signer(tmp_path: Path) -> FileSigner:
    return create_keys(tmp_path / "keys")


@pytest.fixture
def witness(tmp_path: Path) -> FileSigner:
    return create_keys(tmp_path / "witness")


@pytest.mark.parametrize(
    ("name", "key", "hashed"),
    [
        # The key of Go's checksum database, as every Go installation carries it.
        ("sum.golang.org", "Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8", "033de0ae"),
        # The example in the documentation of golang.org/x/mod/sumdb/note.
        ("PeterNeumann", "ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", "c74f20a3"),
    ],
)
def test_key_hashes_are_those_of_signed_notes(name: str, key: str, hashed: str) -> None:
    raw = base64.b64decode(key)
    assert key_hash(name, raw[1:]).hex() == hashed
    assert read_vkey(f"{name}+{hashed}+{key}") == Verifier(name, raw[1:], LOG)


def test_a_note_signed_by_others_verifies() -> None:
    """The example of golang.org/x/mod/sumdb/note: the signature is over the text with its last newline, the blank line apart."""
    raw = (
        "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n"
        "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
    )
    note = read_note(raw)
    assert note.by(read_vkey("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")) is note.signatures[0]
    assert note.raw() == raw


def test_the_example_of_cosignatures_has_its_key_and_time() -> None:
    """c2sp.org/tlog-cosignature shows this line without a key; its time is the one that the page names."""
    line = "jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA=="
    raw = base64.b64decode(line)
    assert int.from_bytes(raw[4:12]) == 1679315147
    assert len(raw) == 4 + 8 + 64


def test_a_checkpoint_is_three_lines_a_blank_and_a_signature(signer: FileSigner) -> None:
    note = sign_checkpoint(HEAD, signer)
    lines = note.split("\n")
    assert lines[:4] == ["example.com/log", "5", base64.b64encode(bytes(32)).decode(), ""]
    assert lines[4].startswith("\u2014 example.com/log ")
    assert lines[5:] == [""]
    assert checkpoint_signed_by(note, signer.public_key())
    assert read_checkpoint(note) == HEAD


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("5\n", "6\n"),  # another size
        ("5\n", "05\n"),  # the same size, spelled otherwise
        ("5\n", "\u0665\n"),  # a digit of another script
        ("example.com/log\n", "example.com/other\n"),  # another ledger, the key still named after the first
        ("\n\n", "\nextension\n\n"),  # a line more
        ("\n\u2014", "\n\n\u2014"),  # a blank line more
        ("\u2014", "-"),  # no em dash
        ("\u2014 ", "\u2014  "),  # a space more
        ("\u2014 ", "\u2014 \t"),
        ("A=\n", "A\n"),
    ],
)
def test_a_checkpoint_that_was_changed_is_not_signed(signer: FileSigner, old: str, new: str) -> None:
    note = sign_checkpoint(HEAD, signer)
    assert checkpoint_signed_by(note, signer.public_key())
    assert not checkpoint_signed_by(note.replace(old, new), signer.public_key())


def test_extension_lines_of_other_logs_are_read_and_signed(signer: FileSigner) -> None:
    head = Checkpoint("example.com/log", 5, bytes(32), ("a line", "another"))
    note = sign_checkpoint(head, signer)
    assert read_checkpoint(note) == head
    assert checkpoint_signed_by(note, signer.public_key())


def test_a_cosignature_says_when_and_by_whom(signer: FileSigner, witness: FileSigner) -> None:
    name = "witness.example/w1"
    note = read_note(sign_checkpoint(HEAD, signer))
    line = cosign(note.text, name, witness, AT)
    cosigned = Note(note.text, (*note.signatures, line)).raw()
    key = Verifier(name, witness.public_key(), COSIGNATURE)
    assert read_vkey(key.vkey()) == key
    assert checkpoint_signed_by(cosigned, signer.public_key())
    assert cosigned_at(cosigned, key) == AT
    # The message is the one that the specification spells.
    message = f"cosignature/v1\ntime {int(AT.timestamp())}\n{note.text}".encode()
    assert verifies(witness.public_key(), line.raw[8:], message)
    assert cosigned_at(cosigned, Verifier("witness.example/w2", witness.public_key(), COSIGNATURE)) is None
    assert cosigned_at(cosigned, Verifier(name, witness.public_key(), LOG)) is None
    later = Signature(name, line.key_hash, (int(AT.timestamp()) + 1).to_bytes(8) + line.raw[8:])
    assert cosigned_at(Note(note.text, (*note.signatures, later)).raw(), key) is None
    other = sign_checkpoint(Checkpoint("example.com/log", 6, bytes(32)), signer)
    assert cosigned_at(Note(read_note(other).text, (*read_note(other).signatures, line)).raw(), key) is None


def test_beside_the_owners_signature_only_cosignatures_may_stand(signer: FileSigner, witness: FileSigner) -> None:
    note = read_note(sign_checkpoint(HEAD, signer))
    mine, key = note.signatures[0], signer.public_key()
    line = cosign(note.text, "witness.example", witness, AT)

    def signed(*signatures: Signature) -> bool:
        return checkpoint_signed_by(Note(note.text, signatures).raw(), key)

    assert signed(mine, line)
    assert not signed(line, mine), "the owner's comes first"
    assert not signed(mine, mine), "once"
    assert not signed(line), "and must be there"
    assert not signed(mine, Signature("somebody", b"abcd", b"something else"))
    assert signed(mine, *[line] * (SIGNATURES_MAX - 1))
    assert not signed(mine, *[line] * SIGNATURES_MAX)


def test_a_proof_is_read_as_it_is_written(signer: FileSigner) -> None:
    proof = Proof(3, (bytes(32), b"\x01" * 32), sign_checkpoint(HEAD, signer))
    lines = proof.text().split("\n")
    assert lines[:2] == ["c2sp.org/tlog-proof@v1", "index 3"]
    assert lines[4] == ""
    assert read_proof(proof.text()) == proof
    none = Proof(0, (), sign_checkpoint(HEAD, signer))
    assert none.text().startswith("c2sp.org/tlog-proof@v1\nindex 0\n\nexample.com/log\n")
    assert read_proof(none.text()) == none


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("proof@v1", "proof@v2"),
        ("index 3", "index 03"),
        ("index 3", "index -3"),
        ("index 3\n", ""),
        ("index 3", "extra AAAA\nindex 3"),  # what nobody signs has no place in evidence
        ("index 3\n", "index 3\nAAAA\n"),
        ("index 3\n", "index 3\n\n"),
        ("index 3\n", "index 3\n" + (base64.b64encode(bytes(32)).decode() + "\n") * 63),
        ("\n\n\u2014", "\n\u2014"),
    ],
)
def test_what_is_no_proof_is_not_read_as_one(signer: FileSigner, old: str, new: str) -> None:
    text = Proof(3, (bytes(32),), sign_checkpoint(HEAD, signer)).text()
    assert old in text
    with pytest.raises(ValueError, match="it"):
        read_proof(text.replace(old, new, 1))


@pytest.mark.parametrize(
    "word", ["", "a", "a+b", "a+00000000+AAAA", "sum.golang.org+033de0af+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"]
)
def test_what_is_no_key_is_not_read_as_one(word: str) -> None:
    with pytest.raises(ValueError, match="it"):
        read_vkey(word)


def _whole_texts() -> list[str]:
    private = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    signer = FileSigner(private)
    note = read_note(sign_checkpoint(HEAD, signer))
    cosigned = Note(note.text, (*note.signatures, cosign(note.text, "witness.example", signer, AT))).raw()
    return [
        cosigned,
        Proof(3, (bytes(32),), cosigned).text(),
        add_checkpoint(3, (bytes(32),), cosigned),
        Verifier("witness.example", bytes(32), COSIGNATURE).vkey(),
    ]


WHOLE_TEXTS = _whole_texts()


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_foreign_text_is_read_back_as_it_was_or_refused(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(WHOLE_TEXTS) | st.text(max_size=60))
    at = data.draw(st.integers(0, len(text)))
    rest = text[at + data.draw(st.integers(0, 3)) :]
    text = text[:at] + data.draw(st.text(max_size=3) | st.sampled_from(["\n", "\n\n", " ", "+", "\ud800", "\u2014 "])) + rest
    readers: list[tuple[Callable[[str], object], Callable[[Any], str]]] = [
        (read_note, lambda note: note.raw()),
        (read_proof, lambda proof: proof.text()),
        (read_add_checkpoint, lambda said: add_checkpoint(*said)),
        (read_vkey, lambda verifier: verifier.vkey()),
    ]
    for read, write in readers:
        try:
            said = read(text)
        except ValueError:
            continue
        assert write(said) == text.strip() if read is read_vkey else write(said) == text


@given(st.binary(max_size=300))
def test_foreign_bundles_are_read_back_as_they_were_or_refused(raw: bytes) -> None:
    try:
        entries = read_bundle(raw)
    except ValueError:
        return
    assert bundle(entries) == raw
