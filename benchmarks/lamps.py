"""How often what a signal head shows is told, not told, or told wrongly, on heads drawn by every light.

    python benchmarks/lamps.py [--pictures 400]

Nobody's film: `clearway.testing.signals` says what is drawn (lamps of 6 to 40 pixels, with and without diodes, upright and side
by side, boxes drawn around them not quite, blur, noise, coding). For each light --pictures of each of five states are read by
themselves, without what the pictures before and after tell. Then heads that something stands before, and lamps that were on for
a part of the exposure only. Last, four films of two seconds for each of --pictures, in which a lorry's side or a red lamp
passes a head that shows anything but red: in how many a wrong state was told.
"""

import argparse
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import cv2
import numpy as np

from clearway.facts import Light, Pixels
from clearway.sight.lamp import TOLD, Head, read
from clearway.testing.score import Share
from clearway.testing.signals import LIT, SORTS, Conditions, picture

Dice = np.random.Generator
AT = datetime(2026, 11, 23, 8, tzinfo=UTC)


def side(pixels: Pixels, dice: Dice) -> Pixels:
    """Behind a lorry's side, of any colour, in part or wholly."""
    covered = pixels.copy()
    covered[:, int(dice.integers(0, pixels.shape[1])) :] = dice.integers(0, 256, 3)
    if dice.random() < 0.3:
        covered[:] = dice.integers(0, 256, 3)
    return covered


def roof(pixels: Pixels, dice: Dice) -> Pixels:
    """Hidden from below by a roof."""
    covered = pixels.copy()
    covered[int(dice.integers(0, pixels.shape[0])) :] = dice.integers(0, 256, 3)
    return covered


def tail_lamp(pixels: Pixels, dice: Dice) -> Pixels:
    """With a red disc anywhere in it."""
    covered = pixels.copy()
    height, width = pixels.shape[:2]
    middle = int(dice.integers(0, width)), int(dice.integers(0, height))
    colour = (255, int(dice.integers(20, 120)), int(dice.integers(10, 80)))
    cv2.circle(covered, middle, max(1, int(min(width, height) * dice.uniform(0.15, 0.5))), colour, cv2.FILLED)
    return covered


def read_as(light: Light, shown: Light) -> str:
    if shown in TOLD:
        return "right" if shown is light else "wrong"
    return "right" if light is Light.DARK and shown is Light.DARK else "not told"


def counted(pictures: int, change: Callable[[Pixels, Dice], Pixels] | None, sorts: tuple[str, ...], seed: int) -> Counter[str]:
    dice = np.random.default_rng(seed)
    counts: Counter[str] = Counter()
    for sort in sorts:
        for light in LIT:
            for _ in range(pictures):
                seen = picture(light, Conditions.drawn(dice, sort), dice)
                counts[read_as(light, read(seen if change is None else change(seen, dice)).light)] += 1
    return counts


def films(number: int) -> str:
    """What passes before a head for up to a second, at 25 pictures a second."""
    dice = np.random.default_rng(77)
    pictures = wrong_pictures = wrong_films = 0
    for n in range(number):
        light = (Light.GREEN, Light.AMBER, Light.DARK, Light.RED_AMBER)[n % 4]
        given = Conditions.drawn(dice, SORTS[int(dice.integers(len(SORTS)))], float(dice.uniform(6, 16)))
        head, base = Head(), picture(light, given, dice)
        height, width = base.shape[:2]
        comes, stays, side_too = int(dice.integers(5, 25)), int(dice.integers(2, 25)), bool(dice.random() < 0.5)
        colour = (255, int(dice.integers(20, 110)), int(dice.integers(10, 80)))
        speed, at = dice.uniform(-0.4, 0.4) * width, dice.uniform(0, 1, 2) * (width, height)
        radius, side_rgb = max(1, int(min(width, height) * dice.uniform(0.15, 0.5))), dice.integers(0, 256, 3)
        for number_in_film in range(50):
            seen = np.clip(base + dice.normal(0, 4, base.shape), 0, 255).astype(np.uint8)
            if comes <= number_in_film < comes + stays:
                if side_too:
                    seen[:] = side_rgb
                middle = round(at[0] + speed * (number_in_film - comes - stays / 2)), round(at[1])
                cv2.circle(seen, middle, radius, colour, cv2.FILLED)
            shown = read(seen)
            pictures += 1
            wrong_pictures += shown.light in TOLD and shown.light is not light
            head.add(AT + timedelta(seconds=number_in_film / 25), shown)
        wrong_films += any(span.light is not light for span in head.spans)
    return f"films: {wrong_films} of {number} with a wrong state; {wrong_pictures} of {pictures} pictures told wrongly"


def share(hits: int, count: int) -> str:
    low, high = Share(hits, count).interval
    return f"{100 * hits / count:.1f} ({100 * low:.1f} to {100 * high:.1f})"


def rows(pictures: int) -> Iterator[str]:
    yield "| light | told rightly, % | told wrongly | pictures |"
    yield "|---|---|---|---|"
    for n, sort in enumerate(SORTS):
        counts = counted(pictures, None, (sort,), n)
        yield f"| {sort} | {share(counts['right'], counts.total())} | {counts['wrong']} | {counts.total()} |"
    for n, change in enumerate((side, roof, tail_lamp)):
        counts = counted(max(1, pictures // len(SORTS)), change, SORTS, 100 + n)
        yield f"| any, {(change.__doc__ or '').split(',')[0].rstrip('.').lower()} | - | {counts['wrong']} | {counts.total()} |"
    dice = np.random.default_rng(1000)
    for exposed in (0.0, 0.02, 0.05, 0.1, 0.2, 0.5):
        counts = Counter()
        for _ in range(pictures):
            light = TOLD[int(dice.integers(len(TOLD)))]
            given = Conditions.drawn(dice, str(dice.choice(["day", "dusk", "night", "rain"])))
            counts[read_as(light, read(picture(light, given, dice, share=exposed)).light)] += 1
        right = share(counts["right"], counts.total())
        yield f"| lit for {100 * exposed:g} % of the exposure | {right} | {counts['wrong']} | {counts.total()} |"
    yield f"\n{films(4 * pictures)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", metavar="N", type=int, default=400, help="pictures of each state by each light")
    for row in rows(parser.parse_args().pictures):
        print(row, flush=True)


if __name__ == "__main__":
    main()
