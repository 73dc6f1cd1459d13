"""A checkerboard as somebody holds it before a camera whose lens is known: the truth that `sight/chart.py` must find."""

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from clearway.facts import Pixels
from clearway.scene import Lens, straightened

Array = NDArray[np.float64]

ROWS, COLUMNS = 7, 10
_SQUARE_PX = 40


class HeldBoard:
    """Pictures of a board of ROWS x COLUMNS squares with a white margin, before that camera. `bow` is how far the board is bent,
    in squares at its ends."""

    def __init__(self, lens: Lens, size_px: tuple[int, int], *, bow: float = 0.0, seed: int = 0) -> None:
        self.lens, self.size_px, self._bow, self._dice = lens, size_px, bow, np.random.default_rng(seed)
        width_px, height_px = size_px
        every_px = np.stack(np.meshgrid(np.arange(width_px), np.arange(height_px)), axis=-1).reshape(-1, 2) + 0.5
        ideal = straightened(every_px.astype(np.float64), lens)
        self._rays = np.column_stack([(ideal - lens.centre_px) / lens.focal_px, np.ones(len(ideal))])
        self._shape = (height_px, width_px)
        squares = np.indices((ROWS, COLUMNS)).sum(axis=0) % 2 == 0
        ink = np.where(np.kron(squares, np.ones((_SQUARE_PX, _SQUARE_PX))) > 0, 25, 235).astype(np.uint8)
        self._board = cv2.GaussianBlur(np.pad(ink, _SQUARE_PX, constant_values=235), (0, 0), 0.7)

    def pictures(self, number: int, *, slant_rad: float = 0.6, ninths: tuple[int, ...] = tuple(range(9))) -> Iterator[Pixels]:
        """The board held in those ninths of the picture in turn, turned by up to `slant_rad` about each axis."""
        for n in range(number):
            ninth = ninths[n % len(ninths)]
            at = (np.array([[ninth % 3, ninth // 3]]) + self._dice.uniform(0.1, 0.9, (1, 2))) * self.size_px / 3
            ray = (straightened(at, self.lens)[0] - self.lens.centre_px) / self.lens.focal_px
            away = self._dice.uniform(9, 15) * self.lens.focal_px / self.size_px[0] * 1.4
            turn = self._dice.uniform(-slant_rad, slant_rad, 3) * (1, 1, 0.5)
            yield self.held(turn, np.array([*ray, 1.0]) * away)

    def held(self, turn: Array, at: Array) -> Pixels:
        """The board with its middle `at` (in squares, from the camera), turned by that Rodrigues vector."""
        turned = cv2.Rodrigues(turn)[0]
        across = self._rays @ np.linalg.inv(np.column_stack([turned[:, 0], turned[:, 1], at])).T
        x, y = (across[:, n] / across[:, 2] for n in (0, 1))
        # A bowed board is nearer at its ends, so that its picture is pulled out there.
        x = x * (1 - self._bow * (x / (COLUMNS / 2)) ** 2 / float(np.linalg.norm(at)))
        height_px, width_px = self._board.shape
        at_x, at_y = (
            (squares * _SQUARE_PX + side_px / 2 - 0.5).astype(np.float32).reshape(self._shape)
            for squares, side_px in ((x, width_px), (y, height_px))
        )
        seen = cv2.remap(self._board, at_x, at_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=(120,))
        noise = self._dice.normal(0, 4, self._shape)
        noisy = (cv2.GaussianBlur(seen, (0, 0), 0.7) + noise).clip(0, 255).astype(np.uint8)
        return np.repeat(noisy[:, :, None], 3, axis=2)
