"""The simulated road: vehicles that drive towards a camera, drawn frame by frame, with the truth of every frame.

    road = Road(seed=1)
    for frame in road.frames(): ...            the pictures, as a camera would give them
    road.truth(frame.number)                   what is in that picture, and where
    road.passages                              who passed, and when

The same arguments give the same pixels. The camera hangs `CAMERA_HEIGHT_M` over the middle of a street with two lanes and looks
along it; `along_m` is the distance from the point below it, `across_m` is to the right of the middle, as in the picture.
Vehicles come from far away and leave below the picture, so that their plates grow until they are cut. The traffic follows
simple rules (keep a gap, stop at a closed line), and it holds what a tracker finds hard: a vehicle that stands for three
seconds, vehicles that a crossing van hides for about a second, and pairs of plates that differ by one character.

Nothing here is a model of a real place, vehicle, plate or person.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from math import atan, ceil, cos, floor, inf, pi, radians, sin, sqrt
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from clearway.camera.film import Film
from clearway.facts import Box, Frame, Light, Pixels

Points = NDArray[np.float64]
Colour = tuple[int, int, int]

STARTS_AT = datetime(2026, 11, 22, 8, 0, 0, tzinfo=UTC)

# The camera: a long enough lens that a plate fills a tenth of the picture before it leaves at the bottom.
CAMERA_HEIGHT_M = 3.2
FOCAL_PER_WIDTH = 1.2
BOTTOM_RAY_DEGREES = 25.5
NEAREST_M = 0.4
# Where a plate is a twentieth of the picture wide; general readers of text need about that (48 of 960 px).
READABLE_FROM_M = 12.5

LANE_MIDDLES_M = (-1.55, 1.55)
ROAD_HALF_M = 3.3
PAVEMENT_HALF_M = 5.6
FACADE_M = 7.5
SIDE_STREET_M = (7.2, 11.0)

# Council Regulation (EC) 2411/98 names 520 x 110 mm as the usual plate.
PLATE_WIDTH_M, PLATE_HEIGHT_M = 0.52, 0.11
# I, O and Q are left out, as many countries do, because they look like 1 and 0.
LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"
DIGITS = "0123456789"
# Invented layouts in the manner of Europe and the Americas; a space is half a character wide on the plate.
LAYOUTS = ("LL DDD LL", "LL DD LLL", "DDDD LLL", "LLL DDDD")

COLOURS: dict[str, Colour] = {
    "white": (226, 228, 228),
    "silver": (160, 165, 170),
    "grey": (98, 102, 108),
    "black": (42, 43, 48),
    "red": (168, 34, 34),
    "blue": (36, 66, 146),
    "green": (34, 98, 62),
    "yellow": (214, 172, 40),
}

# How many vehicles are kept ready to be drawn; there are never as many in view.
SKINS_MAX = 32

_STEP_S = 0.02
_LEAVES_ROOM_M, _LEAVES_ROOM_S = 2.5, 1.1
_SPEEDS_UP_M_S2, _SLOWS_M_S2, _SLOWS_M_S2_MAX = 2.5, 3.0, 6.0
_STANDS_S = 3.0
_STANDS_AT_M = 9.5
_GIVES_WAY_AT_M = 14.0
_CROSSING_M_S = 4.2
# The stop line's near edge as vehicles come, and where they stop; what its signal protects begins with the side street.
STOP_LINE_M, STOPS_AT_M = 13.3, 14.1
# A second head of the signal faces the camera: beside the road, its lamps one above another.
HEAD_ALONG_M, HEAD_ACROSS_M, HEAD_UP_M, LAMP_M = 19.0, 4.1, (1.75, 3.0), 0.3
# The light comes over the camera's left shoulder, in (across, along, up).
_LIGHT = np.array([-0.35, -0.55, 0.76])
_OVERLAY = "SIMULATED ROAD"
# The lamps of a signal head from above, lit and unlit.
_LAMPS: tuple[tuple[Colour, Colour], ...] = (
    ((255, 60, 44), (64, 22, 20)),
    ((255, 176, 34), (66, 44, 16)),
    ((40, 236, 168), (16, 54, 44)),
)
# What a digit of a plate becomes in its twin's: one that a reader would not take for it.
_UNLIKE = {"0": "4", "1": "5", "2": "9", "3": "4", "4": "0", "5": "1", "6": "2", "7": "8", "8": "7", "9": "2"}


@dataclass(frozen=True, slots=True)
class TrueVehicle:
    """One vehicle in one frame.

    `plate` is canonical, and empty for the crossing van, whose plates point elsewhere. `box` is its outline's part inside the
    picture, whether hidden or not; `plate_box` likewise, None where the plate is wholly outside. `text_seen` are the plate's
    characters whose middle is inside the picture and not covered; `plate_whole` says that all of the plate is. `hidden` (0 to
    1) is the share of the vehicle that others cover. `along_m` and `across_m` are the place of the middle of its front.
    """

    number: int
    plate: str = field(repr=False)
    kind: str
    colour: str
    box: Box
    plate_box: Box | None
    along_m: float
    across_m: float
    speed_m_s: float
    hidden: float
    plate_whole: bool
    text_seen: str = field(repr=False)

    @property
    def plate_cut(self) -> bool:
        """Whether the plate is in view but cut by the frame's edge or covered in part."""
        return self.plate_box is not None and not self.plate_whole


@dataclass(frozen=True, slots=True)
class TruePassage:
    """One vehicle's way through the film: times of the first and last frame that show any of it.

    `best_frame` is the number of the frame that shows its whole plate largest, None where none does. `stood_s` and `hidden_s`
    are how long it stood still and how long it was hidden (nine tenths of it) after it had been seen and before it was again.
    """

    number: int
    plate: str = field(repr=False)
    kind: str
    colour: str
    first_at: datetime
    last_at: datetime
    best_frame: int | None
    stood_s: float
    hidden_s: float


@dataclass(frozen=True, slots=True)
class _Vehicle:
    """One vehicle as it was planned. `layout` is the plate's text with its spaces; empty for the crossing van."""

    number: int
    layout: str
    kind: str
    colour: str
    lane: int
    enters_s: float
    speed_m_s: float
    stands: tuple[float, float] | None = None  # where, in metres, and for how long

    @property
    def plate(self) -> str:
        return self.layout.replace(" ", "")


@dataclass(frozen=True, slots=True)
class _Way:
    """Where a vehicle's front is over time: `along_m` and `speed_m_s` at `from_s`, `from_s + _STEP_S`, …"""

    from_s: float
    along_m: Points
    speed_m_s: Points

    def at(self, at_s: float) -> tuple[float, float] | None:
        step = (at_s - self.from_s) / _STEP_S
        low = floor(step)
        if low < 0 or low + 1 >= len(self.along_m):
            return None
        share = step - low
        along = self.along_m[low] * (1 - share) + self.along_m[low + 1] * share
        return float(along), float(self.speed_m_s[low])


