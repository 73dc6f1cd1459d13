"""The ledger is C2SP's tiled log, and what it acknowledged it keeps."""

import hashlib
import os
import shutil
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import rfc8785

from clearway.envelope import FileSigner, create_keys
from clearway.errors import StoreError
from clearway.evidence.fsck import check
from clearway.evidence.ledger import CHECKPOINT_NAME, DATABASE_NAME, OLD_NAME, Entry, Event, Ledger, read_entry
from clearway.evidence.merkle import EMPTY_ROOT, leaf_hash, root, verify_inclusion
from clearway.evidence.note import Checkpoint, Proof, read_checkpoint, sign_checkpoint
from clearway.evidence.tiles import Shelf, bundle, read_bundle, tile_path

AT = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)


def subject(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


@pytest.fixture
def signer(tmp_path: Path) -> FileSigner:
    return create_keys(tmp_path / "keys")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "ledger"


def view(number: int) -> Entry:
    return Entry(Event.EXHIBIT_VIEW, subject(number), AT, "officer:7")


def proves(proof: Proof, entry: Entry) -> bool:
    signed = read_checkpoint(proof.checkpoint)
    return verify_inclusion(leaf_hash(entry.line()), proof.index, signed.size, proof.path, signed.root)


def files_below(folder: Path) -> dict[str, bytes]:
    """The public files: what an outsider can copy."""
    paths = [*folder.glob(CHECKPOINT_NAME), *(folder / "tile").rglob("*")]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths if path.is_file()}


def test_what_was_appended_is_proved_and_there_after_a_restart(folder: Path, signer: FileSigner) -> None:
    ledger = Ledger(folder, signer)
    assert read_checkpoint(ledger.checkpoint()) == Checkpoint(ledger.origin, 0, EMPTY_ROOT)
    for number in range(9):
        assert ledger.append(Event.EXHIBIT_VIEW, subject(number), AT, "officer:7") == number
        assert proves(ledger.prove(number), view(number))
    again = Ledger(folder, signer)
    assert (again.size, again.checkpoint()) == (9, ledger.checkpoint())
    assert [entry.subject for entry in again.entries()] == [subject(number) for number in range(9)]
    assert [entry.subject for entry in again.entries(3, 5)] == [subject(3), subject(4)]
    check(folder, signer.public_key())
    assert all(proves(again.prove(number), view(number)) for number in range(9))


def test_the_files_are_those_of_tiled_logs(folder: Path, signer: FileSigner) -> None:
    """A tree of 70,000 is the specification's own example: 273 full tiles of level 0, and so on."""
    ledger, count = Ledger(folder, signer), 70_000
    some = [view(number) for number in range(300)]
    entries = [some[number % 300] for number in range(count)]
    assert ledger.append_all(entries[:300]) == range(300)
    assert {*files_below(folder)} == {
        "checkpoint", "tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/000", "tile/entries/001.p/44"
    }  # fmt: skip
    assert ledger.append_all(entries[300:]) == range(300, count)
    files = files_below(folder)
    assert {*files} == {
        "checkpoint",
        *(f"tile/{kind}/{number:03}" for kind in ("0", "entries") for number in range(273)),
        *("tile/0/273.p/112", "tile/entries/273.p/112", "tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1"),
    }
    leaves = [leaf_hash(entry.line()) for entry in some]
    leaves = [leaves[number % 300] for number in range(count)]
    assert files["tile/0/007"] == b"".join(leaves[7 * 256 : 8 * 256])
    assert files["tile/0/273.p/112"] == b"".join(leaves[-112:])
    assert read_bundle(files["tile/entries/273.p/112"]) == [entry.line() for entry in entries[-112:]]
    over = [_mth(leaves[at : at + 256]) for at in range(0, 273 * 256, 256)]
    assert files["tile/1/000"] == b"".join(over[:256])
    assert files["tile/1/001.p/17"] == b"".join(over[256:])
    assert files["tile/2/000.p/1"] == _mth(over[:256])
    assert read_checkpoint(ledger.checkpoint()).size == count
    for index in (0, 255, 256, 65_535, 65_536, 69_887, 69_888, count - 1):
        assert proves(ledger.prove(index), entries[index])
    assert [*ledger.entries(65_530, 65_540)] == entries[65_530:65_540]


