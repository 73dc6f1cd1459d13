"""One SQLite file behind few words.

Every method is one transaction, and what it returns is on the disk (`synchronous=FULL`). Two programs may hold the same file:
the edge counts while the hub reads. What was deleted is overwritten (`secure_delete`), and closing folds the write-ahead log
back into the file, so that nothing lingers beside it.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection, Engine, Row, create_engine, delete, event, func, select, update
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
    exhibits,
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
    """One line of the index of exhibits. `first_at` and `sealed_at` are None where the exhibit could not be read."""

    id: str
    rule: str
    camera: str
    first_at: datetime | None
    sealed_at: datetime | None
    verified: bool
    noticed_at: datetime


@dataclass(frozen=True, slots=True)
class TypedReading:
    """What an officer typed while the match was hidden; `agrees` says whether it was the list's spelling."""

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
                    with self._engine.begin() as connection:
                        metadata.create_all(connection)
                        connection.exec_driver_sql(f"PRAGMA user_version = {VERSION}")
        except BaseException:
            self._engine.dispose()
            raise

    def close(self) -> None:
        """Folds the write-ahead log into the file and lets go of it. Closing twice is fine."""
        try:
            with self._translated(), self._engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").close()
        finally:
            self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    # Exhibits

    def notice(self, exhibit: Noticed) -> None:
        """Takes an exhibit into the index; one that is there already keeps `noticed_at` and gets the rest anew."""
        row = _row(exhibit)
        again = {name: value for name, value in row.items() if name not in ("id", "noticed_at")}
        with self._writing() as connection:
            connection.execute(insert(exhibits).values(row).on_conflict_do_update(index_elements=["id"], set_=again))

    def noticed(self, exhibit: str) -> Noticed | None:
        with self._reading() as connection:
            row = connection.execute(select(exhibits).where(exhibits.c.id == exhibit)).one_or_none()
        return None if row is None else Noticed(**row._mapping)

    def undecided(self) -> tuple[Noticed, ...]:
        """The exhibits that wait for a decision, longest waiting first."""
        since = func.coalesce(exhibits.c.sealed_at, exhibits.c.noticed_at)
        waiting = select(exhibits).outerjoin(decisions).where(decisions.c.exhibit.is_(None))
        with self._reading() as connection:
            rows = connection.execute(waiting.order_by(since, exhibits.c.id).limit(LISTED_MAX)).all()
        return tuple(Noticed(**row._mapping) for row in rows)

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

    def decide(self, decision: Decision) -> None:
        """Keeps a decision for good. AlreadyDecided where there is one."""
        try:
            with self._writing() as connection:
                connection.execute(insert(decisions).values(_row(decision)))
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
            known = {row.id: Noticed(**row._mapping) for row in connection.execute(named)}
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
        with self._reading() as connection:
            findings = {str(rule): int(count) for rule, count in connection.execute(by_rule.order_by(exhibits.c.rule))}
            verdicts = {str(verdict): int(count) for verdict, count in connection.execute(by_verdict)}
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


def _decision(row: Row[Any]) -> Decision:
    return Decision(**{**row._mapping, "verdict": Verdict(row.verdict)})


def _fresh_link(link_hash: str, at: datetime) -> tuple[Any, ...]:
    return (sign_in_links.c.hash == link_hash, sign_in_links.c.used_at.is_(None), sign_in_links.c.expires_at > at)
