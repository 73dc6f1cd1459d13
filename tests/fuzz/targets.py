"""One target for each parser of foreign bytes: what it may raise on any bytes at all, and what it must not accept.

A target is a function of bytes that returns nothing, and raises where the parser broke its word. `tests/fuzz/corpus/NAME/` holds
the bytes to begin with: what is right, and what once was a finding.
"""

import os
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

from clearway import settings
from clearway.check import hotlist, lists, register
from clearway.edge.scenes import parse_law, parse_scene
from clearway.envelope import EnvelopeError, key_id, load_public_key, open_sealed, parse
from clearway.errors import ListError, SettingsError, StoreError
from clearway.evidence import canonical, note, tiles
from clearway.evidence.bundle import BundleError, opened
from clearway.evidence.fsck import fsck
from clearway.evidence.ledger import read_entry
from clearway.evidence.token import TokenError, check, kept, known_authorities, load_certificates
from clearway.evidence.vault import Vault
from clearway.evidence.verify import PAYLOAD_TYPE, verify

CORPUS = Path(__file__).with_name("corpus")
FORMATS = Path(__file__).parents[2] / "docs" / "formats"
NOW = datetime(2026, 11, 26, tzinfo=UTC)

Target = Callable[[bytes], None]


@dataclass(frozen=True)
class Example:
    """A real exhibit with all that its verifier needs."""

    path: Path
    raw: bytes
    files: tuple[tuple[str, bytes], ...]
    key: bytes
    authorities: tuple[Any, ...]


@cache
def example() -> Example:
    folder = FORMATS / "example"
    (path,) = folder.glob("*.zip")
    with zipfile.ZipFile(path) as bundle:
        files = tuple((name, bundle.read(name)) for name in bundle.namelist())
    return Example(path, path.read_bytes(), files, load_public_key(folder / "clearway.pub"), known_authorities(folder))


@cache
def _file(name: str) -> bytes:
    return dict(example().files)[name]


@cache
def _standalone() -> dict[str, Any]:
    """The second verifier, which is a program and no module."""
    names: dict[str, Any] = {"__name__": "standalone_verify"}
    exec(compile((FORMATS / "verify.py").read_bytes(), "verify.py", "exec"), names)
    return names


