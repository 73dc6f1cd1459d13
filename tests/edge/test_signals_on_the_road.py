"""Lamps that are read from the picture, and who stands ahead: who drives on red or stands where nobody may is found in a drawn
road, with eyes that know the plates; whoever had to stop, or may have been allowed to go, is not."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from tests.evidence.test_redact import decoded

from clearway.cli.main import main
from clearway.edge.lookout import FOLDER
from clearway.edge.replay import Outcome, replay
from clearway.edge.scenes import as_toml, parse_scene
from clearway.edge.signals import Signals
from clearway.edge.station import Station
from clearway.evidence.redact import FILL_RGB
from clearway.evidence.verify import contents
from clearway.facts import Box, Detection, Frame, Kind, Lamp, Light
from clearway.ports import Detector
from clearway.scene import SignalHead
from clearway.settings import RulesSettings, Settings
from clearway.sight.view import Look, view_of
from clearway.testing.road import STOP_LINE_M, Road, no_stopping_toml, scene_toml
from clearway.testing.truth import TruthDetector, TruthReader

Change = Callable[[Frame], Frame]


def a_minute_ago() -> datetime:
    return datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=2)


def junction(
    *signal: tuple[float, Light], runs: int | None = 0, parks: tuple[int, float, float] | None = None, fps: float = 12.0
) -> Road:
    """Two vehicles; the one in the left lane is at the stop line 2.7 s after the film begins, unless it stops."""
    begins = ((-60.0, Light.GREEN), *signal)
    starts_at = a_minute_ago()
    return Road(4, 2, fps, 640, 360, headway_s=3.0, signal=begins, runs=runs, parks=parks, events=False, starts_at=starts_at)


class Drawn:
    """The road's frames as a camera gives them."""

    clock, frames_dropped = "the test", 0

    def __init__(self, road: Road, change: Change) -> None:
        self.frames_expected: int | None = None
        self.camera, self._road, self._change = road.camera, road, change

    def __iter__(self) -> Iterator[Frame]:
        return map(self._change, self._road.frames())


def found(
    road: Road, folder: Path, more: str = "", change: Change = lambda frame: frame, hider: Detector | None = None
) -> list[tuple[str, str, Path]]:
    """(rule, plate, exhibit) of every finding."""
    # The side street is left a little room, so that who stands beyond the line can be told from who went on.
    (folder / "scene.toml").write_text(scene_toml(road, 50.0).replace("enters_m = 2.3", "enters_m = 4.0") + more)
    settings = Settings(rules=RulesSettings(scene=str(folder / "scene.toml")))
    truth, reader = TruthDetector(road), TruthReader(road, error_rate=0.0, width_share_min=0.012)
    settings = settings.model_copy(update={"camera": settings.camera.model_copy(update={"looks_per_s": 12.0})})
    pipeline = Station(folder / "data", settings).pipeline(Drawn(road, change), truth, reader, hider=hider or truth)
    return [(one.finding.rule, one.finding.plate, Path(one.exhibit.path)) for one in pipeline.run()]


def test_who_drives_on_red_is_found_and_who_stops_is_not(tmp_path: Path) -> None:
    road = junction((-2.5, Light.AMBER), (0.5, Light.RED), (6.0, Light.RED_AMBER), (7.0, Light.GREEN))
    ((rule, plate, path),) = found(road, tmp_path)
    assert (rule, plate) == ("red_light", road.ran)
    said = json.loads(contents(path)["manifest.json"])
    lamps = [(one["light"], one["from_at"], one["until_at"]) for one in said["drive"]["signals"]]
    assert [light for light, _, _ in lamps][-3:] == ["amber", "unknown", "red"]
    (amber, unknown, red) = lamps[-3:]
    assert amber[2] == unknown[1] and unknown[2] == red[1], "the change lies between two pictures"
    assert abs((datetime.fromisoformat(red[1]) - road.starts_at).total_seconds() - 0.5) <= 1 / 12
    (measured,) = said["finding"]["measurements"]
    shown = ((n, one) for n in range(road.frame_count) for one in road.truth(n) if one.plate == plate)
    crossed_s = next(n for n, one in shown if one.along_m < STOP_LINE_M) / 12
    assert abs(measured["value"] - (crossed_s - 0.5)) <= measured["uncertainty"]
    assert "signal K1" in [line["what"] for line in said["shown"]["drawn"]["lines"]]
    assert any(words.startswith("signal K1: red from ") for words in said["shown"]["drawn"]["words"])
    assert [step.outcome for step in replay(path)] == [Outcome.NOT_DERIVED, *[Outcome.SAME] * 5]


