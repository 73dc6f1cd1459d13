"""A real hatchback on a real toll lane, with its plate and with that painted over: asked about only without. Takes a quarter of a
minute."""

import json
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest

from clearway.camera.clip import Clip
from clearway.edge.pipeline import Pipeline, Sealed
from clearway.edge.replay import Outcome, replay
from clearway.edge.station import Station, first_sight
from clearway.envelope import key_id
from clearway.evidence.verify import verify
from clearway.facts import Box, Frame
from clearway.rules import no_plate
from clearway.rules.no_plate import VEHICLES_MIN
from clearway.settings import Settings

CLIP = Path(__file__).parents[2] / "../shared/data/video/parkpow_cars.mp4"
pytestmark = pytest.mark.skipif(not CLIP.exists(), reason="../shared/data is not here")
# The frames in which it comes nearer, and where our own detector sees its plate in some of them.
FIRST, LAST = 99, 130
PLATE_AT = {
    FIRST: Box(647, 469, 680, 485),
    104: Box(574, 507, 622, 532),
    110: Box(495, 532, 577, 565),
    116: Box(429, 564, 522, 608),
    122: Box(352, 615, 443, 663),
    LAST: Box(235, 678, 335, 720),
}
SCENE = """
name = "toll lane"
law = "FR"
time_zone = "Europe/Paris"
picture_px = [1280, 720]

[no_plate.order]
source = "the test"
valid_from = 2020-01-01T00:00:00Z
valid_until = 2100-01-01T00:00:00Z

[surveyed]
source = "nobody: no place on the road is asked for"
valid_from = 2020-01-01T00:00:00Z
valid_until = 2100-01-01T00:00:00Z

[calibration.survey]
u_px = 1.0
u_m = 0.1
points = [
  { px = [200.0, 700.0], m = [6.0, -2.0] },
  { px = [1100.0, 700.0], m = [6.0, 2.0] },
  { px = [760.0, 400.0], m = [20.0, 2.0] },
  { px = [560.0, 400.0], m = [20.0, -2.0] },
]

[calibration.camera]
along_m = 0.0
across_m = 0.0
up_m = 5.0
u_m = 0.1

[calibration.followed]
up_m = 0.5
up_u_m = 0.12
u_px = 0.8
lasts_s = 0.2

[calibration.clock]
u_ms = 2.0
rate_u_ppm = 100.0
"""


class Played:
    clock, frames_dropped, camera = "the test", 0, "toll"
    frames_expected: int | None = None

    def __init__(self, frames: Sequence[Frame]) -> None:
        self._frames = frames

    def __iter__(self) -> Iterator[Frame]:
        yield from self._frames


@pytest.fixture(scope="module")
def frames() -> list[Frame]:
    """As if the vehicle had passed a minute ago."""
    taken = [frame for frame in Clip(CLIP, "toll", 5.0) if FIRST <= frame.number <= LAST]
    moved = datetime.now(UTC) - timedelta(minutes=1) - taken[0].captured_at
    return [replace(frame, captured_at=frame.captured_at + moved) for frame in taken]


def plate_at(number: int) -> Box:
    before, after = max(n for n in PLATE_AT if n <= number), min(n for n in PLATE_AT if n >= number)
    return PLATE_AT[before].toward(PLATE_AT[after], (number - before) / max(1, after - before))


def painted(frame: Frame) -> Frame:
    """The same picture with the bumper's paint where plate and grille were, softly: what has edges may be a plate."""
    box = plate_at(frame.number)
    across, down = 1.0 * box.width_px, 1.3 * box.height_px
    left, top = round(box.left_px - 0.5 * across), round(box.top_px - down)
    right, bottom = round(box.right_px + across), round(box.bottom_px + 0.5 * down)
    mask = np.zeros(frame.pixels.shape[:2], np.float32)
    cv2.rectangle(mask, (left, top), (right, bottom), 1.0, -1)
    share = cv2.GaussianBlur(mask, (0, 0), 0.15 * down)[..., None]
    paint = np.median(frame.pixels[max(0, top - 30) : top, left:right].reshape(-1, 3), axis=0)
    return replace(frame, pixels=(frame.pixels * (1 - share) + paint * share).astype(np.uint8))


