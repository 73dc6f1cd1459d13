"""A signing key that stays in a token (a smart card, a USB key, an HSM): an optional extra, `clearway[pkcs11]`.

The token signs by Ed25519 as PKCS#11 3.0 has it (CKM_EDDSA). What leaves it are signatures and the public key, never the private
one, which is not even asked for. Its PIN is read when the token is opened, from a file or the environment, and kept nowhere.
"""

import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from clearway.envelope import PUBLIC_KEY_NAME, key_id, load_public_key, load_signer, verifies
from clearway.errors import ClearwayError, InstallationError, StoreError

if TYPE_CHECKING:
    from clearway.ports import Signer

PIN_VARIABLE = "CLEARWAY_PIN"
# PKCS#11 bounds no PIN; tokens take a few digits, or a passphrase.
_PIN_BYTES_MAX = 256
_ED25519_BYTES = 32
# How a point is wrapped in CKA_EC_POINT: an octet string, as PKCS#11 says and SoftHSM does; some tokens give the bare 32 bytes.
_POINT_HEAD = bytes([4, _ED25519_BYTES])
# A library is told that one thread at a time comes to it (C_Initialize without arguments), so one does.
_turn = threading.RLock()
# One line, so that it is no checkpoint, no envelope, and nothing else that this key signs.
_TRIAL = b"clearway asks whether this key signs"


@dataclass(frozen=True, slots=True)
class TokenKey:
    """Where a key is: the PKCS#11 library of its token, the token's label, the key pair's label, and the file with the PIN (None:
    the environment variable has it)."""

    module: Path
    token: str
    key: str
    pin_file: Path | None


class TokenSigner:
    """A Signer (see `ports`) whose private key lies in a token. `kind` is what the token calls itself; `can_leave` says whether
    it would hand out the key.

    InstallationError where the library is missing or is none; StoreError where the token, its PIN or the key is not as it was
    named, or does not sign.
    """

    def __init__(self, named: TokenKey) -> None:
        self._named, self._pkcs11 = named, _package()
        pin = _pin(named)
        with self._asking():
            token = self._token()
            self.kind = f"{token.manufacturer_id} {token.model}".strip()
            # Nobody ends this session: to end one logs out all that this program has there, and the program's end does that.
            self._session = self._opened(token, pin)
            self._public_key = self._read_public_key()
            self._private = self._found(self._pkcs11.ObjectClass.PRIVATE_KEY)
            self.can_leave = bool(self._private[self._pkcs11.Attribute.EXTRACTABLE])
        self.key_id = key_id(self._public_key)
        # Now, and not days later at the first finding.
        self.sign(_TRIAL)

    def sign(self, message: bytes) -> bytes:
        """The signature, once it is known to be right. StoreError where the token is gone, or gives none."""
        with self._asking():
            signature = bytes(self._private.sign(message, mechanism=self._pkcs11.Mechanism.EDDSA))
        if not verifies(self._public_key, signature, message):
            raise StoreError(
                f"what the token {self._named.token!r} signs does not verify: {self._key} is not one pair.",
                remedy="give the public key the same label as its private key, and no other key that label.",
            )
        return signature

    def public_key(self) -> bytes:
        return self._public_key

    @property
    def _key(self) -> str:
        return f"the key {self._named.key!r} in the token {self._named.token!r}"

    def _token(self) -> Any:
        try:
            # Loaded once for each process; asked again for what is plugged in.
            library = self._pkcs11.lib(str(self._named.module))
        except self._pkcs11.PKCS11Error as error:
            raise InstallationError(
                f"{self._named.module} is no PKCS#11 library that can be loaded: {str(error)[:200] or type(error).__name__}.",
                remedy="name the one of your token in evidence.signer.module; SoftHSM2's is libsofthsm2.so.",
            ) from None
        there = list(library.get_tokens())
        found = [token for token in there if token.label == self._named.token]
        if len(found) != 1:
            labels = ", ".join(sorted(repr(token.label) for token in there if token.label)) or "none"
            raise StoreError(
                f"{len(found) or 'none'} of the tokens at {self._named.module} is called {self._named.token!r}; there: {labels}.",
                remedy="plug it in, or name it in evidence.signer.token by a label that it alone has.",
            )
        if self._pkcs11.Mechanism.EDDSA not in found[0].slot.get_mechanisms():
            raise StoreError(
                f"the token {self._named.token!r} does not sign by Ed25519 (CKM_EDDSA).",
                remedy="take a token that does, or a newer library of its maker.",
            )
        return found[0]

    def _opened(self, token: Any, pin: str) -> Any:
        try:
            return token.open(user_pin=pin)
        except self._pkcs11.UserAlreadyLoggedIn:
            return token.open()  # earlier, by this program; a login is for all of it

    def _found(self, kind: Any) -> Any:
        attribute = self._pkcs11.Attribute
        # To the end, so that the token does not keep a search open.
        found = list(self._session.get_objects({attribute.CLASS: kind, attribute.LABEL: self._named.key}))
        if len(found) != 1:
            which = "public" if kind == self._pkcs11.ObjectClass.PUBLIC_KEY else "private"
            raise StoreError(
                f"the token {self._named.token!r} has {len(found) or 'no'} {which} "
                f"key{'s' * (len(found) > 1)} with the label {self._named.key!r}.",
                remedy="name the label of one Ed25519 key pair in evidence.signer.key, or make a pair: see docs/settings.md.",
            )
        key = found[0]
        if key.key_type != self._pkcs11.KeyType.EC_EDWARDS:
            raise self._of_another_kind(getattr(key.key_type, "name", str(key.key_type)))
        return key

    def _read_public_key(self) -> bytes:
        point = bytes(self._found(self._pkcs11.ObjectClass.PUBLIC_KEY)[self._pkcs11.Attribute.EC_POINT])
        raw = point.removeprefix(_POINT_HEAD) if len(point) == len(_POINT_HEAD) + _ED25519_BYTES else point
        if len(raw) != _ED25519_BYTES:
            raise self._of_another_kind("of another Edwards curve")
        return raw

    def _of_another_kind(self, kind: str) -> StoreError:
        return StoreError(
            f"{self._key} is {kind}, not Ed25519.",
            remedy="make an Ed25519 key pair in the token (docs/settings.md), and name its label in evidence.signer.key.",
        )

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """One thread at a time; what the token refuses is said in our words."""
        with _turn:
            try:
                yield
            except self._pkcs11.PKCS11Error as error:
                raise self._said(error) from None

    def _said(self, error: Exception) -> StoreError:
        token, pkcs11 = f"the token {self._named.token!r}", self._pkcs11
        pin_from = self._named.pin_file or f"the variable {PIN_VARIABLE}"
        if isinstance(error, (pkcs11.PinIncorrect, pkcs11.PinInvalid, pkcs11.PinLenRange)):
            return StoreError(
                f"{token} does not take the PIN of {pin_from}.",
                remedy="put the token's user PIN there before you try again: after some wrong ones it locks itself.",
            )
        if isinstance(error, pkcs11.PinLocked):
            return StoreError(f"{token} is locked: too many wrong PINs.", remedy="unlock it with the tool of its maker.")
        if isinstance(error, (pkcs11.UserPinNotInitialized, pkcs11.PinExpired)):
            return StoreError(f"{token} has no valid user PIN yet.", remedy="set one with the tool of its maker.")
        return StoreError(
            f"{token} fails: {type(error).__name__} {str(error)[:200]}".rstrip() + ".",
            remedy="see that it is plugged in and that no other program holds it, then start again.",
        )


