"""`clearway watch`: a camera in, findings out."""

import argparse
import json
import signal
import sys
import time
from pathlib import Path

from tqdm import tqdm

from clearway import settings as settings_file
from clearway.edge.guard import leave_no_dump
from clearway.edge.pipeline import Counters, Pipeline, Sealed
from clearway.edge.station import Station, first_sight, open_camera
from clearway.facts import Frame

COUNTS_KEPT_EVERY_S = 60.0

_DESCRIPTION = """\
Watches a camera, a clip or a folder of pictures. Vehicles pass, their plates are read over many frames, and each is asked about
in the lists on this machine. What a rule finds is sealed as an exhibit and told as one JSON line on stdout:

  {"rule", "plate", "p", "passage", "first_at", "last_at", "exhibit"}

Where the settings name a surveyed view (rules.scene), what vehicles do on it is measured and judged too: docs/rules.md.

Nothing is kept of any other vehicle. Words and progress go to stderr, with a summary of counters at the end."""
_EPILOG = """\
SOURCE is one of
  road.mp4                     a clip: every frame of it, as fast as this machine can
  pictures/                    a folder of pictures, in order of their names
  rtsp://user@camera/stream    a live camera: the newest frame, older ones are dropped and counted
  /dev/video0                  a camera on this machine

examples:
  clearway watch road.mp4 --hotlist hotlist.csv
  clearway watch rtsp://10.0.0.7/main --register register.csv --out /srv/clearway

A hot list is a CSV file with the header plate,region,class,reason,source,case,issued,verified,expires; a register extract one
with plate,valid_from,valid_to,class,colour. Either is checked line by line, signed and kept until it is replaced. Ctrl-C ends a
watch; vehicles in view are judged first.

exit code: 0 the source was watched to its end · 3 settings · 4 the source · 5 a list · 6 sealing · 8 the data folder"""


def add_to(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    verb = verbs.add_parser(
        "watch",
        help="watch a camera, a clip or a folder of pictures, and seal what should be looked at",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verb.add_argument("source", metavar="SOURCE", help="a clip, a folder of pictures, rtsp://…, or a camera device")
    verb.add_argument("--hotlist", metavar="FILE", type=Path, help="put this CSV in force as the hot list first")
    verb.add_argument("--register", metavar="FILE", type=Path, help="put this CSV in force as the register extract first")
    verb.add_argument("--out", metavar="DIR", type=Path, help="the data folder (default: settings store.data, clearway-data)")
    verb.add_argument("--settings", metavar="FILE", type=Path, help="a settings file (default: ./clearway.toml, if any)")
    verb.add_argument("--json", action="store_true", help="tell the summary on stderr as one JSON line instead of words")
    verb.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """0 when the source was watched to its end, or until Ctrl-C."""
    leave_no_dump()
    settings = settings_file.load(given.settings)
    source = open_camera(given.source, settings, _say)
    station = Station(given.out or settings.store.data, settings)
    if station.new_keys:
        _say(f"new keys were made in {station.data / 'keys'}: exhibits verify against them, so keep a copy of clearway.key safe")
    if given.hotlist:
        published = station.publish_hotlist(given.hotlist)
        _say(f"the hot list is in force: {published.entries} entries; {published.expired} expired ones were left out")
    if given.register:
        _say(f"the register extract is in force: {station.publish_register(given.register).entries} entries")
    pipeline = station.pipeline(source, *first_sight(settings), announce=_say)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: _stop(pipeline, number))
    try:
        with tqdm(
            total=source.frames_expected, unit=" frames", desc=source.camera, mininterval=0.5 if sys.stderr.isatty() else 5
        ) as bar:
            watch = _Progress(bar, station, pipeline.counters, source.clock)
            for sealed in pipeline.run(on_frame=watch.on_frame):
                bar.clear()
                print(as_json(sealed), flush=True)
    except KeyboardInterrupt:
        _say("stopped; the vehicles in view were judged")
    finally:
        station.keep_counts(pipeline.counters)
        _say(json.dumps(pipeline.counters.as_dict()) if given.json else summary(pipeline.counters))
    return 0


def as_json(sealed: Sealed) -> str:
    """The finding as one line: what was found, how surely, when, and where its exhibit lies."""
    finding = sealed.finding
    return json.dumps(
        {
            "rule": finding.rule,
            "plate": finding.plate,
            "p": round(finding.p, 4),
            "passage": finding.passage.id,
            "first_at": finding.passage.first_at.isoformat(),
            "last_at": finding.passage.last_at.isoformat(),
            "exhibit": sealed.exhibit.path,
        },
        ensure_ascii=False,
    )


def summary(counters: Counters) -> str:
    """The counters in words: all that is left of the vehicles that did nothing."""
    return (
        f"{counters.frames} frames, {counters.frames_dropped} dropped; {counters.vehicles} vehicles passed, "
        f"{counters.plates_read} plates read, {counters.findings} findings; "
        f"no picture was held for longer than {counters.held_longest_s:.1f} s, and none is held now"
    )


def _stop(pipeline: Pipeline, number: int) -> None:
    """What Ctrl-C and SIGTERM do: the first ends the watch in order, the second ends it at once."""
    signal.signal(number, signal.default_int_handler)
    pipeline.stop()


class _Progress:
    """Moves the bar, and keeps the counters every minute, so that a power cut costs a live camera no day's counts."""

    def __init__(self, bar: "tqdm[None]", station: Station, counters: Counters, clock: str) -> None:
        self._bar, self._station, self._counters, self._clock = bar, station, counters, clock
        self._kept_s = time.monotonic()

    def on_frame(self, frame: Frame) -> None:
        if frame.number == 0:
            # Whoever wonders why an entry that ends tomorrow is UNKNOWN finds the reason here.
            _say(f"times come from {self._clock}; they may be wrong by {frame.clock_error_ms / 1000:,g} s")
        self._bar.set_postfix({"vehicles": self._counters.vehicles, "findings": self._counters.findings}, refresh=False)
        self._bar.update()
        if time.monotonic() - self._kept_s > COUNTS_KEPT_EVERY_S:
            self._station.keep_counts(self._counters)
            self._kept_s = time.monotonic()


def _say(words: str) -> None:
    tqdm.write(words, file=sys.stderr)
