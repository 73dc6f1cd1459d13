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
# The letters of Iran's, Egypt's and other plates in Arabic script. Of each letter there is one form (see `canonical`).
PERSIAN = "ابپتثجچحخدذرزژسشصضطظعغفقکگلمنهوی"
# Weights and sealed evidence count places in it: it only ever grows at its end.
ALPHABET = LATIN + CHINESE + PERSIAN
PLACE = {character: place for place, character in enumerate(ALPHABET)}
LENGTH_MIN, LENGTH_MAX = 2, 12

# Pairs that many plate typefaces draw alike. FE-Schrift (Germany) was designed so that they differ; most others were not.
LOOKALIKES = ("0O", "1I", "0Q", "0D", "OQ", "OD", "8B", "5S", "2Z", "6G")


# One form for what Arabic script writes in several: Persian and Arabic digits, yeh and kaf, an alef with its sign and without.
_ONE_FORM = str.maketrans("۰۱۲۳۴۵۶۷۸۹٠١٢٣٤٥٦٧٨٩يىكأإآ", "01234567890123456789ییکااا")


def canonical(text: str) -> str:
    """The text as it is compared: NFKC, upper case, one form of each letter and digit, only ALPHABET; may be empty."""
    return "".join(c for c in unicodedata.normalize("NFKC", text).upper().translate(_ONE_FORM) if c in PLACE)


def text_of(p_characters: Probabilities) -> str:
    """The likeliest character at each place."""
    return "".join(ALPHABET[int(place)] for place in p_characters.argmax(axis=1))


@dataclass(frozen=True, slots=True)
class Format:
    """One pattern that a country issues: L a letter, D a digit, A either, C a Chinese character, P a Persian or Arabic letter."""

    region: str
    pattern: str
    source: str


_SETS = {
    "L": frozenset(LATIN[10:]),
    "D": frozenset(LATIN[:10]),
    "A": frozenset(LATIN),
    "C": frozenset(CHINESE),
    "P": frozenset(PERSIAN),
}


def _german() -> tuple[str, ...]:
    """FZV annex 2: one to three letters of the district, one or two more, one to four digits, at most eight in all."""
    return tuple("L" * letters + "D" * digits for letters in range(2, 6) for digits in range(1, 5) if letters + digits <= 8)


