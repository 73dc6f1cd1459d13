"""Whatever is done to a ledger is found from its public files, an earlier checkpoint or a witness' memory, and nothing else."""

import argparse
import hashlib
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from clearway.cli import fsck as verb
from clearway.envelope import PUBLIC_KEY_NAME, FileSigner, create_keys
from clearway.errors import StoreError
from clearway.evidence import canonical
from clearway.evidence.fsck import check, fsck
from clearway.evidence.ledger import CHECKPOINT_NAME, DATABASE_NAME, Entry, Event, Ledger, default_origin
from clearway.evidence.merkle import leaf_hash
from clearway.evidence.note import Checkpoint, sign_checkpoint
from clearway.evidence.tiles import ENTRIES, WIDTH, Edge, TiledTree, bundle, tile_path

AT = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
SIZE = 600


def entries(count: int, by: str = "officer:7") -> list[Entry]:
    return [Entry(Event.EXHIBIT_VIEW, hashlib.sha256(str(number).encode()).hexdigest(), AT, by) for number in range(count)]


@dataclass(frozen=True)
class World:
    """A ledger, a copy of its public files, and a checkpoint that somebody kept when it had 400 entries."""

    data: Path
    copy: Path
    signer: FileSigner
    kept: str

    @property
    def key(self) -> bytes:
        return self.signer.public_key()

    @property
    def origin(self) -> str:
        return default_origin(self.signer)

    def lines(self) -> list[bytes]:
        return [line for some in TiledTree(self.copy, SIZE).bundles() for line in some]

    def write(self, lines: Sequence[bytes], *, signed: bool) -> None:
        """Puts a whole ledger of these lines in place of the copy, signed by the owner, or under the checkpoint that is there."""
        shutil.rmtree(self.copy / "tile")
        edge, files = Edge(), {}
        for first in range(0, len(lines), WIDTH):
            some = lines[first : first + WIDTH]
            files[tile_path(ENTRIES, first // WIDTH, len(some))] = bundle(some)
            edge, full = edge.grown([leaf_hash(line) for line in some])
            files |= {tile.path: b"".join(tile.hashes) for tile in full}
        files |= {tile.path: b"".join(tile.hashes) for tile in edge.partial()}
        for name, content in files.items():
            (self.copy / name).parent.mkdir(parents=True, exist_ok=True)
            (self.copy / name).write_bytes(content)
        if signed:
            forged = sign_checkpoint(Checkpoint(self.origin, edge.size, edge.root()), self.signer)
            (self.copy / CHECKPOINT_NAME).write_text(forged)


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> World:
    data, copy = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("copy")
    signer = create_keys(data / "keys")
    ledger = Ledger(data / "ledger", signer)
    ledger.append_all(entries(400))
    kept = ledger.checkpoint()
    ledger.append_all(entries(562)[400:])
    ledger.append_all(entries(SIZE)[562:])
    shutil.copytree(data / "ledger" / "tile", copy / "tile")
    shutil.copy(data / "ledger" / CHECKPOINT_NAME, copy)
    return World(data, copy, signer, kept)


@pytest.fixture
def world(untouched: World, tmp_path: Path) -> World:
    for folder in ("data", "copy"):
        shutil.copytree(getattr(untouched, folder), tmp_path / folder)
    return replace(untouched, data=tmp_path / "data", copy=tmp_path / "copy")


def without_by(line: bytes) -> bytes:
    fields = canonical.loads(line)
    assert isinstance(fields, dict)
    del fields["by"]
    return canonical.dumps(fields)


# A line behind its length.
LINE_BYTES = 2 + len(entries(1)[0].line())
Lines = list[bytes]
# Each is tried by an outsider, who cannot sign, and by the owner, who can. The first leaves the signed checkpoint, the second
# signs a new one, and only the kept checkpoint convicts them.
ATTACKS: dict[str, Callable[[Lines], Lines]] = {
    "delete": lambda lines: [*lines[:17], *lines[18:]],
    "delete and fill": lambda lines: [*lines[:17], *lines[18:], lines[-1]],
    "alter": lambda lines: [line.replace(b"officer:7", b"officer:8") if at == 17 else line for at, line in enumerate(lines)],
    "reorder": lambda lines: [*lines[:17], lines[18], lines[17], *lines[19:]],
    "slip in": lambda lines: [*lines[:17], lines[3], *lines[17:]],
    "drop a column": lambda lines: [without_by(line) for line in lines],
    "fork": lambda lines: [*lines[:399], *lines[400:]],
    "roll back": lambda lines: lines[:399],
    "roll back and go on": lambda lines: [*lines[:399], *(entry.line() for entry in entries(300, "officer:9"))],
    "empty": lambda lines: [],
}


def test_a_whole_ledger_passes(world: World) -> None:
    for folder in (world.copy, world.data / "ledger"):
        report = fsck(folder, world.key, [world.kept])
        assert report.passed, report.findings
        assert report.checkpoint is not None
        assert check(folder, world.key).size == report.checkpoint.size == SIZE


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_outsiders_attack_is_found_from_the_public_files(world: World, attack: str) -> None:
    world.write(ATTACKS[attack](world.lines()), signed=False)
    report = fsck(world.copy, world.key)
    assert not report.passed
    with pytest.raises(StoreError, match="damaged"):
        check(world.copy, world.key)


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_owners_attack_is_found_beside_an_earlier_checkpoint(world: World, attack: str) -> None:
    world.write(ATTACKS[attack](world.lines()), signed=True)
    assert attack == "drop a column" or fsck(world.copy, world.key).passed, "alone, it looks whole"
    (finding, *_) = reversed(fsck(world.copy, world.key, [world.kept]).findings)
    assert "turned back" in finding or "rewritten" in finding


def test_growing_is_no_attack(world: World) -> None:
    world.write([*world.lines(), *(entry.line() for entry in entries(300, "officer:9"))], signed=True)
    assert fsck(world.copy, world.key, [world.kept]).passed


def narrower(world: World) -> None:
    """The tile of the tree that was signed when it had 562 entries."""
    flip(world.copy / "tile/0/002.p/50", 0)


def strange(world: World) -> None:
    stranger = create_keys(world.data / "stranger")
    (world.copy / CHECKPOINT_NAME).write_text(sign_checkpoint(Checkpoint("a", SIZE, bytes(32)), stranger))


def huge(world: World) -> None:
    for kind in ("0", "entries"):
        (world.copy / f"tile/{kind}/002.p/88").rename(world.copy / f"tile/{kind}/002")
    (world.copy / CHECKPOINT_NAME).write_text(sign_checkpoint(Checkpoint("a", 2**62, bytes(32)), world.signer))


FAULTS: dict[str, tuple[str, Callable[[World], object]]] = {
    "a bundle is gone": ("tile/entries/001 is missing", lambda w: (w.copy / "tile/entries/001").unlink()),
    "a bundle is cut": ("cut in the middle", lambda w: cut(w.copy / "tile/entries/002.p/88", 3)),
    "a bundle is too short": (
        "87 entries instead of 88",
        lambda w: cut(w.copy / "tile/entries/002.p/88", LINE_BYTES),
    ),
    "a tile is gone": ("tile/0/001 is missing", lambda w: (w.copy / "tile/0/001").unlink()),
    "a tile is cut": ("tile/0/001 has not the length", lambda w: cut(w.copy / "tile/0/001", 1)),
    "a hash is another": ("entry 300 is not the one whose hash", lambda w: flip(w.copy / "tile/0/001", 44 * 32)),
    "a hash above is another": ("hash 1 of level 1", lambda w: flip(w.copy / "tile/1/000.p/2", 40)),
    "an entry is another": ("entry 256 is not the one whose hash", lambda w: alter(w.copy / "tile/entries/001")),
    "an earlier, narrower tile is another": (
        "tile/0/002.p/50 does not follow",
        narrower,
    ),
    "no checkpoint": ("checkpoint cannot be read", lambda w: (w.copy / CHECKPOINT_NAME).unlink()),
    "a checkpoint that is none": ("unreadable", lambda w: (w.copy / CHECKPOINT_NAME).write_text("hello\n\nhello\n")),
    "a stranger's checkpoint": ("not signed by the key", strange),
    "a size beyond all files": ("nothing can be derived from entry 512 on", huge),
}


def cut(path: Path, by_bytes: int) -> None:
    path.write_bytes(path.read_bytes()[:-by_bytes])


def flip(path: Path, at: int) -> None:
    raw = bytearray(path.read_bytes())
    raw[at] ^= 1
    path.write_bytes(raw)


def alter(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"officer:7", b"officer:8", 1))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named(world: World, fault: str) -> None:
    named, commit = FAULTS[fault]
    commit(world)
    assert any(named in finding for finding in fsck(world.copy, world.key).findings), fsck(world.copy, world.key).findings


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE entries SET line = (SELECT line FROM entries WHERE number = 8) WHERE number = 7", "entry 7 is another one"),
        ("DELETE FROM entries WHERE number = 7", "lacks some of the entries 0 to 255"),
        ("ALTER TABLE entries DROP COLUMN line", "no such column"),
        ("DROP TABLE entries", "no such table"),
    ],
)
def test_a_database_that_says_something_else_is_found(world: World, statement: str, named: str) -> None:
    with sqlite3.connect(world.data / "ledger" / DATABASE_NAME) as database:
        database.execute(statement)
    database.close()
    findings = fsck(world.data / "ledger", world.key).findings
    assert any(named in finding for finding in findings), findings


