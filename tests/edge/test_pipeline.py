"""The loop, with eyes that know the truth: what it finds, what it lets go, and how it ends."""

import json
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest

from clearway.edge.pipeline import Pipeline
from clearway.edge.station import Station
from clearway.errors import SealError, SettingsError, SourceError
from clearway.evidence.bundle import list_exhibits
from clearway.facts import Box, Detection, Frame, Kind, Passage, Reading
from clearway.plates import ALPHABET, PLACE
from clearway.settings import EvidenceSettings, Settings, TrackSettings
from clearway.testing.road import Road, hotlist_csv, register_csv
from clearway.testing.truth import TruthDetector, TruthReader


class Played:
    """Frames from memory; `fails_with` is raised, or Ctrl-C pressed, where they end."""

    clock, frames_dropped = "the test", 0

    def __init__(self, frames: Sequence[Frame], fails_with: BaseException | None = None) -> None:
        self.camera, self._frames, self._fails_with = "simulated-road", frames, fails_with
        self.frames_expected: int | None = len(frames)

    def __iter__(self) -> Iterator[Frame]:
        yield from self._frames
        if self._fails_with is not None:
            raise self._fails_with


@pytest.fixture(scope="module")
def road() -> Road:
    return Road(
        seed=4, vehicles=8, width_px=480, height_px=270, starts_at=datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)
    )


@pytest.fixture(scope="module")
def frames(road: Road) -> list[Frame]:
    return list(road.frames())


@pytest.fixture
def station(road: Road, tmp_path: Path) -> Station:
    (tmp_path / "hotlist.csv").write_text(hotlist_csv(road))
    (tmp_path / "register.csv").write_text(register_csv(road))
    made = Station(tmp_path / "data", Settings())
    made.publish_hotlist(tmp_path / "hotlist.csv")
    made.publish_register(tmp_path / "register.csv")
    return made


def watching(station: Station, road: Road, source: Played, passages: list[Passage] | None = None) -> Pipeline:
    tell = passages.append if passages is not None else lambda passage: None
    truth = TruthDetector(road)
    return station.pipeline(source, truth, TruthReader(road, error_rate=0.0), hider=truth, tell=tell)


def test_the_listed_and_the_lapsed_are_found_and_nobody_else(station: Station, road: Road, frames: list[Frame]) -> None:
    passages: list[Passage] = []
    pipeline = watching(station, road, Played(frames), passages)
    sealed = list(pipeline.run())
    assert sorted((s.finding.rule, s.finding.plate) for s in sealed) == sorted(
        [*(("wanted", plate) for plate in road.listed), ("papers", road.lapsed)]
    )
    assert sorted(p.plate.text for p in passages if p.plate) == sorted(p.plate for p in road.passages if p.plate)
    assert len(list_exhibits(station.data)) == 3 == pipeline.counters.findings


def test_the_exhibit_says_what_it_rests_on(station: Station, road: Road, frames: list[Frame]) -> None:
    papers = next(s for s in watching(station, road, Played(frames)).run() if s.finding.rule == "papers")
    with zipfile.ZipFile(papers.exhibit.path) as bundle:
        manifest = json.loads(bundle.read("manifest.json"))
    (record,) = [record for record in manifest["records"] if record["register"] == "register"]
    assert record["answer"] == "no"
    assert manifest["passage"]["clock"]["source"] == "the test"
    assert all("sha256" in file for file in manifest["files"])


def test_a_source_that_fails_loses_nothing_that_was_seen(station: Station, road: Road, frames: list[Frame]) -> None:
    """The film breaks off while the first listed vehicle is still in view."""
    first = min((p for p in road.passages if p.plate in road.listed), key=lambda p: p.first_at)
    assert first.best_frame is not None
    broken = SourceError("the line is cut.", remedy="mend it.")
    sealed = []
    with pytest.raises(SourceError, match="the line is cut"):
        for one in watching(station, road, Played(frames[: first.best_frame + 1], broken)).run():
            sealed.append(one.finding.plate)  # noqa: PERF401 - the error comes after the last one
    assert first.plate in sealed


def test_ctrl_c_judges_who_is_in_view(station: Station, road: Road, frames: list[Frame]) -> None:
    first = min((p for p in road.passages if p.plate in road.listed), key=lambda p: p.first_at)
    assert first.best_frame is not None
    pipeline = watching(station, road, Played(frames[: first.best_frame + 1], KeyboardInterrupt()))
    found = []
    with pytest.raises(KeyboardInterrupt):
        for one in pipeline.run():
            found.append(one.finding.plate)  # noqa: PERF401 - the same
    assert first.plate in found