def open_signer(keys: Path, named: TokenKey | None) -> "Signer":
    """The signer of a data folder's keys: of the key in its file, or of the one in the token where one is `named`, which must be
    that of the folder's public key. ClearwayError where it cannot sign."""
    if named is None:
        return load_signer(keys)
    signer = TokenSigner(named)
    if load_public_key(keys / PUBLIC_KEY_NAME) != signer.public_key():
        raise StoreError(
            f"the key {named.key!r} in the token {named.token!r} is not that of {keys / PUBLIC_KEY_NAME}.",
            remedy="a data folder keeps its key: name the one that it began with, or another folder in store.data.",
        )
    return signer


def _package() -> ModuleType:
    try:
        import pkcs11  # noqa: PLC0415 - an optional extra
    except ImportError as error:
        raise InstallationError(
            "evidence.signer needs python-pkcs11, which is not installed.", remedy="pip install 'clearway[pkcs11]'"
        ) from error
    return pkcs11


def _pin(named: TokenKey) -> str:
    """The PIN, which whoever calls this forgets. StoreError where there is none, or where others can read it."""
    path = named.pin_file
    if path is None:
        pin = os.environ.get(PIN_VARIABLE, "")
        if not pin:
            raise StoreError(
                f"nobody says the PIN of the token {named.token!r}.",
                remedy=f"set the variable {PIN_VARIABLE}, or name a file in evidence.signer.pin_file.",
            )
        return pin
    try:
        with path.open("rb") as file:
            readable_by_others = stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077
            pin = file.read(_PIN_BYTES_MAX + 1).decode().removesuffix("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise _bad_pin_file(path, f"cannot be read ({type(error).__name__})", "make it readable for this user.") from None
    if readable_by_others:
        raise _bad_pin_file(path, "can be read by others than its owner", f"chmod 600 {path}")
    if not pin or len(pin) >= _PIN_BYTES_MAX or "\n" in pin:
        raise _bad_pin_file(path, "holds no PIN", "write the token's user PIN into it, and nothing else.")
    return pin


def _bad_pin_file(path: Path, fault: str, remedy: str) -> ClearwayError:
    return StoreError(f"the file with the token's PIN, {path}, {fault}.", remedy=remedy)
