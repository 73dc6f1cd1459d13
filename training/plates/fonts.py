"""Glyphs of free typefaces as masks, all in one frame: row 0 is the height of a capital, the last rows reach below the baseline.

Only free fonts take part (README: which, under which licences). A glyph is cut to its own width and keeps the
vertical frame, so that any two of one font stand on one line.
"""

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

# Where `sh training/fonts` unpacked the npm packages, and where Debian's packages put theirs.
UNPACKED = Path(os.environ.get("CLEARWAY_FONTS", "training/work/fonts"))
DEBIAN = Path("/usr/share/fonts")

CAPITAL_PX = 72
ABOVE_PX, BELOW_PX = 14, 34
FRAME_PX = ABOVE_PX + CAPITAL_PX + BELOW_PX

_CONDENSED = [
    "antonio",
    "archivo-narrow",
    "asap-condensed",
    "barlow-condensed",
    "bebas-neue",
    "big-shoulders-display",
    "encode-sans-condensed",
    "fira-sans-condensed",
    "fjalla-one",
    "francois-one",
    "ibm-plex-sans-condensed",
    "khand",
    "league-gothic",
    "mohave",
    "oswald",
    "pathway-gothic-one",
    "pt-sans-narrow",
    "roboto-condensed",
    "saira-condensed",
    "saira-extra-condensed",
    "sofia-sans-condensed",
    "sofia-sans-extra-condensed",
    "teko",
    "economica",
    "staatliches",
    "anton",
]
_WIDE = [
    "advent-pro",
    "b612-mono",
    "barlow-semi-condensed",
    "chakra-petch",
    "cousine",
    "dosis",
    "inconsolata",
    "nova-square",
    "overpass",
    "overpass-mono",
    "quantico",
    "rajdhani",
    "ropa-sans",
    "saira-semi-condensed",
    "share-tech",
    "share-tech-mono",
    "titillium-web",
]
_SLASHED = ("b612-mono", "cousine", "inconsolata", "overpass-mono", "share-tech-mono")
_ARABIC = [
    "almarai",
    "baloo-bhaijaan-2",
    "cairo",
    "changa",
    "el-messiri",
    "harmattan",
    "ibm-plex-sans-arabic",
    "lalezar",
    "lateef",
    "lemonada",
    "markazi-text",
    "mirza",
    "noto-kufi-arabic",
    "noto-naskh-arabic",
    "noto-sans-arabic",
    "rakkas",
    "scheherazade-new",
    "vazirmatn",
]
# Persian hands of npm packages of their own.
_PERSIAN = (
    *(f"shabnam-font/dist/Shabnam-{weight}.ttf" for weight in ("Medium", "Bold")),
    *(f"sahel-font/dist/Sahel-{weight}.ttf" for weight in ("SemiBold", "Bold", "Black")),
    *(f"samim-font/dist/Samim-{weight}.ttf" for weight in ("Medium", "Bold")),
    "parastoo-font/dist/Parastoo-Bold.ttf",
    *(f"{name}-font/dist/{name.title()}.ttf" for name in ("gandom", "tanha", "nahid")),
)
# Typefaces nearest to those that plates are struck with: DIN 1451 and road signs. They are drawn more often.
_OF_THE_ROAD = (
    "truetype/opendin/OSP-DIN.ttf",
    *(f"truetype/roadgeek/RG2014{width}.ttf" for width in ("B", "C", "D", "E", "EM")),
    "truetype/routed-gothic/routed-gothic.ttf",
    "truetype/routed-gothic/routed-gothic-narrow.ttf",
    "truetype/liberation/LiberationSansNarrow-Bold.ttf",
    "truetype/liberation/LiberationSans-Bold.ttf",
    "truetype/dejavu/DejaVuSans-Bold.ttf",
)
# The second face of Noto's collections is the one for simplified characters.
_CHINESE = [
    *((f"opentype/noto/NotoSansCJK-{weight}.ttc", 2) for weight in ("Regular", "Medium", "Bold", "Black", "DemiLight")),
    ("truetype/droid/DroidSansFallbackFull.ttf", 0),
]


@dataclass(frozen=True, slots=True)
class Typeface:
    """One font file; `index` is the face inside a collection."""

    path: str
    index: int = 0

    @property
    def slashed(self) -> bool:
        """Whether its zero has a slash or a dot in it."""
        return any(f"/{family}/" in self.path for family in _SLASHED)


def _of(families: list[str], script: str) -> list[Typeface]:
    weights = ("500", "600", "700", "400")
    found = []
    for family in families:
        files = [UNPACKED / family / "files" / f"{family}-{script}-{weight}-normal.woff" for weight in weights]
        found += [Typeface(str(path)) for path in files if path.is_file()]
    if not found:
        raise SystemExit(f"no fonts in {UNPACKED}: run `sh training/fonts` first, or name their folder in CLEARWAY_FONTS")
    return found


@lru_cache(maxsize=1)
def faces() -> dict[str, list[Typeface]]:
    """The typefaces by use: "condensed", "wide", "road", "arabic", "persian" (of them), "chinese"."""
    persian = [Typeface(str(UNPACKED / path)) for path in _PERSIAN if (UNPACKED / path).is_file()]
    return {
        "condensed": _of(_CONDENSED, "latin"),
        "wide": _of(_WIDE, "latin"),
        "road": [Typeface(str(DEBIAN / path)) for path in _OF_THE_ROAD if (DEBIAN / path).is_file()],
        "arabic": _of(_ARABIC, "arabic") + persian,
        "persian": _of(["vazirmatn"], "arabic") + persian,
        "chinese": [Typeface(str(DEBIAN / path), index) for path, index in _CHINESE if (DEBIAN / path).is_file()],
    }


@lru_cache(maxsize=256)
def _sized(face: Typeface, reference: str) -> tuple[ImageFont.FreeTypeFont, int]:
    """The font at the size where `reference` is CAPITAL_PX high, and the row where that glyph begins."""
    font = ImageFont.truetype(face.path, 100, index=face.index, layout_engine=ImageFont.Layout.BASIC)
    _, top, _, bottom = font.getbbox(reference)
    font = ImageFont.truetype(
        face.path, round(100 * CAPITAL_PX / (bottom - top)), index=face.index, layout_engine=ImageFont.Layout.BASIC
    )
    return font, int(font.getbbox(reference)[1])


@lru_cache(maxsize=20_000)
def glyph(face: Typeface, character: str) -> NDArray[np.uint8]:
    """The character's mask, (FRAME_PX, its width) uint8."""
    arabic = "؀" <= character <= "ۿ"
    chinese = "一" <= character <= "鿿"
    font, top = _sized(face, "۱" if arabic else "国" if chinese else "H")
    left, _, right, _ = font.getbbox(character)
    picture = Image.new("L", (max(4, right - left + 24), FRAME_PX))
    ImageDraw.Draw(picture).text((12 - left, ABOVE_PX - top), character, fill=255, font=font)
    mask = np.asarray(picture)
    columns = np.flatnonzero(mask.any(axis=0))
    assert len(columns), f"{face.path} draws nothing for {character!r}: a reader would learn to see what is not there"
    return mask[:, columns[0] : columns[-1] + 1]
