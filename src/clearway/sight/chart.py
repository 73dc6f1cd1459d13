"""How a lens bends, from pictures of a checkerboard: any flat one of 5 by 4 squares and more, whole or partly out of the picture.

Somebody holds it everywhere before the camera, at several slants. In each picture its inner corners are found; since it is flat,
its squares alike and the lens one, the lens that bends them so is the only thing that all pictures share (Z. Zhang, "A Flexible
New Technique for Camera Calibration", PAMI 22, 2000). How sure the result is comes from the pictures themselves: it is found anew
with each tenth of them left out (the jackknife; B. Efron and R. Tibshirani, "An Introduction to the Bootstrap", 1993, 11).
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from math import hypot
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from clearway.errors import SourceError
from clearway.facts import Frame, Pixels
from clearway.scene import Lens, straightened

Array = NDArray[np.float64]

# The least part of a board that is looked for, in inner corners.
BOARD_MIN = (4, 3)
VIEWS_MIN, VIEWS_MAX, FRAMES_MAX = 12, 40, 20_000
# A view is another one where the box around its corners differs by this share of the picture's long side from every other.
ANOTHER = 0.04
# Light squares are this much brighter than dark ones, of 255.
CONTRAST_MIN = 20.0
# In a clip and at a camera a board is looked for so often: it moves slowly, and looking takes a tenth of a second.
EVERY, LIVE = timedelta(seconds=0.4), timedelta(minutes=3)
# A board that is flat and sharp fits to a few tenths of a pixel. A view that fits worse than this many times the middle one has
# corners that were taken for others'.
RESIDUAL_PX_MAX, ODD_VIEW = 1.0, 3.0
U_PX_MAX, FOCAL_U_MAX = 3.0, 0.05
_LEFT_OUT, _GRID = 10, 9
_PLACES = ("upper left", "upper middle", "upper right", "left", "middle", "right", "lower left", "lower middle", "lower right")
_FLAGS = cv2.CALIB_CB_LARGER | cv2.CALIB_CB_EXHAUSTIVE | cv2.CALIB_CB_NORMALIZE_IMAGE
# One focal length, two terms, no tangential part: what `Lens` has.
_MODEL = cv2.CALIB_FIX_ASPECT_RATIO | cv2.CALIB_ZERO_TANGENT_DIST | cv2.CALIB_FIX_K3
_REMEDY = "docs/calibrate.md shows how to hold the board."


class Board(NamedTuple):
    """One board in one picture: where its inner corners are, (n, 2) in pixels, and which they are, (n, 2) in squares from one of
    them."""

    px: Array
    squares: Array


def board_in(pixels: Pixels) -> Board | None:
    """The checkerboard in that picture, as much of it as is there; None where there is none."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    found, corners, kinds = cv2.findChessboardCornersSBWithMeta(grey, BOARD_MIN, _FLAGS)
    if not found:
        return None
    rows, columns = kinds.shape
    grid = corners.reshape(rows, columns, 2).astype(np.float64)
    true = _meeting(cv2.GaussianBlur(grey, (3, 3), 0).astype(np.float64), grid)
    squares = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1)[true].astype(np.float64)
    if len(squares) < BOARD_MIN[0] * BOARD_MIN[1] or min(np.ptp(squares, axis=0)) < min(BOARD_MIN) - 1:
        return None
    # A place counts from the edge of the first pixel, OpenCV's from its middle.
    return Board(grid[true] + 0.5, squares)


def _meeting(grey: Array, grid: Array) -> NDArray[np.bool_]:
    """Which of a grid's corners, (rows, columns, 2), are ones at which two dark and two light squares meet, in the order of a
    checkerboard. A board that is partly hidden is found with a row too many at times, guessed where none is."""
    down, across = np.gradient(grid, axis=(0, 1))
    around = [grid + a * across + b * down for a, b in ((0.5, 0.5), (-0.5, -0.5), (0.5, -0.5), (-0.5, 0.5))]
    one, opposite, other, other_opposite = (
        grey[_nearest(at[..., 1], len(grey)), _nearest(at[..., 0], len(grey[0]))] for at in around
    )
    signs = 1 - 2 * (np.indices(grid.shape[:2]).sum(axis=0) % 2)
    contrast = signs * (one + opposite - other - other_opposite) / 2
    contrast *= np.sign(np.median(contrast))
    unlike = np.maximum(np.abs(one - opposite), np.abs(other - other_opposite))
    return np.asarray((contrast > CONTRAST_MIN) & (unlike < contrast / 2))


