"""Somebody else's word for the time: an RFC 3161 timestamp token, read strictly and checked offline.

A token is a CMS SignedData (RFC 5652) in DER around a TSTInfo (RFC 3161, section 2.4.2). The reader below knows the one shape
that such a token has and refuses every other by name: nothing that is not signed may stand in it, since it could be changed
unseen. It needs `cryptography` and the standard library, and follows no address that a certificate names.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from clearway.errors import StoreError
from clearway.evidence.tiles import replace_file

# In the folder of the keys: the certificates of the timestamp authorities that are trusted, in PEM.
AUTHORITIES_NAME = "tsa.pem"
CERTIFICATES_MAX = 16
TOKEN_BYTES_MAX = 64 * 1024
RSA_BITS_MIN = 2048
# How far the sealer's clock may be ahead of the authority's. Our own choice: clocks that are kept by NTP agree within a second.
CLOCKS_APART_MAX = timedelta(seconds=10)

_Kind = TypeVar("_Kind", bound=x509.ExtensionType)

# RFC 5652 (CMS), RFC 3161 and RFC 5816 (timestamps), RFC 5035 (which certificate signs).
_SIGNED_DATA, _CONTENT_TYPE, _MESSAGE_DIGEST = "1.2.840.113549.1.7.2", "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"
_TST_INFO = "1.2.840.113549.1.9.16.1.4"
_SIGNING_CERTIFICATE, _SIGNING_CERTIFICATE_V2 = "1.2.840.113549.1.9.16.2.12", "1.2.840.113549.1.9.16.2.47"
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "2.16.840.1.101.3.4.2.1": hashes.SHA256(),
    "2.16.840.1.101.3.4.2.2": hashes.SHA384(),
    "2.16.840.1.101.3.4.2.3": hashes.SHA512(),
}
# Signature algorithm → the kind of key, and the hash that it fixes. RFC 8017, RFC 5758, RFC 8419.
_SIGNATURES: dict[str, tuple[type, str | None]] = {
    "1.2.840.113549.1.1.1": (rsa.RSAPublicKey, None),
    "1.2.840.113549.1.1.11": (rsa.RSAPublicKey, "sha256"),
    "1.2.840.113549.1.1.12": (rsa.RSAPublicKey, "sha384"),
    "1.2.840.113549.1.1.13": (rsa.RSAPublicKey, "sha512"),
    "1.2.840.10045.4.3.2": (ec.EllipticCurvePublicKey, "sha256"),
    "1.2.840.10045.4.3.3": (ec.EllipticCurvePublicKey, "sha384"),
    "1.2.840.10045.4.3.4": (ec.EllipticCurvePublicKey, "sha512"),
    "1.3.101.112": (ed25519.Ed25519PublicKey, "sha512"),
}
# Tags of X.690: [0] and [1] constructed, then the universal ones.
_BOOLEAN, _INTEGER, _OCTETS, _NULL, _OID, _TIME, _SEQUENCE, _SET = 0x01, 0x02, 0x04, 0x05, 0x06, 0x18, 0x30, 0x31
_CONTEXT_0, _CONTEXT_1 = 0xA0, 0xA1
_GENERALIZED_TIME = re.compile(rb"(\d{14})(?:\.(\d{0,8}[1-9]))?Z")
# The response that is kept around the token: its status is "granted" and says nothing else.
_GRANTED = bytes([_SEQUENCE, 3, _INTEGER, 1, 0])


class TokenError(ValueError):
    """A token that does not hold; the message says in plain words why."""


@dataclass(frozen=True, slots=True)
class Token:
    """What a token says: at `at`, wrong by no more than `accuracy_s`, `authority` saw the statement."""

    at: datetime
    accuracy_s: float
    authority: str
    nonce: int | None

    def precedes(self, sealed_at: datetime) -> bool:
        """Whether the authority saw the statement before it was sealed, by more than two clocks may differ."""
        # RFC 3161 lets an authority cut its time to the second.
        return sealed_at - self.at > timedelta(seconds=1 + self.accuracy_s) + CLOCKS_APART_MAX


def known_authorities(keys: Path) -> tuple[x509.Certificate, ...]:
    """The certificates in the tsa.pem of a folder of keys; none where there is no such file. StoreError where it is damaged."""
    path = keys / AUTHORITIES_NAME
    return load_certificates(path) if path.exists() else ()


def load_certificates(path: Path) -> tuple[x509.Certificate, ...]:
    """The certificates of a PEM file, at least one. StoreError where it cannot be read or holds none."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise StoreError(
            f"the certificate {path} cannot be read: {error.strerror}.", remedy="name the timestamp authority's, in PEM."
        ) from error
    try:
        found = list(map(_read_whole, x509.load_pem_x509_certificates(raw)))
    except Exception:  # cryptography raises a dozen kinds, whose only common ancestor this is
        found = []
    if not 1 <= len(found) <= CERTIFICATES_MAX:
        raise StoreError(f"{path} holds no certificate in PEM.", remedy="name the timestamp authority's certificate.")
    return tuple(found)


