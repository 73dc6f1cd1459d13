"""The tables, in the order of the story: exhibits are noticed, read, shown, decided, erased; people sign in; traffic counts."""

from datetime import UTC, datetime

from sqlalchemy import Boolean, Column, Dialect, ForeignKey, Integer, LargeBinary, MetaData, String, Table, UniqueConstraint
from sqlalchemy.types import TypeDecorator

# Written to the file (`PRAGMA user_version`), so that a newer program's database is refused and not half understood.
VERSION = 2


class UtcTime(TypeDecorator[datetime]):
    """An aware UTC datetime, kept as RFC 3339 text of fixed width, which sorts as time does (SQLite has no time type)."""

    impl = String(32)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        assert value.utcoffset() == UTC.utcoffset(None), "times are in UTC"
        return value.isoformat(timespec="microseconds")

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:
        return None if value is None else datetime.fromisoformat(value)


metadata = MetaData()

exhibits = Table(
    "exhibits",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("rule", String(64), nullable=False),
    Column("camera", String(64), nullable=False),
    Column("first_at", UtcTime),
    Column("sealed_at", UtcTime),
    Column("verified", Boolean, nullable=False),
    Column("noticed_at", UtcTime, nullable=False),
    Column("gone_by", UtcTime, index=True),
)

# The key under which the exhibit's file lies in the vault. Destroying it is what erases the exhibit.
exhibit_keys = Table(
    "exhibit_keys",
    metadata,
    Column("exhibit", ForeignKey("exhibits.id"), primary_key=True),
    Column("key", LargeBinary(32), nullable=False),
)

# What a court wants kept, and until when.
holds = Table(
    "holds",
    metadata,
    Column("exhibit", ForeignKey("exhibits.id"), primary_key=True),
    Column("until", UtcTime, nullable=False),
    Column("reference", String(64), nullable=False),
)

officers = Table(
    "officers",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("added_at", UtcTime, nullable=False),
)

# What each officer read, in order, before the match was shown to them; `typed_plate` as in `store.TypedReading`.
readings = Table(
    "readings",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("exhibit", ForeignKey("exhibits.id"), nullable=False, index=True),
    Column("officer", ForeignKey("officers.name"), nullable=False),
    Column("typed_plate", String(32), nullable=False),
    Column("agrees", Boolean, nullable=False),
    Column("read_at", UtcTime, nullable=False),
)

# To whom the match was shown. A row here ends that officer's blind reading for good.
disclosures = Table(
    "disclosures",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("exhibit", ForeignKey("exhibits.id"), nullable=False),
    Column("officer", ForeignKey("officers.name"), nullable=False),
    Column("shown_at", UtcTime, nullable=False),
    UniqueConstraint("exhibit", "officer"),
)

# One row an exhibit: the primary key is what makes a decision final.
decisions = Table(
    "decisions",
    metadata,
    Column("exhibit", ForeignKey("exhibits.id"), primary_key=True),
    Column("officer", ForeignKey("officers.name"), nullable=False),
    Column("verdict", String(16), nullable=False),
    Column("typed_plate", String(32), nullable=False),
    Column("reason", String(1000), nullable=False),
    Column("decided_at", UtcTime, nullable=False),
)

# All that is left of an exhibit that was erased: that it was, and one more in the sums that the public sees. `verdict` is ""
# where nobody had decided.
erasures = Table(
    "erasures",
    metadata,
    Column("exhibit", String(64), primary_key=True),
    Column("erased_at", UtcTime, nullable=False),
)
erased_counts = Table(
    "erased_counts",
    metadata,
    Column("rule", String(64), primary_key=True),
    Column("verified", Boolean, primary_key=True),
    Column("verdict", String(16), primary_key=True),
    Column("count", Integer, nullable=False),
)

# Links and tokens are kept as SHA-256 only: a copy of the database signs nobody in.
sign_in_links = Table(
    "sign_in_links",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("officer", ForeignKey("officers.name"), nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("used_at", UtcTime),
)

sign_in_tokens = Table(
    "sign_in_tokens",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("officer", ForeignKey("officers.name"), nullable=False),
    Column("expires_at", UtcTime, nullable=False),
)

# All that is left of ordinary traffic.
counters = Table(
    "counters",
    metadata,
    Column("camera", String(64), primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("name", String(32), primary_key=True),
    Column("count", Integer, nullable=False),
)