class _Lens:
    """The pinhole camera: metres (across, along, up) → pixels, and the rays back."""

    def __init__(self, width_px: int, height_px: int) -> None:
        self.width_px, self.height_px = width_px, height_px
        self.focal_px = FOCAL_PER_WIDTH * width_px
        pitch = radians(BOTTOM_RAY_DEGREES) - atan(height_px / 2 / self.focal_px)
        self._sin, self._cos = sin(pitch), cos(pitch)

    def seen(self, places_m: Points) -> Points:
        """(n, 3) of right, down and depth in metres, as the camera sees them."""
        below = CAMERA_HEIGHT_M - places_m[:, 2]
        along = places_m[:, 1]
        seen_m = np.empty((len(places_m), 3))
        seen_m[:, 0] = places_m[:, 0]
        seen_m[:, 1] = below * self._cos - along * self._sin
        seen_m[:, 2] = along * self._cos + below * self._sin
        return seen_m

    def flat(self, seen_m: Points) -> Points:
        """(n, 2) pixels of points that lie in front of the camera."""
        return seen_m[:, :2] * (self.focal_px / seen_m[:, 2:]) + (self.width_px / 2, self.height_px / 2)

    def outline(self, seen_m: Points) -> Points:
        """The pixels of one polygon, without what lies behind the camera; empty where all of it does."""
        depth = seen_m[:, 2]
        if depth.min() >= NEAREST_M:
            return self.flat(seen_m)
        kept: list[Points] = []
        for a, b in zip(seen_m, np.roll(seen_m, -1, axis=0), strict=True):
            if a[2] >= NEAREST_M:
                kept.append(a)
            if (a[2] >= NEAREST_M) != (b[2] >= NEAREST_M):
                kept.append(a + (b - a) * ((NEAREST_M - a[2]) / (b[2] - a[2])))
        return self.flat(np.array(kept)) if kept else np.empty((0, 2))

    def rays(self, per_pixel: int) -> tuple[Points, Points, Points]:
        """Across, along and up of the ray through every pixel, `per_pixel` times finer in both directions."""
        fine = 1.0 / per_pixel
        # Half the width of a float is enough for a picture, and twice as fast.
        right = (np.arange(self.width_px * per_pixel, dtype=np.float32) + 0.5) * fine - self.width_px / 2
        down = (np.arange(self.height_px * per_pixel, dtype=np.float32) + 0.5) * fine - self.height_px / 2
        across, below = np.meshgrid(right / self.focal_px, down / self.focal_px)
        return across, self._cos - below * self._sin, -self._sin - below * self._cos


@dataclass(frozen=True, slots=True)
class _Part:
    """One flat polygon of a vehicle, in (behind the front, to its left as the camera sees it, up) metres.

    `facing` is its outward normal in the same axes, None for what is drawn whenever the face it lies on is.
    """

    corners_m: Points
    colour: Colour
    facing: Points
    detail: bool = False


@dataclass(frozen=True, slots=True)
class _Body:
    """The measures of a kind of vehicle: `profile` is its side view, (behind the front, up), from the front's foot round."""

    width_m: float
    profile: tuple[tuple[float, float], ...]
    glass: int  # the stretch of the profile that is the windscreen
    plate_up_m: float
    lights_up_m: tuple[float, float]
    grille_up_m: tuple[float, float]
    head_m: tuple[float, float, float]
    windows_m: tuple[tuple[float, float, float, float], ...]  # from, to behind the front; from, to up
    wheels_m: tuple[float, ...]
    wheel_radius_m: float

    @property
    def length_m(self) -> float:
        return max(behind for behind, _ in self.profile)

    @property
    def height_m(self) -> float:
        return max(up for _, up in self.profile)


_BODIES = {
    "car": _Body(
        width_m=1.78,
        profile=(
            (0.0, 0.24),
            (0.0, 0.74),
            (0.12, 0.84),
            (1.05, 0.98),
            (1.85, 1.43),
            (3.30, 1.45),
            (4.05, 1.02),
            (4.30, 0.96),
            (4.30, 0.24),
        ),
        glass=3,
        plate_up_m=0.46,
        lights_up_m=(0.61, 0.74),
        grille_up_m=(0.57, 0.72),
        head_m=(1.60, 0.36, 1.19),
        windows_m=((1.75, 2.50, 1.03, 1.36), (2.58, 3.35, 1.03, 1.36)),
        wheels_m=(0.80, 3.45),
        wheel_radius_m=0.32,
    ),
    "van": _Body(
        width_m=1.95,
        profile=(
            (0.0, 0.28),
            (0.0, 0.90),
            (0.15, 1.05),
            (0.75, 1.22),
            (1.45, 2.05),
            (1.70, 2.20),
            (5.20, 2.22),
            (5.25, 0.28),
        ),
        glass=3,
        plate_up_m=0.52,
        lights_up_m=(0.78, 0.98),
        grille_up_m=(0.66, 0.86),
        head_m=(1.12, 0.42, 1.58),
        windows_m=((1.35, 2.10, 1.25, 1.85),),
        wheels_m=(0.85, 4.25),
        wheel_radius_m=0.34,
    ),
    "truck": _Body(
        width_m=2.25,
        profile=((0.0, 0.35), (0.0, 1.30), (0.10, 1.45), (0.32, 2.30), (0.60, 2.42), (1.95, 2.70), (7.0, 2.70), (7.0, 0.50)),
        glass=2,
        plate_up_m=0.58,
        lights_up_m=(0.66, 0.86),
        grille_up_m=(0.84, 1.22),
        head_m=(0.22, 0.50, 1.86),
        windows_m=((0.45, 1.35, 1.50, 2.20),),
        wheels_m=(1.10, 5.50),
        wheel_radius_m=0.44,
    ),
}
_FRONT, _LEFT, _RIGHT = np.array([-1.0, 0.0, 0.0]), np.array([0.0, -1.0, 0.0]), np.array([0.0, 1.0, 0.0])
_SKINS: tuple[Colour, ...] = ((228, 188, 160), (198, 146, 110), (140, 96, 70), (236, 200, 178))


def _shaded(colour: Colour, light: float) -> Colour:
    return tuple(min(255, max(0, round(c * light))) for c in colour)  # type: ignore[return-value]  # three in, three out


def _across_face(behind_m: float, left_m: float, right_m: float, low_m: float, high_m: float) -> Points:
    """A rectangle that stands across the vehicle."""
    return np.array(
        [(behind_m, left_m, low_m), (behind_m, right_m, low_m), (behind_m, right_m, high_m), (behind_m, left_m, high_m)]
    )


def _round(middle_m: tuple[float, float, float], wide_m: float, high_m: float, *, along: bool = False) -> Points:
    """An ellipse of twelve corners that stands across the vehicle, or along it."""
    turn = np.arange(12) * (2 * pi / 12)
    middle = np.array(middle_m)
    wide = np.array([1.0, 0.0, 0.0] if along else [0.0, 1.0, 0.0])
    return np.asarray(middle + np.outer(np.cos(turn) * wide_m, wide) + np.outer(np.sin(turn) * high_m, [0.0, 0.0, 1.0]))


