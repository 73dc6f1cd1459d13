"""Exhibits as they lie at the hub: taken in, kept under a key of their own for as long as their rule allows, and erased.

What a camera sealed arrives as a ZIP in DATA/exhibits. The way of one exhibit, and what a crash does at each step:

    1  it is verified, and encrypted into DATA/vault under a fresh key     it is taken in again; a file without a key is swept
    2  its line in the index and the key are committed to the database     the ZIP goes when it is next looked at
    3  the ZIP loses its name, is overwritten and removed                  it is at the hub, once; a nameless rest is swept
    …  its time is over, and somebody has decided
    4  the ledger takes `exhibit:erase`                                    it is erased at the next sweep; two entries tell of it
    5  key, index and every row about it are destroyed in one transaction,
       and the write-ahead log is emptied                                  the file without a key is swept
    6  the file is removed                                                 only that it was erased is left, and the sums

An exhibit that waits for a decision, or that a court wants kept, does not go by itself, and does not stay silently: pages,
`clearway purge` and a hub that starts say so.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from cryptography.x509 import Certificate

from clearway.errors import UsageError
from clearway.evidence.bundle import EXHIBITS_FOLDER, list_exhibits
from clearway.evidence.ledger import Event, Ledger
from clearway.evidence.vault import Vault, content_of, stamp, wipe, wipe_leftovers
from clearway.hub.case import Case, open_case
from clearway.settings import RetentionSettings
from clearway.store import Due, Hold, Noticed, Store

CASES_HELD_MAX = 64
HUB, OPERATOR = "hub:retention", "operator:cli"


class NoSuchExhibit(UsageError):  # noqa: N818 - it names what is the case, as a person would say it
    """There is nothing by that name, or nothing that may be shown."""


class Erased(NoSuchExhibit):
    """It was there, and is erased."""


@dataclass(frozen=True, slots=True)
class Swept:
    """How many exhibits were erased, and how many whose time is over stay: for want of a decision, or for a court."""

    erased: int
    undecided: int
    held: int


class Keeping:
    """The exhibits of one data folder. One program at a time may hold it (`serve.held`); several threads may use it."""

    def __init__(
        self,
        data: Path,
        store: Store,
        ledger: Ledger,
        trusted: Mapping[str, bytes],
        authorities: Sequence[Certificate],
        retention: RetentionSettings,
        now: Callable[[], datetime],
    ) -> None:
        self._data, self._store, self._ledger, self._vault = data, store, ledger, Vault(data)
        self._trusted, self._authorities, self._retention, self._now = trusted, authorities, retention, now
        # Held by whoever takes in, erases or decides, so that nobody decides about what is going.
        self.changing = threading.RLock()
        self._held = threading.Lock()
        self._cases: dict[str, tuple[tuple[int, int], Case]] = {}
        self._seen: dict[str, tuple[int, int]] = {}

    # What there is

    def arrived(self) -> None:
        """Takes in every exhibit that came since the last look, and looks again at those that wait and were changed since."""
        for exhibit in (*(path.stem for path in list_exhibits(self._data)), *(one.id for one in self._store.undecided())):
            # One that cannot be taken in stays where it lies.
            at = self._stamp(exhibit)
            if at is None or self._seen.get(exhibit) == at:
                continue
            with suppress(NoSuchExhibit):
                self.noticed(exhibit)
                if (at := self._stamp(exhibit)) is not None:
                    self._seen[exhibit] = at

    def noticed(self, exhibit: str) -> Noticed:
        """The exhibit's line in the index, once it is taken in. NoSuchExhibit where there is none."""
        with self.changing:
            self._take_in(exhibit)
            return self._indexed(exhibit, self.case(exhibit))

    def case(self, exhibit: str, *, anew: bool = False) -> Case:
        """The exhibit as it lies on the disk now; verified again where the file says that it has changed, or where asked."""
        at = self._stamp(exhibit)
        if at is None:
            raise self._none(exhibit)
        with self._held:
            held = self._cases.get(exhibit)
            if anew or held is None or held[0] != at:
                held = at, self._opened(exhibit, self.source(exhibit))
                self._cases.pop(exhibit, None)
                self._cases[exhibit] = held
                if len(self._cases) > CASES_HELD_MAX:
                    del self._cases[next(iter(self._cases))]
        return held[1]

    def source(self, exhibit: str) -> Path | bytes:
        """The exhibit's ZIP: its bytes, or where it lies while it could not be taken in. Empty where the vault's was damaged."""
        key = self._store.key(exhibit)
        if key is None:
            return self._path(exhibit)
        return self._vault.get(exhibit, key) or b""

    def is_there(self, exhibit: str) -> bool:
        return self._stamp(exhibit) is not None

    # What goes

    def due(self) -> tuple[Due, ...]:
        """The exhibits whose time is over, those first that nothing keeps; where there are very many, the first of them."""
        self.arrived()
        return self._store.due(self._now())

    def stays(self, due: Due) -> str:
        """Why an exhibit whose time is over does not go by itself; empty where it does."""
        if due.hold is not None and due.hold.until > self._now():
            return "a court wants it kept"
        return "" if due.decided else "nobody has decided it"

    def is_only_undecided(self, due: Due) -> bool:
        """Whether nothing keeps it but that nobody has decided."""
        return not due.decided and (due.hold is None or due.hold.until <= self._now())

    def sweep(self, by: str = HUB, *, undecided_too: bool = False) -> Swept:
        """Erases what is due. `undecided_too` also erases what nobody has decided; what a court wants kept stays in any case."""
        self._drop_leftovers()
        erased = 0
        while True:
            due = self.due()
            staying = [one for one in due if self.stays(one) and not (undecided_too and self.is_only_undecided(one))]
            going = [one for one in due if one not in staying]
            for one in going:
                self.erase(one.noticed.id, by)
            erased += len(going)
            if not going:
                break
        self._store.fold()
        held = sum(not self.is_only_undecided(one) for one in staying)
        return Swept(erased, len(staying) - held, held)

    def erase(self, exhibit: str, by: str) -> None:
        """Erases one exhibit for good, whoever waits for it. StoreError where it cannot be entered in the ledger, or done."""
        with self.changing:
            at = self._now()
            self._ledger.append(Event.EXHIBIT_ERASE, exhibit, at, by)
            with self._held:
                self._cases.pop(exhibit, None)
            self._seen.pop(exhibit, None)
            self._store.erase(exhibit, at)
            self._vault.drop(exhibit)
            wipe(self._path(exhibit))

    def hold(self, exhibit: str, hold: Hold, by: str) -> None:
        """Keeps an exhibit for a court beyond its time."""
        with self.changing:
            self.noticed(exhibit)
            self._ledger.append(Event.EXHIBIT_HOLD, exhibit, self._now(), by)
            self._store.hold(exhibit, hold)

    def release(self, exhibit: str, by: str) -> None:
        """Ends a hold. The exhibit goes when its time is over, or at once where it is."""
        with self.changing:
            self.noticed(exhibit)
            self._ledger.append(Event.EXHIBIT_RELEASE, exhibit, self._now(), by)
            self._store.release(exhibit)

    # Inside

    def _path(self, exhibit: str) -> Path:
        return self._data / EXHIBITS_FOLDER / f"{exhibit}.zip"

    def _stamp(self, exhibit: str) -> tuple[int, int] | None:
        return stamp(self._path(exhibit)) or self._vault.stamp(exhibit)

    def _opened(self, exhibit: str, source: Path | bytes) -> Case:
        return open_case(self._path(exhibit), self._trusted, self._authorities, source if isinstance(source, bytes) else None)

    def _none(self, exhibit: str) -> NoSuchExhibit:
        at = self._store.erased(exhibit)
        if at is None:
            return NoSuchExhibit("there is no such exhibit.", remedy="go back to the queue.")
        return Erased(
            f"this exhibit was erased on {at.day} {at:%b %Y}.",
            remedy="nothing of it is kept; the ledger says that it was erased.",
        )

    def _take_in(self, exhibit: str) -> None:
        """Brings the ZIP of an exhibit under a key of its own, where there is one."""
        path = self._path(exhibit)
        if stamp(path) is None:
            return
        if self._store.erased(exhibit) is not None:
            # A copy of what was erased came back, perhaps from a backup.
            self._ledger.append(Event.EXHIBIT_ERASE, exhibit, self._now(), HUB)
            wipe(path)
            return
        content = content_of(path)
        if content is None:
            return
        if (key := self._store.key(exhibit)) is not None:
            kept = self._vault.get(exhibit, key)
            if kept == content or (kept and self._opened(exhibit, kept).verified):
                # It was taken in before: by a program that was ended just then, or this is a second one of that name.
                wipe(path)
                return
            if not self._opened(exhibit, content).verified:
                return
        case = self._opened(exhibit, content)
        key = self._vault.put(exhibit, content)
        self._store.notice(self._fresh(exhibit, case), key)
        wipe(path)

    def _indexed(self, exhibit: str, case: Case) -> Noticed:
        known = self._store.noticed(exhibit)
        if known is not None and known.verified == case.verified and known.gone_by is not None:
            return known
        self._store.notice(self._fresh(exhibit, case))
        found = self._store.noticed(exhibit)
        assert found is not None
        return found

    def _fresh(self, exhibit: str, case: Case) -> Noticed:
        """What the index should say. Of an exhibit that stopped to verify it keeps what that said when it still did."""
        known = self._store.noticed(exhibit)
        noticed_at = self._now() if known is None else known.noticed_at
        lasts = self._retention.of(case.rule if known is None or case.verified else known.rule).lasts
        # The manifest's promise holds; settings may ask for less, and speak alone where it promised nothing.
        before = None if known is None else known.gone_by
        ends = [at for at in (case.gone_by, (case.sealed_at or noticed_at) + lasts, before) if at is not None]
        if known is not None and not case.verified:
            return replace(known, verified=False, gone_by=before or min(ends))
        return Noticed(
            exhibit, case.rule, case.camera, case.first_at, case.sealed_at, case.verified, noticed_at, gone_by=min(ends)
        )

    def _drop_leftovers(self) -> None:
        """Removes what a crash left: files whose key is destroyed or was never kept, and ZIPs that were being wiped."""
        with self.changing:
            wipe_leftovers(self._data / EXHIBITS_FOLDER)
            for name in self._vault.names() - self._store.keyed():
                self._vault.drop(name)
