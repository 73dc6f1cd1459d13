"""How often each rule of the road finds what it should, and whom it would accuse wrongly, on simulated drives with exact truth.

    python benchmarks/rules.py [--cases 2100] [--ordinary 1050] [--sites 105] [--processes 1] [--only-plates]

Nobody's film: `clearway.testing.traffic` says what is simulated (a surveyed junction from 7 to 10 m up, 4K, 5 to 25 frames a
second, plates at unknown heights, boxes that stray, dropped frames, a mast in the wind, clocks that are off by what they state,
and, in every tenth trap, a tracker that takes another vehicle for the one it followed). Four parts are printed, each as rows of
a table:

- For each rule, --cases drives: two thirds break it, a third is legal but close. Recall with Wilson's 95 % interval; false
  accusations among the traps with Garwood's. A speed beyond the limit that the law tolerates is counted apart.
- `no_plate` measures no drive, so it gets what it would get: --cases vehicles that come nearer or go away, looked at 5 to 25
  times a second, and the count of those that passed under the same light before. A third of them have a plate that is hard to
  see, need none, or were not seen well. Recall is over those without one that were seen well by a camera whose count lets it ask;
  20 times --cases ordinary vehicles with a plate are judged, too. **How often a look shows a plate is assumed** (`seen_p`), and
  each look is taken to be a new chance: these rows say what the rule makes of such eyes, and nothing of how often it would ask
  wrongly on a road. How many without one show something like it is measured (benchmarks/painted.py).
- --ordinary drives that break no rule, each judged by all rules.
- Speeds against exact truth, over the very places that were measured, swaps left out: where plates' heights are not known, and
  where they are to about 3 cm.

How long tracking and judging take is measured by benchmarks/tracking.py.
"""

import argparse
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import timedelta

import numpy as np

from clearway.edge.scenes import load_law
from clearway.facts import Answer, Box, Finding, Kind, Passage, Record, Sighting
from clearway.rules.judging import judge
from clearway.rules.no_plate import CAMERA, PICTURES_MIN, SHOWN, VEHICLES_MIN, WIDTH_MIN_PX, NoPlate, shown_before, side_seen
from clearway.rules.rulebook import rules_of
from clearway.scene import Order, depths_m
from clearway.testing.score import Share
from clearway.testing.traffic import RULES, STARTS_AT, STRETCH, Array, Case, Site, Way
from false_alerts import poisson_interval

LAW = load_law("DE")
# Why a vehicle that is not to be asked about may seem to have no plate.
TRAPS = ("very dirty", "glare", "a third need none", "crosses", "far away", "seen once")
# Assumed, not measured: the share of vehicles whose plate is dirty, worn or in the light, so that it is seen in 5 to 95 of 100
# looks instead of 95 and more; of those that have none; and of the plates that glare hides almost wholly.
HARD, NONE, HIDDEN = 0.05, 0.002, 0.8
# Measured by benchmarks/painted.py: of those that have no plate, which have something that is taken for one now and then (33 of
# 332 did in any of twelve views, 7 in one of them).
ALIKE = 0.1
RESTS = [(may_ask, found) for may_ask in (False, True) for found in (False, True)]


def judged_cases(rule: str, seed: int, number: int) -> Counter[tuple[bool, bool, bool]]:
    """How many drives of one site were (guilty, tolerated, found)."""
    site = Site(seed)
    asked = next(made for made in rules_of(site.scene, LAW) if made.name == rule)
    counts: Counter[tuple[bool, bool, bool]] = Counter()
    for n in range(number):
        case = site.case(rule, guilty=n % 3 > 0)
        counts[case.guilty, case.tolerated, asked.judge(site.filmed(case), case.records) is not None] += 1
    return counts


def judged_plates(seed: int, number: int, traps: bool) -> Counter[tuple[str, bool, bool]]:
    """How many vehicles were (of that kind, seen well by a camera that may ask, found). With traps, two thirds have no plate
    ("none"); without, all are "ordinary" and have one."""
    dice = np.random.default_rng(3_000_000 + seed)
    assert LAW.no_plate is not None
    rule = NoPlate(Order("simulated order", STARTS_AT - timedelta(days=1), STARTS_AT + timedelta(days=1)), LAW.no_plate)
    counts: Counter[tuple[str, bool, bool]] = Counter()
    for n in range(number):
        kind = "ordinary" if not traps else "none" if n % 3 > 0 else str(dice.choice(TRAPS))
        passage = seen(dice, kind)
        record = shown_on_the_street(dice, kind, side_seen(passage) or "front", len(passage.sightings))
        may_ask = side_seen(passage) is not None and record.answer is Answer.YES
        counts[kind, may_ask, rule.judge(passage, (record,)) is not None] += 1
    return counts


