"""RFC 6962's Merkle tree: roots, and the paths that prove what is in a tree and that a tree only grew.

Everything is derived from whole subtrees, whose hashes somebody gives: `Node(height, place)` is the hash over the leaves from
place * 2**height on, 2**height of them. So a proof costs O(log n) hashes, wherever these are kept.
"""

import hashlib
from collections.abc import Callable, Sequence

HASH_BYTES = hashlib.sha256().digest_size
# Section 2.1: "The hash of an empty list is the hash of an empty string".
EMPTY_ROOT = hashlib.sha256(b"").digest()
# A tree of 2**63 leaves has no longer path (c2sp.org/tlog-witness names the same bound for consistency).
PATH_MAX = 63

Node = Callable[[int, int], bytes]
Path = tuple[bytes, ...]


def leaf_hash(entry: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


# --- making (section 2.1, word by word) ---


def root(size: int, node: Node) -> bytes:
    """The root of the tree of the first `size` leaves."""
    return _range(0, size, node) if size else EMPTY_ROOT


def inclusion_path(index: int, size: int, node: Node) -> Path:
    """The audit path of leaf `index` in the tree of `size` leaves, from the leaf up."""
    assert 0 <= index < size
    return _audit(index, 0, size, node)


def consistency_path(old: int, size: int, node: Node) -> Path:
    """The proof that the tree of `size` leaves begins with the one of `old`. Empty where `old` is 0 or `size`."""
    assert 0 <= old <= size
    return _consistency(old, 0, size, node, known=True) if old else ()


def _split(count: int) -> int:
    """The largest power of two below `count`."""
    return 1 << (count - 1).bit_length() - 1


def _range(first: int, last: int, node: Node) -> bytes:
    """MTH(D[first:last]), where `first` is a multiple of the largest power of two in last - first."""
    count = last - first
    if not count & (count - 1):
        return node(count.bit_length() - 1, first // count)
    middle = first + _split(count)
    return node_hash(_range(first, middle, node), _range(middle, last, node))


def _audit(index: int, first: int, last: int, node: Node) -> Path:
    if last - first == 1:
        return ()
    middle = first + _split(last - first)
    if index < middle:
        return (*_audit(index, first, middle, node), _range(middle, last, node))
    return (*_audit(index, middle, last, node), _range(first, middle, node))


def _consistency(old: int, first: int, last: int, node: Node, *, known: bool) -> Path:
    """SUBPROOF(old, D[first:last], known): `known` while the whole old tree is what the other side holds the root of."""
    if old == last:
        return () if known else (_range(first, last, node),)
    middle = first + _split(last - first)
    if old <= middle:
        return (*_consistency(old, first, middle, node, known=known), _range(middle, last, node))
    return (*_consistency(old, middle, last, node, known=False), _range(first, middle, node))


# --- checking (RFC 9162, sections 2.1.3.2 and 2.1.4.2); foreign values, so nothing here raises ---


def verify_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], to: bytes) -> bool:
    """Whether `path` leads from the leaf hash `leaf` at `index` to the root `to` of a tree of `size` leaves."""
    if not 0 <= index < size:
        return False
    place, last, node = index, size - 1, leaf
    for sibling in path:
        if last == 0 or len(sibling) != HASH_BYTES:
            return False
        if place & 1 or place == last:
            node = node_hash(sibling, node)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and node == to


def verify_consistency(old: int, size: int, path: Sequence[bytes], old_root: bytes, new_root: bytes) -> bool:
    """Whether the tree of `size` leaves with the root `new_root` begins with the one of `old` leaves with `old_root`."""
    if not 0 <= old <= size or any(len(sibling) != HASH_BYTES for sibling in path) or (not size and new_root != EMPTY_ROOT):
        return False
    if old in (0, size):
        return not path and old_root == (new_root if old else EMPTY_ROOT)
    place, last = old - 1, size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    # Where the old tree is one whole subtree, its root is the first hash, and need not be sent.
    siblings = list(path) if place else [old_root, *path]
    if not siblings:
        return False
    was = now = siblings[0]
    for sibling in siblings[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            was, now = node_hash(sibling, was), node_hash(sibling, now)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            now = node_hash(now, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and was == old_root and now == new_root