def keep_certificates(keys: Path, certificates: Sequence[x509.Certificate]) -> None:
    """Adds them to the tsa.pem of a folder of keys: older exhibits need those that are there already. StoreError as above."""
    known = known_authorities(keys)
    try:
        new = [each for each in certificates if each not in known]
        if new:
            replace_file(keys / AUTHORITIES_NAME, b"".join(each.public_bytes(Encoding.PEM) for each in (*known, *new)))
    except OSError as error:
        raise StoreError(f"{keys / AUTHORITIES_NAME} cannot be written: {error.strerror}.", remedy="make it writable.") from error


def kept(reply: bytes) -> bytes:
    """An authority's TimeStampResp (RFC 3161, section 2.4.2) as an exhibit keeps it: it grants the token and says nothing else.
    TokenError where it grants none."""
    try:
        outer = _Der(reply)
        response = outer.inside(_SEQUENCE, "response")
        outer.end("response")
        status = response.inside(_SEQUENCE, "status").integer("status")
        # Granted, or granted with modifications: what was modified is seen when the token is checked.
        if status not in (0, 1):
            raise TokenError(f"it refused (status {status})")
        return _der(_SEQUENCE, _GRANTED + response.whole(_SEQUENCE, "token"))
    except _MisshapenError as error:
        raise TokenError(f"what answered is no timestamp authority, or speaks no DER: {error}") from None


def check(response: bytes, message: bytes, trusted: Sequence[x509.Certificate]) -> Token:
    """What the token in `response` says about `message`, once all of it holds. TokenError names what does not.

    `trusted` are certificates of authorities: the signer's own, or one above it. Every certificate from the signer's up to the
    trusted one must have been valid at the token's time. Whether one was revoked is not looked up: that would need a network.
    """
    if len(response) > TOKEN_BYTES_MAX:
        raise TokenError(f"it is larger than {TOKEN_BYTES_MAX} bytes")
    try:
        signed = _Signed.read(response)
        info = _Info.read(signed.content)
    except _MisshapenError as error:
        raise TokenError(f"it is no timestamp in the form that exhibits have: {error}") from None
    if hashlib.new(info.hash_name, message).digest() != info.digest:
        raise TokenError("it is a token for another digest: the authority saw something else than this statement")
    path = _path(signed, trusted)
    _refuse_untimely(path, info.at)
    _refuse_unfit(path)
    if hashlib.new(signed.hash_name, signed.content).digest() != signed.content_digest or not signed.verifies(path[0]):
        raise TokenError("it was changed after it was signed")
    return Token(info.at, info.accuracy_s, path[0].subject.rfc4514_string(), info.nonce)


# --- DER (X.690): one shape, no room ---


class _MisshapenError(ValueError):
    pass


