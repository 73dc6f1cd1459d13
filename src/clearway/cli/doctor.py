"""`clearway doctor`: what is wrong with this installation, and what to do."""

import argparse
import json
import os
import shutil
import socket
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import cv2
import numpy as np

from clearway import settings as settings_file
from clearway.check import hotlist, register
from clearway.edge.lookout import kept
from clearway.edge.station import DATABASE, KEYS, LEDGER, LISTS, first_sight, first_view, now
from clearway.envelope import KEY_NAME, PUBLIC_KEY_NAME, load_public_key, trusted
from clearway.errors import ClearwayError, InstallationError, SettingsError, StoreError
from clearway.evidence.bundle import EXHIBITS_FOLDER, list_exhibits
from clearway.evidence.fsck import check
from clearway.evidence.ledger import Ledger
from clearway.evidence.pkcs11 import TokenSigner, open_signer
from clearway.evidence.token import known_authorities
from clearway.evidence.vault import VAULT_FOLDER, Vault
from clearway.evidence.verify import verify
from clearway.evidence.witness import Witnesses
from clearway.facts import Box, Detection, Frame, Kind
from clearway.scene import Order, Scene
from clearway.settings import Settings
from clearway.sight.view import REMEDIES, WORDS, Look
from clearway.store import Store

ROOM_MIN_MB = 500
EXHIBITS_CHECKED_MAX = 100
# A survey or an order needs some weeks to be renewed.
ENDS_SOON_DAYS = 30
PACKAGES = ("av", "cryptography", "fastapi", "numpy", "onnxruntime", "opencv-python-headless", "rfc3161-client", "sqlalchemy")

