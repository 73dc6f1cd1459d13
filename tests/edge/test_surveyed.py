"""A scene in the settings switches the rules of the road on, or is refused by name before anything is watched."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from clearway.cli.main import main
from clearway.edge.scenes import law_bytes, load_law, parse_scene
from clearway.edge.station import first_view
from clearway.edge.surveyed import SurveyedView
from clearway.errors import SettingsError
from clearway.facts import Box, Frame, Kind, Passage, Sighting
from clearway.rules.laws import PlateDuty
from clearway.settings import RulesSettings, Settings
from clearway.testing import traffic
from clearway.track.ground import Ground

WHOLE = (Path(__file__).parent / "scene.toml").read_text()
NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)


@pytest.fixture
def scene(tmp_path: Path) -> Callable[[str, str], Path]:
    """Writes the whole scene, in force around now, with one thing in it replaced by another."""

    def written(old: str = "", new: str = "") -> Path:
        now = datetime.now(UTC)
        in_force = {"2026-06-01T00:00:00Z": now - timedelta(days=100), "2027-06-01T00:00:00Z": now + timedelta(days=265)}
        text = WHOLE
        for said, at in in_force.items():
            text = text.replace(said, at.strftime("%Y-%m-%dT%H:%M:%SZ"))
        assert old in text
        path = tmp_path / "scene.toml"
        path.write_text(text.replace(old, new))
        return path

    return written


def named(path: Path) -> Settings:
    return Settings(rules=RulesSettings(scene=str(path)))


def test_without_a_scene_there_are_no_rules_of_the_road() -> None:
    assert first_view(Settings()) is None


def test_a_scene_brings_its_rules(scene: Callable[..., Path]) -> None:
    view = first_view(named(scene()))
    assert view is not None
    assert [rule.name for rule in view.rules] == ["speed", "wrong_way", "red_light", "stop_line", "bus_lane"]
    assert view.files["law.toml"] == law_bytes("DE")


SINS = {
    "a file that is not there": (None, "", "cannot be read"),
    "an unknown key": ("u_px = 0.7", "u_px = 0.7\nu_pixels = 1.0", "scene.toml: calibration.survey.u_pixels is no key here"),
    "a law that nobody wrote": ('law = "DE"', 'law = "XX"', "there is no law pack 'XX'"),
    "a limit that the law does not have": ('limit_kmh = "built-up"', 'limit_kmh = "motorway"', "has no limit 'motorway'"),
    "points on one line": ("px = [1080.0, 440.0], m = [35.0, 3.5]", "px = [1080.0, 890.0], m = [22.0, -3.5]", "do not span"),
}


@pytest.mark.parametrize("sin", SINS)
def test_a_bad_scene_is_refused_by_name(scene: Callable[..., Path], tmp_path: Path, sin: str) -> None:
    old, new, words = SINS[sin]
    path = tmp_path / "none.toml" if old is None else scene(old, new)
    with pytest.raises(SettingsError, match=re.escape(words)) as told:
        first_view(named(path))
    assert told.value.remedy


def test_a_survey_out_of_force_is_refused(scene: Callable[..., Path]) -> None:
    with pytest.raises(SettingsError, match="the survey holds from"):
        SurveyedView.load(scene(), datetime.now(UTC) + timedelta(days=400))


def frame(width_px: int = 1920, height_px: int = 1080) -> Frame:
    return Frame("gate", 0, NOW, 0.0, np.zeros((height_px, width_px, 3), np.uint8))


def test_a_picture_of_another_size_is_refused(scene: Callable[..., Path]) -> None:
    view = SurveyedView.load(scene(), datetime.now(UTC))
    view.must_fit(frame())
    with pytest.raises(SettingsError, match="1920 x 1080 pixels, and the camera gives 1280 x 720"):
        view.must_fit(frame(1280, 720))


def passage(view: SurveyedView, at: datetime, clock_error_ms: float = 40.0) -> Passage:
    """A plate that comes nearer at an even speed of about 12 m/s, in nine frames."""
    sightings = []
    for n, (x, y) in enumerate(view.ground.plane.pictured(np.array([(32.0 - 1.3 * n, 1.0) for n in range(9)]))):
        plate = Box(x - 30, y - 7, x + 30, y + 7)
        sightings.append(Sighting(n, at + timedelta(seconds=n / 10), Kind.VEHICLE, plate.grown(20), 0.9, plate))
    return Passage("1", "gate", tuple(sightings), clock_error_ms)


def test_a_passage_is_measured_only_while_the_survey_holds() -> None:
    view = SurveyedView(parse_scene(WHOLE.encode(), "the scene"), load_law("DE"), {})
    measured = view.driven(passage(view, NOW)).drive
    assert measured is not None and measured.speed is not None and abs(measured.speed.value - 43.5) < measured.speed.uncertainty
    until = view.scene.surveyed.valid_until
    assert view.driven(passage(view, until - timedelta(seconds=30))).drive is not None
    assert view.driven(passage(view, until - timedelta(seconds=30), clock_error_ms=60_000)).drive is None, (
        "the clock may be wrong"
    )
    assert view.driven(passage(view, until)).drive is None


def test_places_are_pictured_where_they_are_seen() -> None:
    """Pixels to metres and back again; the plate's own height set to none, since roads are what is pictured."""
    view = SurveyedView(parse_scene(WHOLE.encode(), "the scene"), load_law("DE"), {})
    flat = replace(view.scene.calibration, followed=replace(view.scene.calibration.followed, up_m=0.0))
    bent = replace(flat, lens=replace(flat.lens, k1=-0.05, focal_px=1500.0, centre_px=(960.0, 540.0)))
    px = np.array([(700.0, 800.0), (1000.0, 500.0), (1300.0, 950.0)])
    for calibration in (flat, bent):
        ground = Ground(calibration)
        assert np.allclose(ground.plane.pictured(ground.places(px)[0]), px, atol=1e-6)
    assert np.isnan(ground.plane.pictured(np.array([(-500.0, 0.0)]))).all(), "what lies behind is not pictured"


