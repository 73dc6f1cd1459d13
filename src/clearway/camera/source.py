"""What a person writes after `clearway watch` becomes a Source."""

import os
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
    if "@" in source and ":" in source.partition("/")[0] and not os.path.lexists(source):
        # Not repeated: what was meant as an address may hold a password.
        raise SourceError(
            "the source looks like an address that is not written whole.", remedy="write it as rtsp://user:password@camera/path."
        )
    if os.path.isdir(source):  # noqa: PTH112 - Path.is_dir raises where a folder above may not be read
        return Stills(path, camera, 1000 * unstated_clock_error_s)
    return Clip(path, camera, 1000 * unstated_clock_error_s)
