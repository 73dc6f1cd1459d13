"""`clearway read`: the plates in pictures."""

import argparse
import json
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from clearway import plates
from clearway import settings as settings_file
from clearway.camera.clip import SIDE_MIN_PX
from clearway.camera.stills import read_picture
from clearway.edge.guard import leave_no_dump
from clearway.edge.station import first_sight
from clearway.errors import SourceError
from clearway.facts import Box, Detection, Frame, Kind, Reading
from clearway.ports import Detector, Reader
from clearway.sight.look import P_TEXT_ALONE_MIN, look
from clearway.track.fusion import fuse

# A crop may be as small as a far plate is: whether anything can be read there is the reader's to say.
CROP_SIDE_MIN_PX = 1
# A plate's corners are found by what surrounds them: a crop gets so much of its own edge around it, in its widths. What fills
# less than this share of the crop is a word beside the plate.
ROOM_WIDTHS, FILLED_MIN = 0.4, 0.25

_DESCRIPTION = """\
Reads the plates in pictures, most certain first. Nothing is kept. p is the probability that the whole text is right; a plate that
is cut by the picture's edge has p 0, since what is missing cannot be known."""
_EPILOG = """\
examples:
  clearway read car.jpg
  clearway read --json pictures/*.jpg > readings.jsonl     one JSON line a picture
  clearway read --crop plate.png                           the picture is a plate already

exit code: 0 every picture was read · 4 one could not be (the others were)"""


def add_to(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    verb = verbs.add_parser(
        "read",
        help="read the plates in pictures",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verb.add_argument("images", metavar="IMAGE", nargs="+", type=Path, help="a picture: JPEG, PNG, WebP, BMP or TIFF")
    verb.add_argument("--json", action="store_true", help="print one JSON line a picture")
    verb.add_argument("--crop", action="store_true", help="each picture is a plate already: do not search, only read")
    verb.add_argument("--settings", metavar="FILE", type=Path, help="a settings file (default: ./clearway.toml, if any)")
    verb.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """0 where every picture could be read, else the exit code of the first that could not."""
    leave_no_dump()
    detector, reader = first_sight(settings_file.load(given.settings), stills=True)
    exit_code = 0
    for path in given.images:
        try:
            pixels, taken_at = read_picture(path, CROP_SIDE_MIN_PX if given.crop else SIDE_MIN_PX)
        except SourceError as error:
            print(f"clearway: {error.diagnosis()}", file=sys.stderr)
            exit_code = exit_code or error.exit_code
            continue
        frame = Frame("stills", 0, taken_at or datetime.now(UTC), 0.0, pixels)
        began_s = time.process_time()
        found = in_crop(frame, detector, reader) if given.crop else in_scene(frame, detector, reader)
        found.sort(key=lambda one: -_worth(one[1]))
        plates_read = [told(box, reading) for box, reading in found]
        line = {"image": str(path), "plates": plates_read, "cpu_ms": round(1e3 * (time.process_time() - began_s), 2)}
        print(json.dumps(line, ensure_ascii=False) if given.json else _in_words(line), flush=True)
    return exit_code


def in_scene(frame: Frame, detector: Detector, reader: Reader) -> list[tuple[Box, Reading]]:
    """Every plate that was read in the picture, with its place."""
    sightings = look(frame, [frame.whole], detector, reader, p_text_min=P_TEXT_ALONE_MIN).sightings
    return [(s.plate_box, s.reading) for s in sightings if s.plate_box is not None and s.reading is not None]


def in_crop(frame: Frame, detector: Detector, reader: Reader) -> list[tuple[Box, Reading]]:
    """The one plate that fills the picture: read as it is, and by the corners that are found in it; the surer reading counts.

    People cut plates out with a margin or without, level or not, so that neither way is always the better one.
    """
    room_px = round(ROOM_WIDTHS * frame.width_px)
    roomy = replace(frame, pixels=np.pad(frame.pixels, ((room_px, room_px), (room_px, room_px), (0, 0)), mode="edge"))
    found = [reader.read(frame, Detection(Kind.PLATE, frame.whole, 1.0))]
    found += [
        reader.read(roomy, one)
        for one in detector.find(roomy, roomy.whole)
        if one.kind is Kind.PLATE and one.box.area_px >= FILLED_MIN * frame.whole.area_px
    ]
    best = max((one for one in found if one is not None), key=_worth, default=None)
    return [(frame.whole, best)] if best is not None else []


def _worth(reading: Reading) -> float:
    """How likely the text is the plate's; one that was not surely whole is told too, for what it is worth."""
    return reading.p * (reading.legibility or reading.p_whole)


def told(box: Box, reading: Reading) -> dict[str, object]:
    """One plate as it is printed: text, p, the probability of each character, its place, its region."""
    plate = fuse([reading if reading.legibility else replace(reading, legibility=1.0)])  # its p counts that it may not be whole
    place = [round(edge, 1) for edge in (box.left_px, box.top_px, box.right_px, box.bottom_px)]
    if plate is None:
        p_characters = [round(float(p), 4) for p in reading.p_characters.max(axis=1)]
        return {"text": reading.text, "p": 0.0, "p_characters": p_characters, "box": place, "region": "unknown"}
    p_characters = [
        round(float(row[plates.PLACE[character]]), 4) for row, character in zip(plate.p_characters, plate.text, strict=True)
    ]
    return {"text": plate.text, "p": round(plate.p, 4), "p_characters": p_characters, "box": place, "region": plate.region}


def _in_words(line: dict[str, object]) -> str:
    found = line["plates"]
    assert isinstance(found, list)
    told = [f"  {plate['text']:<12} p {plate['p']:.3f}  region {plate['region']:<8} at {plate['box']}" for plate in found]
    return "\n".join([str(line["image"]), *(told or ["  no plate found"])])
