"""Our own reader: one rectified plate in, a probability for every character at every place out, in one line and in two.

The network reads three lanes at once (the plate as one line, the upper and the lower one of two); a lane that holds nothing
stays blank, so that the text is all three in order. The file itself says which characters and regions it knows, and by which
temperature its probabilities become honest.
"""

from itertools import pairwise

import cv2
import numpy as np

from clearway import plates
from clearway.facts import Detection, Frame, Pixels, Probabilities, Reading
from clearway.sight.crop import is_cut, upright
from clearway.sight.network import Array, Family, Network, Weights

WIDTH_PX, HEIGHT_PX = 160, 48
LANES, STEPS = 3, 40
# What the network was shown around each plate, as shares of its width and height: corners are never exact.
MARGIN = (0.04, 0.08)
FAMILY = Family(
    "clearway-plate",
    Array("plates", (None, 3, HEIGHT_PX, WIDTH_PX)),
    (
        Array("characters", (None, LANES, STEPS, 1 + len(plates.ALPHABET))),
        Array("region", (None, None)),
        Array("legibility", (None, 1)),
    ),
    ("alphabet", "regions", "temperature"),
)
REGIONS_MAX = 256
# Below this nobody can read a letter, and what a network says there is made up.
HEIGHT_MIN_PX = 5
# Grey levels (of 255) between the darkest and the brightest twentieth: less is an even surface, with nothing printed on it.
CONTRAST_MIN = 10.0
# Less likely whole than this is taken for cut or covered. Of 133 plates that training never saw and that are read rightly 131
# stay; of 124 wrong readings of the same plates, 15 to 50 % of them covered, 105 go (`python -m training.plates.trial`).
P_WHOLE_MIN = 0.9
P_REGION_MIN = 0.5


class PlateReader:
    """Reads a plate by its corners, or by its box where it has none."""

    def __init__(self, weights: Weights, threads: int = 2) -> None:
        self._network = Network(FAMILY, weights, threads)
        self.name, self.weights = self._network.name, self._network.weights
        alphabet = self._network.says["alphabet"]
        self._regions = [code if code == "unknown" else code.upper() for code in self._network.says["regions"].split()]
        if sorted(alphabet) != sorted(plates.ALPHABET):
            self._network.refuse("reads another alphabet than clearway's")
        self._places = [alphabet.index(character) for character in plates.ALPHABET]
        try:
            self.temperature = float(self._network.says["temperature"])
        except ValueError:
            self.temperature = 0.0
        if not 0.0 < self.temperature < 100.0:
            self._network.refuse("states no temperature above 0")
        _, region, _ = self._network(np.zeros((1, 3, HEIGHT_PX, WIDTH_PX), np.float32))
        if region.shape[1] != len(self._regions) or len(self._regions) > REGIONS_MAX:
            self._network.refuse("names other regions than it tells apart")

    def read(self, frame: Frame, plate: Detection) -> Reading | None:
        flat = upright(frame, plate, MARGIN)
        if flat is None or min(plate.box.height_px, flat.shape[0]) < HEIGHT_MIN_PX or _even(flat):
            return None
        shrinks = flat.shape[0] > HEIGHT_PX or flat.shape[1] > WIDTH_PX
        seen = cv2.resize(flat, (WIDTH_PX, HEIGHT_PX), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
        outputs = self._network(np.ascontiguousarray(seen.transpose(2, 0, 1)[None], np.float32))
        characters, region, legibility = (output[0].astype(np.float64) for output in outputs)
        if not all(np.isfinite(output).all() for output in (characters, region, legibility)):
            return None
        rows = [row for lane in characters for row in _spikes(lane, self.temperature)]
        if not rows:
            return None
        p_characters = np.array(rows)[:, self._places]
        if not plates.credible(p_characters):
            return None
        p_whole = 0.0 if is_cut(frame, plate) else float(legibility[0].clip(0.0, 1.0))
        guess = int(region.argmax())
        return Reading(
            plates.text_of(p_characters),
            p_characters,
            p_whole if p_whole >= P_WHOLE_MIN else 0.0,
            self._regions[guess] if region[guess] >= P_REGION_MIN else "unknown",
            p_whole,
        )


def _even(flat: Pixels) -> bool:
    """Whether nothing can be printed there: the surface has one brightness."""
    grey = flat.sum(axis=2, dtype=np.int32).ravel()
    few = len(grey) // 20
    ordered = np.partition(grey, (few, len(grey) - 1 - few))
    return bool(ordered[-1 - few] - ordered[few] < 3 * CONTRAST_MIN)


def _spikes(lane: Probabilities, temperature: float) -> list[Probabilities]:
    """One row a character, (alphabet,): CTC's best path over a lane of log-probabilities, (steps, 1 + alphabet), blank first.

    A character is a run of steps that name it: its row is that of the surest of them without the blank, and what is missing
    from 1 is the probability that all of them are blank.
    """
    powers = np.exp((lane - lane.max(axis=1, keepdims=True)) / temperature)
    p = powers / powers.sum(axis=1, keepdims=True)
    best = p.argmax(axis=1)
    starts = np.flatnonzero(np.diff(best, prepend=0))
    rows = []
    for start, end in pairwise([*starts, len(best)]):
        if best[start] != 0:
            run = p[start:end]
            surest = run[run[:, best[start]].argmax(), 1:]
            rows.append(surest / surest.sum() * (1.0 - run[:, 0].prod()))
    return rows