class _Der:
    """The elements of one DER value, taken one after the other."""

    def __init__(self, raw: bytes) -> None:
        self._raw, self._at = raw, 0

    @property
    def more(self) -> bool:
        return self._at < len(self._raw)

    def next_is(self, tag: int) -> bool:
        return self.more and self._raw[self._at] == tag

    def whole(self, tag: int, what: str) -> bytes:
        """The next element with its tag and length."""
        start = self._at
        self.content(tag, what)
        return self._raw[start : self._at]

    def content(self, tag: int, what: str) -> bytes:
        raw, at = self._raw, self._at
        if len(raw) < at + 2 or raw[at] != tag:
            raise _MisshapenError(f"no {what} where one should be")
        length, at = raw[at + 1], at + 2
        if length > 0x7F:
            count = length & 0x7F
            length = int.from_bytes(raw[at : at + count])
            # The shortest spelling and no other; an indefinite length (0x80) is BER.
            if not 1 <= count <= 3 or length < 0x80 or raw[at] == 0:
                raise _MisshapenError(f"the length of its {what} is not in DER")
            at += count
        if at + length > len(raw):
            raise _MisshapenError(f"its {what} is cut")
        self._at = at + length
        return raw[at : self._at]

    def inside(self, tag: int, what: str) -> "_Der":
        return _Der(self.content(tag, what))

    def oid(self, what: str) -> str:
        """The object identifier in dotted form."""
        raw, arcs, value = self.content(_OID, what), [], 0
        for place, byte in enumerate(raw):
            if (value == 0 and byte == 0x80) or place >= 32:
                raise _MisshapenError(f"its {what} is not in DER")
            value = value << 7 | byte & 0x7F
            if byte < 0x80:
                arcs.append(value)
                value = 0
        if not raw or raw[-1] >= 0x80:
            raise _MisshapenError(f"its {what} is not in DER")
        first = min(arcs[0] // 40, 2)
        return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))

    def integer(self, what: str, tag: int = _INTEGER) -> int:
        raw = self.content(tag, what)
        if not 1 <= len(raw) <= 32 or (len(raw) > 1 and (raw[0], raw[1] >> 7) in ((0, 0), (0xFF, 1))):
            raise _MisshapenError(f"its {what} is not in DER")
        return int.from_bytes(raw, signed=True)

    def hash_name(self, what: str) -> str:
        """The name of the hash that an AlgorithmIdentifier means."""
        found = self.algorithm(what)
        if found not in _HASHES:
            raise _MisshapenError(f"its {what} is none of SHA-256, SHA-384 and SHA-512")
        return _HASHES[found].name

    def algorithm(self, what: str) -> str:
        """The object identifier of an AlgorithmIdentifier, whose parameters are absent or NULL."""
        inside = self.inside(_SEQUENCE, what)
        found = inside.oid(what)
        if inside.more and inside.content(_NULL, f"parameter of its {what}"):
            raise _MisshapenError(f"its {what} has a parameter")
        inside.end(what)
        return found

    def end(self, what: str) -> None:
        if self.more:
            raise _MisshapenError(f"something stands behind its {what}")


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes([tag, 0x80 | len(length)]) + length + content


# --- what a token is made of ---


