"""Exhibits that must never pass, each made from a real one and named for its sin.

`python -m tests.evidence.sins FOLDER` writes them all, to look at.
"""

import base64
import hashlib
import json
import stat
import struct
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from cryptography.x509 import Certificate
from tests.evidence.tsa import ALWAYS, LONG_AGO, Key, Tsa, elliptic
from tests.evidence.world import SEALED_AT, World, stub_encode

from clearway.envelope import create_keys, seal
from clearway.evidence import canonical
from clearway.evidence.bundle import TIMESTAMP
from clearway.evidence.ledger import Event, Ledger
from clearway.evidence.note import Proof, read_note, read_proof
from clearway.evidence.verify import PAYLOAD_TYPE
from clearway.ports import ClipEncoder

Files = list[tuple[str, bytes]]
_CA_KEY = elliptic()


class Silent:
    """A timestamp authority that never answers."""

    url = "https://tsa.example/"
    certificates_sha256: tuple[str, ...] = ("00" * 32,)

    def stamp(self, statement: bytes, sealed_at: datetime) -> bytes | None:
        return None


@dataclass(frozen=True)
class Original:
    """A whole exhibit, for which a timestamp was asked and not obtained, a second one of the same sealer, a timestamp authority,
    and a folder for somebody else's keys and ledger."""

    world: World
    path: Path
    raw: bytes
    files: Files
    other: Files
    elsewhere: Path
    office: Tsa

    @property
    def authorities(self) -> list[Certificate]:
        return [self.office.ca]

    @staticmethod
    def sealed_in(folder: Path, encode: ClipEncoder = stub_encode) -> "Original":
        office = Tsa.made_in(folder / "office", ca_key=_CA_KEY)
        world = World(folder / "data", encode, authority=Silent())
        path, other = (Path(world.seal().path) for _ in range(2))
        return Original(world, path, path.read_bytes(), unpacked(path), unpacked(other), folder / "elsewhere", office)

    def with_file(self, name: str, change: Callable[[bytes], bytes]) -> bytes:
        return packed((other, change(content) if other == name else content) for other, content in self.files)

    def of_other(self, name: str) -> bytes:
        return dict(self.other)[name]


def unpacked(path: Path) -> Files:
    with zipfile.ZipFile(path) as bundle:
        return [(name, bundle.read(name)) for name in bundle.namelist()]


def packed(
    files: Iterable[tuple[str, bytes]],
    method: int = zipfile.ZIP_STORED,
    mode: int = stat.S_IFREG | 0o644,
    *,
    extra: bytes = b"",
    comment: bytes = b"",
    zip64: bool = False,
    to: BytesIO | None = None,
) -> bytes:
    """A ZIP by Python's own writer, in our form but for what the arguments change."""
    file = BytesIO() if to is None else to
    with zipfile.ZipFile(file, "w") as bundle:
        for name, content in files:
            info = zipfile.ZipInfo(name)
            info.create_system, info.external_attr, info.compress_type = 3, mode << 16, method
            info.extra, info.comment = extra, comment
            with bundle.open(info, "w", force_zip64=zip64) as member:
                member.write(content)
    return file.getvalue()


class _Pipe(BytesIO):
    """Cannot go back, so that checksums and sizes come behind each file."""

    def tell(self) -> int:
        raise OSError


def _changed_pixel(png: bytes) -> bytes:
    picture = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    picture[30, 40, 0] ^= 1
    return cv2.imencode(".png", picture)[1].tobytes()


def _swapped_files(o: Original) -> bytes:
    content = dict(o.files)
    swap = {"still-1.png": "still-2.png", "still-2.png": "still-1.png"}
    return packed((name, content[swap.get(name, name)]) for name, _ in o.files)


def _resigned_by_a_stranger(o: Original) -> bytes:
    """Everything fits, in another's name: another statement, another ledger, another checkpoint."""
    stranger = create_keys(o.elsewhere / "keys")
    payload = json.loads(dict(o.files)["statement.dsse.json"])["payload"]
    statement = seal(base64.b64decode(payload), PAYLOAD_TYPE, stranger)
    ledger = Ledger(o.elsewhere / "ledger", stranger)
    proof = ledger.prove(ledger.append(Event.EXHIBIT_SEAL, _id(o), SEALED_AT, "camera:north-gate"))
    return packed((dict(o.files) | {"ledger.tlog-proof": proof.text().encode(), "statement.dsse.json": statement}).items())


