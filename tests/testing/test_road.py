"""The simulated road keeps its promises: the same again, true truth, and the situations that trackers find hard."""

import csv
import io
from datetime import UTC, datetime, timedelta
from itertools import combinations, pairwise
from pathlib import Path
from typing import cast

import av
import numpy as np
import pytest

from clearway.check import hotlist, register
from clearway.facts import Box, Detection, Frame, Kind
from clearway.plates import canonical
from clearway.testing.road import LETTERS, Road, TrueVehicle, film, hotlist_csv, register_csv
from clearway.testing.truth import TruthDetector, TruthReader


@pytest.fixture(scope="module")
def road() -> Road:
    return Road(seed=1)


@pytest.fixture(scope="module")
def truth(road: Road) -> list[tuple[TrueVehicle, ...]]:
    return [road.truth(number) for number in range(road.frame_count)]


def test_the_same_seed_gives_the_same_film() -> None:
    one, other, third = Road(3, 6, width_px=320, height_px=180), Road(3, 6, width_px=320, height_px=180), Road(4, 6)
    for number in (0, 20, 40):
        assert (one.frame(number).pixels == other.frame(number).pixels).all()
        assert one.truth(number) == other.truth(number)
    assert {p.plate for p in one.passages} != {p.plate for p in third.passages}


def test_frames_come_in_order_with_their_times(road: Road) -> None:
    first = [frame for frame, _ in zip(road.frames(), range(5), strict=False)]
    assert [frame.number for frame in first] == [0, 1, 2, 3, 4]
    assert first[3].captured_at == road.starts_at + timedelta(seconds=3 / road.frames_per_s)
    assert first[0].pixels.shape == (540, 960, 3)
    assert first[0].pixels is not first[1].pixels


def test_every_vehicle_passes_once_and_shows_its_plate(road: Road, truth: list[tuple[TrueVehicle, ...]]) -> None:
    assert len(road.passages) == road.vehicles == 24 and len({p.plate for p in road.passages}) == 24
    assert 25 <= road.duration_s <= 36
    for passage in road.passages:
        assert passage.first_at < passage.last_at
        assert passage.best_frame is not None
        (best,) = (v for v in truth[passage.best_frame] if v.number == passage.number)
        assert best.plate_box is not None and best.plate_box.width_px >= 85
        assert best.text_seen == best.plate == passage.plate
    assert any(len({v.across_m for v in shown if v.along_m < 15 and v.plate}) == 2 for shown in truth), "two lanes at once"


def test_plates_differ_by_two_characters_except_for_the_twins(road: Road) -> None:
    plates = [p.plate for p in road.passages]
    assert all(canonical(plate) == plate and set(plate) <= set(LETTERS + "0123456789") for plate in plates)
    pairs = [(a, b) for a, b in combinations(plates, 2) if len(a) == len(b)]
    near = [(a, b) for a, b in pairs if sum(x != y for x, y in zip(a, b, strict=True)) == 1]
    assert len(near) == 2
    assert sum(road.listed[0] in pair for pair in near) == 1, "the first listed vehicle has a twin"


def test_the_road_holds_what_trackers_find_hard(road: Road, truth: list[tuple[TrueVehicle, ...]]) -> None:
    assert any(2.7 <= p.stood_s <= 4.0 for p in road.passages), "one stands for three seconds"
    assert any(0.6 <= p.hidden_s <= 1.5 for p in road.passages), "one is hidden for about a second"
    assert any(v.plate_cut and v.text_seen != v.plate for shown in truth for v in shown), "plates are cut at the edge"


def test_vehicles_never_drive_into_each_other_or_backwards(truth: list[tuple[TrueVehicle, ...]]) -> None:
    last: dict[int, float] = {}
    for shown in truth:
        for lane in (-1, 1):
            alongs = sorted(v.along_m for v in shown if v.plate and v.across_m * lane > 0)
            assert all(after - before > 4.3 for before, after in pairwise(alongs))
        if any(not v.plate for v in shown):
            assert not any(6.5 < v.along_m < 11.5 for v in shown if v.plate), "nobody stands where the van crosses"
        for vehicle in shown:
            if vehicle.plate:
                assert vehicle.along_m <= last.get(vehicle.number, 1e9) + 1e-9
                last[vehicle.number] = vehicle.along_m


def test_the_truth_lies_where_the_pixels_are(road: Road) -> None:
    """A plate is white with black on it, so inside its box there is much of the one and some of the other."""
    for passage in road.passages[:6]:
        assert passage.best_frame is not None
        pixels = road.frame(passage.best_frame).pixels
        (vehicle,) = (v for v in road.truth(passage.best_frame) if v.number == passage.number)
        plate = cast(Box, vehicle.plate_box)
        rows = slice(int(plate.top_px) + 2, int(plate.bottom_px) - 1)
        columns = slice(int(plate.left_px) + 16, int(plate.right_px))
        inside = pixels[rows, columns].astype(int)
        assert (inside.min(axis=2) > 180).mean() > 0.35 and (inside.max(axis=2) < 110).mean() > 0.08


