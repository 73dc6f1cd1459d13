"""What a signal head shows, told from its part of the picture: three lamps in a row, each known by its place and its colour.

    read(pixels)             one picture of one head: which lamps are lit, and how clearly
    Head().add(at, shown)    one head over time: the spans in which it certainly showed one thing

Nothing is learnt from pictures. A lit lamp is told by contrast: at most two of three are lit (red and amber, before green), so
the darkest of the three says what an unlit one looks like by this light. Its colour is that of the light it adds, not that of its
picture: a lamp by night is so bright that its middle is white, and what it is shows in the ring around it. Where place and colour
say different things, or more is lit than can be, nothing is told.

Lamps of light-emitting diodes flicker with the mains, and a short exposure may fall between two flashes: a head that seems dark
in single pictures is not off. So darkness alone never ends a span, and never is one: who sees no lamp does not know.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from clearway.facts import Light, Pixels

Array = NDArray[np.float64]

# Three lamps in a row: a box this many times as long as it is wide holds them (a usual head is 3 to 3.5, a box drawn around its
# backboard less). Smaller than this in pixels, one lamp's light runs into the next one's.
LONG_MIN, LONG_MAX, WIDE_MIN_PX, LONG_MIN_PX = 2.0, 5.0, 5.0, 15.0
# A lamp's light is looked for in the middle of its third, over this share of it each way; its ring reaches over all of it.
MIDDLE = 0.62
# The housing between and beside the lamps is darker than all but this share of a head, lit or not.
HOUSING_PERCENT = 15
# A lit lamp's brightest part gives at least this share of the light that the picture can hold (1: saturated), and this many times
# what the darkest of the three gives. EN 12368:2015 has a lit lamp at 100 cd and more, and its phantom light in the sun (class 3)
# at a eighth of that or less: 1/4 leaves room for a low sun on a worse lamp.
BRIGHT_MIN, CONTRAST_MIN = 0.16, 4.0
# A lamp that gives less than this share of the brightest one's light is unlit; in between nobody knows.
UNLIT_MAX, LIT_MIN = 0.25, 0.4
# Light counts towards a colour where it is at least this share of the lamp's own and not saturated in any channel.
RING_MIN, SATURATED = 0.06, 0.93
# Green and blue light as shares of the red (CIE S 004: signal red is 0.29 to 0.33 in y, yellow 0.38 to 0.44, green 0.36 to 0.56
# with x under 0.31), in linear sRGB, with room for what a camera makes of light outside its colours: between the bounds of red
# and amber the place decides.
RED_GREEN_MAX, AMBER_GREEN, AMBER_BLUE_MAX, RED_BLUE_MAX, GREEN_MIN = 0.55, (0.16, 1.0), 0.6, 0.6, 1.25
# A lamp is a disc in the middle of its third: its light's centre lies within this share of the third from the middle, and its
# corners give at most this share of its light. What passes before a head, or a box beside it, is not so.
OFF_MAX, CORNERS_MAX = 0.2, 0.6
# What the halo of the lamp beside it leaves in an unlit lamp falls off away from it by at least this factor across the lamp.
HALO_FALL = 1.5
# From dark to dark between two flashes, at 25 frames a second and more, it is a few frames; no signal shows anything else for so
# short a time (RiLSA 2015: amber 3 s, red and amber 1 s, green 5 s at least).
FLICKER = timedelta(seconds=0.5)
# A span is told once so many pictures showed it over so long a time: a lamp of a passing vehicle is gone by then.
PICTURES_MIN, LASTS_MIN = 3, timedelta(seconds=0.3)
SPANS_MAX = 128


@dataclass(frozen=True, slots=True)
class Shown:
    """What one picture of a head shows, with its margin: how many times clearer than needed, as a factor (1: just so).

    DARK says that no lamp could be seen to be lit, UNKNOWN that what was seen is no state of a signal: both with margin 0.
    """

    light: Light
    margin: float = 0.0


@dataclass(frozen=True, slots=True)
class Span:
    """`light` was shown in every picture from `from_at` to `until_at` but for flickers; what came before ended after
    `before_at`, the last picture that showed something else (None: nobody looked)."""

    light: Light
    from_at: datetime
    until_at: datetime
    before_at: datetime | None = None
    pictures: int = 1

    @property
    def sure(self) -> bool:
        return self.light in TOLD and self.pictures >= PICTURES_MIN and self.until_at - self.from_at >= LASTS_MIN


TOLD = (Light.RED, Light.RED_AMBER, Light.AMBER, Light.GREEN)


def too_small(width_px: float, height_px: float) -> bool:
    """Whether a head's part of the picture is too small, or no row of three lamps, to be read."""
    wide, long = sorted((width_px, height_px))
    return wide < WIDE_MIN_PX or long < LONG_MIN_PX or not LONG_MIN <= long / wide <= LONG_MAX


