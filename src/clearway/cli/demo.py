"""`clearway demo`: the whole story on a simulated road."""

import argparse
import shutil
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from clearway.cli.watch import summary
from clearway.edge.guard import leave_no_dump
from clearway.edge.pipeline import Pipeline
from clearway.edge.station import KEYS, Station, first_sight, now, open_camera
from clearway.envelope import PUBLIC_KEY_NAME, trusted
from clearway.errors import UsageError
from clearway.evidence.verify import verify
from clearway.facts import Exhibit, Passage
from clearway.hub.serve import run_hub
from clearway.settings import CameraSettings, DetectorSettings, ReaderSettings, RulesSettings, Settings, SightSettings
from clearway.testing.road import Road, film, hotlist_csv, register_csv, scene_toml

DATA = Path("demo-data")
# What marks a folder as ours to replace on the next demo.
MARK = ".clearway-demo"
SEED = 7
# One vehicle drives 64.8 km/h there, the other about 34.
STREET_SEED, STREET_FRAMES_PER_S, FAST_M_S, LIMIT_KMH = 4, 20.0, 18.0, 50.0

_DESCRIPTION = """\
Plays the whole story in under a minute, without a camera or a network: a simulated road is filmed, the clip goes through the same
pipeline as a real camera, two listed vehicles and a lapsed registration are found among all that pass; a second camera, whose
road was surveyed, finds one vehicle too fast; four exhibits are sealed and verified, and the hub opens in which an officer
decides. It is made anew each time."""
_EPILOG = """\
examples:
  clearway demo                     until Ctrl-C, with the hub open
  clearway demo --no-serve          ends after the story; look into demo-data/exhibits
  clearway demo --seed 3            another road"""


def add_to(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    verb = verbs.add_parser(
        "demo",
        help="see the whole story on a simulated road, without a camera or a network",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verb.add_argument("--data", metavar="DIR", type=Path, default=DATA, help="the data folder to make anew (default: demo-data)")
    verb.add_argument("--no-serve", action="store_true", help="end after the story instead of opening the hub")
    verb.add_argument("--port", metavar="N", type=int, default=0, help="the hub's port (default: any free one)")
    verb.add_argument("--seed", metavar="N", type=int, default=SEED, help=f"which road (default: {SEED})")
    verb.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """0 when the story was told and every exhibit verified, and, with the hub, when it was ended."""
    began_s = time.monotonic()
    leave_no_dump()
    # A minute ago, so that it was filmed before anything of it is sealed.
    road = Road(given.seed, starts_at=now().replace(microsecond=0) - timedelta(minutes=1))
    # As an operator would on site: the camera's settings leave out the sky and what is too far away to read.
    settings = Settings(camera=CameraSettings(name=road.camera, region=road.readable_share))
    station = _new_station(given.data, settings)
    with tempfile.TemporaryDirectory(prefix="clearway-demo-") as folder:
        clip, hotlist, register = (Path(folder) / name for name in ("road.mp4", "hotlist.csv", "register.csv"))
        _say(f"A road is filmed: {road.vehicles} vehicles in {road.duration_s:.0f} seconds. Nobody real is in it.")
        film(road, clip)
        hotlist.write_text(hotlist_csv(road), encoding="utf-8")
        register.write_text(register_csv(road), encoding="utf-8")
        _say(f"The hot list is in force: {station.publish_hotlist(hotlist).entries} vehicles.")
        _say(f"The register extract is in force: {station.publish_register(register).entries} vehicles, one of them lapsed.")
        _say("The camera watches. A vehicle on no list is forgotten as soon as it has passed.\n")
        source = open_camera(str(clip), settings, _say)
        exhibits, pipeline = _watched(station.pipeline(source, *first_sight(settings), tell=_passed))
    station.keep_counts(pipeline.counters)
    _say(f"\n{summary(pipeline.counters)}.\n")
    exhibits += _too_fast(given.data)
    passed = _verified(given.data, exhibits)
    _say(f"The clips are deleted; nothing is kept of any other vehicle's passing. That took {time.monotonic() - began_s:.0f} s.")
    if given.no_serve or not passed:
        return 0 if passed else 7
    _say("\nNow an officer decides:")
    run_hub(given.data, "127.0.0.1", given.port, _say)
    return 0


def _new_station(data: Path, settings: Settings) -> Station:
    if data.exists() and any(data.iterdir()):
        if not (data / MARK).exists():
            raise UsageError(
                f"{data} is there already and is no earlier demo's.", remedy="name another folder with --data, or move it away."
            )
        shutil.rmtree(data)
    data.mkdir(parents=True, exist_ok=True)
    (data / MARK).touch()
    return Station(data, settings)


def _too_fast(data: Path) -> list[Exhibit]:
    """What a second camera finds, on a street whose road was surveyed: always the same one, in which one vehicle is too fast."""
    street = Road(
        STREET_SEED,
        2,
        STREET_FRAMES_PER_S,
        fast_m_s=FAST_M_S,
        headway_s=2.0,
        events=False,
        camera="school-street",
        starts_at=now().replace(microsecond=0) - timedelta(minutes=1),
    )
    with tempfile.TemporaryDirectory(prefix="clearway-demo-") as folder:
        clip, scene = Path(folder) / "street.mp4", Path(folder) / "scene.toml"
        film(street, clip)
        scene.write_text(scene_toml(street, LIMIT_KMH), encoding="utf-8")
        settings = Settings(
            # A speed takes every picture, from as far away as a plate is found.
            camera=CameraSettings(name=street.camera, looks_per_s=STREET_FRAMES_PER_S * 2, region=(0.0, 0.3, 1.0, 1.0)),
            sight=SightSettings(
                detector=DetectorSettings(family="clearway-street"), reader=ReaderSettings(family="clearway-plate")
            ),
            rules=RulesSettings(scene=str(scene)),
        )
        _say(f"A second camera watches a surveyed street with a limit of {LIMIT_KMH:g} km/h: {street.vehicles} vehicles pass.\n")
        station = Station(data, settings)
        exhibits, pipeline = _watched(
            station.pipeline(open_camera(str(clip), settings, _say), *first_sight(settings), tell=_passed)
        )
    station.keep_counts(pipeline.counters)
    _say(f"\n{summary(pipeline.counters)}.\n")
    return exhibits


def _watched(pipeline: Pipeline) -> tuple[list[Exhibit], Pipeline]:
    exhibits = []
    for sealed in pipeline.run():
        finding, exhibit = sealed.finding, sealed.exhibit
        _say(f"         ▲ {finding.rule.upper()}  plate {finding.plate}, p {finding.p:.3f}. {finding.because}")
        _say(f"           sealed as {exhibit.path}")
        exhibits.append(exhibit)
    return exhibits, pipeline


def _passed(passage: Passage) -> None:
    """One line a vehicle, without its plate: the demo keeps the promise that it shows."""
    read = f"plate read in {passage.plate.votes} frames" if passage.plate else "plate not legible"
    _say(f"{passage.last_at:%H:%M:%S}  a vehicle passed, {read}")


def _verified(data: Path, exhibits: list[Exhibit]) -> bool:
    keys = trusted(data / KEYS / PUBLIC_KEY_NAME)
    reports = [verify(Path(exhibit.path), keys) for exhibit in exhibits]
    steps = sum(step.passed for report in reports for step in report.steps)
    total = sum(len(report.steps) for report in reports)
    _say(f"{len(reports)} exhibits verified: {steps} of {total} steps passed. Try `clearway verify` on one yourself.")
    return all(report.passed for report in reports)


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)
