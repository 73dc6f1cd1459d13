"""Draws flat things to paste into scenes: plates of every shape, and panels of text that are no plates.

Only their look at a few pixels' height matters here, so they are plain: fields, borders, bands, one or two rows of characters.
Truer ones, drawn as for the reader, are mixed in (`true`).
"""

from __future__ import annotations

import random
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from training.plates import render
from training.plates.fonts import faces, glyph

FONTS = Path("/usr/share/fonts")
LATIN = (
    "liberation/LiberationSansNarrow-Bold",
    "dejavu/DejaVuSansCondensed-Bold",
    "liberation/LiberationSans-Bold",
    "dejavu/DejaVuSansMono-Bold",
)
ARABIC = ("dejavu/DejaVuSans-Bold", "dejavu/DejaVuSansCondensed-Bold")
CHINESE = "opentype/noto/NotoSansCJK-Bold.ttc"

LETTERS, DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"
EASTERN, PERSIAN, ARABS = "٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹", "ابجدرسصطعفقلمنهوي"
PROVINCES = "京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼川贵云渝藏陕甘青宁新"
WORDS = (
    "open",
    "sale",
    "taxi",
    "police",
    "bus",
    "school",
    "stop",
    "exit",
    "market",
    "coffee",
    "hotel",
    "bank",
    "parking",
    "service",
)

SIGNS = "可水洗重复使用防雾新闻中央社银行大楼欢迎安全出口小心地滑公司电话人民医院超市车站饭店"

WHITE, YELLOW, BLACK, BLUE = (232, 232, 228), (240, 200, 30), (20, 20, 22), (20, 60, 160)
GREEN, RED, GREY, ORANGE = (30, 120, 70), (170, 25, 30), (170, 172, 175), (235, 130, 30)
HEIGHT = 64


def font(name: str, size: int) -> ImageFont.FreeTypeFont:
    """A font of Debian's free ones."""
    return ImageFont.truetype(str(FONTS / (name if "." in name else f"truetype/{name}.ttf")), size)


def code(dice: random.Random, pattern: str) -> str:
    """A text after a pattern: L letter, 9 digit, any, p province, e ٣, f ۳, a ب; anything else is itself."""
    among = {"L": LETTERS, "9": DIGITS, "?": LETTERS + DIGITS, "p": PROVINCES, "e": EASTERN, "f": PERSIAN, "a": ARABS}
    return "".join(dice.choice(among.get(c, c)) for c in pattern)


# (width / height, field and ink, patterns of each row, share). What roads show, by shape: Europe, China, Brazil, Algeria, Iran,
# America, Egypt, and the squares of motorcycles.
STYLES = (
    (4.7, ((WHITE, BLACK), (YELLOW, BLACK), (WHITE, BLUE)), ("LL 999 LL|L 999 LLL|LL99 LLL|9999 LLL|LLL 9999|L 99 LLL",), 5),
    (3.2, ((BLUE, WHITE), (YELLOW, BLACK), (GREEN, WHITE), (WHITE, BLACK), (BLACK, WHITE)), ("pL·?????|pL·99999|pL9999?",), 4),
    (3.1, ((WHITE, BLACK), (GREY, BLACK), (RED, WHITE)), ("LLL9L99|LLL-9999",), 2),
    (4.5, ((WHITE, BLACK), (YELLOW, BLACK), (GREY, BLACK)), ("99999 999 99|999999 999 99|999999-999-99",), 2),
    (4.5, ((WHITE, BLACK), (YELLOW, BLACK), (RED, WHITE), (GREEN, WHITE)), ("ff a fff ff",), 2),
    (2.0, ((WHITE, BLUE), (WHITE, BLACK), (YELLOW, BLUE), (BLUE, YELLOW), (GREEN, WHITE)), ("LLL 999|9LLL999|LLLLLL",), 4),
    (2.0, ((WHITE, BLACK), (GREY, BLACK)), ("eeee aaa|eee aa|eeee a a",), 2),
    (1.3, ((WHITE, BLACK), (YELLOW, BLACK), (GREY, BLACK)), ("LL 99|LL 999|LL99L|99 L9", "9999|LLL|99 LL|99999"), 3),
    (1.2, ((WHITE, BLACK), (GREY, BLACK), (ORANGE, BLACK)), ("a a a|a a|aaa", "eeee|eee|ee eee"), 3),
    (1.5, ((WHITE, BLACK), (YELLOW, BLACK), (GREEN, WHITE)), ("fff|eee|999", "fffff|eeee|99999"), 2),
    (1.6, ((WHITE, BLACK), (WHITE, BLUE), (YELLOW, BLACK)), ("pL|LL99|99 L", "?????|9999|L 9999"), 2),
)  # fmt: skip


