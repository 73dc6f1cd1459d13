"""A signal's heads are shown as they were filmed, or not at all; the road is shown where vehicles drove, and nobody is in it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.evidence.test_redact import Recorder, decoded
from tests.evidence.world import (
    HEAD_PX,
    SURVEYED,
    Hider,
    World,
    junction,
    nothing_else,
    passage,
    ran_red,
    signal_sketch,
)

from clearway.evidence import canonical
from clearway.evidence.redact import FILL_RGB
from clearway.evidence.sketch import drawn
from clearway.evidence.surroundings import heads_in, road_of
from clearway.evidence.verify import contents, verify
from clearway.facts import Box, Detection, Frame, Kind, Pixels

LEFT, TOP, RIGHT, BOTTOM = HEAD_PX
HEAD = np.s_[TOP:BOTTOM, LEFT:RIGHT]
# Before the head, and far from it.
LORRY, ELSEWHERE = Box(80, 0, 96, 30), Box(2, 30, 8, 50)


def sealed(folder: Path, found: Callable[[int], Sequence[Detection] | Exception], **more: Any) -> dict[str, bytes]:
    world = World(folder, Recorder(), hider=Hider(found))
    path = Path(world.seal_red(**more).path)
    assert verify(path, world.keys).passed
    return contents(path)


def only(finds: Mapping[int, Sequence[Detection]]) -> Callable[[int], Sequence[Detection]]:
    """Finds that in those frames, and nothing in others."""
    return lambda number: finds.get(number, ())


def _found(found: Callable[[int], Sequence[Detection]], frame: Frame, region: Box) -> tuple[Detection, ...]:
    return tuple(found(frame.number))


def shown(files: Mapping[str, bytes]) -> dict[str, Any]:
    said = canonical.loads(files["manifest.json"])
    assert isinstance(said, dict)
    found: dict[str, Any] = said["shown"]
    return found


def heads(files: Mapping[str, bytes]) -> dict[int, str]:
    return {line["frame"]: line["heads"][0] for line in shown(files)["clip"]["frames"]}


def composed(line: Mapping[str, Any], told: Mapping[str, Any], road: Pixels, source: Frame) -> Pixels:
    """The picture as docs/formats/exhibit.md has it, from the manifest, the road and the camera's frame."""
    picture = road.copy()
    if line["region_px"] is not None:
        left, top, right, bottom = line["region_px"]
        picture[top:bottom, left:right] = source.pixels[top:bottom, left:right]
        for left, top, right, bottom in line["hidden_px"]:
            picture[top:bottom, left:right] = FILL_RGB
    for head, word in zip(told["heads"], line["heads"], strict=True):
        if word == "shown":
            left, top, right, bottom = head["px"]
            picture[top:bottom, left:right] = source.pixels[top:bottom, left:right]
    return picture


def test_every_picture_is_the_road_the_vehicle_and_the_head_and_nothing_else(tmp_path: Path) -> None:
    recorder, source = Recorder(), junction()
    face, lorry = Detection(Kind.FACE, Box(52, 20, 57, 26), 0.2), Detection(Kind.VEHICLE, LORRY, 0.4)
    world = World(tmp_path, recorder, hider=Hider(lambda number: (face, lorry) if number == 4 else (face,)))
    files = contents(Path(world.seal_red(source).path))
    told, road = shown(files), decoded(files["road.png"])
    assert (road != FILL_RGB).any()
    for line, picture in zip(told["clip"]["frames"], recorder.pictures, strict=True):
        assert np.array_equal(picture, composed(line, told, road, source[line["frame"]]))
    assert [line["heads"] for line in told["clip"]["frames"]].count(["shown"]) == 6
    for still in told["stills"]:
        assert np.array_equal(decoded(files[still["file"]]), composed(still, told, road, source[still["frame"]]))
    sketch = signal_sketch(ran_red())
    for moment in told["moments"]:
        frame = source[moment["frame"]]
        masked = composed(moment, told, road, frame)
        filmed = [HEAD_PX] if moment["heads"] == ["shown"] else []
        picture = drawn(masked, tuple(moment["region_px"]), sketch, frame.captured_at, filmed)
        assert np.array_equal(decoded(files[moment["file"]]), picture)
        if filmed:
            assert np.array_equal(picture[HEAD], frame.pixels[HEAD]), "nothing is drawn on the lamps"


