"""`clearway redact`: nothing gets out that was not named, and nothing of the old file but pictures."""

import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import av
import numpy as np
import pytest
from tests.camera.clips import AT, cut, filmed

from clearway.camera.film import Film
from clearway.cli.main import main
from clearway.edge.redaction import LOWER_SHARE, Redaction, Revealed
from clearway.errors import ClearwayError, SourceError, StoreError, UsageError
from clearway.evidence.redact import FILL_RGB
from clearway.facts import Box, Detection, Frame, Kind, Pixels

WIDTH_PX, HEIGHT_PX, FRAMES = 192, 128, 30
# The codec moves a flat colour by a shade, more where something was shown a moment ago, and bleeds across the blocks of an edge.
SHADE, BLEEDS_PX = 24, 8
ROAD_RGB, PAVEMENT_RGB, CAR_RGB, PARKED_RGB = (70, 74, 70), (150, 140, 120), (200, 30, 40), (20, 60, 210)


def car(number: int) -> Box:
    """It drives to the right along the lower half, 5 px in a frame, and begins left of the picture."""
    return Box(5.0 * number - 60, 64, 5.0 * number - 4, 112)


def scene(number: int) -> Pixels:
    """A road below, a pavement above with a parked vehicle that nobody finds, and the car."""
    picture = np.full((HEIGHT_PX, WIDTH_PX, 3), PAVEMENT_RGB, np.uint8)
    picture[64:] = ROAD_RGB
    picture[16:56, 120:168] = PARKED_RGB
    box = car(number)
    picture[64:112, max(0, int(box.left_px)) : max(0, int(box.right_px))] = CAR_RGB
    return picture


class Eyes:
    """Finds the car, and besides what it is told to find in the frame of that number; or raises it."""

    name = "eyes"
    weights: tuple[tuple[str, str], ...] = ()

    def __init__(self, also: Callable[[int], Sequence[Detection] | Exception] = lambda number: ()) -> None:
        self._also = also

    def find(self, frame: Frame, region: Box) -> tuple[Detection, ...]:
        if frame.camera == "road":
            return ()
        also = self._also(frame.number)
        if isinstance(also, Exception):
            raise also
        box = car(frame.number).within(frame.width_px, frame.height_px)
        vehicle = [] if box is None else [Detection(Kind.VEHICLE, box, 0.9)]
        return (*vehicle, *also)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "road.mp4"
    with Film(path, WIDTH_PX, HEIGHT_PX, AT, 10.0) as film:
        for number in range(FRAMES):
            film.add(scene(number), number / 10)
    return path


def redacted(clip: Path, revealed: Revealed, eyes: Eyes | None = None) -> list[Pixels]:
    """The pictures of the new clip, which is one silent video without a word in it."""
    out = clip.with_name("public.mp4")
    made = Redaction(clip, eyes or Eyes(), lambda: None, road=revealed.road).write(out, revealed, lambda: None)
    pictures = decoded(out)
    assert made.frames == len(pictures) == FRAMES
    assert sorted(path.name for path in clip.parent.iterdir()) == ["public.mp4", "road.mp4"], "no part of it is left"
    return pictures


def decoded(path: Path) -> list[Pixels]:
    with av.open(str(path)) as container:
        assert [stream.type for stream in container.streams] == ["video"]
        assert set(container.metadata) <= {"major_brand", "minor_version", "compatible_brands"}
        return [frame.to_ndarray(format="rgb24").astype(np.uint8) for frame in container.decode(video=0)]


def differs(picture: Pixels, rgb: tuple[int, int, int]) -> np.ndarray:
    return np.asarray(np.abs(picture.astype(int) - np.array(rgb)).max(axis=2) > SHADE)


def within(box: Box, bleeds_px: int = BLEEDS_PX) -> np.ndarray:
    mask = np.zeros((HEIGHT_PX, WIDTH_PX), bool)
    grown = box.grown(bleeds_px).within(WIDTH_PX, HEIGHT_PX)
    if grown is not None:
        mask[int(grown.top_px) : int(np.ceil(grown.bottom_px)), int(grown.left_px) : int(np.ceil(grown.right_px))] = True
    return mask


