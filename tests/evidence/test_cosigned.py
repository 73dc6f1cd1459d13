"""An exhibit carries its witnesses' cosignatures by itself: obtained, or stated to be missing; never believed without a check,
never waited for longer than seconds."""

import hashlib
import json
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.evidence.eyes import served, witness_of
from tests.evidence.sins import packed, unpacked
from tests.evidence.test_two_verifiers import both
from tests.evidence.world import World

from clearway.cli.main import main
from clearway.edge.station import Station
from clearway.envelope import load_signer
from clearway.errors import SettingsError
from clearway.evidence import canonical
from clearway.evidence.ledger import CHECKPOINT_NAME, Event
from clearway.evidence.note import (
    COSIGNATURE,
    LOG,
    NOTE_BYTES_MAX,
    Note,
    Proof,
    Signature,
    Verifier,
    cosigned_at,
    read_note,
    read_proof,
)
from clearway.evidence.verify import contents, verify
from clearway.evidence.witness import Asked, Witness, Witnesses
from clearway.settings import EvidenceSettings, Settings, as_toml, load

Answer = Callable[[BaseHTTPRequestHandler, bytes], None]
NAME, OTHER = "witness.example/w1", "witness.example/w2"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "data")


@pytest.fixture
def witness(world: World, tmp_path: Path) -> Witness:
    return witness_of(world.ledger, world.signer.public_key(), tmp_path / "eyes", NAME)


def sealed(world: World, *asked: Asked, said: list[str], wait_s: float = 30.0) -> Path:
    """An exhibit by a sealer that asks these witnesses; `said` hears what is announced."""
    world.witnesses = Witnesses(asked, said.append, wait_s)
    world.sealer = world.new_sealer()
    return Path(world.seal().path)


def step_7(path: Path, world: World, *named: Verifier) -> tuple[bool, str]:
    """Whether it passes, and its words, once both verifiers agree and nothing else is wrong."""
    (key,) = world.keys.values()
    passed = both(path, [key], witnesses=named)
    assert all(passed[:6]) and passed[7]
    return passed[6], verify(path, world.keys, named).steps[6].words


def nowhere() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