WHY: dict[str, tuple[Callable[[int], Sequence[Detection] | Exception], dict[int, str]]] = {
    "nothing before it": (lambda number: (), dict.fromkeys(range(2, 9), "shown")),
    "a vehicle, surely": (
        lambda number: [Detection(Kind.VEHICLE, LORRY, 0.9)] if number == 2 else [],
        {2: "vehicle found"} | dict.fromkeys(range(3, 6), "vehicle carried") | dict.fromkeys(range(6, 9), "shown"),
    ),
    "a vehicle, perhaps": (
        lambda number: [Detection(Kind.TWO_WHEELER, LORRY, 0.2)] if number == 4 else [],
        dict.fromkeys(range(2, 9), "shown") | {4: "two_wheeler unsure"},
    ),
    "a vehicle elsewhere": (lambda number: [Detection(Kind.VEHICLE, ELSEWHERE, 0.9)], dict.fromkeys(range(2, 9), "shown")),
    "somebody, once": (
        lambda number: [Detection(Kind.PERSON, Box(83, 4, 88, 18), 0.2)] if number == 8 else [],
        dict.fromkeys(range(2, 5), "shown") | dict.fromkeys(range(5, 8), "person carried") | {8: "person unsure"},
    ),
    "a plate that reaches into it with its margin": (
        lambda number: [Detection(Kind.PLATE, Box(90.5, 10, 94.5, 12), 0.6)],
        dict.fromkeys(range(2, 9), "plate found"),
    ),
    "a look that failed": (
        lambda number: OSError("gone") if number == 5 else [],
        dict.fromkeys(range(2, 9), "shown") | {5: "not looked at"},
    ),
}


@pytest.mark.parametrize("name", WHY)
def test_the_head_is_shown_only_where_nothing_may_be_before_it(name: str, tmp_path: Path) -> None:
    found, words = WHY[name]
    assert heads(sealed(tmp_path, found)) == words


def test_what_the_cameras_own_looks_saw_hides_the_head_too(tmp_path: Path) -> None:
    files = sealed(tmp_path, lambda number: (), hide=lambda frame: [Box(89, 19, 96, 30)] if frame.number == 5 else [])
    assert heads(files) == dict.fromkeys(range(2, 9), "shown") | {5: "camera's look"}
    legend = shown(files)["hidden_because"]
    assert {"vehicle, two_wheeler", "the vehicle", "too large"} <= set(legend)


def test_each_of_two_heads_of_one_signal_is_told_of_by_itself(tmp_path: Path) -> None:
    recorder, found, source = Recorder(), ran_red(), junction()
    (head,), other = signal_sketch(found).heads, ((72.0, 52.0), (84.0, 52.0), (84.0, 58.0), (72.0, 58.0))
    sketch = replace(signal_sketch(found), heads=(head, replace(head, points_px=other)))
    world = World(tmp_path, recorder, hider=Hider(only({5: [Detection(Kind.VEHICLE, LORRY, 0.4)]})))
    exhibit = world.sealer.seal(found, source, clock_source="NTP", hide=nothing_else, sketch=sketch, surveyed=SURVEYED)
    told = shown(contents(Path(exhibit.path)))
    assert told["heads"] == [{"what": "signal K1", "px": [*HEAD_PX]}, {"what": "signal K1", "px": [72, 52, 84, 58]}]
    words = {line["frame"]: tuple(line["heads"]) for line in told["clip"]["frames"]}
    assert words == dict.fromkeys(range(2, 9), ("shown", "shown")) | {5: ("vehicle unsure", "shown")}
    for line, picture in zip(told["clip"]["frames"], recorder.pictures, strict=True):
        assert np.array_equal(picture[52:58, 72:84], source[line["frame"]].pixels[52:58, 72:84])


def test_a_head_behind_the_subject_and_one_that_is_none_are_not_shown() -> None:
    source, of = junction(), ran_red().passage
    looked: list[Box] = []

    def find(frame: Frame, region: Box) -> tuple[Detection, ...]:
        looked.append(region)
        return ()

    above = (30, 0, 36, 12)
    told = heads_in([above, (0, 0, 60, 40), HEAD_PX], of, source, [()] * len(source), find)
    assert told[5] == ("the vehicle", "too large", "shown") and told[0] == ("shown", "too large", "shown")
    assert all(region.common(Box(*map(float, HEAD_PX))) or region.common(Box(*map(float, above))) for region in looked)
    assert min(region.width_px for region in looked) > 24, "a lorry is told by more than its flank"


def test_whoever_the_look_around_the_head_alone_finds_hides_it() -> None:
    source, of = junction(), ran_red().passage
    finds = {Kind.PERSON: Box(83, 4, 88, 18), Kind.FACE: Box(85, 4, 88, 8), Kind.PLATE: Box(84, 15, 90, 18), Kind.VEHICLE: LORRY}
    for kind, box in finds.items():
        found = only({5: [Detection(kind, box, 0.9)]})
        told = heads_in([HEAD_PX], of, source, [()] * len(source), partial(_found, found))
        assert told[4:7] == [(f"{kind} carried",), (f"{kind} found",), (f"{kind} carried",)] and told[12] == ("shown",)


def test_a_moment_is_sooner_one_that_shows_the_lamp(tmp_path: Path) -> None:
    """Something is before the head when the vehicle crosses, and not a little later: a twelfth of the whole time at most."""
    found = ran_red(passage((2, 9, 16)))
    for number, chosen in ((6, 9), (9, 8)):
        world = World(tmp_path / str(number), hider=Hider(only({number: [Detection(Kind.VEHICLE, LORRY, 0.3)]})))
        exhibit = world.sealer.seal(
            found, junction(20), clock_source="NTP", hide=nothing_else, sketch=signal_sketch(found), surveyed=SURVEYED
        )
        moments = shown(contents(Path(exhibit.path)))["moments"]
        assert [moment["frame"] for moment in moments] == [2, chosen, 16]


