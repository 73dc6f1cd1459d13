"""A text is planted in every channel of a clip or a picture that we could think of. No exhibit and no published clip holds it."""

import base64
import struct
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo
from tests.camera.clips import AT, filmed
from tests.evidence.world import Hider, World, finding, frames, nothing_else

from clearway.camera.film import encode_clip
from clearway.camera.source import open_source
from clearway.edge.redaction import Redaction, Revealed
from clearway.errors import SourceError
from clearway.facts import Frame

CANARY = "CANARY-B987XYZ"
PLAIN = CANARY.encode()
WIDTH_PX, HEIGHT_PX, FRAMES = 96, 64, 12
PICTURE = np.full((HEIGHT_PX, WIDTH_PX, 3), 90, np.uint8)
# ISO/IEC 14496-12 tags as FFmpeg names them; each is a box of its own in `udta`.
MP4_TAGS = (
    *("title", "artist", "album", "comment", "copyright", "description"),
    *("synopsis", "genre", "grouping", "composer", "lyrics", "show"),
)
MOV_TAGS = ("make", "model", "location", "com.apple.quicktime.location.ISO6709", "com.apple.quicktime.author")
# uuid boxes: Adobe's XMP, C2PA's manifest store, Canon's and JPEG's EXIF.
UUIDS = {
    "XMP": "be7acfcb97a942e89c71999491e3afac",
    "a C2PA ingredient": "d8fec3d61b0e483c92975828877ec481",
    "EXIF in a uuid": "0537cdab9d0c4431a72afa561f2a113e",
}


def box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + name + content


def appended(content: bytes, path: Path) -> Path:
    """A clip with these bytes behind it."""
    filmed(path.with_suffix(".mp4"), [number / 25 for number in range(FRAMES)], PICTURE)
    with path.with_suffix(".mp4").open("ab") as file:
        file.write(content)
    return path.with_suffix(".mp4")


def muxed(kind: str, plant: Callable[[av.container.OutputContainer], object], path: Path, **options: str) -> Path:
    """A clip in that container in which `plant` has planted; what it returns is called once the pictures are in."""
    clip = path.with_suffix("." + {"matroska": "mkv"}.get(kind, kind))
    with av.open(str(clip), "w", format=kind, options=options) as container:
        video = container.add_stream("mpeg4", rate=25)
        assert isinstance(video, av.VideoStream)
        video.width, video.height, video.pix_fmt = WIDTH_PX, HEIGHT_PX, "yuv420p"
        later = plant(container)
        for number in range(FRAMES):
            frame = av.VideoFrame.from_ndarray(PICTURE, format="rgb24")
            frame.pts = number
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if callable(later):
            later()
    return clip


def tag(name: str, container: av.container.OutputContainer) -> None:
    container.metadata[name] = CANARY


def stream_tag(name: str, container: av.container.OutputContainer) -> None:
    container.streams[0].metadata[name] = CANARY


def raw_stream(codec: str, container: av.container.OutputContainer) -> Callable[[], None]:
    """Another stream whose packets are the text, again and again."""
    if codec == "srt":
        stream: av.stream.Stream = container.add_mux_stream(codec)
    else:
        stream = container.add_stream(codec, rate=8000) if codec.startswith("pcm") else container.add_stream(codec)
    if isinstance(stream, av.VideoStream):
        stream.width, stream.height, stream.pix_fmt = 16, 16, "gray"

    def later() -> None:
        content = (PLAIN * 32)[:256]
        packet = av.Packet(content)
        packet.stream, packet.pts, packet.dts, packet.duration, packet.time_base = stream, 0, 0, 1, Fraction(1, 25)
        container.mux(packet)

    return later


def chapters(container: av.container.OutputContainer) -> None:
    container.set_chapters([{"id": 1, "start": 0, "end": 400, "time_base": Fraction(1, 1000), "metadata": {"title": CANARY}}])


def attachment(container: av.container.OutputContainer) -> None:
    container.add_attachment(f"{CANARY}.txt", "text/plain", PLAIN)