def _mth(leaves: list[bytes]) -> bytes:
    """The root over a power of two of hashes, by the other implementation of the two."""
    return root(len(leaves), lambda height, place: _subtree(leaves[place << height : (place + 1) << height]))


def _subtree(leaves: list[bytes]) -> bytes:
    half = len(leaves) // 2
    return hashlib.sha256(b"\x01" + _subtree(leaves[:half]) + _subtree(leaves[half:])).digest() if half else leaves[0]


@pytest.mark.parametrize(
    ("number", "width", "path"),
    [
        (0, 256, "tile/3/000"),
        (1234067, 256, "tile/3/x001/x234/067"),
        (1000, 7, "tile/3/x001/000.p/7"),
    ],
)
def test_tiles_are_named_as_specified(number: int, width: int, path: str) -> None:
    assert tile_path(3, number, width) == path


@pytest.mark.parametrize("steps", [(1,) * 20, (255, 1, 1), (256, 256), (3, 300, 1, 600, 7), (0, 5, 0)])
def test_however_it_grew_the_tree_is_the_same(folder: Path, signer: FileSigner, tmp_path: Path, steps: tuple[int, ...]) -> None:
    ledger, at_once = Ledger(folder, signer), Ledger(tmp_path / "at-once", signer)
    entries = [view(number) for number in range(sum(steps))]
    for step in steps:
        ledger.append_all(entries[ledger.size : ledger.size + step])
        check(folder, signer.public_key())
    at_once.append_all(entries)
    assert ledger.checkpoint() == at_once.checkpoint()
    grown = files_below(folder)
    assert files_below(tmp_path / "at-once").items() <= grown.items()
    full = {name for name in grown if ".p/" not in name}
    assert not any(f"{name}.p" in other for name in full for other in grown), "a partial tile goes when its full one is there"