def _parts(body: _Body, colour: Colour, skin: Colour | None) -> list[_Part]:
    """What a vehicle is drawn from, from back to front; the plate comes last and apart. No `skin`, no driver in sight."""
    half = body.width_m / 2
    parts: list[_Part] = []
    glass, dark, chrome = (58, 74, 88), (24, 25, 28), (150, 152, 156)
    for side, facing in ((-half, _LEFT), (half, _RIGHT)):
        out = side * 1.004
        parts.append(_Part(np.array([(s, side, up) for s, up in body.profile]), _shaded(colour, 0.72), facing))
        for start, end, low, high in body.windows_m:
            window = np.array([(start, out, low), (end, out, low), (end - 0.12, out, high), (start + 0.2, out, high)])
            parts.append(_Part(window, _shaded(glass, 0.8), facing, detail=True))
        for wheel in body.wheels_m:
            middle = (wheel, out, body.wheel_radius_m)
            parts.append(_Part(_round(middle, body.wheel_radius_m, body.wheel_radius_m, along=True), dark, facing))
            hub = body.wheel_radius_m * 0.55
            parts.append(_Part(_round(middle, hub, hub, along=True), chrome, facing, detail=True))
    stretches = list(zip(body.profile, body.profile[1:], strict=False))
    for place, ((s0, up0), (s1, up1)) in reversed(list(enumerate(stretches))):
        # The outward normal of a stretch that runs up and back points forward and up.
        normal = np.array([-(up1 - up0), 0.0, s1 - s0]) / sqrt((up1 - up0) ** 2 + (s1 - s0) ** 2)
        light = 0.62 + 0.42 * max(0.0, float(normal @ np.array([_LIGHT[1], 0.0, _LIGHT[2]])) if normal[2] >= 0 else 0.0)
        light += 0.18 * float(max(0.0, -normal[0]))
        corners = np.array([(s0, -half, up0), (s0, half, up0), (s1, half, up1), (s1, -half, up1)])
        parts.append(_Part(corners, _shaded(colour, light), normal))
        if place == body.glass:
            inset = np.array([(0.08, 0.10), (0.08, -0.10), (-0.06, -0.16), (-0.06, 0.16)])
            pane = corners.copy()
            pane[:, 1] += inset[:, 1]
            parts.append(_Part(pane, glass, normal))
        if place == body.glass and skin is not None:
            s, w, up = body.head_m
            parts.append(_Part(_across_face(s, w - 0.22, w + 0.22, up - 0.24, up - 0.12), (70, 60, 66), normal, detail=True))
            parts.append(_Part(_round((s, w, up + 0.02), 0.115, 0.15), (52, 40, 34), normal, detail=True))
            parts.append(_Part(_round((s, w, up - 0.01), 0.095, 0.13), _shaded(skin, 0.86), normal, detail=True))
            eyes = [_round((s, w + eye, up + 0.02), 0.014, 0.012) for eye in (-0.04, 0.04)]
            parts += [_Part(eye, dark, normal, detail=True) for eye in eyes]
            parts.append(_Part(_round((s, w, up - 0.07), 0.035, 0.010), (120, 50, 50), normal, detail=True))
    low = body.profile[0][1]
    tyres = [_across_face(0.35, middle - 0.11, middle + 0.11, 0.0, low) for middle in (-half + 0.14, half - 0.14)]
    parts += [_Part(tyre, dark, _FRONT) for tyre in tyres]
    parts.append(_Part(_across_face(0.0, -half, half, low, low + 0.09), dark, _FRONT, detail=True))
    top, bottom = body.grille_up_m[1], body.grille_up_m[0]
    parts.append(_Part(_across_face(0.0, -0.46, 0.46, bottom, top), _shaded(dark, 1.3), _FRONT, detail=True))
    bottom, top = body.lights_up_m
    for side in (-1, 1):
        inner, outer = side * (half - 0.36), side * (half - 0.04)
        parts.append(_Part(_across_face(0.0, min(inner, outer), max(inner, outer), bottom, top), (238, 240, 226), _FRONT))
        lamp = ((inner + outer) / 2, (bottom + top) / 2)
        parts.append(_Part(_round((0.0, *lamp), 0.07, 0.05), (255, 255, 250), _FRONT, detail=True))
    surround = 0.035
    wide, high = PLATE_WIDTH_M / 2 + surround, PLATE_HEIGHT_M / 2 + surround
    up = body.plate_up_m
    parts.append(_Part(_across_face(0.0, -wide, wide, up - high, up + high), dark, _FRONT))
    return parts


# A plate is drawn once, large, and then warped into each picture from the size that is nearest to it.
_PLATE_PX_PER_M = 800
_PLATE_SHRINKS = 5
_STRIP_M = 0.042


@lru_cache(maxsize=256)
def _glyph(character: str, height_px: int, width_px_max: int) -> NDArray[np.uint8]:
    """One character's ink (0 to 255), narrow as on plates. OpenCV brings the typeface with it, so no font file is needed."""
    sheet = np.zeros((400, 400), np.uint8)
    cv2.putText(sheet, character, (100, 280), cv2.FONT_HERSHEY_SIMPLEX, 6.0, 255, 14, cv2.LINE_AA)
    ys, xs = np.nonzero(sheet)
    cut = sheet[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1]
    width_px = max(2, min(width_px_max, round(cut.shape[1] * height_px / cut.shape[0] * 0.88)))
    return np.asarray(cv2.resize(cut, (width_px, height_px), interpolation=cv2.INTER_AREA), np.uint8)


def _cells_m(layout: str) -> tuple[list[float], float]:
    """Where the middle of each character (no spaces) stands, in metres right of the plate's left edge; and a cell's width."""
    widths = [0.5 if c == " " else 1.0 for c in layout]
    start, room = _STRIP_M + 0.012, PLATE_WIDTH_M - _STRIP_M - 0.028
    cell = min(room / sum(widths), 0.062)
    at = start + (room - cell * sum(widths)) / 2
    middles = []
    for c, width in zip(layout, widths, strict=True):
        if c != " ":
            middles.append(at + cell * width / 2)
        at += cell * width
    return middles, cell


