"""How often each rule of the road finds what it should, and whom it would accuse wrongly, on simulated drives with exact truth.

    python benchmarks/rules.py [--cases 2100] [--ordinary 1050] [--sites 105] [--processes 1]

Nobody's film: `clearway.testing.traffic` says what is simulated (a surveyed junction from 7 to 10 m up, 4K, 5 to 25 frames a
second, plates at unknown heights, boxes that stray, dropped frames, a mast in the wind, clocks that are off by what they state,
and, in every tenth trap, a tracker that takes another vehicle for the one it followed). Three parts are printed, each as rows of
a table:

- For each rule, --cases drives: two thirds break it, a third is legal but close. Recall with Wilson's 95 % interval; false
  accusations among the traps with Garwood's. A speed beyond the limit that the law tolerates is counted apart.
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

import numpy as np

from clearway.edge.scenes import load_law
from clearway.facts import Finding, Passage
from clearway.rules.judging import judge
from clearway.rules.rulebook import rules_of
from clearway.scene import depths_m
from clearway.testing.score import Share
from clearway.testing.traffic import RULES, STARTS_AT, STRETCH, Case, Site, Way
from false_alerts import poisson_interval

LAW = load_law("DE")


def judged_cases(rule: str, seed: int, number: int) -> Counter[tuple[bool, bool, bool]]:
    """How many drives of one site were (guilty, tolerated, found)."""
    site = Site(seed)
    asked = next(made for made in rules_of(site.scene, LAW) if made.name == rule)
    counts: Counter[tuple[bool, bool, bool]] = Counter()
    for n in range(number):
        case = site.case(rule, guilty=n % 3 > 0)
        counts[case.guilty, case.tolerated, asked.judge(site.filmed(case), case.records) is not None] += 1
    return counts


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


def rows(given: argparse.Namespace, pool: ProcessPoolExecutor) -> Iterator[str]:
    each = given.cases // given.sites
    yield "| rule | recall, % | false accusations, traps | tolerated, yet accused |"
    yield "|---|---|---|---|"
    for rule in RULES:
        counts: Counter[tuple[bool, bool, bool]] = Counter()
        for some in pool.map(judged_cases, [rule] * given.sites, range(given.sites), [each] * given.sites):
            counts += some
        found, missed = counts[True, False, True], counts[True, False, False]
        false, quiet = counts[False, False, True], counts[False, False, False]
        tolerated, over = counts[False, True, True], counts[False, True, True] + counts[False, True, False]
        beyond = f"{tolerated} of {over}" if over else "-"
        yield f"| {rule} | {share(found, found + missed)} | {rate(false, false + quiet, 1000)} | {beyond} |"
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
    parser.add_argument("--processes", metavar="N", type=int, default=1)
    given = parser.parse_args()
    with ProcessPoolExecutor(given.processes) as pool:
        for row in rows(given, pool):
            print(row, flush=True)


if __name__ == "__main__":
    main()