_DESCRIPTION = """\
Tries every part that a camera's program and the hub need, and says of each whether it works; for what does not, what to do."""
_EPILOG = """\
examples:
  clearway doctor                      the data folder of clearway.toml, or ./clearway-data
  clearway doctor --data /srv/clearway --json

exit code: 0 where all is well, 9 where something needs doing"""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was tried: `remedy` is empty where it works."""

    title: str
    words: str
    remedy: str = ""

    @property
    def well(self) -> bool:
        return not self.remedy


def add_to(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    verb = verbs.add_parser(
        "doctor",
        help="say what is wrong with this installation, and what to do",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verb.add_argument("--data", metavar="DIR", type=Path, help="the data folder (default: settings store.data, clearway-data)")
    verb.add_argument("--settings", metavar="FILE", type=Path, help="a settings file (default: ./clearway.toml, if any)")
    verb.add_argument("--json", action="store_true", help="print one JSON line a check")
    verb.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """0 where all is well, else 9."""
    well = True
    for found in _checks(given):
        well = well and found.well
        if given.json:
            print(json.dumps({"title": found.title, "well": found.well, "words": found.words, "remedy": found.remedy}))
        else:
            print(f"{'well   ' if found.well else 'PROBLEM'}  {found.title}: {found.words}", flush=True)
            if found.remedy:
                print(f"         What to do: {found.remedy}")
    return 0 if well else InstallationError.exit_code


def _checks(given: argparse.Namespace) -> Iterator[Check]:
    yield Check("Python", sys.version.split()[0])
    yield _tried("Packages", _packages)
    try:
        settings = settings_file.load(given.settings)
        yield Check("Settings", "read, every key known")
    except SettingsError as error:
        yield Check("Settings", error.happened, error.remedy)
        settings = Settings()
    yield _tried("Sight", lambda: _sight(settings))
    data = given.data or settings.store.data
    yield from _rules(settings, data)
    if not data.is_dir():
        yield Check("Data folder", f"there is no {data}", "run `clearway init`, or name the folder with --data.")
        return
    yield _tried("Data folder", lambda: _room(data))
    yield _tried("Keys", lambda: _keys(data, settings))
    yield _tried("Hot list", lambda: _list(data, hotlist.FILE_NAME))
    yield _tried("Register extract", lambda: _list(data, register.FILE_NAME))
    ledger = _tried("Ledger", lambda: _ledger(data))
    yield ledger
    if ledger.well:
        yield from _witnesses(settings, data)
    yield _tried("Exhibits", lambda: _exhibits(data))
    yield _tried("Vault", lambda: _vault(data))
    yield _tried("Hub's port", lambda: _port(settings))
    yield _tried("Clock", _clock)


def _tried(title: str, attempt: Callable[[], str]) -> Check:
    try:
        return Check(title, attempt())
    except ClearwayError as error:
        return Check(title, error.happened, error.remedy)


def _packages() -> str:
    missing = []
    found = []
    for name in PACKAGES:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        raise InstallationError(f"not installed: {', '.join(missing)}.", remedy="pip install 'clearway[all]'")
    return ", ".join(found)


def _sight(settings: Settings) -> str:
    """Reads a plate that is drawn here and now, with the weights that a camera would use."""
    detector, reader = first_sight(settings)
    drawn = "KB4827"
    pixels = np.full((64, 240, 3), 255, np.uint8)
    cv2.putText(pixels, drawn, (14, 46), cv2.FONT_HERSHEY_SIMPLEX, 1.4, (0, 0, 0), 4, cv2.LINE_AA)
    frame = Frame("doctor", 0, now(), 0.0, pixels)
    reading = reader.read(frame, Detection(Kind.PLATE, Box(0, 0, 240, 64), 1.0))
    if reading is None or reading.text != drawn:
        raise InstallationError(
            f"a plainly drawn plate is not read by {reader.name}.",
            remedy="choose other weights in [sight.reader], or install anew.",
        )
    return f"a drawn plate was read by {reader.name}; {detector.name} finds them"


def _rules(settings: Settings, data: Path) -> Iterator[Check]:
    """The surveyed view, then each rule of the road: what it rests on, how long that holds, and why it is silent, if it is."""
    if not settings.rules.scene:
        yield Check("Rules of the road", "no scene is named in rules.scene, so only the lists are asked")
        return
    try:
        view = first_view(settings)
        assert view is not None, "the settings name one"
    except ClearwayError as error:
        yield Check("Scene", error.happened, error.remedy)
        return
    scene = view.scene
    width_px, height_px = scene.picture_px
    yield _lasting(
        "Scene",
        f"{scene.name}, {width_px} x {height_px} pixels, under the law of {view.law.name}; surveyed by {scene.surveyed.source}",
        scene.surveyed,
        "survey the view anew and state it in [surveyed].",
    )
    yield _view(scene, data, settings.camera.name)
    amiss = _amiss(scene, data, settings.camera.name)
    classes_known = (data / LISTS / register.FILE_NAME).exists()
    for state in view.states(now(), looks_per_s=settings.camera.looks_per_s, classes_known=classes_known):
        title = f"Rule {state.rule}" + (f", {state.part}" if state.part else "")
        if not state.order.holds(now(), now()):
            yield Check(
                title, f"silent: {state.silent}", "state the order that is in force in its `order`, or take the part out."
            )
        elif amiss or state.silent:
            yield Check(title, f"silent: {amiss or state.silent}. {state.words}")
        else:
            yield _lasting(title, f"asks. {state.words}", state.order, "state the order that follows it.")


def _view(scene: Scene, data: Path, camera: str) -> Check:
    """What the camera's watch found last: whether it still looks where it was surveyed, and sees."""
    if scene.view is None:
        return Check(
            "View", "the scene keeps no landmarks, so a camera that is moved goes unnoticed; `clearway calibrate` keeps them"
        )
    try:
        found = kept(data, camera)
    except StoreError as error:
        return Check("View", error.happened, error.remedy)
    if found is None:
        return Check("View", f"{len(scene.view.landmarks)} landmarks; no watch has compared them yet")
    words = f"{WORDS[found.look]}: so since {found.since:%Y-%m-%d %H:%M} UTC, as its last watch found"
    if found.look is not Look.STEADY:
        words += "; until that changes, no rule of the road asks"
    return Check("View", words, REMEDIES.get(found.look, ""))


