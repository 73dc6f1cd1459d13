"""How well people and plates are hidden, and how fast.

    python benchmarks/redaction.py [faces] [speed] [audit] [--into FOLDER]

faces: `--keep-scene` on the held-out pictures of ../shared/data/faces: of the faces of 20 px and more, how many have nine tenths
of their box covered, and how many fills a picture meet no labelled face (some faces in the background have no label).
speed: `clearway redact --keep-scene` of a clip at 720 and at 1080 lines: frames a second by the clock, and CPU time a frame.
audit: every clip in ../shared/data/video is watched, with our own sight, and every vehicle whose plate is read is sealed as if it
were listed. Two detectors that had no part in it, YuNet (faces) and RapidOCR (lines of text that could be plates and lie
elsewhere than the subject's own), then look at every frame and still of every exhibit. It takes long. With --into, FOLDER has a
line for each clip that is done (audit.jsonl), after which a second run goes on, and for the eye a sheet of samples of each
exhibit and every picture in which a stranger saw something.
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
from clearway.camera.stills import read_picture
from clearway.edge.redaction import Redaction, Revealed
from clearway.edge.station import Station, first_hider, first_sight, now, open_camera
from clearway.errors import ClearwayError
from clearway.evidence.hide import HIDDEN, Look, fills
from clearway.evidence.redact import reveal
from clearway.facts import Box, Finding, Frame, Kind, Passage, Pixels, Record
from clearway.settings import Settings
from clearway.sight.rapid import RapidDetector, RapidReader
from films import scaled
from sets import SHARED, held_out

FACE_MIN_PX, COVERED_MIN = 20.0, 0.9
CLIPS = SHARED / "data/video"
SPEED_CLIP, SPEED_FRAMES = CLIPS / "parkpow_cars.mp4", 100
YUNET = SHARED / "teachers/yunet_n_dynamic.onnx"
FACE_SCORE_MIN = 0.5
COUNTED = ("exhibits", "pictures", "faces", "plates")
OURS = Settings.model_validate({"sight": {"detector": {"family": "clearway-street"}, "reader": {"family": "clearway-plate"}}})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", metavar="PART", nargs="*", help="faces, speed, audit; all where none is named")
    parser.add_argument("--into", metavar="FOLDER", type=Path, help="where the audit goes on, and draws what is for the eye")
    given = parser.parse_args()
    if not given.parts or "faces" in given.parts:
        faces()
    if not given.parts or "speed" in given.parts:
        speed()
    if not given.parts or "audit" in given.parts:
        audit(given.into)


def faces() -> None:
    """Prints what is covered and what is filled besides: by all that is filled, and by the faces that were found alone."""
    hider = first_hider(OURS)
    for kinds in (HIDDEN, (Kind.FACE,)):
        covered = count = extra = pictures = 0
        filled = 0.0
        for one in tqdm(held_out("faces"), desc="faces", leave=False):
            pixels, _ = read_picture(one.path)
            frame = Frame("bench", 0, now(), 0.0, pixels)
            (found,) = fills([Look(frame.captured_at, hider.find(frame, frame.whole))], kinds)
            hidden = None if found is None else [fill.box for fill in found]
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
            clip = scaled(SPEED_CLIP, height_px, Path(folder) / "clip.mp4", SPEED_FRAMES)
            wall_s, cpu_s = time.perf_counter(), time.process_time()
            redaction = Redaction(clip, first_hider(OURS, threads=1), lambda: None, road=False, at_once=OURS.sight.threads)
            redaction.write(Path(folder) / "public.mp4", Revealed(scene=True), lambda: None)
            wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
        frames = redaction.frames
        print(f"{height_px} lines: {frames / wall_s:.1f} frames a second by the clock, {1e3 * cpu_s / frames:.0f} CPU-ms a frame")


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


def audit(into: Path | None) -> None:
    """Prints what two strangers see in the exhibits of each clip that is none of the subject's."""
    done = into / "audit.jsonl" if into is not None else None
    lines = [json.loads(line) for line in done.read_text().splitlines()] if done is not None and done.exists() else []
    audited = {line["clip"] for line in lines}
    strangers = Strangers()
    for clip in tqdm(sorted([*CLIPS.glob("*.mp4"), *CLIPS.glob("*/*.mp4")]), desc="clips"):
        if clip.name in audited:
            continue
        line: dict[str, object] = {"clip": clip.name, **_clip_audited(clip, strangers, into)}
        lines.append(line)
        tqdm.write(json.dumps(line))
        if done is not None:
            done.parent.mkdir(parents=True, exist_ok=True)
            with done.open("a") as file:
                file.write(json.dumps(line) + "\n")
    print(json.dumps({"clips": len(lines)} | {name: sum(line[name] for line in lines) for name in COUNTED}))