def test_without_a_measurement_there_is_neither_a_head_nor_a_road(tmp_path: Path) -> None:
    files = contents(Path(World(tmp_path).seal().path))
    told = shown(files)
    assert (told["heads"], told["road"]) == ([], "none") and "road.png" not in files
    assert all(line["heads"] == [] for line in told["clip"]["frames"])


def road(found: Callable[[int], Sequence[Detection] | None], source: Sequence[Frame] | None = None) -> Pixels | None:
    source = junction(24) if source is None else source

    def find(frame: Frame, region: Box) -> tuple[Detection, ...] | None:
        finds = found(frame.number) if frame.camera != "road" else ()
        return None if finds is None else tuple(finds)

    made = road_of(ran_red().passage, source, [()] * len(source), find)
    return None if made is None else made.picture


def known(picture: Pixels | None) -> np.ndarray[Any, np.dtype[np.bool_]]:
    return np.zeros((64, 96), np.bool_) if picture is None else (picture != FILL_RGB).any(axis=2)


def test_the_road_is_what_stood_still_where_the_vehicle_drove() -> None:
    picture, empty = road(lambda number: ()), junction(24)[20].pixels
    mask = known(picture)
    assert picture is not None and np.array_equal(picture[mask], empty[mask]), "not one pixel of the vehicle"
    assert mask[31:50, 20:60].all() and not mask[:31].any() and not mask[50:].any()


def test_where_somebody_was_found_once_there_is_no_road() -> None:
    """They stand as still as the road does, and every other look misses them."""
    somebody = Detection(Kind.PERSON, Box(32, 36, 37, 48), 0.2)
    mask = known(road(lambda number: [somebody] if number == 11 else []))
    assert not mask[35:49, 31:38].any() and mask[31:50, 45:60].all()


def test_where_a_vehicle_or_a_plate_stood_there_is_no_road() -> None:
    for kind in (Kind.VEHICLE, Kind.PLATE):
        parked = [Detection(kind, Box(32, 36, 40, 48), 0.2)]
        mask = known(road(only({10: parked, 16: parked})))
        assert not mask[36:48, 32:40].any() and mask[31:50, 45:60].all()


def test_another_vehicle_that_moves_shows_where_it_drove_and_not_itself() -> None:
    """It crosses below the subject's way, in noise of its own."""
    source = junction(24)
    dice = np.random.default_rng(5)
    driven, found = [], {}
    for frame in source:
        pixels, number = frame.pixels.copy(), frame.number
        if 2 <= number <= 14:
            left = 5 * number - 8
            pixels[44:62, max(0, left) : left + 16] = dice.integers(0, 256, (18, 16 + min(0, left), 3), np.uint8)
            found[number] = [Detection(Kind.VEHICLE, Box(max(0, left), 44, left + 16, 62), 0.8)]
        driven.append(replace(frame, pixels=pixels))
    picture = road(only(found), driven)
    mask = known(picture)
    assert mask[58:61, 20:60].all(), "the lowest part of it"
    assert picture is not None and np.array_equal(picture[mask], source[20].pixels[mask])


@pytest.mark.parametrize("sin", ["every look fails", "too few frames", "the vehicle stands", "the road moves"])
def test_a_road_that_nobody_can_know_is_not_shown(sin: str) -> None:
    source = junction(24)
    if sin == "too few frames":
        source = source[:5]
    if sin == "the road moves":
        source = [replace(frame, pixels=np.roll(frame.pixels, frame.number, axis=0)) for frame in source]
    if sin == "the vehicle stands":
        source = source[3:9]
    assert road(lambda number: None if sin == "every look fails" else (), source) is None


def test_what_is_still_found_in_the_finished_road_is_filled(tmp_path: Path) -> None:
    """The look at it has the number 0, as the first frame has, which is no part of the road."""
    somebody = Detection(Kind.FACE, Box(30, 38, 36, 44), 0.1)
    files = sealed(tmp_path, lambda number: [somebody] if number == 0 else [])
    mask = known(decoded(files["road.png"]))
    assert not mask[38:44, 30:36].any() and mask[31:36, 20:60].all()


def test_a_frame_of_another_size_shows_neither(tmp_path: Path) -> None:
    source = [*junction(), replace(junction(17, width_px=128)[16])]
    found = ran_red()
    world = World(tmp_path, Recorder())
    exhibit = world.sealer.seal(
        found, source, clock_source="NTP", hide=nothing_else, sketch=signal_sketch(found), surveyed=SURVEYED
    )
    assert heads(contents(Path(exhibit.path))) == dict.fromkeys(range(2, 9), "shown")
