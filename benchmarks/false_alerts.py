"""Wrongful stops: how many of a million vehicles that nobody seeks would raise an alert, where 98 % of those sought are found.

    python benchmarks/false_alerts.py [--passages 300000] [--settings FILE]

A misread plate is what stops the wrong driver, so passages are drawn from what our own reader makes of real plates, and then go
through the very fusion, grammar and match that a camera's program uses. How, and what is assumed:

- Every labelled plate in Latin letters and digits that is at least 90 px wide (scenes of Europe, the United States, Brazil;
  crops of Argentina and Brazil) comes nearer in nine simulated frames, 56 to 120 px wide, made by
  ../shared/measure/narrow.py. The nine readings are fused. Laid on the label, the fused evidence falls into pieces: a true
  character, and the rows that it became (none, one or several). Frames of one passage share the plate, its dirt, light and
  angle, so their mistakes belong together, as on a road.
- A passage is a new plate whose characters are such pieces, drawn among all pieces of that character from plates that were
  about as legible (in five classes), since what blurs one character blurs its neighbours.
- The fleet and the list have plates of three forms, a third each: LLDDDLL (460 million with the letters that were measured all
  in use), DLLLDDD and LLLDLDD. Every plate is as likely to pass as any other, the list holds a million of them drawn evenly,
  and the register, which would catch many of the false alerts, is not asked.
- What no measured plate showed does not happen: with about a thousand plates, an error rarer than one plate in a thousand is
  not seen. The figure says how often the mistakes that were measured strike a listed plate, and no more.

An alert is a listed plate with P(it passed | all readings) at or above the gate; the gate is the highest at which 98 % of
passages of listed vehicles raise the alert for their own plate.
"""

import argparse
import math
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
from tqdm import tqdm

import sets
from clearway import settings as settings_file
from clearway.check.match import matches
from clearway.facts import Plate, Probabilities
from clearway.plates import ALPHABET, LATIN, PLACE
from clearway.testing.score import compared
from clearway.track.fusion import evidence, judged
from eyes import Ours

FOUND = 0.98
LISTED, HITS, PASSAGES = 1_000_000, 20_000, 300_000
FORMS = ("LLDDDLL", "DLLLDDD", "LLLDLDD")
CLASSES = 5
FRAMES, NARROWEST_PX, WIDEST_PX, WHOLE_PX = 9, 56, 120, 90
# Where every character has at least this much of the evidence, no other plate reaches half of it, whatever the formats say
# (plates.likeliest doubts lookalikes to the power of 0.35 at most); such a passage is not played through.
CLEAR_P_MIN = 0.97


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """What one true character of a passage became: the fused rows, (n, alphabet), and whether they leave no doubt."""

    character: str
    rows: Probabilities

    @property
    def clear(self) -> bool:
        return len(self.rows) == 1 and float(self.rows[0, PLACE[self.character]]) >= CLEAR_P_MIN


Passage = tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """False alerts per million passages with their 95 % interval, over how many passages; `words` says the rest.

    `per_million` is None where no gate finds as many of the hits as it must.
    """

    per_million: float | None
    per_million_interval: tuple[float, float]
    passages: int
    words: str


def passages_read(ours: Ours, scratch: Path) -> list[Passage]:
    """What the fused evidence made of every labelled plate that came nearer, in pieces."""
    narrow = sets.narrow()
    dice = np.random.default_rng(0)
    found = []
    wanted = [one for name in sets.SCENES[:3] for one in sets.scenes(name)]
    wanted += [one for name in sets.CROPS[:2] for one in sets.crops(name)]
    for one in tqdm(wanted, desc="vehicles come nearer", leave=False):
        picture = cv2.imread(str(one.path))
        assert picture is not None, one.path
        for label in one.row["plates"]:
            truth = compared(label.get("text") or "?")
            box = label.get("box") or [0, 0, picture.shape[1], picture.shape[0]]
            if box[2] < WHOLE_PX or not truth or set(truth) - set(LATIN) or "?" in label["text"]:
                continue
            readings = []
            for width_px in np.linspace(NARROWEST_PX, WIDEST_PX, FRAMES):
                small = narrow.crop(picture, box, round(float(width_px)), dice)
                path = scratch / "nearer.jpg"
                cv2.imwrite(str(path), small, [cv2.IMWRITE_JPEG_QUALITY, int(dice.integers(45, 75))])
                readings += [reading for reading in ours.readings(path) if reading.legibility > 0]
            found.append(pieces(truth, evidence(readings)) if readings else tuple(Piece(c, _NO_ROWS) for c in truth))
    return found


