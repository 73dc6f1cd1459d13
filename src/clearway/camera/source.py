"""What a person writes after `clearway watch` becomes a Source."""

from collections.abc import Callable
from pathlib import Path

from clearway.camera.clip import Clip
from clearway.camera.live import Live, shown
from clearway.camera.stills import Stills
from clearway.errors import SourceError
from clearway.ports import Source

STREAMS = ("rtsp://", "rtsps://", "http://", "https://")


def open_source(
    source: str,
    camera: str,
    *,
    unstated_clock_error_s: float,
    retry_for_s: float,
    announce: Callable[[str], None],
) -> Source:
    """The Source that `source` names: a clip, a folder of pictures, a stream's address or a camera device.

    SourceError where it is none of them, or cannot be seen; `announce` hears of a live camera's troubles.
    """
    if source.startswith(STREAMS) or source.startswith("/dev/"):
        return Live(source, camera, retry_for_s, announce)
    if "://" in source:
        raise SourceError(
            f"{shown(source)} is an address of a kind that is not watched.", remedy=f"use one of {', '.join(STREAMS)}."
        )
    path = Path(source)
    if path.is_dir():
        return Stills(path, camera, 1000 * unstated_clock_error_s)
    return Clip(path, camera, 1000 * unstated_clock_error_s)
