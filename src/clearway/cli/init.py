"""`clearway init`: keys, and a settings file that explains itself."""

import argparse
import sys
from pathlib import Path

from clearway.edge.station import Station
from clearway.errors import SettingsError
from clearway.settings import FILE_NAME, as_toml
from clearway.settings import load as load_settings

_DESCRIPTION = """\
Makes what a camera's program needs: a data folder with a pair of Ed25519 keys, and clearway.toml with every setting, its meaning
and its default. Nothing that is there already is changed."""
_EPILOG = """\
examples:
  clearway init                        here, with the data in ./clearway-data
  clearway init --data /srv/clearway   with the data elsewhere

keys/clearway.key signs exhibits and lists: keep a copy where only you can reach it. keys/clearway.pub is for whoever verifies.
Where clearway.toml names a token ([evidence.signer]), its key signs instead, and there is no keys/clearway.key."""


def add_to(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    verb = verbs.add_parser(
        "init",
        help="make keys and a commented clearway.toml",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verb.add_argument("--data", metavar="DIR", type=Path, help="the data folder (default: clearway-data)")
    verb.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """0 when the keys and the settings file are there."""
    path = Path(FILE_NAME)
    settings = load_settings()
    if given.data:
        settings = settings.model_copy(update={"store": settings.store.model_copy(update={"data": given.data})})
    station = Station(settings.store.data, settings)
    made = (
        "new keys"
        if (token := settings.evidence.signer.named()) is None
        else f"the key {token.key!r} in the token {token.token!r}"
    )
    print(f"{station.data / 'keys'}: {made if station.new_keys else 'the keys that were there'}", file=sys.stderr)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(as_toml(settings))
        print(f"{path}: every setting with its meaning", file=sys.stderr)
    except FileExistsError:
        print(f"{path}: there already, left as it is", file=sys.stderr)
    except OSError as error:
        raise SettingsError(f"{path} cannot be written: {error.strerror}.", remedy="make this folder writable.") from error
    print("next: clearway watch SOURCE --hotlist FILE, then clearway serve", file=sys.stderr)
    return 0
