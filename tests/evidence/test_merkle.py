"""The tree is RFC 6962's: its roots are Certificate Transparency's, and no path proves what is not so."""

import hashlib
from collections.abc import Sequence

import pytest

from clearway.evidence.merkle import (
    EMPTY_ROOT,
    Node,
    consistency_path,
    inclusion_path,
    leaf_hash,
    node_hash,
    root,
    verify_consistency,
    verify_inclusion,
)

# The leaves that the first Certificate Transparency programs were tested with, and the roots of their first n.
CT_LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
CT_ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}
SIZES = [*range(1, 35), 64, 65]


def leaves_of(count: int) -> list[bytes]:
    return [leaf_hash(str(number).encode()) for number in range(count)]


def nodes(leaves: Sequence[bytes]) -> Node:
    """Whole subtrees, made level by level."""
    rows = [list(leaves)]
    while len(rows[-1]) > 1:
        row = rows[-1]
        rows.append([node_hash(row[at], row[at + 1]) for at in range(0, len(row) - 1, 2)])
    return lambda height, place: rows[height][place]


# --- RFC 6962, section 2.1, word by word, over lists of leaves ---


def mth(leaves: Sequence[bytes]) -> bytes:
    if len(leaves) <= 1:
        return leaves[0] if leaves else hashlib.sha256(b"").digest()
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def audit_path(m: int, leaves: Sequence[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    k = 1 << (len(leaves) - 1).bit_length() - 1
    if m < k:
        return [*audit_path(m, leaves[:k]), mth(leaves[k:])]
    return [*audit_path(m - k, leaves[k:]), mth(leaves[:k])]


def subproof(m: int, leaves: Sequence[bytes], *, known: bool) -> list[bytes]:
    if m == len(leaves):
        return [] if known else [mth(leaves)]
    k = 1 << (len(leaves) - 1).bit_length() - 1
    if m <= k:
        return [*subproof(m, leaves[:k], known=known), mth(leaves[k:])]
    return [*subproof(m - k, leaves[k:], known=False), mth(leaves[:k])]


@pytest.mark.parametrize(("count", "hashed"), CT_ROOTS.items())
def test_the_roots_are_those_of_certificate_transparency(count: int, hashed: str) -> None:
    leaves = [leaf_hash(bytes.fromhex(leaf)) for leaf in CT_LEAVES[:count]]
    assert root(count, nodes(leaves)).hex() == hashed


@pytest.mark.parametrize("size", SIZES)
def test_roots_and_inclusion_paths_are_those_of_the_definition(size: int) -> None:
    leaves = leaves_of(size)
    node, to = nodes(leaves), mth(leaves)
    assert root(size, node) == to
    for index in {*range(min(size, 40)), size - 1}:
        path = inclusion_path(index, size, node)
        assert list(path) == audit_path(index, leaves)
        assert verify_inclusion(leaves[index], index, size, path, to)
        assert not verify_inclusion(leaf_hash(b"another"), index, size, path, to)
        assert not verify_inclusion(leaves[index], (index + 1) % size, size, path, to) or size == 1
        assert not verify_inclusion(leaves[index], index, size, (*path, to), to)
        assert not path or not verify_inclusion(leaves[index], index, size, path[:-1], to)
    assert not verify_inclusion(leaves[0], size, size, (), to)
    assert not verify_inclusion(leaves[0], -1, size, (), to)


@pytest.mark.parametrize("size", SIZES)
def test_consistency_paths_are_those_of_the_definition(size: int) -> None:
    leaves = leaves_of(size)
    node, to = nodes(leaves), mth(leaves)
    for old in range(size + 1):
        path, was = consistency_path(old, size, node), mth(leaves[:old])
        assert list(path) == (subproof(old, leaves, known=True) if old else [])
        assert verify_consistency(old, size, path, was, to)
        assert not verify_consistency(old, size, (*path, to), was, to)
        assert not path or not verify_consistency(old, size, path[:-1], was, to)
        assert not path or not verify_consistency(old, size, (bytes(32), *path[1:]), was, to)
        assert not verify_consistency(old, size, path, bytes(32), to)
        assert not verify_consistency(old, size, path, was, bytes(32)) or old == 0
    assert not verify_consistency(size + 1, size, (), to, to)


def test_a_tree_of_the_same_size_and_another_root_is_not_consistent() -> None:
    assert not verify_consistency(5, 5, (), mth(leaves_of(5)), mth(leaves_of(5)[::-1]))
    assert verify_consistency(0, 5, (), EMPTY_ROOT, mth(leaves_of(5)))
    assert not verify_consistency(0, 5, (bytes(32),), EMPTY_ROOT, mth(leaves_of(5)))
