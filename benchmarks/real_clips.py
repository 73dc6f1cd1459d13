"""Truth by construction on real clips: played backwards every vehicle drives the wrong way, at 1.25 it is 25 % faster, frozen it
stands.

    python benchmarks/real_clips.py --cache FOLDER [--roads A13 A12]

All that fixed cameras took in ../shared/data/video of roads on which somebody drives somewhere: 27 clips of one over the A13 in
London and one of the A12 ("Powered by TfL Open Data"; 352 x 288), a city road in China (1280 x 720), a junction in Germany (two
clips; 800 x 600). Everything is Clearway's: the detector that it ships (what it finds is kept in FOLDER, since that takes most of
the time), the tracker by places alone, the ground, the rules. Plates cannot be read in most of these pictures, so each vehicle is
given one.

The scenes were estimated by eye from the pictures, not surveyed: where the lanes meet, how wide they are, how long from dash to
dash. So metres along the road may be off by a third; directions and ratios are not.
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from math import atan2, cos, sin
from pathlib import Path

import numpy as np
from tqdm import tqdm

from clearway.edge.scenes import load_law
from clearway.facts import Box, Drive, Kind, Passage, Plate, Sighting, Waypoint
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
    depths_m,
)
from clearway.testing.score import Share
from clearway.track.ground import Ground
from clearway.track.queue import blocked
from clearway.track.tracker import Tracker
from films import filmed

# Where the barrier between the A13's carriageways is at the picture's foot and where it vanishes, x in pixels: the camera was
# turned a little between the clips. Read off one frame of seven of them; the others' pictures were laid on one of those.
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
FROZEN_S, ALLOWED_S = 40.0, 30.0
AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
ORDER = Order("by eye, for this benchmark", AT - timedelta(days=1), AT + timedelta(days=1))
PLACES_MIN = 8
PLATE = Plate("AB12CDE", 0.99, 5, (), np.zeros((7, len(ALPHABET))))
Looks = list[tuple[datetime, list[Box]]]


@dataclass(frozen=True, slots=True)
class Site:
    """A road as its picture shows it: metres along it from below the camera, and across it to the right of the camera.

    Lines along the road meet at `vanishes_px`. `ways` are parts of it with the direction in which one drives there. `surveyed`
    spans the places that are taken as known: along from and to, across from and to. A vehicle counts where it was followed over
    `way_m_min` in the direction of a way or against it.
    """

    size_px: tuple[int, int]
    vanishes_px: tuple[float, float]
    focal_px: float
    camera_up_m: float
    surveyed: tuple[float, float, float, float]
    stretch: Zone
    ways: tuple[tuple[tuple[float, float], Zone], ...]
    looks_per_s: float
    every: int = 1
    way_m_min: float = 25.0

    def pictured(self, along_m: float, across_m: float) -> tuple[float, float]:
        """Where a place of the road is in the picture, the camera being level but turned away from the road."""
        middle_px, (vanishes_px, horizon_px) = self.size_px[0] / 2, self.vanishes_px
        turned = atan2(vanishes_px - middle_px, self.focal_px)
        away_m = along_m * cos(turned) - across_m * sin(turned)
        aside_m = along_m * sin(turned) + across_m * cos(turned)
        return middle_px + self.focal_px * aside_m / away_m, horizon_px + self.focal_px * self.camera_up_m / away_m

    def seen(self, clip: str, cache: Path) -> list[list[Box]]:
        """The vehicles below the horizon in every look at a clip."""
        film = filmed(clip, cache).seen[:: self.every]
        return [[one.box for one in frame if one.box.top_px > self.vanishes_px[1] - 5] for frame in film]

    def timed(self, frames: Sequence[list[Box]], speed: float = 1.0) -> Looks:
        return [(AT + timedelta(seconds=n / self.looks_per_s / speed), boxes) for n, boxes in enumerate(frames)]


def oblong(along_from: float, along_to: float, across_from: float, across_to: float) -> Zone:
    return (along_from, across_from), (along_to, across_from), (along_to, across_to), (along_from, across_to)


def a13(foot_px: int, vanishes_px: int) -> Site:
    """Lanes of 3.65 m (Design Manual for Roads and Bridges, CD 127) for the height, and a guess of the focal length."""
    up_m = 11.5
    barrier_m = (foot_px - vanishes_px) * up_m / (288 - 73)
    # British traffic keeps left: on the left it leaves, on the right it comes.
    left, right = oblong(24, 110, barrier_m - 16, barrier_m - 0.5), oblong(24, 110, barrier_m + 0.5, barrier_m + 16)
    ways = ((1.0, 0.0), left), ((-1.0, 0.0), right)
    return Site((352, 288), (vanishes_px, 73.0), 450.0, up_m, (26, 100, -14, 14), oblong(30, 75, -18, 18), ways, 12.5, every=2)


# The near carriageway leaves and bends away from 70 m on; the far one comes. Lanes taken to be of 3.65 m, dashes every 9 m.
A12 = Site(
    (352, 288), (26.0, 31.0), 900.0, 7.2, (27, 80, 3, 25), oblong(30, 65, 3, 25),
    (((1.0, 0.0), oblong(26, 75, 2.5, 13.5)), ((-1.0, 0.0), oblong(40, 85, 16, 28))),
    12.5, every=2,
)  # fmt: skip
# The near carriageway comes; beyond a fence that bends the other one leaves. Lanes taken to be of 3.5 m, dashes every 15 m.
CITY = Site(
    (1280, 720), (710.0, 0.0), 5000.0, 7.3, (55, 165, -7, 7), oblong(60, 130, -8, 16),
    (
        ((-1.0, 0.0), ((50, -8), (165, -8), (165, 4.5), (125, 6.5), (75, 7.5), (50, 7.5))),
        ((1.0, 0.0), ((75, 9), (125, 8), (200, 5.5), (200, 26), (75, 26))),
    ),
    25.0,
)  # fmt: skip
# The main road runs from the left foot to the right top; one lane of it leaves. From the left one crosses it. Few metres are
# seen, and from near. Dashes taken to be every 3 m, and the field of view that of a Raspberry Pi's camera.
JUNCTION = Site(
    (800, 600), (864.0, 13.0), 666.0, 5.0, (8, 40, -16, -4), oblong(12, 40, -16, -4),
    (((1.0, 0.0), oblong(19, 45, -11.1, -6.8)), ((0.0, 1.0), oblong(7, 16, -20, -4))),
    20.0, way_m_min=10.0,
)  # fmt: skip
SITES: dict[str, dict[str, Site]] = {
    "A13": {f"tfl_jamcam/{clip}.mp4": a13(*barrier_px) for clip, barrier_px in BARRIER_PX.items()},
    "A12": {"tfl_jamcam/815_201707211414.mp4": A12},
    "city": {"anmspro_test1.mp4": CITY},
    "junction": {"otvision_cars-cyclist_FR20.mp4": JUNCTION, "otvision_cars-truck_FR20.mp4": JUNCTION},
}


class View:
    """What Clearway makes of a road that was surveyed as the site says."""

    def __init__(self, site: Site) -> None:
        self.site = site
        near, far, left, right = site.surveyed
        places = [(along, across) for along in (near, (near * far) ** 0.5, far) for across in (left, (left + right) / 2, right)]
        calibration = Calibration(
            Survey(tuple(KnownPoint(site.pictured(*place), place) for place in places), 1.0, 0.3),
            Camera(0.0, 0.0, site.camera_up_m, 0.5),
            # The foot of a box is where the tyres stand, or a little higher. The detector looks at 640 pixels across, or fewer.
            Followed(0.1, 0.1, max(1.0, site.size_px[0] / 640), 0.3),
            FrameClock(4.0, 100.0),
            Lens(0.0, 0.0, site.focal_px, (site.size_px[0] / 2, site.size_px[1] / 2)),
            site.stretch,
        )
        self.ground = Ground(calibration)

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
        whole = [one for one in passage.sightings if self._whole(one.box)]
        feet = np.array([((one.box.left_px + one.box.right_px) / 2, one.box.bottom_px) for one in whole]).reshape(-1, 2)
        return self.ground.measured([one.captured_at for one in whole], feet) if whole else Drive(())

    def _whole(self, box: Box) -> bool:
        wide, high = self.site.size_px
        return box.left_px > 3 and box.right_px < wide - 3 and box.bottom_px < high - 3


def wrong_ways(view: View, looks: Looks) -> tuple[int, int]:
    """How many vehicles count, and how many of them were found to drive the wrong way."""
    law = load_law("GB-ENG").wrong_way
    rules = [WrongWay(OneWay("carriageway", zone, towards, ORDER), law) for towards, zone in view.site.ways]
    count = found = 0
    for passage in view.passages(looks):
        assert passage.drive is not None
        places = passage.drive.waypoints
        if len(places) >= PLACES_MIN and any(_followed_m(places, *way) >= view.site.way_m_min for way in view.site.ways):
            count += 1
            found += any(rule.judge(passage, ()) is not None for rule in rules)
    return count, found


def _followed_m(places: Sequence[Waypoint], towards: tuple[float, float], zone: Zone) -> float:
    """How far somebody went within a zone in its direction or against it."""
    ways = np.array([(one.along_m, one.across_m) for one in places])
    inside = ways[depths_m(zone, ways) > 0]
    return abs(float((inside[-1] - inside[0]) @ towards)) if len(inside) else 0.0


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
        for towards, zone in view.site.ways:
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


class Sums:
    """What was counted on the clips of a road."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.ratios: list[float] = []

    def add(self, view: View, frames: list[list[Box]]) -> None:
        site, counts = view.site, self.counts
        for played, looks in (("forwards", site.timed(frames)), ("backwards", site.timed(frames[::-1]))):
            count, found = wrong_ways(view, looks)
            counts.update({played: count, f"{played} accused": found})
        slow, fast = speeds_kmh(view, site.timed(frames)), speeds_kmh(view, site.timed(frames, 1.25))
        for key in slow.keys() & fast.keys():
            (value, u), (fast_value, fast_u) = slow[key], fast[key]
            self.ratios.append(fast_value / value)
            counts.update({"speeds": 1, "speeds within": abs(fast_value - 1.25 * value) <= fast_u + 1.25 * u})
        middle = len(frames) // 2
        frozen = frames[:middle] + [frames[middle]] * round(FROZEN_S * site.looks_per_s) + frames[middle:]
        for name, value in zip(("stood", "free", "found to stand"), stands(view, site.timed(frozen)), strict=True):
            counts[name] += value
        counts["found to stand, not frozen"] += stands(view, site.timed(frames))[2]

    def __str__(self) -> str:
        n = self.counts
        lines = [
            f"wrong way, played backwards: found {share(n['backwards accused'], n['backwards'])}",
            f"wrong way, played forwards: accused {share(n['forwards accused'], n['forwards'])}",
        ]
        if self.ratios:
            low, middle, high = np.percentile(self.ratios, (5, 50, 95))
            lines += [
                f"speed at 1.25: ratio {middle:.3f} (5 to 95 %: {low:.3f} to {high:.3f})",
                f"speeds at 1.25 that agree within their intervals: {share(n['speeds within'], n['speeds'])}",
            ]
        found = f"{n['free']} with nobody ahead, {n['found to stand']} found to stand"
        lines.append(f"frozen for {FROZEN_S:g} s: {n['stood']} stood, {found}; not frozen {n['found to stand, not frozen']}")
        return "\n".join(f"  {line}" for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", metavar="FOLDER", type=Path, required=True)
    parser.add_argument("--roads", nargs="+", choices=SITES, default=list(SITES))
    given = parser.parse_args()
    for road in given.roads:
        sums = Sums()
        for clip, site in tqdm(SITES[road].items(), desc=road, leave=False):
            sums.add(View(site), site.seen(clip, given.cache))
        print(f"{road} ({len(SITES[road])} clips)\n{sums}", flush=True)


if __name__ == "__main__":
    main()
