"""Plate text in one canonical form, what readers confuse, and the formats that countries issue.

Formats are a prior that can be outvoted, never a filter that rewrites what was seen: `likeliest` weighs every spelling of the
evidence by how well it fits a format, and a reading that fits none keeps its text at a lower probability.
"""

import math
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

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
_LOG_LATIN = math.log(len(LATIN))
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
# What a plate may look like that is no country's alone: the band of Council Regulation (EC) 2411/98, and who draws theirs alike.
LOOKS = {
    "EU": frozenset((
        "AT", "BE", "CH", "CZ", "DE", "DK", "ES", "FI", "FR", "GR", "HR", "HU", "IT", "LT", "NL", "NO", "PL", "PT", "RO", "SE",
        "SK",
    ))
}  # fmt: skip
# How far a reader's guess of the region is believed, where it made one. The guess is right in 95 % of 1,900 drawn plates that
# training never saw and in 99 % of 1,000 looks at real ones; but not every plate of a region has a form that stands here, and
# with 0.9 such plates, filmed nine times, were read no better and Americans' wishes worse.
P_REGION = 0.5
# A text is taken for a plate's where a country issues its form, or, of unknown form, where the reader is surer than this.
P_CHARACTER_MIN, P_CHARACTER_UNKNOWN_FORM_MIN = 0.5, 0.85
# What is shorter and of no form is a word on a sign or a lorry more often than a plate.
LENGTH_UNKNOWN_FORM_MIN = 4
# How many characters are weighed at one place: readers hesitate between two or three.
CHOICES_MAX = 12
# A place that holds a character with less than this probability is none. Which places there are is decided by the evidence alone:
# formats with many digits are so few strings that one of them would win with a letter left out, 12345 against A12345. Chosen on
# 1,300 simulated passages of plates that training never saw, where it makes one plate in a hundred right that was wrong.
P_STANDS_MIN = 0.3
# A spelling this much less likely than the likeliest is not followed: no format makes up for it.
P_SPELLING_MIN = 1e-6
# How far a reader is believed between characters that are drawn alike (1 wholly, 0 not at all). 0 and O, 1 and I are one and the
# same glyph in many plate typefaces, so that only the place tells them apart; the others differ in little, and blur takes that.
_TRUST = (("0OQD", 0.7), ("8B", 0.7), ("5S", 0.7), ("2Z", 0.7), ("6G", 0.7), ("0O", 0.5), ("1I", 0.35))
# Whose plates keep look-alikes apart: China's have neither I nor O (GA 36-2018), and dies that were drawn to be told apart. On
# 1,300 simulated passages of plates that training never saw doubt made the claims of Chinese plates worse, of others better.
_TOLD_APART = frozenset({"CN"})


# The kind of each character, as patterns write it.
_KINDS = str.maketrans({character: kind for kind in "LDCP" for character in _SETS[kind]})


@lru_cache(maxsize=1)
def _issuers() -> Mapping[str, tuple[tuple[str, float], ...]]:
    """By the kinds of a text's characters: the formats it fits, each as its region and the share that one plate has in it."""
    found: dict[str, list[tuple[str, float]]] = {}
    for form in FORMATS:
        share = 1.0 / math.prod(len(_SETS[place]) for place in form.pattern)
        for kinds in product(*("LD" if place == "A" else place for place in form.pattern)):
            found.setdefault("".join(kinds), []).append((form.region, share))
    return {kinds: tuple(issuers) for kinds, issuers in found.items()}


@lru_cache(maxsize=1)
def _formats_of() -> Mapping[str, int]:
    """How many formats each region has."""
    return Counter(form.region for form in FORMATS)


def fits(text: str) -> frozenset[str]:
    """The regions that issue plates of this form; empty where none is known to."""
    return frozenset(region for region, _ in _issuers().get(text.translate(_KINDS), ()))


