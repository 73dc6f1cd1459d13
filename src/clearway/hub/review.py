"""The officer's review: what waits, what is shown when, and what is decided. No HTTP in here.

One exhibit's way through the review, for one officer:

    BLIND ──types the list's spelling──────────────────────────────► MATCH ──► decided: confirmed or dismissed
      └─types something else─► DIFFERS ──looks again, still blind──►   ▲
                                  └─gives up─► MATCH, and may only dismiss

"I see no plate" is a reading, too, of every case: nobody is told which kind it is. It agrees where the finding names no plate.

The match stays hidden while the officer's reading differs from it, so that a second look is as blind as the first and nobody
can confirm by copying what the machine read. Another officer starts blind. An exhibit that does not verify is UNVERIFIED: its
pictures are not shown, and it can only be dismissed.

Each view, disclosure, decision and export is one ledger entry, made before anything is shown. Where the ledger cannot be
written, its StoreError ends the request: no log entry, no disclosure.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from clearway.errors import StoreError, UsageError
from clearway.evidence.ledger import Entry, Event, Ledger
from clearway.evidence.pkcs11 import TokenKey, open_signer
from clearway.evidence.token import known_authorities
from clearway.facts import Decision, Verdict
from clearway.hub.case import MOMENTS, Case, changed
from clearway.hub.keeping import Keeping, NoSuchExhibit
from clearway.plates import LENGTH_MAX, LENGTH_MIN, canonical
from clearway.settings import RetentionSettings
from clearway.store import NO_PLATE, Hold, Noticed, Store, Tally, TypedReading

READINGS_MAX = 3  # looks at the picture before the match must be shown to go on: enough for a slip, too few to guess
DECIDED_SHOWN = 10
ENTRIES_A_PAGE = 50
WORDS_MAX = 500
MOMENT_PICTURES = frozenset(f"{name}.png" for name in MOMENTS)

# The closed list of reasons, by verdict. The officer's own words stand beside one of them.
REASONS = {
    Verdict.CONFIRMED: {
        "agrees": "The plate and the vehicle agree with the entry",
        "plate": "The plate agrees; the entry says nothing about the vehicle",
    },
    Verdict.DISMISSED: {
        "misread": "The picture shows another plate",
        "unclear": "The plate cannot be read with certainty",
        "vehicle": "The vehicle is not the one of the entry",
        "entry": "The entry is wrong or out of date",
        "unverified": "The exhibit does not verify",
        "other": "Another reason",
    },
}


# The same where a rule measured what the vehicle did.
MEASURED_REASONS = {
    Verdict.CONFIRMED: {"seen": "The pictures and the measurement show it"},
    Verdict.DISMISSED: {
        "misread": "The picture shows another plate",
        "unclear": "The plate cannot be read with certainty",
        "unseen": "The pictures do not show it",
        "excused": "It had a reason: a breakdown, an ambulance, an officer's sign",
        "scene": "The limit, the line or the survey is wrong or out of date",
        "unverified": "The exhibit does not verify",
        "other": "Another reason",
    },
}


# The same where the vehicle showed no plate.
NO_PLATE_REASONS = {
    Verdict.CONFIRMED: {"bare": "The pictures show the vehicle well, and no plate on it"},
    Verdict.DISMISSED: {
        "plate": "The picture shows a plate",
        "unseen": "The pictures do not show where its plate would be",
        "exempt": "It needs none: a tram, a cart, a machine",
        "unverified": "The exhibit does not verify",
        "other": "Another reason",
    },
}


class Refused(UsageError):  # noqa: N818 - it names what is the case, as a person would say it
    """What was asked for is against the order of the work."""


class Stage(StrEnum):
    UNVERIFIED = "unverified"
    BLIND = "blind"
    DIFFERS = "differs"
    MATCH = "match"
    DECIDED = "decided"


@dataclass(frozen=True, slots=True)
class Waiting:
    """One line of the queue. `faults` are the failed steps of its verification; empty where it verifies."""

    noticed: Noticed
    faults: tuple[str, ...]

    @property
    def verified(self) -> bool:
        return not self.faults


@dataclass(frozen=True, slots=True)
class View:
    """What one officer may see of one exhibit now. `case` holds the match: pages show it at MATCH and DECIDED only."""

    stage: Stage
    noticed: Noticed
    case: Case
    readings: tuple[TypedReading, ...]
    decision: Decision | None
    hold: Hold | None = None

    @property
    def looks_left(self) -> int:
        return max(0, READINGS_MAX - len(self.readings))

    @property
    def agrees(self) -> bool:
        return bool(self.readings) and self.readings[-1].agrees


@dataclass(frozen=True, slots=True)
class LedgerPage:
    """Entries with their numbers, newest first; `older` and `newer` are the `before` of the neighbouring pages, or None."""

    entries: tuple[tuple[int, Entry], ...]
    size: int
    checkpoint: str
    older: int | None
    newer: int | None


class Review:
    """The review of one data folder. StoreError where the folder has no keys, or its ledger or database cannot be used.

    The key that signs its ledger is in the folder's file, or in the token that is named.
    """

    def __init__(
        self,
        data: Path,
        now: Callable[[], datetime],
        retention: RetentionSettings = RetentionSettings(),  # noqa: B008 - frozen
        token: TokenKey | None = None,
    ) -> None:
        if not data.is_dir():
            raise StoreError(f"there is no data folder {data}.", remedy="run `clearway init`, or name another with --data.")
        signer = open_signer(data / "keys", token)
        self._now = now
        self._retention = retention
        self._ledger = Ledger(data / "ledger", signer)
        self.store = Store(data / "clearway.db")
        keys, authorities = {signer.key_id: signer.public_key()}, known_authorities(data / "keys")
        self.keeping = Keeping(data, self.store, self._ledger, keys, authorities, retention, now)
        # One at a time: between looking whether an exhibit is decided and writing the decision, nobody else decides.
        self._deciding = self.keeping.changing
        self._viewed: set[tuple[str, str]] = set()  # (officer, exhibit): each of them stands in the ledger

    def close(self) -> None:
        self.store.close()

    # The queue

    def queue(self) -> tuple[Waiting, ...]:
        """The undecided exhibits, longest waiting first; those that came or changed since the last look are checked anew."""
        self.keeping.arrived()
        return tuple(Waiting(noticed, self._faults(noticed)) for noticed in self.store.undecided())

    def decided_lately(self) -> tuple[tuple[Noticed, Decision], ...]:
        return self.store.decided_lately(DECIDED_SHOWN)

    # One exhibit

    def open(self, exhibit: str, officer: str) -> View:
        """What that officer may see now. One ledger entry, and a second one where the match is first disclosed to them."""
        noticed = self.keeping.noticed(exhibit)
        case = self.keeping.case(exhibit)
        self._log(Event.EXHIBIT_VIEW, exhibit, officer)
        view = self._view(noticed, case, officer)
        shown = view.stage in (Stage.MATCH, Stage.DECIDED) and case.match is not None
        if shown and not self.store.disclosed(exhibit, officer):
            self._disclose(exhibit, officer)
        self._viewed.add((officer, exhibit))
        return view

    def picture(self, exhibit: str, officer: str, name: str) -> bytes:
        """A still or the clip of an exhibit whose page this officer has opened (that view is in the ledger)."""
        if (officer, exhibit) not in self._viewed:
            raise Refused("this picture belongs to a case that you have not opened.", remedy="open the case first.")
        case = self.keeping.case(exhibit)
        if not case.verified:
            raise NoSuchExhibit("pictures of an exhibit that does not verify are not shown.", remedy="see its failed checks.")
        if name in MOMENT_PICTURES and self._unlogged(exhibit, officer).stage in (Stage.BLIND, Stage.DIFFERS):
            raise Refused("this picture tells why the vehicle was found.", remedy="type what you read in the picture first.")
        picture = case.picture(name, self.keeping.source(exhibit))
        if picture is None:
            raise NoSuchExhibit("this exhibit has no such picture.", remedy="go back to the case.")
        return picture

    def read(self, exhibit: str, officer: str, typed: str | None) -> None:
        """Takes in what the officer reads in the picture; "" says that it cannot be read, None that they see no plate."""
        with self._deciding:
            view = self._unlogged(exhibit, officer)
            if view.stage not in (Stage.BLIND, Stage.DIFFERS):
                raise Refused("the match has been shown, so a reading would not be blind.", remedy="decide, or leave the case.")
            if (officer, exhibit) not in self._viewed:
                raise Refused("you have not seen this picture.", remedy="open the case first.")
            if view.looks_left == 0:
                raise Refused(f"you have looked {READINGS_MAX} times.", remedy="see the match and dismiss, or leave the case.")
            assert view.case.match is not None, "what may be read verifies, and so says what was found"
            text = NO_PLATE if typed is None else canonical(typed)
            if typed and not LENGTH_MIN <= len(text) <= LENGTH_MAX:
                raise Refused(
                    f"a plate has {LENGTH_MIN} to {LENGTH_MAX} letters and digits.", remedy="go back and type what you read."
                )
            plate = view.case.match.plate
            agrees = text == (canonical(plate) if plate else NO_PLATE)
            self.store.add_reading(exhibit, officer, TypedReading(text, agrees, self._now()))

    def give_up(self, exhibit: str, officer: str) -> None:
        """Ends the blind reading of an officer whose reading differs: the match is shown, and they can only dismiss."""
        with self._deciding:
            view = self._unlogged(exhibit, officer)
            if view.stage is not Stage.DIFFERS:
                raise Refused("there is no reading that differs.", remedy="type what you read in the picture first.")
            self._disclose(exhibit, officer)

    def decide(self, exhibit: str, officer: str, verdict: Verdict, reason: str, words: str) -> None:
        """Decides for good. `reason` is a key of REASONS; `words` are the officer's own."""
        words = " ".join(words.split())
        with self._deciding:
            view = self._unlogged(exhibit, officer, anew=True)
            self._check_decision(view, verdict, reason, words)
            typed = view.readings[-1].typed_plate if view.readings else ""
            at = self._now()
            self._log(Event.EXHIBIT_DECIDE, exhibit, officer, at)
            said = f"{_reasons(view)[verdict][reason]}: {words}"
            gone_by = at + timedelta(days=self._retention.dismissed_days) if verdict is Verdict.DISMISSED else None
            self.store.decide(Decision(exhibit, officer, verdict, typed, said, at), gone_by)

    def export(self, exhibit: str, officer: str) -> bytes:
        """The whole ZIP of a confirmed exhibit that still verifies."""
        view = self._unlogged(exhibit, officer, anew=True)
        if view.decision is None or view.decision.verdict is not Verdict.CONFIRMED:
            raise Refused("only a confirmed exhibit leaves the house.", remedy="decide the case first.")
        if not view.case.verified:
            raise Refused("this exhibit does not verify any more.", remedy="restore it from its backup; see its failed checks.")
        content = self.keeping.source(exhibit)
        if not isinstance(content, bytes) or not content:
            raise changed()
        self._log(Event.EXHIBIT_EXPORT, exhibit, officer)
        return content

    @staticmethod
    def reasons(view: View, verdict: Verdict) -> dict[str, str]:
        """The reasons that this view allows for that verdict, by key; none where it does not allow the verdict."""
        confirming = verdict is Verdict.CONFIRMED
        if view.stage is Stage.UNVERIFIED:
            return {} if confirming else {key: _reasons(view)[verdict][key] for key in ("unverified", "other")}
        if view.stage is not Stage.MATCH or (confirming and not view.agrees):
            return {}
        return {key: words for key, words in _reasons(view)[verdict].items() if key != "unverified"}

    # The ledger and the public

    def ledger(self, before: int | None) -> LedgerPage:
        """One page of entries below number `before`; the newest where it is None."""
        size = self._ledger.size
        end = size if before is None else max(0, min(before, size))
        start = max(0, end - ENTRIES_A_PAGE)
        entries = tuple(enumerate(self._ledger.entries(start, end), start))
        return LedgerPage(
            entries[::-1],
            size,
            self._ledger.checkpoint(),
            older=start if start > 0 else None,
            newer=min(size, end + ENTRIES_A_PAGE) if end < size else None,
        )

    def tally(self) -> Tally:
        """What the public may know, with the exhibits that came since an officer last looked."""
        self.keeping.arrived()
        return self.store.tally()

    # Inside

    def _log(self, event: Event, exhibit: str, officer: str, at: datetime | None = None) -> None:
        self._ledger.append(event, exhibit, at or self._now(), f"officer:{officer}")

    def _disclose(self, exhibit: str, officer: str) -> None:
        with self._deciding:
            self.keeping.case(exhibit)  # it may have been erased just now
            self._log(Event.EXHIBIT_REVEAL, exhibit, officer)
            self.store.disclose(exhibit, officer, self._now())

    def _unlogged(self, exhibit: str, officer: str, *, anew: bool = False) -> View:
        """The view on which an act is judged; it is not shown, so it is not logged."""
        noticed = self.keeping.noticed(exhibit)
        return self._view(noticed, self.keeping.case(exhibit, anew=anew), officer)

    def _view(self, noticed: Noticed, case: Case, officer: str) -> View:
        decision = self.store.decision(case.id)
        readings = self.store.readings(case.id, officer)
        if decision is not None:
            stage = Stage.DECIDED
        elif not case.verified:
            stage = Stage.UNVERIFIED
        elif (readings and readings[-1].agrees) or self.store.disclosed(case.id, officer):
            stage = Stage.MATCH
        else:
            stage = Stage.DIFFERS if readings else Stage.BLIND
        return View(stage, noticed, case, readings, decision, self.store.held(case.id))

    def _check_decision(self, view: View, verdict: Verdict, reason: str, words: str) -> None:
        if view.stage is Stage.DECIDED:
            raise Refused("this exhibit has been decided, and a decision is made once.", remedy="read it on the case's page.")
        if view.stage is Stage.UNVERIFIED and verdict is Verdict.CONFIRMED:
            raise Refused("an exhibit that does not verify cannot be confirmed.", remedy="dismiss it, and report it.")
        if view.stage in (Stage.BLIND, Stage.DIFFERS):
            raise Refused("you have not seen the match yet.", remedy="type what you read in the picture first.")
        if verdict is Verdict.CONFIRMED and not view.agrees:
            raise Refused(
                "what you read differs from the match, so this cannot be confirmed by you.",
                remedy="dismiss it, or leave it to another officer.",
            )
        if reason not in self.reasons(view, verdict) or not 1 <= len(words) <= WORDS_MAX:
            raise Refused(
                f"a decision needs a reason from the list and your own words, {WORDS_MAX} characters at most.",
                remedy="go back, choose one and write a few words.",
            )

    def _faults(self, noticed: Noticed) -> tuple[str, ...]:
        if noticed.verified and self.keeping.is_there(noticed.id):
            return ()
        try:
            steps = self.keeping.case(noticed.id).report.steps
        except NoSuchExhibit:
            return ("Its file is missing from the data folder.",)
        return tuple(
            f"{step.title}: {step.words}" for step in steps if not step.passed and not step.words.startswith("not tried")
        )


def _reasons(view: View) -> dict[Verdict, dict[str, str]]:
    match = view.case.match
    if match is not None and not match.plate:
        return NO_PLATE_REASONS
    return MEASURED_REASONS if match is not None and match.measured is not None else REASONS