def test_kept_checkpoints_that_contradict_each_other_convict_their_signer(world: World) -> None:
    fork = sign_checkpoint(Checkpoint(world.origin, 400, bytes(32)), world.signer)
    assert any("forked" in finding for finding in fsck(world.copy, world.key, [world.kept, fork]).findings)
    other = sign_checkpoint(Checkpoint("another/ledger", 400, bytes(32)), world.signer)
    assert any("of another ledger" in finding for finding in fsck(world.copy, world.key, [other]).findings)


# --- the verb ---


def run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    verb.add_to(parser.add_subparsers())
    return verb.run(parser.parse_args(["fsck", *words]))


def test_the_verb_numbers_what_is_wrong(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key, kept = str(world.data / "keys" / PUBLIC_KEY_NAME), tmp_path / "kept.txt"
    kept.write_text(world.kept)
    assert run(str(world.data)) == 0
    assert f"{SIZE} entries of clearway/ledger/" in capsys.readouterr().out
    assert run(str(world.copy), "--key", key, "--earlier", str(kept)) == 0
    capsys.readouterr()
    world.write(world.lines()[1:], signed=True)
    flip(world.copy / "tile/1/000.p/2", 0)
    assert run(str(world.copy), "--key", key, "--earlier", str(kept)) == 8
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["1", "2"]
    assert lines[0] == "1 hash 0 of level 1 does not follow from the entries"
    assert "rewritten" in lines[1]
