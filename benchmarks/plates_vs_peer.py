"""The figures of our sight, the strongest open plate reader beside it, in one run. Prints one table.

    python benchmarks/plates_vs_peer.py --peer-python PYTHON                everything, in minutes
    python benchmarks/plates_vs_peer.py --rows full speed                   the rows whose names begin so
    python benchmarks/plates_vs_peer.py --json > figures.jsonl              one JSON line a row

PYTHON is an interpreter that has the peer's packages (../shared/peers/fast_alpr/run.py names them); without one the peer's
column stays empty and says so. What is ours is chosen by --settings, as everywhere. Pictures lie in ../shared/data, and none of
the sets named `measure` took part in any training or tuning. The scorer is ../shared/measure/score.py.

A share has its 95 % interval (Wilson); a ratio and a calibration error have one from resampling the pictures. Where one plate
gave several pictures, it counts once in the interval.
"""

import argparse
import importlib.util
import json
import statistics
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from tqdm import tqdm

import clearway
import false_alerts
import sets
import street
from clearway import settings as settings_file
from clearway.testing.score import Share, calibration_error, compared, largest_share, reliability
from eyes import Answer, Eye, Ours, Peer
from reliability import draw
from sets import Picture

RESAMPLED = 300
CUTS = 1000
SPEED_PICTURES = 60
DIAGRAM = Path(__file__).resolve().parents[1] / "docs/reliability.svg"
OUR_WEIGHTS = Path(clearway.__file__).parent / "sight/weights"


@dataclass(frozen=True, slots=True)
class Aim:
    """What a row must reach: the goal, and the floor below (or above) which it is not done."""

    what: str
    unit: str
    goal: float
    floor: float

    def reached(self, value: float) -> str:
        """ "goal", "done" where the floor is reached, else "short"."""
        more = self.goal > self.floor
        if value >= self.goal if more else value <= self.goal:
            return "goal"
        return "done" if (value >= self.floor if more else value <= self.floor) else "short"


# Issue 3's table. Each row's name is what --rows asks for.
AIMS = {
    "full-eu": Aim("full plate, Europe", "%", 100, 97),
    "full-us": Aim("full plate, United States", "%", 96, 82),
    "full-br": Aim("full plate, Brazil", "%", 99, 94),
    "speed": Aim("CPU time of a 720p frame with one plate, peer = 1", "x", 0.4, 0.6),
    "weights": Aim("all weights together", "MB", 6, 8),
    "extra": Aim("extra plates on plate-free pictures", "per 1,000", 1, 5),
    "accepted": Aim("largest share accepted at 99.7 % precision, all scenes", "%", 92, 80),
    "china": Aim("full plate, China, with province, held out", "%", 95, 80),
    "crops-dz": Aim("full plate, Algeria, crops", "%", 97, 75),
    "crops-ir": Aim("full plate, Iran, crops", "%", 97, 70),
    "crops-br": Aim("full plate, Brazil, crops", "%", 97, 90),
    "located-ro": Aim("plates located, Romania, held out", "%", 98, 93),
    "located-dz": Aim("plates located, Algeria", "%", 98, 93),
    "located-ir": Aim("plates located, Iran", "%", 98, 95),
    "located-eg": Aim("plates located, Egypt, motorcycles", "%", 92, 70),
    "narrow-64-1": Aim("64 px wide (simulated), one frame", "%", 92, 75),
    "narrow-64-9": Aim("64 px wide (simulated), nine frames", "%", 99, 92),
    "narrow-48-9": Aim("48 px wide (simulated), nine frames", "%", 90, 50),
    "ece-characters": Aim("calibration error, characters", "%", 1, 3),
    "ece-plates": Aim("calibration error, plates", "%", 2, 5),
    "cut": Aim("a cut plate accepted as whole, of 1,000", "cuts", 0, 5),
    "false-alerts": Aim("false alerts per million passages (simulated), at 98 % of hits", "", 1, 50),
    "faces": Aim("faces of 20 px and more, 90 % covered, held out", "%", 99.9, 97),
    "faces-false": Aim("false face boxes a picture", "", 3, 3),
    "vehicles": Aim("vehicles of 24 px and more that the teacher sees, at 720p", "%", 95, 85),
}


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value with its 95 % interval, in the unit of its row, over `n` things."""

    value: float
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True, slots=True)
class Measured:
    """One row: ours and the peer's; `note` says what else a reader should know, and what was skipped."""

    ours: Figure | None
    peer: Figure | None = None
    note: str = ""


