"""A lens that is known films a checkerboard; what is found must be that lens, as surely as it says, or be refused by name."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import cv2
import numpy as np
import pytest

from clearway.errors import SourceError
from clearway.facts import Frame, Pixels
from clearway.scene import Lens, straightened
from clearway.sight.chart import VIEWS_MIN, Board, board_in, boards_of, lens_of
from clearway.testing.board import COLUMNS, ROWS, HeldBoard
from clearway.testing.road import Road

SIZE_PX = (960, 540)
LENSES = {
    "wide": Lens(-0.33, 0.11, 520.0, (471.0, 281.0)),
    "plain": Lens(-0.24, 0.06, 700.0, (488.0, 262.0)),
    "long": Lens(-0.08, 0.0, 1500.0, (480.0, 270.0)),
    "a cushion": Lens(0.05, -0.02, 800.0, (476.0, 275.0)),
}
WIDE = LENSES["wide"]


def frames(pictures: Iterable[Pixels], every_s: float = 1.0) -> list[Frame]:
    start = datetime(2026, 11, 27, tzinfo=UTC)
    return [Frame("c", n, start + timedelta(seconds=n * every_s), 0.0, pixels) for n, pixels in enumerate(pictures)]


def boards(pictures: Iterable[Pixels]) -> list[Board]:
    return boards_of(frames(pictures), live=False, paced=False, say=lambda words: None)[0]


@pytest.mark.parametrize("name", LENSES)
def test_the_lens_is_found_as_surely_as_is_said(name: str) -> None:
    lens = LENSES[name]
    found = lens_of(boards(HeldBoard(lens, SIZE_PX, seed=5).pictures(26)), SIZE_PX)
    assert 0 < found.u_px < 0.5
    places = np.stack(np.meshgrid(np.linspace(0, 960, 17), np.linspace(0, 540, 9)), axis=-1).reshape(-1, 2)
    truth, told = straightened(places, lens), straightened(places, found)
    # What the known points of a road take away, a shift, a turn and a slant of the whole picture, is no error of the lens.
    off = cv2.perspectiveTransform(told[:, None], cv2.findHomography(told, truth)[0])[:, 0] - truth
    assert np.sqrt((off**2).mean(axis=1)).max() < 3 * found.u_px
    assert np.sqrt((off**2).mean()) < found.u_px
    assert np.abs(straightened(places, lens) - places).max() > 20 * found.u_px, "and there was something to find"
    assert found.focal_px == pytest.approx(lens.focal_px, rel=0.01)


def test_corners_are_told_only_where_four_squares_meet() -> None:
    """Also where the board is half outside of the picture, and the finder guesses a row that is not there."""
    camera = HeldBoard(LENSES["plain"], SIZE_PX, seed=1)
    whole = board_in(camera.held(np.array([0.2, -0.3, 0.1]), np.array([0.0, 0.0, 12.0])))
    assert whole is not None and len(whole.px) == (ROWS - 1) * (COLUMNS - 1)
    for pixels in camera.pictures(27):
        part = board_in(pixels)
        if part is not None:
            grey = cv2.GaussianBlur(pixels[:, :, 0], (0, 0), 2.0)
            told = np.ascontiguousarray(part.px[:, None] - 0.5, np.float32)
            refined = cv2.cornerSubPix(grey, told, (4, 4), (-1, -1), (3, 30, 0.01))[:, 0]
            off_px = np.hypot(*(refined + 0.5 - part.px).T)
            assert np.median(off_px) < 0.3 and off_px.max() < 4.0, "a square is 20 to 60 pixels wide"
            assert part.squares.min() >= 0 and len({tuple(square) for square in part.squares.tolist()}) == len(part.squares)


def test_a_street_is_no_board() -> None:
    assert board_in(Road(seed=3, vehicles=3, events=False).frame(10).pixels) is None


def test_a_board_that_stands_still_is_one_view_and_a_clip_is_looked_at_now_and_then() -> None:
    picture = next(HeldBoard(WIDE, SIZE_PX).pictures(1, ninths=(4,)))
    assert len(boards([picture] * 3)) == 1
    said: list[str] = []
    moving = list(HeldBoard(WIDE, SIZE_PX, seed=2).pictures(6))
    found, size_px = boards_of(frames(moving, every_s=0.2), live=False, paced=True, say=said.append)
    assert size_px == SIZE_PX and len(found) <= 3
    assert said[-1].startswith(f"{len(found)} of up to") and "Not yet in the" in said[-1]
    assert len(boards_of(frames(moving, every_s=100.0), live=True, paced=True, say=said.append)[0]) <= 2, "three minutes"


def few() -> Iterable[Pixels]:
    return HeldBoard(WIDE, SIZE_PX, seed=3).pictures(VIEWS_MIN - 4)


def on_one_side() -> Iterable[Pixels]:
    return HeldBoard(WIDE, SIZE_PX, seed=3).pictures(40, ninths=(0, 3, 6))


def never_slanted() -> Iterable[Pixels]:
    return HeldBoard(LENSES["long"], SIZE_PX, seed=3).pictures(30, slant_rad=0.02)


def bowed() -> Iterable[Pixels]:
    return HeldBoard(WIDE, SIZE_PX, bow=1.5, seed=3).pictures(30)


@pytest.mark.parametrize(
    ("pictures", "words"),
    [
        (few, "different places; 12 are the least"),
        (on_one_side, "was never in the upper right or the right or the lower right of the picture"),
        (never_slanted, "at nearly the same slant"),
        (bowed, "pixels are left over"),
    ],
)
def test_what_does_not_do_is_refused_by_its_sin(pictures, words: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(SourceError, match=words):
        lens_of(boards(pictures()), SIZE_PX)


def test_corners_that_no_lens_explains_are_refused() -> None:
    """Dice instead of a board, and a board whose corners are all in one place."""
    dice = np.random.default_rng(1)
    squares = np.stack(np.meshgrid(np.arange(5.0), np.arange(4.0)), axis=-1).reshape(-1, 2)
    thrown = [Board(dice.uniform((0, 0), SIZE_PX, (20, 2)), squares) for _ in range(20)]
    with pytest.raises(SourceError):
        lens_of(thrown, SIZE_PX)
    ninths = [(x, y) for x in (100.0, 480.0, 900.0) for y in (80.0, 270.0, 500.0)]
    with pytest.raises(SourceError):
        lens_of([Board(np.full((20, 2), ninths[n % 9]), squares) for n in range(18)], SIZE_PX)


def test_pictures_of_two_cameras_and_none_at_all_are_refused() -> None:
    small = np.zeros((270, 480, 3), np.uint8)
    with pytest.raises(SourceError, match="different sizes"):
        boards([np.zeros((540, 960, 3), np.uint8), small])
    with pytest.raises(SourceError, match="gave no picture"):
        boards([])
