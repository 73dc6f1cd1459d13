"""A disk that loses power: a FUSE file system, in memory, that keeps for sure only what was fsynced.

What a program wrote since the last fsync of a file may be on the disk in part: some of the writes, in any order, one of them
torn. What happened to the names in a folder since its last fsync may have happened or not; a rename is one step. That is less
than Linux's file systems promise, and as little as POSIX does: fsync of a new file does not keep its name.

    with Disk(folder, mount, seed, power_cut_after=700):     what lies in `folder` is at `mount`
        …                                                     operation 700 and all after it fail (EIO)
    # now `folder` holds what survived

Not covered: a disk that says that it has written and has not, and one that damages what lies beside a write.
"""

import errno
import os
import random
import shutil
import stat
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

SECTOR_BYTES = 512
# What a torn write leaves: the sectors of its beginning or of its end (sqlite.org/atomiccommit.html, section 2, assumes no less).
MODES = ("nothing", "in order", "any")


def missing() -> str:
    """Why no such disk can be had here; empty where it can."""
    try:
        os.close(os.open("/dev/fuse", os.O_RDWR))
    except OSError as error:
        return f"/dev/fuse cannot be opened ({error.strerror})"
    try:
        import mfusepy  # noqa: F401, PLC0415 - it loads libfuse, which a machine may lack
    except (ImportError, OSError) as error:
        return f"libfuse or mfusepy is missing ({error})"
    return "" if shutil.which("fusermount3") or os.getuid() == 0 else "fusermount3 is missing (Debian: apt install fuse3)"