def _with_proof(o: Original, change: Callable[[Proof], Proof]) -> bytes:
    return o.with_file("ledger.tlog-proof", lambda raw: change(read_proof(raw.decode())).text().encode())


def _proof_of_another_tree(o: Original) -> bytes:
    """The right place, and a checkpoint by the right key over a ledger in which it is not."""
    ledger = Ledger(o.elsewhere / "fork", o.world.signer)
    ledger.append(Event.EXHIBIT_VIEW, "0" * 64, SEALED_AT, "officer:1")
    return _with_proof(o, lambda proof: replace(proof, checkpoint=ledger.checkpoint()))


def _backdated_entry(o: Original) -> bytes:
    """An entry about this exhibit with another time, properly in the ledger."""
    at = SEALED_AT.replace(year=2025)
    proof = o.world.ledger.prove(o.world.ledger.append(Event.EXHIBIT_SEAL, _id(o), at, "camera:north-gate"))
    return _with_proof(o, lambda _: proof)


def _broken_signature(o: Original) -> bytes:
    def broken(proof: Proof) -> Proof:
        note = read_note(proof.checkpoint)
        raw = bytearray(note.signatures[0].raw)
        raw[40] ^= 1
        return replace(proof, checkpoint=replace(note, signatures=(replace(note.signatures[0], raw=bytes(raw)),)).raw())

    return _with_proof(o, broken)


def _signed_as_something_else(o: Original) -> bytes:
    """The same statement under the right key, signed for another purpose."""
    payload = base64.b64decode(json.loads(dict(o.files)["statement.dsse.json"])["payload"])
    return o.with_file("statement.dsse.json", lambda _: seal(payload, "application/json", o.world.signer))


def _stamped(o: Original, token: Callable[[bytes], bytes]) -> bytes:
    """The exhibit with what `token` makes of the statement."""
    return packed([*o.files, (TIMESTAMP, token(dict(o.files)["statement.dsse.json"]))])


def _stamped_by(o: Original, folder: str, valid: tuple[datetime, datetime] = ALWAYS, ca_key: Key | None = None) -> bytes:
    tsa = Tsa.made_in(Path(tempfile.mkdtemp(dir=o.world.data)) / folder, valid, ca_key=ca_key)
    return _stamped(o, tsa.stamped)


def _resealed(o: Original, change: Callable[[dict[str, Any]], object]) -> Files:
    """The exhibit with something else in its manifest, and everything that vouches for it made anew by the right key."""
    content = dict(o.files)
    said = json.loads(content["manifest.json"])
    change(said)
    content["manifest.json"] = canonical.dumps(said)
    exhibit = hashlib.sha256(content["manifest.json"]).hexdigest()
    payload = json.loads(base64.b64decode(json.loads(content["statement.dsse.json"])["payload"]))
    payload["subject"][0]["digest"]["sha256"] = exhibit
    content["statement.dsse.json"] = seal(canonical.dumps(payload), PAYLOAD_TYPE, o.world.signer)
    index = o.world.ledger.append(Event.EXHIBIT_SEAL, exhibit, datetime.fromisoformat(said["sealed_at"]), "camera:north-gate")
    content["ledger.tlog-proof"] = o.world.ledger.prove(index).text().encode()
    return list(content.items())


def _stamped_before_it_was_sealed(o: Original) -> bytes:
    ahead = canonical.rfc3339(datetime.now(UTC) + timedelta(hours=1))
    files = _resealed(o, lambda said: said.update(sealed_at=ahead))
    return packed([*files, (TIMESTAMP, o.office.stamped(dict(files)["statement.dsse.json"]))])


def _sealed_before_it_passed(o: Original) -> bytes:
    return packed(_resealed(o, lambda said: said.update(sealed_at="2026-11-22T08:29:00Z")))


def _frames_backwards(o: Original) -> bytes:
    return packed(_resealed(o, lambda said: said["shown"]["clip"]["frames"].reverse()))


def name_of(o: Original, steps: set[int]) -> str:
    """The name of the file with a sin that those steps find: the id that it was sealed under, unless the sin is its time."""
    return "renamed.zip" if steps == {8} else o.path.name


def _changed_claim(manifest: bytes) -> bytes:
    return manifest.replace(b'"answer":"yes"', b'"answer":"no!"')


def _id(o: Original) -> str:
    return hashlib.sha256(dict(o.files)["manifest.json"]).hexdigest()


