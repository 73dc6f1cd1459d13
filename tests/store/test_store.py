"""The store keeps what it acknowledged, decides once, and says clearly what is wrong with its file."""

import sqlite3
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from clearway.errors import StoreError
from clearway.facts import Decision, Verdict
from clearway.store import AlreadyDecided, Noticed, Store, TypedReading

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
EXHIBIT = "ab" * 32
OTHER = "cd" * 32


def noticed(exhibit: str = EXHIBIT, at: datetime = AT, verified: bool = True, rule: str = "wanted") -> Noticed:
    return Noticed(exhibit, rule, "camera-1", at, at, verified, at)


def decision(verdict: Verdict = Verdict.CONFIRMED, exhibit: str = EXHIBIT) -> Decision:
    return Decision(exhibit, "officer-1", verdict, "KTR418", "the picture shows it", AT)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "clearway.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with Store(path) as store:
        store.add_officer("officer-1", AT)
        yield store


def test_the_file_is_kept_the_safe_way(store: Store, path: Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o600
    with store._engine.connect() as connection:
        told = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "secure_delete", "foreign_keys", "busy_timeout")
        }
    assert told == {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1, "foreign_keys": 1, "busy_timeout": 5000}


def test_closing_leaves_one_file(path: Path) -> None:
    with Store(path) as store:
        store.notice(noticed())
    assert [entry.name for entry in path.parent.iterdir()] == ["clearway.db"]


def test_what_was_kept_is_there_after_reopening(path: Path) -> None:
    with Store(path) as store:
        store.add_officer("officer-1", AT)
        store.notice(noticed())
        store.decide(decision())
    with Store(path) as store:
        assert store.noticed(EXHIBIT) == noticed()
        assert store.decision(EXHIBIT) == decision()
        assert store.decided_lately(5) == ((noticed(), decision()),)


def test_the_queue_holds_what_is_undecided_longest_waiting_first(store: Store) -> None:
    store.notice(noticed(EXHIBIT, AT + timedelta(minutes=1)))
    store.notice(noticed(OTHER, AT))
    assert [entry.id for entry in store.undecided()] == [OTHER, EXHIBIT]
    store.decide(decision())
    assert [entry.id for entry in store.undecided()] == [OTHER]


def test_noticing_again_keeps_how_long_it_waited(store: Store) -> None:
    store.notice(noticed())
    store.notice(noticed(at=AT + timedelta(hours=1), verified=False))
    again = store.noticed(EXHIBIT)
    assert again is not None
    assert again.noticed_at == AT
    assert not again.verified


def test_a_decision_is_made_once(store: Store) -> None:
    store.notice(noticed())
    store.decide(decision(Verdict.DISMISSED))
    with pytest.raises(AlreadyDecided) as refused:
        store.decide(decision(Verdict.CONFIRMED))
    assert "made once" in refused.value.diagnosis()
    kept = store.decision(EXHIBIT)
    assert kept is not None
    assert kept.verdict is Verdict.DISMISSED


def test_of_many_deciding_at_once_one_wins(store: Store) -> None:
    store.notice(noticed())
    refused: list[AlreadyDecided] = []

    def decide() -> None:
        try:
            store.decide(decision())
        except AlreadyDecided as error:
            refused.append(error)

    officers = [threading.Thread(target=decide) for _ in range(8)]
    for officer in officers:
        officer.start()
    for officer in officers:
        officer.join()
    assert len(refused) == 7


def test_readings_belong_to_an_officer_and_keep_their_order(store: Store) -> None:
    store.add_officer("officer-2", AT)
    store.notice(noticed())
    first, second = TypedReading("KTR41B", False, AT), TypedReading("KTR418", True, AT + timedelta(seconds=9))
    store.add_reading(EXHIBIT, "officer-1", first)
    store.add_reading(EXHIBIT, "officer-1", second)
    assert store.readings(EXHIBIT, "officer-1") == (first, second)
    assert store.readings(EXHIBIT, "officer-2") == ()
    assert "KTR41B" not in repr(first), "a plate stays out of logs"


def test_a_disclosure_is_remembered_for_its_officer(store: Store) -> None:
    store.notice(noticed())
    assert not store.disclosed(EXHIBIT, "officer-1")
    store.disclose(EXHIBIT, "officer-1", AT)
    store.disclose(EXHIBIT, "officer-1", AT)
    assert store.disclosed(EXHIBIT, "officer-1")


