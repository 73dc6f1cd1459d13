"""Truth by construction on real clips: played backwards every vehicle drives the wrong way, at 1.25 it is 25 % faster, frozen it
stands.

    python benchmarks/real_clips.py --cache FOLDER [--clips 27]

All 27 clips of one camera over the A13 in London (../shared/data/video/tfl_jamcam, "Powered by TfL Open Data"): eight lanes,
352 x 288, every second of 25 frames a second. Everything is Clearway's: the detector that it ships (what it finds is kept in
FOLDER, since that takes most of the time), the tracker by places alone, the ground, the rules. Plates cannot be read in such a
picture, so each vehicle is given one.

The scene was estimated by eye from the picture, not surveyed: where the lanes meet (in each clip, since the camera was turned a
little between them; in 20 of them by laying their picture on one of the other seven), lanes of 3.65 m (Design Manual for Roads
and Bridges, CD 127) for the height, and a guess of the focal length. So metres along the road may be off by a third; directions
and ratios are not.
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from clearway.edge.scenes import load_law
from clearway.facts import Box, Drive, Kind, Passage, Plate, Sighting
from clearway.plates import ALPHABET
from clearway.rules.laws import Grace
from clearway.rules.stopping import Stopping
from clearway.rules.wrong_way import WrongWay
from clearway.scene import (
    Calibration,
    Camera,
    Followed,
    FrameClock,
    KnownPoint,
    Lens,
    NoStopping,
    OneWay,
    Order,
    Survey,
    Zone,
)
from clearway.testing.score import Share
from clearway.track.ground import Ground
from clearway.track.queue import blocked
from clearway.track.tracker import Tracker
from films import filmed

# Where the barrier between the carriageways is at the picture's foot and where it vanishes, x in pixels, read off one frame.
BARRIER_PX = {
    "625_201707211410": (211, 218),
    "625_201708101101": (172, 178),
    "625_201708101531": (165, 174),
    "625_201708311646": (167, 184),
    "625_201708311656": (167, 184),
    "625_201709042122": (172, 181),
    "625_201709042131": (172, 181),
    "625_201709140956": (175, 182),
    "625_201709141306": (180, 180),
    "625_201709141321": (169, 173),
    "625_201709141416": (162, 180),
    "625_201709171247": (157, 161),
    "625_201709210946": (172, 178),
    "625_201709211011": (172, 178),
    "625_201709211027": (172, 178),
    "625_201709211346": (169, 173),
    "625_201709211436": (162, 180),
    "625_201709211506": (162, 180),
    "625_201709211526": (162, 180),
    "625_201709211541": (169, 173),
    "625_201709211551": (169, 173),
    "625_201709280917": (163, 172),
    "625_201709280931": (163, 172),
    "625_201709281001": (163, 172),
    "625_201709281047": (163, 172),
    "625_201709281252": (173, 173),
    "625_201709281436": (173, 173),
}
HEIGHT_PX, HORIZON_PX, FOCAL_PX, CAMERA_UP_M = 288, 73.0, 450.0, 11.5
EVERY, FRAMES_PER_S = 2, 25.0
FROZEN_S, ALLOWED_S = 40.0, 30.0
AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
ORDER = Order("by eye, for this benchmark", AT - timedelta(days=1), AT + timedelta(days=1))
# A vehicle counts where it was followed over this much of the road, whichever way.
WAY_M_MIN, PLACES_MIN = 25.0, 8
PLATE = Plate("AB12CDE", 0.99, 5, (), np.zeros((7, len(ALPHABET))))
Looks = list[tuple[datetime, list[Box]]]


def detected(clip: str, cache: Path) -> list[list[Box]]:
    """The vehicles below the horizon in every second frame of a clip."""
    seen = filmed(f"tfl_jamcam/{clip}.mp4", cache).seen[::EVERY]
    return [[one.box for one in frame if one.box.top_px > HORIZON_PX - 5] for frame in seen]


def timed(frames: Sequence[list[Box]], speed: float = 1.0) -> Looks:
    return [(AT + timedelta(seconds=n * EVERY / FRAMES_PER_S / speed), boxes) for n, boxes in enumerate(frames)]


class View:
    """The road of one clip."""

    def __init__(self, barrier_px: tuple[int, int]) -> None:
        foot_px, self._vanishes_px = barrier_px
        self.barrier_m = (foot_px - self._vanishes_px) * CAMERA_UP_M / (HEIGHT_PX - HORIZON_PX)
        corners = [(along, across) for along in (26.0, 50.0, 100.0) for across in (-14.0, 0.0, 14.0)]
        points = tuple(KnownPoint(self._pictured(*corner), corner) for corner in corners)
        stretch: Zone = ((30.0, -18.0), (75.0, -18.0), (75.0, 18.0), (30.0, 18.0))
        calibration = Calibration(
            Survey(points, 1.0, 0.3),
            Camera(0.0, 0.0, CAMERA_UP_M, 0.5),
            Followed(0.3, 0.2, 1.0, 0.3),
            FrameClock(4.0, 100.0),
            Lens(0.0, 0.0, FOCAL_PX, (176.0, 144.0)),
            stretch,
        )
        self.ground = Ground(calibration)
        # British traffic keeps left: on the left it leaves, on the right it comes.
        self.sides = (((1.0, 0.0), self._lanes(-16.0, -0.5)), ((-1.0, 0.0), self._lanes(0.5, 16.0)))

    def _pictured(self, along_m: float, across_m: float) -> tuple[float, float]:
        return self._vanishes_px + FOCAL_PX * across_m / along_m, HORIZON_PX + FOCAL_PX * CAMERA_UP_M / along_m

    def _lanes(self, from_m: float, to_m: float) -> Zone:
        low, high = self.barrier_m + from_m, self.barrier_m + to_m
        return (24.0, low), (110.0, low), (110.0, high), (24.0, high)

    def passages(self, looks: Looks) -> list[Passage]:
        """Everybody who was followed, with the drive of the middle of the box's foot."""
        tracker = Tracker("clip", lost_after_s=1.0, judged_after_s=1e6, plate_p_min=0.5)
        told: list[Passage] = []
        for number, (at, boxes) in enumerate(looks):
            seen = [Sighting(number, at, Kind.VEHICLE, box, 0.9) for box in boxes]
            told += tracker.update(at, seen, 0.0)
        told += tracker.finish()
        return [replace(one, plate=PLATE, drive=self._drive(one)) for one in told]

    def _drive(self, passage: Passage) -> Drive:
        # What the picture's edge cuts has its foot elsewhere.
        whole = [one for one in passage.sightings if one.box.bottom_px < HEIGHT_PX - 3]
        feet = np.array([((one.box.left_px + one.box.right_px) / 2, one.box.bottom_px) for one in whole]).reshape(-1, 2)
        return self.ground.measured([one.captured_at for one in whole], feet) if whole else Drive(())


