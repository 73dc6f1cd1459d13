"""A recorded clip, every frame of it, timed by its own clock."""

import gc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import av
import numpy as np

from clearway.errors import SourceError
from clearway.facts import Frame, Pixels

PIXELS_MAX = 64_000_000
SIDE_MIN_PX = 16
DAMAGED_PACKETS_MAX, DAMAGED_SHARE_MAX = 10_000, 0.1
# A container says its time of recording to the second (ISO/IEC 14496-12, `mvhd`); nothing says how right that clock was, so
# one second is the least that can be claimed.
CONTAINER_CLOCK_ERROR_MS = 1000.0
# Some cameras write 1904 or 1970 for "not known", and a damaged file may write any year.
EARLIEST_BELIEVED, LATEST_BELIEVED = datetime(1990, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
# Time stamps that fall back by more than this begin anew: recordings of one camera that were joined.
BEGINS_ANEW_S = 1.0
# Nobody films for longer at a stretch; a stamp beyond it is damaged.
LONGEST_S = 366 * 86_400.0
# Top-level boxes of an MP4 that are walked; a clip in fragments has two a second or so.
BOXES_MAX = 100_000
# The rate that is assumed where neither a picture nor its stream says when it is shown.
ASSUMED_RATE = 25.0


class Clip:
    """A video file as a Source: upright frames at the times that its own time stamps tell.

    The clock is the recording time that the container states; where it states none, the file's time of modification is taken
    for the clip's end and `unstated_clock_error_ms` for its error. SourceError where the file is missing, empty, no video,
    too large or too small; and after the last whole frame where the clip was cut off, so that nothing before the cut is lost.
    `frames_dropped` counts the damaged packets that were passed over.
    """

    def __init__(self, path: Path, camera: str, unstated_clock_error_ms: float) -> None:
        self._path, self.camera = path, camera
        self.frames_dropped = 0
        with _opened(path) as container:
            stream = container.streams.video[0]
            refuse_size(stream.codec_context.width, stream.codec_context.height, str(path))
            self.frames_expected: int | None = stream.frames or None
            duration_s = min(max(0.0, (container.duration or 0) / av.time_base), LONGEST_S)
            stated = _stated_time(container.metadata) or _stated_time(stream.metadata)
        if stated is not None:
            self.clock, self.clock_error_ms, self._began_at = "the clip's recording time", CONTAINER_CLOCK_ERROR_MS, stated
        else:
            changed_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
            self.clock, self.clock_error_ms = "the file's time of modification", unstated_clock_error_ms
            self._began_at = changed_at - timedelta(seconds=duration_s)

    def __iter__(self) -> Iterator[Frame]:
        number = 0
        with _opened(self._path) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            upright = Upright()
            shown_s = _Shown(1.0 / float(stream.average_rate or stream.guessed_rate or ASSUMED_RATE))
            for picture in self._decoded(container):
                at = self._began_at + timedelta(seconds=shown_s.next(picture.time))
                yield Frame(self.camera, number, at, self.clock_error_ms, upright(picture))
                number += 1
        if number == 0:
            raise SourceError(f"no picture of {self._path} can be decoded.", remedy="check that it plays elsewhere.")
        size, promised = self._path.stat().st_size, _promised_bytes(self._path)
        if size < promised:
            raise SourceError(
                f"{self._path} was cut off: {size} of {promised} bytes are there, with {number} pictures.",
                remedy="copy it again from the camera; what was there has been watched.",
            )
        if self.frames_dropped > DAMAGED_SHARE_MAX * number:
            raise SourceError(
                f"{self._path} is damaged: {self.frames_dropped} of its packets cannot be decoded, {number} pictures can.",
                remedy="copy it again from the camera; what can be decoded has been watched.",
            )

    def _decoded(self, container: Any) -> Iterator[av.VideoFrame]:
        """Every picture that can be decoded, in presentation order; damaged packets are passed over and counted."""
        packets = container.demux(video=0)
        cut_off = self._path.stat().st_size < _promised_bytes(self._path)
        cut: SourceError | None = None
        while True:
            try:
                packet = next(packets, None)
                if packet is None:
                    break
            except av.error.EOFError:
                break
            except av.error.FFmpegError as error:
                cut = SourceError(
                    f"{self._path} cannot be read further ({_words(error)}).",
                    remedy="copy it again from the camera; what was there has been watched.",
                )
                break
            if packet.is_corrupt and cut_off:
                # The half of a packet before the cut: a decoder with several threads would lose whole ones over it.
                self.frames_dropped += 1
                continue
            yield from self._pictures(packet.decode)
        if cut is not None:
            # Pictures that the decoder still holds came before the cut.
            yield from self._pictures(container.streams.video[0].decode)
            raise cut

    def _pictures(self, decode: Any) -> Iterator[av.VideoFrame]:
        try:
            yield from decode()
        except av.error.EOFError:
            return
        except av.error.FFmpegError as error:
            self.frames_dropped += 1
            if self.frames_dropped > DAMAGED_PACKETS_MAX:
                raise SourceError(f"{self._path} is damaged throughout.", remedy="copy it again from the camera.") from error


class _Shown:
    """When each picture is shown, in seconds since the first: never falling, whatever the time stamps do."""

    def __init__(self, usual_step_s: float) -> None:
        self._usual_step_s = usual_step_s
        self._began_s: float | None = None
        self._latest_s = 0.0

    def next(self, stamp_s: float | None) -> float:
        if self._began_s is None:
            self._began_s = stamp_s or 0.0
            return 0.0
        at_s = stamp_s - self._began_s if stamp_s is not None else self._latest_s + self._usual_step_s
        if at_s < self._latest_s - BEGINS_ANEW_S:
            self._began_s += at_s - self._latest_s - self._usual_step_s
            at_s = self._latest_s + self._usual_step_s
        # Small steps back are a muxer's fault; facts keep their order all the same.
        self._latest_s = min(max(self._latest_s, at_s), LONGEST_S)
        return self._latest_s


class Upright:
    """Turns the pictures of one stream as its display matrix says that they should be shown: by quarters, mirrored, or both.

    The matrix is asked of the first picture of each size. Asking ties a picture and its side data into a cycle, which would
    keep it in memory until Python's collector happens to run. Nothing may be held that long, so the collector runs once that
    picture is done with.
    """

    def __init__(self) -> None:
        self._size = (0, 0)
        self._matrix: tuple[int, ...] | None = None
        self._tied = False

    def __call__(self, picture: av.VideoFrame) -> Pixels:
        """The picture in RGB. SourceError where it is larger than is watched, or too small to hold a plate."""
        size = picture.width, picture.height
        refuse_size(*size, "a picture")
        if self._tied:
            gc.collect()
            self._tied = False
        if size != self._size:
            said: Any = picture.side_data.get("DISPLAYMATRIX")
            self._matrix = None if said is None else tuple(int(value) for value in np.frombuffer(bytes(said), np.int32)[:5])
            self._size, self._tied = size, True
        pixels = picture.to_ndarray(format="rgb24").astype(np.uint8, copy=False)
        if self._matrix is None:
            return pixels
        # ISO/IEC 14496-12, 6.2.2: a point (x, y) is shown at (ax + cy, bx + dy), x to the right and y downwards.
        a, b, _, c, d = self._matrix
        if abs(a) + abs(d) >= abs(b) + abs(c):
            to_the_right, downwards = a, d
        else:
            pixels = pixels.swapaxes(0, 1)
            to_the_right, downwards = c, b
        return np.ascontiguousarray(pixels[:: -1 if downwards < 0 else 1, :: -1 if to_the_right < 0 else 1])


def refuse_size(width_px: int, height_px: int, what: str, side_min_px: int = SIDE_MIN_PX) -> None:
    """SourceError where a picture is larger than is watched, or too small to hold what is looked for."""
    if width_px * height_px > PIXELS_MAX:
        raise SourceError(
            f"{what} has {width_px} x {height_px} pixels; at most {PIXELS_MAX // 1_000_000} million are looked at.",
            remedy="set the camera to a smaller picture, scale it down, or cut out the part with the vehicles.",
        )
    # A size of nothing is one that a clip does not state; its pictures tell.
    if 0 < min(width_px, height_px) < side_min_px:
        raise SourceError(
            f"{what} has {width_px} x {height_px} pixels: too small to hold a plate.",
            remedy=f"use a picture of at least {side_min_px} pixels a side.",
        )


def _opened(path: Path) -> Any:
    try:
        size = path.stat().st_size
    except (FileNotFoundError, NotADirectoryError):
        raise SourceError(f"there is no file {path}.", remedy="name a clip, a folder of pictures or rtsp://….") from None
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}.", remedy="check the path and who may read it.") from error
    if size == 0:
        raise SourceError(f"{path} is empty (0 bytes).", remedy="copy it again from the camera.")
    try:
        # With its scheme said, no name of a file is taken for an address.
        container = av.open(f"file:{path}", mode="r")
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise SourceError(
            f"{path} cannot be opened as a video ({_words(error)}).",
            remedy="name a clip that plays elsewhere; a clip whose recording was interrupted may need repair first.",
        ) from error
    streams = container.streams.video
    if not streams or streams[0].codec_context is None:
        container.close()
        if not streams and _promised_bytes(path) > size:
            raise SourceError(
                f"{path} was cut off before its index: no picture can be found in what is left.",
                remedy="copy it again from the camera, or have the recording repaired.",
            )
        if not streams:
            raise SourceError(f"{path} holds no video.", remedy="name a clip with a video stream.")
        raise SourceError(f"{path} is encoded in a way that cannot be decoded here.", remedy="convert it, for example to H.264.")
    return container