def test_one_proof_reads_a_handful_of_files(folder: Path, signer: FileSigner, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger(folder, signer)
    ledger.append_all([view(number) for number in range(5_000)])
    opened: list[str] = []
    really = Path.open

    def noted(path: Path, *given: object, **named: object) -> object:
        opened.append(path.name)
        return really(path, *given, **named)  # type: ignore[call-overload] # handed on as it came

    monkeypatch.setattr(Path, "open", noted)
    assert proves(ledger.prove(1_234), view(1_234))
    assert len(opened) <= 4, opened


def test_two_ledgers_on_one_folder_see_each_others_entries(folder: Path, signer: FileSigner) -> None:
    first, second = Ledger(folder, signer), Ledger(folder, signer)
    for number in range(6):
        assert (first, second)[number % 2].append(Event.LIST_PUBLISH, subject(number), AT, "hub:main") == number
    assert first.size == second.size == check(folder, signer.public_key()).size == 6


def test_several_processes_append_at_once(folder: Path, signer: FileSigner) -> None:
    each, children = 12, []
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


def cut_short(folder: Path, lines: list[bytes], *, sequenced: bool = True) -> None:
    """Lines that were committed before the power went, and of which nothing else is there; or that were not even committed."""
    with sqlite3.connect(folder / DATABASE_NAME, isolation_level=None) as database:
        database.execute("BEGIN IMMEDIATE")
        first = database.execute("SELECT count(*) FROM entries").fetchone()[0]
        database.executemany("INSERT INTO entries VALUES (?, ?)", enumerate(lines, start=first))
        database.execute("COMMIT" if sequenced else "ROLLBACK")
    database.close()


@pytest.mark.parametrize(("sequenced", "kept"), [(False, 3), (True, 5)])
def test_a_power_cut_in_the_middle_of_an_append_loses_nothing_that_was_acknowledged(
    folder: Path, signer: FileSigner, *, sequenced: bool, kept: int
) -> None:
    open_before = Ledger(folder, signer)
    open_before.append_all([view(number) for number in range(3)])
    cut_short(folder, [view(3).line(), view(4).line()], sequenced=sequenced)
    assert check(folder, signer.public_key()).size == 3, "what the checkpoint signs is whole at every moment"
    assert Ledger(folder, signer).size == kept
    assert open_before.append(Event.EXHIBIT_VIEW, subject(kept), AT, "officer:7") == kept
    assert check(folder, signer.public_key()).size == kept + 1
    assert [*open_before.entries()] == [view(number) for number in range(kept + 1)]


def _forget(folder: Path, first: int) -> None:
    with sqlite3.connect(folder / DATABASE_NAME) as database:
        database.execute("DELETE FROM entries WHERE number >= ?", (first,))
    database.close()


def _tiles_ahead(folder: Path) -> None:
    (folder / "tile/0/002").write_bytes(os.urandom(256 * 32))
    (folder / "tile/0/002.p/90").write_bytes(os.urandom(90 * 32))
    (folder / "tile/entries/002").write_bytes(bundle([b"never"] * 256))


# What a cut may leave of files, each made from a whole ledger of 600 entries.
TORN: dict[str, Callable[[Path], object]] = {
    "no database": lambda folder: (folder / DATABASE_NAME).unlink(),
    "a database that lost its last transaction": lambda folder: _forget(folder, 590),
    "an edge tile is gone": lambda folder: (folder / "tile/0/002.p/88").unlink(),
    "an edge tile is cut": lambda folder: os.truncate(folder / "tile/0/002.p/88", 100),
    "an edge tile is empty": lambda folder: os.truncate(folder / "tile/1/000.p/2", 0),
    "an edge tile is zeros": lambda folder: (folder / "tile/0/002.p/88").write_bytes(bytes(88 * 32)),
    "no tiles": lambda folder: shutil.rmtree(folder / "tile"),
    "a checkpoint beside, half written": lambda folder: (folder / ".checkpoint").write_bytes(b"clearway/led"),
    "a tile beside, half written": lambda folder: (folder / "tile/0/.003").write_bytes(b"\x00" * 7),
    "tiles of a batch that was never committed": _tiles_ahead,
}


@pytest.mark.parametrize("torn", TORN)
def test_a_torn_state_is_healed(folder: Path, signer: FileSigner, torn: str) -> None:
    entries = [view(number) for number in range(600)]
    Ledger(folder, signer).append_all(entries)
    before = (folder / CHECKPOINT_NAME).read_bytes()
    TORN[torn](folder)
    ledger = Ledger(folder, signer)
    assert (folder / CHECKPOINT_NAME).read_bytes() == before
    assert check(folder, signer.public_key()).size == 600
    assert proves(ledger.prove(599), entries[599])
    assert ledger.append_all(entries[:300]) == range(600, 900)
    assert check(folder, signer.public_key()).size == 900
    assert [*ledger.entries()] == entries + entries[:300]


def _altered_everywhere(folder: Path) -> None:
    with sqlite3.connect(folder / DATABASE_NAME) as database:
        database.execute("UPDATE entries SET line = ? WHERE number = 7", (view(8).line(),))
    database.close()
    os.truncate(folder / "tile/0/002.p/88", 100)


def _altered_bundle(folder: Path) -> None:
    (folder / DATABASE_NAME).unlink()
    path = folder / "tile/entries/001"
    path.write_bytes(path.read_bytes().replace(b"officer:7", b"officer:8", 1))


def _no_bundle(folder: Path) -> None:
    (folder / DATABASE_NAME).unlink()
    (folder / "tile/entries/001").unlink()


def _drop_column(folder: Path) -> None:
    with sqlite3.connect(folder / DATABASE_NAME) as database:
        database.execute("ALTER TABLE entries DROP COLUMN line")
    database.close()


REFUSED: dict[str, tuple[str, Callable[[Path], object]]] = {
    "lines and edge altered": ("not the 600 that its checkpoint signs", _altered_everywhere),
    "no database and a bundle altered": ("not the 600", _altered_bundle),
    "no database and a bundle gone": ("entries/001 is missing", _no_bundle),
    "no checkpoint": ("no checkpoint", lambda folder: (folder / CHECKPOINT_NAME).unlink()),
    "an empty checkpoint": ("unreadable", lambda folder: (folder / CHECKPOINT_NAME).write_bytes(b"")),
    "a checkpoint that is no text": ("cannot be read", lambda folder: (folder / CHECKPOINT_NAME).write_bytes(b"\xff")),
    "a database that is none": ("ledger.db", lambda folder: (folder / DATABASE_NAME).write_bytes(b"no database" * 500)),
    "a column dropped": ("ledger.db", _drop_column),
}


@pytest.mark.parametrize("sin", REFUSED)
def test_what_cannot_be_healed_is_refused_by_name_and_left_as_it_is(folder: Path, signer: FileSigner, sin: str) -> None:
    Ledger(folder, signer).append_all([view(number) for number in range(600)])
    name, commit = REFUSED[sin]
    commit(folder)
    before = files_below(folder)
    for _ in range(2):
        with pytest.raises(StoreError, match=name):
            Ledger(folder, signer)
    assert files_below(folder) == before


def test_a_stranger_signs_for_nobody(folder: Path, signer: FileSigner, tmp_path: Path) -> None:
    ledger = Ledger(folder, signer)
    ledger.append_all([view(0), view(1)])
    forged = sign_checkpoint(read_checkpoint(ledger.checkpoint()), create_keys(tmp_path / "stranger"))
    (folder / CHECKPOINT_NAME).write_text(forged)
    with pytest.raises(StoreError, match="not signed by"):
        Ledger(folder, signer)
    with pytest.raises(StoreError, match="not signed by"):
        check(folder, signer.public_key())


def test_a_ledger_that_went_back_is_noticed_by_whoever_knew_it_longer(folder: Path, signer: FileSigner, tmp_path: Path) -> None:
    ledger = Ledger(folder, signer)
    ledger.append(Event.EXHIBIT_VIEW, subject(0), AT, "officer:7")
    shutil.copytree(folder, tmp_path / "earlier")
    ledger.append(Event.EXHIBIT_VIEW, subject(1), AT, "officer:7")
    shutil.rmtree(folder)
    shutil.copytree(tmp_path / "earlier", folder)
    with pytest.raises(StoreError, match="went back"):
        ledger.append(Event.EXHIBIT_VIEW, subject(2), AT, "officer:7")


@pytest.mark.parametrize("count", [1, 40])
def test_a_kill_at_every_step_loses_nothing_that_was_acknowledged(folder: Path, signer: FileSigner, count: int) -> None:
    """The process ends at its k-th write, fsync or rename, for every k, until an append comes to its end."""
    Ledger(folder, signer).append_all([view(number) for number in range(250)])
    outcomes = set()
    for step in range(1, 200):
        size = Ledger(folder, signer).size
        child = os.fork()
        if child == 0:
            code = 3
            try:
                _end_at(step)
                Ledger(folder, signer).append_all([view(number) for number in range(size, size + count)])
                code = 0
            finally:
                os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert code in (0, ENDED), "it ended where it was told to"
        # An outsider may look before the next opener heals anything.
        public = check(folder, signer.public_key()).size
        assert public >= size + count * (code == 0)
        healed = Ledger(folder, signer).size
        assert healed in (size, size + count)
        assert healed >= public
        outcomes.add(healed > public)
        if code == 0:
            break
    assert code == 0, "one append has fewer steps than that"
    assert outcomes == {False, True}, "some were cut short between the commit and the checkpoint"
    assert [*Ledger(folder, signer).entries()] == [view(number) for number in range(Ledger(folder, signer).size)]


ENDED = 9


def _end_at(step: int) -> None:
    """Ends this process in place of the `step`-th write, fsync or rename that Python is asked for."""
    left = [step]

    def counted(really: Callable[..., object]) -> Callable[..., object]:
        def call(*given: object, **named: object) -> object:
            left[0] -= 1
            if left[0] == 0:
                os._exit(ENDED)
            return really(*given, **named)

        return call

    os.fsync = counted(os.fsync)  # type: ignore[assignment]
    Path.replace = counted(Path.replace)  # type: ignore[assignment, method-assign]
    Path.write_bytes = counted(Path.write_bytes)  # type: ignore[assignment, method-assign]


def test_a_full_disk_leaves_all_of_a_batch_or_nothing(folder: Path, signer: FileSigner, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger(folder, signer)
    ledger.append(Event.EXHIBIT_VIEW, subject(0), AT, "officer:7")

    before = files_below(folder)
    settle = Shelf.settle

    def full(shelf: Shelf) -> None:
        settle(shelf)
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Shelf, "settle", full)
        with pytest.raises(StoreError, match="No space left"):
            ledger.append_all([view(1), view(2)])
    assert files_below(folder) == before, "what nobody signed is gone"
    assert Ledger(folder, signer).size == 1, "what was not acknowledged is not there after a restart"
    assert ledger.append_all([view(3)]) == range(1, 2)
    assert check(folder, signer.public_key()).size == 2


# --- what versions before tiles left ---


def old_ledger(folder: Path, signer: FileSigner, signed: int, beyond: bytes = b"") -> str:
    lines = [view(number).line() for number in range(signed)]
    leaves = [leaf_hash(line) for line in lines]
    folder.mkdir()
    (folder / OLD_NAME).write_bytes(b"".join(line + b"\n" for line in lines) + beyond)
    tree = root(signed, lambda height, place: _subtree(leaves[place << height : (place + 1) << height]))
    note = sign_checkpoint(Checkpoint(f"clearway/ledger/{signer.key_id[:16]}", signed, tree), signer)
    (folder / CHECKPOINT_NAME).write_text(note)
    return note


@pytest.mark.parametrize("signed", [0, 1, 9, 300])
@pytest.mark.parametrize(
    ("beyond", "more"),
    [
        (b"", 0),
        (b'{"at":"2026-11-22T08:30:00Z","by":"off', 0),  # cut in the middle of a line
        (b"\x00" * 300, 0),  # the file grew, its blocks did not come
        (b"\xff\xfe\n", 0),  # a line of rubbish
        (view(5).line(), 0),  # whole but for its newline
        (view(5).line() + b"\n", 1),  # whole: it stays
        (view(5).line() + b"\n{", 1),
    ],
)
def test_a_ledger_of_an_earlier_version_is_taken_over(
    folder: Path, signer: FileSigner, signed: int, beyond: bytes, more: int
) -> None:
    note = old_ledger(folder, signer, signed, beyond)
    ledger = Ledger(folder, signer)
    assert ledger.size == signed + more
    assert more or ledger.checkpoint() == note, "it is the same tree"
    assert not (folder / OLD_NAME).exists()
    assert [*ledger.entries()][:signed] == [view(number) for number in range(signed)]
    ledger.append(Event.EXHIBIT_VIEW, subject(1), AT, "officer:7")
    assert check(folder, signer.public_key()).size == signed + more + 1


def test_an_earlier_ledger_that_was_altered_is_refused_and_left_as_it_is(folder: Path, signer: FileSigner) -> None:
    old_ledger(folder, signer, 9)
    raw = (folder / OLD_NAME).read_bytes().replace(b"officer:7", b"officer:8", 1)
    (folder / OLD_NAME).write_bytes(raw)
    for _ in range(2):
        with pytest.raises(StoreError, match="not the 9 that its checkpoint signs"):
            Ledger(folder, signer)
    assert (folder / OLD_NAME).read_bytes() == raw
    assert not (folder / "tile").exists()


def test_an_entry_is_spelled_as_rfc_8785_says() -> None:
    entry = Entry(Event.EXHIBIT_SEAL, subject(1), AT.replace(microsecond=250_000), 'camera:"north" \\ gate/\u00e9\U0001f697')
    assert entry.line() == rfc8785.dumps(
        {"subject": subject(1), "event": "exhibit:seal", "by": entry.by, "at": "2026-11-22T08:30:00.250000Z"}
    )
    assert read_entry(entry.line()) == entry


@pytest.mark.parametrize(
    "line",
    [
        b"{}",
        b"[]",
        b"[" * 1000,
        b"\xff\xfe{\x00}\x00",  # JSON, in UTF-16
        view(1).line()[:-1] + b',"by":"officer:7"}',
        view(1).line() + b" ",
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
