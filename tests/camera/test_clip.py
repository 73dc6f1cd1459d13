"""Clips keep their own time, stand upright, and give every whole picture before they fail."""

import contextlib
import os
import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from tests.camera.clips import AT, audio_only, corners, cut, encoded, filmed, moov_in_front

from clearway.camera.clip import CONTAINER_CLOCK_ERROR_MS, Clip
from clearway.camera.film import Film
from clearway.camera.live import Live
from clearway.camera.source import open_source
from clearway.camera.stills import Stills
from clearway.errors import SourceError
from clearway.facts import Frame, Pixels

UNSTATED_MS = 86_400_000.0
ROAD = Path("../shared/data/video/parkpow_cars.mp4")


def until_cut(clip: Clip) -> tuple[list[Frame], SourceError]:
    """Every frame that came before the error, and the error."""
    frames: list[Frame] = []
    with pytest.raises(SourceError) as told:
        frames.extend(clip)  # what came before an error stays in the list
    return frames, told.value


# --- time ---


def test_the_clock_is_the_recording_time_and_every_interval_counts(tmp_path: Path) -> None:
    times_s = [0.0, 0.04, 0.047, 0.2, 1.2, 1.233, 5.0]  # as uneven as a phone in the dark
    clip = Clip(filmed(tmp_path / "road.mp4", times_s), "gate", UNSTATED_MS)
    frames = list(clip)
    assert [frame.captured_at for frame in frames] == [AT + timedelta(seconds=at_s) for at_s in times_s]
    assert [frame.number for frame in frames] == list(range(7)) and clip.frames_expected == 7
    assert {frame.clock_error_ms for frame in frames} == {CONTAINER_CLOCK_ERROR_MS} and "recording" in clip.clock
    assert {frame.camera for frame in frames} == {"gate"} and clip.frames_dropped == 0


def test_without_a_stated_time_the_file_was_changed_when_the_clip_ended(tmp_path: Path) -> None:
    path = encoded(tmp_path / "road.avi", "avi", "mjpeg", [(64, 48)], frames=50)
    os.utime(path, (AT.timestamp(), AT.timestamp()))
    clip = Clip(path, "gate", UNSTATED_MS)
    frames = list(clip)
    assert len(frames) == 50 and frames[0].captured_at == AT - timedelta(seconds=2)
    assert {frame.clock_error_ms for frame in frames} == {UNSTATED_MS} and "modification" in clip.clock


@pytest.mark.parametrize(
    "filmed_at",
    [
        datetime(1970, 1, 1, tzinfo=UTC),  # a camera that does not know the time
        datetime(1904, 1, 1, 0, 0, 1, tzinfo=UTC),  # the zero of MP4's own clock, and a second
    ],
)
def test_a_placeholder_is_no_recording_time(tmp_path: Path, filmed_at: datetime) -> None:
    path = tmp_path / "road.mp4"
    with Film(path, 160, 96, filmed_at, 25.0) as film:
        film.add(corners(), 0.0)
    os.utime(path, (AT.timestamp(), AT.timestamp()))
    clip = Clip(path, "gate", UNSTATED_MS)
    assert abs(next(iter(clip)).captured_at - AT) < timedelta(seconds=1) and clip.clock_error_ms == UNSTATED_MS


@pytest.mark.parametrize(
    ("kind", "codec"),
    [
        ("mpegts", "libx264"),  # time stamps that begin anew where two recordings of a camera are joined
        ("m4v", "mpeg4"),  # a raw stream, whose pictures have no time stamps at all
    ],
)
def test_time_goes_on_through_joined_and_raw_recordings(tmp_path: Path, kind: str, codec: str) -> None:
    frames = list(Clip(encoded(tmp_path / "road", kind, codec, [(64, 48)] * 2, frames=50), "gate", UNSTATED_MS))
    assert len(frames) == 100
    steps_ms = np.diff([frame.captured_at.timestamp() for frame in frames]) * 1000
    assert steps_ms.min() >= 0 and abs(float(np.median(steps_ms)) - 40) < 1
    assert 3.9 < (frames[-1].captured_at - frames[0].captured_at).total_seconds() < 4.1


# --- upright ---

TURNS: dict[str, tuple[tuple[int, int, int, int], Callable[[Pixels], Pixels]]] = {
    # ISO/IEC 14496-12, 6.2.2: (x, y) is shown at (ax + cy, bx + dy), y downwards; numpy turns against the clock.
    "as filmed": ((1, 0, 0, 1), lambda p: p),
    "90 degrees clockwise, a phone held upright": ((0, 1, -1, 0), lambda p: np.rot90(p, -1)),
    "180 degrees, a camera hung upside down": ((-1, 0, 0, -1), lambda p: np.rot90(p, 2)),
    "270 degrees clockwise": ((0, -1, 1, 0), lambda p: np.rot90(p, 1)),
    "mirrored, as front cameras do": ((-1, 0, 0, 1), lambda p: p[:, ::-1]),
    "upside down in a mirror": ((1, 0, 0, -1), lambda p: p[::-1]),
    "mirrored and turned clockwise": ((0, 1, 1, 0), lambda p: p.swapaxes(0, 1)),
}


