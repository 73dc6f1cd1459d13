"""Pictures that stand still: one file, or a folder of them in order of their names."""

import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps

from clearway.camera.clip import SIDE_MIN_PX, refuse_size
from clearway.errors import SourceError
from clearway.facts import Frame, Pixels

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})
PICTURES_MAX = 1_000_000
# EXIF times are whole seconds (CIPA DC-008, DateTimeOriginal).
EXIF_CLOCK_ERROR_MS = 1000.0


class Stills:
    """A folder of pictures as a Source, in order of their names.

    A picture's time is its EXIF time where that states its offset from UTC, else the file's time of modification with
    `unstated_clock_error_ms`; times never fall. SourceError where there is no picture; and, after all others, where some cannot
    be read, which `frames_dropped` counts.
    """

    clock = "the pictures' own times"

    def __init__(self, folder: Path, camera: str, unstated_clock_error_ms: float) -> None:
        self.camera, self._unstated_clock_error_ms = camera, unstated_clock_error_ms
        try:
            self._paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)[:PICTURES_MAX]
        except OSError as error:
            raise SourceError(
                f"the folder {folder} cannot be read: {error.strerror}.", remedy="check who may read it."
            ) from error
        self.frames_expected: int | None = len(self._paths)
        self.frames_dropped = 0
        if not self._paths:
            raise SourceError(f"there is no picture in {folder}.", remedy=f"put pictures there ({', '.join(sorted(SUFFIXES))}).")

    def __iter__(self) -> Iterator[Frame]:
        number = 0
        latest = datetime.min.replace(tzinfo=UTC)
        first: SourceError | None = None
        for path in self._paths:
            try:
                pixels, taken_at = read_picture(path)
                latest = max(latest, taken_at or datetime.fromtimestamp(path.stat().st_mtime, UTC))
            except SourceError as error:
                self.frames_dropped += 1
                first = first or error
                continue
            yield Frame(self.camera, number, latest, EXIF_CLOCK_ERROR_MS if taken_at else self._unstated_clock_error_ms, pixels)
            number += 1
        if first is not None:
            raise SourceError(
                f"{self.frames_dropped} of {len(self._paths)} pictures could not be read, the first because {first.happened}",
                remedy=f"{first.remedy.removesuffix('.')}; the others have been watched.",
            )


def read_picture(path: Path, side_min_px: int = SIDE_MIN_PX) -> tuple[Pixels, datetime | None]:
    """The picture upright in RGB, and when it was taken where it says so with an offset from UTC.

    Grey, alpha, 16 bit, CMYK and palettes become RGB. SourceError where it is missing, empty, no picture, cut, too large, or
    smaller than `side_min_px` on a side, as no picture with a whole plate is; the crop of a plate may be.
    """
    try:
        if path.stat().st_size == 0:
            raise SourceError(f"{path} is empty (0 bytes).", remedy="copy it again from the camera.")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's remarks on odd files; size is bounded by our own limit just below
            with Image.open(path) as image:
                refuse_size(image.width, image.height, str(path), side_min_px)
                taken_at = _taken_at(image)
                shown = ImageOps.exif_transpose(image)
                if shown.mode.startswith("I") or shown.mode == "F":
                    return _grey(np.asarray(shown, np.float64)), taken_at
                return np.asarray(shown.convert("RGB"), np.uint8), taken_at
    except SourceError:
        raise
    except FileNotFoundError:
        raise SourceError(f"there is no file {path}.", remedy="check the path.") from None
    except PermissionError:
        raise SourceError(f"{path} may not be read.", remedy="let the user that runs Clearway read it.") from None
    except Image.DecompressionBombError:
        raise SourceError(f"{path} is far too large.", remedy="make the picture smaller.") from None
    except Exception as error:  # a damaged file can make Pillow's parsers raise almost anything
        raise SourceError(f"{path} cannot be read as a picture.", remedy="name an intact JPEG, PNG or WebP file.") from error


def _grey(deep: NDArray[np.float64]) -> Pixels:
    """A picture of more than 8 bits, its brightest pixel white: few sensors fill the 16 bits that their pictures have."""
    deep = np.nan_to_num(deep, nan=0.0, posinf=0.0, neginf=0.0).clip(0.0)
    grey = (deep * (255.0 / max(1.0, float(deep.max())))).astype(np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2)


def _taken_at(image: Image.Image) -> datetime | None:
    exif = image.getexif().get_ifd(ExifTags.IFD.Exif)
    stated = f"{exif.get(ExifTags.Base.DateTimeOriginal, '')}{exif.get(ExifTags.Base.OffsetTimeOriginal, '')}"
    try:
        return datetime.strptime(stated.replace("\0", ""), "%Y:%m:%d %H:%M:%S%z").astimezone(UTC)
    except (ValueError, OverflowError):
        return None
