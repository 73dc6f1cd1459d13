"""Draws number plates as they hang on vehicles: clean, frontal, with everything beside the text that a reader must not read.

    python -m training.plates.render --sheet sheet.png      a sheet of them, to look at

`draw` is the way in. What a camera does to a plate is in `camera`.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from clearway import plates
from training.plates import layouts
from training.plates.fonts import ABOVE_PX, CAPITAL_PX, FRAME_PX, Typeface, faces, glyph

Pixels = NDArray[np.uint8]
Colour = tuple[int, int, int]
Dice = np.random.Generator

REGIONS = ("unknown", "eu", "gb", "us", "br", "ar", "cn", "ir", "dz", "eg", "ru", "ua", "in", "vn")
HEIGHT_PX = 72  # of one line's plate
_MARKS = " -·*#|:"
WORDS = Path("/usr/share/dict/american-english")


@dataclass(frozen=True, slots=True)
class Drawn:
    """One plate: `pixels` (h, w, 3) RGB, `lines` the canonical text of its one or two lines, `edges_px` the left and right edge
    of every character of the first line."""

    pixels: Pixels
    lines: tuple[str, ...]
    region: str
    edges_px: tuple[tuple[float, float], ...]


@dataclass(slots=True)
class _Canvas:
    """A plate under the brush. `one_width` is how often its characters are struck with dies of one width, a W no wider than an M;
    `upright` how often its W is an M on its head; `cell` how wide such a die is against its height, where that is fixed."""

    pixels: Pixels
    dice: Dice
    one_width: float = 0.3
    upright: float = 0.1
    cell: tuple[float, float] | None = None
    edges: list[tuple[float, float]] = field(default_factory=list)

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    def ink(self, mask: Pixels, colour: Colour, x: int, y: int, *, embossed: float = 0.0) -> None:
        """Lays the colour where the mask is; what reaches beyond the plate is left out."""
        top, left = max(0, y), max(0, x)
        bottom, right = min(self.height, y + mask.shape[0]), min(self.width, x + mask.shape[1])
        if top >= bottom or left >= right:
            return
        mask = mask[top - y : bottom - y, left - x : right - x]
        place = self.pixels[top:bottom, left:right]
        alpha = (mask.astype(np.float32) / 255)[..., None]
        mixed = place + (np.asarray(colour, np.float32) - place) * alpha
        if embossed:
            light = cv2.Sobel(mask, cv2.CV_32F, 1, 1, ksize=3)[..., None] * (embossed / 255)
            mixed = mixed + light
        place[:] = np.clip(mixed, 0, 255).astype(np.uint8)

    def words(self, text: str, colour: Colour, x: float, y: float, height_px: float, width_px: float, face: Typeface) -> None:
        """Small print that is not the plate's text: a country, a state, a motto. Centred in the given width."""
        glyphs = [glyph(face, c) if c != " " else np.zeros((FRAME_PX, 30), np.uint8) for c in text]
        gap = np.zeros((FRAME_PX, 8), np.uint8)
        row = np.hstack([part for g in glyphs for part in (g, gap)])
        scale = height_px / CAPITAL_PX
        across = min(row.shape[1] * scale, width_px)
        size = (max(2, round(across)), max(2, round(FRAME_PX * scale)))
        mask = cv2.resize(row, size, interpolation=cv2.INTER_AREA)
        self.ink(mask, colour, round(x + (width_px - across) / 2), round(y - ABOVE_PX * scale))

    def line(
        self, tokens: str, colour: Colour, box: tuple[float, float, float, float], face: Typeface, chinese: Typeface | None = None
    ) -> str:
        """Writes one line of text into the box (left, top, right, bottom of its capitals) and returns its characters."""
        dice = self.dice
        left, top, right, bottom = box
        tall = bottom - top
        scale = tall / CAPITAL_PX
        cramped = dice.random() < self.one_width
        fixed = cramped or dice.random() < 0.3
        dies = _dies(tokens, face, chinese, dice, self.upright)
        natural = [0.0 if die is None else die.shape[1] * scale for die in dies]
        letters = [w for t, w in zip(tokens, natural, strict=True) if t not in _MARKS]
        cell = float(np.median(letters)) * dice.uniform(1.0, 1.12) if letters else 1.0
        if self.cell:
            cell = tall * dice.uniform(*self.cell)
        between = tall * dice.uniform(0.06, 0.2)
        marks = {" ": dice.uniform(0.15, 0.5), "-": 0.3, "·": 0.2, "*": 0.36, "#": dice.uniform(0.45, 0.7), "|": 0.12, ":": 0.15}
        widths = [
            marks[t] * tall if t in _MARKS else cell if cramped or (fixed and w <= 0.45 * cell) else max(w, cell) if fixed else w
            for t, w in zip(tokens, natural, strict=True)
        ]
        total = sum(widths) + between * (len(tokens) - 1)
        squeeze = min((right - left) / total, dice.uniform(1.0, 1.1 if self.cell else 1.35))
        x = left + (right - left - total * squeeze) * dice.uniform(0.35, 0.65)
        thick = int(dice.choice((-1, 0, 0, 0, 1, 2)))
        embossed = float(dice.uniform(0, 60)) if dice.random() < 0.4 else 0.0
        for token, die, width, wide in zip(tokens, dies, widths, natural, strict=True):
            if die is None:
                self._mark(token, colour, x, top, width * squeeze, tall)
            else:
                mask = die
                if thick and die.shape[1] > 20:
                    kernel = np.ones((1 + abs(thick) * 2,) * 2, np.uint8)
                    mask = cv2.dilate(die, kernel) if thick > 0 else cv2.erode(die, kernel)
                # In a fixed pitch the letters are drawn out to their cells, but an I or a 1 stays thin.
                across = min(width, wide * (1.6 if wide > 0.45 * cell else 1.0)) * squeeze
                size = (max(2, round(across)), max(4, round(FRAME_PX * scale)))
                mask = cv2.resize(mask, size, interpolation=cv2.INTER_AREA)
                self.ink(
                    mask, colour, round(x + (width * squeeze - across) / 2), round(top - ABOVE_PX * scale), embossed=embossed
                )
                self.edges.append((x, x + width * squeeze))
            x += (width + between) * squeeze
        return "".join(t for t in tokens if t not in _MARKS)

    def _mark(self, mark: str, colour: Colour, x: float, top: float, width: float, tall: float) -> None:
        dice = self.dice
        middle = (round(x + width / 2), round(top + tall * dice.uniform(0.4, 0.6)))
        if mark == "-":
            half = max(1, round(tall * 0.05))
            cv2.rectangle(
                self.pixels, (round(x + 0.1 * width), middle[1] - half), (round(x + 0.9 * width), middle[1] + half), colour, -1
            )
        elif mark in "·:":
            radius = max(1, round(tall * dice.uniform(0.05, 0.09)))
            for y in (middle[1],) if mark == "·" else (round(top + 0.3 * tall), round(top + 0.7 * tall)):
                cv2.circle(self.pixels, (middle[0], y), radius, colour, -1, cv2.LINE_AA)
        elif mark == "|":
            x = round(x + width / 2)
            cv2.line(self.pixels, (x, round(top - 0.2 * tall)), (x, round(top + 1.1 * tall)), colour, max(1, round(tall * 0.03)))
        elif mark == "*":
            for y in (0.25, 0.75) if dice.random() < 0.7 else (0.5,):
                centre, radius = (middle[0], round(top + y * tall)), max(2, round(tall * 0.17))
                cv2.circle(self.pixels, centre, radius, _any_colour(dice), -1, cv2.LINE_AA)
                cv2.circle(self.pixels, centre, round(radius * 0.6), _any_colour(dice), max(1, round(radius * 0.3)), cv2.LINE_AA)
        elif mark == "#" and dice.random() < 0.3:
            self.sticker(x + width / 2, top + tall * dice.uniform(0.35, 0.65), 0.5 * width, tall * dice.uniform(0.14, 0.32))
        elif mark == "#":
            for _ in range(int(dice.integers(1, 4))):
                centre = (
                    round(x + width * dice.uniform(0.3, 0.7)),
                    round(top + tall * dice.uniform(0.25, 0.75)),
                )
                axes = (max(2, round(width * dice.uniform(0.12, 0.45))), max(2, round(tall * dice.uniform(0.1, 0.45))))
                if dice.random() < 0.5:
                    cv2.ellipse(
                        self.pixels, centre, axes, float(dice.uniform(0, 180)), 0, 360, _any_colour(dice), -1, cv2.LINE_AA
                    )
                else:
                    shape = np.array(centre) + dice.uniform(-1, 1, (int(dice.integers(3, 7)), 2)) * axes
                    cv2.fillPoly(self.pixels, [shape.astype(np.int32)], _any_colour(dice), cv2.LINE_AA)

    def sticker(self, x: float, y: float, beside: float, beyond: float) -> None:
        """A sticker that reaches so far to all sides of its middle, with one or two rows of small print on it."""
        dice, (ground, ink) = self.dice, (_any_colour(self.dice), _any_colour(self.dice))
        top, left = round(y - beyond), round(x - beside)
        cv2.rectangle(self.pixels, (left, top), (round(x + beside), round(y + beyond)), ground, -1)
        rows = 1 if dice.random() < 0.6 else 2
        for row in range(rows):
            words = _filled(dice, str(dice.choice(("DD", "DD", "LLL", "A", "AA", "DDD"))))
            high = 2 * beyond / rows
            self.words(words, ink, left, top + high * (row + 0.2), 0.6 * high, 2 * beside, _latin(dice))

    def frame(self, colour: Colour, thick_px: int, inset_px: int) -> None:
        cv2.rectangle(
            self.pixels,
            (inset_px, inset_px),
            (self.width - 1 - inset_px, self.height - 1 - inset_px),
            colour,
            thick_px,
            cv2.LINE_AA,
        )

    def bolts(self, places: tuple[tuple[float, float], ...]) -> None:
        """Screws and rivets at these shares of width and height."""
        for across, down in places:
            centre = (round(across * self.width), round(down * self.height))
            radius = round(self.height * self.dice.uniform(0.025, 0.055))
            cv2.circle(self.pixels, centre, radius + 1, _grey(self.dice, 20, 200), -1, cv2.LINE_AA)
            cv2.circle(self.pixels, centre, max(1, radius - 1), _grey(self.dice, 60, 255), -1, cv2.LINE_AA)