def wrong_ways(view: View, looks: Looks) -> tuple[int, int]:
    """How many vehicles count, and how many of them were found to drive the wrong way."""
    law = load_law("GB-ENG").wrong_way
    rules = [WrongWay(OneWay("carriageway", zone, towards, ORDER), law) for towards, zone in view.sides]
    count = found = 0
    for passage in view.passages(looks):
        assert passage.drive is not None
        ways = passage.drive.waypoints
        if len(ways) >= PLACES_MIN and abs(ways[-1].along_m - ways[0].along_m) >= WAY_M_MIN:
            count += 1
            found += any(rule.judge(passage, ()) is not None for rule in rules)
    return count, found


def speeds_kmh(view: View, looks: Looks) -> dict[tuple[int, int], tuple[float, float]]:
    """Speed and its uncertainty of each vehicle that has one, by the first and last frame of its passage."""
    return {
        (one.sightings[0].frame_number, round(one.sightings[0].box.left_px)): (one.drive.speed.value, one.drive.speed.uncertainty)
        for one in view.passages(looks)
        if one.drive is not None and one.drive.speed is not None
    }


def stands(view: View, looks: Looks) -> tuple[int, int, int]:
    """Vehicles certainly on a carriageway for ALLOWED_S and longer, of them those with nobody ahead, and those found to stand."""
    passages = view.passages(looks)
    law = Grace("none: this benchmark's", "not checked", ALLOWED_S)
    ways = {one.id: one.drive.waypoints for one in passages if one.drive is not None}
    counts: Counter[str] = Counter()
    for one in passages:
        for towards, zone in view.sides:
            rule = Stopping(NoStopping("carriageway", zone, towards, "stopping", ORDER), law)
            held_up = blocked(ways[one.id], [way for other, way in ways.items() if other != one.id], towards)
            assert one.drive is not None
            alone = rule.judge(replace(one, drive=replace(one.drive, blocked=())), ()) is not None
            counts["stood"] += alone
            counts["free"] += alone and not held_up
            counts["found"] += rule.judge(replace(one, drive=replace(one.drive, blocked=held_up)), ()) is not None
    return counts["stood"], counts["free"], counts["found"]


def share(hits: int, count: int) -> str:
    low, high = Share(hits, count).interval
    return f"{hits} of {count} ({100 * low:.1f} to {100 * high:.1f} %)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", metavar="FOLDER", type=Path, required=True)
    parser.add_argument("--clips", metavar="N", type=int, default=len(BARRIER_PX))
    given = parser.parse_args()
    backward, forward = Counter[str](), Counter[str]()
    ratios: list[float] = []
    held = Counter[str]()
    stood = np.zeros((2, 3), int)
    for name, barrier_px in list(BARRIER_PX.items())[: given.clips]:
        frames = detected(name, given.cache)
        view = View(barrier_px)
        for counts, looks in ((forward, timed(frames)), (backward, timed(frames[::-1]))):
            count, found = wrong_ways(view, looks)
            counts.update(count=count, found=found)
        slow, fast = speeds_kmh(view, timed(frames)), speeds_kmh(view, timed(frames, 1.25))
        for key in slow.keys() & fast.keys():
            (value, u), (fast_value, fast_u) = slow[key], fast[key]
            ratios.append(fast_value / value)
            held.update(count=1, within=abs(fast_value - 1.25 * value) <= fast_u + 1.25 * u)
        middle = len(frames) // 2
        frozen = frames[:middle] + [frames[middle]] * round(FROZEN_S * FRAMES_PER_S / EVERY) + frames[middle:]
        stood += np.array([stands(view, timed(frozen)), stands(view, timed(frames))])
        print(f"{name}: {len(frames)} frames, forward {dict(forward)}, backward {dict(backward)}", flush=True)
    print(f"wrong way, played backwards: found {share(backward['found'], backward['count'])}")
    print(f"wrong way, played forwards: accused {share(forward['found'], forward['count'])}")
    if ratios:
        low, middle, high = np.percentile(ratios, (5, 50, 95))
        print(f"speed at 1.25: ratio {middle:.3f} (5 to 95 %: {low:.3f} to {high:.3f})")
        print(f"speeds at 1.25 that agree within their intervals: {share(held['within'], held['count'])}")
    print(f"frozen for {FROZEN_S:g} s: {stood[0, 0]} stood, {stood[0, 1]} with nobody ahead, {stood[0, 2]} found to stand")
    print(f"not frozen: {stood[1, 2]} found to stand")


if __name__ == "__main__":
    main()
