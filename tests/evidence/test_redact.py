"""No pixel outside the subject's region gets out."""

import io
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.evidence.world import BEGUN_AT, World, finding, frames, nothing_else, passage

from clearway.camera.film import encode_clip
from clearway.evidence import canonical
from clearway.evidence.redact import FILL_RGB, region_at, reveal, shown_px
from clearway.facts import Box, Frame, Pixels

WIDTH_PX, HEIGHT_PX = 24, 16
edges = st.integers(-32, 128).map(lambda quarters: quarters / 4)
spans = st.tuples(edges, edges).filter(lambda span: span[0] != span[1]).map(sorted)
boxes = st.tuples(spans, spans).map(lambda both: Box(both[0][0], both[1][0], both[0][1], both[1][1]))


def noise(seed: int) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (HEIGHT_PX, WIDTH_PX, 3), dtype=np.uint8)


@settings(deadline=None)
@given(boxes, st.lists(boxes, max_size=3), st.integers(0, 9))
def test_each_pixel_is_the_source_or_the_fill_and_which_depends_on_the_boxes_alone(
    subject: Box, other_plates: list[Box], seed: int
) -> None:
    source = noise(seed)
    shown = reveal(source, subject, other_plates)
    for y in range(HEIGHT_PX):
        for x in range(WIDTH_PX):
            pixel = Box(x, y, x + 1, y + 1)
            whole_inside = subject.shared_px(pixel) == 1.0
            touches_other = any(plate.shared_px(pixel) > 0 for plate in other_plates)
            expected = source[y, x] if whole_inside and not touches_other else FILL_RGB
            assert tuple(shown[y, x]) == tuple(expected)


@settings(deadline=None)
@given(boxes, st.lists(boxes, max_size=3))
def test_changing_everything_that_is_hidden_changes_nothing(subject: Box, other_plates: list[Box]) -> None:
    source = noise(1)
    visible = reveal(np.full_like(source, 255), subject, other_plates) == 255
    changed = np.where(visible, source, noise(2))
    assert np.array_equal(reveal(changed, subject, other_plates), reveal(source, subject, other_plates))


def test_no_subject_shows_nothing() -> None:
    assert (reveal(noise(1), None) == FILL_RGB).all()
    assert shown_px(Box(3.1, 3.0, 3.9, 9.0), WIDTH_PX, HEIGHT_PX) is None, "less than one whole pixel is none"


@pytest.mark.parametrize(
    ("number", "left_px"),
    [
        (1, None),  # before the first sighting nobody knows where the vehicle was
        (2, 16.5),  # sighted
        (3, 19.5),  # a third of the way
        (8, 34.5),  # sighted
        (9, None),  # after the last sighting
    ],
)
def test_a_region_is_sighted_or_lies_between_two_sightings(number: int, left_px: float | None) -> None:
    region = region_at(passage(), frames()[number])
    assert (region.left_px if region is not None else None) == pytest.approx(left_px)


def test_a_gap_of_more_than_one_and_a_half_seconds_is_blank() -> None:
    lone = frames(20)
    assert region_at(passage((0, 7)), lone[3]) is not None, "1.4 s apart"
    assert region_at(passage((0, 8)), lone[3]) is None, "1.6 s apart"


class Recorder:
    """An encoder that keeps what it was given."""

    def __init__(self) -> None:
        self.pictures: list[Pixels] = []

    def __call__(self, pictures: Sequence[Pixels], times: Sequence[datetime]) -> bytes:
        self.pictures = list(pictures)
        return encode_clip(pictures, times)