def _dies(tokens: str, face: Typeface, chinese: Typeface | None, dice: Dice, upright: float) -> list[Pixels | None]:
    """What each character is struck with; None for a mark that is none. Some have one die for O and 0, some an I with serifs,
    and so often as `upright` says an M on its head for a W; most write Persian and Arabic letters no lower than the digits, and
    many give them, and their digits, shallow teeth."""
    alike = {} if dice.random() < 0.7 else {"0": "O"} if face.slashed or dice.random() < 0.5 else {"O": "0"}
    barred, level = (dice.uniform(0.6, 2.2) if dice.random() < 0.25 else 0.0), dice.random() < 0.85
    filled_px = int(dice.integers(3, 20)) if dice.random() < 0.5 else 0
    cut = _cut_anew(dice) if dice.random() < 0.6 else None
    on_its_head = dice.random() < upright
    dies: list[Pixels | None] = []
    for character in tokens:
        if character == "W" and on_its_head:
            die = _on_its_head(glyph(face, "M"))
        else:
            die = None if character in _MARKS else glyph(_face_of(character, face, chinese), alike.get(character, character))
        if die is not None and character == "I" and barred and die.shape[1] < CAPITAL_PX / 3:
            die = _barred(die, barred)
        elif die is not None and level and "ا" <= character <= "ی":
            die = _level(die)
        if die is not None and filled_px and character in "۲۳۴سصشض":
            die = _shallow(die, filled_px)
        dies.append(die if die is None or cut is None or "一" <= character <= "鿿" else cut(die))
    return dies


