"""How well vehicles are followed through a simulated street, how fast, and how a tracker library does beside us.

    python benchmarks/tracking.py                                          all parts without peers
    python benchmarks/tracking.py --parts identity --library-python PATH   PATH: an interpreter with `norfair` and `trackers`
    python benchmarks/tracking.py --parts pace queue day
    python benchmarks/tracking.py --parts clips --cache FOLDER             FOLDER keeps what the detector finds

    pace       CPU-ms of a look with 60 vehicles in view: tracking, and measuring and judging who has passed
    queue      hours of stop-and-go, vehicles with plates: how many are counted, who twice
    day        a day: memory and time a look at their beginning and end
    identity   vehicles without plates, by their boxes alone, at 2 to 25 looks a second: IDF1 (E. Ristani et al., 2016) over what
               was detected, and identity switches in 100 vehicles
    clips      vehicles in real clips that were labelled by eye (tests/track/by_eye), found by the shipped detector and by a
               perfect one, looked at as `watch` does, as `tally` does, and in every frame; and of those only who drove, whom
               alone passages are told of

`clearway.testing.street` says what is simulated. Seeds are fixed; none of them was looked at while the tracker was made.
"""

import argparse
import gc
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np

from clearway.edge.scenes import load_law
from clearway.facts import Box, Kind, Passage, Reading, Sighting
from clearway.plates import ALPHABET, PLACE
from clearway.rules.judging import judge
from clearway.rules.rulebook import rules_of
from clearway.testing.followed import Following, Labelled, Told, following, heaviest, labelled
from clearway.testing.street import Look, Street
from clearway.testing.traffic import STARTS_AT, Site
from clearway.track.tracker import Tracker
from films import Film, filmed

IN_VIEW = 60
LOST_AFTER_S = 2.5
PARTS = ("pace", "queue", "day", "identity", "clips")
BY_EYE = Path(__file__).parents[1] / "tests/track/by_eye"
# Looks a second, and for how long somebody may be unseen: of `watch`, of `tally`, and of neither.
WAYS_TO_LOOK = (("watch", 4.0, LOST_AFTER_S), ("tally", 8.0, 1.5), ("every frame", 60.0, 1.5))
PEERS = ("norfair", "bytetrack", "sort")
Ids = list[list[int | None]]


def tracker(lost_after_s: float = LOST_AFTER_S) -> Tracker:
    return Tracker("camera", lost_after_s=lost_after_s, judged_after_s=6.0, plate_p_min=0.5)


def pace(looks_per_s: float, seconds: float = 30.0) -> tuple[np.ndarray, int]:
    """CPU-ms of each look with 60 vehicles in view, (looks, 2): tracking; measuring and judging who passed. And how many did."""
    site = Site(7)
    rules = rules_of(site.scene, load_law("DE"))
    dice = np.random.default_rng(7)
    passes_s = 5.0
    drives = [(dice.uniform(0, 60), dice.uniform(0, 3700), f"AB{n:03d}CD") for n in range(IN_VIEW)]
    made = tracker()
    case = site.case("speed", guilty=True)
    sample = site.filmed(replace(case, frames_per_s=looks_per_s, swaps_to=None))
    took_ms, passages = [], 0
    for look in range(int(seconds * looks_per_s)):
        now_s = look / looks_per_s
        at = STARTS_AT + timedelta(seconds=now_s)
        sightings = []
        for offset_s, x, text in drives:
            # Each comes down the picture for five seconds, and then again as somebody else.
            lap, gone_s = divmod(now_s + offset_s, passes_s)
            plate = Box(x, 100 + 380 * gone_s, x + 120, 130 + 380 * gone_s)
            name = f"{text[:5]}{'ABCDEFGHJK'[int(lap) % 10]}{'KLMNPRSTUV'[int(lap) // 10 % 10]}"
            sightings.append(Sighting(look, at, Kind.VEHICLE, plate.grown(60), 0.9, plate, reading(name)))
        began_s = time.process_time()
        done = made.update(at, sightings, 10.0)
        tracked_s = time.process_time()
        for passage in done:
            passages += 1
            moved = replace(sample, plate=passage.plate)
            list(judge(rules, replace(moved, drive=site.ground.drive(moved)), ()))
        took_ms.append((1000 * (tracked_s - began_s), 1000 * (time.process_time() - tracked_s)))
    return np.array(took_ms), passages