def _plate_pictures(layout: str) -> list[Pixels]:
    """The plate, largest first, each half as wide as the one before."""
    height, width = round(PLATE_HEIGHT_M * _PLATE_PX_PER_M), round(PLATE_WIDTH_M * _PLATE_PX_PER_M)
    plate = np.full((height, width, 3), 244, np.uint8)
    plate[:, : round(_STRIP_M * _PLATE_PX_PER_M)] = (28, 62, 150)
    letters_px = round(0.068 * _PLATE_PX_PER_M)
    top = (height - letters_px) // 2
    middles_m, cell_m = _cells_m(layout)
    for character, middle_m in zip(layout.replace(" ", ""), middles_m, strict=True):
        ink = _glyph(character, letters_px, round(cell_m * 0.86 * _PLATE_PX_PER_M))
        left = round(middle_m * _PLATE_PX_PER_M - ink.shape[1] / 2)
        under = plate[top : top + letters_px, left : left + ink.shape[1]]
        under[:] = (under * (1 - ink[:, :, None] / 255 * 0.93)).astype(np.uint8)
    cv2.rectangle(plate, (0, 0), (width - 1, height - 1), (36, 36, 38), 4)
    pictures = [plate]
    for _ in range(_PLATE_SHRINKS - 1):
        last = pictures[-1]
        half = cv2.resize(last, (last.shape[1] // 2, last.shape[0] // 2), interpolation=cv2.INTER_AREA)
        pictures.append(np.asarray(half, np.uint8))
    return pictures


class _Skin:
    """One vehicle ready to be drawn: its parts, their corners in one array, and its plate's pictures."""

    def __init__(self, vehicle: _Vehicle, detail: bool) -> None:
        body = _BODIES[vehicle.kind]
        # The driver is drawn as seen from ahead; of the crossing van we see the side.
        skin = _SKINS[vehicle.number % len(_SKINS)] if vehicle.layout else None
        parts = [p for p in _parts(body, COLOURS[vehicle.colour], skin) if detail or not p.detail]
        up, half_w, half_h = body.plate_up_m, PLATE_WIDTH_M / 2, PLATE_HEIGHT_M / 2
        plate = _across_face(0.0, -half_w, half_w, up + half_h, up - half_h)
        s, w, head = body.head_m
        face = _round((s, w, head), 0.11, 0.15)
        left, right = -body.width_m / 2 - 0.05, body.width_m / 2 + 0.45
        ends = ((-0.25, left), (-0.25, right), (body.length_m, right), (body.length_m, left))
        shadow = np.array([(behind, across, 0.0) for behind, across in ends])
        blocks = [p.corners_m for p in parts] + [plate, face, shadow]
        self.body = body
        self.colours = [p.colour for p in parts]
        stops = np.cumsum([len(b) for b in blocks])
        self.spans = [slice(int(stop) - len(b), int(stop)) for stop, b in zip(stops, blocks, strict=True)]
        self.corners_m = np.concatenate(blocks)
        self.facing = np.array([p.facing for p in parts])
        self.firsts = np.array([p.corners_m[0] for p in parts])
        self.solid = slice(0, int(stops[len(parts) - 1]))
        self.pictures = _plate_pictures(vehicle.layout) if vehicle.layout else []

    def placed(self, local: Points, along_m: float, across_m: float, crossing: bool, *, turn_only: bool = False) -> Points:
        """Local points (or normals) in the road's (across, along, up)."""
        s, w, up = local[:, 0], local[:, 1], local[:, 2]
        moved = 0.0 if turn_only else 1.0
        if crossing:
            return np.stack((moved * across_m - s, moved * along_m + w, up), axis=1)
        return np.stack((moved * across_m + w, moved * along_m + s, up), axis=1)


@dataclass(frozen=True, slots=True)
class _Seen:
    """One vehicle as it stands in one frame, before anything is drawn."""

    vehicle: _Vehicle
    along_m: float
    across_m: float
    speed_m_s: float
    nearest_m: float
    corners: Points  # as the camera sees them, metres
    hull: Points
    box: Box


@dataclass(frozen=True, slots=True)
class _Walker:
    """One pedestrian, who walks to and fro on a pavement."""

    across_m: float
    from_m: float
    to_m: float
    speed_m_s: float
    phase_s: float
    height_m: float
    coat: Colour
    legs: Colour
    skin: Colour
    hair: Colour

    def along_m(self, at_s: float) -> float:
        span = self.to_m - self.from_m
        step = (at_s + self.phase_s) * self.speed_m_s % (2 * span)
        return self.from_m + (step if step < span else 2 * span - step)

    @property
    def head_up_m(self) -> float:
        return self.height_m - 0.13


class Road:
    """A street with its traffic, from `vehicles` plates that differ by at least two characters except for two pairs.

    `headway_s` is the mean time between vehicles of one lane. `events` adds the vehicle that stands and the van that crosses;
    `detail` draws windows, people and shadows. `listed` and `lapsed` are the plates that `hotlist_csv` and `register_csv` put on
    their lists; the first of `listed` has a twin, which is on no list. Where `fast_m_s` is given, the first vehicle, which has
    nobody ahead of it, drives that fast, and `fast` is its plate. `signal` is what the signal at the stop line shows: (from when
    in seconds, what), in order; everybody stops for it who can, but for the vehicle of the number `runs`, whose plate is `ran`.
    `parks` has the vehicle of a number stand at a place for so many seconds; who comes behind it waits.
    """

    def __init__(
        self,
        seed: int,
        vehicles: int = 24,
        frames_per_s: float = 15.0,
        width_px: int = 960,
        height_px: int = 540,
        *,
        headway_s: float = 1.6,
        speed_m_s: float = 8.5,
        view_from_m: float = 45.0,
        fast_m_s: float | None = None,
        signal: Sequence[tuple[float, Light]] = (),
        runs: int | None = None,
        parks: tuple[int, float, float] | None = None,
        events: bool = True,
        detail: bool = True,
        camera: str = "simulated-road",
        starts_at: datetime = STARTS_AT,
    ) -> None:
        assert vehicles >= 1 and frames_per_s > 0 and width_px >= 32 and height_px >= 32
        assert starts_at.utcoffset() == timedelta(0) and starts_at.microsecond == 0, "a film starts at a whole second in UTC"
        self.seed, self.frames_per_s, self.camera, self.starts_at = seed, frames_per_s, camera, starts_at
        self.width_px, self.height_px, self.vehicles = width_px, height_px, vehicles
        self._detail = detail
        self._lens = _Lens(width_px, height_px)
        dice = np.random.default_rng(seed)
        layouts = _layouts(dice, vehicles)
        self._planned = _plan(dice, layouts, headway_s, speed_m_s, events, max(0.0, (view_from_m - 30.0) / speed_m_s))
        if fast_m_s is not None:
            # However fast, it is 30 m away when the film begins.
            begins_s = -(view_from_m - 30.0) / fast_m_s
            self._planned[0] = replace(self._planned[0], speed_m_s=fast_m_s, enters_s=begins_s)
        if parks is not None:
            number, at_m, lasts_s = parks
            self._planned[number] = replace(self._planned[number], stands=(at_m, lasts_s))
        self.fast: str | None = self._planned[0].plate if fast_m_s is not None else None
        # A third and three quarters of the way through the film, so that a watcher sees the street at rest first.
        self.listed: tuple[str, ...] = tuple(
            self._planned[place].plate for place in dict.fromkeys((vehicles // 4, vehicles * 3 // 4))
        )
        self.lapsed = self._planned[vehicles // 2].plate
        assert not signal or signal[-1][1] is Light.GREEN, "nobody waits for ever"
        self.signal, self.ran = tuple(signal), self._planned[runs].plate if runs is not None else None
        stops = [span for span in _spans(self.signal) if span[2] is not Light.GREEN]
        closed = [(since_s, until_s, STOPS_AT_M) for since_s, until_s, _ in stops]
        self._ways = _drive(self._planned, view_from_m, closed, runs)
        if events:
            # The van crosses when the vehicle that stood has left the junction, so we ask first when that is.
            stood = next(way for vehicle, way in zip(self._planned, self._ways, strict=True) if vehicle.stands is not None)
            crossing_s = stood.from_s + (len(stood.along_m) - 1) * _STEP_S + 0.4
            closed = [*closed, (crossing_s - 2.2, crossing_s + 2.7, _GIVES_WAY_AT_M)]
            self._ways = _drive(self._planned, view_from_m, closed, runs)
            self._planned.append(_Vehicle(vehicles, "", "van", "white", -1, crossing_s, _CROSSING_M_S))
        self._skins: dict[int, _Skin] = {}
        # A detector and then a reader ask for the same frame, the reader once for each plate.
        self._told_last: tuple[int, tuple[TrueVehicle, ...]] = (-1, ())
        self._walkers = _walkers(dice) if detail else ()
        leaves_s = max(way.from_s + (len(way.along_m) - 1) * _STEP_S for way in self._ways)
        self.frame_count = max(1, ceil(leaves_s * frames_per_s))

    @classmethod
    def busy(cls, seed: int, vehicles: int = 500, *, starts_at: datetime = STARTS_AT) -> "Road":
        """A long film of small plain pictures, for tests that need many passages and few pixels."""
        return cls(
            seed,
            vehicles,
            frames_per_s=5.0,
            width_px=320,
            height_px=180,
            headway_s=1.6,
            speed_m_s=10.0,
            view_from_m=16.0,
            events=False,
            detail=False,
            starts_at=starts_at,
        )

    @property
    def readable_share(self) -> tuple[float, float, float, float]:
        """The part of the picture where plates are near enough to be read: left, top, right, bottom as shares of it.

        To look only there costs a reader a third of the time, as the operator of a real camera would set it up too.
        """
        upper = self._lens.flat(self._lens.seen(np.array([(0.0, READABLE_FROM_M, _BODIES["van"].plate_up_m)])))
        return 0.0, round(float(upper[0, 1]) / self.height_px, 2), 1.0, 1.0

    @property
    def duration_s(self) -> float:
        return self.frame_count / self.frames_per_s

    def at(self, frame_number: int) -> datetime:
        """When a frame is captured."""
        return self.starts_at + timedelta(seconds=frame_number / self.frames_per_s)

    def frames(self) -> Iterator[Frame]:
        """Every frame in order; each has its own pixels."""
        for number in range(self.frame_count):
            yield self.frame(number)

    def frame(self, number: int) -> Frame:
        """One frame, drawn now."""
        assert 0 <= number < self.frame_count
        at_s = number / self.frames_per_s
        pixels = self._empty.copy()
        drawn: list[tuple[float, _Seen | _Walker]] = [(seen.nearest_m, seen) for seen in self._seen(at_s)]
        drawn += [(walker.along_m(at_s), walker) for walker in self._walkers]
        for _, one in sorted(drawn, key=lambda pair: -pair[0]):
            if isinstance(one, _Walker):
                self._draw_walker(pixels, one, at_s)
            else:
                self._draw_vehicle(pixels, one)
        if self.signal:
            self._draw_head(pixels, self.light(at_s))
        self._draw_overlay(pixels, number)
        return Frame(self.camera, number, self.at(number), 0.0, pixels)

    def light(self, at_s: float) -> Light:
        """What the signal shows that many seconds after the film's beginning; DARK before it shows anything."""
        return next((light for from_s, until_s, light in _spans(self.signal) if from_s <= at_s < until_s), Light.DARK)

    @property
    def head_px(self) -> Box:
        """Where the picture shows the signal's lamps."""
        low, high = HEAD_UP_M
        box = _around(self._lens.flat(self._lens.seen(np.array(_upright(HEAD_ACROSS_M, 1.2 * LAMP_M, low, high)))))
        assert box is not None
        return box

    def truth(self, frame_number: int) -> tuple[TrueVehicle, ...]:
        """Every vehicle that the frame shows any of, nearest first, hidden ones too."""
        number, told = self._told_last
        if number != frame_number:
            seen = self._seen(frame_number / self.frames_per_s)
            told = tuple(self._told(one, seen[:place]) for place, one in enumerate(seen))
            self._told_last = frame_number, told
        return told

    def faces(self, frame_number: int) -> tuple[Box, ...]:
        """Where the frame shows a face, of a driver or on the pavement; only whole ones that nothing covers."""
        if not self._detail:
            return ()
        at_s = frame_number / self.frames_per_s
        seen = self._seen(at_s)
        boxes = []
        for walker in self._walkers:
            along = walker.along_m(at_s)
            middle = np.array([(walker.across_m + x, along, walker.head_up_m + y) for x, y in ((-0.1, -0.13), (0.1, 0.13))])
            nearer = [one.hull for one in seen if one.nearest_m < along]
            boxes.append((self._lens.flat(self._lens.seen(middle)), nearer))
        for place, one in enumerate(seen):
            face = one.corners[self._skin(one.vehicle).spans[-2]]
            if one.vehicle.layout and face[:, 2].min() > NEAREST_M:
                boxes.append((self._lens.flat(face), [other.hull for other in seen[:place]]))
        shown = []
        for points, nearer in boxes:
            box = _around(points)
            whole = box is not None and box.within(self.width_px, self.height_px) == box
            if box is not None and whole and not any(_inside(hull, points).any() for hull in nearer):
                shown.append(box)
        return tuple(shown)

    @cached_property
    def passages(self) -> tuple[TruePassage, ...]:
        """Every vehicle with a plate, in the order in which they are first seen."""
        told: dict[int, list[tuple[int, TrueVehicle]]] = {}
        for number in range(self.frame_count):
            for vehicle in self.truth(number):
                if vehicle.plate:
                    told.setdefault(vehicle.number, []).append((number, vehicle))
        passages = []
        for number, views in told.items():
            whole = [(v.plate_box.width_px, -n) for n, v in views if v.plate_box is not None and v.plate_whole]
            in_sight = [n for n, v in views if v.hidden < 0.9]
            covered = [n for n, v in views if v.hidden >= 0.9 and in_sight and in_sight[0] < n < in_sight[-1]]
            first = views[0][1]
            passages.append(
                TruePassage(
                    number=number,
                    plate=first.plate,
                    kind=first.kind,
                    colour=first.colour,
                    first_at=self.at(views[0][0]),
                    last_at=self.at(views[-1][0]),
                    best_frame=-max(whole)[1] if whole else None,
                    stood_s=sum(v.speed_m_s < 0.1 for _, v in views) / self.frames_per_s,
                    hidden_s=len(covered) / self.frames_per_s,
                )
            )
        return tuple(passages)

    def _skin(self, vehicle: _Vehicle) -> _Skin:
        """The vehicle's skin, made when it is first drawn; 500 vehicles would otherwise wait for all at once."""
        skin = self._skins.get(vehicle.number)
        if skin is None:
            skin = _Skin(vehicle, self._detail)
            # One thread may draw while another asks for the truth, so the oldest may be gone already.
            while len(self._skins) >= SKINS_MAX:
                self._skins.pop(next(iter(list(self._skins))), None)
            self._skins[vehicle.number] = skin
        return skin

    def _seen(self, at_s: float) -> list[_Seen]:
        """The vehicles that have a part inside the picture, nearest first."""
        found: list[_Seen] = []
        for vehicle, way in zip(self._planned, [*self._ways, None][: len(self._planned)], strict=True):
            crossing = way is None
            if way is None:
                across = -ROAD_HALF_M + (at_s - vehicle.enters_s) * vehicle.speed_m_s
                if not -8.0 < across < 14.0:
                    continue
                along, speed = 9.0, vehicle.speed_m_s
            else:
                placed = way.at(at_s)
                if placed is None:
                    continue
                (along, speed), across = placed, LANE_MIDDLES_M[vehicle.lane]
            skin = self._skin(vehicle)
            corners = self._lens.seen(skin.placed(skin.corners_m, along, across, crossing))
            solid = corners[skin.solid]
            # The silhouette of what lies behind the camera plane is nowhere; of the rest, the hull of its corners.
            ahead = solid[solid[:, 2] >= NEAREST_M]
            if len(ahead) < 3:
                continue
            hull = cv2.convexHull(self._lens.flat(ahead).astype(np.float32))[:, 0, :].astype(np.float64)
            box = _around(hull)
            box = box.within(self.width_px, self.height_px) if box is not None else None
            if box is None or min(box.width_px, box.height_px) < 1.0:
                continue
            nearest = along - (skin.body.width_m / 2 if crossing else 0.0)
            found.append(_Seen(vehicle, along, across, speed, nearest, corners, hull, box))
        return sorted(found, key=lambda one: one.nearest_m)

    def _told(self, one: _Seen, nearer: Sequence[_Seen]) -> TrueVehicle:
        skin, vehicle = self._skin(one.vehicle), one.vehicle
        hulls = [other.hull for other in nearer if other.box.shared_px(one.box) > 0]
        grid = np.stack(np.meshgrid(np.arange(0.5, 10), np.arange(0.5, 10)), axis=-1).reshape(-1, 2) / 10
        points = grid * (one.box.width_px, one.box.height_px) + (one.box.left_px, one.box.top_px)
        points = points[_inside(one.hull, points)]
        hidden = 0.0
        if hulls and len(points):
            hidden = float(np.any([_inside(hull, points) for hull in hulls], axis=0).mean())
        plate_box, text, whole = None, "", False
        corners = one.corners[skin.spans[-3]]
        if vehicle.layout and corners[:, 2].min() > NEAREST_M:
            quad = self._lens.flat(corners)
            full = _around(quad)
            plate_box = full.within(self.width_px, self.height_px) if full is not None else None
            if plate_box is not None:
                middles = np.array(_cells_m(vehicle.layout)[0]) / PLATE_WIDTH_M
                left, right = (quad[0] + quad[3]) / 2, (quad[1] + quad[2]) / 2
                places = np.concatenate((left + np.outer(middles, right - left), quad))
                open_ = np.asarray(((places >= 0) & (places < (self.width_px, self.height_px))).all(axis=1))
                for hull in hulls:
                    open_ &= ~_inside(hull, places)
                text = "".join(c for c, is_open in zip(vehicle.plate, open_, strict=False) if is_open)
                whole = bool(open_.all())
        return TrueVehicle(
            number=vehicle.number,
            plate=vehicle.plate,
            kind=vehicle.kind,
            colour=vehicle.colour,
            box=one.box,
            plate_box=plate_box,
            along_m=one.along_m,
            across_m=one.across_m,
            speed_m_s=one.speed_m_s,
            hidden=hidden,
            plate_whole=whole,
            text_seen=text,
        )

    @cached_property
    def _empty(self) -> Pixels:
        """The street without anybody, the same in every frame."""
        return _street(self._lens, self.seed, self._detail)

    def _draw_vehicle(self, pixels: Pixels, one: _Seen) -> None:
        skin, crossing = self._skin(one.vehicle), not one.vehicle.layout
        normals = skin.placed(skin.facing, 0.0, 0.0, crossing, turn_only=True)
        firsts = skin.placed(skin.firsts, one.along_m, one.across_m, crossing)
        seen = ((np.array([0.0, 0.0, CAMERA_HEIGHT_M]) - firsts) * normals).sum(axis=1) > 0
        whole = bool(one.corners[:, 2].min() >= NEAREST_M)
        flat = _sixteenths(self._lens.flat(one.corners)) if whole else None
        drawn = [(span, colour) for span, colour, is_seen in zip(skin.spans, skin.colours, seen, strict=False) if is_seen]
        if self._detail and not crossing:
            drawn.insert(0, (skin.spans[-1], (52, 53, 57)))
        for span, colour in drawn:
            _fill(pixels, flat[span] if flat is not None else _sixteenths(self._lens.outline(one.corners[span])), colour)
        plate = one.corners[skin.spans[-3]]
        if skin.pictures and plate[:, 2].min() >= NEAREST_M:
            _paste(pixels, skin.pictures, self._lens.flat(plate))

    def _draw_walker(self, pixels: Pixels, walker: _Walker, at_s: float) -> None:
        along = walker.along_m(at_s)
        stride = 0.16 * sin(2 * pi * 0.9 * (at_s + walker.phase_s))
        hip, shoulder, head = walker.height_m * 0.5, walker.height_m * 0.82, walker.head_up_m
        shapes: list[tuple[list[tuple[float, float]], Colour]] = [
            ([(-0.15, hip), (0.0, hip), (-0.02 - stride / 2, 0.02), (-0.14 - stride / 2, 0.02)], walker.legs),
            ([(0.0, hip), (0.15, hip), (0.14 + stride / 2, 0.02), (0.02 + stride / 2, 0.02)], walker.legs),
            ([(-0.30, hip + 0.02), (-0.22, shoulder), (0.22, shoulder), (0.30, hip + 0.02)], walker.coat),
            ([(-0.17, hip - 0.1), (-0.2, shoulder + 0.03), (0.2, shoulder + 0.03), (0.17, hip - 0.1)], walker.coat),
            ([(-0.05, shoulder), (0.05, shoulder), (0.05, shoulder + 0.1), (-0.05, shoulder + 0.1)], _shaded(walker.skin, 0.85)),
            (_ellipse(0.0, head + 0.03, 0.115, 0.145), walker.hair),
            (_ellipse(0.0, head - 0.01, 0.095, 0.125), walker.skin),
            (_ellipse(-0.038, head + 0.015, 0.016, 0.012), (30, 26, 26)),
            (_ellipse(0.038, head + 0.015, 0.016, 0.012), (30, 26, 26)),
            (_ellipse(0.0, head - 0.02, 0.012, 0.025), _shaded(walker.skin, 0.8)),
            (_ellipse(0.0, head - 0.065, 0.036, 0.010), (150, 66, 66)),
        ]
        places = np.array([(walker.across_m + x, along, up) for corners, _ in shapes for x, up in corners])
        flat, start = _sixteenths(self._lens.flat(self._lens.seen(places))), 0
        for corners, colour in shapes:
            _fill(pixels, flat[start : start + len(corners)], colour)
            start += len(corners)

    def _draw_head(self, pixels: Pixels, light: Light) -> None:
        low, high = HEAD_UP_M
        shapes: list[tuple[list[tuple[float, float, float]], Colour]] = [
            (_upright(HEAD_ACROSS_M, 0.12, 0.0, low), (74, 78, 80)),
            (_upright(HEAD_ACROSS_M, 1.2 * LAMP_M, low, high), (30, 32, 34)),
        ]
        lit = {Light.RED: (0,), Light.RED_AMBER: (0, 1), Light.AMBER: (1,), Light.GREEN: (2,)}.get(light, ())
        for n, (on, off) in enumerate(_LAMPS):
            up = high - (high - low) * (n + 0.5) / 3
            turn = np.arange(16) * (pi / 8)
            ring = [(HEAD_ACROSS_M + LAMP_M / 2 * cos(a), HEAD_ALONG_M, up + LAMP_M / 2 * sin(a)) for a in turn]
            shapes.append((ring, on if n in lit else off))
        for corners, colour in shapes:
            _fill(pixels, _sixteenths(self._lens.flat(self._lens.seen(np.array(corners)))), colour)

    def _draw_overlay(self, pixels: Pixels, number: int) -> None:
        """The line that cameras write into their pictures: long, dated, and no plate."""
        text = f"{_OVERLAY}  {self.at(number):%Y-%m-%d %H:%M:%S} UTC"
        scale = self.width_px / 960
        place = (round(14 * scale), round(26 * scale))
        corner = (round(352 * scale), round(34 * scale))
        cv2.rectangle(pixels, (round(8 * scale), round(8 * scale)), corner, (20, 22, 24), cv2.FILLED)
        cv2.putText(pixels, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.5 * scale, (232, 232, 232), 1, cv2.LINE_AA)


def _sixteenths(outline: Points) -> NDArray[np.int32]:
    """Pixels as OpenCV takes them: whole sixteenths, counted from the middle of the first pixel."""
    return np.rint(outline * 16 - 8).astype(np.int32)


def _fill(pixels: Pixels, outline: NDArray[np.int32], colour: Colour) -> None:
    if len(outline) >= 3:
        cv2.fillPoly(pixels, [outline], colour, cv2.LINE_AA, 4)


def _ellipse(x: float, y: float, wide: float, high: float) -> list[tuple[float, float]]:
    return [(x + wide * cos(turn * pi / 6), y + high * sin(turn * pi / 6)) for turn in range(12)]


def _around(points: Points) -> Box | None:
    """The box around points; None where it would be empty."""
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    return Box(float(left), float(top), float(right), float(bottom)) if left < right and top < bottom else None


def _upright(across_m: float, wide_m: float, low_m: float, high_m: float) -> list[tuple[float, float, float]]:
    """A rectangle that stands across the road where the signal's head does."""
    left, right = across_m - wide_m / 2, across_m + wide_m / 2
    return [(x, HEAD_ALONG_M, up) for x, up in ((left, low_m), (right, low_m), (right, high_m), (left, high_m))]


def _inside(hull: Points, points: Points) -> NDArray[np.bool_]:
    """Which of the points lie inside a convex hull, whichever way round it runs."""
    edges = np.roll(hull, -1, axis=0) - hull
    towards = points[:, None, :] - hull[None, :, :]
    sides = edges[None, :, 0] * towards[:, :, 1] - edges[None, :, 1] * towards[:, :, 0]
    return np.asarray((sides >= 0).all(axis=1) | (sides <= 0).all(axis=1))


def _paste(pixels: Pixels, pictures: Sequence[Pixels], quad: Points) -> None:
    """Warps a plate into its place, from the picture that is just larger than it will be, so that no stroke is skipped."""
    left, top = np.floor(quad.min(axis=0)).astype(int) - 1
    right, bottom = np.ceil(quad.max(axis=0)).astype(int) + 1
    left, top = max(0, int(left)), max(0, int(top))
    right, bottom = min(pixels.shape[1], int(right)), min(pixels.shape[0], int(bottom))
    if left >= right or top >= bottom:
        return
    wide_px = float(np.linalg.norm(quad[1] - quad[0]))
    picture = next((p for p in reversed(pictures) if p.shape[1] >= wide_px * 1.15), pictures[0])
    height, width = picture.shape[:2]
    corners = np.array([(-0.5, -0.5), (width - 0.5, -0.5), (width - 0.5, height - 0.5), (-0.5, height - 0.5)], np.float32)
    # A pixel's middle is at a half in our pictures and at a whole number in OpenCV.
    place = cv2.getPerspectiveTransform(corners, (quad - (left, top) - 0.5).astype(np.float32))
    view = np.ascontiguousarray(pixels[top:bottom, left:right])
    cv2.warpPerspective(
        picture, place, (right - left, bottom - top), dst=view, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_TRANSPARENT
    )
    pixels[top:bottom, left:right] = view


def _layouts(dice: np.random.Generator, count: int) -> list[str]:
    """Plates with their spaces; any two differ by two characters at least, except that two have a twin one character off."""
    layouts: list[str] = []
    twins = {count // 4 + 5: count // 4, count // 3 + 7: count // 3} if count >= 12 else {}
    taken: set[str] = set()  # every plate with one character blanked: two plates one apart share one of these
    for number in range(count):
        while True:
            if number in twins:
                base = list(layouts[twins[number]])
                digits = [place for place, c in enumerate(base) if c in DIGITS]
                place = digits[int(dice.integers(len(digits)))]
                base[place] = _UNLIKE[base[place]]
                layouts.append("".join(base))
                break
            pattern = LAYOUTS[int(dice.integers(len(LAYOUTS)))]
            layout = "".join(
                LETTERS[int(dice.integers(len(LETTERS)))]
                if c == "L"
                else DIGITS[int(dice.integers(len(DIGITS)))]
                if c == "D"
                else c
                for c in pattern
            )
            plate = layout.replace(" ", "")
            blanked = {plate[:place] + "?" + plate[place + 1 :] for place in range(len(plate))}
            if not blanked & taken:
                taken |= blanked
                layouts.append(layout)
                break
    return layouts


def _plan(
    dice: np.random.Generator, layouts: Sequence[str], headway_s: float, speed_m_s: float, events: bool, early_s: float
) -> list[_Vehicle]:
    """Who comes when, in which lane; the first enters `early_s` before the film begins, so that it need not wait for anybody.

    The lanes take turns, half a headway apart, with some disorder.
    """
    stands = len(layouts) // 3 if events else -1
    colours = list(COLOURS)
    planned = []
    for number, layout in enumerate(layouts):
        enters_s = number * headway_s / 2 + float(dice.uniform(0, headway_s * 0.35)) - early_s
        kind = str(dice.choice(("car", "van", "truck"), p=(0.76, 0.16, 0.08)))
        if events and 3 / 8 <= number / len(layouts) < 3 / 4:
            kind = "car"  # one of these waits for the van, which can hide a car but nothing taller
        colour = colours[int(dice.integers(len(colours)))]
        speed = speed_m_s * float(dice.uniform(0.88, 1.12))
        planned.append(
            _Vehicle(
                number, layout, kind, colour, number % 2, enters_s, speed, (_STANDS_AT_M, _STANDS_S) if number == stands else None
            )
        )
    return planned


def _spans(signal: Sequence[tuple[float, Light]]) -> list[tuple[float, float, Light]]:
    """From when, until when, and what it shows."""
    ends = (*(from_s for from_s, _ in signal[1:]), inf)
    return [(from_s, until_s, light) for (from_s, light), until_s in zip(signal, ends, strict=False)]


def _drive(
    planned: Sequence[_Vehicle], view_from_m: float, closed: Sequence[tuple[float, float, float]], runs: int | None
) -> list[_Way]:
    """The way of each vehicle: its own speed, a gap to the one before, a stop where a line is closed (from, until, where)."""
    queues = {lane: [v for v in planned if v.lane == lane] for lane in (0, 1)}
    ways: dict[int, tuple[float, list[float], list[float]]] = {}
    for lane in (0, 1):
        moving: list[_Vehicle] = []
        stood_s = 0.0
        at_s = min((v.enters_s for v in planned), default=0.0)
        while queues[lane] or moving:
            if queues[lane] and queues[lane][0].enters_s <= at_s:
                entering = queues[lane][0]
                last = moving[-1] if moving else None
                room_m = _LEAVES_ROOM_M + _LEAVES_ROOM_S * entering.speed_m_s
                if last is None or ways[last.number][1][-1] + _BODIES[last.kind].length_m + room_m < view_from_m:
                    moving.append(queues[lane].pop(0))
                    ways[entering.number] = (at_s, [view_from_m], [entering.speed_m_s])
            ahead: _Vehicle | None = None
            for vehicle in moving:
                _, alongs, speeds = ways[vehicle.number]
                along, speed = alongs[-1], speeds[-1]
                wanted = vehicle.speed_m_s
                if ahead is not None and ways[ahead.number][2]:
                    rear = ways[ahead.number][1][-1] + _BODIES[ahead.kind].length_m
                    gap = along - rear - _LEAVES_ROOM_M - _LEAVES_ROOM_S * speed
                    wanted = min(wanted, sqrt(max(0.0, ways[ahead.number][2][-1] ** 2 + 2 * _SLOWS_M_S2 * gap)))
                lines = [at_m for from_s, until_s, at_m in closed if from_s <= at_s < until_s and vehicle.number != runs]
                if vehicle.stands is not None and stood_s < vehicle.stands[1]:
                    lines.append(vehicle.stands[0])
                for line in lines:
                    gap = along - line
                    if gap >= -0.05 and speed**2 <= 2 * _SLOWS_M_S2_MAX * max(gap, 0.05):
                        wanted = min(wanted, 0.0 if gap < 0.1 else sqrt(2 * _SLOWS_M_S2 * gap))
                speed += min(_SPEEDS_UP_M_S2 * _STEP_S, max(-1.3 * _SLOWS_M_S2_MAX * _STEP_S, wanted - speed))
                speed = max(0.0, speed)
                if vehicle.stands is not None and speed == 0.0:
                    stood_s += _STEP_S
                alongs.append(along - speed * _STEP_S)
                speeds.append(speed)
                ahead = vehicle
            moving = [v for v in moving if ways[v.number][1][-1] > -_BODIES[v.kind].length_m - 1.0]
            at_s += _STEP_S
    return [_Way(from_s, np.array(alongs), np.array(speeds)) for from_s, alongs, speeds in (ways[v.number] for v in planned)]


def _walkers(dice: np.random.Generator) -> tuple[_Walker, ...]:
    coats: tuple[Colour, ...] = ((150, 60, 50), (60, 90, 140), (190, 170, 120), (70, 110, 80), (120, 80, 130))
    legs: tuple[Colour, ...] = ((44, 48, 66), (62, 58, 54), (36, 36, 40))
    hairs: tuple[Colour, ...] = ((46, 34, 28), (120, 86, 50), (24, 22, 22), (150, 146, 140))
    return tuple(
        _Walker(
            across_m=side * float(dice.uniform(4.1, 4.9)),
            from_m=12.5 + float(dice.uniform(0, 1.5)),
            to_m=24.0 + float(dice.uniform(0, 8)),
            speed_m_s=float(dice.uniform(0.7, 1.3)),
            phase_s=float(dice.uniform(0, 40)),
            height_m=float(dice.uniform(1.6, 1.86)),
            coat=coats[number % len(coats)],
            legs=legs[number % len(legs)],
            skin=_SKINS[number % len(_SKINS)],
            hair=hairs[number % len(hairs)],
        )
        for number, side in enumerate((-1, 1, -1, 1))
    )


def _street(lens: _Lens, seed: int, detail: bool) -> Pixels:
    """The empty street, found by asking of each pixel's ray what it meets: ground, house front or sky."""
    fine = 2
    across, along, up = lens.rays(fine)
    with np.errstate(divide="ignore", invalid="ignore"):
        to_ground = np.where(up < -1e-6, CAMERA_HEIGHT_M / -up, np.inf)
        to_front = np.where(np.abs(across) > 1e-6, FACADE_M / np.abs(across), np.inf)
    ground = to_ground <= to_front
    reach = np.minimum(np.minimum(to_ground, to_front), 4000.0)
    x, y, z = across * reach, along * reach, CAMERA_HEIGHT_M + up * reach
    far = np.clip(y / 160.0, 0.0, 1.0)[:, :, None]
    side = np.abs(x)
    crossing = (y > SIDE_STREET_M[0]) & (y < SIDE_STREET_M[1])
    asphalt = (92.0, 93.0, 96.0)
    picture = np.empty((*x.shape, 3), np.float32)
    picture[:] = asphalt
    pavement = (side > ROAD_HALF_M) & ~crossing
    slab = (np.floor(y / 0.9) + np.floor(side / 0.9)) % 2
    picture[pavement] = (158.0, 154.0, 148.0)
    picture[pavement & (slab > 0)] = (152.0, 148.0, 142.0)
    picture[(side > ROAD_HALF_M) & (side < ROAD_HALF_M + 0.18) & ~crossing] = (186.0, 184.0, 178.0)
    picture[(side > PAVEMENT_HALF_M) & ~crossing] = (104.0, 122.0, 78.0)
    white = (206.0, 206.0, 200.0)
    picture[(side < 0.06) & (np.mod(y, 6.0) < 3.0) & ~crossing] = white
    picture[(np.abs(side - 3.05) < 0.05) & ~crossing] = white
    stop = (y > 12.9) & (y < 13.3) & (side < 3.0)
    picture[stop] = white
    if detail:
        # Stains and wear that stay where they are on the road, so that they do not look like noise of the camera.
        dice = np.random.default_rng(seed + 1)
        patches = cv2.resize(dice.normal(0, 1, (90, 24)).astype(np.float32), (240, 900), interpolation=cv2.INTER_CUBIC)
        rows = np.clip((y * 10).astype(int), 0, 899)
        columns = np.clip(((x + 12.0) * 10).astype(int), 0, 239)
        picture += (ground * patches[rows, columns] * 3.0)[:, :, None]
    front = ~ground
    left = x < 0
    wall = np.where(left[:, :, None], np.array([166.0, 128.0, 108.0], np.float32), np.array([178.0, 168.0, 150.0], np.float32))
    wall *= np.where(np.mod(y, 9.0) < 4.5, np.float32(1.0), np.float32(0.86))[:, :, None]
    window = (np.mod(y, 3.0) > 0.9) & (np.mod(y, 3.0) < 2.2) & (np.mod(z, 3.1) > 1.0) & (np.mod(z, 3.1) < 2.5)
    wall[window] = (70.0, 82.0, 96.0)
    picture[front] = wall[front]
    sky = (z > 9.5) | (reach >= 4000.0)
    picture[front & sky] = (198.0, 212.0, 226.0)
    haze = np.array([196.0, 204.0, 210.0], np.float32)
    picture = picture * (1 - far * 0.8) + haze * far * 0.8
    shrunk = cv2.resize(picture, (lens.width_px, lens.height_px), interpolation=cv2.INTER_AREA)
    if detail:
        grain = np.random.default_rng(seed + 2).normal(0, 1, shrunk.shape[:2]).astype(np.float32)
        shrunk += cv2.GaussianBlur(grain, (0, 0), 0.8)[:, :, None] * 5.0
    street = np.ascontiguousarray(np.clip(np.rint(shrunk), 0, 255).astype(np.uint8))
    if detail:
        _draw_lamp_post(lens, street)
    return street


def _draw_lamp_post(lens: _Lens, street: Pixels) -> None:
    steel = (74, 78, 80)
    for shape in (
        [(3.72, 17.0, 0.0), (3.92, 17.0, 0.0), (3.87, 17.0, 6.0), (3.77, 17.0, 6.0)],
        [(3.66, 17.0, 0.0), (3.98, 17.0, 0.0), (3.96, 17.0, 0.5), (3.68, 17.0, 0.5)],
    ):
        corners = lens.flat(lens.seen(np.array(shape)))
        _fill(street, _sixteenths(corners), steel)


def film(road: Road, path: Path) -> None:
    """Writes the whole film to an MP4 file that says when it was filmed."""
    with Film(path, road.width_px, road.height_px, road.starts_at, road.frames_per_s) as clip:
        for frame in road.frames():
            clip.add(frame.pixels, frame.number / road.frames_per_s)


def hotlist_csv(road: Road) -> str:
    """A hot list with the plates of `road.listed`, valid for the month around the film."""
    reasons = (("stolen", "case-1001"), ("missing person at risk", "case-1002"))
    kinds = {vehicle.plate: vehicle.kind for vehicle in road._planned}
    lines = ["plate,region,class,reason,source,case,issued,verified,expires"]
    for plate, (reason, case) in zip(road.listed, reasons, strict=False):
        issued, verified, expires = (_rfc3339(road.starts_at + timedelta(days=days)) for days in (-3, -1, 28))
        lines.append(f"{plate},unknown,{kinds[plate]},{reason},simulated police,{case},{issued},{verified},{expires}")
    return "\n".join(lines) + "\n"


def register_csv(road: Road) -> str:
    """A register extract with every plate of the road; the registration of `road.lapsed` ended a month before the film."""
    lines = ["plate,valid_from,valid_to,class,colour"]
    for vehicle in road._planned:
        if vehicle.plate:
            ends = road.starts_at + timedelta(days=-30 if vehicle.plate == road.lapsed else 300)
            starts = road.starts_at - timedelta(days=400)
            lines.append(f"{vehicle.plate},{_rfc3339(starts)},{_rfc3339(ends)},{vehicle.kind},{vehicle.colour}")
    return "\n".join(lines) + "\n"


def scene_toml(road: Road, limit_kmh: float) -> str:
    """The scene of the road as a surveyor would write it down, in force for the month around the film: eight points, a stretch
    from where plates are readable to the picture's lower edge, a limit on it, and the direction in which everybody drives."""
    known_m = [(along, across) for along in (7.5, 10.0, 15.0, 25.0) for across in (-3.0, 3.0)]
    px = road._lens.flat(road._lens.seen(np.array([(across, along, 0.0) for along, across in known_m])))
    known = zip(px, known_m, strict=True)
    points = "\n".join(f"  {{ px = [{x:.1f}, {y:.1f}], m = [{along}, {across}] }}," for (x, y), (along, across) in known)
    since, until = (_rfc3339(road.starts_at + timedelta(days=days)) for days in (-30, 335))
    order = f"valid_from = {since}, valid_until = {until} }}"
    heights = [body.plate_up_m for body in _BODIES.values()]
    near_m, far_m, half_m = 6.0, READABLE_FROM_M + 7.5, ROAD_HALF_M
    return f"""\
name = "the simulated road"
law = "DE"
time_zone = "Europe/Berlin"
picture_px = [{road.width_px}, {road.height_px}]

[surveyed]
source = "the simulation itself"
valid_from = {since}
valid_until = {until}

[calibration]
stretch_m = [[{near_m}, -{half_m}], [{far_m}, -{half_m}], [{far_m}, {half_m}], [{near_m}, {half_m}]]

[calibration.survey]
u_px = 0.3
u_m = 0.005
points = [
{points}
]

[calibration.camera]
along_m = 0.0
across_m = 0.0
up_m = {CAMERA_HEIGHT_M}
u_m = 0.02

# Plates hang {min(heights)} to {max(heights)} m high here.
[calibration.followed]
up_m = 0.5
up_u_m = 0.05
u_px = 1.0
lasts_s = 0.1

[calibration.clock]
u_ms = 1.0
rate_u_ppm = 50.0

[speed_limit]
limit_kmh = {limit_kmh}
order = {{ source = "simulated sign 274-{limit_kmh:g}", {order}

[[one_way]]
name = "the street"
zone_m = [[{near_m}, -{half_m}], [40.0, -{half_m}], [40.0, {half_m}], [{near_m}, {half_m}]]
towards = [-1.0, 0.0]
order = {{ source = "simulated sign 220", {order}
{_signal_toml(road, order)}"""


def no_stopping_toml(road: Road, forbids: str) -> str:
    """What to add to its scene where nobody may stop, or park, in the left lane before the stop line."""
    since, until = (_rfc3339(road.starts_at + timedelta(days=days)) for days in (-30, 335))
    near_m, far_m, half_m = STOP_LINE_M, 40.0, ROAD_HALF_M
    return f"""
[[no_stopping]]
name = "the left lane"
zone_m = [[{near_m}, -{half_m}], [{far_m}, -{half_m}], [{far_m}, 0.0], [{near_m}, 0.0]]
towards = [-1.0, 0.0]
forbids = "{forbids}"
order = {{ source = "simulated sign 283", valid_from = {since}, valid_until = {until} }}
"""


def _signal_toml(road: Road, order: str) -> str:
    if not road.signal:
        return ""
    head, half_m = road.head_px, ROAD_HALF_M
    box = ", ".join(f"{edge:.1f}" for edge in (head.left_px, head.top_px, head.right_px, head.bottom_px))
    return f"""
[[stop_line]]
name = "the arm"
line_m = [[{STOP_LINE_M}, -{half_m}], [{STOP_LINE_M}, {half_m}]]
towards = [-1.0, 0.0]
signal = "K1"
enters_m = {STOP_LINE_M - SIDE_STREET_M[1]:.1f}
order = {{ source = "simulated signal plan", {order}

[[signal_head]]
name = "the second head"
signal = "K1"
box_px = [{box}]
"""


def _rfc3339(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
