"""The exhibit's container: an ordinary ZIP in the one form that we write.

Any unzip program opens it. We accept less than they do: files stored as they are, one after the other, no comments, no extra
fields, no gaps, one fixed date, nothing before and nothing behind. So there is no room in which something could hide, nothing
that unfolds, no second file of the same name, and two exhibits with the same files are the same bytes.

The format is PKWARE's APPNOTE.TXT 6.3.10; section numbers below are its.
"""

import hashlib
import os
import re
import stat
import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

MANIFEST, STATEMENT, LEDGER = "manifest.json", "statement.dsse.json", "ledger.json"
# What vouches for the manifest, and so cannot be named in it.
COMPANIONS = frozenset({MANIFEST, STATEMENT, LEDGER})

MEMBERS_MAX = 64
TOTAL_BYTES_MAX = 512 * 2**20
# A manifest names some thousand frames at about a hundred bytes each.
JSON_BYTES_MAX = 4 * 2**20
# A name that every file system can hold and that leads nowhere else.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)

_LOCAL = struct.Struct("<4s5H3I2H")  # 4.3.7
_CENTRAL = struct.Struct("<4s6H3I5H2I")  # 4.3.12
_END = struct.Struct("<4s4H2IH")  # 4.3.16
_LOCAL_SIGNATURE, _CENTRAL_SIGNATURE, _END_SIGNATURE = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_VERSION = 20  # 4.4.3: what folders and stored files need
_MADE_ON_UNIX = 3 << 8  # 4.4.2
_STORED = 0  # 4.4.5
# 4.4.6: 1 January 1980, the first day there is. When an exhibit was sealed stands in its manifest, under signature.
_TIME, _DATE = 0, (0 << 9) | (1 << 5) | 1
_ATTRIBUTES = (stat.S_IFREG | 0o644) << 16
_CHUNK_BYTES = 2**20


class BundleError(ValueError):
    """The file is not such a ZIP; the message says in plain words how."""


@dataclass(frozen=True, slots=True)
class Member:
    """One file in the container; `start_bytes` is where its content begins."""

    name: str
    size_bytes: int
    sha256: str
    crc32: int
    start_bytes: int

    @property
    def header_bytes(self) -> int:
        """Where its local header begins."""
        return self.start_bytes - _LOCAL.size - len(self.name)


def _local_header(name: str, size_bytes: int, crc32: int) -> bytes:
    fixed = (_LOCAL_SIGNATURE, _VERSION, 0, _STORED, _TIME, _DATE, crc32, size_bytes, size_bytes, len(name), 0)
    return _LOCAL.pack(*fixed) + name.encode("ascii")


def _central_header(member: Member) -> bytes:
    fixed = (_CENTRAL_SIGNATURE, _MADE_ON_UNIX | _VERSION, _VERSION, 0, _STORED, _TIME, _DATE)
    sizes = (member.crc32, member.size_bytes, member.size_bytes, len(member.name))
    return _CENTRAL.pack(*fixed, *sizes, 0, 0, 0, 0, _ATTRIBUTES, member.header_bytes) + member.name.encode("ascii")


def _end_record(count: int, directory_size_bytes: int, directory_start_bytes: int) -> bytes:
    return _END.pack(_END_SIGNATURE, 0, 0, count, count, directory_size_bytes, directory_start_bytes, 0)


# --- writing ---