def issuers(look: str) -> frozenset[str]:
    """Whose plates look like that: a country's own, or those of the countries behind one of LOOKS."""
    return LOOKS.get(look, frozenset({look}))


def plausible(text: str) -> bool:
    """Whether the text may stand on a plate: a known format, or at least five characters, of them a letter and two digits."""
    digits = sum(character.isdigit() for character in text)
    return bool(fits(text)) or (len(text) >= 5 and 2 <= digits < len(text))


def credible(p_characters: Probabilities) -> bool:
    """Whether what was read where a plate was seen may be told as its text: by its form, or by how sure the characters are."""
    best = likeliest(p_characters)
    if not best:
        return False
    p_mean = float(p_characters.max(axis=1).mean())
    if fits(best[0][0]):
        return p_mean >= P_CHARACTER_MIN
    return p_mean >= P_CHARACTER_UNKNOWN_FORM_MIN and len(best[0][0]) >= LENGTH_UNKNOWN_FORM_MIN


@lru_cache(maxsize=1024)
def _times_likelier(kinds: str, region: str) -> float:
    """How much likelier the formats make a text of these kinds of characters than any string of its length is.

    A mixture: each format is as likely as any other and issues its plates evenly; with P_NO_FORMAT any string of the length
    may stand there. Two spellings that differ in one lookalike then differ by what the formats know. Where the plate looked
    like one of `region`, P_REGION of what is issued comes from there.
    """
    own = issuers(region)
    local = sum(_formats_of().get(one, 0) for one in own)
    p_local = P_REGION if local else 0.0
    issued = sum(
        share * ((1 - p_local) / len(FORMATS) + (p_local / local if issuer in own else 0.0))
        for issuer, share in _issuers().get(kinds, ())
    )
    return 1.0 + issued * math.exp(len(kinds) * _LOG_LATIN) * (1 - P_NO_FORMAT) / P_NO_FORMAT


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

    Places are independent, and at each of them something stands.
    """
    order = np.argsort(p_characters, axis=1)[:, : -CHOICES_MAX - 1 : -1]
    q, paths = np.ones(1), np.empty((1, 0), np.intp)
    for row, choices in zip(p_characters, order, strict=True):
        longer = np.outer(q, row[choices]).ravel()
        followed = np.flatnonzero(longer >= max(P_SPELLING_MIN * longer.max(initial=0.0), 1e-300))
        followed = followed[np.argsort(-longer[followed], kind="stable")[:count]]
        before, choice = np.divmod(followed, len(choices))
        q, paths = longer[followed], np.column_stack([paths[before], choices[choice]])
    return tuple(
        ("".join(ALPHABET[place] for place in path), float(p)) for path, p in zip(paths.tolist(), q, strict=True) if path
    )


def likeliest(p_characters: Probabilities, region: str = "unknown") -> tuple[tuple[str, float], ...]:
    """The likeliest texts with their probabilities after the formats had their say, likeliest first; may be empty.

    Bayes over the `spellings` of the doubted evidence, of the places at which something stands (P_STANDS_MIN); what they leave
    out counts as a plate of no known format. `region` is what the plate looked like.
    """
    sums = p_characters.sum(axis=1)
    stands = sums >= P_STANDS_MIN
    if not LENGTH_MIN <= np.count_nonzero(stands) <= LENGTH_MAX:
        return ()
    p_places = float(np.where(stands, sums, 1.0 - sums).prod())
    rows = p_characters[stands] / sums[stands, None]
    found = spellings(rows if region in _TOLD_APART else doubted(rows))
    weights = [q * _times_likelier(text.translate(_KINDS), region) for text, q in found]
    total = sum(weights) + max(0.0, 1.0 - sum(q for _, q in found))
    told = ((text, min(1.0, w / total) * min(1.0, p_places)) for (text, _), w in zip(found, weights, strict=True))
    return tuple(sorted(told, key=lambda pair: -pair[1]))
