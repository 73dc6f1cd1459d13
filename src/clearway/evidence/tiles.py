"""A Merkle tree as files that anybody can fetch, copy and check: c2sp.org/tlog-tiles.

    tile/<L>/<N>[.p/<W>]         up to 256 hashes: of leaves (L = 0), or of whole tiles of the level below
    tile/entries/<N>[.p/<W>]     the same 256 entries, each behind its length as a big-endian uint16

A tile that is not full yet has its width W in its name; there is one file for each size of the tree that was signed. A file
never changes: the tree grows by new files.
"""

import os
import shutil
import struct
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from clearway.evidence.merkle import EMPTY_ROOT, HASH_BYTES, node_hash

# tlog-tiles: "Full tiles MUST be exactly 256 hashes wide".
WIDTH = 256
_HEIGHT = WIDTH.bit_length() - 1
_LENGTH = struct.Struct(">H")
ENTRY_BYTES_MAX = 2**16 - 1
# More than any bundle has, so that one that is too long shows.
_BUNDLE_BYTES_MAX = WIDTH * (_LENGTH.size + ENTRY_BYTES_MAX) + 1
ENTRIES = "entries"
# How many new files wait for one another before the disk is asked to keep them.
_SETTLED_TOGETHER = 128
# Disks answer several requests at once: eighty files were on the disk in a quarter of the time that they took one by one.
_SYNCED_AT_ONCE = 8


class TileError(ValueError):
    """A tile that is missing, or that cannot be one; the message names it."""


def tile_path(level: int | str, number: int, width: int = WIDTH) -> str:
    """Where tile `number` of that level (0 to 63, or ENTRIES) lies, below the folder that holds the checkpoint."""
    assert number >= 0 and 1 <= width <= WIDTH
    name, rest = f"{number % 1000:03}", number // 1000
    while rest:
        name, rest = f"x{rest % 1000:03}/{name}", rest // 1000
    return f"tile/{level}/{name}" + (f".p/{width}" if width < WIDTH else "")


def bundle(entries: Iterable[bytes]) -> bytes:
    return b"".join(_LENGTH.pack(len(entry)) + entry for entry in entries)


