"""A simulated street as boxes: queues at a signal, vehicles that hide each other, and the truth of who is who.

    street = Street(seed=1, seconds=600)
    for look in street.looks():
        tracker.update(look.at, look.sightings, 0.0)      look.numbers says whose each sighting is

Three lanes come towards a camera 7 m up and queue at a signal, one leads away, and now and then somebody crosses in front of
the queue. Each driver follows the one ahead (the intelligent driver model, M. Treiber, A. Hennecke and D. Helbing, Phys. Rev. E
62, 2000). Cars, lorries and motorcycles hide what is behind them; a detector misses some, for a moment or for longer, its boxes
stray and shrink to what can be seen, and now and then it finds what is none; frames are dropped. Nothing is drawn, so that hours
are simulated in minutes. The same arguments give the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import atan, cos, inf, sin, sqrt

import numpy as np
from numpy.typing import NDArray

from clearway.facts import Box, Kind, Reading, Sighting
from clearway.plates import ALPHABET, PLACE

STARTS_AT = datetime(2026, 11, 23, 7, tzinfo=UTC)
PICTURE_PX, FOCAL_PX, CAMERA_UP_M = (3840, 2160), 3000.0, 7.0
ENTERS_M, SEEN_FROM_M, SEEN_UNTIL_M, STOP_LINE_M = 90.0, 60.0, 9.0, 20.0
TOWARDS_M, AWAY_M = (-1.75, 1.75, 5.25), -5.25
# Readers need a plate of about this many pixels; SEEN_FROM_M gives 26.
PLATE_PX_MIN, PLATE_LEGIBLE_PX = 34.0, 60.0
# Length, width and height in metres, how high the plate hangs, and how many of all there are.
KINDS = ((4.4, 1.8, 1.45, 0.5, 0.72), (9.0, 2.5, 3.4, 0.6, 0.13), (2.1, 0.8, 1.5, 0.7, 0.15))
RED_S, GREEN_S = 35.0, 30.0
_STEP_S = 0.1
_SPEEDS_UP_M_S2, _SLOWS_M_S2, _HEADWAY_S, _GAP_M = 1.6, 2.2, 1.2, 2.0
# What less than this can be seen of is not found.
VISIBLE_MIN = 0.35
MISSED, MISSED_LONGER_PER_S = 0.07, 0.01
_DOWN = atan(CAMERA_UP_M / SEEN_UNTIL_M) - atan(PICTURE_PX[1] / 2 / FOCAL_PX)
_LETTERS, _DIGITS = "ABCDEFGHJKLMNPRSTUVWXYZ", "0123456789"


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen at one time; `numbers` are the true vehicles of the sightings, None where there is none."""

    at: datetime
    sightings: tuple[Sighting, ...]
    numbers: tuple[int | None, ...]


@dataclass(slots=True)
class _Vehicle:
    """`along_m` is its end that the camera sees first; `towards` is -1 where it comes nearer."""

    number: int
    text: str
    kind: tuple[float, float, float, float, float]
    across_m: float
    along_m: float
    wants_m_s: float
    towards: int = -1
    speed_m_s: float = 10.0
    unseen_until_s: float = -inf
    box: Box | None = field(default=None)


