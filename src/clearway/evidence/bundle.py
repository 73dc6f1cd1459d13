"""The exhibit's container: an ordinary ZIP in the one form that we write.

Any unzip program opens it, and Python's `zipfile` writes and reads it. But `zipfile` accepts what two programs could read
differently. So an exhibit has one form, the bytes that `Writer` makes of these files in this order, and a reader writes what
it has read once more and compares every byte. Then there is no room in which something could hide, nothing that unfolds, no
second file of the same name.
"""

import hashlib
import io
import os
import re
import stat
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

# In the data folder.
EXHIBITS_FOLDER = "exhibits"
_WHOLE = re.compile(r"[0-9a-f]{64}\.zip", re.ASCII)
MANIFEST, STATEMENT, PROOF = "manifest.json", "statement.dsse.json", "ledger.tlog-proof"
TIMESTAMP = "timestamp.tsr"

MEMBERS_MAX = 64
TOTAL_BYTES_MAX = 512 * 2**20
# A manifest names some thousand frames at about a hundred bytes each.
JSON_BYTES_MAX = 4 * 2**20
# A name that every file system can hold and that leads nowhere else.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)

_CHUNK_BYTES = 2**20


class BundleError(ValueError):
    """The file is not such a ZIP; the message says in plain words how."""


@dataclass(frozen=True, slots=True)
class Member:
    """One file in the container."""

    size_bytes: int
    sha256: str


def list_exhibits(data: Path) -> tuple[Path, ...]:
    """The whole exhibits of a data folder, by name. Empty where there are none."""
    folder = data / EXHIBITS_FOLDER
    try:
        return tuple(sorted(path for path in folder.iterdir() if _WHOLE.fullmatch(path.name)))
    except FileNotFoundError:
        return ()


class Writer(zipfile.ZipFile):
    """A new container on `file`, which stands at its start. Leaving its context writes the directory; `file` stays open."""

    def __init__(self, file: "BinaryIO | _Compared") -> None:
        super().__init__(file, "w", zipfile.ZIP_STORED)

    def add(self, name: str, chunks: Iterable[bytes]) -> Member:
        """The file that `chunks` make together, now behind the others. BundleError where it may not have this name."""
        if not _NAME.fullmatch(name):
            raise BundleError(f"the name {name[:80]!r} may lead out of the folder that it is unpacked to")
        if name in self.namelist():
            raise BundleError(f"it holds two files named {name}")
        # The first day that a ZIP can name: when an exhibit was sealed stands in its manifest, under signature.
        info, sha256 = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), hashlib.sha256()
        info.create_system = 3  # Unix: APPNOTE.TXT 6.3.10, 4.4.2
        info.external_attr = (stat.S_IFREG | 0o644) << 16
        with self.open(info, "w") as member:
            for chunk in chunks:
                sha256.update(chunk)
                member.write(chunk)
        return Member(info.file_size, sha256.hexdigest())


class Bundle:
    """A container that was read once from end to end: `members` by name in their order, every checksum right."""

    def __init__(self, archive: zipfile.ZipFile, members: dict[str, Member]) -> None:
        self._archive, self.members = archive, members

    def read(self, name: str, bytes_max: int = JSON_BYTES_MAX) -> bytes:
        """The content of one member. BundleError where there is none of that name or where it is larger."""
        if name not in self.members:
            raise BundleError(f"{name} is missing")
        if self.members[name].size_bytes > bytes_max:
            raise BundleError(f"{name} is larger than {bytes_max} bytes")
        with _plain_words():
            return self._archive.read(name)


@contextmanager
def opened(source: Path | bytes) -> Iterator[Bundle]:
    """The container at a path, or of these bytes. BundleError where it is not in our form or out of bounds; never another
    exception."""
    with ExitStack() as stack:
        with _plain_words():
            file = stack.enter_context(_in_memory(source) if isinstance(source, bytes) else _at(source))
            archive = stack.enter_context(zipfile.ZipFile(file))
            bundle = Bundle(archive, _written_again(archive, _Compared(file.fileno())))
        yield bundle


def _written_again(archive: zipfile.ZipFile, compared: "_Compared") -> dict[str, Member]:
    infos = archive.infolist()
    if len(infos) > MEMBERS_MAX or sum(info.file_size for info in infos) > TOTAL_BYTES_MAX:
        raise BundleError(f"it holds more than {MEMBERS_MAX} files, or more than {TOTAL_BYTES_MAX // 2**20} MiB")
    members: dict[str, Member] = {}
    with Writer(compared) as writer:
        for info in infos:
            if info.compress_type != zipfile.ZIP_STORED:
                raise BundleError(f"{info.filename!r} is compressed; in an exhibit nothing can unfold")
            with archive.open(info) as content:
                members[info.filename] = writer.add(info.filename, iter(partial(content.read, _CHUNK_BYTES), b""))
    if not compared.same():
        raise BundleError("it is not in the one form that exhibits have: something was changed, added or cut out")
    return members


class _Bounded(io.FileIO):
    """Gives no more than a chunk at once: a directory that is said to be huge comes out cut, instead of filling the memory."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(_CHUNK_BYTES if size is None or size < 0 else min(size, _CHUNK_BYTES))


def _at(path: Path) -> _Bounded:
    # Not blocking, so that a pipe that carries an exhibit's name cannot hold us for ever.
    return _Bounded(path, opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK))


def _in_memory(content: bytes) -> _Bounded:
    """A file that has no name and lies on no disk."""
    file = _Bounded(os.memfd_create("exhibit"), "w+b")
    written = 0
    while written < len(content):
        written += file.write(memoryview(content)[written:])
    file.seek(0)
    return file


class _Compared:
    """To write to: keeps nothing but where, as (start, length), it was given something else than stands in `handle`'s file."""

    def __init__(self, handle: int) -> None:
        self._handle, self._at_bytes = handle, 0
        self._differences: set[tuple[int, int]] = set()

    def write(self, piece: bytes) -> int:
        found = os.pread(self._handle, len(piece), self._at_bytes)
        # `zipfile` writes a member's header twice, the second time with its checksum. The last one counts.
        (self._differences.discard if found == piece else self._differences.add)((self._at_bytes, len(piece)))
        self._at_bytes += len(piece)
        return len(piece)

    def same(self) -> bool:
        return not self._differences and self._at_bytes == os.fstat(self._handle).st_size

    def tell(self) -> int:
        return self._at_bytes

    def seek(self, at_bytes: int) -> None:
        self._at_bytes = at_bytes

    def flush(self) -> None: ...

    def close(self) -> None: ...


@contextmanager
def _plain_words() -> Iterator[None]:
    """Whatever is raised while foreign bytes are read, as BundleError."""
    try:
        yield
    except BundleError:
        raise
    except OSError as error:
        raise BundleError(f"the file cannot be read ({error.strerror or error})") from None
    except Exception as error:  # on hostile bytes zipfile raises BadZipFile, struct.error, EOFError, NotImplementedError and more
        raise BundleError(f"it is no whole ZIP, or was damaged or changed on its way ({error})") from None
