"""One SQLite file behind few words.

Every method is one transaction, and what it returns is on the disk (`synchronous=FULL`). Two programs may hold the same file:
the edge counts while the hub reads. What was deleted is overwritten (`secure_delete`), and closing folds the write-ahead log
back into the file, so that nothing lingers beside it.
"""

import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection, Engine, Row, create_engine, delete, event, func, select, update
from sqlalchemy import false as sql_false
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, IntegrityError

from clearway.errors import StoreError
from clearway.facts import Decision, Verdict
from clearway.store.tables import (
    VERSION,
    counters,
    decisions,
    disclosures,
    erased_counts,
    erasures,
    exhibit_keys,
    exhibits,
    holds,
    metadata,
    officers,
    readings,
    sign_in_links,
    sign_in_tokens,
)

BUSY_TIMEOUT_MS = 5000
LISTED_MAX = 500  # rows that one call returns at most, so that no page grows without bound


class AlreadyDecided(StoreError):  # noqa: N818 - it names what is the case, as a person would say it
    """Somebody decided this exhibit before. A decision is made once."""


@dataclass(frozen=True, slots=True)
class Noticed:
    """One line of the index of exhibits. `first_at` and `sealed_at` are None where the exhibit could not be read, `gone_by` where
    nobody has said yet when it must be gone."""

    id: str
    rule: str
    camera: str
    first_at: datetime | None
    sealed_at: datetime | None
    verified: bool
    noticed_at: datetime
    gone_by: datetime | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """A court wants an exhibit kept until then; `reference` is its file's number."""

    until: datetime
    reference: str


@dataclass(frozen=True, slots=True)
class Due:
    """An exhibit whose time is over, and what may still keep it: that nobody has decided, or a court's hold."""

    noticed: Noticed
    decided: bool
    hold: Hold | None


# What was "typed" by who saw no plate at all. No plate's canonical form has a small letter or a space.
NO_PLATE = "no plate"


@dataclass(frozen=True, slots=True)
class TypedReading:
    """What an officer typed while the match was hidden: "" where they could not read it, NO_PLATE where they saw none.

    `agrees` says whether it was the list's spelling, or that there is none where the finding says so."""

    typed_plate: str = field(repr=False)
    agrees: bool
    read_at: datetime


@dataclass(frozen=True, slots=True)
class Tally:
    """Everything the public may know: sums over all cameras and days. `findings` is by rule, of verified exhibits."""

    counters: Mapping[str, int]
    findings: Mapping[str, int]
    confirmed: int
    dismissed: int


