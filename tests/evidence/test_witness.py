"""A witness cosigns what only grew, remembers it, and refuses everything else by name; over HTTP as in memory."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path

import pytest
from tests.evidence.eyes import served
from tests.evidence.sins import packed, unpacked
from tests.evidence.world import World as Sealing

from clearway.cli import cosign as verb
from clearway.cli.main import _parser
from clearway.envelope import FileSigner, create_keys
from clearway.errors import StoreError, UsageError
from clearway.evidence.ledger import CHECKPOINT_NAME, Entry, Event, Ledger
from clearway.evidence.merkle import EMPTY_ROOT
from clearway.evidence.note import (
    Checkpoint,
    Note,
    Proof,
    Verifier,
    add_checkpoint,
    checkpoint_signed_by,
    cosigned_at,
    read_checkpoint,
    read_note,
    read_proof,
    read_signatures,
    read_vkey,
    sign_checkpoint,
)
from clearway.evidence.verify import verify
from clearway.evidence.witness import REQUEST_BYTES_MAX, Asked, Witness, ask

AT = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
NAME = "witness.example/w1"


def entries(first: int, last: int, by: str = "officer:7") -> list[Entry]:
    return [Entry(Event.EXHIBIT_VIEW, hashlib.sha256(str(n).encode()).hexdigest(), AT, by) for n in range(first, last)]


@dataclass(frozen=True)
class World:
    data: Path
    signer: FileSigner
    ledger: Ledger
    witness: Witness
    folder: Path

    @property
    def log(self) -> Verifier:
        return Verifier(self.ledger.origin, self.signer.public_key())

    def grow(self, count: int) -> None:
        self.ledger.append_all(entries(self.ledger.size, self.ledger.size + count))

    def asked(self, old: int) -> tuple[HTTPStatus, str, str | None]:
        answer = self.witness.add_checkpoint(self.ledger.growth(old)[1].encode())
        return answer.status, answer.body, answer.refused


@pytest.fixture
def world(tmp_path: Path) -> World:
    data, folder = tmp_path / "data", tmp_path / "witness"
    signer = create_keys(data / "keys")
    ledger = Ledger(data / "ledger", signer)
    logs = {ledger.origin: Verifier(ledger.origin, signer.public_key())}
    return World(data, signer, ledger, Witness(folder, NAME, create_keys(folder), logs, lambda: AT), folder)


def test_it_cosigns_what_only_grew(world: World) -> None:
    sizes = [0, 3, 3, 256, 600]
    for old, size in zip([0, *sizes], sizes, strict=False):
        world.grow(size - world.ledger.size)
        status, body, refused = world.asked(old)
        assert (status, refused) == (HTTPStatus.OK, None), body
        (line,) = read_signatures(body)
        note = read_note(world.ledger.checkpoint())
        cosigned = Note(note.text, (*note.signatures, line)).raw()
        assert cosigned_at(cosigned, world.witness.verifier) == AT
        known = world.witness.known(world.ledger.origin)
        assert known == read_checkpoint(world.ledger.checkpoint())


def test_it_remembers_after_a_restart(world: World) -> None:
    world.grow(5)
    world.asked(0)
    again = Witness(world.folder, NAME, world.signer, {world.ledger.origin: world.log}, lambda: AT)
    assert again.known(world.ledger.origin) == read_checkpoint(world.ledger.checkpoint())
    assert again.known("another/ledger") is None


def test_it_tells_its_size_to_whoever_names_another(world: World) -> None:
    world.grow(5)
    world.asked(0)
    world.grow(5)
    answer = world.witness.add_checkpoint(world.ledger.growth(0)[1].encode())
    assert (answer.status, answer.body, answer.content_type) == (HTTPStatus.CONFLICT, "5\n", "text/x.tlog.size")
    answer = world.witness.add_checkpoint(world.ledger.growth(7)[1].encode())
    assert (answer.status, answer.body) == (HTTPStatus.CONFLICT, "5\n")


def test_a_fork_is_refused_and_kept_as_proof(world: World, tmp_path: Path) -> None:
    world.grow(5)
    world.asked(0)
    fork = Ledger(tmp_path / "fork", world.signer)
    fork.append_all(entries(0, 5, "officer:9"))
    answer = world.witness.add_checkpoint(fork.growth(5)[1].encode())
    assert answer.status == HTTPStatus.CONFLICT
    assert answer.refused is not None and answer.refused.startswith("fork")
    (kept,) = world.folder.glob("*.fork")
    assert read_note(kept.read_text()).by(world.log) is not None, "its owner signed both"
    fork.append_all(entries(5, 9))
    answer = world.witness.add_checkpoint(fork.growth(5)[1].encode())
    assert answer.status == HTTPStatus.UNPROCESSABLE_ENTITY
    assert answer.refused is not None and answer.refused.startswith("fork")
    known = world.witness.known(world.ledger.origin)
    assert known is not None and known.size == 5


def test_a_rollback_is_refused(world: World, tmp_path: Path) -> None:
    world.grow(5)
    world.asked(0)
    back = Ledger(tmp_path / "back", world.signer)
    back.append_all(entries(0, 3))
    for old, status in ((0, HTTPStatus.CONFLICT), (3, HTTPStatus.CONFLICT), (5, HTTPStatus.BAD_REQUEST)):
        answer = world.witness.add_checkpoint(back.growth(old)[1].encode())
        assert answer.status == status
        assert answer.refused is not None and answer.refused.startswith("rollback")


def test_strangers_are_refused(world: World, tmp_path: Path) -> None:
    stranger = create_keys(tmp_path / "stranger")
    head = Checkpoint(world.ledger.origin, 0, EMPTY_ROOT)
    for note, status, named in (
        (sign_checkpoint(head, stranger), HTTPStatus.FORBIDDEN, "wrong signature"),
        (sign_checkpoint(Checkpoint("another/ledger", 0, EMPTY_ROOT), world.signer), HTTPStatus.NOT_FOUND, "unknown log"),
        (sign_checkpoint(Checkpoint(head.origin, 0, bytes(32)), world.signer), HTTPStatus.CONFLICT, "fork"),
    ):
        answer = world.witness.add_checkpoint(add_checkpoint(0, (), note).encode())
        assert answer.status == status
        assert answer.refused is not None and answer.refused.startswith(named)
    assert world.witness.known(head.origin) is None


def test_other_signatures_are_no_business_of_the_witness(world: World, tmp_path: Path) -> None:
    note = read_note(world.ledger.checkpoint())
    stranger = read_note(sign_checkpoint(read_checkpoint(note.raw()), create_keys(tmp_path / "stranger"))).signatures[0]
    both = Note(note.text, (stranger, *note.signatures)).raw()
    assert world.witness.add_checkpoint(add_checkpoint(0, (), both).encode()).status == HTTPStatus.OK
    (remembered,) = (path for path in world.folder.iterdir() if len(path.name) == 64)
    assert remembered.read_text() == note.raw()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("old 0", "old 00"),
        ("old 0", "old -1"),
        ("old 0", "old \u0660"),
        ("old 0", "old 99999999999999999999"),
        ("old 0\n", ""),
        ("old 0\n", "old 0\nAAAA\n"),
        ("old 0\n", "old 0\n" + f"{'A' * 43}=\n" * 64),
        ("old 0\n\n", "old 0\n"),
        ("\u2014", "-"),
        ("clearway", "clear way"),
        ("\n0\n", "\n0\n\n"),
    ],
)
def test_what_is_no_request_is_refused(world: World, old: str, new: str) -> None:
    body = world.ledger.growth(0)[1]
    assert old in body
    answer = world.witness.add_checkpoint(body.replace(old, new, 1).encode())
    assert answer.status == HTTPStatus.BAD_REQUEST
    assert answer.refused is not None and answer.refused.startswith("malformed")
    assert world.witness.add_checkpoint(b"\xff\xfe").status == HTTPStatus.BAD_REQUEST


def test_two_requests_at_once_never_turn_its_memory_back(world: World) -> None:
    """The race that the specification describes: each request is judged and remembered before the next."""
    requests = []
    for _ in range(8):
        world.grow(3)
        requests.append(world.ledger.growth(0)[1].encode())
    statuses: list[HTTPStatus] = []
    threads = [
        threading.Thread(target=lambda body=body: statuses.append(world.witness.add_checkpoint(body).status)) for body in requests
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [HTTPStatus.OK] + [HTTPStatus.CONFLICT] * 7, "all say that they begin at 0; one does"


# --- over HTTP, and the ledger's side ---


def test_a_ledger_asks_and_carries_the_cosignature(world: World) -> None:
    world.grow(300)
    with served(world.witness) as (url, told):
        ask(world.ledger, Asked(url, world.witness.verifier))
        assert cosigned_at(world.ledger.checkpoint(), world.witness.verifier) == AT
        world.grow(1)
        assert cosigned_at(world.ledger.checkpoint(), world.witness.verifier) is None
        ask(world.ledger, Asked(url, world.witness.verifier))
        ask(world.ledger, Asked(url, world.witness.verifier))
    assert told == ["cosigned", "another size was cosigned last", "cosigned", "another size was cosigned last", "cosigned"]
    note = world.ledger.checkpoint()
    assert len(read_note(note).signatures) == 2, "one line a witness, however often it is asked"
    assert checkpoint_signed_by(note, world.signer.public_key())
    proof = Ledger(world.data / "ledger", world.signer).prove(7)
    assert read_proof(proof.text()) == Proof(7, proof.path, note)


def test_a_ledger_that_was_turned_back_is_told_so(world: World, tmp_path: Path) -> None:
    world.grow(3)
    shutil.copytree(world.data / "ledger", tmp_path / "earlier")
    world.grow(3)
    with served(world.witness) as (url, _):
        ask(world.ledger, Asked(url, world.witness.verifier))
        back = Ledger(tmp_path / "earlier", world.signer)
        with pytest.raises(StoreError, match="seen 6 entries of this ledger, and there are 3: it was turned back"):
            ask(back, Asked(url, world.witness.verifier))
        back.append_all(entries(3, 9, "officer:9"))
        with pytest.raises(StoreError, match="fork"):
            ask(back, Asked(url, world.witness.verifier))


def test_a_witness_with_another_key_or_none_is_said(world: World, tmp_path: Path) -> None:
    other = Verifier(NAME, create_keys(tmp_path / "other").public_key(), world.witness.verifier.kind)
    with served(world.witness) as (url, _), pytest.raises(StoreError, match="has another key"):
        ask(world.ledger, Asked(url, other))
    with pytest.raises(StoreError, match="cannot be reached"):
        ask(world.ledger, Asked(url, world.witness.verifier))
    with pytest.raises(StoreError, match="no witness' address"):
        ask(world.ledger, Asked("file:///etc/passwd", world.witness.verifier))


@pytest.mark.parametrize(
    ("method", "path", "length", "status"),
    [
        ("GET", "/", None, 200),
        ("GET", "/add-checkpoint", None, 404),
        ("POST", "/", "2", 404),
        ("POST", "/add-checkpoint", "2", 400),
        ("POST", "/add-checkpoint", None, 413),
        ("POST", "/add-checkpoint", "-1", 413),
        ("POST", "/add-checkpoint", str(REQUEST_BYTES_MAX + 1), 413),
        ("POST", "/add-checkpoint", "9" * 30, 413),
        ("PUT", "/add-checkpoint", "2", 501),
    ],
)
def test_the_door_is_narrow(world: World, method: str, path: str, length: str | None, status: int) -> None:
    with served(world.witness) as (url, _):
        connection = HTTPConnection(url.removeprefix("http://"), timeout=5)
        connection.putrequest(method, path)
        if length is not None:
            connection.putheader("Content-Length", length)
        connection.endheaders(b"hi" if length == "2" else None)
        answer = connection.getresponse()
        said = answer.read().decode()
        connection.close()
    assert answer.status == status, said
    if status == 200:
        assert read_vkey(said) == world.witness.verifier


# --- an exhibit that a witness saw ---


def test_an_exhibit_says_who_cosigned_its_ledger(tmp_path: Path) -> None:
    sealing = Sealing(tmp_path / "sealing")
    exhibit = Path(sealing.seal().path)
    ledger, folder = sealing.ledger, tmp_path / "witness"
    logs = {ledger.origin: Verifier(ledger.origin, sealing.signer.public_key())}
    witness = Witness(folder, NAME, create_keys(folder), logs, lambda: AT)
    (line,) = read_signatures(witness.add_checkpoint(ledger.growth(0)[1].encode()).body)
    proof = read_proof(dict(unpacked(exhibit))["ledger.tlog-proof"].decode())
    note = read_note(proof.checkpoint)
    cosigned = Proof(proof.index, proof.path, Note(note.text, (*note.signatures, line)).raw()).text().encode()
    seen = tmp_path / exhibit.name
    seen.write_bytes(packed((dict(unpacked(exhibit)) | {"ledger.tlog-proof": cosigned}).items()))
    words = verify(seen, sealing.keys, [witness.verifier]).steps[6].words
    assert words.endswith(f"; cosigned by {NAME} at 2026-11-22T08:30:00Z")
    assert verify(seen, sealing.keys).passed
    assert "cosignatures by witnesses that were not named: 1" in verify(seen, sealing.keys).steps[6].words
    report = verify(exhibit, sealing.keys, [witness.verifier])
    assert [step.number for step in report.steps if not step.passed] == [7]
    assert f"{NAME} did not cosign" in report.steps[6].words


# --- the verbs ---


def test_the_verbs_speak_with_each_other(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def cosign(*words: str) -> int:
        return verb.run(_parser(["cosign"]).parse_args(["cosign", "--data", str(world.data), *words]))

    assert cosign() == 0
    vkey = capsys.readouterr().out.strip()
    assert read_vkey(vkey) == world.log
    program = [sys.executable, "-m", "clearway.cli.main", "witness", str(tmp_path / "eyes"), "--name", NAME, "--port", "0"]
    source = str(Path(verb.__file__).parents[2])
    with subprocess.Popen(
        [*program, "--log", vkey],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": source},
    ) as eyes:
        try:
            assert eyes.stdout is not None and eyes.stderr is not None
            key, url = eyes.stdout.readline().strip(), eyes.stderr.readline().split()[-1]
            world.grow(2)
            assert cosign("--witness", url, key) == 0
            assert capsys.readouterr().out == f"{NAME} cosigned 2 entries\n"
            assert cosigned_at((world.data / "ledger" / CHECKPOINT_NAME).read_text(), read_vkey(key)) is not None
        finally:
            eyes.send_signal(signal.SIGTERM)
        assert eyes.wait(10) == 0
    with pytest.raises(UsageError, match="key of a ledger"):
        cosign("--witness", url, vkey)
