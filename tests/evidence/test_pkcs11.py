"""The key that signs may stay in a token: what it signs is as good as a file's, and what is wrong with it is said with a remedy.

Real PKCS#11, against SoftHSM2; skipped where that is not installed.
"""

import itertools
import json
import shutil
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from pkcs11 import ObjectClass
from tests.evidence.hsm import PIN, SoftHsm, softhsm
from tests.evidence.test_two_verifiers import both
from tests.evidence.world import World

from clearway.camera.film import encode_clip
from clearway.cli.main import main
from clearway.edge.station import Station
from clearway.envelope import create_keys, load_public_key, verifies
from clearway.errors import ClearwayError, InstallationError, SettingsError, StoreError
from clearway.evidence.bundle import STATEMENT
from clearway.evidence.ledger import Event, Ledger
from clearway.evidence.pkcs11 import PIN_VARIABLE, TokenKey, TokenSigner, open_signer
from clearway.evidence.verify import contents, verify
from clearway.settings import EvidenceSettings, Settings, SignerSettings, StoreSettings, as_toml, load
from clearway.testing import contracts

numbers = itertools.count(1)


@pytest.fixture
def hsm(monkeypatch: pytest.MonkeyPatch) -> SoftHsm:
    monkeypatch.setenv(PIN_VARIABLE, PIN)
    return softhsm()


@pytest.fixture
def label() -> str:
    """Of a token that no other test knows."""
    return f"lab {next(numbers)}"


@pytest.fixture
def named(hsm: SoftHsm, label: str) -> TokenKey:
    return hsm.token(label)


def settings_of(named: TokenKey, data: Path) -> Settings:
    signer = SignerSettings(
        module=str(named.module), token=named.token, key=named.key, pin_file=str(named.pin_file) if named.pin_file else ""
    )
    return Settings(evidence=EvidenceSettings(signer=signer), store=StoreSettings(data=data))


# --- what it signs ---


def test_it_signs_as_every_signer_does(named: TokenKey) -> None:
    signer = TokenSigner(named)
    contracts.signer(signer)
    again = TokenSigner(named)
    assert (again.key_id, again.public_key()) == (signer.key_id, signer.public_key())
    assert signer.sign(b"") == again.sign(b""), "Ed25519 has no dice"
    assert signer.kind == "SoftHSM project SoftHSM v2" and not signer.can_leave