def _promised_bytes(path: Path) -> int:
    """How long the file says that it is; 0 where its format does not say.

    Counting pictures would not do: an edit list (ISO/IEC 14496-12, 8.6.6) may rightly leave some out.
    """
    with path.open("rb") as file:
        head = file.read(12)
        if head[:4] == b"RIFF":
            return 8 + int.from_bytes(head[4:8], "little")
        if head[4:8] not in {b"ftyp", b"moov", b"mdat", b"free", b"wide", b"skip"}:
            return 0
        ends_at = 0
        # One box after another (ISO/IEC 14496-12, 4.2): 4 bytes of size, 4 of name, and 8 of size where the first says 1.
        for _ in range(BOXES_MAX):
            file.seek(ends_at)
            head = file.read(16)
            size = int.from_bytes(head[:4])
            if size == 1:
                size = int.from_bytes(head[8:16])
            if len(head) < 8 or size < 8:
                break
            ends_at += size
        return ends_at


def _words(error: BaseException) -> str:
    return str(getattr(error, "strerror", None) or error).splitlines()[0]


def _stated_time(metadata: dict[str, str]) -> datetime | None:
    """The container's `creation_time` in UTC; None where it is absent, malformed or a placeholder."""
    try:
        stated = datetime.fromisoformat(metadata.get("creation_time", ""))
        stated = stated.replace(tzinfo=UTC) if stated.tzinfo is None else stated.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return stated if EARLIEST_BELIEVED < stated < LATEST_BELIEVED else None
