"""C2PA manifests in stills and clips, so that ordinary viewers show who made them: an optional extra, `clearway[c2pa]`.

The key is the sealer's own; the certificate is issued by an authority of our own whose key signs this one certificate and is
thrown away, since C2PA takes no certificate that signs itself. Who wants to see "trusted" instead of "valid" gives the viewer
that authority's certificate. A manifest names the program and what was done, and nothing of the finding; it has no thumbnail,
because by default there would be one, and no ingredient, because the unmasked picture is nobody's business. Nothing is fetched.
"""

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

import clearway
from clearway.errors import InstallationError, SealError, StoreError
from clearway.ports import Signer

# In the folder of the keys: the certificate of the sealer's key, then that of its authority.
CHAIN_NAME = "c2pa.pem"
MEDIA_TYPES = {".png": "image/png", ".mp4": "video/mp4"}
# As long as exhibits may be kept: what was signed in time stays valid only as long as its certificate.
VALID = timedelta(days=20 * 365)
_SETTINGS = {
    "version": 1,
    "builder": {"thumbnail": {"enabled": False}},
    "verify": {"verify_after_sign": True, "remote_manifest_fetch": False, "ocsp_fetch": False},
}
# What was done, in C2PA's words (C2PA 2.1, 18.15) and ours; the same for every picture.
_ACTIONS = [
    {"action": "c2pa.created", "digitalSourceType": "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"},
    {"action": "c2pa.edited", "parameters": {"description": "Everything but one vehicle is a flat fill. See the exhibit."}},
]


class Credentials:
    """Signs stills and clips as C2PA asks. InstallationError where the extra is not installed."""

    def __init__(self, signer: Signer, chain_pem: str) -> None:
        try:
            import c2pa  # noqa: PLC0415 - an optional extra
        except ImportError as error:
            raise InstallationError(
                "evidence.credentials needs c2pa-python, which is not installed.", remedy="pip install 'clearway[c2pa]'"
            ) from error
        self._c2pa, self._signer, self._chain_pem = c2pa, signer, chain_pem
        # Without an authority of the viewer's own choice the library would refuse what it has just signed.
        settings = _SETTINGS | {"trust": {"user_anchors": chain_pem}}
        self._context = c2pa.Context(c2pa.Settings.from_dict(settings))
        self.name = f"c2pa-rs {c2pa.sdk_version()}"

    def signed(self, name: str, content: bytes) -> bytes:
        """The PNG or MP4 of that name with a manifest in it. SealError where it cannot be made, or does not hold."""
        said = {
            "claim_generator_info": [{"name": "clearway", "version": clearway.__version__}],
            "title": name,
            "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": _ACTIONS}}],
        }
        sign: Callable[[bytes], bytes] = self._signer.sign
        made = io.BytesIO()
        try:
            with (
                self._c2pa.Signer.from_callback(sign, self._c2pa.C2paSigningAlg.ED25519, self._chain_pem, None) as signer,
                self._c2pa.Builder(json.dumps(said), self._context) as builder,
            ):
                builder.sign(signer, MEDIA_TYPES[Path(name).suffix], io.BytesIO(content), made)
        except self._c2pa.C2paError as error:
            raise SealError(
                f"no C2PA manifest could be written into {name}: {str(error)[:200]}.",
                remedy=f"set evidence.credentials to false, or remove {CHAIN_NAME} from the keys' folder if it is out of date.",
            ) from error
        return made.getvalue()


def load_chain(keys: Path, signer: Signer, camera: str, now: datetime) -> str:
    """The certificate chain of the signer's key in PEM, from the folder of its keys; made there where there is none."""
    path = keys / CHAIN_NAME
    try:
        if not path.exists():
            path.write_text(_issued(signer, camera, now), encoding="ascii")
        return path.read_text(encoding="ascii")
    except (OSError, UnicodeError) as error:
        raise StoreError(
            f"the certificates {path} cannot be read or written.", remedy="make the folder of the keys writable."
        ) from error


def _issued(signer: Signer, camera: str, now: datetime) -> str:
    """A certificate for the signer's key, and that of an authority whose key is gone when this returns."""
    authority = Ed25519PrivateKey.generate()
    own = Ed25519PublicKey.from_public_bytes(signer.public_key())
    above = _named(f"Clearway authority of key {signer.key_id[:16]}")
    root = _certificate(above, authority.public_key(), above, authority, now, issues=True)
    leaf = _certificate(_named(camera), own, above, authority, now, issues=False)
    return "".join(certificate.public_bytes(Encoding.PEM).decode() for certificate in (leaf, root))


def _named(name: str) -> x509.Name:
    said = ((NameOID.ORGANIZATION_NAME, "Clearway"), (NameOID.COMMON_NAME, name))
    return x509.Name([x509.NameAttribute(kind, words[:64]) for kind, words in said])


def _certificate(
    name: x509.Name, key: Ed25519PublicKey, above: x509.Name, authority: Ed25519PrivateKey, now: datetime, *, issues: bool
) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(above)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now.astimezone(UTC) - timedelta(days=1))
        .not_valid_after(now.astimezone(UTC) + VALID)
        .add_extension(x509.BasicConstraints(issues, None), critical=True)
        .add_extension(
            x509.KeyUsage(not issues, False, False, False, False, issues, issues, False, False),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), critical=False)
    )
    if not issues:
        # The purpose that every viewer takes (C2PA 2.1, 14.5.1).
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
    return builder.sign(authority, None)
