"""`clearway serve`: the hub, where an officer decides about what was found."""

import argparse
import sys
from pathlib import Path

from clearway import settings
from clearway.edge.guard import leave_no_dump
from clearway.hub.serve import run_hub

DESCRIPTION = """\
Opens the hub: a web page where an officer looks at each exhibit, types the plate that they
read in the picture, and only then sees the match and confirms or dismisses it.

It listens on this machine only, and prints a link that signs you in once."""

EPILOG = """\
examples:
  clearway serve                          the data folder of clearway.toml, port 8765
  clearway serve --data demo-data         another data folder
  clearway serve --port 0                 any free port

pages:
  /         the exhibits that wait for a decision
  /ledger   every view, decision and export, in a log that outsiders can check
  /public   counts only, without signing in

Ctrl-C ends it. Keys and folder come from `clearway init`; one hub runs on one data folder."""


def add_to(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = verbs.add_parser(
        "serve",
        help="open the hub, where an officer decides",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, metavar="DIR", help="the data folder (settings: store.data)")
    parser.add_argument(
        "--host", metavar="ADDRESS", help="where to listen (settings: hub.host); beyond loopback only by settings"
    )
    parser.add_argument("--port", type=int, metavar="N", help="the port, 0 for any free one (settings: hub.port)")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """0 when the hub was ended by Ctrl-C or SIGTERM. Words go to stderr; stdout stays empty."""
    leave_no_dump()
    known = settings.load()
    host = given.host or known.hub.host
    run_hub(
        given.data or known.store.data,
        host,
        known.hub.port if given.port is None else given.port,
        announce=lambda line: print(line, file=sys.stderr, flush=True),
        # A word on the command line is quickly typed; reaching beyond this machine is a decision that belongs in a file.
        beyond_this_machine=host == known.hub.host,
        retention=known.retention,
        token=known.evidence.signer.named(),
    )
    return 0