@pytest.mark.parametrize("within", ["a look", "a seal"])
def test_a_signal_in_the_middle_of_work_loses_nobody(within: str, station: Station, road: Road, frames: list[Frame]) -> None:
    """Nearly all of the time goes into looks, so that is when Ctrl-C comes; the frame at hand is finished first."""
    first = min((p for p in road.passages if p.plate in road.listed), key=lambda p: p.first_at)
    assert first.best_frame is not None
    stops_at = first.best_frame

    class Interrupted(TruthReader):
        def read(self, frame: Frame, plate: Detection) -> Reading | None:
            if within == "a look" and frame.number >= stops_at:
                pipeline.stop()
            return super().read(frame, plate)

    truth = TruthDetector(road)
    pipeline = station.pipeline(Played(frames), truth, Interrupted(road, error_rate=0.0), hider=truth)
    found = []
    with pytest.raises(KeyboardInterrupt):
        for one in pipeline.run():
            found.append(one.finding.plate)
            if within == "a seal":
                pipeline.stop()
    assert first.plate in found
    assert pipeline.counters.frames < len(frames)


def test_a_signal_while_no_frame_comes_breaks_the_wait(station: Station, road: Road, frames: list[Frame]) -> None:
    """A live camera whose line is lost gives no frame after which to stop."""

    class Waiting(Played):
        def __iter__(self) -> Iterator[Frame]:
            yield frames[0]
            pipeline.stop()  # as a signal handler, in the middle of the wait
            pytest.fail("the wait went on")

    pipeline = watching(station, road, Waiting(frames))
    with pytest.raises(KeyboardInterrupt):
        list(pipeline.run())
    assert pipeline.counters.frames == 1


def test_a_picture_that_changes_its_size_is_another_view(station: Station, road: Road, frames: list[Frame]) -> None:
    """Half of the film, then the same pictures a little larger: everybody of the first half is judged, nothing is mixed."""
    half = len(frames) // 2
    larger = [replace(frame, pixels=np.pad(frame.pixels, ((0, 10), (0, 10), (0, 0)))) for frame in frames[half:]]
    sealed = list(watching(station, road, Played([*frames[:half], *larger])).run())
    assert {s.finding.plate for s in sealed} == {*road.listed, road.lapsed}


def test_nothing_is_held_once_the_road_is_empty(station: Station, road: Road, frames: list[Frame]) -> None:
    pipeline = watching(station, road, Played(frames))
    list(pipeline.run())
    assert len(pipeline._ring) == 0
    assert pipeline.counters.held_longest_s <= Settings().evidence.held_s


def test_a_folder_that_cannot_be_written_is_said_and_nothing_is_listed(station: Station, road: Road, frames: list[Frame]) -> None:
    """The exhibits' folder is gone and a file stands in its place: no user, not even root, can seal there."""
    pipeline = watching(station, road, Played(frames))
    folder = station.data / "exhibits"
    folder.rmdir()
    folder.touch()
    with pytest.raises(SealError) as error:
        list(pipeline.run())
    assert "What to do" in error.value.diagnosis()


def test_pictures_must_be_held_longer_than_judging_takes(tmp_path: Path, road: Road) -> None:
    settings = Settings(track=TrackSettings(judged_after_s=20), evidence=EvidenceSettings(held_s=10))
    with pytest.raises(SettingsError, match="judged_after_s"):
        watching(Station(tmp_path, settings), road, Played([]))


def test_a_listed_text_that_is_written_into_the_picture_is_nobodys_plate(
    station: Station, road: Road, frames: list[Frame]
) -> None:
    """A detector and a reader that are sure of it once some vehicles have driven past under it."""
    written, place = road.listed[0], Box(200, 130, 270, 146)

    class Eyes(TruthDetector):
        def find(self, frame: Frame, region: Box) -> tuple[Detection, ...]:
            part = place.common(region)
            more = (Detection(Kind.PLATE, place, 0.9),) if part == place and frame.number >= 160 else ()
            return super().find(frame, region) + more

    class AllReader(TruthReader):
        def read(self, frame: Frame, plate: Detection) -> Reading | None:
            if plate.box != place:
                return None
            rows = np.zeros((len(written), len(ALPHABET)))
            rows[range(len(written)), [PLACE[character] for character in written]] = 0.99
            return Reading(written, rows)

    for written_in, found in ((True, 0), (False, 1)):
        pictures = []
        for frame in frames:
            pixels = frame.pixels.copy()
            if written_in:
                cv2.rectangle(pixels, (198, 128), (272, 148), (0, 0, 0), cv2.FILLED)
                cv2.putText(pixels, written, (201, 143), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (255, 255, 255), 1, cv2.LINE_AA)
            pictures.append(replace(frame, pixels=pixels))
        passages: list[Passage] = []
        pipeline = station.pipeline(
            Played(pictures), Eyes(road), AllReader(road), hider=TruthDetector(road), tell=passages.append
        )
        sealed = list(pipeline.run())
        assert len([passage for passage in passages if passage.plate]) == len(sealed) == found
