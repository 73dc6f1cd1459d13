"""The simulated junction tells the truth, and the rules judge it: `benchmarks/rules.py` does the same with many more."""

import numpy as np
import pytest

from clearway.edge.scenes import load_law
from clearway.facts import Drive
from clearway.rules.judging import judge
from clearway.rules.rulebook import rules_of
from clearway.testing.traffic import RULES, Site

LAW = load_law("DE")


def test_the_scene_has_every_rule_once() -> None:
    assert [made.name for made in rules_of(Site(1).scene, LAW)] == list(RULES)


def test_the_same_seed_gives_the_same() -> None:
    one, other = (site.filmed(site.case("speed", guilty=True)).drive for site in (Site(5), Site(5)))
    assert isinstance(one, Drive) and one == other
    assert one != (third := Site(6)).filmed(third.case("speed", guilty=True)).drive


def test_places_are_where_the_vehicle_truly_was() -> None:
    """Within what the scene says; one site, so that a few of 100 are not."""
    site = Site(3)
    held = []
    for _ in range(10):
        case = site.ordinary()
        drive = site.filmed(case).drive
        assert drive is not None
        for w in drive.waypoints[::10]:
            # The clocks differ by up to 0.1 s, so a place is held against the whole way, in the direction across it.
            nearest = np.abs(case.way.places_m[:, 0] - w.along_m).argmin()
            held.append(abs(case.way.places_m[nearest, 1] - w.across_m) <= w.across_error_m)
    assert len(held) > 20 and np.mean(held) > 0.9


@pytest.mark.parametrize("rule", RULES)
def test_most_that_break_a_rule_are_found_and_none_that_come_close(rule: str) -> None:
    found = guilty = 0
    for seed in range(3):
        site = Site(seed)
        made = next(one for one in rules_of(site.scene, LAW) if one.name == rule)
        for n in range(12):
            case = site.case(rule, guilty=n % 2 == 0)
            finding = made.judge(site.filmed(case), case.records)
            assert case.guilty or finding is None, f"site {seed}, drive {n}"
            found, guilty = found + (finding is not None), guilty + case.guilty
    assert found >= 0.75 * guilty


def test_ordinary_drives_are_left_alone() -> None:
    for seed in range(3):
        site = Site(seed)
        rules = rules_of(site.scene, LAW)
        for _ in range(15):
            case = site.ordinary()
            assert list(judge(rules, site.filmed(case), case.records)) == []


def test_a_speed_within_the_tolerance_is_known_as_tolerated() -> None:
    site = Site(2)
    cases = [site.case("speed", guilty=False) for _ in range(60)]
    assert {case.tolerated for case in cases} == {False, True}
