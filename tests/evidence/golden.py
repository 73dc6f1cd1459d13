"""The exhibit that docs/formats shows and that must verify for ever: `python -m tests.evidence.golden` makes a new one.

Only a new format version is a reason to run it; then the old one stays beside it (`example-1` and so on), and both must verify.
"""

import hashlib
import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from tests.evidence import world
from tests.evidence.tsa import Tsa

from clearway.camera.film import encode_clip
from clearway.evidence.ledger import Event
from clearway.evidence.token import AUTHORITIES_NAME
from clearway.facts import Box, Detection, Kind

FOLDER = Path(__file__).parents[2] / "docs" / "formats" / "example"


class Office:
    """An authority by name, whose tokens `openssl ts` makes."""

    url = "https://tsa.example/"

    def __init__(self, folder: Path) -> None:
        self.tsa = Tsa.made_in(folder)
        self.certificates_sha256: tuple[str, ...] = (self.tsa.ca.fingerprint(hashes.SHA256()).hex(),)

    def stamp(self, statement: bytes, sealed_at: datetime) -> bytes:
        return self.tsa.stamped(statement)


def make() -> None:
    # A token bears the time at which it is made, so the vehicle passes now.
    world.BEGUN_AT = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=10)
    with tempfile.TemporaryDirectory() as folder:
        office, sealed_at = Office(Path(folder) / "office"), world.BEGUN_AT + timedelta(seconds=9.25)
        found_by_frame = {
            4: [Detection(Kind.PERSON, Box(24, 14, 29, 24), 0.3)],
            5: [Detection(Kind.VEHICLE, Box(78, 0, 96, 30), 0.4)],
        }
        made = world.World(
            Path(folder) / "data",
            encode_clip,
            hider=world.Hider(lambda number: found_by_frame.get(number, [])),
            authority=office,
            sealed_at=sealed_at,
        )
        other = Box(50, 20, 57.5, 24)
        # Two lists came into force before, so that the proof has a path.
        for number in range(2):
            subject = hashlib.sha256(b"list %d" % number).hexdigest()
            made.ledger.append(Event.LIST_PUBLISH, subject, world.BEGUN_AT, "operator:cli")
        found = world.ran_red(world.passage((4, 5, 6)), (6, 5, 4))
        exhibit = made.sealer.seal(
            found,
            world.junction(14),
            clock_source="NTP, stratum 2",
            hide=lambda frame: [other] if frame.number == 6 else [],
            sketch=world.signal_sketch(found),
            surveyed=world.SURVEYED,
        )
        shutil.rmtree(FOLDER, ignore_errors=True)
        FOLDER.mkdir()
        shutil.copy(exhibit.path, FOLDER)
        shutil.copy(made.data / "keys" / "clearway.pub", FOLDER)
        shutil.copy(office.tsa.folder / "ca.pem", FOLDER / AUTHORITIES_NAME)
        for path in FOLDER.iterdir():
            path.chmod(0o644)


if __name__ == "__main__":
    make()