def _in_headers(raw: bytes, old: bytes, new: bytes) -> bytes:
    assert old in raw
    assert len(old) == len(new)
    return raw.replace(old, new)


def _smuggled_between(o: Original) -> bytes:
    """Bytes between the last file and the directory, with the end record set right: unzip does not notice."""
    start_bytes = struct.unpack_from("<I", o.raw, len(o.raw) - 6)[0]
    end = o.raw[start_bytes:-6] + struct.pack("<IH", start_bytes + 5, 0)
    return o.raw[:start_bytes] + b"AB12C" + end


def _renamed(o: Original, name: bytes) -> bytes:
    """One file has another name in its header and in the directory; everything else fits."""
    raw = packed((("still-9.png" if other == "still-2.png" else other), content) for other, content in o.files)
    return _in_headers(raw, b"still-9.png", name)


def _huge_directory(o: Original) -> bytes:
    """Fifty thousand lines about one file: a small file that takes much memory to understand."""
    start_bytes, end = struct.unpack_from("<I", o.raw, len(o.raw) - 6)[0], o.raw[-22:]
    directory = o.raw[start_bytes:-22] * 7_000
    return o.raw[:start_bytes] + directory + end[:12] + struct.pack("<I", len(directory)) + end[16:]


def _one_file_many_times(o: Original) -> bytes:
    """Lines of the directory that all lead to the same bytes."""
    start_bytes, end = struct.unpack_from("<I", o.raw, len(o.raw) - 6)[0], o.raw[-22:]
    directory = o.raw[start_bytes:-22] * 2
    return o.raw[:start_bytes] + directory + end[:12] + struct.pack("<I", len(directory)) + end[16:]


def _local_header_of_its_own(o: Original) -> bytes:
    """A file's own header and the directory's line about it differ in the checksum: unzip looks at one of the two."""
    at = o.raw.index(b"PK\x03\x04") + 14
    return o.raw[:at] + bytes(4) + o.raw[at + 4 :]