# what the pictures of each rule's finding show of the scene
SHOWN = {
    "speed": ["measured stretch"],
    "wrong_way": ["the street", "the direction that is allowed"],
    "red_light": ["stop line", "what the signal protects begins"],
    "stop_line": ["stop line", "what the signal protects begins"],
    "bus_lane": ["the bus lane"],
    "parking": ["the bay"],
    "solid_line": ["the solid line"],
    "forbidden_turn": ["from here", "into here"],
}


@pytest.mark.parametrize("rule", traffic.RULES)
def test_each_rule_s_finding_can_be_drawn(rule: str) -> None:
    """A drive of the simulated junction, through a lens that bends lines: the part of the scene, and the vehicle's way in it."""
    site = traffic.Site(5, up_spread=0.1)
    view = SurveyedView(site.scene, load_law("DE"), {})
    made = next(one for one in view.rules if one.name == rule)
    tried = (site.case(rule, guilty=True) for _ in range(20))
    found = next(finding for case in tried if (finding := made.judge(site.filmed(case), case.records)) is not None)
    assert found.part in ("", *site.scene.names) and len(found.moments) >= 2
    (measured,) = found.measurements
    assert measured.bound is not None and measured.low > measured.bound.asked_beyond - 1e-9
    sketch = view.sketch(found)
    assert [line.what for line in sketch.lines] == SHOWN[rule]
    assert found.passage.drive is not None and len(sketch.path) == len(found.passage.drive.waypoints)
    assert any("±" in words for words in sketch.words) and measured.unit in sketch.words[0]
    assert any("signal K1: red" in words for words in sketch.words) == (rule in ("red_light", "stop_line"))
    width_px, height_px = site.scene.picture_px
    assert all(0 <= x <= width_px and 0 <= y <= 1.2 * height_px for x, y in (place.px for place in sketch.path))
    # The place on the road lies below the plate that hangs over it, by less than a vehicle is high.
    for place in sketch.path:
        plate = next(s.plate_box for s in found.passage.sightings if s.captured_at == place.at)
        assert plate is not None and 0 < place.px[1] - plate.centre_px[1] < 5 * plate.width_px