def plate(dice: random.Random) -> np.ndarray:
    """A plate (64, w, 3) RGB that fills the picture to its corners."""
    aspect, colours, rows, _ = dice.choices(STYLES, [s[3] for s in STYLES])[0]
    width = int(HEIGHT * aspect * dice.uniform(0.9, 1.12))
    field, ink = dice.choice(colours)
    image = Image.new("RGB", (width, HEIGHT), tuple(min(255, max(0, c + dice.randint(-18, 18))) for c in field))
    pen = ImageDraw.Draw(image)
    left = 3
    if len(rows) == 1 and aspect > 2.5 and dice.random() < 0.45:  # the blue band of a country
        pen.rectangle((0, 0, HEIGHT // 3, HEIGHT), fill=dice.choice((BLUE, (0, 51, 153), RED, GREEN)))
        pen.text(
            (HEIGHT // 6, HEIGHT * 0.72),
            dice.choice(("D", "F", "RO", "I.R.", "PL", "E")),
            fill=WHITE,
            font=font(LATIN[0], 16),
            anchor="mm",
        )
        left += HEIGHT // 3
    top, bottom = 3, HEIGHT - 3
    if aspect < 2.6 and dice.random() < 0.7:  # the name of a state, a coloured head
        head = int(HEIGHT * dice.uniform(0.14, 0.28))
        if dice.random() < 0.5:
            pen.rectangle((0, 0, width, head), fill=dice.choice((BLUE, ORANGE, RED, GREEN, GREY, (60, 160, 220), YELLOW)))
        name = dice.choice(("California", "TEXAS", "مصر  EGYPT", "Florida", "New York", "BRASIL", "مصر", "GEORGIA", "Vermont"))
        pen.text(
            (width / 2, head / 2),
            name,
            fill=dice.choice((ink, BLACK, WHITE, RED)),
            font=font(ARABIC[1], max(8, int(head * 0.85))),
            anchor="mm",
        )
        top = head
        if dice.random() < 0.4:
            pen.text((width / 2, HEIGHT - 6), dice.choice(WORDS).title(), fill=ink, font=font(LATIN[0], 9), anchor="mm")
            bottom -= 9
    deep = (bottom - top) / len(rows)
    for number, row in enumerate(rows):
        text = code(dice, dice.choice(row.split("|")))
        if any(c in PROVINCES for c in text):
            face = CHINESE
        else:
            face = dice.choice(ARABIC if any(ord(c) > 1000 for c in text) else LATIN)
        _row(image, text, face, ink, (left, top + number * deep, width - 4, top + (number + 1) * deep), dice)
    if dice.random() < 0.7:
        pen.rounded_rectangle(
            (1, 1, width - 2, HEIGHT - 2), 5, outline=dice.choice((ink, ink, GREY, BLACK)), width=dice.randint(1, 3)
        )
    if dice.random() < 0.25:  # a dealer's frame
        pen.rectangle((0, 0, width - 1, HEIGHT - 1), outline=dice.choice((BLACK, BLACK, GREY, WHITE)), width=dice.randint(3, 6))
    return np.array(image)


def _row(
    image: Image.Image,
    text: str,
    face: str,
    ink: tuple[int, int, int],
    place: tuple[float, float, float, float],
    dice: random.Random,
) -> None:
    """Draws the text so that it fills its place."""
    left, top, right, bottom = place
    letters = font(face, 48)
    box = letters.getbbox(text)
    stamp = Image.new("L", (int(box[2] - box[0]) + 2, int(box[3] - box[1]) + 2))
    ImageDraw.Draw(stamp).text((1 - box[0], 1 - box[1]), text, fill=255, font=letters)
    deep = int((bottom - top) * dice.uniform(0.66, 0.9))
    wide = int(min((right - left) * dice.uniform(0.82, 0.97), deep * stamp.width / stamp.height * 1.5))
    stamp = stamp.resize((max(4, wide), max(4, deep)), Image.Resampling.BILINEAR)
    at = int((left + right - stamp.width) / 2), int((top + bottom - stamp.height) / 2)
    image.paste(ink, (*at, at[0] + stamp.width, at[1] + stamp.height), stamp)


def panel(dice: random.Random) -> np.ndarray:
    """A panel of text (h, w, 3) that is no plate: a sign, a shop's letters, a clock, a label of many rows, a grille."""
    kind = dice.randrange(6)
    field, ink = dice.choice(
        ((BLUE, WHITE), (GREEN, WHITE), (WHITE, BLACK), (YELLOW, BLACK), (RED, WHITE), (BLACK, WHITE), (GREY, BLACK))
    )
    if kind == 0:  # a shop's or a lorry's letters in small case
        text = " ".join(dice.sample(WORDS, dice.randint(1, 3)))
        text, face, wide = dice.choice((text, text.title(), text.upper() + " " + text.upper())), dice.choice(LATIN), 0.42
        if dice.random() < 0.6:
            text, face, wide = "".join(dice.choices(SIGNS, k=dice.randint(2, 8))), CHINESE, 0.95
        image = Image.new("RGB", (int(HEIGHT * wide * len(text)) + 16, HEIGHT), field)
        _row(image, text, face, ink, (4, 6, image.width - 4, HEIGHT - 6), dice)
    elif kind == 1:  # many rows
        image = Image.new("RGB", (dice.randint(60, 160), 96), field)
        rows = dice.randint(3, 6)
        for n in range(rows):
            text = " ".join(dice.choices(WORDS, k=dice.randint(1, 3)))
            _row(
                image,
                text,
                dice.choice(LATIN),
                ink,
                (4, 3 + n * 90 / rows, image.width * dice.uniform(0.6, 1), 3 + (n + 1) * 90 / rows),
                dice,
            )
    elif kind == 2:  # a round sign
        image = Image.new("RGB", (HEIGHT, HEIGHT), GREY)
        ImageDraw.Draw(image).ellipse((2, 2, HEIGHT - 3, HEIGHT - 3), fill=WHITE, outline=RED, width=8)
        _row(image, dice.choice(("30", "50", "60", "80", "120", "P", "3.5t")), LATIN[0], BLACK, (16, 16, 48, 48), dice)
    elif kind == 3:  # a way sign
        image = Image.new("RGB", (dice.randint(90, 220), dice.choice((HEIGHT, 110))), dice.choice((BLUE, GREEN, (20, 110, 60))))
        pen = ImageDraw.Draw(image)
        pen.rounded_rectangle((2, 2, image.width - 3, image.height - 3), 6, outline=WHITE, width=2)
        rows = max(1, image.height // 40)
        for n in range(rows):
            _row(
                image,
                dice.choice(WORDS).title() + dice.choice(("", " 12", " A1", " →")),
                ARABIC[0],
                WHITE,
                (8, 8 + n * 36, image.width - 20, 40 + n * 36),
                dice,
            )
    elif kind == 4:  # stripes: a grille, a crossing, a blind
        image = Image.new("RGB", (dice.randint(60, 240), HEIGHT), field)
        pen = ImageDraw.Draw(image)
        step, across = dice.randint(5, 16), dice.random() < 0.6
        for at in range(0, HEIGHT if across else image.width, step):
            pen.rectangle((0, at, image.width, at + step // 2) if across else (at, 0, at + step // 2, HEIGHT), fill=ink)
    else:  # a plain plate-like field with nothing on it, a lamp, a sticker
        image = Image.new("RGB", (dice.randint(50, 260), HEIGHT), tuple(dice.randint(0, 255) for _ in range(3)))
        if dice.random() < 0.5:
            ImageDraw.Draw(image).rounded_rectangle((2, 2, image.width - 3, HEIGHT - 3), 8, outline=ink, width=3)
    return np.array(image)


def clock(dice: random.Random) -> str:
    """What a camera writes into its picture."""
    nine = lambda pattern: code(dice, pattern)  # noqa: E731
    return dice.choice(
        (
            nine("2099/99/99 99:99:99"),
            nine("99-99-2099 99:99"),
            nine("CAM 99"),
            nine("99:99:99"),
            nine("L999 99km/h"),
            nine("LLLL 9999 LLL 99"),
        )
    )


def words(dice: random.Random) -> np.ndarray:
    """The mask (120, w) of some letters in a typeface of roads, signs or makers' badges."""
    face = dice.choice(faces()[dice.choice(("condensed", "wide", "road"))])
    text = (
        dice.choice(WORDS)
        if dice.random() < 0.5
        else code(dice, dice.choice(("LLL", "LLLLL", "LLLLLLL", "L999", "LLL 99", "99L")))
    )
    text = dice.choice((text.upper(), text.upper(), text, text.title()))
    parts = [glyph(face, c) if c != " " else np.zeros((120, 24), np.uint8) for c in text]
    gap = np.zeros((120, dice.randint(3, 22)), np.uint8)
    return np.hstack([part for p in parts for part in (p, gap)])


def true(count: int, seed: int) -> list[np.ndarray]:
    """Plates (h, w, 3) RGB as they are drawn for the reader, in true layouts and typefaces."""
    dice = np.random.default_rng(seed)
    return [np.ascontiguousarray(render.draw(dice).pixels) for _ in range(count)]


def pyramid(picture: np.ndarray) -> list[np.ndarray]:
    """The picture and its halves, so that shrinking it never skips pixels."""
    levels = [picture]
    while min(levels[-1].shape[:2]) >= 12 and len(levels) < 4:
        levels.append(cv2.resize(levels[-1], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))
    return levels