FORMATS = tuple(
    Format(region, pattern, source)
    for region, source, patterns in (
        ("AR", "Mercosur/GMC/Res. 33/14; before it Ley 24.449", ("LLDDDLL", "LLLDDD")),
        ("AT", "KDV 1967 § 26", ("LDDDDL", "LLDDDLL", "LDDDDDL", "LLDDDDL", "LDDDLL", "LLDDDL")),
        ("BE", "AR 20 July 2001", ("DLLLDDD", "LLLDDD")),
        ("BR", "CONTRAN Res. 780/2019; before it Res. 231/2007", ("LLLDLDD", "LLLDDDD")),
        ("CH", "VZV art. 83", ("LLDDDD", "LLDDDDD", "LLDDDDDD")),
        ("CN", "GA 36-2018", ("CLAAAAA", "CLAAAAAA", "CLAAAAC")),
        ("CZ", "Act 56/2001", ("DLDDDDD", "DLLDDDD")),
        ("DE", "FZV annex 2", _german()),
        ("DK", "Registreringsbekendtgørelsen", ("LLDDDDD",)),
        ("DZ", "Décret exécutif 2004-381", ("DDDDDDDDDD", "DDDDDDDDDDD")),
        ("EG", "Ministry of Interior, plates since 2008", ("PPDDDD", "PPPDDD", "PPPDDDD")),
        ("ES", "Orden of 15 September 2000", ("DDDDLLL",)),
        ("FI", "Government decree 1270/2002", ("LLLDDD",)),
        ("FR", "Arrêté of 9 February 2009", ("LLDDDLL",)),
        ("GB", "DVLA INF104", ("LLDDLLL", "LDDDLLL", "LDDLLL")),
        ("GR", "YA 1446/2004", ("LLLDDDD",)),
        ("HR", "Pravilnik o registraciji vozila", ("LLDDDLL", "LLDDDDLL", "LLDDDDL", "LLDDDL")),
        ("HU", "326/2011 Korm. rendelet", ("LLLDDD", "LLLLDDD")),
        ("IN", "CMVR 1989 rule 50", ("LLDDLLDDDD", "LLDDLDDDD")),
        ("IR", "Rahvar (traffic police), plates since 2005", ("DDPDDDDD",)),
        ("IT", "DPR 495/1992 art. 257", ("LLDDDLL",)),
        ("LT", "Order on plates, VĮ Regitra", ("LLLDDD",)),
        ("NL", "Regeling kentekens en kentekenplaten", ("DDLLLD", "DLLLDD", "LLDDDL", "LDDDLL", "DDLLLL", "LLLLDD", "LLDDLL")),
        ("NO", "Kjøretøyforskriften", ("LLDDDDD",)),
        ("PL", "Rozporządzenie of 31 August 2022", ("LLDDDDD", "LLLDDDD", "LLDDDDL", "LLLDDDL", "LLDDDLL", "LLLDDLL")),
        ("PT", "Decreto-Lei 54/2005", ("DDDDLL", "DDLLDD", "LLDDDD", "LLDDLL")),
        ("RO", "OMAI 1501/2006", ("LLDDLLL", "LDDLLL", "LDDDLLL")),
        ("RU", "GOST R 50577-2018", ("LDDDLLDD", "LDDDLLDDD")),
        ("SE", "TSFS 2015:63", ("LLLDDD", "LLLDDL")),
        ("SK", "Act 106/2018", ("LLDDDLL",)),
        ("UA", "DSTU 4278:2019", ("LLDDDDLL",)),
        (
            "US",
            "state motor vehicle codes",
            ("LLLDDDD", "DLLLDDD", "LLLDDD", "LLDLDL", "DDDLLL", "LLLLDDD", "LLDDDDD", "DDDDDDD"),
        ),
        ("US", "state motor vehicle codes", ("LLDDDD", "LDDDDDD", "DDDDDD", "LLDLDDD", "DLLDDDD", "LLDDDLL", "DDDLDD")),
        ("VN", "Circular 24/2023/TT-BCA", ("DDLDDDDD", "DDLDDDD", "DDLLDDDDD")),
    )
    for pattern in patterns
)

# How often a plate fits none of FORMATS: foreign, personal, old or of a country not yet listed. A guess until it is measured;
# high enough that clear evidence of an unlisted spelling wins.
P_NO_FORMAT = 0.2
# How far a reader's guess of the region is believed, where it made one. A guess until it is measured, too.
P_REGION = 0.5
# How many characters are weighed at one place: readers hesitate between two or three.
CHOICES_MAX = 12
# How far a reader is believed between characters that are drawn alike (1 wholly, 0 not at all). 0 and O, 1 and I are one and the
# same glyph in many plate typefaces, so that only the place tells them apart; the others differ in little, and blur takes that.
_TRUST = (("0OQD", 0.7), ("8B", 0.7), ("5S", 0.7), ("2Z", 0.7), ("6G", 0.7), ("0O", 0.5), ("1I", 0.35))


@lru_cache(maxsize=1)
def _by_length() -> dict[int, tuple[tuple[Format, float], ...]]:
    """Formats with the log of how many plates each can tell apart, by length."""
    found: dict[int, list[tuple[Format, float]]] = {}
    for form in FORMATS:
        size_log = sum(float(np.log(len(_SETS[place]))) for place in form.pattern)
        found.setdefault(len(form.pattern), []).append((form, size_log))
    return {length: tuple(forms) for length, forms in found.items()}


def fits(text: str) -> frozenset[str]:
    """The regions that issue plates of this form; empty where none is known to."""
    return frozenset(
        form.region
        for form, _ in _by_length().get(len(text), ())
        if all(character in _SETS[place] for character, place in zip(text, form.pattern, strict=True))
    )