@contextmanager
def answering(answer: Answer) -> Iterator[str]:
    """Something that listens where a witness should."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            answer(self, self.rfile.read(int(self.headers["Content-Length"])))

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def body(status: int, text: bytes, content_type: str = "text/plain") -> Answer:
    def answer(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", content_type)
        handler.send_header("Content-Length", str(len(text)))
        handler.end_headers()
        handler.wfile.write(text)

    return answer


# --- obtained ---


def test_an_exhibit_carries_the_cosignature_of_its_witness(world: World, witness: Witness) -> None:
    said: list[str] = []
    with served(witness) as (url, told):
        world.ledger.append(Event.LIST_PUBLISH, "ab" * 32, world.sealed_at, "operator:cli")
        paths = [sealed(world, Asked(url, witness.verifier), said=said)]
        world.ledger.append(Event.EXHIBIT_VIEW, paths[0].stem, world.sealed_at, "officer:7")
        paths += [Path(world.seal().path) for _ in range(2)]
    assert (said, told) == ([], ["cosigned"] * 3), "it is not asked again for what it is known to have seen"
    for path in paths:
        passed, words = step_7(path, world, witness.verifier)
        assert passed and words.endswith(f"; cosigned by {NAME} at 2026-11-22T08:30:00Z")
        passed, words = step_7(path, world)
        assert passed and f"cosigned by {NAME}, whose key is the sealer's word" in words
        assert json.loads(contents(path)["manifest.json"])["witnesses"] == [witness.verifier.vkey()]
    assert "| `witnesses` |" in (Path(__file__).parents[2] / "docs" / "formats" / "exhibit.md").read_text()
    note = (world.data / "ledger" / CHECKPOINT_NAME).read_text()
    assert cosigned_at(note, witness.verifier) is not None, "the ledger carries it too"
    proofs = [read_proof(contents(path)["ledger.tlog-proof"].decode()) for path in paths]
    assert [proof.index for proof in proofs] == [1, 3, 4]
    assert proofs[-1].checkpoint == note


def test_several_witnesses_cosign_one_checkpoint(world: World, witness: Witness, tmp_path: Path) -> None:
    other = witness_of(world.ledger, world.signer.public_key(), tmp_path / "other eyes", OTHER)
    said: list[str] = []
    with served(witness) as (url, _), served(other) as (other_url, _):
        path = sealed(world, Asked(other_url, other.verifier), Asked(url, witness.verifier), said=said)
    assert step_7(path, world, witness.verifier, other.verifier)[0]
    assert f"cosigned by {OTHER}, {NAME}, whose" in step_7(path, world)[1]
    assert said == []


def test_where_nobody_is_asked_that_is_said(world: World, witness: Witness) -> None:
    path = Path(world.seal().path)
    passed, words = step_7(path, world)
    assert passed and words.endswith("; cosignature: none. Only the sealer says that nobody is shown another ledger")
    assert "witnesses" not in json.loads(contents(path)["manifest.json"])
    assert step_7(path, world, witness.verifier) == (False, f"the witness {NAME} did not cosign it")


def test_another_camera_on_the_same_ledger_had_a_newer_checkpoint_cosigned_meanwhile(world: World, witness: Witness) -> None:
    raced: list[bytes] = []

    def race(handler: BaseHTTPRequestHandler, asked: bytes) -> None:
        if not raced:
            world.ledger.append(Event.LIST_PUBLISH, "cd" * 32, world.sealed_at, "operator:cli")
            assert witness.add_checkpoint(world.ledger.growth(0)[1].encode()).refused is None
        raced.append(asked)
        answer = witness.add_checkpoint(asked)
        body(answer.status, answer.body.encode(), answer.content_type)(handler, asked)

    said: list[str] = []
    with answering(race) as url:
        path = sealed(world, Asked(url, witness.verifier), said=said)
    assert (said, len(raced)) == ([], 3), "the first answer names a newer size, the second is a new question, the third knows"
    assert step_7(path, world, witness.verifier)[0]
    assert verify(path, world.keys).steps[5].words.startswith("entry 0 of 2,")


# --- not obtained: the exhibit is sealed all the same, and says so ---


def hang_up(handler: BaseHTTPRequestHandler, _: bytes) -> None:
    handler.connection.close()


def speak_no_http(handler: BaseHTTPRequestHandler, _: bytes) -> None:
    handler.wfile.write(b"\xff\x00 this is no HTTP\n\n")


def promise_more(handler: BaseHTTPRequestHandler, _: bytes) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "400")
    handler.end_headers()
    handler.wfile.write(b"half")


LINE = f"\u2014 {NAME} {'A' * 104}\n".encode()
# sin → (what answers, what is announced)
BAD_ANSWERS: dict[str, tuple[Answer, str]] = {
    "nothing": (body(200, b""), "did not cosign"),
    "a page": (body(200, b"<html>Welcome to the hotel's network</html>", "text/html"), "did not cosign"),
    "no text": (body(200, b"\xff\xfe\x00" * 99), "did not cosign"),
    "too much": (body(200, b"A" * (4 * NOTE_BYTES_MAX)), "did not cosign"),
    "a signature by nobody": (body(200, LINE), "has another key"),
    "another witness": (body(200, LINE.replace(b"w1", b"w2")), "did not cosign"),
    "a refusal": (body(403, b"wrong signature\n"), "did not cosign: wrong signature"),
    "an error": (body(500, b""), "did not cosign"),
    "a size for ever": (body(409, b"0\n", "text/x.tlog.size"), "did not cosign: 0"),
    "a size that is none": (body(409, b"many\n", "text/x.tlog.size"), "did not cosign: many"),
    "more than there ever was": (body(409, b"99\n", "text/x.tlog.size"), "has seen 99 entries of this ledger, and there are 1"),
    "a line that ends": (hang_up, "cannot be reached"),
    "no HTTP": (speak_no_http, "cannot be reached"),
    "half an answer": (promise_more, "did not cosign: half"),
}


@pytest.mark.parametrize("sin", BAD_ANSWERS)
def test_an_answer_that_is_no_good_stops_nothing(world: World, witness: Witness, sin: str) -> None:
    answer, fault = BAD_ANSWERS[sin]
    said: list[str] = []
    with answering(answer) as url:
        path = sealed(world, Asked(url, witness.verifier), said=said)
    assert len(said) == 1 and fault in said[0] and said[0].startswith(f"no cosignature by {NAME}: "), said
    passed, words = step_7(path, world)
    assert passed and words.endswith(f"; cosignature: asked for, not obtained (of {NAME})")
    assert step_7(path, world, witness.verifier) == (False, f"the witness {NAME} did not cosign it, though it was asked")


def test_a_witness_that_is_down_stops_nothing_and_hides_no_other(world: World, witness: Witness, tmp_path: Path) -> None:
    other = witness_of(world.ledger, world.signer.public_key(), tmp_path / "other eyes", OTHER)
    said: list[str] = []
    with served(witness) as (url, _):
        path = sealed(world, Asked(nowhere(), other.verifier), Asked(url, witness.verifier), said=said)
    assert len(said) == 1 and said[0].startswith(f"no cosignature by {OTHER}: ") and "Connection refused" in said[0]
    passed, words = step_7(path, world, witness.verifier)
    assert passed and words.endswith(
        f"cosigned by {NAME} at 2026-11-22T08:30:00Z; cosignature: asked for, not obtained (of {OTHER})"
    )


def test_witnesses_that_hang_are_waited_for_only_so_long(world: World, witness: Witness, tmp_path: Path) -> None:
    """One says nothing; one drips, and so is never silent for long enough that a socket would give it up."""
    over = threading.Event()

    def drip(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        handler.send_response(200)
        handler.end_headers()
        while not over.wait(0.05):
            handler.wfile.write(b"A")

    def say_nothing(*_: object) -> None:
        over.wait(30)

    other = witness_of(world.ledger, world.signer.public_key(), tmp_path / "other eyes", OTHER)
    said: list[str] = []
    with answering(drip) as url, answering(say_nothing) as silent_url:
        try:
            asked = (Asked(url, witness.verifier), Asked(silent_url, other.verifier))
            began_s = time.monotonic()
            path = sealed(world, *asked, said=said, wait_s=0.3)
            world.seal()
            took_s = time.monotonic() - began_s
        finally:
            over.set()
    assert took_s < 10.0, "they would go on for ever"
    assert [words.partition(". ")[0] for words in said[:2]] == [
        f"no cosignature by {name}: no answer within 0.3 s" for name in (NAME, OTHER)
    ]
    assert f"no cosignature by {NAME}: it still owes the last answer" in said[2]
    assert step_7(path, world)[1].endswith(f"; cosignature: asked for, not obtained (of {NAME}, {OTHER})")


def test_a_ledger_that_was_turned_back_is_announced(world: World, witness: Witness, tmp_path: Path) -> None:
    said: list[str] = []
    with served(witness) as (url, _):
        asked = Asked(url, witness.verifier)
        sealed(world, asked, said=said)
        shutil.copytree(world.data, tmp_path / "earlier")
        world.seal()
        world.seal()
        back = World(tmp_path / "earlier")
        path = sealed(back, asked, said=said)
    assert len(said) == 1 and "has seen 3 entries of this ledger, and there are 2: it was turned back" in said[0]
    assert "not obtained" in step_7(path, back)[1]


# --- what `clearway doctor` says of them ---


def test_doctor_asks_each_witness_and_leaves_the_ledger_as_it_is(
    world: World, witness: Witness, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One is well, one is down, one hangs, one talks nonsense, one has another key than the settings say."""
    world.seal()
    over = threading.Event()

    def say_nothing(*_: object) -> None:
        over.wait(30)

    names = [f"witness.example/{word}" for word in ("down", "hangs", "nonsense", "another-key")]
    others = [witness_of(world.ledger, world.signer.public_key(), tmp_path / name.replace("/", "-"), name) for name in names]
    before = {path: path.read_bytes() for path in (world.data / "ledger").rglob("*") if path.is_file()}
    with (
        served(witness) as (url, _),
        answering(say_nothing) as silent_url,
        answering(body(200, b"<html>", "text/html")) as garbage_url,
        served(others[3]) as (other_url, _),
    ):
        try:
            wrong = Verifier(names[3], witness.verifier.public_key, COSIGNATURE)
            keys = [*(one.verifier for one in (witness, *others[:3])), wrong]
            asked = tuple(zip((url, nowhere(), silent_url, garbage_url, other_url), (key.vkey() for key in keys), strict=True))
            settings = tmp_path / "clearway.toml"
            settings.write_text(as_toml(Settings(evidence=EvidenceSettings(witnesses=asked))))
            assert main(["doctor", "--json", "--data", str(world.data), "--settings", str(settings)]) == 9
        finally:
            over.set()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    told = {line["title"].removeprefix("Witness "): line for line in lines if line["title"].startswith("Witness ")}
    assert list(told) == [NAME, *names]
    assert told[NAME]["well"] and told[NAME]["words"] == f"cosigns the ledger's 1 entries, at {url}, with the key of the settings"
    faults = ("Connection refused", "no answer within 4 s", "did not cosign: <html>", "has another key")
    for name, fault in zip(names, faults, strict=True):
        assert fault in told[name]["words"] and told[name]["remedy"], name
    assert {path: path.read_bytes() for path in before} == before