def _nearest(at_px: Array, side_px: int) -> NDArray[np.int64]:
    return np.clip(at_px.round().astype(np.int64), 0, side_px - 1)


def boards_of(
    frames: Iterable[Frame], *, live: bool, paced: bool, say: Callable[[str], None]
) -> tuple[list[Board], tuple[int, int]]:
    """The boards of those frames that lie differently, and the pictures' (width, height). `paced` frames are looked at now and
    then, others each; a `live` camera for three minutes at most. `say` hears what is still wanted. SourceError where the sizes
    differ, or nothing came."""
    boards: list[Board] = []
    size_px, first_at, looked_at = (0, 0), None, None
    for number, frame in enumerate(frames):
        height_px, width_px = frame.pixels.shape[:2]
        if first_at is None:
            size_px, first_at = (width_px, height_px), frame.captured_at
        if (width_px, height_px) != size_px:
            raise SourceError("the pictures of the board are of different sizes.", remedy="take all with one camera and setting.")
        if number >= FRAMES_MAX or len(boards) == VIEWS_MAX or (live and frame.captured_at - first_at > LIVE):
            break
        if paced and looked_at is not None and frame.captured_at - looked_at < EVERY:
            continue
        looked_at = frame.captured_at
        board = board_in(frame.pixels)
        if board is not None and all(_apart(board, other) > ANOTHER * max(size_px) for other in boards):
            boards.append(board)
            say(f"{len(boards)} of up to {VIEWS_MAX} views of the board. {_wanted(boards, size_px)}")
    if first_at is None:
        raise SourceError("the source of the board gave no picture.", remedy="check that it plays elsewhere.")
    return boards, size_px


def lens_of(boards: list[Board], size_px: tuple[int, int]) -> Lens:
    """The lens that shows one flat board as it lies in all of them; its `u_px` is what they leave open, where that is most.
    SourceError says what they lack."""
    if len(boards) < VIEWS_MIN:
        raise SourceError(
            f"the board was found in {len(boards)} different places; {VIEWS_MIN} are the least.",
            remedy=f"move it more, slowly, and nearer. {_REMEDY}",
        )
    missing = _unreached(boards, size_px)
    if missing:
        where = " or the ".join(missing)
        raise SourceError(f"the board was never in the {where} of the picture.", remedy=f"hold it there too. {_REMEDY}")
    lens, residuals_px = _fitted(boards, size_px)
    while (odd := residuals_px > ODD_VIEW * float(np.median(residuals_px))).any():
        boards = [board for board, is_odd in zip(boards, odd.tolist(), strict=True) if not is_odd]
        if len(boards) < VIEWS_MIN or _unreached(boards, size_px):
            raise SourceError("too few pictures show the board clearly.", remedy=f"hold it still, flat and in light. {_REMEDY}")
        lens, residuals_px = _fitted(boards, size_px)
    residual_px = float(np.sqrt((residuals_px**2).mean()))
    if residual_px > RESIDUAL_PX_MAX:
        raise SourceError(
            f"no lens of this kind shows the board as it lies: {residual_px:.1f} pixels are left over.",
            remedy="glue the board to something flat and hold it still. A fisheye bends otherwise and is not measured so.",
        )
    corners = [(float(x), float(y)) for x in (0, size_px[0]) for y in (0, size_px[1])]
    if any(lens.folds(px) for px in corners):
        raise SourceError(
            "the lens that fits would show one place twice.", remedy=f"hold the board nearer the corners. {_REMEDY}"
        )
    open_px, focal_u = _uncertainty(boards, size_px, lens)
    # Where all pictures err alike, leaving some out does not show it: such an error is taken to be as large as what is left over.
    u_px = hypot(open_px, residual_px)
    if focal_u > FOCAL_U_MAX:
        raise SourceError(
            f"the focal length stays open by {100 * focal_u:.0f} %: the board was held at nearly the same slant each time.",
            remedy=f"turn it to the left and right, up and down, by 30 degrees and more. {_REMEDY}",
        )
    if u_px > U_PX_MAX:
        raise SourceError(
            f"the lens stays open by {u_px:.1f} pixels at the edge of the picture; {U_PX_MAX:.0f} are the most.",
            remedy=f"hold the board nearer, in more places, above all at the corners. {_REMEDY}",
        )
    return replace(lens, u_px=u_px)