@dataclass(slots=True)
class Bench:
    """The eyes, what they have read so far, and a folder for pictures made on the way."""

    ours: Ours
    peer: Peer | None
    scratch: Path
    read: dict[tuple[str, Path, bool], Answer] = field(default_factory=dict)

    @property
    def eyes(self) -> list[Eye]:
        return [self.ours] if self.peer is None else [self.ours, self.peer]

    def answers(self, eye: Eye, pictures: Sequence[Picture]) -> list[dict[str, Any]]:
        """What an eye read in each picture, as lines that the scorer takes; every picture is read once a run."""
        lines = []
        for one in tqdm(pictures, desc=f"{eye.name}: {pictures[0].path.parent.parent.name}", leave=False):
            at = (eye.name, one.path, one.crop)
            if at not in self.read:
                self.read[at] = eye.crop(one.path) if one.crop else eye.scene(one.path)
            lines.append(self.read[at] | {"image": one.row["image"]})
        return lines

    def scored(self, eye: Eye, pictures: Sequence[Picture]) -> dict[str, Any]:
        found: dict[str, Any] = SCORER.score([one.row for one in pictures], self.answers(eye, pictures), 0.9)
        return found

    def both(self, measure: Callable[[Eye], Figure], note: str = "") -> Measured:
        """The same figure of both eyes."""
        ours = measure(self.ours)
        return Measured(ours, None if self.peer is None else measure(self.peer), note)


SCORER = sets.scorer()


def percent(share: Share, independent: int | None = None) -> Figure:
    """A share in percent; `independent` is how many things it is about where that is less than was counted."""
    assert share.value is not None
    doubt = share if independent is None else Share(round(share.value * independent), independent)
    low, high = doubt.interval
    return Figure(100 * share.value, 100 * low, 100 * high, share.count)


def full_plates(bench: Bench, pictures: Sequence[Picture]) -> Measured:
    def measure(eye: Eye) -> Figure:
        found = bench.scored(eye, pictures)
        return percent(Share(round(found["full_plate"] * found["plates"]), found["plates"]))

    return bench.both(measure)


def located(bench: Bench, pictures: Sequence[Picture]) -> Measured:
    count = sum(bool(label.get("box")) for one in pictures for label in one.row["plates"])
    return bench.both(lambda eye: percent(Share(round(bench.scored(eye, pictures)["located"] * count), count)))


def full(bench: Bench) -> Iterator[tuple[str, Measured]]:
    for region in ("eu", "us", "br"):
        yield f"full-{region}", full_plates(bench, sets.scenes(f"openalpr_{region}"))


def speed(bench: Bench) -> Iterator[tuple[str, Measured]]:
    """Both read the same picture one after the other, so that what the machine's neighbours do falls on both."""
    frames = [one for one in sets.scenes("openalpr_us") if (one.row["width"], one.row["height"]) == (1280, 720)]
    frames = [one for one in frames if len(one.row["plates"]) == 1][:SPEED_PICTURES]
    for eye in bench.eyes:
        eye.scene(frames[0].path)  # the first run of a network allocates its memory
    ms: dict[str, list[float]] = {eye.name: [] for eye in bench.eyes}
    for one in tqdm(frames, desc="a frame by each in turn", leave=False):
        for eye in bench.eyes:
            ms[eye.name].append(eye.scene(one.path)["cpu_ms"])
    words = "; ".join(f"{name} {_spread(times)}" for name, times in ms.items())
    if bench.peer is None:
        yield "speed", Measured(None, note=f"no peer to compare with; {words}")
        return
    ours, peers = np.array(ms[bench.ours.name]), np.array(ms[bench.peer.name])
    low, high = resampled(lambda chosen: float(np.median(ours[chosen]) / np.median(peers[chosen])), len(ours))
    ratio = Figure(float(np.median(ours) / np.median(peers)), low, high, len(ours))
    yield "speed", Measured(ratio, Figure(1.0, None, None, len(ours)), words)


def _spread(times: Sequence[float]) -> str:
    first, middle, third = statistics.quantiles(times, n=4)
    return f"{middle:.1f} ms (quartiles {first:.1f} to {third:.1f})"


def weights(bench: Bench) -> Iterator[tuple[str, Measured]]:
    """Every network that the package carries, whether the settings choose it or not."""
    ours, peer = (sorted(folder.glob("*.onnx")) for folder in (OUR_WEIGHTS, sets.SHARED / "peers/fast_alpr/weights"))
    figures = [Figure(sum(path.stat().st_size for path in paths) / 1e6, None, None, len(paths)) for paths in (ours, peer)]
    names = ", ".join(path.name for path in ours)
    yield "weights", Measured(figures[0] if ours else None, figures[1], names or "the package carries no weights yet")