def _cut_anew(dice: Dice) -> Callable[[Pixels], Pixels]:
    """What makes one typeface into another: crossbars higher or lower, bows nearer to one side, a lean, corners round or sharp.

    The states and towns that strike plates each cut their own dies, and few of those are to be had as a font.
    """
    bend_x, bend_y = dice.uniform(-0.07, 0.07, 2)
    lean = dice.normal(0, 0.05) if dice.random() < 0.5 else 0.0
    soft, level = (dice.uniform(1.0, 4.5), dice.uniform(85, 140)) if dice.random() < 0.5 else (0.0, 0.0)

    def cut(die: Pixels) -> Pixels:
        wide = die.shape[1]
        side = 4 + round(abs(lean) * FRAME_PX / 2)
        y, x = np.mgrid[0:FRAME_PX, -side : wide + side].astype(np.float32)
        down = (y - ABOVE_PX) / CAPITAL_PX
        inside = (down > 0) & (down < 1)
        from_y = y + np.where(inside, np.float32(bend_y * CAPITAL_PX) * np.sin(np.pi * down), np.float32(0))
        from_x = x + np.float32(bend_x * wide) * np.sin(np.pi * np.clip(x / wide, 0, 1)) + np.float32(lean) * (y - FRAME_PX / 2)
        die = cv2.remap(die, from_x, from_y, cv2.INTER_LINEAR)
        if soft:
            die = np.clip((cv2.GaussianBlur(die, (0, 0), soft).astype(np.float32) - level) * 6 + 128, 0, 255).astype(np.uint8)
        columns = np.flatnonzero((die > 127).any(axis=0))
        return die[:, columns[0] : columns[-1] + 1] if len(columns) else die[:, side:-side]

    return cut


def _on_its_head(mask: Pixels) -> Pixels:
    """A capital upside down: what the narrow dies of America have for a W, its sides upright."""
    turned = np.zeros_like(mask)
    turned[ABOVE_PX : ABOVE_PX + CAPITAL_PX] = mask[ABOVE_PX : ABOVE_PX + CAPITAL_PX][::-1]
    return turned


