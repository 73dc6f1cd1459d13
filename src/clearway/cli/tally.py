"""`clearway tally`: counts that name nobody."""

import argparse
import csv
import json
import signal
import sys
from io import StringIO
from pathlib import Path

from tqdm import tqdm

from clearway import settings as settings_file
from clearway.edge.counting import Counting
from clearway.edge.guard import leave_no_dump
from clearway.edge.scenes import load_scene
from clearway.edge.station import now, open_camera
from clearway.errors import InstallationError, SettingsError, StoreError
from clearway.hub.plots import tally_page
from clearway.sight.network import our_own
from clearway.sight.street import StreetDetector
from clearway.track.tally import PERCENTILES, Table

OUT = Path("tally")

_DESCRIPTION = """\
Counts the vehicles of a view by class, lane and quarter of an hour, with their speeds as percentiles, how often they came near
each other or people, and how long people stood on the road. No plate is read, nobody who walks is followed, no picture is kept.
A number that fewer than 5 share is not told.

Writes counts.csv, near.csv, people.csv and tally.html with plots into a folder."""
_EPILOG = """\
examples:
  clearway tally road.mp4 --scene scene.toml
  clearway tally rtsp://10.0.0.7/main --scene scene.toml --out /srv/counts     until Ctrl-C

The scene needs [[lane]] parts, and [[crossing]] ones where people may cross: draw them with `clearway calibrate`.

exit code: 0 counted · 3 the scene or the settings · 4 the source"""


def add_to(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    verb = verbs.add_parser(
        "tally",
        help="count vehicles, speeds and near misses of a view, and name nobody",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verb.add_argument("source", metavar="SOURCE", help="a clip, a folder of pictures, rtsp://…, or a camera device")
    verb.add_argument("--scene", metavar="FILE", type=Path, required=True, help="the view's scene.toml")
    verb.add_argument("--out", metavar="DIR", type=Path, default=OUT, help="where the counts are written (default: tally)")
    verb.add_argument("--settings", metavar="FILE", type=Path, help="a settings file (default: ./clearway.toml, if any)")
    verb.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """0 when the source was counted to its end, or until Ctrl-C."""
    leave_no_dump()
    settings = settings_file.load(given.settings)
    scene = load_scene(given.scene, now())
    if not scene.lane:
        raise SettingsError(f"{given.scene} has no lanes to count in.", remedy="draw them with `clearway calibrate`.")
    if settings.sight.detector.family not in ("clearway-street", "rapidocr"):
        raise InstallationError(
            "the detector of the settings finds plates only, and vehicles are counted.", remedy="leave out [sight.detector]."
        )
    source = open_camera(given.source, settings, _say)
    counting = Counting(source, scene, StreetDetector(our_own("street"), settings.sight.threads))
    stopped = False
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        with tqdm(total=source.frames_expected, unit=" frames", mininterval=0.5 if sys.stderr.isatty() else 5) as bar:
            for _ in counting.run():
                bar.update()
    except KeyboardInterrupt:
        stopped = True
    table = counting.tally.table()
    notes = [f"{table.looked_s:.0f} s were counted{', until it was stopped' if stopped else ''}."]
    if counting.unsteady_s:
        notes.append(f"For {counting.unsteady_s:.0f} s the camera did not look where it was surveyed: nothing was counted then.")
    _write(given.out, table, scene.name, source.camera, notes)
    told = sum(cell.count or 0 for cell in table.cells)
    print(json.dumps({"vehicles_told": told, "looked_s": table.looked_s, "page": str(given.out / "tally.html")}), flush=True)
    return 0


def _write(folder: Path, table: Table, scene: str, source: str, notes: list[str]) -> None:
    percentiles = [f"speed_{one}_kmh" for one in PERCENTILES]
    counts = [["from", "lane", "class", "vehicles", *percentiles]]
    for cell in table.cells:
        speeds = [f"{speed:.0f}" for speed in cell.speeds_kmh] if cell.speeds_kmh else [""] * len(PERCENTILES)
        counts.append([cell.begins_at.isoformat(), cell.lane, cell.kind.value, _told(cell.count), *speeds])
    near = [["between", "measure", "at_most_s", "times"]]
    near += [[one.who, one.measure, f"{one.at_most_s:g}", _told(one.count)] for one in table.near]
    people = [["where", "person_seconds"], *([where, "" if s is None else f"{s:.1f}"] for where, s in table.people_s.items())]
    pages = {"counts.csv": _csv(counts), "near.csv": _csv(near), "people.csv": _csv(people)}
    pages["tally.html"] = tally_page(table, scene, source, now(), notes)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in pages.items():
            (folder / name).write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise StoreError(
            f"the counts cannot be written to {folder}: {error.strerror}.", remedy="name another with --out."
        ) from error


def _told(count: int | None) -> str:
    return "" if count is None else str(count)


def _csv(rows: list[list[str]]) -> str:
    text = StringIO()
    csv.writer(text).writerows([_harmless(cell) for cell in row] for row in rows)
    return text.getvalue()


def _harmless(cell: str) -> str:
    """A name that a spreadsheet would take for a formula gets an apostrophe before it."""
    return f"'{cell}" if cell[:1] in "=+-@\t\r" and cell[:1] else cell


def _say(words: str) -> None:
    tqdm.write(words, file=sys.stderr)