def reading(text: str) -> Reading:
    rows = np.zeros((len(text), len(ALPHABET)))
    rows[range(len(text)), [PLACE[character] for character in text]] = 0.99
    return Reading(text, rows)


def paces() -> Iterator[str]:
    pace(4.0, 3.0)
    for looks_per_s in (4.0, 25.0):
        took_ms, passages = pace(looks_per_s)
        both = took_ms.sum(axis=1)
        track, rules = np.median(took_ms, axis=0)
        yield (
            f"pace, {IN_VIEW} in view, {looks_per_s:g} looks/s, {passages} passed in {len(both)} looks: CPU-ms a look: median "
            f"{np.median(both):.2f}, p95 {np.percentile(both, 95):.2f}, mean {both.mean():.2f}; median of tracking "
            f"{track:.2f}, of rules {rules:.2f}; mean a frame of 25/s {both.mean() * looks_per_s / 25:.2f}"
        )


def counted(street: Street) -> tuple[Counter[int], int, int, int]:
    """How often each true vehicle with a plate was told; how many of them there were; how many passages; how many mixed two."""
    made = tracker()
    numbers: dict[int, int | None] = {}
    kept: list[Look] = []  # sightings are told apart by the identity of their boxes, so these must live until they are told
    told: Counter[int] = Counter()
    everybody: set[int] = set()
    passages = mixed = 0

    def take(done: Sequence[Passage]) -> None:
        nonlocal passages, mixed
        for passage in done:
            whose = Counter(numbers[id(sighting.box)] for sighting in passage.sightings)
            number = whose.most_common(1)[0][0]
            passages += 1
            mixed += len(whose) > 1
            if number is not None:
                told[number] += 1

    for n, look in enumerate(street.looks()):
        kept.append(look)
        numbers.update((id(sighting.box), number) for sighting, number in zip(look.sightings, look.numbers, strict=True))
        everybody.update(number for number in look.numbers if number is not None)
        take(made.update(look.at, look.sightings, 0.0))
        if n % 5000 == 0 and len(kept) > 20_000:
            for old in kept[:10_000]:
                for sighting in old.sightings:
                    numbers.pop(id(sighting.box), None)
            del kept[:10_000]
    take(made.finish())
    return told, len(everybody), passages, mixed


def queues(hours: float) -> Iterator[str]:
    told, truth, passages, mixed = counted(Street(401, seconds=hours * 3600))
    twice = sum(count > 1 for count in told.values())
    error = 100 * (passages - truth) / truth
    yield (
        f"queue, {hours:g} h of stop-and-go: {truth} vehicles, {passages} counted ({error:+.2f} %), {twice} twice, "
        f"{truth - len(told)} never, {mixed} passages mix two vehicles"
    )


def day(hours: float) -> Iterator[str]:
    """Hours in which the street empties and fills; memory that the process holds after each sixth of them."""
    made = tracker()
    for part in range(6):
        street = Street(500 + part, seconds=hours * 600, looks_per_s=2.0, busy=(40.0, 150.0, 500.0)[part % 3])
        took_s, looks = 0.0, 0
        for look in street.looks():
            later = timedelta(hours=hours * part / 6)
            seen = [replace(one, captured_at=look.at + later) for one in look.sightings]
            began_s = time.process_time()
            made.update(look.at + later, seen, 0.0)
            took_s += time.process_time() - began_s
            looks += 1
        for minute in range(3):  # until everybody has left
            made.update(look.at + later + timedelta(minutes=minute), [], 0.0)
        del street, look, seen
        gc.collect()
        held, look_ms = sys.getallocatedblocks(), 1000 * took_s / looks
        yield f"day, hour {hours * (part + 1) / 6:g}: {held} blocks of memory held, {look_ms:.3f} CPU-ms a look"


