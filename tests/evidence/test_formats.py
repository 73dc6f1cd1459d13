"""docs/formats says what the program does: its example is a real exhibit, and every key that one has is explained."""

import base64
import json
import re
from pathlib import Path

import pytest
from tests.evidence.golden import FOLDER, FOLDER_1, Office
from tests.evidence.world import World

from clearway.envelope import key_id, load_public_key
from clearway.evidence import canonical
from clearway.evidence.ledger import Event
from clearway.evidence.token import known_authorities
from clearway.evidence.verify import contents, verify

EXHIBIT_MD, LEDGER_MD = FOLDER.parent / "exhibit.md", FOLDER.parent / "ledger.md"
EXAMPLE = next(FOLDER.glob("*.zip"))


@pytest.mark.parametrize("folder", [FOLDER_1, FOLDER])
def test_the_examples_verify_for_ever(folder: Path) -> None:
    key = load_public_key(folder / "clearway.pub")
    (path,) = folder.glob("*.zip")
    report = verify(path, {key_id(key): key}, known_authorities(folder))
    assert report.passed, report


def test_the_page_shows_the_example_as_it_is() -> None:
    page, files = EXHIBIT_MD.read_text(), contents(EXAMPLE)
    manifest, statement, ledger = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    assert canonical.dumps(json.loads(manifest)) == files["manifest.json"]
    payload = json.loads(files["statement.dsse.json"])["payload"]
    assert canonical.dumps(json.loads(statement)) == base64.b64decode(payload)
    assert canonical.dumps(json.loads(ledger)) == files["ledger.json"]
    assert f"example/{EXAMPLE.name}" in page
    listed = re.search(r"in their order:\n\n((?:    .+\n)+)", page)
    assert listed is not None
    assert [line.split()[0] for line in listed[1].splitlines()] == list(files)


def test_the_ledgers_page_shows_the_examples_line_and_checkpoint() -> None:
    page, said = LEDGER_MD.read_text(), json.loads(contents(EXAMPLE)["ledger.json"])
    assert canonical.dumps(said["entry"]).decode() in page
    assert said["checkpoint"] in page
    for event in Event:
        assert f"`{event}`" in page


def test_every_key_is_explained_and_those_of_today_are_those_of_the_example(tmp_path: Path) -> None:
    world = World(tmp_path / "data", authority=Office(tmp_path / "office"))
    fresh = json.loads(contents(Path(world.seal().path))["manifest.json"])
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
