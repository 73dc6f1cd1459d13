"""A ledger derived again from its entry bundles, by somebody who trusts none of its other files.

It needs the public files only (checkpoint and tiles), wherever they were copied to. What it can find without help is what does
not fit together; that a whole ledger was turned back, or rewritten by whoever holds the key, shows only beside a checkpoint that
somebody kept: an `earlier` one, or the memory of a witness.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from clearway.errors import StoreError
from clearway.evidence.ledger import DATABASE_NAME, damaged, database_lines, read_entry, read_note_file
from clearway.evidence.merkle import EMPTY_ROOT, leaf_hash
from clearway.evidence.note import Checkpoint, checkpoint_signed_by, read_checkpoint
from clearway.evidence.tiles import ENTRIES, WIDTH, Edge, Tile, TiledTree, TileError

# Beyond that, one more entry or hash that is wrong tells nothing new.
DETAILS_MAX = 100


@dataclass(slots=True)
class Report:
    """What was found wrong, in plain words; the checkpoint that was checked, None where there is no readable one."""

    checkpoint: Checkpoint | None = None
    findings: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return not self.findings

    def say(self, finding: str) -> None:
        self.findings.append(finding)

    def tell(self, detail: str) -> None:
        """Says it, unless very much was said."""
        if len(self.findings) < DETAILS_MAX:
            self.say(detail)
        elif len(self.findings) == DETAILS_MAX:
            self.say("more entries and hashes are wrong than are told here")


def check(folder: Path, public_key: bytes) -> Checkpoint:
    """The checkpoint of the ledger in `folder`, after everything was derived again. StoreError names the first fault."""
    report = fsck(folder, public_key)
    if report.findings or report.checkpoint is None:
        raise damaged(folder, report.findings[0])
    return report.checkpoint


def fsck(folder: Path, public_key: bytes, earlier: Sequence[str] = ()) -> Report:
    """The report on the ledger in `folder` (checkpoint, tile/ and, where it is there, the database), whose owner has that key.

    `earlier` are signed notes that somebody kept. Nothing is written, and no lock needed: what a checkpoint covers never changes.
    """
    report = Report()
    _head(folder, public_key, report)
    checkpoint = report.checkpoint
    if checkpoint is None:
        return report
    kept = _kept(earlier, checkpoint, public_key, report)
    edge, roots = _derived(folder, TiledTree(folder, checkpoint.size), set(kept), report)
    if edge.size < checkpoint.size:
        report.say(f"nothing can be derived from entry {edge.size} on")
        return report
    if edge.root() != checkpoint.root:
        report.say(f"the root over the {checkpoint.size} entries is not the one that the checkpoint signs")
    for size, root in kept.items():
        if roots[size] != root:
            report.say(f"the first {size} entries are not those that an earlier checkpoint signs: the ledger was rewritten")
    return report


def _head(folder: Path, public_key: bytes, report: Report) -> None:
    try:
        note = read_note_file(folder)
        report.checkpoint = read_checkpoint(note)
    except StoreError as error:
        report.say(error.happened)
    except ValueError as error:
        report.say(f"the checkpoint is unreadable: {error}")
    else:
        if not checkpoint_signed_by(note, public_key):
            report.say("the checkpoint is not signed by the key that was given")


def _derived(folder: Path, tree: TiledTree, sizes: set[int], report: Report) -> tuple[Edge, dict[int, bytes]]:
    """The edge of all that could be derived, and the roots that the tree had at these sizes."""
    edge, roots = Edge(), {0: EMPTY_ROOT}
    with _database(folder, report) as database:
        for number in range(-(-tree.size // WIDTH)):
            leaves = _leaves(tree, number, database, report)
            if leaves is None:
                break
            _compare(tree, Tile(0, number, tuple(leaves)), report)
            for size in sizes & {*range(edge.size + 1, edge.size + len(leaves) + 1)}:
                roots[size] = edge.grown(leaves[: size - edge.size])[0].root()
            edge, full = edge.grown(leaves)
            for tile in full:
                if tile.level > 0:
                    _compare(tree, tile, report)
        else:
            for tile in edge.partial():
                if tile.level > 0:
                    _compare(tree, tile, report)
                _compare_narrower(tree, tile, report)
    return edge, roots


def _kept(earlier: Sequence[str], now: Checkpoint, public_key: bytes, report: Report) -> dict[int, bytes]:
    """Size → root of the earlier checkpoints that can be compared."""
    kept: dict[int, bytes] = {}
    for note in earlier:
        try:
            checkpoint = read_checkpoint(note)
        except ValueError as error:
            report.say(f"an earlier checkpoint is unreadable: {error}")
            continue
        if not checkpoint_signed_by(note, public_key) or checkpoint.origin != now.origin:
            report.say("an earlier checkpoint is of another ledger, or not signed by the key that was given")
        elif checkpoint.size > now.size:
            report.say(f"an earlier checkpoint signs {checkpoint.size} entries, this one {now.size}: the ledger was turned back")
        elif kept.setdefault(checkpoint.size, checkpoint.root) != checkpoint.root:
            report.say(f"two earlier checkpoints sign two different trees of {checkpoint.size} entries: the ledger was forked")
    return kept


def _leaves(tree: TiledTree, number: int, database: sqlite3.Connection | None, report: Report) -> list[bytes] | None:
    """The leaf hashes of one bundle; those of its tile where the bundle is no bundle; None where neither can be had."""
    first = number * WIDTH
    try:
        lines = tree.entries(number)
    except TileError as error:
        report.tell(str(error))
        with suppress(TileError):
            return tree.tile(0, number)
        return None
    for at, line in enumerate(lines, start=first):
        try:
            read_entry(line)
        except ValueError as error:
            report.tell(f"entry {at} is unreadable: {error}")
    if database is not None:
        try:
            rows = list(database_lines(database, first, first + len(lines)))
        except sqlite3.Error as error:
            report.tell(f"{DATABASE_NAME}, entries {first} to {first + len(lines) - 1}: {error}")
        else:
            if len(rows) < len(lines):
                report.tell(f"{DATABASE_NAME} lacks some of the entries {first} to {first + len(lines) - 1}")
            elif rows != lines:
                at = next(at for at, (row, line) in enumerate(zip(rows, lines, strict=True), start=first) if row != line)
                report.tell(f"entry {at} is another one in {DATABASE_NAME}")
    return [leaf_hash(line) for line in lines]


def _compare(tree: TiledTree, derived: Tile, report: Report) -> None:
    """Says where a tile is not the one that follows from the entries."""
    try:
        found = tree.tile(derived.level, derived.number)
    except TileError as error:
        report.tell(str(error))
        return
    for place, (is_there, should_be) in enumerate(zip(found, derived.hashes, strict=True), start=derived.number * WIDTH):
        if is_there != should_be and derived.level == 0:
            report.tell(f"entry {place} is not the one whose hash stands in its tile")
        elif is_there != should_be:
            report.tell(f"hash {place} of level {derived.level} does not follow from the entries")


def _compare_narrower(tree: TiledTree, derived: Tile, report: Report) -> None:
    """Says which tile at the edge, as it was signed when the tree was smaller, is not the beginning of today's."""
    with _told(report):
        for path, hashes in tree.narrower(derived.level, derived.number):
            if tuple(hashes) != derived.hashes[: len(hashes)]:
                report.tell(f"{path} does not follow from the entries")
    if derived.level == 0:
        with _told(report):
            for path, lines in tree.narrower(ENTRIES, derived.number):
                if tuple(map(leaf_hash, lines)) != derived.hashes[: len(lines)]:
                    report.tell(f"{path} holds other entries")


@contextmanager
def _told(report: Report) -> Iterator[None]:
    try:
        yield
    except TileError as error:
        report.tell(str(error))


@contextmanager
def _database(folder: Path, report: Report) -> Iterator[sqlite3.Connection | None]:
    """The database beside the public files; None where there is none, as in a copy."""
    path = folder / DATABASE_NAME
    if not path.exists():
        yield None
        return
    try:
        # Not read-only: what a crash cut short must be undone by SQLite before it can be read.
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)
    except sqlite3.Error as error:
        report.say(f"{DATABASE_NAME} cannot be opened: {error}")
        yield None
        return
    with closing(connection):
        yield connection