@dataclass(eq=False)
class _File:
    now: bytearray = field(default_factory=bytearray)
    disk: bytes = b""
    mode: int = 0o644
    # Since the last fsync: (offset, content), or (size, None) where it was cut or grown.
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)

    def sync(self) -> None:
        self.disk, self.pending = bytes(self.now), []

    def survive(self, dice: random.Random, mode: str) -> bytes:
        left = bytearray(self.disk)
        if mode == "nothing":
            return bytes(left)
        taken = self.pending[: dice.randint(0, len(self.pending))]
        torn = taken.pop() if taken and dice.random() < 0.5 else None
        at = 0
        while at < len(taken):
            # Cutting a file is one step of the file system, and keeps its place; writes between two cuts may swap and get lost.
            end = next((place for place in range(at, len(taken)) if taken[place][1] is None), len(taken))
            some = taken[at:end]
            if mode == "any":
                some = dice.sample(some, dice.randint(0, len(some)))
            for offset, written in some:
                _put(left, offset, written)
            if end < len(taken):
                _put(left, *taken[end])
            at = end + 1
        match torn:
            case int(offset), bytes(content):
                sectors = dice.randint(0, len(content) // SECTOR_BYTES) * SECTOR_BYTES
                if dice.random() < 0.5:
                    _put(left, offset, content[:sectors])
                else:
                    _put(left, offset + sectors, content[sectors:])
        return bytes(left)


def _put(into: bytearray, offset: int, content: bytes | None) -> None:
    if content is None:
        del into[offset:]
        into.extend(bytes(offset - len(into)))
    elif content:
        into.extend(bytes(max(0, offset - len(into))))
        into[offset : offset + len(content)] = content


@dataclass(eq=False)
class _Folder:
    now: "dict[str, _Node]" = field(default_factory=dict)
    disk: "dict[str, _Node]" = field(default_factory=dict)
    mode: int = 0o755
    pending: "list[Callable[[dict[str, _Node]], None]]" = field(default_factory=list)

    def sync(self) -> None:
        self.disk, self.pending = dict(self.now), []

    def change(self, step: "Callable[[dict[str, _Node]], None]") -> None:
        step(self.now)
        self.pending.append(step)

    def survive(self, dice: random.Random, mode: str) -> "dict[str, _Node]":
        left = dict(self.disk)
        taken = [] if mode == "nothing" else self.pending[: dice.randint(0, len(self.pending))]
        for step in taken:
            if mode == "in order" or dice.random() < 0.5:
                step(left)
        return left


_Node = _File | _Folder


class _Operations:
    """The file system's calls, by path, as mfusepy asks for them. Times are not kept."""

    use_ns = True

    def __init__(self, root: _Folder, power_cut_after: int) -> None:
        self.root, self._left = root, power_cut_after
        self._open: dict[int, _File] = {}
        self._handles = 0
        self.reached = 0

    def __call__(self, name: str, *given: Any) -> Any:
        self.reached += 1
        if self.reached > self._left:
            raise OSError(errno.EIO, "no power")
        return getattr(self, name)(*given)

    def _at(self, path: str) -> _Node:
        node: _Node = self.root
        for name in filter(None, path.split("/")):
            if not isinstance(node, _Folder) or name not in node.now:
                raise OSError(errno.ENOENT, path)
            node = node.now[name]
        return node

    def _file(self, path: str | None, fh: int | None = None) -> _File:
        node = self._open[fh] if fh else self._at(path or "")
        if not isinstance(node, _File):
            raise OSError(errno.EISDIR, path)
        return node

    def _parent(self, path: str) -> tuple[_Folder, str]:
        above, _, name = path.rpartition("/")
        folder = self._at(above)
        assert isinstance(folder, _Folder)
        return folder, name

    def _opened(self, file: _File) -> int:
        self._handles += 1
        self._open[self._handles] = file
        return self._handles

    def getattr(self, path: str, fh: int | None = None) -> dict[str, int]:
        node = self._open[fh] if fh else self._at(path)
        kind, size = (stat.S_IFREG, len(node.now)) if isinstance(node, _File) else (stat.S_IFDIR, 0)
        changed_ns = 10**18 + (len(node.pending) + size) * 1000
        times = dict.fromkeys(("st_atime", "st_mtime", "st_ctime"), changed_ns)
        return {
            "st_mode": kind | node.mode,
            "st_nlink": 1,
            "st_size": size,
            "st_uid": os.getuid(),
            "st_gid": os.getgid(),
            **times,
        }

    def readdir(self, path: str, fh: int) -> list[str]:
        folder = self._at(path)
        assert isinstance(folder, _Folder)
        return [".", "..", *folder.now]

    def create(self, path: str, mode: int) -> int:
        folder, name = self._parent(path)
        file = _File(mode=stat.S_IMODE(mode))
        folder.change(lambda names: names.update({name: file}))
        return self._opened(file)

    def open(self, path: str, flags: int) -> int:
        file = self._file(path)
        if flags & os.O_TRUNC:
            self.truncate(path, 0)
        return self._opened(file)

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        return bytes(self._file(path, fh).now[offset : offset + size])

    def write(self, path: str, content: bytes, offset: int, fh: int) -> int:
        file = self._file(path, fh)
        _put(file.now, offset, content)
        file.pending.append((offset, content))
        return len(content)

    def truncate(self, path: str, length: int, fh: int | None = None) -> int:
        file = self._file(path, fh)
        _put(file.now, length, None)
        file.pending.append((length, None))
        return 0

    def fsync(self, path: str, datasync: int, fh: int) -> int:
        self._file(path, fh).sync()
        return 0

    def fsyncdir(self, path: str, datasync: int, fh: int) -> int:
        folder = self._at(path)
        assert isinstance(folder, _Folder)
        folder.sync()
        return 0

    def release(self, path: str, fh: int) -> int:
        del self._open[fh]
        return 0

    def mkdir(self, path: str, mode: int) -> int:
        folder, name = self._parent(path)
        made = _Folder(mode=stat.S_IMODE(mode))
        folder.change(lambda names: names.update({name: made}))
        return 0

    def unlink(self, path: str) -> int:
        folder, name = self._parent(path)
        self._at(path)

        def removed(names: dict[str, _Node]) -> None:
            names.pop(name, None)

        folder.change(removed)
        return 0

    def rmdir(self, path: str) -> int:
        node = self._at(path)
        if isinstance(node, _Folder) and node.now:
            raise OSError(errno.ENOTEMPTY, path)
        return self.unlink(path)

    def rename(self, old: str, new: str) -> int:
        folder, source = self._parent(old)
        into, target = self._parent(new)
        if folder is not into:
            raise OSError(errno.EXDEV, new)
        node = self._at(old)

        def moved(names: dict[str, _Node]) -> None:
            names.pop(source, None)
            names[target] = node

        folder.change(moved)
        return 0

    def chmod(self, path: str, mode: int) -> int:
        self._at(path).mode = stat.S_IMODE(mode)
        return 0

    def chown(self, path: str, uid: int, gid: int) -> int:
        return 0

    def utimens(self, path: str, times: object) -> int:
        return 0

    def statfs(self, path: str) -> dict[str, int]:
        return {"f_bsize": 4096, "f_frsize": 4096, "f_blocks": 2**20, "f_bfree": 2**20, "f_bavail": 2**20, "f_namemax": 255}


class Disk:
    """A mounted disk; a context manager. Leaving it takes the power and puts what survived in `folder`, which lies elsewhere.

    Whoever uses it must have ended, or been ended, by then. `power_cut_after` counts the file system's operations.
    """

    def __init__(self, folder: Path, mount: Path, seed: int, power_cut_after: int) -> None:
        self._folder, self._mount = folder, mount
        self._seed, self._power_cut_after = seed, power_cut_after
        self._server = 0

    def __enter__(self) -> Self:
        self._server = os.fork()
        if self._server == 0:
            self._serve()
        until_s = time.monotonic() + 60
        # Not asked of the disk itself: that would be one of its operations.
        while f" {self._mount} fuse" not in Path("/proc/self/mounts").read_text(encoding="utf-8"):
            assert time.monotonic() < until_s, "the disk is mounted within a minute"
            time.sleep(0.002)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        program = shutil.which("fusermount3")
        command = [program, "-u", str(self._mount)] if program else ["umount", str(self._mount)]
        for _ in range(200):
            if subprocess.run(command, capture_output=True, check=False).returncode == 0:
                break
            time.sleep(0.05)  # the kernel is still letting go of whoever was ended
        _, status = os.waitpid(self._server, 0)
        assert status == 0, f"the disk ended with {status}"

    def _serve(self) -> None:
        code = 1
        try:
            import mfusepy  # noqa: PLC0415 - it loads libfuse, which a machine may lack

            operations = _Operations(_loaded(self._folder), self._power_cut_after)
            names = [name for name in vars(_Operations) if not name.startswith("_")]
            calls = {name: _handed_on(operations, name) for name in names if callable(getattr(operations, name))}
            adapter = type("Adapter", (mfusepy.Operations,), {"use_ns": True, **calls})()
            mfusepy.FUSE(adapter, str(self._mount), foreground=True, nothreads=True, hard_remove=True)
            dice = random.Random(self._seed)
            mode = dice.choice(MODES)
            shutil.rmtree(self._folder)
            _kept(operations.root, self._folder, dice, mode)
            code = 0
        finally:
            os._exit(code)


def _handed_on(operations: _Operations, name: str) -> Callable[..., Any]:
    # mfusepy looks at how many arguments `create` and `getattr` take.
    if name == "create":
        return lambda self, path, mode: operations(name, path, mode)
    if name == "getattr":
        return lambda self, path, fh=None: operations(name, path, fh)
    if name == "truncate":
        return lambda self, path, length, fh=None: operations(name, path, length, fh)
    return lambda self, *given: operations(name, *given)


def _loaded(folder: Path) -> _Folder:
    """What lies in a real folder, all of it on the disk."""
    found = _Folder(mode=stat.S_IMODE(folder.stat().st_mode))
    for path in folder.iterdir():
        if path.is_dir():
            found.now[path.name] = _loaded(path)
        else:
            file = _File(bytearray(path.read_bytes()), mode=stat.S_IMODE(path.stat().st_mode))
            file.sync()
            found.now[path.name] = file
    found.sync()
    return found


def _kept(folder: _Folder, to: Path, dice: random.Random, mode: str) -> None:
    to.mkdir(mode=folder.mode)
    for name, node in folder.survive(dice, mode).items():
        if isinstance(node, _Folder):
            _kept(node, to / name, dice, mode)
        else:
            (to / name).write_bytes(node.survive(dice, mode))
            (to / name).chmod(node.mode)
