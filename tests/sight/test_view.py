"""A camera that was moved, blurred or covered is noticed within a minute; light, rain, night and lorries are none of these."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from clearway.camera.clip import Clip
from clearway.edge.still import middle
from clearway.facts import Box, Frame, Pixels
from clearway.scene import View
from clearway.sight.view import PICTURE_EVERY, Look, ViewWatch, seen_in, view_of
from clearway.testing.road import FOCAL_PER_WIDTH, Road

AT = datetime(2026, 11, 25, 15, tzinfo=UTC)
REAL = Path(__file__).parents[2] / ".." / "shared" / "data" / "video"
ROAD = Road(seed=3, vehicles=8, width_px=480, height_px=270, events=False)
# Half a degree of the simulated camera, in pixels of its picture.
HALF_DEGREE_PX = np.tan(np.radians(0.5)) * FOCAL_PER_WIDTH * 480

Change = Callable[[Pixels, float, np.random.Generator], Pixels]


@cache
def filmed(n: int) -> Pixels:
    """One of two dozen moments of the simulated road."""
    return ROAD.frame(n % 24 * ROAD.frame_count // 24).pixels


@cache
def surveyed() -> View:
    view = view_of(middle([filmed(n) for n in range(24)]))
    assert view is not None
    return view


def watched(lasts_s: float, change: Change, watch: ViewWatch | None = None, began_s: float = 0.0) -> Iterator[tuple[float, Look]]:
    """The state after each picture of the simulated camera, as `change(pixels, s, dice)` alters them."""
    watch, dice = watch or ViewWatch(surveyed()), np.random.default_rng(5)
    for s in np.arange(began_s, began_s + lasts_s, PICTURE_EVERY.total_seconds()):
        pixels = change(filmed(int(s / 2)).copy(), float(s), dice)
        yield float(s), watch.add(Frame("c", int(s), AT + timedelta(seconds=float(s)), 0.0, pixels))


def noisy(pixels: Pixels, gain: float, dice: np.random.Generator, noise: float = 3.0) -> Pixels:
    shown = pixels * gain + dice.normal(0, noise, pixels.shape[:2])[..., None]
    return np.asarray(np.clip(shown, 0, 255), np.uint8)


def turned(across_px: float, down_px: float, roll_degrees: float = 0.0, grown: float = 1.0) -> Change:
    def change(pixels: Pixels, s: float, dice: np.random.Generator) -> Pixels:
        height, width = pixels.shape[:2]
        how = cv2.getRotationMatrix2D((width / 2, height / 2), roll_degrees, grown)
        how[:, 2] += np.array([across_px, down_px])
        return noisy(np.asarray(cv2.warpAffine(pixels, how, (width, height), borderMode=cv2.BORDER_REFLECT), np.uint8), 1.0, dice)

    return change


def calm(pixels: Pixels, s: float, dice: np.random.Generator) -> Pixels:
    return noisy(pixels, 1.0, dice)


def blurred(pixels: Pixels, s: float, dice: np.random.Generator) -> Pixels:
    return noisy(np.asarray(cv2.GaussianBlur(pixels, (0, 0), 2.0), np.uint8), 1.0, dice)


def capped(pixels: Pixels, s: float, dice: np.random.Generator) -> Pixels:
    return noisy(np.full_like(pixels, 14), 1.0, dice)


def smeared(pixels: Pixels, s: float, dice: np.random.Generator) -> Pixels:
    """Paint or mud: light comes through, edges do not."""
    return noisy(np.asarray(cv2.GaussianBlur(pixels, (0, 0), 40.0), np.uint8), 0.9, dice)


MISHAPS: dict[str, tuple[Change, Look]] = {
    "panned by half a degree": (turned(HALF_DEGREE_PX, 0.0), Look.MOVED),
    "tilted by half a degree": (turned(0.0, -HALF_DEGREE_PX), Look.MOVED),
    "rolled by half a degree": (turned(0.0, 0.0, roll_degrees=0.5), Look.MOVED),
    "zoomed by two percent": (turned(0.0, 0.0, grown=1.02), Look.MOVED),
    "refocused": (blurred, Look.BLURRED),
    "capped": (capped, Look.COVERED),
    "smeared": (smeared, Look.COVERED),
}


@pytest.mark.parametrize("name", MISHAPS)
def test_what_happens_to_a_camera_is_noticed_within_a_minute(name: str) -> None:
    mishap, look = MISHAPS[name]
    watch = ViewWatch(surveyed())
    before = [state for _, state in watched(40.0, calm, watch)]
    assert before[-1] is Look.STEADY and set(before) <= {Look.UNSURE, Look.STEADY}
    noticed_s = next((s - 40.0 for s, state in watched(70.0, mishap, watch, 40.0) if state is look), None)
    assert noticed_s is not None and noticed_s <= 60.0
    # Put right, it is trusted again.
    assert [state for _, state in watched(60.0, calm, watch, 110.0)][-1] is Look.STEADY


def dusk(pixels: Pixels, s: float, dice: np.random.Generator) -> Pixels:
    """From full light to an eighth of it in four minutes, noisier as a camera's gain goes up."""
    return noisy(pixels, float(np.interp(s, (0, 240), (1.0, 0.13))), dice, noise=float(np.interp(s, (0, 240), (2.0, 7.0))))