def edit_list(path: Path) -> Path:
    """Its edit list leaves out the first eight pictures; a handler's name carries the text."""
    clip = muxed("mp4", partial(stream_tag, "handler_name"), path)
    content = bytearray(clip.read_bytes())
    at = content.find(b"elst")
    assert at > 0
    content[at + 16 : at + 20] = struct.pack(">I", int.from_bytes(content[at + 16 : at + 20], "big") + 4096)
    clip.write_bytes(content)
    return clip


def still(suffix: str, path: Path, **said: object) -> Path:
    """A folder of pictures, each of which says this besides."""
    folder = path.with_suffix("")
    folder.mkdir()
    for number in range(FRAMES):
        Image.fromarray(PICTURE).save(folder / f"{number:02}.{suffix}", **said)  # type: ignore[arg-type]
    return folder


def exif(*, ifd: int | None = None, tag: int = ExifTags.Base.ImageDescription, value: object = CANARY) -> bytes:
    made = Image.Exif()
    (made if ifd is None else made.get_ifd(ifd))[tag] = value
    return made.tobytes()


def png_text(*, compressed: bool = False, international: bool = False) -> PngInfo:
    made = PngInfo()
    if international:
        made.add_itxt("XML:com.adobe.xmp", CANARY)
    else:
        made.add_text("Comment", CANARY, zip=compressed)
    return made


def behind(suffix: str, path: Path) -> Path:
    folder = still(suffix, path)
    for picture in folder.iterdir():
        picture.write_bytes(picture.read_bytes() + PLAIN)
    return folder


def app_segment(marker: int, content: bytes, path: Path) -> Path:
    """JPEGs with one more segment after the first two bytes."""
    folder = still("jpg", path)
    for picture in folder.iterdir():
        whole = picture.read_bytes()
        picture.write_bytes(whole[:2] + bytes((0xFF, marker)) + struct.pack(">H", 2 + len(content)) + content + whole[2:])
    return folder


CHANNELS: dict[str, Callable[[Path], Path]] = {
    **{f"MP4 tag {name}": partial(muxed, "mp4", partial(tag, name)) for name in MP4_TAGS},
    **{f"MOV tag {name}": partial(muxed, "mov", partial(tag, name), movflags="use_metadata_tags") for name in MOV_TAGS},
    **{f"Matroska tag {name}": partial(muxed, "matroska", partial(tag, name)) for name in ("title", "GPS", "PLATE")},
    **{name: partial(appended, box(b"uuid", bytes.fromhex(uuid) + PLAIN)) for name, uuid in UUIDS.items()},
    "a free box": partial(appended, box(b"free", PLAIN)),
    "a skip box": partial(appended, box(b"skip", PLAIN)),
    "media data that no track uses": partial(appended, box(b"mdat", PLAIN)),
    "a meta box": partial(appended, box(b"meta", bytes(4) + PLAIN)),
    "a box that nobody knows": partial(appended, box(b"zzzz", PLAIN)),
    "trailing bytes": partial(appended, bytes(8) + PLAIN),
    "the name of a handler": partial(muxed, "mp4", partial(stream_tag, "handler_name")),
    "the title of a track": partial(muxed, "matroska", partial(stream_tag, "title")),
    "chapters in MP4": partial(muxed, "mp4", chapters),
    "chapters in Matroska": partial(muxed, "matroska", chapters),
    "an attachment": partial(muxed, "matroska", attachment),
    "sound": partial(muxed, "matroska", partial(raw_stream, "pcm_s16le")),
    "sound in MOV": partial(muxed, "mov", partial(raw_stream, "pcm_s16le")),
    "subtitles": partial(muxed, "matroska", partial(raw_stream, "srt")),
    "a second video": partial(muxed, "matroska", partial(raw_stream, "rawvideo")),
    "an edit list": edit_list,
    "EXIF": lambda path: still("jpg", path, exif=exif()),
    "EXIF's own text": lambda path: still(
        "jpg", path, exif=exif(ifd=ExifTags.IFD.Exif, tag=ExifTags.Base.UserComment, value=b"ASCII\0\0\0" + PLAIN)
    ),
    "EXIF maker's note": lambda path: still(
        "jpg", path, exif=exif(ifd=ExifTags.IFD.Exif, tag=ExifTags.Base.MakerNote, value=PLAIN)
    ),
    "GPS": lambda path: still("jpg", path, exif=exif(ifd=ExifTags.IFD.GPSInfo, tag=ExifTags.GPS.GPSAreaInformation, value=PLAIN)),
    "a thumbnail": partial(app_segment, 0xE1, b"Exif\0\0II*\0\x08\0\0\0\0\0" + bytes(4) + b"\xff\xd8" + PLAIN + b"\xff\xd9"),
    "XMP in JPEG": lambda path: still("jpg", path, xmp=PLAIN),
    "a comment in JPEG": lambda path: still("jpg", path, comment=PLAIN),
    "a colour profile": lambda path: still("jpg", path, icc_profile=PLAIN * 12),
    "IPTC": partial(app_segment, 0xED, b"Photoshop 3.0\0" + PLAIN),
    "JUMBF, as C2PA uses it": partial(app_segment, 0xEB, b"JP\0\x01\0\0\0\x01" + PLAIN),
    "bytes behind a JPEG": partial(behind, "jpg"),
    "text in PNG": lambda path: still("png", path, pnginfo=png_text()),
    "compressed text in PNG": lambda path: still("png", path, pnginfo=png_text(compressed=True)),
    "XMP in PNG": lambda path: still("png", path, pnginfo=png_text(international=True)),
    "EXIF in PNG": lambda path: still("png", path, exif=exif()),
    "bytes behind a PNG": partial(behind, "png"),
    "EXIF in WebP": lambda path: still("webp", path, exif=exif()),
    "a description in TIFF": lambda path: still("tif", path, description=CANARY),
}
assert len(CHANNELS) >= 40
# The text as others might spell it; of base64 what does not depend on where it begins.
SPELLINGS = (
    PLAIN,
    CANARY.encode("utf-16-le"),
    CANARY.encode("utf-16-be"),
    PLAIN.hex().encode(),
    *(base64.b64encode(bytes(skip) + PLAIN)[4:-4] for skip in range(3)),
)


