"""How often looks at a vehicle show its plate, and how often a vehicle without one shows something that is taken for a plate.

    python benchmarks/painted.py [--sheet sheet.png]

What the rule `no_plate` rests on, measured on real pictures: those with labelled plates that no training saw. In each the vehicle
around a plate is sought, as wide as the rule asks for. Then its plate is painted over with the colours around it: a grille, a
badge or a lamp may be taken for one. Each vehicle is looked at in VIEWS sizes, as if it came nearer to a camera of 720 lines; a
real one moves and is lit otherwise meanwhile, so that these views differ less than real looks do. Told are the vehicles that
showed a plate in every view, in any and in one of them, by what the rule counts as one (read, or surely found) and by whatever
was found, with Wilson's 95 % interval. --sheet draws those who showed something that counts, to look at.
"""

import argparse
from collections import Counter
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from clearway import settings as settings_file
from clearway.edge.station import first_sight
from clearway.edge.unplated import P_MIN, plates_shown
from clearway.evidence.hide import hangs_on
from clearway.facts import Box, Frame, Kind
from clearway.ports import Detector, Reader
from clearway.rules.no_plate import WIDTH_MIN_PX
from clearway.sight.look import look
from clearway.testing.score import Share
from eyes import frame_of
from sets import SCENES, Picture, held_out, scenes

# How many views of a vehicle, how wide it is in the last of them, and the frame that it is seen in.
VIEWS, WIDEST_PX, FRAME_PX = 12, 400.0, (1280, 720)
# What was found on a vehicle in one view: what counts as a plate, and all that may be one.
Found = tuple[list[Box], list[Box]]


def labelled() -> list[Picture]:
    """Pictures of the road with plates that no training saw."""
    own = ("plates/train/boxes/ro_detect", "plates/train/scenes/cn_easypr")
    return [one for name in SCENES for one in scenes(name)] + [one for name in own for one in held_out(name)]


def plates_on(frame: Frame, vehicle: Box, detector: Detector, reader: Reader) -> list[Found]:
    """What is found on a vehicle, by view: what counts as a plate, and all that may be one, in the pixels of the frame."""
    around = vehicle.grown(0.5 * vehicle.width_px).within(frame.width_px, frame.height_px)
    assert around is not None
    left, top = int(around.left_px), int(around.top_px)
    part = frame.pixels[top : int(around.bottom_px), left : int(around.right_px)]
    views = []
    for width_px in np.geomspace(WIDTH_MIN_PX, WIDEST_PX, VIEWS):
        scale = float(width_px / vehicle.width_px)
        seen_px = cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
        pixels = np.full((FRAME_PX[1], FRAME_PX[0], 3), 114, np.uint8)
        seen_px = seen_px[: FRAME_PX[1], : FRAME_PX[0]]
        pixels[: seen_px.shape[0], : seen_px.shape[1]] = seen_px
        view = replace(frame, pixels=pixels)
        seen = look(view, [view.whole], detector, reader)

        def on_it(boxes: list[Box], scale: float = scale) -> list[Box]:
            there = (
                Box(b.left_px / scale + left, b.top_px / scale + top, b.right_px / scale + left, b.bottom_px / scale + top)
                for b in boxes
            )
            return [box for box in there if hangs_on(box, vehicle)]

        counts = plates_shown(seen)
        views.append((on_it(counts), on_it(counts + [one.box for one in seen.unread])))
    return views


def painted(frame: Frame, plates: list[Box]) -> Frame:
    """The same picture, where the colours above each plate run into those below it."""
    pixels = np.ascontiguousarray(frame.pixels).copy()
    high, wide = pixels.shape[:2]
    for box in plates:
        beside, beyond = 0.06 * box.width_px + 3, 0.2 * box.height_px + 3
        left, right = max(0, round(box.left_px - beside)), min(wide, round(box.right_px + beside))
        top, bottom = max(0, round(box.top_px - beyond)), min(high, round(box.bottom_px + beyond))
        ends = np.stack([pixels[top, left:right], pixels[bottom - 1, left:right]])
        pixels[top:bottom, left:right] = cv2.resize(ends, (right - left, bottom - top), interpolation=cv2.INTER_LINEAR)
    return replace(frame, pixels=pixels)


def share(hits: int, count: int) -> str:
    low, high = Share(hits, count).interval
    return f"{hits} of {count}: {100 * hits / count:.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sheet", type=Path, help="a picture of those who showed something without a plate")
    given = parser.parse_args()
    settings = settings_file.load()
    one_thread = settings.sight.model_copy(update={"threads": 1})
    detector, reader = first_sight(settings.model_copy(update={"sight": one_thread}), stills=True)
    told: Counter[str] = Counter()
    vehicles, sheet = 0, []
    for picture in tqdm(labelled()):
        frame = frame_of(picture.path)
        labels = [Box(x, y, x + w, y + h) for x, y, w, h in (plate["box"] for plate in picture.row["plates"] if plate.get("box"))]
        bare = painted(frame, labels)
        for vehicle in detector.find(frame, frame.whole):
            box = vehicle.box
            mine = any(hangs_on(plate, box) for plate in labels)
            if vehicle.kind is not Kind.VEHICLE or vehicle.p < P_MIN or box.width_px < WIDTH_MIN_PX or not mine:
                continue
            vehicles += 1
            for name, seen in (("with its plate", frame), ("painted over", bare)):
                views = plates_on(seen, box, detector, reader)
                for what, kind in enumerate(("counts", "may be one")):
                    told[f"{name}, {kind}, in every view"] += all(view[what] for view in views)
                    told[f"{name}, {kind}, in any view"] += any(view[what] for view in views)
                    told[f"{name}, {kind}, in the middle view"] += bool(views[VIEWS // 2][what])
            if found := [one for view in views for one in view[0]]:
                sheet.append(drawn(bare, box, found))
    print(f"{detector.name}, {reader.name}, {VIEWS} views of each of {vehicles} vehicles:")
    for words, count in told.items():
        print(f"{words}: {share(count, vehicles)}")
    if given.sheet and sheet:
        sheet += [np.zeros_like(sheet[0])] * (-len(sheet) % 5)
        rows = [np.hstack(sheet[at : at + 5]) for at in range(0, len(sheet), 5)]
        cv2.imwrite(str(given.sheet), cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR))


def drawn(frame: Frame, vehicle: Box, found: list[Box]) -> np.ndarray:
    """The vehicle, and a line around what was taken for a plate."""
    pixels = np.ascontiguousarray(frame.pixels).copy()
    for box in found:
        corners = (round(box.left_px), round(box.top_px)), (round(box.right_px), round(box.bottom_px))
        cv2.rectangle(pixels, *corners, (255, 0, 0), 2)
    left, top = max(0, round(vehicle.left_px)), max(0, round(vehicle.top_px))
    part = pixels[top : round(vehicle.bottom_px), left : round(vehicle.right_px)]
    return cv2.resize(part, (260, 200), interpolation=cv2.INTER_AREA)


if __name__ == "__main__":
    main()