@contextmanager
def _lying_there(raw: bytes, name: str = "exhibit.zip") -> Iterator[Path]:
    """A file with that content, in memory where the machine has room for that."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as folder:
        path = Path(folder) / name
        path.write_bytes(raw)
        yield path


def _both(raw: bytes) -> bool:
    """Whether an exhibit passes, once both verifiers say the same of every step."""
    it = example()
    with _lying_there(raw) as path:
        ours = [step.passed for step in verify(path, {key_id(it.key): it.key}, authorities=it.authorities).steps]
        theirs = [passed for passed, _ in _standalone()["verify"](path, [it.key], it.authorities)]
        in_memory = verify(path, {key_id(it.key): it.key}, authorities=it.authorities, content=raw).steps
    assert ours == theirs, f"the verifiers disagree: {ours} and {theirs}"
    assert [step.passed for step in in_memory] == ours
    return all(ours)


def bundle(raw: bytes) -> None:
    """A container as a stranger sends it."""
    with suppress(BundleError), opened(raw) as content:
        for name in content.members:
            content.read(name)
    assert not _both(raw) or raw == example().raw, "something else than what was sealed passes"


def exhibit(raw: bytes) -> None:
    """One file of a real exhibit is another: its number, where the new part begins and how much of the old it replaces, then the
    new part. The container is made anew, so that all steps are reached."""
    files = example().files
    place, content = raw[0] % len(files) if raw else 0, raw[5:]
    name, old = files[place]
    at, gone = int.from_bytes(raw[1:3]) % (len(old) + 1), int.from_bytes(raw[3:5])
    changed = tuple((n, old[:at] + content + old[at + gone :]) if n == name else (n, c) for n, c in files)
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as writer:
        for each, held in changed:
            info = zipfile.ZipInfo(each)
            info.create_system, info.external_attr = 3, 0o100644 << 16
            with writer.open(info, "w") as member:
                member.write(held)
    assert not _both(packed.getvalue()) or changed == files, f"{name} may be something else than what was sealed"


def dsse(raw: bytes) -> None:
    it = example()
    with suppress(EnvelopeError):
        parse(raw)
    with suppress(EnvelopeError):
        payload, _ = open_sealed(raw, PAYLOAD_TYPE, {key_id(it.key): it.key})
        assert payload == open_sealed(_file("statement.dsse.json"), PAYLOAD_TYPE, {key_id(it.key): it.key})[0]


def json_text(raw: bytes) -> None:
    with suppress(ValueError):
        assert canonical.dumps(canonical.loads(raw)) == raw, "a text has one spelling"


def signed_note(raw: bytes) -> None:
    text = raw.decode(errors="surrogateescape")
    for read in (note.read_note, note.read_checkpoint, note.read_vkey, note.read_signatures, note.read_add_checkpoint):
        with suppress(ValueError):
            read(text)
    with suppress(ValueError):
        assert note.read_note(text).raw() == text
    with suppress(ValueError):
        assert note.read_proof(text).text() == text
    if note.checkpoint_signed_by(text, example().key):
        signed = note.read_proof(_file("ledger.tlog-proof").decode()).checkpoint
        assert note.read_note(text).text == note.read_note(signed).text, "another checkpoint counts as signed"
    note.cosigned_at(text, note.Verifier("witness", example().key, note.COSIGNATURE))


def tile_bundle(raw: bytes) -> None:
    with suppress(ValueError):
        lines = tiles.read_bundle(raw)
        assert tiles.bundle(lines) == raw
        for line in lines:
            with suppress(ValueError):
                assert read_entry(line).line() == line


def ledger_files(raw: bytes) -> None:
    """A copy of a ledger in which one file has another content."""
    names = ("checkpoint", "tile/0/000.p/3", "tile/entries/000.p/3")
    public, right = _ledger()
    name, content = names[raw[0] % len(names)] if raw else names[0], raw[1:]
    with _lying_there(b"", "nothing") as path:
        for each, held in right.items():
            (path.parent / each).parent.mkdir(parents=True, exist_ok=True)
            (path.parent / each).write_bytes(content if each == name else held)
        report = fsck(path.parent, public)
    same = content == right[name]
    if name == "checkpoint":
        same = same or note.checkpoint_signed_by(content.decode(errors="surrogateescape"), public)  # more cosignatures
    assert not report.passed or same, f"{name} may be something else"


@cache
def _ledger() -> tuple[bytes, dict[str, bytes]]:
    folder = CORPUS / "_ledger"
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return load_public_key(folder / "clearway.pub"), {name: raw for name, raw in files.items() if name != "clearway.pub"}


def ledger_entry(raw: bytes) -> None:
    with suppress(ValueError):
        assert read_entry(raw).line() == raw


def hot_list(raw: bytes) -> None:
    try:
        lines, _ = hotlist.parse(raw, NOW)
    except ListError:
        return
    for plate, joined in lines.items():
        for line in joined.split("\n"):
            fields = line.split("\t")
            assert fields[0] == plate and fields[3] in set(hotlist.Reason) and len(fields) == len(hotlist.HEADER)
            ends = lists.time_of(fields[8])
            assert ends is not None and ends > NOW, "an entry without an end, or past it, is in force"


def register_extract(raw: bytes) -> None:
    with suppress(ListError):
        for plate, joined in register.parse(raw).items():
            assert all(line.split("\t")[0] == plate for line in joined.split("\n"))


def list_at_rest(raw: bytes) -> None:
    """A signed list as it lies in the data folder, which somebody may have changed."""
    public, right = _signed_list()
    with _lying_there(raw, hotlist.FILE_NAME) as path, suppress(ListError):
        loaded = lists.load(path, hotlist.HEADER, hotlist.PAYLOAD_TYPE, {key_id(public): public})
        hotlist.load(path.parent, {key_id(public): public})
        path.write_bytes(right)
        before = lists.load(path, hotlist.HEADER, hotlist.PAYLOAD_TYPE, {key_id(public): public})
        assert loaded is not None and before is not None
        assert (loaded.lines, loaded.published_at) == (before.lines, before.published_at), "an unsigned list answers"


@cache
def _signed_list() -> tuple[bytes, bytes]:
    folder = CORPUS / "_list"
    return load_public_key(folder / "clearway.pub"), (folder / hotlist.FILE_NAME).read_bytes()


def settings_file(raw: bytes) -> None:
    with _lying_there(raw, settings.FILE_NAME) as path, suppress(SettingsError):
        again = settings.load(path)
        path.write_text(settings.as_toml(again), encoding="utf-8")
        assert settings.load(path) == again, "what was read can be written, and means the same"


def scene_file(raw: bytes) -> None:
    with suppress(SettingsError):
        scene = parse_scene(raw, "scene.toml")
        scene.local(NOW)


def law_pack(raw: bytes) -> None:
    with suppress(SettingsError):
        parse_law(raw, "law pack").speed.at_kmh(100.0)


def timestamp_token(raw: bytes) -> None:
    it, statement = example(), _file("statement.dsse.json")
    with suppress(TokenError):
        kept(raw)
    with suppress(TokenError):
        token = check(raw, statement, it.authorities)
        assert token == check(_file("timestamp.tsr"), statement, it.authorities), "another time counts as stamped"


def pem(raw: bytes) -> None:
    with _lying_there(raw, "key.pem") as path:
        for read in (load_public_key, load_certificates):
            with suppress(StoreError):
                read(path)


def vault_file(raw: bytes) -> None:
    """What lies in the vault, changed by somebody who has not its key."""
    with _lying_there(b"", "nothing") as path:
        vault, name = Vault(path.parent), "ab" * 32
        key = vault.put(name, b"what was sealed")
        (path.parent / "vault" / name).write_bytes(raw)
        assert vault.get(name, key) is None


TARGETS: dict[str, Target] = {
    "bundle": bundle,
    "exhibit": exhibit,
    "dsse": dsse,
    "json": json_text,
    "note": signed_note,
    "tiles": tile_bundle,
    "ledger": ledger_files,
    "entry": ledger_entry,
    "hotlist": hot_list,
    "register": register_extract,
    "list": list_at_rest,
    "settings": settings_file,
    "scene": scene_file,
    "law": law_pack,
    "token": timestamp_token,
    "pem": pem,
    "vault": vault_file,
}


def seeds(name: str) -> list[bytes]:
    """What to begin with: the kept corpus, and real files of that kind that lie in the project already."""
    it, laws = example(), Path(settings.__file__).parent / "rules" / "laws"
    entry = b'{"at":"2026-11-25T17:54:59.250000Z","by":"camera:north-gate","event":"exhibit:seal","subject":"%s"}' % (b"ab" * 32)
    _, ledger = _ledger()
    real: dict[str, list[bytes]] = {
        "bundle": [it.raw],
        "exhibit": [bytes([place, 0, 40, 0, 3]) + content[40:43] for place, (_, content) in enumerate(it.files)],
        "dsse": [_file("statement.dsse.json")],
        "json": [_file("manifest.json"), _file("readings.json")],
        "note": [
            _file("ledger.tlog-proof"),
            _file("ledger.tlog-proof").partition(b"\n\n")[2],
            b"old 3\n\n" + ledger["checkpoint"],
        ],
        "tiles": [ledger["tile/entries/000.p/3"]],
        "ledger": [
            bytes([place]) + ledger[each] for place, each in enumerate(("checkpoint", "tile/0/000.p/3", "tile/entries/000.p/3"))
        ],
        "entry": [entry],
        "list": [_signed_list()[1]],
        "settings": [settings.as_toml(settings.Settings()).encode()],
        "scene": [(Path(__file__).parents[1] / "edge" / "scene.toml").read_bytes()],
        "law": [path.read_bytes() for path in sorted(laws.glob("*.toml"))],
        "token": [_file("timestamp.tsr")],
        "pem": [(FORMATS / "example" / each).read_bytes() for each in ("clearway.pub", "tsa.pem")],
        "vault": [b"clearway-vault/1\n" + bytes(31)],
    }
    corpus = CORPUS / name
    found = [path.read_bytes() for path in sorted(corpus.iterdir())] if corpus.is_dir() else []
    return real.get(name, []) + found
