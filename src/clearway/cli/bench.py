"""`clearway bench`: how well and how fast the plates in your own pictures are read, here, with your settings."""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tqdm import tqdm

from clearway import settings as settings_file
from clearway.camera.stills import SUFFIXES, read_picture
from clearway.cli.read import in_scene, told
from clearway.edge.guard import leave_no_dump
from clearway.edge.station import first_sight
from clearway.errors import SourceError
from clearway.facts import Box, Frame
from clearway.testing.score import Label, Score, Share, Told, score

LABELS_NAME = "labels.jsonl"

_DESCRIPTION = """\
Reads every picture of a folder and says how well and how fast. Nothing is kept, and no plate is printed.

With a labels.jsonl in the folder, one line a picture, it says how many plates were read right:

  {"image": "images/0001.jpg", "plates": [{"text": "AB12CDE", "box": [410, 300, 96, 28]}]}

image is the path from the folder on; box is left, top, width, height in pixels, null where nobody measured it; a ? in a text is
a character that nobody can read: such a plate need only be found. "also" may list other texts that count as right. A picture
without a plate has "plates": [] and shows what is read where nothing is. Without a labels.jsonl, plates are counted and the time
is taken.

Every share has its 95 % interval: with 50 plates it reaches up to ten points to either side, with 1,000 less than two."""
_EPILOG = """\
examples:
  clearway bench pictures
  clearway bench pictures --gate 0.97             how good are readings with p of at least 0.97?
  clearway bench pictures --json > before.json    one JSON line, to compare with after a change

exit code: 0 every picture was read · 4 the folder, its labels or a picture could not be (the other pictures were)"""


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture of the folder; `labels` is None where nobody labelled it."""

    path: Path
    labels: tuple[Label, ...] | None


def add_to(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    verb = verbs.add_parser(
        "bench",
        help="measure how well and how fast your own pictures are read",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verb.add_argument("folder", metavar="FOLDER", type=Path, help="a folder of pictures, with or without a labels.jsonl")
    verb.add_argument("--gate", metavar="P", type=float, default=0.9, help="the p to judge readings at (default: %(default)s)")
    verb.add_argument("--json", action="store_true", help="print one JSON line")
    verb.add_argument("--settings", metavar="FILE", type=Path, help="a settings file (default: ./clearway.toml, if any)")
    verb.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """0 where every picture could be read, else the exit code of the first that could not."""
    leave_no_dump()
    settings = settings_file.load(given.settings)
    pictures = _pictures(given.folder)
    detector, reader = first_sight(settings, stills=True)
    exit_code = 0
    scored: list[tuple[tuple[Label, ...], list[Told]]] = []
    cpu_ms: list[float] = []
    count = 0
    for picture in tqdm(pictures, desc="pictures", disable=None):
        try:
            pixels, taken_at = read_picture(picture.path)
        except SourceError as error:
            tqdm.write(f"clearway: {error.diagnosis()}", file=sys.stderr)
            exit_code = exit_code or error.exit_code
            continue
        frame = Frame("bench", 0, taken_at or datetime.now(UTC), 0.0, pixels)
        began_s = time.process_time()
        plates = [_told(box, told(box, reading)) for box, reading in in_scene(frame, detector, reader)]
        cpu_ms.append(1e3 * (time.process_time() - began_s))
        count += len(plates)
        if picture.labels is not None:
            scored.append((picture.labels, plates))
    if not cpu_ms:
        return exit_code
    speed = _speed(cpu_ms, settings.camera.looks_per_s)
    found = score(scored, given.gate) if scored else None
    made_with = {"detector": detector.name, "reader": reader.name, "pictures": len(cpu_ms), "plates_told": count}
    if given.json:
        print(json.dumps(made_with | speed | (_figures(found, given.gate) if found is not None else {})))
    else:
        print(_in_words(made_with, speed, found, given.gate, settings.camera.looks_per_s))
    return exit_code


def _told(box: Box, plate: dict[str, object]) -> Told:
    p = plate["p"]
    assert isinstance(p, float)
    return Told(str(plate["text"]), p, box)


def _pictures(folder: Path) -> list[Picture]:
    """The labelled pictures of the folder, or all of them where it has no labels. SourceError where there are none."""
    try:
        lines = (folder / LABELS_NAME).read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
        pictures = [Picture(path, None) for path in paths]
    except (OSError, ValueError) as error:
        raise SourceError(
            f"{folder / LABELS_NAME} cannot be read.", remedy="write it in UTF-8; `clearway bench --help` shows a line of it."
        ) from error
    else:
        pictures = [_labelled(folder, number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if not pictures:
        raise SourceError(
            f"there is no picture in {folder}.", remedy=f"put pictures there ({', '.join(sorted(SUFFIXES))}), or name another."
        )
    return pictures


def _labelled(folder: Path, number: int, line: str) -> Picture:
    """The picture of one line of labels. SourceError names the line that is none, and not what stands in it."""
    try:
        row = json.loads(line)
        return Picture(folder / row["image"], tuple(_label(label) for label in row["plates"]))
    except (ValueError, TypeError, KeyError, AssertionError, AttributeError, RecursionError) as error:
        raise SourceError(
            f"line {number} of {folder / LABELS_NAME} is no line of labels.", remedy="`clearway bench --help` shows one."
        ) from error


def _label(label: dict[str, object]) -> Label:
    text, also, place = label.get("text"), label.get("also", []), label.get("box")
    assert text is None or isinstance(text, str)
    assert isinstance(also, list) and all(isinstance(one, str) for one in also)
    box = None
    if place is not None:
        assert isinstance(place, list)
        x, y, width, height = (float(number) for number in place)
        box = Box(x, y, x + width, y + height)
    return Label((text, *also) if text and "?" not in text else (), box)


def _speed(cpu_ms: Sequence[float], looks_per_s: float) -> dict[str, float]:
    """CPU-milliseconds a picture, and how many cameras this machine can look at."""
    median_ms = statistics.median(cpu_ms)
    first, _, third = statistics.quantiles(cpu_ms, n=4) if len(cpu_ms) > 1 else (median_ms,) * 3
    processors = len(os.sched_getaffinity(0))
    return {
        "cpu_ms": round(median_ms, 2),
        "cpu_ms_quartile_1": round(first, 2),
        "cpu_ms_quartile_3": round(third, 2),
        "processors": processors,
        "cameras": round(1e3 * processors / (looks_per_s * median_ms), 1),
    }


def _figures(found: Score, gate: float) -> dict[str, object]:
    """The score as it is printed in JSON: each share with what was counted and its 95 % interval."""
    return {
        "gate": gate,
        "full_plate": _shown(found.full_plate),
        "within_one": _shown(found.within_one),
        "located": _shown(found.located),
        "extra": found.extra,
        "right_at_gate": _shown(found.right_at_gate),
        "told_at_gate": _shown(found.told_at_gate),
        "accepted_at_997": _shown(found.accepted),
        "accepted_from_p": found.accepted_from_p,
    }


def _shown(share: Share) -> dict[str, object]:
    low, high = share.interval
    return {"share": share.value, "low": round(low, 4), "high": round(high, 4), "hits": share.hits, "of": share.count}


def _in_words(made_with: dict[str, object], speed: dict[str, float], found: Score | None, gate: float, looks_per_s: float) -> str:
    lines = [f"{made_with['pictures']} pictures, {made_with['plates_told']} plates told by {made_with['reader']}"]
    if found is not None:
        shares = (
            ("the whole plate right", found.full_plate),
            ("at most one character wrong", found.within_one),
            ("its place found", found.located),
            (f"told with p >= {gate:g}", found.told_at_gate),
            ("right of those", found.right_at_gate),
            ("can be accepted at 99.7 %", found.accepted),
        )
        lines += [f"  {words:<28} {_share_in_words(share)}" for words, share in shares if share.count]
        if found.accepted_from_p is not None:
            lines.append(f"  {'… by asking for':<28} p >= {found.accepted_from_p:.4f}")
        lines.append(f"  {'read where no label is':<28} {found.extra} in {found.pictures} pictures")
    lines += [
        f"  {'CPU time of a picture':<28} {speed['cpu_ms']:g} ms "
        f"(quartiles {speed['cpu_ms_quartile_1']:g} to {speed['cpu_ms_quartile_3']:g})",
        f"  {'cameras on this machine':<28} about {speed['cameras']:g}, looked at {looks_per_s:g} times a second each; "
        "decoding their films comes on top",
    ]
    return "\n".join(lines)


def _share_in_words(share: Share) -> str:
    assert share.value is not None
    low, high = share.interval
    return f"{100 * share.value:5.1f} % of {share.count} ({100 * low:.1f} to {100 * high:.1f})"