def seen_p(dice: np.random.Generator, kind: str, size: int) -> Array:
    """In which share of the looks each of so many vehicles shows a plate, or what may be one."""
    p = np.where(dice.random(size) < HARD, dice.uniform(0.05, 0.95, size), dice.uniform(0.95, 1.0, size))
    if kind == "none":
        return np.where(dice.random(size) < ALIKE, dice.uniform(0.0, 0.5, size), 0.001)
    if kind == "very dirty":
        return dice.uniform(0.05, 0.5, size)
    if kind == "glare":
        return np.where(dice.random(size) < HIDDEN, dice.uniform(0.0, 0.05, size), p)
    return np.zeros(size) if kind in ("a third need none", "crosses", "far away") else p


def seen(dice: np.random.Generator, kind: str) -> Passage:
    """The sightings of one vehicle, whole and free, between where it is wide enough and where it leaves the picture."""
    # How many pixels wide a vehicle is that is a metre away, by its own width and the lens.
    px_m, speed_m_s, rate = dice.uniform(2500, 12000), dice.uniform(5, 20), dice.choice([5.0, 8.0, 12.5, 15.0, 25.0])
    far_px, near_px = (60, 150) if kind == "far away" else (WIDTH_MIN_PX * dice.uniform(1.02, 1.2), dice.uniform(240, 600))
    lasts_s = (px_m / far_px - px_m / near_px) / speed_m_s
    t = np.arange(dice.uniform(0, min(1 / rate, lasts_s)), lasts_s, 1 / rate)
    width_px = px_m / (px_m / far_px - speed_m_s * t)
    if kind == "crosses":
        width_px = np.full(len(t), near_px)
    width_px *= dice.normal(1, 0.01, len(t))
    if dice.random() < 0.5 and kind != "glare":  # it goes away
        width_px = width_px[::-1]
    there = dice.random(len(t)) >= dice.uniform(0, 0.1)
    if dice.random() < 0.2:
        hidden_s = dice.uniform(0, lasts_s)
        there &= (t < hidden_s) | (t > hidden_s + dice.uniform(0.2, 1.0))
    if not there.any():
        there[:1] = True
    shows = dice.random(len(t)) < seen_p(dice, kind, 1)[0]
    if kind == "seen once":
        shows = np.arange(len(t)) == dice.choice(np.flatnonzero(there))
    sightings = tuple(
        Sighting(
            int(n), STARTS_AT + timedelta(seconds=float(t[n])), Kind.VEHICLE, Box(0, 0, width_px[n], width_px[n] / 2), 0.9,
            Box(0, 0, width_px[n] / 6, width_px[n] / 30) if shows[n] else None,
        )
        for n in np.flatnonzero(there)
    )  # fmt: skip
    return Passage("simulated/1", "simulated-street", sightings, 100.0)


def shown_on_the_street(dice: np.random.Generator, kind: str, side: str, looks: int) -> Record:
    """What the camera says of those before it on that street, each of whom it looked at about as often."""
    passed = int(dice.integers(60, 400))
    p = seen_p(dice, "ordinary", passed)
    if kind == "glare":  # it began so many vehicles ago
        began = int(dice.integers(0, passed))
        p[:began] = seen_p(dice, "glare", began)
    p[dice.random(passed) < (1 / 3 if kind == "a third need none" else NONE)] = 0.0
    showed = dice.random(passed) < 1 - (1 - p) ** np.maximum(PICTURES_MIN, dice.poisson(looks, passed))
    lately = showed[:VEHICLES_MIN]
    answer, surely = shown_before(len(lately), int(lately.sum()))
    entry = {"side": side, "vehicles": str(len(lately)), "showed": str(lately.sum())}
    return Record(CAMERA, SHOWN, answer, STARTS_AT, None, surely, entry)


def judged_ordinary(seed: int, number: int) -> Counter[str]:
    """The findings about that many ordinary drives, by rule."""
    site = Site(1_000_000 + seed)
    rules = rules_of(site.scene, LAW)
    found: list[Finding] = []
    for _ in range(number):
        case = site.ordinary()
        found += judge(rules, site.filmed(case), case.records)
    return Counter(one.rule for one in found)


def speed_errors(seed: int, number: int, up_spread: float) -> list[tuple[float, bool, float]]:
    """(error in km/h, whether the interval holds the truth, its half) of each speed that was measured at one site."""
    site = Site(2_000_000 + seed, up_spread)
    errors = []
    for n in range(number):
        case = replace(site.case("speed", guilty=n % 2 == 0), swaps_to=None)
        passage = site.filmed(case)
        assert passage.drive is not None
        speed = passage.drive.speed
        if speed is not None:
            truth_kmh = true_speed_kmh(case, passage)
            errors.append((abs(speed.value - truth_kmh), speed.low <= truth_kmh <= speed.high, speed.uncertainty))
    return errors


def true_speed_kmh(case: Case, passage: Passage) -> float:
    """The true mean speed between the first and the last place on the stretch. The clock's offset does not matter to it: over
    0.1 s the speed changes by 0.1 m/s at most, and by as much at either end, so the true times are those that fit the places."""
    assert passage.drive is not None
    ways = passage.drive.waypoints
    deep_m = depths_m(STRETCH, np.array([(w.along_m, w.across_m) for w in ways]))
    on = [way for way, deep in zip(ways, deep_m, strict=True) if deep > 0]
    took_s = (on[-1].at - on[0].at).total_seconds()
    first_s = _true_time_s(case.way, (on[0].at - STARTS_AT).total_seconds(), on[0].along_m)
    ends = case.way.at(np.array([first_s, first_s + took_s]))
    return float(np.hypot(*(ends[1] - ends[0])) / took_s * 3.6)