def _barred(mask: Pixels, reach: float) -> Pixels:
    """A stroke that is an I, with a bar above and below it that reaches so many strokes to each side."""
    stroke = mask.shape[1]
    side = min(round(stroke * reach) + 3, CAPITAL_PX // 3)
    barred = np.pad(mask, ((0, 0), (side, side)))
    thick = max(5, round(stroke * 0.7))
    barred[ABOVE_PX : ABOVE_PX + thick] = barred[ABOVE_PX + CAPITAL_PX - thick : ABOVE_PX + CAPITAL_PX] = 255
    return barred


def _shallow(mask: Pixels, filled_px: int) -> Pixels:
    """A character with teeth whose gaps are filled to where they are so wide: dies have them shallower than fonts do."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (filled_px, filled_px))
    closed = cv2.morphologyEx(np.pad(mask, filled_px), cv2.MORPH_CLOSE, disc)
    return np.ascontiguousarray(closed[filled_px:-filled_px, filled_px:-filled_px])


def _level(mask: Pixels) -> Pixels:
    """A letter moved to the middle of a capital's height, and made smaller where it is much taller than one."""
    rows = np.flatnonzero(mask.any(axis=1))
    ink = mask[rows[0] : rows[-1] + 1]
    scale = min(1.0, 1.1 * CAPITAL_PX / len(ink))
    size = (max(4, round(ink.shape[1] * scale)), max(4, round(len(ink) * scale)))
    ink = cv2.resize(ink, size, interpolation=cv2.INTER_AREA)
    top = ABOVE_PX + (CAPITAL_PX - len(ink)) // 2
    return np.pad(ink, ((top, FRAME_PX - top - len(ink)), (0, 0)))


def _face_of(token: str, face: Typeface, chinese: Typeface | None) -> Typeface:
    return chinese if chinese is not None and "一" <= token <= "鿿" else face


def _any_colour(dice: Dice) -> Colour:
    r, g, b = (int(v) for v in dice.integers(0, 256, 3))
    return r, g, b


def _grey(dice: Dice, low: int, high: int) -> Colour:
    v = int(dice.integers(low, high))
    return v, v, v


def _near(dice: Dice, colour: Colour, spread: int = 22) -> Colour:
    r, g, b = (int(np.clip(v + dice.integers(-spread, spread + 1), 0, 255)) for v in colour)
    return r, g, b


def _filled(dice: Dice, layout: str, letters: str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ") -> str:
    """The layout with its L, D and A drawn at random."""
    pools = {"L": letters, "D": "0123456789", "A": "0123456789" + letters}
    return "".join(str(dice.choice(list(pools[c]))) if c in pools else c for c in layout)


def _wish(dice: Dice) -> str:
    """What its keeper wished for: a word or two, or what can be spoken, at times with digits for sounds. An O among letters is
    hardly ever a 0."""
    if dice.random() < 0.6:
        return _worded(dice)
    text = "".join(str(_pick(dice, part)) for part in (layouts.BEGINNINGS, layouts.VOWELS, layouts.ENDINGS))
    if dice.random() < 0.5:
        text += str(_pick(dice, layouts.VOWELS)) + str(_pick(dice, layouts.ENDINGS))
    text += _filled(dice, "L" * max(0, 3 - len(text)))
    text = text[: int(dice.integers(2, 9))]
    if dice.random() < 0.3:
        text = text[:-1] + str(dice.integers(0, 10)) if dice.random() < 0.5 else str(dice.integers(1, 10)) + text[1:]
    if dice.random() < 0.25:
        at = int(dice.integers(1, len(text)))
        text = text[:at] + " " + text[at:]
    return text[:8]


def _worded(dice: Dice) -> str:
    """A word or two that fit on a plate, at times without vowels, or with a digit for what sounds or looks like it."""
    text = str(_pick(dice, words()))
    if dice.random() < 0.4:
        gap = " " if dice.random() < 0.3 else ""
        text += gap + str(_pick(dice, words()))
    if dice.random() < 0.3:
        text = text[0] + "".join(c for c in text[1:-1] if c not in "AEIOU") + text[-1]
    if dice.random() < 0.25:
        sound, digit = layouts.SOUNDS[int(dice.integers(len(layouts.SOUNDS)))]
        text = text.replace(sound, digit, 1)
    text = text[: int(dice.integers(5, 9))].rstrip()
    return text if len(text) > 1 else text + _filled(dice, "DD")


@lru_cache(maxsize=1)
def words() -> tuple[str, ...]:
    """English words of two to eight capitals, from Debian's `wamerican` (SCOWL: free for any use)."""
    if not WORDS.is_file():
        raise SystemExit(f"{WORDS} is missing, from which words on plates are taken: apt install wamerican")
    every = WORDS.read_text("utf-8").splitlines()
    return tuple(word.upper() for word in every if 2 <= len(word) <= 8 and word.isascii() and word.isalpha())


_LETTERS_LESS_ALIKE = "ABCDEFGHJKLMNPRSTUVWXYZ"


def _letters(dice: Dice) -> str:
    return "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if dice.random() < 0.6 else _LETTERS_LESS_ALIKE


def _pick(dice: Dice, items: "list[Typeface] | tuple[str, ...] | list[str]") -> "Typeface | str":
    return items[int(dice.integers(len(items)))]  # numpy's choice would turn typefaces into arrays


def _latin(dice: Dice) -> Typeface:
    use = dice.choice(("road", "condensed", "wide"), p=(0.4, 0.4, 0.2))
    return _pick(dice, faces()[str(use)])  # type: ignore[return-value]


def _ground(dice: Dice, width: int, height: int, colour: Colour) -> _Canvas:
    """A plate of that colour, not quite even: a light gradient and dirt."""
    pixels = np.empty((height, width, 3), np.uint8)
    pixels[:] = colour
    return _Canvas(pixels, dice)


def _european(dice: Dice) -> Drawn:
    country = str(_pick(dice, [*layouts.EUROPE, "GB", "GB"]))
    layout = str(_pick(dice, layouts.EUROPE[country]))
    two_lines = dice.random() < 0.1 and any(mark in layout for mark in " -*#")
    ground: Colour = (244, 244, 240)
    ink: Colour = (18, 18, 20)
    if (country in ("NL", "L") or (country in ("GB", "F", "DK", "IL") and dice.random() < 0.4)) or dice.random() < 0.04:
        ground = (245, 200, 30)
    if country == "B":
        ink = (150, 20, 40)
    if dice.random() < 0.03:
        ink = (20, 110, 40) if dice.random() < 0.5 else (180, 20, 30)
    band = dice.random() < (0.5 if country == "GB" else 0.85)
    tokens = _filled(dice, layout, _letters(dice))
    height = HEIGHT_PX * 2 if two_lines else HEIGHT_PX
    width = round(height * (dice.uniform(1.2, 1.75) if two_lines else dice.uniform(4.1, 4.9)))
    canvas = _ground(dice, width, height, _near(dice, ground))
    edge = HEIGHT_PX * dice.uniform(0.03, 0.07)
    band_px = HEIGHT_PX * dice.uniform(0.34, 0.46) if band else 0.0
    if band:
        _band(canvas, country, band_px, height)
    right = width - edge - HEIGHT_PX * dice.uniform(0.03, 0.12)
    if country in ("I", "F", "P", "AL") and dice.random() < 0.6 and not two_lines:
        right -= HEIGHT_PX * 0.4
        colour = (240, 200, 40) if country == "P" else (20, 50, 150)
        cv2.rectangle(canvas.pixels, (round(right + 4), 0), (width, height), _near(dice, colour), -1)
        if dice.random() < 0.7:
            for n, digits in enumerate(_filled(dice, "DD DD").split()):
                canvas.words(
                    digits,
                    ink if country == "P" else (240, 240, 240),
                    right + 6,
                    height * (0.15 + 0.45 * n),
                    16,
                    22,
                    _latin(dice),
                )
    if dice.random() < 0.7:
        canvas.frame(_near(dice, ink), max(1, round(edge * 0.5)), round(edge * 0.4))
    region = "gb" if country == "GB" else "ua" if country == "UA" else "eu"
    lines = _lines(canvas, tokens, ink, band_px + edge + HEIGHT_PX * dice.uniform(0.04, 0.14), right, two_lines=two_lines)
    if dice.random() < 0.3:
        canvas.bolts(((dice.uniform(0.1, 0.3), 0.5), (dice.uniform(0.7, 0.9), 0.5)))
    return _done(canvas, lines, region, round(band_px) if dice.random() < 0.08 else 0)


def _band(canvas: _Canvas, country: str, band_px: float, height: int) -> None:
    """The blue strip with a ring of stars or a flag, and the country's letters."""
    dice = canvas.dice
    side = round(band_px)
    blue = _near(dice, (20, 60, 170), 30)
    canvas.pixels[:, :side] = blue
    low, tall = (height if height == HEIGHT_PX else HEIGHT_PX), HEIGHT_PX
    if country == "UA":
        canvas.pixels[: low // 2, :side] = _near(dice, (30, 90, 200))
        canvas.pixels[low // 4 : low // 2, :side] = _near(dice, (240, 210, 40))
    elif dice.random() < 0.8:
        radius = side * dice.uniform(0.26, 0.36)
        for angle in np.linspace(0, 2 * np.pi, 12, endpoint=False):
            place = (round(side / 2 + radius * np.cos(angle)), round(tall * 0.32 + radius * np.sin(angle)))
            cv2.circle(canvas.pixels, place, 1 if dice.random() < 0.6 else 2, (250, 220, 60), -1, cv2.LINE_AA)
    elif dice.random() < 0.5:
        cv2.rectangle(canvas.pixels, (2, round(tall * 0.15)), (side - 3, round(tall * 0.45)), _any_colour(dice), -1)
    canvas.words(country, (245, 245, 245), 2, tall * 0.64, tall * dice.uniform(0.2, 0.28), side - 4, _latin(dice))


def _lines(
    canvas: _Canvas, tokens: str, ink: Colour, left: float, right: float, *, two_lines: bool, face: Typeface | None = None,
    chinese: Typeface | None = None, tall: tuple[float, float] = (0.62, 0.8), middle: float | None = None,
) -> tuple[str, ...]:  # fmt: skip
    """Writes the text in one line, or in two where the layout says so or `two_lines` breaks it at a mark near its middle."""
    dice = canvas.dice
    face = face or _latin(dice)
    ink = _near(dice, ink, 15)
    height = canvas.height
    if two_lines and "/" not in tokens:
        breaks = [i for i, c in enumerate(tokens) if c in _MARKS]
        at = min(breaks, key=lambda i: abs(i - len(tokens) / 2))
        tokens = tokens[:at] + "/" + tokens[at + 1 :]
    if "/" not in tokens:
        capital = height * dice.uniform(*tall)
        top = (middle if middle is not None else dice.uniform(0.48, 0.52)) * height - capital / 2
        return (canvas.line(tokens, ink, (left, top, right, top + capital), face, chinese),)
    upper, lower = tokens.split("/")
    half = height / 2
    capital = half * dice.uniform(0.6, 0.8)
    small = capital * (dice.uniform(0.6, 0.9) if dice.random() < 0.4 else 1.0)
    top = half * 0.5 - small / 2 + half * dice.uniform(0.03, 0.1)
    texts = [canvas.line(upper, ink, (left, top, right, top + small), face, chinese)]
    top = half * 1.5 - capital / 2 - half * dice.uniform(0.0, 0.06)
    texts.append(canvas.line(lower, ink, (left if dice.random() < 0.5 else 6, top, right, top + capital), face, chinese))
    return tuple(texts)


def _plain(dice: Dice) -> Drawn:
    """Plates without a band: many countries, old ones, and ones that no country issues."""
    country = str(_pick(dice, list(layouts.NO_BAND)))
    layout = str(_pick(dice, layouts.NO_BAND[country]))
    tokens = _filled(dice, layout, _letters(dice))
    two_lines = "/" in tokens or (dice.random() < 0.15 and any(mark in tokens for mark in " -·"))
    height = HEIGHT_PX * 2 if two_lines else HEIGHT_PX
    width = round(height * (dice.uniform(1.1, 2.0) if two_lines else dice.uniform(3.0, 4.9)))
    ground, ink = (242, 242, 238), (20, 20, 22)
    if country in ("MY", "SG") or (country == "OLD" and dice.random() < 0.5):
        ground, ink = (25, 25, 28), (225, 225, 225)
    elif country in ("IL", "CO") or dice.random() < 0.12:
        ground = (240, 195, 40)
    elif dice.random() < 0.05:
        ground, ink = (30, 120, 60), (240, 240, 240)
    canvas = _ground(dice, width, height, _near(dice, ground))
    if dice.random() < 0.7:
        canvas.frame(_near(dice, ink), int(dice.integers(1, 4)), int(dice.integers(1, 5)))
    margin = HEIGHT_PX * dice.uniform(0.08, 0.25)
    if country == "IN" and dice.random() < 0.3:
        canvas.words("IND", (30, 60, 150), 4, height * 0.65, 12, 22, _latin(dice))
        margin = 30.0
    lines = _lines(canvas, tokens, ink, margin, width - HEIGHT_PX * 0.12, two_lines=two_lines)
    if dice.random() < 0.4:
        canvas.bolts(((dice.uniform(0.05, 0.3), dice.uniform(0.1, 0.5)), (dice.uniform(0.7, 0.95), dice.uniform(0.1, 0.5))))
    region = {"RU": "ru", "IN": "in", "VN": "vn"}.get(country, "unknown")
    return _done(canvas, lines, region)


def _american(dice: Dice) -> Drawn:
    height = HEIGHT_PX * 2 - 16
    width = round(height * dice.uniform(1.85, 2.1))
    pale = _near(dice, tuple(int(v) for v in dice.integers(190, 256, 3)), 10)  # type: ignore[arg-type]
    inks: tuple[Colour, ...] = (
        (20, 30, 90),
        (20, 20, 25),
        (150, 25, 35),
        (20, 90, 50),
        (30, 50, 140),
        (60, 40, 30),
        (90, 30, 80),
    )
    ground, ink = ((245, 245, 245) if dice.random() < 0.45 else pale), inks[int(dice.integers(len(inks)))]
    if dice.random() < 0.12:
        ground, ink = ink, _near(dice, (240, 235, 200))
    elif dice.random() < 0.08:
        ground = _near(dice, (245, 200, 60))
    elif dice.random() < 0.1:  # colours that are hardly apart
        ground, ink = _any_colour(dice), _any_colour(dice)
        while not 130 < abs(sum(ground) - sum(ink)) < 300:
            ground, ink = _any_colour(dice), _any_colour(dice)
    canvas = _ground(dice, width, height, _near(dice, ground))
    canvas.one_width, canvas.upright = 0.75, 0.6
    if dice.random() < 0.5:  # a ground that changes from top to bottom
        other = np.asarray(_near(dice, pale if dice.random() < 0.7 else _any_colour(dice), 40), np.float32)
        share = np.clip(np.linspace(dice.uniform(-0.5, 0.8), dice.uniform(-0.5, 0.8), height), 0, 0.8)[:, None, None]
        canvas.pixels[:] = (canvas.pixels * (1 - share) + other * share).astype(np.uint8)
    if dice.random() < 0.35:  # a picture behind the text, faint
        layer = canvas.pixels.copy()
        for _ in range(int(dice.integers(1, 5))):
            centre = (int(dice.integers(0, width)), int(dice.integers(0, height)))
            axes = (int(dice.integers(8, width // 3)), int(dice.integers(6, height // 2)))
            cv2.ellipse(layer, centre, axes, float(dice.uniform(0, 180)), 0, 360, _any_colour(dice), -1, cv2.LINE_AA)
        canvas.pixels[:] = cv2.addWeighted(canvas.pixels, 0.75, layer, 0.25, 0)
    if dice.random() < 0.25:
        bar = round(height * dice.uniform(0.12, 0.24))
        canvas.pixels[:bar] = _any_colour(dice)
    if dice.random() < 0.15:
        canvas.pixels[-round(height * dice.uniform(0.1, 0.2)) :] = _any_colour(dice)
    words_ink = ink if dice.random() < 0.5 else _any_colour(dice)
    if dice.random() < 0.9:
        name = str(_pick(dice, layouts.STATES))
        canvas.words(
            name if dice.random() < 0.7 else name.title(), words_ink, width * 0.15, height * dice.uniform(0.04, 0.1),
            height * dice.uniform(0.09, 0.17), width * dice.uniform(0.5, 0.7), _latin(dice),
        )  # fmt: skip
    if dice.random() < 0.75:
        canvas.words(
            str(_pick(dice, layouts.MOTTOES)), words_ink, width * 0.15, height * dice.uniform(0.83, 0.88),
            height * dice.uniform(0.06, 0.1), width * 0.7, _latin(dice),
        )  # fmt: skip
    if dice.random() < 0.5:  # dies of one size on a plate of one size, 70 mm high and about 32 wide on 152 by 305
        canvas.one_width, canvas.cell = 1.0, (0.38, 0.52)
    tokens = _wish(dice) if dice.random() < 0.35 else _filled(dice, str(_pick(dice, layouts.AMERICA)), _letters(dice))
    left = width * dice.uniform(0.03, 0.09)
    small_before = dice.random() < 0.08  # two small letters, one above the other, that do not belong to the text
    if small_before:
        left += height * 0.15
        for n in range(2):
            canvas.words(
                _filled(dice, "L"), ink, width * 0.03, height * (0.32 + 0.2 * n), height * 0.14, height * 0.12, _latin(dice)
            )
    lines = _lines(canvas, tokens, ink, left, width * dice.uniform(0.91, 0.97), two_lines=False, tall=(0.4, 0.58))
    for across, down in ((0.07, 0.1), (0.9, 0.1), (0.07, 0.86), (0.9, 0.86)):  # stickers of the month and year
        if dice.random() < 0.25:
            canvas.sticker(width * across, height * down, height * dice.uniform(0.08, 0.13), height * dice.uniform(0.06, 0.09))
    if dice.random() < 0.6:
        canvas.bolts(((0.2, 0.07), (0.8, 0.07), (0.2, 0.93), (0.8, 0.93)) if dice.random() < 0.6 else ((0.2, 0.07), (0.8, 0.07)))
    if dice.random() < 0.45:  # a dealer's frame covers the rim, often with words on it
        colour, thick = _grey(dice, 10, 230), round(height * dice.uniform(0.03, 0.12))
        canvas.frame(colour, thick * 2, 0)
        if dice.random() < 0.5:
            lettering = _near(dice, (240, 240, 240) if colour[0] < 120 else (20, 20, 20))
            canvas.words(
                str(_pick(dice, layouts.MOTTOES)),
                lettering,
                width * 0.2,
                height - thick * 0.9,
                thick * 0.7,
                width * 0.6,
                _latin(dice),
            )
    return _done(canvas, lines, "us")


def _brazilian(dice: Dice) -> Drawn:
    new, two_lines = dice.random() < 0.35, dice.random() < 0.12
    height = HEIGHT_PX * 2 if two_lines else 84
    width = round(height * (dice.uniform(1.1, 1.3) if two_lines else dice.uniform(2.9, 3.3)))
    tokens = _filled(dice, str(_pick(dice, layouts.BRAZIL if new else layouts.BRAZIL_OLD)))
    if two_lines:
        tokens = tokens.replace(" ", "").replace("·", "").replace("-", "")
        tokens = tokens[:3] + "/" + tokens[3:]
    ground, ink = ((240, 240, 240), (25, 25, 28)) if new else ((168, 170, 172), (25, 25, 28))
    if dice.random() < 0.12:
        ground, ink = (170, 30, 40), (235, 235, 235)
    canvas = _ground(dice, width, height, _near(dice, ground, 30))
    # The old plates' typeface, Mandatory, is not free; its W is upright.
    canvas.upright = 0.1 if new else 0.6
    if dice.random() < 0.6:
        canvas.frame(_near(dice, ink), int(dice.integers(1, 3)), 2)
    high = height * dice.uniform(0.14, 0.2)
    if new:
        canvas.pixels[: round(high * 1.4)] = _near(dice, (20, 60, 160))
        canvas.words("BRASIL", (240, 240, 240), width * 0.3, high * 0.2, high * 0.9, width * 0.4, _latin(dice))
    else:
        if dice.random() < 0.5:
            canvas.pixels[round(high * 0.15) : round(high * 1.35), round(width * 0.15) : round(width * 0.85)] = _near(
                dice, ground, 45
            )
        canvas.words(str(_pick(dice, layouts.TOWNS)), ink, width * 0.15, high * 0.35, high * 0.75, width * 0.7, _latin(dice))
    lines = _lines(
        canvas, tokens, ink, width * 0.04, width * 0.96, two_lines=two_lines, tall=(0.52, 0.66), middle=dice.uniform(0.57, 0.63)
    )
    if dice.random() < 0.5:
        canvas.bolts(((0.25, 0.12), (0.75, 0.12)))
    return _done(canvas, lines, "br")


def _argentine(dice: Dice) -> Drawn:
    new = dice.random() < 0.5
    height = 84
    width = round(height * dice.uniform(2.6, 3.2))
    tokens = _filled(dice, str(_pick(dice, layouts.ARGENTINA if new else layouts.ARGENTINA_OLD)))
    if new:
        canvas = _ground(dice, width, height, _near(dice, (240, 240, 240)))
        bar = round(height * dice.uniform(0.18, 0.26))
        canvas.pixels[:bar] = _near(dice, (30, 70, 160))
        canvas.words("REPUBLICA ARGENTINA", (240, 240, 240), width * 0.2, bar * 0.25, bar * 0.5, width * 0.6, _latin(dice))
        ink: Colour = (20, 20, 22)
    else:
        canvas = _ground(dice, width, height, _near(dice, (28, 28, 30)))
        canvas.frame((225, 225, 225), 3, 4)
        ink = (230, 230, 230)
        at = 0.08 if dice.random() < 0.5 else 0.82
        canvas.words("ARGENTINA", ink, width * 0.25, height * at, height * 0.1, width * 0.5, _latin(dice))
    lines = _lines(
        canvas, tokens, ink, width * 0.04, width * 0.96, two_lines=False, tall=(0.5, 0.64), middle=0.58 if new else 0.5
    )
    return _done(canvas, lines, "ar")


def _chinese(dice: Dice) -> Drawn:
    colour = dice.choice(("blue", "green", "yellow", "white", "black"), p=(0.6, 0.15, 0.17, 0.04, 0.04))
    pools = {"green": layouts.CHINA_GREEN, "yellow": layouts.CHINA_YELLOW}
    layout = str(_pick(dice, pools.get(str(colour), layouts.CHINA_BLUE)))
    first = str(_pick(dice, list(plates.CHINESE[:31])))
    tokens = _filled(dice, layout, _LETTERS_LESS_ALIKE).replace("C", first, 1) if layout[0] == "C" else layout
    if dice.random() < 0.08 and tokens[-1] != "学" and "/" not in tokens:
        tokens = tokens[:-1] + str(_pick(dice, list(plates.CHINESE[31:])))
    grounds: dict[str, tuple[Colour, Colour]] = {
        "blue": ((20, 70, 180), (240, 240, 240)), "green": ((120, 210, 150), (20, 20, 20)),
        "yellow": ((240, 190, 40), (20, 20, 20)),
        "white": ((240, 240, 240), (20, 20, 20)), "black": ((25, 25, 25), (235, 235, 235)),
    }  # fmt: skip
    ground, ink = grounds[str(colour)]
    two_lines = "/" in tokens
    height = HEIGHT_PX * 2 if two_lines else HEIGHT_PX
    width = round(height * (dice.uniform(1.8, 2.1) if two_lines else dice.uniform(3.0, 3.4)))
    canvas = _ground(dice, width, height, _near(dice, ground, 30))
    if colour == "green":
        share = np.linspace(0.8, 0.0, height)[:, None, None]
        canvas.pixels[:] = (canvas.pixels * (1 - share) + np.float32([235, 245, 238]) * share).astype(np.uint8)
    if dice.random() < 0.8:
        canvas.frame(_near(dice, ink), int(dice.integers(1, 3)), int(dice.integers(1, 5)))
    face = _pick(dice, faces()["chinese"])
    lines = _lines(
        canvas,
        tokens,
        ink,
        width * 0.035,
        width * 0.965,
        two_lines=two_lines,
        chinese=face,
        tall=(0.6, 0.72),  # type: ignore[arg-type]
    )
    if dice.random() < 0.5:
        canvas.bolts(((0.25, 0.1), (0.75, 0.1), (0.25, 0.9), (0.75, 0.9)))
    return _done(canvas, lines, "cn")


_PERSIAN_DIGITS = str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")
_ARABIC_DIGITS = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")


def _iranian(dice: Dice) -> Drawn:
    height = HEIGHT_PX
    width = round(height * dice.uniform(4.2, 4.8))
    grounds: tuple[tuple[Colour, Colour], ...] = (
        ((242, 242, 240), (20, 20, 20)), ((242, 242, 240), (20, 20, 20)), ((242, 242, 240), (20, 20, 20)),
        ((240, 195, 40), (20, 20, 20)),
        ((180, 25, 30), (240, 240, 240)), ((30, 120, 60), (240, 240, 240)),
    )  # fmt: skip
    ground, ink = grounds[int(dice.integers(len(grounds)))]
    canvas = _ground(dice, width, height, _near(dice, ground))
    band = round(height * dice.uniform(0.36, 0.5))
    canvas.pixels[:, :band] = _near(dice, (20, 60, 160))
    for n, colour in enumerate(((30, 140, 60), (240, 240, 240), (200, 30, 40))):
        canvas.pixels[round(height * (0.12 + 0.09 * n)) : round(height * (0.12 + 0.09 * (n + 1))), 4 : band - 4] = colour
    for n, word in enumerate(("I.R.", "IRAN")):
        canvas.words(word, (240, 240, 240), 3, height * (0.55 + 0.22 * n), height * 0.13, band - 6, _latin(dice))
    face: Typeface = _pick(dice, faces()["persian" if dice.random() < 0.6 else "arabic"])  # type: ignore[assignment]
    canvas.one_width = 0.6
    letter = str(_pick(dice, list(layouts.IRAN_LETTERS)))
    digits = _filled(dice, "DD DDD DD").translate(_PERSIAN_DIGITS).split()
    box = round(width * dice.uniform(0.79, 0.83))
    tall = height * dice.uniform(0.55, 0.68)
    top = height * dice.uniform(0.16, 0.24)
    main = canvas.line(f"{digits[0]} {letter} {digits[1]}", ink, (band + height * 0.1, top, box - height * 0.1, top + tall), face)
    cv2.line(canvas.pixels, (box, 2), (box, height - 3), ink, 2)
    canvas.words("ایران"[::-1], ink, box + 4, height * 0.1, height * 0.16, width - box - 8, face)
    low = height * dice.uniform(0.36, 0.42)
    code = canvas.line(
        digits[2], ink, (box + height * 0.08, low, width - height * 0.08, low + height * dice.uniform(0.42, 0.52)), face
    )
    if dice.random() < 0.8:
        canvas.frame(_near(dice, ink), 2, 2)
    return _done(canvas, (main + code,), "ir", band if dice.random() < 0.15 else 0)


def _egyptian(dice: Dice) -> Drawn:
    square = dice.random() < 0.5
    height = HEIGHT_PX * 2
    width = round(height * (dice.uniform(1.0, 1.3) if square else dice.uniform(1.8, 2.2)))
    canvas = _ground(dice, width, height, _near(dice, (240, 240, 238)))
    bar = round(height * dice.uniform(0.2, 0.32))
    canvas.pixels[:bar] = _near(dice, _any_colour(dice) if dice.random() < 0.4 else (40, 130, 200))
    face: Typeface = _pick(dice, faces()["arabic"])  # type: ignore[assignment]
    canvas.words("EGYPT", (20, 20, 20), width * 0.05, bar * 0.25, bar * 0.5, width * 0.4, _latin(dice))
    canvas.words("رصم", (20, 20, 20), width * 0.55, bar * 0.25, bar * 0.5, width * 0.4, face)
    digits = _filled(dice, "DDDD"[: int(dice.integers(3, 5))]).translate(_ARABIC_DIGITS)
    letters = "".join(str(_pick(dice, list(layouts.EGYPT_LETTERS))) for _ in range(int(dice.integers(2, 4))))
    ink = (20, 20, 20)
    if square:
        low = height - bar
        first = canvas.line(" ".join(letters), ink, (width * 0.08, bar + low * 0.1, width * 0.92, bar + low * 0.36), face)
        second = canvas.line(" ".join(digits), ink, (width * 0.08, bar + low * 0.54, width * 0.92, bar + low * 0.88), face)
        lines: tuple[str, ...] = (first, second)
    else:
        half = width * dice.uniform(0.48, 0.56)
        top, tall = bar + (height - bar) * 0.24, (height - bar) * dice.uniform(0.42, 0.52)
        first = canvas.line(" ".join(digits), ink, (width * 0.04, top, half - 6, top + tall), face)
        second = canvas.line(" ".join(letters), ink, (half + 6, top, width * 0.96, top + tall), face)
        cv2.line(canvas.pixels, (round(half), bar), (round(half), height), ink, 2)
        lines = (first + second,)
    canvas.frame(_near(dice, ink), 3, 2)
    return _done(canvas, lines, "eg")


def _algerian(dice: Dice) -> Drawn:
    layout = str(_pick(dice, layouts.ALGERIA))
    if "/" in layout and dice.random() < 0.6:
        layout = layout.replace("/", " ")
    two_lines = "/" in layout
    height = HEIGHT_PX * 2 if two_lines else HEIGHT_PX
    width = round(height * (dice.uniform(1.3, 2.1) if two_lines else dice.uniform(3.6, 5.0)))
    tokens = _filled(dice, layout)
    ground, ink = ((242, 242, 240) if dice.random() < 0.6 else (245, 205, 40)), (20, 20, 22)
    if dice.random() < 0.05:
        ground, ink = (25, 25, 28), (235, 235, 235)
    canvas = _ground(dice, width, height, _near(dice, ground))
    left = HEIGHT_PX * dice.uniform(0.08, 0.3)
    if dice.random() < 0.2:
        left = HEIGHT_PX * 0.45
        canvas.pixels[:, : round(left)] = _near(dice, (30, 110, 60) if dice.random() < 0.5 else (20, 60, 170))
        canvas.words("DZ", (240, 240, 240), 3, HEIGHT_PX * 0.6, 14, left - 6, _latin(dice))
    if dice.random() < 0.5:
        canvas.frame(_near(dice, ink), int(dice.integers(1, 4)), int(dice.integers(1, 5)))
    lines = _lines(canvas, tokens, ink, left + 4, width - HEIGHT_PX * 0.12, two_lines=two_lines)
    return _done(canvas, lines, "dz")


def _strange(dice: Dice) -> Drawn:
    """Any characters in any colours: what the reader must not take from the formats it knows."""
    count = int(dice.integers(3, 10))
    tokens = _filled(dice, "A" * count)
    if dice.random() < 0.5:
        at = int(dice.integers(1, count))
        tokens = tokens[:at] + str(dice.choice(list(" -·#*"))) + tokens[at:]
    width = round(HEIGHT_PX * dice.uniform(1.8, 5.0))
    ground, ink = _any_colour(dice), _any_colour(dice)
    while abs(sum(ground) - sum(ink)) < 200:
        ground, ink = _any_colour(dice), _any_colour(dice)
    canvas = _ground(dice, width, HEIGHT_PX, ground)
    lines = _lines(
        canvas,
        tokens,
        ink,
        HEIGHT_PX * dice.uniform(0.05, 0.3),
        width - HEIGHT_PX * dice.uniform(0.05, 0.3),
        two_lines=False,
        tall=(0.4, 0.85),
    )
    return _done(canvas, lines, "unknown")


def _done(canvas: _Canvas, lines: tuple[str, ...], region: str, band_px: int = 0) -> Drawn:
    """The finished plate, with a light gradient on it; `band_px` is what a detector took for no part of it, at its left."""
    dice = canvas.dice
    if dice.random() < 0.5:
        height, width = canvas.pixels.shape[:2]
        across = np.linspace(dice.uniform(0.75, 1.1), dice.uniform(0.75, 1.1), width, dtype=np.float32)
        down = np.linspace(dice.uniform(0.85, 1.05), dice.uniform(0.85, 1.05), height, dtype=np.float32)
        canvas.pixels[:] = np.clip(canvas.pixels * (down[:, None] * across)[..., None], 0, 255).astype(np.uint8)
    texts = tuple(text.translate(_TO_LATIN) for text in lines)
    edges = tuple((left - band_px, right - band_px) for left, right in canvas.edges[: len(texts[0])])
    return Drawn(np.ascontiguousarray(canvas.pixels[:, band_px:]), texts, region, edges)


def _held(drawn: Drawn, dice: Dice) -> Drawn:
    """The plate in a holder or a frame around it, with the dealer's words: a detector often takes both for the plate."""
    high, wide = drawn.pixels.shape[:2]
    left = round(wide * dice.uniform(0.01, 0.06))
    top, bottom = round(high * dice.uniform(0.03, 0.14)), round(high * dice.uniform(0.06, 0.22))
    colour = _near(dice, _grey(dice, 5, 70) if dice.random() < 0.6 else _grey(dice, 130, 250), 12)
    around = np.empty((high + top + bottom, wide + 2 * left, 3), np.uint8)
    around[:] = colour
    around[top : top + high, left : left + wide] = drawn.pixels
    canvas = _Canvas(around, dice)
    ink = _near(dice, (235, 235, 235) if sum(colour) < 380 else (25, 25, 25), 20)
    for y, tall, share in ((top + high, bottom, 0.7), (0, top, 0.3)):
        if tall >= 8 and dice.random() < share:
            words = str(_pick(dice, layouts.MOTTOES)) if dice.random() < 0.6 else _filled(dice, "LLLLL")
            canvas.words(words, ink, wide * 0.15, y + tall * 0.25, tall * dice.uniform(0.4, 0.6), wide * 0.7, _latin(dice))
    if dice.random() < 0.4:  # chrome, or a lit edge
        canvas.frame(_near(dice, _grey(dice, 90, 255)), max(1, left // 3), 0)
    return Drawn(around, drawn.lines, drawn.region, tuple((a + left, b + left) for a, b in drawn.edges_px))


_TO_LATIN = str.maketrans("۰۱۲۳۴۵۶۷۸۹٠١٢٣٤٥٦٧٨٩", "01234567890123456789")

_PAINTERS = (
    (_european, 0.25), (_american, 0.21), (_brazilian, 0.10), (_argentine, 0.03), (_chinese, 0.13), (_iranian, 0.12),
    (_egyptian, 0.03), (_algerian, 0.06), (_plain, 0.05), (_strange, 0.02),
)  # fmt: skip


# How many hang in a holder or a frame that is seen with them.
_HELD = {"us": 0.3, "eu": 0.15, "gb": 0.15}


def draw(dice: Dice) -> Drawn:
    """A plate of a random country."""
    painter = _PAINTERS[int(dice.choice(len(_PAINTERS), p=[share for _, share in _PAINTERS]))][0]
    drawn = painter(dice)
    return _held(drawn, dice) if dice.random() < _HELD.get(drawn.region, 0.06) else drawn


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sheet", type=Path, required=True, help="the picture to write")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    dice = np.random.default_rng(given.seed)
    cells = []
    for _ in range(80):
        drawn = draw(dice)
        cell = np.full((130, 330, 3), 90, np.uint8)
        scale = min(320 / drawn.pixels.shape[1], 108 / drawn.pixels.shape[0])
        small = cv2.resize(drawn.pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        cell[: small.shape[0], : small.shape[1]] = small
        cv2.putText(
            cell,
            f"{drawn.region} {[t.encode('ascii', 'replace').decode() for t in drawn.lines]}",
            (2, 124),
            0,
            0.4,
            (255, 255, 255),
        )
        cells.append(cell)
    rows = [np.hstack(cells[i : i + 5]) for i in range(0, len(cells), 5)]
    cv2.imwrite(str(given.sheet), cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR))


if __name__ == "__main__":
    main()
