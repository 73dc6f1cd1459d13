"""`clearway redact`: a clip that may be published."""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tqdm import tqdm

from clearway import settings as settings_file
from clearway.edge.guard import leave_no_dump
from clearway.edge.redaction import Redaction, Revealed, Vehicle
from clearway.edge.station import first_hider
from clearway.errors import UsageError

_DESCRIPTION = """\
Makes of a clip one that may be published. Nothing is shown but what you name; everything else is one flat grey, and nothing can
bring it back. In what is shown, people, faces and other plates are filled too, before, between and after the frames that found
them. A frame that could not be looked at is blank. The new file has no sound and no metadata of the old one.

Without --out nothing is written: the vehicles are listed, one JSON line each, with the numbers that --reveal takes:

  {"vehicle", "first_s", "last_s", "largest_s", "largest_px"}      when it is in view; when and where it is largest"""
_EPILOG = """\
examples:
  clearway redact road.mp4                                             which vehicles are there?
  clearway redact road.mp4 --out public.mp4 --reveal vehicle:3         that one alone, with its plate, below its windows
  clearway redact road.mp4 --out public.mp4 --reveal road --reveal vehicle:3
  clearway redact road.mp4 --out public.mp4 --keep-scene               the whole scene less faces, people and plates

--reveal road is for a camera that stands still: the road as it was while nothing drove there. --keep-scene shows whatever is not
found, and no detector finds everything: look at the result before you publish it.

exit code: 0 the clip was written, or the vehicles listed · 2 usage · 4 the clip · 8 the new file · 9 the installation"""


def add_to(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    verb = verbs.add_parser(
        "redact",
        help="make of a clip one that may be published",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verb.add_argument("clip", metavar="CLIP", type=Path, help="a video file")
    verb.add_argument("--out", metavar="FILE", type=Path, help="the MP4 to write; it must not be there yet")
    verb.add_argument(
        "--reveal", metavar="WHAT", action="append", default=[], help="show this: vehicle:N or road; may be given several times"
    )
    verb.add_argument("--keep-scene", action="store_true", help="show everything but faces, people and plates")
    verb.add_argument("--settings", metavar="FILE", type=Path, help="a settings file (default: ./clearway.toml, if any)")
    verb.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """0 when the clip was written, or, without --out, its vehicles were listed."""
    leave_no_dump()
    revealed = _revealed(given.reveal, keep_scene=given.keep_scene)
    out: Path | None = given.out
    if out is None and (given.reveal or given.keep_scene):
        raise UsageError("there is no --out to write to.", remedy="name the new clip: --out public.mp4.")
    if out is not None and out.exists():
        raise UsageError(f"{out} is there already.", remedy="name a new file with --out, or move that one away.")
    settings = settings_file.load(given.settings)
    # A frame to each thread takes less time than every frame in all threads: a small network is not well shared.
    hider = first_hider(settings, threads=1)
    with _progress("looking", None) as step:
        redaction = Redaction(given.clip, hider, step, road=revealed.road, at_once=settings.sight.threads)
    if out is None:
        for vehicle in redaction.vehicles:
            print(json.dumps(_as_json(vehicle)), flush=True)
        _say(f"{redaction.frames} frames, {len(redaction.vehicles)} vehicles that --reveal vehicle:N can show")
        return 0
    with _progress("writing", redaction.frames) as step:
        written = redaction.write(out, revealed, step)
    print(json.dumps({"out": str(out), "frames": written.frames, "blank": written.blank, "fills": written.fills}), flush=True)
    if revealed == Revealed():
        _say("nothing was named, so nothing is shown: see --reveal and --keep-scene")
    if revealed.road:
        _say(f"the empty road is shown in {written.road_share:.0%} of the picture: where vehicles drove and it was seen free")
    if written.blank:
        _say(f"{written.blank} of {written.frames} frames are blank: what they show could not be found out")
    return 0


def _revealed(words: Sequence[str], *, keep_scene: bool) -> Revealed:
    vehicles, road = set(), False
    for word in words:
        what, _, number = word.partition(":")
        if what == "vehicle" and number.isascii() and number.isdigit() and len(number) < 7:
            vehicles.add(int(number))
        elif word == "road":
            road = True
        else:
            raise UsageError(f"--reveal {word[:40]!r} names nothing.", remedy="write --reveal vehicle:3 or --reveal road.")
    if keep_scene and words:
        raise UsageError(
            "--keep-scene and --reveal do not go together: the one shows the scene, the other only what is named.",
            remedy="leave out one of them.",
        )
    return Revealed(frozenset(vehicles), road, keep_scene)


def _as_json(vehicle: Vehicle) -> dict[str, object]:
    box = vehicle.largest
    return {
        "vehicle": vehicle.number,
        "first_s": round(vehicle.first_s, 2),
        "last_s": round(vehicle.last_s, 2),
        "largest_s": round(vehicle.largest_s, 2),
        "largest_px": [round(edge) for edge in (box.left_px, box.top_px, box.right_px, box.bottom_px)],
    }


@contextmanager
def _progress(words: str, total: int | None) -> Iterator[Callable[[], None]]:
    """A bar on stderr; what is given moves it by a frame."""
    with tqdm(total=total, unit=" frames", desc=words, mininterval=0.5 if sys.stderr.isatty() else 5) as bar:
        yield lambda: (bar.update(), None)[1]


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)
