"""Our detector's own work, with a network that sees colours: scales, edges, one box a thing, and looking again at vehicles."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.sight import networks

from clearway.errors import InstallationError
from clearway.facts import Box, Detection, Frame, Kind
from clearway.sight import street
from clearway.sight.network import Weights
from clearway.sight.plate import PlateReader
from clearway.sight.street import StreetDetector
from clearway.testing import contracts

AT = datetime(2026, 11, 22, 8, tzinfo=UTC)
RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    return networks.street(tmp_path_factory.mktemp("street") / "street.onnx")


@pytest.fixture(scope="module")
def made(weights: Weights) -> StreetDetector:
    return StreetDetector(weights, threads=1)


def painted(width_px: int, height_px: int, *things: tuple[tuple[int, int, int], int, int, int]) -> Frame:
    """A grey picture with squares (colour, left, top, side) in it."""
    pixels = np.full((height_px, width_px, 3), 90, np.uint8)
    for colour, left, top, side in things:
        pixels[top : top + side, left : left + side] = colour
    return Frame("test", 0, AT, 0.0, pixels)


def only(found: Sequence[Detection], kind: Kind) -> list[Detection]:
    return [one for one in found if one.kind is kind]


def test_a_whole_picture_is_seen_smaller_and_told_in_its_own_pixels(made: StreetDetector) -> None:
    """720p is seen at half its size, so that 16 of its pixels are one block of the network's 8."""
    frame = painted(1280, 720, (RED, 320, 160, 16), (GREEN, 960, 640, 16))
    found = made.find(frame, frame.whole)
    (plate,), (person,) = only(found, Kind.PLATE), only(found, Kind.PERSON)
    assert len(found) == 2
    assert plate.box == Box(320, 160, 336, 176)
    assert plate.corners is not None and np.array(plate.corners).tolist() == [[320, 160], [336, 160], [336, 176], [320, 176]]
    assert (person.box, person.corners) == (Box(960, 640, 976, 656), None)
    assert made.weights[0][0] == "street.onnx" and made.name == "clearway-street street"


def test_a_region_is_seen_alone_and_enlarged_no_more_than_its_pixels_can_tell(made: StreetDetector) -> None:
    frame = painted(1280, 720, (RED, 404, 204, 4), (RED, 800, 600, 16))
    (plate,) = made.find(frame, Box(400.0, 200.0, 500.0, 260.0))
    assert plate.box == Box(404, 204, 408, 208), "at twice its size 4 px are a block; what is outside the region is not told"


def test_what_reaches_beyond_the_region_is_cut_to_it(made: StreetDetector) -> None:
    frame = painted(640, 384, (BLUE, 0, 0, 8))
    (vehicle,) = made.find(frame, frame.whole)
    assert vehicle.box == Box(0, 0, 28, 28)


def test_one_thing_is_one_box(made: StreetDetector) -> None:
    """Neighbouring blue blocks are vehicles of 48 px that share two thirds; the next but one is another vehicle."""
    frame = painted(640, 384, (BLUE, 320, 160, 8), (BLUE, 328, 160, 8), (BLUE, 480, 160, 8))
    vehicles = made.find(frame, frame.whole)
    assert [one.kind for one in vehicles] == [Kind.VEHICLE] * 2
    assert vehicles[0].box.shared_px(vehicles[1].box) == 0


def test_a_large_picture_is_looked_at_again_where_a_vehicle_is(made: StreetDetector) -> None:
    """At a quarter of its size a plate of 5 px is lost; inside the vehicle it is found, and one without a vehicle is not."""
    frame = painted(2560, 1920, (BLUE, 1024, 960, 32), (RED, 968, 928, 5), (RED, 200, 200, 5))
    found = made.find(frame, frame.whole)
    (plate,) = only(found, Kind.PLATE)
    assert any(plate.box.shared_px(one.box) == plate.box.area_px for one in only(found, Kind.VEHICLE))
    assert plate.box.overlap(Box(968, 928, 973, 933)) > 0.5