NO_PLATE = """
[no_plate.order]
source = "order 2026/7"
valid_from = 2020-01-01T00:00:00Z
valid_until = 2100-01-01T00:00:00Z
"""


def doctor(settings: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, tuple[bool, str]]:
    main(["doctor", "--json", "--settings", str(settings), "--data", str(settings.parent / "none")])
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return {check["title"]: (check["well"], check["words"]) for check in told}


def test_doctor_says_what_asks_what_is_silent_and_when_it_ends(
    scene: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    order_ended = 'signal plan 14-3", valid_from = 2020-01-01T00:00:00Z, valid_until = 2030-01-01T00:00:00Z'
    path = scene(order_ended, order_ended.replace("2030", "2021"))
    settings = tmp_path / "clearway.toml"
    settings.write_text(f"[camera]\nlooks_per_s = 12\n[rules]\nscene = {json.dumps(str(path))}\n")
    told = doctor(settings, capsys)
    well, words = told["Scene"]
    assert well and "Example Street, north arm" in words and "Germany" in words and "for 264 days" in words
    well, words = told["Rule speed"]
    assert well and words.startswith("asks") and "50 km/h" in words and "measured up to 180 km/h" in words
    assert told["Rule wrong_way, Example Street"][0]
    well, words = told["Rule red_light, north arm"]
    assert not well and "its order holds from 2020-01-01 to 2021-01-01" in words
    well, words = told["Rule bus_lane, bus lane"]
    assert well and words.startswith("silent: no register extract")

    path.write_text(path.read_text().replace('law = "DE"', 'law = "XX"'))
    assert doctor(settings, capsys)["Scene"] == (False, "there is no law pack 'XX'.")


@pytest.mark.parametrize(
    ("looks_per_s", "words"),
    [
        (
            25.0,
            "asks. plates at front and rear; of who is seen well for 1.2 s at 25 looks a second, while 99 of the 100 before it",
        ),
        (5.0, "asks. plates at front and rear; of who is seen well for 5.8 s at 5 looks a second, while 99 of the 100 before it"),
    ],
)
def test_doctor_says_when_who_shows_no_plate_is_asked_about(
    scene: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], looks_per_s: float, words: str
) -> None:
    path = scene()
    path.write_text(path.read_text() + NO_PLATE)
    settings = tmp_path / "clearway.toml"
    settings.write_text(f"[camera]\nlooks_per_s = {looks_per_s}\n[rules]\nscene = {json.dumps(str(path))}\n")
    well, said = doctor(settings, capsys)["Rule no_plate"]
    assert well and said.startswith(words) and "within 2 hours" in said
    assert "how often it asks wrongly on a real road is not measured; by order 2026/7; FZV" in said
    path.write_text(path.read_text().replace("2100-01-01", "2021-01-01"))
    well, said = doctor(settings, capsys)["Rule no_plate"]
    assert not well and said.startswith("silent: its order holds from 2020-01-01 to 2021-01-01, not now")


def test_who_shows_no_plate_is_asked_about_under_a_law_that_asks_for_plates() -> None:
    text = WHOLE + NO_PLATE
    view = SurveyedView(parse_scene(text.encode(), "the scene"), load_law("DE"), {})
    states = {state.rule: state for state in view.states(NOW, looks_per_s=12.0, classes_known=True)}
    assert states["no_plate"].silent == ""
    assert list(states) == [rule.name for rule in view.rules], "in the order of the rules"
    neither = replace(load_law("DE"), no_plate=PlateDuty("the statute", "for this test", front=False, rear=False))
    silent = {s.rule: s.silent for s in SurveyedView(view.scene, neither, {}).states(NOW, looks_per_s=12.0, classes_known=True)}
    assert silent["no_plate"] == "the law asks for a plate at neither side"