def ours(looks: Iterable[Sequence[Sighting]], made: Tracker) -> tuple[Ids, set[int], float]:
    """Which vehicle each sighting of each look was taken for, who of them drove, so that a passage is told, and CPU-ms. Asked of
    the tracker itself, for a passage keeps but a sample of a long stay."""
    took_s, ids = 0.0, []
    drivers: set[int] = set()
    for sightings in looks:
        began_s = time.process_time()
        if sightings:
            made.update(sightings[0].captured_at, sightings, 0.0)
        took_s += time.process_time() - began_s
        of = {id(track.last): int(track.id.rpartition("/")[2]) for track in made._tracks}
        drivers |= {of[id(track.last)] for track in made._tracks if track.moved()}
        ids.append([of.get(id(sighting)) for sighting in sightings])
    return ids, drivers, 1000 * took_s


def theirs(python: str, library: str, looks: Sequence[Look], looks_per_s: float) -> tuple[Ids, float]:
    lines, before = [], None
    for look in looks:
        missed = 0 if before is None else round((look.at - before).total_seconds() * looks_per_s) - 1
        boxes = [(one.box.left_px, one.box.top_px, one.box.right_px, one.box.bottom_px, one.p) for one in look.sightings]
        lines.append(json.dumps({"missed": max(0, missed), "boxes": boxes}))
        before = look.at
    command = [python, str(Path(__file__).with_name("track_peer.py")), library, str(looks_per_s), str(LOST_AFTER_S)]
    run = subprocess.run(command, input="\n".join(lines), capture_output=True, text=True, check=False)
    if run.returncode:
        raise SystemExit(run.stderr[-2000:])
    *answers, last = run.stdout.strip().splitlines()
    return [json.loads(answer) for answer in answers], json.loads(last)["cpu_ms"]


def idf1(looks: Sequence[Look], ids: Ids) -> tuple[float, int, int]:
    """IDF1 over the detections, identity switches, and how many true vehicles there were."""
    together: Counter[tuple[int, int]] = Counter()
    truths = told = switches = 0
    last: dict[int, int] = {}
    for look, numbers in zip(looks, ids, strict=True):
        for true, number in zip(look.numbers, numbers, strict=True):
            truths += true is not None
            told += number is not None
            if true is None or number is None:
                continue
            together[true, number] += 1
            switches += last.get(true, number) != number
            last[true] = number
    everybody = {true for look in looks for true in look.numbers if true is not None}
    return 2 * heaviest(together) / (truths + told), switches, len(everybody)


def identities(python: str | None, seed: int, seconds: float) -> Iterator[str]:
    yield "| looks/s | tracker | IDF1 | switches in 100 vehicles | CPU-ms a look |"
    yield "|---|---|---|---|---|"
    for looks_per_s in (25.0, 10.0, 4.0, 2.0):
        looks = list(Street(seed, seconds=seconds, looks_per_s=looks_per_s, plates=False).looks())
        ids, _, cpu_ms = ours([look.sightings for look in looks], tracker())
        runs = [("ours", (ids, cpu_ms))]
        if python is not None:
            runs += [(library, theirs(python, library, looks, looks_per_s)) for library in PEERS]
        for name, (ids, cpu_ms) in runs:
            share, switches, vehicles = idf1(looks, ids)
            yield f"| {looks_per_s:g} | {name} | {share:.3f} | {100 * switches / vehicles:.1f} | {cpu_ms / len(looks):.2f} |"


