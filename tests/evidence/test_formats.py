"""docs/formats says what the program does: its example is a real exhibit, and every key that one has is explained."""

import base64
import json
import re
from pathlib import Path

import pytest
from tests.evidence.golden import FOLDER, Office
from tests.evidence.sins import packed
from tests.evidence.world import World

from clearway.envelope import key_id, load_public_key
from clearway.evidence import canonical
from clearway.evidence.ledger import Event, read_entry
from clearway.evidence.merkle import leaf_hash, verify_inclusion
from clearway.evidence.note import read_checkpoint, read_proof
from clearway.evidence.tiles import bundle
from clearway.evidence.token import known_authorities
from clearway.evidence.verify import contents, verify

EXHIBIT_MD, LEDGER_MD = FOLDER.parent / "exhibit.md", FOLDER.parent / "ledger.md"
EXAMPLE, *EARLIER_EXAMPLES = (
    next((FOLDER.parent / name).glob("*.zip")) for name in (FOLDER.name, "example-3", "example-2", "example-1")
)
FIRST_EXAMPLE = EARLIER_EXAMPLES[-1]


@pytest.mark.parametrize("example", [EXAMPLE, *EARLIER_EXAMPLES])
def test_the_examples_verify_for_ever(example: Path) -> None:
    key = load_public_key(example.with_name("clearway.pub"))
    report = verify(example, {key_id(key): key}, authorities=known_authorities(example.parent))
    assert report.passed, report


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"index":0', b'"index":1'),
        (b'"index":0', b'"index":false'),
        (b'"size":1', b'"size":2'),
        (b'"path":[]', b'"path":[7]'),
        (b'"path":[]', b'"path":["' + b"A" * 43 + b'="]'),
        (b"camera:north-gate", b"camera:south-gate"),
        (b'"size":1', b'"size":1,"tree":1'),
        (b"08:30:09", b"08:30:10"),
    ],
)
def test_a_changed_proof_in_the_first_format_is_found(tmp_path: Path, old: bytes, new: bytes) -> None:
    files = contents(FIRST_EXAMPLE)
    assert old in files["ledger.json"]
    path = tmp_path / FIRST_EXAMPLE.name
    path.write_bytes(packed((files | {"ledger.json": files["ledger.json"].replace(old, new)}).items()))
    key = load_public_key(FIRST_EXAMPLE.with_name("clearway.pub"))
    assert [step.number for step in verify(path, {key_id(key): key}).steps if not step.passed] == [6, 7]


def test_the_page_shows_the_example_as_it_is() -> None:
    page, files = EXHIBIT_MD.read_text(), contents(EXAMPLE)
    manifest, statement, line = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    assert canonical.dumps(json.loads(manifest)) == files["manifest.json"]
    payload = json.loads(files["statement.dsse.json"])["payload"]
    assert canonical.dumps(json.loads(statement)) == base64.b64decode(payload)
    assert f"```text\n{files['ledger.tlog-proof'].decode()}```" in page
    proof = read_proof(files["ledger.tlog-proof"].decode())
    signed = read_checkpoint(proof.checkpoint)
    assert verify_inclusion(leaf_hash(line.strip().encode()), proof.index, signed.size, proof.path, signed.root)
    assert f"example/{EXAMPLE.name}" in page
    listed = re.search(r"in their order:\n\n((?:    .+\n)+)", page)
    assert listed is not None
    assert [line.split()[0] for line in listed[1].splitlines()] == list(files)


def test_the_ledgers_page_shows_the_examples_line_and_checkpoint() -> None:
    page, proof = LEDGER_MD.read_text(), read_proof(contents(EXAMPLE)["ledger.tlog-proof"].decode())
    (line,) = re.findall(r"```json\n(.*?)\n```", page, re.DOTALL)
    entry = read_entry(line.encode())
    assert (entry.subject, bundle([line.encode()])[:2].hex(" ")) == (EXAMPLE.stem, "00 a1")
    assert proof.checkpoint in page
    for event in Event:
        assert f"`{event}`" in page


def test_every_key_is_explained_and_those_of_today_are_those_of_the_example(tmp_path: Path) -> None:
    world = World(tmp_path / "data", authority=Office(tmp_path / "office"))
    fresh = json.loads(contents(Path(world.seal_red().path))["manifest.json"])
    shown = json.loads(contents(EXAMPLE)["manifest.json"])
    assert _keys(fresh) == _keys(shown)
    page = EXHIBIT_MD.read_text()
    for key in fresh:
        assert f"| `{key}` |" in page


def _keys(value: object, at: str = "") -> set[str]:
    """Every path of keys in `value`; lists count as one."""
    if isinstance(value, dict):
        return {f"{at}.{key}" for key in value} | {path for key in value for path in _keys(value[key], f"{at}.{key}")}
    if isinstance(value, list):
        return {path for item in value for path in _keys(item, at)}
    return set()
