"""Erased is erased: after it, no byte that was written tells of the vehicle, and everybody can see that it happened."""

import re
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.edge.test_forgetting import traces, written
from tests.hub.world import Sealed, World, mistaken, running

from clearway.cli.main import main
from clearway.errors import StoreError
from clearway.evidence.fsck import check
from clearway.evidence.vault import Vault, wipe, wipe_leftovers
from clearway.hub.keeping import Swept
from clearway.settings import RetentionSettings
from clearway.store import Store

Folder = tuple[Path, Sealed, Sealed]


def spelled(plate: str) -> re.Pattern[bytes]:
    """Every form in which a plate may have been written, also with a space or a dash anywhere in it."""
    parted = (plate[:at] + mark + plate[at:] for at in range(1, len(plate)) for mark in " -·")
    return re.compile(b"|".join(re.escape(trace) for text in (plate, *parted) for trace in traces(text)))


def assert_gone(folder: Path, *plates: str) -> None:
    for plate in plates:
        for name, content in written(folder).items():
            assert spelled(plate).search(content) is None, f"{name} still tells of it"


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is written to the temporary folder is searched too."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr("tempfile.tempdir", None)


def decided(world: World, exhibit: Sealed, verdict: str, reason: str) -> None:
    """An officer slips, looks again, decides, and writes the plate into their own words."""
    officer = world.officer()
    officer.type(exhibit.id, mistaken(exhibit.plate))
    officer.type(exhibit.id, exhibit.plate)
    officer.open(exhibit.id)
    officer.client.get(f"/exhibits/{exhibit.id}/still/1.png")
    officer.client.get(f"/exhibits/{exhibit.id}/clip.mp4")
    said = officer.decide(exhibit.id, verdict, reason, f"I read {exhibit.plate[:3]} {exhibit.plate[3:]}.")
    assert said.status_code == 303


