"""Who said these bytes: Ed25519 keys in files and DSSE envelopes around what they sign.

Lists and exhibits are both signed statements, so both stand on this one module. The format is DSSE v1 (secure-systems-lab/dsse,
`envelope.md`); the payload type keeps a signature made for one purpose from serving another.
"""

import base64
import binascii
import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from clearway.errors import ClearwayError, StoreError

if TYPE_CHECKING:  # `clearway verify` must not need the libraries that the other ports speak of
    from clearway.ports import Signer

KEY_NAME, PUBLIC_KEY_NAME = "clearway.key", "clearway.pub"
SIGNATURES_MAX = 16


class EnvelopeError(ClearwayError):
    """An envelope that is malformed, or that none of the given keys signed. Callers translate it into their own error."""

    exit_code = 7


class FileSigner:
    """A Signer whose private key lies in a file that only its owner can read."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.key_id = key_id(self.public_key())

    def sign(self, message: bytes) -> bytes:
        return self._private.sign(message)

    def public_key(self) -> bytes:
        return self._private.public_key().public_bytes_raw()


def key_id(public_key: bytes) -> str:
    """The SHA-256 of the 32 raw bytes, in hex."""
    return hashlib.sha256(public_key).hexdigest()


def create_keys(folder: Path) -> FileSigner:
    """Makes a key pair in `folder` (private key readable by its owner only), on the disk when this returns. StoreError where one
    is there already."""
    private = Ed25519PrivateKey.generate()
    pem = private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    # The private key comes last, and whole: where it is, the public one is too.
    _put(folder, KEY_NAME, ((PUBLIC_KEY_NAME, _pem(private.public_key()), 0o644), (KEY_NAME, pem, 0o600)))
    return FileSigner(private)


def keep_public_key(folder: Path, signer: "Signer") -> None:
    """Begins a folder of keys for a signer whose private key lies elsewhere. On the disk when this returns; StoreError where the
    folder has a public key already."""
    public_pem = _pem(Ed25519PublicKey.from_public_bytes(signer.public_key()))
    _put(folder, PUBLIC_KEY_NAME, ((PUBLIC_KEY_NAME, public_pem, 0o644),))


def _pem(public: Ed25519PublicKey) -> bytes:
    return public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def _put(folder: Path, new: str, files: Sequence[tuple[str, bytes, int]]) -> None:
    """Puts files (name, content, mode) into the folder, one after the other; the one called `new` must not be there yet."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder) as handle:
            if (folder / new).exists():
                raise FileExistsError
            for name, content, mode in files:
                beside = folder / f".{name}"
                with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode), "wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                beside.replace(folder / name)
                os.fsync(handle)
        # Keys are the first that a data folder gets, so its own name may be as new.
        for above in (folder.absolute().parent, folder.absolute().parent.parent):
            with suppress(PermissionError), _opened(above) as handle:  # whose names we may not read is not ours
                os.fsync(handle)
    except FileExistsError:
        raise StoreError(
            f"{folder / new} is there already.",
            remedy="keep it: exhibits sealed with it verify only against it. To start afresh, choose another data folder.",
        ) from None
    except OSError as error:
        raise StoreError(
            f"the keys could not be written to {folder}: {error.strerror}.", remedy="make the folder writable, with room."
        ) from error


@contextmanager
def _locked(folder: Path) -> Iterator[int]:
    """The folder's handle, under a lock: of two who make keys at once, the second finds those of the first."""
    with _opened(folder) as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield handle
    finally:
        os.close(handle)


def load_signer(folder: Path) -> FileSigner:
    """The signer of the data folder's keys. StoreError where the file is missing or holds no Ed25519 key."""
    path = folder / KEY_NAME
    try:
        private = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise StoreError(
            f"the signing key {path} cannot be read: {error.strerror}.",
            remedy="run `clearway init` to make one; if it lies in a token, name that in [evidence.signer].",
        ) from error
    except (ValueError, TypeError, UnsupportedAlgorithm):
        private = None
    if not isinstance(private, Ed25519PrivateKey):
        raise StoreError(
            f"{path} holds no unencrypted Ed25519 key.", remedy="restore it from its backup, or choose another data folder."
        )
    return FileSigner(private)