def rain(pixels: Pixels, s: float, dice: np.random.Generator) -> Pixels:
    """Grey, with streaks in every picture."""
    shown = pixels * 0.55 + 60
    for x, y in dice.uniform((0, 0), pixels.shape[1::-1], (300, 2)):
        cv2.line(shown, (int(x), int(y)), (int(x) + 2, int(y) + 14), (205, 205, 210), 1)
    return noisy(np.asarray(shown, np.uint8), 1.0, dice)


def shadow(pixels: Pixels, s: float, dice: np.random.Generator) -> Pixels:
    """The hard shadow of a house that moves over the road."""
    edge = int(s * 1.5)
    cv2.fillPoly(dark := np.ones(pixels.shape[:2], np.float32), [np.array([(0, 0), (edge, 0), (edge - 70, 270), (0, 270)])], 0.5)
    return noisy(np.asarray(pixels * dark[..., None], np.uint8), 1.0, dice)


def lorries(pixels: Pixels, s: float, dice: np.random.Generator) -> Pixels:
    """One lorry a minute stands for twelve seconds over half of the picture."""
    if s % 60 < 12:
        cv2.rectangle(pixels, (120, 30), (390, 269), (180, 60, 50), cv2.FILLED)
        cv2.rectangle(pixels, (150, 70), (360, 150), (40, 40, 44), cv2.FILLED)
    return noisy(pixels, 1.0, dice)


def wind(pixels: Pixels, s: float, dice: np.random.Generator) -> Pixels:
    """A mast that sways by a twentieth of a degree."""
    sway = 0.1 * HALF_DEGREE_PX * np.sin(2 * np.pi * s / 3.3)
    return turned(float(sway), 0.0)(pixels, s, dice)


ORDINARY: dict[str, Change] = {"dusk": dusk, "rain": rain, "a shadow": shadow, "lorries": lorries, "wind": wind}


@pytest.mark.parametrize("name", ORDINARY)
def test_an_ordinary_day_is_no_mishap(name: str) -> None:
    states = list(watched(240.0, ORDINARY[name]))
    assert {state for _, state in states} <= {Look.UNSURE, Look.STEADY}
    # It takes half a minute until it is sure of anything.
    assert np.mean([state is Look.STEADY for s, state in states if s > 40.0]) >= 0.85


def test_landmarks_keep_off_what_moves_and_off_what_the_camera_writes() -> None:
    still = ROAD.frame(40).pixels
    hidden = [vehicle.box for vehicle in ROAD.truth(40)]
    view = view_of(still, hidden)
    assert view is not None and hidden
    for x, y in (landmark.px for landmark in view.landmarks):
        assert not any(box.left_px <= x <= box.right_px and box.top_px <= y <= box.bottom_px for box in hidden)
        assert 0.12 * 270 <= y <= 0.88 * 270
    assert view_of(np.full((270, 480, 3), 100, np.uint8)) is None, "a wall has no landmarks"
    assert view_of(still, [Box(0, 0, 480, 270)]) is None


def test_time_that_jumps_or_stands_still_costs_nothing() -> None:
    watch = ViewWatch(surveyed())
    for n, s in enumerate([0.0] * 500 + [3600.0 + n for n in range(40)] + [10.0 + n for n in range(40)]):
        watch.add(Frame("c", n, AT + timedelta(seconds=s), 0.0, filmed(0)))
    assert len(watch._pictures) <= 11 and watch.state is Look.STEADY


@pytest.mark.skipif(not REAL.is_dir(), reason="the real clips are not here")
def test_a_real_street_camera_shifted_blurred_and_kept() -> None:
    samples = [frame.pixels for frame in Clip(REAL / "otvision_cars-truck_FR20.mp4", "c", 0.0)]
    view = view_of(middle(samples[::4]))
    later = middle(samples[2::4])
    height, width = later.shape[:2]
    assert view is not None and seen_in(view, later).look is Look.STEADY
    # Half a degree of a lens that sees 90 degrees across; a longer one would move farther.
    nudged = cv2.warpAffine(
        later, np.array([[1, 0, 0.0044 * width], [0, 1, 0.0]]), (width, height), borderMode=cv2.BORDER_REFLECT
    )
    assert seen_in(view, np.asarray(nudged, np.uint8)).look is Look.MOVED
    assert seen_in(view, np.asarray(cv2.GaussianBlur(later, (0, 0), 2.0), np.uint8)).look is Look.BLURRED


@pytest.mark.slow
@pytest.mark.skipif(not REAL.is_dir(), reason="the real clips are not here")
def test_a_london_camera_by_day_and_by_night() -> None:
    """Operators turn this camera between days. Within each of these hours it stood still; between them it was turned."""
    kept = (("0914", "0956", "1306", "1321", "1416"), ("0904", "2122", "2131"), ("0921", "1346", "1436", "1506", "1551"))
    stills = {}
    for day, *hours in kept:
        for hour in hours:
            frames = [frame.pixels for frame in Clip(REAL / "tfl_jamcam" / f"625_2017{day}{hour}.mp4", "c", 0.0)]
            stills[day, hour] = middle(frames[::11])
    for one, still in stills.items():
        view = view_of(still)
        assert view is not None
        for other, later in stills.items():
            seen = seen_in(view, later)
            assert seen.look is not (Look.MOVED if one[0] == other[0] else Look.STEADY), (one, other, seen)
