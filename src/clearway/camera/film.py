"""Pictures → MP4, in two ways that share one encoder.

`encode_clip` makes the silent clip of an exhibit: in memory, the same bytes for the same pictures, and nothing in the file
that the pictures do not say (no date, no program's name). `Film` writes a long clip to disk frame by frame, fast, and does say
when it was filmed, so that whoever reads it can take the clock from it.

The codec is VP9 (libvpx): every browser plays it, it is free of royalties, and its library is BSD-licensed. An exhibit's clip is
encoded with one thread. A film takes two, which share the picture's tiles: that places the same bits as one thread does
(libvpx, test/vp9_ethread_test.cc), unlike threads that share rows.
"""

import io
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from math import isfinite
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.video.reformatter import ColorRange, Colorspace, Interpolation
from av.video.stream import VideoStream

from clearway.errors import InstallationError, SealError, StoreError
from clearway.facts import Pixels

CODEC = "libvpx-vp9"
# Times are written in milliseconds: the finest that our frames are compared at, and exact for every usual frame rate of a log.
TIME_BASE = Fraction(1, 1000)
# How long the last picture stays where the clip has no interval to take it from.
LONE_PICTURE_MS = 40
# Odd sizes are padded to even ones, because 4:2:0 halves the colours. Mid grey is no part of any picture.
PADDING_GREY = 128

# Bit-exact writing leaves out the name and version of the program and every random or dated field.
_CONTAINER = {"fflags": "+bitexact"}
_SAME_FOR_ALL = {
    "flags": "+bitexact",
    "b": "0",  # constant quality: the pictures decide the size, not a rate
    "row-mt": "0",
    "auto-alt-ref": "0",  # no invisible packets, so that each picture is one packet with its own time
    "lag-in-frames": "0",
}
# The same colours on every processor: without this the conversion takes the fastest way each one has.
_EXACT = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.BITEXACT
# An exhibit's clip is short and looked at closely; a film is long and only has to keep its plates legible.
_CAREFUL = _SAME_FOR_ALL | {"deadline": "good", "cpu-used": "5", "crf": "20"}
_FAST_THREADS = 2
_FAST = _SAME_FOR_ALL | {"deadline": "realtime", "cpu-used": "8", "crf": "30", "static-thresh": "200", "aq-mode": "0", "g": "120"}


def encode_clip(pictures: Sequence[Pixels], times: Sequence[datetime]) -> bytes:
    """One silent MP4 of `pictures`, shown at `times` counted from the first; a `ports.ClipEncoder`.

    Every picture is (height, width, 3) uint8 RGB of one size; times never fall. Pictures less than a millisecond apart are
    shown one millisecond apart. SealError where the encoder gives up.
    """
    assert pictures and len(pictures) == len(times), "each picture has its time"
    assert all(a <= b for a, b in pairwise(times)), "times never fall"
    file = io.BytesIO()
    try:
        container = av.open(file, "w", format="mp4", options=_CONTAINER)
        with container:
            track = _Track(container, pictures[0].shape[1], pictures[0].shape[0], _CAREFUL, _exactly)
            for picture, at in zip(pictures, times, strict=True):
                track.add(picture, round((at - times[0]) / timedelta(milliseconds=1)))
            track.finish()
    except av.FFmpegError as error:
        raise SealError(
            f"the exhibit's clip could not be encoded: {error.strerror}.", remedy="free some memory, then seal it again."
        ) from error
    return file.getvalue()


