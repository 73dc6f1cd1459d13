"""`clearway VERB …`: one file a verb; JSON lines on stdout, words on stderr."""

import argparse
import importlib
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType

import clearway
from clearway.errors import ClearwayError, InstallationError

# Only the chosen verb's file is imported, so that `verify` starts fast and needs none of the camera's libraries.
VERBS = {
    "demo": "see the whole story on a simulated road, without a camera or a network",
    "watch": "watch a camera, a clip or a folder of pictures, and seal what should be looked at",
    "read": "read the plates in pictures",
    "redact": "make of a clip one that may be published",
    "bench": "measure how well and how fast your own pictures are read",
    "verify": "check an exhibit, step by step, offline",
    "replay": "derive an exhibit's finding once more from the evidence inside it",
    "fsck": "derive the whole ledger again from its public files, and say what is wrong",
    "cosign": "have a witness cosign the ledger's newest checkpoint",
    "witness": "watch other people's ledgers: cosign what only grew",
    "serve": "open the hub: the page where an officer decides",
    "purge": "erase the exhibits whose time is over; first, say which",
    "hold": "keep an exhibit for a court beyond its time",
    "calibrate": "measure a view on a page: points, lanes, lines, and save scene.toml",
    "tally": "count vehicles, speeds and near misses of a view, and name nobody",
    "init": "make keys and a commented clearway.toml",
    "doctor": "say what is wrong with this installation, and what to do",
}
_DESCRIPTION = """\
Clearway keeps roads safe without watching everybody who uses them. It reads plates from a camera, asks lists that lie on this
machine, and, only when a listed vehicle or a lapsed registration is found, seals evidence in which nobody else can be recognised.
An officer decides. Everything else is forgotten at once."""
_EPILOG = """\
begin with:
  clearway demo                                         the whole story, in under a minute
  clearway watch road.mp4 --hotlist hotlist.csv         a clip of your own
  clearway serve                                        decide about what was found

Every verb explains itself: clearway watch --help"""


def main(words: Sequence[str] | None = None) -> int:
    """Runs one verb and returns its exit code; an error that somebody can put right is told on stderr."""
    words = sys.argv[1:] if words is None else words
    signal.signal(signal.SIGTERM, _interrupted)
    try:
        given = _parser(words).parse_args(words)
        return int(given.run(given))
    except ClearwayError as error:
        print(f"clearway: {error.diagnosis()}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except BrokenPipeError:
        # Whoever read our output has gone; nothing is left to say, and Python must not try at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="clearway", description=_DESCRIPTION, epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action="version", version=f"clearway {clearway.__version__}")
    verbs = parser.add_subparsers(metavar="VERB", required=True, title="verbs")
    chosen = next((word for word in words if not word.startswith("-")), None)
    for verb, purpose in VERBS.items():
        if verb == chosen:
            _module(verb).add_to(verbs)
        else:
            verbs.add_parser(verb, help=purpose)
    return parser


def _module(verb: str):  # type: ignore[no-untyped-def]
    try:
        return importlib.import_module(f"clearway.cli.{verb}")
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("clearway"):
            raise
        raise InstallationError(
            f"`clearway {verb}` needs {error.name}, which is not installed.", remedy="pip install 'clearway[all]'"
        ) from error


def _interrupted(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
