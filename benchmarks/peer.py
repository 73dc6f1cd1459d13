"""The peer's side of the benchmark: fast-alpr behind a pipe, so that its packages and ours need not live together.

    /path/to/its/python benchmarks/peer.py RUN.PY

RUN.PY is the peer's own runner, ../shared/peers/fast_alpr/run.py, which makes the reader that is measured. A line on stdin is
{"image": PATH, "crop": true | false}; the answer is one line as `clearway read --json` prints it. This file imports nothing of
Clearway.
"""

import importlib.util
import json
import sys
import time
from pathlib import Path
from typing import Any

import cv2


def main(runner: Path) -> None:
    spec = importlib.util.spec_from_file_location("runner", runner)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    alpr = module.make(threads=1)
    cv2.setNumThreads(1)
    for line in sys.stdin:
        asked = json.loads(line)
        picture = cv2.imread(asked["image"])
        assert picture is not None, asked["image"]
        began_s = time.process_time()
        if asked["crop"]:
            height, width = picture.shape[:2]
            found = [(alpr.ocr.predict(picture), [0, 0, width, height])]
        else:
            found = [(one.ocr, _box(one.detection.bounding_box)) for one in alpr.predict(picture)]
        cpu_ms = 1e3 * (time.process_time() - began_s)
        answer = {"image": asked["image"], "plates": [_told(ocr, box) for ocr, box in found], "cpu_ms": round(cpu_ms, 2)}
        print(json.dumps(answer), flush=True)


def _box(box: Any) -> list[float]:
    return [box.x1, box.y1, box.x2, box.y2]


def _told(ocr: Any, box: list[float]) -> dict[str, object]:
    """A plate as its runner tells it: p is that of the least certain character."""
    if ocr is None:
        return {"text": "", "p": 0.0, "p_characters": [], "box": box}
    p = ocr.confidence if isinstance(ocr.confidence, list) else [ocr.confidence] * len(ocr.text)
    return {"text": ocr.text, "p": min(p, default=0.0), "p_characters": p[: len(ocr.text)], "box": box}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