# --- what somebody makes of it afterwards ---


def changed(path: Path, folder: Path, make: Callable[[Note], Note]) -> Path:
    files = dict(unpacked(path))
    proof = read_proof(files["ledger.tlog-proof"].decode())
    note = make(read_note(proof.checkpoint))
    files["ledger.tlog-proof"] = Proof(proof.index, proof.path, note.raw()).text().encode()
    folder.mkdir(exist_ok=True)
    (folder / path.name).write_bytes(packed(files.items()))
    return folder / path.name


def test_a_cosignature_that_was_taken_out_or_bent_is_missed(world: World, witness: Witness, tmp_path: Path) -> None:
    with served(witness) as (url, _):
        path = sealed(world, Asked(url, witness.verifier), said=[])
    for make in (
        lambda note: Note(note.text, note.signatures[:1]),
        lambda note: Note(note.text, (*note.signatures, note.signatures[1])),
        lambda note: Note(note.text, (note.signatures[0], bent(note.signatures[1]))),
    ):
        other = changed(path, tmp_path / "changed", make)
        assert "asked for, not obtained" in step_7(other, world)[1]
        assert not step_7(other, world, witness.verifier)[0]


def test_a_cosignature_at_a_time_that_no_calendar_knows_is_none(world: World, witness: Witness, tmp_path: Path) -> None:
    with served(witness) as (url, _):
        path = sealed(world, Asked(url, witness.verifier), said=[])
    signer = load_signer(tmp_path / "eyes")

    def at(seconds: int, note: Note) -> Note:
        signed = signer.sign(f"cosignature/v1\ntime {seconds}\n{note.text}".encode())
        one = note.signatures[1]
        return Note(note.text, (note.signatures[0], Signature(one.name, one.key_hash, seconds.to_bytes(8) + signed)))

    last = 253_402_300_799  # of the year 9999
    for seconds, passes in ((last, True), (last + 1, False), (2**64 - 1, False)):
        other = changed(path, tmp_path / "changed", partial(at, seconds))
        assert step_7(other, world, witness.verifier)[0] == passes


