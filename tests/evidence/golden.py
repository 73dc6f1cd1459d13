"""The exhibit that docs/formats shows and that must verify for ever: `python -m tests.evidence.golden` makes a new one.

Only a new format version is a reason to run it; then the old one stays beside it (`example-1` and so on), and both must verify.
"""

import hashlib
import shutil
import tempfile
from pathlib import Path

from tests.evidence.world import BEGUN_AT, World, finding, frames, passage

from clearway.camera.film import encode_clip
from clearway.evidence.ledger import Event
from clearway.facts import Box

FOLDER = Path(__file__).parents[2] / "docs" / "formats" / "example"


def make() -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), encode_clip)
        other = Box(36, 40, 44.5, 46)
        # Two lists came into force before, so that the proof has a path.
        for number in range(2):
            world.ledger.append(Event.LIST_PUBLISH, hashlib.sha256(b"list %d" % number).hexdigest(), BEGUN_AT, "operator:cli")
        exhibit = world.sealer.seal(
            finding(passage((4, 6)), (6, 4)),
            frames(9),
            clock_source="NTP, stratum 2",
            other_plates=lambda frame: [other] if frame.number == 6 else [],
        )
        shutil.rmtree(FOLDER, ignore_errors=True)
        FOLDER.mkdir()
        shutil.copy(exhibit.path, FOLDER)
        shutil.copy(world.data / "keys" / "clearway.pub", FOLDER)


if __name__ == "__main__":
    make()
