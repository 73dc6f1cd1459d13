"""Who reads the pictures: Clearway as its settings choose, and the peer. Both answer as `clearway read --json` does."""

import json
import subprocess
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import cv2

from clearway.camera.clip import SIDE_MIN_PX
from clearway.camera.stills import read_picture
from clearway.cli.read import CROP_SIDE_MIN_PX, in_crop, told
from clearway.edge.station import first_sight
from clearway.facts import Box, Detection, Frame, Reading
from clearway.settings import Settings
from clearway.sight.look import P_TEXT_ALONE_MIN, look
from clearway.track.fusion import fuse
from sets import SHARED

Answer = dict[str, Any]


class Eye(Protocol):
    """Reads pictures. An answer is {"plates": [{"text", "p", "p_characters", "box"}], "cpu_ms"}, without decoding in cpu_ms.

    `passage` gives the one text, and its p, that all crops of one vehicle speak for.
    """

    name: str

    def scene(self, path: Path) -> Answer: ...

    def crop(self, path: Path) -> Answer: ...

    def passage(self, paths: Sequence[Path]) -> tuple[str, float]: ...


class Ours:
    """Clearway with one thread. A plate that was found and could not be read is told with an empty text."""

    def __init__(self, settings: Settings) -> None:
        cv2.setNumThreads(1)
        one_thread = settings.sight.model_copy(update={"threads": 1})
        self._detector, self._reader = first_sight(settings.model_copy(update={"sight": one_thread}), stills=True)
        self.name = f"{self._detector.name} + {self._reader.name}"

    def scene(self, path: Path) -> Answer:
        frame = frame_of(path)
        began_s = time.process_time()
        seen = look(frame, [frame.whole], self._detector, self._reader, p_text_min=P_TEXT_ALONE_MIN)
        plates = [told(s.plate_box, s.reading) for s in seen.sightings if s.plate_box is not None and s.reading is not None]
        cpu_ms = 1e3 * (time.process_time() - began_s)
        return {"plates": plates + [_unread(one.box) for one in seen.unread], "cpu_ms": cpu_ms}

    def crop(self, path: Path) -> Answer:
        frame = frame_of(path, CROP_SIDE_MIN_PX)
        began_s = time.process_time()
        plates = [told(box, reading) for box, reading in in_crop(frame, self._detector, self._reader)]
        return {"plates": plates, "cpu_ms": 1e3 * (time.process_time() - began_s)}

    def passage(self, paths: Sequence[Path]) -> tuple[str, float]:
        plate = fuse([reading for path in paths for reading in self.readings(path)])
        return (plate.text, plate.p) if plate is not None else ("", 0.0)

    def readings(self, path: Path) -> list[Reading]:
        """The reading of the one plate that fills a picture; none where it cannot be read."""
        return [reading for _, reading in in_crop(frame_of(path, CROP_SIDE_MIN_PX), self._detector, self._reader)]

    def things(self, frame: Frame) -> tuple[Detection, ...]:
        """Everything that the detector finds in a frame."""
        return self._detector.find(frame, frame.whole)


class Peer:
    """fast-alpr in a process of its own; `python` is an interpreter that has its packages."""

    name = "fast-alpr"

    def __init__(self, python: str) -> None:
        words = [python, str(Path(__file__).with_name("peer.py")), str(SHARED / "peers/fast_alpr/run.py")]
        self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def scene(self, path: Path) -> Answer:
        return self._ask(path, crop=False)

    def crop(self, path: Path) -> Answer:
        return self._ask(path, crop=True)

    def passage(self, paths: Sequence[Path]) -> tuple[str, float]:
        """As its users do it: of the commonest length, the character at each place that most frames say."""
        plates = [one for path in paths for one in self.crop(path)["plates"] if one["text"]]
        if not plates:
            return "", 0.0
        length = Counter(len(one["text"]) for one in plates).most_common(1)[0][0]
        alike = [one for one in plates if len(one["text"]) == length]
        text = "".join(Counter(column).most_common(1)[0][0] for column in zip(*(one["text"] for one in alike), strict=True))
        return text, max(one["p"] for one in alike)

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)

    def _ask(self, path: Path, *, crop: bool) -> Answer:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps({"image": str(path), "crop": crop}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("the peer's process ended: its words stand above; is --peer-python one that has its packages?")
        answer: Answer = json.loads(line)
        return answer


def frame_of(path: Path, side_min_px: int = SIDE_MIN_PX) -> Frame:
    pixels, _ = read_picture(path, side_min_px)
    return Frame("bench", 0, datetime.now(UTC), 0.0, pixels)


def _unread(box: Box) -> dict[str, object]:
    place = [box.left_px, box.top_px, box.right_px, box.bottom_px]
    return {"text": "", "p": 0.0, "p_characters": [], "box": place, "region": "unknown"}