@dataclass(frozen=True, slots=True)
class _Signed:
    """The CMS envelope: `content` is what is signed through `attributes`, by the key of whom `signer` names."""

    content: bytes
    certificates: tuple[x509.Certificate, ...]
    signer: tuple[bytes, int]
    hash_name: str
    attributes: bytes
    content_digest: bytes
    certificate_hashes: tuple[tuple[str, bytes], ...]
    algorithm: str
    signature: bytes

    @staticmethod
    def read(response: bytes) -> "_Signed":
        outer = _Der(response)
        granted = outer.inside(_SEQUENCE, "response")
        outer.end("response")
        if granted.whole(_SEQUENCE, "status") != _GRANTED:
            raise _MisshapenError("its status is not plainly `granted`")
        content_info = granted.inside(_SEQUENCE, "token")
        granted.end("token")
        if content_info.oid("content type") != _SIGNED_DATA:
            raise _MisshapenError("its token is not signed")
        explicit = content_info.inside(_CONTEXT_0, "signed data")
        content_info.end("signed data")
        data = explicit.inside(_SEQUENCE, "signed data")
        explicit.end("signed data")
        if data.integer("version") != 3:
            raise _MisshapenError("its signed data is not of version 3")
        digests = data.inside(_SET, "digest algorithms")
        hash_name = digests.hash_name("digest algorithm")
        digests.end("digest algorithm")
        encapsulated = data.inside(_SEQUENCE, "content")
        if encapsulated.oid("content type") != _TST_INFO:
            raise _MisshapenError("what is signed is no timestamp")
        wrapped = encapsulated.inside(_CONTEXT_0, "content")
        encapsulated.end("content")
        content = wrapped.content(_OCTETS, "content")
        wrapped.end("content")
        certificates = tuple(_certificates(data.inside(_CONTEXT_0, "certificates"))) if data.next_is(_CONTEXT_0) else ()
        signers = data.inside(_SET, "signers")
        data.end("signers")
        signer = signers.inside(_SEQUENCE, "signer")
        signers.end("one signer")
        return _Signed._by(signer, hash_name, content, certificates)

    @staticmethod
    def _by(signer: _Der, hash_name: str, content: bytes, certificates: tuple[x509.Certificate, ...]) -> "_Signed":
        if signer.integer("signer's version") != 1:
            raise _MisshapenError("its signer is not named by issuer and serial number")
        name = signer.inside(_SEQUENCE, "signer's name")
        issuer, serial = name.whole(_SEQUENCE, "issuer"), name.integer("serial number")
        name.end("signer's name")
        if signer.hash_name("signer's digest algorithm") != hash_name:
            raise _MisshapenError("it names two digest algorithms")
        attributes = signer.content(_CONTEXT_0, "signed attributes")
        algorithm = signer.algorithm("signature algorithm")
        kind, fixed = _SIGNATURES.get(algorithm, (None, None))
        if kind is None or fixed not in (None, hash_name):
            raise _MisshapenError("its signature algorithm is none that this program knows")
        signature = signer.content(_OCTETS, "signature")
        signer.end("signature")
        values = dict(_attributes(_Der(attributes)))
        if set(values) & {_CONTENT_TYPE, _MESSAGE_DIGEST} != {_CONTENT_TYPE, _MESSAGE_DIGEST}:
            raise _MisshapenError("it does not sign its content's type and digest")
        if _Der(values[_CONTENT_TYPE]).oid("content type") != _TST_INFO:
            raise _MisshapenError("it was signed as something else than a timestamp")
        digest = _Der(values[_MESSAGE_DIGEST]).content(_OCTETS, "content's digest")
        named = tuple(_certificate_hashes(values))
        return _Signed(content, certificates, (issuer, serial), hash_name, attributes, digest, named, algorithm, signature)

    def verifies(self, certificate: x509.Certificate) -> bool:
        """Whether the key of `certificate` made the signature."""
        key, by = certificate.public_key(), next(each for each in _HASHES.values() if each.name == self.hash_name)
        # RFC 5652, section 5.4: what is signed are the attributes as a SET.
        signed = _der(_SET, self.attributes)
        if not isinstance(key, _SIGNATURES[self.algorithm][0]):
            return False
        try:
            match key:
                case rsa.RSAPublicKey():
                    key.verify(self.signature, signed, padding.PKCS1v15(), by)
                case ec.EllipticCurvePublicKey():
                    key.verify(self.signature, signed, ec.ECDSA(by))
                case ed25519.Ed25519PublicKey():
                    key.verify(self.signature, signed)
                case _:
                    return False
        except (InvalidSignature, UnsupportedAlgorithm, ValueError):
            return False
        return True


def _certificates(inside: _Der) -> Iterator[x509.Certificate]:
    for _ in range(CERTIFICATES_MAX):
        if not inside.more:
            return
        raw = inside.whole(_SEQUENCE, "certificate")
        try:
            certificate = _read_whole(x509.load_der_x509_certificate(raw))
        except Exception as error:  # cryptography raises a dozen kinds, whose only common ancestor this is
            raise _MisshapenError(f"one of its certificates is unreadable ({type(error).__name__})") from None
        # X.690, 8.6.2: the octet before the signature says how many of its last bits are none.
        if raw[-len(certificate.signature) - 1] != 0:
            raise _MisshapenError("one of its certificates has a signature that ends within a byte")
        yield certificate
    inside.end(f"{CERTIFICATES_MAX} certificates")


