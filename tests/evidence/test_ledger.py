"""The ledger is RFC 6962's tree under C2SP's checkpoint, and what it acknowledged it keeps."""

import base64
import hashlib
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from clearway.envelope import FileSigner, create_keys, verifies
from clearway.errors import StoreError
from clearway.evidence.ledger import (
    CHECKPOINT_NAME,
    ENTRIES_NAME,
    Checkpoint,
    Entry,
    Event,
    Frontier,
    Ledger,
    check,
    checkpoint_signed_by,
    inclusion_path,
    key_hash,
    leaf_hash,
    read_checkpoint,
    read_entry,
    sign_checkpoint,
    verify_inclusion,
)

AT = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
# The leaves that the first Certificate Transparency programs were tested with, and the roots of their first n.
CT_LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
CT_ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}


def subject(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


def grown(leaves: list[bytes]) -> Frontier:
    frontier = Frontier()
    for leaf in leaves:
        frontier = frontier.with_leaf(leaf)
    return frontier


# --- RFC 6962, section 2.1, word by word: the largest power of two below n splits the leaves ---


def mth(leaves: list[bytes]) -> bytes:
    if len(leaves) <= 1:
        return leaves[0] if leaves else hashlib.sha256(b"").digest()
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def audit_path(m: int, leaves: list[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    k = 1 << (len(leaves) - 1).bit_length() - 1
    if m < k:
        return [*audit_path(m, leaves[:k]), mth(leaves[k:])]
    return [*audit_path(m - k, leaves[k:]), mth(leaves[:k])]


@pytest.mark.parametrize(("count", "root"), CT_ROOTS.items())
def test_the_roots_are_those_of_certificate_transparency(count: int, root: str) -> None:
    assert grown([leaf_hash(bytes.fromhex(leaf)) for leaf in CT_LEAVES[:count]]).root().hex() == root


@pytest.mark.parametrize("size", [*range(1, 35), 64, 65])
def test_roots_and_paths_are_those_of_the_definition(size: int) -> None:
    leaves = [leaf_hash(str(number).encode()) for number in range(size)]
    root = grown(leaves).root()
    assert root == mth(leaves)
    for index in range(size):
        path = inclusion_path(leaves, index)
        assert list(path) == audit_path(index, leaves)
        assert verify_inclusion(leaves[index], index, size, path, root)
        assert not verify_inclusion(leaf_hash(b"another"), index, size, path, root)
        assert not verify_inclusion(leaves[index], (index + 1) % size, size, path, root) or size == 1
        assert not verify_inclusion(leaves[index], index, size, (*path, root), root)
        assert not path or not verify_inclusion(leaves[index], index, size, path[:-1], root)
    assert not verify_inclusion(leaves[0], size, size, (), root)


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
    assert key_hash(name, base64.b64decode(key)[1:]).hex() == hashed


def test_a_note_signed_by_others_verifies() -> None:
    """The example of golang.org/x/mod/sumdb/note: the signature is over the text with its last newline, the blank line apart."""
    text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
    signature = base64.b64decode("x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=")
    key = base64.b64decode("ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")[1:]
    assert signature[:4] == key_hash("PeterNeumann", key)
    assert verifies(key, signature[4:], text.encode())


@pytest.fixture
def signer(tmp_path: Path) -> FileSigner:
    return create_keys(tmp_path / "keys")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "ledger"


def test_a_checkpoint_is_three_lines_a_blank_and_a_signature(signer: FileSigner) -> None:
    note = sign_checkpoint(Checkpoint("example.com/log", 5, bytes(32)), signer)
    lines = note.split("\n")
    assert lines[:4] == ["example.com/log", "5", base64.b64encode(bytes(32)).decode(), ""]
    assert lines[4].startswith("\u2014 example.com/log ")
    assert lines[5:] == [""]
    assert checkpoint_signed_by(note, signer.public_key())
    assert read_checkpoint(note) == Checkpoint("example.com/log", 5, bytes(32))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("5\n", "6\n"),  # another size
        ("5\n", "05\n"),  # the same size, spelled otherwise
        ("example.com/log\n", "example.com/other\n"),  # another ledger, the key still named after the first
        ("\n\n", "\nextension\n\n"),  # a line more
        ("\n\u2014", "\n\n\u2014"),  # a blank line more
        ("\u2014", "-"),  # no em dash
    ],
)
def test_a_checkpoint_that_was_changed_is_not_signed(signer: FileSigner, old: str, new: str) -> None:
    note = sign_checkpoint(Checkpoint("example.com/log", 5, bytes(32)), signer).replace(old, new)
    assert not checkpoint_signed_by(note, signer.public_key())


def test_what_was_appended_is_proved_and_there_after_a_restart(folder: Path, signer: FileSigner) -> None:
    ledger = Ledger(folder, signer)
    assert read_checkpoint(ledger.checkpoint()) == Checkpoint(ledger.origin, 0, hashlib.sha256(b"").digest())
    for number in range(9):
        assert ledger.append(Event.EXHIBIT_VIEW, subject(number), AT, "officer:7") == number
        proof = ledger.prove(number)
        leaf = leaf_hash(Entry(Event.EXHIBIT_VIEW, subject(number), AT, "officer:7").line())
        root = read_checkpoint(proof.checkpoint).root
        assert verify_inclusion(leaf, number, proof.size, proof.path, root)
    again = Ledger(folder, signer)
    assert (again.size, again.checkpoint()) == (9, ledger.checkpoint())
    assert [entry.subject for entry in again.entries()] == [subject(number) for number in range(9)]
    root = check(folder, signer.public_key()).root
    for number in range(9):
        proof = again.prove(number)
        leaf = leaf_hash(Entry(Event.EXHIBIT_VIEW, subject(number), AT, "officer:7").line())
        assert verify_inclusion(leaf, number, 9, proof.path, root)


def test_two_ledgers_on_one_folder_see_each_others_entries(folder: Path, signer: FileSigner) -> None:
    first, second = Ledger(folder, signer), Ledger(folder, signer)
    for number in range(6):
        assert (first, second)[number % 2].append(Event.LIST_PUBLISH, subject(number), AT, "hub:main") == number
    assert first.size == second.size == check(folder, signer.public_key()).size == 6


def test_several_processes_append_at_once(folder: Path, signer: FileSigner) -> None:
    each, children = 25, []
    for who in range(3):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                ledger = Ledger(folder, signer)
                for number in range(each):
                    ledger.append(Event.EXHIBIT_VIEW, subject(number), AT, f"officer:{who}")
                code = 0
            finally:
                os._exit(code)
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0, 0, 0]
    assert check(folder, signer.public_key()).size == 3 * each
    by = [entry.by for entry in Ledger(folder, signer).entries()]
    assert {name: by.count(name) for name in set(by)} == {f"officer:{who}": each for who in range(3)}


