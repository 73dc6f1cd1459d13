"""A timestamp authority of our own: certificates by `cryptography`, tokens by `openssl ts`, over a real HTTP server."""

import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

from clearway.evidence.token import kept

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
ALWAYS = datetime(2020, 1, 1, tzinfo=UTC), datetime(2120, 1, 1, tzinfo=UTC)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC), datetime(2021, 1, 1, tzinfo=UTC)

_SETTINGS = """\
[tsa]
default_tsa = ours
[ours]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
signer_digest = {digest}
ess_cert_id_alg = sha256
accuracy = secs:1, millisecs:500
clock_precision_digits = {fraction_digits}
crypto_device = builtin
other_policies = 1.2.3.4.2
"""


def elliptic() -> Key:
    return ec.generate_private_key(ec.SECP256R1())


@dataclass(frozen=True)
class Tsa:
    """The authority, with its certificate `own` below `ca`, in a folder that it does not share."""

    folder: Path
    ca: x509.Certificate
    own: x509.Certificate

    @staticmethod
    def made_in(
        folder: Path,
        valid: tuple[datetime, datetime] = ALWAYS,
        *,
        key: Key | None = None,
        ca_key: Key | None = None,
        is_ca: bool = True,
        purposes: tuple[x509.ObjectIdentifier, ...] = (ExtendedKeyUsageOID.TIME_STAMPING,),
        digest: str = "sha256",
        fraction_digits: int = 3,
        with_ca: bool = False,
    ) -> "Tsa":
        folder.mkdir(parents=True)
        key, ca_key = key or elliptic(), ca_key or elliptic()
        ca = _certificate("Clock Office", ca_key, "Clock Office", ca_key, ALWAYS, is_ca=is_ca)
        own = _certificate("Clock", key, "Clock Office", ca_key, valid, purposes=purposes)
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (folder / "tsa.key").write_bytes(private)
        (folder / "tsa.pem").write_bytes(own.public_bytes(Encoding.PEM))
        (folder / "ca.pem").write_bytes(ca.public_bytes(Encoding.PEM))
        (folder / "serial").write_text("01\n")
        settings = _SETTINGS.format(folder=folder, digest=digest, fraction_digits=fraction_digits)
        (folder / "ts.cnf").write_text(settings + (f"certs = {folder}/ca.pem\n" if with_ca else ""))
        return Tsa(folder, ca, own)

    def reply(self, query: bytes) -> bytes:
        """What `openssl ts` answers to a request."""
        (self.folder / "query").write_bytes(query)
        command = ["openssl", "ts", "-reply", "-config", "ts.cnf", "-queryfile", "query", "-out", "reply"]
        subprocess.run(command, cwd=self.folder, check=True, capture_output=True)
        return (self.folder / "reply").read_bytes()

    def stamped(self, message: bytes) -> bytes:
        """A token over `message`, as an exhibit keeps it."""
        query = TimestampRequestBuilder().data(message).hash_algorithm(HashAlgorithm.SHA256).build()
        return kept(self.reply(query.as_bytes()))


def _certificate(
    subject: str,
    key: Key,
    issuer: str,
    issuer_key: Key,
    valid: tuple[datetime, datetime],
    *,
    is_ca: bool = False,
    purposes: tuple[x509.ObjectIdentifier, ...] = (),
) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(valid[0])
        .not_valid_after(valid[1])
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
    )
    if purposes:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=True)
    return builder.sign(issuer_key, hashes.SHA256())


@contextmanager
def dripping() -> Iterator[str]:
    """The URL of a server that sends a byte of its answer every 50 ms, without an end."""
    over = threading.Event()

    def drip(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection, suppress(OSError):
            connection.sendall(b"HTTP/1.1 200 OK\r\nX-Endless: ")
            while not over.wait(0.05):
                connection.sendall(b"x")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=(listener,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/tsa"
        finally:
            over.set()
            thread.join()


@contextmanager
def serving(answer: Callable[[bytes], bytes], content_type: str = "application/timestamp-reply") -> Iterator[str]:
    """The URL of a server on loopback that answers every POST with what `answer` makes of its body."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = answer(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/tsa"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