class Street:
    """`busy` is vehicles an hour and lane; `plates` says whether plates are read: without, sightings are of vehicles alone."""

    def __init__(
        self,
        seed: int,
        *,
        seconds: float,
        looks_per_s: float = 4.0,
        busy: float = 500.0,
        plates: bool = True,
        dropped: float = 0.05,
    ) -> None:
        self._dice = np.random.default_rng(seed)
        self._seconds, self._looks_per_s, self._busy = seconds, looks_per_s, busy
        self._plates, self._dropped = plates, dropped
        self._lanes: list[list[_Vehicle]] = [[] for _ in TOWARDS_M]
        self._others: list[_Vehicle] = []
        self._next_s = [float(self._dice.exponential(3600 / busy)) for _ in (*TOWARDS_M, AWAY_M)]
        self._crosses_s = float(self._dice.uniform(10, 60))
        self._count = 0

    def looks(self) -> Iterator[Look]:
        due_s, gap_until_s, frame = 0.0, -inf, 0
        for step in range(round(self._seconds / _STEP_S)):
            now_s = step * _STEP_S
            self._drive(now_s)
            while due_s < now_s + _STEP_S:
                if self._dice.random() < 0.002:
                    gap_until_s = due_s + float(self._dice.uniform(0.3, 1.0))
                if due_s >= gap_until_s and self._dice.random() >= self._dropped:
                    yield self._look(due_s, due_s - now_s, frame)
                frame += 1
                due_s += 1 / self._looks_per_s

    def _drive(self, now_s: float) -> None:
        red = now_s % (RED_S + GREEN_S) < RED_S
        for n, lane in enumerate(self._lanes):
            if now_s >= self._next_s[n] and (not lane or lane[-1].along_m + lane[-1].kind[0] < ENTERS_M - 8):
                ahead_m_s = lane[-1].speed_m_s if lane else 12.0
                lane.append(self._made(TOWARDS_M[n], ENTERS_M, -1, min(12.0, ahead_m_s)))
                self._next_s[n] = now_s + float(self._dice.exponential(3600 / self._busy))
            for place, one in enumerate(lane):
                gap_m, slower_m_s = inf, 0.0
                if place:
                    first = lane[place - 1]
                    gap_m, slower_m_s = one.along_m - first.along_m - first.kind[0], one.speed_m_s - first.speed_m_s
                to_line_m = one.along_m - STOP_LINE_M
                if red and to_line_m > one.speed_m_s**2 / 2 / 4.0 and to_line_m < gap_m:
                    gap_m, slower_m_s = to_line_m, one.speed_m_s
                _follow(one, gap_m, slower_m_s)
            while lane and lane[0].along_m < -10:
                lane.pop(0)
        if now_s >= self._next_s[-1]:
            self._next_s[-1] = now_s + 3.0 + float(self._dice.exponential(3600 / self._busy))
            self._others.append(self._made(AWAY_M, -10.0, 1, float(self._dice.uniform(9, 14))))
        if now_s >= self._crosses_s:
            # While the queue waits, in front of it.
            self._crosses_s = now_s + float(self._dice.uniform(20, 90))
            if red:
                self._others.append(self._made(-16.0, float(self._dice.uniform(12, 15)), 0, float(self._dice.uniform(3, 7))))
        for one in self._others:
            if one.towards:
                one.along_m += one.speed_m_s * _STEP_S
            else:
                one.across_m += one.speed_m_s * _STEP_S
        self._others = [one for one in self._others if one.along_m < ENTERS_M and one.across_m < 16]

    def _made(self, across_m: float, along_m: float, towards: int, speed_m_s: float) -> _Vehicle:
        dice = self._dice
        kind = KINDS[int(dice.choice(len(KINDS), p=[share for *_, share in KINDS]))]
        letters = "".join(dice.choice(list(_LETTERS), 5))
        text = f"{letters[:2]}{dice.choice(list(_DIGITS))}{dice.choice(list(_DIGITS))}{letters[2:]}"
        self._count += 1
        across_m += float(dice.uniform(-0.4, 0.4))
        return _Vehicle(self._count, text, kind, across_m, along_m, float(dice.uniform(9, 15)), towards, speed_m_s)

    def _look(self, at_s: float, ahead_s: float, frame: int) -> Look:
        dice, at = self._dice, STARTS_AT + timedelta(seconds=at_s)
        seen: list[tuple[Sighting, int | None]] = []
        everybody = sorted((one for lane in (*self._lanes, self._others) for one in lane), key=lambda one: one.along_m)
        nearer: list[Box] = []
        for one in everybody:
            box = _outline(one, ahead_s)
            if box is None:
                continue
            visible, shown = _visible(box, nearer)
            nearer.append(box)
            if dice.random() < MISSED_LONGER_PER_S / self._looks_per_s:
                one.unseen_until_s = at_s + float(dice.uniform(0.5, 2.0))
            if visible < VISIBLE_MIN or at_s < one.unseen_until_s or dice.random() < MISSED:
                continue
            if not self._plates:
                seen.append((Sighting(frame, at, Kind.VEHICLE, self._strayed(shown), 0.9), one.number))
            elif (plate := self._plate(one, ahead_s, nearer[:-1])) is not None:
                reading = self._reading(one.text, plate.width_px)
                seen.append((Sighting(frame, at, Kind.VEHICLE, self._strayed(shown), 0.9, plate, reading), one.number))
        if not self._plates and dice.random() < 0.02:
            x, y, size = dice.uniform(0, PICTURE_PX[0]), dice.uniform(0, PICTURE_PX[1]), dice.uniform(60, 300)
            seen.append((Sighting(frame, at, Kind.VEHICLE, Box(x, y, x + size, y + size), 0.5), None))
        return Look(at, tuple(sighting for sighting, _ in seen), tuple(number for _, number in seen))

    def _strayed(self, box: Box) -> Box:
        strays = self._dice.normal(0, 1, 4)
        x_px, y_px = 1 + 0.015 * box.width_px, 1 + 0.015 * box.height_px
        left, right = box.left_px + strays[0] * x_px, box.right_px + strays[1] * x_px
        top, bottom = box.top_px + strays[2] * y_px, box.bottom_px + strays[3] * y_px
        return Box(left, top, max(right, left + 2), max(bottom, top + 2))

    def _plate(self, one: _Vehicle, ahead_s: float, nearer: list[Box]) -> Box | None:
        """Where its plate is found, of those that come nearer; None where it is hidden, too small or out of the picture."""
        if one.towards >= 0:
            return None
        along_m = one.along_m - one.speed_m_s * ahead_s
        sides = [(side * 0.26, up * 0.055) for side in (-1, 1) for up in (-1, 1)]
        plate = _around(np.array([(along_m, one.across_m + side, one.kind[3] + up) for side, up in sides]))
        if plate.width_px < PLATE_PX_MIN or plate.within(*PICTURE_PX) != plate:
            return None
        if any(box.shared_px(plate) > 0 for box in nearer):
            return None
        x, y = self._dice.normal(0, 1.0, 2)
        return plate.moved(float(x), float(y))

    def _reading(self, text: str, width_px: float) -> Reading:
        return honest_reading(text, 0.03 * PLATE_LEGIBLE_PX / width_px, self._dice, min(1.0, width_px / PLATE_LEGIBLE_PX))