@pytest.mark.parametrize(
    ("tail", "kept"),
    [
        (b"", 3),
        (b'{"at":"2026-11-22T08:30:00Z","by":"off', 3),  # cut in the middle of a line
        (b"\x00" * 300, 3),  # the file grew, its blocks did not come
        (b"\xff\xfe\n", 3),  # a line of rubbish
        (Entry(Event.EXHIBIT_VIEW, subject(9), AT, "officer:7").line(), 3),  # whole but for its newline
        (Entry(Event.EXHIBIT_VIEW, subject(9), AT, "officer:7").line() + b"\n", 4),  # whole: it stays
        (Entry(Event.EXHIBIT_VIEW, subject(9), AT, "officer:7").line() + b"\n{", 4),
    ],
)
def test_a_power_cut_in_the_middle_of_an_append_loses_nothing_that_was_acknowledged(
    folder: Path, signer: FileSigner, tail: bytes, kept: int
) -> None:
    open_before = Ledger(folder, signer)
    for number in range(3):
        open_before.append(Event.EXHIBIT_VIEW, subject(number), AT, "officer:7")
    with (folder / ENTRIES_NAME).open("ab") as file:
        file.write(tail)
    assert check(folder, signer.public_key()).size == 3, "what the checkpoint signs is whole at every moment"
    assert Ledger(folder, signer).size == kept
    assert open_before.append(Event.EXHIBIT_VIEW, subject(5), AT, "officer:7") == kept
    assert check(folder, signer.public_key()).size == kept + 1


