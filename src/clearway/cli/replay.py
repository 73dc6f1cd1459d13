"""`clearway replay`: does the same finding come out of this exhibit again?"""

import argparse
import json
from pathlib import Path

from clearway.edge.replay import Outcome, Step, replay

_DESCRIPTION = """\
Derives the claim of an exhibit once more from the evidence inside it, in numbered steps, offline: the readings, the plate that
they say together, what the registers answered about it, where the vehicle was, the finding. With the version of Clearway that
made the exhibit, on the same family of processors, the same comes out to the last bit. On another family a few last digits may
differ; it says so.

It also says what cannot be derived from it: pictures of everybody were not kept, and no list is handed out with one entry of it.

Replaying says whether the claim follows from the evidence. Whether the evidence is as it was sealed, and by whom, says
`clearway verify`: do that first. Whether the evidence is right is for a person to judge from the stills."""

_EPILOG = """\
examples:
  clearway replay clearway-data/exhibits/4f…e2.zip
  clearway replay 4f…e2.zip --json                     for a program

what a step says:
  the same                    it comes out as the exhibit says, to the last bit
  the same but for rounding   as many digits agree as two kinds of processor agree in
  not derived                 what it takes is not in the exhibit; the words say what, and who may have it
  DIFFERS                     something else comes out: the exhibit's claim does not follow from its own evidence

exit code:
  0 where no step differs, 7 where one does or where the file is no whole exhibit"""


def add_to(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    verb = verbs.add_parser(
        "replay",
        help="derive an exhibit's finding once more from the evidence inside it",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verb.add_argument("exhibit", metavar="EXHIBIT", type=Path, help="the exhibit's ZIP file")
    verb.add_argument("--json", action="store_true", help="print one JSON object instead of words")
    verb.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """0 where no step differs, else 7."""
    steps = replay(given.exhibit)
    differs = any(step.outcome is Outcome.DIFFERS for step in steps)
    print(_as_json(steps) if given.json else _as_words(steps))
    return 7 if differs else 0


def _as_json(steps: tuple[Step, ...]) -> str:
    said = [{"number": s.number, "title": s.title, "outcome": s.outcome.value, "words": s.words} for s in steps]
    return json.dumps({"steps": said}, ensure_ascii=False)


def _as_words(steps: tuple[Step, ...]) -> str:
    lines = []
    for step in steps:
        lines += [f"{step.number} {step.title}: {step.outcome}", f"    {step.words}."]
    derived = sum(step.outcome in (Outcome.SAME, Outcome.ROUNDED) for step in steps)
    missing = sum(step.outcome is Outcome.NOT_DERIVED for step in steps)
    if differs := len(steps) - derived - missing:
        lines += ["", f"The finding does not follow from this exhibit's own evidence: {differs} of {len(steps)} steps differ."]
    else:
        lines += ["", f"{derived} of {len(steps)} steps came out as the exhibit says; {missing} cannot be derived from it."]
    return "\n".join(lines)