class Store:
    """The database at `path`, made where there is none. StoreError where it is damaged, read-only, full or held by another."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._engine = _engine(path)
        try:
            with self._translated():
                if not path.exists():
                    path.touch(mode=0o600)  # SQLite gives its -wal and -shm files the same mode
                with self._engine.connect() as connection:
                    version = self._checked_version(connection)
                if version < VERSION:
                    self._take_over()
        except BaseException:
            self._engine.dispose()
            raise

    def close(self) -> None:
        """Folds the write-ahead log into the file and lets go of it. Closing twice is fine."""
        try:
            self._folded()
        finally:
            self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    # Exhibits

    def notice(self, exhibit: Noticed, key: bytes | None = None) -> None:
        """Takes an exhibit into the index; one that is there already keeps `noticed_at` and gets the rest anew.

        `key` is that of its file in the vault, where it was taken in.
        """
        row = _row(exhibit)
        again = {name: value for name, value in row.items() if name not in ("id", "noticed_at")}
        with self._writing() as connection:
            connection.execute(insert(exhibits).values(row).on_conflict_do_update(index_elements=["id"], set_=again))
            if key is not None:
                adding = insert(exhibit_keys).values(exhibit=exhibit.id, key=key)
                connection.execute(adding.on_conflict_do_update(index_elements=["exhibit"], set_={"key": key}))

    def noticed(self, exhibit: str) -> Noticed | None:
        with self._reading() as connection:
            row = connection.execute(select(exhibits).where(exhibits.c.id == exhibit)).one_or_none()
        return None if row is None else _noticed(row)

    def undecided(self) -> tuple[Noticed, ...]:
        """The exhibits that wait for a decision, longest waiting first."""
        since = func.coalesce(exhibits.c.sealed_at, exhibits.c.noticed_at)
        waiting = select(exhibits).outerjoin(decisions).where(decisions.c.exhibit.is_(None))
        with self._reading() as connection:
            rows = connection.execute(waiting.order_by(since, exhibits.c.id).limit(LISTED_MAX)).all()
        return tuple(_noticed(row) for row in rows)

    # Keys, holds and erasure

    def key(self, exhibit: str) -> bytes | None:
        """The key of the exhibit's file in the vault; None where it was never taken in, or was erased."""
        with self._reading() as connection:
            found = connection.execute(select(exhibit_keys.c.key).where(exhibit_keys.c.exhibit == exhibit)).scalar_one_or_none()
        return None if found is None else bytes(found)

    def keyed(self) -> frozenset[str]:
        """The exhibits that have a key."""
        with self._reading() as connection:
            return frozenset(connection.execute(select(exhibit_keys.c.exhibit)).scalars())

    def hold(self, exhibit: str, hold: Hold) -> None:
        """Keeps an exhibit beyond its time, in place of an earlier hold."""
        values = {"until": hold.until, "reference": hold.reference}
        adding = insert(holds).values(exhibit=exhibit, **values)
        with self._writing() as connection:
            connection.execute(adding.on_conflict_do_update(index_elements=["exhibit"], set_=values))

    def release(self, exhibit: str) -> None:
        with self._writing() as connection:
            connection.execute(delete(holds).where(holds.c.exhibit == exhibit))

    def held(self, exhibit: str) -> Hold | None:
        with self._reading() as connection:
            row = connection.execute(select(holds.c.until, holds.c.reference).where(holds.c.exhibit == exhibit)).one_or_none()
        return None if row is None else Hold(row.until, row.reference)

    def due(self, at: datetime) -> tuple[Due, ...]:
        """The exhibits that had to be gone by `at`, longest overdue first; where there are very many, the first of them."""
        over = select(exhibits, decisions.c.exhibit.is_not(None).label("decided"), holds.c.until, holds.c.reference)
        over = over.outerjoin(decisions).outerjoin(holds).where(exhibits.c.gone_by <= at)
        # Those that may go come first, so that a call sees them however many others stay.
        stays = decisions.c.exhibit.is_(None) | func.coalesce(holds.c.until > at, sql_false())
        with self._reading() as connection:
            rows = connection.execute(over.order_by(stays, exhibits.c.gone_by, exhibits.c.id).limit(LISTED_MAX)).all()
        return tuple(
            Due(_noticed(row), row.decided, None if row.until is None else Hold(row.until, row.reference)) for row in rows
        )

    def erase(self, exhibit: str, at: datetime) -> None:
        """Destroys the exhibit's key and every row about it, for good: only that it was erased remains, and the sums.

        StoreError where another program reads for so long that what was destroyed still stands in the write-ahead log; it is
        destroyed all the same, and gone from there with the next erasure, `fold` or closing.
        """
        verdict = select(decisions.c.verdict).where(decisions.c.exhibit == exhibit).scalar_subquery()
        counted = select(exhibits.c.rule, exhibits.c.verified, func.coalesce(verdict, ""), func.count())
        counted = counted.where(exhibits.c.id == exhibit).group_by(exhibits.c.rule, exhibits.c.verified)
        adding = insert(erased_counts).from_select(["rule", "verified", "verdict", "count"], counted)
        adding = adding.on_conflict_do_update(
            index_elements=["rule", "verified", "verdict"], set_={"count": erased_counts.c.count + adding.excluded.count}
        )
        with self._writing() as connection:
            connection.execute(insert(erasures).values(exhibit=exhibit, erased_at=at).on_conflict_do_nothing())
            connection.execute(adding)
            for table in (exhibit_keys, holds, readings, disclosures, decisions):
                connection.execute(delete(table).where(table.c.exhibit == exhibit))
            connection.execute(delete(exhibits).where(exhibits.c.id == exhibit))
        self.fold()

    def fold(self) -> None:
        """Folds the write-ahead log into the file and empties it, so that nothing that was deleted lingers there."""
        if not self._folded():
            raise StoreError(
                f"what was erased still stands in the log of {self._path}: another program reads it.",
                remedy="end that program, then run `clearway purge` again; a running hub tries again by itself.",
            )

    def erased(self, exhibit: str) -> datetime | None:
        """When it was erased; None where it was not."""
        when = select(erasures.c.erased_at).where(erasures.c.exhibit == exhibit)
        with self._reading() as connection:
            return connection.execute(when).scalar_one_or_none()

    # Readings and decisions

    def add_reading(self, exhibit: str, officer: str, reading: TypedReading) -> None:
        with self._writing() as connection:
            connection.execute(insert(readings).values(exhibit=exhibit, officer=officer, **_row(reading)))

    def readings(self, exhibit: str, officer: str) -> tuple[TypedReading, ...]:
        """What that officer typed for that exhibit, in order."""
        typed = select(readings.c.typed_plate, readings.c.agrees, readings.c.read_at)
        mine = typed.where(readings.c.exhibit == exhibit, readings.c.officer == officer)
        with self._reading() as connection:
            rows = connection.execute(mine.order_by(readings.c.number).limit(LISTED_MAX)).all()
        return tuple(TypedReading(**row._mapping) for row in rows)

    def disclose(self, exhibit: str, officer: str, shown_at: datetime) -> None:
        """Notes that the match was shown to that officer. The first time counts."""
        values = {"exhibit": exhibit, "officer": officer, "shown_at": shown_at}
        with self._writing() as connection:
            connection.execute(insert(disclosures).values(values).on_conflict_do_nothing())

    def disclosed(self, exhibit: str, officer: str) -> bool:
        shown = select(disclosures.c.number).where(disclosures.c.exhibit == exhibit, disclosures.c.officer == officer)
        with self._reading() as connection:
            return connection.execute(shown).first() is not None

    def decide(self, decision: Decision, gone_by: datetime | None = None) -> None:
        """Keeps a decision for as long as its exhibit, which must be gone by `gone_by` now, where that is earlier.

        AlreadyDecided where there is one.
        """
        try:
            with self._writing() as connection:
                connection.execute(insert(decisions).values(_row(decision)))
                if gone_by is not None:
                    its = (exhibits.c.id == decision.exhibit, exhibits.c.gone_by > gone_by)
                    connection.execute(update(exhibits).where(*its).values(gone_by=gone_by))
        except IntegrityError as error:
            if self.decision(decision.exhibit) is None:
                raise  # an unknown exhibit or officer: our own code's broken promise
            raise AlreadyDecided(
                "this exhibit has been decided, and a decision is made once.", remedy="read the decision on the case's page."
            ) from error

    def decision(self, exhibit: str) -> Decision | None:
        with self._reading() as connection:
            row = connection.execute(select(decisions).where(decisions.c.exhibit == exhibit)).one_or_none()
        return None if row is None else _decision(row)

    def decided_lately(self, count_max: int) -> tuple[tuple[Noticed, Decision], ...]:
        """The newest decisions with their exhibits, newest first."""
        with self._reading() as connection:
            newest = select(decisions).order_by(decisions.c.decided_at.desc()).limit(min(count_max, LISTED_MAX))
            rows = connection.execute(newest).all()
            named = select(exhibits).where(exhibits.c.id.in_([row.exhibit for row in rows]))
            known = {row.id: _noticed(row) for row in connection.execute(named)}
        return tuple((known[row.exhibit], _decision(row)) for row in rows)

    # People

    def add_officer(self, name: str, added_at: datetime) -> None:
        """Makes a pseudonym known; one that is known stays as it is."""
        with self._writing() as connection:
            connection.execute(insert(officers).values(name=name, added_at=added_at).on_conflict_do_nothing())

    def add_link(self, link_hash: str, officer: str, expires_at: datetime) -> None:
        with self._writing() as connection:
            connection.execute(insert(sign_in_links).values(hash=link_hash, officer=officer, expires_at=expires_at))

    def link_officer(self, link_hash: str, at: datetime) -> str | None:
        """Whom an unused, unexpired link signs in, without using it."""
        fresh = select(sign_in_links.c.officer).where(*_fresh_link(link_hash, at))
        with self._reading() as connection:
            return connection.execute(fresh).scalar_one_or_none()

    def use_link(self, link_hash: str, at: datetime) -> str | None:
        """Whom the link signs in, this once; None where it is unknown, used or expired. Two at a time cannot both win."""
        using = update(sign_in_links).where(*_fresh_link(link_hash, at)).values(used_at=at).returning(sign_in_links.c.officer)
        with self._writing() as connection:
            return connection.execute(using).scalar_one_or_none()

    def add_token(self, token_hash: str, officer: str, expires_at: datetime, at: datetime) -> None:
        """Keeps a sign-in, and forgets the sign-ins and links that have expired by `at`."""
        with self._writing() as connection:
            connection.execute(delete(sign_in_tokens).where(sign_in_tokens.c.expires_at <= at))
            connection.execute(delete(sign_in_links).where(sign_in_links.c.expires_at <= at))
            connection.execute(insert(sign_in_tokens).values(hash=token_hash, officer=officer, expires_at=expires_at))

    def token_officer(self, token_hash: str, at: datetime) -> str | None:
        valid = select(sign_in_tokens.c.officer).where(sign_in_tokens.c.hash == token_hash, sign_in_tokens.c.expires_at > at)
        with self._reading() as connection:
            return connection.execute(valid).scalar_one_or_none()

    def drop_token(self, token_hash: str) -> None:
        with self._writing() as connection:
            connection.execute(delete(sign_in_tokens).where(sign_in_tokens.c.hash == token_hash))

    # Counts

    def add_counts(self, camera: str, day: date, counts: Mapping[str, int]) -> None:
        """Adds to the day's counters of one camera: all of `counts`, or none of it."""
        assert all(count >= 0 for count in counts.values()), "what has passed cannot un-pass"
        rows = [
            {"camera": camera, "day": day.isoformat(), "name": name, "count": count} for name, count in counts.items() if count
        ]
        if not rows:
            return
        adding = insert(counters)
        adding = adding.on_conflict_do_update(
            index_elements=["camera", "day", "name"], set_={"count": counters.c.count + adding.excluded.count}
        )
        with self._writing() as connection:
            connection.execute(adding, rows)

    def counts(self) -> dict[str, int]:
        """Each counter's sum over all cameras and days."""
        summed = select(counters.c.name, func.sum(counters.c.count)).group_by(counters.c.name).order_by(counters.c.name)
        with self._reading() as connection:
            return {name: int(count) for name, count in connection.execute(summed)}

    def tally(self) -> Tally:
        """What the public page shows."""
        by_rule = select(exhibits.c.rule, func.count()).where(exhibits.c.verified).group_by(exhibits.c.rule)
        by_verdict = select(decisions.c.verdict, func.count()).group_by(decisions.c.verdict)
        gone_by_rule = select(erased_counts.c.rule, erased_counts.c.count).where(erased_counts.c.verified)
        gone_by_verdict = select(erased_counts.c.verdict, erased_counts.c.count)
        with self._reading() as connection:
            findings = _summed((*connection.execute(by_rule), *connection.execute(gone_by_rule)))
            verdicts = _summed((*connection.execute(by_verdict), *connection.execute(gone_by_verdict)))
        confirmed, dismissed = (verdicts.get(verdict, 0) for verdict in (Verdict.CONFIRMED, Verdict.DISMISSED))
        return Tally(self.counts(), findings, confirmed, dismissed)

    # Inside

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        # Each transaction opens with a write, so that SQLite takes its lock before anything was read.
        with self._translated(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._translated(), self._engine.connect() as connection:
            yield connection

    def _take_over(self) -> None:
        """Makes the tables of a fresh file, and adds to those of an earlier version what this one has beside."""
        with self._engine.begin() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # two programs may open it at once
            known = {row.name for row in connection.exec_driver_sql("PRAGMA table_info(exhibits)")}
            if known and "gone_by" not in known:
                connection.exec_driver_sql("ALTER TABLE exhibits ADD COLUMN gone_by VARCHAR(32)")
                connection.exec_driver_sql("CREATE INDEX ix_exhibits_gone_by ON exhibits (gone_by)")
            metadata.create_all(connection)
            connection.exec_driver_sql(f"PRAGMA user_version = {VERSION}")

    def _folded(self) -> bool:
        until_s = time.monotonic() + BUSY_TIMEOUT_MS / 1000
        with self._translated(), self._engine.connect() as connection:
            # SQLite waits for readers, but not for somebody else who is at the same (sqlite.org/c3ref/wal_checkpoint_v2.html).
            while int(connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0]) != 0:
                if time.monotonic() >= until_s:
                    return False
                time.sleep(0.01)
        return True

    def _checked_version(self, connection: Connection) -> int:
        """The version of the tables, 0 for a fresh file. StoreError where the file is damaged or a newer program wrote it."""
        verdict = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
        if verdict != "ok":
            raise self._damaged()
        version = int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())
        if version > VERSION:
            raise StoreError(f"{self._path} was written by a newer Clearway.", remedy="update Clearway on this machine.")
        return version

    def _damaged(self) -> StoreError:
        return StoreError(
            f"the database {self._path} is damaged.",
            remedy="restore it from its backup; without one, move it aside and start again: the exhibits are safe in their own "
            "files and come back into the queue.",
        )

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turns what SQLite reports into a StoreError; an IntegrityError passes, for it has a meaning to its caller."""
        try:
            yield
        except IntegrityError:
            raise
        except OSError as error:
            raise self._fault(f"the database {self._path} cannot be made: {error.strerror}.") from error
        except DBAPIError as error:
            fault = str(error.orig)
            if "locked" in fault or "busy" in fault:
                raise StoreError(
                    f"the database {self._path} is held by another program.", remedy="end that program, or try again."
                ) from error
            if "malformed" in fault or "not a database" in fault:
                raise self._damaged() from error
            if "readonly" in fault:
                raise self._fault(f"the database {self._path} cannot be written to.") from error
            raise self._fault(f"the database {self._path} cannot be used: {fault}.") from error

    def _fault(self, happened: str) -> StoreError:
        return StoreError(happened, remedy="make the data folder writable for this user, with room on its disk.")


def _engine(path: Path) -> Engine:
    # Parameters stay out of error messages: they may hold what an officer typed.
    engine = create_engine(URL.create("sqlite", database=str(path)), hide_parameters=True)

    @event.listens_for(engine, "connect")
    def set_pragmas(connection: sqlite3.Connection, _record: object) -> None:
        for pragma in (
            f"busy_timeout = {BUSY_TIMEOUT_MS}",  # first, since the next one may have to wait
            "journal_mode = WAL",
            "synchronous = FULL",
            "secure_delete = ON",
            "foreign_keys = ON",
            "temp_store = MEMORY",  # nothing is written outside the data folder
        ):
            connection.execute(f"PRAGMA {pragma}").close()

    return engine


def _row(fact: Noticed | TypedReading | Decision) -> dict[str, Any]:
    return {name: getattr(fact, name) for name in fact.__dataclass_fields__}


def _noticed(row: Row[Any]) -> Noticed:
    return Noticed(**{name: row._mapping[name] for name in Noticed.__dataclass_fields__})


def _summed(counts: Iterable[Row[str, int]]) -> dict[str, int]:
    """The sum for each name, by name."""
    summed: dict[str, int] = {}
    for name, count in counts:
        summed[str(name)] = summed.get(str(name), 0) + int(count)
    return dict(sorted(summed.items()))


def _decision(row: Row[Any]) -> Decision:
    return Decision(**{**row._mapping, "verdict": Verdict(row.verdict)})


def _fresh_link(link_hash: str, at: datetime) -> tuple[Any, ...]:
    return (sign_in_links.c.hash == link_hash, sign_in_links.c.used_at.is_(None), sign_in_links.c.expires_at > at)
