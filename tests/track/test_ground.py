"""Metres come with their error, and the error is true: 95 of 100 are 95, no fewer and not many more."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import cos, radians, sin

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from clearway.errors import SettingsError
from clearway.facts import Box, Kind, Measurement, Passage, Plate, Sighting
from clearway.plates import ALPHABET
from clearway.scene import Calibration, Camera, Followed, FrameClock, KnownPoint, Lens, Survey, Zone, rectangle, straightened
from clearway.testing.street import honest_reading
from clearway.track.ground import K_ELLIPSE, Ground, Plane

Array = NDArray[np.float64]
AT = datetime(2026, 11, 22, 8, tzinfo=UTC)
UP_M, FOCAL_PX, CENTRE_PX = 7.0, 1400.0, (960.0, 540.0)
CAMERA = Camera(0.0, 0.0, UP_M, 0.0)
LENS = Lens(-0.12, 0.02, FOCAL_PX, CENTRE_PX)
IDEAL = Lens(focal_px=FOCAL_PX, centre_px=CENTRE_PX)
STRETCH: Zone = ((12.0, -6.0), (32.0, -6.0), (32.0, 6.0), (12.0, 6.0))
KNOWN_M = np.array([(10.0, -3.5), (10.0, 3.5), (35.0, 3.5), (35.0, -3.5), (20.0, 0.0), (20.0, 3.5), (28.0, -3.5), (15.0, -3.5)])


def pictured(places_m: Array, up_m: float = 0.0, lens: Lens = IDEAL, down_degrees: float = 16.0) -> Array:
    """(n, 2) pixels of (along, across) places `up_m` over the road: a pinhole camera that looks along and down, then its lens."""
    down = radians(down_degrees)
    along, across, below = places_m[:, 0], places_m[:, 1], UP_M - up_m
    depth = along * cos(down) + below * sin(down)
    x = np.stack([across, below * cos(down) - along * sin(down)], axis=1) / depth[:, None]
    r2 = (x**2).sum(axis=1, keepdims=True)
    return np.asarray(x * (1 + lens.k1 * r2 + lens.k2 * r2**2) * lens.focal_px + lens.centre_px)


def calibration(
    known_m: Array = KNOWN_M,
    dice: np.random.Generator | None = None,
    *,
    u_px: float = 0.7,
    u_m: float = 0.02,
    lens: Lens = IDEAL,
    followed: Followed = Followed(0.0, 0.0, 0.8, 0.0),  # noqa: B008 - it is frozen
) -> Calibration:
    """A survey of those places; with dice, one whose clicks and metres are off as it says."""
    px, metres = pictured(known_m, lens=lens), known_m
    if dice is not None:
        px, metres = px + dice.normal(0, u_px, px.shape), metres + dice.normal(0, u_m, metres.shape)
    points = tuple(KnownPoint((float(x), float(y)), (float(a), float(c))) for (x, y), (a, c) in zip(px, metres, strict=True))
    return Calibration(Survey(points, u_px, u_m), CAMERA, followed, FrameClock(0.0, 0.0), lens, STRETCH)


@pytest.mark.parametrize("lens", [IDEAL, LENS], ids=["ideal", "bent"])
@pytest.mark.parametrize("known_m", [KNOWN_M[:4], KNOWN_M], ids=["four points", "eight points"])
def test_there_and_back(lens: Lens, known_m: Array) -> None:
    there = np.random.default_rng(1).uniform((9.0, -5.0), (40.0, 5.0), (200, 2))
    back, _, _ = Ground(calibration(known_m, lens=lens)).places(pictured(there, lens=lens))
    assert np.abs(back - there).max() < 1e-6


@given(st.floats(0.2, 1.2), st.floats(9.0, 40.0), st.floats(-5.0, 5.0))
@settings(max_examples=50)
def test_a_plate_over_the_road_is_put_above_its_own_place(up_m: float, along_m: float, across_m: float) -> None:
    there = np.array([(along_m, across_m)])
    ground = Ground(calibration(followed=Followed(up_m, 0.0, 0.8, 0.0)))
    back, _, _ = ground.places(pictured(there, up_m))
    assert np.abs(back - there).max() < 1e-6


def test_a_bent_picture_is_straightened() -> None:
    there = np.random.default_rng(2).uniform((9.0, -5.0), (40.0, 5.0), (200, 2))
    assert np.abs(straightened(pictured(there, lens=LENS), LENS) - pictured(there)).max() < 1e-6


def test_what_a_lens_leaves_open_widens_every_place() -> None:
    """A lens that is known to a pixel makes places as unsure as clicks that are sure to a pixel more."""
    px = pictured(np.array([(14.0, 2.0), (30.0, -3.0)]), lens=LENS)
    sure = Plane(calibration(lens=LENS).survey, LENS).covariance(px, 0.0)
    unsure = Plane(calibration(lens=LENS).survey, replace(LENS, u_px=1.0)).covariance(px, 0.0)
    clicks = Plane(calibration(lens=LENS, u_px=(0.7**2 + 1.0**2) ** 0.5).survey, LENS).covariance(px, 0.0)
    assert (np.trace(unsure, axis1=1, axis2=2) > 1.5 * np.trace(sure, axis1=1, axis2=2)).all()
    assert np.trace(unsure, axis1=1, axis2=2) == pytest.approx(np.trace(clicks, axis1=1, axis2=2), rel=0.25)


@pytest.mark.parametrize("lens", [IDEAL, LENS], ids=["ideal", "bent"])
def test_the_slopes_are_those_of_small_steps(lens: Lens) -> None:
    """Against differences: by each pixel, and by all that the points of a vehicle share."""
    given_ = calibration(lens=lens, followed=Followed(0.5, 0.1, 0.8, 0.0))
    ground = Ground(given_)
    px = pictured(np.array([(14.0, 2.0), (30.0, -3.0)]), lens=lens)
    _, by_px, by_shared = ground.places(px)
    for axis in range(2):
        step = np.eye(2)[axis] * 1e-3
        moved = (ground.places(px + step)[0] - ground.places(px - step)[0]) / 2e-3
        assert by_px[:, :, axis] == pytest.approx(moved, rel=1e-3, abs=1e-7)
    for number in range(8):
        other, step_h = Ground(given_), np.eye(8)[number] * 1e-6
        other.plane._h = ground.plane._h + step_h
        high = other.places(px)[0]
        other.plane._h = ground.plane._h - step_h
        assert by_shared[:, :, number] == pytest.approx((high - other.places(px)[0]) / 2e-6, rel=1e-3, abs=1e-5)
    moved_foot = Ground(replace(given_, camera=Camera(1.0, 0.0, UP_M, 0.0))).places(px)[0] - ground.places(px)[0]
    assert by_shared[:, :, 9] == pytest.approx(moved_foot, abs=1e-9)


@pytest.mark.parametrize("points", [4, 8])
def test_the_rectangle_of_a_place_holds_the_truth(points: int) -> None:
    """In 95 of 100 views and a few more, since the two errors go together a little."""
    dice = np.random.default_rng(points)
    there = np.array([(12.0, 1.0), (24.0, -2.0), (33.0, 3.0)])
    held = []
    for _ in range(500):
        ground = Ground(calibration(KNOWN_M[:points], dice))
        seen = pictured(there) + dice.normal(0, 0.8, (3, 2))
        # It stands there for three frames, of which the middle one is told.
        stood = [AT, AT + timedelta(seconds=1), AT + timedelta(seconds=2)]
        way = [ground.measured(stood, np.repeat(seen[n : n + 1], 3, axis=0)).waypoints[0] for n in range(3)]
        held += [
            abs(w.along_m - a) <= w.along_error_m and abs(w.across_m - c) <= w.across_error_m
            for w, (a, c) in zip(way, there, strict=True)
        ]
    assert 0.935 < np.mean(held) < 0.985


def test_the_ellipse_of_a_rectangle_is_true() -> None:
    """Lane width and dash length: their errors move several corners together."""
    dice = np.random.default_rng(3)
    corners = np.array([(12.0, 0.0), (12.0, 3.5), (30.0, 3.5), (30.0, 0.0)])
    whole = []
    for _ in range(400):
        px = [(float(x), float(y)) for x, y in pictured(corners) + dice.normal(0, 0.7, (4, 2))]
        width, length = 3.5 + dice.normal(0, 0.05), 18.0 + dice.normal(0, 0.1)
        survey = rectangle((px[0], px[1], px[2], px[3]), width, 0.05, length, 0.1, 0.7)
        ground = Ground(Calibration(survey, CAMERA, Followed(0.0, 0.0, 0.5, 0.0), FrameClock(0.0, 0.0), IDEAL))
        place, by_px, by_shared = ground.places(pictured(np.array([(21.0, 3.0)])) + dice.normal(0, 0.5, (1, 2)))
        covariance = by_px[0] @ by_px[0].T * 0.25 + by_shared[0] @ ground.shared_covariance() @ by_shared[0].T
        off = place[0] - (9.0, 3.0)
        whole.append(off @ np.linalg.inv(covariance) @ off)
    # The mean of chi² with two degrees of freedom is 2; its 95 % bound is 5.99.
    assert np.mean(whole) == pytest.approx(2.0, abs=0.3)
    assert 0.92 < np.mean(np.array(whole) < 5.99) < 0.98


def passing(
    dice: np.random.Generator, given_: Calibration, speed_m_s: float, *, up_m: float = 0.0, speeds_up_m_s2: float = 0.0
) -> tuple[list[datetime], Array, float]:
    """A vehicle that comes nearer through the stretch at 15 frames a second: times, pixels, true mean speed over the stretch."""
    t = np.arange(0, 40.0 / speed_m_s, 1 / 15)
    along = 38.0 - speed_m_s * t - 0.5 * speeds_up_m_s2 * t**2
    t, along = t[along > 9.0], along[along > 9.0]
    px = pictured(np.stack([along, np.full_like(t, 1.5)], axis=1), up_m) + _alike(dice, t, given_.followed)
    shown_s = t + dice.normal(0, given_.clock.u_ms / 1000, t.shape)
    inside = (along > 12.0) & (along < 32.0)
    truth = float(np.ptp(along[inside]) / np.ptp(t[inside]))
    return [AT + timedelta(seconds=max(0.0, float(s)) + 1) for s in shown_s], px, truth


def _alike(dice: np.random.Generator, t: Array, followed: Followed) -> Array:
    """Errors of a point in pixels that are alike for `lasts_s`."""
    apart = np.abs(t[:, None] - t[None, :])
    alike = np.exp(-apart / followed.lasts_s) if followed.lasts_s else np.eye(len(t))
    return np.asarray(np.linalg.cholesky(alike + np.eye(len(t)) * 1e-9) @ dice.normal(0, followed.u_px, (len(t), 2)))


@pytest.mark.parametrize("lasts_s", [0.0, 0.2], ids=["errors on their own", "errors that last"])
@pytest.mark.parametrize("up_u_m", [0.0, 0.1], ids=["known height", "unknown height"])
def test_the_interval_of_a_speed_holds_the_truth(lasts_s: float, up_u_m: float) -> None:
    """In 95 of 100 views, no fewer and not many more; 500 of them put the share within 2 points of what it is."""
    dice = np.random.default_rng(11)
    held, off = [], []
    for _ in range(500):
        clean = calibration(KNOWN_M, dice, followed=Followed(0.5, up_u_m, 0.8, lasts_s))
        given_ = replace(clean, clock=FrameClock(3.0, 100.0), camera=Camera(0.0, 0.0, UP_M, 0.0))
        times, px, truth = passing(dice, given_, 14.0, up_m=0.5 + dice.normal(0, up_u_m), speeds_up_m_s2=dice.uniform(-1, 1))
        speed = Ground(given_).measured(times, px).speed
        assert speed is not None
        held.append(speed.low <= truth * 3.6 <= speed.high)
        off.append(abs(speed.value - truth * 3.6))
    assert 0.93 < np.mean(held) < 0.98
    assert np.median(off) < (0.5 if up_u_m == 0 else 1.0)


def speed_of(px_of: Array, times: list[datetime]) -> Measurement | None:
    return Ground(calibration()).measured(times, px_of).speed


def test_there_is_no_speed_where_the_places_are_not_of_one_steady_vehicle() -> None:
    dice = np.random.default_rng(4)
    times, px, _ = passing(dice, calibration(), 12.0)
    assert speed_of(px, times) is not None
    jumped = px.copy()
    jumped[len(px) // 2 :] -= (0.0, 80.0)  # another vehicle is taken for it halfway
    assert Ground(calibration()).measured(times, jumped).waypoints == ()
    assert speed_of(px + dice.normal(0, 3.0, px.shape), times) is None, "boxes that stray more than they should"
    assert speed_of(px[::30], times[::30]) is None, "too few places"
    assert speed_of(np.repeat(px[20:21], len(times), axis=0), times) is None, "it stood"


def test_one_box_around_something_else_is_left_out() -> None:
    times, px, truth = passing(np.random.default_rng(7), calibration(), 12.0)
    once = px.copy()
    once[len(px) // 2] += (0.0, 150.0)
    drive = Ground(calibration()).measured(times, once)
    assert len(drive.waypoints) == len(Ground(calibration()).measured(times, px).waypoints) - 1
    assert drive.speed is not None and drive.speed.value == pytest.approx(truth * 3.6, abs=2.0)


def test_a_place_at_which_another_plate_was_read_counts_for_nothing() -> None:
    """The tracker goes on with somebody else after the twelfth frame."""
    dice = np.random.default_rng(4)
    places = np.stack([np.linspace(34, 14, 20), np.zeros(20)], axis=1)
    sightings = []
    for n, (x, y) in enumerate(pictured(places)):
        reading = honest_reading("AB12CDE" if n < 12 else "AB12CFG", 0.01, dice)
        box = Box(x - 30, y - 7, x + 30, y + 7)
        sightings.append(Sighting(n, AT + timedelta(seconds=n / 10), Kind.VEHICLE, box, 0.9, box, reading))
    plate = Plate("AB12CDE", 0.99, 5, (), np.zeros((7, len(ALPHABET))))
    passage = Passage("1", "camera", tuple(sightings), 0.0, plate)
    drive = Ground(calibration()).drive(passage)
    assert 10 <= len(drive.waypoints) <= 12 and drive.waypoints[-1].at <= AT + timedelta(seconds=1.1)
    assert Ground(calibration()).drive(replace(passage, plate=None)).waypoints[-1].at > AT + timedelta(seconds=1.5)


def test_the_first_and_last_place_are_only_as_certain_as_physics_makes_them() -> None:
    places = np.stack([np.linspace(34, 14, 20), np.zeros(20)], axis=1)
    waypoints = Ground(calibration()).measured([AT + timedelta(seconds=n / 10) for n in range(20)], pictured(places)).waypoints
    assert len(waypoints) == 20
    for end, beside in ((waypoints[0], waypoints[1]), (waypoints[-1], waypoints[-2])):
        # 12 m/s² for 0.1 s after 0.3 s or more by which its velocity is known
        assert end.along_error_m > beside.along_error_m + 12.0 * 0.1 * 0.4 / 2


def test_a_clock_that_stands_or_jumps_gives_no_speed() -> None:
    times, px, _ = passing(np.random.default_rng(5), calibration(), 12.0)
    assert speed_of(px, [times[0]] * len(times)) is None
    half = len(times) // 2
    assert speed_of(px, [*times[:half], *(at + timedelta(hours=1) for at in times[half:])]) is None


def test_the_sky_is_no_place() -> None:
    drive = Ground(calibration()).measured([AT, AT], np.array([(960.0, 10.0), (960.0, 130.0)]))
    assert drive.waypoints == () and drive.speed is None


ON_A_LINE = {
    "all on a line": [(10.0, 0.0), (15.0, 0.0), (20.0, 0.0), (30.0, 0.0)],
    "three on a line": [(10.0, 0.0), (15.0, 0.0), (20.0, 0.0), (15.0, 3.5)],
    "all but one of six on a line": [(10.0, 0.0), (15.0, 0.0), (20.0, 0.0), (30.0, 0.0), (12.0, 0.0), (15.0, 3.5)],
    "one point twice": [(10.0, 0.0), (10.0, 0.0), (20.0, 0.0), (15.0, 3.5)],
}


@pytest.mark.parametrize("sin_", ON_A_LINE)
def test_points_that_do_not_span_the_road_are_refused(sin_: str) -> None:
    with pytest.raises(SettingsError, match="do not span the road"):
        Ground(calibration(np.array(ON_A_LINE[sin_])))


def test_points_that_contradict_each_other_are_refused() -> None:
    mistyped = calibration()
    points = list(mistyped.survey.points)
    points[2] = KnownPoint(points[2].px, (53.0, 3.5))  # digits swapped
    with pytest.raises(SettingsError, match="contradict each other"):
        Ground(replace(mistyped, survey=replace(mistyped.survey, points=tuple(points))))


def test_honest_points_are_not_refused() -> None:
    dice = np.random.default_rng(6)
    for _ in range(200):
        Ground(calibration(KNOWN_M, dice))


def test_an_ellipse_of_the_road_holds_the_truth_in_95_of_100() -> None:
    dice, held, places = np.random.default_rng(5), 0, np.array([(12.0, 2.0), (22.0, 0.0), (34.0, -3.0)])
    for _ in range(400):
        given_ = calibration(KNOWN_M[:6], dice, lens=LENS)
        plane = Plane(given_.survey, LENS)
        px = pictured(places, lens=LENS) + dice.normal(0, 0.7, (3, 2))
        off = plane.on_road(px)[0] - places
        held += int((np.einsum("ni,nij,nj->n", off, np.linalg.inv(plane.covariance(px, 0.7)), off) <= K_ELLIPSE**2).sum())
    assert 0.935 <= held / 1200 <= 0.965


def test_the_road_is_pictured_where_it_was_seen_and_nothing_behind_the_camera() -> None:
    plane = Plane(calibration(lens=LENS).survey, LENS)
    there = np.random.default_rng(1).uniform((9.0, -5.0), (40.0, 5.0), (50, 2))
    assert np.abs(plane.pictured(there) - pictured(there, lens=LENS)).max() < 1e-3
    assert np.isnan(plane.pictured(np.array([(-30.0, 0.0)]))).all()


def test_misfits_are_as_large_as_they_are_said_to_be() -> None:
    dice = np.random.default_rng(6)
    share = np.mean([np.divide(*Plane(calibration(KNOWN_M, dice).survey, IDEAL).misfits().T) <= 1.0 for _ in range(300)])
    assert 0.93 <= share <= 0.98
    assert np.abs(Plane(calibration(KNOWN_M[:4], dice).survey, IDEAL).misfits()).max() < 1e-5
