"""How well people and plates are hidden, and how fast.

    python benchmarks/redaction.py [faces] [speed] [audit] [--sheets FOLDER]

faces: `--keep-scene` on the held-out pictures of ../shared/data/faces: of the faces of 20 px and more, how many have nine tenths
of their box covered, and how many fills a picture meet no labelled face (some faces in the background have no label).
speed: `clearway redact --keep-scene` of a clip at 720 and at 1080 lines: frames a second by the clock, and CPU time a frame.
audit: every clip in ../shared/data/video is watched, with our own sight, and every vehicle whose plate is read is sealed as if it
were listed. Two detectors that had no part in it, YuNet (faces) and RapidOCR (lines of text that could be plates and lie
elsewhere than the subject's own), then look at every frame and still of every exhibit. --sheets draws samples, for the eye.
"""

import argparse
import io
import json
import tempfile
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path

import av
import cv2
import numpy as np
from tqdm import tqdm

from clearway import plates
from clearway.camera.clip import Clip
from clearway.camera.film import Film
from clearway.camera.stills import read_picture
from clearway.edge.redaction import Redaction, Revealed
from clearway.edge.station import Station, first_hider, first_sight, now, open_camera
from clearway.errors import ClearwayError
from clearway.evidence.hide import HIDDEN, Look, fills
from clearway.evidence.redact import reveal
from clearway.facts import Box, Finding, Frame, Kind, Passage, Pixels, Record
from clearway.settings import Settings
from clearway.sight.rapid import RapidDetector, RapidReader
from sets import SHARED, held_out

FACE_MIN_PX, COVERED_MIN = 20.0, 0.9
CLIPS = SHARED / "data/video"
SPEED_CLIP, SPEED_FRAMES = CLIPS / "parkpow_cars.mp4", 100
YUNET = SHARED / "teachers/yunet_n_dynamic.onnx"
FACE_SCORE_MIN = 0.5
OURS = Settings.model_validate({"sight": {"detector": {"family": "clearway-street"}, "reader": {"family": "clearway-plate"}}})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", metavar="PART", nargs="*", help="faces, speed, audit; all where none is named")
    parser.add_argument("--sheets", metavar="FOLDER", type=Path, help="draw samples of the audited exhibits here")
    given = parser.parse_args()
    if not given.parts or "faces" in given.parts:
        faces()
    if not given.parts or "speed" in given.parts:
        speed()
    if not given.parts or "audit" in given.parts:
        audit(given.sheets)


def faces() -> None:
    """Prints what is covered and what is filled besides: by all that is filled, and by the faces that were found alone."""
    hider = first_hider(OURS)
    for kinds in (HIDDEN, (Kind.FACE,)):
        covered = count = extra = pictures = 0
        filled = 0.0
        for one in tqdm(held_out("faces"), desc="faces", leave=False):
            pixels, _ = read_picture(one.path)
            frame = Frame("bench", 0, now(), 0.0, pixels)
            (hidden,) = fills([Look(frame.captured_at, hider.find(frame, frame.whole))], kinds)
            # What `redact` fills is what differs from a white picture.
            mask = (reveal(np.full_like(pixels, 255), None if hidden is None else frame.whole, hidden or ()) != 255).any(axis=2)
            labels = [Box(x, y, x + w, y + h) for x, y, w, h in (label["box"] for label in one.row["faces"])]
            pictures, filled = pictures + 1, filled + float(mask.mean())
            extra += sum(not any(box.shared_px(label) > 0 for label in labels) for box in hidden or ())
            for label in labels:
                if min(label.width_px, label.height_px) >= FACE_MIN_PX:
                    part = mask[int(label.top_px) : int(label.bottom_px), int(label.left_px) : int(label.right_px)]
                    count, covered = count + 1, covered + (float(part.mean()) >= COVERED_MIN)
        print(
            f"{', '.join(kinds)} filled. Faces of {FACE_MIN_PX:.0f} px, {COVERED_MIN:.0%} covered: {covered} of {count} "
            f"({covered / count:.4f}); fills a picture that meet no labelled face: {extra / pictures:.2f}; "
            f"of the pictures {filled / pictures:.0%} is filled"
        )


def speed() -> None:
    """Prints frames a second and CPU time a frame, by height of the picture."""
    for height_px in (720, 1080):
        with tempfile.TemporaryDirectory() as folder:
            clip = _scaled(SPEED_CLIP, height_px, Path(folder) / "clip.mp4")
            wall_s, cpu_s = time.perf_counter(), time.process_time()
            redaction = Redaction(clip, first_hider(OURS), lambda: None, road=False)
            redaction.write(Path(folder) / "public.mp4", Revealed(scene=True), lambda: None)
            wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
        frames = redaction.frames
        print(f"{height_px} lines: {frames / wall_s:.1f} frames a second by the clock, {1e3 * cpu_s / frames:.0f} CPU-ms a frame")


def _scaled(source: Path, height_px: int, path: Path) -> Path:
    width_px = height_px * 16 // 9
    with Film(path, width_px, height_px, None, 25.0) as film:
        for frame in Clip(source, "bench", 0.0):
            if frame.number == SPEED_FRAMES:
                break
            film.add(np.asarray(cv2.resize(frame.pixels, (width_px, height_px)), np.uint8), frame.number / 25)
    return path