@pytest.mark.parametrize("turn", TURNS)
def test_frames_stand_upright(tmp_path: Path, turn: str) -> None:
    (a, b, c, d), turned = TURNS[turn]
    clip = bytearray(filmed(tmp_path / "road.mp4", [0.0]).read_bytes())
    # `tkhd` of version 0: 4 bytes of name, 4 of version and flags, 20 of times and numbers, 16 more, then the matrix.
    at = clip.index(b"tkhd") + 44
    assert clip[at : at + 36] == struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    clip[at : at + 36] = struct.pack(">9i", a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)
    path = tmp_path / "turned.mp4"
    path.write_bytes(clip)
    seen = next(iter(Clip(path, "gate", UNSTATED_MS))).pixels
    expected = turned(corners())
    assert seen.shape == expected.shape and seen.flags.c_contiguous
    assert np.abs(seen.astype(int) - expected.astype(int)).mean() < 3.0


# --- sizes ---


@pytest.mark.parametrize(
    ("kind", "codec"),
    [
        ("mpegts", "libx264"),  # a camera that was set to another size while it recorded
        ("m4v", "mpeg4"),  # the same without a container
    ],
)
def test_the_size_may_change_within_a_clip(tmp_path: Path, kind: str, codec: str) -> None:
    frames = list(Clip(encoded(tmp_path / "road", kind, codec, [(64, 48), (96, 80)]), "gate", UNSTATED_MS))
    sizes = [(frame.width_px, frame.height_px) for frame in frames]
    assert sizes == [(64, 48)] * 10 + [(96, 80)] * 10


@pytest.mark.parametrize(
    ("width_px", "height_px", "words"),
    [
        (12_000, 9_000, "12000 x 9000 pixels; at most 64 million"),  # 324 MB a picture
        (2, 2, "2 x 2 pixels: too small to hold a plate"),  # the smallest that can be encoded
    ],
)
def test_sizes_that_are_not_watched(tmp_path: Path, width_px: int, height_px: int, words: str) -> None:
    path = tmp_path / "road.avi"
    clip = bytearray(encoded(path, "avi", "mjpeg", [(48, 32)], frames=1).read_bytes())
    # Said in the stream's format (BITMAPINFOHEADER) and in the picture's own frame header (SOF0), which nobody may believe.
    format_at, picture_at = clip.index(b"strf") + 12, clip.index(b"\xff\xc0") + 5
    clip[format_at : format_at + 8] = struct.pack("<ii", width_px, height_px)
    clip[picture_at : picture_at + 4] = struct.pack(">HH", height_px, width_px)
    path.write_bytes(clip)
    with pytest.raises(SourceError) as told:
        list(Clip(path, "gate", UNSTATED_MS))
    assert words in told.value.happened


# --- cut and damaged ---


def noisy(count: int) -> list[Pixels]:
    dice = np.random.default_rng(3)
    return [dice.integers(0, 255, (96, 160, 3), np.uint8) for _ in range(count)]


def test_a_clip_cut_behind_its_index_gives_what_came_before_the_cut(tmp_path: Path) -> None:
    behind = tmp_path / "behind.mp4"
    with Film(behind, 160, 96, AT, 25.0) as film:
        for number, picture in enumerate(noisy(50)):
            film.add(picture, number / 25)
    clip = Clip(cut(moov_in_front(behind, tmp_path / "front.mp4"), 0.6), "gate", UNSTATED_MS)
    frames, error = until_cut(clip)
    assert 25 <= len(frames) <= 32, "about 60 % of the pictures are whole, and none of them is lost"
    assert "watched" in error.remedy


def test_no_picture_before_the_cut_waits_in_the_decoder(tmp_path: Path) -> None:
    # H.264 holds pictures back to put them in order: these must still come out where the file breaks off.
    whole = encoded(tmp_path / "whole.mp4", "mp4", "libx264", [(64, 48)], frames=40)
    clip = Clip(cut(moov_in_front(whole, tmp_path / "front.mp4"), 0.9), "gate", UNSTATED_MS)
    frames, _ = until_cut(clip)
    with av.open(str(tmp_path / "front.mp4")) as container:
        whole_packets = sum(1 for packet in container.demux(video=0) if packet.size and not packet.is_corrupt)
    assert whole_packets <= len(frames) <= whole_packets + 1, "a packet, a picture; the last may be half"
    assert len(frames) < 40


def test_a_clip_that_lacks_its_last_byte_says_so(tmp_path: Path) -> None:
    whole = encoded(tmp_path / "road.avi", "avi", "mjpeg", [(64, 48)])
    assert len(list(Clip(whole, "gate", UNSTATED_MS))) == 10
    whole.write_bytes(whole.read_bytes()[:-1])
    frames, error = until_cut(Clip(whole, "gate", UNSTATED_MS))
    assert len(frames) == 10 and "was cut off" in error.happened