def test_threads_take_turns(named: TokenKey) -> None:
    signers, wrong = [TokenSigner(named) for _ in range(2)], []

    def work(signer: TokenSigner, number: int) -> None:
        for turn in range(25):
            message = b"%d %d" % (number, turn)
            if not verifies(signer.public_key(), signer.sign(message), message):
                wrong.append(message)

    threads = [threading.Thread(target=work, args=(signers[number % 2], number)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_an_exhibit_that_a_token_signed_is_as_good_as_any(named: TokenKey, tmp_path: Path) -> None:
    world = World(tmp_path / "data", encode_clip, token=named, credentials=True)
    path = Path(world.seal().path)
    key = load_public_key(tmp_path / "data" / "keys" / "clearway.pub")
    assert all(both(path, [key]))
    assert main(["verify", str(path)]) == 0 and main(["fsck", str(world.data)]) == 0
    # As VERIFY.md has it, by openssl alone.
    envelope = json.loads(contents(path)[STATEMENT])
    payload, signature = (
        subprocess.run(["base64", "-d"], input=text.encode(), capture_output=True, check=True).stdout
        for text in (envelope["payload"], envelope["signatures"][0]["sig"])
    )
    signed = b"DSSEv1 28 application/vnd.in-toto+json %d %s" % (len(payload), payload)
    (tmp_path / "signed.bin").write_bytes(signed)
    (tmp_path / "statement.sig").write_bytes(signature)
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", f"{world.data}/keys/clearway.pub", "-rawin"]
    command += ["-in", "signed.bin", "-sigfile", "statement.sig"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "Signature Verified Successfully" in done.stdout, done.stderr
    assert World(world.data, token=named).ledger.size == 1, "it is opened again"


def test_neither_the_key_nor_its_pin_is_anywhere_in_the_data_folder(named: TokenKey, tmp_path: Path) -> None:
    data = tmp_path / "data"
    station = Station(data, settings_of(named, data))
    station.ledger.append(Event.LIST_PUBLISH, "ab" * 32, World(tmp_path / "other").sealed_at, "operator:cli")
    assert [path.name for path in (data / "keys").iterdir()] == ["clearway.pub"]
    everything = [path.read_bytes() for path in data.rglob("*") if path.is_file()]
    assert everything and not any(PIN.encode() in content or b"PRIVATE" in content for content in everything)
    signer = station.signer
    seen = [repr(named), repr(signer), repr(vars(signer)), repr(settings_of(named, data)), as_toml(settings_of(named, data))]
    assert not any(PIN in words for words in seen)


# --- what is wrong with it ---


def renamed(hsm: SoftHsm, named: TokenKey, kind: ObjectClass, new: str) -> TokenKey:
    hsm.rename(named.token, kind, "road", new)
    return named


def with_key(hsm: SoftHsm, named: TokenKey, kind: str) -> TokenKey:
    hsm.make(named.token, kind, kind)
    return replace(named, key=kind)


def with_two(hsm: SoftHsm, named: TokenKey, kind: str = "Ed25519") -> TokenKey:
    hsm.make(named.token, "road", kind)
    return named


def of_two_pairs(hsm: SoftHsm, named: TokenKey) -> TokenKey:
    hsm.rename(named.token, ObjectClass.PUBLIC_KEY, "road", "old road")
    hsm.make(named.token, "new road")
    hsm.rename(named.token, ObjectClass.PUBLIC_KEY, "new road", "road")
    return named


def twice(hsm: SoftHsm, named: TokenKey) -> TokenKey:
    hsm.new_token(named.token)
    return named


# sin → (what is named instead, what is said, what to do)
SINS: dict[str, tuple[Callable[[SoftHsm, TokenKey], TokenKey], type[ClearwayError], str, str]] = {
    "no such library": (
        lambda hsm, named: replace(named, module=Path("/nowhere/libsofthsm2.so")),
        InstallationError,
        "/nowhere/libsofthsm2.so is no PKCS#11 library",
        "evidence.signer.module",
    ),
    "a library of another kind": (
        lambda hsm, named: replace(named, module=Path("libc.so.6")),
        InstallationError,
        "libc.so.6 is no PKCS#11 library that can be loaded: ",
        "evidence.signer.module",
    ),
    "a token that is not there": (
        lambda hsm, named: replace(named, token="nobody's"),
        StoreError,
        "none of the tokens at .* is called \"nobody's\"; there: .*'lab",
        "plug it in",
    ),
    "two tokens of one label": (twice, StoreError, "2 of the tokens at", "that it alone has"),
    "no such key": (
        lambda hsm, named: replace(named, key="rail"),
        StoreError,
        "has no public key with the label 'rail'",
        "evidence.signer.key",
    ),
    "no public key": (
        lambda hsm, named: renamed(hsm, named, ObjectClass.PUBLIC_KEY, "rail"),
        StoreError,
        "has no public key with the label 'road'",
        "evidence.signer.key",
    ),
    "no private key": (
        lambda hsm, named: renamed(hsm, named, ObjectClass.PRIVATE_KEY, "rail"),
        StoreError,
        "has no private key with the label 'road'",
        "evidence.signer.key",
    ),
    "two keys of one label": (with_two, StoreError, "has 2 public keys with the label 'road'", "evidence.signer.key"),
    "halves of two pairs": (of_two_pairs, StoreError, "is not one pair", "the same label"),
    "RSA": (
        lambda hsm, named: with_key(hsm, named, "RSA"),
        StoreError,
        "the key 'RSA' in the token .* is RSA, not Ed25519",
        "make an",
    ),
    "P-256": (lambda hsm, named: with_key(hsm, named, "P-256"), StoreError, "is EC, not Ed25519", "make an Ed25519 key pair"),
    "Ed448": (
        lambda hsm, named: with_key(hsm, named, "Ed448"),
        StoreError,
        "is of another Edwards curve, not Ed25519",
        "make an",
    ),
}


@pytest.mark.parametrize("sin", SINS)
def test_what_is_not_as_it_was_named_is_said(hsm: SoftHsm, named: TokenKey, sin: str) -> None:
    make, kind, happened, remedy = SINS[sin]
    with pytest.raises(kind, match=happened) as caught:
        TokenSigner(make(hsm, named))
    assert remedy in caught.value.remedy
    assert PIN not in caught.value.diagnosis()


@pytest.mark.parametrize("pin", ["4712-canary", "1", "9" * 200, "pín"])
def test_a_wrong_pin_is_said_and_not_shown(named: TokenKey, monkeypatch: pytest.MonkeyPatch, pin: str) -> None:
    monkeypatch.setenv(PIN_VARIABLE, pin)
    with pytest.raises(StoreError, match="does not take the PIN of the variable CLEARWAY_PIN") as caught:
        TokenSigner(named)
    assert "locks itself" in caught.value.remedy
    assert len(pin) == 1 or pin not in caught.value.diagnosis()
    monkeypatch.setenv(PIN_VARIABLE, PIN)
    assert TokenSigner(named)


def test_no_pin_is_said(named: TokenKey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PIN_VARIABLE)
    with pytest.raises(StoreError, match="nobody says the PIN") as caught:
        TokenSigner(named)
    assert PIN_VARIABLE in caught.value.remedy and "pin_file" in caught.value.remedy


def test_a_pin_may_come_from_a_file_for_its_owner_only(named: TokenKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PIN_VARIABLE)
    path = tmp_path / "pin"
    in_file = replace(named, pin_file=path)
    with pytest.raises(StoreError, match=r"pin, cannot be read \(FileNotFoundError\)"):
        TokenSigner(in_file)
    for content, mode, fault in (
        (PIN, 0o640, "can be read by others than its owner"),
        (PIN, 0o604, "can be read by others than its owner"),
        ("", 0o600, "holds no PIN"),
        ("\n", 0o600, "holds no PIN"),
        (f"{PIN}\n\n", 0o600, "holds no PIN"),
        ("7" * 300, 0o600, "holds no PIN"),
        ("\udcff", 0o600, "cannot be read"),
        (f"{PIN}0", 0o600, f"does not take the PIN of {path}"),
    ):
        path.write_bytes(content.encode(errors="surrogateescape"))
        path.chmod(mode)
        with pytest.raises(StoreError, match=fault) as caught:
            TokenSigner(in_file)
        assert PIN not in caught.value.diagnosis()
    for content in (PIN, f"{PIN}\n"):
        path.write_text(content)
        assert TokenSigner(in_file).sign(b"road")


def test_a_token_that_is_gone_is_said_and_the_ledger_keeps_nothing_of_it(named: TokenKey, tmp_path: Path) -> None:
    world = World(tmp_path / "data", token=named)
    assert isinstance(world.signer, TokenSigner)
    world.ledger.append(Event.LIST_PUBLISH, "ab" * 32, world.sealed_at, "operator:cli")
    world.signer._session.close()
    with pytest.raises(StoreError, match=f"the token '{named.token}' fails: ") as caught:
        world.seal()
    assert "plugged in" in caught.value.remedy
    with pytest.raises(StoreError, match="fails: "):
        world.ledger.append(Event.LIST_PUBLISH, "cd" * 32, world.sealed_at, "operator:cli")
    back = World(tmp_path / "data", token=named)
    assert [entry.subject for entry in back.ledger.entries()] == ["ab" * 32]
    assert list((tmp_path / "data" / "exhibits").iterdir()) == []
    assert verify(Path(back.seal().path), back.keys).passed


def test_without_the_package_it_says_what_to_install(named: TokenKey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pkcs11", None)
    with pytest.raises(InstallationError, match="needs python-pkcs11") as caught:
        TokenSigner(named)
    assert "clearway[pkcs11]" in caught.value.remedy


# --- one folder, one key ---


def test_a_data_folder_keeps_its_key(hsm: SoftHsm, named: TokenKey, tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert Station(data, settings_of(named, data)).new_keys
    assert not Station(data, settings_of(named, data)).new_keys
    public = (data / "keys" / "clearway.pub").read_bytes()
    hsm.make(named.token, "rail")
    with pytest.raises(StoreError, match="is not that of") as caught:
        Station(data, settings_of(replace(named, key="rail"), data))
    assert "store.data" in caught.value.remedy
    with pytest.raises(StoreError, match="its ledger was begun with it") as caught:
        Station(data, Settings())
    assert "[evidence.signer]" in caught.value.remedy
    with pytest.raises(StoreError, match="cannot be read"):
        open_signer(data / "keys", None)
    assert (data / "keys" / "clearway.pub").read_bytes() == public, "nothing was put in its place"
    own = tmp_path / "own"
    Ledger(own / "ledger", create_keys(own / "keys"))
    with pytest.raises(StoreError, match="is not that of"):
        Station(own, settings_of(named, own))


def test_a_lost_key_file_is_not_replaced_by_a_new_one(tmp_path: Path) -> None:
    Station(tmp_path, Settings())
    public = (tmp_path / "keys" / "clearway.pub").read_bytes()
    (tmp_path / "keys" / "clearway.key").unlink()
    with pytest.raises(StoreError, match="and its ledger was begun with it"):
        Station(tmp_path, Settings())
    assert (tmp_path / "keys" / "clearway.pub").read_bytes() == public
    shutil.rmtree(tmp_path / "keys")
    with pytest.raises(StoreError, match="and its ledger was begun with it"):
        Station(tmp_path, Settings())


# --- the verbs ---


def test_the_verbs_sign_with_the_token(
    hsm: SoftHsm, named: TokenKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("clearway.toml").write_text(as_toml(settings_of(named, Path("data"))))
    assert load().evidence.signer.named() == named
    assert main(["init"]) == 0
    assert f"data/keys: the key 'road' in the token '{named.token}'\n" in capsys.readouterr().err
    assert main(["init"]) == 0
    assert "data/keys: the keys that were there\n" in capsys.readouterr().err
    assert stat.S_IMODE(Path("data/keys/clearway.pub").stat().st_mode) == 0o644
    world = World(Path("data"), token=named)
    world.seal()
    assert main(["cosign"]) == 0
    assert capsys.readouterr().out.startswith("clearway/ledger/")
    assert main(["purge"]) == 0
    where = f"as 'road' in the token '{named.token}' (SoftHSM project SoftHSM v2), which keeps it"
    assert keys_of(capsys) == (True, f"key {world.signer.key_id[:16]}… signs, {where}")
    hsm.make(named.token, "loose", extractable=True)
    other = replace(named, key="loose")
    Path("clearway.toml").write_text(as_toml(settings_of(other, Path("other"))))
    assert main(["init"]) == 0
    capsys.readouterr()
    well, words = keys_of(capsys)
    assert not well and "would hand it out" in words


def keys_of(capsys: pytest.CaptureFixture[str]) -> tuple[bool, str]:
    """What doctor says of the keys."""
    capsys.readouterr()
    main(["doctor", "--json"])
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return next((one["well"], one["words"]) for one in said if one["title"] == "Keys")


@pytest.mark.parametrize(
    "lines",
    ['module = "a.so"', 'token = "lab"', 'module = "a.so"\ntoken = "lab"', 'pin_file = "pin"', 'pin = "4711"'],
)
def test_settings_that_name_half_a_key_are_refused(tmp_path: Path, lines: str) -> None:
    path = tmp_path / "clearway.toml"
    path.write_text(f"[evidence.signer]\n{lines}\n")
    with pytest.raises(SettingsError, match=r"evidence\.signer") as caught:
        load(path)
    assert "4711" not in caught.value.diagnosis()
