"""Somebody else's code agrees: the Go command's own notes and transparent logs (golang.org/x/mod/sumdb) read what we write.

It needs Debian's golang-go and golang-golang-x-mod-dev, or another Go with that package in /usr/share/gocode.
"""

import base64
import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.evidence.sins import unpacked
from tests.evidence.world import World

from clearway.envelope import FileSigner, create_keys
from clearway.evidence import canonical
from clearway.evidence.ledger import CHECKPOINT_NAME, Entry, Event, Ledger, default_origin
from clearway.evidence.merkle import leaf_hash
from clearway.evidence.note import Verifier, read_note, read_proof, read_vkey
from clearway.evidence.witness import Witness
from clearway.ports import Signer

AT = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
SOURCES = Path("/usr/share/gocode")
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The Go program, built from tests/evidence/interop."""
    if not shutil.which("go") or not (SOURCES / "src/golang.org/x/mod/sumdb/tlog").is_dir():
        pytest.skip("no Go with golang.org/x/mod here: apt-get install golang-go golang-golang-x-mod-dev")
    folder = tmp_path_factory.mktemp("go")
    program = folder / "interop"
    settings = {"GOPATH": str(SOURCES), "GO111MODULE": "off", "GOCACHE": str(folder / "cache"), "GOFLAGS": "", "CGO_ENABLED": "0"}
    source = Path(__file__).with_name("interop") / "main.go"
    subprocess.run(["go", "build", "-o", str(program), str(source)], env=os.environ | settings, check=True, timeout=300)

    def run(*words: object) -> "subprocess.CompletedProcess[str]":
        return subprocess.run([program, *map(str, words)], capture_output=True, text=True, check=False, timeout=60)

    return run


@pytest.fixture
def signer(tmp_path: Path) -> FileSigner:
    return create_keys(tmp_path / "keys")


def entries(first: int, last: int) -> list[Entry]:
    return [Entry(Event.EXHIBIT_VIEW, hashlib.sha256(str(n).encode()).hexdigest(), AT, "officer:7") for n in range(first, last)]


def vkey(signer: Signer) -> str:
    return Verifier(default_origin(signer), signer.public_key()).vkey()


@pytest.mark.parametrize("steps", [(1,), (2, 1), (255, 1), (257,), (300, 213, 400), (65_536, 70)])
def test_go_reads_the_ledger(run: Run, tmp_path: Path, signer: FileSigner, steps: tuple[int, ...]) -> None:
    ledger, kept = Ledger(tmp_path / "ledger", signer), []
    for step in steps:
        ledger.append_all(entries(ledger.size, ledger.size + step))
        kept.append(ledger.checkpoint())
    done = run("ledger", tmp_path / "ledger", vkey(signer))
    assert done.returncode == 0, done.stderr
    said = [line.split() for line in done.stdout.splitlines()]
    hashed = [base64.b64encode(leaf_hash(entry.line())).decode() for entry in entries(0, ledger.size)]
    assert said == [[str(number), encoded] for number, encoded in enumerate(hashed)]
    for note in kept:
        (tmp_path / "kept").write_text(note)
        done = run("grown", tmp_path / "ledger", vkey(signer), tmp_path / "kept")
        assert done.returncode == 0, done.stderr
        old = int(note.split("\n")[1])
        asked = ledger.growth(old)[1].partition("\n\n")[0].split("\n")
        assert asked == [f"old {old}", *done.stdout.splitlines()], "the path is the one that Go finds"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 256, 300, 515])
def test_go_accepts_our_proofs_and_no_others(run: Run, tmp_path: Path, signer: FileSigner, size: int) -> None:
    ledger, proof, line = Ledger(tmp_path / "ledger", signer), tmp_path / "a.tlog-proof", tmp_path / "line"
    ledger.append_all(entries(0, size))
    for index in {0, size // 2, size - 1}:
        proof.write_text(ledger.prove(index).text())
        line.write_bytes(entries(index, index + 1)[0].line())
        done = run("proof", proof, line, vkey(signer))
        assert (done.returncode, done.stdout) == (0, f"entry {index} of {size}\n"), done.stderr
        line.write_bytes(entries(index + 1, index + 2)[0].line())
        assert run("proof", proof, line, vkey(signer)).returncode == 1


def test_go_accepts_an_exhibits_proof(run: Run, tmp_path: Path) -> None:
    world = World(tmp_path / "data")
    path = Path(world.seal().path)
    files = dict(unpacked(path))
    said = canonical.loads(files["manifest.json"])
    assert isinstance(said, dict)
    entry = {"event": "exhibit:seal", "subject": path.stem, "at": said["sealed_at"], "by": "camera:north-gate"}
    (tmp_path / "line").write_bytes(canonical.dumps(entry))
    (tmp_path / "proof").write_bytes(files["ledger.tlog-proof"])
    done = run("proof", tmp_path / "proof", tmp_path / "line", vkey(world.signer))
    assert (done.returncode, done.stdout) == (0, f"entry {read_proof(files['ledger.tlog-proof'].decode()).index} of 1\n")


def test_go_sees_a_cosignature(run: Run, tmp_path: Path, signer: FileSigner) -> None:
    ledger, folder = Ledger(tmp_path / "ledger", signer), tmp_path / "witness"
    ledger.append_all(entries(0, 5))
    logs = {ledger.origin: Verifier(ledger.origin, signer.public_key())}
    witness = Witness(folder, "witness.example/w1", create_keys(folder), logs, lambda: AT)
    words = ("ledger", tmp_path / "ledger", vkey(signer), witness.verifier.vkey())
    assert "1 of 2 keys" in run(*words).stderr
    line = witness.add_checkpoint(ledger.growth(0)[1].encode()).body
    with (tmp_path / "ledger" / CHECKPOINT_NAME).open("a") as file:
        file.write(line)
    assert run(*words).returncode == 0, run(*words).stderr
    note = read_note(ledger.checkpoint())
    assert note.by(witness.verifier) is note.signatures[1]


def test_go_finds_what_was_changed(run: Run, tmp_path: Path, signer: FileSigner) -> None:
    folder = tmp_path / "ledger"
    Ledger(folder, signer).append_all(entries(0, 300))
    stranger = create_keys(tmp_path / "stranger")
    assert run("ledger", folder, Verifier(default_origin(signer), stranger.public_key()).vkey()).returncode == 1
    for name, at in (("tile/0/000", 40), ("tile/0/001.p/44", 40), ("tile/entries/000", 40), (CHECKPOINT_NAME, 45)):
        whole = (folder / name).read_bytes()
        changed = bytearray(whole)
        changed[at] ^= 1
        (folder / name).write_bytes(changed)
        assert run("ledger", folder, vkey(signer)).returncode == 1, name
        (folder / name).write_bytes(whole)
    assert run("ledger", folder, vkey(signer)).returncode == 0


def test_we_read_what_go_signs(run: Run) -> None:
    done = run("sign", "example.com/log", "example.com/log\n5\nAAAA\n")
    key, _, signed = done.stdout.partition("\n")
    note = read_note(signed)
    assert note.by(read_vkey(key)) is note.signatures[0]
    assert read_note(signed.replace("AAAA", "AAAB")).by(read_vkey(key)) is None
