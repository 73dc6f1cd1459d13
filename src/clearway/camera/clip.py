"""A recorded clip, every frame of it, timed by its own clock."""

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
DAMAGED_PACKETS_MAX = 10_000
# A container says its time of recording to the second (ISO/IEC 14496-12, `mvhd`); nothing says how right that clock was, so
# one second is the least that can be claimed.
CONTAINER_CLOCK_ERROR_MS = 1000.0
# Some cameras write 1904 or 1970 for "not known".
EARLIEST_BELIEVED = datetime(1990, 1, 1, tzinfo=UTC)


class Clip:
    """A video file as a Source: upright frames at the times that its own time stamps tell.

    The clock is the recording time that the container states; where it states none, the file's time of modification is taken
    for the clip's end and `unstated_clock_error_ms` for its error. SourceError where the file is missing, empty, no video or
    too large; and after the last whole frame where the clip was cut off, so that nothing before the cut is lost.
    """

    def __init__(self, path: Path, camera: str, unstated_clock_error_ms: float) -> None:
        self._path, self.camera = path, camera
        self.frames_dropped = 0
        with _opened(path) as container:
            stream = container.streams.video[0]
            self.frames_expected: int | None = stream.frames or None
            duration_s = container.duration / av.time_base if container.duration else 0.0
            stated = _stated_time(container.metadata) or _stated_time(stream.metadata)
        if stated is not None:
            self.clock, self.clock_error_ms, self._began_at = "the clip's recording time", CONTAINER_CLOCK_ERROR_MS, stated
        else:
            changed_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
            self.clock, self.clock_error_ms = "the file's time of modification", unstated_clock_error_ms
            self._began_at = changed_at - timedelta(seconds=duration_s)

    def __iter__(self) -> Iterator[Frame]:
        number = 0
        latest = self._began_at
        with _opened(self._path) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            first_s: float | None = None
            for picture in _decoded(container, self._path):
                at_s = float(picture.time) if picture.time is not None else 0.0
                first_s = at_s if first_s is None else first_s
                # Time stamps that stand still or run backwards are a muxer's fault; facts keep their order all the same.
                latest = max(latest, self._began_at + timedelta(seconds=at_s - first_s))
                yield Frame(self.camera, number, latest, self.clock_error_ms, upright(picture))
                number += 1
        if number == 0:
            raise SourceError(f"no picture of {self._path} can be decoded.", remedy="check that it plays elsewhere.")
        if self.frames_expected is not None and number < 0.9 * self.frames_expected:
            raise SourceError(
                f"{self._path} ends early: {number} of {self.frames_expected} frames are there.",
                remedy="copy it again from the camera; what was there has been watched.",
            )


def upright(picture: av.VideoFrame) -> Pixels:
    """The picture in RGB as its rotation metadata says it should be shown."""
    if picture.width * picture.height > PIXELS_MAX:
        raise SourceError(
            f"a picture has {picture.width} x {picture.height} pixels; at most {PIXELS_MAX // 1_000_000} megapixels are watched.",
            remedy="set the camera to a smaller picture, or scale the clip down.",
        )
    pixels = picture.to_ndarray(format="rgb24").astype(np.uint8, copy=False)
    # `rotation` is anticlockwise in degrees, as numpy turns.
    quarters = round(picture.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(pixels, quarters)) if quarters else pixels


def _opened(path: Path) -> Any:
    if not path.exists():
        raise SourceError(f"there is no file {path}.", remedy="name a clip, a folder of pictures or rtsp://….")
    if path.stat().st_size == 0:
        raise SourceError(f"{path} is empty (0 bytes).", remedy="copy it again from the camera.")
    try:
        container = av.open(str(path), mode="r")
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise SourceError(
            f"{path} cannot be opened as a video ({_words(error)}).",
            remedy="name a clip that plays elsewhere; a clip whose recording was interrupted may need repair first.",
        ) from error
    if not container.streams.video:
        container.close()
        raise SourceError(f"{path} holds no video.", remedy="name a clip with a video stream.")
    return container


def _decoded(container: Any, path: Path) -> Iterator[av.VideoFrame]:
    """Every picture that can be decoded, in presentation order; damaged packets are passed over."""
    damaged = 0
    try:
        for packet in container.demux(video=0):
            try:
                yield from packet.decode()
            except av.error.InvalidDataError:
                damaged += 1
                if damaged > DAMAGED_PACKETS_MAX:
                    raise SourceError(f"{path} is damaged throughout.", remedy="copy it again from the camera.") from None
    except av.error.FFmpegError as error:
        if not isinstance(error, av.error.EOFError):
            raise SourceError(
                f"{path} cannot be read further ({_words(error)}).", remedy="copy it again; what was there has been watched."
            ) from error


def _words(error: BaseException) -> str:
    return str(getattr(error, "strerror", None) or error).splitlines()[0]


def _stated_time(metadata: dict[str, str]) -> datetime | None:
    """The container's `creation_time` in UTC; None where it is absent, malformed or a placeholder."""
    try:
        stated = datetime.fromisoformat(metadata.get("creation_time", ""))
    except ValueError:
        return None
    stated = stated.replace(tzinfo=UTC) if stated.tzinfo is None else stated.astimezone(UTC)
    return stated if stated > EARLIEST_BELIEVED else None