def test_where_a_vehicle_is_far_away_others_are_looked_for(made: StreetDetector) -> None:
    """At a quarter of its size one between two blocks is lost; near one that was seen it is found, and one near nobody is not."""
    frame = painted(2560, 1920, (BLUE, 1024, 960, 32), (BLUE, 1168, 1072, 32), (BLUE, 208, 208, 32))
    at_once = {one.box.centre_px for one in made._look(frame, frame.whole, street.LONG_SIDE_PX).detections}
    found = {one.box.centre_px for one in made.find(frame, frame.whole)}
    assert at_once == {(1040.0, 976.0)}
    assert any(abs(x - 1184) < 16 and abs(y - 1088) < 16 for x, y in found) and not any(x < 500 for x, _ in found)


def test_half_a_vehicle_at_the_edge_of_a_look_is_none() -> None:
    region, part = Box(0, 0, 1280, 720), Box(960, 200, 1280, 414)
    inside, cut, at_the_rim = Box(1000, 220, 1040, 250), Box(961, 220, 1000, 250), Box(1240, 220, 1280, 250)
    told = [Detection(Kind.VEHICLE, box, 0.9) for box in (inside, cut, at_the_rim)]
    far = [one.box for one in told if street._is_far_vehicle(one, part, region, 0.5)]
    assert far == [inside, at_the_rim], "only what the look's edge cuts, within the picture, may be half of one"