@pytest.fixture(autouse=True, scope="module")
def for_longer() -> Iterator[None]:
    """The clip shows it for 1.7 s at 18 pictures a second, in a third of them free of others: as if for three times as long."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(no_plate, "PICTURES_MIN", no_plate.PICTURES_MIN // 3)
        patch.setattr(no_plate, "LASTS_S_MIN", no_plate.LASTS_S_MIN / 3)
        yield


def watching(folder: Path, frames: Sequence[Frame], before: int) -> tuple[Pipeline, Station]:
    """A camera that saw so many fronts before, each with its plate."""
    (folder / "scene.toml").write_text(SCENE)
    ours = {"detector": {"family": "clearway-street"}, "reader": {"family": "clearway-plate"}}
    settings = Settings.model_validate(
        {"sight": ours, "rules": {"scene": str(folder / "scene.toml")}, "camera": {"name": "toll", "looks_per_s": 25}}
    )
    station = Station(folder / "data", settings)
    pipeline = station.pipeline(Played(frames), *first_sight(settings))
    assert pipeline._unplated is not None
    pipeline._unplated._before["front"].extend([(frames[0].captured_at, True)] * before)
    return pipeline, station


def test_with_its_plate_it_is_not_asked_about(frames: list[Frame], tmp_path: Path) -> None:
    pipeline, _ = watching(tmp_path, frames, VEHICLES_MIN)
    assert list(pipeline.run()) == []


def test_without_it_by_a_camera_that_is_new_it_is_not_asked_about(frames: list[Frame], tmp_path: Path) -> None:
    pipeline, _ = watching(tmp_path, [painted(frame) for frame in frames], 0)
    assert list(pipeline.run()) == []


@pytest.fixture(scope="module")
def asked(frames: list[Frame], tmp_path_factory: pytest.TempPathFactory) -> tuple[Sealed, Station]:
    pipeline, station = watching(tmp_path_factory.mktemp("toll"), [painted(frame) for frame in frames], VEHICLES_MIN)
    (sealed,) = pipeline.run()
    return sealed, station


def test_without_it_it_is_asked_about(asked: tuple[Sealed, Station]) -> None:
    finding = asked[0].finding
    assert (finding.rule, finding.plate) == ("no_plate", "")
    assert "front" in finding.because and "100 vehicles before it" in finding.because


def test_replay_says_what_of_it_cannot_be_derived(asked: tuple[Sealed, Station]) -> None:
    outcomes = {step.title: step.outcome for step in replay(Path(asked[0].exhibit.path))}
    assert Outcome.DIFFERS not in outcomes.values()
    assert sum(outcome is Outcome.NOT_DERIVED for outcome in outcomes.values()) == 3  # those before it, the finding, the pictures


def test_its_exhibit_verifies_and_shows_its_lower_half_alone(asked: tuple[Sealed, Station]) -> None:
    sealed, station = asked
    signer = station.signer
    assert verify(Path(sealed.exhibit.path), {key_id(signer.public_key()): signer.public_key()}).passed
    with zipfile.ZipFile(sealed.exhibit.path) as bundle:
        said = json.loads(bundle.read("manifest.json"))
    assert said["finding"]["plate"] == "" and said["plate"] is None and said["readings"] == []
    halves = {one.frame_number: one.box for one in sealed.finding.passage.sightings}
    for still in said["shown"]["stills"]:
        left, top, right, bottom = still["region_px"]
        half = halves[still["frame"]]
        assert half.left_px <= left and half.top_px <= top and right <= half.right_px and bottom <= half.bottom_px
    first = said["shown"]["stills"][0]
    left, _, right, _ = first["region_px"]
    third_px = (right - left) / 3
    hidden = [fill for fill in first["hidden_px"] if fill[0] < right - third_px - 1 and fill[2] > left + third_px + 1]
    assert hidden == [], "in its middle, where most have a plate, nothing is hidden, whatever may be a person beside it"