def _read_whole(certificate: x509.Certificate) -> x509.Certificate:
    """The certificate, once all that is used later could be read: some of it is only parsed when it is asked for."""
    _ = certificate.subject, certificate.issuer, certificate.extensions, certificate.public_key()
    _ = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return certificate


def _attributes(inside: _Der) -> Iterator[tuple[str, bytes]]:
    """Each signed attribute's identifier and its one value."""
    seen: set[str] = set()
    while inside.more:
        attribute = inside.inside(_SEQUENCE, "attribute")
        name = attribute.oid("attribute's name")
        values = attribute.content(_SET, "attribute's values")
        attribute.end("attribute's values")
        if name in seen or len(seen) >= 32:
            raise _MisshapenError("it signs an attribute twice, or too many")
        seen.add(name)
        yield name, values


def _certificate_hashes(values: dict[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """The hash by which the signer names its certificate, as RFC 3161, section 2.4.2, asks (RFC 5816 for newer hashes)."""
    for name in (_SIGNING_CERTIFICATE, _SIGNING_CERTIFICATE_V2):
        if name in values:
            ids = _Der(values[name]).inside(_SEQUENCE, "signing certificate").inside(_SEQUENCE, "signing certificates")
            first = ids.inside(_SEQUENCE, "signing certificate")
            hash_name = "sha1" if name == _SIGNING_CERTIFICATE else "sha256"
            if name == _SIGNING_CERTIFICATE_V2 and first.next_is(_SEQUENCE):
                hash_name = first.hash_name("signing certificate's hash")
            yield hash_name, first.content(_OCTETS, "signing certificate's hash")


@dataclass(frozen=True, slots=True)
class _Info:
    """The TSTInfo: what was seen, and when."""

    hash_name: str
    digest: bytes
    at: datetime
    accuracy_s: float
    nonce: int | None

    @staticmethod
    def read(content: bytes) -> "_Info":
        outer = _Der(content)
        info = outer.inside(_SEQUENCE, "timestamp")
        outer.end("timestamp")
        if info.integer("timestamp's version") != 1:
            raise _MisshapenError("its timestamp is not of version 1")
        info.oid("policy")
        imprint = info.inside(_SEQUENCE, "digest")
        hash_name, digest = imprint.hash_name("digest's algorithm"), imprint.content(_OCTETS, "digest")
        info.integer("number")
        at = _time(info.content(_TIME, "time"))
        accuracy_s = _accuracy_s(info.inside(_SEQUENCE, "accuracy")) if info.next_is(_SEQUENCE) else 0.0
        if info.next_is(_BOOLEAN):
            info.content(_BOOLEAN, "ordering")
        nonce = info.integer("nonce") if info.next_is(_INTEGER) else None
        if info.next_is(_CONTEXT_0):
            info.content(_CONTEXT_0, "authority's name")
        if info.next_is(_CONTEXT_1):
            _refuse_critical(info.inside(_CONTEXT_1, "extensions"))
        info.end("timestamp")
        return _Info(hash_name, digest, at, accuracy_s, nonce)


def _time(raw: bytes) -> datetime:
    """RFC 3161, section 2.4.2: GeneralizedTime in UTC, with seconds, a fraction only where it is not 0."""
    found = _GENERALIZED_TIME.fullmatch(raw)
    try:
        if found:
            whole = datetime.strptime(found[1].decode(), "%Y%m%d%H%M%S").replace(tzinfo=UTC)
            return whole + timedelta(seconds=float(b"0." + (found[2] or b"0")))
    except ValueError:
        pass
    raise _MisshapenError("its time is none")


def _accuracy_s(inside: _Der) -> float:
    seconds = float(inside.integer("accuracy")) if inside.next_is(_INTEGER) else 0.0
    for tag, unit in ((0x80, 1e-3), (0x81, 1e-6)):
        if inside.next_is(tag):
            seconds += unit * inside.integer("accuracy", tag)
    inside.end("accuracy")
    if not 0.0 <= seconds <= 86_400.0:
        raise _MisshapenError("its accuracy is none")
    return seconds


def _refuse_critical(inside: _Der) -> None:
    extensions = inside
    while extensions.more:
        extension = extensions.inside(_SEQUENCE, "extension")
        extension.oid("extension's name")
        if extension.next_is(_BOOLEAN):
            raise _MisshapenError("it has a critical extension, which this program does not know")
        extension.content(_OCTETS, "extension")
        extension.end("extension")


# --- whose word it is ---


def _path(signed: _Signed, trusted: Sequence[x509.Certificate]) -> list[x509.Certificate]:
    """The certificates from the signer's own up to a trusted one, each signed by the next."""
    known = [*trusted, *signed.certificates]
    issuer, serial = signed.signer
    own = next((each for each in known if each.serial_number == serial and each.issuer.public_bytes() == issuer), None)
    if own is None:
        raise TokenError("it carries no certificate of its signer, and you hold none")
    if not signed.certificate_hashes or any(
        hashlib.new(name, own.public_bytes(Encoding.DER), usedforsecurity=False).digest() != digest
        for name, digest in signed.certificate_hashes
    ):
        raise TokenError("its signer did not sign with the certificate that it carries")
    path = [own]
    while path[-1] not in trusted:
        above = next((each for each in known if each not in path and _issued(each, path[-1])), None)
        if above is None:
            who = path[-1].issuer.rfc4514_string()[:120]
            raise TokenError(f"its authority is a stranger: you hold no certificate of {who}, nor one above")
        path.append(above)
    _refuse_idle([each for each in signed.certificates if each not in path and each not in trusted], path, known)
    return path


def _refuse_idle(others: Sequence[x509.Certificate], path: Sequence[x509.Certificate], known: Sequence[x509.Certificate]) -> None:
    """Authorities may send what stands above the trusted certificate, up to a root that signs itself. Nothing else has a place in
    a token: it could be changed unseen."""
    linked, left = list(path), list(others)
    while left:
        above = next((each for each in left if any(_issued(each, below) for below in linked)), None)
        if above is None or not any(_issued(issuer, above) for issuer in known):
            raise TokenError("it carries a certificate that vouches for nothing")
        linked.append(above)
        left.remove(above)


def _issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _refuse_untimely(path: Sequence[x509.Certificate], at: datetime) -> None:
    for certificate in path:
        begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        if not begins <= at <= ends:
            fault = f"had expired on {ends:%Y-%m-%d}" if at > ends else f"is valid only from {begins:%Y-%m-%d}"
            who = certificate.subject.rfc4514_string()[:120]
            raise TokenError(f"at its time, {at:%Y-%m-%d %H:%M:%S} UTC, the certificate of {who} {fault}")


def _refuse_unfit(path: Sequence[x509.Certificate]) -> None:
    """RFC 3161, section 2.3: the signer's key may sign timestamps and nothing else; RFC 5280, section 6.1, for those above."""
    key = path[0].public_key()
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < RSA_BITS_MIN:
        raise TokenError(f"its authority's key has fewer than {RSA_BITS_MIN} bits")
    purposes = _extension(path[0], x509.ExtendedKeyUsage)
    if purposes is None or not purposes.critical or list(purposes.value) != [ExtendedKeyUsageOID.TIME_STAMPING]:
        raise TokenError("its authority's certificate is not one for timestamps alone")
    for below, (_, above) in enumerate(pairwise(path)):
        constraints, usage = _extension(above, x509.BasicConstraints), _extension(above, x509.KeyUsage)
        may_sign = constraints is not None and constraints.value.ca and (usage is None or usage.value.key_cert_sign)
        depth = constraints.value.path_length if constraints is not None else None
        if not may_sign or (depth is not None and depth < below):
            raise TokenError("one of the certificates above its authority's may not vouch for another")


def _extension(certificate: x509.Certificate, kind: type[_Kind]) -> x509.Extension[_Kind] | None:
    try:
        return certificate.extensions.get_extension_for_class(kind)
    except x509.ExtensionNotFound:
        return None
