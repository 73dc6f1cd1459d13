"""Looking closely only where something moves or a vehicle is known to be."""

from datetime import UTC, datetime

import numpy as np

from clearway.facts import Box, Frame, Pixels
from clearway.sight.attention import REGIONS_MAX, Attention

AT = datetime(2026, 11, 22, 8, tzinfo=UTC)
ROAD: Pixels = np.random.default_rng(1).integers(90, 110, (360, 640, 3), np.uint8)


def frame(*bright: tuple[int, int, int, int]) -> Frame:
    """The empty road with bright patches (left, top, right, bottom) on it."""
    pixels = ROAD.copy()
    for left, top, right, bottom in bright:
        pixels[top:bottom, left:right] = 255
    return Frame("camera", 0, AT, 0.0, pixels)


def test_the_first_frame_is_looked_at_whole() -> None:
    assert Attention().regions(frame(), ()) == (Box(0, 0, 640, 360),)


def test_nothing_moves_nothing_is_looked_at() -> None:
    attention = Attention()
    attention.regions(frame(), ())
    noisy = frame()
    noisy.pixels[:] = np.clip(noisy.pixels.astype(int) + np.random.default_rng(2).normal(0, 6, noisy.pixels.shape), 0, 255)
    assert attention.regions(noisy, ()) == (), "sensor noise is no movement"


def test_what_moves_is_inside_its_own_region() -> None:
    attention = Attention()
    attention.regions(frame(), ())
    regions = attention.regions(frame((50, 50, 90, 90), (500, 250, 560, 300)), ())
    assert len(regions) == 2, "two vehicles far from each other are two regions"
    for thing in (Box(50, 50, 90, 90), Box(500, 250, 560, 300)):
        assert any(region.shared_px(thing) == thing.area_px for region in regions)
    assert sum(region.area_px for region in regions) < 0.3 * 640 * 360, "and the rest is left alone"


def test_a_vehicle_that_stands_is_still_looked_at() -> None:
    attention = Attention()
    attention.regions(frame(), ())
    (region,) = attention.regions(frame(), [Box(300, 200, 360, 215)])
    assert region.shared_px(Box(300, 200, 360, 215)) == 60 * 15


def test_regions_never_meet_and_stay_in_the_watched_part() -> None:
    dice = np.random.default_rng(4)
    attention = Attention((0.0, 0.5, 1.0, 1.0))
    attention.regions(frame(), ())
    for _ in range(30):
        corners = [(int(x), int(y), int(x) + 30, int(y) + 30) for x, y in dice.integers(0, [600, 320], (8, 2))]
        regions = attention.regions(frame(*corners), [])
        assert len(regions) <= REGIONS_MAX
        assert all(region.top_px >= 180 and region.bottom_px <= 360 for region in regions)
        assert all(a is b or a.shared_px(b) == 0 for a in regions for b in regions)


def test_another_picture_size_begins_anew() -> None:
    attention = Attention()
    attention.regions(frame(), ())
    larger = Frame("camera", 1, AT, 0.0, np.zeros((720, 640, 3), np.uint8))
    assert attention.regions(larger, ()) == (larger.whole,)