def bent(signature: Signature) -> Signature:
    return Signature(signature.name, signature.key_hash, signature.raw[:7] + bytes([signature.raw[7] ^ 1]) + signature.raw[8:])


@pytest.mark.parametrize(
    "sin",
    [
        "none",
        [],
        [7],
        ["w1"],
        ["w1+00000000+AAAA"],
        [Verifier("a log", bytes(32)).vkey()],
        [Verifier("log", bytes(32)).vkey()],
        [f" {Verifier('w', bytes(32), COSIGNATURE).vkey()}"],
        [Verifier("w", bytes(31), COSIGNATURE).vkey()],
        [Verifier("w", bytes(32), COSIGNATURE).vkey()] * 2,
        [Verifier(f"w{number}", bytes(32), COSIGNATURE).vkey() for number in range(17)],
        {"w1": "w1"},
    ],
)
def test_a_manifest_that_names_no_witnesses_where_it_says_so_is_refused_by_both(
    world: World, tmp_path: Path, sin: object
) -> None:
    files = dict(unpacked(Path(world.seal().path)))
    said = canonical.loads(files["manifest.json"])
    assert isinstance(said, dict)
    for witnesses, passes in ((sin, False), ([Verifier("w", bytes(32), COSIGNATURE).vkey()], True)):
        files["manifest.json"] = canonical.dumps(said | {"witnesses": witnesses})
        exhibit = hashlib.sha256(files["manifest.json"]).hexdigest()
        entered = world.ledger.append(Event.EXHIBIT_SEAL, exhibit, world.sealed_at, "camera:north-gate")
        files["ledger.tlog-proof"] = world.ledger.prove(entered).text().encode()
        path = tmp_path / f"{exhibit}.zip"
        path.write_bytes(packed(files.items()))
        (key,) = world.keys.values()
        passed = both(path, [key])
        assert (passed[5], passed[6]) == (True, passes)


