"""`clearway hold`: keep an exhibit for a court."""

import argparse
import re
from datetime import UTC, datetime
from pathlib import Path

from clearway import settings
from clearway.edge.guard import leave_no_dump
from clearway.errors import UsageError
from clearway.hub.keeping import OPERATOR
from clearway.hub.review import Review
from clearway.hub.serve import held
from clearway.store import Hold

_DESCRIPTION = """\
Keeps an exhibit beyond the time by which it must be gone, because a court wants it, or ends that. The ledger says that it
happened, and every page about the case shows it. End the hub first: one program at a time holds a data folder."""
_EPILOG = """\
examples:
  clearway hold 4f…e2 --until 2027-12-31 --reference "12 Cs 34/27"
  clearway hold 4f…e2 --release"""
_REFERENCE_MAX = 64


def add_to(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    verb = verbs.add_parser(
        "hold",
        help="keep an exhibit for a court beyond its time",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verb.add_argument("exhibit", metavar="EXHIBIT", help="the exhibit's id, 64 hex digits")
    verb.add_argument("--until", metavar="DAY", help="the day on which the hold ends, such as 2027-12-31")
    verb.add_argument("--reference", metavar="NUMBER", default="", help="the court's file number; no name and no plate")
    verb.add_argument("--release", action="store_true", help="end the hold")
    verb.add_argument("--data", metavar="DIR", type=Path, help="the data folder (settings: store.data)")
    verb.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """0 once the hold, or its end, is on the disk."""
    leave_no_dump()
    known = settings.load()
    data: Path = given.data or known.store.data
    if not re.fullmatch("[0-9a-f]{64}", given.exhibit, re.ASCII):
        raise UsageError("EXHIBIT is no exhibit's id.", remedy="give the 64 hex digits that the case's page shows.")
    hold = None if given.release else _hold(given.until, given.reference.strip())
    with held(data):
        review = Review(data, lambda: datetime.now(UTC), known.retention, known.evidence.signer.named())
        try:
            if hold is None:
                review.keeping.release(given.exhibit, OPERATOR)
                print(f"{given.exhibit[:12]}… is kept for a court no longer")
            else:
                review.keeping.hold(given.exhibit, hold, OPERATOR)
                print(f"{given.exhibit[:12]}… is kept for a court until {hold.until:%Y-%m-%d}")
        finally:
            review.close()
    return 0


def _hold(until: str | None, reference: str) -> Hold:
    try:
        end = datetime.fromisoformat(until or "").replace(tzinfo=UTC)
    except ValueError:
        raise UsageError("--until names no day.", remedy="write it as 2027-12-31; every hold has an end.") from None
    if not 1 <= len(reference) <= _REFERENCE_MAX or not reference.isprintable():
        raise UsageError(
            "--reference is missing or too long.", remedy=f"give the court's file number, up to {_REFERENCE_MAX} letters."
        )
    if end <= datetime.now(UTC):
        raise UsageError("--until lies in the past.", remedy="name a day to come, or --release the exhibit.")
    return Hold(end, reference)