class Film:
    """A clip on disk, written frame by frame: `with Film(path, …) as film: film.add(pixels, at_s)`.

    `filmed_at` is the time of second 0 and stands in the clip as `creation_time`; MP4 keeps whole seconds, so it MUST be one.
    None says nothing of when it was filmed. `frames_per_s` is what the clip says its rate is; the times given to `add` are what
    counts. A film that ends in an exception leaves no file behind. StoreError where the file cannot be written.
    """

    def __init__(self, path: Path, width_px: int, height_px: int, filmed_at: datetime | None, frames_per_s: float) -> None:
        if filmed_at is not None:
            assert filmed_at.utcoffset() == timedelta(0) and filmed_at.microsecond == 0, "filmed_at is a whole second in UTC"
        assert isfinite(frames_per_s) and frames_per_s > 0
        self._path = path
        rate = Fraction(frames_per_s).limit_denominator(1001)
        try:
            self._container = av.open(str(path), "w", format="mp4", options=_CONTAINER)
            if filmed_at is not None:
                self._container.metadata["creation_time"] = filmed_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            self._track = _Track(self._container, width_px, height_px, _FAST, _fast, rate, _FAST_THREADS)
            # The file is made only now: a folder that is missing or full shows here, not at the first frame.
            self._container.start_encoding()
        except av.FFmpegError as error:
            raise self._unwritten(error) from error

    def __enter__(self) -> Self:
        return self

    def add(self, pixels: Pixels, at_s: float) -> None:
        """Writes one more frame, `at_s` seconds after `filmed_at` and later than the frame before."""
        assert isfinite(at_s) and at_s >= 0.0
        try:
            self._track.add(pixels, round(at_s * 1000))
        except av.FFmpegError as error:
            raise self._unwritten(error) from error

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if error is None:
                self._track.finish()
            self._container.close()
        except av.FFmpegError as failure:
            error = error or failure
            raise self._unwritten(failure) from failure
        finally:
            if error is not None:
                self._path.unlink(missing_ok=True)

    def _unwritten(self, error: av.FFmpegError) -> StoreError:
        return StoreError(
            f"the clip {self._path} could not be written: {error.strerror}.", remedy="make its folder writable, with room."
        )


def _exactly(picture: Pixels) -> av.VideoFrame:
    """The picture of even sides as 4:2:0, each colour taken from all pixels around it."""
    return av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(
        format="yuv420p", interpolation=_EXACT, dst_colorspace=Colorspace.ITU601, dst_color_range=ColorRange.MPEG
    )


def _fast(picture: Pixels) -> av.VideoFrame:
    """The same in a tenth of the time: the greys within one step, and each colour taken from one pixel of four."""
    frame = av.VideoFrame.from_ndarray(np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420), np.uint8), format="yuv420p")
    frame.colorspace, frame.color_range = Colorspace.ITU601, ColorRange.MPEG
    return frame


class _Track:
    """The one video track of a container, each picture one packet with its own time and duration."""

    def __init__(
        self,
        container: OutputContainer,
        width_px: int,
        height_px: int,
        options: dict[str, str],
        in_yuv: Callable[[Pixels], av.VideoFrame],
        rate: Fraction = Fraction(25),
        threads: int = 1,
    ) -> None:
        try:
            stream = container.add_stream(CODEC, rate=rate, options=options | {"threads": str(threads)})
        except ValueError as error:
            raise InstallationError(
                "this installation cannot encode VP9.", remedy="install PyAV from its official wheel: pip install --force av"
            ) from error
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = width_px + width_px % 2, height_px + height_px % 2
        stream.pix_fmt = "yuv420p"
        stream.time_base = TIME_BASE
        context = stream.codec_context
        context.time_base = TIME_BASE
        context.thread_count = threads
        # Said aloud, because players guess from the size otherwise and colours shift.
        context.colorspace, context.color_range = Colorspace.ITU601, ColorRange.MPEG
        self._container, self._stream, self._context, self._in_yuv = container, stream, context, in_yuv
        self._shape = (height_px, width_px, 3)
        self._shown_ms = -1
        self._held: av.Packet[VideoStream] | None = None

    def add(self, picture: Pixels, at_ms: int) -> None:
        assert picture.shape == self._shape and picture.dtype == np.uint8, "the pictures of a clip have one size"
        height, width = self._shape[:2]
        if height % 2 or width % 2:
            picture = np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), constant_values=PADDING_GREY)
        frame = self._in_yuv(np.ascontiguousarray(picture))
        self._shown_ms = max(at_ms, self._shown_ms + 1)
        frame.pts, frame.time_base = self._shown_ms, TIME_BASE
        for packet in self._context.encode(frame):
            self._put(packet)

    def finish(self) -> None:
        for packet in self._context.encode(None):
            self._put(packet)
        if self._held is not None:
            self._mux(self._held, self._last_ms)

    _last_ms = LONE_PICTURE_MS

    def _put(self, packet: "av.Packet[VideoStream]") -> None:
        """Holds each packet until the next tells how long it is shown: without a duration players drop the last picture."""
        assert packet.pts is not None
        if self._held is not None:
            assert self._held.pts is not None
            self._last_ms = packet.pts - self._held.pts
            self._mux(self._held, self._last_ms)
        self._held = packet

    def _mux(self, packet: "av.Packet[VideoStream]", shown_for_ms: int) -> None:
        packet.duration = shown_for_ms
        packet.stream = self._stream
        self._container.mux(packet)