@pytest.mark.parametrize("channel", CHANNELS)
def test_nothing_of_the_source_but_pictures_is_in_what_we_make(channel: str, tmp_path: Path) -> None:
    source = CHANNELS[channel](tmp_path / CANARY)
    if "compressed" not in channel:
        planted = source.read_bytes() if source.is_file() else next(source.iterdir()).read_bytes()
        assert PLAIN in planted, "it was planted"
    world = World(tmp_path / "data", encode_clip)
    exhibit = world.sealer.seal(finding(), seen(source), clock_source="NTP", hide=nothing_else)
    assert_clean(Path(exhibit.path))
    if source.is_file():
        out = tmp_path / "public.mp4"
        Redaction(source, Hider(), lambda: None, road=False).write(out, Revealed(scene=True), lambda: None)
        assert_clean(out)


def seen(source: Path) -> list[Frame]:
    """The source's frames, with the times of the vehicle that `world` drives through them."""
    found: list[Frame] = []
    try:
        found.extend(open_source(str(source), "north-gate", unstated_clock_error_s=0.0, retry_for_s=0.0, announce=print))
    except SourceError:
        assert len(found) >= 8, "what was there before the fault has been watched"
    return [replace(frame, captured_at=at.captured_at) for frame, at in zip(found, frames(), strict=False)]


def assert_clean(path: Path) -> None:
    content = path.read_bytes()
    for spelling in SPELLINGS:
        assert spelling not in content


def test_frames_that_an_edit_list_hides_are_in_no_published_clip(tmp_path: Path) -> None:
    source, out = edit_list(tmp_path / CANARY), tmp_path / "public.mp4"
    written = Redaction(source, Hider(), lambda: None, road=False).write(out, Revealed(scene=True), lambda: None)
    with av.open(str(out)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        assert len(packets) == written.frames
    with av.open(str(out), options={"ignore_editlist": "1"}) as container:
        assert len(list(container.decode(video=0))) == written.frames
    assert AT.strftime("%Y").encode() not in out.read_bytes()
