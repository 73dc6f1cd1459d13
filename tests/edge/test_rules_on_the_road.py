"""A filmed road, watched by the program with its own weights, as its user runs it: who is too fast is found, measured, sealed and
verified, and nobody else leaves anything behind."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from clearway.cli.main import main
from clearway.edge.replay import Outcome, replay
from clearway.edge.scenes import law_bytes
from clearway.edge.station import Station, first_sight, open_camera
from clearway.edge.surveyed import SurveyedView
from clearway.envelope import key_id, load_public_key
from clearway.evidence.bundle import list_exhibits
from clearway.evidence.verify import contents, verify
from clearway.facts import Passage
from clearway.settings import CameraSettings, DetectorSettings, ReaderSettings, RulesSettings, Settings, SightSettings
from clearway.testing.road import Road, film, scene_toml
from clearway.track.tracker import P_SETTLED

LIMIT_KMH = 50.0


def a_minute_ago() -> datetime:
    return datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1)


def a_road(seed: int, fast_m_s: float, vehicles: int = 2) -> Road:
    return Road(seed, vehicles, 20.0, fast_m_s=fast_m_s, headway_s=2.0, events=False, starts_at=a_minute_ago())


def test_who_is_too_fast_is_found_and_nobody_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    road = a_road(4, 18.0)
    film(road, tmp_path / "road.mp4")
    (tmp_path / "scene.toml").write_text(scene_toml(road, LIMIT_KMH))
    (tmp_path / "clearway.toml").write_text(
        '[camera]\nname = "school-street"\nlooks_per_s = 60\nregion = [0.0, 0.3, 1.0, 1.0]\n'
        '[sight.detector]\nfamily = "clearway-street"\n[sight.reader]\nfamily = "clearway-plate"\n'
        f"[rules]\nscene = {json.dumps(str(tmp_path / 'scene.toml'))}\n"
    )
    data = tmp_path / "data"
    assert main(["watch", str(tmp_path / "road.mp4"), "--out", str(data), "--settings", str(tmp_path / "clearway.toml")]) == 0
    told = capsys.readouterr()
    (found,) = map(json.loads, told.out.splitlines())
    assert (found["rule"], found["plate"]) == ("speed", road.fast)
    assert "2 vehicles passed, 2 plates read, 1 findings" in told.err

    (path,) = list_exhibits(data)
    key = load_public_key(data / "keys" / "clearway.pub")
    assert verify(path, {key_id(key): key}).passed
    assert [step.outcome for step in replay(path)] == [Outcome.NOT_DERIVED, *[Outcome.SAME] * 5]
    files = contents(path)
    said = json.loads(files["manifest.json"])
    (measured,) = said["finding"]["measurements"]
    assert abs(measured["value"] - 18.0 * 3.6) <= measured["uncertainty"] < 4.0
    assert measured["held_against"]["limit"] == LIMIT_KMH
    assert files["scene.toml"] == (tmp_path / "scene.toml").read_bytes() and files["law.toml"] == law_bytes("DE")
    assert [moment["file"] for moment in said["shown"]["moments"]] == ["before.png", "at.png", "after.png"]
    lawful = next(passage.plate for passage in road.passages if passage.plate != road.fast)
    assert not any(lawful.encode() in path.read_bytes() for path in data.rglob("*") if path.is_file())


def test_a_scene_of_another_picture_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    road = Road(4, 1, width_px=320, height_px=180, events=False, starts_at=a_minute_ago())
    film(road, tmp_path / "road.mp4")
    (tmp_path / "scene.toml").write_text(scene_toml(Road(4, 1), LIMIT_KMH))
    (tmp_path / "clearway.toml").write_text(f"[rules]\nscene = {json.dumps(str(tmp_path / 'scene.toml'))}\n")
    given = ["--out", str(tmp_path / "data"), "--settings", str(tmp_path / "clearway.toml")]
    assert main(["watch", str(tmp_path / "road.mp4"), *given]) == 3
    assert "the camera gives 320 x 180" in capsys.readouterr().err
    (tmp_path / "scene.toml").write_text("name = 7\n")
    assert main(["watch", str(tmp_path / "road.mp4"), *given]) == 3
    assert "scene.toml: " in capsys.readouterr().err
    assert not list_exhibits(tmp_path / "data")


@dataclass(frozen=True)
class Measured:
    """One vehicle: its true speed, what was measured of it, whether it was asked about."""

    true_kmh: float
    value: float
    uncertainty: float
    asked: bool


def watched(road: Road, folder: Path) -> list[Measured]:
    film(road, folder / "road.mp4")
    (folder / "scene.toml").write_text(scene_toml(road, LIMIT_KMH))
    own = SightSettings(detector=DetectorSettings(family="clearway-street"), reader=ReaderSettings(family="clearway-plate"))
    camera = CameraSettings(looks_per_s=60, region=(0.0, 0.3, 1.0, 1.0))
    settings = Settings(camera=camera, sight=own, rules=RulesSettings(scene=str(folder / "scene.toml")))
    view = SurveyedView.load(folder / "scene.toml", datetime.now(UTC))
    passages: list[Passage] = []
    source = open_camera(str(folder / "road.mp4"), settings, print)
    station = Station(folder / "data", settings)
    pipeline = station.pipeline(source, *first_sight(settings), tell=passages.append)
    asked = {sealed.finding.plate for sealed in pipeline.run()}
    true_kmh = {
        vehicle.plate: vehicle.speed_m_s * 3.6
        for number in range(road.frame_count)
        for vehicle in road.truth(number)
        if 7.0 < vehicle.along_m < 15.0
    }
    found = []
    for passage in passages:
        drive = view.driven(passage).drive
        if passage.plate is not None and passage.plate.p >= P_SETTLED and drive is not None and drive.speed is not None:
            text = passage.plate.text
            found.append(Measured(true_kmh[text], drive.speed.value, drive.speed.uncertainty, text in asked))
    return found


@pytest.mark.slow
def test_speeds_of_a_filmed_road_lie_within_their_intervals_and_nobody_lawful_is_asked(tmp_path: Path) -> None:
    """Real detections in real pictures, near and beyond the limit; each road also has a lawful vehicle."""
    measured: list[Measured] = []
    for seed, fast_m_s in enumerate((12.0, 13.0, 14.0, 14.7, 15.5, 16.5, 17.5, 18.5)):
        folder = tmp_path / str(seed)
        folder.mkdir()
        measured += watched(a_road(seed, fast_m_s), folder)
    assert len(measured) >= 12
    within = sum(abs(one.value - one.true_kmh) <= one.uncertainty for one in measured)
    assert within >= 0.9 * len(measured), measured
    for one in measured:
        assert not one.asked or one.true_kmh > LIMIT_KMH + 3.0, one
        assert one.asked or one.true_kmh < LIMIT_KMH + 3.0 + 2 * one.uncertainty, one