def test_tampering_is_found(folder: Path, signer: FileSigner, tmp_path: Path) -> None:
    ledger = Ledger(folder, signer)
    for number in range(4):
        ledger.append(Event.EXHIBIT_VIEW, subject(number), AT, "officer:7")
    entries, checkpoint = (folder / ENTRIES_NAME).read_bytes(), (folder / CHECKPOINT_NAME).read_bytes()
    lines = entries.splitlines(keepends=True)
    stranger = create_keys(tmp_path / "stranger")
    forged = sign_checkpoint(read_checkpoint(checkpoint.decode()), stranger).encode()
    for sin, changed, note in (
        ("altered", entries.replace(b"officer:7", b"officer:8", 1), checkpoint),
        ("deleted", b"".join(lines[1:]), checkpoint),
        ("reordered", b"".join([lines[1], lines[0], *lines[2:]]), checkpoint),
        ("cut", entries[:-10], checkpoint),
        ("emptied", b"", checkpoint),
        ("signed by a stranger", entries, forged),
        ("no checkpoint", entries, b""),
    ):
        (folder / ENTRIES_NAME).write_bytes(changed)
        (folder / CHECKPOINT_NAME).write_bytes(note)
        with pytest.raises(StoreError, match="damaged"):
            check(folder, signer.public_key())
        with pytest.raises(StoreError, match="damaged"):
            Ledger(folder, signer)
        assert (folder / ENTRIES_NAME).read_bytes() == changed, f"{sin}: a damaged ledger is left as it is"


def test_a_ledger_that_went_back_is_noticed_by_whoever_knew_it_longer(folder: Path, signer: FileSigner) -> None:
    ledger = Ledger(folder, signer)
    ledger.append(Event.EXHIBIT_VIEW, subject(0), AT, "officer:7")
    earlier = (folder / ENTRIES_NAME).read_bytes(), (folder / CHECKPOINT_NAME).read_bytes()
    ledger.append(Event.EXHIBIT_VIEW, subject(1), AT, "officer:7")
    (folder / ENTRIES_NAME).write_bytes(earlier[0])
    (folder / CHECKPOINT_NAME).write_bytes(earlier[1])
    with pytest.raises(StoreError, match="went back"):
        ledger.append(Event.EXHIBIT_VIEW, subject(2), AT, "officer:7")


@pytest.mark.parametrize(
    "line",
    [
        b"{}",
        b"[]",
        b'{"at":"2026-11-22T08:30:00Z","by":"officer:7","event":"vehicle:follow","subject":"' + b"0" * 64 + b'"}',
        b'{"at":"2026-11-22T08:30:00Z","by":"officer:7","event":"exhibit:view","subject":"AB12CDE"}',  # a plate is no subject
        b'{"at":"2026-11-22T08:30:00","by":"officer:7","event":"exhibit:view","subject":"' + b"0" * 64 + b'"}',  # no zone
        b'{"at":"2026-11-22T08:30Z","by":"officer:7","event":"exhibit:view","subject":"' + b"0" * 64 + b'"}',  # short
        b'{"at":"2026-11-22T08:30:00Z","by":"","event":"exhibit:view","subject":"' + b"0" * 64 + b'"}',
        b'{"at":"2026-11-22T08:30:00Z","by":7,"event":"exhibit:view","subject":"' + b"0" * 64 + b'"}',
    ],
)
def test_what_is_no_entry_is_not_read_as_one(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"entry|canonical|Event"):
        read_entry(line)
