"""Exhibits at rest: each file is encrypted under a key of its own, which lies elsewhere. Who destroys the key has erased the
exhibit, wherever copies of the file may be.

A file, DATA/vault/<id>, is a line that names the format, then AES-256-GCM (NIST SP 800-38D) over the exhibit's ZIP. A key
encrypts one content, once, so the nonce is zero; the exhibit's id is authenticated beside it, so that no file can stand for
another.
"""

import os
import stat
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from clearway.errors import StoreError
from clearway.evidence.bundle import TOTAL_BYTES_MAX
from clearway.evidence.tiles import replace_file, sync_folder

VAULT_FOLDER = "vault"
_HEAD = b"clearway-vault/1\n"
_NONCE = bytes(12)
# A ZIP's headers and directory take some hundred bytes a file.
CONTENT_BYTES_MAX = TOTAL_BYTES_MAX + 2**20
_CHUNK_BYTES = 2**20
_WIPING_PREFIX = ".wiping-"


class Vault:
    """The vault of a data folder. StoreError where it cannot be read or written; callers see to it that one at a time writes."""

    def __init__(self, data: Path) -> None:
        self._folder = data / VAULT_FOLDER
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            sync_folder(data)
        except OSError as error:
            raise self._unwritten(error) from error

    def put(self, exhibit: str, content: bytes) -> bytes:
        """The fresh key under which the content is on the disk when this returns, in place of an earlier file."""
        key = AESGCM.generate_key(256)
        try:
            replace_file(self._folder / exhibit, _HEAD + AESGCM(key).encrypt(_NONCE, content, exhibit.encode()))
        except OSError as error:
            with suppress(OSError):
                (self._folder / f".{exhibit}").unlink(missing_ok=True)
            raise self._unwritten(error) from error
        return key

    def get(self, exhibit: str, key: bytes) -> bytes | None:
        """The content that was put there under this key; None where the file is missing, or is another."""
        try:
            with (self._folder / exhibit).open("rb") as file:
                raw = file.read(CONTENT_BYTES_MAX + 1024)
            if not raw.startswith(_HEAD):
                return None
            return AESGCM(key).decrypt(_NONCE, memoryview(raw)[len(_HEAD) :], exhibit.encode())
        except (OSError, InvalidTag):
            return None

    def stamp(self, exhibit: str) -> tuple[int, int] | None:
        """What changes when the exhibit's file is written; None where there is none."""
        return stamp(self._folder / exhibit)

    def names(self) -> frozenset[str]:
        """The names of the files that are there, also of half-written ones."""
        try:
            return frozenset(path.name for path in self._folder.iterdir())
        except OSError as error:
            raise self._unwritten(error) from error

    def drop(self, name: str) -> None:
        """Removes a file. Without its key it says nothing, so this only makes room."""
        try:
            (self._folder / name).unlink(missing_ok=True)
            sync_folder(self._folder)
        except OSError as error:
            raise self._unwritten(error) from error

    def _unwritten(self, error: OSError) -> StoreError:
        return StoreError(
            f"the vault {self._folder} cannot be written: {error.strerror or error}.",
            remedy="make the data folder writable for this user, with room on its disk; nothing that was sealed is lost.",
        )


def stamp(path: Path) -> tuple[int, int] | None:
    """What changes when a file is written; None where it has gone."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def content_of(path: Path) -> bytes | None:
    """What a plain file holds; None where it is no file, cannot be read, or is larger than an exhibit can be."""
    try:
        # Not blocking, so that a pipe that carries an exhibit's name cannot hold us for ever.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_size > CONTENT_BYTES_MAX:
                return None
            content = file.read(CONTENT_BYTES_MAX + 1)
            return content if len(content) <= CONTENT_BYTES_MAX else None
    except OSError:
        return None


def wipe(path: Path) -> None:
    """Overwrites a plain file where it lies, as far as its disk does so, and removes it. StoreError where that fails.

    It loses its name first, so that a crash leaves no half of it under that name: `wipe_leftovers` ends what was begun.
    """
    try:
        with suppress(FileNotFoundError):
            if not path.name.startswith(_WIPING_PREFIX):
                path = path.replace(path.with_name(f"{_WIPING_PREFIX}{path.name}"))
                sync_folder(path.parent)
            if stat.S_ISREG(path.lstat().st_mode):
                with path.open("r+b") as file:
                    left_bytes = os.fstat(file.fileno()).st_size
                    while left_bytes > 0:
                        left_bytes -= file.write(bytes(min(left_bytes, _CHUNK_BYTES)))
                    file.flush()
                    os.fsync(file.fileno())
            path.unlink()
            sync_folder(path.parent)
    except OSError as error:
        raise StoreError(
            f"{path} cannot be removed: {error.strerror or error}.", remedy="make its folder writable for this user."
        ) from error


def wipe_leftovers(folder: Path) -> None:
    """Ends every wiping in that folder that a crash cut short. StoreError as above."""
    for path in folder.glob(f"{_WIPING_PREFIX}*"):
        wipe(path)