def _amiss(scene: Scene, data: Path, camera: str) -> str:
    """Why no rule of the road asks by what the camera's watch found last; "" where it found nothing amiss."""
    try:
        found = kept(data, camera) if scene.view is not None else None
    except StoreError:
        return "what the camera's watch found last cannot be read"
    return "" if found is None or found.look is Look.STEADY else WORDS[found.look]


def _lasting(title: str, words: str, order: Order, remedy: str) -> Check:
    """A check that is well for as long as the order holds for some weeks more."""
    days = (order.valid_until - now()).days
    words = f"{words}; in force until {order.valid_until:%Y-%m-%d}, for {days} days"
    return Check(title, words, remedy if days < ENDS_SOON_DAYS else "")


def _room(data: Path) -> str:
    if not os.access(data, os.W_OK | os.X_OK):
        raise StoreError(f"{data} is not writable.", remedy="give the folder to the user that runs Clearway.")
    room_mb = shutil.disk_usage(data).free // 1_000_000
    if room_mb < ROOM_MIN_MB:
        raise StoreError(f"only {room_mb} MB are free for {data}.", remedy=f"make room: at least {ROOM_MIN_MB} MB.")
    return f"{data}, writable, {room_mb:,} MB free"


def _keys(data: Path, settings: Settings) -> str:
    """Which key signs, and where it is."""
    named = settings.evidence.signer.named()
    signer = open_signer(data / KEYS, named)
    if isinstance(signer, TokenSigner):
        assert named is not None
        if signer.can_leave:
            raise StoreError(
                f"the key {named.key!r} signs, and the token {named.token!r} would hand it out.",
                remedy="make a key pair in the token that is sensitive and not extractable, for a new data folder.",
            )
        return f"key {signer.key_id[:16]}… signs, as {named.key!r} in the token {named.token!r} ({signer.kind}), which keeps it"
    if load_public_key(data / KEYS / PUBLIC_KEY_NAME) != signer.public_key():
        raise StoreError("the public key does not belong to the private one.", remedy="restore both from one backup.")
    mode = stat.S_IMODE((data / KEYS / KEY_NAME).stat().st_mode)
    if mode & 0o077:
        raise StoreError("others than its owner can read the signing key.", remedy=f"chmod 600 {data / KEYS / KEY_NAME}")
    return f"key {signer.key_id[:16]}… signs, in a file for its owner only"


def _list(data: Path, name: str) -> str:
    path = data / LISTS / name
    if not path.exists():
        return "none in force; every question is answered UNKNOWN"
    keys = trusted(data / KEYS / PUBLIC_KEY_NAME)
    load = hotlist.load if name == hotlist.FILE_NAME else register.load
    load(data / LISTS, keys)
    changed_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return f"in force, signed, published {changed_at:%Y-%m-%d %H:%M} UTC"


def _ledger(data: Path) -> str:
    if not (data / LEDGER).is_dir():
        return "nothing entered yet"
    checkpoint = check(data / LEDGER, load_public_key(data / KEYS / PUBLIC_KEY_NAME))
    return f"{checkpoint.size} entries, derived anew, agree with the signed checkpoint"


def _witnesses(settings: Settings, data: Path) -> Iterator[Check]:
    """Each witness of the settings: whether it would cosign the ledger as it stands. They are asked at once, and for seconds."""
    asked = settings.evidence.asked_witnesses()
    if not asked:
        return
    if not (data / LEDGER).is_dir():
        yield Check("Witnesses", f"{len(asked)} named; there is no ledger yet that they could cosign")
        return
    try:
        ledger = Ledger(data / LEDGER, open_signer(data / KEYS, settings.evidence.signer.named()))
        faults = Witnesses(asked, lambda _: None).faults(ledger)
    except ClearwayError as error:
        yield Check("Witnesses", error.happened, error.remedy)
        return
    for one in asked:
        title, fault = f"Witness {one.key.name}", faults.get(one)
        if fault is None:
            yield Check(title, f"cosigns the ledger's {ledger.size} entries, at {one.url}, with the key of the settings")
        elif isinstance(fault, ClearwayError):
            yield Check(title, fault.happened, fault.remedy)
        else:
            yield Check(title, f"{fault}, at {one.url}.", "try again later, and ask its keeper whether it runs.")


