"""Pixels → metres: where on the road a vehicle was, how fast it went, and how far each of these may be off.

The road is a plane, so a homography joins it to the picture (Hartley and Zisserman, "Multiple View Geometry", 2nd ed., 4.1).
It is fitted to the surveyed points by least squares that weigh each by its stated errors, in pixels and in metres, and so it
comes with a covariance. Errors go from there to every place and speed to first order (GUM, JCGM 100:2008, 5.1 and 5.2; 5.2 is
the one for errors that several inputs share). Three kinds are kept apart:

    of the whole view    the homography, the camera's place: the same in every frame and for every vehicle
    of one vehicle       the height of its plate over the road: the same in all its frames
    of one frame         where the plate was seen, and when: alike for a moment (`Followed.lasts_s`), then new

A speed is the slope of a parabola laid through the places on the measured stretch: the mean speed over it, also where the
vehicle brakes or accelerates evenly. Where the places do not lie on one within their errors, there is no speed.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from clearway.errors import SettingsError
from clearway.facts import Drive, Measurement, Passage, Plate, Reading, Waypoint
from clearway.scene import Calibration, Lens, Point, Survey, bent, depths_m, straightened
from clearway.track.fusion import support

Array = NDArray[np.float64]

# A rectangle of this many standard deviations to each side holds 95 % of a normal distribution in the plane, or more where the
# two errors go together: P(|z| < 2.236)² = 0.95 (Z. Šidák, J. Am. Stat. Assoc. 62, 1967).
K_RECTANGLE = 2.236
# An ellipse of this many standard deviations holds 95 % of a normal distribution in the plane: -2 ln 0.05 = 2.448².
K_ELLIPSE = 2.448
# The expanded uncertainty of one quantity: k = 2 (GUM, 6.2.2).
K = 2.0
# Nearer to the horizon than this, errors are no longer small against what they are errors of, and the first order fails.
ERROR_M_MAX = 3.0
# A speed needs this much to be one: fewer places, less time or less way tell more of the errors than of the vehicle.
PLACES_MIN, STRETCH_S_MIN, STRETCH_M_MIN = 4, 0.4, 4.0
# More places than this make a speed hardly better; of more, an even sample is taken.
PLACES_MAX = 100
# Places that stray from the parabola this many times as far as their errors explain are not of one steady vehicle.
STRAY_MAX, STRAY_ONE_MAX = 2.0, 4.5
# No road vehicle changes its velocity faster than tyres hold, about 1.2 g at most, or goes faster than 250 km/h here.
ACCELERATION_M_S2_MAX, SPEED_M_S_MAX, VELOCITY_S = 12.0, 70.0, 0.3
# A box around something else for one frame or two is a mistake of the detector, more of them are two vehicles taken for one.
ASTRAY_IN_A_ROW_MAX, ASTRAY_SHARE_MAX = 2, 0.2
# A reading that gives the plate's text less than this share of what it gives its own is one of another plate.
SUPPORT_SHARE_MIN = 0.01
# Known points that fit so badly come once in 10,000 honest surveys; then one of them is a mistake.
SURVEY_DOUBT = 3.72
# Three points count as on one line where the triangle between them is this small a share of the square over its longest side.
FLAT = 0.01
# Where Gauss and Newton's steps are this small (of numbers near 1), the next one changes no digit that counts.
STEP_MIN, _ROUNDS = 1e-9, 12


def _bending(ideal_px: Array, lens: Lens) -> Array:
    """How the ideal place moves with the shown one, (n, 2, 2): what an error of a pixel becomes."""
    x = (ideal_px - lens.centre_px) / lens.focal_px
    r2 = (x**2).sum(axis=1)[:, None, None]
    outer = x[:, :, None] * x[:, None, :]
    shown_by_ideal = np.eye(2) * (1 + lens.k1 * r2 + lens.k2 * r2**2) + outer * (2 * lens.k1 + 4 * lens.k2 * r2)
    return np.asarray(np.linalg.inv(shown_by_ideal))


class Plane:
    """The road's plane as a survey has it: from the picture to metres on the road and back, and how far each may be off.

    SettingsError where no four of the known points span it. Points that contradict each other are fitted all the same, so that
    `misfits` can tell which; `refuse_contradiction` is for whoever must not go on with them.
    """

    def __init__(self, survey: Survey, lens: Lens) -> None:
        _refuse_lines(survey)
        self._survey, self._lens = survey, lens
        ideal = straightened(np.array([point.px for point in survey.points]), lens)
        metres = np.array([point.m for point in survey.points])
        # Both sides are moved and shrunk to about 1, or the equations would mix numbers of very different size.
        self._px_at, self._px_scale = ideal.mean(axis=0), float(ideal.std())
        self._m_at, self._m_scale = metres.mean(axis=0), float(metres.std())
        bent = _bending(ideal, lens)
        u_px2 = (bent @ bent.transpose(0, 2, 1) * survey.u_px**2 + np.eye(2) * lens.u_px**2) / self._px_scale**2
        clicked = _blocks(u_px2)
        u, g = (ideal - self._px_at) / self._px_scale, (metres - self._m_at) / self._m_scale
        fit = _fit(u, g, clicked, _surveyed(metres, survey) / self._m_scale**2)
        self._h, self.h_covariance, self._chi2 = fit.h, fit.h_covariance, fit.chi2
        self._misfit, self._misfit_covariance = fit.misfit, fit.misfit_covariance

    def on_road(self, px: Array) -> tuple[Array, Array, Array]:
        """Where rays through those pixels meet the road: (n, 2) metres; how these move with the pixel, (n, 2, 2); and with the
        homography's eight numbers, (n, 2, 8). Nan at and over the horizon."""
        ideal = straightened(px, self._lens)
        inverse = np.linalg.inv(np.append(self._h, 1.0).reshape(3, 3))
        ray = np.column_stack([(ideal - self._px_at) / self._px_scale, np.ones(len(px))]) @ inverse.T
        # The depth has one sign on all the road in view, that of the known points' middle.
        ahead = ray[:, 2] * np.sign(inverse[2, 2]) > 1e-9
        g = np.full((len(px), 2), np.nan)
        g[ahead] = ray[ahead, :2] / ray[ahead, 2:]
        by_g, by_h = _slopes(self._h, g)
        by_px = np.full((len(px), 2, 2), np.nan)
        by_px[ahead] = np.linalg.inv(by_g[ahead])
        bent = by_px @ _bending(ideal, self._lens) * (self._m_scale / self._px_scale)
        return g * self._m_scale + self._m_at, bent, -by_px @ by_h * self._m_scale

    def covariance(self, px: Array, u_px: float) -> Array:
        """The covariance of `on_road`, (n, 2, 2) in m², of pixels that are each off by `u_px`."""
        _, by_px, by_h = self.on_road(px)
        return by_px @ by_px.transpose(0, 2, 1) * u_px**2 + by_h @ self.h_covariance @ by_h.transpose(0, 2, 1)

    def pictured(self, places_m: Array) -> Array:
        """The pixels that show those places of the road, (n, 2); nan for what lies behind the camera, and so far outside the
        picture that the lens's distortion is no longer one. To draw with, not to measure."""
        g = (np.asarray(places_m, np.float64).reshape(-1, 2) - self._m_at) / self._m_scale
        depth = g @ self._h[6:8] + 1
        depth = np.where(depth > 1e-6, depth, np.nan)
        u = (g @ self._h[:6].reshape(2, 3)[:, :2].T + self._h[[2, 5]]) / depth[:, None]
        ideal = u * self._px_scale + self._px_at
        r2 = (((ideal - self._lens.centre_px) / self._lens.focal_px) ** 2).sum(axis=1)
        ideal[1 + 3 * self._lens.k1 * r2 + 5 * self._lens.k2 * r2**2 <= 0] = np.nan
        return bent(ideal, self._lens)

    def misfits(self) -> Array:
        """Of each known point, (n, 2) in pixels: how far it lies from where the fit has it, and how far 95 of 100 honest points
        would at most. Both are 0 with four points, which nothing can contradict."""
        off = np.hypot(*self._misfit.reshape(-1, 2).T)
        variance = np.diagonal(self._misfit_covariance).reshape(-1, 2).clip(0.0)
        return np.stack([off, K_ELLIPSE * np.sqrt(variance.mean(axis=1))], axis=1) * self._px_scale

    def refuse_contradiction(self) -> None:
        """SettingsError where the points contradict each other by more than their errors allow; it names the one that the others
        agree without, where there is one."""
        freedom = 2 * len(self._survey.points) - 8
        if not freedom or self._chi2 <= _chi2_bound(freedom):
            return
        agrees = [n for n in range(len(self._survey.points)) if freedom >= 4 and self._agrees_without(n)]
        which = f"known point {agrees[0] + 1} is the one that the others agree without. " if len(agrees) == 1 else ""
        raise SettingsError(
            f"the known points contradict each other: {sqrt(self._chi2 / freedom):.1f} times what their errors allow.",
            remedy=f"{which}look for a point that was clicked or typed wrongly, or state larger errors.",
        )

    def _agrees_without(self, left_out: int) -> bool:
        points = self._survey.points
        try:
            rest = Plane(replace(self._survey, points=(*points[:left_out], *points[left_out + 1 :])), self._lens)
        except SettingsError:
            return False
        return rest._chi2 <= _chi2_bound(2 * len(points) - 10)