def test_what_nobody_names_is_not_shown(clip: Path) -> None:
    assert not any(differs(picture, FILL_RGB).any() for picture in redacted(clip, Revealed()))


def test_a_vehicle_is_shown_below_its_windows_and_nothing_else(clip: Path) -> None:
    shown = 0
    for number, picture in enumerate(redacted(clip, Revealed(frozenset({1})))):
        box = car(number)
        region = Box(box.left_px, box.bottom_px - LOWER_SHARE * box.height_px, box.right_px, box.bottom_px)
        assert not (differs(picture, FILL_RGB) & ~within(region)).any(), number
        middle = picture[int(region.centre_px[1]), int(min(max(region.centre_px[0], 0), WIDTH_PX - 1))]
        shown += bool((np.abs(middle.astype(int) - CAR_RGB) <= 30).all())
    assert shown > 15


def test_a_frame_that_could_not_be_looked_at_is_blank_and_the_vehicle_goes_on(clip: Path) -> None:
    eyes = Eyes(lambda number: ValueError("no") if number == 15 else ())
    for revealed in (Revealed(scene=True), Revealed(frozenset({1}))):
        pictures = redacted(clip, revealed, eyes)
        clip.with_name("public.mp4").unlink()
        assert not differs(pictures[15], FILL_RGB).any()
        assert differs(pictures[16], FILL_RGB).any()


def test_it_is_the_same_however_many_frames_are_looked_at_at_once(clip: Path) -> None:
    """Frames whose looks take different times, and one that nobody could look at."""

    def also(number: int) -> Sequence[Detection] | Exception:
        time.sleep(0.02 * (number % 3 == 0))
        return ValueError("no") if number == 15 else [Detection(Kind.PERSON, Box(20 + number, 20, 36 + number, 60), 0.5)]

    written = []
    for at_once in (1, 4):
        out = clip.with_name(f"public-{at_once}.mp4")
        redaction = Redaction(clip, Eyes(also), lambda: None, road=False, at_once=at_once)
        redaction.write(out, Revealed(scene=True), lambda: None)
        written.append(out.read_bytes())
    assert written[0] == written[1]


@pytest.mark.parametrize("missed", [{10}, {10, 11, 12}, {0, 1, 2, 3, 4}, {25, 26, 27, 28, 29}])
def test_the_scene_is_kept_but_nobody_in_it_whatever_looks_miss_them(clip: Path, missed: set[int]) -> None:
    """Somebody stands at the edge of the road; the detector does not see them in some frames."""
    somebody = Box(20, 20, 36, 60)
    found = Detection(Kind.PERSON, somebody, 0.13)
    for number, picture in enumerate(redacted(clip, Revealed(scene=True), Eyes(lambda n: () if n in missed else [found]))):
        assert not differs(picture[24:56, 22:34], FILL_RGB).any(), number
        assert not differs(picture[4:10, 60:110], PAVEMENT_RGB).any(), "and the rest is there"


def test_a_person_before_the_vehicle_is_filled(clip: Path) -> None:
    found = Detection(Kind.FACE, Box(80, 96, 100, 112), 0.1)
    for picture in redacted(clip, Revealed(frozenset({1})), Eyes(lambda number: [found])):
        assert not differs(picture[98:110, 82:98], FILL_RGB).any()


def test_the_only_sure_plate_is_the_vehicles_own_and_of_two_neither(clip: Path) -> None:
    def plates(count: int) -> Eyes:
        def found(number: int) -> Sequence[Detection]:
            box = car(number)
            made = [Box(box.left_px + x, 98, box.left_px + x + 14, 104) for x in (8, 34)[:count]]
            return [Detection(Kind.PLATE, one, 0.8) for one in made if one.left_px >= 0 and one.right_px <= WIDTH_PX]

        return Eyes(found)

    for count in (1, 2):
        picture = redacted(clip, Revealed(frozenset({1})), plates(count))[20]
        clip.with_name("public.mp4").unlink()
        hidden = not differs(picture[100:103, int(car(20).left_px) + 10 : int(car(20).left_px) + 20], FILL_RGB).any()
        assert hidden is (count == 2)