def load_public_key(path: Path) -> bytes:
    """The 32 raw bytes of an Ed25519 public key in PEM. StoreError where the file is missing or holds something else."""
    try:
        public = serialization.load_pem_public_key(path.read_bytes())
    except OSError as error:
        raise StoreError(
            f"the public key {path} cannot be read: {error.strerror}.", remedy="name the signer's key file (`clearway.pub`)."
        ) from error
    except (ValueError, UnsupportedAlgorithm):
        public = None
    if not isinstance(public, Ed25519PublicKey):
        raise StoreError(f"{path} holds no Ed25519 public key in PEM.", remedy="name the signer's `clearway.pub`.")
    return public.public_bytes_raw()


def verifies(public_key: bytes, signature: bytes, message: bytes) -> bool:
    """Whether `signature` is that key's over `message`. Never raises on a bad signature."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def trusted(*paths: Path) -> dict[str, bytes]:
    """The raw public keys of these PEM files by key id, as `open_sealed` and a verifier take them. StoreError as above."""
    return {key_id(public): public for public in map(load_public_key, paths)}


def seal(payload: bytes, payload_type: str, signer: "Signer") -> bytes:
    """The DSSE envelope (JSON, UTF-8) of `payload`, signed by `signer` (a `ports.Signer`)."""
    signature = signer.sign(_pre_authentication_encoding(payload_type, payload))
    envelope = {
        "payloadType": payload_type,
        "payload": base64.b64encode(payload).decode(),
        "signatures": [{"keyid": signer.key_id, "sig": base64.b64encode(signature).decode()}],
    }
    return json.dumps(envelope, separators=(",", ":")).encode()


def open_sealed(envelope: bytes, payload_type: str, public_keys: dict[str, bytes]) -> tuple[bytes, str]:
    """The payload and the key id that signed it. `public_keys` maps key ids to raw keys.

    EnvelopeError where the envelope is malformed, of another type, or signed by none of the keys.
    """
    payload, found_type, signatures = parse(envelope)
    if found_type != payload_type:
        raise EnvelopeError("the envelope holds something else than expected.", remedy="ask its sender for the right file.")
    message = _pre_authentication_encoding(payload_type, payload)
    for signer_id, signature in signatures:
        public_key = public_keys.get(signer_id)
        if public_key is not None and verifies(public_key, signature, message):
            return payload, signer_id
    raise EnvelopeError(
        "no known key signed the envelope, or it was changed after it was signed.",
        remedy="check that you hold its signer's public key; if you do, do not use the file.",
    )


def parse(envelope: bytes) -> tuple[bytes, str, list[tuple[str, bytes]]]:
    """Payload, payload type and (key id, signature) pairs, unverified. EnvelopeError where the JSON is not DSSE."""
    try:
        fields = json.loads(envelope)
        payload_type = fields["payloadType"]
        payload = base64.b64decode(fields["payload"], validate=True)
        signatures = [(s["keyid"], base64.b64decode(s["sig"], validate=True)) for s in fields["signatures"]]
    except (ValueError, TypeError, KeyError, RecursionError, binascii.Error):
        signatures = []
        payload, payload_type = b"", None
    known = isinstance(payload_type, str) and all(isinstance(name, str) for name, _ in signatures)
    if not known or not 1 <= len(signatures) <= SIGNATURES_MAX:
        raise EnvelopeError("the file is no DSSE envelope.", remedy="ask its sender for an intact copy.")
    return payload, payload_type, signatures


def _pre_authentication_encoding(payload_type: str, payload: bytes) -> bytes:
    """PAE of DSSE v1: what is signed, so that type and payload cannot run into each other."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