def honest_reading(text: str, doubt: float, dice: np.random.Generator, legibility: float = 1.0) -> Reading:
    """What a reader says who doubts each character by `doubt` on the mean: of those that it gives p, a share p is right."""
    rows = np.zeros((len(text), len(ALPHABET)))
    read = []
    for row, right, share in zip(rows, text, np.minimum(0.45, 3 * doubt * dice.random(len(text)) ** 2), strict=True):
        kind = _DIGITS if right.isdigit() else _LETTERS
        wrong = kind[(kind.index(right) + 1 + int(dice.integers(len(kind) - 1))) % len(kind)]
        chosen, other = (wrong, right) if dice.random() < share else (right, wrong)
        row[PLACE[chosen]], row[PLACE[other]] = 1 - share, share
        read.append(chosen)
    return Reading("".join(read), rows, legibility)


def _follow(one: _Vehicle, gap_m: float, slower_m_s: float) -> None:
    """One step of the intelligent driver model."""
    keeps_m = _GAP_M + one.speed_m_s * _HEADWAY_S + one.speed_m_s * slower_m_s / 2 / sqrt(_SPEEDS_UP_M_S2 * _SLOWS_M_S2)
    gains = 1 - (one.speed_m_s / one.wants_m_s) ** 4 - (max(0.0, keeps_m) / max(gap_m, 0.3)) ** 2
    speed_m_s = max(0.0, one.speed_m_s + max(-8.0, _SPEEDS_UP_M_S2 * gains) * _STEP_S)
    one.along_m -= (one.speed_m_s + speed_m_s) / 2 * _STEP_S
    one.speed_m_s = speed_m_s


def _outline(one: _Vehicle, ahead_s: float) -> Box | None:
    """The part of its box that is inside the picture; None where it is out of sight."""
    length_m, width_m, height_m = one.kind[:3]
    along_m, across_m = one.along_m + one.towards * one.speed_m_s * ahead_s, one.across_m
    if not one.towards:
        across_m += one.speed_m_s * ahead_s
        length_m, width_m = width_m, length_m
    if along_m > SEEN_FROM_M or along_m + length_m < 4:
        return None
    corners = np.array(
        [
            (max(3.0, along_m + far * length_m), across_m + side * width_m / 2, up * height_m)
            for far in (0, 1)
            for side in (-1, 1)
            for up in (0, 1)
        ]
    )
    whole = _around(corners)
    inside = whole.within(*PICTURE_PX)
    return inside if inside is not None and inside.area_px > 0.3 * whole.area_px else None


def _around(places_m: NDArray[np.float64]) -> Box:
    px = _pictured(places_m)
    left, top = px.min(axis=0)
    right, bottom = px.max(axis=0)
    return Box(float(left), float(top), float(right), float(bottom))


def _pictured(places_m: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 2) pixels of (along, across, up) in metres."""
    along, below = places_m[:, 0], CAMERA_UP_M - places_m[:, 2]
    depth = along * cos(_DOWN) + below * sin(_DOWN)
    x = np.stack([places_m[:, 1], below * cos(_DOWN) - along * sin(_DOWN)], axis=1) / depth[:, None]
    return np.asarray(x * FOCAL_PX + np.array(PICTURE_PX) / 2)


def _visible(box: Box, nearer: list[Box]) -> tuple[float, Box]:
    """How much of the box nearer ones leave to see, and the box of that: what stands before it hides it from below."""
    shown = box
    hidden_px = 0.0
    for other in nearer:
        shared = box.common(other)
        if shared is None:
            continue
        hidden_px = max(hidden_px, shared.area_px)
        if shared.width_px > 0.7 * box.width_px and shown.top_px < other.top_px < shown.bottom_px:
            shown = Box(shown.left_px, shown.top_px, shown.right_px, other.top_px)
    return 1 - hidden_px / box.area_px, shown
