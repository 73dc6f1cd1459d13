"""`clearway cosign`: have witnesses vouch for the ledger."""

import argparse
from pathlib import Path

from clearway import settings
from clearway.cli.verify import witness_key
from clearway.edge.station import KEYS, LEDGER
from clearway.errors import UsageError
from clearway.evidence.ledger import Ledger
from clearway.evidence.note import Verifier
from clearway.evidence.pkcs11 import open_signer
from clearway.evidence.witness import Asked, ask

_DESCRIPTION = """\
Sends the ledger's newest checkpoint to witnesses, with the proof that the ledger only grew, and keeps their cosignatures with it.
Without --witness it prints the ledger's own key, which a witness needs to know the ledger by, and asks the witnesses of the
settings (evidence.witnesses), which are also asked whenever an exhibit is sealed.

Run it often, from a timer: what was cosigned cannot be turned back or forked without the witness seeing it."""
_EPILOG = """\
examples:
  clearway cosign                                         the ledger's key, for the witness' keeper; asks those of the settings
  clearway cosign --witness https://court.example/w1 court.example/w1+7a…+BA…

exit code:
  0 where every witness cosigned, 8 where one could not be reached, refused, or has seen more than there is."""


def add_to(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    verb = verbs.add_parser(
        "cosign",
        help="have a witness cosign the ledger's newest checkpoint",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verb.add_argument("--data", metavar="DIR", type=Path, help="the data folder (settings: store.data)")
    verb.add_argument(
        "--witness",
        metavar=("URL", "VKEY"),
        nargs=2,
        action="append",
        default=[],
        help="a witness' address and its key; may be repeated (default: those of the settings, evidence.witnesses)",
    )
    verb.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """0 where every witness cosigned."""
    known = settings.load()
    data: Path = given.data or known.store.data
    witnesses = [Asked(url, _key(word)) for url, word in given.witness]
    signer = open_signer(data / KEYS, known.evidence.signer.named())
    ledger = Ledger(data / LEDGER, signer)
    if not witnesses:
        print(Verifier(ledger.origin, signer.public_key()).vkey())
    for witness in witnesses or known.evidence.asked_witnesses():
        ask(ledger, witness)
        print(f"{witness.key.name} cosigned {ledger.size} entries")
    return 0


def _key(word: str) -> Verifier:
    try:
        return witness_key(word)
    except argparse.ArgumentTypeError as error:
        raise UsageError(f"--witness {word[:80]}: {error}.", remedy="ask its keeper for the line that it prints.") from None