def extra(bench: Bench) -> Iterator[tuple[str, Measured]]:
    pictures = sets.negatives()

    def measure(eye: Eye) -> Figure:
        per_1000 = bench.scored(eye, pictures)["extra_per_1000"]
        share = percent(Share(min(len(pictures), round(per_1000 * len(pictures) / 1000)), len(pictures)))
        assert share.low is not None and share.high is not None
        return Figure(per_1000, 10 * share.low, 10 * share.high, len(pictures))

    yield "extra", bench.both(measure, "readings with a text; one of 100 pictures is 10 per 1,000")


def all_scenes() -> list[Picture]:
    return [one for name in sets.SCENES for one in sets.scenes(name)]


def accepted(bench: Bench) -> Iterator[tuple[str, Measured]]:
    pictures = all_scenes()

    def measure(eye: Eye) -> Figure:
        found = bench.scored(eye, pictures)
        return percent(Share(round(found["coverage_at_997"] * found["plates"]), found["plates"]))

    yield "accepted", bench.both(measure)


def china(bench: Bench) -> Iterator[tuple[str, Measured]]:
    yield "china", full_plates(bench, sets.held_out("plates/train/scenes/cn_easypr"))


def crops(bench: Bench) -> Iterator[tuple[str, Measured]]:
    for region, name in (("dz", "dz_crops"), ("ir", "ir_crops"), ("br", "br_crops_traindet")):
        yield f"crops-{region}", full_plates(bench, sets.crops(name))


def places(bench: Bench) -> Iterator[tuple[str, Measured]]:
    yield "located-ro", located(bench, sets.held_out("plates/train/boxes/ro_detect"))
    for region, name in (("dz", "dz_detect"), ("ir", "ir_detect"), ("eg", "eg_moto_detect")):
        yield f"located-{region}", located(bench, sets.boxes(name))


def narrow(bench: Bench) -> Iterator[tuple[str, Measured]]:
    for width_px in (64, 48):
        tracks = [track for name in ("openalpr_eu", "openalpr_br") for track in sets.tracks(name, width_px, bench.scratch)]
        if width_px == 64:
            frames = [one for track in tracks for one in track]

            def one_frame(eye: Eye, frames: list[Picture] = frames, plates: int = len(tracks)) -> Figure:
                found = bench.scored(eye, frames)
                return percent(Share(round(found["full_plate"] * found["plates"]), found["plates"]), plates)

            yield "narrow-64-1", bench.both(one_frame, "simulated; nine frames of a plate count once in the interval")

        def nine_frames(eye: Eye, tracks: list[list[Picture]] = tracks) -> Figure:
            right = 0
            for track in tqdm(tracks, desc=f"{eye.name}: nine frames", leave=False):
                text, _ = eye.passage([one.path for one in track])
                right += compared(text) in truths(track[0].row["plates"][0])
            return percent(Share(right, len(tracks)))

        yield f"narrow-{width_px}-9", bench.both(nine_frames, "simulated; the peer's frames vote place by place")


def truths(label: dict[str, Any]) -> set[str]:
    return {compared(text) for text in (label["text"], *label.get("also", []))}


def claims(bench: Bench, eye: Eye) -> tuple[list[list[tuple[float, bool]]], list[tuple[float, bool]]]:
    """What an eye claims, and whether it is right: for the characters of each plate that it read, and for the plates."""
    pictures = all_scenes() + [one for name in sets.CROPS for one in sets.crops(name)]
    pictures += sets.held_out("plates/train/scenes/cn_easypr")
    characters, plates = [], []
    for one, answer in zip(pictures, bench.answers(eye, pictures), strict=True):
        for label in one.row["plates"]:
            found = surest(answer["plates"], label)
            if found is None or not label.get("text") or "?" in label["text"]:
                continue
            text, known = compared(found["text"]), truths(label)
            truth = min(known, key=lambda each: SCORER.edits(text, each))
            plates.append((float(found["p"]), text in known))
            if len(found["p_characters"]) == len(text):
                right = set(aligned(text, truth))
                characters.append([(float(p), place in right) for place, p in enumerate(found["p_characters"])])
    return characters, plates


def surest(found: Sequence[dict[str, Any]], label: dict[str, Any]) -> dict[str, Any] | None:
    """The surest reading with a text at a label's place, as the scorer chooses it."""
    here = [one for one in found if not label.get("box") or SCORER.meets(one["box"], label["box"])]
    best = max(here, key=lambda one: float(one["p"]), default=None)
    return best if best is not None and compared(best["text"]) else None