_NO_ROWS = np.zeros((0, len(ALPHABET)))


def pieces(truth: str, rows: Probabilities) -> Passage:
    """The evidence laid on the true text: every row goes to the character that it speaks for, or to the one before it.

    Needleman-Wunsch with the log of what a row gives the character; a row where probably nothing stands costs little to skip.
    """
    here = np.log(np.maximum(rows[:, [PLACE[c] for c in truth]], 1e-4))
    nothing = np.log(np.maximum(1.0 - rows.sum(axis=1), 1e-4))
    missing = math.log(1e-3)
    best = np.full((len(rows) + 1, len(truth) + 1), -np.inf)
    best[0] = missing * np.arange(len(truth) + 1)
    best[1:, 0] = np.cumsum(nothing)
    for i in range(1, len(rows) + 1):
        for j in range(1, len(truth) + 1):
            both, row_alone = best[i - 1, j - 1] + here[i - 1, j - 1], best[i - 1, j] + nothing[i - 1]
            best[i, j] = max(both, row_alone, best[i, j - 1] + missing)
    owned: dict[int, list[int]] = defaultdict(list)
    i, j = len(rows), len(truth)
    while i or j:
        if i and j and best[i, j] == best[i - 1, j - 1] + here[i - 1, j - 1]:
            i, j = i - 1, j - 1
            owned[j].insert(0, i)
        elif i and best[i, j] == best[i - 1, j] + nothing[i - 1]:
            i -= 1
            owned[max(0, j - 1)].insert(0, i)
        else:
            j -= 1
    return tuple(Piece(character, rows[owned[place]]) for place, character in enumerate(truth))


