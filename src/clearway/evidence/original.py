"""The unmasked clip, where a law asks for it: sealed to a court's key, so that whoever sealed it cannot open it.

HPKE (RFC 9180) in base mode, with X25519, HKDF-SHA256 and ChaCha20-Poly1305: the sender's key is made for one message and thrown
away. What is sealed is a fresh salt and the clip. The manifest holds the hash of both, which tells nobody anything who would try
clips, and binds the sealer to one clip. docs/formats/exhibit.md shows how the court opens it.
"""

import hashlib
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from clearway.errors import SettingsError

SUITE = "HPKE base X25519 HKDF-SHA256 ChaCha20-Poly1305"
SALT_BYTES = 32
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
# Together with the manifest's salt: what was sealed for one exhibit cannot be opened as that of another.
INFO = "clearway-original/1 "


@dataclass(frozen=True, slots=True)
class SealedOriginal:
    """The file's content, and what the manifest says of it."""

    content: bytes
    said: dict[str, object]


class Court:
    """Who alone may open originals: the holder of an X25519 key, `because` of a law that the operator names."""

    def __init__(self, key: X25519PublicKey, because: str) -> None:
        self._key, self._because = key, because
        self.key_id = hashlib.sha256(key.public_bytes_raw()).hexdigest()

    def seal(self, clip: bytes, name: str, manifest_salt: str) -> SealedOriginal:
        """The clip as only the court can open it, to be kept in the file `name` of the exhibit whose manifest has that salt."""
        salted = secrets.token_bytes(SALT_BYTES) + clip
        content = _SUITE.encrypt(salted, self._key, info=f"{INFO}{manifest_salt}".encode())
        said: dict[str, object] = {
            "file": name,
            "because": self._because,
            "sealed_to_sha256": self.key_id,
            "suite": SUITE,
            "salted_sha256": hashlib.sha256(salted).hexdigest(),
        }
        return SealedOriginal(content, said)


def load_court(path: Path, because: str) -> Court:
    """The court whose public key is that PEM file. SettingsError where it holds no X25519 public key."""
    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except OSError as error:
        raise SettingsError(
            f"evidence.original.key: {path} cannot be read ({error.strerror or error}).", remedy="name the court's public key."
        ) from error
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, X25519PublicKey):
        raise SettingsError(
            f"evidence.original.key: {path} holds no X25519 public key in PEM.",
            remedy="the court makes one: openssl genpkey -algorithm X25519 -out court.pem; openssl pkey -in court.pem -pubout.",
        )
    return Court(key, because)
