"""Where a camera no longer looks where it was surveyed, no rule of the road asks; the lists are asked as ever."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from clearway.camera.film import Film
from clearway.cli.main import main
from clearway.edge.lookout import FOLDER, Kept, Lookout, kept
from clearway.edge.scenes import as_toml, parse_scene
from clearway.edge.station import Station
from clearway.errors import StoreError
from clearway.facts import Frame, Pixels
from clearway.scene import View
from clearway.settings import CameraSettings, RulesSettings, Settings
from clearway.sight.view import Look, view_of
from clearway.testing.road import FOCAL_PER_WIDTH, Road, hotlist_csv, scene_toml
from clearway.testing.truth import TruthDetector, TruthReader

CAMERA = "school street / north"
# One vehicle at 64.8 km/h where 50 are allowed; in the last pictures the street is empty.
ROAD = Road(4, 1, 20.0, fast_m_s=18.0, events=False, starts_at=datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=3))
EMPTY = ROAD.frame(ROAD.frame_count - 1)
HALF_DEGREE_PX = round(float(np.tan(np.radians(0.5))) * FOCAL_PER_WIDTH * ROAD.width_px)
# The film begins with so many pictures of the empty street, two seconds apart, from which the view is known again.
AT_REST, EVERY_S = 11, 2.0

Change = Callable[[Pixels], Pixels]


def as_surveyed(pixels: Pixels) -> Pixels:
    return pixels


def turned(pixels: Pixels) -> Pixels:
    """As the camera sees it after a pan of half a degree."""
    return np.asarray(np.concatenate([pixels[:, HALF_DEGREE_PX:], pixels[:, -HALF_DEGREE_PX:]], axis=1), np.uint8)


def covered(pixels: Pixels) -> Pixels:
    return np.full_like(pixels, 14)


@pytest.fixture(scope="module")
def view() -> View:
    found = view_of(EMPTY.pixels)
    assert found is not None
    return found


@pytest.fixture
def scene(tmp_path: Path, view: View) -> Path:
    path = tmp_path / "scene.toml"
    path.write_text(as_toml(replace(parse_scene(scene_toml(ROAD, 50.0).encode(), "the road"), view=view)))
    return path


def story(at_rest: Sequence[Change], then: Change) -> Iterator[Frame]:
    """The empty street for a while, each picture as that change shows it; then the vehicle comes."""
    for n, change in enumerate(at_rest):
        yield replace(EMPTY, captured_at=ROAD.at(0) + timedelta(seconds=n * EVERY_S), pixels=change(EMPTY.pixels))
    for frame in ROAD.frames():
        captured_at = frame.captured_at + timedelta(seconds=len(at_rest) * EVERY_S)
        yield replace(frame, captured_at=captured_at, pixels=then(frame.pixels))


class Told:
    """A source of frames that are made as they are asked for."""

    clock, frames_dropped, camera = "the test", 0, CAMERA
    frames_expected: int | None = None

    def __init__(self, frames: Iterator[Frame]) -> None:
        self._frames = frames

    def __iter__(self) -> Iterator[Frame]:
        yield from self._frames


@pytest.mark.parametrize(("shows", "look", "rules"), [(as_surveyed, "steady", ["speed"]), (turned, "moved", [])])
def test_a_watch_of_a_film_asks_only_where_it_was_surveyed_and_doctor_says_why(
    shows: Change, look: str, rules: list[str], scene: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Film(tmp_path / "road.mp4", ROAD.width_px, ROAD.height_px, ROAD.starts_at, ROAD.frames_per_s) as clip:
        for frame in story([shows] * AT_REST, shows):
            clip.add(frame.pixels, (frame.captured_at - ROAD.starts_at).total_seconds())
    (tmp_path / "clearway.toml").write_text(
        f"[camera]\nname = {json.dumps(CAMERA)}\nlooks_per_s = 60\nregion = [0.0, 0.3, 1.0, 1.0]\n"
        '[sight.detector]\nfamily = "clearway-street"\n[sight.reader]\nfamily = "clearway-plate"\n'
        f"[rules]\nscene = {json.dumps(str(scene))}\n"
    )
    data, settings = tmp_path / "data", ["--settings", str(tmp_path / "clearway.toml")]
    assert main(["watch", str(tmp_path / "road.mp4"), "--out", str(data), *settings]) == 0
    told = capsys.readouterr()
    assert [json.loads(line)["rule"] for line in told.out.splitlines()] == rules
    assert "1 vehicles passed, 1 plates read" in told.err
    said = [line for line in told.err.splitlines() if line.startswith(CAMERA) and "|" not in line and "%" not in line]
    assert len(said) == 2 and "no rule of the road asks until the view is known" in said[0]
    assert ("; rules of the road ask" in said[1]) == (look == "steady")
    assert ("the camera was moved since it was surveyed" in said[1] and "calibrate" in said[1]) == (look == "moved")
    # The pictures by which the view is known are pictures too: they count in what is said of how long any was held.
    assert "no picture was held for longer than 22.0 s" in told.err

    main(["doctor", "--json", "--data", str(data), *settings])
    (check,) = [one for one in map(json.loads, capsys.readouterr().out.splitlines()) if one["title"] == "View"]
    since = ROAD.at(0) + timedelta(seconds=16)
    assert check["well"] == (look == "steady") and f"so since {since:%Y-%m-%d %H:%M} UTC" in check["words"]
    (path,) = (data / FOLDER).iterdir()
    assert set(json.loads(path.read_bytes())) == {"camera", "look", "since"} and json.loads(path.read_bytes())["look"] == look


STORIES: dict[str, tuple[Sequence[Change], Change, Look, list[str]]] = {
    "steady": ([as_surveyed] * AT_REST, as_surveyed, Look.STEADY, ["speed", "wanted"]),
    "moved before": ([turned] * AT_REST, turned, Look.MOVED, ["wanted"]),
    # Nothing but the vehicle's own pictures can say so yet.
    "moved just now": ([as_surveyed] * AT_REST, turned, Look.STEADY, ["wanted"]),
    "covered until just now": ([as_surveyed] * AT_REST + [covered] * 20, as_surveyed, Look.COVERED, ["wanted"]),
    "turned back long ago": ([turned] * AT_REST + [as_surveyed] * 20, as_surveyed, Look.STEADY, ["speed", "wanted"]),
    "just begun": ([as_surveyed], as_surveyed, Look.UNSURE, ["wanted"]),
}


@pytest.mark.parametrize("name", STORIES)
def test_the_same_vehicle_is_asked_about_only_where_the_view_is_known(name: str, scene: Path, tmp_path: Path) -> None:
    at_rest, then, look, rules = STORIES[name]
    settings = Settings(camera=CameraSettings(name=CAMERA, looks_per_s=60), rules=RulesSettings(scene=str(scene)))
    station, eyes = Station(tmp_path / "data", settings), TruthDetector(ROAD)
    (tmp_path / "hotlist.csv").write_text(hotlist_csv(ROAD))
    station.publish_hotlist(tmp_path / "hotlist.csv")
    pipeline = station.pipeline(Told(story(at_rest, then)), eyes, TruthReader(ROAD, error_rate=0.0), hider=eyes)
    assert sorted(sealed.finding.rule for sealed in pipeline.run()) == rules
    found = kept(tmp_path / "data", CAMERA)
    assert found is not None and found.look is look


def test_without_landmarks_the_rules_ask_and_doctor_says_that_a_move_goes_unnoticed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "scene.toml").write_text(scene_toml(ROAD, 50.0))
    (tmp_path / "clearway.toml").write_text(f"[rules]\nscene = {json.dumps(str(tmp_path / 'scene.toml'))}\n")
    main(["doctor", "--json", "--data", str(tmp_path / "none"), "--settings", str(tmp_path / "clearway.toml")])
    (check,) = [one for one in map(json.loads, capsys.readouterr().out.splitlines()) if one["title"] == "View"]
    assert check["well"] and "no landmarks" in check["words"]


SINS = {
    "empty": b"",
    "no JSON": b"\xff\xfe",
    "a list": b"[]",
    "nested without end": b"[" * 5000,
    "a look that there is not": b'{"look": "asleep", "since": "2026-11-25T15:00:00+00:00"}',
    "a time without a zone": b'{"look": "moved", "since": "2026-11-25T15:00:00"}',
    "a number": b'{"look": "moved", "since": 7}',
}


@pytest.mark.parametrize("sin", SINS)
def test_what_was_kept_and_then_damaged_is_said_by_name(sin: str, view: View, tmp_path: Path) -> None:
    assert kept(tmp_path, CAMERA) is None
    said: list[str] = []
    lookout = Lookout(view, tmp_path, CAMERA, said.append)
    lookout.add(EMPTY)
    assert kept(tmp_path, CAMERA) == Kept(Look.UNSURE, EMPTY.captured_at)
    (path,) = (tmp_path / FOLDER).iterdir()
    path.write_bytes(SINS[sin])
    with pytest.raises(StoreError, match="cannot be read") as told:
        kept(tmp_path, CAMERA)
    assert "delete it" in told.value.remedy


def test_a_folder_that_cannot_be_written_ends_no_watch(view: View, tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("a file where the folder should be")
    said: list[str] = []
    Lookout(view, tmp_path, CAMERA, said.append).add(EMPTY)
    assert len(said) == 2 and "cannot be written" in said[1]