# --- where the witnesses come from ---


def test_the_station_asks_the_witnesses_of_the_settings_and_so_does_the_verb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    data = tmp_path / "clearway-data"
    assert main(["init"]) == 0
    assert main(["cosign"]) == 0
    vkey = capsys.readouterr().out.strip()
    station = Station(data, load())
    witness = witness_of(station.ledger, station.signer.public_key(), tmp_path / "eyes", NAME)
    with served(witness) as (url, told):
        named = EvidenceSettings(witnesses=((url, witness.verifier.vkey()),))
        Path("clearway.toml").write_text(as_toml(Settings(evidence=named)))
        settings = load()
        assert settings.evidence.asked_witnesses() == (Asked(url, witness.verifier),)
        assert main(["cosign"]) == 0
        assert capsys.readouterr().out.splitlines() == [vkey, f"{NAME} cosigned 0 entries"]
    assert told == ["cosigned"]
    monkeypatch.setenv("CLEARWAY_EVIDENCE__WITNESSES", "[]")
    assert load().evidence.asked_witnesses() == ()


@pytest.mark.parametrize(
    ("witnesses", "fault"),
    [
        ('[["ftp://a", "KEY"]]', "begins with http"),
        ('[["https://me:secret@a", "KEY"]]', "begins with http"),
        ('[["https://a", "w1"]]', "no Ed25519 verifier key"),
        ('[["https://a", "LOG"]]', "the key of a ledger"),
        ('[["https://a", "KEY"], ["https://b", "KEY"]]', "a name of its own"),
        ('["https://a", "KEY"]', "evidence.witnesses"),
        ('[["https://a"]]', "evidence.witnesses"),
    ],
)
def test_settings_that_name_no_witness_are_refused(tmp_path: Path, witnesses: str, fault: str) -> None:
    key, log = (Verifier("w1", bytes(32), kind).vkey() for kind in (COSIGNATURE, LOG))
    path = tmp_path / "clearway.toml"
    path.write_text(f"[evidence]\nwitnesses = {witnesses.replace('KEY', key).replace('LOG', log)}\n")
    with pytest.raises(SettingsError, match=fault):
        load(path)
