"""A scene that makes no sense is refused by the name of its key; a law pack states where each figure is written."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from clearway.edge.scenes import BYTES_MAX, LAWS, as_toml, load_law, load_scene, parse_law, parse_scene
from clearway.errors import SettingsError
from clearway.rules.rulebook import rules_of
from clearway.scene import Hours

WHOLE = Path(__file__).parent / "scene.toml"
NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)


def test_a_whole_scene_is_read() -> None:
    scene = load_scene(WHOLE, NOW)
    assert scene.calibration.survey.points[2].m == (35.0, 3.5)
    assert scene.speed_limit is not None and scene.speed_limit.limit_kmh == "built-up"
    assert scene.names == ("Example Street", "north arm", "bus lane")
    assert scene.local(NOW).hour == 9


def test_the_documented_scene_is_this_one() -> None:
    page = (Path(__file__).parents[2] / "docs" / "rules.md").read_text(encoding="utf-8")
    assert f"```toml\n{WHOLE.read_text()}```" in page


NO_PLATE = """
[no_plate.order]
source = "order 2026/7"
valid_from = 2026-01-01T00:00:00Z
valid_until = 2027-01-01T00:00:00Z
"""


def test_a_scene_asks_for_plates_only_by_name() -> None:
    """One without the table is read as ever, and asks nobody for a plate."""
    silent = load_scene(WHOLE, NOW)
    assert silent.no_plate is None and "no_plate" not in as_toml(silent)
    assert "no_plate" not in [rule.name for rule in rules_of(silent, load_law("DE"))]
    scene = parse_scene((WHOLE.read_text() + NO_PLATE).encode(), "scene.toml")
    assert scene.no_plate is not None and scene.no_plate.order.source == "order 2026/7"
    assert scene.names == silent.names, "it has no name of its own"
    assert NO_PLATE in as_toml(scene) and parse_scene(as_toml(scene).encode(), "what was written") == scene
    assert [rule.name for rule in rules_of(scene, load_law("DE"))].count("no_plate") == 1


def test_a_scene_that_asks_under_a_law_that_says_nothing_of_plates_is_refused() -> None:
    scene = parse_scene((WHOLE.read_text() + NO_PLATE).encode(), "scene.toml")
    with pytest.raises(SettingsError, match="no_plate: Germany says nothing of plates") as told:
        rules_of(scene, replace(load_law("DE"), no_plate=None))
    assert told.value.remedy == "leave it out, or name a law that does."


NO_PLATE_SINS = {
    "a table without an order": ("[no_plate.order]", "[no_plate.sign]", "no_plate.order is missing|no_plate.sign is no key here"),
    "a key of which there is none": (
        "[no_plate.order]",
        "[no_plate]\nfront = true\n[no_plate.order]",
        "no_plate.front is no key here",
    ),
    "an order without a source": ('source = "order 2026/7"\n', "", "no_plate.order.source is missing"),
    "an order that ends before it begins": ("2026-01-01", "2028-01-01", "no_plate.order: valid_from comes before valid_until"),
    "several of them": ("[no_plate.order]", "[[no_plate]]\n[no_plate.order]", "scene.toml: no_plate"),
}


@pytest.mark.parametrize("sin", NO_PLATE_SINS)
def test_what_asks_for_plates_is_refused_by_the_name_of_its_key(sin: str) -> None:
    old, new, said = NO_PLATE_SINS[sin]
    assert old in NO_PLATE
    with pytest.raises(SettingsError, match=said):
        parse_scene((WHOLE.read_text() + NO_PLATE.replace(old, new)).encode(), "scene.toml")


# what is replaced in the whole scene, by what, and what the refusal says
SINS = {
    "an unknown key": ("u_px = 0.7", "u_px = 0.7\nu_pixels = 1.0", "calibration.survey.u_pixels is no key here"),
    "an unknown table": ("[speed_limit]", "[speed_limits]", "speed_limits is no key here|belong together"),
    "a key that is missing": ("up_m = 7.0\n", "", "calibration.camera.up_m is missing"),
    "a number as text": ("up_m = 7.0", 'up_m = "7"', "calibration.camera.up_m: Input should be a valid number"),
    "a number that is none": ("up_m = 7.0", "up_m = nan", "calibration.camera.up_m: "),
    "infinite": ("up_m = 7.0", "up_m = inf", "calibration.camera.up_m: "),
    "a limit without a source": ('source = "town sign 310 at km 0.4", ', "", "speed_limit.order.source is missing"),
    "a source that says nothing": ("town sign 310 at km 0.4", " ", "speed_limit.order: a source says who"),
    "a limit that ends before it begins": (
        "2020-01-01T00:00:00Z, valid_until = 2030-01-01T00:00:00Z }\n\n[[one_way]]",
        "2030-01-01T00:00:00Z, valid_until = 2020-01-01T00:00:00Z }\n\n[[one_way]]",
        "speed_limit.order: valid_from comes before valid_until",
    ),
    "a time without an offset": ("valid_from = 2026-06-01T00:00:00Z", "valid_from = 2026-06-01T00:00:00", "surveyed: .*offset"),
    "too few points": ("  { px = [830.0, 440.0], m = [35.0, -3.5] },\n", "", "calibration.survey: 4 to 64 points"),
    "a point outside the picture": ("px = [1500.0, 890.0]", "px = [1930.0, 890.0]", "known point 2 lies outside the picture"),
    "crossed lines": (
        "zone_m = [[8.0, -3.5], [40.0, -3.5], [40.0, 3.5], [8.0, 3.5]]",
        "zone_m = [[8.0, -3.5], [40.0, 3.5], [40.0, -3.5], [8.0, 3.5]]",
        "one_way.0: the lines around a zone cross each other",
    ),
    "a zone of two corners": (
        "zone_m = [[8.0, -3.5], [40.0, -3.5], [40.0, 3.5], [8.0, 3.5]]",
        "zone_m = [[8.0, -3.5], [40.0, -3.5]]",
        "one_way.0: a zone has 3 to 32 corners",
    ),
    "a flat zone": (
        "zone_m = [[8.0, -3.5], [40.0, -3.5], [40.0, 3.5], [8.0, 3.5]]",
        "zone_m = [[8.0, -3.5], [40.0, -3.5], [20.0, -3.5]]",
        "one_way.0: ",
    ),
    "a direction along the stop line": ("towards = [-1.0, 0.0]\nsignal", "towards = [0.0, 1.0]\nsignal", "stop_line.0: towards"),
    "a day that is none": ('"mon", "tue"', '"monday", "tue"', "bus_lane.0.hours.0.days.0: "),
    "hours that end before they begin": ('start = "07:00"', 'start = "20:00"', "bus_lane.0.hours.0: start comes before end"),
    "an hour that is none": ('start = "07:00"', 'start = "7:00"', "bus_lane.0.hours.0: a time of day is written like 07:30"),
    "a time zone that is none": ("Europe/Berlin", "Europe/Atlantis", "time_zone is a name"),
    "a time zone that is a path": ("Europe/Berlin", "../../etc/passwd", "time_zone is a name"),
    "two parts of one name": ('name = "bus lane"', 'name = "north arm"', "no two parts have one name"),
    "a lens that folds": ("[calibration.clock]", "[calibration.lens]\nk1 = -2.0\n\n[calibration.clock]", "this lens would show"),
    "a camera in the road": ("up_m = 7.0", "up_m = 0.2", "calibration: the camera hangs higher"),
    "a stretch without a limit": ("[speed_limit]\nlimit_kmh", "[other]\nlimit_kmh", "speed_limit|other"),
    "no TOML": ("[surveyed]", "[surveyed", "is no TOML"),
    "a time of day where none is due": ("u_px = 0.7", "u_px = 07:00:00", "calibration.survey.u_px: "),
}


@pytest.mark.parametrize("sin", SINS)
def test_a_scene_is_refused_by_the_name_of_its_key(sin: str) -> None:
    old, new, said = SINS[sin]
    text = WHOLE.read_text()
    assert text.count(old) >= 1
    with pytest.raises(SettingsError, match=said):
        parse_scene(text.replace(old, new, 1).encode(), "scene.toml")


@pytest.mark.parametrize(
    "data", [b"\xff\xfe\x00", b"x = " + b"[" * 10_000, b"#" * (BYTES_MAX + 1)], ids=["bytes", "deep", "long"]
)
def test_bytes_that_are_no_scene_are_refused(data: bytes) -> None:
    with pytest.raises(SettingsError):
        parse_scene(data, "scene.toml")


@pytest.mark.parametrize("now", [datetime(2026, 5, 31, tzinfo=UTC), datetime(2027, 6, 1, tzinfo=UTC)])
def test_a_survey_that_is_not_in_force_is_refused_at_the_start(now: datetime) -> None:
    with pytest.raises(SettingsError, match="the survey holds from 2026-06-01 to 2027-06-01, not now"):
        load_scene(WHOLE, now)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read: No such file"):
        load_scene(tmp_path / "scene.toml", NOW)


def test_every_law_pack_is_whole() -> None:
    codes = sorted(Path(entry.name).stem for entry in LAWS.iterdir() if entry.name.endswith(".toml"))
    assert codes == ["DE", "FR", "GB-ENG"]
    assert [load_law(code).name for code in codes] == ["Germany", "France", "England"]


@pytest.mark.parametrize("code", ["DE", "FR", "GB-ENG"])
def test_each_law_says_where_a_plate_is_due_and_one_that_does_not_reads_too(code: str) -> None:
    law = load_law(code)
    assert law.no_plate is not None and law.no_plate.front and law.no_plate.rear
    assert law.no_plate.checked == "not against the text"
    text = (LAWS / f"{code}.toml").read_text(encoding="utf-8")
    before, _, after = text.partition("[no_plate]\n")
    assert before and "[" not in after, "it is the last table"
    assert parse_law(before.encode(), code) == replace(law, no_plate=None), "as packs were before"
    for old, new, said in (
        ("front = true", "front = true\nsides = 2", "no_plate.sides is no key here"),
        ("front = true\n", "", "no_plate.front is missing"),
        ("rear = true", 'rear = "yes"', "no_plate.rear: "),
        ("statute = ", 'statute = "" # ', "no_plate: a figure names its statute"),
    ):
        assert after.count(old) == 1
        with pytest.raises(SettingsError, match=said):
            parse_law(f"{before}[no_plate]\n{after.replace(old, new)}".encode(), code)


def test_a_law_pack_with_an_unknown_key_is_refused() -> None:
    text = (LAWS / "DE.toml").read_text(encoding="utf-8")
    with pytest.raises(SettingsError, match=r"speed\.tolerence is no key here"):
        parse_law(text.replace("[speed]\n", "[speed]\ntolerence = 1.0\n").encode(), "DE")
    with pytest.raises(SettingsError, match="there is no law pack 'XX'"):
        load_law("XX")


@pytest.mark.parametrize(
    ("code", "measured_kmh", "tolerance_kmh"),
    [
        ("DE", 60.0, 3.0),
        ("DE", 150.0, 4.5),
        ("FR", 60.0, 5.0),
        ("FR", 140.0, 7.0),
        ("GB-ENG", 50.0, 8.22),  # 10 % of the measured speed and 2 mph
    ],
)
def test_tolerances(code: str, measured_kmh: float, tolerance_kmh: float) -> None:
    assert load_law(code).speed.at_kmh(measured_kmh) == pytest.approx(tolerance_kmh)


@pytest.mark.parametrize(
    ("at", "hold"),
    [
        ("2026-11-23T06:59:59.999999", False),
        ("2026-11-23T07:00:00", True),
        ("2026-11-23T18:59:59", True),
        ("2026-11-23T19:00:00", False),
        ("2026-11-22T12:00:00", False),  # a Sunday
    ],
)
def test_hours(at: str, hold: bool) -> None:
    assert Hours(("mon", "tue"), "07:00", "19:00").hold(datetime.fromisoformat(at)) is hold
