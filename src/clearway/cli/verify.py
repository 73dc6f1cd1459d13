"""`clearway verify`: is this exhibit what it says it is?"""

import argparse
import json
from pathlib import Path

from clearway.envelope import PUBLIC_KEY_NAME, trusted
from clearway.errors import UsageError
from clearway.evidence.note import COSIGNATURE, Verifier, read_vkey
from clearway.evidence.token import AUTHORITIES_NAME, known_authorities, load_certificates
from clearway.evidence.vault import VAULT_FOLDER
from clearway.evidence.verify import Report, verify

_DESCRIPTION = """\
Checks an exhibit in eight numbered steps, offline, and says of each whether it passed.

An exhibit is a ZIP that stands on its own: masked pictures, what was read and how surely, a signed statement, and the proof that
it is in its sealer's ledger. Checking it needs only the sealer's public key, from a source that you trust."""

_EPILOG = """\
examples:
  clearway verify clearway-data/exhibits/4f…e2.zip          with the key of the data folder that it lies in
  clearway verify 4f…e2.zip --key authority.pub             with a key that you were given
  clearway verify 4f…e2.zip --key a.pub --key b.pub --json  with either of two keys, for a program

exit code:
  0 where every step passed, 7 where one did not. A step that could not be tried has not passed."""


def add_to(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    verb = verbs.add_parser(
        "verify",
        help="check an exhibit, step by step, offline",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verb.add_argument("exhibit", metavar="EXHIBIT", type=Path, help="the exhibit's ZIP file")
    verb.add_argument(
        "--key",
        metavar="PUB",
        type=Path,
        action="append",
        default=[],
        help=f"a public key to trust, in PEM; may be repeated (default: ../keys/{PUBLIC_KEY_NAME} beside the exhibit's folder)",
    )
    verb.add_argument(
        "--tsa",
        metavar="PEM",
        type=Path,
        action="append",
        default=[],
        help=f"a timestamp authority's certificate to trust; may be repeated (default: ../keys/{AUTHORITIES_NAME}, as above)",
    )
    verb.add_argument(
        "--witness",
        metavar="VKEY",
        type=witness_key,
        action="append",
        default=[],
        help="the key of a witness that must have cosigned the ledger, as its keeper spells it; may be repeated",
    )
    verb.add_argument("--json", action="store_true", help="print one JSON object instead of words")
    verb.set_defaults(run=run)


def witness_key(word: str) -> Verifier:
    """The witness' key that `word` spells. ArgumentTypeError where it spells none."""
    try:
        verifier = read_vkey(word)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if verifier.kind != COSIGNATURE:
        raise argparse.ArgumentTypeError("it is the key of a ledger, not of a witness")
    return verifier


def run(given: argparse.Namespace) -> int:
    """0 where every step passed, else 7."""
    exhibit: Path = given.exhibit
    if not exhibit.exists() and (exhibit.absolute().parent.parent / VAULT_FOLDER / exhibit.stem).exists():
        raise UsageError(
            f"the hub has taken {exhibit.name} in, and keeps it encrypted.",
            remedy="see its checks on the case's page; once it is confirmed it can be downloaded there.",
        )
    keys = exhibit.absolute().parent.parent / "keys"
    paths: list[Path] = given.key or ([keys / PUBLIC_KEY_NAME] if (keys / PUBLIC_KEY_NAME).exists() else [])
    authorities = [each for path in given.tsa for each in load_certificates(path)] or known_authorities(keys)
    report = verify(exhibit, trusted(*paths), given.witness, authorities=authorities)
    print(_as_json(report) if given.json else _as_words(report, paths))
    return 0 if report.passed else 7


def _as_json(report: Report) -> str:
    steps = [{"number": s.number, "title": s.title, "passed": s.passed, "words": s.words} for s in report.steps]
    return json.dumps({"exhibit": report.exhibit, "passed": report.passed, "steps": steps}, ensure_ascii=False)


def _as_words(report: Report, keys: list[Path]) -> str:
    lines = []
    for step in report.steps:
        lines += [f"{step.number} {'passed' if step.passed else 'FAILED'}  {step.title}", f"          {step.words}"]
    lines.append("")
    if keys:
        lines.append(f"Trusted: {', '.join(map(str, keys))}")
    else:
        lines.append("Trusted: no key. Name the sealer's public key with --key clearway.pub, got from a source that you trust.")
    failed = sum(not step.passed for step in report.steps)
    lines.append(
        "This exhibit is as it was sealed."
        if report.passed
        else f"Do not rely on this exhibit: {failed} of {len(report.steps)} steps failed."
    )
    return "\n".join(lines)