def test_the_lamp_is_shown_as_it_was_filmed_and_so_is_the_stop_line(tmp_path: Path) -> None:
    road = junction(*RED)
    ((_, _, path),) = found(road, tmp_path)
    files = contents(path)
    shown = json.loads(files["manifest.json"])["shown"]
    ((left, top, right, bottom),) = [head["px"] for head in shown["heads"]]
    assert all(line["heads"] == ["shown"] for line in shown["clip"]["frames"])
    for line in (*shown["stills"], *shown["moments"]):
        picture = decoded(files[line["file"]])
        assert np.array_equal(picture[top:bottom, left:right], road.frame(line["frame"]).pixels[top:bottom, left:right])
    ground = decoded(files["road.png"])
    known = (ground != FILL_RGB).any(axis=2)
    empty = Road(4, 1, 12.0, 640, 360, signal=((-60.0, Light.GREEN),), events=False, starts_at=road.starts_at)
    beside = np.abs(ground.astype(int) - empty.frame(0).pixels).max(axis=2)[known]
    assert 0.05 < known.mean() < 0.5 and np.percentile(beside, 99) < 24, "no vehicle and nobody, but the road"
    assert (ground[known].min(axis=1) > 180).sum() > 200, "the stop line is seen"


def test_who_waited_and_then_drove_on_red_is_found_when_they_have_left(tmp_path: Path) -> None:
    """They were judged by the lists while they waited, long before."""
    road = junction((-2.5, Light.AMBER), (0.5, Light.RED), (24.0, Light.GREEN), parks=(0, 16.5, 12.0), fps=8.0)
    ((rule, plate, path),) = found(road, tmp_path)
    assert (rule, plate) == ("red_light", road.ran)
    said = json.loads(contents(path)["manifest.json"])
    (measured,) = said["finding"]["measurements"]
    assert measured["value"] > 12.0
    assert (datetime.fromisoformat(said["passage"]["last_at"]) - road.starts_at).total_seconds() > 12.0


def test_who_stands_beyond_the_line_on_red_is_found(tmp_path: Path) -> None:
    """By the stop line's rule alone, although they go on when it is green."""
    road = junction((-2.5, Light.AMBER), (0.5, Light.RED), (13.0, Light.GREEN), parks=(0, STOP_LINE_M - 1.4, 11.0), fps=8.0)
    ((rule, plate, path),) = found(road, tmp_path)
    assert (rule, plate) == ("stop_line", road.ran)
    assert "signal K1" in [line["what"] for line in json.loads(contents(path)["manifest.json"])["shown"]["drawn"]["lines"]]


def covered(road: Road, from_s: float, until_s: float) -> Change:
    """A lorry's dark side before the head."""
    box = road.head_px.grown(2)
    rows, columns = np.s_[int(box.top_px) : int(box.bottom_px)], np.s_[int(box.left_px) : int(box.right_px)]

    def change(frame: Frame) -> Frame:
        pixels = frame.pixels.copy()
        if from_s <= frame.number / road.frames_per_s < until_s:
            pixels[rows, columns] = (60, 62, 66)
        return replace(frame, pixels=pixels)

    return change


RED = ((-2.5, Light.AMBER), (0.5, Light.RED), (6.0, Light.RED_AMBER), (7.0, Light.GREEN))
QUIET: dict[str, Callable[[], tuple[Road, Change | None]]] = {
    "everybody stops": lambda: (junction(*RED, runs=None), None),
    "over the line when it turned red": lambda: (junction((0.0, Light.AMBER), (3.0, Light.RED), (6.0, Light.GREEN)), None),
    "green again": lambda: (junction((-30.0, Light.RED), (0.5, Light.RED_AMBER), (1.5, Light.GREEN)), None),
    "a dark head": lambda: (junction((-2.5, Light.DARK), (6.0, Light.GREEN)), None),
    "a lorry before the head": lambda: ((road := junction(*RED)), covered(road, 1.8, 3.4)),
}


@pytest.mark.parametrize("name", QUIET)
def test_who_may_have_been_allowed_to_go_is_not_found(name: str, tmp_path: Path) -> None:
    road, change = QUIET[name]()
    assert found(road, tmp_path, change=change or (lambda frame: frame)) == []


def test_who_stands_where_nobody_may_is_found_and_who_waits_behind_is_not(tmp_path: Path) -> None:
    """Longer than pictures are held: the first of them are kept for it, and let go of when it has left."""
    road = Road(4, 4, 4.0, 640, 360, headway_s=5.0, parks=(0, 24.0, 50.0), events=False, starts_at=a_minute_ago())
    ((rule, plate, path),) = found(road, tmp_path, no_stopping_toml(road, "stopping"))
    stood = {passage.plate: passage.stood_s for passage in road.passages}
    waited = [one for one, seconds in stood.items() if one != plate and seconds > 35]
    assert rule == "stopping" and stood[plate] == 50.0 and waited, "another one stood behind it, for as long"
    said = json.loads(contents(path)["manifest.json"])
    (measured,) = said["finding"]["measurements"]
    assert 30.0 < measured["value"] < 40.0, "asked about as soon as it is certain"
    times = [datetime.fromisoformat(one["at"]) for one in said["shown"]["moments"]]
    assert len(times) == 3 and (times[2] - times[0]).total_seconds() > 25
    assert all(one["region_px"] for one in said["shown"]["moments"])
    assert [step.outcome for step in replay(path)][-2:] == [Outcome.SAME, Outcome.NOT_DERIVED]