def plausible(text: str) -> bool:
    """Whether the text may stand on a plate: a known format, or at least five characters, of them a letter and two digits."""
    digits = sum(character.isdigit() for character in text)
    return bool(fits(text)) or (len(text) >= 5 and 2 <= digits < len(text))


def log_prior(text: str, region: str = "unknown") -> float:
    """The log probability of meeting just this plate before its text is read.

    A mixture: each format is as likely as any other and issues its plates evenly; with P_NO_FORMAT any string of the length
    may stand there. Two spellings that differ in one lookalike then differ by what the formats know. Where the plate looked
    like one of `region`, P_REGION of what is issued is that region's.
    """
    evenly = float(np.exp(-len(text) * np.log(len(LATIN)))) * P_NO_FORMAT
    local = sum(form.region == region for form in FORMATS)
    p_local = P_REGION if local else 0.0
    issued = sum(
        float(np.exp(-size_log)) * ((1 - p_local) / len(FORMATS) + (form.region == region and p_local / local))
        for form, size_log in _by_length().get(len(text), ())
        if all(character in _SETS[place] for character, place in zip(text, form.pattern, strict=True))
    )
    return float(np.log(evenly + (1 - P_NO_FORMAT) * issued))


def doubted(p_characters: Probabilities) -> Probabilities:
    """The same evidence with less belief in the reader wherever two characters look alike; rows keep their sums."""
    softened = p_characters.copy()
    for group, trust in _TRUST:
        places = [PLACE[character] for character in group]
        mass = softened[:, places].sum(axis=1, keepdims=True)
        share = np.maximum(softened[:, places], 1e-4 * np.maximum(mass, 1e-9)) ** trust
        softened[:, places] = mass * share / share.sum(axis=1, keepdims=True)
    return softened


def spellings(p_characters: Probabilities, count: int = 64) -> tuple[tuple[str, float], ...]:
    """The likeliest texts of this evidence with their probabilities, likeliest first; nothing but the evidence takes part.

    Places are independent; where a row sums to less than 1, the rest says that nothing stands there.
    """
    beam: list[tuple[float, str]] = [(1.0, "")]
    for row in p_characters:
        choices = np.argsort(row)[: -CHOICES_MAX - 1 : -1]
        best = [(float(row[place]), ALPHABET[place]) for place in choices if row[place] > 1e-6]
        nothing = 1.0 - float(row.sum())
        if nothing > 1e-6:
            best.append((nothing, ""))
        beam = heapq.nlargest(count, ((q * p, text + character) for q, text in beam for p, character in best))
    merged: dict[str, float] = {}
    for q, text in beam:
        merged[text] = merged.get(text, 0.0) + q
    return tuple(sorted(((text, q) for text, q in merged.items() if text), key=lambda pair: -pair[1]))


def likeliest(p_characters: Probabilities, region: str = "unknown") -> tuple[tuple[str, float], ...]:
    """The likeliest texts with their probabilities after the formats had their say, likeliest first; may be empty.

    Bayes over `spellings` of the doubted evidence; what the spellings leave out counts as a plate of no known format. `region`
    is what the plate looked like.
    """
    found = [(text, q) for text, q in spellings(doubted(p_characters)) if LENGTH_MIN <= len(text) <= LENGTH_MAX]
    if not found:
        return ()
    # Priors of different lengths are compared per place, or a longer spelling would lose for its length alone.
    floor = {text: float(np.log(P_NO_FORMAT)) - len(text) * float(np.log(len(LATIN))) for text, _ in found}
    weights = [q * float(np.exp(log_prior(text, region) - floor[text])) for text, q in found]
    total = sum(weights) + max(0.0, 1.0 - sum(q for _, q in found))
    return tuple(sorted(((text, min(1.0, w / total)) for (text, _), w in zip(found, weights, strict=True)), key=lambda t: -t[1]))