def test_after_its_time_no_byte_tells_of_it(folder: Folder, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, wanted, papers = folder
    with running(*folder) as world:
        decided(world, wanted, "confirmed", "agrees")
        decided(world, papers, "dismissed", "entry")
        downloaded = world.officer().client.get(f"/exhibits/{wanted.id}/exhibit.zip")
        assert downloaded.content == world.sealed[wanted.id]
        assert list((data / "exhibits").iterdir()) == [], "the hub took both in"
        assert main(["verify", str(data / "exhibits" / f"{wanted.id}.zip")]) == 2
        assert "the hub has taken" in capsys.readouterr().err
        before = spelled(wanted.plate).search(b"".join(written(data).values()))
        assert before is not None, "what an officer typed is there, until it goes"
        shared = world.visitor().get("/public").text

        assert world.hub.sweep() == Swept(0, 0, 0), "nothing goes before its time"
        world.clock.ahead = timedelta(days=8)
        assert world.hub.sweep() == Swept(1, 0, 0), "what was dismissed goes after a week"
        assert_gone(tmp_path, papers.plate)
        world.clock.ahead = timedelta(days=31)
        assert world.hub.sweep() == Swept(1, 0, 0)
        # The hub still runs: the write-ahead log is there, and holds nothing.
        assert_gone(tmp_path, wanted.plate, papers.plate, mistaken(wanted.plate))
        assert (data / "clearway.db-wal").stat().st_size == 0
        assert list((data / "vault").iterdir()) == []

        officer = world.officer()
        page = officer.open(wanted.id)
        assert page.status_code == 410
        assert "This exhibit was erased on" in page.text
        assert "Listed vehicle" not in page.text
        for path in ("still/1.png", "clip.mp4", "exhibit.zip"):
            assert officer.client.get(f"/exhibits/{wanted.id}/{path}").status_code in (409, 410)
        assert wanted.id not in officer.client.get("/").text
        assert world.visitor().get("/public").text == shared, "the sums stay"
        erased = [(subject, by) for event, subject, by in world.events() if event == "exhibit:erase"]
        assert erased == [(papers.id, "hub:retention"), (wanted.id, "hub:retention")]
        check(data / "ledger", world.hub._app.state.review._ledger._signer.public_key())
    assert_gone(tmp_path, wanted.plate, papers.plate)


def test_the_search_finds_what_it_looks_for(folder: Folder) -> None:
    data, wanted, _ = folder
    with pytest.raises(AssertionError, match="still tells"):
        assert_gone(data, wanted.plate)
    for form in (f"{wanted.plate[:2]} {wanted.plate[2:]}".lower().encode(), wanted.plate.encode("utf-16-be")):
        assert spelled(wanted.plate).search(b"?" + form + b"?")


def test_what_waits_for_a_decision_stays_and_is_named(world: World) -> None:
    world.clock.ahead = timedelta(days=91)
    assert world.hub.sweep() == Swept(0, 2, 0)
    officer = world.officer()
    assert "It stays only because nobody has decided it" in officer.client.get("/").text
    officer.type(world.wanted.id, world.wanted.plate)
    assert "it goes once it is decided" in officer.open(world.wanted.id).text
    decided(world, world.wanted, "confirmed", "agrees")
    assert world.hub.sweep() == Swept(1, 1, 0)


def test_a_case_says_when_it_must_be_gone(world: World) -> None:
    ends = datetime.now(UTC) + timedelta(days=30)
    officer = world.officer()
    assert "gone by" not in officer.open(world.wanted.id).text, "how long it is kept would tell what it is"
    officer.type(world.wanted.id, world.wanted.plate)
    page = officer.open(world.wanted.id).text
    assert re.search(
        rf"Must be gone by ({ends.day}|{(ends - timedelta(days=1)).day}) {ends:%b %Y}, with everything about it", page
    )


def test_purge_says_first_and_erases_then(folder: Folder, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    data, wanted, papers = folder
    with running(*folder, retention=RetentionSettings(wanted_days=1e-6, papers_days=1e-6)) as world:
        with pytest.raises(StoreError, match="another hub is running"):
            _run("purge", data)
        decided(world, wanted, "confirmed", "agrees")
    with sqlite3.connect(data / "clearway.db") as rows:  # one was erased by the hub's end at the latest, or is due
        rows.execute("UPDATE exhibits SET gone_by = '2026-01-01T00:00:00.000000+00:00'")
    rows.close()
    capsys.readouterr()
    assert main(["hold", wanted.id, "--until", "2126-01-01", "--reference", "12 Cs 34/27", "--data", str(data)]) == 0
    assert main(["purge", "--data", str(data)]) == 0
    told = capsys.readouterr().out
    assert f"{wanted.id}  wanted        2026-01-01  stays: a court wants it kept" in told
    assert f"{papers.id}  papers        2026-01-01  stays: nobody has decided it" in told
    assert "Nothing was erased" in told
    assert main(["purge", "--data", str(data), "--yes", "--undecided"]) == 0
    told = capsys.readouterr().out
    assert "1 erased; 0 wait for a decision; 1 are kept for a court." in told
    assert_gone(tmp_path, papers.plate)
    with running(*folder) as world:
        assert "12 Cs 34/27" in world.officer().open(wanted.id).text
    assert main(["hold", wanted.id, "--release", "--data", str(data)]) == 0
    assert main(["purge", "--data", str(data), "--yes"]) == 0
    told = capsys.readouterr().out
    assert "1 erased; 0 wait for a decision; 0 are kept for a court." in told
    assert wanted.plate not in told and papers.plate not in told
    assert_gone(tmp_path, wanted.plate, papers.plate)


def _run(*words: object) -> None:
    """The verb's own code, so that its error is seen as it was raised."""
    from argparse import Namespace  # noqa: PLC0415

    from clearway.cli import purge  # noqa: PLC0415 - only this test looks inside

    purge.run(Namespace(data=words[1], yes=True, undecided=False))


@pytest.mark.parametrize(
    ("words", "happened"),
    [
        (["purge", "--data", "nowhere"], "there is no data folder"),
        (["hold", "4f", "--release"], "no exhibit's id"),
        (["hold", "ab" * 32, "--until", "soon", "--reference", "1"], "names no day"),
        (["hold", "ab" * 32, "--until", "2020-01-01", "--reference", "1"], "in the past"),
        (["hold", "ab" * 32, "--until", "2126-01-01"], "missing or too long"),
    ],
)
def test_words_that_do_not_fit(words: list[str], happened: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) in (2, 8)
    assert happened in capsys.readouterr().err


def test_a_copy_that_comes_back_is_erased_again(world: World) -> None:
    decided(world, world.papers, "dismissed", "entry")
    world.clock.ahead = timedelta(days=8)
    world.hub.sweep()
    path = world.data / "exhibits" / f"{world.papers.id}.zip"
    path.write_bytes(world.sealed[world.papers.id])
    world.hub.sweep()
    assert not path.exists()
    assert world.officer().open(world.papers.id).status_code == 410
    assert [event for event, *_ in world.events()].count("exhibit:erase") == 2


def test_what_a_crash_left_is_swept(folder: Folder) -> None:
    """After the file was put in the vault, its key not kept; and after the key was kept, its ZIP not removed."""
    data, wanted, papers = folder
    path = data / "exhibits" / f"{papers.id}.zip"
    content = path.read_bytes()
    Vault(data).put(wanted.id, b"half a story")
    Vault(data).put("cd" * 32, b"of nobody")
    with running(*folder) as world:
        assert world.officer().open(wanted.id).status_code == 200
        world.hub.sweep()
        path.write_bytes(content)
        world.hub.sweep()
        assert not path.exists()
        assert {file.name for file in (data / "vault").iterdir()} == {wanted.id, papers.id}
        assert "2 exhibits wait" in world.officer().client.get("/").text


def test_a_second_file_of_its_name_replaces_only_what_does_not_verify(world: World) -> None:
    path = world.data / "exhibits" / f"{world.wanted.id}.zip"
    kept = world.kept(world.wanted)
    path.write_bytes(b"something else")
    world.hub.sweep()
    assert not path.exists()
    assert world.officer().client.get("/").text.count("does not verify") == 0
    kept.write_bytes(b"damaged")
    assert world.officer().client.get("/").text.count("does not verify") == 1
    path.write_bytes(world.sealed[world.wanted.id])  # from a backup
    assert world.officer().client.get("/").text.count("does not verify") == 0
    assert not path.exists()


def test_a_folder_of_the_first_version_is_taken_over(folder: Folder) -> None:
    """Its database knows no keys and no times, and its exhibits lie open."""
    data, wanted, papers = folder
    with running(*folder) as world:
        decided(world, wanted, "confirmed", "agrees")
        sealed = world.sealed
    with closing(sqlite3.connect(data / "clearway.db")) as rows:
        for table in ("exhibit_keys", "holds", "erasures", "erased_counts"):
            rows.execute(f"DROP TABLE {table}")
        rows.execute("DROP INDEX ix_exhibits_gone_by")
        rows.execute("ALTER TABLE exhibits DROP COLUMN gone_by")
        rows.execute("PRAGMA user_version = 1")
        rows.commit()
    shutil.rmtree(data / "vault")
    for exhibit, content in sealed.items():
        (data / "exhibits" / f"{exhibit}.zip").write_bytes(content)
    with running(*folder) as world:
        officer = world.officer()
        assert "1 exhibit waits" in officer.client.get("/").text
        assert "Confirmed by officer-1" in officer.open(wanted.id).text
        assert officer.client.get(f"/exhibits/{wanted.id}/exhibit.zip").content == sealed[wanted.id]
        officer.type(papers.id, papers.plate)
        assert "Must be gone by" in officer.open(papers.id).text
        assert list((data / "exhibits").iterdir()) == []


def test_a_reader_that_stays_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another program reads the database, the log cannot be emptied; that is an error, and done at the next sweep."""
    monkeypatch.setattr("clearway.store.store.BUSY_TIMEOUT_MS", 50)
    decided(world, world.papers, "dismissed", "entry")
    world.clock.ahead = timedelta(days=8)
    with Store(world.data / "clearway.db") as other, closing(sqlite3.connect(world.data / "clearway.db")) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM readings").fetchall()
        with pytest.raises(StoreError, match="another program reads it"):
            other.erase(world.papers.id, datetime.now(UTC))
    world.hub.sweep()
    assert_gone(world.data, world.papers.plate)


def test_wiping_overwrites_before_it_removes(tmp_path: Path) -> None:
    path, beside = tmp_path / "exhibit.zip", tmp_path / "beside"
    path.write_bytes(b"AB12CDE" * 400_000)
    beside.hardlink_to(path)  # the same bytes on the disk, by a name that stays
    wipe(path)
    assert [entry.name for entry in tmp_path.iterdir() if entry.is_file()] == ["beside"]
    assert beside.read_bytes() == bytes(7 * 400_000)
    wipe(path)


def test_a_wiping_that_was_cut_short_leaves_no_half_under_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "exhibit.zip"
    path.write_bytes(b"AB12CDE" * 1000)

    def power_fails(_: int) -> None:
        raise OSError("no power")

    with monkeypatch.context() as patched:
        patched.setattr("clearway.evidence.vault.os.fsync", power_fails)
        with pytest.raises((StoreError, OSError)):
            wipe(path)
    assert not path.exists()
    wipe_leftovers(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir() if entry.is_file()] == []


def test_a_vault_tells_nothing_without_its_key(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    key, other = vault.put("ab" * 32, b"AB12CDE"), vault.put("cd" * 32, b"AB12CDE")
    assert (vault.get("ab" * 32, key), vault.get("ab" * 32, other)) == (b"AB12CDE", None)
    assert_gone(tmp_path, "AB12CDE")
    (tmp_path / "vault" / ("ab" * 32)).rename(tmp_path / "vault" / ("ef" * 32))
    assert vault.get("ef" * 32, key) is None, "no file can stand for another"