def aligned(text: str, truth: str) -> Iterator[int]:
    """The places of `text` whose character stands at its place in `truth`, where the two are laid on each other best."""
    rows = [list(range(len(truth) + 1))]
    for i, x in enumerate(text, 1):
        row = [i]
        for j, y in enumerate(truth, 1):
            row.append(min(rows[-1][j] + 1, row[j - 1] + 1, rows[-1][j - 1] + (x != y)))
        rows.append(row)
    i, j = len(text), len(truth)
    while i and j:
        if rows[i][j] == rows[i - 1][j - 1] + (text[i - 1] != truth[j - 1]):
            i, j = i - 1, j - 1
            if text[i] == truth[j]:
                yield i
        elif rows[i][j] == rows[i - 1][j] + 1:
            i -= 1
        else:
            j -= 1


def calibration(bench: Bench) -> Iterator[tuple[str, Measured]]:
    drawn = {}
    found: dict[str, dict[str, Figure]] = {"characters": {}, "plates": {}}
    for eye in bench.eyes:
        characters, plates = claims(bench, eye)
        found["characters"][eye.name] = _error(characters)
        found["plates"][eye.name] = _error([[one] for one in plates])
        drawn[eye.name] = {
            "characters": reliability(*_columns(one for plate in characters for one in plate)),
            "plates": reliability(*_columns(plates)),
        }
    ours = drawn[bench.ours.name]
    DIAGRAM.write_text(draw(ours), encoding="utf-8")
    for kind, figures in found.items():
        peer = figures[bench.peer.name] if bench.peer is not None else None
        yield f"ece-{kind}", Measured(figures[bench.ours.name], peer, f"10 bins of equal count; drawn in {DIAGRAM.name}")


def _columns(answers: Iterable[tuple[float, bool]]) -> tuple[list[float], list[bool]]:
    pairs = list(answers)
    return [p for p, _ in pairs], [right for _, right in pairs]


def _error(plates: Sequence[Sequence[tuple[float, bool]]]) -> Figure:
    """The calibration error in percent; plates are resampled whole, since the characters of one share its fate."""

    def error(chosen: Iterable[int]) -> float:
        return 100 * (calibration_error(*_columns(one for place in chosen for one in plates[place])) or 0.0)

    low, high = resampled(error, len(plates))
    return Figure(error(range(len(plates))), low, high, sum(map(len, plates)))


def resampled(measure: Callable[[Any], float], count: int) -> tuple[float, float]:
    """The 95 % interval of a figure over `count` things, by drawing them anew (B. Efron, 1979)."""
    dice = np.random.default_rng(0)
    values = [measure(dice.integers(count, size=count)) for _ in range(RESAMPLED)]
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


def cut(bench: Bench) -> Iterator[tuple[str, Measured]]:
    """Accepted is what reaches the gate that gives 99.7 % precision on the scenes, and does not say the whole plate."""
    gates = {eye.name: gate(bench, eye) for eye in bench.eyes}
    pictures = list(sets.cuts(CUTS, bench.scratch / "cuts"))

    def measure(eye: Eye) -> Figure:
        from_p = gates[eye.name]
        wrong = 0
        for one, answer in zip(pictures, bench.answers(eye, pictures), strict=True):
            (label,) = one.row["plates"]
            found = surest(answer["plates"], label)
            sure = found is not None and from_p is not None and float(found["p"]) >= from_p
            wrong += sure and found is not None and compared(found["text"]) not in truths(label)
        low, high = Share(wrong, CUTS).interval
        return Figure(wrong, CUTS * low, CUTS * high, CUTS)

    words = ", ".join(f"{name} {'none' if p is None else f'{p:.4f}'}" for name, p in gates.items())
    yield "cut", bench.both(measure, f"15 to 50 % of the width missing; gates: {words}")


def gate(bench: Bench, eye: Eye) -> float | None:
    """The p from which on 99.7 % of an eye's answers on all scenes are right; None where there is none."""
    pictures = all_scenes()
    answers = []
    for one, answer in zip(pictures, bench.answers(eye, pictures), strict=True):
        for label in one.row["plates"]:
            found = surest(answer["plates"], label)
            if found is not None and label.get("text") and "?" not in label["text"]:
                answers.append((float(found["p"]), compared(found["text"]) in truths(label)))
    return largest_share(answers)[1]


