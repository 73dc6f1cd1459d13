"""`clearway doctor` looks at what a hub keeps encrypted: each exhibit is there, opens with its key, and verifies."""

import json
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from tests.hub.world import Sealed, World, running

from clearway.cli.doctor import _vault
from clearway.cli.main import main
from clearway.errors import StoreError
from clearway.evidence.vault import Vault
from clearway.settings import Settings, StoreSettings, as_toml
from clearway.store import Store

Folder = tuple[Path, Sealed, Sealed]
WELL = "2 checked, all open with their keys and verify"


@pytest.fixture
def kept(folder: Folder) -> Folder:
    """A data folder whose exhibits a hub has taken in."""
    with running(*folder) as world:
        world.hub.sweep()
    assert sorted(path.name for path in (folder[0] / "vault").iterdir()) == sorted((folder[1].id, folder[2].id))
    return folder


def said(folder: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, tuple[bool, str]]:
    settings = folder.parent / "clearway.toml"
    settings.write_text(as_toml(Settings(store=StoreSettings(data=folder))))
    main(["doctor", "--json", "--settings", str(settings)])
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return {line["title"]: (line["well"], line["words"]) for line in lines}


def test_doctor_checks_the_vault_and_leaves_it_as_it_is(kept: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    data, wanted, _ = kept
    before = {path: path.read_bytes() for path in (data / "vault").iterdir()}
    found = said(data, capsys)
    assert found["Vault"] == (True, WELL)
    assert found["Exhibits"] == (True, "0 checked, all verify")
    assert {path: path.read_bytes() for path in (data / "vault").iterdir()} == before
    path = data / "vault" / wanted.id
    path.write_bytes(path.read_bytes()[:-1])
    well, words = said(data, capsys)["Vault"]
    assert not well and words.startswith("1 of 2 exhibits in the vault are not well, ")


def test_it_may_look_while_a_hub_runs(world: World) -> None:
    world.hub.sweep()
    assert _vault(world.data) == WELL
    world.clock.ahead = timedelta(days=4000)
    officer = world.officer()
    officer.type(world.wanted.id, world.wanted.plate)
    officer.open(world.wanted.id)
    officer.decide(world.wanted.id, "confirmed", "agrees")
    world.hub.sweep()
    assert not (world.data / "vault" / world.wanted.id).exists()
    assert _vault(world.data) == "1 checked, all open with their keys and verify"


def bent(data: Path, exhibit: str) -> None:
    path = data / "vault" / exhibit
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)


def swapped(data: Path, exhibit: str) -> None:
    other = next(path for path in (data / "vault").iterdir() if path.name != exhibit)
    shutil.copy(other, data / "vault" / exhibit)


def removed(data: Path, exhibit: str) -> None:
    (data / "vault" / exhibit).unlink()


def emptied(data: Path, exhibit: str) -> None:
    (data / "vault" / exhibit).write_bytes(b"")


def rewritten(data: Path, exhibit: str) -> None:
    """By somebody who has the key: another content, well encrypted."""
    with Store(data / "clearway.db") as store:
        key, noticed = store.key(exhibit), store.noticed(exhibit)
        assert key is not None and noticed is not None
        vault = Vault(data)
        content = vault.get(exhibit, key)
        assert content is not None
        at = content.index(b"IDAT") + 20
        store.notice(noticed, vault.put(exhibit, content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]))


SINS: dict[str, tuple[Callable[[Path, str], None], str]] = {
    "a bit that flipped": (bent, "is damaged, or was encrypted with another key"),
    "another exhibit in its place": (swapped, "is damaged, or was encrypted with another key"),
    "a file that is gone": (removed, "is missing"),
    "nothing": (emptied, "is damaged, or was encrypted with another key"),
    "rewritten": (rewritten, "does not verify"),
}


@pytest.mark.parametrize("sin", SINS)
def test_what_is_wrong_in_the_vault_is_found(kept: Folder, sin: str) -> None:
    data, wanted, _ = kept
    assert _vault(data) == WELL
    make, fault = SINS[sin]
    make(data, wanted.id)
    with pytest.raises(StoreError, match=f"1 of 2 exhibits in the vault are not well, the first, {wanted.id}, {fault}") as caught:
        _vault(data)
    assert "restore vault/ and clearway.db from one backup" in caught.value.remedy


def test_a_lost_or_older_database_is_found_before_a_hub_removes_what_it_has_no_key_of(folder: Folder) -> None:
    data, wanted, papers = folder
    with Store(data / "clearway.db"):
        pass
    shutil.copy(data / "clearway.db", data.parent / "older.db")
    with running(*folder) as world:
        world.hub.sweep()
    assert _vault(data) == WELL
    for older in (False, True):
        (data / "clearway.db").unlink(missing_ok=True)
        if older:
            shutil.copy(data.parent / "older.db", data / "clearway.db")
        with pytest.raises(StoreError, match="nobody has the key of 2 exhibits in the vault") as caught:
            _vault(data)
        assert min(wanted.id, papers.id) in caught.value.happened
        assert caught.value.remedy.startswith("start no hub before")
    assert len(list((data / "vault").iterdir())) == 2


def test_what_a_crash_left_is_no_fault(kept: Folder, folder: Folder) -> None:
    """A file without a key whose ZIP is still there, and one that is half written."""
    data, wanted, _ = kept
    other = "ab" * 32
    shutil.copy(data / "vault" / wanted.id, data / "vault" / other)
    (data / "vault" / f".{other}").write_bytes(b"half")
    with pytest.raises(StoreError, match=f"of 1 exhibits in the vault, the first is {other}"):
        _vault(data)
    (data / "exhibits" / f"{other}.zip").write_bytes(b"the ZIP that was being taken in")
    assert _vault(data) == WELL


def test_where_no_hub_ever_ran_there_is_no_vault(tmp_path: Path) -> None:
    assert _vault(tmp_path) == "no hub has taken exhibits in"
    assert list(tmp_path.iterdir()) == []
