"""Bytes made worse by dice: the same seed, the same bytes."""

import random
from collections.abc import Sequence

# What parsers of ours stumble over, if over anything.
WORDS = (
    *(b"\n", b"\n\n", b"\r\n", b"\0", b"\x1b", b" ", b"\t", b",", b'"', b'""', b"'", b"=", b"=" * 4),
    *(b"{}", b"[]", b"[[", b"{", b"[", b"}", b"]", b"null", b"true", b"[a]\n", b"[a.b]\n", b"a = 1\n"),
    *(b"0", b"-0", b"-1", b"1e999", b"inf", b"nan", b"NaN", b"9" * 30, b"9" * 5000),
    *(b"\\u0000", b"\\ud800", b"\xef\xbb\xbf", b"\xff\xfe", b"\xe2\x80\x94 ", b"\xed\xa0\x80"),
    *(b"../", b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06", b"\x30\x80", b"\x30\x84" + b"\xff" * 4, b"\x02\x01\x00", b"\xff" * 8),
    *(b"9999-12-31T23:59:59Z", b"0000-00-00T00:00:00Z", b"2026-11-25T17:54:59+23:59", b"index ", b"old "),
)


def mutated(dice: random.Random, seeds: Sequence[bytes]) -> bytes:
    """One of the seeds with a few changes: bits, cuts, repetitions, words, pieces of another seed."""
    raw = dice.choice(seeds)
    for _ in range(1 + int(dice.expovariate(0.6))):
        raw = _changed(dice, raw, seeds)
    return raw[: 2**20]


def _changed(dice: random.Random, raw: bytes, seeds: Sequence[bytes]) -> bytes:
    at = dice.randrange(len(raw) + 1)
    end = min(len(raw), at + int(2 ** dice.uniform(0, 8)) - 1)
    match dice.randrange(9):
        case 0 if at < len(raw):
            return raw[:at] + bytes([raw[at] ^ 1 << dice.randrange(8)]) + raw[at + 1 :]
        case 1:
            return raw[:at] + raw[end:]
        case 2:
            return raw[:at] + dice.randbytes(dice.randrange(1, 9)) + raw[at:]
        case 3:
            return raw[:at] + dice.choice(WORDS) + raw[at:]
        case 4:
            return raw[:at] + dice.choice(WORDS) + raw[end:]
        case 5:
            return raw[:end] + raw[at:end] * dice.choice((1, 1, 2, 50)) + raw[end:]
        case 6:
            other = dice.choice(seeds)
            start = dice.randrange(len(other) + 1)
            return raw[:at] + other[start : start + dice.randrange(1, 200)] + raw[end:]
        case 7:
            return raw[:at]
        case _ if at < len(raw):
            return raw[:at] + bytes([dice.choice((raw[at] + 1, raw[at] - 1, 0, 255)) % 256]) + raw[at + 1 :]
    return raw + bytes([dice.randrange(256)])
