"""Small clips of every kind, whole and cut, for tests that watch them."""

import io
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from clearway.camera.film import Film
from clearway.facts import Pixels

AT = datetime(2026, 11, 22, 8, 0, 0, tzinfo=UTC)


def corners() -> Pixels:
    """Four colours, so that every turn and mirroring of it differs."""
    picture = np.full((96, 160, 3), 128, np.uint8)
    picture[:48, :80], picture[:48, 80:], picture[48:, :80] = (250, 0, 0), (0, 250, 0), (0, 0, 250)
    return picture


def filmed(path: Path, times_s: list[float], picture: Pixels | None = None) -> Path:
    shown = corners() if picture is None else picture
    with Film(path, shown.shape[1], shown.shape[0], AT, 25.0) as film:
        for time_s in times_s:
            film.add(shown, time_s)
    return path


def encoded(path: Path, kind: str, codec: str, sizes: list[tuple[int, int]], frames: int = 10, dice_seed: int = 1) -> Path:
    """A clip without a stated time; each of `sizes` is one recording, and all are joined byte by byte."""
    dice = np.random.default_rng(dice_seed)
    joined = b""
    for width_px, height_px in sizes:
        file = io.BytesIO()
        with av.open(file, "w", format=kind) as container:
            stream = container.add_stream(codec, rate=25)
            assert isinstance(stream, av.VideoStream)
            stream.width, stream.height = width_px, height_px
            stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
            for _ in range(frames):
                picture = dice.integers(0, 255, (height_px, width_px, 3), np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode(None))
        joined += file.getvalue()
    path.write_bytes(joined)
    return path


def moov_in_front(source: Path, path: Path) -> Path:
    """The same packets with the index first, as a camera that streams writes it."""
    with av.open(str(source)) as whole, av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as front:
        stream = front.add_stream_from_template(whole.streams.video[0])
        for packet in whole.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                front.mux(packet)
    return path


def cut(path: Path, share: float) -> Path:
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    return path


def audio_only(path: Path) -> None:
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=8000)
        assert isinstance(stream, av.AudioStream)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.time_base = 8000, Fraction(1, 8000)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