def followed(labels: Labelled, film: Film, looks_per_s: float, lost_after_s: float) -> tuple[Following, Following]:
    """How well our tracker follows the labelled vehicles, over every way in which looks can fall on the frames; and the same had
    nobody been found but those who drove, of whom alone passages are told."""
    everybody, drove = Following(), Following()
    frames = range(labels.first, labels.last + 1)
    every = max(1, round(labels.frames_per_s / looks_per_s))
    for start in range(every):
        looked = frames[start::every]
        ids, drivers, _ = ours([film.seen[frame] for frame in looked], tracker(lost_after_s))
        told: dict[int, list[Told]] = {
            frame: [(one.box, number) for one, number in zip(film.seen[frame], numbers, strict=True)]
            for frame, numbers in zip(looked, ids, strict=True)
        }
        everybody += following(labels, told)
        drove += following(labels, {frame: [one for one in here if one[1] in drivers] for frame, here in told.items()})
    return everybody, drove


def perfect(labels: Labelled, film: Film) -> Film:
    """The same clip, had the detector found what was labelled and nothing else."""
    seen = [
        tuple(Sighting(frame, at, Kind.VEHICLE, box, 1.0) for _, box, _ in labels.seen(frame)) for frame, at in enumerate(film.at)
    ]
    return Film(film.at, tuple(seen))


def clips(cache: Path) -> Iterator[str]:
    every = [labelled(path.read_text().splitlines()) for path in sorted(BY_EYE.glob("*.jsonl"))]
    films = [filmed(one.clip, cache) for one in every]
    frames, vehicles = sum(one.last - one.first + 1 for one in every), sum(len(one.vehicles) for one in every)
    yield f"{frames} frames of {len(every)} clips, {vehicles} vehicles"
    yield "| looked at as | clip | labelled | IDF1 | found, % | false boxes | IDF1 of the found | switches in 100 vehicles |"
    yield "|---|---|---|---|---|---|---|---|"
    for way, looks_per_s, lost_after_s in WAYS_TO_LOOK:
        total, ideal, drivers, ideal_drivers = Following(), Following(), Following(), Following()
        for labels, film in zip(every, films, strict=True):
            one, drove = followed(labels, film, looks_per_s, lost_after_s)
            best, best_drove = followed(labels, perfect(labels, film), looks_per_s, lost_after_s)
            total, drivers, ideal, ideal_drivers = total + one, drivers + drove, ideal + best, ideal_drivers + best_drove
            yield _row(way, Path(labels.clip).stem, one)
        yield _row(way, "all", total)
        yield _row(way, "all, perfect detector", ideal)
        yield _row(way, "all, who drove", drivers)
        yield _row(way, "all, who drove, perfect detector", ideal_drivers)


def _row(way: str, clip: str, one: Following) -> str:
    return (
        f"| {way} | {clip} | {one.truths} | {one.idf1:.3f} | {100 * one.found / one.truths:.1f} | {one.told - one.found} "
        f"| {one.idf1_of_found:.3f} | {100 * one.switches / one.vehicles:.1f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--library-python", metavar="PATH", help="an interpreter that has norfair and trackers")
    parser.add_argument("--seed", type=int, default=601, help="of the street of `identity`")
    parser.add_argument("--seconds", type=float, default=600.0, help="of the street of `identity`")
    parser.add_argument("--queue-hours", type=float, default=4.0, help="of the part `queue`")
    parser.add_argument("--day-hours", type=float, default=24.0, help="of the part `day`")
    parser.add_argument("--cache", metavar="FOLDER", type=Path, default=Path("films"), help="of the part `clips`")
    given = parser.parse_args()
    if "identity" in given.parts and given.library_python is None:
        print("peers are skipped: no --library-python", file=sys.stderr)
    parts: dict[str, Callable[[], Iterator[str]]] = {
        "pace": paces,
        "queue": lambda: queues(given.queue_hours),
        "day": lambda: day(given.day_hours),
        "identity": lambda: identities(given.library_python, given.seed, given.seconds),
        "clips": lambda: clips(given.cache),
    }
    for part in given.parts:
        for row in parts[part]():
            print(row, flush=True)


if __name__ == "__main__":
    main()
