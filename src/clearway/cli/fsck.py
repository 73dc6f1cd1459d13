"""`clearway fsck`: is the ledger what its checkpoint signs?"""

import argparse
from pathlib import Path

from clearway.envelope import PUBLIC_KEY_NAME, load_public_key
from clearway.errors import StoreError
from clearway.evidence.fsck import fsck
from clearway.evidence.ledger import CHECKPOINT_NAME

_DESCRIPTION = """\
Derives every tile, the tree and its root again from the ledger's entries, compares them with what is there and with the signed
checkpoint, and says in numbered lines what is wrong. It changes nothing, and works as well on a copy of the public files.

Beside a checkpoint that somebody kept, or that a witness remembers, it also finds a ledger that was turned back or rewritten."""
_EPILOG = """\
examples:
  clearway fsck clearway-data                                   the ledger of a data folder, with its own key
  clearway fsck copy --key authority.pub                        a copy of checkpoint and tile/, with a key that you were given
  clearway fsck copy --key authority.pub --earlier kept.txt     beside a checkpoint that you kept

exit code:
  0 where nothing is wrong, 8 where something is."""


def add_to(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    verb = verbs.add_parser(
        "fsck",
        help="derive the whole ledger again from its public files, and say what is wrong",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verb.add_argument("data", metavar="DATA", type=Path, help="a data folder, or a copy of its ledger folder")
    verb.add_argument(
        "--key", metavar="PUB", type=Path, help=f"the owner's public key, in PEM (default: DATA/keys/{PUBLIC_KEY_NAME})"
    )
    verb.add_argument(
        "--earlier", metavar="FILE", type=Path, action="append", default=[], help="a checkpoint that was kept; may be repeated"
    )
    verb.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """0 where nothing is wrong, else 8."""
    data: Path = given.data
    folder = data if (data / CHECKPOINT_NAME).exists() else data / "ledger"
    public_key = load_public_key(given.key or data / "keys" / PUBLIC_KEY_NAME)
    report = fsck(folder, public_key, [_note(path) for path in given.earlier])
    for number, finding in enumerate(report.findings, start=1):
        print(f"{number} {finding}")
    if report.passed and report.checkpoint is not None:
        print(f"{report.checkpoint.size} entries of {report.checkpoint.origin}, derived again, agree with the signed checkpoint")
    return 0 if report.passed else StoreError.exit_code


def _note(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise StoreError(
            f"the checkpoint {path} cannot be read ({type(error).__name__}).",
            remedy="name a file that holds one signed checkpoint.",
        ) from error