class Ground:
    """The road of one view, from its calibration.

    SettingsError where the known points lie on one line, or contradict each other by more than their errors allow.
    """

    def __init__(self, calibration: Calibration) -> None:
        self._given = calibration
        self.plane = Plane(calibration.survey, calibration.lens)
        self.plane.refuse_contradiction()

    def places(self, px: Array) -> tuple[Array, Array, Array]:
        """Points of the followed height: (n, 2) metres; how they move with the pixel, (n, 2, 2); and with what all points of a
        vehicle share, (n, 2, 11): eight numbers of the homography, the height's scale, the camera's foot. Points at or over
        the horizon are nan."""
        g, by_px, by_h = self.plane.on_road(px)
        # A ray that meets the road at g passes a height of `up` where it has gone that share of its way up to the camera.
        foot, scale = np.array([self._given.camera.along_m, self._given.camera.across_m]), self._height_scale()
        by_scale = (g - foot)[:, :, None]
        by_foot = np.broadcast_to((1 - scale) * np.eye(2), (len(g), 2, 2))
        return foot + scale * (g - foot), scale * by_px, np.concatenate([scale * by_h, by_scale, by_foot], axis=2)

    def shared_covariance(self) -> Array:
        """The covariance of what all points of a vehicle share, (11, 11); see `places`."""
        camera, followed = self._given.camera, self._given.followed
        whole = np.zeros((11, 11))
        whole[:8, :8] = self.plane.h_covariance
        whole[8, 8] = (followed.up_u_m / camera.up_m) ** 2 + (followed.up_m * camera.u_m / camera.up_m**2) ** 2
        whole[9, 9] = whole[10, 10] = camera.u_m**2
        return whole

    def drive(self, passage: Passage) -> Drive:
        """Where the vehicle's plate was in each frame that showed it, and its speed over the measured stretch.

        A place at which another plate was read counts for nothing, whoever took it for this vehicle's.
        """
        shown = [s for s in passage.sightings if s.plate_box is not None and _shows(s.reading, passage.plate)]
        if not shown:
            return Drive(())
        px = np.array([s.plate_box.centre_px for s in shown if s.plate_box is not None])
        return self.measured([s.captured_at for s in shown], px)

    def measured(self, times: Sequence[datetime], px: Array) -> Drive:
        """The drive of a point that was seen at those times (in order) and pixels, (n, 2)."""
        places_m, by_px, by_shared = self.places(px)
        shared = self.shared_covariance()
        of_frame = by_px @ by_px.transpose(0, 2, 1) * self._given.followed.u_px**2
        covariance = of_frame + by_shared @ shared @ by_shared.transpose(0, 2, 1)
        errors_m = K_RECTANGLE * np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
        farthest_m = errors_m.max(axis=1)  # nan at the horizon, which no comparison lets pass
        # What all places of a vehicle share moves them together, so that only each frame's own error makes one jump.
        own_m = K_RECTANGLE * np.sqrt(np.trace(of_frame, axis1=1, axis2=2))
        kept = _of_one_vehicle(times, places_m, own_m, [n for n in range(len(px)) if farthest_m[n] <= ERROR_M_MAX])
        # For the first and the last a neighbour vouches on one side only, and one stray place may be all that accuses somebody:
        # such a place is only as certain as physics makes it.
        for n, others in ((kept[0], kept[:0:-1]), (kept[-1], kept[:-1])) if len(kept) > 2 else ():
            errors_m[n] += sum(_swerved_m(n, others, times, places_m, own_m))
        vouched = [n for n in kept if errors_m[n].max() <= ERROR_M_MAX] if len(kept) > 2 else []
        waypoints = tuple(Waypoint(times[n], *map(float, places_m[n]), *map(float, errors_m[n])) for n in vouched)
        stretch = self._given.stretch_m
        on = [n for n, deep_m in zip(kept, depths_m(stretch, places_m[kept]), strict=True) if deep_m > 0] if stretch else []
        on = on[:: 1 + len(on) // PLACES_MAX]
        return Drive(waypoints, self._speed([times[n] for n in on], places_m[on], by_px[on], by_shared[on]))

    def _speed(self, times: Sequence[datetime], places_m: Array, by_px: Array, by_shared: Array) -> Measurement | None:
        """The mean speed over those places; None where they are too few, or not of one steady vehicle."""
        if len(times) < PLACES_MIN:
            return None
        way = places_m[-1] - places_m[0]
        length_m = float(np.hypot(*way))
        t = np.array([(at - times[0]).total_seconds() for at in times])
        if length_m < STRETCH_M_MIN or t[-1] < STRETCH_S_MIN:
            return None
        t -= t[-1] / 2
        ahead = way / length_m
        s = places_m @ ahead
        shape = np.stack([np.ones_like(t), t, t**2], axis=1)
        solve = np.linalg.pinv(shape)
        slope = solve[1]
        speed_m_s = float(slope @ s)
        # How far each place may be off along the way, alone: errors of frames close in time are alike.
        followed, clock = self._given.followed, self._given.clock
        along = ahead @ by_px
        alike = np.exp(-np.abs(t[:, None] - t[None, :]) / followed.lasts_s) if followed.lasts_s else np.eye(len(t))
        own = along @ along.T * alike * followed.u_px**2 + np.eye(len(t)) * (speed_m_s * clock.u_ms / 1000) ** 2
        astray = np.eye(len(t)) - shape @ solve
        rest = astray @ s
        expected = np.sqrt(np.diag(astray @ own @ astray.T))
        stray = float(np.sqrt((rest @ rest) / (expected @ expected)))
        if stray > STRAY_MAX or float((np.abs(rest) / expected).max()) > STRAY_ONE_MAX:
            return None
        shared = ahead @ by_shared
        common = shared @ self.shared_covariance() @ shared.T
        # What strays more than it should widens its own interval (the Birge ratio); what strays less earns nothing.
        variance = float(slope @ (own * max(1.0, stray) ** 2 + common) @ slope) + (speed_m_s * clock.rate_u_ppm * 1e-6) ** 2
        return Measurement(
            "speed",
            speed_m_s * 3.6,
            K * sqrt(variance) * 3.6,
            "km/h",
            f"the mean over {length_m:.1f} m and {t[-1] - t[0]:.2f} s, from {len(t)} places of the plate",
        )

    def _height_scale(self) -> float:
        return 1 - self._given.followed.up_m / self._given.camera.up_m


def _of_one_vehicle(times: Sequence[datetime], places_m: Array, own_m: Array, among: Sequence[int]) -> list[int]:
    """The places that one vehicle can have driven through; all but a few, or none: then two were taken for one.

    A place is left out where the vehicle would have had to change its velocity faster than any can.
    """
    kept: list[int] = []
    in_a_row = 0
    for n in among:
        fits = _reached(n, kept, times, places_m, own_m)
        if not fits and in_a_row and _reached(n, kept[:-1], times, places_m, own_m):
            # It was the last one kept that strayed, and then seemed to tell where the vehicle went.
            kept.pop()
            fits = True
        if fits:
            kept.append(n)
            in_a_row = 0
        elif (in_a_row := in_a_row + 1) > ASTRAY_IN_A_ROW_MAX:
            return []
    kept = _between_neighbours(kept, times, places_m, own_m)
    return kept if len(among) - len(kept) <= ASTRAY_SHARE_MAX * len(among) else []


def _between_neighbours(kept: list[int], times: Sequence[datetime], places_m: Array, own_m: Array) -> list[int]:
    """The places without those that lie farther from between their neighbours than a vehicle can have swerved, the worst first:
    in a few frames a second a box around something else is in reach, but not there and back."""
    for _ in range(len(kept)):
        if len(kept) < 3:
            break
        t, places, own = np.array([(times[n] - times[kept[0]]).total_seconds() for n in kept]), places_m[kept], own_m[kept]
        before_s, after_s = t[1:-1] - t[:-2], t[2:] - t[1:-1]
        share = before_s / np.maximum(before_s + after_s, 1e-9)
        between = places[:-2] + (places[2:] - places[:-2]) * share[:, None]
        off_m = np.hypot(*(places[1:-1] - between).T)
        bound_m = ACCELERATION_M_S2_MAX * before_s * after_s / 2 + own[1:-1] + own[:-2] * (1 - share) + own[2:] * share
        worst = int(np.argmax(off_m / bound_m))
        if off_m[worst] <= bound_m[worst]:
            break
        kept = [*kept[: worst + 1], *kept[worst + 2 :]]
    return kept


def _reached(n: int, kept: Sequence[int], times: Sequence[datetime], places_m: Array, own_m: Array) -> bool:
    """Whether a vehicle that was at the places kept can be at place n now."""
    if not kept:
        return True
    off_m, bound_m = _swerved_m(n, kept, times, places_m, own_m)
    return off_m <= bound_m


def _swerved_m(n: int, kept: Sequence[int], times: Sequence[datetime], places_m: Array, own_m: Array) -> tuple[float, float]:
    """How far place n is from where a vehicle would be that went on as at the places kept, in order towards n; and how far it can
    be."""
    last = kept[-1]
    gone_s = abs((times[n] - times[last]).total_seconds())
    # The velocity is taken from a moment ago, since between two frames it is mostly error.
    before = next((m for m in reversed(kept) if abs((times[last] - times[m]).total_seconds()) >= VELOCITY_S), kept[0])
    took_s = abs((times[last] - times[before]).total_seconds())
    if took_s <= 0:
        off_m = float(np.hypot(*(places_m[n] - places_m[last])))
        return off_m, SPEED_M_S_MAX * gone_s + float(own_m[last] + own_m[n])
    share = gone_s / took_s
    off_m = float(np.hypot(*(places_m[n] - places_m[last] - (places_m[last] - places_m[before]) * share)))
    by_force_m = ACCELERATION_M_S2_MAX * gone_s * (gone_s + took_s) / 2
    return off_m, by_force_m + float(own_m[n] + (1 + share) * own_m[last] + share * own_m[before])


def _shows(reading: Reading | None, plate: Plate | None) -> bool:
    """Whether a reading may be of that plate: it gives its text a fair share of what it gives the text that it prefers."""
    return reading is None or plate is None or support(reading, plate.text) >= SUPPORT_SHARE_MIN * reading.p


def _slopes(h: Array, g: Array) -> tuple[Array, Array]:
    """How the pixel of each place moves with the place, (n, 2, 2), and with the homography's eight numbers, (n, 2, 8)."""
    depth = g @ h[6:8] + 1
    u = (g @ h[:6].reshape(2, 3)[:, :2].T + h[[2, 5]]) / depth[:, None]
    by_g = (h[:6].reshape(2, 3)[None, :, :2] - u[:, :, None] * h[6:8]) / depth[:, None, None]
    by_h = np.zeros((len(g), 2, 8))
    by_h[:, 0, 0:2], by_h[:, 0, 2] = g, 1
    by_h[:, 1, 3:5], by_h[:, 1, 5] = g, 1
    by_h[:, :, 6:8] = -u[:, :, None] * g[:, None, :]
    return by_g, by_h / depth[:, None, None]


class _Fit(NamedTuple):
    """A homography with its covariance, (8, 8); chi², the squared misfit in units of its expected size; the misfit, (2n), and
    its covariance, (2n, 2n)."""

    h: Array
    h_covariance: Array
    chi2: float
    misfit: Array
    misfit_covariance: Array


def _fit(u: Array, g: Array, clicked: Array, surveyed: Array) -> _Fit:
    """The homography from g to u.

    Starts from the linear solution, then repeats Gauss and Newton's step; errors of the metres count as errors of the pixels
    that they would move.
    """
    rows = np.zeros((len(g), 2, 8))
    rows[:, 0, 0:2], rows[:, 0, 2] = g, 1
    rows[:, 1, 3:5], rows[:, 1, 5] = g, 1
    rows[:, :, 6:8] = -u[:, :, None] * g[:, None, :]
    h: Array = np.asarray(np.linalg.lstsq(rows.reshape(-1, 8), u.ravel(), rcond=None)[0], np.float64)
    for _ in range(_ROUNDS):
        by_g, by_h = _slopes(h, g)
        design, moves = by_h.reshape(-1, 8), _blocks(by_g)
        expected = clicked + moves @ surveyed @ moves.T
        weight = np.linalg.inv(expected)
        depth = g @ h[6:8] + 1
        misfit = (u - (g @ h[:6].reshape(2, 3)[:, :2].T + h[[2, 5]]) / depth[:, None]).ravel()
        covariance = np.linalg.inv(design.T @ weight @ design)
        step = covariance @ design.T @ weight @ misfit
        h = h + step
        if float(np.abs(step).max()) < STEP_MIN:
            break
    chi2, left = float(misfit @ weight @ misfit), expected - design @ covariance @ design.T
    return _Fit(h, np.asarray(covariance, np.float64), chi2, np.asarray(misfit, np.float64), np.asarray(left, np.float64))


def _surveyed(metres: Array, survey: Survey) -> Array:
    """The covariance of all points' metres, (2n, 2n) in m²: each point's own, and what the sides of a rectangle share."""
    whole = np.eye(2 * len(metres)) * survey.u_m**2
    for axis, u_m in ((0, survey.length_u_m), (1, survey.width_u_m)):
        side_m = float(np.ptp(metres[:, axis]))
        moves = np.zeros_like(metres)
        # A side that is longer by a thousandth moves every point by a thousandth of its distance from the first.
        moves[:, axis] = (metres[:, axis] - metres[0, axis]) / side_m
        whole += np.outer(moves.ravel(), moves.ravel()) * u_m**2
    return np.asarray(whole)


def _blocks(parts: Array) -> Array:
    """(n, 2, 2) along the diagonal of (2n, 2n)."""
    whole = np.zeros((2 * len(parts), 2 * len(parts)))
    for n, part in enumerate(parts):
        whole[2 * n : 2 * n + 2, 2 * n : 2 * n + 2] = part
    return whole


def _chi2_bound(freedom: int) -> float:
    """What chi² with that many degrees of freedom stays below in all but one of 10,000 cases (Wilson and Hilferty, 1931)."""
    part = 2 / (9 * freedom)
    return float(freedom * (1 - part + SURVEY_DOUBT * sqrt(part)) ** 3)


def _refuse_lines(survey: Survey) -> None:
    """SettingsError where no four of the points span the plane: all, or all but one, lie on one line."""
    for sort, places in (("metres", [p.m for p in survey.points]), ("pixels", [p.px for p in survey.points])):
        if not _spans(places):
            *most, last = map(str, _on_one_line(places))
            raise SettingsError(
                f"the known points do not span the road: in {sort}, points {', '.join(most)} and {last} lie on one line.",
                remedy="choose four points like the corners of a rectangle, and any number beside them.",
            )


def _on_one_line(places: Sequence[Point]) -> list[int]:
    """The numbers, from 1, of the points on that line through two of them which holds the most."""
    lines = (
        [n + 1 for n, place in enumerate(places) if n in (a, b) or _flat(places[a], places[b], place)]
        for a in range(len(places))
        for b in range(a)
    )
    return max(lines, key=len)


def _spans(places: Sequence[Point]) -> bool:
    """Whether some four of the points have no three on one line. The points are few, so the corners of their outline do."""
    chosen = _outermost(places)
    return len(chosen) == 4 and not any(_flat(*(chosen[n] for n in range(4) if n != left_out)) for left_out in range(4))


def _outermost(places: Sequence[Point]) -> list[Point]:
    """Four points that span as much as any: two far apart, then the farthest from their line on each side or beyond."""
    array = np.array(places)
    first = int(np.argmax(((array - array.mean(axis=0)) ** 2).sum(axis=1)))
    second = int(np.argmax(((array - array[first]) ** 2).sum(axis=1)))
    chosen = [first, second]
    while len(chosen) < 4:
        # The smallest triangle that a new point makes with any two chosen ones is made as large as can be.
        worth = np.full(len(array), np.inf)
        for n, a in enumerate(chosen):
            for b in chosen[n + 1 :]:
                run, off = array[b] - array[a], array - array[a]
                worth = np.minimum(worth, np.abs(run[0] * off[:, 1] - run[1] * off[:, 0]))
        chosen.append(int(np.argmax(worth)))
    return [places[n] for n in dict.fromkeys(chosen)]


def _flat(a: Point, b: Point, c: Point) -> bool:
    area_2 = abs((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]))
    longest_2 = max((p[0] - q[0]) ** 2 + (p[1] - q[1]) ** 2 for p, q in ((a, b), (b, c), (c, a)))
    return area_2 <= FLAT * longest_2