def _fitted(boards: list[Board], size_px: tuple[int, int]) -> tuple[Lens, Array]:
    """The lens, with no uncertainty yet, and how far each board's corners lie from where it shows them (root mean square, px)."""
    flat = [np.column_stack([board.squares, np.zeros(len(board.squares))]).astype(np.float32) for board in boards]
    px = [board.px.astype(np.float32) for board in boards]
    try:
        _, camera, terms, *_, each = cv2.calibrateCameraExtended(flat, px, size_px, np.eye(3), np.zeros(5), flags=_MODEL)
        k1, k2, focal_px, x, y = map(float, (*terms.ravel()[:2], camera[0, 0], camera[0, 2], camera[1, 2]))
        if not np.isfinite([*each.ravel(), k1, k2, focal_px, x, y]).all():
            raise ValueError("it was not found")
        return Lens(k1, k2, focal_px, (x, y)), np.asarray(each, np.float64).ravel()
    except (cv2.error, ValueError) as error:
        raise SourceError("no lens shows the board as it lies in these pictures.", remedy=f"film it anew. {_REMEDY}") from error


def _uncertainty(boards: list[Board], size_px: tuple[int, int], lens: Lens) -> tuple[float, float]:
    """The standard uncertainty of a place in pixels in each direction, where it is largest, and the focal length's as a share of
    it. A shift, a turn and a slant of the whole picture do not count: the known points of the road take them away."""
    places = np.stack(np.meshgrid(*(np.linspace(0, side, _GRID) for side in size_px)), axis=-1).reshape(-1, 2)
    straight = straightened(places, lens)
    parts = min(_LEFT_OUT, len(boards))
    offs, focals = [], []
    for part in range(parts):
        other, _ = _fitted([board for n, board in enumerate(boards) if n % parts != part], size_px)
        again = straightened(places, other)
        turn, _ = cv2.findHomography(again, straight)
        offs.append(cv2.perspectiveTransform(again[:, None], turn)[:, 0] - straight)
        focals.append(other.focal_px / lens.focal_px - 1)
    grown = (parts - 1) / parts
    u_px = np.sqrt(grown * (np.array(offs) ** 2).sum(axis=0).mean(axis=1))
    return float(u_px.max()), float(np.sqrt(grown * (np.array(focals) ** 2).sum()))


def _apart(one: Board, other: Board) -> float:
    """How far two boards lie apart, in pixels: the side of the boxes around them that differs most; another size or slant counts
    too."""
    boxes = [np.concatenate([board.px.min(axis=0), board.px.max(axis=0)]) for board in (one, other)]
    return float(np.abs(boxes[0] - boxes[1]).max())


def _unreached(boards: list[Board], size_px: tuple[int, int]) -> list[str]:
    """The ninths of the picture in which no corner of a board was ever."""
    places = np.vstack([board.px for board in boards])
    column, row = (np.clip(3 * places[:, n] / size_px[n], 0, 2).astype(int) for n in (0, 1))
    reached = set((3 * row + column).tolist())
    return [name for number, name in enumerate(_PLACES) if number not in reached]


def _wanted(boards: list[Board], size_px: tuple[int, int]) -> str:
    missing = _unreached(boards, size_px)
    return f"Not yet in the {', '.join(missing)}." if missing else "Everywhere so far; turn it to other slants."
