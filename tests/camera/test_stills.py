"""Pictures of every kind come in upright in RGB; what is none says so, and costs none of the others."""

import contextlib
import io
import os
import struct
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from clearway.camera.stills import EXIF_CLOCK_ERROR_MS, Stills, read_picture
from clearway.errors import SourceError
from clearway.facts import Frame, Pixels

AT = datetime(2026, 11, 22, 8, 0, 0, tzinfo=UTC)
UNSTATED_MS = 86_400_000.0
# One colour of each kind in each corner, so that a turned picture and a swapped channel both show.
CORNERS = ((250, 10, 10), (10, 250, 10), (10, 10, 250), (250, 250, 10))


def corners(width_px: int = 64, height_px: int = 48) -> Pixels:
    picture = np.empty((height_px, width_px, 3), np.uint8)
    top, left = height_px // 2, width_px // 2
    picture[:top, :left], picture[:top, left:], picture[top:, :left], picture[top:, left:] = CORNERS
    return picture


RGB = Image.fromarray(corners())
GREY = RGB.convert("L")
DEEP = Image.fromarray(np.asarray(GREY, np.uint16) * 16)  # 12 bits, as sensors give them


def with_alpha() -> Image.Image:
    picture = RGB.convert("RGBA")
    picture.putalpha(Image.new("L", RGB.size, 200))
    return picture


def with_palette(**options: object) -> bytes:
    return saved(RGB.convert("P", palette=Image.Palette.ADAPTIVE, colors=4), "PNG", **options)


def saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def exif(**fields: object) -> Image.Exif:
    said = Image.Exif()
    if "turn" in fields:
        said[ExifTags.Base.Orientation] = fields["turn"]
    within = said.get_ifd(ExifTags.IFD.Exif)
    if "taken" in fields:
        within[ExifTags.Base.DateTimeOriginal] = fields["taken"]
    if "offset" in fields:
        within[ExifTags.Base.OffsetTimeOriginal] = fields["offset"]
    return said