def test_a_link_signs_in_once_and_in_time(store: Store) -> None:
    store.add_link("h1", "officer-1", AT + timedelta(minutes=15))
    assert store.link_officer("h1", AT) == "officer-1"
    assert store.use_link("h1", AT + timedelta(minutes=15)) is None
    assert store.use_link("unknown", AT) is None
    assert store.use_link("h1", AT) == "officer-1"
    assert store.use_link("h1", AT) is None
    assert store.link_officer("h1", AT) is None


def test_a_token_ends_by_time_or_by_signing_out(store: Store) -> None:
    store.add_token("t1", "officer-1", AT + timedelta(hours=1), AT)
    store.add_token("t2", "officer-1", AT + timedelta(hours=3), AT)
    assert store.token_officer("t1", AT) == "officer-1"
    assert store.token_officer("t1", AT + timedelta(hours=1)) is None
    store.drop_token("t2")
    assert store.token_officer("t2", AT) is None


def test_counts_add_up_over_cameras_and_days(store: Store) -> None:
    store.add_counts("camera-1", date(2026, 3, 1), {"passages": 3, "plates_read": 2})
    store.add_counts("camera-1", date(2026, 3, 1), {"passages": 4, "plates_read": 0})
    store.add_counts("camera-2", date(2026, 3, 2), {"passages": 1})
    store.add_counts("camera-2", date(2026, 3, 2), {})
    assert store.counts() == {"passages": 8, "plates_read": 2}


def test_the_tally_counts_verified_findings_and_verdicts(store: Store) -> None:
    store.notice(noticed())
    store.notice(noticed(OTHER, rule="papers"))
    store.notice(noticed("ef" * 32, verified=False))
    store.decide(decision())
    store.decide(decision(Verdict.DISMISSED, OTHER))
    tally = store.tally()
    assert dict(tally.findings) == {"papers": 1, "wanted": 1}
    assert (tally.confirmed, tally.dismissed) == (1, 1)


def test_two_programs_may_count_at_once(store: Store, path: Path) -> None:
    with Store(path) as edge:
        edge.add_counts("camera-1", date(2026, 3, 1), {"passages": 1})
        store.add_counts("camera-1", date(2026, 3, 1), {"passages": 1})
    assert store.counts() == {"passages": 2}


def test_what_was_deleted_is_overwritten(path: Path) -> None:
    with Store(path) as store:
        store.add_officer("officer-1", AT)
        store.add_token("canary-of-a-hash", "officer-1", AT + timedelta(hours=1), AT)
        store.drop_token("canary-of-a-hash")
    assert b"canary-of-a-hash" not in path.read_bytes()


def refusal(path: Path) -> str:
    with pytest.raises(StoreError) as refused:
        Store(path).close()
    assert refused.value.exit_code == 8
    return refused.value.diagnosis()


def test_a_file_that_is_no_database(path: Path) -> None:
    path.write_bytes(b"this is a shopping list, not a database " * 200)
    assert "damaged" in refusal(path)
    assert "backup" in refusal(path)


def test_a_damaged_database(path: Path) -> None:
    with Store(path) as store:
        for number in range(400):
            store.notice(noticed(f"{number:064x}"))
    whole = bytearray(path.read_bytes())
    whole[4096:20480] = b"\xff" * 16384
    path.write_bytes(whole)
    assert "damaged" in refusal(path)


def test_a_database_of_a_newer_program(path: Path) -> None:
    Store(path).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    assert "newer" in refusal(path)


def test_a_folder_where_the_file_should_be(path: Path) -> None:
    path.mkdir()
    assert "What to do" in refusal(path)


def test_a_missing_folder(tmp_path: Path) -> None:
    assert "No such file" in refusal(tmp_path / "nowhere" / "clearway.db")


def test_a_locked_database(store: Store, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clearway.store.store.BUSY_TIMEOUT_MS", 50)
    holder = sqlite3.connect(path, isolation_level=None)
    try:
        holder.execute("BEGIN IMMEDIATE")
        with Store(path) as second:
            with pytest.raises(StoreError, match="held by another") as refused:
                second.add_officer("officer-2", AT)
            assert "try again" in refused.value.remedy
    finally:
        holder.close()