def test_plates_are_read_in_the_readable_share_of_the_picture(road: Road, truth: list[tuple[TrueVehicle, ...]]) -> None:
    top_px = road.readable_share[1] * road.height_px
    assert 0.3 < road.readable_share[1] < 0.6
    boxes = [v.plate_box for shown in truth for v in shown if v.plate_box is not None and v.plate_whole]
    assert all(box.top_px > top_px for box in boxes if box.width_px > 56)
    assert all(box.width_px > 42 for box in boxes if box.top_px > top_px)


def test_faces_are_shown_for_redaction_to_hide(road: Road) -> None:
    faces = [face for number in range(0, road.frame_count, 60) for face in road.faces(number)]
    assert len(faces) >= 10
    assert max(face.height_px for face in faces) >= 24


def test_a_film_of_the_road_decodes_to_its_frames(tmp_path: Path) -> None:
    short = Road(5, 2, width_px=320, height_px=180)
    film(short, tmp_path / "road.mp4")
    with av.open(str(tmp_path / "road.mp4")) as container:
        assert container.metadata["creation_time"].startswith(f"{short.starts_at:%Y-%m-%dT%H:%M:%S}")
        frames = [(np.asarray(f.to_ndarray(format="rgb24")), float(f.time or 0.0)) for f in container.decode(video=0)]
    assert len(frames) == short.frame_count
    for number in (0, short.frame_count // 2, short.frame_count - 1):
        pixels, time_s = frames[number]
        assert time_s == pytest.approx(number / short.frames_per_s, abs=0.001)
        assert np.abs(pixels.astype(int) - short.frame(number).pixels.astype(int)).mean() < 4.0


def test_the_lists_are_taken_in_and_name_the_right_vehicles(road: Road) -> None:
    listed, expired = hotlist.parse(hotlist_csv(road).encode(), road.starts_at)
    assert set(listed) == set(road.listed) and len(listed) == 2 and expired == 0
    lines = list(csv.DictReader(io.StringIO(register_csv(road))))
    assert tuple(lines[0]) == register.HEADER
    assert {line["plate"] for line in lines} == {p.plate for p in road.passages}
    lapsed = [line["plate"] for line in lines if datetime.fromisoformat(line["valid_to"]) < road.starts_at]
    assert lapsed == [road.lapsed] and road.lapsed not in road.listed


def test_a_busy_road_has_many_passages_in_few_pixels() -> None:
    busy = Road.busy(seed=2, vehicles=60, starts_at=datetime(2026, 1, 1, tzinfo=UTC))
    assert len(busy.passages) == 60
    assert all(p.best_frame is not None for p in busy.passages)
    assert busy.frame(10).pixels.shape == (180, 320, 3)


def test_the_truth_detector_finds_what_is_there_inside_its_region(road: Road) -> None:
    frame = road.frame(130)
    found = TruthDetector(road).find(frame, frame.whole)
    vehicles = [v for v in road.truth(130) if v.hidden <= 0.8]
    assert {d.box for d in found if d.kind is Kind.VEHICLE} == {v.box for v in vehicles}
    assert {d.box for d in found if d.kind is Kind.PLATE} == {v.plate_box for v in vehicles if v.plate_box and v.text_seen}
    assert [d.p for d in found] == sorted((d.p for d in found), reverse=True)
    half = Box(0, 0, 480, 540)
    for one in TruthDetector(road, seed=3, jitter_px=4.0).find(frame, half):
        assert half.shared_px(one.box) == pytest.approx(one.box.area_px)


def test_the_truth_detector_misses_as_often_as_it_is_told(road: Road) -> None:
    all_found = missed_some = 0
    for number in range(0, road.frame_count, 12):
        frame = road.frame(number)
        all_found += len(TruthDetector(road).find(frame, frame.whole))
        missed_some += len(TruthDetector(road, seed=1, miss_rate=0.4).find(frame, frame.whole))
    assert 0.5 <= missed_some / all_found <= 0.7


def test_the_truth_reader_is_as_sure_as_it_is_right(road: Road, truth: list[tuple[TrueVehicle, ...]]) -> None:
    reader = TruthReader(road, seed=7, error_rate=0.15)
    frame = road.frame(0)
    surely, right, count = 0.0, 0, 0
    for number, shown in list(enumerate(truth))[::2]:
        seen = Frame(frame.camera, number, road.at(number), 0.0, frame.pixels)
        for vehicle in shown:
            if vehicle.plate_box is None:
                continue
            reading = reader.read(seen, Detection(Kind.PLATE, vehicle.plate_box, 1.0))
            if reading is None or not vehicle.plate_whole:
                assert reading is None or (reading.legibility == 0.0 and len(reading.text) == len(vehicle.text_seen))
                continue
            assert reading.legibility > 0.0
            surely += float(reading.p_characters.max(axis=1).sum())
            right += sum(a == b for a, b in zip(reading.text, vehicle.plate, strict=True))
            count += len(reading.text)
    assert count > 1500
    assert right / count == pytest.approx(surely / count, abs=0.02)
    assert 0.80 < right / count < 0.95


def test_the_truth_reader_reads_nothing_where_no_plate_is(road: Road) -> None:
    frame = road.frame(130)
    assert TruthReader(road).read(frame, Detection(Kind.PLATE, Box(0, 0, 40, 10), 1.0)) is None
