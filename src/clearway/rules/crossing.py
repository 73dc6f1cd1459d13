"""When a vehicle crossed a stop line, and what its signal showed then. Two rules ask: `red_light` and `stop_line`."""

from dataclasses import dataclass
from datetime import timedelta
from math import hypot

from clearway.facts import Drive, Lamp, Light, Measurement, Waypoint
from clearway.scene import Point, StopLine

# How far a vehicle's foremost point may be ahead of its front plate: bumpers, bars and hooks. Our own cautious figure.
AHEAD_OF_FRONT_PLATE_M = 0.5
# And ahead of its rear plate: the longest road train (Council Directive 96/53/EC, Annex I, 1.1).
AHEAD_OF_REAR_PLATE_M = 18.75
# A change of the signal that was not seen within this is not dated by it.
BEGAN_WITHIN_S_MAX = 1.0


@dataclass(frozen=True, slots=True)
class Crossing:
    """A line that was certainly crossed on red: `before` is the last place at which it certainly had not reached it, `over` the
    first that is certainly far enough beyond; `red_for` is how long red had been on meanwhile, in seconds."""

    before: Waypoint
    over: Waypoint
    red_for: Measurement


def crossed_on_red(drive: Drive, line: StopLine, camera: Point, beyond_m: float, grace_s: float) -> Crossing | None:
    """The crossing by more than `beyond_m`, where all of it certainly was on red, and later than `grace_s` after its beginning.

    A vehicle that was already over the line when red began, or may have been, did not cross it on red. None too where the
    signal is not known all the time, or where two reports of it contradict each other.
    """
    ahead_m = _ahead_of_plate_m(drive, camera)
    before = over = None
    for waypoint in drive.waypoints:
        if _beyond_m(line, waypoint) + ahead_m + _error_m(line, waypoint) < 0:
            before, over = waypoint, None
        elif before is not None and over is None and _beyond_m(line, waypoint) - _error_m(line, waypoint) > beyond_m:
            over = waypoint
    if before is None or over is None:
        return None
    if not all(_between_ends(line, w) for w in drive.waypoints if before.at <= w.at <= over.at):
        return None
    red = _red_throughout(drive, line.signal, before, over)
    if red is None:
        return None
    # The true moment lies between the two places, red began between the last that was seen of something else and the first of it,
    # and the times may be off against each other. All of that counts for the driver: the interval begins at the latest red.
    half_s, within_s = (over.at - before.at).total_seconds() / 2, _began_within_s(drive, red)
    began_s = (within_s or 0.0) / 2
    began = "it was first seen red then" if within_s is None else f"red began within {within_s:.2f} s"
    red_for = Measurement(
        "red when it crossed",
        (before.at - red.from_at).total_seconds() + half_s + began_s,
        half_s + began_s + red.clock_error_ms / 1000,
        "s",
        f"between two places of the plate, {2 * half_s:.2f} s apart; {began}",
    )
    return Crossing(before, over, red_for) if red_for.low > grace_s else None


def highest_beyond_m(drive: Drive, line: StopLine) -> float:
    """How far beyond the line its plate may have come at most."""
    return max(_beyond_m(line, w) + _error_m(line, w) for w in drive.waypoints)


def _began_within_s(drive: Drive, red: Lamp) -> float | None:
    """How long before `from_at` its red may have begun: since the last that was seen of something else. None where that was too
    long ago to date it by: then red had been on for as long as is said, or longer."""
    before = [one.until_at for one in drive.lamps if _is_known_before(one, red)]
    within_s = (red.from_at - max(before)).total_seconds() if before else BEGAN_WITHIN_S_MAX
    return within_s if within_s < BEGAN_WITHIN_S_MAX else None


def _is_known_before(lamp: Lamp, red: Lamp) -> bool:
    return lamp.signal == red.signal and lamp.light is not Light.UNKNOWN and lamp.until_at <= red.from_at


def _red_throughout(drive: Drive, signal: str, before: Waypoint, over: Waypoint) -> Lamp | None:
    """The one red that was certainly on from `before` to `over`; None where anything else may have been."""
    reds = []
    for lamp in drive.lamps:
        slack = timedelta(milliseconds=lamp.clock_error_ms)
        if lamp.signal != signal or lamp.until_at <= before.at - slack or lamp.from_at >= over.at + slack:
            continue
        if lamp.light is not Light.RED or lamp.from_at > before.at - slack or lamp.until_at < over.at + slack:
            return None
        reds.append(lamp)
    return reds[0] if len(reds) == 1 else None


def _ahead_of_plate_m(drive: Drive, camera: Point) -> float:
    """How far its foremost point may be ahead of its plate: a vehicle that comes nearer shows its front."""
    first, last = drive.waypoints[0], drive.waypoints[-1]
    to_first = first.along_m - camera[0], first.across_m - camera[1]
    to_last = last.along_m - camera[0], last.across_m - camera[1]
    error_m = sum(hypot(w.along_error_m, w.across_error_m) for w in (first, last))
    return AHEAD_OF_FRONT_PLATE_M if hypot(*to_first) - hypot(*to_last) > error_m else AHEAD_OF_REAR_PLATE_M


def _beyond_m(line: StopLine, waypoint: Waypoint) -> float:
    """How far the place lies beyond the line; below 0 before it."""
    (a, b), (c, d) = line.line_m
    length_m = hypot(c - a, d - b)
    off_m = ((waypoint.along_m - a) * (b - d) + (waypoint.across_m - b) * (c - a)) / length_m
    over = line.towards[0] * (b - d) + line.towards[1] * (c - a)
    return off_m if over > 0 else -off_m


def _error_m(line: StopLine, waypoint: Waypoint) -> float:
    """How far `_beyond_m` may be off."""
    (a, b), (c, d) = line.line_m
    return waypoint.error_m((b - d, c - a))


def _between_ends(line: StopLine, waypoint: Waypoint) -> bool:
    """Whether it certainly passes between the line's two ends."""
    (a, b), (c, d) = line.line_m
    length_m = hypot(c - a, d - b)
    along_line_m = ((waypoint.along_m - a) * (c - a) + (waypoint.across_m - b) * (d - b)) / length_m
    error_m = waypoint.error_m((c - a, d - b))
    return error_m < along_line_m < length_m - error_m
