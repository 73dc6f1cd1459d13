"""Plate text in one canonical form, what readers confuse, and the formats that countries issue.

Formats are a prior that can be outvoted, never a filter that rewrites what was seen: `likeliest` weighs every spelling of the
evidence by how well it fits a format, and a reading that fits none keeps its text at a lower probability.
"""

import heapq
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from clearway.facts import Probabilities

LATIN = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
# GA 36-2018 (China): the province abbreviations and the special characters of its plates.
CHINESE = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼使领警学挂港澳试超电"
ALPHABET = LATIN + CHINESE
PLACE = {character: place for place, character in enumerate(ALPHABET)}
LENGTH_MIN, LENGTH_MAX = 2, 12

# Pairs that many plate typefaces draw alike. FE-Schrift (Germany) was designed so that they differ; most others were not.
LOOKALIKES = ("0O", "1I", "0Q", "0D", "OQ", "OD", "8B", "5S", "2Z", "6G")


def canonical(text: str) -> str:
    """The text as it is compared: NFKC, upper case, only characters of ALPHABET; may be empty."""
    return "".join(c for c in unicodedata.normalize("NFKC", text).upper() if c in PLACE)


@dataclass(frozen=True, slots=True)
class Format:
    """One pattern that a country issues: L a letter, D a digit, A either, C a Chinese character, others as they stand."""

    region: str
    pattern: str
    source: str


_SETS = {"L": frozenset(LATIN[10:]), "D": frozenset(LATIN[:10]), "A": frozenset(LATIN), "C": frozenset(CHINESE)}
