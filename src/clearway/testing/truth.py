"""A `Detector` and a `Reader` that know the simulated road's truth, for tests of everything behind them.

They answer by frame number, so the frames may come from `road.frames()` or from a decoded film of the same road. Their faults
are chosen: how many detections fail, how far boxes stray, how many characters are confused. What the reader says about its own
doubt is honest: of all characters given with probability p, a share p is right. The same seed makes the same faults.
"""

from itertools import chain

import numpy as np

from clearway.facts import Box, Detection, Frame, Kind, Probabilities, Reading
from clearway.plates import ALPHABET, LATIN, LOOKALIKES, PLACE, text_of
from clearway.testing.road import Road, TrueVehicle

# Beyond this nothing of a vehicle worth a name is left to see.
HIDDEN_MAX = 0.8
# A reader's doubt about one character never outgrows its first choice.
DOUBT_MAX = 0.45
# From this share of the picture's width on a plate is as legible as it gets. A share, so that the small pictures of
# `Road.busy` are read like large ones.
LEGIBLE_SHARE = 0.09


class TruthDetector:
    """Finds what the road says is there. `miss_rate` of the finds fail; boxes stray by a normal `jitter_px` on each side."""

    name = "truth"
    weights: tuple[tuple[str, str], ...] = ()

    def __init__(self, road: Road, seed: int = 0, *, miss_rate: float = 0.0, jitter_px: float = 0.0) -> None:
        assert 0.0 <= miss_rate <= 1.0 and jitter_px >= 0.0
        self._road, self._seed, self._miss_rate, self._jitter_px = road, seed, miss_rate, jitter_px

    def find(self, frame: Frame, region: Box) -> tuple[Detection, ...]:
        """The vehicles and plates of this frame inside `region`, clearest first; a plate covered at its middle is not found."""
        dice = np.random.default_rng((self._seed, frame.number, 1))
        found: list[Detection] = []
        for vehicle in self._road.truth(frame.number):
            if vehicle.hidden > HIDDEN_MAX:
                continue
            things = [(Kind.VEHICLE, vehicle.box, 1.0 - 0.5 * vehicle.hidden)]
            if vehicle.plate_box is not None and vehicle.text_seen:
                things.append((Kind.PLATE, vehicle.plate_box, len(vehicle.text_seen) / len(vehicle.plate)))
            for kind, box, clear in things:
                missed, strays = dice.random() < self._miss_rate, dice.normal(0.0, 1.0, 4) * self._jitter_px
                cut = _strayed(box, strays).common(region)
                if not missed and cut is not None:
                    found.append(Detection(kind, cut, clear * (1.0 - self._miss_rate)))
        return tuple(sorted(found, key=lambda one: -one.p))


class TruthReader:
    """Reads what the road says is written. Each character is confused with probability `error_rate` on the mean, more often
    on small plates; `read` says so in `p_characters`. `width_share_min` is the narrowest plate that it reads, as a
    share of the picture's width."""

    name = "truth"
    weights: tuple[tuple[str, str], ...] = ()
    temperature = None

    def __init__(self, road: Road, seed: int = 0, *, error_rate: float = 0.02, width_share_min: float = 0.03) -> None:
        assert 0.0 <= error_rate <= DOUBT_MAX and width_share_min >= 0.0
        self._road, self._seed, self._error_rate, self._width_share_min = road, seed, error_rate, width_share_min

    def read(self, frame: Frame, plate: Detection) -> Reading | None:
        """The characters that can be seen of the plate that `plate` overlaps most; None where there is none.

        A plate that is cut or covered has legibility 0, and only its visible characters.
        """
        vehicle = self._meant(frame.number, plate.box)
        if vehicle is None or vehicle.plate_box is None or not vehicle.text_seen:
            return None
        share = vehicle.plate_box.width_px / frame.width_px
        if share < self._width_share_min:
            return None
        legibility = min(1.0, share / LEGIBLE_SHARE) if vehicle.plate_whole else 0.0
        dice = np.random.default_rng((self._seed, frame.number, vehicle.number, 2))
        rows = [self._doubted(character, dice) for character in vehicle.text_seen]
        p_characters = np.stack(rows)
        return Reading(text_of(p_characters), p_characters, legibility)

    def _meant(self, frame_number: int, box: Box) -> TrueVehicle | None:
        """The vehicle whose plate lies most inside `box`."""
        shared = [
            (vehicle.plate_box.shared_px(box), -place, vehicle)
            for place, vehicle in enumerate(self._road.truth(frame_number))
            if vehicle.plate_box is not None and vehicle.plate_box.shared_px(box) > 0
        ]
        return max(shared)[2] if shared else None

    def _doubted(self, character: str, dice: np.random.Generator) -> Probabilities:
        """One row: a doubt is drawn first, then the character is wrong just as often as that doubt says."""
        # Most characters are clear and a few are doubtful, as with real readers: the square of an even draw has a mean of 1/3.
        doubt = min(DOUBT_MAX, 3.0 * self._error_rate * float(dice.random()) ** 2)
        others = [c for c in chain.from_iterable(pair for pair in LOOKALIKES if character in pair) if c != character]
        others = others or [c for c in LATIN if c != character]
        wrong = others[int(dice.integers(len(others)))]
        chosen, other = (wrong, character) if dice.random() < doubt else (character, wrong)
        row = np.zeros(len(ALPHABET))
        row[PLACE[chosen]], row[PLACE[other]] = 1.0 - doubt, doubt
        return row


def _strayed(box: Box, strays_px: Probabilities) -> Box:
    """The box with each side moved; one that would stray into nothing keeps a pixel in its middle."""
    left, top, right, bottom = (float(stray) for stray in strays_px)
    x, y = box.centre_px
    return Box(
        left_px=min(box.left_px + left, x - 0.5),
        top_px=min(box.top_px + top, y - 0.5),
        right_px=max(box.right_px + right, x + 0.5),
        bottom_px=max(box.bottom_px + bottom, y + 0.5),
    )
