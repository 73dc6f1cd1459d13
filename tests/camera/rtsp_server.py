"""A small RTSP camera on loopback (RFC 2326, RTP interleaved in its TCP connection), with faults that a test chooses.

It films MPEG-4 Visual (RFC 6416), whose packets are cut from the encoder's output as they come. It serves one client after
another, and ends with its `with` block.
"""

import contextlib
import socket
import struct
import threading
import time
from dataclasses import dataclass
from fractions import Fraction
from types import TracebackType
from typing import Self

import av
import numpy as np

WIDTH_PX, HEIGHT_PX = 64, 48
RATE = 25
KEY_FRAME_EVERY = 5
LOOP_FRAMES = 50
PAYLOAD_BYTES_MAX = 1200
STREAM_S_MAX = 30.0
NEEDED = "401 Unauthorized"


@dataclass(frozen=True, slots=True)
class Faults:
    """What goes wrong: the frames after which each connection is cut (None: never) or, where `stalls` is set, falls silent;
    a status for every answer; no answer at all; frames that arrive damaged."""

    cut_after: tuple[int | None, ...] = ()
    stalls: bool = False
    status: str = "200 OK"
    silent: bool = False
    damaged_every: int | None = None


def grey_of(number: int) -> int:
    """How bright the frame of that number is: it rises over one loop."""
    return 40 + 4 * (number % LOOP_FRAMES)


class RtspServer:
    """`with RtspServer() as server: … server.url`. `asked` are the methods of all requests, in order."""

    def __init__(self, faults: Faults = Faults()) -> None:
        self._faults = faults
        self._packets = _filmed()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.1)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="rtsp server")
        self.port = int(self._listener.getsockname()[1])
        self.asked: list[str] = []
        self.connections = 0
        self._began_s = time.monotonic()

    @property
    def url(self) -> str:
        return f"rtsp://user:secret@127.0.0.1:{self.port}/main"

    @property
    def running_s(self) -> float:
        """How long the server has been up."""
        return time.monotonic() - self._began_s

    def wait_s(self, span_s: float) -> None:
        """Waits while the server goes on."""
        self._stopped.wait(span_s)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stopped.set()
        self._thread.join(timeout=10)
        self._listener.close()
        assert not self._thread.is_alive(), "the server stops by itself"

    def _serve(self) -> None:
        while not self._stopped.is_set():
            try:
                client, _ = self._listener.accept()
            except TimeoutError:
                continue
            self.connections += 1
            with client, contextlib.suppress(ConnectionError):
                self._talk(client)

    def _talk(self, client: socket.socket) -> None:
        """Answers requests, and sends a frame whenever it is time, until either side has had enough."""
        cut_after = self._faults.cut_after
        frames_max = cut_after[self.connections - 1] if self.connections <= len(cut_after) else None
        received = b""
        playing, sent, sequence = False, 0, 0
        client.settimeout(1 / RATE)
        while not self._stopped.is_set() and sent < STREAM_S_MAX * RATE:
            with contextlib.suppress(TimeoutError):
                some = client.recv(65_536)
                if not some:
                    return
                received += some
            while (taken := _first_message(received)) is not None:
                message, received = taken
                if message.startswith("$") or self._faults.silent:
                    continue
                method = message.split(" ", 1)[0]
                self.asked.append(method)
                client.sendall(self._answer(method, message))
                playing = method == "PLAY" or (playing and method != "TEARDOWN")
            if playing:
                if sent == frames_max:
                    if self._faults.stalls:
                        continue  # a pulled cable: nobody says that it is over
                    return
                data = self._packets[sent % LOOP_FRAMES]
                if self._faults.damaged_every and sent % self._faults.damaged_every == 1:
                    data = b"\x00\x00\x01\xb6" + bytes(40)
                sequence = _send_frame(client, data, sent, sequence)
                sent += 1

    def _answer(self, method: str, request: str) -> bytes:
        headers = [f"RTSP/1.0 {self._faults.status}"]
        headers += [line for line in request.split("\r\n") if line.lower().startswith("cseq:")]
        body = ""
        if method == "OPTIONS":
            headers.append("Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN")
        elif self._faults.status == NEEDED:
            headers.append('WWW-Authenticate: Basic realm="camera"')
        elif method == "DESCRIBE":
            body = (
                "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=road\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n"
                f"a=rtpmap:96 MP4V-ES/90000\r\na=framerate:{RATE}\r\na=control:track\r\n"
            )
            headers += ["Content-Type: application/sdp", f"Content-Length: {len(body)}"]
        elif method == "SETUP":
            headers += ["Transport: RTP/AVP/TCP;unicast;interleaved=0-1", "Session: 1"]
        return "\r\n".join([*headers, "", body]).encode()


def _first_message(received: bytes) -> tuple[str, bytes] | None:
    """The first whole message, and what follows it: "$" for a packet of the client's own reports, else a request's head."""
    if received.startswith(b"$"):
        if len(received) < 4 or len(received) < 4 + int.from_bytes(received[2:4]):
            return None
        return "$", received[4 + int.from_bytes(received[2:4]) :]
    head, end, rest = received.partition(b"\r\n\r\n")
    return (head.decode(), rest) if end else None


def _send_frame(client: socket.socket, data: bytes, number: int, sequence: int) -> int:
    """Sends one picture as RTP packets (RFC 3550) on channel 0; the next sequence number."""
    for start in range(0, len(data), PAYLOAD_BYTES_MAX):
        last = start + PAYLOAD_BYTES_MAX >= len(data)
        stamp = number * 90_000 // RATE
        header = struct.pack(">BBHII", 0x80, 96 | (0x80 if last else 0), sequence & 0xFFFF, stamp & 0xFFFFFFFF, 1)
        packet = header + data[start : start + PAYLOAD_BYTES_MAX]
        client.sendall(b"$\x00" + len(packet).to_bytes(2) + packet)
        sequence += 1
    return sequence


def _filmed() -> list[bytes]:
    """One loop of encoded pictures; each key frame carries the stream's headers."""
    context = av.CodecContext.create("mpeg4", "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height, context.pix_fmt = WIDTH_PX, HEIGHT_PX, "yuv420p"
    context.time_base, context.framerate, context.gop_size = Fraction(1, RATE), Fraction(RATE), KEY_FRAME_EVERY
    packets: list[bytes] = []
    for number in range(LOOP_FRAMES):
        picture = np.full((HEIGHT_PX, WIDTH_PX, 3), grey_of(number), np.uint8)
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")
        frame.pts = number
        packets += [bytes(packet) for packet in context.encode(frame)]
    packets += [bytes(packet) for packet in context.encode(None)]
    assert len(packets) == LOOP_FRAMES
    return packets
