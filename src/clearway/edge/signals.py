"""What the scene's signals show, read from their heads in every picture that the camera gives. No picture is kept."""

from collections.abc import Sequence
from datetime import datetime
from math import ceil, floor

import cv2
import numpy as np

from clearway.facts import Frame, Lamp, Light, Pixels
from clearway.scene import SignalHead
from clearway.sight.lamp import Head, Shown, read, together, too_small

# A picture is not taken in one moment: a rolling shutter takes up to a frame's time from its first line to its last, and the lamp
# and the plate lie on different lines. At 25 frames a second that is 40 ms.
TAKEN_IN_MS = 50.0
# A head seen larger than this tells no more.
LONG_MAX_PX = 120


class Signals:
    """The signals of one scene. `add` takes every picture of the size that was surveyed; `lamps` says what they showed."""

    def __init__(self, heads: Sequence[SignalHead]) -> None:
        self._boxes: dict[str, list[tuple[int, int, int, int]]] = {}
        for head in heads:
            left, top, right, bottom = head.box_px
            box = floor(left), floor(top), ceil(right), ceil(bottom)
            if not too_small(box[2] - box[0], box[3] - box[1]):
                self._boxes.setdefault(head.signal, []).append(box)
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forgets what was shown."""
        self._heads = {signal: Head() for signal in self._boxes}

    def add(self, frame: Frame) -> None:
        for signal, boxes in self._boxes.items():
            self._heads[signal].add(frame.captured_at, together([_shown(frame.pixels, box) for box in boxes]))

    def lamps(self, first_at: datetime, last_at: datetime) -> tuple[Lamp, ...]:
        """What each signal showed from before `first_at` to `last_at`, without a gap: UNKNOWN is what nobody could tell, and what
        lies between the last picture of one state and the first of the next."""
        return tuple(lamp for signal in self._heads for lamp in self._of(signal, first_at, last_at))

    def _of(self, signal: str, first_at: datetime, last_at: datetime) -> list[Lamp]:
        spans = [span for span in self._heads[signal].spans if span.from_at <= last_at]
        # The one before tells when the first one began.
        since = max((n for n, span in enumerate(spans) if span.from_at <= first_at), default=0)
        lamps: list[Lamp] = []
        told_until = min(first_at, spans[max(0, since - 1)].from_at) if spans else first_at
        for span in spans[max(0, since - 1) :]:
            if span.from_at > told_until:
                lamps.append(Lamp(signal, Light.UNKNOWN, told_until, span.from_at, TAKEN_IN_MS))
            lamps.append(Lamp(signal, span.light, span.from_at, span.until_at, TAKEN_IN_MS))
            told_until = span.until_at
        if told_until < last_at:
            lamps.append(Lamp(signal, Light.UNKNOWN, told_until, last_at, TAKEN_IN_MS))
        return lamps


def _shown(pixels: Pixels, box: tuple[int, int, int, int]) -> Shown:
    left, top, right, bottom = box
    part = pixels[top:bottom, left:right]
    long = max(part.shape[:2])
    if long > LONG_MAX_PX:
        size = (round(part.shape[1] * LONG_MAX_PX / long), round(part.shape[0] * LONG_MAX_PX / long))
        part = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)
    return read(part)


def unread(heads: Sequence[SignalHead], signal: str) -> str:
    """Why nobody can tell what that signal shows, in words; "" where its heads are read."""
    own = [head for head in heads if head.signal == signal]
    if not own:
        return f"the scene has no signal_head for {signal}, so nobody knows what it shows"
    sizes = [(head.box_px[2] - head.box_px[0], head.box_px[3] - head.box_px[1]) for head in own]
    if all(too_small(*size) for size in sizes):
        width_px, height_px = sizes[0]
        return f"the head of {signal}, {width_px:.0f} x {height_px:.0f} pixels, is too small to be read or no row of three lamps"
    return ""
