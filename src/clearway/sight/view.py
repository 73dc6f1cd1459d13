"""Whether a camera still looks where it looked when its view was measured, and still sees.

    view = view_of(still, hidden)            at calibration: landmarks of what stands still, no picture of it
    watch = ViewWatch(view, size_px)         beside the camera, for ever
    watch.add(frame)                         its `state` is one of Look's words

A landmark is a spot with edges in several directions: which way they run, on a coarse grid. Light does not change that, and a
passing lorry hides a few landmarks for a while; a camera that turned moves all of them alike, one out of focus blunts them, and a
covered one has none. Each look compares the middle one of the last twenty seconds' pictures: traffic and rain fall out of it.

No model of motion is trusted before most landmarks agree on it. What nobody can tell leaves the state UNSURE: rules that need the
survey abstain then, but nobody is told to mend a camera at nightfall.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from math import hypot

import cv2
import numpy as np
from numpy.typing import NDArray

from clearway.facts import Box, Frame, Pixels
from clearway.scene import LANDMARKS_MAX, LANDMARKS_MIN, PATTERN_PX, Landmark, Point, View

Array = NDArray[np.float32]

# All is done in a picture this long: finer detail is noise, and plates in it are a few pixels wide.
LONG_SIDE_PX = 480
# Cameras write their names and times near the upper and lower edge; those lines stay where they are when the camera turns.
WRITTEN_SHARE = 0.12
# Where a gradient is weaker than this (of 255 a pixel), it is taken for noise.
NOISE = 4.0
# How far a landmark is looked for, in pixels of the small picture: about three degrees of a lens of 50.
REACH_PX = 24
# A landmark is found where its pattern agrees this well (1: exactly).
FOUND_MIN = 0.55
# More than this share of the picture's long side, at any corner, is another view: half a degree of a lens that sees 90 degrees
# across is 0.0044 of it, and of a narrower one more.
MOVED_SHARE = 0.003
# Landmarks within this many pixels of one motion agree on it; so many of those found must, and so many of all must be found.
AGREE_PX, AGREE_SHARE, FOUND_SHARE = 0.8, 0.6, 0.3
# Edges this much blunter than at calibration, at the middle landmark, are out of focus.
BLUNT = 0.8
# Fewer than this share found, where most were a minute ago, is a cover.
LOST_SHARE = 0.12
# One picture every so often; of so many the middle one is looked at; two looks in a row must say the same.
PICTURE_EVERY, PICTURES, LOOK_EVERY = timedelta(seconds=2), 11, timedelta(seconds=8)
# Where frames come seldom or a stream was lost, no picture waits for longer.
HELD = timedelta(seconds=60)
LOOKS_AGREEING = 2


class Look(StrEnum):
    """What the last looks said. Rules that rest on the survey ask only where it is STEADY."""

    STEADY = "steady"
    MOVED = "moved"
    BLURRED = "blurred"
    COVERED = "covered"
    UNSURE = "unsure"

    @property
    def amiss(self) -> bool:
        """Whether somebody must see to the camera."""
        return self in REMEDIES


WORDS = {
    Look.STEADY: "it looks where it was surveyed",
    Look.MOVED: "the camera was moved since it was surveyed",
    Look.BLURRED: "the camera is out of focus",
    Look.COVERED: "the camera is covered, or turned away",
    Look.UNSURE: "too little of the view can be made out to know",
}
REMEDIES = {
    Look.MOVED: "turn it back, or measure the view anew with `clearway calibrate` and start the watch again.",
    Look.BLURRED: "clean its glass, and focus it.",
    Look.COVERED: "uncover it, or turn it back.",
}


@dataclass(frozen=True, slots=True)
class Seen:
    """One look: the share of landmarks found, how far the view's farthest corner moved, in pixels of the camera's picture (None
    where they do not agree), and how sharp edges are against calibration (None where too few were found)."""

    found: float
    moved_px: float | None
    sharpness: float | None
    look: Look


def view_of(still: Pixels, hidden: Sequence[Box] = ()) -> View | None:
    """The landmarks of a still in which nothing moves; None where it has too few. None lies in what is `hidden`: vehicles,
    people and plates, which do not stay, and of which nothing may be kept."""
    small, scale = _small(still)
    edges = _edges(small)
    height, width = small.shape
    free = np.full((height, width), 255, np.uint8)
    half = PATTERN_PX // 2
    rim = max(REACH_PX // 2, half) + half
    written = max(rim, round(WRITTEN_SHARE * height))
    free[:written] = free[height - written :] = 0
    free[:, :rim] = free[:, width - rim :] = 0
    for box in hidden:
        left, top, right, bottom = (round(side * scale) for side in (box.left_px, box.top_px, box.right_px, box.bottom_px))
        free[max(0, top - half) : max(0, bottom + half), max(0, left - half) : max(0, right + half)] = 0
    smooth = cv2.GaussianBlur(small, (0, 0), 1.0)
    spots = cv2.goodFeaturesToTrack(smooth, 4 * LANDMARKS_MAX, 0.02, PATTERN_PX * 0.9, mask=free, blockSize=7)
    landmarks = []
    for x, y in [] if spots is None else spots[:, 0]:
        column, row = round(float(x)), round(float(y))
        patch = edges[:, row - half : row + half + 1, column - half : column + half + 1]
        sharpness = _sharpness(small, column, row)
        if float((patch**2).sum(axis=0).mean()) < 0.15 or sharpness is None or not _unique(edges, patch, column, row):
            continue
        landmarks.append(Landmark(_whole(column, row, scale), _hex(patch), round(sharpness, 4)))
        if len(landmarks) == LANDMARKS_MAX:
            break
    return View(tuple(landmarks)) if len(landmarks) >= LANDMARKS_MIN else None


def seen_in(view: View, still: Pixels) -> Seen:
    """What that still says, by itself, of the view: MOVED, BLURRED, STEADY or UNSURE; covers are told by `ViewWatch`."""
    small, scale = _small(still)
    edges = _edges(small)
    height, width = small.shape
    at, to, sharp = [], [], []
    for landmark in view.landmarks:
        x, y = landmark.px[0] * scale - 0.5, landmark.px[1] * scale - 0.5
        found = _found(edges, _pattern(landmark.pattern), round(x), round(y))
        if found is None:
            continue
        at.append((x, y))
        to.append((found[0] + x - round(x), found[1] + y - round(y)))
        sharpness = _sharpness(small, round(found[0]), round(found[1]))
        if sharpness is not None:
            sharp.append(sharpness / landmark.sharpness)
    share = len(at) / len(view.landmarks)
    sharpness = float(np.median(sharp)) if len(sharp) >= LANDMARKS_MIN // 2 else None
    moved_px = _moved_px(np.array(at), np.array(to), width, height) if len(at) >= LANDMARKS_MIN // 2 else None
    moved_px = moved_px / scale if moved_px is not None else None
    look = Look.UNSURE
    if share >= FOUND_SHARE and moved_px is not None:
        look = Look.STEADY
        if moved_px > MOVED_SHARE * LONG_SIDE_PX / scale:
            look = Look.MOVED
        elif sharpness is not None and sharpness < BLUNT:
            look = Look.BLURRED
    elif share >= 2 * FOUND_SHARE and sharpness is not None and sharpness < BLUNT:
        # A blur spreads each spot by itself, so that they may agree on no motion: but most are there, where they were, and blunt.
        look = Look.BLURRED
    return Seen(share, moved_px, sharpness, look)


class ViewWatch:
    """Looks at a camera's frames now and then. Its memory is bounded: a few small pictures.

    `held_longest_s` is the longest that any of them was held, by the pictures' own clock.
    """

    def __init__(self, view: View) -> None:
        self._view = view
        self._pictures: deque[tuple[datetime, Pixels]] = deque(maxlen=PICTURES)
        self.held_longest_s = 0.0
        self._due_at: datetime | None = None
        self._look_at: datetime | None = None
        self._said: deque[Look] = deque(maxlen=LOOKS_AGREEING)
        self._found_before: deque[float] = deque(maxlen=12)
        self.state, self.last = Look.UNSURE, Seen(0.0, None, None, Look.UNSURE)

    def add(self, frame: Frame) -> Look:
        """The state after that frame; most frames change nothing and cost nothing."""
        at = frame.captured_at
        if self._pictures:
            self.held_longest_s = max(self.held_longest_s, (at - self._pictures[0][0]).total_seconds())
        while self._pictures and at - self._pictures[0][0] > HELD:
            self._pictures.popleft()
        if self._due_at is not None and self._due_at - PICTURE_EVERY <= at < self._due_at:
            return self.state
        self._due_at = at + PICTURE_EVERY
        self._pictures.append((at, _shrunk(frame.pixels)))
        self._look_at = self._look_at or at + LOOK_EVERY
        if len(self._pictures) >= PICTURES // 2 and (at >= self._look_at or self._look_at > at + LOOK_EVERY):
            self._look_at = at + LOOK_EVERY
            self._judge(frame)
        return self.state

    def _judge(self, frame: Frame) -> None:
        place = (len(self._pictures) - 1) // 2
        still = np.partition(np.stack([pixels for _, pixels in self._pictures]), place, axis=0)[place]
        self.last = seen = seen_in(_in_small(self._view, frame), still)
        look = seen.look
        if look is Look.UNSURE and seen.found < LOST_SHARE:
            # At nightfall landmarks go one by one; under a hand, a cap or a leaf they go at once.
            before = float(np.median(self._found_before)) if self._found_before else 0.0
            if before >= 2 * FOUND_SHARE or self.state is Look.COVERED:
                look = Look.COVERED
        if look is not Look.COVERED:
            self._found_before.append(seen.found)
        self._said.append(look)
        if len(self._said) == LOOKS_AGREEING and len(set(self._said)) == 1:
            self.state = look


def _small(pixels: Pixels) -> tuple[NDArray[np.uint8], float]:
    """The picture in grey, its long side at most LONG_SIDE_PX, and how many times as large it is."""
    shrunk = _shrunk(pixels)
    return np.asarray(cv2.cvtColor(shrunk, cv2.COLOR_RGB2GRAY), np.uint8), shrunk.shape[1] / pixels.shape[1]


def _shrunk(pixels: Pixels) -> Pixels:
    height, width = pixels.shape[:2]
    scale = min(1.0, LONG_SIDE_PX / max(height, width))
    if scale == 1.0:
        return pixels
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def _in_small(view: View, frame: Frame) -> View:
    """The view in pixels of the shrunk picture, as `_shrunk` makes it of that frame."""
    scale = min(1.0, LONG_SIDE_PX / max(frame.width_px, frame.height_px))
    across = max(1, round(frame.width_px * scale)) / frame.width_px
    moved = (Landmark((one.px[0] * across, one.px[1] * across), one.pattern, one.sharpness) for one in view.landmarks)
    return View(tuple(moved))


def _edges(small: NDArray[np.uint8]) -> Array:
    """(2, h, w): which way edges run, as twice their angle, so that bright on dark and dark on bright are alike."""
    smooth = cv2.GaussianBlur(small.astype(np.float32), (0, 0), 1.2)
    x, y = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, scale=1 / 8), cv2.Sobel(smooth, cv2.CV_32F, 0, 1, scale=1 / 8)
    strength = x**2 + y**2 + NOISE**2 / 4
    return np.asarray(np.stack([(x**2 - y**2) / strength, 2 * x * y / strength]), np.float32)


def _sharpness(small: NDArray[np.uint8], column: int, row: int) -> float | None:
    """How fine the edges around a spot are: what a slight blur takes away, of its contrast; None where it has none."""
    half = PATTERN_PX // 2
    patch = small[max(0, row - half - 3) : row + half + 4, max(0, column - half - 3) : column + half + 4].astype(np.float32)
    if min(patch.shape) < PATTERN_PX:
        return None
    fine, coarse = cv2.GaussianBlur(patch, (0, 0), 0.8), cv2.GaussianBlur(patch, (0, 0), 2.0)
    contrast = float(coarse.std())
    return float((fine - coarse).std()) / contrast if contrast > NOISE / 2 else None


def _found(edges: Array, pattern: Array, column: int, row: int) -> Point | None:
    """Where the pattern lies best near that spot, to parts of a pixel; None where it does not agree well enough."""
    half = PATTERN_PX // 2
    top, left = max(0, row - half - REACH_PX), max(0, column - half - REACH_PX)
    part = edges[:, top : row + half + REACH_PX + 1, left : column + half + REACH_PX + 1]
    if min(part.shape[1:]) <= PATTERN_PX + 2:
        return None
    together = sum(cv2.matchTemplate(one, two, cv2.TM_CCORR) for one, two in zip(part, pattern, strict=True))
    energy = cv2.boxFilter((part**2).sum(axis=0), -1, (PATTERN_PX, PATTERN_PX), normalize=False)
    energy = energy[half : energy.shape[0] - half, half : energy.shape[1] - half]
    # What has hardly any edges agrees with nothing: a quarter of the pattern's own strength is the least that is divided by.
    own = float((pattern**2).sum())
    score = np.asarray(together) / np.sqrt(np.maximum(energy, own / 4) * own)
    y, x = np.unravel_index(int(np.argmax(score)), score.shape)
    if score[y, x] < FOUND_MIN or not (0 < y < score.shape[0] - 1 and 0 < x < score.shape[1] - 1):
        return None
    down = _peak(score[y - 1, x], score[y, x], score[y + 1, x])
    across = _peak(score[y, x - 1], score[y, x], score[y, x + 1])
    return left + half + float(x) + across, top + half + float(y) + down


def _peak(before: float, at: float, after: float) -> float:
    """Where a parabola through three neighbours is highest, from the middle one."""
    bend = before - 2 * at + after
    return float(0.5 * (before - after) / bend) if bend < 0 else 0.0


def _unique(edges: Array, patch: Array, column: int, row: int) -> bool:
    """Whether a pattern is found where it is, and nowhere near it as well: dashes and railings repeat themselves."""
    half = PATTERN_PX // 2
    top, left = max(0, row - half - REACH_PX), max(0, column - half - REACH_PX)
    part = edges[:, top : row + half + REACH_PX + 1, left : column + half + REACH_PX + 1]
    together = np.asarray(sum(cv2.matchTemplate(one, two, cv2.TM_CCORR) for one, two in zip(part, patch, strict=True)))
    own = float((patch**2).sum())
    y, x = row - half - top, column - half - left
    together[max(0, y - 4) : y + 5, max(0, x - 4) : x + 5] = 0.0
    return float(together.max()) < 0.8 * own


def _moved_px(at: NDArray[np.float64], to: NDArray[np.float64], width: int, height: int) -> float | None:
    """How far the farthest corner went by the turn, growth and shift that most landmarks agree on; None where they do not."""
    best = np.zeros(len(at), bool)
    for n in range(len(at)):
        # Landmarks come in no order of place, so that each makes a long enough pair with some of a few others.
        for m in {(n + len(at) * part // 5) % len(at) for part in range(1, 5)}:
            if hypot(*(at[n] - at[m])) < 0.2 * width:
                continue
            agree = np.hypot(*(_like(at[[n, m]], to[[n, m]], at) - to).T) <= AGREE_PX
            if agree.sum() > best.sum():
                best = agree
    if best.sum() < max(LANDMARKS_MIN // 2, AGREE_SHARE * len(at)):
        return None
    corners = np.array([(0.0, 0.0), (width, 0.0), (0.0, height), (width, height)])
    return float(np.hypot(*(_like(at[best], to[best], corners) - corners).T).max())


def _like(at: NDArray[np.float64], to: NDArray[np.float64], places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where places go by the turn, growth and shift that take `at` to `to` best."""
    z, w = at[:, 0] + 1j * at[:, 1], to[:, 0] + 1j * to[:, 1]
    z0, w0 = z.mean(), w.mean()
    turn = (np.conj(z - z0) @ (w - w0)) / (np.conj(z - z0) @ (z - z0))
    gone = w0 + turn * (places[:, 0] + 1j * places[:, 1] - z0)
    return np.stack([gone.real, gone.imag], axis=1)


def _whole(column: int, row: int, scale: float) -> Point:
    """The middle of that pixel of the small picture, in the camera's."""
    return round((column + 0.5) / scale, 2), round((row + 0.5) / scale, 2)


def _hex(patch: Array) -> str:
    """Each number in 4 bits, from -1 to 1."""
    return "".join(f"{round((float(value) + 1) * 7.5):x}" for value in patch.clip(-1, 1).ravel())


def _pattern(text: str) -> Array:
    values = np.array([int(digit, 16) for digit in text], np.float32) / 7.5 - 1
    return values.reshape(2, PATTERN_PX, PATTERN_PX)
