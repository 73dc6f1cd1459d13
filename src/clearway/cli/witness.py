"""`clearway witness`: a second pair of eyes on other people's ledgers."""

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

from clearway.envelope import KEY_NAME, create_keys, load_signer
from clearway.errors import InstallationError
from clearway.evidence.note import LOG, Verifier, read_vkey
from clearway.evidence.witness import Server, Witness

_DESCRIPTION = """\
Watches the ledgers of others: cosigns a checkpoint where it is proved that the ledger only grew since the last one, and
refuses forks, rollbacks and wrong signatures by name (c2sp.org/tlog-witness). It sees sizes and hashes, never an entry.

It should run where the ledger's owner has no hands: at another agency, a court, a bar association."""
_EPILOG = """\
examples:
  clearway witness eyes --name court.example/w1 --log 'clearway/ledger/4f…+…'
      keeps its memory and its key in ./eyes, and listens on this machine, port 8766

The ledger's key comes from `clearway cosign` at its owner. The witness' own key is printed, and served at /; whoever verifies an
exhibit names it with `clearway verify --witness`. Beyond this machine it needs TLS in front of it. Ctrl-C ends it."""


def add_to(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    verb = verbs.add_parser(
        "witness",
        help="watch other people's ledgers: cosign what only grew",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verb.add_argument("folder", metavar="DIR", type=Path, help="where keys and memory are; made where it is missing")
    verb.add_argument("--name", metavar="NAME", type=_name, required=True, help="the witness' name, a URL without https://")
    verb.add_argument(
        "--log", metavar="VKEY", type=_log, action="append", required=True, help="the key of a ledger to watch; may be repeated"
    )
    verb.add_argument("--host", metavar="ADDRESS", default="127.0.0.1", help="where to listen (default: this machine only)")
    verb.add_argument("--port", metavar="N", type=int, default=8766, help="the port, 0 for any free one (default: 8766)")
    verb.set_defaults(run=run)


def _name(word: str) -> str:
    try:
        return read_vkey(Verifier(word, bytes(32)).vkey()).name
    except ValueError:
        raise argparse.ArgumentTypeError(f"{word[:80]!r} is no name: it has a space, a plus, or is too long") from None


def _log(word: str) -> Verifier:
    try:
        verifier = read_vkey(word)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if verifier.kind != LOG:
        raise argparse.ArgumentTypeError("it is the key of a witness, not of a ledger")
    return verifier


def run(given: argparse.Namespace) -> int:
    """0 when the witness was ended by Ctrl-C or SIGTERM. The key goes to stdout, what came of each request to stderr."""
    folder: Path = given.folder
    signer = load_signer(folder) if (folder / KEY_NAME).exists() else create_keys(folder)
    witness = Witness(folder, given.name, signer, {log.name: log for log in given.log}, lambda: datetime.now(UTC))
    try:
        server = Server((given.host, given.port), witness, lambda line: print(line, file=sys.stderr, flush=True))
    except (OSError, OverflowError) as error:
        raise InstallationError(
            f"the witness cannot listen on {given.host}, port {given.port}: {error}.", remedy="choose another --port or --host."
        ) from error
    with server:
        print(witness.verifier.vkey(), flush=True)
        host, port = server.server_address[:2]
        print(f"listening on http://{host!s}:{port}", file=sys.stderr, flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return 0
    return 0