def test_a_bay_whose_road_ahead_nobody_sees_asks_nothing(tmp_path: Path) -> None:
    road = Road(4, 2, 4.0, 640, 360, parks=(0, 14.0, 50.0), headway_s=5.0, events=False, starts_at=a_minute_ago())
    assert found(road, tmp_path, no_stopping_toml(road, "stopping")) == []


def frames(road: Road, until_s: float) -> Sequence[Frame]:
    return [road.frame(n) for n in range(int(until_s * road.frames_per_s))]


def test_what_a_signal_showed_is_told_without_a_gap() -> None:
    road = junction((1.0, Light.AMBER), (2.0, Light.RED), (6.0, Light.GREEN))
    head = road.head_px
    heads = [SignalHead("one", "K1", (head.left_px, head.top_px, head.right_px, head.bottom_px))]
    signals = Signals(heads)
    for frame in frames(road, 3.0):
        signals.add(frame)
    lamps = signals.lamps(road.starts_at + timedelta(seconds=0.5), road.starts_at + timedelta(seconds=4))
    assert [lamp.light.value for lamp in lamps] == ["green", "unknown", "amber", "unknown", "red", "unknown"]
    assert all(a.until_at == b.from_at for a, b in pairwise(lamps))
    (nothing,) = Signals(heads).lamps(road.starts_at, road.starts_at + timedelta(seconds=1))
    assert nothing == Lamp("K1", Light.UNKNOWN, road.starts_at, road.starts_at + timedelta(seconds=1), nothing.clock_error_ms)


def doctor(folder: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, tuple[bool, str]]:
    (folder / "clearway.toml").write_text(f"[rules]\nscene = {json.dumps(str(folder / 'scene.toml'))}\n")
    main(["doctor", "--json", "--settings", str(folder / "clearway.toml"), "--data", str(folder / "data")])
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return {check["title"]: (check["well"], check["words"]) for check in told}


def test_doctor_says_whether_a_signal_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    road = junction(*RED)
    text = scene_toml(road, 50.0) + no_stopping_toml(road, "parking")
    (tmp_path / "scene.toml").write_text(text)
    told = doctor(tmp_path, capsys)
    for rule in ("red_light, the arm", "stop_line, the arm", "parking, the left lane"):
        assert told[f"Rule {rule}"][1].startswith("asks"), rule
    start = text.index("[[signal_head]]")
    (tmp_path / "scene.toml").write_text(text[:start] + no_stopping_toml(road, "parking"))
    assert "silent: the scene has no signal_head for K1" in doctor(tmp_path, capsys)["Rule red_light, the arm"][1]
    assert "may wait at a signal" in doctor(tmp_path, capsys)["Rule parking, the left lane"][1]
    box = text[text.index("box_px") : text.index("\n", text.index("box_px"))]
    (tmp_path / "scene.toml").write_text(text.replace(box, "box_px = [10.0, 10.0, 14.0, 22.0]"))
    assert "4 x 12 pixels, is too small to be read" in doctor(tmp_path, capsys)["Rule stop_line, the arm"][1]


def test_doctor_calls_every_rule_silent_while_the_camera_is_noticed_as_moved(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the watch kept of the view counts, whatever each rule needs beside it."""
    road = junction(*RED)
    scene = parse_scene(scene_toml(road, 50.0).encode(), "the scene")
    view = view_of(road.frame(0).pixels, ())
    (tmp_path / "scene.toml").write_text(as_toml(replace(scene, view=view)))
    assert view is not None
    (tmp_path / "data").mkdir()
    assert doctor(tmp_path, capsys)["Rule speed"][1].startswith("asks")
    for look, words in ((Look.MOVED, "the camera was moved"), (Look.STEADY, "")):
        (tmp_path / "data" / FOLDER).mkdir(exist_ok=True)
        said = {"camera": "camera-1", "look": look.value, "since": "2026-11-26T05:00:00+00:00"}
        name = hashlib.sha256(b"camera-1").hexdigest()[:16]
        (tmp_path / "data" / FOLDER / f"{name}.json").write_text(json.dumps(said))
        told = {title: words for title, (_, words) in doctor(tmp_path, capsys).items() if title.startswith("Rule ")}
        assert len(told) == 4
        for title, said_of in told.items():
            assert said_of.startswith(f"silent: {words}" if words else "asks"), title


def test_a_finder_that_misses_who_stands_has_not_looked(tmp_path: Path) -> None:
    """It finds plates, and no vehicle of any kind: by night perhaps. Then nobody knows who stood ahead."""
    road = Road(4, 4, 4.0, 640, 360, headway_s=5.0, parks=(0, 24.0, 50.0), events=False, starts_at=a_minute_ago())

    class Blind(TruthDetector):
        def find(self, frame: Frame, region: Box) -> tuple[Detection, ...]:
            return tuple(one for one in super().find(frame, region) if one.kind is Kind.PLATE)

    assert found(road, tmp_path, no_stopping_toml(road, "stopping"), hider=Blind(road)) == []