def test_how_often_it_looks_again_is_bounded(made: StreetDetector, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []
    network = made._network  # what a look costs is what the network is asked for

    def counted(pixels: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
        looks.append(pixels.shape[2] * pixels.shape[3])
        return network(pixels)

    monkeypatch.setattr(made, "_network", counted)
    many = painted(2560, 1920, *((BLUE, 32 * (8 * n + 4), 32 * (8 * m + 4), 32) for n in range(8) for m in range(6)))
    assert len(only(made.find(many, many.whole), Kind.VEHICLE)) >= 48
    assert len(looks) == 2 + street.FAR_LOOKS_MAX + street.CLOSE_LOOKS_MAX
    assert looks[:2] == [640 * 480, 224 * 192] and max(looks[2:]) <= street.CLOSE_SIDE_PX**2


def test_best_comes_first_and_never_too_many(made: StreetDetector) -> None:
    dice = np.random.default_rng(3)
    frame = painted(1280, 720)
    frame.pixels[:] = dice.integers(0, 256, (45, 80, 3), np.uint8).repeat(16, axis=0).repeat(16, axis=1)
    found = made.find(frame, frame.whole)
    for kind in (Kind.VEHICLE, Kind.PERSON):
        assert 10 < len(only(found, kind)) <= street.FOUND_MAX
    assert [one.p for one in found] == sorted((one.p for one in found), reverse=True)


def test_a_picture_of_40_megapixels_costs_no_more_looks(made: StreetDetector, tmp_path: Path) -> None:
    frame = Frame("test", 0, AT, 0.0, np.zeros((5200, 7700, 3), np.uint8))
    reader = PlateReader(networks.plate(tmp_path / "plate.onnx"), threads=1)
    assert made.find(frame, frame.whole) == ()
    assert reader.read(frame, Detection(Kind.PLATE, frame.whole, 1.0)) is None


def test_made_to_hide_it_takes_what_is_half_as_sure(made: StreetDetector, weights: Weights) -> None:
    hider = StreetDetector(weights, threads=1, to_hide=True)
    frame = painted(640, 384, ((0, 0, 60), 320, 160, 8), (GREEN, 80, 80, 8))
    assert [one.kind for one in made.find(frame, frame.whole)] == [Kind.PERSON]
    assert [one.kind for one in hider.find(frame, frame.whole)] == [Kind.PERSON, Kind.VEHICLE]
    contracts.detector(hider, [frame])


def test_the_second_look_is_for_what_is_large(weights: Weights, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = painted(640, 384)
    small, large = Box(10, 10, 60, 40), Box(200, 100, 400, 300)
    told = [Detection(kind, box, 0.9) for kind in (Kind.VEHICLE, Kind.FACE) for box in (small, large)]

    def look(self: StreetDetector, seen: Frame, region: Box, long_side_px: int) -> street._Found:
        return street._Found(told if long_side_px == street.LARGE_SIDE_PX else [], 1.0)

    monkeypatch.setattr(StreetDetector, "_look", look)
    found = StreetDetector(weights, threads=1).find(frame, frame.whole)
    assert [one.box for one in only(found, Kind.VEHICLE)] == [large]
    assert [one.box for one in only(found, Kind.FACE)] == [small, large], "what is to be hidden is never dropped"
    hidden = StreetDetector(weights, threads=1, to_hide=True).find(frame, frame.whole)
    assert len(only(hidden, Kind.VEHICLE)) == 2, "nor is anything, where all of it is only hidden"


def test_what_fills_the_picture_is_a_vehicle_only_where_that_is_sure(weights: Weights, monkeypatch: pytest.MonkeyPatch) -> None:
    wall, lorry, car = Box(0, 0, 400, 200), Box(20, 210, 620, 380), Box(500, 20, 620, 90)
    told = [Detection(Kind.VEHICLE, box, p) for box, p in ((wall, 0.45), (lorry, 0.55), (car, 0.35))]

    def look(self: StreetDetector, frame: Frame, region: Box, long_side_px: int) -> street._Found:
        return street._Found(told if long_side_px == street.LONG_SIDE_PX else [], 1.0)

    monkeypatch.setattr(StreetDetector, "_look", look)
    frame = painted(640, 384)
    assert {one.box for one in StreetDetector(weights, threads=1).find(frame, frame.whole)} == {lorry, car}
    assert len(StreetDetector(weights, threads=1, to_hide=True).find(frame, frame.whole)) == 3, "what is hidden stays hidden"


def test_a_part_of_a_surer_vehicle_is_no_vehicle(weights: Weights, monkeypatch: pytest.MonkeyPatch) -> None:
    car, front = Detection(Kind.VEHICLE, Box(100, 100, 300, 250), 0.8), Detection(Kind.VEHICLE, Box(110, 170, 290, 240), 0.5)
    lorry, before_it = Detection(Kind.VEHICLE, Box(320, 40, 620, 300), 0.6), Detection(Kind.VEHICLE, Box(400, 200, 520, 295), 0.9)
    beside = Detection(Kind.VEHICLE, Box(60, 180, 180, 260), 0.4)

    def look(self: StreetDetector, frame: Frame, region: Box, long_side_px: int) -> street._Found:
        return street._Found([car, front, lorry, before_it, beside] if long_side_px == street.LONG_SIDE_PX else [], 1.0)

    monkeypatch.setattr(StreetDetector, "_look", look)
    frame = painted(640, 384)
    found = StreetDetector(weights, threads=1).find(frame, frame.whole)
    assert set(found) == {car, lorry, before_it, beside}, "a surer one before a lorry is another one"
    assert set(StreetDetector(weights, threads=1, to_hide=True).find(frame, frame.whole)) >= {front}, (
        "what is hidden stays hidden"
    )


def test_made_to_hide_it_fails_where_nobody_knows(weights: Weights, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights that give no probability have found nothing, which is not the same as that nothing is there."""
    hider = StreetDetector(weights, threads=1, to_hide=True)
    network = hider._network

    class Broken:
        refuse = network.refuse

        def __call__(self, pixels: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
            boxes, scores, corners = network(pixels)
            return boxes, scores * np.float32(np.nan), corners

    monkeypatch.setattr(hider, "_network", Broken())
    frame = painted(640, 384, (GREEN, 80, 80, 8))
    with pytest.raises(InstallationError, match="that are none"):
        hider.find(frame, frame.whole)


def test_it_keeps_the_contract(made: StreetDetector) -> None:
    contracts.detector(made, [painted(640, 360, (BLUE, 320, 160, 16), (RED, 344, 184, 8))])
    for frame in contracts.hostile_frames(AT):
        made.find(frame, frame.whole)


@pytest.mark.parametrize(
    ("boxes", "kept"),
    [
        ([[0, 0, 8, 8]], [0]),
        ([[8, 0, 0, 8]], []),  # inside out
        ([[0, 0, 0, 8]], []),  # empty
        ([[0, 0, np.nan, 8]], []),
        ([[0, 0, np.inf, 8]], []),
    ],
)
def test_boxes_that_are_none_are_dropped(boxes: list[list[float]], kept: list[int]) -> None:
    assert street._apart(np.array(boxes), np.array([0.9]), 0.4) == kept


@pytest.mark.parametrize("p", [np.nan, 1.5, -1.0, np.inf])
def test_probabilities_that_are_none_are_dropped(p: float) -> None:
    assert street._apart(np.array([[0.0, 0.0, 8.0, 8.0]]), np.array([p]), 0.4) == []