def _clip_audited(clip: Path, strangers: "Strangers", into: Path | None) -> dict[str, int]:
    counts = dict.fromkeys(COUNTED, 0)
    with tempfile.TemporaryDirectory() as folder:
        station = Station(Path(folder) / "data", OURS)
        source = open_camera(str(clip), OURS, lambda words: None)
        try:
            for sealed in station.pipeline(source, *first_sight(OURS), rules=(Everybody(),)).run():
                exhibit = _pictures(Path(sealed.exhibit.path))
                name = f"{clip.stem}-{counts['exhibits']}"
                counts["exhibits"] += 1
                for place, (pixels, region_px, own) in enumerate(exhibit):
                    counts["pictures"] += 1
                    if region_px is None:
                        continue
                    seen = strangers.seen(pixels, region_px, own)
                    for what, _ in seen:
                        counts[what] += 1
                    if seen and into is not None:
                        _draw_seen(pixels, region_px, seen, into / f"seen-{name}-{place}.png")
                if into is not None:
                    _draw(exhibit, into / f"sheet-{name}.png")
        except ClearwayError as error:
            tqdm.write(f"{clip.name}: {error.happened}")
    return counts


class Strangers:
    """Two detectors that had no part in the redaction."""

    def __init__(self) -> None:
        self._yunet = cv2.FaceDetectorYN.create(str(YUNET), "", (320, 320), FACE_SCORE_MIN)
        self._detector, self._reader = RapidDetector(threads=1, enlarge_max=1.0), RapidReader(threads=1)

    def seen(self, pixels: Pixels, region_px: Sequence[int], own: Box) -> list[tuple[str, Box]]:
        """The faces, and the lines of text that could be plates and lie elsewhere than the subject's own, with their boxes."""
        region = Box(*region_px).grown(16).within(pixels.shape[1], pixels.shape[0])
        assert region is not None
        left, top, right, bottom = (int(edge) for edge in (region.left_px, region.top_px, region.right_px, region.bottom_px))
        # Nothing but the fill lies outside the region (tests/edge/test_parkpow.py); YuNet takes sides that are multiples of 32.
        part = cv2.copyMakeBorder(
            pixels[top:bottom, left:right, ::-1], 0, -(bottom - top) % 32, 0, -(right - left) % 32, cv2.BORDER_REPLICATE
        )
        self._yunet.setInputSize((part.shape[1], part.shape[0]))
        _, found = self._yunet.detect(np.ascontiguousarray(part))
        seen = []
        for x, y, width, height, *_ in () if found is None else found:
            seen.append(("faces", Box(left + x, top + y, left + x + width, top + y + height)))
        frame = Frame("audit", 0, now(), 0.0, pixels)
        for detection in self._detector.find(frame, region):
            reading = self._reader.read(frame, detection)
            # The subject's own plate, where it was or was to be expected, is meant to be seen.
            beside = detection.box.shared_px(own.grown(own.height_px)) < 0.5 * detection.box.area_px
            if beside and reading is not None and plates.plausible(reading.text):
                seen.append(("plates", detection.box))
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


def _draw(exhibit: Sequence[tuple[Pixels, list[int] | None, Box]], sheet: Path) -> None:
    """Twelve samples of an exhibit's regions."""
    shown = [(pixels, region) for pixels, region, _ in exhibit if region is not None]
    tiles = []
    for place in np.linspace(0, len(shown) - 1, 12).astype(int):
        pixels, (left, top, right, bottom) = shown[place]
        tile = cv2.resize(pixels[top:bottom, left:right, ::-1], (320, max(1, 320 * (bottom - top) // (right - left))))[:180]
        tiles.append(cv2.copyMakeBorder(tile, 0, 180 - tile.shape[0], 0, 0, cv2.BORDER_CONSTANT))
    sheet.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(sheet), np.vstack([np.hstack(tiles[row : row + 4]) for row in range(0, 12, 4)]))


def _draw_seen(pixels: Pixels, region_px: Sequence[int], seen: Sequence[tuple[str, Box]], path: Path) -> None:
    """What is shown, with what a stranger saw there framed: faces in red, plates in yellow."""
    picture = np.ascontiguousarray(pixels[:, :, ::-1])
    for what, box in seen:
        cv2.rectangle(
            picture,
            (round(box.left_px) - 2, round(box.top_px) - 2),
            (round(box.right_px) + 2, round(box.bottom_px) + 2),
            (0, 0, 255) if what == "faces" else (0, 255, 255),
        )
    left, top, right, bottom = region_px
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), picture[max(0, top - 16) : bottom + 16, max(0, left - 16) : right + 16])


if __name__ == "__main__":
    main()