def _exhibits(data: Path) -> str:
    keys = trusted(data / KEYS / PUBLIC_KEY_NAME)
    paths = list_exhibits(data)[-EXHIBITS_CHECKED_MAX:]
    authorities = known_authorities(data / KEYS)
    failed = [path.name for path in paths if not verify(path, keys, authorities=authorities).passed]
    if failed:
        raise StoreError(
            f"{len(failed)} of {len(paths)} exhibits do not verify, the first is {failed[0]}.",
            remedy="run `clearway verify` on it to see which step fails; restore it from a backup.",
        )
    return f"{len(paths)} checked, all verify"


def _vault(data: Path) -> str:
    """Of the exhibits that a hub has taken in: whether each is there, is what its key opens, and verifies. It tells nobody what
    they say, so it is no use of them."""
    if not (data / VAULT_FOLDER).is_dir():
        return "no hub has taken exhibits in"
    vault = Vault(data)
    # Half-written ones have another name, and go when a hub starts.
    files = {name: at for name in vault.names() if not name.startswith(".") and (at := vault.stamp(name)) is not None}
    if files and not (data / DATABASE).exists():
        raise _keyless(data, sorted(files))
    keys, authorities = trusted(data / KEYS / PUBLIC_KEY_NAME), known_authorities(data / KEYS)
    with Store(data / DATABASE) as store:
        keyed = store.keyed()
        keyless = [name for name in files.keys() - keyed if store.erased(name) is None and not _arrives(data, name)]
        lost = [name for name in keyless if store.key(name) is None]  # a hub may have taken one in meanwhile
        if lost:
            raise _keyless(data, sorted(lost))
        newest = sorted(keyed & files.keys(), key=lambda name: files[name], reverse=True)[:EXHIBITS_CHECKED_MAX]
        faults = dict.fromkeys(keyed - files.keys(), "is missing")
        for name in newest:
            key = store.key(name)
            content = vault.get(name, key) if key is not None else None
            if content is None:
                faults[name] = "is damaged, or was encrypted with another key"
            elif not verify(data / EXHIBITS_FOLDER / f"{name}.zip", keys, authorities=authorities, content=content).passed:
                faults[name] = "does not verify"
        # What a hub erased meanwhile is none.
        faults = {name: fault for name, fault in faults.items() if store.key(name) is not None}
    if faults:
        first = min(faults)
        raise StoreError(
            f"{len(faults)} of {len(keyed)} exhibits in the vault are not well, the first, {first}, {faults[first]}.",
            remedy=f"see its case; restore {VAULT_FOLDER}/ and {DATABASE} from one backup, or dismiss what never verified.",
        )
    return f"{len(newest)} checked, all open with their keys and verify"


def _arrives(data: Path, exhibit: str) -> bool:
    """Whether its ZIP is still there: then a hub was ended while it took it in, and does so again."""
    return (data / EXHIBITS_FOLDER / f"{exhibit}.zip").exists()


def _keyless(data: Path, lost: list[str]) -> StoreError:
    return StoreError(
        f"nobody has the key of {len(lost)} exhibits in the vault, the first is {lost[0]}: {DATABASE} is lost, or an older one.",
        remedy=f"start no hub before {data / DATABASE} is restored from its newest backup: it would remove them.",
    )


def _port(settings: Settings) -> str:
    host, port = settings.hub.host, settings.hub.port
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise SettingsError(
                f"{host}:{port} cannot be opened: {error.strerror}.",
                remedy="end what uses it (perhaps a hub that runs), or choose another port with hub.port.",
            ) from error
    return f"{host}:{port} is free"


def _clock() -> str:
    if now().year < 2026:
        raise InstallationError("this machine's clock is years slow.", remedy="set it, and keep it right with NTP.")
    return f"{now():%Y-%m-%d %H:%M:%S} UTC by this machine"