class Confusions:
    """Pieces to draw from, by the class of legibility of their passage and by character."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        assert passages, "nothing was read"
        surest = sorted(passages, key=_legibility)
        self._pieces: list[dict[str, list[Piece]]] = []
        whole = _by_character(surest)
        # A letter that no plate of the sets had cannot be drawn: plates are made of the others.
        self.characters = "".join(character for character in LATIN if character in whole)
        for part in np.array_split(np.arange(len(surest)), CLASSES):
            self._pieces.append(whole | _by_character([surest[place] for place in part]))
        self.count = sum(map(len, passages))

    def drawn(self, text: str, dice: np.random.Generator) -> list[Piece]:
        """One passage of a vehicle with that plate."""
        from_class = self._pieces[int(dice.integers(CLASSES))]
        return [from_class[c][int(dice.random() * len(from_class[c]))] for c in text]


def _by_character(passages: Sequence[Passage]) -> dict[str, list[Piece]]:
    found: dict[str, list[Piece]] = defaultdict(list)
    for passage in passages:
        for piece in passage:
            found[piece.character].append(piece)
    return dict(found)


def _legibility(passage: Passage) -> float:
    """How much of its evidence a passage gives to the truth, as a mean of logs."""
    given = [float(p.rows[:, PLACE[p.character]].max(initial=1e-4)) if len(p.rows) == 1 else 1e-4 for p in passage]
    return float(np.mean(np.log(np.maximum(given, 1e-4))))


def plates_at_random(count: int, characters: str, dice: np.random.Generator) -> list[str]:
    """So many different plates of FORMS out of those characters."""
    letters, digits = [c for c in characters if c.isalpha()], [c for c in characters if c.isdigit()]
    found: set[str] = set()
    while len(found) < count:
        for form in FORMS:
            size = max(1, (count - len(found)) // len(FORMS))
            columns = [dice.choice(letters if place == "L" else digits, size) for place in form]
            found.update("".join(row) for row in zip(*columns, strict=True))
    return sorted(found)[:count] if len(found) == count else list(dice.permutation(sorted(found))[:count])


def told(passage: Sequence[Piece]) -> Plate | None:
    """The plate that a drawn passage tells, as the tracker would tell it."""
    rows = np.concatenate([piece.rows for piece in passage])
    return judged(rows, FRAMES) if len(rows) else None


def simulate(confusions: Confusions, passages: int) -> Found:
    """False alerts among so many passages of vehicles that are not listed, at the gate that finds FOUND of those that are."""
    dice = np.random.default_rng(1)
    listed = set(plates_at_random(LISTED, confusions.characters, dice))
    claimed = []
    sought = sorted(listed)
    for place in tqdm(dice.integers(len(sought), size=HITS), desc="listed vehicles pass", leave=False):
        plate = told(confusions.drawn(sought[place], dice))
        found = matches(plate, listed.__contains__).listed if plate is not None else ()
        claimed.append(next((p for text, p in found[:1] if text == sought[place]), 0.0))
    gate = float(np.quantile(claimed, 1 - FOUND, method="lower"))
    alerts = asked = misread = 0
    asked_s = 0.0
    for text in tqdm(_fleet(passages, confusions.characters, dice), total=passages, desc="vehicles pass", leave=False):
        passage = confusions.drawn(text, dice)
        if all(piece.clear for piece in passage) or text in listed:
            continue
        plate = told(passage)
        if plate is None:
            continue
        asked += 1
        misread += plate.text != text and plate.p >= gate
        began_s = time.perf_counter()
        answer = matches(plate, listed.__contains__).listed
        asked_s += time.perf_counter() - began_s
        alerts += bool(answer) and gate > 0 and answer[0][1] >= gate
    low, high = poisson_interval(alerts)
    scale = 1e6 / passages
    reached = float(np.mean(np.array(claimed) > 0))
    words = (
        f"gate p {gate:.3f}; {confusions.count:,} characters measured; {asked:,} passages left a doubt and were played through, "
        f"{misread:,} of them misread above the gate; a question took {1e6 * asked_s / max(1, asked):.0f} µs"
    )
    if gate <= 0:
        words = f"no gate finds {FOUND:.0%} of the hits: {reached:.1%} are found at any; {words}"
    return Found(scale * alerts if gate > 0 else None, (scale * low, scale * high), passages, words)


def _fleet(count: int, characters: str, dice: np.random.Generator) -> Iterator[str]:
    while count > 0:
        texts = plates_at_random(min(count, 100_000), characters, dice)
        yield from dice.permutation(texts).tolist()
        count -= len(texts)


def poisson_interval(count: int) -> tuple[float, float]:
    """The 95 % interval of a mean of which `count` events were seen (F. Garwood, 1936)."""

    def below(mean: float, most: int) -> float:
        return sum(math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(most + 1))

    def solved(most: int, wanted: float) -> float:
        low, high = 1e-9, 10.0 * (count + 10)
        for _ in range(80):
            middle = (low + high) / 2
            low, high = (middle, high) if below(middle, most) > wanted else (low, middle)
        return low

    return (solved(count - 1, 0.975) if count else 0.0), solved(count, 0.025)


def commonest(passages: Sequence[Passage], count: int = 12) -> list[tuple[str, str, float]]:
    """The commonest confusions after fusion, before any grammar: what stood there, what was read, how often ("" for nothing)."""
    seen: Counter[str] = Counter()
    wrong: Counter[tuple[str, str]] = Counter()
    for piece in (piece for passage in passages for piece in passage):
        seen[piece.character] += 1
        read = "".join(ALPHABET[int(row.argmax())] for row in piece.rows if row.sum() >= 0.5)
        if read != piece.character:
            wrong[piece.character, read] += 1
    rates = [(character, read, number / seen[character]) for (character, read), number in wrong.most_common(count)]
    return sorted(rates, key=lambda one: -one[2])


def measure(ours: Ours, scratch: Path, passages: int = PASSAGES) -> Found:
    """The whole measurement: what the reader makes of real plates, and what that does to a million drivers."""
    return simulate(Confusions(passages_read(ours, scratch)), passages)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--passages", metavar="N", type=int, default=PASSAGES, help="vehicles that pass (default: %(default)s)")
    parser.add_argument("--settings", metavar="FILE", type=Path, help="a settings file (default: ./clearway.toml, if any)")
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        read = passages_read(Ours(settings_file.load(given.settings)), Path(folder))
    print("commonest confusions after nine frames, before any grammar:")
    for character, instead, share in commonest(read):
        print(f"  {character} read as {instead or 'nothing':<8} {100 * share:5.2f} %")
    found = simulate(Confusions(read), given.passages)
    if found.per_million is not None:
        low, high = found.per_million_interval
        print(f"\nfalse alerts per million passages: {found.per_million:.2f} ({low:.2f} to {high:.2f})")
    print(f"\n{found.words}")


if __name__ == "__main__":
    main()
