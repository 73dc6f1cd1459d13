"""Pictures that stand still: one file, or a folder of them in order of their names."""

import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from clearway.camera.clip import PIXELS_MAX, SIDE_MIN_PX
from clearway.errors import SourceError
from clearway.facts import Frame, Pixels

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})
PICTURES_MAX = 1_000_000
# EXIF times are whole seconds (CIPA DC-008, DateTimeOriginal).
EXIF_CLOCK_ERROR_MS = 1000.0


class Stills:
    """A folder of pictures as a Source, in order of their names.

    A picture's time is its EXIF time where that states its offset from UTC, else the file's time of modification with
    `unstated_clock_error_ms`; times never fall. SourceError where there is no picture, or where one cannot be read.
    """

    clock = "the pictures' own times"

    def __init__(self, folder: Path, camera: str, unstated_clock_error_ms: float) -> None:
        self.camera, self._unstated_clock_error_ms = camera, unstated_clock_error_ms
        self._paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)[:PICTURES_MAX]
        self.frames_expected: int | None = len(self._paths)
        self.frames_dropped = 0
        if not self._paths:
            raise SourceError(
                f"there is no picture in {folder}.", remedy=f"put pictures there ({', '.join(sorted(SUFFIXES))})."
            )

    def __iter__(self) -> Iterator[Frame]:
        latest = datetime.min.replace(tzinfo=UTC)
        for number, path in enumerate(self._paths):
            pixels, taken_at = read_picture(path)
            error_ms = EXIF_CLOCK_ERROR_MS if taken_at else self._unstated_clock_error_ms
            latest = max(latest, taken_at or datetime.fromtimestamp(path.stat().st_mtime, UTC))
            yield Frame(self.camera, number, latest, error_ms, pixels)


def read_picture(path: Path) -> tuple[Pixels, datetime | None]:
    """The picture upright in RGB, and when it was taken where it says so with an offset from UTC.

    Grey, alpha, 16 bit, CMYK and palettes become RGB. SourceError where it is missing, empty, no picture, cut, too large or
    too small to hold a plate.
    """
    try:
        if path.stat().st_size == 0:
            raise SourceError(f"{path} is empty (0 bytes).", remedy="copy it again from the camera.")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # bounded by our own limit just below
            with Image.open(path) as image:
                if image.width * image.height > PIXELS_MAX:
                    raise SourceError(
                        f"{path} has {image.width} x {image.height} pixels; at most {PIXELS_MAX // 1_000_000} million are read.",
                        remedy="make the picture smaller, or cut out the part with the vehicle.",
                    )
                if min(image.size) < SIDE_MIN_PX:
                    raise SourceError(
                        f"{path} has {image.width} x {image.height} pixels: too small to hold a plate.",
                        remedy=f"use a picture of at least {SIDE_MIN_PX} pixels a side.",
                    )
                taken_at = _taken_at(image)
                shown = ImageOps.exif_transpose(image)
                if shown.mode.startswith("I") or shown.mode == "F":
                    deep = np.asarray(shown, np.float64)
                    grey = (deep / max(1.0, deep.max()) * 255).astype(np.uint8)
                    return np.repeat(grey[:, :, None], 3, axis=2), taken_at
                return np.asarray(shown.convert("RGB"), np.uint8), taken_at
    except FileNotFoundError:
        raise SourceError(f"there is no file {path}.", remedy="check the path.") from None
    except Image.DecompressionBombError:
        raise SourceError(f"{path} is far too large.", remedy="make the picture smaller.") from None
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise SourceError(f"{path} cannot be read as a picture.", remedy="name an intact JPEG, PNG or WebP file.") from error


def _taken_at(image: Image.Image) -> datetime | None:
    exif = image.getexif().get_ifd(ExifTags.IFD.Exif)
    stated = f"{exif.get(ExifTags.Base.DateTimeOriginal, '')}{exif.get(ExifTags.Base.OffsetTimeOriginal, '')}"
    try:
        return datetime.strptime(stated.replace("\0", ""), "%Y:%m:%d %H:%M:%S%z").astimezone(UTC)
    except (ValueError, OverflowError):
        return None