def read_bundle(raw: bytes) -> list[bytes]:
    """The entries of a bundle. ValueError where it is not whole."""
    entries, at = [], 0
    while at < len(raw):
        start = at + _LENGTH.size
        at = start + int.from_bytes(raw[at:start])
        if at > len(raw) or start > len(raw):
            raise ValueError("it is cut in the middle of an entry")
        entries.append(raw[start:at])
    return entries


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile of a level, as wide as it has hashes."""

    level: int
    number: int
    hashes: tuple[bytes, ...]

    @property
    def path(self) -> str:
        return tile_path(self.level, self.number, len(self.hashes))


@dataclass(frozen=True, slots=True)
class Edge:
    """The right edge of a tree of `size` leaves: at each level, the hashes of its last tile while that is not full.

    It is all that a tree needs to grow: at most 255 hashes a level.
    """

    size: int = 0
    rows: tuple[tuple[bytes, ...], ...] = ()

    def grown(self, leaves: Sequence[bytes]) -> tuple["Edge", list[Tile]]:
        """The edge after these leaf hashes came, and the tiles that became full."""
        full: list[Tile] = []
        rows = [list(row) for row in self.rows]
        size = self.size
        come: Sequence[bytes] = leaves
        level = 0
        while come:
            if level == len(rows):
                rows.append([])
            row = [*rows[level], *come]
            first, come = (size >> _HEIGHT * level) // WIDTH, []
            while len(row) >= WIDTH:
                tile, row = row[:WIDTH], row[WIDTH:]
                full.append(Tile(level, first, tuple(tile)))
                come.append(_whole(tile))
                first += 1
            rows[level] = row
            level += 1
        return Edge(size + len(leaves), tuple(map(tuple, rows))), full

    def partial(self) -> list[Tile]:
        """The tiles at the edge that are not full."""
        return [Tile(level, (self.size >> _HEIGHT * level) // WIDTH, row) for level, row in enumerate(self.rows) if row]

    def root(self) -> bytes:
        """The root of the tree."""
        node: bytes | None = None
        for row in self.rows:
            end = len(row)
            while end:
                # The smallest whole subtree that is left at the row's end.
                start = end - (end & -end)
                subtree = _whole(row[start:end])
                node, end = subtree if node is None else node_hash(subtree, node), start
        return EMPTY_ROOT if node is None else node


class TiledTree:
    """The tree of the first `size` leaves, read from the files in `folder` as they are asked for. Nothing in it is trusted.

    TileError where a file is missing or has not the length that the size asks for.
    """

    def __init__(self, folder: Path, size: int) -> None:
        self._folder, self.size = folder, size
        self._tiles: dict[tuple[int, int], bytes] = {}

    def node(self, height: int, place: int) -> bytes:
        """The hash of a whole subtree, as `merkle.Node` says."""
        level, up = divmod(height, _HEIGHT)
        number, first = divmod(place << up, WIDTH)
        return _whole(self.tile(level, number)[first : first + (1 << up)])

    def tile(self, level: int, number: int) -> list[bytes]:
        """The hashes of one tile, as many as the tree has."""
        width = self._width(level, number)
        if (level, number) not in self._tiles:
            path = tile_path(level, number, width)
            # More than a full tile's length, so that one that is too long shows.
            raw = self._read(path, WIDTH * HASH_BYTES + 1)
            if raw is None and width < WIDTH:
                raw = self._read(tile_path(level, number), WIDTH * HASH_BYTES + 1)
                raw = raw and raw[: width * HASH_BYTES]
            if raw is None:
                raise TileError(f"{path} is missing")
            if len(raw) != width * HASH_BYTES:
                raise TileError(f"{path} has not the length of {width} hashes")
            self._tiles[level, number] = raw
        return _hashes(self._tiles[level, number])

    def entries(self, number: int) -> list[bytes]:
        """The entries of one bundle, as many as the tree has."""
        width = self._width(0, number)
        path = tile_path(ENTRIES, number, width)
        raw = self._read(path, _BUNDLE_BYTES_MAX)
        spare = raw is None and width < WIDTH
        if spare:
            raw = self._read(tile_path(ENTRIES, number), _BUNDLE_BYTES_MAX)
        if raw is None:
            raise TileError(f"{path} is missing")
        try:
            found = read_bundle(raw)
        except ValueError as error:
            raise TileError(f"{path} is damaged: {error}") from None
        if len(found) < width or (len(found) > width and not spare):
            raise TileError(f"{path} holds {len(found)} entries instead of {width}")
        return found[:width]

    def narrower(self, level: int | str, number: int) -> Iterator[tuple[str, list[bytes]]]:
        """Path and content of each earlier, narrower version of a tile (or, with ENTRIES, of a bundle) that is still there."""
        count = self.size if level == ENTRIES else self.size >> _HEIGHT * int(level)
        for width in range(1, min(WIDTH, count - number * WIDTH)):
            path = tile_path(level, number, width)
            raw = self._read(path, _BUNDLE_BYTES_MAX)
            if raw is None:
                continue
            try:
                content = read_bundle(raw) if level == ENTRIES else _hashes(raw)
            except ValueError as error:
                raise TileError(f"{path} is damaged: {error}") from None
            if len(content) != width:
                raise TileError(f"{path} has not the width of its name")
            yield path, content

    def bundles(self) -> Iterator[list[bytes]]:
        """The entries of every bundle, in order."""
        for number in range(-(-self.size // WIDTH)):
            yield self.entries(number)

    def edge(self) -> Edge:
        """The right edge, as its files say it."""
        rows = []
        level = 0
        while (count := self.size >> _HEIGHT * level) > 0:
            rows.append(tuple(self.tile(level, count // WIDTH)) if count % WIDTH else ())
            level += 1
        return Edge(self.size, tuple(rows))

    def _width(self, level: int, number: int) -> int:
        count = self.size >> _HEIGHT * level
        assert number * WIDTH < count, "the tile is in the tree"
        return min(WIDTH, count - number * WIDTH)

    def _read(self, path: str, bytes_max: int) -> bytes | None:
        try:
            with (self._folder / path).open("rb") as file:
                return file.read(bytes_max)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise TileError(f"{path} cannot be read ({error.strerror})") from error


class Shelf:
    """Writes tiles below `folder`. What was put there is on the disk, with its name, when `settle` returns; OSError where not."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._put_here: list[Path] = []
        self._waiting: list[tuple[Path, Path]] = []
        self._touched: set[Path] = set()

    def put(self, tile: Tile) -> None:
        self._put(tile.path, b"".join(tile.hashes))

    def put_entries(self, number: int, entries: Sequence[bytes]) -> None:
        """A bundle as wide as it has entries."""
        self._put(tile_path(ENTRIES, number, len(entries)), bundle(entries))

    def _put(self, name: str, content: bytes) -> None:
        path = self._folder / name
        self._make(path.parent)
        beside = path.with_name(f".{path.name}")
        beside.write_bytes(content)
        self._waiting.append((beside, path))
        self._put_here.append(path)
        if len(self._waiting) >= _SETTLED_TOGETHER:
            self.settle()

    def settle(self) -> None:
        with ThreadPoolExecutor(_SYNCED_AT_ONCE) as pool:
            list(pool.map(sync, [beside for beside, _ in self._waiting]))
            for beside, path in self._waiting:
                beside.replace(path)
            list(pool.map(sync_folder, self._touched))
        self._waiting, self._touched = [], set()

    def discard(self) -> None:
        """Takes away all that was put here, as well as a failing disk lets it: nobody signed it."""
        for path in self._put_here:
            with suppress(OSError):
                path.unlink(missing_ok=True)

    def _make(self, folder: Path) -> None:
        if folder not in self._touched:
            if not folder.is_dir():
                self._make(folder.parent)
                folder.mkdir(exist_ok=True)
            self._touched.add(folder)


def drop_partial(folder: Path, old: int, size: int) -> None:
    """Removes the partial tiles of the tree of `old` leaves that have become full in the one of `size`, as far as it can."""
    level = 0
    while (count := old >> _HEIGHT * level) > 0:
        if count // WIDTH < (size >> _HEIGHT * level) // WIDTH:
            for kind in (level, ENTRIES) if level == 0 else (level,):
                shutil.rmtree((folder / tile_path(kind, count // WIDTH, 1)).parent, ignore_errors=True)
        level += 1


def replace_file(path: Path, content: bytes) -> None:
    """Puts `content` under that name in one step; both are on the disk when this returns. OSError where they are not."""
    beside = path.with_name(f".{path.name}")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Makes the names in `folder` survive a power cut."""
    sync(folder, os.O_RDONLY | os.O_DIRECTORY)


def sync(path: Path, flags: int = os.O_RDONLY) -> None:
    """Makes a file's content survive a power cut."""
    handle = os.open(path, flags | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _hashes(raw: bytes) -> list[bytes]:
    return [raw[at : at + HASH_BYTES] for at in range(0, len(raw), HASH_BYTES)]


def _whole(hashes: Sequence[bytes]) -> bytes:
    """The root over hashes whose number is a power of two."""
    row = list(hashes)
    while len(row) > 1:
        row = [node_hash(row[at], row[at + 1]) for at in range(0, len(row), 2)]
    return row[0]