class Everybody:
    """A rule that finds something about every vehicle whose plate was read, so that there is much to audit."""

    name = "everybody"

    def judge(self, passage: Passage, records: Sequence[Record]) -> Finding | None:
        if passage.plate is None:
            return None
        best = sorted(
            (s for s in passage.sightings if s.reading is not None), key=lambda s: -s.reading.p if s.reading is not None else 0.0
        )
        return Finding(
            self.name, passage, passage.plate.text, passage.plate.p, "For the audit.", (), tuple(s.frame_number for s in best[:8])
        )


def audit(sheets: Path | None) -> None:
    """Prints what two strangers see in the exhibits of each clip that is none of the subject's."""
    total = dict.fromkeys(("clips", "exhibits", "pictures", "faces", "plates"), 0)
    yunet = cv2.FaceDetectorYN.create(str(YUNET), "", (320, 320), FACE_SCORE_MIN)
    detector, reader = RapidDetector(threads=2, enlarge_max=1.0), RapidReader(threads=2)
    for clip in tqdm(sorted([*CLIPS.glob("*.mp4"), *CLIPS.glob("*/*.mp4")]), desc="clips"):
        total["clips"] += 1
        with tempfile.TemporaryDirectory() as folder:
            station = Station(Path(folder) / "data", OURS)
            source = open_camera(str(clip), OURS, lambda words: None)
            try:
                for sealed in station.pipeline(source, *first_sight(OURS), rules=(Everybody(),)).run():
                    seen = _audited(Path(sealed.exhibit.path), yunet, detector, reader)
                    total["exhibits"] += 1
                    for name, number in seen.items():
                        total[name] += number
                    tqdm.write(f"{clip.name} {sealed.finding.passage.id}: {json.dumps(seen)}")
                    if sheets is not None:
                        _draw(Path(sealed.exhibit.path), sheets / f"{clip.stem}-{total['exhibits']}.png")
            except ClearwayError as error:
                tqdm.write(f"{clip.name}: {error.happened}")
    print(json.dumps(total))


def _audited(path: Path, yunet: cv2.FaceDetectorYN, detector: RapidDetector, reader: RapidReader) -> dict[str, int]:
    seen = dict.fromkeys(("pictures", "faces", "plates"), 0)
    for pixels, region_px, own in _pictures(path):
        seen["pictures"] += 1
        if region_px is None:
            continue
        region = Box(*region_px).grown(16).within(pixels.shape[1], pixels.shape[0])
        assert region is not None
        left, top, right, bottom = (int(edge) for edge in (region.left_px, region.top_px, region.right_px, region.bottom_px))
        # Nothing but the fill lies outside the region (tests/edge/test_parkpow.py); YuNet takes sides that are multiples of 32.
        part = cv2.copyMakeBorder(
            pixels[top:bottom, left:right, ::-1], 0, -(bottom - top) % 32, 0, -(right - left) % 32, cv2.BORDER_REPLICATE
        )
        yunet.setInputSize((part.shape[1], part.shape[0]))
        _, found = yunet.detect(np.ascontiguousarray(part))
        seen["faces"] += 0 if found is None else len(found)
        frame = Frame("audit", 0, now(), 0.0, pixels)
        for detection in detector.find(frame, region):
            reading = reader.read(frame, detection)
            # The subject's own plate, where it was or was to be expected, is meant to be seen.
            beside = detection.box.shared_px(own.grown(own.height_px)) < 0.5 * detection.box.area_px
            seen["plates"] += beside and reading is not None and plates.plausible(reading.text)
    return seen


def _pictures(path: Path) -> list[tuple[Pixels, list[int] | None, Box]]:
    """Every frame and still of an exhibit, what it says that it shows, and where the subject's plate is."""
    with zipfile.ZipFile(path) as bundle:
        said = json.loads(bundle.read("manifest.json"))
        lines = [*said["shown"]["clip"]["frames"], *said["shown"]["stills"]]
        with av.open(io.BytesIO(bundle.read(said["shown"]["clip"]["file"])), mode="r") as clip:
            pictures = [np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in clip.decode(video=0)]
        for still in said["shown"]["stills"]:
            decoded = cv2.imdecode(np.frombuffer(bundle.read(still["file"]), np.uint8), cv2.IMREAD_COLOR)
            assert decoded is not None
            pictures.append(np.asarray(decoded[:, :, ::-1], np.uint8))
    read = sorted((reading["frame"], reading["plate_px"]) for reading in said["readings"])
    numbers, edges = [number for number, _ in read], np.array([plate for _, plate in read], float)
    made = []
    for pixels, line in zip(pictures, lines, strict=True):
        plate = [float(np.interp(line["frame"], numbers, edges[:, edge])) for edge in range(4)]
        made.append((pixels, line["region_px"], Box(*plate)))
    return made


def _draw(path: Path, sheet: Path) -> None:
    """Twelve samples of an exhibit's regions."""
    shown = [(pixels, region) for pixels, region, _ in _pictures(path) if region is not None]
    tiles = []
    for place in np.linspace(0, len(shown) - 1, 12).astype(int):
        pixels, (left, top, right, bottom) = shown[place]
        tile = cv2.resize(pixels[top:bottom, left:right, ::-1], (320, max(1, 320 * (bottom - top) // (right - left))))[:180]
        tiles.append(cv2.copyMakeBorder(tile, 0, 180 - tile.shape[0], 0, 0, cv2.BORDER_CONSTANT))
    sheet.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(sheet), np.vstack([np.hstack(tiles[row : row + 4]) for row in range(0, 12, 4)]))


if __name__ == "__main__":
    main()