def read(pixels: Pixels) -> Shown:
    """What the head shows whose lamps fill those pixels, one above another or side by side."""
    if too_small(pixels.shape[1], pixels.shape[0]):
        return Shown(Light.UNKNOWN)
    upright = pixels.shape[0] > pixels.shape[1]
    light = _linear(pixels if upright else np.ascontiguousarray(pixels.transpose(1, 0, 2)))
    housing = np.asarray(np.percentile(light.reshape(-1, 3), HOUSING_PERCENT, axis=0))
    lamps = [_Lamp.of(light, n, housing) for n in range(3)]
    level = np.array([lamp.level for lamp in lamps])
    brightest, darkest = float(level.max()), float(level.min())
    contrast = brightest / max(darkest, 0.01)
    if brightest < BRIGHT_MIN or contrast < CONTRAST_MIN / 1.6:
        return Shown(Light.DARK)
    if contrast < CONTRAST_MIN:
        return Shown(Light.UNKNOWN)
    lit = [n for n in range(3) if level[n] >= LIT_MIN * brightest]
    doubtful = [n for n in range(3) if UNLIT_MAX * brightest < level[n] < LIT_MIN * brightest]
    source = int(level.argmax())
    own = _colours(lamps[source].added)
    halos = [n for n in (*lit, *doubtful) if n != source and _is_halo(lamps, n, source, own)]
    lit, doubtful = [n for n in lit if n not in halos], [n for n in doubtful if n not in halos]
    if doubtful or own is None:
        return Shown(Light.UNKNOWN)
    if not all(lamps[n].is_disc for n in lit):
        return Shown(Light.UNKNOWN)
    said = _state(lit, [_colours(lamps[n].added) for n in lit], upright)
    if said is Light.UNKNOWN:
        return Shown(said)
    others = [level[n] for n in range(3) if n not in lit]
    clear = min(brightest / BRIGHT_MIN, contrast / CONTRAST_MIN, UNLIT_MAX * brightest / max(*others, 0.01))
    return Shown(said, float(max(clear, 1.0)))