def test_an_exhibits_pictures_hold_only_the_region(tmp_path: Path) -> None:
    recorder = Recorder()
    world = World(tmp_path, recorder)
    other = Box(30.2, 40.0, 40.0, 45.5)
    source = frames()
    exhibit = world.sealer.seal(finding(), source, clock_source="NTP", hide=lambda _: [other])
    with zipfile.ZipFile(exhibit.path) as bundle:
        said = canonical.loads(bundle.read("manifest.json"))
        stills = {name: bundle.read(name) for name in bundle.namelist() if name.endswith(".png")}
        clip = bundle.read("clip.mp4")
    assert isinstance(said, dict)
    assert [still["frame"] for still in said["shown"]["stills"]] == [5, 2], "the decisive frames, best first"
    for still in said["shown"]["stills"]:
        assert_only(decoded(stills[still["file"]]), source[still["frame"]], still["region_px"], still["hidden_px"])
    assert len(recorder.pictures) == len(said["shown"]["clip"]["frames"]) == 7, "frames 2 to 8; the others show nothing"
    for picture, line in zip(recorder.pictures, said["shown"]["clip"]["frames"], strict=True):
        assert_only(picture, source[line["frame"]], line["region_px"], line["hidden_px"])
    assert_grey_around(clip, [line["region_px"] for line in said["shown"]["clip"]["frames"]])


def decoded(png: bytes) -> Pixels:
    picture = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return picture[:, :, ::-1].astype(np.uint8)


def assert_only(pixels: Pixels, source: Frame, region_px: list[int], hidden_px: list[list[int]]) -> None:
    expected = np.full_like(source.pixels, FILL_RGB)
    left, top, right, bottom = region_px
    expected[top:bottom, left:right] = source.pixels[top:bottom, left:right]
    for left, top, right, bottom in hidden_px:
        expected[top:bottom, left:right] = FILL_RGB
    assert np.array_equal(pixels, expected)


def assert_grey_around(clip: bytes, regions_px: list[list[int]]) -> None:
    """The encoder saw grey around the region; its 4:2:0 blocks may bleed the region outward, never the source inward."""
    with av.open(io.BytesIO(clip), "r") as container:
        assert [stream.type for stream in container.streams] == ["video"], "no sound, no second picture"
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(pictures) == len(regions_px)
    for pixels, (left, top, right, bottom) in zip(pictures, regions_px, strict=True):
        far = np.ones(pixels.shape[:2], bool)
        far[max(0, top - 16) : bottom + 16, max(0, left - 16) : right + 16] = False
        assert np.abs(pixels[far].astype(int) - np.array(FILL_RGB)).max(initial=0) <= 24


def test_the_same_exhibit_comes_out_whatever_stood_around_the_subject(tmp_path: Path) -> None:
    world = World(tmp_path, encode_clip)
    source = frames()
    region = [region_at(passage(), frame) for frame in source]
    changed = [
        replace(frame, pixels=np.where(reveal(np.full_like(frame.pixels, 255), box) == 255, frame.pixels, other.pixels))
        for frame, box, other in zip(source, region, frames(seed=8), strict=True)
    ]
    assert not np.array_equal(changed[5].pixels, source[5].pixels)
    shown = []
    for some in (source, changed):
        exhibit = world.sealer.seal(finding(), some, clock_source="NTP", hide=nothing_else)
        with zipfile.ZipFile(exhibit.path) as bundle:
            shown.append({name: bundle.read(name) for name in bundle.namelist() if name.endswith((".png", ".mp4"))})
    assert shown[0] == shown[1]
    assert len(shown[0]) == 3


def test_a_frame_of_another_size_is_blank_in_the_clip(tmp_path: Path) -> None:
    recorder = Recorder()
    world = World(tmp_path, recorder)
    larger = frames(width_px=128)
    source = [*frames()[:4], *larger[4:]]
    world.sealer.seal(finding(decisive_frames=(2,)), source, clock_source="NTP", hide=nothing_else)
    assert {picture.shape for picture in recorder.pictures} == {(64, 96, 3)}
    assert all((picture == FILL_RGB).all() for picture in recorder.pictures[2:])
    assert not (recorder.pictures[0] == FILL_RGB).all()


def test_frames_after_a_gap_in_the_ring_still_make_an_exhibit(tmp_path: Path) -> None:
    """The decisive frames are gone: the best of what is left is shown."""
    world = World(tmp_path)
    late = [frame for frame in frames() if frame.captured_at >= BEGUN_AT + timedelta(seconds=1.4)]
    exhibit = world.sealer.seal(finding(), late, clock_source="NTP", hide=nothing_else)
    with zipfile.ZipFile(exhibit.path) as bundle:
        said = canonical.loads(bundle.read("manifest.json"))
    assert isinstance(said, dict)
    assert [still["frame"] for still in said["shown"]["stills"]] == [8, 7]