def test_the_road_is_where_vehicles_drove_without_them(clip: Path) -> None:
    for picture in redacted(clip, Revealed(road=True)):
        shown = differs(picture, FILL_RGB)
        assert not shown[:72].any(), "not the pavement, nor what is parked there unseen"
        assert not differs(picture[96:104, 40:140], ROAD_RGB).any(), "the road, free of the car"


def test_the_road_needs_a_fixed_camera(tmp_path: Path) -> None:
    path = tmp_path / "road.mp4"
    dice = np.random.default_rng(5)
    with Film(path, WIDTH_PX, HEIGHT_PX, AT, 10.0) as film:
        for number in range(FRAMES):
            film.add(dice.integers(0, 256, (16, 24, 3), np.uint8).repeat(8, 0).repeat(8, 1), number / 10)
    assert not any(differs(picture, FILL_RGB).any() for picture in redacted(path, Revealed(road=True)))


def test_vehicles_are_listed_with_their_time_and_place(clip: Path) -> None:
    (vehicle,) = Redaction(clip, Eyes(), lambda: None, road=False).vehicles
    assert (vehicle.number, vehicle.last_s) == (1, 2.9)
    assert vehicle.largest.width_px == 56


def test_another_vehicle_of_a_queue_has_another_number(clip: Path) -> None:
    """The car is gone between two frames and a longer one stands half a length further back."""

    class Queue(Eyes):
        def find(self, frame: Frame, region: Box) -> tuple[Detection, ...]:
            return (Detection(Kind.VEHICLE, Box(60, 64, 120, 112) if frame.number < 15 else Box(10, 64, 85, 112), 0.9),)

    assert [v.number for v in Redaction(clip, Queue(), lambda: None, road=False).vehicles] == [1, 2]


def test_nothing_is_written_where_something_is_wrong(clip: Path, tmp_path: Path) -> None:
    redaction, out = Redaction(clip, Eyes(), lambda: None, road=False), tmp_path / "public.mp4"
    with pytest.raises(UsageError, match=r"no vehicle 7 in .*: one was found"):
        redaction.write(out, Revealed(frozenset({7})), lambda: None)
    with pytest.raises(StoreError, match="could not be written"):
        redaction.write(tmp_path / "nowhere" / "public.mp4", Revealed(), lambda: None)

    def touched() -> None:
        os.utime(clip, (1, 1))

    with pytest.raises(SourceError, match="was changed"):
        redaction.write(out, Revealed(scene=True), touched)
    assert [path.name for path in tmp_path.iterdir()] == ["road.mp4"]


def test_a_clip_that_is_cut_off_is_not_published(clip: Path) -> None:
    cut(clip, 0.7)
    with pytest.raises(ClearwayError):
        Redaction(clip, Eyes(), lambda: None, road=False)


@pytest.mark.parametrize(
    ("words", "exit_code", "says"),
    [
        (["--reveal", "vehicle:x"], 2, "names nothing"),
        (["--reveal", "road", "--keep-scene"], 2, "do not go together"),
        (["--keep-scene"], 2, "no --out"),
        (["--out", "CLIP"], 2, "is there already"),
        (["--out", "NEW", "--reveal", "vehicle:4"], 2, "no vehicle 4"),
        (["--out", "NEW"], 0, "nothing was named"),
        (["--out", "NEW", "--keep-scene"], 0, ""),
        ([], 0, "--reveal vehicle:N can show"),
    ],
)
def test_the_command(
    words: list[str],
    exit_code: int,
    says: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    clip, new = filmed(tmp_path / "clip.mp4", [0.0, 0.04, 0.08]), tmp_path / "new.mp4"
    places = {"CLIP": str(clip), "NEW": str(new)}
    assert main(["redact", str(clip), *(places.get(word, word) for word in words)]) == exit_code
    told = capsys.readouterr()
    assert says in told.err
    assert new.exists() is (exit_code == 0 and "--out" in words)
    if new.exists():
        assert json.loads(told.out)["frames"] == len(decoded(new)) == 3