class Writer:
    """Puts files into a container on `file`, which stands at its start."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._members: list[Member] = []
        self._end_bytes = 0

    def add(self, name: str, content: bytes) -> None:
        assert _NAME.fullmatch(name)
        assert all(name != member.name for member in self._members)
        assert len(self._members) < MEMBERS_MAX
        crc32 = zlib.crc32(content)
        header = _local_header(name, len(content), crc32)
        self._file.write(header)
        self._file.write(content)
        start_bytes = self._end_bytes + len(header)
        self._members.append(Member(name, len(content), hashlib.sha256(content).hexdigest(), crc32, start_bytes))
        self._end_bytes = start_bytes + len(content)
        assert self._end_bytes <= TOTAL_BYTES_MAX

    def finish(self) -> int:
        """The size of the whole container, whose directory is now written."""
        directory = b"".join(map(_central_header, self._members))
        self._file.write(directory + _end_record(len(self._members), len(directory), self._end_bytes))
        return self._end_bytes + len(directory) + _END.size


# --- reading ---


class Bundle:
    """A container that was read once from end to end: `members` in their order, every checksum right."""

    def __init__(self, file: BinaryIO, members: Sequence[Member]) -> None:
        self._file = file
        self.members = {member.name: member for member in members}

    def read(self, name: str, bytes_max: int = JSON_BYTES_MAX) -> bytes:
        """The content of one member. BundleError where there is none of that name or where it is larger."""
        member = self.members.get(name)
        if member is None:
            raise BundleError(f"{name} is missing")
        if member.size_bytes > bytes_max:
            raise BundleError(f"{name} is larger than {bytes_max} bytes")
        try:
            self._file.seek(member.start_bytes)
            return self._file.read(member.size_bytes)
        except OSError as error:
            raise BundleError(f"the file cannot be read ({error.strerror})") from None


@contextmanager
def opened(path: Path) -> Iterator[Bundle]:
    """The container at `path`. BundleError where it is not in our form or out of bounds; never another exception."""
    try:
        # Not blocking, so that a pipe that carries an exhibit's name cannot hold us for ever.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        raise BundleError(f"the file cannot be read ({getattr(error, 'strerror', None) or error})") from None
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise BundleError("it is a folder or a device, not a file")
    with os.fdopen(handle, "rb") as file:
        try:
            bundle = Bundle(file, _members(file))
        except OSError as error:
            raise BundleError(f"the file cannot be read ({error.strerror})") from None
        yield bundle


def _members(file: BinaryIO) -> list[Member]:
    size_bytes = file.seek(0, os.SEEK_END)
    if size_bytes == 0:
        raise BundleError("the file is empty")
    if size_bytes > TOTAL_BYTES_MAX + MEMBERS_MAX * 1024:
        raise BundleError(f"the file is larger than {TOTAL_BYTES_MAX // 2**20} MiB")
    file.seek(max(0, size_bytes - _END.size))
    end = file.read(_END.size)
    if len(end) < _END.size or not end.startswith(_END_SIGNATURE):
        raise BundleError("it does not end as a ZIP ends: it was cut, something was added behind it, or it is none")
    _, _, _, _, count, directory_size_bytes, directory_start_bytes, _ = _END.unpack(end)
    if count > MEMBERS_MAX or directory_size_bytes > MEMBERS_MAX * (_CENTRAL.size + 64):
        raise BundleError(f"it holds more than {MEMBERS_MAX} files")
    if end != _end_record(count, directory_size_bytes, directory_start_bytes):
        raise BundleError("its end record says something that no exhibit says")
    if directory_start_bytes + directory_size_bytes + _END.size != size_bytes:
        raise BundleError("its directory is not where its end record says: bytes were cut out or put in")
    file.seek(directory_start_bytes)
    directory = file.read(directory_size_bytes)
    members: list[Member] = []
    position_bytes = taken_bytes = 0
    for _ in range(count):
        member, used_bytes = _member(file, directory[taken_bytes:], position_bytes, directory_start_bytes)
        if any(member.name == other.name for other in members):
            raise BundleError(f"it holds two files named {member.name}")
        members.append(member)
        taken_bytes += used_bytes
        position_bytes = member.start_bytes + member.size_bytes
    if taken_bytes != directory_size_bytes or position_bytes != directory_start_bytes:
        raise BundleError("it holds bytes that belong to no file")
    return members


def _member(file: BinaryIO, directory: bytes, position_bytes: int, limit_bytes: int) -> tuple[Member, int]:
    """The file that the next line of the directory describes, and that line's length."""
    if len(directory) < _CENTRAL.size:
        raise BundleError("its directory is cut")
    fields = _CENTRAL.unpack_from(directory)
    flags, method, crc32, stored_bytes, size_bytes, name_bytes, attributes = (*fields[3:5], *fields[7:11], fields[15])
    line_bytes = _CENTRAL.size + name_bytes
    raw_name = directory[_CENTRAL.size : line_bytes]
    name = raw_name.decode("ascii", "replace")
    if fields[0] != _CENTRAL_SIGNATURE or len(raw_name) < name_bytes:
        raise BundleError("its directory is cut")
    if not _NAME.fullmatch(name):
        raise BundleError(f"the name {name[:80]!r} may lead out of the folder that it is unpacked to")
    if stat.S_ISLNK(attributes >> 16):
        raise BundleError(f"{name} is a link, not a file")
    if method != _STORED or flags or stored_bytes != size_bytes:
        raise BundleError(f"{name} is compressed or encrypted; an exhibit's files are stored as they are, so none can unfold")
    start_bytes = position_bytes + _LOCAL.size + name_bytes
    if start_bytes + size_bytes > limit_bytes:
        raise BundleError(f"{name} reaches beyond the end of the file")
    if size_bytes > TOTAL_BYTES_MAX:
        raise BundleError(f"{name} is larger than {TOTAL_BYTES_MAX // 2**20} MiB")
    file.seek(position_bytes)
    local = file.read(_LOCAL.size + name_bytes)
    sha256, actual_crc32 = _digests(file, size_bytes)
    member = Member(name, size_bytes, sha256, crc32, start_bytes)
    if directory[:line_bytes] != _central_header(member) or local != _local_header(name, size_bytes, crc32):
        raise BundleError(f"the headers of {name} say something that no exhibit says")
    if actual_crc32 != crc32:
        raise BundleError(f"{name} does not match its checksum: it was damaged on its way or changed")
    return member, line_bytes


def _digests(file: BinaryIO, size_bytes: int) -> tuple[str, int]:
    """SHA-256 in hex and CRC-32 of the next `size_bytes`."""
    sha256, crc32 = hashlib.sha256(), 0
    while size_bytes > 0 and (chunk := file.read(min(_CHUNK_BYTES, size_bytes))):
        sha256.update(chunk)
        crc32 = zlib.crc32(chunk, crc32)
        size_bytes -= len(chunk)
    return sha256.hexdigest(), crc32
