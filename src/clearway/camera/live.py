"""A live camera: the newest frame, whatever happens to the older ones, through every loss of the line."""

import queue
import re
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import av

from clearway.camera.clip import Upright
from clearway.errors import SourceError
from clearway.facts import Frame

QUEUE_MAX = 2
OPEN_TIMEOUT_S, READ_TIMEOUT_S = 5.0, 10.0
PAUSE_FIRST_S, PAUSE_MAX_S = 1.0, 30.0
# Between capture and the least delayed arrival lie exposure, encoding and the network. Half a second is a bound for a camera on
# the same network; a clock of this machine that is itself wrong is the operator's to state.
ARRIVAL_CLOCK_ERROR_MS = 500.0
# Quartz clocks drift apart by less than this share (100 parts in a million are 9 s a day).
DRIFT_MAX = 1e-4
# A jump of this size is no jitter: the stream's clock was set, or began anew.
JUMP_S = 2.0


class StreamClock:
    """Lays a stream's own time stamps on this machine's clock.

    Jitter only ever delays, so the least delayed arrival so far says how the two clocks lie to each other; the stamps then give
    the intervals between pictures more exactly than their arrivals could. What drifts is followed, what jumps begins anew.
    """

    def __init__(self) -> None:
        self._began_at: datetime | None = None
        self._stamp_s = 0.0

    def captured_at(self, stamp_s: float | None, arrived_at: datetime) -> datetime:
        """When the picture with that time stamp was captured; its arrival, where it has none. Never later than its arrival."""
        if stamp_s is None:
            return arrived_at
        elapsed = timedelta(seconds=stamp_s)
        if self._began_at is not None:
            self._began_at += timedelta(seconds=DRIFT_MAX * max(0.0, stamp_s - self._stamp_s))
        if self._began_at is None or arrived_at - elapsed < self._began_at or self._jumped(arrived_at - elapsed):
            self._began_at = arrived_at - elapsed
        self._stamp_s = stamp_s
        return self._began_at + elapsed

    def _jumped(self, began_at: datetime) -> bool:
        assert self._began_at is not None
        return (began_at - self._began_at).total_seconds() > JUMP_S


class Live:
    """A stream (`rtsp://…`) or a camera device (`/dev/video0`) as a Source.

    One thread captures into a queue of QUEUE_MAX frames; when the reader is slow the oldest is dropped and counted, as is a
    picture that arrives damaged. A lost line is opened again after growing pauses, each told to `announce`; after
    `retry_for_s` without a picture SourceError.
    """

    frames_expected: int | None = None
    clock = "the stream's own intervals on this machine's clock"

    def __init__(self, url: str, camera: str, retry_for_s: float, announce: Callable[[str], None]) -> None:
        self.camera, self._url, self._retry_for_s, self._announce = camera, url, retry_for_s, announce
        self.frames_dropped = 0
        self._frames: queue.Queue[Frame | Exception] = queue.Queue(QUEUE_MAX)
        self._stopped = threading.Event()

    def __iter__(self) -> Iterator[Frame]:
        capture = threading.Thread(target=self._capture, name="capture", daemon=True)
        capture.start()
        try:
            while True:
                arrived = self._frames.get()
                if isinstance(arrived, Exception):
                    raise arrived
                yield arrived
        finally:
            self._stopped.set()
            capture.join(timeout=2 * READ_TIMEOUT_S)

    def _capture(self) -> None:
        try:
            self._capture_until_lost()
        except Exception as error:  # whatever it is: a reader must not wait for a thread that is gone
            self._offer(error)

    def _capture_until_lost(self) -> None:
        number, pause_s, lost_at = 0, PAUSE_FIRST_S, time.monotonic()
        latest = datetime.min.replace(tzinfo=UTC)
        while not self._stopped.is_set():
            why = "the stream ended"
            upright, clock = Upright(), StreamClock()
            try:
                with _opened(self._url) as container:
                    for picture in self._decoded(container):
                        latest = max(latest, clock.captured_at(picture.time, datetime.now(UTC)))
                        self._offer(Frame(self.camera, number, latest, ARRIVAL_CLOCK_ERROR_MS, upright(picture)))
                        number, pause_s, lost_at = number + 1, PAUSE_FIRST_S, time.monotonic()
            except (av.error.FFmpegError, OSError, ValueError, OverflowError) as error:
                why = str(getattr(error, "strerror", None) or "it cannot be opened").splitlines()[0]
            if self._stopped.is_set():
                return
            if time.monotonic() - lost_at + pause_s > self._retry_for_s:
                raise SourceError(
                    f"{shown(self._url)} gave no picture for {time.monotonic() - lost_at:.0f} s ({why}).",
                    remedy="check the address, its password, the camera's power and the network; "
                    "`camera.retry_for_s` sets the patience.",
                )
            self._announce(f"{shown(self._url)}: {why}; trying again in {pause_s:.0f} s")
            self._stopped.wait(pause_s)
            pause_s = min(PAUSE_MAX_S, 2 * pause_s)

    def _decoded(self, container: Any) -> Iterator[av.VideoFrame]:
        """The pictures as they arrive, until the line is lost. A damaged packet costs its picture, not the line."""
        if not container.streams.video or container.streams.video[0].codec_context is None:
            raise SourceError(f"{shown(self._url)} gives no video that can be decoded.", remedy="name a camera's video stream.")
        for packet in container.demux(video=0):
            try:
                pictures = packet.decode()
            except av.error.InvalidDataError:
                self.frames_dropped += 1
                continue
            for picture in pictures:
                if self._stopped.is_set():
                    return
                yield picture

    def _offer(self, item: Frame | Exception) -> None:
        """Puts the newest item in, dropping the oldest where the queue is full."""
        while True:
            try:
                self._frames.put_nowait(item)
            except queue.Full:
                try:
                    self._frames.get_nowait()
                    self.frames_dropped += 1
                except queue.Empty:
                    pass
            else:
                return


def shown(url: str) -> str:
    """The address without anything that may be secret: user, password and query; only its scheme where it can be misread."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        return url
    host = re.split("[/?#]", rest, maxsplit=1)[0]
    path = re.split("[?#]", rest[len(host) :], maxsplit=1)[0]
    # An @ further on may be a password with a slash in it, and then what looks like a host is the user.
    return f"{scheme}://…" if "@" in rest[len(host) :] else f"{scheme}://{host.rpartition('@')[2]}{path}"


def _opened(url: str) -> Any:
    if url.startswith("/dev/"):
        return av.open(url, format="v4l2", timeout=(OPEN_TIMEOUT_S, READ_TIMEOUT_S))
    options = {"rtsp_transport": "tcp"} if url.startswith("rtsp") else {}
    return av.open(url, options=options, timeout=(OPEN_TIMEOUT_S, READ_TIMEOUT_S))
