"""A camera's program on a simulated road, run by the forgetting test in a process of its own.

    python watcher.py FILM SEED DATA HOTLIST

The clip goes through the same pipeline as a real camera; only the eyes know the truth of the road.
"""

import sys
from pathlib import Path

from clearway.cli.watch import as_json, summary
from clearway.edge.guard import leave_no_dump
from clearway.edge.station import Station, open_camera
from clearway.settings import CameraSettings, Settings
from clearway.testing.road import Road
from clearway.testing.truth import TruthDetector, TruthReader


def main(film: str, seed: str, data: str, hotlist: str) -> None:
    leave_no_dump()
    road = Road.busy(int(seed))
    settings = Settings(camera=CameraSettings(looks_per_s=8))
    station = Station(Path(data), settings)
    station.publish_hotlist(Path(hotlist))
    source = open_camera(film, settings, lambda words: print(words, file=sys.stderr))
    detector, reader = TruthDetector(road), TruthReader(road, error_rate=0.0)
    pipeline = station.pipeline(source, detector, reader, hider=detector, tell=lambda passage: print(passage, file=sys.stderr))
    for sealed in pipeline.run():
        print(as_json(sealed), flush=True)
    station.keep_counts(pipeline.counters)
    print(summary(pipeline.counters), file=sys.stderr)


if __name__ == "__main__":
    main(*sys.argv[1:])
