"""What is written into an MP4 comes out again, and nothing else is in it."""

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import av
import numpy as np
import pytest

from clearway.camera import film as film_module
from clearway.camera.film import PADDING_GREY, Film, encode_clip
from clearway.errors import StoreError
from clearway.facts import Pixels

AT = datetime(2026, 11, 22, 8, 0, 0, tzinfo=UTC)


def pictures(count: int = 8, width_px: int = 160, height_px: int = 96) -> list[Pixels]:
    """A bright square that wanders over a slope of greys."""
    slope = np.linspace(40, 200, width_px, dtype=np.uint8)
    shown = []
    for number in range(count):
        picture = np.repeat(np.repeat(slope[None, :, None], height_px, axis=0), 3, axis=2)
        picture[20:60, 8 + number * 6 : 48 + number * 6] = (210, 60, 40)
        shown.append(picture)
    return shown


def decoded(file: io.BytesIO | str) -> tuple[list[Pixels], list[float], dict[str, str]]:
    """Pictures, times in seconds, and all metadata of the file and its tracks."""
    with av.open(file, "r") as container:
        metadata = dict(container.metadata)
        for stream in container.streams:
            metadata |= stream.metadata
        shown = [(np.asarray(f.to_ndarray(format="rgb24"), np.uint8), float(f.time or 0.0)) for f in container.decode(video=0)]
    return [picture for picture, _ in shown], [time for _, time in shown], metadata


def test_the_same_pictures_give_the_same_bytes() -> None:
    shown = pictures()
    times = [AT + timedelta(milliseconds=40 * n) for n in range(len(shown))]
    later = [at + timedelta(days=400) for at in times]
    assert encode_clip(shown, times) == encode_clip(shown, times)
    assert encode_clip(shown, times) == encode_clip(shown, later), "the date of the pictures is no part of the clip"


def test_two_threads_write_the_same_film_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noise = np.random.default_rng(7).integers(0, 256, (6, 36, 64, 3), np.uint8)
    # Wide enough for two tiles: a tile of VP9 is at least 256 pixels wide.
    shown = [np.repeat(np.repeat(small, 10, axis=0), 10, axis=1) for small in noise]
    films = []
    for number, threads in enumerate((2, 1, 2)):
        monkeypatch.setattr(film_module, "_FAST_THREADS", threads)
        with Film(tmp_path / f"{number}.mp4", 640, 360, None, 25.0) as film:
            for place, picture in enumerate(shown):
                film.add(picture, place / 25)
        films.append((tmp_path / f"{number}.mp4").read_bytes())
    assert films[0] == films[1] == films[2]


def test_pictures_come_out_as_they_went_in_at_their_own_times() -> None:
    shown = pictures()
    offsets_ms = [0, 40, 47, 200, 1200, 1233, 1234, 5000]
    clip = encode_clip(shown, [AT + timedelta(milliseconds=ms) for ms in offsets_ms])
    seen, times_s, _ = decoded(io.BytesIO(clip))
    assert [round(time * 1000) for time in times_s] == offsets_ms
    for before, after in zip(shown, seen, strict=True):
        assert np.abs(before.astype(int) - after.astype(int)).mean() < 3.0


def test_a_clip_is_one_silent_track_without_metadata() -> None:
    clip = encode_clip(pictures(), [AT + timedelta(milliseconds=40 * n) for n in range(8)])
    with av.open(io.BytesIO(clip)) as container:
        assert [stream.type for stream in container.streams] == ["video"]
    _, _, metadata = decoded(io.BytesIO(clip))
    # What every MP4 says about its own format, and the neutral words that its muxer always writes.
    formal = {"major_brand", "minor_version", "compatible_brands", "language", "handler_name"}
    assert set(metadata) <= formal
    assert metadata.get("handler_name") == "VideoHandler" and metadata.get("language") == "und"
    for trace in (b"Lavf", b"Lavc", b"libvpx", b"PyAV", b"2026"):
        assert trace not in clip
    # Creation and modification times of the movie header: eight zero bytes after version and flags.
    header = clip.index(b"mvhd")
    assert clip[header + 8 : header + 16] == bytes(8)


def test_odd_sizes_are_padded_with_flat_grey() -> None:
    shown = pictures(3, width_px=101, height_px=67)
    seen, _, _ = decoded(io.BytesIO(encode_clip(shown, [AT + timedelta(milliseconds=40 * n) for n in range(3)])))
    assert seen[0].shape == (68, 102, 3)
    assert abs(float(seen[0][-1, 10:90].mean()) - PADDING_GREY) < 12
    assert np.abs(shown[0].astype(int) - seen[0][:67, :101].astype(int)).mean() < 3.0


@pytest.mark.parametrize("count", [1, 2])
def test_a_short_clip_has_all_its_pictures(count: int) -> None:
    seen, _, _ = decoded(io.BytesIO(encode_clip(pictures(count), [AT + timedelta(seconds=n) for n in range(count)])))
    assert len(seen) == count


def test_pictures_of_one_moment_keep_their_order() -> None:
    shown = pictures(3)
    seen, times_s, _ = decoded(io.BytesIO(encode_clip(shown, [AT, AT, AT])))
    assert [round(time * 1000) for time in times_s] == [0, 1, 2]
    assert len(seen) == 3


def test_a_film_says_when_it_was_filmed(tmp_path: Path) -> None:
    shown, path = pictures(30), tmp_path / "film.mp4"
    with Film(path, 160, 96, AT, 12.5) as film:
        for number, picture in enumerate(shown):
            film.add(picture, number / 12.5)
    seen, times_s, metadata = decoded(str(path))
    assert metadata["creation_time"].startswith("2026-11-22T08:00:00")
    assert times_s == pytest.approx([number / 12.5 for number in range(30)], abs=0.001)
    assert max(np.abs(a.astype(int) - b.astype(int)).mean() for a, b in zip(shown, seen, strict=True)) < 5.0


def test_a_film_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"

    def break_off() -> None:
        with Film(path, 160, 96, AT, 25) as film:
            film.add(pictures(1)[0], 0.0)
            assert path.exists()
            raise InterruptedError

    with pytest.raises(InterruptedError):
        break_off()
    assert not path.exists()


def test_a_film_that_cannot_be_written_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StoreError) as told:
        Film(tmp_path / "no such folder" / "film.mp4", 160, 96, AT, 25)
    assert "folder" in told.value.remedy
