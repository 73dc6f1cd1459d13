"""`clearway purge`: erase what must be gone."""

import argparse
from datetime import UTC, datetime
from pathlib import Path

from clearway import settings
from clearway.edge.guard import leave_no_dump
from clearway.hub.keeping import OPERATOR
from clearway.hub.review import Review
from clearway.hub.serve import held

_DESCRIPTION = """\
Says which exhibits must be gone by now, and with --yes erases them: the key of each is destroyed, with every row about it, and
the ledger says that it happened. A running hub does the same by itself every few minutes.

What nobody has decided yet, and what a court wants kept (`clearway hold`), stays, and is named each time."""
_EPILOG = """\
examples:
  clearway purge                       what would be erased, and what stays and why
  clearway purge --yes                 erase it
  clearway purge --yes --undecided     also what nobody has decided; never what a court wants kept

How long each rule's exhibits are kept stands under [retention] in clearway.toml, and in each exhibit since it was sealed.
Copies that were handed out are not erased: whoever got one has to see to it."""


def add_to(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    verb = verbs.add_parser(
        "purge",
        help="erase the exhibits whose time is over; first, say which",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verb.add_argument("--data", metavar="DIR", type=Path, help="the data folder (settings: store.data)")
    verb.add_argument("--yes", action="store_true", help="do it; without this, only say what would be done")
    verb.add_argument("--undecided", action="store_true", help="also erase what nobody has decided")
    verb.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """0 where everything that had to go has gone, or would go. Exhibits are told by their ids: no plate is printed."""
    leave_no_dump()
    known = settings.load()
    data: Path = given.data or known.store.data
    with held(data):
        review = Review(data, lambda: datetime.now(UTC), known.retention, known.evidence.signer.named())
        try:
            for due in review.keeping.due():
                why = review.keeping.stays(due)
                goes = not why or (given.undecided and review.keeping.is_only_undecided(due))
                ends = due.noticed.gone_by
                assert ends is not None
                print(f"{due.noticed.id}  {due.noticed.rule:12}  {ends:%Y-%m-%d}  {'goes' if goes else f'stays: {why}'}")
            if given.yes:
                swept = review.keeping.sweep(OPERATOR, undecided_too=given.undecided)
                print(f"{swept.erased} erased; {swept.undecided} wait for a decision; {swept.held} are kept for a court.")
            else:
                print("Nothing was erased. `clearway purge --yes` does it.")
        finally:
            review.close()
    return 0
