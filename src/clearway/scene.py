"""What is known of one fixed view before any vehicle comes: how its pixels lie on the road.

Places on the road are (along, across) in metres from an origin that the surveyor chose, across to the right of along as the
camera sees it or to its left, as long as all of a scene agrees. Places in the picture are (x, y) in pixels. Every figure that
somebody measured carries its standard uncertainty (`_u_m`, `_u_px`), since whoever judges needs to know how far it may be off.
"""

from dataclasses import dataclass
from math import hypot, isfinite

Point = tuple[float, float]

# A homography has eight unknowns, and a point gives two equations; more than this many points teach nothing new.
KNOWN_POINTS_MIN, KNOWN_POINTS_MAX = 4, 64


@dataclass(frozen=True, slots=True)
class Lens:
    """Radial distortion: a point that an ideal lens would show at radius r (in focal lengths from the centre) is shown at
    r * (1 + k1 r² + k2 r⁴).

    D. C. Brown, "Close-Range Camera Calibration", Photogrammetric Engineering 37 (1971), with two terms and no tangential
    part; the same k1, k2 as in OpenCV's calib3d. The default distorts nothing.
    """

    k1: float = 0.0
    k2: float = 0.0
    focal_px: float = 1000.0
    centre_px: Point = (0.0, 0.0)

    def __post_init__(self) -> None:
        assert all(map(isfinite, (self.k1, self.k2, *self.centre_px))) and isfinite(self.focal_px) and self.focal_px > 0


@dataclass(frozen=True, slots=True)
class KnownPoint:
    """One point of the road, in the picture and in metres."""

    px: Point
    m: Point


@dataclass(frozen=True, slots=True)
class Survey:
    """How the road was measured. `u_px` is the standard uncertainty of each pixel that was clicked, in each direction;
    `u_m` that of each point's metres. `width_u_m` and `length_u_m` are those of a rectangle's sides (a lane's width, the
    length from dash to dash), which move all of its points together; 0 where the points were measured one by one."""

    points: tuple[KnownPoint, ...]
    u_px: float
    u_m: float
    width_u_m: float = 0.0
    length_u_m: float = 0.0

    def __post_init__(self) -> None:
        assert KNOWN_POINTS_MIN <= len(self.points) <= KNOWN_POINTS_MAX
        assert self.u_px > 0 and min(self.u_m, self.width_u_m, self.length_u_m) >= 0


def rectangle(
    corners_px: tuple[Point, Point, Point, Point],
    width_m: float,
    width_u_m: float,
    length_m: float,
    length_u_m: float,
    u_px: float,
) -> Survey:
    """The survey of a view with no measured points but a lane of known width and marks of known spacing along it.

    `corners_px` go round: near left, near right, far right, far left. Lanes are taken to be straight and as wide everywhere.
    """
    metres = ((0.0, 0.0), (0.0, width_m), (length_m, width_m), (length_m, 0.0))
    points = tuple(KnownPoint(px, m) for px, m in zip(corners_px, metres, strict=True))
    return Survey(points, u_px, 0.0, width_u_m, length_u_m)


@dataclass(frozen=True, slots=True)
class Camera:
    """Where the camera hangs: the point of the road below it, and its height over it; `u_m` is each one's standard
    uncertainty."""

    along_m: float
    across_m: float
    up_m: float
    u_m: float

    def __post_init__(self) -> None:
        assert self.up_m > 0 and self.u_m >= 0


@dataclass(frozen=True, slots=True)
class Followed:
    """The point of a vehicle that is followed: the middle of its plate, `up_m` over the road.

    `u_px` is the standard uncertainty of its place in one picture, in each direction; errors of pictures that follow within
    about `lasts_s` are alike, so that they do not average out.
    """

    up_m: float
    up_u_m: float
    u_px: float
    lasts_s: float

    def __post_init__(self) -> None:
        assert min(self.up_m, self.up_u_m, self.lasts_s) >= 0 and self.u_px > 0


@dataclass(frozen=True, slots=True)
class FrameClock:
    """How well frames are timed against each other: `u_ms` for each frame, `rate_u_ppm` for how fast the clock runs."""

    u_ms: float
    rate_u_ppm: float

    def __post_init__(self) -> None:
        assert min(self.u_ms, self.rate_u_ppm) >= 0


@dataclass(frozen=True, slots=True)
class Zone:
    """A part of the road inside a polygon that does not cross itself; `corners_m` go round it in either direction."""

    corners_m: tuple[Point, ...]

    def __post_init__(self) -> None:
        assert len(self.corners_m) >= 3

    def depth_m(self, place_m: Point) -> float:
        """How far inside the zone a place lies, from its nearest border; below 0 outside."""
        edges = tuple(zip(self.corners_m, (*self.corners_m[1:], self.corners_m[0]), strict=True))
        inside = False
        for (a, b), (c, d) in edges:
            if (b > place_m[1]) != (d > place_m[1]) and place_m[0] < a + (place_m[1] - b) / (d - b) * (c - a):
                inside = not inside
        border_m = min(distance_m(place_m, start, end) for start, end in edges)
        return border_m if inside else -border_m


def distance_m(place_m: Point, start_m: Point, end_m: Point) -> float:
    """How far a place is from the nearest point of a line that ends at both ends."""
    run = (end_m[0] - start_m[0], end_m[1] - start_m[1])
    length_2 = run[0] ** 2 + run[1] ** 2
    share = ((place_m[0] - start_m[0]) * run[0] + (place_m[1] - start_m[1]) * run[1]) / length_2 if length_2 else 0.0
    share = min(1.0, max(0.0, share))
    off = (place_m[0] - start_m[0] - share * run[0], place_m[1] - start_m[1] - share * run[1])
    return hypot(*off)


@dataclass(frozen=True, slots=True)
class Calibration:
    """All that turns pixels into metres. `stretch` is where speeds are measured."""

    survey: Survey
    lens: Lens
    camera: Camera
    followed: Followed
    clock: FrameClock
    stretch: Zone | None = None