def alerts(bench: Bench) -> Iterator[tuple[str, Measured]]:
    found = false_alerts.measure(bench.ours, bench.scratch)
    figure = None if found.per_million is None else Figure(found.per_million, *found.per_million_interval, found.passages)
    yield "false-alerts", Measured(figure, note=found.words)


def faces(bench: Bench) -> Iterator[tuple[str, Measured]]:
    found = street.faces(sets.held_out("faces"), bench.ours.things)
    skipped = "" if found.boxes else "the detector finds no faces"
    if skipped:
        yield "faces", Measured(None, note=skipped)
        yield "faces-false", Measured(None, note=skipped)
        return
    yield "faces", Measured(percent(found.covered), note="some faces in the background are not labelled")
    yield "faces-false", Measured(Figure(found.false / found.pictures, None, None, found.pictures), note="meet no labelled face")


def vehicles(bench: Bench) -> Iterator[tuple[str, Measured]]:
    found = street.vehicles(bench.ours.things)
    if not found.boxes:
        yield "vehicles", Measured(None, note="the detector finds no vehicles")
        return
    yield "vehicles", Measured(percent(found.met), note=f"{found.frames} frames of four clips; the teacher is NanoDet-Plus")


PARTS: tuple[tuple[tuple[str, ...], Callable[[Bench], Iterator[tuple[str, Measured]]]], ...] = (
    (("full-eu", "full-us", "full-br"), full),
    (("speed",), speed),
    (("weights",), weights),
    (("extra",), extra),
    (("accepted",), accepted),
    (("china",), china),
    (("crops-dz", "crops-ir", "crops-br"), crops),
    (("located-ro", "located-dz", "located-ir", "located-eg"), places),
    (("narrow-64-1", "narrow-64-9", "narrow-48-9"), narrow),
    (("ece-characters", "ece-plates"), calibration),
    (("cut",), cut),
    (("false-alerts",), alerts),
    (("faces", "faces-false"), faces),
    (("vehicles",), vehicles),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", metavar="NAME", nargs="+", default=[""], help=f"only these rows: {', '.join(AIMS)}")
    parser.add_argument("--json", action="store_true", help="print one JSON line a row")
    parser.add_argument("--peer-python", metavar="PYTHON", help="an interpreter that has the peer's packages")
    parser.add_argument("--settings", metavar="FILE", type=Path, help="a settings file (default: ./clearway.toml, if any)")
    given = parser.parse_args()
    python = given.peer_python or (sys.executable if importlib.util.find_spec("fast_alpr") else None)
    if python is None:
        print("the peer is skipped: no --peer-python, and fast-alpr is not installed here", file=sys.stderr)
    with TemporaryDirectory() as folder:
        bench = Bench(Ours(settings_file.load(given.settings)), Peer(python) if python else None, Path(folder))
        if not given.json:
            print(f"ours: {bench.ours.name}; peer: {bench.peer.name if bench.peer else 'skipped'}\n")
            print(f"{'':<64} {'goal':>7} {'floor':>7} {'ours':>25} {'peer':>25} {'n':>6}")
        for names, measure in PARTS:
            if not any(name.startswith(tuple(given.rows)) for name in names):
                continue
            for name, row in measure(bench):
                if name.startswith(tuple(given.rows)):
                    print(_as_json(name, row) if given.json else _in_words(AIMS[name], row), flush=True)
        if bench.peer is not None:
            bench.peer.close()


def _as_json(name: str, row: Measured) -> str:
    reached = AIMS[name].reached(row.ours.value) if row.ours is not None else None
    return json.dumps({"row": name} | asdict(AIMS[name]) | asdict(row) | {"reached": reached}, ensure_ascii=False)


def _in_words(aim: Aim, row: Measured) -> str:
    what = f"{aim.what}{f', {aim.unit}' if aim.unit else ''}"
    n = row.ours.n if row.ours is not None else row.peer.n if row.peer is not None else ""
    reached = aim.reached(row.ours.value) if row.ours is not None else ""
    line = f"{what:<64} {aim.goal:>7g} {aim.floor:>7g} {_shown(row.ours):>25} {_shown(row.peer):>25} {n:>6} {reached}".rstrip()
    return f"{line}\n    {row.note}" if row.note else line


def _shown(figure: Figure | None) -> str:
    if figure is None:
        return "-"
    interval = "" if figure.low is None or figure.high is None else f" ({figure.low:.2f} to {figure.high:.2f})"
    return f"{figure.value:.2f}{interval}"


if __name__ == "__main__":
    main()