KINDS = {
    "a JPEG": (saved(RGB, "JPEG", quality=95, subsampling=0), corners()),
    "a PNG": (saved(RGB, "PNG"), corners()),
    "a WebP": (saved(RGB, "WEBP", lossless=True), corners()),
    "a TIFF, packed": (saved(RGB, "TIFF", compression="tiff_lzw"), corners()),
    "alpha": (saved(with_alpha(), "PNG"), corners()),
    "a palette": (with_palette(), corners()),
    # Pillow warns of these; a warning must not become an error, nor reach the operator.
    "a palette with an alpha of each colour": (with_palette(transparency=b"\xff\x80\x40\x00"), corners()),
    "CMYK": (saved(RGB.convert("CMYK"), "JPEG", quality=95, subsampling=0), corners()),
    "grey": (saved(GREY, "PNG"), np.repeat(np.asarray(GREY)[:, :, None], 3, axis=2)),
    "grey with alpha": (saved(GREY.convert("LA"), "PNG"), np.repeat(np.asarray(GREY)[:, :, None], 3, axis=2)),
    "black and white": (saved(Image.fromarray(corners()[:, :, 0] > 128), "PNG"), 255 * (corners()[:, :, :1] > 128).repeat(3, 2)),
    # 12 bits in 16: brightened until the brightest is white, or nothing could be seen.
    "16 bit": (saved(DEEP, "PNG"), np.repeat((np.asarray(DEEP, float) * 255 / np.asarray(DEEP).max())[:, :, None], 3, axis=2)),
    "16 bit, all black": (saved(Image.fromarray(np.zeros((48, 64), np.uint16)), "PNG"), np.zeros((48, 64, 3))),
    "floating point with holes": (
        saved(Image.fromarray(np.where(np.asarray(GREY) > 100, 1.0, np.nan).astype(np.float32) * 1000), "TIFF"),
        255 * (np.asarray(GREY) > 100)[:, :, None].repeat(3, 2),
    ),
    # CIPA DC-008, Orientation: 6 is a camera turned a quarter to the left, 3 one upside down, 2 a mirror.
    "turned by its EXIF": (saved(RGB, "JPEG", quality=95, subsampling=0, exif=exif(turn=6)), np.rot90(corners(), -1)),
    "upside down by its EXIF": (saved(RGB, "PNG", exif=exif(turn=3)), np.rot90(corners(), 2)),
    "mirrored by its EXIF": (saved(RGB, "PNG", exif=exif(turn=2)), corners()[:, ::-1]),
    "16 bit and turned": (
        saved(DEEP, "PNG", exif=exif(turn=6)),
        np.rot90(np.repeat((np.asarray(DEEP, float) * 255 / np.asarray(DEEP).max())[:, :, None], 3, axis=2), -1),
    ),
    "an orientation that does not exist": (saved(RGB, "PNG", exif=exif(turn=77)), corners()),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_picture_becomes_rgb(tmp_path: Path, kind: str) -> None:
    data, expected = KINDS[kind]
    path = tmp_path / "picture"
    path.write_bytes(data)
    pixels, taken_at = read_picture(path)
    assert pixels.dtype == np.uint8 and pixels.shape == expected.shape and taken_at is None
    assert np.abs(pixels.astype(float) - expected).mean() < 4.0
    Frame("gate", 0, AT, 0.0, pixels)


def png_of(width_px: int, height_px: int) -> bytes:
    """A PNG that says how large it is, and then breaks off: to decode it would be to complain of something else."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    size = struct.pack(">IIBBBBB", width_px, height_px, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", b"")


JPEG = saved(RGB, "JPEG")
SINS: dict[str, tuple[bytes | None, str]] = {
    "missing": (None, "there is no file"),
    "empty": (b"", "is empty (0 bytes)"),
    "text": (b"no picture at all\n" * 20, "cannot be read as a picture"),
    "a program": (b"\x7fELF" + bytes(500), "cannot be read as a picture"),
    "only the beginning of a JPEG": (JPEG[: len(JPEG) * 6 // 10], "cannot be read as a picture"),
    "a JPEG without its tables": (JPEG[:20] + bytes(400) + JPEG[420:], "cannot be read as a picture"),
    "a PNG with a bit turned": (saved(RGB, "PNG").replace(b"IDAT", b"IDAU"), "cannot be read as a picture"),
    "one pixel": (saved(Image.new("RGB", (1, 1)), "PNG"), "1 x 1 pixels: too small to hold a plate"),
    "12,000 x 9,000": (png_of(12_000, 9_000), "12000 x 9000 pixels; at most 64 million"),
    "2,000,000,000 x 2": (png_of(2_000_000_000, 2), "far too large"),
    "a bomb: little to store, 108 million pixels": (saved(Image.new("1", (12_000, 9_000)), "PNG"), "12000 x 9000 pixels"),
}


@pytest.mark.parametrize("sin", SINS)
def test_what_is_no_picture_says_so(tmp_path: Path, sin: str) -> None:
    data, words = SINS[sin]
    path = tmp_path / "picture.jpg"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(SourceError) as told:
        read_picture(path)
    assert words in told.value.happened and told.value.remedy and "picture.jpg" in told.value.happened


@pytest.mark.parametrize("kind", ["a JPEG", "a WebP", "a TIFF, packed", "turned by its EXIF", "CMYK"])
def test_damage_of_any_kind_ends_in_pixels_or_in_words(tmp_path: Path, kind: str) -> None:
    whole, _ = KINDS[kind]
    dice = np.random.default_rng(11)
    for _ in range(60):
        data = bytearray(whole)
        for place in dice.integers(0, len(data) if dice.random() < 0.5 else min(200, len(data)), int(dice.integers(1, 20))):
            data[int(place)] = int(dice.integers(256))
        (tmp_path / "picture").write_bytes(data)
        with contextlib.suppress(SourceError):
            pixels, _ = read_picture(tmp_path / "picture")
            assert pixels.dtype == np.uint8 and pixels.shape[2] == 3


def test_a_crop_may_be_as_small_as_a_far_plate(tmp_path: Path) -> None:
    Image.new("RGB", (48, 11)).save(tmp_path / "crop.png")
    pixels, _ = read_picture(tmp_path / "crop.png", side_min_px=1)
    assert pixels.shape == (11, 48, 3)
    with pytest.raises(SourceError, match="48 x 11 pixels: too small"):
        read_picture(tmp_path / "crop.png")


def test_a_folder_is_no_picture(tmp_path: Path) -> None:
    with pytest.raises(SourceError):
        read_picture(tmp_path)


# --- folders ---


@pytest.mark.parametrize("inside", [None, "notes.txt"])
def test_a_folder_without_a_picture_says_so(tmp_path: Path, inside: str | None) -> None:
    if inside:
        (tmp_path / inside).write_text("nothing to see")
    with pytest.raises(SourceError) as told:
        Stills(tmp_path, "gate", UNSTATED_MS)
    assert "no picture" in told.value.happened and ".jpg" in told.value.remedy


def fill(folder: Path, *pictures: tuple[str, bytes, datetime]) -> Stills:
    for name, data, changed_at in pictures:
        (folder / name).write_bytes(data)
        os.utime(folder / name, (changed_at.timestamp(), changed_at.timestamp()))
    return Stills(folder, "gate", UNSTATED_MS)


def test_pictures_come_in_order_of_their_names_at_their_own_times(tmp_path: Path) -> None:
    stated = exif(taken="2026:11:22 10:00:05", offset="+02:00")
    local = exif(taken="2031:01:01 00:00:00")  # no offset from UTC: a time of nowhere, so the file's time counts
    stills = fill(
        tmp_path,
        ("c.JPG", saved(RGB, "JPEG", exif=local), AT + timedelta(seconds=9)),
        ("a.png", saved(RGB, "PNG"), AT),
        ("b.jpg", saved(RGB, "JPEG", exif=stated), AT - timedelta(days=9)),
        ("d.png", saved(RGB, "PNG"), AT),  # earlier than the one before: times never fall
        ("readme.txt", b"no picture", AT),
    )
    frames = list(stills)
    assert stills.frames_expected == 4 and [frame.number for frame in frames] == [0, 1, 2, 3]
    assert [frame.captured_at - AT for frame in frames] == [timedelta(seconds=s) for s in (0, 5, 9, 9)]
    assert [frame.clock_error_ms for frame in frames] == [UNSTATED_MS, EXIF_CLOCK_ERROR_MS, UNSTATED_MS, UNSTATED_MS]


@pytest.mark.parametrize(
    "taken",
    [
        "0000:00:00 00:00:00",  # a clock that was never set
        "0001:01:01 00:00:00",  # before any time in UTC, with this offset
        "yesterday",
        "",
    ],
)
def test_a_time_that_is_none_is_not_believed(tmp_path: Path, taken: str) -> None:
    stills = fill(tmp_path, ("a.jpg", saved(RGB, "JPEG", exif=exif(taken=taken, offset="+14:00")), AT))
    assert [frame.captured_at for frame in stills] == [AT]


def test_a_bad_picture_costs_none_of_the_others(tmp_path: Path) -> None:
    good = saved(RGB, "PNG")
    stills = fill(tmp_path, ("a.png", good, AT), ("b.png", b"", AT), ("c.png", good, AT), ("d.jpg", JPEG[:99], AT))
    frames: list[Frame] = []
    with pytest.raises(SourceError) as told:
        frames.extend(stills)
    assert [frame.number for frame in frames] == [0, 1] and stills.frames_dropped == 2
    assert "2 of 4 pictures" in told.value.happened and "b.png is empty" in told.value.happened
    assert "watched" in told.value.remedy


def test_a_picture_that_may_not_be_read_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(saved(RGB, "PNG"))
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("needs a user that file modes bind; this one is root")
    with pytest.raises(SourceError) as told:
        read_picture(path)
    assert "may not be read" in told.value.happened