def test_a_clip_cut_before_its_index_cannot_be_watched(tmp_path: Path) -> None:
    path = cut(filmed(tmp_path / "road.mp4", [n / 25 for n in range(25)]), 0.6)
    with pytest.raises(SourceError) as told:
        Clip(path, "gate", UNSTATED_MS)
    assert "cut off before its index" in told.value.happened and "repair" in told.value.remedy


def test_a_damaged_stretch_costs_its_pictures_only(tmp_path: Path) -> None:
    path = encoded(tmp_path / "road.avi", "avi", "mjpeg", [(64, 48)], frames=30)
    data = bytearray(path.read_bytes())
    middle = data.index(b"00dc", len(data) // 2)
    length = int.from_bytes(data[middle + 4 : middle + 8], "little")
    data[middle + 8 : middle + 8 + length] = bytes(length)
    path.write_bytes(data)
    clip = Clip(path, "gate", UNSTATED_MS)
    assert len(list(clip)) == 29 and clip.frames_dropped == 1


@pytest.mark.parametrize(
    ("kind", "codec"),
    [
        ("mp4", "libx264"),  # its index lies behind, so that damage there is damage to every number it tells
        ("mpegts", "libx264"),
        ("avi", "mjpeg"),
        ("matroska", "mpeg4"),
    ],
)
def test_damage_of_any_kind_ends_in_frames_or_in_words(tmp_path: Path, kind: str, codec: str) -> None:
    whole = encoded(tmp_path / "whole", kind, codec, [(64, 48)], frames=6).read_bytes()
    dice = np.random.default_rng(11)
    for _ in range(60):
        clip = bytearray(whole[: int(dice.integers(len(whole) // 2, len(whole) + 1))] if dice.random() < 0.3 else whole)
        ends = ((0, len(clip)), (0, 300), (len(clip) - 900, len(clip)))[int(dice.integers(3))]
        for place in dice.integers(*ends, int(dice.integers(1, 20))):
            clip[int(place)] = int(dice.integers(256))
        (tmp_path / "clip").write_bytes(clip)
        frames: list[Frame] = []
        with contextlib.suppress(SourceError):
            frames.extend(Clip(tmp_path / "clip", "gate", UNSTATED_MS))
        assert all(a.captured_at <= b.captured_at for a, b in pairwise(frames))


# --- no clip at all ---


def unknown_codec(path: Path) -> None:
    path.write_bytes(filmed(path, [0.0]).read_bytes().replace(b"vp09", b"zz09"))


SINS: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda path: None, "there is no file"),
    "empty": (lambda path: path.write_bytes(b""), "is empty (0 bytes)"),
    "text": (lambda path: path.write_text("no video at all\n" * 50), "cannot be opened as a video"),
    "a list of other files": (
        lambda path: path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n"),
        "cannot be opened as a video",  # a file never makes us ask the network
    ),
    "sound only": (audio_only, "holds no video"),
    "an unknown codec": (unknown_codec, "cannot be decoded"),
}


@pytest.mark.parametrize("sin", SINS)
def test_what_is_no_clip_says_so(tmp_path: Path, sin: str) -> None:
    make, words = SINS[sin]
    path = tmp_path / "clip.mp4"
    make(path)
    with pytest.raises(SourceError) as told:
        list(Clip(path, "gate", UNSTATED_MS))
    assert words in told.value.happened and told.value.remedy and "clip.mp4" in told.value.happened


def opened(source: str) -> object:
    return open_source(source, "gate", unstated_clock_error_s=1.0, retry_for_s=0.0, announce=lambda words: None)


def test_what_a_person_writes_becomes_a_source(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    assert isinstance(opened(str(filmed(tmp_path / "road: a @ b.mp4", [0.0]))), Clip), "an odd name is a name all the same"
    assert isinstance(opened(str(tmp_path)), Stills)
    assert isinstance(opened("rtsp://10.0.0.7/main"), Live) and isinstance(opened("/dev/video9"), Live)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("gopher://user:secret@camera/road", "a kind that is not watched"),
        ("rtsp:/user:secret@camera/road", "not written whole"),  # a slash too few
        ("user:secret@camera/road", "not written whole"),  # no scheme
        ("a" * 300, "cannot be read"),  # longer than a name may be
        ("road.mp4/again.mp4", "there is no file"),
    ],
)
def test_an_address_that_cannot_be_watched_is_not_repeated_with_its_password(source: str, words: str) -> None:
    with pytest.raises(SourceError) as told:
        opened(source)
    assert words in told.value.happened and "secret" not in told.value.diagnosis()


def test_a_real_clip_is_seen_whole() -> None:
    if not ROAD.exists():
        pytest.skip(f"needs the real clips: {ROAD} is absent")
    clip = Clip(ROAD, "gate", UNSTATED_MS)
    with av.open(str(ROAD)) as container:
        stream = container.streams.video[0]
        assert clip.frames_expected == stream.frames
    frames = iter(clip)
    first = [next(frames) for _ in range(5)]
    frames.close()  # type: ignore[attr-defined]
    assert [frame.number for frame in first] == list(range(5))
    assert all(a.captured_at < b.captured_at for a, b in pairwise(first))