@dataclass(frozen=True, slots=True, eq=False)
class _Lamp:
    """One third of the head: the light of its brightest fifth as `level`, the light that each of its pixels adds to an unlit
    housing, the levels of the halves of its middle towards the first lamp and away from it, and whether it is a disc there."""

    level: float
    added: Array
    ends: tuple[float, float]
    is_disc: bool

    @staticmethod
    def of(light: Array, n: int, housing: Array) -> "_Lamp":
        height = light.shape[0]
        third = light[round(n * height / 3) : max(round((n + 1) * height / 3), 1)]
        down, across = (max(1, round(side * (1 - MIDDLE) / 2)) for side in third.shape[:2])
        middle = third[down:-down, across:-across].max(axis=2)
        half = max(1, middle.shape[0] // 2)
        ends = float(middle[:half].mean()), float(middle[-half:].mean())
        added = (third - housing).clip(0.0)
        return _Lamp(_top(middle), np.asarray(added.reshape(-1, 3)), ends, _is_disc(np.ptp(added, axis=2)))


def _is_disc(added: Array) -> bool:
    """Whether coloured light, (h, w), lies in the middle and not in the corners; a bright sky beside a head has no colour."""
    (height, width), total = added.shape, max(float(added.sum()), 1e-9)
    y = float((added.sum(axis=1) * (np.arange(height) + 0.5)).sum()) / total / height - 0.5
    x = float((added.sum(axis=0) * (np.arange(width) + 0.5)).sum()) / total / width - 0.5
    down, across = max(1, height // 7), max(1, width // 7)
    corners = [
        added[rows, columns].mean() for rows in (np.s_[:down], np.s_[-down:]) for columns in (np.s_[:across], np.s_[-across:])
    ]
    return bool(max(abs(x), abs(y)) <= OFF_MAX and max(corners) <= CORNERS_MAX * _top(added))


def _top(values: Array) -> float:
    """The mean of the brightest fifth: diodes are dots with darkness between them."""
    ordered = np.sort(values.ravel())
    return float(ordered[-max(1, len(ordered) // 5) :].mean())


def _linear(pixels: Pixels) -> Array:
    """The light of each pixel (0 to 1) by the curve of sRGB (IEC 61966-2-1), (h, w, 3)."""
    return np.asarray(_CURVE[pixels])


_coded = np.arange(256) / 255
_CURVE = np.where(_coded <= 0.04045, _coded / 12.92, ((_coded + 0.055) / 1.055) ** 2.4)


def _colours(added: Array) -> tuple[Light, ...] | None:
    """The colours that the added light may be of; None where it is white, or all of it saturated."""
    most = added.max(axis=1)
    ring = (most >= RING_MIN * max(float(most.max()), 1e-6)) & (most < SATURATED)
    # Where nearly all of it is saturated, what is left of the ring is the housing's own colour.
    if ring.sum() < max(3, 0.02 * len(added)):
        return None
    red, green, blue = (added[ring] * 1.0).sum(axis=0)
    colours = []
    if green <= RED_GREEN_MAX * red and blue <= RED_BLUE_MAX * red and blue <= 1.6 * green + 0.25 * red:
        colours.append(Light.RED)
    if AMBER_GREEN[0] * red <= green <= AMBER_GREEN[1] * red and blue <= AMBER_BLUE_MAX * green:
        colours.append(Light.AMBER)
    if green >= GREEN_MIN * red and blue <= 1.6 * green:
        colours.append(Light.GREEN)
    return tuple(colours) or None


def _is_halo(lamps: Sequence[_Lamp], n: int, source: int, own: tuple[Light, ...] | None) -> bool:
    """Whether lamp n has no light but that of the lamp beside it: the same colour, and falling off away from it."""
    if abs(n - source) != 1 or own is None or _colours(lamps[n].added) != own:
        return False
    near, far = lamps[n].ends if n > source else lamps[n].ends[::-1]
    return near >= HALO_FALL * far


def _state(lit: Sequence[int], colours: Sequence[tuple[Light, ...] | None], upright: bool) -> Light:
    """The state of a signal in which those lamps are lit, by the colours that each may have; UNKNOWN where it is none."""
    may = [set(each or ()) for each in colours]
    # Upright, red is above; side by side, red is at one end or the other, as the country has it, and amber in the middle.
    ends = {0: {Light.RED}, 2: {Light.GREEN}} if upright else {0: {Light.RED, Light.GREEN}, 2: {Light.RED, Light.GREEN}}
    told = [each & ends.get(n, {Light.AMBER}) for n, each in zip(lit, may, strict=True)]
    if any(len(each) != 1 for each in told):
        return Light.UNKNOWN
    shown = {light for each in told for light in each}
    if len(lit) == 1:
        return shown.pop()
    return Light.RED_AMBER if len(lit) == 2 and shown == {Light.RED, Light.AMBER} else Light.UNKNOWN


def together(heads: Sequence[Shown]) -> Shown:
    """What a signal shows by all of its heads: what those say that are read, where they agree."""
    told = [one for one in heads if one.light in TOLD]
    if len({one.light for one in told}) > 1:
        return Shown(Light.UNKNOWN)
    if told:
        return min(told, key=lambda one: one.margin)
    return heads[0] if all(one.light is Light.DARK for one in heads) else Shown(Light.UNKNOWN)


class Head:
    """One signal over time, picture by picture. `spans` are those in which it certainly showed one thing."""

    def __init__(self) -> None:
        self._spans: deque[Span] = deque(maxlen=SPANS_MAX)
        self._goes_on = False
        self._at: datetime | None = None

    def add(self, at: datetime, shown: Shown) -> None:
        """Takes in the next picture. Where time goes back, everything begins anew: the clock was set."""
        if self._at is not None and at < self._at:
            self._spans.clear()
            self._goes_on = False
        self._at = at
        if shown.light is Light.DARK:
            return
        if shown.light not in TOLD:
            self._goes_on = False
            return
        last = self._spans[-1] if self._spans else None
        if last is not None and last.light is shown.light and self._goes_on and at - last.until_at <= FLICKER:
            self._spans[-1] = replace(last, until_at=at, pictures=last.pictures + 1)
        else:
            if last is not None and not last.sure:
                # A lamp of something that passed is nobody's state, and tells nothing of when the next one began.
                self._spans.pop()
            before = self._spans[-1] if self._spans else None
            changed = before is not None and before.light is not shown.light
            self._spans.append(Span(shown.light, at, at, before.until_at if before is not None and changed else None))
        self._goes_on = True

    @property
    def spans(self) -> tuple[Span, ...]:
        """In order of time, at most SPANS_MAX; the last one may go on."""
        return tuple(span for span in self._spans if span.sure)