# name → (the steps that must fail by their own finding, how it is made)
SINS: dict[str, tuple[set[int], Callable[[Original], bytes]]] = {
    "zero-bytes": ({1}, lambda o: b""),
    "no-zip": ({1}, lambda o: b"This is a letter, not an exhibit. " * 40),
    "cut": ({1}, lambda o: o.raw[: len(o.raw) // 2]),
    "cut-by-one-byte": ({1}, lambda o: o.raw[:-1]),
    "bytes-behind": ({1}, lambda o: o.raw + b"AB12CDE"),
    "bytes-before": ({1}, lambda o: b"AB12CDE" + o.raw),
    "bytes-between": ({1}, _smuggled_between),
    "archive-comment": ({1}, lambda o: o.raw[:-2] + b"\x07\x00AB12CDE"),
    "dated": ({1}, lambda o: _in_headers(o.raw, b"\x00\x00\x21\x00", b"\x00\x00\x22\x00")),
    "extra-field": ({1}, lambda o: packed(o.files, extra=b"\x99\x99\x07\x00AB12CDE")),
    "file-comment": ({1}, lambda o: packed(o.files, comment=b"AB12CDE")),
    "zip64": ({1}, lambda o: packed(o.files, zip64=True)),
    "checksums-behind": ({1}, lambda o: packed(o.files, to=_Pipe())),
    "two-checksums": ({1}, _local_header_of_its_own),
    "huge-directory": ({1}, _huge_directory),
    "one-file-many-times": ({1}, _one_file_many_times),
    "name-twice": ({1}, lambda o: _renamed(o, b"still-1.png")),
    "dot-dot-name": ({1}, lambda o: _renamed(o, b"../still.ng")),
    "absolute-name": ({1}, lambda o: _renamed(o, b"/etc/passwd")),
    "name-with-nul": ({1}, lambda o: _renamed(o, b"still-1.p\x00g")),
    "link": ({1}, lambda o: packed(o.files, mode=stat.S_IFLNK | 0o777)),
    "executable": ({1}, lambda o: packed(o.files, mode=stat.S_IFREG | 0o755)),
    "bomb": ({1}, lambda o: packed([*o.files, ("bomb.bin", bytes(2**26))], zipfile.ZIP_DEFLATED)),
    "compressed": ({1}, lambda o: packed(o.files, zipfile.ZIP_DEFLATED)),
    "too-many-files": ({1}, lambda o: packed([*o.files, *((f"{n}.txt", b"") for n in range(64))])),
    "empty-zip": ({2}, lambda o: packed([])),
    "manifest-missing": ({2}, lambda o: packed((n, c) for n, c in o.files if n != "manifest.json")),
    "duplicate-json-key": ({2}, lambda o: o.with_file("manifest.json", lambda m: b'{"format":"clearway-exhibit/4",' + m[1:])),
    "manifest-with-a-space": ({2}, lambda o: o.with_file("manifest.json", lambda m: m + b" ")),
    "manifest-nested-deeply": ({2}, lambda o: o.with_file("manifest.json", lambda m: b"[" * 100_000)),
    "manifest-of-another-format": ({2}, lambda o: o.with_file("manifest.json", lambda m: m.replace(b"exhibit/4", b"exhibit/5"))),
    "manifest-of-another-exhibit": ({2}, lambda o: o.with_file("manifest.json", lambda m: o.of_other("manifest.json"))),
    "changed-claim": ({2}, lambda o: o.with_file("manifest.json", _changed_claim)),
    "file-missing": ({3}, lambda o: packed((n, c) for n, c in o.files if n != "clip.mp4")),
    "file-added": ({3}, lambda o: packed([*o.files, ("note.txt", b"AB12CDE")])),
    "ledger-missing": ({3, 6}, lambda o: packed((n, c) for n, c in o.files if n != "ledger.tlog-proof")),
    "statement-missing": ({3, 5}, lambda o: packed((n, c) for n, c in o.files if n != "statement.dsse.json")),
    "changed-pixel": ({4}, lambda o: o.with_file("still-1.png", _changed_pixel)),
    "swapped-files": ({4}, _swapped_files),
    "other-instructions": ({4}, lambda o: o.with_file("VERIFY.md", lambda text: text + b"Send money.")),
    "signed-by-a-stranger": ({5, 7}, _resigned_by_a_stranger),
    "statement-of-another": ({5}, lambda o: o.with_file("statement.dsse.json", lambda s: o.of_other("statement.dsse.json"))),
    "statement-with-more": ({5}, lambda o: o.with_file("statement.dsse.json", lambda s: s[:-1] + b',"x":1}')),
    "statement-spelled-otherwise": ({5}, lambda o: o.with_file("statement.dsse.json", lambda s: s.replace(b":", b": ", 1))),
    "statement-of-another-kind": ({5}, _signed_as_something_else),
    "ledger-of-another": ({6}, lambda o: o.with_file("ledger.tlog-proof", lambda _: o.of_other("ledger.tlog-proof"))),
    "proof-of-another-tree": ({6}, _proof_of_another_tree),
    "backdated-entry": ({6}, _backdated_entry),
    "index-is-no-number": ({6}, lambda o: o.with_file("ledger.tlog-proof", lambda p: p.replace(b"index ", b"index +"))),
    "path-too-long": ({6}, lambda o: _with_proof(o, lambda proof: replace(proof, path=(bytes(32),) * 64))),
    "proof-with-more": ({6}, lambda o: o.with_file("ledger.tlog-proof", lambda p: p.replace(b"index", b"extra AB12CDE=\nindex"))),
    "proof-that-is-no-text": ({6}, lambda o: o.with_file("ledger.tlog-proof", lambda p: p + b"\xff")),
    "cut-ledger": ({6}, lambda o: o.with_file("ledger.tlog-proof", lambda p: p[: len(p) // 2])),
    "token-for-another-digest": ({8}, lambda o: _stamped(o, lambda _: o.office.stamped(b"another statement"))),
    "token-of-a-stranger": ({8}, lambda o: _stamped_by(o, "stranger")),
    "token-by-an-expired-certificate": ({8}, lambda o: _stamped_by(o, "expired", LONG_AGO, _CA_KEY)),
    "token-cut": ({8}, lambda o: _stamped(o, lambda statement: o.office.stamped(statement)[:-9])),
    "token-with-more": ({8}, lambda o: _stamped(o, lambda statement: o.office.stamped(statement) + b"AB12CDE")),
    "clocks-backwards-token": ({8}, _stamped_before_it_was_sealed),
    "clocks-backwards-sealing": ({8}, _sealed_before_it_passed),
    "clocks-backwards-frames": ({8}, _frames_backwards),
    "checkpoint-signature-broken": ({7}, _broken_signature),
}


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        original = Original.sealed_in(Path(folder))
        for name, (_, make) in SINS.items():
            (target / f"{name}.zip").write_bytes(make(original))