def _true_time_s(way: Way, shown_s: float, along_m: float) -> float:
    """The moment within the clock's error at which the vehicle was nearest to that place."""
    moments = shown_s + np.linspace(-0.1, 0.1, 41)
    return float(moments[np.argmin(np.abs(way.at(moments)[:, 0] - along_m))])


def share(hits: int, count: int) -> str:
    low, high = Share(hits, count).interval
    return f"{100 * hits / count:.1f} ({100 * low:.1f} to {100 * high:.1f})"


def rate(count: int, of: int, per: int) -> str:
    low, high = (bound / of * per for bound in poisson_interval(count))
    return f"{count} of {of}: {count / of * per:.1f} ({low:.1f} to {high:.1f}) per {per:,}"


def plates(given: argparse.Namespace, pool: ProcessPoolExecutor) -> Iterator[str]:
    each = -(-given.cases // given.sites)
    counts: Counter[tuple[str, bool, bool]] = Counter()
    for number, traps in ((each, True), (20 * each, False)):
        for some in pool.map(judged_plates, range(given.sites), [number] * given.sites, [traps] * given.sites):
            counts += some
    found, missed, unseen = counts["none", True, True], counts["none", True, False], counts["none", False, False]
    wrong = {kind: (counts[kind, True, True], sum(counts[kind, *rest] for rest in RESTS)) for kind in (*TRAPS, "ordinary")}
    usual, others = wrong.pop("ordinary"), wrong.values()
    traps_wrong, traps_all = sum(count for count, _ in others), sum(of for _, of in others)
    yield f"| no_plate (assumed eyes) | {share(found, found + missed)} | {rate(traps_wrong, traps_all, 1000)} | - |"
    yield f"\nno_plate: {found + missed} of {found + missed + unseen} without a plate were seen well by a camera that may ask"
    yield "no_plate, wrongly asked about: " + "; ".join(f"{kind} {count} of {of}" for kind, (count, of) in wrong.items())
    yield f"no_plate, ordinary vehicles with a plate: {rate(*usual, 100_000)}"


def rows(given: argparse.Namespace, pool: ProcessPoolExecutor) -> Iterator[str]:
    each = given.cases // given.sites
    yield "| rule | recall, % | false accusations, traps | tolerated, yet accused |"
    yield "|---|---|---|---|"
    if given.only_plates:
        yield from plates(given, pool)
        return
    for rule in RULES:
        counts: Counter[tuple[bool, bool, bool]] = Counter()
        for some in pool.map(judged_cases, [rule] * given.sites, range(given.sites), [each] * given.sites):
            counts += some
        found, missed = counts[True, False, True], counts[True, False, False]
        false, quiet = counts[False, False, True], counts[False, False, False]
        tolerated, over = counts[False, True, True], counts[False, True, True] + counts[False, True, False]
        beyond = f"{tolerated} of {over}" if over else "-"
        yield f"| {rule} | {share(found, found + missed)} | {rate(false, false + quiet, 1000)} | {beyond} |"
    yield from plates(given, pool)
    each = given.ordinary // given.sites
    wrong: Counter[str] = Counter()
    for some_wrong in pool.map(judged_ordinary, range(given.sites), [each] * given.sites):
        wrong += some_wrong
    yield f"\nordinary drives, all rules: {rate(sum(wrong.values()), each * given.sites, 100_000)} {dict(wrong) or ''}"
    for words, up_spread in (("height unknown", 1.0), ("height known to 3 cm", 0.1)):
        errors = [
            one
            for some in pool.map(speed_errors, range(given.sites), [20] * given.sites, [up_spread] * given.sites)
            for one in some
        ]
        off = np.array([error for error, _, _ in errors])
        yield (
            f"speed, {words}: median error {np.median(off):.2f} km/h, 99th percentile {np.percentile(off, 99):.2f}, "
            f"interval holds the truth in {share(sum(held for _, held, _ in errors), len(errors))} % of {len(errors)}, "
            f"median U {np.median([u for _, _, u in errors]):.2f} km/h"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", metavar="N", type=int, default=2100, help="drives for each rule")
    parser.add_argument("--ordinary", metavar="N", type=int, default=1050, help="drives that break no rule")
    parser.add_argument("--sites", metavar="N", type=int, default=105, help="surveyed junctions that they are spread over")
    parser.add_argument("--only-plates", action="store_true", help="measure no_plate alone")
    parser.add_argument("--processes", metavar="N", type=int, default=1)
    given = parser.parse_args()
    with ProcessPoolExecutor(given.processes) as pool:
        for row in rows(given, pool):
            print(row, flush=True)


if __name__ == "__main__":
    main()
