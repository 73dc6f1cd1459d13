"""A live camera gives its newest frame, comes back after every loss, and never tells its password."""

import itertools
import re
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from tests.camera.rtsp_server import HEIGHT_PX, LOOP_FRAMES, NEEDED, RATE, WIDTH_PX, Faults, RtspServer, grey_of

from clearway.camera import live
from clearway.camera.live import ARRIVAL_CLOCK_ERROR_MS, QUEUE_MAX, Live, shown
from clearway.errors import SourceError
from clearway.facts import Frame

PATIENCE_S = 20.0


class Heard(list[str]):
    """What a live camera announces, kept for the test."""


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture(autouse=True)
def nothing_secret_and_nobody_left_behind(heard: Heard, capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    yield
    told = capfd.readouterr()
    assert "secret" not in " ".join([*heard, told.out, told.err])
    assert not [thread for thread in threading.enumerate() if thread.name == "capture"], "the capture thread ends with its reader"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same pauses and timeouts, ten times shorter."""
    for name in ("OPEN_TIMEOUT_S", "READ_TIMEOUT_S", "PAUSE_FIRST_S", "PAUSE_MAX_S"):
        monkeypatch.setattr(live, name, getattr(live, name) / 10)


def taken(source: Live, count: int) -> list[Frame]:
    frames = iter(source)
    try:
        return list(itertools.islice(frames, count))
    finally:
        frames.close()  # type: ignore[attr-defined]


def test_frames_come_as_they_are_filmed(heard: Heard) -> None:
    with RtspServer() as server:
        source = Live(server.url, "gate", PATIENCE_S, heard.append)
        frames = taken(source, 12)
        until = time.monotonic() + PATIENCE_S
        while server.asked[-1] != "TEARDOWN" and time.monotonic() < until:
            time.sleep(0.01)  # the farewell may come after the last frame was taken
    assert [frame.number for frame in frames] == sorted({frame.number for frame in frames})
    assert all(a.captured_at <= b.captured_at for a, b in itertools.pairwise(frames))
    assert {(frame.camera, frame.width_px, frame.height_px) for frame in frames} == {("gate", WIDTH_PX, HEIGHT_PX)}
    assert {frame.clock_error_ms for frame in frames} == {ARRIVAL_CLOCK_ERROR_MS} and source.frames_expected is None
    for frame in frames:
        assert abs(float(frame.pixels.mean()) - grey_of(frame.number)) < 4
    assert server.asked[:4] == ["OPTIONS", "DESCRIBE", "SETUP", "PLAY"] and server.asked[-1] == "TEARDOWN"
    assert not heard


def test_a_slow_reader_gets_the_newest_and_is_told_what_it_missed(heard: Heard) -> None:
    with RtspServer() as server:
        source = Live(server.url, "gate", PATIENCE_S, heard.append)
        frames = iter(source)
        first = next(frames)
        time.sleep(1.0)
        after = [next(frames) for _ in range(QUEUE_MAX + 1)]
        frames.close()  # type: ignore[attr-defined]
    missed = after[0].number - first.number - 1
    assert missed >= 0.5 * RATE, "what was filmed meanwhile is gone but for the newest"
    assert source.frames_dropped >= missed, "and it was counted"
    assert abs(float(after[0].pixels.mean()) - grey_of(after[0].number % LOOP_FRAMES)) < 4


def test_a_line_that_drops_is_taken_up_again(heard: Heard, quick: None) -> None:
    # The second connection is lost before its first picture; the third stays.
    with RtspServer(Faults(cut_after=(10, 0))) as server:
        frames = taken(Live(server.url, "gate", PATIENCE_S, heard.append), 20)
    assert frames[-1].number >= 19 and all(a.number < b.number for a, b in itertools.pairwise(frames))
    assert all(a.captured_at <= b.captured_at for a, b in itertools.pairwise(frames))
    assert server.connections >= 3 and len(heard) >= 2
    assert all(re.fullmatch(r"rtsp://127\.0\.0\.1:\d+/main: .+; trying again in \d+ s", words) for words in heard)


def test_a_line_that_falls_silent_is_taken_up_again(heard: Heard, quick: None) -> None:
    with RtspServer(Faults(cut_after=(10,), stalls=True)) as server:
        frames = taken(Live(server.url, "gate", PATIENCE_S, heard.append), 15)
    assert frames[-1].number >= 14 and server.connections == 2 and len(heard) == 1


def test_a_damaged_packet_costs_its_picture_and_not_the_line(heard: Heard) -> None:
    with RtspServer(Faults(damaged_every=5)) as server:
        frames = taken(Live(server.url, "gate", PATIENCE_S, heard.append), 10)
    assert len(frames) == 10 and server.connections == 1 and not heard


def test_an_address_that_does_not_answer_is_tried_again_after_growing_pauses(heard: Heard, quick: None) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken_port:
        port = taken_port.getsockname()[1]  # nobody listens there once it is closed
    began_s = time.monotonic()
    source = Live(f"rtsp://user:secret@127.0.0.1:{port}/main", "gate", 1.0, heard.append)
    with pytest.raises(SourceError) as told:
        taken(source, 1)
    assert time.monotonic() - began_s < 3.0
    # Pauses of 0.1, 0.2 and 0.4 s fit into one second, the next of 0.8 s does not.
    assert len(heard) == 3 and all("trying again" in words for words in heard)
    assert f"rtsp://127.0.0.1:{port}/main gave no picture" in told.value.happened and "refused" in told.value.happened
    assert "secret" not in told.value.diagnosis() and "camera.retry_for_s" in told.value.remedy


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        (Faults(silent=True), "gave no picture"),  # it takes the call and says nothing
        (Faults(status=NEEDED), "401"),  # a wrong password
        (Faults(status="404 Not Found"), "404"),  # no such stream
        (Faults(status="500 \x1b[2JInternal"), "gave no picture"),  # words of a stranger
    ],
)
def test_a_camera_that_refuses_says_why(heard: Heard, quick: None, faults: Faults, words: str) -> None:
    with RtspServer(faults) as server, pytest.raises(SourceError) as told:
        taken(Live(server.url, "gate", 0.0, heard.append), 1)
    assert words in told.value.happened and "secret" not in told.value.diagnosis() and "\x1b" not in told.value.happened


def test_a_device_that_is_not_there_says_so(heard: Heard) -> None:
    with pytest.raises(SourceError) as told:
        taken(Live("/dev/video-none", "gate", 0.0, heard.append), 1)
    assert "/dev/video-none gave no picture" in told.value.happened


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("rtsp://camera/main", "rtsp://camera/main"),
        ("rtsp://user:secret@camera:554/main", "rtsp://camera:554/main"),
        ("rtsp://user:sec@ret@camera/main", "rtsp://camera/main"),  # an @ in the password
        ("rtsp://camera/main?user=a&password=secret", "rtsp://camera/main"),  # as some makers want it
        ("rtsp://camera?password=s@ecret", "rtsp://…"),  # an @ in that
        ("rtsp://user:sec/ret@camera/main", "rtsp://…"),  # a slash in the password: what is the host?
        ("rtsp://user:sec?ret@camera/main", "rtsp://…"),
        ("rtsp://user:sec#ret@camera/main", "rtsp://…"),
        ("rtsp://[fe80::1]:554/main", "rtsp://[fe80::1]:554/main"),
        ("/dev/video0", "/dev/video0"),
    ],
)
def test_an_address_is_shown_without_its_secrets(url: str, words: str) -> None:
    assert shown(url) == words
